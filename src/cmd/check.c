/* check - is this model whole and loadable: its files, its architecture by the engine that is installed, its numbers by the card. */
#include <ctype.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "engine/engine.h"
#include "gpu/gpu.h"
#include "model/check.h"
#include "need/capability.h"

struct check_args { const char *gpu, *engine, *engine_version, *revision; bool json; };
#define AT(f) offsetof(struct check_args, f)

static const struct bt_opt opts[] = {
    { .name = "gpu", .type = BT_OPT_STR, .off = AT(gpu), .metavar = "CARD", .help = "can this card run its numbers? a name (A100-SXM4-40GB) or one card of this machine by index" },
    { .name = "engine", .type = BT_OPT_STR, .off = AT(engine), .metavar = "NAME", .help = "vllm, sglang, llama-server; default: by the files" },
    { .name = "engine-version", .type = BT_OPT_STR, .off = AT(engine_version), .metavar = "VERSION", .help = "default: the installed one" },
    { .name = "revision", .type = BT_OPT_STR, .off = AT(revision), .metavar = "REV", .help = "branch, tag or commit of a model in the Hugging Face cache" },
    { .name = "json", .type = BT_OPT_BOOL, .off = AT(json), .help = "one JSON object" },
    { 0 },
};

/* ---- the engine ---- */

/* The list of architectures of an installed vLLM is a file of its package: site-packages/vllm/model_executor/models/registry.py. */
static const char *registry_text(struct bt_arena *a, const char *bin, const char **where)
{
    char real[PATH_MAX];
    const char *bins[] = { bin, realpath(bin, real) ? real : bin };
    const char *text = NULL;
    for (size_t i = 0; i < BT_LEN(bins) && !text; i++) {
        glob_t g = { 0 };
        const char *prefix = bt_path_dir(a, bt_path_dir(a, bins[i]));
        if (glob(bt_arena_printf(a, "%s/lib/python3*/*-packages/vllm/model_executor/models/registry.py", prefix), 0, NULL, &g) == 0 && g.gl_pathc) {
            struct bt_str s;
            struct bt_err ignored = { 0 };           /* unreadable is the same as not there: not checked */
            if (bt_file_read(a, g.gl_pathv[0], 4 * MiB, &s, &ignored) == 0) {
                text = s.p;
                *where = bt_arena_strdup(a, g.gl_pathv[0]);
            }
        }
        globfree(&g);
    }
    return text;
}

static void check_vllm(struct bt_findings *f, const struct bt_model *m, const char *asked, const struct bt_engine_install *found)
{
    const char *where = NULL, *text = registry_text(f->arena, found->bin, &where);
    bool other = asked && found->version[0] && strcmp(asked, found->version);
    if (!text || other) {
        bt_finding_add(f, "engine", BT_V_NOT_CHECKED, other ? bt_arena_printf(f->arena, "vLLM %s is installed, not %s: what that one knows cannot be looked up", found->version, asked)
                                                            : bt_arena_printf(f->arena, "the list of architectures of %s was not found", found->bin), NULL);
        return;
    }
    bool known = strstr(text, bt_arena_printf(f->arena, "\"%s\"", m->architecture)) != NULL;
    const char *version = found->version[0] ? found->version : "(version not known)";
    if (known)
        bt_finding_add(f, "engine", BT_V_OK, bt_arena_printf(f->arena, "vLLM %s knows %s", version, m->architecture), NULL);
    else
        bt_finding_add(f, "engine", BT_V_WRONG, bt_arena_printf(f->arena, "vLLM %s does not know %s (%s)", version, m->architecture, where), "a newer vLLM, or --model-impl transformers");
}

static int check_engine(struct bt_findings *f, const struct bt_model *m, const struct bt_engine *e, const char *asked, struct bt_err *err)
{
    struct bt_engine_install found = { 0 };
    struct bt_err absent = { 0 };
    bool exact;
    if (asked && !bt_engine_version(e, asked, &exact, err))
        return -1;
    bool llama = !strcmp(e->name, "llama-server");
    if (llama != (m->gguf != NULL)) {
        bt_finding_add(f, "engine", BT_V_WRONG, llama ? "llama-server reads GGUF files, and this is none" : bt_arena_printf(f->arena, "%s: a GGUF file is for llama-server", e->name), NULL);
        return 0;
    }
    if (bt_engine_installed(f->arena, e, NULL, NULL, &found, &absent) < 0) {
        bt_finding_add(f, "engine", BT_V_NOT_CHECKED, bt_arena_printf(f->arena, "%s is not installed here: whether it knows %s cannot be looked up%s", e->name, m->architecture,
                       !m->gguf && bt_model_architecture_known(m->architecture) ? " (berth knows it)" : ""), NULL);
        return 0;
    }
    if (!strcmp(e->name, "vllm"))
        check_vllm(f, m, asked, &found);
    else
        bt_finding_add(f, "engine", BT_V_NOT_CHECKED, bt_arena_printf(f->arena, "%s does not say which architectures it knows without being run", e->name), NULL);
    return 0;
}

