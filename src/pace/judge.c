/* judge - what a claim is worth: the bandwidth that it needs, against what the cards have and what honest rows reach. */
#include <math.h>

#include "pace/pace_int.h"

const char *bt_claim_verdict_name(enum bt_verdict v)
{
    return v == BT_CLAIM_IMPOSSIBLE ? "impossible" : v == BT_CLAIM_NOT_REACHED ? "not reached by any reference row" : "credible";
}

/* What people mean who do not say the bits: ollama's models and most files of llama.cpp are Q4_K_M, ExLlama's have 4 bits. NULL = as the model is stored. */
static const char *usual_quantization(const struct bt_claim *c, const struct bt_pace_weight *stored)
{
    const struct pc_engine *e = pc_engine_named(c->engine, c->engine_version);
    if (c->quantization || !e || stored->kernel != BT_KERNEL_PLAIN)
        return NULL;
    return e->family == PC_LLAMA ? "q4_k_m" : e->family == PC_EXL ? "exl2" : NULL;
}

/* Tokens a second that the matrix units allow: each is multiplied with each number once. FP4 is taken for twice as fast as FP8; 0 = not known. */
static double matrix_ceiling(const struct bt_gpu_kind *k, const struct bt_pace_weight *w)
{
    return pc_matrix_tflops(k, w->kernel) * 1e12 * (w->kernel == BT_KERNEL_FP4 ? 2 : 1) / (2 * w->params);
}

/* The same cards with fewer bits: where it is not said how many there were. */
static struct bt_pace with_bits(struct bt_pace_in in, const char *quantization, double engines)
{
    struct bt_pace p;
    in.quantization = quantization;
    bt_pace_decode(&in, &p);
    p.total_tok_s *= engines;
    return p;
}

static int judge(const struct bt_claim *c, const struct bt_model *m, struct bt_judged *out, struct bt_err *err)
{
    const struct bt_gpu_kind *k = c->kind;
    const char *engine = c->engine ? c->engine : "vllm";
    struct bt_gpu card = {
        .uuid = "virtual-0", .name = k->nvml_name, .kind = k, .pci = "", .total_bytes = bt_gpu_kind_total(k), .cc_major = k->cc_major, .island = -1
    };
    struct bt_pace_weight w = { 0 };
    *out = (struct bt_judged){ 0 };
    if (c->card_layers && c->card_layers <= m->layers) { /* the output layer is one more, and the last to go on the card */
        bt_err_set(err, BT_E_USAGE, 0, "%llu of the model's %llu layers, the output layer among them, are on the card in the claim",
                   (unsigned long long)c->card_layers, (unsigned long long)m->layers + 1);
        return bt_err_hint(err, "a part of the model that the processor computes is not judged, only cards are");
    }
    bool weighed = bt_pace_weigh(m, c->quantization, 0, engine, &w);
    out->assumed = weighed ? usual_quantization(c, &w) : NULL;
    struct bt_pace_in in = { .model = m,
                             .engine_name = engine,
                             .engine_version = c->engine_version,
                             .card = &card,
                             .tp = c->tp,
                             .pp = c->pp,
                             .context = c->context,
                             .quantization = out->assumed ? out->assumed : c->quantization,
                             .streams = BT_MAX(c->streams / BT_MAX(c->engines, 1u), 1u), /* each engine has its part of them */
                             .prompt = c->prompt,
                             .answer = c->answer,
                             .nvlink = c->tp * c->pp > 1 && k->nvlink_mesh };
    bt_pace_decode(&in, &out->pace);
    if (!out->pace.known || !bt_pace_weigh(m, in.quantization, 0, engine, &w))
        return bt_err_set(err, BT_E_INPUT, 0, "no figure for %s on %s: %s", m->id, k->short_name,
                          k->mem_gbs > 0 ? "the model's tensors are not known" : "the catalog has no bandwidth of this card");
    double bandwidth = k->mem_gbs * 1e9, engines = (double)BT_MAX(c->engines, 1u), tokens = c->speculation ? BT_SPECULATED_TOKENS : 1;
    double multiplied = engines * (double)(c->tp * c->pp) * matrix_ceiling(k, &w);
    out->read_bytes = out->pace.read_bytes;
    out->ceiling_tok_s = engines * (double)in.streams * bandwidth / out->pace.read_bytes;
    if (c->by_layers) { /* the ceiling is that of the best split, what is expected that of the default */
        in.pp = in.tp;
        in.tp = 1;
        bt_pace_decode(&in, &out->pace);
    }
    out->pace.total_tok_s *= engines;
    out->share = c->tok_s / out->ceiling_tok_s;
    out->matrix_share = multiplied > 0 ? c->tok_s / multiplied : 0;
    out->best_share = bt_pace_best_share(c->tp, pc_class_of(k)->hbm);
    out->tokens_a_step = c->speculation ? c->tok_s / out->pace.total_tok_s : 0;
    out->weight_bytes = w.file_bytes / (double)(c->tp * c->pp);
    out->card_bytes = (double)card.total_bytes;
    /* the best share is known to whole percents; a draft saves reading, never multiplying */
    bool reached = round(out->share * 100) <= round(out->best_share * tokens * 100);
    bool impossible = out->matrix_share > 1 || (out->share > 1 && !c->speculation);
    out->verdict = impossible ? BT_CLAIM_IMPOSSIBLE : reached ? BT_CLAIM_CREDIBLE : BT_CLAIM_NOT_REACHED;
    if (pc_kernel_bits(w.kernel) > 8.5)
        out->eight_bit = with_bits(in, "int8", engines);
    if (w.kernel == BT_KERNEL_PLAIN && !c->quantization)
        out->four_bit = with_bits(in, "int4", engines);
    return 0;
}

int bt_claim_judge(const struct bt_claim *c, const struct bt_model *m, struct bt_judged *out, struct bt_err *err)
{
    if (judge(c, m, out, err) < 0)
        return -1;
    /* gpt-oss by its name alone: the files of llama.cpp, which most people run, have 8 bits where the published ones have 16 */
    struct bt_pace_weight w;
    enum bt_pace_kernel said;
    bool other = c->quantization && !(pc_kernel_named(c->quantization, &said) && said == BT_KERNEL_FP4);
    if (out->verdict == BT_CLAIM_CREDIBLE || c->engine || other || m->gguf || !bt_pace_weigh(m, NULL, 0, "vllm", &w) ||
        w.kernel != BT_KERNEL_FP4)
        return 0;
    struct bt_claim smaller = *c;
    struct bt_judged j;
    smaller.engine = "llama.cpp";
    smaller.quantization = NULL;
    smaller.by_layers = c->tp > 1;
    if (judge(&smaller, m, &j, err) < 0)
        return -1;
    if (j.verdict > out->verdict) {
        *out = j;
        out->assumed = "GGUF";
    }
    return 0;
}
