/* estimate_print - the answer of `berth estimate` for people: who, the ledger, the bar, what it holds, how fast, how to start it. */
#include <stdio.h>

#include "base/units.h"
#include "cmd/estimate.h"
#include "model/hub.h"

#define SHORTEST_WHY 30              /* columns; on a narrower terminal the reasons stand below the table */

static struct bt_style style(void)
{
    return bt_style_of(stdout);
}

/* Two digits: the model behind it does not know more. */
static const char *rate(struct bt_arena *a, double tok_s)
{
    double step = 1;
    while (tok_s / step >= 100)
        step *= 10;
    return tok_s >= 10 ? bt_arena_printf(a, "%.0f", (double)(long long)(tok_s / step + 0.5) * step) : bt_arena_printf(a, "%.1f", tok_s);
}

/* Text in lines of at most `width` columns, cut at spaces; every line but the first starts with `indent` blanks. */
static void add_wrapped(struct bt_buf *b, const char *z, int indent, int width)
{
    int room = BT_MAX(width - indent, SHORTEST_WHY);
    for (struct bt_str rest = bt_str(z); rest.n;) {
        size_t take = rest.n;
        if (bt_utf8_columns(rest) > (size_t)room) {
            take = (size_t)room < rest.n ? (size_t)room : rest.n;
            while (take > 1 && rest.p[take] != ' ')
                take--;
            if (take <= 1)
                take = (size_t)room < rest.n ? (size_t)room : rest.n;
        }
        bt_buf_add(b, rest.p, take);
        rest.p += take;
        rest.n -= take;
        while (rest.n && *rest.p == ' ')
            rest.p++, rest.n--;
        if (rest.n)
            bt_buf_printf(b, "\n%*s", indent, "");
    }
    bt_buf_puts(b, "\n");
}

void estimate_field(struct bt_buf *b, const char *name, const char *value, struct bt_style st)
{
    bt_buf_printf(b, "%-10s", name);
    add_wrapped(b, value, 10, st.width);
}

static bool is_cpu(const struct estimate *e)
{
    return !strcmp(e->card.uuid, "cpu");
}

static void header(const struct estimate *e, struct bt_buf *b, struct bt_style st)
{
    const struct bt_model *m = e->model;
    static const char *const from[] = { [BT_MODEL_HEADERS] = "tensor headers of the files", [BT_MODEL_CONFIG] = "config.json; the weights are not on this machine",
                                        [BT_MODEL_CATALOG] = "built-in shape; the model is not on this machine" };
    struct bt_arena *a = e->arena;
    estimate_field(b, "model", bt_arena_printf(a, "%s  %s, %.2f billion parameters, %s of %s weights (%s)", m->id, m->architecture ? m->architecture : "?", (double)m->parameters / 1e9,
                                      bt_bytes_human(m->weight_bytes), m->quantization ? m->quantization : bt_dtype_name(m->dtype), m->hub ? bt_arena_printf(a,
                                          "tensor headers from the hub, commit %.8s", m->hub->commit) : from[m->source]), st);
    estimate_field(b, "engine", bt_arena_printf(a, "%s %s (%s)", e->engine->name, e->version_asked ? e->version_asked : e->version->version, e->version_note), st);
    estimate_field(b, "card", bt_arena_printf(a, "%s  %s %s (%s)%s%s%s", e->card.name, bt_bytes_human(e->card.total_bytes), is_cpu(e) ? "of RAM" : "to CUDA", bt_total_source_name(e->card.total_source),
                                     e->card.others_bytes ? bt_arena_printf(a, ", %s held by others", bt_bytes_human(e->card.others_bytes)) : "", e->card_note ? "; " : "",
                                     e->card_note ? e->card_note : ""), st);
    if (e->fit->need && !is_cpu(e) && !e->ncells) {
        const struct bt_serve *s = &e->fit->need->serve;
        uint32_t pp = (uint32_t)s->pp;
        const char *stages = "";
        for (uint32_t i = 0; pp > 1 && i < pp; i++)
            stages = bt_arena_printf(a, "%s%s%u", stages, i ? "," : " (", e->fit->need->rank[i].layers);
        estimate_field(b, "split", bt_arena_printf(a, "TP=%llu PP=%llu%s%s: %llu GPU%s like it", (unsigned long long)s->tp, (unsigned long long)s->pp, stages, pp > 1 ? " layers)" : "",
                                          (unsigned long long)(s->tp * s->pp), s->tp * s->pp > 1 ? "s" : ""), st);
    }
    bt_buf_puts(b, "\n");
}

