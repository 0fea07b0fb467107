/* The validator against drawn plans: each is accepted as it was made, and refused after any one change that no plan may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../bench/plan_full.h"
#include "../../bench/plan_joint.h"

struct where { struct bt_plan *plan; struct bt_plan_instance *inst; struct bt_rank_berth *rank; struct bt_gpu *card; size_t card_index; struct bt_arena *a; };

static uint64_t planned_on(const struct bt_plan *p, size_t g)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->phase[0].n; i++)
        for (size_t j = 0; j < p->phase[0].inst[i].nranks; j++)
            sum += p->phase[0].inst[i].rank[j].gpu == g ? p->phase[0].inst[i].rank[j].bytes : 0;
    return sum;
}

static unsigned tenants_on(const struct bt_plan *p, size_t g)
{
    unsigned n = 0;
    for (size_t i = 0; i < p->phase[0].n; i++)
        for (size_t j = 0; j < p->phase[0].inst[i].nranks; j++)
            n += p->phase[0].inst[i].rank[j].gpu == g;
    return n;
}

static struct bt_workload *open_workload(const struct bt_plan_instance *in) { return (struct bt_workload *)in->w; }     /* the test's own spec */

/* Each makes its change, or says false where it would change nothing that is forbidden. */
static bool one_byte_more(struct where *x)
{
    bool exact = x->inst->need || x->inst->w->memory.form == BT_MEM_BYTES || x->inst->w->memory.form == BT_MEM_PERCENT;
    x->rank->bytes++;
    return exact;
}
static bool kv_of_nobody(struct where *x) { x->rank->kv_bytes += 4096; return x->inst->need != NULL; }
static bool no_kv(struct where *x)
{
    x->rank->bytes -= x->rank->kv_bytes;
    x->rank->kv_bytes = x->rank->kv_tokens = 0;
    return x->inst->need != NULL;
}
static bool other_tokens(struct where *x) { x->rank->kv_tokens += 16; return x->inst->need != NULL; }
static bool no_bytes(struct where *x) { x->rank->bytes = 0; return true; }
static bool off_the_fleet(struct where *x) { x->rank->gpu = x->plan->fleet->n; return true; }
static bool twice_on_a_card(struct where *x)
{
    if (x->inst->nranks < 2)
        return false;
    x->inst->rank[0].gpu = x->inst->rank[1].gpu;
    return true;
}
static bool a_rank_less(struct where *x)
{
    x->inst->nranks--;
    return x->inst->need || (x->inst->w->gpus.set && x->inst->nranks < x->inst->w->gpus.min) || !x->inst->nranks;
}
static bool other_shape(struct where *x) { x->inst->tp++; return x->inst->need != NULL; }
static bool ranks_out_of_order(struct where *x) { x->rank->pp++; return x->inst->need != NULL; }
static bool no_context(struct where *x) { x->inst->context = 0; return x->inst->need != NULL; }
static bool context_past_model(struct where *x)
{
    if (!x->inst->need)
        return false;
    x->inst->context = bt_need_model_context(x->inst->need->model) + 1;
    return true;
}
static bool context_past_wish(struct where *x)
{
    if (!x->inst->need || !x->inst->w->context.want || x->inst->w->context.same_as)
        return false;
    x->inst->context = x->inst->w->context.want + 1;
    return true;
}
static bool no_ledger(struct where *x) { x->inst->need = NULL; return x->inst->w->kind == BT_SERVER; }
static bool other_id(struct where *x) { x->inst->id = "somebody-else-0"; return true; }
static bool other_replica(struct where *x) { x->inst->replica += 7; return true; }
static bool card_shrinks(struct where *x)
{
    x->card->others_bytes += bt_gpu_capacity(x->card) - planned_on(x->plan, x->card_index) + 1;
    return true;
}
static bool wants_to_be_alone(struct where *x) { open_workload(x->inst)->share = BT_SHARE_NEVER; return tenants_on(x->plan, x->card_index) > 1; }
static bool not_in_this_phase(struct where *x)
{
    static const char *const other[] = { "another" };
    open_workload(x->inst)->phases = (struct bt_strs){ (const char **)other, 1 };
    return true;
}
static bool limit_below(struct where *x)
{
    open_workload(x->inst)->memory = (struct bt_memory){ .form = BT_MEM_BYTES, .bytes = x->rank->bytes - 1 };
    return true;
}
static bool tp_pinned_otherwise(struct where *x)
{
    open_workload(x->inst)->tp = (struct bt_range){ .set = true, .want = x->inst->tp + 1, .min = x->inst->tp + 1, .max = x->inst->tp + 1 };
    return x->inst->need != NULL;
}
static bool more_copies_asked(struct where *x)
{
    open_workload(x->inst)->copies = (struct bt_range){ .set = true, .want = 60, .min = 60, .max = 60 };
    return true;
}
static bool is_server(const struct where *x) { return x->inst->w->kind == BT_SERVER; }
static bool onto_card(struct where *x, bool (*wrong)(const struct where *, size_t))      /* onto the first card that is wrong for it */
{
    for (size_t g = 0; g < x->plan->fleet->n; g++)
        if (wrong(x, g)) {
            x->rank->gpu = g;
            return true;
        }
    return false;
}
static bool of_another_kind(const struct where *x, size_t g) { return x->inst->need && x->inst->tp > 1 && strcmp(x->plan->fleet->gpus[g].name, x->card->name); }
static bool other_kind_in_group(struct where *x) { return onto_card(x, of_another_kind); }
static bool outside_pool(const struct where *x, size_t g)
{
    char index[16];
    snprintf(index, sizeof index, "%d", x->plan->fleet->gpus[g].index);
    for (size_t i = 0; i < x->inst->w->pool.n; i++)
        if (!strcmp(x->inst->w->pool.v[i], index))
            return false;
    return x->inst->w->pool.n > 0;
}
static bool out_of_pool(struct where *x) { return onto_card(x, outside_pool); }
static bool away_from(const struct where *x, size_t g)
{
    for (size_t i = 0; i < x->inst->nranks; i++)
        if (x->inst->rank[i].gpu == g)
            return false;
    return x->inst->w->same_gpus_as != NULL;
}
static bool away_from_its_target(struct where *x) { return onto_card(x, away_from); }
static bool instance_of_mig(struct where *x) { x->card->mig_of = "GPU-cut"; return x->inst->nranks > 1; }
static void drop(struct where *x)
{
    struct bt_plan_phase *ph = &x->plan->phase[0];
    size_t at = (size_t)(x->inst - ph->inst);
    memmove(&ph->inst[at], &ph->inst[at + 1], (ph->n - at - 1) * sizeof *ph->inst);
    ph->n--;
}
static unsigned copies_of(const struct where *x)
{
    unsigned n = 0;
    for (size_t i = 0; i < x->plan->phase[0].n; i++)
        n += x->plan->phase[0].inst[i].w == x->inst->w;
    return n;
}
static bool a_copy_less(struct where *x)
{
    const struct bt_workload *w = x->inst->w;
    unsigned left = copies_of(x) - 1;
    drop(x);
    return left < (w->copies.set ? w->copies.min : 1) && !(w->optional && left == 0);
}
static bool a_copy_more(struct where *x)
{
    struct bt_plan_phase *ph = &x->plan->phase[0];
    struct bt_plan_instance one = *x->inst;
    one.replica = copies_of(x);
    one.id = bt_arena_printf(x->a, "%s-%u", one.w->name, one.replica);
    struct bt_plan_instance *more = BT_NEWN(x->a, struct bt_plan_instance, ph->n + 1);
    memcpy(more, ph->inst, ph->n * sizeof *more);
    more[ph->n++] = one;
    ph->inst = more;
    return one.w->copies.set && one.replica >= one.w->copies.want;
}
static bool there_twice(struct where *x)
{
    a_copy_more(x);
    x->plan->phase[0].inst[x->plan->phase[0].n - 1] = *x->inst;
    return true;
}
static bool context_under_min(struct where *x)
{
    const struct bt_workload *w = x->inst->w;
    if (!is_server(x) || !w->context.min || w->context.same_as || w->context.min < 2)
        return false;
    x->inst->context = w->context.min - 1;
    return true;
}
static bool other_context(struct where *x)           /* than its other copies have */
{
    x->inst->context -= x->inst->context > 16 ? 16 : 0;
    return x->inst->need && x->inst->nranks && copies_of(x) > 1;
}
static bool apart_from_neighbour(struct where *x)
{
    for (size_t i = 0; i < x->plan->phase[0].n; i++)
        for (size_t j = 0; j < x->plan->phase[0].inst[i].nranks; j++)
            if (x->plan->phase[0].inst[i].rank[j].gpu == x->card_index && x->plan->phase[0].inst[i].w != x->inst->w) {
                const char **name = BT_NEW(x->a, const char *);
                *name = x->plan->phase[0].inst[i].w->name;
                open_workload(x->inst)->apart = (struct bt_strs){ name, 1 };
                return true;
            }
    return false;
}
static bool shares_with_nobody_listed(struct where *x)
{
    open_workload(x->inst)->share = BT_SHARE_WITH;
    open_workload(x->inst)->share_with = (struct bt_strs){ NULL, 0 };
    return tenants_on(x->plan, x->card_index) > 1;
}
static bool wants_whole_cards(struct where *x)
{
    open_workload(x->inst)->memory = (struct bt_memory){ .form = BT_MEM_AUTO };
    return !is_server(x) && !x->inst->job && (tenants_on(x->plan, x->card_index) > 1 || x->rank->bytes != bt_gpu_capacity(x->card));
}
static bool card_too_old(struct where *x) { x->card->cc_major = 3; return is_server(x); }
static bool dp_more(struct where *x) { x->inst->dp++; return is_server(x); }
static bool ep_more(struct where *x) { x->inst->ep++; return is_server(x); }
static bool engines_pinned(struct where *x) { open_workload(x->inst)->dp = (struct bt_range){ .set = true, .want = x->inst->dp + 1 }; return is_server(x); }
static bool pp_pinned(struct where *x) { open_workload(x->inst)->pp = (struct bt_range){ .set = true, .want = x->inst->pp + 1 }; return is_server(x); }
static bool layers_lost(struct where *x)
{
    uint32_t *cut = BT_NEWN(x->a, uint32_t, x->inst->pp + 1);
    for (uint64_t i = 0; x->inst->need && i < x->inst->pp; i++)
        cut[i] = x->inst->rank[i * x->inst->tp].need->layers;
    cut[0] += 1;
    x->inst->cut = cut;
    return x->inst->need && x->inst->pp > 1;
}
static bool layers_pinned(struct where *x)
{
    uint32_t *cut = BT_NEWN(x->a, uint32_t, x->inst->pp + 1);
    for (uint64_t i = 0; x->inst->need && i < x->inst->pp; i++)
        cut[i] = x->inst->rank[i * x->inst->tp].need->layers + (i == 0) - (i == 1);
    open_workload(x->inst)->pp_layers.v = cut;
    open_workload(x->inst)->pp_layers.n = x->inst->pp;
    return x->inst->need && x->inst->pp > 1;
}
static bool more_gpus_asked(struct where *x)
{
    uint64_t n = x->inst->nranks + 1;
    open_workload(x->inst)->gpus = (struct bt_range){ .set = true, .want = n, .min = n, .max = n };
    return true;
}
static bool fewer_gpus_asked(struct where *x)
{
    uint64_t n = x->inst->nranks - 1;
    open_workload(x->inst)->gpus = (struct bt_range){ .set = true, .want = n, .min = n, .max = n };
    return n > 0;
}
static bool another_machine(struct where *x) { x->inst->box = 1; return true; }
static bool of_another_spec(struct where *x)
{
    struct bt_workload *w = BT_NEW(x->a, struct bt_workload);
    *w = *x->inst->w;
    x->inst->w = w;
    return true;
}
static bool job_without_ledger(struct where *x) { bool had = x->inst->job; x->inst->job = NULL; return had; }
static bool job_larger(struct where *x)
{
    struct bt_plan_job *job = BT_NEW(x->a, struct bt_plan_job);
    if (!x->inst->job)
        return false;
    *job = *x->inst->job;
    job->need.batch = job->need.batch * 50 + 5000;
    x->inst->job = job;
    return true;
}
static bool less_than_was_seen(struct where *x) { x->rank->bytes--; return x->inst->w->memory.form == BT_MEM_LIKE; }
static bool no_room_for_a_context(struct where *x) { x->rank->bytes = 100 * MiB; return x->inst->w->memory.form == BT_MEM_REST; }
static bool ram_forgotten(struct where *x) { bool had = x->inst->host_bytes; x->inst->host_bytes = 0; return had; }
static bool ram_invented(struct where *x) { x->inst->host_bytes += 4096; return is_server(x); }
static bool more_requests(struct where *x) { open_workload(x->inst)->requests = 1 << 20; return x->inst->need != NULL; }

