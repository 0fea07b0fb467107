/* check.c - one finding a fault: config, each weight file, index against files, layers, tokenizer, what a broken download leaves behind. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "model/check.h"
#include "model/gguf.h"
#include "model/model_int.h"

#define INDEX_NAME "model.safetensors.index.json"
#define INDEX_MAX (64 * MiB)
#define SHOWN 8                      /* faults of one kind that are listed one by one */

const char *bt_verdict_name(enum bt_verdict v)
{
    static const char *const names[] = { "ok", "warning", "wrong", "not checked" };
    return names[v];
}

void bt_finding_add(struct bt_findings *f, const char *what, enum bt_verdict v, const char *text, const char *hint)
{
    struct bt_finding one = { what, v, bt_arena_strdup(f->arena, text), hint && *hint ? bt_arena_strdup(f->arena, hint) : NULL };
    BT_PUSH(f->arena, f->v, f->n, one);
}

bool bt_findings_ok(const struct bt_findings *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].verdict == BT_V_WRONG)
            return false;
    return true;
}

static void wrong(struct bt_findings *f, const char *what, const struct bt_err *e)
{
    bt_finding_add(f, what, BT_V_WRONG, e->msg, e->hint);
}

/* ---- what lies in the folder ---- */

struct names { const char **v; size_t n; };

static bool has(const struct names *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->v[i], name))
            return true;
    return false;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int list(struct bt_arena *a, const char *dir, struct names *out, struct bt_err *err)
{
    DIR *d = opendir(dir);
    if (!d)
        return bt_err_set(err, BT_E_IO, errno, "open folder %s", dir);
    for (struct dirent *e; (e = readdir(d)) && out->n < 20000;)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            BT_PUSH(a, out->v, out->n, bt_arena_strdup(a, e->d_name));
    closedir(d);
    if (out->n)
        qsort(out->v, out->n, sizeof *out->v, by_text);
    return 0;
}

/* Links to nothing (a cache whose blobs were removed), empty files, and what downloaders leave while they are not done. */
static void check_leftovers(struct bt_findings *f, const char *dir, const struct names *l)
{
    static const char *const unfinished[] = { ".incomplete", ".part", ".aria2", ".tmp", ".download", ".lock" };
    for (size_t i = 0; i < l->n; i++) {
        const char *shown = bt_model_shown(f->arena, l->v[i]);
        struct stat st;
        if (stat(bt_arena_printf(f->arena, "%s/%s", dir, l->v[i]), &st) < 0)
            bt_finding_add(f, "files", BT_V_WRONG, bt_arena_printf(f->arena, "%s: a link to a file that is not there", shown), "the download is not complete: fetch the model again");
        else if (S_ISREG(st.st_mode) && st.st_size == 0 && !bt_str_starts(bt_str(l->v[i]), ".") && !bt_str_ends(bt_str(l->v[i]), ".py"))
            bt_finding_add(f, "files", BT_V_WARNING, bt_arena_printf(f->arena, "%s is empty", shown), NULL);
        for (size_t k = 0; k < BT_LEN(unfinished); k++)
            if (bt_str_ends(bt_str(l->v[i]), unfinished[k]))
                bt_finding_add(f, "files", BT_V_WARNING, bt_arena_printf(f->arena, "%s: a download that was not finished", shown), NULL);
    }
}

/* ---- config ---- */

static struct bt_model *check_config(struct bt_findings *f, const char *dir, const struct names *l)
{
    struct bt_arena *a = f->arena;
    struct bt_err err = { 0 };
    struct bt_str text;
    const char *path = bt_arena_printf(a, "%s/config.json", dir);
    struct bt_model *m = BT_NEW(a, struct bt_model);
    m->id = m->dir = dir;
    if (!has(l, "config.json")) {
        bt_finding_add(f, "config", BT_V_WRONG, "there is no config.json", "a model's folder has config.json beside its *.safetensors files");
        return NULL;
    }
    if (bt_file_read(a, path, 16 * MiB, &text, &err) < 0 || bt_model_config(a, path, text, m, &err) < 0) {
        wrong(f, "config", &err);
        return NULL;
    }
    bt_finding_add(f, "config", BT_V_OK, bt_arena_printf(a, "%s, %u layers, %s%s%s", m->architecture, m->layers, bt_dtype_name(m->dtype), m->quantization ? ", quantised with " : "",
                   m->quantization ? m->quantization : ""), NULL);
    return m;
}

