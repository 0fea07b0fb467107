/* planning - all the I/O of a plan: spec, fleet, models, engines; then the pure part. */
#include "cmd/planning.h"

#include "base/proc.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/learned.h"
#include "cmd/planning_own.h"
#include "model/pipeline.h"

struct planning {
    struct bt_arena *a;
    const struct bt_planning_opts *o;
    struct bt_spec *spec;
    struct bt_fleet *fleet;
    struct bt_strs notes;
    struct bt_err *err;
};

static bool given(const char *z) { return z && z[0]; }

/* What decides about what runs and cannot be obeyed: shown by `plan`, refused by `up`. */
static int check_can_run(struct planning *g)
{
    for (size_t i = 0; i < g->spec->nlater; i++) {
        const struct bt_not_obeyed *l = &g->spec->later[i];
        if (!l->decides)
            continue;
        bt_err_set(g->err, BT_E_STATE, 0, "%s:%u:%u: %s: %s", g->spec->path, l->at.line, l->at.col, l->path, l->text);
        return bt_err_hint(g->err, "`berth plan` shows what it would be");
    }
    return 0;
}

/* A plan is JSON, and paths in it are text. */
static int check_folder(struct planning *g)
{
    json_t *text = json_string(g->spec->dir);
    if (!text) {
        bt_err_set(g->err, BT_E_SPEC, 0, "the spec is in %s, whose name is not UTF-8 text: nothing can be started from there", g->spec->dir);
        return bt_err_hint(g->err, "rename the folder");
    }
    json_decref(text);
    return 0;
}

/* ---- fleet ---- */

/* Nothing in the spec wants a card: then a machine without a driver will do. */
static bool all_on_host(const struct bt_spec *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!s->w[i].gpus.set || s->w[i].gpus.want)
            return false;
    return s->n > 0;
}

/* A named fleet helps who plans; what is to be started needs cards. -1, for its caller. */
static int no_driver(const struct planning *g)
{
    if (g->o->live && bt_str_starts(bt_str(g->err->hint), "name a fleet"))
        bt_err_hint(g->err, "`berth doctor` tells why; servers with `gpus: 0` run in RAM; `berth sim 4xA100-SXM4-40GB` is a shell on simulated cards");
    return -1;
}

static int open_fleet(struct planning *g)
{
    const char *text = given(g->o->gpus) ? g->o->gpus : g->spec->gpus;
    bool none = !strcmp(text, "none");
    struct bt_fleet_opts fo = { .margin_bytes = g->spec->margin_bytes,
                                .ignore_others = g->o->ignore_others,
                                .visible = getenv("CUDA_VISIBLE_DEVICES"),
                                .base_dir = given(g->o->gpus) ? NULL : g->spec->dir,
                                .boxes = g->o->boxes || g->o->live };      /* `up` says itself that this is one machine */
    struct bt_err absent = { 0 };
    g->fleet = BT_NEW(g->a, struct bt_fleet);
    if (none || (!strcmp(text, "auto") && all_on_host(g->spec) && bt_fleet_open(g->a, text, &fo, g->fleet, &absent) < 0)) {
        *g->fleet = (struct bt_fleet){ .source = "host", .text = "none", .driver = "", .live = true, .ram_bytes = bt_ram_allowed(""),
                                         .ram_node_bytes = bt_ram_node("") };
        return 0;
    }
    if (bt_fleet_open(g->a, text, &fo, g->fleet, g->err) < 0 && no_driver(g) < 0)
        return given(g->o->gpus) ? bt_err_wrap(g->err, "--gpus") : !g->spec->gpus_at.line ? -1
                                 : bt_err_wrap(g->err, "%s:%u:%u: gpus", g->spec->path, g->spec->gpus_at.line, g->spec->gpus_at.col);
    if (!g->o->live || g->fleet->live)
        return 0;
    if (strcmp(g->fleet->source, "catalog")) {
        bt_err_set(g->err, BT_E_STATE, 0, "%s is a saved fleet: nothing can be started on it", text);
        return bt_err_hint(g->err, "--gpus auto is this machine; a named fleet such as 4xA100-SXM4-40GB is a requirement that its cards must meet");
    }
    struct bt_fleet all;
    fo.base_dir = NULL;
    if ((bt_fleet_open(g->a, "auto", &fo, &all, g->err) < 0 && no_driver(g) < 0) || bt_fleet_match(g->a, &all, text, g->fleet, g->err) < 0)
        return bt_err_wrap(g->err, "this machine's cards for %s", text);
    return 0;
}

