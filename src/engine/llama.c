/* llama.c - llama-server (llama.cpp): its versions, its flags by its own names, its shape rules, how it is stopped. Its log lines are in llama_log.c. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include "base/units.h"
#include "engine/engine_int.h"

/* llama.cpp counts builds (b9890) until July 2026 and versions since. A build's number is greater than any version, so it takes the newest row. */
static const struct bt_engine_version versions[] = {
    { .version = "0.1.0", .default_utilization = 1, .has_kv_bytes = true, .source = "llama.cpp issue #27465 (0.1.2-dev, build 10524, 2026-08-21): no split buffers on CUDA any more; the rest as in 0.5.0" },
    { .version = "0.5.0", .default_utilization = 1, .has_kv_bytes = true, .source = "llama.cpp 0c1e57098 (0.5.0-dev, ggml 0.25.3): src/llama-model.cpp, src/llama-context.cpp, src/llama-kv-cache.cpp, common/arg.cpp; "
                                                              "start-up logs of that build" },
};

/* ---- flags ---- */

#define AT(f) offsetof(struct bt_serve, f)
#define LL(f) offsetof(struct bt_serve, llama.f)

static const char *given(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    if (ctx->text)
        return ctx->text;
    if (ctx->node->kind == BT_NODE_SCALAR)
        return ctx->node->text;
    bt_node_err(err, ctx->doc, ctx->node, "%s: want one value, not %s", opt->name, bt_node_kind_name(ctx->node));
    return NULL;
}

static int bad(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err, const char *text, const char *want)
{
    if (ctx->node)
        return bt_node_err(err, ctx->doc, ctx->node, "%s: \"%.80s\": want %s", opt->name, text, want);
    return bt_err_set(err, BT_E_USAGE, 0, "\"%.80s\": want %s", text, want);
}

static int parse_layers(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_llama_serve *l = &((struct bt_serve *)ctx->target)->llama;
    const char *text = given(opt, ctx, err);
    struct bt_err inner = { 0 };
    if (!text)
        return -1;
    l->gpu_layers_set = strcmp(text, "auto") != 0;
    l->gpu_layers = UINT32_MAX;
    if (!l->gpu_layers_set || !strcmp(text, "all") || !strcmp(text, "-1"))
        return 0;
    return bt_u64_parse(bt_str(text), 0, UINT32_MAX, &l->gpu_layers, &inner) < 0 ? bad(opt, ctx, err, text, "a number of layers, all or auto") : 0;
}

static int parse_slots(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_serve *s = ctx->target;
    const char *text = given(opt, ctx, err);
    struct bt_err inner = { 0 };
    if (!text)
        return -1;
    s->max_seqs = 0;
    if (!strcmp(text, "-1") || !strcmp(text, "auto"))
        return 0;
    return bt_u64_parse(bt_str(text), 1, 256, &s->max_seqs, &inner) < 0 ? bad(opt, ctx, err, text, "1 to 256 slots, or -1 for the engine's choice") : 0;
}

/* "3,1": shares of the cards. */
static int parse_split(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_llama_serve *l = &((struct bt_serve *)ctx->target)->llama;
    const char *text = given(opt, ctx, err);
    struct bt_str rest = bt_str(text), part;
    double sum = 0;
    l->nsplit = 0;
    while (text && (rest.n || !l->nsplit)) {
        struct bt_err inner = { 0 };
        rest = bt_str_cut(rest, ',', &part);
        if (l->nsplit == BT_LEN(l->split) || bt_f64_parse(bt_str_trim(part), 0, 1e9, &l->split[l->nsplit], &inner) < 0)
            return bad(opt, ctx, err, text, "at most 16 shares such as 3,1");
        sum += l->split[l->nsplit++];
    }
    return !text ? -1 : sum > 0 ? 0 : bad(opt, ctx, err, text, "a share above 0");
}

/* std::regex's words for what POSIX writes otherwise; what is left over is refused by the compiler. */
static const char *posix(struct bt_arena *a, struct bt_str text)
{
    bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
    for (size_t i = 0; i < text.n; i++) {
        struct bt_str rest = { text.p + i, text.n - i };
        if (bt_str_starts(rest, "\\d")) {
            bt_buf_printf(&b, "[0-9]");
            i++;
        } else if (bt_str_starts(rest, "(?:")) {
            bt_buf_printf(&b, "(");
            i += 2;
        } else if (rest.p[0] == '\\' && rest.n > 1) {
            bt_buf_add(&b, rest.p, 2);
            i++;
        } else {
            bt_buf_add(&b, rest.p, 1);
        }
    }
    return bt_arena_strdup(a, bt_buf_z(&b));
}

