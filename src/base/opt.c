/* opt.c - see opt.h */
#include "base/opt.h"

#include <stdio.h>

#include "base/units.h"

/* ---- one value of one row ---- */

static void *field(const struct bt_opt *o, void *target)
{
    return (char *)target + o->off;
}

static void note_given(const struct bt_opt *o, void *target)
{
    if (o->set_off)
        *(bool *)((char *)target + o->set_off) = true;
}

static bool has_bounds(const struct bt_opt *o)
{
    return o->max > o->min || (o->max == o->min && o->max != 0);
}

static uint64_t upper_bound(const struct bt_opt *o)
{
    return has_bounds(o) && o->max < 18446744073709551615.0 ? (uint64_t)o->max : UINT64_MAX;
}

static const char *amount(const struct bt_opt *o, uint64_t v)
{
    return o->type == BT_OPT_BYTES ? bt_bytes_exact(v) : o->type == BT_OPT_DURATION ? bt_duration_exact(v) : bt_count_human(v);
}

static int check_bounds(const struct bt_opt *o, uint64_t v, struct bt_err *err)
{
    uint64_t lo = o->min > 0 ? (uint64_t)o->min : 0, hi = upper_bound(o);
    if (v >= lo && v <= hi)
        return 0;
    bool time = o->type == BT_OPT_DURATION;
    uint64_t bound = v < lo ? lo : hi;
    char plain[32];                  /* to be written as it stands */
    snprintf(plain, sizeof plain, "%llu", (unsigned long long)bound);
    return bt_err_set(err, BT_E_SPEC, 0, "%s is too %s: at %s %s", amount(o, v), v < lo ? time ? "short" : "small" : time ? "long" : "big",
                      v < lo ? "least" : "most", time || o->type == BT_OPT_BYTES ? amount(o, bound) : plain);
}

static int set_bool(struct bt_str s, bool *out, struct bt_err *err)
{
    *out = bt_str_eq(s, "true");
    if (*out || bt_str_eq(s, "false"))
        return 0;
    bt_err_set(err, BT_E_SPEC, 0, "\"%.*s\" is neither true nor false", (int)BT_MIN(s.n, 80), s.p);
    return bt_err_hint(err, "write true or false");
}

static int set_enum(const struct bt_opt *o, struct bt_str s, int *out, struct bt_err *err)
{
    size_t n = 0;
    bt_auto_buf struct bt_buf all = BT_BUF(1024);
    for (; o->choices[n]; n++) {
        if (bt_str_eq(s, o->choices[n])) {
            *out = (int)n;
            return 0;
        }
        bt_buf_printf(&all, "%s%s", n ? ", " : "", o->choices[n]);
    }
    const char *near = bt_str_nearest(s, o->choices, n);
    bt_err_set(err, BT_E_SPEC, 0, "\"%.*s\" is not one of %s", (int)BT_MIN(s.n, 80), s.p, bt_buf_z(&all));
    return near ? bt_err_hint(err, "did you mean %s?", near) : -1;
}

static void push_str(struct bt_arena *a, struct bt_strs *list, const char *z)
{
    const char *kept = bt_arena_strdup(a, z);
    BT_PUSH(a, list->v, list->n, kept);
}

static int set_number(const struct bt_opt *o, struct bt_str s, uint64_t *out, struct bt_err *err)
{
    uint64_t v;
    int rc = o->type == BT_OPT_BYTES ? bt_bytes_parse(s, &v, err) : o->type == BT_OPT_COUNT ? bt_count_parse(s, &v, err)
           : o->type == BT_OPT_DURATION ? bt_duration_parse(s, &v, err) : bt_u64_parse(s, 0, UINT64_MAX, &v, err);
    if (rc < 0 || check_bounds(o, v, err) < 0)
        return -1;
    *out = v;
    return 0;
}

