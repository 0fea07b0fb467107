/* The best set of ranks on a card (fill.c) against all sets that there are. */
#include <math.h>

#include "../../bench/plan_small.h"
#include "plan/columns.h"
#include "plan_help.h"

#define WORKS 26u
#define ROW (CO_BUSY + 1)

/* A card and works that may come to it, each in up to three shapes; gains beyond prices are near what their bytes say, so that many sets are nearly the best. */
struct drawn { struct pl_problem p; struct search s; struct columns c; struct co_color o; double price[WORKS]; unsigned works; };

static void draw_one(struct draw *d, struct bt_arena *a, unsigned works, unsigned tied, struct drawn *x)
{
    *x = (struct drawn){ .works = works };
    struct columns *c = &x->c;
    x->p.n = works;
    x->p.cap[0] = 80 * GiB - draw(d, 1000000);
    x->s.p = &x->p;
    x->s.copies_most = BT_NEWN(a, uint32_t, works);
    c->s = &x->s;
    c->a = a;
    c->friends = BT_NEWN(a, uint64_t, works);
    c->needs = BT_NEWN(a, uint64_t, works);
    c->row = BT_NEWN(a, size_t, works);
    c->nworks = works;
    c->steps_each = draw(d, 3) ? 100000 : 700;
    c->exact = true;
    for (unsigned w = 0; w < works; w++) {
        c->row[w] = w;
        x->s.copies_most[w] = draw(d, 8) ? 1 : 2;
        x->price[w] = (double)draw(d, 300) - 100;
        c->friends[w] = UINT64_MAX;
        for (unsigned i = 0, shapes = 1 + draw(d, 3); i < shapes; i++) {
            struct co_unit u = { .work = w, .shape = i, .cards = 1 + draw(d, 3) };
            uint64_t bytes = (4 + draw(d, 40)) * GiB + draw(d, 1000000000);
            u.value = BT_NEWN(a, double, ROW);
            u.least = u.most = BT_NEWN(a, uint64_t, 1);
            u.least[0] = bytes;
            for (unsigned b = 1; b <= CO_BUSY; b++)
                u.value[b] = x->price[w] / u.cards + ((double)bytes / 1e9 * 10 + draw(d, 40) - 10) / (w < tied ? 1 : b) * 3;
            BT_PUSH(a, c->unit, c->nunits, u);
        }
    }
    for (unsigned i = 0; i < works; i++) {           /* a few keep apart */
        size_t v = draw(d, works), w = draw(d, works);
        c->friends[v] &= ~(UINT64_C(1) << w);
        c->friends[w] &= ~(UINT64_C(1) << v);
    }
    for (unsigned w = 1; w < tied; w++) {            /* these follow the first */
        c->needs[w] = 1;
        c->tied |= 1 | UINT64_C(1) << w;
        c->friends[0] |= UINT64_C(1) << w;
        c->friends[w] |= 1;
        x->s.copies_most[0] = x->s.copies_most[w] = 1;
    }
    x->o = (struct co_color){ .count = 1, .last = PL_NONE, .unit = BT_NEWN(a, size_t, c->nunits) };
    for (size_t u = 0; u < c->nunits; u++)
        x->o.unit[x->o.nunits++] = u;
    c->fill = co_fill_new(c);
}

/* Every set, work by work; `wide`: the cards of the first work, 0: it is not there. */
static double best_of(const struct drawn *x, unsigned tenants, unsigned w, unsigned seats, uint64_t room, uint64_t open, uint32_t wide)
{
    double best = 0;
    if (w == x->works || !seats)
        return 0;
    best = best_of(x, tenants, w + 1, seats, room, open, wide);
    if (!(open >> w & 1))
        return best;
    for (size_t i = 0; i < x->c.nunits; i++) {
        const struct co_unit *u = &x->c.unit[i];
        uint64_t left = room;
        double sum = 0;
        if (u->work != w || (x->c.needs[w] && u->cards != wide))
            continue;
        for (uint32_t k = 0; k < ((x->c.friends[w] >> w & 1) ? x->s.copies_most[w] : 1) && k < seats && u->least[0] <= left; k++) {
            left -= u->least[0];
            sum += u->value[tenants] - x->price[w] / u->cards;
            best = BT_MAX(best, sum + best_of(x, tenants, w + 1, seats - k - 1, left, open & x->c.friends[w], w ? wide : u->cards));
        }
    }
    return best;
}

static void nothing_is_better_than_what_is_said(void **st)
{
    (void)st;
    unsigned looked = 0, just = 0, longer = 0, many = 0;
    for (uint64_t round = 1; round <= 400; round++) {
        bt_auto_arena a = { 0 };
        struct draw d;
        struct drawn x;
        struct co_filled f;
        draw_seed(&d, round);
        unsigned tenants = 1 + draw(&d, 10), works = tenants > 5 ? 12 : 10 + draw(&d, tenants > 4 ? 8 : 17);
        draw_one(&d, &a, works, draw(&d, 2) ? 0 : 2 + draw(&d, 2), &x);
        double best = best_of(&x, tenants, 0, tenants, x.p.cap[0], UINT64_MAX, 0);
        double known = draw(&d, 3) ? 0 : best * (draw(&d, 2) ? 1 : 0.99);
        co_fill(&x.c, x.price, &x.o, tenants, known, &f);
        if (f.most < best - 1e-4 || f.most < known - 1e-4)
            fail_msg("round %llu, %u seats, %u works: %.6f is said, %.6f there is", (unsigned long long)round, tenants, works, f.most, best);
        double sum = 0;
        uint64_t bytes = 0;
        for (unsigned i = 0; i < f.n; i++) {
            sum += x.c.unit[f.unit[i]].value[tenants] - x.price[x.c.unit[f.unit[i]].work] / x.c.unit[f.unit[i]].cards;
            bytes += x.c.unit[f.unit[i]].least[0];
        }
        if (f.n > tenants || bytes > x.p.cap[0] || sum > best + 1e-4 || (f.n && sum < known))
            fail_msg("round %llu: a set of %.6f that there is not", (unsigned long long)round, sum);
        looked++;
        just += f.most < best + 1e-4;
        longer += x.c.steps > 300 && tenants <= 8;
        many += x.c.steps > 300 && tenants > 8;
    }
    print_message("%u cards: %u said just so; %u and, of more than 8 seats, %u with the table\n", looked, just, longer, many);
    assert_true(just > looked * 9 / 10 && longer > 30 && many > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_is_better_than_what_is_said) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
