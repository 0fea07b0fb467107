/* pace.c - berth pace: how fast a model would decode on these cards, by shape; and what a speed that somebody states is worth. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "need/fit.h"
#include "pace/pace.h"

struct args {
    const char *gpus, *engine, *engine_version, *quantization, *claim, *draft, *acceptance;
    uint64_t context, streams, prompt, answer, tenants, tp, pp;
    int p2p;
    bool json;
};

#define SIZE_OFF 0.07 /* a model's parameters from the size that people call it by: phi-4 has 14.7B and is called 14B */

static const char *const p2p_words[] = { "auto", "yes", "no", NULL };
#define AT(f) offsetof(struct args, f)
static const struct bt_opt opts[] = {
    { .name = "acceptance",
      .type = BT_OPT_STR,
      .off = AT(acceptance),
      .metavar = "SHARE",
      .help = "of drafted tokens kept, 0.7 or 70%; or the mean tokens a step as engines log it, 2.6; default: a usual one, said" },
    { .name = "answer",
      .type = BT_OPT_COUNT,
      .off = AT(answer),
      .def = "256",
      .min = 1,
      .max = 1e8,
      .help = "tokens of an answer: with --streams, how often a prompt arrives" },
    { .name = "claim",
      .type = BT_OPT_STR,
      .off = AT(claim),
      .metavar = "TEXT",
      .help = "judge a stated speed: 'Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s'" },
    { .name = "context",
      .type = BT_OPT_COUNT,
      .off = AT(context),
      .def = "1024",
      .min = 1,
      .max = 1e8,
      .help = "tokens in the KV cache of each stream" },
    { .name = "draft",
      .type = BT_OPT_STR,
      .off = AT(draft),
      .metavar = "KIND[:N]",
      .help = "speculation, N tokens at once: ngram:4, eagle:3, mtp:1, or a model as ORG/NAME:5" },
    { .name = "engine", .type = BT_OPT_STR, .off = AT(engine), .def = "vllm", .metavar = "NAME", .help = "whose kernels and launch costs" },
    { .name = "engine-version", .type = BT_OPT_STR, .off = AT(engine_version), .metavar = "VERSION", .help = "default: the newest known" },
    { .name = "gpus",
      .type = BT_OPT_STR,
      .off = AT(gpus),
      .metavar = "FLEET",
      .help = "4xA100-SXM4-40GB, cards of this machine (0,1), a fleet.json; default: this machine's" },
    { .name = "json", .type = BT_OPT_BOOL, .off = AT(json), .help = "one JSON object" },
    { .name = "p2p",
      .type = BT_OPT_ENUM,
      .off = AT(p2p),
      .choices = p2p_words,
      .def = "auto",
      .help = "do the cards reach each other over PCIe; auto: not GeForce, not A10G" },
    { .name = "pp", .type = BT_OPT_U64, .off = AT(pp), .min = 1, .max = 64, .help = "this pipeline size only" },
    { .name = "prompt",
      .type = BT_OPT_COUNT,
      .off = AT(prompt),
      .def = "1024",
      .min = 1,
      .max = 1e8,
      .help = "tokens of a prompt: for the first token" },
    { .name = "quantization", .type = BT_OPT_STR, .off = AT(quantization), .metavar = "METHOD", .help = "quantised while loading: fp8, awq, int8" },
    { .name = "streams", .type = BT_OPT_COUNT, .off = AT(streams), .def = "1", .min = 1, .max = 100000, .help = "sequences decoded together" },
    { .name = "tenants",
      .type = BT_OPT_U64,
      .off = AT(tenants),
      .def = "1",
      .min = 1,
      .max = 64,
      .help = "processes that are busy on the cards at once, this one too" },
    { .name = "tp", .type = BT_OPT_U64, .off = AT(tp), .min = 1, .max = 64, .help = "this tensor-parallel size only" },
    { 0 }
};

#define MAX_ROWS 64
struct row {
    uint64_t tp, pp, streams;
    bool ok;
    const char *why;
    uint64_t kv_tokens;
    struct bt_pace pace, batch;
    struct bt_pace_first first;
    struct bt_pace_load load;
    struct bt_pace_drafted drafted, drafted_all; /* one stream; as many as `batch` */
};
struct look {
    struct bt_arena *a;
    const struct args *o;
    struct bt_model *m;
    struct bt_fleet fleet;
    const struct bt_engine *engine;
    const struct bt_engine_version *version;
    struct bt_pace_weight weight;
    struct bt_pace_draft draft;
    struct row row[MAX_ROWS];
    size_t n;
};

/* The card of the fleet that decides: ranks go at the pace of the slowest. */
static const struct bt_gpu *slowest(const struct bt_fleet *f)
{
    const struct bt_gpu *g = &f->gpus[0];
    for (size_t i = 1; i < f->n; i++)
        if (f->gpus[i].kind && (!g->kind || f->gpus[i].kind->mem_gbs < g->kind->mem_gbs))
            g = &f->gpus[i];
    return g;
}

