/* diagnose - reads the log of a start or a job that failed; names the cause, the line it stands on, and the nearest settings that start. */
#include "cmd/diagnose.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/json.h"

#define CHUNK (64 * KiB)
#define LONGEST_LINE (64 * KiB)      /* the rest of a longer one is passed over */
#define HEAD_BYTES ((off_t)(16 * MiB))               /* of a log past HEAD + TAIL only the ends are read: what was given, and how it ended */
#define TAIL_BYTES ((off_t)(48 * MiB))

struct diagnose_args { struct bt_job job; const char *gpu; bool json; };        /* job first: its table writes there */
#define AT(f) offsetof(struct diagnose_args, f)
static const struct bt_opt own_opts[] = {
    { .name = "gpu", .type = BT_OPT_STR, .off = AT(gpu), .metavar = "CARD", .help = "the card it ran on, where the log does not say: a name (A100-SXM4-40GB) or a size (79.22GiB)" },
    { .name = "json", .type = BT_OPT_BOOL, .off = AT(json), .help = "one JSON object" },
    { 0 },
};

/* The verb's own, and the keys of a job: whose log it is, where the log does not say. */
static const struct bt_opt *options(struct bt_arena *a)
{
    size_t own = BT_LEN(own_opts) - 1, n = 0;
    while (bt_job_keys()[n].name)
        n++;
    struct bt_opt *all = BT_NEWN(a, struct bt_opt, own + n + 1);
    memcpy(all, own_opts, own * sizeof *all);
    memcpy(all + own, bt_job_keys(), n * sizeof *all);
    return all;
}

/* ---- reading ---- */

struct reader { struct bt_diag *d; struct bt_buf line; bool any; off_t at, skip_from, skip_to; };

static void end_line(struct reader *r)
{
    bt_diag_line(r->d, (struct bt_str){ r->line.p, r->line.n });
    bt_buf_clear(&r->line);
    r->any = false;
}

static void add_text(struct reader *r, const char *p, size_t n)
{
    size_t room = r->line.n < LONGEST_LINE ? LONGEST_LINE - r->line.n : 0;
    bt_buf_add(&r->line, p, BT_MIN(n, room));
    r->any = true;
}

static void feed(struct reader *r, const char *p, size_t n)
{
    bool skipped = r->at >= r->skip_from && r->at + (off_t)n <= r->skip_to;
    r->at += (off_t)n;
    while (n) {
        const char *nl = memchr(p, '\n', n);
        size_t take = nl ? (size_t)(nl - p) : n;
        if (!skipped)
            add_text(r, p, take);
        if (nl && skipped)
            r->d->lines++;           /* counted, so that the numbers of later lines are right */
        else if (nl)
            end_line(r);
        p += take + (nl != NULL);
        n -= take + (nl != NULL);
    }
}

