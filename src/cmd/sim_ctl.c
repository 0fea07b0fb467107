/* sim_ctl.c - `berth sim ctl`: what goes wrong with a simulated machine, when the user wants it to.
 *
 * It writes into the machine's state file and needs nobody's help: the libraries in the programs' processes read it at their
 * next call. One row an action. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "abi/nvml.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "cmd/sim_ctl.h"
#include "sim/state.h"

struct args { const char *state_dir; bool json; };
struct ctl { struct bt_arena *a; struct bt_sim_state *st; const char *const *word; size_t n; unsigned first, last; };    /* words after the card */

static const struct bt_opt opts[] = {
    { .name = "state-dir", .type = BT_OPT_STR, .off = offsetof(struct args, state_dir), .metavar = "DIR",
      .help = "the machine whose files are in DIR; without it, the one that this shell runs on" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "what there is and what is wrong with it, as JSON" },
    { 0 } };

#define EACH(c, g) for (unsigned g = (c)->first; g <= (c)->last; g++)

/* ---- actions: 0, or -1 with *err ---- */

static int lose(struct ctl *c, struct bt_err *err)
{
    (void)err;
    EACH(c, g)
        bt_sim_lose(c->st, g);
    return 0;
}

static int xid(struct ctl *c, struct bt_err *err)
{
    uint64_t code;
    if (bt_u64_parse(bt_str(c->word[0]), 1, 999, &code, err) < 0)
        return bt_err_wrap(err, "Xid");
    EACH(c, g)
        bt_sim_tell(c->st, g, nvmlEventTypeXidCriticalError, code);
    return 0;
}

static int ecc(struct ctl *c, struct bt_err *err)
{
    uint64_t n = 1;
    bool bad = !strcmp(c->word[0], "uncorrected");
    if (!bad && strcmp(c->word[0], "corrected") != 0)
        return bt_err_set(err, BT_E_USAGE, 0, "an ECC error is \"corrected\" or \"uncorrected\", not \"%s\"", c->word[0]);
    if (c->n > 1 && bt_u64_parse(bt_str(c->word[1]), 1, UINT32_MAX, &n, err) < 0)
        return bt_err_wrap(err, "how many ECC errors");
    EACH(c, g) {
        if (!c->st->gpus[g].ecc)
            return bt_err_set(err, BT_E_SPEC, 0, "card %u, %s, has no ECC", g, c->st->gpus[g].name);
        bt_sim_ecc(c->st, g, bad, n);
    }
    return 0;
}

static int hang(struct ctl *c, struct bt_err *err)
{
    uint64_t ms = BT_SIM_FOR_EVER;
    if (c->n && bt_duration_parse(bt_str(c->word[0]), &ms, err) < 0)
        return -1;
    EACH(c, g)
        bt_sim_hang(c->st, g, ms);
    return 0;
}

static const struct { const char *name; nvmlReturn_t code; } codes[] = {
    { "not-supported", NVML_ERROR_NOT_SUPPORTED }, { "no-permission", NVML_ERROR_NO_PERMISSION }, { "timeout", NVML_ERROR_TIMEOUT },
    { "lost", NVML_ERROR_GPU_IS_LOST }, { "reset-required", NVML_ERROR_RESET_REQUIRED }, { "operating-system", NVML_ERROR_OPERATING_SYSTEM },
    { "in-use", NVML_ERROR_IN_USE }, { "unknown", NVML_ERROR_UNKNOWN },
};

static int fail(struct ctl *c, struct bt_err *err)
{
    uint64_t code = 0, times = UINT32_MAX;
    for (size_t i = 0; i < BT_LEN(codes); i++)
        if (!strcmp(codes[i].name, c->word[0]))
            code = codes[i].code;
    if (!code && bt_u64_parse(bt_str(c->word[0]), 1, 999, &code, err) < 0) {
        bt_err_set(err, BT_E_USAGE, 0, "\"%s\" is no NVML error", c->word[0]);
        return bt_err_hint(err, "a number of nvml.h, or: unknown, timeout, lost, no-permission, not-supported, reset-required, in-use, operating-system");
    }
    if (c->n > 1 && bt_u64_parse(bt_str(c->word[1]), 1, UINT32_MAX - 1, &times, err) < 0)
        return bt_err_wrap(err, "how many calls fail");
    EACH(c, g)
        bt_sim_fail(c->st, g, (uint32_t)code, (uint32_t)times);
    return 0;
}

