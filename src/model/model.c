/* model.c - open a model: find it, read its config, then its tensors from headers or, without files, from the config. */
#include <dirent.h>
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "model/gguf.h"
#include "model/hub.h"
#include "model/model_int.h"

const char *bt_model_source_name(enum bt_model_source s)
{
    switch (s) {
    case BT_MODEL_HEADERS: return "headers";
    case BT_MODEL_CONFIG: return "config";
    case BT_MODEL_CATALOG: return "catalog";
    }
    return "unknown";
}

const char *bt_model_shown(struct bt_arena *a, const char *text)
{
    bt_auto_buf struct bt_buf b = BT_BUF(2 * KiB);
    struct bt_str s = bt_str(text);
    bool cut = s.n > 120;
    if (cut)
        s.n = 117;
    while (cut && s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)   /* not inside a character */
        s.n--;
    bt_buf_add_escaped(&b, s);
    bt_buf_puts(&b, cut ? "..." : "");
    return bt_arena_strdup(a, bt_buf_z(&b));
}

/* Many small pieces are gathered before they are hashed. */
struct gathered { struct bt_hash *h; size_t n; unsigned char b[4096]; };

static void gather(struct gathered *g, const void *p, size_t n)
{
    if (n > sizeof g->b - g->n) {
        bt_hash_add(g->h, g->b, g->n);
        g->n = 0;
    }
    if (n > sizeof g->b) {
        bt_hash_add(g->h, p, n);
        return;
    }
    memcpy(g->b + g->n, p, n);
    g->n += n;
}

static void gather_u64(struct gathered *g, uint64_t v)
{
    unsigned char b[8];
    for (int i = 0; i < 8; i++)
        b[i] = (unsigned char)(v >> (8 * i));
    gather(g, b, sizeof b);
}

static void digest(struct bt_model *m, struct bt_str config)
{
    struct bt_hash h;
    struct bt_digest d;
    struct gathered g = { .h = &h };
    bt_hash_init(&h);
    gather_u64(&g, config.n);
    gather(&g, config.p, config.n);
    for (size_t i = 0; i < m->ntensors; i++) {
        const struct bt_tensor *t = &m->tensors[i];
        gather(&g, t->name, strlen(t->name) + 1);
        gather_u64(&g, t->dtype);
        gather_u64(&g, t->rank);
        for (int k = 0; k < t->rank; k++)
            gather_u64(&g, t->shape[k]);
    }
    bt_hash_add(&h, g.b, g.n);
    bt_hash_end(&h, &d);
    memcpy(m->digest, d.hex, sizeof m->digest);
}

static bool folder_has(const char *dir, const char *ending)
{
    bool found = false;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && !found && (e = readdir(d)); )
        found = bt_str_ends(bt_str(e->d_name), ending);
    if (d)
        closedir(d);
    return found;
}

/* The type most bytes have, where the config does not say. */
static enum bt_dtype main_dtype(const struct bt_model *m)
{
    uint64_t bytes[BT_DT__N] = { 0 };
    enum bt_dtype best = BT_DT_UNKNOWN;
    for (size_t i = 0; i < m->ntensors; i++)
        bytes[m->tensors[i].dtype] += m->tensors[i].bytes;           /* their sum is weight_bytes: cannot overflow */
    for (int d = BT_DT_UNKNOWN + 1; d < BT_DT__N; d++)
        if (bytes[d] > bytes[best])
            best = (enum bt_dtype)d;
    return best;
}

/* ModelOpt's own file, beside a config.json that is silent about it in older checkpoints. */
static int read_hf_quant(struct bt_arena *a, struct bt_model *m, struct bt_err *err)
{
    const char *path = bt_arena_printf(a, "%s/hf_quant_config.json", m->dir);
    if (!bt_file_exists(path))
        return 0;
    json_t *root = bt_json_load_file(path, 16 * MiB, err);
    if (!root)
        return -1;
    const json_t *q = json_object_get(root, "quantization");
    if (json_is_string(json_object_get(q, "quant_algo"))) {
        bt_model_read_quant(a, q, m);
        m->quantization = "modelopt";
    }
    json_decref(root);
    return 0;
}

/* What sentence-transformers trained a pooling model for; vLLM takes it for the longest text (config/model.py, its encoder config). */
static int read_sentence_length(struct bt_arena *a, struct bt_model *m, struct bt_err *err)
{
    const char *path = bt_arena_printf(a, "%s/sentence_bert_config.json", m->dir);
    if (!m->pooling || !bt_file_exists(path))
        return 0;
    json_t *root = bt_json_load_file(path, MiB, err);
    if (!root)
        return -1;
    json_int_t length = json_integer_value(json_object_get(root, "max_seq_length"));
    if (length > 0 && length <= 1 << 30)
        m->max_position = (uint32_t)length;
    json_decref(root);
    return 0;
}

