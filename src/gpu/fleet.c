/* fleet.c - what the user calls a fleet, and which cards of it are meant. */
#include "gpu/fleet.h"

#include <ctype.h>
#include <stdio.h>

#include "base/file.h"
#include "base/units.h"

static bool all_digits(struct bt_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isdigit((unsigned char)s.p[i]))
            return false;
    return s.n > 0;
}

static bool is_uuid(struct bt_str s)
{
    return bt_str_starts(s, "GPU-") || bt_str_starts(s, "MIG-") || bt_str_starts(s, "virtual-");
}

/* "0,2", "GPU-ab12": the first of the list tells. */
static bool is_ids(const char *text)
{
    struct bt_str first;
    bt_str_cut(bt_str(text), ',', &first);
    first = bt_str_trim(first);
    return all_digits(first) || is_uuid(first);
}

/* The user's text in a message: short and safe for a terminal. */
static const char *shown(struct bt_arena *a, const char *text, size_t n)
{
    bt_auto_buf struct bt_buf b = BT_BUF(400);
    bt_buf_add_escaped(&b, (struct bt_str){ text, BT_MIN(n, (size_t)80) });
    if (n > 80)
        bt_buf_puts(&b, "...");
    return bt_arena_strdup(a, bt_buf_z(&b));
}

/* ---- fleets by name ---- */

/* "4xNAME", "4 x NAME" or "NAME" (one card); "16x4xNAME": 16 machines of four, boxes = 16. */
struct group { uint64_t boxes, cards; const struct bt_gpu_kind *kind; };     /* boxes 0: not said */

/* "4x" at the front of *g: its number, and *g goes on behind it. False: there is none. */
static bool cut_count(struct bt_str *g, struct bt_str *digits)
{
    size_t n = 0, x;
    while (n < g->n && isdigit((unsigned char)g->p[n]))
        n++;
    for (x = n; x < g->n && g->p[x] == ' ';)
        x++;
    if (!n || x + 1 >= g->n || (g->p[x] != 'x' && g->p[x] != 'X'))
        return false;
    *digits = (struct bt_str){ g->p, n };
    *g = bt_str_trim((struct bt_str){ g->p + x + 1, g->n - x - 1 });
    return true;
}

static int read_count(struct bt_arena *a, struct bt_str group, struct bt_str digits, uint64_t most, const char *what, uint64_t *out, struct bt_err *err)
{
    if (bt_u64_parse(digits, 1, most, out, err) == 0)
        return 0;
    bt_err_set(err, BT_E_SPEC, 0, "\"%s\" asks for %.*s %s", shown(a, group.p, group.n), (int)BT_MIN(digits.n, (size_t)20), digits.p, what);
    return bt_err_hint(err, "a machine has 1 to %d cards: 4xA100-SXM4-40GB; many machines: 16x4xA100-SXM4-40GB, %d cards in all", BT_MAX_GPUS, BT_MAX_FLEET);
}

static int read_group(struct bt_arena *a, struct bt_str text, struct group *out, struct bt_err *err)
{
    struct bt_str name = text, first, second;
    *out = (struct group){ .cards = 1 };
    bool one = cut_count(&name, &first), two = one && cut_count(&name, &second);
    if (one && read_count(a, text, first, two ? BT_MAX_FLEET : BT_MAX_GPUS, two ? "machines" : "cards", two ? &out->boxes : &out->cards, err) < 0)
        return -1;
    if (two && read_count(a, text, second, BT_MAX_GPUS, "cards", &out->cards, err) < 0)
        return -1;
    const char *z = bt_arena_strndup(a, bt_str_trim(name));
    out->kind = bt_gpu_kind_find(z);
    if (!out->kind)
        return bt_gpu_kind_unknown(z, err);
    if (bt_gpu_kind_total(out->kind))
        return 0;
    bt_err_set(err, BT_E_SPEC, 0, "the catalog does not know how much memory a %s has", out->kind->nvml_name);
    return bt_err_hint(err, "its memory is shared with the host: write a fleet.json with its total_bytes");
}

