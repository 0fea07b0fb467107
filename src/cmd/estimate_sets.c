/* estimate_sets - the smallest GPUs of the catalogue that hold it, of each class: consumer, workstation, data centre. */
#include "base/json.h"
#include "cmd/estimate.h"
#include "need/capability.h"

#define MAX_CARDS 8                  /* of one machine */

static const char *const classes[] = { "consumer", "workstation", "data centre" };

/* By how NVIDIA names them. -1: of another maker, or no card (Jetson, GB10: memory shared with a CPU). */
static int class_of(const struct bt_gpu_kind *k)
{
    const char *n = k->nvml_name;
    if (strcmp(k->vendor, "NVIDIA") || !bt_gpu_kind_total(k) || strstr(k->arch, "iGPU") || !strcmp(k->key, "gb10"))
        return -1;
    return strstr(n, "GeForce") ? 0 : strstr(n, "RTX") || strstr(n, "Quadro") ? 1 : 2;
}

struct search { struct estimate *e; const struct bt_gpu_kind *kind[256]; size_t n; };

/* The kinds of one class that can compute with the model's numbers, the smallest memory first. */
static void kinds_of(struct search *s, int class)
{
    const struct bt_gpu_kind *all;
    size_t n = bt_gpu_kinds(&all);
    s->n = 0;
    for (size_t i = 0; i < n && s->n < BT_LEN(s->kind); i++) {
        struct bt_gpu card;
        size_t at = s->n;
        if (class_of(&all[i]) != class)
            continue;
        estimate_virtual_card(&all[i], &card);
        enum bt_runs how = bt_card_runs(s->e->engine, s->e->version_asked, s->e->model, NULL, &card).how;
        if (how == BT_RUNS_NOT)
            continue;
        for (; at > 0 && bt_gpu_kind_total(s->kind[at - 1]) > bt_gpu_kind_total(&all[i]); at--)
            s->kind[at] = s->kind[at - 1];
        s->kind[at] = &all[i];
        s->n++;
    }
}

/* n cards of the kind: TP, or for engines that split by layers stages. A shape that the model does not allow does not fit. */
static int try(struct search *s, const struct bt_gpu_kind *k, uint64_t n, struct estimate_set *set, bool *fits, struct bt_err *err)
{
    struct estimate *e = s->e;
    struct bt_serve serve = e->args->serve;
    struct bt_fit_case c = e->fit_case;
    struct bt_gpu *card = BT_NEW(e->arena, struct bt_gpu);
    struct bt_fit *f;
    bool by_layers = e->model->gguf != NULL;
    estimate_virtual_card(k, card);
    c.card = card;
    serve.tp = by_layers ? 1 : n;
    serve.pp = by_layers ? n : 1;
    serve.kv_bytes = 0;              /* as many as fit: bytes for one card say nothing about another */
    serve.llama.nsplit = 0;
    if (bt_fit_server(e->arena, &c, &serve, &f, err) < 0)
        return -1;
    *fits = f->fits;
    *set = (struct estimate_set){ .kind = k, .tp = serve.tp, .pp = serve.pp, .fit = f };
    return 0;
}

/* Fewest cards, of those the least memory: where the largest of the class does not fit, the smaller ones do not either. */
static int smallest(struct search *s, int class, struct bt_err *err)
{
    struct estimate_set set, best = { 0 };
    for (uint64_t n = 1; s->n && n <= MAX_CARDS; n++) {
        size_t low = 0, high = s->n - 1;
        bool fits;
        if (try(s, s->kind[high], n, &best, &fits, err) < 0)
            return -1;
        if (!fits)
            continue;
        while (low < high) {
            size_t mid = (low + high) / 2;
            if (try(s, s->kind[mid], n, &set, &fits, err) < 0)
                return -1;
            if (fits) {
                high = mid;
                best = set;
            } else {
                low = mid + 1;
            }
        }
        best.class = classes[class];
        BT_PUSH(s->e->arena, s->e->smallest, s->e->nsmallest, best);
        return 0;
    }
    return 0;
}

int estimate_smallest(struct estimate *e, struct bt_err *err)
{
    struct search s = { .e = e };
    for (int class = 0; class < (int)BT_LEN(classes); class++) {
        kinds_of(&s, class);
        if (smallest(&s, class, err) < 0)
            return -1;
    }
    return 0;
}

void estimate_smallest_print(const struct estimate *e, struct bt_buf *b, struct bt_style st)
{
    const char *text = "";
    for (size_t i = 0; i < e->nsmallest; i++) {
        const struct estimate_set *s = &e->smallest[i];
        text = bt_arena_printf(e->arena, "%s%s%llu x %s", text, i ? ", " : "", (unsigned long long)(s->tp * s->pp), s->kind->short_name);
    }
    if (e->nsmallest)
        estimate_field(b, "smallest", bt_arena_printf(e->arena, "%s: the least cards of the catalog that hold it", text), st);
}

json_t *estimate_smallest_json(const struct estimate *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->nsmallest; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:o}", "class", e->smallest[i].class, "gpu", e->smallest[i].kind->nvml_name, "tp", (json_int_t)e->smallest[i].tp,
                                              "pp", (json_int_t)e->smallest[i].pp, "longest", bt_json_bytes(e->smallest[i].fit->longest)));
    return list;
}
