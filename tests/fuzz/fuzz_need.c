/* fuzz_need.c - a config.json from the internet, through the tensors it implies, to the ledger and its KV arithmetic. */
#include "need/fit.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* The same model on SGLang, and with vLLM on the CPU: other ledgers, the same promises. */
static void elsewhere(struct bt_arena *a, const struct bt_model *m, const struct bt_serve *s, const struct bt_gpu *card);

static void check(const struct bt_need *need)
{
    for (size_t i = 0; i < need->nranks; i++) {
        const struct bt_need_rank *r = &need->rank[i];
        if (!r->ngroups || !r->kv_block_bytes || r->fixed_bytes > BT_NEED_CAP || r->budget_bytes > r->fixed_bytes)
            abort();
        uint64_t longest = bt_need_longest(need, r, 8 * GiB);
        if (bt_need_kv_for(need, r, 4096, 2) < bt_need_kv_for(need, r, 4096, 1) || (longest && bt_need_kv_for(need, r, longest, 1) > 8 * GiB))
            abort();
    }
}

static void elsewhere(struct bt_arena *a, const struct bt_model *m, const struct bt_serve *s, const struct bt_gpu *card)
{
    const struct bt_engine *sglang = bt_engine_find("sglang"), *vllm = bt_engine_find("vllm");
    struct bt_gpu host = { .uuid = "cpu", .name = "host RAM", .pci = "", .total_bytes = 80 * GiB, .island = -1 };
    struct bt_serve planned = *s, one = *s;
    struct bt_err err = { 0 };
    struct bt_need *need;
    sglang->planned(3, &planned);
    if (bt_need_server(a, m, sglang, &sglang->versions[0], &planned, card, &need, &err) == 0) {
        check(need);
        for (size_t i = 0; i < need->nranks; i++)
            if (!(bt_need_share(need, &need->rank[i], GiB, card->total_bytes, card->total_bytes) > 0))
                abort();
    }
    one.tp = one.pp = 1;
    if (bt_need_server(a, m, vllm, &vllm->versions[vllm->nversions - 1], &one, &host, &need, &err) == 0)
        check(need);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const char *const drafts[] = { "--speculative-config={\"num_speculative_tokens\": 2}", "--decode-context-parallel-size", "2" };
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_model m = { .id = "fuzz" };
    struct bt_gpu card = { .uuid = "virtual-0", .name = "card", .pci = "", .total_bytes = 80 * GiB, .cc_major = 9, .island = -1 };
    const struct bt_engine *vllm = bt_engine_find("vllm");
    if (n < 2)
        return 0;
    if (bt_model_config(&a, "fuzz", (struct bt_str){ (const char *)p + 1, n - 1 }, &m, &err) < 0 || bt_model_derive(&a, &m, &err) < 0)
        return 0;
    struct bt_serve s = { .tp = 1u << (p[0] & 3), .pp = 1 + (p[0] >> 2 & 1), .expert_parallel = p[0] >> 3 & 1, .lora = p[0] >> 4 & 1 };
    if (p[0] & 64)
        s.extra = (struct bt_strs){ (const char **)drafts, 3 };
    const struct bt_engine_version *v = &vllm->versions[(p[0] >> 5) * 3 % vllm->nversions];
    struct bt_fit_case c = { .model = &m, .engine = vllm, .version = v, .card = &card };
    struct bt_need *need;
    struct bt_fit *fit;
    if (bt_need_server(&a, &m, vllm, v, &s, &card, &need, &err) == 0)
        check(need);
    elsewhere(&a, &m, &s, &card);
    if (bt_fit_server(&a, &c, &s, &fit, &err) == 0 && fit->fits != (fit->nrefusals == 0))
        abort();
    return 0;
}
