/* weights.c - the safetensors files of a folder: one, several, or shards with an index. Eight bytes and the header of each are read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include "base/file.h"
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

static int open_regular(const char *path, uint64_t *size, struct bt_err *err)
{
    bt_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);   /* O_NONBLOCK: a pipe in the folder must not hang us */
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return bt_err_set(err, errno == ENOENT ? BT_E_NOT_FOUND : BT_E_IO, errno, "open %s", path);
    if (!S_ISREG(st.st_mode))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: not a regular file", path);
    *size = (uint64_t)st.st_size;
    return bt_take_fd(&fd);
}

/* Where the model is from the hub, path is the front of a file and *size the whole of it. */
static int add_file(struct bt_headers *h, uint32_t file, const struct bt_model *m, const char *path, uint64_t *size, struct bt_err *err)
{
    uint64_t length = 0, on_disk;
    bt_auto_fd fd = open_regular(path, &on_disk, err);
    if (fd < 0)
        return -1;
    *size = bt_hub_file_size(m, path) ? bt_hub_file_size(m, path) : on_disk;
    if (header_length(fd, path, *size, &length, err) < 0)
        return -1;
    if (length >= h->room) {
        free(h->text);
        h->room = length + length / 4 + 1;           /* the next ones are about as long */
        h->text = bt_xmalloc(h->room);
    }
    if (pread_all(fd, h->text, length, 8) < 0)
        return bt_err_set(err, BT_E_IO, errno, "read the header of %s", path);
    return bt_headers_add(h, file, path, (struct bt_str){ h->text, length }, *size - 8 - length, err);
}

int bt_weights_read_file(struct bt_arena *a, const struct bt_model *m, const char *path, struct bt_tensor **out, size_t *n, uint64_t *size, struct bt_err *err)
{
    bt_auto_headers h = { .arena = a };
    if (add_file(&h, 1, m, path, size, err) < 0)
        return -1;
    *out = h.tensor;
    *n = h.n;
    return 0;
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

/* ---- the index: its names go into the table of the headers, with the number of the shard that they are said to be in ---- */

struct index { struct bt_scan s; const char *path; struct bt_headers *h; struct bt_names shards; };

static int bad_shard(const struct index *ix, const char *tensor, const char *shard, struct bt_err *err)
{
    struct bt_arena *a = ix->h->arena;
    return bt_err_set(err, BT_E_INPUT, 0, "%s: tensor %s is said to be in %s, which is not a file name beside the index", ix->path, bt_model_shown(a, tensor),
                      shard ? bt_model_shown(a, shard) : "no file");
}

/* *last: the number of the shard before; neighbours are mostly in one. */
static int read_place(struct index *ix, uint32_t *last, struct bt_err *err)
{
    struct bt_arena *a = ix->h->arena;
    struct bt_str text;
    bool fresh;
    if (!bt_scan_key(&ix->s, &text))
        return -1;
    struct bt_name *tensor = bt_names_get(&ix->h->names, a, text, &fresh);
    if (!fresh)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: tensor %s is named twice", ix->path, bt_model_shown(a, tensor->text));
    if (bt_scan_peek(&ix->s) != '"')
        return bad_shard(ix, tensor->text, NULL, err);
    if (!bt_scan_string(&ix->s, &text))
        return -1;
    const struct bt_name *before = *last ? &ix->shards.name[*last - 1] : NULL;
    if (!before || before->n != text.n || memcmp(before->text, text.p, text.n) != 0) {
        const struct bt_name *shard = bt_names_get(&ix->shards, a, text, &fresh);
        *last = (uint32_t)(shard - ix->shards.name) + 1;
        if (fresh && !is_shard_name(shard->text))
            return bad_shard(ix, tensor->text, shard->text, err);
        if (ix->shards.n > SHARDS_MAX)
            return bt_err_set(err, BT_E_TOO_BIG, 0, "%s: more than %d shards", ix->path, SHARDS_MAX);
    }
    tensor->said = *last;
    return 0;
}

static int read_map(struct index *ix, struct bt_err *err)
{
    size_t n = 0;
    uint32_t last = 0;
    int more;
    if (bt_scan_peek(&ix->s) != '{')
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no \"weight_map\"", ix->path);
    ix->s.p++;
    while ((more = bt_scan_more(&ix->s, '}', &n)) == 1)
        if (read_place(ix, &last, err) < 0)
            return -1;
    return more;
}

static int read_index_member(struct index *ix, struct bt_names *keys, struct bt_err *err)
{
    struct bt_str key;
    bool fresh;
    if (!bt_scan_key(&ix->s, &key))
        return -1;
    const struct bt_name *name = bt_names_get(keys, ix->h->arena, key, &fresh);
    if (!fresh)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: \"%s\" is there twice", ix->path, bt_model_shown(ix->h->arena, name->text));
    if (!strcmp(name->text, "weight_map"))
        return read_map(ix, err);
    bt_scan_peek(&ix->s);
    const char *from = ix->s.p;
    return bt_scan_skip(&ix->s, 1) && bt_scan_judge(&ix->s, from) ? 0 : -1;
}

static int read_index(struct index *ix, struct bt_err *err)
{
    bt_auto_names keys = { 0 };
    size_t n = 0;
    int more;
    if (!bt_scan_take(&ix->s, '{'))
        return -1;
    while ((more = bt_scan_more(&ix->s, '}', &n)) == 1)
        if (read_index_member(ix, &keys, err) < 0)
            return -1;
    if (more < 0 || !bt_scan_end(&ix->s))
        return -1;
    return ix->h->names.n ? 0 : bt_err_set(err, BT_E_INPUT, 0, "%s: no \"weight_map\"", ix->path);
}