/* ---- the ledger ---- */

const char *estimate_percent(struct bt_arena *a, uint64_t part, uint64_t total)
{
    return total ? bt_arena_printf(a, "%.1f %%", (double)part / (double)total * 100) : "";
}

static const char *kv_why(const struct estimate *e, size_t stage)
{
    const struct bt_need *n = e->fit->need;
    const struct bt_need_rank *r = &n->rank[stage];
    const struct bt_fit_rank *f = &e->fit->rank[stage];
    const char *per = bt_arena_printf(e->arena, "%s B per token, %llu token%s a block", bt_count_human(r->kv_token_bytes), (unsigned long long)n->block,
                                      n->block == 1 ? "" : "s");
    if (e->model->kv_unknown)
        return "what is left for KV; its config does not say how it attends: what a token takes is not counted";
    if (e->model->whole_text && !f->kv_bytes)
        return "none: an encoder sees a whole text at once and keeps nothing of it";
    if (!r->kv_token_bytes && r->ngroups && r->group[0].kind == BT_MIX_STATE)
        per = bt_arena_printf(e->arena, "0 B per token, a state of %s for each request, whatever its length", bt_bytes_human(r->kv_block_bytes));
    if (n->llama)
        return bt_arena_printf(e->arena, "-c %s%s: all of it is allocated at start; %s B per token in layers that keep all", bt_count_human(n->serve.context),
                               n->serve.llama.unified ? bt_arena_printf(e->arena, ", one cache that %llu slots share", (unsigned long long)n->serve.max_seqs) :
                               bt_arena_printf(e->arena, " over %llu slots", (unsigned long long)n->serve.max_seqs), bt_count_human(r->kv_token_bytes));
    if (f->kv_bytes > f->engine_kv_bytes)
        return bt_arena_printf(e->arena, "needed for one request of %s tokens; the engine would have %s; %s", bt_count_human(e->fit->asked), bt_bytes_human(f->engine_kv_bytes), per);
    if (n->sglang)
        return bt_arena_printf(e->arena, "%.3f of what is free at the start (--mem-fraction-static), less the weights%s: %s tokens; %s", n->serve.utilization,
                               n->serve.sglang.max_total_tokens ? ", and no more than --max-total-tokens" : "", bt_count_human(bt_need_kv_tokens(n, r, f->kv_bytes)), per);
    if (n->serve.kv_bytes)
        return bt_arena_printf(e->arena, "as given by --kv-cache-memory-bytes; %s", per);
    return bt_arena_printf(e->arena, "what is left of %.4g x the card: %s tokens; %s", n->serve.utilization, bt_count_human(bt_need_kv_tokens(n, r, f->kv_bytes)), per);
}

/* A reason of several lines becomes several rows, the later ones with empty cells before it. */
static void why_rows(struct bt_table *t, struct bt_arena *a, const char *name, const char *bytes, const char *share, const char *why, int room)
{
    bt_auto_buf struct bt_buf b = BT_BUF(8 * KiB);
    add_wrapped(&b, why, 0, room);
    struct bt_str rest = { bt_buf_z(&b), b.n }, line;
    bool first = true;
    while (rest.n) {
        rest = bt_str_cut(rest, '\n', &line);
        bt_table_row(t, first ? name : "", first ? bytes : "", first ? share : "", bt_arena_strndup(a, line), NULL);
        first = false;
    }
}

