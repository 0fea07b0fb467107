/* job.c - bytes of training, activation extraction and generation in process.
 *
 * Where the rules are from: mixed-precision Adam's 16 B a number and how ZeRO cuts it (Rajbhandari et al., "ZeRO", section 3); 18 B and 6 + 12/d with
 * Megatron's distributed optimizer (Megatron-LM docs, dist_optimizer); activations and how tensor parallelism and recomputation cut them (Korthikanti et
 * al., "Reducing activation recomputation"), with the tensors that the unfused layers of transformers save; 4-bit storage as in bitsandbytes (NF4, blocks
 * of 64, doubly quantised: 0.5 B + 0.127 bit). */
#include "need/job.h"

#include <math.h>

#include "need/diffusion.h"
#include "need/parts.h"

#define ELEM 2                       /* bfloat16 */
#define NF4_BYTES (0.5 + 0.127 / 8)
#define LOGIT_BYTES 14               /* of one logit: bf16, its float32 copy, log-softmax, gradient */
static unsigned long long ull(uint64_t n) { return n; }

/* Bytes that an optimizer keeps of one trained number, beside a float32 copy of the weight where there is one. */
static const struct { double state; const char *why; } optimizers[BT_OPTIMIZER__N] = {
    [BT_OPTIMIZER_ADAMW] = { 8, "two float32 moments" },
    [BT_OPTIMIZER_ADAM] = { 8, "two float32 moments" },
    [BT_OPTIMIZER_ADAMW_8BIT] = { 2.032, "two 8-bit moments in blocks of 256" },
    [BT_OPTIMIZER_PAGED_ADAMW_8BIT] = { 2.032, "two 8-bit moments, which may be paged out to RAM" },
    [BT_OPTIMIZER_LION] = { 4, "one float32 moment" },
    [BT_OPTIMIZER_LION_8BIT] = { 1.016, "one 8-bit moment" },
    [BT_OPTIMIZER_SGD] = { 0, "no state" },
    [BT_OPTIMIZER_SGD_MOMENTUM] = { 4, "one float32 moment" },
    [BT_OPTIMIZER_ADAFACTOR] = { 0.02, "row and column factors" },
    [BT_OPTIMIZER_MUON] = { 4, "one float32 moment" },
};

/* ---- the model, as a job sees it ---- */

struct counts { uint64_t all, blocks, linear, largest_linear, largest_end, lora_in_out; };        /* blocks: inside the layers; ends: before and after them */

static bool is_linear(enum bt_tensor_role r)
{
    return (r >= BT_T_Q && r <= BT_T_DOWN) || r == BT_T_EXPERT_IN || r == BT_T_EXPERT_OUT || r == BT_T_SHARED_IN || r == BT_T_SHARED_OUT || r == BT_T_LATENT_A || r == BT_T_LATENT_B ||
           r == BT_T_Q_B || r == BT_T_STATE_IN || r == BT_T_STATE_OUT;
}

static struct counts count(const struct bt_model *m)
{
    struct counts c = { 0 };
    for (size_t i = 0; i < m->ntensors; i++) {
        const struct bt_tensor *t = &m->tensors[i];
        struct bt_tensor_place place = bt_tensor_place(t);
        uint64_t numbers = 1;
        for (unsigned k = 0; k < t->rank; k++)
            numbers = sat_mul(numbers, t->shape[k]);
        if ((place.role == BT_T_LM_HEAD && m->tied) || place.layer >= (int)m->layers)
            continue;                /* a saved copy of the tied head; layers that only speculative decoding loads */
        c.all = sat_add(c.all, numbers);
        if (place.layer >= 0)
            c.blocks = sat_add(c.blocks, numbers);
        else
            c.largest_end = BT_MAX(c.largest_end, numbers);
        if (place.layer < 0 || place.bias || t->rank < 2 || !is_linear(place.role))
            continue;
        c.linear = sat_add(c.linear, numbers);
        c.largest_linear = BT_MAX(c.largest_linear, numbers);
        uint64_t stacked = t->rank > 2 ? t->shape[0] : 1;            /* experts in one tensor: an adapter for each */
        c.lora_in_out = sat_add(c.lora_in_out, sat_mul(stacked, sat_add(t->shape[t->rank - 1], t->shape[t->rank - 2])));
    }
    return c;
}

uint64_t bt_job_lora_numbers(const struct bt_model *m, uint64_t rank)
{
    return sat_mul(count(m).lora_in_out, rank);
}