/* ---- the card ---- */

static const char *capability(struct bt_arena *a, int cc)
{
    return bt_arena_printf(a, "%d.%d", cc / 10, cc % 10);
}

static void check_numbers(struct bt_findings *f, const struct bt_model *m, const struct bt_engine *e, const char *version, const struct bt_gpu *g)
{
    struct bt_arena *a = f->arena;
    int cc = g->cc_major * 10 + g->cc_minor;
    const char *card = bt_arena_printf(a, "%s (compute capability %s)", g->name, capability(a, cc));
    if (m->gguf) {
        bt_finding_add(f, "card", cc >= 50 ? BT_V_OK : BT_V_WRONG, bt_arena_printf(a, "%s %s the types of GGUF files", card, cc >= 50 ? "runs" : "is too old for"), NULL);
        return;
    }
    struct bt_card_runs runs = bt_card_runs(e, version, m, NULL, g);
    if (cc < 70) {
        bt_finding_add(f, "card", BT_V_WRONG, bt_arena_printf(a, "%s is older than %s supports: %s and newer", card, e->name, capability(a, runs.least)), "llama-server with a GGUF file of this model");
        return;
    }
    bool said = false;
    if (m->dtype == BT_DT_BF16 && cc < 80) {
        bt_finding_add(f, "card", BT_V_WARNING, bt_arena_printf(a, "%s has no bfloat16: the engine computes in float16, and refuses --dtype bfloat16", card), "--dtype half");
        said = true;
    }
    if (runs.how == BT_RUNS_NOT)
        bt_finding_add(f, "card", BT_V_WRONG, bt_arena_printf(a, "%s cannot run %s (%s): %s is needed (%s)", card, runs.name, m->quantization, capability(a, runs.least), runs.source),
                       "the unquantised model, or another quantisation");
    else if (runs.how == BT_RUNS_UNPACKED)
        bt_finding_add(f, "card", BT_V_WARNING, bt_arena_printf(a, "%s runs %s by unpacking it to 16 bit: smaller, not faster (native from %s)", card, runs.name, capability(a, runs.native)), NULL);
    else if (runs.how == BT_RUNS_NOT_KNOWN)
        bt_finding_add(f, "card", BT_V_NOT_CHECKED, bt_arena_printf(a, "berth does not know which cards run %s with %s", runs.name, e->name), NULL);
    else if (!said)
        bt_finding_add(f, "card", BT_V_OK, bt_arena_printf(a, "%s runs %s", card, m->quantization ? m->quantization : bt_dtype_name(m->dtype)), NULL);
}

/* As asked for, else as installed; NULL: not known, and the newest counts. */
static const char *version_of(struct bt_arena *a, const struct bt_engine *e, const char *asked)
{
    struct bt_engine_install found = { 0 };
    struct bt_err absent = { 0 };
    if (asked)
        return asked;
    return bt_engine_installed(a, e, NULL, NULL, &found, &absent) == 0 && found.version && found.version[0] ? found.version : NULL;
}

static int check_card(struct bt_findings *f, const struct bt_model *m, const struct bt_engine *e, const char *asked, const char *text, struct bt_err *err)
{
    struct bt_fleet_opts o = { .visible = getenv("CUDA_VISIBLE_DEVICES") };
    struct bt_fleet fleet = { 0 };
    if (bt_fleet_open(f->arena, text, &o, &fleet, err) < 0)
        return -1;
    for (size_t i = 0; i < fleet.n; i++)
        if (i == 0 || strcmp(fleet.gpus[i].name, fleet.gpus[i - 1].name))
            check_numbers(f, m, e, version_of(f->arena, e, asked), &fleet.gpus[i]);
    return 0;
}

/* ---- the answer ---- */