static int shrink(struct ctl *c, struct bt_err *err)
{
    uint64_t bytes;
    if (bt_bytes_parse(bt_str(c->word[0]), &bytes, err) < 0)
        return -1;
    EACH(c, g)
        if (!bt_sim_shrink(c->st, g, bytes)) {
            bt_err_set(err, BT_E_SPEC, 0, "card %u, %s, cannot be made %s small", g, c->st->gpus[g].name, bt_bytes_human(bytes));
            return bt_err_hint(err, "it shows %s, %s of them in use", bt_bytes_human(c->st->gpus[g].nvml_total_bytes),
                               bt_bytes_human(bt_sim_used(c->st, g)));
        }
    return 0;
}

/* A process that does nothing but hold memory; another user's when we are root. It ends with the machine. */
static pid_t spawn_stranger(struct bt_err *err)
{
    int gate[2];
    char go = 0;
    if (pipe2(gate, O_CLOEXEC) < 0)
        return bt_err_set(err, BT_E_FAILED, errno, "make a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        for (int fd = 0; fd < 3; fd++)
            dup2(open("/dev/null", O_RDWR), fd);
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(126);
        execlp("sleep", "stranger: python3 train.py", "infinity", (char *)NULL);
        while (write(gate[1], &go, 1) < 0 && errno == EINTR) {}
        _exit(127);
    }
    int sys = errno;
    close(gate[1]);
    ssize_t failed = pid < 0 ? 0 : read(gate[0], &go, 1);    /* end of file: exec has closed it */
    close(gate[0]);
    if (pid < 0 || failed)
        return bt_err_set(err, BT_E_FAILED, pid < 0 ? sys : 0, "start `sleep infinity` for the stranger");
    return pid;
}

static int stranger(struct ctl *c, struct bt_err *err)
{
    uint64_t bytes;
    if (bt_bytes_parse(bt_str(c->word[0]), &bytes, err) < 0)
        return -1;
    EACH(c, g) {
        pid_t pid = spawn_stranger(err);
        if (pid < 0)
            return -1;
        if (!bt_sim_stranger(c->st, (int32_t)pid, g, bytes)) {
            int sys = errno;
            kill(pid, SIGKILL);
            bt_err_set(err, sys == ENOSPC ? BT_E_FIT : BT_E_FAILED, sys == ENOSPC ? 0 : sys, "let a stranger take %s of card %u",
                       bt_bytes_human(bytes), g);
            return sys == ENOSPC ? bt_err_hint(err, "%s are in use of the %s", bt_bytes_human(bt_sim_used(c->st, g)),
                                               bt_bytes_human(c->st->gpus[g].cuda_total_bytes)) : -1;
        }
        printf("process %ld of %s holds %s of card %u: kill it to end that\n", (long)pid, geteuid() ? "yours (only root can make it another user's)" : "nobody",
               bt_bytes_human(bytes), g);
    }
    return 0;
}

static int mig(struct ctl *c, struct bt_err *err)
{
    const char *why, *profiles = !strcmp(c->word[0], "off") ? "" : c->word[0];
    EACH(c, g)
        if (bt_sim_mig(c->st, g, profiles, &why) < 0) {
            bt_err_set(err, errno == EBUSY ? BT_E_BUSY : BT_E_SPEC, 0, "cut card %u, %s, into \"%s\": %s", g, c->st->gpus[g].name, c->word[0], why);
            return errno == EBUSY ? bt_err_hint(err, "end them first: berth sim ctl") : -1;
        }
    return 0;
}

static int heal(struct ctl *c, struct bt_err *err)
{
    (void)err;
    if (c->last - c->first + 1 == c->st->ngpus)
        bt_sim_heal(c->st, UINT_MAX);
    else
        EACH(c, g)
            bt_sim_heal(c->st, g);
    return 0;
}

