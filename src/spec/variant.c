/* variant - named overlays of the spec.
 *
 * A key of a variant is a workload's name, else one of the top level. So `{serve: {memory: 70%}}` is short for `{workloads: {serve: {memory: 70%}}}`. */
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

/* ---- which keys a variant may have ---- */

/* `name` is the project's, whatever its variant; a variant of a variant would need an order. */
static const char *const top_keys[] = { "gateway", "gpus", "margin", "phases", "workloads" };

static bool is_top(const char *key)
{
    for (size_t i = 0; i < BT_LEN(top_keys); i++)
        if (!strcmp(top_keys[i], key))
            return true;
    return false;
}

static int no_such_key(struct spec_reading *r, const char *variant, const struct bt_node *key, struct bt_err *err)
{
    const char **names = BT_NEWN(r->a, const char *, r->names.n + BT_LEN(top_keys));
    size_t n = 0;
    for (size_t i = 0; i < r->names.n; i++)
        names[n++] = r->names.v[i];
    for (size_t i = 0; i < BT_LEN(top_keys); i++)
        names[n++] = top_keys[i];
    bt_node_err(err, &r->s->doc, key, "variants.%s: there is no workload \"%.60s\", and no key of that name that a variant may change", variant, key->text);
    const char *near = bt_str_nearest(bt_str(key->text), names, n);
    return near ? bt_err_hint(err, "\"%s\"", near) : bt_err_hint(err, "`workloads: {%.60s: ...}` adds one", key->text);
}

/* Keys and types of the workload as it would be; what workloads say together is checked when the variant is applied. */
static int check_workload(struct spec_reading *r, const char *name, const struct bt_node *overlay, struct bt_err *err)
{
    struct bt_workload scratch = { 0 };
    const struct bt_node *was = bt_node_get(&r->plain, name);
    if (overlay->kind == BT_NODE_NULL)
        return 0;
    if (overlay->kind != BT_NODE_MAP || !was || was->kind != BT_NODE_MAP) {
        struct bt_node plain = without_nulls(r->a, overlay);
        return spec_workload(r, name, &plain, &scratch, err);
    }
    struct bt_node whole = copy(r->a, was);
    merge(r->a, &whole, overlay);
    return spec_workload(r, name, &whole, &scratch, err);
}

static int check_workloads(struct spec_reading *r, const char *variant, const struct bt_node *map, struct bt_err *err)
{
    if (map->kind != BT_NODE_MAP) {
        bt_node_err(err, &r->s->doc, map, "variants.%s.workloads: want a map of workloads, not %s", variant, bt_node_kind_name(map));
        return bt_err_hint(err, "workloads: {NAME: {context: 8192}}");
    }
    for (size_t i = 0; i < map->n; i++)
        if (check_workload(r, map->keys[i].text, &map->items[i], err) < 0)
            return -1;
    return 0;
}