void estimate_why_rows(struct bt_table *t, struct bt_arena *a, const char *name, const char *bytes, const char *share, const char *why, struct bt_style st)
{
    why_rows(t, a, name, bytes, share, why, BT_MAX(st.width - 38, SHORTEST_WHY));
}

static void ledger_one(const struct estimate *e, struct bt_buf *b, struct bt_style st)
{
    const struct bt_need_rank *r = &e->fit->need->rank[0];
    const struct bt_fit_rank *f = &e->fit->rank[0];
    struct bt_arena *a = e->arena;
    uint64_t total = e->card.total_bytes;
    struct bt_table *t = bt_table_new(a, (const char *const[]){ is_cpu(e) ? "host RAM" : e->fit->need->serve.tp > 1 ? "each GPU" : "the GPU", ">bytes", ">share", "why", NULL });
    int room = BT_MAX(st.width - 38, SHORTEST_WHY);
    for (size_t i = 0; i < r->n; i++)
        why_rows(t, a, bt_part_name(r->line[i].part), bt_arena_strdup(a, bt_bytes_human(r->line[i].bytes)), estimate_percent(a, r->line[i].bytes, total), r->line[i].why, room);
    why_rows(t, a, "kv", bt_arena_strdup(a, bt_bytes_human(f->kv_bytes)), estimate_percent(a, f->kv_bytes, total), kv_why(e, 0), room);
    bt_table_rule(t);
    why_rows(t, a, "total", bt_arena_strdup(a, bt_bytes_human(f->need_bytes)), estimate_percent(a, f->need_bytes, total),
             bt_arena_printf(a, "of %s; the estimates in it may be off by %s together", bt_bytes_human(total), bt_bytes_human(e->fit->need->uncertainty_bytes)), room);
    bt_table_print(t, st, b);
}

/* Bytes of the k-th line of a part on a stage: a part may have two lines (inside and outside the engine's fraction). */
static uint64_t part_sum(const struct bt_need_rank *r, enum bt_part part)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->line[i].part == part)
            sum += r->line[i].bytes;
    return sum;
}

static void ledger_row(const struct estimate *e, struct bt_table *t, const char *name, uint64_t (*bytes)(const struct estimate *, size_t, int), int arg)
{
    size_t n = e->fit->need->nranks;
    const char **cells = BT_NEWN(e->arena, const char *, n + 1);
    cells[0] = name;
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        uint64_t v = bytes(e, i, arg);
        any = any || v;
        cells[i + 1] = bt_arena_strdup(e->arena, bt_bytes_human(v));
    }
    if (any)
        bt_table_cells(t, cells, n + 1);
}

static uint64_t stage_part(const struct estimate *e, size_t i, int part) { return part_sum(&e->fit->need->rank[i], (enum bt_part)part); }
static uint64_t stage_kv(const struct estimate *e, size_t i, int arg) { (void)arg; return e->fit->rank[i].kv_bytes; }
static uint64_t stage_total(const struct estimate *e, size_t i, int arg) { (void)arg; return e->fit->rank[i].need_bytes; }

#define MANY_STAGES 6                /* more columns than a terminal has */