static const struct { const char *name; bool (*change)(struct where *); } changes[] = {
    { "one byte more", one_byte_more },     { "KV of nobody", kv_of_nobody },           { "no KV", no_kv },                       { "other tokens", other_tokens },
    { "no bytes", no_bytes },               { "off the fleet", off_the_fleet },         { "twice on a card", twice_on_a_card },   { "a rank less", a_rank_less },
    { "other shape", other_shape },         { "ranks out of order", ranks_out_of_order }, { "no context", no_context },           { "context past model", context_past_model },
    { "context past wish", context_past_wish }, { "no ledger", no_ledger },             { "other id", other_id },                 { "other replica", other_replica },
    { "card shrinks", card_shrinks },       { "wants to be alone", wants_to_be_alone }, { "not in this phase", not_in_this_phase }, { "limit below", limit_below },
    { "tp pinned otherwise", tp_pinned_otherwise }, { "more copies asked", more_copies_asked }, { "more requests", more_requests },
    { "another kind in a group", other_kind_in_group }, { "out of pool", out_of_pool }, { "away from its target", away_from_its_target }, { "instance of MIG", instance_of_mig },
    { "a copy less", a_copy_less }, { "a copy more", a_copy_more }, { "there twice", there_twice }, { "context under min", context_under_min }, { "other context", other_context },
    { "apart from a neighbour", apart_from_neighbour }, { "shares with nobody listed", shares_with_nobody_listed }, { "wants whole cards", wants_whole_cards }, { "dp more", dp_more },
    { "card too old", card_too_old }, { "ep more", ep_more },
    { "engines pinned", engines_pinned }, { "pp pinned", pp_pinned }, { "layers lost", layers_lost }, { "layers pinned", layers_pinned }, { "more GPUs asked", more_gpus_asked },
    { "fewer GPUs asked", fewer_gpus_asked }, { "another machine", another_machine }, { "of another spec", of_another_spec }, { "job without ledger", job_without_ledger }, { "job larger", job_larger },
    { "less than was seen", less_than_was_seen }, { "no room for a context", no_room_for_a_context }, { "RAM forgotten", ram_forgotten }, { "RAM invented", ram_invented },
};