static bool one_island(const struct bt_fleet *f, uint64_t ranks)
{
    uint64_t same = 0;
    for (size_t i = 0; i < f->n; i++)
        same += f->gpus[i].island >= 0 && f->gpus[i].island == f->gpus[0].island;
    return ranks > 1 && same >= ranks;
}

static double kv_token_bytes(const struct bt_need *n)
{
    double sum = 0;
    for (size_t i = 0; i < n->nranks; i++)
        sum += (double)n->rank[i].kv_token_bytes * (double)BT_MIN(n->serve.tp, (uint64_t)BT_MAX(n->model->kv_heads, 1u));
    return sum;
}

/* What fits of it, and how fast: one row. */
static int add_row(struct look *x, uint64_t tp, uint64_t pp, struct bt_err *err)
{
    const struct bt_gpu *card = slowest(&x->fleet);
    struct bt_fit_case c = { .model = x->m, .engine = x->engine, .version = x->version, .card = card };
    struct bt_serve s = { .tp = tp, .pp = pp, .quantization = x->o->quantization, .context = x->o->context };
    struct bt_fit *fit;
    struct row *r = &x->row[x->n];
    if (x->n == MAX_ROWS)
        return 0;
    if (bt_fit_server(x->a, &c, &s, &fit, err) < 0)
        return -1;
    x->n++;
    *r = (struct row){
        .tp = tp, .pp = pp, .ok = fit->fits, .kv_tokens = fit->tokens, .why = fit->nrefusals ? bt_arena_strdup(x->a, fit->refusals[0].text) : NULL
    };
    if (!fit->need) /* the shape itself is impossible */
        return 0;
    struct bt_pace_in in = { .model = x->m,
                             .weight = &x->weight,
                             .engine = x->engine,
                             .version = x->version,
                             .engine_version = x->o->engine_version,
                             .card = card,
                             .tp = tp,
                             .pp = pp,
                             .context = x->o->context,
                             .kv_bytes_per_token = kv_token_bytes(fit->need),
                             .nvlink = one_island(&x->fleet, tp > 1 ? tp : tp * pp),
                             .p2p = (enum bt_pace_p2p)x->o->p2p,
                             .prompt = x->o->prompt,
                             .answer = x->o->answer,
                             .tenants = (uint32_t)x->o->tenants };
    bt_pace_decode(&in, &r->pace);
    bt_pace_first(&in, &r->first);
    bt_pace_load(&in, &r->load);
    uint64_t room = r->kv_tokens / BT_MAX(x->o->context, 1u), limit = fit->need->serve.max_seqs ? fit->need->serve.max_seqs : UINT64_MAX;
    r->streams = BT_MAX(BT_MIN(BT_MIN(x->o->streams, room), limit), 1u);
    bt_pace_drafted(&in, &x->draft, &r->drafted);
    in.streams = r->streams;
    bt_pace_decode(&in, &r->batch);
    bt_pace_drafted(&in, &x->draft, &r->drafted_all);
    return 0;
}

/* "0.7", "70%", "2.6": between 0 and 1 of a token, above 1 the tokens of a step. */
static int read_acceptance(const char *text, struct bt_pace_draft *d, struct bt_err *err)
{
    char *end;
    double v = strtod(text, &end);
    v = !strcmp(end, "%") ? v / 100 : v;
    bool share = v > 0 && v < 1, tokens = v > 1 && v <= d->tokens + 1 && strcmp(end, "%") != 0;
    if (end == text || (*end && strcmp(end, "%")) || !(share || tokens)) {
        bt_err_set(err, BT_E_USAGE, 0, "--acceptance \"%.40s\": a share between 0 and 1, or from more than 1 to %u tokens a step", text, d->tokens + 1);
        return bt_err_hint(err, "engines log it: vLLM \"Mean acceptance length\", SGLang \"accept len\"");
    }
    d->acceptance = v;
    return 0;
}

