/* Every way to write a spec wrong: the place and the words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/file.h"
#include "spec/spec.h"

#define TOP "name: t\nworkloads:\n"

/* text after TOP starts at line 3. at: "LINE:COL"; says, hint: parts of the words. */
static const struct { const char *text, *at, *says, *hint; bool whole; } rows[] = {
    /* structure */
    { "", NULL, "empty", "", true },
    { "- a\n", "1:1", "a spec is a map", "", true },
    { "name: t\n", "1:1", "`workloads` is missing", "", true },
    { "workloads: {a: {kind: job, command: [x]}}\n", "1:1", "`name` is missing", "name:", true },
    { "name: T_x\nworkloads: {a: {kind: job, command: [x]}}\n", "1:7", "\"T_x\" is not a name", "small letters", true },
    { "name: t\nworkloads: {}\n", "2:12", "want a map of workloads", "", true },
    { "name: t\nworkload: {}\n", "2:1", "workload", "workloads", true },
    { "name: t\nworkloads:\n\ta: 1\n", "3:", "tab", "", true },
    { "  Bad: {kind: job, command: [x]}\n", "3:3", "\"Bad\" is not a name", "small letters", false },
    { "  a: 3\n", "3:6", "workloads.a: want a map", "", false },
    { "  a: {kind: job, comand: [x]}\n", "3:18", "comand", "command", false },
    { "  a: {kind: job, command: [x], x-note: {any: thing}}\n", NULL, NULL, NULL, false },
    /* what is no YAML */
    { "a: [}\n", "1:", "", "closed", true },
    { "a: *b\n", "1:4", "no such anchor", "&NAME", true },
    { "a: &b [*b]\n", "1:8", "inside its own anchor", "another anchor", true },
    { "a: !x 1\n", "1:4", "tags have no meaning", "quotes", true },
    { "a: \"\\0\"\n", "1:4", "NUL byte", "\\0", true },
    { "a: 1\na: 2\n", "2:1", "here twice", "leave one", true },
    { "[a]: 1\n", "1:1", "a key has to be", "behind the `:`", true },
    { "a: 1\n---\nb: 1\n", "2:1", "a second document", "---", true },
    { "<<: 3\n", "1:", "<< takes a map", "*NAME", true },
    { "a: \xff\n", "1:4", "not UTF-8", "UTF-8", true },
    { "a: \x01\n", "1:4", "a control character", "text", true },
    /* kinds */
    { "  a: {command: [x]}\n", "3:3", "neither `engine` nor `kind`", "kind: service", false },
    { "  a: {kind: server, model: m}\n", "3:13", "needs an `engine`", "engine: vllm", false },
    { "  a: {kind: job, engine: vllm, model: m}\n", "3:13", "only a server has one", "", false },
    { "  a: {engine: vllm}\n", "3:3", "needs a `model`", "model:", false },
    { "  a: {kind: service}\n", "3:3", "needs a `command`", "command:", false },
    { "  a: {kind: servce, command: [x]}\n", "3:13", "\"servce\" is none of", "service", false },
    { "  a: {engine: vlm, model: m}\n", "3:15", "\"vlm\" is none of", "vllm", false },
    { "  a: {engine: vllm, model: m, command: [x]}\n", "3:40", "says nothing about a server", "args", false },
    { "  a: {kind: job, command: [x], replicas: 2}\n", "3:42", "`replicas` says nothing about a job", "slots", false },
    { "  a: {kind: service, command: [x], matrix: {l: [1]}}\n", "3:44", "`matrix` says nothing about a service", "", false },
    { "  a: {kind: job, command: [x], shards: 600000, matrix: {l: [1, 2]}}\n", "3:56", "more than 1,000,000 tasks", "fewer values", false },
    { "  a: {kind: job, command: \"a b\"}\n", "3:27", "no shell splits it", "[", false },
    { "  a: {kind: job, command: []}\n", "3:27", "empty", "", false },
    /* sizes */
    { "  a: {kind: job, command: [x], memory: 12G}\n", "3:40", "12G", "12GB", false },
    { "  a: {kind: job, command: [x], memory: 12}\n", "3:40", "12", "12GiB", false },
    { "  a: {kind: job, command: [x], memory: 0.4}\n", "3:40", "0.4", "40%", false },
    { "  a: {kind: job, command: [x], memory: 140%}\n", "3:40", "140%", "40%", false },
    { "  a: {kind: job, command: [x], memory: 0B}\n", "3:40", "0 bytes", "", false },
    { "  a: {kind: job, command: [x], memory: [1]}\n", "3:40", "want a size", "", false },
    { "  a: {kind: job, command: [x], memory: {train: m, forward: m}}\n", "3:60", "exactly one of", "", false },
    { "  a: {kind: job, command: [x], memory: {batch: 4}}\n", "3:40", "exactly one of", "train: MODEL", false },
    { "  a: {kind: job, command: [x], memory: {train: m, size: 512x512}}\n", "3:57", "it belongs to diffusion", "", false },
    { "  a: {kind: job, command: [x], memory: {train: m, optimizer: adamm}}\n", "3:62", "adamm", "adam", false },
    { "  a: {kind: job, command: [x], memory: {train: m, rank: 8}}\n", "3:57", "lora or qlora only", "method: lora", false },
    { "  a: {kind: job, command: [x], memory: {train: m, method: lora, users: auto, batch: auto}}\n", "3:72", "either of them", "a number", false },
    { "  a: {kind: job, command: [x], memory: {train: m, batch: some}}\n", "3:58", "want auto", "", false },
    { "  a: {kind: job, command: [x], memory: {train: m, zero: 4}}\n", "3:57", "zero", "", false },
    { "  a: {kind: job, command: [x], memory: {train: m, zero: 1, backend: megatron}}\n", "3:57", "no ZeRO", "distributed_optimizer", false },
    { "  a: {kind: job, command: [x], memory: {diffusion: m, size: 512}}\n", "3:61", "width x height", "", false },
    { "  a: {kind: job, command: [x], memory: {like: a, batch: 4}}\n", "3:40", "stands alone", "", false },
    { "  a: {kind: job, command: [x], memory: {like: a/b/c}}\n", "3:40", "a workload that ran", "PROJECT", false },
    { "  a: {kind: job, command: [x], memory: {trian: m}}\n", "3:41", "trian", "train", false },
    { "  a: {engine: vllm, model: m, memory: {train: m}}\n", "3:39", "describes a service or a job", "12GiB", false },
    { "  a: {kind: job, command: [x], gpus: 0, memory: 1GiB}\n", "3:49", "`gpus: 0` has none", "", false },
    { "  a: {kind: job, command: [x], expects: {train: m}}\n", "3:41", "goes with `memory: rest`", "memory", false },
    { "name: t\nmargin: 1\nworkloads: {a: {kind: job, command: [x]}}\n", "2:9", "1", "GiB", true },
    /* numbers and ranges */
    { "  a: {kind: job, command: [x], gpus: two}\n", "3:38", "two", "auto", false },
    { "  a: {kind: job, command: [x], gpus: -1}\n", "3:38", "-1", "", false },
    { "  a: {kind: job, command: [x], gpus: {min: 3, max: 2}}\n", "3:38", "min <= max", "", false },
    { "  a: {kind: job, command: [x], gpus: {mni: 3}}\n", "3:39", "mni", "min", false },
    { "  a: {kind: job, command: [x], slots: {min: 3}}\n", "3:39", "{want: N, min: M}", "", false },
    { "  a: {engine: vllm, model: m, tp: 0}\n", "3:35", "\"0\"", "", false },
    { "  a: {engine: vllm, model: m, tp: 4, gpus: 2}\n", "3:35", "tp x pp is 4 GPUs", "", false },
    { "  a: {engine: vllm, model: m, tp: 2, pp: 1, gpus: 3}\n", "3:51", "at least 3", "", false },
    { "  a: {engine: vllm, model: m, context: {want: 10, min: 20}}\n", "3:40", "min 20 is more than want 10", "", false },
    { "  a: {engine: vllm, model: m, context: 32k}\n", "3:40", "32k", "", false },
    { "  a: {engine: vllm, model: m, engine_version: 0.11}\n", "3:47", "a version is a text", "\"0.11\"", false },
    { "  a: {engine: vllm, model: m, priority: high}\n", "3:41", "whole number", "", false },
    { "  a: {kind: service, command: [x], port: 70000}\n", "3:42", "70000", "", false },
    { "  a: {kind: service, command: [x], port: 80, replicas: 2}\n", "3:42", "cannot listen on one port", "auto", false },
    { "  a: {kind: service, command: [x], ready: {http: /h}}\n", "3:43", "needs a `port`", "port: auto", false },
    { "  a: {kind: service, command: [x], ready: {log: \"(\"}}\n", "3:49", "a parenthesis is not closed", "", false },
    { "  a: {kind: service, command: [x], ready: soon}\n", "3:43", "one way to tell", "exec", false },
    { "  a: {kind: service, command: [x], restart: allways}\n", "3:45", "allways", "always", false },
    { "  a: {kind: service, command: [x], park: nap}\n", "3:42", "nap", "", false },
    { "  a: {kind: service, command: [x], stop_grace: 10}\n", "3:48", "10", "s", false },
    { "  a: {kind: service, command: [x], optional: maybe}\n", "3:46", "maybe", "", false },
    /* names */
    { "  a: {kind: job, command: [x], pool: [0, 0]}\n", "3:42", "card 0 is named twice", "", false },
    { "  a: {kind: job, command: [x], pool: [0, 00]}\n", "3:42", "card 0 is named twice", "", false },
    { "  a: {kind: job, command: [x], pool: [zero]}\n", "3:39", "\"zero\" is not a card", "berth gpus", false },
    { "  a: {kind: job, command: [x], pool: []}\n", "3:38", "empty", "[0, 1]", false },
    { "name: t\ngpus: [1, 1]\nworkloads: {a: {kind: job, command: [x]}}\n", "2:11", "card 1 is named twice", "", true },
    { "name: t\ngpus: 4\nworkloads: {a: {kind: job, command: [x]}}\n", "2:7", "a card or a number of cards", "[4]", true },
    { "  a: {kind: job, command: [x], phases: one}\n", "3:40", "there is no phase \"one\"", "phases: [one", false },
    { "name: t\nphases: [one, two]\nworkloads: {a: {kind: job, command: [x], phases: [one, twoo]}}\n", "3:56", "there is no phase \"twoo\"", "two", true },
    { "  a: {kind: job, command: [x], apart: [bb]}\n  bc: {kind: job, command: [x]}\n", "3:40", "there is no workload \"bb\"", "bc", false },
    { "  a: {kind: job, command: [x], apart: [a]}\n", "3:40", "names itself", "", false },
    { "  a: {kind: job, command: [x], share: {with: [b]}}\n", "3:47", "there is no workload \"b\"", "", false },
    { "  a: {kind: job, command: [x], share: {with: []}}\n", "3:", "", "", false },
    { "  a: {kind: job, command: [x], share: sometimes}\n", "3:39", "want true, never", "", false },
    { "  a: {kind: job, command: [x], same_gpus_as: b}\n", "3:46", "there is no workload \"b\"", "", false },
    { "  a: {kind: job, command: [x], after: {b: ready}}\n", "3:40", "there is no workload \"b\"", "", false },
    { "  a: {kind: job, command: [x], after: {b: redy}}\n  b: {kind: job, command: [x]}\n", "3:43", "want started, ready", "ready", false },
    { "  a: {kind: job, command: [x], after: {b: done}}\n  b: {kind: service, command: [x]}\n", "3:40", "never done", "", false },
    { "  a: {engine: vllm, model: m, context: {same_as: b}}\n  b: {kind: job, command: [x]}\n", "3:50", "has no context", "", false },
    { "  a: {engine: vllm, model: m, context: {same_as: b, min: 3}}\n  b: {engine: vllm, model: m}\n", "3:40", "leave `want` and `min` out", "", false },
    /* circles */
    { "  a: {engine: vllm, model: m, context: {same_as: b}}\n  b: {engine: vllm, model: m, context: {same_as: a}}\n", "3:40", "same_as goes in a circle: a -> b -> a", "", false },
    { "  a: {kind: job, command: [x], after: {b: ready}}\n  b: {kind: job, command: [x], after: {c: ready}}\n  c: {kind: job, command: [x], after: {a: started}}\n", "3:",
      "after goes in a circle: a -> b -> c -> a", "", false },
    { "  a: {kind: job, command: [x], same_gpus_as: b}\n  b: {kind: job, command: [x], same_gpus_as: a}\n", "3:46", "same_gpus_as goes in a circle: a -> b -> a", "", false },
    /* sharing that contradicts itself */
    { "  a: {kind: job, command: [x], same_gpus_as: b, share: never}\n  b: {kind: job, command: [x]}\n", "3:46", "`share` of a does not allow b", "say `share: {with: [b]}` of a", false },
    { "  a: {kind: job, command: [x], same_gpus_as: b}\n  b: {kind: job, command: [x], share: never}\n", "3:46", "`share` of b does not allow a", "say `share: {with: [a]}` of b", false },
    { "  a: {kind: job, command: [x], same_gpus_as: b, apart: [b]}\n  b: {kind: job, command: [x]}\n", "3:46", "`apart` from b", "", false },
    { "  a: {kind: job, command: [x], same_gpus_as: b}\n  b: {kind: job, command: [x], gpus: 0}\n", "3:46", "uses no GPU", "", false },
    /* templates */
    { "  a: {kind: job, command: [\"${NOPE}\"]}\n", "3:28", "${NOPE} is not set", "${NOPE:-default}", false },
    { "  a: {kind: job, command: [\"${workloads.b.url}\"]}\n", "3:28", "there is no workload \"b\"", "", false },
    { "  a: {kind: job, command: [\"${workloads.b.uri}\"]}\n  b: {engine: vllm, model: m}\n", "3:28", "has no \"uri\"", "url", false },
    { "  a: {kind: job, command: [\"${workloads.a.url}\"]}\n", "3:28", "its own URL", "{port}", false },
    { "  a: {kind: job, command: [x], cwd: \"${workloads.b.url}\"}\n  b: {engine: vllm, model: m}\n", "3:37", "only when workloads run", "command", false },
    { "  a: {kind: job, command: [\"${gateway.url}\"]}\n", "3:28", "no `gateway`", "gateway:", false },
    { "  a: {kind: job, command: [\"${job.layr}\"], matrix: {layer: [1]}}\n", "3:28", "no \"layr\"", "${job.layer}", false },
    { "  a: {kind: job, command: [\"${what is this}\"]}\n", "3:28", "unknown template", "${VAR}", false },
    { "  a: {kind: job, command: [\"${OPEN\"]}\n", "3:28", "without its }", "$$", false },
    { "  a: {kind: job, command: [\"${HF_TOKEN}\"]}\n", "3:28", "a secret would be written", "env", false },
    { "  a: {kind: job, command: [x], env: {NOPE: \"${NOPE}\"}}\n", "3:44", "${NOPE} is not set", "export NOPE", false },
    /* env, args */
    { "  a: {kind: job, command: [x], env: {1A: b}}\n", "3:38", "not a name of a variable", "", false },
    { "  a: {kind: job, command: [x], env: {CUDA_VISIBLE_DEVICES: 0}}\n", "3:38", "set by berth", "pool", false },
    { "  a: {kind: job, command: [x], env: {A: [b]}}\n", "3:41", "want a text", "", false },
    { "  a: {engine: vllm, model: m, args: [--gpu-memory-utilization, 0.9]}\n", "3:38", "decided by the plan", "memory: 40%", false },
    { "  a: {engine: vllm, model: m, tp: 2, args: [--enforce-eager, --tensor-parallel-size, 4]}\n", "3:62", "decided by the plan", "tp: N", false },
    { "  a: {engine: vllm, model: m, args: [--max-num-seqs, lots]}\n", "3:38", "lots", "", false },
    { "  a: {engine: vllm, model: m, args: [64]}\n", "3:38", "is no flag", "--max-num-seqs", false },
    { "  a: {engine: vllm, model: m, kv_dtype: int3}\n", "3:41", "int3", "fp8", false },
    { "  a: {engine: vllm, model: m, adapters: {max_rank: 60}}\n", "3:52", "max_rank 60", "64", false },
    /* variants */
    { "name: t\nworkloads: {a: {kind: job, command: [x]}}\nvariants: {v: {b: {gpus: 1}}}\n", "3:16", "there is no workload \"b\"", "", true },
    { "name: t\nworkloads: {a: {kind: job, command: [x]}}\nvariants: {v: {a: {gpuz: 1}}}\n", "3:20", "gpuz", "gpus", true },
    { "name: t\nworkloads: {trainer: {kind: job, command: [x]}}\nvariants: {v: {trainr: {gpus: 1}}}\n", "3:16", "there is no workload \"trainr\"", "trainer", true },
    { "name: t\nworkloads: {a: {kind: job, command: [x]}}\nvariants: {v: {phase: [x]}}\n", "3:16", "may change", "phases", true },
    { "name: t\nworkloads: {a: {kind: job, command: [x]}}\nvariants: {v: {name: u}}\n", "3:16", "may change", "", true },
    { "name: t\nworkloads: {a: {kind: job, command: [x]}}\nvariants: {v: {margin: 12}}\n", "3:24", "12", "", true },
    { "name: t\nworkloads: {a: {kind: job, command: [x]}}\nvariants: {v: {gpus: 4}}\n", "3:22", "a card or a number", "", true },
    { "name: t\nworkloads: {a: {kind: job, command: [x]}}\nvariants: {v: {workloads: [a]}}\n", "3:27", "want a map of workloads", "", true },
    { "name: t\nworkloads: {a: {kind: job, command: [x]}}\nvariants: {v: {workloads: {b: {comand: [x]}}}}\n", "3:32", "comand", "command", true },
    { "name: t\nworkloads: {a: {kind: job, command: [x]}}\nvariants: {V: {a: {gpus: 1}}}\n", "3:12", "not a name", "", true },
    { "name: t\ngateway: {listen: here}\nworkloads: {a: {kind: job, command: [x]}}\n", "2:19", "want ADDRESS:PORT", "127.0.0.1:8000", true },
};

