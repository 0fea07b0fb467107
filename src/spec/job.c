/* job.c - see job.h */
#include "spec/job.h"

#include "base/units.h"

#define MANY 100000
#define LONGEST ((double)(1 << 30))
#define AT(f) offsetof(struct bt_job, f)

const char *const bt_job_kind_names[BT_JOB__N + 1] = { [BT_JOB_TRAIN] = "train", [BT_JOB_FORWARD] = "forward", [BT_JOB_GENERATE] = "generate",
                                                    [BT_JOB_DIFFUSION] = "diffusion" };
const char *const bt_job_methods[] = { [BT_METHOD_FULL] = "full", [BT_METHOD_LORA] = "lora", [BT_METHOD_QLORA] = "qlora", NULL };
const char *const bt_job_backends[] = { [BT_BACKEND_HUGGINGFACE] = "huggingface", [BT_BACKEND_MEGATRON] = "megatron", NULL };
const char *const bt_job_dtypes[] = { [BT_JOB_BFLOAT16] = "bfloat16", [BT_JOB_FLOAT16] = "float16", [BT_JOB_FLOAT32] = "float32", NULL };
const char *const bt_job_optimizers[] = {
    [BT_OPTIMIZER_ADAMW] = "adamw", [BT_OPTIMIZER_ADAM] = "adam", [BT_OPTIMIZER_ADAMW_8BIT] = "adamw_8bit",
    [BT_OPTIMIZER_PAGED_ADAMW_8BIT] = "paged_adamw_8bit", [BT_OPTIMIZER_LION] = "lion", [BT_OPTIMIZER_LION_8BIT] = "lion_8bit",
    [BT_OPTIMIZER_SGD] = "sgd", [BT_OPTIMIZER_SGD_MOMENTUM] = "sgd_momentum", [BT_OPTIMIZER_ADAFACTOR] = "adafactor", [BT_OPTIMIZER_MUON] = "muon", NULL,
};

/* ---- values that take more than one form ---- */

static struct bt_job *job(struct bt_opt_ctx *ctx) { return ctx->target; }

/* An error about this value: with line and column in a file, as a usage error in argv. */
static int bad(const struct bt_opt *opt, struct bt_opt_ctx *ctx, const char *want, struct bt_err *err)
{
    if (ctx->node)
        return bt_node_err(err, ctx->doc, ctx->node, "%s: want %s%s%.60s%s", opt->name, want, ctx->node->kind == BT_NODE_SCALAR ? ", not \"" : "",
                           ctx->node->kind == BT_NODE_SCALAR ? ctx->node->text : "", ctx->node->kind == BT_NODE_SCALAR ? "\"" : "");
    return bt_err_set(err, BT_E_USAGE, 0, "want %s, not \"%.60s\"", want, ctx->text);
}

/* The scalar, or NULL. */
static const char *scalar(const struct bt_opt_ctx *ctx)
{
    return ctx->text ? ctx->text : ctx->node->kind == BT_NODE_SCALAR ? ctx->node->text : NULL;
}

static int one_too_many(const struct bt_opt *opt, struct bt_opt_ctx *ctx, const char *other, struct bt_err *err)
{
    if (!ctx->node)
        return bt_err_set(err, BT_E_USAGE, 0, "one job at a time: --%s was given", other);
    bt_node_err(err, ctx->doc, ctx->node, "%s: want exactly one of train, forward, generate, diffusion, like", opt->name);
    return bt_err_hint(err, "leave %s or %s out", other, opt->name);
}

static int parse_kind(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_job *j = job(ctx);
    const char *model = scalar(ctx);
    if (!model || !model[0])
        return bad(opt, ctx, "a model", err);
    if (j->kind_given)
        return one_too_many(opt, ctx, bt_job_kind_names[j->kind], err);
    for (j->kind = 0; strcmp(bt_job_kind_names[j->kind], opt->name); j->kind++) {}
    j->kind_given = true;
    j->of = bt_arena_strdup(ctx->arena, model);
    return 0;
}

static int parse_auto(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_job *j = job(ctx);
    bool users = opt->off == AT(users);
    const char *text = scalar(ctx);
    struct bt_err inner = { 0 };
    uint64_t n = 0;
    bool is_auto = text && !strcmp(text, "auto");
    if (!is_auto && (!text || bt_u64_parse(bt_str(text), 1, MANY, &n, &inner) < 0))
        return bad(opt, ctx, "auto, or a whole number from 1 to 100000", err);
    *(users ? &j->users_auto : &j->batch_auto) = is_auto;
    *(users ? &j->users : &j->batch) = n;
    return 0;
}

struct listed { struct bt_job *j; uint64_t seen[MANY / 64 + 1]; };

