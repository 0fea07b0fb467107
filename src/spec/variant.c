/* variant - named overlays of workloads. */
#include "spec/spec_int.h"

static struct bt_node *find(struct bt_node *map, const char *key)
{
    for (size_t i = 0; map && map->kind == BT_NODE_MAP && i < map->n; i++)
        if (!strcmp(map->keys[i].text, key))
            return &map->items[i];
    return NULL;
}

static void merge(struct bt_arena *a, struct bt_node *into, const struct bt_node *from);

/* A copy that shares nothing: templates are expanded in place, and twice would be wrong. */
static struct bt_node copy(struct bt_arena *a, const struct bt_node *from)
{
    struct bt_node n = *from;
    if (!from->n)
        return n;
    n.items = BT_NEWN(a, struct bt_node, from->n);
    for (size_t i = 0; i < from->n; i++)
        n.items[i] = copy(a, &from->items[i]);
    return n;
}

static void merge_maps(struct bt_arena *a, struct bt_node *into, const struct bt_node *from)
{
    size_t n = 0, most = into->n + from->n;
    struct bt_node *keys = BT_NEWN(a, struct bt_node, most + 1), *items = BT_NEWN(a, struct bt_node, most + 1);
    for (size_t i = 0; i < into->n; i++) {
        const struct bt_node *over = bt_node_get(from, into->keys[i].text);
        if (over && over->kind == BT_NODE_NULL)
            continue;
        keys[n] = into->keys[i];
        items[n] = into->items[i];
        if (over)
            merge(a, &items[n], over);
        n++;
    }
    for (size_t i = 0; i < from->n; i++)
        if (!bt_node_get(into, from->keys[i].text) && from->items[i].kind != BT_NODE_NULL) {
            keys[n] = from->keys[i];
            items[n++] = copy(a, &from->items[i]);
        }
    into->keys = keys;
    into->items = items;
    into->n = n;
}

static void merge(struct bt_arena *a, struct bt_node *into, const struct bt_node *from)
{
    if (into->kind == BT_NODE_MAP && from->kind == BT_NODE_MAP)
        merge_maps(a, into, from);
    else
        *into = copy(a, from);
}

/* As it would be merged: null removes a key, so it is no value to be judged. */
static struct bt_node without_nulls(struct bt_arena *a, const struct bt_node *from)
{
    struct bt_node empty = { .kind = BT_NODE_MAP, .line = from->line, .col = from->col };
    struct bt_node out = from->kind == BT_NODE_MAP ? empty : copy(a, from);
    if (from->kind == BT_NODE_MAP)
        merge_maps(a, &out, from);
    for (size_t i = 0; out.kind == BT_NODE_MAP && i < out.n; i++)
        out.items[i] = without_nulls(a, &out.items[i]);
    return out;
}

static int check_one(struct spec_reading *r, const struct bt_node *name, const struct bt_node *overlay, struct bt_err *err)
{
    struct bt_spec *s = r->s;
    const struct bt_node *workloads = bt_node_get(&s->doc.root, "workloads");
    if (overlay->kind != BT_NODE_MAP)
        return bt_node_err(err, &s->doc, overlay, "variants.%s: want a map of workloads, not %s", name->text, bt_node_kind_name(overlay));
    for (size_t i = 0; i < overlay->n; i++) {
        const struct bt_node *key = &overlay->keys[i];
        if (!bt_node_get(workloads, key->text)) {
            const char **names = BT_NEWN(r->a, const char *, workloads->n + 1);
            for (size_t k = 0; k < workloads->n; k++)
                names[k] = workloads->keys[k].text;
            bt_node_err(err, &s->doc, key, "variants.%s: there is no workload \"%.60s\"", name->text, key->text);
            const char *near = bt_str_nearest(bt_str(key->text), names, workloads->n);
            return near ? bt_err_hint(err, "\"%s\"", near) : bt_err_hint(err, "a variant changes workloads that exist");
        }
        struct bt_workload scratch = { 0 };          /* keys and types; what they say together is checked when the variant is applied */
        struct bt_node plain = without_nulls(r->a, &overlay->items[i]);
        if (plain.kind != BT_NODE_NULL && spec_workload(r, key->text, &plain, &scratch, err) < 0)
            return -1;
    }
    return 0;
}

int spec_check_variants(struct spec_reading *r, const struct bt_node *variants, struct bt_err *err)
{
    for (size_t i = 0; variants && i < variants->n; i++)
        if (check_one(r, &variants->keys[i], &variants->items[i], err) < 0)
            return -1;
    return 0;
}

int spec_apply_variant(struct spec_reading *r, struct bt_err *err)
{
    struct bt_spec *s = r->s;
    struct bt_node *variants = find(&s->doc.root, "variants");
    if (variants && variants->kind != BT_NODE_MAP)
        return bt_node_err(err, &s->doc, variants, "variants: want a map of named overlays, not %s", bt_node_kind_name(variants));
    for (size_t i = 0; variants && i < variants->n; i++) {
        if (spec_check_name(&s->doc, &variants->keys[i], "a variant", err) < 0)
            return -1;
        BT_PUSH(r->a, s->variants.v, s->variants.n, variants->keys[i].text);
    }
    const char *want = r->o ? r->o->variant : NULL;
    if (!want || !want[0])
        return 0;
    const struct bt_node *overlay = variants ? bt_node_get(variants, want) : NULL;
    if (!overlay) {
        bt_err_set(err, BT_E_SPEC, 0, "%s: there is no variant \"%.60s\"", s->doc.name, want);
        if (!s->variants.n)
            return bt_err_hint(err, "the spec has no `variants:`");
        const char *near = bt_str_nearest(bt_str(want), s->variants.v, s->variants.n);
        return bt_err_hint(err, "--variant %s", near ? near : s->variants.v[0]);
    }
    s->variant = bt_arena_strdup(r->a, want);
    bt_hash_add(&r->digest, want, strlen(want) + 1);
    struct bt_node *workloads = find(&s->doc.root, "workloads");
    if (!workloads || workloads->kind != BT_NODE_MAP || overlay->kind != BT_NODE_MAP)
        return 0;                                    /* said by the tables and spec_check_variants, with their own words */
    for (size_t i = 0; i < overlay->n; i++) {        /* a workload that does not exist is not created: spec_check_variants names it */
        struct bt_node *w = find(workloads, overlay->keys[i].text);
        if (w && overlay->items[i].kind != BT_NODE_NULL)
            merge(r->a, w, &overlay->items[i]);
    }
    return 0;
}
