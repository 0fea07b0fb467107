/* file.h - whole files, written atomically; folders that only we can enter. */
#ifndef BT_FILE_H
#define BT_FILE_H
#include "base/arena.h"

/* Read a regular file of at most max bytes into the arena, NUL added. BT_E_NOT_FOUND, BT_E_TOO_BIG, BT_E_IO. */
BT_MUST_CHECK int bt_file_read(struct bt_arena *a, const char *path, size_t max, struct bt_str *out, struct bt_err *err);
/* Write path.tmp-PID, fsync, rename over path: a reader sees the old file or the new one. Mode 0600. */
BT_MUST_CHECK int bt_file_write(const char *path, struct bt_str text, struct bt_err *err);
/* To where a user points (-o FILE): a regular file or none is written as above. A device, a fifo, a link (/dev/stdout) is opened and written into:
 * a rename would put a file in its place, and root has no other /dev/null. */
BT_MUST_CHECK int bt_file_put(const char *path, struct bt_str text, struct bt_err *err);
/* mkdir -p. */
BT_MUST_CHECK int bt_dir_make(const char *path, struct bt_err *err);
/* mkdir -p with mode 0700 for what is created; the last one must be ours and closed to others, else BT_E_IO with a hint. */
BT_MUST_CHECK int bt_dir_private(const char *path, struct bt_err *err);
/* Remove a tree; does not follow links, does not leave the file system. Missing is success. */
BT_MUST_CHECK int bt_tree_remove(const char *path, struct bt_err *err);
bool bt_file_exists(const char *path);
/* "~" and "~/x" expanded, relative paths made absolute against base (NULL = the working directory). Not resolved on disk. */
const char *bt_path_abs(struct bt_arena *a, const char *base, const char *path);
const char *bt_path_dir(struct bt_arena *a, const char *path);      /* "." when there is no slash */
/* The program NAME in PATH (or NAME itself when it has a slash) as an executable file, or NULL. */
const char *bt_path_search(struct bt_arena *a, const char *path_env, const char *name);
/* Where berth keeps things. BERTH_RUNTIME_DIR, else $XDG_RUNTIME_DIR/berth, else /tmp/berth-UID (checked private).
 * BERTH_STATE_DIR, else $XDG_STATE_HOME/berth, else ~/.local/state/berth. Created by bt_dir_private at first use, not here. */
const char *bt_runtime_dir(struct bt_arena *a);
const char *bt_state_dir(struct bt_arena *a);
#endif
