/* argv - a command line written word by word, the user's own flags winning over ours. */
#include <inttypes.h>
#include "base/units.h"
#include "engine/engine_int.h"

void engine_word(struct engine_argv *v, const char *z)
{
    BT_PUSH(v->in->arena, v->out->argv.v, v->out->argv.n, z);
}

static bool same_name(const char *word, size_t n, const char *name)
{
    size_t i = 0;
    for (; name && i < n && name[i]; i++)
        if (word[i] != name[i] && !(word[i] == '_' && name[i] == '-'))
            return false;
    return name && i == n && !name[i];
}

static const struct bt_opt *flag_of(const struct bt_opt *flags, const char *word, size_t n)
{
    for (; flags->name; flags++)
        if (same_name(word, n, flags->name) || same_name(word, n, flags->alias))
            return flags;
    return NULL;
}

const struct bt_opt *bt_engine_flag(const struct bt_engine *e, const char *word)
{
    if (!e->flags || word[0] != '-')
        return NULL;
    word += 1 + (word[1] == '-');
    return flag_of(e->flags, word, strcspn(word, "="));
}

/* By any of its names: two rows that fill the same field are one flag. */
static bool user_says(const struct engine_argv *v, const struct bt_opt *ours)
{
    for (size_t i = 0; v->in->raw && i < v->in->raw->n; i++) {
        const char *w = v->in->raw->v[i];
        if (w[0] != '-')
            continue;
        w += 1 + (w[1] == '-');
        const struct bt_opt *theirs = flag_of(v->flags, w, strcspn(w, "="));
        if (theirs && (theirs == ours || (ours->off && theirs->off == ours->off)))
            return true;
    }
    return false;
}

void engine_flag(struct engine_argv *v, const char *name, const char *value)
{
    const struct bt_opt *opt = flag_of(v->flags, name, strlen(name));
    if (opt && user_says(v, opt))
        return;
    engine_word(v, v->short_names && opt && opt->alias ? bt_arena_printf(v->in->arena, "-%s", opt->alias) : bt_arena_printf(v->in->arena, "--%s", name));
    if (value)
        engine_word(v, value);
}

void engine_flag_u64(struct engine_argv *v, const char *name, uint64_t n)
{
    engine_flag(v, name, bt_arena_printf(v->in->arena, "%" PRIu64, n));
}

void engine_env(struct engine_argv *v, const char *key, const char *value)
{
    struct bt_engine_env row = { key, value };
    BT_PUSH(v->in->arena, v->out->env, v->out->nenv, row);
}

void engine_raw(struct engine_argv *v)
{
    for (size_t i = 0; v->in->raw && i < v->in->raw->n; i++)
        engine_word(v, v->in->raw->v[i]);
}

void engine_cut(struct engine_argv *v, const char *variable)
{
    const struct bt_serve *s = v->in->serve;
    bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
    if (!s->cut || s->pp < 2 || s->ncut != s->pp)
        return;
    for (uint64_t i = 0; i < s->pp; i++)
        bt_buf_printf(&b, "%s%" PRIu32, i ? "," : "", s->cut[i]);
    engine_env(v, variable, bt_arena_strdup(v->in->arena, bt_buf_z(&b)));
}
