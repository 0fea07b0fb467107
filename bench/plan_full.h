/* plan_full.h - small problems with every key that decides what stands where: drawn from a number, the same ones on every machine. The fleet is of the catalog and then changed: foreign bytes,
 * instances of MIG, islands, a margin, RAM that binds. Against them stands plan_ref.h. */
#ifndef PLAN_FULL_H
#define PLAN_FULL_H
#include "../tests/unit/gguf_make.h"
#include "plan_draw.h"
#include "plan_ref.h"

static const char *const full_names[] = { "a", "b", "c", "d", "e" };

struct full { struct bt_buf text; unsigned n, cards; bool server[5], host[5], follows[5]; const char *fleet; };

static inline const char *full_fleet(struct draw *d, unsigned *cards)
{
    static const struct { const char *name; unsigned cards; } fleets[] = {
        { "1xRTX-4090", 1 }, { "2xRTX-4090", 2 }, { "2xA100-SXM4-40GB", 2 }, { "1xRTX-4090+1xA100-SXM4-40GB", 2 }, { "3xRTX-4090", 3 }, { "1xA100-SXM4-40GB+2xRTX-4090", 3 },
        { "1xL4+1xRTX-4090+1xA100-SXM4-40GB", 3 }, { "4xRTX-3090", 4 }, { "2xL40S+2xRTX-4090", 4 }, { "1xGB10", 1 }, { "2xA100-SXM4-40GB+1xL40S", 3 }, { "1xV100-SXM2-32GB+2xRTX-3090", 3 }, { "3xA100-SXM4-40GB", 3 },
    };
    unsigned f = draw(d, BT_LEN(fleets));
    *cards = fleets[f].cards;
    return fleets[f].name;
}

static inline void full_server(struct draw *d, struct full *o, unsigned i)
{
    static const char *const models[] = { "Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen3-4B", "Qwen/Qwen2.5-14B-Instruct", "HuggingFaceTB/SmolLM2-135M", "google/gemma-2-9b-it", "Qwen/Qwen3-1.7B", "Qwen/Qwen1.5-MoE-A2.7B-Chat",
                                          "google/gemma-3-4b-it", "Zyphra/Zamba2-2.7B", "Qwen/Qwen3-8B" };
    static const char *const gguf[] = { "./8b.gguf", "./1b.gguf", "./14b.gguf" };
    struct bt_buf *b = &o->text;
    bool follows = o->follows[i], llama = draw(d, 6) == 0, sglang = !llama && draw(d, 6) == 0, host = o->host[i], experts = false, many = false;
    unsigned m = draw(d, BT_LEN(models));
    if (llama)
        bt_buf_printf(b, "engine: llama-server, model: %s", gguf[draw(d, BT_LEN(gguf))]);
    else if (host)
        bt_buf_printf(b, "engine: vllm, model: %s", models[m == 8 || m == 6 ? 1 : m]);
    else
        bt_buf_printf(b, "engine: %s, model: %s", sglang ? "sglang" : "vllm", models[m = sglang && m == 8 ? 1 : m]);
    experts = !llama && !host && m == 6;
    if (!llama && !host && draw(d, 8) == 0)
        bt_buf_puts(b, experts || m == 8 ? "" : ", quantization: fp8");
    if (!llama && draw(d, 12) == 0)
        bt_buf_printf(b, ", kv_dtype: %s", sglang ? "fp8_e5m2" : "fp8");
    if (llama && draw(d, 5) == 0)
        bt_buf_puts(b, ", kv_dtype: q8_0");
    if (!llama && !sglang && !host && m != 8 && draw(d, 10) == 0)
        bt_buf_puts(b, ", adapters: {max: 4, max_rank: 32}");
    if (!llama && !sglang && !host && draw(d, 12) == 0)
        bt_buf_printf(b, ", args: [--max-num-seqs, %u]", 2 + draw(d, 30));
    else if (!llama && !sglang && !host && draw(d, 10) == 0)
        bt_buf_printf(b, ", args: [--cpu-offload-gb, %u]", 2 + draw(d, 6));
    else if (llama && !host && draw(d, 5) == 0)
        bt_buf_printf(b, ", args: [-ngl, \"%u\"]", 10 + draw(d, 20));
    if (host)
        bt_buf_puts(b, ", gpus: 0");
    else if (!follows && draw(d, 3) == 0)
        bt_buf_printf(b, ", gpus: %u", 1 + draw(d, 2));
    else if (!follows && draw(d, 2))
        bt_buf_printf(b, ", gpus: {min: 1, max: %u}", 2 + draw(d, 2));
    else if (!follows)
        many = true;
    if (many && !llama && (experts || draw(d, 3) == 0)) {
        unsigned how = experts && draw(d, 2) ? 5 : draw(d, 5);
        bt_buf_puts(b, how == 0 ? ", dp: 2" : how == 1 ? ", tp: 2" : how == 2 ? ", pp: 2" : how == 3 ? ", tp: 1, pp: 2" : !experts ? ", tp: 1" : sglang ? ", tp: 2, ep: 2" : ", dp: 2, ep: 2");
    }
    if (many && m == 1 && !llama && !sglang && draw(d, 8) == 0)
        bt_buf_puts(b, ", pp_layers: [14, 22]");
    unsigned c = draw(d, i > 0 && o->server[i - 1] && !o->host[i - 1] && !host ? 6 : 5);
    if (c == 0)
        bt_buf_printf(b, ", context: {min: %u, want: %u}", 512 + 512 * draw(d, 4), m == 8 && !llama ? 4096 : 4096 + 4096 * draw(d, 2));
    else if (c == 1)
        bt_buf_printf(b, ", context: %u", 1024 + 1024 * draw(d, 4));
    else if (c == 2)
        bt_buf_puts(b, ", context: {min: 2048}");
    else if (c == 5)
        bt_buf_printf(b, ", context: {same_as: %s}", full_names[i - 1]);
    if (!host && !llama && draw(d, 5) == 0)
        bt_buf_printf(b, ", memory: %u%%", 35 + 10 * draw(d, 5));
    else if (draw(d, 10) == 0)
        bt_buf_printf(b, ", memory: %uGiB", 6 + 4 * draw(d, 6));
    if (draw(d, 5) == 0)
        bt_buf_printf(b, ", requests: %u", 2 + draw(d, 4));
}