/* "mtp:3", "eagle", "Qwen/Qwen3-0.6B:5". */
static int read_draft(struct look *x, struct bt_err *err)
{
    static const struct { const char *name; enum bt_pace_drafter kind; uint32_t tokens; } kinds[] = {
        { "ngram", BT_DRAFT_NGRAM, 4 }, { "eagle", BT_DRAFT_HEAD, 3 }, { "eagle3", BT_DRAFT_HEAD, 3 }, { "mtp", BT_DRAFT_MTP, 1 },
    };
    const char *text = x->o->draft, *colon = text ? strrchr(text, ':') : NULL;
    if (!text)
        return x->o->acceptance ? bt_err_set(err, BT_E_USAGE, 0, "--acceptance is of drafts: say who drafts with --draft") : 0;
    const char *name = colon ? bt_arena_strndup(x->a, (struct bt_str){ text, (size_t)(colon - text) }) : text;
    char *end = NULL;
    unsigned long n = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (colon && (!end || end == colon + 1 || *end || n < 1 || n > 64))
        return bt_err_set(err, BT_E_USAGE, 0, "--draft \"%.60s\": behind the colon stand the tokens drafted at once, 1 to 64", text);
    struct bt_pace_draft *d = &x->draft;
    for (size_t i = 0; i < BT_LEN(kinds); i++)
        if (!strcasecmp(kinds[i].name, name))
            *d = (struct bt_pace_draft){ .kind = kinds[i].kind, .tokens = kinds[i].tokens };
    if (d->kind == BT_DRAFT_NONE) {
        struct bt_model *m;
        if (bt_model_open_hub(x->a, name, NULL, &m, err) < 0)
            return bt_err_wrap(err, "--draft (ngram, eagle, mtp, or a model)");
        *d = (struct bt_pace_draft){ .kind = BT_DRAFT_MODEL, .model = m, .tokens = 5 };
    }
    if (d->kind == BT_DRAFT_MTP && !x->m->mtp_layers) {
        bt_err_set(err, BT_E_USAGE, 0, "--draft mtp: %s has no layers of its own for drafting", x->m->id);
        return bt_err_hint(err, "eagle, ngram, or a smaller model of the same vocabulary");
    }
    if (d->kind == BT_DRAFT_MODEL && d->model->vocab != x->m->vocab) {
        bt_err_set(err, BT_E_USAGE, 0, "--draft: %s has %u words and %s %u: engines verify drafts of the same vocabulary only", d->model->id,
                   d->model->vocab, x->m->id, x->m->vocab);
        return bt_err_hint(err, "a smaller model of the same family, or eagle, mtp, ngram");
    }
    d->tokens = n ? (uint32_t)n : d->tokens;
    return x->o->acceptance ? read_acceptance(x->o->acceptance, d, err) : 0;
}

static int find_rows(struct look *x, const char *ref, struct bt_err *err)
{
    struct bt_fleet_opts fo = { .visible = getenv("CUDA_VISIBLE_DEVICES") };
    x->engine = bt_engine_find(x->o->engine);
    if (!x->engine || !x->engine->versions) {
        bt_err_set(err, BT_E_USAGE, 0, "--engine \"%.60s\": the memory of this engine is not known, so what fits cannot be said", x->o->engine);
        return bt_err_hint(err, "vllm, sglang or llama-server; claims (--claim) may name others");
    }
    x->version = bt_engine_version(x->engine, x->o->engine_version, NULL, err);
    if (!x->version || bt_model_open_hub(x->a, ref, NULL, &x->m, err) < 0 ||
        bt_fleet_open(x->a, x->o->gpus ? x->o->gpus : "", &fo, &x->fleet, err) < 0)
        return -1;
    if (!x->fleet.n)
        return bt_err_set(err, BT_E_DEVICE, 0, "no GPU: name a fleet with --gpus");
    if (!bt_pace_weigh(x->m, x->o->quantization, 0, x->engine->name, &x->weight))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no speed without its tensors: %s", ref, x->m->tensors_why ? x->m->tensors_why : "none are known");
    if (read_draft(x, err) < 0)
        return -1;
    bool by_layers = !strcmp(x->engine->name, "llama-server");
    for (uint64_t cards = 1; cards <= x->fleet.n; cards++)
        for (uint64_t tp = 1; tp <= cards; tp++) {
            bool asked = (!x->o->tp || x->o->tp == tp) && (!x->o->pp || x->o->pp == cards / tp);
            bool usual = tp == cards || tp == 1 || x->o->tp || x->o->pp; /* TP x PP only where it is asked for: the table stays one screen */
            if (cards % tp == 0 && asked && usual && (!by_layers || tp == 1) && add_row(x, tp, cards / tp, err) < 0)
                return -1;
        }
    if (!x->n)
        return bt_err_set(err, BT_E_USAGE, 0, "no such shape on %zu card%s", x->fleet.n, x->fleet.n == 1 ? "" : "s");
    return 0;
}

/* ---- the table ---- */

static const char *figure(struct bt_arena *a, double v) /* no more digits than the model is good for */
{
    return bt_arena_printf(a, v >= 9.95 ? "%.0f" : "%.1f", v);
}

static const char *shape_text(struct bt_arena *a, const struct row *r)
{
    if (r->tp * r->pp == 1)
        return "one GPU";
    if (r->tp == 1 || r->pp == 1)
        return bt_arena_printf(a, "%s=%llu", r->tp > 1 ? "TP" : "PP", (unsigned long long)(r->tp * r->pp));
    return bt_arena_printf(a, "TP=%llu x PP=%llu", (unsigned long long)r->tp, (unsigned long long)r->pp);
}