/* ---- weights ---- */

struct owned { const char *name, *file; };
struct all { struct owned *v; size_t n; struct bt_tensor *t; size_t nt; uint64_t bytes; size_t files, faults; };

static int by_tensor(const void *x, const void *y)
{
    return strcmp(((const struct owned *)x)->name, ((const struct owned *)y)->name);
}

static void check_file(struct bt_findings *f, const struct bt_model *m, const char *dir, const char *name, struct all *all)
{
    struct bt_arena *a = f->arena;
    struct bt_err err = { 0 };
    struct bt_tensor *t = NULL;
    size_t n = 0;
    uint64_t size = 0;
    all->files++;
    if (bt_weights_read_file(a, m, bt_arena_printf(a, "%s/%s", dir, name), &t, &n, &size, &err) < 0) {
        all->faults++;
        wrong(f, "weights", &err);
        return;
    }
    all->bytes += size;
    for (size_t i = 0; i < n && all->nt < 2000000; i++) {
        BT_PUSH(a, all->v, all->n, ((struct owned){ t[i].name, name }));
        BT_PUSH(a, all->t, all->nt, t[i]);
    }
}

/* Every tensor that the index promises lies in the file it names; a file that is missing has been told already, once. */
static void check_index(struct bt_findings *f, const json_t *map, const struct all *all, const struct names *missing)
{
    size_t faults = 0;
    const char *tensor;
    json_t *v;
    json_object_foreach((json_t *)map, tensor, v) {
        struct owned key = { tensor, NULL };
        const struct owned *hit = all->n ? bsearch(&key, all->v, all->n, sizeof *all->v, by_tensor) : NULL;
        const char *file = json_string_value(v);
        if (!file || has(missing, file) || (hit && !strcmp(hit->file, file)))
            continue;
        if (faults++ < SHOWN)
            bt_finding_add(f, "index", BT_V_WRONG, bt_arena_printf(f->arena, "tensor %s is said to be in %s and is %s", bt_model_shown(f->arena, tensor), bt_model_shown(f->arena, file),
                           hit ? bt_arena_printf(f->arena, "in %s", bt_model_shown(f->arena, hit->file)) : "not"), "the files are not of one download: fetch the model again");
    }
    if (faults > SHOWN)
        bt_finding_add(f, "index", BT_V_WRONG, bt_arena_printf(f->arena, "and %zu more tensors", faults - SHOWN), NULL);
    if (!faults && !missing->n)
        bt_finding_add(f, "index", BT_V_OK, bt_arena_printf(f->arena, "all %zu tensors of it are where it says", json_object_size(map)), NULL);
}

static void check_twice(struct bt_findings *f, const struct all *all)
{
    for (size_t i = 1; i < all->n; i++)
        if (!strcmp(all->v[i].name, all->v[i - 1].name)) {
            bt_finding_add(f, "weights", BT_V_WRONG, bt_arena_printf(f->arena, "tensor %s is in both %s and %s", bt_model_shown(f->arena, all->v[i].name),
                           bt_model_shown(f->arena, all->v[i - 1].file), bt_model_shown(f->arena, all->v[i].file)), "files of two models or two downloads lie in one folder");
            return;
        }
}