/* Every type but CUSTOM. Errors have no name and place yet. */
static int set_text(const struct bt_opt *o, struct bt_arena *a, const char *text, void *target, struct bt_err *err)
{
    struct bt_str s = bt_str(text);
    switch (o->type) {
    case BT_OPT_BOOL:
        return set_bool(s, field(o, target), err);
    case BT_OPT_U64: case BT_OPT_BYTES: case BT_OPT_DURATION: case BT_OPT_COUNT:
        return set_number(o, s, field(o, target), err);
    case BT_OPT_F64:
        return bt_f64_parse(s, has_bounds(o) || o->min > 0 ? o->min : -1e308, has_bounds(o) ? o->max : 1e308, field(o, target), err);
    case BT_OPT_STR:
        *(const char **)field(o, target) = bt_arena_strdup(a, text);
        return 0;
    case BT_OPT_ENUM:
        return set_enum(o, s, field(o, target), err);
    case BT_OPT_STRS:
        push_str(a, field(o, target), text);
        return 0;
    case BT_OPT_NONE: case BT_OPT_CUSTOM:
        break;
    }
    return bt_err_set(err, BT_E_FAILED, 0, "option %s has no type", o->name);
}

void bt_opt_defaults(const struct bt_opt *opts, struct bt_arena *a, void *target)
{
    for (const struct bt_opt *o = opts; o->name; o++) {
        struct bt_err err;
        struct bt_opt_ctx ctx = { .arena = a, .text = o->def, .target = target };
        if (o->type == BT_OPT_STRS)
            *(struct bt_strs *)field(o, target) = (struct bt_strs){ 0 };
        if (!o->def)
            continue;
        if ((o->type == BT_OPT_CUSTOM ? o->parse(o, &ctx, &err) : set_text(o, a, o->def, target, &err)) == 0)
            continue;
        fprintf(stderr, "berth: bug: the default \"%s\" of option %s: %s\n", o->def, o->name, err.msg);
        abort();
    }
}

/* ---- names ---- */

static size_t count_opts(const struct bt_opt *opts)
{
    size_t n = 0;
    while (opts[n].name)
        n++;
    return n;
}

static const char *nearest_opt(const struct bt_opt *opts, struct bt_arena *a, struct bt_str name)
{
    size_t n = count_opts(opts), known = 0;
    const char **names = BT_NEWN(a, const char *, n * 2);
    for (size_t i = 0; i < n; i++) {
        if (!opts[i].help)
            continue;                /* hidden */
        names[known++] = opts[i].name;
        if (opts[i].alias && opts[i].alias[1])
            names[known++] = opts[i].alias;
    }
    return bt_str_nearest(name, names, known);
}

/* ---- maps ---- */

static const char *type_wanted(const struct bt_opt *o)
{
    static const char *const words[] = { [BT_OPT_NONE] = "a value", [BT_OPT_BOOL] = "true or false", [BT_OPT_U64] = "a whole number",
        [BT_OPT_F64] = "a number", [BT_OPT_STR] = "a string", [BT_OPT_BYTES] = "a size like 12GiB", [BT_OPT_DURATION] = "a duration like 30s",
        [BT_OPT_COUNT] = "a count like 8192 or 8k", [BT_OPT_ENUM] = "one word of a list", [BT_OPT_STRS] = "a string or a list of strings",
        [BT_OPT_CUSTOM] = "a value" };
    return words[o->type];
}

/* err came from a parser that knows no place: put file, mark and key in front, keep its hint. */
static int place_err(struct bt_err *err, const struct bt_doc *doc, const struct bt_node *at, const char *key)
{
    struct bt_err inner = *err;
    bt_node_err(err, doc, at, "%s: %s", key, inner.msg);
    memcpy(err->hint, inner.hint, sizeof err->hint);
    return -1;
}

static int set_strs_node(const struct bt_opt *o, struct bt_arena *a, const struct bt_doc *doc, const char *key, const struct bt_node *n,
                         void *target, struct bt_err *err)
{
    struct bt_strs *list = field(o, target);
    *list = (struct bt_strs){ 0 };
    for (size_t i = 0; i < n->n; i++) {
        if (n->items[i].kind != BT_NODE_SCALAR)
            return bt_node_err(err, doc, &n->items[i], "%s: a list of strings is needed, this is %s", key, bt_node_kind_name(&n->items[i]));
        push_str(a, list, n->items[i].text);
    }
    return 0;
}