static const char *no_env(void *ctx, const char *name) { (void)ctx; return !strcmp(name, "HF_TOKEN") ? "hf_x" : !strcmp(name, "WORD") ? "w$$d" : NULL; }
static const struct bt_spec_opts opts = { .getenv = no_env };

static int parse(struct bt_arena *a, const char *text, struct bt_spec **s, struct bt_err *err)
{
    return bt_spec_parse(a, "berth.yaml", "/d", bt_str(text), &opts, s, err);
}

static void each_error_has_its_place(void **st)
{
    (void)st;
    int bad = 0;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_spec *s = NULL;
        struct bt_err err = { 0 };
        const char *text = rows[i].whole ? rows[i].text : bt_arena_printf(&a, TOP "%s", rows[i].text);
        int rc = parse(&a, text, &s, &err);
        if (!rows[i].says) {
            if (rc < 0)
                bad++, print_error("row %zu: want no error: %s\n", i, err.msg);
            continue;
        }
        char at[40] = "berth.yaml:";
        if (rows[i].at)
            snprintf(at, sizeof at, "berth.yaml:%s%s", rows[i].at, rows[i].at[strlen(rows[i].at) - 1] == ':' ? "" : ": ");
        if (rc == 0 || err.code != BT_E_SPEC || strncmp(err.msg, at, strlen(at)) || !strstr(err.msg, rows[i].says) || !strstr(err.hint, rows[i].hint))
            bad++, print_error("row %zu:\n%s  want %s %s (%s)\n  got  %s (%s) code %s\n", i, text, at, rows[i].says, rows[i].hint, err.msg, err.hint, bt_errc_name(err.code));
        else if (!err.hint[0])
            bad++, print_error("row %zu: %s: nothing says what to try\n", i, err.msg);
    }
    assert_int_equal(bad, 0);
}

