/* file.c - see file.h */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

int bt_file_read(struct bt_arena *a, const char *path, size_t max, struct bt_str *out, struct bt_err *err)
{
    /* O_NONBLOCK: a fifo in the place of a file must be an error, not a hang */
    bt_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0)
        return bt_err_set(err, errno == ENOENT || errno == ENOTDIR ? BT_E_NOT_FOUND : BT_E_IO, errno, "open %s", path);
    if (fstat(fd, &st) < 0)
        return bt_err_set(err, BT_E_IO, errno, "stat %s", path);
    if (S_ISDIR(st.st_mode))
        return bt_err_set(err, BT_E_IO, EISDIR, "read %s", path);
    if (!S_ISREG(st.st_mode))
        return bt_err_set(err, BT_E_IO, 0, "read %s: not a regular file", path);
    if ((uint64_t)st.st_size > max)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "read %s: %lld bytes, at most %zu are read", path, (long long)st.st_size, max);

    bt_auto_buf struct bt_buf b = BT_BUF(max);
    char chunk[16384];
    for (;;) {                       /* to the end, not to st_size: /proc says 0, and a file may grow meanwhile */
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bt_err_set(err, BT_E_IO, errno, "read %s", path);
        if (n == 0)
            break;
        bt_buf_add(&b, chunk, (size_t)n);
        if (b.over)
            return bt_err_set(err, BT_E_TOO_BIG, 0, "read %s: at most %zu bytes are read", path, max);
    }
    *out = (struct bt_str){ bt_arena_strndup(a, (struct bt_str){ b.p, b.n }), b.n };
    return 0;
}

static int write_all(int fd, struct bt_str text)
{
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text.p += n;
        text.n -= (size_t)n;
    }
    return 0;
}

