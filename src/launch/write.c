/* write - a plan as JSON: docs/reference/json.md. Order of keys is the order here; nothing depends on a clock or a hash table. */
#include "base/hash.h"
#include "base/json.h"
#include "gpu/fleet_json.h"
#include "launch/launch_int.h"
#include "launch/planfile.h"
#include "need/learn.h"

static void set(json_t *o, const char *key, json_t *v) { json_object_set_new(o, key, v); }

/* ---- inputs ---- */

static const char *fleet_digest(struct bt_arena *a, const struct bt_fleet *f)
{
    struct bt_hash h;
    struct bt_digest d;
    bt_hash_init(&h);
    for (size_t i = 0; i < f->n; i++) {
        const struct bt_gpu *g = &f->gpus[i];
        const char *line = bt_arena_printf(a, "%s %d %s %llu %llu %llu %llu %d\n", g->uuid, g->index, g->name, (unsigned long long)g->total_bytes,
                                           (unsigned long long)g->nvml_total_bytes, (unsigned long long)g->others_bytes,
                                           (unsigned long long)g->margin_bytes, g->island);
        bt_hash_add(&h, line, strlen(line));
    }
    bt_hash_end(&h, &d);
    return bt_arena_strdup(a, d.hex);
}

static const char *models_digest(struct bt_arena *a, const struct bt_plan *p)
{
    struct bt_hash h;
    struct bt_digest d;
    bt_hash_init(&h);
    for (size_t i = 0; i < p->nphases; i++)
        for (size_t j = 0; j < p->phase[i].n; j++) {
            const struct bt_plan_instance *in = &p->phase[i].inst[j];
            if (in->need) {
                const char *line = bt_arena_printf(a, "%s %s %s\n", in->w->name, in->need->model->digest, in->need->version->version);
                bt_hash_add(&h, line, strlen(line));
            }
        }
    bt_hash_end(&h, &d);
    return bt_arena_strdup(a, d.hex);
}

/* Of the measured bytes that went into the ledgers; "" when none did. */
static const char *learned_digest(struct bt_arena *a, const struct bt_plan *p)
{
    struct bt_hash h;
    struct bt_digest d;
    bool any = false;
    bt_hash_init(&h);
    for (size_t i = 0; i < p->nphases; i++)
        for (size_t j = 0; j < p->phase[i].n; j++) {
            const struct bt_plan_instance *in = &p->phase[i].inst[j];
            uint64_t like = in->w->memory.form == BT_MEM_LIKE && in->like_bytes ? in->like_bytes : 0;
            for (size_t k = 0; in->need && k < in->need->nranks; k++) {
                const struct bt_learned *l = in->need->rank[k].learned;
                const char *line = !l ? "" : bt_arena_printf(a, "%s %s %llu %llu %llu\n", in->w->name, l->key, (unsigned long long)l->activation_bytes,
                                                             (unsigned long long)l->graph_bytes, (unsigned long long)l->rest_bytes);
                any = any || l;
                bt_hash_add(&h, line, strlen(line));
            }
            const char *line = like ? bt_arena_printf(a, "%s like %llu\n", in->w->name, (unsigned long long)like) : "";
            any = any || like;
            bt_hash_add(&h, line, strlen(line));
        }
    bt_hash_end(&h, &d);
    return any ? bt_arena_strdup(a, d.hex) : "";
}

static json_t *fleet_json(const struct bt_fleet *f)
{
    json_t *o = json_pack("{s:s, s:b}", "source", f->source, "live", f->live), *gpus = json_array();
    set(o, "nodes", bt_fleet_nodes_json(f));
    for (size_t i = 0; i < f->n; i++) {
        const struct bt_gpu *g = &f->gpus[i];
        json_array_append_new(gpus, json_pack("{s:o, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:s}", "uuid", bt_json_text(g->uuid), "index", g->index,
                                              "node", bt_fleet_node(f, i), "name", bt_json_text(g->name), "total_bytes", bt_json_bytes(g->total_bytes),
                                              "nvml_total_bytes", bt_json_bytes(g->nvml_total_bytes), "others_bytes", bt_json_bytes(g->others_bytes),
                                              "margin_bytes", bt_json_bytes(g->margin_bytes), "total_source", bt_total_source_name(g->total_source)));
    }
    set(o, "gpus", gpus);
    return o;
}

/* ---- instances ---- */

static json_t *line_json(const char *part, uint64_t bytes, const char *why)
{
    return json_pack("{s:s, s:o, s:o}", "part", part, "bytes", bt_json_bytes(bytes), "why", bt_json_text(why));
}

