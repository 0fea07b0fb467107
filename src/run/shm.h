/* shm.h - shared memory that an instance's processes made and a killed one leaves behind (vLLM: psm_*, sem.mp-*, vllm_dist_*cpushm; also after a clean
 * stop of TP 2, measured with 0.32). Their names are random, so what the tree maps is noted while it lives. */
#ifndef BT_RUN_SHM_H
#define BT_RUN_SHM_H
#include "base/arena.h"
#include "base/proc.h"

/* Add to the list in DIR/shm what the processes map of /dev/shm and this user owns; nothing that is noted already. Cheap enough for once a minute. */
void bt_shm_note(const char *dir, const struct bt_proc *m, size_t n);
/* Remove what DIR/shm names, unless some process still maps it. Returns how many. */
size_t bt_shm_sweep(const char *dir);
#endif