static void sync_folder_of(const char *path)
{
    bt_auto_arena a = { 0 };
    bt_auto_fd fd = open(bt_path_dir(&a, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        fsync(fd);                   /* the rename itself; a file system that cannot do this still has the file */
}

int bt_file_write(const char *path, struct bt_str text, struct bt_err *err)
{
    bt_auto_free char *tmp = bt_xasprintf("%s.tmp-%ld", path, (long)getpid());
    unlink(tmp);                     /* left by an earlier process with our pid */
    bt_auto_fd fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return bt_err_set(err, BT_E_IO, errno, "create %s", tmp);
    const char *step = "write";
    if (write_all(fd, text) < 0)
        goto undo;
    step = "sync";
    if (fsync(fd) < 0)
        goto undo;
    bt_close_fd(&fd);
    step = "rename";
    if (rename(tmp, path) < 0)
        goto undo;
    sync_folder_of(path);
    return 0;
undo:
    bt_err_set(err, BT_E_IO, errno, "%s %s", step, !strcmp(step, "rename") ? path : tmp);
    unlink(tmp);
    if (err->sys == ENOSPC || err->sys == EDQUOT)
        bt_err_hint(err, "make room there: `df -h`, or use another folder (BERTH_RUNTIME_DIR)");
    return -1;
}

int bt_file_put(const char *path, struct bt_str text, struct bt_err *err)
{
    struct stat st;
    if (lstat(path, &st) < 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        return bt_file_write(path, text, err);
    bt_auto_fd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return bt_err_set(err, BT_E_IO, errno, "open %s", path);
    return write_all(fd, text) < 0 ? bt_err_set(err, BT_E_IO, errno, "write %s", path) : 0;
}

int bt_dir_make(const char *path, struct bt_err *err)
{
    bt_auto_free char *p = bt_xstrdup(path);
    struct stat st;
    if (!*p)
        return bt_err_set(err, BT_E_IO, ENOENT, "make a folder without a name");
    for (char *s = p;; s++) {
        if (s == p || (*s && *s != '/'))
            continue;
        char end = *s;
        *s = 0;
        if (mkdir(p, 0755) < 0 && (stat(p, &st) < 0 || !S_ISDIR(st.st_mode)))        /* EROFS and EACCES are fine where it exists */
            return bt_err_set(err, BT_E_IO, errno, "make the folder %s", p);
        if (!end)
            return 0;
        *s = end;
    }
}

int bt_dir_private(const char *path, struct bt_err *err)
{
    bt_auto_free char *p = bt_xstrdup(path);
    struct stat st;
    for (char *s = p + 1; *p && *s; s++) {
        if (*s != '/')
            continue;
        *s = 0;
        if (mkdir(p, 0700) < 0 && errno != EEXIST && stat(p, &st) < 0)   /* EROFS and EACCES are fine where it exists */
            return bt_err_set(err, BT_E_IO, errno, "create folder %s", p);
        *s = '/';
    }
    size_t len = strlen(p);
    while (len > 1 && p[len - 1] == '/')
        p[--len] = 0;
    if (mkdir(p, 0700) < 0 && errno != EEXIST)
        return bt_err_set(err, BT_E_IO, errno, "create folder %s", p);
    if (lstat(p, &st) < 0)
        return bt_err_set(err, BT_E_IO, errno, "stat folder %s", p);
    if (!S_ISDIR(st.st_mode)) {
        bt_err_set(err, BT_E_IO, ENOTDIR, "use folder %s", p);
        return bt_err_hint(err, "it has to be a folder of its own, not a link: move it away");
    }
    if (st.st_uid != geteuid()) {
        bt_err_set(err, BT_E_IO, 0, "use folder %s: it belongs to user %u, not to us", p, (unsigned)st.st_uid);
        return bt_err_hint(err, "set BERTH_RUNTIME_DIR or BERTH_STATE_DIR to a folder of your own");
    }
    if (st.st_mode & 077) {
        bt_err_set(err, BT_E_IO, 0, "use folder %s: other users can enter it (mode %o)", p, (unsigned)(st.st_mode & 07777));
        return bt_err_hint(err, "chmod 700 %s", p);
    }
    return 0;
}

/* Empty the folder fd (consumed). path is for errors. Through descriptors, not paths: nobody can swap a link in on the way. */
static int empty_folder(int fd, dev_t dev, const char *path, int depth, struct bt_err *err)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        int e = errno;
        close(fd);
        return bt_err_set(err, BT_E_IO, e, "list %s", path);
    }
    int rc = 0;
    struct dirent *ent;
    while (rc == 0 && (errno = 0, ent = readdir(d))) {
        if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
            continue;
        bt_auto_free char *sub = bt_xasprintf("%s/%s", path, ent->d_name);
        if (unlinkat(dirfd(d), ent->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR && errno != EPERM) {
            rc = bt_err_set(err, BT_E_IO, errno, "remove %s", sub);
            break;
        }
        int why = errno;             /* EPERM: POSIX for a folder, and a real refusal for anything else */
        int child = openat(dirfd(d), ent->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        if (child < 0)
            rc = bt_err_set(err, BT_E_IO, errno == ENOTDIR || errno == ELOOP ? why : errno, "remove %s", sub);
        else if (fstat(child, &st) < 0 || st.st_dev != dev || depth >= 200) {
            close(child);
            rc = bt_err_set(err, BT_E_IO, 0, "remove %s: %s", sub, depth >= 200 ? "nested too deep" : "another file system is mounted there");
        } else if (empty_folder(child, dev, sub, depth + 1, err) < 0)
            rc = -1;
        else if (unlinkat(dirfd(d), ent->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
            rc = bt_err_set(err, BT_E_IO, errno, "remove %s", sub);
    }
    closedir(d);
    return rc;
}

int bt_tree_remove(const char *path, struct bt_err *err)
{
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return bt_err_set(err, BT_E_IO, errno, "remove %s", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return bt_err_set(err, BT_E_IO, errno, "open folder %s", path);
    if (fstat(fd, &st) < 0) {
        int e = errno;
        close(fd);
        return bt_err_set(err, BT_E_IO, e, "stat folder %s", path);
    }
    if (empty_folder(fd, st.st_dev, path, 0, err) < 0)
        return -1;
    if (rmdir(path) < 0 && errno != ENOENT)
        return bt_err_set(err, BT_E_IO, errno, "remove %s", path);
    return 0;
}

bool bt_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static const char *home(struct bt_arena *a)
{
    const char *h = getenv("HOME");
    if (h && h[0] == '/')
        return h;
    struct passwd pw, *found = NULL;
    char buf[4096];
    if (getpwuid_r(geteuid(), &pw, buf, sizeof buf, &found) == 0 && found && found->pw_dir[0] == '/')
        return bt_arena_strdup(a, found->pw_dir);
    return "/";
}

const char *bt_path_abs(struct bt_arena *a, const char *base, const char *path)
{
    if (path[0] == '/')
        return bt_arena_strdup(a, path);
    if (path[0] == '~' && (path[1] == 0 || path[1] == '/'))
        return bt_arena_printf(a, "%s%s", home(a), path + 1);
    char cwd[4096];
    if (base && base[0] != '/')
        base = bt_path_abs(a, NULL, base);
    if (!base)
        base = getcwd(cwd, sizeof cwd) ? cwd : "/";
    while (path[0] == '.' && path[1] == '/')
        for (path += 2; *path == '/'; path++) {}
    if (!strcmp(path, ".") || !*path)
        return bt_arena_strdup(a, base);
    return bt_arena_printf(a, "%s%s%s", base, base[strlen(base) - 1] == '/' ? "" : "/", path);
}

const char *bt_path_dir(struct bt_arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    if (slash == path)
        return "/";
    return bt_arena_strndup(a, (struct bt_str){ path, (size_t)(slash - path) });
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

const char *bt_path_search(struct bt_arena *a, const char *path_env, const char *name)
{
    if (!*name)
        return NULL;
    if (strchr(name, '/'))
        return is_program(name) ? bt_arena_strdup(a, name) : NULL;
    struct bt_str rest = bt_str(path_env), dir;
    while (rest.p) {
        rest = bt_str_cut(rest, ':', &dir);
        const char *try = dir.n ? bt_arena_printf(a, "%.*s/%s", BT_STR(dir), name) : bt_arena_printf(a, "./%s", name);
        if (is_program(try))
            return try;
    }
    return NULL;
}

static const char *env_dir(const char *name)
{
    const char *v = getenv(name);
    return v && v[0] == '/' ? v : NULL;      /* the XDG rules: a relative path is ignored */
}

const char *bt_runtime_dir(struct bt_arena *a)
{
    const char *own = getenv("BERTH_RUNTIME_DIR"), *xdg = env_dir("XDG_RUNTIME_DIR");
    if (own && *own)
        return bt_path_abs(a, NULL, own);
    if (xdg)
        return bt_arena_printf(a, "%s/berth", xdg);
    return bt_arena_printf(a, "/tmp/berth-%u", (unsigned)geteuid());
}

const char *bt_state_dir(struct bt_arena *a)
{
    const char *own = getenv("BERTH_STATE_DIR"), *xdg = env_dir("XDG_STATE_HOME");
    if (own && *own)
        return bt_path_abs(a, NULL, own);
    if (xdg)
        return bt_arena_printf(a, "%s/berth", xdg);
    return bt_arena_printf(a, "%s/.local/state/berth", home(a));
}