static bool place_of(struct bt_str text, int *device)
{
    struct bt_err inner = { 0 };
    uint64_t n;
    *device = -1;
    if (bt_str_starts(text, "CPU") || bt_str_eq(text, "CUDA_Host"))
        return true;
    if (!bt_str_starts(text, "CUDA") || bt_u64_parse((struct bt_str){ text.p + 4, text.n - 4 }, 0, 15, &n, &inner) < 0)
        return false;
    *device = (int)n;
    return true;
}

/* "exps=CPU,blk\.1.*=CUDA1" (common/arg.cpp parse_tensor_buffer_overrides); a flag given again adds to the first. */
static int parse_overrides(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_llama_serve *l = &((struct bt_serve *)ctx->target)->llama;
    const char *text = given(opt, ctx, err);
    struct bt_str left = bt_str(text), one;
    struct bt_llama_override *list = NULL;
    size_t n = 0;
    for (size_t i = 0; i < l->noverride; i++)
        BT_PUSH(ctx->arena, list, n, l->override[i]);
    while (text && left.n) {
        struct bt_llama_override row = { .text = NULL };
        struct bt_err inner = { 0 };
        left = bt_str_cut(left, ',', &one);
        const char *eq = memchr(one.p, '=', one.n);
        if (!eq || !place_of((struct bt_str){ eq + 1, one.n - (size_t)(eq + 1 - one.p) }, &row.device))
            return bad(opt, ctx, err, text, "NAMES=PLACE, with CPU or CUDA0, CUDA1 ... as place");
        if (bt_pattern_compile(ctx->arena, posix(ctx->arena, (struct bt_str){ one.p, (size_t)(eq - one.p) }), &row.name, &inner) < 0)
            return bad(opt, ctx, err, text, bt_arena_printf(ctx->arena, "an expression that berth can read: %s", inner.msg));
        row.text = bt_arena_strndup(ctx->arena, one);
        BT_PUSH(ctx->arena, list, n, row);
    }
    l->override = list;
    l->noverride = n;
    return text ? 0 : -1;
}

static int parse_choice(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    const char *text = given(opt, ctx, err);
    bt_auto_buf struct bt_buf list = BT_BUF(512);
    for (size_t i = 0; text && opt->choices[i]; i++) {
        if (!strcmp(opt->choices[i], text)) {
            *(const char **)((char *)ctx->target + opt->off) = opt->choices[i];
            return 0;
        }
        bt_buf_printf(&list, "%s%s", i ? ", " : "one of ", opt->choices[i]);
    }
    if (!text)
        return -1;
    bad(opt, ctx, err, text, bt_buf_z(&list));
    if (!strcmp(opt->name, "split-mode") && !strcmp(text, "row"))
        bt_err_hint(err, "llama.cpp dropped row for CUDA in June 2026 (#24216): layer or tensor");
    return -1;
}

static const char *const kv_types[] = { "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1", NULL };
static const char *const split_modes[] = { "none", "layer", "tensor", NULL };
static const char *const on_off_auto[] = { "on", "off", "auto", NULL };
static const char *const on_off[] = { "on", "off", NULL };
static const char *const load_modes[] = { "auto", "none", "mmap", "mlock", "mmap+mlock", "dio", NULL };

