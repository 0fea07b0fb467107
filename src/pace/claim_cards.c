/* claim_cards - which cards a claim means, by the names that people give them; and what they name that the catalog does not have. */
#include <ctype.h>
#include <fnmatch.h>
#include <math.h>

#include "pace/claim_int.h"

/* Names that mean more than one card: the one that is meant most often. */
static const struct {
    const char *said, *meant;
} short_cards[] = {
    { "a100-40gb", "a100-sxm4-40" }, { "a100-80gb", "a100-sxm4-80" }, { "a100", "a100-sxm4-80" },      { "a800", "a800-sxm4-80" },
    { "h100", "h100-sxm" },          { "h100-80gb", "h100-sxm" },     { "h200", "h200-sxm" },          { "h800", "h800-sxm" },
    { "gh200", "gh200-96" },         { "v100", "v100-sxm2-32" },      { "v100-16gb", "v100-sxm2-16" }, { "v100-32gb", "v100-sxm2-32" },
    { "3060", "rtx3060-12" },        { "3080", "rtx3080" },           { "3090", "rtx3090" },           { "4080", "rtx4080" },
    { "4090", "rtx4090" },           { "5090", "rtx5090" },
};
static const struct {
    const char *said;
    unsigned n;
} counts[] = {
    { "one", 1 },  { "single", 1 }, { "a", 1 },   { "dual", 2 },  { "two", 2 },  { "twin", 2 }, { "three", 3 }, { "triple", 3 },
    { "quad", 4 }, { "four", 4 },   { "six", 6 }, { "eight", 8 }, { "octa", 8 }, { "dgx", 8 },  { "hgx", 8 },
};

static const struct bt_gpu_kind *card_named(struct bt_arena *a, const char *name)
{
    for (size_t i = 0; i < BT_LEN(short_cards); i++)
        if (!strcasecmp(short_cards[i].said, name))
            return bt_gpu_kind_find(short_cards[i].meant);
    const struct bt_gpu_kind *k = bt_gpu_kind_find(name);
    size_t n = strlen(name);
    if (!k && (!fnmatch("[2-5]0[5-9]0*", name, 0) || !fnmatch("[679][0-9][0-9]0*", name, 0))) /* "4060 Ti", "7900 XTX" */
        k = bt_gpu_kind_find(bt_arena_printf(a, "%s%s", name[1] == '0' ? "rtx-" : "rx-", name));
    bool gigabytes = n > 2 && isdigit((unsigned char)name[n - 2]) && (name[n - 1] == 'g' || name[n - 1] == 'G'); /* "A100-80G" */
    return k || !gigabytes ? k : card_named(a, bt_arena_printf(a, "%sB", name));
}

const struct bt_gpu_kind *pc_card_said(struct bt_arena *a, const char *name)
{
    const struct bt_gpu_kind *k = card_named(a, name);
    size_t n = strlen(name), cut = n > 3 && !strcasecmp(name + n - 2, "'s") ? 2 : n > 3 && (name[n - 1] == 's' || name[n - 1] == 'S') ? 1 : 0;
    return k || !cut ? k : card_named(a, bt_arena_strndup(a, (struct bt_str){ name, n - cut }));
}

unsigned pc_count_word(const char *w)
{
    for (size_t i = 0; i < BT_LEN(counts); i++)
        if (!strcasecmp(counts[i].said, w))
            return counts[i].n;
    return 0;
}

/* What people name that is no card of the catalog, the more particular first; then what looks like a card's name. */
static const struct {
    const char *pattern, *what;
} others[] = {
    { "m[1-6]", "an Apple chip" },
    { "m[1-6][-_]*", "an Apple chip" },
    { "mac", "an Apple chip" },
    { "mac[bms-]*", "an Apple chip" },
    { "apple*", "an Apple chip" },
    { "strix*", "a chip that shares its computer's memory" },
    { "ryzen*", "a processor" },
    { "epyc*", "a processor" },
    { "xeon*", "a processor" },
    { "threadripper*", "a processor" },
    { "tpu*", "a TPU" },
    { "trainium*", "Amazon's own chip" },
    { "inferentia*", "Amazon's own chip" },
    { "cerebras*", "no GPU" },
    { "groq*", "no GPU" },
    { "nano", "a smaller Jetson than the catalog's Orin" },
    { "nx", "a smaller Jetson than the catalog's Orin" },
    { "*.*xlarge", "a machine of a cloud: name its cards" },
    { "standard_n*", "a machine of a cloud: name its cards" },
    { "arc", "no card that the catalog has" },
    { "a[3-7][0-9]0", "no card that the catalog has" },
    { "radeon", "no card that the catalog has" },
    { "[rg]tx*", "no card that the catalog has" },
    { "rx", "no card that the catalog has" },
    { "rx[-0-9]*", "no card that the catalog has" },
    { "[ahblvtp][1-9][0-9]*", "no card that the catalog has" },
    { "mi[1-9]*", "no card that the catalog has" },
    { "gh[1-9]*", "no card that the catalog has" },
    { "[1-9]0[5-9]0", "no card that the catalog has" },
};

