/* probe.c - berth probe: samples this machine's cards through NVML and prints a JSON line each (gpu/probe.h).
 *
 * NVML calls can hang in the kernel for seconds; they are made here, in a process that its reader can replace. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "base/proc.h"
#include "cmd/cmd.h"
#include "gpu/probe.h"

struct args { uint64_t interval_ms; bool once; };

static const struct bt_opt opts[] = {
    { .name = "interval", .type = BT_OPT_DURATION, .off = offsetof(struct args, interval_ms), .def = "250ms", .help = "from one sample to the next" },
    { .name = "once", .type = BT_OPT_BOOL, .off = offsetof(struct args, once), .help = "one sample, then end; exit 1 when it failed" },
    { 0 } };

#define SHORTEST_MS 20               /* NVML takes a lock of the kernel driver: not in a tight loop */
#define LONGEST_MS 3600000
#define AFTER_FAILURE_MS 2000        /* no driver, or one that is being replaced */

static bool write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

/* One sample to stdout. False when nobody reads any more. */
static bool sample(struct bt_err *failed, bool *ok)
{
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf line = BT_BUF(BT_PROBE_LINE_MAX);
    struct bt_fleet f;
    double begun_s = (double)bt_now_ms() / 1000;
    *ok = bt_fleet_sample(&a, &f, failed) == 0;
    bt_probe_print(&f, begun_s, *ok ? NULL : failed, &line);
    return write_all(STDOUT_FILENO, bt_buf_z(&line), line.n);
}

/* Wait, but end at once when the reader closes its end of the pipe: a pipe without a reader polls as an error. */
static bool reader_left(uint64_t wait_ms)
{
    struct pollfd out = { .fd = STDOUT_FILENO };
    int n = poll(&out, 1, (int)wait_ms);
    return n > 0 && (out.revents & (POLLERR | POLLHUP | POLLNVAL));
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args args = { 0 };
    struct bt_err err = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &args, NULL, NULL);
    if (rc)
        return rc;
    if (args.interval_ms < SHORTEST_MS || args.interval_ms > LONGEST_MS) {
        bt_err_set(&err, BT_E_USAGE, 0, "an interval of %llu ms", (unsigned long long)args.interval_ms);
        bt_err_hint(&err, "20ms to 1h");
        return bt_cmd_fail(v, &err, false);
    }
    pid_t parent = getppid();
    if (!args.once && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() != parent)
        return 0;                    /* it died before the kernel knew that we care */
    for (;;) {
        bool ok;
        if (!sample(&err, &ok))
            return 0;
        if (args.once)
            return ok ? 0 : bt_cmd_fail(v, &err, false);
        if (reader_left(ok ? args.interval_ms : BT_MAX(args.interval_ms, (uint64_t)AFTER_FAILURE_MS)))
            return 0;
    }
}

const struct bt_verb bt_verb_probe = {
    .name = "probe", .usage = "berth probe [--interval 250ms] [--once]", .opts = opts, .run = run };