static const char *declared_why(struct bt_arena *a, const struct bt_plan_instance *in)
{
    const struct bt_workload *w = in->w;
    switch (w->memory.form) {
    case BT_MEM_BYTES: return "memory: as the spec says";
    case BT_MEM_PERCENT: return bt_arena_printf(a, "memory: %g%% of the card's total", w->memory.percent);
    case BT_MEM_REST: return "memory: rest, what the neighbours leave";
    case BT_MEM_LIKE:
        return in->like_bytes ? in->like_why : bt_arena_printf(a, "memory: like %s, not measured on this machine yet: the whole card", w->memory.like);
    default: return "the whole card: what it takes is not known";
    }
}

static json_t *need_json(struct bt_arena *a, const struct bt_plan_instance *in, const struct bt_rank_berth *r)
{
    json_t *list = json_array();
    for (size_t i = 0; r->need && i < r->need->n; i++)
        json_array_append_new(list, line_json(bt_part_name(r->need->line[i].part), r->need->line[i].bytes, r->need->line[i].why));
    if (r->need)
        json_array_append_new(
            list, line_json("kv", r->kv_bytes,
                            bt_arena_printf(a, "%llu tokens in blocks of %llu x %llu B per token: %.2f requests of %llu tokens",
                                            (unsigned long long)r->kv_tokens, (unsigned long long)in->need->block,
                                            (unsigned long long)r->need->kv_token_bytes,
                                            in->context ? (double)r->kv_tokens / (double)in->context : 0.0, (unsigned long long)in->context)));
    else
        json_array_append_new(list, line_json("declared", r->bytes, declared_why(a, in)));
    return list;
}

/* The ledger of a job, and what of its berth is over. */
static json_t *job_lines(struct bt_arena *a, const struct bt_plan_instance *in, const struct bt_rank_berth *r)
{
    const struct bt_job_need *n = &in->job->need;
    json_t *list = json_array();
    for (size_t i = 0; i < n->n; i++)
        json_array_append_new(list, line_json(bt_part_name(n->line[i].part), n->line[i].bytes, n->line[i].why));
    if (r->bytes > n->bytes)
        json_array_append_new(list, line_json("declared", r->bytes - n->bytes, in->job->expected ? declared_why(a, in) : "what else its card leaves"));
    return list;
}

static json_t *job_json(struct bt_arena *a, const struct bt_plan_instance *in)
{
    const struct bt_plan_job *j = in->job;
    if (!j)
        return json_null();
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:b}", "kind", bt_job_kind_names[j->job.kind],
                     "text", bt_json_text(bt_job_text(a, &j->job, &j->need)), "batch", bt_json_bytes(j->need.batch), "users",
                     j->need.users ? bt_json_bytes(j->need.users) : json_null(), "need_bytes", bt_json_bytes(j->need.bytes), "expected", j->expected);
}

/* RAM line by line, where the ledger tells it apart. */
static json_t *host_need_json(struct bt_arena *a, const struct bt_plan_instance *in)
{
    if (in->host)
        return need_json(a, in, in->host);
    json_t *list = json_array();
    uint64_t sum = 0;
    for (size_t i = 0; in->need && i < in->need->nhost; i++) {
        json_array_append_new(list, line_json(bt_part_name(in->need->host_line[i].part), in->need->host_line[i].bytes, in->need->host_line[i].why));
        sum += in->need->host_line[i].bytes;
    }
    if (in->need && in->host_bytes > sum)
        json_array_append_new(list, line_json(in->need->nhost ? "kv" : "weights", in->host_bytes - sum,
                                              in->need->nhost ? "caches of layers on the CPU and masks, with the pool" : "--cpu-offload-gb, of all ranks"));
    return list;
}

static json_t *ranks_json(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in)
{
    json_t *list = json_array();
    for (size_t i = 0; i < in->nranks; i++) {
        const struct bt_rank_berth *r = &in->rank[i];
        const struct bt_gpu *g = &p->fleet->gpus[r->gpu];
        json_t *o = json_pack("{s:o, s:i, s:i, s:i, s:o}", "gpu", bt_json_text(g->uuid), "index", g->index, "tp", (int)r->tp, "pp", (int)r->pp,
                              "bytes", bt_json_bytes(r->bytes));
        if (in->dp > 1)
            set(o, "dp", json_integer((json_int_t)r->dp));
        if (r->need)
            set(o, "kv", json_pack("{s:o, s:o}", "bytes", bt_json_bytes(r->kv_bytes), "tokens", bt_json_bytes(r->kv_tokens)));
        set(o, "need", in->job ? job_lines(a, in, r) : need_json(a, in, r));
        json_array_append_new(list, o);
    }
    return list;
}

