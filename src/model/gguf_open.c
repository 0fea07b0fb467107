/* gguf_open.c - a GGUF model on disk: one file, or "NAME-00001-of-00003.gguf" and its siblings. Only the headers are read. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/hash.h"
#include "model/gguf.h"
#include "model/hub.h"
#include "model/model_int.h"

#define SPLITS_MAX 1024

static int read_fd(void *ctx, uint64_t at, void *to, size_t n, struct bt_err *err)
{
    int fd = *(int *)ctx;
    for (size_t done = 0; done < n;) {
        ssize_t r = pread(fd, (char *)to + done, n - done, (off_t)(at + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return bt_err_set(err, BT_E_IO, r < 0 ? errno : 0, r < 0 ? "read" : "the file became shorter while it was read");
        done += (size_t)r;
    }
    return 0;
}

/* size: of the whole file, where path is only its head (a header from the hub); 0 = as on disk. */
static int open_one(struct bt_arena *a, const char *path, uint64_t size, struct bt_gguf_file *out, uint64_t *bytes, struct bt_err *err)
{
    bt_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return bt_err_set(err, errno == ENOENT ? BT_E_NOT_FOUND : BT_E_IO, errno, "open %s", path);
    if (!S_ISREG(st.st_mode))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: not a regular file", path);
    int raw = fd;
    struct bt_gguf_in in = { .ctx = &raw, .size = size ? size : (uint64_t)st.st_size, .read = read_fd };
    *bytes = in.size;
    return bt_gguf_parse(a, path, &in, out, err);
}

size_t bt_gguf_split_name(const char *name, uint32_t *no, uint32_t *of)
{
    static const char shape[] = "-00000-of-00000.gguf";
    size_t n = strlen(name), tail = sizeof shape - 1;
    if (n <= tail)
        return 0;
    const char *p = name + n - tail;
    for (size_t i = 0; i < tail; i++)
        if (shape[i] == '0' ? !isdigit((unsigned char)p[i]) : p[i] != shape[i])
            return 0;
    *no = (uint32_t)strtoul(p + 1, NULL, 10);
    *of = (uint32_t)strtoul(p + 10, NULL, 10);
    return *no && *of && *no <= *of ? n - tail : 0;
}

static int64_t number_in(const struct bt_gguf_file *f, const char *name, int64_t def)
{
    const struct bt_gguf_kv *kv = bt_gguf_get(f, name);
    return kv && kv->type != BT_GG_STR && kv->type != BT_GG_ARRAY ? kv->num : def;
}

static void add_tensors(struct bt_arena *a, struct bt_model *m, const struct bt_gguf_file *f)
{
    for (size_t i = 0; i < f->ntensors; i++)
        BT_PUSH(a, m->tensors, m->ntensors, f->tensors[i]);
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int check_twice(struct bt_arena *a, const struct bt_model *m, const char *what, struct bt_err *err)
{
    bt_auto_free const char **names = bt_xcalloc(m->ntensors + 1, sizeof *names);
    for (size_t i = 0; i < m->ntensors; i++)
        names[i] = m->tensors[i].name;
    if (m->ntensors)
        qsort(names, m->ntensors, sizeof *names, by_name);
    for (size_t i = 1; i < m->ntensors; i++)
        if (!strcmp(names[i], names[i - 1]))
            return bt_err_set(err, BT_E_INPUT, 0, "%s: tensor %s is in two of the split files", what, bt_model_shown(a, names[i]));
    return 0;
}

/* The files after the first. Each says which it is; a name that lies about it is refused, as llama.cpp does. */
static int read_splits(struct bt_arena *a, struct bt_model *m, const char *path, const struct bt_gguf_file *first, uint64_t *data, struct bt_err *err)
{
    uint32_t no, of;
    int64_t count = number_in(first, "split.count", 0);
    size_t stem = bt_gguf_split_name(path, &no, &of);
    if (count <= 1 && !stem)
        return 0;
    if (number_in(first, "split.no", 0) != 0 || (stem && no != 1)) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: one of several files of a split model, and not the first", path);
        return bt_err_hint(err, "give the file that ends in -00001-of-%05" PRIu32 ".gguf", stem ? of : (uint32_t)BT_MIN(BT_MAX(count, (int64_t)1), (int64_t)99999));
    }
    if (!stem || count != of || count > SPLITS_MAX)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: says it is split into %" PRId64 " files, its name does not", path, count);
    for (uint32_t i = 2; i <= of; i++) {
        const char *next = bt_arena_printf(a, "%.*s-%05u-of-%05u.gguf", (int)stem, path, i, of);
        struct bt_gguf_file f;
        uint64_t bytes;
        if (open_one(a, next, bt_hub_file_size(m, next), &f, &bytes, err) < 0) {
            if (err->code == BT_E_NOT_FOUND) {
                bt_err_set(err, BT_E_INPUT, 0, "%s: file %u of %u of the split model is not there", next, i, of);
                bt_err_hint(err, "the download is not complete: fetch the model again");
            }
            return -1;
        }
        if (number_in(&f, "split.no", -1) != (int64_t)i - 1)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: is not file %u of the split model", next, i);
        add_tensors(a, m, &f);
        m->file_bytes += bytes;
        *data += f.data_bytes;
    }
    m->shards = of;
    int64_t expected = number_in(first, "split.tensors.count", -1);
    if (expected >= 0 && (uint64_t)expected != m->ntensors)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %" PRId64 " tensors expected in the split files, %zu found", path, expected, m->ntensors);
    return check_twice(a, m, path, err);
}

