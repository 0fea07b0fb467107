/* fuzz_planfile.c - the plan file: whatever is taken can be obeyed without another look. */
#include "check.h"
#include "launch/planfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_instance(const struct bt_planfile *plan, const struct bt_pf_instance *in)
{
    FUZZ_CHECK(in->id[0] && !strchr(in->id, '/') && strcmp(in->id, ".."));
    FUZZ_CHECK(in->argv.n && in->cwd[0] == '/' && in->engine && in->restart && in->on_drift);
    FUZZ_CHECK((in->ready != BT_PF_READY_HTTP && in->ready != BT_PF_READY_PORT) || in->http);
    FUZZ_CHECK(in->ready == BT_PF_READY_EXEC || in->ready == BT_PF_READY_PORT || in->ready_arg);
    for (size_t i = 0; i < in->nports; i++)
        FUZZ_CHECK(in->port[i].block >= 1 && in->port[i].want + in->port[i].block <= 65536);
    for (size_t i = 0; i < in->nranks; i++) {
        bool known = false;
        for (size_t g = 0; g < plan->ngpus; g++)
            known |= !strcmp(plan->gpu[g].uuid, in->rank[i].gpu);
        FUZZ_CHECK(known);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    bt_auto_arena a = { 0 };
    struct bt_planfile *plan = NULL;
    struct bt_err err = { 0 };
    if (bt_planfile_parse(&a, "plan", (struct bt_str){ (const char *)p, n }, &plan, &err) < 0) {
        FUZZ_CHECK(err.code && err.msg[0]);
        return 0;
    }
    FUZZ_CHECK(plan->nphases >= 1 && plan->name[0] && !strchr(plan->name, '/') && (plan->live || !plan->ngpus));
    for (size_t i = 0; i < plan->nphases; i++)
        for (size_t j = 0; j < plan->phase[i].n; j++)
            check_instance(plan, &plan->phase[i].inst[j]);
    return 0;
}
