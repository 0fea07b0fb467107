/* export - a plan file with its holes filled: ports chosen, addresses known, tasks dealt to their slots, and an order of starts. */
#include "base/units.h"
#include "launch/export.h"

#include <stdio.h>

#define FIRST_PORT 8000
#define CONTAINER_WORDS (3 * MiB / 2)          /* of 2 MiB, the rest is the environment's */
#define FIRST_INTERNAL 20000
#define MAX_TASKS 10000

const char *const bt_export_names[BT_EXPORT__N + 1] = { "env", "sh", "compose", "systemd", NULL };

struct making {
    struct bt_arena *a;
    struct bt_err *err;
    const struct bt_planfile *p;
    const char *node; /* NULL: all that there is */
    struct bt_ex *x;
    uint32_t next_port, next_internal;
};

void bt_ex_shell_word(struct bt_buf *b, const char *z)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+";
    if (*z && !z[strspn(z, plain)]) {
        bt_buf_puts(b, z);
        return;
    }
    bt_buf_puts(b, "'");
    for (; *z; z++)
        *z == '\'' ? bt_buf_puts(b, "'\\''") : bt_buf_add(b, z, 1);
    bt_buf_puts(b, "'");
}

/* ---- holes ---- */

struct task {
    const struct bt_pf_instance *pf;
    size_t index;
};

static uint64_t task_count(const struct bt_pf_instance *pf)
{
    uint64_t n = pf->has_tasks ? BT_MAX(pf->shards, 1u) : 1;
    for (size_t i = 0; pf->has_tasks && i < pf->nmatrix; i++)
        if (!bt_mul_u64(n, pf->matrix[i].values.n, &n))
            return UINT64_MAX;
    return n;
}

/* The shard turns fastest, then the last key of the matrix: as the daemon's queue does. */
static const char *task_value(struct bt_arena *a, const struct task *t, struct bt_str key)
{
    size_t at = t->index, shards = (size_t)BT_MAX(t->pf->shards, 1u);
    if (bt_str_eq(key, "shard"))
        return bt_arena_printf(a, "%zu", at % shards);
    if (bt_str_eq(key, "shards"))
        return bt_arena_printf(a, "%zu", shards);
    at /= shards;
    for (size_t i = t->pf->nmatrix; i-- > 0; at /= BT_MAX(t->pf->matrix[i].values.n, 1u))
        if (bt_str_eq(key, t->pf->matrix[i].key))
            return t->pf->matrix[i].values.v[at % BT_MAX(t->pf->matrix[i].values.n, 1u)];
    return NULL;
}

static const struct bt_ex_item *listening(const struct making *m, struct bt_str workload, const char *phase)
{
    for (size_t i = 0; i < m->x->n; i++) {
        const struct bt_ex_item *it = &m->x->item[i];
        if (it->port && bt_str_eq(workload, it->pf->workload) && !strcmp(it->phase, phase))
            return it;
    }
    for (size_t i = 0; i < m->x->n; i++) /* of another phase: it stays */
        if (m->x->item[i].port && bt_str_eq(workload, m->x->item[i].pf->workload))
            return &m->x->item[i];
    return NULL;
}

/* What stands in for {hole}; NULL: none of ours, the text stays. */
static const char *hole(struct making *m, const struct bt_ex_item *it, const struct task *t, struct bt_str name)
{
    if (bt_str_eq(name, "port") && it->port)
        return bt_arena_printf(m->a, "%u", it->port);
    if (bt_str_eq(name, "internal") && it->internal)
        return bt_arena_printf(m->a, "%u", it->internal);
    if (bt_str_starts(name, "url:")) {
        const struct bt_ex_item *to = listening(m, (struct bt_str){ name.p + 4, name.n - 4 }, it->phase);
        return to ? bt_arena_printf(m->a, "http://127.0.0.1:%u", to->port) : NULL;
    }
    if (bt_str_starts(name, "job.") && it->pf->has_tasks)
        return task_value(m->a, t, (struct bt_str){ name.p + 4, name.n - 4 });
    return NULL;
}

