/* estimate_job - `berth estimate` of work that is no server: training, activation extraction, generation in process, images. */
#include "base/json.h"
#include "base/units.h"
#include "cmd/estimate.h"
#include "model/pipeline.h"
#include "need/job_advice.h"

#define MAX_CARDS 8

struct job_args { struct bt_job job; const char *gpu; uint64_t gpus; bool json; };       /* job first: its table writes there */

static const struct bt_opt own_opts[] = {
    { .name = "gpu", .type = BT_OPT_STR, .off = offsetof(struct job_args, gpu), .metavar = "CARD", .help = "a card's name (A100-SXM4-40GB), a size (79.22GiB) or one card of this machine by index" },
    { .name = "gpus", .type = BT_OPT_U64, .off = offsetof(struct job_args, gpus), .def = "1", .min = 1, .max = 65536, .help = "cards of the job, all like it" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct job_args, json), .help = "one JSON object" },
};

struct asking {
    struct bt_arena *a;
    struct job_args *args;
    struct estimate card;            /* only its card, note and notes */
    struct bt_model *model;          /* or */
    struct bt_pipeline *pipeline;
    struct bt_job job;               /* on its cards */
    struct bt_job_of of;
    struct bt_job_need need;         /* headroom included */
    uint64_t uncertainty, room, batch, users;        /* batch, users: the most that fit */
    bool fits;
    struct bt_job_advice *advice; size_t nadvice;
};

static unsigned long long ull(uint64_t n) { return n; }

bool estimate_is_job(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        for (int k = 0; k < BT_JOB__N; k++) {
            size_t n = strlen(bt_job_kind_names[k]);
            if (!strncmp(argv[i], "--", 2) && !strncmp(argv[i] + 2, bt_job_kind_names[k], n) && (!argv[i][n + 2] || argv[i][n + 2] == '='))
                return true;
        }
    return false;
}

static const struct bt_opt *options(struct bt_arena *a)
{
    size_t n = 0;
    while (bt_job_keys()[n].name)
        n++;
    struct bt_opt *all = BT_NEWN(a, struct bt_opt, n + BT_LEN(own_opts) + 1);
    memcpy(all, own_opts, sizeof own_opts);
    memcpy(all + BT_LEN(own_opts), bt_job_keys(), n * sizeof *all);
    return all;
}

/* ---- the answer ---- */

static int reckon(struct asking *k, const struct bt_gpu *card, struct bt_err *err)
{
    k->room = bt_gpu_capacity(card);
    if (bt_job_berth(k->a, &k->of, &k->job, card, k->room, &k->need, err) < 0)
        return -1;
    k->fits = k->need.bytes <= k->room;
    return 0;
}

/* No card named, none here: the smallest common one it fits on, else the largest. */
static int common_card(struct asking *k, struct bt_err *err)
{
    const struct bt_gpu_kind *best = NULL, *most = NULL;
    for (size_t i = 0; estimate_common_cards[i]; i++) {
        const struct bt_gpu_kind *kind = bt_gpu_kind_find(estimate_common_cards[i]);
        struct bt_gpu card;
        estimate_virtual_card(kind, &card);
        if (reckon(k, &card, err) < 0)
            return -1;
        if (k->fits && (!best || bt_gpu_kind_total(kind) < bt_gpu_kind_total(best)))
            best = kind;
        if (!most || bt_gpu_kind_total(kind) > bt_gpu_kind_total(most))
            most = kind;
    }
    estimate_virtual_card(best ? best : most, &k->card.card);
    k->card.card_note = best ? "no --gpu and no NVIDIA driver here: the smallest common card it fits on" : "no --gpu and no NVIDIA driver here: the largest common card, and it does not fit";
    return 0;
}

static int choose_card(struct asking *k, struct bt_err *err)
{
    struct bt_err absent = { 0 };
    if (k->args->gpu)
        return estimate_card(&k->card, k->args->gpu, err);
    return estimate_card(&k->card, NULL, &absent) == 0 ? 0 : common_card(k, err);
}

