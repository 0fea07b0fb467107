/* learn.h - what an instance really takes, from its engine's log and the driver, into the store. Loop thread; a write waits at most 200 ms for another
 * process. Whatever fails is warned of once and costs the memory of it, never the instance. */
#ifndef BT_RUN_LEARN_H
#define BT_RUN_LEARN_H
#include "engine/engine.h"
#include "launch/planfile.h"

struct bt_daemon;
struct bt_instance;

/* Of one pipeline stage: the largest that a log line of its ranks said; a line that does not say whose it is counts for all stages. held_bytes: the most
 * that one of its cards held in the last sample. */
struct bt_learning_stage { double weights_gib, activation_gib, graphs_gib; uint64_t held_bytes; };

/* Of one start. */
struct bt_learning {
    struct bt_learning_stage stage[BT_LEARN_STAGES];
    bool crowded;                    /* somebody else was on one of its cards while it started: its figures tell nothing */
    bool noted;                      /* this start is in the store, or will not be */
    uint64_t peak_bytes;             /* the most that one card of it was seen to hold */
    int64_t ready_ms;
};

void bt_learn_line(struct bt_instance *in, const struct bt_log_event *ev);
/* After each sample of the cards: who else is there, peaks, and a start that became ready. */
void bt_learn_sampled(struct bt_daemon *d);
/* Its processes are gone: the peak of this run, for {like: RUN}. */
void bt_learn_ended(struct bt_instance *in);
#endif
