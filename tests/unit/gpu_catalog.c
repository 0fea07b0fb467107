/* gpu_catalog.c - the catalog of cards and fleets by name or from a file: what is found, what is refused and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "gpu/fleet.h"
#include "gpu/fleet_json.h"
#include "gpu/gpu.h"

static const struct bt_fleet_opts margin = { .margin_bytes = 512 * MiB };

static void names_find_their_kind(void **st)
{
    static const struct { const char *name, *key; } rows[] = {
        { "A100-SXM4-40GB", "a100-sxm4-40" }, { "NVIDIA A100-SXM4-40GB", "a100-sxm4-40" }, { "a100-sxm4-40", "a100-sxm4-40" },
        { "RTX-4090", "rtx4090" }, { "rtx 4090", "rtx4090" }, { "NVIDIA GeForce RTX 4090", "rtx4090" }, { "4090", "rtx4090" },
        { "RTX-4090-D", "rtx4090d" }, { "RTX-A6000", "rtxa6000" }, { "A6000", "rtxa6000" }, { "RTX 6000 Ada", "rtx6000ada" },
        { "H100 80GB HBM3", "h100-sxm" }, { "H100-SXM5-80GB", "h100-sxm" }, { "H100 PCIe", "h100-pcie" }, { "H200", "h200-sxm" },
        { "T4", "t4" }, { "Tesla T4", "t4" }, { "L4", "l4" }, { "L40", "l40" }, { "L40S", "l40s" }, { "MI300X", "mi300x" },
        { "A100", NULL }, { "", NULL }, { "NVIDIA", NULL }, { "---", NULL }, { "RTX-4099", NULL }, { "H100\n80GB HBM3 x", NULL },
    };
    (void)st;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        const struct bt_gpu_kind *k = bt_gpu_kind_find(rows[i].name);
        if (!k != !rows[i].key || (k && strcmp(k->key, rows[i].key)))
            fail_msg("\"%s\" found %s, not %s", rows[i].name, k ? k->key : "nothing", rows[i].key ? rows[i].key : "nothing");
    }
    char huge[4096];
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = 0;
    assert_null(bt_gpu_kind_find(huge));
    assert_null(bt_gpu_kind_find(NULL));
}

static void every_row_is_sound_and_found_by_all_its_names(void **st)
{
    const struct bt_gpu_kind *kinds;
    size_t n = bt_gpu_kinds(&kinds);
    (void)st;
    assert_true(n >= 80);
    for (size_t i = 0; i < n; i++) {
        const struct bt_gpu_kind *k = &kinds[i];
        if (bt_gpu_kind_find(k->key) != k || bt_gpu_kind_find(k->short_name) != k || bt_gpu_kind_find(k->nvml_name) != k)
            fail_msg("%s is not found by its own names (%s, %s)", k->key, k->short_name, k->nvml_name);
        for (struct bt_str rest = bt_str(k->aliases), one; rest.n;) {
            rest = bt_str_cut(rest, ';', &one);
            char alias[96];
            snprintf(alias, sizeof alias, "%.*s", BT_STR(one));
            if (bt_gpu_kind_find(alias) != k)
                fail_msg("%s is not found by its alias \"%s\"", k->key, alias);
        }
        if (strchr(k->short_name, ' ') || strchr(k->short_name, ',') || strchr(k->short_name, '+') || !k->short_name[0])
            fail_msg("\"%s\" cannot stand in a fleet", k->short_name);
        if (!(k->mem_gbs > 0) || k->fp16_tflops < 0 || k->tdp_w <= 0 || !k->eff_class[0])
            fail_msg("%s lacks figures", k->key);
        bool geforce = !strcmp(k->vendor, "NVIDIA") && k->made_for == BT_FOR_GAMES, desk = strstr(k->nvml_name, "RTX") && !strstr(k->nvml_name, "Server Edition");
        if (geforce != (strstr(k->nvml_name, "GeForce") != NULL) || (desk && k->made_for == BT_FOR_RACKS))
            fail_msg("%s is made for another place than its name says", k->key);
        if (k->cuda_bytes && k->nvml_bytes && k->cuda_bytes > k->nvml_bytes)
            fail_msg("%s: CUDA cannot see more than NVML", k->key);
    }
}

static void totals_are_cudas(void **st)
{
    (void)st;
    assert_int_equal(bt_gpu_kind_total(bt_gpu_kind_find("A100-SXM4-40GB")), UINT64_C(42285268992));
    const struct bt_gpu_kind *k = bt_gpu_kind_find("RTX-A6000");          /* no log states it: NVML's less 2 % */
    assert_int_equal(k->cuda_bytes, 0);
    assert_int_equal(bt_gpu_kind_total(k), 49140 * MiB - 49140 * MiB / 50);
    assert_int_equal(bt_gpu_kind_total(bt_gpu_kind_find("Orin")), 0);
}

