/* tower.c - the part that reads images: its size from vision_config, its tensors as every such transformer has them. */
#include "base/json.h"
#include "model/model_int.h"

static int size_of(const json_t *vision, const char *const *keys, size_t n, uint32_t max, const char *what, uint32_t *out, struct bt_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_object_get(vision, keys[i]);
        if (!json_is_integer(v))
            continue;
        json_int_t x = json_integer_value(v);
        if (x < 1 || x > (json_int_t)max)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: vision_config: \"%s\" is out of bounds", what, keys[i]);
        *out = (uint32_t)x;
        return 0;
    }
    return 0;
}
#define SIZE_OF(field, max, ...) size_of(vision, (const char *const[]){ __VA_ARGS__ }, sizeof (const char *const[]){ __VA_ARGS__ } / sizeof(char *), (max), c->what, (field), err)

/* A vision_config that gives an MLP as a multiple of its width. */
static void by_ratio(const json_t *vision, struct bt_tower *t)
{
    double ratio = json_number_value(json_object_get(vision, "mlp_ratio"));
    if (!json_object_get(vision, "intermediate_size") && ratio >= 1 && ratio <= 64)
        t->intermediate = (uint32_t)(ratio * t->hidden);
}

/* Gemma 4: images and videos are seen in both directions, so none may be cut; a video is 32 frames of 70 tokens and 8 around them (vLLM models/gemma4_mm.py). */
static void whole(const struct bt_config *c, struct bt_tower *t)
{
    const char *both = json_string_value(bt_config_get(c, "use_bidirectional_attention"));
    t->whole_tokens = both && !strcmp(both, "vision") && t->layers ? 32 * 78 : 0;
}

/* shell: one that stands around towers of many types. */
static int read_one(const struct bt_config *c, bool shell, const struct bt_tower *defaults, const json_t *vision, struct bt_tower *t, struct bt_err *err)
{
    if ((!defaults && !json_is_object(vision)) || json_is_null(vision))      /* null: a model of the class without this tower */
        return 0;
    const struct bt_tower *own = shell && json_is_object(vision) && defaults ? bt_tower_of_type(json_string_value(json_object_get(vision, "model_type"))) : NULL;
    if (defaults)
        *t = own ? *own : *defaults;
    uint32_t hidden = t->hidden;
    if (SIZE_OF(&t->layers, 1024, "depth", "encoder_layers", "num_hidden_layers") < 0 || SIZE_OF(&t->hidden, 1 << 16, "embed_dim", "d_model", "hidden_size") < 0 ||
        SIZE_OF(&t->intermediate, 1 << 20, "intermediate_size", "encoder_ffn_dim") < 0 ||
        SIZE_OF(&t->heads, 1 << 12, "num_heads", "num_attention_heads", "attention_heads", "encoder_attention_heads") < 0 ||
        SIZE_OF(&t->patch, 256, "patch_size") < 0 || SIZE_OF(&t->merge, 16, "spatial_merge_size") < 0)
        return -1;
    if (t->hidden != hidden && hidden && !json_object_get(vision, "intermediate_size"))
        t->intermediate = 4 * t->hidden;
    by_ratio(vision, t);
    if (t->merger_inner) {           /* GLM: "intermediate_size" is of the projector, an MLP in the blocks is as wide as what comes out */
        uint32_t out = 0;
        if (SIZE_OF(&out, 1 << 20, "out_hidden_size") < 0)
            return -1;
        t->merger_inner = t->intermediate;
        t->intermediate = out ? out : t->intermediate;
    }
    if (!t->layers || !t->hidden)
        *t = (struct bt_tower){ 0 };
    else if (!t->intermediate)
        t->intermediate = 4 * t->hidden;
    whole(c, t);
    const json_t *between = json_object_get(vision, "deepstack_visual_indexes");
    if (json_is_array(between))
        t->mergers = (uint32_t)BT_MIN(json_array_size(between), (size_t)t->layers);
    return 0;
}

static const json_t *part(const struct bt_config *c, const char *key)
{
    const json_t *o = json_object_get(c->root, key);
    return json_is_object(o) || json_is_null(o) ? o : json_object_get(json_object_get(c->root, "thinker_config"), key);
}

