/* base_opt.c - one table for argv, maps and --help. */
#include "base_test.h"

#include "base/opt.h"

struct gate {
    bool first;                      /* offset 0 is taken: set_off 0 means none */
    bool verbose, cache, port_set;
    uint64_t port, margin, wait_ms, tokens;
    double share;
    const char *model;
    int mode;
    struct bt_strs devices;
    int custom;
};

static int parse_custom(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct gate *g = ctx->target;
    const char *text = ctx->node ? ctx->node->text : ctx->text;
    if (!text || strcmp(text, "seven"))
        return ctx->node ? bt_node_err(err, ctx->doc, ctx->node, "%s is not seven", opt->name) : bt_err_set(err, BT_E_SPEC, 0, "not seven");
    g->custom += 7;
    return 0;
}

static const char *const modes[] = { "auto", "fast", "exact", NULL };
#define AT(f) offsetof(struct gate, f)
static const struct bt_opt opts[] = {
    { .name = "cache", .type = BT_OPT_BOOL, .off = AT(cache), .def = "true", .help = "keep answers" },
    { .name = "custom", .type = BT_OPT_CUSTOM, .parse = parse_custom, .help = "seven" },
    { .name = "device", .alias = "d", .type = BT_OPT_STRS, .off = AT(devices), .def = "all", .help = "cards" },
    { .name = "margin", .type = BT_OPT_BYTES, .off = AT(margin), .def = "512MiB", .max = 64.0 * GiB, .help = "bytes left free on every GPU" },
    { .name = "max-model-len", .alias = "len", .type = BT_OPT_COUNT, .off = AT(tokens), .min = 1, .help = "tokens of one request" },
    { .name = "mode", .type = BT_OPT_ENUM, .off = AT(mode), .choices = modes, .def = "auto", .help = "how" },
    { .name = "model", .alias = "m", .type = BT_OPT_STR, .off = AT(model), .help = "a folder or an id", .metavar = "MODEL" },
    { .name = "port", .type = BT_OPT_U64, .off = AT(port), .def = "8000", .min = 1, .max = 65535, .set_off = AT(port_set), .help = "TCP port the gateway listens on" },
    { .name = "secret", .type = BT_OPT_STR, .off = AT(model) },
    { .name = "share", .type = BT_OPT_F64, .off = AT(share), .min = 0.1, .max = 1, .def = "0.9", .help = "part of a card" },
    { .name = "verbose", .type = BT_OPT_BOOL, .off = AT(verbose), .help = "say more" },
    { .name = "wait", .type = BT_OPT_DURATION, .off = AT(wait_ms), .def = "30s", .min = 250, .max = 3600000, .help = "how long" },
    { 0 },
};

static void defaults(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct gate g = { 0 };
    bt_opt_defaults(opts, &a, &g);
    assert_int_equal(g.port, 8000);
    assert_false(g.port_set);
    assert_true(g.cache && !g.verbose);
    assert_int_equal(g.margin, 512 * MiB);
    assert_int_equal(g.wait_ms, 30000);
    assert_true(g.share > 0.89 && g.share < 0.91);
    assert_int_equal(g.devices.n, 1);
    assert_null(g.model);
}

