/* ops - the list of engines whose memory is known. */
#include "need/ops.h"

static const struct need_ops *const rows[] = { &need_vllm_ops, &need_sglang_ops, &need_llama_ops };

const struct need_ops *need_ops_of(const struct bt_engine *e)
{
    for (size_t i = 0; e && i < BT_LEN(rows); i++)
        if (!strcmp(rows[i]->engine, e->name))
            return rows[i];
    return rows[0];
}
