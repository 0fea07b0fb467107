/* learned.c - see learned.h */
#include "cmd/learned.h"

#include <time.h>

#include "base/units.h"
#include "need/learn.h"
#include "store/store.h"

#define HEADROOM_SHARE 20            /* a twentieth above the measured peak: it was sampled four times a second */

static void note(struct bt_arena *a, struct bt_strs *notes, const char *text)
{
    BT_PUSH(a, notes->v, notes->n, text);
}

/* NULL: there is none, or it cannot be read; then a note has said so. */
static struct bt_store *open_store(struct bt_arena *a, struct bt_strs *notes)
{
    struct bt_store *s;
    struct bt_err err = { 0 };
    if (bt_store_open(bt_store_path(a), false, &s, &err) == 0)
        return s;
    note(a, notes, bt_arena_printf(a, "what was measured here cannot be read: %s%s%s", err.msg, err.hint[0] ? "; " : "", err.hint));
    return NULL;
}

static const char *day_of(struct bt_arena *a, int64_t wall_ms)
{
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    char day[32];
    if (!localtime_r(&t, &tm) || !strftime(day, sizeof day, "%Y-%m-%d", &tm))
        return "an unknown day";
    return bt_arena_strdup(a, day);
}

void bt_cmd_learn_fleet(struct bt_arena *a, struct bt_fleet *f, struct bt_strs *notes)
{
    struct bt_err err = { 0 };
    struct bt_store_start *row = NULL;
    struct bt_learned *learned = NULL;
    size_t n = 0, got = 0;
    struct bt_store *s = f->live ? open_store(a, notes) : NULL;
    if (!s)
        return;
    if (bt_store_starts(s, a, &row, &n, &err) < 0)
        note(a, notes, bt_arena_printf(a, "what was measured here cannot be read: %s", err.msg));
    bt_store_close(s);
    for (size_t i = 0; i < n; i++) {
        struct bt_learned l = { .key = row[i].key, .activation_bytes = row[i].activation_bytes, .graph_bytes = row[i].graph_bytes,
                                .rest_bytes = row[i].rest_bytes, .starts = row[i].starts, .when = day_of(a, row[i].wall_ms) };
        BT_PUSH(a, learned, got, l);
    }
    struct bt_learned_list *list = BT_NEW(a, struct bt_learned_list);
    *list = (struct bt_learned_list){ .driver = f->driver ? f->driver : "", .row = learned, .n = got };
    for (size_t i = 0; i < f->n; i++)
        f->gpus[i].learned = list;
}

void bt_cmd_learn_like(struct bt_arena *a, const char *name, const char *ref, struct bt_plan_model *m, struct bt_strs *notes)
{
    struct bt_err err = { 0 };
    struct bt_store_run run;
    bool found = false;
    struct bt_store *s = open_store(a, notes);
    if (s && bt_store_run(s, a, name, ref, &run, &found, &err) < 0)
        note(a, notes, bt_arena_printf(a, "what was measured here cannot be read: %s", err.msg));
    bt_store_close(s);
    if (!found) {
        note(a, notes, bt_arena_printf(a, "{like: %s}: not measured on this machine yet: it has whole cards this time", ref));
        return;
    }
    m->like_bytes = run.peak_bytes + run.peak_bytes / HEADROOM_SHARE;
    m->like_why = bt_arena_printf(a, "%s, the most that a card of %s/%s held on %s (%s), and a twentieth more",
                                  bt_arena_strdup(a, bt_bytes_human(run.peak_bytes)), run.project, run.workload, day_of(a, run.wall_ms), run.gpu);
}
