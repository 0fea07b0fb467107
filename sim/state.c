/* state.c - the simulated machine's file: lock, slots, bytes, and the return of what dead processes held. */
#include "sim/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A look at every living process costs some microseconds each: not at every allocation. */
#define REAP_EVERY_MS 20

_Static_assert(sizeof(struct bt_sim_state) < (4u << 20), "the state stays small enough to map in every process");
_Static_assert(sizeof(struct bt_sim_use) == 40, "layout shared between processes");

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t bt_sim_now_ms(void)
{
    return now_us() / 1000;
}

/* ---- who is alive ---- */

struct identity { char run; uint64_t threads, start_ticks, stack_start; };

/* Fields of /proc/PID/stat. False: no such process. */
static bool identify(int pid, struct identity *id)
{
    char path[48], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    if (n <= 0)
        return false;
    line[n] = 0;
    char *p = strrchr(line, ')');            /* the command may hold spaces and brackets */
    if (!p)
        return false;
    *id = (struct identity){ 0 };
    char *save = NULL;
    int field = 3;
    for (char *word = strtok_r(p + 1, " \n", &save); word && field <= 28; word = strtok_r(NULL, " \n", &save), field++) {
        if (field == 3)
            id->run = *word;
        else if (field == 20)
            id->threads = strtoull(word, NULL, 10);
        else if (field == 22)
            id->start_ticks = strtoull(word, NULL, 10);
        else if (field == 28)
            id->stack_start = strtoull(word, NULL, 10);
    }
    if (id->stack_start == 1)                /* the kernel's way of hiding it */
        id->stack_start = 0;
    return field > 22;
}

static uint64_t own_pid_ns(void)
{
    struct stat s;
    return stat("/proc/self/ns/pid", &s) == 0 ? (uint64_t)s.st_ino : 0;
}

/* A killed process that its parent has not waited for is dead to the driver; a process whose first thread alone ended is not. */
static bool alive(const struct bt_sim_proc *p)
{
    struct identity id;
    if (!identify(p->pid, &id) || id.start_ticks != p->start_ticks)
        return false;
    if (p->stack_start && id.stack_start && id.stack_start != p->stack_start)
        return false;
    return id.run != 'X' && (id.run != 'Z' || id.threads > 1);
}

/* ---- sums, all under the lock ---- */

static uint64_t use_total(const struct bt_sim_use *u)
{
    return u->context_bytes + u->memory_bytes;
}

/* The bytes of a MIG instance are its card's, too. delta may wrap: that is how bytes go back. */
void bt_sim_add_used(struct bt_sim_state *st, unsigned g, uint64_t delta)
{
    st->gpus[g].used_bytes += delta;
    if (st->gpus[g].parent >= 0)
        st->gpus[st->gpus[g].parent].used_bytes += delta;
}

static unsigned all_gpus(const struct bt_sim_state *st)
{
    unsigned n = st->ngpus + st->nmig;
    return n < BT_SIM_MAX_GPUS ? n : BT_SIM_MAX_GPUS;
}

static void recount(struct bt_sim_state *st)
{
    st->dying = st->slots_high = 0;
    for (unsigned g = 0; g < all_gpus(st); g++)
        st->gpus[g].used_bytes = 0;
    for (unsigned i = 0; i < BT_SIM_MAX_PROCS; i++) {
        const struct bt_sim_proc *p = &st->procs[i];
        if (p->state == BT_SIM_FREE)
            continue;
        st->slots_high = i + 1;
        st->dying += p->state == BT_SIM_DYING;
        for (unsigned g = 0; g < all_gpus(st); g++)
            bt_sim_add_used(st, g, use_total(&p->use[g]));
    }
    bt_sim_shares_recount(st);
}

