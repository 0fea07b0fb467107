/* hub.c - a model's headers from the hub: ask which commit and which files, fetch the small ones whole and of each weight file its head. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include "base/file.h"
#include "base/json.h"
#include "model/gguf.h"
#include "model/hub_int.h"
#include "model/model_int.h"

#define LIST_MAX (64 * MiB)
#define CONFIG_MAX (16 * MiB)
#define HEAD_FIRST (128 * KiB)       /* holds the header of most shards */
#define GGUF_FIRST MiB
#define HEAD_MAX ((uint64_t)100000000 + 8)           /* safetensors' own limit */
#define GGUF_MAX (128 * MiB)
#define ALL_HEADS_MAX (512 * MiB)
#define FILES_MAX 4096
#define INDEX_NAME "model.safetensors.index.json"

struct session {
    struct bt_arena *arena;
    struct bt_err *err;
    struct hub_http *http;
    struct bt_hub *hub;
    const char *revision, *tag;      /* tag: "Q4_K_M" of ORG/NAME:Q4_K_M, or NULL */
    struct bt_hub_file *listed; size_t nlisted;      /* what the hub has, bytes 0 where it does not say */
    uint64_t heads;                  /* bytes kept so far */
};

/* ---- what the environment says ---- */

static const char *env(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

static bool is_true(const char *v)
{
    return v && (!strcmp(v, "1") || !strcasecmp(v, "true") || !strcasecmp(v, "yes") || !strcasecmp(v, "on"));
}

static const char *endpoint_of(struct bt_arena *a)
{
    const char *v = env("HF_ENDPOINT");
    struct bt_str s = bt_str(v ? v : "https://huggingface.co");
    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    return bt_arena_strndup(a, s);
}

/* Percent-encoded for one segment of a path; slashes stay when `slashes`. */
static const char *encoded(struct bt_arena *a, const char *text, bool slashes)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4 * KiB);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (isalnum(*p) || strchr("-_.~", *p) || (slashes && *p == '/'))
            bt_buf_add(&b, p, 1);
        else
            bt_buf_printf(&b, "%%%02X", *p);
    return bt_arena_strdup(a, bt_buf_z(&b));
}

static const char *file_url(struct session *s, const char *name)
{
    return bt_arena_printf(s->arena, "%s/%s/resolve/%s/%s", s->hub->endpoint, s->hub->repo, s->hub->commit, encoded(s->arena, name, false));
}

/* ---- what the hub has ---- */

/* A plain name: it becomes a file of ours. */
static bool is_plain(const char *name)
{
    return name && *name && *name != '.' && strlen(name) < 200 && !strchr(name, '/') && !strchr(name, '\\');
}

static bool is_commit(const char *z)
{
    size_t n = z ? strlen(z) : 0;
    for (size_t i = 0; i < n; i++)
        if (!isxdigit((unsigned char)z[i]))
            return false;
    return n >= 7 && n <= 64;
}

static int read_listing(struct session *s, struct bt_str body)
{
    json_t *root = bt_json_load(body, LIST_MAX, "the hub's list of files", s->err), *one;
    const char *sha = json_string_value(json_object_get(root, "sha"));
    size_t i;
    if (!root)
        return -1;
    int rc = is_commit(sha) ? 0 : bt_err_set(s->err, BT_E_INPUT, 0, "the hub's answer for %s names no commit", s->hub->repo);
    s->hub->commit = rc == 0 ? bt_arena_strdup(s->arena, sha) : NULL;
    json_array_foreach(json_object_get(root, "siblings"), i, one) {
        const char *name = json_string_value(json_object_get(one, "rfilename"));
        json_int_t size = json_integer_value(json_object_get(one, "size"));
        if (is_plain(name) && s->nlisted < 100000)
            BT_PUSH(s->arena, s->listed, s->nlisted, ((struct bt_hub_file){ bt_arena_strdup(s->arena, name), size > 0 ? (uint64_t)size : 0 }));
    }
    json_decref(root);
    return rc;
}