static int find_out(struct asking *k, struct bt_err *err)
{
    const struct bt_job *j = &k->args->job;
    if (bt_job_check(j, NULL, err) < 0 || bt_job_on(j, k->args->gpus, &k->job, err) < 0)
        return err->code == BT_E_SPEC ? (err->code = BT_E_USAGE, -1) : -1;
    if (j->kind == BT_JOB_DIFFUSION ? bt_pipeline_open(k->a, j->of, &k->pipeline, err) < 0 : bt_model_open_hub(k->a, j->of, NULL, &k->model, err) < 0)
        return -1;
    k->of = (struct bt_job_of){ .model = k->model, .pipeline = k->pipeline };
    if (choose_card(k, err) < 0 || reckon(k, &k->card.card, err) < 0)
        return -1;
    struct bt_job_need plain;
    struct bt_job settled = k->job;
    settled.batch = k->need.batch;
    settled.users = k->need.users;
    if (bt_need_job(k->a, &k->of, &settled, &k->card.card, &plain, err) < 0 || bt_job_batch(&k->of, &settled, &k->card.card, k->room, true, &k->batch, err) < 0)
        return -1;
    k->uncertainty = plain.uncertainty_bytes;
    if (k->need.users && bt_job_users(&k->of, &settled, &k->card.card, k->room, true, &k->users, err) < 0)
        return -1;
    return bt_job_advise(k->a, &k->of, &settled, k->args->gpus, BT_MAX((uint64_t)MAX_CARDS, k->args->gpus), &k->card.card, k->room, &k->advice, &k->nadvice, err);
}

/* ---- for people ---- */

static void print_head(const struct asking *k, struct bt_buf *b, struct bt_style st)
{
    const struct bt_gpu *g = &k->card.card;
    if (k->pipeline)
        estimate_field(b, "pipeline", bt_arena_printf(k->a, "%s  %s, %zu parts with weights, %.2f billion parameters", k->pipeline->id, k->pipeline->class_name, k->pipeline->n,
                       (double)k->pipeline->numbers / 1e9), st);
    else
        estimate_field(b, "model", bt_arena_printf(k->a, "%s  %s, %.2f billion parameters (%s)", k->model->id, k->model->architecture ? k->model->architecture : "?", (double)k->model->parameters / 1e9,
                   bt_model_source_name(k->model->source)), st);
    estimate_field(b, "job", bt_arena_printf(k->a, "%s%s", bt_job_text(k->a, &k->job, &k->need), k->job.tokens || k->job.kind == BT_JOB_DIFFUSION ? "" :
                   bt_arena_printf(k->a, " x %llu tokens (--tokens was not given)", ull(BT_MIN(bt_need_model_context(k->model), (uint64_t)BT_JOB_TOKENS)))), st);
    estimate_field(b, "card", bt_arena_printf(k->a, "%llu x %s  %s to CUDA (%s)%s%s%s", ull(k->args->gpus), g->name, bt_bytes_human(g->total_bytes), bt_total_source_name(g->total_source),
                   g->others_bytes ? bt_arena_printf(k->a, ", %s held by others", bt_bytes_human(g->others_bytes)) : "", k->card.card_note ? "; " : "", k->card.card_note ? k->card.card_note : ""), st);
    bt_buf_puts(b, "\n");
}

