/* weights.c - the safetensors files of a folder: one, several, or shards with an index. Eight bytes and the header of each are read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/json.h"
#include "model/hub.h"
#include "model/model_int.h"

#define HEADER_MAX 100000000         /* bytes; the format's own limit */
#define INDEX_MAX (64 * MiB)
#define SHARDS_MAX 4096
#define TENSORS_MAX 2000000
#define INDEX_NAME "model.safetensors.index.json"

bool bt_model_is_lfs(struct bt_str head)
{
    return bt_str_starts(head, "version https://git-lfs");
}

int bt_model_lfs_err(struct bt_err *err, const char *path)
{
    bt_err_set(err, BT_E_INPUT, 0, "%s: a Git LFS pointer, not the file itself", path);
    return bt_err_hint(err, "in that folder: git lfs pull");
}

/* ---- one file ---- */

static int pread_all(int fd, void *to, size_t n, off_t at)
{
    for (size_t done = 0; done < n; ) {
        ssize_t r = pread(fd, (char *)to + done, n - done, at + (off_t)done);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return -1;
        done += (size_t)r;
    }
    return 0;
}

static uint64_t little_endian(const unsigned char b[8])
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | b[i];
    return v;
}

/* The length field, checked against the file and the format's limit before anything is allocated. */
static int header_length(int fd, const char *path, uint64_t size, uint64_t *out, struct bt_err *err)
{
    unsigned char head[40] = { 0 };
    size_t have = BT_MIN(size, sizeof head);
    if (pread_all(fd, head, have, 0) < 0)
        return bt_err_set(err, BT_E_IO, errno, "read %s", path);
    if (bt_model_is_lfs((struct bt_str){ (char *)head, have }))
        return bt_model_lfs_err(err, path);
    if (size < 8) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: truncated: %" PRIu64 " bytes, a safetensors file has at least 8", path, size);
        return bt_err_hint(err, "the download was cut: fetch the file again");
    }
    *out = little_endian(head);
    if (*out > HEADER_MAX)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: header length %" PRIu64 ", the format allows %d", path, *out, HEADER_MAX);
    if (*out > size - 8) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: truncated: header of %" PRIu64 " bytes in a file of %" PRIu64, path, *out, size);
        return bt_err_hint(err, "the download was cut: fetch the file again");
    }
    return 0;
}

/* Where the model is from the hub, path is the front of a file and *size the whole of it. */
int bt_weights_read_file(struct bt_arena *a, const struct bt_model *m, const char *path, struct bt_tensor **out, size_t *n, uint64_t *size, struct bt_err *err)
{
    bt_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);   /* O_NONBLOCK: a pipe in the folder must not hang us */
    struct stat st;
    uint64_t length = 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return bt_err_set(err, errno == ENOENT ? BT_E_NOT_FOUND : BT_E_IO, errno, "open %s", path);
    if (!S_ISREG(st.st_mode))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: not a regular file", path);
    *size = bt_hub_file_size(m, path) ? bt_hub_file_size(m, path) : (uint64_t)st.st_size;
    if (header_length(fd, path, *size, &length, err) < 0)
        return -1;
    bt_auto_free char *text = bt_xmalloc(length + 1);
    if (pread_all(fd, text, length, 8) < 0)
        return bt_err_set(err, BT_E_IO, errno, "read the header of %s", path);
    text[length] = 0;
    return bt_safetensors_header(a, path, (struct bt_str){ text, length }, *size - 8 - length, out, n, err);
}

/* ---- which files ---- */

struct files { const char **name; size_t n; };

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void sort_unique(struct files *f)
{
    if (!f->n)
        return;
    qsort(f->name, f->n, sizeof *f->name, by_name);
    size_t kept = 1;
    for (size_t i = 1; i < f->n; i++)
        if (strcmp(f->name[i], f->name[kept - 1]) != 0)
            f->name[kept++] = f->name[i];
    f->n = kept;
}

/* Every *.safetensors of the folder. Mistral's "consolidated" copies hold the same weights under other names: left out beside others. */
static int list_folder(struct bt_arena *a, const char *dir, struct files *out, struct bt_err *err)
{
    DIR *d = opendir(dir);
    if (!d)
        return bt_err_set(err, BT_E_IO, errno, "open folder %s", dir);
    struct files plain = { 0 }, consolidated = { 0 };
    for (struct dirent *e; (e = readdir(d)) && plain.n + consolidated.n <= SHARDS_MAX; ) {
        struct bt_str name = bt_str(e->d_name);
        if (!bt_str_ends(name, ".safetensors") || bt_str_starts(name, "."))
            continue;
        struct files *f = bt_str_starts(name, "consolidated") ? &consolidated : &plain;
        BT_PUSH(a, f->name, f->n, bt_arena_strdup(a, e->d_name));
    }
    closedir(d);
    *out = plain.n ? plain : consolidated;
    if (out->n > SHARDS_MAX)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "%s: more than %d safetensors files", dir, SHARDS_MAX);
    sort_unique(out);
    return 0;
}

/* A shard is a plain file name beside the index: an index from the internet must not point anywhere else. */
static bool is_shard_name(const char *s)
{
    return s && *s && *s != '.' && !strchr(s, '/') && strlen(s) < 256 && bt_str_ends(bt_str(s), ".safetensors");
}

struct index { json_t *root; const json_t *map; };

