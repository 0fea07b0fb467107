/* What must hold of the model of speed whatever its constants are, over every card of the catalog: more work is never less time, more cards by NVLink never slow a
 * large model down, fewer bits never slow one stream of a dense model down, and a card that is better at everything is not slower. */
#include <math.h>

#include "need_help.h"

#include "pace/pace.h"

static const struct {
    const char *id;
    bool large, experts;             /* large: more cards pay for one stream */
} models[] = {
    { "meta-llama/Llama-3.2-1B", false, false }, { "meta-llama/Llama-3.1-8B", false, false },   { "Qwen/Qwen3-32B", true, false },
    { "Qwen/Qwen3.6-27B", true, false },         { "meta-llama/Llama-3.1-70B", true, false },   { "Qwen/Qwen3-30B-A3B", false, true },
    { "openai/gpt-oss-120b", false, true },      { "deepseek-ai/DeepSeek-V3", true, true },     { "google/gemma-3-12b-it", false, false },
    { "google/gemma-4-E4B-it", false, false },
};
static const char *const engines[] = { "vllm", "sglang", "llama.cpp", "tensorrt-llm", "transformers" };

struct ask {
    const struct bt_model *m;
    const struct bt_gpu_kind *k;
    const char *engine, *version, *quantization;
    uint64_t tp, streams, context, prompt, answer;
    bool nvlink;
    const struct bt_pace_weight *weight;     /* NULL = of the model */
};

static struct bt_pace pace(const struct ask *q)
{
    struct bt_gpu g = { .uuid = "virtual-0", .name = q->k->nvml_name, .kind = q->k, .pci = "", .cc_major = q->k->cc_major, .island = -1 };
    struct bt_pace_in in = { .model = q->m,
                             .weight = q->weight,
                             .engine_name = q->engine,
                             .engine_version = q->version,
                             .card = &g,
                             .tp = q->tp,
                             .streams = q->streams,
                             .context = q->context,
                             .quantization = q->quantization,
                             .prompt = q->prompt,
                             .answer = q->answer,
                             .nvlink = q->nvlink };
    struct bt_pace p;
    bt_pace_decode(&in, &p);
    return p;
}

static size_t bad;

static void not_less(double more, double less, const struct ask *q, const char *what)
{
    if (more >= less * (1 - 1e-9))
        return;
    bad++;
    if (bad <= 20)
        print_error("%s on %s with %s %s, TP%llu x%llu, %llu tokens: %s: %.3f, and %.3f before\n", q->m->id, q->k->key, q->engine, q->quantization ? q->quantization : "",
                    (unsigned long long)q->tp, (unsigned long long)q->streams, (unsigned long long)q->context, what, more, less);
}

typedef void (*check)(struct ask *q, size_t model);

/* Every model with every engine on every card whose bandwidth the catalog has. */
static void all(check c)
{
    bt_auto_arena a = { 0 };
    const struct bt_gpu_kind *kinds;
    size_t n = bt_gpu_kinds(&kinds), asked = 0;
    bad = 0;
    for (size_t m = 0; m < BT_LEN(models); m++) {
        const struct bt_model *model = model_of(&a, models[m].id);
        for (size_t k = 0; k < n; k++)
            for (size_t e = 0; kinds[k].mem_gbs > 0 && e < BT_LEN(engines); e++) {
                struct ask q = { .m = model, .k = &kinds[k], .engine = engines[e], .tp = 1, .streams = 1, .context = 1024 };
                assert_true(pace(&q).known);
                c(&q, m);
                asked++;
            }
    }
    assert_true(asked > 2000);
    assert_int_equal(bad, 0);
}

static void longer_contexts(struct ask *q, size_t m)
{
    (void)m;
    double before = 1e30;
    for (q->context = 1; q->context <= 131072; q->context *= 4) {
        struct bt_pace p = pace(q);
        not_less(before, p.decode_tok_s, q, "a longer context is faster");
        before = p.decode_tok_s;
        assert_true(p.decode_tok_s <= p.ceiling_tok_s * 1.005);      /* FP8 on Ada reads at 0.93 x 1.08 of the bandwidth: both are fitted */
        assert_true(p.decode_tok_s > 0 && p.weights_ms > 0 && p.kv_ms >= 0 && p.layers_ms >= 0);
    }
}