/* Shards are read in the order of their names; the table has the numbers of that order then. */
static void number_shards(struct index *ix, struct files *shards)
{
    struct bt_arena *a = ix->h->arena;
    uint32_t *number = BT_NEWN(a, uint32_t, ix->shards.n + 1);
    shards->n = ix->shards.n;
    shards->name = BT_NEWN(a, const char *, shards->n);
    for (size_t i = 0; i < shards->n; i++)
        shards->name[i] = ix->shards.name[i].text;
    sort_unique(shards);
    for (size_t i = 0; i < shards->n; i++) {
        const char *const *at = bsearch(&ix->shards.name[i].text, shards->name, shards->n, sizeof *shards->name, by_name);
        number[i + 1] = (uint32_t)(at - shards->name) + 1;
    }
    for (size_t i = 0; i < ix->h->names.n; i++)
        ix->h->names.name[i].said = number[ix->h->names.name[i].said];
}

static int load_index(struct bt_headers *h, const char *path, struct files *shards, struct bt_err *err)
{
    uint64_t size;
    bt_auto_fd fd = open_regular(path, &size, err);
    if (fd < 0)
        return -1;
    if (size > INDEX_MAX)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "read %s: %" PRIu64 " bytes, at most %" PRIu64 " are read", path, size, (uint64_t)INDEX_MAX);
    bt_auto_free char *p = bt_xmalloc(size + 1);
    if (pread_all(fd, p, size, 0) < 0)
        return bt_err_set(err, BT_E_IO, errno, "read %s", path);
    struct bt_str text = { p, size };
    if (bt_model_is_lfs(text))
        return bt_model_lfs_err(err, path);
    struct index ix = { .path = path, .h = h };
    bt_scan_init(&ix.s, text);
    int rc = read_index(&ix, err);
    if (rc < 0 && ix.s.why)
        bt_scan_err(&ix.s, path, err);
    if (rc == 0)
        number_shards(&ix, shards);
    bt_scan_release(&ix.s);
    bt_names_release(&ix.shards);
    return rc;
}

/* ---- all of them together ---- */

static int check_index(const struct bt_headers *h, const char *path, size_t indexed, struct bt_err *err)
{
    for (size_t i = 0; i < indexed; i++) {           /* the first of the table are those of the index */
        const struct bt_name *name = &h->names.name[i];
        if (name->said != name->in)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: tensor %s is said to be in %s and is not", path, bt_model_shown(h->arena, name->text),
                              bt_model_shown(h->arena, h->file[name->said - 1]));
    }
    return 0;
}

static int missing_shard(struct bt_arena *a, const struct bt_model *m, const char *shard, struct bt_err *err)
{
    bt_err_set(err, BT_E_INPUT, 0, "%s: shard %s is named in %s and is not there", m->dir, bt_model_shown(a, shard), INDEX_NAME);
    return bt_err_hint(err, "the download is not complete: fetch the model again");
}

/* index: its path, or NULL. Its names are in h->names already. */
static int read_files(struct bt_headers *h, struct bt_model *m, const struct files *f, const char *index, struct bt_err *err)
{
    size_t indexed = h->names.n;
    h->dir = m->dir;
    h->file = f->name;
    if (indexed > TENSORS_MAX)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "%s: more than %d tensors", index, TENSORS_MAX);
    h->cap = indexed;
    h->tensor = BT_NEWN(h->arena, struct bt_tensor, indexed);
    for (size_t i = 0; i < f->n; i++) {
        const char *path = bt_arena_printf(h->arena, "%s/%s", m->dir, f->name[i]);
        uint64_t size = 0;
        if (index && !bt_file_exists(path))
            return missing_shard(h->arena, m, f->name[i], err);
        if (add_file(h, (uint32_t)i + 1, m, path, &size, err) < 0)
            return -1;
        if (h->n > TENSORS_MAX)
            return bt_err_set(err, BT_E_TOO_BIG, 0, "%s: more than %d tensors", m->dir, TENSORS_MAX);
        m->file_bytes += size;
    }
    if (index && check_index(h, index, indexed, err) < 0)
        return -1;
    if (h->n == 0)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: its safetensors files hold no tensors", m->dir);
    m->tensors = h->tensor;
    m->ntensors = h->n;
    m->shards = (uint32_t)f->n;
    m->source = BT_MODEL_HEADERS;
    return bt_model_sum(m, err);
}

int bt_weights_read(struct bt_arena *a, struct bt_model *m, struct bt_err *err)
{
    const char *path = bt_arena_printf(a, "%s/%s", m->dir, INDEX_NAME);
    bool indexed = bt_file_exists(path);
    bt_auto_headers h = { .arena = a };
    struct files files = { 0 };
    int rc = indexed ? load_index(&h, path, &files, err) : list_folder(a, m->dir, &files, err);
    if (rc == 0 && files.n)
        rc = read_files(&h, m, &files, indexed ? path : NULL, err);
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

const struct bt_model *bt_model_as(struct bt_arena *a, const struct bt_model *m, const char *method)
{
    struct bt_model *as = BT_NEW(a, struct bt_model);
    struct bt_err ignored = { 0 };
    *as = *m;
    if (m->quantization || m->gguf || !bt_model_architecture_known(m->architecture) || !bt_model_quant_method(method, &as->quant))
        return NULL;
    as->quantization = method;
    as->tensors = NULL;
    as->alike = NULL;
    as->ntensors = as->nalike = 0;
    as->file_bytes = 0;
    return bt_model_derive(a, as, &ignored) == 0 && as->ntensors ? as : NULL;
}