/* With drafts: a table of its own, beside the one without. */
static void print_drafted(struct look *x, struct bt_style st, struct bt_buf *b)
{
    static const char *const heads[] = { "with drafts", ">tok/s", ">gain", ">all streams", ">gain", ">verify", ">draft", NULL };
    struct bt_table *t = bt_table_new(x->a, heads);
    const struct bt_pace_drafted *said = NULL;
    for (size_t i = 0; i < x->n; i++) {
        const struct row *r = &x->row[i];
        if (!r->drafted.known)
            continue;
        said = said ? said : &r->drafted;
        bt_table_row(t, shape_text(x->a, r), figure(x->a, r->drafted.decode_tok_s), bt_arena_printf(x->a, "%.2f x", r->drafted.gain),
                     r->ok ? figure(x->a, r->drafted_all.total_tok_s) : "-", r->ok ? bt_arena_printf(x->a, "%.2f x", r->drafted_all.gain) : "-",
                     bt_arena_printf(x->a, "%.1f ms", r->drafted.verify_ms), bt_arena_printf(x->a, "%.1f ms", r->drafted.draft_ms), NULL);
    }
    if (!said)
        return;
    bt_buf_puts(b, "\n");
    bt_table_print(t, st, b);
    bt_buf_printf(b, "%s drafts %u token%s: %.0f %% of those looked at are kept%s, %.2f tokens a step. What is kept is luck with the text.\n",
                  x->draft.model ? x->draft.model->id : bt_pace_drafter_name(x->draft.kind), x->draft.tokens, x->draft.tokens == 1 ? "" : "s",
                  said->acceptance * 100, said->assumed ? " (assumed: give --acceptance from the engine's log)" : "", said->tokens_a_step);
}

/* "26 to 104 s": machines differ that much. */
static const char *start_text(struct bt_arena *a, double seconds)
{
    double low = seconds / BT_PACE_START_FACTOR, high = seconds * BT_PACE_START_FACTOR;
    if (high < 120)
        return bt_arena_printf(a, "%.0f to %.0f s", low, high);
    const char *from = bt_arena_strdup(a, bt_duration_human(low));
    return bt_arena_printf(a, "%s to %s", from, bt_duration_human(high));
}

/* "83 to 119 ms", "0.6 to 2.4 s": most measured ones of the kind are inside. "about 0.6 s": too few were measured to say so. */
static const char *first_text(struct bt_arena *a, const struct bt_pace_first *f)
{
    if (!f->known)
        return "?";
    if (!(f->factor > 0))
        return f->seconds < 0.95 ? bt_arena_printf(a, "about %.0f ms", f->seconds * 1e3) : bt_arena_printf(a, "about %s", bt_duration_human(f->seconds));
    double low = f->seconds / f->factor, high = f->seconds * f->factor;
    if (high < 0.95)
        return bt_arena_printf(a, "%.0f to %.0f ms", low * 1e3, high * 1e3);
    if (high < 60)
        return bt_arena_printf(a, "%.1f to %.1f s", low, high);
    const char *from = bt_arena_strdup(a, bt_duration_human(low));
    return bt_arena_printf(a, "%s to %s", from, bt_duration_human(high));
}

static void print_rows(struct look *x, struct bt_style st, struct bt_buf *b)
{
    static const char *const heads[] = { "shape", "fits",   ">tok/s", ">of ceiling", ">all streams", ">per card", ">first token",
                                         "?>load", "?>start", "?link",   NULL };
    struct bt_table *t = bt_table_new(x->a, heads);
    const struct bt_gpu *card = slowest(&x->fleet);
    bt_buf_printf(b, "%s on %s, %s %s%s%s: %s tokens of context, %s stream%s, prompts of %s tokens%s\n", x->m->id,
                  card->kind ? card->kind->short_name : card->name, x->engine->name, x->version->version, x->o->quantization ? ", " : "",
                  x->o->quantization ? x->o->quantization : "", bt_count_human(x->o->context), bt_count_human(x->o->streams),
                  x->o->streams == 1 ? "" : "s", bt_count_human(x->o->prompt), x->o->tenants > 1 ? ", shared in turns" : "");
    for (size_t i = 0; i < x->n; i++) {
        const struct row *r = &x->row[i];
        if (!r->pace.known) {
            bt_table_row(t, shape_text(x->a, r), "no", "-", "-", "-", "-", "-", "-", "-",
                         r->why ? r->why : "the speed of this card is not in the catalog", NULL);
            continue;
        }
        bt_table_row(t, shape_text(x->a, r), r->ok ? "yes" : "no", figure(x->a, r->pace.decode_tok_s),
                     bt_arena_printf(x->a, "%.0f %%", 100 * r->pace.decode_tok_s / r->pace.ceiling_tok_s),
                     r->ok ? bt_arena_printf(x->a, "%s (%llu)", figure(x->a, r->batch.total_tok_s), (unsigned long long)r->streams) : "-",
                     r->ok ? figure(x->a, r->batch.total_tok_s / (double)(r->tp * r->pp)) : "-",
                     first_text(x->a, &r->first),
                     bt_arena_strdup(x->a, bt_duration_human(r->load.seconds[BT_LOAD_NVME])),
                     start_text(x->a, r->load.seconds[BT_LOAD_NVME] + r->load.warm_s), r->pace.link, NULL);
    }
    bt_table_print(t, st, b);
    print_drafted(x, st, b);
    double worst = 0;
    for (size_t i = 0; i < x->n; i++)
        worst = BT_MAX(worst, x->row[i].pace.error_share);
    bt_buf_printf(b,
                  "tok/s: one stream, give or take %.0f %%. all streams: of so many as fit, new prompts arriving. load: from local NVMe; start: with "
                  "it, compiled before, by the machine. first token: where most measured ones of the kind are; about: too few were measured to say.\n",
                  worst * 100);
}

