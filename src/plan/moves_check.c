/* moves_check - the boundaries of a plan walked as its moves say: who holds what afterwards must be the next phase, and must fit. Uses nothing of moves.c. */
#include "plan/phases.h"

#define BAD(...) return bt_err_set(err, BT_E_FAILED, 0, __VA_ARGS__)

struct held { const char *id; const struct bt_plan_instance *inst; const uint64_t *gpu; uint64_t host; bool parked; };
struct walk { const struct bt_plan *p; struct bt_arena a; struct held *v; size_t n; };

static unsigned long long ull(uint64_t n) { return n; }

static struct held *find(struct walk *k, const char *id)
{
    for (size_t i = 0; i < k->n; i++)
        if (!strcmp(k->v[i].id, id))
            return &k->v[i];
    return NULL;
}

static void drop(struct walk *k, struct held *h)
{
    memmove(h, h + 1, (size_t)(k->v + k->n - (h + 1)) * sizeof *h);
    k->n--;
}

static bool places_agree(const struct bt_plan_instance *a, const struct bt_plan_instance *b)
{
    bool same = a->w == b->w && a->nranks == b->nranks && a->context == b->context && a->tp == b->tp && a->pp == b->pp;
    for (size_t i = 0; same && i < a->nranks; i++)
        same = a->rank[i].gpu == b->rank[i].gpu && (!a->rank[i].need || a->rank[i].need->layers == b->rank[i].need->layers) &&
               a->rank[i].bytes == b->rank[i].bytes && a->rank[i].kv_bytes == b->rank[i].kv_bytes;
    return same;
}

static int apply(struct walk *k, const struct bt_plan_move *m, struct bt_err *err)
{
    struct held *h = find(k, m->instance);
    bool needs_it = m->how != BT_MOVE_START;
    if (needs_it != (h != NULL))
        BAD("%s to %s: %s %s", m->from, m->to, m->instance, h ? "is started and is there already" : "moves and is not there");
    if ((m->how == BT_MOVE_RESUME) != (h && h->parked) && (m->how == BT_MOVE_RESUME || m->how == BT_MOVE_STAY))
        BAD("%s to %s: %s %s", m->from, m->to, m->instance, h && h->parked ? "stays and is parked" : "resumes and is not parked");
    if ((m->how == BT_MOVE_STAY || m->how == BT_MOVE_RESUME) && !places_agree(h->inst, m->inst))
        BAD("%s to %s: %s is not the same in both", m->from, m->to, m->instance);
    if (m->how == BT_MOVE_STOP) {
        drop(k, h);
        return 0;
    }
    if (m->how == BT_MOVE_START) {
        struct held one = { .id = m->instance };
        BT_PUSH(&k->a, k->v, k->n, one);
        h = &k->v[k->n - 1];
    }
    *h = (struct held){ .id = m->instance, .inst = m->inst, .gpu = m->gpu_bytes, .host = m->host_bytes, .parked = m->how == BT_MOVE_PARK };
    return 0;
}

/* Jobs that were there have ended; nobody ends them. */
static void end_jobs(struct walk *k, const struct bt_plan_phase *next)
{
    for (size_t i = k->n; i-- > 0; )
        if (k->v[i].inst->w->kind == BT_JOB && !pl_with_id(next, k->v[i].id))
            drop(k, &k->v[i]);
}

static int check_room(struct walk *k, const struct bt_plan_phase *ph, struct bt_err *err)
{
    const struct bt_fleet *f = k->p->fleet;
    uint64_t host = 0;
    for (size_t i = 0; i < k->n; i++)
        host += k->v[i].parked ? k->v[i].host : k->v[i].inst->host_bytes;
    if (f->ram_bytes && host > f->ram_bytes)
        BAD("phase %s: %llu bytes of RAM planned, %llu there", ph->name, ull(host), ull(f->ram_bytes));
    uint64_t *sum = BT_NEWN(&k->a, uint64_t, f->n + 1);
    for (size_t i = 0; i < k->n; i++)
        for (size_t r = 0; r < k->v[i].inst->nranks; r++)
            sum[k->v[i].inst->rank[r].gpu] += k->v[i].gpu[r];
    for (size_t g = 0; g < f->n; g++)
        if (sum[g] > bt_gpu_capacity(&f->gpus[g]))
            BAD("phase %s: GPU %d: %llu bytes with the parked ones, %llu there", ph->name, f->gpus[g].index, ull(sum[g]), ull(bt_gpu_capacity(&f->gpus[g])));
    return 0;
}

static int check_there(struct walk *k, const struct bt_plan_phase *ph, struct bt_err *err)
{
    for (size_t i = 0; i < ph->n; i++) {
        const struct held *h = find(k, ph->inst[i].id);
        if (!h || h->parked || !places_agree(h->inst, &ph->inst[i]))
            BAD("phase %s: no move brings %s there", ph->name, ph->inst[i].id);
    }
    for (size_t i = 0; i < k->n; i++)
        if (!k->v[i].parked && !pl_with_id(ph, k->v[i].id))
            BAD("phase %s: %s is still there", ph->name, k->v[i].id);
    return 0;
}

static int walk_all(struct walk *k, struct bt_err *err)
{
    const struct bt_plan *p = k->p;
    for (size_t i = 0; i < p->nphases; i++) {
        const struct bt_plan_phase *ph = &p->phase[i];
        if (i)
            end_jobs(k, ph);
        for (size_t m = 0; i && m < p->nmoves; m++)
            if (!strcmp(p->move[m].to, ph->name) && apply(k, &p->move[m], err) < 0)
                return -1;
        for (size_t n = 0; !i && n < ph->n; n++) {   /* the first phase begins with nothing */
            struct held one = { .id = ph->inst[n].id, .inst = &ph->inst[n] };
            uint64_t *gpu = BT_NEWN(&k->a, uint64_t, ph->inst[n].nranks + 1);
            for (size_t r = 0; r < ph->inst[n].nranks; r++)
                gpu[r] = ph->inst[n].rank[r].bytes;
            one.gpu = gpu;
            BT_PUSH(&k->a, k->v, k->n, one);
        }
        if (check_room(k, ph, err) < 0 || check_there(k, ph, err) < 0)
            return -1;
    }
    return 0;
}

int pl_moves_check(const struct bt_plan *p, struct bt_err *err)
{
    struct walk k = { .p = p };
    int rc = walk_all(&k, err);
    bt_arena_release(&k.a);
    return rc;
}
