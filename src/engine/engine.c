/* engine.c - finding an engine and its version row; defaults and shape rules that every engine's users ask for. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include "engine/engine_int.h"

static const struct bt_engine *const engines[] = { &bt_engine_vllm, &bt_engine_sglang, &bt_engine_llama, &bt_engine_command };

const struct bt_engine *bt_engine_find(const char *name)
{
    for (size_t i = 0; name && i < BT_LEN(engines); i++)
        if (!strcmp(engines[i]->name, name))
            return engines[i];
    return NULL;
}

const char *const *bt_engine_names(void)
{
    static const char *const names[] = { "vllm", "sglang", "llama-server", NULL };
    return names;
}

/* ---- versions ---- */

int bt_version_cmp(const char *a, const char *b)
{
    for (int part = 0; part < 4; part++) {
        unsigned long x = strtoul(a, (char **)&a, 10), y = strtoul(b, (char **)&b, 10);
        if (x != y)
            return x < y ? -1 : 1;
        bool more_a = a[0] == '.' && isdigit((unsigned char)a[1]), more_b = b[0] == '.' && isdigit((unsigned char)b[1]);
        a = more_a ? a + 1 : "0";
        b = more_b ? b + 1 : "0";
        if (!more_a && !more_b)
            return 0;
    }
    return 0;
}

bool bt_engine_at_least(const char *version, const char *than)
{
    version += *version == 'v';
    return !isdigit((unsigned char)*version) || bt_version_cmp(version, than) >= 0;
}

/* Does `version` say nothing but the row's numbers? A pre-release has the row's numbers but may lack its behaviour. */
static bool same_release(const char *version, const char *row)
{
    size_t n = strcspn(version, "+");
    return n == strlen(row) && !strncmp(version, row, n);
}

const struct bt_engine_version *bt_engine_version(const struct bt_engine *e, const char *version, bool *exact, struct bt_err *err)
{
    bool ignored;
    if (!exact)
        exact = &ignored;
    *exact = false;
    if (e->nversions == 0) {
        bt_err_set(err, BT_E_SPEC, 0, "%s has no versions", e->name);
        return NULL;
    }
    const struct bt_engine_version *newest = &e->versions[e->nversions - 1];
    if (!version || !*version) {
        *exact = true;
        return newest;
    }
    if (*version == 'v')
        version++;
    if (!isdigit((unsigned char)*version) || strlen(version) > 64) {
        bt_err_set(err, BT_E_SPEC, 0, "%s version \"%.64s\": not a version", e->name, version);
        bt_err_hint(err, "write it as the engine does, as \"%s\"", newest->version);
        return NULL;
    }
    const struct bt_engine_version *row = NULL;
    for (size_t i = 0; i < e->nversions && bt_version_cmp(e->versions[i].version, version) <= 0; i++)
        row = &e->versions[i];
    if (!row) {
        bt_err_set(err, BT_E_SPEC, 0, "%s %s is older than every version berth knows (the oldest is %s)", e->name, version, e->versions[0].version);
        bt_err_hint(err, "install %s %s or newer; the newest known is %s", e->name, e->versions[0].version, newest->version);
        return NULL;
    }
    *exact = same_release(version, row->version);
    return row;
}

/* ---- defaults ---- */

/* vLLM engine/arg_utils.py, the column of `vllm serve` (API server); rows from the largest card down. */
static const struct { uint64_t at_least_bytes; bool not_a100; uint32_t batched_tokens, seqs; } device_defaults[] = {
    { 160 * GiB, false, 16384, 1024 },
    { 70 * GiB, true, 8192, 1024 },
    { 0, false, 2048, 256 },
};
#define CPU_BATCHED_TOKENS 2048     /* x tp x pp */
#define CPU_SEQS 128                /* x tp x pp */

#define V0_SEQS 256
#define V0_BATCHED_TOKENS 2048u
#define V0_CHUNKED_FROM 32768

static bool is_a100(const char *name)
{
    return name && strcasestr(name, "a100");
}

static void device_limits(const struct bt_engine_device *d, uint64_t ranks, uint64_t *batched, uint64_t *seqs)
{
    if (d->cpu) {
        *batched = CPU_BATCHED_TOKENS * ranks;
        *seqs = CPU_SEQS * ranks;
        return;
    }
    for (size_t i = 0; i < BT_LEN(device_defaults); i++)
        if (d->total_bytes >= device_defaults[i].at_least_bytes && !(device_defaults[i].not_a100 && is_a100(d->name))) {
            *batched = device_defaults[i].batched_tokens;
            *seqs = device_defaults[i].seqs;
            return;
        }
}

