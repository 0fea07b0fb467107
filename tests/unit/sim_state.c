/* The simulated machine's state file: what it refuses, who gets which bytes, and that no death leaves a wrong sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/state.h"

#define GiB (1ull << 30)
#define FOREVER_MS 100000000

static char dir[64], path[96];

static int setup(void **st)
{
    (void)st;
    snprintf(dir, sizeof dir, "%s/simstate.XXXXXX", getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 40 ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/state", dir);
    return 0;
}

static int teardown(void **st)
{
    (void)st;
    unlink(path);
    return rmdir(dir);
}

static const struct bt_sim_gpu_desc a100 = { .name = "NVIDIA A100-SXM4-40GB", .cc_major = 8, .nvml_total_bytes = 40 * GiB, .cuda_total_bytes = 39 * GiB,
                                             .tdp_w = 400, .nvlink_gbs = 600, .nvlink_mesh = true };
static const struct bt_sim_gpu_desc rtx = { .name = "NVIDIA GeForce RTX 4090", .cc_major = 8, .cc_minor = 9, .nvml_total_bytes = 24 * GiB, .tdp_w = 450 };

static struct bt_sim_state *machine(const struct bt_sim_gpu_desc *d, size_t n, const char *seed, int linger_ms)
{
    struct bt_sim_gpu_desc gpus[BT_SIM_MAX_GPUS];
    const char *why = "";
    for (size_t i = 0; i < n; i++)
        gpus[i] = *d;
    struct bt_sim_desc desc = { .gpus = gpus, .ngpus = n, .seed = seed, .linger_ms = linger_ms };
    if (bt_sim_state_create(path, &desc, &why) != 0)
        fail_msg("create: %s: %s", why, strerror(errno));
    struct bt_sim_state *st = bt_sim_state_open(path, &why);
    if (!st)
        fail_msg("open: %s: %s", why, strerror(errno));
    return st;
}

/* A child that runs f on its own mapping, says so, and then waits to be killed. */
static pid_t child(void (*f)(struct bt_sim_state *))
{
    int ready[2];
    char c;
    const char *why;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct bt_sim_state *st = bt_sim_state_open(path, &why);
        if (!st)
            _exit(9);
        f(st);
        if (write(ready[1], "x", 1) != 1)
            _exit(9);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return pid;
}