static const struct bt_opt flags[] = {
    { .name = "model", .alias = "m", .type = BT_OPT_STR, .off = AT(model), .metavar = "FILE", .help = "the .gguf file; of a split model the first" },
    { .name = "hf-repo", .alias = "hf", .type = BT_OPT_STR, .off = AT(model), .metavar = "REPO", .help = "ORG/NAME:TYPE on the hub" },
    { .name = "ctx-size", .alias = "c", .type = BT_OPT_U64, .off = AT(context), .max = 4294967295.0, .metavar = "N", .help = "tokens of the KV cache, shared by the slots; 0 or absent: the model's" },
    { .name = "parallel", .alias = "np", .type = BT_OPT_CUSTOM, .off = AT(max_seqs), .parse = parse_slots, .metavar = "N", .help = "slots; absent: 4 that share one cache" },
    { .name = "kv-unified", .alias = "kvu", .type = BT_OPT_BOOL, .off = LL(unified), .set_off = LL(unified_set), .help = "one cache for all slots; without it each has its part" },
    { .name = "gpu-layers", .alias = "ngl", .type = BT_OPT_CUSTOM, .off = LL(gpu_layers), .parse = parse_layers, .metavar = "N",
      .help = "layers on the GPUs, the output counts as one; all, auto (default: all that fit)" },
    { .name = "n-gpu-layers", .type = BT_OPT_CUSTOM, .off = LL(gpu_layers), .parse = parse_layers, .metavar = "N" },
    { .name = "batch-size", .alias = "b", .type = BT_OPT_U64, .off = AT(max_batched_tokens), .min = 1, .max = 1 << 20, .help = "tokens of a logical batch (2048)" },
    { .name = "ubatch-size", .alias = "ub", .type = BT_OPT_U64, .off = LL(ubatch), .min = 1, .max = 1 << 20, .help = "tokens computed at once (512): the compute buffers grow with it" },
    { .name = "split-mode", .alias = "sm", .type = BT_OPT_CUSTOM, .off = LL(split_mode), .parse = parse_choice, .choices = split_modes, .metavar = "MODE", .help = "none, layer (default), tensor" },
    { .name = "tensor-split", .alias = "ts", .type = BT_OPT_CUSTOM, .off = LL(split), .parse = parse_split, .metavar = "A,B,..", .help = "share of each GPU; its length is the number of GPUs" },
    { .name = "main-gpu", .alias = "mg", .type = BT_OPT_U64, .off = LL(main_gpu), .max = 15, .help = "the GPU of split mode none" },
    { .name = "device", .alias = "dev", .type = BT_OPT_STR, .off = LL(devices), .metavar = "A,B,..", .help = "CUDA0,CUDA1; none for the CPU" },
    { .name = "cache-type-k", .alias = "ctk", .type = BT_OPT_CUSTOM, .off = LL(kv_k), .parse = parse_choice, .choices = kv_types, .metavar = "TYPE", .help = "type of the keys (f16), q8_0, q4_0, ..." },
    { .name = "cache-type-v", .alias = "ctv", .type = BT_OPT_CUSTOM, .off = LL(kv_v), .parse = parse_choice, .choices = kv_types, .metavar = "TYPE",
      .help = "type of the values (f16); a quantised one needs flash attention" },
    { .name = "flash-attn", .alias = "fa", .type = BT_OPT_CUSTOM, .off = LL(flash_attn), .parse = parse_choice, .choices = on_off_auto, .alone = "on", .metavar = "MODE", .help = "on, off, auto (default)" },
    { .name = "no-kv-offload", .alias = "nkvo", .type = BT_OPT_BOOL, .off = LL(kv_on_host), .help = "KV cache in host RAM" },
    { .name = "swa-full", .type = BT_OPT_BOOL, .off = LL(swa_full), .help = "whole caches for sliding-window layers too" },
    { .name = "cpu-moe", .alias = "cmoe", .type = BT_OPT_BOOL, .off = LL(cpu_moe), .help = "experts in host RAM" },
    { .name = "n-cpu-moe", .alias = "ncmoe", .type = BT_OPT_U64, .off = LL(n_cpu_moe), .max = 4096, .help = "experts of the first N layers in host RAM" },
    { .name = "override-tensor", .alias = "ot", .type = BT_OPT_CUSTOM, .off = LL(override), .parse = parse_overrides, .metavar = "NAMES=PLACE,..",
      .help = "tensors that are elsewhere: a regular expression, and CPU or CUDA0 ..." },
    { .name = "load-mode", .alias = "lm", .type = BT_OPT_CUSTOM, .off = LL(load_mode), .parse = parse_choice, .choices = load_modes, .metavar = "MODE", .help = "auto, none, mmap, mlock, mmap+mlock, dio" },
    { .name = "mmap", .type = BT_OPT_BOOL, .off = LL(mmap), .help = "of builds before load-mode: --mmap, --no-mmap" },
    { .name = "cache-ram", .alias = "cram", .type = BT_OPT_U64, .off = LL(cache_ram_mib), .set_off = LL(cache_ram_set), .max = 1 << 24, .metavar = "MIB", .help = "host RAM that old prompts may take (8192)" },
    { .name = "fit", .type = BT_OPT_CUSTOM, .off = LL(fit), .parse = parse_choice, .choices = on_off, .metavar = "MODE", .help = "on (default): less context and fewer layers when memory is short" },
    { .name = "alias", .alias = "a", .type = BT_OPT_STR, .off = AT(served_name), .metavar = "NAME", .help = "name in the API" },
    { .name = "host", .type = BT_OPT_STR, .off = AT(host), .metavar = "ADDRESS" },
    { .name = "port", .type = BT_OPT_U64, .off = AT(port), .max = 65535 },
    { 0 },
};

