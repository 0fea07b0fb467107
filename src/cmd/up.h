/* up.h - a spec or a plan is brought up and watched: what `up` and `run` share. */
#ifndef BT_CMD_UP_H
#define BT_CMD_UP_H
#include "cmd/cmd.h"
#include "spec/spec.h"

struct bt_up {
    const char *file, *text;         /* the spec: a file (NULL = ./berth.yaml), or its text */
    const struct bt_spec_only *only; /* of the spec, one job; NULL: all of it */
    const char *gpus, *variant, *plan, *exit_with;
    bool no_learned, detach, keep, again, wait_jobs;
    bool over;                       /* a project of that name that is up goes over to this plan; a variant by name means that, too */
    bool whole_cards;                /* a job without `memory`: of what is free on a card at least half of it has to be there, else it does not fit */
    bool json;                       /* one object when it is up or could not be; unless detached a second one, "ended" */
    bool quiet_refusal;              /* that it does not fit is the caller's to say */
    bool stream;                     /* show what the job exit_with prints, and not how it comes up */
};
/* Returns the exit code. Takes SIGINT, SIGTERM and SIGHUP: `down`. */
int bt_up(const struct bt_verb *v, struct bt_arena *a, const struct bt_up *o);
#endif
