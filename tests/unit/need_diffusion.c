/* need_diffusion.c - image pipelines: what model_index.json and the parts' configs say, and the ledger against published peaks. */
#include "need_help.h"

#include "model/pipeline.h"
#include "need/job_advice.h"

static struct bt_arena a;
#define GB 1e9

static const char *const sdxl_index = "{\"_class_name\": \"StableDiffusionXLPipeline\", \"_diffusers_version\": \"0.19.0\", \"force_zeros_for_empty_prompt\": true, \"scheduler\": [\"diffusers\", \"EulerDiscreteScheduler\"],"
    " \"text_encoder\": [\"transformers\", \"CLIPTextModel\"], \"text_encoder_2\": [\"transformers\", \"CLIPTextModelWithProjection\"], \"tokenizer\": [\"transformers\", \"CLIPTokenizer\"],"
    " \"image_encoder\": [null, null], \"unet\": [\"diffusers\", \"UNet2DConditionModel\"], \"vae\": [\"diffusers\", \"AutoencoderKL\"]}";
static const char *const flux_index = "{\"_class_name\": \"FluxPipeline\", \"text_encoder\": [\"transformers\", \"CLIPTextModel\"], \"text_encoder_2\": [\"transformers\", \"T5EncoderModel\"],"
    " \"transformer\": [\"diffusers\", \"FluxTransformer2DModel\"], \"vae\": [\"diffusers\", \"AutoencoderKL\"]}";

static struct bt_pipeline index_of(const char *text)
{
    struct bt_pipeline p = { .id = "test" };
    struct bt_err err = { 0 };
    if (bt_pipeline_index(&a, "model_index.json", bt_str(text), &p, &err) < 0)
        fail_msg("%s", err.msg);
    return p;
}

static struct bt_pipeline_part *part_named(struct bt_pipeline *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->part[i].name, name))
            return &p->part[i];
    fail_msg("no part %s", name);
    return NULL;
}

static void configure(struct bt_pipeline *p, const char *name, uint64_t numbers, const char *config)
{
    struct bt_err err = { 0 };
    struct bt_pipeline_part *t = part_named(p, name);
    t->numbers = numbers;
    if (bt_pipeline_config(name, bt_str(config), p, t, &err) < 0)
        fail_msg("%s", err.msg);
}

static struct bt_pipeline sdxl(void)
{
    struct bt_pipeline p = index_of(sdxl_index);
    configure(&p, "unet", 2567463684, "{\"sample_size\": 128, \"in_channels\": 4, \"block_out_channels\": [320, 640, 1280], \"attention_head_dim\": [5, 10, 20]}");
    configure(&p, "vae", 83653863, "{\"block_out_channels\": [128, 256, 512, 512], \"latent_channels\": 4, \"sample_size\": 1024, \"force_upcast\": true}");
    configure(&p, "text_encoder", 123060480, "{\"hidden_size\": 768}");
    configure(&p, "text_encoder_2", 694659840, "{\"hidden_size\": 1280}");
    part_named(&p, "scheduler")->numbers = part_named(&p, "tokenizer")->numbers = 0;
    return p;
}

static struct bt_pipeline flux(void)
{
    struct bt_pipeline p = index_of(flux_index);
    configure(&p, "transformer", 11901408320, "{\"patch_size\": 1, \"in_channels\": 64, \"num_layers\": 19, \"attention_head_dim\": 128, \"num_attention_heads\": 24, \"guidance_embeds\": true}");
    configure(&p, "vae", 83819683, "{\"block_out_channels\": [128, 256, 512, 512], \"latent_channels\": 16, \"force_upcast\": true}");
    configure(&p, "text_encoder", 123060480, "{}");
    configure(&p, "text_encoder_2", 4762310656, "{}");
    return p;
}

