/* The five founding examples parse, and say what their READMEs say they mean. Run from the root of the sources (BERTH_SOURCE_ROOT). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "spec/spec.h"

static struct bt_arena arena;

static struct bt_spec *read_example(const char *name, const char *variant)
{
    const char *root = getenv("BERTH_SOURCE_ROOT");
    struct bt_err err = { 0 };
    struct bt_spec *s = NULL;
    struct bt_spec_opts o = { .variant = variant };
    if (bt_spec_read(&arena, bt_arena_printf(&arena, "%s/examples/%s/berth.yaml", root ? root : ".", name), &o, &s, &err) < 0)
        fail_msg("%s (%s)", err.msg, err.hint);
    return s;
}

static bool is_later(const struct bt_spec *s, const char *path)
{
    for (size_t i = 0; i < s->nlater; i++)
        if (!strcmp(s->later[i].path, path))
            return true;
    return false;
}

static void thinking(void **st)
{
    (void)st;
    struct bt_spec *s = read_example("thinking", NULL);
    const struct bt_workload *target = bt_spec_find(s, "target"), *draft = bt_spec_find(s, "draft");
    assert_string_equal(s->gpus, "auto");
    assert_int_equal(target->kind, BT_SERVER);
    assert_true(target->gpus.set && target->gpus.min == 2 && target->gpus.max == 2);
    assert_int_equal(target->context.min, 8192);
    assert_int_equal(target->context.want, 0);
    assert_string_equal(draft->context.same_as, "target");
    assert_string_equal(draft->same_gpus_as, "target");
    assert_true(is_later(s, "gateway"));
}

static void activations(void **st)
{
    (void)st;
    struct bt_spec *s = read_example("activations", NULL);
    const struct bt_workload *writer = bt_spec_find(s, "writer"), *extract = bt_spec_find(s, "extract");
    assert_int_equal(s->phases.n, 2);
    assert_true(writer->copies.want == 8 && writer->copies.min == 1);
    assert_int_equal(writer->pool.n, 4);
    assert_string_equal(writer->phases.v[0], "generate");
    assert_int_equal(extract->copies.want, 4);
    assert_int_equal(extract->shards, 4);
    assert_int_equal(extract->nmatrix, 1);
    assert_int_equal(extract->matrix[0].values.n, 3);
    assert_int_equal(extract->memory.form, BT_MEM_FORWARD);
    assert_string_equal(extract->memory.job->of, "google/gemma-3-12b-it");
    assert_true(extract->memory.job->kind == BT_JOB_FORWARD && extract->memory.job->batch_auto && extract->memory.job->tokens == 2048);
    assert_string_equal(extract->command.v[5], "{job.shard}/{job.shards}");
    assert_true(!is_later(s, "workloads.extract.matrix") && !is_later(s, "workloads.extract.shards") && !is_later(s, "phases"));
    assert_true(!is_later(s, "workloads.writer.park") && !is_later(s, "workloads.extract.memory"));
}

static void tinker(void **st)
{
    (void)st;
    struct bt_spec *s = read_example("tinker", NULL);
    const struct bt_workload *serve = bt_spec_find(s, "serve"), *train = bt_spec_find(s, "train");
    assert_int_equal(serve->memory.form, BT_MEM_PERCENT);
    assert_true(serve->memory.percent == 40);
    assert_true(serve->adapters.max == 8 && serve->adapters.max_rank == 64);
    assert_int_equal(train->memory.form, BT_MEM_REST);
    assert_int_equal(train->expects.form, BT_MEM_TRAIN);
    assert_int_equal(train->share, BT_SHARE_WITH);
    assert_true(is_later(s, "workloads.train.guard") && is_later(s, "workloads.serve.adapters") && !is_later(s, "workloads.train.expects"));
    assert_true(train->expects.job->users_auto && train->expects.job->method == BT_METHOD_LORA && train->expects.job->rank == 64);
    struct bt_spec *v = read_example("tinker", "inference");
    assert_true(bt_spec_find(v, "serve")->memory.percent == 70);
    assert_string_not_equal(v->digest, s->digest);
}

static void experiment(void **st)
{
    (void)st;
    struct bt_spec *s = read_example("experiment", NULL);
    assert_true(s->w[0].context.want == 32768 && s->w[0].context.min == 4096);
    assert_int_equal(s->nlater, 0);
}

static void forensics(void **st)
{
    (void)st;
    struct bt_spec *s = read_example("forensics", NULL);
    const struct bt_workload *llm = bt_spec_find(s, "llm"), *vision = bt_spec_find(s, "vision"), *analyst = bt_spec_find(s, "analyst");
    assert_string_equal(s->gpus, "4xA100-SXM4-40GB");
    assert_int_equal(s->margin_bytes, 512 * MiB);
    assert_true(llm->gpus.min == 2 && llm->gpus.max == 3);
    assert_true(vision->memory.form == BT_MEM_BYTES && vision->memory.bytes == 4 * GiB);
    assert_int_equal(vision->share, BT_SHARE_NEVER);
    assert_int_equal(vision->ready.kind, BT_READY_LOG);
    assert_int_equal(analyst->kind, BT_JOB);
    assert_true(analyst->gpus.set && analyst->gpus.want == 0);
    assert_string_equal(analyst->command.v[3], "{url:llm}");
    assert_int_equal(analyst->nafter, 2);
    assert_true(analyst->after[0].what == BT_AFTER_READY);
    assert_int_equal(s->nlater, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(thinking), cmocka_unit_test(activations), cmocka_unit_test(tinker), cmocka_unit_test(experiment), cmocka_unit_test(forensics) };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&arena);
    return rc;
}
