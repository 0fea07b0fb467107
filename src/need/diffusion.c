/* diffusion.c - bytes of making images with a pipeline whose parts all lie on the card.
 *
 * The rules were fitted to published peaks: of the denoiser alone (diffusers/benchmarks on the hub, bf16, one 1024x1024 image: SDXL's UNet 2,567 million
 * numbers and 5.05 GiB, FLUX.1's transformer 11,901 million and 22.61 GiB, so 0.27 and 0.44 GiB beside the weights) and of the whole (Hugging Face's
 * "Exploring simple optimizations for SDXL", A100, four images: 21.7 GB in float16 and 28 GB in float32, so 3.7 GB of float32 decoding an image).
 * Videos: HunyuanVideo's own table (129 frames with 25.6 GB of transformer: 60 GB at 1280x720, 45 GB at 960x544, so 47 copies of a token's numbers, twice),
 * CogVideoX-5b's (20.7 GB of which 11.1 are weights: 44), and the decoding of CogVideoX-2b (49 frames of 720x480: 33 GB in all, 19 GB with the VAE alone). */
#include "need/diffusion.h"

#include <math.h>

#include "need/parts.h"

#define UNET_COPIES 28               /* of the first block's numbers, for each latent */
#define TRANSFORMER_COPIES 17        /* of the hidden numbers, for each token */
#define VIDEO_COPIES 47              /* the same of a video's transformer, whose attention keeps its rotated queries and keys in 32 bits beside the rest */
#define DECODE_COPIES 3.5            /* of the widest feature map at full size */
#define VIDEO_DECODE_COPIES 12       /* of that of the frames decoded at once: convolutions in time keep the frames before */
#define TEXT_TOKENS 512

static unsigned long long ull(uint64_t n) { return n; }

struct making {
    struct bt_arena *a;
    const struct bt_pipeline *p;
    const struct bt_job *j;
    struct bt_job_need *out;
    double elem, width, height, frames, scale;
};

static void push(struct making *k, enum bt_part part, double bytes, double uncertain, const char *why)
{
    struct bt_need_line line = { .part = part, .bytes = sat_f64(bytes), .uncertainty_bytes = sat_f64(uncertain), .why = why };
    BT_PUSH(k->a, k->out->line, k->out->n, line);
    k->out->bytes = sat_add(k->out->bytes, line.bytes);
    k->out->uncertainty_bytes = sat_add(k->out->uncertainty_bytes, line.uncertainty_bytes);
}

static void weights(struct making *k)
{
    static const enum bt_part as[] = { [BT_PART_ENCODER] = BT_P_ENCODER, [BT_PART_UNET] = BT_P_WEIGHTS, [BT_PART_TRANSFORMER] = BT_P_WEIGHTS, [BT_PART_VAE] = BT_P_WEIGHTS,
                                       [BT_PART_OTHER] = BT_P_WEIGHTS };
    for (size_t i = 0; i < k->p->n; i++) {
        const struct bt_pipeline_part *t = &k->p->part[i];
        push(k, as[t->role], (double)t->numbers * k->elem, 0, bt_arena_printf(k->a, "%s (%s): %s numbers x %g B", t->name, t->class_name, bt_count_human(t->numbers), k->elem));
    }
}

/* What a pipeline makes when it is not told (diffusers' __call__), and how many passes a step of it is: guidance without a number of its own is a second
 * video with an empty prompt beside each, but Wan's and HunyuanVideo's come one after the other. */
static const struct family { const char *starts; double width, height; uint32_t frames; double passes; } families[] = {
    { "Wan", 832, 480, 81, 1 },          { "HunyuanVideo", 1280, 720, 129, 1 },   { "LTX", 704, 512, 161, 2 },         { "CogVideoX", 720, 480, 49, 2 },
    { "Mochi", 848, 480, 19, 2 },        { "Allegro", 1280, 720, 88, 2 },         { "StableVideoDiffusion", 1024, 576, 25, 2 },
    { "AnimateDiff", 512, 512, 16, 2 },  { "I2VGenXL", 1280, 704, 16, 2 },        { "", 832, 480, 49, 2 },
};

/* How much of a video a VAE decodes at once: so many frames (0: all), of tiles of so many pixels a side (0: whole). What would not fit any card whole is
 * decoded in tiles by its own examples (enable_tiling). */
static const struct decoding { const char *vae; uint32_t frames, tile; double copies; } decodings[] = {
    { "AutoencoderKLWan", 4, 0, VIDEO_DECODE_COPIES },           { "AutoencoderKLCogVideoX", 9, 0, VIDEO_DECODE_COPIES }, { "AutoencoderKLMochi", 12, 0, VIDEO_DECODE_COPIES },
    { "AutoencoderKLHunyuanVideo", 16, 256, VIDEO_DECODE_COPIES }, { "AutoencoderKLLTXVideo", 0, 0, VIDEO_DECODE_COPIES },
    { "AutoencoderKLTemporalDecoder", 0, 0, DECODE_COPIES },     { "AutoencoderKL", 0, 0, DECODE_COPIES },               { "", 16, 256, VIDEO_DECODE_COPIES },
};