/* ---- engines ---- */

static int wrong_version(struct planning *g, const struct bt_workload *w, const struct bt_engine_install *found)
{
    bt_err_set(g->err, BT_E_SPEC, 0, "%s:%u:%u: workloads.%s: engine_version %s, but %s is %s", g->spec->path, w->at.line, w->at.col, w->name,
               w->engine_version, found->bin, found->version);
    return bt_err_hint(g->err, "leave engine_version out, or name the other one with `bin` or `venv`");
}

/* Installed or not, its version: what the spec says, what was found, else the newest row. */
static int find_engine(struct planning *g, const struct bt_workload *w, struct bt_plan_model *m)
{
    m->engine = bt_engine_find(w->engine);
    if (!m->engine)
        return 0;                                    /* the plan refuses it, with its words */
    struct bt_engine_install found = { 0 };
    struct bt_err why = { 0 };
    bool installed = bt_engine_installed(g->a, m->engine, w->bin, w->venv, &found, &why) == 0;
    if (!installed && g->o->live) {
        *g->err = why;
        return bt_err_wrap(g->err, "%s", w->name);
    }
    bool other = installed && w->engine_version && given(found.version) && strcmp(found.version, w->engine_version);
    if (other && g->o->live)
        return wrong_version(g, w, &found);
    const char *version = w->engine_version ? w->engine_version : installed && given(found.version) ? found.version : NULL;
    bool exact;
    m->version = bt_engine_version(m->engine, version, &exact, g->err);
    if (!m->version)
        return bt_err_wrap(g->err, "%s", w->name);
    if (installed && !other)
        m->bin = found.bin;
    const char *note = NULL;
    if (other)
        note = bt_arena_printf(g->a, "%s: planned as %s %s; installed here is %s", w->name, w->engine, w->engine_version, found.version);
    else if (version && !exact)
        note = bt_arena_printf(g->a, "%s: %s %s is planned as %s, the nearest version that berth knows", w->name, w->engine, version,
                               m->version->version);
    else if (installed && !version)
        note = bt_arena_printf(g->a, "%s: the version of %s cannot be told (%s): planned as %s", w->name, found.bin, found.why, m->version->version);
    if (note)
        BT_PUSH(g->a, g->notes.v, g->notes.n, note);
    bool on_cpu = w->gpus.set && w->gpus.want == 0 && !strcmp(w->engine, "vllm");
    if (on_cpu && installed && !other && given(found.version) && !strstr(found.version, "cpu")) {        /* setup.py names the device in the version */
        note = bt_arena_printf(g->a, "%s: vLLM %s is a build for GPUs (one for the CPU says +cpu): with `gpus: 0` it ends with \"Failed to infer device type\"",
                               w->name, found.version);
        BT_PUSH(g->a, g->notes.v, g->notes.n, note);
    }
    return 0;
}

/* A model that is not there, or broken, is no question of room. */
static const char *code_of(const struct bt_err *why)
{
    bool broken = why->code == BT_E_INPUT || why->code == BT_E_IO || why->code == BT_E_TOO_BIG;
    return why->code == BT_E_NOT_FOUND ? "model-not-found" : broken ? "model-broken" : NULL;
}

