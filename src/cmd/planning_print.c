/* planning_print - a plan for people: the fleet, who sits where with how many bytes, a bar per GPU, the other shapes, what to know. */
#include <stdio.h>

#include "base/units.h"
#include "cmd/planning.h"
#include "plan/compare.h"

#define BAR_COLUMNS 56
#define MAX_LABELS 24

struct print { struct bt_arena *a; const struct bt_plan *p; struct bt_style st; struct bt_buf *out; };

static const char *bytes(struct print *x, uint64_t n) { return bt_arena_strdup(x->a, bt_bytes_human(n)); }

/* "4 x NVIDIA A100-SXM4-40GB" */
static void print_fleet(struct print *x)
{
    const struct bt_fleet *f = x->p->fleet;
    uint64_t total = 0, others = 0;
    bt_buf_puts(x->out, "fleet: ");
    bt_buf_puts(x->out, bt_compare_fleet(x->a, f));
    for (size_t i = 0; i < f->n; i++) {
        total += f->gpus[i].total_bytes;
        others += f->gpus[i].others_bytes;
    }
    if (!f->n) {
        bt_buf_printf(x->out, "no GPU, %s of RAM\n", bt_bytes_human(f->ram_bytes));
        return;
    }
    bt_buf_printf(x->out, ", %s", bt_bytes_human(total));
    if (others)
        bt_buf_printf(x->out, ", %s of it taken by others", bt_bytes_human(others));
    bt_buf_printf(x->out, "; %s left free on each card\n", bt_bytes_human(x->p->spec->margin_bytes));
    if (!f->live && !f->nboxes)
        bt_buf_printf(x->out, "  these cards are from %s: `berth up` plans again, on this machine's own\n",
                      !strcmp(f->source, "catalog") ? "the catalog" : "a file");
}

/* ---- instances ---- */

static const char *card_list(struct print *x, const struct bt_plan_instance *in)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1024);
    for (size_t i = 0; i < in->nranks; i++)
        bt_buf_printf(&b, "%s%d", i ? "," : "", x->p->fleet->gpus[in->rank[i].gpu].index);
    return in->nranks ? bt_arena_strdup(x->a, bt_buf_z(&b)) : "-";
}

const char *bt_planning_shape(struct bt_arena *a, uint64_t tp, uint64_t pp)
{
    if (tp == 1 && pp == 1)
        return "one GPU";
    if (pp == 1)
        return bt_arena_printf(a, "TP=%llu", (unsigned long long)tp);
    if (tp == 1)
        return bt_arena_printf(a, "PP=%llu", (unsigned long long)pp);
    return bt_arena_printf(a, "TP=%llu x PP=%llu", (unsigned long long)tp, (unsigned long long)pp);
}

const char *bt_planning_engines(struct bt_arena *a, uint64_t tp, uint64_t pp, uint64_t dp, uint64_t ep)
{
    const char *experts = ep > 1 ? bt_arena_printf(a, " EP=%llu", (unsigned long long)ep) : "", *one = bt_planning_shape(a, tp, pp);
    if (dp > 1 && tp * pp == 1)
        return bt_arena_printf(a, "DP=%llu%s", (unsigned long long)dp, experts);
    return dp > 1 ? bt_arena_printf(a, "DP=%llu x %s%s", (unsigned long long)dp, one, experts) : bt_arena_printf(a, "%s%s", one, experts);
}

static const char *shape(struct print *x, uint64_t tp, uint64_t pp) { return bt_planning_shape(x->a, tp, pp); }

/* With the layers of its stages, where the engine would cut otherwise. */
static const char *cut_shape(struct print *x, const struct bt_plan_instance *in)
{
    char layers[96];
    if (in->dp > 1 || !in->cut)
        return bt_planning_engines(x->a, in->tp, in->pp, in->dp, in->ep);
    bt_engine_cut_text(in->cut, in->pp, layers, sizeof layers);
    return bt_arena_printf(x->a, "%s (%s)", shape(x, in->tp, in->pp), layers);
}