/* The hint of last resort is a value that is right: `key: example` is read, in a workload that may have the key. */
/* Workload i waits for the next one, the last one for the first where it closes; wide: the first one waits for all of them. */
static const char *chain(struct bt_arena *a, size_t n, bool closes, bool wide)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    bt_buf_puts(&b, TOP "  w0: {kind: service, command: [x], after: {");
    for (size_t i = 1; i < (wide ? n : 2); i++)
        bt_buf_printf(&b, "%sw%zu: started", i > 1 ? ", " : "", i);
    bt_buf_puts(&b, "}}\n");
    for (size_t i = 1; i < n; i++) {
        bt_buf_printf(&b, "  w%zu: {kind: service, command: [x]", i);
        if (i + 1 < n ? !wide : closes)
            bt_buf_printf(&b, ", after: {w%zu: started}", (i + 1) % n);
        bt_buf_puts(&b, "}\n");
    }
    assert_false(b.over);
    return bt_arena_strdup(a, bt_buf_z(&b));
}

static void circles_may_be_long_and_wide(void **st)
{
    static const struct { size_t n; bool closes, wide; const char *says; } sets[] = {
        { 5000, false, false, NULL }, { 600, false, true, NULL },
        { 5000, true, false, "a circle: w0 -> w1 -> w2 -> w3 -> w4 -> w5 -> w6 -> w7 -> w8 -> w9 -> w10 -> w11 -> 4988 more -> w0" },
        { 600, true, true, "after goes in a circle: w0 -> w599 -> w0" },
    };
    (void)st;
    for (size_t i = 0; i < BT_LEN(sets); i++) {
        bt_auto_arena a = { 0 };
        struct bt_spec *s;
        struct bt_err err = { 0 };
        int rc = bt_spec_parse(&a, "t.yaml", "/", bt_str(chain(&a, sets[i].n, sets[i].closes, sets[i].wide)), NULL, &s, &err);
        assert_int_equal(rc, sets[i].says ? -1 : 0);
        assert_true(!sets[i].says || strstr(err.msg, sets[i].says));
    }
}