static void add_virtual(struct bt_arena *a, struct bt_fleet *f, const struct bt_gpu_kind *k, int island, const struct bt_fleet_opts *o)
{
    struct bt_gpu g = {
        .uuid = bt_arena_printf(a, "virtual-%zu", f->n), .name = k->nvml_name, .index = (int)f->n, .kind = k, .unified = bt_gpu_kind_unified(k), .pci = "",
        .total_bytes = bt_gpu_kind_total(k), .nvml_total_bytes = k->nvml_bytes, .margin_bytes = o->margin_bytes,
        .total_source = k->cuda_bytes ? BT_TOTAL_CATALOG : BT_TOTAL_NVML_LESS_2PCT,
        .cc_major = k->cc_major, .cc_minor = k->cc_minor, .island = island };
    BT_PUSH(a, f->gpus, f->n, g);
}

/* Cards of one kind that stand in two groups of one machine are still one machine's: same island. */
static int island_of(const struct bt_fleet *f, size_t first, const struct bt_gpu_kind *k, int *islands)
{
    for (size_t i = first; k->nvlink_mesh && i < f->n; i++)
        if (f->gpus[i].kind == k)
            return f->gpus[i].island;
    return k->nvlink_mesh ? (*islands)++ : -1;
}

static void add_cards(struct bt_arena *a, struct bt_fleet *f, size_t first, const struct group *g, int *islands, const struct bt_fleet_opts *o)
{
    int island = island_of(f, first, g->kind, islands);
    for (uint64_t i = 0; i < g->cards; i++)
        add_virtual(a, f, g->kind, island, o);
}

/* An island of one card is no island. */
static void drop_lonely_islands(struct bt_arena *a, struct bt_fleet *f, int islands)
{
    size_t *cards = BT_NEWN(a, size_t, (size_t)islands + 1);
    for (size_t i = 0; i < f->n; i++)
        if (f->gpus[i].island >= 0)
            cards[f->gpus[i].island]++;
    for (size_t i = 0; i < f->n; i++)
        if (f->gpus[i].island >= 0 && cards[f->gpus[i].island] == 1)
            f->gpus[i].island = -1;
}

/* Every group says so many machines, or is one. */
static void add_boxes(struct bt_arena *a, struct bt_fleet *f, const struct group *g, size_t n, int *islands, const struct bt_fleet_opts *o)
{
    for (size_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < BT_MAX(g[i].boxes, (uint64_t)1); k++) {
            struct bt_box box = { .name = bt_arena_printf(a, "node-%zu", f->nboxes), .first = f->n, .n = g[i].cards };
            add_cards(a, f, f->n, &g[i], islands, o);
            BT_PUSH(a, f->box, f->nboxes, box);
        }
}

struct groups { struct group *v; size_t n; uint64_t boxes, cards; };

static int read_groups(struct bt_arena *a, const char *text, struct groups *g, struct bt_err *err)
{
    struct bt_str rest = bt_str(text), one;
    do {
        struct group next;
        rest = bt_str_cut(rest, '+', &one);
        one = bt_str_trim(one);
        if (!one.n) {
            bt_err_set(err, BT_E_SPEC, 0, "\"%s\" has nothing on one side of a `+`", shown(a, text, strlen(text)));
            return bt_err_hint(err, "write it like 2xRTX-4090+1xRTX-A6000");
        }
        if (read_group(a, one, &next, err) < 0)
            return -1;
        BT_PUSH(a, g->v, g->n, next);
        g->boxes += next.boxes;
        g->cards += next.cards * BT_MAX(next.boxes, (uint64_t)1);
    } while (rest.p && g->cards <= BT_MAX_FLEET);
    if (g->cards <= (g->boxes ? BT_MAX_FLEET : BT_MAX_GPUS))
        return 0;
    bt_err_set(err, BT_E_SPEC, 0, "\"%s\" has more than %d cards", shown(a, text, strlen(text)), g->boxes ? BT_MAX_FLEET : BT_MAX_GPUS);
    return bt_err_hint(err, "a machine has 1 to %d cards; many machines, 16x4xA100-SXM4-40GB, %d together", BT_MAX_GPUS, BT_MAX_FLEET);
}

