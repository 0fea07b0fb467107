/* opt.c - one option table read by argv, maps and --help. */
#include "base/opt.h"

#include <stdio.h>

#include "base/units.h"

static void *at(const struct bt_opt *o, void *target)
{
    return (char *)target + o->off;
}

static void note_given(const struct bt_opt *o, void *target)
{
    if (o->set_off)
        *(bool *)((char *)target + o->set_off) = true;
}

/* ---- one value from text ---- */

static int parse_bool(struct bt_str s, bool *out, struct bt_err *err)
{
    if (bt_str_eq(s, "true") || bt_str_eq(s, "yes") || bt_str_eq(s, "on") || bt_str_eq(s, "1"))
        *out = true;
    else if (bt_str_eq(s, "false") || bt_str_eq(s, "no") || bt_str_eq(s, "off") || bt_str_eq(s, "0"))
        *out = false;
    else
        return bt_err_set(err, BT_E_USAGE, 0, "\"%.*s\" is not true or false", BT_STR(s));
    return 0;
}

static int in_bounds(const struct bt_opt *o, uint64_t v, struct bt_str s, struct bt_err *err)
{
    if ((o->min == 0 && o->max == 0) || ((double)v >= o->min && (o->max == 0 || (double)v <= o->max)))
        return 0;
    bool size = o->type == BT_OPT_BYTES;
    if (size && o->max > 0)
        return bt_err_set(err, BT_E_USAGE, 0, "%.*s is outside %s to %s", BT_STR(s), bt_bytes_exact((uint64_t)o->min), bt_bytes_exact((uint64_t)o->max));
    if (o->max > 0)
        return bt_err_set(err, BT_E_USAGE, 0, "%.*s is outside %.0f to %.0f", BT_STR(s), o->min, o->max);
    return bt_err_set(err, BT_E_USAGE, 0, "%.*s is less than %.0f", BT_STR(s), o->min);
}

static int parse_enum(const struct bt_opt *o, struct bt_str s, int *out, struct bt_err *err)
{
    size_t n = 0;
    for (; o->choices[n]; n++)
        if (bt_str_eq(s, o->choices[n])) {
            *out = (int)n;
            return 0;
        }
    const char *near = bt_str_nearest(s, o->choices, n);
    struct bt_buf b = BT_BUF(256);
    for (size_t i = 0; i < n; i++)
        bt_buf_printf(&b, "%s%s", i ? ", " : "", o->choices[i]);
    bt_err_set(err, BT_E_USAGE, 0, "\"%.*s\" is none of %s", BT_STR(s), bt_buf_z(&b));
    bt_buf_release(&b);
    if (near)
        bt_err_hint(err, "did you mean %s?", near);
    return -1;
}

static int push_str(struct bt_arena *a, struct bt_strs *list, const char *z)
{
    const char **v = BT_NEWN(a, const char *, list->n + 1);
    if (list->n)
        memcpy(v, list->v, list->n * sizeof *v);
    v[list->n] = z;
    list->v = v;
    list->n++;
    return 0;
}

static int set_text(const struct bt_opt *o, struct bt_arena *a, const char *text, void *target, struct bt_err *err)
{
    struct bt_str s = bt_str(text);
    uint64_t v;
    switch (o->type) {
    case BT_OPT_BOOL: return parse_bool(s, at(o, target), err);
    case BT_OPT_STR: *(const char **)at(o, target) = bt_arena_strdup(a, text); return 0;
    case BT_OPT_STRS: return push_str(a, at(o, target), bt_arena_strdup(a, text));
    case BT_OPT_ENUM: return parse_enum(o, s, at(o, target), err);
    case BT_OPT_F64: return bt_f64_parse(s, o->min == 0 && o->max == 0 ? -1e300 : o->min, o->max == 0 && o->min == 0 ? 1e300 : o->max, at(o, target), err);
    case BT_OPT_U64:
        if (bt_u64_parse(s, 0, UINT64_MAX, &v, err) < 0 || in_bounds(o, v, s, err) < 0)
            return -1;
        break;
    case BT_OPT_BYTES:
        if (bt_bytes_parse(s, &v, err) < 0 || in_bounds(o, v, s, err) < 0)
            return -1;
        break;
    case BT_OPT_COUNT:
        if (bt_count_parse(s, &v, err) < 0 || in_bounds(o, v, s, err) < 0)
            return -1;
        break;
    case BT_OPT_DURATION:
        if (bt_duration_parse(s, &v, err) < 0)
            return -1;
        break;
    default:
        return bt_err_set(err, BT_E_FAILED, 0, "option %s has no type", o->name);
    }
    *(uint64_t *)at(o, target) = v;
    return 0;
}

