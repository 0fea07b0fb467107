/* project.c - the instances of one plan: birth, folders, end. */
#include "run/project.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "run/files.h"

/* ---- what the table asks for ---- */

static int64_t now_ms(void *ctx)
{
    (void)ctx;
    return bt_now_ms();
}

/* What a next daemon has to know, if this one is killed before the end comes: a stop that was asked for is no death. */
static void note_wish(const struct bt_instance *in)
{
    struct bt_err err = { 0 };
    const struct bt_life *l = &in->life;
    if (in->p->down || !bt_file_exists(in->dir))
        return;                      /* `down` of the whole project is noted in its own folder */
    bool left = in->p->leaving || !bt_phase_has(in->p, in);
    enum bt_wish wish = !l->want_up ? (left ? BT_WISH_LEAVE : BT_WISH_DOWN) : in->gave_up && !l->anew ? BT_WISH_BROKEN : BT_WISH_ANEW;
    if (bt_keep_wish_write(in->dir, wish, in->why, &err) < 0)
        bt_warn("inst", "%s/%s: a next daemon will not know what it was stopped for: %s", in->p->name, in->pf->id, err.msg);
}

static void on_act(void *ctx, struct bt_life *life, unsigned fx)
{
    struct bt_instance *in = ctx;
    (void)life;
    if (fx & BT_FX_SPAWN)
        bt_instance_start(in);
    if (fx & BT_FX_HURRY)
        in->hurry_wanted = true;     /* STOP needs no act of its own: the next look sends the steps, and again after a reconnect */
    if (fx & (BT_FX_STOP | BT_FX_HURRY | BT_FX_NOTE))
        note_wish(in);
    if (fx & BT_FX_TELL)
        bt_report_failed(in);
}

static void on_changed(void *ctx, struct bt_life *life, enum bt_life_state from)
{
    struct bt_instance *in = ctx;
    struct bt_err err = { 0 };
    bt_auto_arena a = { 0 };
    bt_info("inst", "%s/%s: %s -> %s%s%s", in->p->name, in->pf->id, bt_life_state_name(from), bt_life_state_name(life->state), in->why[0] ? ": " : "",
            in->why);
    const char *now = bt_arena_printf(&a, "%lld", (long long)bt_now_ms());
    if (life->state == BT_ST_READY && bt_file_write(bt_arena_printf(&a, "%s/ready", in->dir), bt_str(now), &err) < 0)
        bt_warn("inst", "%s: %s", in->pf->id, err.msg);
    if (life->state == BT_ST_WAITING || life->state == BT_ST_READY)
        in->why[0] = in->why_hint[0] = 0;
    if (life->state == BT_ST_WAITING) {              /* how far the last life had come is not where the next one is */
        in->step[0] = 0;
        in->percent = -1;
        in->download = (struct bt_download){ 0 };
    }
    in->wait_ms = 0;
    if (from == BT_ST_DRAINING)
        in->cut = !in->alive.idle;
    bt_report_event(in->p, json_pack("{s:s, s:s, s:o}", "event", "inst", "from", bt_life_state_name(from), "instance",
                                     bt_report_instance(in, true)));
}

static bool on_busy(void *ctx, const struct bt_life *life)
{
    (void)life;
    return bt_alive_busy(ctx);
}

static void on_unexpected(void *ctx, struct bt_life *life, enum bt_life_event ev)
{
    const struct bt_instance *in = ctx;
    bt_error("inst", "%s/%s: event %d has no cell in state %s", in->p->name, in->pf->id, (int)ev, bt_life_state_name(life->state));
}

/* ---- birth ---- */

struct bt_instance *bt_project_first_of(struct bt_project *p, const char *workload)
{
    struct bt_instance *any = NULL;
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->inst[i].pf->workload, workload) != 0)
            continue;
        if (p->inst[i].in_phase && bt_phase_has(p, &p->inst[i]))
            return &p->inst[i];
        any = any ? any : &p->inst[i];
    }
    return any;
}