/* ---- fleets by name ---- */

static void named_fleets(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_fleet f;
    struct bt_err err = { 0 };
    (void)st;
    assert_int_equal(bt_fleet_open(&a, " 2xRTX-4090 + 1xRTX-A6000 ", &margin, &f, &err), 0);
    assert_int_equal(f.n, 3);
    assert_string_equal(f.source, "catalog");
    assert_false(f.live);
    assert_string_equal(f.gpus[0].uuid, "virtual-0");
    assert_string_equal(f.gpus[2].name, "NVIDIA RTX A6000");
    assert_int_equal(f.gpus[2].index, 2);
    assert_int_equal(f.gpus[2].total_source, BT_TOTAL_NVML_LESS_2PCT);
    assert_int_equal(f.gpus[0].total_source, BT_TOTAL_CATALOG);
    assert_int_equal(f.gpus[0].island, -1);          /* no NVLink on a 4090 */
    assert_int_equal(f.gpus[0].cc_major * 10 + f.gpus[0].cc_minor, 89);
    assert_int_equal(bt_gpu_capacity(&f.gpus[0]), f.gpus[0].total_bytes - 512 * MiB);
    assert_int_equal(f.ram_bytes, 0);                /* not known: what this machine has says nothing of that one */
    assert_int_equal(bt_fleet_open(&a, "H200", &margin, &f, &err), 0);
    assert_int_equal(f.n, 1);
    assert_int_equal(f.gpus[0].island, -1);          /* alone */
    assert_int_equal(bt_fleet_open(&a, "64xT4", &margin, &f, &err), 0);
    assert_int_equal(f.n, 64);
}

static void islands_of_named_fleets(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_fleet f;
    struct bt_err err = { 0 };
    (void)st;
    assert_int_equal(bt_fleet_open(&a, "2xA100-SXM4-40GB+1xT4+2xH100-SXM+1xA100-SXM4-40GB", &margin, &f, &err), 0);
    static const int want[] = { 0, 0, -1, 1, 1, 0 };
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(f.gpus[i].island, want[i]);
    assert_int_equal(bt_fleet_open(&a, "2xRTX-3090", &margin, &f, &err), 0);
    assert_int_equal(f.gpus[0].island, -1);          /* a bridge is an option that nobody has to own */
}

/* Many machines: each with its own island, cards numbered through; only for those who can do with them. */
static void fleets_of_machines(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_fleet f, back;
    struct bt_err err = { 0 };
    struct bt_fleet_opts many = margin;
    (void)st;
    many.boxes = true;
    assert_int_equal(bt_fleet_open(&a, "2x4xA100-SXM4-40GB + 3xRTX-4090 + 1 x 2 x H100-SXM", &many, &f, &err), 0);
    assert_int_equal(f.n, 13);
    assert_int_equal(f.nboxes, 4);
    static const size_t first[] = { 0, 4, 8, 11 }, cards[] = { 4, 4, 3, 2 };
    static const int island[] = { 0, 1, -1, 2 };
    for (size_t i = 0; i < 4; i++) {
        assert_true(f.box[i].first == first[i] && f.box[i].n == cards[i]);
        assert_string_equal(f.box[i].name, bt_arena_printf(&a, "node-%zu", i));
        for (size_t k = 0; k < cards[i]; k++) {
            assert_int_equal(f.gpus[first[i] + k].island, island[i]);
            assert_int_equal(f.gpus[first[i] + k].index, (int)(first[i] + k));
            assert_int_equal(bt_fleet_box(&f, first[i] + k), i);
            assert_string_equal(bt_fleet_node(&f, first[i] + k), f.box[i].name);
        }
    }
    f.box[2].ram_bytes = 7 * GiB;
    json_t *v = bt_fleet_json(&f);
    assert_int_equal(bt_fleet_from_json(&a, v, "x.json", &many, &back, &err), 0);
    assert_true(back.nboxes == 4 && back.n == 13 && back.box[2].first == 8 && back.box[2].n == 3 && back.box[2].ram_bytes == 7 * GiB);
    assert_string_equal(back.box[3].name, "node-3");
    json_decref(v);
    assert_int_equal(bt_fleet_open(&a, "2x4xT4", &margin, &f, &err), -1);
    assert_true(err.code == BT_E_SPEC && strstr(err.msg, "2 machines") && err.hint[0]);
    assert_int_equal(bt_fleet_open(&a, "1x4xA100-SXM4-40GB", &margin, &f, &err), 0);     /* one machine, however it is written */
    assert_true(f.nboxes == 0 && f.n == 4 && f.gpus[3].island == 0);
    assert_string_equal(bt_fleet_node(&f, 3), "local");
}