static inline bool full_command(struct draw *d, struct full *o, unsigned i)
{
    static const char *const sizes[] = { "4GiB", "9GiB", "30%", "55%", "rest", "auto", "16GiB", "{train: Qwen/Qwen3-1.7B, method: lora, batch: 2, tokens: 1024}", "{forward: Qwen/Qwen3-4B, batch: 4, tokens: 1024}",
                                         "{train: HuggingFaceTB/SmolLM2-135M, batch: auto, tokens: 512}", "rest, expects: {train: Qwen/Qwen3-1.7B, method: lora, users: auto, batch: 1, tokens: 512}",
                                         "rest, expects: {generate: Qwen/Qwen3-1.7B, batch: 2, tokens: 1024}", "{like: past}" };
    bool job = draw(d, 3) == 0, cpu = !o->follows[i] && draw(d, 10) == 0;
    bt_buf_printf(&o->text, "kind: %s, command: [x]", job ? "job" : "service");
    if (cpu)
        bt_buf_puts(&o->text, ", gpus: 0");
    else
        bt_buf_printf(&o->text, ", memory: %s", sizes[draw(d, BT_LEN(sizes))]);
    if (!cpu && !o->follows[i] && draw(d, 3) == 0)
        bt_buf_puts(&o->text, draw(d, 2) ? ", gpus: 2" : ", gpus: {min: 1, max: 2}");
    if (job && draw(d, 3) == 0)
        bt_buf_puts(&o->text, ", shards: 4, matrix: {layer: [1, 2, 3]}");
    o->host[i] = cpu;
    return job;
}

static inline void full_workload(struct draw *d, struct full *o, unsigned i)
{
    struct bt_buf *b = &o->text;
    bool job = false, never = false, none;
    bt_buf_printf(b, "  %s: {", full_names[i]);
    if (o->server[i])
        full_server(d, o, i);
    else
        job = full_command(d, o, i);
    none = o->host[i];
    if (o->follows[i])
        bt_buf_printf(b, ", gpus: 1, same_gpus_as: %s", full_names[i - 1]);
    unsigned c = draw(d, 8);
    if (c < 3)
        bt_buf_printf(b, ", %s: %s", job ? "slots" : "replicas", c == 0 ? "{want: 2, min: 1}" : c == 1 ? "2" : "auto");
    if (!none && draw(d, 5) == 0 && o->cards > 1)
        bt_buf_printf(b, ", pool: [%u, 0]", 1 + draw(d, o->cards - 1));
    if (!none && !o->follows[i] && draw(d, 7) == 0) {
        bt_buf_puts(b, ", share: never");
        never = true;
    } else if (!none && !o->follows[i] && o->n > 1 && draw(d, 8) == 0)
        bt_buf_printf(b, ", share: {with: [%s]}", full_names[(i + 1) % o->n]);
    if (!none && !never && !o->follows[i] && o->n > 1 && draw(d, 8) == 0)
        bt_buf_printf(b, ", apart: [%s]", full_names[(i + 1) % o->n]);
    if (draw(d, 4) == 0)
        bt_buf_puts(b, ", optional: true");
    if (draw(d, 4) == 0)
        bt_buf_printf(b, ", priority: %u", 1 + draw(d, 3));
    bt_buf_puts(b, "}\n");
}

