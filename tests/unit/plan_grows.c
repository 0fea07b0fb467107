/* What contexts grow to on a card, and on several together, against what is granted to them: nothing is granted beyond a bound (plan/grows_int.h). */
#include <math.h>
#include <string.h>

#include "plan/grows_int.h"
#include "plan_drawn.h"

#define MOST_WAYS 500                /* to say where contexts stop, that are tried */

/* Bytes of a context, on every kind of rank: no less than the line that the bounds take them by; nor, where no window ends on the way, two blocks of each group
 * more. */
static void a_context_takes_what_its_line_says(void **st)
{
    (void)st;
    static const char *const servers[] = {
        "engine: vllm, model: Qwen/Qwen2.5-7B-Instruct", "engine: vllm, model: google/gemma-2-9b-it", "engine: vllm, model: google/gemma-3-4b-it", "engine: vllm, model: Zyphra/Zamba2-2.7B",
        "engine: vllm, model: google/gemma-2-9b-it, tp: 1, pp: 2", "engine: sglang, model: Qwen/Qwen3-4B", "engine: vllm, model: Qwen/Qwen3-30B-A3B, kv_dtype: fp8",
    };
    unsigned grow = 0, past = 0;
    struct draw d;
    draw_seed(&d, 3);
    for (size_t i = 0; i < 40 * BT_LEN(servers); i++) {
        bt_auto_arena a = { 0 };
        unsigned min = 1 + draw(&d, 3000), want = BT_MIN(min + draw(&d, 6000), 4096u + draw(&d, 2) * 2048);
        bool is_long = i % BT_LEN(servers) == 2 && draw(&d, 2);          /* gemma-3: past its windows */
        if (is_long) {
            min += draw(&d, 30000);
            want = min + draw(&d, 30000);
        }
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
                past += row->slope > 0 && row->groups < need->rank[stage].ngroups;
                bool straight = row->slope > 0 && row->last == row->groups && row->block;
                for (uint64_t c = k->ctx_min; c <= k->ctx_want; c += 1 + is_long * draw(&d, 60)) {
                    uint64_t kv = BT_MAX(bt_need_kv_for(need, &need->rank[stage], k->ctx_min, k->w->requests), bt_need_kv_for(need, &need->rank[stage], c, 1));
                    double bytes = (double)(pl_fixed(&need->rank[stage], &p->fleet->gpus[0]) + kv);
                    if (bytes < (double)row->floor + row->slope * ((double)c - row->ctx0) - 1)
                        fail_msg("%s: %llu tokens in shape %zu take %.0f bytes, %.0f are said", text, (unsigned long long)c, j, bytes, (double)row->floor + row->slope * ((double)c - row->ctx0));
                    double most = (double)row->floor + row->slope * BT_MAX((double)c - row->ctx0, 0.0) + 2.0 * row->groups * (double)row->block;
                    if (straight && bytes > most + 1)
                        fail_msg("%s: %llu tokens in shape %zu take %.0f bytes, %.0f at most are said", text, (unsigned long long)c, j, bytes, most);
                }
            }
        }
    }
    assert_true(grow > 100 && past > 10);
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

/* The ranks of a copy on a card of the color, in whatever shape (its stages may be several): those that stop there, where they are told apart. How many. */
static size_t ranks_of(const struct grows *g, const struct gr_color *c, const struct pl_copy *copy, bool stops, uint16_t *rank)
{
    const struct se_work *w = &g->s->work[copy->work];
    size_t shape = 0, n = 0;
    bool told = false;
    while (w->shape[shape].index != copy->shape)
        shape++;
    for (unsigned round = 0; round < 2; round++)
        for (uint16_t k = 0; k < c->n; k++) {
            const struct gr_rank *r = &c->rank[k];
            if (r->work != copy->work || r->shape != PL_NONE || r->cards != copy->ncards || !(r->shapes >> shape % 64 & 1))
                continue;
            if (round == 0)
                told = told || r->stops == stops;
            else if (r->stops == stops || !told)
                rank[n++] = k;
        }
    return n;
}

/* The most that a card's set is worth, of all ranks that its copies may be there, from copy `from` on. < 0: it has no such set. */
static double most_of_card(const struct grows *g, const struct pl_solution *o, size_t h, const size_t *stop, size_t from, struct gr_set *x)
{
    double most = -1;
    for (size_t i = from; i < o->ncopies; i++)
        for (uint32_t r = 0; r < o->copy[i].ncards; r++) {
            uint16_t rank[GR_RANKS];
            if (o->copy[i].card[r] != h)
                continue;
            size_t n = ranks_of(g, &g->color[x->color], &o->copy[i], stop[g->s->p->work[o->copy[i].work].ctx_root] == h, rank);
            for (size_t k = 0; k < n; k++) {
                x->at[x->n++] = rank[k];
                most = BT_MAX(most, most_of_card(g, o, h, stop, i + 1, x));
                x->n--;
            }
            return most;
        }
    return x->n ? gr_worth(g, x->color, x->at, x->n, NULL) : 0;
}

