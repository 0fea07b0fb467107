/* draft - decode with speculation: so many tokens are drafted one after the other, and one step of the model verifies them together. What is kept of them
 * is luck with the text: only with an acceptance is there a figure, and an assumed one says so. */
#include <math.h>

#include "pace/pace_int.h"

/* Per drafted token beside the drafter's own reading: launches and the host between two drafts; and once a step, to sample, compare and roll back. From rows of
 * vLLM 0.8 with EAGLE at 2 and at 4 tokens: 0.89 ms a token, of which 0.56 are read; 1.2 ms a step then, 0.5 in newer ones (docs/pace.md). */
#define TOKEN_MS 0.30
#define TOKEN_MOE_MS 2.0 /* of an MTP layer with experts: it is launched outside of graphs, as a prompt's layers are (1.2 and 2.8 in two rows of Qwen3.5) */
#define STEP_MS 0.50
#define NGRAM_MS 0.05

/* How many of the drafted tokens are usually kept, of each that is looked at: what engines publish for chats. */
static const struct {
    const char *name;
    double usual;
} drafters[BT_DRAFT__N] = {
    [BT_DRAFT_NONE] = { "none", 0 },   [BT_DRAFT_NGRAM] = { "ngram", 0.40 }, [BT_DRAFT_HEAD] = { "eagle", 0.55 },
    [BT_DRAFT_MTP] = { "mtp", 0.75 },  [BT_DRAFT_MODEL] = { "model", 0.70 },
};

const char *bt_pace_drafter_name(enum bt_pace_drafter d) { return drafters[d].name; }

/* Tokens that a step gives: the kept ones up to the first that is not, and the model's own. */
static double tokens_a_step(double acceptance, double drafted)
{
    return acceptance >= 1 ? drafted + 1 : (1 - pow(acceptance, drafted + 1)) / (1 - acceptance);
}

/* The acceptance of one token that gives so many tokens a step. */
static double acceptance_of(double tokens, double drafted)
{
    double low = 0, high = 1;
    for (int i = 0; i < 60; i++) {
        double mid = (low + high) / 2;
        *(tokens_a_step(mid, drafted) < tokens ? &low : &high) = mid;
    }
    return (low + high) / 2;
}

/* One draft of a head: a layer like the model's own, of MTP with its experts, and the output matrix. */
static double head_ms(const struct bt_pace_in *in, const struct bt_pace_draft *d, const struct bt_pace *verify, const struct bt_pace_weight *w)
{
    const struct bt_model *m = in->model;
    double head = (double)m->hidden * m->vocab * 2, streams = (double)BT_MAX(in->streams, 1u), layers = BT_MAX(m->layers, 1u);
    double one = BT_MAX(w->dense_bytes - head, 0) / layers;
    if (d->kind == BT_DRAFT_MTP && w->experts)
        one += (bt_pace_step_bytes(w, streams) - w->dense_bytes) / BT_MAX(w->moe_layers, 1u);
    double rate = verify->weights_bytes_a_s * (double)BT_MAX(in->tp, 1u);
    return (one + head) / rate * 1e3 + (verify->layers_ms + verify->allreduce_ms) / layers;
}

void bt_pace_drafted(const struct bt_pace_in *in, const struct bt_pace_draft *d, struct bt_pace_drafted *out)
{
    *out = (struct bt_pace_drafted){ 0 };
    struct bt_pace plain, verify;
    struct bt_pace_weight w;
    struct bt_pace_in many = *in;
    many.verified = d->tokens + 1;
    bt_pace_decode(in, &plain);
    bt_pace_decode(&many, &verify);
    if (d->kind == BT_DRAFT_NONE || !d->tokens || !plain.known || (d->kind == BT_DRAFT_MODEL && !d->model))
        return;
    if (in->weight)
        w = *in->weight;
    else if (!bt_pace_weigh(in->model, in->quantization, in->elem, pc_engine_of(in)->name, &w))
        return;
    double k = d->tokens, each = NGRAM_MS / k;
    if (d->kind == BT_DRAFT_MODEL) {
        struct bt_pace_in small = *in;
        struct bt_pace p;
        small.model = d->model;
        small.weight = NULL;
        small.quantization = NULL;
        small.kv_bytes_per_token = 0;
        bt_pace_decode(&small, &p);
        if (!p.known)
            return;
        each = p.step_ms;
    } else if (d->kind != BT_DRAFT_NGRAM) {
        each = head_ms(in, d, &verify, &w) + (d->kind == BT_DRAFT_MTP && w.experts ? TOKEN_MOE_MS : TOKEN_MS);
    }
    out->known = true;
    out->assumed = !(d->acceptance > 0);
    out->tokens_a_step = d->acceptance > 1 ? BT_MIN(d->acceptance, k + 1) : tokens_a_step(out->assumed ? drafters[d->kind].usual : d->acceptance, k);
    out->acceptance = d->acceptance > 1 ? acceptance_of(out->tokens_a_step, k) : out->assumed ? drafters[d->kind].usual : d->acceptance;
    out->verify_ms = verify.step_ms;
    out->draft_ms = k * each * BT_MAX(in->tenants, 1u);
    double arriving = verify.prefill_ms * (out->tokens_a_step - 1); /* answers end so much sooner */
    out->step_ms = out->verify_ms + out->draft_ms + STEP_MS + arriving;
    out->decode_tok_s = out->tokens_a_step * 1e3 / out->step_ms;
    out->total_tok_s = out->decode_tok_s * (double)BT_MAX(in->streams, 1u);
    out->gain = out->decode_tok_s / plain.decode_tok_s;
}
