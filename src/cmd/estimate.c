/* estimate - does a model fit on a card with these flags of the engine, and with which context. */
#include "cmd/estimate.h"

#include <ctype.h>
#include <stdio.h>

#include "base/units.h"
#include "cmd/learned.h"

#define AT(f) offsetof(struct estimate_args, f)
#define MAX_CARDS 8                  /* advice and card sets look at one machine */

static const struct bt_opt own_opts[] = {
    { .name = "gpu", .type = BT_OPT_STR, .off = AT(gpu), .metavar = "CARD",
      .help = "a card's name (A100-SXM4-40GB), a size (79.22GiB) or one card of this machine by index; default: this machine's poorest" },
    { .name = "engine", .type = BT_OPT_STR, .off = AT(engine), .def = "vllm", .metavar = "NAME", .help = "whose arithmetic" },
    { .name = "engine-version", .type = BT_OPT_STR, .off = AT(engine_version), .metavar = "VERSION", .help = "0.11.0; default: the installed one, else the newest known" },
    { .name = "sweep", .type = BT_OPT_STR, .off = AT(sweep), .metavar = "LIST", .help = "a table of all combinations: one or more of tp, pp, context, kv-dtype" },
    { .name = "no-learned", .type = BT_OPT_BOOL, .off = AT(no_learned), .help = "use nothing that was measured on this machine before" },
    { .name = "json", .type = BT_OPT_BOOL, .off = AT(json), .help = "one JSON object" },
    { 0 },
};
#define OWN_OPTS (BT_LEN(own_opts) - 1)

/* ---- options: the verb's own and the engine's, one table ---- */

/* --engine decides which flags exist, so it is looked for before the flags are parsed. */
static const char *engine_name(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++) {
        if (!strncmp(argv[i], "--engine=", 9))
            return argv[i] + 9;
        if (!strcmp(argv[i], "--engine") && i + 1 < argc)
            return argv[i + 1];
    }
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)          /* a GGUF file is llama.cpp's */
        if (bt_str_ends(bt_str(argv[i]), ".gguf"))
            return "llama-server";
    return "vllm";
}

static const struct bt_opt *merged_opts(struct bt_arena *a, const struct bt_engine *e)
{
    size_t n = 0;
    while (e->flags[n].name)
        n++;
    struct bt_opt *all = BT_NEWN(a, struct bt_opt, OWN_OPTS + n + 1);
    memcpy(all, own_opts, OWN_OPTS * sizeof *all);
    memcpy(all + OWN_OPTS, e->flags, n * sizeof *all);
    return all;
}

static const struct bt_engine *find_engine(const char *name, struct bt_err *err)
{
    const struct bt_engine *e = bt_engine_find(name);
    if (e && e->flags)
        return e;
    bt_auto_buf struct bt_buf b = BT_BUF(256);
    for (const char *const *n = bt_engine_names(); *n; n++)
        bt_buf_printf(&b, "%s%s", b.n ? ", " : "", *n);
    bt_err_set(err, BT_E_USAGE, 0, "--engine \"%.60s\": berth does not know it", name);
    bt_err_hint(err, "one of: %s", bt_buf_z(&b));
    return NULL;
}

/* ---- inputs ---- */

static void note(struct estimate *e, const char *text)
{
    BT_PUSH(e->arena, e->notes, e->nnotes, text);
}

/* Variables of a pasted command may change what the version's row says. */
static const struct bt_engine_version *pasted_version(struct estimate *e, const struct bt_engine_version *row)
{
    const struct paste *p = e->paste;
    if (!p || (p->runner < 0 && p->graphs_in_budget < 0))
        return row;
    struct bt_engine_version *v = BT_NEW(e->arena, struct bt_engine_version);
    *v = *row;
    if (p->runner >= 0 && p->runner != (int)v->runner) {
        v->runner = (enum bt_vllm_runner)p->runner;
        v->sampler_profiled = v->runner == BT_RUNNER_V1;
        v->sampler_buffers = v->runner == BT_RUNNER_V2;
    }
    if (p->graphs_in_budget >= 0)
        v->graphs_in_budget = p->graphs_in_budget;
    return v;
}

