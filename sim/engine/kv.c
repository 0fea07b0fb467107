/* kv.c - what every layer keeps of a request, layers in groups with a block table each, groups in one pool of equal blocks.
 * vLLM v1/core/kv_cache_utils.py (groups, projection to stages), v1/kv_cache_interface.py (pages, blocks of a request), platforms/interface.py (the
 * block of hybrids), model_executor/layers/mamba/mamba_utils.py (states). */
#include "sim/engine/rank.h"

struct spec { uint32_t number; enum bt_mixer kind; uint32_t window; uint64_t bytes, block, page; };      /* bytes: of a token, or of a state */
struct specs { struct spec *s; size_t n; };

static unsigned kv_elem(const struct se *e)
{
    const char *t = e->s.kv_dtype ? e->s.kv_dtype : "auto";
    if (!strcmp(t, "auto"))
        return se_elem(e);
    return strstr(t, "fp8") || strstr(t, "int8") ? 1 : 2;
}

static uint64_t token_bytes(const struct se *e, const struct bt_layer *l)
{
    unsigned elem = kv_elem(e);
    if (l->mixer == BT_MIX_MLA)
        return (e->row->latent_padded ? bt_round_up(l->latent, 128) : (uint64_t)l->latent) * elem;
    uint64_t heads = BT_MAX(l->kv_heads / e->s.tp, 1u);
    bool scales = e->s.kv_dtype && strstr(e->s.kv_dtype, "per_token_head");
    return 2 * heads * ((uint64_t)l->head_dim * elem + (scales ? 4 : 0));
}

static uint64_t state_bytes(const struct se *e, const struct bt_state *s)
{
    uint64_t tp = e->s.tp, channels = s->conv_channels;
    unsigned elem = s->elem ? s->elem : se_elem(e);
    enum bt_dtype asked = bt_dtype_parse(e->more.ssm_dtype ? e->more.ssm_dtype : "");
    if (asked)
        elem = bt_dtype_bits(asked) / 8;
    if (s->kind == BT_STATE_MAMBA2 && s->groups % tp)                /* groups are copied until every rank has whole ones */
        channels += 2ull * (bt_round_up(s->groups, tp) - s->groups) * s->state;
    return channels / tp * (s->conv_kernel - 1 + e->more.spec_tokens) * se_elem(e) + s->heads / tp * s->head_dim * (uint64_t)s->state * elem;
}

static void push(struct se *e, struct specs *l, uint32_t number, enum bt_mixer kind, uint32_t window, uint64_t bytes)
{
    BT_PUSH(&e->arena, l->s, l->n, ((struct spec){ .number = number, .kind = kind, .window = window, .bytes = bytes }));
}

static void layers(struct se *e, struct specs *l)
{
    const struct bt_model *m = e->model;
    const struct bt_layer *last = NULL;
    for (uint32_t i = 0; i < m->layers; i++) {
        const struct bt_layer *y = &m->layer[i];
        if (y->state)
            push(e, l, i, BT_MIX_STATE, 0, state_bytes(e, y->state));
        if (y->mixer == BT_MIX_STATE || y->mixer == BT_MIX_NONE || y->borrows_kv)
            continue;
        push(e, l, i, y->mixer, y->window, token_bytes(e, y));
        if (y->indexer)              /* a cache of its own: keys of one byte and a scale */
            push(e, l, i, BT_MIX_MLA, 0, y->indexer + 4ull);
        if (y->mixer == BT_MIX_FULL || y->mixer == BT_MIX_MLA)
            last = y;
    }
    for (uint32_t i = 0; e->more.spec_tokens && last && i < m->mtp_layers; i++)
        push(e, l, m->layers + i, last->mixer, 0, token_bytes(e, last));
    if (e->more.hybrid_off)          /* --disable-hybrid-kv-cache-manager: windows are kept whole */
        for (size_t i = 0; last && i < l->n; i++)
            if (l->s[i].kind == BT_MIX_SLIDING || l->s[i].kind == BT_MIX_CHUNKED) {
                l->s[i].kind = BT_MIX_FULL;
                l->s[i].window = 0;
            }
}