static const struct family *family_of(const struct bt_pipeline *p)
{
    size_t i = 0;
    while (!bt_str_starts(bt_str(p->class_name ? p->class_name : ""), families[i].starts))
        i++;
    return &families[i];
}

static const struct decoding *decoding_of(const struct bt_pipeline *p)
{
    size_t i = 0;
    while (decodings[i].vae[0] && strcmp(decodings[i].vae, p->vae_class ? p->vae_class : ""))
        i++;
    return &decodings[i];
}

static double passes(const struct making *k)
{
    return k->p->guided ? 1 : k->p->video ? family_of(k->p)->passes : 2;
}

static bool has(const struct bt_pipeline *p, enum bt_part_role role)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->part[i].role == role)
            return true;
    return false;
}

static const char *made(const struct making *k)
{
    const char *one = k->p->video ? bt_arena_printf(k->a, "video of %.0f frames", k->frames) : "image";
    return bt_arena_printf(k->a, "%llu %s%s", ull(k->out->batch), one, k->out->batch > 1 && !k->p->video ? "s" : "");
}

static double denoise(struct making *k, const char **why)
{
    const struct bt_pipeline *p = k->p;
    double latents = k->width / k->scale * (k->height / k->scale), images = (double)k->out->batch * passes(k);
    const char *twice = passes(k) > 1 ? " (twice: with and without the prompt)" : "";
    double slices = !p->video ? 1 : p->vae_scale_t > 1 ? floor((k->frames - 1) / p->vae_scale_t) + 1 : k->frames;        /* frames of latents */
    if (has(p, BT_PART_UNET)) {
        uint32_t width = p->unet_width ? p->unet_width : 320;
        *why = bt_arena_printf(k->a, "%s%s through the UNet: %.0f latents x %u channels x %d x %g B", made(k), twice, latents * slices, width, UNET_COPIES, k->elem);
        return images * latents * slices * width * UNET_COPIES * k->elem;
    }
    bool packed = !p->video && p->in_channels && p->latent_channels && p->in_channels >= 4 * p->latent_channels;         /* 2 x 2 latents are one token, made before the model */
    double patch = p->patch > 1 ? p->patch : packed || !p->patch ? 2 : 1, tokens = latents / (patch * patch) * ceil(slices / BT_MAX(p->patch_t, 1u)) + TEXT_TOKENS;
    double hidden = p->heads && p->head_dim ? (double)p->heads * p->head_dim : 4096, copies = p->video ? VIDEO_COPIES : TRANSFORMER_COPIES;
    *why = bt_arena_printf(k->a, "%s%s through the transformer: %.0f tokens x %.0f x %.0f x %g B", made(k), twice, tokens, hidden, copies, k->elem);
    return images * tokens * hidden * copies * k->elem;
}

/* A video: the frames of one go of the VAE, and all pixels of the result, in its type and in 32 bits. */
static double decode_video(struct making *k, const char **why)
{
    const struct bt_pipeline *p = k->p;
    const struct decoding *d = decoding_of(p);
    double width = p->vae_width ? p->vae_width : 256, patch = BT_MAX(p->vae_patch, 1u), frames = d->frames ? BT_MIN((double)d->frames, k->frames) : k->frames;
    double wide = d->tile ? BT_MIN((double)d->tile, k->width) : k->width, high = d->tile ? BT_MIN((double)d->tile, k->height) : k->height;
    double result = (double)k->out->batch * k->width * k->height * k->frames * 3 * (k->elem + 4);
    *why = bt_arena_printf(k->a, "%.0f frame%s at once decoded%s: %.0fx%.0f pixels x %.0f channels x %.1f x %g B, and the pixels of %.0f frames", frames, frames > 1 ? "s" : "",
                           d->tile ? " in tiles (vae.enable_tiling())" : "", wide / patch, high / patch, width, d->copies, k->elem, k->frames);
    return (double)k->out->batch * frames * (wide / patch) * (high / patch) * width * d->copies * k->elem + result;
}

/* Only the XL pipelines make a float16 VAE float32 before they decode. */
static double decode(struct making *k, const char **why)
{
    const struct bt_pipeline *p = k->p;
    bool upcast = false;
    if (p->video)
        return decode_video(k, why);
    for (size_t i = 0; i < p->n; i++)
        upcast = upcast || (p->part[i].role == BT_PART_VAE && p->part[i].upcast && k->j->dtype == BT_JOB_FLOAT16 && strstr(p->class_name, "XL"));
    double elem = upcast ? 4 : k->elem, width = p->vae_width ? p->vae_width : 256;
    *why = bt_arena_printf(k->a, "%s decoded at once: %.0fx%.0f pixels x %.0f channels x %.1f x %g B%s", made(k), k->width, k->height, width, DECODE_COPIES, elem,
                           upcast ? " (the VAE is made float32)" : "");
    return (double)k->out->batch * k->width * k->height * width * DECODE_COPIES * elem;
}

