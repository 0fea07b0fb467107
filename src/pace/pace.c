/* pace - one decode step as a sum: read the weights, read the KV, launch the layers, talk between ranks; the first token; loading. Constants: docs/pace.md. */
#include "pace/pace.h"

#include <math.h>

#include "pace/pace_int.h"

#define KV_SHARE_OF_EFF 0.8125 /* attention reads its KV less evenly than a matrix */
#define KV_AGAIN 0.27 /* what is read once more for each further head of a group: the cache has most of it. 22 rows of Qwen2-7B and 72B, 6k to 129k tokens */
#define ROWS_ENOUGH 15
#define DECODE_MFU 0.7 /* of the matrix rate, when a batch is large enough to be limited by it */
#define BESIDE_SHARE 0.75 /* of prompts' time, what the others' tokens see of it: who comes together waits before the first token. 520 rows */

/* What of `in` was resolved once: used by all the terms. */
struct look {
    const struct bt_pace_in *in;
    const struct bt_model *m;
    const struct bt_gpu_kind *k;
    const struct pc_class *cls;
    const struct pc_engine *eng;
    struct bt_pace_weight w;
    enum pc_link link;
    double tp, pp, batch;   /* batch: sequences that are in one stage at a time */
    double tokens;          /* that one step goes over: more than one of a sequence where drafts are verified */
    double choices;         /* of experts: as many tokens that choose for themselves hit as many */
    double bandwidth, read, read_kv; /* bytes/s of one card: peak, as its weights are read and as its KV is */
    bool kv_by_head;        /* attention reads the KV once for each query head */
};

/* Asked for at start, or the checkpoint's own; NULL = plain. */
static const char *quantization_of(const struct bt_pace_in *in) { return in->quantization ? in->quantization : in->model->quantization; }

static bool look_at(const struct bt_pace_in *in, struct look *x)
{
    *x = (struct look){ .in = in, .m = in->model, .k = in->card->kind };
    if (!x->k || !(x->k->mem_gbs > 0) || x->m->kv_unknown)
        return false;
    x->eng = pc_engine_of(in);
    if (in->weight)
        x->w = *in->weight;
    else if (!bt_pace_weigh(x->m, in->quantization, in->elem, x->eng->name, &x->w))
        return false;
    x->tp = (double)BT_MAX(in->tp, 1u);
    x->pp = (double)BT_MAX(in->pp, 1u);
    uint64_t streams = BT_MAX(in->streams, 1u);
    x->batch = (double)bt_ceil_div(streams, BT_MAX(in->pp, 1u));
    x->tokens = x->batch * (double)BT_MAX(in->verified, 1u);
    x->choices = pc_choices(x->eng, &x->w, x->tokens);
    x->cls = pc_class_of(x->k);
    x->link = pc_link_of(x->k, in->nvlink, in->p2p);
    double eff = pc_engine_eff(x->eng, x->cls);
    x->bandwidth = x->k->mem_gbs * 1e9;
    x->kv_by_head = pc_kv_by_head(x->eng, x->k);
    double given = x->bandwidth * (eff > 0 ? eff : x->cls->eff) * pc_ecc_share(x->eng, x->k);
    x->read_kv = given * KV_SHARE_OF_EFF;
    x->read = given * pc_kernel_share(x->eng, x->w.kernel, x->cls) * pc_method_share(x->eng, quantization_of(in));
    double unpacked = pc_unpack_bytes_a_s(x->eng, &x->w, x->k);
    if (unpacked > 0)
        x->read = BT_MIN(x->read, unpacked);
    return x->w.dense_bytes + x->w.expert_bytes > 0;
}

/* Operations a second of one card in the type of the weights, which become 16-bit numbers where it does not multiply that; 0 = the catalog does not say. */
static double matrix_rate(const struct look *x)
{
    bool fp4 = x->w.kernel == BT_KERNEL_FP4 && pc_multiplies_fp4(x->eng, x->cls);
    return pc_matrix_tflops(x->k, fp4 || x->w.kernel == BT_KERNEL_FP8 ? BT_KERNEL_FP8 : BT_KERNEL_PLAIN) * (fp4 ? 2 : 1) * 1e12;
}