/* Pages: an attention block grows until a page holds a state, and the states are padded to it. */
static uint64_t set_pages(struct se *e, struct specs *l)
{
    uint64_t token = 0, state = 0, block = e->s.block_size, align = 16;
    for (size_t i = 0; i < l->n; i++) {
        bool st = l->s[i].kind == BT_MIX_STATE;
        token = st ? token : BT_MAX(token, l->s[i].bytes);
        state = st ? BT_MAX(state, l->s[i].bytes) : state;
        align = l->s[i].kind == BT_MIX_MLA ? 128 : align;
    }
    align = BT_MAX(align, block);
    if (state && token) {
        uint64_t grown = align * bt_ceil_div(state, align * token);
        if (grown > block) {
            block = grown;
            se_info("interface.py:981", "Setting attention block size to %llu tokens to ensure that attention page size is >= mamba page size.",
                    (unsigned long long)block);
        }
    }
    for (size_t i = 0; i < l->n; i++) {
        struct spec *s = &l->s[i];
        s->block = s->kind == BT_MIX_STATE ? 0 : block;
        s->page = s->kind == BT_MIX_STATE ? (token ? block * token : state) : block * s->bytes;
    }
    return block;
}

static bool same(const struct spec *a, const struct spec *b)
{
    return a->kind == b->kind && a->window == b->window && a->block == b->block && a->page == b->page;
}

static bool one_type(const struct specs *l)
{
    for (size_t i = 1; i < l->n; i++)
        if (l->s[i].kind != l->s[0].kind || l->s[i].window != l->s[0].window)
            return false;
    return true;
}

/* Smaller pages take longer blocks until all are equal; those that do not divide are padded. */
static void equal_pages(struct specs *l)
{
    uint64_t most = 0;
    for (size_t i = 0; i < l->n; i++)
        most = BT_MAX(most, l->s[i].page);
    for (size_t i = 0; i < l->n; i++) {
        struct spec *s = &l->s[i];
        if (s->kind != BT_MIX_STATE && s->page < most && most % s->page == 0)
            s->block *= most / s->page;
        s->page = most;
    }
}

static void group_from(struct se *e, struct se_kv *kv, const struct specs *l, const size_t *of, size_t n, size_t from, size_t step)
{
    const struct spec *s = &l->s[of[from]];
    struct se_kv_group g = { .kind = s->kind, .window = s->window, .block = s->block };
    for (size_t i = from; i < n; i += step) {
        const struct spec *x = &l->s[of[i]];
        g.page = BT_MAX(g.page, x->page);
        BT_PUSH(&e->arena, g.layer, g.n, ((struct se_kv_layer){ x->number, x->bytes }));
    }
    BT_PUSH(&e->arena, kv->group, kv->n, g);
}

/* Buckets of equal layers; a group is as large as the smallest bucket, or the largest where they are nearly equal; the i-th group of a bucket takes
 * every n-th layer, so that each stage of a pipeline has some of each. */
static void grouped(struct se *e, const struct specs *l, struct se_kv *kv)
{
    size_t *bucket = BT_NEWN(&e->arena, size_t, l->n), *of = BT_NEWN(&e->arena, size_t, l->n), nb = 0, least = SIZE_MAX, most = 0;
    size_t *count = BT_NEWN(&e->arena, size_t, l->n), *first = BT_NEWN(&e->arena, size_t, l->n);
    for (size_t i = 0; i < l->n; i++) {
        size_t b = 0;
        while (b < nb && !same(&l->s[first[b]], &l->s[i]))
            b++;
        if (b == nb)
            first[nb++] = i;
        bucket[i] = b;
        count[b]++;
    }
    for (size_t b = 0; b < nb; b++) {
        least = BT_MIN(least, count[b]);
        most = BT_MAX(most, count[b]);
    }
    size_t size = 2 * most < 3 * least ? most : least;
    for (size_t b = 0; b < nb; b++) {
        size_t n = 0, groups = bt_ceil_div(count[b], size), pad = groups * size - count[b];
        if (pad)
            se_warning("kv_cache_utils.py:1238", "Add %zu padding layers, may waste at most %.2f%% KV cache memory", pad,
                       (double)pad / (double)count[b] * 100);
        for (size_t i = 0; i < l->n; i++)
            if (bucket[i] == b)
                of[n++] = i;
        for (size_t g = 0; g < groups; g++)
            group_from(e, kv, l, of, n, g, groups);
    }
}

