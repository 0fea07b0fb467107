/* fleet_json.c - the fleet as JSON and back. */
#include "gpu/fleet_json.h"

#include <ctype.h>
#include <stdio.h>

#include "base/json.h"
#include "gpu/fleet.h"

#define FLEET_FILE_MAX (64 * MiB)    /* tens of thousands of cards */
#define CARD_BYTES_MIN (64 * MiB)

/* ---- out ---- */

static json_t *maybe(bool valid, uint64_t n)
{
    return valid ? bt_json_bytes(n) : json_null();
}

static json_t *procs_json(const struct bt_gpu *g)
{
    if (!g->procs_valid)
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < g->nprocs; i++) {
        const struct bt_gpu_proc *p = &g->procs[i];
        json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "pid", (json_int_t)p->pid, "bytes", maybe(p->bytes_valid, p->bytes),
                                              "command", bt_json_text(p->command ? p->command : "")));
    }
    return list;
}

static json_t *gpu_json(const struct bt_gpu *g, const char *node)
{
    json_t *o = json_pack("{s:o, s:i, s:s, s:o, s:s?, s:o}", "uuid", bt_json_text(g->uuid), "index", g->index, "node", node, "name", bt_json_text(g->name),
                          "key", g->kind && !g->mig_of ? g->kind->key : NULL, "pci", bt_json_text(g->pci));
    if (g->unified)
        json_object_set_new(o, "unified", json_true());
    if (g->mig_of)
        json_object_set_new(o, "mig_of", bt_json_text(g->mig_of));
    json_object_set_new(o, "total_bytes", bt_json_bytes(g->total_bytes));
    json_object_set_new(o, "total_source", json_string(bt_total_source_name(g->total_source)));
    json_object_set_new(o, "nvml_total_bytes", bt_json_bytes(g->nvml_total_bytes));
    json_object_set_new(o, "others_bytes", bt_json_bytes(g->others_bytes));
    json_object_set_new(o, "margin_bytes", bt_json_bytes(g->margin_bytes));
    json_object_set_new(o, "compute_capability", json_sprintf("%d.%d", g->cc_major, g->cc_minor));
    json_object_set_new(o, "island", g->island < 0 ? json_null() : json_integer(g->island));
    json_object_set_new(o, "used_bytes", maybe(g->used_valid, g->used_bytes));
    json_object_set_new(o, "util_percent", maybe(g->util_valid, g->util_percent));
    json_object_set_new(o, "temp_c", maybe(g->temp_valid, g->temp_c));
    json_object_set_new(o, "power_w", maybe(g->power_valid, g->power_w));
    json_object_set_new(o, "procs", procs_json(g));
    return o;
}

json_t *bt_fleet_nodes_json(const struct bt_fleet *f)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < f->nboxes; i++)
        json_array_append_new(nodes, json_pack("{s:s, s:o}", "name", f->box[i].name, "ram_bytes", bt_json_bytes(f->box[i].ram_bytes)));
    if (!f->nboxes)
        json_array_append_new(nodes, json_pack("{s:s, s:o}", "name", "local", "ram_bytes", bt_json_bytes(f->ram_bytes)));
    return nodes;
}

json_t *bt_fleet_json(const struct bt_fleet *f)
{
    json_t *o = json_pack("{s:s, s:o, s:o}", "source", f->source, "text", bt_json_text(f->text), "driver", bt_json_text(f->driver));
    json_t *gpus = json_array(), *notes = json_array();
    json_object_set_new(o, "nodes", bt_fleet_nodes_json(f));
    for (size_t i = 0; i < f->n; i++)
        json_array_append_new(gpus, gpu_json(&f->gpus[i], bt_fleet_node(f, i)));
    for (size_t i = 0; i < f->nnotes; i++)
        json_array_append_new(notes, bt_json_text(f->notes[i]));
    json_object_set_new(o, "gpus", gpus);
    json_object_set_new(o, "notes", notes);
    return o;
}

/* ---- back ---- */

static bool is_plain(const char *z)
{
    if (!z[0] || strlen(z) > 128)
        return false;
    for (; *z; z++)
        if (iscntrl((unsigned char)*z))
            return false;
    return true;
}

static int read_text(struct bt_arena *a, const json_t *v, const char *key, const char *def, const char **out, const char *what, struct bt_err *err)
{
    if (bt_json_str_opt(v, key, def, out, what, err) < 0)
        return -1;
    if ((*out)[0] && !is_plain(*out))
        return bt_err_set(err, BT_E_SPEC, 0, "%s.%s is too long or has control characters", what, key);
    *out = bt_arena_strdup(a, *out);
    return 0;
}