static const char *fill(struct making *m, const struct bt_ex_item *it, const struct task *t, const char *text)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    for (const char *p = text; *p;) {
        const char *close = *p == '{' ? strchr(p, '}') : NULL;
        const char *v = close ? hole(m, it, t, (struct bt_str){ p + 1, (size_t)(close - p - 1) }) : NULL;
        if (v) {
            bt_buf_puts(&b, v);
            p = close + 1;
        } else {
            bt_buf_add(&b, p++, 1);
        }
    }
    return bt_arena_strdup(m->a, bt_buf_z(&b));
}

/* ---- ports ---- */

/* Some phase has both of them. */
static bool meet(const struct making *m, const char *a, const char *b)
{
    for (size_t i = 0; i < m->x->n; i++)
        for (size_t j = 0; j < m->x->n && !strcmp(m->x->item[i].pf->id, a); j++)
            if (!strcmp(m->x->item[j].pf->id, b) && !strcmp(m->x->item[j].phase, m->x->item[i].phase))
                return true;
    return false;
}

/* it: by somebody who is there when it is; NULL: by anybody. */
static bool port_taken(const struct making *m, const struct bt_ex_item *it, uint32_t port)
{
    for (size_t i = 0; i < m->x->n; i++) {
        const struct bt_ex_item *e = &m->x->item[i];
        if (e->port == port && (!it || (strcmp(e->pf->id, it->pf->id) && meet(m, e->pf->id, it->pf->id))))
            return true;
    }
    return false;
}

static const struct bt_ex_item *twin(const struct making *m, const struct bt_ex_item *it) /* the same instance in an earlier phase keeps its ports */
{
    for (const struct bt_ex_item *e = m->x->item; e < it; e++)
        if (!strcmp(e->pf->id, it->pf->id))
            return e;
    return NULL;
}

static const struct bt_pf_port *port_named(const struct bt_pf_instance *pf, const char *name)
{
    for (size_t k = 0; k < pf->nports; k++)
        if (!strcmp(pf->port[k].name, name))
            return &pf->port[k];
    return NULL;
}

/* The first of n ports in a row that nobody has, from *next on. */
static int free_ports(struct making *m, const struct bt_ex_item *it, uint32_t *next, uint32_t n, uint16_t *out)
{
    for (uint32_t run = 0; run < n; run++)
        if (port_taken(m, NULL, *next + run)) {
            *next += run + 1;
            run = UINT32_MAX;        /* from there again */
        }
    if (*next + n > 65536) {
        bt_err_set(m->err, BT_E_TOO_BIG, 0, "%s: no port is left for it up to 65535", it->pf->id);
        return bt_err_hint(m->err, "a lower --port N, the first of those that are chosen");
    }
    *out = (uint16_t)*next;
    *next += n;
    return 0;
}

static int choose_ports(struct making *m)
{
    for (int wanted = 1; wanted >= 0; wanted--) /* those that were asked for first: nobody else takes them */
        for (size_t i = 0; i < m->x->n; i++) {
            struct bt_ex_item *it = &m->x->item[i];
            const struct bt_pf_port *p = port_named(it->pf, "port");
            if (!p || it->port || (wanted && !p->want))
                continue;
            const struct bt_ex_item *same = twin(m, it);
            if (same && same->port)
                it->port = same->port;
            else if (wanted && !port_taken(m, it, p->want))
                it->port = p->want;
            else if (!wanted && free_ports(m, it, &m->next_port, 1, &it->port) < 0)
                return -1;
        }
    for (size_t i = 0; i < m->x->n; i++) {       /* an engine's own, beside all that others are asked on */
        struct bt_ex_item *it = &m->x->item[i];
        const struct bt_pf_port *p = port_named(it->pf, "internal");
        const struct bt_ex_item *same = twin(m, it);
        if (p && same && same->internal)
            it->internal = same->internal;
        else if (p && free_ports(m, it, &m->next_internal, p->block, &it->internal) < 0)
            return -1;
    }
    return 0;
}

/* ---- one instance ---- */

/* Cards of several machines are numbered through: each machine has its own from 0. */
static int index_there(const struct making *m, const struct bt_pf_rank *r)
{
    int before = 0;
    for (size_t g = 0; m->node && g < m->p->ngpus; g++)
        before += strcmp(m->p->gpu[g].node, m->node) != 0 && m->p->gpu[g].index < r->index;
    return r->index - before;
}