static void slot_release(struct bt_sim_state *st, struct bt_sim_proc *p)
{
    for (unsigned g = 0; g < all_gpus(st); g++)
        bt_sim_add_used(st, g, -use_total(&p->use[g]));
    memset(p->use, 0, sizeof p->use);
    bt_sim_shares_of_slot(st, (unsigned)(p - st->procs));
    st->dying -= p->state == BT_SIM_DYING;
    p->stuck = p->park = p->bound = 0;
    p->state = BT_SIM_FREE;
}

static void slot_dies(struct bt_sim_state *st, struct bt_sim_proc *p, uint64_t now)
{
    p->release_at_ms = st->linger_ms == BT_SIM_LINGER_NEVER ? BT_SIM_FOR_EVER : now + st->linger_ms;
    st->dying += p->state != BT_SIM_DYING;
    p->state = BT_SIM_DYING;
}

static void reap(struct bt_sim_state *st, bool at_once)
{
    uint64_t now = bt_sim_now_ms();
    bool look = at_once || now - st->reaped_at_ms >= st->look_every_ms;
    if (!look && !st->dying)
        return;
    uint64_t ns = look ? own_pid_ns() : 0;
    for (unsigned i = 0; i < st->slots_high; i++) {
        struct bt_sim_proc *p = &st->procs[i];
        if (look && p->state == BT_SIM_LIVE && p->pid_ns == ns && !p->stuck && !alive(p))
            slot_dies(st, p, now);
        if (p->state == BT_SIM_DYING && now >= p->release_at_ms)
            slot_release(st, p);
    }
    if (!look)
        return;
    st->reaped_at_ms = bt_sim_now_ms();
    uint64_t took = st->reaped_at_ms - now;
    st->look_every_ms = took * 20 > REAP_EVERY_MS ? took * 20 : REAP_EVERY_MS;
}

void bt_sim_lock(struct bt_sim_state *st)
{
    if (pthread_mutex_lock(&st->lock) == EOWNERDEAD) {
        recount(st);                         /* the holder died between a slot and its card's sum */
        st->repairs++;
        pthread_mutex_consistent(&st->lock);
    }
}

void bt_sim_unlock(struct bt_sim_state *st)
{
    pthread_mutex_unlock(&st->lock);
}

void bt_sim_reap(struct bt_sim_state *st, bool now)
{
    bt_sim_lock(st);
    reap(st, now);
    bt_sim_unlock(st);
}

static struct bt_sim_proc *slot_take(struct bt_sim_state *st, int32_t pid, const struct identity *me, uint64_t ns)
{
    for (unsigned i = 0; i < BT_SIM_MAX_PROCS; i++) {
        struct bt_sim_proc *p = &st->procs[i];
        if (p->state != BT_SIM_FREE)
            continue;
        memset(p->use, 0, sizeof p->use);
        p->pid = pid;
        p->stuck = p->park = p->bound = 0;
        p->start_ticks = me->start_ticks;
        p->stack_start = me->stack_start;
        p->pid_ns = ns;
        if (i >= st->slots_high)
            st->slots_high = i + 1;
        __atomic_store_n(&p->state, BT_SIM_LIVE, __ATOMIC_RELEASE);
        return p;
    }
    return NULL;
}

struct bt_sim_proc *bt_sim_attach(struct bt_sim_state *st)
{
    struct identity me;
    uint64_t ns = own_pid_ns();
    if (!identify((int)getpid(), &me))
        return NULL;
    bt_sim_lock(st);
    reap(st, false);
    for (unsigned i = 0; i < BT_SIM_MAX_PROCS; i++) {
        struct bt_sim_proc *p = &st->procs[i];
        if (p->state == BT_SIM_LIVE && p->pid == (int32_t)getpid() && p->pid_ns == ns)
            slot_dies(st, p, bt_sim_now_ms());      /* this process before exec, or an older owner of the pid */
    }
    struct bt_sim_proc *p = slot_take(st, (int32_t)getpid(), &me, ns);
    if (!p) {
        reap(st, true);
        p = slot_take(st, (int32_t)getpid(), &me, ns);
    }
    bt_sim_unlock(st);
    return p;
}