static int set_node(const struct bt_opt *o, struct bt_arena *a, const struct bt_doc *doc, const char *key, const struct bt_node *n,
                    void *target, struct bt_err *err)
{
    if (o->type == BT_OPT_CUSTOM) {
        struct bt_opt_ctx ctx = { .arena = a, .doc = doc, .node = n, .target = target };
        return o->parse(o, &ctx, err);
    }
    if (o->type == BT_OPT_STRS && n->kind == BT_NODE_SEQ)
        return set_strs_node(o, a, doc, key, n, target, err);
    if (n->kind != BT_NODE_SCALAR)
        return bt_node_err(err, doc, n, "%s has to be %s, this is %s", key, type_wanted(o), bt_node_kind_name(n));
    if (o->type == BT_OPT_STRS)
        *(struct bt_strs *)field(o, target) = (struct bt_strs){ 0 };
    return set_text(o, a, n->text, target, err) < 0 ? place_err(err, doc, n, key) : 0;
}

static const struct bt_opt *find_key(const struct bt_opt *opts, const char *key)
{
    for (const struct bt_opt *o = opts; o->name; o++)
        if (!strcmp(o->name, key) || (o->alias && o->alias[1] && !strcmp(o->alias, key)))
            return o;
    return NULL;
}

/* What may stand there, where that is short enough to be read. */
static int hint_keys(const struct bt_opt *opts, struct bt_err *err)
{
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    for (const struct bt_opt *o = opts; o->name; o++)
        bt_buf_printf(&b, "%s%s", b.n ? ", " : "", o->name);
    return b.n + 32 < sizeof err->hint ? bt_err_hint(err, "it may have %s", bt_buf_z(&b)) : -1;
}

int bt_opt_map(const struct bt_opt *opts, struct bt_arena *a, const struct bt_doc *doc, const struct bt_node *map, void *target, struct bt_err *err)
{
    if (map->kind != BT_NODE_MAP)
        return bt_node_err(err, doc, map, "a map (key: value) is needed here, this is %s", bt_node_kind_name(map));
    const struct bt_node **given = BT_NEWN(a, const struct bt_node *, count_opts(opts));
    for (size_t i = 0; i < map->n; i++) {
        const struct bt_node *key = &map->keys[i];
        if (!strncmp(key->text, "x-", 2))
            continue;
        const struct bt_opt *o = find_key(opts, key->text);
        if (!o) {
            const char *near = nearest_opt(opts, a, bt_str(key->text));
            bt_node_err(err, doc, key, "unknown key \"%.80s\"", key->text);
            return near ? bt_err_hint(err, "did you mean %s?", near) : hint_keys(opts, err);
        }
        const struct bt_node *first = given[o - opts];
        if (first) {
            bt_node_err(err, doc, key, "%s is given twice (first as %s in line %u)", key->text, first->text, first->line);
            return bt_err_hint(err, "leave one of the two out");
        }
        given[o - opts] = key;
        if (set_node(o, a, doc, key->text, &map->items[i], target, err) < 0)
            return o->example && !err->hint[0] ? bt_err_hint(err, "%s: %s", key->text, o->example) : -1;
        note_given(o, target);
    }
    return 0;
}

/* ---- argv ---- */

/* --max_model_len is --max-model-len: people copy keys from Python. */
static bool same_flag(const char *name, struct bt_str s)
{
    size_t i = 0;
    for (; i < s.n && name[i]; i++)
        if (name[i] != s.p[i] && !((name[i] == '-' || name[i] == '_') && (s.p[i] == '-' || s.p[i] == '_')))
            return false;
    return i == s.n && !name[i];
}

static const struct bt_opt *find_flag(const struct bt_opt *opts, struct bt_str s, bool *negated)
{
    *negated = false;
    for (const struct bt_opt *o = opts; o->name; o++)
        if (same_flag(o->name, s) || (o->alias && o->alias[1] && same_flag(o->alias, s)))
            return o;
    if (!bt_str_starts(s, "no-") && !bt_str_starts(s, "no_"))
        return NULL;
    struct bt_str bare = { s.p + 3, s.n - 3 };
    for (const struct bt_opt *o = opts; o->name; o++)
        if (o->type == BT_OPT_BOOL && (same_flag(o->name, bare) || (o->alias && o->alias[1] && same_flag(o->alias, bare)))) {
            *negated = true;
            return o;
        }
    return NULL;
}

