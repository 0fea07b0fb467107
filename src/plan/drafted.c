/* drafted - what speculation makes of an instance's rate, where as many tokens are kept as is usual. Shown beside the rate without; nothing is ranked by it. */
#include "plan/plan_int.h"

static enum bt_pace_drafter kind_of(const char *name)
{
    for (int i = BT_DRAFT_NGRAM; i < BT_DRAFT__N; i++)
        if (!strcmp(name, bt_pace_drafter_name((enum bt_pace_drafter)i)))
            return (enum bt_pace_drafter)i;
    return BT_DRAFT_NONE;
}

bool bt_plan_drafted(const struct bt_fleet *fleet, const struct bt_plan_instance *in, struct bt_pace_draft *d, struct bt_pace_drafted *out)
{
    *d = (struct bt_pace_draft){ .kind = BT_DRAFT_NONE };
    *out = (struct bt_pace_drafted){ 0 };
    const char *name = in->need ? bt_need_draft_kind(in->need->model, in->need->engine, &in->need->serve, &d->tokens) : NULL;
    if (!name)
        return false;
    if (!in->nranks || !in->pace.known)
        return true;
    d->kind = kind_of(name);
    d->model = d->kind == BT_DRAFT_MODEL ? in->need->model->draft : NULL;
    struct bt_pace_in asked = { .model = in->need->model,
                                .engine = in->need->engine,
                                .version = in->need->version,
                                .card = &fleet->gpus[in->rank[0].gpu],
                                .tp = in->tp,
                                .pp = in->pp,
                                .context = PL_PACE_AT_TOKENS,
                                .quantization = in->need->serve.quantization,
                                .nvlink = !strcmp(in->pace.link, "NVLink") };
    bt_pace_drafted(&asked, d, out);
    if (!out->known)
        d->kind = BT_DRAFT_NONE;
    out->decode_tok_s = out->gain * in->pace.decode_tok_s;           /* unequal stages, weights in RAM: what slows it without drafts slows it with them */
    return true;
}
