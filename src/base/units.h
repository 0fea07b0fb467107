/* units.h - bytes, durations and counts: parsed strictly, printed so that they parse back to the same value.
 *
 * Sizes have a unit: 12GB is 12 x 10^9, 12GiB is 12 x 2^30 (B, kB/KB, MB, GB, TB, KiB, MiB, GiB, TiB; decimals allowed:
 * 79.22GiB). "12", "12G" and "0.4" are errors with the right form as hint. Durations: 250ms, 30s, 5m, 2h. */
#ifndef BT_UNITS_H
#define BT_UNITS_H
#include "base/str.h"

BT_MUST_CHECK int bt_bytes_parse(struct bt_str s, uint64_t *out, struct bt_err *err);
/* Engine style, as vLLM's human-readable integers: 8k = 8000, 8K = 8192, 2g, 2G, 1.5k; plain digits are units of one. */
BT_MUST_CHECK int bt_count_parse(struct bt_str s, uint64_t *out, struct bt_err *err);
BT_MUST_CHECK int bt_duration_parse(struct bt_str s, uint64_t *out_ms, struct bt_err *err);
BT_MUST_CHECK int bt_u64_parse(struct bt_str s, uint64_t min, uint64_t max, uint64_t *out, struct bt_err *err);
BT_MUST_CHECK int bt_f64_parse(struct bt_str s, double min, double max, double *out, struct bt_err *err);

/* Printers return a pointer into a small ring of static buffers: use it within the same statement, one thread only
 * (16 calls may be alive at once). */
const char *bt_bytes_exact(uint64_t n);      /* round trip: the largest unit that divides it, "512MiB", "12GB", "17B" */
const char *bt_bytes_human(uint64_t n);      /* "61.04 GiB": two decimals, binary units; for people */
const char *bt_duration_exact(uint64_t ms);  /* "1500ms", "30s", "5m" */
const char *bt_duration_human(double s);     /* "0.4 s", "41 s", "2 m 05 s" */
const char *bt_count_human(uint64_t n);      /* "32,768" */
#endif
