/* doctor_checks.c - one function a check. Each adds at least one finding, so that silence never reads as health. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/file.h"
#include "base/units.h"
#include "cmd/doctor.h"
#include "cmd/live.h"
#include "engine/engine.h"
#include "gpu/gpu.h"
#include "launch/planfile.h"
#include "run/keepdir.h"
#include "run/ports.h"
#include "run/project.h"
#include "run/run.h"
#include "run/tree.h"
#include "run/window.h"

static void add(struct bt_doctor *d, const char *check, enum bt_health_state state, const char *text, const char *cure)
{
    struct bt_finding f = { check, state, text, cure };
    BT_PUSH(d->a, d->finding, d->n, f);
}

static const char *under(const struct bt_doctor *d, const char *path)
{
    return bt_arena_printf(d->a, "%s%s", d->root, path);
}

static const char *line_of(const struct bt_doctor *d, const char *path)
{
    struct bt_err ignored = { 0 };
    struct bt_str text;
    if (bt_file_read(d->a, path, 64 * KiB, &text, &ignored) < 0)
        return NULL;
    const char *nl = memchr(text.p, '\n', text.n);
    return bt_arena_strndup(d->a, (struct bt_str){ text.p, nl ? (size_t)(nl - text.p) : text.n });
}

/* ---- cards ---- */

/* Display controllers of vendor 0x10de, seen without any driver. */
static size_t cards_on_the_bus(const struct bt_doctor *d)
{
    size_t n = 0;
    DIR *dir = opendir(under(d, "/sys/bus/pci/devices"));
    for (struct dirent *e; dir && (e = readdir(dir));) {
        const char *vendor = line_of(d, bt_arena_printf(d->a, "%s/sys/bus/pci/devices/%s/vendor", d->root, e->d_name));
        const char *class = line_of(d, bt_arena_printf(d->a, "%s/sys/bus/pci/devices/%s/class", d->root, e->d_name));
        n += vendor && class && !strcmp(vendor, "0x10de") && !strncmp(class, "0x03", 4);
    }
    if (dir)
        closedir(dir);
    return n;
}

static void check_cards(struct bt_doctor *d)
{
    struct bt_fleet f = { 0 };
    struct bt_err err = { 0 };
    struct bt_fleet_opts o = { .visible = getenv("CUDA_VISIBLE_DEVICES") };
    size_t bus = cards_on_the_bus(d);
    bool module = bt_file_exists(under(d, "/proc/driver/nvidia/version"));
    if (bt_fleet_open(d->a, "auto", &o, &f, &err) == 0) {
        const char *names = f.n ? f.gpus[0].name : "";
        add(d, "cards", BT_DOC_OK, bt_arena_printf(d->a, "%zu card%s, NVML answers: %s%s", f.n, f.n == 1 ? "" : "s", names, f.n > 1 ? ", ..." : ""), "");
        for (size_t i = 0; i < f.nnotes; i++)
            add(d, "cards", BT_DOC_NOTE, f.notes[i], "");
        return;
    }
    if (!bus && !module)
        add(d, "cards", BT_DOC_NOTE, "no NVIDIA card in this machine: plans for named fleets, servers with `gpus: 0`, simulated cards",
            "`berth sim 4xA100-SXM4-40GB -- bash` shows everything on simulated cards");
    else if (!module)
        add(d, "cards", BT_DOC_BAD, bt_arena_printf(d->a, "%zu NVIDIA card%s on the PCI bus and no driver loaded", bus, bus == 1 ? "" : "s"),
            "install the NVIDIA driver, or `modprobe nvidia`; in a container: start it with --gpus all");
    else                             /* the driver is there and does not answer: versions, permission, a sick card; err says which */
        add(d, "cards", BT_DOC_BAD, bt_arena_printf(d->a, "the driver is loaded and does not answer: %s", err.msg),
            err.hint[0] ? bt_arena_strdup(d->a, err.hint) : "`nvidia-smi` and `dmesg | grep -i nvrm` say more");
}

