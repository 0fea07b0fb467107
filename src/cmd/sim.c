/* sim.c - berth sim: run a command, and all that it starts, on a simulated NVIDIA machine.
 *
 * The machine is a file of shared memory and two libraries that the loader finds first (sim/). Folders for berth's own
 * runtime files and state lie beside it, so a daemon of the simulated machine never meets a real one. When the command
 * ends, everything that it left running ends too, and nothing stays; what a killed `berth sim` left is removed by the next one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "cmd/sim_ctl.h"
#include "gpu/gpu.h"
#include "sim/state.h"

struct args { const char *state_dir; uint64_t release_delay_ms; };

static const struct bt_opt opts[] = {
    { .name = "release-delay", .type = BT_OPT_DURATION, .off = offsetof(struct args, release_delay_ms), .def = "300ms",
      .help = "how long the memory of a process that ended stays taken, as real drivers show" },
    { .name = "state-dir", .type = BT_OPT_STR, .off = offsetof(struct args, state_dir), .metavar = "DIR",
      .help = "keep the machine's files in DIR instead of a temporary folder that is removed at the end" },
    { 0 } };

#define LOOK_MS 200                  /* for the dead */
#define TERM_WAIT_MS 5000            /* what is left running gets this long after SIGTERM, then SIGKILL */
#define KILL_WAIT_MS 5000
#define LONGEST_DELAY_MS 600000

struct sim {
    const char *fleet, *dir, *bin, *lib, *state, *engines;
    bool keep;                       /* dir is the user's: not removed */
};

/* ---- where the simulated driver lives ---- */

#ifdef __aarch64__
#define ARCH "aarch64"
#else
#define ARCH "x86_64"
#endif

static bool has_driver(struct bt_arena *a, const char *dir)
{
    return bt_file_exists(bt_arena_printf(a, "%s/libcuda.so.1", dir)) && bt_file_exists(bt_arena_printf(a, "%s/libnvidia-ml.so.1", dir));
}

static const char *own_folder(struct bt_arena *a)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = 0;
    return bt_path_dir(a, bt_arena_strdup(a, exe));
}

static const char *find_driver(struct bt_arena *a, const char *bin, struct bt_err *err)
{
    const char *named = getenv("BERTH_SIM_LIB");
    const char *const places[] = {
        named && named[0] ? bt_path_abs(a, NULL, named) : NULL,
        bt_arena_printf(a, "%s/../../sim", bin),             /* build tree: src/cmd/berth beside sim/ */
        bt_arena_printf(a, "%s/../lib/berth/sim", bin),      /* installed: bin/berth beside lib/, by the names that libdir has */
        bt_arena_printf(a, "%s/../lib/" ARCH "-linux-gnu/berth/sim", bin),
        bt_arena_printf(a, "%s/../lib64/berth/sim", bin),
    };
    size_t first = places[0] ? 0 : 1, last = places[0] ? 1 : BT_LEN(places);      /* what the user named is not second-guessed */
    for (size_t i = first; i < last; i++) {
        char real[PATH_MAX];
        if (has_driver(a, places[i]) && realpath(places[i], real))
            return bt_arena_strdup(a, real);
    }
    bt_err_set(err, BT_E_NOT_FOUND, 0, "the simulated driver (libcuda.so.1 and libnvidia-ml.so.1) is not in %s", places[first]);
    bt_err_hint(err, "set BERTH_SIM_LIB to the folder that holds it");
    return NULL;
}

/* ---- the machine ---- */

#define TEMPORARY "temporary"        /* in a folder that is to be removed: written under its lock, so a free lock beside it is a dead owner's */

/* By one name, however it is written: who runs on a machine there is found by the name of its folder. */
static const char *tmp_folder(struct bt_arena *a)
{
    const char *tmp = getenv("TMPDIR");
    char real[PATH_MAX];
    tmp = tmp && tmp[0] == '/' ? tmp : "/tmp";
    return realpath(tmp, real) ? bt_arena_strdup(a, real) : tmp;
}

static int make_folder(struct bt_arena *a, const char *state_dir, struct sim *sim, struct bt_err *err)
{
    if (state_dir) {
        sim->keep = true;
        sim->dir = bt_path_abs(a, NULL, state_dir);
        return bt_dir_private(sim->dir, err);
    }
    char *dir = bt_arena_printf(a, "%s/berth-sim-XXXXXX", tmp_folder(a));
    if (!mkdtemp(dir))
        return bt_err_set(err, BT_E_IO, errno, "make a folder like %s", dir);
    sim->dir = dir;
    return 0;
}