int bt_model_read_tower(const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err)
{
    return read_one(c, arch->shell, arch->tower, part(c, "vision_config"), &m->tower, err) < 0 || read_one(c, arch->shell, arch->audio, part(c, "audio_config"), &m->audio, err) < 0 ? -1 : 0;
}

static int add(struct bt_tensors *l, const char *name, uint64_t rows, uint64_t cols, struct bt_err *err)
{
    return bt_tensors_add(l, name, l->dtype, cols ? 2 : 1, (uint64_t[]){ rows, cols }, err);
}

struct named { const char *name; uint64_t rows, cols; bool absent; };

static int add_all(struct bt_tensors *l, const char *prefix, const struct named *parts, size_t n, struct bt_err *err)
{
    for (size_t k = 0; k < n; k++)
        if (!parts[k].absent && add(l, bt_arena_printf(l->arena, "%s.%s", prefix, parts[k].name), parts[k].rows, parts[k].cols, err) < 0)
            return -1;
    return 0;
}

static int derive_one(struct bt_tensors *l, const char *prefix, const struct bt_tower *t, struct bt_err *err)
{
    uint64_t h = t->hidden, inter = t->intermediate, side = BT_MAX(t->merge, 1u), merged = h * side * side, patch = t->patch ? t->patch : 14, out = l->m->hidden;
    const struct named block[] = {
        { "norm1.weight", h, 0, false }, { "norm2.weight", h, 0, false }, { "norm1.bias", h, 0, !t->norm_bias }, { "norm2.bias", h, 0, !t->norm_bias },
        { "attn.qkv.weight", 3 * h, h, false }, { "attn.qkv.bias", 3 * h, 0, false }, { "attn.proj.weight", h, h, false }, { "attn.proj.bias", h, 0, false },
        { "mlp.gate_proj.weight", inter, h, !t->gated }, { "mlp.fc1.weight", inter, h, false }, { "mlp.fc1.bias", inter, 0, false },
        { "mlp.fc2.weight", h, inter, false }, { "mlp.fc2.bias", h, 0, false },
    };
    /* patches in; the projector out: one linear layer of the merged patches' width, one to the language model's */
    const struct named rest[] = {
        { "patch_embed.weight", h, 3 * patch * patch * (t->merge ? 2 : 1), false }, { "patch_embed.bias", h, 0, !t->norm_bias },
        { "positions.weight", t->positions, h, !t->positions }, { "post_norm.weight", h, 0, !t->norm_bias }, { "post_norm.bias", h, 0, !t->norm_bias },
        { "merger.norm.weight", h, 0, !t->norm_bias }, { "merger.0.weight", t->out_first ? out : merged, merged, !t->merge && !t->out_first },
        { "merger.2.weight", out, t->out_first ? out : merged, false }, { "merger.1.weight", 4 * merged, merged, !t->resampler },
        { "merger.gate_up.weight", 2ull * t->merger_inner, out, !t->merger_inner }, { "merger.down.weight", out, t->merger_inner, !t->merger_inner },
    };
    if (!t->layers)
        return 0;
    for (uint32_t i = 0; i < t->layers; i++)
        if (add_all(l, bt_arena_printf(l->arena, "%s.blocks.%u", prefix, i), block, BT_LEN(block), err) < 0)
            return -1;
    for (uint32_t i = 0; i < t->mergers; i++)
        if (add(l, bt_arena_printf(l->arena, "%s.mergers.%u.0.weight", prefix, i), merged, merged, err) < 0 ||
            add(l, bt_arena_printf(l->arena, "%s.mergers.%u.2.weight", prefix, i), out, merged, err) < 0)
            return -1;
    return add_all(l, prefix, rest, BT_LEN(rest), err);
}

int bt_tower_derive(struct bt_tensors *l, struct bt_err *err)
{
    return derive_one(l, "visual", &l->m->tower, err) < 0 || derive_one(l, "audio_tower", &l->m->audio, err) < 0 ? -1 : 0;
}
