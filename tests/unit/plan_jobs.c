/* plan_jobs.c - jobs that say what they do: planned like so many bytes, `auto` filled with what the neighbours leave, refused with what would fit. */
#include "plan_help.h"

static struct bt_arena a;

static uint64_t sum_of(const struct bt_plan_job *j)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < j->need.n; i++)
        sum += j->need.line[i].bytes;
    return sum;
}

/* Need of the job with that batch and so many users on a card of the plan, headroom included. */
static uint64_t need_with(const struct bt_plan *p, const struct bt_plan_instance *in, uint64_t batch, uint64_t users)
{
    struct bt_job j = in->job->job;
    struct bt_job_need n;
    struct bt_err err = { 0 };
    j.batch = batch, j.users = users, j.batch_auto = j.users_auto = false;
    assert_int_equal(bt_job_berth(&a, &in->job->of, &j, &p->fleet->gpus[in->rank[0].gpu], 0, &n, &err), 0);
    return n.bytes;
}

static void a_job_is_so_many_bytes(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n  x: {kind: job, command: [x], memory: {train: Qwen/Qwen2.5-7B-Instruct, method: lora, batch: 1, tokens: 1024}}\n"
                       "  y: {kind: job, command: [x], memory: {generate: Qwen/Qwen2.5-1.5B-Instruct, batch: 4, tokens: 512}}\n";
    struct bt_plan *p = plan_of(&a, text, "1xA100-SXM4-40GB");
    assert_int_equal(p->nrefusals, 0);
    const struct bt_plan_instance *x = instance_of(p, 0, "x-0"), *y = instance_of(p, 0, "y-0");
    assert_true(x->rank[0].gpu == y->rank[0].gpu);   /* two on one card: neither claims all of it */
    assert_int_equal(x->rank[0].bytes, sum_of(x->job));
    assert_int_equal(x->rank[0].bytes, need_with(p, x, 1, 1));
    assert_int_equal(x->job->need.users, 1);
    struct bt_err err = { 0 };
    assert_int_equal(bt_plan_check(p, &err), 0);
    x->rank[0].bytes--;                              /* the validator reckons for itself */
    assert_true(bt_plan_check(p, &err) < 0);
}

/* As many users as fit beside the server, and one more would not. */
static void users_fill_the_rest(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n  serve: {engine: vllm, model: meta-llama/Llama-3.2-1B, gpus: 4, memory: 40%%, adapters: {max: 8, max_rank: 64}}\n"
                       "  train: {kind: service, command: [x], gpus: 4, memory: rest, expects: {train: meta-llama/Llama-3.2-1B, method: lora, rank: 64, users: %s, batch: 4, tokens: 2048},\n"
                       "          share: {with: [serve]}}\n";
    struct bt_plan *p = plan_of(&a, bt_arena_printf(&a, text, "auto"), "4xA100-SXM4-80GB");
    assert_int_equal(p->nrefusals, 0);
    const struct bt_plan_instance *train = instance_of(p, 0, "train-0");
    uint64_t users = train->job->need.users, room = train->rank[0].bytes;
    assert_true(train->job->expected && users >= 2);
    assert_true(need_with(p, train, 4, users) <= room);
    assert_true(need_with(p, train, 4, users + 1) > room);
    struct bt_plan *same = plan_of(&a, bt_arena_printf(&a, text, bt_arena_printf(&a, "%llu", (unsigned long long)users)), "4xA100-SXM4-80GB");
    assert_int_equal(same->nrefusals, 0);
    struct bt_plan *more = plan_of(&a, bt_arena_printf(&a, text, bt_arena_printf(&a, "%llu", (unsigned long long)users + 1)), "4xA100-SXM4-80GB");
    assert_int_equal(more->nrefusals, 1);            /* what is expected has to fit */
    bool found = false;
    for (size_t i = 0; i < more->nadvice; i++)
        found = found || !strcmp(more->advice[i].path, "workloads.train.expects.users");
    assert_true(found);
}