static void examples_are_right(void **st)
{
    (void)st;
    static const char *const of[] = { "  a: {engine: vllm, model: m, %s: %s}\n", "  a: {kind: service, command: [x], port: auto, %s: %s}\n",
                                      "  a: {kind: job, command: [x], %s: %s}\n", "  a: {kind: job, command: [x], memory: rest, %s: %s}\n",
                                      "  a: {engine: vllm, %s: %s}\n", "  a: {model: m, %s: %s}\n", "  a: {kind: service, %s: %s}\n", "  a: {command: [x], %s: %s}\n" };
    unsigned n = 0;
    for (const struct bt_opt *o = bt_spec_workload_keys(); o->name; o++, n++) {
        bool right = false;
        struct bt_err err = { 0 };
        assert_non_null(o->example);
        for (size_t i = 0; i < BT_LEN(of) && !right; i++) {
            bt_auto_arena a = { 0 };
            struct bt_spec *s;
            const char *phases = !strcmp(o->name, "phases") ? "phases: [b]\n" : "", *text = bt_arena_printf(&a, of[i], o->name, o->example), *at;
            if ((at = strstr(text, "NAME")) && strcmp(o->name, "env"))       /* names of others */
                text = bt_arena_printf(&a, "%.*sb%s", (int)(at - text), text, at + 4);
            const char *whole = bt_arena_printf(&a, "%s" TOP "%s  b: {kind: job, command: [x]}\n", phases, text);
            right = parse(&a, whole, &s, &err) == 0;
        }
        if (!right)
            fail_msg("%s: %s: %s", o->name, o->example, err.msg);
    }
    assert_true(n > 40);
}