static const struct bt_opt *find_short(const struct bt_opt *opts, const char *z)
{
    for (const struct bt_opt *o = opts; o->name; o++)
        if (o->alias && !strcmp(o->alias, z))
            return o;
    return NULL;
}

static int set_arg(const struct bt_opt *o, struct bt_arena *a, const char *shown, const char *value, bool *given, void *target, struct bt_err *err)
{
    int rc;
    if (o->type == BT_OPT_STRS && !*given)
        *(struct bt_strs *)field(o, target) = (struct bt_strs){ 0 };     /* the first given one replaces the default */
    *given = true;
    if (o->type == BT_OPT_CUSTOM) {
        struct bt_opt_ctx ctx = { .arena = a, .text = value, .target = target };
        rc = o->parse(o, &ctx, err);
    } else {
        rc = set_text(o, a, value, target, err);
    }
    if (rc < 0) {
        if (err->code == BT_E_SPEC)
            err->code = BT_E_USAGE;  /* the same mistake, made on the command line */
        return bt_err_wrap(err, "%s", shown);
    }
    note_given(o, target);
    return 0;
}

/* Is the next word of argv its value? */
static bool takes(const struct bt_opt *o, const char *word)
{
    for (size_t i = 0; word && o->alone && o->choices[i]; i++)
        if (!strcmp(o->choices[i], word))
            return true;
    return word && !o->alone && strncmp(word, "--", 2) != 0;
}

/* " FILE": what stands behind the flag in --help and in an error. */
static void metavar(const struct bt_opt *o, struct bt_buf *b)
{
    static const char *const words[] = { [BT_OPT_NONE] = "", [BT_OPT_BOOL] = "", [BT_OPT_U64] = "N", [BT_OPT_F64] = "X", [BT_OPT_STR] = "TEXT",
        [BT_OPT_BYTES] = "SIZE", [BT_OPT_DURATION] = "TIME", [BT_OPT_COUNT] = "N", [BT_OPT_ENUM] = "WORD", [BT_OPT_STRS] = "TEXT", [BT_OPT_CUSTOM] = "VALUE" };
    if (o->metavar)
        bt_buf_printf(b, " %s", o->metavar);
    else if (o->type == BT_OPT_ENUM)
        for (size_t i = 0; o->choices[i]; i++)
            bt_buf_printf(b, "%s%s", i ? "|" : " ", o->choices[i]);
    else if (words[o->type][0])
        bt_buf_printf(b, " %s", words[o->type]);
}

struct args { const struct bt_opt *opts; struct bt_arena *a; int argc, at; char *const *argv; bool *given; void *target; };

/* One option at argv[at]; at moves to its last word. */
static int take_option(struct args *x, struct bt_err *err)
{
    const char *word = x->argv[x->at];
    bool is_long = word[1] == '-', negated = false;
    struct bt_str name = bt_str(word + (is_long ? 2 : 1));
    struct bt_str value = is_long ? bt_str_cut(name, '=', &name) : (struct bt_str){ NULL, 0 };
    const struct bt_opt *o = is_long ? find_flag(x->opts, name, &negated) : find_short(x->opts, word + 1);
    if (!o) {
        const char *near = nearest_opt(x->opts, x->a, name);
        bt_err_set(err, BT_E_USAGE, 0, "unknown option %s%.*s", is_long ? "--" : "-", (int)BT_MIN(name.n, 80), name.p);
        return near ? bt_err_hint(err, "did you mean --%s?", near) : bt_err_hint(err, "--help lists the options");
    }
    const char *shown = bt_arena_printf(x->a, "%s%.*s", is_long ? "--" : "-", BT_STR(name));
    bool *given = &x->given[o - x->opts];
    if (negated && value.p)
        return bt_err_set(err, BT_E_USAGE, 0, "%s takes no value", shown);
    if (o->type == BT_OPT_BOOL && !value.p)
        return set_arg(o, x->a, shown, negated ? "false" : "true", given, x->target, err);
    if (value.p)
        return set_arg(o, x->a, shown, value.p, given, x->target, err);
    bool valued = takes(o, x->at + 1 < x->argc ? x->argv[x->at + 1] : NULL);
    if (!valued && o->alone)
        return set_arg(o, x->a, shown, o->alone, given, x->target, err);
    if (!valued) {
        bt_auto_buf struct bt_buf form = BT_BUF(512);
        metavar(o, &form);
        bt_err_set(err, BT_E_USAGE, 0, "%s needs a value", shown);
        return bt_err_hint(err, "%s%s: %s", shown, bt_buf_z(&form), o->help ? o->help : type_wanted(o));
    }
    const char *all = x->argv[++x->at];
    while (o->many && x->at + 1 < x->argc && x->argv[x->at + 1][0] != '-')
        all = bt_arena_printf(x->a, "%s %s", all, x->argv[++x->at]);
    return set_arg(o, x->a, shown, all, given, x->target, err);
}

