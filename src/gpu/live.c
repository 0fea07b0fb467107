/* live.c - this machine's cards: read through NVML, put in PCI order, narrowed as CUDA would. */
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/proc.h"
#include "base/units.h"
#include "gpu/fleet.h"
#include "gpu/nvml.h"

#define PROCS_MAX 4096u              /* rows of one list; more than a card can serve contexts to */

struct card { struct bt_gpu gpu; nvmlDevice_t dev; unsigned domain, bus, device; nvmlReturn_t memory_rc; bool mig; };

static void note(struct bt_arena *a, struct bt_fleet *f, const char *text)
{
    BT_PUSH(a, f->notes, f->nnotes, text);
}

static const char *why(const struct bt_nvml *nv, nvmlReturn_t rc)
{
    return nv->error_string ? nv->error_string(rc) : "the driver gives no reason";
}

/* ---- one card ---- */

static void read_identity(struct bt_arena *a, const struct bt_nvml *nv, struct card *c)
{
    char text[96] = "";
    struct bt_gpu *g = &c->gpu;
    g->name = "unknown";
    if (nv->name && nv->name(c->dev, text, sizeof text) == NVML_SUCCESS)
        g->name = bt_arena_printf(a, "%.*s", (int)sizeof text - 1, text);
    g->kind = bt_gpu_kind_find(g->name);
    g->cc_major = g->kind ? g->kind->cc_major : 0;
    g->cc_minor = g->kind ? g->kind->cc_minor : 0;
    int major, minor;
    if (nv->capability && nv->capability(c->dev, &major, &minor) == NVML_SUCCESS) {
        g->cc_major = major;
        g->cc_minor = minor;
    }
    nvmlPciInfo_t pci = { 0 };
    g->pci = "";
    if (nv->pci && nv->pci(c->dev, &pci) == NVML_SUCCESS) {
        g->pci = bt_arena_printf(a, "%.*s", (int)sizeof pci.busId - 1, pci.busId);
        c->domain = pci.domain;
        c->bus = pci.bus;
        c->device = pci.device;
    }
}

static nvmlReturn_t read_memory(const struct bt_nvml *nv, nvmlDevice_t dev, uint64_t *total, uint64_t *used)
{
    nvmlMemory_v2_t two = { .version = nvmlMemory_v2 };
    nvmlMemory_t one;
    nvmlReturn_t rc = NVML_ERROR_NOT_SUPPORTED;
    if (nv->memory_v2 && (rc = nv->memory_v2(dev, &two)) == NVML_SUCCESS) {
        *total = two.total;
        *used = two.used;
    } else if (nv->memory && (rc = nv->memory(dev, &one)) == NVML_SUCCESS) {
        *total = one.total;
        *used = one.used;
    }
    return rc;
}

/* CUDA's total: the catalog's where the card is the one that the catalog means (within 3 %), else NVML's less 2 %. */
static void set_totals(struct bt_gpu *g, uint64_t nvml_total)
{
    const struct bt_gpu_kind *k = g->kind;
    g->nvml_total_bytes = nvml_total;
    g->total_bytes = bt_total_from_nvml(nvml_total);
    g->total_source = BT_TOTAL_NVML_LESS_2PCT;
    if (!k || !k->cuda_bytes || k->cuda_bytes > nvml_total)
        return;
    uint64_t apart = nvml_total > k->nvml_bytes ? nvml_total - k->nvml_bytes : k->nvml_bytes - nvml_total;
    if (k->nvml_bytes && apart <= nvml_total / 100 * 3) {
        g->total_bytes = k->cuda_bytes;
        g->total_source = BT_TOTAL_CATALOG;
    }
}

/* One memory for host and GPU: the driver's answer is "not supported", the kernel's is the truth. CUDA calls all of it total, so what we may not have of it
 * counts as others'. */
static void read_unified(struct bt_gpu *g, const struct bt_fleet_opts *o)
{
    uint64_t total = bt_ram_total(""), used = o->ignore_others ? 0 : bt_ram_in_use("");
    g->unified = true;
    g->total_bytes = g->kind && g->kind->cuda_bytes ? g->kind->cuda_bytes : total;
    g->total_source = g->kind && g->kind->cuda_bytes ? BT_TOTAL_CATALOG : BT_TOTAL_GIVEN;
    g->nvml_total_bytes = 0;
    uint64_t left = BT_MIN(g->total_bytes - BT_MIN(used, g->total_bytes), bt_ram_allowed(""));
    g->used_valid = total > 0;
    g->used_bytes = g->others_bytes = g->total_bytes - BT_MIN(left, g->total_bytes);
}

