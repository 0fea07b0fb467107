/* machine.h - one machine of a plan over several, as a problem of its own: what was dealt to it, on its cards. For those who explain it, or ask what else it
 * could be. Pure. */
#ifndef BT_PLAN_MACHINE_H
#define BT_PLAN_MACHINE_H
#include "plan/plan.h"

struct bt_machine {
    struct bt_plan_in in;            /* its spec has the workloads that stand there, with as many copies as do; cards keep their numbers */
    const bool *elsewhere;           /* [in.spec->n] has copies on other machines too: one shape and one context for all of them, held fast here */
    bool any;                        /* false: nothing was dealt to it */
};
/* Machine `box` of `p`, a plan that fits and was made from `in`. Borrows both. */
void bt_plan_machine(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_plan *p, size_t box, struct bt_machine *out);
/* The same cards with the same workloads in the same shapes: what is said of one holds for the other. */
bool bt_plan_machines_alike(const struct bt_plan *p, size_t one, size_t other);
#endif
