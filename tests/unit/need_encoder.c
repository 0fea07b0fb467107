/* Images and videos in the profile run: which one, how large, by version. Sizes are those of the engine's log lines. */
#include "need_help.h"

#include "need/parts.h"

static struct bt_need *of(struct bt_arena *a, const char *id, const char *version, struct bt_serve s)
{
    struct bt_gpu card = card_of(23.56, 8);
    return need_of(a, model_of(a, id), version, s, &card);
}

static const struct bt_need_line *line_of(const struct bt_need *n, enum bt_part part)
{
    for (size_t i = 0; i < n->rank[0].n; i++)
        if (n->rank[0].line[i].part == part)
            return &n->rank[0].line[i];
    return NULL;
}

/* "Encoder cache will be initialized with a budget of 153600 tokens, and profiled with 1 video items" (0.11.0, Qwen3-VL-30B-A3B): embeddings of the
 * budget stay, 2048 wide and four times (three layers between have theirs). */
static void a_video_is_profiled_where_it_has_more_tokens(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_need *n = of(&a, "Qwen/Qwen3-VL-30B-A3B-Instruct", "0.11.0", (struct bt_serve){ .tp = 4, .context = 65536 });
    assert_int_equal(part_of(&n->rank[0], BT_P_ENCODER), 153600ull * 2048 * 4 * 2);
    assert_non_null(strstr(line_of(n, BT_P_ENCODER)->why, "1 video of the largest size, 49152 patches"));
    n = of(&a, "Qwen/Qwen3-VL-30B-A3B-Instruct", "0.20.2", (struct bt_serve){ .tp = 4, .context = 65536 });         /* counted as it is: the image is larger */
    assert_non_null(strstr(line_of(n, BT_P_ENCODER)->why, "1 image of the largest size, 65536 patches"));
}

static void what_the_prompt_may_not_have_is_not_profiled(void **st)
{
    (void)st;
    static const struct { const char *limit, *seen; } cases[] = {
        { "{\"video\": 0}", "1 image of" }, { "{\"image\": 0}", "1 video of" }, { "{\"image\": 0, \"video\": 0}", NULL }, { "image=0,video=0", NULL }, { "{\"image\": 4}", "1 video of" },
    };
    bt_auto_arena a = { 0 };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        const char *extra[] = { "--limit-mm-per-prompt", cases[i].limit };
        struct bt_need *n = of(&a, "Qwen/Qwen3-VL-30B-A3B-Instruct", "0.11.0", (struct bt_serve){ .tp = 4, .context = 65536, .extra = { extra, 2 } });
        const struct bt_need_line *l = line_of(n, BT_P_ENCODER);
        assert_true(cases[i].seen ? l && strstr(l->why, cases[i].seen) != NULL : l == NULL);
    }
}

/* "Model loading took 3.4554 GiB" (0.11.0, 2B under float16, no images and no videos; of a batch of 2048 and of one of 8192): neither the tower nor the
 * buffers behind it. A class that is not among the first leaves its tower out from 0.15 on; what may still have videos keeps it. */
