/* later - what is accepted now and obeyed by a later version: one sentence each, never dropped in silence. */
#include "base/units.h"
#include "spec/spec_int.h"

static void add(struct spec_reading *r, bool decides, struct bt_mark at, const char *path, const char *text)
{
    struct bt_not_obeyed row = { .path = path, .text = text, .at = at, .decides = decides };
    BT_PUSH(r->a, r->s->later, r->s->nlater, row);
}

static const char *path_of(struct spec_reading *r, const struct bt_workload *w, const char *key)
{
    return bt_arena_printf(r->a, "workloads.%s.%s", w->name, key);
}

static void key_row(struct spec_reading *r, const struct bt_workload *w, bool decides, const char *key, const char *text)
{
    const struct bt_node *n = bt_node_get(w->node, key);
    add(r, decides, n ? spec_mark(n) : w->at, path_of(r, w, key), text);
}

static bool mentions(const struct bt_workload *w, const char *what)
{
    for (size_t i = 0; i < w->command.n; i++)
        if (strstr(w->command.v[i], what))
            return true;
    for (size_t i = 0; i < w->args.n; i++)
        if (strstr(w->args.v[i], what))
            return true;
    for (size_t i = 0; i < w->nenv; i++)
        if (w->env[i].value && strstr(w->env[i].value, what))
            return true;
    return false;
}

bool bt_workload_has_tasks(const struct bt_workload *w)
{
    return w->nmatrix || w->shards > 1 || mentions(w, "{job.");
}

static void later_workload(struct spec_reading *r, const struct bt_workload *w)
{
    if (!strcmp(w->park, "checkpoint"))
        key_row(r, w, false, "park", "the driver's checkpoint is not used yet: it is stopped instead");
    if (w->adapters.watch)
        key_row(r, w, false, "adapters", "the folder in `watch` is not watched yet: no adapter is loaded by itself");
    if (w->adapters.preload.n)
        key_row(r, w, false, "adapters", "adapters in `preload` are not loaded yet");
    if (w->guard_set && w->guard)
        key_row(r, w, false, "guard", "nothing holds it to its bytes yet: `berth verify` tells when it takes more");
    if (mentions(w, "${gateway.url}"))
        key_row(r, w, true, "command", "${gateway.url} has no value yet: there is no gateway; ${workloads.NAME.url} has one");
}

void spec_later(struct spec_reading *r)
{
    struct bt_spec *s = r->s;
    if (s->gateway)
        add(r, false, spec_mark(s->gateway), "gateway", "no gateway is started yet: each server listens on a port of its own (`berth ps`)");
    for (size_t i = 0; i < s->n; i++)
        later_workload(r, &s->w[i]);
}
