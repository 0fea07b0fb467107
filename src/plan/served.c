/* served - the weights as they are read for each token: from host RAM over the bus (vLLM's --cpu-offload-gb), or by the processor, whose rate is not known. */
#include "plan/plan_int.h"

/* GB/s from host RAM to one card, measured: docs/plan.md. Generation 3 is 12; a bus that is not known is taken for that. */
static double host_link_gbs(const struct bt_gpu *g)
{
    const char *pcie = g->kind && g->kind->pcie ? g->kind->pcie : "";
    return pcie[0] == '5' ? 55 : pcie[0] == '4' ? 25 : 12;
}

void pl_pace_offloaded(const struct bt_need *need, uint32_t stages, const struct bt_gpu *card, struct bt_pace *pace)
{
    if (bt_need_partly_on_cpu(need)) {
        *pace = (struct bt_pace){ .link = "" };
        return;
    }
    uint64_t most = 0;                               /* tensor-parallel ranks and engines behind one front read side by side; stages one after the other */
    for (size_t i = 0; i < need->nranks && i < stages; i++)
        most += need->rank[i].host_bytes;
    if (!most || !pace->known || strcmp(need->engine->name, "vllm"))
        return;
    double ms = (double)most / (host_link_gbs(card) * 1e9) * 1e3;
    pace->weights_ms += ms;
    pace->step_ms += ms;
    pace->decode_tok_s = 1e3 / pace->step_ms;
    pace->error_share = BT_MAX(pace->error_share, 0.2);              /* no measured row */
}