static void check_nodes(struct bt_doctor *d)
{
    static const char *const nodes[] = { "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0" };
    bool any = false, bad = false;
    for (size_t i = 0; i < BT_LEN(nodes); i++) {
        const char *path = under(d, nodes[i]);
        if (!bt_file_exists(path))
            continue;
        any = true;
        if (access(path, R_OK | W_OK) == 0)
            continue;
        bad = true;
        add(d, "permission", BT_DOC_BAD, bt_arena_printf(d->a, "%s may not be opened: %s", nodes[i], strerror(errno)),
            "join the group it belongs to (often `video` or `render`) and log in again");
    }
    if (any && !bad)
        add(d, "permission", BT_DOC_OK, "the driver's devices may be opened", "");
}

/* ---- the house ---- */

static void check_cgroup(struct bt_doctor *d)
{
    const char *path = bt_cgroup_make(d->a, bt_arena_printf(d->a, "berth-doctor-%d", (int)getpid()));
    if (path) {
        bt_cgroup_remove(path);
        add(d, "cgroup", BT_DOC_OK, "each instance gets a cgroup of its own", "");
        return;
    }
    add(d, "cgroup", BT_DOC_NOTE, "no cgroup may be made here: session, subreaper and a mark in the environment hold instances together",
        "not needed; `systemd-run --user --scope -p Delegate=yes berth up` gives one");
}

static void check_ports(struct bt_doctor *d)
{
    enum { LOOK = 200, WANT = 100 };
    size_t n = 0;
    unsigned low = 0, high = 0;
    for (unsigned p = BT_PORT_FIRST; p < BT_PORT_FIRST + LOOK; p++)
        n += bt_port_free((uint16_t)p);
    if (n < WANT)
        add(d, "ports", BT_DOC_BAD, bt_arena_printf(d->a, "only %zu of the ports %d to %d are free", n, BT_PORT_FIRST, BT_PORT_FIRST + LOOK - 1),
            "`ss -ltnp` names who listens there");
    else
        add(d, "ports", BT_DOC_OK, bt_arena_printf(d->a, "ports %d to %d are free for servers", BT_PORT_FIRST, BT_PORT_LAST), "");
    const char *range = line_of(d, under(d, "/proc/sys/net/ipv4/ip_local_port_range"));
    if (range && sscanf(range, "%u %u", &low, &high) == 2 && low <= BT_PORT_LAST)
        add(d, "ports", BT_DOC_NOTE, bt_arena_printf(d->a, "outgoing connections may take ports from %u on, which berth gives to servers", low),
            "sysctl net.ipv4.ip_local_port_range=\"32768 60999\"");
}

static bool room_on(const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
    struct statfs s;
    if (statfs(path, &s) < 0)
        return false;
    *free_bytes = (uint64_t)s.f_bavail * (uint64_t)s.f_bsize;
    *total_bytes = (uint64_t)s.f_blocks * (uint64_t)s.f_bsize;
    return true;
}

/* The nearest folder above that exists: a cache that was never used has none yet. */
static const char *existing(const struct bt_doctor *d, const char *path)
{
    while (!bt_file_exists(path) && strcmp(path, "/") && strcmp(path, "."))
        path = bt_path_dir(d->a, path);
    return path;
}

static void check_cache(struct bt_doctor *d)
{
    const char *hf = getenv("HF_HUB_CACHE"), *home = getenv("HF_HOME");
    uint64_t left, total;
    hf = hf ? hf : bt_path_abs(d->a, NULL, home ? bt_arena_printf(d->a, "%s/hub", home) : "~/.cache/huggingface/hub");
    if (!room_on(existing(d, hf), &left, &total))
        add(d, "model cache", BT_DOC_NOTE, bt_arena_printf(d->a, "%s: %s", hf, strerror(errno)), "HF_HOME says where models are kept");
    else
        add(d, "model cache", left < 20 * GiB ? BT_DOC_NOTE : BT_DOC_OK, bt_arena_printf(d->a, "%s: %s free", hf, bt_bytes_human(left)),
            left < 20 * GiB ? "a 7B model takes 15 GB; HF_HOME may point to a larger disk" : "");
}

