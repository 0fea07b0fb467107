/* project.h - what the daemon holds: projects, their instances, the verbs connected to it. Loop thread only. */
#ifndef BT_RUN_PROJECT_H
#define BT_RUN_PROJECT_H
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/pattern.h"
#include "engine/engine.h"
#include "launch/planfile.h"
#include "run/download.h"
#include "run/health.h"
#include "run/life.h"
#include "run/keepdir.h"
#include "run/learn.h"
#include "run/notify.h"
#include "run/ports.h"
#include "run/run.h"
#include "run/sample.h"
#include "run/tail.h"
#include "run/tasks.h"
#include "run/tree.h"
#include "run/window.h"

struct bt_daemon;
struct bt_project;
struct bt_store;

/* Of a rank's card: what nobody owned just before the start, and what the rank held just before it was to be parked (0: not known). */
struct bt_card_base { bool valid; uint64_t residual_bytes, awake_bytes; };

/* The file that says that it is ready, as it stood just before the start; all 0: it was not there. known: we looked. */
struct bt_ready_file { bool known; uint64_t inode, bytes; struct timespec changed; };

/* Signs of work of a ready instance (alive.c). */
struct bt_alive {
    int64_t look_ms, probe_ms, answer_ms, metrics_ms, heard_ms, tokens_ms, died_ms;
    struct bt_health *probe, *metrics;
    int bad, last_status;            /* answers in a row that were no 2xx */
    double running, tokens;
    bool idle;                       /* draining: no request runs any more, or the engine does not tell */
    struct bt_proc *vital; size_t nvital;            /* the engine's own processes when it became ready; NULL: not noted yet */
};

/* Of an instance that is parked, or on its way there or back (park.c). */
struct bt_park {
    const struct bt_engine_park *how;
    const struct bt_pf_move *move;   /* what it may keep on its cards; NULL: by hand, nobody planned with it */
    bool by_hand, found;             /* found: by a new daemon, which looks at its bytes before it asks anything */
    size_t step; struct bt_health *request;
    char asked[80], failed[256];
    int64_t since_ms; double asked_s;           /* asked_s: all requests were answered then; samples before it tell nothing */
};

/* The first small request of a server (warm.c). */
enum bt_warm_is { BT_WARM_UNDECIDED, BT_WARM_NONE, BT_WARM_YES, BT_WARM_NO };        /* NONE: nothing of it can be asked */
struct bt_warm {
    enum bt_warm_is is;
    size_t step;                     /* of engine->first */
    bool named, asked;               /* named: model, as its API calls it, is known; asked: the request itself has been sent */
    struct bt_health *request;
    char model[256], why[200];       /* why: it is not warm */
    int64_t since_ms, next_ms;
    double seconds;                  /* from ready to the answer */
};

struct bt_instance {
    struct bt_life life;             /* first: the table's callbacks get a pointer to it */
    struct bt_life_ops ops;
    struct bt_project *p;
    const struct bt_pf_instance *pf; /* its row of the phase it is in, or was last in, or comes in first */
    const struct bt_pf_instance **in_phase;          /* its row of every phase of the plan; NULL: not in that one */
    const struct bt_engine *engine;
    const char *dir, *tmp;           /* its folder; its TMPDIR */
    struct bt_keep_port *port; size_t nports;
    const char *url;                 /* "" = none */
    char ip[16]; int url_port;
    const struct bt_pattern *log_ready;              /* NULL: it is not told by its log */

    struct bt_task_queue *queue;     /* of a job; NULL: none */
    int64_t task;                    /* of the queue: the one it runs or is to try again; -1 */