static uint64_t weights_of(const struct bt_rank_berth *r)
{
    uint64_t n = 0;
    for (size_t i = 0; r->need && i < r->need->n; i++)
        n += r->need->line[i].part == BT_P_WEIGHTS ? r->need->line[i].bytes : 0;
    return n;
}

static uint64_t weights_of_job(const struct bt_plan_instance *in)
{
    uint64_t n = 0;
    for (size_t i = 0; in->job && i < in->job->need.n; i++)
        n += in->job->need.line[i].part == BT_P_WEIGHTS ? in->job->need.line[i].bytes : 0;
    return n;
}

static const struct bt_rank_berth *largest_rank(const struct bt_plan_instance *in)
{
    const struct bt_rank_berth *r = &in->rank[0];
    for (size_t i = 1; i < in->nranks; i++)
        if (in->rank[i].bytes > r->bytes)
            r = &in->rank[i];
    return r;
}

static void instance_row(struct print *x, struct bt_table *t, const struct bt_plan_instance *in)
{
    if (!in->nranks && !in->host) {
        bt_table_row(t, in->id, "-", "no GPU", NULL);
        return;
    }
    const struct bt_rank_berth *r = in->host ? in->host : largest_rank(in);
    if (!in->need) {
        uint64_t weights = weights_of_job(in);
        if (in->job)
            bt_table_row(t, in->id, card_list(x, in), "", "", bytes(x, r->bytes), bytes(x, weights), bytes(x, r->bytes - weights), NULL);
        else
            bt_table_row(t, in->id, card_list(x, in), "", "", bytes(x, r->bytes), NULL);
        return;
    }
    uint64_t weights = weights_of(r);
    const char *where = in->host ? "RAM" : card_list(x, in), *as = in->host ? "no GPU" : cut_shape(x, in);
    bt_table_row(t, in->id, where, as, bt_arena_strdup(x->a, bt_count_human(in->context)), bytes(x, r->bytes),
                 bytes(x, weights), bytes(x, r->bytes - weights - r->kv_bytes), bytes(x, r->kv_bytes),
                 bt_arena_strdup(x->a, bt_count_human(r->kv_tokens)), in->pace.known ? bt_arena_printf(x->a, "%.1f", in->pace.decode_tok_s) : "?",
                 NULL);
}

static void print_instances(struct print *x, const struct bt_plan_phase *ph)
{
    static const char *const heads[] = { "instance", "GPUs", "shape",      ">context", ">per card", "?>weights",
                                         "?>other",  "?>KV", ">KV tokens", ">tok/s",   NULL };
    struct bt_table *t = bt_table_new(x->a, heads);
    uint64_t sum = 0;
    bool used[BT_MAX_GPUS] = { false };
    unsigned cards = 0;
    for (size_t i = 0; i < ph->n; i++) {
        instance_row(x, t, &ph->inst[i]);
        for (size_t j = 0; j < ph->inst[i].nranks; j++) {
            size_t g = ph->inst[i].rank[j].gpu;
            sum += ph->inst[i].rank[j].bytes;
            cards += !used[g];
            used[g] = true;
        }
    }
    bt_table_rule(t);
    bt_table_row(t, bt_arena_printf(x->a, "%zu instance%s", ph->n, ph->n == 1 ? "" : "s"), bt_arena_printf(x->a, "%u of %zu", cards, x->p->fleet->n),
                 "all cards", "", bytes(x, sum), NULL);
    bt_table_print(t, x->st, x->out);
}

/* Of the copies of its workload in the phase; their numbers need not begin with 0. */
static bool is_first(const struct bt_plan_phase *ph, size_t i) { return !i || ph->inst[i - 1].w != ph->inst[i].w; }