/* Is there something of every layer, an embedding, and a head? Names are not compared one by one: quantised checkpoints have others. */
static void check_layers(struct bt_findings *f, const struct bt_model *m, const struct all *all)
{
    bt_auto_free bool *seen = bt_xcalloc((size_t)m->layers + 1, 1);
    bool embed = false, head = false, placed = false;
    size_t missing = 0;
    uint32_t first = 0;
    for (size_t i = 0; i < all->nt; i++) {
        struct bt_tensor_place p = bt_tensor_place(&all->t[i]);
        if (p.layer >= 0 && (uint32_t)p.layer < m->layers)
            seen[p.layer] = placed = true;
        embed = embed || p.role == BT_T_EMBED;
        head = head || p.role == BT_T_LM_HEAD;
    }
    if (!placed || !bt_model_architecture_known(m->architecture)) {
        bt_finding_add(f, "layers", BT_V_NOT_CHECKED, bt_arena_printf(f->arena, "berth does not know how %s names its tensors", m->architecture), NULL);
        return;
    }
    for (uint32_t i = m->layers; i-- > 0;)
        if (!seen[i]) {
            missing++;
            first = i;
        }
    if (missing)
        bt_finding_add(f, "layers", BT_V_WRONG, bt_arena_printf(f->arena, "%zu of the %u layers that config.json promises have no tensors, the first is layer %u", missing, m->layers, first),
                       "config.json and weights are not of one model, or files are missing");
    else if (!embed)
        bt_finding_add(f, "layers", BT_V_WRONG, "no tensor is the token embedding", "files are missing");
    else if (!head && !m->tied && !m->pooling)
        bt_finding_add(f, "layers", BT_V_WRONG, "no tensor is lm_head, and config.json does not tie it to the embedding", "files are missing");
    else
        bt_finding_add(f, "layers", BT_V_OK, bt_arena_printf(f->arena, "all %u, the embedding and %s", m->layers, head ? "the head" : m->pooling ? "no head: a pooling model" : "its tied head"), NULL);
}

static void read_index(struct bt_findings *f, const char *dir, json_t **root, struct names *shards)
{
    struct bt_arena *a = f->arena;
    struct bt_str text;
    struct bt_err err = { 0 };
    const char *path = bt_arena_printf(a, "%s/%s", dir, INDEX_NAME), *tensor, *last = "";
    json_t *v;
    if (bt_file_read(a, path, INDEX_MAX, &text, &err) < 0 || (bt_model_is_lfs(text) && bt_model_lfs_err(&err, path) < 0) || !(*root = bt_json_load(text, INDEX_MAX, path, &err))) {
        wrong(f, "index", &err);
        return;
    }
    json_object_foreach(json_object_get(*root, "weight_map"), tensor, v) {
        const char *shard = json_string_value(v);
        if (!shard || strchr(shard, '/') || !bt_str_ends(bt_str(shard), ".safetensors")) {
            bt_finding_add(f, "index", BT_V_WRONG, bt_arena_printf(a, "tensor %s is said to be in something that is not a file name beside the index", bt_model_shown(a, tensor)), NULL);
            return;
        }
        if (strcmp(shard, last) && !has(shards, shard)) {
            last = bt_arena_strdup(a, shard);
            BT_PUSH(a, shards->v, shards->n, last);
        }
    }
    if (!shards->n)
        bt_finding_add(f, "index", BT_V_WRONG, bt_arena_printf(a, "%s has no \"weight_map\"", INDEX_NAME), NULL);
}