static void auto_batch_takes_what_is_left(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n  x: {kind: job, command: [x], memory: {forward: Qwen/Qwen2.5-7B-Instruct, batch: auto, tokens: 2048}}\n"
                       "  y: {kind: service, command: [x], memory: 10GiB}\n";
    struct bt_plan *p = plan_of(&a, text, "1xA100-SXM4-40GB");
    assert_int_equal(p->nrefusals, 0);
    const struct bt_plan_instance *x = instance_of(p, 0, "x-0");
    assert_int_equal(x->rank[0].bytes, bt_gpu_capacity(&p->fleet->gpus[0]) - 10 * GiB);
    assert_true(x->job->need.batch >= 2);
    assert_true(need_with(p, x, x->job->need.batch, 0) <= x->rank[0].bytes && need_with(p, x, x->job->need.batch + 1, 0) > x->rank[0].bytes);
}

static void refused_with_what_fits(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads: {x: {kind: job, command: [x], memory: {train: Qwen/Qwen2.5-7B-Instruct, method: lora, batch: %s, tokens: 2048}}}\n";
    struct bt_plan *p = plan_of(&a, bt_arena_printf(&a, text, "8"), "1xA100-SXM4-40GB");
    assert_int_equal(p->nrefusals, 1);
    assert_string_equal(p->refusal[0].code, "does-not-fit");
    bool found = false;
    for (size_t i = 0; i < p->nadvice; i++)
        if (!strcmp(p->advice[i].path, "workloads.x.memory.batch")) {
            found = true;
            assert_int_equal(plan_of(&a, bt_arena_printf(&a, text, p->advice[i].value), "1xA100-SXM4-40GB")->nrefusals, 0);
        }
    assert_true(found);
}

/* ZeRO cuts by the cards of the instance; a cut that does not divide them is refused with the rule. */
static void cards_cut_the_states(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads: {x: {kind: job, command: [x], gpus: %s, memory: {train: Qwen/Qwen2.5-1.5B-Instruct, tokens: 512, %s}}}\n";
    uint64_t two = instance_of(plan_of(&a, bt_arena_printf(&a, text, "2", "zero: 3"), "4xA100-SXM4-80GB"), 0, "x-0")->rank[0].bytes;
    uint64_t four = instance_of(plan_of(&a, bt_arena_printf(&a, text, "4", "zero: 3"), "4xA100-SXM4-80GB"), 0, "x-0")->rank[0].bytes;
    assert_true(four < two);
    struct bt_plan *odd = plan_of(&a, bt_arena_printf(&a, text, "3", "backend: megatron, tp: 2"), "4xA100-SXM4-80GB");
    assert_int_equal(odd->nrefusals, 1);
    assert_string_equal(odd->refusal[0].code, "shape-impossible");
}

static void not_measured_yet(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads: {x: {kind: job, command: [x], memory: {like: x}}}\n";
    struct bt_plan_in *in = plan_inputs(&a, text, "1xA100-SXM4-40GB");
    struct bt_plan *p;
    struct bt_err err = { 0 };
    assert_int_equal(bt_plan_make(&a, in, &p, &err), 0);
    assert_int_equal(instance_of(p, 0, "x-0")->rank[0].bytes, bt_gpu_capacity(&p->fleet->gpus[0]));
    struct bt_plan_model *measured = BT_NEWN(&a, struct bt_plan_model, 2);
    measured[0].like_bytes = 5 * GiB;
    in->models = measured;
    assert_int_equal(bt_plan_make(&a, in, &p, &err), 0);
    assert_int_equal(instance_of(p, 0, "x-0")->rank[0].bytes, 5 * GiB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_so_many_bytes), cmocka_unit_test(users_fill_the_rest), cmocka_unit_test(auto_batch_takes_what_is_left), cmocka_unit_test(refused_with_what_fits),
        cmocka_unit_test(cards_cut_the_states), cmocka_unit_test(not_measured_yet),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&a);
    return rc;
}