static void a_tower_that_has_nothing_to_read_is_not_made(void **st)
{
    (void)st;
    static const struct { const char *model, *version, *limit; bool made; } cases[] = {
        { "Qwen/Qwen3-VL-2B-Instruct", "0.11.0", "{\"image\":0,\"video\":0}", false }, { "Qwen/Qwen3-VL-2B-Instruct", "0.11.0", "{\"image\":0}", true },
        { "Qwen/Qwen3-VL-2B-Instruct", "0.10.2", "{\"image\":0,\"video\":0}", true },  { "google/gemma-3-4b-it", "0.14.0", "{\"image\":0}", true },
        { "google/gemma-3-4b-it", "0.15.0", "{\"image\":0}", false },                  { "google/gemma-3-4b-it", "0.15.0", "{\"image\":1}", true },
    };
    bt_auto_arena a = { 0 };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        const char *extra[] = { "--limit-mm-per-prompt", cases[i].limit };
        struct bt_need *n = of(&a, cases[i].model, cases[i].version, (struct bt_serve){ .context = 2048, .max_batched_tokens = 8192, .extra = { extra, 2 } });
        bool made = strstr(line_of(n, BT_P_WEIGHTS)->why, "vision tower") != NULL;
        if (made != cases[i].made)
            fail_msg("%s of %s with %s: %s", cases[i].model, cases[i].version, cases[i].limit, line_of(n, BT_P_WEIGHTS)->why);
        if (i == 0)
            assert_in_range(part_of(&n->rank[0], BT_P_WEIGHTS), (uint64_t)(3.425 * (double)GiB), (uint64_t)(3.486 * (double)GiB));
    }
}

/* Qwen2.5-VL: frames of an image's size, as many pairs as the request has room for; 0.10.2 as one batch has. */
static void frames_fill_the_longest_request(void **st)
{
    (void)st;
    static const struct { const char *version; uint64_t context, batched, patches; } cases[] = {
        { "0.9.2", 128000, 2048, 65536 }, { "0.10.2", 128000, 2048, 65536 }, { "0.10.2", 128000, 65536, 4 * 65536 },
        { "0.11.0", 16384, 2048, 65536 }, { "0.11.0", 49152, 2048, 3 * 65536 }, { "0.20.2", 128000, 2048, 7 * 65536 },
    };
    bt_auto_arena a = { 0 };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_need *n = of(&a, "Qwen/Qwen2.5-VL-7B-Instruct", cases[i].version, (struct bt_serve){ .context = cases[i].context, .max_batched_tokens = cases[i].batched, .max_seqs = 1 });
        assert_non_null(strstr(line_of(n, BT_P_ENCODER)->why, bt_arena_printf(&a, " %llu patches", (unsigned long long)cases[i].patches)));
    }
    const char *smaller[] = { "--mm-processor-kwargs", "{\"min_pixels\": 784, \"max_pixels\": 1003520}" };           /* 1280 tokens of 28 x 28 */
    struct bt_need *n = of(&a, "Qwen/Qwen2.5-VL-7B-Instruct", "0.9.2", (struct bt_serve){ .context = 8192, .max_batched_tokens = 1024, .max_seqs = 1, .extra = { smaller, 2 } });
    assert_non_null(strstr(line_of(n, BT_P_ENCODER)->why, " 5120 patches"));
}

/* Qwen2.5-Omni's processor makes videos smaller than the engine counts them: "budget of 32768 tokens, 1 video", and a profiled peak that is the sampler's. */
static void omni_counts_large_videos_and_encodes_small_ones(void **st)
{
    (void)st;
    static const char json[] = "{\"architectures\": [\"Qwen2_5OmniForConditionalGeneration\"], \"thinker_config\": {\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280}, \"text_config\": "
                               "{\"hidden_size\": 3584, \"num_hidden_layers\": 28, \"num_attention_heads\": 28, \"num_key_value_heads\": 4, \"intermediate_size\": 18944, \"vocab_size\": 152064}}}";
    bt_auto_arena a = { 0 };
    struct bt_model m = { .id = "omni" };
    struct bt_err err = { 0 };
    struct bt_gpu card = card_of(39.49, 8);
    assert_true(bt_model_config(&a, "config.json", bt_str(json), &m, &err) == 0);
    assert_int_equal(m.tower.frame_tokens, 768);
    assert_true(bt_model_derive(&a, &m, &err) == 0);
    struct bt_need *early = need_of(&a, &m, "0.9.2", (struct bt_serve){ .context = 32768 }, &card), *n = need_of(&a, &m, "0.10.2", (struct bt_serve){ .context = 32768 }, &card);
    assert_true(part_of(&early->rank[0], BT_P_ENCODER) > GiB);
    assert_true(part_of(&n->rank[0], BT_P_ENCODER) < 16 * MiB);
}

