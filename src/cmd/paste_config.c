/* paste_config - a server's --config file as the words it stands for. vLLM utils/argparse_utils.py, SGLang srt/server_args_config_parser.py: keys are long
 * flags, true is the bare flag, false and null are nothing, a list is several values; what the command line says itself wins. */
#include <jansson.h>

#include "base/file.h"
#include "cmd/paste.h"

static bool is_word(const struct bt_node *n, const char *const *words)
{
    for (; n->kind == BT_NODE_SCALAR && !n->quoted && *words; words++)
        if (!strcasecmp(n->text, *words))
            return true;
    return false;
}

static const char *const yes[] = { "true", "yes", "on", NULL }, *const no[] = { "false", "no", "off", "null", "~", NULL };

/* A map is handed on as JSON: --hf-overrides {rope_scaling: {...}}. */
static json_t *as_json(const struct bt_node *n)
{
    json_t *o;
    char *end;
    switch (n->kind) {
    case BT_NODE_MAP:
        o = json_object();
        for (size_t i = 0; i < n->n; i++)
            json_object_set_new(o, n->keys[i].text, as_json(&n->items[i]));
        return o;
    case BT_NODE_SEQ:
        o = json_array();
        for (size_t i = 0; i < n->n; i++)
            json_array_append_new(o, as_json(&n->items[i]));
        return o;
    case BT_NODE_SCALAR:
        if (is_word(n, yes) || is_word(n, no))
            return json_boolean(is_word(n, yes));
        long long whole = strtoll(n->text, &end, 10);
        if (!n->quoted && n->text[0] && !*end)
            return json_integer(whole);
        double real = strtod(n->text, &end);
        return !n->quoted && n->text[0] && !*end ? json_real(real) : json_string(n->text);
    default:
        return json_null();
    }
}

static const struct bt_engine *engine_of(const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(words[i], "sglang"))
            return bt_engine_find("sglang");
    return bt_engine_find("vllm");
}

static bool same_text(const char *a, const char *b)
{
    for (; *a && *b && *b != '='; a++, b++)
        if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
            return false;
    return !*a && (!*b || *b == '=');
}

/* In whatever spelling. */
static bool says_itself(const struct bt_engine *e, const char *const *words, size_t n, const char *flag)
{
    const struct bt_opt *ours = bt_engine_flag(e, flag);
    for (size_t i = 0; i < n; i++) {
        const struct bt_opt *theirs = words[i][0] == '-' ? bt_engine_flag(e, words[i]) : NULL;
        if ((ours && theirs && (ours == theirs || (ours->off && ours->off == theirs->off))) || same_text(flag, words[i]))
            return true;
    }
    return false;
}

static void setting(struct bt_arena *a, const char *flag, const struct bt_node *v, struct bt_strs *out)
{
    if (v->kind == BT_NODE_NULL || is_word(v, no))
        return;
    if (v->kind == BT_NODE_SCALAR && !is_word(v, yes))
        flag = bt_arena_printf(a, "%s=%s", flag, v->text);
    if (v->kind == BT_NODE_MAP) {
        json_t *o = as_json(v);
        char *text = json_dumps(o, JSON_COMPACT);
        flag = bt_arena_printf(a, "%s=%s", flag, text ? text : "{}");
        free(text);
        json_decref(o);
    }
    BT_PUSH(a, out->v, out->n, flag);
    for (size_t i = 0; v->kind == BT_NODE_SEQ && i < v->n; i++)
        if (v->items[i].kind == BT_NODE_SCALAR)
            BT_PUSH(a, out->v, out->n, v->items[i].text);
}

static int settings(struct bt_arena *a, const char *path, struct bt_str text, const char *const *words, size_t n, struct bt_strs *out, const char **note, struct bt_err *err)
{
    const struct bt_engine *e = engine_of(words, n);
    struct bt_doc doc;
    size_t read = 0, over = 0;
    if (bt_yaml_parse(a, path, text, &doc, err) < 0)
        return err->code = BT_E_USAGE, -1;
    if (doc.root.kind != BT_NODE_MAP)
        return bt_err_set(err, BT_E_USAGE, 0, "--config %s: %s, and a map of flags is wanted", path, bt_node_kind_name(&doc.root));
    for (size_t i = 0; i < doc.root.n; i++) {
        const char *flag = bt_arena_printf(a, "--%s", doc.root.keys[i].text);
        bool itself = says_itself(e, words, n, flag);
        over += itself;
        read += !itself;
        if (!itself)
            setting(a, flag, &doc.root.items[i], out);
    }
    *note = bt_arena_printf(a, "--config %s: %zu settings read%s", path, read, over ? bt_arena_printf(a, ", %zu that the command says itself left out", over) : "");
    return 0;
}

int paste_config(struct bt_arena *a, const char *const *words, size_t n, struct bt_strs *out, const char **note, struct bt_err *err)
{
    struct bt_strs all = { 0 };
    *out = (struct bt_strs){ 0 };
    *note = NULL;
    if (n == 1 && strpbrk(words[0], " \t\n")) {
        if (!strstr(words[0], "--config")) {
            BT_PUSH(a, out->v, out->n, words[0]);
            return 0;
        }
        if (paste_split(a, words[0], &all, err) < 0)
            return -1;
        words = all.v;
        n = all.n;
    }
    for (size_t i = 0; i < n; i++) {
        bool joined = !strncmp(words[i], "--config=", 9), apart = !strcmp(words[i], "--config") && i + 1 < n;
        const char *path = joined ? words[i] + 9 : apart ? words[i + 1] : NULL;
        struct bt_str text;
        struct bt_err why = { 0 };
        if (!path || *note) {
            BT_PUSH(a, out->v, out->n, words[i]);
            continue;
        }
        if (bt_file_read(a, path, 1 << 20, &text, &why) < 0) {
            *note = bt_arena_printf(a, "--config %s: its settings are not counted: %s", path, why.msg);
            BT_PUSH(a, out->v, out->n, words[i]);
            continue;
        }
        if (settings(a, path, text, words, n, out, note, err) < 0)
            return -1;
        i += apart;
    }
    return 0;
}
