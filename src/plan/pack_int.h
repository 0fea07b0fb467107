/* pack_int.h - plan's own: a look at whether all can stand, card by card (pack.c), and what it knows before the first card is given (pack_kinds.c). What it is
 * for: search_int.h, se_pack(). */
#ifndef BT_PLAN_PACK_INT_H
#define BT_PLAN_PACK_INT_H
#include "plan/search_int.h"

#define PK_WAYS 40u                /* of a work: shapes, on one kind of card or any */
#define PK_PARTS 4u                /* of a shape: stages that differ */
#define PK_SEATS 24u               /* copies that stand in part */
#define PK_COPIES 64u

/* A shape, on cards of one name (that of class `on`) or any. bytes: [part][color] of a rank, UINT64_MAX where it does not go; count: ranks of the part;
 * part_of: [pp] of each stage; places, least: [cards given], [cards given][part] cards that are left for it, and the least bytes of a rank there. */
struct pk_way {
    size_t shape, on; uint32_t cards, *places; size_t nparts;
    uint8_t count[PK_PARTS], *part_of;
    uint64_t bytes[PK_PARTS][BT_MAX_GPUS], goes, (*least)[PK_PARTS];
};

/* Copies that are alike: of one work, with the same followers. */
struct pk_kind { size_t main; uint64_t works, friends; uint32_t copies; struct pk_way *way; size_t nways; };      /* main: whose shapes are told apart */

struct pk_seat { uint8_t kind, way, left, of[PK_PARTS], copy; };     /* left: ranks, of: the same of each part */
struct pk_state {
    uint8_t left[BT_MAX_GPUS];       /* [color] cards */
    uint8_t unbegun[64], shape[64];  /* [kind] copies; one more than their shape, 0 = open */
    struct pk_seat seat[PK_SEATS]; size_t nseats;
    uint8_t begun;                   /* copies */
};

/* A card that is given: who is on it. */
struct pk_filled { size_t color, n; uint8_t copy[PK_COPIES], part[PK_COPIES]; };

struct pk_pack {
    struct search *s;
    struct bt_arena *a;
    struct pk_kind kind[64]; size_t nkinds;
    uint64_t roots;                  /* works that follow nobody */
    size_t ncolors, card[BT_MAX_GPUS];               /* [color] one of them, the smallest first */
    uint64_t steps, limit;
    bool over, stands;
    unsigned tries;                  /* ways that stand here */
    uint8_t copy_kind[PK_COPIES], copy_way[PK_COPIES];
    struct pk_filled filled[BT_MAX_GPUS]; size_t nfilled;           /* cards are given in the order of their colors: so many say which are left */
    uint64_t room[BT_MAX_GPUS + 1];                  /* [cards given] on those that are left */
    struct se_dead *dead;            /* what led nowhere */
};

static inline uint64_t pk_cap_of(const struct pk_pack *x, size_t color) { return x->s->p->cap[x->card[color]]; }

static inline bool pk_may_have(const struct search *s, size_t work, size_t shape)
{
    return s->work[work].shape[shape].least < UINT64_MAX && (!s->settled[work] || s->shape_of[work] == shape);
}

/* pack_kinds.c, in this order. Cards that are the same when empty; the smallest first: what is lost there is soon known. */
void pk_fill_colors(struct pk_pack *x, struct pk_state *st);
/* Copies that are alike, and their ways. False: not asked here. */
BT_MUST_CHECK bool pk_fill_kinds(struct pk_pack *x);
/* What is left for each way after so many cards. */
void pk_fill_left(struct pk_pack *x, const struct pk_state *st);
#endif
