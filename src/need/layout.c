/* layout - which layers share block tables, and how large a page is. vLLM v1/core/kv_cache_utils.py, v1/kv_cache_interface.py,
 * platforms/interface.py (the block of hybrids), model_executor/layers/mamba/mamba_utils.py (states). */
#include <stdlib.h>

#include "need/parts.h"

/* ---- flags that berth hands on ---- */

static bool same_flag(const char *given, const char *name, size_t n)
{
    if (strncmp(given, "--", 2) != 0)
        return false;
    for (given += 2; n; n--, given++, name++)
        if (!(*given == *name || (*given == '_' && *name == '-')))
            return false;
    return *given == 0 || *given == '=';
}

const char *need_extra_flag(const struct bt_serve *s, const char *name)
{
    for (size_t i = 0; i < s->extra.n; i++) {
        const char *given = s->extra.v[i];
        if (!same_flag(given, name, strlen(name)))
            continue;
        const char *is = strchr(given, '=');
        return is ? is + 1 : i + 1 < s->extra.n ? s->extra.v[i + 1] : "";
    }
    return NULL;
}

/* ---- pages ---- */

static uint64_t attention_bytes(const struct need_in *in, const struct bt_layer *l, unsigned elem)      /* of one token */
{
    if (l->mixer == BT_MIX_MLA && in->version->latent_expanded)
        return sat_mul(2ull * elem * BT_MAX(bt_round_up(l->head_dim, 256), 256u), BT_MAX(l->heads / in->serve->tp, 1u));
    if (l->mixer == BT_MIX_MLA && elem == 1 && in->model->index_heads)         /* fp8_ds_mla: the latent with a scale for each 128, positions in 16 bits (vLLM v1/kv_cache_interface.py) */
        return sat_add(in->model->kv_lora + in->model->kv_lora / 128 * 4ull + 2ull * in->model->qk_rope, l->indexer ? l->indexer + 4 : 0);
    if (l->mixer == BT_MIX_MLA)
        return sat_add(sat_mul(in->version->latent_padded ? bt_round_up(l->latent, 128) : l->latent, elem), l->indexer ? l->indexer + 4 : 0);       /* the indexer's key: a byte each and a scale */
    uint64_t heads = BT_MAX(l->kv_heads / in->serve->tp, 1u);        /* fewer heads than ranks: each rank keeps one */
    bool scales = in->serve->kv_dtype && strstr(in->serve->kv_dtype, "_per_token_head");           /* 4 B each for key and value (vLLM v1/attention/backends/triton_attn.py) */
    return sat_mul(2 * heads, sat_add(sat_mul(l->head_dim, elem), scales ? 4 : 0));
}

static unsigned state_elem(const struct need_in *in, const struct bt_state *s)
{
    const char *asked = need_extra_flag(in->serve, "mamba-ssm-cache-dtype");
    unsigned bits = asked ? bt_dtype_bits(bt_dtype_parse(asked)) : 0;
    return bits ? bits / 8 : s->elem ? s->elem : in->elem;
}

static uint64_t state_bytes(const struct need_in *in, const struct bt_state *s, uint64_t spec)
{
    uint64_t tp = in->serve->tp, channels = s->conv_channels;
    if (s->kind == BT_STATE_MAMBA2 && s->groups % tp)                /* groups are copied until TP divides them */
        channels += 2ull * (bt_round_up(s->groups, tp) - s->groups) * s->state;
    uint64_t conv = sat_mul(sat_mul(bt_ceil_div(channels, tp), s->conv_kernel - 1 + spec), in->elem);
    return sat_add(conv, sat_mul(sat_mul(bt_ceil_div(s->heads, tp), (uint64_t)s->head_dim * s->state), state_elem(in, s)));
}

/* ---- buckets: layers of the whole model that keep the same ---- */

/* bytes: of a token, or of a state. A stage is a run of layers, so its part of a bucket is one too: `before` it, then `mine`. */
struct bucket { enum bt_mixer kind; uint32_t window; uint64_t bytes; uint32_t layers, before, mine; };
struct buckets { struct bucket b[64]; size_t n; uint64_t chunk; };              /* chunk: of states that are kept by block, in tokens; 0 = they are not */
enum where { EARLIER, HERE, LATER }; /* than this stage */

