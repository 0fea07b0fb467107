/* planfile_errors.c - a plan file that is not one: every error names the place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "launch/planfile.h"

/* A good one, to be broken in one place each: OLD is replaced by NEW. */
static const char good[] =
    "{\"schema\":1,\"kind\":\"plan\",\"name\":\"set\",\"spec_dir\":\"/x\",\"fleet\":{\"live\":true,\"gpus\":[{\"uuid\":\"GPU-1\",\"index\":0,\"name\":\"A100\","
    "\"total_bytes\":42285268992,\"margin_bytes\":536870912}]},\"phases\":[{\"name\":\"all\",\"instances\":[{\"id\":\"llm-0\",\"workload\":\"llm\",\"kind\":\"server\","
    "\"replica\":0,\"ranks\":[{\"gpu\":\"GPU-1\",\"index\":0,\"bytes\":40000000000}],\"host\":[{\"bytes\":5},{\"bytes\":6}],\"after\":{\"vision\":\"ready\"},\"launch\":{"
    "\"argv\":[\"vllm\",\"--port\",\"{port}\"],\"env\":{\"A\":\"b\"},\"env_from\":[\"HF_TOKEN\"],\"cwd\":\"/x\",\"ports\":[{\"name\":\"port\",\"want\":0,\"block\":1}],"
    "\"endpoint\":{\"http\":\"http://127.0.0.1:{port}\",\"unix\":null},\"ready\":{\"kind\":\"http\",\"path\":\"/health\"},\"engine\":\"vllm\",\"stop_grace_ms\":20000,"
    "\"restart\":{\"policy\":\"never\",\"max\":3},\"retries\":0}},"
    "{\"id\":\"vision-0\",\"workload\":\"vision\",\"kind\":\"service\",\"ranks\":[],\"launch\":{\"argv\":[\"v\"],\"cwd\":\"/\",\"ready\":{\"kind\":\"exec\"},\"engine\":\"command\"}}]}],"
    "\"refusals\":[]}";

static const struct { const char *old, *new, *words; } rows[] = {
    { "\"schema\":1", "\"schema\":2", "schema is 2" },
    { "\"schema\":1,", "", "schema" },
    { "\"kind\":\"plan\"", "\"kind\":\"estimate\"", "estimate" },
    { "\"name\":\"set\"", "\"name\":\"a/b\"", "plan.name" },
    { "\"name\":\"set\"", "\"name\":\"\"", "plan.name" },
    { "\"name\":\"set\"", "\"name\":7", "name" },
    { "\"fleet\":{", "\"flet\":{", "plan.fleet" },
    { "\"total_bytes\":42285268992", "\"total_bytes\":-1", "plan.fleet.gpus[0]" },
    { "\"total_bytes\":42285268992", "\"total_bytes\":1.5", "plan.fleet.gpus[0]" },
    { "\"gpus\":[{", "\"gpus\":[7,{", "plan.fleet.gpus[0]" },
    { "\"id\":\"llm-0\"", "\"id\":\"../../x\"", "plan.phases[0].instances[0].id" },
    { "\"id\":\"vision-0\"", "\"id\":\"llm-0\"", "is there twice" },
    { "\"kind\":\"server\"", "\"kind\":\"robot\"", "server, service, job" },
    { "\"gpu\":\"GPU-1\"", "\"gpu\":\"GPU-2\"", "GPU-2 is not in fleet.gpus" },
    { "\"bytes\":40000000000", "\"bytes\":\"40GB\"", "instances[0].ranks[0]" },
    { "{\"bytes\":5},{\"bytes\":6}", "{\"bytes\":9223372036854775807},{\"bytes\":9223372036854775807},{\"bytes\":9}", "overflows" },
    { "\"after\":{\"vision\":\"ready\"}", "\"after\":{\"vision\":\"soon\"}", "started, ready, done, released" },
    { "\"after\":{\"vision\":\"ready\"}", "\"after\":{\"nobody\":\"ready\"}", "no workload nobody" },
    { "\"after\":{\"vision\":\"ready\"}", "\"after\":{\"llm\":\"ready\"}", "circle" },
    { "\"after\":{\"vision\":\"ready\"}", "\"after\":[]", "after" },
    { "\"workload\":\"vision\",", "\"workload\":\"vision\",\"after\":{\"llm\":\"done\"},", "circle" },
    { "\"argv\":[\"vllm\",\"--port\",\"{port}\"]", "\"argv\":[]", "launch.argv" },
    { "\"argv\":[\"vllm\",\"--port\",\"{port}\"]", "\"argv\":[\"vllm\",8000]", "launch.argv[1]" },
    { "\"argv\":[\"vllm\"", "\"argv\":[\"v\\u0000m\"", "" },
    { "\"env\":{\"A\":\"b\"}", "\"env\":{\"A=B\":\"b\"}", "launch.env" },
    { "\"env\":{\"A\":\"b\"}", "\"env\":{\"A\":1}", "launch.env.A" },
    { "\"cwd\":\"/x\"", "\"cwd\":\"x\"", "launch.cwd" },
    { "\"want\":0", "\"want\":70000", "ports[0]" },
    { "\"want\":0,\"block\":1", "\"want\":65535,\"block\":2", "past port 65535" },
    { "\"kind\":\"http\",\"path\":\"/health\"", "\"kind\":\"magic\"", "exec, http, port, log, file" },
    { "\"kind\":\"http\",\"path\":\"/health\"", "\"kind\":\"http\"", "launch.ready" },
    { "\"endpoint\":{\"http\":\"http://127.0.0.1:{port}\",\"unix\":null}", "\"endpoint\":null", "endpoint.http" },
    { "\"policy\":\"never\"", "\"policy\":\"often\"", "on-failure, always, never" },
    { "\"stop_grace_ms\":20000", "\"stop_grace_ms\":-5", "stop_grace_ms" },
    { "\"refusals\":[]", "\"refusals\":[{\"text\":\"too big by 3 GiB\"}]", "too big by 3 GiB" },
    { "\"live\":true", "\"live\":false", "named fleet" },
    { "\"phases\":[{", "\"phases\":[7,{", "plan.phases[0]" },
};

