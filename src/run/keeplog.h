/* keeplog.h - the log of an instance: both its streams, line by line, with a ceiling.
 *
 * Two files in the instance's folder, `log` and the older `log.1`; together at most 2 x max bytes. A line of the log is
 * "MILLISECONDS S TEXT": CLOCK_REALTIME, never less than in the line before it (a clock may be set back), and S = o (stdout),
 * e (stderr) or b (berth's own remark). A carriage return ends a line like a newline (progress bars); lines past 16 KiB are cut into
 * several. A full disk loses lines, never blocks. */
#ifndef BT_RUN_KEEPLOG_H
#define BT_RUN_KEEPLOG_H
#include "base/str.h"

struct bt_keeplog {
    int dirfd, fd;
    uint64_t bytes, max, lost;       /* lost: bytes that could not be written */
    int64_t last_ms;                 /* of the last line; the owner sets it after opening, to what no line may be older than */
    struct { char text[16384]; size_t n; bool cr; } part[2];
    char out[65536]; size_t nout;
};
BT_MUST_CHECK int bt_keeplog_open(struct bt_keeplog *l, const char *dir, uint64_t max, struct bt_err *err);
void bt_keeplog_add(struct bt_keeplog *l, int stream, const char *p, size_t n, int64_t wall_ms);      /* 0 = stdout, 1 = stderr */
void bt_keeplog_remark(struct bt_keeplog *l, const char *text, int64_t wall_ms);
void bt_keeplog_flush(struct bt_keeplog *l);
void bt_keeplog_close(struct bt_keeplog *l, int64_t wall_ms);        /* writes what has no newline yet */
/* Take a line of a log apart; false when it is not one. */
bool bt_keeplog_parse(struct bt_str line, int64_t *wall_ms, char *stream, struct bt_str *text);
#endif