/* Of the first workload of the same model, if there is one: a fleet of many machines has it many times. */
static const struct bt_plan_model *opened_before(const struct planning *g, const struct bt_workload *w, const struct bt_plan_model *models)
{
    for (const struct bt_workload *v = g->spec->w; v < w; v++)
        if (v->kind == BT_SERVER && !strcmp(v->model, w->model))
            return &models[v - g->spec->w];
    return NULL;
}

static void open_model(struct planning *g, const struct bt_workload *w, struct bt_plan_model *models)
{
    struct bt_plan_model *m = &models[w - g->spec->w];
    const struct bt_plan_model *same = opened_before(g, w, models);
    if (same) {
        m->model = same->model;
        m->model_error = same->model_error;
        m->error_code = same->error_code;
        return;
    }
    const char *ref = w->model;
    if (ref[0] == '.' || ref[0] == '/' || ref[0] == '~')
        ref = bt_path_abs(g->a, g->spec->dir, ref);
    struct bt_model *model;
    struct bt_err why = { 0 };
    if (bt_model_open(g->a, ref, &model, &why) == 0)
        m->model = model;
    else
        m->model_error = bt_arena_printf(g->a, "%s%s%s%s", why.msg, why.hint[0] ? " (" : "", why.hint, why.hint[0] ? ")" : "");
    m->error_code = code_of(&why);
}

/* A model that drafts for it, from another checkpoint: then the model is this workload's own, however many have it without. */
static void open_drafter(struct planning *g, const struct bt_workload *w, struct bt_plan_model *m)
{
    struct bt_serve serve;
    struct bt_err why = { 0 };
    bool reckoned;
    if (!m->model || strcmp(w->engine, "vllm") != 0 || bt_spec_serve(g->a, g->spec, w, &serve, NULL, &why) < 0)
        return;
    const char *ref = bt_need_drafter(g->a, &serve, &reckoned);
    struct bt_model *draft = NULL, *own = BT_NEW(g->a, struct bt_model);
    if (ref && (ref[0] == '.' || ref[0] == '/' || ref[0] == '~'))
        ref = bt_path_abs(g->a, g->spec->dir, ref);
    if (!ref)
        return;
    if (bt_model_open(g->a, ref, &draft, &why) < 0) {
        const char *how = reckoned ? "an estimate, layers like the model's stand for" : "not counted:";
        const char *note = bt_arena_printf(g->a, "%s: %s %s, which drafts for it: %s", w->name, how, ref, why.msg);
        BT_PUSH(g->a, g->notes.v, g->notes.n, note);
        return;
    }
    *own = *m->model;
    own->draft = draft;
    m->model = own;
}

/* What a service or job works on, where it says so. */
static void open_job(struct planning *g, const struct bt_job *j, struct bt_plan_model *m)
{
    const char *ref = j->of;
    struct bt_model *model;
    struct bt_err why = { 0 };
    if (ref[0] == '.' || ref[0] == '/' || ref[0] == '~')
        ref = bt_path_abs(g->a, g->spec->dir, ref);
    struct bt_pipeline *pipeline;
    if (j->kind == BT_JOB_DIFFUSION ? bt_pipeline_open(g->a, ref, &pipeline, &why) < 0 : bt_model_open(g->a, ref, &model, &why) < 0)
        m->job_error = bt_arena_printf(g->a, "%s%s%s%s", why.msg, why.hint[0] ? " (" : "", why.hint, why.hint[0] ? ")" : "");
    else if (j->kind == BT_JOB_DIFFUSION)
        m->job_of.pipeline = pipeline;
    else
        m->job_of.model = model;
    m->error_code = code_of(&why);
}

