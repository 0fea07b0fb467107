/* Claims of speed, as people write them: read word by word, and held against what the cards can read. */
#include "need_help.h"

#include "pace/pace.h"

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
        { "85tok/s, Qwen2.5 32B, 4 A100-40GB tp=4", "Qwen2.5-32B", "a100-sxm4-40", NULL, NULL, NULL, 4, 4, 1, 1, 0, 85 },
        { "Llama-3.1-8B fp8 on 2x RTX 4090 vllm 0.11.0 batch 16 ctx=4k TP2 900 tokens/s", "Llama-3.1-8B", "rtx4090", "fp8", "vllm", "0.11.0", 2, 2, 1,
          16, 4000, 900 },
        { "TP2xPP2 H100 Llama-3.1-70B 30 t/s", "Llama-3.1-70B", "h100-sxm", NULL, NULL, NULL, 4, 2, 2, 1, 0, 30 },
        { "Llama-3.1-70B, 8xH200, 32 streams, 1200.5 tps", "Llama-3.1-70B", "h200-sxm", NULL, NULL, NULL, 8, 8, 1, 32, 0, 1200.5 },
        { "Llama-3.1-8B, A100, llama.cpp, q4_k_m, 120 tok/s", "Llama-3.1-8B", "a100-sxm4-80", "q4_k_m", "llama.cpp", NULL, 1, 1, 1, 1, 0, 120 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c;
        struct bt_err err = { 0 };
        int rc = bt_claim_parse(&a, bt_str(rows[i].text), &c, &err);
        if (rc < 0)
            fail_msg("%s: %s", rows[i].text, err.msg);
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
        struct bt_claim c;
        struct bt_err err = { 0 };
        if (bt_claim_parse(&a, bt_str(rows[i].text), &c, &err) < 0)
            fail_msg("\"%s\": %s", rows[i].text, err.msg);
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
        struct bt_claim c;
        struct bt_err err = { 0 };
        if (bt_claim_parse(&a, bt_str(rows[i].text), &c, &err) < 0)
            fail_msg("\"%s\": %s", rows[i].text, err.msg);
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
        { "Qwen3-8B, A100, TP4 PP2, 2xA100, 5 tok/s", "not understood" },
        { "Qwen3-8B, 2xA100, TP4, 5 tok/s", "needs 4 cards" },
        { "Qwen3-8B, A100, banana, 5 tok/s", "\"banana\"" },
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
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c;
        struct bt_err err = { 0 };
        assert_int_equal(bt_claim_parse(&a, bt_str(rows[i].text), &c, &err), -1);
        assert_int_equal(err.code, BT_E_USAGE);
        if (!strstr(err.msg, rows[i].says))
            fail_msg("\"%s\": %s", rows[i].text, err.msg);
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
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c;
        struct bt_judged j;
        struct bt_err err = { 0 };
        if (bt_claim_parse(&a, bt_str(rows[i].text), &c, &err) < 0 || bt_claim_judge(&c, model_of(&a, rows[i].model), &j, &err) < 0)
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
        cmocka_unit_test(claims_are_judged),
        cmocka_unit_test(llama_cpp_splits_by_layers),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}