/* "4xA100-SXM4-40GB+1xRTX-A6000" -> virtual cards. */
static int fleet_named(struct bt_arena *a, const char *text, const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err)
{
    if (strchr(text, ',')) {
        bt_err_set(err, BT_E_SPEC, 0, "\"%s\" is not one fleet", shown(a, text, strlen(text)));
        return bt_err_hint(err, "cards of one fleet are joined by `+`: 2xRTX-4090+1xRTX-A6000; two fleets are compared one after the other");
    }
    struct bt_fleet f = { .source = "catalog", .text = shown(a, text, strlen(text)), .driver = "" };
    struct groups g = { 0 };
    int islands = 0;
    if (read_groups(a, text, &g, err) < 0)
        return bt_err_wrap(err, "fleet \"%s\"", f.text);
    if (g.boxes)
        add_boxes(a, &f, g.v, g.n, &islands, o);
    for (size_t i = 0; !g.boxes && i < g.n; i++)
        add_cards(a, &f, 0, &g.v[i], &islands, o);
    drop_lonely_islands(a, &f, islands);
    *out = f;
    return 0;
}

size_t bt_fleet_box(const struct bt_fleet *f, size_t card)
{
    size_t low = 0, high = f->nboxes;
    while (high - low > 1) {         /* boxes are in the order of their cards */
        size_t mid = low + (high - low) / 2;
        if (f->box[mid].first <= card)
            low = mid;
        else
            high = mid;
    }
    return low;
}

const char *bt_fleet_node(const struct bt_fleet *f, size_t card)
{
    return f->nboxes ? f->box[bt_fleet_box(f, card)].name : "local";
}

/* ---- which cards are meant ---- */

void bt_fleet_list(const struct bt_fleet *f, struct bt_buf *out)
{
    for (size_t i = 0; i < f->n; i++)
        bt_buf_printf(out, "%s%d (%s)", i ? ", " : "", f->gpus[i].index, f->gpus[i].kind ? f->gpus[i].kind->short_name : f->gpus[i].name);
}

static int no_such_card(const struct bt_fleet *f, const char *id, struct bt_err *err)
{
    bt_auto_buf struct bt_buf list = BT_BUF(220), safe = BT_BUF(128);
    bt_fleet_list(f, &list);
    bt_buf_add_escaped(&safe, (struct bt_str){ id, strnlen(id, 60) });
    bt_err_set(err, BT_E_SPEC, 0, "there is no card \"%s\"", bt_buf_z(&safe));
    if (!f->n)
        return bt_err_hint(err, "this fleet has no cards");
    return bt_err_hint(err, "there %s: %s%s", f->n == 1 ? "is" : "are", bt_buf_z(&list), f->nnotes ? " (see the notes of `berth gpus`)" : "");
}

/* The card that id names: an index, a whole uuid, or a prefix of exactly one "GPU-..." uuid. */
static int pick_one(const struct bt_fleet *f, const char *id, size_t *out, struct bt_err *err)
{
    struct bt_str s = bt_str(id);
    size_t found = 0;
    for (size_t i = 0; i < f->n; i++) {
        uint64_t index;
        struct bt_err ignored;
        if (!strcmp(f->gpus[i].uuid, id) ||
            (all_digits(s) && !bt_u64_parse(s, 0, INT32_MAX, &index, &ignored) && index == (uint64_t)f->gpus[i].index)) {
            *out = i;
            return 0;
        }
        if (bt_str_starts(s, "GPU-") && s.n > 4 && !strncasecmp(f->gpus[i].uuid, id, s.n)) {
            *out = i;
            found++;
        }
    }
    if (found == 1)
        return 0;
    if (!found)
        return no_such_card(f, id, err);
    bt_err_set(err, BT_E_SPEC, 0, "\"%s\" is the beginning of %zu cards' uuids", id, found);
    return bt_err_hint(err, "write more of the uuid: `berth gpus --json` prints them");
}

int bt_fleet_pick(struct bt_arena *a, const struct bt_fleet *f, const char *const *ids, size_t n, size_t *out_idx, struct bt_err *err)
{
    (void)a;
    for (size_t i = 0; i < n; i++) {
        if (pick_one(f, ids[i], &out_idx[i], err) < 0)
            return -1;
        for (size_t j = 0; j < i; j++)
            if (out_idx[j] == out_idx[i]) {
                bt_err_set(err, BT_E_SPEC, 0, "card %d (%s) is named twice", f->gpus[out_idx[i]].index, f->gpus[out_idx[i]].name);
                return bt_err_hint(err, "name every card once");
            }
    }
    return 0;
}

