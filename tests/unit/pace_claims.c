/* Claims of speed, as people write them: read word by word, and held against what the cards can read. */
#include "need_help.h"

#include "pace/pace.h"

static void refused(const char *text, const char *says)
{
    bt_auto_arena a = { 0 };
    struct bt_claim c;
    struct bt_err err = { 0 };
    assert_int_equal(bt_claim_parse(&a, bt_str(text), &c, &err), -1);
    assert_int_equal(err.code, BT_E_USAGE);
    if (!strstr(err.msg, says))
        fail_msg("\"%s\": %s", text, err.msg);
}

static struct bt_claim parsed(struct bt_arena *a, const char *text)
{
    struct bt_claim c;
    struct bt_err err = { 0 };
    if (bt_claim_parse(a, bt_str(text), &c, &err) < 0)
        fail_msg("\"%s\": %s", text, err.msg);
    return c;
}

static void claims_are_read(void **st)
{
    (void)st;
    static const struct {
        const char *text, *model, *card, *quantization, *engine, *version;
        uint64_t cards, tp, pp, streams, context;
        double tok_s;
    } rows[] = {
        { "Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s", "Qwen2.5-32B", "a100-sxm4-40", "bf16", NULL, NULL, 4, 4, 1, 1, 0, 85 },
        { "85tok/s with Qwen2.5 32B on 4 x A100-40GB", "Qwen2.5-32B", "a100-sxm4-40", NULL, NULL, NULL, 4, 4, 1, 1, 0, 85 },
        { "Qwen3.6-35B-A3B UD-Q4_K_M, RTX 5090, tg128 = 270.97", "Qwen3.6-35B-A3B", "rtx5090", "UD-Q4_K_M", "llama.cpp", NULL, 1, 1, 1, 1, 0, 270.97 },
        { "85tok/s, Qwen2.5 32B, 4 A100-40GB tp=4", "Qwen2.5-32B", "a100-sxm4-40", NULL, NULL, NULL, 4, 4, 1, 1, 0, 85 },
        { "Llama-3.1-8B fp8 on 2x RTX 4090 vllm 0.11.0 batch 16 ctx=4k TP2 900 tokens/s", "Llama-3.1-8B", "rtx4090", "fp8", "vllm", "0.11.0", 2, 2, 1,
          16, 4000, 900 },
        { "TP2xPP2 H100 Llama-3.1-70B 30 t/s", "Llama-3.1-70B", "h100-sxm", NULL, NULL, NULL, 4, 2, 2, 1, 0, 30 },
        { "Llama-3.1-70B, 8xH200, 32 streams, 1200.5 tps", "Llama-3.1-70B", "h200-sxm", NULL, NULL, NULL, 8, 8, 1, 32, 0, 1200.5 },
        { "Llama-3.1-8B, A100, llama.cpp, q4_k_m, 120 tok/s", "Llama-3.1-8B", "a100-sxm4-80", "q4_k_m", "llama.cpp", NULL, 1, 1, 1, 1, 0, 120 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c = parsed(&a, rows[i].text);
        assert_string_equal(c.model, rows[i].model);
        assert_string_equal(c.kind->key, rows[i].card);
        assert_string_equal(c.quantization ? c.quantization : "", rows[i].quantization ? rows[i].quantization : "");
        assert_string_equal(c.engine ? c.engine : "", rows[i].engine ? rows[i].engine : "");
        assert_string_equal(c.engine_version ? c.engine_version : "", rows[i].version ? rows[i].version : "");
        assert_int_equal(c.cards, rows[i].cards);
        assert_int_equal(c.tp, rows[i].tp);
        assert_int_equal(c.pp, rows[i].pp);
        assert_int_equal(c.streams, rows[i].streams);
        assert_int_equal(c.context, rows[i].context);
        assert_near(c.tok_s, rows[i].tok_s, 1e-9);
    }
}

/* The small words, units and manners of people. Rates are of all streams of all engines. */
static void claims_are_read_as_people_write(void **st)
{
    (void)st;
    static const struct {
        const char *text, *quantization;
        uint64_t cards, tp, streams, engines;
        double tok_s;
        bool speculation;
    } rows[] = {
        { "Qwen3-8B on 4 x A100 40GB, tp=4: 85 tokens/s", "", 4, 4, 1, 1, 85, false },
        { "Qwen3-8B on a 4090 does about 55 t/s.", "", 1, 1, 1, 1, 55, false },
        { "(Qwen3-8B, \"H100\", ~130 tokens per second)", "", 1, 1, 1, 1, 130, false },
        { "Qwen3-8B, L4, 60 ms/token", "", 1, 1, 1, 1, 1000.0 / 60, false },
        { "Qwen3-8B, L4, TPOT 60 ms", "", 1, 1, 1, 1, 1000.0 / 60, false },
        { "Qwen3-8B, L4, 60ms TPOT, 17 tok/s", "", 1, 1, 1, 1, 1000.0 / 60, false },
        { "Qwen3-8B, L4, 50 ms per token, 8 streams", "", 1, 1, 8, 1, 160, false },
        { "Qwen3-8B, L4, 1.7k tok/s in total, 64 users", "", 1, 1, 64, 1, 1700, false },
        { "Qwen3-8B, L4, 12 tok/s per user, 64 users", "", 1, 1, 64, 1, 768, false },
        { "Qwen3-8B, L4, batch 64, 12 tok/s each", "", 1, 1, 64, 1, 768, false },
        { "Qwen3-8B 4-bit, L4, 40 tok/s", "int4", 1, 1, 1, 1, 40, false },
        { "Qwen3-8B, 8 bit, L4, 30 tok/s", "int8", 1, 1, 1, 1, 30, false },
        { "Qwen3-8B GPTQ-Int4, L4 24GB, 40 tok/s", "int4", 1, 1, 1, 1, 40, false },
        { "Qwen3-8B, 8xH100, dp 8, 1000 tok/s", "", 8, 1, 8, 8, 1000, false },
        { "Qwen3-8B, 8xH100, DP4, 150 tok/s each, 8 streams", "", 8, 2, 8, 4, 1200, false },
        { "Qwen3-8B with speculative decoding, H100, 300 tok/s", "", 1, 1, 1, 1, 300, true },
        { "Qwen3-8B, eagle3, H100, 300 tok/s", "", 1, 1, 1, 1, 300, true },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c = parsed(&a, rows[i].text);
        assert_string_equal(c.model, "Qwen3-8B");
        assert_string_equal(c.quantization ? c.quantization : "", rows[i].quantization);
        assert_int_equal(c.cards, rows[i].cards);
        assert_int_equal(c.tp, rows[i].tp);
        assert_int_equal(c.streams, rows[i].streams);
        assert_int_equal(c.engines, rows[i].engines);
        assert_int_equal(c.speculation, rows[i].speculation);
        assert_near(c.tok_s, rows[i].tok_s, 1e-9);
    }
}

/* What stands in posts and tables: read so, or refused; never taken for one stream's rate where it is another thing. */
static void claims_of_posts_and_tables(void **st)
{
    (void)st;
    static const struct {
        const char *text, *model, *card, *quantization;
        uint64_t cards, tp, pp, streams;
        double tok_s;
        bool speculation;
        double prompt_tok_s, first_s;
        uint64_t context;
    } rows[] = {
        { "Llama-3.1-70B AWQ 85 t/s on 2x3090", "Llama-3.1-70B", "rtx3090", "AWQ", 2, 2, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen3-8B Q4_K_M RTX 4090 tg128 145.3", "Qwen3-8B", "rtx4090", "Q4_K_M", 1, 1, 1, 1, 145.3, false, 0, 0, 0 },
        { "Qwen3-8B Q4_K_M RTX 4090 tg128: 145.3 \xc2\xb1 0.5 t/s", "Qwen3-8B", "rtx4090", "Q4_K_M", 1, 1, 1, 1, 145.3, false, 0, 0, 0 },
        { "Qwen3-8B Q8_0 RTX 3090 pp512 4000, tg128 95", "Qwen3-8B", "rtx3090", "Q8_0", 1, 1, 1, 1, 95, false, 4000, 0, 512 },
        { "Qwen3-32B AWQ, 4090, pp 3000 tg 38", "Qwen3-32B", "rtx4090", "AWQ", 1, 1, 1, 1, 38, false, 3000, 0, 0 },
        { "Qwen3-32B AWQ, 4090, 3000 tok/s prefill, 38 tok/s decode", "Qwen3-32B", "rtx4090", "AWQ", 1, 1, 1, 1, 38, false, 3000, 0, 0 },
        { "Qwen3-32B AWQ, 4090, prefill 3000 tok/s, decode 38 tok/s", "Qwen3-32B", "rtx4090", "AWQ", 1, 1, 1, 1, 38, false, 3000, 0, 0 },
        { "Qwen3-32B AWQ, 4090, prompt eval rate: 3800.2 tokens/s, eval rate: 38.2 tokens/s", "Qwen3-32B", "rtx4090", "AWQ", 1, 1, 1, 1, 38.2, false, 3800.2, 0, 0 },
        { "Qwen3-8B, L40S, TTFT 120 ms, 45 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0.12, 0 },
        { "Qwen3-8B, L40S, TTFT 0.5 s for 1000 tokens, 45 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0.5, 1000 },
        { "Qwen3-8B, L40S, first token 0.5 s for 2k prompt, 45 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0.5, 2000 },
        { "Qwen3-8B, L40S, first token after 0.5 s for a 2000-token prompt, 45 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0.5, 2000 },
        { "Qwen3-8B, L40S, 45 tok/s, first token in 0.5 s for 2k tokens", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0.5, 2000 },
        { "Qwen3-8B, L40S, 45 tok/s, 2048 prompt tokens", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0, 2048 },
        { "Qwen3-8B, L40S, 45 tok/s, 0.3 s TTFT", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0.3, 0 },
        { "Qwen3-8B, L40S, 45 tok/s, first token 300ms", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0.3, 0 },
        { "~120 tok/s with EXL2 Qwen3-8B on a 3090", "Qwen3-8B", "rtx3090", "EXL2", 1, 1, 1, 1, 120, false, 0, 0, 0 },
        { "Llama-3.1-70B 4.0bpw EXL2 2x3090 18 t/s", "Llama-3.1-70B", "rtx3090", "EXL2", 2, 2, 1, 1, 18, false, 0, 0, 0 },
        { "Llama-3.1-8B fp16 at batch 32 on an A100 gets 1500 tok/s", "Llama-3.1-8B", "a100-sxm4-80", "fp16", 1, 1, 1, 32, 1500, false, 0, 0, 0 },
        { "Llama-3.1-8B A100-80GB, 64 concurrent requests, 2,400 tok/s", "Llama-3.1-8B", "a100-sxm4-80", "", 1, 1, 1, 64, 2400, false, 0, 0, 0 },
        { "Llama-3.1-8B on A100, aggregate 2,400 tok/s at concurrency 64", "Llama-3.1-8B", "a100-sxm4-80", "", 1, 1, 1, 64, 2400, false, 0, 0, 0 },
        { "Llama-3.1-8B, A100, batch 64,200 tok/s", "Llama-3.1-8B", "a100-sxm4-80", "", 1, 1, 1, 64, 200, false, 0, 0, 0 },
        { "gpt-oss-120b on 8xH100 250 tps/user", "gpt-oss-120b", "h100-sxm", "", 8, 8, 1, 1, 250, false, 0, 0, 0 },
        { "gpt-oss-120b on 8xH100, 32 users, 250 tok/s/user", "gpt-oss-120b", "h100-sxm", "", 8, 8, 1, 32, 8000, false, 0, 0, 0 },
        { "gpt-oss-120b on 8xB200 TP8, 256 streams, 1,000 tok/s/GPU", "gpt-oss-120b", "b200", "", 8, 8, 1, 256, 8000, false, 0, 0, 0 },
        { "DeepSeek-R1 8xH200 TP8 EP8 75 tok/s", "DeepSeek-R1", "h200-sxm", "", 8, 8, 1, 1, 75, false, 0, 0, 0 },
        { "DeepSeek-R1, 8\xc3\x97H200, 75 tok/s", "DeepSeek-R1", "h200-sxm", "", 8, 8, 1, 1, 75, false, 0, 0, 0 },
        { "Qwen2.5-32B 4xA100 40G TP=4 85tok/s", "Qwen2.5-32B", "a100-sxm4-40", "", 4, 4, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen2.5-32B (bf16) | 4x A100 40GB | TP4 | 85 tok/s", "Qwen2.5-32B", "a100-sxm4-40", "bf16", 4, 4, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen2.5-32B; 4xA100-40GB; TP4; 85 tok/s", "Qwen2.5-32B", "a100-sxm4-40", "", 4, 4, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen3-8B on dual RTX 3090s via NVLink 75 t/s", "Qwen3-8B", "rtx3090", "", 2, 2, 1, 1, 75, false, 0, 0, 0 },
        { "Qwen3-8B on two 3090s 75 t/s", "Qwen3-8B", "rtx3090", "", 2, 2, 1, 1, 75, false, 0, 0, 0 },
        { "Qwen3-8B, 2 H100s, 220 tok/s", "Qwen3-8B", "h100-sxm", "", 2, 2, 1, 1, 220, false, 0, 0, 0 },
        { "Qwen3-8B on quad 3090 100 t/s", "Qwen3-8B", "rtx3090", "", 4, 4, 1, 1, 100, false, 0, 0, 0 },
        { "Qwen3-8B, H100, tensor parallel 2, 220 tok/s", "Qwen3-8B", "h100-sxm", "", 2, 2, 1, 1, 220, false, 0, 0, 0 },
        { "Qwen3-8B, H100, --tensor-parallel-size 2, 220 tok/s", "Qwen3-8B", "h100-sxm", "", 2, 2, 1, 1, 220, false, 0, 0, 0 },
        { "Qwen3-32B AWQ-Marlin 2x4090 PP2 25 t/s", "Qwen3-32B", "rtx4090", "awq", 2, 1, 2, 1, 25, false, 0, 0, 0 },
        { "Qwen3-8B L40S 45 tok/s bs1", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0, 0 },
        { "Qwen3-8B L40S c16 500 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 16, 500, false, 0, 0, 0 },
        { "Qwen3-8B L40S 1200 tok/s bs=64 isl=1024 osl=256", "Qwen3-8B", "l40s", "", 1, 1, 1, 64, 1200, false, 0, 0, 1152 },
        { "Qwen3-8B L40S 1200 tok/s, 1024 in / 256 out, 64 concurrent", "Qwen3-8B", "l40s", "", 1, 1, 1, 64, 1200, false, 0, 0, 1152 },
        { "Qwen3-8B L40S 1200 tok/s at 64 concurrency, input 1024 output 256", "Qwen3-8B", "l40s", "", 1, 1, 1, 64, 1200, false, 0, 0, 1152 },
        { "Qwen3-8B L40S output 45 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0, 0 },
        { "Qwen3-8B L40S 45+ tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0, 0 },
        { "Qwen3-8B L40S \xe2\x89\x88" "45 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0, 0 },
        { "Qwen3-8B L40S 45.3\xc2\xb1" "0.4 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45.3, false, 0, 0, 0 },
        { "Qwen3-8B, L40S, TPOT=20ms", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 50, false, 0, 0, 0 },
        { "Qwen3-8B, L40S, 20 ms ITL", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 50, false, 0, 0, 0 },
        { "Qwen3-8B, 3090, power limited to 250W, 50 t/s", "Qwen3-8B", "rtx3090", "", 1, 1, 1, 1, 50, false, 0, 0, 0 },
        { "Qwen3-8B, A100, 85 tok/s without speculation", "Qwen3-8B", "a100-sxm4-80", "", 1, 1, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen3-8B, A100, 85 tok/s, no MTP", "Qwen3-8B", "a100-sxm4-80", "", 1, 1, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen3-8B, A100, 185 tok/s with MTP", "Qwen3-8B", "a100-sxm4-80", "", 1, 1, 1, 1, 185, true, 0, 0, 0 },
        { "Qwen3-8B, A100, 300k tokens/hour, 8 streams", "Qwen3-8B", "a100-sxm4-80", "", 1, 1, 1, 8, 300e3 / 3600, false, 0, 0, 0 },
        { "Qwen3-8B, A100, 6000 tokens per minute, 1 stream", "Qwen3-8B", "a100-sxm4-80", "", 1, 1, 1, 1, 100, false, 0, 0, 0 },
        { "Qwen3-30B-A3B IQ4_XS GGUF, 3090, 120 tok/s at 16k depth", "Qwen3-30B-A3B", "rtx3090", "IQ4_XS", 1, 1, 1, 1, 120, false, 0, 0, 16000 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c = parsed(&a, rows[i].text);
        assert_string_equal(c.model, rows[i].model);
        assert_string_equal(c.kind->key, rows[i].card);
        assert_string_equal(c.quantization ? c.quantization : "", rows[i].quantization);
        if (c.cards != rows[i].cards || c.tp != rows[i].tp || c.pp != rows[i].pp || c.streams != rows[i].streams || c.context != rows[i].context)
            fail_msg("\"%s\": %d cards, TP=%d, PP=%d, %d streams, context %d", rows[i].text, (int)c.cards, (int)c.tp, (int)c.pp, (int)c.streams, (int)c.context);
        assert_near(c.tok_s, rows[i].tok_s, 1e-6);
        assert_near(c.prompt_tok_s, rows[i].prompt_tok_s, 1e-9);
        assert_near(c.first_s, rows[i].first_s, 1e-9);
        assert_int_equal(c.speculation, rows[i].speculation);
    }
}

static void bad_claims_name_what_is_wrong(void **st)
{
    (void)st;
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "", "no model" },
        { "Qwen3-8B", "no card" },
        { "Qwen3-8B, A100", "no rate" },
        { "Qwen3-8B, A100, TP4 PP2, 2xA100, 5 tok/s", "needs 8 cards" },
        { "Qwen3-8B, 2xA100, TP4, 5 tok/s", "needs 4 cards" },
        { "Qwen3-8B, A100, banana, 5 tok/s", "\"banana\"" },
        { "Qwen3-8B, banana A100, 5 tok/s", "\"banana\" in the claim is not understood" },
        { "Qwen3-8B, banana 2xA100, 5 tok/s", "\"banana\" in the claim is not understood" },
        { "Qwen3-8B, A100, 5", "\"5\"" },
        { "Qwen3-8B, A100, 0 tok/s", "more than 0" },
        { "Qwen3-8B, A100, -5 tok/s", "-5 tok/s" },
        { "Qwen3-8B, A100, 1e300 tok/s", "at most a billion" },
        { "Qwen3-8B, A100, 5 tok/s, 6 tok/s", "two things: tok/s 5, and 6" },
        { "Qwen3-8B, 4xA100, TP4, tp2, 5 tok/s", "two things: TP 4, and 2" },
        { "Qwen3-8B, A100, 20 ms/token, 80 tok/s", "which is 50.0" },
        { "Qwen3-8B, A100, 20 ms", "\"20 ms\"" },
        { "Qwen3-8B, 4xA100, dp 8, 5 tok/s", "needs 8 cards" },
        { "Qwen3-8B, A100, 1e999 tok/s", "\"1e999 tok/s\"" },
        { "Qwen3-8B, 0xA100, 5 tok/s", "0xA100" },
        { "Qwen3-8B, A100, tp0, 5 tok/s", "tp0" },
        { "Qwen3-8B Q4_K_M RTX 4090 pp512 9800 t/s", "of reading prompts" },
        { "Qwen3-32B, 4090, prefill 3000 tok/s", "of reading prompts" },
        { "Qwen3-32B, 4090, prompt processing 3000 t/s", "of reading prompts" },
        { "Qwen3-32B, 4090, TTFT 300 ms", "of reading prompts" },
        { "Llama-3.1-8B on A100, aggregate 2,400 tok/s", "of all streams together" },
        { "Llama-3.1-8B on A100, 2400 tok/s throughput", "of all streams together" },
        { "gpt-oss-120b 8xH200 12k tok/s total", "of all streams together" },
        { "gpt-oss-120b on 8xB200 TP8, 5,000 tok/s/GPU", "of all streams together" },
        { "Qwen3-8B, A100, 300k tokens/hour", "of all streams together" },
        { "Qwen3-8B A100 1.200 tok/s batch 64", "may be 1.2 or 1200" },
        { "Qwen3-8B A100 1 200 tok/s batch 64", "\"1\"" },
        { "Qwen3-8B, A100, 12 req/s", "\"12 req/s\"" },
        { "Qwen3-8B, A100, 85 words/s", "\"85 words/s\"" },
        { "Qwen3-8B L40S 20-25 tok/s", "\"20-25 tok/s\"" },
        { "Qwen3-8B, L40S, 8 streams, 16 users, 45 tok/s", "two things: streams 8, and 16" },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++)
        refused(rows[i].text, rows[i].says);
}

/* Posts as they stand: memory, makers, stray words, and bits that are in the name of the model. */
static void claims_of_the_wild(void **st)
{
    (void)st;
    static const struct {
        const char *text, *card, *quantization;
        uint64_t cards, tp, streams;
        double tok_s;
        bool speculation;
    } rows[] = {
        /* clang-format off */
        { "Llama 3.1 70B AWQ on 2x3090 NVLink, 18 t/s", "NVIDIA GeForce RTX 3090", "AWQ", 2, 2, 1, 18, false },
        { "2x 3090 w/ NVLink running Llama-3.3-70B 4.0bpw exl2 ~ 19 tok/s", "NVIDIA GeForce RTX 3090", "exl2", 2, 2, 1, 19, false },
        { "Qwen3-30B-A3B Q4_K_M on a 4090: 195 tps", "NVIDIA GeForce RTX 4090", "Q4_K_M", 1, 1, 1, 195, false },
        { "gpt-oss-120b on 4x3090, llama.cpp, tg128 = 98 t/s", "NVIDIA GeForce RTX 3090", "", 4, 4, 1, 98, false },
        { "gpt-oss:20b on RTX 5090 via ollama 250 tok/s", "NVIDIA GeForce RTX 5090", "", 1, 1, 1, 250, false },
        { "DeepSeek-R1 671B FP8 8xH200 TP8 sglang bs=1 60 tok/s/user", "NVIDIA H200", "FP8", 8, 8, 1, 60, false },
        { "DeepSeek-V3 on 8xH200, 85 tokens per second per user, 64 users", "NVIDIA H200", "", 8, 8, 64, 5440, false },
        { "Llama-3.1-8B fp8, H100 SXM, ITL 5.2 ms", "NVIDIA H100 80GB HBM3", "fp8", 1, 1, 1, 1000 / 5.2, false },
        { "Llama-3.1-8B, H100, TPOT: 6.9ms", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 1000 / 6.9, false },
        { "Llama-3.1-8B-Instruct on L4: mean TPOT 62ms, TTFT 90 ms", "NVIDIA L4", "", 1, 1, 1, 1000.0 / 62, false },
        { "Qwen2.5-7B-Instruct-AWQ, RTX 4060 Ti 16GB, 70 tokens/sec", "NVIDIA GeForce RTX 4060 Ti", "AWQ", 1, 1, 1, 70, false },
        { "Mistral 7B Q8_0 on RTX 3060 12GB 38.5t/s", "NVIDIA GeForce RTX 3060", "Q8_0", 1, 1, 1, 38.5, false },
        { "Qwen3-32B-GPTQ-Int4 on 2xA10G TP2: 30 tok/s", "NVIDIA A10G", "int4", 2, 2, 1, 30, false },
        { "Llama 3.1 405B FP8 on 8xH100 TP8 33 t/s", "NVIDIA H100 80GB HBM3", "FP8", 8, 8, 1, 33, false },
        { "Mixtral-8x7B on 2xA100 80GB, vLLM, 75tok/s", "NVIDIA A100-SXM4-80GB", "", 2, 2, 1, 75, false },
        { "Llama-2-7B fp16 on A100: 191 tok/s with TensorRT-LLM", "NVIDIA A100-SXM4-80GB", "fp16", 1, 1, 1, 191, false },
        { "Llama-3.1-8B on RX 7900 XTX Q4_K_M llama.cpp 103 t/s", "AMD Radeon RX 7900 XTX", "Q4_K_M", 1, 1, 1, 103, false },
        { "Gemma 3 27B QAT on 3090: 35 t/s", "NVIDIA GeForce RTX 3090", "q4_0", 1, 1, 1, 35, false },
        { "gemma-3-27b-it-qat-q4_0 on RTX 3090, 35 t/s", "NVIDIA GeForce RTX 3090", "q4_0", 1, 1, 1, 35, false },
        { "GLM-4.5-Air on 4x RTX 3090 60 tok/s", "NVIDIA GeForce RTX 3090", "", 4, 4, 1, 60, false },
        { "Qwen3-Coder-30B-A3B-Instruct-FP8 on H100: 170 tok/s", "NVIDIA H100 80GB HBM3", "FP8", 1, 1, 1, 170, false },
        { "Kimi-K2 on 8xB200 100 tok/s", "NVIDIA B200", "", 8, 8, 1, 100, false },
        { "Llama 4 Maverick on DGX B200, 1000 TPS/user", "NVIDIA B200", "", 8, 8, 1, 1000, false },
        { "Llama-3.3-70B on DGX H100 (8xH100), bf16, 80 tok/s", "NVIDIA H100 80GB HBM3", "bf16", 8, 8, 1, 80, false },
        { "Qwen3-8B on DGX Spark 40 tok/s", "NVIDIA GB10", "", 1, 1, 1, 40, false },
        { "gpt-oss-120b on GB10: 59.5 tok/s", "NVIDIA GB10", "", 1, 1, 1, 59.5, false },
        { "Qwen3-14B on RTX 4070 Super 45 t/s", "NVIDIA GeForce RTX 4070", "", 1, 1, 1, 45, false },
        { "Qwen2.5 7b on T4 colab 25 tok/s", "Tesla T4", "", 1, 1, 1, 25, false },
        { "Llama-3.1-8B on A100 at 1.2k tok/s with 16 concurrent users", "NVIDIA A100-SXM4-80GB", "", 1, 1, 16, 1200, false },
        { "Llama-3.1-8B: 2.4K tokens/s @ bs=64 on 1xA100-80G vLLM 0.6.3", "NVIDIA A100-SXM4-80GB", "", 1, 1, 64, 2400, false },
        { "Llama-3.1-8B H100 12,500 tok/s", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 12500, false },
        { "Llama-3.1-8B H100 12,500 tok/s 256 concurrent", "NVIDIA H100 80GB HBM3", "", 1, 1, 256, 12500, false },
        { "Llama-3.1-8B H100, 24k tok/s throughput at concurrency 512", "NVIDIA H100 80GB HBM3", "", 1, 1, 512, 24000, false },
        { "Qwen3 8B (bf16) / RTX 4090 / vLLM 0.10.1 / 58.7 tok/s", "NVIDIA GeForce RTX 4090", "bf16", 1, 1, 1, 58.7, false },
        { "Qwen3-8B @ RTX4090 = 58.7 tok/s", "NVIDIA GeForce RTX 4090", "", 1, 1, 1, 58.7, false },
        { "qwen3:8b-q4_K_M rtx4090 ollama \"eval rate: 130.45 tokens/s\"", "NVIDIA GeForce RTX 4090", "q4_K_M", 1, 1, 1, 130.45, false },
        { "Qwen3-8B-Q4_K_M.gguf on RTX 4090: pp512 9000 t/s, tg128 140 t/s", "NVIDIA GeForce RTX 4090", "Q4_K_M", 1, 1, 1, 140, false },
        { "Qwen/Qwen3-8B-AWQ single 3090 100 tok/s (batch size 1)", "NVIDIA GeForce RTX 3090", "", 1, 1, 1, 100, false },
        { "Llama-3.1-8B on 8xA100, dp=8, 800 tok/s", "NVIDIA A100-SXM4-80GB", "", 8, 1, 8, 800, false },
        { "Llama 3 8B on 4090, 20 tok/s each for 32 users", "NVIDIA GeForce RTX 4090", "", 1, 1, 32, 640, false },
        { "Llama-3.1-70B-FP8 on 4xL40S, TP=4: 35 tokens/s/req", "NVIDIA L40S", "FP8", 4, 4, 1, 35, false },
        { "Llama 3.1 8B int8 w8a8 RTX A6000 60 tok/s", "NVIDIA RTX A6000", "w8a8", 1, 1, 1, 60, false },
        { "Llama-3.1-8B NVFP4 on RTX PRO 6000 Blackwell 190 tok/s", "NVIDIA RTX PRO 6000 Blackwell Server Edition", "NVFP4", 1, 1, 1, 190, false },
        { "Llama-3.1-8B on Jetson AGX Orin 64GB 4-bit 40 tok/s", "Orin", "int4", 1, 1, 1, 40, false },
        { "Qwen3.6-27B on 3090 with MTP 95 tok/s", "NVIDIA GeForce RTX 3090", "", 1, 1, 1, 95, true },
        { "Qwen3-32B + EAGLE-3 on H100, 150 tok/s", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 150, true },
        { "Llama-3.1-8B on H100 1 million tok/s", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 1e+06, false },
        { "Llama-3.1-8B on H100 1e5 tok/s", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 100000, false },
        { "Llama\xe2\x80\x91" "3.1\xe2\x80\x91" "8B on H100 120 tok/s", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 120, false },
        { "Llama-3.1-8B on H100 120 tok\xe2\x88\x95s", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 120, false },
        { "\xf0\x9f\x9a\x80 Llama-3.1-8B on H100: 120 tok/s \xf0\x9f\x94\xa5", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 120, false },
        { "Llama-3.1-8B on 4xH100 TP3 300 tok/s", "NVIDIA H100 80GB HBM3", "", 4, 3, 1, 300, false },
        { "Llama-3.1-8B on H100 >100 tok/s", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 100, false },
        { "Llama-3.1-8B on H100, 120 tok/s at 32k context", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 120, false },
        { "Llama-3.1-8B on H100, 120 tok/s, 128k ctx", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 120, false },
        { "Llama-3.1-8B on 2x RTX 3090 (PCIe 4.0 x8), tensor parallel, 85 t/s", "NVIDIA GeForce RTX 3090", "", 2, 2, 1, 85, false },
        { "Llama-3.1-8B at 120 tok/s on an H100 using vLLM with chunked prefill and prefix caching enabled", "NVIDIA H100 80GB HBM3", "", 1, 1, 1, 120, false },
        { "gpt-oss-20b on 4x 4060 Ti 500 t/s", "NVIDIA GeForce RTX 4060 Ti", "", 4, 4, 1, 500, false },
        { "Llama-3.1-8B Q4_K_M 2080 Ti 70 t/s", "NVIDIA GeForce RTX 2080 Ti", "Q4_K_M", 1, 1, 1, 70, false },
        { "Llama-3.1-8B Q4_K_M 2x7900 XTX 70 t/s", "AMD Radeon RX 7900 XTX", "Q4_K_M", 2, 2, 1, 70, false },
        { "Qwen3-8B gguf 3090 100 t/s", "NVIDIA GeForce RTX 3090", "", 1, 1, 1, 100, false },
        /* clang-format on */
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c = parsed(&a, rows[i].text);
        while (strcmp(c.quantization ? c.quantization : "", rows[i].quantization) && bt_claim_other_model(&a, &c))
            ;
        assert_string_equal(c.quantization ? c.quantization : "", rows[i].quantization);
        assert_string_equal(c.kind->nvml_name, rows[i].card);
        if (c.cards != rows[i].cards || c.tp != rows[i].tp || c.streams != rows[i].streams)
            fail_msg("\"%s\": %d cards, TP=%d, %d streams", rows[i].text, (int)c.cards, (int)c.tp, (int)c.streams);
        assert_near(c.tok_s, rows[i].tok_s, 1e-6);
        assert_int_equal(c.speculation, rows[i].speculation);
    }
}

/* What no card of the catalog can be judged for says so, and names it. */
static void claims_of_other_things_are_refused(void **st)
{
    (void)st;
    static const struct {
        const char *text, *says;
    } rows[] = {
        /* clang-format off */
        { "Qwen3-235B-A22B-FP8 on 8xH100, 3.2 req/s", "\"3.2 req/s\" in the claim counts requests, and not how many" },
        { "Qwen2.5-72B 12 req/s on 4xA100", "\"12 req/s\" in the claim counts requests, and not how many " },
        { "Llama-3-8B M2 Ultra 76 tok/s", "\"M2 Ultra\" in the claim is an Apple chip" },
        { "Qwen3-30B on M4 Max 128GB, 100 tok/s", "\"M4\" in the claim is an Apple chip" },
        { "Llama-3-8B Q4_K_M on Mac Studio M3 Ultra 130 t/s", "\"Mac Studio\" in the claim is an Apple chip" },
        { "Qwen3-32B on Strix Halo, 10 t/s", "\"Strix Halo\" in the claim is a chip that shares its comput" },
        { "Llama-3.1-8B Q4_0 on Arc A770 50 t/s", "\"Arc A770\" in the claim is no card that the catalog has" },
        { "Qwen2.5-32B 85 tok/s 4xA100-40GB, 72 tok/s on 3", "the claim says two things: tok/s 85, and 72" },
        { "not more than 10 tok/s with Llama-3-70B on 2xA100", "\"Llama-3-70B\" in the claim is not understood; the model is taken to be \"not-more-than\"" },
        { "GB200 NVL72 DeepSeek-R1 FP4 30 tok/s per user", "\"NVL72\" in the claim is a rack, and not how many of its cards" },
        { "Llama-3.1-8B 4xL4 30 tok/s per GPU", "the claim's rate is said to be of all streams together" },
        { "Llama-3.1-8B 4xL4, 30 tok/s on each of 4 cards", "the claim's rate is said to be of all streams together" },
        { "1 million tokens a day on one H100 with Llama-3.1-8B", "the claim's rate is said to be of all streams together" },
        { "a hundred and forty tok/s, Qwen3-8B, H100", "in the claim is not understood" },
        { "two hundred tok/s, Qwen3-8B, H100", "in the claim is not understood" },
        { "Llama 3 70B Q4 at 2.5 t/s on a single 4090 with CPU offload", "\"CPU\" in the claim: a part of the model that the processor" },
        { "Llama-3.1-8B on g5.xlarge 30 tok/s", "\"g5.xlarge\" in the claim is a machine of a cloud: name its cards" },
        { "Llama-3.1-70B on p4d.24xlarge 40 tok/s", "\"p4d.24xlarge\" in the claim is a machine of a cloud: name its cards" },
        { "Llama 3.2 3B on Jetson Orin Nano 30 tok/s", "\"Orin Nano\" in the claim is a smaller Jetson than the catalog's Orin" },
        { "Llama-3.1-8B on H100 -5 tok/s", "the claim's rate is -5 tok/s: one is more than 0, and at mos" },
        { "Llama-3.1-8B on H100 0 tok/s", "the claim's rate is 0 tok/s: one is more than 0, and at most a billion" },
        { "Llama-3.1-8B on H100 NaN tok/s", "\"NaN\" in the claim is not understood" },
        { "Llama-3.1-8B on H100 inf tok/s", "\"inf\" in the claim is not understood" },
        { "Llama-3.1-8B on H100 \xe2\x88\x9e tok/s", "in the claim is not understood" },
        { "Llama-3.1-8B on H100 \xef\xbc\x91\xef\xbc\x92\xef\xbc\x90 tok/s", "in the claim is not understood" },
        { "Llama-3.1-8B on H100 120 \xd1\x82\xd0\xbe\xd0\xba\xd0\xb5\xd0\xbd\xd0\xbe\xd0\xb2/\xd1\x81", "in the claim is not understood" },
        { "Llama-3.1-8B on H100 120 \xe5\xad\x97/\xe7\xa7\x92", "in the claim is not understood" },
        { "Llama-3.1-8B on H100 120 words/s", "\"120 words/s\" in the claim is not understood" },
        { "Llama-3.1-8B on H100 120 kB/s", "\"120 kB/s\" in the claim is not understood" },
        { "Llama-3.1-8B on 0xH100 120 tok/s", "\"0xH100\" in the claim" },
        { "Llama-3.1-8B on 99999xH100 120 tok/s", "the claim has 99999 cards: at most 4096 are judged" },
        { "Llama-3.1-8B on H100 TP0 120 tok/s", "\"TP0\" in the claim is not understood" },
        { "Llama-3.1-8B on H100 80-100 tok/s", "\"80-100 tok/s\" in the claim is not understood" },
        { "Llama-3.1-8B on H100 between 80 and 100 tok/s", "\"between\" in the claim is not understood" },
        { "120 tok/s", "the claim names no model" },
        { "Llama-3.1-8B 120 tok/s", "the claim names no card that the catalog knows" },
        { "H100 120 tok/s", "the claim names no model" },
        { "Llama-3.1-8B on H100", "the claim names no rate (\"85 tok/s\")" },
        { "Llama-3.1-8B on H300, 120 tok/s", "\"H300\" in the claim is no card that the catalog has" },
        { "Llama-3.1-8B on 3090 + 4090, 60 tok/s", "the claim names two kinds of cards, RTX-3090 and RTX-4090: o" },
        { "Qwen3-8B on 2080 60 t/s", "\"2080\" in the claim is no card that the catalog has" },
        /* clang-format on */
    };
    for (size_t i = 0; i < BT_LEN(rows); i++)
        refused(rows[i].text, rows[i].says);
}

/* Phrases of forums: several words for one thing, logs as engines print them, flags that change nothing. */
static void claims_of_forums(void **st)
{
    (void)st;
    static const struct {
        const char *text, *card, *quantization, *engine, *version;
        uint64_t cards, tp, streams, engines, context;
        double tok_s;
        bool speculation;
    } rows[] = {
        /* clang-format off */
        { "I'm seeing 38 tok/s for Llama-3.3-70B FP8 on 4x L40S", "l40s", "FP8", "", "", 4, 4, 1, 1, 0, 38, false },
        { "my 3090 gets around 110 tok/s on Qwen3-8B Q4_K_M", "rtx3090", "Q4_K_M", "llama.cpp", "", 1, 1, 1, 1, 0, 110, false },
        { "Getting 42 t/s generation with Qwen3-32B AWQ on 2x 4090 using vLLM TP2", "rtx4090", "AWQ", "vLLM", "", 2, 2, 1, 1, 0, 42, false },
        { "Llama-3.1-70B Q4_K_M 2x3090 row split 18 t/s", "rtx3090", "Q4_K_M", "llama.cpp", "", 2, 2, 1, 1, 0, 18, false },
        { "Llama-3.1-70B Q4_K_M 2x3090 -sm row 18 t/s", "rtx3090", "Q4_K_M", "llama.cpp", "", 2, 2, 1, 1, 0, 18, false },
        { "Qwen2.5-72B int4 on 2 x A6000 w/ nvlink: 25 tok/s single stream", "rtxa6000", "int4", "", "", 2, 2, 1, 1, 0, 25, false },
        { "Llama-3.1-8B on A100 PCIe 80GB, 80 tok/s single request", "a100-pcie-80", "", "", "", 1, 1, 1, 1, 0, 80, false },
        { "Llama-3.1-70B 8xA100 TP8 output token throughput 55 tok/s, max concurrency 1", "a100-sxm4-80", "", "", "", 8, 8, 1, 1, 0, 55, false },
        { "Qwen3-8B rtx4090 fp8 eval time 8.1 ms per token, 123.4 tokens per second", "rtx4090", "fp8", "", "", 1, 1, 1, 1, 0, 1000 / 8.1, false },
        { "llama-bench Qwen3-8B Q4_K_M RTX 3060 tg256 52.3", "rtx3060-12", "Q4_K_M", "llama-bench", "", 1, 1, 1, 1, 0, 52.3, false },
        { "0.02 s/token for Llama-3-8B fp16 on an A100", "a100-sxm4-80", "fp16", "", "", 1, 1, 1, 1, 0, 50, false },
        { "Qwen3-8B H100, 0.01 seconds per token, 4 users", "h100-sxm", "", "", "", 1, 1, 4, 1, 0, 400, false },
        { "Qwen3-8B H100 TPOT 0.0125 s", "h100-sxm", "", "", "", 1, 1, 1, 1, 0, 80, false },
        { "Qwen3-8B H100, TPOT of 20ms, TTFT of 300 ms", "h100-sxm", "", "", "", 1, 1, 1, 1, 0, 50, false },
        { "time to first token 0.4s, 16 tok/s, Qwen3-8B on L4", "l4", "", "", "", 1, 1, 1, 1, 0, 16, false },
        { "forty tok/s with Qwen3-32B awq on one 5090", "rtx5090", "awq", "", "", 1, 1, 1, 1, 0, 40, false },
        { "a hundred tokens per second, Qwen3-8B, H100", "h100-sxm", "", "", "", 1, 1, 1, 1, 0, 100, false },
        { "H100 serves Llama-3.1-8B at 20k tok/s with batch 256", "h100-sxm", "", "", "", 1, 1, 256, 1, 0, 20000, false },
        { "900 output tokens per second on 8 H200 running Llama-3.1-70B FP8, 8 streams", "h200-sxm", "FP8", "", "", 8, 8, 8, 1, 0, 900, false },
        { "Llama-4-Scout on one H100 int4 - 100 toks/sec", "h100-sxm", "int4", "", "", 1, 1, 1, 1, 0, 100, false },
        { "with 100k context Qwen3-30B-A3B on RTX 5090 drops to 60 t/s", "rtx5090", "", "", "", 1, 1, 1, 1, 100000, 60, false },
        { "each of 16 users sees 25 tok/s, Llama-3.3-70B FP8, 4xH100", "h100-sxm", "FP8", "", "", 4, 4, 16, 1, 0, 400, false },
        { "Llama-3.1-8B 4xL4, 64 streams, 300 tok/s per GPU", "l4", "", "", "", 4, 4, 64, 1, 0, 1200, false },
        { "Llama-3.1-8B 4xL4, 64 streams, 300 tokens per second per L4", "l4", "", "", "", 4, 4, 64, 1, 0, 1200, false },
        { "Llama-3.1-8B 4xL4, 64 streams, 300 tok/s on each of 4 GPUs", "l4", "", "", "", 4, 4, 64, 1, 0, 1200, false },
        { "Llama-3.1-8B: 15,000 input tok/s and 3,000 output tok/s on a H100, 32 streams", "h100-sxm", "", "", "", 1, 1, 32, 1, 0, 3000, false },
        { "Llama-3.1-8B 4xL4, 24 GB per GPU, 70W per card, 64 streams, 900 tok/s", "l4", "", "", "", 4, 4, 64, 1, 0, 900, false },
        { "Llama-3.1-8B 4xL4, throughput per GPU 300 tok/s, 64 streams", "l4", "", "", "", 4, 4, 64, 1, 0, 1200, false },
        { "Llama-3.1-8B 4xL4, 64 streams, 300 tok/s on each card", "l4", "", "", "", 4, 4, 64, 1, 0, 1200, false },
        { "8x GB200 NVL72 DeepSeek-R1 FP4 30 tok/s per user", "gb200", "FP4", "", "", 8, 8, 1, 1, 0, 30, false },
        { "gpt-oss-120b runs at thirty-five tokens a second on a DGX Spark", "gb10", "", "", "", 1, 1, 1, 1, 0, 35, false },
        { "Qwen3-8B half precision on an H100: 120 tok/s", "h100-sxm", "fp16", "", "", 1, 1, 1, 1, 0, 120, false },
        { "Qwen3-235B-A22B FP8 on 8 H100s peaks at 5.2k tok/s with 128 concurrent requests", "h100-sxm", "FP8", "", "", 8, 8, 128, 1, 0, 5200, false },
        { "Mixtral-8x7B AWQ on two A6000s gives me about 45 tok/s", "rtxa6000", "AWQ", "", "", 2, 2, 1, 1, 0, 45, false },
        { "1.2 million tokens per hour on one L4, Qwen3-8B, 8 streams", "l4", "", "", "", 1, 1, 8, 1, 0, 1.2e6 / 3600, false },
        { "Phi-4 14B Q4 RTX 4070 Ti Super 16GB 40 t/s", "rtx4070tisuper", "q4_k_m", "llama.cpp", "", 1, 1, 1, 1, 0, 40, false },
        { "Gemma-3-27B RTX PRO 4500 Blackwell 30 tok/s", "rtxpro4500", "", "", "", 1, 1, 1, 1, 0, 30, false },
        { "Arc B580 Llama-3-8B Q4_K_M 40 t/s", "b580", "Q4_K_M", "llama.cpp", "", 1, 1, 1, 1, 0, 40, false },
        { "Qwen3-8B Q4_K_M 4070 Ti 12GB ngl 99 fa 1 tg128 85 t/s", "rtx4070ti", "Q4_K_M", "llama.cpp", "", 1, 1, 1, 1, 0, 85, false },
        { "Llama-3.1-8B 2xL4, 2 replicas, 30 tok/s total", "l4", "", "", "", 2, 1, 2, 2, 0, 30, false },
        { "Llama-3.1-8B with 4 replicas on 4xL4, 60 tok/s in total", "l4", "", "", "", 4, 1, 4, 4, 0, 60, false },
        { "Qwen3-8B 4090 vLLM==0.11.0 60 t/s", "rtx4090", "", "vLLM", "0.11.0", 1, 1, 1, 1, 0, 60, false },
        { "Qwen3-8B 4090 vllm-0.11 60 t/s", "rtx4090", "", "vllm", "0.11", 1, 1, 1, 1, 0, 60, false },
        { "Qwen3-8B 4090 sglang:v0.5.4 62 t/s", "rtx4090", "", "sglang", "0.5.4", 1, 1, 1, 1, 0, 62, false },
        { "Qwen3-32B on 5090 nvfp4 60 t/s with kv cache fp8", "rtx5090", "nvfp4", "", "", 1, 1, 1, 1, 0, 60, false },
        { "Qwen3-8B on H100 120 tok/s (fp8 kv)", "h100-sxm", "", "", "", 1, 1, 1, 1, 0, 120, false },
        { "Qwen3-8B on H100 120 tok/s, q8_0 KV cache", "h100-sxm", "", "", "", 1, 1, 1, 1, 0, 120, false },
        { "Qwen3-32B on H100 w8a8-fp8 60 t/s", "h100-sxm", "fp8", "", "", 1, 1, 1, 1, 0, 60, false },
        { "Qwen2.5-Coder-32B Q4_K_M + 0.5B draft model 3090 70 t/s", "rtx3090", "Q4_K_M", "llama.cpp", "", 1, 1, 1, 1, 0, 70, true },
        { "Qwen2.5-Coder-32B exl2 4.25bpw 3090 tabbyapi 38 t/s", "rtx3090", "exl2", "tabbyapi", "", 1, 1, 1, 1, 0, 38, false },
        { "Llama-3.1-8B ExLlamaV2 4.0bpw 4090 150 t/s", "rtx4090", "exl2", "ExLlamaV2", "", 1, 1, 1, 1, 0, 150, false },
        { "Llama-3.1-8B MLC q4f16_1 4090 160 t/s", "rtx4090", "int4", "MLC", "", 1, 1, 1, 1, 0, 160, false },
        { "Qwen3-14B 2x5060Ti 16GB tensor parallel 48 t/s", "rtx5060ti-16", "", "", "", 2, 2, 1, 1, 0, 48, false },
        { "Qwen3-30B-A3B MI50 32GB 80 t/s llama.cpp vulkan", "mi50-32", "", "llama.cpp", "", 1, 1, 1, 1, 0, 80, false },
        { "gpt-oss-120b DGX Spark x2 TP2 55 tok/s", "gb10", "", "", "", 2, 2, 1, 1, 0, 55, false },
        { "gpt-oss-120b H100 x 1, 180 tok/s", "h100-sxm", "", "", "", 1, 1, 1, 1, 0, 180, false },
        { "gpt-oss-120b on 1 H100 SXM5 80GB HBM3 180tok/s", "h100-sxm", "", "", "", 1, 1, 1, 1, 0, 180, false },
        { "gpt-oss-120b MXFP4 on a single H100: 180 tok/s, 1 concurrent request", "h100-sxm", "MXFP4", "", "", 1, 1, 1, 1, 0, 180, false },
        { "Qwen3-8B H100 128 tokens in 0.8 s", "h100-sxm", "", "", "", 1, 1, 1, 1, 0, 160, false },
        { "Qwen3-8B generates 500 tokens in 4 seconds on H100", "h100-sxm", "", "", "", 1, 1, 1, 1, 0, 125, false },
        { "Qwen3-8B, H100, 128 tokens in 1000ms", "h100-sxm", "", "", "", 1, 1, 1, 1, 0, 128, false },
        { "Qwen3-8B Q4_K_M - RTX 4060 Ti 16 GB - 48 tokens per sec", "rtx4060ti-16", "Q4_K_M", "llama.cpp", "", 1, 1, 1, 1, 0, 48, false },
        { "Qwen3-8B@Q4_K_M 3080 10GB: 95 t/s", "rtx3080", "Q4_K_M", "llama.cpp", "", 1, 1, 1, 1, 0, 95, false },
        { "Llama-3.1-8B 8x L4 TP8 75 tok/s, NCCL_P2P_DISABLE=1", "l4", "", "", "", 8, 8, 1, 1, 0, 75, false },
        { "Qwen3-32B H100 fp8 50 tok/s \xc2\xb1 2", "h100-sxm", "fp8", "", "", 1, 1, 1, 1, 0, 50, false },
        { "Qwen3-32B H100 fp8 45.2 tok/s (std 0.3)", "h100-sxm", "fp8", "", "", 1, 1, 1, 1, 0, 45.2, false },
        { "Qwen3-32B H100 fp8 p50 ITL 20 ms", "h100-sxm", "fp8", "", "", 1, 1, 1, 1, 0, 50, false },
        { "Qwen3-32B H100 fp8: 20ms inter-token latency", "h100-sxm", "fp8", "", "", 1, 1, 1, 1, 0, 50, false },
        { "Qwen3-32B H100 fp8: time per output token 20 ms", "h100-sxm", "fp8", "", "", 1, 1, 1, 1, 0, 50, false },
        { "Qwen3-32B H100 fp8 47 tok/s at 2048/512", "h100-sxm", "fp8", "", "", 1, 1, 1, 1, 2304, 47, false },
        { "Qwen3-32B H100 fp8 47 tok/s, ISL/OSL 2048/512", "h100-sxm", "fp8", "", "", 1, 1, 1, 1, 2304, 47, false },
        { "Qwen3-32B H100 fp8, 64 req concurrency, 1500 tok/s", "h100-sxm", "fp8", "", "", 1, 1, 64, 1, 0, 1500, false },
        { "Qwen3-32B H100 fp8, 1500 tok/s aggregate across 64 users", "h100-sxm", "fp8", "", "", 1, 1, 64, 1, 0, 1500, false },
        { "Qwen3-32B AWQ on my 2x3090 box hits a whopping 40t/s", "rtx3090", "AWQ", "", "", 2, 2, 1, 1, 0, 40, false },
        { "Qwen3-32B 3090 3090 AWQ 50 t/s", "rtx3090", "AWQ", "", "", 2, 2, 1, 1, 0, 50, false },
        /* clang-format on */
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c = parsed(&a, rows[i].text);
        while (strcmp(c.quantization ? c.quantization : "", rows[i].quantization) && bt_claim_other_model(&a, &c))
            ;
        if (strcmp(c.kind->key, rows[i].card) || strcmp(c.quantization ? c.quantization : "", rows[i].quantization) || strcmp(c.engine ? c.engine : "", rows[i].engine) ||
            strcmp(c.engine_version ? c.engine_version : "", rows[i].version))
            fail_msg("\"%s\": %s, %s, %s %s", rows[i].text, c.kind->key, c.quantization ? c.quantization : "-", c.engine ? c.engine : "-", c.engine_version ? c.engine_version : "-");
        if (c.cards != rows[i].cards || c.tp != rows[i].tp || c.streams != rows[i].streams || c.engines != rows[i].engines || c.context != rows[i].context || c.speculation != rows[i].speculation)
            fail_msg("\"%s\": %d cards, TP=%d, %d streams, %d engines, context %d", rows[i].text, (int)c.cards, (int)c.tp, (int)c.streams, (int)c.engines, (int)c.context);
        assert_near(c.tok_s, rows[i].tok_s, 1e-6 * rows[i].tok_s);
    }
}

/* What a phrase does not say is named as before. */
static void phrases_that_say_something_else_are_refused(void **st)
{
    (void)st;
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "Llama-3.1-8B 6.0bpw exl2 4090 110 t/s", "\"6.0bpw\" in the claim: of EXL2 about 4 bits" },
        { "Llama 3.1 8B runs at 1.5x realtime on H100", "\"1.5x realtime\"" },
        { "Llama-3.1-8B on H100 is 2x faster than A100", "\"2x faster\"" },
        { "Qwen3-8B H100 latency 900 ms for 128 tokens", "\"latency\"" },
        { "Qwen3-32B H100 bf16, 1500 tok/s total (64 x 23.4)", "\"64 x\"" },
        { "Qwen3-8B H100 128 tokens in 0 s", "\"0 s\"" },
        { "Llama-2-70B, 4xA100, TGI, 30 tok/s", "\"TGI\"" },
        { "Qwen3-32B FP8 on half an H100: 20 tok/s", "\"half an\" in the claim: a part of a card" },
        { "a quarter of an H100, Qwen3-8B: 20 tok/s", "\"quarter of\" in the claim: a part of a card" },
        { "Qwen3-8B half on H100: 120 tok/s", "\"half on\" in the claim: a part of a card" },
        { "Qwen3-8B RTX 4090 48GB 55 t/s", "\"48GB\"" },
        { "Qwen3-8B TPU v5e 60 t/s", "\"TPU v5e\" in the claim is a TPU" },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++)
        refused(rows[i].text, rows[i].says);
}

/* The bits of one engine alone say the engine; a name in full gives its format up, piece by piece. */
/* As many words as there may be, and the last two of them a phrase of two: nothing moves up from behind them. */
static void a_phrase_may_be_the_last_of_all_words(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    bt_buf_puts(&b, "Qwen3-8B 3090 50 tok/s");
    for (unsigned words = 4; words < 62; words += 2)
        bt_buf_puts(&b, " 1 stream");
    bt_buf_puts(&b, " 1 request");
    struct bt_claim c = parsed(&a, bt_arena_strndup(&a, (struct bt_str){ b.p, b.n }));
    assert_int_equal(c.streams, 1);
    assert_near(c.tok_s, 50, 1e-9);
}

/* What engines print, and commands; a cell of a table, a flag or a limit is no rate, no context and no stream. */
static void claims_of_logs_and_commands(void **st)
{
    (void)st;
    static const struct {
        const char *text, *model, *card, *quantization;
        uint64_t cards, tp, streams, context;
        double tok_s;
        bool speculation;
    } rows[] = {
        { "| qwen3 8B Q4_K - Medium | 4.68 GiB | 8.19 B | CUDA | 99 | tg128 | 130.42 \xc2\xb1 0.38 | on RTX 4090", "qwen3-8B", "rtx4090", "q4_k_m", 1, 1, 1, 0, 130.42, false },
        { "Output token throughput (tok/s): 529.33, Mean TPOT (ms): 30.2, max concurrency 16, Llama-3.1-8B, L40S", "Llama-3.1-8B", "l40s", "", 1, 1, 16, 0, 16e3 / 30.2, false },
        { "Median ITL (ms): 25.0 Llama-3.1-70B 2xH100 TP2 sglang", "Llama-3.1-70B", "h100-sxm", "", 2, 2, 1, 0, 40, false },
        { "Qwen3-8B RTX 4090 Avg generation throughput: 58.7 tokens/s, Running: 1 reqs", "Qwen3-8B", "rtx4090", "", 1, 1, 1, 0, 58.7, false },
        { "Qwen3-8B RTX 4090 #running-req: 4, gen throughput (token/s): 220", "Qwen3-8B", "rtx4090", "", 1, 1, 4, 0, 220, false },
        { "Qwen3-8B Q4_K_M RTX 3090 tg128@d16384 70 t/s", "Qwen3-8B", "rtx3090", "Q4_K_M", 1, 1, 1, 16384, 70, false },
        { "Qwen3-8B Q4_K_M RTX 3090 tg32 @ d4096: 110.4", "Qwen3-8B", "rtx3090", "Q4_K_M", 1, 1, 1, 4096, 110.4, false },
        { "vllm serve Qwen/Qwen3-32B-AWQ -tp 2 --max-model-len 131072 --gpu-memory-utilization 0.95 on 2x3090 => 50 tok/s", "Qwen/Qwen3-32B-AWQ", "rtx3090", "", 2, 2, 1, 0, 50, false },
        { "python -m sglang.launch_server --model-path Qwen/Qwen3-8B --tp 1, H100, 150 tok/s", "Qwen/Qwen3-8B", "h100-sxm", "", 1, 1, 1, 0, 150, false },
        { "llama-server -m Qwen3-8B-Q4_K_M.gguf -ngl 99 -c 8192 -fa, 4090, 140 t/s", "Qwen3-8B-Q4_K_M.gguf", "rtx4090", "", 1, 1, 1, 0, 140, false },
        { "./llama-bench -m Qwen3-8B-Q8_0.gguf -p 512 -n 128 RTX 3090: pp512 4100 tg128 88", "Qwen3-8B-Q8_0.gguf", "rtx3090", "", 1, 1, 1, 512, 88, false },
        { "Qwen3.8-27B-Q4_K_M, RTX 3090, --spec-type draft-mtp --spec-draft-n-max 2, 63.5 tok/s", "Qwen3.8-27B-Q4_K_M", "rtx3090", "", 1, 1, 1, 0, 63.5, true },
        { "Qwen3.6-27B int4 + MTP n=3 on a 3090: 85 t/s", "Qwen3.6-27B", "rtx3090", "int4", 1, 1, 1, 0, 85, true },
        { "model=Qwen3-8B gpu=RTX4090 tok/s=60 tp=1", "Qwen3-8B", "rtx4090", "", 1, 1, 1, 0, 60, false },
        { "{\"model\": \"Qwen3-8B\", \"gpu\": \"RTX 4090\", \"tok_s\": 60}", "Qwen3-8B", "rtx4090", "", 1, 1, 1, 0, 60, false },
        { "Llama-3.1-8B, 4090 ctx 4096, 16 ms per output token", "Llama-3.1-8B", "rtx4090", "", 1, 1, 1, 4096, 62.5, false },
        { "Llama-3.1-8B, 4090, generated 512 tokens in 9.1s (56.3 tok/s)", "Llama-3.1-8B", "rtx4090", "", 1, 1, 1, 0, 56.3, false },
        { "MI300X Llama-3.1-70B fp16 1 GPU 20 tok/s", "Llama-3.1-70B", "mi300x", "fp16", 1, 1, 1, 0, 20, false },
        { "QwQ 32B Q4_K_M on 24GB 7900XTX, 25 t/s", "QwQ-32B", "rx7900xtx", "Q4_K_M", 1, 1, 1, 0, 25, false },
        { "Llama-3.3-70B Q4_K_M 2x3090 48GB 15 t/s", "Llama-3.3-70B", "rtx3090", "Q4_K_M", 2, 2, 1, 0, 15, false },
        { "Mean TPOT (ms): 20 with Qwen3-32B FP8 on H100, --max-concurrency 1", "Qwen3-32B", "h100-sxm", "FP8", 1, 1, 1, 0, 50, false },
        { "Median ITL 10ms, Llama-3.1-8B on an RTX 5090, 1 request at a time", "Llama-3.1-8B", "rtx5090", "", 1, 1, 1, 0, 100, false },
        { "Phi-4 Q8_0 @ 4070 Ti Super: 34.6 tok/sec, 1.2s to first token", "Phi-4", "rtx4070tisuper", "Q8_0", 1, 1, 1, 0, 34.6, false },
        { "2x T4 (Kaggle): Qwen2.5-14B-GPTQ-Int4 ~22 tokens per sec", "Qwen2.5-14B-GPTQ-Int4", "t4", "", 2, 2, 1, 0, 22, false },
        { "vast.ai 4090 running Llama-3.1-8B fp16 at 56.8 tok/s", "Llama-3.1-8B", "rtx4090", "fp16", 1, 1, 1, 0, 56.8, false },
        { "Qwen3-8B fp16, vLLM v0.11.0, A6000 (48G), bsz=8 -> 290 tok/s total", "Qwen3-8B", "rtxa6000", "fp16", 1, 1, 8, 0, 290, false },
        { "Qwen3-8B fp16, A6000, 8 streams, 36 tok/s apiece", "Qwen3-8B", "rtxa6000", "fp16", 1, 1, 8, 0, 288, false },
        { "Qwen3-8B Q4_K_M on RTX 4090 takes 8 s for 1k tokens", "Qwen3-8B", "rtx4090", "Q4_K_M", 1, 1, 1, 0, 125, false },
        { "500 ms for 50 tokens, Qwen3-32B FP8, H100", "Qwen3-32B", "h100-sxm", "FP8", 1, 1, 1, 0, 100, false },
        { "500 tokens took 10 seconds, Qwen3-32B FP8, one H100", "Qwen3-32B", "h100-sxm", "FP8", 1, 1, 1, 0, 50, false },
        { "RTX 3090 x2, Llama-3.3-70B Q4_K_M, llama.cpp: 16.5 t/s tg128", "Llama-3.3-70B", "rtx3090", "Q4_K_M", 2, 2, 1, 0, 16.5, false },
        { "10 tok/s/GPU on 8xH100 with Llama-3.1-405B FP8, one stream", "Llama-3.1-405B", "h100-sxm", "FP8", 8, 8, 1, 0, 80, false },
        { "-ngl 99 Qwen3-8B Q4_K_M 3090 110 t/s", "Qwen3-8B", "rtx3090", "Q4_K_M", 1, 1, 1, 0, 110, false },
        { "Qwen3-8B Q4_K_M 3090 110 t/s -ngl 99", "Qwen3-8B", "rtx3090", "Q4_K_M", 1, 1, 1, 0, 110, false },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c = parsed(&a, rows[i].text);
        if (strcmp(c.model, rows[i].model) || strcmp(c.kind->key, rows[i].card) || strcmp(c.quantization ? c.quantization : "", rows[i].quantization))
            fail_msg("\"%s\": %s on %s, %s", rows[i].text, c.model, c.kind->key, c.quantization ? c.quantization : "-");
        if (c.cards != rows[i].cards || c.tp != rows[i].tp || c.streams != rows[i].streams || (c.context != rows[i].context && !c.prompt) || c.speculation != rows[i].speculation)
            fail_msg("\"%s\": %d cards, TP=%d, %d streams, context %d", rows[i].text, (int)c.cards, (int)c.tp, (int)c.streams, (int)c.context);
        assert_near(c.tok_s, rows[i].tok_s, 1e-6 * rows[i].tok_s);
    }
    refused("49 tok/s, 612 tokens, Qwen3-14B Q4_K_M, RTX 4070 Ti Super", "\"612 tokens\" in the claim is not understood"); /* and not the card */
    refused("Llama-3.1-8B RTX 4090 Laptop 60 tok/s", "\"RTX 4090 Laptop\" in the claim is no card");
    refused("Llama-3.2-3B Orin Nano Super 25 t/s", "\"Orin Nano\" in the claim is a smaller Jetson");
    refused("Gemma-3-27B RTX PRO 4800 Blackwell 30 tok/s", "\"RTX PRO 4800\" in the claim is no card");
    refused("50-60 tok/s Llama-3.1-8B 4090", "\"50-60 tok/s\"");
    refused("Llama-3.3-70B EXL3 3.5bpw 2x3090 17 t/s", "\"3.5bpw\"");
    bt_auto_arena a = { 0 };
    struct bt_claim c = parsed(&a, "5070ti qwen3:14b 70 tok/s"); /* ollama's tags have 4 bits */
    assert_true(bt_claim_other_model(&a, &c));
    assert_string_equal(c.model, "qwen3-14b");
    assert_string_equal(c.engine, "llama.cpp");
}

/* What the processor computes is not judged, in however many words it is said: llama.cpp's layers and experts beside the card. */
static void claims_of_a_part_on_the_processor_are_refused(void **st)
{
    (void)st;
    static const char *const some[] = {
        "gpt-oss-120b on RTX 3090 with --n-cpu-moe 28, 30 tok/s", "gpt-oss-120b 5090 ncmoe 24 37.9 t/s", "gpt-oss-120b on RTX 3090, llama.cpp, experts on CPU, 30 tok/s",
        "gpt-oss-120b 3090 -ot exps=CPU 30 t/s", "Qwen3-30B-A3B --cpu-moe 3090 30 t/s", "Qwen3-8B Q4_K_M 3090 -ngl 0 10 t/s",
    };
    for (size_t i = 0; i < BT_LEN(some); i++)
        refused(some[i], "a part of the model that the processor computes is not judged");
    static const struct {
        const char *text;
        uint64_t layers;
        bool judged;
    } rows[] = {
        { "Qwen3-8B Q4_K_M, 3090, -ngl 20, 25 t/s", 20, false },         { "Qwen3-8B Q4_K_M, 3090, --n-gpu-layers 35, 25 t/s", 35, false },
        { "Qwen3-8B Q4_K_M, 3090, -ngl=36, 110 t/s", 36, false },        { "Qwen3-8B Q4_K_M, 3090, -ngl 99, 110 t/s", 99, true },
        { "Qwen3-8B Q4_K_M, 3090, -ngl=37, 110 t/s", 37, true },         { "Qwen3-8B Q4_K_M, 3090, -ngl all, 110 t/s", 0, true },
        { "Qwen3-8B Q4_K_M, 3090, -ngl auto, 110 t/s", 0, true },        { "Qwen3-8B Q4_K_M, 3090, --n-gpu-layers -1, 110 t/s", 0, true },
        { "| qwen3 8B Q4_K - Medium | 4.68 GiB | 8.19 B | CUDA | 20 | tg128 | 37.05 \xc2\xb1 0.38 | on RTX 4090", 20, false },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_judged j;
        struct bt_claim c = parsed(&a, rows[i].text);
        assert_int_equal(c.card_layers, rows[i].layers);
        assert_int_equal(bt_claim_judge(&c, model_of(&a, "Qwen/Qwen3-8B"), &j, &err), rows[i].judged ? 0 : -1);
        if (!rows[i].judged)
            assert_non_null(strstr(err.msg, "of the model's 37 layers, the output layer among them, are on the card"));
    }
}

static void claims_name_engines_and_formats_by_the_way(void **st)
{
    (void)st;
    static const struct {
        const char *text, *engine, *model, *bits;
        bool by_layers;
    } rows[] = {
        { "Qwen3-8B-Q4_K_M.gguf, 2x3090, 70 t/s", "llama.cpp", "Qwen3-8B", "Q4_K_M", true },
        { "Qwen3-8B GGUF, 2x3090, TP2, 70 t/s", "llama.cpp", "Qwen3-8B", "", false },
        { "Qwen3-8B EXL2, 2x3090, 70 t/s", "exllamav2", "Qwen3-8B", "EXL2", false },
        { "Qwen3-8B-AWQ, 2x3090, 70 t/s", "", "Qwen3-8B", "AWQ", false },
        { "Qwen3-8B Q4_0, vllm, 3090, 70 t/s", "vllm", "Qwen3-8B", "Q4_0", false },
        { "qwen3:8b, ollama, 3090, 70 t/s", "ollama", "qwen3-8b", "", true },
        { "Qwen3-8B-FP8-dynamic, H100, 70 t/s", "", "Qwen3-8B", "fp8", false },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c = parsed(&a, rows[i].text);
        while (strcmp(c.model, rows[i].model) && bt_claim_other_model(&a, &c))
            ;
        assert_string_equal(c.model, rows[i].model);
        assert_string_equal(c.engine ? c.engine : "", rows[i].engine);
        assert_string_equal(c.quantization ? c.quantization : "", rows[i].bits);
        assert_int_equal(c.by_layers, rows[i].by_layers);
    }
}

static void claims_are_judged(void **st)
{
    (void)st;
    static const struct {
        const char *text, *model;
        double share;
        enum bt_verdict verdict;
    } rows[] = {
        { "Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s", "Qwen/Qwen2.5-32B", 0.87, BT_CLAIM_NOT_REACHED },
        { "Qwen2.5-32B bf16, 3xA100-40GB, TP3, 72 tok/s", "Qwen/Qwen2.5-32B", 0.99, BT_CLAIM_NOT_REACHED },
        { "Qwen2.5-32B bf16, 2xA100-40GB, TP2, 50 tok/s", "Qwen/Qwen2.5-32B", 1.03, BT_CLAIM_IMPOSSIBLE },
        { "Qwen2.5-32B bf16, 2xA100-40GB, TP2, 34 tok/s", "Qwen/Qwen2.5-32B", 0.70, BT_CLAIM_CREDIBLE },
        { "Llama-2-7B, A100-80GB, 191 tok/s", "meta-llama/Llama-2-7b-hf", 1.24, BT_CLAIM_IMPOSSIBLE },
        { "Qwen2.5-32B bf16, 4xA100-40GB, PP4, 85 tok/s", "Qwen/Qwen2.5-32B", 3.50, BT_CLAIM_IMPOSSIBLE },
        { "Qwen2.5-32B bf16, 4xA100-40GB, PP4, 4 streams, 85 tok/s", "Qwen/Qwen2.5-32B", 0.87, BT_CLAIM_NOT_REACHED },
        { "Qwen3-8B A100 90000 tok/s, 4096 streams", "Qwen/Qwen3-8B", 0.163, BT_CLAIM_IMPOSSIBLE },          /* by its operations */
        { "Qwen3-30B-A3B ollama 4090 150 t/s", "Qwen/Qwen3-30B-A3B", 0.284, BT_CLAIM_CREDIBLE },             /* in ollama's usual bits */
        { "Qwen3-32B Q6_K 2x3090 llama.cpp 24 t/s", "Qwen/Qwen3-32B", 0.336, BT_CLAIM_CREDIBLE },
        { "gpt-oss-120b, GB10, 59.5 tok/s", "openai/gpt-oss-120b", 0.774, BT_CLAIM_CREDIBLE },               /* measured, with the rest in 8 bits */
        { "gpt-oss-120b, vLLM, GB10, 59.5 tok/s", "openai/gpt-oss-120b", 1.09, BT_CLAIM_IMPOSSIBLE },
        { "gpt-oss-120b, GB10, 90 tok/s", "openai/gpt-oss-120b", 1.65, BT_CLAIM_IMPOSSIBLE },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c = parsed(&a, rows[i].text);
        struct bt_judged j;
        struct bt_err err = { 0 };
        if (bt_claim_judge(&c, model_of(&a, rows[i].model), &j, &err) < 0)
            fail_msg("%s: %s", rows[i].text, err.msg);
        assert_near(j.share, rows[i].share, 0.006);
        assert_int_equal(j.verdict, rows[i].verdict);
    }
    assert_near(bt_pace_best_share(4, true), 0.69, 1e-9);
}

/* Several cards of llama.cpp stand in a row: one stream is as fast as on one of them; the ceiling stays that of the best split. */
static void llama_cpp_splits_by_layers(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_claim c;
    struct bt_judged row, split;
    struct bt_err err = { 0 };
    const struct bt_model *m = model_of(&a, "Qwen/Qwen3-32B");
    assert_int_equal(bt_claim_parse(&a, bt_str("Qwen3-32B Q6_K 2x3090 llama.cpp 24 t/s"), &c, &err), 0);
    assert_int_equal(bt_claim_judge(&c, m, &row, &err), 0);
    assert_int_equal(bt_claim_parse(&a, bt_str("Qwen3-32B Q6_K 2x3090 llama.cpp TP2 24 t/s"), &c, &err), 0);
    assert_int_equal(bt_claim_judge(&c, m, &split, &err), 0);
    assert_near(row.ceiling_tok_s, split.ceiling_tok_s, 1e-9);
    assert_true(row.pace.total_tok_s < 0.7 * split.pace.total_tok_s);
    assert_near(row.pace.total_tok_s, 27, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_are_read),
        cmocka_unit_test(claims_are_read_as_people_write),
        cmocka_unit_test(claims_of_posts_and_tables),
        cmocka_unit_test(bad_claims_name_what_is_wrong),
        cmocka_unit_test(claims_of_the_wild),
        cmocka_unit_test(claims_of_other_things_are_refused),
        cmocka_unit_test(claims_of_forums),
        cmocka_unit_test(phrases_that_say_something_else_are_refused),
        cmocka_unit_test(a_phrase_may_be_the_last_of_all_words),
        cmocka_unit_test(claims_of_logs_and_commands),
        cmocka_unit_test(claims_of_a_part_on_the_processor_are_refused),
        cmocka_unit_test(claims_name_engines_and_formats_by_the_way),
        cmocka_unit_test(claims_are_judged),
        cmocka_unit_test(llama_cpp_splits_by_layers),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}
