/* diff - instances are matched by phase and id, then compared part by part; a command flag by flag. */
#include "launch/diff.h"

#include <stdio.h>

#include "base/json.h"
#include "base/units.h"

struct differ {
    struct bt_arena *a;
    struct bt_diff *out;
    const char *phase;
    const json_t *x, *y;
};

static const char *str(const json_t *o, const char *key)
{
    const char *z = json_string_value(json_object_get(o, key));
    return z ? z : "";
}

static uint64_t num(const json_t *o, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(o, key));
    return n > 0 ? (uint64_t)n : 0;
}

/* Text of a file goes to a terminal. */
static const char *shown(struct differ *d, const char *z)
{
    bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
    bt_buf_add_escaped(&b, (struct bt_str){ z, strnlen(z, 4000) });
    return bt_arena_strdup(d->a, bt_buf_z(&b));
}

static void add(struct differ *d, const json_t *inst, const char *what, const char *from, const char *to)
{
    struct bt_diff_row row = { d->phase, shown(d, str(inst, "id")), shown(d, str(inst, "workload")), what, shown(d, from), shown(d, to) };
    BT_PUSH(d->a, d->out->row, d->out->n, row);
}

static void compare(struct differ *d, const char *what, const char *from, const char *to)
{
    if (strcmp(from, to) != 0)
        add(d, d->y, what, from, to);
}

/* ---- parts ---- */

static const char *cards(struct differ *d, const json_t *inst)
{
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    const json_t *ranks = json_object_get(inst, "ranks"), *r;
    size_t i;
    json_array_foreach(ranks, i, r) bt_buf_printf(&b, "%s%lld", i ? "," : "GPU ", (long long)json_integer_value(json_object_get(r, "index")));
    return b.n ? bt_arena_strdup(d->a, bt_buf_z(&b)) : "no GPU";
}

/* The same index on another machine is another card: the ids decide. Catalog cards have none that mean anything. */
static bool same_cards(const json_t *x, const json_t *y)
{
    const json_t *a = json_object_get(x, "ranks"), *b = json_object_get(y, "ranks");
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++) {
        const json_t *r = json_array_get(a, i), *s = json_array_get(b, i);
        if (strcmp(str(r, "gpu"), str(s, "gpu")) ||
            json_integer_value(json_object_get(r, "index")) != json_integer_value(json_object_get(s, "index")))
            return false;
    }
    return true;
}

static uint64_t rank_bytes(const json_t *rank)
{
    return json_object_get(rank, "planned_bytes") ? num(rank, "planned_bytes") : num(rank, "bytes");
}

static const char *bytes(struct differ *d, const json_t *inst, bool exact)
{
    uint64_t least = UINT64_MAX, most = 0;
    const json_t *ranks = json_object_get(inst, "ranks"), *r;
    size_t i;
    json_array_foreach(ranks, i, r)
    {
        least = BT_MIN(least, rank_bytes(r));
        most = BT_MAX(most, rank_bytes(r));
    }
    if (!json_array_size(ranks))
        return "none";
    if (exact)
        return bt_arena_printf(d->a, "%s bytes on the fullest card", bt_count_human(most));
    return least == most ? bt_arena_printf(d->a, "%s a card", bt_bytes_human(most))
                         : bt_arena_printf(d->a, "%s to %s a card", bt_bytes_human(least), bt_bytes_human(most));
}

static bool same_bytes(const json_t *x, const json_t *y)
{
    const json_t *a = json_object_get(x, "ranks"), *b = json_object_get(y, "ranks");
    for (size_t i = 0; i < BT_MIN(json_array_size(a), json_array_size(b)); i++)
        if (rank_bytes(json_array_get(a, i)) != rank_bytes(json_array_get(b, i)))
            return false;
    return json_array_size(a) == json_array_size(b);
}

static const char *context(struct differ *d, const json_t *inst)
{
    uint64_t n = num(inst, "context");
    return n ? bt_arena_printf(d->a, "%s tokens", bt_count_human(n)) : "none";
}

/* "TP=2 x PP=2 (40,24 layers), 2 engines, EP=4" */
static const char *shape(struct differ *d, const json_t *inst)
{
    uint64_t tp = num(inst, "tp"), pp = num(inst, "pp"), dp = num(inst, "dp"), ep = num(inst, "ep");
    const json_t *cut = json_object_get(inst, "pp_layers"), *layers;
    size_t i;
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    if (tp <= 1 && pp <= 1)
        bt_buf_puts(&b, dp > 1 ? "one GPU each" : "one GPU");
    if (tp > 1)
        bt_buf_printf(&b, "TP=%llu%s", (unsigned long long)tp, pp > 1 ? " x " : "");
    if (pp > 1)
        bt_buf_printf(&b, "PP=%llu", (unsigned long long)pp);
    json_array_foreach(cut, i, layers) bt_buf_printf(&b, "%s%lld", i ? "," : " (", (long long)json_integer_value(layers));
    if (json_array_size(cut))
        bt_buf_puts(&b, " layers)");
    if (dp > 1)
        bt_buf_printf(&b, ", %llu engines", (unsigned long long)dp);
    if (ep > 1)
        bt_buf_printf(&b, ", EP=%llu", (unsigned long long)ep);
    return bt_arena_strdup(d->a, bt_buf_z(&b));
}