static void ledger_stages(const struct estimate *e, struct bt_buf *b, struct bt_style st)
{
    const struct bt_need *n = e->fit->need;
    struct bt_arena *a = e->arena;
    const char **heads = BT_NEWN(a, const char *, n->nranks + 2);
    heads[0] = "each GPU of";
    for (size_t i = 0; i < n->nranks; i++)
        heads[i + 1] = bt_arena_printf(a, ">stage %zu", i);
    struct bt_table *t = bt_table_new(a, heads);
    for (int p = 0; p < BT_P__N; p++)
        if (p != BT_P_KV)
            ledger_row(e, t, bt_part_name((enum bt_part)p), stage_part, p);
    ledger_row(e, t, "kv", stage_kv, 0);
    bt_table_rule(t);
    ledger_row(e, t, "total", stage_total, 0);
    bt_table_print(t, st, b);
    const struct bt_need_rank *r = &n->rank[e->fit->busiest];
    bt_buf_printf(b, "\nwhy (stage %zu, the busiest):\n", e->fit->busiest);
    for (size_t i = 0; i < r->n; i++) {
        bt_buf_printf(b, "  %-12s ", bt_part_name(r->line[i].part));
        add_wrapped(b, bt_arena_printf(a, "%s: %s", bt_bytes_human(r->line[i].bytes), r->line[i].why), 15, st.width);
    }
    bt_buf_printf(b, "  %-12s ", "kv");
    add_wrapped(b, kv_why(e, e->fit->busiest), 15, st.width);
}

/* What the same process takes of the host's RAM. */
static void host_lines(const struct estimate *e, struct bt_buf *b, struct bt_style st)
{
    const struct bt_need *n = e->fit->need;
    if (!n->nhost)
        return;
    struct bt_arena *a = e->arena;
    struct bt_table *t = bt_table_new(a, (const char *const[]){ "host RAM", ">bytes", "why", NULL });
    uint64_t sum = 0;
    for (size_t i = 0; i < n->nhost; i++) {
        bt_auto_buf struct bt_buf why = BT_BUF(8 * KiB);
        add_wrapped(&why, n->host_line[i].why, 0, BT_MAX(st.width - 30, SHORTEST_WHY));
        struct bt_str rest = { bt_buf_z(&why), why.n }, line;
        for (bool first = true; rest.n; first = false) {
            rest = bt_str_cut(rest, '\n', &line);
            bt_table_row(t, first ? bt_part_name(n->host_line[i].part) : "", first ? bt_arena_strdup(a, bt_bytes_human(n->host_line[i].bytes)) : "", bt_arena_strndup(a, line), NULL);
        }
        sum += n->host_line[i].bytes;
    }
    bt_table_rule(t);
    bt_table_row(t, "total", bt_arena_strdup(a, bt_bytes_human(sum)), "", NULL);
    bt_buf_puts(b, "\n");
    bt_table_print(t, st, b);
}

static void bars(const struct estimate *e, struct bt_buf *b, struct bt_style st)
{
    static const struct { const char *label; int first, last; } groups[] = {
        { "weights", BT_P_WEIGHTS, BT_P_LORA }, { "activations", BT_P_ACTIVATIONS, BT_P_SAMPLER }, { "graphs", BT_P_GRAPHS, BT_P_GRAPHS }, { "other", BT_P_WORKSPACE, BT_P_OTHER },
    };
    const struct bt_need *n = e->fit->need;
    const char *labels[BT_LEN(groups) + 2];
    bool others = e->card.others_bytes != 0;
    bt_buf_puts(b, "\n");
    for (size_t s = 0; s < n->nranks && s < MANY_STAGES; s++) {
        struct bt_bar_part parts[BT_LEN(groups) + 2];
        size_t k = 0;
        if (others)
            parts[k++] = (struct bt_bar_part){ "others", e->card.others_bytes };
        for (size_t g = 0; g < BT_LEN(groups); g++) {
            uint64_t sum = 0;
            for (int p = groups[g].first; p <= groups[g].last; p++)
                sum += p == BT_P_KV ? 0 : part_sum(&n->rank[s], (enum bt_part)p);
            parts[k++] = (struct bt_bar_part){ groups[g].label, sum };
            if (g == 0)
                parts[k++] = (struct bt_bar_part){ "kv", e->fit->rank[s].kv_bytes };
        }
        for (size_t i = 0; i < k; i++)
            labels[i] = parts[i].label;
        bt_buf_puts(b, n->nranks > 1 ? bt_arena_printf(e->arena, "stage %zu ", s) : is_cpu(e) ? "RAM " : "GPU ");
        bt_bar_print(parts, k, e->card.total_bytes, BT_MIN(st.width - 34, 72), st, b);
        bt_buf_printf(b, " %s of %s\n", bt_bytes_human(e->fit->rank[s].need_bytes), bt_bytes_human(e->card.total_bytes));
        if (s + 1 == n->nranks || s + 1 == MANY_STAGES) {
            bt_bar_legend(labels, k, st, b);
            bt_buf_puts(b, "\n");
        }
    }
    bt_buf_puts(b, "\n");
}

