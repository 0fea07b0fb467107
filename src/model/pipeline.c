/* pipeline.c - see pipeline.h */
#include "model/pipeline.h"

#include <dirent.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "model/model_int.h"

#define CONFIG_MAX (1 * MiB)
#define FILES_MAX 512

/* ---- model_index.json ---- */

static const struct { const char *starts; enum bt_part_role role; } roles[] = {
    { "text_encoder", BT_PART_ENCODER }, { "image_encoder", BT_PART_ENCODER }, { "unet", BT_PART_UNET }, { "transformer", BT_PART_TRANSFORMER }, { "vae", BT_PART_VAE },
};

static bool is_part_name(const char *s)
{
    size_t n = 0;
    for (; (s[n] >= 'a' && s[n] <= 'z') || (s[n] >= '0' && s[n] <= '9') || s[n] == '_'; n++) {}
    return n && n < 64 && !s[n] && s[0] != '_';
}

int bt_pipeline_index(struct bt_arena *a, const char *what, struct bt_str json, struct bt_pipeline *out, struct bt_err *err)
{
    json_t *o = bt_json_load(json, CONFIG_MAX, what, err), *v;
    const char *key, *class_name;
    int rc = -1;
    if (!o)
        return -1;
    if (bt_json_str(o, "_class_name", &class_name, what, err) < 0)
        goto done;
    out->class_name = bt_arena_strdup(a, class_name);
    out->video = strstr(class_name, "Video") || strstr(class_name, "AnimateDiff") || strstr(class_name, "I2VGen");
    json_object_foreach(o, key, v) {
        const char *of = json_string_value(json_array_get(v, 1));
        if (!is_part_name(key) || !json_is_array(v) || json_array_size(v) != 2 || !of)
            continue;                /* settings of the pipeline; parts that are left out are [null, null] */
        if (out->n == BT_PIPELINE_PARTS) {
            bt_err_set(err, BT_E_INPUT, 0, "%s: more than %d parts", what, BT_PIPELINE_PARTS);
            goto done;
        }
        struct bt_pipeline_part p = { .name = bt_arena_strdup(a, key), .class_name = bt_arena_strdup(a, of), .role = BT_PART_OTHER, .upcast = true };
        for (size_t i = 0; i < BT_LEN(roles) && p.role == BT_PART_OTHER; i++)
            if (bt_str_starts(bt_str(key), roles[i].starts))
                p.role = roles[i].role;
        BT_PUSH(a, out->part, out->n, p);
    }
    if (!out->n)
        bt_err_set(err, BT_E_INPUT, 0, "%s: names no parts", what);
    rc = out->n ? 0 : -1;
done:
    json_decref(o);
    return rc;
}

/* ---- config.json of a part ---- */

/* Element i of a list of channels; 0 when there is none. */
static int channels(const json_t *o, const char *key, size_t i, uint32_t *out, const char *what, struct bt_err *err)
{
    const json_t *v = json_array_get(json_object_get(o, key), i);
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > 1 << 20)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %s[%zu]: want a number of channels", what, key, i);
    *out = (uint32_t)json_integer_value(v);
    return 0;
}

static int number(const json_t *o, const char *key, uint64_t max, uint32_t *out, const char *what, struct bt_err *err)
{
    uint64_t n = *out;
    const json_t *v = json_object_get(o, key);
    if (json_is_array(v))            /* one for each block, or height and width: the first stands for all */
        v = json_array_get(v, 0);
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 1 || (uint64_t)json_integer_value(v) > max)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %s: want a whole number from 1 to %llu", what, key, (unsigned long long)max);
    n = (uint64_t)json_integer_value(v);
    *out = (uint32_t)n;
    return 0;
}

/* "patch_size": 2, or [1, 2, 2]: in time, then along each side. */
static int patches(const json_t *o, const char *what, struct bt_pipeline *p, struct bt_err *err)
{
    const json_t *v = json_object_get(o, "patch_size"), *side = json_array_get(v, 2);
    if (!json_is_integer(side))
        return number(o, "patch_size", 256, &p->patch, what, err) < 0 ? -1 : number(o, "patch_size_t", 256, &p->patch_t, what, err);
    json_t *apart = json_pack("{s:O, s:O}", "patch_size", side, "patch_size_t", json_array_get(v, 0));
    int rc = apart ? patches(apart, what, p, err) : 0;
    json_decref(apart);
    return rc;
}