static int choose_version(struct estimate *e, struct bt_err *err)
{
    const char *asked = e->args->engine_version;
    const char *where = "as asked";
    struct bt_engine_install found = { 0 };
    if (!asked && e->paste && e->paste->version) {
        asked = e->paste->version;
        where = bt_arena_printf(e->arena, "the image %s", e->paste->image);
    } else if (!asked) {
        struct bt_err absent = { 0 };
        bool installed = bt_engine_installed(e->arena, e->engine, NULL, NULL, &found, &absent) == 0;
        if (installed && found.version && found.version[0]) {
            asked = found.version;
            where = bt_arena_printf(e->arena, "installed: %s", found.bin);
        } else {
            where = installed ? "the newest berth knows: the installed one does not tell its version" : "the newest berth knows: none is installed here";
        }
    }
    bool exact;
    e->version = bt_engine_version(e->engine, asked, &exact, err);
    if (!e->version)
        return -1;
    e->version = pasted_version(e, e->version);
    e->version_asked = asked;
    e->version_note = exact || !asked ? where : bt_arena_printf(e->arena, "%s; berth uses its row for %s and newer", where, e->version->version);
    return 0;
}

static bool looks_like_size(const char *text)
{
    struct bt_err ignored = { 0 };
    uint64_t bytes;
    return isdigit((unsigned char)text[0]) && bt_bytes_parse(bt_str(text), &bytes, &ignored) == 0;
}

static int card_of_size(struct estimate *e, const char *text, struct bt_err *err)
{
    uint64_t bytes;
    if (bt_bytes_parse(bt_str(text), &bytes, err) < 0)
        return -1;
    if (bytes < 256 * MiB)
        return bt_err_set(err, BT_E_USAGE, 0, "--gpu %s: no card is that small", text);
    if (bytes > BT_CARD_BYTES_MAX)
        return bt_err_set(err, BT_E_USAGE, 0, "--gpu %s: no card is that large", text);
    e->card = (struct bt_gpu){ .uuid = "virtual-0", .name = "a card of that size", .pci = "", .total_bytes = bytes, .nvml_total_bytes = bytes,
                               .total_source = BT_TOTAL_GIVEN, .cc_major = 8, .cc_minor = 0, .island = -1 };
    e->card_note = "given as a size: no speed, and context as on compute capability 8.0";
    return 0;
}

/* The host as a device: what our cgroup allows of its RAM. */
static int card_is_ram(struct estimate *e, struct bt_err *err)
{
    uint64_t bytes = bt_ram_allowed("");
    if (!bytes)
        return bt_err_set(err, BT_E_IO, 0, "read /proc/meminfo");
    e->card = (struct bt_gpu){ .uuid = "cpu", .name = "host RAM", .pci = "", .total_bytes = bytes, .nvml_total_bytes = bytes, .total_source = BT_TOTAL_GIVEN, .island = -1 };
    e->card_note = "no GPU: every byte is RAM, and this is what this process may use of it";
    return 0;
}

static uint64_t room_on(const struct bt_gpu *g)
{
    return g->total_bytes > g->others_bytes ? g->total_bytes - g->others_bytes : 0;
}

static int card_from_fleet(struct estimate *e, const char *text, struct bt_err *err)
{
    struct bt_fleet_opts o = { .visible = e->paste && e->paste->visible ? e->paste->visible : getenv("CUDA_VISIBLE_DEVICES") };
    struct bt_fleet f = { 0 };
    if (bt_fleet_open(e->arena, text, &o, &f, err) < 0)
        return -1;
    if (!f.n)
        return bt_err_set(err, BT_E_DEVICE, 0, "no GPU");
    if (text[0] && f.n != 1) {
        bt_err_set(err, BT_E_USAGE, 0, "--gpu %s: %zu cards, and estimate looks at one", text, f.n);
        return bt_err_hint(err, "--gpu %s --tensor-parallel-size %zu", f.gpus[0].kind ? f.gpus[0].kind->key : f.gpus[0].name, f.n);
    }
    struct bt_strs said = { 0 };
    if (e->args && !e->args->no_learned)
        bt_cmd_learn_fleet(e->arena, &f, &said);
    for (size_t i = 0; i < said.n; i++)
        note(e, said.v[i]);
    size_t poorest = 0;
    for (size_t i = 1; i < f.n; i++)
        if (room_on(&f.gpus[i]) < room_on(&f.gpus[poorest]))
            poorest = i;
    e->card = f.gpus[poorest];
    if (f.live)
        e->card_note = bt_arena_printf(e->arena, "GPU %d of this machine%s", e->card.index, !text[0] && f.n > 1 ? ", its poorest" : "");
    for (size_t i = 0; i < f.nnotes; i++)
        note(e, f.notes[i]);
    return 0;
}