struct bt_project *bt_project_find(struct bt_daemon *d, const char *name)
{
    for (size_t i = 0; i < d->nprojects; i++)
        if (!strcmp(d->project[i]->name, name))
            return d->project[i];
    return NULL;
}

const struct bt_pf_gpu *bt_project_gpu(const struct bt_project *p, const char *uuid)
{
    for (size_t i = 0; i < p->plan->ngpus; i++)
        if (!strcmp(p->plan->gpu[i].uuid, uuid))
            return &p->plan->gpu[i];
    return NULL;
}

uint64_t bt_instance_planned_on(const struct bt_instance *in, const char *uuid, bool *placed)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < in->pf->nranks; i++)
        if (!strcmp(in->pf->rank[i].gpu, uuid)) {
            sum += in->pf->rank[i].bytes;
            if (placed)
                *placed = true;
        }
    return sum;
}

bool bt_daemon_has_cards(const struct bt_daemon *d)
{
    for (size_t i = 0; i < d->nprojects; i++)
        for (size_t j = 0; j < d->project[i]->n; j++)
            if (d->project[i]->inst[j].pf->nranks)
                return true;
    return false;
}

const struct bt_instance *bt_daemon_owner(const struct bt_daemon *d, int64_t pid)
{
    for (size_t i = 0; i < d->nprojects; i++)
        for (size_t j = 0; j < d->project[i]->n; j++)
            for (size_t k = 0; k < d->project[i]->inst[j].npids; k++)
                if (d->project[i]->inst[j].pids[k] == pid)
                    return &d->project[i]->inst[j];
    return NULL;
}

/* The plan's variables come before those of `up`, as for the engine itself. */
static const char *model_dir(const struct bt_instance *in)
{
    struct bt_arena *a = &in->p->arena;
    struct bt_strs env = { 0 };
    if (!in->pf->model || strcmp(in->pf->kind, "server"))
        return NULL;
    for (size_t i = 0; i < in->pf->nenv; i++)
        BT_PUSH(a, env.v, env.n, bt_arena_printf(a, "%s=%s", in->pf->env[i].key, in->pf->env[i].value));
    for (size_t i = 0; i < in->p->env.n; i++)
        BT_PUSH(a, env.v, env.n, in->p->env.v[i]);
    return bt_download_dir(a, &env, in->pf->model);
}

static int set_up(struct bt_instance *in, struct bt_err *err)
{
    in->model_dir = model_dir(in);
    in->engine = bt_engine_find(in->pf->engine);
    if (!in->engine)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: this berth knows no engine \"%s\"", in->pf->id, in->pf->engine);
    if (in->pf->ready == BT_PF_READY_LOG && bt_pattern_compile(&in->p->arena, in->pf->ready_arg, &in->log_ready, err) < 0)
        return bt_err_wrap(err, "%s: ready", in->pf->id);
    return 0;
}

static int set_url(struct bt_instance *in, struct bt_err *err)
{
    in->url = in->pf->http ? bt_instance_fill(&in->p->arena, in, in->pf->http) : "";
    if (in->pf->ready == BT_PF_READY_HTTP || in->pf->ready == BT_PF_READY_PORT)
        return bt_health_url(in->url, in->ip, &in->url_port, err) < 0 ? bt_err_wrap(err, "%s", in->pf->id) : 0;
    return 0;
}

int bt_project_place(struct bt_instance *in, struct bt_err *err)
{
    return bt_lease_take(in, err) < 0 ? -1 : set_url(in, err);
}

