/* gpu_nvml.c - this machine's cards through a fake driver: order, figures that fail, islands, CUDA_VISIBLE_DEVICES, nvmlInit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "gpu/nvml.h"
#include "gpu/probe.h"

/* ---- the fake: what a test sets is what the driver says ---- */

#define FAKE_MAX 70

static struct fake_card {
    const char *uuid, *name;
    unsigned bus;
    uint64_t total, reserved, used;
    unsigned island;                 /* 0 = no NVLink */
    nvmlReturn_t handle_rc, uuid_rc;
} cards[FAKE_MAX];
static unsigned ncards;
static nvmlReturn_t init_rc, count_rc, figures_rc;
static struct { unsigned pid; unsigned long long bytes; } rows[300];
static unsigned nrows;

static struct fake_card *card_of(nvmlDevice_t d) { return (struct fake_card *)(void *)d; }
static nvmlReturn_t f_init(void) { return init_rc; }
static nvmlReturn_t f_shutdown(void) { return NVML_SUCCESS; }
static const char *f_error_string(nvmlReturn_t rc) { return rc == NVML_ERROR_GPU_IS_LOST ? "GPU is lost" : "some error"; }
static nvmlReturn_t f_driver(char *v, unsigned n) { snprintf(v, n, "580.95.05"); return NVML_SUCCESS; }
static nvmlReturn_t f_count(unsigned *n) { *n = ncards; return count_rc; }
static nvmlReturn_t f_handle(unsigned i, nvmlDevice_t *d) { *d = (nvmlDevice_t)(void *)&cards[i]; return cards[i].handle_rc; }
static nvmlReturn_t f_uuid(nvmlDevice_t d, char *v, unsigned n) { snprintf(v, n, "%s", card_of(d)->uuid); return card_of(d)->uuid_rc; }
static nvmlReturn_t f_name(nvmlDevice_t d, char *v, unsigned n) { snprintf(v, n, "%s", card_of(d)->name); return NVML_SUCCESS; }

static nvmlReturn_t f_pci(nvmlDevice_t d, nvmlPciInfo_t *p)
{
    p->bus = card_of(d)->bus;
    snprintf(p->busId, sizeof p->busId, "00000000:%02X:00.0", p->bus);
    return NVML_SUCCESS;
}

static nvmlReturn_t f_memory_v2(nvmlDevice_t d, nvmlMemory_v2_t *m)
{
    struct fake_card *c = card_of(d);
    if (m->version != 0x02000028)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    m->total = c->total;
    m->reserved = c->reserved;
    m->used = c->used;
    m->free = c->total - c->reserved - c->used;
    return figures_rc;
}

static nvmlReturn_t f_memory(nvmlDevice_t d, nvmlMemory_t *m)
{
    struct fake_card *c = card_of(d);
    *m = (nvmlMemory_t){ .total = c->total, .used = c->used + c->reserved, .free = c->total - c->used - c->reserved };
    return figures_rc;
}

static nvmlReturn_t f_util(nvmlDevice_t d, nvmlUtilization_t *u) { (void)d; u->gpu = 42; u->memory = 7; return figures_rc; }
static nvmlReturn_t f_power(nvmlDevice_t d, unsigned *mw) { (void)d; *mw = 71499; return figures_rc; }

static nvmlReturn_t f_procs(nvmlDevice_t d, unsigned *n, nvmlProcessInfo_v3_t *out)
{
    unsigned cap = *n;
    (void)d;
    *n = nrows;
    if (cap < nrows)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < nrows; i++)
        out[i] = (nvmlProcessInfo_v3_t){ .pid = rows[i].pid, .usedGpuMemory = rows[i].bytes };
    return figures_rc;
}

static nvmlReturn_t f_procs_v1(nvmlDevice_t d, unsigned *n, nvmlProcessInfo_v1_t *out)
{
    (void)d;
    *n = 1;
    out[0] = (nvmlProcessInfo_v1_t){ .pid = 77, .usedGpuMemory = 5 };
    return NVML_SUCCESS;
}

static nvmlReturn_t f_p2p(nvmlDevice_t x, nvmlDevice_t y, nvmlGpuP2PCapsIndex_t what, nvmlGpuP2PStatus_t *status)
{
    assert_int_equal(what, NVML_P2P_CAPS_INDEX_NVLINK);
    *status = card_of(x)->island && card_of(x)->island == card_of(y)->island ? NVML_P2P_STATUS_OK : NVML_P2P_STATUS_NOT_SUPPORTED;
    return NVML_SUCCESS;
}

