/* fuzz_pipeline.c - model_index.json, and the same bytes as the config.json of each part; what was understood is reckoned. */
#include "model/pipeline.h"
#include "need/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    bt_auto_arena a = { 0 };
    struct bt_str text = { (const char *)p, n };
    struct bt_err err = { 0 };
    struct bt_pipeline pipe = { .id = "fuzz" };
    if (bt_pipeline_index(&a, "fuzz", text, &pipe, &err) < 0) {
        if (!err.code || !err.msg[0])
            abort();
        struct bt_pipeline_part *parts = BT_NEWN(&a, struct bt_pipeline_part, 3);
        parts[0] = (struct bt_pipeline_part){ "unet", "U", BT_PART_UNET, 1, false };
        parts[1] = (struct bt_pipeline_part){ "transformer", "T", BT_PART_TRANSFORMER, 1, false };
        parts[2] = (struct bt_pipeline_part){ "vae", "V", BT_PART_VAE, 1, false };
        pipe = (struct bt_pipeline){ .id = "fuzz", .class_name = "XL", .part = parts, .n = 3 };
    }
    if (!pipe.class_name || !pipe.n || pipe.n > BT_PIPELINE_PARTS)
        abort();
    for (size_t i = 0; i < pipe.n; i++) {
        struct bt_err why = { 0 };
        if (bt_pipeline_config("fuzz", text, &pipe, &pipe.part[i], &why) < 0 && !why.msg[0])
            abort();
    }
    struct bt_job j = { .kind = BT_JOB_DIFFUSION, .batch = n ? p[0] : 1 };
    struct bt_gpu card = { .cc_major = 8, .total_bytes = (uint64_t)40 << 30 };
    struct bt_job_need need;
    uint64_t sum = 0;
    if (bt_need_job(&a, &(struct bt_job_of){ .pipeline = &pipe }, &j, &card, &need, &err) < 0)
        return 0;
    for (size_t i = 0; i < need.n; i++)
        sum += need.line[i].bytes;
    if (need.bytes > BT_NEED_CAP || (sum < BT_NEED_CAP && sum != need.bytes))
        abort();
    return 0;
}