static int list_files(struct session *s, bool *unreachable)
{
    struct hub_get g = { .url = bt_arena_printf(s->arena, "%s/api/models/%s/revision/%s?blobs=true", s->hub->endpoint, s->hub->repo, encoded(s->arena, s->revision, false)),
                         .most = LIST_MAX };
    int rc = hub_http_all(s->http, &g, 1, NULL, s->err);
    *unreachable = g.unreachable;
    if (rc == 0)
        rc = hub_get_ok(&g) ? read_listing(s, (struct bt_str){ g.body.p, g.body.n })
                            : hub_get_err(&g, s->hub->endpoint, s->hub->repo, bt_arena_printf(s->arena, "%s (revision %s)", s->hub->repo, s->revision), s->err);
    bt_buf_release(&g.body);
    return rc;
}

static const struct bt_hub_file *listed(const struct session *s, const char *name)
{
    for (size_t i = 0; i < s->nlisted; i++)
        if (!strcmp(s->listed[i].name, name))
            return &s->listed[i];
    return NULL;
}

/* ---- keeping what came ---- */

static int keep(struct session *s, const char *name, const struct bt_buf *body, uint64_t total)
{
    if (!total)
        return bt_err_set(s->err, BT_E_INPUT, 0, "the hub does not say how long %s is", bt_model_shown(s->arena, name));
    BT_PUSH(s->arena, s->hub->file, s->hub->n, ((struct bt_hub_file){ name, total }));
    return bt_file_write(bt_arena_printf(s->arena, "%s/%s", s->hub->dir, name), (struct bt_str){ bt_buf_z(body), body->n }, s->err);
}

static int get_err(struct session *s, const struct hub_get *g, const char *name)
{
    return hub_get_err(g, s->hub->endpoint, s->hub->repo, bt_arena_printf(s->arena, "%s of %s", bt_model_shown(s->arena, name), s->hub->repo), s->err);
}

static int whole_file(struct session *s, const char *name, uint64_t most)
{
    struct hub_get g = { .url = file_url(s, name), .most = most };
    int rc = hub_http_all(s->http, &g, 1, NULL, s->err);
    if (rc == 0)
        rc = hub_get_ok(&g) ? keep(s, name, &g.body, g.body.n) : get_err(s, &g, name);
    bt_buf_release(&g.body);
    return rc;
}

/* ---- safetensors ---- */

static uint64_t header_end(const struct bt_buf *b)
{
    uint64_t n = 0;
    for (int i = 7; b->n >= 8 && i >= 0; i--)
        n = n << 8 | (unsigned char)b->p[i];
    return b->n < 8 || n > HEAD_MAX - 8 ? b->n : n + 8;              /* a length beyond the limit is left to the parser to refuse */
}

/* The heads that were longer than the first piece: one more request each. */
static int rest_of_heads(struct session *s, const char *const *names, struct hub_get *first, size_t n)
{
    bt_auto_free struct hub_get *g = bt_xcalloc(n + 1, sizeof *g);
    bt_auto_free size_t *of = bt_xcalloc(n + 1, sizeof *of);
    size_t more = 0;
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t end = BT_MIN(header_end(&first[i].body), first[i].total);
        s->heads += BT_MAX(end, first[i].body.n);
        if (end <= first[i].body.n)
            continue;
        of[more] = i;
        g[more++] = (struct hub_get){ .url = first[i].url, .from = first[i].body.n, .n = end - first[i].body.n, .most = HEAD_MAX };
    }
    if (s->heads > ALL_HEADS_MAX)
        return bt_err_set(s->err, BT_E_TOO_BIG, 0, "%s: more than %d MiB of tensor headers", s->hub->repo, (int)(ALL_HEADS_MAX / MiB));
    if (more)
        rc = hub_http_all(s->http, g, more, s->hub->repo, s->err);
    for (size_t k = 0; k < more && rc == 0; k++) {
        if (!hub_get_ok(&g[k]))
            rc = get_err(s, &g[k], names[of[k]]);
        else
            bt_buf_add(&first[of[k]].body, g[k].body.p, g[k].body.n);
    }
    for (size_t k = 0; k < more; k++)
        bt_buf_release(&g[k].body);
    return rc;
}