/* KV bytes that one sequence's step reads; layers with a window read no more than that. */
static double kv_bytes(const struct look *x)
{
    double context = (double)x->in->context, whole = 0, read = 0;
    for (uint32_t i = 0; x->m->layer && i < x->m->layers; i++) {
        const struct bt_layer *l = &x->m->layer[i];
        if (l->mixer == BT_MIX_STATE || l->mixer == BT_MIX_NONE)
            continue;
        double token = l->mixer == BT_MIX_MLA ? l->latent : 2.0 * l->kv_heads * l->head_dim;
        double again = x->kv_by_head && l->kv_heads && l->heads > l->kv_heads ? (double)l->heads / l->kv_heads - 1 : 0;
        whole += token;
        read += token * (1 + again * KV_AGAIN) * (l->window && l->window < context ? l->window / context : 1);
    }
    double bytes = x->in->kv_bytes_per_token > 0 ? x->in->kv_bytes_per_token : whole * 2;
    return context * bytes * (whole > 0 ? read / whole : 1);
}

/* What a step reads and writes of the states that a sequence has instead of KV, however long it is: 302 MB of Qwen3.6-27B. llama.cpp keeps 32 bits. */
static double state_bytes(const struct look *x)
{
    double bytes = 0;
    for (uint32_t i = 0; x->m->layer && i < x->m->layers; i++) {
        const struct bt_state *s = x->m->layer[i].state;
        double elem = !s ? 0 : x->eng->family == PC_LLAMA ? 4 : s->elem ? s->elem : x->in->elem ? x->in->elem : 2;
        bytes += s ? 2.0 * s->heads * s->head_dim * s->state * elem : 0;
    }
    return bytes;
}

/* Ranks that share the KV; past the KV heads it is replicated, and MLA's latent always is. */
static double kv_ranks(const struct look *x)
{
    bool latent = x->m->layer && x->m->layers && x->m->layer[0].mixer == BT_MIX_MLA && !(x->in->kv_bytes_per_token > 0);
    return latent ? 1 : BT_MIN(x->tp, (double)BT_MAX(x->kv_by_head ? x->m->heads : x->m->kv_heads, 1u));
}

static double weights_s(const struct look *x)
{
    double read = bt_pace_step_bytes(&x->w, x->choices) / (x->tp * x->read), rate = matrix_rate(x);
    double multiply = rate > 0 ? x->tokens * 2 * x->w.params / (x->tp * rate * DECODE_MFU) : 0;
    return BT_MAX(read, multiply);
}

/* The host's launches of one prompt, where they are not hidden. */
static double prompt_launch_s(const struct look *x)
{
    return ((x->m->layers - BT_MIN(x->w.moe_layers, x->m->layers)) * x->eng->prompt_layer_us + x->w.moe_layers * x->eng->prompt_moe_us) / 1e6;
}

/* The ranks' sums of what a prompt's layers gave. */
static double prompt_link_s(const struct look *x, double tokens)
{
    return x->tp > 1 ? 2.0 * x->m->layers * 2 * (x->tp - 1) / x->tp * tokens * x->m->hidden * 2 / (pc_bus_gbs(x->link) * 1e9) : 0;
}

/* In a steady state each stream is replaced after `answer` steps: its prompt is read in beside the others' steps. */
static double arrivals_s(const struct look *x)
{
    const struct bt_pace_in *in = x->in;
    double rate = matrix_rate(x);
    if (!in->prompt || !in->answer || BT_MAX(in->streams, 1u) < 2 || !(rate > 0))
        return 0;
    double multiply = (double)in->prompt * 2 * x->w.params / (x->tp * rate * pc_mixed_mfu(x->eng, &x->w, x->cls));
    double one = BT_MAX(multiply, prompt_launch_s(x)) + prompt_link_s(x, (double)in->prompt); /* the others wait for the host, too */
    return x->batch / (double)in->answer * one * BESIDE_SHARE;
}

