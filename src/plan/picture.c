/* picture - the plan as SVG: rows of cards, segments of bytes to scale, the words beside them. Lengths are in pixels; letters are counted as wide as a
 * wide font has them. */
#include "plan/picture.h"

#include <math.h>
#include <stdio.h>

#include "base/units.h"

#define LEFT 200 /* card names end here, bars begin; further to the right where a name is longer */
#define BAR 500  /* the largest card */
#define WORDS_WIDE 340 /* room for what is said beside a bar */
#define LETTER 8.2
#define ROW 30
#define MACHINE_ROW 22 /* the name of a machine */
#define BAR_HIGH 18
#define WORDS 44 /* letters beside a bar */
#define HOST_WORDS 100 /* letters of those without a card */

/* One hue for a workload; they repeat after nine. Mid tones: on white and on black alike. */
static const char *const hues[] = { "#4c78d8", "#e8a10c", "#e4604b", "#3fae9a", "#8b5cf0", "#4ba556", "#d9679c", "#8a6a4c", "#6f8fb5" };

struct drawing {
    const struct bt_plan *p;
    const struct bt_plan_phase *ph;
    struct bt_buf *out;
    double y, scale, left, wide; /* scale: pixels of a byte; left: where bars begin */
};

/* "GPU 3  A100-SXM4-40GB". */
static void name_of(const struct bt_gpu *card, struct bt_buf *b)
{
    bt_buf_printf(b, "GPU %d  %s", card->index, card->kind ? card->kind->short_name : card->name);
}

static void text_in(struct bt_buf *b, const char *z)
{
    for (; *z; z++) {
        unsigned char c = (unsigned char)*z;
        c == '<'               ? bt_buf_puts(b, "&lt;")
        : c == '>'             ? bt_buf_puts(b, "&gt;")
        : c == '&'             ? bt_buf_puts(b, "&amp;")
        : c == '"'             ? bt_buf_puts(b, "&quot;")
        : c < ' ' || c == 0x7f ? bt_buf_puts(b, "?")
                               : bt_buf_add(b, z, 1);
    }
}

static void text_at(struct drawing *d, double x, double y, const char *class, const char *z)
{
    bt_buf_printf(d->out, "<text x=\"%.0f\" y=\"%.0f\" class=\"%s\">", x, y, class);
    text_in(d->out, z);
    bt_buf_puts(d->out, "</text>\n");
}

static size_t hue_of(const struct bt_plan *p, const struct bt_workload *w)
{
    for (size_t i = 0; i < p->spec->n; i++)
        if (&p->spec->w[i] == w || !strcmp(p->spec->w[i].name, w->name))
            return i % BT_LEN(hues);
    return 0;
}

static void segment(struct drawing *d, double *x, uint64_t bytes, const char *fill, double opacity, const char *what)
{
    double w = (double)bytes * d->scale;
    if (!bytes)
        return;
    bt_buf_printf(d->out, "<rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%d\" fill=\"%s\" fill-opacity=\"%.2f\"><title>", *x, d->y, w, BAR_HIGH,
                  fill, opacity);
    text_in(d->out, what);
    bt_buf_printf(d->out, ": %s</title></rect>\n", bt_bytes_human(bytes));
    *x += w;
}

static uint64_t weights_of(const struct bt_rank_berth *r)
{
    uint64_t n = 0;
    for (size_t i = 0; r->need && i < r->need->n; i++)
        n += r->need->line[i].part == BT_P_WEIGHTS ? r->need->line[i].bytes : 0;
    return n;
}