void bt_opt_defaults(const struct bt_opt *opts, struct bt_arena *a, void *target)
{
    for (const struct bt_opt *o = opts; o && o->name; o++) {
        struct bt_err err = { 0 };
        struct bt_opt_ctx ctx = { .arena = a, .text = o->def, .target = target };
        if (o->def && (o->type == BT_OPT_CUSTOM ? o->parse(o, &ctx, &err) : set_text(o, a, o->def, target, &err)) < 0) {
            fprintf(stderr, "berth: default of option %s: %s\n", o->name, err.msg);
            abort();
        }
    }
}

/* ---- maps ---- */

static int set_node(const struct bt_opt *o, struct bt_arena *a, const struct bt_doc *doc, const struct bt_node *n, void *target, struct bt_err *err)
{
    if (o->type == BT_OPT_CUSTOM) {
        struct bt_opt_ctx ctx = { .arena = a, .doc = doc, .node = n, .target = target };
        return o->parse(o, &ctx, err);
    }
    if (o->type == BT_OPT_STRS && n->kind == BT_NODE_SEQ) {
        for (size_t i = 0; i < n->n; i++) {
            if (n->items[i].kind != BT_NODE_SCALAR)
                return bt_node_err(err, doc, &n->items[i], "%s: a list of words is wanted, this item is %s", o->name, bt_node_kind_name(&n->items[i]));
            push_str(a, at(o, target), n->items[i].text);
        }
        return 0;
    }
    if (n->kind != BT_NODE_SCALAR)
        return bt_node_err(err, doc, n, "%s: one value is wanted, not %s", o->name, bt_node_kind_name(n));
    if (n->quoted && (o->type == BT_OPT_BOOL || o->type == BT_OPT_U64 || o->type == BT_OPT_F64))
        return bt_node_err(err, doc, n, "%s: %s is wanted, not a quoted string", o->name, o->type == BT_OPT_BOOL ? "true or false" : "a number");
    struct bt_err inner = { 0 };
    if (set_text(o, a, n->text, target, &inner) < 0) {
        bt_node_err(err, doc, n, "%s: %s", o->name, inner.msg);
        if (inner.hint[0])
            bt_err_hint(err, "%s", inner.hint);
        return -1;
    }
    return 0;
}

static const struct bt_opt *find_key(const struct bt_opt *opts, const char *key)
{
    for (const struct bt_opt *o = opts; o->name; o++)
        if (!strcmp(o->name, key))
            return o;
    return NULL;
}

static const char *nearest_key(const struct bt_opt *opts, struct bt_str key, bool aliases)
{
    const char *names[256];
    size_t n = 0;
    for (const struct bt_opt *o = opts; o->name && n + 1 < BT_LEN(names); o++) {
        names[n++] = o->name;
        if (aliases && o->alias && o->alias[1])
            names[n++] = o->alias;
    }
    return bt_str_nearest(key, names, n);
}

