/* knobs - what of a workload may be changed so that a spec fits, one key each, and what that is in words. */
#include "plan/knobs.h"

#include "need/capability.h"

#define LEAST_CONTEXT UINT64_C(2048)         /* tokens, of a server that was asked for at least twice that */

/* Of one machine. */
static size_t most_cards(const struct bt_fleet *f)
{
    size_t most = f->nboxes ? 0 : f->n;
    for (size_t i = 0; i < f->nboxes; i++)
        most = BT_MAX(most, f->box[i].n);
    return most;
}

bool pl_knob_counts(const struct bt_workload *w, enum pl_knob k)
{
    return k == PL_REQUESTS || k == PL_CONTEXT || k == PL_BATCH || k == PL_COPIES || ((k == PL_GPUS || k == PL_MEMORY) && w->kind != BT_SERVER);
}

uint64_t pl_knob_asked(const struct bt_plan_in *in, size_t i, enum pl_knob k)
{
    const struct bt_workload *w = &in->spec->w[i];
    const struct bt_plan_model *pm = &in->models[i];
    const struct bt_job *j = pl_job(w);
    switch (k) {
    case PL_BATCH: return j && !pm->job_error ? j->batch : 0;
    case PL_REQUESTS: return w->requests;
    case PL_CONTEXT: return w->context.same_as || !pm->model ? 0 : w->context.min ? w->context.min : BT_MIN((uint64_t)4096, bt_need_model_context(pm->model));
    case PL_COPIES: return w->copies.set ? w->copies.min : 1;
    case PL_GPUS: return w->gpus.set ? w->gpus.min : 1;
    case PL_MEMORY: return pl_memory_asked(w, in->fleet);
    default: return 0;
    }
}

uint64_t pl_knob_step(enum pl_knob k) { return k == PL_CONTEXT ? 256 : k == PL_MEMORY ? 64 * MiB : 1; }

/* Bytes that somebody gave a command are what it takes: it may do with a little less, not with a tenth. */
uint64_t pl_least_memory(uint64_t asked) { return bt_round_up(asked / 2, 64 * MiB); }

/* A few hundred tokens are no way out for who asked for more. */
uint64_t pl_least_context(uint64_t asked) { return BT_MIN(bt_round_up(BT_MAX(asked / 2, 1u), pl_knob_step(PL_CONTEXT)), LEAST_CONTEXT); }

uint64_t pl_knob_least(const struct bt_plan_in *in, size_t i, enum pl_knob k)
{
    const uint64_t asked = pl_knob_asked(in, i, k);
    return k == PL_MEMORY ? pl_least_memory(asked) : k == PL_CONTEXT ? pl_least_context(asked) : pl_knob_step(k);
}

void pl_turn_number(struct bt_workload *w, enum pl_knob k, uint64_t v)
{
    switch (k) {
    case PL_REQUESTS: w->requests = v; break;
    case PL_CONTEXT:
        w->context.set = true;
        w->context.min = v;
        break;
    case PL_COPIES: w->copies.min = w->copies.want = v; break;
    case PL_GPUS: w->gpus.min = w->gpus.max = w->gpus.want = v; break;
    case PL_MEMORY: w->memory = (struct bt_memory){ .form = BT_MEM_BYTES, .bytes = v }; break;
    default: break;
    }
}

/* The longest context that the model was made for; 0: no more is asked. */
static uint64_t made_for(const struct bt_plan_in *in, size_t i)
{
    const struct bt_model *m = in->models[i].model;
    const struct bt_workload *w = &in->spec->w[i];
    bool past = w->kind == BT_SERVER && m && BT_MAX(w->context.want, w->context.min) > bt_need_context_limit(m);
    return past ? bt_need_model_context(m) : 0;
}

