/* err.c - error values: composed in place, never allocated; a text that is too long is cut. */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

static void append(struct bt_err *err, int at, const char *text)
{
    size_t n = at < 0 ? 0 : (size_t)at, room = sizeof err->msg - 1;
    if (n >= room)
        return;
    size_t len = strlen(text);
    len = len > room - n ? room - n : len;
    memcpy(err->msg + n, text, len);
    err->msg[n + len] = 0;
}

int bt_err_set(struct bt_err *err, enum bt_errc code, int sys, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    err->code = code;
    err->sys = sys;
    err->hint[0] = 0;
    if (sys) {
        append(err, n, ": ");
        append(err, n + 2, strerror(sys));
    }
    return -1;
}

int bt_err_hint(struct bt_err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
    return -1;
}

int bt_err_wrap(struct bt_err *err, const char *fmt, ...)
{
    char old[sizeof err->msg];
    va_list ap;
    memcpy(old, err->msg, sizeof old);
    va_start(ap, fmt);
    int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    append(err, n, ": ");
    append(err, n + 2, old);
    return -1;
}

static const struct { const char *name; int exit; } codes[BT_E__N] = {
    [BT_OK] = { "ok", 0 }, [BT_E_FAILED] = { "failed", 1 }, [BT_E_USAGE] = { "usage", 2 }, [BT_E_SPEC] = { "spec", 2 },
    [BT_E_FIT] = { "does-not-fit", 3 }, [BT_E_INPUT] = { "bad-input", 1 }, [BT_E_NOT_FOUND] = { "not-found", 1 }, [BT_E_IO] = { "io", 1 },
    [BT_E_TOO_BIG] = { "too-big", 1 }, [BT_E_DEVICE] = { "device", 1 }, [BT_E_EXEC] = { "exec", 1 }, [BT_E_STATE] = { "state", 1 },
    [BT_E_BUSY] = { "busy", 75 }, [BT_E_DRIFT] = { "drift", 4 }, [BT_E_UNHEALTHY] = { "unhealthy", 5 },
};

const char *bt_errc_name(enum bt_errc code)
{
    return (unsigned)code < BT_E__N && codes[code].name ? codes[code].name : "failed";
}

int bt_errc_exit(enum bt_errc code)
{
    return (unsigned)code < BT_E__N ? codes[code].exit : 1;
}
