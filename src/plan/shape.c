/* shape - tensor-parallel x pipeline-parallel sizes of a server, with what each takes and how fast it is on each kind of card. */
#include "need/capability.h"
#include "plan/plan_int.h"

static unsigned long long ull(uint64_t n) { return n; }

#define REST_FLOOR (512 * MiB)       /* `rest` with less than a CUDA context is no berth */
#define AUTO_CARDS 16                /* no engine gains by more in one machine; `gpus: N` asks for them all the same */

static uint64_t whole_cards(const struct pl_problem *p, const struct pl_work *k)
{
    uint64_t n = 0;
    for (size_t i = 0; i < k->npool; i++)
        n += pl_card_for(p, 2, k->pool[i]);
    return n;
}

static uint64_t pinned_cards(const struct bt_workload *w)
{
    return (w->tp.set ? w->tp.want : 1) * (w->pp.set ? w->pp.want : 1) * (w->dp.set ? w->dp.want : 1);
}

static void gpus_range(const struct pl_problem *p, const struct pl_work *k, uint64_t *min, uint64_t *max)
{
    const struct bt_workload *w = k->w;
    uint64_t most = BT_MAX(whole_cards(p, k), (uint64_t)(k->npool > 0));
    *min = w->gpus.set ? w->gpus.min : 1;
    *max = w->gpus.set ? w->gpus.max : k->server ? BT_MIN(most, (uint64_t)AUTO_CARDS) : 1;
    *max = BT_MIN(*max, most);
    if (!w->gpus.set && k->server) {                 /* pins say more than auto */
        uint64_t pinned = pinned_cards(w);
        *max = BT_MAX(*max, BT_MIN(pinned, most));
    }
}

/* Bytes of one token in the whole model: KV heads that several ranks keep are read once by each. Of one engine: the others have tokens of their own. */
static double kv_bytes_per_token(const struct bt_need *n, uint32_t stages)
{
    double sum = 0;
    for (size_t i = 0; i < stages; i++)
        sum += (double)n->rank[i].kv_token_bytes * (double)BT_MIN(n->serve.tp, (uint64_t)BT_MAX(n->model->kv_heads, 1u));
    return sum;
}

static void cost_pace(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, size_t cls, struct pl_cost_kept *c)
{
    for (int nvlink = 0; nvlink < 2; nvlink++) {
        struct bt_pace_in in = { .model = k->pm->model,
                                 .weight = pl_weight(p, k),
                                 .engine = k->pm->engine,
                                 .version = k->pm->version,
                                 .card = &p->fleet->gpus[p->cls_card[cls]],
                                 .tp = s->tp,
                                 .pp = pl_stages(s),
                                 .context = PL_PACE_AT_TOKENS,
                                 .kv_bytes_per_token = kv_bytes_per_token(c->need, pl_stages(s)),
                                 .elem = pl_elem(k),
                                 .quantization = k->serve.quantization,
                                 .nvlink = nvlink };
        bt_pace_decode(&in, &c->pace[nvlink]);
        pl_pace_offloaded(c->need, pl_stages(s), in.card, &c->pace[nvlink]);
    }
}

uint64_t pl_most_weights(const struct bt_need *n)
{
    uint64_t most = 0;
    for (size_t r = 0; r < n->nranks; r++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < n->rank[r].n; i++)
            sum += n->rank[r].line[i].part == BT_P_WEIGHTS ? n->rank[r].line[i].bytes : 0;
        most = BT_MAX(most, sum);
    }
    return most;
}

/* 16-bit weights that are made 8-bit while loading lie on the card first, each rank's share, unless the engine converts them one by one. NULL: they pass. */
static const char *cannot_be_read(struct pl_problem *p, const struct pl_work *k, const struct bt_serve *serve)
{
    const struct bt_model *m = k->pm->model;
    struct bt_serve plain = *serve;
    struct bt_need *need;
    struct bt_err why = { 0 };
    size_t roomiest = 0;
    if (!serve->quantization || strcmp(serve->quantization, "fp8") != 0 || m->quantization || m->gguf || !strcmp(k->pm->engine->name, "llama-server") ||
        bt_fp8_streams(k->pm->engine, k->pm->version ? k->pm->version->version : NULL) || !k->npool)
        return NULL;
    for (size_t i = 0; i < k->npool; i++)
        roomiest = !i || p->cap[k->pool[i]] > p->cap[roomiest] ? k->pool[i] : roomiest;
    plain.quantization = NULL;
    if (pl_need(p, k, &plain, &p->fleet->gpus[p->cls_card[p->cls[roomiest]]], &need, &why) < 0 || pl_most_weights(need) <= p->cap[roomiest])
        return NULL;
    return bt_arena_printf(p->a, "%s reads weights in 16 bits before it makes them 8-bit: %s on a card, and %s are there", k->pm->engine->name,
                           bt_arena_strdup(p->a, bt_bytes_human(pl_most_weights(need))), bt_arena_strdup(p->a, bt_bytes_human(p->cap[roomiest])));
}

