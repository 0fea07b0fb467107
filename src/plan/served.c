/* served - the weights as they are read for each token: of a quantised sibling, or from host RAM over the bus (vLLM's --cpu-offload-gb). */
#include "plan/plan_int.h"

const struct bt_model *pl_model_as(struct bt_arena *a, const struct bt_model *m, const char *method)
{
    struct bt_model *as = BT_NEW(a, struct bt_model);
    struct bt_err ignored = { 0 };
    *as = *m;
    if (m->quantization || m->gguf || !bt_model_architecture_known(m->architecture) || !bt_model_quant_method(method, &as->quant))
        return NULL;
    as->quantization = method;
    as->tensors = NULL;
    as->ntensors = 0;
    as->file_bytes = 0;
    return bt_model_derive(a, as, &ignored) == 0 && as->ntensors ? as : NULL;
}

/* GB/s from host RAM to one card, measured: docs/plan.md. Generation 3 is 12; a bus that is not known is taken for that. */
static double host_link_gbs(const struct bt_gpu *g)
{
    const char *pcie = g->kind && g->kind->pcie ? g->kind->pcie : "";
    return pcie[0] == '5' ? 55 : pcie[0] == '4' ? 25 : 12;
}

void pl_pace_offloaded(const struct bt_need *need, const struct bt_gpu *card, struct bt_pace *pace)
{
    uint64_t most = 0;                               /* tensor-parallel ranks read side by side; stages one after the other */
    for (size_t i = 0; i < need->nranks; i++)
        most += need->rank[i].host_bytes;
    if (!most || !pace->known || strcmp(need->engine->name, "vllm"))
        return;
    double ms = (double)most / (host_link_gbs(card) * 1e9) * 1e3;
    pace->weights_ms += ms;
    pace->step_ms += ms;
    pace->decode_tok_s = 1e3 / pace->step_ms;
    pace->error_share = BT_MAX(pace->error_share, 0.2);              /* no measured row */
}