static void read_figures(const struct bt_nvml *nv, struct card *c, const struct bt_fleet_opts *o)
{
    struct bt_gpu *g = &c->gpu;
    uint64_t total = 0, used = 0;
    c->memory_rc = read_memory(nv, c->dev, &total, &used);
    if (c->memory_rc == NVML_SUCCESS && total) {
        set_totals(g, total);
        g->used_valid = true;
        g->used_bytes = used;
    } else if (c->memory_rc == NVML_ERROR_NOT_SUPPORTED && bt_gpu_kind_unified(g->kind)) {
        read_unified(g, o);
    } else if (g->kind) {            /* a driver that fails half way: the catalog still knows the card */
        g->nvml_total_bytes = g->kind->nvml_bytes;
        g->total_bytes = bt_gpu_kind_total(g->kind);
        g->total_source = g->kind->cuda_bytes ? BT_TOTAL_CATALOG : BT_TOTAL_NVML_LESS_2PCT;
    }
    g->margin_bytes = o->margin_bytes;
    if (!g->unified)
        g->others_bytes = o->ignore_others ? 0 : g->used_bytes;
    nvmlUtilization_t util;
    if (nv->utilization && nv->utilization(c->dev, &util) == NVML_SUCCESS) {
        g->util_valid = true;
        g->util_percent = util.gpu;
    }
    g->temp_valid = nv->temperature && nv->temperature(c->dev, NVML_TEMPERATURE_GPU, &g->temp_c) == NVML_SUCCESS;
    unsigned milliwatts;
    if (nv->power_mw && nv->power_mw(c->dev, &milliwatts) == NVML_SUCCESS) {
        g->power_valid = true;
        g->power_w = (milliwatts + 500) / 1000;
    }
}

/* A process may stand in several lists, with the same bytes in each: once is enough. */
static void add_proc(struct bt_arena *a, struct bt_gpu *g, unsigned pid, unsigned long long bytes)
{
    struct bt_gpu_proc *p = NULL;
    for (size_t i = 0; i < g->nprocs; i++)
        if (g->procs[i].pid == (int64_t)pid)
            p = &g->procs[i];
    if (!p) {
        struct bt_gpu_proc fresh = { .pid = pid, .command = "" };
        BT_PUSH(a, g->procs, g->nprocs, fresh);
        p = &g->procs[g->nprocs - 1];
    }
    if (bytes != NVML_VALUE_NOT_AVAILABLE) {
        p->bytes = p->bytes_valid ? BT_MAX(p->bytes, (uint64_t)bytes) : bytes;
        p->bytes_valid = true;
    }
}

/* Ask until the list fits: it can grow between two calls. rows are v2 (24 bytes) or v1 (16 bytes). */
static bool read_list(struct bt_arena *a, const struct bt_nvml *nv, int list, nvmlDevice_t dev, struct bt_gpu *g)
{
    nvmlReturn_t rc = NVML_ERROR_INSUFFICIENT_SIZE;
    for (unsigned cap = 64, n; rc == NVML_ERROR_INSUFFICIENT_SIZE && cap <= PROCS_MAX; cap *= 4) {
        n = cap;
        if (nv->procs[list]) {
            bt_auto_free nvmlProcessInfo_v3_t *rows = bt_xcalloc(cap, sizeof *rows);
            rc = nv->procs[list](dev, &n, rows);
            for (unsigned i = 0; rc == NVML_SUCCESS && i < BT_MIN(n, cap); i++)
                add_proc(a, g, rows[i].pid, rows[i].usedGpuMemory);
        } else if (nv->procs_v1[list]) {
            bt_auto_free nvmlProcessInfo_v1_t *rows = bt_xcalloc(cap, sizeof *rows);
            rc = nv->procs_v1[list](dev, &n, rows);
            for (unsigned i = 0; rc == NVML_SUCCESS && i < BT_MIN(n, cap); i++)
                add_proc(a, g, rows[i].pid, rows[i].usedGpuMemory);
        } else
            return false;
    }
    return rc == NVML_SUCCESS;
}

static int by_pid(const void *x, const void *y)
{
    const struct bt_gpu_proc *a = x, *b = y;
    return (a->pid > b->pid) - (a->pid < b->pid);
}