/* "train-0: train Qwen2.5-7B, lora rank 64, 3 users, batch 4 x 2048 tokens: 20.10 GiB of its 24.00 GiB" */
static void print_jobs(struct print *x, const struct bt_plan_phase *ph)
{
    for (size_t i = 0; i < ph->n; i++) {
        const struct bt_plan_instance *in = &ph->inst[i];
        if (!in->job || !in->nranks || !is_first(ph, i))
            continue;
        const struct bt_job *j = &in->job->job;
        bt_buf_printf(x->out, "%s: %s: %s", in->id, bt_job_text(x->a, j, &in->job->need), bytes(x, in->job->need.bytes));
        uint64_t berth = bt_plan_poorest(ph, in->w);
        if (berth > in->job->need.bytes)
            bt_buf_printf(x->out, " of its %s", bytes(x, berth));
        bt_buf_printf(x->out, " per card%s\n", j->users_auto ? "; no more users fit" : j->batch_auto ? "; no larger batch fits" : "");
    }
}

static const char *drafter_words(const struct bt_pace_draft *d)
{
    return d->kind == BT_DRAFT_NGRAM  ? "n-grams of the text"
           : d->kind == BT_DRAFT_HEAD ? "an EAGLE head"
           : d->kind == BT_DRAFT_MTP  ? "its own layers (MTP)"
                                      : d->model->id;
}

void bt_planning_print_drafts(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_phase *ph, const char *only, struct bt_buf *out)
{
    for (size_t i = 0; i < ph->n; i++) {
        const struct bt_plan_instance *in = &ph->inst[i];
        struct bt_pace_draft d;
        struct bt_pace_drafted o;
        if ((only && strcmp(only, in->w->name)) || !is_first(ph, i) || !bt_plan_drafted(p->fleet, in, &d, &o))
            continue;
        const char *rate = in->pace.known ? bt_arena_printf(a, "%.1f tok/s is", in->pace.decode_tok_s) : "its rate is";
        bt_buf_printf(out, "%s: %s without drafts, and the cards were chosen by it; ", in->w->name, rate);
        if (d.kind == BT_DRAFT_NONE)
            bt_buf_puts(out, "how fast it is with them is not predicted\n");
        else
            bt_buf_printf(out, "with %s, %u token%s at once, about %.1f if %.0f %% are kept, as is usual\n", drafter_words(&d), d.tokens,
                          d.tokens == 1 ? "" : "s", o.decode_tok_s, o.acceptance * 100);
    }
}

/* ---- bars ---- */

/* more: workloads without a label. */
struct labels { const char *name[MAX_LABELS]; const struct bt_workload *w[MAX_LABELS]; int what[MAX_LABELS]; size_t n, more; };
enum { ALL, WEIGHTS, OTHER, KV, REST };

static void add_label(struct labels *l, const char *name, const struct bt_workload *w, int what)
{
    if (l->n < MAX_LABELS) {
        l->name[l->n] = name;
        l->w[l->n] = w;
        l->what[l->n++] = what;
    } else {
        l->more++;
    }
}

/* Two servers at most are drawn in parts; more would be a rainbow. */
static void make_labels(struct print *x, const struct bt_plan_phase *ph, struct labels *l)
{
    unsigned servers = 0;
    for (size_t i = 0; i < ph->n; i++)
        servers += ph->inst[i].need && is_first(ph, i);
    add_label(l, "others", NULL, ALL);
    for (size_t i = 0; i < ph->n; i++) {
        const struct bt_plan_instance *in = &ph->inst[i];
        if (!is_first(ph, i) || !in->nranks)
            continue;
        if (in->need && servers <= 2) {
            add_label(l, bt_arena_printf(x->a, "%s weights", in->w->name), in->w, WEIGHTS);
            add_label(l, bt_arena_printf(x->a, "%s KV", in->w->name), in->w, KV);
            add_label(l, bt_arena_printf(x->a, "%s other", in->w->name), in->w, OTHER);
        } else {
            add_label(l, in->w->name, in->w, ALL);
        }
    }
    if (!strcmp(l->name[0], "others")) {             /* nobody else on the cards: no label for them */
        uint64_t sum = 0;
        for (size_t g = 0; g < x->p->fleet->n; g++)
            sum += x->p->fleet->gpus[g].others_bytes;
        if (!sum) {
            l->n--;
            memmove(l->name, l->name + 1, l->n * sizeof l->name[0]);
            memmove(l->w, l->w + 1, l->n * sizeof l->w[0]);
            memmove(l->what, l->what + 1, l->n * sizeof l->what[0]);
        }
    }
    if (l->more) {                   /* the last label's too, where it makes room */
        size_t last = BT_MIN(l->n, (size_t)MAX_LABELS - 1);
        l->name[last] = bt_arena_printf(x->a, "%zu more", l->more + l->n - last);
        l->w[last] = NULL;
        l->what[last] = REST;
        l->n = last + 1;
    }
}