static int by_size(const void *x, const void *y)
{
    size_t a = *(const size_t *)x, b = *(const size_t *)y;
    return (a > b) - (a < b);
}

void bt_fleet_subset(struct bt_arena *a, const struct bt_fleet *f, const size_t *idx, size_t n, struct bt_fleet *out)
{
    size_t *sorted = BT_NEWN(a, size_t, n ? n : 1);
    if (n)
        memcpy(sorted, idx, n * sizeof *idx);
    qsort(sorted, n, sizeof *sorted, by_size);
    *out = *f;
    out->gpus = BT_NEWN(a, struct bt_gpu, n ? n : 1);
    out->n = n;
    for (size_t i = 0; i < n; i++)
        out->gpus[i] = f->gpus[sorted[i]];
}

/* "0,2" or "GPU-a,GPU-b" as words. Returns how many, or -1. */
static int split_ids(struct bt_arena *a, const char *text, const char *ids[BT_MAX_GPUS], struct bt_err *err)
{
    struct bt_str rest = bt_str(text), one;
    int n = 0;
    do {
        rest = bt_str_cut(rest, ',', &one);
        one = bt_str_trim(one);
        if (!all_digits(one) && !is_uuid(one)) {
            bt_err_set(err, BT_E_SPEC, 0, "\"%s\" is neither an index nor a uuid of a card", shown(a, one.p, one.n));
            return bt_err_hint(err, "cards of this machine: 0,2 or GPU-ab12...; a named fleet: 4xA100-SXM4-40GB, joined by `+`");
        }
        if (n == BT_MAX_GPUS) {
            bt_err_set(err, BT_E_SPEC, 0, "\"%s\" names more than %d cards", shown(a, text, strlen(text)), BT_MAX_GPUS);
            return bt_err_hint(err, "name every card once");
        }
        ids[n++] = bt_arena_strndup(a, one);
    } while (rest.p);
    return n;
}

static int narrow_to(struct bt_arena *a, const struct bt_fleet *f, const char *text, const char *const *ids, size_t n, struct bt_fleet *out,
                     struct bt_err *err)
{
    size_t idx[BT_MAX_GPUS];
    if (bt_fleet_pick(a, f, ids, n, idx, err) < 0)
        return -1;
    bt_fleet_subset(a, f, idx, n, out);
    out->text = shown(a, text, strlen(text));
    return 0;
}

/* ---- requirements ---- */

static bool same_card(const struct bt_gpu *x, const struct bt_gpu *y)
{
    return x->kind || y->kind ? x->kind == y->kind : !strcmp(x->name, y->name);
}

static size_t count_like(const struct bt_fleet *f, const struct bt_gpu *like)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        n += same_card(&f->gpus[i], like);
    return n;
}

/* The matching card with the most room that is not taken yet; the lower index among equals. */
static bool take_best(const struct bt_fleet *live, const struct bt_gpu *like, bool *taken, size_t *out)
{
    size_t best = live->n;
    for (size_t i = 0; i < live->n; i++)
        if (!taken[i] && same_card(&live->gpus[i], like) &&
            (best == live->n || bt_gpu_capacity(&live->gpus[i]) > bt_gpu_capacity(&live->gpus[best])))
            best = i;
    if (best == live->n)
        return false;
    taken[best] = true;
    *out = best;
    return true;
}

static int match_kinds(struct bt_arena *a, const struct bt_fleet *live, const struct bt_fleet *want, struct bt_fleet *out, struct bt_err *err)
{
    bool taken[BT_MAX_GPUS] = { false };
    size_t idx[BT_MAX_GPUS];
    for (size_t i = 0; i < want->n; i++) {
        const struct bt_gpu *g = &want->gpus[i];
        if (take_best(live, g, taken, &idx[i]))
            continue;
        bt_auto_buf struct bt_buf list = BT_BUF(240);
        bt_fleet_list(live, &list);
        bt_err_set(err, BT_E_FIT, 0, "%s is required and this machine has %zu of %zu %s", want->text, count_like(live, g), count_like(want, g),
                   g->kind ? g->kind->short_name : g->name);
        return bt_err_hint(err, "this machine: %s; `gpus: auto` takes what is there", bt_buf_z(&list));
    }
    bt_fleet_subset(a, live, idx, want->n, out);
    out->text = want->text;
    return 0;
}