static int read_log(const char *path, struct bt_diag *d, struct bt_err *err)
{
    bool standard = !strcmp(path, "-");
    bt_auto_fd fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        bt_err_set(err, errno == ENOENT ? BT_E_NOT_FOUND : BT_E_IO, errno, "open %s", path);
        return standard ? -1 : bt_err_hint(err, "the engine's output, stdout and stderr together: vllm serve ... 2>&1 | tee start.log");
    }
    if (S_ISDIR(st.st_mode))
        return bt_err_set(err, BT_E_USAGE, 0, "%s is a folder: which log?", path);
    struct reader r = { .d = d, .line = BT_BUF(LONGEST_LINE + 1) };
    if (S_ISREG(st.st_mode) && st.st_size > HEAD_BYTES + TAIL_BYTES)
        r.skip_from = HEAD_BYTES, r.skip_to = st.st_size - TAIL_BYTES;
    char *chunk = bt_xmalloc(CHUNK);
    ssize_t n;
    while ((n = read(fd, chunk, CHUNK)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            feed(&r, chunk, (size_t)n);
    int failed = n < 0 ? errno : 0;
    if (r.any)
        end_line(&r);
    bt_buf_release(&r.line);
    free(chunk);
    return failed ? bt_err_set(err, BT_E_IO, failed, "read %s", path) : 0;
}

/* ---- for people ---- */

static void wrapped(struct bt_buf *b, const char *label, const char *text, int width)
{
    size_t indent = 10, at = indent, most = width > 40 ? (size_t)width : 40;
    struct bt_str rest = bt_str(text), word;
    bt_buf_printf(b, "%-10s", label);
    for (bool first = true; rest.p; first = false) {
        rest = bt_str_cut(rest, ' ', &word);
        size_t columns = bt_utf8_columns(word);
        if (!first && at + 1 + columns > most) {
            bt_buf_printf(b, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        bt_buf_printf(b, "%s%.*s", first ? "" : " ", BT_STR(word));
        at += columns + !first;
    }
    bt_buf_puts(b, "\n");
}

static void print_advice(struct bt_buf *b, const char *flags, const char *text)
{
    if (flags[0])
        bt_buf_printf(b, "  %s\n      %s\n", flags, text);
    else
        bt_buf_printf(b, "  %s\n", text);
}

static void print_answer(struct bt_arena *a, const struct bt_diag *d, const struct diagnose_check *c)
{
    struct bt_style st = bt_style_of(stdout);
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    const struct bt_diagnosis *f = &d->found;
    wrapped(&b, "cause", f->cause, st.width);
    if (f->step)
        wrapped(&b, "when", f->step, st.width);
    if (f->line)
        wrapped(&b, "line", bt_arena_printf(a, "%" PRIu64 ": %s", f->line, f->quote), st.width);
    if (d->engine)
        wrapped(&b, "engine", bt_arena_printf(a, "%s%s%s%s%s", d->engine, d->version[0] ? " " : "", d->version, bt_diag_arg(d, "model") ? ", model " : "", bt_diag_arg(d, "model") ? bt_diag_arg(d,
            "model") : ""), st.width);
    if (c->job)
        wrapped(&b, "job", c->job, st.width);
    for (size_t i = 0; i < f->nholders; i++)
        wrapped(&b, i ? "" : "holders", bt_arena_printf(a, "pid %" PRId64 ": %.2f GiB of the card", f->holder[i].pid, f->holder[i].gib), st.width);
    if (c->done && c->n) {
        bt_buf_printf(&b, "\nwhat would %s (checked with berth's ledger: %s)\n", c->job ? "fit" : "start", c->on);
        for (size_t i = 0; i < c->n; i++)
            print_advice(&b, c->advice[i].flags, c->advice[i].text);
    }
    if (f->nadvice) {
        bt_buf_printf(&b, "\n%s\n", c->done && c->n ? "by the log's own figures" : "what to try");
        for (size_t i = 0; i < f->nadvice; i++)
            print_advice(&b, f->advice[i].flags, f->advice[i].text);
    }
    if (c->done && c->fits)
        bt_buf_printf(&b, "\nnote: by berth's ledger this starts (%s): something else held the card, or a flag that the log does not show\n", c->on);
    if (c->why_not)
        bt_buf_printf(&b, "\nnote: %s\n", c->why_not);
    bt_cmd_print(&b);
}

/* ---- for programs ---- */

static json_t *number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *figures_json(const struct bt_diag_figures *g)
{
    json_t *o = json_object();
    const struct { const char *key; double v; } reals[] = { { "needed_gib", g->needed_gib }, { "available_gib", g->available_gib }, { "asked_gib", g->asked_gib }, { "free_gib", g->free_gib },
        { "total_gib", g->total_gib }, { "ours_gib", g->ours_gib }, { "utilization", g->utilization }, { "weights_gib", g->weights_gib } };
    const struct { const char *key; uint64_t v; } counts[] = { { "context", g->context }, { "fits_tokens", g->fits_tokens }, { "heads", g->heads }, { "tp", g->tp }, { "max_num_seqs", g->seqs },
        { "blocks", g->blocks }, { "gpus_asked", g->gpus_asked }, { "gpus", g->gpus }, { "port", g->port }, { "batch", g->batch } };
    for (size_t i = 0; i < BT_LEN(reals); i++)
        if (isfinite(reals[i].v))
            json_object_set_new(o, reals[i].key, json_real(reals[i].v));
    for (size_t i = 0; i < BT_LEN(counts); i++)
        if (counts[i].v)
            json_object_set_new(o, counts[i].key, bt_json_bytes(counts[i].v));
    if (g->has_exit)
        json_object_set_new(o, "exit_code", json_integer(g->exit_code));
    return o;
}

static json_t *advice_json(const struct bt_diag *d, const struct diagnose_check *c)
{
    json_t *all = json_array();
    for (size_t i = 0; i < c->n; i++)
        json_array_append_new(all, json_pack("{s:s, s:s, s:b}", "flags", c->advice[i].flags, "text", c->advice[i].text, "checked", 1));
    for (size_t i = 0; i < d->found.nadvice; i++)
        json_array_append_new(all, json_pack("{s:s, s:s, s:b}", "flags", d->found.advice[i].flags, "text", d->found.advice[i].text, "checked", 0));
    return all;
}

static json_t *answer_json(const struct bt_diag *d, const struct diagnose_check *c)
{
    const struct bt_diagnosis *f = &d->found;
    static const char *const ranks[] = { [BT_DIAG_NOTHING] = "none", [BT_DIAG_GUESS] = "unknown", [BT_DIAG_ECHO] = "echo", [BT_DIAG_EFFECT] = "effect", [BT_DIAG_CAUSE] = "cause" };
    json_t *args = json_object(), *holders = json_array();
    for (size_t i = 0; i < d->nargs; i++)
        json_object_set_new(args, d->arg[i].name, json_string(d->arg[i].value));
    for (size_t i = 0; i < f->nholders; i++)
        json_array_append_new(holders, json_pack("{s:I, s:o}", "pid", (json_int_t)f->holder[i].pid, "gib", number(f->holder[i].gib)));
    json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "code", f->code, "certainty", ranks[f->rank], "cause", f->cause, "step", f->step ? json_string(f->step) : json_null(),
                          "line", f->line ? bt_json_bytes(f->line) : json_null(), "quote", f->line ? json_string(f->quote) : json_null());
    json_object_set_new(o, "engine", json_pack("{s:o, s:o}", "name", d->engine ? json_string(d->engine) : json_null(), "version", d->version[0] ? json_string(d->version) : json_null()));
    json_object_set_new(o, "given", args);
    json_object_set_new(o, "job", c->job ? json_string(c->job) : json_null());
    json_object_set_new(o, "figures", figures_json(&f->figures));
    json_object_set_new(o, "holders", holders);
    json_object_set_new(o, "advice", advice_json(d, c));
    json_object_set_new(o, "checked_on", c->done ? json_string(c->on) : json_null());
    json_object_set_new(o, "not_checked", c->why_not ? json_string(c->why_not) : json_null());
    json_object_set_new(o, "log", json_pack("{s:o, s:o}", "lines", bt_json_bytes(d->lines), "starts", bt_json_bytes(d->starts)));
    return o;
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena arena = { 0 };
    struct bt_err err = { 0 };
    struct diagnose_args args = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_verb verb = *v;
    verb.opts = options(&arena);
    int code = bt_cmd_parse(&verb, &arena, argc, argv, &args, &rest, NULL);
    if (code)
        return code;
    if (rest.n != 1) {
        bt_err_set(&err, BT_E_USAGE, 0, rest.n ? "one log at a time" : "which log? a file, or - for standard input");
        bt_err_hint(&err, "%s", v->usage);
        return bt_cmd_fail(v, &err, args.json);
    }
    struct bt_diag *d = BT_NEW(&arena, struct bt_diag);
    struct diagnose_check check;
    bt_diag_init(d);
    if (read_log(rest.v[0], d, &err) < 0)
        return bt_cmd_fail(v, &err, args.json);
    bt_diag_end(d);
    diagnose_check(&arena, d, args.gpu, &args.job, &check);
    for (size_t i = 0; check.job && i < d->found.nadvice;)           /* the ledger knows the batch better than a rule of three */
        if (!strncmp(d->found.advice[i].flags, "batch size", 10))
            memmove(&d->found.advice[i], &d->found.advice[i + 1], (--d->found.nadvice - i) * sizeof d->found.advice[0]);
        else
            i++;
    if (args.json)
        bt_cmd_json("diagnose", answer_json(d, &check));
    else
        print_answer(&arena, d, &check);
    return strcmp(d->found.code, "unknown") && strcmp(d->found.code, "empty") ? 0 : 1;
}

const struct bt_verb bt_verb_diagnose = {
    .name = "diagnose",
    .summary = "why a start or a job failed, from its log, and what would start",
    .usage = "berth diagnose LOG [--gpu CARD] [--json]      LOG: a file, or - for standard input\n"
             "       berth diagnose LOG --train|--forward|--generate|--diffusion MODEL [--batch N] [--tokens N] [...]\n"
             "                      whose job it was, where the log does not say",
    .example = "  vllm serve Qwen/Qwen1.5-7B-Chat --max-model-len 32768 2>&1 | tee start.log; berth diagnose start.log\n"
               "  docker logs vllm 2>&1 | berth diagnose -",
    .opts = own_opts,
    .run = run,
};
