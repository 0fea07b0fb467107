/* cuda_visible.c - which cards a process may use, and in which order it counts them. Pure: no environment, no state.
 *
 * CUDA_VISIBLE_DEVICES is a list of indices (of the order in force), UUIDs or unique beginnings of UUIDs. It ends at the first
 * entry that names no card; a card named twice leaves none at all; unset is all, empty is none (CUDA programming guide). */
#include "sim/cuda_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* FASTEST_FIRST keeps PCI order between equals. */
static void order_cards(const char *order, const struct sim_visible_card *cards, int n, unsigned out[])
{
    for (int i = 0; i < n; i++)
        out[i] = (unsigned)i;
    if (order && strcmp(order, "PCI_BUS_ID") == 0)
        return;
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && cards[out[j]].speed > cards[out[j - 1]].speed; j--) {
            unsigned swap = out[j];
            out[j] = out[j - 1];
            out[j - 1] = swap;
        }
}

/* "3" -> 3; -1 for anything that is not a plain index. */
static int index_of(const char *p, size_t len, int n)
{
    int value = 0;
    if (len == 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)p[i]))
            return -1;
        value = value * 10 + (p[i] - '0');
        if (value >= n)
            return -1;
    }
    return value;
}

static int by_uuid(const char *p, size_t len, const struct sim_visible_card *cards, int n)
{
    int found = -1;
    if (len < 4 || strncasecmp(p, "GPU-", 4) != 0)
        return -1;
    for (int i = 0; i < n; i++) {
        if (strncasecmp(cards[i].uuid, p, len) != 0)
            continue;
        if (found >= 0)
            return -1;                       /* not unique */
        found = i;
    }
    return found;
}

int sim_visible(const char *list, const char *order, const struct sim_visible_card *cards, int n, unsigned out[BT_SIM_MAX_GPUS])
{
    unsigned all[BT_SIM_MAX_GPUS];
    bool taken[BT_SIM_MAX_GPUS] = { false };
    int count = 0;
    order_cards(order, cards, n, all);
    if (!list) {
        memcpy(out, all, (size_t)n * sizeof *out);
        return n;
    }
    for (const char *p = list; ; p++) {
        size_t len = strcspn(p, ","), skip = strspn(p, " \t");
        const char *entry = p + (skip < len ? skip : len);
        size_t entry_len = len - (size_t)(entry - p);
        while (entry_len && (entry[entry_len - 1] == ' ' || entry[entry_len - 1] == '\t'))
            entry_len--;
        int at = index_of(entry, entry_len, n);
        int card = at >= 0 ? (int)all[at] : by_uuid(entry, entry_len, cards, n);
        if (card < 0)
            return count;
        if (taken[card])
            return 0;
        taken[card] = true;
        out[count++] = (unsigned)card;
        p += len;
        if (!*p)
            return count;
    }
}