/* A fleet that was saved from a machine means those very cards. */
static int match_uuids(struct bt_arena *a, const struct bt_fleet *live, const struct bt_fleet *want, struct bt_fleet *out, struct bt_err *err)
{
    const char *ids[BT_MAX_GPUS];
    for (size_t i = 0; i < want->n; i++)
        ids[i] = want->gpus[i].uuid;
    if (narrow_to(a, live, want->text, ids, want->n, out, err) < 0)
        return bt_err_wrap(err, "%s on this machine", want->text);
    return 0;
}

/* ---- the door ---- */

static bool is_path(const char *text)
{
    return bt_str_ends(bt_str(text), ".json") || strchr(text, '/');
}

static bool is_auto(const char *text)
{
    return !text[0] || !strcmp(text, "auto");
}

bool bt_fleet_text_is_live(const char *text)
{
    return is_auto(text) || is_ids(text);
}

static int one_machine(const struct bt_fleet *want, struct bt_err *err)
{
    if (want->nboxes < 2)
        return 0;
    return bt_err_set(err, BT_E_FIT, 0, "%s is required, %zu machines; this is one", want->text, want->nboxes);
}

int bt_fleet_match(struct bt_arena *a, const struct bt_fleet *live, const char *requirement, struct bt_fleet *out, struct bt_err *err)
{
    static const struct bt_fleet_opts none = { 0 };
    const char *text = bt_arena_strndup(a, bt_str_trim(bt_str(requirement))), *ids[BT_MAX_GPUS];
    struct bt_fleet want;
    if (is_auto(text)) {
        *out = *live;
        return 0;
    }
    if (is_ids(text)) {
        int n = split_ids(a, text, ids, err);
        return n < 0 ? -1 : narrow_to(a, live, text, ids, (size_t)n, out, err);
    }
    if (is_path(text)) {
        if (bt_fleet_file(a, text, &none, &want, err) < 0 || one_machine(&want, err) < 0)
            return -1;
        return strncmp(want.gpus[0].uuid, "virtual-", 8) ? match_uuids(a, live, &want, out, err) : match_kinds(a, live, &want, out, err);
    }
    if (fleet_named(a, text, &none, &want, err) < 0 || one_machine(&want, err) < 0)
        return -1;
    return match_kinds(a, live, &want, out, err);
}

static int open_live(struct bt_arena *a, const char *text, const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err)
{
    const char *ids[BT_MAX_GPUS];
    struct bt_fleet all;
    int n = is_auto(text) ? 0 : split_ids(a, text, ids, err);        /* a slip in the text is told before a missing driver */
    if (n < 0 || bt_fleet_live(a, o, &all, err) < 0)
        return -1;
    if (n)
        return narrow_to(a, &all, text, ids, (size_t)n, out, err);
    *out = all;
    return 0;
}

int bt_fleet_open(struct bt_arena *a, const char *text, const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err)
{
    text = bt_arena_strndup(a, bt_str_trim(bt_str(text ? text : "")));
    if (bt_fleet_text_is_live(text))
        return open_live(a, text, o, out, err);
    struct bt_fleet f;
    if (is_path(text) ? bt_fleet_file(a, bt_path_abs(a, o->base_dir, text), o, &f, err) < 0 : fleet_named(a, text, o, &f, err) < 0)
        return -1;
    if (f.nboxes == 1)               /* one machine, however it was written */
        f.nboxes = 0;
    if (f.nboxes && !o->boxes) {
        bt_err_set(err, BT_E_SPEC, 0, "%s is %zu machines; this looks at the cards of one", f.text, f.nboxes);
        return bt_err_hint(err, "name the cards of one of them, such as 8xH100-80GB-HBM3; `berth plan` takes them all");
    }
    *out = f;
    return 0;
}
