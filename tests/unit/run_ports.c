/* run_ports.c - is a port free: what listens takes it, and asking disturbs nobody who is about to listen; who has claimed one has it alone. */
#include "base_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/ports.h"

/* As servers do: bound with SO_REUSEADDR. Returns the socket, or -1 with errno. */
static int bound(uint32_t address, uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address) };
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&in, sizeof in) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* A port that nobody has claimed, of those that no daemon leases by itself. Another daemon is another struct here: the kernel asks for the socket, not for the
 * process. Where one begins to look differs, for the same test may run beside this one. */
static uint16_t claimable(struct bt_claims *c)
{
    for (unsigned i = 0, p = (unsigned)getpid() * 7; i < 7000; i++, p++)
        if (bt_claim_take(c, (uint16_t)(2000 + p % 7000)))
            return (uint16_t)(2000 + p % 7000);
    fail_msg("no port of 7,000 can be claimed");
    return 0;
}

/* One that is free, too, and stays so: the kernel gives none of these away by itself, as it does with those of port 0. */
static uint16_t quiet_port(struct bt_claims *c)
{
    uint16_t port = claimable(c);
    while (!bt_port_free(port))
        port = claimable(c);
    return port;
}

static void a_listener_takes_it_wherever_it_listens(void **st)
{
    (void)st;
    static const uint32_t where[] = { INADDR_LOOPBACK, INADDR_ANY };
    struct bt_claims c = { 0 };
    uint16_t port = quiet_port(&c);
    for (size_t i = 0; i < 2; i++) {
        int fd = bound(where[i], port);
        assert_int_equal(listen(fd, 1), 0);
        assert_false(bt_port_free(port));
        close(fd);
        assert_true(bt_port_free(port));
    }
    bt_claims_release(&c);
}

static bool free_for(uid_t user, uint16_t port)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(setresuid(user, user, user) < 0 ? 2 : bt_port_free(port));
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_in_range(WEXITSTATUS(status), 0, 1);
    return WEXITSTATUS(status);
}

/* Low ports are not every user's to bind. Whether one is free is told all the same: the workload may have the right (capabilities of its file). */
static void one_that_we_may_not_bind_is_free_unless_somebody_listens(void **st)
{
    (void)st;
    enum { FIRST = 600, LAST = 1000, NOBODY = 65534 };
    uint16_t port = FIRST;
    int fd = -1;
    if (geteuid())
        return;                      /* nobody to listen there */
    while (fd < 0 && port < LAST)
        fd = bound(INADDR_LOOPBACK, ++port);
    assert_int_equal(listen(fd, 1), 0);
    assert_false(free_for(NOBODY, port));
    close(fd);
    assert_true(free_for(NOBODY, port));
}

struct asker { uint16_t port; atomic_bool over; };

static void *asks(void *p)
{
    struct asker *a = p;
    while (!a->over)
        (void)bt_port_free(a->port);
    return NULL;
}

/* Another daemon, or doctor, may ask at the very moment when a server takes the port. */
static void asking_is_in_nobodys_way(void **st)
{
    (void)st;
    int failed = 0;
    struct bt_claims c = { 0 };
    struct asker a = { .port = quiet_port(&c) };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, asks, &a), 0);
    for (int i = 0; i < 60000; i++) {
        int fd = bound(INADDR_LOOPBACK, a.port);
        failed += fd < 0 || listen(fd, 1) < 0;
        if (fd >= 0)
            close(fd);
    }
    a.over = true;
    pthread_join(thread, NULL);
    assert_int_equal(failed, 0);
    bt_claims_release(&c);
}

/* ---- claims ---- */

static void a_claim_is_one_daemons(void **st)
{
    (void)st;
    struct bt_claims a = { 0 }, b = { 0 };
    uint16_t port = claimable(&a), other;
    assert_true(bt_claim_fd(&a, port) >= 10);
    assert_true(fcntl(bt_claim_fd(&a, port), F_GETFD) & FD_CLOEXEC);
    assert_true(bt_claim_take(&a, port));            /* again */
    assert_int_equal(a.n, 1);
    assert_false(bt_claim_take(&b, port));
    assert_int_equal(b.n, 0);
    assert_int_equal(bt_claim_fd(&b, port), -1);
    other = claimable(&b);
    assert_int_not_equal(other, port);
    bt_claim_give(&b, port);                         /* not its own: nothing happens */
    assert_false(bt_claim_take(&b, port));
    bt_claim_give(&a, port);
    assert_true(bt_claim_take(&b, port));
    bt_claims_release(&a);
    bt_claims_release(&b);
    assert_true(bt_claim_take(&a, port));
    bt_claims_release(&a);
}

static void a_claim_is_told_with_its_holder(void **st)
{
    (void)st;
    bt_auto_arena arena = { 0 };
    struct bt_claims a = { 0 };
    uint16_t port = claimable(&a);
    char who[32];
    snprintf(who, sizeof who, "pid %d (", (int)getpid());
    assert_non_null(strstr(bt_claim_holder(&arena, port), who));
    bt_claims_release(&a);
}

/* As when a daemon is killed while its keeper lives, and when the keeper ends too. */
static void a_claim_lasts_as_long_as_somebody_has_it(void **st)
{
    (void)st;
    struct bt_claims a = { 0 }, b = { 0 };
    uint16_t port = claimable(&a);
    int hold[2];
    assert_int_equal(pipe(hold), 0);
    pid_t child = fork();
    if (child == 0) {
        char one;
        close(hold[1]);
        _exit(read(hold[0], &one, 1) < 0);           /* until the parent closes its end */
    }
    assert_true(child > 0);
    close(hold[0]);
    bt_claims_release(&a);
    assert_false(bt_claim_take(&b, port));
    close(hold[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(bt_claim_take(&b, port));
    bt_claims_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_takes_it_wherever_it_listens), cmocka_unit_test(asking_is_in_nobodys_way), cmocka_unit_test(a_claim_is_one_daemons),
        cmocka_unit_test(one_that_we_may_not_bind_is_free_unless_somebody_listens), cmocka_unit_test(asking_is_in_nobodys_way), cmocka_unit_test(a_claim_is_one_daemons),
        cmocka_unit_test(a_claim_is_told_with_its_holder), cmocka_unit_test(a_claim_lasts_as_long_as_somebody_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