/* Without P2P status: link 3 of a card leads to the next card of its island. */
static nvmlReturn_t f_link_state(nvmlDevice_t d, unsigned link, nvmlEnableState_t *on)
{
    *on = card_of(d)->island && link == 3 ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
    return NVML_SUCCESS;
}

static nvmlReturn_t f_link_peer(nvmlDevice_t d, unsigned link, nvmlPciInfo_t *p)
{
    (void)link;
    for (struct fake_card *c = card_of(d) + 1; c < cards + ncards; c++)
        if (c->island == card_of(d)->island) {
            p->bus = c->bus;
            return NVML_SUCCESS;
        }
    return NVML_ERROR_NOT_SUPPORTED;
}

static const struct bt_nvml whole = {
    .init = f_init, .shutdown = f_shutdown, .count = f_count, .handle = f_handle, .uuid = f_uuid, .error_string = f_error_string,
    .driver_version = f_driver, .name = f_name, .pci = f_pci, .memory_v2 = f_memory_v2, .memory = f_memory, .utilization = f_util, .power_mw = f_power,
    .procs = { [BT_NVML_COMPUTE] = f_procs }, .procs_v1 = { [BT_NVML_COMPUTE] = f_procs_v1 }, .p2p = f_p2p,
    .link_state = f_link_state, .link_peer = f_link_peer };

static int reset(void **st)
{
    static const char *const uuids[] = { "GPU-dddd", "GPU-aaaa1", "GPU-cccc", "GPU-aaaa2" };
    (void)st;
    memset(cards, 0, sizeof cards);
    for (unsigned i = 0; i < 4; i++)         /* the driver's order is not the bus order */
        cards[i] = (struct fake_card){ .uuid = uuids[i], .name = "NVIDIA A100-SXM4-40GB", .bus = 0x40 - 0x10 * i, .total = 40960 * MiB,
                                       .reserved = 600 * MiB, .used = (i + 1) * GiB };
    ncards = 4;
    nrows = 0;
    init_rc = count_rc = figures_rc = NVML_SUCCESS;
    return 0;
}

static struct bt_fleet machine(struct bt_arena *a, const struct bt_nvml *nv)
{
    static const struct bt_fleet_opts o = { .margin_bytes = 512 * MiB };
    struct bt_fleet f;
    struct bt_err err = { 0 };
    if (bt_nvml_read(a, nv, true, &o, &f, &err) < 0)
        fail_msg("%s", err.msg);
    return f;
}

/* ---- cards ---- */

static void cards_stand_in_bus_order(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_fleet f = machine(&a, &whole);
    static const char *const want[] = { "GPU-aaaa2", "GPU-cccc", "GPU-aaaa1", "GPU-dddd" };
    (void)st;
    assert_int_equal(f.n, 4);
    assert_true(f.live);
    assert_string_equal(f.driver, "580.95.05");
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(f.gpus[i].uuid, want[i]);
        assert_int_equal(f.gpus[i].index, i);
    }
    assert_string_equal(f.gpus[0].pci, "00000000:10:00.0");
}

static void figures(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_fleet f = machine(&a, &whole);
    const struct bt_gpu *g = &f.gpus[3];
    (void)st;
    assert_true(g->used_valid);
    assert_int_equal(g->used_bytes, GiB);                    /* v2: without the 600 MiB that the driver keeps */
    assert_int_equal(g->others_bytes, GiB);
    assert_int_equal(g->margin_bytes, 512 * MiB);
    assert_int_equal(g->total_bytes, UINT64_C(42285268992));
    assert_int_equal(g->total_source, BT_TOTAL_CATALOG);
    assert_int_equal(g->nvml_total_bytes, 40960 * MiB);
    assert_int_equal(g->util_percent, 42);
    assert_int_equal(g->power_w, 71);
    assert_false(g->temp_valid);                             /* this driver has no such call */
    assert_int_equal(g->cc_major, 8);                        /* from the catalog: nor this one */
    struct bt_fleet_opts alone = { .ignore_others = true };
    struct bt_err err = { 0 };
    assert_int_equal(bt_nvml_read(&a, &whole, false, &alone, &f, &err), 0);
    assert_int_equal(f.gpus[3].others_bytes, 0);
    assert_int_equal(f.gpus[3].used_bytes, GiB);
}

