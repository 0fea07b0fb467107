/* The machine's file under kill -9: processes that charge, share and park are killed at any instruction, the sums stay right; and it is
 * as large as it claims: 64 cards, 500 processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/state.h"

#define MiB (1ull << 20)
#define GiB (1ull << 30)
#define VICTIMS 6
#define KILLS 400

static char path[64];

static struct bt_sim_state *machine(unsigned cards)
{
    static struct bt_sim_gpu_desc gpus[BT_SIM_MAX_GPUS];
    const char *why = "";
    for (unsigned i = 0; i < cards; i++)
        gpus[i] = (struct bt_sim_gpu_desc){ .name = "NVIDIA H100 80GB HBM3", .cc_major = 9, .nvml_total_bytes = 80 * GiB, .cuda_total_bytes = 79 * GiB };
    const struct bt_sim_desc desc = { .gpus = gpus, .ngpus = cards, .seed = "killer", .linger_ms = -1 };
    snprintf(path, sizeof path, "/tmp/t_sim_killer.%d", (int)getpid());
    assert_int_equal(bt_sim_state_create(path, &desc, &why), 0);
    struct bt_sim_state *st = bt_sim_state_open(path, &why);
    assert_non_null(st);
    return st;
}

static void done_with(struct bt_sim_state *st)
{
    bt_sim_state_close(st);
    unlink(path);
}

/* What a card shows in use is what slots and ownerless shares hold, to the byte. */
static void check_sums(struct bt_sim_state *st)
{
    bt_sim_lock(st);
    for (unsigned g = 0; g < st->ngpus; g++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < BT_SIM_MAX_PROCS; i++)
            if (st->procs[i].state != BT_SIM_FREE)
                sum += st->procs[i].use[g].context_bytes + st->procs[i].use[g].memory_bytes;
        for (unsigned i = 0; i < BT_SIM_SHARES; i++)
            if (st->shares[i].live && st->shares[i].gpu == (int)g && st->shares[i].owner < 0)
                sum += st->shares[i].bytes;
        uint64_t used = st->gpus[g].used_bytes;
        if (used != sum) {
            bt_sim_unlock(st);
            fail_msg("card %u: %llu in use, %llu held", g, (unsigned long long)used, (unsigned long long)sum);
        }
    }
    bt_sim_unlock(st);
}

/* One step of a victim's life: anything that writes the file. */
static void do_something(struct bt_sim_state *st, struct bt_sim_proc *p, unsigned *seed)
{
    unsigned g = (unsigned)rand_r(seed) % st->ngpus;
    uint64_t bytes = (1 + (uint64_t)rand_r(seed) % 512) * MiB;
    int share;
    switch (rand_r(seed) % 8) {
    case 0: case 1: case 2:
        if (bt_sim_charge(st, p, g, BT_SIM_MEMORY, bytes) && rand_r(seed) % 4)
            bt_sim_uncharge(st, p, g, BT_SIM_MEMORY, bytes);
        break;
    case 3:
        if (bt_sim_charge(st, p, g, BT_SIM_CONTEXT, st->gpus[g].context_bytes))
            bt_sim_uncharge(st, p, g, BT_SIM_CONTEXT, st->gpus[g].context_bytes);
        break;
    case 4:
        if (bt_sim_charge(st, p, g, BT_SIM_MEMORY, bytes) && (share = bt_sim_share_new(st, p, g, bytes)) >= 0 && rand_r(seed) % 2)
            bt_sim_share_end(st, p, share);
        break;
    case 5:
        share = rand_r(seed) % 64;
        if (bt_sim_share_join(st, p, share, st->shares[share].gen) && rand_r(seed) % 2)
            bt_sim_share_leave(st, p, share);
        break;
    case 6:
        p->bound = 0;                        /* whatever it shared: the steps below are about the sums */
        if (bt_sim_park_lock(st, p->pid) == 0 && bt_sim_park_checkpoint(st, p->pid) == 0 && bt_sim_park_restore(st, p->pid) == 0 &&
            bt_sim_park_unlock(st, p->pid) != 0)
            _exit(1);
        break;
    default:
        bt_sim_work(st, p, g, 1000);
        bt_sim_tell(st, g, 8, 13);
    }
}

