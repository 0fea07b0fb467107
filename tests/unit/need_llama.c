/* need_llama.c - llama-server's ledger: real KV sizes, placement over devices, tied embeddings, windows, what does not start and what would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "gguf_make.h"
#include "need/fit.h"
#include "need/learn.h"
#include "need/llama.h"

static struct bt_arena arena;
static const struct bt_gpu card22 = { .uuid = "virtual-0", .name = "card", .pci = "", .total_bytes = 22 * GiB, .nvml_total_bytes = 22 * GiB, .cc_major = 8, .cc_minor = 9 };
static const struct gm_shape shape8b = { "llama", "Q8_0", 32, 4096, 14336, 32, 8, 128, 4096, 131072, false };

static int done(void **st)
{
    (void)st;
    bt_arena_release(&arena);
    return 0;
}

static int read_zero(void *ctx, uint64_t at, void *to, size_t n, struct bt_err *err)
{
    const struct bt_buf *b = ctx;
    (void)err;
    memset(to, 0, n);
    if (at < b->n)
        memcpy(to, b->p + at, BT_MIN(n, b->n - at));
    return 0;
}

static struct bt_model *make(struct gguf_make *g)
{
    bt_auto_buf struct bt_buf b = BT_BUF(16 * MiB);
    struct bt_gguf_file f;
    struct bt_err err = { 0 };
    struct bt_model *m = BT_NEW(&arena, struct bt_model);
    uint64_t data = g->data;
    gm_file(g, &b, 0);
    struct bt_gguf_in in = { &b, b.n + data, read_zero };
    if (bt_gguf_parse(&arena, "x.gguf", &in, &f, &err) < 0)
        fail_msg("%s", err.msg);
    m->id = "x.gguf";
    m->tensors = f.tensors;
    m->ntensors = f.ntensors;
    if (bt_gguf_model(&arena, "x.gguf", &f, m, &err) < 0)
        fail_msg("%s", err.msg);
    return m;
}

static struct bt_model *llama_like(const struct gm_shape *s)
{
    struct gguf_make g = GGUF_MAKE;
    gm_llama(&g, s);
    return make(&g);
}

static struct bt_fit *fit_on(const struct bt_model *m, const struct bt_serve *s, const struct bt_gpu *card, struct bt_err *err)
{
    struct bt_fit *f = NULL;
    const struct bt_engine *e = bt_engine_find("llama-server");
    struct bt_fit_case c = { .model = m, .engine = e, .version = bt_engine_version(e, NULL, NULL, err), .card = card };
    return bt_fit_server(&arena, &c, s, &f, err) < 0 ? NULL : f;
}

static struct bt_fit *fit(const struct bt_model *m, const struct bt_serve *s)
{
    struct bt_err err = { 0 };
    struct bt_fit *f = fit_on(m, s, &card22, &err);
    if (!f)
        fail_msg("%s", err.msg);
    return f;
}

static uint64_t part(const struct bt_need_rank *r, enum bt_part p)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        sum += r->line[i].part == p ? r->line[i].bytes : 0;
    return sum;
}

/* The compute buffer of the log, and the rest of what was held: on each device its own, and for any context, because what the cells add is computed. */
static void what_was_measured_is_used(void **st)
{
    (void)st;
    const struct bt_model *m = llama_like(&shape8b);
    struct bt_err err = { 0 };
    struct bt_serve s = { .context = 8192, .max_seqs = 1, .pp = 2, .llama = { .nsplit = 2, .split = { 1, 1 } } }, longer = s;
    longer.context = 32768;
    struct bt_gpu card = card22;
    struct bt_fit *plain = fit_on(m, &s, &card, &err);
    const struct bt_need *n = plain->need;
    const char *keys[] = { bt_need_key(&arena, n, 0, card.name, "580"), bt_need_key(&arena, n, 1, card.name, "580") };
    const struct bt_learned rows[] = { { .key = keys[0], .activation_bytes = 100 * MiB, .rest_bytes = 600 * MiB, .starts = 1, .when = "2026-11-21" },
                                       { .key = keys[1], .activation_bytes = 200 * MiB, .starts = 1, .when = "2026-11-21" } };
    const struct bt_learned_list list = { .driver = "580", .row = rows, .n = 2 };
    card.learned = &list;
    struct bt_fit *f = fit_on(m, &s, &card, &err), *g = fit_on(m, &longer, &card, &err);
    uint64_t cell = need_llama_compute_cell(n->llama, &n->serve);
    assert_int_equal(part(&f->need->rank[0], BT_P_ACTIVATIONS), 100 * MiB + 8192 * cell);
    assert_int_equal(part(&f->need->rank[1], BT_P_ACTIVATIONS), 200 * MiB + 8192 * cell);
    assert_int_equal(part(&g->need->rank[0], BT_P_ACTIVATIONS), 100 * MiB + 32768 * cell);
    assert_int_equal(part(&f->need->rank[0], BT_P_CONTEXT) + part(&f->need->rank[0], BT_P_WORKSPACE), 500 * MiB);
    assert_int_equal(part(&f->need->rank[1], BT_P_CONTEXT), part(&n->rank[1], BT_P_CONTEXT));
    assert_int_equal(part(&f->need->rank[0], BT_P_WEIGHTS), part(&n->rank[0], BT_P_WEIGHTS));
    for (size_t i = 0; i < 2; i++) {
        uint64_t sum = 0;
        for (size_t k = 0; k < f->need->rank[i].n; k++)
            sum += f->need->rank[i].line[k].bytes;
        assert_int_equal(sum, f->need->rank[i].fixed_bytes);
    }
    s.llama.ubatch = 256;            /* another server */
    assert_null(fit_on(m, &s, &card, &err)->need->rank[0].learned);
    s.llama.planned = true;          /* a plan's pool: what its cells add is in its blocks */
    s.llama.ubatch = 0;
    s.llama.unified = s.llama.unified_set = true;
    card.learned = NULL;
    struct bt_need *p;
    const struct bt_engine *e = bt_engine_find("llama-server");
    assert_int_equal(bt_need_server(&arena, m, e, bt_engine_version(e, NULL, NULL, &err), &s, &card, &p, &err), 0);
    assert_int_equal(bt_need_growth_bytes(p, &p->rank[0], 32 * p->rank[0].kv_block_bytes), 32 * 256 * cell);
}