/* CogVideoX says what it was made for in latents, Stable Video Diffusion in frames. */
static int own_shape(const json_t *o, const char *what, struct bt_pipeline *p, struct bt_err *err)
{
    uint32_t high = 0, wide = 0;
    if (number(o, "sample_height", 1 << 13, &high, what, err) < 0 || number(o, "sample_width", 1 << 13, &wide, what, err) < 0 ||
        number(o, "sample_frames", 1 << 16, &p->frames, what, err) < 0 || number(o, "num_frames", 1 << 16, &p->frames, what, err) < 0)
        return -1;
    if (high && wide) {
        p->height = high * 8;
        p->width = wide * 8;
    }
    return 0;
}

static int denoiser(const json_t *o, const char *what, struct bt_pipeline *p, bool unet, struct bt_err *err)
{
    if (own_shape(o, what, p, err) < 0 || number(o, "sample_size", 1 << 16, &p->sample, what, err) < 0 || number(o, "in_channels", 1 << 16, &p->in_channels, what, err) < 0)
        return -1;
    if (unet)
        return channels(o, "block_out_channels", 0, &p->unet_width, what, err);
    if (number(o, "num_attention_heads", 4096, &p->heads, what, err) < 0 || number(o, "attention_head_dim", 65536, &p->head_dim, what, err) < 0)
        return -1;
    return patches(o, what, p, err) < 0 ? -1 : bt_json_bool_opt(o, "guidance_embeds", p->guided, &p->guided, what, err);
}

static uint32_t trues(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    uint32_t n = 0;
    for (size_t i = 0; i < json_array_size(v) && n < 8; i++)
        n += json_is_true(json_array_get(v, i));
    return n;
}

static uint32_t product(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    uint32_t n = json_array_size(v) ? 1 : 0;
    for (size_t i = 0; i < json_array_size(v) && i < 8; i++) {
        json_int_t k = json_integer_value(json_array_get(v, i));
        n *= k >= 1 && k <= 16 ? (uint32_t)k : 1;
    }
    return n < 1 << 16 ? n : 0;
}

/* What a VAE of videos says of its scales, each in words of its own: Wan, LTX, Mochi; "..._compression_ratio" of CogVideoX and HunyuanVideo. */
static int video_vae(const json_t *o, const char *what, struct bt_pipeline *p, struct bt_err *err)
{
    uint32_t base = 0, decoder = 0, patch_t = 1;
    bool scaled = json_array_size(json_object_get(o, "spatio_temporal_scaling")) > 0, wan = json_object_get(o, "temperal_downsample") != NULL, mochi = json_object_get(o, "temporal_expansions") != NULL;
    if (number(o, "patch_size", 64, &p->vae_patch, what, err) < 0 || number(o, "base_dim", 4096, &base, what, err) < 0 || number(o, "decoder_base_dim", 4096, &decoder, what, err) < 0 ||
        number(o, "patch_size_t", 64, &patch_t, what, err) < 0)
        return -1;
    if (wan) {
        p->vae_scale = 8 * BT_MAX(p->vae_patch, 1u);
        p->vae_scale_t = 1u << trues(o, "temperal_downsample");
        p->vae_width = 2 * (decoder ? decoder : base ? base : 96);
    }
    if (scaled) {
        uint32_t halved = 1u << trues(o, "spatio_temporal_scaling");
        p->vae_scale = halved * BT_MAX(p->vae_patch, 1u);
        p->vae_scale_t = halved * patch_t;
        if (channels(o, "block_out_channels", 0, &p->vae_width, what, err) < 0)
            return -1;
    }
    if (mochi) {
        p->vae_scale = product(o, "spatial_expansions");
        p->vae_scale_t = product(o, "temporal_expansions");
        if (channels(o, "decoder_block_out_channels", 0, &p->vae_width, what, err) < 0)
            return -1;
    }
    if (number(o, "spatial_compression_ratio", 1 << 10, &p->vae_scale, what, err) < 0 || number(o, "temporal_compression_ratio", 1 << 10, &p->vae_scale_t, what, err) < 0 ||
        number(o, "scale_factor_spatial", 1 << 10, &p->vae_scale, what, err) < 0 || number(o, "scale_factor_temporal", 1 << 10, &p->vae_scale_t, what, err) < 0)
        return -1;
    p->video = p->video || wan || scaled || mochi || p->vae_scale_t;
    return 0;
}

