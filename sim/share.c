/* share.c - memory that outlives its owner: what one process exports and others hold.
 *
 * The bytes are charged to the owner. When it frees them, or dies, while others hold them, they are nobody's and stay taken until
 * the last holder lets go or dies. */
#include "sim/state.h"

#include <string.h>

static unsigned slot_of(const struct bt_sim_state *st, const struct bt_sim_proc *p)
{
    return (unsigned)(p - st->procs);
}

static bool held(const struct bt_sim_share *s)
{
    for (unsigned i = 0; i < BT_SIM_MAX_PROCS / 64; i++)
        if (s->users[i])
            return true;
    return false;
}

static struct bt_sim_share *share_at(struct bt_sim_state *st, int share)
{
    return share >= 0 && share < BT_SIM_SHARES && st->shares[share].live ? &st->shares[share] : NULL;
}

/* An ownerless share that nobody holds is free memory. */
static void let_go(struct bt_sim_state *st, struct bt_sim_share *s)
{
    if (s->owner >= 0 || held(s))
        return;
    bt_sim_add_used(st, (unsigned)s->gpu, -s->bytes);
    s->live = 0;
}

int bt_sim_share_new(struct bt_sim_state *st, struct bt_sim_proc *p, unsigned g, uint64_t bytes)
{
    int found = -1;
    bt_sim_lock(st);
    for (int i = 0; i < BT_SIM_SHARES && found < 0; i++)
        if (!st->shares[i].live)
            found = i;
    if (found >= 0) {
        struct bt_sim_share *s = &st->shares[found];
        *s = (struct bt_sim_share){ .gen = s->gen + 1, .gpu = (int32_t)g, .owner = (int32_t)slot_of(st, p), .bytes = bytes };
        if ((uint32_t)found >= st->shares_high)
            st->shares_high = (uint32_t)found + 1;
        p->bound |= BT_SIM_BOUND_SHARED;
        __atomic_store_n(&s->live, 1, __ATOMIC_RELEASE);     /* last: who is killed before leaves none */
    }
    bt_sim_unlock(st);
    return found;
}

bool bt_sim_share_join(struct bt_sim_state *st, struct bt_sim_proc *p, int share, uint32_t gen)
{
    bt_sim_lock(st);
    struct bt_sim_share *s = share_at(st, share);
    bool ok = s && s->gen == gen;
    if (ok) {
        s->users[slot_of(st, p) / 64] |= 1ull << slot_of(st, p) % 64;
        p->bound |= BT_SIM_BOUND_SHARED;
    }
    bt_sim_unlock(st);
    return ok;
}

void bt_sim_share_leave(struct bt_sim_state *st, struct bt_sim_proc *p, int share)
{
    bt_sim_lock(st);
    struct bt_sim_share *s = share_at(st, share);
    if (s) {
        s->users[slot_of(st, p) / 64] &= ~(1ull << slot_of(st, p) % 64);
        let_go(st, s);
    }
    bt_sim_unlock(st);
}

void bt_sim_share_end(struct bt_sim_state *st, struct bt_sim_proc *p, int share)
{
    bt_sim_lock(st);
    struct bt_sim_share *s = share_at(st, share);
    if (s && s->owner == (int32_t)slot_of(st, p)) {
        struct bt_sim_use *u = &p->use[s->gpu];
        u->memory_bytes -= s->bytes < u->memory_bytes ? s->bytes : u->memory_bytes;
        s->owner = -1;                       /* the sum keeps them until let_go() */
        let_go(st, s);
    }
    bt_sim_unlock(st);
}

void bt_sim_shares_of_slot(struct bt_sim_state *st, unsigned slot)
{
    for (unsigned i = 0; i < st->shares_high; i++) {
        struct bt_sim_share *s = &st->shares[i];
        if (!s->live)
            continue;
        s->users[slot / 64] &= ~(1ull << slot % 64);
        if (s->owner == (int32_t)slot) {
            bt_sim_add_used(st, (unsigned)s->gpu, s->bytes);         /* they went with the slot's own bytes */
            s->owner = -1;
        }
        let_go(st, s);
    }
}

void bt_sim_shares_recount(struct bt_sim_state *st)
{
    st->shares_high = 0;
    for (unsigned i = 0; i < BT_SIM_SHARES; i++) {
        struct bt_sim_share *s = &st->shares[i];
        if (!s->live)
            continue;
        st->shares_high = i + 1;
        if (s->owner < 0)
            bt_sim_add_used(st, (unsigned)s->gpu, s->bytes);
    }
}