static struct bt_job_need need_job(const struct bt_pipeline *p, struct bt_job j)
{
    struct bt_gpu card = card_of(79.25, 8);
    struct bt_job_need n;
    struct bt_err err = { 0 };
    j.kind = BT_JOB_DIFFUSION;
    if (bt_need_job(&a, &(struct bt_job_of){ .pipeline = p }, &j, &card, &n, &err) < 0)
        fail_msg("%s", err.msg);
    uint64_t sum = 0;
    for (size_t i = 0; i < n.n; i++)
        sum += n.line[i].bytes;
    assert_int_equal(sum, n.bytes);
    return n;
}

static double sum_of(const struct bt_job_need *n, enum bt_part part)
{
    double sum = 0;
    for (size_t i = 0; i < n->n; i++)
        sum += n->line[i].part == part ? (double)n->line[i].bytes : 0;
    return sum;
}

static void parts_are_read(void **st)
{
    (void)st;
    struct bt_pipeline p = sdxl();
    assert_int_equal(p.n, 6);                        /* the image encoder is left out, settings are no parts */
    assert_string_equal(p.class_name, "StableDiffusionXLPipeline");
    assert_true(p.sample == 128 && p.unet_width == 320 && p.vae_width == 256 && p.vae_scale == 8 && p.latent_channels == 4 && !p.guided && !p.video);
    assert_int_equal(part_named(&p, "text_encoder_2")->role, BT_PART_ENCODER);
    p = flux();
    assert_true(p.guided && p.heads == 24 && p.head_dim == 128);
}

/* "Exploring simple optimizations for SDXL": four images on an A100 take 21.7 GB in float16 and 28 GB in float32. */
static void four_images_of_sdxl(void **st)
{
    (void)st;
    struct bt_pipeline p = sdxl();
    struct bt_job_need half = need_job(&p, (struct bt_job){ .batch = 4, .dtype = BT_JOB_FLOAT16 }), full = need_job(&p, (struct bt_job){ .batch = 4, .dtype = BT_JOB_FLOAT32 });
    assert_near((sum_of(&half, BT_P_WEIGHTS) + sum_of(&half, BT_P_ENCODER) + sum_of(&half, BT_P_ACTIVATIONS)) / GB, 21.7, 0.7);
    assert_near((sum_of(&full, BT_P_WEIGHTS) + sum_of(&full, BT_P_ENCODER) + sum_of(&full, BT_P_ACTIVATIONS)) / GB, 28.0, 1.2);
    struct bt_job_need brain = need_job(&p, (struct bt_job){ .batch = 4 });
    assert_true(sum_of(&brain, BT_P_ACTIVATIONS) < sum_of(&half, BT_P_ACTIVATIONS) * 0.51);          /* bfloat16 is not made float32 */
}

/* diffusers/benchmarks: FLUX.1-dev's transformer alone peaks at 22.61 GiB in bf16, SDXL's UNet at 5.05 GiB. */
static void the_denoiser_alone(void **st)
{
    (void)st;
    struct bt_pipeline p = flux();
    part_named(&p, "vae")->numbers = 0;
    p.vae_width = 1;                                 /* decoding takes next to nothing: what is left is the transformer's own */
    struct bt_job_need n = need_job(&p, (struct bt_job){ .width = 1024, .height = 1024 });
    assert_near((11901408320.0 * 2 + sum_of(&n, BT_P_ACTIVATIONS)) / (double)GiB, 22.61, 0.1);
    p = sdxl();
    p.vae_width = 1;
    p.guided = true;                                 /* one pass, as measured there */
    n = need_job(&p, (struct bt_job){ .width = 1024, .height = 1024 });
    assert_near((2567463684.0 * 2 + sum_of(&n, BT_P_ACTIVATIONS)) / (double)GiB, 5.05, 0.05);
}