const char *pc_no_card(const char *word)
{
    word += strspn(word, "0123456789") > 0 && (word[strspn(word, "0123456789")] | 0x20) == 'x' ? strspn(word, "0123456789") + 1 : 0; /* "2xH300" */
    for (size_t i = 0; i < BT_LEN(others); i++)
        if (!fnmatch(others[i].pattern, word, FNM_CASEFOLD))
            return others[i].what;
    return NULL;
}

/* "RTX 4070 Ti Super": these words together are a card, though the first of them are none. */
static bool is_card_of_words(const struct pc_words *x, size_t at)
{
    const char *name = x->w[at];
    bool card = false;
    for (size_t n = 1; n < 5 && at + n < x->n && !x->starts[at + n] && !card; n++) {
        name = bt_arena_printf(x->a, "%s-%s", name, x->w[at + n]);
        card = pc_card_said(x->a, name);
    }
    return card;
}

/* No card was understood: the word that names something else instead, where there is one. Returns -1; *err stays as it is where there is none. */
int pc_name_other(const struct pc_words *x, size_t from, struct bt_err *err)
{
    for (size_t i = from; i < x->n; i++) {
        const char *what = pc_no_card(x->w[i]), *next = i + 1 < x->n && !x->starts[i + 1] ? x->w[i + 1] : "";
        const char *name = x->w[i] + strspn(x->w[i], "0123456789"); /* "2xA100": known, and another word is not */
        if (!what || pc_card_said(x->a, x->w[i]) || pc_card_said(x->a, name + ((*name | 0x20) == 'x')) || is_card_of_words(x, i))
            continue;
        bool alone = strpbrk(x->w[i], ".") || !strcasecmp(x->w[i], "nano") || !strcasecmp(x->w[i], "nx") ||
                     (strpbrk(x->w[i], "0123456789") && isdigit((unsigned char)*next));
        bool two = *next && !pc_is_filler(next) && !alone; /* "M4 Max", "GTX 1080" */
        bt_auto_buf struct bt_buf shown = BT_BUF(256);
        bt_buf_add_escaped(&shown, (struct bt_str){ x->w[i], strnlen(x->w[i], 40) });
        bt_buf_puts(&shown, two ? " " : "");
        bt_buf_add_escaped(&shown, (struct bt_str){ next, two ? strnlen(next, 40) : 0 });
        if (two && !strcasecmp(next, "pro") && i + 2 < x->n && isdigit((unsigned char)x->w[i + 2][0]))
            bt_buf_printf(&shown, " %.20s", x->w[i + 2]); /* "RTX PRO 4500" */
        bt_err_set(err, BT_E_USAGE, 0, "\"%s\" in the claim is %s", bt_buf_z(&shown), what);
        return bt_err_hint(err, "`berth gpus --catalog` lists the cards whose bandwidth is known");
    }
    return -1;
}

/* Q4_K_M or GGUF without an engine means llama.cpp, EXL2 means ExLlama. */
void pc_claim_engine(struct bt_claim *c)
{
    enum bt_pace_kernel k;
    if (!c->engine && c->gguf)
        c->engine = "llama.cpp";
    else if (!c->engine && pc_kernel_named(c->quantization, &k))
        c->engine = k == BT_KERNEL_GGUF || k == BT_KERNEL_GGUF_Q8 || k == BT_KERNEL_GGUF_Q4_0 ? "llama.cpp" : k == BT_KERNEL_EXL ? "exllamav2" : NULL;
    const struct pc_engine *e = pc_engine_named(c->engine, c->engine_version);
    c->by_layers = e && e->family == PC_LLAMA && !c->tp_said && c->pp == 1;
}