/* A real start: "size = 4.00 MiB (2048 cells, 4 layers, 4/1 seqs), K (f16): 2.00 MiB, V (f16): 2.00 MiB". */
static void kv_of_a_real_start(void **st)
{
    (void)st;
    struct gm_shape s = { "llama", "F16", 4, 256, 512, 8, 4, 32, 600, 2048, false };
    struct bt_fit *f = fit(llama_like(&s), &(struct bt_serve){ 0 });
    assert_true(f->fits);
    assert_int_equal(f->rank[0].kv_bytes, 4 * MiB);
    assert_int_equal(f->asked, 2048);
    assert_int_equal(f->tokens, 2048);
    assert_int_equal(f->need->nranks, 1);
    assert_true(f->concurrency == 1.0);
    assert_true(bt_fit_concurrency(f, 512) == 4.0);  /* four slots share it */
    assert_true(bt_fit_concurrency(f, 128) == 4.0);  /* and there are no more */
}

static void kv_types_and_slots(void **st)
{
    (void)st;
    const struct bt_model *m = llama_like(&shape8b);
    struct bt_serve s = { .context = 8192 };
    uint64_t f16 = 32ull * 2 * 1024 * 2 * 8192;
    assert_int_equal(fit(m, &s)->rank[0].kv_bytes, f16);
    s.llama.kv_k = s.llama.kv_v = "q8_0";
    assert_int_equal(fit(m, &s)->rank[0].kv_bytes, f16 / 2 / 32 * 34);
    s.llama.kv_v = "f16";
    assert_int_equal(fit(m, &s)->rank[0].kv_bytes, f16 / 2 + f16 / 4 / 32 * 34);
    s.llama.kv_k = NULL;
    s.llama.kv_v = NULL;
    s.max_seqs = 4;                                  /* own parts: 2048 a slot, the same bytes */
    struct bt_fit *f = fit(m, &s);
    assert_int_equal(f->rank[0].kv_bytes, f16);
    assert_int_equal(f->asked, 2048);
    assert_int_equal(f->tokens, 8192);
    assert_true(f->concurrency == 4.0);
    s.context = 1000;                                /* 250 a slot is padded to 256: it grows */
    assert_int_equal(fit(m, &s)->rank[0].kv_bytes, f16 / 8192 * 1024);
    s.llama.flash_attn = "off";
    s.llama.kv_v = "q8_0";
    struct bt_err err = { 0 };
    assert_null(fit_on(m, &s, &card22, &err));
    assert_non_null(strstr(err.msg, "quantized V cache requires flash_attn"));
}

