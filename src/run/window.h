/* window.h - one start at a time on a card, between users: an advisory lock per GPU UUID in a folder that all of them share.
 *
 * An engine measures free memory while it starts. Within one daemon the gate of drive.c keeps starts apart; another user's daemon is another process whose
 * starts nobody here knows of. So from the launch until the engine has measured, the daemon holds flock() on a file per card, which says who it is. A daemon
 * that dies gives its locks back with that. It is advice: who starts engines without berth takes none, and where the folder cannot be used starts go on
 * without (said once in the log). The bytes themselves are the memory barrier's business. */
#ifndef BT_RUN_WINDOW_H
#define BT_RUN_WINDOW_H
#include "base/arena.h"

struct bt_window { int *fd; size_t n; bool foreign; double taken_s; };          /* zeroed: holds nothing. foreign: somebody else had one of them last, so
                                                                                      * only what the driver says after taken_s counts */
/* BERTH_LOCK_DIR, else /run/lock, else /tmp: the first that everybody may write to. */
const char *bt_window_dir(struct bt_arena *a);
/* Take the locks of these cards, all or none, at once. False: why says who has which. True also where there is nothing to lock. who: "project/instance". */
bool bt_window_take(struct bt_window *w, const char *const *uuid, size_t n, const char *who, char *why, size_t whylen);
void bt_window_give(struct bt_window *w);
#endif