static void read_procs(struct bt_arena *a, const struct bt_nvml *nv, struct card *c)
{
    struct bt_gpu *g = &c->gpu;
    g->procs_valid = read_list(a, nv, BT_NVML_COMPUTE, c->dev, g);
    read_list(a, nv, BT_NVML_GRAPHICS, c->dev, g);       /* many cards have neither of these two: not a fault */
    read_list(a, nv, BT_NVML_MPS, c->dev, g);
    if (g->nprocs)
        qsort(g->procs, g->nprocs, sizeof *g->procs, by_pid);
    for (size_t i = 0; i < g->nprocs; i++)
        g->procs[i].command = bt_proc_cmdline(a, (pid_t)g->procs[i].pid);
}

/* ---- topology ---- */

static bool links_reach(const struct bt_nvml *nv, nvmlDevice_t from, const struct card *to)
{
    if (!nv->link_state || !nv->link_peer || !to->gpu.pci[0])
        return false;
    for (unsigned link = 0; link < NVML_NVLINK_MAX_LINKS; link++) {
        nvmlEnableState_t state;
        nvmlPciInfo_t peer = { 0 };
        if (nv->link_state(from, link, &state) == NVML_SUCCESS && state == NVML_FEATURE_ENABLED &&
            nv->link_peer(from, link, &peer) == NVML_SUCCESS && peer.domain == to->domain && peer.bus == to->bus && peer.device == to->device)
            return true;
    }
    return false;
}

/* Behind an NVSwitch the links end at the switch: only the P2P status tells which cards reach each other. */
static bool linked(const struct bt_nvml *nv, const struct card *x, const struct card *y)
{
    nvmlGpuP2PStatus_t status;
    if (nv->p2p && nv->p2p(x->dev, y->dev, NVML_P2P_CAPS_INDEX_NVLINK, &status) == NVML_SUCCESS)
        return status == NVML_P2P_STATUS_OK;
    return links_reach(nv, x->dev, y);
}

static void join_groups(size_t *group, size_t n, size_t into, size_t from)
{
    for (size_t i = 0; i < n; i++)
        if (group[i] == from)
            group[i] = into;
}

/* Number the groups that NVLink joins, in index order; a card without a peer is in none. */
static void find_islands(const struct bt_nvml *nv, struct card *cards, size_t n)
{
    size_t group[BT_MAX_GPUS];       /* the lowest card that this one is joined with */
    int next = 0;
    for (size_t i = 0; i < n; i++)
        group[i] = i;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (group[i] != group[j] && linked(nv, &cards[i], &cards[j]))
                join_groups(group, n, BT_MIN(group[i], group[j]), BT_MAX(group[i], group[j]));
    for (size_t i = 0; i < n; i++) {
        size_t members = 0;
        for (size_t j = 0; j < n; j++)
            members += group[j] == group[i];
        cards[i].gpu.island = members == 1 ? -1 : group[i] < i ? cards[group[i]].gpu.island : next++;
    }
}

/* ---- the machine ---- */

static int by_pci(const void *x, const void *y)
{
    const struct card *a = x, *b = y;
    if (a->domain != b->domain)
        return a->domain < b->domain ? -1 : 1;
    if (a->bus != b->bus)
        return a->bus < b->bus ? -1 : 1;
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    return strcmp(a->gpu.uuid, b->gpu.uuid);
}

/* False when the card cannot be used; the reason is then a note. */
static bool open_card(struct bt_arena *a, const struct bt_nvml *nv, unsigned i, struct card *c, struct bt_fleet *f)
{
    char uuid[96] = "";
    nvmlReturn_t rc = nv->handle(i, &c->dev);
    if (rc == NVML_SUCCESS)
        rc = nv->uuid(c->dev, uuid, sizeof uuid);
    if (rc == NVML_SUCCESS) {
        c->gpu.uuid = bt_arena_printf(a, "%.*s", (int)sizeof uuid - 1, uuid);
        c->gpu.island = -1;
        return true;
    }
    note(a, f, bt_arena_printf(a, "the driver's card %u is left out: %s", i,
                               rc == NVML_ERROR_NO_PERMISSION ? "this user or container may not use it" : why(nv, rc)));
    return false;
}

static void read_driver(struct bt_arena *a, const struct bt_nvml *nv, struct bt_fleet *f)
{
    char version[80] = "";
    f->driver = "";
    if (nv->driver_version && nv->driver_version(version, sizeof version) == NVML_SUCCESS)
        f->driver = bt_arena_printf(a, "%.*s", (int)sizeof version - 1, version);
}