static pid_t start_victim(unsigned seed)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char *why;
    struct bt_sim_state *st = bt_sim_state_open(path, &why);
    struct bt_sim_proc *p = st ? bt_sim_attach(st) : NULL;
    if (!p)
        _exit(1);
    for (;;)
        do_something(st, p, &seed);
}

static void sums_survive_any_kill(void **state)
{
    (void)state;
    struct bt_sim_state *st = machine(4);
    pid_t victim[VICTIMS];
    unsigned seed = 20261121;
    for (int i = 0; i < VICTIMS; i++)
        victim[i] = start_victim((unsigned)i);
    for (int k = 0; k < KILLS; k++) {
        struct timespec moment = { .tv_nsec = rand_r(&seed) % 1500000 };
        nanosleep(&moment, NULL);
        int i = rand_r(&seed) % VICTIMS, status;
        assert_int_equal(kill(victim[i], SIGKILL), 0);
        assert_int_equal(waitpid(victim[i], &status, 0), victim[i]);
        assert_true(WIFSIGNALED(status));    /* none had ended by itself: an assertion of its own, or no slot */
        check_sums(st);
        victim[i] = start_victim((unsigned)(k + 1000));
    }
    for (int i = 0; i < VICTIMS; i++) {
        kill(victim[i], SIGKILL);
        waitpid(victim[i], NULL, 0);
    }
    bt_sim_reap(st, true);
    check_sums(st);
    for (unsigned g = 0; g < st->ngpus; g++)
        assert_int_equal(bt_sim_used(st, g), 0);
    for (unsigned i = 0; i < BT_SIM_SHARES; i++)
        assert_false(st->shares[i].live);
    print_message("%d kills, %llu of them inside the lock\n", KILLS, (unsigned long long)st->repairs);
    done_with(st);
}

static void all_cards_and_500_processes(void **state)
{
    (void)state;
    enum { PROCESSES = 500 };
    struct bt_sim_state *st = machine(BT_SIM_MAX_GPUS);
    pid_t pid[PROCESSES];
    int ready[2];
    char one;
    assert_int_equal(pipe(ready), 0);
    for (int i = 0; i < PROCESSES; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            struct bt_sim_proc *p = bt_sim_attach(st);
            bool ok = p && bt_sim_charge(st, p, (unsigned)i % BT_SIM_MAX_GPUS, BT_SIM_MEMORY, GiB);
            one = ok ? 'y' : 'n';
            if (write(ready[1], &one, 1) == 1)
                pause();
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(read(ready[0], &one, 1), 1);
        assert_int_equal(one, 'y');
    }
    struct bt_sim_holder who[BT_SIM_MAX_PROCS];
    size_t n = 0;
    for (unsigned g = 0; g < BT_SIM_MAX_GPUS; g++) {
        size_t here = bt_sim_holders(st, g, who, BT_SIM_MAX_PROCS);
        assert_int_equal(bt_sim_used(st, g), here * GiB);
        n += here;
    }
    assert_int_equal(n, PROCESSES);
    check_sums(st);
    for (int i = 0; i < PROCESSES; i++)
        kill(pid[i], SIGKILL);
    for (int i = 0; i < PROCESSES; i++)
        waitpid(pid[i], NULL, 0);
    bt_sim_reap(st, true);
    for (unsigned g = 0; g < BT_SIM_MAX_GPUS; g++)
        assert_int_equal(bt_sim_used(st, g), 0);
    close(ready[0]);
    close(ready[1]);
    done_with(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sums_survive_any_kill), cmocka_unit_test(all_cards_and_500_processes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
