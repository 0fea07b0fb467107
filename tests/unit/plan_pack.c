/* Card by card (pack.c) against copy by copy (fits.c), and contexts that lack, in parts (lacks.c) and by sets of neighbours (grows.c), against the best plan, on
 * drawn problems. */
#include <math.h>

#include "plan/grows_int.h"
#include "plan_drawn.h"

static struct search *search_for(struct pl_problem *p, struct bt_arena *a, struct pl_solution *out)
{
    struct search *s = se_new(p, a);
    s->out = out;
    s->limit = UINT64_MAX;
    s->first = true;
    return s;
}

/* On every card the floors of those who stand there have room, and no two sit together that may not. */
static void stands(const struct pl_problem *p, const struct pl_solution *o)
{
    uint64_t load[BT_MAX_GPUS] = { 0 }, works[BT_MAX_GPUS] = { 0 };
    for (size_t i = 0; i < o->ncopies; i++) {
        const struct pl_copy *c = &o->copy[i];
        const struct pl_work *k = &p->work[c->work];
        for (uint32_t j = 0; j < c->ncards; j++) {
            size_t g = c->card[j];
            load[g] += pl_floor(p, k, &k->shape[c->shape], pl_cost_class(p, c->card, c->ncards), j, g);
            for (size_t w = 0; w < p->n; w++)
                assert_true(!(works[g] >> w & 1) || p->may_share[c->work * p->n + w]);
            works[g] |= UINT64_C(1) << c->work;
            assert_true(k->pos[g] >= 0);
        }
    }
    for (size_t g = 0; g < p->fleet->n; g++)
        assert_true(load[g] <= p->cap[g]);
}

/* As many copies as are wanted, with contexts as long as each has alone, and with a fifth less. */
static void card_by_card_says_what_copy_by_copy_does(void **st)
{
    (void)st;
    unsigned fits = 0, not = 0;
    for (uint64_t round = 1; round <= 150; round++) {
        bt_auto_arena a = { 0 };
        struct pl_problem *p = drawn_problem(&a, round, 4 + round % 5, 8 + round % 3).p;
        struct pl_score most;
        for (int64_t slack = 0; p && slack <= 200; slack += 200) {
            struct pl_solution by_copy = { 0 }, by_card = { 0 };
            struct search *s = search_for(p, &a, &by_copy);
            se_fix_all(s, &most);
            uint32_t *copies = BT_NEWN(&a, uint32_t, p->n + 1);
            memcpy(copies, s->copies_most, p->n * sizeof *copies);
            se_fix(s, copies, slack, &a);
            se_order(s, SE_HARD);
            if (!se_fits_start(s, &a))
                continue;
            enum se_fit one = se_fits(s, 30000);
            s->out = &by_card;
            s->best = (struct pl_score){ 0 };
            enum se_fit other = se_pack(s, 30000);
            if (one != SE_FIT_UNKNOWN && other != SE_FIT_UNKNOWN)
                assert_int_equal(one, other);
            fits += other == SE_FITS;
            not += other == SE_FITS_NOT;
            if (other == SE_FITS && by_card.found)
                stands(p, &by_card);
        }
    }
    print_message("card by card: %u stand, %u do not\n", fits, not);
    assert_true(fits >= 60 && not >= 60);
}

/* Of the best plan's numbers of copies: what is wanted of contexts and copies at most. */
static int64_t wants_at_most(const struct search *s, const uint32_t *copies)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->p->n; i++) {
        const struct pl_work *k = &s->p->work[i];
        sum += copies[i] && k->server && k->ctx_want ? se_thousandths(s->ctx_most[i]) : 0;
        sum += copies[i] && k->copies_want > 1 ? 1000 * (int64_t)copies[i] / k->copies_want : 0;
    }
    return sum;
}

struct seen { unsigned not, found; };

