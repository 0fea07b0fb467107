/* fleet_json.c - the fleet as JSON and back. */
#include "gpu/fleet_json.h"

#include <ctype.h>
#include <stdio.h>

#include "base/json.h"
#include "gpu/fleet.h"

#define FLEET_FILE_MAX (1 * MiB)
#define CARD_BYTES_MAX ((uint64_t)16 << 40)
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
        json_array_append_new(list, json_pack("{s:I, s:o, s:s}", "pid", (json_int_t)p->pid, "bytes", maybe(p->bytes_valid, p->bytes),
                                              "command", p->command ? p->command : ""));
    }
    return list;
}

static json_t *gpu_json(const struct bt_gpu *g)
{
    json_t *o = json_pack("{s:s, s:i, s:s, s:s, s:s?, s:s}", "uuid", g->uuid, "index", g->index, "node", "local", "name", g->name,
                          "key", g->kind && !g->mig_of ? g->kind->key : NULL, "pci", g->pci);
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

json_t *bt_fleet_json(const struct bt_fleet *f)
{
    json_t *o = json_pack("{s:s, s:s, s:s}", "source", f->source, "text", f->text, "driver", f->driver);
    json_t *node = json_pack("{s:s, s:o}", "name", "local", "ram_bytes", bt_json_bytes(f->ram_bytes));
    json_object_set_new(o, "nodes", json_pack("[o]", node));
    json_t *gpus = json_array(), *notes = json_array();
    for (size_t i = 0; i < f->n; i++)
        json_array_append_new(gpus, gpu_json(&f->gpus[i]));
    for (size_t i = 0; i < f->nnotes; i++)
        json_array_append_new(notes, json_string(f->notes[i]));
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
    } else if (bt_json_u64(v, "total_bytes", CARD_BYTES_MIN, CARD_BYTES_MAX, &g->total_bytes, what, err) < 0)
        return -1;
    const char *source;
    if (bt_json_str_opt(v, "total_source", "", &source, what, err) < 0 ||
        bt_json_u64_opt(v, "nvml_total_bytes", g->kind ? g->kind->nvml_bytes : 0, 0, CARD_BYTES_MAX, &g->nvml_total_bytes, what, err) < 0)
        return -1;
    for (int s = BT_TOTAL_CATALOG; s <= BT_TOTAL_GIVEN; s++)
        if (!strcmp(source, bt_total_source_name((enum bt_total_source)s)))
            g->total_source = (enum bt_total_source)s;       /* where the figure came from when the fleet was saved */
    return 0;
}

static int read_figures(const json_t *v, struct bt_gpu *g, const struct bt_fleet_opts *o, const char *what, struct bt_err *err)
{
    uint64_t island, util, temp, power;
    if (bt_json_u64_opt(v, "others_bytes", 0, 0, CARD_BYTES_MAX, &g->others_bytes, what, err) < 0 ||
        bt_json_u64_opt(v, "island", UINT64_MAX, 0, BT_MAX_GPUS - 1, &island, what, err) < 0 ||
        bt_json_u64_opt(v, "used_bytes", UINT64_MAX, 0, CARD_BYTES_MAX, &g->used_bytes, what, err) < 0 ||
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
        read_text(a, v, "pci", "", &g->pci, what, err) < 0 || bt_json_u64_opt(v, "index", i, 0, 4095, &index, what, err) < 0)
        return -1;
    if (!g->name[0])
        return bt_err_set(err, BT_E_SPEC, 0, "%s has no name", what);
    if (!g->uuid[0])
        g->uuid = bt_arena_printf(a, "virtual-%zu", i);
    g->index = (int)index;
    g->kind = bt_gpu_kind_find(g->name);
    if (read_text(a, v, "mig_of", "", &g->mig_of, what, err) < 0)
        return -1;
    g->mig_of = g->mig_of[0] ? g->mig_of : NULL;
    return read_total(v, g, what, err) < 0 || read_figures(v, g, o, what, err) < 0 || read_capability(v, g, what, err) < 0 ? -1 : 0;
}

static int check_unique(const struct bt_fleet *f, const char *what, struct bt_err *err)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < i; j++)
            if (!strcmp(f->gpus[i].uuid, f->gpus[j].uuid) || f->gpus[i].index == f->gpus[j].index) {
                bt_err_set(err, BT_E_SPEC, 0, "%s: gpus[%zu] and gpus[%zu] are the same card (%s, index %d)", what, j, i, f->gpus[i].uuid,
                           f->gpus[i].index);
                return bt_err_hint(err, "every card has a uuid and an index of its own");
            }
    return 0;
}

static int by_index(const void *x, const void *y)
{
    const struct bt_gpu *a = x, *b = y;
    return (a->index > b->index) - (a->index < b->index);
}

static int read_fleet(struct bt_arena *a, const json_t *v, const char *what, const struct bt_fleet_opts *o, struct bt_fleet *f, struct bt_err *err)
{
    const json_t *gpus = json_object_get(v, "gpus"), *node = json_array_get(json_object_get(v, "nodes"), 0);
    size_t n = json_array_size(gpus);
    if (!json_is_array(gpus) || !n || n > BT_MAX_GPUS)
        return bt_err_set(err, BT_E_SPEC, 0, "%s: gpus is not a list of 1 to %d cards", what, BT_MAX_GPUS);
    if (json_array_size(json_object_get(v, "nodes")) > 1)
        return bt_err_set(err, BT_E_SPEC, 0, "%s: more than one node: a fleet is one machine", what);
    if (node && !json_is_object(node))
        return bt_err_set(err, BT_E_SPEC, 0, "%s: nodes[0] is not an object", what);
    *f = (struct bt_fleet){ .source = "file", .text = what, .gpus = BT_NEWN(a, struct bt_gpu, n), .n = n };
    if (read_text(a, v, "driver", "", &f->driver, what, err) < 0)
        return -1;
    if (!node)
        f->ram_bytes = bt_ram_allowed("");
    else if (bt_json_u64(node, "ram_bytes", 0, (uint64_t)1 << 60, &f->ram_bytes, what, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (read_gpu(a, json_array_get(gpus, i), i, o, &f->gpus[i], what, err) < 0)
            return -1;
    for (size_t i = 0; i < n; i++) {                 /* equal instances are of one kind, wherever they stand */
        for (size_t j = 0; f->gpus[i].mig_of && j < i && !f->gpus[i].kind; j++)
            f->gpus[i].kind = f->gpus[j].mig_of && !strcmp(f->gpus[i].name, f->gpus[j].name) ? f->gpus[j].kind : NULL;
        if (f->gpus[i].mig_of && !f->gpus[i].kind)
            f->gpus[i].kind = bt_gpu_kind_mig(a, f->gpus[i].name);
    }
    if (check_unique(f, what, err) < 0)
        return -1;
    qsort(f->gpus, n, sizeof *f->gpus, by_index);
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
