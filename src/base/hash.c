/* hash.c - BLAKE2b by libsodium. */
#include "base/hash.h"

#include <sodium.h>

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(struct bt_hash), "hash.h: state is too small");
enum { DIGEST = 16 };

void bt_hash_init(struct bt_hash *h)
{
    crypto_generichash_init((crypto_generichash_state *)(void *)h->state, NULL, 0, DIGEST);
}

void bt_hash_add(struct bt_hash *h, const void *p, size_t n)
{
    crypto_generichash_update((crypto_generichash_state *)(void *)h->state, p, n);
}

void bt_hash_end(struct bt_hash *h, struct bt_digest *out)
{
    unsigned char raw[DIGEST];
    crypto_generichash_final((crypto_generichash_state *)(void *)h->state, raw, sizeof raw);
    sodium_bin2hex(out->hex, sizeof out->hex, raw, sizeof raw);
}

struct bt_digest bt_digest_of(struct bt_str s)
{
    struct bt_hash h;
    struct bt_digest d;
    bt_hash_init(&h);
    bt_hash_add(&h, s.p, s.n);
    bt_hash_end(&h, &d);
    return d;
}