static bool placed_in(const struct bt_plan_phase *ph, const char *workload)
{
    for (size_t i = 0; i < ph->n; i++)
        if (!strcmp(ph->inst[i].w->name, workload))
            return true;
    return false;
}

/* Only of workloads that are there: one of another phase, or an optional one without a place, is not waited for. */
static json_t *after_json(const struct bt_plan_phase *ph, const struct bt_workload *w)
{
    static const char *const words[] = {
        [BT_AFTER_STARTED] = "started", [BT_AFTER_READY] = "ready", [BT_AFTER_DONE] = "done", [BT_AFTER_RELEASED] = "released"
    };
    json_t *o = json_object();
    for (size_t i = 0; i < w->nafter; i++)
        if (placed_in(ph, w->after[i].name))
            set(o, w->after[i].name, json_string(words[w->after[i].what]));
    return o;
}

static json_t *share_json(const struct bt_workload *w)
{
    if (w->share != BT_SHARE_WITH)
        return w->share == BT_SHARE_TRUE ? json_true() : json_string("never");
    json_t *with = json_array();
    for (size_t i = 0; i < w->share_with.n; i++)
        json_array_append_new(with, bt_json_text(w->share_with.v[i]));
    return json_pack("{s:o}", "with", with);
}

/* With drafts; kind null: how fast it is with them is not predicted. */
static json_t *drafted_json(const struct bt_plan *p, const struct bt_plan_instance *in)
{
    struct bt_pace_draft d;
    struct bt_pace_drafted o;
    if (!bt_plan_drafted(p->fleet, in, &d, &o))
        return json_null();
    if (d.kind == BT_DRAFT_NONE)
        return json_pack("{s:n, s:n, s:n, s:n, s:n}", "kind", "tokens", "acceptance", "assumed", "decode_tok_s");
    return json_pack("{s:s, s:I, s:f, s:b, s:f}", "kind", bt_pace_drafter_name(d.kind), "tokens", (json_int_t)d.tokens, "acceptance", o.acceptance, "assumed",
                     o.assumed, "decode_tok_s", o.decode_tok_s);
}

static json_t *pace_json(const struct bt_plan *p, const struct bt_plan_instance *in)
{
    if (!in->need || !in->pace.known)
        return json_null();
    return json_pack("{s:f, s:f, s:o}", "decode_tok_s", in->pace.decode_tok_s, "error_share", in->pace.error_share, "drafted", drafted_json(p, in));
}

/* Cards of one kind alone: what was measured on two kinds would count for either. */
static bool one_kind_of_card(const struct bt_plan *p, const struct bt_plan_instance *in)
{
    for (size_t i = 1; i < in->nranks; i++)
        if (strcmp(p->fleet->gpus[in->rank[i].gpu].name, p->fleet->gpus[in->rank[0].gpu].name))
            return false;
    return in->nranks > 0;
}

/* Under what its measured bytes are remembered, and what of them is computed and never learned: for each pipeline stage, whose ranks are alike. Rank i is of
 * stage i / tp % stages. */
static json_t *learn_json(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in)
{
    if (!in->need || in->need->on_host || in->need->nranks > BT_LEARN_STAGES || !one_kind_of_card(p, in))
        return json_null();
    json_t *stages = json_array();
    for (size_t k = 0; k < in->need->nranks && k * in->tp < in->nranks; k++) {
        const struct bt_rank_berth *r = &in->rank[k * in->tp];
        const char *key = bt_need_key(a, in->need, k, p->fleet->gpus[r->gpu].name, p->fleet->driver ? p->fleet->driver : "");
        json_array_append_new(stages, json_pack("{s:s, s:o, s:o}", "key", key, "known_bytes", bt_json_bytes(bt_need_known_bytes(r->need, r->kv_bytes)),
                                                "growth_bytes", bt_json_bytes(bt_need_growth_bytes(in->need, r->need, r->kv_bytes))));
    }
    const char *what = bt_arena_printf(a, "%s on %s %s", in->w->model, in->need->engine->name, in->need->version->version);
    return json_pack("{s:o, s:I, s:o}", "what", bt_json_text(what), "tp", (json_int_t)BT_MAX(in->tp, 1u), "stages", stages);
}