static int linger(struct ctl *c, struct bt_err *err)
{
    uint64_t ms = BT_SIM_LINGER_NEVER;
    if (strcmp(c->word[0], "never") != 0 && bt_duration_parse(bt_str(c->word[0]), &ms, err) < 0)
        return -1;
    __atomic_store_n(&c->st->linger_ms, ms > BT_SIM_LINGER_NEVER ? BT_SIM_LINGER_NEVER : (uint32_t)ms, __ATOMIC_RELEASE);
    return 0;
}

static int stick(struct ctl *c, struct bt_err *err)
{
    uint64_t pid;
    if (bt_u64_parse(bt_str(c->word[0]), 1, INT32_MAX, &pid, err) < 0)
        return bt_err_wrap(err, "pid");
    if (bt_sim_stick(c->st, (int32_t)pid, true))
        return 0;
    bt_err_set(err, BT_E_NOT_FOUND, 0, "process %llu holds no memory of this machine", (unsigned long long)pid);
    return bt_err_hint(err, "`berth sim ctl` lists those that do");
}

/* card: the first word names a card, or all of them. */
struct action { const char *name, *words; bool card; size_t least, most; int (*run)(struct ctl *, struct bt_err *); const char *help; };
static const struct action actions[] = {
    { "lose", "CARD", true, 0, 0, lose, "it falls off the bus: NVML says \"GPU is lost\", CUDA calls on it fail, Xid 79" },
    { "xid", "CARD CODE", true, 1, 1, xid, "an Xid event" },
    { "ecc", "CARD corrected|uncorrected [COUNT]", true, 1, 2, ecc, "ECC errors: counters and events, and Xid 48 when uncorrected" },
    { "hang", "CARD [TIME]", true, 0, 1, hang, "NVML calls on it do not return, for that time or until healed" },
    { "fail", "CARD ERROR [COUNT]", true, 1, 2, fail, "NVML calls on it answer an error: `fail 0 unknown 3`, `fail all 999`" },
    { "shrink", "CARD SIZE", true, 1, 1, shrink, "less memory than its name says" },
    { "stranger", "CARD SIZE", true, 1, 1, stranger, "another user's process appears and holds that much" },
    { "linger", "TIME|never", false, 1, 1, linger, "how long the memory of processes that die from now on stays taken" },
    { "stick", "PID", false, 1, 1, stick, "its CUDA calls do not return, and even its death gives nothing back" },
    { "mig", "CARD PROFILES|off", true, 1, 1, mig, "cut it into instances: `mig 0 3g.40gb,2g.20gb`; nobody may be using the machine" },
    { "heal", "[CARD]", true, 0, 0, heal, "all of that is over, but for strangers (kill them) and MIG" },
};

/* ---- which machine, which card ---- */

static struct bt_sim_state *open_machine(struct bt_arena *a, const char *dir, struct bt_err *err)
{
    const char *path = dir ? bt_arena_printf(a, "%s/machine", dir) : getenv(BT_SIM_ENV), *why;
    if (!path || !*path) {
        bt_err_set(err, BT_E_NOT_FOUND, 0, "this shell runs on no simulated machine");
        bt_err_hint(err, "type it inside `berth sim 4xA100-SXM4-40GB -- bash`, or name the machine with --state-dir");
        return NULL;
    }
    struct bt_sim_state *st = bt_sim_state_open(path, &why);
    if (!st)
        bt_err_set(err, BT_E_NOT_FOUND, errno, "%s %s", why, path);
    return st;
}

static int pick_cards(struct ctl *c, const char *word, struct bt_err *err)
{
    uint64_t n;
    struct bt_err ignored = { 0 };
    if (!c->st->ngpus)
        return bt_err_set(err, BT_E_SPEC, 0, "this machine has no cards");
    if (!strcmp(word, "all")) {
        c->first = 0;
        c->last = c->st->ngpus - 1;
        return 0;
    }
    for (unsigned g = 0; g < c->st->ngpus; g++)
        if (!strcmp(c->st->gpus[g].uuid, word)) {
            c->first = c->last = g;
            return 0;
        }
    if (bt_u64_parse(bt_str(word), 0, c->st->ngpus - 1, &n, &ignored) < 0) {
        bt_err_set(err, BT_E_USAGE, 0, "\"%s\" is no card of this machine", word);
        return bt_err_hint(err, "0 to %u in NVML's order, a UUID, or all", c->st->ngpus - 1);
    }
    c->first = c->last = (unsigned)n;
    return 0;
}