static bool one_layer(struct listed *k, struct bt_str text)
{
    struct bt_err inner = { 0 };
    uint64_t layer;
    if (bt_u64_parse(bt_str_trim(text), 0, MANY, &layer, &inner) < 0 || k->seen[layer / 64] >> layer % 64 & 1)
        return false;
    k->seen[layer / 64] |= (uint64_t)1 << layer % 64;
    k->j->kept_layers++;
    k->j->last_layer = BT_MAX(k->j->last_layer, layer);
    return true;
}

/* Numbers from 0, each once: the hidden states of transformers' output_hidden_states. */
static bool list_of_layers(struct bt_job *j, const struct bt_opt_ctx *ctx, const char *text)
{
    struct listed k = { .j = j };
    struct bt_str left = bt_str(text), part;
    j->kept_layers = j->last_layer = 0;
    if (ctx->node) {
        for (size_t i = 0; i < ctx->node->n; i++)
            if (ctx->node->items[i].kind != BT_NODE_SCALAR || !one_layer(&k, bt_str(ctx->node->items[i].text)))
                return false;
        return true;
    }
    for (bool more = true; more;) {
        more = memchr(left.p, ',', left.n) != NULL;
        left = bt_str_cut(left, ',', &part);
        if (!one_layer(&k, part))
            return false;
    }
    return true;
}

/* 3: that many; [10, 11, 12] (10,11,12 in argv): those; all. */
static int parse_layers(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_job *j = job(ctx);
    const char *text = scalar(ctx);
    struct bt_err inner = { 0 };
    j->last_layer = 0;
    if ((ctx->node && ctx->node->kind == BT_NODE_SEQ && ctx->node->n) || (text && ctx->text && strchr(text, ',')))
        return list_of_layers(j, ctx, text) ? 0 : bad(opt, ctx, "layers counted from 0, each once, such as 10,11,12", err);
    if (text && !strcmp(text, "all")) {
        j->kept_layers = BT_JOB_ALL_LAYERS;
        return 0;
    }
    if (!text || bt_u64_parse(bt_str(text), 1, MANY, &j->kept_layers, &inner) < 0)
        return bad(opt, ctx, "a number of layers whose hidden states are kept, a list of them, or all", err);
    return 0;
}

static int parse_size(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_job *j = job(ctx);
    const char *text = scalar(ctx), *by = text ? strchr(text, 'x') : NULL;
    struct bt_err inner = { 0 };
    struct bt_str first = { text, by ? (size_t)(by - text) : 0 };
    if (!by || bt_u64_parse(first, 16, 65536, &j->width, &inner) < 0 || bt_u64_parse(bt_str(by + 1), 16, 65536, &j->height, &inner) < 0)
        return bad(opt, ctx, "width x height in pixels, such as 1024x1024", err);
    return 0;
}

/* ---- the table ---- */

enum { K_BACKEND, K_BATCH, K_CHECKPOINTING, K_DIFFUSION, K_DISTRIBUTED, K_DTYPE, K_EAGER, K_FORWARD, K_FRAMES, K_GENERATE, K_LAYERS,
       K_METHOD, K_OFFLOAD, K_OPTIMIZER, K_PP, K_RANK, K_SIZE, K_TOKENS, K_TP, K_TRAIN, K_USERS, K_ZERO, K__N };
_Static_assert(K__N <= BT_JOB_KEYS, "one mark for each row");
#define GIVEN(k) .set_off = AT(given) + (k)