    /* this start */
    struct event *report; int report_fd;
    struct bufferevent *ctl; struct bt_buf ctl_in;
    struct bt_keep_who keeper, child; bool has_keeper, has_child;
    bool ran;                        /* exec succeeded */
    bool passes;                     /* it did not, for a reason that may be gone at the next try: a full disk */
    bool sweeping; int64_t sweep_ms; /* the keeper is dead: we end its tree ourselves */
    bool cut;                        /* the stop begins with the end of its clients' connections: they had their time */
    bool stop_sent, hurry_wanted, log_matched, kv_sized, gave_up;
    int64_t launched_wall_ms, orphaned_ms;
    struct bt_tail tail;
    char step[64]; int percent; uint64_t kv_tokens;
    const char *model_dir;           /* in the model cache; NULL: nothing of it can be fetched */
    struct bt_download download;
    char first_error[256], died[256];
    char told[512];                  /* by a keeper that could not start it: what exit.json should say, and a full disk may keep it from saying */
    struct bt_health *health; int64_t health_ms;
    struct bt_ready_file file;
    struct bt_alive alive;
    struct bt_warm warm; int cold_deaths;            /* cold_deaths: in a row, ready and before the first answer */
    struct bt_park park;
    struct bt_learning learn;
    bool answered;                   /* the last health probe was good: prove that the listener is ours */
    uint64_t progress_mark; int64_t progress_ms, progress_look_ms;
    struct bt_keep_exit exit; bool exited;

    /* memory */
    struct bt_window window;
    pid_t *pids; size_t npids;       /* last members seen */
    struct bt_card_base *base;       /* one a rank */
    int64_t wait_ms, release_ms; double ended_s;
    char drift[200]; int drift_seen; /* how it departs from its plan, "" = not; samples in a row that say so */
    char why[640], why_hint[320];    /* what it waits for, or why it failed */
};

struct bt_foreign { const char *gpu; int64_t pid; };     /* a stranger on a card of the plan */

struct bt_project {
    struct bt_daemon *d;
    struct bt_arena arena;           /* everything of this project */
    struct bt_planfile *plan;
    const char *name, *dir;
    struct bt_instance *inst; size_t n;
    struct bt_task_queue **queue; size_t nqueues;
    struct bt_strs env;              /* NAME=value, of the `up` that brought it */
    size_t phase, phase_to;          /* of plan->phase[]: where it is, and where it goes while `leaving` */
    bool leaving;                    /* what the next phase has no use for is being stopped */
    struct bt_project *next;         /* what it is being switched to (switch.c), leaving; NULL: nothing. Not among the daemon's projects */
    struct bt_foreign *foreign; size_t nforeign;     /* told already */
    bool keep;                       /* a failed start is left as it is */
    uint16_t port_first, port_last;  /* leases are taken from these */
    bool settled, down, failed_up, adopted;
    int64_t limit_memory_ms, limit_stall_ms, limit_start_ms, limit_release_ms, limit_hang_ms, limit_tokens_ms, limit_park_ms, limit_warm_ms;
};

struct bt_conn {
    struct bt_daemon *d;
    struct bufferevent *bev;
    struct bt_buf in;
    char follow[64];                 /* project whose events go here; "" = none */
    bool watches;                    /* gets the changes of every project */
    bool wants_gone; uint64_t gone_id;       /* a `down` that is answered when the project is gone */
    struct json_t *held; double held_s; int64_t held_ms;     /* a `ps` or `verify` that waits for a sample younger than itself */
    bool closing;
    struct bt_conn *next;
};

/* What it had started runs on, and nobody knows as what: it is neither forgotten nor started again. */
struct bt_broken { const char *name, *dir, *why; };

struct bt_daemon {
    struct event_base *base;
    struct event *tick, *listen_ev, *sig[3];
    int listener, lock_fd;
    struct bt_arena arena;
    const char *runtime, *sock;
    struct bt_project **project; size_t nprojects;
    struct bt_broken *broken; size_t nbroken;        /* folders of projects that could not be taken up */
    struct bt_conn *conns;
    struct bt_sampler *sampler;
    struct bt_claims claims;         /* of the ports that are leased to instances of its projects */
    struct bt_store *journal;        /* NULL: not open */
    int64_t journal_bad_ms, journal_said_ms, journal_busy_ms, journal_missed;        /* when it last failed, and that was said; locked: not before; changes */
    int64_t seq;                     /* of the last change */
    struct bt_arena procs_arena; struct bt_proc *procs; size_t nprocs; int64_t procs_ms;      /* bt_daemon_procs() */
    int64_t idle_since_ms;
    int64_t files_said_ms;           /* when the log last said that no file can be opened */
    bool stay;                       /* of a service: does not end by itself */
    struct bt_notify notify;
    bool leave;                      /* the last project is down: end when the answers are out */
};

enum { BT_PROJECT_ENV_MAX = 8 * 1024 * 1024 };

