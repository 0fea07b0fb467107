/* gpus.c - berth gpus: which cards there are, what is free on them, and who holds the rest. */
#include <stdio.h>
#include <time.h>

#include "base/proc.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "gpu/fleet_json.h"

struct args { const char *gpus; bool json, csv, catalog, watch; uint64_t every_ms; };

static const struct bt_opt opts[] = {
    { .name = "gpus", .type = BT_OPT_STR, .off = offsetof(struct args, gpus), .def = "auto", .metavar = "FLEET",
      .help = "this machine (auto), cards of it (0,2), a named fleet (4xA100-SXM4-40GB+1xRTX-A6000) or a fleet.json" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "print JSON; it is also a fleet.json for --gpus" },
    { .name = "csv", .type = BT_OPT_BOOL, .off = offsetof(struct args, csv), .help = "print a line a card for spreadsheets; bytes as integers" },
    { .name = "watch", .alias = "w", .type = BT_OPT_BOOL, .off = offsetof(struct args, watch),
      .help = "again and again; on a terminal in place, Ctrl-C ends it" },
    { .name = "every", .type = BT_OPT_DURATION, .off = offsetof(struct args, every_ms), .def = "2s", .min = 100, .max = 3600000, .metavar = "TIME",
      .help = "--watch: how often" },
    { .name = "catalog", .type = BT_OPT_BOOL, .off = offsetof(struct args, catalog), .help = "list every kind of card that berth knows by name" },
    { 0 } };

#define SHORT_COMMAND 60
#define BAR_COLUMNS 60

static const char *cell(struct bt_arena *a, uint64_t bytes)
{
    return bt_arena_strdup(a, bt_bytes_human(bytes));
}

static const char *percent_cell(struct bt_arena *a, bool valid, unsigned percent)
{
    return valid ? bt_arena_printf(a, "%u %%", percent) : "-";
}

static void add_card_row(struct bt_arena *a, struct bt_table *t, const struct bt_gpu *g)
{
    bt_table_row(t, bt_arena_printf(a, "%d", g->index), g->name, cell(a, g->total_bytes), cell(a, g->others_bytes), cell(a, g->margin_bytes),
                 cell(a, bt_gpu_capacity(g)), g->island < 0 ? "-" : bt_arena_printf(a, "island %d", g->island),
                 percent_cell(a, g->util_valid, g->util_percent), NULL);
}

static void print_cards(struct bt_arena *a, const struct bt_fleet *f, struct bt_style st, struct bt_buf *out)
{
    static const char *const heads[] = { ">GPU", "name", ">total", ">others", ">margin", ">free", "NVLink", ">busy", NULL };
    struct bt_table *t = bt_table_new(a, heads);
    uint64_t total = 0, others = 0, margin = 0, capacity = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct bt_gpu *g = &f->gpus[i];
        add_card_row(a, t, g);
        total += g->total_bytes;
        others += g->others_bytes;
        margin += g->margin_bytes;
        capacity += bt_gpu_capacity(g);
    }
    bt_table_rule(t);
    bt_table_row(t, "", bt_arena_printf(a, "%zu card%s", f->n, f->n == 1 ? "" : "s"), cell(a, total), cell(a, others), cell(a, margin),
                 cell(a, capacity), NULL);
    bt_table_print(t, st, out);
}

static void print_bars(const struct bt_fleet *f, struct bt_style st, struct bt_buf *out)
{
    static const char *const labels[] = { "others", "margin" };
    for (size_t i = 0; i < f->n; i++) {
        const struct bt_gpu *g = &f->gpus[i];
        struct bt_bar_part parts[] = { { labels[0], g->others_bytes }, { labels[1], g->margin_bytes } };
        bt_buf_printf(out, "GPU %-3d", g->index);
        bt_bar_print(parts, BT_LEN(parts), g->total_bytes, bt_bar_room(st, BAR_COLUMNS, strlen("GPU 100 179.99 GiB free")), st, out);
        bt_buf_printf(out, " %s free\n", bt_bytes_human(bt_gpu_capacity(g)));
    }
    bt_bar_legend(labels, BT_LEN(labels), st, out);
    bt_buf_puts(out, "\n");
}