static const char *devices(struct making *m, const struct bt_pf_instance *pf)
{
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    for (size_t i = 0; i < pf->nranks; i++)
        m->p->live ? bt_buf_printf(&b, "%s%s", b.n ? "," : "", pf->rank[i].gpu) : bt_buf_printf(&b, "%s%d", b.n ? "," : "", index_there(m, &pf->rank[i]));
    return bt_arena_strdup(m->a, bt_buf_z(&b));
}

/* What is left open cannot be known on this machine. */
static int check_filled(struct making *m, const struct bt_pf_instance *pf, const char *text)
{
    if (strstr(text, "{gateway.url}") || strstr(text, "${gateway"))
        return bt_err_set(m->err, BT_E_STATE, 0, "%s talks to the gateway, and an export has none: give it ${workloads.NAME.url}", pf->id);
    const char *open = m->node ? strstr(text, "{url:") : NULL;
    if (!open)
        return 0;
    bt_err_set(m->err, BT_E_STATE, 0, "%s talks to %.*s, which is on another machine: its address is not known here", pf->id, (int)strcspn(open + 5, "}"),
               open + 5);
    return bt_err_hint(m->err, "give %s that address in a variable of your own, instead of ${workloads.NAME.url}", pf->workload);
}

static int fill_item(struct making *m, struct bt_ex_item *it)
{
    const struct bt_pf_instance *pf = it->pf;
    uint64_t tasks = task_count(pf), slots = 0;
    for (size_t i = 0; i < m->x->n; i++)
        slots += !strcmp(m->x->item[i].pf->workload, pf->workload) && !strcmp(m->x->item[i].phase, it->phase);
    if (tasks > MAX_TASKS)
        return bt_err_set(m->err, BT_E_TOO_BIG, 0, "%s has more than %d tasks: an export writes each of them down", pf->workload, MAX_TASKS);
    it->devices = devices(m, pf);
    for (uint64_t t = pf->has_tasks ? pf->replica : 0; t < tasks; t += pf->has_tasks ? BT_MAX(slots, 1u) : tasks) {
        struct task at = { pf, (size_t)t };
        struct bt_strs argv = { 0 };
        for (size_t i = 0; i < pf->argv.n; i++) {
            const char *w = fill(m, it, &at, pf->argv.v[i]);
            if (check_filled(m, pf, w) < 0)
                return -1;
            BT_PUSH(m->a, argv.v, argv.n, w);
        }
        BT_PUSH(m->a, it->run, it->nrun, argv);
    }
    struct task first = { pf, pf->replica };
    for (size_t i = 0; i < pf->nenv; i++) {
        struct bt_pf_env e = { pf->env[i].key, fill(m, it, &first, pf->env[i].value) };
        if (check_filled(m, pf, e.value) < 0)
            return -1;
        if (!strcmp(e.key, "CUDA_VISIBLE_DEVICES"))
            e.value = it->devices;
        BT_PUSH(m->a, it->env, it->nenv, e);
    }
    return 0;
}

/* ---- order ---- */

static void wait_for(struct making *m, struct bt_ex_item *it, size_t other, enum bt_ex_wait what, bool turn)
{
    for (size_t i = 0; i < it->nafter; i++)
        if (it->after[i].item == other) {
            it->after[i].what = BT_MAX(it->after[i].what, what);
            it->after[i].turn = it->after[i].turn && turn;
            return;
        }
    struct bt_ex_after row = { other, what, turn };
    BT_PUSH(m->a, it->after, it->nafter, row);
}

static bool share_a_card(const struct bt_pf_instance *a, const struct bt_pf_instance *b)
{
    for (size_t i = 0; i < a->nranks; i++)
        for (size_t j = 0; j < b->nranks; j++)
            if (!strcmp(a->rank[i].gpu, b->rank[j].gpu))
                return true;
    return false;
}

static enum bt_ex_wait wait_of(const char *what)
{
    return !strcmp(what, "started") ? BT_EX_STARTED : !strcmp(what, "ready") ? BT_EX_READY : BT_EX_DONE;
}

static bool demanded_by(const struct bt_pf_instance *pf, const char *workload)
{
    for (size_t i = 0; i < pf->nafter; i++)
        if (!strcmp(pf->after[i].workload, workload))
            return true;
    return false;
}

