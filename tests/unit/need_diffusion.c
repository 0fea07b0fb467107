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
    configure(&p, "vae", 1, "{\"temporal_compression_ratio\": 8}");
    struct bt_gpu card = card_of(79.25, 8);
    struct bt_job_need n;
    err = (struct bt_err){ 0 };
    assert_true(bt_need_job(&a, &(struct bt_job_of){ .pipeline = &p }, &(struct bt_job){ .kind = BT_JOB_DIFFUSION }, &card, &n, &err) < 0);
    assert_true(err.code == BT_E_INPUT && strstr(err.msg, "video") && strstr(err.hint, "like"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_read), cmocka_unit_test(four_images_of_sdxl), cmocka_unit_test(the_denoiser_alone), cmocka_unit_test(grows_with_pixels_and_images),
        cmocka_unit_test(what_is_not_reckoned_says_so),
    };
    int rc = cmocka_run_group_tests(tests, no_cache, NULL);
    bt_arena_release(&a);
    return rc;
}
