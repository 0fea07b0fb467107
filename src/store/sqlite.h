/* sqlite.h - libsqlite3 by dlopen, like libcurl: linked, it would cost every verb and every keeper its start-up; without it only the memory is missing. */
#ifndef BT_STORE_SQLITE_H
#define BT_STORE_SQLITE_H
#include <sqlite3.h>

#include "base/err.h"

/* The functions that are used, each under its own name. */
#define BT_SQLITE(X) \
    X(open_v2) X(close_v2) X(busy_timeout) X(exec) X(prepare_v2) X(step) X(reset) X(finalize) X(bind_text) X(bind_int64) \
    X(column_text) X(column_int64) X(column_bytes) X(errmsg) X(errstr) X(free) X(last_insert_rowid)
struct bt_sqlite {
#define X(f) __typeof__(sqlite3_##f) *f;
    BT_SQLITE(X)
#undef X
};
/* NULL and *err when it cannot be loaded. Loaded once, kept. */
const struct bt_sqlite *bt_sqlite(struct bt_err *err);
#endif
