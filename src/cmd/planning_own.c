/* planning_own.c - what of a live card's used bytes is berth's own: this project's do not stand in its own way, another project's
 * count as planned, also before they are allocated. */
#include "base/json.h"
#include "base/units.h"
#include "cmd/planning_own.h"
#include "run/client.h"
#include "wire/wire.h"

static const char *text(const json_t *o, const char *key)
{
    const char *z = json_string_value(json_object_get(o, key));
    return z ? z : "";
}

static bool over(const char *state)
{
    return !strcmp(state, "done") || !strcmp(state, "failed") || !strcmp(state, "down");
}

static uint64_t bytes(const json_t *v)
{
    return json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

/* What `ps` answers for every project; NULL with *rc 0 when nothing is up, with *rc -1 when the daemon could not be asked. */
static json_t *all_instances(struct bt_err *err, int *rc)
{
    struct bt_wire_client c;
    *rc = 0;
    if (!bt_run_anything())
        return NULL;
    json_t *ps = NULL;
    if (bt_run_connect(&c, err) == 0) {
        ps = bt_wire_call(&c, "ps", json_object(), NULL, NULL, err);
        bt_wire_client_release(&c);
    }
    if (!ps)
        *rc = bt_err_wrap(err, "ask the daemon what runs");
    return ps;
}

static void count_rank(struct bt_arena *a, struct bt_fleet *f, const json_t *rank, const char *project, bool own)
{
    uint64_t actual = bytes(json_object_get(json_object_get(rank, "actual"), "bytes")), planned = bytes(json_object_get(rank, "planned_bytes"));
    for (size_t i = 0; i < f->n; i++) {
        struct bt_gpu *g = &f->gpus[i];
        if (strcmp(g->uuid, text(rank, "gpu")))
            continue;
        g->others_bytes -= BT_MIN(actual, g->others_bytes);
        if (own)
            return;
        g->others_bytes += BT_MAX(actual, planned);
        BT_PUSH(a, f->notes, f->nnotes, bt_arena_printf(a, "GPU %d: %s are project %s's", g->index, bt_bytes_human(BT_MAX(actual, planned)), project));
    }
}

int bt_planning_own(struct bt_arena *a, const char *name, bool starting, struct bt_fleet *f, struct bt_err *err)
{
    int rc;
    json_t *ps = all_instances(err, &rc);
    if (!ps)
        return rc;
    size_t i, k, up = 0;
    json_t *in, *rank;
    struct bt_buf list = BT_BUF(300);
    json_array_foreach(json_object_get(ps, "instances"), i, in) {
        const char *project = text(in, "project");
        bool own = !strcmp(project, name);
        if (own && !over(text(in, "state")))
            bt_buf_printf(&list, "%s%s %s", up++ ? ", " : "", text(in, "id"), text(in, "state"));
        if (!over(text(in, "state")))
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