/* ---- what it holds, how fast, how to start it ---- */

static void contexts(const struct estimate *e, struct bt_buf *b, struct bt_style st)
{
    const struct bt_fit *f = e->fit;
    uint64_t at[] = { 4096, 8192, 32768, f->asked }, done[BT_LEN(at)] = { 0 };
    struct bt_arena *a = e->arena;
    estimate_field(b, "context", bt_arena_printf(a, "longest single request %s tokens%s; KV cache %s tokens", bt_count_human(f->longest),
                                        e->model->whole_text && !f->tokens ? "; a text is read as a whole and nothing of it is kept" : f->need->model->unbounded ? " (the model has no limit of its own)" :
                                        f->longest >= f->model_context ? " (all the model allows)" : bt_arena_printf(a, " (the model allows %s)", bt_count_human(f->model_context)),
                                        bt_count_human(f->tokens)), st);
    struct bt_table *t = bt_table_new(a, (const char *const[]){ ">context", ">KV of one request", ">requests at once", "", NULL });
    for (size_t i = 0; i < BT_LEN(at); i++) {
        bool seen = at[i] > f->model_context && i + 1 < BT_LEN(at);
        for (size_t k = 0; k < i; k++)
            seen = seen || done[k] == at[i];
        done[i] = seen ? 0 : at[i];
        if (seen)
            continue;
        uint64_t bytes = 0;
        for (size_t r = 0; r < f->need->nranks; r++)
            bytes = BT_MAX(bytes, bt_need_kv_request(f->need, &f->need->rank[r], at[i]));
        bt_table_row(t, bt_arena_strdup(a, bt_count_human(at[i])), bt_arena_strdup(a, bt_bytes_human(bytes)), at[i] <= f->longest ? bt_arena_printf(a, "%.2f", bt_fit_concurrency(f, at[i])) : "does not fit",
                     at[i] == f->asked ? (f->need->serve.context_auto ? "chosen" : e->args->serve.context ? "asked" : f->asked < f->model_context ? "what fits" : "the model's own") : "", NULL);
    }
    bt_table_print(t, st, b);
}

static void speed(const struct estimate *e, struct bt_buf *b, struct bt_style st)
{
    const struct bt_pace *p = &e->pace;
    if (!p->known) {
        estimate_field(b, "speed", e->model->kv_unknown ? "not known: the model's config does not say how it attends" :
                       e->model->pooling ? "of no tokens: it reads texts and writes none" :
                       e->fit->need->llama && e->card.kind ? "not known: part of the model is on the CPU" : "not known: the catalog has no bandwidth for this card", st);
        return;
    }
    estimate_field(b, "speed", bt_arena_printf(e->arena, "about %s tokens/s for one stream, +-%.0f %% (bandwidth alone: %.0f): a step of %.1f ms reads weights %.1f, KV %.1f, launches %.1f%s%s",
                                      rate(e->arena, p->decode_tok_s), p->error_share * 100, p->ceiling_tok_s, p->step_ms, p->weights_ms, p->kv_ms, p->layers_ms + p->host_ms,
                                      p->allreduce_ms > 0 ? bt_arena_printf(e->arena, ", all-reduces %.1f over %s", p->allreduce_ms, p->link) : "",
                                      p->hop_ms > 0 ? bt_arena_printf(e->arena, ", hops %.2f over %s", p->hop_ms, p->link) : ""), st);
}

