/* gguf_make.h - writes GGUF files for tests: keys, tensors, and as much data as asked for. */
#ifndef GGUF_MAKE_H
#define GGUF_MAKE_H
#include <stdio.h>
#include "model/gguf.h"

struct gguf_make { struct bt_buf kv, info; uint64_t nkv, ntensors, data; uint32_t version; };
#define GGUF_MAKE { .kv = BT_BUF(4 * MiB), .info = BT_BUF(4 * MiB), .version = 3 }

static inline void gm_uint(struct bt_buf *b, uint64_t v, unsigned bytes)
{
    unsigned char out[8];
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (unsigned char)(v >> (8 * i));
    bt_buf_add(b, out, bytes);
}

static inline void gm_string(struct bt_buf *b, const char *z)
{
    gm_uint(b, strlen(z), 8);
    bt_buf_add(b, z, strlen(z));
}

static inline void gm_key(struct gguf_make *g, const char *key, enum bt_gguf_type type)
{
    gm_string(&g->kv, key);
    gm_uint(&g->kv, type, 4);
    g->nkv++;
}

static inline void gm_u32(struct gguf_make *g, const char *key, uint32_t v) { gm_key(g, key, BT_GG_U32); gm_uint(&g->kv, v, 4); }
static inline void gm_u16(struct gguf_make *g, const char *key, uint16_t v) { gm_key(g, key, BT_GG_U16); gm_uint(&g->kv, v, 2); }
static inline void gm_i32(struct gguf_make *g, const char *key, int32_t v) { gm_key(g, key, BT_GG_I32); gm_uint(&g->kv, (uint32_t)v, 4); }
static inline void gm_str(struct gguf_make *g, const char *key, const char *v) { gm_key(g, key, BT_GG_STR); gm_string(&g->kv, v); }

static inline void gm_u32s(struct gguf_make *g, const char *key, const uint32_t *v, size_t n)
{
    gm_key(g, key, BT_GG_ARRAY);
    gm_uint(&g->kv, BT_GG_U32, 4);
    gm_uint(&g->kv, n, 8);
    for (size_t i = 0; i < n; i++)
        gm_uint(&g->kv, v[i], 4);
}

static inline void gm_words(struct gguf_make *g, const char *key, size_t n)
{
    gm_key(g, key, BT_GG_ARRAY);
    gm_uint(&g->kv, BT_GG_STR, 4);
    gm_uint(&g->kv, n, 8);
    for (size_t i = 0; i < n; i++) {
        char word[24];
        snprintf(word, sizeof word, "w%zu", i);
        gm_string(&g->kv, word);
    }
}

/* ne0 is the row length, ne1 the rows (0 = one dimension). offset_shift: a lie about the offset. */
static inline void gm_tensor_at(struct gguf_make *g, const char *name, const char *type, uint64_t ne0, uint64_t ne1, uint64_t offset_shift)
{
    const struct bt_ggml_type *t = bt_ggml_type_named(type);
    uint64_t row = 0;
    gm_string(&g->info, name);
    gm_uint(&g->info, ne1 ? 2 : 1, 4);
    gm_uint(&g->info, ne0, 8);
    if (ne1)
        gm_uint(&g->info, ne1, 8);
    gm_uint(&g->info, t->id, 4);
    gm_uint(&g->info, g->data + offset_shift, 8);
    if (bt_ggml_row_bytes(t, ne0, &row))
        g->data += bt_round_up(row * BT_MAX(ne1, 1u), 32);
    g->ntensors++;
}
static inline void gm_tensor(struct gguf_make *g, const char *name, const char *type, uint64_t ne0, uint64_t ne1) { gm_tensor_at(g, name, type, ne0, ne1, 0); }

/* The file; data: bytes after the header, which g->data would be in a whole file. Releases g. */
static inline void gm_file(struct gguf_make *g, struct bt_buf *out, uint64_t data)
{
    bt_buf_puts(out, "GGUF");
    gm_uint(out, g->version, 4);
    gm_uint(out, g->ntensors, 8);
    gm_uint(out, g->nkv, 8);
    bt_buf_add(out, bt_buf_z(&g->kv), g->kv.n);
    bt_buf_add(out, bt_buf_z(&g->info), g->info.n);
    while (out->n % 32)
        bt_buf_add(out, "", 1);
    for (uint64_t i = 0; i < data; i++)
        bt_buf_add(out, "", 1);
    bt_buf_release(&g->kv);
    bt_buf_release(&g->info);
}

/* A llama-like model's keys and tensors, weights of `type`. tied: no output.weight. */
struct gm_shape { const char *arch, *type; uint32_t layers, hidden, ff, heads, kv_heads, head_dim, vocab, context; bool tied; };
static inline void gm_llama(struct gguf_make *g, const struct gm_shape *s)
{
    char key[96], *z = key;
    const struct { const char *name; uint32_t v; } keys[] = {
        { "block_count", s->layers }, { "context_length", s->context }, { "embedding_length", s->hidden }, { "feed_forward_length", s->ff },
        { "attention.head_count", s->heads }, { "attention.head_count_kv", s->kv_heads }, { "attention.key_length", s->head_dim },
        { "attention.value_length", s->head_dim },
    };
    gm_str(g, "general.architecture", s->arch);
    for (size_t i = 0; i < BT_LEN(keys); i++) {
        snprintf(z, sizeof key, "%s.%s", s->arch, keys[i].name);
        gm_u32(g, z, keys[i].v);
    }
    gm_words(g, "tokenizer.ggml.tokens", s->vocab);
    gm_tensor(g, "token_embd.weight", s->type, s->hidden, s->vocab);
    uint64_t q = (uint64_t)s->heads * s->head_dim, kv = (uint64_t)s->kv_heads * s->head_dim;
    const struct { const char *name; uint64_t ne0, ne1; bool f32; } parts[] = {
        { "attn_norm", s->hidden, 0, true }, { "attn_q", s->hidden, q, false }, { "attn_k", s->hidden, kv, false }, { "attn_v", s->hidden, kv, false },
        { "attn_output", q, s->hidden, false }, { "ffn_norm", s->hidden, 0, true }, { "ffn_gate", s->hidden, s->ff, false }, { "ffn_up", s->hidden, s->ff, false },
        { "ffn_down", s->ff, s->hidden, false },
    };
    for (uint32_t l = 0; l < s->layers; l++)
        for (size_t i = 0; i < BT_LEN(parts); i++) {
            snprintf(z, sizeof key, "blk.%u.%s.weight", l, parts[i].name);
            gm_tensor(g, z, parts[i].f32 ? "F32" : s->type, parts[i].ne0, parts[i].ne1);
        }
    gm_tensor(g, "output_norm.weight", "F32", s->hidden, 0);
    if (!s->tied)
        gm_tensor(g, "output.weight", s->type, s->hidden, s->vocab);
}
#endif
