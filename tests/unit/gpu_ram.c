/* gpu_ram.c - what our cgroups allow, from folders that look like /proc and /sys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/file.h"
#include "gpu/gpu.h"

#define MEMINFO "MemTotal:       33554432 kB\nMemFree:         1000 kB\n"      /* 32 GiB */
#define V2_MOUNT "30 1 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNT "31 1 0:27 / /sys/fs/cgroup/memory rw shared:5 - cgroup cgroup rw,memory\n"

struct text { const char *path, *text; };

static uint64_t read_with(const struct text *files, uint64_t (*read)(const char *root))
{
    char dir[] = "/tmp/berth-ram-XXXXXX";
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    assert_non_null(mkdtemp(dir));
    for (const struct text *f = files; f->path; f++) {
        const char *path = bt_arena_printf(&a, "%s/%s", dir, f->path);
        if (bt_dir_private(bt_path_dir(&a, path), &err) < 0 || bt_file_write(path, bt_str(f->text), &err) < 0)
            fail_msg("%s", err.msg);
    }
    uint64_t n = read(dir);
    assert_int_equal(bt_tree_remove(dir, &err), 0);
    return n;
}

static void limits(void **st)
{
    static const struct { const char *what; uint64_t want; struct text files[8]; } rows[] = {
        { "no cgroup", 32 * GiB, { { "proc/meminfo", MEMINFO } } },
        { "nothing at all", 0, { { "proc/other", "" } } },
        { "v2, own limit", 8 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "0::/a/b\n" }, { "proc/self/mountinfo", V2_MOUNT },
            { "sys/fs/cgroup/a/b/memory.max", "8589934592\n" }, { "sys/fs/cgroup/a/memory.max", "max\n" } } },
        { "v2, a parent's limit is smaller", 4 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "0::/a/b\n" }, { "proc/self/mountinfo", V2_MOUNT },
            { "sys/fs/cgroup/a/b/memory.max", "8589934592\n" }, { "sys/fs/cgroup/a/memory.max", "4294967296\n" } } },
        { "v2, no limit", 32 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "0::/a\n" }, { "proc/self/mountinfo", V2_MOUNT },
            { "sys/fs/cgroup/a/memory.max", "max\n" } } },
        { "v2, a limit above the machine", 32 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "0::/a\n" }, { "proc/self/mountinfo", V2_MOUNT },
            { "sys/fs/cgroup/a/memory.max", "999999999999\n" } } },
        { "v2, container with a namespace of its own", 2 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "0::/\n" },
            { "proc/self/mountinfo", V2_MOUNT }, { "sys/fs/cgroup/memory.max", "2147483648\n" } } },
        { "v2, a mount that shows only our part", 2 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "0::/docker/x/y\n" },
            { "proc/self/mountinfo", "30 1 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup rw\n" },
            { "sys/fs/cgroup/y/memory.max", "max\n" }, { "sys/fs/cgroup/memory.max", "2147483648\n" } } },
        { "v1", 1 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "5:cpu,memory:/m\n0::/\n" }, { "proc/self/mountinfo", V1_MOUNT },
            { "sys/fs/cgroup/memory/m/memory.limit_in_bytes", "1073741824\n" },
            { "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n" } } },
        { "v1, unlimited", 32 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "5:memory:/m\n" }, { "proc/self/mountinfo", V1_MOUNT },
            { "sys/fs/cgroup/memory/m/memory.limit_in_bytes", "9223372036854771712\n" } } },
        { "a cpuset of one of two sockets", 20 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/status", "Name:\tx\nMems_allowed:\t1\nMems_allowed_list:\t0\n" },
            { "sys/devices/system/node/has_memory", "0-1\n" }, { "sys/devices/system/node/node1/meminfo", "Node 1 MemTotal:       12582912 kB\nNode 1 MemFree: 5 kB\n" } } },
        { "both sockets", 32 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/status", "Mems_allowed_list:\t0-1\n" }, { "sys/devices/system/node/has_memory", "0-1\n" },
            { "sys/devices/system/node/node1/meminfo", "Node 1 MemTotal:       12582912 kB\n" } } },
        { "a smaller limit beside the cpuset", 8 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/status", "Mems_allowed_list:\t0\n" }, { "sys/devices/system/node/has_memory", "0,1\n" },
            { "sys/devices/system/node/node1/meminfo", "Node 1 MemTotal:       12582912 kB\n" }, { "proc/self/cgroup", "0::/a\n" }, { "proc/self/mountinfo", V2_MOUNT },
            { "sys/fs/cgroup/a/memory.max", "8589934592\n" } } },
        { "nodes that cannot be read", 32 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/status", "Mems_allowed_list:\t0-x\n" }, { "sys/devices/system/node/has_memory", "1-0,99999\n" },
            { "sys/devices/system/node/node1/meminfo", "Node 1 MemTotal: much\n" } } },
        { "more on the other node than there is", 32 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/status", "Mems_allowed_list:\t0\n" }, { "sys/devices/system/node/has_memory", "0-1\n" },
            { "sys/devices/system/node/node1/meminfo", "Node 1 MemTotal: 99999999999 kB\n" } } },
        { "broken texts", 32 * GiB, { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "\n:\n::\n0:\nx\n" }, { "proc/self/mountinfo", "\n-\n - \n1 2 - x\n" } } },
    };
    (void)st;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        uint64_t got = read_with(rows[i].files, bt_ram_allowed);
        if (got != rows[i].want)
            fail_msg("%s: %llu, not %llu", rows[i].what, (unsigned long long)got, (unsigned long long)rows[i].want);
    }
    assert_true(bt_ram_allowed("") > 0);
}

/* Of the nodes that our cpuset has; one node is all of RAM. */
static void nodes(void **st)
{
#define NODES "sys/devices/system/node/has_memory", "0-1\n" }, { "sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:       8388608 kB\n" }, \
              { "sys/devices/system/node/node1/meminfo", "Node 1 MemTotal:       12582912 kB\n"
    static const struct { const char *what; uint64_t want; struct text files[8]; } rows[] = {
        { "two nodes", 12 * GiB, { { "proc/self/status", "Mems_allowed_list:\t0-1\n" }, { NODES } } },
        { "a cpuset of one of them", 0, { { "proc/self/status", "Mems_allowed_list:\t1\n" }, { NODES } } },
        { "a cpuset that is not told", 0, { { "proc/self/status", "Name:\tx\n" }, { NODES } } },
        { "one node", 0, { { "proc/self/status", "Mems_allowed_list:\t0\n" }, { "sys/devices/system/node/has_memory", "0\n" } } },
    };
    (void)st;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        uint64_t got = read_with(rows[i].files, bt_ram_node);
        if (got != rows[i].want)
            fail_msg("%s: %llu, not %llu", rows[i].what, (unsigned long long)got, (unsigned long long)rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(limits), cmocka_unit_test(nodes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