static int cost_shape(struct pl_problem *p, struct pl_work *k, struct pl_shape *s, struct bt_err *err)
{
    s->cost = BT_NEWN(p->a, struct pl_cost, p->nclasses);
    struct bt_serve serve = k->serve;
    serve.tp = s->tp;
    serve.pp = pl_stages(s);
    serve.cut = s->cut;
    serve.ncut = s->cut ? serve.pp : 0;
    serve.context = k->ctx_want;
    for (size_t c = 0; c < p->nclasses; c++) {
        struct bt_err why = { 0 };
        struct pl_cost_kept *kept;
        if (pl_cost_kept(p, k, &serve, &p->fleet->gpus[p->cls_card[c]], c ? s->cost[c - 1].need : NULL, &kept, &why) < 0) {
            if (why.code != BT_E_FIT) {
                *err = why;
                return -1;
            }
            s->ok = false;
            s->code = s->code ? s->code : "shape-impossible";
            s->why_not = bt_arena_strdup(p->a, why.msg);
            return 0;
        }
        if (!kept->paced) {          /* else it may be another's too, who reads it now */
            cost_pace(p, k, s, c, kept);
            kept->paced = true;
        }
        s->cost[c].need = kept->need;
        memcpy(s->cost[c].pace, kept->pace, sizeof kept->pace);
    }
    const char *too_wide = cannot_be_read(p, k, &serve);
    if (too_wide) {
        s->ok = false;
        s->code = "does-not-fit";
        s->why_not = too_wide;
    }
    return 0;
}

/* Of the shape where its slowest card is this one. */
static double rate_on(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, size_t g)
{
    const struct bt_gpu *gpus = p->fleet->gpus;
    uint32_t peers = 0;
    for (size_t j = 0; j < k->npool; j++)
        peers += p->cls[k->pool[j]] == p->cls[g] && gpus[k->pool[j]].island >= 0 && gpus[k->pool[j]].island == gpus[g].island;
    const struct bt_pace *pace = &s->cost[p->cls[g]].pace[peers >= (s->tp > 1 ? s->tp : s->cards)];
    return pace->known ? pace->decode_tok_s : 0;
}

/* Groups of one kind of card, of the pool's that are no slower. */
static uint32_t groups_as_fast(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, const double *rate, double least)
{
    const struct bt_gpu *gpus = p->fleet->gpus;
    bool counted[BT_MAX_GPUS] = { false };
    uint32_t groups = 0;
    for (size_t i = 0; i < k->npool; i++) {
        uint32_t alike = 0;
        for (size_t j = i; j < k->npool && !counted[i]; j++)
            if (!strcmp(gpus[k->pool[j]].name, gpus[k->pool[i]].name)) {
                counted[j] = j > i;
                alike += rate[j] >= least;
            }
        groups += alike / s->tp;
    }
    return groups;
}

/* The best rate that the shape can have on any set of cards of the pool, alone: its slowest card's. */
static void best_rate(struct pl_problem *p, struct pl_work *k, struct pl_shape *s)
{
    double rate[BT_MAX_GPUS];
    for (size_t i = 0; s->ok && i < k->npool; i++)
        rate[i] = pl_card_for(p, s->cards, k->pool[i]) ? rate_on(p, k, s, k->pool[i]) : 0;
    for (size_t i = 0; s->ok && i < k->npool; i++)
        if (rate[i] > s->best_tok_s && groups_as_fast(p, k, s, rate, rate[i]) >= s->pp)
            s->best_tok_s = rate[i];
}