/* Kinds of which the measured rows are up to two and a half times off: attention over a latent with few heads has no fast kernel (GLM-4.7-Flash); 4-bit experts
 * on an A100 went through kernels without tables, of vLLM since 0.12 alone it is known that they do not; dense models on the first CDNAs; engines of 2024 on
 * the MI300X, where some launch each kernel alone. */
static bool is_far_off(const struct look *x)
{
    bool latent = x->m->layer && x->m->layers && x->m->layer[0].mixer == BT_MIX_MLA, server = x->eng->family == PC_SERVER;
    bool unseen4 = !strcmp(x->cls->name, "hbm_a100") && (strcmp(x->eng->name, "vllm") != 0 || pc_early_fp4(x->eng, x->cls));
    bool experts4 = x->w.experts && x->w.kernel == BT_KERNEL_FP4 && unseen4;
    bool old = (!strcmp(x->eng->name, "vllm") && x->eng->since < 8) || (x->eng->family == PC_LLAMA && x->eng->since < 202500);
    return (latent && x->m->heads < 64) || (server && experts4) || (server && !x->w.experts && !strcmp(x->cls->name, "amd_cdna")) ||
           (old && !strcmp(x->cls->name, "amd_cdna3"));
}

/* What three rows of four of such a kind are inside of, or nearly (docs/pace.md): batches hang on who arrives when, latents on whose attention there is. */
static double error_share(const struct look *x)
{
    const struct bt_pace_in *in = x->in;
    bool known = x->cls->rows >= ROWS_ENOUGH && x->eng->measured && in->pp <= 1 && (x->tp <= 1 || in->nvlink) && x->tp <= 8;
    bool by_host = x->w.params < 1e9; /* one model of half a billion takes 2.2 ms a token beside one host and 5.2 beside another */
    bool latent = x->m->layer && x->m->layers && x->m->layer[0].mixer == BT_MIX_MLA;
    return is_far_off(x) ? 0.5 : latent || x->batch > 8 ? 0.3 : known && !x->w.experts && !by_host && in->tenants <= 1 ? 0.1 : 0.2;
}

static double allreduce_us(const struct look *x)
{
    uint64_t ranks = (uint64_t)x->tp;
    double bytes = x->tokens * x->m->hidden * 2.0;
    return pc_sum_us(x->k, x->link, x->eng, ranks, bytes) + pc_nccl_us(x->eng, ranks);
}

/* Kernels that the host launches one by one while the card computes: what of them the card waits for. */
static double ahead_ms(double launches, const struct bt_pace *p)
{
    return BT_MAX(launches - p->weights_ms - p->kv_ms - p->allreduce_ms, 0);
}

/* Launches of all layers: between graphs' kernels; without graphs, of the host. */
static double layers_ms(const struct look *x, const struct bt_pace *p)
{
    double us = x->m->layers * pc_layer_us(x->eng, x->k) + x->w.moe_layers * pc_moe_us(x->eng, x->w.kernel, x->cls);
    if (pc_launches_ahead(x->eng))
        return ahead_ms(us / 1e3, p);
    bool eager = x->eng->graph_tokens && x->in->context > x->eng->graph_tokens;
    return eager ? BT_MAX(us / 1e3, ahead_ms(x->m->layers * PC_EAGER_LAYER_US / 1e3, p)) : us / 1e3;
}