/* Numbers of one token that a layer's forward leaves behind for its backward, in unfused layers: h are the norms (float32 copies), the residuals and
 * the linear inputs; q, k, v and the attention's output before and after rotation; gate, up, their activation and product. */
static double saved_numbers(const struct bt_model *m, const struct bt_layer *l, uint64_t tp)
{
    double h = m->hidden, q = (double)l->heads * l->head_dim, kv = (double)l->kv_heads * l->head_dim, wide = l->intermediate;
    if (l->moe)
        wide = (double)l->moe->active * l->moe->intermediate + l->moe->shared_intermediate;
    if (l->mixer == BT_MIX_STATE || l->mixer == BT_MIX_NONE)
        q = 4 * h, kv = 0;           /* inner width of twice the hidden size, twice */
    return 8 * h + (4 * q + 4 * kv + 4 * wide) / (double)tp;
}

static double transient_numbers(const struct bt_model *m, const struct bt_layer *l)
{
    double wide = l->moe ? (double)l->moe->active * l->moe->intermediate + l->moe->shared_intermediate : l->intermediate;
    return 4.0 * m->hidden + (double)l->heads * l->head_dim + 2.0 * l->kv_heads * l->head_dim + 3 * wide;
}

/* ---- lines ---- */

struct make { struct bt_arena *arena; const struct bt_model *m; const struct bt_job *j; const struct bt_gpu *card; struct bt_job_need *out; struct counts c;
              uint64_t batch, tokens, rank, users, gpus, tp, pp; size_t optimizer; double elem; };

static void push(struct make *k, enum bt_part part, double bytes, double uncertain, const char *why)
{
    struct bt_need_line line = { .part = part, .bytes = sat_f64(bytes), .uncertainty_bytes = sat_f64(uncertain), .why = why };
    BT_PUSH(k->arena, k->out->line, k->out->n, line);
    k->out->bytes = sat_add(k->out->bytes, line.bytes);
    k->out->uncertainty_bytes = sat_add(k->out->uncertainty_bytes, line.uncertainty_bytes);
}

static void context_line(struct make *k)
{
    bool several = k->gpus * k->tp * k->pp > 1;
    push(k, BT_P_CONTEXT, (double)need_context_bytes(k->card) + 64.0 * (double)MiB, 128.0 * (double)MiB, "CUDA context and cuBLAS workspace, an estimate for this kind of card");
    if (several)
        push(k, BT_P_COMM, 768.0 * (double)MiB, 384.0 * (double)MiB, "NCCL buffers and channels; an estimate");
}

/* Numbers of the model that one GPU holds before ZeRO: a tensor-parallel slice of the fullest stage. Embedding and head are at the two ends. */
static double slice(const struct make *k)
{
    double blocks = (double)k->c.blocks, ends = (double)(k->c.all - k->c.blocks);
    if (k->pp > 1) {
        uint64_t layers = k->m->layers, most = layers / k->pp + (layers % k->pp != 0);
        blocks = blocks * (double)most / (double)layers;
        ends = (double)BT_MAX(k->c.largest_end, k->c.all - k->c.blocks - k->c.largest_end);
    }
    return (blocks + ends) / (double)k->tp;
}

/* A quantised checkpoint stays as it is stored; kernels that cannot compute so unpack one layer at a time. */
static void stored_weights(struct make *k)
{
    double share = k->c.all ? slice(k) / (double)k->c.all : 1, bytes = (double)k->m->weight_bytes * share, layer = (double)k->m->hidden * BT_MAX(k->m->intermediate, k->m->hidden) * ELEM;
    push(k, BT_P_WEIGHTS, bytes, bytes * 0.02, bt_arena_printf(k->arena, "%s as the checkpoint stores them (%s)%s", bt_bytes_human(k->m->weight_bytes), k->m->quantization,
         k->pp > 1 ? bt_arena_printf(k->arena, ", the fullest of %llu stages", ull(k->pp)) : ""));
    push(k, BT_P_WORKSPACE, layer, layer, bt_arena_printf(k->arena, "a linear layer back in 16 bit while it computes: %u x %u x 2 B; kernels for %s may do without", k->m->hidden, BT_MAX(k->m->intermediate, k->m->hidden),
         k->m->quantization));
}

