/* err.c - see err.h */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What a message that was too long ends with: a reader sees that something is missing. */
static void mark_cut(char *buf, size_t size, int wanted)
{
    if (wanted < 0 || (size_t)wanted < size)
        return;
    size_t at = size - 4;
    while (at > 0 && ((unsigned char)buf[at] & 0xc0) == 0x80)
        at--;                        /* never cut inside a UTF-8 sequence */
    memcpy(buf + at, "...", 4);
}

int bt_err_set(struct bt_err *err, enum bt_errc code, int sys, const char *fmt, ...)
{
    char text[sizeof err->msg];      /* not into err->msg at once: an argument may point into it */
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    mark_cut(text, sizeof text, n);
    err->code = code;
    err->sys = sys;
    err->hint[0] = 0;
    if (sys) {
        char why[128];
        n = snprintf(err->msg, sizeof err->msg, "%s: %s", text, strerror_r(sys, why, sizeof why));
        mark_cut(err->msg, sizeof err->msg, n);
    } else {
        memcpy(err->msg, text, sizeof text);
    }
    return -1;
}

int bt_err_hint(struct bt_err *err, const char *fmt, ...)
{
    char text[sizeof err->hint];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    mark_cut(text, sizeof text, n);
    memcpy(err->hint, text, sizeof text);
    return -1;
}

int bt_err_wrap(struct bt_err *err, const char *fmt, ...)
{
    char text[sizeof err->msg], old[sizeof err->msg];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    mark_cut(text, sizeof text, n);
    memcpy(old, err->msg, sizeof old);
    n = snprintf(err->msg, sizeof err->msg, "%s: %s", text, old);
    mark_cut(err->msg, sizeof err->msg, n);
    return -1;
}

static const struct { const char *name; int exit; } codes[BT_E__N] = {
    [BT_OK]          = { "ok", 0 },
    [BT_E_FAILED]    = { "failed", 1 },
    [BT_E_USAGE]     = { "usage", 2 },
    [BT_E_SPEC]      = { "spec", 2 },
    [BT_E_FIT]       = { "does-not-fit", 3 },
    [BT_E_INPUT]     = { "broken-input", 1 },
    [BT_E_NOT_FOUND] = { "not-found", 1 },
    [BT_E_IO]        = { "io", 1 },
    [BT_E_TOO_BIG]   = { "too-big", 1 },
    [BT_E_DEVICE]    = { "device", 1 },
    [BT_E_EXEC]      = { "exec", 1 },
    [BT_E_STATE]     = { "wrong-state", 1 },
    [BT_E_BUSY]      = { "busy", 75 },
    [BT_E_DRIFT]     = { "drift", 4 },
    [BT_E_UNHEALTHY] = { "unhealthy", 5 },
};

bool bt_err_passes(int sys)
{
    static const int list[] = { ENOSPC, EDQUOT, ENOMEM, EAGAIN, ENFILE, EMFILE };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (sys == list[i])
            return true;
    return false;
}

const char *bt_errc_name(enum bt_errc code)
{
    return (unsigned)code < BT_E__N ? codes[code].name : "unknown";
}

int bt_errc_exit(enum bt_errc code)
{
    return (unsigned)code < BT_E__N ? codes[code].exit : 1;
}