static void totals_of_a_card_that_is_not_what_its_name_says(void **st)
{
    bt_auto_arena a = { 0 };
    (void)st;
    cards[0].total = 20 * GiB;                               /* a slice of it, say */
    cards[1].name = "NVIDIA Home Brew 3000";
    struct bt_fleet f = machine(&a, &whole);
    assert_int_equal(f.gpus[3].total_source, BT_TOTAL_NVML_LESS_2PCT);
    assert_int_equal(f.gpus[3].total_bytes, bt_total_from_nvml(20 * GiB));
    assert_null(f.gpus[2].kind);
    assert_int_equal(f.gpus[2].total_bytes, bt_total_from_nvml(40960 * MiB));
}

static void an_older_driver_has_only_v1(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_nvml old = whole;
    (void)st;
    old.memory_v2 = NULL;
    old.procs[BT_NVML_COMPUTE] = NULL;
    struct bt_fleet f = machine(&a, &old);
    assert_int_equal(f.gpus[3].used_bytes, GiB + 600 * MiB);         /* v1 counts what the driver keeps: never too little */
    assert_int_equal(f.gpus[3].nprocs, 1);
    assert_int_equal(f.gpus[3].procs[0].pid, 77);
    assert_int_equal(f.gpus[3].procs[0].bytes, 5);
}

static void figures_that_fail_are_invalid_and_no_error(void **st)
{
    bt_auto_arena a = { 0 };
    (void)st;
    figures_rc = NVML_ERROR_NOT_SUPPORTED;
    struct bt_fleet f = machine(&a, &whole);
    assert_int_equal(f.n, 4);
    const struct bt_gpu *g = &f.gpus[0];
    assert_false(g->used_valid || g->util_valid || g->power_valid || g->procs_valid);
    assert_int_equal(g->total_bytes, UINT64_C(42285268992));         /* the catalog still knows the card */
    for (unsigned i = 0; i < ncards; i++)
        cards[i].name = "NVIDIA Home Brew 3000";
    f = machine(&a, &whole);                                 /* and here nobody does */
    assert_int_equal(f.n, 0);
    assert_int_equal(f.nnotes, 4);
    assert_non_null(strstr(f.notes[0], "how much memory"));
}

static void memory_that_fails_is_not_free(void **st)
{
    bt_auto_arena a = { 0 };
    (void)st;
    figures_rc = NVML_ERROR_GPU_IS_LOST;
    struct bt_fleet f = machine(&a, &whole);
    assert_int_equal(f.n, 0);
    assert_int_equal(f.nnotes, 4);
    assert_non_null(strstr(f.notes[0], "in use: GPU is lost"));
}

static nvmlReturn_t f_mig(nvmlDevice_t d, unsigned *now, unsigned *pending) { *now = *pending = card_of(d) == &cards[1]; return NVML_SUCCESS; }

static void cards_in_mig_mode_are_notes(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_nvml nv = whole;
    (void)st;
    nv.mig = f_mig;
    struct bt_fleet f = machine(&a, &nv);
    assert_int_equal(f.n, 3);
    assert_int_equal(f.nnotes, 1);
    assert_non_null(strstr(f.notes[0], cards[1].uuid));
    assert_non_null(strstr(f.notes[0], "MIG mode and has no instances"));
}

/* What part of its card an instance is: sevenths of its computing, eighths of its memory with the bandwidth. */
static void instances_are_parts_of_kinds(void **st)
{
    bt_auto_arena a = { 0 };
    (void)st;
    const struct bt_gpu_kind *card = bt_gpu_kind_find("A100-SXM4-40GB"), *half = bt_gpu_kind_mig(&a, "NVIDIA A100-SXM4-40GB MIG 3g.20gb");
    assert_non_null(half);
    assert_true(half->mem_gbs == card->mem_gbs / 2 && half->fp16_tflops > card->fp16_tflops * 0.42 && half->fp16_tflops < card->fp16_tflops * 0.43 && !half->nvlink_mesh && half->cc_major == 8);
    const struct bt_gpu_kind *least = bt_gpu_kind_mig(&a, "NVIDIA A100-SXM4-40GB MIG 1g.5gb"), *big = bt_gpu_kind_mig(&a, "NVIDIA H100 80GB HBM3 MIG 7g.80gb");
    assert_true(least && least->mem_gbs == card->mem_gbs / 8);
    assert_true(big && big->mem_gbs == bt_gpu_kind_find("H100-80GB-HBM3")->mem_gbs);
    static const char *const none[] = { "NVIDIA A100-SXM4-40GB", "NVIDIA A100-SXM4-40GB MIG", "NVIDIA A100-SXM4-40GB MIG 9g.20gb", "Nobody MIG 3g.20gb", "", NULL };
    for (size_t i = 0; i < BT_LEN(none); i++)
        assert_null(bt_gpu_kind_mig(&a, none[i]));
}

