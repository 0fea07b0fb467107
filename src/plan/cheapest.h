/* cheapest.h - the smallest fleet of the catalog that holds a spec: the fewest cards of one kind, of those the fewest bytes in all, of those the one
 * that reads fastest; and that fleet with its cards made smaller one after the other, as far as they may. Prices are not known. Pure. */
#ifndef BT_CHEAPEST_H
#define BT_CHEAPEST_H
#include "plan/compare.h"

struct bt_cheapest {
    const char *fleet;               /* "2xA100-SXM4-40GB": as --gpus takes it */
    const struct bt_gpu_kind *kind;  /* NULL: of several kinds */
    uint32_t cards;
    uint64_t total_bytes;
    struct bt_compare_row row;       /* the plan on it */
};
/* NVIDIA cards with a memory size in the catalog, up to max_cards of one kind. out[0] is the smallest; behind it, where it can be had, as many cards of
 * several kinds with fewer bytes in all; the rest take more cards of one kind and fewer bytes, each the smallest of its number. n 0: none fits.
 * in->fleet is not looked at. Fleets are tried side by side on all cores: the rows are the same however many there are. */
BT_MUST_CHECK int bt_plan_cheapest(struct bt_arena *a, const struct bt_plan_in *in, uint32_t max_cards, struct bt_cheapest **out, size_t *n,
                                   struct bt_err *err);
#endif