/* Thousandths that all cards come to where stop[root] is the card on which the context stops. < 0: some card has no such set. */
static double worth_of_all(const struct grows *g, const struct pl_solution *o, const size_t *stop)
{
    double sum = g->base;
    for (size_t h = 0; h < g->s->ncards; h++) {
        struct gr_set x = { .color = 0 };
        while (!se_same_color(g->s->p, h, g->color[x.color].card))
            x.color++;
        double worth = most_of_card(g, o, h, stop, 0, &x);
        if (worth < 0)
            return -1;
        sum += worth;
    }
    return sum;
}

/* The most of all ways to say on which card each context stops, from this one on; or the first that is enough. */
static double most_worth(const struct grows *g, const struct pl_solution *o, size_t root, size_t *stop, double enough)
{
    if (root == g->s->p->n)
        return worth_of_all(g, o, stop);
    double most = -1;
    bool on[BT_MAX_GPUS] = { false }, any = false;
    for (size_t i = 0; i < o->ncopies; i++)
        for (uint32_t r = 0; r < o->copy[i].ncards && g->s->p->work[o->copy[i].work].server && g->s->p->work[o->copy[i].work].ctx_root == root; r++)
            on[o->copy[i].card[r]] = any = true;
    stop[root] = PL_NONE;
    for (size_t h = 0; h < g->s->ncards && any && most < enough; h++)
        if (on[h]) {
            stop[root] = h;
            most = BT_MAX(most, most_worth(g, o, root + 1, stop, enough));
        }
    return any ? most : most_worth(g, o, root + 1, stop, enough);
}

/* Of plans over several cards: there is a card for each context on which it stops, so that the sets are worth no less than the plan has. Where none stops
 * anywhere they may be worth more: that is what the row is for. */
static void every_context_stops_on_one_of_its_cards(void **st)
{
    (void)st;
    unsigned wide = 0, lower = 0;
    for (unsigned number = 1; number <= 300; number++) {
        bt_auto_arena a = { 0 };
        struct grows g;
        struct pl_score most;
        struct pl_solution o = { .complete = true };
        size_t stop[64];
        struct drawn_problem x = drawn_problem(&a, number, 4 + number % 3, 9);
        struct pl_problem *p = x.p;
        if (!p)
            continue;
        pl_search(p, 1500, NULL, &o);
        if (!o.found)
            continue;
        struct search *s = se_new(p, &a);
        uint32_t *copies = BT_NEWN(&a, uint32_t, p->n + 1);
        bool several = false;
        double ways = 1;
        for (size_t i = 0; i < o.ncopies; i++) {
            copies[o.copy[i].work]++;
            ways *= o.copy[i].ncards;
            several = several || (o.copy[i].ncards > 1 && o.ctx[o.copy[i].work] < p->work[o.copy[i].work].ctx_want);
        }
        se_fix_all(s, &most);
        se_fix(s, copies, -1, &a);
        if (!several || ways > MOST_WAYS || !gr_start(&g, s, &a))
            continue;
        wide++;
        double has = (double)o.score.v[BT_GOAL_WANTS], worth = most_worth(&g, &o, 0, stop, INFINITY);
        for (size_t i = 0; i < p->n; i++)
            stop[i] = PL_NONE;
        lower += worth < worth_of_all(&g, &o, stop) - 1;
        if (has > worth + 1e-3)
            fail_msg("%u: has %f, is said to be worth %f\n%s\n%s", number, has, worth, x.fleet, x.text);
        for (size_t i = 0; i < p->n; i++)            /* the same with contexts settled: a card on which one stops is full of them */
            if (p->work[i].server && p->work[i].ctx_want && copies[i])
                gr_set_shares(&g, i, (double)o.ctx[i] / (double)p->work[i].ctx_want, (double)o.ctx[i] / (double)p->work[i].ctx_want);
        worth = most_worth(&g, &o, 0, stop, has);
        if (has > worth + 1e-3)
            fail_msg("%u: has %f, is said to be worth %f where that is settled\n%s\n%s", number, has, worth, x.fleet, x.text);
    }
    print_message("%u plans, of which %u are bounded lower by where contexts stop\n", wide, lower);
    assert_true(wide > 15 && lower > 2);
}

