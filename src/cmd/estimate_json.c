/* estimate_json - the answer of `berth estimate` for programs: docs/reference/json.md. */
#include "base/json.h"
#include "cmd/estimate.h"

static json_t *need_lines(const struct estimate *e, size_t stage)
{
    const struct bt_need_rank *r = &e->fit->need->rank[stage];
    json_t *all = json_array();
    for (size_t i = 0; i < r->n; i++)
        json_array_append_new(all, json_pack("{s:s, s:o, s:s, s:b}", "part", bt_part_name(r->line[i].part), "bytes", bt_json_bytes(r->line[i].bytes), "why", r->line[i].why,
                                             "charged", (int)r->line[i].charged));
    json_array_append_new(all, json_pack("{s:s, s:o, s:o, s:b}", "part", bt_part_name(BT_P_KV), "bytes", bt_json_bytes(e->fit->rank[stage].kv_bytes),
                                         "why", json_string(e->model->kv_unknown ? "not counted: the model's config does not say how it attends" :
                                         e->model->whole_text && !e->fit->rank[stage].kv_bytes ? "none: an encoder sees a whole text at once and keeps nothing of it" :
                                         bt_arena_printf(e->arena, "%llu B per token, in blocks of %llu tokens", (unsigned long long)r->kv_token_bytes, (unsigned long long)e->fit->need->block)),
                                         "charged", 1));
    return all;
}

static json_t *ranks(const struct estimate *e)
{
    json_t *all = json_array();
    const struct bt_need *n = e->fit->need;
    for (size_t i = 0; n && i < n->nranks; i++)
        for (uint64_t tp = 0; tp < n->serve.tp; tp++) {
            const struct bt_need_rank *r = &n->rank[i];
            uint64_t kv = e->fit->rank[i].engine_kv_bytes;
            json_array_append_new(all, json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:{s:o, s:o, s:o}}", "tp", (json_int_t)tp, "pp", (json_int_t)i,
                "first_layer", (json_int_t)r->first_layer, "layers", (json_int_t)r->layers, "need", need_lines(e, i), "need_bytes", bt_json_bytes(e->fit->rank[i].need_bytes),
                "kv", "bytes_per_token", bt_json_bytes(r->kv_token_bytes), "available_bytes", bt_json_bytes(kv), "tokens", bt_json_bytes(bt_need_kv_tokens(n, r, kv))));
        }
    return all;
}

static json_t *host(const struct estimate *e)
{
    uint64_t bytes = 0;
    const struct bt_need *n = e->fit->need;
    for (size_t i = 0; n && i < n->nranks; i++)
        bytes += n->rank[i].host_bytes * n->serve.tp;
    json_t *lines = json_array();
    for (size_t i = 0; n && i < n->nhost; i++)
        json_array_append_new(lines, json_pack("{s:s, s:o, s:s}", "part", bt_part_name(n->host_line[i].part), "bytes", bt_json_bytes(n->host_line[i].bytes), "why", n->host_line[i].why));
    if (bytes && !n->nhost)
        json_array_append_new(lines, json_pack("{s:s, s:o, s:s}", "part", bt_part_name(BT_P_WEIGHTS), "bytes", bt_json_bytes(bytes), "why", "--cpu-offload-gb of every rank"));
    return json_pack("[{s:i, s:o, s:o}]", "numa", 0, "bytes", bt_json_bytes(bytes), "need", lines);
}

static json_t *refusals(const struct bt_fit *f)
{
    json_t *all = json_array();
    for (size_t i = 0; i < f->nrefusals; i++)
        json_array_append_new(all, json_pack("{s:s, s:o}", "code", f->refusals[i].code, "text", bt_json_text(f->refusals[i].text)));
    return all;
}

static json_t *advice(const struct estimate *e)
{
    json_t *all = json_array();
    for (size_t i = 0; i < e->nadvice; i++) {
        const struct bt_advice *v = &e->advice[i];
        json_array_append_new(all, json_pack("{s:s, s:[{s:s, s:o}], s:I, s:s}", "flags", v->flags, "set", "path", v->path,
            "value", v->text_value ? json_string(v->text_value) : bt_json_bytes(v->value), "gains_bytes", (json_int_t)v->gains_bytes, "text", v->text));
    }
    return all;
}

