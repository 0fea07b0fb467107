/* live_block.c - see live_block.h */
#include "cmd/live_block.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

void bt_live_block_init(struct bt_live_block *k)
{
    struct stat out, err;
    *k = (struct bt_live_block){ .cursor = isatty(STDOUT_FILENO) && isatty(STDERR_FILENO) && fstat(STDOUT_FILENO, &out) == 0 &&
                                           fstat(STDERR_FILENO, &err) == 0 && out.st_rdev == err.st_rdev };
}

void bt_live_block_clear(struct bt_live_block *k)
{
    if (!k->lines)
        return;
    printf("\033[%dA\033[J", k->lines);
    fflush(stdout);
    k->lines = 0;
}

/* One line without its end, as far as it fits; colours take no room. Returns where the next one begins. */
static const char *put_line(const char *at, int width)
{
    int columns = 0;
    for (; *at && *at != '\n'; at++) {
        if (*at == '\033') {
            size_t n = strcspn(at, "m");
            fwrite(at, 1, n + (at[n] == 'm'), stdout);
            at += n - (at[n] != 'm');
            continue;
        }
        columns += ((unsigned char)*at & 0xC0) != 0x80;
        if (columns < width)
            fputc(*at, stdout);
    }
    fputs("\033[K\n", stdout);
    return *at ? at + 1 : at;
}

void bt_live_block_show(struct bt_live_block *k, const char *text)
{
    struct winsize w = { 0 };
    int lines = 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || !w.ws_col || !w.ws_row)
        w = (struct winsize){ .ws_row = 24, .ws_col = 80 };
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    bool fits = k->cursor && lines < w.ws_row;
    bt_live_block_clear(k);
    if (fits)
        while (*text)
            text = put_line(text, w.ws_col);
    else
        fputs(text, stdout);
    fflush(stdout);
    k->lines = fits ? lines : 0;
    k->cursor = fits;
}
