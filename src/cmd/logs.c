/* logs.c - `berth logs`: what instances printed. Read from their folders, so it works whatever became of the daemon. */
#include <dirent.h>
#include <stdio.h>

#include "base/file.h"
#include "base/proc.h"
#include "cmd/cmd.h"
#include "cmd/live.h"
#include "launch/planfile.h"
#include "run/run.h"
#include "run/tail.h"

enum { LOOK_MS = 100, READ_BYTES = 4 * 1024 * 1024, ASK_EVERY = 10 };

struct args { const char *project; bool follow, json; uint64_t since_ms; };

static const struct bt_opt opts[] = {
    { .name = "follow", .alias = "f", .type = BT_OPT_BOOL, .off = offsetof(struct args, follow), .help = "go on until what is shown has ended" },
    { .name = "project", .alias = "p", .type = BT_OPT_STR, .off = offsetof(struct args, project), .metavar = "NAME",
      .help = "of this project (default: the one that is up, or the last)" },
    { .name = "since", .type = BT_OPT_DURATION, .off = offsetof(struct args, since_ms), .metavar = "TIME", .help = "not what is older: 10m, 2h" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "print JSON, an object a line" },
    { 0 },
};

struct source { const char *id, *dir; struct bt_tail tail; bool begun, ended; };
struct line { int64_t ms; size_t order; const char *id; char stream; struct bt_str text; };       /* text may hold NUL bytes: it is a child's */
struct logs {
    struct bt_arena *a;
    const char *project, *what;
    bool kept;                       /* of the last life: in the state folder */
    struct source *src; size_t n;
    struct line *line; size_t nlines;        /* read, not printed yet */
    const char *reading;             /* id of the source being read */
    int64_t from_ms;                 /* older lines are not shown */
    bool json;
};

/* ---- what there is ---- */

static size_t folders(struct bt_arena *a, const char *path, const char ***out)
{
    DIR *d = opendir(path);
    size_t n = 0;
    *out = NULL;
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.') {
            const char *copy = bt_arena_strdup(a, e->d_name);
            BT_PUSH(a, *out, n, copy);
        }
    if (d)
        closedir(d);
    return n;
}

static int pick_project(struct logs *l, const char *asked, struct bt_err *err)
{
    const char **name, *run = bt_arena_printf(l->a, "%s/inst", bt_runtime_dir(l->a)), *old = bt_arena_printf(l->a, "%s/projects", bt_state_dir(l->a));
    size_t n = folders(l->a, run, &name);
    if (asked && !bt_planfile_name_ok(asked))
        return bt_err_set(err, BT_E_USAGE, 0, "\"%.60s\" is no name of a project", asked);
    l->kept = n == 0;
    for (size_t i = 0; asked && i < n; i++)
        if (!strcmp(name[i], asked)) {
            l->project = asked;
            return 0;
        }
    if (n == 0 || asked) {
        l->kept = true;
        n = folders(l->a, old, &name);
    }
    for (size_t i = 0; asked && i < n; i++)
        if (!strcmp(name[i], asked))
            n = 1, name[0] = asked;
    if (n == 1 && (!asked || !strcmp(name[0], asked))) {
        l->project = name[0];
        return 0;
    }
    if (n == 0 || asked)
        return asked ? bt_err_set(err, BT_E_STATE, 0, "project %s is not up, and no log of it is kept", asked)
                     : bt_err_set(err, BT_E_STATE, 0, "nothing is up, and no log is kept");
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    for (size_t i = 0; i < n; i++)
        bt_buf_printf(&b, "%s%s", i ? ", " : "", name[i]);
    bt_err_set(err, BT_E_USAGE, 0, "several projects have logs: %s", bt_buf_z(&b));
    return bt_err_hint(err, "name one: berth logs -p %s", name[0]);
}

/* "llm" means llm-0, llm-1, ...; "llm-1" only that one. */
static bool matches(const char *id, const char *what)
{
    size_t n = what ? strlen(what) : 0;
    if (!what || !strcmp(id, what))
        return true;
    return !strncmp(id, what, n) && id[n] == '-' && id[n + 1] && strspn(id + n + 1, "0123456789") == strlen(id + n + 1);
}