/* The fleet as it came from the catalog, no more: one line for a person. */
static inline const char *full_change_fleet(struct draw *d, struct bt_arena *a, struct bt_fleet *f)
{
    bt_auto_buf struct bt_buf said = BT_BUF(4096);
    for (size_t g = 0; g < f->n && draw(d, 3) == 0; g++) {
        f->gpus[g].others_bytes = (uint64_t)(1 + draw(d, 9000)) * MiB + draw(d, 3);
        bt_buf_printf(&said, ", others of card %zu %llu", g, (unsigned long long)f->gpus[g].others_bytes);
    }
    if (f->n > 1 && draw(d, 4) == 0) {               /* the last cards as instances of one */
        for (size_t g = f->n - 1 - (f->n > 2 && draw(d, 2)); g < f->n; g++) {
            f->gpus[g].mig_of = "GPU-cut";
            f->gpus[g].uuid = bt_arena_printf(a, "MIG-%zu", g);
            f->gpus[g].name = "NVIDIA A100-SXM4-40GB MIG 3g.20gb";
            f->gpus[g].total_bytes = 20937965568u;
            f->gpus[g].others_bytes = BT_MIN(f->gpus[g].others_bytes, 4 * GiB);
            f->gpus[g].kind = bt_gpu_kind_mig(a, f->gpus[g].name);
            f->gpus[g].island = -1;
            bt_buf_printf(&said, ", card %zu of MIG", g);
        }
    } else if (f->n > 2 && draw(d, 4) == 0)
        for (size_t g = 0; g < f->n; g++) {          /* bridges: two and two, or two and one alone */
            f->gpus[g].island = g / 2 * 2 + 1 < f->n ? (int)(g / 2) : -1;
            bt_buf_printf(&said, ", card %zu in island %d", g, f->gpus[g].island);
        }
    if (draw(d, 3) == 0 && !f->gpus[0].unified) {    /* RAM of a catalog's machine is not known */
        f->source = "file";
        f->ram_bytes = (uint64_t)(draw(d, 4) ? 4 + draw(d, 44) : 400) * GiB;
        bt_buf_printf(&said, ", RAM %llu", (unsigned long long)f->ram_bytes);
    }
    return bt_arena_strdup(a, bt_buf_z(&said));
}

static inline struct bt_model *full_gguf(struct bt_arena *a, const char *name);

static inline int full_read_model(struct bt_arena *a, const char *name, struct bt_model **m, struct bt_err *err)
{
    if (!strstr(name, ".gguf"))
        return bt_model_open(a, name, m, err);
    *m = full_gguf(a, name);
    return *m ? 0 : -1;
}

static inline int full_read_zero(void *ctx, uint64_t at, void *to, size_t n, struct bt_err *err)
{
    const struct bt_buf *b = ctx;
    (void)err;
    memset(to, 0, n);
    if (at < b->n)
        memcpy(to, b->p + at, BT_MIN(n, b->n - at));
    return 0;
}

