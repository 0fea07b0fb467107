/* sample.h - what the driver says about the cards: a `berth probe` child, its newest sample, and sums over it.
 *
 * NVML can hang for seconds in the kernel, so it is asked in a process of its own. One that is silent for BT_SILENT_MS is
 * killed and replaced. */
#ifndef BT_RUN_SAMPLE_H
#define BT_RUN_SAMPLE_H
#include <event2/event.h>
#include "gpu/probe.h"

#define BT_SILENT_MS 10000

struct bt_sampler;
struct bt_sampler *bt_sampler_new(struct event_base *base, void (*on_sample)(void *ctx), void *ctx);
void bt_sampler_free(struct bt_sampler *s);          /* NULL is fine; ends the probe */
void bt_sampler_tick(struct bt_sampler *s);          /* a few times a second: replaces a silent probe */
/* The newest sample, valid until the next turn of the loop; NULL before the first. Its `error` is set when NVML cannot be asked. */
const struct bt_probe_sample *bt_sampler_last(const struct bt_sampler *s);

/* Bytes of pids[0..n) on one card. valid = every one of them that is there has a figure. */
struct bt_actual { uint64_t bytes; bool valid; size_t nprocs; };
struct bt_actual bt_sample_actual(const struct bt_probe_gpu *g, const pid_t *pids, size_t n);
/* Used bytes that no listed process accounts for: driver and teardown. valid: both figures are there; not where card and host are one memory. */
struct bt_actual bt_sample_residual(const struct bt_probe_gpu *g);

/* What a start needs on a card, and what stands in its way. */
struct bt_room {
    uint64_t total_bytes;            /* what CUDA calls total */
    uint64_t need_bytes;
    uint64_t neighbours_bytes;       /* our running instances: the larger of planned and actual, each */
    uint64_t neighbours_actual_bytes;
};
/* True when need fits beside what is used. *free_bytes: what there is. used that our neighbours do not account for is foreign. */
bool bt_sample_room(const struct bt_probe_gpu *g, const struct bt_room *r, uint64_t *free_bytes);
#endif