static void more_streams(struct ask *q, size_t m)
{
    (void)m;
    for (q->tp = 1; q->tp <= 8; q->tp *= 2)
        for (int load = 0; load < 2; load++) {
            struct bt_pace before = { .decode_tok_s = 1e30 };
            q->prompt = load ? 1024 : 0;
            q->answer = load ? 256 : 0;
            for (q->streams = load ? 2 : 1; q->streams <= 256; q->streams *= 2) {       /* no other's prompt is read in beside a single stream */
                struct bt_pace p = pace(q);
                not_less(p.total_tok_s, before.total_tok_s * 0.99, q, "more streams give less in total");       /* all-reduces: straight lines by log of the size */
                not_less(before.decode_tok_s, p.decode_tok_s, q, "more streams are each faster");
                before = p;
            }
        }
}

static void more_cards(struct ask *q, size_t m)
{
    if (!q->k->nvlink_mesh || !models[m].large || !strcmp(q->engine, "transformers"))
        return;
    q->nvlink = true;
    double before = 0;
    for (q->tp = 1; q->tp <= 8; q->tp *= 2) {
        double now = pace(q).decode_tok_s;
        not_less(now, before, q, "more cards by NVLink are slower");
        before = now;
    }
}

static void fewer_bits(struct ask *q, size_t m)
{
    static const char *const server[] = { "bf16", "fp8", "awq" }, *const server_int[] = { "bf16", "int8", "gptq" }, *const llama[] = { "bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m" };
    if (models[m].experts)           /* what a layer of experts launches hangs on the format: a small one is slower in 8 bits than in 16 */
        return;
    bool gguf = !strcmp(q->engine, "llama.cpp");
    for (int ints = 0; ints < 2 - gguf; ints++) {
        double before = 0;
        for (size_t i = 0; i < (gguf ? BT_LEN(llama) : BT_LEN(server)); i++) {
            q->quantization = gguf ? llama[i] : ints ? server_int[i] : server[i];
            double now = pace(q).decode_tok_s;
            not_less(now, before, q, "fewer bits are slower");
            before = now;
        }
    }
}

/* What is left of a card's bandwidth where its memory holds the check bits of ECC as well: boards of data centres with GDDR6. */
static double left_gbs(const struct bt_gpu_kind *k)
{
    bool gddr6 = k->eff_class && (!strcmp(k->eff_class, "gddr_ampere") || !strcmp(k->eff_class, "gddr_ada"));
    return k->mem_gbs * (gddr6 && !strstr(k->nvml_name, "GeForce") && !strstr(k->nvml_name, "RTX") ? 15.0 / 16 : 1);
}

static void newer_versions(struct ask *q, size_t m)
{
    static const char *const vllm[] = { "0.2.6", "0.6.3", "0.7.3", "0.10.0", "0.12.0", "0.32.0" }, *const sglang[] = { "0.4.6", "0.5.6" }, *const llama[] = { "2024-05", "b6000" },
        *const trt[] = { "0.12.0", "1.0.0", "1.2.0" };
    bool t = !strcmp(q->engine, "tensorrt-llm"), v = !strcmp(q->engine, "vllm"), s = !strcmp(q->engine, "sglang"), l = !strcmp(q->engine, "llama.cpp");
    const char *const *versions = v ? vllm : s ? sglang : t ? trt : llama;
    double before = 0;
    (void)m;
    for (size_t i = 0; i < (v ? BT_LEN(vllm) : s ? BT_LEN(sglang) : l ? BT_LEN(llama) : t ? BT_LEN(trt) : 0); i++) {
        q->version = versions[i];
        double now = pace(q).decode_tok_s;
        /* llama.cpp: rows of 2024 are of llama-bench, which has no server's host beside it. vLLM: its golden row counts no ECC, the one of 0.15 does. */
        not_less(now, before * (l ? 0.8 : v ? left_gbs(q->k) / q->k->mem_gbs : 1), q, q->version);
        before = now;
    }
}