static const struct bt_opt keys[] = {
    [K_BACKEND] = { .name = "backend", .type = BT_OPT_ENUM, .off = AT(backend), .choices = bt_job_backends, GIVEN(K_BACKEND), .help = "who trains",
        .example = "huggingface" },
    [K_BATCH] = { .name = "batch", .type = BT_OPT_CUSTOM, .parse = parse_auto, .off = AT(batch), GIVEN(K_BATCH), .metavar = "N|auto",
                  .help = "sequences (images) of one step on one GPU; auto = as many as fit", .example = "8" },
    [K_CHECKPOINTING] = { .name = "checkpointing", .type = BT_OPT_BOOL, .off = AT(checkpointing),
        GIVEN(K_CHECKPOINTING), .help = "activations are computed again in the backward pass", .example = "true" },
    [K_DIFFUSION] = { .name = "diffusion", .type = BT_OPT_CUSTOM, .parse = parse_kind,
        GIVEN(K_DIFFUSION), .metavar = "MODEL", .help = "images are made with this pipeline", .example = "MODEL" },
    [K_DISTRIBUTED] = { .name = "distributed_optimizer", .type = BT_OPT_BOOL, .off = AT(distributed_optimizer),
        GIVEN(K_DISTRIBUTED), .help = "Megatron: its states are dealt over the copies", .example = "true" },
    [K_DTYPE] = { .name = "dtype", .type = BT_OPT_ENUM, .off = AT(dtype), .choices = bt_job_dtypes,
        GIVEN(K_DTYPE), .help = "of weights and computation without training", .example = "bfloat16" },
    [K_EAGER] = { .name = "eager_attention", .type = BT_OPT_BOOL, .off = AT(eager_attention),
        GIVEN(K_EAGER), .help = "attention keeps its square of scores: no flash or SDPA kernel", .example = "true" },
    [K_FORWARD] = { .name = "forward", .type = BT_OPT_CUSTOM, .parse = parse_kind,
        GIVEN(K_FORWARD), .metavar = "MODEL", .help = "forward passes of this model: activations are extracted", .example = "MODEL" },
    [K_FRAMES] = { .name = "frames", .type = BT_OPT_U64, .off = AT(frames), .min = 1, .max = 65536, GIVEN(K_FRAMES), .help = "of a video", .example = "81" },
    [K_GENERATE] = { .name = "generate", .type = BT_OPT_CUSTOM, .parse = parse_kind,
        GIVEN(K_GENERATE), .metavar = "MODEL", .help = "text is made with this model, without a server", .example = "MODEL" },
    [K_LAYERS] = { .name = "layers", .type = BT_OPT_CUSTOM, .parse = parse_layers, .off = AT(kept_layers), GIVEN(K_LAYERS), .metavar = "N|LIST|all",
                   .help = "layers whose hidden states stay on the card", .example = "[10, 11, 12]" },
    [K_METHOD] = { .name = "method", .type = BT_OPT_ENUM, .off = AT(method), .choices = bt_job_methods, GIVEN(K_METHOD), .help = "what is trained",
        .example = "lora" },
    [K_OFFLOAD] = { .name = "offload", .type = BT_OPT_BOOL, .off = AT(offload),
        GIVEN(K_OFFLOAD), .help = "a pipeline's parts one at a time on the card (enable_model_cpu_offload)", .example = "true" },
    [K_OPTIMIZER] = { .name = "optimizer", .type = BT_OPT_ENUM, .off = AT(optimizer), .choices = bt_job_optimizers,
        GIVEN(K_OPTIMIZER), .help = "of training", .example = "adamw" },
    [K_PP] = { .name = "pp", .type = BT_OPT_U64, .off = AT(pp), .min = 1, .max = 4096, GIVEN(K_PP), .help = "stages that the layers are cut into",
        .example = "2" },
    [K_RANK] = { .name = "rank", .type = BT_OPT_U64, .off = AT(rank), .min = 1, .max = 65536, GIVEN(K_RANK), .help = "of the adapters", .example = "64" },
    [K_SIZE] = { .name = "size", .type = BT_OPT_CUSTOM, .parse = parse_size, GIVEN(K_SIZE), .metavar = "WxH", .help = "of the images", .example = "1024x1024" },
    [K_TOKENS] = { .name = "tokens", .type = BT_OPT_U64, .off = AT(tokens), .min = 1, .max = LONGEST,
        GIVEN(K_TOKENS), .help = "of one sequence; generation: prompt and answer", .example = "2048" },
    [K_TP] = { .name = "tp", .type = BT_OPT_U64, .off = AT(tp), .min = 1, .max = 4096, GIVEN(K_TP), .help = "Megatron: tensor parallel", .example = "2" },
    [K_TRAIN] = { .name = "train", .type = BT_OPT_CUSTOM, .parse = parse_kind, GIVEN(K_TRAIN), .metavar = "MODEL", .help = "this model is trained",
        .example = "MODEL" },
    [K_USERS] = { .name = "users", .type = BT_OPT_CUSTOM, .parse = parse_auto, .off = AT(users),
        GIVEN(K_USERS), .metavar = "N|auto", .help = "adapters trained at once; auto = as many as fit", .example = "4" },
    [K_ZERO] = { .name = "zero", .type = BT_OPT_U64, .off = AT(zero), .max = 3,
        GIVEN(K_ZERO), .help = "ZeRO stage: 1 optimizer, 2 gradients too, 3 weights too (FSDP)", .example = "2" },
    [K__N] = { 0 },
};

const struct bt_opt *bt_job_keys(void) { return keys; }

/* ---- what they say together ---- */