static void grows_with_pixels_and_images(void **st)
{
    (void)st;
    struct bt_pipeline p = sdxl();
    struct bt_job_need own = need_job(&p, (struct bt_job){ 0 }), same = need_job(&p, (struct bt_job){ .width = 1024, .height = 1024 });
    struct bt_job_need wide = need_job(&p, (struct bt_job){ .width = 2048, .height = 1024 }), two = need_job(&p, (struct bt_job){ .batch = 2 });
    assert_int_equal(own.bytes, same.bytes);         /* the size it was made for */
    assert_true(sum_of(&wide, BT_P_ACTIVATIONS) == 2 * sum_of(&own, BT_P_ACTIVATIONS) && wide.bytes == two.bytes);
    struct bt_job_of of = { .pipeline = &p };
    struct bt_gpu card = card_of(23.52, 8);
    struct bt_err err = { 0 };
    uint64_t most;
    struct bt_job j = { .kind = BT_JOB_DIFFUSION, .dtype = BT_JOB_FLOAT16, .batch = 16 };
    assert_int_equal(bt_job_batch(&of, &j, &card, card.total_bytes, true, &most, &err), 0);
    struct bt_job_advice *way;
    size_t n;
    assert_int_equal(bt_job_advise(&a, &of, &j, 1, 8, &card, card.total_bytes, &way, &n, &err), 0);
    assert_true(n == 1 && !strcmp(way[0].key, "batch") && way[0].job.batch == most && most >= 1);
}

static void what_is_not_reckoned_says_so(void **st)
{
    (void)st;
    static const struct { const char *index, *has; } bad[] = {
        { "{}", "_class_name" }, { "{\"_class_name\": \"X\"}", "names no parts" }, { "[]", "" }, { "{\"_class_name\": 3}", "_class_name" },
    };
    struct bt_err err = { 0 };
    for (size_t i = 0; i < BT_LEN(bad); i++) {
        struct bt_pipeline p = { 0 };
        err = (struct bt_err){ 0 };
        assert_true(bt_pipeline_index(&a, "model_index.json", bt_str(bad[i].index), &p, &err) < 0);
        assert_true(err.code == BT_E_INPUT && strstr(err.msg, bad[i].has));
    }
    struct bt_pipeline p = sdxl();
    err = (struct bt_err){ 0 };
    assert_true(bt_pipeline_config("unet", bt_str("{\"sample_size\": -1}"), &p, part_named(&p, "unet"), &err) < 0);
    assert_true(bt_pipeline_config("vae", bt_str("{\"block_out_channels\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}"), &p, part_named(&p, "vae"), &err) < 0);
    static const char *const hostile[] = { "{\"sample_height\": 9999999}", "{\"num_frames\": -1}" };
    for (size_t i = 0; i < BT_LEN(hostile); i++)
        assert_true(bt_pipeline_config("unet", bt_str(hostile[i]), &p, part_named(&p, "unet"), &err) < 0);
    struct bt_gpu card = card_of(79.25, 8);
    struct bt_job_need n;
    err = (struct bt_err){ 0 };
    assert_true(bt_need_job(&a, &(struct bt_job_of){ .pipeline = &p }, &(struct bt_job){ .kind = BT_JOB_DIFFUSION, .frames = 81 }, &card, &n, &err) < 0);
    assert_true(err.code == BT_E_SPEC && strstr(err.msg, "makes images"));
}

/* ---- videos ---- */

static struct bt_pipeline video(const char *class_name, const char *vae, uint64_t encoder, uint64_t numbers, const char *config, uint64_t vae_numbers, const char *vae_config)
{
    struct bt_pipeline p = index_of(bt_arena_printf(&a, "{\"_class_name\": \"%s\", \"text_encoder\": [\"transformers\", \"T5EncoderModel\"], \"transformer\": [\"diffusers\", \"X3DModel\"], \"vae\": [\"diffusers\", \"%s\"]}",
                                                    class_name, vae));
    configure(&p, "text_encoder", encoder, "{}");
    configure(&p, "transformer", numbers, config);
    configure(&p, "vae", vae_numbers, vae_config);
    return p;
}