static void find_sources(struct logs *l)
{
    bt_auto_arena a = { 0 };         /* it is called ten times a second while somebody follows */
    const char **name, *root = l->kept ? bt_run_log_dir(&a, l->project) : bt_run_inst_dir(&a, l->project, NULL);
    size_t n = folders(&a, root, &name);
    for (size_t i = 0; i < n; i++) {
        const char *id = l->kept && bt_str_ends(bt_str(name[i]), ".log") ? bt_arena_strndup(&a, (struct bt_str){ name[i], strlen(name[i]) - 4 }) : name[i];
        bool known = !matches(id, l->what);
        for (size_t j = 0; j < l->n; j++)
            known |= !strcmp(l->src[j].id, id);
        if (known)
            continue;
        struct source s = { .id = bt_arena_strdup(l->a, id), .dir = bt_arena_printf(l->a, "%s/%s", root, name[i]) };
        bt_tail_init(&s.tail);
        BT_PUSH(l->a, l->src, l->n, s);
    }
}

/* Into the hint of err: whose logs there are, of this life and the one before. */
static void name_what_there_is(struct logs *l, struct bt_err *err)
{
    bt_auto_buf struct bt_buf all = BT_BUF(sizeof err->hint);
    l->what = NULL;
    for (int kept = 0; kept < 2; kept++) {
        l->kept = kept;
        find_sources(l);
    }
    for (size_t i = 0; i < l->n && all.n + strlen(l->src[i].id) + 16 < sizeof err->hint; i++)
        bt_buf_printf(&all, "%s%s", i ? ", " : "", l->src[i].id);
    if (l->n)
        bt_err_hint(err, "it has %s", bt_buf_z(&all));
}

/* ---- reading and printing ---- */

static void take(void *ctx, int64_t ms, char stream, struct bt_str text)
{
    struct logs *l = ctx;
    if (ms < l->from_ms)
        return;
    struct line row = { ms, l->nlines, l->reading, stream, { bt_arena_strndup(l->a, text), text.n } };
    BT_PUSH(l->a, l->line, l->nlines, row);
}

static int by_time(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return x->ms != y->ms ? (x->ms < y->ms ? -1 : 1) : x->order < y->order ? -1 : 1;
}

static void print_json(const struct logs *l, const struct line *row)
{
    const char *stream = row->stream == 'o' ? "stdout" : row->stream == 'e' ? "stderr" : "berth";
    json_t *text = json_stringn(row->text.p, row->text.n);
    if (!text) {                     /* not UTF-8 */
        bt_auto_buf struct bt_buf b = BT_BUF(256 * KiB);
        bt_buf_add_escaped(&b, row->text);
        text = json_string(bt_buf_z(&b));
    }
    bt_cmd_json_line("log", json_pack("{s:s, s:s, s:f, s:s, s:o}", "project", l->project, "instance", row->id, "wall_s", (double)row->ms / 1000, "stream",
                                      stream, "text", text ? text : json_null()));
}

/* What several instances printed is shown in the order of time. False when nobody reads any more. */
static bool print_lines(struct logs *l)
{
    bool named = !l->what || l->n > 1;
    if (l->nlines)
        qsort(l->line, l->nlines, sizeof *l->line, by_time);
    for (size_t i = 0; i < l->nlines; i++) {
        bt_auto_buf struct bt_buf b = BT_BUF(256 * KiB);
        if (l->json) {
            print_json(l, &l->line[i]);
            continue;
        }
        if (named)
            bt_buf_printf(&b, "%-12s | ", l->line[i].id);
        bt_buf_add_escaped(&b, l->line[i].text);
        bt_buf_puts(&b, "\n");
        fwrite(bt_buf_z(&b), 1, b.n, stdout);
    }
    l->nlines = 0;
    l->line = NULL;
    return fflush(stdout) == 0 && !ferror(stdout);
}

static bool read_source(struct logs *l, struct source *s)
{
    l->reading = s->id;
    if (l->kept) {
        bt_tail_file(s->dir, take, l);
        return false;
    }
    if (!s->begun)
        bt_tail_file(bt_arena_printf(l->a, "%s/log.1", s->dir), take, l);
    s->begun = true;
    return bt_tail_read(&s->tail, s->dir, READ_BYTES, take, l);
}

/* ---- following ---- */

enum standing { LIVES, COMING, OVER, UNKNOWN };      /* UNKNOWN: nothing of that name is up */

static enum standing ask_daemon(const char *project, const char *id_or_workload)
{
    struct bt_err err = { 0 };
    enum standing is = UNKNOWN;
    size_t i;
    json_t *in, *ps = bt_run_anything() ? bt_live_ps(project, &err) : NULL;
    json_array_foreach(json_object_get(ps, "instances"), i, in) {
        const char *s = bt_live_str(in, "state");
        if (!matches(bt_live_str(in, "id"), id_or_workload))
            continue;
        if (bt_live_over(in))
            is = is == UNKNOWN ? OVER : is;
        else
            is = !strcmp(s, "pending") || !strcmp(s, "waiting") ? COMING : LIVES;
    }
    bool no_answer = !ps && err.code && err.code != BT_E_STATE;      /* a daemon in trouble says nothing about who lives: asked again later */
    json_decref(ps);
    return no_answer ? LIVES : is;
}

