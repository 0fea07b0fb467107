/* cmd - one thin file per verb: parse, call, print. main.c is the table of verbs.
 *
 *   planning*.c   what plan and up share: all the I/O before a plan, and the plan for people
 *   live_block.c  the table of `up` that is drawn again in its place
 *   live.c        what up, down, ps, logs, restart and verify share: asking the daemon, its events for people
 *   estimate*.c, diagnose*.c   those verbs, by step; paste*.c reads a server's command line as people have it
 *   daemon.c, keeper.c, probe.c   started by berth itself; config.c   the daemon as a unit of systemd
 *
 * A verb's function gets its own arguments, prints to stdout (answers) and stderr (errors, progress), and returns an exit code:
 * 0 ok, 1 failed, 2 usage or spec, 3 does not fit, 4 drift, 5 unhealthy, 75 try again. */
#ifndef BT_CMD_H
#define BT_CMD_H
#include <jansson.h>
#include "base/arena.h"
#include "base/opt.h"
#include "base/table.h"

struct bt_verb {
    const char *name;
    const char *summary;             /* one line for `berth --help`; NULL = not listed (daemon, keeper, probe) */
    const char *usage;               /* "berth gpus [--gpus FLEET] [--json]" */
    const char *example;             /* a few lines, printed under the options */
    const struct bt_opt *opts;       /* for --help; the verb parses with the same table */
    int (*run)(const struct bt_verb *v, int argc, char **argv);      /* argv[0] is the first argument after the verb */
};

extern const struct bt_verb bt_verb_diagnose;
extern const struct bt_verb bt_verb_gpus;
extern const struct bt_verb bt_verb_check;
extern const struct bt_verb bt_verb_estimate;
extern const struct bt_verb bt_verb_pace;
extern const struct bt_verb bt_verb_plan;
extern const struct bt_verb bt_verb_explain;
extern const struct bt_verb bt_verb_diff;
extern const struct bt_verb bt_verb_export;
extern const struct bt_verb bt_verb_up;
extern const struct bt_verb bt_verb_doctor;
extern const struct bt_verb bt_verb_down;
extern const struct bt_verb bt_verb_ps;
extern const struct bt_verb bt_verb_logs;
extern const struct bt_verb bt_verb_restart;
extern const struct bt_verb bt_verb_phase;
extern const struct bt_verb bt_verb_park;
extern const struct bt_verb bt_verb_resume;
extern const struct bt_verb bt_verb_events;
extern const struct bt_verb bt_verb_verify;
extern const struct bt_verb bt_verb_run;
extern const struct bt_verb bt_verb_config;
extern const struct bt_verb bt_verb_sim;
extern const struct bt_verb bt_verb_daemon;
extern const struct bt_verb bt_verb_keeper;
extern const struct bt_verb bt_verb_probe;

/* Parse with v->opts into target; prints help and exits on --help, prints the error and returns its exit code (else 0). */
int bt_cmd_parse(const struct bt_verb *v, struct bt_arena *a, int argc, char **argv, void *target, struct bt_strs *rest, size_t *dashdash);
/* "berth gpus: MESSAGE" and "  try: HINT" on stderr; with json, {"schema":1,"kind":"error",...} on stdout. Returns the exit code of err->code. */
int bt_cmd_fail(const struct bt_verb *v, const struct bt_err *err, bool json);
/* A fault of the command line: BT_E_USAGE, with the verb's usage as the hint. Prints it like bt_cmd_fail(). */
int bt_cmd_usage(const struct bt_verb *v, bool json, const char *fmt, ...) BT_PRINTF(3, 4);
/* Print one JSON object to stdout with "schema": 1 and "kind" first. Takes the reference. */
void bt_cmd_json(const char *kind, json_t *o);
void bt_cmd_json_line(const char *kind, json_t *o);  /* the same on one line, for answers that go on */
void bt_cmd_print(const struct bt_buf *b);           /* to stdout */
/* The last word of every verb: rc, or 1 with a word on stderr when a part of the output could not be written (a plan cut short by a full disk must not look
 * like a plan). */
int bt_cmd_end(int rc);
#endif