static bool same_kind_by_nvlink(struct bt_arena *a, const struct bt_gpu_kind *k, uint64_t ranks)
{
    if (!k || ranks < 2 || ranks > BT_MAX_GPUS)
        return false;
    struct bt_fleet_opts o = { 0 };
    struct bt_fleet f = { 0 };
    struct bt_err err = { 0 };
    if (bt_fleet_open(a, bt_arena_printf(a, "%llux%s", (unsigned long long)ranks, k->key), &o, &f, &err) < 0)
        return false;
    for (size_t i = 0; i < f.n; i++)
        if (f.gpus[i].island < 0 || f.gpus[i].island != f.gpus[0].island)
            return false;
    return true;
}

void estimate_pace(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *s, const struct bt_need *n, uint64_t context, struct bt_pace *out)
{
    if (bt_need_partly_on_cpu(n) || c->model->pooling) { /* the model of speed knows cards only */
        *out = (struct bt_pace){ 0 };
        return;
    }
    uint64_t tp = BT_MAX(s->tp, 1u), pp = BT_MAX(s->pp, 1u);
    double kv = 0;                   /* of one rank of each stage; the model's KV is that times the ranks that do not hold copies */
    for (size_t i = 0; i < n->nranks; i++)
        kv += (double)n->rank[i].kv_token_bytes;
    kv *= (double)BT_MIN(tp, (uint64_t)BT_MAX(c->model->kv_heads, 1u));
    const struct bt_model *loaded = s->quantization && s->quantization[0] ? bt_model_as(a, c->model, s->quantization) : NULL;        /* made so while loading: fewer bytes to read */
    bool wide = n->serve.dtype && (!strcmp(n->serve.dtype, "float32") || !strcmp(n->serve.dtype, "float"));
    struct bt_pace_in in = { .model = loaded ? loaded : c->model, .engine = c->engine, .version = c->version, .card = c->card, .tp = tp, .pp = pp, .context = context,
                             .kv_bytes_per_token = kv, .elem = wide ? 4 : 2, .nvlink = same_kind_by_nvlink(a, c->card->kind, tp > 1 ? tp : pp) };
    bt_pace_decode(&in, out);
}

/* ---- no card named, none here: which cards would do ---- */

const char *const estimate_common_cards[] = { "rtx4090", "rtx5090", "a100-sxm4-40", "l40s", "a100-sxm4-80", "h100-sxm", "h200-sxm", NULL };

void estimate_virtual_card(const struct bt_gpu_kind *k, struct bt_gpu *out)
{
    *out = (struct bt_gpu){ .uuid = "virtual-0", .name = k->nvml_name, .kind = k, .pci = "", .total_bytes = bt_gpu_kind_total(k), .nvml_total_bytes = k->nvml_bytes,
                            .total_source = k->cuda_bytes ? BT_TOTAL_CATALOG : BT_TOTAL_NVML_LESS_2PCT, .cc_major = k->cc_major, .cc_minor = k->cc_minor, .island = -1 };
}

/* The fewest cards of kind k; a TP or PP that was given stays. */
static int smallest_set(struct estimate *e, const struct bt_gpu_kind *k, bool *found, struct bt_err *err)
{
    const struct bt_serve *asked = &e->args->serve;
    struct bt_gpu *card = BT_NEW(e->arena, struct bt_gpu);
    estimate_virtual_card(k, card);
    *found = false;
    for (uint64_t tp = asked->tp ? asked->tp : 1; tp <= (asked->tp ? asked->tp : MAX_CARDS); tp++) {
        struct bt_serve s = *asked;
        bool by_layers = !strcmp(e->engine->name, "llama-server");   /* more cards are more stages there */
        s.tp = by_layers ? 1 : tp;
        s.pp = by_layers ? tp : s.pp;
        struct bt_fit_case c = e->fit_case;
        c.card = card;
        struct bt_fit *f;
        if (bt_fit_server(e->arena, &c, &s, &f, err) < 0)
            return -1;
        if (!f->fits)
            continue;
        struct estimate_set set = { .kind = k, .tp = s.tp, .pp = BT_MAX(s.pp, 1u), .fit = f };
        estimate_pace(e->arena, &c, &s, f->need, e->pace_context, &set.pace);
        BT_PUSH(e->arena, e->sets, e->nsets, set);
        *found = true;
        return 0;
    }
    return 0;
}

