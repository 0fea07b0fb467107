/* up_verb.c - `berth up`: of a spec, of a model's name, or of a server's command line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "cmd/adhoc.h"
#include "cmd/up.h"

struct args { struct bt_up up; struct bt_adhoc one; const char *save; };

static const struct bt_opt opts[] = {
    { .name = "file", .alias = "f", .type = BT_OPT_STR, .off = offsetof(struct args, up.file), .metavar = "FILE",
      .help = "the spec (default ./berth.yaml)" },
    { .name = "gpus", .type = BT_OPT_STR, .off = offsetof(struct args, up.gpus), .metavar = "FLEET",
      .help = "cards to use instead of the spec's: 0,1 or 4xA100-SXM4-40GB (a requirement)" },
    { .name = "variant", .type = BT_OPT_STR, .off = offsetof(struct args, up.variant), .metavar = "NAME",
      .help = "a variant of the spec; what is up goes over to it" },
    { .name = "switch", .type = BT_OPT_BOOL, .off = offsetof(struct args, up.over),
      .help = "what is up goes over to the spec as it is now: what is the same runs on, the rest is stopped and started" },
    { .name = "plan", .type = BT_OPT_STR, .off = offsetof(struct args, up.plan), .metavar = "FILE",
      .help = "obey this plan file (`berth plan --json`) instead of planning" },
    { .name = "detach", .alias = "d", .type = BT_OPT_BOOL, .off = offsetof(struct args, up.detach),
      .help = "return when everything is ready, and leave it running" },
    { .name = "no-learned", .type = BT_OPT_BOOL, .off = offsetof(struct args, up.no_learned), .help = "use nothing that was measured before" },
    { .name = "keep", .type = BT_OPT_BOOL, .off = offsetof(struct args, up.keep), .help = "when something fails to start, leave the rest as it is" },
    { .name = "again", .type = BT_OPT_BOOL, .off = offsetof(struct args, up.again), .help = "do the tasks anew that are done" },
    { .name = "wait-jobs", .type = BT_OPT_BOOL, .off = offsetof(struct args, up.wait_jobs),
      .help = "when all jobs have ended, take the set down; exit 0 if all are done, else 1" },
    { .name = "exit-with", .type = BT_OPT_STR, .off = offsetof(struct args, up.exit_with), .metavar = "JOB",
      .help = "when JOB has ended, take the set down; exit with its status" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, up.json), .help = "print JSON: when it is up, and (without -d) when it has ended" },
    { .name = "engine", .type = BT_OPT_STR, .off = offsetof(struct args, one.engine), .metavar = "NAME",
      .help = "MODEL: vllm (default), sglang, llama-server" },
    { .name = "memory", .type = BT_OPT_STR, .off = offsetof(struct args, one.memory), .metavar = "SIZE", .help = "MODEL: of each card, 40% or 20GiB" },
    { .name = "quantization", .type = BT_OPT_STR, .off = offsetof(struct args, one.quantization), .metavar = "METHOD",
      .help = "MODEL: made so while loading (fp8)" },
    { .name = "context", .type = BT_OPT_STR, .off = offsetof(struct args, one.context), .metavar = "TOKENS", .help = "MODEL: tokens of one request" },
    { .name = "port", .type = BT_OPT_STR, .off = offsetof(struct args, one.port), .metavar = "PORT", .help = "MODEL: where it listens (default: a free one)" },
    { .name = "name", .type = BT_OPT_STR, .off = offsetof(struct args, one.name), .metavar = "NAME", .help = "MODEL: of the project (default: the model's)" },
    { .name = "save", .type = BT_OPT_STR, .off = offsetof(struct args, save), .metavar = "FILE", .help = "MODEL: write the spec there, too" },
    { 0 },
};

/* Never over a file that is there. */
static int save(const char *path, const char *text, struct bt_err *err)
{
    bt_auto_fd fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        bt_err_set(err, BT_E_IO, errno, "--save %s", path);
        return errno == EEXIST ? bt_err_hint(err, "it is there already; name another file") : -1;
    }
    return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : bt_err_set(err, BT_E_IO, errno, "write %s", path);
}

static bool says_one(const struct bt_adhoc *o)
{
    return o->engine || o->memory || o->quantization || o->context || o->port || o->name;
}

static int one_thing(struct bt_arena *a, struct args *o, const struct bt_strs *rest, size_t dashdash, struct bt_err *err)
{
    const char *workload, *visible = NULL;
    struct bt_strs notes = { 0 };
    bool pasted = dashdash < rest->n;
    if (o->up.plan && (o->up.file || o->up.gpus || o->up.variant))
        return bt_err_set(err, BT_E_USAGE, 0, "--plan is obeyed unchanged: -f, --gpus and --variant make another plan");
    if (rest->n == 0)
        return !says_one(&o->one) && !o->save ? 0 : bt_err_set(err, BT_E_USAGE, 0, "--engine, --memory, --quantization, --context, --port, --name and --save "
                                                                                   "go with a MODEL");
    if (o->up.file || o->up.plan || (pasted && dashdash > 0) || (!pasted && rest->n > 1))
        return bt_err_set(err, BT_E_USAGE, 0, "one of: a spec (-f), a plan file (--plan), one MODEL, or `-- vllm serve ...` (llama-server, sglang)");
    int rc = pasted ? bt_adhoc_paste(a, rest->v, rest->n, &o->one, &o->up.text, &workload, &visible, &notes, err)
                    : bt_adhoc_model(a, rest->v[0], &o->one, &o->up.text, &workload, err);
    if (rc < 0)
        return -1;
    for (size_t i = 0; i < notes.n; i++)
        fprintf(stderr, "  note: %s\n", notes.v[i]);
    if (visible && !o->up.gpus)
        o->up.gpus = visible;
    return o->save ? save(o->save, o->up.text, err) : 0;
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    size_t dashdash;
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, &dashdash);
    if (rc)
        return rc;
    if (argc && dashdash == rest.n && !strcmp(argv[argc - 1], "--"))
        return bt_cmd_usage(v, o.up.json, "nothing stands after --");
    if (one_thing(&a, &o, &rest, dashdash, &err) < 0)
        return bt_cmd_fail(v, &err, o.up.json);
    o.up.over |= o.up.variant && o.up.variant[0];
    return bt_up(v, &a, &o.up);
}

const struct bt_verb bt_verb_up = {
    .name = "up", .summary = "plan, start everything, watch until ready",
    .usage = "berth up [-f FILE] [--gpus FLEET] [--variant NAME] [--switch] [--plan FILE] [-d] [--json]\n"
             "       berth up MODEL [--memory SIZE] [--quantization METHOD] [--context N] [--port N] [...]\n"
             "       berth up [...] -- vllm serve MODEL ...   (or llama-server, or python -m sglang.launch_server)",
    .opts = opts, .run = run,
    .example = "  berth up                     start ./berth.yaml, stay; Ctrl-C takes it down\n"
               "  berth up -d                  return when all is ready\n"
               "  berth up --exit-with analyst run until the job `analyst` has ended\n"
               "  berth up --variant training  start that variant, or go over to it\n"
               "  berth up Qwen/Qwen3-8B --memory 40% --save berth.yaml",
};