/* Pinned to what the engine does anyway. */
static bool is_own_cut(const struct pl_work *k, uint32_t pp)
{
    for (uint32_t i = 0; i < pp; i++)
        if (k->w->pp_layers.v[i] != bt_engine_stage_layers(k->pm->engine, k->pm->model->layers, pp, i))
            return false;
    return true;
}

int pl_shape_cut(struct pl_problem *p, struct pl_work *k, const struct pl_shape *even, const uint32_t *cut, struct bt_err *err)
{
    char layers[256];
    struct pl_shape s = *even;
    bt_engine_cut_text(cut, s.pp, layers, sizeof layers);
    s.cut = cut;
    s.layers = bt_arena_strdup(p->a, layers);
    s.best_tok_s = 0;                /* weights in host RAM are other bytes in each cut */
    if (cost_shape(p, k, &s, err) < 0)
        return -1;
    best_rate(p, k, &s);
    if (s.ok)
        BT_PUSH(p->a, k->shape, k->nshapes, s);
    return 0;
}

/* `ep` against what the engine makes of it. NULL = it goes. */
static const char *ep_broken(struct pl_problem *p, const struct pl_work *k, uint64_t tp, uint64_t dp)
{
    uint64_t ep = k->w->ep.set ? k->w->ep.want : 1;
    bool sglang = !strcmp(k->pm->engine->name, "sglang");
    if (ep < 2)
        return NULL;
    if (!bt_need_has_experts(k->pm->model))
        return "Number of experts in the model must be greater than 0 when expert parallelism is enabled.";
    if (sglang ? tp % ep == 0 : tp * dp == ep)
        return NULL;
    return sglang ? bt_arena_printf(p->a, "ep %llu does not divide tp %llu: SGLang shares experts among the ranks of a tensor-parallel group", ull(ep), ull(tp))
                  : bt_arena_printf(p->a, "ep %llu, and tp x dp is %llu: vLLM shares experts among all of these ranks", ull(ep), ull(tp * dp));
}

static int server_shape(struct pl_problem *p, struct pl_work *k, uint32_t tp, uint32_t pp, uint32_t dp, struct bt_err *err)
{
    struct pl_shape s = { .tp = tp, .pp = pp * dp, .dp = dp, .cards = tp * pp * dp, .ok = true, .layers = "" };
    const char *ep = ep_broken(p, k, tp, dp);
    struct bt_shape m = bt_need_shape(k->pm->model);
    struct bt_refusal why = { 0 };
    char layers[256] = "";
    if (pp > 1 && k->w->pp_layers.n == pp && !is_own_cut(k, pp))
        s.cut = pl_cut_kept(p, k->w->pp_layers.v, pp);
    if (pp > 1) {
        if (s.cut)
            bt_engine_cut_text(s.cut, pp, layers, sizeof layers);
        else
            bt_engine_pp_text(k->pm->engine, m.layers, pp, layers, sizeof layers);
        s.layers = bt_arena_strdup(p->a, layers);
    }
    if (!bt_engine_shape_ok(k->pm->engine, &m, tp, pp, &why)) {
        s.ok = false;
        s.code = why.code;
        s.why_not = bt_arena_strdup(p->a, why.text);
    } else if (ep) {
        s.ok = false;
        s.code = bt_need_has_experts(k->pm->model) ? "ep-not-possible" : "no-experts";
        s.why_not = ep;
    } else if (cost_shape(p, k, &s, err) < 0) {
        return -1;
    }
    best_rate(p, k, &s);
    BT_PUSH(p->a, k->shape, k->nshapes, s);
    return 0;
}

/* The most that all copies of the work can reach in this shape: copies that share cards share their time, so that n cards carry n / cards of them. */
static double shape_rate(const struct pl_work *k, const struct pl_shape *s)
{
    double room = (double)k->npool / s->cards;
    return s->best_tok_s * BT_MIN((double)k->copies_want, room);
}

/* Shapes in which all copies together can go fast first, so that the first complete plan is a good one; of equals fewer cards, then smaller tp. */
static int shape_before(const struct pl_work *k, const struct pl_shape *a, const struct pl_shape *b)
{
    double x = shape_rate(k, a), y = shape_rate(k, b);
    if (a->ok != b->ok)
        return a->ok ? -1 : 1;
    if (x != y)
        return x > y ? -1 : 1;
    if (a->cards != b->cards)
        return a->cards < b->cards ? -1 : 1;
    return a->tp < b->tp ? -1 : a->tp > b->tp;
}