static void fleets_that_are_refused(void **st)
{
    static const struct { const char *text; enum bt_errc code; const char *says, *hint; } rows[] = {
        { "0xA100-SXM4-40GB", BT_E_SPEC, "asks for 0 cards", "1 to 64" },
        { "65xA100-SXM4-40GB", BT_E_SPEC, "asks for 65 cards", "1 to 64" },
        { "1000000000xA100-SXM4-40GB", BT_E_SPEC, "asks for 1000000000 cards", "1 to 64" },
        { "99999999999999999999999999999999xT4", BT_E_SPEC, "asks for", "1 to 64" },
        { "40xT4+40xL4", BT_E_SPEC, "more than 64", "1 to 64" },
        { "2x65xT4", BT_E_SPEC, "asks for 65 cards", "1 to 64" },
        { "0x8xT4", BT_E_SPEC, "asks for 0 machines", "1 to 64" },
        { "65537x1xT4", BT_E_SPEC, "asks for 65537 machines", "65536" },
        { "40000x2xT4", BT_E_SPEC, "more than 65536", "65536" },
        { "2x2x2xT4", BT_E_SPEC, "2xT4", "" },
        { "4xA100", BT_E_SPEC, "no card called \"A100\"", "A100-SXM4-40GB" },
        { "A100 40GB", BT_E_SPEC, "no card called", "A100-PCIE-40GB" },
        { "RTX-4099", BT_E_SPEC, "no card called", "RTX-409" },
        { "4xQuux", BT_E_SPEC, "no card called \"Quux\"", "berth gpus --catalog" },
        { "2xT4+", BT_E_SPEC, "nothing on one side", "+" },
        { "+", BT_E_SPEC, "nothing on one side", "+" },
        { "2xT4,2xL4", BT_E_SPEC, "not one fleet", "+" },
        { "0,2xT4", BT_E_SPEC, "\"2xT4\" is neither", "`+`" },       /* told before the missing driver is */
        { "0,,1", BT_E_SPEC, "\"\" is neither", "0,2" },
        { "4x", BT_E_SPEC, "no card called", "" },
        { "-1xT4", BT_E_SPEC, "no card called", "" },
        { "1xOrin", BT_E_SPEC, "how much memory", "fleet.json" },
        { "\033[31mred", BT_E_SPEC, "\\x1b", "" },
        { "no-such-folder/fleet.json", BT_E_SPEC, "no-such-folder/fleet.json", "berth gpus --json" },
    };
    (void)st;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_fleet f;
        struct bt_err err = { 0 };
        if (bt_fleet_open(&a, rows[i].text, &margin, &f, &err) == 0)
            fail_msg("\"%s\" was taken", rows[i].text);
        if (err.code != rows[i].code || !strstr(err.msg, rows[i].says) || !strstr(err.hint, rows[i].hint))
            fail_msg("\"%s\": code %d, \"%s\", hint \"%s\"", rows[i].text, err.code, err.msg, err.hint);
        if (strchr(err.msg, '\033'))
            fail_msg("a control byte reached the message of row %zu", i);
    }
}