static void turn_word(const struct bt_plan_in *in, struct bt_workload *w, size_t i, enum pl_knob k)
{
    const struct bt_fleet *f = in->fleet;
    const uint64_t most = k == PL_MADE_FOR ? made_for(in, i) : 0;
    switch (k) {
    case PL_MADE_FOR:
        w->context.want = BT_MIN(w->context.want, most);
        w->context.min = BT_MIN(w->context.min, most);
        break;
    case PL_STORED: w->quantization = NULL; break;
    case PL_SHAPE:
        w->tp = w->pp = (struct bt_range){ 0 };
        w->pp_layers.n = 0;
        break;
    case PL_GPUS: w->gpus = (struct bt_range){ .set = true, .min = 1, .max = most_cards(f), .want = most_cards(f) }; break;
    case PL_POOL: w->pool = (struct bt_strs){ 0 }; break;
    case PL_SHARE: w->share = BT_SHARE_TRUE; break;
    case PL_APART: w->apart = (struct bt_strs){ 0 }; break;
    case PL_SAME: w->same_gpus_as = NULL; break;
    case PL_MEMORY: w->memory = (struct bt_memory){ 0 }; break;
    case PL_BITS: w->quantization = "fp8"; break;
    case PL_OPTIONAL: w->optional = true; break;
    default: break;
    }
}

const char *pl_job_key(const struct bt_workload *w) { return w->memory.job ? "memory" : "expects"; }

void pl_turn_job(struct bt_workload *w, const struct bt_job *j)
{
    *(w->memory.job ? &w->memory.job : &w->expects.job) = j;
}

/* A key of what a job does. */
static void turn_job(struct bt_arena *a, struct bt_workload *w, const struct pl_change *c)
{
    struct bt_job *j = BT_NEW(a, struct bt_job);
    *j = *pl_job(w);
    j->checkpointing = j->checkpointing || c->knob == PL_CHECKPOINTING;
    j->batch = c->knob == PL_BATCH ? c->value : j->batch;
    pl_turn_job(w, j);
}

void pl_turn(struct bt_arena *a, const struct bt_plan_in *in, struct bt_workload *w, const struct pl_change *c)
{
    if (c->knob == PL_CHECKPOINTING || c->knob == PL_BATCH)
        turn_job(a, w, c);
    else if (pl_knob_counts(w, c->knob))
        pl_turn_number(w, c->knob, c->value);
    else
        turn_word(in, w, c->index, c->knob);
}

/* Those that know the cards only, each of its pool: what their bytes allow, in 16 bits while loading too, is planned. */
bool pl_can_make_fp8(const struct bt_plan_in *in, size_t i)
{
    const struct bt_plan_model *pm = &in->models[i];
    const struct bt_workload *w = &in->spec->w[i];
    const struct bt_model *m = pm->model;
    const struct bt_strs *pool = &w->pool;
    bool known = w->kind == BT_SERVER && m && pm->engine && strcmp(pm->engine->name, "llama-server") != 0;
    bool other = w->quantization && w->quantization[0] && m && !bt_wants_made_weights(m, w->quantization);
    if (!known || other || m->quantization || m->gguf || !bt_model_architecture_known(m->architecture))
        return false;
    bt_auto_arena a = { 0 };
    struct bt_err no_such_card = { 0 };              /* told where the pool is resolved */
    size_t *card = BT_NEWN(&a, size_t, pool->n + 1);
    if (pool->n && bt_fleet_pick(&a, in->fleet, pool->v, pool->n, card, &no_such_card) < 0)
        return false;
    bool all = true;
    for (size_t g = 0; g < (pool->n ? pool->n : in->fleet->n); g++)
        all = all && bt_card_makes_fp8(pm->engine, pm->version ? pm->version->version : NULL, m, &in->fleet->gpus[pool->n ? card[g] : g]);
    return all;
}