static json_t *pace_json(const struct bt_pace *p)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}}", "decode_tok_s", p->decode_tok_s, "total_tok_s",
                     p->total_tok_s, "ceiling_tok_s", p->ceiling_tok_s, "error_share", p->error_share, "step_ms", "weights", p->weights_ms, "kv",
                     p->kv_ms, "layers", p->layers_ms, "host", p->host_ms, "allreduce", p->allreduce_ms, "hop", p->hop_ms, "prefill", p->prefill_ms,
                     "wait", p->wait_ms, "all", p->step_ms);
}

static json_t *drafted_json(const struct bt_pace_drafted *one, const struct row *r)
{
    if (!one->known)
        return json_null();
    return json_pack("{s:f, s:b, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "acceptance", one->acceptance, "assumed", one->assumed, "tokens_a_step",
                     one->tokens_a_step, "verify_ms", one->verify_ms, "draft_ms", one->draft_ms, "step_ms", one->step_ms, "decode_tok_s",
                     one->decode_tok_s, "gain", one->gain, "total_tok_s", r->ok ? json_real(r->drafted_all.total_tok_s) : json_null(), "total_gain",
                     r->ok ? json_real(r->drafted_all.gain) : json_null());
}

static json_t *row_json(const struct row *r)
{
    json_t *o = json_pack("{s:I, s:I, s:b, s:s?}", "tp", (json_int_t)r->tp, "pp", (json_int_t)r->pp, "fits", r->ok, "why_not", r->ok ? NULL : r->why);
    if (!r->pace.known)
        return o;
    json_object_set_new(o, "one_stream", pace_json(&r->pace));
    json_object_set_new(o, "streams", r->ok ? json_integer((json_int_t)r->streams) : json_null());
    json_object_set_new(o, "batch", r->ok ? pace_json(&r->batch) : json_null());
    json_object_set_new(o, "drafted", drafted_json(&r->drafted, r));
    json_object_set_new(o, "link", json_string(r->pace.link));
    json_object_set_new(o, "first_token_s", r->first.known ? json_real(r->first.seconds) : json_null());
    json_object_set_new(o, "first_token_factor", r->first.known && r->first.factor > 0 ? json_real(r->first.factor) : json_null());
    json_object_set_new(o, "load_s",
                        json_pack("{s:f, s:f, s:f}", "page_cache", r->load.seconds[BT_LOAD_CACHE], "nvme", r->load.seconds[BT_LOAD_NVME], "network",
                                  r->load.seconds[BT_LOAD_NETWORK]));
    json_object_set_new(o, "start_s", json_pack("{s:f, s:f, s:f}", "warm", r->load.warm_s, "cold", r->load.cold_s, "factor", BT_PACE_START_FACTOR));
    return o;
}

static json_t *rows_json(const struct look *x)
{
    json_t *list = json_array();
    for (size_t i = 0; i < x->n; i++)
        json_array_append_new(list, row_json(&x->row[i]));
    const struct bt_gpu *card = slowest(&x->fleet);
    return json_pack("{s:o, s:{s:s, s:s}, s:s, s:I, s:I, s:I, s:I, s:o}", "model", bt_json_text(x->m->id), "engine", "name", x->engine->name, "version",
                     x->version->version, "gpu", card->name, "gpus", (json_int_t)x->fleet.n, "context", (json_int_t)x->o->context, "prompt",
                     (json_int_t)x->o->prompt, "tenants", (json_int_t)x->o->tenants, "shapes", list);
}

/* ---- claims ---- */

