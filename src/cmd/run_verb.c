/* run_verb.c - `berth run -- CMD`: one job with a budget, placed into what is free; its output here, its exit status ours. `berth run JOB --KEY VALUE`: one
 * job of the spec, with that value of its matrix. */
#include <stdio.h>
#include <time.h>

#include "cmd/adhoc.h"
#include "cmd/planning_own.h"
#include "cmd/up.h"

struct args { struct bt_adhoc one; const char *fleet, *file, *variant; bool wait, again; };

static const struct bt_opt opts[] = {
    { .name = "gpus", .type = BT_OPT_STR, .off = offsetof(struct args, one.gpus), .metavar = "N",
      .help = "CMD: how many cards (default 1); 0 for none" },
    { .name = "memory", .type = BT_OPT_STR, .off = offsetof(struct args, one.memory), .metavar = "SIZE",
      .help = "CMD: of each card, 12GiB or 40%; without it: whole cards" },
    { .name = "on", .type = BT_OPT_STR, .off = offsetof(struct args, fleet), .metavar = "FLEET", .help = "only these cards: 0,1" },
    { .name = "name", .type = BT_OPT_STR, .off = offsetof(struct args, one.name), .metavar = "NAME",
      .help = "CMD: of the project (default: made of the program)" },
    { .name = "file", .alias = "f", .type = BT_OPT_STR, .off = offsetof(struct args, file), .metavar = "FILE", .help = "JOB: the spec (default ./berth.yaml)" },
    { .name = "variant", .type = BT_OPT_STR, .off = offsetof(struct args, variant), .metavar = "NAME", .help = "JOB: of the spec" },
    { .name = "again", .type = BT_OPT_BOOL, .off = offsetof(struct args, again), .help = "JOB: also what is done" },
    { .name = "wait", .type = BT_OPT_BOOL, .off = offsetof(struct args, wait), .help = "when there is no room now, wait until there is" },
    { 0 },
};

/* Keys of a matrix are the user's own words: what the table does not have is one of them. Takes them out of argv. */
static int take_values(struct bt_arena *a, int *argc, char **argv, struct bt_spec_value **value, size_t *n, struct bt_err *err)
{
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        const char *word = argv[i], *eq = strchr(word, '=');
        size_t len = eq ? (size_t)(eq - word) : strlen(word);
        bool known = strncmp(word, "--", 2) || !word[2];
        for (const struct bt_opt *o = opts; !known && o->name; o++)
            known = (strlen(o->name) == len - 2 && !strncmp(o->name, word + 2, len - 2)) || !strncmp(word, "--no-", 5);
        if (known) {
            bool with_value = word[0] == '-' && !eq && strcmp(word, "--wait") && strcmp(word, "--again") && i + 1 < *argc;
            argv[kept++] = argv[i];
            if (with_value)
                argv[kept++] = argv[++i];
            continue;
        }
        if (!eq && i + 1 == *argc) {
            bt_err_set(err, BT_E_USAGE, 0, "%s: a value of the job's matrix is missing (it is no option of `run`)", word);
            return bt_err_hint(err, "berth run JOB %s VALUE; --help lists the options", word);
        }
        struct bt_spec_value one = { bt_arena_strndup(a, (struct bt_str){ word + 2, len - 2 }), eq ? eq + 1 : argv[++i] };
        BT_PUSH(a, *value, *n, one);
    }
    *argc = kept;
    return 0;
}

/* Without a size the job takes the whole of what a card has: only cards of which half is free are looked at, now and in the plans of others. Where that
 * leaves none, or the fleet is no list of this machine's cards, it stays with what was asked, and `up` says what is missing. */
