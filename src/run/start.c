/* start.c - an instance gets its keeper; the keeper's word about it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "run/files.h"
#include "run/project.h"
#include "run/shm.h"
#include "wire/wire.h"

enum { LOG_MAX = 8 * 1024 * 1024, ENV_FD = 3, REPORT_FD = 4 };

/* ---- filling in ---- */

static bool hole(const struct bt_instance *in, struct bt_str name, struct bt_buf *out)
{
    if (bt_str_eq(name, "tmp")) {
        bt_buf_puts(out, in->tmp);
        return true;
    }
    if (bt_str_starts(name, "url:")) {
        char w[64];
        snprintf(w, sizeof w, "%.*s", (int)(name.n - 4), name.p + 4);
        struct bt_instance *other = bt_project_first_of(in->p, w);
        for (size_t i = 0; !other && i < in->p->plan->nurls; i++)
            if (!strcmp(in->p->plan->url[i].key, w)) {
                bt_buf_puts(out, in->p->plan->url[i].value);
                return true;
            }
        if (other)
            bt_buf_puts(out, other->url);
        return other != NULL;
    }
    if (bt_str_starts(name, "job.") && in->queue && in->task >= 0) {
        bt_auto_arena a = { 0 };
        const char *value = bt_task_value(&a, in->queue, (size_t)in->task, (struct bt_str){ name.p + 4, name.n - 4 });
        if (value)
            bt_buf_puts(out, value);
        return value != NULL;
    }
    for (size_t i = 0; i < in->nports; i++)
        if (bt_str_eq(name, in->port[i].name)) {
            bt_buf_printf(out, "%u", in->port[i].port);
            return true;
        }
    return false;
}

const char *bt_instance_fill(struct bt_arena *a, const struct bt_instance *in, const char *text)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    for (const char *p = text; *p;) {
        const char *close = *p == '{' ? strchr(p, '}') : NULL;
        if (close && hole(in, (struct bt_str){ p + 1, (size_t)(close - p - 1) }, &b)) {
            p = close + 1;
            continue;
        }
        bt_buf_add(&b, p++, 1);      /* a brace that is none of ours stays as it is */
    }
    return bt_arena_strdup(a, bt_buf_z(&b));
}

static void env_set(struct bt_arena *a, struct bt_strs *env, const char *key, const char *value)      /* value NULL: unset */
{
    size_t len = strlen(key);
    const char *row = value ? bt_arena_printf(a, "%s=%s", key, value) : NULL;
    for (size_t i = 0; i < env->n; i++)
        if (!strncmp(env->v[i], key, len) && env->v[i][len] == '=') {
            if (row)
                env->v[i] = row;
            else
                env->v[i] = env->v[--env->n];
            return;
        }
    if (row)
        BT_PUSH(a, env->v, env->n, row);
}

static const char *env_get(const struct bt_strs *env, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < env->n; i++)
        if (!strncmp(env->v[i], key, len) && env->v[i][len] == '=')
            return env->v[i] + len + 1;
    return NULL;
}

/* What no engine should be started without or with. Its compiled kernels are kept in TMPDIR unless it is told otherwise, and ours is of one life:
 * each first request would compile anew (20 s, vLLM 0.32 with TP 2, measured). */
static void engine_env(struct bt_arena *a, const struct bt_instance *in, struct bt_strs *env)
{
    for (const char *const *key = in->engine->unset; key && *key; key++) {
        const char *value = env_get(env, *key);
        if (!value)
            continue;
        const char *text = bt_arena_printf(a, "%s: %s=%s of your shell is left out: it would win over what is planned", in->pf->id, *key, value);
        bt_report_event(in->p, json_pack("{s:s, s:o}", "event", "note", "text", bt_json_text(text)));
        env_set(a, env, *key, NULL);
    }
    const char *cache = env_get(env, "XDG_CACHE_HOME");
    env_set(a, env, "PYTHONDONTWRITEBYTECODE", NULL);                /* doubles the start of an engine (vLLM 0.32, measured) */
    if (!env_get(env, "TORCHINDUCTOR_CACHE_DIR"))
        env_set(a, env, "TORCHINDUCTOR_CACHE_DIR",
                bt_arena_printf(a, "%s/berth/torchinductor", bt_path_abs(a, NULL, cache && cache[0] ? cache : "~/.cache")));
}

