/* diagnose - a failed start's log, line by line, to its cause. Pure: text in, one value out; no memory but the value's own.
 *
 * Engines repeat a failure in every process that passes it on, so the last traceback is an echo. Every known line has a rank; the first line of
 * the highest rank wins: a cause ("KV cache is needed, which is larger than...") over an effect (a worker died) over an echo ("see root cause
 * above"). A log with several starts is judged by its last one.
 *
 *   struct bt_diag d; bt_diag_init(&d);  for each line: bt_diag_line(&d, line);  bt_diag_end(&d);  then read d.found */
#ifndef BT_DIAGNOSE_H
#define BT_DIAGNOSE_H
#include "engine/engine.h"

enum bt_diag_rank { BT_DIAG_NOTHING, BT_DIAG_GUESS, BT_DIAG_ECHO, BT_DIAG_EFFECT, BT_DIAG_CAUSE };

/* What the log's own lines say; NAN, or 0 for whole numbers, where they do not. GiB as engines print them. */
struct bt_diag_figures {
    double needed_gib, available_gib;        /* KV: for one request of `context` tokens; what there is (may be negative) */
    double asked_gib, free_gib, total_gib;   /* an allocation that failed, or the engine's budget; the card at that moment */
    double ours_gib;                         /* held by the process that failed */
    double utilization;                      /* the engine's fraction */
    double weights_gib;
    uint64_t context, fits_tokens;           /* asked; the longest that would have fitted */
    uint64_t heads, tp, seqs, blocks, gpus_asked, gpus, port, batch;
    bool has_exit; int exit_code;            /* of a worker; negative = signal */
};
struct bt_diag_holder { int64_t pid; double gib; };              /* another process on the card */
struct bt_diag_arg { const char *name; char value[200]; };       /* name: as the engine's flag without "--", static */
struct bt_diag_advice { char flags[120], text[280]; };           /* flags: "" for what is no flag */

/* What a job's log says of the job; "", 0 and false where it does not. Larger values of doing win: training also runs forward. */
enum bt_diag_doing { BT_DOING_UNKNOWN, BT_DOING_FORWARD, BT_DOING_GENERATE, BT_DOING_TRAIN, BT_DOING_DIFFUSION };
struct bt_diag_job {
    enum bt_diag_doing doing;
    char model[200];
    uint64_t batch, tokens, rank, zero;
    uint64_t trained, all;           /* parameters */
    bool checkpointing, four_bit, lora;
};

struct bt_diagnosis {
    enum bt_diag_rank rank;
    const char *code;                /* "kv-too-small": stable. "started", "unfinished", "unknown", "empty" when no line tells a cause */
    const char *step;                /* what the engine was doing, as in struct bt_log_event; NULL = not known */
    char cause[480];                 /* one line for people, with figures */
    uint64_t line;                   /* from 1; 0 = no line */
    char quote[420];                 /* that line, escaped, without its prefixes */
    struct bt_diag_figures figures;
    struct bt_diag_holder holder[8]; size_t nholders;
    struct bt_diag_advice advice[8]; size_t nadvice;             /* from the log's figures alone */
};

struct bt_diag {
    struct bt_diagnosis found;       /* complete after bt_diag_end */
    const char *engine;              /* "vllm", "sglang", "llama-server"; NULL = not recognised */
    char version[40];
    struct bt_diag_arg arg[32]; size_t nargs;                    /* flags that the log says were given */
    struct bt_diag_job job;
    uint64_t lines, starts;
    /* inside */
    struct bt_diag_figures seen;     /* figures of ordinary lines so far */
    const char *step;
    bool ready, traceback, in_settings;              /* in_settings: the traceback goes through the engine's own reading of its flags */
    int frame;                       /* what the frames of the traceback so far point to */
    char first_error[420]; uint64_t first_error_line; bool first_refused, first_says_no;      /* it is the engine's refusal of its settings; it only sounds like one */
};

void bt_diag_init(struct bt_diag *d);
/* One line without its newline, of any length and content. */
void bt_diag_line(struct bt_diag *d, struct bt_str line);
/* The text ended: settle the cause and what would start. */
void bt_diag_end(struct bt_diag *d);
/* Value of a flag the log shows, "max-model-len"; NULL when it does not. */
const char *bt_diag_arg(const struct bt_diag *d, const char *name);
/* Every code that can be found, NULL-terminated; for tests and the manual. */
const char *const *bt_diag_codes(void);

/* ---- between the files of diagnose ---- */
enum bt_diag_frame { BT_FRAME_NONE, BT_FRAME_PROFILE, BT_FRAME_LOAD, BT_FRAME_WARMUP, BT_FRAME_KV, BT_FRAME_CAPTURE, BT_FRAME_TRAIN, BT_FRAME_SERVE };
enum bt_diag_kind { BT_KIND_PLAIN, BT_KIND_KV, BT_KIND_KV_TOKENS, BT_KIND_NO_KV, BT_KIND_BUDGET, BT_KIND_OOM, BT_KIND_HEADS, BT_KIND_MAMBA, BT_KIND_DIED, BT_KIND_WORLD, BT_KIND_CONTEXT, BT_KIND_RAY };
struct bt_diag_rule {
    const char *has, *and;           /* both must be in the line */
    const char *code;
    enum bt_diag_rank rank;
    enum bt_diag_kind kind;          /* which figures the line carries */
    const char *cause;               /* for people; kinds with figures write their own */
    const char *hint;                /* what to do; NULL = advice comes from the figures */
};
const struct bt_diag_rule *bt_diag_rule_of(struct bt_str line);
const char *bt_diag_oom_code(const struct bt_diag *d);
void bt_diag_fill(struct bt_diag *d, const struct bt_diag_rule *r, struct bt_str line);      /* figures and cause of found */
void bt_diag_oom_refine(struct bt_diag *d, const char *code);   /* a later line says what the memory was for */
void bt_diag_advise(struct bt_diag *d, const struct bt_diag_rule *r);
void bt_diag_job_line(struct bt_diag *d, struct bt_str line);     /* job.* from one line of a log that is no engine's */
const char *bt_diag_find(struct bt_str s, const char *needle);
/* The number right after `marker`, in GiB when a unit follows (MiB, GiB, bytes, GB); NAN when there is none. */
double bt_diag_gib_after(struct bt_str s, const char *marker);
double bt_diag_gib_at(struct bt_str s, const char *from);
uint64_t bt_diag_count_after(struct bt_str s, const char *marker);           /* 0 when there is none */
#endif
