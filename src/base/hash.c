/* hash.c - see hash.h */
#include "base/hash.h"

#include <sodium.h>
#include <stdio.h>

enum { DIGEST_BYTES = 16 };
_Static_assert(sizeof(crypto_generichash_state) <= sizeof((struct bt_hash *)0)->state, "bt_hash holds libsodium's state");
_Static_assert(_Alignof(crypto_generichash_state) <= 64, "bt_hash is aligned for libsodium's state");

void bt_hash_init(struct bt_hash *h)
{
    if (sodium_init() < 0) {         /* no working CPU or random source: nothing we compute could be trusted */
        fputs("berth: libsodium does not start\n", stderr);
        abort();
    }
    crypto_generichash_init((crypto_generichash_state *)h->state, NULL, 0, DIGEST_BYTES);
}

void bt_hash_add(struct bt_hash *h, const void *p, size_t n)
{
    crypto_generichash_update((crypto_generichash_state *)h->state, p, n);
}

void bt_hash_end(struct bt_hash *h, struct bt_digest *out)
{
    unsigned char raw[DIGEST_BYTES];
    crypto_generichash_final((crypto_generichash_state *)h->state, raw, sizeof raw);
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