static uint64_t file_bytes_of(const struct bt_model *m, const char *prefix)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < m->ntensors; i++)
        sum += strncmp(m->tensors[i].name, prefix, strlen(prefix)) ? 0 : m->tensors[i].bytes;
    return sum;
}

static void layers_over_two_cards(void **st)
{
    (void)st;
    struct gm_shape s = shape8b;
    s.layers = 4;
    const struct bt_model *m = llama_like(&s);
    struct bt_serve serve = { .context = 4096, .llama = { .nsplit = 2, .split = { 1, 1 } } };
    struct bt_fit *f = fit(m, &serve);
    /* five pieces, the output the last: 0, 0.2, 0.4 on the first, 0.6 and the output on the second */
    assert_int_equal(f->need->nranks, 2);
    assert_int_equal(f->need->rank[0].layers, 3);
    assert_int_equal(f->need->rank[1].first_layer, 3);
    assert_int_equal(part(&f->need->rank[0], BT_P_WEIGHTS), file_bytes_of(m, "blk.0.") + file_bytes_of(m, "blk.1.") + file_bytes_of(m, "blk.2."));
    assert_int_equal(part(&f->need->rank[1], BT_P_WEIGHTS), file_bytes_of(m, "blk.3.") + file_bytes_of(m, "output"));
    assert_int_equal(f->rank[0].kv_bytes, 3 * f->rank[1].kv_bytes);
    assert_int_equal(f->need->host_line[0].bytes, file_bytes_of(m, "token_embd"));
    /* two layers' worth: the last layer and the output */
    serve = (struct bt_serve){ .context = 4096, .llama = { .gpu_layers = 2, .gpu_layers_set = true } };
    f = fit(m, &serve);
    assert_int_equal(f->need->rank[0].first_layer, 3);
    assert_int_equal(f->need->rank[0].layers, 1);
    assert_int_equal(f->need->host_line[0].bytes, m->weight_bytes - part(&f->need->rank[0], BT_P_WEIGHTS));
    assert_int_equal(f->need->host_line[1].part, BT_P_KV);
    assert_int_equal(f->need->host_line[1].bytes, 3 * f->rank[0].kv_bytes);
}

static void tied_embeddings_are_loaded_twice(void **st)
{
    (void)st;
    struct gm_shape s = shape8b;
    s.layers = 2;
    s.tied = true;
    const struct bt_model *m = llama_like(&s);
    struct bt_fit *f = fit(m, &(struct bt_serve){ .context = 4096 });
    assert_int_equal(part(&f->need->rank[0], BT_P_WEIGHTS), m->weight_bytes);
    assert_int_equal(f->need->host_line[0].bytes, file_bytes_of(m, "token_embd"));
}

static void windows_keep_less(void **st)
{
    (void)st;
    struct gguf_make g = GGUF_MAKE;
    struct gm_shape s = shape8b;
    s.arch = "gemma3";
    s.layers = 6;
    gm_llama(&g, &s);
    gm_u32(&g, "gemma3.attention.sliding_window", 1024);
    const struct bt_model *m = make(&g);
    struct bt_serve serve = { .context = 32768, .max_seqs = 1 };
    uint64_t cell = 2 * 1024 * 2;
    assert_int_equal(fit(m, &serve)->rank[0].kv_bytes, cell * 32768 + 5 * cell * (1024 + 512));
    serve.llama.unified = true;                      /* one cache for the slots: a window for each in it */
    serve.max_seqs = 4;
    assert_int_equal(fit(m, &serve)->rank[0].kv_bytes, cell * 32768 + 5 * cell * (4 * 1024 + 512));
    serve.llama.swa_full = true;
    assert_int_equal(fit(m, &serve)->rank[0].kv_bytes, 6 * cell * 32768);
}