/* Items of one phase into to[], those first whom others wait for; of equals as in the plan. -1: a circle. */
static int order_phase(struct making *m, struct bt_ex_item *from, size_t n, struct bt_ex_item *to)
{
    bool *placed = BT_NEWN(m->a, bool, n + 1);
    for (size_t done = 0; done < n; done++) {
        size_t next = n;
        for (size_t i = 0; i < n && next == n; i++) {
            bool blocked = placed[i];
            for (size_t j = 0; j < n; j++)
                blocked = blocked || (!placed[j] && i != j && demanded_by(from[i].pf, from[j].pf->workload));
            next = blocked ? n : i;
        }
        if (next == n)
            return bt_err_set(m->err, BT_E_SPEC, 0, "`after` goes in a circle in phase %s: nobody of it can start first", from[0].phase);
        placed[next] = true;
        to[done] = from[next];
    }
    return 0;
}

static void link_items(struct making *m, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        struct bt_ex_item *it = &m->x->item[i];
        for (size_t k = 0; k < it->pf->nafter; k++)
            for (size_t j = first; j < i; j++)
                if (!strcmp(it->pf->after[k].workload, m->x->item[j].pf->workload))
                    wait_for(m, it, j, wait_of(it->pf->after[k].what), false);
        for (size_t j = first; j < i; j++) /* an engine measures free memory while it starts: nobody else may move then */
            if (!m->x->item[j].job && share_a_card(it->pf, m->x->item[j].pf))
                wait_for(m, it, j, BT_EX_READY, true);
    }
}

static int make_items(struct making *m)
{
    size_t total = 0, at = 0, *count = BT_NEWN(m->a, size_t, m->p->nphases + 1);
    for (size_t i = 0; i < m->p->nphases; i++)
        total += m->p->phase[i].n;
    m->x->item = BT_NEWN(m->a, struct bt_ex_item, total + 1);
    for (size_t i = 0; i < m->p->nphases; i++) {
        const struct bt_pf_phase *ph = &m->p->phase[i];
        struct bt_ex_item *list = BT_NEWN(m->a, struct bt_ex_item, ph->n + 1);
        for (size_t j = 0; j < ph->n; j++)
            if (!m->node || !strcmp(ph->inst[j].node, m->node))
                list[count[i]++] = (struct bt_ex_item){
                    .pf = &ph->inst[j], .phase = ph->name, .job = !strcmp(ph->inst[j].kind, "job"), .engine = strcmp(ph->inst[j].engine, "command") != 0
                };
        if (count[i] && order_phase(m, list, count[i], &m->x->item[at]) < 0)
            return -1;
        at += count[i];
    }
    total = at;
    m->x->n = total;
    if (choose_ports(m) < 0)
        return -1;
    for (size_t i = 0; i < total; i++)
        if (fill_item(m, &m->x->item[i]) < 0)
            return -1;
    at = 0;
    for (size_t i = 0; i < m->p->nphases; at += count[i++])
        link_items(m, at, count[i]);
    return 0;
}

/* A plan of several machines is exported machine by machine: their programs are not started from one place. */
static int check_node(const struct making *m)
{
    const struct bt_planfile *p = m->p;
    const char *first = p->ngpus ? p->gpu[0].node : "local", *last = p->ngpus ? p->gpu[p->ngpus - 1].node : "local";
    bool several = false, known = false;
    for (size_t g = 0; g < p->ngpus; g++) {
        several = several || strcmp(p->gpu[g].node, first) != 0;
        known = known || (m->node && !strcmp(p->gpu[g].node, m->node));
    }
    if (m->node ? known : !several)
        return 0;
    if (m->node)
        bt_err_set(m->err, BT_E_SPEC, 0, "--node %.60s: the plan has no such machine", m->node);
    else
        bt_err_set(m->err, BT_E_SPEC, 0, "this is a plan of several machines (%s to %s), and each is started by itself", first, last);
    return bt_err_hint(m->err, several ? "one of them at a time: --node %s" : "it is of one machine, %s: leave --node out", first);
}

/* ---- environment files ---- */