int se_kv_plan(struct se *e, struct se_kv *out, struct bt_err *err)
{
    struct specs l = { 0 };
    *out = (struct se_kv){ 0 };
    layers(e, &l);
    out->block = set_pages(e, &l);
    if (!l.n)
        return 0;                    /* nothing to remember: an encoder */
    for (size_t i = 0; i < l.n; i++)
        if (!l.s[i].page)
            return bt_err_set(err, BT_E_INPUT, 0, "layer %u keeps no bytes of a token", l.s[i].number);
    if (one_type(&l)) {
        size_t *of = BT_NEWN(&e->arena, size_t, l.n);
        for (size_t i = 0; i < l.n; i++) {
            of[i] = i;
            out->varied = out->varied || l.s[i].page != l.s[0].page;
        }
        group_from(e, out, &l, of, l.n, 0, 1);
        return 0;
    }
    equal_pages(&l);
    grouped(e, &l, out);
    return 0;
}

static bool here(const struct se *e, const struct se_stage *st, uint32_t number)
{
    return number >= e->model->layers ? st->last : number - st->first_layer < st->layers;
}

size_t se_kv_tensors(struct se *e, const struct se_kv *kv, const struct se_stage *st, uint64_t **bytes)
{
    size_t n = 0, most = 0;
    *bytes = NULL;
    for (size_t g = 0; g < kv->n; g++) {
        size_t mine = 0;
        for (size_t i = 0; i < kv->group[g].n; i++) {
            const struct se_kv_layer *l = &kv->group[g].layer[i];
            if (!here(e, st, l->number))
                continue;
            mine++;
            if (kv->varied)
                BT_PUSH(&e->arena, *bytes, n, l->bytes * (kv->group[g].kind == BT_MIX_STATE ? 1 : kv->group[g].block));
        }
        most = BT_MAX(most, mine);
    }
    for (size_t i = 0; !kv->varied && i < most; i++)
        BT_PUSH(&e->arena, *bytes, n, kv->group[0].page);
    return n;
}

uint64_t se_kv_block_bytes(struct se *e, const struct se_kv *kv, const struct se_stage *st)
{
    uint64_t *bytes, sum = 0;
    size_t n = se_kv_tensors(e, kv, st, &bytes);
    for (size_t i = 0; i < n; i++)
        sum += bytes[i];
    return sum;
}

uint64_t se_kv_request_blocks(const struct se *e, const struct se_kv *kv, uint64_t context)
{
    bool v2 = e->row->runner == BT_RUNNER_V2;        /* batches at once: with asynchronous scheduling one more than stages; V1 two at least */
    uint64_t batches = !e->row->windows_in_flight ? 1 : v2 ? e->s.pp + 1 : BT_MAX(e->s.pp, 2u);
    uint64_t flying = batches * e->s.max_batched_tokens, sum = 0, share = BT_MAX(e->more.dcp, 1u);
    bool keeps = e->s.prefix_caching_on || (e->row->state_caching && !e->s.prefix_caching_off);
    for (size_t g = 0; g < kv->n; g++) {
        const struct se_kv_group *x = &kv->group[g];
        switch (x->kind) {
        case BT_MIX_SLIDING: sum += bt_ceil_div(BT_MIN(x->window - 1 + flying, context), x->block) + 1; break;
        case BT_MIX_CHUNKED: sum += bt_ceil_div(BT_MIN(x->window + flying, context), x->block); break;
        case BT_MIX_STATE: sum += 1 + keeps + e->more.spec_tokens; break;
        default: sum += bt_ceil_div(context, x->block * share); break;
        }
    }
    return sum;
}

bool se_kv_uniform(const struct se_kv *kv)
{
    return kv->n == 1 && (kv->group[0].kind == BT_MIX_FULL || kv->group[0].kind == BT_MIX_MLA);
}