static int fetch_heads(struct session *s, const char *const *names, size_t n)
{
    bt_auto_free struct hub_get *g = bt_xcalloc(n + 1, sizeof *g);
    for (size_t i = 0; i < n; i++)
        g[i] = (struct hub_get){ .url = file_url(s, names[i]), .n = HEAD_FIRST, .most = HEAD_MAX };
    int rc = hub_http_all(s->http, g, n, s->hub->repo, s->err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = hub_get_ok(&g[i]) ? 0 : get_err(s, &g[i], names[i]);
    if (rc == 0)
        rc = rest_of_heads(s, names, g, n);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = keep(s, names[i], &g[i].body, g[i].total);
    for (size_t i = 0; i < n; i++)
        bt_buf_release(&g[i].body);
    return rc;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* The shards that the index names; each must be one of the listed files. */
static int shards_of_index(struct session *s, const char ***out, size_t *n)
{
    struct bt_str text;
    const char *path = bt_arena_printf(s->arena, "%s/%s", s->hub->dir, INDEX_NAME), *tensor, *last = "";
    json_t *v;
    if (bt_file_read(s->arena, path, LIST_MAX, &text, s->err) < 0)
        return -1;
    json_t *root = bt_json_load(text, LIST_MAX, path, s->err);
    if (!root)
        return -1;
    json_object_foreach(json_object_get(root, "weight_map"), tensor, v) {
        const char *shard = json_string_value(v);
        if (is_plain(shard) && strcmp(shard, last)) {
            last = bt_arena_strdup(s->arena, shard);
            BT_PUSH(s->arena, *out, *n, last);
        }
    }
    json_decref(root);
    if (*n)
        qsort(*out, *n, sizeof **out, by_text);
    size_t kept = *n ? 1 : 0;
    for (size_t i = 1; i < *n; i++)
        if (strcmp((*out)[i], (*out)[kept - 1]))
            (*out)[kept++] = (*out)[i];
    *n = kept;
    return 0;
}

static int fetch_safetensors(struct session *s)
{
    const char **names = NULL;
    size_t n = 0;
    if (!listed(s, "config.json"))
        return bt_err_set(s->err, BT_E_INPUT, 0, "%s has no config.json on the hub", s->hub->repo);
    if (whole_file(s, "config.json", CONFIG_MAX) < 0)
        return -1;
    if (listed(s, INDEX_NAME)) {
        if (whole_file(s, INDEX_NAME, LIST_MAX) < 0 || shards_of_index(s, &names, &n) < 0)
            return -1;
    } else {
        bool plain = false;          /* Mistral's "consolidated" files hold the same weights again */
        for (size_t i = 0; i < s->nlisted; i++)
            plain = plain || (bt_str_ends(bt_str(s->listed[i].name), ".safetensors") && !bt_str_starts(bt_str(s->listed[i].name), "consolidated"));
        for (size_t i = 0; i < s->nlisted; i++)
            if (bt_str_ends(bt_str(s->listed[i].name), ".safetensors") && !(plain && bt_str_starts(bt_str(s->listed[i].name), "consolidated")))
                BT_PUSH(s->arena, names, n, s->listed[i].name);
    }
    if (n > FILES_MAX)
        return bt_err_set(s->err, BT_E_TOO_BIG, 0, "%s: more than %d weight files", s->hub->repo, FILES_MAX);
    return fetch_heads(s, names, n);
}

/* ---- GGUF ---- */

struct partly { const struct bt_buf *have; bool short_of_it; };
static int read_partly(void *ctx, uint64_t at, void *to, size_t n, struct bt_err *err)
{
    struct partly *p = ctx;
    uint64_t there = at < p->have->n ? BT_MIN((uint64_t)n, p->have->n - at) : 0;
    memset(to, 0, n);
    if (there)
        memcpy(to, p->have->p + at, (size_t)there);
    p->short_of_it = p->short_of_it || there < n;
    (void)err;
    return 0;
}

/* Fetch more and more of the front until the header parses without having looked past what is here. */
static int fetch_gguf_head(struct session *s, const char *name)
{
    bt_auto_buf struct bt_buf all = BT_BUF(GGUF_MAX);
    uint64_t want = GGUF_FIRST, total = 0;
    for (;;) {
        struct hub_get g = { .url = file_url(s, name), .from = all.n, .n = want - all.n, .most = GGUF_MAX };
        int rc = hub_http_all(s->http, &g, 1, NULL, s->err);
        if (rc == 0 && !hub_get_ok(&g))
            rc = get_err(s, &g, name);
        if (rc == 0) {
            bt_buf_add(&all, g.body.p, g.body.n);
            total = g.total;
        }
        bt_buf_release(&g.body);
        if (rc < 0)
            return -1;
        bt_auto_arena scratch = { 0 };
        struct partly part = { .have = &all };
        struct bt_gguf_in in = { .ctx = &part, .size = total, .read = read_partly };
        struct bt_gguf_file f;
        struct bt_err why = { 0 };
        rc = bt_gguf_parse(&scratch, bt_model_shown(s->arena, name), &in, &f, &why);
        if (rc == 0 && f.data_at <= all.n)           /* the header lies inside, whatever the window behind it held */
            return keep(s, name, &all, total);
        if (rc < 0 && !part.short_of_it) {
            *s->err = why;
            return -1;
        }
        if (all.n >= total || want >= GGUF_MAX)
            return rc == 0 ? keep(s, name, &all, total) : (*s->err = why, -1);
        want = BT_MIN(BT_MIN(want * 4, (uint64_t)GGUF_MAX), total);
    }
}

static bool is_model_gguf(const struct session *s, const char *name)
{
    uint32_t no = 1, of = 1;
    return bt_str_ends(bt_str(name), ".gguf") && !strcasestr(name, "mmproj") && (!bt_gguf_split_name(name, &no, &of) || no == 1) && (!s->tag || strcasestr(name, s->tag));
}

static int fetch_gguf(struct session *s)
{
    const char *name = NULL;
    size_t n = 0, stem;
    uint32_t no, of;
    bt_auto_buf struct bt_buf b = BT_BUF(512);
    for (size_t i = 0; i < s->nlisted; i++)
        if (is_model_gguf(s, s->listed[i].name)) {
            name = n++ ? name : s->listed[i].name;
            if (n <= 6)
                bt_buf_printf(&b, "%s%s", n > 1 ? ", " : "", bt_model_shown(s->arena, s->listed[i].name));
        }
    if (n != 1) {
        bt_err_set(s->err, BT_E_NOT_FOUND, 0, "%s has %zu GGUF models%s%s%s%s", s->hub->repo, n, s->tag ? " like " : "", s->tag ? s->tag : "", n ? ": " : "", bt_buf_z(&b));
        return bt_err_hint(s->err, "name one by its type, as llama-server -hf does: %s:Q4_K_M", s->hub->repo);
    }
    stem = bt_gguf_split_name(name, &no, &of);
    for (uint32_t i = 1; i <= (stem ? of : 1); i++) {
        if (i > FILES_MAX)
            return bt_err_set(s->err, BT_E_TOO_BIG, 0, "%s: more than %d files", s->hub->repo, FILES_MAX);
        const char *one = stem ? bt_arena_printf(s->arena, "%.*s-%05u-of-%05u.gguf", (int)stem, name, i, of) : name;
        if (fetch_gguf_head(s, one) < 0)
            return -1;
    }
    return 0;
}

/* ---- all of it ---- */

static int fetch(struct session *s)
{
    bool safetensors = false, gguf = false;
    for (size_t i = 0; i < s->nlisted; i++) {
        safetensors = safetensors || bt_str_ends(bt_str(s->listed[i].name), ".safetensors");
        gguf = gguf || bt_str_ends(bt_str(s->listed[i].name), ".gguf");
    }
    if (bt_dir_private(s->hub->dir, s->err) < 0)
        return -1;
    s->hub->n = 0;
    if (s->tag || (gguf && !safetensors))
        return fetch_gguf(s) < 0 ? -1 : hub_repo_save(s->arena, s->hub, s->err);
    if (!safetensors) {
        bt_err_set(s->err, BT_E_INPUT, 0, "%s has neither safetensors nor GGUF files on the hub", s->hub->repo);
        return bt_err_hint(s->err, "only those carry headers that can be read without their weights");
    }
    return fetch_safetensors(s) < 0 ? -1 : hub_repo_save(s->arena, s->hub, s->err);
}

/* A file that remembers which commit a revision was when it was last asked. */
static const char *ref_path(struct session *s, const char *base)
{
    return bt_arena_printf(s->arena, "%s/ref-%s", base, encoded(s->arena, s->revision, false));
}

static const char *remembered(struct session *s, const char *base)
{
    struct bt_str text;
    struct bt_err ignored = { 0 };
    if (bt_file_read(s->arena, ref_path(s, base), 256, &text, &ignored) < 0)
        return NULL;
    const char *commit = bt_arena_strndup(s->arena, bt_str_trim(text));
    return is_commit(commit) ? commit : NULL;
}

/* One quantisation of a repository is a folder of its own. */
static const char *folder_of(struct session *s, const char *base, const char *commit)
{
    return s->tag ? bt_arena_printf(s->arena, "%s/%s-%s", base, commit, encoded(s->arena, s->tag, false)) : bt_arena_printf(s->arena, "%s/%s", base, commit);
}

static bool from_cache(struct session *s, const char *base, const char *commit)
{
    if (!commit)
        return false;
    s->hub->commit = commit;
    s->hub->dir = folder_of(s, base, commit);
    return hub_repo_load(s->arena, s->hub);
}

static int online(struct session *s, const char *base)
{
    struct bt_err ignored = { 0 };
    bool unreachable;
    const char *old = remembered(s, base);
    if (list_files(s, &unreachable) < 0) {
        if (!unreachable || !from_cache(s, base, old))
            return -1;
        fprintf(stderr, "berth: %s; using the headers of commit %.12s that were fetched before\n", s->err->msg, old);
        return 0;
    }
    s->hub->dir = folder_of(s, base, s->hub->commit);
    if (!hub_repo_load(s->arena, s->hub) && fetch(s) < 0)
        return -1;
    (void)!bt_file_write(ref_path(s, base), bt_str(s->hub->commit), &ignored);       /* only speeds up the next time without a network */
    return 0;
}

int bt_hub_open(struct bt_arena *a, const char *repo, const char *tag, const char *revision, const struct bt_hub **out, struct bt_err *err)
{
    struct bt_hub *hub = BT_NEW(a, struct bt_hub);
    struct session s = { .arena = a, .err = err, .hub = hub, .tag = tag, .revision = revision && *revision ? revision : "main" };
    hub->endpoint = endpoint_of(a);
    hub->repo = bt_arena_strdup(a, repo);
    const char *base = hub_cache_dir(a, hub->endpoint, repo);
    if (!base)
        return bt_err_set(err, BT_E_FAILED, 0, "no HOME to keep the hub's headers in: set BERTH_CACHE_DIR");
    *out = hub;
    if (is_true(env("HF_HUB_OFFLINE")))
        return from_cache(&s, base, remembered(&s, base)) ? 0 : bt_err_set(err, BT_E_NOT_FOUND, 0, "the hub is not asked (HF_HUB_OFFLINE), and its headers were not fetched before");
    if (hub_http_new(hub->endpoint, env("HF_TOKEN"), &s.http, err) < 0)
        return -1;
    int rc = online(&s, base);
    hub_http_free(s.http);
    return rc;
}