/* Of all who are on the card. */
static uint64_t used_on(const struct print *x, const struct bt_plan_phase *ph, size_t g)
{
    uint64_t sum = x->p->fleet->gpus[g].others_bytes;
    for (size_t i = 0; i < ph->n; i++)
        for (size_t j = 0; j < ph->inst[i].nranks; j++)
            sum += ph->inst[i].rank[j].gpu == g ? ph->inst[i].rank[j].bytes : 0;
    return sum;
}

static uint64_t part_of(const struct bt_rank_berth *r, int what)
{
    uint64_t weights = weights_of(r);
    return what == ALL ? r->bytes : what == WEIGHTS ? weights : what == KV ? r->kv_bytes : r->bytes - weights - r->kv_bytes;
}

static void print_bars(struct print *x, const struct bt_plan_phase *ph)
{
    struct labels l = { .n = 0 };
    make_labels(x, ph, &l);
    if (!l.n)
        return;
    int room = bt_bar_room(x->st, BAR_COLUMNS, strlen("GPU 10  1023.99 MiB of 179.99 GiB"));      /* one for all: bars are compared */
    bt_buf_puts(x->out, "\n");
    for (size_t g = 0; g < x->p->fleet->n; g++) {
        const struct bt_gpu *card = &x->p->fleet->gpus[g];
        struct bt_bar_part parts[MAX_LABELS] = { 0 };
        uint64_t used = used_on(x, ph, g), told = 0;
        for (size_t k = 0; k < l.n; k++) {
            parts[k].label = l.name[k];
            parts[k].bytes = l.w[k] ? 0 : l.what[k] == REST ? used - told : card->others_bytes;
            for (size_t i = 0; i < ph->n; i++)
                for (size_t j = 0; ph->inst[i].w == l.w[k] && j < ph->inst[i].nranks; j++)
                    if (ph->inst[i].rank[j].gpu == g)
                        parts[k].bytes += part_of(&ph->inst[i].rank[j], l.what[k]);
            told += parts[k].bytes;
        }
        bt_buf_printf(x->out, "GPU %-2d ", card->index);
        bt_bar_print(parts, l.n, card->total_bytes, room, x->st, x->out);
        bt_buf_printf(x->out, " %s of %s\n", bytes(x, used), bytes(x, card->total_bytes));
    }
    bt_buf_puts(x->out, "       ");
    bt_bar_legend(l.name, l.n, x->st, x->out);
    bt_buf_puts(x->out, "\n");
}

/* ---- alternatives ---- */

static void print_alternatives(struct print *x)
{
    static const char *const heads[] = { "", "shape", ">GPUs", "layers", ">context", ">tok/s", "why", NULL };
    for (size_t i = 0; i < x->p->nalt; ) {
        const char *name = x->p->alt[i].workload, *phase = x->p->alt[i].phase;
        struct bt_table *t = bt_table_new(x->a, heads);
        for (; i < x->p->nalt && !strcmp(x->p->alt[i].workload, name) && !strcmp(x->p->alt[i].phase, phase); i++) {
            const struct bt_plan_alternative *r = &x->p->alt[i];
            bt_table_row(t,
                         r->taken  ? "taken"
                         : r->fits ? "fits"
                                   : "no",
                         shape(x, r->tp, r->pp), bt_arena_printf(x->a, "%u", r->cards), r->layers ? r->layers : "",
                         r->fits ? bt_arena_strdup(x->a, bt_count_human(r->context)) : "-",
                         r->fits && r->decode_tok_s > 0 ? bt_arena_printf(x->a, "%.1f", r->decode_tok_s) : "-", r->fits ? r->why : r->why_not, NULL);
        }
        bt_buf_printf(x->out, "\nshapes of %s that were looked at%s%s\n", name, x->p->nphases > 1 ? ", phase " : "", x->p->nphases > 1 ? phase : "");
        bt_table_print(t, x->st, x->out);
    }
}

