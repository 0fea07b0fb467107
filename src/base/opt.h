/* opt.h - one table says which options exist; argv, YAML maps, JSON maps and --help all read it.
 *
 *   static const struct bt_opt gate_opts[] = {
 *       { .name = "port", .type = BT_OPT_U64, .off = offsetof(struct gate, port), .def = "8000", .min = 1, .max = 65535,
 *         .help = "TCP port the gateway listens on" },
 *       { 0 } };
 *
 * Struct fields: BOOL bool, U64 uint64_t, F64 double, STR const char * (arena), BYTES uint64_t, DURATION uint64_t ms,
 * COUNT uint64_t (engine style, 8k), ENUM int (index in choices), STRS struct bt_strs (repeated flag, or a YAML list or
 * one scalar), CUSTOM: parse() is called. */
#ifndef BT_OPT_H
#define BT_OPT_H
#include "base/node.h"

enum bt_opt_type { BT_OPT_NONE, BT_OPT_BOOL, BT_OPT_U64, BT_OPT_F64, BT_OPT_STR, BT_OPT_BYTES, BT_OPT_DURATION, BT_OPT_COUNT,
                   BT_OPT_ENUM, BT_OPT_STRS, BT_OPT_CUSTOM };

struct bt_strs { const char **v; size_t n; };

struct bt_opt;
struct bt_opt_ctx {                  /* handed to CUSTOM parsers; exactly one of node and text is set */
    struct bt_arena *arena;
    const struct bt_doc *doc;        /* YAML/JSON: where node comes from */
    const struct bt_node *node;
    const char *text;                /* argv */
    void *target;                    /* the struct being filled */
};

struct bt_opt {
    const char *name;                /* "max-model-len" on the command line, "max_model_len" works in argv too; YAML key as written */
    const char *alias;               /* second spelling: "tp"; one character = short option: "f" for -f */
    enum bt_opt_type type;
    size_t off;
    const char *def;                 /* applied by bt_opt_defaults; NULL = field stays zero */
    double min, max;                 /* U64, F64, BYTES, COUNT; both 0 = no bounds */
    const char *const *choices;      /* ENUM, NULL-terminated */
    size_t set_off;                  /* bool in the struct that becomes true when the option was given; 0 = none */
    int (*parse)(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err);
    const char *metavar;             /* "FILE"; NULL = from the type */
    const char *help;                /* one line; NULL = hidden from --help */
    const char *example;             /* maps: a value as it may be written: the hint of an error that has no better one */
    const char *alone;               /* argv: what a flag means without a value, "-fa"; the next word is its value only when it is one of choices */
    bool many;                       /* argv: every word up to the next option is its value, joined by blanks (Python's nargs="+"). STR and CUSTOM */
};

/* Set every default of the table. A default that does not parse is a bug: aborts. */
void bt_opt_defaults(const struct bt_opt *opts, struct bt_arena *a, void *target);
/* Fill target from a map. Unknown keys (except x-*) are errors with the nearest known key as hint; so are repeated keys. */
BT_MUST_CHECK int bt_opt_map(const struct bt_opt *opts, struct bt_arena *a, const struct bt_doc *doc, const struct bt_node *map,
                             void *target, struct bt_err *err);
/* Fill target from argv[0..argc): "--name value", "--name=value", "-f value", "--flag", "--no-flag" (BOOL). What is not an
 * option goes to rest in order; after "--" everything does, and *dashdash (may be NULL) is the index in rest where that
 * begins, or rest->n. An unknown option is BT_E_USAGE with the nearest known one. */
BT_MUST_CHECK int bt_opt_argv(const struct bt_opt *opts, struct bt_arena *a, int argc, char *const *argv, void *target,
                              struct bt_strs *rest, size_t *dashdash, struct bt_err *err);
/* One line per option, aligned, "--max-model-len, --foo N  help (default 8)". width: terminal columns. */
void bt_opt_help(const struct bt_opt *opts, struct bt_buf *out, int width);
#endif
