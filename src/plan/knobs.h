/* knobs.h - what of a workload may be changed so that a spec fits: one key each, the cheapest first (conflict.c ranks by the same order). Pure; what is
 * made lives in the arena. */
#ifndef BT_PLAN_KNOBS_H
#define BT_PLAN_KNOBS_H
#include "plan/plan_int.h"

/* PL_MADE_FOR: a context past the model's put to that. PL_STORED: a method left out that the weights are not stored by. PL_CHECKPOINTING, PL_BATCH: of what a
 * job says that it does. */
enum pl_knob { PL_MADE_FOR, PL_STORED, PL_SHAPE, PL_GPUS, PL_POOL, PL_SHARE, PL_APART, PL_SAME, PL_REQUESTS, PL_CONTEXT, PL_CHECKPOINTING, PL_BATCH,
               PL_MEMORY, PL_COPIES, PL_BITS, PL_OPTIONAL, PL_KNOB__N };
struct pl_change { size_t index; enum pl_knob knob; uint64_t value; };       /* index: in spec->w. value: of what is a number */

/* Is it a number that may be less, for this workload? The others are put to one word. */
bool pl_knob_counts(const struct bt_workload *w, enum pl_knob k);
uint64_t pl_knob_asked(const struct bt_plan_in *in, size_t i, enum pl_knob k);
/* Of a command's bytes, and of a context: the least that may do. */
uint64_t pl_least_memory(uint64_t asked);
uint64_t pl_least_context(uint64_t asked);
/* The least of such a number that is worth offering, and what two of them differ by. */
uint64_t pl_knob_least(const struct bt_plan_in *in, size_t i, enum pl_knob k);
uint64_t pl_knob_step(enum pl_knob k);
/* Is anything asked for there that could be less? */
bool pl_can_turn(const struct bt_plan_in *in, size_t i, enum pl_knob k);
/* Can this server's 16-bit weights be made 8-bit ones while they are loaded, on every card there is? */
bool pl_can_make_fp8(const struct bt_plan_in *in, size_t i);
/* The change made in w; what a job does then lives in a. */
void pl_turn(struct bt_arena *a, const struct bt_plan_in *in, struct bt_workload *w, const struct pl_change *c);
/* A number put to v; `context` and `memory` too. */
void pl_turn_number(struct bt_workload *w, enum pl_knob k, uint64_t v);
/* What a job does stands under `memory`, or under `expects`: the key, and another put there. */
const char *pl_job_key(const struct bt_workload *w);
void pl_turn_job(struct bt_workload *w, const struct bt_job *j);
/* Its paths and values in a spec, at the end of list. */
void pl_say_change(struct bt_arena *a, const struct bt_plan_in *in, const struct pl_change *c, struct bt_plan_change **list, size_t *n);
/* "llm: it fits with `replicas: 10`"; list: what pl_say_change made of it. */
const char *pl_change_text(struct bt_arena *a, const struct bt_plan_in *in, const struct pl_change *c, const struct bt_plan_change *list);
/* "llm: it fits with `tp: auto`", "without `apart`" where the value is null. */
const char *pl_fits_with(struct bt_arena *a, const char *name, const char *key, const char *value);
/* Of n > 1 changes, each of which it takes; fewer_bits: one of them is PL_BITS. */
const char *pl_together_text(struct bt_arena *a, size_t n, bool fewer_bits);
/* Name i of n in a list: behind the one before, the last one behind `last`. Of many the first twelve, and how many more. */
void pl_say_name(struct bt_buf *b, size_t i, size_t n, const char *last, const char *name);
/* A range as it is typed: `{min: 1, max: 4}`, or `1`. */
const char *pl_up_to(struct bt_arena *a, uint64_t min, uint64_t max);
/* That it may be left out, and who waits for it. */
const char *pl_without_text(struct bt_arena *a, const struct bt_spec *s, size_t index);
/* n > 0 changes as one row of advice. */
struct bt_plan_advice pl_advice_of(const char *text, const struct bt_plan_change *list, size_t n);
#endif
