/* store.c - see store.h */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/sqlite.h"

#define SCHEMA 1
#define BUSY_MS 200
#define MOST_ROWS 4096

struct bt_store { const struct bt_sqlite *q; sqlite3 *db; bool write; char path[4096], note[2 * 4096 + 128]; };

static const char *const schema =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS starts(key TEXT PRIMARY KEY, what TEXT NOT NULL, weights INTEGER NOT NULL, activation INTEGER NOT NULL,"
    " graphs INTEGER NOT NULL, rest INTEGER NOT NULL, wall_ms INTEGER NOT NULL, starts INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS runs(project TEXT NOT NULL, workload TEXT NOT NULL, life INTEGER NOT NULL, gpu TEXT NOT NULL, cards INTEGER NOT NULL,"
    " peak INTEGER NOT NULL, wall_ms INTEGER NOT NULL, PRIMARY KEY(project, workload, life)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS events(seq INTEGER PRIMARY KEY AUTOINCREMENT, wall_ms INTEGER NOT NULL, mono_ms INTEGER NOT NULL, boot TEXT NOT NULL,"
    " project TEXT NOT NULL, instance TEXT NOT NULL, event TEXT NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS events_of ON events(project, seq);"
    "PRAGMA user_version = 1;"
    "COMMIT;";

const char *bt_store_path(struct bt_arena *a)
{
    return bt_arena_printf(a, "%s/berth.db", bt_state_dir(a));
}

const char *bt_store_note(const struct bt_store *s)
{
    return s && s->note[0] ? s->note : NULL;
}

static int failed(struct bt_store *s, int rc, const char *doing, struct bt_err *err)
{
    int kind = rc & 0xff;
    bool torn = kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT;
    bt_err_set(err, torn ? BT_E_INPUT : kind == SQLITE_BUSY || kind == SQLITE_LOCKED ? BT_E_BUSY : BT_E_IO, 0, "%s %s: %s", doing, s->path, s->q->errstr(rc));
    switch (kind) {
    case SQLITE_FULL: return bt_err_hint(err, "the disk is full: free some of it; until then nothing more is remembered");
    case SQLITE_READONLY: case SQLITE_CANTOPEN: case SQLITE_PERM:
        return bt_err_hint(err, "it and its folder have to be writable by this user (BERTH_STATE_DIR names another)");
    case SQLITE_NOTADB: case SQLITE_CORRUPT: return bt_err_hint(err, "move it away: it is made anew at the next start");
    default: return -1;
    }
}

static int run_sql(struct bt_store *s, const char *sql, const char *doing, struct bt_err *err)
{
    int rc = s->q->exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : failed(s, rc, doing, err);
}

/* ---- statements ---- */

struct statement { struct bt_store *s; sqlite3_stmt *st; int at; const char *doing; };

static int prepare(struct bt_store *s, const char *sql, const char *doing, struct statement *out, struct bt_err *err)
{
    *out = (struct statement){ .s = s, .doing = doing };
    int rc = s->q->prepare_v2(s->db, sql, -1, &out->st, NULL);
    return rc == SQLITE_OK ? 0 : failed(s, rc, doing, err);
}

static void put_text(struct statement *t, const char *z) { t->s->q->bind_text(t->st, ++t->at, z ? z : "", -1, SQLITE_STATIC); }
static void put_number(struct statement *t, int64_t n) { t->s->q->bind_int64(t->st, ++t->at, n); }
static void put_bytes(struct statement *t, uint64_t n) { put_number(t, n > INT64_MAX ? INT64_MAX : (int64_t)n); }

static const char *text_of(const struct statement *t, struct bt_arena *a, int column)
{
    const char *z = (const char *)t->s->q->column_text(t->st, column);
    return bt_arena_strndup(a, (struct bt_str){ z ? z : "", z ? (size_t)t->s->q->column_bytes(t->st, column) : 0 });
}

static int64_t number_of(const struct statement *t, int column) { return t->s->q->column_int64(t->st, column); }

static uint64_t bytes_of(const struct statement *t, int column)
{
    int64_t n = number_of(t, column);
    return n > 0 ? (uint64_t)n : 0;
}

/* 1: a row; 0: no more; -1. */
static int next_row(struct statement *t, struct bt_err *err)
{
    int rc = t->s->q->step(t->st);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : failed(t->s, rc, t->doing, err);
}

static int finish(struct statement *t, struct bt_err *err)
{
    int rc = next_row(t, err);
    t->s->q->finalize(t->st);
    return rc < 0 ? -1 : 0;
}

/* ---- open ---- */

static int version_of(struct bt_store *s, int64_t *version, struct bt_err *err)
{
    struct statement t;
    if (prepare(s, "PRAGMA user_version", "open", &t, err) < 0)
        return -1;
    int rc = next_row(&t, err);
    *version = rc > 0 ? number_of(&t, 0) : 0;
    s->q->finalize(t.st);
    return rc < 0 ? -1 : 0;
}

static int open_once(struct bt_store *s, struct bt_err *err)
{
    int64_t version = 0;
    int mode = s->write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    int rc = s->q->open_v2(s->path, &s->db, mode | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return failed(s, rc, "open", err);
    s->q->busy_timeout(s->db, BUSY_MS);
    if ((s->write && run_sql(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;", "open", err) < 0) || version_of(s, &version, err) < 0)
        return -1;
    if (version > SCHEMA) {
        bt_err_set(err, BT_E_STATE, 0, "open %s: a newer berth made it (schema %lld, and this one knows %d)", s->path, (long long)version, SCHEMA);
        return bt_err_hint(err, "nothing is remembered or used until then; the file is left alone");
    }
    if (!s->write)
        return version == SCHEMA ? 0 : bt_err_set(err, BT_E_INPUT, 0, "open %s: nothing of berth's is in it", s->path);
    return run_sql(s, schema, "make the tables of", err);
}

static void drop(struct bt_store *s)
{
    if (s->db)
        s->q->close_v2(s->db);
    s->db = NULL;
}

/* A file that is no database is kept for a person to look at, and out of the way. */
static int begin_anew(struct bt_store *s, struct bt_err *err)
{
    char bad[sizeof s->path + 8], side[sizeof s->path + 8];
    static const char *const sides[] = { "-wal", "-shm" };
    snprintf(bad, sizeof bad, "%s.bad", s->path);
    if (rename(s->path, bad) < 0)
        return bt_err_set(err, BT_E_IO, errno, "move %s, which is no database, to %s", s->path, bad);
    for (size_t i = 0; i < BT_LEN(sides); i++) {
        snprintf(side, sizeof side, "%s%s", s->path, sides[i]);
        unlink(side);                /* of the broken one: they would be replayed into the new */
    }
    snprintf(s->note, sizeof s->note, "%s was no database: it is %s now, and remembering begins anew", s->path, bad);
    return open_once(s, err);
}

int bt_store_open(const char *path, bool write, struct bt_store **out, struct bt_err *err)
{
    *out = NULL;
    if (!write && access(path, F_OK) < 0 && errno == ENOENT)
        return 0;
    const struct bt_sqlite *q = bt_sqlite(err);
    if (!q)
        return -1;
    struct bt_store *s = bt_xcalloc(1, sizeof *s);
    s->q = q;
    s->write = write;
    if ((size_t)snprintf(s->path, sizeof s->path, "%s", path) >= sizeof s->path) {
        free(s);
        return bt_err_set(err, BT_E_IO, ENAMETOOLONG, "open %.200s...", path);
    }
    struct stat st;
    struct bt_err first = { 0 };
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {      /* libsqlite3 calls it "disk I/O error", or waits for a pipe's other end */
        bt_store_close(s);
        bt_err_set(err, BT_E_IO, 0, "open %s: it is %s and no file", path, S_ISDIR(st.st_mode) ? "a folder" : "a device, pipe or socket");
        return bt_err_hint(err, "move it away: berth makes its file there by itself");
    }
    int rc = open_once(s, &first);
    if (rc < 0 && write && first.code == BT_E_INPUT) {
        drop(s);
        rc = begin_anew(s, err);
    } else if (rc < 0) {
        *err = first;
    }
    if (rc < 0) {
        bt_store_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

void bt_store_close(struct bt_store *s)
{
    if (!s)
        return;
    drop(s);
    free(s);
}

/* ---- starts ---- */

int bt_store_add_start(struct bt_store *s, const struct bt_store_start *r, struct bt_err *err)
{
    struct statement t;
    if (prepare(s, "INSERT INTO starts VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 1) ON CONFLICT(key) DO UPDATE SET what = ?2,"
                " weights = max(weights, ?3), activation = max(activation, ?4), graphs = max(graphs, ?5), rest = max(rest, ?6),"
                " wall_ms = ?7, starts = starts + 1",
                "remember a start in", &t, err) < 0)
        return -1;
    put_text(&t, r->key);
    put_text(&t, r->what);
    put_bytes(&t, r->weights_bytes);
    put_bytes(&t, r->activation_bytes);
    put_bytes(&t, r->graph_bytes);
    put_bytes(&t, r->rest_bytes);
    put_number(&t, r->wall_ms);
    return finish(&t, err);
}

int bt_store_starts(struct bt_store *s, struct bt_arena *a, struct bt_store_start **out, size_t *n, struct bt_err *err)
{
    struct statement t;
    *out = NULL;
    *n = 0;
    if (prepare(s, "SELECT key, what, weights, activation, graphs, rest, wall_ms, starts FROM starts ORDER BY wall_ms DESC, key LIMIT ?1",
                "read the starts of", &t, err) < 0)
        return -1;
    put_number(&t, MOST_ROWS);
    int rc;
    while ((rc = next_row(&t, err)) > 0) {
        struct bt_store_start row = { .key = text_of(&t, a, 0), .what = text_of(&t, a, 1),
                                      .weights_bytes = bytes_of(&t, 2),
                                      .activation_bytes = bytes_of(&t, 3), .graph_bytes = bytes_of(&t, 4),
                                      .rest_bytes = bytes_of(&t, 5), .wall_ms = number_of(&t, 6), .starts = bytes_of(&t, 7) };
        BT_PUSH(a, *out, *n, row);
    }
    s->q->finalize(t.st);
    return rc;
}

/* ---- runs ---- */

int bt_store_add_run(struct bt_store *s, const struct bt_store_run *r, struct bt_err *err)
{
    struct statement t;
    if (prepare(s, "INSERT INTO runs VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(project, workload, life)"
                " DO UPDATE SET gpu = ?4, cards = max(cards, ?5), peak = max(peak, ?6), wall_ms = ?7",
                "remember a run in", &t, err) < 0)
        return -1;
    put_text(&t, r->project);
    put_text(&t, r->workload);
    put_number(&t, r->life);
    put_text(&t, r->gpu);
    put_bytes(&t, r->cards);
    put_bytes(&t, r->peak_bytes);
    put_number(&t, r->wall_ms);
    return finish(&t, err);
}

int bt_store_run(struct bt_store *s, struct bt_arena *a, const char *project, const char *ref, struct bt_store_run *out, bool *found,
                 struct bt_err *err)
{
    struct statement t;
    const char *slash = strchr(ref, '/');
    *found = false;
    if (slash)
        project = bt_arena_strndup(a, (struct bt_str){ ref, (size_t)(slash - ref) });
    if (prepare(s, "SELECT project, workload, gpu, peak, cards, life, wall_ms FROM runs WHERE workload = ?1 AND (?2 = 0 OR project = ?3)"
                " ORDER BY project = ?3 DESC, life DESC LIMIT 1",
                "read the runs of", &t, err) < 0)
        return -1;
    put_text(&t, slash ? slash + 1 : ref);
    put_number(&t, slash != NULL);
    put_text(&t, project);
    int rc = next_row(&t, err);
    if (rc > 0) {
        *out = (struct bt_store_run){ .project = text_of(&t, a, 0), .workload = text_of(&t, a, 1), .gpu = text_of(&t, a, 2),
                                      .peak_bytes = bytes_of(&t, 3), .cards = bytes_of(&t, 4), .life = number_of(&t, 5), .wall_ms = number_of(&t, 6) };
        *found = true;
    }
    s->q->finalize(t.st);
    return rc < 0 ? -1 : 0;
}

/* ---- events ---- */

int bt_store_add_event(struct bt_store *s, const struct bt_store_event *e, int64_t *seq, struct bt_err *err)
{
    struct statement t;
    if (prepare(s, "INSERT INTO events(seq, wall_ms, mono_ms, boot, project, instance, event, body) VALUES(1 + max(?, ifnull((SELECT seq FROM sqlite_sequence"
                " WHERE name = 'events'), 0)), ?, ?, ?, ?, ?, ?, ?)", "write an event to", &t, err) < 0)
        return -1;
    put_number(&t, *seq);
    put_number(&t, e->wall_ms);
    put_number(&t, e->mono_ms);
    put_text(&t, e->boot);
    put_text(&t, e->project);
    put_text(&t, e->instance);
    put_text(&t, e->event);
    put_text(&t, e->body);
    if (finish(&t, err) < 0)
        return -1;
    *seq = s->q->last_insert_rowid(s->db);
    return 0;
}

int bt_store_last_event(struct bt_store *s, int64_t *seq, struct bt_err *err)
{
    struct statement t;
    *seq = 0;
    if (prepare(s, "SELECT seq FROM sqlite_sequence WHERE name = 'events'", "read the last number of", &t, err) < 0)
        return -1;
    int rc = next_row(&t, err);
    if (rc > 0)
        *seq = number_of(&t, 0);
    s->q->finalize(t.st);
    return rc < 0 ? -1 : 0;
}

int bt_store_events(struct bt_store *s, struct bt_arena *a, const char *project, int64_t seq, size_t most, struct bt_store_event **out,
                    size_t *n, struct bt_err *err)
{
    struct statement t;
    *out = NULL;
    *n = 0;
    if (prepare(s, "SELECT seq, wall_ms, mono_ms, boot, project, instance, event, body FROM events WHERE seq > ?1 AND (?2 = 0 OR project = ?3)"
                " ORDER BY seq LIMIT ?4", "read the events of", &t, err) < 0)
        return -1;
    put_number(&t, seq);
    put_number(&t, project != NULL);
    put_text(&t, project);
    put_number(&t, (int64_t)BT_MIN(most, (size_t)1000000));
    int rc;
    while ((rc = next_row(&t, err)) > 0) {
        struct bt_store_event e = { .seq = number_of(&t, 0), .wall_ms = number_of(&t, 1), .mono_ms = number_of(&t, 2), .boot = text_of(&t, a, 3),
                                    .project = text_of(&t, a, 4), .instance = text_of(&t, a, 5), .event = text_of(&t, a, 6), .body = text_of(&t, a, 7) };
        BT_PUSH(a, *out, *n, e);
    }
    s->q->finalize(t.st);
    return rc;
}

int bt_store_trim(struct bt_store *s, uint64_t keep, struct bt_err *err)
{
    struct statement t;
    if (prepare(s, "DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ?1", "trim the events of", &t, err) < 0)
        return -1;
    put_bytes(&t, keep);
    return finish(&t, err);
}