static int open_dir(struct bt_arena *a, struct bt_model *m, struct bt_err *err)
{
    const char *path = bt_arena_printf(a, "%s/config.json", m->dir);
    struct bt_str text;
    if (!folder_has(m->dir, ".safetensors") && folder_has(m->dir, ".gguf")) {
        const char *file;            /* repositories of GGUF files often carry the config.json of the model they were made from */
        if (bt_gguf_in_folder(a, m->dir, &file, err) < 0)
            return -1;
        if (file)
            return bt_gguf_open(a, file, m, err);
    }
    if (!bt_file_exists(path)) {
        bt_err_set(err, BT_E_INPUT, 0, "no config.json in %s", m->dir);
        return bt_err_hint(err, "a model's folder has config.json beside its *.safetensors files");
    }
    if (bt_file_read(a, path, 16 * MiB, &text, err) < 0)
        return -1;
    m->source = BT_MODEL_CONFIG;
    if (bt_model_config_more(a, path, text, NULL, m, err) < 0 || bt_weights_read(a, m, err) < 0 || bt_model_complete(a, path, text, m, err) < 0 ||
        (!m->quantization && read_hf_quant(a, m, err) < 0) || read_sentence_length(a, m, err) < 0)
        return -1;
    if (!m->ntensors && bt_model_derive(a, m, err) < 0)
        return bt_err_wrap(err, "%s", path);
    if (m->dtype == BT_DT_UNKNOWN)
        m->dtype = main_dtype(m);
    bt_tensors_place(a, m);
    digest(m, text);
    return 0;
}

static int open_builtin(struct bt_arena *a, struct bt_model *m, const char *config, const char *why, uint64_t parameters, struct bt_err *err)
{
    m->source = BT_MODEL_CATALOG;
    if (bt_model_config(a, "built-in shape", bt_str(config), m, err) < 0 || bt_model_derive(a, m, err) < 0)
        return -1;
    if (!m->ntensors) {
        m->parameters = parameters;
        m->weight_bytes = parameters * bt_dtype_bits(m->dtype) / 8;
    }
    if (why)
        m->guessed = why;
    bt_tensors_place(a, m);
    digest(m, bt_str(config));
    return 0;
}

static int not_found(struct bt_arena *a, const char *ref, const char *places, struct bt_err *err)
{
    const char *const *ids = bt_model_builtin();
    size_t n = 0;
    while (ids[n])
        n++;
    const char *near = bt_str_nearest(bt_str(ref), ids, n);
    bt_err_set(err, BT_E_NOT_FOUND, 0, "find model %s: %s, no built-in shape", bt_model_shown(a, ref), places);
    if (near)
        return bt_err_hint(err, "did you mean %s? Else give a folder, or fetch it with huggingface_hub's `hf download`", near);
    return bt_err_hint(err, "give a folder with config.json, or fetch it with huggingface_hub's `hf download`");
}

static int placed(struct bt_arena *a, struct bt_model *m)
{
    bt_tensors_place(a, m);
    digest(m, bt_str(m->guessed));
    return 0;
}

static int open_gguf(struct bt_arena *a, struct bt_model *m, struct bt_err *err)
{
    const char *path = bt_path_abs(a, NULL, m->id);
    m->dir = bt_path_dir(a, path);
    if (!bt_file_exists(path)) {
        bool named;
        m->dir = NULL;
        if (bt_gguf_by_name(a, m->id, m, &named, err) < 0)
            return -1;
        if (named)
            return placed(a, m);
        bt_err_set(err, BT_E_NOT_FOUND, 0, "find model %s: no file %s", bt_model_shown(a, m->id), bt_model_shown(a, path));
        return bt_err_hint(err, "give the path of a .gguf file (of a split model: the first, -00001-of-...)");
    }
    if (bt_gguf_open(a, path, m, err) < 0)
        return bt_err_wrap(err, "read model %s", bt_model_shown(a, m->id));
    return 0;
}

int bt_model_open_revision(struct bt_arena *a, const char *ref, const char *revision, struct bt_model **out, struct bt_err *err)
{
    struct bt_model_place place;
    uint64_t parameters = 0;
    if (!ref || !*ref)
        return bt_err_set(err, BT_E_SPEC, 0, "the model has no name");
    struct bt_model *m = BT_NEW(a, struct bt_model);
    m->id = bt_arena_strdup(a, ref);
    if (bt_str_ends(bt_str(ref), ".gguf")) {
        *out = m;
        return open_gguf(a, m, err);
    }
    if (bt_model_locate(a, ref, revision, &place, err) < 0)
        return -1;
    m->dir = place.dir;
    bool named = false;
    if (!place.dir && bt_gguf_by_name(a, ref, m, &named, err) < 0)
        return -1;
    if (named) {
        *out = m;
        return placed(a, m);
    }
    const char *why = NULL, *config = place.dir ? NULL : bt_builtin_alias(a, ref, &parameters, &why);
    if (!place.dir && !config)
        return not_found(a, ref, place.places, err);
    int rc = config ? open_builtin(a, m, config, why, parameters, err) : open_dir(a, m, err);
    if (rc < 0)
        return bt_err_wrap(err, "read model %s", bt_model_shown(a, ref));
    *out = m;
    return 0;
}