static int load_index(struct bt_arena *a, const char *path, struct index *ix, struct files *shards, struct bt_err *err)
{
    struct bt_str text;
    if (bt_file_read(a, path, INDEX_MAX, &text, err) < 0)
        return -1;
    if (bt_model_is_lfs(text))
        return bt_model_lfs_err(err, path);
    ix->root = bt_json_load(text, INDEX_MAX, path, err);
    if (!ix->root)
        return -1;
    ix->map = json_object_get(ix->root, "weight_map");
    if (!json_is_object(ix->map) || json_object_size(ix->map) == 0)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no \"weight_map\"", path);
    const char *tensor, *last = "";
    json_t *v;
    json_object_foreach((json_t *)ix->map, tensor, v) {
        const char *shard = json_string_value(v);
        if (!is_shard_name(shard))
            return bt_err_set(err, BT_E_INPUT, 0, "%s: tensor %s is said to be in %s, which is not a file name beside the index", path,
                              bt_model_shown(a, tensor), shard ? bt_model_shown(a, shard) : "no file");
        if (strcmp(shard, last) != 0) {              /* neighbours are mostly in one shard */
            last = bt_arena_strdup(a, shard);
            BT_PUSH(a, shards->name, shards->n, last);
        }
    }
    sort_unique(shards);
    if (shards->n > SHARDS_MAX)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "%s: more than %d shards", path, SHARDS_MAX);
    return 0;
}

/* ---- all of them together ---- */

struct owned { const char *name, *file; };

static int by_tensor(const void *x, const void *y)
{
    return strcmp(((const struct owned *)x)->name, ((const struct owned *)y)->name);
}

static int check_twice(struct bt_arena *a, const char *dir, struct owned *o, size_t n, struct bt_err *err)
{
    if (n)
        qsort(o, n, sizeof *o, by_tensor);
    for (size_t i = 1; i < n; i++)
        if (!strcmp(o[i].name, o[i - 1].name))
            return bt_err_set(err, BT_E_INPUT, 0, "%s: tensor %s is in both %s and %s", dir, bt_model_shown(a, o[i].name),
                              bt_model_shown(a, o[i - 1].file), bt_model_shown(a, o[i].file));
    return 0;
}

static int check_index(struct bt_arena *a, const char *path, const json_t *map, const struct owned *o, size_t n, struct bt_err *err)
{
    const char *tensor;
    json_t *v;
    json_object_foreach((json_t *)map, tensor, v) {
        struct owned key = { tensor, NULL };
        const struct owned *hit = n ? bsearch(&key, o, n, sizeof *o, by_tensor) : NULL;
        if (!hit || strcmp(hit->file, json_string_value(v)) != 0)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: tensor %s is said to be in %s and is not", path, bt_model_shown(a, tensor),
                              bt_model_shown(a, json_string_value(v)));
    }
    return 0;
}

static int missing_shard(struct bt_arena *a, const struct bt_model *m, const char *shard, struct bt_err *err)
{
    bt_err_set(err, BT_E_INPUT, 0, "%s: shard %s is named in %s and is not there", m->dir, bt_model_shown(a, shard), INDEX_NAME);
    return bt_err_hint(err, "the download is not complete: fetch the model again");
}

static int read_files(struct bt_arena *a, struct bt_model *m, const struct files *f, const json_t *map, struct bt_err *err)
{
    struct owned *owned = NULL;
    size_t nowned = 0;
    struct bt_tensor *all = NULL;
    size_t nall = 0;
    for (size_t i = 0; i < f->n; i++) {
        const char *path = bt_arena_printf(a, "%s/%s", m->dir, f->name[i]);
        struct bt_tensor *t;
        size_t n;
        uint64_t size = 0;
        if (map && !bt_file_exists(path))
            return missing_shard(a, m, f->name[i], err);
        if (bt_weights_read_file(a, m, path, &t, &n, &size, err) < 0)
            return -1;
        if (nall + n > TENSORS_MAX)
            return bt_err_set(err, BT_E_TOO_BIG, 0, "%s: more than %d tensors", m->dir, TENSORS_MAX);
        for (size_t k = 0; k < n; k++) {
            BT_PUSH(a, all, nall, t[k]);
            BT_PUSH(a, owned, nowned, ((struct owned){ t[k].name, f->name[i] }));
        }
        m->file_bytes += size;
    }
    if (check_twice(a, m->dir, owned, nowned, err) < 0)
        return -1;
    if (map && check_index(a, bt_arena_printf(a, "%s/%s", m->dir, INDEX_NAME), map, owned, nowned, err) < 0)
        return -1;
    if (nall == 0)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: its safetensors files hold no tensors", m->dir);
    m->tensors = all;
    m->ntensors = nall;
    m->shards = (uint32_t)f->n;
    m->source = BT_MODEL_HEADERS;
    return bt_model_sum(m, err);
}

int bt_weights_read(struct bt_arena *a, struct bt_model *m, struct bt_err *err)
{
    const char *path = bt_arena_printf(a, "%s/%s", m->dir, INDEX_NAME);
    struct files files = { 0 };
    struct index ix = { 0 };
    int rc = bt_file_exists(path) ? load_index(a, path, &ix, &files, err) : list_folder(a, m->dir, &files, err);
    if (rc == 0 && files.n)
        rc = read_files(a, m, &files, ix.map, err);
    json_decref(ix.root);
    return rc;
}

int bt_model_sum(struct bt_model *m, struct bt_err *err)
{
    m->parameters = m->weight_bytes = 0;
    for (size_t i = 0; i < m->ntensors; i++) {
        const struct bt_tensor *t = &m->tensors[i];
        uint64_t elements = 1;
        for (int k = 0; k < t->rank; k++)            /* checked before: no product of a shape overflows */
            elements *= t->shape[k];
        if (!bt_add_u64(m->parameters, elements, &m->parameters) || !bt_add_u64(m->weight_bytes, t->bytes, &m->weight_bytes))
            return bt_err_set(err, BT_E_INPUT, 0, "more bytes of tensors than a machine can count");
    }
    return 0;
}
