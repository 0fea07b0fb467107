/* planning_own.c - what of a live card's used bytes is berth's own: this project's do not stand in its own way, another project's
 * count as planned, also before they are allocated. */
#include "base/units.h"
#include "cmd/live.h"
#include "cmd/planning_own.h"

static uint64_t bytes(const json_t *v)
{
    return json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

static struct bt_gpu *gpu_of(struct bt_fleet *f, const json_t *o)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->gpus[i].uuid, bt_live_str(o, "gpu")))
            return &f->gpus[i];
    return NULL;
}

/* Not somebody else's: it is taken out of the others' bytes. Of another project it comes back with what that one reserved; what it takes over that stays. */
static void count_rank(struct bt_fleet *f, const json_t *rank, bool own)
{
    uint64_t actual = bytes(json_object_get(json_object_get(rank, "actual"), "bytes")), planned = bytes(json_object_get(rank, "planned_bytes"));
    struct bt_gpu *g = gpu_of(f, rank);
    if (g)
        g->others_bytes -= BT_MIN(own ? actual : BT_MIN(actual, planned), g->others_bytes);
}

static void count_reserved(struct bt_arena *a, struct bt_fleet *f, const json_t *r)
{
    struct bt_gpu *g = gpu_of(f, r);
    uint64_t n = bytes(json_object_get(r, "bytes"));
    if (!g)
        return;
    g->others_bytes += n;
    BT_PUSH(a, f->notes, f->nnotes, bt_arena_printf(a, "GPU %d: %s are project %s's", g->index, bt_bytes_human(n), bt_live_str(r, "project")));
}

int bt_planning_own(struct bt_arena *a, const char *name, bool starting, struct bt_fleet *f, struct bt_err *err)
{
    int rc = 0;
    json_t *ps = bt_live_ps(NULL, err);
    if (!ps)
        return bt_err_wrap(err, "ask the daemon what runs");
    size_t i, k, up = 0;
    json_t *in, *rank, *r;
    struct bt_buf list = BT_BUF(300);
    json_array_foreach(json_object_get(ps, "instances"), i, in) {
        const char *project = bt_live_str(in, "project");
        bool own = !strcmp(project, name);
        if (own && !bt_live_over(in) && !json_is_false(json_object_get(in, "in_phase")))
            bt_buf_printf(&list, "%s%s %s", up++ ? ", " : "", bt_live_str(in, "id"), bt_live_str(in, "state"));
        if (!bt_live_over(in))
            json_array_foreach(json_object_get(in, "ranks"), k, rank)
                count_rank(f, rank, own);
    }
    json_array_foreach(json_object_get(ps, "reserved"), i, r)
        if (strcmp(bt_live_str(r, "project"), name))
            count_reserved(a, f, r);
    if (up && starting) {
        rc = bt_err_set(err, BT_E_STATE, 0, "%s is up already: %s", name, list.over ? "several instances" : bt_buf_z(&list));
        bt_err_hint(err, "`berth ps` shows it; `berth down %s` takes it down, `berth restart` starts one anew; `berth up --switch` goes over to the spec "
                    "as it is now", name);
    }
    bt_buf_release(&list);
    json_decref(ps);
    return rc;
}