/* Layers of each pipeline stage; null without stages. */
static json_t *stages_json(const struct bt_plan_instance *in)
{
    if (!in->need || in->pp < 2)
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < in->tp * in->pp; i += in->tp)
        json_array_append_new(list, json_integer((json_int_t)in->rank[i].need->layers));
    return list;
}

static json_t *instance_json(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_phase *ph, const struct bt_plan_instance *in)
{
    static const char *const kinds[] = { [BT_SERVER] = "server", [BT_SERVICE] = "service", [BT_JOB] = "job" };
    const struct bt_workload *w = in->w;
    json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:i, s:i, s:s}", "id", in->id, "workload", w->name, "kind", kinds[w->kind], "replica",
                          (int)in->replica, "tp", (json_int_t)in->tp, "pp", (json_int_t)in->pp, "dp", (int)BT_MAX(in->dp, 1u), "ep", (int)BT_MAX(in->ep, 1u),
                          "node",
                          p->fleet->nboxes ? p->fleet->box[in->box].name : "local");
    set(o, "pp_layers", stages_json(in));
    set(o, "context", in->need ? bt_json_bytes(in->context) : json_null());
    set(o, "served_names", launch_served_names(a, p, in));
    set(o, "optional", json_boolean(w->optional));
    set(o, "priority", json_integer((json_int_t)w->priority));
    set(o, "share", share_json(w));
    set(o, "on_drift", json_string(w->on_drift));
    if (in->need) {
        set(o, "model",
            json_pack("{s:o, s:o, s:s, s:o}", "id", bt_json_text(w->model), "revision", bt_json_text(w->revision), "digest", in->need->model->digest,
                      "weight_bytes", bt_json_bytes(in->need->model->weight_bytes)));
        set(o, "engine",
            json_pack("{s:s, s:o, s:o}", "name", in->need->engine->name, "version", bt_json_text(in->engine_version), "bin", bt_json_text(in->bin)));
    } else {
        set(o, "model", json_null());
        set(o, "engine", json_pack("{s:s, s:n, s:n}", "name", "command", "version", "bin"));
    }
    set(o, "job", job_json(a, in));
    set(o, "ranks", ranks_json(a, p, in));
    set(o, "learn", learn_json(a, p, in));
    set(o, "host", json_pack("[{s:i, s:o, s:o}]", "numa", 0, "bytes", bt_json_bytes(in->host_bytes), "need", host_need_json(a, in)));
    set(o, "after", after_json(ph, w));
    set(o, "launch", launch_json(a, p, in));
    set(o, "pace", pace_json(p, in));
    return o;
}

/* ---- between the phases ---- */

static json_t *moves_json(const struct bt_plan *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->nmoves; i++) {
        const struct bt_plan_move *m = &p->move[i];
        json_t *gpus = json_object();
        for (size_t r = 0; r < m->inst->nranks; r++)
            set(gpus, p->fleet->gpus[m->inst->rank[r].gpu].uuid, bt_json_bytes(m->gpu_bytes[r]));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:o, s:f, s:o, s:o, s:o}", "from", m->from, "to", m->to, "instance", m->instance, "how",
                                              bt_move_names[m->how], "level", bt_json_text(m->level), "seconds", m->seconds, "gpu_bytes", gpus, "host_bytes",
                                              bt_json_bytes(m->host_bytes), "why", bt_json_text(m->why)));
    }
    return list;
}

/* ---- the rest ---- */

static json_t *alternatives_json(const struct bt_plan *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->nalt; i++) {
        const struct bt_plan_alternative *t = &p->alt[i];
        json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:i, s:s, s:b, s:b}", "phase", t->phase, "workload", t->workload, "tp", (json_int_t)t->tp,
                              "pp", (json_int_t)t->pp, "cards", (int)t->cards, "layers", t->layers ? t->layers : "", "fits", t->fits, "taken", t->taken);
        set(o, "context", t->fits ? bt_json_bytes(t->context) : json_null());
        set(o, "decode_tok_s", t->fits ? json_real(t->decode_tok_s) : json_null());
        set(o, "why", bt_json_text(t->fits ? t->why : t->why_not));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *refusals_json(const struct bt_plan *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->nrefusals; i++) {
        const struct bt_plan_refusal *r = &p->refusal[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:{s:o, s:i}}", "code", r->code, "text", bt_json_text(r->text), "at", "workload",
                                              bt_json_text(r->workload), "line", (int)r->at.line));
    }
    return list;
}