/* project.c - birth, folders, end */
/* fresh: the plan was made just now for this `up`; if another project was given its bytes since, BT_E_BUSY: plan again. Else it waits for room.
 * again: forget which tasks are done. *out NULL with 0: all of its jobs are done, and nothing was started. */
BT_MUST_CHECK int bt_project_new(struct bt_daemon *d, struct bt_str plan_text, const struct bt_strs *env, bool keep, bool fresh,
                                 bool again, struct bt_project **out, struct bt_err *err);
/* The first half of that: a project that nothing has been started of, and the daemon does not have. bt_project_free(). */
BT_MUST_CHECK int bt_project_read(struct bt_daemon *d, struct bt_str plan_text, const struct bt_strs *env, struct bt_project **out, struct bt_err *err);
void bt_project_free(struct bt_project *p);
BT_MUST_CHECK int bt_project_check(struct bt_project *p, struct bt_err *err);        /* every {url:W} of it names somebody who listens */
/* The daemon may open the files that its largest phase takes, and all of its ports. before: whom it takes the place of, whose files it gets; NULL: nobody. */
BT_MUST_CHECK int bt_project_files_suffice(const struct bt_project *p, const struct bt_project *before, struct bt_err *err);
/* BT_E_BUSY: another project was given bytes that it needs. One of its own name does not count. */
BT_MUST_CHECK int bt_project_still_free(const struct bt_daemon *d, const struct bt_project *p, struct bt_err *err);
BT_MUST_CHECK int bt_project_write_env(const struct bt_project *p, struct bt_err *err);      /* for a next daemon; secrets stay out */
void bt_project_drop(struct bt_project *p);          /* off the daemon's list: the caller has it */
void bt_instance_keep_log(const struct bt_instance *in);     /* in the state folder, where `berth logs` finds it; its own folder is going */
struct bt_project *bt_project_find(struct bt_daemon *d, const char *name);
void bt_project_insert(struct bt_daemon *d, struct bt_project *p);           /* onto the daemon's list */
/* Name, limits and instances by the plan's text. from: the folder that plan and environment were read from, for messages; NULL: a request. */
BT_MUST_CHECK int bt_project_fill(struct bt_project *p, const char *from, struct bt_str plan_text, struct bt_err *err);
void bt_project_down(struct bt_project *p, bool hurry);      /* wants everything down; hurry: of a second call, those being stopped go to SIGKILL */
void bt_project_drive(struct bt_project *p);         /* one look at everything that may move; one that is all down is gone after it */
struct bt_instance *bt_project_first_of(struct bt_project *p, const char *workload);      /* in the phase that it is in, else of any; NULL: none */
const struct bt_pf_gpu *bt_project_gpu(const struct bt_project *p, const char *uuid);      /* NULL: not a card of its plan */
/* Bytes that the plan gives it on this card. *placed becomes true when it has a rank there (may be NULL). */
uint64_t bt_instance_planned_on(const struct bt_instance *in, const char *uuid, bool *placed);
bool bt_daemon_has_cards(const struct bt_daemon *d);                         /* some project's plan gives cards */
const struct bt_instance *bt_daemon_owner(const struct bt_daemon *d, int64_t pid);         /* whose it was at the last look; NULL: not ours */

bool bt_project_needed_by_running(const struct bt_project *p, const struct bt_instance *in);       /* a client of it runs: stop that one first */
BT_MUST_CHECK int bt_project_place(struct bt_instance *in, struct bt_err *err);      /* ports that its row names, and its url */

/* adopt.c - what an earlier daemon left */
/* Takes it up, or notes in d->broken why it cannot be. Of an earlier boot, or without a plan and without a process that lives: it is forgotten. */
void bt_project_adopt(struct bt_daemon *d, const char *name);
/* For who asks while no daemon lives: the next one could not take it up; *err says which file, and why. */
bool bt_project_is_lost(const char *name, struct bt_err *err);
BT_MUST_CHECK int bt_project_forget(const char *name, struct bt_err *err);           /* its folders, and the TMPDIRs of its instances; nothing of it may run */