void bt_engine_resolve(const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_engine_device *d, uint64_t model_context, struct bt_serve *s)
{
    if (!e->flags)                   /* a plain command has no defaults of ours */
        return;
    if (e->resolve) {
        e->resolve(v, d, model_context, s);
        return;
    }
    s->tp = BT_MAX(s->tp, 1);
    s->pp = BT_MAX(s->pp, 1);
    s->dp = BT_MAX(s->dp, 1);
    if (!s->context)
        s->context = model_context;
    if (!s->utilization_set)
        s->utilization = v->default_utilization;
    if (!s->block_size)
        s->block_size = d->cpu ? 128 : 16;
    if (s->lora) {
        s->max_loras = BT_MAX(s->max_loras, 1);
        if (!s->max_lora_rank)
            s->max_lora_rank = 16;
        if (!s->max_cpu_loras)
            s->max_cpu_loras = s->max_loras;
    }
    uint64_t ranks, batched = 0, seqs = 0, cap;
    if (!bt_mul_u64(s->tp, s->pp, &ranks) || ranks > 65536)
        ranks = 65536;               /* refused by the shape rules; only keeps the products small */
    device_limits(d, ranks, &batched, &seqs);
    if (v->v0) {                     /* chunked prefill was on by default for long contexts only (V0 engine/arg_utils.py) */
        seqs = V0_SEQS;
        batched = s->context <= V0_CHUNKED_FROM ? BT_MAX(s->context, V0_BATCHED_TOKENS) : V0_BATCHED_TOKENS;
    }
    bool given_seqs = s->max_seqs != 0, given_batched = s->max_batched_tokens != 0;
    if (!given_seqs)
        s->max_seqs = seqs;
    if (!given_batched) {            /* a batch larger than all sequences at full length can never fill */
        s->max_batched_tokens = batched;
        if (s->context && bt_mul_u64(s->max_seqs, s->context, &cap))
            s->max_batched_tokens = BT_MIN(batched, cap);
    }
    if (!given_seqs)
        s->max_seqs = BT_MIN(s->max_seqs, s->max_batched_tokens);
}

/* ---- shape rules ---- */

uint32_t bt_engine_stage_layers(const struct bt_engine *e, uint32_t layers, uint64_t pp, uint64_t stage)
{
    if (e && e->stage_layers)
        return e->stage_layers(layers, pp, stage);
    /* What is left over goes to the second to last stage and then to those before it: the last one carries the output head.
     * vLLM distributed/utils.py get_pp_indices. */
    uint64_t left = pp ? layers % pp : 0;
    return pp ? (uint32_t)(layers / pp + (stage + 1 < pp && stage + 1 + left >= pp)) : 0;
}

void bt_engine_pp_layers(uint32_t layers, uint64_t pp, uint32_t *out)
{
    for (uint64_t i = 0; i < pp; i++)
        out[i] = bt_engine_stage_layers(NULL, layers, pp, i);
}

static void layers_text(const uint32_t *cut, const struct bt_engine *e, uint32_t layers, uint64_t pp, char *out, size_t size)
{
    if (!size)
        return;
    *out = 0;
    size_t used = 0;
    for (uint64_t i = 0; i < pp; i++) {
        int n = snprintf(out + used, size - used, "%s%" PRIu32, i ? "," : "", cut ? cut[i] : bt_engine_stage_layers(e, layers, pp, i));
        if (n < 0 || used + (size_t)n + 5 > size) {                  /* keep room for ",..." */
            snprintf(out + used, size - used, ",...");
            return;
        }
        used += (size_t)n;
    }
}

void bt_engine_pp_text(const struct bt_engine *e, uint32_t layers, uint64_t pp, char *out, size_t size) { layers_text(NULL, e, layers, pp, out, size); }
void bt_engine_cut_text(const uint32_t *cut, uint64_t pp, char *out, size_t size) { layers_text(cut, NULL, 0, pp, out, size); }

static const uint32_t *cut_of(const struct bt_serve *s) { return s->ncut == s->pp && s->pp > 1 ? s->cut : NULL; }

bool bt_engine_cut_parse(struct bt_arena *a, const char *text, struct bt_serve *s)
{
    uint32_t *cut = BT_NEWN(a, uint32_t, strlen(text) / 2 + 2);
    size_t n = 0;
    for (const char *p = text; ; p++) {
        char *end;
        unsigned long v = isdigit((unsigned char)*p) ? strtoul(p, &end, 10) : 0;
        if (!v || v > UINT16_MAX)
            return false;
        cut[n++] = (uint32_t)v;
        p = end;
        if (!*p)
            break;
        if (*p != ',')
            return false;
    }
    s->cut = cut;
    s->ncut = n;
    return true;
}