/* A value of the spec as JSON: 2 is a number, {want: 8, min: 1} stays the text that one would write. */
static json_t *value_json(const char *v)
{
    if (v && v[0] && !v[strspn(v, "0123456789")] && strlen(v) < 19)
        return json_integer(strtoll(v, NULL, 10));
    return bt_json_text(v);
}

static json_t *advice_json(const struct bt_plan *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->nadvice; i++) {
        const struct bt_plan_advice *v = &p->advice[i];
        json_t *changes = json_pack("[{s:o, s:o}]", "path", bt_json_text(v->path), "value", value_json(v->value));
        if (v->path2)
            json_array_append_new(changes, json_pack("{s:o, s:o}", "path", bt_json_text(v->path2), "value", value_json(v->value2)));
        for (size_t k = 0; k < v->nmore; k++)
            json_array_append_new(changes, json_pack("{s:o, s:o}", "path", bt_json_text(v->more[k].path), "value", value_json(v->more[k].value)));
        json_array_append_new(list, json_pack("{s:o, s:o}", "set", changes, "text", bt_json_text(v->text)));
    }
    return list;
}

json_t *bt_plan_json(const struct bt_plan *p)
{
    struct bt_arena a = { 0 };
    const struct bt_spec *s = p->spec;
    json_t *o = json_pack("{s:s, s:s}", "name", s->name, "berth_version", BERTH_VERSION), *phases = json_array(), *later = json_array(),
           *warnings = json_array();
    set(o, "spec_dir", bt_json_text(s->dir));
    set(o, "variant", bt_json_text(s->variant));
    if (s->tasks_of)
        set(o, "tasks_of", json_string(s->tasks_of));
    if (s->noutside) {
        json_t *urls = json_object();
        for (size_t i = 0; i < s->noutside; i++)
            set(urls, s->outside[i].name, bt_json_text(s->outside[i].url));
        set(o, "urls", urls);
    }
    set(o, "inputs",
        json_pack("{s:s, s:s, s:s, s:s}", "spec", s->digest, "fleet", fleet_digest(&a, p->fleet), "models", models_digest(&a, p),
                  "learned", learned_digest(&a, p)));
    set(o, "fleet", fleet_json(p->fleet));
    for (size_t i = 0; i < p->nphases; i++) {
        json_t *list = json_array();
        for (size_t j = 0; j < p->phase[i].n; j++)
            json_array_append_new(list, instance_json(&a, p, &p->phase[i], &p->phase[i].inst[j]));
        json_array_append_new(phases, json_pack("{s:s, s:o}", "name", p->phase[i].name, "instances", list));
    }
    set(o, "phases", phases);
    set(o, "proposed", json_boolean(p->proposed));
    set(o, "moves", moves_json(p));
    set(o, "gateway", json_null());
    set(o, "alternatives", alternatives_json(p));
    for (size_t i = 0; i < s->nlater; i++)
        json_array_append_new(later, json_pack("{s:o, s:o, s:i}", "path", bt_json_text(s->later[i].path), "text", bt_json_text(s->later[i].text),
                                               "line", (int)s->later[i].at.line));
    set(o, "not_obeyed", later);
    json_t *objective = json_object();
    for (size_t i = 0; i < BT_LEN(p->objective); i++)
        set(objective, bt_plan_objective_names[i], json_integer((json_int_t)p->objective[i]));
    set(o, "objective", objective);
    if (p->fleet->nboxes) {
        json_t *bound = json_object();
        for (size_t i = 0; i < BT_LEN(p->bound); i++)
            set(bound, bt_plan_objective_names[i], json_integer((json_int_t)p->bound[i]));
        set(o, "bound", bound);
    }
    set(o, "proof", json_string(p->nrefusals ? "none" : p->proof));
    set(o, "gap", json_real(p->gap));
    for (size_t i = 0; i < p->nwarnings; i++)
        json_array_append_new(warnings, bt_json_text(p->warning[i]));
    set(o, "warnings", warnings);
    set(o, "refusals", refusals_json(p));
    set(o, "advice", advice_json(p));
    bt_arena_release(&a);
    return o;
}

char *bt_plan_text(struct bt_arena *a, const struct bt_plan *p)
{
    json_t *all = json_pack("{s:i, s:s}", "schema", 1, "kind", "plan"), *o = bt_plan_json(p);
    json_object_update(all, o);
    json_decref(o);
    char *text = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    json_decref(all);
    char *out = bt_arena_printf(a, "%s\n", text ? text : "{}");
    free(text);
    return out;
}
