/* CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER of the simulated driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "sim/cuda_int.h"

/* PCI order; 1 and 2 begin alike; 2 and 3 are the fastest. */
static const struct sim_visible_card cards[4] = {
    { "GPU-aa000000-0000-4000-8000-000000000000", 1.0 },
    { "GPU-bb110000-0000-4000-8000-000000000000", 2.0 },
    { "GPU-bb220000-0000-4000-8000-000000000000", 3.0 },
    { "GPU-cc000000-0000-4000-8000-000000000000", 3.0 },
};
#define PCI "PCI_BUS_ID"

static const struct { const char *list, *order, *want; } rows[] = {
    { NULL, PCI, "0 1 2 3" },
    { "", PCI, "" },
    { "0,1,2,3", PCI, "0 1 2 3" },
    { "3,1", PCI, "3 1" },
    { " 2 , 0 ", PCI, "2 0" },
    { "0,2,-1,1", PCI, "0 2" },                          /* ends at the first that is not there */
    { "-1", PCI, "" },
    { "4", PCI, "" },
    { "1,4,2", PCI, "1" },
    { "99999999999999999999", PCI, "" },
    { "1,,2", PCI, "1" },
    { ",1", PCI, "" },
    { "1x", PCI, "" },
    { "NoDevFiles", PCI, "" },
    { "1,1", PCI, "" },                                  /* named twice: none at all */
    { "0,1,2,0", PCI, "" },
    { "0,-1,0", PCI, "0" },                              /* the second is behind the end */
    { "1,GPU-bb11", PCI, "" },                           /* twice by two names */
    { "GPU-cc000000-0000-4000-8000-000000000000", PCI, "3" },
    { "GPU-CC", PCI, "3" },
    { "GPU-cc,GPU-aa", PCI, "3 0" },
    { "GPU-bb", PCI, "" },                               /* not unique */
    { "GPU-bb2,GPU-b", PCI, "2" },
    { "GPU-", PCI, "" },
    { "GP", PCI, "" },
    { "GPU-cc000000-0000-4000-8000-0000000000000", PCI, "" },        /* longer than any */
    { "MIG-GPU-cc000000-0000-4000-8000-000000000000/1/0", PCI, "" },
    { "GPU-aa,MIG-1234,1", PCI, "0" },
    { NULL, NULL, "2 3 1 0" },                           /* fastest first; equals stay in PCI order */
    { NULL, "FASTEST_FIRST", "2 3 1 0" },
    { NULL, "nonsense", "2 3 1 0" },
    { "0,3", NULL, "2 0" },                              /* indices are those of the order in force */
    { "GPU-aa,0", NULL, "0 2" },
};

static void lists(void **st)
{
    (void)st;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned out[BT_SIM_MAX_GPUS];
        char got[64] = "";
        int n = sim_visible(rows[i].list, rows[i].order, cards, 4, out);
        for (int k = 0; k < n; k++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%u", k ? " " : "", out[k]);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("list \"%s\", order %s: got \"%s\", want \"%s\"", rows[i].list ? rows[i].list : "(unset)",
                     rows[i].order ? rows[i].order : "(unset)", got, rows[i].want);
    }
}

static void no_cards(void **st)
{
    (void)st;
    unsigned out[BT_SIM_MAX_GPUS];
    assert_int_equal(sim_visible(NULL, NULL, cards, 0, out), 0);
    assert_int_equal(sim_visible("0", NULL, cards, 0, out), 0);
}

static void sixty_four(void **st)
{
    (void)st;
    struct sim_visible_card many[BT_SIM_MAX_GPUS];
    char list[512] = "";
    unsigned out[BT_SIM_MAX_GPUS];
    for (int i = 0; i < BT_SIM_MAX_GPUS; i++) {
        many[i] = (struct sim_visible_card){ "GPU-x", 1.0 };
        snprintf(list + strlen(list), sizeof list - strlen(list), "%d,", BT_SIM_MAX_GPUS - 1 - i);
    }
    assert_int_equal(sim_visible(list, NULL, many, BT_SIM_MAX_GPUS, out), BT_SIM_MAX_GPUS);
    assert_int_equal(out[0], BT_SIM_MAX_GPUS - 1);
    assert_int_equal(out[BT_SIM_MAX_GPUS - 1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lists), cmocka_unit_test(no_cards), cmocka_unit_test(sixty_four) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
