/* The validator against drawn plans: each is accepted as it was made, and refused after any one change that no plan may have. */
#include "../../bench/plan_small.h"
#include "plan_help.h"

struct where { struct bt_plan *plan; struct bt_plan_instance *inst; struct bt_rank_berth *rank; struct bt_gpu *card; size_t card_index; };

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
static bool more_requests(struct where *x) { open_workload(x->inst)->requests = 1 << 20; return x->inst->need != NULL; }

static const struct { const char *name; bool (*change)(struct where *); } changes[] = {
    { "one byte more", one_byte_more },     { "KV of nobody", kv_of_nobody },           { "no KV", no_kv },                       { "other tokens", other_tokens },
    { "no bytes", no_bytes },               { "off the fleet", off_the_fleet },         { "twice on a card", twice_on_a_card },   { "a rank less", a_rank_less },
    { "other shape", other_shape },         { "ranks out of order", ranks_out_of_order }, { "no context", no_context },           { "context past model", context_past_model },
    { "context past wish", context_past_wish }, { "no ledger", no_ledger },             { "other id", other_id },                 { "other replica", other_replica },
    { "card shrinks", card_shrinks },       { "wants to be alone", wants_to_be_alone }, { "not in this phase", not_in_this_phase }, { "limit below", limit_below },
    { "tp pinned otherwise", tp_pinned_otherwise }, { "more copies asked", more_copies_asked }, { "more requests", more_requests },
};

static unsigned seen[BT_LEN(changes)];

/* A plan of its own for each change: nothing has to be put back. */
static void try_change(const char *text, const char *fleet, struct draw *d, size_t i)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct where x = { .plan = plan_of(&a, text, fleet) };
    if (x.plan->nrefusals || !x.plan->phase[0].n)
        return;
    assert_int_equal(bt_plan_check(x.plan, &err), 0);
    x.inst = &x.plan->phase[0].inst[draw(d, (unsigned)x.plan->phase[0].n)];
    if (!x.inst->nranks)
        return;
    x.rank = &x.inst->rank[draw(d, (unsigned)x.inst->nranks)];
    x.card_index = x.rank->gpu;
    x.card = (struct bt_gpu *)&x.plan->fleet->gpus[x.card_index];
    if (!changes[i].change(&x))
        return;
    seen[i]++;
    if (bt_plan_check(x.plan, &err) == 0)
        fail_msg("%s: accepted on %s\n%s", changes[i].name, fleet, text);
}

static void each_change_is_refused(void **st)
{
    (void)st;
    for (uint64_t round = 1; round < 1200; round++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_spec *s;
        struct draw d;
        draw_seed(&d, 100000 + round);
        const char *fleet, *text = small_spec(&d, &a, &fleet);
        if (bt_spec_parse(&a, "berth.yaml", "/d", bt_str(text), &(struct bt_spec_opts){ 0 }, &s, &err) < 0)
            continue;
        for (unsigned n = 0; n < 2; n++)
            try_change(text, fleet, &d, draw(&d, BT_LEN(changes)));
    }
    for (size_t i = 0; i < BT_LEN(changes); i++)
        if (seen[i] < 3)
            fail_msg("%s: drawn %u times only", changes[i].name, seen[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_change_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
