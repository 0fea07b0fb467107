/* sglang_pools.c - what SGLang keeps of a request, by model: pools of sliding layers and of states, an encoder's tokens, what images take off.
 * SGLang 0.5.23 srt/mem_cache/kv_cache_configurator.py, srt/configs/mamba_utils.py, srt/configs/model_config.py, srt/arg_groups/memory_hook.py. */
#include <math.h>

#include "need/parts.h"
#include "need/sglang.h"

static unsigned long long ull(uint64_t n) { return n; }

static bool one_of(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; name && i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* ---- sliding layers ---- */

/* Architectures whose sliding layers get a pool of their own, ratio x as many tokens as the full ones (SGLang configs/model_config.py is_hybrid_swa_model,
 * model_executor/pool_configurator.py); in all others, Gemma 2 and 3 among them, sliding layers are priced as full ones. */
static const struct two_pools { const char *architecture; double ratio; } two_pools[] = {
    { "GptOssForCausalLM", 0.8 }, { "Llama4ForConditionalGeneration", 0.8 }, { "Gemma4ForCausalLM", 0.8 }, { "Gemma4ForConditionalGeneration", 0.8 },
    { "MiMoV2FlashForCausalLM", 0.8 }, { "Step3p5ForCausalLM", 0.8 },
};

static const struct two_pools *pools_of(const struct bt_model *m)
{
    for (size_t i = 0; m->architecture && i < BT_LEN(two_pools); i++)
        if (!strcmp(two_pools[i].architecture, m->architecture))
            return &two_pools[i];
    return NULL;
}

/* Full = budget // (cells of full layers + ratio x cells of sliding ones): one token of the full pool, and its share of the sliding one. */
void need_sglang_second_pool(const struct need_in *in, const struct bt_model *original, uint64_t block, struct bt_need_rank *r)
{
    const struct two_pools *p = pools_of(original);
    double ratio = in->serve->sglang.swa_ratio > 0 ? in->serve->sglang.swa_ratio : p ? p->ratio : 0, all = 0, sliding = 0;
    if (!p || in->serve->sglang.no_swa_pool)
        return;
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++) {
        const struct bt_layer *l = &original->layer[i];
        if (l->borrows_kv)
            continue;
        double cell = (double)BT_MAX(l->kv_heads / in->serve->tp, 1u) * l->head_dim;
        all += cell;
        sliding += l->mixer == BT_MIX_SLIDING || l->mixer == BT_MIX_CHUNKED ? cell : 0;
    }
    if (!(sliding > 0))
        return;
    r->kv_token_bytes = sat_f64((double)r->kv_token_bytes * (all - sliding + ratio * sliding) / all);
    r->kv_block_bytes = sat_mul(r->kv_token_bytes, BT_MAX(block, 1u));
}

/* ---- states ---- */

/* Architectures that keep two more slots for each request, to write a state while it is read (arg_groups/overrides.py _MAMBA_EXTRA_BUFFER_ARCHS); the others turn
 * the overlapped schedule off instead. */
static const char *const extra_slots[] = {
    "KimiLinearForCausalLM", "Qwen3_5ForConditionalGeneration", "Qwen3_5MoeForConditionalGeneration", "Qwen3_5MoeForCausalLM", "Qwen3_5ForCausalLM", "Qwen3NextForCausalLM",
    "FalconH1ForCausalLM", "GraniteMoeHybridForCausalLM", "NemotronHForCausalLM", "NemotronHPuzzleForCausalLM", "BailingMoeV2_5ForCausalLM",
};

static bool says(const char *value, const char *word) { return value && !strcmp(value, word); }

/* Slots that one running request holds (kv_cache_configurator.py _calculate_mamba_ratio). */
static uint64_t slots_of_a_request(const struct bt_serve *s, const struct bt_model *m)
{
    const char *how = s->sglang.state_strategy;
    bool overlap = !s->sglang.no_overlap, backend = !need_extra_flag(s, "linear-attn-backend") || says(need_extra_flag(s, "linear-attn-backend"), "triton");
    bool extra = says(how, "extra_buffer") || says(how, "extra_buffer_lazy") ||
                 ((!how || says(how, "auto")) && (overlap || s->block_size > 1) && backend && one_of(extra_slots, BT_LEN(extra_slots), m->architecture));
    if (s->sglang.no_radix)
        return 1;
    return 3 + (!extra ? 0 : says(how, "extra_buffer_lazy") || !overlap ? 1 : 2);
}