#define F(k) (1u << (k))
#define NO_IMAGES (F(BT_JOB_TRAIN) | F(BT_JOB_FORWARD) | F(BT_JOB_GENERATE))
static const unsigned forms_of[K__N] = {
    [K_BACKEND] = F(BT_JOB_TRAIN), [K_BATCH] = ~0u, [K_CHECKPOINTING] = F(BT_JOB_TRAIN), [K_DIFFUSION] = ~0u, [K_DISTRIBUTED] = F(BT_JOB_TRAIN),
    [K_DTYPE] = ~F(BT_JOB_TRAIN), [K_EAGER] = F(BT_JOB_TRAIN), [K_FORWARD] = ~0u, [K_FRAMES] = F(BT_JOB_DIFFUSION), [K_GENERATE] = ~0u,
    [K_LAYERS] = F(BT_JOB_FORWARD),
    [K_METHOD] = F(BT_JOB_TRAIN), [K_OFFLOAD] = F(BT_JOB_DIFFUSION), [K_OPTIMIZER] = F(BT_JOB_TRAIN), [K_PP] = NO_IMAGES, [K_RANK] = F(BT_JOB_TRAIN),
    [K_SIZE] = F(BT_JOB_DIFFUSION),
    [K_TOKENS] = NO_IMAGES, [K_TP] = F(BT_JOB_TRAIN), [K_TRAIN] = ~0u, [K_USERS] = F(BT_JOB_TRAIN), [K_ZERO] = F(BT_JOB_TRAIN),
};

static int blame(const char **key, int k, struct bt_err *err)
{
    if (key)
        *key = keys[k].name;
    return err->code ? -1 : bt_err_set(err, BT_E_SPEC, 0, "%s", keys[k].name);
}

static int check_train(const struct bt_job *j, const char **key, struct bt_err *err)
{
    bool megatron = j->backend == BT_BACKEND_MEGATRON, full = j->method == BT_METHOD_FULL;
    if (megatron && (j->method == BT_METHOD_QLORA || j->zero)) {
        bt_err_set(err, BT_E_SPEC, 0, "backend megatron has no %s", j->zero ? "ZeRO stages" : "qlora");
        bt_err_hint(err, "%s", j->zero ? "distributed_optimizer: true" : "method: lora, or backend: huggingface");
        return blame(key, j->zero ? K_ZERO : K_METHOD, err);
    }
    if (!megatron && (j->tp > 1 || j->pp > 1 || j->distributed_optimizer)) {
        bt_err_set(err, BT_E_SPEC, 0, "tp, pp and distributed_optimizer belong to backend: megatron");
        bt_err_hint(err, "zero: 1 to 3 cuts by GPUs in huggingface");
        return blame(key, j->tp > 1 ? K_TP : j->pp > 1 ? K_PP : K_DISTRIBUTED, err);
    }
    if (full && (j->rank || j->users > 1 || j->users_auto)) {
        bt_err_set(err, BT_E_SPEC, 0, "%s: adapters are trained with method: lora or qlora only", j->rank ? "rank" : "users");
        bt_err_hint(err, "method: lora");
        return blame(key, j->rank ? K_RANK : K_USERS, err);
    }
    if (j->batch_auto && j->users_auto) {
        bt_err_set(err, BT_E_SPEC, 0, "batch and users are both auto: either of them can fill the card");
        bt_err_hint(err, "give one of them a number");
        return blame(key, K_USERS, err);
    }
    return 0;
}

int bt_job_check(const struct bt_job *j, const char **key, struct bt_err *err)
{
    if (j->kind < 0 || j->kind >= BT_JOB__N)
        return bt_err_set(err, BT_E_SPEC, 0, "want exactly one of train, forward, generate, diffusion");
    for (int k = 0; k < K__N; k++)
        if (j->given[k] && !(forms_of[k] & F(j->kind))) {
            bt_auto_buf struct bt_buf b = BT_BUF(128);
            for (int f = 0; f < BT_JOB__N; f++)
                if (forms_of[k] & F(f))
                    bt_buf_printf(&b, "%s%s", b.n ? ", " : "", bt_job_kind_names[f]);
            bt_err_set(err, BT_E_SPEC, 0, "%s means nothing to %s: it belongs to %s", keys[k].name, bt_job_kind_names[j->kind], bt_buf_z(&b));
            bt_err_hint(err, "leave %s out", keys[k].name);
            return blame(key, k, err);
        }
    if (j->zero > 3) {
        bt_err_set(err, BT_E_SPEC, 0, "zero: %llu: the stages are 0 to 3", (unsigned long long)j->zero);
        return blame(key, K_ZERO, err);
    }
    return j->kind == BT_JOB_TRAIN ? check_train(j, key, err) : 0;
}

int bt_job_on(const struct bt_job *j, uint64_t cards, struct bt_job *out, struct bt_err *err)
{
    uint64_t tp = BT_MAX(j->tp, 1u), pp = BT_MAX(j->pp, 1u), one;
    *out = *j;
    if (!bt_mul_u64(tp, pp, &one) || !cards || cards % one) {
        bt_err_set(err, BT_E_SPEC, 0, "tp %llu x pp %llu on %llu GPU%s", (unsigned long long)tp, (unsigned long long)pp, (unsigned long long)cards,
                   cards == 1 ? "" : "s");
        return bt_err_hint(err, "gpus: a multiple of tp x pp");
    }
    out->gpus = cards / one;
    return 0;
}