/* The environment of `up`, then the plan's, then what berth itself decides. */
static struct bt_strs make_env(struct bt_arena *a, const struct bt_instance *in)
{
    struct bt_strs env = { 0 };
    for (size_t i = 0; i < in->p->env.n; i++)
        BT_PUSH(a, env.v, env.n, in->p->env.v[i]);
    if (strcmp(in->engine->name, "command"))
        engine_env(a, in, &env);
    for (size_t i = 0; i < in->pf->nenv; i++)
        env_set(a, &env, in->pf->env[i].key, bt_instance_fill(a, in, in->pf->env[i].value));
    env_set(a, &env, "TMPDIR", in->tmp);
    env_set(a, &env, "BERTH_INSTANCE", bt_arena_printf(a, "%s/%s", in->p->name, in->pf->id));
    env_set(a, &env, BT_MARK_ENV, in->dir);
    return env;
}

static int env_file(const struct bt_strs *env, struct bt_err *err)
{
    bt_auto_fd fd = memfd_create("berth-env", MFD_CLOEXEC);
    if (fd < 0)
        return bt_err_set(err, BT_E_IO, errno, "make a file for the environment");
    for (size_t i = 0; i < env->n; i++) {
        for (size_t at = 0, len = strlen(env->v[i]) + 1; at < len; ) {       /* where a file may not grow, first a part is written, then comes the error */
            ssize_t n = write(fd, env->v[i] + at, len - at);
            if (n < 0)
                return bt_err_set(err, BT_E_IO, errno, "write the environment");
            at += (size_t)n;
        }
    }
    lseek(fd, 0, SEEK_SET);
    return bt_take_fd(&fd);
}

/* ---- the folder ---- */

static int make_folder(struct bt_arena *a, struct bt_instance *in, struct bt_err *err)
{
    static const char *const stale[] = { "ready", "keeper.json", "child.json", "exit.json", "exit.space", "sock", "parked", "warm", "wish", NULL };
    if (bt_dir_private(in->dir, err) < 0)
        return -1;
    for (const char *const *f = stale; *f; f++)
        unlink(bt_arena_printf(a, "%s/%s", in->dir, *f));
    if (bt_tree_remove(in->tmp, err) < 0 || bt_dir_private(in->tmp, err) < 0)
        return -1;
    struct bt_keep_launch l = { .project = in->p->name, .id = in->pf->id, .cwd = in->pf->cwd, .url = in->url, .log_max_bytes = LOG_MAX,
                                .restarts = in->life.restarts, .deaths = in->life.deaths, .was_ready = in->life.was_ready,
                                .wall_ms = in->launched_wall_ms, .mono_ms = bt_now_ms(), .port = in->port, .nports = in->nports,
                                .task = in->queue ? in->task : -1,
                                .ram_max_bytes = in->pf->nranks ? 0 : in->pf->host_bytes };     /* beside a card, RAM is not planned to the byte */
    for (size_t i = 0; i < in->pf->argv.n; i++) {
        const char *arg = bt_instance_fill(a, in, in->pf->argv.v[i]);
        BT_PUSH(a, l.argv.v, l.argv.n, arg);
    }
    for (size_t i = 0; i < in->pf->nranks; i++) {
        int64_t bytes = in->base[i].valid ? (int64_t)BT_MIN(in->base[i].residual_bytes, (uint64_t)INT64_MAX) : -1;
        BT_PUSH(a, l.base, l.nbase, bytes);
    }
    return bt_keep_launch_write(in->dir, &l, err);
}

/* ---- the keeper's process ---- */

static int above_stdio(int fd)       /* so that dup2 to 3 and 4 meets neither of them */
{
    int up = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    close(fd);
    return up;
}