static int read_spec(struct bt_arena *a, const struct bt_planning_opts *o, struct bt_spec **out, struct bt_err *err)
{
    struct bt_spec_opts so = { .variant = given(o->variant) ? o->variant : NULL };
    if (o->text) {
        int rc = bt_spec_parse(a, BT_PLANNING_TYPED, bt_path_abs(a, NULL, "."), bt_str(o->text), &so, out, err);
        if (rc < 0 && bt_str_starts(bt_str(err->msg), BT_PLANNING_TYPED ":")) { /* a line that nobody has written says nothing */
            const char *rest = err->msg + strlen(BT_PLANNING_TYPED);
            rest += strspn(rest, ":0123456789");
            rest += *rest == ' ';
            memmove(err->msg, rest, strlen(rest) + 1);
        }
        return rc;
    }
    if (bt_spec_read(a, given(o->file) ? o->file : "berth.yaml", &so, out, err) == 0)
        return 0;
    if (err->code == BT_E_NOT_FOUND || err->code == BT_E_TOO_BIG || err->code == BT_E_INPUT)
        err->code = BT_E_SPEC;                       /* no spec, or one without end, is a fault of what was given, not of the machine */
    return -1;
}

int bt_planning_variants(struct bt_arena *a, const struct bt_planning_opts *o, struct bt_strs *out, struct bt_err *err)
{
    struct bt_spec *s;
    if (read_spec(a, o, &s, err) < 0)
        return -1;
    *out = s->variants;
    return 0;
}

static const char *why_in_turn(struct bt_arena *a, const struct bt_plan_in *in, const char *why)
{
    return bt_arena_printf(a, "not %s: %s", in->spec->phases.n ? "as it is written" : "all at once", why);
}

/* Does it fit in turn? Then that is the plan, if it was asked for, else advice. */
static int in_turn(struct bt_arena *a, const struct bt_planning_opts *o, const struct bt_plan_in *in, struct bt_plan **plan, struct bt_err *err)
{
    struct bt_plan *p = *plan, *turns = NULL;
    const char *no = NULL;
    struct bt_plan_in as = *in;
    as.brief = !o->phase;                            /* of advice only the names are said */
    if (p->nrefusals && (o->phase || !o->brief) && bt_plan_propose(a, &as, &turns, &no, err) < 0)
        return -1;
    if (turns && o->phase) {
        BT_PUSH(a, turns->warning, turns->nwarnings, why_in_turn(a, in, p->refusal[0].text));
        *plan = turns;
    } else if (turns) {
        struct bt_plan_advice one;
        bt_plan_proposal_advice(a, turns, &one);
        one.text = bt_arena_printf(a, "%s (`berth plan --phase` shows it)", one.text);
        BT_PUSH(a, p->advice, p->nadvice, one);
    } else if (o->phase) {
        if (!p->nrefusals)
            no = in->spec->phases.n ? "each of the spec's phases fits: they are planned as they are" : "it fits at once: no phases are needed";
        no = bt_arena_printf(a, "--phase: %s", no);
        BT_PUSH(a, p->warning, p->nwarnings, no);
    }
    return 0;
}

/* No plan was found, and it is not known that there is none. In turn there may be one: the plan, if that was asked for, else a way out in the error. */
static int in_turn_instead(struct bt_arena *a, const struct bt_planning_opts *o, const struct bt_plan_in *in, struct bt_plan **plan, struct bt_err *err)
{
    struct bt_plan_in as = *in;
    struct bt_plan *turns = NULL;
    struct bt_err why = { 0 };
    const char *no = NULL;
    as.brief = !o->phase;
    if (err->code != BT_E_TOO_BIG || (!o->phase && o->brief))
        return -1;
    if (bt_plan_propose(a, &as, &turns, &no, &why) < 0)
        no = bt_arena_strdup(a, why.msg);
    if (!turns && o->phase && no) {
        const char *hint = bt_arena_strdup(a, err->hint);
        bt_err_set(err, err->code, 0, "%s; --phase: %s", err->msg, no);
        return bt_err_hint(err, "%s", hint);
    }
    if (!turns)
        return -1;
    if (!o->phase)
        return bt_err_hint(err, "in turn, in %zu phases, it fits: `berth plan --phase` shows them", turns->nphases);
    BT_PUSH(a, turns->warning, turns->nwarnings, why_in_turn(a, in, err->msg));
    *plan = turns;
    return 0;
}

