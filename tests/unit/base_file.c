/* base_file.c - files whole, atomic and private; paths; the log. */
#include "base_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"

static char folder[64];

static int make_folder(void **st)
{
    (void)st;
    strcpy(folder, "/tmp/berth-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **st)
{
    (void)st;
    struct bt_err e;
    return bt_tree_remove(folder, &e);
}

static const char *in(struct bt_arena *a, const char *name)
{
    return bt_arena_printf(a, "%s/%s", folder, name);
}

static void read_and_write(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err e;
    struct bt_str got;
    struct stat s;
    const char *f = in(&a, "file");
    assert_int_equal(bt_file_read(&a, f, 100, &got, &e), -1);
    assert_int_equal(e.code, BT_E_NOT_FOUND);
    assert_has(e.msg, f);
    assert_int_equal(bt_file_write(f, bt_str("first"), &e), 0);
    assert_int_equal(bt_file_write(f, (struct bt_str){ "a\0b", 3 }, &e), 0);
    assert_int_equal(bt_file_read(&a, f, 3, &got, &e), 0);
    assert_int_equal(got.n, 3);
    assert_memory_equal(got.p, "a\0b", 4);    /* and a NUL behind */
    assert_int_equal(stat(f, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_int_equal(bt_file_read(&a, f, 2, &got, &e), -1);
    assert_int_equal(e.code, BT_E_TOO_BIG);
    assert_int_equal(bt_file_read(&a, folder, 100, &got, &e), -1);
    assert_has(e.msg, "directory");
    assert_int_equal(mkfifo(in(&a, "fifo"), 0600), 0);
    assert_int_equal(bt_file_read(&a, in(&a, "fifo"), 100, &got, &e), -1);        /* does not wait for a writer */
    assert_has(e.msg, "not a regular file");
    assert_int_equal(bt_file_read(&a, "/proc/self/stat", 4096, &got, &e), 0);      /* st_size says 0 */
    assert_true(got.n > 10);
    assert_int_equal(bt_file_read(&a, "/proc/self/stat", 5, &got, &e), -1);
    assert_int_equal(e.code, BT_E_TOO_BIG);
    assert_int_equal(bt_file_write(in(&a, "no/such/folder"), bt_str("x"), &e), -1);
    assert_int_equal(e.code, BT_E_IO);
    assert_int_equal(bt_file_write(folder, bt_str("x"), &e), -1);
    assert_has(e.msg, "rename");
    const char *left = bt_arena_printf(&a, "%s.tmp-%ld", folder, (long)getpid());
    assert_false(bt_file_exists(left));       /* a failed write leaves nothing */
    const char *stale = bt_arena_printf(&a, "%s.tmp-%ld", f, (long)getpid());
    assert_int_equal(symlink("/etc/passwd", stale), 0);
    assert_int_equal(bt_file_write(f, bt_str("new"), &e), 0);
    assert_int_equal(lstat(f, &s), 0);
    assert_true(S_ISREG(s.st_mode));
}

static void private_folders(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err e;
    struct stat s;
    const char *d = in(&a, "p/q/r");
    assert_int_equal(bt_dir_private(d, &e), 0);
    assert_int_equal(bt_dir_private(in(&a, "p/q/r//"), &e), 0);
    assert_int_equal(stat(d, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
    assert_int_equal(chmod(d, 0755), 0);
    assert_int_equal(bt_dir_private(d, &e), -1);
    assert_has(e.hint, "chmod 700");
    assert_int_equal(symlink("r", in(&a, "p/q/link")), 0);
    assert_int_equal(bt_dir_private(in(&a, "p/q/link"), &e), -1);
    assert_int_equal(bt_file_write(in(&a, "p/file"), bt_str(""), &e), 0);
    assert_int_equal(bt_dir_private(in(&a, "p/file"), &e), -1);
    assert_int_equal(bt_dir_private(in(&a, "p/file/sub"), &e), -1);
    assert_int_equal(bt_dir_private("", &e), -1);
}

static void trees_go_and_links_stay_outside(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err e;
    assert_int_equal(bt_dir_private(in(&a, "keep"), &e), 0);
    assert_int_equal(bt_file_write(in(&a, "keep/me"), bt_str("x"), &e), 0);
    assert_int_equal(bt_dir_private(in(&a, "tree/a/b"), &e), 0);
    assert_int_equal(bt_file_write(in(&a, "tree/a/b/f"), bt_str("x"), &e), 0);
    assert_int_equal(symlink("../../keep", in(&a, "tree/a/link")), 0);
    assert_int_equal(bt_tree_remove(in(&a, "tree"), &e), 0);
    assert_false(bt_file_exists(in(&a, "tree")));
    assert_true(bt_file_exists(in(&a, "keep/me")));
    assert_int_equal(bt_tree_remove(in(&a, "tree"), &e), 0);         /* missing is success */
    assert_int_equal(symlink("keep", in(&a, "top")), 0);
    assert_int_equal(bt_tree_remove(in(&a, "top"), &e), 0);          /* the link, not what it names */
    assert_true(bt_file_exists(in(&a, "keep/me")));
    assert_int_equal(bt_tree_remove(in(&a, "keep/me"), &e), 0);      /* a file is a small tree */
    assert_false(bt_file_exists(in(&a, "keep/me")));
}

static void paths(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    setenv("HOME", "/home/me", 1);
    static const struct { const char *base, *path, *abs; } rows[] = { { "/s", "x", "/s/x" }, { "/s/", "x/y", "/s/x/y" }, { "/s", "./x", "/s/x" }, { "/s", ".", "/s" },
        { "/s", "", "/s" }, { "/s", "/x", "/x" }, { "/s", "~", "/home/me" }, { "/s", "~/m", "/home/me/m" }, { "/s", "~other", "/s/~other" }, { "/", "x", "/x" },
        { "/s", ".//x", "/s/x" }, { "/s", "../x", "/s/../x" } };
    for (size_t i = 0; i < BT_LEN(rows); i++)
        assert_string_equal(bt_path_abs(&a, rows[i].base, rows[i].path), rows[i].abs);
    assert_int_equal(chdir(folder), 0);
    assert_string_equal(bt_path_abs(&a, NULL, "x"), in(&a, "x"));
    assert_string_equal(bt_path_abs(&a, "sub", "x"), in(&a, "sub/x"));
    assert_string_equal(bt_path_dir(&a, "/a/b"), "/a");
    assert_string_equal(bt_path_dir(&a, "/a"), "/");
    assert_string_equal(bt_path_dir(&a, "a"), ".");
    setenv("BERTH_RUNTIME_DIR", "/r", 1);
    setenv("BERTH_STATE_DIR", "/st", 1);
    assert_string_equal(bt_runtime_dir(&a), "/r");
    assert_string_equal(bt_state_dir(&a), "/st");
    unsetenv("BERTH_RUNTIME_DIR");
    unsetenv("BERTH_STATE_DIR");
    setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    setenv("XDG_STATE_HOME", "relative", 1);
    assert_string_equal(bt_runtime_dir(&a), "/run/user/7/berth");
    assert_string_equal(bt_state_dir(&a), "/home/me/.local/state/berth");
    unsetenv("XDG_RUNTIME_DIR");
    assert_true(bt_str_starts(bt_str(bt_runtime_dir(&a)), "/tmp/berth-"));
}

static void programs(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err e;
    assert_int_equal(bt_dir_private(in(&a, "bin1/tool"), &e), 0);                  /* a folder of that name is no program */
    assert_int_equal(bt_dir_private(in(&a, "bin2"), &e), 0);
    assert_int_equal(bt_file_write(in(&a, "bin2/tool"), bt_str("#!/bin/sh\n"), &e), 0);
    const char *path = bt_arena_printf(&a, "%s:%s:/nonexistent", in(&a, "bin1"), in(&a, "bin2"));
    assert_null(bt_path_search(&a, path, "tool"));    /* not executable */
    assert_int_equal(chmod(in(&a, "bin2/tool"), 0700), 0);
    assert_string_equal(bt_path_search(&a, path, "tool"), in(&a, "bin2/tool"));
    assert_string_equal(bt_path_search(&a, "", in(&a, "bin2/tool")), in(&a, "bin2/tool"));
    assert_null(bt_path_search(&a, path, "absent"));
    assert_null(bt_path_search(&a, path, ""));
    assert_null(bt_path_search(&a, NULL, "tool"));
}

static void log_lines(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err e;
    struct bt_str got;
    bt_auto_fd fd = open(in(&a, "log"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    char big[5000];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = 0;
    unsetenv("BERTH_LOG");
    bt_log_init(BT_INFO, fd);
    bt_debug("inst", "not shown");
    bt_info("inst", "llm-0: ready after %d ms", 41200);
    errno = EBADF;
    bt_error("inst", "%s", big);
    assert_int_equal(errno, EBADF);
    setenv("BERTH_LOG", "error", 1);
    bt_log_init(BT_INFO, fd);
    bt_warn("inst", "not shown either");
    bt_log_init(BT_INFO, STDERR_FILENO);
    assert_int_equal(bt_file_read(&a, in(&a, "log"), 100000, &got, &e), 0);
    struct bt_str one, two, rest = bt_str_cut(got, '\n', &one);
    assert_true(bt_str_ends(one, " info inst llm-0: ready after 41200 ms"));
    assert_true(one.p[2] == ':' && one.p[5] == ':' && one.p[8] == '.');
    rest = bt_str_cut(rest, '\n', &two);
    assert_true(two.n > 1000 && two.n < 2048);
    assert_int_equal(rest.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(read_and_write), cmocka_unit_test(private_folders), cmocka_unit_test(trees_go_and_links_stay_outside),
        cmocka_unit_test(paths), cmocka_unit_test(programs), cmocka_unit_test(log_lines) };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