static int vae(const json_t *o, const char *what, struct bt_pipeline *p, struct bt_pipeline_part *part, struct bt_err *err)
{
    const json_t *blocks = json_object_get(o, "block_out_channels");
    size_t n = json_array_size(blocks);
    p->vae_class = part->class_name;
    if (n > 16)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: block_out_channels: %zu of them", what, n);
    if (n)
        p->vae_scale = 1u << (n - 1);
    if (number(o, "latent_channels", 4096, &p->latent_channels, what, err) < 0)
        return -1;
    if (channels(o, "block_out_channels", n > 1, &p->vae_width, what, err) < 0 || video_vae(o, what, p, err) < 0)
        return -1;
    return bt_json_bool_opt(o, "force_upcast", true, &part->upcast, what, err);
}

int bt_pipeline_config(const char *what, struct bt_str json, struct bt_pipeline *out, struct bt_pipeline_part *p, struct bt_err *err)
{
    json_t *o = bt_json_load(json, CONFIG_MAX, what, err);
    if (!o)
        return -1;
    int rc = p->role == BT_PART_VAE ? vae(o, what, out, p, err) :
             p->role == BT_PART_UNET || p->role == BT_PART_TRANSFORMER ? denoiser(o, what, out, p->role == BT_PART_UNET, err) : 0;
    json_decref(o);
    return rc;
}

/* ---- the folders ---- */

/* "model.fp16.safetensors": the same weights once more, in another type. */
static bool is_variant(struct bt_str name)
{
    static const char *const words[] = { ".fp16", ".bf16", ".fp32", ".non_ema", ".ema" };
    for (size_t i = 0; i < BT_LEN(words); i++)
        if (memmem(name.p, name.n, words[i], strlen(words[i])))
            return true;
    return false;
}

static int add_file(struct bt_arena *a, const char *path, struct bt_pipeline_part *p, struct bt_err *err)
{
    struct bt_tensor *t;
    size_t n;
    uint64_t size;
    if (bt_weights_read_file(a, NULL, path, &t, &n, &size, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        uint64_t numbers = 1;
        for (unsigned k = 0; k < t[i].rank; k++)
            if (!bt_mul_u64(numbers, t[i].shape[k], &numbers))
                return bt_err_set(err, BT_E_INPUT, 0, "%s: a tensor of more numbers than there are", path);
        if (!bt_add_u64(p->numbers, numbers, &p->numbers))
            return bt_err_set(err, BT_E_INPUT, 0, "%s: more numbers than there are", path);
    }
    return 0;
}

/* The safetensors files of a part: those without a variant's name, or where there are none but variants, the first variant. */
static int read_weights(struct bt_arena *a, const char *dir, struct bt_pipeline_part *p, struct bt_err *err)
{
    DIR *d = opendir(dir);
    const char **plain = NULL, **variant = NULL;
    size_t nplain = 0, nvariant = 0;
    bool torch = false;
    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d)) && nplain + nvariant < FILES_MAX;) {
        struct bt_str name = bt_str(e->d_name);
        torch = torch || bt_str_ends(name, ".bin");
        if (!bt_str_ends(name, ".safetensors") || name.p[0] == '.')
            continue;
        const char *path = bt_arena_printf(a, "%s/%s", dir, e->d_name);
        if (is_variant(name))
            BT_PUSH(a, variant, nvariant, path);
        else
            BT_PUSH(a, plain, nplain, path);
    }
    closedir(d);
    for (size_t i = 0; i < nplain; i++)
        if (add_file(a, plain[i], p, err) < 0)
            return -1;
    const char *kind = !nplain && nvariant ? strstr(strrchr(variant[0], '/'), ".") : NULL;
    for (size_t i = 0; kind && i < nvariant; i++)
        if (!strcmp(strstr(strrchr(variant[i], '/'), "."), kind) && add_file(a, variant[i], p, err) < 0)
            return -1;
    if (!nplain && !nvariant && torch) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: weights only as .bin, whose tensors berth does not read", dir);
        return bt_err_hint(err, "download the safetensors files of the same part");
    }
    return 0;
}