/* "Qwen2.5-32B" as people write it: a folder or an id, else the built-in shape whose name ends so. */
static int claim_model_named(struct bt_arena *a, const char *said, struct bt_model **out, struct bt_err *err)
{
    static const struct { const char *said, *meant; } others[] = { /* ollama's names of what it is not */
        { "deepseek-r1-1.5b", "DeepSeek-R1-Distill-Qwen-1.5B" }, { "deepseek-r1-7b", "DeepSeek-R1-Distill-Qwen-7B" },
        { "deepseek-r1-8b", "DeepSeek-R1-Distill-Llama-8B" },    { "deepseek-r1-14b", "DeepSeek-R1-Distill-Qwen-14B" },
        { "deepseek-r1-32b", "DeepSeek-R1-Distill-Qwen-32B" },   { "deepseek-r1-70b", "DeepSeek-R1-Distill-Llama-70B" },
    };
    for (size_t i = 0; i < BT_LEN(others); i++)
        said = strcasecmp(said, others[i].said) ? said : others[i].meant;
    static const char *const tails[] = { "", "-instruct", "-it", "-chat", "-hf", "-chat-hf" };
    static const char *const heads[] = { "", "meta-" };
    const char *const *ids = bt_model_builtin();
    if (strchr(said, '/'))
        return bt_model_open(a, said, out, err);
    for (size_t t = 0; t < BT_LEN(tails); t++)
        for (size_t h = 0; h < BT_LEN(heads); h++)
            for (size_t i = 0; ids[i]; i++) {
                const char *slash = strrchr(ids[i], '/');
                if (!strcasecmp(slash ? slash + 1 : ids[i], bt_arena_printf(a, "%s%s%s", heads[h], said, tails[t])))
                    return bt_model_open(a, ids[i], out, err);
            }
    if (bt_model_open(a, said, out, err) == 0)
        return 0;
    size_t n = 0;
    const char *longer = NULL;                       /* "Mixtral-8x7B" of Mixtral-8x7B-v0.1: the shortest that goes on so */
    for (; ids[n]; n++) {
        const char *name = strrchr(ids[n], '/') ? strrchr(ids[n], '/') + 1 : ids[n];
        bool goes_on = strlen(said) > 3 && !strncasecmp(name, said, strlen(said)) && name[strlen(said)] == '-';
        longer = goes_on && (!longer || strlen(ids[n]) < strlen(longer)) ? ids[n] : longer;
    }
    if (longer)
        return bt_model_open(a, longer, out, err);
    const char *size = strrchr(said, '-');           /* "DeepSeek-R1-671B": a size beside a name that needs none, where the model has it */
    size_t digits = size ? strspn(size + 1, "0123456789.") : 0;
    if (digits && (size[1 + digits] == 'B' || size[1 + digits] == 'b') && !size[2 + digits] && size != said) {
        struct bt_err ignored = { 0 };
        double billions = strtod(size + 1, NULL);
        if (claim_model_named(a, bt_arena_strndup(a, (struct bt_str){ said, (size_t)(size - said) }), out, &ignored) == 0 &&
            fabs((double)(*out)->parameters / 1e9 - billions) < SIZE_OFF * billions)
            return 0;
    }
    const char **names = BT_NEWN(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = strrchr(ids[i], '/') ? strrchr(ids[i], '/') + 1 : ids[i];
    const char *near = bt_str_nearest(bt_str(said), names, n);
    bt_auto_buf struct bt_buf shown = BT_BUF(256);
    bt_buf_add_escaped(&shown, (struct bt_str){ said, strnlen(said, 60) });
    bt_err_set(err, BT_E_NOT_FOUND, 0, "\"%s\" is no built-in model and no folder here", bt_buf_z(&shown));
    return near ? bt_err_hint(err, "did you mean %s?", near)
                : bt_err_hint(err, "give the id as the hub has it, such as Qwen/Qwen2.5-32B-Instruct, or a folder with a config.json");
}

/* As it is said, or with the dash that people leave out, or put, before the number: "llama3.1-8b", "Qwen-3-8B". */
static int claim_model(struct bt_arena *a, const char *said, struct bt_model **out, struct bt_err *err)
{
    if (claim_model_named(a, said, out, err) == 0)
        return 0;
    struct bt_err later = { 0 };
    size_t letters = 0;
    while (isalpha((unsigned char)said[letters]))
        letters++;
    size_t dash = said[letters] == '-';
    bool number = letters > 2 && isdigit((unsigned char)said[letters + dash]);
    const char *other = bt_arena_printf(a, "%.*s%s%s", (int)letters, said, dash ? "" : "-", said + letters + dash);
    return number && !strchr(said, '/') && claim_model_named(a, other, out, &later) == 0 ? 0 : -1;
}

/* Would the engine start in this shape at all? NULL = yes. */
static const char *shape_refused(struct bt_arena *a, const struct bt_claim *c, const struct bt_model *m)
{
    struct bt_refusal why = { 0 };
    struct bt_shape s = bt_need_shape(m);
    const struct bt_engine *e = bt_engine_find(c->engine ? c->engine : "vllm");
    return e && !bt_engine_shape_ok(e, &s, c->tp, c->pp, &why) ? bt_arena_strdup(a, why.text) : NULL;
}

/* Digits of a rate: four, and all before the point. */
static int rate_digits(double tok_s) { return tok_s >= 1e4 ? 1 + (int)floor(log10(tok_s)) : 4; }

static void print_claim(struct bt_arena *a, const struct bt_claim *c, const struct bt_model *m, const struct bt_judged *j, struct bt_buf *b)
{
    const char *refused = shape_refused(a, c, m);
    const char *bits = c->quantization ? c->quantization : j->assumed;
    const char *taken = !j->assumed ? "" : c->quantization ? " (taken for the GGUF, whose rest has 8 bits)" : " (taken for it: no bits are said)";
    bt_buf_printf(b, "claim: %s%s%s%s on %llu x %s, TP=%llu", m->id, bits ? " " : "", bits ? bits : "", taken,
                  (unsigned long long)c->cards, c->kind->short_name, (unsigned long long)c->tp);
    if (c->pp > 1)
        bt_buf_printf(b, " x PP=%llu", (unsigned long long)c->pp);
    if (c->by_layers && c->tp > 1)
        bt_buf_puts(b, " at best (expected: layer by layer)");
    if (c->engines > 1)
        bt_buf_printf(b, ", %llu engines", (unsigned long long)c->engines);
    if (c->speculation)
        bt_buf_puts(b, ", with speculation");
    bt_buf_printf(b, ", %s stream%s: %.*g tok/s\n", bt_count_human(c->streams), c->streams == 1 ? "" : "s", rate_digits(c->tok_s), c->tok_s);
    bt_buf_printf(b, "  a step reads %.1f GB on each card, and %s reads %.0f GB/s: at most %.1f tok/s\n", j->read_bytes / 1e9, c->kind->short_name,
                  c->kind->mem_gbs, j->ceiling_tok_s);
    if (c->speculation)
        bt_buf_printf(b,
                      "  a step may give several tokens: the claim needs %.1f at the speed that berth expects without; the longest mean run published is "
                      "%.1f\n",
                      j->tokens_a_step, BT_SPECULATED_TOKENS);
    bt_buf_printf(b, "  the claim is %.0f %% of that; the highest honest share known for TP=%llu is %.0f %%\n", 100 * j->share,
                  (unsigned long long)c->tp, 100 * j->best_share);
    if (j->matrix_share > j->share)
        bt_buf_printf(b, "  and it multiplies %.0f %% of what the cards' matrix units can\n", 100 * j->matrix_share);
    bool guessed = j->verdict != BT_CLAIM_CREDIBLE && j->four_bit.known; /* the bits */
    bt_buf_printf(b, "  %s%s%s\n", bt_claim_verdict_name(j->verdict), guessed ? " in 16 bits, as the model is stored (the claim does not say its bits)" : "",
                  j->verdict != BT_CLAIM_IMPOSSIBLE ? ""
                  : j->matrix_share > 1            ? ": more operations a second than the cards have"
                                                   : " without speculation: more bytes a second than the cards have");
    if (j->verdict == BT_CLAIM_IMPOSSIBLE && !c->said_streams)
        bt_buf_puts(b, "  one stream was taken for it: of many together, say how many (\"64 streams\")\n");
    if (c->prompt_tok_s > 0)
        bt_buf_printf(b, "  not judged: %.*g tok/s of reading prompts\n", rate_digits(c->prompt_tok_s), c->prompt_tok_s);
    if (c->first_s > 0)
        bt_buf_printf(b, "  not judged: the first token after %s\n", bt_duration_human(c->first_s));
    if (j->weight_bytes > j->card_bytes && j->card_bytes > 0)
        bt_buf_printf(b, "  and it does not start: %.1f GB of weights on each card, which has %.1f\n", j->weight_bytes / 1e9, j->card_bytes / 1e9);
    if (refused)
        bt_buf_printf(b, "  and the shape does not start: %s\n", refused);
    bt_buf_printf(b, "  berth expects %s tok/s, give or take %.0f %%", figure(a, j->pace.total_tok_s), 100 * j->pace.error_share);
    if (j->verdict != BT_CLAIM_CREDIBLE && j->eight_bit.known && j->eight_bit.total_tok_s >= 0.93 * c->tok_s)
        bt_buf_printf(b, "; with 8-bit weights %s", figure(a, j->eight_bit.total_tok_s));
    else if (j->verdict != BT_CLAIM_CREDIBLE && j->four_bit.known && j->four_bit.total_tok_s >= 0.85 * c->tok_s)
        bt_buf_printf(b, "; with 4-bit weights %s", figure(a, j->four_bit.total_tok_s));
    bt_buf_puts(b, "\n");
}

static json_t *claim_json(struct bt_arena *a, const struct bt_claim *c, const struct bt_model *m, const struct bt_judged *j)
{
    static const char *const codes[] = {
        [BT_CLAIM_IMPOSSIBLE] = "impossible", [BT_CLAIM_NOT_REACHED] = "not-reached", [BT_CLAIM_CREDIBLE] = "credible"
    };
    return json_pack("{s:{s:o, s:s?, s:s, s:I, s:I, s:I, s:I, s:f, s:I, s:b, s:o, s:o}, s:s, s:s, s:s?, s:f, s:f, s:f, s:f, s:o, s:b, s:s?, s:o, s:o, s:o}",
                     "claim", "model", bt_json_text(m->id),
                     "quantization", c->quantization, "gpu", c->kind->nvml_name, "gpus", (json_int_t)c->cards, "tp", (json_int_t)c->tp, "pp",
                     (json_int_t)c->pp, "streams", (json_int_t)c->streams, "tok_s", c->tok_s, "engines", (json_int_t)BT_MAX(c->engines, 1u), "speculation",
                     c->speculation, "prompt_tok_s", c->prompt_tok_s > 0 ? json_real(c->prompt_tok_s) : json_null(), "first_token_s",
                     c->first_s > 0 ? json_real(c->first_s) : json_null(), "verdict", codes[j->verdict], "text", bt_claim_verdict_name(j->verdict),
                     "assumed_quantization", j->assumed, "share", j->share, "matrix_share", j->matrix_share, "ceiling_tok_s",
                     j->ceiling_tok_s, "best_share", j->best_share, "tokens_a_step",
                     j->tokens_a_step > 0 ? json_real(j->tokens_a_step) : json_null(), "weights_fit", !(j->weight_bytes > j->card_bytes && j->card_bytes > 0),
                     "shape_refused", shape_refused(a, c, m), "expected", pace_json(&j->pace), "eight_bit",
                     j->eight_bit.known ? pace_json(&j->eight_bit) : json_null(), "four_bit", j->four_bit.known ? pace_json(&j->four_bit) : json_null());
}

/* The claim's model, or what its name says without the format behind it. The error is of the name as it was said. */
static int open_said(struct bt_arena *a, struct bt_claim *c, struct bt_model **m, struct bt_err *err)
{
    struct bt_claim as = *c;
    struct bt_err first = { 0 }, later = { 0 };
    if (claim_model(a, as.model, m, &first) == 0)
        return 0;
    while (bt_claim_other_model(a, &as))
        if (claim_model(a, as.model, m, &later) == 0) {
            *c = as;
            return 0;
        }
    *err = first;
    return -1;
}

static int judge(const struct bt_verb *v, struct bt_arena *a, const struct args *o)
{
    struct bt_err err = { 0 };
    struct bt_claim c;
    struct bt_model *m;
    struct bt_judged j;
    if (bt_claim_parse(a, bt_str(o->claim), &c, &err) < 0 || open_said(a, &c, &m, &err) < 0 || bt_claim_judge(&c, m, &j, &err) < 0)
        return bt_cmd_fail(v, &err, o->json);
    bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
    print_claim(a, &c, m, &j, &b);
    if (o->json)
        bt_cmd_json("pace-claim", claim_json(a, &c, m, &j));
    else
        bt_cmd_print(&b);
    return j.verdict == BT_CLAIM_IMPOSSIBLE ? bt_errc_exit(BT_E_FIT) : 0;
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_err err = { 0 };
    struct bt_strs rest = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, NULL);
    if (rc)
        return rc;
    if (o.claim)
        return rest.n ? bt_cmd_usage(v, o.json, "--claim names its own model: not \"%s\" too", rest.v[0]) : judge(v, &a, &o);
    if (rest.n != 1)
        return bt_cmd_usage(v, o.json, rest.n ? "one model at a time" : "which model? a folder, an id such as Qwen/Qwen2.5-7B-Instruct; or --claim");
    struct look *x = BT_NEW(&a, struct look);
    *x = (struct look){ .a = &a, .o = &o };
    if (find_rows(x, rest.v[0], &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    bt_auto_buf struct bt_buf b = BT_BUF(256 * KiB);
    print_rows(x, bt_style_of(stdout), &b);
    if (o.json)
        bt_cmd_json("pace", rows_json(x));
    else
        bt_cmd_print(&b);
    bool fits = false;
    for (size_t i = 0; i < x->n; i++)
        fits = fits || x->row[i].ok;
    return fits ? 0 : bt_errc_exit(BT_E_FIT);
}

const struct bt_verb bt_verb_pace = {
    .name = "pace",
    .summary = "how fast: tokens a second, first token and load time by shape; or judge a stated speed",
    .usage = "berth pace MODEL [--gpus FLEET] [--streams N] [--context N] [--prompt N] [--draft KIND[:N]] [--json]\n"
             "       berth pace --claim TEXT [--json]",
    .example = "  berth pace Qwen/Qwen2.5-32B-Instruct --gpus 4xA100-SXM4-40GB --streams 16\n"
               "  berth pace --claim 'Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s'",
    .opts = opts,
    .run = run
};
