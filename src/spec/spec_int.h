/* spec_int.h - the steps of reading a spec, in their order; not for other floors.
 *
 *   text -> node tree -> variant.c (overlay) -> template.c (${...}) -> workload.c, spec.c (tables) -> check.c (what keys say together) -> later.c */
#ifndef BT_SPEC_INT_H
#define BT_SPEC_INT_H
#include "base/hash.h"
#include "spec/spec.h"

struct spec_reading {
    struct bt_arena *a;
    struct bt_spec *s;
    const struct bt_spec_opts *o;
    struct bt_hash digest;
    struct bt_node plain;            /* the map of workloads as written, before a variant */
    struct bt_strs names;            /* its keys */
    bool expands_plain;              /* template.c is at it */
};

/* Merge variants.NAME into workloads and top level: maps go deep, anything else replaces, null removes. */
BT_MUST_CHECK int spec_apply_variant(struct spec_reading *r, struct bt_err *err);
/* Every variant, also those not applied: workloads, keys and types. */
BT_MUST_CHECK int spec_check_variants(struct spec_reading *r, const struct bt_node *variants, struct bt_err *err);

/* Expand every scalar of the tree in place, x-* aside. */
BT_MUST_CHECK int spec_expand(struct spec_reading *r, struct bt_err *err);

/* One map of `workloads`. */
BT_MUST_CHECK int spec_workload(struct spec_reading *r, const char *name, const struct bt_node *map, struct bt_workload *w, struct bt_err *err);

BT_MUST_CHECK int spec_check(struct spec_reading *r, struct bt_err *err);
void spec_later(struct spec_reading *r);

/* "[a-z][a-z0-9-]{0,40}" */
BT_MUST_CHECK int spec_check_name(const struct bt_doc *doc, const struct bt_node *at, const char *what, struct bt_err *err);
/* A card as a list names it: 0, GPU-..., MIG-..., virtual-0. Twice the same is an error at the second. */
BT_MUST_CHECK int spec_card_list(struct bt_arena *a, const struct bt_doc *doc, const struct bt_node *list, const char *key, struct bt_strs *out,
                                 struct bt_err *err);
BT_MUST_CHECK int spec_name_list(struct bt_arena *a, const struct bt_doc *doc, const struct bt_node *n, const char *key, struct bt_strs *out,
                                 struct bt_err *err);
BT_MUST_CHECK int spec_scalar(const struct bt_doc *doc, const struct bt_node *n, const char *key, const char **out, struct bt_err *err);

static inline bool spec_is(const struct bt_node *n, const char *word) { return n->kind == BT_NODE_SCALAR && !strcmp(n->text, word); }
static inline struct bt_mark spec_mark(const struct bt_node *n) { return (struct bt_mark){ n->line, n->col }; }
static inline bool spec_strs_has(const struct bt_strs *l, const char *z)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->v[i], z))
            return true;
    return false;
}
#endif