/* The same class of card, at least as good at everything, not slower. With ECC or without: vLLM's row of 0.12, which the golden rows are of, knows none. */
static bool is_better(const struct bt_gpu_kind *o, const struct bt_gpu_kind *k)
{
    return o->mem_gbs >= k->mem_gbs && left_gbs(o) >= left_gbs(k) && o->fp16_tflops >= k->fp16_tflops && o->fp8_tflops >= k->fp8_tflops &&
           o->fp32_tflops >= k->fp32_tflops;
}

static void better_cards(struct ask *q)
{
    const struct bt_gpu_kind *kinds, *k = q->k;
    size_t n = bt_gpu_kinds(&kinds);
    struct bt_pace here = pace(q);
    for (size_t i = 0; i < n; i++) {
        const struct bt_gpu_kind *o = &kinds[i];
        bool better = is_better(o, k);
        if (!better || !o->eff_class || !k->eff_class || strcmp(o->eff_class, k->eff_class) != 0 || o->cc_major != k->cc_major)
            continue;
        struct ask other = *q;
        other.k = o;
        not_less(pace(&other).decode_tok_s, here.decode_tok_s, &other, k->key);
    }
}

static struct bt_pace_in asked(const struct ask *q, const struct bt_gpu *g)
{
    return (struct bt_pace_in){
        .model = q->m, .engine_name = q->engine, .engine_version = q->version, .card = g, .tp = q->tp, .prompt = q->prompt, .nvlink = q->nvlink
    };
}

static void first_tokens_and_loads(struct ask *q, size_t m)
{
    (void)m;
    struct bt_gpu g = { .uuid = "virtual-0", .name = q->k->nvml_name, .kind = q->k, .pci = "", .cc_major = q->k->cc_major, .island = -1 };
    double before = 0;
    for (q->prompt = 1; q->prompt <= 131072; q->prompt *= 4) {
        struct bt_pace_in in = asked(q, &g);
        struct bt_pace_first f;
        bt_pace_first(&in, &f);
        not_less(f.seconds, before, q, "a longer prompt is read in earlier");
        before = f.seconds;
    }
    double slowest = 1e30;
    for (q->tp = 1; q->tp <= 8; q->tp *= 2) {
        struct bt_pace_in in = asked(q, &g);
        struct bt_pace_load l;
        bt_pace_load(&in, &l);
        not_less(slowest, l.seconds[BT_LOAD_NVME], q, "more ranks load later");
        not_less(l.seconds[BT_LOAD_NETWORK], l.seconds[BT_LOAD_NVME], q, "the network is faster than a drive");
        not_less(l.seconds[BT_LOAD_NVME], l.seconds[BT_LOAD_CACHE], q, "a drive is faster than the page cache");
        not_less(l.cold_s, l.warm_s, q, "a cold start is faster");
        slowest = l.seconds[BT_LOAD_NVME];
    }
}

static void a_longer_context_is_not_faster(void **st) { (void)st; all(longer_contexts); }
static void more_streams_give_more_and_each_less(void **st) { (void)st; all(more_streams); }
static void more_cards_by_nvlink_are_not_slower(void **st) { (void)st; all(more_cards); }
static void fewer_bits_are_not_slower(void **st) { (void)st; all(fewer_bits); }
static void newer_versions_are_not_slower(void **st) { (void)st; all(newer_versions); }

typedef void (*check_of_one)(struct ask *q);

/* Every built-in model on every card, with two engines in turn, so that each model meets all of them on some card. */
static void every_model(check_of_one c)
{
    bt_auto_arena a = { 0 };
    const struct bt_gpu_kind *kinds;
    size_t n = bt_gpu_kinds(&kinds), turn = 0, asked = 0;
    bad = 0;
    for (const char *const *id = bt_model_builtin(); *id; id++) {
        const struct bt_model *m = model_of(&a, *id);
        struct bt_pace_weight w[BT_LEN(engines)];
        bool known = true;
        for (size_t e = 0; e < BT_LEN(engines); e++)
            known = bt_pace_weigh(m, NULL, 0, engines[e], &w[e]) && known;
        for (size_t k = 0; known && k < 2 * n; k++) {
            size_t e = turn++ % BT_LEN(engines);
            struct ask q = { .m = m, .k = &kinds[k % n], .weight = &w[e], .engine = engines[e], .tp = 1, .streams = 1, .context = 1024 };
            if (kinds[k % n].mem_gbs > 0) {
                c(&q);
                asked++;
            }
        }
    }
    assert_true(asked > 10000);
    assert_int_equal(bad, 0);
}

