/* pace_help.h - what the tests of speed share: cards of the catalog. */
#ifndef BT_TEST_PACE_HELP_H
#define BT_TEST_PACE_HELP_H
#include "need_help.h"

#include "pace/pace.h"

static inline struct bt_gpu card_named(const char *key)
{
    const struct bt_gpu_kind *k = bt_gpu_kind_find(key);
    if (!k)
        fail_msg("no card %s", key);
    return (struct bt_gpu){
        .uuid = "virtual-0", .name = k->nvml_name, .kind = k, .pci = "", .total_bytes = bt_gpu_kind_total(k), .cc_major = k->cc_major, .island = -1
    };
}
#endif