int bt_opt_map(const struct bt_opt *opts, struct bt_arena *a, const struct bt_doc *doc, const struct bt_node *map, void *target, struct bt_err *err)
{
    if (map->kind != BT_NODE_MAP)
        return bt_node_err(err, doc, map, "a map is wanted here, not %s", bt_node_kind_name(map));
    for (size_t i = 0; i < map->n; i++) {
        const struct bt_node *k = &map->keys[i];
        const struct bt_opt *o = find_key(opts, k->text);
        if (!o && !strncmp(k->text, "x-", 2))
            continue;
        if (!o) {
            const char *near = nearest_key(opts, bt_str(k->text), false);
            bt_node_err(err, doc, k, "unknown key \"%.80s\"", k->text);
            return near ? bt_err_hint(err, "did you mean \"%s\"?", near) : -1;
        }
        for (size_t j = 0; j < i; j++)
            if (!strcmp(map->keys[j].text, k->text))
                return bt_node_err(err, doc, k, "key \"%s\" is there twice", k->text);
        if (set_node(o, a, doc, &map->items[i], target, err) < 0)
            return -1;
        note_given(o, target);
    }
    return 0;
}

/* ---- argv ---- */

static bool same_name(const char *option, struct bt_str given)
{
    size_t n = option ? strlen(option) : 0;
    if (!n || n != given.n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char x = option[i] == '_' ? '-' : option[i], y = given.p[i] == '_' ? '-' : given.p[i];
        if (x != y)
            return false;
    }
    return true;
}

static const struct bt_opt *find_flag(const struct bt_opt *opts, struct bt_str name, bool shortform)
{
    for (const struct bt_opt *o = opts; o->name; o++) {
        bool one = o->alias && !o->alias[1];
        if (!shortform && (same_name(o->name, name) || (!one && same_name(o->alias, name))))
            return o;
        if (shortform && one && same_name(o->alias, name))
            return o;
    }
    return NULL;
}

struct argv_state { const struct bt_opt *opts; struct bt_arena *a; int argc; char *const *argv; int i; void *target; struct bt_err *err; };

static int unknown_flag(struct argv_state *st, struct bt_str name, const char *shown)
{
    const char *near = nearest_key(st->opts, name, true);
    bt_err_set(st->err, BT_E_USAGE, 0, "unknown option %s", shown);
    return near ? bt_err_hint(st->err, "did you mean --%s?", near) : bt_err_hint(st->err, "--help lists the options");
}

static int apply(struct argv_state *st, const struct bt_opt *o, const char *shown, struct bt_str value, bool has_value, bool negated)
{
    struct bt_err inner = { 0 };
    const char *text = has_value ? bt_arena_strndup(st->a, value) : NULL;
    if (o->type == BT_OPT_BOOL && !has_value)
        text = negated ? "false" : "true";
    else if (!has_value) {
        if (st->i + 1 >= st->argc)
            return bt_err_set(st->err, BT_E_USAGE, 0, "%s needs a value", shown);
        text = st->argv[++st->i];
    }
    struct bt_opt_ctx ctx = { .arena = st->a, .text = text, .target = st->target };
    if ((o->type == BT_OPT_CUSTOM ? o->parse(o, &ctx, &inner) : set_text(o, st->a, text, st->target, &inner)) < 0) {
        *st->err = inner;
        st->err->code = BT_E_USAGE;
        return bt_err_wrap(st->err, "%s", shown);
    }
    note_given(o, st->target);
    return 0;
}

static int one_flag(struct argv_state *st)
{
    const char *arg = st->argv[st->i];
    bool longform = arg[1] == '-';
    struct bt_str name, rest = bt_str_cut(bt_str(arg + (longform ? 2 : 1)), '=', &name);
    const char *shown = bt_arena_printf(st->a, "%s%.*s", longform ? "--" : "-", BT_STR(name));
    const struct bt_opt *o = longform ? find_flag(st->opts, name, false) : find_flag(st->opts, name, true);
    bool negated = false;
    if (!o && !longform)
        o = find_flag(st->opts, name, false);        /* vLLM also writes -tp 4 */
    if (!o && longform && bt_str_starts(name, "no-")) {
        o = find_flag(st->opts, (struct bt_str){ name.p + 3, name.n - 3 }, false);
        negated = true;
        if (o && (o->type != BT_OPT_BOOL || rest.p))
            o = NULL;
    }
    if (!o)
        return unknown_flag(st, name, shown);
    return apply(st, o, shown, rest, rest.p != NULL, negated);
}