/* More than the best has is never found; as much is never said not to be. */
static struct seen ask_for_more(unsigned rounds, unsigned cards, enum se_fit (*ask)(struct search *s, int64_t slack))
{
    struct seen seen = { 0 };
    for (uint64_t round = 1; round <= rounds; round++) {
        bt_auto_arena a = { 0 };
        struct pl_problem *p = drawn_problem(&a, round, cards + round % 2, 7).p;
        struct pl_solution best;
        struct pl_score most;
        if (!p)
            continue;
        pl_search(p, PL_NODE_LIMIT, NULL, &best);
        if (!best.found || !best.complete || p->ram_binds)
            continue;
        for (int64_t less = 0; less <= 160; less = less ? less * 2 : 20) {
            struct pl_solution o = { 0 };
            struct search *s = search_for(p, &a, &o);
            uint32_t *copies = BT_NEWN(&a, uint32_t, p->n + 1);
            se_fix_all(s, &most);
            for (size_t i = 0; i < best.ncopies; i++)
                copies[best.copy[i].work]++;
            o = best;
            o.copy = NULL;           /* room of its own */
            o.ncopies = 0;
            o.score.v[BT_GOAL_WANTS] -= less;
            s->best = o.score;
            int64_t slack = wants_at_most(s, copies) - o.score.v[BT_GOAL_WANTS] - 1;
            if (slack < 0)
                continue;
            se_fix(s, copies, slack, &a);
            se_order(s, SE_HARD);
            enum se_fit how = ask(s, slack);
            if (how == (less ? SE_FITS_NOT : SE_FITS))
                fail_msg("round %llu: %lld less than the best's %lld, and %s", (unsigned long long)round, (long long)less,
                         (long long)best.score.v[BT_GOAL_WANTS], less ? "nothing as good" : "something better");
            assert_true(s->best.v[BT_GOAL_WANTS] <= best.score.v[BT_GOAL_WANTS]);
            seen.not += how == SE_FITS_NOT;
            seen.found += how == SE_FITS;
        }
    }
    print_message("%u times nothing lacks less than in the best plan, %u times it was found again from less\n", seen.not, seen.found);
    return seen;
}

static enum se_fit by_parts(struct search *s, int64_t slack) { return se_lacks(s, slack, 20000); }

static void what_lacks_is_what_the_best_lacks(void **st)
{
    (void)st;
    struct seen seen = ask_for_more(400, 3, by_parts);
    assert_true(seen.not >= 5 && seen.found >= 50);
}

static enum se_fit by_sets(struct search *s, int64_t slack)
{
    (void)slack;
    s->wants_only = s->any = true;
    return se_grows(s, 100000);
}

static void sets_of_neighbours_grow_to_what_the_best_has(void **st)
{
    (void)st;
    struct seen seen = ask_for_more(400, 3, by_sets);
    assert_true(seen.not >= 10 && seen.found >= 200);
}

/* The best of those that lack contexts has no more service than is found from a plan with less of it, or from none; a plan with as much is never called the best. */
static void sets_that_grow_have_the_service_of_the_best(void **st)
{
    (void)st;
    unsigned known = 0, again = 0;
    for (uint64_t round = 1; round <= 600; round++) {
        bt_auto_arena a = { 0 };
        struct pl_problem *p = drawn_problem(&a, round, 3 + round % 2, 7).p;
        struct pl_solution best;
        struct pl_score most;
        if (!p)
            continue;
        pl_search(p, PL_NODE_LIMIT, NULL, &best);
        if (!best.found || !best.complete || p->ram_binds)
            continue;
        for (int64_t less = 0; less <= best.score.v[BT_GOAL_SERVICE]; less = less * 8 + 1) {
            struct pl_solution o = { 0 };
            struct search *s = search_for(p, &a, &o);
            uint32_t *copies = BT_NEWN(&a, uint32_t, p->n + 1);
            se_fix_all(s, &most);
            for (size_t i = 0; i < best.ncopies; i++)
                copies[best.copy[i].work]++;
            o = best;
            o.copy = NULL;           /* room of its own */
            o.ncopies = 0;
            o.score.v[BT_GOAL_SERVICE] -= less;
            s->best = o.score;
            s->first = true;
            int64_t slack = wants_at_most(s, copies) - s->best.v[BT_GOAL_WANTS];
            if (slack <= 0)
                break;               /* nothing lacks */
            se_fix(s, copies, slack, &a);
            se_order(s, SE_HARD);
            enum se_fit how = se_grows_serve(s, 100000);
            assert_int_not_equal(how, SE_FITS);
            assert_true(pl_score_cmp(&s->best, &best.score, BT_GOAL_SHARED) <= 0);
            if (how == SE_FITS_NOT && s->best.v[BT_GOAL_SERVICE] < best.score.v[BT_GOAL_SERVICE])
                fail_msg("round %llu: from %lld less than the best's %lld nothing has more than %lld", (unsigned long long)round, (long long)less,
                         (long long)best.score.v[BT_GOAL_SERVICE], (long long)s->best.v[BT_GOAL_SERVICE]);
            known += how == SE_FITS_NOT;
            again += less && s->best.v[BT_GOAL_SERVICE] == best.score.v[BT_GOAL_SERVICE];
        }
    }
    print_message("%u times nothing has more service where contexts lack, %u times it was found again from less\n", known, again);
    assert_true(known >= 40 && again >= 30);
}

