/* diffusion.h - inside of need: the lines of a job that makes images. */
#ifndef BT_NEED_DIFFUSION_H
#define BT_NEED_DIFFUSION_H
#include "model/pipeline.h"
#include "need/job.h"

/* As bt_need_job(), for BT_JOB_DIFFUSION; out->batch is set. */
BT_MUST_CHECK int need_diffusion(struct bt_arena *a, const struct bt_pipeline *p, const struct bt_job *j, const struct bt_gpu *card, struct bt_job_need *out, struct bt_err *err);
#endif