static int check_urls(const struct bt_instance *in, struct bt_err *err)
{
    for (size_t i = 0; i < in->pf->argv.n + in->pf->nenv; i++) {
        const char *text = i < in->pf->argv.n ? in->pf->argv.v[i] : in->pf->env[i - in->pf->argv.n].value;
        for (const char *u = text; (u = strstr(u, "{url:")); u++) {
            char w[64] = "";
            sscanf(u, "{url:%63[^}]}", w);
            struct bt_instance *other = bt_project_first_of(in->p, w);
            bool outside = false;
            for (size_t k = 0; k < in->p->plan->nurls; k++)
                outside |= !strcmp(in->p->plan->url[k].key, w);
            if (outside)
                continue;
            if (!other || !other->pf->http)
                return bt_err_set(err, BT_E_INPUT, 0, "%s: %s: %s", in->pf->id, u,
                                  other ? "that workload has no http endpoint" : "there is no such workload");
        }
    }
    return 0;
}

int bt_project_check(struct bt_project *p, struct bt_err *err)
{
    for (size_t i = 0; i < p->n; i++)
        if (check_urls(&p->inst[i], err) < 0)
            return -1;
    return 0;
}

/* least_ms 0: none at all is a limit too; else none would end what is in order. */
static int limit(const struct bt_project *p, const char *name, const char *def, uint64_t least_ms, int64_t *out, struct bt_err *err)
{
    size_t len = strlen(name);
    uint64_t ms;
    const char *text = def;
    for (size_t i = 0; i < p->env.n; i++)
        if (!strncmp(p->env.v[i], name, len) && p->env.v[i][len] == '=')
            text = p->env.v[i] + len + 1;
    if (bt_duration_parse(bt_str(text), &ms, err) < 0)
        return bt_err_wrap(err, "environment variable %s", name);
    if (ms < least_ms) {
        bt_err_set(err, BT_E_INPUT, 0, "environment variable %s: \"%.40s\" is less than a second", name, text);
        return bt_err_hint(err, "nothing would ever be in time; a long one is as good as none: %s=10000h", name);
    }
    *out = (int64_t)BT_MIN(ms, (uint64_t)INT64_MAX / 4);             /* times are added to it */
    return 0;
}

static int set_limits(struct bt_project *p, struct bt_err *err)
{
    enum { SECOND = 1000 };
    if (limit(p, "BERTH_MEMORY_WAIT", "60s", 0, &p->limit_memory_ms, err) < 0 || limit(p, "BERTH_STALL", "10m", SECOND, &p->limit_stall_ms, err) < 0 ||
        limit(p, "BERTH_START_MAX", "4h", SECOND, &p->limit_start_ms, err) < 0)
        return -1;
    if (limit(p, "BERTH_HANG", "2m", SECOND, &p->limit_hang_ms, err) < 0 || limit(p, "BERTH_TOKENS_STALL", "5m", SECOND, &p->limit_tokens_ms, err) < 0)
        return -1;
    if (limit(p, "BERTH_PARK_WAIT", "2m", 0, &p->limit_park_ms, err) < 0 || limit(p, "BERTH_WARM_WAIT", "5m", 0, &p->limit_warm_ms, err) < 0)
        return -1;
    return limit(p, "BERTH_RELEASE_WAIT", "30s", 0, &p->limit_release_ms, err);
}

void bt_project_free(struct bt_project *p)
{
    if (!p)
        return;
    bt_project_free(p->next);
    for (size_t i = 0; i < p->n; i++) {
        bt_instance_reset(&p->inst[i]);
        bt_window_give(&p->inst[i].window);
    }
    bt_lease_end(p);
    struct bt_arena a = p->arena;
    bt_arena_release(&a);
    free(p);
}

/* An instance that is in several phases is one, with a row of each. */
static void add_row(struct bt_project *p, size_t phase, const struct bt_pf_instance *row)
{
    size_t i = 0;
    while (i < p->n && strcmp(p->inst[i].pf->id, row->id))
        i++;
    struct bt_instance *in = &p->inst[i];
    if (i == p->n) {
        *in = (struct bt_instance){ .p = p, .pf = row, .url = "", .report_fd = -1, .dir = bt_run_inst_dir(&p->arena, p->name, row->id),
                                    .tmp = bt_run_tmp_dir(&p->arena, p->name, row->id) };
        in->in_phase = BT_NEWN(&p->arena, const struct bt_pf_instance *, p->plan->nphases);
        p->n++;
    }
    in->in_phase[phase] = row;
}