static struct bt_pipeline hunyuan(void)
{
    return video("HunyuanVideoPipeline", "AutoencoderKLHunyuanVideo", 8030261248, 12821012544,
                 "{\"patch_size\": 2, \"patch_size_t\": 1, \"num_attention_heads\": 24, \"attention_head_dim\": 128, \"in_channels\": 16, \"guidance_embeds\": true}",
                 246469699, "{\"block_out_channels\": [128, 256, 512, 512], \"latent_channels\": 16, \"spatial_compression_ratio\": 8, \"temporal_compression_ratio\": 4}");
}

static struct bt_pipeline cog(uint64_t numbers, unsigned heads)
{
    return video("CogVideoXPipeline", "AutoencoderKLCogVideoX", 4762310656, numbers,
                 bt_arena_printf(&a, "{\"patch_size\": 2, \"num_attention_heads\": %u, \"attention_head_dim\": 64, \"in_channels\": 16, \"sample_height\": 60, \"sample_width\": 90, \"sample_frames\": 49}", heads),
                 215583907, "{\"block_out_channels\": [128, 256, 256, 512], \"latent_channels\": 16, \"temporal_compression_ratio\": 4}");
}

static double total(const struct bt_job_need *n)
{
    return (sum_of(n, BT_P_WEIGHTS) + sum_of(n, BT_P_ENCODER) + sum_of(n, BT_P_ACTIVATIONS)) / GB;
}

static void shapes_of_videos(void **st)
{
    (void)st;
    struct bt_pipeline p = hunyuan();
    assert_true(p.video && p.guided && p.patch == 2 && p.patch_t == 1 && p.vae_scale == 8 && p.vae_scale_t == 4 && p.vae_width == 256);
    p = cog(1693728832, 30);
    assert_true(p.video && p.width == 720 && p.height == 480 && p.frames == 49 && p.vae_scale_t == 4);
    p = video("WanPipeline", "AutoencoderKLWan", 5680910336, 1418996800,
              "{\"patch_size\": [1, 2, 2], \"num_attention_heads\": 12, \"attention_head_dim\": 128, \"in_channels\": 16}", 126892531,
              "{\"base_dim\": 96, \"dim_mult\": [1, 2, 4, 4], \"z_dim\": 16, \"temperal_downsample\": [false, true, true]}");
    assert_true(p.video && p.patch == 2 && p.patch_t == 1 && p.vae_scale == 8 && p.vae_scale_t == 4 && p.vae_width == 192);
    p = video("LTXPipeline", "AutoencoderKLLTXVideo", 4762310656, 1923385472, "{\"patch_size\": 1, \"patch_size_t\": 1, \"num_attention_heads\": 32, \"attention_head_dim\": 64, \"in_channels\": 128}", 419000000,
              "{\"block_out_channels\": [128, 256, 512, 512], \"latent_channels\": 128, \"patch_size\": 4, \"patch_size_t\": 1, \"spatio_temporal_scaling\": [true, true, true, false]}");
    assert_true(p.video && p.patch == 1 && p.vae_scale == 32 && p.vae_scale_t == 8 && p.vae_patch == 4 && p.vae_width == 128);
    struct bt_err err = { 0 };
    struct bt_pipeline_part *t = part_named(&p, "transformer");
    assert_true(bt_pipeline_config("transformer", bt_str("{\"patch_size\": [1, 2, -2]}"), &p, t, &err) < 0);
    assert_true(bt_pipeline_config("transformer", bt_str("{\"patch_size\": [[1, 2, 3], 2, [4, 5, 6]]}"), &p, t, &err) < 0);
    p = video("MochiPipeline", "AutoencoderKLMochi", 1, 1, "{\"patch_size\": 2, \"num_attention_heads\": 24, \"attention_head_dim\": 128}", 1,
              "{\"decoder_block_out_channels\": [128, 256, 512, 768], \"spatial_expansions\": [2, 2, 2], \"temporal_expansions\": [1, 2, 3]}");
    assert_true(p.video && p.vae_scale == 8 && p.vae_scale_t == 6 && p.vae_width == 128);
}