static unsigned seen[BT_LEN(changes)];

static int check_all(const struct bt_plan *p, struct bt_err *err)
{
    return bt_plan_check(p, err) < 0 || pl_moves_check(p, err) < 0 || pl_host_check(p, err) < 0 ? -1 : 0;
}

/* ---- servers on the CPU, and RAM ---- */

static struct bt_rank_berth *own_berth(struct where *x)
{
    struct bt_rank_berth *r = BT_NEW(x->a, struct bt_rank_berth);
    *r = *x->inst->host;
    x->inst->host = r;
    return r;
}
static bool ram_byte_more(struct where *x) { own_berth(x)->bytes++; x->inst->host_bytes++; return true; }
static bool ram_two_numbers(struct where *x) { x->inst->host_bytes--; return true; }
static bool ram_no_kv(struct where *x)
{
    struct bt_rank_berth *r = own_berth(x);
    r->bytes -= r->kv_bytes;
    x->inst->host_bytes = r->bytes;
    r->kv_bytes = r->kv_tokens = 0;
    return true;
}
static bool ram_other_tokens(struct where *x) { own_berth(x)->kv_tokens++; return true; }
static bool ram_no_berth(struct where *x) { x->inst->host = NULL; return true; }
static bool ram_and_a_card(struct where *x)
{
    x->inst->rank = BT_NEW(x->a, struct bt_rank_berth);
    *x->inst->rank = *x->inst->host;
    x->inst->nranks = 1;
    return true;
}
static bool ram_context_past_model(struct where *x) { x->inst->context = bt_need_model_context(x->inst->need->model) + 1; return true; }
static bool ram_context_under_min(struct where *x) { x->inst->context = 1; return true; }
static bool ram_memory_below(struct where *x)
{
    open_workload(x->inst)->memory = (struct bt_memory){ .form = BT_MEM_BYTES, .bytes = x->inst->host_bytes - 1 };
    return true;
}
static bool ram_too_small(struct where *x)
{
    struct bt_fleet *f = (struct bt_fleet *)x->plan->fleet;
    uint64_t sum = 0;
    for (size_t i = 0; i < x->plan->phase[0].n; i++)
        sum += x->plan->phase[0].inst[i].host_bytes;
    f->ram_bytes = sum - 1;
    return true;
}