/* A state's conv columns are 16 bit; the state itself is float32 unless config or flag says otherwise. */
static uint64_t state_bytes(const struct bt_state *s, uint64_t tp, const char *dtype)
{
    unsigned bits = dtype ? bt_dtype_bits(bt_dtype_parse(dtype)) : 0, elem = bits ? bits / 8 : s->elem && s->kind == BT_STATE_DELTA ? s->elem : 4;
    uint64_t channels = s->conv_channels;
    if (s->kind == BT_STATE_MAMBA2 && s->groups % tp && tp > s->groups)              /* groups that TP does not divide are copied (mamba_utils.py) */
        channels += 2ull * (tp - s->groups) * s->state;
    uint64_t conv = sat_mul(sat_mul(bt_ceil_div(channels, tp), s->conv_kernel ? s->conv_kernel - 1 : 0), 2);
    return sat_add(conv, sat_mul(sat_mul(bt_ceil_div(s->heads, tp), (uint64_t)s->head_dim * s->state), elem));
}

/* Of one slot in the stage that keeps most: every stage has as many slots, and charges what that one takes. */
static uint64_t slot_bytes(const struct need_in *in, const struct bt_model *m, const struct bt_engine *e)
{
    const char *dtype = in->serve->sglang.ssm_dtype;
    uint64_t most = 0;
    uint32_t first = 0;
    for (uint64_t p = 0; p < in->serve->pp; p++) {
        uint64_t sum = 0;
        uint32_t n = bt_engine_stage_layers(e, m->layers, in->serve->pp, p);
        for (uint32_t i = first; i < first + n && i < m->layers; i++)
            if (m->layer[i].state)
                sum = sat_add(sum, state_bytes(m->layer[i].state, in->serve->tp, dtype));
        most = BT_MAX(most, sum);
        first += n;
    }
    return most;
}

/* Of what weights leave: ratio parts for states to one for tokens, less one slot that pads the pool; or the number that is given. */
uint64_t need_sglang_states(const struct need_in *in, const struct bt_engine *e, struct bt_need_rank *r, uint64_t share, struct bt_serve *s)
{
    const struct bt_model *m = in->model;
    uint64_t one = slot_bytes(in, m, e), each = slots_of_a_request(s, m), rest = share > r->budget_bytes ? share - r->budget_bytes : 0, slots;
    double parts = s->sglang.state_ratio > 0 ? s->sglang.state_ratio : 0.9;
    const char *how;
    if (!one)
        return 0;
    if (s->sglang.max_states) {
        slots = s->sglang.max_states;
        how = "--max-mamba-cache-size";
    } else if (s->sglang.state_requests) {
        slots = sat_mul(s->sglang.state_requests, each);
        how = bt_arena_printf(in->arena, "%llu requests x %llu slots each, pinned by the plan", ull(s->sglang.state_requests), ull(each));
    } else if (s->sglang.no_radix && s->sglang.seqs_given) {
        slots = s->max_seqs;
        how = "--max-running-requests";
    } else {
        double budget = (double)rest * parts / (1 + parts) - (double)one;
        slots = budget > 0 ? (uint64_t)(budget / (double)one) : 0;
        how = bt_arena_printf(in->arena, "%.3g parts for states to one for KV (--mamba-full-memory-ratio)", parts);
    }
    s->sglang.state_slots = slots;
    s->sglang.slots_each = each;
    if (s->sglang.state_requests)    /* the plan's command says so: graphs of more requests than can run are not captured */
        s->sglang.graph_batch = BT_MIN(s->sglang.graph_batch, BT_MAX(slots / each, 1u));
    need_line_push(in, r, (struct bt_need_line){ .part = BT_P_STATE, .bytes = sat_mul(sat_add(slots, 1), one), .charged = true,
        .why = bt_arena_printf(in->arena, "(%llu slots + 1) x %s of states a slot: %s; a request holds %llu, so at most %llu run at once (SGLang kv_cache_configurator.py)", ull(slots),
                               bt_bytes_human(one), how, ull(each), ull(slots / each)) });
    return sat_mul(sat_add(slots, 1), one);
}

/* ---- images ---- */

