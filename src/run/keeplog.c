/* keeplog.c - lines from two pipes into one rotated file. */
#include "run/keeplog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static void open_current(struct bt_keeplog *l)
{
    struct stat st;
    l->fd = openat(l->dirfd, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    l->bytes = l->fd >= 0 && fstat(l->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

int bt_keeplog_open(struct bt_keeplog *l, const char *dir, uint64_t max, struct bt_err *err)
{
    memset(l, 0, sizeof *l);
    l->max = max;
    l->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->dirfd < 0)
        return bt_err_set(err, BT_E_IO, errno, "open %s", dir);
    open_current(l);
    if (l->fd < 0)
        return bt_err_set(err, BT_E_IO, errno, "open %s/log", dir);
    return 0;
}

void bt_keeplog_flush(struct bt_keeplog *l)
{
    if (l->bytes + l->nout > l->max && l->bytes > 0) {
        bt_close_fd(&l->fd);
        renameat(l->dirfd, "log", l->dirfd, "log.1");
        open_current(l);
    }
    for (size_t at = 0; at < l->nout;) {
        ssize_t n = l->fd < 0 ? -1 : write(l->fd, l->out + at, l->nout - at);
        if (n < 0 && l->fd >= 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            l->lost += l->nout - at;
            break;
        }
        at += (size_t)n;
        l->bytes += (uint64_t)n;
    }
    l->nout = 0;
}

static void put_line(struct bt_keeplog *l, char stream, const char *p, size_t n, int64_t wall_ms)
{
    if (l->nout + n + 32 > sizeof l->out)
        bt_keeplog_flush(l);
    l->last_ms = BT_MAX(l->last_ms, wall_ms);        /* a clock that is set back does not turn the log round */
    l->nout += (size_t)snprintf(l->out + l->nout, 32, "%lld %c ", (long long)l->last_ms, stream);
    memcpy(l->out + l->nout, p, n);
    l->nout += n;
    l->out[l->nout++] = '\n';
}

void bt_keeplog_add(struct bt_keeplog *l, int stream, const char *p, size_t n, int64_t wall_ms)
{
    char mark = stream ? 'e' : 'o';
    for (size_t i = 0; i < n;) {
        size_t room = sizeof l->part[stream].text - l->part[stream].n, len = 0;
        if (l->part[stream].cr && p[i] == '\n') {    /* "\r\n" is one end of line */
            l->part[stream].cr = false;
            i++;
            continue;
        }
        l->part[stream].cr = false;
        while (i + len < n && len < room && p[i + len] != '\n' && p[i + len] != '\r')
            len++;
        memcpy(l->part[stream].text + l->part[stream].n, p + i, len);
        l->part[stream].n += len;
        i += len;
        bool end = i < n && (p[i] == '\n' || p[i] == '\r');
        if (end || l->part[stream].n == sizeof l->part[stream].text) {
            put_line(l, mark, l->part[stream].text, l->part[stream].n, wall_ms);
            l->part[stream].n = 0;
        }
        if (end) {
            l->part[stream].cr = p[i] == '\r';
            i++;
        }
    }
}

void bt_keeplog_remark(struct bt_keeplog *l, const char *text, int64_t wall_ms)
{
    put_line(l, 'b', text, BT_MIN(strlen(text), sizeof l->part[0].text), wall_ms);
}

void bt_keeplog_close(struct bt_keeplog *l, int64_t wall_ms)
{
    for (int s = 0; s < 2; s++)
        if (l->part[s].n)
            put_line(l, s ? 'e' : 'o', l->part[s].text, l->part[s].n, wall_ms);
    if (l->lost) {
        char text[80];
        snprintf(text, sizeof text, "%llu bytes of log could not be written", (unsigned long long)l->lost);
        bt_keeplog_remark(l, text, wall_ms);
    }
    bt_keeplog_flush(l);
    bt_close_fd(&l->fd);
    bt_close_fd(&l->dirfd);
}

bool bt_keeplog_parse(struct bt_str line, int64_t *wall_ms, char *stream, struct bt_str *text)
{
    int64_t ms = 0;
    size_t i = 0;
    for (; i < line.n && i < 15 && line.p[i] >= '0' && line.p[i] <= '9'; i++)
        ms = ms * 10 + (line.p[i] - '0');
    if (i == 0 || i + 3 > line.n || line.p[i] != ' ' || !strchr("oeb", line.p[i + 1]) || line.p[i + 2] != ' ')
        return false;
    *wall_ms = ms;
    *stream = line.p[i + 1];
    *text = (struct bt_str){ line.p + i + 3, line.n - i - 3 };
    return true;
}
