/* job_advice.c - see job_advice.h */
#include "need/job_advice.h"

#include "base/units.h"
#include "model/pipeline.h"

struct advising {
    struct bt_arena *a;
    const struct bt_job_of *of;
    const struct bt_gpu *card;
    uint64_t room;
    struct bt_job_advice *out; size_t n;
    struct bt_err *err;
};

static unsigned long long ull(uint64_t n) { return n; }

/* Bytes of the job on so many cards, headroom included; UINT64_MAX for a combination that does not exist. */
static uint64_t bytes_of(const struct advising *k, const struct bt_job *j, uint64_t cards)
{
    bt_auto_arena scratch = { 0 };
    struct bt_job on;
    struct bt_job_need n;
    struct bt_err why = { 0 };
    if (bt_job_on(j, cards, &on, &why) < 0 || bt_job_berth(&scratch, k->of, &on, k->card, 0, &n, &why) < 0)
        return UINT64_MAX;
    return n.bytes;
}

static void offer(struct advising *k, const char *key, const char *value, const struct bt_job *j, uint64_t cards, const char *text)
{
    uint64_t bytes = bytes_of(k, j, cards);
    if (bytes > k->room)
        return;
    char *flags = bt_arena_printf(k->a, "--%s%s%s", key, strcmp(value, "true") ? " " : "", strcmp(value, "true") ? value : "");
    for (char *c = flags + 2; *c && *c != ' '; c++)
        *c = *c == '_' ? '-' : *c;
    struct bt_job_advice row = { .key = key, .value = value, .flags = flags, .job = *j, .cards = cards, .bytes = bytes, .text = bt_arena_printf(k->a, "%s: %s per GPU", text, bt_bytes_human(bytes)) };
    BT_PUSH(k->a, k->out, k->n, row);
}

static int offer_count(struct advising *k, const struct bt_job *j, uint64_t cards, bool users)
{
    struct bt_job on, less = *j;
    uint64_t most = 0, now = users ? j->users : j->batch;
    if (now < 2 || bt_job_on(j, cards, &on, k->err) < 0)
        return k->err->code ? -1 : 0;
    if ((users ? bt_job_users(k->of, &on, k->card, k->room, true, &most, k->err) : bt_job_batch(k->of, &on, k->card, k->room, true, &most, k->err)) < 0)
        return -1;
    if (!most || most >= now)
        return 0;
    *(users ? &less.users : &less.batch) = most;
    offer(k, users ? "users" : "batch", bt_arena_printf(k->a, "%llu", ull(most)), &less, cards,
          users ? "fewer adapters at once" : j->kind == BT_JOB_TRAIN ? "a smaller batch (gradient accumulation makes up for it)" : "a smaller batch");
    return 0;
}

static void offer_train(struct advising *k, const struct bt_job *j, uint64_t cards)
{
    struct bt_job t = *j;
    bool megatron = j->backend == BT_BACKEND_MEGATRON;
    t.checkpointing = true;
    if (!j->checkpointing)
        offer(k, "checkpointing", "true", &t, cards, "activations computed again in the backward pass, for about a third more time");
    if (j->optimizer == BT_OPTIMIZER_ADAMW || j->optimizer == BT_OPTIMIZER_ADAM) {
        struct bt_job only = *j;
        only.optimizer = BT_OPTIMIZER_ADAMW_8BIT;
        offer(k, "optimizer", "adamw_8bit", &only, cards, "moments in 8 bit");
    }
    if (!megatron && j->zero < 3 && cards > 1) {
        struct bt_job cut = *j;
        cut.zero = 3;
        offer(k, "zero", "3", &cut, cards, "weights, gradients and optimizer dealt over the GPUs (ZeRO 3, FSDP)");
    }
    if (megatron && !j->distributed_optimizer && cards > 1) {
        struct bt_job cut = *j;
        cut.distributed_optimizer = true;
        offer(k, "distributed_optimizer", "true", &cut, cards, "the optimizer dealt over the copies");
    }
}

/* What is trained changes: said last. */
static void offer_method(struct advising *k, const struct bt_job *j, uint64_t cards)
{
    struct bt_job t = *j;
    t.method = BT_METHOD_LORA;
    if (j->method == BT_METHOD_FULL)
        offer(k, "method", "lora", &t, cards, "adapters of rank 16 instead of every weight");
    t.method = BT_METHOD_QLORA;
    if (j->method != BT_METHOD_QLORA && j->backend != BT_BACKEND_MEGATRON)
        offer(k, "method", "qlora", &t, cards, "the frozen weights in 4 bit");
}