static void base_weights(struct make *k)
{
    if (k->m->quantization) {        /* of forward and generate: check() */
        stored_weights(k);
        return;
    }
    const struct bt_job *j = k->j;
    double cut = j->zero >= 3 ? (double)k->gpus : 1, numbers = slice(k), rest = (double)(k->c.all - k->c.linear);
    struct bt_arena *a = k->arena;
    if (j->kind == BT_JOB_TRAIN && j->method == BT_METHOD_QLORA) {
        double bytes = ((double)k->c.linear * NF4_BYTES + rest * 4) / cut;
        push(k, BT_P_WEIGHTS, bytes, rest * 2 / cut, bt_arena_printf(a, "%s numbers of linear layers x 0.516 B (NF4, doubly quantised) + %s others x 4 B (embeddings, head and norms, which "
             "preparing for k-bit training makes float32)%s", bt_count_human(k->c.linear), bt_count_human((uint64_t)rest), cut > 1 ? ", cut by ZeRO 3" : ""));
        push(k, BT_P_WORKSPACE, (double)k->c.largest_linear * ELEM, 0, bt_arena_printf(a, "the largest linear layer back in 16 bit while it computes: %s x 2 B", bt_count_human(k->c.largest_linear)));
        return;
    }
    bool wide = j->kind == BT_JOB_TRAIN && j->method == BT_METHOD_FULL && j->backend == BT_BACKEND_HUGGINGFACE && !j->zero;
    push(k, BT_P_WEIGHTS, numbers * (wide ? 4 : k->elem) / cut, 0, bt_arena_printf(a, "%s numbers%s x %g B%s%s", bt_count_human(k->c.all),
         k->tp * k->pp > 1 ? bt_arena_printf(a, " / (TP %llu x PP %llu)", ull(k->tp), ull(k->pp)) : "", wide ? 4.0 : k->elem, wide ? " (float32, computed in 16 bit by autocast)" : "",
         cut > 1 ? bt_arena_printf(a, " / %llu GPUs (ZeRO 3)", ull(k->gpus)) : ""));
    if (j->zero >= 3 && k->m->layers)
        push(k, BT_P_WORKSPACE, 2.0 * (double)k->c.all / k->m->layers * ELEM, 0, "two layers gathered at a time (ZeRO 3: one computing, one on its way)");
}

/* Full training: every number has a gradient and a place in the optimizer. */
static void full_states(struct make *k)
{
    const struct bt_job *j = k->j;
    struct bt_arena *a = k->arena;
    double numbers = slice(k), d = (double)k->gpus, state = optimizers[k->optimizer].state;
    bool megatron = j->backend == BT_BACKEND_MEGATRON, wide = !megatron && !j->zero;
    double gradient = megatron || wide ? 4 : ELEM, master = wide ? 0 : 4;
    double cut_gradient = !megatron && j->zero >= 2 ? d : 1, cut_state = (megatron ? j->distributed_optimizer : j->zero >= 1) ? d : 1;
    push(k, BT_P_GRADIENTS, numbers * gradient / cut_gradient, 0, bt_arena_printf(a, "%s numbers on this GPU x %g B%s", bt_count_human((uint64_t)numbers), gradient,
         cut_gradient > 1 ? bt_arena_printf(a, " / %llu GPUs (ZeRO %llu)", ull(k->gpus), ull(j->zero)) : megatron ? " (Megatron accumulates them in float32)" : ""));
    push(k, BT_P_OPTIMIZER, numbers * (state + master) / cut_state, 0, bt_arena_printf(a, "%s: %s numbers x (%g B: %s%s)%s", bt_job_optimizers[k->optimizer], bt_count_human((uint64_t)numbers), state + master,
         optimizers[k->optimizer].why, master > 0 ? ", and a float32 copy of the weights" : "", cut_state > 1 ? bt_arena_printf(a, " / %llu GPUs", ull(k->gpus)) : ""));
    k->out->trained = k->c.all;
}

static void adapter_states(struct make *k)
{
    struct bt_arena *a = k->arena;
    double numbers = (double)sat_mul(k->c.lora_in_out, k->rank) / (double)(k->tp * k->pp), all = numbers * (double)k->users, d = (double)k->gpus, state = optimizers[k->optimizer].state;
    const char *users = k->users > 1 ? bt_arena_printf(a, "%llu users x ", ull(k->users)) : "";
    push(k, BT_P_LORA, all * 4, all * 2, bt_arena_printf(a, "%srank %llu x %s inputs and outputs of the blocks' linear layers x 4 B (adapters are kept in float32)", users, ull(k->rank),
        bt_count_human(k->c.lora_in_out)));
    push(k, BT_P_GRADIENTS, all * 4 / (k->j->zero >= 2 ? d : 1), 0, bt_arena_printf(a, "of the adapters: %s%s numbers x 4 B", users, bt_count_human((uint64_t)numbers)));
    push(k, BT_P_OPTIMIZER, all * state / (k->j->zero >= 1 ? d : 1), 0, bt_arena_printf(a, "%s: %s%s numbers x %g B (%s)", bt_job_optimizers[k->optimizer], users, bt_count_human((uint64_t)numbers),
        state, optimizers[k->optimizer].why));
    k->out->trained = (uint64_t)numbers;
}