static const char *engine(struct differ *d, const json_t *inst)
{
    const json_t *e = json_object_get(inst, "engine");
    const char *version = str(e, "version");
    return bt_arena_printf(d->a, "%s%s%s", str(e, "name"), version[0] ? " " : "", version);
}

/* ---- the command ---- */

static const char *word(const json_t *argv, size_t i)
{
    const char *z = json_string_value(json_array_get(argv, i));
    return z ? z : "";
}

static bool is_flag(const char *w)
{
    return w[0] == '-' && w[1] == '-' && w[2];
}

/* Words that belong to the flag at i: up to the next flag. */
static const char *value(struct differ *d, const json_t *argv, size_t i)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    for (size_t k = i + 1; k < json_array_size(argv) && !is_flag(word(argv, k)); k++)
        bt_buf_printf(&b, "%s%s", b.n ? " " : "", word(argv, k));
    return bt_arena_strdup(d->a, bt_buf_z(&b));
}

static size_t flag_at(const json_t *argv, const char *flag)
{
    for (size_t i = 0; i < json_array_size(argv); i++)
        if (!strcmp(word(argv, i), flag))
            return i;
    return SIZE_MAX;
}

static const char *head(struct differ *d, const json_t *argv) /* up to the first flag */
{
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    for (size_t i = 0; i < json_array_size(argv) && !is_flag(word(argv, i)); i++)
        bt_buf_printf(&b, "%s%s", i ? " " : "", word(argv, i));
    return bt_arena_strdup(d->a, bt_buf_z(&b));
}

/* A flag wherever it stands, with its words: "--set x=1 --set y=2"; "" where it does not. */
static const char *wherever(struct differ *d, const json_t *argv, const char *flag)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    for (size_t i = 0; i < json_array_size(argv); i++)
        if (!strcmp(word(argv, i), flag)) {
            const char *v = value(d, argv, i);
            bt_buf_printf(&b, "%s%s%s%s", b.n ? " " : "", flag, v[0] ? " " : "", v);
        }
    return bt_arena_strdup(d->a, bt_buf_z(&b));
}

static const char *in_order(struct differ *d, const json_t *argv)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    for (size_t i = 0; i < json_array_size(argv); i++)
        bt_buf_printf(&b, "%s%s", i ? " " : "", word(argv, i));
    return bt_arena_strdup(d->a, bt_buf_z(&b));
}

static void compare_commands(struct differ *d)
{
    const json_t *a = json_object_get(json_object_get(d->x, "launch"), "argv"), *b = json_object_get(json_object_get(d->y, "launch"), "argv");
    const size_t before = d->out->n;
    if (!a || !b || json_equal((json_t *)a, (json_t *)b))
        return;
    compare(d, "command", head(d, a), head(d, b));
    for (size_t i = 0; i < json_array_size(a); i++)
        if (is_flag(word(a, i)) && flag_at(a, word(a, i)) == i)
            compare(d, "flags", wherever(d, a, word(a, i)), wherever(d, b, word(a, i)));
    for (size_t i = 0; i < json_array_size(b); i++)
        if (is_flag(word(b, i)) && flag_at(b, word(b, i)) == i && flag_at(a, word(b, i)) == SIZE_MAX)
            add(d, d->y, "flags", "", wherever(d, b, word(b, i)));
    if (d->out->n == before)         /* the same flags in another order */
        add(d, d->y, "command", in_order(d, a), in_order(d, b));
}

/* "port 9000, internal auto"; "none" */
static const char *ports(struct differ *d, const json_t *list)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    const json_t *p;
    size_t i;
    json_array_foreach(list, i, p) num(p, "want") ? bt_buf_printf(&b, "%s%s %llu", i ? ", " : "", str(p, "name"), (unsigned long long)num(p, "want"))
                                                  : bt_buf_printf(&b, "%s%s auto", i ? ", " : "", str(p, "name"));
    return b.n ? bt_arena_strdup(d->a, bt_buf_z(&b)) : "none";
}