static void check_shm(struct bt_doctor *d)
{
    uint64_t left, total;
    if (!room_on(under(d, "/dev/shm"), &left, &total))
        add(d, "/dev/shm", BT_DOC_BAD, bt_arena_printf(d->a, "/dev/shm: %s: engines with several processes cannot talk", strerror(errno)),
            "mount -t tmpfs tmpfs /dev/shm; in a container: --shm-size=8g");
    else
        add(d, "/dev/shm", total < 1 * GiB ? BT_DOC_BAD : BT_DOC_OK, bt_arena_printf(d->a, "%s, %s free", bt_bytes_human(total), bt_bytes_human(left)),
            total < 1 * GiB ? "a tensor-parallel engine needs more: in a container --shm-size=8g" : "");
}

static void check_folder(struct bt_doctor *d, const char *check, const char *path)
{
    enum { NFS = 0x6969 };
    struct statfs s;
    const char *there = existing(d, path);
    if (access(there, W_OK) < 0)
        add(d, check, BT_DOC_BAD, bt_arena_printf(d->a, "%s cannot be written: %s", there, strerror(errno)), "BERTH_STATE_DIR, BERTH_RUNTIME_DIR name others");
    else if (statfs(there, &s) == 0 && s.f_type == NFS)
        add(d, check, BT_DOC_NOTE, bt_arena_printf(d->a, "%s is on NFS: locks and sockets are slow or missing there", path),
            "point it to a local disk: BERTH_STATE_DIR, BERTH_RUNTIME_DIR");
    else
        add(d, check, BT_DOC_OK, path, "");
}

static void check_folders(struct bt_doctor *d)
{
    check_folder(d, "state folder", bt_state_dir(d->a));
    check_folder(d, "runtime folder", bt_runtime_dir(d->a));
}

/* Where users keep their starts on one card apart: only advice, so a folder that does not do stops nobody and would pass in silence. */
static void check_locks(struct bt_doctor *d)
{
    const char *dir = bt_window_dir(d->a), *given = getenv("BERTH_LOCK_DIR"), *why = NULL;
    const char *cure = given && given[0] ? "unset BERTH_LOCK_DIR, or name a folder with mode 1777 there" : "mkdir -p /run/lock && chmod 1777 /run/lock";
    struct stat st;
    if (stat(dir, &st) < 0)
        why = strerror(errno);
    else if (!S_ISDIR(st.st_mode))
        why = "it is no folder";
    else if (access(dir, W_OK | X_OK) < 0)
        why = strerror(errno);
    if (why)
        add(d, "locks", BT_DOC_NOTE, bt_arena_printf(d->a, "starts are not kept apart from those of other users: %s: %s", dir, why), cure);
    else if ((st.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH))
        add(d, "locks", BT_DOC_NOTE, bt_arena_printf(d->a, "only your own starts are kept apart: %s is not for everybody", dir), cure);
    else
        add(d, "locks", BT_DOC_OK, bt_arena_printf(d->a, "starts on one card are kept apart in %s", dir), "");
}

static void check_linger(struct bt_doctor *d)
{
    const struct passwd *me = getpwuid(getuid());
    const char *dir = bt_runtime_dir(d->a);
    if (!bt_str_starts(bt_str(dir), "/run/user/"))
        return;                      /* not a folder that a logout removes */
    if (me && bt_file_exists(bt_arena_printf(d->a, "%s/var/lib/systemd/linger/%s", d->root, me->pw_name)))
        add(d, "linger", BT_DOC_OK, "what is up stays up after a logout", "");
    else
        add(d, "linger", BT_DOC_NOTE, bt_arena_printf(d->a, "%s goes away with your last login, and what is up with it", dir), "loginctl enable-linger");
}

static void check_limits(struct bt_doctor *d)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_max < 4096)
        add(d, "open files", BT_DOC_NOTE, bt_arena_printf(d->a, "at most %llu open files a process", (unsigned long long)r.rlim_max),
            "raise the hard limit (ulimit -Hn, /etc/security/limits.conf)");
    else
        add(d, "open files", BT_DOC_OK, "enough for engines", "");
}

/* ---- engines ---- */

