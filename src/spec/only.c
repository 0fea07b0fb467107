/* only - one job of a spec, with values of its matrix given by hand: what is left of the spec when nothing but that is to run. */
#include "base/units.h"
#include "spec/spec_int.h"

static bool calls(struct bt_arena *a, const struct bt_workload *w, const char *name)
{
    const char *hole = bt_arena_printf(a, "{url:%s}", name);
    for (size_t i = 0; i < w->command.n; i++)
        if (strstr(w->command.v[i], hole))
            return true;
    for (size_t i = 0; i < w->args.n; i++)
        if (strstr(w->args.v[i], hole))
            return true;
    for (size_t i = 0; i < w->nenv; i++)
        if (w->env[i].value && strstr(w->env[i].value, hole))
            return true;
    return false;
}

/* Does w need that one to run? Another job is not needed: it is taken to be done. */
static bool needs(struct bt_arena *a, const struct bt_workload *w, const struct bt_workload *other)
{
    if (other->kind == BT_JOB)
        return false;
    for (size_t i = 0; i < w->nafter; i++)
        if (!strcmp(w->after[i].name, other->name))
            return true;
    return calls(a, w, other->name) || (w->same_gpus_as && !strcmp(w->same_gpus_as, other->name)) ||
           (w->context.same_as && !strcmp(w->context.same_as, other->name));
}

static int set_value(struct bt_arena *a, struct bt_workload *w, const struct bt_spec_value *v, struct bt_err *err)
{
    for (size_t i = 0; i < w->nmatrix; i++)
        if (!strcmp(w->matrix[i].key, v->key)) {
            const char **one = BT_NEWN(a, const char *, 1);
            one[0] = v->value;
            w->matrix[i].values = (struct bt_strs){ one, 1 };
            return 0;
        }
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    for (size_t i = 0; i < w->nmatrix; i++)
        bt_buf_printf(&b, "%s--%s", i ? ", " : "", w->matrix[i].key);
    bt_err_set(err, BT_E_USAGE, 0, "%s has no \"%.60s\" in its matrix", w->name, v->key);
    return bt_err_hint(err, w->nmatrix ? "it has %s" : "it has no matrix: it is one task%s", w->nmatrix ? bt_buf_z(&b) : "");
}

/* What it says about those that are gone says nothing any more. */
static void forget_gone(const struct bt_spec *s, struct bt_workload *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->nafter; i++)
        if (bt_spec_find(s, w->after[i].name))
            w->after[n++] = w->after[i];
    w->nafter = n;
    n = 0;
    for (size_t i = 0; i < w->apart.n; i++)
        if (bt_spec_find(s, w->apart.v[i]))
            w->apart.v[n++] = w->apart.v[i];
    w->apart.n = n;
    n = 0;
    for (size_t i = 0; i < w->share_with.n; i++)
        if (bt_spec_find(s, w->share_with.v[i]))
            w->share_with.v[n++] = w->share_with.v[i];
    w->share_with.n = n;
    if (w->same_gpus_as && !bt_spec_find(s, w->same_gpus_as))
        w->same_gpus_as = NULL;
    w->phases = (struct bt_strs){ 0 };
}

static bool of_kept(const struct bt_spec *s, const char *path)
{
    size_t n;
    if (strncmp(path, "workloads.", 10))
        return true;
    for (size_t i = 0; i < s->n; i++)
        if (n = strlen(s->w[i].name), !strncmp(path + 10, s->w[i].name, n) && path[10 + n] == '.')
            return true;
    return false;
}

static int find_job(struct bt_spec *s, const char *name, size_t *out, struct bt_err *err)
{
    for (*out = 0; *out < s->n && strcmp(s->w[*out].name, name); ++*out) {
    }
    if (*out < s->n && s->w[*out].kind == BT_JOB)
        return 0;
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    for (size_t i = 0; i < s->n; i++)
        if (s->w[i].kind == BT_JOB)
            bt_buf_printf(&b, "%s%s", b.n ? ", " : "", s->w[i].name);
    bt_err_set(err, BT_E_USAGE, 0, *out < s->n ? "%s: %.60s is no job" : "%s has no workload \"%.60s\"", s->path, name);
    return bt_err_hint(err, b.n ? "its jobs: %s; a command of your own stands after --" : "it has no job; a command of your own stands after --%s",
                       bt_buf_z(&b));
}

int bt_spec_only(struct bt_arena *a, struct bt_spec *s, const struct bt_spec_only *o, struct bt_err *err)
{
    size_t job, kept = 0, nlater = 0;
    if (find_job(s, o->job, &job, err) < 0)
        return -1;
    for (size_t i = 0; i < o->nvalues; i++)
        if (set_value(a, &s->w[job], &o->value[i], err) < 0)
            return -1;
    s->w[job].copies.min = s->w[job].copies.set ? BT_MIN(s->w[job].copies.min, (uint64_t)1) : 0;      /* fewer slots beside what runs */
    bool *keep = BT_NEWN(a, bool, s->n);
    keep[job] = true;
    for (bool more = !o->beside; more;) {
        more = false;
        for (size_t i = 0; i < s->n; i++)
            for (size_t j = 0; keep[i] && j < s->n; j++)
                if (!keep[j] && needs(a, &s->w[i], &s->w[j]))
                    keep[j] = more = true;
    }
    for (size_t i = 0; o->beside && i < s->n; i++)
        if (calls(a, &s->w[job], s->w[i].name))
            BT_PUSH(a, s->outside, s->noutside, ((struct bt_spec_url){ s->w[i].name, NULL }));
    for (size_t i = 0; i < s->n; i++)
        if (keep[i])
            s->w[kept++] = s->w[i];
    s->n = kept;
    for (size_t i = 0; i < s->n; i++)
        forget_gone(s, &s->w[i]);
    for (size_t i = 0; i < s->nlater; i++)
        if (of_kept(s, s->later[i].path))
            s->later[nlater++] = s->later[i];
    s->nlater = nlater;
    s->phases = (struct bt_strs){ 0 };
    s->tasks_of = s->name;
    return 0;
}