static int make_instance(struct bt_instance *in, struct bt_err *err)
{
    size_t ranks = 1;
    for (size_t i = 0; i < in->p->plan->nphases; i++)
        ranks = BT_MAX(ranks, in->in_phase[i] ? in->in_phase[i]->nranks : 0);
    in->base = BT_NEWN(&in->p->arena, struct bt_card_base, ranks);
    in->ops = (struct bt_life_ops){ in, now_ms, on_act, on_changed, on_unexpected, on_busy };
    bt_tail_init(&in->tail);
    bt_life_init(&in->life, &in->ops, !strcmp(in->pf->kind, "job"), in->pf->restart, in->pf->restart_max, in->pf->retries);
    bt_instance_reset(in);
    return set_up(in, err);
}

int bt_project_fill(struct bt_project *p, const char *from, struct bt_str plan_text, struct bt_err *err)
{
    const char *what = from ? bt_arena_printf(&p->arena, "%s/plan.json", from) : "plan";
    if (bt_planfile_parse(&p->arena, what, plan_text, &p->plan, err) < 0)
        return -1;
    p->name = p->plan->name;
    p->dir = bt_run_project_dir(&p->arena, p->name);
    if (set_limits(p, err) < 0 || bt_lease_range(p, err) < 0)
        return from ? bt_err_wrap(err, "%s/env", from) : -1;
    size_t max = 1;
    for (size_t i = 0; i < p->plan->nphases; i++)
        max += p->plan->phase[i].n;
    p->inst = BT_NEWN(&p->arena, struct bt_instance, max);
    for (size_t i = 0; i < p->plan->nphases; i++)
        for (size_t j = 0; j < p->plan->phase[i].n; j++)
            add_row(p, i, &p->plan->phase[i].inst[j]);
    for (size_t i = 0; i < p->n; i++)
        if (make_instance(&p->inst[i], err) < 0)
            return from ? bt_err_wrap(err, "%s", what) : -1;
    return 0;
}

static bool is_secret(const struct bt_project *p, const char *row)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < p->inst[i].pf->env_from.n; j++) {
            size_t len = strlen(p->inst[i].pf->env_from.v[j]);
            if (!strncmp(row, p->inst[i].pf->env_from.v[j], len) && row[len] == '=')
                return true;
        }
    return false;
}

int bt_project_write_env(const struct bt_project *p, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf env = BT_BUF(BT_PROJECT_ENV_MAX);
    for (size_t i = 0; i < p->env.n; i++)
        if (!is_secret(p, p->env.v[i]))
            bt_buf_add(&env, p->env.v[i], strlen(p->env.v[i]) + 1);
    if (env.over)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "the environment of `up` is over 8 MiB");
    return bt_file_write(bt_arena_printf(&a, "%s/env", p->dir), (struct bt_str){ bt_buf_z(&env), env.n }, err);
}

/* The folder a next daemon reads. Secrets (env_from) stay out: running keepers have them. */
static int persist(struct bt_project *p, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    if (bt_dir_private(p->dir, err) < 0)
        return -1;
    if (bt_file_write(bt_arena_printf(&a, "%s/boot", p->dir), bt_str(bt_boot_id()), err) < 0 || bt_project_write_env(p, err) < 0)
        return -1;
    if (p->phase && bt_file_write(bt_arena_printf(&a, "%s/phase", p->dir), bt_str(p->plan->phase[p->phase].name), err) < 0)
        return -1;
    if (p->keep && bt_file_write(bt_arena_printf(&a, "%s/keep", p->dir), BT_S(""), err) < 0)
        return -1;
    return bt_file_write(bt_arena_printf(&a, "%s/plan.json", p->dir), bt_str(p->plan->text), err);      /* last: without it there is no project */
}