/* Runner V2 of 0.25 and 0.26 profiles text alone: the image is outside the budget, and planned all the same. */
static void what_is_not_profiled_is_kept_free(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_serve s = { .context = 16384, .max_seqs = 8 };
    struct bt_need *n = of(&a, "Qwen/Qwen3-VL-8B-Instruct", "0.26.0", s), *later = of(&a, "Qwen/Qwen3-VL-8B-Instruct", "0.27.0", s);
    assert_int_equal(part_of(&n->rank[0], BT_P_ENCODER), 0);
    assert_true(part_of(&n->rank[0], BT_P_HEADROOM) >= part_of(&later->rank[0], BT_P_ENCODER) && part_of(&later->rank[0], BT_P_ENCODER) > GiB);
    const char *data[] = { "--mm-encoder-tp-mode", "data" };
    struct bt_serve two = s, whole = s;
    two.tp = whole.tp = 2;
    whole.extra = (struct bt_strs){ data, 2 };
    n = of(&a, "Qwen/Qwen3-VL-8B-Instruct", "0.32.0", two);                  /* 65536 patches x 1152 x (3 + 9 / 2) x 2 B: ranks share the tower's layers, unless each encodes by itself */
    assert_non_null(strstr(line_of(n, BT_P_ENCODER)->why, "65536 patches x 1152 x 8 x 2 B"));
    n = of(&a, "Qwen/Qwen3-VL-8B-Instruct", "0.32.0", whole);
    assert_non_null(strstr(line_of(n, BT_P_ENCODER)->why, "65536 patches x 1152 x 12 x 2 B"));
    n = of(&a, "Qwen/Qwen3-VL-8B-Instruct", "0.26.0", s);
    assert_true(n->rank[0].budget_bytes < later->rank[0].budget_bytes);
    struct bt_need *experts = of(&a, "Qwen/Qwen3-VL-30B-A3B-Instruct", "0.26.0", s);                     /* experts still run on V1 */
    assert_true(part_of(&experts->rank[0], BT_P_ENCODER) > 0);
}

/* Gemma 4 sees images and videos in both directions: from 0.22 on a whole video has to fit into the batch. 9.81 of a real log of 0.25.1. */
static void a_batch_holds_an_item_that_may_not_be_cut(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_serve s = { .context = 32768 };
    struct bt_need *n = of(&a, "google/gemma-4-26B-A4B-it", "0.25.1", s);
    assert_int_equal(n->serve.max_batched_tokens, 2496);
    assert_near((double)((uint64_t)(12.75 * (double)GiB) / n->rank[0].kv_block_bytes) / (double)bt_need_request_blocks(n, &n->rank[0], 32768), 9.81, 0.005);
    assert_int_equal(of(&a, "google/gemma-4-26B-A4B-it", "0.20.2", s)->serve.max_batched_tokens, 2048);
    assert_int_equal(of(&a, "google/gemma-4-E4B-it", "0.25.1", s)->serve.max_batched_tokens, 2048);      /* sees them in one direction */
    s.max_batched_tokens = 1024;
    assert_int_equal(of(&a, "google/gemma-4-26B-A4B-it", "0.25.1", s)->serve.max_batched_tokens, 1024);  /* as it was said */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_video_is_profiled_where_it_has_more_tokens),
        cmocka_unit_test(what_the_prompt_may_not_have_is_not_profiled), cmocka_unit_test(a_tower_that_has_nothing_to_read_is_not_made),
        cmocka_unit_test(frames_fill_the_longest_request),
        cmocka_unit_test(omni_counts_large_videos_and_encodes_small_ones),
        cmocka_unit_test(what_is_not_profiled_is_kept_free),
        cmocka_unit_test(a_batch_holds_an_item_that_may_not_be_cut),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}
