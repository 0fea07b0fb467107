/* warm.c - a server that is ready is not warm: a first request can take 20 s (vLLM 0.32, kernels compiled anew; measured), and some die of it (SIGILL).
 * So berth sends the first one, the smallest that the engine's row knows, as soon as the server is ready. `up` waits for the answer; `after: ready`
 * does not. What refuses every request of the row is left as it is, and said. */
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/units.h"
#include "run/project.h"

enum { AGAIN_MS = 1000, NAMES_MAX = 256 * 1024, NAMES_MS = 10000 };

void bt_warm_reset(struct bt_warm *w)
{
    bt_health_free(w->request);
    *w = (struct bt_warm){ 0 };
}

void bt_warm_cancel(struct bt_instance *in)
{
    bt_health_free(in->warm.request);
    in->warm.request = NULL;
}

/* ---- what is known ---- */

static const char *file_of(struct bt_arena *a, const struct bt_instance *in)
{
    return bt_arena_printf(a, "%s/warm", in->dir);
}

void bt_warm_found(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    struct bt_err ignored = { 0 };
    struct bt_str text;
    struct bt_warm *w = &in->warm;
    if (bt_file_read(&a, file_of(&a, in), 4096, &text, &ignored) < 0)
        return;                      /* the last daemon was still asking: ask again */
    w->is = bt_str_eq(text, "yes") ? BT_WARM_YES : BT_WARM_NO;
    if (w->is == BT_WARM_NO)
        snprintf(w->why, sizeof w->why, "%.*s", BT_STR(text));
}

static void decide(struct bt_instance *in, bool warm, const char *why)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_warm *w = &in->warm;
    w->is = warm ? BT_WARM_YES : BT_WARM_NO;
    w->seconds = (double)(bt_now_ms() - w->since_ms) / 1000;
    char text[sizeof w->why];        /* why may be w->why */
    snprintf(text, sizeof text, "%s", warm ? "" : why);
    memcpy(w->why, text, sizeof text);
    in->cold_deaths = 0;
    if (bt_file_write(file_of(&a, in), bt_str(warm ? "yes" : w->why), &err) < 0)
        bt_warn("inst", "%s/%s: a next daemon will ask it again: %s", in->p->name, in->pf->id, err.msg);
    const char *said = warm ? bt_arena_printf(&a, "its first answer took %s", bt_duration_human(w->seconds)) : bt_arena_printf(&a, "not: %s", w->why);
    bt_report_event(in->p, json_pack("{s:s, s:s, s:b, s:f, s:o}", "event", "warm", "id", in->pf->id, "warm", warm, "seconds", w->seconds, "text",
                                     bt_json_text(said)));
    event_add(in->p->d->tick, &(struct timeval){ 0, 0 });            /* `up` may have waited for this one */
}

/* ---- asking ---- */

/* A key is in its command line, or in the environment that it was started with. */
static const char *key_of(struct bt_arena *a, const struct bt_instance *in)
{
    const struct bt_engine *e = in->engine;
    size_t len = e->key_flag ? strlen(e->key_flag) : 0;
    for (size_t i = 0; len && i < in->pf->argv.n; i++) {
        const char *word = in->pf->argv.v[i];
        if (!strncmp(word, e->key_flag, len) && word[len] == '=')
            return bt_instance_fill(a, in, word + len + 1);
        if (!strcmp(word, e->key_flag) && i + 1 < in->pf->argv.n)
            return bt_instance_fill(a, in, in->pf->argv.v[i + 1]);
    }
    for (size_t i = 0; e->key_env && i < in->pf->nenv; i++)
        if (!strcmp(in->pf->env[i].key, e->key_env))
            return in->pf->env[i].value;
    len = e->key_env ? strlen(e->key_env) : 0;
    for (size_t i = 0; len && i < in->p->env.n; i++)
        if (!strncmp(in->p->env.v[i], e->key_env, len) && in->p->env.v[i][len] == '=')
            return in->p->env.v[i] + len + 1;
    return NULL;
}

