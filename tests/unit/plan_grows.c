/* What contexts grow to on a card, and on several together, against what is granted to them: nothing is granted beyond a bound (plan/grows_int.h). */
#include "../../bench/plan_draw.h"
#include "plan/grows_int.h"
#include "plan_help.h"

/* Bytes of a context, on every kind of rank: no less than the line that the bounds take them by. */
static void no_context_takes_less_than_its_line(void **st)
{
    (void)st;
    static const char *const servers[] = {
        "engine: vllm, model: Qwen/Qwen2.5-7B-Instruct", "engine: vllm, model: google/gemma-2-9b-it", "engine: vllm, model: google/gemma-3-4b-it", "engine: vllm, model: Zyphra/Zamba2-2.7B",
        "engine: vllm, model: google/gemma-2-9b-it, tp: 1, pp: 2", "engine: sglang, model: Qwen/Qwen3-4B", "engine: vllm, model: Qwen/Qwen3-30B-A3B, kv_dtype: fp8",
    };
    unsigned grow = 0;
    struct draw d;
    draw_seed(&d, 3);
    for (size_t i = 0; i < 40 * BT_LEN(servers); i++) {
        bt_auto_arena a = { 0 };
        unsigned min = 1 + draw(&d, 3000), want = BT_MIN(min + draw(&d, 6000), 4096u + draw(&d, 2) * 2048);
        const char *text = bt_arena_printf(&a, "name: t\nworkloads:\n  w: {%s, context: {min: %u, want: %u}, requests: %u}\n", servers[i % BT_LEN(servers)], min, BT_MAX(min, want), 1 + draw(&d, 3));
        struct pl_problem *p = plan_problem_or_none(&a, text, "2xH100-80GB-HBM3");
        if (!p)
            continue;
        struct search *s = se_new(p, &a);
        const struct pl_work *k = &p->work[0];
        for (size_t j = 0; j < s->work[0].nshapes; j++) {
            const struct se_shape *sh = &s->work[0].shape[j];
            const struct bt_need *need = sh->sh->cost[0].need;
            for (uint32_t stage = 0; stage < sh->pp; stage++) {
                const struct se_row *row = &sh->row[stage];
                grow += row->slope > 0;
                for (uint64_t c = k->ctx_min; c <= k->ctx_want; c++) {
                    uint64_t kv = BT_MAX(bt_need_kv_for(need, &need->rank[stage], k->ctx_min, k->w->requests), bt_need_kv_for(need, &need->rank[stage], c, 1));
                    double bytes = (double)(pl_fixed(&need->rank[stage], &p->fleet->gpus[0]) + kv);
                    if (bytes < (double)row->floor + row->slope * ((double)c - row->ctx0) - 1)
                        fail_msg("%s: %llu tokens in shape %zu take %.0f bytes, %.0f are said", text, (unsigned long long)c, j, bytes, (double)row->floor + row->slope * ((double)c - row->ctx0));
                }
            }
        }
    }
    assert_true(grow > 100);
}

/* Two to four servers of one copy each, and bytes for others beside them. */
static const char *draw_neighbours(struct draw *d, struct bt_arena *a)
{
    static const char *const models[] = { "Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen3-4B", "HuggingFaceTB/SmolLM2-135M", "Qwen/Qwen3-1.7B", "Qwen/Qwen2.5-0.5B-Instruct", "google/gemma-2-9b-it" };
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    bt_buf_puts(&b, "name: t\nworkloads:\n");
    for (unsigned i = 0, n = 2 + draw(d, 3); i < n; i++) {
        unsigned how = draw(d, 3), min = how == 0 ? 500 + draw(d, 3000) : 512 + 256 * draw(d, 12), want = how == 0 ? min + 1 + draw(d, 100) : BT_MIN(min + 1 + 256 * draw(d, 20), 8192u);
        bt_buf_printf(&b, "  w%u: {engine: vllm, model: %s, gpus: 1, context: {min: %u, want: %u}, requests: %u}\n", i, models[draw(d, BT_LEN(models))], min, BT_MAX(min, want), 1 + draw(d, 3));
    }
    return bt_arena_strdup(a, bt_buf_z(&b));
}

/* All of them on one card, of which so much is left that not all have what they want. Of several groups of layers (gemma-2) a token may take several blocks. */
static void no_set_is_granted_more_than_it_is_worth(void **st)
{
    (void)st;
    unsigned short_ = 0;
    for (unsigned number = 1; number <= 1500; number++) {
        bt_auto_arena a = { 0 };
        struct draw d;
        struct pl_room room;
        struct pl_copy copy[4];
        size_t card = 0;
        uint16_t at[4];
        draw_seed(&d, number);
        const char *text = draw_neighbours(&d, &a);
        struct pl_problem *p = plan_problem_or_none(&a, text, "1xA100-SXM4-80GB");
        if (!p)
            continue;
        uint64_t *ctx = BT_NEWN(&a, uint64_t, p->n + 1), least[BT_MAX_GPUS], most[BT_MAX_GPUS];
        for (size_t i = 0; i < p->n; i++)
            copy[i] = (struct pl_copy){ .work = i, .card = &card, .ncards = 1 };
        pl_room_init(&room, p, copy, p->n);
        if (!pl_room_holds(&room))
            continue;
        pl_room_load(&room, least);
        for (size_t i = 0; i < p->n; i++)
            ctx[i] = p->work[i].ctx_want;
        pl_room_floors(&room, ctx);
        pl_room_load(&room, most);
        if (most[0] <= least[0])
            continue;
        p->cap[0] = least[0] + (most[0] - least[0]) / 4096 * draw(&d, 4096);
        pl_grant(&room, ctx);
        double has = 0, all = 0;
        for (size_t i = 0; i < p->n; i++) {
            has += 1000.0 * (double)ctx[i] / (double)p->work[i].ctx_want;
            all += 1000;
        }
        short_ += has < all - 10;
        struct search *s = se_new(p, &a);
        struct grows g;
        for (size_t i = 0; i < p->n; i++)
            s->ctx_most[i] = 1;
        se_fix(s, NULL, -1, &a);
        assert_true(gr_start(&g, s, &a));
        g.granted = NULL;            /* the bound, not the answer */
        struct gr_color *c = &g.color[0];
        size_t n = 0;
        for (uint16_t j = 0; j < c->n; j++)
            if (c->rank[j].shape == PL_NONE)
                at[n++] = j;
        assert_int_equal(n, p->n);
        double worth = gr_worth(&g, 0, at, n, NULL);
        if (has > worth + 1e-6)
            fail_msg("%u: has %f, is said to be worth %f\n%s", number, has, worth, text);
    }
    assert_true(short_ > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(no_context_takes_less_than_its_line), cmocka_unit_test(no_set_is_granted_more_than_it_is_worth) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