struct wrong { unsigned errors, bad; };

static void try_wrong_values(const struct bt_opt *keys, const char *const *of, size_t n, struct wrong *w)
{
    static const char *const values[] = { "[]", "{}", "{zz: 1}", "\"\"", "zz zz", "-1", "0", "[zz, zz]", "[[1]]", "{min: 9, want: 1}", "{NO: {}}", "99999999999", "1.5", "a" };
    for (const struct bt_opt *o = keys; o->name; o++)
        for (size_t v = 0; v < BT_LEN(values) * n; v++) {
            bt_auto_arena a = { 0 };
            struct bt_spec *s;
            struct bt_err err = { 0 };
            const char *text = bt_arena_printf(&a, of[v % n], o->name, values[v / n]);
            if (parse(&a, bt_arena_printf(&a, TOP "%s", text), &s, &err) == 0)
                continue;
            w->errors++;
            if (!err.hint[0])
                w->bad++, print_error("%s  %s: nothing says what to try\n", text, err.msg);
        }
}

/* Whatever is wrong about a value, something says what to try. */
static void every_wrong_value_has_a_hint(void **st)
{
    (void)st;
    static const char *const workloads[] = { "  a: {engine: vllm, model: m, %s: %s}\n", "  a: {kind: service, command: [x], %s: %s}\n",
                                             "  a: {kind: job, command: [x], %s: %s}\n", "  a: {%s: %s}\n" };
    static const char *const jobs[] = { "  a: {kind: job, command: [x], memory: {train: m, method: lora, %s: %s}}\n", "  a: {kind: job, command: [x], memory: {diffusion: m, %s: %s}}\n",
                                        "  a: {kind: job, command: [x], memory: {%s: %s}}\n" };
    static const char *const tops[] = { "  a: {kind: job, command: [x]}\n%s: %s\n" };
    struct wrong w = { 0 };
    try_wrong_values(bt_spec_workload_keys(), workloads, BT_LEN(workloads), &w);
    try_wrong_values(bt_job_keys(), jobs, BT_LEN(jobs), &w);
    try_wrong_values(bt_spec_keys(), tops, BT_LEN(tops), &w);
    assert_int_equal(w.bad, 0);
    assert_true(w.errors > 1000);
}