static const char *free_cards(struct bt_arena *a, const char *on)
{
    struct bt_fleet f;
    struct bt_err ignored = { 0 };
    struct bt_fleet_opts fo = { .margin_bytes = BT_DEFAULT_MARGIN, .visible = getenv("CUDA_VISIBLE_DEVICES") };
    bt_auto_buf struct bt_buf list = BT_BUF(4096);
    if (bt_fleet_open(a, on ? on : "auto", &fo, &f, &ignored) < 0 || !f.live || bt_planning_own(a, "", false, &f, &ignored) < 0)
        return on;
    for (size_t i = 0; i < f.n; i++)
        if (bt_gpu_capacity(&f.gpus[i]) >= f.gpus[i].total_bytes / 2)
            bt_buf_printf(&list, "%s%d", list.n ? "," : "", f.gpus[i].index);
    return list.n && !list.over ? bt_arena_strdup(a, bt_buf_z(&list)) : on;
}

/* Until there is room, when that is wanted. */
static int up(const struct bt_verb *v, struct bt_arena *a, struct bt_up *u, bool wait)
{
    enum { AGAIN_S = 2 };
    int rc;
    const char *on = u->gpus;
    u->quiet_refusal = wait;
    for (bool told = false;; told = true) {
        u->gpus = u->whole_cards ? free_cards(a, on) : on;
        if ((rc = bt_up(v, a, u)) != 3 || !wait)
            return rc;
        if (!told)
            fprintf(stderr, "berth run: no room now; waiting (Ctrl-C ends it)\n");
        nanosleep(&(struct timespec){ .tv_sec = AGAIN_S }, NULL);
    }
}

static int run_job(const struct bt_verb *v, struct bt_arena *a, const struct args *o, const char *job, const struct bt_spec_value *value, size_t n)
{
    if (o->one.gpus || o->one.memory || o->one.name)
        return bt_cmd_usage(v, false, "--gpus, --memory and --name go with a command; what %s takes is in the spec", job);
    struct bt_spec_only only = { .job = job, .value = value, .nvalues = n };
    struct bt_up u = { .stream = true, .file = o->file, .variant = o->variant, .gpus = o->fleet, .again = o->again, .only = &only, .exit_with = job };
    return up(v, a, &u, o->wait);
}

static int run_command(const struct bt_verb *v, struct bt_arena *a, struct args *o, const struct bt_strs *words)
{
    struct bt_err err = { 0 };
    struct bt_up u = { .stream = true, .gpus = o->fleet };
    if (o->file || o->variant || o->again)
        return bt_cmd_usage(v, false, "--file, --variant and --again go with a JOB of the spec");
    if (!o->one.gpus)
        o->one.gpus = "1";
    u.whole_cards = !o->one.memory && strcmp(o->one.gpus, "0") != 0;
    if (bt_adhoc_command(a, words->v, words->n, ".", (unsigned)getpid(), &o->one, &u.text, &u.exit_with, &err) < 0)
        return bt_cmd_fail(v, &err, false);
    return up(v, a, &u, o->wait);
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    struct bt_spec_value *value = NULL;
    size_t dashdash, n = 0;
    bool command = false, help = false;
    for (int i = 0; i < argc && !command; i++) {
        command = !strcmp(argv[i], "--");
        help |= !command && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"));
    }
    if (!command && !help && take_values(&a, &argc, argv, &value, &n, &err) < 0)
        return bt_cmd_fail(v, &err, false);
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, &dashdash);
    if (rc)
        return rc;
    if (!command && rest.n == 1)
        return run_job(v, &a, &o, rest.v[0], value, n);
    if (!rest.n || dashdash)
        return bt_cmd_usage(v, false, "give a command after --, or one job of the spec");
    return run_command(v, &a, &o, &rest);
}

const struct bt_verb bt_verb_run = {
    .name = "run", .summary = "one command, or one job of the spec, placed into what is free",
    .usage = "berth run [--gpus N] [--memory SIZE] [--on FLEET] [--wait] -- COMMAND...\n"
             "       berth run JOB [--KEY VALUE ...] [-f FILE] [--variant NAME] [--on FLEET] [--again] [--wait]", .opts = opts, .run = run,
    .example = "  berth run --memory 12GiB -- python3 train.py\n  berth run --gpus 2 --wait -- torchrun --nproc-per-node 2 eval.py\n"
               "  berth run extract --layer 12   one more task of the job `extract`: its matrix with layer 12 alone",
};