void bt_pace_decode(const struct bt_pace_in *in, struct bt_pace *out)
{
    struct look x;
    *out = (struct bt_pace){ .link = "" };
    if (!look_at(in, &x))
        return;
    out->known = true;
    out->ceiling_tok_s = x.tp * x.bandwidth / bt_pace_step_bytes(&x.w, 1);
    double cache = x.batch * (kv_bytes(&x) / kv_ranks(&x) + state_bytes(&x) / x.tp); /* of one rank */
    out->read_bytes = bt_pace_step_bytes(&x.w, x.choices) / x.tp + cache;
    out->weights_bytes_a_s = x.read;
    out->weights_ms = weights_s(&x) * 1e3;
    out->kv_ms = cache / x.read_kv * 1e3;
    out->host_ms = x.eng->host_ms + x.batch * x.eng->seq_us / 1e3;
    if (x.tp > 1)
        out->allreduce_ms = (2.0 * x.m->layers + 1) * allreduce_us(&x) / 1e3;
    out->layers_ms = layers_ms(&x, out);
    if (x.tp * x.pp > 1)
        out->link = pc_link_name(x.link);
    out->hop_ms = (x.pp - 1) * pc_hop_ms(x.link, x.eng);
    out->prefill_ms = arrivals_s(&x) * 1e3;
    double own = out->weights_ms + out->kv_ms + out->layers_ms + out->host_ms + out->allreduce_ms + out->hop_ms + out->prefill_ms;
    out->wait_ms = own * (BT_MAX(in->tenants, 1u) - 1); /* processes on one card take turns: while one computes the others wait */
    out->step_ms = own + out->wait_ms;
    out->decode_tok_s = 1e3 / out->step_ms;
    out->total_tok_s = out->decode_tok_s * (double)BT_MAX(in->streams, 1u);
    out->error_share = error_share(&x);
}

/* ---- the first token ---- */

/* Causal attention of n tokens: each looks at half of them on average, in windows at no more than those. */
static double attention_ops(const struct bt_model *m, double n)
{
    double ops = 0;
    for (uint32_t i = 0; m->layer && i < m->layers; i++) {
        const struct bt_layer *l = &m->layer[i];
        double width = (double)l->heads * l->head_dim, window = l->window;
        if (l->mixer != BT_MIX_STATE && l->mixer != BT_MIX_NONE)
            ops += 2 * width * n * (window > 0 && window < n ? 2 * window : n);
    }
    return ops;
}

/* llama.cpp's kernels for prompts are made for GeForce cards. */
static double prompt_mfu(const struct look *x)
{
    if (x->eng->family != PC_LLAMA)
        return x->cls->mfu;
    return pc_is_geforce(x->k) ? 0.8 : 0.27;
}

#define FIRST_LONG 1000 /* tokens of a prompt from which on the card decides, not the host */
#define FIRST_FACTOR_KNOWN 1.2
#define FIRST_FACTOR 2.0

/* Between such a part and so many times of what is predicted most measured first tokens of a kind are (docs/pace.md); 0 where none or too few were measured,
 * or they are further off than would help: Radeons and Instincts, FP8 on Blackwell's small cards, whose kernels for blocks reach a third of it, more than two
 * cards over PCIe, where it hangs on the lanes of the slots (four RTX 3090 in one machine are slower than two of them). */
static double first_factor(const struct look *x)
{
    bool amd = !strncmp(x->cls->name, "amd_", 4), small_fp8 = x->k->cc_major == 12 && x->w.kernel == BT_KERNEL_FP8, slots = x->tp > 2 && !x->in->nvlink;
    if (amd || small_fp8 || slots || !x->cls->mfu_seen || !x->eng->measured)
        return 0;
    bool plain = x->eng->family == PC_SERVER && x->w.kernel == BT_KERNEL_PLAIN && !x->w.experts && !(prompt_launch_s(x) > 0);
    return plain && x->in->prompt >= FIRST_LONG && x->tp * x->pp <= 1 && x->in->tenants <= 1 ? FIRST_FACTOR_KNOWN : FIRST_FACTOR;
}

/* What an engine that overlaps its steps takes from the end of the prompt to handing out what it gave: a step of this sequence, others aside. */
static double late_s(const struct look *x)
{
    struct bt_pace_in in = *x->in;
    struct bt_pace p;
    in.context = in.prompt;
    in.streams = in.verified = in.tenants = 0;
    in.prompt = in.answer = 0;
    bt_pace_decode(&in, &p);
    return p.step_ms / 1e3;
}