static int parse(struct bt_arena *a, struct bt_str text, struct bt_planfile **p, struct bt_err *err)
{
    return bt_planfile_parse(a, "plan", text, p, err);
}

static void a_good_one(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_planfile *p;
    struct bt_err err = { 0 };
    (void)st;
    assert_int_equal(parse(&a, bt_str(good), &p, &err), 0);
    assert_string_equal(p->name, "set");
    assert_int_equal(p->nphases, 1);
    const struct bt_pf_instance *in = &p->phase[0].inst[0];
    assert_string_equal(in->argv.v[2], "{port}");
    assert_int_equal(in->argv.n, 3);
    assert_int_equal(in->rank[0].bytes, 40000000000);
    assert_int_equal(in->host_bytes, 11);
    assert_int_equal(in->ready, BT_PF_READY_HTTP);
    assert_string_equal(in->ready_arg, "/health");
    assert_string_equal(in->after[0].what, "ready");
    assert_int_equal(in->stop_grace_ms, 20000);
    assert_int_equal(in->restart_max, 3);
    assert_string_equal(p->phase[0].inst[1].restart, "on-failure");
    assert_int_equal(p->phase[0].inst[1].restart_max, 5);
}

static void each_broken_in_one_place(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
        struct bt_planfile *p;
        struct bt_err err = { 0 };
        const char *at = strstr(good, rows[i].old);
        assert_non_null(at);
        bt_buf_add(&b, good, (size_t)(at - good));
        bt_buf_puts(&b, rows[i].new);
        bt_buf_puts(&b, at + strlen(rows[i].old));
        if (parse(&a, (struct bt_str){ b.p, b.n }, &p, &err) == 0)
            fail_msg("row %zu is taken: %s", i, rows[i].new);
        if (!strstr(err.msg, rows[i].words))
            fail_msg("row %zu: \"%s\" lacks \"%s\"", i, err.msg, rows[i].words);
    }
}

static void cut_anywhere(void **st)
{
    (void)st;
    for (size_t n = 0; n < sizeof good - 1; n++) {
        bt_auto_arena a = { 0 };
        struct bt_planfile *p;
        struct bt_err err = { 0 };
        assert_int_equal(parse(&a, (struct bt_str){ good, n }, &p, &err), -1);
        assert_true(err.msg[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_good_one), cmocka_unit_test(each_broken_in_one_place), cmocka_unit_test(cut_anywhere) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
