/* probe.c - a sample as one JSON line, and back. */
#include "gpu/probe.h"

#include <jansson.h>

#include "base/json.h"

/* ---- out ---- */

static json_t *maybe(bool valid, uint64_t n)
{
    return valid ? bt_json_bytes(n) : json_null();
}

static json_t *gpu_json(const struct bt_gpu *g)
{
    json_t *procs = g->procs_valid ? json_array() : json_null();
    for (size_t i = 0; g->procs_valid && i < g->nprocs; i++)
        json_array_append_new(procs, json_pack("{s:I, s:o}", "pid", (json_int_t)g->procs[i].pid, "bytes",
                                               maybe(g->procs[i].bytes_valid, g->procs[i].bytes)));
    return json_pack("{s:s, s:i, s:b, s:o, s:o, s:o, s:o}", "uuid", g->uuid, "index", g->index, "unified", g->unified,
                     "nvml_total_bytes", bt_json_bytes(g->nvml_total_bytes), "used_bytes", maybe(g->used_valid, g->used_bytes),
                     "util_percent", maybe(g->util_valid, g->util_percent), "procs", procs);
}

void bt_probe_print(const struct bt_fleet *f, double t, const struct bt_err *failed, struct bt_buf *out)
{
    bt_auto_arena a = { 0 };
    json_t *gpus = json_array(), *o = json_pack("{s:f, s:O}", "t", t, "gpus", gpus);
    for (size_t i = 0; !failed && i < f->n; i++)
        json_array_append_new(gpus, gpu_json(&f->gpus[i]));
    if (failed)
        json_object_set_new(o, "error", json_string(failed->msg));
    bt_buf_puts(out, bt_json_dump(&a, o, false));
    bt_buf_puts(out, "\n");
    json_decref(gpus);
    json_decref(o);
}

/* ---- back ---- */

static int read_proc(const json_t *v, struct bt_probe_proc *p, struct bt_err *err)
{
    uint64_t pid;
    if (!json_is_object(v))
        return bt_err_set(err, BT_E_INPUT, 0, "probe: a process is not an object");
    if (bt_json_u64(v, "pid", 0, INT32_MAX, &pid, "probe: process", err) < 0 ||
        bt_json_u64_opt(v, "bytes", UINT64_MAX, 0, INT64_MAX, &p->bytes, "probe: process", err) < 0)
        return -1;
    p->pid = (int64_t)pid;
    p->bytes_valid = p->bytes != UINT64_MAX;
    p->bytes = p->bytes_valid ? p->bytes : 0;
    return 0;
}

static int read_procs(struct bt_arena *a, const json_t *list, struct bt_probe_gpu *g, struct bt_err *err)
{
    g->procs_valid = list && !json_is_null(list);
    if (!g->procs_valid)
        return 0;
    if (!json_is_array(list))
        return bt_err_set(err, BT_E_INPUT, 0, "probe: procs is not a list");
    g->nprocs = json_array_size(list);
    g->procs = BT_NEWN(a, struct bt_probe_proc, g->nprocs ? g->nprocs : 1);
    for (size_t i = 0; i < g->nprocs; i++)
        if (read_proc(json_array_get(list, i), &g->procs[i], err) < 0)
            return -1;
    return 0;
}

static int read_gpu(struct bt_arena *a, const json_t *v, struct bt_probe_gpu *g, struct bt_err *err)
{
    uint64_t index, util;
    if (!json_is_object(v))
        return bt_err_set(err, BT_E_INPUT, 0, "probe: a card is not an object");
    if (bt_json_str(v, "uuid", &g->uuid, "probe: card", err) < 0 || bt_json_u64(v, "index", 0, 4095, &index, "probe: card", err) < 0 ||
        bt_json_u64_opt(v, "nvml_total_bytes", 0, 0, INT64_MAX, &g->nvml_total_bytes, "probe: card", err) < 0 ||
        bt_json_u64_opt(v, "used_bytes", UINT64_MAX, 0, INT64_MAX, &g->used_bytes, "probe: card", err) < 0 ||
        bt_json_u64_opt(v, "util_percent", UINT64_MAX, 0, 1000, &util, "probe: card", err) < 0)
        return -1;
    g->uuid = bt_arena_strdup(a, g->uuid);
    g->index = (int)index;
    g->unified = json_is_true(json_object_get(v, "unified"));
    g->used_valid = g->used_bytes != UINT64_MAX;
    g->used_bytes = g->used_valid ? g->used_bytes : 0;
    g->util_valid = util != UINT64_MAX;
    g->util_percent = g->util_valid ? (unsigned)util : 0;
    return read_procs(a, json_object_get(v, "procs"), g, err);
}

static int read_sample(struct bt_arena *a, const json_t *v, struct bt_probe_sample *s, struct bt_err *err)
{
    const json_t *gpus = json_object_get(v, "gpus"), *t = json_object_get(v, "t");
    if (!json_is_number(t) || !json_is_array(gpus) || json_array_size(gpus) > BT_MAX_GPUS)
        return bt_err_set(err, BT_E_INPUT, 0, "probe: a sample is {\"t\": seconds, \"gpus\": [at most %d cards]}", BT_MAX_GPUS);
    *s = (struct bt_probe_sample){ .t = json_number_value(t), .n = json_array_size(gpus) };
    if (bt_json_str_opt(v, "error", NULL, &s->error, "probe", err) < 0)
        return -1;
    s->error = bt_arena_strdup(a, s->error);
    s->gpus = BT_NEWN(a, struct bt_probe_gpu, s->n ? s->n : 1);
    for (size_t i = 0; i < s->n; i++)
        if (read_gpu(a, json_array_get(gpus, i), &s->gpus[i], err) < 0)
            return -1;
    return 0;
}

int bt_probe_parse(struct bt_arena *a, struct bt_str line, struct bt_probe_sample *out, struct bt_err *err)
{
    struct bt_probe_sample s;
    json_t *v = bt_json_load(line, BT_PROBE_LINE_MAX, "probe", err);
    if (!v)
        return -1;
    int rc = read_sample(a, v, &s, err);
    json_decref(v);
    if (rc == 0)
        *out = s;
    return rc;
}

const struct bt_probe_gpu *bt_probe_gpu(const struct bt_probe_sample *s, const char *uuid)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->gpus[i].uuid, uuid))
            return &s->gpus[i];
    return NULL;
}