static const struct { const char *name; bool (*change)(struct where *); } in_ram[] = {
    { "a byte of RAM more", ram_byte_more }, { "two numbers", ram_two_numbers }, { "no KV in RAM", ram_no_kv }, { "other tokens in RAM", ram_other_tokens }, { "no berth of RAM", ram_no_berth },
    { "RAM and a card", ram_and_a_card }, { "context past model in RAM", ram_context_past_model }, { "context under min in RAM", ram_context_under_min }, { "memory below RAM", ram_memory_below },
    { "RAM too small", ram_too_small },
};

/* ---- moves ---- */

static struct bt_plan_move *own_moves(struct bt_arena *a, struct bt_plan *p)
{
    struct bt_plan_move *m = BT_NEWN(a, struct bt_plan_move, p->nmoves + 1);
    memcpy(m, p->move, p->nmoves * sizeof *m);
    return p->move = m;
}
static bool move_lost(struct bt_arena *a, struct bt_plan *p, size_t i)
{
    struct bt_plan_move *m = own_moves(a, p);
    enum bt_move how = m[i].how;
    memmove(&m[i], &m[i + 1], (p->nmoves - i - 1) * sizeof *m);
    p->nmoves--;
    return how != BT_MOVE_STAY;                      /* who stays is there anyway */
}
static bool move_twice(struct bt_arena *a, struct bt_plan *p, size_t i)
{
    struct bt_plan_move *m = own_moves(a, p), one = m[i];
    memmove(&m[i + 1], &m[i], (p->nmoves - i) * sizeof *m);
    m[i] = one;
    p->nmoves++;
    return one.how != BT_MOVE_STAY && one.how != BT_MOVE_PARK;
}
static bool move_of_nobody(struct bt_arena *a, struct bt_plan *p, size_t i) { own_moves(a, p)[i].instance = "nobody-0"; return true; }
static bool starts_what_is_there(struct bt_arena *a, struct bt_plan *p, size_t i)
{
    enum bt_move was = p->move[i].how;
    own_moves(a, p)[i].how = BT_MOVE_START;
    return was != BT_MOVE_START;
}
static bool resumes_what_runs(struct bt_arena *a, struct bt_plan *p, size_t i)
{
    enum bt_move was = p->move[i].how;
    own_moves(a, p)[i].how = BT_MOVE_RESUME;
    return was != BT_MOVE_RESUME;
}
static bool stops_what_stays(struct bt_arena *a, struct bt_plan *p, size_t i)
{
    enum bt_move was = p->move[i].how;
    own_moves(a, p)[i].how = BT_MOVE_STOP;
    return was != BT_MOVE_STOP;
}
static bool holds_more_than_the_card(struct bt_arena *a, struct bt_plan *p, size_t i)
{
    struct bt_plan_move *m = own_moves(a, p);
    uint64_t *gpu = BT_NEWN(a, uint64_t, m[i].inst->nranks + 1);
    if (!m[i].inst->nranks || m[i].how == BT_MOVE_STOP)
        return false;
    gpu[0] = bt_gpu_capacity(&p->fleet->gpus[m[i].inst->rank[0].gpu]) + 1;
    m[i].gpu_bytes = gpu;
    return true;
}