void bt_pace_first(const struct bt_pace_in *in, struct bt_pace_first *out)
{
    struct look x;
    *out = (struct bt_pace_first){ 0 };
    if (!in->prompt || !look_at(in, &x) || !(matrix_rate(&x) > 0))
        return;
    double n = (double)in->prompt, ops = 2 * x.w.params * n + attention_ops(x.m, n);
    double multiply = ops / (x.tp * matrix_rate(&x) * prompt_mfu(&x)), read = bt_pace_step_bytes(&x.w, n) / (x.tp * x.read);
    out->known = true;
    out->measured = x.cls->mfu_seen && x.eng->measured;
    out->floor_s = x.eng->floor_ms / 1e3 + (x.eng->late ? late_s(&x) : 0);
    out->compute_s = BT_MAX(BT_MAX(multiply, read), prompt_launch_s(&x)); /* the host launches ahead of the card: the longer of them counts */
    out->link_s = prompt_link_s(&x, n);
    out->seconds = (out->floor_s + out->compute_s + out->link_s) * BT_MAX(in->tenants, 1u);
    out->factor = first_factor(&x);
}

/* ---- loading ---- */

const char *const bt_pace_source_names[BT_LOAD__N] = { [BT_LOAD_CACHE] = "page cache", [BT_LOAD_NVME] = "NVMe", [BT_LOAD_NETWORK] = "network" };

/* GB/s of one process that maps safetensors and copies them to its card, and of several: they walk the same files at the same time, each through all of
 * them, so that two are no faster than one from the page cache (5.7 and 5.75) nor from a drive (1.6 and 1.8), and eight twice as fast at most. `several` is
 * one middle figure for two to eight: a third too fast for two. */
static const struct {
    double one, several;
} rates[BT_LOAD__N] = { [BT_LOAD_CACHE] = { 6.0, 8.0 }, [BT_LOAD_NVME] = { 2.5, 3.3 }, [BT_LOAD_NETWORK] = { 0.35, 0.35 } };
/* A GB10 has no memory of its own to copy to: its driver takes mapped pages of 4 KiB one by one, from the page cache as from the drive. Engines that read
 * instead (fastsafetensors, --no-mmap) are four times as fast and more; these are the loaders that are taken unless something else is said. */
#define MAPPED_GB10 0.17
#define MAPPED_GB10_LLAMA 0.65
/* 477 starts (bench/data/pace_starts.csv): the same model is ready in 17 s on one machine and in 62 on another. What is not called fitted is a
 * rule of thumb. */
#define START_S 27       /* imports, profile, graphs, all compiled before */
#define START_OLD_S 40   /* vLLM before 0.8: fitted */
#define WORKERS_S 12     /* more ranks than one: processes, NCCL, connecting. Fitted */
#define COLD_S 10        /* imports from a cold disk */
#define COMPILE_LAYER_S 0.4
#define COMPILE_S 23

void bt_pace_load(const struct bt_pace_in *in, struct bt_pace_load *out)
{
    *out = (struct bt_pace_load){ 0 };
    struct bt_pace_weight w;
    if (in->weight)
        w = *in->weight;
    else if (!bt_pace_weigh(in->model, in->quantization, in->elem, pc_engine_of(in)->name, &w))
        return;
    double ranks = (double)(BT_MAX(in->tp, 1u) * BT_MAX(in->pp, 1u));
    const struct pc_engine *e = pc_engine_of(in);
    const struct bt_gpu_kind *k = in->card ? in->card->kind : NULL;
    double mapped = bt_gpu_kind_unified(k) && !strcmp(k->arch, "Blackwell") ? e->family == PC_LLAMA ? MAPPED_GB10_LLAMA : MAPPED_GB10 : INFINITY;
    out->known = true;
    for (int i = 0; i < BT_LOAD__N; i++)
        out->seconds[i] = w.file_bytes / (BT_MIN(ranks > 1 ? rates[i].several : rates[i].one, mapped) * 1e9);
    bool old = !strcmp(e->name, "vllm") && e->since < 8, compiles = !old && strcmp(e->name, "sglang") != 0;
    if (e->family == PC_LLAMA) {     /* no Python, nothing to compile */
        out->warm_s = 2;
        out->cold_s = 4;
        return;
    }
    out->warm_s = (old ? START_OLD_S : START_S) + (ranks > 1 ? WORKERS_S : 0);
    out->cold_s = out->warm_s + COLD_S + (compiles ? COMPILE_LAYER_S * in->model->layers + COMPILE_S : 0);
}