/* ---- defaults ---- */

static uint64_t count_words(const char *list)
{
    uint64_t n = list && *list ? 1 : 0;
    for (const char *p = list; n && *p; p++)
        n += *p == ',';
    return n;
}

/* common/common.h and tools/server/server.cpp: 4 slots over one cache unless slots are given; then each has its own part. */
void bt_llama_resolve(const struct bt_engine_version *v, const struct bt_engine_device *d, uint64_t model_context, struct bt_serve *s)
{
    struct bt_llama_serve *l = &s->llama;
    (void)v;
    s->tp = s->dp = 1;
    if (!s->pp) {
        s->pp = BT_MAX(BT_MAX(l->nsplit, count_words(l->devices)), 1u);
        if (l->split_mode && !strcmp(l->split_mode, "none"))
            s->pp = 1;
    }
    s->pp = d->cpu ? 1 : BT_MIN(s->pp, BT_LEN(l->split));
    if (!s->max_seqs) {
        s->max_seqs = 4;
        if (!l->unified_set)
            l->unified = true;
    }
    if (!s->context)
        s->context = model_context;
    s->max_batched_tokens = BT_MIN(s->max_batched_tokens ? s->max_batched_tokens : 2048, BT_MAX(s->context, 1u));
    l->ubatch = BT_MIN(l->ubatch ? l->ubatch : 512, s->max_batched_tokens);
    if (d->cpu || (l->devices && !strcmp(l->devices, "none"))) {
        l->gpu_layers = 0;
        l->gpu_layers_set = true;
    } else if (!l->gpu_layers_set) {
        l->gpu_layers = UINT32_MAX;
    }
    if (s->cut && s->pp > 1 && s->ncut == s->pp) {   /* half a layer off each boundary: no rounding of its shares moves one. The output counts as a layer */
        for (uint64_t i = 0; i < s->pp; i++)
            l->split[i] = s->cut[i] - (i == 0 ? 0.5 : 0) + (i + 1 == s->pp ? 1.5 : 0);
        l->nsplit = s->pp;
    }
    l->kv_k = l->kv_k ? l->kv_k : "f16";
    l->kv_v = l->kv_v ? l->kv_v : "f16";
    if (!l->cache_ram_set)
        l->cache_ram_mib = 8192;
    s->block_size = 256;             /* cells are padded to it */
    s->utilization = 1;
}

/* ---- shapes ---- */

/* Equal shares of layers and output, the output counted as one; in float as the engine does it (src/llama-model.cpp). */
static uint32_t stage_layers(uint32_t layers, uint64_t pp, uint64_t stage)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < layers; i++) {
        float at = (float)i / (float)(layers + 1), upto = 0;
        uint64_t d = 0;
        while (d + 1 < pp && (upto += 1 / (float)pp) <= at)
            d++;
        n += d == stage;
    }
    return n;
}

bool bt_llama_shape_ok(const struct bt_shape *m, uint64_t tp, uint64_t pp, struct bt_refusal *why)
{
    if (tp > 1) {
        why->code = "no-tensor-parallel";
        snprintf(why->text, sizeof why->text, "llama-server splits a model by layers (-sm layer): TP=%" PRIu64 " is not possible; give it %" PRIu64 " GPUs with -ts", tp, tp);
        return false;
    }
    if (pp > 16 || (m->layers && pp > m->layers + 1)) {
        why->code = "more-stages-than-layers";
        snprintf(why->text, sizeof why->text, "%" PRIu64 " GPUs for %u layers: llama-server uses at most 16 devices, and each holds a layer", pp, m->layers);
        return false;
    }
    return true;
}

/* ---- starting ---- */

#define PLANNED_SLOTS 4              /* as its own default */

/* One pool for all slots, sized by the plan. */
static void planned(uint64_t requests, struct bt_serve *s)
{
    s->llama.planned = s->llama.unified = s->llama.unified_set = true;
    if (!s->max_seqs)
        s->max_seqs = BT_MIN(BT_MAX(requests, (uint64_t)PLANNED_SLOTS), 256u);
}

static const char *split_text(struct bt_arena *a, const struct bt_serve *s)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1024);
    for (uint64_t i = 0; i < s->pp; i++)
        bt_buf_printf(&b, "%s%g", i ? "," : "", s->llama.nsplit ? s->llama.split[i] : 1);
    return bt_arena_strdup(a, bt_buf_z(&b));
}