static void print_procs(struct bt_arena *a, const struct bt_fleet *f, struct bt_style st, struct bt_buf *out)
{
    static const char *const heads[] = { ">GPU", ">pid", "user", ">memory", "command", NULL };
    struct bt_table *t = bt_table_new(a, heads);
    size_t rows = 0;
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < f->gpus[i].nprocs; j++, rows++) {
            const struct bt_gpu_proc *p = &f->gpus[i].procs[j];
            const char *command = p->command[0] ? p->command : "(not visible from here)";
            bt_table_row(t, bt_arena_printf(a, "%d", f->gpus[i].index), bt_arena_printf(a, "%lld", (long long)p->pid),
                         bt_proc_user(a, (pid_t)p->pid), p->bytes_valid ? cell(a, p->bytes) : "-",
                         strlen(command) > SHORT_COMMAND ? bt_arena_printf(a, "%.*s...", SHORT_COMMAND, command) : command, NULL);
        }
    if (rows) {
        bt_buf_puts(out, "\n");
        bt_table_print(t, st, out);
    }
}

static void print_heading(const struct bt_fleet *f, struct bt_buf *out)
{
    if (f->live)
        bt_buf_printf(out, "this machine%s%s%s, %s of host RAM\n\n", f->driver[0] ? ", NVIDIA driver " : "", f->driver,
                      getenv("BERTH_SIM") ? " (SIMULATED)" : "", bt_bytes_human(f->ram_bytes));
    else
        bt_buf_printf(out, "fleet %s (from the %s: to plan with, nothing can be started on it)\n\n", f->text, f->source);
}

static void print_fleet(struct bt_arena *a, const struct bt_fleet *f)
{
    bt_auto_buf struct bt_buf out = BT_BUF(1 * MiB);
    struct bt_style st = bt_style_of(stdout);
    print_heading(f, &out);
    print_cards(a, f, st, &out);
    bt_buf_puts(&out, "\n");
    print_bars(f, st, &out);
    print_procs(a, f, st, &out);
    for (size_t i = 0; i < f->nnotes; i++)
        bt_buf_printf(&out, "%snote: %s\n", i ? "" : "\n", f->notes[i]);
    bt_cmd_print(&out);
}

static json_t *kind_json(const struct bt_gpu_kind *k)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "key", k->key, "name", k->nvml_name, "short_name", k->short_name, "vendor", k->vendor, "arch",
                          k->arch);
    json_object_set_new(o, "nvml_total_bytes", json_integer((json_int_t)k->nvml_bytes));
    json_object_set_new(o, "total_bytes", json_integer((json_int_t)bt_gpu_kind_total(k)));
    json_object_set_new(o, "total_source", json_string(bt_total_source_name(k->cuda_bytes ? BT_TOTAL_CATALOG : BT_TOTAL_NVML_LESS_2PCT)));
    json_object_set_new(o, "mem_gbs", json_real(k->mem_gbs));
    json_object_set_new(o, "compute_capability", json_sprintf("%d.%d", k->cc_major, k->cc_minor));
    json_object_set_new(o, "nvlink_gbs", json_real(k->nvlink_gbs));
    return o;
}

static void print_catalog(struct bt_arena *a, bool json)
{
    const struct bt_gpu_kind *kinds;
    size_t n = bt_gpu_kinds(&kinds);
    if (json) {
        json_t *list = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append_new(list, kind_json(&kinds[i]));
        bt_cmd_json("catalog", json_pack("{s:o}", "cards", list));
        return;
    }
    static const char *const heads[] = { "name", "as the driver calls it", ">total", "from", ">GB/s", ">NVLink GB/s", NULL };
    struct bt_table *t = bt_table_new(a, heads);
    for (size_t i = 0; i < n; i++) {
        const struct bt_gpu_kind *k = &kinds[i];
        uint64_t total = bt_gpu_kind_total(k);
        bt_table_row(t, k->short_name, k->nvml_name, total ? cell(a, total) : "-",
                     total ? bt_total_source_name(k->cuda_bytes ? BT_TOTAL_CATALOG : BT_TOTAL_NVML_LESS_2PCT) : "",
                     bt_arena_printf(a, "%.0f", k->mem_gbs), k->nvlink_gbs > 0 ? bt_arena_printf(a, "%.0f", k->nvlink_gbs) : "-", NULL);
    }
    bt_auto_buf struct bt_buf out = BT_BUF(1 * MiB);
    bt_table_print(t, bt_style_of(stdout), &out);
    bt_cmd_print(&out);
}

/* ---- for spreadsheets ---- */