/* Llama-like, as the real files of that size are. */
static inline struct bt_model *full_gguf(struct bt_arena *a, const char *name)
{
    static const struct { const char *name; struct gm_shape shape; } files[] = {
        { "./8b.gguf", { "llama", "Q8_0", 32, 4096, 14336, 32, 8, 128, 4096, 131072, false } }, { "./1b.gguf", { "llama", "F16", 16, 2048, 8192, 32, 8, 64, 4096, 32768, true } },
        { "./14b.gguf", { "llama", "Q8_0", 40, 5120, 13824, 40, 8, 128, 4096, 32768, false } },
    };
    for (size_t i = 0; i < BT_LEN(files); i++) {
        if (strcmp(files[i].name, name))
            continue;
        struct gguf_make g = GGUF_MAKE;
        bt_auto_buf struct bt_buf b = BT_BUF(16 * MiB);
        struct bt_gguf_file f;
        struct bt_err err = { 0 };
        struct bt_model *m = BT_NEW(a, struct bt_model);
        gm_llama(&g, &files[i].shape);
        uint64_t data = g.data;
        gm_file(&g, &b, 0);
        struct bt_gguf_in in = { &b, b.n + data, full_read_zero };
        if (bt_gguf_parse(a, name, &in, &f, &err) < 0)
            return NULL;
        m->id = name;
        m->tensors = f.tensors;
        m->ntensors = f.ntensors;
        return bt_gguf_model(a, name, &f, m, &err) < 0 ? NULL : m;
    }
    return NULL;
}

/* 1 ready; 0 drawn against itself: no spec comes of it; -1 *err. */
static inline int full_inputs(struct bt_arena *a, const char *text, struct bt_fleet *f, struct bt_plan_in *in, struct bt_err *err)
{
    struct bt_spec *s;
    struct bt_err ignored = { 0 };
    if (bt_spec_parse(a, "berth.yaml", "/d", bt_str(text), &(struct bt_spec_opts){ 0 }, &s, &ignored) < 0)
        return 0;
    struct bt_plan_model *models = BT_NEWN(a, struct bt_plan_model, s->n + 1);
    for (size_t i = 0; i < s->n; i++) {
        const struct bt_workload *w = &s->w[i];
        const struct bt_job *job = w->memory.job ? w->memory.job : w->expects.job;
        struct bt_model *m = NULL;
        if (job && full_read_model(a, job->of, &m, err) < 0)
            return -1;
        models[i].job_of.model = m;
        if (w->memory.form == BT_MEM_LIKE) {
            models[i].like_bytes = 5 * GiB + 77;
            models[i].like_why = "5.00 GiB, drawn";
        }
        if (w->kind != BT_SERVER)
            continue;
        models[i].engine = bt_engine_find(w->engine);
        models[i].version = bt_engine_version(models[i].engine, w->engine_version, NULL, err);
        if (full_read_model(a, w->model, &m, err) < 0)
            return -1;
        models[i].model = m;
    }
    *in = (struct bt_plan_in){ .spec = s, .fleet = f, .models = models };
    return 1;
}

struct full_problem { const char *text, *fleet_text, *changes; struct bt_fleet fleet; struct bt_plan_in in; };

/* As full_inputs(). The number decides everything. */
static inline int full_draw(struct bt_arena *a, uint64_t number, struct full_problem *o, struct bt_err *err)
{
    struct draw d;
    struct full x = { .text = BT_BUF(16384) };
    draw_seed(&d, number + 7000000);
    x.fleet = full_fleet(&d, &x.cards);
    x.n = 1 + draw(&d, x.cards < 4 ? 4 : 3);
    for (unsigned i = 0; i < x.n; i++) {
        x.server[i] = draw(&d, 5) < 3;
        x.host[i] = x.server[i] && draw(&d, 8) == 0;
        x.follows[i] = i > 0 && !x.host[i] && !x.host[i - 1] && draw(&d, 6) == 0;
    }
    bt_buf_puts(&x.text, "name: t\n");
    if (draw(&d, 6) == 0)
        bt_buf_printf(&x.text, "margin: %uMiB\n", 100 + draw(&d, 2000));
    bt_buf_puts(&x.text, "workloads:\n");
    for (unsigned i = 0; i < x.n; i++)
        full_workload(&d, &x, i);
    o->text = bt_arena_strdup(a, bt_buf_z(&x.text));
    o->fleet_text = x.fleet;
    bt_buf_release(&x.text);
    struct bt_spec *s;
    struct bt_err ignored = { 0 };
    if (bt_spec_parse(a, "berth.yaml", "/d", bt_str(o->text), &(struct bt_spec_opts){ 0 }, &s, &ignored) < 0)
        return 0;
    if (bt_fleet_open(a, x.fleet, &(struct bt_fleet_opts){ .margin_bytes = s->margin_bytes }, &o->fleet, err) < 0)
        return -1;
    o->changes = full_change_fleet(&d, a, &o->fleet);
    return full_inputs(a, o->text, &o->fleet, &o->in, err);
}
#endif
