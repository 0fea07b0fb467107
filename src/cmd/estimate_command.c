/* estimate_command - the command line that starts what was estimated, with every size pinned. */
#include "cmd/estimate.h"
#include "launch/export.h"
#include "need/ops.h"

/* For a shell: a path with a blank, a regular expression and JSON stay one word each. The first words are how the engine is called. */
static const char *joined(struct bt_arena *a, const struct bt_strs *words)
{
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    for (size_t i = 0; i < words->n; i++) {
        bt_buf_printf(&b, "%s", i ? " " : "");
        bt_ex_shell_word(&b, words->v[i]);
    }
    return bt_arena_strdup(a, bt_buf_z(&b));
}

/* No more KV than all sequences can use; one number for all ranks. */
static uint64_t kv_of_a_rank(const struct estimate *e, uint64_t context, uint64_t *tokens)
{
    const struct bt_need *n = e->fit->need;
    uint64_t kv = 0;
    *tokens = UINT64_MAX;
    for (size_t i = 0; i < n->nranks; i++) {
        uint64_t mine = BT_MIN(e->fit->rank[i].kv_bytes, bt_need_kv_cap(n, &n->rank[i], context));
        *tokens = BT_MIN(*tokens, bt_need_kv_tokens(n, &n->rank[i], mine));
        kv = BT_MAX(kv, mine);
    }
    return kv;
}

const char *estimate_command(const struct estimate *e, uint64_t *per_gpu_kv)
{
    const struct bt_need *n = e->fit->need;
    struct bt_serve s = n->serve;
    struct bt_engine_command out = { 0 };
    uint64_t room = e->card.total_bytes > e->card.others_bytes ? e->card.total_bytes - e->card.others_bytes : 0, context = BT_MIN(e->fit->asked, e->fit->longest);
    uint64_t tokens;
    double share = 0;
    *per_gpu_kv = kv_of_a_rank(e, context, &tokens);
    for (size_t i = 0; i < n->nranks; i++)
        share = BT_MAX(share, bt_need_share(n, &n->rank[i], *per_gpu_kv, e->card.total_bytes, room));
    if (!n->ops->context_is_pool)
        s.context = context;
    struct bt_engine_start start = { .arena = e->arena, .version = e->version, .serve = &s, .model = e->model->file ? e->model->file : e->model->id, .hub = e->model->hub != NULL || (e->model->gguf && !e->model->file),
                                     .kv_bytes = *per_gpu_kv, .kv_tokens = tokens, .share = share, .on_host = n->on_host, .brief = true };
    e->engine->start(&start, &out);
    for (size_t i = 0; e->paste && i < s.extra.n; i++)
        if (paste_ledger_reads(e->engine, s.extra.v[i]))             /* as the answer has counted it */
            BT_PUSH(e->arena, out.argv.v, out.argv.n, s.extra.v[i]);
    return joined(e->arena, &out.argv);
}