/* With --fit off and every size given it takes the same memory every time, whatever is free (llama.cpp common/fit.cpp). */
static void start(const struct bt_engine_start *in, struct bt_engine_command *out)
{
    const struct bt_serve *s = in->serve;
    const struct bt_llama_serve *l = &s->llama;
    struct engine_argv v = { .in = in, .out = out, .flags = flags, .short_names = in->brief };
    engine_word(&v, in->program ? in->program : "llama-server");
    engine_flag(&v, in->hub ? "hf-repo" : "model", in->model);
    if (in->host)
        engine_flag(&v, "host", in->host);
    if (in->port)
        engine_flag(&v, "port", in->port);
    if (in->name)
        engine_flag(&v, "alias", in->name);
    engine_flag_u64(&v, "ctx-size", l->planned ? in->kv_tokens : s->context);
    engine_flag_u64(&v, "parallel", s->max_seqs);
    if (l->unified)
        engine_flag(&v, "kv-unified", NULL);
    engine_flag_u64(&v, "batch-size", s->max_batched_tokens);
    engine_flag_u64(&v, "ubatch-size", l->ubatch);
    engine_flag(&v, "gpu-layers", l->gpu_layers >= UINT32_MAX ? "all" : bt_arena_printf(in->arena, "%" PRIu64, l->gpu_layers));
    if (s->pp > 1)
        engine_flag(&v, "tensor-split", split_text(in->arena, s));
    if (strcmp(l->kv_k, "f16") || strcmp(l->kv_v, "f16")) {
        engine_flag(&v, "cache-type-k", l->kv_k);
        engine_flag(&v, "cache-type-v", l->kv_v);
    }
    if (l->flash_attn)
        engine_flag(&v, "flash-attn", l->flash_attn);
    if (l->kv_on_host)
        engine_flag(&v, "no-kv-offload", NULL);
    if (l->swa_full)
        engine_flag(&v, "swa-full", NULL);
    if (l->cpu_moe)
        engine_flag(&v, "cpu-moe", NULL);
    if (l->n_cpu_moe)
        engine_flag_u64(&v, "n-cpu-moe", l->n_cpu_moe);
    for (size_t i = 0; i < l->noverride; i++)
        engine_flag(&v, "override-tensor", l->override[i].text);
    engine_flag_u64(&v, "cache-ram", l->cache_ram_mib);
    engine_flag(&v, "fit", "off");
    if (!in->brief)                  /* signs of work: requests, decodes; tokens are counted at a request's end only */
        engine_word(&v, "--metrics");
    engine_raw(&v);
    if (!in->brief)                  /* lines with bytes are told from here on */
        engine_env(&v, "LLAMA_ARG_LOG_VERBOSITY", "4");
}

/* ---- stopping ---- */

/* While loading, no handler is installed: the first signal ends it. */
static const struct bt_stop_step stop_starting[] = { { SIGTERM, BT_STOP_LEADER, 2000 }, { SIGKILL, BT_STOP_TREE, 5000 } };
/* Idle it is gone in milliseconds. With a stream open it waits for its client for ever (10 of 10 tries); the second signal ends it at once, with status 1. */
static const struct bt_stop_step stop_ready[] = { { SIGTERM, BT_STOP_LEADER, 5000 }, { SIGTERM, BT_STOP_LEADER, 1000 }, { SIGKILL, BT_STOP_TREE, 5000 } };

/* A server of embeddings answers 501 to completions, one that ranks 501 to both (llama.cpp tools/server). */
static const struct bt_engine_first first[] = {
    { "/v1/completions", "\"prompt\":\"1\",\"max_tokens\":1" },
    { "/v1/embeddings", "\"input\":\"1\"" },
    { "/v1/rerank", "\"query\":\"1\",\"documents\":[\"1\"]" },
};

const struct bt_engine bt_engine_llama = {
    .name = "llama-server", .versions = versions, .nversions = BT_LEN(versions), .flags = flags,
    .program = "llama-server", .health_path = "/health", .listens_when_ready = true,
    .metric_running = "llamacpp:requests_processing", .metric_tokens = "llamacpp:n_decode_total",
    .stop_starting = stop_starting, .nstop_starting = BT_LEN(stop_starting),
    .first = first, .nfirst = BT_LEN(first), .key_flag = "--api-key", .key_env = "LLAMA_API_KEY",
    .stop_ready = stop_ready, .nstop_ready = BT_LEN(stop_ready),
    .log_line = bt_llama_log_line, .resolve = bt_llama_resolve, .shape_ok = bt_llama_shape_ok, .stage_layers = stage_layers, .cuts_layers = true, .kv_in_8_bits = "q8_0", .planned = planned, .start = start,
};
