/* journal.c - every change gets a number, two clocks and the boot it happened in, is written down, and goes to who listens.
 *
 * A journal that cannot be written (a full disk, a folder that is read-only) costs the memory of what happened, and nothing else: it is said once a
 * minute, numbers go on, and what runs goes on. When it can be written again, it says first how much is missing and how everything stands. One that another
 * program locks costs one wait of the store, then nothing for five seconds: each wait holds up everything that runs. Progress within a state is told and
 * not written. */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "run/project.h"
#include "store/store.h"

enum { KEEP = 100000, SAY_MS = 60000, REOPEN_MS = 5000, BUSY_PAUSE_MS = 5000 };

static void degraded(struct bt_daemon *d, const struct bt_err *err)
{
    int64_t now = bt_now_ms();
    d->journal_bad_ms = now;
    if (d->journal_said_ms && now - d->journal_said_ms < SAY_MS)
        return;
    d->journal_said_ms = now;
    bt_warn("daemon", "the journal: %s%s%s; what runs is not touched by that", err->msg, err->hint[0] ? "; try: " : "", err->hint);
}

static bool opened(struct bt_daemon *d)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    if (d->journal)
        return true;
    if (d->journal_bad_ms && bt_now_ms() - d->journal_bad_ms < REOPEN_MS)
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

static bool add(struct bt_daemon *d, const char *project, const json_t *ev)
{
    struct bt_err err = { 0 };
    const json_t *in = json_object_get(ev, "instance");
    bt_auto_free char *body = json_dumps(ev, JSON_COMPACT);
    struct bt_store_event row = { .wall_ms = bt_wall_ms(), .mono_ms = bt_now_ms(), .boot = bt_boot_id(), .project = project,
                                  .instance = in ? member(in, "id") : member(ev, "id"), .event = member(ev, "event"), .body = body ? body : "{}" };
    int64_t seq = d->seq;
    if (bt_store_add_event(d->journal, &row, &seq, &err) == 0) {
        d->seq = seq;
        return true;
    }
    degraded(d, &err);
    if (err.code == BT_E_BUSY)
        d->journal_busy_ms = bt_now_ms() + BUSY_PAUSE_MS;
    else
        bt_journal_close(d);         /* tried anew later: the disk may have room again, the file may be another one */
    return false;
}

/* What was not written down leaves a hole in every project's chain of states: it goes on from here, and before the change that is about to be written. */
static bool tell_gap(struct bt_daemon *d, const char *project, const json_t *ev)
{
    for (size_t i = 0; i < d->nprojects; i++) {
        struct bt_project *p = d->project[i];
        json_t *states = bt_report_states(p);
        const json_t *from = strcmp(p->name, project) ? NULL : json_object_get(ev, "from");
        if (from)
            json_object_set(states, member(json_object_get(ev, "instance"), "id"), (json_t *)from);
        char text[80];
        snprintf(text, sizeof text, "%lld changes could not be written down", (long long)d->journal_missed);
        json_t *gap = json_pack("{s:s, s:s, s:I, s:o, s:s}", "event", "gap", "project", p->name, "missed", (json_int_t)d->journal_missed, "states", states,
                                "text", text);
        bool added = add(d, p->name, gap);
        json_decref(gap);
        if (!added)
            return false;
    }
    bt_info("daemon", "the journal is written again; %lld changes are missing from it", (long long)d->journal_missed);
    d->journal_missed = 0;
    return true;
}

static void write_down(struct bt_daemon *d, const char *project, json_t *ev)
{
    bool open = bt_now_ms() >= d->journal_busy_ms && opened(d);
    if (open && (!d->journal_missed || tell_gap(d, project, ev)) && add(d, project, ev))
        return;
    d->seq++;                        /* without the file, numbers go on */
    d->journal_missed++;
}

void bt_journal_catch_up(struct bt_daemon *d)
{
    if (d->journal_missed && bt_now_ms() >= d->journal_busy_ms && opened(d))
        tell_gap(d, "", NULL);
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