static void check_engines(struct bt_doctor *d)
{
    size_t found = 0;
    for (const char *const *name = bt_engine_names(); *name; name++) {
        struct bt_engine_install in = { 0 };
        struct bt_err err = { 0 };
        const struct bt_engine *e = bt_engine_find(*name);
        if (!e || !e->program || bt_engine_installed(d->a, e, NULL, NULL, &in, &err) < 0)
            continue;
        found++;
        const char *version = in.version && in.version[0] ? in.version : NULL;
        add(d, "engine", version ? BT_DOC_OK : BT_DOC_NOTE, bt_arena_printf(d->a, "%s %s, %s", *name, version ? version : "of unknown version", in.bin),
            version ? "" : "`engine_version:` in the spec says which");
    }
    if (!found)
        add(d, "engine", BT_DOC_NOTE, "none in PATH: `plan` and `estimate` take the newest they know, `up` has nothing to start",
            "activate the environment it lives in, or give `bin:` or `venv:` in the spec");
}

/* ---- strays ---- */

/* The folder of the instance that a process was started for; NULL: none of berth's. */
static const char *mark_of(const struct bt_doctor *d, pid_t pid)
{
    struct bt_err ignored = { 0 };
    struct bt_str env;
    if (bt_file_read(d->a, bt_arena_printf(d->a, "/proc/%d/environ", (int)pid), 1 * MiB, &env, &ignored) < 0)
        return NULL;
    for (size_t i = 0; i < env.n; i += strlen(env.p + i) + 1)
        if (!strncmp(env.p + i, BT_MARK_ENV "=", strlen(BT_MARK_ENV) + 1))
            return env.p + i + strlen(BT_MARK_ENV) + 1;
    return NULL;
}

/* A project that no daemon can take up, and the file that this is about. */
struct lost { const char *name, *why; };

struct strays {
    struct bt_proc *all; size_t n; bool *told; size_t found;
    enum { NO_DAEMON, ANSWERS, SILENT } daemon;
    int lock_fd;                     /* without a daemon: its lock, so that none begins meanwhile; -1: there is no such file */
    struct lost *lost; size_t nlost;
};

static const struct lost *lost_one(const struct strays *s, const char *project)
{
    for (size_t i = 0; i < s->nlost; i++)
        if (!strcmp(s->lost[i].name, project))
            return &s->lost[i];
    return NULL;
}

/* The project of an instance's folder of this berth; NULL: it is none. */
static const char *project_of(const struct bt_doctor *d, const char *folder)
{
    const char *inst = bt_arena_printf(d->a, "%s/inst/", bt_runtime_dir(d->a));      /* another runtime folder is another berth */
    struct bt_str project;
    if (!bt_str_starts(bt_str(folder), inst))
        return NULL;
    bt_str_cut(bt_str(folder + strlen(inst)), '/', &project);
    const char *name = bt_arena_strndup(d->a, project);
    return bt_planfile_name_ok(name) ? name : NULL;
}

/* A living daemon has its projects in memory, whatever becomes of their files, and sweeps by itself what a killed keeper leaves: only what it says
 * it could not take up has nobody. Without one a keeper keeps what the next daemon will find. */
static bool is_kept(const struct bt_doctor *d, const struct strays *s, const char *project, const char *folder)
{
    struct bt_keep_who keeper;
    if (lost_one(s, project))
        return false;
    const char *dir = bt_run_project_dir(d->a, project);
    bool lives = bt_keep_who_read(d->a, folder, "keeper.json", &keeper) && keeper.this_boot && bt_proc_same(keeper.id);
    if (s->daemon != NO_DAEMON)
        return lives || bt_file_exists(dir);
    return lives && bt_file_exists(bt_arena_printf(d->a, "%s/plan.json", dir));
}

static void end(struct bt_doctor *d, const struct bt_proc *p, const char *command)
{
    int fd = bt_proc_pidfd(p->id);
    int rc = fd < 0 ? 0 : bt_pidfd_send(fd, SIGKILL);
    if (fd >= 0)
        close(fd);
    add(d, "strays", rc < 0 ? BT_DOC_BAD : BT_DOC_OK, bt_arena_printf(d->a, rc < 0 ? "pid %d %.80s: %s" : "ended pid %d %.80s", (int)p->id.pid, command,
                                                                      strerror(-rc)), "");
}

