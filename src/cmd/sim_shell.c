/* sim_shell.c - a simulated machine by hand: which shell, its prompt, what to type first, and engines where none is installed. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/sim_ctl.h"

/* Links to berth-sim-engine by these names stand behind everything else on PATH. */
static const struct { const char *name, *version; } engines[] = {
    { "vllm", "0.32.0" }, { "sglang", "0.5.23" }, { "llama-server", "0.5.0" } };

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool bt_sim_by_hand(void)
{
    return isatty(0) && isatty(2);
}

char **bt_sim_login_shell(struct bt_arena *a)
{
    const char *shell = getenv("SHELL");
    char **argv = BT_NEWN(a, char *, 2);
    argv[0] = bt_arena_strdup(a, shell && shell[0] == '/' ? shell : "bash");
    return argv;
}

static const char *find_engine(struct bt_arena *a, const char *bin, const char *lib)
{
    const char *const places[] = { bt_arena_printf(a, "%s/../../sim/engine/berth-sim-engine", bin),     /* build tree */
                                   bt_arena_printf(a, "%s/../berth-sim-engine", lib) };                 /* installed: lib/berth/, beside lib/berth/sim/ */
    char real[PATH_MAX];
    for (size_t i = 0; i < BT_LEN(places); i++)
        if (realpath(places[i], real) && access(real, X_OK) == 0)
            return bt_arena_strdup(a, real);
    return NULL;
}

/* Not there is no error: whoever wants no engine needs none. */
const char *bt_sim_engines(struct bt_arena *a, const char *dir, const char *bin, const char *lib)
{
    const char *engine = find_engine(a, bin, lib), *folder = bt_arena_printf(a, "%s/bin", dir);
    struct bt_err ignored = { 0 };
    if (!engine || bt_dir_private(folder, &ignored) < 0)
        return NULL;
    for (size_t i = 0; i < BT_LEN(engines); i++) {
        const char *link = bt_arena_printf(a, "%s/%s", folder, engines[i].name);
        unlink(link);
        if (symlink(engine, link) < 0)
            return NULL;
        bt_auto_buf struct bt_buf version = BT_BUF(64);
        bt_buf_printf(&version, "%s\nsimulated\n", engines[i].version);
        if (bt_file_write(bt_arena_printf(a, "%s.version", link), bt_str(bt_buf_z(&version)), &ignored) < 0)
            return NULL;
    }
    return folder;
}

/* bash reads this instead of its own file, and its own file first. */
static const char *write_rc(struct bt_arena *a, const char *dir, const char *fleet)
{
    const char *path = bt_arena_printf(a, "%s/bashrc", dir);
    bt_auto_buf struct bt_buf rc = BT_BUF(4096);
    struct bt_err ignored = { 0 };
    bt_buf_printf(&rc, "[ -f ~/.bashrc ] && . ~/.bashrc\nPS1='(sim %s) '\"${PS1:-\\\\w\\\\$ }\"\n", fleet);
    return bt_file_write(path, bt_str(bt_buf_z(&rc)), &ignored) < 0 ? NULL : path;
}

/* A fleet's text goes into a prompt: letters that a shell would read there stay out of it. */
static const char *plain(struct bt_arena *a, const char *text)
{
    char *copy = bt_arena_strdup(a, base_name(text));
    for (char *p = copy; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+.", *p))
            *p = '_';
    return copy;
}

char **bt_sim_shell_argv(struct bt_arena *a, char **argv, const char *dir, const char *fleet)
{
    const char *name = base_name(argv[0]);
    fleet = plain(a, fleet);
    if (argv[1] || !bt_sim_by_hand())
        return argv;
    if (!strcmp(name, "sh") || !strcmp(name, "dash")) {
        setenv("PS1", bt_arena_printf(a, "(sim %s) $ ", fleet), 1);
        return argv;
    }
    const char *rc = !strcmp(name, "bash") ? write_rc(a, dir, fleet) : NULL;
    if (!rc)
        return argv;
    char **with = BT_NEWN(a, char *, 4);
    with[0] = argv[0];
    with[1] = bt_arena_strdup(a, "--rcfile");
    with[2] = bt_arena_strdup(a, rc);
    return with;
}

void bt_sim_welcome(struct bt_arena *a, const char *engines_dir)
{
    const char *vllm = bt_path_search(a, getenv("PATH"), "vllm");
    bool ours = vllm && engines_dir && !strncmp(vllm, engines_dir, strlen(engines_dir));
    fprintf(stderr, "\n  berth gpus, plan, up ...   every verb works on these cards\n"
                    "  vllm serve MODEL           %s\n"
                    "  your own programs          CUDA's driver API and NVML count bytes; no kernel runs, PyTorch sees no card\n"
                    "  berth sim ctl              who holds what; what shall go wrong: berth sim ctl --help\n"
                    "  exit                       ends the machine and all that runs on it\n\n",
            ours ? "a simulated engine: vLLM's flags, words and bytes, made-up answers; sglang, llama-server too" :
            vllm ? "is the real one here, and finds no card that computes" : "is not installed, and berth-sim-engine is not built");
}