/* "13 of 64 layers", "engine 1": what a rank of a cut pipeline, or of several engines behind one front, carries. */
static void rank_words(const struct bt_plan_instance *in, const struct bt_rank_berth *r, struct bt_buf *b)
{
    uint32_t layers = 0;
    bt_buf_puts(b, in->id);
    for (uint32_t i = 0; in->cut && i < in->pp; i++)
        layers += in->cut[i];
    if (in->dp > 1)
        bt_buf_printf(b, ", engine %u of %u", r->dp, (unsigned)in->dp);
    if (in->cut)
        bt_buf_printf(b, ", %u of %u layers", in->cut[r->pp], layers);
    else if (in->pp > 1)
        bt_buf_printf(b, ", stage %u of %u", r->pp, (unsigned)in->pp);
}

static void rank_segments(struct drawing *d, double *x, const struct bt_plan_instance *in, const struct bt_rank_berth *r)
{
    const char *fill = hues[hue_of(d->p, in->w)];
    char what[240];
    double from = *x;
    bt_auto_buf struct bt_buf rank = BT_BUF(1024);
    rank_words(in, r, &rank);
    if (!in->need) {
        segment(d, x, r->bytes, fill, 0.85, in->id);
    } else {
        uint64_t weights = weights_of(r);
        snprintf(what, sizeof what, "%s: weights", bt_buf_z(&rank));
        segment(d, x, weights, fill, 1, what);
        snprintf(what, sizeof what, "%s: other", bt_buf_z(&rank));
        segment(d, x, r->bytes - weights - r->kv_bytes, fill, 0.7, what);
        snprintf(what, sizeof what, "%s: KV, %s tokens", bt_buf_z(&rank), bt_count_human(r->kv_tokens));
        segment(d, x, r->kv_bytes, fill, 0.4, what);
    }
    if (*x > from)
        bt_buf_printf(d->out, "<rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%d\" class=\"edge\"/>\n", from, d->y, *x - from, BAR_HIGH);
}

static void add_words(const struct bt_plan_instance *in, const struct bt_rank_berth *r, struct bt_buf *b)
{
    bt_buf_printf(b, "%s %s", in->id, bt_bytes_human(r->bytes));
    if (in->cut)
        bt_buf_printf(b, " (%u layers)", in->cut[r->pp]);
    else if (in->dp > 1)
        bt_buf_printf(b, " (engine %u)", r->dp);
    bt_buf_puts(b, ", ");
}

static void card_row(struct drawing *d, size_t g)
{
    const struct bt_gpu *card = &d->p->fleet->gpus[g];
    bt_auto_buf struct bt_buf words = BT_BUF(64 * KiB), name = BT_BUF(1024);
    double x = d->left;
    uint64_t used = card->others_bytes;
    name_of(card, &name);
    text_at(d, d->left - 10, d->y + 14, "r", bt_buf_z(&name));
    segment(d, &x, card->others_bytes, "#8a8a8a", 0.6, "others");
    if (card->others_bytes)
        bt_buf_printf(&words, "others %s, ", bt_bytes_human(card->others_bytes));
    for (size_t i = 0; i < d->ph->n; i++)
        for (size_t r = 0; r < d->ph->inst[i].nranks; r++)
            if (d->ph->inst[i].rank[r].gpu == g) {
                used += d->ph->inst[i].rank[r].bytes;
                rank_segments(d, &x, &d->ph->inst[i], &d->ph->inst[i].rank[r]);
                add_words(&d->ph->inst[i], &d->ph->inst[i].rank[r], &words);
            }
    double end = d->left + (double)card->total_bytes * d->scale, margin = (double)card->margin_bytes * d->scale;
    bt_buf_printf(d->out, "<rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%d\" fill=\"url(#margin)\"><title>margin: %s</title></rect>\n",
                  BT_MAX(end - margin, d->left), d->y, margin, BAR_HIGH, bt_bytes_human(card->margin_bytes));
    bt_buf_printf(d->out, "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.2f\" height=\"%d\" class=\"card\"/>\n", d->left, d->y, end - d->left, BAR_HIGH);
    bt_buf_printf(&words, "free %s",
                  bt_bytes_human(bt_gpu_capacity(card) + card->others_bytes > used ? bt_gpu_capacity(card) + card->others_bytes - used : 0));
    if (words.n > WORDS) { /* the bars say the rest, and their titles */
        bt_buf_clear(&words);
        size_t here = 0;
        for (size_t i = 0; i < d->ph->n; i++)
            for (size_t r = 0; r < d->ph->inst[i].nranks; r++)
                here += d->ph->inst[i].rank[r].gpu == g;
        bt_buf_printf(&words, "%zu here, %s of %s", here, bt_bytes_human(used), bt_bytes_human(card->total_bytes));
    }
    text_at(d, d->left + BAR + 14, d->y + 14, "m", bt_buf_z(&words));
    d->y += ROW;
}