static int describe(const struct bt_gpu *g, struct bt_sim_gpu_desc *d, struct bt_err *err)
{
    if (g->cc_major < 1) {
        bt_err_set(err, BT_E_SPEC, 0, "%s cannot be simulated: it has no CUDA compute capability", g->name);
        return bt_err_hint(err, "the simulated driver is NVIDIA's; a fleet.json may give \"compute_capability\"");
    }
    *d = (struct bt_sim_gpu_desc){
        .name = g->name, .uuid = strncmp(g->uuid, "GPU-", 4) ? NULL : g->uuid, .cc_major = g->cc_major, .cc_minor = g->cc_minor,
        .nvml_total_bytes = BT_MAX(g->nvml_total_bytes, g->total_bytes),     /* a GB10's NVML says 0: its memory is the host's */
        .cuda_total_bytes = g->total_bytes };
    if (g->kind) {
        d->tdp_w = g->kind->tdp_w;
        d->nvlink_gbs = g->kind->nvlink_gbs;
        d->nvlink_mesh = g->kind->nvlink_mesh;
    }
    return 0;
}

static int create_state(const struct args *args, const struct bt_fleet *f, const struct sim *sim, struct bt_err *err)
{
    struct bt_sim_gpu_desc cards[BT_MAX_GPUS];
    struct bt_sim_desc desc = { .gpus = cards, .ngpus = f->n, .seed = sim->fleet,
                                .linger_ms = args->release_delay_ms ? (int)args->release_delay_ms : -1 };      /* 0 means the default there */
    const char *why = "";
    for (size_t i = 0; i < f->n; i++)
        if (describe(&f->gpus[i], &cards[i], err) < 0)
            return -1;
    if (bt_sim_state_create(sim->state, &desc, &why) < 0)
        return bt_err_set(err, errno == EINVAL ? BT_E_SPEC : BT_E_IO, errno, "make the simulated machine %s: %s", sim->state, why);
    return 0;
}