static void print_ledger(const struct asking *k, struct bt_buf *b, struct bt_style st)
{
    static const struct { const char *label; int first, last; } groups[] = {
        { "weights", BT_P_WEIGHTS, BT_P_LORA }, { "training", BT_P_OPTIMIZER, BT_P_GRADIENTS }, { "kv", BT_P_KV, BT_P_STATE }, { "activations", BT_P_ACTIVATIONS, BT_P_SAMPLER },
        { "other", BT_P_GRAPHS, BT_P_DRAFT }, { "headroom", BT_P_HEADROOM, BT_P_OTHER },
    };
    uint64_t total = k->card.card.total_bytes;
    struct bt_table *t = bt_table_new(k->a, (const char *const[]){ k->args->gpus > 1 ? "each GPU" : "the GPU", ">bytes", ">share", "why", NULL });
    for (size_t i = 0; i < k->need.n; i++) {
        const struct bt_need_line *l = &k->need.line[i];
        estimate_why_rows(t, k->a, bt_part_name(l->part), bt_arena_strdup(k->a, bt_bytes_human(l->bytes)), estimate_percent(k->a, l->bytes, total), l->why, st);
    }
    bt_table_rule(t);
    estimate_why_rows(t, k->a, "total", bt_arena_strdup(k->a, bt_bytes_human(k->need.bytes)), estimate_percent(k->a, k->need.bytes, total), bt_arena_printf(k->a, "of %s", bt_bytes_human(total)), st);
    bt_table_print(t, st, b);
    struct bt_bar_part parts[BT_LEN(groups) + 1];
    const char *labels[BT_LEN(groups) + 1];
    size_t n = 0;
    if (k->card.card.others_bytes)
        parts[n++] = (struct bt_bar_part){ "others", k->card.card.others_bytes };
    for (size_t g = 0; g < BT_LEN(groups); g++) {
        struct bt_bar_part p = { groups[g].label, 0 };
        for (size_t i = 0; i < k->need.n; i++)
            p.bytes += (int)k->need.line[i].part >= groups[g].first && (int)k->need.line[i].part <= groups[g].last ? k->need.line[i].bytes : 0;
        if (p.bytes)
            parts[n++] = p;
    }
    for (size_t i = 0; i < n; i++)
        labels[i] = parts[i].label;
    bt_buf_puts(b, "\nGPU ");
    bt_bar_print(parts, n, total, BT_MIN(st.width - 34, 72), st, b);
    bt_buf_printf(b, " %s of %s\n", bt_bytes_human(k->need.bytes), bt_bytes_human(total));
    bt_bar_legend(labels, n, st, b);
    bt_buf_puts(b, "\n\n");
}

static void print_answer(const struct asking *k)
{
    struct bt_style st = bt_style_of(stdout);
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    print_head(k, &b, st);
    print_ledger(k, &b, st);
    if (k->fits)
        bt_buf_printf(&b, "fits: %s of the %s there are; without the headroom it would be %s\n", bt_bytes_human(k->need.bytes), bt_bytes_human(k->room), bt_bytes_human(k->need.bytes - k->uncertainty));
    else
        bt_buf_printf(&b, "does not fit: %s, and there are %s: %s lack\n", bt_bytes_human(k->need.bytes), bt_bytes_human(k->room), bt_bytes_human(k->need.bytes - k->room));
    if (k->batch)
        bt_buf_printf(&b, "largest batch that fits: %llu%s\n", ull(k->batch), k->job.kind == BT_JOB_TRAIN ? " on each GPU" : "");
    if (k->users)
        bt_buf_printf(&b, "adapters that can be trained at once: %llu\n", ull(k->users));
    if (!k->fits)
        bt_buf_puts(&b, k->nadvice ? "\nwould fit\n" : "\nnothing that berth would change makes it fit: a larger card, or a smaller model\n");
    for (size_t i = 0; i < k->nadvice; i++)
        bt_buf_printf(&b, "  %s\n      %s\n", k->advice[i].flags, k->advice[i].text);
    for (size_t i = 0; i < k->card.nnotes; i++)
        bt_buf_printf(&b, "note: %s\n", k->card.notes[i]);
    bt_cmd_print(&b);
}

/* ---- for programs ---- */

static json_t *job_json(const struct asking *k)
{
    const struct bt_job *j = &k->job;
    json_t *o = json_pack("{s:s, s:o, s:o, s:I}", "kind", bt_job_kind_names[j->kind], "text", bt_json_text(bt_job_text(k->a, j, &k->need)), "batch", bt_json_bytes(k->need.batch), "gpus", (json_int_t)k->args->gpus);
    if (j->kind != BT_JOB_DIFFUSION)
        json_object_set_new(o, "tokens", bt_json_bytes(j->tokens ? j->tokens : BT_MIN(bt_need_model_context(k->model), (uint64_t)BT_JOB_TOKENS)));
    if (j->kind == BT_JOB_TRAIN) {
        json_object_set_new(o, "method", json_string(bt_job_methods[j->method]));
        json_object_set_new(o, "optimizer", json_string(bt_job_optimizers[j->optimizer]));
        json_object_set_new(o, "backend", json_string(bt_job_backends[j->backend]));
        json_object_set_new(o, "zero", bt_json_bytes(j->zero));
        json_object_set_new(o, "checkpointing", json_boolean(j->checkpointing));
        json_object_set_new(o, "users", k->need.users ? bt_json_bytes(k->need.users) : json_null());
        json_object_set_new(o, "trained_parameters", bt_json_bytes(k->need.trained));
    }
    return o;
}