/* Is that asked for at all? */
bool pl_can_turn(const struct bt_plan_in *in, size_t i, enum pl_knob k)
{
    const struct bt_workload *w = &in->spec->w[i];
    bool server = w->kind == BT_SERVER, none = w->gpus.set && !w->gpus.max;
    if (none || (server && !in->models[i].model))
        return false;
    if (pl_knob_counts(w, k))
        return (k != PL_CONTEXT || server) && (k != PL_REQUESTS || server) && pl_knob_asked(in, i, k) > pl_knob_least(in, i, k);
    switch (k) {
    case PL_MADE_FOR: return made_for(in, i) > 0;
    case PL_STORED: return server && bt_stored_otherwise(in->models[i].model, w->quantization);
    case PL_CHECKPOINTING: return pl_job(w) && pl_job(w)->kind == BT_JOB_TRAIN && !pl_job(w)->checkpointing && !in->models[i].job_error;
    case PL_SHAPE: return w->tp.set || w->pp.set || w->pp_layers.n;
    case PL_GPUS: return w->gpus.set;                 /* beside pins it helps with those let go only */
    case PL_POOL: return w->pool.n > 0;
    case PL_SHARE: return w->share != BT_SHARE_TRUE;
    case PL_APART: return w->apart.n > 0;
    case PL_SAME: return w->same_gpus_as != NULL;
    case PL_MEMORY: return w->memory.form == BT_MEM_BYTES || w->memory.form == BT_MEM_PERCENT;
    case PL_BITS: return server && pl_can_make_fp8(in, i);
    default: return !w->optional;
    }
}

static const struct { const char *key, *value; } words[PL_KNOB__N] = {
    [PL_MADE_FOR] = { "context", NULL }, [PL_STORED] = { "quantization", "null" },
    [PL_CHECKPOINTING] = { "checkpointing", "true" }, [PL_BATCH] = { "batch", NULL },
    [PL_SHAPE] = { "tp", "auto" },   [PL_POOL] = { "pool", "all" },          [PL_SHARE] = { "share", "true" }, [PL_APART] = { "apart", "null" },
    [PL_SAME] = { "same_gpus_as", "null" }, [PL_REQUESTS] = { "requests", NULL }, [PL_CONTEXT] = { "context.min", NULL }, [PL_MEMORY] = { "memory", "auto" },
    [PL_COPIES] = { "replicas", NULL }, [PL_OPTIONAL] = { "optional", "true" }, [PL_GPUS] = { "gpus", NULL }, [PL_BITS] = { "quantization", "fp8" },
};

const char *pl_up_to(struct bt_arena *a, uint64_t min, uint64_t max)
{
    return min == max ? bt_arena_printf(a, "%llu", (unsigned long long)max)
                      : bt_arena_printf(a, "{min: %llu, max: %llu}", (unsigned long long)min, (unsigned long long)max);
}

static void push(struct bt_arena *a, struct bt_plan_change **list, size_t *n, const struct bt_workload *w, const char *key, const char *value)
{
    struct bt_plan_change row = { bt_arena_printf(a, "workloads.%s.%s", w->name, key), value };
    BT_PUSH(a, *list, *n, row);
}

void pl_say_change(struct bt_arena *a, const struct bt_plan_in *in, const struct pl_change *c, struct bt_plan_change **list, size_t *n)
{
    const struct bt_workload *w = &in->spec->w[c->index];
    const char *key = c->knob == PL_COPIES && w->kind == BT_JOB ? "slots" : words[c->knob].key, *value = words[c->knob].value;
    if (pl_knob_counts(w, c->knob))
        value = c->knob == PL_MEMORY ? bt_arena_strdup(a, bt_bytes_exact(c->value)) : bt_arena_printf(a, "%llu", (unsigned long long)c->value);
    else if (c->knob == PL_GPUS)
        value = pl_up_to(a, 1, most_cards(in->fleet));
    if (c->knob == PL_CHECKPOINTING || c->knob == PL_BATCH)
        key = bt_arena_printf(a, "%s.%s", pl_job_key(w), key);
    if (c->knob == PL_MADE_FOR) {
        value = bt_arena_printf(a, "%llu", (unsigned long long)made_for(in, c->index));
        key = w->context.min <= bt_need_context_limit(in->models[c->index].model) ? "context.want" : w->context.want ? "context" : "context.min";
    }
    if (c->knob == PL_SHAPE && !w->tp.set)
        key = w->pp.set ? "pp" : "pp_layers";
    push(a, list, n, w, key, value);
    if (c->knob == PL_SHAPE && w->tp.set && w->pp.set)
        push(a, list, n, w, "pp", "auto");
    if (c->knob == PL_SHAPE && w->pp_layers.n && (w->tp.set || w->pp.set))
        push(a, list, n, w, "pp_layers", "auto");
}

