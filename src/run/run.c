/* run.c - where things are. */
#include "run/run.h"

#include "base/file.h"
#include "base/hash.h"

const char *bt_run_sock(struct bt_arena *a)
{
    return bt_arena_printf(a, "%s/daemon.sock", bt_runtime_dir(a));
}

const char *bt_run_project_dir(struct bt_arena *a, const char *project)
{
    return bt_arena_printf(a, "%s/p/%s", bt_runtime_dir(a), project);
}

const char *bt_run_inst_dir(struct bt_arena *a, const char *project, const char *id)
{
    return bt_arena_printf(a, id ? "%s/inst/%s/%s" : "%s/inst/%s", bt_runtime_dir(a), project, id);
}

const char *bt_run_tmp_dir(struct bt_arena *a, const char *project, const char *id)
{
    enum { SHORT = 60 };
    const char *runtime = bt_runtime_dir(a), *whose = bt_arena_printf(a, "%s %s %s", runtime, project, id);
    struct bt_digest d = bt_digest_of(bt_str(whose));
    const char *path = bt_arena_printf(a, "%s/t/%.10s", runtime, d.hex);
    return strlen(path) <= SHORT ? path : bt_arena_printf(a, "/tmp/berth-%u-%.10s", (unsigned)getuid(), d.hex);
}

const char *bt_run_state_dir(struct bt_arena *a, const char *project)
{
    return bt_arena_printf(a, "%s/projects/%s", bt_state_dir(a), project);
}

const char *bt_run_log_dir(struct bt_arena *a, const char *project)
{
    return bt_arena_printf(a, "%s/logs", bt_run_state_dir(a, project));
}