static int run(struct bt_arena *a, struct gate *g, struct bt_strs *rest, size_t *dd, struct bt_err *e, const char *words)
{
    char *argv[32], *save = NULL;
    int argc = 0;
    for (char *w = strtok_r(bt_arena_strdup(a, words), " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    *g = (struct gate){ 0 };
    *e = (struct bt_err){ 0 };
    bt_opt_defaults(opts, a, g);
    return bt_opt_argv(opts, a, argc, argv, g, rest, dd, e);
}

static void argv_forms(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct gate g;
    struct bt_strs rest;
    struct bt_err e;
    size_t dd;
    assert_int_equal(run(&a, &g, &rest, &dd, &e, "one --port 9000 --max_model_len=8k -m Qwen/Q --no-cache --verbose two - --share -0.0 -- --port x"), -1);
    assert_has(e.msg, "--share");
    assert_int_equal(run(&a, &g, &rest, &dd, &e, "one --port 9000 --max_model_len=8k -m Qwen/Q --no-cache --verbose two - --mode=exact -- --port x"), 0);
    assert_int_equal(g.port, 9000);
    assert_true(g.port_set && g.verbose && !g.cache);
    assert_int_equal(g.tokens, 8000);
    assert_string_equal(g.model, "Qwen/Q");
    assert_int_equal(g.mode, 2);
    assert_int_equal(rest.n, 5);
    assert_int_equal(dd, 3);
    assert_string_equal(rest.v[0], "one");
    assert_string_equal(rest.v[2], "-");
    assert_string_equal(rest.v[3], "--port");
    assert_int_equal(run(&a, &g, &rest, &dd, &e, "--len 5 --device a -d b --port 1 --port 2 --cache=false --custom seven --custom=seven x"), 0);
    assert_int_equal(g.tokens, 5);
    assert_int_equal(g.devices.n, 2);         /* given ones replace the default */
    assert_string_equal(g.devices.v[1], "b");
    assert_int_equal(g.port, 2);              /* the last word counts */
    assert_false(g.cache);
    assert_int_equal(g.custom, 14);
    assert_int_equal(dd, rest.n);
    assert_int_equal(run(&a, &g, &rest, NULL, &e, ""), 0);
    assert_int_equal(rest.n, 0);
    assert_int_equal(run(&a, &g, &rest, NULL, &e, "--secret s"), 0);
}

static void argv_mistakes(void **st)
{
    (void)st;
    static const struct { const char *words, *msg, *hint; } rows[] = {
        { "--prot 1", "unknown option --prot", "--port" }, { "--max-modle-len 1", "unknown option", "--max-model-len" }, { "-z", "unknown option -z", "" },
        { "--port", "--port needs a value", "--port N: TCP port" }, { "--port --verbose", "--port needs a value", "" }, { "--port 0", "at least 1", "" },
        { "--port=70000", "--port: ", "" }, { "--port 8k", "--port: ", "" }, { "--margin 12", "--margin: ", "12GB" }, { "--margin 65GiB", "at most 64GiB", "" },
        { "--mode fats", "not one of auto, fast, exact", "fast" }, { "--cache=maybe", "neither true nor false", "true" }, { "--no-cache=1", "takes no value", "" },
        { "--no-port", "unknown option", "" }, { "--custom eight", "--custom: not seven", "" }, { "--wait 5", "--wait", "5s" }, { "--wait 0s", "0s is too short: at least 250ms", "" },
        { "--wait 2h", "2h is too long: at most 1h", "" }, { "--share 2", "at most 1", "" },
        { "--elephant", "unknown option", "" }, { "--secert s", "unknown option", "" }, { "--=x", "unknown option", "" }, { "--len 0", "at least 1", "" },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct gate g;
        struct bt_strs rest;
        struct bt_err e;
        if (run(&a, &g, &rest, NULL, &e, rows[i].words) == 0)
            fail_msg("%s was taken", rows[i].words);
        assert_int_equal(e.code, BT_E_USAGE);
        assert_has(e.msg, rows[i].msg);
        assert_has(e.hint, rows[i].hint);
    }
}

static int map(struct bt_arena *a, struct gate *g, struct bt_err *e, const char *text)
{
    struct bt_doc doc;
    *g = (struct gate){ 0 };
    bt_opt_defaults(opts, a, g);
    if (bt_yaml_parse(a, "s", bt_str(text), &doc, e) < 0)
        fail_msg("%s", e->msg);
    *e = (struct bt_err){ 0 };
    return bt_opt_map(opts, a, &doc, &doc.root, g, e);
}

static void maps(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct gate g;
    struct bt_err e;
    assert_int_equal(map(&a, &g, &e, "port: 9000\nx-note: {any: [thing]}\nmargin: 1GiB\ndevice: [a, 1]\nmodel: 0.11\ncustom: seven\nlen: 4K\nmode: \"fast\"\n"), 0);
    assert_int_equal(g.port, 9000);
    assert_true(g.port_set);
    assert_int_equal(g.margin, GiB);
    assert_int_equal(g.devices.n, 2);
    assert_string_equal(g.devices.v[1], "1");
    assert_string_equal(g.model, "0.11");     /* versions are strings: the text as written */
    assert_int_equal(g.tokens, 4096);
    assert_int_equal(g.custom, 7);
    assert_int_equal(g.mode, 1);
    assert_int_equal(map(&a, &g, &e, "device: one"), 0);
    assert_int_equal(g.devices.n, 1);
    assert_string_equal(g.devices.v[0], "one");
    assert_int_equal(map(&a, &g, &e, "{}"), 0);
}

static void map_mistakes(void **st)
{
    (void)st;
    static const struct { const char *text, *msg, *hint; } rows[] = {
        { "a: 1\n", "s:1:1: unknown key \"a\"", "" }, { "cache: true\nprot: 1\n", "s:2:1: unknown key \"prot\"", "did you mean port?" },
        { "port: [1]", "s:1:7: port has to be a whole number, this is a list", "" }, { "port: word", "s:1:7: port: ", "" }, { "port:\n", "this is nothing", "" },
        { "margin: 12", "s:1:9: margin: size \"12\" has no unit", "12GB" }, { "cache: yes", "s:1:8: cache: ", "true or false" },
        { "max-model-len: 1\nlen: 2\n", "s:2:1: len is given twice (first as max-model-len in line 1)", "" }, { "[1]", "s:1:1: a map", "" },
        { "device: [a, [b]]", "s:1:13: device: a list of strings is needed, this is a list", "" }, { "custom: 8", "s:1:9: custom is not seven", "" },
        { "port: 0", "at least 1", "" }, { "max_model_len: 1", "unknown key", "max-model-len" }, { "mode: {a: b}", "one word of a list", "" },
        { "d: a", "unknown key \"d\"", "" }, { "wait: 3", "s:1:7: wait: ", "3s" },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct gate g;
        struct bt_err e;
        if (map(&a, &g, &e, rows[i].text) == 0)
            fail_msg("\"%s\" was taken", rows[i].text);
        assert_int_equal(e.code, BT_E_SPEC);
        assert_has(e.msg, rows[i].msg);
        assert_has(e.hint, rows[i].hint);
    }
}

static void help_fits_the_terminal(void **st)
{
    (void)st;
    for (int width = 40; width <= 120; width += 20) {
        bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
        bt_opt_help(opts, &b, width);
        for (const struct bt_opt *o = opts; o->name; o++) {
            char flag[64];
            snprintf(flag, sizeof flag, "--%s", o->name);
            if (o->help)
                assert_has(b.p, flag);
            else
                assert_null(strstr(b.p, flag));
        }
        struct bt_str rest = { b.p, b.n }, line;
        while (rest.p) {
            rest = bt_str_cut(rest, '\n', &line);
            if ((int)line.n > BT_MAX(width, 60))
                fail_msg("width %d: %.*s", width, BT_STR(line));
            assert_false(bt_str_ends(line, " "));
        }
    }
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    bt_opt_help(opts, &b, 100);
    assert_has(b.p, "-m, --model MODEL ");
    assert_has(b.p, "--max-model-len, --len N ");
    assert_has(b.p, "--mode auto|fast|exact ");
    assert_has(b.p, "TCP port the gateway listens on (default 8000)\n");
    assert_has(b.p, "--verbose ");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(defaults), cmocka_unit_test(argv_forms), cmocka_unit_test(argv_mistakes), cmocka_unit_test(maps),
        cmocka_unit_test(map_mistakes), cmocka_unit_test(help_fits_the_terminal) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
