/* err.h - one plain error value: what we did, to what, why it failed, what to try.
 *
 * A function that can fail returns 0 or a pointer on success, -1 or NULL on failure, and fills *err only on failure.
 * The lowest layer names the object ("open /x/config.json"), callers wrap with the purpose ("read model Y").
 * Nothing to free; a value can be copied, stored, sent through a pipe. err may never be NULL. */
#ifndef BT_ERR_H
#define BT_ERR_H
#include <stdarg.h>
#include <stdbool.h>

enum bt_errc {
    BT_OK = 0,
    BT_E_FAILED,        /* anything without a better name */
    BT_E_USAGE,         /* command line */
    BT_E_SPEC,          /* berth.yaml, fleet.json: the user's own text */
    BT_E_FIT,           /* understood, and it does not fit or cannot be placed */
    BT_E_INPUT,         /* a file from elsewhere is broken: config.json, safetensors, plan file, a reply */
    BT_E_NOT_FOUND,
    BT_E_IO,
    BT_E_TOO_BIG,       /* past a bound of ours */
    BT_E_DEVICE,        /* driver, GPU */
    BT_E_EXEC,          /* a program could not be started: the message names the step */
    BT_E_STATE,         /* not now: already up, nothing up, wrong phase */
    BT_E_BUSY,          /* try again later */
    BT_E_DRIFT,         /* what runs differs from the plan */
    BT_E_UNHEALTHY,
    BT_E__N
};

struct bt_err {
    enum bt_errc code;
    int sys;            /* errno of the failing call, 0 if none; already part of msg */
    char msg[640];
    char hint[320];     /* "" if none */
};

#define BT_MUST_CHECK __attribute__((warn_unused_result))
#define BT_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Set *err. sys != 0 appends ": strerror(sys)". Always returns -1, so that `return bt_err_set(...)` reads well. */
int bt_err_set(struct bt_err *err, enum bt_errc code, int sys, const char *fmt, ...) BT_PRINTF(4, 5);
/* What to try. Replaces an earlier hint. Returns -1. */
int bt_err_hint(struct bt_err *err, const char *fmt, ...) BT_PRINTF(2, 3);
/* True for an errno that may be gone at the next try with nothing changed: a full disk, no memory, too many files or processes. */
bool bt_err_passes(int sys);
/* Prepend "purpose: ". Keeps code, sys and hint. Returns -1. */
int bt_err_wrap(struct bt_err *err, const char *fmt, ...) BT_PRINTF(2, 3);

const char *bt_errc_name(enum bt_errc code);    /* "does-not-fit": stable, scripts see it */
int bt_errc_exit(enum bt_errc code);            /* 0 ok, 1 failed, 2 usage or spec, 3 does not fit, 4 drift, 5 unhealthy, 75 try again */
#endif
