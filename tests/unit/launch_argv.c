/* What a plan becomes: the engine's flags, the environment, ports; and the plan file is one that its reader takes. */
#include <jansson.h>

#include "launch/launch.h"
#include "launch/planfile.h"
#include "plan_help.h"

static struct bt_arena a;

static json_t *instance_json_of(json_t *plan, const char *id)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(json_array_get(json_object_get(plan, "phases"), 0), "instances"), i, v)
        if (!strcmp(json_string_value(json_object_get(v, "id")), id))
            return v;
    fail_msg("no %s", id);
    return NULL;
}

static const char *after_flag(json_t *launch, const char *flag)
{
    json_t *argv = json_object_get(launch, "argv");
    for (size_t i = 0; i < json_array_size(argv); i++)
        if (!strcmp(json_string_value(json_array_get(argv, i)), flag))
            return i + 1 < json_array_size(argv) ? json_string_value(json_array_get(argv, i + 1)) : "";
    return NULL;
}

static unsigned count_flag(json_t *launch, const char *flag)
{
    json_t *v;
    size_t i;
    unsigned n = 0;
    json_array_foreach(json_object_get(launch, "argv"), i, v)
        n += !strcmp(json_string_value(v), flag);
    return n;
}

static const char *env_of(json_t *launch, const char *key) { return json_string_value(json_object_get(json_object_get(launch, "env"), key)); }

static const char *const text =
    "name: t\nworkloads:\n"
    "  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: 3, kv_dtype: fp8, args: [--max-num-seqs, 64, --enforce-eager, --unknown-flag, \"7\"], adapters: {max: 2, max_rank: 32}}\n"
    "  svc: {kind: service, command: [prog, \"{port}\", \"${workloads.llm.url}\"], memory: 4GiB, gpus: 1, port: 9000, ready: {http: /up}, env: {A: b}, share: never, pool: [3]}\n"
    "  job: {kind: job, command: [x], gpus: 0, retries: 2, after: {svc: started}}\n";

static void server_flags(void **st)
{
    (void)st;
    struct bt_plan *p = plan_of(&a, text, "4xA100-SXM4-40GB");
    assert_int_equal(p->nrefusals, 0);
    json_t *plan = bt_plan_json(p), *in = instance_json_of(plan, "llm-0"), *l = json_object_get(in, "launch");
    const struct bt_plan_instance *inst = instance_of(p, 0, "llm-0");
    uint64_t most = 0, least_budget = UINT64_MAX;
    for (size_t i = 0; i < inst->nranks; i++) {
        most = BT_MAX(most, inst->rank[i].kv_bytes);
        least_budget = BT_MIN(least_budget, inst->rank[i].need->budget_bytes + inst->rank[i].kv_bytes);
    }
    assert_string_equal(json_string_value(json_array_get(json_object_get(l, "argv"), 0)), "vllm");
    assert_string_equal(after_flag(l, "serve"), "Qwen/Qwen2.5-32B-Instruct");
    assert_string_equal(after_flag(l, "--pipeline-parallel-size"), "3");
    assert_string_equal(after_flag(l, "--tensor-parallel-size"), "1");
    assert_int_equal(strtoull(after_flag(l, "--kv-cache-memory-bytes"), NULL, 10), most);
    double u = strtod(after_flag(l, "--gpu-memory-utilization"), NULL), total = (double)p->fleet->gpus[0].total_bytes;
    assert_true(u * total >= (double)least_budget && (u - 1e-4) * total <= (double)least_budget);
    assert_int_equal(strtoull(after_flag(l, "--max-model-len"), NULL, 10), inst->context);
    assert_string_equal(after_flag(l, "--kv-cache-dtype"), "fp8");
    assert_string_equal(after_flag(l, "--max-num-seqs"), "64");
    assert_int_equal(count_flag(l, "--max-num-seqs"), 1);
    assert_int_equal(count_flag(l, "--enforce-eager"), 1);
    assert_string_equal(after_flag(l, "--unknown-flag"), "7");
    assert_string_equal(after_flag(l, "--max-lora-rank"), "32");
    assert_string_equal(after_flag(l, "--served-model-name"), "llm");
    assert_string_equal(env_of(l, "CUDA_VISIBLE_DEVICES"), "virtual-0,virtual-1,virtual-2");
    assert_string_equal(env_of(l, "CUDA_DEVICE_ORDER"), "PCI_BUS_ID");
    assert_string_equal(env_of(l, "VLLM_PORT"), "{internal}");
    for (size_t i = 0; i < inst->nranks; i++) {      /* the ledger adds up to the berth */
        json_t *r = json_array_get(json_object_get(in, "ranks"), i), *line;
        json_int_t sum = 0;
        size_t k;
        json_array_foreach(json_object_get(r, "need"), k, line)
            sum += json_integer_value(json_object_get(line, "bytes"));
        assert_int_equal(sum, json_integer_value(json_object_get(r, "bytes")));
    }
    json_decref(plan);
}