void bt_project_insert(struct bt_daemon *d, struct bt_project *p)
{
    d->project = bt_xrealloc(d->project, (d->nprojects + 1) * sizeof *d->project);
    d->project[d->nprojects++] = p;
}

/* Two that plan at the same moment choose the same cards: the one that comes second plans again. */
int bt_project_still_free(const struct bt_daemon *d, const struct bt_project *p, struct bt_err *err)
{
    for (size_t g = 0; g < p->plan->ngpus; g++) {
        const char *uuid = p->plan->gpu[g].uuid;
        uint64_t mine = bt_memory_promised(p, uuid), all = mine;
        for (size_t i = 0; mine && i < d->nprojects; i++)
            all += strcmp(d->project[i]->name, p->name) ? bt_memory_promised(d->project[i], uuid) : 0;
        if (all > p->plan->gpu[g].total_bytes && all > mine)
            return bt_err_set(err, BT_E_BUSY, 0, "GPU %s: another project was given its bytes while this plan was made", uuid);
    }
    return 0;
}

int bt_project_read(struct bt_daemon *d, struct bt_str plan_text, const struct bt_strs *env, struct bt_project **out, struct bt_err *err)
{
    struct bt_project *p = *out = bt_xcalloc(1, sizeof *p);
    p->d = d;
    for (size_t i = 0; i < env->n; i++) {
        const char *row = bt_arena_strdup(&p->arena, env->v[i]);
        BT_PUSH(&p->arena, p->env.v, p->env.n, row);
    }
    if (bt_project_fill(p, NULL, plan_text, err) == 0)
        return 0;
    bt_project_free(p);
    *out = NULL;
    return -1;
}

int bt_project_files_suffice(const struct bt_project *p, const struct bt_project *before, struct bt_err *err)
{
    size_t most = 0, ports = 0, has = 0, had_ports = 0;
    for (size_t i = 0; i < p->plan->nphases; i++)
        most = BT_MAX(most, p->plan->phase[i].n);
    for (size_t i = 0; i < p->n; i++)
        ports += p->inst[i].pf->nports;
    for (size_t i = 0; before && i < before->n; i++) {
        has += before->inst[i].ctl != NULL;
        had_ports += before->inst[i].nports;
    }
    return bt_files_for(most - BT_MIN(most, has), ports - BT_MIN(ports, had_ports), err);
}

int bt_project_new(struct bt_daemon *d, struct bt_str plan_text, const struct bt_strs *env, bool keep, bool fresh,
                   bool again, struct bt_project **out, struct bt_err *err)
{
    *out = NULL;
    bt_auto_arena a = { 0 };
    struct bt_project *p;
    if (bt_project_read(d, plan_text, env, &p, err) < 0)
        return -1;
    p->keep = keep;
    struct bt_project *there = bt_project_find(d, p->name);
    if (there) {
        bt_err_set(err, BT_E_STATE, 0, "project %s is already up (%zu instances%s)", p->name, there->n, there->down ? ", going down" : "");
        bt_err_hint(err, there->down ? "wait for `berth down` to end" : "`berth ps` shows it; `berth down %s` takes it down first", p->name);
        goto bad;
    }
    if (bt_tasks_make(p, again, err) < 0)
        goto bad;
    if (!bt_phase_first(p)) {
        bt_project_free(p);
        return 0;
    }
    if (fresh && bt_project_still_free(d, p, err) < 0)
        goto bad;
    if (bt_project_files_suffice(p, NULL, err) < 0)
        goto bad;
    for (size_t i = 0; i < p->n; i++)
        if (bt_project_place(&p->inst[i], err) < 0)
            goto bad;
    if (bt_project_check(p, err) < 0)
        goto bad;
    if (bt_tree_remove(bt_run_inst_dir(&a, p->name, NULL), err) < 0)
        goto bad;
    if (bt_tree_remove(bt_run_log_dir(&a, p->name), err) < 0) {
        bt_err_wrap(err, "remove the logs of the last life");
        bt_err_hint(err, "the state folder has to be writable: `berth doctor`, or BERTH_STATE_DIR=DIR for another one");
        goto bad;
    }
    if (persist(p, err) < 0) {
        struct bt_err second = { 0 };
        if (bt_tree_remove(p->dir, &second) < 0)     /* half a project is none */
            bt_warn("daemon", "%s", second.msg);
        goto bad;
    }
    bt_project_insert(d, p);
    bt_report_event(p, json_pack("{s:s, s:s, s:i}", "event", "begun", "phase", p->plan->phase[p->phase].name, "instances", (int)p->n));
    for (size_t i = 0; i < p->n; i++)
        if (p->inst[i].queue && bt_tasks_all_done(p->inst[i].queue))
            bt_life_event(&p->inst[i].life, BT_EV_NOTHING);
        else if (bt_phase_has(p, &p->inst[i]))
            bt_life_event(&p->inst[i].life, BT_EV_UP);
    *out = p;
    return 0;
bad:
    bt_project_free(p);
    return -1;
}