static json_t *card_sets(const struct estimate *e)
{
    json_t *all = json_array();
    for (size_t i = 0; i < e->nsets; i++)
        json_array_append_new(all, json_pack("{s:s, s:I, s:I, s:o, s:f}", "gpu", e->sets[i].kind->nvml_name, "tp", (json_int_t)e->sets[i].tp, "pp", (json_int_t)e->sets[i].pp,
                                             "longest", bt_json_bytes(e->sets[i].fit->longest), "decode_tok_s", e->sets[i].pace.decode_tok_s));
    return all;
}

static json_t *command_line(const struct paste *p)
{
    json_t *items = json_array();
    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(items, json_pack("{s:s, s:s, s:s}", "text", p->item[i].text, "effect", paste_effect_name(p->item[i].effect), "note", p->item[i].note));
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "engine", p->engine->name, "image", bt_json_text(p->image), "version", bt_json_text(p->version), "visible", bt_json_text(p->visible), "items", items);
}

static json_t *pace(const struct estimate *e)
{
    if (!e->pace.known)
        return json_null();
    return json_pack("{s:f, s:f, s:f, s:I}", "decode_tok_s", e->pace.decode_tok_s, "ceiling_tok_s", e->pace.ceiling_tok_s, "error_share", e->pace.error_share,
                     "context", (json_int_t)e->pace_context);
}

json_t *estimate_json(const struct estimate *e)
{
    const struct bt_model *m = e->model;
    const struct bt_fit *f = e->fit;
    json_t *o = json_object(), *notes = json_array();
    json_object_set_new(o, "model", json_pack("{s:o, s:o, s:o, s:o, s:s, s:s}", "id", bt_json_text(m->id), "architecture", bt_json_text(m->architecture), "parameters", bt_json_bytes(m->parameters),
                        "weight_bytes", bt_json_bytes(m->weight_bytes), "digest", m->digest, "source", bt_model_source_name(m->source)));
    json_object_set_new(o, "engine", json_pack("{s:s, s:s, s:o, s:s}", "name", e->engine->name, "version", e->version->version, "asked", bt_json_text(e->version_asked), "note", e->version_note));
    json_object_set_new(o, "tp", json_integer((json_int_t)(f->need ? f->need->serve.tp : BT_MAX(e->args->serve.tp, 1u))));
    json_object_set_new(o, "pp", json_integer((json_int_t)(f->need ? f->need->serve.pp : BT_MAX(e->args->serve.pp, 1u))));
    json_object_set_new(o, "gpu", json_pack("{s:s, s:o, s:o, s:s, s:o, s:o}", "name", e->card.name, "uuid", bt_json_text(e->card.uuid), "total_bytes", bt_json_bytes(e->card.total_bytes),
                        "total_source", bt_total_source_name(e->card.total_source), "others_bytes", bt_json_bytes(e->card.others_bytes), "note", bt_json_text(e->card_note)));
    json_object_set_new(o, "ranks", ranks(e));
    json_object_set_new(o, "host", host(e));
    json_object_set_new(o, "context", json_pack("{s:o, s:o, s:o, s:f, s:o}", "asked", bt_json_bytes(f->asked), "longest", bt_json_bytes(f->longest),
                        "request_bytes", bt_json_bytes(f->request_bytes), "concurrency", f->concurrency, "model", bt_json_bytes(f->model_context)));
    json_object_set_new(o, "fits", json_boolean(f->fits));
    json_object_set_new(o, "refusals", refusals(f));
    json_object_set_new(o, "advice", advice(e));
    json_object_set_new(o, "uncertainty_bytes", bt_json_bytes(f->need ? f->need->uncertainty_bytes : 0));
    json_object_set_new(o, "pace", pace(e));
    if (f->need && f->fits) {
        uint64_t kv;
        const char *command = estimate_command(e, &kv);
        json_object_set_new(o, "command", json_string(command));
    }
    if (e->ncells)
        json_object_set_new(o, "sweep", estimate_sweep_json(e));
    if (e->paste)
        json_object_set_new(o, "command_line", command_line(e->paste));
    json_object_set_new(o, "smallest", estimate_smallest_json(e));
    if (e->nsets)
        json_object_set_new(o, "card_sets", card_sets(e));
    for (size_t i = 0; i < e->nnotes; i++)
        json_array_append_new(notes, bt_json_text(e->notes[i]));
    json_object_set_new(o, "notes", notes);
    return o;
}