/* The name of a machine above its first card. */
static void machine_row(struct drawing *d, size_t g)
{
    const struct bt_fleet *f = d->p->fleet;
    if (!f->nboxes || f->box[bt_fleet_box(f, g)].first != g)
        return;
    text_at(d, d->left - 10, d->y + 12, "r p", bt_fleet_node(f, g));
    d->y += MACHINE_ROW;
}

/* Who runs without a card. */
static void host_row(struct drawing *d)
{
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    size_t more = 0;
    for (size_t i = 0; i < d->ph->n; i++) {
        if (d->ph->inst[i].nranks)
            continue;
        if (more || (b.n && b.n + strlen(d->ph->inst[i].id) > HOST_WORDS))
            more++;
        else
            bt_buf_printf(&b, "%s%s", b.n ? ", " : "", d->ph->inst[i].id);
    }
    if (!b.n)
        return;
    if (more)
        bt_buf_printf(&b, " and %zu more", more);
    text_at(d, d->left - 10, d->y + 14, "r", "no GPU");
    text_at(d, d->left, d->y + 14, "m", bt_buf_z(&b));
    d->y += ROW;
}

static void moves_after(struct drawing *d, const char *phase)
{
    for (size_t i = 0; i < d->p->nmoves; i++) {
        const struct bt_plan_move *m = &d->p->move[i];
        if (strcmp(m->from, phase))
            continue;
        bt_auto_buf struct bt_buf b = BT_BUF(4096);
        bt_buf_printf(&b, "%s: %s%s%s", m->instance, bt_move_names[m->how], m->level ? ", " : "", m->level ? m->level : "");
        if (m->seconds > 0)
            bt_buf_printf(&b, ", about %s", bt_duration_human(m->seconds));
        text_at(d, d->left, d->y + 10, "m", bt_buf_z(&b));
        d->y += 18;
    }
    d->y += 12;
}

/* Has it a bar in any phase? Who runs without a card, or was left out, has no colour to explain. */
static bool is_drawn(const struct bt_plan *p, const struct bt_workload *w)
{
    for (size_t i = 0; i < p->nphases; i++)
        for (size_t k = 0; k < p->phase[i].n; k++)
            if (p->phase[i].inst[k].nranks && !strcmp(p->phase[i].inst[k].w->name, w->name))
                return true;
    return false;
}

/* Colours of the workloads, and what the shades of a server mean. */
static void legend(struct drawing *d)
{
    double x = d->left;
    bool server = false;
    d->y += 6;
    for (size_t i = 0; i < d->p->spec->n; i++) {
        const struct bt_workload *w = &d->p->spec->w[i];
        double wide = 34 + LETTER * (double)strlen(w->name);
        if (!is_drawn(d->p, w))
            continue;
        server = server || w->kind == BT_SERVER;
        if (x > d->left && x + wide > d->wide - 20) {
            x = d->left;
            d->y += 20;
        }
        bt_buf_printf(d->out, "<rect x=\"%.0f\" y=\"%.0f\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", x, d->y, hues[i % BT_LEN(hues)]);
        text_at(d, x + 18, d->y + 11, "m", w->name);
        x += wide;
    }
    d->y += 24;
    text_at(d, d->left, d->y + 4, "m", server ? "of a server, from full to pale: weights, other, KV cache; hatched: kept free" : "hatched: kept free");
    d->y += 16;
}

