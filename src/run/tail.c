/* tail.c - following a rotated log. */
#include "run/tail.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "run/keeplog.h"

enum { PART_MAX = 64 * 1024, LAST_BYTES = 128 * 1024, FILE_MAX = 256 * 1024 * 1024 };

void bt_tail_init(struct bt_tail *t)
{
    *t = (struct bt_tail){ .fd = -1, .part = BT_BUF(PART_MAX) };
}

void bt_tail_release(struct bt_tail *t)
{
    bt_close_fd(&t->fd);
    bt_buf_release(&t->part);
    t->ino = 0;
}

static bool open_newest(struct bt_tail *t, const char *dir)
{
    char path[4200];
    struct stat st;
    snprintf(path, sizeof path, "%s/log", dir);
    if (stat(path, &st) < 0 || (t->fd >= 0 && st.st_ino == t->ino))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) < 0) {
        close(fd);
        return false;
    }
    bt_close_fd(&t->fd);
    t->fd = fd;
    t->ino = st.st_ino;
    bt_buf_clear(&t->part);
    return true;
}

static void hand_on(struct bt_str line, bt_tail_line *to, void *ctx)
{
    int64_t ms;
    char stream;
    struct bt_str text;
    if (bt_keeplog_parse(line, &ms, &stream, &text))
        to(ctx, ms, stream, text);
}

bool bt_tail_read(struct bt_tail *t, const char *dir, size_t max_bytes, bt_tail_line *line, void *ctx)
{
    bool any = false;
    if (t->fd < 0 && !open_newest(t, dir))
        return false;
    for (size_t got = 0; got < max_bytes;) {
        char chunk[32768];
        ssize_t n = read(t->fd, chunk, sizeof chunk);
        if (n <= 0 && !open_newest(t, dir))
            break;
        if (n <= 0)
            continue;
        any = true;
        got += (size_t)n;
        t->bytes += (size_t)n;
        for (struct bt_str rest = { chunk, (size_t)n }; rest.n;) {
            const char *nl = memchr(rest.p, '\n', rest.n);
            size_t len = nl ? (size_t)(nl - rest.p) : rest.n;
            bt_buf_add(&t->part, rest.p, len);
            if (nl) {
                hand_on((struct bt_str){ bt_buf_z(&t->part), t->part.n }, line, ctx);
                bt_buf_clear(&t->part);
            }
            rest.p += len + (nl != NULL);
            rest.n -= len + (nl != NULL);
        }
    }
    return any;
}

void bt_tail_file(const char *path, bt_tail_line *line, void *ctx)
{
    bt_auto_arena a = { 0 };
    struct bt_err ignored = { 0 };
    struct bt_str rest, one;
    if (bt_file_read(&a, path, FILE_MAX, &rest, &ignored) < 0)
        return;                      /* no such log: nothing was printed */
    while (rest.n) {
        rest = bt_str_cut(rest, '\n', &one);
        hand_on(one, line, ctx);
    }
}

struct last { struct bt_arena *a; const char **v; size_t n; };

static void keep_line(void *ctx, int64_t wall_ms, char stream, struct bt_str text)
{
    struct last *l = ctx;
    bt_auto_buf struct bt_buf b = BT_BUF(PART_MAX);
    (void)wall_ms;
    if (stream == 'b' || !text.n)
        return;                      /* the keeper's remark says what the reason above these lines says; empty ones say nothing */
    bt_buf_add_escaped(&b, text);
    const char *copy = bt_arena_strdup(l->a, bt_buf_z(&b));
    BT_PUSH(l->a, l->v, l->n, copy);
}

/* The lines at the end of one file, of so many bytes. */
static void read_end(const char *path, size_t bytes, bt_tail_line *to, void *ctx)
{
    bt_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    off_t from = st.st_size > (off_t)bytes ? st.st_size - (off_t)bytes : 0;
    bt_auto_free char *text = bt_xmalloc(bytes);
    ssize_t n = pread(fd, text, bytes, from);
    struct bt_str rest = { text, n > 0 ? (size_t)n : 0 }, line;
    if (from && rest.n)
        rest = bt_str_cut(rest, '\n', &line);        /* the first one is cut */
    while (rest.n) {
        rest = bt_str_cut(rest, '\n', &line);
        hand_on(line, to, ctx);
    }
}

void bt_tail_end(const char *dir, size_t bytes, bt_tail_line *line, void *ctx)
{
    bt_auto_arena a = { 0 };
    struct stat st;
    const char *log = bt_arena_printf(&a, "%s/log", dir);
    if (stat(log, &st) < 0 || st.st_size < (off_t)bytes / 4)
        read_end(bt_arena_printf(&a, "%s/log.1", dir), bytes, line, ctx);
    read_end(log, bytes, line, ctx);
}

size_t bt_tail_last(struct bt_arena *a, const char *dir, size_t n, const char ***out)
{
    struct last l = { .a = a };
    bt_tail_end(dir, LAST_BYTES, keep_line, &l);
    size_t skip = l.n > n ? l.n - n : 0;
    *out = l.v + skip;
    return l.n - skip;
}

static void keep_stamp(void *ctx, int64_t wall_ms, char stream, struct bt_str text)
{
    (void)stream, (void)text;
    *(int64_t *)ctx = wall_ms;
}

int64_t bt_tail_stamp(const char *dir)
{
    int64_t ms = 0;
    bt_tail_end(dir, LAST_BYTES, keep_stamp, &ms);
    return ms;
}