static void digest(struct bt_model *m, const struct bt_gguf_file *f)
{
    struct bt_hash h;
    struct bt_digest d;
    bt_hash_init(&h);
    for (size_t i = 0; i < f->nkv; i++) {
        bt_hash_add(&h, f->kv[i].key, strlen(f->kv[i].key) + 1);
        bt_hash_add(&h, &f->kv[i].num, sizeof f->kv[i].num);
        bt_hash_add(&h, &f->kv[i].count, sizeof f->kv[i].count);
        if (f->kv[i].text)
            bt_hash_add(&h, f->kv[i].text, strlen(f->kv[i].text) + 1);
        if (f->kv[i].nums)
            bt_hash_add(&h, f->kv[i].nums, f->kv[i].count * sizeof *f->kv[i].nums);
    }
    for (size_t i = 0; i < m->ntensors; i++) {
        const struct bt_tensor *t = &m->tensors[i];
        bt_hash_add(&h, t->name, strlen(t->name) + 1);
        bt_hash_add(&h, &t->ggml->id, 1);
        bt_hash_add(&h, t->shape, sizeof t->shape);
    }
    bt_hash_end(&h, &d);
    memcpy(m->digest, d.hex, sizeof m->digest);
}

int bt_gguf_open(struct bt_arena *a, const char *path, struct bt_model *m, struct bt_err *err)
{
    struct bt_gguf_file f;
    uint64_t bytes, data;
    if (open_one(a, path, bt_hub_file_size(m, path), &f, &bytes, err) < 0)
        return -1;
    m->source = BT_MODEL_HEADERS;
    m->file = path;
    m->file_bytes = bytes;
    m->shards = 1;
    data = f.data_bytes;
    add_tensors(a, m, &f);
    if (read_splits(a, m, path, &f, &data, err) < 0 || bt_gguf_model(a, path, &f, m, err) < 0)
        return -1;
    if (!m->ntensors)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no tensors", path);
    m->gguf->data_bytes = data;
    digest(m, &f);
    return 0;
}

/* The model's file in a folder of GGUF files: the only one, or the only first of a split set. Projectors do not count. */
int bt_gguf_in_folder(struct bt_arena *a, const char *dir, const char **path, struct bt_err *err)
{
    DIR *d = opendir(dir);
    const char **names = NULL;
    size_t n = 0;
    *path = NULL;
    if (!d)
        return bt_err_set(err, BT_E_IO, errno, "open folder %s", dir);
    for (struct dirent *e; (e = readdir(d)) && n < 256;) {
        uint32_t no = 1, of = 1;
        if (!bt_str_ends(bt_str(e->d_name), ".gguf") || strcasestr(e->d_name, "mmproj") || e->d_name[0] == '.')
            continue;
        if (bt_gguf_split_name(e->d_name, &no, &of) && no != 1)
            continue;
        BT_PUSH(a, names, n, bt_arena_strdup(a, e->d_name));
    }
    closedir(d);
    if (n == 1)
        *path = bt_arena_printf(a, "%s/%s", dir, names[0]);
    if (n <= 1)
        return 0;
    qsort(names, n, sizeof *names, by_name);
    bt_auto_buf struct bt_buf b = BT_BUF(512);
    for (size_t i = 0; i < n && i < 4; i++)
        bt_buf_printf(&b, "%s%s", i ? ", " : "", bt_model_shown(a, names[i]));
    bt_err_set(err, BT_E_INPUT, 0, "%s holds %zu GGUF models: %s%s", dir, n, bt_buf_z(&b), n > 4 ? ", ..." : "");
    return bt_err_hint(err, "name one: %s/%s", dir, bt_model_shown(a, names[0]));
}
