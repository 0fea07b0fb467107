/* life.h - the life of an instance as one table: pure, no process, no clock of its own.
 *
 * What we want (up, down) is kept apart from what is. Only bt_life_event() moves the state; it looks up the cell, moves, and
 * hands the cell's effects to the owner. An event that has no cell changes nothing and is reported, so nothing moves silently.
 *
 *   parking, parked, resuming   gives its memory back without ending, has given it, takes it again
 *   pending    known, not asked for yet              stopping   its stop steps are walked
 *   waiting    for others, a start gate, memory      releasing  no process left; the driver has not shown its bytes back
 *   starting   exec'ed, not ready                    backing-off  died, starts again when the timer ends
 *   draining   is to stop; requests that run may end
 *   ready      does its work (a job: runs)           done, failed, down   ends; only a person moves it on */
#ifndef BT_RUN_LIFE_H
#define BT_RUN_LIFE_H
#include "base/str.h"

enum bt_life_state {
    BT_ST_UNSET, BT_ST_PENDING, BT_ST_WAITING, BT_ST_STARTING, BT_ST_READY, BT_ST_PARKING, BT_ST_PARKED, BT_ST_RESUMING,
    BT_ST_DRAINING, BT_ST_STOPPING, BT_ST_RELEASING, BT_ST_BACKOFF, BT_ST_DONE, BT_ST_FAILED, BT_ST_DOWN, BT_ST__N
};

enum bt_life_event {
    BT_EV_UP,                        /* a person wants it */
    BT_EV_DOWN,                      /* a person, or a failed `up`, does not */
    BT_EV_RESTART,                   /* a person wants it anew */
    BT_EV_START,                     /* all it waited for is there */
    BT_EV_BLOCKED,                   /* it waited past its limit */
    BT_EV_NOTHING,                   /* nothing is left for this slot of a job */
    BT_EV_READY,
    BT_EV_PARK, BT_EV_PARKED, BT_EV_RESUME,          /* back again is READY */
    BT_EV_DRAINED,                   /* no request runs any more, or they had their time */
    BT_EV_STALLED,                   /* no progress towards ready; ready, and no sign of work */
    BT_EV_EXIT,                      /* no process of its tree is left, or it never ran */
    BT_EV_TIMER,                     /* backoff is over */
    BT_EV_FREE_DOWN, BT_EV_FREE_DONE, BT_EV_FREE_FAILED, BT_EV_FREE_AGAIN, BT_EV_FREE_ANEW,      /* its bytes are back; by verdict */
    BT_EV__N
};

enum bt_life_effect {
    BT_FX_SPAWN = 1,                 /* start its keeper */
    BT_FX_STOP = 2,                  /* tell the keeper to walk the stop steps */
    BT_FX_HURRY = 4,                 /* ... from the first SIGKILL on */
    BT_FX_TIMER = 8,                 /* backoff_until_ms is set: raise BT_EV_TIMER then */
    BT_FX_TELL = 16,                 /* it failed: say so to people, with its last lines */
    BT_FX_NOTE = 32,                 /* what is wanted of it has changed: write that down for a next owner. STOP and HURRY mean that, too */
};

enum bt_verdict { BT_V_NONE, BT_V_DOWN, BT_V_DONE, BT_V_FAILED, BT_V_AGAIN, BT_V_ANEW };

struct bt_life;
struct bt_life_ops {                 /* the owner's side */
    void *ctx;
    int64_t (*now_ms)(void *ctx);
    void (*act)(void *ctx, struct bt_life *l, unsigned effects);
    void (*changed)(void *ctx, struct bt_life *l, enum bt_life_state from);
    void (*unexpected)(void *ctx, struct bt_life *l, enum bt_life_event ev);
    bool (*busy)(void *ctx, const struct bt_life *l);                /* a ready one is to stop: may requests have to end first? NULL = never */
};

struct bt_life {
    const struct bt_life_ops *ops;
    enum bt_life_state state;
    bool want_up, anew;              /* anew: a person asked for a restart that is under way */
    bool job;
    const char *policy;              /* on-failure, always, never */
    uint32_t restart_max, retries;
    bool was_ready;                  /* in this life or an earlier one since `up` */
    uint32_t restarts;               /* started again by itself since `up` */
    uint32_t deaths;                 /* in a row, without BT_STEADY_MS of being ready between them */
    enum bt_verdict verdict;         /* set by bt_life_ended() */
    int64_t since_ms, backoff_until_ms;
};

#define BT_STEADY_MS 60000           /* ready for this long: earlier deaths are forgiven */
#define BT_BACKOFF_MAX_MS 60000

void bt_life_init(struct bt_life *l, const struct bt_life_ops *ops, bool job, const char *policy, uint32_t restart_max, uint32_t retries);
/* Take up an instance that is found in this state (adoption): no effects. */
void bt_life_found(struct bt_life *l, enum bt_life_state state);
/* True when there was a cell. UP, DOWN and RESTART also set what is wanted. */
bool bt_life_event(struct bt_life *l, enum bt_life_event ev);
/* Its tree is gone: decide what that means, then raise BT_EV_EXIT.
 *   ran    exec succeeded, or failed for a reason that passes (a full disk)
 *   clean  exit status 0 (for a server or service that means nothing: it was to stay)
 * Never ready and dead: failed, without another try: the cause is in its settings, not in the weather. */
void bt_life_ended(struct bt_life *l, bool ran, bool clean);
/* Its bytes are back: raise the event of its verdict. */
void bt_life_freed(struct bt_life *l);

const char *bt_life_state_name(enum bt_life_state s);
bool bt_life_alive(enum bt_life_state s);            /* from starting to stopping: has processes */
bool bt_life_leaving(enum bt_life_state s);          /* draining, stopping: alive, and told to go */
bool bt_life_holds(enum bt_life_state s);            /* alive, or releasing: its bytes are not yet anyone else's */
bool bt_life_over(enum bt_life_state s);             /* done, failed, down */
#endif
