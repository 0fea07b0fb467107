/* estimate.h - inside of the verb: what was found out, for its two printers (people, JSON). */
#ifndef BT_CMD_ESTIMATE_H
#define BT_CMD_ESTIMATE_H
#include "cmd/cmd.h"
#include "cmd/paste.h"
#include "need/fit.h"
#include "pace/pace.h"

struct estimate_args {
    struct bt_serve serve;           /* first: the engine's own flags write here */
    const char *gpu, *engine, *engine_version, *sweep;
    bool json, no_learned;
};

/* The smallest number of one kind of card that it fits on. */
struct estimate_set { const struct bt_gpu_kind *kind; const char *class; uint64_t tp, pp; struct bt_fit *fit; struct bt_pace pace; };

/* One combination of --sweep. */
struct estimate_cell { uint64_t tp, pp, context; const char *kv_dtype; struct bt_fit *fit; struct bt_pace pace; };

struct estimate {
    struct bt_arena *arena;
    const struct estimate_args *args;
    const struct bt_model *model;
    const struct paste *paste;       /* the command it was asked with; NULL without one */
    const struct bt_engine *engine;
    const struct bt_engine_version *version;
    const char *version_asked;       /* "0.27.1": the user's, or the installed one's; NULL = neither */
    const char *version_note;        /* how the row was chosen */
    struct bt_gpu card;
    const char *card_note;           /* which card this is and why */
    struct bt_fit_case fit_case;
    struct bt_fit *fit;
    struct bt_pace pace;             /* at pace_context */
    uint64_t pace_context;
    struct bt_advice *advice; size_t nadvice;
    struct estimate_set *smallest; size_t nsmallest;         /* of each class of cards the least that hold it; without pace */
    struct estimate_set *sets; size_t nsets;     /* only when no card was named and none is here */
    struct estimate_cell *cell; size_t ncells;   /* --sweep */
    const char **notes; size_t nnotes;
};

void estimate_print(const struct estimate *e);
json_t *estimate_json(const struct estimate *e);
/* The command line that starts it; per_gpu_kv is the KV it pins. */
const char *estimate_command(const struct estimate *e, uint64_t *per_gpu_kv);
void estimate_pace(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *s, const struct bt_need *n, uint64_t context, struct bt_pace *out);
/* Every combination of what --sweep names, into e->cell; what is not named keeps the value it was given. */
int estimate_sweep(struct estimate *e, const struct bt_serve *serve, struct bt_err *err);
bool estimate_sweep_fits(const struct estimate *e);
/* "--train MODEL" and its like among the arguments: then it is no server that is asked about. */
bool estimate_is_job(int argc, char **argv);
int estimate_job(const struct bt_verb *v, int argc, char **argv);
/* e->card and e->card_note from --gpu; without one this machine's poorest, and BT_E_DEVICE when there is none. */
int estimate_card(struct estimate *e, const char *gpu, struct bt_err *err);
void estimate_virtual_card(const struct bt_gpu_kind *k, struct bt_gpu *out);
extern const char *const estimate_common_cards[];    /* keys of the catalog, NULL-terminated */
/* A line of the head, and rows of a ledger: a reason of several lines becomes several rows. */
void estimate_field(struct bt_buf *b, const char *name, const char *value, struct bt_style st);
void estimate_why_rows(struct bt_table *t, struct bt_arena *a, const char *name, const char *bytes, const char *share, const char *why, struct bt_style st);
const char *estimate_percent(struct bt_arena *a, uint64_t part, uint64_t total);
void estimate_sweep_print(const struct estimate *e, struct bt_buf *b, struct bt_style st);
json_t *estimate_sweep_json(const struct estimate *e);
/* estimate_sets.c: the least cards of each class of the catalog, into e->smallest. */
int estimate_smallest(struct estimate *e, struct bt_err *err);
void estimate_smallest_print(const struct estimate *e, struct bt_buf *b, struct bt_style st);
json_t *estimate_smallest_json(const struct estimate *e);
#endif