static int choose_set(struct estimate *e, struct bt_serve *serve, struct bt_err *err)
{
    const struct bt_gpu_kind *largest = NULL;
    for (size_t i = 0; estimate_common_cards[i]; i++) {
        const struct bt_gpu_kind *k = bt_gpu_kind_find(estimate_common_cards[i]);
        bool found;
        if (!k)
            continue;
        if (!largest || bt_gpu_kind_total(k) > bt_gpu_kind_total(largest))
            largest = k;
        if (smallest_set(e, k, &found, err) < 0)
            return -1;
    }
    if (!largest)
        return bt_err_set(err, BT_E_FAILED, 0, "the catalog of cards is empty");
    size_t best = 0;
    for (size_t i = 1; i < e->nsets; i++)
        if (e->sets[i].tp * e->sets[i].pp * bt_gpu_kind_total(e->sets[i].kind) < e->sets[best].tp * e->sets[best].pp * bt_gpu_kind_total(e->sets[best].kind))
            best = i;
    estimate_virtual_card(e->nsets ? e->sets[best].kind : largest, &e->card);
    if (e->nsets) {
        serve->tp = e->sets[best].tp;
        serve->pp = e->sets[best].pp;
    }
    e->card_note = e->nsets ? "no --gpu and no NVIDIA driver here: the smallest common card set it fits on" : "no --gpu and no NVIDIA driver here: the largest common card, and it does not fit";
    return 0;
}

int estimate_card(struct estimate *e, const char *gpu, struct bt_err *err)
{
    if (gpu && !gpu[0])
        return bt_err_set(err, BT_E_USAGE, 0, "--gpu: want a card's name, a size or an index");
    return gpu && looks_like_size(gpu) ? card_of_size(e, gpu, err) : card_from_fleet(e, gpu ? gpu : "", err);
}

static int choose_card(struct estimate *e, struct bt_serve *serve, struct bt_err *err)
{
    const char *gpu = e->args->gpu;
    if ((gpu && !strcmp(gpu, "cpu")) || (!gpu && serve->llama.devices && !strcmp(serve->llama.devices, "none")) || (!gpu && serve->sglang.device && !strcmp(serve->sglang.device, "cpu")) ||
        (!gpu && e->paste && paste_on_cpu(e->paste))) {
        if (e->paste && e->paste->cpu_kv_bytes)      /* it wins over the flag (vLLM platforms/cpu.py) */
            serve->kv_bytes = e->paste->cpu_kv_bytes;
        return card_is_ram(e, err);
    }
    if (gpu)
        return estimate_card(e, gpu, err);
    struct bt_err absent = { 0 };
    if (estimate_card(e, NULL, &absent) == 0)
        return 0;
    return choose_set(e, serve, err);
}

/* ---- the answer ---- */

/* SGLang's --enable-dp-attention shares out one tensor-parallel group: no cards beside it. */
static bool shares_its_cards(const struct bt_strs *extra)
{
    for (size_t i = 0; i < extra->n; i++)
        if (!strcmp(extra->v[i], "--enable-dp-attention"))
            return true;
    return false;
}

static void version_notes(struct estimate *e)
{
    const struct bt_serve *s = &e->args->serve;
    if (s->kv_bytes && !e->version->has_kv_bytes)
        note(e, bt_arena_printf(e->arena, "--kv-cache-memory-bytes is counted here, but %s %s does not have it", e->engine->name, e->version->version));
    if (s->eager)
        note(e, bt_arena_printf(e->arena, "the speed assumes CUDA graphs: without them%s decode is slower, by how much is not known", !strcmp(e->engine->name, "vllm") ? " (--enforce-eager)" : ""));
    if (s->dp > 1 && shares_its_cards(&s->extra))
        note(e, "attention is counted as cut by TP: with --enable-dp-attention each GPU has all of it, and a cache of its own for its part of the requests");
    else if (s->dp > 1)
        note(e, "each data-parallel copy needs its own cards; the figures are of one copy");
    for (size_t i = 0; !e->paste && i < s->extra.n; i++)             /* a pasted command's have been noted */
        note(e, bt_arena_printf(e->arena, "\"%s\": berth does not know what this flag does to memory", s->extra.v[i]));
}

