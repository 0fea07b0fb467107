/* ram.c - the host memory this process may use: the smallest limit of its cgroups, else all of it on the NUMA nodes that its cpuset has. */
#include <limits.h>
#include <stdio.h>

#include "base/file.h"
#include "base/units.h"
#include "gpu/gpu.h"

#define PROC_TEXT_MAX (4 * MiB)
#define NO_LIMIT UINT64_MAX
#define MOST_NODES 1024u             /* of a Linux kernel: NODES_SHIFT is 10 at most */
#define V1_UNLIMITED ((uint64_t)1 << 62)     /* v1 writes "no limit" as a number near 2^63 */

static struct bt_str read_text(struct bt_arena *a, const char *root, const char *path)
{
    struct bt_str text = { 0 };
    struct bt_err ignored = { 0 };
    if (bt_file_read(a, bt_arena_printf(a, "%s%s", root, path), PROC_TEXT_MAX, &text, &ignored) < 0)
        return (struct bt_str){ "", 0 };
    return text;
}

static uint64_t meminfo(struct bt_arena *a, const char *root, const char *row)
{
    struct bt_str text = read_text(a, root, "/proc/meminfo");
    const char *line = strstr(text.p, row);
    unsigned long long kib = 0;
    return line && sscanf(line + strlen(row), "%llu kB", &kib) == 1 ? (uint64_t)kib * KiB : 0;
}

static uint64_t mem_total(struct bt_arena *a, const char *root) { return meminfo(a, root, "MemTotal:"); }

static uint64_t limit_in(struct bt_arena *a, const char *root, const char *dir, const char *file)
{
    struct bt_str text = bt_str_trim(read_text(a, root, bt_arena_printf(a, "%s/%s", dir, file)));
    uint64_t limit;
    struct bt_err ignored = { 0 };
    if (bt_u64_parse(text, 0, UINT64_MAX, &limit, &ignored) < 0 || limit >= V1_UNLIMITED)
        return NO_LIMIT;             /* "max", absent or unlimited */
    return limit;
}

/* Where a memory hierarchy is mounted: its folder, and which group of the hierarchy that folder shows. */
struct mount { bool found; const char *dir, *group; };

/* mountinfo: ID PARENT MAJ:MIN ROOT DIR OPTIONS [OPTIONAL..] - TYPE SOURCE SUPEROPTIONS */
static struct mount find_mount(struct bt_arena *a, const char *root, bool v2)
{
    struct bt_str text = read_text(a, root, "/proc/self/mountinfo"), line;
    while (text.n) {
        text = bt_str_cut(text, '\n', &line);
        char group[PATH_MAX], dir[PATH_MAX], type[64], super[1024];
        const char *z = bt_arena_strndup(a, line), *dash = strstr(z, " - ");
        if (!dash || sscanf(z, "%*s %*s %*s %4095s %4095s", group, dir) != 2 || sscanf(dash, " - %63s %*s %1023s", type, super) != 2)
            continue;
        bool is_memory_v1 = !strcmp(type, "cgroup") && strstr(super, "memory");
        if (v2 ? !strcmp(type, "cgroup2") : is_memory_v1)
            return (struct mount){ true, bt_arena_strdup(a, dir), bt_arena_strdup(a, group) };
    }
    return (struct mount){ 0 };
}

/* Our group in that hierarchy: "0::/a/b" (v2) or "5:memory:/a/b" (v1). NULL when we are in none. */
static const char *own_group(struct bt_arena *a, const char *root, bool v2)
{
    struct bt_str text = read_text(a, root, "/proc/self/cgroup"), line;
    while (text.n) {
        text = bt_str_cut(text, '\n', &line);
        struct bt_str id, names, path = bt_str_cut(bt_str_cut(line, ':', &id), ':', &names);
        if (v2 ? bt_str_eq(id, "0") && !names.n : false)
            return bt_arena_strndup(a, path);
        while (!v2 && names.n) {
            struct bt_str one;
            names = bt_str_cut(names, ',', &one);
            if (bt_str_eq(one, "memory"))
                return bt_arena_strndup(a, path);
        }
    }
    return NULL;
}