/* lease.c - ports. Each that is leased is claimed too (ports.h): no other daemon of the machine gives it to anybody before its server listens */
BT_MUST_CHECK int bt_lease_range(struct bt_project *p, struct bt_err *err);      /* BERTH_PORTS of its environment, else the usual ones */
/* Leases what its row names and it has not yet: the wanted one, or a free one in the range. Called for the whole set before anything starts. */
BT_MUST_CHECK int bt_lease_take(struct bt_instance *in, struct bt_err *err);
void bt_lease_keep(struct bt_instance *in);          /* claims what was found in its folder, or what its keeper had and gave back; tries */
bool bt_lease_ready(struct bt_instance *in);         /* just before a start: its ports are free and claimed by us; false: in->why says who is in the way */
size_t bt_lease_fds(struct bt_arena *a, const struct bt_instance *in, int **out);        /* its claims, for its keeper to inherit; borrowed */
void bt_lease_end(struct bt_project *p);             /* it goes: claims that no other project of the daemon needs are given back */

/* switch.c - from plan to plan, while it runs */
/* Begins to leave for this plan: what it starts the same way goes on, the rest is stopped, then the new plan is the project's. fresh, env: as of
 * bt_project_new(). *all_done: all jobs of all its phases are done, and nothing was changed. A second call changes the target. */
BT_MUST_CHECK int bt_switch_begin(struct bt_project *p, struct bt_str plan_text, const struct bt_strs *env, bool keep, bool fresh, bool *all_done,
                                  struct bt_err *err);
bool bt_switch_drive(struct bt_project *p);          /* one look; true: it is over, and p is gone */
void bt_switch_found(struct bt_project *p);          /* adoption: the last daemon was about it */

/* phase.c - from phase to phase */
/* The same process would be started: same cards, same bytes, same command, same ports. Then it need not be stopped. */
bool bt_phase_same_start(const struct bt_pf_instance *x, const struct bt_pf_instance *y);
bool bt_phase_has(const struct bt_project *p, const struct bt_instance *in);         /* in the phase that the project is in */
BT_MUST_CHECK int bt_phase_index(const struct bt_project *p, const char *name, size_t *out, struct bt_err *err);
void bt_phase_go(struct bt_project *p, size_t to);   /* begins to leave for it; a second call changes the target */
void bt_phase_drive(struct bt_project *p);           /* one look: all left? then in. All jobs of this one done? then on */
bool bt_phase_first(struct bt_project *p);           /* sets the first phase with something to do; false: all jobs of all phases are done */
void bt_phase_found(struct bt_project *p);           /* adoption: which phase the last daemon was in, and where it was going */

/* start.c - from waiting to running */
void bt_instance_start(struct bt_instance *in);      /* EV_EXIT follows at once when it cannot even be tried */
void bt_instance_connect(struct bt_instance *in);
void bt_instance_lost_keeper(struct bt_instance *in);        /* it is dead: the next looks end its tree */
void bt_instance_send_stop(struct bt_instance *in);
int64_t bt_instance_engine_drain_ms(const struct bt_instance *in);                /* its arguments let the engine itself wait so long for requests; 0 = not */
void bt_instance_ended(struct bt_instance *in);      /* reads exit.json, or notes that nobody knows */
void bt_instance_reset(struct bt_instance *in);      /* forget this start: closes, frees */
const char *bt_instance_fill(struct bt_arena *a, const struct bt_instance *in, const char *text);     /* {port}, {url:W}, {tmp} */
size_t bt_instance_members(struct bt_arena *a, const struct bt_instance *in, const struct bt_proc *all, size_t nall, struct bt_proc **out);

/* drive.c - one instance's next step */
void bt_instance_drive(struct bt_instance *in);
void bt_instance_note_file(struct bt_instance *in);  /* just before its start: one that stands there already does not say that it is ready */
void bt_instance_read_log(struct bt_instance *in);   /* what its log has since the last look: steps, the KV size, the first error */

/* All processes, read once for everybody who asks within 100 ms; fresh: read now. Valid until the next call with fresh, or 100 ms later. */
size_t bt_daemon_procs(struct bt_daemon *d, bool fresh, struct bt_proc **out);

/* alive.c - after ready */
void bt_alive_look(struct bt_instance *in);          /* one look; may raise BT_EV_STALLED */
void bt_alive_reset(struct bt_alive *w);
bool bt_alive_busy(const struct bt_instance *in);    /* clients are connected to a server that tells how many requests run, and may let them end */
void bt_alive_drain(struct bt_instance *in);         /* of a draining one: one look */