static void export_env(struct bt_arena *a, const struct bt_ex *x, struct bt_export_file **out, size_t *n)
{
    for (size_t i = 0; i < x->n; i++) {
        const struct bt_ex_item *it = &x->item[i];
        bt_auto_buf struct bt_buf b = BT_BUF(BT_EXPORT_MAX);
        bt_buf_printf(&b, "# %s, in phase %s: what %s is started with. `set -a; . ./FILE; set +a`, then the command.\n", it->pf->id, it->phase,
                      it->pf->workload);
        for (size_t k = 0; k < it->pf->env_from.n; k++)
            bt_buf_printf(&b, "# %s: from your environment\n", it->pf->env_from.v[k]);
        for (size_t k = 0; k < it->nenv; k++) {
            bt_buf_printf(&b, "%s=", it->env[k].key);
            bt_ex_shell_word(&b, it->env[k].value);
            bt_buf_puts(&b, "\n");
        }
        for (size_t t = 0; t < it->nrun; t++) {
            bt_buf_puts(&b, "# ");
            for (size_t w = 0; w < it->run[t].n; w++) {
                bt_auto_buf struct bt_buf word = BT_BUF(1 * MiB);
                bt_ex_shell_word(&word, it->run[t].v[w]);
                for (const char *p = bt_buf_z(&word); *p; p++)
                    bt_buf_puts(&b, *p == '\n' ? "\n# " : (char[]){ *p, 0 });
                bt_buf_puts(&b, w + 1 < it->run[t].n ? " " : "\n");
            }
        }
        const char *name = x->plan->nphases > 1 ? bt_arena_printf(a, "%s.%s.env", it->pf->id, it->phase) : bt_arena_printf(a, "%s.env", it->pf->id);
        bt_ex_file(a, name, &b, false, out, n);
    }
}

void bt_ex_file(struct bt_arena *a, const char *name, const struct bt_buf *b, bool executable, struct bt_export_file **out, size_t *n)
{
    struct bt_export_file row = { name, b->over ? NULL : bt_arena_strdup(a, bt_buf_z(b)), executable };
    BT_PUSH(a, *out, *n, row);
}

/* All tasks of a slot are words of one container's command, and the kernel takes 2 MiB of words and environment where the stack may have 8 MiB. */
static int check_container(const struct making *m)
{
    for (size_t i = 0; i < m->x->n; i++) {
        const struct bt_ex_item *it = &m->x->item[i];
        size_t bytes = 0;
        for (size_t t = 0; t < it->nrun; t++)
            for (size_t w = 0; w < it->run[t].n; w++)
                bytes += strlen(it->run[t].v[w]) + 3;
        if (bytes <= CONTAINER_WORDS)
            continue;
        bt_err_set(m->err, BT_E_TOO_BIG, 0, "%.60s has %zu tasks, %s of words: a container is started with %s at most", it->pf->id, it->nrun,
                   bt_bytes_human(bytes), bt_bytes_human(CONTAINER_WORDS));
        return bt_err_hint(m->err, "more `slots`, shorter commands, or `berth export sh` or `systemd`");
    }
    return 0;
}

int bt_export(struct bt_arena *a, const struct bt_planfile *p, enum bt_export_kind kind, const struct bt_export_opts *o, struct bt_export_file **out,
              size_t *n, struct bt_err *err)
{
    struct bt_ex x = { .plan = p, .from = o->from, .one_of_several = o->node != NULL };
    struct making m = { .a = a, .err = err, .p = p, .x = &x, .next_port = o->port ? o->port : FIRST_PORT, .next_internal = FIRST_INTERNAL,
                        .node = o->node };
    *out = NULL;
    *n = 0;
    if (check_node(&m) < 0 || make_items(&m) < 0)
        return -1;
    static void (*const write[BT_EXPORT__N])(struct bt_arena *, const struct bt_ex *, struct bt_export_file **, size_t *) = {
        [BT_EXPORT_ENV] = export_env, [BT_EXPORT_SH] = bt_export_sh, [BT_EXPORT_COMPOSE] = bt_export_compose, [BT_EXPORT_SYSTEMD] = bt_export_systemd
    };
    if (kind == BT_EXPORT_COMPOSE && check_container(&m) < 0)
        return -1;
    write[kind](a, &x, out, n);
    for (size_t i = 0; i < *n; i++)
        if (!(*out)[i].text) {
            bt_err_set(err, BT_E_TOO_BIG, 0, "%.80s is more than %s: an export writes each task down", (*out)[i].name, bt_bytes_human(BT_EXPORT_MAX));
            return bt_err_hint(err, "fewer tasks, or shorter commands: what they share can be in `env` or a file");
        }
    return 0;
}