int bt_engine_cut(const struct bt_engine *e, uint32_t layers, const struct bt_serve *s, uint32_t *out, struct bt_err *err)
{
    char text[128], own[128];
    const uint32_t *cut = cut_of(s);
    uint64_t sum = 0;
    bool empty = false;
    for (uint64_t i = 0; i < s->pp; i++) {
        out[i] = cut ? cut[i] : bt_engine_stage_layers(e, layers, s->pp, i);
        sum += out[i];
        empty = empty || !out[i];
    }
    if (!cut)
        return 0;
    bt_engine_cut_text(cut, s->pp, text, sizeof text);
    bt_engine_pp_text(e, layers, s->pp, own, sizeof own);
    if (!e->cuts_layers)
        return bt_err_set(err, BT_E_SPEC, 0, "pp_layers [%s]: %s cuts layers as it likes", text, e->name);
    if (!empty && sum == layers)
        return 0;
    bt_err_set(err, BT_E_SPEC, 0, "pp_layers [%s]: %s", text, empty ? "a stage without a layer" : "not as many layers as the model has");
    return bt_err_hint(err, "the model has %u layers; the engine itself cuts %s", layers, own);
}

bool bt_engine_takes_uuids(const struct bt_engine *e, const struct bt_engine_version *v)
{
    return strcmp(e->name, "vllm") || !v || bt_engine_at_least(v->version, "0.24");
}

#define VOCAB_PADDING 64             /* vLLM layers/vocab_parallel_embedding.py: the vocabulary is padded to this, then divided */

enum tp_rule { TP_OK, TP_HEADS, TP_KV_HEADS, TP_INTERMEDIATE, TP_VOCAB };
static enum tp_rule tp_rule_broken(const struct bt_shape *m, uint64_t tp)            /* a number of 0 is not known: no rule */
{
    if (m->heads % tp)
        return TP_HEADS;
    if (m->kv_heads && (m->kv_heads >= tp ? m->kv_heads % tp : tp % m->kv_heads))
        return TP_KV_HEADS;
    if (m->intermediate % tp)
        return TP_INTERMEDIATE;
    if (bt_round_up(m->vocab, VOCAB_PADDING) % tp)
        return TP_VOCAB;
    return TP_OK;
}

/* "1, 2, 4 or 8": the tensor-parallel sizes up to 16 that the shape allows. */
static void possible_tp(const struct bt_shape *m, char *out, size_t size)
{
    uint64_t ok[16];
    size_t n = 0, used = 0;
    for (uint64_t tp = 1; tp <= 16; tp++)
        if (tp_rule_broken(m, tp) == TP_OK)
            ok[n++] = tp;
    for (size_t i = 0; i < n; i++)   /* at most 16 numbers of two digits: always fits */
        used += (size_t)snprintf(out + used, size - used, "%s%" PRIu64, i == 0 ? "" : i + 1 == n ? " or " : ", ", ok[i]);
}

static bool refuse(struct bt_refusal *why, const char *code, const char *fmt, ...) BT_PRINTF(3, 4);
static bool refuse(struct bt_refusal *why, const char *code, const char *fmt, ...)
{
    va_list ap;
    why->code = code;
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    return false;
}

bool bt_engine_shape_ok(const struct bt_engine *e, const struct bt_shape *m, uint64_t tp, uint64_t pp, struct bt_refusal *why)
{
    if (!e->flags)                   /* a plain command shares its work as it likes */
        return true;
    if (e->shape_ok)
        return e->shape_ok(m, tp, pp, why);
    tp = BT_MAX(tp, 1);
    pp = BT_MAX(pp, 1);
    char sizes[96];
    possible_tp(m, sizes, sizeof sizes);
    switch (tp_rule_broken(m, tp)) { /* the sentences are vLLM's where it has one; its worker only says AssertionError for KV heads */
    case TP_HEADS:
        return refuse(why, "heads-not-divisible", "Total number of attention heads (%u) must be divisible by tensor parallel size (%" PRIu64 ")."
                      " TP=%" PRIu64 " is impossible for this model; TP can be %s", m->heads, tp, tp, sizes);
    case TP_KV_HEADS:
        return refuse(why, "kv-heads-not-divisible", "AssertionError: %u key/value heads and tensor parallel size %" PRIu64 ": neither divides the other."
                      " TP=%" PRIu64 " is impossible for this model; TP can be %s", m->kv_heads, tp, tp, sizes);
    case TP_INTERMEDIATE:
        return refuse(why, "intermediate-not-divisible", "%u is not divisible by %" PRIu64 " (intermediate size of the MLP)."
                      " TP=%" PRIu64 " is impossible for this model; TP can be %s", m->intermediate, tp, tp, sizes);
    case TP_VOCAB:
        return refuse(why, "vocab-not-divisible", "%" PRIu64 " is not divisible by %" PRIu64 " (vocabulary of %u, padded to a multiple of %d)."
                      " TP=%" PRIu64 " is impossible for this model; TP can be %s", bt_round_up(m->vocab, VOCAB_PADDING), tp, m->vocab, VOCAB_PADDING, tp, sizes);
    case TP_OK:
        break;
    }
    if (m->layers && pp > m->layers)
        return refuse(why, "more-stages-than-layers", "pipeline parallel size (%" PRIu64 ") is larger than the number of layers (%u): a stage would be empty."
                      " PP can be 1 to %u", pp, m->layers, m->layers);
    return true;
}