/* ---- down ---- */

void bt_project_down(struct bt_project *p, bool hurry)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    for (size_t i = 0; i < p->n && p->down && hurry; i++)            /* the second one: requests are cut off, those being stopped go to SIGKILL */
        if (bt_life_leaving(p->inst[i].life.state))
            bt_life_event(&p->inst[i].life, BT_EV_DOWN);
    if (!p->down && bt_file_write(bt_arena_printf(&a, "%s/down", p->dir), bt_str(p->failed_up ? "failed" : ""), &err) < 0)
        bt_warn("daemon", "%s: a next daemon will not know that it goes down: %s", p->name, err.msg);
    p->down = true;
    for (size_t i = 0; i < p->n; i++) {
        p->inst[i].life.want_up = false;
        if (!bt_life_alive(p->inst[i].life.state) && p->inst[i].life.state != BT_ST_DOWN)
            bt_life_event(&p->inst[i].life, BT_EV_DOWN);
    }
}

/* Who waits for this one is stopped first: a client before its server. */
bool bt_project_needed_by_running(const struct bt_project *p, const struct bt_instance *in)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < p->inst[i].pf->nafter; j++)
            if (&p->inst[i] != in && !strcmp(p->inst[i].pf->after[j].workload, in->pf->workload) && bt_life_alive(p->inst[i].life.state))
                return true;
    return false;
}

/* ---- the end ---- */

void bt_instance_keep_log(const struct bt_instance *in)
{
    bt_auto_arena arena = { 0 };
    struct bt_arena *a = &arena;
    struct bt_err err = { 0 };
    struct bt_str old = { "", 0 }, log;
    const char *dir = bt_run_log_dir(a, in->p->name);
    enum { MAX = 64 * 1024 * 1024 };
    if (bt_file_read(a, bt_arena_printf(a, "%s/log", in->dir), MAX, &log, &err) < 0)
        return;
    if (bt_file_read(a, bt_arena_printf(a, "%s/log.1", in->dir), MAX, &old, &err) < 0)
        old = (struct bt_str){ "", 0 };
    bt_auto_buf struct bt_buf both = BT_BUF(2 * MAX);
    bt_buf_add(&both, old.p, old.n);
    bt_buf_add(&both, log.p, log.n);
    if (bt_dir_private(dir, &err) < 0 ||
        bt_file_write(bt_arena_printf(a, "%s/%s.log", dir, in->pf->id), (struct bt_str){ bt_buf_z(&both), both.n }, &err) < 0)
        bt_warn("inst", "%s: its log is not kept: %s", in->pf->id, err.msg);
}