static int read_total(const json_t *v, struct bt_gpu *g, const char *what, struct bt_err *err)
{
    uint64_t known = g->kind ? bt_gpu_kind_total(g->kind) : 0;
    g->total_source = BT_TOTAL_FILE;
    if (!json_object_get(v, "total_bytes") && known) {
        g->total_bytes = known;
        g->total_source = g->kind->cuda_bytes ? BT_TOTAL_CATALOG : BT_TOTAL_NVML_LESS_2PCT;
    } else if (bt_json_u64(v, "total_bytes", CARD_BYTES_MIN, BT_CARD_BYTES_MAX, &g->total_bytes, what, err) < 0)
        return -1;
    const char *source;
    if (bt_json_str_opt(v, "total_source", "", &source, what, err) < 0 ||
        bt_json_u64_opt(v, "nvml_total_bytes", g->kind ? g->kind->nvml_bytes : 0, 0, BT_CARD_BYTES_MAX, &g->nvml_total_bytes, what, err) < 0)
        return -1;
    for (int s = BT_TOTAL_CATALOG; s <= BT_TOTAL_GIVEN; s++)
        if (!strcmp(source, bt_total_source_name((enum bt_total_source)s)))
            g->total_source = (enum bt_total_source)s;       /* where the figure came from when the fleet was saved */
    return 0;
}

static int read_figures(const json_t *v, struct bt_gpu *g, const struct bt_fleet_opts *o, const char *what, struct bt_err *err)
{
    uint64_t island, util, temp, power;
    if (bt_json_u64_opt(v, "others_bytes", 0, 0, BT_CARD_BYTES_MAX, &g->others_bytes, what, err) < 0 ||
        bt_json_u64_opt(v, "island", UINT64_MAX, 0, BT_MAX_FLEET - 1, &island, what, err) < 0 ||
        bt_json_u64_opt(v, "used_bytes", UINT64_MAX, 0, BT_CARD_BYTES_MAX, &g->used_bytes, what, err) < 0 ||
        bt_json_u64_opt(v, "util_percent", UINT64_MAX, 0, 100, &util, what, err) < 0 ||
        bt_json_u64_opt(v, "temp_c", UINT64_MAX, 0, 1000, &temp, what, err) < 0 ||
        bt_json_u64_opt(v, "power_w", UINT64_MAX, 0, 100000, &power, what, err) < 0)
        return -1;
    if (o->ignore_others)
        g->others_bytes = 0;
    g->margin_bytes = o->margin_bytes;
    g->island = island == UINT64_MAX ? -1 : (int)island;
    g->used_valid = g->used_bytes != UINT64_MAX;
    g->util_valid = util != UINT64_MAX;
    g->temp_valid = temp != UINT64_MAX;
    g->power_valid = power != UINT64_MAX;
    g->used_bytes = g->used_valid ? g->used_bytes : 0;
    g->util_percent = g->util_valid ? (unsigned)util : 0;
    g->temp_c = g->temp_valid ? (unsigned)temp : 0;
    g->power_w = g->power_valid ? (unsigned)power : 0;
    return 0;
}

static int read_capability(const json_t *v, struct bt_gpu *g, const char *what, struct bt_err *err)
{
    const char *cc;
    int used = 0;
    if (bt_json_str_opt(v, "compute_capability", "", &cc, what, err) < 0)
        return -1;
    if (!cc[0]) {
        g->cc_major = g->kind ? g->kind->cc_major : 0;
        g->cc_minor = g->kind ? g->kind->cc_minor : 0;
        return 0;
    }
    if (strlen(cc) > 5 || sscanf(cc, "%2d.%2d%n", &g->cc_major, &g->cc_minor, &used) != 2 || cc[used] || g->cc_major < 0 || g->cc_minor < 0)
        return bt_err_set(err, BT_E_SPEC, 0, "%s.compute_capability is not like \"8.0\"", what);
    return 0;
}

