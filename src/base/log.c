/* log.c - one line, one write. */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = { "debug", "info", "warn", "error" };
static int log_fd = STDERR_FILENO;
static int log_level = -1;           /* not yet set: BERTH_LOG, else warn */

static int level_from_env(int fallback)
{
    const char *z = getenv("BERTH_LOG");
    for (int i = 0; z && i < 4; i++)
        if (!strcmp(z, names[i]))
            return i;
    return fallback;
}

void bt_log_init(enum bt_level level, int fd)
{
    log_level = level_from_env((int)level);
    log_fd = fd;
}

void bt_log(enum bt_level level, const char *component, const char *fmt, ...)
{
    if (log_level < 0)
        log_level = level_from_env(BT_WARN);
    if ((int)level < log_level)
        return;
    char line[2048];
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    int n = snprintf(line, sizeof line, "%02d:%02d:%02d.%03ld %s %s: ", tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000, names[level], component);
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
    va_end(ap);
    n = m < 0 ? n : n + m;
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    line[n++] = '\n';
    if (write(log_fd, line, (size_t)n) < 0) { /* a log that cannot be written has nowhere to complain */ }
}
