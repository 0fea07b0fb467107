/* cmd.c - what all verbs share: parsing with help, errors, JSON answers. */
#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"

static void print_help(const struct bt_verb *v)
{
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    bt_buf_printf(&b, "%s\n\nusage: %s\n", v->summary ? v->summary : v->name, v->usage);
    if (v->opts && v->opts[0].name) {
        bt_buf_puts(&b, "\noptions:\n");
        bt_opt_help(v->opts, &b, bt_style_of(stdout).width);
    }
    if (v->example)
        bt_buf_printf(&b, "\nexample:\n%s\n", v->example);
    bt_cmd_print(&b);
}

/* --gpus "$FLEET" without a FLEET: what was meant is not what is done where none is given. The name of such an option, or NULL. */
static const char *empty_value(const struct bt_verb *v, const void *target)
{
    for (const struct bt_opt *o = v->opts; o->name; o++) {
        const void *field = (const char *)target + o->off;
        if (o->type == BT_OPT_STR && *(const char *const *)field && !**(const char *const *)field)
            return o->name;
        const struct bt_strs *list = o->type == BT_OPT_STRS ? field : NULL;
        for (size_t i = 0; list && i < list->n; i++)
            if (!*list->v[i])
                return o->name;
    }
    return NULL;
}

int bt_cmd_parse(const struct bt_verb *v, struct bt_arena *a, int argc, char **argv, void *target, struct bt_strs *rest, size_t *dashdash)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            print_help(v);
            exit(bt_cmd_end(0));
        }
    struct bt_err err = { 0 };
    struct bt_strs none = { 0 };
    bool json = false;               /* asked for before the parse may fail: the error must be JSON too */
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        json = json || !strcmp(argv[i], "--json");
    bt_opt_defaults(v->opts, a, target);
    if (bt_opt_argv(v->opts, a, argc, argv, target, rest ? rest : &none, dashdash, &err) < 0)
        return bt_cmd_fail(v, &err, json);
    const char *empty = empty_value(v, target);
    if (empty)
        return bt_cmd_usage(v, json, "--%s is empty", empty);
    return !rest && none.n ? bt_cmd_usage(v, json, "unexpected argument \"%s\"", none.v[0]) : 0;
}

/* Names in an error are other people's (files, keys of a spec): nothing of them may steer the terminal. Line ends are ours. */
static void add_lines(struct bt_buf *b, struct bt_str rest)
{
    struct bt_str line;
    for (bool first = true; rest.n; first = false) {
        rest = bt_str_cut(rest, '\n', &line);
        bt_buf_puts(b, first ? "" : "\n");
        bt_buf_add_escaped(b, line);
    }
}

int bt_cmd_fail(const struct bt_verb *v, const struct bt_err *err, bool json)
{
    if (json)
        bt_cmd_json("error", json_pack("{s:s, s:s, s:o, s:o}", "verb", v->name, "code", bt_errc_name(err->code), "message",
                                       bt_json_text(err->msg), "hint", bt_json_text(err->hint)));
    bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
    add_lines(&b, bt_str(err->msg));
    if (err->hint[0]) {
        bt_buf_puts(&b, "\n  try: ");
        add_lines(&b, bt_str(err->hint));
    }
    fprintf(stderr, "berth %s: %s\n", v->name, bt_buf_z(&b));
    return bt_errc_exit(err->code);
}

int bt_cmd_usage(const struct bt_verb *v, bool json, const char *fmt, ...)
{
    struct bt_err err = { 0 };
    char what[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    bt_err_set(&err, BT_E_USAGE, 0, "%s", what);
    bt_err_hint(&err, "%s", v->usage);
    return bt_cmd_fail(v, &err, json);
}

static int output_errno;             /* of the first write to stdout that failed */

static void put(const char *p, size_t n)
{
    if ((fwrite(p, 1, n, stdout) != n || fflush(stdout) != 0) && !output_errno)
        output_errno = errno;
}

int bt_cmd_end(int rc)
{
    put("", 0);
    if (!output_errno && ferror(stdout))
        output_errno = EIO;
    if (!output_errno || output_errno == EPIPE)      /* a reader that left (`| head`) has what it wanted */
        return rc;
    fprintf(stderr, "berth: write the output: %s\n", strerror(output_errno));
    return rc ? rc : 1;
}

static void put_json(const char *kind, json_t *o, size_t flags)
{
    json_t *all = json_pack("{s:i, s:s}", "schema", 1, "kind", kind);
    json_object_update(all, o);
    json_decref(o);
    bt_auto_free char *text = json_dumps(all, flags | JSON_REAL_PRECISION(12));
    if (text)
        put(text, strlen(text));
    put("\n", 1);
    json_decref(all);
}

void bt_cmd_json(const char *kind, json_t *o)
{
    put_json(kind, o, JSON_INDENT(2));
}

void bt_cmd_json_line(const char *kind, json_t *o)
{
    put_json(kind, o, JSON_COMPACT);
}

void bt_cmd_print(const struct bt_buf *b)
{
    put(bt_buf_z(b), b->n);
}