/* HunyuanVideo's README, one GPU, one part at a time: 60 GB for 129 frames of 1280x720, 45 GB for 960x544. Wan's: 1.3B with its text encoder on the CPU, 81 frames of 832x480, 8.19 GB. */
static void published_videos(void **st)
{
    (void)st;
    struct bt_pipeline p = hunyuan();
    struct bt_job_need large = need_job(&p, (struct bt_job){ .offload = true }), small = need_job(&p, (struct bt_job){ .offload = true, .width = 960, .height = 544 });
    assert_near(total(&large), 60, 1.5);
    assert_near(total(&small), 45, 1.5);
    struct bt_job_need whole = need_job(&p, (struct bt_job){ 0 });
    assert_near(total(&whole) - total(&large), (8030261248.0 + 246469699.0) * 2 / GB, 0.01);         /* all parts on the card */
    p = video("WanPipeline", "AutoencoderKLWan", 1, 1418996800, "{\"patch_size\": [1, 2, 2], \"num_attention_heads\": 12, \"attention_head_dim\": 128, \"in_channels\": 16}", 126892531,
              "{\"base_dim\": 96, \"dim_mult\": [1, 2, 4, 4], \"z_dim\": 16, \"temperal_downsample\": [false, true, true]}");
    struct bt_job_need wan = need_job(&p, (struct bt_job){ .offload = true });
    assert_near(total(&wan), 8.19, 0.6);
}

/* diffusers' docs and the model cards: CogVideoX-2b, 49 frames of 720x480: 33 GB, and 19 GB one part at a time; 5b one part at a time and in tiles, so by its transformer: 20.7 GB. */
static void cogvideox(void **st)
{
    (void)st;
    struct bt_pipeline two = cog(1693728832, 30), five = cog(5570283072, 48);
    struct bt_job_need whole = need_job(&two, (struct bt_job){ .dtype = BT_JOB_FLOAT16 }), apart = need_job(&two, (struct bt_job){ .dtype = BT_JOB_FLOAT16, .offload = true });
    assert_near(total(&whole), 33, 1.5);
    assert_near(total(&apart), 19, 1.5);
    five.vae_width = 1;
    struct bt_job_need transformer = need_job(&five, (struct bt_job){ .offload = true });
    assert_near(total(&transformer), 20.7, 1.5);
    struct bt_job_need shorter = need_job(&two, (struct bt_job){ .dtype = BT_JOB_FLOAT16, .frames = 9 });
    assert_true(shorter.bytes < whole.bytes);
}

static void a_video_that_does_not_fit(void **st)
{
    (void)st;
    struct bt_pipeline p = hunyuan();
    struct bt_job_of of = { .pipeline = &p };
    struct bt_gpu card = card_of(79.25, 9);
    struct bt_err err = { 0 };
    struct bt_job j = { .kind = BT_JOB_DIFFUSION };
    struct bt_job_advice *way;
    size_t n;
    bool offload = false, frames = false;
    assert_int_equal(bt_job_advise(&a, &of, &j, 1, 8, &card, card.total_bytes, &way, &n, &err), 0);
    for (size_t i = 0; i < n; i++) {
        struct bt_job_need again;
        assert_int_equal(bt_job_berth(&a, &of, &way[i].job, &card, card.total_bytes, &again, &err), 0);
        assert_true(again.bytes <= card.total_bytes);
        offload = offload || !strcmp(way[i].flags, "--offload");
        frames = frames || !strcmp(way[i].key, "frames");
    }
    assert_true(offload && frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_read), cmocka_unit_test(four_images_of_sdxl), cmocka_unit_test(the_denoiser_alone), cmocka_unit_test(grows_with_pixels_and_images),
        cmocka_unit_test(what_is_not_reckoned_says_so), cmocka_unit_test(shapes_of_videos), cmocka_unit_test(published_videos), cmocka_unit_test(cogvideox), cmocka_unit_test(a_video_that_does_not_fit),
    };
    int rc = cmocka_run_group_tests(tests, no_cache, NULL);
    bt_arena_release(&a);
    return rc;
}
