/* pipeline.h - a diffusion pipeline (diffusers): its parts from model_index.json, each part's config.json and tensor headers. Weights are never read.
 *
 * A folder, or an id in the Hugging Face cache. Files come from the internet: bounded and checked like a model's. */
#ifndef BT_PIPELINE_H
#define BT_PIPELINE_H
#include "base/arena.h"

enum bt_part_role { BT_PART_ENCODER, BT_PART_UNET, BT_PART_TRANSFORMER, BT_PART_VAE, BT_PART_OTHER };
#define BT_PIPELINE_PARTS 32

struct bt_pipeline_part {
    const char *name, *class_name;   /* "text_encoder_2", "T5EncoderModel" */
    enum bt_part_role role;
    uint64_t numbers;                /* of its tensors; 0 for what has none (a scheduler, a tokenizer) */
    bool upcast;                     /* VAE: force_upcast, true where the file is silent */
};

struct bt_pipeline {
    const char *id, *dir, *class_name;               /* "StableDiffusionXLPipeline" */
    struct bt_pipeline_part *part; size_t n;         /* those that have weights, as listed */
    uint64_t numbers;                /* of all parts */
    char digest[33];                 /* of the index, the configs and the tensor sizes */
    /* from the configs; 0 = they do not say */
    uint32_t sample, latent_channels, in_channels;   /* side of the latents it was made for */
    uint32_t unet_width;             /* block_out_channels[0] */
    uint32_t heads, head_dim, patch, patch_t;        /* TRANSFORMER: hidden = heads x head_dim; latents of a token along a side, and in time */
    uint32_t vae_width, vae_scale;   /* channels of the widest map at full size (block_out_channels[1]), pixels a latent */
    uint32_t vae_scale_t, vae_patch; /* of a video: frames a latent frame; pixels that its last layer makes of one at once */
    uint32_t width, height, frames;  /* what the denoiser was made for, where it says so in pixels and frames */
    const char *vae_class;           /* "AutoencoderKLWan"; NULL = no VAE */
    bool guided, video;              /* guided: guidance is a number it is given, not a second pass; video: latents have frames */
};

/* BT_E_NOT_FOUND names the places looked at; BT_E_INPUT the file and the reason. */
BT_MUST_CHECK int bt_pipeline_open(struct bt_arena *a, const char *ref, struct bt_pipeline **out, struct bt_err *err);

/* Parsers, for tests and fuzzing. The first fills class_name and part[] (all listed, without numbers); the second takes the config.json of part p. */
BT_MUST_CHECK int bt_pipeline_index(struct bt_arena *a, const char *what, struct bt_str json, struct bt_pipeline *out, struct bt_err *err);
BT_MUST_CHECK int bt_pipeline_config(const char *what, struct bt_str json, struct bt_pipeline *out, struct bt_pipeline_part *p, struct bt_err *err);
#endif