/* The API's own word for the model; what the user's flags and adapters make of it is not guessed. */
static void on_names(void *ctx, int status, struct bt_str body)
{
    struct bt_instance *in = ctx;
    struct bt_warm *w = &in->warm;
    struct bt_err ignored = { 0 };
    w->request = NULL;
    json_t *o = status == 200 ? bt_json_load(body, NAMES_MAX, "models", &ignored) : NULL;
    const char *id = json_string_value(json_object_get(json_array_get(json_object_get(o, "data"), 0), "id"));
    snprintf(w->model, sizeof w->model, "%s", id && strlen(id) < sizeof w->model ? id : in->pf->workload);
    w->named = status > 0;
    w->next_ms = w->named ? 0 : bt_now_ms() + AGAIN_MS;
    json_decref(o);
}

static void on_answer(void *ctx, int status, struct bt_str body)
{
    struct bt_instance *in = ctx;
    struct bt_warm *w = &in->warm;
    const struct bt_engine_first *f = &in->engine->first[w->step];
    bt_auto_arena a = { 0 };
    (void)body;
    w->request = NULL;
    if (status >= 200 && status < 300) {
        decide(in, true, "");
    } else if (status == 401 || status == 403) {
        decide(in, false, bt_arena_printf(&a, "POST %s answers %d: it wants a key that berth does not know (%s)", f->path, status,
                                          in->engine->key_flag ? in->engine->key_flag : "none is known"));
    } else if ((status >= 400 && status < 500 && status != 429) || status == 501) {
        const char *all = bt_arena_printf(&a, "%s%s%d to POST %s", w->why[0] ? w->why : "answers ", w->why[0] ? ", " : "", status, f->path);
        snprintf(w->why, sizeof w->why, "%s", all);
        if (++w->step == in->engine->nfirst)
            decide(in, false, all);
    } else {                         /* busy, not yet, or no answer: once more until the limit */
        w->next_ms = bt_now_ms() + AGAIN_MS;
    }
}

static const char *body_of(struct bt_arena *a, const struct bt_instance *in)
{
    json_t *name = bt_json_text(in->warm.model);
    char *quoted = json_dumps(name, JSON_ENCODE_ANY);
    json_decref(name);
    const char *body = bt_arena_printf(a, "{\"model\":%s,%s}", quoted ? quoted : "\"\"", in->engine->first[in->warm.step].rest);
    free(quoted);
    return body;
}

static void ask(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    struct bt_warm *w = &in->warm;
    struct bt_http_request r = { .method = "GET", .path = "/v1/models", .key = key_of(&a, in), .deadline_ms = NAMES_MS, .body_max = NAMES_MAX };
    if (w->named) {
        r = (struct bt_http_request){ .method = "POST", .path = in->engine->first[w->step].path, .body = body_of(&a, in), .key = r.key,
                                      .deadline_ms = (int)BT_MIN(in->p->limit_warm_ms, (int64_t)INT32_MAX) };
    }
    w->asked |= w->named;
    w->request = bt_http_send(in->p->d->base, in->ip, in->url_port, &r, w->named ? on_answer : on_names, in);
    if (!w->request)
        w->next_ms = bt_now_ms() + AGAIN_MS;
}

void bt_warm_look(struct bt_instance *in)
{
    struct bt_warm *w = &in->warm;
    int64_t now = bt_now_ms();
    if (w->is != BT_WARM_UNDECIDED)
        return;
    if (!in->engine->nfirst || in->pf->ready != BT_PF_READY_HTTP || !in->url[0]) {
        w->is = BT_WARM_NONE;
        return;
    }
    if (!w->since_ms)
        w->since_ms = now;
    if (now - w->since_ms > in->p->limit_warm_ms) {
        bt_auto_arena a = { 0 };
        bt_warm_cancel(in);
        decide(in, false, bt_arena_printf(&a, "no answer to its first request for %s", bt_duration_human((double)in->p->limit_warm_ms / 1000)));
    } else if (!w->request && now >= w->next_ms)
        ask(in);
}

void bt_warm_ended(struct bt_instance *in)
{
    enum { ENOUGH = 2 };
    const struct bt_warm *w = &in->warm;
    bt_warm_cancel(in);
    if (!w->asked || w->is != BT_WARM_UNDECIDED || in->life.state != BT_ST_READY)
        return;
    snprintf(in->why_hint, sizeof in->why_hint, "it was ready and died while its first request ran (POST %s)", in->engine->first[w->step].path);
    if (++in->cold_deaths >= ENOUGH)
        in->life.was_ready = false;
}