/* A card that cannot be planned on is left out, with the reason: a zero would look like a full card, or like an empty one. */
static bool can_plan_on(struct bt_arena *a, const struct bt_nvml *nv, const struct card *c, struct bt_fleet *f)
{
    const char *reason = NULL;
    if (c->memory_rc != NVML_SUCCESS && c->memory_rc != NVML_ERROR_NOT_SUPPORTED)       /* unified memory: not supported, and no fault */
        reason = bt_arena_printf(a, "the driver does not say how much of its memory is in use: %s", why(nv, c->memory_rc));
    else if (!c->gpu.total_bytes)
        reason = "the driver does not say how much memory it has";
    if (reason)
        note(a, f, bt_arena_printf(a, "%s (%s) is left out: %s", c->gpu.name, c->gpu.uuid, reason));
    return !reason;
}

/* ---- MIG ---- */

/* One instance: memory and processes are its own; what is asked of a card alone stays its card's. */
static bool read_instance(struct bt_arena *a, const struct bt_nvml *nv, const struct card *of, nvmlDevice_t dev, const struct bt_fleet_opts *o, struct card *c)
{
    char text[96] = "";
    *c = (struct card){ .dev = dev, .domain = of->domain, .bus = of->bus, .device = of->device };
    c->gpu = (struct bt_gpu){ .mig_of = of->gpu.uuid, .pci = of->gpu.pci, .cc_major = of->gpu.cc_major, .cc_minor = of->gpu.cc_minor, .island = -1 };
    if (nv->uuid(dev, text, sizeof text) != NVML_SUCCESS)
        return false;
    c->gpu.uuid = bt_arena_printf(a, "%.*s", (int)sizeof text - 1, text);
    c->gpu.name = bt_arena_printf(a, "%s MIG", of->gpu.name);
    if (nv->name && nv->name(dev, text, sizeof text) == NVML_SUCCESS)
        c->gpu.name = bt_arena_printf(a, "%.*s", (int)sizeof text - 1, text);
    read_figures(nv, c, o);
    read_procs(a, nv, c);
    return true;
}

/* Equal instances are of one kind, and kinds are told apart by where they lie. */
static void name_kind(struct bt_arena *a, struct bt_fleet *f, struct bt_gpu *g)
{
    for (size_t i = 0; i < f->n && !g->kind; i++)
        g->kind = f->gpus[i].mig_of && !strcmp(f->gpus[i].name, g->name) ? f->gpus[i].kind : NULL;
    g->kind = g->kind ? g->kind : bt_gpu_kind_mig(a, g->name);
}

static void add_instances(struct bt_arena *a, const struct bt_nvml *nv, const struct card *of, const struct bt_fleet_opts *o, int *index, struct bt_fleet *f)
{
    unsigned most = 0, found = 0;
    if (!nv->mig_most || !nv->mig_at || nv->mig_most(of->dev, &most) != NVML_SUCCESS)
        most = 0;
    for (unsigned i = 0; i < most && f->n < BT_MAX_GPUS; i++) {
        nvmlDevice_t dev;
        struct card c;
        if (nv->mig_at(of->dev, i, &dev) != NVML_SUCCESS || !read_instance(a, nv, of, dev, o, &c))
            continue;
        found++;
        c.gpu.index = (*index)++;
        name_kind(a, f, &c.gpu);
        if (can_plan_on(a, nv, &c, f))
            f->gpus[f->n++] = c.gpu;
    }
    if (!found)
        note(a, f, bt_arena_printf(a, "%s (%s) is left out: it is in MIG mode and has no instances: `nvidia-smi mig -cgi ... -C` makes some", of->gpu.name,
                                   of->gpu.uuid));
    else
        note(a, f, bt_arena_printf(a, "GPU %d (%s) is in MIG mode: its %u instance%s stand%s behind the cards", of->gpu.index, of->gpu.name, found,
                                   found == 1 ? "" : "s", found == 1 ? "s" : ""));
}