static void a_better_card_is_not_slower(void **st) { (void)st; every_model(better_cards); }

/* Ranks that reach each other by NVLink are not slower than the same ranks over PCIe, with a driver that lets cards speak to each other or without; more ranks never read more each; an
 * all-reduce of more bytes is not faster. */
static void links(struct ask *q)
{
    struct bt_gpu g = { .uuid = "virtual-0", .name = q->k->nvml_name, .kind = q->k, .pci = "", .cc_major = q->k->cc_major, .island = -1 };
    double read = 1e30;
    for (uint64_t tp = 1; tp <= 8; tp *= 2) {
        double sum = 0;
        for (uint64_t streams = 1; streams <= 4096; streams *= 64) {
            struct bt_pace p[3];
            for (int i = 0; i < 3; i++) {
                struct bt_pace_in in = { .model = q->m, .weight = q->weight, .engine_name = q->engine, .card = &g, .tp = tp, .context = 1024, .streams = streams, .nvlink = !i, .p2p = i == 1 ? BT_P2P_YES : BT_P2P_NO,
                                         .prompt = 512, .answer = 128 };
                bt_pace_decode(&in, &p[i]);
            }
            q->tp = tp;
            q->streams = streams;
            not_less(p[1].step_ms, p[0].step_ms, q, "PCIe is faster than NVLink");
            not_less(p[2].step_ms, p[1].step_ms, q, "PCIe through the host is faster than from card to card");
            not_less(p[0].allreduce_ms, sum, q, "an all-reduce of more bytes is faster");
            not_less(read, streams == 1 ? p[0].read_bytes : 0, q, "more ranks read more each");
            sum = p[0].allreduce_ms;
            read = streams == 1 ? p[0].read_bytes : read;
        }
    }
}
static void links_keep_their_order(void **st) { (void)st; every_model(links); }

/* First tokens, loads and drafts of every model on every card: numbers, and none that is 0 or less. */
static void all_else(struct ask *q)
{
    struct bt_gpu g = { .uuid = "virtual-0", .name = q->k->nvml_name, .kind = q->k, .pci = "", .cc_major = q->k->cc_major, .island = -1 };
    struct bt_pace_in in = { .model = q->m, .weight = q->weight, .engine_name = q->engine, .card = &g, .tp = 1, .context = 4096, .streams = 1 };
    struct bt_pace_load l;
    bt_pace_load(&in, &l);
    for (int i = 0; i < BT_LOAD__N; i++)
        not_less(isfinite(l.seconds[i]) && l.seconds[i] > 0, 1, q, "a load takes no time");
    for (in.prompt = 1; in.prompt <= 1000000; in.prompt *= 1000) {
        struct bt_pace_first f;
        bt_pace_first(&in, &f);
        not_less(!f.known || (isfinite(f.seconds) && f.seconds > 0), 1, q, "a first token takes no time");
    }
    for (int kind = BT_DRAFT_NGRAM; kind < BT_DRAFT_MODEL; kind++)
        for (uint32_t tokens = 1; tokens <= 8; tokens += 7) {
            struct bt_pace_draft d = { .kind = (enum bt_pace_drafter)kind, .tokens = tokens };
            struct bt_pace_drafted r;
            bt_pace_drafted(&in, &d, &r);
            not_less(!r.known || (isfinite(r.gain) && r.gain > 0 && r.gain <= tokens + 1), 1, q, "drafts give more than they guess");
        }
}
static void all_else_is_a_number(void **st) { (void)st; every_model(all_else); }
static void first_tokens_and_loads_grow(void **st) { (void)st; all(first_tokens_and_loads); }