/* The pipeline's own size, where nobody says another: its configs', else its class's. */
static void shape(struct making *k)
{
    const struct bt_pipeline *p = k->p;
    const struct family *f = family_of(p);
    double side = p->sample && has(p, BT_PART_UNET) ? p->sample * k->scale : p->sample > 1 && p->sample <= 512 ? p->sample * k->scale : 1024;
    k->width = k->j->width ? (double)k->j->width : !p->video ? side : p->width ? p->width : f->width;
    k->height = k->j->height ? (double)k->j->height : !p->video ? side : p->height ? p->height : f->height;
    k->frames = !p->video ? 1 : k->j->frames ? (double)k->j->frames : p->frames ? p->frames : f->frames;
}

static double share_unsure(const struct bt_pipeline *p)
{
    if (!p->vae_width || !(has(p, BT_PART_UNET) ? p->unet_width : p->heads))
        return 1;
    return !p->video ? 0.25 : family_of(p)->starts[0] && decoding_of(p)->vae[0] ? 0.4 : 1;
}

/* The part of a role that has the most numbers: of two transformers (one for the first steps, one for the last) one computes at a time. */
static double largest_of(const struct making *k, enum bt_part_role role, const char **name)
{
    double most = 0;
    for (size_t i = 0; i < k->p->n; i++)
        if (k->p->part[i].role == role && (double)k->p->part[i].numbers * k->elem > most) {
            most = (double)k->p->part[i].numbers * k->elem;
            *name = k->p->part[i].name;
        }
    return most;
}

/* One part at a time (enable_model_cpu_offload): the step that takes most decides. */
static void offloaded(struct making *k, double denoising, double decoding, const char *why_denoise, const char *why_decode)
{
    const char *encoder = "", *unet = "", *vae = "";
    double encode = largest_of(k, BT_PART_ENCODER, &encoder), made_of = BT_MAX(largest_of(k, BT_PART_UNET, &unet), largest_of(k, BT_PART_TRANSFORMER, &unet)), decoder = largest_of(k, BT_PART_VAE, &vae);
    bool by_denoiser = made_of + denoising >= BT_MAX(encode, decoder + decoding), by_encoder = !by_denoiser && encode > decoder + decoding;
    const char *name = by_denoiser ? unet : by_encoder ? encoder : vae;
    double weights = by_denoiser ? made_of : by_encoder ? encode : decoder, work = by_denoiser ? denoising : by_encoder ? 0 : decoding;
    push(k, by_encoder ? BT_P_ENCODER : BT_P_WEIGHTS, weights, 0, bt_arena_printf(k->a, "%s, the part whose step takes most; one part at a time is on the card, the others wait in RAM", name));
    push(k, BT_P_ACTIVATIONS, work, work * share_unsure(k->p), by_encoder ? "next to nothing: a prompt" : by_denoiser ? why_denoise : why_decode);
}

int need_diffusion(struct bt_arena *a, const struct bt_pipeline *p, const struct bt_job *j, const struct bt_gpu *card, struct bt_job_need *out, struct bt_err *err)
{
    if (!p || !p->n)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no pipeline with weights", j->of ? j->of : "diffusion");
    if (!has(p, BT_PART_UNET) && !has(p, BT_PART_TRANSFORMER)) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: %s: it has neither unet nor transformer", p->id, p->class_name);
        return bt_err_hint(err, "run it once, then memory: {like: WORKLOAD}");
    }
    if (j->frames && !p->video)
        return bt_err_set(err, BT_E_SPEC, 0, "frames: %s makes images", p->class_name);
    struct making k = { .a = a, .p = p, .j = j, .out = out, .elem = j->dtype == BT_JOB_FLOAT32 ? 4 : 2, .scale = p->vae_scale ? p->vae_scale : 8 };
    shape(&k);
    const char *why_denoise, *why_decode;
    double first = denoise(&k, &why_denoise), second = decode(&k, &why_decode), more = BT_MAX(first, second);
    if (j->offload) {
        offloaded(&k, first, second, why_denoise, why_decode);
    } else {
        weights(&k);
        push(&k, BT_P_ACTIVATIONS, more, more * share_unsure(p), bt_arena_printf(a, "%s; the other step (%s) takes %s, one after the other", first > second ? why_denoise : why_decode,
             first > second ? "decoding" : "denoising", bt_bytes_human(sat_f64(BT_MIN(first, second)))));
    }
    push(&k, BT_P_WORKSPACE, 256.0 * (double)MiB, 256.0 * (double)MiB, "cuDNN's and cuBLAS's workspaces; an estimate");
    push(&k, BT_P_CONTEXT, (double)need_context_bytes(card), 128.0 * (double)MiB, "CUDA context, an estimate for this kind of card");
    return 0;
}