static void cards_that_cannot_be_opened_are_notes(void **st)
{
    bt_auto_arena a = { 0 };
    (void)st;
    cards[0].handle_rc = NVML_ERROR_NO_PERMISSION;
    cards[2].uuid_rc = NVML_ERROR_GPU_IS_LOST;
    struct bt_fleet f = machine(&a, &whole);
    assert_int_equal(f.n, 2);
    assert_int_equal(f.gpus[1].index, 1);
    assert_int_equal(f.nnotes, 2);
    assert_non_null(strstr(f.notes[0], "may not use"));
    assert_non_null(strstr(f.notes[1], "GPU is lost"));
    struct bt_err err = { 0 };
    struct bt_fleet_opts o = { 0 };
    count_rc = NVML_ERROR_GPU_IS_LOST;
    assert_int_equal(bt_nvml_read(&a, &whole, true, &o, &f, &err), -1);
    assert_int_equal(err.code, BT_E_DEVICE);
}

static void more_cards_than_we_take(void **st)
{
    bt_auto_arena a = { 0 };
    static char uuids[FAKE_MAX][16];
    (void)st;
    for (unsigned i = 0; i < FAKE_MAX; i++) {
        snprintf(uuids[i], sizeof uuids[i], "GPU-%04u", i);
        cards[i] = (struct fake_card){ .uuid = uuids[i], .name = "Tesla T4", .bus = i, .total = 15360 * MiB };
    }
    ncards = FAKE_MAX;
    struct bt_fleet f = machine(&a, &whole);
    assert_int_equal(f.n, BT_MAX_GPUS);
    assert_non_null(strstr(f.notes[0], "70 cards"));
}

static void processes(void **st)
{
    bt_auto_arena a = { 0 };
    (void)st;
    rows[0].pid = 900, rows[0].bytes = 3 * GiB;
    rows[1].pid = 20, rows[1].bytes = NVML_VALUE_NOT_AVAILABLE;                 /* NVML does not say */
    nrows = 2;
    struct bt_fleet f = machine(&a, &whole);
    assert_true(f.gpus[0].procs_valid);
    assert_int_equal(f.gpus[0].nprocs, 2);
    assert_int_equal(f.gpus[0].procs[0].pid, 20);
    assert_false(f.gpus[0].procs[0].bytes_valid);
    assert_int_equal(f.gpus[0].procs[1].bytes, 3 * GiB);
    for (nrows = 0; nrows < 300; nrows++)                    /* more than the first guess holds */
        rows[nrows].pid = 1 + nrows, rows[nrows].bytes = nrows;
    f = machine(&a, &whole);
    assert_int_equal(f.gpus[0].nprocs, 300);
    struct bt_nvml twice = whole;                            /* one process in two lists is one process */
    twice.procs[BT_NVML_GRAPHICS] = f_procs;
    f = machine(&a, &twice);
    assert_int_equal(f.gpus[0].nprocs, 300);
    assert_int_equal(f.gpus[0].procs[299].bytes, 299);
}

static void islands(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_nvml links = whole;
    (void)st;
    cards[3].island = cards[0].island = 5;                   /* bus order: 0 and 3 */
    struct bt_fleet f = machine(&a, &whole);
    static const int one[] = { 0, -1, -1, 0 };
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(f.gpus[i].island, one[i]);
    cards[1].island = cards[2].island = 6;
    static const int two[] = { 0, 1, 1, 0 };
    f = machine(&a, &whole);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(f.gpus[i].island, two[i]);
    for (unsigned i = 0; i < 4; i++)
        cards[i].island = 9;
    links.p2p = NULL;                                        /* a chain of links joins them all */
    f = machine(&a, &links);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(f.gpus[i].island, f.gpus[0].island);
    links.link_state = NULL;
    f = machine(&a, &links);
    assert_int_equal(f.gpus[0].island, -1);
}