/* ---- what there is ---- */

static const char *trouble(struct bt_arena *a, const struct bt_sim_state *st, const struct bt_sim_gpu *g)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1024);
    uint64_t now = bt_sim_now_ms();
    if (g->lost)
        bt_buf_puts(&b, ", lost");
    if (g->hang_until_ms == BT_SIM_FOR_EVER)
        bt_buf_puts(&b, ", NVML hangs until healed");
    else if (g->hang_until_ms > now)
        bt_buf_printf(&b, ", NVML hangs for %s", bt_duration_human((double)(g->hang_until_ms - now) / 1000));
    if (g->fail_left)
        bt_buf_printf(&b, ", NVML answers %u", g->fail_code);
    if (g->fail_left && g->fail_left != UINT32_MAX)
        bt_buf_printf(&b, " %u times more", g->fail_left);
    if (g->whole_nvml_bytes)
        bt_buf_printf(&b, ", made smaller than %s", bt_bytes_human(g->whole_nvml_bytes));
    if (g->ecc_corrected || g->ecc_uncorrected)
        bt_buf_printf(&b, ", ECC errors: %llu corrected, %llu not", (unsigned long long)g->ecc_corrected, (unsigned long long)g->ecc_uncorrected);
    if (g->mig)
        bt_buf_puts(&b, ", in MIG mode");
    if (g->parent >= 0)
        bt_buf_printf(&b, ", instance %u of card %d", g->gi, g->parent);
    (void)st;
    return b.n ? bt_arena_strdup(a, bt_buf_z(&b) + 2) : "";
}

static bool is_stuck(const struct bt_sim_state *st, int32_t pid)
{
    for (unsigned i = 0; i < st->slots_high; i++)
        if (st->procs[i].state == BT_SIM_LIVE && st->procs[i].pid == pid)
            return st->procs[i].stuck;
    return false;
}

static void print_state(struct bt_arena *a, struct bt_sim_state *st)
{
    static const char *const card_heads[] = { ">card", "name", ">total", ">in use", "trouble", NULL };
    static const char *const proc_heads[] = { ">card", ">pid", ">holds", "", "command", NULL };
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    struct bt_table *cards = bt_table_new(a, card_heads), *procs = bt_table_new(a, proc_heads);
    struct bt_sim_holder *who = BT_NEWN(a, struct bt_sim_holder, BT_SIM_MAX_PROCS);
    size_t nprocs = 0;
    for (unsigned g = 0; g < st->ngpus + st->nmig; g++) {
        const struct bt_sim_gpu *gpu = &st->gpus[g];
        bt_table_row(cards, gpu->parent < 0 ? bt_arena_printf(a, "%u", g) : "", gpu->name, bt_arena_strdup(a, bt_bytes_human(gpu->cuda_total_bytes)),
                     bt_arena_strdup(a, bt_bytes_human(bt_sim_used(st, g))), trouble(a, st, gpu), NULL);
        size_t n = gpu->parent < 0 ? bt_sim_holders(st, g, who, BT_SIM_MAX_PROCS) : 0;
        nprocs += n;
        for (size_t i = 0; i < n; i++)
            bt_table_row(procs, bt_arena_printf(a, "%u", g), bt_arena_printf(a, "%d", who[i].pid), bt_arena_strdup(a, bt_bytes_human(who[i].bytes)),
                         is_stuck(st, who[i].pid) ? "stuck" : "", bt_proc_cmdline(a, who[i].pid), NULL);
    }
    bt_table_print(cards, bt_style_of(stdout), &b);
    if (nprocs) {
        bt_buf_puts(&b, "\n");
        bt_table_print(procs, bt_style_of(stdout), &b);
    }
    if (st->linger_ms == BT_SIM_LINGER_NEVER)
        bt_buf_puts(&b, "\nmemory of processes that die never comes back\n");
    else
        bt_buf_printf(&b, "\nmemory of processes that die comes back after %s\n", bt_duration_exact(st->linger_ms));
    bt_cmd_print(&b);
}