void bt_sim_detach(struct bt_sim_state *st, struct bt_sim_proc *p)
{
    bt_sim_lock(st);
    if (p->state != BT_SIM_FREE && p->pid == (int32_t)getpid())
        slot_release(st, p);
    bt_sim_unlock(st);
}

static uint64_t *use_field(struct bt_sim_proc *p, unsigned g, enum bt_sim_what what)
{
    return what == BT_SIM_CONTEXT ? &p->use[g].context_bytes : &p->use[g].memory_bytes;
}

static bool fits(const struct bt_sim_gpu *gpu, uint64_t bytes)
{
    return gpu->used_bytes <= gpu->cuda_total_bytes && bytes <= gpu->cuda_total_bytes - gpu->used_bytes;
}

bool bt_sim_charge(struct bt_sim_state *st, struct bt_sim_proc *p, unsigned g, enum bt_sim_what what, uint64_t bytes)
{
    struct bt_sim_gpu *gpu = &st->gpus[g];
    bt_sim_lock(st);
    reap(st, false);
    bool ok = fits(gpu, bytes);
    if (!ok) {                               /* before saying no, know who is really there */
        reap(st, true);
        ok = fits(gpu, bytes);
    }
    if (ok) {
        *use_field(p, g, what) += bytes;
        bt_sim_add_used(st, g, bytes);
        if (what == BT_SIM_CONTEXT)
            p->use[g].contexts++;
    }
    bt_sim_unlock(st);
    return ok;
}

void bt_sim_uncharge(struct bt_sim_state *st, struct bt_sim_proc *p, unsigned g, enum bt_sim_what what, uint64_t bytes)
{
    bt_sim_lock(st);
    uint64_t *held = use_field(p, g, what);
    if (bytes > *held)
        bytes = *held;
    *held -= bytes;
    bt_sim_add_used(st, g, -bytes);
    if (what == BT_SIM_CONTEXT && p->use[g].contexts)
        p->use[g].contexts--;
    bt_sim_unlock(st);
}

uint64_t bt_sim_used(struct bt_sim_state *st, unsigned g)
{
    bt_sim_lock(st);
    reap(st, false);
    uint64_t used = st->gpus[g].used_bytes;
    bt_sim_unlock(st);
    return used;
}

static unsigned busy_percent(const struct bt_sim_use *u)
{
    uint64_t gone = now_us() - u->busy_at_us;
    return gone < u->busy_us ? (unsigned)((u->busy_us - gone) / 10000) : 0;
}

size_t bt_sim_holders(struct bt_sim_state *st, unsigned g, struct bt_sim_holder *out, size_t max)
{
    size_t n = 0;
    uint64_t ns = own_pid_ns();
    bt_sim_lock(st);
    reap(st, true);                          /* a list must not name the dead */
    for (unsigned i = 0; i < st->slots_high; i++) {
        const struct bt_sim_proc *p = &st->procs[i];
        if (p->state != BT_SIM_LIVE || p->pid_ns != ns)
            continue;
        for (unsigned at = 0; at < all_gpus(st); at++) {
            const struct bt_sim_gpu *gpu = &st->gpus[at];
            if ((at != g && gpu->parent != (int32_t)g) || use_total(&p->use[at]) == 0)
                continue;
            if (n < max)
                out[n] = (struct bt_sim_holder){ .pid = p->pid, .gi = gpu->parent >= 0 ? gpu->gi : UINT32_MAX,
                                                 .ci = gpu->parent >= 0 ? gpu->ci : UINT32_MAX,
                                                 .busy_percent = busy_percent(&p->use[at]), .bytes = use_total(&p->use[at]) };
            n++;
        }
    }
    bt_sim_unlock(st);
    return n;
}