static double height_of(const struct bt_plan *p)
{
    double h = 96;
    size_t letters = 0;
    for (size_t i = 0; i < p->nphases; i++)
        h += (p->nphases > 1 ? 38 : 12) + (double)(p->fleet->n + 1) * ROW + (double)p->fleet->nboxes * MACHINE_ROW;
    for (size_t i = 0; i < p->spec->n; i++)
        letters += strlen(p->spec->w[i].name) + 5;
    return h + 18 * (double)p->nmoves + 20 * (double)(1 + letters / 90);
}

/* Where bars begin: behind the longest name of a card or machine. */
static double left_of(const struct bt_fleet *f)
{
    size_t letters = 0;
    for (size_t g = 0; g < f->n; g++) {
        bt_auto_buf struct bt_buf name = BT_BUF(1024);
        name_of(&f->gpus[g], &name);
        letters = BT_MAX(letters, name.n);
        letters = f->nboxes ? BT_MAX(letters, strlen(bt_fleet_node(f, g))) : letters;
    }
    return BT_MAX((double)LEFT, 30 + LETTER * (double)letters);
}

void bt_plan_svg(const struct bt_plan *p, struct bt_buf *out)
{
    static const struct bt_plan_phase nothing = { .name = "" };
    struct drawing d = { .p = p, .out = out, .y = 62, .left = left_of(p->fleet) };
    uint64_t largest = 1;
    for (size_t g = 0; g < p->fleet->n; g++)
        largest = BT_MAX(largest, p->fleet->gpus[g].total_bytes);
    d.scale = BAR / (double)largest;
    d.wide = d.left + BAR + WORDS_WIDE;
    double high = height_of(p);
    bt_buf_printf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\" aria-label=\"memory plan\">\n",
        d.wide, high, d.wide, high);
    bt_buf_puts(
        out,
        "<style>\n"
        ".bg{fill:#ffffff} text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1c1f24} .h{font-size:18px;font-weight:600}\n"
        ".p{font-weight:600} .r{text-anchor:end} .m{fill:#4a505a} .card{fill:none;stroke:#9aa1ab} .edge{fill:none;stroke:#ffffff;stroke-width:1}\n"
        "@media (prefers-color-scheme: dark){.bg{fill:#15171b} text{fill:#eceef2} .m{fill:#b4bac4} .card{stroke:#6b727d} .edge{stroke:#15171b}}\n"
        "</style>\n"
        "<defs><pattern id=\"margin\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
        "<rect width=\"2\" height=\"5\" fill=\"#8a8f98\" fill-opacity=\"0.6\"/></pattern></defs>\n");
    bt_buf_printf(out, "<rect class=\"bg\" width=\"%.0f\" height=\"%.0f\"/>\n", d.wide, high);
    bt_auto_buf struct bt_buf title = BT_BUF(4096);
    bt_buf_printf(&title, "%s%s%s%s", p->spec->name, p->spec->variant ? " (variant " : "", p->spec->variant ? p->spec->variant : "",
                  p->spec->variant ? ")" : "");
    text_at(&d, 20, 34, "h", bt_buf_z(&title));
    for (size_t i = 0; i < p->nphases; i++) {
        d.ph = p->nrefusals ? &nothing : &p->phase[i];
        if (p->nphases > 1) {
            bt_buf_clear(&title);
            bt_buf_printf(&title, "phase %s", p->phase[i].name);
            text_at(&d, 20, d.y + 10, "p", bt_buf_z(&title));
            d.y += 26;
        }
        for (size_t g = 0; g < p->fleet->n; g++) {
            machine_row(&d, g);
            card_row(&d, g);
        }
        host_row(&d);
        moves_after(&d, p->phase[i].name);
    }
    legend(&d);
    bt_buf_puts(out, "</svg>\n");
}
