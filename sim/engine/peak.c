/* peak.c - what a forward of one full batch takes on top of the weights, tensor by tensor as the layers make and drop them, and what kernels, graphs
 * and channels take beside torch. vLLM v1/worker/gpu/model_runner.py, layers/fused_moe, v1/attention/backends/mla; sizes outside torch are those that
 * real start-up logs state (tests/data/vllm_cases.json, bench/data). */
#include "sim/engine/rank.h"

struct pass { struct se *e; struct se_heap *h; int32_t live[64]; size_t n; bool short_of_memory; uint64_t want; };

/* Numbers, in the served type unless bytes of each are said. */
static void make_of(struct pass *p, double numbers, double each)
{
    uint64_t bytes = (uint64_t)(numbers * each);
    if (p->short_of_memory || !bytes || p->n == BT_LEN(p->live))
        return;
    int32_t b = se_heap_take(p->h, bytes);
    if (b < 0) {
        p->short_of_memory = true;
        p->want = bytes;
        return;
    }
    p->live[p->n++] = b;
}

static void make(struct pass *p, double numbers)
{
    make_of(p, numbers, se_elem(p->e));
}

static void drop_to(struct pass *p, size_t n)
{
    while (p->n > n)
        se_heap_give(p->h, p->live[--p->n]);
}

static void attention(struct pass *p, const struct bt_layer *l, double t)
{
    const struct bt_model *m = p->e->model;
    double tp = (double)p->e->s.tp, heads = l->heads / tp, kv = BT_MAX(l->kv_heads / (uint32_t)p->e->s.tp, 1u);
    size_t before = p->n;
    if (l->mixer == BT_MIX_MLA) {    /* q, the latent, and keys and values out of it for the prompt */
        make(p, t * heads * (m->qk_nope + m->qk_rope));
        make(p, t * l->latent);
        make(p, t * heads * (m->qk_nope + m->v_head));
        make(p, t * heads * (m->qk_nope + m->qk_rope));
    } else {
        make(p, t * (heads + 2 * kv) * l->head_dim);
        make(p, t * heads * l->head_dim);
    }
    drop_to(p, before);
}

/* Delta nets and Mamba: the projection, its convolved copy, and the states of chunks of 64 tokens in 32 bits. */
static void state(struct pass *p, const struct bt_state *s, double t)
{
    double tp = (double)p->e->s.tp, inner = (double)s->heads * s->head_dim / tp, channels = s->conv_channels / tp;
    size_t before = p->n;
    make(p, t * (channels + inner));
    make(p, t * channels);
    make(p, 2 * t * inner);
    make_of(p, t / 64 * s->heads / tp * s->head_dim * s->state, 4);
    drop_to(p, before);
}

static void mlp(struct pass *p, const struct bt_layer *l, double t)
{
    const struct bt_model *m = p->e->model;
    double tp = (double)p->e->s.tp, inner = l->intermediate / tp;
    size_t before = p->n;
    make(p, t * inner * (m->plain_mlp ? 1 : 2));
    make(p, t * inner);
    if (l->moe) {                    /* two workspaces for the chosen experts of each token; one serves its first and its last use */
        double width = l->moe->intermediate / (p->e->s.expert_parallel ? 1 : tp), active = l->moe->active;
        make_of(p, t * l->moe->experts, 4);
        make(p, t * active * width);
        make(p, t * active * BT_MAX(2 * width, (double)m->hidden));
        make(p, 3 * t * l->moe->shared_intermediate / tp);
    }
    drop_to(p, before);
}