static void check_weights(struct bt_findings *f, const struct bt_model *m, const char *dir, const struct names *l)
{
    struct bt_arena *a = f->arena;
    struct names shards = { 0 }, missing = { 0 };
    struct all all = { 0 };
    json_t *root = NULL;
    bool indexed = has(l, INDEX_NAME);
    if (indexed)
        read_index(f, dir, &root, &shards);
    for (size_t i = 0; i < l->n && !indexed; i++)
        if (bt_str_ends(bt_str(l->v[i]), ".safetensors") && !bt_str_starts(bt_str(l->v[i]), "."))
            BT_PUSH(a, shards.v, shards.n, l->v[i]);
    for (size_t i = 0; i < shards.n; i++) {
        if (has(l, shards.v[i])) {
            check_file(f, m, dir, shards.v[i], &all);
            continue;
        }
        all.faults++;
        BT_PUSH(a, missing.v, missing.n, shards.v[i]);
        bt_finding_add(f, "weights", BT_V_WRONG, bt_arena_printf(a, "%s is named in the index and is not there", bt_model_shown(a, shards.v[i])), "the download is not complete: fetch the model again");
    }
    if (!shards.n && !indexed)
        bt_finding_add(f, "weights", BT_V_WRONG, "there are no *.safetensors files", has(l, "pytorch_model.bin") ? "pytorch_model.bin can be loaded, and cannot be checked without running it: convert it" : NULL);
    if (all.n)
        qsort(all.v, all.n, sizeof *all.v, by_tensor);
    if (shards.n && !all.faults)
        bt_finding_add(f, "weights", BT_V_OK, bt_arena_printf(a, "%zu tensors in %zu file%s, %s; sizes and offsets agree (the numbers themselves are not read)", all.nt, all.files,
                       all.files == 1 ? "" : "s", bt_bytes_human(all.bytes)), NULL);
    if (indexed && root && shards.n)
        check_index(f, json_object_get(root, "weight_map"), &all, &missing);
    check_twice(f, &all);
    if (m && all.nt && !all.faults)
        check_layers(f, m, &all);
    json_decref(root);
}

/* ---- tokenizer ---- */

/* A JSON file that was cut does not end in a bracket; parsing 20 MB of vocabulary would tell no more. */
static const char *torn_json(struct bt_arena *a, const char *path)
{
    struct bt_str text;
    struct bt_err err = { 0 };
    if (bt_file_read(a, path, 256 * MiB, &text, &err) < 0)
        return bt_arena_strdup(a, err.msg);
    if (bt_model_is_lfs(text))
        return "a Git LFS pointer, not the file itself";
    text = bt_str_trim(text);
    return !text.n ? "empty" : text.p[0] != '{' || text.p[text.n - 1] != '}' ? "cut: it does not begin and end as a JSON object" : NULL;
}

static void check_tokenizer(struct bt_findings *f, const char *dir, const struct names *l)
{
    static const char *const sets[][2] = { { "tokenizer.json", NULL }, { "tokenizer.model", NULL }, { "tekken.json", NULL }, { "vocab.json", "merges.txt" }, { "vocab.txt", NULL },
                                           { "spiece.model", NULL }, { "sentencepiece.bpe.model", NULL }, { "qwen.tiktoken", NULL }, { "tiktoken.model", NULL }, { "tokenizer.tiktoken", NULL } };
    struct bt_arena *a = f->arena;
    const char *found = NULL;
    for (size_t i = 0; i < BT_LEN(sets) && !found; i++)
        if (has(l, sets[i][0]) && (!sets[i][1] || has(l, sets[i][1])))
            found = sets[i][0];
    if (!found) {
        bt_finding_add(f, "tokenizer", BT_V_WRONG, "there is no tokenizer: none of tokenizer.json, tokenizer.model, tekken.json, vocab.json with merges.txt, vocab.txt",
                       "fetch it from the model's repository, or from the base model's");
        return;
    }
    const char *path = bt_arena_printf(a, "%s/%s", dir, found), *fault = bt_str_ends(bt_str(found), ".json") ? torn_json(a, path) : NULL;
    struct stat st;
    if (!fault && (stat(path, &st) < 0 || st.st_size < 64))
        fault = "too small to be one";
    if (fault)
        bt_finding_add(f, "tokenizer", BT_V_WRONG, bt_arena_printf(a, "%s: %s", found, fault), "fetch the file again");
    else if (!has(l, "tokenizer_config.json") && strcmp(found, "tekken.json"))
        bt_finding_add(f, "tokenizer", BT_V_WARNING, bt_arena_printf(a, "%s, and no tokenizer_config.json: special tokens and the chat template may be missing", found), NULL);
    else
        bt_finding_add(f, "tokenizer", BT_V_OK, found, NULL);
}

/* ---- GGUF ---- */