/* A folder that was given may be another simulated machine's at this moment. The lock ends with us. */
static int lock_folder(const struct sim *sim, struct bt_err *err)
{
    int fd = open(sim->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return bt_err_set(err, BT_E_IO, errno, "open %s", sim->dir);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    bt_err_set(err, errno == EWOULDBLOCK ? BT_E_BUSY : BT_E_IO, errno == EWOULDBLOCK ? 0 : errno, "another simulated machine runs in %s", sim->dir);
    close(fd);
    return bt_err_hint(err, "end that one, or give this one a --state-dir of its own");
}

static int make_machine(struct bt_arena *a, const struct args *args, const struct bt_fleet *f, struct sim *sim, struct bt_err *err)
{
    if (make_folder(a, args->state_dir, sim, err) < 0)
        return -1;
    sim->state = bt_arena_printf(a, "%s/machine", sim->dir);
    if (lock_folder(sim, err) < 0 || (!sim->keep && bt_file_write(bt_arena_printf(a, "%s/" TEMPORARY, sim->dir), BT_S(""), err) < 0))
        return -1;
    if (create_state(args, f, sim, err) < 0 || bt_dir_private(bt_arena_printf(a, "%s/run", sim->dir), err) < 0)
        return -1;
    return bt_dir_private(bt_arena_printf(a, "%s/state", sim->dir), err);
}

static void set_environment(struct bt_arena *a, struct sim *sim)
{
    const char *path = getenv("LD_LIBRARY_PATH");
    setenv("LD_LIBRARY_PATH", path && path[0] ? bt_arena_printf(a, "%s:%s", sim->lib, path) : sim->lib, 1);
    setenv("BERTH_SIM_STATE", sim->state, 1);
    setenv("BERTH_SIM", sim->fleet, 1);
    setenv("BERTH_RUNTIME_DIR", bt_arena_printf(a, "%s/run", sim->dir), 1);
    setenv("BERTH_LOCK_DIR", sim->dir, 1);           /* cards of two simulated machines have the same uuids */
    setenv("BERTH_STATE_DIR", bt_arena_printf(a, "%s/state", sim->dir), 1);
    unsetenv("CUDA_VISIBLE_DEVICES");        /* it named cards of the real machine */
    const char *programs = getenv("PATH");   /* last: `berth` works inside a build tree, and no other program is hidden */
    setenv("PATH", programs && programs[0] ? bt_arena_printf(a, "%s:%s", programs, sim->bin) : sim->bin, 1);
    sim->engines = bt_sim_engines(a, sim->dir, sim->bin, sim->lib);
    if (sim->engines)
        setenv("PATH", bt_arena_printf(a, "%s:%s", getenv("PATH"), sim->engines), 1);
}

/* ---- the command ---- */

/* Starts argv with our environment. On failure *err says so and 126 or 127 is what a shell would exit with. */
static int start(char *const *argv, const sigset_t *mask, pid_t *out, struct bt_err *err)
{
    int report[2], failed = 0;
    if (pipe2(report, O_CLOEXEC) < 0) {
        bt_err_set(err, BT_E_FAILED, errno, "make a pipe");
        return 126;
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);    /* we were killed with -9: do not live on unseen */
        if (getppid() != parent)
            _exit(1);
        signal(SIGPIPE, SIG_DFL);            /* berth ignores it; the command must not inherit that */
        sigprocmask(SIG_SETMASK, mask, NULL);
        execvp(argv[0], argv);
        failed = errno;
        while (write(report[1], &failed, sizeof failed) < 0 && errno == EINTR) {}
        _exit(127);
    }
    int fork_errno = errno;
    close(report[1]);
    ssize_t got = pid < 0 ? 0 : read(report[0], &failed, sizeof failed);
    close(report[0]);
    if (pid < 0) {
        bt_err_set(err, BT_E_FAILED, fork_errno, "start a process");
        return 126;
    }
    if (got == (ssize_t)sizeof failed) {
        waitpid(pid, NULL, 0);
        bt_err_set(err, BT_E_EXEC, failed, "run %s", argv[0]);
        return failed == ENOENT ? 127 : 126;
    }
    *out = pid;
    return 0;
}

/* Reap whatever ended; true when the command is among it. */
static bool reap(pid_t command, int *status)
{
    bool ended = false;
    int s;
    for (pid_t pid; (pid = waitpid(-1, &s, WNOHANG)) > 0;)
        if (pid == command) {
            *status = s;
            ended = true;
        }
    return ended;
}

/* Until the command ends. A signal that someone sent to us goes on to it; one from the terminal reached it already. Meanwhile the dead are looked for: what
 * they held comes back some time after they are found, also where nobody else asks the driver. */
static int wait_for(pid_t command, const sigset_t *set, const char *state)
{
    const struct timespec look = { .tv_nsec = LOOK_MS * 1000000L };
    const char *ignored;
    struct bt_sim_state *st = bt_sim_state_open(state, &ignored);
    int status = 0;
    for (;;) {
        siginfo_t info;
        int sig = sigtimedwait(set, &info, &look);
        if (st)
            bt_sim_reap(st, true);
        if (sig > 0 && sig != SIGCHLD && info.si_code != SI_KERNEL)
            kill(command, sig);
        if (reap(command, &status)) {
            bt_sim_state_close(st);
            return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        }
    }
}

/* ---- afterwards ---- */

/* Is this one of the simulated machine's processes: does its environment name our state file? False when we may not look. */
static bool on_this_machine(struct bt_arena *a, pid_t pid, const char *state)
{
    struct bt_str env, entry;
    struct bt_err ignored = { 0 };
    if (bt_file_read(a, bt_arena_printf(a, "/proc/%ld/environ", (long)pid), 4 * MiB, &env, &ignored) < 0)
        return false;
    const char *wanted = bt_arena_printf(a, BT_SIM_ENV "=%s", state);
    while (env.n) {
        env = bt_str_cut(env, 0, &entry);
        if (bt_str_eq(entry, wanted))
            return true;
    }
    return false;
}

/* What still runs: our descendants (we are the subreaper: a daemon cannot leave), and whoever else was given this machine's
 * environment, from another terminal say. Their driver is about to disappear. */