static json_t *procs_json(struct bt_arena *a, struct bt_sim_state *st, unsigned g)
{
    struct bt_sim_holder *who = BT_NEWN(a, struct bt_sim_holder, BT_SIM_MAX_PROCS);
    json_t *list = json_array();
    size_t n = bt_sim_holders(st, g, who, BT_SIM_MAX_PROCS);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:i, s:I, s:b}", "pid", (int)who[i].pid, "bytes", (json_int_t)who[i].bytes, "stuck",
                                              (int)is_stuck(st, who[i].pid)));
    return list;
}

static void print_json(struct bt_arena *a, struct bt_sim_state *st)
{
    json_t *cards = json_array();
    for (unsigned g = 0; g < st->ngpus + st->nmig; g++) {
        const struct bt_sim_gpu *gpu = &st->gpus[g];
        json_array_append_new(cards, json_pack("{s:s, s:s, s:I, s:I, s:s, s:o, s:o}", "uuid", gpu->uuid, "name", gpu->name, "total_bytes",
                              (json_int_t)gpu->cuda_total_bytes, "used_bytes", (json_int_t)bt_sim_used(st, g), "trouble", trouble(a, st, gpu),
                              "instance_of", gpu->parent < 0 ? json_null() : json_integer(gpu->parent), "procs", procs_json(a, st, g)));
    }
    bt_cmd_json("sim", json_pack("{s:o, s:o}", "gpus", cards, "linger_ms",
                                 st->linger_ms == BT_SIM_LINGER_NEVER ? json_null() : json_integer(st->linger_ms)));
}

/* ---- the verb ---- */

static int act(const struct bt_verb *v, struct bt_arena *a, struct bt_sim_state *st, const struct bt_strs *rest)
{
    struct bt_err err = { 0 };
    const struct action *do_this = NULL;
    for (size_t i = 0; i < BT_LEN(actions); i++)
        if (!strcmp(actions[i].name, rest->v[0]))
            do_this = &actions[i];
    if (!do_this)
        return bt_cmd_usage(v, false, "nothing called \"%s\" can go wrong: see berth sim ctl --help", rest->v[0]);
    size_t skip = 1 + do_this->card;
    struct ctl c = { .a = a, .st = st, .word = rest->v + BT_MIN(skip, rest->n), .n = rest->n > skip ? rest->n - skip : 0 };
    bool all = do_this->run == heal && rest->n == 1;
    if ((!all && rest->n < skip) || c.n < do_this->least || c.n > do_this->most)
        return bt_cmd_usage(v, false, "it is: berth sim ctl %s %s", do_this->name, do_this->words);
    if ((do_this->card && pick_cards(&c, all ? "all" : rest->v[1], &err) < 0) || do_this->run(&c, &err) < 0)
        return bt_cmd_fail(v, &err, false);
    return 0;
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args args = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    size_t dashdash = 0;
    int rc = bt_cmd_parse(v, &a, argc, argv, &args, &rest, &dashdash);
    if (rc)
        return rc;
    struct bt_sim_state *st = open_machine(&a, args.state_dir, &err);
    if (!st)
        return bt_cmd_fail(v, &err, args.json);
    if (rest.n)
        rc = act(v, &a, st, &rest);
    else if (args.json)
        print_json(&a, st);
    else
        print_state(&a, st);
    bt_sim_state_close(st);
    return rc;
}

int bt_sim_ctl(int argc, char **argv)
{
    bt_auto_buf struct bt_buf text = BT_BUF(8192);
    for (size_t i = 0; i < BT_LEN(actions); i++)
        bt_buf_printf(&text, "%s  berth sim ctl %-8s %-36s %s", i ? "\n" : "", actions[i].name, actions[i].words, actions[i].help);
    const struct bt_verb verb = {
        .name = "sim ctl", .summary = "what a simulated machine holds, and what shall go wrong with it",
        .usage = "berth sim ctl [ACTION [CARD] [WORDS]] [--state-dir DIR] [--json]", .example = bt_buf_z(&text), .opts = opts, .run = run };
    return verb.run(&verb, argc, argv);
}