int bt_opt_argv(const struct bt_opt *opts, struct bt_arena *a, int argc, char *const *argv, void *target, struct bt_strs *rest,
                size_t *dashdash, struct bt_err *err)
{
    struct args x = { .opts = opts, .a = a, .argc = argc, .argv = argv, .given = BT_NEWN(a, bool, count_opts(opts)), .target = target };
    bool only_rest = false;
    size_t begin = 0;
    *rest = (struct bt_strs){ 0 };
    for (; x.at < argc; x.at++) {
        const char *word = argv[x.at];
        if (!only_rest && !strcmp(word, "--")) {
            only_rest = true;
            begin = rest->n;
        } else if (only_rest || word[0] != '-' || !word[1]) {
            BT_PUSH(a, rest->v, rest->n, word);
        } else if (take_option(&x, err) < 0) {
            return -1;
        }
    }
    if (dashdash)
        *dashdash = only_rest ? begin : rest->n;
    return 0;
}

/* ---- --help ---- */

enum { HELP_COLUMN_MAX = 34 };

static void flag_column(const struct bt_opt *o, struct bt_buf *b)
{
    bool short_alias = o->alias && !o->alias[1];
    if (short_alias)
        bt_buf_printf(b, "-%s, ", o->alias);
    bt_buf_printf(b, "--%s", o->name);
    if (o->alias && !short_alias)
        bt_buf_printf(b, ", --%s", o->alias);
    metavar(o, b);
}

/* Words of text from column `indent` on, never past width where a word allows it; the cursor stands at `at`. */
static void wrap(struct bt_buf *out, struct bt_str text, size_t at, size_t indent, size_t width)
{
    struct bt_str word;
    bool first = true;
    while (text.p) {
        text = bt_str_cut(text, ' ', &word);
        if (!first && at + 1 + word.n > width) {
            bt_buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        bt_buf_printf(out, "%s%.*s", first ? "" : " ", BT_STR(word));
        at += word.n + !first;
        first = false;
    }
}

void bt_opt_help(const struct bt_opt *opts, struct bt_buf *out, int width)
{
    size_t column = 0, most = width > 0 ? (size_t)width : 100;
    for (const struct bt_opt *o = opts; o->name; o++) {
        bt_auto_buf struct bt_buf left = BT_BUF(512);
        flag_column(o, &left);
        if (o->help && left.n <= HELP_COLUMN_MAX)
            column = BT_MAX(column, left.n);
    }
    size_t indent = 2 + column + 2;
    for (const struct bt_opt *o = opts; o->name; o++) {
        if (!o->help)
            continue;
        bt_auto_buf struct bt_buf left = BT_BUF(512), text = BT_BUF(4096);
        flag_column(o, &left);
        bt_buf_puts(&text, o->help);
        if (o->def && *o->def && !(o->type == BT_OPT_BOOL && !strcmp(o->def, "false")))
            bt_buf_printf(&text, " (default %s)", o->def);
        if (left.n > column)
            bt_buf_printf(out, "  %s\n%*s", bt_buf_z(&left), (int)indent, "");
        else
            bt_buf_printf(out, "  %-*s  ", (int)column, bt_buf_z(&left));
        wrap(out, bt_str(bt_buf_z(&text)), indent, indent, BT_MAX(most, indent + 20));
        bt_buf_puts(out, "\n");
    }
}