static int spawn_keeper(const struct bt_instance *in, int env_fd, int report_fd, struct bt_err *err)
{
    extern char **environ;
    bt_auto_arena a = { 0 };
    char env_arg[24], report_arg[24], verb[] = "keeper", name[] = "berth", *claims = NULL;
    int *claim;
    size_t nclaims = bt_lease_fds(&a, in, &claim);
    for (size_t i = 0; i < nclaims; i++)
        claims = bt_arena_printf(&a, "%s%s%d", claims ? claims : "--claims=", claims ? "," : "", claim[i]);
    char *argv[] = { name, verb, (char *)in->dir, env_arg, report_arg, claims, NULL };
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    sigset_t none;
    pid_t pid;
    snprintf(env_arg, sizeof env_arg, "--env-fd=%d", ENV_FD);
    snprintf(report_arg, sizeof report_arg, "--report-fd=%d", REPORT_FD);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&fa, env_fd, ENV_FD);
    posix_spawn_file_actions_adddup2(&fa, report_fd, REPORT_FD);
    for (size_t i = 0; i < nclaims; i++)
        posix_spawn_file_actions_adddup2(&fa, claim[i], claim[i]);       /* onto itself: it is inherited */
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    bt_files_lower(true);
    int e = posix_spawn(&pid, "/proc/self/exe", &fa, &attr, argv, environ);      /* also after an upgrade replaced the file */
    bt_files_lower(false);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&attr);
    return e ? bt_err_set(err, BT_E_EXEC, e, "start the keeper of %s", in->pf->id) : 0;
}

void bt_instance_lost_keeper(struct bt_instance *in)
{
    bt_warn("inst", "%s/%s: its keeper was killed", in->p->name, in->pf->id);
    in->sweeping = true;
    in->sweep_ms = bt_now_ms();
}