/* ---- CUDA_VISIBLE_DEVICES ---- */

static void visible_devices(void **st)
{
    static const struct { const char *visible; int want[4]; size_t n; const char *note; } table[] = {     /* n 0: refused */
        { NULL, { 0, 1, 2, 3 }, 4, NULL },
        { "0,1,2,3", { 0, 1, 2, 3 }, 4, NULL },
        { "3,1", { 1, 3 }, 2, "narrows this machine's 4 cards to 2" },
        { " 2 , 0 ", { 0, 2 }, 2, "narrows" },
        { "0,2,-1,1", { 0, 2 }, 2, "narrows" },                      /* CUDA's own example */
        { "GPU-cccc", { 1 }, 1, "narrows" },
        { "GPU-aaaa1,GPU-d", { 2, 3 }, 2, "narrows" },
        { "1,GPU-aaaa", { 1 }, 1, "narrows" },                       /* two cards begin so */
        { "1,1,2", { 1 }, 1, "narrows" },
        { "0,99", { 0 }, 1, "narrows" },
        { "0,MIG-1234", { 0 }, 1, "narrows" },
        { "0,00000000000000001", { 0 }, 1, "narrows" },
        { "", { 0 }, 0, NULL }, { "-1", { 0 }, 0, NULL }, { "4", { 0 }, 0, NULL }, { "NoDevFiles", { 0 }, 0, NULL }, { ",0", { 0 }, 0, NULL },
        { "GPU-", { 0 }, 0, NULL }, { "\033[31m", { 0 }, 0, NULL },
    };
    (void)st;
    for (size_t i = 0; i < BT_LEN(table); i++) {
        bt_auto_arena a = { 0 };
        struct bt_fleet f = machine(&a, &whole);
        struct bt_err err = { 0 };
        int rc = bt_fleet_narrow(&a, &f, table[i].visible, &err);
        if (!table[i].n) {
            if (rc == 0 || err.code != BT_E_DEVICE || !strstr(err.msg, "CUDA_VISIBLE_DEVICES") || strchr(err.msg, '\033') || !strstr(err.hint, "unset"))
                fail_msg("\"%s\": rc %d \"%s\" \"%s\"", table[i].visible, rc, err.msg, err.hint);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(f.n, table[i].n);
        for (size_t j = 0; j < f.n; j++)
            assert_int_equal(f.gpus[j].index, table[i].want[j]);     /* still the whole machine's indices */
        assert_int_equal(f.nnotes > 0, table[i].note != NULL);
        if (table[i].note)
            assert_non_null(strstr(f.notes[0], table[i].note));
    }
}

/* ---- nvmlInit ---- */

static void init_failures_are_told_apart(void **st)
{
    static const struct { nvmlReturn_t rc; const char *says; } table[] = {
        { NVML_ERROR_DRIVER_NOT_LOADED, "not loaded" }, { NVML_ERROR_LIB_RM_VERSION_MISMATCH, "different versions" },
        { NVML_ERROR_NO_PERMISSION, "may not" }, { NVML_ERROR_LIBRARY_NOT_FOUND, "missing" }, { NVML_ERROR_GPU_IS_LOST, "GPU is lost" } };
    (void)st;
    for (size_t i = 0; i < BT_LEN(table); i++) {
        struct bt_err err = { 0 };
        init_rc = table[i].rc;
        assert_int_equal(bt_nvml_open(&whole, &err), -1);
        assert_int_equal(err.code, BT_E_DEVICE);
        if (!strstr(err.msg, table[i].says) || !strstr(err.hint, "--gpus 4xA100-SXM4-40GB"))
            fail_msg("%s / %s", err.msg, err.hint);
    }
}

/* ---- the probe's line ---- */

static void a_sample_survives_its_line(void **st)
{
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf line = BT_BUF(BT_PROBE_LINE_MAX);
    struct bt_probe_sample s;
    struct bt_err err = { 0 };
    (void)st;
    rows[0].pid = 900, rows[0].bytes = 3 * GiB;
    rows[1].pid = 901, rows[1].bytes = NVML_VALUE_NOT_AVAILABLE;
    nrows = 2;
    struct bt_fleet f = machine(&a, &whole);
    f.gpus[1].used_valid = f.gpus[1].procs_valid = f.gpus[1].util_valid = false;
    bt_probe_print(&f, 1789000000.25, NULL, &line);
    assert_int_equal(line.p[line.n - 1], '\n');
    assert_int_equal(memchr(line.p, '\n', line.n) == line.p + line.n - 1, 1);
    if (bt_probe_parse(&a, (struct bt_str){ line.p, line.n }, &s, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(s.t == 1789000000.25);
    assert_null(s.error);
    assert_int_equal(s.n, 4);
    assert_string_equal(s.gpus[0].uuid, "GPU-aaaa2");
    assert_int_equal(s.gpus[0].used_bytes, 4 * GiB);
    assert_int_equal(s.gpus[0].nprocs, 2);
    assert_int_equal(s.gpus[0].procs[0].bytes, 3 * GiB);
    assert_false(s.gpus[0].procs[1].bytes_valid);
    assert_false(s.gpus[1].used_valid || s.gpus[1].procs_valid || s.gpus[1].util_valid);
    assert_ptr_equal(bt_probe_gpu(&s, "GPU-cccc"), &s.gpus[1]);
    assert_null(bt_probe_gpu(&s, "GPU-none"));
    bt_buf_clear(&line);
    bt_err_set(&err, BT_E_DEVICE, 0, "no \"driver\"");
    bt_probe_print(NULL, 2, &err, &line);
    assert_int_equal(bt_probe_parse(&a, (struct bt_str){ line.p, line.n }, &s, &err), 0);
    assert_int_equal(s.n, 0);
    assert_string_equal(s.error, "no \"driver\"");
}

static void broken_lines_are_refused(void **st)
{
    static const char *const lines[] = {
        "", "{", "[]", "7", "{}", "{\"t\":1}", "{\"gpus\":[]}", "{\"t\":\"1\",\"gpus\":[]}", "{\"t\":1,\"gpus\":[7]}", "{\"t\":1,\"gpus\":[{}]}",
        "{\"t\":1,\"gpus\":[{\"uuid\":\"x\",\"index\":-1}]}", "{\"t\":1,\"gpus\":[{\"uuid\":\"x\",\"index\":0,\"used_bytes\":-5}]}",
        "{\"t\":1,\"gpus\":[{\"uuid\":\"x\",\"index\":0,\"used_bytes\":1.5}]}", "{\"t\":1,\"gpus\":[{\"uuid\":\"x\",\"index\":0,\"procs\":{}}]}",
        "{\"t\":1,\"gpus\":[{\"uuid\":\"x\",\"index\":0,\"procs\":[1]}]}", "{\"t\":1,\"gpus\":[{\"uuid\":\"x\",\"index\":0,\"procs\":[{}]}]}",
        "{\"t\":1,\"gpus\":[],\"error\":5}" };
    (void)st;
    for (size_t i = 0; i < BT_LEN(lines); i++) {
        bt_auto_arena a = { 0 };
        struct bt_probe_sample s;
        struct bt_err err = { 0 };
        if (bt_probe_parse(&a, bt_str(lines[i]), &s, &err) == 0 || err.code != BT_E_INPUT)
            fail_msg("%s: code %d", lines[i], err.code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(cards_stand_in_bus_order, reset), cmocka_unit_test_setup(figures, reset),
        cmocka_unit_test_setup(totals_of_a_card_that_is_not_what_its_name_says, reset), cmocka_unit_test_setup(an_older_driver_has_only_v1, reset),
        cmocka_unit_test_setup(memory_that_fails_is_not_free, reset), cmocka_unit_test_setup(cards_in_mig_mode_are_notes, reset), cmocka_unit_test(instances_are_parts_of_kinds),
        cmocka_unit_test_setup(figures_that_fail_are_invalid_and_no_error, reset), cmocka_unit_test_setup(cards_that_cannot_be_opened_are_notes, reset),
        cmocka_unit_test_setup(more_cards_than_we_take, reset), cmocka_unit_test_setup(processes, reset), cmocka_unit_test_setup(islands, reset),
        cmocka_unit_test_setup(visible_devices, reset), cmocka_unit_test_setup(init_failures_are_told_apart, reset),
        cmocka_unit_test_setup(a_sample_survives_its_line, reset), cmocka_unit_test_setup(broken_lines_are_refused, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
