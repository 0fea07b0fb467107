/* fuzz_spec.c - any bytes as berth.yaml: a spec whose names all lead somewhere, or an error with words. */
#include "check.h"
#include "spec/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
const char *__lsan_default_suppressions(void);

/* As in fuzz_yaml.c: libfyaml's own error path. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

static const char *some_env(void *ctx, const char *name)
{
    (void)ctx;
    return strlen(name) % 3 == 0 ? NULL : name;
}

static void check_spec(struct bt_arena *a, const struct bt_spec *s)
{
    FUZZ_CHECK(s->name && s->gpus && s->digest && s->n >= 1);
    for (size_t i = 0; i < s->n; i++) {
        const struct bt_workload *w = &s->w[i];
        FUZZ_CHECK(bt_spec_find(s, w->name) == w);
        FUZZ_CHECK(w->kind == BT_SERVER ? w->engine && w->model : w->command.n > 0);
        FUZZ_CHECK(w->cwd && w->cwd[0] == '/');
        FUZZ_CHECK(!w->same_gpus_as || bt_spec_find(s, w->same_gpus_as));
        FUZZ_CHECK(!w->context.same_as || bt_spec_find(s, w->context.same_as));
        FUZZ_CHECK(!w->copies.set || (w->copies.min >= 1 && w->copies.min <= w->copies.want));
        for (size_t k = 0; k < w->nafter; k++)
            FUZZ_CHECK(bt_spec_find(s, w->after[k].name));
        struct bt_serve serve;
        struct bt_err err = { 0 };
        if (w->kind == BT_SERVER && bt_engine_find(w->engine))
            FUZZ_CHECK(bt_spec_serve(a, s, w, &serve, NULL, &err) == 0);
    }
    for (size_t i = 0; i < s->nlater; i++)
        FUZZ_CHECK(s->later[i].path && s->later[i].text);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    bt_auto_arena a = { 0 };
    struct bt_spec *s;
    struct bt_err err = { 0 };
    struct bt_spec_opts o = { .variant = n % 2 ? "v" : NULL, .getenv = some_env };
    if (bt_spec_parse(&a, "berth.yaml", "/d", (struct bt_str){ (const char *)p, n }, &o, &s, &err) == 0)
        check_spec(&a, s);
    else
        FUZZ_CHECK(err.code && err.msg[0]);
    return 0;
}