static struct bucket *bucket_of(struct buckets *s, enum bt_mixer kind, uint32_t window, uint64_t bytes)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->b[i].kind == kind && s->b[i].window == window && s->b[i].bytes == bytes)
            return &s->b[i];
    if (s->n == BT_LEN(s->b))
        return &s->b[s->n - 1];      /* more kinds of layers than any model has */
    s->b[s->n] = (struct bucket){ .kind = kind, .window = window, .bytes = bytes };
    return &s->b[s->n++];
}

static void put(struct buckets *s, enum where at, enum bt_mixer kind, uint32_t window, uint64_t bytes)
{
    struct bucket *b = bucket_of(s, kind, window, bytes);
    b->layers++;
    b->before += at == EARLIER;
    b->mine += at == HERE;
}

#define NO_CHUNK 2048                /* what stands for a chunk where the scan has none (vLLM config/model.py get_mamba_chunk_size) */

static void collect(const struct need_in *in, unsigned elem, uint64_t spec, struct buckets *s)
{
    const struct bt_model *m = in->model;
    const struct bt_layer *last_attention = NULL;
    for (uint32_t i = 0; i < m->layers; i++) {
        const struct bt_layer *l = &m->layer[i];
        enum where at = i < in->first_layer ? EARLIER : i - in->first_layer < in->layers ? HERE : LATER;
        if (l->state && in->version->states_by_block)
            s->chunk = l->state->chunk ? l->state->chunk : NO_CHUNK;
        if (l->state)
            put(s, at, BT_MIX_STATE, 0, state_bytes(in, l->state, spec));
        if (l->mixer == BT_MIX_STATE || l->mixer == BT_MIX_NONE || l->borrows_kv)
            continue;
        put(s, at, l->mixer, l->window, attention_bytes(in, l, elem));
        if (m->cross_tokens)         /* FULL with a window: so many tokens, whatever the request's own (vLLM v1/kv_cache_interface.py, CrossAttentionSpec) */
            put(s, at, BT_MIX_FULL, m->cross_tokens, attention_bytes(in, l, elem));
        if (l->mixer == BT_MIX_FULL || l->mixer == BT_MIX_MLA)
            last_attention = l;
    }
    struct need_draft draft = need_draft(m, in->serve);
    for (uint32_t i = 0; spec && draft.model && i < draft.model->layers; i++) {      /* a model that drafts keeps its own tokens, in groups with the target's */
        const struct bt_layer *l = &draft.model->layer[i];
        if (l->mixer != BT_MIX_STATE && l->mixer != BT_MIX_NONE && !l->borrows_kv)
            put(s, in->last ? HERE : LATER, l->mixer, l->mixer == BT_MIX_FULL || l->mixer == BT_MIX_MLA ? 0 : l->window, attention_bytes(in, l, elem));
    }
    uint32_t drafting = draft.model ? 0 : draft.layers;
    for (uint32_t i = 0; spec && last_attention && i < drafting; i++)           /* drafting layers follow the last one */
        put(s, in->last ? HERE : LATER, last_attention->mixer, 0, attention_bytes(in, last_attention, elem));
}

static bool has_state(const struct buckets *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->b[i].kind == BT_MIX_STATE)
            return true;
    return false;
}

static bool one_kind(const struct buckets *s)
{
    for (size_t i = 1; i < s->n; i++)
        if (s->b[i].kind != s->b[0].kind || s->b[i].window != s->b[0].window)
            return false;
    return true;
}

/* The attention block of a hybrid grows until its page holds a state. */
static uint64_t block_for_states(const struct buckets *s, uint64_t block)
{
    uint64_t token = 0, state = 0, align = 16;
    for (size_t i = 0; i < s->n; i++) {
        uint64_t *most = s->b[i].kind == BT_MIX_STATE ? &state : &token;
        *most = BT_MAX(*most, s->b[i].bytes);
        align = s->b[i].kind == BT_MIX_MLA ? 128 : align;
    }
    align = BT_MAX(align, block);
    for (uint64_t step = align; s->chunk && align % s->chunk; )      /* the smallest multiple of both */
        align += step;
    return token ? BT_MAX(block, sat_mul(align, bt_ceil_div(state, sat_mul(align, token)))) : block;
}

static void add_group(const struct need_in *in, struct bt_need_rank *r, struct bt_kv_group g)
{
    BT_PUSH(in->arena, r->group, r->ngroups, g);
}