static void templates_expand(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_spec *s;
    struct bt_err err = { 0 };
    const char *text = TOP "  a:\n    kind: job\n    command: [\"$$HOME\", \"${WORD}\", \"${NOPE:-x${}\", \"{port}\", \"${workloads.b.url}/v1\", \"$5\"]\n    env: {HF_TOKEN: \"${HF_TOKEN}\", W: \"a-${WORD}\"}\n"
                           "  b: {engine: vllm, model: m}\nvariants: {v: {a: {command: [\"$$$$\", \"${workloads.b.url}\"]}}}\n";
    if (parse(&a, text, &s, &err) < 0)
        fail_msg("%s", err.msg);
    const char *want[] = { "$HOME", "w$$d", "x${", "{port}", "{url:b}/v1", "$5" };
    for (size_t i = 0; i < BT_LEN(want); i++)
        assert_string_equal(s->w[0].command.v[i], want[i]);
    assert_null(s->w[0].env[0].value);               /* a reference: its value is nowhere in the spec */
    assert_string_equal(s->w[0].env[1].value, "a-w$$d");
    struct bt_spec_opts v = { .variant = "v", .getenv = no_env };
    if (bt_spec_parse(&a, "berth.yaml", "/d", bt_str(text), &v, &s, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(s->w[0].command.v[0], "$$");  /* expanded once, not twice */
    assert_string_equal(s->w[0].command.v[1], "{url:b}");
}

static void variants_merge_deep(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_spec *s;
    struct bt_err err = { 0 };
    const char *text = TOP "  a: {engine: vllm, model: m, gpus: {min: 1, max: 4}, priority: 3}\nvariants: {v: {a: {gpus: {max: 2}, priority: null, pool: [0]}}}\n";
    struct bt_spec_opts v = { .variant = "v" };
    assert_int_equal(bt_spec_parse(&a, "berth.yaml", "/d", bt_str(text), &v, &s, &err), 0);
    assert_true(s->w[0].gpus.min == 1 && s->w[0].gpus.max == 2);
    assert_int_equal(s->w[0].priority, 0);
    assert_int_equal(s->w[0].pool.n, 1);
    struct bt_spec_opts none = { .variant = "w" };
    assert_int_equal(bt_spec_parse(&a, "berth.yaml", "/d", bt_str(text), &none, &s, &err), -1);
    assert_non_null(strstr(err.msg, "there is no variant \"w\""));
    struct bt_spec_opts near = { .variant = "developmnt" };
    text = TOP "  a: {kind: job, command: [x]}\nvariants: {production: {}, development: {}}\n";
    assert_int_equal(bt_spec_parse(&a, "berth.yaml", "/d", bt_str(text), &near, &s, &err), -1);
    assert_string_equal(err.hint, "--variant development");
}

/* Top-level keys, workloads added and taken away; a workload's name comes before a key's. */
static void variants_change_the_top(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_spec *s;
    struct bt_err err = { 0 };
    const char *text = "name: t\nphases: [one, two]\nworkloads:\n  a: {kind: job, command: [x], phases: one}\n  gpus: {kind: job, command: [y], phases: two}\n"
                       "variants:\n"
                       "  flat: {phases: null, a: {phases: null}, gpus: null, margin: 1GiB, workloads: {b: {kind: service, command: [z], gpus: 2}}}\n"
                       "  wide: {gpus: {slots: 3}, workloads: {a: null}}\n";
    struct bt_spec_opts flat = { .variant = "flat" }, wide = { .variant = "wide" };
    if (bt_spec_parse(&a, "berth.yaml", "/d", bt_str(text), &flat, &s, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(s->phases.n, 0);
    assert_int_equal(s->n, 2);
    assert_string_equal(s->w[1].name, "b");
    assert_true(s->w[1].gpus.want == 2 && s->margin_bytes == (uint64_t)1 << 30);
    assert_string_equal(s->gpus, "auto");
    const char *partial = "name: t\nworkloads:\n  a: {engine: vllm, model: m, context: {want: 4096, min: 1024}}\n"
                          "  b: {kind: service, command: [x, \"${workloads.a.url}\"], memory: rest, expects: {train: m, method: lora, rank: 64}}\n"
                          "variants: {v: {b: {expects: {rank: 16}}, a: {context: {min: 2048}}}, w: {a: null, b: {command: [y]}}, "
                          "u: {workloads: {c: {kind: job, command: [x, \"${workloads.a.url}\"]}}}}\n";
    static const char *const each[] = { NULL, "v", "w", "u" };       /* the others are checked beside the one applied */
    for (size_t i = 0; i < BT_LEN(each); i++) {
        struct bt_spec_opts o = { .variant = each[i] };
        if (bt_spec_parse(&a, "berth.yaml", "/d", bt_str(partial), &o, &s, &err) < 0)
            fail_msg("%s: %s", each[i] ? each[i] : "as written", err.msg);
    }
    if (bt_spec_parse(&a, "berth.yaml", "/d", bt_str(text), &wide, &s, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(s->n, 1);
    assert_int_equal(s->w[0].copies.want, 3);
}

static void args_reach_the_engine(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_spec *s;
    struct bt_err err = { 0 };
    struct bt_serve serve;
    struct bt_strs raw;
    if (parse(&a, TOP "  a: {engine: vllm, model: m, tp: 2, kv_dtype: fp8, args: [--max-num-seqs, 64, --enforce-eager, --new-flag=7, --tensor-parallel-size, 2]}\n", &s, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(bt_spec_serve(&a, s, &s->w[0], &serve, &raw, &err), 0);
    assert_int_equal(serve.max_seqs, 64);
    assert_true(serve.eager);
    assert_string_equal(serve.kv_dtype, "fp8");
    assert_int_equal(serve.extra.n, 1);
    assert_int_equal(raw.n, 4);                      /* the pin said twice is not passed twice */
}

/* nargs="+" of vLLM's argparse: every word up to the next flag. */
static void a_flag_takes_all_its_words(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_spec *s;
    struct bt_err err = { 0 };
    struct bt_serve serve;
    struct bt_strs raw;
    if (parse(&a, TOP "  a: {engine: vllm, model: m, args: [--cudagraph-capture-sizes, 4, 1, 2, --served-model-name, x, y, --max-num-seqs, 8]}\n", &s, &err) < 0)
        fail_msg("%s", err.msg);
    if (bt_spec_serve(&a, s, &s->w[0], &serve, &raw, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(serve.cudagraph_sizes, "4 1 2");
    assert_string_equal(serve.served_name, "x y");
    assert_int_equal(serve.max_seqs, 8);
    assert_int_equal(serve.extra.n, 0);
    assert_int_equal(raw.n, 9);
    assert_int_equal(parse(&a, TOP "  a: {engine: vllm, model: m, args: [--cudagraph-capture-sizes, 4, zero]}\n", &s, &err), -1);
    assert_non_null(strstr(err.msg, "4 zero"));
}

static void tables_are_in_order(void **st)
{
    (void)st;
    const struct bt_opt *tables[] = { bt_spec_keys(), bt_spec_workload_keys() };
    for (size_t t = 0; t < BT_LEN(tables); t++)
        for (const struct bt_opt *o = tables[t]; o->name; o++) {
            assert_non_null(o->help);
            if (o[1].name && strcmp(o->name, o[1].name) >= 0)
                fail_msg("%s stands before %s", o->name, o[1].name);
        }
}

/* docs/reference/spec.md names each key in backquotes, and "not yet obeyed" is said where it is so. */
static void the_page_names_every_key(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_str page;
    const char *root = getenv("BERTH_SOURCE_ROOT");
    if (bt_file_read(&a, bt_arena_printf(&a, "%s/docs/reference/spec.md", root ? root : "."), 1 * MiB, &page, &err) < 0)
        fail_msg("%s", err.msg);
    const struct bt_opt *tables[] = { bt_spec_keys(), bt_spec_workload_keys() };
    for (size_t t = 0; t < BT_LEN(tables); t++)
        for (const struct bt_opt *o = tables[t]; o->name; o++)
            if (!strstr(page.p, bt_arena_printf(&a, "`%s`", o->name)))
                fail_msg("docs/reference/spec.md does not name `%s`", o->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_error_has_its_place), cmocka_unit_test(circles_may_be_long_and_wide), cmocka_unit_test(examples_are_right),
        cmocka_unit_test(every_wrong_value_has_a_hint), cmocka_unit_test(templates_expand), cmocka_unit_test(variants_merge_deep),
                                        cmocka_unit_test(variants_change_the_top),
                                        cmocka_unit_test(args_reach_the_engine), cmocka_unit_test(a_flag_takes_all_its_words), cmocka_unit_test(tables_are_in_order), cmocka_unit_test(the_page_names_every_key) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
