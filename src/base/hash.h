/* hash.h - BLAKE2b-128 as 32 hex digits (libsodium): digests of inputs, not secrets. */
#ifndef BT_HASH_H
#define BT_HASH_H
#include "base/str.h"
struct bt_digest { char hex[33]; };
struct bt_hash { _Alignas(64) unsigned char state[512]; };           /* crypto_generichash_state, checked at build */
void bt_hash_init(struct bt_hash *h);
void bt_hash_add(struct bt_hash *h, const void *p, size_t n);
void bt_hash_end(struct bt_hash *h, struct bt_digest *out);
struct bt_digest bt_digest_of(struct bt_str s);
#endif