/* The smallest limit from our group up to the mount. A limit of a parent binds its children too. */
static uint64_t limit_up_the_tree(struct bt_arena *a, const char *root, bool v2)
{
    struct mount m = find_mount(a, root, v2);
    const char *group = own_group(a, root, v2);
    if (!m.found || !group)
        return NO_LIMIT;
    size_t shown = strcmp(m.group, "/") ? strlen(m.group) : 0;
    if (strncmp(group, m.group, shown))
        group = "";                  /* a container that sees only its own part: the mount itself is our group */
    else
        group += shown;
    const char *file = v2 ? "memory.max" : "memory.limit_in_bytes";
    char *path = bt_arena_printf(a, "%s%s", m.dir, strcmp(group, "/") ? group : "");
    size_t top = strlen(m.dir);
    uint64_t limit = NO_LIMIT;
    for (;;) {
        uint64_t here = limit_in(a, root, path, file);
        limit = BT_MIN(limit, here);
        char *slash = strrchr(path, '/');
        if (strlen(path) <= top || !slash)
            return limit;
        *slash = 0;
    }
}

/* "0-1,3": nodes as the kernel lists them. False: not such a list, or a node past the last that is looked at. */
static bool read_nodes(struct bt_str text, bool *in)
{
    struct bt_err ignored = { 0 };
    memset(in, 0, MOST_NODES * sizeof *in);
    for (text = bt_str_trim(text); text.n; ) {
        struct bt_str one, first;
        uint64_t low, high;
        text = bt_str_cut(text, ',', &one);
        struct bt_str last = bt_str_cut(one, '-', &first);
        if (bt_u64_parse(first, 0, MOST_NODES - 1, &low, &ignored) < 0 || bt_u64_parse(last.n ? last : first, low, MOST_NODES - 1, &high, &ignored) < 0)
            return false;
        for (uint64_t i = low; i <= high; i++)
            in[i] = true;
    }
    return true;
}

/* The NUMA nodes with memory, and those of them that our cpuset has. False: that cannot be read. */
static bool nodes_of(struct bt_arena *a, const char *root, bool *ours, bool *there)
{
    static const char allowed[] = "Mems_allowed_list:";
    struct bt_str status = read_text(a, root, "/proc/self/status"), nodes = read_text(a, root, "/sys/devices/system/node/has_memory");
    const char *row = strstr(status.p, allowed);
    return row && nodes.n && read_nodes((struct bt_str){ row + strlen(allowed), strcspn(row + strlen(allowed), "\n") }, ours) && read_nodes(nodes, there);
}

/* 0 where that cannot be read. */
static uint64_t node_bytes(struct bt_arena *a, const char *root, size_t node)
{
    static const char total[] = "MemTotal:";
    struct bt_str text = read_text(a, root, bt_arena_printf(a, "/sys/devices/system/node/node%zu/meminfo", node));
    const char *line = strstr(text.p, total);
    unsigned long long kib = 0;
    return line && sscanf(line + strlen(total), "%llu kB", &kib) == 1 && kib < UINT64_MAX / KiB / MOST_NODES ? (uint64_t)kib * KiB : 0;
}

/* The memory of NUMA nodes that our cpuset keeps from us. 0 where that cannot be read, or nothing is kept. */
static uint64_t other_nodes(struct bt_arena *a, const char *root)
{
    bool ours[MOST_NODES], there[MOST_NODES];
    uint64_t sum = 0;
    if (!nodes_of(a, root, ours, there))
        return 0;
    for (size_t i = 0; i < MOST_NODES; i++)
        sum += there[i] && !ours[i] ? node_bytes(a, root, i) : 0;
    return sum;
}

uint64_t bt_ram_node(const char *root)
{
    bt_auto_arena a = { 0 };
    bool ours[MOST_NODES], there[MOST_NODES];
    uint64_t most = 0;
    size_t n = 0;
    if (!nodes_of(&a, root, ours, there))
        return 0;
    for (size_t i = 0; i < MOST_NODES; i++) {
        if (!there[i] || !ours[i])
            continue;
        uint64_t bytes = node_bytes(&a, root, i);
        n++;
        most = BT_MAX(most, bytes);
    }
    return n > 1 ? most : 0;
}

uint64_t bt_ram_allowed(const char *root)
{
    bt_auto_arena a = { 0 };
    uint64_t total = mem_total(&a, root), v2 = limit_up_the_tree(&a, root, true), v1 = limit_up_the_tree(&a, root, false), others = other_nodes(&a, root);
    total -= others < total ? others : 0;
    return BT_MIN(total, BT_MIN(v1, v2));
}

uint64_t bt_ram_total(const char *root)
{
    bt_auto_arena a = { 0 };
    return mem_total(&a, root);
}

uint64_t bt_ram_in_use(const char *root)
{
    bt_auto_arena a = { 0 };
    uint64_t total = mem_total(&a, root), available = meminfo(&a, root, "MemAvailable:");
    return available && total > available ? total - available : 0;
}
