/* sqlite.c - see sqlite.h */
#include "store/sqlite.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

const struct bt_sqlite *bt_sqlite(struct bt_err *err)
{
    static struct bt_sqlite lib;
    static bool loaded;
    if (loaded)
        return &lib;
    void *so = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!so) {
        bt_err_set(err, BT_E_NOT_FOUND, 0, "libsqlite3.so.0 cannot be loaded: nothing is remembered");
        bt_err_hint(err, "install libsqlite3-0");
        return NULL;
    }
    bool all = true;
#define X(f) all &= (lib.f = (__typeof__(lib.f))dlsym(so, "sqlite3_" #f)) != NULL;
    BT_SQLITE(X)
#undef X
    if (!all) {
        bt_err_set(err, BT_E_NOT_FOUND, 0, "libsqlite3.so.0 lacks a function that berth uses: nothing is remembered");
        return NULL;
    }
    loaded = true;
    return &lib;
}