static void what_does_not_start(void **st)
{
    (void)st;
    const struct bt_model *m = llama_like(&shape8b);
    struct bt_serve s = { .context = 131072, .max_seqs = 1 };
    struct bt_fit *f = fit(m, &s);
    assert_false(f->fits);
    assert_string_equal(f->refusals[0].code, "kv-too-small");
    assert_non_null(strstr(f->refusals[0].text, "failed to allocate buffer for kv cache"));
    const struct bt_engine *e = bt_engine_find("llama-server");
    struct bt_err err = { 0 };
    struct bt_fit_case c = { .model = m, .engine = e, .version = bt_engine_version(e, NULL, NULL, &err), .card = &card22 };
    struct bt_advice *adv;
    size_t n;
    assert_int_equal(bt_fit_advice(&arena, &c, &s, f, 4, &adv, &n, &err), 0);
    assert_true(n >= 3);
    for (size_t i = 0; i < n; i++)
        assert_true(adv[i].fit->fits);
    assert_non_null(strstr(adv[0].flags, "-c "));
    /* the longest really is the longest */
    s.context = f->longest;
    assert_true(fit(m, &s)->fits);
    s.context = f->longest + 256;
    assert_false(fit(m, &s)->fits);
    /* without -c the engine shrinks it itself */
    s.context = 0;
    s.max_seqs = 0;
    struct bt_fit *own = fit(m, &s);
    assert_true(own->fits && own->asked < 131072 && own->asked == own->longest);
    s.llama.fit = "off";
    assert_false(fit(m, &s)->fits);
    struct bt_gpu small = card22;
    small.total_bytes = 4 * GiB;
    f = fit_on(m, &(struct bt_serve){ 0 }, &small, &err);
    assert_false(f->fits);
    assert_string_equal(f->refusals[0].code, "out-of-memory-at-load");
}

static void on_the_cpu_bytes_are_ram(void **st)
{
    (void)st;
    const struct bt_model *m = llama_like(&shape8b);
    struct bt_gpu cpu = { .uuid = "cpu", .name = "host RAM", .pci = "", .total_bytes = 64 * GiB };
    struct bt_err err = { 0 };
    struct bt_fit *f = fit_on(m, &(struct bt_serve){ .context = 8192 }, &cpu, &err);
    assert_non_null(f);
    assert_true(f->fits);
    assert_int_equal(part(&f->need->rank[0], BT_P_WEIGHTS), m->weight_bytes);
    assert_int_equal(part(&f->need->rank[0], BT_P_CONTEXT), 0);
    assert_int_equal(f->rank[0].kv_bytes, 32ull * 2 * 1024 * 2 * 8192);
    assert_int_equal(f->need->nhost, 0);
    assert_int_equal(part(&f->need->rank[0], BT_P_HEADROOM), 8192 * MiB);            /* --cache-ram */
}

static void the_wrong_engine_says_so(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    const struct bt_engine *vllm = bt_engine_find("vllm");
    struct bt_fit_case c = { .model = llama_like(&shape8b), .engine = vllm, .version = bt_engine_version(vllm, NULL, NULL, &err), .card = &card22 };
    struct bt_fit *f;
    assert_int_equal(bt_fit_server(&arena, &c, &(struct bt_serve){ .context = 4096 }, &f, &err), -1);
    assert_non_null(strstr(err.hint, "--engine llama-server"));
    struct bt_model plain = { .id = "folder", .layers = 2 };
    assert_null(fit_on(&plain, &(struct bt_serve){ 0 }, &card22, &err));
    assert_non_null(strstr(err.msg, "reads GGUF files"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kv_of_a_real_start), cmocka_unit_test(what_was_measured_is_used), cmocka_unit_test(kv_types_and_slots), cmocka_unit_test(layers_over_two_cards), cmocka_unit_test(tied_embeddings_are_loaded_twice),
        cmocka_unit_test(windows_keep_less), cmocka_unit_test(what_does_not_start), cmocka_unit_test(on_the_cpu_bytes_are_ram), cmocka_unit_test(the_wrong_engine_says_so),
    };
    return cmocka_run_group_tests_name("need_llama", tests, NULL, done);
}
