/* sglang_int.h - SGLang's two halves: the parent (sglang.c) and a scheduler, one for each card (sglang_rank.c). */
#ifndef BT_SIM_ENGINE_SGLANG_H
#define BT_SIM_ENGINE_SGLANG_H
#include "sim/engine/rank.h"

void sg_tags(unsigned tp, unsigned pp, const struct se *e);      /* " PP0 TP1" behind the time of every later line of this process */
const char *sg_tags_text(void);
void sg_say(const char *fmt, ...) BT_PRINTF(1, 2);               /* "[2026-11-21 10:00:20 TP0] ...", on stderr */
struct se_stage sg_stage(const struct se *e, unsigned tp, unsigned pp);
/* Bytes of one token on a stage, over its layers; *layers that keep KV, *each of the last of them. Windows count as full ones. */
uint64_t sg_cell_bytes(const struct se *e, const struct se_stage *st, uint64_t *layers, uint64_t *each);
/* The process of one card: obeys orders until fd ends. Any exception becomes SIGQUIT to its parent. Never returns. */
_Noreturn void sg_scheduler(struct se *e, int fd, unsigned tp, unsigned pp);
#endif