/* The name that stands for the model in a path: of the Hugging Face cache's folder, else the last one. NULL: no path. */
static const char *name_in(struct bt_arena *a, const char *path)
{
    const char *cached = strstr(path, "models--"), *account = cached ? strstr(cached + 8, "--") : NULL;
    size_t n = strlen(path);
    if (account)
        return bt_arena_strndup(a, (struct bt_str){ account + 2, strcspn(account + 2, "/") });
    while (n > 1 && path[n - 1] == '/')
        n--;
    const char *slash = memrchr(path, '/', n);
    bool is_path = path[0] == '/' || path[0] == '.' || path[0] == '~' || (slash && memchr(path, '/', (size_t)(slash - path)));
    return is_path && slash && slash + 1 < path + n ? bt_arena_strndup(a, (struct bt_str){ slash + 1, n - (size_t)(slash + 1 - path) }) : NULL;
}

int bt_model_open_elsewhere(struct bt_arena *a, const char *path, struct bt_model **out, struct bt_err *err)
{
    uint64_t parameters = 0;
    const char *name = strlen(path) < 4096 ? name_in(a, path) : NULL, *why = NULL;
    const char *config = name ? bt_builtin_alias(a, bt_arena_printf(a, "any/%s", name), &parameters, &why) : NULL;
    if (!config)
        return bt_err_set(err, BT_E_NOT_FOUND, 0, "%s: no built-in shape has that name", bt_model_shown(a, path));
    struct bt_model *m = BT_NEW(a, struct bt_model);
    m->id = bt_arena_strdup(a, path);
    const char *layers = why ? strstr(why, "it has the layers of ") : NULL;
    *out = m;
    return open_builtin(a, m, config, bt_arena_printf(a, "%s is not on this machine; by its folder's name %s", bt_model_shown(a, path), layers ? layers : "it is known"), parameters, err);
}

/* "ORG/NAME:Q4_K_M": only the hub has such names. */
static bool split_ref(struct bt_arena *a, const char *ref, const char **repo, const char **tag)
{
    const char *colon = strchr(ref, ':');
    *repo = colon ? bt_arena_strndup(a, (struct bt_str){ ref, (size_t)(colon - ref) }) : ref;
    *tag = colon ? colon + 1 : NULL;
    return bt_model_is_hub_id(*repo) && strchr(*repo, '/') && (!colon || (colon[1] && strlen(colon) < 64 && bt_model_is_revision(colon + 1)));
}

static int open_on_hub(struct bt_arena *a, const char *ref, const char *repo, const char *tag, const char *revision, struct bt_model **out, struct bt_err *err)
{
    struct bt_model *m = BT_NEW(a, struct bt_model);
    m->id = bt_arena_strdup(a, ref);
    if (bt_hub_open(a, repo, tag, revision, &m->hub, err) < 0)
        return -1;
    m->dir = m->hub->dir;
    if (open_dir(a, m, err) < 0)
        return bt_err_wrap(err, "read model %s, headers from the hub", bt_model_shown(a, ref));
    m->dir = m->file = NULL;         /* nothing there can be served from */
    m->file_bytes = 0;
    *out = m;
    return 0;
}

int bt_model_open_hub(struct bt_arena *a, const char *ref, const char *revision, struct bt_model **out, struct bt_err *err)
{
    const char *repo, *tag;
    struct bt_err local = { 0 };
    if (bt_model_open_revision(a, ref, revision, out, &local) == 0) {
        struct bt_model *named = NULL;
        struct bt_err gone = { 0 };
        if ((*out)->source == BT_MODEL_CATALOG && (*out)->guessed && split_ref(a, ref, &repo, &tag) && open_on_hub(a, ref, repo, tag, revision, &named, &gone) == 0)
            *out = named;            /* known by its name alone: the hub's own headers are better, where it answers */
        return 0;
    }
    if (local.code != BT_E_NOT_FOUND || bt_str_ends(bt_str(ref), ".gguf") || !split_ref(a, ref, &repo, &tag) ||
        (revision && *revision && !bt_model_is_revision(revision))) {
        *err = local;
        return -1;
    }
    if (open_on_hub(a, ref, repo, tag, revision, out, err) == 0)
        return 0;
    if (err->code != BT_E_NOT_FOUND)
        return -1;
    struct bt_err hub = *err;        /* what was looked at here first, then what the hub said */
    bt_err_set(err, BT_E_NOT_FOUND, 0, "%s; %s", local.msg, hub.msg);
    return bt_err_hint(err, "%s", hub.hint[0] ? hub.hint : local.hint);
}

int bt_model_open(struct bt_arena *a, const char *ref, struct bt_model **out, struct bt_err *err)
{
    return bt_model_open_revision(a, ref, NULL, out, err);
}
