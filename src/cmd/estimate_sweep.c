/* estimate_sweep - the same question for every combination of a few settings, as one table. */
#include <stdio.h>

#include "base/json.h"
#include "base/units.h"
#include "cmd/estimate.h"

enum dimension { D_TP, D_PP, D_CONTEXT, D_KV, D__N };
static const char *const names[] = { [D_TP] = "tp", [D_PP] = "pp", [D_CONTEXT] = "context", [D_KV] = "kv-dtype" };
#define MOST_VALUES 8

struct values { uint64_t n[MOST_VALUES]; const char *word[MOST_VALUES]; size_t count; bool swept; };

static int parse_dimensions(struct estimate *e, struct values *v, struct bt_err *err)
{
    struct bt_str rest = bt_str(e->args->sweep), word;
    while (rest.p) {
        rest = bt_str_cut(rest, ',', &word);
        word = bt_str_trim(word);
        size_t d = 0;
        while (d < D__N && !bt_str_eq(word, names[d]) && !(d == D_KV && bt_str_eq(word, "kv_dtype")))
            d++;
        if (d == D__N) {
            const char *near = bt_str_nearest(word, names, D__N);
            bt_err_set(err, BT_E_USAGE, 0, "--sweep: \"%.*s\" is nothing that can be swept", (int)BT_MIN(word.n, (size_t)60), word.p ? word.p : "");
            return bt_err_hint(err, "%s%s%sof tp, pp, context, kv-dtype, joined by commas", near ? "did you mean " : "", near ? near : "", near ? "? one or more " : "one or more ");
        }
        v[d].swept = true;
    }
    return 0;
}

static void number(struct values *v, uint64_t n)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->n[i] == n)
            return;
    if (v->count < MOST_VALUES)
        v->n[v->count++] = n;
}

/* Powers of two that the shape allows; the value that was given is always one of them. */
static void parallel_values(struct estimate *e, const struct bt_serve *s, enum dimension d, struct values *v)
{
    struct bt_shape shape = bt_need_shape(e->model);
    uint64_t asked = BT_MAX(d == D_TP ? s->tp : s->pp, 1u);
    if (!v->swept) {
        number(v, asked);
        return;
    }
    for (uint64_t n = 1; n <= 8; n *= 2) {
        struct bt_refusal ignored = { 0 };
        if (bt_engine_shape_ok(e->engine, &shape, d == D_TP ? n : BT_MAX(s->tp, 1u), d == D_PP ? n : BT_MAX(s->pp, 1u), &ignored))
            number(v, n);
    }
    if (d == D_TP ? s->tp : s->pp)
        number(v, asked);
}

static void context_values(struct estimate *e, const struct bt_serve *s, struct values *v)
{
    uint64_t most = bt_need_model_context(e->model), asked = s->context && !s->context_auto ? s->context : most;
    for (uint64_t n = 4096; v->swept && n < BT_MIN(asked, most) && v->count + 1 < MOST_VALUES; n *= n < 32768 ? 2 : 4)
        number(v, n);
    number(v, asked);
}

static void kv_values(const struct estimate *e, const struct bt_serve *s, struct values *v)
{
    const char *eight = e->engine->kv_in_8_bits;
    v->word[v->count++] = s->kv_dtype;
    if (v->swept && eight && (!s->kv_dtype || strcmp(s->kv_dtype, eight)))
        v->word[v->count++] = eight;
}

/* llama-server has a flag for the keys and one for the values. */
static void set_kv(const struct estimate *e, struct bt_serve *s, const char *word)
{
    s->kv_dtype = word;
    if (!strcmp(e->engine->name, "llama-server") && word)
        s->llama.kv_k = s->llama.kv_v = word;
}

static int one(struct estimate *e, const struct bt_serve *s, struct bt_err *err)
{
    struct estimate_cell cell = { .tp = BT_MAX(s->tp, 1u), .pp = BT_MAX(s->pp, 1u), .context = s->context, .kv_dtype = s->kv_dtype };
    if (bt_fit_server(e->arena, &e->fit_case, s, &cell.fit, err) < 0)
        return -1;
    if (cell.fit->need)
        estimate_pace(e->arena, &e->fit_case, s, cell.fit->need, BT_MIN(e->pace_context, BT_MAX(cell.fit->longest, 1u)), &cell.pace);
    BT_PUSH(e->arena, e->cell, e->ncells, cell);
    return 0;
}