/* Those that keep prefill graphs (configs/model_config.py multimodal_breakable_cuda_graph_supported_model_archs); of any other model with a tower they are off. */
static const char *const graphs_with_images[] = {
    "MiniMaxM3SparseForConditionalGeneration", "Cohere2VisionForConditionalGeneration", "Qwen3_5ForConditionalGeneration", "Qwen3_5MoeForConditionalGeneration", "KimiK25ForConditionalGeneration",
};

bool need_sglang_images(const struct bt_serve *s, const struct bt_model *m)
{
    return m->tower.layers && !s->sglang.text_only;
}

bool need_sglang_prefill_graphs(const struct bt_serve *s, const struct bt_model *m)
{
    return s->pp == 1 && (!need_sglang_images(s, m) || one_of(graphs_with_images, BT_LEN(graphs_with_images), m->architecture));
}

/* A twentieth, and more for towers larger than ViT-L/14: it looks for num_hidden_layers and hidden_size in vision_config, and takes 24 where the tower's config
 * has another name for it (Qwen's depth). */
double need_sglang_image_factor(const struct bt_serve *s, const struct bt_model *m)
{
    bool depth = m->architecture && !strncmp(m->architecture, "Qwen", 4);
    double layers = depth ? 24 : m->tower.layers, hidden = m->architecture && !strcmp(m->architecture, "Qwen2VLForConditionalGeneration") ? m->hidden : m->tower.hidden;
    if (!need_sglang_images(s, m))
        return 1;
    return 0.95 * fmax(0.8, fmin(1.05, 1 - 0.1 * (layers * hidden * hidden / (24.0 * 1024 * 1024) - 1)));
}

/* What an image takes while it is encoded is in the slack; the embeddings that are kept are held back from the pool. */
#define ENCODER_COPIES 12            /* vLLM's logged profile runs of the same towers: need/runtime.c */
void need_sglang_image_lines(const struct need_in *in, const struct bt_model *m, struct bt_need_rank *r)
{
    const struct bt_tower *t = &m->tower;
    uint64_t merge = BT_MAX(t->merge, 1u), patches = t->patches ? t->patches : sat_mul(t->image_tokens, merge * merge), peak = sat_mul(sat_mul(patches, t->hidden), ENCODER_COPIES * 2);
    if (!need_sglang_images(in->serve, m))
        return;
    need_line_push(in, r, (struct bt_need_line){ .part = BT_P_ENCODER, .bytes = 100 * MiB, .charged = true,
        .why = "embeddings of images that are kept, held back from the KV pool (SGLANG_VLM_CACHE_SIZE_MB)" });
    if (in->first && peak)
        need_line_push(in, r, (struct bt_need_line){ .part = BT_P_ENCODER, .bytes = peak, .uncertainty_bytes = peak / 2,
            .why = bt_arena_printf(in->arena, "one image of the largest size, %llu patches x %u x %u x 2 B, in the slack: an estimate", ull(patches), t->hidden, ENCODER_COPIES) });
}

/* ---- the model as it is priced ---- */

/* Each layer as SGLang prices it: windows count as full, states are a pool of their own. Whisper's encoder and its attention across have rows for each token too. */
const struct bt_model *need_sglang_priced(struct bt_arena *a, const struct bt_model *m)
{
    struct bt_model *copy = BT_NEW(a, struct bt_model);
    *copy = *m;
    copy->layer = BT_NEWN(a, struct bt_layer, m->layers);
    copy->cross_tokens = 0;          /* they are rows of the same pool: need_sglang_rows */
    memcpy(copy->layer, m->layer, m->layers * sizeof *copy->layer);
    for (uint32_t i = 0; i < m->layers; i++) {
        struct bt_layer *l = &copy->layer[i];
        if (l->mixer == BT_MIX_SLIDING || l->mixer == BT_MIX_CHUNKED)
            l->mixer = BT_MIX_FULL;
        if (l->mixer == BT_MIX_STATE)
            l->mixer = BT_MIX_NONE;
        l->state = NULL;
        l->borrows_kv = false;       /* it has rows all the same (models/gemma4_causal.py) */
    }
    return copy;
}

/* Rows of the pool that a request takes beside its own tokens: those of the encoder. */
uint64_t need_sglang_rows(const struct bt_model *m)
{
    return m->cross_tokens ? m->cross_tokens : m->tower.crossed ? m->tower.image_tokens : 0;
}
