/* cgroup.c - a cgroup folder for tests: preloaded, a folder made under $BERTH_TEST_CGROUP has the files that the kernel would put into it, and takes them
 * along when it is removed. With $BERTH_TEST_CGROUP_BARE the memory controller is not delegated: no memory.* files. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct { const char *name, *text; } files[] = {
    { "cgroup.procs", "" }, { "memory.max", "max\n" }, { "memory.oom.group", "0\n" }, { "memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n" },
};

static bool in_it(const char *path)
{
    const char *root = getenv("BERTH_TEST_CGROUP");
    size_t n = root ? strlen(root) : 0;
    return n && !strncmp(path, root, n) && path[n] == '/';
}

int mkdir(const char *path, mode_t mode)
{
    int rc = (*(int (*)(const char *, mode_t))dlsym(RTLD_NEXT, "mkdir"))(path, mode);
    for (size_t i = 0; rc == 0 && in_it(path) && i < (getenv("BERTH_TEST_CGROUP_BARE") ? 1 : sizeof files / sizeof *files); i++) {
        char at[4096];
        snprintf(at, sizeof at, "%s/%s", path, files[i].name);
        FILE *f = fopen(at, "we");
        if (f) {
            fputs(files[i].text, f);
            fclose(f);
        }
    }
    return rc;
}

int rmdir(const char *path)
{
    for (size_t i = 0; in_it(path) && i < sizeof files / sizeof *files; i++) {
        char at[4096];
        snprintf(at, sizeof at, "%s/%s", path, files[i].name);
        unlink(at);
    }
    return (*(int (*)(const char *))dlsym(RTLD_NEXT, "rmdir"))(path);
}
