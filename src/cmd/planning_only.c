/* planning_only.c - `berth run JOB`: one job of the spec. Where its project runs, beside it and under a name of its own; else with what it needs. */
#include <unistd.h>

#include "cmd/live.h"
#include "cmd/planning_own.h"

static bool is_up(const json_t *ps, const char *project)
{
    size_t i;
    json_t *in;
    json_array_foreach(json_object_get(ps, "instances"), i, in)
        if (!strcmp(bt_live_str(in, "project"), project) && !bt_live_over(in))
            return true;
    return false;
}

static const char *url_of(const json_t *ps, const char *project, const char *workload)
{
    size_t i;
    json_t *in;
    json_array_foreach(json_object_get(ps, "instances"), i, in)
        if (!strcmp(bt_live_str(in, "project"), project) && !strcmp(bt_live_str(in, "workload"), workload) && !strcmp(bt_live_str(in, "state"), "ready"))
            return bt_live_str(json_object_get(in, "endpoint"), "http");
    return "";
}

static int fill_urls(struct bt_arena *a, struct bt_spec *s, const json_t *ps, struct bt_err *err)
{
    for (size_t i = 0; i < s->noutside; i++) {
        const char *url = url_of(ps, s->tasks_of, s->outside[i].name);
        if (!url[0]) {
            bt_err_set(err, BT_E_STATE, 0, "%s asks %s, which is not ready in project %s", s->w[0].name, s->outside[i].name, s->tasks_of);
            return bt_err_hint(err, "`berth ps` shows where it is; `berth phase` goes to its phase");
        }
        s->outside[i].url = bt_arena_strdup(a, url);
    }
    return 0;
}

int bt_planning_only(struct bt_arena *a, const struct bt_spec_only *only, struct bt_spec *s, struct bt_err *err)
{
    struct bt_spec_only o = *only;
    json_t *ps = bt_live_ps(NULL, err);
    if (!ps)
        return bt_err_wrap(err, "ask the daemon what runs");
    o.beside = is_up(ps, s->name);
    int rc = bt_spec_only(a, s, &o, err);
    if (rc == 0)
        rc = fill_urls(a, s, ps, err);
    if (rc == 0 && o.beside)
        s->name = bt_arena_printf(a, "%.24s-%.16s-%u", s->tasks_of, o.job, (unsigned)getpid());
    json_decref(ps);
    return rc;
}
