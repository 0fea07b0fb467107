/* store - what berth remembers of this machine: measured starts, peaks of runs, events. One SQLite file (WAL), STATE/berth.db.
 *
 *   store.c    open, schema, the three tables         sqlite.c    the door to libsqlite3, by dlopen
 *
 * Nothing here is needed to start or to stop anything: every failure is an error value with a way out, and the caller warns and goes on without.
 *   read-only folder or file    written: BT_E_IO. Read: what is there
 *   full disk                   BT_E_IO from the call that met it; what was there stays whole
 *   not a database, torn        written: moved aside to berth.db.bad and begun anew (bt_store_note); read: BT_E_INPUT
 *   made by a newer berth       BT_E_STATE: left alone
 *   no libsqlite3               BT_E_NOT_FOUND
 * Calls wait at most 200 ms for another process that writes; a write is one transaction and does not wait for the disk (synchronous=NORMAL: a power cut
 * may lose the last ones, never the file). One thread at a time. */
#ifndef BT_STORE_H
#define BT_STORE_H
#include "base/arena.h"

struct bt_store;
const char *bt_store_path(struct bt_arena *a);       /* in the state folder */
/* write: made when it is missing. Without: *out NULL and 0 when there is none. */
BT_MUST_CHECK int bt_store_open(const char *path, bool write, struct bt_store **out, struct bt_err *err);
void bt_store_close(struct bt_store *s);             /* NULL is fine */
const char *bt_store_note(const struct bt_store *s); /* what opening it did that a person should know, or NULL */

/* What one rank of a server took, by the engine's own log and the driver. Of several ranks, or starts, the most. 0 = not measured. */
struct bt_store_start {
    const char *key;                 /* bt_need_key(): model, engine, card, driver, shape and flags that change bytes */
    const char *what;                /* for people: "Qwen/Qwen3-8B on vllm 0.32.0" */
    uint64_t weights_bytes, activation_bytes, graph_bytes;
    uint64_t rest_bytes;             /* held by its process on a card when it was ready, less KV and weights */
    int64_t wall_ms;                 /* of the newest; unix time */
    uint64_t starts;                 /* how often; read only */
};
BT_MUST_CHECK int bt_store_add_start(struct bt_store *s, const struct bt_store_start *row, struct bt_err *err);
/* All, newest first, at most 4096. */
BT_MUST_CHECK int bt_store_starts(struct bt_store *s, struct bt_arena *a, struct bt_store_start **out, size_t *n, struct bt_err *err);

/* The most that one card of a workload was seen to hold. life: of its project, one `up`; rows of one life are merged to the larger. */
struct bt_store_run { const char *project, *workload, *gpu; uint64_t peak_bytes, cards; int64_t life, wall_ms; };
BT_MUST_CHECK int bt_store_add_run(struct bt_store *s, const struct bt_store_run *row, struct bt_err *err);
/* The newest life of WORKLOAD of this project, else of any. ref: "WORKLOAD" or "PROJECT/WORKLOAD". *found false: never measured. */
BT_MUST_CHECK int bt_store_run(struct bt_store *s, struct bt_arena *a, const char *project, const char *ref, struct bt_store_run *out, bool *found,
                               struct bt_err *err);

/* Events, in the order they were written; body: JSON text. */
struct bt_store_event { int64_t seq, wall_ms, mono_ms; const char *boot, *project, *instance, *event, *body; };
/* *seq: in, the last number that was given without this file (0: none was); out, the one it was given. It grows over all lives of the file. */
BT_MUST_CHECK int bt_store_add_event(struct bt_store *s, const struct bt_store_event *e, int64_t *seq, struct bt_err *err);
BT_MUST_CHECK int bt_store_last_event(struct bt_store *s, int64_t *seq, struct bt_err *err);         /* the last number given, kept or not; 0: none */
/* Those after seq, oldest first, at most `most`; project NULL = all. */
BT_MUST_CHECK int bt_store_events(struct bt_store *s, struct bt_arena *a, const char *project, int64_t seq, size_t most, struct bt_store_event **out,
                                  size_t *n, struct bt_err *err);
/* Keep the newest `keep` events. */
BT_MUST_CHECK int bt_store_trim(struct bt_store *s, uint64_t keep, struct bt_err *err);
#endif