/* Processes are of the moment when the fleet was saved and of that machine: their pids mean nothing here. */
static int read_gpu(struct bt_arena *a, const json_t *v, size_t i, const struct bt_fleet_opts *o, struct bt_gpu *g, const char *name,
                    struct bt_err *err)
{
    const char *what = bt_arena_printf(a, "%s: gpus[%zu]", name, i);
    uint64_t index;
    if (!json_is_object(v))
        return bt_err_set(err, BT_E_SPEC, 0, "%s is not an object", what);
    if (read_text(a, v, "name", "", &g->name, what, err) < 0 || read_text(a, v, "uuid", "", &g->uuid, what, err) < 0 ||
        read_text(a, v, "pci", "", &g->pci, what, err) < 0 || bt_json_u64_opt(v, "index", i, 0, BT_MAX_FLEET - 1, &index, what, err) < 0)
        return -1;
    if (!g->name[0])
        return bt_err_set(err, BT_E_SPEC, 0, "%s has no name", what);
    if (!g->uuid[0])
        g->uuid = bt_arena_printf(a, "virtual-%zu", i);
    g->index = (int)index;
    g->kind = bt_gpu_kind_find(g->name);
    if (read_text(a, v, "mig_of", "", &g->mig_of, what, err) < 0)
        return -1;
    g->unified = json_is_true(json_object_get(v, "unified")) || bt_gpu_kind_unified(g->kind);
    g->mig_of = g->mig_of[0] ? g->mig_of : NULL;
    return read_total(v, g, what, err) < 0 || read_figures(v, g, o, what, err) < 0 || read_capability(v, g, what, err) < 0 ? -1 : 0;
}

/* ---- several machines ---- */

/* Which machine the card says it stands in. */
struct standing { struct bt_gpu gpu; size_t box; };

static int by_box_and_index(const void *x, const void *y)
{
    const struct standing *a = x, *b = y;
    if (a->box != b->box)
        return a->box < b->box ? -1 : 1;
    return (a->gpu.index > b->gpu.index) - (a->gpu.index < b->gpu.index);
}

static int by_index(const void *x, const void *y)
{
    const struct bt_gpu *a = *(const struct bt_gpu *const *)x, *b = *(const struct bt_gpu *const *)y;
    return (a->index > b->index) - (a->index < b->index);
}

static int by_uuid(const void *x, const void *y)
{
    return strcmp((*(const struct bt_gpu *const *)x)->uuid, (*(const struct bt_gpu *const *)y)->uuid);
}

static int check_unique(struct bt_arena *a, const struct bt_fleet *f, const char *what, struct bt_err *err)
{
    const struct bt_gpu **g = BT_NEWN(a, const struct bt_gpu *, f->n);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < f->n; i++)
            g[i] = &f->gpus[i];
        qsort(g, f->n, sizeof *g, pass ? by_uuid : by_index);
        for (size_t i = 1; i < f->n; i++)
            if (pass ? !strcmp(g[i]->uuid, g[i - 1]->uuid) : g[i]->index == g[i - 1]->index) {
                bt_err_set(err, BT_E_SPEC, 0, "%s: two of its gpus are the same card (%s, index %d)", what, g[i]->uuid, g[i]->index);
                return bt_err_hint(err, "every card has a uuid and an index of its own");
            }
    }
    return 0;
}

static int read_nodes(struct bt_arena *a, const json_t *nodes, struct bt_fleet *f, const char *what, struct bt_err *err)
{
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *v = json_array_get(nodes, i);
        const char *here = bt_arena_printf(a, "%s: nodes[%zu]", what, i);
        struct bt_box box = { .name = "local" };
        if (!json_is_object(v))
            return bt_err_set(err, BT_E_SPEC, 0, "%s is not an object", here);
        if (read_text(a, v, "name", "local", &box.name, here, err) < 0 ||
            bt_json_u64(v, "ram_bytes", 0, (uint64_t)1 << 60, &box.ram_bytes, json_array_size(nodes) > 1 ? here : what, err) < 0)
            return -1;
        for (size_t j = 0; j < f->nboxes; j++)
            if (!strcmp(f->box[j].name, box.name))
                return bt_err_set(err, BT_E_SPEC, 0, "%s: two nodes are called %s", what, box.name);
        BT_PUSH(a, f->box, f->nboxes, box);
    }
    return 0;
}

static int box_of(const struct bt_fleet *f, const json_t *v, size_t i, size_t *last, const char *what, struct bt_err *err)
{
    const char *name;
    if (f->nboxes < 2)
        return 0;
    if (bt_json_str_opt(v, "node", "", &name, what, err) < 0)
        return -1;
    for (size_t k = 0; k < f->nboxes; k++, *last = (*last + 1) % f->nboxes)      /* cards of one node mostly stand together */
        if (!strcmp(f->box[*last].name, name))
            return 0;
    return bt_err_set(err, BT_E_SPEC, 0, "%s: gpus[%zu] is in node \"%.60s\", which is not in its nodes", what, i, is_plain(name) ? name : "");
}

