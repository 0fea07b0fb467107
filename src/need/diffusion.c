/* diffusion.c - bytes of making images with a pipeline whose parts all lie on the card.
 *
 * The rules were fitted to published peaks: of the denoiser alone (diffusers/benchmarks on the hub, bf16, one 1024x1024 image: SDXL's UNet 2,567 million
 * numbers and 5.05 GiB, FLUX.1's transformer 11,901 million and 22.61 GiB, so 0.27 and 0.44 GiB beside the weights) and of the whole (Hugging Face's
 * "Exploring simple optimizations for SDXL", A100, four images: 21.7 GB in float16 and 28 GB in float32, so 3.7 GB of float32 decoding an image). */
#include "need/diffusion.h"

#include "need/parts.h"

#define UNET_COPIES 28               /* of the first block's numbers, for each latent */
#define TRANSFORMER_COPIES 17        /* of the hidden numbers, for each token */
#define DECODE_COPIES 3.5            /* of the widest feature map at full size */
#define TEXT_TOKENS 512

static unsigned long long ull(uint64_t n) { return n; }

struct making {
    struct bt_arena *a;
    const struct bt_pipeline *p;
    const struct bt_job *j;
    struct bt_job_need *out;
    double elem, width, height, scale;
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

/* Guidance without a number of its own is a second image with an empty prompt beside each. */
static double passes(const struct making *k)
{
    return k->p->guided ? 1 : 2;
}

static bool has(const struct bt_pipeline *p, enum bt_part_role role)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->part[i].role == role)
            return true;
    return false;
}

static double denoise(struct making *k, const char **why)
{
    const struct bt_pipeline *p = k->p;
    double latents = k->width / k->scale * (k->height / k->scale), images = (double)k->out->batch * passes(k);
    if (has(p, BT_PART_UNET)) {
        uint32_t width = p->unet_width ? p->unet_width : 320;
        *why = bt_arena_printf(k->a, "%llu image%s%s through the UNet: %.0f latents x %u channels x %d x %g B", ull(k->out->batch), k->out->batch > 1 ? "s" : "",
                               passes(k) > 1 ? " (twice: with and without the prompt)" : "", latents, width, UNET_COPIES, k->elem);
        return images * latents * width * UNET_COPIES * k->elem;
    }
    bool packed = p->in_channels && p->latent_channels && p->in_channels >= 4 * p->latent_channels;      /* 2 x 2 latents are one token, made before the model */
    double patch = p->patch > 1 ? p->patch : packed || !p->patch ? 2 : 1, tokens = latents / (patch * patch) + TEXT_TOKENS;
    double hidden = p->heads && p->head_dim ? (double)p->heads * p->head_dim : 4096;
    *why = bt_arena_printf(k->a, "%llu image%s%s through the transformer: %.0f tokens x %.0f x %d x %g B", ull(k->out->batch), k->out->batch > 1 ? "s" : "",
                           passes(k) > 1 ? " (twice: with and without the prompt)" : "", tokens, hidden, TRANSFORMER_COPIES, k->elem);
    return images * tokens * hidden * TRANSFORMER_COPIES * k->elem;
}

/* Only the XL pipelines make a float16 VAE float32 before they decode. */
static double decode(struct making *k, const char **why)
{
    const struct bt_pipeline *p = k->p;
    bool upcast = false;
    for (size_t i = 0; i < p->n; i++)
        upcast = upcast || (p->part[i].role == BT_PART_VAE && p->part[i].upcast && k->j->dtype == BT_JOB_FLOAT16 && strstr(p->class_name, "XL"));
    double elem = upcast ? 4 : k->elem, width = p->vae_width ? p->vae_width : 256;
    *why = bt_arena_printf(k->a, "%llu image%s decoded at once: %.0fx%.0f pixels x %.0f channels x %.1f x %g B%s", ull(k->out->batch), k->out->batch > 1 ? "s" : "", k->width, k->height, width,
                           DECODE_COPIES, elem, upcast ? " (the VAE is made float32)" : "");
    return (double)k->out->batch * k->width * k->height * width * DECODE_COPIES * elem;
}

int need_diffusion(struct bt_arena *a, const struct bt_pipeline *p, const struct bt_job *j, const struct bt_gpu *card, struct bt_job_need *out, struct bt_err *err)
{
    if (!p || !p->n)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no pipeline with weights", j->of ? j->of : "diffusion");
    if (p->video || (!has(p, BT_PART_UNET) && !has(p, BT_PART_TRANSFORMER))) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: %s: %s", p->id, p->class_name, p->video ? "it makes video, and berth does not reckon with frames" : "it has neither unet nor transformer");
        return bt_err_hint(err, "run it once, then memory: {like: WORKLOAD}");
    }
    struct making k = { .a = a, .p = p, .j = j, .out = out, .elem = j->dtype == BT_JOB_FLOAT32 ? 4 : 2, .scale = p->vae_scale ? p->vae_scale : 8 };
    double own = p->sample && has(p, BT_PART_UNET) ? p->sample * k.scale : p->sample > 1 && p->sample <= 512 ? p->sample * k.scale : 1024;
    k.width = j->width ? (double)j->width : own;
    k.height = j->height ? (double)j->height : own;
    weights(&k);
    const char *why_denoise, *why_decode;
    double first = denoise(&k, &why_denoise), second = decode(&k, &why_decode), more = BT_MAX(first, second);
    bool known = p->vae_width && (has(p, BT_PART_UNET) ? p->unet_width : p->heads);
    push(&k, BT_P_ACTIVATIONS, more, more * (known ? 0.25 : 1), bt_arena_printf(a, "%s; the other step (%s) takes %s, one after the other", first > second ? why_denoise : why_decode,
         first > second ? "decoding" : "denoising", bt_bytes_human(sat_f64(BT_MIN(first, second)))));
    push(&k, BT_P_WORKSPACE, 256.0 * (double)MiB, 256.0 * (double)MiB, "cuDNN's and cuBLAS's workspaces; an estimate");
    push(&k, BT_P_CONTEXT, (double)need_context_bytes(card), 128.0 * (double)MiB, "CUDA context, an estimate for this kind of card");
    return 0;
}
