/* claim_int - words of a claim, as the files that read them share them; not for other floors. */
#ifndef BT_CLAIM_INT_H
#define BT_CLAIM_INT_H
#include "pace/pace_int.h"

#define PC_MAX_WORDS 64

/* Words live in the arena; starts: the first of its comma field. */
struct pc_words {
    struct bt_arena *a;
    const char *w[PC_MAX_WORDS];
    bool starts[PC_MAX_WORDS];
    size_t n;
};

/* A number at the start of a word, and what follows it; false where there is none. */
bool pc_number_of(const char *w, double *value, const char **rest);

/* "16GB" behind a card: its own memory; or that of all of them ("2x3090 48GB"), or of another card of that name, which the claim then is of. */
bool pc_is_its_memory(const char *w, const struct bt_gpu_kind *k);
bool pc_other_by_memory(const struct pc_words *x, size_t at, struct bt_claim *c);

/* "RTX 4090 Laptop", "Orin Nano": a word behind a card's name (the words from `at` to before `end`) that makes it another one, which the
 * catalog does not have: an error. */
BT_MUST_CHECK int pc_other_card(const struct pc_words *x, size_t at, size_t end, struct bt_err *err);

/* No card was understood: the word that names something else instead, where there is one. Returns -1; *err stays as it is where there is none. */
BT_MUST_CHECK int pc_name_other(const struct pc_words *x, size_t from, struct bt_err *err);
bool pc_is_filler(const char *w);                               /* a small word that says nothing of a claim */

bool pc_could_be_thousands(const char *number, double v);       /* "1.200": a point as some write thousands */
bool pc_is_lanes(const char *w);                                /* "4.0", "gen4", "x8": of a slot */

/* What people write in several words, and claims are read in one: put so, in place ("single stream" as "1 stream", "2 replicas" as "replicas 2", "128 tokens in
 * 0.9 s" as a rate), or left out where it changes nothing that is judged (llama.cpp's flags, the format of the KV cache). Never more words than before, but for
 * two things in one ("vllm-0.11", "2048/512"); then at most PC_MAX_WORDS. */
void pc_claim_phrases(struct pc_words *x);
#endif