int estimate_sweep(struct estimate *e, const struct bt_serve *serve, struct bt_err *err)
{
    struct values v[D__N] = { 0 };
    if (parse_dimensions(e, v, err) < 0)
        return -1;
    parallel_values(e, serve, D_TP, &v[D_TP]);
    parallel_values(e, serve, D_PP, &v[D_PP]);
    context_values(e, serve, &v[D_CONTEXT]);
    kv_values(e, serve, &v[D_KV]);
    for (size_t t = 0; t < v[D_TP].count; t++)
        for (size_t p = 0; p < v[D_PP].count; p++)
            for (size_t k = 0; k < v[D_KV].count; k++)
                for (size_t c = 0; c < v[D_CONTEXT].count; c++) {
                    struct bt_serve s = *serve;
                    s.tp = v[D_TP].n[t];
                    s.pp = v[D_PP].n[p];
                    s.context = v[D_CONTEXT].n[c];
                    s.context_auto = false;
                    set_kv(e, &s, v[D_KV].word[k]);
                    if (v[D_PP].swept)
                        s.llama.nsplit = 0;          /* shares of another number of cards */
                    if (one(e, &s, err) < 0)
                        return -1;
                }
    return 0;
}

bool estimate_sweep_fits(const struct estimate *e)
{
    for (size_t i = 0; i < e->ncells; i++)
        if (e->cell[i].fit->fits)
            return true;
    return false;
}

void estimate_sweep_print(const struct estimate *e, struct bt_buf *b, struct bt_style st)
{
    struct bt_arena *a = e->arena;
    struct bt_table *t = bt_table_new(a, (const char *const[]){ ">TP", ">PP", ">context", "KV", ">each GPU", ">KV tokens", ">requests at once", ">tokens/s", "", NULL });
    for (size_t i = 0; i < e->ncells; i++) {
        const struct estimate_cell *c = &e->cell[i];
        const struct bt_fit *f = c->fit;
        bool sized = f->need != NULL;
        const char *cells[] = {
            bt_arena_printf(a, "%llu", (unsigned long long)c->tp), bt_arena_printf(a, "%llu", (unsigned long long)c->pp), bt_arena_strdup(a, bt_count_human(c->context)), c->kv_dtype ? c->kv_dtype : "auto",
            sized ? bt_arena_strdup(a, bt_bytes_human(f->rank[f->busiest].need_bytes)) : "", sized ? bt_arena_strdup(a, bt_count_human(f->tokens)) : "",
            f->fits ? bt_arena_printf(a, "%.2f", f->concurrency) : "", f->fits && c->pace.known ? bt_arena_printf(a, "%.0f", c->pace.decode_tok_s) : "",
            f->fits ? "fits" : f->nrefusals ? f->refusals[0].code : "does not fit",
        };
        bt_table_cells(t, cells, BT_LEN(cells));
    }
    bt_table_print(t, st, b);
}

json_t *estimate_sweep_json(const struct estimate *e)
{
    json_t *all = json_array();
    for (size_t i = 0; i < e->ncells; i++) {
        const struct estimate_cell *c = &e->cell[i];
        const struct bt_fit *f = c->fit;
        json_array_append_new(all, json_pack("{s:I, s:I, s:o, s:s, s:b, s:o, s:o, s:o, s:f, s:o, s:o}", "tp", (json_int_t)c->tp, "pp", (json_int_t)c->pp, "context", bt_json_bytes(c->context),
            "kv_dtype", c->kv_dtype ? c->kv_dtype : "auto", "fits", (int)f->fits, "need_bytes", f->need ? bt_json_bytes(f->rank[f->busiest].need_bytes) : json_null(),
            "tokens", f->need ? bt_json_bytes(f->tokens) : json_null(), "longest", f->need ? bt_json_bytes(f->longest) : json_null(), "concurrency", f->concurrency,
            "decode_tok_s", c->pace.known ? json_real(c->pace.decode_tok_s) : json_null(), "refusal", f->nrefusals ? json_string(f->refusals[0].code) : json_null()));
    }
    return all;
}