static void commands(void **st)
{
    (void)st;
    json_t *plan = bt_plan_json(plan_of(&a, text, "4xA100-SXM4-40GB")), *svc = json_object_get(instance_json_of(plan, "svc-0"), "launch");
    json_t *jobs = instance_json_of(plan, "job-0"), *job = json_object_get(jobs, "launch");
    assert_string_equal(json_string_value(json_array_get(json_object_get(svc, "argv"), 2)), "{url:llm}");
    assert_string_equal(env_of(svc, "PORT"), "{port}");
    assert_string_equal(env_of(svc, "A"), "b");
    assert_string_equal(env_of(svc, "BERTH_MEMORY_BYTES"), "4294967296");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(svc, "ports"), 0), "want")), 9000);
    assert_string_equal(json_string_value(json_object_get(json_object_get(svc, "ready"), "path")), "/up");
    assert_string_equal(env_of(job, "CUDA_VISIBLE_DEVICES"), "");
    assert_int_equal(json_integer_value(json_object_get(job, "retries")), 2);
    assert_string_equal(json_string_value(json_object_get(json_object_get(jobs, "after"), "svc")), "started");
    json_decref(plan);
}

static void old_versions_get_the_fraction_only(void **st)
{
    (void)st;
    struct bt_plan *p = plan_of(&a, "name: t\nworkloads: {llm: {engine: vllm, engine_version: \"0.9.2\", model: Qwen/Qwen3-4B, gpus: 1}}\n", "1xRTX-4090");
    assert_int_equal(p->nrefusals, 0);
    json_t *plan = bt_plan_json(p), *l = json_object_get(instance_json_of(plan, "llm-0"), "launch");
    assert_null(after_flag(l, "--kv-cache-memory-bytes"));
    assert_non_null(after_flag(l, "--gpu-memory-utilization"));
    bool said = false;
    for (size_t i = 0; i < p->nwarnings; i++)
        said = said || strstr(p->warning[i], "has no --kv-cache-memory-bytes");
    assert_true(said);
    json_decref(plan);
}

static void the_reader_takes_it(void **st)
{
    (void)st;
    struct bt_plan *p = plan_of(&a, text, "4xA100-SXM4-40GB");
    ((struct bt_fleet *)p->fleet)->live = true;      /* the reader refuses plans for a catalog's cards, rightly */
    struct bt_err err = { 0 };
    struct bt_planfile *f;
    if (bt_planfile_parse(&a, "plan", bt_str(bt_plan_text(&a, p)), &f, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(f->phase[0].n, 3);
    assert_string_equal(f->phase[0].inst[0].id, "llm-0");
    assert_int_equal(f->phase[0].inst[0].nranks, 3);
    assert_int_equal(f->phase[0].inst[0].rank[2].bytes, instance_of(p, 0, "llm-0")->rank[2].bytes);
    ((struct bt_fleet *)p->fleet)->live = false;
    assert_int_equal(bt_planfile_parse(&a, "plan", bt_str(bt_plan_text(&a, p)), &f, &err), -1);
    assert_int_equal(err.code, BT_E_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(server_flags), cmocka_unit_test(commands), cmocka_unit_test(old_versions_get_the_fraction_only), cmocka_unit_test(the_reader_takes_it) };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&a);
    return rc;
}
