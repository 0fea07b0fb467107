/* catalog.c - finding a kind of card by whatever name people and drivers give it. */
#include "gpu/catalog.h"
#include "base/units.h"

#include <ctype.h>
#include <stdio.h>

#define NAME_MAX_LEN 96

size_t bt_gpu_kinds(const struct bt_gpu_kind **out)
{
    *out = bt_gpu_catalog;
    return bt_gpu_catalog_n;
}

/* Words that sellers add and people leave out. */
static bool is_vendor_word(struct bt_str w)
{
    static const char *const words[] = { "nvidia", "geforce", "tesla", "quadro", "amd", "instinct", "intel" };
    for (size_t i = 0; i < BT_LEN(words); i++)
        if (bt_str_eq(w, words[i]))
            return true;
    return false;
}

/* The next run of letters and digits of *s, in lower case. False at the end. */
static bool next_word(const char **s, char word[NAME_MAX_LEN], size_t *n)
{
    while (**s && !isalnum((unsigned char)**s))
        (*s)++;
    for (*n = 0; isalnum((unsigned char)**s); (*s)++)
        if (*n < NAME_MAX_LEN - 1)
            word[(*n)++] = (char)tolower((unsigned char)**s);
    word[*n] = 0;
    return *n > 0;
}

/* "NVIDIA GeForce RTX 4090", "RTX-4090" and "rtx4090" all become "rtx4090". False when nothing is left or it is too long. */
static bool normalise(struct bt_str name, char out[NAME_MAX_LEN])
{
    char text[NAME_MAX_LEN], word[NAME_MAX_LEN];
    if (name.n >= sizeof text || memchr(name.p, 0, name.n))
        return false;
    memcpy(text, name.p, name.n);
    text[name.n] = 0;
    const char *s = text;
    size_t n, len = 0;
    while (next_word(&s, word, &n))
        if (!is_vendor_word(bt_str(word))) {
            memcpy(out + len, word, n);      /* never longer than the text it came from */
            len += n;
        }
    out[len] = 0;
    return len > 0;
}

static bool same_name(struct bt_str name, const char *wanted)
{
    char norm[NAME_MAX_LEN];
    return normalise(name, norm) && !strcmp(norm, wanted);
}

static bool kind_has_name(const struct bt_gpu_kind *k, const char *wanted)
{
    if (same_name(bt_str(k->key), wanted) || same_name(bt_str(k->nvml_name), wanted))
        return true;
    for (struct bt_str rest = bt_str(k->aliases), one; rest.n;) {
        rest = bt_str_cut(rest, ';', &one);
        if (same_name(one, wanted))
            return true;
    }
    return false;
}

const struct bt_gpu_kind *bt_gpu_kind_find(const char *name)
{
    char wanted[NAME_MAX_LEN];
    if (!name || !normalise(bt_str(name), wanted))
        return NULL;
    for (size_t i = 0; i < bt_gpu_catalog_n; i++)
        if (kind_has_name(&bt_gpu_catalog[i], wanted))
            return &bt_gpu_catalog[i];
    return NULL;
}

#define MIG_COMPUTE 7                /* slices of a card, and of its memory with the bandwidth that goes with it */
#define MIG_MEMORY 8