/* ---- what to know ---- */

static void print_notes(struct print *x)
{
    const struct bt_plan *p = x->p;
    if (p->nwarnings)
        bt_buf_puts(x->out, "\n");
    bt_planning_print_notes(x->a, p, x->out);
    if (p->spec->nlater)
        bt_buf_puts(x->out, "\n");
    for (size_t i = 0; i < p->spec->nlater; i++)
        bt_buf_printf(x->out, "not yet obeyed: %s: %s\n", p->spec->later[i].path, p->spec->later[i].text);
}

/* Of a spec that was made of a command line: the option that says it, NULL where there is none. */
static const char *option_of(const struct bt_plan *p, const char *path)
{
    const char *key = strrchr(path, '.');
    if (!key)
        return NULL;
    if (!strcmp(key, ".memory"))
        return "--memory";
    if (!strcmp(key, ".gpus") && p->spec->w[0].kind == BT_JOB)       /* `run`: how many; `up MODEL --gpus` is a fleet */
        return "--gpus";
    if (!strcmp(key, ".quantization"))               /* of `up MODEL`, and of the engines' own command lines */
        return "--quantization";
    return bt_str_ends(bt_str(path), ".context.min") || !strcmp(key, ".context") ? "--context" : NULL;
}

/* The change as an option; false: there is none for it. */
static bool put_option(const struct bt_plan *p, const char *path, const char *value, struct bt_buf *out)
{
    const char *option = option_of(p, path);
    if (option)
        bt_buf_printf(out, "%s%s %s", out->n ? " " : "", option, value);
    return option != NULL;
}

/* A command line has no keys: options are named, all changes together, and other cards are said by the text. Where one has no option, a spec says them all. */
static void print_typed_advice(const struct bt_plan *p, const struct bt_plan_advice *v, struct bt_buf *out)
{
    bt_auto_buf struct bt_buf line = BT_BUF(64 * KiB);
    bool typed = put_option(p, v->path, v->value, &line) && (!v->path2 || put_option(p, v->path2, v->value2, &line));
    for (size_t i = 0; i < v->nmore && typed; i++)
        typed = put_option(p, v->more[i].path, v->more[i].value, &line);
    bt_buf_printf(out, "  would fit: %s\n", v->text);
    if (typed) {
        bt_buf_printf(out, "             %s\n", bt_buf_z(&line));
    } else if (strchr(v->path, '.')) {
        bt_auto_arena a = { 0 };
        const char **rows;
        bt_buf_puts(out, "             ");
        for (size_t k = 0, n = bt_planning_changes(&a, v, &rows); k < n; k++)
            bt_buf_printf(out, "%s, ", rows[k]);
        bt_buf_puts(out, "in a spec (`berth up -f berth.yaml`)\n");
    }
}

void bt_planning_print_refusals(const struct bt_plan *p, struct bt_buf *out)
{
    const bool typed = !strcmp(p->spec->path, BT_PLANNING_TYPED);
    for (size_t i = 0; i < p->nrefusals; i++) {
        const struct bt_plan_refusal *r = &p->refusal[i];
        if (r->at.line && !typed)
            bt_buf_printf(out, "%s:%u:%u: ", p->spec->path, r->at.line, r->at.col);
        bt_buf_printf(out, "%s [%s]\n", r->text, r->code);
    }
    for (size_t i = 0; i < p->nadvice; i++) {
        const struct bt_plan_advice *v = &p->advice[i];
        if (typed) {
            print_typed_advice(p, v, out);
            continue;
        }
        bt_auto_arena a = { 0 };
        const char **rows;
        bt_buf_printf(out, "  would fit: %s\n", v->text);
        for (size_t k = 0, n = bt_planning_changes(&a, v, &rows); k < n; k++)
            bt_buf_printf(out, "             %s\n", rows[k]);
    }
}