/* ---- which cards ---- */

static struct bt_fleet machine(struct bt_arena *a)
{
    struct bt_fleet f;
    struct bt_err err = { 0 };
    assert_int_equal(bt_fleet_open(a, "2xA100-SXM4-40GB+2xRTX-4090", &margin, &f, &err), 0);
    static const char *const uuids[] = { "GPU-aaaa1111", "GPU-aaaa2222", "GPU-bbbb3333", "GPU-cccc4444" };
    for (size_t i = 0; i < f.n; i++)
        f.gpus[i].uuid = uuids[i];
    return f;
}

static void picking_cards(void **st)
{
    static const struct { const char *ids[3]; int want[3]; const char *says; } rows[] = {
        { { "0", "3" }, { 0, 3 }, NULL },
        { { "GPU-bbbb", "GPU-AAAA1" }, { 2, 0 }, NULL },
        { { "GPU-aaaa2222" }, { 1 }, NULL },
        { { "4" }, { 0 }, "no card \"4\"" },
        { { "1", "1" }, { 0 }, "named twice" },
        { { "1", "GPU-aaaa2" }, { 0 }, "named twice" },
        { { "GPU-aaaa" }, { 0 }, "2 cards" },
        { { "GPU-" }, { 0 }, "no card" },
        { { "" }, { 0 }, "no card" },
        { { "18446744073709551617" }, { 0 }, "no card" },
    };
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_fleet f = machine(&a);
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_err err = { 0 };
        size_t idx[3], n = 0;
        while (n < 3 && rows[i].ids[n])
            n++;
        int rc = bt_fleet_pick(&a, &f, rows[i].ids, n, idx, &err);
        if ((rc < 0) != (rows[i].says != NULL) || (rc < 0 && !strstr(err.msg, rows[i].says)))
            fail_msg("row %zu: rc %d, \"%s\"", i, rc, err.msg);
        for (size_t j = 0; rc == 0 && j < n; j++)
            assert_int_equal(idx[j], rows[i].want[j]);
        if (rc < 0 && strstr(err.msg, "no card"))
            assert_non_null(strstr(err.hint, "0 (A100-SXM4-40GB), 1 (A100-SXM4-40GB), 2 (RTX-4090), 3 (RTX-4090)"));
    }
}

static void virtual_ids_are_whole_words(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_fleet f;
    struct bt_err err = { 0 };
    size_t idx;
    const char *id = "virtual-1";
    (void)st;
    assert_int_equal(bt_fleet_open(&a, "12xT4", &margin, &f, &err), 0);
    assert_int_equal(bt_fleet_pick(&a, &f, &id, 1, &idx, &err), 0);
    assert_int_equal(idx, 1);
}

static void requirements_choose_matching_cards(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_fleet f = machine(&a), got;
    struct bt_err err = { 0 };
    (void)st;
    f.gpus[0].others_bytes = 8 * GiB;                /* the fuller of two equals is not taken */
    assert_int_equal(bt_fleet_match(&a, &f, "1xA100-SXM4-40GB+1xRTX-4090", &got, &err), 0);
    assert_int_equal(got.n, 2);
    assert_int_equal(got.gpus[0].index, 1);
    assert_int_equal(got.gpus[1].index, 2);
    assert_int_equal(bt_fleet_match(&a, &f, "auto", &got, &err), 0);
    assert_int_equal(got.n, 4);
    assert_int_equal(bt_fleet_match(&a, &f, "3,0", &got, &err), 0);
    assert_int_equal(got.gpus[0].index, 0);
    assert_int_equal(got.gpus[1].index, 3);
    assert_int_equal(bt_fleet_match(&a, &f, "4xA100-SXM4-40GB", &got, &err), -1);
    assert_int_equal(err.code, BT_E_FIT);
    assert_non_null(strstr(err.msg, "2 of 4 A100-SXM4-40GB"));
    assert_int_equal(bt_fleet_match(&a, &f, "1xH100-SXM", &got, &err), -1);
    assert_non_null(strstr(err.msg, "0 of 1"));
}