static void sort_shapes(struct pl_work *k)
{
    for (size_t i = 1; i < k->nshapes; i++)
        for (size_t j = i; j > 0 && shape_before(k, &k->shape[j], &k->shape[j - 1]) < 0; j--) {
            struct pl_shape t = k->shape[j];
            k->shape[j] = k->shape[j - 1];
            k->shape[j - 1] = t;
        }
}

static void too_few(struct pl_problem *p, const struct pl_work *k, uint64_t wants)
{
    const struct bt_workload *w = k->w;
    uint64_t whole = whole_cards(p, k);
    if (w->optional)
        return;
    const char *has = w->pool.n ? "its pool has " : p->in->one_of_many ? "the largest machine has " : "the fleet has ";
    const char *least = w->gpus.set && w->gpus.min != w->gpus.max ? "at least " : "";
    const char *shape = !k->server || (!w->tp.set && !w->pp.set && !w->dp.set) ? "" : w->dp.set ? " (tp x pp x dp)" : " (tp x pp)";
    if (whole < k->npool)
        pl_refuse(p, w, "too-few-gpus", "%s wants %s%llu GPUs per instance%s; %s%llu whole card%s and %llu MIG instance%s, of which a process sees one",
                  w->name, least, ull(wants), shape, has, ull(whole), whole == 1 ? "" : "s", ull(k->npool - whole), k->npool - whole == 1 ? "" : "s");
    else
        pl_refuse(p, w, "too-few-gpus", "%s wants %s%llu GPUs per instance%s; %s%llu", w->name, least, ull(wants), shape, has, ull(k->npool));
}

int pl_shapes(struct pl_problem *p, struct pl_work *k, struct bt_err *err)
{
    const struct bt_workload *w = k->w;
    uint64_t min, max;
    gpus_range(p, k, &min, &max);
    if (!k->server) {
        for (uint64_t n = max; n >= min && n > 0; n--) {
            struct pl_shape s = { .tp = 1, .pp = (uint32_t)n, .cards = (uint32_t)n, .ok = true, .layers = "" };   /* of any kinds, as stages */
            s.best_tok_s = (double)n / (double)max;
            BT_PUSH(p->a, k->shape, k->nshapes, s);
        }
        k->solo_best = 1;
        pl_job_shapes(p, k);
        if (!k->nshapes)
            too_few(p, k, min);
        return 0;
    }
    uint32_t dp = w->dp.set ? (uint32_t)w->dp.want : 1;
    for (uint32_t cards = dp; cards <= max; cards += dp)
        for (uint32_t tp = 1; tp <= cards / dp; tp++) {
            uint32_t pp = cards / dp / tp;
            bool pinned_out = (w->tp.set && w->tp.want != tp) || (w->pp.set && w->pp.want != pp);
            if (cards / dp % tp || cards < min || pinned_out)
                continue;
            if (server_shape(p, k, tp, pp, dp, err) < 0)
                return -1;
        }
    sort_shapes(k);
    for (size_t i = 0; i < k->nshapes; i++)
        k->solo_best = BT_MAX(k->solo_best, k->shape[i].best_tok_s);
    if (!k->nshapes)
        too_few(p, k, w->gpus.set ? min : pinned_cards(w));
    return 0;
}

size_t pl_cost_class(const struct pl_problem *p, const size_t *card, uint32_t n)
{
    size_t best = card[0];
    for (uint32_t i = 1; i < n; i++)
        if (p->fleet->gpus[card[i]].total_bytes < p->fleet->gpus[best].total_bytes)
            best = card[i];
    return p->cls[best];
}

/* Tensor-parallel groups each inside one island; without them the whole pipeline. */
bool pl_nvlink(const struct pl_problem *p, const struct pl_shape *s, const size_t *card)
{
    uint32_t group = s->tp > 1 ? s->tp : s->cards;
    for (uint32_t i = 0; i < s->cards; i++) {
        int island = p->fleet->gpus[card[i]].island;
        if (island < 0 || island != p->fleet->gpus[card[i / group * group]].island)
            return false;
    }
    return s->cards > 1;
}