int bt_opt_argv(const struct bt_opt *opts, struct bt_arena *a, int argc, char *const *argv, void *target, struct bt_strs *rest, size_t *dashdash, struct bt_err *err)
{
    struct argv_state st = { .opts = opts, .a = a, .argc = argc, .argv = argv, .target = target, .err = err };
    bool all_rest = false;
    if (dashdash)
        *dashdash = SIZE_MAX;
    for (; st.i < argc; st.i++) {
        const char *arg = argv[st.i];
        if (!all_rest && !strcmp(arg, "--")) {
            all_rest = true;
            if (dashdash)
                *dashdash = rest->n;
        } else if (all_rest || arg[0] != '-' || !arg[1])
            push_str(a, rest, arg);
        else if (one_flag(&st) < 0)
            return -1;
    }
    if (dashdash && *dashdash == SIZE_MAX)
        *dashdash = rest->n;
    return 0;
}

/* ---- help ---- */

static const char *metavar(const struct bt_opt *o)
{
    static const char *const by_type[] = { [BT_OPT_U64] = "N", [BT_OPT_F64] = "X", [BT_OPT_STR] = "TEXT", [BT_OPT_BYTES] = "SIZE", [BT_OPT_DURATION] = "TIME",
        [BT_OPT_COUNT] = "N", [BT_OPT_ENUM] = "WORD", [BT_OPT_STRS] = "TEXT", [BT_OPT_CUSTOM] = "VALUE" };
    return o->metavar ? o->metavar : o->type == BT_OPT_BOOL ? "" : by_type[o->type];
}

static void left_side(const struct bt_opt *o, struct bt_buf *b)
{
    bool one = o->alias && !o->alias[1];
    const char *mv = metavar(o);
    bt_buf_puts(b, "  ");
    if (one)
        bt_buf_printf(b, "-%s, ", o->alias);
    bt_buf_printf(b, "--%s", o->name);
    if (o->alias && !one)
        bt_buf_printf(b, ", --%s", o->alias);
    if (*mv)
        bt_buf_printf(b, " %s", mv);
}

/* Words of text from column `indent`, broken before `width`. */
static void wrapped(struct bt_buf *out, const char *text, size_t indent, size_t width)
{
    size_t col = indent;
    for (struct bt_str rest = bt_str(text), word; rest.p;) {
        rest = bt_str_cut(rest, ' ', &word);
        if (col > indent && col + 1 + word.n > width) {
            bt_buf_printf(out, "\n%*s", (int)indent, "");
            col = indent;
        } else if (col > indent) {
            bt_buf_puts(out, " ");
            col++;
        }
        bt_buf_add(out, word.p, word.n);
        col += word.n;
    }
    bt_buf_puts(out, "\n");
}

void bt_opt_help(const struct bt_opt *opts, struct bt_buf *out, int width)
{
    const size_t indent = 34;
    size_t columns = (size_t)BT_MAX(width, 60);
    for (const struct bt_opt *o = opts; o->name; o++) {
        if (!o->help)
            continue;
        struct bt_buf left = BT_BUF(512), right = BT_BUF(2048);
        left_side(o, &left);
        bt_buf_puts(&right, o->help);
        for (size_t i = 0; o->choices && o->type == BT_OPT_ENUM && o->choices[i]; i++)
            bt_buf_printf(&right, "%s%s", i ? ", " : ": ", o->choices[i]);
        if (o->def && o->type != BT_OPT_BOOL && *o->def)
            bt_buf_printf(&right, " (default %s)", o->def);
        if (left.n + 2 > indent)
            bt_buf_printf(out, "%s\n%*s", left.p, (int)indent, "");
        else
            bt_buf_printf(out, "%-*s", (int)indent, left.p);
        wrapped(out, bt_buf_z(&right), indent, columns);
        bt_buf_release(&left);
        bt_buf_release(&right);
    }
}