static void print(const struct bt_findings *f, const char *ref, const char *dir)
{
    bt_auto_buf struct bt_buf b = BT_BUF(256 * KiB);
    struct bt_style st = bt_style_of(stdout);
    struct bt_table *t = bt_table_new(f->arena, (const char *const[]){ "what", "verdict", "finding", NULL });
    size_t bad = 0, warnings = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct bt_finding *v = &f->v[i];
        bad += v->verdict == BT_V_WRONG;
        warnings += v->verdict == BT_V_WARNING;
        bt_table_row(t, v->what, bt_verdict_name(v->verdict), v->text, NULL);
        if (v->hint)
            bt_table_row(t, "", "", bt_arena_printf(f->arena, "try: %s", v->hint), NULL);
    }
    bt_buf_printf(&b, "%s  (%s)\n", ref, dir);
    bt_table_print(t, st, &b);
    if (bad)
        bt_buf_printf(&b, "%zu fault%s: it will not load, or not as it should\n", bad, bad == 1 ? "" : "s");
    else
        bt_buf_printf(&b, "whole%s\n", warnings ? bt_arena_printf(f->arena, ", with %zu warning%s", warnings, warnings == 1 ? "" : "s") : "");
    bt_cmd_print(&b);
}

static void print_json(const struct bt_findings *f, const char *ref, const char *dir, const struct bt_model *m)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < f->n; i++)
        json_array_append_new(rows, json_pack("{s:o, s:s, s:o, s:o*}", "what", bt_json_text(f->v[i].what), "verdict", bt_verdict_name(f->v[i].verdict),
                                              "text", bt_json_text(f->v[i].text), "try", f->v[i].hint ? bt_json_text(f->v[i].hint) : NULL));
    bt_cmd_json("check", json_pack("{s:o, s:o, s:b, s:o, s:o}", "model", bt_json_text(ref), "folder", bt_json_text(dir), "ok", (int)bt_findings_ok(f), "rows", rows, "weight_bytes",
                                   m ? bt_json_bytes(m->weight_bytes) : json_null()));
}

static int look(const struct check_args *args, const char *ref, struct bt_findings *f, struct bt_model **m, const char **dir, struct bt_err *err)
{
    if (bt_model_check(f->arena, ref, args->revision, f, m, dir, err) < 0)
        return -1;
    if (!*m) {
        bt_finding_add(f, "engine", BT_V_NOT_CHECKED, "the model cannot be read", NULL);
        return 0;
    }
    const char *name = args->engine ? args->engine : (*m)->gguf ? "llama-server" : "vllm";
    const struct bt_engine *e = bt_engine_find(name);
    if (!e || !e->flags)
        return bt_err_set(err, BT_E_USAGE, 0, "--engine \"%.60s\": berth does not know it", name);
    if (check_engine(f, *m, e, args->engine_version, err) < 0)
        return -1;
    return args->gpu ? check_card(f, *m, e, args->engine_version, args->gpu, err) : 0;
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena arena = { 0 };
    struct bt_err err = { 0 };
    struct check_args args = { 0 };
    struct bt_strs rest = { 0 };
    int code = bt_cmd_parse(v, &arena, argc, argv, &args, &rest, NULL);
    if (code)
        return code;
    if (rest.n != 1) {
        bt_err_set(&err, BT_E_USAGE, 0, rest.n ? "one model at a time, not \"%.80s\" too" : "which model? a folder, a .gguf file, an id in the Hugging Face cache", rest.n ? rest.v[1] : "");
        bt_err_hint(&err, "%s", v->usage);
        return bt_cmd_fail(v, &err, args.json);
    }
    struct bt_findings f = { .arena = &arena };
    struct bt_model *m = NULL;
    const char *dir = "";
    if (look(&args, rest.v[0], &f, &m, &dir, &err) < 0)
        return bt_cmd_fail(v, &err, args.json);
    if (args.json)
        print_json(&f, rest.v[0], dir, m);
    else
        print(&f, rest.v[0], dir);
    return bt_findings_ok(&f) ? 0 : 1;
}

const struct bt_verb bt_verb_check = {
    .name = "check",
    .summary = "is a model's folder whole, and can the engine and the card run it",
    .usage = "berth check MODEL [--gpu CARD] [--engine NAME] [--engine-version V] [--revision REV] [--json]",
    .example = "  berth check ~/models/my-7b --gpu A100-SXM4-40GB\n"
               "  berth check Qwen/Qwen2.5-7B-Instruct --json",
    .opts = opts,
    .run = run,
};
