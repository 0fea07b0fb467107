/* model_unknown.c - classes that nobody knows, and configs that lack keys: told from the tensors, from what transformers assumes, or assumed; and said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "model/model.h"

static char dir[] = "/tmp/berth-unknown-XXXXXX";

/* ---- a folder: config.json and a file of tensors, its data a hole ---- */

struct header { struct bt_buf text; uint64_t at; };

static void put(struct header *h, const char *name, unsigned rows, unsigned cols)
{
    uint64_t bytes = 2ull * rows * (cols ? cols : 1);
    bt_buf_printf(&h->text, "%s\"%s\": {\"dtype\": \"BF16\", \"shape\": [%u", h->at ? ", " : "{", name, rows);
    bt_buf_printf(&h->text, cols ? ", %u]" : "]", cols);
    bt_buf_printf(&h->text, ", \"data_offsets\": [%llu, %llu]}", (unsigned long long)h->at, (unsigned long long)(h->at + bytes));
    h->at += bytes;
}

static void put_in(struct header *h, const char *before, unsigned layer, const char *name, unsigned rows, unsigned cols)
{
    char whole[160];
    snprintf(whole, sizeof whole, "%s%u.%s.weight", before, layer, name);
    put(h, whole, rows, cols);
}

static struct bt_model *folder(struct bt_arena *a, const char *config, struct header *h, struct bt_err *err)
{
    struct bt_model *m = NULL;
    const char *file = bt_arena_printf(a, "%s/model.safetensors", dir);
    FILE *f = fopen(bt_arena_printf(a, "%s/config.json", dir), "w");
    assert_non_null(f);
    fputs(config, f);
    fclose(f);
    unlink(file);
    if (h) {
        bt_buf_puts(&h->text, "}");
        uint64_t n = h->text.n;
        f = fopen(file, "w");
        assert_non_null(f);
        fwrite(&n, 8, 1, f);
        fwrite(bt_buf_z(&h->text), 1, n, f);
        fflush(f);
        assert_int_equal(ftruncate(fileno(f), (off_t)(8 + n + h->at)), 0);
        fclose(f);
    }
    return bt_model_open(a, dir, &m, err) == 0 ? m : NULL;
}

#define HEADER(h) struct header h = { .text = BT_BUF(1 << 20) }