static void a_saved_fleet_as_a_requirement(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_fleet f = machine(&a), saved, got;
    struct bt_err err = { 0 };
    char dir[] = "/tmp/berth-gpu-XXXXXX";
    size_t two[] = { 1, 3 };
    (void)st;
    assert_non_null(mkdtemp(dir));
    const char *path = bt_arena_printf(&a, "%s/fleet.json", dir);
    bt_fleet_subset(&a, &f, two, 2, &saved);
    for (int virtual = 0; virtual < 2; virtual++) {
        json_t *v = bt_fleet_json(&saved);
        assert_int_equal(bt_file_write(path, bt_str(bt_json_dump(&a, v, true)), &err), 0);
        json_decref(v);
        assert_int_equal(bt_fleet_match(&a, &f, path, &got, &err), 0);
        assert_int_equal(got.n, 2);
        assert_int_equal(got.gpus[0].index, virtual ? 0 : 1);         /* those very cards, or any two of their kinds */
        assert_int_equal(got.gpus[1].index, virtual ? 2 : 3);
        saved.gpus[0].uuid = "virtual-0";
        saved.gpus[1].uuid = "virtual-1";
    }
    bt_auto_buf struct bt_buf many = BT_BUF(64 * KiB);               /* more cards than a machine has */
    bt_buf_puts(&many, "{\"nodes\": [{\"name\": \"a\", \"ram_bytes\": 1}, {\"name\": \"b\", \"ram_bytes\": 1}], \"gpus\": [");
    for (int i = 0; i < 2 * BT_MAX_GPUS; i++)
        bt_buf_printf(&many, "%s{\"name\": \"NVIDIA GeForce RTX 4090\", \"uuid\": \"GPU-%d\", \"node\": \"%s\"}", i ? ", " : "", i, i % 2 ? "a" : "b");
    bt_buf_puts(&many, "]}");
    assert_int_equal(bt_file_write(path, bt_str(bt_buf_z(&many)), &err), 0);
    assert_int_equal(bt_fleet_match(&a, &f, path, &got, &err), -1);
    assert_non_null(strstr(err.msg, "2 machines; this is one"));
    assert_int_equal(bt_tree_remove(dir, &err), 0);
}

/* ---- fleet.json ---- */

static void a_fleet_survives_its_json(void **st)
{
    bt_auto_arena a = { 0 };
    struct bt_fleet f = machine(&a), back;
    struct bt_err err = { 0 };
    (void)st;
    f.gpus[1].others_bytes = 3 * GiB;
    f.gpus[1].used_valid = true;
    f.gpus[1].used_bytes = 3 * GiB;
    f.gpus[2].util_valid = true;
    f.gpus[2].util_percent = 97;
    f.gpus[3].total_source = BT_TOTAL_LEARNED;
    json_t *v = bt_fleet_json(&f);
    assert_int_equal(bt_fleet_from_json(&a, v, "x.json", &margin, &back, &err), 0);
    json_t *again = bt_fleet_json(&back);
    json_object_set_new(again, "source", json_string("catalog"));        /* the only two things that differ: where it is from */
    json_object_set(again, "text", json_object_get(v, "text"));
    if (!json_equal(v, again))
        fail_msg("%s\n%s", bt_json_dump(&a, v, true), bt_json_dump(&a, again, true));
    struct bt_fleet_opts alone = { .margin_bytes = GiB, .ignore_others = true };
    assert_int_equal(bt_fleet_from_json(&a, v, "x.json", &alone, &back, &err), 0);
    assert_int_equal(back.gpus[1].others_bytes, 0);
    assert_int_equal(back.gpus[1].margin_bytes, GiB);
    assert_string_equal(back.source, "file");
    assert_false(back.live);
    json_decref(v);
    json_decref(again);
}

