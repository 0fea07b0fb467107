/* file.c - whole files and private folders. */
#include "base/file.h"
#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

int bt_file_read(struct bt_arena *a, const char *path, size_t max, struct bt_str *out, struct bt_err *err)
{
    bt_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);        /* NONBLOCK: a fifo must not hang us */
    struct stat st;
    if (fd < 0)
        return bt_err_set(err, errno == ENOENT || errno == ENOTDIR ? BT_E_NOT_FOUND : BT_E_IO, errno, "open %s", path);
    if (fstat(fd, &st) < 0)
        return bt_err_set(err, BT_E_IO, errno, "stat %s", path);
    bool proc = S_ISREG(st.st_mode) && st.st_size == 0;              /* /proc and /sys files say 0 */
    if (!S_ISREG(st.st_mode))
        return bt_err_set(err, BT_E_IO, S_ISDIR(st.st_mode) ? EISDIR : 0, S_ISDIR(st.st_mode) ? "read %s" : "read %s: not a regular file", path);
    if ((uint64_t)st.st_size > max)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "read %s: %s, more than the %s that make sense there", path, bt_bytes_human((uint64_t)st.st_size), bt_bytes_human(max));
    size_t cap = proc ? max : (size_t)st.st_size, n = 0;
    struct bt_buf b = BT_BUF(cap);
    char chunk[65536];
    for (ssize_t got; n < cap + 1 && (got = read(fd, chunk, sizeof chunk)) != 0;) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            bt_err_set(err, BT_E_IO, errno, "read %s", path);
            bt_buf_release(&b);
            return -1;
        }
        size_t take = BT_MIN((size_t)got, cap - n);                  /* a file that grows while we read: its first size */
        bt_buf_add(&b, chunk, take);
        n += take;
        if (take < (size_t)got)
            break;
    }
    *out = (struct bt_str){ bt_arena_strndup(a, (struct bt_str){ bt_buf_z(&b), b.n }), b.n };
    bt_buf_release(&b);
    return 0;
}

static int write_all(int fd, struct bt_str s)
{
    for (size_t done = 0; done < s.n;) {
        ssize_t n = write(fd, s.p + done, s.n - done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int bt_file_write(const char *path, struct bt_str text, struct bt_err *err)
{
    bt_auto_free char *tmp = bt_xasprintf("%s.tmp-%d", path, (int)getpid());
    bt_auto_fd fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return bt_err_set(err, BT_E_IO, errno, "create %s", tmp);
    if (write_all(fd, text) < 0 || fsync(fd) < 0) {
        bt_err_set(err, BT_E_IO, errno, "write %s", tmp);
        unlink(tmp);
        return -1;
    }
    if (rename(tmp, path) < 0) {
        bt_err_set(err, BT_E_IO, errno, "rename %s to %s", tmp, path);
        unlink(tmp);
        return -1;
    }
    return 0;
}

int bt_dir_private(const char *path, struct bt_err *err)
{
    bt_auto_free char *part = bt_xstrdup(path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return bt_err_set(err, BT_E_IO, errno, "mkdir %s", part);
        *slash = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return bt_err_set(err, BT_E_IO, errno, "mkdir %s", path);
    struct stat st;
    if (lstat(path, &st) < 0)
        return bt_err_set(err, BT_E_IO, errno, "stat %s", path);
    if (!S_ISDIR(st.st_mode))
        return bt_err_set(err, BT_E_IO, ENOTDIR, "use %s", path);
    if (st.st_uid != geteuid() || (st.st_mode & 077)) {
        bt_err_set(err, BT_E_IO, 0, "use %s: %s", path, st.st_uid != geteuid() ? "it belongs to another user" : "others may enter it");
        return bt_err_hint(err, "chmod 700 %s, or name another folder with BERTH_RUNTIME_DIR or BERTH_STATE_DIR", path);
    }
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

int bt_tree_remove(const char *path, struct bt_err *err)
{
    if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
        return bt_err_set(err, BT_E_IO, errno, "remove %s", path);
    return 0;
}

bool bt_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static const char *home_dir(void)
{
    const char *h = getenv("HOME");
    if (h && *h == '/')
        return h;
    struct passwd *pw = getpwuid(geteuid());
    return pw && pw->pw_dir ? pw->pw_dir : "/";
}

const char *bt_path_abs(struct bt_arena *a, const char *base, const char *path)
{
    if (path[0] == '~' && (path[1] == '/' || !path[1]))
        return bt_arena_printf(a, "%s%s", home_dir(), path + 1);
    if (path[0] == '/')
        return bt_arena_strdup(a, path);
    bt_auto_free char *cwd = base ? NULL : getcwd(NULL, 0);
    const char *dir = base ? base : cwd ? cwd : ".";
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    if (!strcmp(path, ".") || !*path)
        return bt_arena_strdup(a, dir);
    return bt_arena_printf(a, "%s/%s", strcmp(dir, "/") ? dir : "", path);
}

const char *bt_path_dir(struct bt_arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return bt_arena_strdup(a, ".");
    return slash == path ? bt_arena_strdup(a, "/") : bt_arena_strndup(a, (struct bt_str){ path, (size_t)(slash - path) });
}

static bool runnable(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

const char *bt_path_search(struct bt_arena *a, const char *path_env, const char *name)
{
    if (strchr(name, '/'))
        return runnable(name) ? bt_arena_strdup(a, name) : NULL;
    for (struct bt_str rest = bt_str(path_env), dir; rest.p;) {
        rest = bt_str_cut(rest, ':', &dir);
        const char *full = bt_arena_printf(a, "%.*s%s%s", BT_STR(dir), dir.n ? "/" : "./", name);
        if (runnable(full))
            return full;
    }
    return NULL;
}

const char *bt_runtime_dir(struct bt_arena *a)
{
    const char *own = getenv("BERTH_RUNTIME_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");
    if (own && *own)
        return bt_path_abs(a, NULL, own);
    if (xdg && *xdg == '/')
        return bt_arena_printf(a, "%s/berth", xdg);
    return bt_arena_printf(a, "/tmp/berth-%u", (unsigned)geteuid());
}

const char *bt_state_dir(struct bt_arena *a)
{
    const char *own = getenv("BERTH_STATE_DIR"), *xdg = getenv("XDG_STATE_HOME");
    if (own && *own)
        return bt_path_abs(a, NULL, own);
    if (xdg && *xdg == '/')
        return bt_arena_printf(a, "%s/berth", xdg);
    return bt_arena_printf(a, "%s/.local/state/berth", home_dir());
}
