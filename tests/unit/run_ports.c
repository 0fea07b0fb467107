/* run_ports.c - is a port free: what listens takes it, and asking disturbs nobody who is about to listen. */
#include "base_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/ports.h"

/* As servers do: bound with SO_REUSEADDR. port 0: any. Returns the socket, or -1 with errno. */
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

static uint16_t port_of(int fd)
{
    struct sockaddr_in in;
    socklen_t n = sizeof in;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
    return ntohs(in.sin_port);
}

static void a_listener_takes_it_wherever_it_listens(void **st)
{
    (void)st;
    static const uint32_t where[] = { INADDR_LOOPBACK, INADDR_ANY };
    for (size_t i = 0; i < 2; i++) {
        int fd = bound(where[i], 0);
        uint16_t port = port_of(fd);
        assert_int_equal(listen(fd, 1), 0);
        assert_false(bt_port_free(port));
        close(fd);
        assert_true(bt_port_free(port));
    }
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
    int first = bound(INADDR_LOOPBACK, 0), failed = 0;
    struct asker a = { .port = port_of(first) };
    close(first);
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
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_listener_takes_it_wherever_it_listens), cmocka_unit_test(asking_is_in_nobodys_way) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