/* Cards in the order of their machines, which get their ranges. */
static int settle_boxes(struct bt_arena *a, struct bt_fleet *f, struct standing *card, const char *what, struct bt_err *err)
{
    qsort(card, f->n, sizeof *card, by_box_and_index);
    f->gpus = BT_NEWN(a, struct bt_gpu, f->n);
    for (size_t i = 0; i < f->n; i++) {
        f->gpus[i] = card[i].gpu;
        if (f->nboxes < 2)
            continue;
        struct bt_box *b = &f->box[card[i].box];
        b->first = b->n ? b->first : i;
        b->n++;
        if (b->n > BT_MAX_GPUS)
            return bt_err_set(err, BT_E_SPEC, 0, "%s: node %s has more than %d cards", what, b->name, BT_MAX_GPUS);
    }
    for (size_t i = 0; f->nboxes > 1 && i < f->nboxes; i++)
        if (!f->box[i].n)
            return bt_err_set(err, BT_E_SPEC, 0, "%s: node %s has no cards", what, f->box[i].name);
    return 0;
}

/* Equal instances are of one kind, wherever they stand. */
static void settle_mig_kinds(struct bt_arena *a, struct bt_fleet *f)
{
    for (size_t i = 0; i < f->n; i++) {
        for (size_t j = 0; f->gpus[i].mig_of && j < i && !f->gpus[i].kind; j++)
            f->gpus[i].kind = f->gpus[j].mig_of && !strcmp(f->gpus[i].name, f->gpus[j].name) ? f->gpus[j].kind : NULL;
        if (f->gpus[i].mig_of && !f->gpus[i].kind)
            f->gpus[i].kind = bt_gpu_kind_mig(a, f->gpus[i].name);
    }
}

static int read_fleet(struct bt_arena *a, const json_t *v, const char *what, const struct bt_fleet_opts *o, struct bt_fleet *f, struct bt_err *err)
{
    const json_t *gpus = json_object_get(v, "gpus"), *nodes = json_object_get(v, "nodes");
    size_t n = json_array_size(gpus), most = json_array_size(nodes) > 1 ? BT_MAX_FLEET : BT_MAX_GPUS, box = 0;
    if (!json_is_array(gpus) || !n || n > most)
        return bt_err_set(err, BT_E_SPEC, 0, "%s: gpus is not a list of 1 to %zu cards", what, most);
    *f = (struct bt_fleet){ .source = "file", .text = what, .n = n };
    if (read_text(a, v, "driver", "", &f->driver, what, err) < 0 || read_nodes(a, nodes, f, what, err) < 0)
        return -1;
    f->ram_bytes = f->nboxes ? f->box[0].ram_bytes : 0;
    struct standing *card = BT_NEWN(a, struct standing, n);
    for (size_t i = 0; i < n; i++) {
        const json_t *g = json_array_get(gpus, i);
        if (read_gpu(a, g, i, o, &card[i].gpu, what, err) < 0 || box_of(f, g, i, &box, what, err) < 0)
            return -1;
        card[i].box = f->nboxes < 2 ? 0 : box;
    }
    if (settle_boxes(a, f, card, what, err) < 0)
        return -1;
    settle_mig_kinds(a, f);
    if (check_unique(a, f, what, err) < 0)
        return -1;
    f->nboxes = f->nboxes > 1 ? f->nboxes : 0;
    return 0;
}

int bt_fleet_from_json(struct bt_arena *a, const json_t *v, const char *what, const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err)
{
    struct bt_fleet f;
    if (read_fleet(a, v, bt_arena_strdup(a, what), o, &f, err) == 0) {
        *out = f;
        return 0;
    }
    err->code = BT_E_SPEC;           /* a fleet.json is the user's own text, whatever the reader of the JSON calls it */
    if (!err->hint[0])
        bt_err_hint(err, "a fleet file is what `berth gpus --json` prints");
    return -1;
}

int bt_fleet_file(struct bt_arena *a, const char *path, const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err)
{
    json_t *v = bt_json_load_file(path, FLEET_FILE_MAX, err);
    if (!v) {
        err->code = BT_E_SPEC;
        if (!err->hint[0])
            bt_err_hint(err, "save one with `berth gpus --json > fleet.json`");
        return -1;
    }
    int rc = bt_fleet_from_json(a, v, path, o, out, err);
    json_decref(v);
    return rc;
}