static void on_report(evutil_socket_t fd, short what, void *ctx)
{
    struct bt_instance *in = ctx;
    char word[sizeof in->told] = "";
    (void)what;
    if (!bt_files_for_look()) {      /* who it is stands in files: the next look hears it */
        event_del(in->report);
        return;
    }
    ssize_t n = read(fd, word, sizeof word - 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    event_free(in->report);
    in->report = NULL;
    bt_close_fd(&in->report_fd);
    in->has_keeper = bt_keep_who_read(&in->p->arena, in->dir, "keeper.json", &in->keeper);
    in->has_child = bt_keep_who_read(&in->p->arena, in->dir, "child.json", &in->child);
    if (n <= 0) {                    /* it was killed before its word, and its child may run */
        in->ran = in->has_child;
        bt_instance_lost_keeper(in);
    } else if (strcmp(word, "ok\n")) {
        char *text = word;
        in->passes = bt_err_passes((int)strtol(word, &text, 10));
        snprintf(in->told, sizeof in->told, "%s", text + (*text == ' '));
        bt_instance_ended(in);
    } else {
        in->ran = true;
        bt_instance_connect(in);
    }
}

static int try_start(struct bt_instance *in, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    if (bt_files_for(1, 0, err) < 0)
        return -1;
    in->launched_wall_ms = BT_MAX(bt_wall_ms(), bt_tail_stamp(in->dir) + 1);         /* its lines are told by their stamp; a clock may be set back */
    if (make_folder(&a, in, err) < 0)
        return -1;
    struct bt_strs env = make_env(&a, in);
    int report[2], e = env_file(&env, err);
    if (e < 0)
        return -1;
    bt_auto_fd env_fd = above_stdio(e);
    if (pipe2(report, O_CLOEXEC) < 0)
        return bt_err_set(err, BT_E_IO, errno, "open a pipe");
    bt_auto_fd ours = report[0], theirs = above_stdio(report[1]);
    if (env_fd < 0 || theirs < 0)
        return bt_err_set(err, BT_E_IO, errno, "start the keeper of %s: keep a descriptor for it", in->pf->id);
    if (spawn_keeper(in, env_fd, theirs, err) < 0)
        return -1;
    fcntl(ours, F_SETFL, O_NONBLOCK);
    in->report_fd = bt_take_fd(&ours);
    in->report = event_new(in->p->d->base, in->report_fd, EV_READ | EV_PERSIST, on_report, in);
    event_add(in->report, NULL);
    return 0;
}

void bt_instance_reset(struct bt_instance *in)
{
    if (in->report)
        event_free(in->report);
    bt_close_fd(&in->report_fd);
    if (in->ctl)
        bufferevent_free(in->ctl);
    bt_buf_release(&in->ctl_in);
    bt_health_free(in->health);
    in->learn = (struct bt_learning){ 0 };
    in->file = (struct bt_ready_file){ 0 };
    in->download = (struct bt_download){ 0 };
    bt_alive_reset(&in->alive);
    bt_park_reset(&in->park);
    bt_warm_reset(&in->warm);
    bt_tail_release(&in->tail);
    bt_tail_init(&in->tail);
    in->ctl_in = BT_BUF(16 * MiB);
    in->report = NULL;
    in->report_fd = -1;
    in->ctl = NULL;
    in->health = NULL;
    in->has_keeper = in->has_child = in->ran = in->sweeping = in->stop_sent = in->cut = in->hurry_wanted = in->log_matched = in->kv_sized = in->gave_up = false;
    in->answered = in->exited = in->passes = false;
    in->percent = -1;
    in->step[0] = in->first_error[0] = in->died[0] = in->told[0] = in->why[0] = in->why_hint[0] = 0;
    in->health_ms = in->progress_ms = in->progress_look_ms = in->release_ms = in->orphaned_ms = in->wait_ms = 0;
    in->progress_mark = 0;
    free(in->pids);
    in->pids = NULL;
    in->npids = 0;
}

void bt_instance_start(struct bt_instance *in)
{
    struct bt_err err = { 0 };
    bt_instance_reset(in);
    bt_download_look(&in->download, in->model_dir, in->pf->model_bytes, bt_now_ms());         /* what there is before it begins */
    bt_memory_note_base(in);
    bt_instance_note_file(in);
    if (try_start(in, &err) == 0)
        return;
    in->exit = (struct bt_keep_exit){ .status = -1, .wall_ms = bt_wall_ms() };
    snprintf(in->exit.failed, sizeof in->exit.failed, "%s", err.msg);
    snprintf(in->exit.hint, sizeof in->exit.hint, "%s", err.hint);
    snprintf(in->why, sizeof in->why, "%s", err.msg);
    snprintf(in->why_hint, sizeof in->why_hint, "%s", err.hint);
    in->exited = true;
    bt_life_ended(&in->life, bt_err_passes(err.sys), false);
}

/* ---- the control connection ---- */

static void lost_connection(struct bt_instance *in)
{
    if (in->ctl)
        bufferevent_free(in->ctl);
    in->ctl = NULL;
    bt_buf_clear(&in->ctl_in);
    if (!bt_files_for_look())
        return;                      /* how it ended stands in a file: the next look that sees connects again, and comes here */
    if (bt_file_exists(bt_arena_printf(&in->p->arena, "%s/exit.json", in->dir)))
        bt_instance_ended(in);
    else if (!in->has_keeper || !in->keeper.this_boot || !bt_proc_same(in->keeper.id))
        bt_instance_lost_keeper(in); /* else: it lives and dropped us; the next look connects again */
}

/* Names that the project's env file does not hold (secrets) come back from a keeper that has them. */
static void take_env(struct bt_instance *in, const json_t *list)
{
    struct bt_strs *env = &in->p->env;
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) {
        const char *row = json_string_value(v), *eq = row ? strchr(row, '=') : NULL;
        for (size_t f = 0; eq && f < in->pf->env_from.n; f++)
            if (bt_str_eq((struct bt_str){ row, (size_t)(eq - row) }, in->pf->env_from.v[f]))
                env_set(&in->p->arena, env, in->pf->env_from.v[f], eq + 1);
    }
}

/* "They are cut off" was said before, and is not so. */
static void tell_uncut(struct bt_instance *in, json_int_t n, const char *why)
{
    bt_auto_arena a = { 0 };
    const char *text = bt_arena_printf(&a, "%s: %lld connections of its clients could not be ended (pidfd_getfd: %s: many containers forbid it): the engine's "
                                           "own stop ends them, or SIGKILL", in->pf->id, (long long)n, why ? why : "?");
    bt_warn("inst", "%s/%s", in->p->name, text);
    bt_report_event(in->p, json_pack("{s:s, s:o}", "event", "note", "text", bt_json_text(text)));
}