void bt_project_drop(struct bt_project *p)
{
    struct bt_daemon *d = p->d;
    for (size_t i = 0; i < d->nprojects; i++)
        if (d->project[i] == p)
            d->project[i] = d->project[--d->nprojects];
}

/* Keep the logs, remove the folders, forget it. */
static void end_project(struct bt_project *p)
{
    struct bt_daemon *d = p->d;
    struct bt_err err = { 0 };
    for (size_t i = 0; i < p->n; i++) {
        bt_instance_reset(&p->inst[i]);
        bt_instance_keep_log(&p->inst[i]);
        if (bt_tree_remove(p->inst[i].tmp, &err) < 0)
            bt_warn("daemon", "%s: %s", p->name, err.msg);
    }
    bt_auto_arena a = { 0 };
    if (bt_tree_remove(bt_run_inst_dir(&a, p->name, NULL), &err) < 0 || bt_tree_remove(p->dir, &err) < 0)
        bt_warn("daemon", "%s: %s", p->name, err.msg);
    bt_project_drop(p);
    bt_info("daemon", "project %s is down", p->name);
    bt_ops_project_gone(d, p->name, p->failed_up);
    bt_project_free(p);
}

/* ---- one look ---- */

static bool past_start(const struct bt_instance *in)
{
    enum bt_life_state s = in->life.state;
    if ((s == BT_ST_PARKED && in->park.by_hand) || (s == BT_ST_DOWN && !in->life.want_up))
        return true;                 /* put away by a person, or by its drift, while others start: nobody waits for it */
    if (!in->life.job)
        return s == BT_ST_READY && in->warm.is != BT_WARM_UNDECIDED;
    for (size_t i = 0; i < in->pf->nafter && s == BT_ST_WAITING; i++)
        if (!strcmp(in->pf->after[i].what, "done") || !strcmp(in->pf->after[i].what, "released"))
            return true;             /* its turn comes when other work has ended: not a part of the start */
    return s == BT_ST_READY || bt_life_over(s) || s == BT_ST_RELEASING || s == BT_ST_BACKOFF;
}

static void look_settled(struct bt_project *p)
{
    struct bt_err err = { 0 };
    bt_auto_arena a = { 0 };
    for (size_t i = 0; i < p->n; i++) {
        if (!bt_phase_has(p, &p->inst[i]))
            continue;
        if (p->inst[i].life.state == BT_ST_FAILED) {
            p->settled = p->keep;
            p->failed_up = true;
            bt_report_event(p, json_pack("{s:s, s:s, s:b}", "event", "up-failed", "id", p->inst[i].pf->id, "kept", p->keep));
            if (!p->keep)
                bt_project_down(p, false);
            return;
        }
        if (!past_start(&p->inst[i]))
            return;
    }
    p->settled = true;
    if (bt_file_write(bt_arena_printf(&a, "%s/settled", p->dir), BT_S(""), &err) < 0)
        bt_warn("daemon", "%s", err.msg);
    bt_report_event(p, json_pack("{s:s, s:s}", "event", "up", "project", p->name));
}

void bt_project_drive(struct bt_project *p)
{
    bool all_down = true;
    for (size_t i = 0; i < p->n; i++) {
        struct bt_instance *in = &p->inst[i];
        enum bt_life_state s = in->life.state;
        if (p->down && !bt_life_leaving(s) && bt_life_alive(s) && !bt_project_needed_by_running(p, in))
            bt_life_event(&in->life, BT_EV_DOWN);
        bt_instance_drive(in);
        if (p->down && in->life.state != BT_ST_DOWN && bt_life_over(in->life.state))
            bt_life_event(&in->life, BT_EV_DOWN);
        all_down &= in->life.state == BT_ST_DOWN;
    }
    if (!p->down && p->next && bt_switch_drive(p))
        return;
    if (!p->down)
        bt_phase_drive(p);
    if (!p->settled && !p->down && !p->leaving)
        look_settled(p);
    if (p->down && all_down)
        end_project(p);              /* p is gone */
}