/* "0,1" or "GPU-ab,GPU-cd": how many cards a pasted command may use; 0 = it does not say. */
static uint64_t visible_cards(const struct paste *p)
{
    uint64_t n = p->visible && p->visible[0] ? 1 : 0;
    for (const char *c = p->visible; n && *c; c++)
        n += *c == ',';
    return n;
}

static void paste_notes(struct estimate *e)
{
    const struct paste *p = e->paste;
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        if (p->item[i].effect == PASTE_UNKNOWN)
            note(e, bt_arena_printf(e->arena, "not understood, ignored for the bytes: %s%s%s%s", p->item[i].text, p->item[i].note[0] ? " (" : "", p->item[i].note, p->item[i].note[0] ? ")" : ""));
    for (size_t i = 0; i < p->n; i++)
        if (p->item[i].effect == PASTE_NOT_COUNTED)
            note(e, bt_arena_printf(e->arena, "not counted: %s %s", p->item[i].text, p->item[i].note));
    uint64_t cards = visible_cards(p), wanted = 0;
    const struct bt_serve *s = &p->serve;
    if (!bt_mul_u64(BT_MAX(s->tp, 1u), BT_MAX(s->pp, 1u), &wanted) || !bt_mul_u64(wanted, BT_MAX(s->dp, 1u), &wanted))
        wanted = UINT64_MAX;
    if (cards && wanted > cards)
        note(e, bt_arena_printf(e->arena, "the command needs %s GPUs and lets the engine see %llu (%s): it will not start", bt_count_human(wanted), (unsigned long long)cards, p->visible));
}

/* A model that drafts for it is in another checkpoint. */
static void open_drafter(struct estimate *e, struct bt_model *m, const struct bt_serve *s)
{
    bool reckoned;
    const char *ref = bt_need_drafter(e->arena, s, &reckoned);
    struct bt_model *draft = NULL;
    struct bt_err why = { 0 };
    if (!ref || strcmp(e->engine->name, "vllm") != 0)
        return;
    if (bt_model_open_hub(e->arena, ref, NULL, &draft, &why) == 0 && draft->ntensors)
        m->draft = draft;
    else
        note(e, bt_arena_printf(e->arena, "%s: %s, which drafts for it: %s", reckoned ? "an estimate, layers like the model's stand for it" : "not counted", ref, why.code ? why.msg : "its weights are not known"));
}

/* A pasted command may be of another machine, and its path of a folder there: the folder's name mostly says which model it is. */
static int open_model(struct estimate *e, const char *ref, struct bt_model **model, struct bt_err *err)
{
    struct bt_err none = { 0 };
    if (bt_model_open_hub(e->arena, ref, e->args->serve.revision, model, err) == 0)
        return 0;
    if (!e->paste || err->code != BT_E_NOT_FOUND || bt_model_open_elsewhere(e->arena, ref, model, &none) < 0)
        return -1;
    *err = none;
    return 0;
}

static int find_out(struct estimate *e, const char *ref, struct bt_err *err)
{
    struct bt_model *model;
    struct bt_serve serve = e->args->serve;
    e->pace_context = 1024;
    if (open_model(e, ref, &model, err) < 0 || choose_version(e, err) < 0)
        return -1;
    if (e->paste && e->paste->max_position)
        model->max_position = (uint32_t)e->paste->max_position;
    if (e->paste && e->paste->rope_factor > 0)
        model->rope_factor = e->paste->rope_factor;
    open_drafter(e, model, &serve);
    e->model = model;
    e->fit_case = (struct bt_fit_case){ .model = model, .engine = e->engine, .version = e->version, .card = &e->card };
    if (choose_card(e, &serve, err) < 0)
        return -1;
    if (bt_fit_server(e->arena, &e->fit_case, &serve, &e->fit, err) < 0)
        return -1;
    if (e->fit->need)
        estimate_pace(e->arena, &e->fit_case, &serve, e->fit->need, BT_MIN(e->pace_context, BT_MAX(e->fit->longest, 1u)), &e->pace);
    paste_notes(e);
    version_notes(e);
    if (e->args->sweep)
        return estimate_sweep(e, &serve, err);
    if (strcmp(e->card.uuid, "cpu") && estimate_smallest(e, err) < 0)
        return -1;
    if (!e->fit->fits)
        return bt_fit_advice(e->arena, &e->fit_case, &serve, e->fit, MAX_CARDS, &e->advice, &e->nadvice, err);
    return 0;
}

