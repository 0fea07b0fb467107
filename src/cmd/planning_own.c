/* planning_own.c - what of a live card's used bytes is berth's own: this project's do not stand in its own way, another project's
 * count as planned, also before they are allocated. */
#include "base/units.h"
#include "cmd/live.h"
#include "cmd/planning_own.h"

static uint64_t bytes(const json_t *v)
{
    return json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

static void count_rank(struct bt_arena *a, struct bt_fleet *f, const json_t *rank, const char *project, bool own)
{
    uint64_t actual = bytes(json_object_get(json_object_get(rank, "actual"), "bytes")), planned = bytes(json_object_get(rank, "planned_bytes"));
    for (size_t i = 0; i < f->n; i++) {
        struct bt_gpu *g = &f->gpus[i];
        if (strcmp(g->uuid, bt_live_str(rank, "gpu")))
            continue;
        g->others_bytes -= BT_MIN(actual, g->others_bytes);
        if (own)
            return;
        g->others_bytes += BT_MAX(actual, planned);
        BT_PUSH(a, f->notes, f->nnotes,
                bt_arena_printf(a, "GPU %d: %s are project %s's", g->index, bt_bytes_human(BT_MAX(actual, planned)), project));
    }
}

int bt_planning_own(struct bt_arena *a, const char *name, bool starting, struct bt_fleet *f, struct bt_err *err)
{
    int rc = 0;
    json_t *ps = bt_live_ps(NULL, err);
    if (!ps)
        return bt_err_wrap(err, "ask the daemon what runs");
    size_t i, k, up = 0;
    json_t *in, *rank;
    struct bt_buf list = BT_BUF(300);
    json_array_foreach(json_object_get(ps, "instances"), i, in) {
        const char *project = bt_live_str(in, "project");
        bool own = !strcmp(project, name);
        if (own && !bt_live_over(in))
            bt_buf_printf(&list, "%s%s %s", up++ ? ", " : "", bt_live_str(in, "id"), bt_live_str(in, "state"));
        if (!bt_live_over(in))
            json_array_foreach(json_object_get(in, "ranks"), k, rank)
                count_rank(a, f, rank, project, own);
    }
    if (up && starting) {
        rc = bt_err_set(err, BT_E_STATE, 0, "%s is up already: %s", name, list.over ? "several instances" : bt_buf_z(&list));
        bt_err_hint(err, "`berth ps` shows it; `berth down %s` takes it down, `berth restart` starts one anew", name);
    }
    bt_buf_release(&list);
    json_decref(ps);
    return rc;
}