static const struct { const char *name; bool (*change)(struct bt_arena *a, struct bt_plan *p, size_t i); } in_moves[] = {
    { "a move lost", move_lost }, { "a move twice", move_twice }, { "a move of nobody", move_of_nobody }, { "starts what is there", starts_what_is_there }, { "resumes what runs", resumes_what_runs },
    { "stops what stays", stops_what_stays }, { "holds more than the card", holds_more_than_the_card },
};

/* ---- each of them ---- */

/* A plan of its own for each change: nothing has to be put back. */
static void try_change(uint64_t number, struct draw *d, size_t i)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct full_problem p;
    struct where x = { .a = &a };
    if (full_draw(&a, number, &p, &err) <= 0)
        return;
    p.in.brief = true;
    if (bt_plan_make(&a, &p.in, &x.plan, &err) < 0)
        fail_msg("%llu: %s\n%s", (unsigned long long)number, err.msg, p.text);
    if (x.plan->nrefusals || !x.plan->phase[0].n)
        return;
    assert_int_equal(check_all(x.plan, &err), 0);
    x.inst = &x.plan->phase[0].inst[draw(d, (unsigned)x.plan->phase[0].n)];
    if (!x.inst->nranks)
        return;
    x.rank = &x.inst->rank[draw(d, (unsigned)x.inst->nranks)];
    x.card_index = x.rank->gpu;
    x.card = (struct bt_gpu *)&x.plan->fleet->gpus[x.card_index];
    if (!changes[i].change(&x))
        return;
    seen[i]++;
    if (check_all(x.plan, &err) == 0)
        fail_msg("%s: accepted for %llu on %s%s\n%s", changes[i].name, (unsigned long long)number, p.fleet_text, p.changes, p.text);
}

