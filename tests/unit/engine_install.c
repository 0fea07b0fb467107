/* engine_install.c - finding an engine and its version in made-up prefixes; nothing is ever run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/file.h"
#include "engine/engine.h"

static char root[] = "/tmp/berth-engine-XXXXXX";
static struct bt_arena arena;

static const char *path(const char *name)
{
    return bt_arena_printf(&arena, "%s/%s", root, name);
}

static void put(const char *name, const char *text, mode_t mode)
{
    const char *p = path(name);
    for (char *slash = strchr(p + sizeof root, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(p, 0700);
        *slash = '/';
    }
    FILE *f = fopen(p, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(p, mode), 0);
}

/* A program that would leave a trace if it were run. */
static const char *trap(const char *interpreter)
{
    return bt_arena_printf(&arena, "#!%s\ntouch %s/ran\n", interpreter, root);
}

static struct bt_engine_install found(const char *bin, const char *venv)
{
    struct bt_err err = { 0 };
    struct bt_engine_install out = { 0 };
    if (bt_engine_installed(&arena, bt_engine_find("vllm"), bin, venv, &out, &err) < 0)
        fail_msg("%s", err.msg);
    assert_false(bt_file_exists(path("ran")));
    return out;
}

static void not_found(const char *bin, const char *venv, const char *says)
{
    struct bt_err err = { 0 };
    struct bt_engine_install out = { 0 };
    assert_int_equal(bt_engine_installed(&arena, bt_engine_find("vllm"), bin, venv, &out, &err), -1);
    assert_int_equal(err.code, BT_E_NOT_FOUND);
    if (!strstr(err.msg, says))
        fail_msg("%s", err.msg);
}

static void venv_by_folder_program_and_path(void **st)
{
    (void)st;
    put("venv/bin/vllm", trap(path("venv/bin/python3")), 0755);
    put("venv/lib/python3.11/site-packages/vllm-0.32.0.dist-info/METADATA", "Metadata-Version: 2.4\nName: vllm\nVersion: 0.32.0\n\nVersion: 9.9\n", 0644);
    struct bt_engine_install i = found(NULL, path("venv"));
    assert_string_equal(i.bin, path("venv/bin/vllm"));
    assert_string_equal(i.version, "0.32.0");
    assert_non_null(strstr(i.why, "METADATA"));
    assert_string_equal(found(path("venv/bin/vllm"), NULL).version, "0.32.0");
    assert_int_equal(setenv("PATH", path("venv/bin"), 1), 0);
    i = found(NULL, NULL);
    assert_string_equal(i.bin, path("venv/bin/vllm"));
    assert_string_equal(i.version, "0.32.0");
}

static void through_links_and_interpreter(void **st)
{
    (void)st;
    put("tool/bin/vllm", trap("/bin/sh"), 0755);
    put("tool/lib/python3.12/site-packages/vllm-0.11.0.dist-info/METADATA", "Name: vllm\nVersion: 0.11.0\n", 0644);
    put("tool/lib/python3.9/site-packages/vllm-0.9.2.dist-info/METADATA", "Name: vllm\nVersion: 0.9.2\n", 0644);
    put("links/x", "", 0644);
    assert_int_equal(symlink(path("tool/bin/vllm"), path("links/vllm")), 0);
    assert_string_equal(found(path("links/vllm"), NULL).version, "0.11.0");          /* the link's target has the prefix; the newest counts */
    put("scripts/vllm", trap(bt_arena_printf(&arena, "%s -s", path("venv/bin/python3"))), 0755);
    put("venv/lib/python3.11/site-packages/vllm-0.32.0.dist-info/METADATA", "Name: vllm\nVersion: 0.32.0\n", 0644);
    assert_string_equal(found(path("scripts/vllm"), NULL).version, "0.32.0");        /* a copied script still names its Python */
}

static void version_beside_the_program(void **st)
{
    (void)st;
    put("sim/berth-sim-engine", trap("/bin/sh"), 0755);
    put("sim/berth-sim-engine.version", "0.32.0\nsimulated\n", 0644);
    assert_int_equal(symlink("berth-sim-engine", path("sim/vllm")), 0);
    assert_string_equal(found(path("sim/vllm"), NULL).version, "0.32.0");
    put("sim/berth-sim-engine.version", "\x1b[2Jevil\n", 0644);
    assert_string_equal(found(path("sim/vllm"), NULL).version, "");
}

static void version_that_cannot_be_told(void **st)
{
    (void)st;
    put("alone/vllm", trap("/usr/bin/env python3"), 0755);
    struct bt_engine_install i = found(path("alone/vllm"), NULL);
    assert_string_equal(i.version, "");
    assert_non_null(strstr(i.why, "dist-info"));
    put("odd/bin/vllm", "", 0755);
    put("odd/lib/python3.11/site-packages/vllm-x.dist-info/METADATA", "Name: vllm\nVersion: $(rm)\n", 0644);
    assert_string_equal(found(NULL, path("odd")).version, "");
}

static void what_is_not_there(void **st)
{
    (void)st;
    put("plain/vllm", "not executable", 0644);
    put("folder/vllm/x", "", 0644);
    not_found(path("plain/vllm"), NULL, path("plain/vllm"));
    not_found(path("folder/vllm"), NULL, path("folder/vllm"));
    not_found(NULL, path("nowhere"), path("nowhere/bin/vllm"));
    assert_int_equal(setenv("PATH", path("plain"), 1), 0);
    not_found(NULL, NULL, "PATH");
    unsetenv("PATH");
    not_found(NULL, NULL, "PATH (not set)");
    struct bt_err err = { 0 };
    struct bt_engine_install out;
    assert_int_equal(bt_engine_installed(&arena, bt_engine_find("command"), NULL, NULL, &out, &err), -1);
}

static int setup(void **st)
{
    (void)st;
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    int rc = bt_tree_remove(root, &err);
    bt_arena_release(&arena);
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(venv_by_folder_program_and_path), cmocka_unit_test(through_links_and_interpreter), cmocka_unit_test(version_beside_the_program),
        cmocka_unit_test(version_that_cannot_be_told), cmocka_unit_test(what_is_not_there),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
