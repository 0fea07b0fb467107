/* base_proc.c - processes by identity. Children wait on pipes, never on time. */
#include "base_test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/proc.h"

/* A child that waits on a pipe; it cannot outlive the test, whose end closes with it. */
struct kid { pid_t pid; int hold; };

static struct kid start(void)
{
    int p[2];
    assert_int_equal(pipe(p), 0);
    struct kid k = { .pid = fork(), .hold = p[1] };
    assert_true(k.pid >= 0);
    if (k.pid == 0) {
        char c;
        close(p[1]);
        prctl(PR_SET_NAME, "a) (b c");        /* the name that breaks naive readers of /proc/PID/stat */
        _exit(read(p[0], &c, 1) < 0);
    }
    close(p[0]);
    return k;
}

static void end(struct kid *k)
{
    kill(k->pid, SIGKILL);           /* closing is not enough: a younger child holds our end too */
    close(k->hold);
    assert_int_equal(waitpid(k->pid, NULL, 0), k->pid);
}

static void ourselves(void **st)
{
    (void)st;
    struct bt_proc p;
    assert_true(bt_proc_read(getpid(), &p));
    assert_int_equal(p.id.pid, getpid());
    assert_int_equal(p.ppid, getppid());
    assert_int_equal(p.session, getsid(0));
    assert_true(p.rss_bytes > 100 * KiB && p.rss_bytes < 1024 * GiB);
    assert_true(bt_proc_same(p.id));
    p.id.start_ticks++;
    assert_false(bt_proc_same(p.id));
    assert_int_equal(bt_proc_pidfd(p.id), -1);        /* same pid, other process */
    assert_false(bt_proc_read(0, &p));
    assert_false(bt_proc_read(-1, &p));
    assert_false(bt_proc_read(999999999, &p));
}

static void a_child_and_its_zombie(void **st)
{
    (void)st;
    struct kid k = start();
    struct bt_proc p;
    do
        assert_true(bt_proc_read(k.pid, &p));
    while (strcmp(p.comm, "a) (b c"));        /* until it has named itself */
    assert_int_equal(p.ppid, getpid());
    int fd = bt_proc_pidfd(p.id);
    assert_true(fd >= 0);
    assert_int_equal(bt_pidfd_send(fd, 0), 0);
    assert_int_equal(bt_pidfd_send(fd, SIGKILL), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)k.pid, &info, WEXITED | WNOWAIT), 0);
    struct bt_proc z;
    assert_true(bt_proc_read(k.pid, &z));
    assert_int_equal(z.state, 'Z');
    assert_false(bt_proc_same(p.id));
    assert_int_equal(bt_proc_pidfd(p.id), -1);
    end(&k);
    assert_false(bt_proc_read(k.pid, &z));
    assert_true(bt_pidfd_send(fd, SIGTERM) < 0);
    close(fd);
}

static size_t find(const struct bt_proc *v, size_t n, pid_t pid)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].id.pid == pid)
            return i;
    return SIZE_MAX;
}

static void lists_and_trees(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct kid one = start(), two = start();
    struct bt_proc *v;
    size_t n = bt_proc_list(&a, &v);
    assert_true(find(v, n, getpid()) < n && find(v, n, one.pid) < n);
    for (size_t i = 1; i < n; i++)
        assert_true(v[i - 1].id.pid < v[i].id.pid);
    n = bt_proc_tree(&a, getpid(), 0, &v);
    assert_true(find(v, n, getpid()) < n && find(v, n, one.pid) < n && find(v, n, two.pid) < n);
    assert_true(find(v, n, getppid()) == SIZE_MAX);
    n = bt_proc_tree(&a, one.pid, 0, &v);
    assert_int_equal(n, 1);
    n = bt_proc_tree(&a, one.pid, getsid(0), &v);     /* the session brings in what is no child */
    assert_true(find(v, n, two.pid) < n && find(v, n, getpid()) < n);
    n = bt_proc_tree(&a, 999999999, 0, &v);
    assert_int_equal(n, 0);
    end(&one);
    end(&two);
}

static void words_about_a_process(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    assert_has(bt_proc_cmdline(&a, getpid()), "base_proc");
    assert_string_equal(bt_proc_cmdline(&a, 999999999), "");
    assert_true(bt_proc_user(&a, getpid())[0] != 0);
    assert_string_equal(bt_proc_user(&a, 999999999), "");
    assert_true(strlen(bt_boot_id()) > 5);
    assert_string_equal(bt_boot_id(), bt_boot_id());
    int64_t before = bt_now_ms();
    assert_true(before > 0 && bt_now_ms() >= before);
    assert_true(bt_wall_ms() > 1600000000000ll);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(ourselves), cmocka_unit_test(a_child_and_its_zombie), cmocka_unit_test(lists_and_trees),
        cmocka_unit_test(words_about_a_process) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