static size_t list_left(struct bt_arena *a, const struct sim *sim, struct bt_proc **out)
{
    struct bt_proc *all, *tree, *left = NULL;
    size_t nall = bt_proc_list(a, &all), ntree = bt_proc_tree(a, getpid(), 0, &tree), n = 0;
    for (size_t i = 0; i < nall; i++) {
        bool ours = false;
        for (size_t j = 0; j < ntree; j++)
            ours = ours || tree[j].id.pid == all[i].id.pid;
        if (all[i].id.pid != getpid() && all[i].state != 'Z' && (ours || on_this_machine(a, all[i].id.pid, sim->state)))
            BT_PUSH(a, left, n, all[i]);
    }
    *out = left;
    return n;
}

static void signal_all(const struct bt_proc *list, size_t n, int sig)
{
    for (size_t i = 0; i < n; i++) {
        bt_auto_fd fd = bt_proc_pidfd(list[i].id);
        if (fd >= 0)
            bt_pidfd_send(fd, sig);
    }
}

/* Until nothing is left (true), or the time is over, or the user signals again. sig is sent once, SIGKILL at every look: to
 * what was forked since the last one too. */
static bool end_with(const struct sim *sim, const sigset_t *set, int sig, int64_t wait_ms)
{
    for (int64_t end = bt_now_ms() + wait_ms, looks = 0;; looks++) {
        bt_auto_arena a = { 0 };
        struct bt_proc *left;
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
        size_t n = list_left(&a, sim, &left);
        if (!n || bt_now_ms() >= end)
            return !n;
        if (!looks || sig == SIGKILL)
            signal_all(left, n, sig);
        struct timespec step = { .tv_nsec = 20 * 1000000L };
        int got = sigtimedwait(set, NULL, &step);
        if (sig != SIGKILL && got > 0 && got != SIGCHLD)
            return false;            /* Ctrl-C again: no more patience */
    }
}

static void end_what_is_left(const struct sim *sim, const sigset_t *set)
{
    if (end_with(sim, set, SIGTERM, TERM_WAIT_MS))
        return;
    if (!end_with(sim, set, SIGKILL, KILL_WAIT_MS))
        fprintf(stderr, "berth sim: some processes of %s cannot be ended\n", sim->dir);
}

/* ---- of a killed one ---- */

/* Whoever overwrote its environment, as engines do, is still known by the bytes that it holds. */
static bool is_used(const struct sim *sim)
{
    bt_auto_arena a = { 0 };
    struct bt_proc *left;
    const char *ignored;
    struct bt_sim_state *st = bt_sim_state_open(sim->state, &ignored);
    bool used = list_left(&a, sim, &left) > 0;
    for (unsigned g = 0; st && g < st->ngpus && !used; g++)
        used = bt_sim_holders(st, g, NULL, 0) > 0;
    bt_sim_state_close(st);
    return used;
}

static void remove_if_dead(const char *dir)
{
    bt_auto_arena a = { 0 };
    const struct sim sim = { .dir = dir, .state = bt_arena_printf(&a, "%s/machine", dir) };
    struct bt_err err = { 0 };
    struct stat st;
    bt_auto_fd fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool ours = fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && faccessat(fd, TEMPORARY, F_OK, 0) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (ours && !is_used(&sim) && bt_tree_remove(dir, &err) < 0)
        fprintf(stderr, "berth sim: left by one that was killed: %s\n", err.msg);
}

static void remove_dead(void)
{
    static const char start_of[] = "berth-sim-";
    bt_auto_arena a = { 0 };
    const char *folder = tmp_folder(&a);
    DIR *tmp = opendir(folder);
    for (struct dirent *e; tmp && (e = readdir(tmp));)
        if (!strncmp(e->d_name, start_of, sizeof start_of - 1))
            remove_if_dead(bt_arena_printf(&a, "%s/%s", folder, e->d_name));
    if (tmp)
        closedir(tmp);
}

/* ---- the verb ---- */