#define EACH 6                       /* times that each change is tried and refused, at least */

static void each_change_is_refused(void **st)
{
    (void)st;
    struct draw d;
    draw_seed(&d, 99);
    for (size_t i = 0; i < BT_LEN(changes); i++) {
        for (uint64_t round = 0; round < 900 && seen[i] < EACH; round++)
            try_change(100000 + i * 1000 + round, &d, i);
        if (seen[i] < EACH)
            fail_msg("%s: drawn %u times only", changes[i].name, seen[i]);
    }
}

static unsigned change_ram(uint64_t number, size_t i)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct full_problem p;
    struct where x = { .a = &a };
    if (full_draw(&a, number, &p, &err) <= 0 || !strstr(p.text, "gpus: 0"))
        return 0;
    p.in.brief = true;
    if (bt_plan_make(&a, &p.in, &x.plan, &err) < 0)
        fail_msg("%llu: %s\n%s", (unsigned long long)number, err.msg, p.text);
    for (size_t k = 0; k < x.plan->phase[0].n && !x.plan->nrefusals; k++) {
        x.inst = &x.plan->phase[0].inst[k];
        if (!x.inst->host)
            continue;
        if (!in_ram[i].change(&x))
            return 0;
        if (check_all(x.plan, &err) == 0)
            fail_msg("%s: accepted for %llu on %s%s\n%s", in_ram[i].name, (unsigned long long)number, p.fleet_text, p.changes, p.text);
        return 1;
    }
    return 0;
}

