/* estimate_command - the command line that starts what was estimated, with every size pinned. */
#include <stdio.h>

#include "cmd/estimate.h"

/* With --fit off and every size given, the engine takes the same memory every time (llama.cpp common/fit.cpp). */
static const char *llama_command(const struct estimate *e, uint64_t *per_gpu_kv)
{
    const struct bt_need *n = e->fit->need;
    const struct bt_serve *s = &n->serve;
    const struct bt_llama_serve *l = &s->llama;
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    *per_gpu_kv = e->fit->rank[e->fit->busiest].kv_bytes;
    bt_buf_printf(&b, "llama-server %s %s -c %llu -np %llu%s -b %llu -ub %llu", e->model->hub ? "-hf" : "-m", e->model->file ? e->model->file : e->model->id, (unsigned long long)s->context,
                  (unsigned long long)s->max_seqs, l->unified ? " -kvu" : "", (unsigned long long)s->max_batched_tokens, (unsigned long long)l->ubatch);
    if (l->gpu_layers >= UINT32_MAX)
        bt_buf_puts(&b, " -ngl all");
    else
        bt_buf_printf(&b, " -ngl %llu", (unsigned long long)l->gpu_layers);
    for (uint64_t i = 0; s->pp > 1 && i < s->pp; i++)
        bt_buf_printf(&b, "%s%g", i ? "," : " -ts ", l->nsplit ? l->split[i] : 1);
    if (strcmp(l->kv_k, "f16") || strcmp(l->kv_v, "f16"))
        bt_buf_printf(&b, " -ctk %s -ctv %s", l->kv_k, l->kv_v);
    if (l->flash_attn)
        bt_buf_printf(&b, " -fa %s", l->flash_attn);
    bt_buf_printf(&b, "%s%s%s", l->kv_on_host ? " -nkvo" : "", l->swa_full ? " --swa-full" : "", l->cpu_moe ? " --cpu-moe" : "");
    if (l->n_cpu_moe)
        bt_buf_printf(&b, " --n-cpu-moe %llu", (unsigned long long)l->n_cpu_moe);
    bt_buf_printf(&b, " --cache-ram %llu --fit off", (unsigned long long)l->cache_ram_mib);
    return bt_arena_strdup(e->arena, bt_buf_z(&b));
}

/* A pool of exactly this size, a table for as many requests as it holds, and the same slack. */
static const char *sglang_command(const struct estimate *e, uint64_t *per_gpu_kv)
{
    const struct bt_need *n = e->fit->need;
    const struct bt_serve *s = &n->serve;
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    uint64_t context = BT_MIN(e->fit->asked, e->fit->longest);
    *per_gpu_kv = e->fit->rank[e->fit->busiest].kv_bytes;
    bt_buf_printf(&b, "python -m sglang.launch_server --model-path %s", e->model->id);
    if (s->tp > 1)
        bt_buf_printf(&b, " --tp %llu", (unsigned long long)s->tp);
    if (s->pp > 1)
        bt_buf_printf(&b, " --pp-size %llu", (unsigned long long)s->pp);
    bt_buf_printf(&b, " --context-length %llu --mem-fraction-static %.3f --max-total-tokens %llu --chunked-prefill-size %llu", (unsigned long long)context, s->utilization,
                  (unsigned long long)e->fit->tokens, (unsigned long long)s->max_batched_tokens);
    if (s->sglang.seqs_given)
        bt_buf_printf(&b, " --max-running-requests %llu", (unsigned long long)s->max_seqs);
    if (s->dtype)
        bt_buf_printf(&b, " --dtype %s", s->dtype);
    if (s->kv_dtype && strcmp(s->kv_dtype, "auto"))
        bt_buf_printf(&b, " --kv-cache-dtype %s", !strcmp(s->kv_dtype, "bfloat16") ? "bf16" : s->kv_dtype);
    if (s->eager)
        bt_buf_puts(&b, " --disable-cuda-graph");
    if (s->lora)
        bt_buf_printf(&b, " --enable-lora --max-loras-per-batch %llu --max-lora-rank %llu", (unsigned long long)s->max_loras, (unsigned long long)s->max_lora_rank);
    if (s->cpu_offload_gib > 0)
        bt_buf_printf(&b, " --cpu-offload-gb %.4g", s->cpu_offload_gib);
    return bt_arena_strdup(e->arena, bt_buf_z(&b));
}

const char *estimate_command(const struct estimate *e, uint64_t *per_gpu_kv)
{
    const struct bt_need *n = e->fit->need;
    const struct bt_serve *s = &n->serve;
    if (!strcmp(e->engine->name, "llama-server"))
        return llama_command(e, per_gpu_kv);
    if (!strcmp(e->engine->name, "sglang"))
        return sglang_command(e, per_gpu_kv);
    uint64_t context = BT_MIN(e->fit->asked, e->fit->longest), kv = 0;
    double share = 0;
    for (size_t i = 0; i < n->nranks; i++) {
        const struct bt_need_rank *r = &n->rank[i];
        uint64_t mine = BT_MIN(e->fit->rank[i].kv_bytes, bt_need_kv_cap(n, r, context));
        kv = BT_MAX(kv, mine);
    }
    for (size_t i = 0; i < n->nranks; i++)
        share = BT_MAX(share, bt_need_utilization(n, &n->rank[i], kv, e->card.total_bytes));
    *per_gpu_kv = kv;
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    bt_buf_printf(&b, "vllm serve %s", e->model->id);
    if (s->tp > 1)
        bt_buf_printf(&b, " --tensor-parallel-size %llu", (unsigned long long)s->tp);
    if (s->pp > 1)
        bt_buf_printf(&b, " --pipeline-parallel-size %llu", (unsigned long long)s->pp);
    bt_buf_printf(&b, " --max-model-len %llu --max-num-seqs %llu --max-num-batched-tokens %llu", (unsigned long long)context, (unsigned long long)s->max_seqs,
                  (unsigned long long)s->max_batched_tokens);
    if (e->version->has_kv_bytes)
        bt_buf_printf(&b, " --kv-cache-memory-bytes %llu", (unsigned long long)kv);
    bt_buf_printf(&b, " --gpu-memory-utilization %.4g", share);
    if (s->dtype)
        bt_buf_printf(&b, " --dtype %s", s->dtype);
    if (s->kv_dtype)
        bt_buf_printf(&b, " --kv-cache-dtype %s", s->kv_dtype);
    if (s->eager)
        bt_buf_puts(&b, " --enforce-eager");
    if (s->lora)
        bt_buf_printf(&b, " --enable-lora --max-loras %llu --max-lora-rank %llu", (unsigned long long)s->max_loras, (unsigned long long)s->max_lora_rank);
    if (s->cpu_offload_gib > 0)
        bt_buf_printf(&b, " --cpu-offload-gb %.4g", s->cpu_offload_gib);
    return bt_arena_strdup(e->arena, bt_buf_z(&b));
}