/* The largest image goes through the tower alone, before the language model runs: hidden states, norms, q, k, v and what is rotated of them. */
static void tower(struct pass *p)
{
    const struct bt_tower *w = &p->e->model->tower;
    double merge = BT_MAX(w->merge, 1u), patches = (double)w->image_tokens * merge * merge, h = w->hidden;
    if (!w->layers || p->e->more.text_only || p->e->more.no_mm_profile)
        return;
    make(p, 2 * patches * h);
    size_t before = p->n;
    make(p, 3 * patches * h);
    make(p, 2 * patches * h);
    make(p, patches * h);
    drop_to(p, before);
    make(p, patches * w->intermediate * (w->gated ? 2 : 1));
    make(p, patches * w->intermediate);
    drop_to(p, 0);
}

bool se_forward(struct se *e, const struct se_stage *st, struct se_heap *h, uint64_t *want)
{
    const struct bt_model *m = e->model;
    struct pass p = { .e = e, .h = h };
    double t = (double)e->s.max_batched_tokens, seqs = (double)BT_MIN(e->s.max_seqs, e->s.max_batched_tokens);
    if (st->first)
        tower(&p);
    for (int i = 0; i < 4; i++)      /* input, residual, normed, and the sum over ranks */
        make(&p, t * m->hidden);
    for (uint32_t i = st->first_layer; i < st->first_layer + st->layers && !p.short_of_memory; i++) {
        const struct bt_layer *l = &m->layer[i];
        if (i > st->first_layer && !memcmp(l, l - 1, sizeof *l))
            continue;                /* as the one before */
        if (l->state)
            state(&p, l->state, t);
        if (l->mixer != BT_MIX_STATE && l->mixer != BT_MIX_NONE)
            attention(&p, l, t);
        mlp(&p, l, t);
    }
    drop_to(&p, 0);
    if (st->last && !m->pooling && e->row->sampler_profiled)
        make_of(&p, seqs * m->vocab, e->row->sampler_bytes);         /* logits in 32 bits, sorted, with their places: the sampler's dummy run */
    else if (st->last && !m->pooling)
        make(&p, 2 * seqs * m->vocab);
    drop_to(&p, 0);
    *want = p.want;
    return !p.short_of_memory;
}

/* Sizes 1, 2, 4, every 8 to 255, every 16 from 256 (vLLM config/vllm.py). */
unsigned se_graph_sizes(const struct se *e, unsigned *largest)
{
    const struct bt_serve *s = &e->s;
    uint64_t max = s->max_cudagraph_size ? s->max_cudagraph_size : BT_MIN(BT_MIN(2 * s->max_seqs, 512), s->max_batched_tokens);
    unsigned given = 0, n = 0;
    for (const char *c = s->cudagraph_sizes ? s->cudagraph_sizes : ""; *c; c++)
        if (*c >= '0' && *c <= '9' && (c == s->cudagraph_sizes || c[-1] < '0' || c[-1] > '9')) {
            unsigned long v = strtoul(c, NULL, 10);
            max = given++ ? BT_MAX(max, v) : v;
        }
    *largest = (unsigned)max;
    if (given)
        return given;
    for (uint64_t size = 1; size <= max; size += size < 2 ? 1 : size < 4 ? 2 : size < 8 ? 4 : size < 256 ? 8 : 16)
        n++;
    return n;
}

/* Nodes of every size and layer, and the private pool of the largest. */
uint64_t se_graph_bytes(const struct se *e, const struct se_stage *st)
{
    unsigned largest, sizes = se_graph_sizes(e, &largest);
    if (e->s.eager)
        return 0;
    uint64_t layers = 0;
    for (uint32_t i = st->first_layer; i < st->first_layer + st->layers; i++)
        layers += e->model->layer[i].moe ? 3 : 1;
    return bt_round_up(64 * MiB + sizes * layers * 112 * KiB + (uint64_t)largest * e->model->hidden * 8, 2 * MiB);
}

uint64_t se_growth_bytes(const struct se *e)
{
    uint64_t ranks = e->s.tp * e->s.pp;
    return (e->s.tp > 4 ? 896 : e->s.tp > 1 ? 336 : ranks > 1 ? 96 : 64) * MiB;
}
