/* say.c - log lines in vLLM's form: "(EngineCore pid=123) INFO 11-21 00:15:12 [core.py:133] text". One write per line. */
#include "sim/engine/engine.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

static char who[48] = "APIServer";

void se_who(const char *name)
{
    snprintf(who, sizeof who, "%s", name);
}

static void say(const char *level, const char *where, const char *fmt, va_list ap)
{
    char line[4096], stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    strftime(stamp, sizeof stamp, "%m-%d %H:%M:%S", localtime_r(&now, &tm));
    int n = snprintf(line, sizeof line, "(%s pid=%d) %s %s [%s] ", who, (int)getpid(), level, stamp, where);
    n += vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
    n = BT_MIN(n, (int)sizeof line - 2);
    line[n++] = '\n';
    if (write(STDOUT_FILENO, line, n) < 0) { /* the reader left: the real one carries on too */ }
}

#define SAY(name, level) \
    void name(const char *where, const char *fmt, ...) { va_list ap; va_start(ap, fmt); say(level, where, fmt, ap); va_end(ap); }
SAY(se_info, "INFO")
SAY(se_warning, "WARNING")
SAY(se_error, "ERROR")

void se_line(int fd, const char *fmt, ...)
{
    char line[4096];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line - 1, fmt, ap);
    va_end(ap);
    n = BT_MIN(n, (int)sizeof line - 2);
    line[n++] = '\n';
    if (write(fd, line, n) < 0) { /* as above */ }
}

void se_bar(const char *fmt, ...)
{
    char line[512] = "\r";
    va_list ap;
    va_start(ap, fmt);
    int n = 1 + vsnprintf(line + 1, sizeof line - 2, fmt, ap);
    va_end(ap);
    n = BT_MIN(n, (int)sizeof line - 2);
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, n) < 0) { /* as above */ }
}

void se_title(struct se *e, const char *title)
{
    prctl(PR_SET_NAME, title);
    if (e->argv0_len > 1) {
        memset(e->argv0[0], 0, e->argv0_len);
        snprintf(e->argv0[0], e->argv0_len, "%s", title);
    }
}

void se_nap(const struct se *e, double seconds)
{
    double s = seconds / e->speed;
    struct timespec t = { (time_t)s, (long)((s - (double)(time_t)s) * 1e9) };
    nanosleep(&t, NULL);
}

double se_ram_gib(void)
{
    struct bt_str text, line;
    struct bt_err err = { 0 };
    struct bt_arena a = { 0 };
    double kib = 0;
    if (bt_file_read(&a, "/proc/meminfo", 64 * KiB, &text, &err) == 0)
        while (text.n && kib == 0) {
            text = bt_str_cut(text, '\n', &line);
            if (bt_str_starts(line, "MemAvailable:"))
                kib = strtod(line.p + 13, NULL);
        }
    bt_arena_release(&a);
    return kib / (1024 * 1024);
}

double se_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