static void stray(struct bt_doctor *d, struct strays *s, const struct bt_proc *p, const char *project, const char *folder)
{
    const char *command = bt_proc_cmdline(d->a, p->id.pid);
    size_t i = 0;
    while (i < s->n && s->all[i].id.pid != p->id.pid)
        i++;
    if (i == s->n || s->told[i] || p->id.pid == getpid())
        return;
    s->told[i] = true;
    s->found++;
    if (d->fix)
        end(d, p, command);
    else
        add(d, "strays", BT_DOC_BAD,
            bt_arena_printf(d->a, "pid %d %.80s was started for %s%s", (int)p->id.pid, command, folder,
                            lost_one(s, project) ? ", whose project cannot be taken up again" : " and nobody keeps it"),
            "`berth doctor --fix` ends it");
}

/* Whom a folder without a keeper tells of: engines write over their environment, so its mark alone does not find them. */
static void strays_of(struct bt_doctor *d, struct strays *s, const char *folder)
{
    struct bt_keep_who child;
    struct bt_proc *m;
    const char *project = project_of(d, folder);
    if (!project || is_kept(d, s, project, folder) || !bt_keep_who_read(d->a, folder, "child.json", &child) || !child.this_boot)
        return;
    struct bt_tree t = { .leader = child.id, .cgroup = child.cgroup, .mark = folder };
    size_t n = bt_tree_members(d->a, &t, s->all, s->n, &m);
    for (size_t i = 0; i < n; i++)
        stray(d, s, &m[i], project, folder);
}

static void each_folder(struct bt_doctor *d, struct strays *s, const char *path, int depth)
{
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        const char *below = bt_arena_printf(d->a, "%s/%s", path, e->d_name);
        if (e->d_name[0] == '.')
            continue;
        if (depth)
            each_folder(d, s, below, depth - 1);
        else
            strays_of(d, s, below);
    }
    if (dir)
        closedir(dir);
}

/* ---- projects that nobody can take up ---- */

static void add_lost(struct bt_doctor *d, struct strays *s, const char *name, const char *why)
{
    struct lost one = { bt_arena_strdup(d->a, name), bt_arena_strdup(d->a, why) };
    if (bt_planfile_name_ok(name))
        BT_PUSH(d->a, s->lost, s->nlost, one);
}

/* -1: BT_E_NOT_FOUND: it is gone; else it does not answer, or not so that this berth understands it. */
static int ask_daemon(struct bt_doctor *d, struct strays *s, int fd, struct bt_err *err)
{
    enum { WAIT_MS = 10000 };        /* a `ps` waits up to 3 s for a sample */
    struct bt_wire_client c;
    uint64_t id;
    size_t i;
    const json_t *row;
    bt_wire_client_init(&c, fd);
    json_t *answer = bt_wire_send(&c, "ps", NULL, &id, err) < 0 ? NULL : bt_wire_next(&c, WAIT_MS, err);
    bool ok = answer && bt_wire_is_answer(answer, id, err) > 0;
    json_array_foreach(ok ? json_object_get(answer, "unreadable") : NULL, i, row)
        add_lost(d, s, bt_live_str(row, "project"), bt_live_str(row, "why"));
    json_decref(answer);
    bt_wire_client_release(&c);
    return ok ? 0 : -1;
}

/* True: it is ours now, or nobody made it. */
static bool take_lock(struct bt_doctor *d, struct strays *s)
{
    const char *path = bt_arena_printf(d->a, "%s/daemon.lock", bt_runtime_dir(d->a));
    s->lock_fd = open(path, O_RDWR | O_CLOEXEC | (d->fix ? O_CREAT : 0), 0600);
    return s->lock_fd < 0 ? errno == ENOENT : flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0;
}

/* One that is just beginning, or ending, has the lock and does not listen, or hangs up: it is asked again. */
static void find_daemon(struct bt_doctor *d, struct strays *s)
{
    enum { TRIES = 50, PAUSE_US = 20000 };
    for (int tries = 0; tries < TRIES; tries++) {
        struct bt_err err = { 0 };
        int fd = bt_wire_connect(bt_run_sock(d->a), &err);
        s->daemon = fd >= 0 ? ANSWERS : NO_DAEMON;
        if (fd >= 0 ? ask_daemon(d, s, fd, &err) == 0 : take_lock(d, s))
            return;
        s->daemon = SILENT;
        bt_close_fd(&s->lock_fd);
        if (fd >= 0 && err.code != BT_E_NOT_FOUND)
            return;
        usleep(PAUSE_US);
    }
}