/* warm.c - the first small request */
void bt_warm_look(struct bt_instance *in);           /* of a ready one: one look */
void bt_warm_found(struct bt_instance *in);          /* adoption */
void bt_warm_reset(struct bt_warm *w);
/* Nobody waits for an answer any more: before a stop, which must not find a client that stays. */
void bt_warm_cancel(struct bt_instance *in);
/* Before the verdict about its end: whoever dies of its first request twice in a row will die of it always. */
void bt_warm_ended(struct bt_instance *in);

/* park.c - memory given back without ending */
const struct bt_pf_move *bt_park_move(const struct bt_instance *in, size_t from, size_t to);       /* the plan parks it there; NULL: it does not */
const struct bt_engine_park *bt_park_how(const struct bt_instance *in, const char *level);         /* NULL: its engine cannot */
bool bt_park_begin(struct bt_instance *in, const char *level, const struct bt_pf_move *m, bool by_hand);       /* false: it cannot */
void bt_park_drive(struct bt_instance *in);          /* parking, resuming: one look */
bool bt_park_wants_back(const struct bt_instance *in);
void bt_park_resume(struct bt_instance *in);         /* there is room */
void bt_park_let_back(struct bt_instance *in);       /* a person wants it back: the next look brings it, when there is room */
void bt_park_found(struct bt_instance *in);          /* adoption */
void bt_park_reset(struct bt_park *k);
uint64_t bt_instance_claims_on(const struct bt_instance *in, const char *uuid, bool *placed);      /* planned; parked: what it keeps */

/* memory.c - room and release, on the newest sample */
bool bt_memory_heard(const struct bt_instance *in);  /* the newest sample is younger than its window, or need not be */
bool bt_memory_window(struct bt_instance *in, char *why, size_t n);          /* false: another user starts on a card of it */
bool bt_memory_card_gone(const struct bt_instance *in);      /* the driver answers, and does not list one of its cards */
bool bt_memory_room(struct bt_instance *in, char *why, size_t n);            /* false: why says who is in the way */
void bt_memory_note_base(struct bt_instance *in);
bool bt_memory_released(struct bt_instance *in, char *why, size_t n);
void bt_memory_members(struct bt_daemon *d);         /* which pid belongs to whom, now */
void bt_memory_on_sample(void *daemon);              /* of every sample: members, then the answers that waited for it */

uint64_t bt_memory_promised(const struct bt_project *p, const char *uuid);           /* the most of a card that any phase with work left takes */

/* why.c: {code, cause, advice[{flags, text}]} of its log's last start; null: it tells none */
json_t *bt_report_why(const struct bt_instance *in);

/* report.c - JSON for people and verbs */
const char *bt_report_state(const struct bt_instance *in);           /* as people read it: "running" is a job that is ready */
json_t *bt_report_instance(struct bt_instance *in, bool brief);
json_t *bt_report_states(const struct bt_project *p);                /* id -> state, for the journal */
json_t *bt_report_ps(struct bt_daemon *d, struct bt_project *p);             /* p NULL: all */
json_t *bt_report_verify(struct bt_daemon *d, struct bt_project *p);
void bt_report_event(struct bt_project *p, json_t *event);                   /* to every follower; takes the reference */
void bt_report_failed(struct bt_instance *in);

/* drift.c - what runs against what was planned */
void bt_drift_look(struct bt_daemon *d);             /* after a sample, when members are known */

/* journal.c - changes, numbered and written down */
void bt_journal_event(struct bt_daemon *d, const char *project, json_t *event);      /* adds seq, clocks, boot, project */
void bt_journal_catch_up(struct bt_daemon *d);       /* on every beat: where changes are missing, how everything stands is written as soon as it can be */
void bt_journal_close(struct bt_daemon *d);
/* The store it writes to, opened if need be; NULL when it cannot be (said by then). learn.c writes there too. */
struct bt_store *bt_journal_store(struct bt_daemon *d);

/* ops.c - requests */
void bt_ops_request(struct bt_conn *c, json_t *msg);
/* Answer what waits for a sample: after every sample, and on every beat (a driver that is silent must not hold a person). */
void bt_ops_sampled(struct bt_daemon *d);
void bt_conn_put(struct bt_conn *c, json_t *o);      /* takes the reference */
void bt_ops_project_gone(struct bt_daemon *d, const char *name, bool failed_up);
#endif
