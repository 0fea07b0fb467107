/* files.h - how many files the daemon may have open.
 *
 * What it cannot open it cannot see: /proc reads as empty, and a keeper that lives as dead. So it takes all that its hard limit gives (a few hundred
 * instances are past the usual soft one), does not begin with too little, starts nothing with the last of it, and decides nothing where none is left.
 * Keepers, their workloads and the probe get the soft limit that it was started with: those that use select() end above 1024. */
#ifndef BT_RUN_FILES_H
#define BT_RUN_FILES_H
#include <stddef.h>
#include "base/err.h"

/* Once, before anything else is opened. BT_E_FAILED: the hard limit is below what a daemon needs. */
BT_MUST_CHECK int bt_files_raise(struct bt_err *err);
void bt_files_lower(bool lower);     /* true: as it was before, for a process that is started now; false: raised again */
bool bt_files_for_look(void);        /* so many can be opened that what is there is seen */
/* ... and that so many more instances, with so many ports, can be looked after; else BT_E_FAILED with EMFILE. */
BT_MUST_CHECK int bt_files_for(size_t instances, size_t ports, struct bt_err *err);
#endif