/* The longest power of two that fits. */
static void offer_tokens(struct advising *k, const struct bt_job *j, uint64_t cards)
{
    struct bt_job t = *j;
    uint64_t now = j->tokens ? j->tokens : BT_JOB_TOKENS;
    for (t.tokens = 1; t.tokens * 2 < now; t.tokens *= 2) {}
    for (; t.tokens >= 128; t.tokens /= 2)
        if (bytes_of(k, &t, cards) <= k->room) {
            offer(k, "tokens", bt_arena_printf(k->a, "%llu", ull(t.tokens)), &t, cards, "shorter sequences");
            return;
        }
}

static void offer_cards(struct advising *k, const struct bt_job *j, uint64_t cards, uint64_t max)
{
    bool cut = j->kind == BT_JOB_TRAIN && ((j->backend != BT_BACKEND_MEGATRON && j->zero) || j->backend == BT_BACKEND_MEGATRON);
    bool spread = j->kind == BT_JOB_FORWARD || j->kind == BT_JOB_GENERATE;
    for (uint64_t n = cards + 1; (cut || spread) && n <= max; n++) {
        struct bt_job t = *j;
        if (spread)
            t.pp = n;
        if (bytes_of(k, &t, n) <= k->room) {
            offer(k, spread ? "pp" : "gpus", bt_arena_printf(k->a, "%llu", ull(n)), &t, n, spread ? "its layers dealt over more GPUs (device_map)" : "more GPUs to cut by");
            return;
        }
    }
}

/* A pipeline's parts one after the other; then fewer frames, in steps that its VAE packs (4 or 8 of them into one, and one more). */
static void offer_pipeline(struct advising *k, const struct bt_job *j, uint64_t cards)
{
    static const uint64_t frames[] = { 257, 129, 97, 81, 65, 49, 33, 25, 17, 9 };
    struct bt_job t = *j;
    t.offload = true;
    if (!j->offload)
        offer(k, "offload", "true", &t, cards, "one part at a time on the card, the others in RAM (enable_model_cpu_offload)");
    if (!k->of->pipeline || !k->of->pipeline->video)
        return;
    uint64_t now = j->frames ? j->frames : k->of->pipeline->frames ? k->of->pipeline->frames : 257;
    for (size_t i = 0; i < BT_LEN(frames); i++) {
        struct bt_job fewer = *j;
        fewer.frames = frames[i];
        if (frames[i] < now && bytes_of(k, &fewer, cards) <= k->room) {
            offer(k, "frames", bt_arena_printf(k->a, "%llu", ull(frames[i])), &fewer, cards, "a shorter video");
            return;
        }
    }
}

int bt_job_advise(struct bt_arena *a, const struct bt_job_of *of, const struct bt_job *j, uint64_t cards, uint64_t max_cards, const struct bt_gpu *card, uint64_t room_bytes,
                  struct bt_job_advice **out, size_t *n, struct bt_err *err)
{
    struct advising k = { .a = a, .of = of, .card = card, .room = room_bytes, .err = err };
    *out = NULL;
    *n = 0;
    if (bytes_of(&k, j, cards) <= room_bytes)
        return 0;
    if (offer_count(&k, j, cards, false) < 0 || (j->kind == BT_JOB_TRAIN && offer_count(&k, j, cards, true) < 0))
        return -1;
    if (j->kind == BT_JOB_TRAIN)
        offer_train(&k, j, cards);
    struct bt_job fewer = *j;
    fewer.kept_layers = 1;
    if (j->kind == BT_JOB_FORWARD && j->kept_layers > 1)
        offer(&k, "layers", "1", &fewer, cards, "one layer's hidden states at a time, the others copied away at once");
    offer_cards(&k, j, cards, max_cards);
    if (j->kind == BT_JOB_TRAIN)
        offer_method(&k, j, cards);
    if (j->kind == BT_JOB_DIFFUSION)
        offer_pipeline(&k, j, cards);
    else
        offer_tokens(&k, j, cards);
    *out = k.out;
    *n = k.n;
    return 0;
}