static const char *number(struct bt_arena *a, bool valid, double value)
{
    return valid ? bt_arena_printf(a, "%.0f", value) : "";
}

/* What the driver did not say is an empty field, as no figure is 0 that was not read. No field of a card can hold a comma, but its name. */
static void print_csv(struct bt_arena *a, const struct bt_fleet *f, bool heads)
{
    bt_auto_buf struct bt_buf out = BT_BUF(1 * MiB);
    if (heads)
        bt_buf_puts(&out, "time,index,uuid,name,total_bytes,used_bytes,others_bytes,margin_bytes,free_bytes,island,util_percent,temp_c,power_w\n");
    for (size_t i = 0; i < f->n; i++) {
        const struct bt_gpu *g = &f->gpus[i];
        bt_buf_printf(&out, "%.3f,%d,%s,\"", (double)bt_wall_ms() / 1000, g->index, g->uuid);
        for (const char *c = g->name; *c; c++)
            bt_buf_printf(&out, *c == '"' ? "\"\"" : "%c", *c);
        bt_buf_printf(&out, "\",%llu,%s,%llu,%llu,%llu,%s,%s,%s,%s\n", (unsigned long long)g->total_bytes,
                      number(a, g->used_valid, (double)g->used_bytes), (unsigned long long)g->others_bytes, (unsigned long long)g->margin_bytes,
                      (unsigned long long)bt_gpu_capacity(g), number(a, g->island >= 0, g->island), number(a, g->util_valid, g->util_percent),
                      number(a, g->temp_valid, g->temp_c), number(a, g->power_valid, g->power_w));
    }
    bt_cmd_print(&out);
}

/* ---- one look, or many ---- */

static int look(struct bt_arena *a, const struct args *o, bool first, struct bt_err *err)
{
    struct bt_fleet fleet;
    struct bt_fleet_opts fo = { .margin_bytes = BT_DEFAULT_MARGIN, .visible = getenv("CUDA_VISIBLE_DEVICES"), .boxes = true };
    if (bt_fleet_open(a, o->gpus, &fo, &fleet, err) < 0)
        return -1;
    if (o->json && o->watch)
        bt_cmd_json_line("gpus", bt_fleet_json(&fleet));
    else if (o->json)
        bt_cmd_json("gpus", bt_fleet_json(&fleet));
    else if (o->csv)
        print_csv(a, &fleet, first);
    else {
        if (o->watch)
            fputs(isatty(STDOUT_FILENO) ? "\033[H\033[J" : first ? "" : "\n", stdout);
        print_fleet(a, &fleet);
    }
    return 0;
}

/* Until nobody reads any more, or the driver is gone. A driver is opened anew each time: a card that fell off the bus is not remembered. */
static int watch(const struct bt_verb *v, const struct args *o)
{
    struct bt_err err = { 0 };
    for (bool first = true;; first = false) {
        bt_auto_arena a = { 0 };
        if (look(&a, o, first, &err) < 0)
            return bt_cmd_fail(v, &err, o->json);
        if (fflush(stdout) || ferror(stdout))
            return 1;
        nanosleep(&(struct timespec){ .tv_sec = (time_t)(o->every_ms / 1000), .tv_nsec = (long)(o->every_ms % 1000) * 1000000 }, NULL);
    }
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args args = { 0 };
    struct bt_err err = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &args, NULL, NULL);
    if (rc)
        return rc;
    if (args.json && args.csv)
        return bt_cmd_usage(v, true, "--json or --csv, not both");
    if (args.catalog && (args.csv || args.watch))
        return bt_cmd_usage(v, args.json, "--catalog is a list of kinds: without --csv and --watch");
    if (args.catalog) {
        print_catalog(&a, args.json);
        return 0;
    }
    if (args.watch)
        return watch(v, &args);
    return look(&a, &args, true, &err) < 0 ? bt_cmd_fail(v, &err, args.json) : 0;
}

const struct bt_verb bt_verb_gpus = {
    .name = "gpus", .summary = "the cards of this machine or of a fleet: what is free, and who holds the rest",
    .usage = "berth gpus [--gpus FLEET] [--json|--csv] [--watch [--every TIME]]",
    .example = "  berth gpus\n  berth gpus --watch\n  berth gpus --csv --watch --every 10s >> cards.csv\n  berth gpus --gpus 4xA100-SXM4-40GB\n"
               "  berth gpus --json > fleet.json && berth gpus --gpus fleet.json",
    .opts = opts, .run = run };