static void check_gguf(struct bt_findings *f, const struct bt_model *m)
{
    const struct bt_gguf *g = m->gguf;
    struct bt_arena *a = f->arena;
    bool embed = false;
    bt_auto_free bool *seen = bt_xcalloc((size_t)g->layers + 1, 1);
    size_t missing = 0;
    for (size_t i = 0; i < m->ntensors; i++) {
        uint32_t layer;
        embed = embed || !strcmp(m->tensors[i].name, "token_embd.weight");
        if (bt_gguf_tensor_place(&m->tensors[i], &layer) == BT_GGUF_LAYER && layer < g->layers)
            seen[layer] = true;
    }
    for (uint32_t i = 0; i < g->layers; i++)
        missing += !seen[i];
    bt_finding_add(f, "weights", BT_V_OK, bt_arena_printf(a, "%zu tensors in %u file%s, %s, mostly %s; the files are as long as their headers promise", m->ntensors, m->shards,
                   m->shards == 1 ? "" : "s", bt_bytes_human(m->file_bytes), g->main_type), NULL);
    if (missing || !embed)
        bt_finding_add(f, "layers", BT_V_WRONG, embed ? bt_arena_printf(a, "%zu of %u layers have no tensors", missing, g->layers) : "no token_embd.weight", "the file was not written whole: convert or fetch it again");
    else
        bt_finding_add(f, "layers", BT_V_OK, bt_arena_printf(a, "all %u, and the embedding", g->layers), NULL);
    if (g->vocab)
        bt_finding_add(f, "tokenizer", BT_V_OK, bt_arena_printf(a, "%u tokens in the file", g->vocab), NULL);
    else
        bt_finding_add(f, "tokenizer", BT_V_WRONG, "the file has no vocabulary", NULL);
}

/* ---- all of it ---- */

static bool only_gguf(const struct names *l)
{
    bool gguf = false;
    for (size_t i = 0; i < l->n; i++) {
        if (bt_str_ends(bt_str(l->v[i]), ".safetensors"))
            return false;
        gguf = gguf || bt_str_ends(bt_str(l->v[i]), ".gguf");
    }
    return gguf;
}

static int check_folder(struct bt_arena *a, const char *dir, const char *ref, const char *revision, struct bt_findings *f, struct bt_model **model, struct bt_err *err)
{
    struct names l = { 0 };
    struct bt_err why = { 0 };
    if (list(a, dir, &l, err) < 0)
        return -1;
    check_leftovers(f, dir, &l);
    if (!only_gguf(&l)) {
        const struct bt_model *m = check_config(f, dir, &l);
        check_weights(f, m, dir, &l);
        check_tokenizer(f, dir, &l);
    }
    if (bt_model_open_revision(a, ref, revision, model, &why) < 0) {
        *model = NULL;
        if (bt_findings_ok(f))       /* something that only reading it whole tells */
            wrong(f, "weights", &why);
    } else if ((*model)->gguf) {
        check_gguf(f, *model);
    }
    return 0;
}

int bt_model_check(struct bt_arena *a, const char *ref, const char *revision, struct bt_findings *out, struct bt_model **model, const char **dir, struct bt_err *err)
{
    struct bt_model_place place;
    *out = (struct bt_findings){ .arena = a };
    *model = NULL;
    if (!ref || !*ref)
        return bt_err_set(err, BT_E_USAGE, 0, "the model has no name");
    if (bt_str_ends(bt_str(ref), ".gguf")) {
        struct bt_err why = { 0 };
        *dir = bt_path_dir(a, bt_path_abs(a, NULL, ref));
        if (bt_model_open(a, ref, model, &why) == 0) {
            check_gguf(out, *model);
            return 0;
        }
        *model = NULL;
        if (why.code == BT_E_NOT_FOUND) {
            *err = why;
            return -1;
        }
        wrong(out, "weights", &why);
        return 0;
    }
    if (bt_model_locate(a, ref, revision, &place, err) < 0)
        return -1;
    *dir = place.dir;
    if (place.dir)
        return check_folder(a, place.dir, ref, revision, out, model, err);
    bt_err_set(err, BT_E_NOT_FOUND, 0, "check %s: %s", bt_model_shown(a, ref), place.places);
    return bt_err_hint(err, "check looks at files: give a folder or a .gguf file, or fetch it first with `hf download`");
}