/* Words after "--" are a command to be read; what stands before it wins over the command's own flags: "the same, but with 8K". */
static int read_command(struct estimate *e, int argc, char **argv, int *own_argc, struct paste *p, struct bt_err *err)
{
    *own_argc = argc;
    for (int i = 0; i < argc; i++)
        if (!strcmp(argv[i], "--")) {
            *own_argc = i;
            if (i + 1 == argc) {
                bt_err_set(err, BT_E_USAGE, 0, "nothing stands after --");
                return bt_err_hint(err, "berth estimate -- vllm serve MODEL ...");
            }
            struct bt_strs words = { 0 };
            const char *config = NULL;
            if (paste_config(e->arena, (const char *const *)argv + i + 1, (size_t)(argc - i - 1), &words, &config, err) < 0 ||
                paste_read(e->arena, words.v, words.n, p, err) < 0)
                return -1;
            if (config)
                note(e, config);
            e->paste = p;
            e->engine = p->engine;
            return 0;
        }
    e->engine = find_engine(engine_name(argc, argv), err);
    return e->engine ? 0 : -1;
}

static bool wants_json(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--json"))
            return true;
    return false;
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena arena = { 0 };
    struct bt_err err = { 0 };
    struct estimate_args args = { 0 };
    struct estimate e = { .arena = &arena, .args = &args };
    struct paste pasted = { 0 };
    int own;
    if (estimate_is_job(argc, argv))
        return estimate_job(v, argc, argv);
    if (read_command(&e, argc, argv, &own, &pasted, &err) < 0)
        return bt_cmd_fail(v, &err, wants_json(argc, argv));
    struct bt_verb verb = *v;
    verb.opts = merged_opts(&arena, e.engine);
    struct bt_strs rest = { 0 };
    args.serve = pasted.serve;
    int code = bt_cmd_parse(&verb, &arena, own, argv, &args, &rest, NULL);
    if (code)
        return code;
    const char *ref = rest.n ? rest.v[0] : args.serve.model;
    if (e.paste && strcmp(args.engine, e.engine->name) && strcmp(args.engine, "vllm")) {
        bt_err_set(&err, BT_E_USAGE, 0, "--engine %s, and the command starts %s", args.engine, e.engine->name);
        return bt_cmd_fail(v, &err, args.json);
    }
    if (!ref || rest.n > (e.paste ? 0u : 1u)) {
        bt_err_set(&err, BT_E_USAGE, 0, ref ? "one model at a time, not \"%s\" too" : "which model? a folder, an id such as Qwen/Qwen2.5-7B-Instruct",
                   ref ? rest.v[e.paste ? 0 : 1] : "");
        bt_err_hint(&err, "%s", v->usage);
        return bt_cmd_fail(v, &err, args.json);
    }
    if (find_out(&e, ref, &err) < 0)
        return bt_cmd_fail(v, &err, args.json);
    if (args.json)
        bt_cmd_json("estimate", estimate_json(&e));
    else
        estimate_print(&e);
    return (args.sweep ? estimate_sweep_fits(&e) : e.fit->fits) ? 0 : bt_errc_exit(BT_E_FIT);
}

const struct bt_verb bt_verb_estimate = {
    .name = "estimate",
    .summary = "does a model fit on a card, with which context, and why",
    .usage = "berth estimate MODEL [--gpu CARD] [--engine vllm] [--engine-version V] [the engine's own flags] [--json]\n"
             "       berth estimate [--gpu CARD] [...] -- vllm serve MODEL ...      (or any server's command line, as it is)\n"
             "       berth estimate --train|--forward|--generate|--diffusion MODEL [--batch N|auto] [--tokens N] [--gpus N] [...]\n"
             "                      (a job instead of a server; `berth estimate --train MODEL --help` has its options)",
    .example = "  berth estimate Qwen/Qwen2.5-32B-Instruct --gpu A100-SXM4-40GB --tp 4\n"
               "  berth estimate ~/models/my-7b --gpu 23.52GiB --max-model-len 32768 --kv-cache-dtype fp8\n"
               "  berth estimate --gpu H100-80GB-HBM3 -- docker run --gpus all vllm/vllm-openai:v0.11.0 --model Qwen/Qwen3-8B -tp 2\n"
               "  berth estimate --train Qwen/Qwen2.5-7B-Instruct --method lora --rank 16 --batch auto --tokens 2048 --gpu A100-SXM4-40GB",
    .opts = own_opts,
    .run = run,
};
