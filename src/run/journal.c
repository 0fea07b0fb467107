/* journal.c - every change gets a number, two clocks and the boot it happened in, is written down, and goes to who listens.
 *
 * A journal that cannot be written (a full disk, a folder that is read-only) costs the memory of what happened, and nothing else: it is said once a
 * minute, numbers go on, and what runs goes on. One that another program locks costs one wait of the store, then nothing for five seconds: each wait holds
 * up everything that runs. Progress within a state is told and not written. */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "run/project.h"
#include "store/store.h"

enum { KEEP = 100000, AGAIN_MS = 60000, BUSY_PAUSE_MS = 5000 };

static void degraded(struct bt_daemon *d, const struct bt_err *err)
{
    int64_t now = bt_now_ms();
    if (d->journal_bad_ms && now - d->journal_bad_ms < AGAIN_MS)
        return;
    d->journal_bad_ms = now;
    bt_warn("daemon", "the journal: %s%s%s; what runs is not touched by that", err->msg, err->hint[0] ? "; try: " : "", err->hint);
}

static bool opened(struct bt_daemon *d)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    if (d->journal)
        return true;
    if (d->journal_bad_ms && bt_now_ms() - d->journal_bad_ms < AGAIN_MS)
        return false;
    if (bt_dir_private(bt_state_dir(&a), &err) < 0 || bt_store_open(bt_store_path(&a), true, &d->journal, &err) < 0) {
        degraded(d, &err);
        return false;
    }
    if (bt_store_note(d->journal))
        bt_warn("daemon", "%s", bt_store_note(d->journal));
    int64_t last;
    if (bt_store_trim(d->journal, KEEP, &err) < 0 || bt_store_last_event(d->journal, &last, &err) < 0)
        degraded(d, &err);
    else
        d->seq = BT_MAX(d->seq, last);
    return true;
}

struct bt_store *bt_journal_store(struct bt_daemon *d)
{
    return opened(d) ? d->journal : NULL;
}

void bt_journal_close(struct bt_daemon *d)
{
    bt_store_close(d->journal);
    d->journal = NULL;
}

static const char *member(const json_t *o, const char *key)
{
    const char *z = json_string_value(json_object_get(o, key));
    return z ? z : "";
}

/* "inst" with `from` is a change of state; without, progress. */
static bool is_change(const json_t *ev)
{
    return strcmp(member(ev, "event"), "inst") || json_object_get(ev, "from");
}

static void write_down(struct bt_daemon *d, const char *project, json_t *ev)
{
    struct bt_err err = { 0 };
    const json_t *in = json_object_get(ev, "instance");
    char *body = json_dumps(ev, JSON_COMPACT);
    struct bt_store_event row = { .wall_ms = bt_wall_ms(), .mono_ms = bt_now_ms(), .boot = bt_boot_id(), .project = project,
                                  .instance = in ? member(in, "id") : member(ev, "id"), .event = member(ev, "event"), .body = body ? body : "{}" };
    bool open = row.mono_ms >= d->journal_busy_ms && opened(d);
    int64_t seq = d->seq++;          /* without the file, numbers go on */
    if (open && bt_store_add_event(d->journal, &row, &seq, &err) == 0)
        d->seq = seq;
    else if (open) {
        degraded(d, &err);
        if (err.code == BT_E_BUSY)
            d->journal_busy_ms = bt_now_ms() + BUSY_PAUSE_MS;
        else
            bt_journal_close(d);     /* tried anew later: the disk may have room again, the file may be another one */
    }
    free(body);
}

void bt_journal_event(struct bt_daemon *d, const char *project, json_t *ev)
{
    json_object_set_new(ev, "project", json_string(project));
    if (is_change(ev)) {
        write_down(d, project, ev);
        json_object_set_new(ev, "seq", json_integer(d->seq));
    }
    json_object_set_new(ev, "wall_s", json_real((double)bt_wall_ms() / 1000));
    json_object_set_new(ev, "mono_s", json_real((double)bt_now_ms() / 1000));
    json_object_set_new(ev, "boot", json_string(bt_boot_id()));
}