bool bt_sim_stranger(struct bt_sim_state *st, int32_t pid, unsigned g, uint64_t bytes)
{
    struct identity id;
    int sys = 0;
    if (!identify(pid, &id)) {
        errno = ESRCH;
        return false;
    }
    bt_sim_lock(st);
    reap(st, true);
    struct bt_sim_proc *p = NULL;
    if (!fits(&st->gpus[g], bytes))
        sys = ENOSPC;
    else if (!(p = slot_take(st, pid, &id, own_pid_ns())))
        sys = EUSERS;
    if (p) {
        p->use[g].memory_bytes = bytes;
        p->use[g].contexts = 1;
        bt_sim_add_used(st, g, bytes);
    }
    bt_sim_unlock(st);
    errno = sys;
    return p != NULL;
}

/* ---- activity ---- */

static void drain(struct bt_sim_gpu *gpu)
{
    uint64_t now = now_us(), gone = now > gpu->busy_at_us ? now - gpu->busy_at_us : 0;
    gpu->busy_us = gone < gpu->busy_us ? gpu->busy_us - gone : 0;
    gpu->busy_at_us = now;
}

static uint64_t add_work(uint64_t busy_us, uint64_t us)
{
    return us < 1000000 - busy_us ? busy_us + us : 1000000;
}

void bt_sim_work(struct bt_sim_state *st, struct bt_sim_proc *p, unsigned g, uint64_t us)
{
    bt_sim_lock(st);
    for (int at = (int)g; at >= 0; at = st->gpus[at].parent) {
        drain(&st->gpus[at]);
        st->gpus[at].busy_us = add_work(st->gpus[at].busy_us, us);
    }
    if (p) {
        struct bt_sim_use *u = &p->use[g];
        uint64_t now = st->gpus[g].busy_at_us, gone = now - u->busy_at_us;
        u->busy_us = (uint32_t)add_work(gone < u->busy_us ? u->busy_us - gone : 0, us);
        u->busy_at_us = now;
    }
    bt_sim_unlock(st);
}

unsigned bt_sim_busy(struct bt_sim_state *st, unsigned g)
{
    bt_sim_lock(st);
    drain(&st->gpus[g]);
    unsigned percent = (unsigned)(st->gpus[g].busy_us / 10000);
    bt_sim_unlock(st);
    return percent;
}

/* ---- opening ---- */

static struct bt_sim_state *fail(const char **why, const char *text, int sys)
{
    *why = text;
    errno = sys;
    return NULL;
}

static bool sane(const struct bt_sim_state *st)
{
    if (st->magic != BT_SIM_MAGIC || st->version != BT_SIM_VERSION || st->size != sizeof *st || st->ngpus + st->nmig > BT_SIM_MAX_GPUS)
        return false;
    for (unsigned g = 0; g < st->ngpus; g++)
        if (!memchr(st->gpus[g].name, 0, sizeof st->gpus[g].name) || !memchr(st->gpus[g].uuid, 0, sizeof st->gpus[g].uuid))
            return false;
    return memchr(st->driver_version, 0, sizeof st->driver_version) && memchr(st->nvml_version, 0, sizeof st->nvml_version);
}

struct bt_sim_state *bt_sim_state_open(const char *path, const char **why)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return fail(why, "open the state file", errno);
    struct stat s;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_size != (off_t)sizeof(struct bt_sim_state)) {
        close(fd);
        return fail(why, "not a state file of this version of berth: its size differs", EINVAL);
    }
    struct bt_sim_state *st = mmap(NULL, sizeof *st, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int sys = errno;
    close(fd);
    if (st == MAP_FAILED)
        return fail(why, "map the state file", sys);
    if (!sane(st)) {
        munmap(st, sizeof *st);
        return fail(why, "not a state file of this version of berth: its head differs", EINVAL);
    }
    return st;
}

void bt_sim_state_close(struct bt_sim_state *st)
{
    if (st)
        munmap(st, sizeof *st);
}
