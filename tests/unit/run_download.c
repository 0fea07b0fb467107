/* run_download.c - which folder of the model cache, and how far its files are; words for a service manager. No network, no waiting: the clock is an argument. */
#include "base_test.h"

#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "run/download.h"
#include "run/notify.h"

static void folder_of_a_model(void **st)
{
    static const struct { const char *env[3], *model, *dir; } rows[] = {
        { { "HOME=/h" }, "org/name", "/h/.cache/huggingface/hub/models--org--name" },
        { { "HOME=/h", "XDG_CACHE_HOME=/x" }, "org/name", "/x/huggingface/hub/models--org--name" },
        { { "XDG_CACHE_HOME=/x", "HF_HOME=/f" }, "gpt2", "/f/hub/models--gpt2" },
        { { "HF_HOME=/f", "HF_HUB_CACHE=/c" }, "org/name:Q4_K_M", "/c/models--org--name" },
        { { "HF_HUB_CACHE=", "HUGGINGFACE_HUB_CACHE=/old" }, "org/name", "/old/models--org--name" },
        { { "HOME=/h" }, "./dir", NULL },
        { { "HOME=/h" }, "/models/x", NULL },
        { { "HOME=/h" }, "a/b/c", NULL },
        { { "HOME=/h" }, "", NULL },
        { { "HF_HOME=relative" }, "org/name", NULL },
        { { "PATH=/bin" }, "org/name", NULL },
    };
    (void)st;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_strs env = { 0 };
        for (size_t k = 0; k < 3 && rows[i].env[k]; k++)
            BT_PUSH(&a, env.v, env.n, rows[i].env[k]);
        const char *dir = bt_download_dir(&a, &env, rows[i].model);
        if (!rows[i].dir)
            assert_null(dir);
        else
            assert_string_equal(dir ? dir : "none", rows[i].dir);
    }
    assert_null(bt_download_dir(NULL, &(struct bt_strs){ 0 }, NULL));
}

static void put(const char *dir, const char *name, size_t bytes)
{
    static char data[64 * 1024];
    bt_auto_arena a = { 0 };
    FILE *f = fopen(bt_arena_printf(&a, "%s/blobs/%s", dir, name), "w");
    assert_non_null(f);
    assert_int_equal(getrandom(data, bytes, 0), (ssize_t)bytes);     /* blocks are counted: nothing that a file system makes smaller, and on the disk */
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fflush(f) | fsync(fileno(f)), 0);
    fclose(f);
}

static void files_that_grow(void **st)
{
    enum { K = 1024 };
    bt_auto_arena a = { 0 };
    char dir[] = "/tmp/berth-download-XXXXXX";
    struct bt_err err = { 0 };
    struct bt_download d = { 0 };
    (void)st;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(bt_dir_private(bt_arena_printf(&a, "%s/blobs", dir), &err), 0);
    put(dir, "config", 4 * K);
    put(dir, "left.incomplete", 4 * K);
    assert_false(bt_download_look(&d, dir, 72 * K, 1000));           /* an earlier start's, which nobody writes */
    assert_false(d.active);
    put(dir, "weights.incomplete", 16 * K);
    assert_false(bt_download_look(&d, dir, 72 * K, 1500));           /* not every beat */
    assert_true(bt_download_look(&d, dir, 72 * K, 2000));
    assert_true(d.active);
    assert_int_equal(d.bytes, 16 * K);
    assert_int_equal(d.of_bytes, 64 * K);                            /* of 72, 8 were there */
    assert_true(d.per_s > 15.9 * K && d.per_s < 16.1 * K);
    assert_false(bt_download_look(&d, dir, 72 * K, 3000));           /* it stands still: the rate falls, nothing is told */
    assert_true(d.active && d.per_s < 13 * K);
    unlink(bt_arena_printf(&a, "%s/blobs/left.incomplete", dir));
    rename(bt_arena_printf(&a, "%s/blobs/weights.incomplete", dir), bt_arena_printf(&a, "%s/blobs/weights", dir));
    assert_true(bt_download_look(&d, dir, 72 * K, 4000));
    assert_false(d.active);
    struct bt_download more = { 0 };
    bt_download_look(&more, dir, 0, 1000);
    put(dir, "b.incomplete", K);
    bt_download_look(&more, dir, 0, 2000);
    assert_true(more.active && more.of_bytes == 0);                  /* how much it will be is not known */
    assert_false(bt_download_look(&more, NULL, 0, 3000));
    assert_int_equal(bt_tree_remove(dir, &err), 0);
}

static const char *heard(int fd)
{
    static char text[512];
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static void words_for_the_manager(void **st)
{
    char dir[] = "/tmp/berth-notify-XXXXXX";
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct bt_notify n;
    struct bt_err err = { 0 };
    (void)st;
    assert_non_null(mkdtemp(dir));
    snprintf(un.sun_path, sizeof un.sun_path, "%s/s", dir);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    setenv("NOTIFY_SOCKET", un.sun_path, 1);
    setenv("WATCHDOG_USEC", "2000000", 1);
    bt_notify_init(&n);
    assert_null(getenv("NOTIFY_SOCKET"));
    bt_notify_ready(&n);
    assert_has(heard(fd), "READY=1\nMAINPID=");
    bt_notify_beat(&n, "one", 10000);
    assert_string_equal(heard(fd), "STATUS=one");
    assert_string_equal(heard(fd), "WATCHDOG=1");
    bt_notify_beat(&n, "one", 10900);                                /* the same, and not half of its time */
    assert_string_equal(heard(fd), "");
    bt_notify_beat(&n, "two", 11000);
    assert_string_equal(heard(fd), "STATUS=two");
    assert_string_equal(heard(fd), "WATCHDOG=1");
    setenv("NOTIFY_SOCKET", un.sun_path, 1);
    setenv("WATCHDOG_USEC", "2000000", 1);
    setenv("WATCHDOG_PID", "1", 1);                                  /* another one's watchdog */
    bt_notify_init(&n);
    assert_int_equal(n.watchdog_ms, 0);
    setenv("NOTIFY_SOCKET", "relative", 1);
    bt_notify_init(&n);
    bt_notify_ready(&n);
    bt_notify_beat(&n, "three", 20000);
    assert_string_equal(heard(fd), "");
    close(fd);
    assert_int_equal(bt_tree_remove(dir, &err), 0);
    setenv("NOTIFY_SOCKET", un.sun_path, 1);
    bt_notify_init(&n);
    bt_notify_ready(&n);                                             /* nobody is there: that is no trouble of ours */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_of_a_model), cmocka_unit_test(files_that_grow), cmocka_unit_test(words_for_the_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