int bt_nvml_read(struct bt_arena *a, const struct bt_nvml *nv, bool links, const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err)
{
    unsigned count = 0;
    nvmlReturn_t rc = nv->count(&count);
    if (rc != NVML_SUCCESS) {
        bt_err_set(err, BT_E_DEVICE, 0, "count the cards of this machine: %s", why(nv, rc));
        return bt_err_hint(err, "see whether `nvidia-smi` works; a driver that was just updated needs a reboot");
    }
    struct bt_fleet f = { .source = "nvml", .text = "auto", .live = true, .ram_bytes = bt_ram_allowed(""), .ram_node_bytes = bt_ram_node("") };
    struct card *cards = BT_NEWN(a, struct card, BT_MAX_GPUS);
    size_t n = 0;
    read_driver(a, nv, &f);
    if (count > BT_MAX_GPUS)
        note(a, &f, bt_arena_printf(a, "the driver has %u cards; only the first %d are used", count, BT_MAX_GPUS));
    for (unsigned i = 0; i < BT_MIN(count, (unsigned)BT_MAX_GPUS); i++) {
        cards[n] = (struct card){ 0 };
        if (!open_card(a, nv, i, &cards[n], &f))
            continue;
        read_identity(a, nv, &cards[n]);
        read_figures(nv, &cards[n], o);
        unsigned mig = 0, pending;
        cards[n].mig = nv->mig && nv->mig(cards[n].dev, &mig, &pending) == NVML_SUCCESS && mig;
        read_procs(a, nv, &cards[n]);
        n++;
    }
    qsort(cards, n, sizeof *cards, by_pci);
    if (links)
        find_islands(nv, cards, n);
    f.gpus = BT_NEWN(a, struct bt_gpu, BT_MAX_GPUS);
    for (size_t i = 0; i < n; i++) {
        cards[i].gpu.index = (int)i;         /* also of a card that is left out next: CUDA counts it */
        if (!cards[i].mig && can_plan_on(a, nv, &cards[i], &f))
            f.gpus[f.n++] = cards[i].gpu;
    }
    for (size_t i = 0, next = n; i < n; i++) {
        int index = (int)next;
        if (cards[i].mig)
            add_instances(a, nv, &cards[i], o, &index, &f);
        next = (size_t)index;
    }
    *out = f;
    return 0;
}

/* ---- CUDA_VISIBLE_DEVICES ---- */

/* The card that one word of the list means, or false where CUDA would end the list. */
static bool visible_card(const struct bt_fleet *f, struct bt_str word, size_t *out)
{
    uint64_t index = 0;
    size_t found = 0;
    bool digits = word.n > 0 && word.n < 6;
    for (size_t i = 0; i < word.n && digits; i++) {
        digits = isdigit((unsigned char)word.p[i]);
        index = index * 10 + (uint64_t)(word.p[i] - '0');
    }
    for (size_t i = 0; i < f->n; i++)
        if (digits ? (uint64_t)f->gpus[i].index == index && !f->gpus[i].mig_of : word.n > 4 && !strncmp(f->gpus[i].uuid, word.p, word.n)) {
            *out = i;
            found++;
        }
    return found == 1;
}

int bt_fleet_narrow(struct bt_arena *a, struct bt_fleet *f, const char *visible, struct bt_err *err)
{
    size_t idx[BT_MAX_GPUS], n = 0, all = f->n;
    if (!visible)
        return 0;
    bt_auto_buf struct bt_buf safe = BT_BUF(400);
    bt_buf_add_escaped(&safe, (struct bt_str){ visible, strnlen(visible, 80) });
    struct bt_str rest = bt_str(visible), word, bad = { 0 };
    while (rest.p && rest.n && !bad.p) {
        rest = bt_str_cut(rest, ',', &word);
        word = bt_str_trim(word);
        bool good = n < BT_MAX_GPUS && visible_card(f, word, &idx[n]);
        for (size_t i = 0; good && i < n; i++)
            good = idx[i] != idx[n];
        if (good)
            n++;
        else
            bad = word.n ? word : BT_S("(nothing)");
    }
    if (!n) {
        bt_auto_buf struct bt_buf list = BT_BUF(200);
        bt_fleet_list(f, &list);
        bt_err_set(err, BT_E_DEVICE, 0, "CUDA_VISIBLE_DEVICES=\"%s\" leaves none of this machine's %zu cards", bt_buf_z(&safe), all);
        return bt_err_hint(err, "unset it, or name some of: %s", bt_buf_z(&list));
    }
    struct bt_fleet narrowed;
    bt_fleet_subset(a, f, idx, n, &narrowed);
    *f = narrowed;
    if (n < all)
        note(a, f, bt_arena_printf(a, "CUDA_VISIBLE_DEVICES=%s narrows this machine's %zu cards to %zu", bt_buf_z(&safe), all, n));
    if (bad.p) {
        bt_buf_clear(&safe);
        bt_buf_add_escaped(&safe, (struct bt_str){ bad.p, BT_MIN(bad.n, (size_t)60) });
        note(a, f, bt_arena_printf(a, "CUDA_VISIBLE_DEVICES ends at \"%s\", as CUDA reads it: no such card, or a card named twice", bt_buf_z(&safe)));
    }
    return 0;
}