/* How it is run beside its command. What an older version did not write is not compared. */
static void compare_ways(struct differ *d)
{
    static const struct { const char *key, *what; } ways[] = {
        { "cwd", "cwd" }, { "env_from", "env_from" }, { "ready", "ready" }, { "restart", "restart" }, { "stop_grace_ms", "stop_grace" },
        { "tasks", "tasks" }, { "retries", "retries" },
    };
    const json_t *x = json_object_get(d->x, "launch"), *y = json_object_get(d->y, "launch");
    for (size_t i = 0; i < BT_LEN(ways); i++) {
        const json_t *from = json_object_get(x, ways[i].key), *to = json_object_get(y, ways[i].key);
        if (from && to)
            compare(d, ways[i].what, bt_json_dump(d->a, from, false), bt_json_dump(d->a, to, false));
    }
    if (json_object_get(x, "ports") && json_object_get(y, "ports"))
        compare(d, "ports", ports(d, json_object_get(x, "ports")), ports(d, json_object_get(y, "ports")));
    if (json_object_get(d->x, "on_drift") && json_object_get(d->y, "on_drift"))
        compare(d, "on_drift", str(d->x, "on_drift"), str(d->y, "on_drift"));
}

/* CUDA_VISIBLE_DEVICES says the cards once more. */
static void compare_env(struct differ *d)
{
    const json_t *a = json_object_get(json_object_get(d->x, "launch"), "env"), *b = json_object_get(json_object_get(d->y, "launch"), "env"), *v;
    const char *key;
    json_object_foreach((json_t *)a, key, v)
    {
        const json_t *w = json_object_get(b, key);
        if (strcmp(key, "CUDA_VISIBLE_DEVICES") && strcmp(key, "BERTH_MEMORY_BYTES") && (!w || !json_equal((json_t *)v, (json_t *)w)))
            add(d, d->y, "env", bt_arena_printf(d->a, "%s=%s", key, json_string_value(v)),
                w ? bt_arena_printf(d->a, "%s=%s", key, json_string_value(w)) : "");
    }
    json_object_foreach((json_t *)b, key, v) if (!json_object_get(a, key) && strcmp(key, "CUDA_VISIBLE_DEVICES") && strcmp(key, "BERTH_MEMORY_BYTES"))
        add(d, d->y, "env", "", bt_arena_printf(d->a, "%s=%s", key, json_string_value(v)));
}

static void compare_instances(struct differ *d)
{
    if (!same_cards(d->x, d->y))
        add(d, d->y, "cards", cards(d, d->x), cards(d, d->y));
    if (!same_bytes(d->x, d->y)) {
        bool alike = !strcmp(bytes(d, d->x, false), bytes(d, d->y, false)); /* the same to two digits: then all of them */
        add(d, d->y, "bytes", bytes(d, d->x, alike), bytes(d, d->y, alike));
    }
    if (!json_object_get(d->x, "launch")) /* ps knows no more */
        return;
    compare(d, "shape", shape(d, d->x), shape(d, d->y));
    compare(d, "context", context(d, d->x), context(d, d->y));
    compare(d, "model", str(json_object_get(d->x, "model"), "id"), str(json_object_get(d->y, "model"), "id"));
    compare(d, "engine", engine(d, d->x), engine(d, d->y));
    compare_commands(d);
    compare_env(d);
    compare_ways(d);
    char *from = bt_json_dump(d->a, json_object_get(d->x, "after"), false), *to = bt_json_dump(d->a, json_object_get(d->y, "after"), false);
    compare(d, "after", from, to);
}

/* ---- phases ---- */

static const json_t *with_id(const json_t *list, const char *id)
{
    const json_t *o;
    size_t i;
    json_array_foreach(list, i, o) if (!strcmp(str(o, "id"), id)) return o;
    return NULL;
}

static const char *summary(struct differ *d, const json_t *inst)
{
    return bt_arena_printf(d->a, "%s, %s", cards(d, inst), bytes(d, inst, false));
}

static void compare_lists(struct differ *d, const json_t *from, const json_t *to)
{
    size_t i;
    const json_t *o;
    json_array_foreach(from, i, o) if (!with_id(to, str(o, "id"))) add(d, o, "removed", summary(d, o), "");
    json_array_foreach(to, i, o)
    {
        d->x = with_id(from, str(o, "id"));
        d->y = o;
        if (!d->x)
            add(d, o, "added", "", summary(d, o));
        else
            compare_instances(d);
    }
}