static void card_sets(const struct estimate *e, struct bt_buf *b, struct bt_style st)
{
    if (!e->nsets)
        return;
    struct bt_arena *a = e->arena;
    bt_buf_puts(b, "fits on\n");
    struct bt_table *t = bt_table_new(a, (const char *const[]){ ">GPUs", "card", ">longest context", ">tokens/s", NULL });
    for (size_t i = 0; i < e->nsets; i++)
        bt_table_row(t, bt_arena_printf(a, "%llu", (unsigned long long)(e->sets[i].tp * e->sets[i].pp)), e->sets[i].kind->nvml_name, bt_arena_strdup(a, bt_count_human(e->sets[i].fit->longest)),
                     e->sets[i].pace.known ? rate(a, e->sets[i].pace.decode_tok_s) : "?", NULL);
    bt_table_print(t, st, b);
    bt_buf_puts(b, "\n");
}

static void refusals(const struct estimate *e, struct bt_buf *b, struct bt_style st)
{
    for (size_t i = 0; i < e->fit->nrefusals; i++)
        estimate_field(b, i ? "" : "no", e->fit->refusals[i].text, st);
    bool old = false;
    for (size_t i = 0; i < e->fit->nrefusals; i++)
        old = old || !strcmp(e->fit->refusals[i].code, "card-too-old");
    if (!e->nadvice) {
        estimate_field(b, "try", old ? "a newer card, other numbers for the weights, or another engine (llama-server with a GGUF file)"
                                     : "nothing near starts on up to 8 cards like this: a larger card, or a smaller or quantised model", st);
        return;
    }
    bt_buf_puts(b, "\nwhat would start (each one checked)\n");
    for (size_t i = 0; i < e->nadvice; i++) {
        bt_buf_printf(b, "  %s\n      ", e->advice[i].flags);
        struct bt_pace p = { 0 };
        struct bt_fit_case c = e->fit_case;
        const struct bt_need *n = e->advice[i].fit->need;
        if (n && !n->serve.eager && !n->rank[0].host_bytes) {        /* without graphs, or over the bus, the figure would be too high */
            c.model = n->model;      /* or its sibling */
            estimate_pace(e->arena, &c, &n->serve, n, e->pace_context, &p);
        }
        add_wrapped(b, p.known ? bt_arena_printf(e->arena, "%s, about %s tokens/s", e->advice[i].text, rate(e->arena, p.decode_tok_s)) : e->advice[i].text, 6, st.width);
    }
}

void estimate_print(const struct estimate *e)
{
    struct bt_style st = style();
    bt_auto_buf struct bt_buf b = BT_BUF(512 * KiB);
    header(e, &b, st);
    if (e->ncells) {
        estimate_sweep_print(e, &b, st);
        for (size_t i = 0; i < e->nnotes; i++)
            estimate_field(&b, "note", e->notes[i], st);
        bt_cmd_print(&b);
        return;
    }
    if (e->fit->need) {
        if (e->fit->need->nranks == 1)
            ledger_one(e, &b, st);
        else
            ledger_stages(e, &b, st);
        host_lines(e, &b, st);
        bars(e, &b, st);
        contexts(e, &b, st);
        speed(e, &b, st);
        bt_buf_puts(&b, "\n");
    }
    card_sets(e, &b, st);
    estimate_smallest_print(e, &b, st);
    for (size_t i = 0; i < e->nnotes; i++)
        estimate_field(&b, "note", e->notes[i], st);
    if (e->fit->fits) {
        uint64_t kv;
        const char *command = estimate_command(e, &kv);
        bt_buf_printf(&b, "fits; to start it with exactly this (%s of KV%s):\n  %s\n", bt_bytes_human(kv), e->fit->need->on_host ? "" : " per GPU", command);
    } else {
        refusals(e, &b, st);
    }
    bt_cmd_print(&b);
}