static void training_activations(struct make *k)
{
    const struct bt_model *m = k->m;
    const struct bt_job *j = k->j;
    double tokens = (double)k->batch * (double)k->tokens, kept = 0, largest = 0;
    for (uint32_t i = 0; i < m->layers; i++) {
        double numbers = saved_numbers(m, &m->layer[i], k->tp) * ELEM;
        if (j->eager_attention)      /* scores, their float32 softmax, and it in 16 bit again */
            numbers += 8.0 * m->layer[i].heads / (double)k->tp * (double)k->tokens;
        kept += j->checkpointing ? (double)m->hidden * ELEM : numbers;
        largest = fmax(largest, numbers);
    }
    /* a stage holds its share of the layers for as many batches as there are stages ahead of it: 1F1B's first stage is the fullest, and equals the whole */
    double bytes = tokens * (kept + (j->checkpointing ? largest : 0));
    push(k, BT_P_ACTIVATIONS, bytes, bytes * 0.3, j->checkpointing ?
         bt_arena_printf(k->arena, "%llu x %llu tokens x (%u layers x %u x 2 B kept + %s of one layer computed again)", ull(k->batch), ull(k->tokens), m->layers, m->hidden, bt_bytes_human(sat_f64(largest))) :
         bt_arena_printf(k->arena, "%llu x %llu tokens x %s that %u layers keep of a token for the backward pass%s", ull(k->batch), ull(k->tokens), bt_bytes_human(sat_f64(kept)), m->layers,
                         j->eager_attention ? ", attention matrices in it" : ""));
    double logits = tokens * m->vocab * LOGIT_BYTES / (double)k->tp;
    if (!m->pooling)
        push(k, BT_P_SAMPLER, logits, logits * 0.3, bt_arena_printf(k->arena, "logits of the loss: %llu x %llu tokens x %u vocabulary x %d B (16 bit, float32, log-softmax, gradient)", ull(k->batch),
            ull(k->tokens), m->vocab, LOGIT_BYTES));
    push(k, BT_P_HEADROOM, 0.05 * (bytes + (m->pooling ? 0 : logits)), 0, "5 % of the activations: pieces that torch's allocator cannot use");
}

static void forward_lines(struct make *k)
{
    const struct bt_model *m = k->m;
    double tokens = (double)k->batch * (double)k->tokens, largest = 0;
    uint64_t kept = BT_MIN(BT_MAX(k->j->kept_layers, 1u), (uint64_t)m->layers + 1);
    for (uint32_t i = 0; i < m->layers; i++)
        largest = fmax(largest, transient_numbers(m, &m->layer[i]));
    push(k, BT_P_ACTIVATIONS, tokens * largest * k->elem, tokens * largest * k->elem * 0.3, bt_arena_printf(k->arena,
        "%llu x %llu tokens through one layer at a time, without gradients: %s numbers a token x %g B", ull(k->batch), ull(k->tokens), bt_count_human((uint64_t)largest), k->elem));
    push(k, BT_P_OTHER, tokens * m->hidden * k->elem * (double)kept, 0, bt_arena_printf(k->arena, "hidden states that stay on the card: %llu layer%s x %llu x %llu tokens x %u x %g B", ull(kept),
        kept > 1 ? "s" : "", ull(k->batch), ull(k->tokens), m->hidden, k->elem));
    if (!m->pooling)
        push(k, BT_P_SAMPLER, tokens * m->vocab * k->elem, tokens * m->vocab * 4, bt_arena_printf(k->arena,
            "logits of every token, which the full model computes: x %u vocabulary x %g B; none when only the body is called", m->vocab, k->elem));
}

/* transformers keeps expanded heads of a latent attention, and here every layer its full length. */
static double kv_numbers(const struct bt_model *m, const struct bt_layer *l)
{
    if (l->mixer == BT_MIX_MLA)
        return (double)l->heads * ((double)m->qk_nope + m->qk_rope + m->v_head);
    return l->mixer == BT_MIX_STATE || l->mixer == BT_MIX_NONE || l->borrows_kv ? 0 : 2.0 * l->kv_heads * l->head_dim;
}