static int check_plan(const json_t *plan, const char *name, struct bt_err *err)
{
    if (strcmp(str(plan, "kind"), "plan") || !json_is_array(json_object_get(plan, "phases")))
        return bt_err_set(err, BT_E_INPUT, 0, "%s is no plan (made by `berth plan --out FILE`)", name);
    if (json_array_size(json_object_get(plan, "refusals")))
        return bt_err_set(err, BT_E_INPUT, 0, "%s does not fit: it has refusals instead of instances", name);
    return 0;
}

static const json_t *phase_named(const json_t *plan, const char *name)
{
    const json_t *ph;
    size_t i;
    json_array_foreach(json_object_get(plan, "phases"), i, ph) if (!strcmp(str(ph, "name"), name)) return ph;
    return NULL;
}

static void note(struct differ *d, const char *text)
{
    const char *kept = shown(d, text);
    BT_PUSH(d->a, d->out->note, d->out->nnotes, kept);
}

/* "4 x NVIDIA A100-SXM4-40GB" */
static const char *fleet(struct differ *d, const json_t *plan)
{
    const json_t *gpus = json_object_get(json_object_get(plan, "fleet"), "gpus");
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    size_t n = json_array_size(gpus);
    for (size_t i = 0, run; i < n; i += run) {
        const char *name = str(json_array_get(gpus, i), "name");
        for (run = 1; i + run < n && !strcmp(str(json_array_get(gpus, i + run), "name"), name); run++) {
        }
        bt_buf_printf(&b, "%s%zu x %s", i ? " + " : "", run, name);
    }
    return n ? bt_arena_strdup(d->a, bt_buf_z(&b)) : "no card";
}

int bt_plan_diff(struct bt_arena *arena, const json_t *from, const char *a, const json_t *to, const char *b, struct bt_diff *out, struct bt_err *err)
{
    struct differ d = { .a = arena, .out = out };
    const json_t *ph;
    size_t i;
    *out = (struct bt_diff){ 0 };
    if (check_plan(from, a, err) < 0 || check_plan(to, b, err) < 0)
        return -1;
    if (strcmp(str(from, "name"), str(to, "name")) != 0)
        note(&d, bt_arena_printf(arena, "two projects: %s and %s", str(from, "name"), str(to, "name")));
    if (strcmp(fleet(&d, from), fleet(&d, to)) != 0)
        note(&d, bt_arena_printf(arena, "two fleets: %s, then %s", fleet(&d, from), fleet(&d, to)));
    json_array_foreach(json_object_get(from, "phases"), i, ph)
    {
        d.phase = shown(&d, str(ph, "name"));
        const json_t *other = phase_named(to, str(ph, "name"));
        if (!other)
            note(&d, bt_arena_printf(arena, "phase %s is gone", d.phase));
        compare_lists(&d, json_object_get(ph, "instances"), other ? json_object_get(other, "instances") : NULL);
    }
    json_array_foreach(json_object_get(to, "phases"), i, ph)
    {
        d.phase = shown(&d, str(ph, "name"));
        if (phase_named(from, str(ph, "name")))
            continue;
        note(&d, bt_arena_printf(arena, "phase %s is new", d.phase));
        compare_lists(&d, NULL, json_object_get(ph, "instances"));
    }
    return 0;
}

int bt_plan_diff_running(struct bt_arena *arena, const json_t *ps, const json_t *plan, const char *name, struct bt_diff *out, struct bt_err *err)
{
    struct differ d = { .a = arena, .out = out };
    const json_t *ph = phase_named(plan, str(ps, "phase")), *o, *running = json_object_get(ps, "instances");
    size_t i;
    *out = (struct bt_diff){ 0 };
    if (check_plan(plan, name, err) < 0)
        return -1;
    ph = ph ? ph : json_array_get(json_object_get(plan, "phases"), 0);
    d.phase = shown(&d, str(ph, "name"));
    if (json_array_size(running) && strcmp(str(ps, "phase"), str(ph, "name")) != 0)
        note(&d, bt_arena_printf(arena, "phase %s runs, and the plan has none of that name: compared with %s", str(ps, "phase"), d.phase));
    json_t *up = json_array();
    json_array_foreach(running, i, o)
    {
        const char *state = str(o, "state");
        bool planned = with_id(json_object_get(ph, "instances"), str(o, "id")) != NULL;
        if (planned || (strcmp(state, "down") && strcmp(state, "done")))
            json_array_append(up, (json_t *)o);
    }
    compare_lists(&d, up, json_object_get(ph, "instances"));
    json_array_foreach(up, i, o)
    {
        const char *state = str(o, "state"), *want = str(o, "want");
        if (strcmp(state, "ready") && strcmp(state, "running") && strcmp(state, "done") && with_id(json_object_get(ph, "instances"), str(o, "id")))
            add(&d, o, "state", state, want[0] ? want : "ready");
    }
    json_decref(up);
    return 0;
}