static void on_ctl_read(struct bufferevent *bev, void *ctx)
{
    struct bt_instance *in = ctx;
    struct bt_err err = { 0 };
    char chunk[16384];
    for (size_t n; (n = bufferevent_read(bev, chunk, sizeof chunk)) > 0;)
        bt_buf_add(&in->ctl_in, chunk, n);
    for (json_t *msg = NULL;;) {
        enum bt_wire_got got = bt_wire_take(&in->ctl_in, &msg, &err);
        if (got == BT_WIRE_NONE)
            return;
        if (got == BT_WIRE_BROKEN) {
            bt_warn("inst", "%s: %s", in->pf->id, err.msg);
            lost_connection(in);
            return;
        }
        const char *ev = json_string_value(json_object_get(msg, "event"));
        if (json_object_get(msg, "env"))
            take_env(in, json_object_get(msg, "env"));
        if (json_integer_value(json_object_get(msg, "uncut")) > 0)
            tell_uncut(in, json_integer_value(json_object_get(msg, "uncut")), json_string_value(json_object_get(msg, "why")));
        if (ev && !strcmp(ev, "stuck"))
            snprintf(in->why, sizeof in->why, "SIGKILL does not end pid %lld: it is in the kernel (driver)",
                     (long long)json_integer_value(json_array_get(json_object_get(msg, "pids"), 0)));
        json_decref(msg);
    }
}

static void on_ctl_event(struct bufferevent *bev, short what, void *ctx)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        lost_connection(ctx);
}

static void send_ctl(struct bt_instance *in, json_t *o)
{
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    if (bt_wire_put(&b, o))
        bufferevent_write(in->ctl, b.p, b.n);
}