static bool has_exit(const struct source *s)
{
    bt_auto_arena a = { 0 };
    return bt_file_exists(bt_arena_printf(&a, "%s/exit.json", s->dir));
}

static bool source_over(struct logs *l, const struct source *s)
{
    if (!bt_file_exists(s->dir))
        return true;                 /* the project is down; what it printed last was read through the open file */
    if (!has_exit(s))
        return false;
    enum standing is = ask_daemon(l->project, s->id);
    return is == OVER || is == UNKNOWN;
}

static void show(struct logs *l)
{
    if (!l->n)
        fprintf(stderr, "%s has not started yet\n", l->what ? l->what : l->project);
    for (size_t i = 0; i < l->n; i++)
        read_source(l, &l->src[i]);
    print_lines(l);
}

/* What began and ended between two looks, in a project that is down since: it is among what was kept. */
static void show_missed(struct logs *l)
{
    size_t seen = l->n;
    for (size_t i = 0; i < seen; i++)
        if (bt_file_exists(l->src[i].dir))
            return;
    l->kept = true;
    find_sources(l);
    for (size_t i = seen; i < l->n; i++)
        read_source(l, &l->src[i]);
    print_lines(l);
}

static void follow(struct logs *l)
{
    for (unsigned turn = 0;; turn++) {
        bt_auto_arena turn_arena = { 0 };
        struct bt_arena *keep = l->a;
        bool any = false, all_over = true;
        find_sources(l);
        l->a = &turn_arena;          /* a follower may live for days: lines go away with the turn */
        for (size_t i = 0; i < l->n; i++) {
            struct source *s = &l->src[i];
            s->ended = s->ended && (!bt_file_exists(s->dir) || has_exit(s));         /* else somebody started it again */
            bool got = !s->ended && read_source(l, s);
            any |= got;
            if (!got && !s->ended && turn % ASK_EVERY == 0)
                s->ended = source_over(l, s) && !read_source(l, s);
            all_over &= s->ended;
        }
        bool read = print_lines(l);
        l->a = keep;
        if (!read)
            return;
        if (all_over && turn % ASK_EVERY == 0) {
            enum standing is = ask_daemon(l->project, l->what);
            if (is == OVER || is == UNKNOWN) {
                show_missed(l);
                return;
            }
        }
        if (!any)
            usleep(LOOK_MS * 1000);
    }
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, NULL);
    if (rc)
        return rc;
    struct logs l = { .a = &a, .what = rest.n ? rest.v[0] : NULL, .json = o.json, .from_ms = o.since_ms ? bt_wall_ms() - (int64_t)o.since_ms : 0 };
    if (rest.n > 1)
        return bt_cmd_usage(v, o.json, "one instance or workload, or none for all");
    if (bt_run_anything() && !o.project) {           /* just begun: nothing has a folder yet */
        for (int i = 0; i < 20 && o.follow && pick_project(&l, NULL, &err) == 0 && l.kept; i++)
            usleep(LOOK_MS * 1000);
    }
    if (pick_project(&l, o.project, &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    find_sources(&l);
    if (!l.n && !l.kept && ask_daemon(l.project, l.what) == UNKNOWN) {       /* not in the plan that runs: of one before it, perhaps */
        l.kept = true;
        find_sources(&l);
    }
    if (!l.n && l.kept) {
        bt_err_set(&err, BT_E_STATE, 0, "project %s has no log of \"%s\"", l.project, l.what ? l.what : "anything");
        name_what_there_is(&l, &err);
        return bt_cmd_fail(v, &err, o.json);
    }
    if (o.follow && !l.kept)
        follow(&l);
    else
        show(&l);
    for (size_t i = 0; i < l.n; i++)
        bt_tail_release(&l.src[i].tail);
    return 0;
}

const struct bt_verb bt_verb_logs = {
    .name = "logs", .summary = "what instances printed",
    .usage = "berth logs [-f] [--since TIME] [-p PROJECT] [INSTANCE|WORKLOAD] [--json]", .opts = opts, .run = run,
    .example = "  berth logs              everything, in the order of time\n  berth logs -f analyst   follow one until it ends\n"
               "  berth logs --since 10m llm",
};