static int parse(const struct bt_verb *v, struct bt_arena *a, int argc, char **argv, struct args *args, struct bt_strs *rest)
{
    size_t dashdash = 0;
    int rc = bt_cmd_parse(v, a, argc, argv, args, rest, &dashdash);
    if (rc)
        return rc;
    if (dashdash == 1 && rest->n > 1 && args->release_delay_ms <= LONGEST_DELAY_MS)
        return 0;
    if (dashdash == 0 || !rest->n)
        return bt_cmd_usage(v, false, "no fleet to simulate");
    if (rest->n == 1 && args->release_delay_ms <= LONGEST_DELAY_MS && bt_sim_by_hand())
        return 0;                    /* the user's shell */
    if (dashdash == rest->n)
        return bt_cmd_usage(v, false, "no command after `--`, and no terminal for a shell");
    if (dashdash > 1)
        return bt_cmd_usage(v, false, "unexpected argument \"%s\"", rest->v[1]);
    return bt_cmd_usage(v, false, "a release delay above 10 minutes");
}

static int open_fleet(struct bt_arena *a, const char *text, struct bt_fleet *f, struct bt_err *err)
{
    static const struct bt_fleet_opts none = { 0 };
    if (bt_fleet_text_is_live(text)) {
        bt_err_set(err, BT_E_USAGE, 0, "\"%s\" means cards of this machine", text);
        return bt_err_hint(err, "name a fleet to simulate: berth sim 4xA100-SXM4-40GB -- berth gpus");
    }
    return bt_fleet_open(a, text, &none, f, err);
}

static char **command_of(struct bt_arena *a, const struct bt_strs *rest)
{
    if (rest->n == 1)
        return bt_sim_login_shell(a);
    char **argv = BT_NEWN(a, char *, rest->n);
    for (size_t i = 1; i < rest->n; i++)
        argv[i - 1] = bt_arena_strdup(a, rest->v[i]);
    return argv;
}

static int run_inside(const struct bt_verb *v, struct bt_arena *a, struct sim *sim, char **argv)
{
    struct bt_err err = { 0 };
    sigset_t set, old;
    pid_t command;
    sigemptyset(&set);
    for (size_t i = 0; i < 5; i++)
        sigaddset(&set, (int[]){ SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD }[i]);
    signal(SIGCHLD, SIG_DFL);        /* inherited SIG_IGN would reap the command behind our back */
    sigprocmask(SIG_BLOCK, &set, &old);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    set_environment(a, sim);
    fprintf(stderr, "berth sim: %s is SIMULATED for %s and all that it starts: no GPU is used, no figure is a measurement\n", sim->fleet, argv[0]);
    char **with = bt_sim_shell_argv(a, argv, sim->dir, sim->fleet);
    if (bt_sim_by_hand() && !argv[1])
        bt_sim_welcome(a, sim->engines);
    int rc = start(with, &old, &command, &err);
    if (rc) {
        bt_cmd_fail(v, &err, false);
        return rc;
    }
    rc = wait_for(command, &set, sim->state);
    end_what_is_left(sim, &set);
    return rc;
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args args = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 }, cleanup = { 0 };
    struct bt_fleet fleet;
    struct sim sim = { 0 };
    if (argc && !strcmp(argv[0], "ctl"))
        return bt_sim_ctl(argc - 1, argv + 1);
    int rc = parse(v, &a, argc, argv, &args, &rest);
    if (rc)
        return rc;
    sim.fleet = rest.v[0];
    sim.bin = own_folder(&a);
    if (open_fleet(&a, sim.fleet, &fleet, &err) < 0 || !(sim.lib = find_driver(&a, sim.bin, &err)))
        return bt_cmd_fail(v, &err, false);
    if (!args.state_dir)
        remove_dead();
    if (make_machine(&a, &args, &fleet, &sim, &err) < 0)
        rc = bt_cmd_fail(v, &err, false);
    else
        rc = run_inside(v, &a, &sim, command_of(&a, &rest));
    if (sim.dir && !sim.keep && bt_tree_remove(sim.dir, &cleanup) < 0)
        fprintf(stderr, "berth sim: %s\n", cleanup.msg);
    return rc;
}

const struct bt_verb bt_verb_sim = {
    .name = "sim", .summary = "run a command on a simulated NVIDIA machine",
    .usage = "berth sim FLEET [--release-delay 300ms] [--state-dir DIR] [-- COMMAND [ARGUMENTS]], or berth sim ctl",
    .example = "  berth sim 4xA100-SXM4-40GB -- berth gpus\n"
               "  berth sim 8xH100-80GB-HBM3        your shell on that machine, until you leave it\n"
               "  berth sim ctl --help              what can go wrong with it, on demand",
    .opts = opts, .run = run };