static void kill_and_wait(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void takes_10_gib(struct bt_sim_state *st)
{
    struct bt_sim_proc *p = bt_sim_attach(st);
    if (!p || !bt_sim_charge(st, p, 0, BT_SIM_MEMORY, 10 * GiB))
        _exit(9);
}

/* ---- making and opening ---- */

static void a_card_is_what_was_asked_for(void **state)
{
    (void)state;
    struct bt_sim_state *st = machine(&a100, 4, "4xA100-SXM4-40GB", 0);
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_int_equal(st->ngpus, 4);
    assert_int_equal(st->linger_ms, BT_SIM_LINGER_MS);
    assert_string_equal(st->driver_version, "580.95.05");
    assert_string_equal(st->nvml_version, "13.580.95.05");
    const struct bt_sim_gpu *g = &st->gpus[0];
    assert_string_equal(g->name, a100.name);
    assert_int_equal(g->sm_count, 108);
    assert_int_equal(g->nvlink_links, 12);
    assert_int_equal(g->nvlink_version, 3);
    assert_int_equal(g->power_limit_mw, 400000);
    assert_int_equal(g->cuda_total_bytes, 39 * GiB);
    assert_in_range(g->context_bytes, 300 * (1ull << 20), 560 * (1ull << 20));
    assert_int_equal(g->context_bytes % BT_SIM_GRANULE, 0);
    for (unsigned i = 1; i < 4; i++)
        assert_true(st->gpus[i].pci_bus > st->gpus[i - 1].pci_bus);
    bt_sim_state_close(st);
    st = machine(&rtx, 1, "", -1);
    assert_int_equal(st->linger_ms, 0);
    assert_true(st->gpus[0].cuda_total_bytes < rtx.nvml_total_bytes && st->gpus[0].cuda_total_bytes > rtx.nvml_total_bytes / 100 * 97);
    bt_sim_state_close(st);
}

static void uuids_follow_the_seed(void **state)
{
    (void)state;
    char first[3][48];
    static const char *const seeds[] = { "2xA100", "2xA100", "3xA100" };
    for (int i = 0; i < 3; i++) {
        struct bt_sim_state *st = machine(&a100, 2, seeds[i], 0);
        memcpy(first[i], st->gpus[0].uuid, sizeof first[i]);
        assert_int_equal(strlen(st->gpus[0].uuid), 40);
        assert_memory_equal(st->gpus[0].uuid, "GPU-", 4);
        assert_string_not_equal(st->gpus[0].uuid, st->gpus[1].uuid);
        bt_sim_state_close(st);
    }
    assert_string_equal(first[0], first[1]);
    assert_string_not_equal(first[0], first[2]);
    struct bt_sim_gpu_desc d = a100;
    d.uuid = "GPU-01234567-89ab-cdef-0123-456789abcdef";
    struct bt_sim_state *st = machine(&d, 1, "", 0);
    assert_string_equal(st->gpus[0].uuid, d.uuid);
    assert_int_equal(st->gpus[0].uuid_bytes[0], 0x01);
    assert_int_equal(st->gpus[0].uuid_bytes[15], 0xef);
    bt_sim_state_close(st);
}

static void four_are_wired_and_eight_are_switched(void **state)
{
    (void)state;
    struct { const struct bt_sim_gpu_desc *d; size_t n; int island; unsigned nvswitch; } rows[] = {
        { &a100, 1, -1, 0 }, { &a100, 2, 0, 0 }, { &a100, 4, 0, 0 }, { &a100, 8, 0, 1 }, { &rtx, 4, -1, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bt_sim_state *st = machine(rows[i].d, rows[i].n, "", 0);
        for (unsigned g = 0; g < rows[i].n; g++) {
            assert_int_equal(st->gpus[g].island, rows[i].island);
            assert_int_equal(st->gpus[g].nvswitch, rows[i].nvswitch);
        }
        bt_sim_state_close(st);
    }
}

static void a_bad_description_is_refused(void **state)
{
    (void)state;
    struct bt_sim_gpu_desc bad[8];
    const char *why = NULL;
    char long_name[200];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    for (size_t i = 0; i < 8; i++)
        bad[i] = a100;
    bad[0].name = NULL;
    bad[1].name = "";
    bad[2].name = long_name;
    bad[3].nvml_total_bytes = 0;
    bad[4].cuda_total_bytes = 41 * GiB;
    bad[5].cc_major = 0;
    bad[6].uuid = "GPU-0123";
    bad[7].uuid = "GPU-01234567-89AB-cdef-0123-456789abcdef";
    for (size_t i = 0; i < 8; i++) {
        struct bt_sim_desc desc = { .gpus = &bad[i], .ngpus = 1 };
        errno = 0;
        assert_int_equal(bt_sim_state_create(path, &desc, &why), -1);
        assert_int_equal(errno, EINVAL);
        assert_non_null(why);
        assert_int_equal(access(path, F_OK), -1);        /* nothing is left at the path */
    }
    struct bt_sim_desc many = { .gpus = &a100, .ngpus = BT_SIM_MAX_GPUS + 1 };
    assert_int_equal(bt_sim_state_create(path, &many, &why), -1);
    struct bt_sim_desc one = { .gpus = &a100, .ngpus = 1 };
    assert_int_equal(bt_sim_state_create("/nonexistent/state", &one, &why), -1);
    assert_int_equal(errno, ENOENT);
}

static void a_damaged_file_is_refused(void **state)
{
    (void)state;
    const char *why = NULL;
    assert_null(bt_sim_state_open(path, &why));
    assert_int_equal(errno, ENOENT);
    assert_null(bt_sim_state_open(dir, &why));
    static const struct { long cut; size_t at; } rows[] = {          /* cut to a length, or flip a byte */
        { 0, 0 }, { 100, 0 }, { (long)sizeof(struct bt_sim_state) - 1, 0 }, { -1, offsetof(struct bt_sim_state, magic) },
        { -1, offsetof(struct bt_sim_state, version) }, { -1, offsetof(struct bt_sim_state, size) }, { -1, offsetof(struct bt_sim_state, ngpus) + 3 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bt_sim_state_close(machine(&a100, 1, "", 0));
        int fd = open(path, O_RDWR);
        unsigned char c;
        if (rows[i].cut >= 0)
            assert_int_equal(ftruncate(fd, rows[i].cut), 0);
        else {
            assert_int_equal(pread(fd, &c, 1, (off_t)rows[i].at), 1);
            c ^= 0x41;
            assert_int_equal(pwrite(fd, &c, 1, (off_t)rows[i].at), 1);
        }
        close(fd);
        assert_null(bt_sim_state_open(path, &why));
        assert_int_equal(errno, EINVAL);
    }
}

/* ---- bytes ---- */

static void the_last_byte_fits_and_one_more_does_not(void **state)
{
    (void)state;
    struct bt_sim_state *st = machine(&a100, 2, "", 0);
    struct bt_sim_proc *p = bt_sim_attach(st);
    assert_non_null(p);
    assert_true(bt_sim_charge(st, p, 0, BT_SIM_CONTEXT, 1 * GiB));
    assert_true(bt_sim_charge(st, p, 0, BT_SIM_MEMORY, 38 * GiB));
    assert_false(bt_sim_charge(st, p, 0, BT_SIM_MEMORY, 1));
    assert_false(bt_sim_charge(st, p, 0, BT_SIM_MEMORY, UINT64_MAX));
    assert_int_equal(bt_sim_used(st, 0), 39 * GiB);
    assert_int_equal(bt_sim_used(st, 1), 0);
    bt_sim_uncharge(st, p, 0, BT_SIM_MEMORY, 1 * GiB);
    assert_true(bt_sim_charge(st, p, 0, BT_SIM_MEMORY, 1 * GiB));
    bt_sim_uncharge(st, p, 0, BT_SIM_MEMORY, UINT64_MAX);            /* never more than it holds */
    assert_int_equal(bt_sim_used(st, 0), 1 * GiB);
    struct bt_sim_holder who[2];
    assert_int_equal(bt_sim_holders(st, 0, who, 2), 1);
    assert_int_equal(who[0].pid, getpid());
    assert_int_equal(who[0].bytes, 1 * GiB);
    assert_int_equal(bt_sim_holders(st, 1, who, 2), 0);
    bt_sim_detach(st, p);                                            /* an orderly leave does not linger */
    assert_int_equal(bt_sim_used(st, 0), 0);
    bt_sim_state_close(st);
}

static void a_killed_process_gives_back_after_the_delay(void **state)
{
    (void)state;
    struct bt_sim_state *st = machine(&a100, 1, "", FOREVER_MS);
    struct bt_sim_holder who[1];
    pid_t pid = child(takes_10_gib);
    assert_int_equal(bt_sim_used(st, 0), 10 * GiB);
    assert_int_equal(bt_sim_holders(st, 0, who, 1), 1);
    assert_int_equal(who[0].pid, pid);
    kill_and_wait(pid);
    assert_int_equal(bt_sim_holders(st, 0, who, 1), 0);              /* gone from the list at once */
    assert_int_equal(bt_sim_used(st, 0), 10 * GiB);                  /* but not its bytes */
    assert_int_equal(st->procs[0].state, BT_SIM_DYING);
    st->procs[0].release_at_ms = 0;                                  /* the delay passes */
    assert_int_equal(bt_sim_used(st, 0), 0);
    assert_int_equal(st->procs[0].state, BT_SIM_FREE);
    bt_sim_state_close(st);
}

static void the_dead_make_room_for_who_needs_it(void **state)
{
    (void)state;
    struct bt_sim_state *st = machine(&a100, 1, "", -1);
    struct bt_sim_proc *p = bt_sim_attach(st);
    pid_t pid = child(takes_10_gib);
    assert_false(bt_sim_charge(st, p, 0, BT_SIM_MEMORY, 30 * GiB));
    kill(pid, SIGKILL);                                              /* a zombie is dead to the driver */
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_true(bt_sim_charge(st, p, 0, BT_SIM_MEMORY, 30 * GiB));
    kill_and_wait(pid);
    bt_sim_detach(st, p);
    bt_sim_state_close(st);
}

static void dies_holding_the_lock(struct bt_sim_state *st)
{
    takes_10_gib(st);
    bt_sim_lock(st);
    st->gpus[0].used_bytes += 12345;                                 /* half way through a change */
}

static void a_lock_holder_killed_leaves_right_sums(void **state)
{
    (void)state;
    struct bt_sim_state *st = machine(&a100, 1, "", -1);
    pid_t pid = child(dies_holding_the_lock);
    kill_and_wait(pid);
    assert_int_equal(bt_sim_holders(st, 0, NULL, 0), 0);             /* takes the lock: no hang */
    assert_int_equal(bt_sim_used(st, 0), 0);
    assert_int_equal(st->repairs, 1);
    bt_sim_state_close(st);
}

static void exec_gives_back(void **state)
{
    (void)state;
    struct bt_sim_state *st = machine(&a100, 1, "", -1);
    int in[2], out[2], status;
    char c;
    const char *why;
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct bt_sim_state *mine = bt_sim_state_open(path, &why);
        dup2(in[0], 0);
        dup2(out[1], 1);
        if (mine)
            takes_10_gib(mine);
        execl("/bin/sh", "sh", "-c", "echo; read end", (char *)NULL);
        _exit(9);
    }
    close(in[0]);
    close(out[1]);
    assert_int_equal(read(out[0], &c, 1), 1);                        /* the new image runs, under the same pid */
    bt_sim_reap(st, true);
    assert_int_equal(bt_sim_used(st, 0), 0);
    close(in[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(out[0]);
    bt_sim_state_close(st);
}

static void a_full_table_says_no_and_recovers(void **state)
{
    (void)state;
    struct bt_sim_state *st = machine(&a100, 1, "", -1);
    for (int i = 0; i < BT_SIM_MAX_PROCS; i++) {
        st->procs[i].pid = 1;
        st->procs[i].pid_ns = 1;                                     /* another namespace's: not ours to reap */
        st->procs[i].state = BT_SIM_LIVE;
    }
    assert_null(bt_sim_attach(st));
    st->procs[77].pid_ns = 0;
    st->procs[77].state = BT_SIM_FREE;
    struct bt_sim_proc *p = bt_sim_attach(st);
    assert_ptr_equal(p, &st->procs[77]);
    bt_sim_state_close(st);
}

static struct bt_sim_state *shared;
static struct bt_sim_proc *shared_proc;
static void *takes_and_gives(void *seed)
{
    unsigned s = (unsigned)(uintptr_t)seed;
    uint64_t held = 0;
    for (int i = 0; i < 2000; i++) {
        uint64_t bytes = (uint64_t)(rand_r(&s) % 1000 + 1) << 20;
        if (bt_sim_charge(shared, shared_proc, 0, BT_SIM_MEMORY, bytes))
            held += bytes;
        uint64_t used = bt_sim_used(shared, 0);
        if (used > 39 * GiB)
            return (void *)1;
        if (held > 12 * GiB) {
            bt_sim_uncharge(shared, shared_proc, 0, BT_SIM_MEMORY, held);
            held = 0;
        }
    }
    bt_sim_uncharge(shared, shared_proc, 0, BT_SIM_MEMORY, held);
    return NULL;
}

static void threads_never_take_more_than_there_is(void **state)
{
    (void)state;
    pthread_t t[4];
    shared = machine(&a100, 1, "", -1);
    shared_proc = bt_sim_attach(shared);
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, takes_and_gives, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++) {
        void *bad;
        pthread_join(t[i], &bad);
        assert_null(bad);
    }
    assert_int_equal(bt_sim_used(shared, 0), 0);
    bt_sim_detach(shared, shared_proc);
    bt_sim_state_close(shared);
}

static void work_shows_and_fades(void **state)
{
    (void)state;
    struct bt_sim_state *st = machine(&a100, 1, "", 0);
    assert_int_equal(bt_sim_busy(st, 0), 0);
    st->gpus[0].busy_at_us = UINT64_MAX;                             /* the clock stands still for one call */
    bt_sim_work(st, NULL, 0, 400000);
    st->gpus[0].busy_at_us = UINT64_MAX;
    assert_int_equal(bt_sim_busy(st, 0), 40);
    st->gpus[0].busy_at_us = UINT64_MAX;
    bt_sim_work(st, NULL, 0, UINT64_MAX);
    st->gpus[0].busy_at_us = UINT64_MAX;
    assert_int_equal(bt_sim_busy(st, 0), 100);
    st->gpus[0].busy_at_us = 0;                                      /* long ago */
    assert_int_equal(bt_sim_busy(st, 0), 0);
    bt_sim_state_close(st);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_card_is_what_was_asked_for), T(uuids_follow_the_seed), T(four_are_wired_and_eight_are_switched), T(a_bad_description_is_refused),
        T(a_damaged_file_is_refused), T(the_last_byte_fits_and_one_more_does_not), T(a_killed_process_gives_back_after_the_delay),
        T(the_dead_make_room_for_who_needs_it), T(a_lock_holder_killed_leaves_right_sums), T(exec_gives_back),
        T(a_full_table_says_no_and_recovers), T(threads_never_take_more_than_there_is), T(work_shows_and_fades),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
