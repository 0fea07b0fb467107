/* cmd_paste.c - command lines as people paste them: which server, which flags, and that no word is dropped silently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "cmd/paste.h"

static struct bt_arena arena;

#define WORDS(...) (const char *[]){ __VA_ARGS__ }, BT_LEN(((const char *[]){ __VA_ARGS__ }))
static struct paste read_ok(const char *const *words, size_t n)
{
    struct paste p;
    struct bt_err err = { 0 };
    if (paste_read(&arena, words, n, &p, &err) < 0)
        fail_msg("%s", err.msg);
    return p;
}

static const struct paste_item *item(const struct paste *p, const char *begins)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strncmp(p->item[i].text, begins, strlen(begins)))
            return &p->item[i];
    fail_msg("no item \"%s\"", begins);
    return NULL;
}

static void the_forms_people_use(void **st)
{
    (void)st;
    static const struct { const char *line, *model, *version, *visible; uint64_t tp; } forms[] = {
        { "vllm serve M --tensor-parallel-size 4", "M", NULL, NULL, 4 },
        { "vllm serve --tensor-parallel-size=4 M", "M", NULL, NULL, 4 },
        { "vllm serve --model M -tp=4", "M", NULL, NULL, 4 },
        { "/venv/bin/vllm serve M --tensor_parallel_size 4", "M", NULL, NULL, 4 },
        { "python3.12 -u -m vllm.entrypoints.openai.api_server --model M -tp 4", "M", NULL, NULL, 4 },
        { "python -m vllm.entrypoints.cli.main serve M", "M", NULL, NULL, 0 },
        { "CUDA_VISIBLE_DEVICES=2,3 A=b vllm serve M -tp 2", "M", NULL, "2,3", 2 },
        { "env CUDA_VISIBLE_DEVICES=GPU-ab nohup vllm serve M", "M", NULL, "GPU-ab", 0 },
        { "cd /srv && export X=y; numactl --interleave=all vllm serve M > log 2>&1 &", "M", NULL, NULL, 0 },
        { "bash -lc \"CUDA_VISIBLE_DEVICES=1 vllm serve 'M'\"", "M", NULL, "1", 0 },
        { "vllm serve M \\\n    --tensor-parallel-size 2 \\\n    --port 8000 # the second one", "M", NULL, NULL, 2 },
        { "docker run --gpus all -p 8000:8000 vllm/vllm-openai:v0.11.0 --model M", "M", "0.11.0", NULL, 0 },
        { "sudo docker run -d --rm --gpus '\"device=0,1\"' -v a:b -eHF_HOME=/x vllm/vllm-openai:latest M -tp 2", "M", NULL, "0,1", 2 },
        { "podman run --ipc=host -e CUDA_VISIBLE_DEVICES=5 --entrypoint python3 reg.io:5000/vllm/vllm-openai:v0.9.2 -m vllm.entrypoints.openai.api_server --model M", "M", "0.9.2", "5", 0 },
        { "docker run --name vllm -it rocm/vllm:v0.10.2-rocm6 vllm serve M", "M", "0.10.2", NULL, 0 },
        { "docker run -v /srv/models/:/models:ro -v /srv/fast:/models/fast --gpus all vllm/vllm-openai --model /models/fast/m", "/srv/fast/m", NULL, NULL, 0 },
        { "docker run --mount type=bind,source=/srv/models,target=/models,readonly vllm/vllm-openai --model /models", "/srv/models", NULL, NULL, 0 },
        { "docker run -v/srv/models:/models vllm/vllm-openai --model /modelsx/m", "/modelsx/m", NULL, NULL, 0 },
        { "srun --gpus=4 apptainer exec --nv x.sif vllm serve M -tp 4 | tee log", "M", NULL, NULL, 4 },
    };
    for (size_t i = 0; i < BT_LEN(forms); i++) {
        struct paste p = read_ok(WORDS(forms[i].line));
        assert_string_equal(p.engine->name, "vllm");
        assert_string_equal(p.model, forms[i].model);
        assert_int_equal(p.serve.tp, forms[i].tp);
        if (!forms[i].version != !p.version || (p.version && strcmp(p.version, forms[i].version)))
            fail_msg("%s: version %s", forms[i].line, p.version ? p.version : "none");
        if (!forms[i].visible != !p.visible || (p.visible && strcmp(p.visible, forms[i].visible)))
            fail_msg("%s: visible %s", forms[i].line, p.visible ? p.visible : "none");
    }
}

static void other_engines(void **st)
{
    (void)st;
    struct paste p = read_ok(WORDS("SGLANG_VLM_CACHE_SIZE_MB=200 python3 -m sglang.launch_server --model-path M --tp 2 --mem-fraction-static=0.7 --speculative-algorithm EAGLE --attn-dp 2"));
    assert_string_equal(p.engine->name, "sglang");
    assert_true(p.serve.tp == 2 && p.serve.utilization == 0.7 && p.serve.utilization_set);
    assert_int_equal(item(&p, "--speculative-algorithm EAGLE")->effect, PASTE_NOT_COUNTED);
    assert_int_equal(item(&p, "SGLANG_VLM_CACHE_SIZE_MB")->effect, PASTE_NOT_COUNTED);
    assert_string_equal(item(&p, "--attn-dp 2")->note, "changes how KV or experts are cut; read as --attn-dp-size");
    p = read_ok(WORDS("docker run --gpus all --shm-size 32g lmsysorg/sglang:v0.5.23-cu129 python3 -m sglang.launch_server --model M --port 30000"));
    assert_string_equal(p.version, "0.5.23");
    assert_string_equal(p.model, "M");
    p = read_ok(WORDS("sglang serve M --cuda-graph-bs 1 2 64 8 --tp 2"));
    assert_true(p.serve.sglang.graph_batch == 64 && p.serve.tp == 2);
    p = read_ok(WORDS("llama-server", "-m", "m.gguf", "-fa", "-ngl", "9", "--flash-attn", "off", "-ot", "exps=CPU,\\d=CUDA1", "-ot", "blk\\.1=CPU"));
    assert_string_equal(p.serve.llama.flash_attn, "off");
    assert_true(p.serve.llama.gpu_layers == 9 && p.serve.llama.noverride == 3 && p.serve.llama.override[1].device == 1 && p.serve.llama.override[2].device == -1);
    assert_true(bt_pattern_found(p.serve.llama.override[1].name, bt_str("blk.7")) && !bt_pattern_found(p.serve.llama.override[1].name, bt_str("blk.")));
    assert_string_equal(read_ok(WORDS("llama-server -m m.gguf -fa -c 512")).serve.llama.flash_attn, "on");
    p = read_ok(WORDS("sglang serve M --context-length 8192"));
    assert_int_equal(p.serve.context, 8192);
    p = read_ok(WORDS("./build/bin/llama-server -m model.gguf -c 8192 -ngl 99 --no-such-flag"));
    assert_string_equal(p.engine->name, "llama-server");
    assert_string_equal(p.model, "model.gguf");
    assert_int_equal(p.serve.context, 8192);
    assert_int_equal(item(&p, "--no-such-flag")->effect, PASTE_UNKNOWN);
}

static void flags_in_the_engines_syntax(void **st)
{
    (void)st;
    struct paste p = read_ok(WORDS("vllm", "serve", "M", "--max-model-len", "-1", "--gpu_memory_utilization=0.4", "--enforce-eager", "--kv-cache-memory=4G",
                                   "--served-model-name", "a", "b", "--no-enable-prefix-caching", "-q", "awq", "--trust-remote-code", "--seed", "-3"));
    assert_true(p.serve.context_auto && p.serve.utilization == 0.4 && p.serve.eager && p.serve.kv_bytes == 4 * GiB && p.serve.prefix_caching_off && p.serve.trust_remote_code);
    assert_string_equal(p.serve.served_name, "a b");
    assert_string_equal(p.serve.quantization, "awq");
    assert_string_equal(item(&p, "--kv-cache-memory=4G")->note, "read as --kv-cache-memory-bytes");
    assert_int_equal(item(&p, "--seed -3")->effect, PASTE_NO_BYTES);
    for (size_t i = 0; i < p.n; i++)
        assert_int_not_equal(p.item[i].effect, PASTE_UNKNOWN);
}

static void what_is_not_understood_is_named(void **st)
{
    (void)st;
    struct paste p = read_ok(WORDS("vllm", "serve", "M", "stray", "--max-modle-len", "8k", "--frobnicate", "a", "b", "--speculative-config", "{\"model\": \"D\"}", "--swap-space", "16"));
    assert_int_equal(item(&p, "stray")->effect, PASTE_UNKNOWN);
    assert_int_equal(item(&p, "--max-modle-len 8k")->effect, PASTE_UNKNOWN);
    assert_string_equal(item(&p, "--max-modle-len 8k")->note, "did you mean --max-model-len?");
    assert_int_equal(item(&p, "--frobnicate a b")->effect, PASTE_UNKNOWN);
    assert_int_equal(item(&p, "--speculative-config")->effect, PASTE_NOT_COUNTED);
    assert_int_equal(item(&p, "--swap-space 16")->effect, PASTE_NOT_COUNTED);
    assert_int_equal(p.serve.context, 0);
    assert_int_equal(p.n, 5);
}

static void what_the_ledger_reads_of_a_text_is_counted(void **st)
{
    (void)st;
    struct paste p = read_ok(WORDS("vllm", "serve", "M", "--limit-mm-per-prompt", "{\"image\":2}", "--speculative-config={\"method\":\"mtp\"}", "--skip-mm-profiling", "--mm-processor-cache-gb", "4"));
    assert_int_equal(item(&p, "--limit-mm-per-prompt")->effect, PASTE_COUNTED);
    assert_int_equal(item(&p, "--speculative-config")->effect, PASTE_COUNTED);
    struct paste d = read_ok(WORDS("vllm", "serve", "M", "--speculative-config", "{\"model\": \"D\", \"num_speculative_tokens\": 3}", "--runner", "pooling"));
    assert_int_equal(item(&d, "--speculative-config")->effect, PASTE_COUNTED);
    assert_int_equal(item(&d, "--runner")->effect, PASTE_COUNTED);
    assert_int_equal(item(&p, "--skip-mm-profiling")->effect, PASTE_COUNTED);
    assert_int_equal(item(&p, "--mm-processor-cache-gb 4")->effect, PASTE_NOT_COUNTED);
    assert_int_equal(p.serve.extra.n, 4);
}

static void json_flags(void **st)
{
    (void)st;
    struct paste p = read_ok(WORDS("vllm", "serve", "M", "--hf-overrides", "{\"max_position_embeddings\": 65536, \"hidden_size\": 8}", "--compilation-config",
                                   "{\"cudagraph_capture_sizes\": [1, 2, 4], \"mode\": 3}"));
    assert_int_equal(p.max_position, 65536);
    assert_string_equal(p.serve.cudagraph_sizes, "1 2 4");
    assert_string_equal(item(&p, "--hf-overrides")->note, "changes the shape of the model: hidden_size");
    assert_int_equal(item(&p, "--compilation-config")->effect, PASTE_COUNTED);
    p = read_ok(WORDS("vllm", "serve", "M", "--rope-scaling", "{\"rope_type\":\"yarn\",\"factor\":4.0,\"original_max_position_embeddings\":32768}", "--compilation-config.cudagraph_mode", "NONE", "-O3"));
    assert_true(p.rope_factor == 4.0 && p.max_position == 32768 && p.serve.eager);
    p = read_ok(WORDS("vllm", "serve", "M", "--hf-overrides.max_position_embeddings=4096", "--rope-scaling", "{\"type\":\"llama3\",\"factor\":8}"));
    assert_true(p.max_position == 4096 && p.rope_factor == 0);
}

static void variables(void **st)
{
    (void)st;
    struct paste p = read_ok(WORDS("HF_TOKEN=hf_abc", "VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS=0", "VLLM_USE_V2_MODEL_RUNNER=0", "VLLM_PP_LAYER_PARTITION=1,2", "VLLM_USE_V1=1", "vllm", "serve", "M", "-pp", "2",
                                   "--api-key", "sk-1"));
    assert_true(p.graphs_in_budget == 0 && p.runner == BT_RUNNER_V1);
    assert_string_equal(item(&p, "HF_TOKEN")->text, "HF_TOKEN=...");
    assert_string_equal(item(&p, "--api-key")->text, "--api-key ...");
    assert_int_equal(item(&p, "VLLM_PP_LAYER_PARTITION")->effect, PASTE_COUNTED);
    assert_true(p.serve.ncut == 2 && p.serve.cut[0] == 1 && p.serve.cut[1] == 2);
    assert_int_equal(item(&p, "VLLM_USE_V1")->effect, PASTE_NO_BYTES);
}

static void mistakes(void **st)
{
    (void)st;
    static const struct { const char *line, *has; } bad[] = {
        { "echo hi there", "no server in" },             { "python train.py --model M", "no server in" },  { "vllm bench serve M", "no server in" },
        { "vllm serve", "names no model" },              { "vllm serve --frob M", "names no model" },      { "vllm serve M --tp x", "not a whole number" },
        { "vllm serve M --max-model-len", "needs a value" }, { "vllm serve 'M", "never closed" },          { "vllm serve M --hf-overrides {x", "--hf-overrides" },
        { "docker run -it vllm/vllm-openai:v0.11.0", "names no model" }, { "docker run", "no server in" }, { "docker run --gpus", "no server in" },
        { "docker run -it ubuntu ls", "no server in" },  { "bash -c", "no server in" },                    { "python -m", "no server in" },
    };
    for (size_t i = 0; i < BT_LEN(bad); i++) {
        struct paste p;
        struct bt_err err = { 0 };
        if (paste_read(&arena, &bad[i].line, 1, &p, &err) == 0)
            fail_msg("%s: no error", bad[i].line);
        assert_int_equal(err.code, BT_E_USAGE);
        if (!strstr(err.msg, bad[i].has))
            fail_msg("%s: %s", bad[i].line, err.msg);
    }
}

static void variables_of_a_shell(void **st)
{
    (void)st;
    struct paste p = read_ok(WORDS("vllm serve M --port $PORT --host ${HOST}"));
    assert_int_equal(item(&p, "--port $PORT")->effect, PASTE_NO_BYTES);
    const char *words[] = { "vllm serve M -tp $TP" };
    struct bt_err err = { 0 };
    assert_int_equal(paste_read(&arena, words, 1, &p, &err), -1);
    assert_non_null(strstr(err.hint, "write the value"));
}

static void tables_are_sound(void **st)
{
    (void)st;
    static const char *const names[] = { "vllm", "sglang", "llama-server" };
    for (size_t i = 0; i < BT_LEN(names); i++) {
        const struct bt_engine *e = bt_engine_find(names[i]);
        struct paste_each at = { 0 };
        struct paste_known k;
        size_t n = 0;
        for (; paste_known_flag(e, &at, &k); n++) {
            struct paste_each later = at;
            struct paste_known other;
            assert_true(k.name.n > 0);
            for (const struct bt_opt *o = e->flags; o->name; o++)
                if (bt_str_eq(k.name, o->name) || (o->alias && bt_str_eq(k.name, o->alias)))
                    fail_msg("%s --%.*s is in both tables", e->name, BT_STR(k.name));
            while (paste_known_flag(e, &later, &other))
                if (k.name.n == other.name.n && !memcmp(k.name.p, other.name.p, k.name.n))
                    fail_msg("%s --%.*s twice", e->name, BT_STR(k.name));
        }
        assert_true(n > 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_forms_people_use), cmocka_unit_test(other_engines), cmocka_unit_test(flags_in_the_engines_syntax), cmocka_unit_test(what_is_not_understood_is_named), cmocka_unit_test(what_the_ledger_reads_of_a_text_is_counted),
        cmocka_unit_test(json_flags), cmocka_unit_test(variables), cmocka_unit_test(mistakes), cmocka_unit_test(variables_of_a_shell), cmocka_unit_test(tables_are_sound),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&arena);
    return rc;
}