/* n equations; false: no single answer. */
static bool solve(double a[3][4], size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) {
        size_t best = i;
        for (size_t r = i; r < n; r++)
            best = fabs(a[r][i]) > fabs(a[best][i]) ? r : best;
        if (fabs(a[best][i]) < 1e-9)
            return false;
        for (size_t c = 0; c <= n; c++) {
            double was = a[i][c];
            a[i][c] = a[best][c];
            a[best][c] = was;
        }
        for (size_t r = 0; r < n; r++)
            for (size_t c = n + 1; r != i && c-- > i; )
                a[r][c] -= a[r][i] / a[i][i] * a[i][c];
    }
    for (size_t i = 0; i < n; i++)
        x[i] = a[i][n] / a[i][i];
    return true;
}

/* What of a row, or of a bound, is left there: none of them, of a point that counts. */
static double left_at(const struct gr_joint *j, size_t which, const double *x, double *row)
{
    double left = which < j->m ? j->left[which] : which < j->m + j->n ? 0 : j->up[which - j->m - j->n];
    for (size_t k = 0; k < j->n; k++) {
        row[k] = which < j->m ? j->a[which][k] : which < j->m + j->n ? -(double)(which - j->m == k) : (double)(which - j->m - j->n == k);
        left -= x ? row[k] * x[k] : 0;
    }
    return left;
}

/* Of all corners. */
static double most_of_corners(const struct gr_joint *j)
{
    size_t all = j->m + 2 * j->n;
    double most = 0;
    for (size_t code = 0; code < all * all * all; code++) {
        size_t which[3] = { code % all, code / all % all, code / all / all };
        double a[3][4], x[3], sum = 0, row[3];
        if (j->n < 3 && which[2])
            break;
        for (size_t i = 0; i < j->n; i++) {
            double left = left_at(j, which[i], NULL, row);
            memcpy(a[i], row, sizeof row);
            a[i][j->n] = left;
        }
        bool inside = solve(a, j->n, x);
        for (size_t i = 0; i < all && inside; i++)
            inside = left_at(j, i, x, row) > -1e-7;
        for (size_t k = 0; k < j->n && inside; k++)
            sum += j->gain[k] * x[k];
        most = inside ? fmax(most, sum) : most;
    }
    return most;
}

static void contexts_together_gain_what_the_best_corner_does(void **st)
{
    (void)st;
    struct draw d;
    draw_seed(&d, 7);
    struct gr_joint *j = test_calloc(1, sizeof *j), *mine = test_calloc(1, sizeof *j);
    for (unsigned round = 0; round < 3000; round++) {
        j->n = 2 + draw(&d, 2);
        j->m = draw(&d, 5);
        for (size_t k = 0; k < j->n; k++) {
            j->gain[k] = (double)draw(&d, 1000);
            j->up[k] = (double)draw(&d, 100) / 100;
        }
        for (size_t r = 0; r < j->m; r++) {
            j->left[r] = (double)draw(&d, 200) / 100;
            for (size_t k = 0; k < j->n; k++)        /* some are below nothing: who may be longer where another is */
                j->a[r][k] = ((double)draw(&d, 500) - 100) / 100;
        }
        double most = most_of_corners(j);
        *mine = *j;
        assert_true(gr_joint_most(mine, most + 0.01) < most + 0.01);
        *mine = *j;
        assert_true(gr_joint_most(mine, most - 0.01) >= most - 0.01);
    }
    test_free(j);
    test_free(mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(card_by_card_says_what_copy_by_copy_does), cmocka_unit_test(what_lacks_is_what_the_best_lacks),
                                      cmocka_unit_test(sets_of_neighbours_grow_to_what_the_best_has),
                                      cmocka_unit_test(sets_that_grow_have_the_service_of_the_best),
                                      cmocka_unit_test(contexts_together_gain_what_the_best_corner_does) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
