/* diagnose_job - what a job's own log says of the job: model, batch, tokens, what is trained. As transformers, peft, accelerate, diffusers and people's
 * scripts print it: command lines (--key value), arguments printed as Python does (key=value, 'key': value), and their own sentences. */
#include <ctype.h>
#include <math.h>

#include "engine/diagnose.h"

#define LINE_LOOKED_AT 16384         /* arguments printed whole are long; a line past that is data */

enum word { W_MODEL, W_BATCH, W_TOKENS, W_RANK, W_CHECKPOINTING, W_FOUR_BIT, W_LORA, W_DEEPSPEED };
static const struct { const char *key; enum word word; } keys[] = {
    { "model_name_or_path", W_MODEL }, { "pretrained_model_name_or_path", W_MODEL }, { "base_model_name_or_path", W_MODEL }, { "model_id", W_MODEL }, { "model_name", W_MODEL }, { "base_model", W_MODEL },
    { "per_device_train_batch_size", W_BATCH }, { "per_device_eval_batch_size", W_BATCH }, { "micro_batch_size", W_BATCH }, { "train_micro_batch_size_per_gpu", W_BATCH }, { "batch_size", W_BATCH },
    { "max_seq_length", W_TOKENS }, { "max_seq_len", W_TOKENS }, { "sequence_len", W_TOKENS }, { "cutoff_len", W_TOKENS }, { "max_length", W_TOKENS }, { "model_max_length", W_TOKENS },
    { "lora_r", W_RANK }, { "lora_rank", W_RANK }, { "gradient_checkpointing", W_CHECKPOINTING }, { "load_in_4bit", W_FOUR_BIT }, { "use_lora", W_LORA }, { "use_peft", W_LORA },
    { "zero_stage", W_DEEPSPEED },
};

/* "--key value", "--key=value", "key=value", "'key': value", "\"key\": value", with - for _ in the first two; a whole word. {NULL} when it is not there. */
static struct bt_str value_of(struct bt_str s, const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i + n < s.n; i++) {
        size_t k = 0;
        while (k < n && (s.p[i + k] == key[k] || (key[k] == '_' && s.p[i + k] == '-')))
            k++;
        if (k < n || (i && (isalnum((unsigned char)s.p[i - 1]) || s.p[i - 1] == '_')) || (i && s.p[i - 1] == '-' && (i < 2 || s.p[i - 2] != '-')))
            continue;
        bool flag = i >= 2 && s.p[i - 1] == '-';
        const char *p = s.p + i + n, *end = s.p + s.n;
        if (p < end && (*p == '\'' || *p == '"'))
            p++;
        if (p >= end || !(*p == '=' || *p == ':' || (flag && *p == ' ')))
            continue;
        p++;
        while (p < end && *p == ' ')
            p++;
        char quote = p < end && (*p == '\'' || *p == '"') ? *p++ : 0;
        const char *to = p;
        while (to < end && (quote ? *to != quote : !strchr(",})] \t", *to)))
            to++;
        return (struct bt_str){ p, (size_t)(to - p) };
    }
    return (struct bt_str){ 0 };
}

static uint64_t count_of(struct bt_str v, uint64_t most)
{
    uint64_t n = 0;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9' || n > most)
            return 0;
        n = n * 10 + (uint64_t)(v.p[i] - '0');
    }
    return n <= most ? n : 0;
}

static bool plain_text(struct bt_str v, size_t room)
{
    for (size_t i = 0; i < v.n; i++)
        if ((unsigned char)v.p[i] <= 0x20 || (unsigned char)v.p[i] >= 0x7f)
            return false;
    return v.n && v.n < room && !bt_str_eq(v, "None") && !bt_str_eq(v, "null");
}

static void keep(struct bt_diag_job *j, enum word word, struct bt_str v)
{
    bool yes = bt_str_eq(v, "True") || bt_str_eq(v, "true") || bt_str_eq(v, "1");
    switch (word) {
    case W_MODEL:
        if (!j->model[0] && plain_text(v, sizeof j->model)) {
            memcpy(j->model, v.p, v.n);
            j->model[v.n] = 0;
        }
        break;
    case W_BATCH: j->batch = j->batch ? j->batch : count_of(v, 1000000); break;
    case W_TOKENS: j->tokens = j->tokens ? j->tokens : count_of(v, 1 << 30); break;
    case W_RANK: j->rank = j->rank ? j->rank : count_of(v, 65536); break;
    case W_CHECKPOINTING: j->checkpointing |= yes; break;
    case W_FOUR_BIT: j->four_bit |= yes; break;
    case W_LORA: j->lora |= yes; break;
    case W_DEEPSPEED: j->zero = BT_MIN(count_of(v, 3), (uint64_t)3); break;
    }
}

/* Sentences that say what is done. */
static const struct { const char *has; enum bt_diag_doing doing; } sentences[] = {
    { "***** Running training", BT_DOING_TRAIN }, { "trainable params:", BT_DOING_TRAIN }, { "Number of trainable parameters", BT_DOING_TRAIN }, { "loss.backward()", BT_DOING_TRAIN },
    { ", in training_step", BT_DOING_TRAIN }, { ", in compute_loss", BT_DOING_TRAIN }, { "optimizer.step()", BT_DOING_TRAIN }, { "/diffusers/", BT_DOING_DIFFUSION },
    { ", in generate", BT_DOING_GENERATE }, { ".generate(", BT_DOING_GENERATE }, { "output_hidden_states=True", BT_DOING_FORWARD }, { "register_forward_hook", BT_DOING_FORWARD },
    { "hidden_states[", BT_DOING_FORWARD }, { "/nnsight/", BT_DOING_FORWARD }, { "/transformer_lens/", BT_DOING_FORWARD },
};

void bt_diag_job_line(struct bt_diag *d, struct bt_str s)
{
    struct bt_diag_job *j = &d->job;
    s.n = BT_MIN(s.n, (size_t)LINE_LOOKED_AT);
    bool may_have_keys = s.n && (memchr(s.p, '_', s.n) || bt_diag_find(s, "--"));        /* most lines of a long log do not */
    for (size_t i = 0; may_have_keys && i < BT_LEN(keys); i++) {
        struct bt_str v = value_of(s, keys[i].key);
        if (v.p)
            keep(j, keys[i].word, v);
    }
    const char *model = bt_diag_find(s, "--model ");         /* "model" alone is too common a word to be a key */
    if (model || (model = bt_diag_find(s, "--model="))) {
        struct bt_str v;
        bt_str_cut((struct bt_str){ model + 8, s.n - (size_t)(model + 8 - s.p) }, ' ', &v);
        keep(j, W_MODEL, v);
    }
    for (size_t i = 0; i < BT_LEN(sentences); i++)
        if (sentences[i].doing > j->doing && bt_diag_find(s, sentences[i].has))
            j->doing = sentences[i].doing;
    uint64_t trained = bt_diag_count_after(s, "trainable params: "), all = bt_diag_count_after(s, "all params: "), batch = bt_diag_count_after(s, "batch size per device = ");
    j->trained = trained ? trained : j->trained;
    j->all = all ? all : j->all;
    j->batch = batch ? batch : j->batch;
    j->lora |= j->trained && j->all && j->trained < j->all / 2;
}