const struct bt_gpu_kind *bt_gpu_kind_mig(struct bt_arena *a, const char *name)
{
    const char *at = name ? strstr(name, " MIG ") : NULL;
    unsigned slices, gb;
    if (!at || sscanf(at, " MIG %1ug.%3ugb", &slices, &gb) != 2 || !slices || slices > MIG_COMPUTE)
        return NULL;
    const struct bt_gpu_kind *card = bt_gpu_kind_find(bt_arena_strndup(a, (struct bt_str){ name, (size_t)(at - name) }));
    if (!card || !card->nvml_bytes)
        return NULL;
    double eighth = (double)card->nvml_bytes / GiB / MIG_MEMORY, memory = BT_MIN(BT_MAX((double)(unsigned)(gb / eighth + 0.5), 1.0), (double)MIG_MEMORY);
    double compute = (double)slices / MIG_COMPUTE;
    struct bt_gpu_kind *k = BT_NEW(a, struct bt_gpu_kind);
    *k = *card;
    k->key = "";
    k->short_name = bt_arena_printf(a, "%s%s", card->short_name, at);
    k->nvml_name = name;
    k->aliases = "";
    k->nvml_bytes = k->cuda_bytes = 0;
    k->mem_gbs *= memory / MIG_MEMORY;
    k->fp16_tflops *= compute;
    k->fp8_tflops *= compute;
    k->int8_tops *= compute;
    k->fp32_tflops *= compute;
    k->nvlink_gbs = 0;
    k->nvlink_mesh = false;
    return k;
}

uint64_t bt_gpu_kind_total(const struct bt_gpu_kind *k)
{
    return k->cuda_bytes ? k->cuda_bytes : bt_total_from_nvml(k->nvml_bytes);
}

uint64_t bt_total_from_nvml(uint64_t nvml_bytes)
{
    return nvml_bytes - nvml_bytes / 50;
}

const char *bt_total_source_name(enum bt_total_source s)
{
    static const char *const names[] = {
        [BT_TOTAL_CATALOG] = "catalog", [BT_TOTAL_LEARNED] = "learned", [BT_TOTAL_NVML_LESS_2PCT] = "nvml-less-2%",
        [BT_TOTAL_FILE] = "file", [BT_TOTAL_GIVEN] = "given" };
    return (size_t)s < BT_LEN(names) ? names[s] : "unknown";
}

/* Every word of the question stands in the card's names: "A100 40GB" fits A100-SXM4-40GB and A100-PCIE-40GB. */
static bool kind_has_words(const struct bt_gpu_kind *k, const char *name)
{
    char hay[NAME_MAX_LEN * 2], word[NAME_MAX_LEN];
    int len = snprintf(hay, sizeof hay, "%s %s", k->nvml_name, k->key);
    for (int i = 0; i < len && i < (int)sizeof hay; i++)
        hay[i] = (char)tolower((unsigned char)hay[i]);
    size_t n, words = 0;
    while (next_word(&name, word, &n)) {
        if (is_vendor_word(bt_str(word)))
            continue;
        if (!strstr(hay, word))
            return false;
        words++;
    }
    return words > 0;
}

int bt_gpu_kind_unknown(const char *name, struct bt_err *err)
{
    bt_auto_buf struct bt_buf shown = BT_BUF(256), like = BT_BUF(280);
    bt_buf_add_escaped(&shown, (struct bt_str){ name, strnlen(name, 60) });
    bt_err_set(err, BT_E_SPEC, 0, "the catalog has no card called \"%s\"", bt_buf_z(&shown));
    size_t found = 0;
    for (size_t i = 0; i < bt_gpu_catalog_n && found < 6; i++)
        if (kind_has_words(&bt_gpu_catalog[i], name))
            bt_buf_printf(&like, "%s%s", found++ ? ", " : "", bt_gpu_catalog[i].short_name);
    if (!found) {
        bt_auto_free const char **names = bt_xcalloc(bt_gpu_catalog_n, sizeof *names);
        for (size_t i = 0; i < bt_gpu_catalog_n; i++)
            names[i] = bt_gpu_catalog[i].short_name;
        const char *near = bt_str_nearest(bt_str(name), names, bt_gpu_catalog_n);
        if (near)
            bt_buf_puts(&like, near);
    }
    if (like.n)
        return bt_err_hint(err, "%s%s", found > 1 ? "one of " : "", bt_buf_z(&like));
    return bt_err_hint(err, "names are as nvidia-smi prints them: A100-SXM4-40GB, RTX-4090; `berth gpus --catalog` lists all");
}