static void fleet_files(void **st)
{
    static const struct { const char *text, *says; } rows[] = {              /* says NULL: taken */
        { "{\"gpus\": [{\"name\": \"RTX-4090\"}]}", NULL },
        { "{\"gpus\": [{\"name\": \"Home Brew 3000\", \"total_bytes\": 8589934592}]}", NULL },
        { "{\"gpus\": [{\"name\": \"Home Brew 3000\"}]}", "total_bytes" },
        { "{\"gpus\": []}", "1 to 64" },
        { "{\"gpus\": {}}", "1 to 64" },
        { "{}", "1 to 64" },
        { "[]", "" },
        { "{\"gpus\": [1]}", "gpus[0] is not an object" },
        { "{\"gpus\": [{}]}", "no name" },
        { "{\"gpus\": [{\"name\": 7}]}", "name" },
        { "{\"gpus\": [{\"name\": \"T4\", \"total_bytes\": -1}]}", "total_bytes" },
        { "{\"gpus\": [{\"name\": \"T4\", \"total_bytes\": 1}]}", "total_bytes" },
        { "{\"gpus\": [{\"name\": \"T4\", \"total_bytes\": 9223372036854775807}]}", "total_bytes" },
        { "{\"gpus\": [{\"name\": \"T4\", \"island\": 65536}]}", "island" },
        { "{\"gpus\": [{\"name\": \"T4\", \"compute_capability\": \"seven\"}]}", "compute_capability" },
        { "{\"gpus\": [{\"name\": \"T4\", \"uuid\": \"GPU-1\"}, {\"name\": \"T4\", \"uuid\": \"GPU-1\"}]}", "the same card" },
        { "{\"gpus\": [{\"name\": \"T4\", \"index\": 1}, {\"name\": \"T4\", \"index\": 1}]}", "the same card" },
        { "{\"gpus\": [{\"name\": \"T4\"}], \"nodes\": [{\"ram_bytes\": 1}, {\"ram_bytes\": 1}]}", "two nodes are called" },
        { "{\"gpus\": [{\"name\": \"T4\"}], \"nodes\": [{\"name\": \"a\", \"ram_bytes\": 1}, {\"name\": \"b\", \"ram_bytes\": 1}]}", "is in node" },
        { "{\"gpus\": [{\"name\": \"T4\", \"node\": \"a\"}], \"nodes\": [{\"name\": \"a\", \"ram_bytes\": 1}, {\"name\": \"b\", \"ram_bytes\": 1}]}",
          "node b has no cards" },
        { "{\"gpus\": [{\"name\": \"T4\", \"node\": \"a\"}, {\"name\": \"T4\", \"node\": \"b\"}], \"nodes\": [{\"name\": \"a\", \"ram_bytes\": 1},"
          " {\"name\": \"b\", \"ram_bytes\": 1}]}", "2 machines" },
        { "{\"gpus\": [{\"name\": \"T4\"}], \"nodes\": [7]}", "nodes[0]" },
        { "{\"gpus\": [{\"name\": \"T4\", \"name\": \"L4\"}]}", "" },
        { "{\"gpus\": [", "" },
    };
    char dir[] = "/tmp/berth-gpu-XXXXXX";
    (void)st;
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_fleet f;
        struct bt_fleet_opts o = { .base_dir = dir };
        assert_int_equal(bt_file_write(bt_arena_printf(&a, "%s/fleet.json", dir), bt_str(rows[i].text), &err), 0);
        int rc = bt_fleet_open(&a, "fleet.json", &o, &f, &err);
        if ((rc < 0) != (rows[i].says != NULL) || (rc < 0 && (err.code != BT_E_SPEC || !strstr(err.msg, rows[i].says) || !err.hint[0])))
            fail_msg("%s: rc %d code %d \"%s\" hint \"%s\"", rows[i].text, rc, err.code, err.msg, err.hint);
    }
    struct bt_err err = { 0 };
    assert_int_equal(bt_tree_remove(dir, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_find_their_kind), cmocka_unit_test(every_row_is_sound_and_found_by_all_its_names), cmocka_unit_test(totals_are_cudas),
        cmocka_unit_test(named_fleets), cmocka_unit_test(fleets_of_machines), cmocka_unit_test(islands_of_named_fleets), cmocka_unit_test(fleets_that_are_refused),
        cmocka_unit_test(picking_cards), cmocka_unit_test(virtual_ids_are_whole_words), cmocka_unit_test(requirements_choose_matching_cards), cmocka_unit_test(a_saved_fleet_as_a_requirement),
        cmocka_unit_test(a_fleet_survives_its_json), cmocka_unit_test(fleet_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