void bt_instance_connect(struct bt_instance *in)
{
    struct bt_err err = { 0 };
    bt_auto_arena a = { 0 };
    int fd = bt_wire_connect(bt_arena_printf(&a, "%s/sock", in->dir), &err);
    if (fd < 0) {
        lost_connection(in);
        return;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    in->ctl = bufferevent_socket_new(in->p->d->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    bufferevent_setcb(in->ctl, on_ctl_read, NULL, on_ctl_event, in);
    bufferevent_enable(in->ctl, EV_READ | EV_WRITE);
    if (in->p->adopted && in->pf->env_from.n)
        send_ctl(in, json_pack("{s:s}", "op", "env"));
}

/* The last moment at which its processes show what they share. */
static void note_shm(const struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    struct bt_proc *all, *m;
    size_t nall = bt_proc_list(&a, &all), n = bt_instance_members(&a, in, all, nall, &m);
    bt_shm_note(in->dir, m, n);
}

/* The user asked the engine to let requests end: it takes the whole of that time while one runs, and would be killed in it. */
int64_t bt_instance_engine_drain_ms(const struct bt_instance *in)
{
    enum { MAX_S = 24 * 3600 };
    const char *flag = in->engine->drain_flag, *value = NULL;
    size_t len = flag ? strlen(flag) : 0;
    uint64_t seconds = 0;
    struct bt_err ignored = { 0 };
    for (size_t i = 0; len && i < in->pf->argv.n; i++) {
        const char *word = in->pf->argv.v[i];
        if (!strncmp(word, flag, len) && word[len] == '=')
            value = word + len + 1;
        else if (!strcmp(word, flag) && i + 1 < in->pf->argv.n)
            value = in->pf->argv.v[i + 1];
    }
    return value && bt_u64_parse(bt_str(value), 0, MAX_S, &seconds, &ignored) == 0 ? (int64_t)seconds * 1000 : 0;
}

void bt_instance_send_stop(struct bt_instance *in)
{
    static const char *const whom[] = { [BT_STOP_LEADER] = "leader", [BT_STOP_TREE_BUT_TRACKER] = "tree-but-tracker", [BT_STOP_TREE] = "tree" };
    bt_warm_cancel(in);
    if (!in->stop_sent)
        note_shm(in);
    bool loading = !bt_file_exists(bt_arena_printf(&in->p->arena, "%s/ready", in->dir));
    const struct bt_stop_step *s = loading ? in->engine->stop_starting : in->engine->stop_ready;
    size_t n = loading ? in->engine->nstop_starting : in->engine->nstop_ready;
    json_t *steps = json_array();
    for (size_t i = 0; i < n; i++) {
        bool grace = i == 0 && !strcmp(in->engine->name, "command");         /* of a plain command the spec says how long */
        int64_t more = i == 0 && !loading ? bt_instance_engine_drain_ms(in) : 0, wait = grace ? (int64_t)in->pf->stop_grace_ms : s[i].wait_ms + more;
        json_array_append_new(steps, json_pack("{s:i, s:s, s:I}", "signal", s[i].signal, "whom", whom[s[i].whom], "wait_ms", (json_int_t)wait));
    }
    /* a keeper that walks them already does not begin anew */
    bt_auto_fd keeper = bt_proc_pidfd(in->keeper.id);
    if (keeper >= 0)
        bt_pidfd_send(keeper, SIGCONT);          /* one that somebody stopped would read none of this */
    send_ctl(in, json_pack("{s:s, s:o, s:i}", "op", "stop", "steps", steps, "cut", in->cut ? in->url_port : 0));
    in->stop_sent = true;
    if (in->hurry_wanted)
        send_ctl(in, json_pack("{s:s}", "op", "hurry"));
    in->hurry_wanted = false;
}

/* ---- its end ---- */

size_t bt_instance_members(struct bt_arena *a, const struct bt_instance *in, const struct bt_proc *all, size_t nall, struct bt_proc **out)
{
    struct bt_tree t = { .mark = in->dir, .by_mark = in->sweeping };
    if (in->has_keeper && in->keeper.this_boot) {
        t.keeper = in->keeper.id;
        t.cgroup = in->keeper.cgroup;
    }
    if (in->has_child && in->child.this_boot)
        t.leader = in->child.id;
    return bt_tree_members(a, &t, all, nall, out);
}

void bt_instance_ended(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    if (!bt_keep_exit_read(&a, in->dir, &in->exit))
        in->exit = (struct bt_keep_exit){ .status = -1, .wall_ms = bt_wall_ms() };
    if (in->told[0] && !in->exit.failed[0])
        snprintf(in->exit.failed, sizeof in->exit.failed, "%s", in->told);
    bt_instance_read_log(in);        /* what it died of is among its last words */
    bt_learn_ended(in);
    bt_lease_keep(in);
    in->exited = true;
    in->sweeping = false;
    in->ended_s = (double)bt_now_ms() / 1000;
    bt_warm_ended(in);
    if (in->ctl)
        bufferevent_free(in->ctl);
    in->ctl = NULL;
    if (in->has_keeper)
        bt_cgroup_remove(in->keeper.cgroup);
    bt_shm_sweep(in->dir);
    if ((in->life.state == BT_ST_PARKED || in->life.state == BT_ST_PARKING) && !bt_phase_has(in->p, in))
        in->life.want_up = false;    /* it starts again when its phase comes */
    bool ran = (in->ran && !in->exit.failed[0]) || in->passes, clean = in->exit.status == 0 && !in->exit.signal && !in->gave_up;
    bool next = in->queue && bt_task_over(in, ran && clean, !in->life.want_up || in->life.anew, ran && in->life.deaths < in->life.retries);
    if (in->life.want_up && !in->life.anew && !in->why[0] && !(in->life.job && clean)) {
        snprintf(in->why, sizeof in->why, "%s", bt_keep_exit_text(&a, &in->exit));
        if (in->exit.hint[0])
            snprintf(in->why_hint, sizeof in->why_hint, "%s", in->exit.hint);
    }
    in->life.anew |= next;           /* the slot goes on with another task: not a restart, and not a death */
    bt_life_ended(&in->life, ran, clean);
    if (next)
        in->life.deaths = 0;
    event_add(in->p->d->tick, &(struct timeval){ 0, 0 });            /* what its end decides is decided now, not on the next beat */
}