/* Of reading prompts: what is so of decoding. */
static void prompts_keep_their_order(struct ask *q, size_t m)
{
    (void)m;
    struct bt_pace_weight weight;
    assert_true(bt_pace_weigh(q->m, NULL, 0, q->engine, &weight));
    q->weight = &weight;
    static const char *const fewer[] = { "bf16", "fp8", "int8", "awq" };
    const struct bt_gpu_kind *kinds, *k = q->k;
    size_t n = bt_gpu_kinds(&kinds);
    struct bt_gpu g = { .uuid = "virtual-0", .name = k->nvml_name, .kind = k, .pci = "", .cc_major = k->cc_major, .island = -1 };
    for (q->prompt = 16; q->prompt <= 65536; q->prompt *= 16) {
        struct bt_pace_first here, f;
        struct bt_pace_in in = { .model = q->m, .weight = q->weight, .engine_name = q->engine, .card = &g, .tp = 1, .prompt = q->prompt, .context = q->prompt, .streams = 1 };
        bt_pace_first(&in, &here);
        if (!here.known)
            continue;
        double peak = BT_MAX(BT_MAX(k->fp16_tflops, k->fp8_tflops), BT_MAX(2 * k->fp8_tflops, k->fp32_tflops)) * 1e12;
        not_less(here.seconds, bt_pace_step_bytes(q->weight, 1) / (k->mem_gbs * 1e9), q, "a prompt is read in before the weights are");
        not_less(here.seconds, 2 * q->weight->params * (double)q->prompt / peak, q, "a prompt is multiplied faster than the card can");
        struct bt_pace p;
        struct bt_pace_in step = in;
        step.prompt = 0;
        bt_pace_decode(&step, &p);
        if (q->prompt > 16)                      /* SGLang 0.5 reads prompts of experts in outside of graphs: 1.8 ms a layer, of 16 tokens as well */
            not_less(p.step_ms / 1e3 * (double)q->prompt, here.seconds, q, "token by token is faster");
        for (size_t i = 0; i < n; i++) {         /* another card */
            const struct bt_gpu_kind *o = &kinds[i];
            bool better = is_better(o, k);
            bool apart = !strstr(k->nvml_name, "GeForce") != !strstr(o->nvml_name, "GeForce"); /* their rates are of other sums, and boards have less power */
            if (!better || apart || !o->eff_class || !k->eff_class || strcmp(o->eff_class, k->eff_class) != 0 || o->cc_major != k->cc_major)
                continue;
            struct bt_gpu other = { .uuid = "virtual-0", .name = o->nvml_name, .kind = o, .pci = "", .cc_major = o->cc_major, .island = -1 };
            in.card = &other;
            bt_pace_first(&in, &f);
            not_less(here.seconds, f.known ? f.seconds : 0, q, o->key);
        }
        in.card = &g;
        for (in.tenants = 1; in.tenants <= 2; in.tenants++) { /* beside another process */
            bt_pace_first(&in, &f);
            not_less(f.seconds, here.seconds, q, "a card of two is faster");
        }
        in.tenants = 1;
        double before = here.seconds;
        for (in.tp = 2; in.tp <= 8 && q->prompt >= 4096; in.tp *= 2) { /* more cards */
            double by[3];
            for (int i = 0; i < 3; i++) {
                in.nvlink = !i;
                in.p2p = i == 1 ? BT_P2P_YES : BT_P2P_NO;
                bt_pace_first(&in, &f);
                by[i] = f.seconds;
            }
            q->tp = in.tp;
            not_less(by[1], by[0], q, "a prompt over PCIe is read in before one over NVLink");
            not_less(by[2], by[1], q, "a prompt through the host is read in before one from card to card");
            if (k->nvlink_mesh && q->weight->params > 2e10) /* where launches decide, links come on top */
                not_less(before * 1.12, by[0], q, "more cards by NVLink read a prompt in later");
            before = by[0];
        }
        q->tp = in.tp = 1;
        in.nvlink = false;
        in.weight = NULL;
        for (size_t i = 0; i < BT_LEN(fewer) && q->prompt == 4096 && weight.kernel == BT_KERNEL_PLAIN; i++) { /* bits: the weights in 16 are multiplied in 16 */
            in.quantization = fewer[i];
            bt_pace_first(&in, &f);
            double read = f.known ? f.seconds - f.floor_s : 0; /* the floor of SGLang has a step of decode: experts of fewer bits launch more there */
            before = i ? before : read;
            not_less(before * 1.0001, read, q, fewer[i]);
        }
    }
}
static void prompts_are_read_in_order(void **st) { (void)st; all(prompts_keep_their_order); }