/* "Qwen3-8B-AWQ", "Qwen3-8B-Q4_K_M.gguf", "qwen3:8b-q4_K_M": the bits behind a model's name. */
bool bt_claim_other_model(struct bt_arena *a, struct bt_claim *c)
{
    static const struct {
        const char *said, *meant;
    } ends[] = {
        { "gptq-int4", "int4" },
        { "gptq-int8", "int8" },
        { "gptq-4bit", "int4" },
        { "awq-int4", "int4" },
        { "awq-4bit", "int4" },
        { "int4-awq", "int4" },
        { "fp8-dynamic", "fp8" },
        { "fp8-block", "fp8" },
        { "bnb-4bit", "int4" },
        { "4bit", "int4" },
        { "8bit", "int8" },
        { "qat-q4_0", "q4_0" },
        { "qat", "q4_0" },
        { "gguf", "" },
        { "latest", "" },
        { "hf", "" },
        { "instruct-q4_k_m", "q4_k_m" },
        { "quantized.w4a16", "int4" },
        { "quantized.w8a8", "int8" },
    };
    size_t n = strlen(c->model);
    const char *bits = NULL;
    size_t cut = 0;
    for (size_t i = 0; i < BT_LEN(ends) && !bits; i++) {
        size_t e = strlen(ends[i].said);
        if (n > e + 1 && strchr("-_.:", c->model[n - e - 1]) && !strcasecmp(c->model + n - e, ends[i].said)) {
            bits = ends[i].meant;
            c->gguf = c->gguf || !strcmp(ends[i].said, "gguf");
            cut = e + 1;
        }
    }
    for (size_t at = n; at > 1 && !bits; at--) { /* any method that is known: the longest such end */
        enum bt_pace_kernel kernel;
        size_t from = at - 1;
        if (!strchr("-_.:", c->model[from]))
            continue;
        for (size_t f = 1; f <= from && !bits; f++)
            if (strchr("-_.:", c->model[f]) && pc_kernel_named(c->model + f + 1, &kernel)) {
                bits = bt_arena_strdup(a, c->model + f + 1);
                cut = n - f;
            }
        break;
    }
    const char *tag = strchr(c->model, ':');
    c->gguf = c->gguf || (tag && isdigit((unsigned char)tag[1])); /* of ollama, whose files have 4 bits where no others are said */
    if (!bits && !tag)
        return false;
    char *name = bt_arena_strndup(a, (struct bt_str){ c->model, n - cut });
    for (char *p = name; *p; p++)
        *p = *p == ':' ? '-' : *p; /* ollama's "qwen3:8b" */
    c->model = name;
    c->quantization = bits && *bits && !c->quantization ? bits : c->quantization;
    pc_claim_engine(c);
    return true;
}

/* "16GB" behind a card: the card's own memory, which its name may say as well. */
bool pc_is_its_memory(const char *w, const struct bt_gpu_kind *k)
{
    double v;
    const char *rest;
    if (!k || !pc_number_of(w, &v, &rest) || (strcasecmp(rest, "gb") && strcasecmp(rest, "gib") && strcasecmp(rest, "g")))
        return false;
    double has = (double)bt_gpu_kind_total(k) / (double)GiB;
    return has > 0 ? fabs(v - has) < 0.12 * has : v >= 4 && v <= 512; /* that of a Jetson is not in the catalog */
}

/* "4xA100 40G": the memory says which of the cards of that name. "2x3090 48GB": of both. */
bool pc_other_by_memory(const struct pc_words *x, size_t at, struct bt_claim *c)
{
    double v;
    const char *rest;
    if (!c->kind || !c->card || !pc_number_of(x->w[at], &v, &rest) || (strcasecmp(rest, "gb") && strcasecmp(rest, "gib") && strcasecmp(rest, "g")))
        return false;
    const struct bt_gpu_kind *k = pc_card_said(x->a, bt_arena_printf(x->a, "%s-%.0fgb", c->card, v));
    c->kind = k ? k : c->kind;
    double all = (double)c->cards * (double)bt_gpu_kind_total(c->kind) / (double)GiB;
    return k || fabs(v - all) < 0.12 * all;
}

int pc_other_card(const struct pc_words *x, size_t at, size_t end, struct bt_err *err)
{
    static const char *const other[] = { "laptop", "mobile", "notebook", "super", "ti", "nano", "nx", "max-q", "xt", "xtx", "gre", "d" };
    const char *w = end < x->n && !x->starts[end] ? x->w[end] : "";
    bool is = false;
    for (size_t i = 0; i < BT_LEN(other); i++)
        is = is || !strcasecmp(w, other[i]);
    if (!is)
        return 0;
    bt_auto_buf struct bt_buf shown = BT_BUF(256);
    for (size_t i = at; i <= end; i++)
        bt_buf_printf(&shown, "%s%s", i > at ? " " : "", x->w[i]);
    const char *what = pc_no_card(w);
    bt_err_set(err, BT_E_USAGE, 0, "\"%.60s\" in the claim is %s", bt_buf_z(&shown), what ? what : "no card that the catalog has");
    return bt_err_hint(err, "`berth gpus --catalog` lists the cards whose bandwidth is known");
}