static void find_lost(struct bt_doctor *d, struct strays *s)
{
    s->lock_fd = -1;
    find_daemon(d, s);
    if (s->daemon != NO_DAEMON)
        return;
    struct bt_err err = { 0 };
    struct bt_strs left;
    bt_run_projects_left(d->a, &left);
    for (size_t i = 0; i < left.n; i++)
        if (bt_project_is_lost(left.v[i], &err))
            add_lost(d, s, left.v[i], err.msg);
}

/* Its keepers end when their processes have; until then they write into its folders. */
static bool keepers_gone(struct bt_doctor *d, const char *inst)
{
    enum { WAIT_MS = 5000, LOOK_US = 20000 };
    bool gone = true;
    for (int64_t until = bt_now_ms() + WAIT_MS;;) {
        DIR *dir = opendir(inst);
        struct bt_keep_who keeper;
        gone = true;
        for (struct dirent *e; dir && (e = readdir(dir));)
            gone &= !bt_planfile_name_ok(e->d_name) || !bt_keep_who_read(d->a, bt_arena_printf(d->a, "%s/%s", inst, e->d_name), "keeper.json", &keeper) ||
                    !keeper.this_boot || !bt_proc_same(keeper.id);
        if (dir)
            closedir(dir);
        if (gone || bt_now_ms() > until)
            return gone;
        usleep(LOOK_US);
    }
}

static void forget(struct bt_doctor *d, const struct lost *one)
{
    struct bt_err err = { 0 };
    const char *inst = bt_run_inst_dir(d->a, one->name, NULL);
    if (!keepers_gone(d, inst))
        add(d, "strays", BT_DOC_BAD, bt_arena_printf(d->a, "project %s: a keeper of it still runs", one->name), "`berth doctor --fix` once more");
    else if (bt_project_forget(one->name, &err) < 0)
        add(d, "strays", BT_DOC_BAD, bt_arena_strdup(d->a, err.msg), "");
    else
        add(d, "strays", BT_DOC_OK, bt_arena_printf(d->a, "project %s is forgotten", one->name), "");
}

static void check_strays(struct bt_doctor *d)
{
    struct strays s = { 0 };
    find_lost(d, &s);
    s.n = bt_proc_list(d->a, &s.all);
    s.told = BT_NEWN(d->a, bool, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        const char *folder = s.all[i].state == 'Z' ? NULL : mark_of(d, s.all[i].id.pid), *project = folder ? project_of(d, folder) : NULL;
        if (project && !is_kept(d, &s, project, folder))
            stray(d, &s, &s.all[i], project, folder);
    }
    each_folder(d, &s, bt_arena_printf(d->a, "%s/inst", bt_runtime_dir(d->a)), 1);   /* inst/PROJECT/ID */
    for (size_t i = 0; i < s.nlost; i++)
        if (d->fix)
            forget(d, &s.lost[i]);
        else
            add(d, "strays", BT_DOC_BAD, bt_arena_printf(d->a, "project %s was up and cannot be taken up again: %s", s.lost[i].name, s.lost[i].why),
                "`berth doctor --fix` forgets it");
    if (s.daemon == SILENT)
        add(d, "strays", BT_DOC_NOTE, "the daemon lives and does not answer: what it keeps is left alone", "`berth doctor` again, a little later");
    if (!s.found && !s.nlost && s.daemon != SILENT)
        add(d, "strays", BT_DOC_OK, "nothing is left of earlier runs", "");
    bt_close_fd(&s.lock_fd);
}

void bt_doctor_look(struct bt_doctor *d)
{
    static void (*const checks[])(struct bt_doctor *) = {
        check_cards, check_nodes, check_engines, check_shm, check_cache, check_folders, check_locks, check_cgroup, check_linger,
        check_ports, check_limits, check_strays,
    };
    for (size_t i = 0; i < BT_LEN(checks); i++)
        checks[i](d);
}