/* Models of one kind: a larger one is not decoded, nor read in, nor loaded earlier; nor with more bits. */
static void larger_models_are_not_faster(void **st)
{
    (void)st;
    static const char *const families[][8] = {
        { "Qwen/Qwen3-0.6B", "Qwen/Qwen3-1.7B", "Qwen/Qwen3-4B", "Qwen/Qwen3-8B", "Qwen/Qwen3-14B", "Qwen/Qwen3-32B" },
        { "Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-1.5B", "Qwen/Qwen2.5-3B", "Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-14B", "Qwen/Qwen2.5-32B", "Qwen/Qwen2.5-72B" },
        { "meta-llama/Llama-3.2-1B", "meta-llama/Llama-3.2-3B", "meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-70B", "meta-llama/Llama-3.1-405B" },
        { "google/gemma-3-4b-it", "google/gemma-3-12b-it", "google/gemma-3-27b-it" },
        { "openai/gpt-oss-20b", "openai/gpt-oss-120b" }, { "Qwen/Qwen3-30B-A3B", "Qwen/Qwen3-235B-A22B" },
    };
    static const char *const bits[] = { NULL, "fp8", "awq" };
    bt_auto_arena a = { 0 };
    const struct bt_gpu_kind *kinds;
    size_t n = bt_gpu_kinds(&kinds), asked = 0;
    bad = 0;
    for (size_t f = 0; f < BT_LEN(families); f++) {
        const struct bt_model *family[8] = { NULL };
        for (size_t i = 0; i < BT_LEN(family) && families[f][i]; i++)
            family[i] = model_of(&a, families[f][i]);
        for (size_t k = 0; k < n; k++)
            for (size_t way = 0; kinds[k].mem_gbs > 0 && way < BT_LEN(engines) * BT_LEN(bits) * 2; way++) {
                double step = 0, first = 0, load = 0;
                for (size_t i = 0; i < BT_LEN(family) && family[i]; i++) {
                    struct ask q = { .m = family[i], .k = &kinds[k], .engine = engines[way % BT_LEN(engines)], .quantization = bits[way / BT_LEN(engines) % BT_LEN(bits)],
                                     .tp = 1, .streams = way < BT_LEN(engines) * BT_LEN(bits) ? 1 : 32, .context = 2048 };
                    struct bt_gpu g = { .uuid = "virtual-0", .name = q.k->nvml_name, .kind = q.k, .pci = "", .cc_major = q.k->cc_major, .island = -1 };
                    struct bt_pace_in in = { .model = q.m, .engine_name = q.engine, .card = &g, .tp = 1, .context = q.context, .prompt = 2048, .streams = q.streams, .quantization = q.quantization };
                    struct bt_pace_first r;
                    struct bt_pace_load l;
                    double now = pace(&q).step_ms;
                    bool deeper = i && family[i]->layers < family[i - 1]->layers; /* launches may decide: Qwen2.5-3B has 36 layers, 7B 28 */
                    not_less(now, deeper && !strcmp(q.engine, "transformers") ? 0 : step, &q, "a larger model is faster");
                    bt_pace_first(&in, &r);
                    not_less(r.known ? r.seconds : first, deeper ? 0 : first, &q, "a larger model reads a prompt in earlier");
                    bt_pace_load(&in, &l);
                    not_less(l.seconds[BT_LOAD_NVME], load, &q, "a larger model is loaded earlier");
                    step = now;
                    first = r.seconds;
                    load = l.seconds[BT_LOAD_NVME];
                    in.quantization = "awq";
                    bt_pace_load(&in, &l);
                    not_less(load, l.seconds[BT_LOAD_NVME], &q, "fewer bits are loaded later");
                    asked++;
                }
            }
    }
    assert_true(asked > 10000);
    assert_int_equal(bad, 0);
}