#define MOST_NAMED 12

void pl_say_name(struct bt_buf *b, size_t i, size_t n, const char *last, const char *name)
{
    bool many = n > MOST_NAMED + 1;                  /* one left over is named, too */
    if (!many || i < MOST_NAMED)
        bt_buf_printf(b, "%s%s", i == 0 ? "" : i + 1 == n ? last : ", ", name);
    else if (i == MOST_NAMED)
        bt_buf_printf(b, " and %zu more", n - MOST_NAMED);
}

static bool waits_for(const struct bt_workload *w, const char *name)
{
    bool waits = false;
    for (size_t i = 0; i < w->nafter; i++)
        waits = waits || !strcmp(w->after[i].name, name);
    return waits;
}

/* Who would wait for it runs all the same: nothing will be there to wait for. */
const char *pl_without_text(struct bt_arena *a, const struct bt_spec *s, size_t index)
{
    const char *name = s->w[index].name;
    bt_auto_buf struct bt_buf b = BT_BUF(4 * KiB);
    size_t n = 0, waiting = 0;
    for (size_t i = 0; i < s->n; i++)
        waiting += waits_for(&s->w[i], name);
    for (size_t i = 0; i < s->n; i++)
        if (waits_for(&s->w[i], name))
            pl_say_name(&b, n++, waiting, " and ", s->w[i].name);
    const char *start = waiting == 1 ? "starts" : "start", *text = "`optional: true` leaves it out while it has no place";
    if (!waiting)
        return bt_arena_printf(a, "without %s the others run: %s", name, text);
    return bt_arena_printf(a, "without %s the others run: %s; %s then %s without waiting for it (`after`)", name, text, bt_buf_z(&b), start);
}

const char *pl_fits_with(struct bt_arena *a, const char *name, const char *key, const char *value)
{
    if (!strcmp(value, "null"))                      /* the key goes */
        return bt_arena_printf(a, "%s: it fits without `%s`", name, key);
    return bt_arena_printf(a, "%s: it fits with `%s: %s`", name, key, value);
}

const char *pl_change_text(struct bt_arena *a, const struct bt_plan_in *in, const struct pl_change *c, const struct bt_plan_change *list)
{
    const char *name = in->spec->w[c->index].name;
    if (c->knob == PL_OPTIONAL)
        return pl_without_text(a, in->spec, c->index);
    if (c->knob == PL_BITS)
        return bt_arena_printf(a, "%s: it fits with `quantization: fp8`: weights in 8 bits, made so while loading, which costs some quality", name);
    const char *key = list[0].path + strlen("workloads.") + strlen(name) + 1;       /* whole: `min` alone is of nobody knows what */
    return pl_fits_with(a, name, key, list[0].value);
}

const char *pl_together_text(struct bt_arena *a, size_t n, bool fewer_bits)
{
    return bt_arena_printf(a, "no single change is enough: these %zu together are, and none of them can be spared%s", n,
                           fewer_bits ? "; 8 bits a weight cost some quality" : "");
}

struct bt_plan_advice pl_advice_of(const char *text, const struct bt_plan_change *list, size_t n)
{
    struct bt_plan_advice row = { .text = text, .path = list[0].path, .value = list[0].value };
    if (n > 1) {
        row.path2 = list[1].path;
        row.value2 = list[1].value;
        row.more = &list[2];
        row.nmore = n - 2;
    }
    return row;
}
