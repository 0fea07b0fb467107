/* builtin.c - shapes of well-known models, for plans made where the model is not on disk. Their rows are in builtin_*.c, a table for each family; a test
 * adds up the derived tensors to the published count of parameters. */
#include <pthread.h>
#include "model/builtin.h"

static const struct bt_shape_row *const tables[] = { bt_shapes_llama, bt_shapes_qwen, bt_shapes_qwen_vl, bt_shapes_latent, bt_shapes_google, bt_shapes_others, bt_shapes_encoder };

/* All rows by id, for the length of the process: made when first asked for. */
static struct { const struct bt_shape_row **row; const char **id; size_t n; } all;

static int by_id(const void *a, const void *b)
{
    return strcmp((*(const struct bt_shape_row *const *)a)->id, (*(const struct bt_shape_row *const *)b)->id);
}

static void gather_all(void)
{
    size_t n = 0;
    for (size_t t = 0; t < BT_LEN(tables); t++)
        for (const struct bt_shape_row *s = tables[t]; s->id; s++)
            n++;
    all.row = bt_xcalloc(n + 1, sizeof(const struct bt_shape_row *));
    all.id = bt_xcalloc(n + 1, sizeof(const char *));
    for (size_t t = 0; t < BT_LEN(tables); t++)
        for (const struct bt_shape_row *s = tables[t]; s->id; s++)
            all.row[all.n++] = s;
    qsort(all.row, all.n, sizeof(const struct bt_shape_row *), by_id);
    for (size_t i = 0; i < all.n; i++)
        all.id[i] = all.row[i]->id;
}

const char *const *bt_model_builtin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, gather_all);
    return all.id;
}

static const struct bt_shape_row *row_of(const char *id)
{
    bt_model_builtin();
    for (size_t i = 0; i < all.n; i++)
        if (!strcasecmp(all.id[i], id))
            return all.row[i];
    return NULL;
}

/* The row's own keys without its quantization_config, which is the last of them. */
static const char *unquantised(struct bt_arena *a, const char *keys)
{
    const char *own = strstr(keys, "\"quantization_config\"");
    size_t n = own ? (size_t)(own - keys) : strlen(keys);
    while (own && n && (keys[n - 1] == ' ' || keys[n - 1] == ','))
        n--;
    return bt_arena_strndup(a, (struct bt_str){ keys, n });
}

bool bt_builtin_latent(const char *id)
{
    const struct bt_shape_row *s = row_of(id);
    return s && s->extra && strstr(s->extra, "\"kv_lora_rank\"");
}

static const char *numbers_of(struct bt_arena *a, const struct bt_shape_row *s)
{
    return bt_arena_printf(a, "\"num_hidden_layers\": %u, \"hidden_size\": %u, \"intermediate_size\": %u, \"num_attention_heads\": %u, "
        "\"num_key_value_heads\": %u, \"head_dim\": %u, \"vocab_size\": %u, \"max_position_embeddings\": %u, \"tie_word_embeddings\": %s",
        s->layers, s->hidden, s->intermediate, s->heads, s->kv_heads, s->head_dim, s->vocab, s->max_position, s->tie == TIED ? "true" : "false");
}

const char *bt_builtin_config(struct bt_arena *a, const char *id, const char *quant, uint64_t *parameters)
{
    const struct bt_shape_row *s = row_of(id);
    if (!s)
        return NULL;
    *parameters = quant ? 0 : s->parameters;
    const char *keys = s->layers ? numbers_of(a, s) : "\"_\": 0", *extra = s->extra && quant ? unquantised(a, s->extra) : s->extra;
    if (extra && *extra)
        keys = bt_arena_printf(a, "%s, %s", keys, extra);
    if (quant && *quant)
        keys = bt_arena_printf(a, "%s, \"quantization_config\": %s", keys, quant);
    const char *head = bt_arena_printf(a, "\"architectures\": [\"%s\"], \"model_type\": \"%s\", \"torch_dtype\": \"bfloat16\"", s->architecture, s->type);
    if (!strcmp(s->type, "gemma3"))  /* a model of text and images keeps the language model's numbers one level down */
        return bt_arena_printf(a, "{%s, \"text_config\": {%s, \"sliding_window\": 1024, \"sliding_window_pattern\": 6, \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 8.0}}}", head, keys);
    return bt_arena_printf(a, "{%s, %s}", head, keys);
}
