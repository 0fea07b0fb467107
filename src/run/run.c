/* run.c - where things are. */
#include "run/run.h"

#include <dirent.h>

#include "base/file.h"
#include "base/hash.h"
#include "launch/planfile.h"

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

static void names_in(struct bt_arena *a, const char *folder, struct bt_strs *out)
{
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        bool known = !bt_planfile_name_ok(e->d_name);
        for (size_t i = 0; i < out->n && !known; i++)
            known = !strcmp(out->v[i], e->d_name);
        const char *name = known ? NULL : bt_arena_strdup(a, e->d_name);
        if (name)
            BT_PUSH(a, out->v, out->n, name);
    }
    if (dir)
        closedir(dir);
}

void bt_run_projects_left(struct bt_arena *a, struct bt_strs *out)
{
    *out = (struct bt_strs){ 0 };
    names_in(a, bt_arena_printf(a, "%s/p", bt_runtime_dir(a)), out);
    names_in(a, bt_arena_printf(a, "%s/inst", bt_runtime_dir(a)), out);      /* its folder there may have been removed, by hand */
}

void bt_run_instances_left(struct bt_arena *a, const char *project, struct bt_strs *out)
{
    *out = (struct bt_strs){ 0 };
    names_in(a, bt_run_inst_dir(a, project, NULL), out);
}