int bt_planning_exit(const struct bt_plan *p)
{
    size_t models = 0;
    for (size_t i = 0; i < p->nrefusals; i++)
        models += !strcmp(p->refusal[i].code, "model-not-found") || !strcmp(p->refusal[i].code, "model-broken");
    return !p->nrefusals ? 0 : models == p->nrefusals ? bt_errc_exit(BT_E_FAILED) : bt_errc_exit(BT_E_FIT);
}

bool bt_planning_fits(const struct bt_plan *p)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    bt_planning_print_refusals(p, &b);
    fputs(bt_buf_z(&b), stderr);
    return !p->nrefusals;
}

/* A variant is a choice between sides: which one it is. */
static void print_favours(struct print *x)
{
    struct bt_compare_row row = bt_compare_row(x->a, x->p);
    if (row.favours)
        bt_buf_printf(x->out, "\n%s\n", row.favours);
}

/* What to write so that it stays so. */
static void print_proposal(struct print *x)
{
    struct bt_plan_advice v;
    bt_plan_proposal_advice(x->a, x->p, &v);
    const char **rows;
    size_t n = bt_planning_changes(x->a, &v, &rows);
    bt_buf_printf(x->out, "\ndoes not fit at once; it does %s\n  to keep it so, in %s:\n", v.text, x->p->spec->path);
    for (size_t k = 0; k < n; k++)
        bt_buf_printf(x->out, "    %s\n", rows[k]);
}

void bt_planning_print(struct bt_arena *a, const struct bt_plan *p, struct bt_style st, struct bt_buf *out)
{
    struct print x = { a, p, st, out };
    bt_buf_printf(out, "plan of %s%s%s%s\n", p->spec->name, p->spec->variant ? " (variant " : "", p->spec->variant ? p->spec->variant : "",
                  p->spec->variant ? ")" : "");
    print_fleet(&x);
    if (p->proposed)
        print_proposal(&x);
    if (p->nrefusals) {
        bt_buf_puts(out, "\ndoes not fit:\n");
        bt_planning_print_refusals(p, out);
        print_notes(&x);
        return;
    }
    if (p->fleet->nboxes) {
        bt_planning_print_boxes(a, p, st, out);
        print_notes(&x);
        bt_buf_printf(out, "\na plan of %zu machines, each planned on its own, after %llu placements looked at\n", p->fleet->nboxes,
                      (unsigned long long)p->nodes);
        return;
    }
    for (size_t i = 0; i < p->nphases; i++) {
        bt_buf_puts(out, "\n");
        if (p->nphases > 1)
            bt_buf_printf(out, "phase %s\n", p->phase[i].name);
        print_instances(&x, &p->phase[i]);
        print_jobs(&x, &p->phase[i]);
        bt_planning_print_drafts(a, p, &p->phase[i], NULL, out);
        print_bars(&x, &p->phase[i]);
    }
    bt_planning_print_moves(a, p, NULL, st, out);
    if (p->spec->variant)
        print_favours(&x);
    print_alternatives(&x);
    print_notes(&x);
    bool open = false;
    for (size_t i = 0; i < p->spec->n; i++)
        open = open || bt_copies_open(&p->spec->w[i]);
    const char *best = open ? "the best plan there is with these numbers of copies" : "the best plan there is";
    bt_buf_printf(out, "\n%s after %llu placements looked at\n", !strcmp(p->proof, "optimal") ? best : "a plan, perhaps not the best",
                  (unsigned long long)p->nodes);
}