/* ---- the doors ---- */

/* A driver can hang inside a call, where no signal of ours gets it out. So another thread asks it, and is left behind when no
 * answer comes in time: it owns all that it touches. Answers live as long as the process; they are few and small. */
struct question {
    struct bt_arena a;
    struct bt_fleet_opts opts;
    struct bt_fleet answer;
    struct bt_err err;
    int rc;
    bool done;
    struct question *before;         /* keeps every one of them in reach */
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static struct question *questions;

static int read_machine(struct bt_arena *a, const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err)
{
    struct bt_nvml nv;
    if (bt_nvml_load(&nv, err) < 0)
        return -1;
    int rc = bt_nvml_open(&nv, err);
    if (rc == 0) {
        rc = bt_nvml_read(a, &nv, true, o, out, err);
        bt_nvml_close(&nv);
    }
    bt_nvml_unload(&nv);
    return rc;
}

static void *ask_driver(void *arg)
{
    struct question *q = arg;
    int rc = read_machine(&q->a, &q->opts, &q->answer, &q->err);
    pthread_mutex_lock(&lock);
    q->rc = rc;
    q->done = true;
    pthread_cond_broadcast(&answered);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* nvmlInit of eight cards without persistence mode can take twenty seconds: this is past any patience. */
static uint64_t patience_ms(void)
{
    const char *text = getenv("BERTH_DRIVER_WAIT");
    struct bt_err ignored = { 0 };
    uint64_t ms = 60000;
    return text && bt_duration_parse(bt_str(text), &ms, &ignored) == 0 ? ms : 60000;
}

/* True when the answer came in time. */
static bool wait_for_answer(const struct question *q, uint64_t ms)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += (time_t)(ms / 1000);
    end.tv_nsec += (long)(ms % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&lock);
    while (!q->done && pthread_cond_timedwait(&answered, &lock, &end) == 0) {}
    bool done = q->done;
    pthread_mutex_unlock(&lock);
    return done;
}

static int read_in_time(const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err)
{
    pthread_t thread;
    struct question *q = bt_xcalloc(1, sizeof *q);
    q->opts = *o;
    q->before = questions;
    questions = q;
    if (pthread_create(&thread, NULL, ask_driver, q) != 0)
        ask_driver(q);
    else
        pthread_detach(thread);
    uint64_t ms = patience_ms();
    if (!wait_for_answer(q, ms)) {
        bt_err_set(err, BT_E_DEVICE, 0, "the NVIDIA driver has not answered for %s", bt_duration_exact(ms));
        return bt_err_hint(err, "see whether `nvidia-smi` answers, and `dmesg` for Xid lines; a card that fell off the bus needs a reboot");
    }
    if (q->rc < 0)
        *err = q->err;
    *out = q->answer;
    return q->rc;
}

int bt_fleet_live(struct bt_arena *a, const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err)
{
    struct bt_fleet f;
    if (read_in_time(o, &f, err) < 0)
        return -1;
    if (!f.n) {
        bt_err_set(err, BT_E_DEVICE, 0, "this machine has an NVIDIA driver and no card that we may use%s%s", f.nnotes ? ": " : "",
                   f.nnotes ? f.notes[0] : "");
        return bt_err_hint(err, "name a fleet: --gpus 4xA100-SXM4-40GB, or try `berth sim`");
    }
    if (bt_fleet_narrow(a, &f, o->visible, err) < 0)
        return -1;
    *out = f;
    return 0;
}

/* Kept between calls: the probe samples several times a second, and nvmlInit alone can take a tenth of one. */
static struct { bool open; struct bt_nvml nv; } session;

int bt_fleet_sample(struct bt_arena *a, struct bt_fleet *out, struct bt_err *err)
{
    static const struct bt_fleet_opts no_opts = { 0 };
    if (!session.open) {
        if (bt_nvml_load(&session.nv, err) < 0)
            return -1;
        if (bt_nvml_open(&session.nv, err) < 0) {
            bt_nvml_unload(&session.nv);
            return -1;
        }
        session.open = true;
    }
    if (bt_nvml_read(a, &session.nv, false, &no_opts, out, err) == 0)
        return 0;
    bt_nvml_close(&session.nv);      /* a driver that was reloaded under us: begin anew next time */
    bt_nvml_unload(&session.nv);
    session.open = false;
    return -1;
}