struct names { const char *before, *embed, *q, *k, *v, *o, *gate, *up, *down; };
static const struct names usual = { "model.layers.", "model.embed_tokens.weight", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj" };
static const struct names odd = { "backbone.blocks.", "backbone.tok_emb.weight", "attn.wq", "attn.wk", "attn.wv", "attn.wo", "ffn.w1", "ffn.w3", "ffn.w2" };

/* 4 layers of 512 numbers, 4 heads of 128, 2 KV heads, 1,000 words. */
static void decoder(struct header *h, const struct names *n)
{
    put(h, n->embed, 1000, 512);
    for (unsigned i = 0; i < 4; i++) {
        put_in(h, n->before, i, n->q, 512, 512);
        put_in(h, n->before, i, n->k, 256, 512);
        put_in(h, n->before, i, n->v, 256, 512);
        put_in(h, n->before, i, n->o, 512, 512);
        put_in(h, n->before, i, n->gate, 1536, 512);
        put_in(h, n->before, i, n->up, 1536, 512);
        put_in(h, n->before, i, n->down, 512, 1536);
    }
}

#define WIDE "\"hidden_size\": 512, "
#define DEEP "\"num_hidden_layers\": 4, "
#define HEADS "\"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
#define WORDS "\"vocab_size\": 1000, "
#define INNER "\"intermediate_size\": 1536, "
#define LONG "\"max_position_embeddings\": 2048"

/* Whatever the config lacks, the layers are those of the tensors, and what each keeps of a token is not forgotten. */
static void keys_that_are_missing_come_from_the_tensors(void **st)
{
    (void)st;
    static const char *const classes[] = { "ZorpForCausalLM", "LlamaForCausalLM" }, *const keys[] = { DEEP HEADS WORDS INNER LONG, WIDE HEADS WORDS INNER LONG, WIDE DEEP WORDS INNER LONG,
                                          WIDE DEEP HEADS INNER LONG, WIDE DEEP HEADS WORDS LONG, LONG };
    for (size_t c = 0; c < BT_LEN(classes); c++)
        for (size_t i = 0; i < BT_LEN(keys); i++)
            for (int names = 0; names < 2; names++) {
                bt_auto_arena a = { 0 };
                struct bt_err err = { 0 };
                HEADER(h);
                decoder(&h, names ? &odd : &usual);
                struct bt_model *m = folder(&a, bt_arena_printf(&a, "{\"architectures\": [\"%s\"], %s}", classes[c], keys[i]), &h, &err);
                bt_buf_release(&h.text);
                if (!m)
                    fail_msg("%s, keys %zu: %s", classes[c], i, err.msg);
                if (m->layers != 4 || m->hidden != 512 || m->heads != 4 || m->kv_heads != 2 || m->head_dim != 128 || m->vocab != 1000 || m->max_position != 2048)
                    fail_msg("%s, keys %zu: %u layers of %u, %u heads, %u KV heads x %u, %u words", classes[c], i, m->layers, m->hidden, m->heads, m->kv_heads, m->head_dim, m->vocab);
                for (uint32_t k = 0; k < 4; k++)
                    assert_true(m->layer[k].kv_heads == 2 && m->layer[k].head_dim == 128 && m->layer[k].mixer == BT_MIX_FULL);
                assert_true(m->guessed || (c == 0 && i == 4) || (c == 1 && i == 4));
                assert_null(m->lacks);
            }
}

static void latent_attention_and_experts_are_seen_in_the_tensors(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    HEADER(h);
    put(&h, "model.embed_tokens.weight", 1000, 2048);
    for (unsigned i = 0; i < 3; i++) {               /* 16 heads of 128 + 64, a latent of 512 + 64, values of 128 */
        put_in(&h, "model.layers.", i, "self_attn.q_proj", 16 * 192, 2048);
        put_in(&h, "model.layers.", i, "self_attn.kv_a_proj_with_mqa", 576, 2048);
        put_in(&h, "model.layers.", i, "self_attn.kv_b_proj", 16 * 256, 512);
        put_in(&h, "model.layers.", i, "self_attn.o_proj", 2048, 2048);
        put_in(&h, "model.layers.", i, "mlp.gate", 6, 2048);
        for (unsigned e = 0; e < 6; e++) {
            char name[64];
            snprintf(name, sizeof name, "mlp.experts.%u.up_proj", e);
            put_in(&h, "model.layers.", i, name, 96, 2048);
            snprintf(name, sizeof name, "mlp.experts.%u.down_proj", e);
            put_in(&h, "model.layers.", i, name, 2048, 96);
        }
    }
    struct bt_model *m = folder(&a, "{\"architectures\": [\"QuuxForCausalLM\"]}", &h, &err);
    bt_buf_release(&h.text);
    if (!m)
        fail_msg("%s", err.msg);
    assert_true(m->layers == 3 && m->heads == 16 && m->kv_lora == 512 && m->qk_rope == 64 && m->qk_nope == 128 && m->v_head == 128);
    assert_true(m->layer[1].mixer == BT_MIX_MLA && m->layer[1].latent == 576);
    assert_true(m->layer[1].moe && m->layer[1].moe->experts == 6 && m->layer[1].moe->intermediate == 96);
    assert_non_null(strstr(m->guessed, "from its tensors"));
    assert_non_null(strstr(m->guessed, "4096 tokens assumed"));
}

static void without_files_the_class_or_an_assumption_tells(void **st)
{
    (void)st;
    static const struct { const char *json, *said; uint32_t layers, heads, kv_heads, vocab; } cases[] = {
        { "{\"architectures\": [\"LlamaForCausalLM\"], " WIDE HEADS WORDS INNER LONG "}", "what transformers assumes for the class", 32, 4, 2, 1000 },
        { "{\"architectures\": [\"Qwen3ForCausalLM\"], " WIDE DEEP HEADS INNER LONG "}", "what transformers assumes for the class", 4, 4, 2, 151936 },
        { "{\"architectures\": [\"ZorpForCausalLM\"], " WIDE DEEP WORDS INNER LONG "}", "has no \"num_attention_heads\" in its config; assumed", 4, 4, 4, 1000 },
        { "{\"architectures\": [\"ZorpForCausalLM\"], " WIDE DEEP HEADS INNER LONG "}", "has no \"vocab_size\" in its config; assumed", 4, 4, 2, 151936 },
        { "{\"architectures\": [\"ZorpForCausalLM\"], " WIDE DEEP HEADS WORDS "\"intermediate_size\": 8}", "4096 tokens assumed", 4, 4, 2, 1000 },
        { "{\"architectures\": [\"ZorpOmni\"], \"parts\": {\"speaker\": {\"a\": 1}, \"llm\": {" WIDE DEEP HEADS WORDS INNER LONG "}}}", "ZorpOmni is not known", 4, 4, 2, 1000 },
        { "{\"architectures\": [\"ZorpForCausalLM\"], \"layer_types\": [\"retention\", \"full_attention\", \"retention\", \"full_attention\"], " WIDE DEEP HEADS WORDS INNER LONG "}",
          "2 of its layers are of types that are not known (retention)", 4, 4, 2, 1000 },
        { "{\"architectures\": [\"MPNetForMaskedLM\"], " WIDE DEEP HEADS WORDS INNER LONG "}", "taken for an encoder", 4, 4, 2, 1000 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_model *m = folder(&a, cases[i].json, NULL, &err);
        if (!m)
            fail_msg("%s: %s", cases[i].json, err.msg);
        if (!m->guessed || !strstr(m->guessed, cases[i].said))
            fail_msg("%s: said %s", cases[i].json, m->guessed ? m->guessed : "nothing");
        assert_true(m->layers == cases[i].layers && m->heads == cases[i].heads && m->kv_heads == cases[i].kv_heads && m->vocab == cases[i].vocab);
        assert_true(m->ntensors > 0);
    }
    bt_auto_arena a = { 0 };                         /* nothing at all: named, not invented */
    struct bt_err err = { 0 };
    assert_null(folder(&a, "{\"architectures\": [\"InternLM3ForCausalLM\"]}", NULL, &err));
    assert_non_null(strstr(err.msg, "num_hidden_layers"));
}

static int make(void **st)
{
    (void)st;
    setenv("HF_HUB_CACHE", "/nonexistent", 1);
    return mkdtemp(dir) ? 0 : -1;
}

static int clean(void **st)
{
    (void)st;
    char path[64];
    snprintf(path, sizeof path, "%s/config.json", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_are_missing_come_from_the_tensors), cmocka_unit_test(latent_attention_and_experts_are_seen_in_the_tensors),
        cmocka_unit_test(without_files_the_class_or_an_assumption_tells),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