static int read_part(struct bt_arena *a, struct bt_pipeline *p, struct bt_pipeline_part *part, struct bt_hash *h, struct bt_err *err)
{
    const char *dir = bt_arena_printf(a, "%s/%s", p->dir, part->name), *path = bt_arena_printf(a, "%s/config.json", dir);
    struct bt_str text;
    if (bt_file_exists(path)) {
        if (bt_file_read(a, path, CONFIG_MAX, &text, err) < 0 || bt_pipeline_config(path, text, p, part, err) < 0)
            return -1;
        bt_hash_add(h, text.p, text.n);
    }
    if (read_weights(a, dir, part, err) < 0)
        return -1;
    bt_hash_add(h, &part->numbers, sizeof part->numbers);
    return bt_add_u64(p->numbers, part->numbers, &p->numbers) ? 0 : bt_err_set(err, BT_E_INPUT, 0, "%s: more numbers than there are", p->dir);
}

static int check_whole(const struct bt_pipeline *p, struct bt_err *err)
{
    for (size_t i = 0; i < p->n; i++)
        if (!p->part[i].numbers && p->part[i].role != BT_PART_OTHER) {
            bt_err_set(err, BT_E_INPUT, 0, "%s: %s (%s) has no weights on this machine", p->dir, p->part[i].name, p->part[i].class_name);
            return bt_err_hint(err, "download the whole pipeline: hf download %s", p->id);
        }
    return 0;
}

static int read_folder(struct bt_arena *a, struct bt_pipeline *p, struct bt_err *err)
{
    const char *path = bt_arena_printf(a, "%s/model_index.json", p->dir);
    struct bt_str text;
    struct bt_hash h;
    struct bt_digest d;
    if (!bt_file_exists(path)) {
        bt_err_set(err, BT_E_INPUT, 0, "no model_index.json in %s: it is no diffusion pipeline", p->dir);
        return bt_err_hint(err, "the folder that has unet or transformer, vae and text_encoder in it");
    }
    if (bt_file_read(a, path, CONFIG_MAX, &text, err) < 0 || bt_pipeline_index(a, path, text, p, err) < 0)
        return -1;
    bt_hash_init(&h);
    bt_hash_add(&h, text.p, text.n);
    for (size_t i = 0; i < p->n; i++)
        if (read_part(a, p, &p->part[i], &h, err) < 0)
            return -1;
    if (check_whole(p, err) < 0)
        return -1;
    size_t kept = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->part[i].numbers)
            p->part[kept++] = p->part[i];
    p->n = kept;
    bt_hash_end(&h, &d);
    memcpy(p->digest, d.hex, sizeof p->digest);
    return 0;
}

int bt_pipeline_open(struct bt_arena *a, const char *ref, struct bt_pipeline **out, struct bt_err *err)
{
    struct bt_model_place place;
    struct bt_pipeline *p = BT_NEW(a, struct bt_pipeline);
    if (bt_model_locate(a, ref, NULL, &place, err) < 0)
        return -1;
    if (!place.dir) {
        bt_err_set(err, BT_E_NOT_FOUND, 0, "no pipeline \"%s\": %s", bt_model_shown(a, ref), place.places);
        return bt_err_hint(err, "download it first: hf download %s", bt_model_shown(a, ref));
    }
    *p = (struct bt_pipeline){ .id = bt_arena_strdup(a, ref), .dir = place.dir };
    if (read_folder(a, p, err) < 0)
        return -1;
    *out = p;
    return 0;
}