/* Buckets of unequal size are cut into groups as large as the smallest bucket, or the largest where they are nearly equal. */
static uint32_t group_size(const struct buckets *s)
{
    uint32_t least = UINT32_MAX, most = 0;
    for (size_t i = 0; i < s->n; i++) {
        least = BT_MIN(least, s->b[i].layers);
        most = BT_MAX(most, s->b[i].layers);
    }
    return 2ull * most < 3ull * least ? most : least;
}

/* Layers of this stage in the g-th of n groups: a group takes every n-th layer of its bucket. */
static uint32_t share_of(const struct bucket *b, uint32_t g, uint32_t n)
{
    uint32_t until = b->before + b->mine;
    return (until + n - 1 - g) / n - (b->before + n - 1 - g) / n;
}

/* The groups, and what a request takes of them, are the whole model's on every stage; a block holds a page for each layer of the stage's fullest
 * group (get_kv_cache_configs, _project_kv_cache_groups_to_worker; a group may have no layer on a stage). */
static void hybrid(const struct need_in *in, const struct buckets *s, uint64_t block, struct bt_need_rank *r)
{
    uint64_t page = 0;
    for (size_t i = 0; i < s->n; i++)
        page = BT_MAX(page, s->b[i].kind == BT_MIX_STATE ? s->b[i].bytes : sat_mul(s->b[i].bytes, block));
    uint32_t size = group_size(s);
    for (size_t i = 0; i < s->n; i++) {
        const struct bucket *b = &s->b[i];
        uint64_t fits = b->kind == BT_MIX_STATE ? 0 : BT_MAX(page / BT_MAX(sat_mul(b->bytes, block), 1u), 1u);       /* smaller pages take longer blocks */
        if (has_state(s))
            fits = b->kind != BT_MIX_STATE;
        uint32_t groups = (uint32_t)bt_ceil_div(b->layers, size);
        for (uint32_t g = 0; g < groups; g++) {
            uint32_t layers = share_of(b, g, groups);
            add_group(in, r, (struct bt_kv_group){ .kind = b->kind, .layers = layers, .window = b->window, .block = sat_mul(block, fits) });
            r->pool_layers = BT_MAX(r->pool_layers, layers);
        }
    }
    r->kv_block_bytes = sat_mul(page, r->pool_layers);
}

void need_kv_layout(const struct need_in *in, struct bt_need *n, struct bt_need_rank *r, unsigned kv_elem)
{
    struct buckets s = { 0 };
    if (in->model->compressed) {
        need_kv_compressed(in, n, r);
        return;
    }
    collect(in, kv_elem, n->spec_tokens, &s);
    uint64_t block = has_state(&s) ? block_for_states(&s, n->serve.block_size) : n->serve.block_size;           /* one for all stages */
    for (size_t i = 0; i < s.n; i++)
        if (s.b[i].kind != BT_MIX_STATE && !(in->model->cross_tokens && s.b[i].window))
            r->kv_token_bytes = sat_add(r->kv_token_bytes, sat_mul(s.b[i].bytes, s.b[i].mine));
    if (s.n && one_kind(&s)) {
        uint64_t pages = 0;
        for (size_t i = 0; i < s.n; i++) {
            r->pool_layers += s.b[i].mine;
            pages = sat_add(pages, sat_mul(sat_mul(s.b[i].bytes, s.b[i].mine), s.b[i].kind == BT_MIX_STATE ? 1 : block));
        }
        add_group(in, r, (struct bt_kv_group){ .kind = s.b[0].kind, .layers = r->pool_layers, .window = s.b[0].window, .block = s.b[0].kind == BT_MIX_STATE ? 0 : block });
        r->kv_block_bytes = pages;
    } else if (s.n) {
        hybrid(in, &s, block, r);
    }
    if (!r->ngroups)                 /* a model without anything to remember */
        add_group(in, r, (struct bt_kv_group){ .kind = BT_MIX_FULL, .block = block });
    const char *dcp = need_extra_flag(in->serve, "decode-context-parallel-size");        /* ranks share the tokens of a latent */
    uint64_t share = dcp ? BT_MIN(BT_MAX(strtoul(dcp, NULL, 10), 1ul), 1024ul) : 1;
    for (size_t i = 0; i < r->ngroups; i++)
        r->group[i].block = sat_mul(r->group[i].block, share);
    n->block = BT_MAX(n->block, sat_mul(block, share));
    r->kv_block_bytes = BT_MAX(r->kv_block_bytes, 1u);
}