static void ram_is_counted(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(in_ram); i++) {
        unsigned n = 0;
        for (uint64_t round = 0; round < 900 && n < EACH; round++)
            n += change_ram(400000 + i * 1000 + round, i);
        if (n < EACH)
            fail_msg("%s: drawn %u times only", in_ram[i].name, n);
    }
}

static unsigned change_moves(uint64_t number, size_t i)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct draw d;
    struct bt_plan_in in;
    struct bt_plan *plan;
    struct bt_fleet fleet;
    draw_seed(&d, number);
    const char *name, *text = joint_spec(&d, &a, &name);
    if (bt_fleet_open(&a, name, &(struct bt_fleet_opts){ .margin_bytes = 512 * MiB }, &fleet, &err) < 0 || full_inputs(&a, text, &fleet, &in, &err) <= 0)
        return 0;
    in.brief = true;
    if (bt_plan_make(&a, &in, &plan, &err) < 0)
        fail_msg("%llu: %s\n%s", (unsigned long long)number, err.msg, text);
    if (plan->nrefusals || !plan->nmoves)
        return 0;
    assert_int_equal(check_all(plan, &err), 0);
    size_t at = draw(&d, (unsigned)plan->nmoves);
    if (!in_moves[i].change(&a, plan, at))
        return 0;
    if (check_all(plan, &err) == 0)
        fail_msg("%s (number %zu): accepted for %llu on %s\n%s", in_moves[i].name, at, (unsigned long long)number, name, text);
    return 1;
}

static void moves_are_walked(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(in_moves); i++) {
        unsigned n = 0;
        for (uint64_t round = 0; round < 900 && n < 3 * EACH; round++)
            n += change_moves(500000 + i * 1000 + round, i);
        if (n < 3 * EACH)
            fail_msg("%s: drawn %u times only", in_moves[i].name, n);
    }
}

static struct bt_plan *two_copies(struct bt_arena *a, const char *shape)
{
    struct bt_err err = { 0 };
    struct bt_fleet *f = BT_NEW(a, struct bt_fleet);
    struct bt_plan_in in;
    struct bt_plan *plan;
    const char *text = bt_arena_printf(a, "name: t\nworkloads: {a: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 2, %s, context: 4096, replicas: 2, share: never}}\n", shape);
    if (bt_fleet_open(a, "4xA100-SXM4-40GB", &(struct bt_fleet_opts){ .margin_bytes = 512 * MiB }, f, &err) < 0 || full_inputs(a, text, f, &in, &err) <= 0 || bt_plan_make(a, &in, &plan, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(plan->nrefusals == 0 && plan->phase[0].n == 2 && check_all(plan, &err) == 0);
    return plan;
}

/* A copy in another shape, right in itself. */
static void copies_have_one_shape(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_plan *p = two_copies(&a, "tp: 2"), *q = two_copies(&a, "pp: 2");
    open_workload(&p->phase[0].inst[0])->tp.set = false;
    struct bt_plan_instance *x = &p->phase[0].inst[1], was = *x;
    *x = q->phase[0].inst[1];
    x->w = was.w;
    for (size_t i = 0; i < x->nranks; i++)
        x->rank[i].gpu = was.rank[i].gpu;
    assert_int_equal(check_all(p, &err), -1);
    assert_non_null(strstr(err.msg, "two shapes"));
    *x = was;
    assert_int_equal(check_all(p, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(copies_have_one_shape), cmocka_unit_test(each_change_is_refused), cmocka_unit_test(ram_is_counted), cmocka_unit_test(moves_are_walked) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
