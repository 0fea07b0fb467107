/* diagnose_check - the settings a log shows, through berth's own ledger: which nearby ones would start. */
#include <ctype.h>
#include <math.h>

#include "base/units.h"
#include "cmd/diagnose.h"
#include "cmd/paste.h"

#define MAX_CARDS 8

static const char *const about_memory[] = { "kv-too-small", "no-kv-memory", "heads-not-divisible", "kv-heads-not-divisible", "budget-above-free", "context-too-long", "oom", "oom-load", "oom-profile",
                                            "oom-kv", "oom-warmup", "oom-capture", "oom-serving" };

static bool is_about_memory(const char *code)
{
    for (size_t i = 0; i < BT_LEN(about_memory); i++)
        if (!strcmp(about_memory[i], code))
            return true;
    return false;
}

/* The arguments of the log as a command line: the same reader, the same checks. */
static int serve_of(struct bt_arena *a, const struct bt_diag *d, struct paste *p, struct bt_err *err)
{
    const char **words = NULL;
    size_t n = 0;
    const char *model = bt_diag_arg(d, "model");
    BT_PUSH(a, words, n, "vllm");
    BT_PUSH(a, words, n, "serve");
    BT_PUSH(a, words, n, model);
    for (size_t i = 0; i < d->nargs; i++) {
        const char *name = d->arg[i].name, *value = d->arg[i].value;
        if (!strcmp(name, "model") || !strcmp(name, "port") || !strcmp(name, "mem-fraction-static"))
            continue;
        const char *word = !strcmp(value, "True") ? bt_arena_printf(a, "--%s", name) : bt_arena_printf(a, "--%s=%s", name, value);
        BT_PUSH(a, words, n, word);
    }
    return paste_read(a, words, n, p, err);
}

int diagnose_card(struct bt_arena *a, const struct bt_diag *d, const char *gpu, struct bt_gpu *card, struct bt_err *err)
{
    const struct bt_gpu_kind *k = gpu && !isdigit((unsigned char)gpu[0]) ? bt_gpu_kind_find(gpu) : NULL;
    uint64_t bytes = k ? bt_gpu_kind_total(k) : 0;
    double total = d->found.figures.total_gib;
    if (gpu && !k && !isdigit((unsigned char)gpu[0]))
        return bt_gpu_kind_unknown(gpu, err);
    if (!bytes && gpu && bt_bytes_parse(bt_str(gpu), &bytes, err) < 0)
        return -1;
    if (!bytes && total >= 0.5 && total < 4096)
        bytes = (uint64_t)(total * (double)GiB);
    if (!bytes)
        return bt_err_set(err, BT_E_NOT_FOUND, 0, "the log does not say how large the card is: name it with --gpu");
    *card = (struct bt_gpu){ .uuid = "virtual-0", .name = k ? k->nvml_name : bt_arena_printf(a, "a card of %s", bt_bytes_human(bytes)), .kind = k, .pci = "", .total_bytes = bytes,
                             .nvml_total_bytes = bytes, .total_source = BT_TOTAL_GIVEN, .cc_major = k ? k->cc_major : 8, .cc_minor = k ? k->cc_minor : 0, .island = -1 };
    return 0;
}

static int ask(struct bt_arena *a, const struct bt_diag *d, const char *gpu, struct diagnose_check *out, struct bt_err *err)
{
    struct paste p;
    struct bt_model *model;
    struct bt_fit *fit;
    struct bt_gpu *card = BT_NEW(a, struct bt_gpu);
    bool exact;
    struct bt_err none = { 0 };
    if (serve_of(a, d, &p, err) < 0 || diagnose_card(a, d, gpu, card, err) < 0)
        return -1;
    if (bt_model_open_revision(a, p.model, p.serve.revision, &model, err) < 0) {
        if (err->code != BT_E_NOT_FOUND || bt_model_open_elsewhere(a, p.model, &model, &none) < 0)
            return -1;
        *err = none;                 /* a path of the machine that the log is from */
    }
    const struct bt_engine_version *v = bt_engine_version(p.engine, d->version[0] ? d->version : NULL, &exact, err);
    if (!v)
        return -1;
    struct bt_fit_case c = { .model = model, .engine = p.engine, .version = v, .card = card };
    if (bt_fit_server(a, &c, &p.serve, &fit, err) < 0)
        return -1;
    out->fits = fit->fits;
    if (!fit->fits && bt_fit_advice(a, &c, &p.serve, fit, MAX_CARDS, &out->advice, &out->n, err) < 0)
        return -1;
    for (size_t i = 0; i < out->n;)  /* the log measured the longest context: an estimate of it would only contradict */
        if (d->found.figures.fits_tokens && !strcmp(out->advice[i].path, "context"))
            memmove(&out->advice[i], &out->advice[i + 1], (--out->n - i) * sizeof out->advice[0]);
        else
            i++;
    out->on = bt_arena_printf(a, "%s on %s, %s %s", model->id, card->name, p.engine->name, d->version[0] ? d->version : v->version);
    out->done = true;
    return 0;
}

void diagnose_check(struct bt_arena *a, const struct bt_diag *d, const char *gpu, const struct bt_job *told, struct diagnose_check *out)
{
    struct bt_err err = { 0 };
    *out = (struct diagnose_check){ 0 };
    if (!strcmp(d->found.code, "oom-job") || (!d->engine && !strncmp(d->found.code, "oom", 3)) || (told->kind_given && !strncmp(d->found.code, "oom", 3))) {
        diagnose_check_job(a, d, gpu, told, out);
        return;
    }
    if (!is_about_memory(d->found.code))
        return;
    if (!d->engine || strcmp(d->engine, "vllm"))
        out->why_not = "not checked with berth's own ledger: only vLLM's settings are read from logs";
    else if (!bt_diag_arg(d, "model"))
        out->why_not = "not checked with berth's own ledger: the log does not name the model";
    else if (ask(a, d, gpu, out, &err) < 0)
        out->why_not = bt_arena_printf(a, "not checked with berth's own ledger: %s", err.msg);
}
