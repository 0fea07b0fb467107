/* main.c - one program, three engines: it behaves as the one it is called as (a link named vllm, sglang, llama-server), or as its first word says. */
#include "sim/engine/engine.h"

#include <stdio.h>

static struct se engine;
extern char **environ;

/* argv and environment copied; their own room is where process titles go, as setproctitle takes it. */
static char **take_room(struct se *e, int argc, char **argv)
{
    char *end = argv[argc - 1] + strlen(argv[argc - 1]);
    char **copy = BT_NEWN(&e->arena, char *, (size_t)argc + 1);
    size_t n = 0;
    for (int i = 0; i < argc; i++)
        copy[i] = bt_arena_strdup(&e->arena, argv[i]);
    while (environ[n])
        n++;
    char **env = BT_NEWN(&e->arena, char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (environ[i] == end + 1)   /* one string after the other behind argv */
            end = environ[i] + strlen(environ[i]);
        env[i] = bt_arena_strdup(&e->arena, environ[i]);
    }
    environ = env;
    e->argv0 = argv;
    e->argv0_len = (size_t)(end - argv[0]);
    return copy;
}

const char *se_version(struct bt_arena *a, const char *argv0, const char *def)
{
    const char *fixed = getenv("BERTH_SIM_ENGINE_VERSION");
    const char *self = bt_path_search(a, getenv("PATH"), argv0);
    struct bt_str text, line;
    struct bt_err err = { 0 };
    if (fixed && *fixed)
        return fixed;
    if (self && bt_file_read(a, bt_arena_printf(a, "%s.version", self), 64, &text, &err) == 0) {
        bt_str_cut(text, '\n', &line);
        return bt_arena_strndup(a, bt_str_trim(line));
    }
    return def;
}

bool se_at_least(const struct se *e, unsigned major, unsigned minor, unsigned patch)
{
    unsigned v[3] = { 0 };
    if (sscanf(e->version, "%u.%u.%u", &v[0], &v[1], &v[2]) < 2)
        return true;                 /* no number: as the newest */
    return v[0] != major ? v[0] > major : v[1] != minor ? v[1] > minor : v[2] >= patch;
}

static const struct { const char *name; int (*run)(struct se *e, int argc, char **argv); } engines[] = {
    { "vllm", se_vllm_main },
    { "llama-server", se_llama_main }, { "sglang", se_sglang_main },
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int main(int argc, char **argv)
{
    struct se *e = &engine;
    struct bt_err err = { 0 };
    if (argc < 1)
        return 2;
    char **args = take_room(e, argc, argv);
    const char *speed = getenv("BERTH_SIM_SPEED"), *overrun = getenv("BERTH_SIM_OVERRUN"), *stop = getenv("BERTH_SIM_STOP");
    e->speed = speed && atof(speed) > 0 ? atof(speed) : 1;
    e->stop_hangs = stop && !strcmp(stop, "hang");
    if (overrun && bt_bytes_parse(bt_str(overrun), &e->misbehave_bytes, &err) < 0) {
        fprintf(stderr, "berth-sim-engine: BERTH_SIM_OVERRUN: %s\n", err.msg);
        return 2;
    }
    for (size_t i = 0; i < BT_LEN(engines); i++) {
        if (!strcmp(base_name(args[0]), engines[i].name))
            return engines[i].run(e, argc, args);
        if (argc > 1 && !strcmp(args[1], engines[i].name))           /* berth-sim-engine sglang serve ... */
            return engines[i].run(e, argc - 1, args + 1);
    }
    return se_vllm_main(e, argc, args);              /* under any other name: berth-sim-engine serve MODEL */
}
