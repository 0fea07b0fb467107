/* tail.h - read an instance's log as it grows, across rotations. */
#ifndef BT_RUN_TAIL_H
#define BT_RUN_TAIL_H
#include <sys/types.h>
#include "base/arena.h"

struct bt_tail { int fd; ino_t ino; uint64_t bytes; struct bt_buf part; };
typedef void bt_tail_line(void *ctx, int64_t wall_ms, char stream, struct bt_str text);

void bt_tail_init(struct bt_tail *t);
void bt_tail_release(struct bt_tail *t);
/* Hand on what is new, at most max_bytes of it. Returns true when there was something. A flood that rotates the log faster than it is
 * read is skipped over: the newest lines matter. */
bool bt_tail_read(struct bt_tail *t, const char *dir, size_t max_bytes, bt_tail_line *line, void *ctx);
/* Hand on every line of one file, bounded by the log's ceiling. */
void bt_tail_file(const char *path, bt_tail_line *line, void *ctx);
/* Hand on the lines at the end of the log, of so many bytes; while it is short, also of the one before it (log.1). */
void bt_tail_end(const char *dir, size_t bytes, bt_tail_line *line, void *ctx);
/* Milliseconds of the last line of the log; 0: none. */
int64_t bt_tail_stamp(const char *dir);
/* The last n lines of the workload (and berth's remarks), oldest first, escaped. From log.1 too when log is short. */
size_t bt_tail_last(struct bt_arena *a, const char *dir, size_t n, const char ***out);
#endif