static void generate_lines(struct make *k)
{
    const struct bt_model *m = k->m;
    double tokens = (double)k->batch * (double)k->tokens, kv = 0, most = 0, largest = 0;
    for (uint32_t i = 0; i < m->layers; i++) {
        double mine = kv_numbers(m, &m->layer[i]);
        kv += mine;
        most = fmax(most, mine);
        largest = fmax(largest, transient_numbers(m, &m->layer[i]));
    }
    push(k, BT_P_KV, tokens * kv * k->elem, 0, bt_arena_printf(k->arena, "%llu x %llu tokens x %s B of every layer's keys and values", ull(k->batch), ull(k->tokens), bt_count_human((uint64_t)(kv * k->elem))));
    push(k, BT_P_WORKSPACE, tokens * most * k->elem, tokens * most * k->elem, "one layer's KV once more: each step copies it to append a token");
    push(k, BT_P_ACTIVATIONS, tokens * largest * k->elem, tokens * largest * k->elem * 0.3, "the prompt through one layer at a time, as long as the whole sequence at most");
    push(k, BT_P_SAMPLER, (double)k->batch * m->vocab * 10, 0, bt_arena_printf(k->arena, "logits of the last token and their sorted copy: %llu x %u x 10 B", ull(k->batch), m->vocab));
}

/* ---- the whole, and what fits ---- */

static int check(const struct bt_job_of *of, const struct bt_job *j, struct bt_err *err)
{
    const struct bt_model *m = of->model;
    if (bt_job_check(j, NULL, err) < 0)
        return -1;
    if (!m || !m->ntensors || m->kv_unknown || !m->layers || !m->hidden || !m->vocab)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %s", m ? m->id : j->of, m && m->tensors_why ? m->tensors_why : "its tensors are not known, so the bytes of a job on it are not");
    if (m->gguf || (m->quantization && j->kind == BT_JOB_TRAIN)) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: a quantised checkpoint (%s), and berth counts %s from 16-bit ones", m->id, m->quantization ? m->quantization : "gguf", m->gguf ? "jobs" : "training");
        bool lora = j->kind == BT_JOB_TRAIN && j->method == BT_METHOD_LORA;
        return bt_err_hint(err, "name the original model, in 16 bits%s", lora ? "; `method: qlora` then counts its weights in 4" : "");
    }
    if (j->pp > m->layers)
        return bt_err_set(err, BT_E_SPEC, 0, "pp %llu: %s has %llu layers, and a stage holds at least one", ull(j->pp), m->id, ull(m->layers));
    if (j->last_layer > m->layers)
        return bt_err_set(err, BT_E_SPEC, 0, "layer %llu: %s has hidden states 0 (what goes into the first layer) to %llu (what comes out of the last)", ull(j->last_layer), m->id, ull(m->layers));
    if (j->tp > 4096 || j->gpus > 65536)
        return bt_err_set(err, BT_E_SPEC, 0, "tp %llu in %llu copies: tp is 4096 at most, copies are 65536", ull(BT_MAX(j->tp, 1u)), ull(BT_MAX(j->gpus, 1u)));
    return 0;
}

int bt_need_job(struct bt_arena *a, const struct bt_job_of *of, const struct bt_job *j, const struct bt_gpu *card, struct bt_job_need *out, struct bt_err *err)
{
    const struct bt_model *m = of->model;
    *out = (struct bt_job_need){ .batch = BT_MAX(j->batch, 1u) };
    if (j->kind == BT_JOB_DIFFUSION)
        return bt_job_check(j, NULL, err) < 0 ? -1 : need_diffusion(a, of->pipeline, j, card, out, err);
    if (check(of, j, err) < 0)
        return -1;
    if (j->kind == BT_JOB_TRAIN && j->method != BT_METHOD_FULL)
        out->users = BT_MAX(j->users, 1u);
    struct make k = { .arena = a, .m = m, .j = j, .card = card, .out = out, .c = count(m), .batch = out->batch, .tokens = j->tokens ? j->tokens : BT_MIN(bt_need_model_context(m), (uint64_t)BT_JOB_TOKENS), .optimizer = (size_t)j->optimizer,
                      .rank = j->rank ? j->rank : 16, .users = BT_MAX(j->users, 1u), .gpus = BT_MAX(j->gpus, 1u), .tp = BT_MAX(j->tp, 1u), .pp = BT_MAX(j->pp, 1u),
                      .elem = j->kind != BT_JOB_TRAIN && j->dtype == BT_JOB_FLOAT32 ? 4 : 2 };
    base_weights(&k);
    if (j->kind == BT_JOB_TRAIN) {
        if (j->method == BT_METHOD_FULL)
            full_states(&k);
        else
            adapter_states(&k);
        training_activations(&k);
    } else if (j->kind == BT_JOB_FORWARD) {
        forward_lines(&k);
    } else {
        generate_lines(&k);
    }
    context_line(&k);
    return 0;
}

