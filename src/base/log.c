/* log.c - see log.h */
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static int log_fd = STDERR_FILENO;
static int log_level = -1;           /* not initialised: warn, unless BERTH_LOG says otherwise */

static int level_from_env(int level)
{
    const char *e = getenv("BERTH_LOG");
    for (int i = BT_DEBUG; e && i <= BT_ERROR; i++)
        if (!strcmp(e, level_names[i]))
            return i;
    return level;
}

void bt_log_init(enum bt_level level, int fd)
{
    log_fd = fd;
    log_level = level_from_env((int)level);
}

void bt_log(enum bt_level level, const char *component, const char *fmt, ...)
{
    if (log_level < 0)
        log_level = level_from_env(BT_WARN);
    if ((int)level < log_level)
        return;
    int keep = errno;
    char line[2048];
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    int n = snprintf(line, sizeof line, "%02d:%02d:%02d.%03ld %s %s ", tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000,
                     level_names[level], component);
    size_t used = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    va_list ap;
    va_start(ap, fmt);
    n = vsnprintf(line + used, sizeof line - used, fmt, ap);
    va_end(ap);
    used = strlen(line);
    if (used > sizeof line - 2)      /* room for the newline; what is cut off was longer than anybody reads */
        used = sizeof line - 2;
    line[used++] = '\n';
    for (size_t at = 0; at < used;) {            /* one write: lines of several threads do not mix */
        ssize_t done = write(log_fd, line + at, used - at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            break;                   /* nobody left to tell */
        at += (size_t)done;
    }
    errno = keep;
}