static json_t *answer_json(const struct asking *k)
{
    const struct bt_gpu *g = &k->card.card;
    json_t *o = json_object(), *lines = json_array(), *advice = json_array(), *notes = json_array();
    if (k->pipeline)
        json_object_set_new(o, "pipeline", json_pack("{s:o, s:o, s:o, s:s}", "id", bt_json_text(k->pipeline->id), "class", bt_json_text(k->pipeline->class_name), "parameters", bt_json_bytes(k->pipeline->numbers),
                            "digest", k->pipeline->digest));
    else
        json_object_set_new(o, "model", json_pack("{s:o, s:o, s:o, s:o, s:s, s:s}", "id", bt_json_text(k->model->id), "architecture", bt_json_text(k->model->architecture), "parameters", bt_json_bytes(k->model->parameters),
                        "weight_bytes", bt_json_bytes(k->model->weight_bytes), "digest", k->model->digest, "source", bt_model_source_name(k->model->source)));
    json_object_set_new(o, "job", job_json(k));
    json_object_set_new(o, "gpu", json_pack("{s:s, s:s?, s:o, s:s, s:o, s:s?}", "name", g->name, "uuid", g->uuid, "total_bytes", bt_json_bytes(g->total_bytes),
                        "total_source", bt_total_source_name(g->total_source), "others_bytes", bt_json_bytes(g->others_bytes), "note", k->card.card_note));
    for (size_t i = 0; i < k->need.n; i++)
        json_array_append_new(lines, json_pack("{s:s, s:o, s:s}", "part", bt_part_name(k->need.line[i].part), "bytes", bt_json_bytes(k->need.line[i].bytes), "why", k->need.line[i].why));
    json_object_set_new(o, "ranks", json_pack("[{s:i, s:i, s:o, s:o}]", "tp", 0, "pp", 0, "need", lines, "need_bytes", bt_json_bytes(k->need.bytes)));
    json_object_set_new(o, "fits", json_boolean(k->fits));
    json_object_set_new(o, "largest", json_pack("{s:o, s:o}", "batch", bt_json_bytes(k->batch), "users", k->need.users ? bt_json_bytes(k->users) : json_null()));
    for (size_t i = 0; i < k->nadvice; i++)
        json_array_append_new(advice, json_pack("{s:s, s:[{s:s, s:s}], s:o, s:s}", "flags", k->advice[i].flags, "set",
                              "path", k->advice[i].key, "value", k->advice[i].value, "bytes", bt_json_bytes(k->advice[i].bytes), "text", k->advice[i].text));
    json_object_set_new(o, "advice", advice);
    json_object_set_new(o, "uncertainty_bytes", bt_json_bytes(k->uncertainty));
    for (size_t i = 0; i < k->card.nnotes; i++)
        json_array_append_new(notes, bt_json_text(k->card.notes[i]));
    json_object_set_new(o, "notes", notes);
    return o;
}

int estimate_job(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena arena = { 0 };
    struct bt_err err = { 0 };
    struct job_args args = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_verb verb = *v;
    verb.opts = options(&arena);
    int code = bt_cmd_parse(&verb, &arena, argc, argv, &args, &rest, NULL);
    if (code)
        return code;
    struct asking k = { .a = &arena, .args = &args, .card = { .arena = &arena } };
    if (rest.n)
        return bt_cmd_usage(v, args.json, "\"%s\": the model of a job stands after --train, --forward, --generate or --diffusion", rest.v[0]);
    if (find_out(&k, &err) < 0)
        return bt_cmd_fail(v, &err, args.json);
    if (args.json)
        bt_cmd_json("estimate", answer_json(&k));
    else
        print_answer(&k);
    return k.fits ? 0 : bt_errc_exit(BT_E_FIT);
}