/* Every built-in model on every card, in the formats that engines serve: a number between nothing and the ceiling, with or without load.
 * A third of the cards at a time, others for each model and format. */
static void every_model_on_every_card(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    static const struct {
        const char *engine, *quantization;
    } ways[] = { { "vllm", NULL }, { "vllm", "fp8" }, { "vllm", "awq" }, { "sglang", "nvfp4" }, { "llama.cpp", "q8_0" }, { "llama.cpp", "q4_k_m" }, { "exllamav2", "exl2" } };
    static const struct {
        uint64_t tp, streams, context, prompt, answer;
    } loads[] = { { 1, 1, 1, 0, 0 }, { 1, 1, 131072, 4096, 128 }, { 1, 256, 2048, 1024, 256 }, { 2, 8, 4096, 0, 0 }, { 8, 1, 1024, 0, 0 }, { 8, 512, 16384, 8192, 64 } };
    const struct bt_gpu_kind *kinds;
    size_t n = bt_gpu_kinds(&kinds), asked = 0, unknown = 0, wrong = 0, turn = 0;
    for (const char *const *id = bt_model_builtin(); *id; id++) {
        const struct bt_model *m = model_of(&a, *id);
        for (size_t w = 0; w < BT_LEN(ways); w++) {
            struct bt_pace_weight weight;
            if (!bt_pace_weigh(m, ways[w].quantization, 0, ways[w].engine, &weight)) {
                unknown++;
                continue;
            }
            for (size_t k = turn++ % 3; k < n; k += 3)
                for (size_t l = 0; kinds[k].mem_gbs > 0 && l < BT_LEN(loads); l++) {
                    struct bt_gpu g = { .uuid = "virtual-0", .name = kinds[k].nvml_name, .kind = &kinds[k], .pci = "", .cc_major = kinds[k].cc_major, .island = -1 };
                    struct bt_pace_in in = { .model = m, .weight = &weight, .engine_name = ways[w].engine, .card = &g, .tp = loads[l].tp, .streams = loads[l].streams,
                                             .context = loads[l].context, .quantization = ways[w].quantization, .prompt = loads[l].prompt, .answer = loads[l].answer,
                                             .nvlink = kinds[k].nvlink_mesh };
                    struct bt_pace p;
                    bt_pace_decode(&in, &p);
                    asked++;
                    bool sane = p.known && isfinite(p.decode_tok_s) && p.decode_tok_s > 0 && isfinite(p.total_tok_s) && p.total_tok_s >= p.decode_tok_s * (1 - 1e-9) &&
                                p.decode_tok_s <= p.ceiling_tok_s * 1.005 && p.error_share > 0 && p.error_share <= 0.5;
                    if (!sane && wrong++ < 10)
                        print_error("%s %s on %s with %s, TP%llu x%llu: %g tok/s of one stream, %g of all, ceiling %g, error %g\n", *id,
                                    ways[w].quantization ? ways[w].quantization : "", kinds[k].key, ways[w].engine, (unsigned long long)loads[l].tp,
                                    (unsigned long long)loads[l].streams, p.decode_tok_s, p.total_tok_s, p.ceiling_tok_s, p.error_share);
                }
        }
    }
    print_message("%zu asked, %zu models in a format without tensors\n", asked, unknown);
    assert_true(asked > 100000);
    assert_int_equal(wrong, 0);
}

