/* diagnose_job - a job that ran out of memory, through berth's own ledger: the largest batch that fits in what the others leave, and what else would. */
#include <math.h>

#include "base/units.h"
#include "cmd/diagnose.h"
#include "model/pipeline.h"
#include "need/job_advice.h"

static unsigned long long ull(uint64_t n) { return n; }

/* The job as the log tells it. False when it does not say what is done with which model. */
static bool from_log(struct bt_arena *a, const struct bt_diag_job *l, struct bt_job *j)
{
    static const int kinds[] = { [BT_DOING_FORWARD] = BT_JOB_FORWARD, [BT_DOING_GENERATE] = BT_JOB_GENERATE, [BT_DOING_TRAIN] = BT_JOB_TRAIN, [BT_DOING_DIFFUSION] = BT_JOB_DIFFUSION };
    if (!l->model[0] || l->doing == BT_DOING_UNKNOWN)
        return false;
    *j = (struct bt_job){ .kind = kinds[l->doing], .of = bt_arena_strdup(a, l->model), .batch = l->batch, .tokens = l->tokens };
    if (j->kind != BT_JOB_TRAIN)
        return true;
    bool adapters = l->lora || l->rank || l->four_bit;
    j->method = l->four_bit ? BT_METHOD_QLORA : adapters ? BT_METHOD_LORA : BT_METHOD_FULL;
    j->rank = adapters ? l->rank : 0;
    j->checkpointing = l->checkpointing;
    j->zero = l->zero;
    return true;
}

/* What the user says wins; what he leaves open is the log's. */
static bool settle(struct bt_arena *a, const struct bt_diag *d, const struct bt_job *told, struct bt_job *j)
{
    if (!told->kind_given)
        return from_log(a, &d->job, j);
    *j = *told;
    j->batch = j->batch ? j->batch : d->found.figures.batch ? d->found.figures.batch : d->job.batch;
    j->tokens = j->tokens || j->kind == BT_JOB_DIFFUSION ? j->tokens : d->job.tokens;
    j->batch_auto = j->users_auto = false;
    return true;
}

static uint64_t held_by_others(const struct bt_diag *d)
{
    double gib = 0;
    for (size_t i = 0; i < d->found.nholders; i++)
        gib += isfinite(d->found.holder[i].gib) && d->found.holder[i].gib > 0 ? d->found.holder[i].gib : 0;
    return gib < 65536 ? (uint64_t)(gib * (double)GiB) : 0;
}

static void add(struct bt_arena *a, struct diagnose_check *out, const char *flags, const char *text)
{
    struct bt_advice row = { .flags = flags, .path = "", .text = text };
    BT_PUSH(a, out->advice, out->n, row);
}

static int ask(struct bt_arena *a, const struct bt_diag *d, const char *gpu, const struct bt_job *j, struct diagnose_check *out, struct bt_err *err)
{
    struct bt_model *model = NULL;
    struct bt_pipeline *pipeline = NULL;
    struct bt_gpu card;
    struct bt_job_need now;
    struct bt_job_advice *ways;
    uint64_t most;
    size_t n;
    if (bt_job_check(j, NULL, err) < 0 || diagnose_card(a, d, gpu, &card, err) < 0 ||
        (j->kind == BT_JOB_DIFFUSION ? bt_pipeline_open(a, j->of, &pipeline, err) : bt_model_open(a, j->of, &model, err)) < 0)
        return -1;
    const struct bt_job_of of = { .model = model, .pipeline = pipeline };
    card.others_bytes = held_by_others(d);
    uint64_t room = bt_gpu_capacity(&card);
    if (bt_job_berth(a, &of, j, &card, room, &now, err) < 0 || bt_job_batch(&of, j, &card, room, true, &most, err) < 0 ||
        bt_job_advise(a, &of, j, BT_MAX(j->gpus, 1u), BT_MAX(j->gpus, 1u), &card, room, &ways, &n, err) < 0)
        return -1;
    out->job = bt_job_text(a, j, &now);
    out->fits = now.bytes <= room;
    out->on = bt_arena_printf(a, "%s on %s%s", j->of, card.name, card.others_bytes ? bt_arena_printf(a, ", %s of it held by others", bt_bytes_human(card.others_bytes)) : "");
    if (most && !out->fits)
        add(a, out, bt_arena_printf(a, "batch size %llu", ull(most)), bt_arena_printf(a, "the largest that fits in the %s there are; this one takes %s, the headroom for estimates counted",
            bt_arena_strdup(a, bt_bytes_human(room)), bt_arena_strdup(a, bt_bytes_human(now.bytes))));
    uint64_t alone = 0;
    card.others_bytes = 0;
    if (out->n < 8 && held_by_others(d) && bt_job_batch(&of, j, &card, bt_gpu_capacity(&card), true, &alone, err) == 0 && alone > most)
        add(a, out, bt_arena_printf(a, "batch size %llu", ull(alone)), "with the card to itself: once the others are gone");
    for (size_t i = 0; i < n; i++)
        if (strcmp(ways[i].key, "batch"))
            add(a, out, bt_arena_printf(a, "%s: %s", ways[i].key, ways[i].value), ways[i].text);
    out->done = true;
    return 0;
}

void diagnose_check_job(struct bt_arena *a, const struct bt_diag *d, const char *gpu, const struct bt_job *told, struct diagnose_check *out)
{
    struct bt_err err = { 0 };
    struct bt_job j;
    if (!settle(a, d, told, &j)) {
        out->why_not = "not checked with berth's own ledger: the log does not say which job this was; --train MODEL --method lora --batch 8 --tokens 2048 (or --forward, --generate, --diffusion) does";
        return;
    }
    if (ask(a, d, gpu, &j, out, &err) < 0)
        out->why_not = bt_arena_printf(a, "not checked with berth's own ledger: %s%s%s", err.msg, err.hint[0] ? "; " : "", err.hint);
}