/* Cards of which so much is left that not all contexts on them have what they want: between their floors and all of it. */
static void shrink_cards(struct pl_problem *p, const struct pl_solution *o, const uint64_t *cap, struct draw *d)
{
    struct pl_room room;
    uint64_t ctx[64], least[BT_MAX_GPUS], most[BT_MAX_GPUS];
    pl_room_init(&room, p, o->copy, o->ncopies);
    for (size_t i = 0; i < p->n; i++)
        ctx[i] = p->work[i].ctx_min;
    pl_room_floors(&room, ctx);
    pl_room_load(&room, least);
    for (size_t i = 0; i < p->n; i++)
        ctx[i] = p->work[i].ctx_want;
    pl_room_floors(&room, ctx);
    pl_room_load(&room, most);
    for (size_t g = 0; g < p->fleet->n; g++)
        p->cap[g] = BT_MIN(cap[g], least[g] + (most[g] - least[g]) / 4096 * draw(d, 4096));
}

static int64_t wants_granted(struct pl_problem *p, const struct pl_solution *o, const uint32_t *copies)
{
    struct pl_room room;
    uint64_t ctx[64];
    int64_t sum = 0;
    pl_room_init(&room, p, o->copy, o->ncopies);
    pl_grant(&room, ctx);
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        if (k->server && k->ctx_want && copies[i])
            sum += se_thousandths((double)BT_MIN(ctx[i], k->ctx_want) / (double)k->ctx_want);
        sum += k->copies_want > 1 ? 1000 * (int64_t)copies[i] / k->copies_want : 0;
    }
    return sum;
}

/* Works by copies that stand: all copies of the first ones, some of the next, none of the others. */
static void put_first(struct search *s, const struct pl_solution *o, size_t n, size_t *seen)
{
    size_t works = 0;
    for (size_t i = 0; i < s->p->n; i++)
        if (s->p->work[i].cpu_only || !s->copies_most[i])
            s->order[works++] = i;
    *seen = works;
    for (size_t i = 0; i < s->p->n; i++)
        if (!s->p->work[i].cpu_only && s->copies_most[i])
            s->order[works++] = i;
    for (size_t d = 0; d < works; d++)
        s->depth_of[s->order[d]] = d;
    se_put_others(s);
    for (size_t d = *seen; d < works && n; d++)
        for (size_t i = 0; i < o->ncopies && n; i++) {
            const struct pl_copy *c = &o->copy[i];
            size_t j = 0;
            if (c->work != s->order[d])
                continue;
            while (s->work[c->work].shape[j].index != c->shape)
                j++;
            se_put(s, c, &s->work[c->work].shape[j], pl_cost_class(s->p, c->card, c->ncards));
            *seen += s->placed[c->work] == s->copies_most[c->work];
            n--;
        }
}

/* Of plans on cards that are nearly full: whoever still has to come, no bound by how contexts grow is below what is granted at the end. And it is below what
 * each card says for itself. */
static void no_placement_is_granted_more_than_its_growth_says(void **st)
{
    (void)st;
    unsigned asked = 0, lower = 0;
    for (unsigned number = 1; number <= 220; number++) {
        bt_auto_arena a = { 0 };
        struct draw d;
        struct pl_solution o = { .complete = true };
        struct drawn_problem x = drawn_problem(&a, number, 3 + number % 4, 8);
        struct pl_problem *p = x.p;
        if (!p || p->n > 64)
            continue;
        pl_search(p, 300, NULL, &o);
        if (!o.found)
            continue;
        draw_seed(&d, number);
        uint64_t cap[BT_MAX_GPUS];
        uint32_t *copies = BT_NEWN(&a, uint32_t, p->n + 1);
        memcpy(cap, p->cap, p->fleet->n * sizeof *cap);
        for (size_t i = 0; i < o.ncopies; i++)
            copies[o.copy[i].work]++;
        for (unsigned k = 0; k < 6; k++) {
            shrink_cards(p, &o, cap, &d);
            int64_t has = wants_granted(p, &o, copies);
            for (size_t n = 0; n <= o.ncopies; n++) {
                size_t seen;
                struct search *s = se_new(p, &a);
                se_fix(s, copies, -1, &a);
                struct se_grown *g = se_grown_new(s, &a);
                if (!g)
                    break;
                put_first(s, &o, n, &seen);
                int64_t most = se_wants_at_most(s, seen);
                asked++;
                if (!se_grown_reach(s, g, seen, has))
                    fail_msg("%u: has %lld, is said to have less with %zu copies\n%s\n%s", number, (long long)has, n, x.fleet, x.text);
                lower += most > has + 20 && !se_grown_reach(s, g, seen, most - 20);
            }
        }
    }
    print_message("%u placements, of which %u are bounded lower by how contexts grow\n", asked, lower);
    assert_true(asked > 2000 && lower > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_context_takes_what_its_line_says), cmocka_unit_test(no_set_is_granted_more_than_it_is_worth),
                                        cmocka_unit_test(every_context_stops_on_one_of_its_cards),
                                        cmocka_unit_test(no_placement_is_granted_more_than_its_growth_says) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