static double now_s(void *ctx)
{
    (void)ctx;
    return (double)bt_now_ms() / 1e3;
}

int bt_planning_inputs(struct bt_arena *a, const struct bt_planning_opts *o, struct bt_plan_in *out, struct bt_strs *notes, struct bt_err *err)
{
    struct planning g = { .a = a, .o = o, .err = err };
    if (read_spec(a, o, &g.spec, err) < 0 || (o->only && bt_planning_only(a, o->only, g.spec, err) < 0))
        return -1;
    if ((o->live && check_can_run(&g) < 0) || ((o->live || o->exported) && check_folder(&g) < 0) || open_fleet(&g) < 0)
        return -1;
    if (g.fleet->live && !o->ignore_others && bt_planning_own(a, g.spec->name, o->live && !o->over, g.fleet, err) < 0)
        return -1;
    if (!o->no_learned)
        bt_cmd_learn_fleet(a, g.fleet, &g.notes);
    struct bt_plan_model *models = BT_NEWN(a, struct bt_plan_model, g.spec->n + 1);
    for (size_t i = 0; i < g.spec->n; i++) {
        const struct bt_job *job = g.spec->w[i].memory.job ? g.spec->w[i].memory.job : g.spec->w[i].expects.job;
        if (job)
            open_job(&g, job, &models[i]);
        const char *like = g.spec->w[i].memory.like ? g.spec->w[i].memory.like : g.spec->w[i].expects.like;
        if (like && !o->no_learned)
            bt_cmd_learn_like(a, g.spec->name, like, &models[i], &g.notes);
        if (g.spec->w[i].kind != BT_SERVER)
            continue;
        if (find_engine(&g, &g.spec->w[i], &models[i]) < 0)
            return -1;
        open_model(&g, &g.spec->w[i], models);
        open_drafter(&g, &g.spec->w[i], &models[i]);
    }
    if (o->live && !getenv("BERTH_SIM") && bt_planning_disk(a, g.spec, models, err) < 0)     /* simulated engines fetch nothing */
        return -1;
    *out = (struct bt_plan_in){ .spec = g.spec, .fleet = g.fleet, .models = models, .brief = o->brief, .obeyed = o->live || o->no_shapes };
    if (o->time_limit_ms) {
        struct bt_plan_clock *clock = BT_NEW(a, struct bt_plan_clock);
        *clock = (struct bt_plan_clock){ .now_s = now_s, .limit_s = (double)o->time_limit_ms / 1e3 };
        out->clock = clock;
    }
    for (size_t i = 0; i < g.fleet->nnotes; i++)
        BT_PUSH(a, g.notes.v, g.notes.n, g.fleet->notes[i]);
    if (notes)
        *notes = g.notes;
    return 0;
}

int bt_planning_of(struct bt_arena *a, const struct bt_planning_opts *o, const struct bt_plan_in *in, const struct bt_strs *notes, struct bt_plan **out,
                   struct bt_err *err)
{
    if (bt_plan_make(a, in, out, err) < 0 ? in_turn_instead(a, o, in, out, err) < 0 : in_turn(a, o, in, out, err) < 0)
        return -1;
    struct bt_plan *p = *out;
    for (size_t i = 0; i < notes->n; i++)
        BT_PUSH(a, p->warning, p->nwarnings, notes->v[i]);
    return 0;
}

int bt_planning(struct bt_arena *a, const struct bt_planning_opts *o, struct bt_plan **out, struct bt_err *err)
{
    struct bt_plan_in in;
    struct bt_strs notes;
    return bt_planning_inputs(a, o, &in, &notes, err) < 0 ? -1 : bt_planning_of(a, o, &in, &notes, out, err);
}