/* The largest value of *field (in a copy of the job) whose need is within the room: more never needs less, so it is searched by halves. */
static int largest(const struct bt_job_of *of, const struct bt_job *j, const struct bt_gpu *card, uint64_t room, bool cautious, bool users, uint64_t *out, struct bt_err *err)
{
    uint64_t low = 0, high = (uint64_t)1 << 32;
    while (low < high) {
        bt_auto_arena scratch = { 0 };
        struct bt_job tried = *j;
        struct bt_job_need n;
        uint64_t mid = low + (high - low + 1) / 2;
        *(users ? &tried.users : &tried.batch) = mid;
        if (bt_need_job(&scratch, of, &tried, card, &n, err) < 0)
            return -1;
        if (sat_add(n.bytes, cautious ? n.uncertainty_bytes : 0) <= room)
            low = mid;
        else
            high = mid - 1;
    }
    *out = low;
    return 0;
}

int bt_job_batch(const struct bt_job_of *of, const struct bt_job *j, const struct bt_gpu *card, uint64_t room_bytes, bool cautious, uint64_t *out, struct bt_err *err)
{
    return largest(of, j, card, room_bytes, cautious, false, out, err);
}

int bt_job_users(const struct bt_job_of *of, const struct bt_job *j, const struct bt_gpu *card, uint64_t room_bytes, bool cautious, uint64_t *out, struct bt_err *err)
{
    if (j->kind != BT_JOB_TRAIN || j->method == BT_METHOD_FULL)
        return bt_err_set(err, BT_E_SPEC, 0, "users: adapters are trained side by side with method: lora or qlora only");
    return largest(of, j, card, room_bytes, cautious, true, out, err);
}

int bt_job_berth(struct bt_arena *a, const struct bt_job_of *of, const struct bt_job *j, const struct bt_gpu *card, uint64_t room_bytes, struct bt_job_need *out, struct bt_err *err)
{
    struct bt_job settled = *j;
    uint64_t most = 1;
    if (bt_job_is_open(j)) {
        if (largest(of, j, card, room_bytes, true, j->users_auto, &most, err) < 0)
            return -1;
        *(j->users_auto ? &settled.users : &settled.batch) = BT_MAX(most, 1u);
    }
    if (bt_need_job(a, of, &settled, card, out, err) < 0)
        return -1;
    if (out->uncertainty_bytes) {
        struct bt_need_line line = { .part = BT_P_HEADROOM, .bytes = out->uncertainty_bytes, .why = "as far as the estimates above may be low: an OOM would end the job" };
        BT_PUSH(a, out->line, out->n, line);
        out->bytes = sat_add(out->bytes, line.bytes);
    }
    return 0;
}

const char *bt_job_text(struct bt_arena *a, const struct bt_job *j, const struct bt_job_need *n)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1024);
    bt_buf_printf(&b, "%s %.200s", bt_job_kind_names[j->kind], j->of ? j->of : "");
    if (j->kind == BT_JOB_TRAIN) {
        bt_buf_printf(&b, ", %s", bt_job_methods[j->method]);
        if (j->method != BT_METHOD_FULL)
            bt_buf_printf(&b, " rank %llu, %llu user%s", ull(j->rank ? j->rank : 16), ull(n->users), n->users == 1 ? "" : "s");
    }
    bt_buf_printf(&b, ", batch %llu", ull(n->batch));
    if (j->kind != BT_JOB_DIFFUSION && j->tokens)
        bt_buf_printf(&b, " x %llu tokens", ull(j->tokens));
    if (j->kind == BT_JOB_DIFFUSION && j->width)
        bt_buf_printf(&b, " of %llux%llu", ull(j->width), ull(j->height));
    if (j->frames)
        bt_buf_printf(&b, ", %llu frames", ull(j->frames));
    if (j->offload)
        bt_buf_printf(&b, ", one part at a time");
    return bt_arena_strdup(a, bt_buf_z(&b));
}
