/* lost.h - two plans of one phase: the first goal at which one is worse than the other, and who has less there, in words. Pure; words live in the arena. */
#ifndef BT_PLAN_LOST_H
#define BT_PLAN_LOST_H
#include "plan/plan_int.h"

/* "one GPU", "TP=4", "PP=2", "TP=2 x PP=2" */
const char *pl_shape_words(struct bt_arena *a, uint64_t tp, uint64_t pp);

/* The first goal at which b is worse than a; BT_GOAL_LOWEST: at none that matters. */
enum bt_plan_goal pl_lost_at(const struct pl_score *a, const struct pl_score *b);

/* A problem and a plan of it that was found; two of them may be of different problems of one spec. */
struct pl_planned { const struct pl_problem *p; const struct pl_solution *s; };

/* Who of the spec is the first to have fewer copies, less context or a lower rate in b than in a at that goal:
 * "draft: 8,192 tokens of context, with the one taken 32,768". NULL: no single one. */
const char *pl_who_lost(struct bt_arena *a, const struct bt_spec *spec, struct pl_planned win, struct pl_planned lose, enum bt_plan_goal goal);

/* Why there is no plan of q with the work in its shape sh: a rule, the bytes that lack on an empty card, whose cards it must have; else that it does not fit
 * beside the others. Never NULL. q->nrefusals: the first of those. */
const char *pl_no_place(struct bt_arena *a, const struct pl_problem *q, size_t spec_index);

/* One that cannot be placed even alone: the shape that lacks least, what it takes and what is there; *lack: so much on a card.
 * NULL: bytes are not what it lacks. */
const char *pl_too_small(struct bt_arena *a, const struct pl_problem *p, const struct pl_work *k, uint64_t *lack);

/* Who must be on the cards of another (k->same), and has no place there: no number of cards, or no card, that both may have, or the bytes of both on each. */
const char *pl_no_place_with(struct bt_arena *a, const struct pl_problem *p, const struct pl_work *k);

/* Numbers of cards that some possible shape of it takes: bit n - 1 of n cards. */
uint64_t pl_widths(const struct pl_work *k);
#endif
