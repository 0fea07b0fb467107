/* need_help.h - models, cards and ledgers for the tests of need and pace. Built-in shapes only: no file of the machine is read. */
#ifndef NEED_HELP_H
#define NEED_HELP_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/units.h"
#include "need/fit.h"

static inline int no_cache(void **st)
{
    (void)st;
    setenv("HF_HUB_CACHE", "/nonexistent", 1);       /* the built-in shape, whatever this machine has downloaded */
    return 0;
}

static inline struct bt_model *model_of(struct bt_arena *a, const char *id)
{
    struct bt_model *m = NULL;
    struct bt_err err = { 0 };
    if (bt_model_open(a, id, &m, &err) < 0)
        fail_msg("%s", err.msg);
    return m;
}

static inline const struct bt_engine *vllm(void) { return bt_engine_find("vllm"); }

static inline const struct bt_engine_version *row(const char *version)
{
    struct bt_err err = { 0 };
    const struct bt_engine_version *v = bt_engine_version(vllm(), version, NULL, &err);
    if (!v)
        fail_msg("%s", err.msg);
    return v;
}

/* An A100-40 as CUDA shows it, without the catalog. */
static inline struct bt_gpu card_of(double gib, int cc_major)
{
    return (struct bt_gpu){ .uuid = "virtual-0", .name = "test card", .pci = "", .total_bytes = (uint64_t)(gib * (double)GiB), .cc_major = cc_major, .island = -1 };
}

static inline struct bt_need *need_of(struct bt_arena *a, const struct bt_model *m, const char *version, struct bt_serve s, const struct bt_gpu *card)
{
    struct bt_need *n = NULL;
    struct bt_err err = { 0 };
    if (bt_need_server(a, m, vllm(), row(version), &s, card, &n, &err) < 0)
        fail_msg("%s", err.msg);
    return n;
}

static inline uint64_t part_of(const struct bt_need_rank *r, enum bt_part part)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->line[i].part == part)
            sum += r->line[i].bytes;
    return sum;
}

#define assert_near(is, want, off) do { double is_ = (is), want_ = (want); if (!(is_ > want_ - (off) && is_ < want_ + (off))) \
    fail_msg("%s is %.5f, want %.5f", #is, is_, want_); } while (0)
#endif