/* What is printed beside a rate is what most measured rows of the kind are inside of. */
static void errors_are_those_of_the_kind(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    static const struct {
        const char *model, *card;
        struct ask q;
        double share;
    } rows[] = {
        { "Qwen/Qwen3-8B", "h100-sxm", { .engine = "vllm" }, 0.1 },
        { "meta-llama/Llama-3.1-70B", "h100-sxm", { .engine = "vllm", .tp = 4, .streams = 8, .nvlink = true }, 0.1 },
        { "Qwen/Qwen3-8B", "h100-sxm", { .engine = "vllm", .streams = 16 }, 0.3 },
        { "meta-llama/Llama-3.1-70B", "l40s", { .engine = "vllm", .tp = 4 }, 0.2 },      /* PCIe */
        { "Qwen/Qwen3-8B", "mi300x", { .engine = "vllm" }, 0.2 },                        /* two rows of that class */
        { "Qwen/Qwen3-30B-A3B", "h100-sxm", { .engine = "vllm" }, 0.2 },                 /* experts */
        { "Qwen/Qwen2.5-0.5B", "h100-sxm", { .engine = "vllm" }, 0.2 },                  /* the host decides */
        { "openai/gpt-oss-120b", "a100-sxm4-80", { .engine = "vllm" }, 0.2 },
        { "openai/gpt-oss-120b", "a100-sxm4-80", { .engine = "vllm", .version = "0.11.0" }, 0.2 },
        { "openai/gpt-oss-120b", "a100-sxm4-80", { .engine = "vllm", .version = "0.10.2" }, 0.5 },
        { "openai/gpt-oss-120b", "a100-sxm4-80", { .engine = "sglang" }, 0.5 },
        { "zai-org/GLM-4.7-Flash", "b200", { .engine = "sglang" }, 0.5 },
        { "deepseek-ai/DeepSeek-V3", "h200-sxm", { .engine = "sglang", .tp = 8, .nvlink = true }, 0.3 },                /* a latent */
        { "meta-llama/Llama-3.1-70B", "mi300x", { .engine = "vllm", .version = "0.6.3", .tp = 8, .nvlink = true }, 0.5 },     /* launched kernel by kernel by some builds */
        { "Qwen/Qwen3.6-27B", "mi100", { .engine = "vllm", .quantization = "gptq", .tp = 4, .nvlink = true }, 0.5 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct ask q = rows[i].q;
        q.m = model_of(&a, rows[i].model);
        q.k = bt_gpu_kind_find(rows[i].card);
        q.context = 1024;
        assert_near(pace(&q).error_share, rows[i].share, 1e-9);
    }
}

/* Without graphs the host launches while the card computes: the longer of both. Measured on one A100: 7B 24.8 ms, where launches decide, and 32B 57.0. */
static void eager_engines_launch_ahead(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    static const struct {
        const char *model;
        double step_ms, layers;
    } rows[] = { { "Qwen/Qwen2.5-0.5B", 21.1, 24 }, { "Qwen/Qwen2.5-7B", 24.8, 28 }, { "Qwen/Qwen2.5-14B", 40.4, 48 }, { "Qwen/Qwen2.5-32B", 57.0, 64 } };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct ask q = { .m = model_of(&a, rows[i].model), .k = bt_gpu_kind_find("a100-sxm4-80"), .engine = "transformers", .tp = 1, .context = 1 };
        struct bt_pace p = pace(&q);
        assert_near(p.step_ms, rows[i].layers * 0.75, 0.01);
        assert_near(p.step_ms / rows[i].step_ms, 1, 0.25);
        q.context = 100000000; /* and where the card has more to do than the host, launches are hidden */
        assert_near(pace(&q).layers_ms, 0, 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_longer_context_is_not_faster),      cmocka_unit_test(more_streams_give_more_and_each_less),
        cmocka_unit_test(more_cards_by_nvlink_are_not_slower), cmocka_unit_test(fewer_bits_are_not_slower),
        cmocka_unit_test(newer_versions_are_not_slower),       cmocka_unit_test(a_better_card_is_not_slower),
        cmocka_unit_test(first_tokens_and_loads_grow),
        cmocka_unit_test(prompts_are_read_in_order),
        cmocka_unit_test(larger_models_are_not_faster),         cmocka_unit_test(errors_are_those_of_the_kind),
        cmocka_unit_test(eager_engines_launch_ahead),          cmocka_unit_test(every_model_on_every_card),
        cmocka_unit_test(links_keep_their_order),              cmocka_unit_test(all_else_is_a_number),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}