static int check_one(struct spec_reading *r, const struct bt_node *name, const struct bt_node *overlay, struct bt_err *err)
{
    struct bt_spec *s = r->s, scratch = { 0 };
    if (overlay->kind != BT_NODE_MAP) {
        bt_node_err(err, &s->doc, overlay, "variants.%s: want a map of workloads and top-level keys, not %s", name->text,
                    bt_node_kind_name(overlay));
        return bt_err_hint(err, "%.41s: {WORKLOAD: {context: 8192}}", name->text);
    }
    for (size_t i = 0; i < overlay->n; i++) {
        const struct bt_node *key = &overlay->keys[i], *value = &overlay->items[i];
        bool workload = spec_strs_has(&r->names, key->text);
        if (!workload && !is_top(key->text))
            return no_such_key(r, name->text, key, err);
        if (workload ? check_workload(r, key->text, value, err) < 0
                     : !strcmp(key->text, "workloads") && check_workloads(r, name->text, value, err) < 0)
            return -1;
        struct bt_node one = { .kind = BT_NODE_MAP, .keys = (struct bt_node *)key, .items = (struct bt_node *)value, .n = 1 };
        if (!workload && value->kind != BT_NODE_NULL && strcmp(key->text, "workloads") &&
            bt_opt_map(bt_spec_keys(), r->a, &s->doc, &one, &scratch, err) < 0)
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

/* ---- the one asked for ---- */

/* One key of an overlay into its map: null takes the key away. */
static void merge_key(struct bt_arena *a, struct bt_node *into, const struct bt_node *key, const struct bt_node *value)
{
    struct bt_node one = { .kind = BT_NODE_MAP, .keys = (struct bt_node *)key, .items = (struct bt_node *)value, .n = 1 };
    if (into && into->kind == BT_NODE_MAP)
        merge_maps(a, into, &one);
}

/* What is no workload and no key is left alone here: spec_check_variants names it, with its place. */
static void merge_overlay(struct spec_reading *r, const struct bt_node *overlay)
{
    struct bt_node *root = &r->s->doc.root;
    for (size_t i = 0; overlay->kind == BT_NODE_MAP && i < overlay->n; i++) {
        const struct bt_node *key = &overlay->keys[i];
        if (spec_strs_has(&r->names, key->text))
            merge_key(r->a, find(root, "workloads"), key, &overlay->items[i]);
        else if (is_top(key->text))
            merge_key(r->a, root, key, &overlay->items[i]);
    }
}

static int no_such_variant(struct spec_reading *r, const char *want, struct bt_err *err)
{
    const struct bt_strs *all = &r->s->variants;
    bt_err_set(err, BT_E_SPEC, 0, "%s: there is no variant \"%.60s\"", r->s->doc.name, want);
    if (!all->n)
        return bt_err_hint(err, "the spec has no `variants:`");
    const char *near = bt_str_nearest(bt_str(want), all->v, all->n);
    if (near)
        return bt_err_hint(err, "--variant %s", near);
    bt_auto_buf struct bt_buf b = BT_BUF(120);
    for (size_t i = 0; i < all->n; i++)
        bt_buf_printf(&b, "%s%s", i ? ", " : "", all->v[i]);
    return bt_err_hint(err, "it has %s", bt_buf_z(&b));
}

int spec_apply_variant(struct spec_reading *r, struct bt_err *err)
{
    struct bt_spec *s = r->s;
    struct bt_node *variants = find(&s->doc.root, "variants"), *workloads = find(&s->doc.root, "workloads");
    for (size_t i = 0; workloads && workloads->kind == BT_NODE_MAP && i < workloads->n; i++)
        BT_PUSH(r->a, r->names.v, r->names.n, workloads->keys[i].text);
    if (variants && workloads)
        r->plain = copy(r->a, workloads);
    if (variants && variants->kind != BT_NODE_MAP) {
        bt_node_err(err, &s->doc, variants, "variants: want a map of named overlays, not %s", bt_node_kind_name(variants));
        return bt_err_hint(err, "variants: {small: {WORKLOAD: {context: 8192}}}");
    }
    for (size_t i = 0; variants && i < variants->n; i++) {
        if (spec_check_name(&s->doc, &variants->keys[i], "a variant", err) < 0)
            return -1;
        BT_PUSH(r->a, s->variants.v, s->variants.n, variants->keys[i].text);
    }
    const char *want = r->o ? r->o->variant : NULL;
    if (!want || !want[0])
        return 0;
    const struct bt_node *overlay = variants ? bt_node_get(variants, want) : NULL;
    if (!overlay)
        return no_such_variant(r, want, err);
    s->variant = bt_arena_strdup(r->a, want);
    bt_hash_add(&r->digest, want, strlen(want) + 1);
    struct bt_node keep = *overlay;                  /* merging at the root moves the map that overlay points into */
    merge_overlay(r, &keep);
    return 0;
}