/* A token passes through the stages one after the other: each reads its layers at the speed of its own cards. The search counts the slowest kind for all. */
static struct bt_pace stage_by_stage(const struct pl_problem *p, const struct pl_shape *s, const size_t *card, bool nvlink, const struct bt_pace *slowest)
{
    const struct bt_need *need = s->cost[p->cls[card[0]]].need;
    struct bt_pace out = *slowest;
    double layers = 0, weights = 0, kv = 0, ceiling = 0;
    for (uint32_t i = 0; i < s->pp; i++)
        layers += need->rank[i].layers;
    for (uint32_t i = 0; i < s->pp && layers > 0; i++) {
        const struct bt_pace *c = &s->cost[p->cls[card[i * s->tp]]].pace[nvlink];
        double share = need->rank[i].layers / layers;
        weights += share * c->weights_ms;
        kv += share * c->kv_ms;
        ceiling += share / c->ceiling_tok_s;
    }
    if (!(layers > 0) || !(ceiling > 0))
        return out;
    out.step_ms += weights + kv - out.weights_ms - out.kv_ms;
    out.weights_ms = weights;
    out.kv_ms = kv;
    out.ceiling_tok_s = 1 / ceiling;
    out.total_tok_s *= 1e3 / out.step_ms / out.decode_tok_s;
    out.decode_tok_s = 1e3 / out.step_ms;
    return out;
}

double pl_rate(const struct pl_problem *p, const struct pl_shape *s, const size_t *card, struct bt_pace *pace)
{
    if (!s->cost)
        return s->best_tok_s;
    bool nvlink = pl_nvlink(p, s, card), mixed = false;
    const struct bt_pace *slowest = NULL;            /* of tensor-parallel ranks, and of engines behind one front, that is the pace */
    for (uint32_t i = 0; i < s->cards; i++) {
        const struct bt_pace *c = &s->cost[p->cls[card[i]]].pace[nvlink];
        mixed = mixed || p->cls[card[i]] != p->cls[card[0]];
        if (!slowest || !c->known || (slowest->known && c->decode_tok_s < slowest->decode_tok_s))
            slowest = c;
        if (!slowest->known)
            break;
    }
    if (pace)
        *pace = mixed && slowest->known && s->pp > 1 && pl_dp(s) == 1 ? stage_by_stage(p, s, card, nvlink, slowest) : *slowest;
    return slowest->known ? slowest->decode_tok_s : 0;
}

double pl_rate_shown(const struct pl_problem *p, const struct pl_shape *s, const size_t *card)
{
    struct bt_pace pace = { .link = "" };
    double counted = pl_rate(p, s, card, &pace);
    return pace.known ? pace.decode_tok_s : counted;
}

uint64_t pl_limit(const struct pl_work *k, const struct bt_gpu *g)
{
    const struct bt_memory *m = &k->w->memory;
    if (m->form == BT_MEM_BYTES)
        return m->bytes;
    if (m->form == BT_MEM_PERCENT)
        return (uint64_t)((double)g->total_bytes * (m->percent / 100));
    return m->form == BT_MEM_LIKE ? k->pm->like_bytes : UINT64_MAX;
}

uint64_t pl_floor(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, size_t cost_class, uint32_t i, size_t card)
{
    if (s->job_bytes)
        return k->claim == PL_LIMIT ? s->job_bytes[p->cls[card]] : BT_MAX(s->job_bytes[p->cls[card]], REST_FLOOR);
    if (k->claim == PL_LIMIT) {      /* `memory` is what it has on the card: RAM comes on top where that is the same */
        const struct bt_need *n = k->server ? s->cost[cost_class].need : NULL;
        const struct bt_gpu *g = &p->fleet->gpus[card];
        return pl_limit(k, g) + (n ? pl_fixed(&n->rank[i / s->tp], g) - n->rank[i / s->tp].fixed_bytes : 0);
    }
    if (k->claim == PL_REST)
        return k->w->expects.like ? BT_MAX(k->pm->like_bytes, REST_FLOOR) : REST_FLOOR;
    if (k->claim == PL_WHOLE)
        return p->cap[card];
    const struct bt_need *n = s->cost[cost_class].need;
    const struct bt_need_rank *r = &n->rank[i / s->tp];
    return pl_fixed(r, &p->fleet->gpus[card]) + bt_need_kv_for(n, r, k->ctx_min, k->w->requests);
}
