/* install.c - is an engine installed, where, which version: read from files, never by running it. */
#include <ctype.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include "base/file.h"
#include "engine/engine_int.h"

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* First line of a small file, trimmed; NULL when it cannot be read or is empty. */
static const char *first_line(struct bt_arena *a, const char *path)
{
    struct bt_str text, line;
    struct bt_err ignored = { 0 };   /* a place that is not there is not an error here: the next one is looked at */
    if (bt_file_read(a, path, 64 * KiB, &text, &ignored) < 0)
        return NULL;
    bt_str_cut(text, '\n', &line);
    line = bt_str_trim(line);
    return line.n && line.n < 256 ? bt_arena_strndup(a, line) : NULL;
}

/* A version as packages write it: digits first, then a few known characters. Anything else stays out of argv, plans and terminals. */
static bool is_version(struct bt_str s)
{
    if (!s.n || s.n > 64 || !isdigit((unsigned char)s.p[0]))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && !(s.p[i] && strchr(".+-_!", s.p[i])))
            return false;
    return true;
}

/* "Version: 0.32.0" of a METADATA file's head (the headers end at the first empty line). */
static const char *metadata_version(struct bt_arena *a, const char *path)
{
    struct bt_str text, line;
    struct bt_err ignored = { 0 };
    if (bt_file_read(a, path, 4 * MiB, &text, &ignored) < 0)
        return NULL;
    while (text.n) {
        text = bt_str_cut(text, '\n', &line);
        line = bt_str_trim(line);
        if (!line.n)
            return NULL;
        if (!bt_str_starts(line, "Version:"))
            continue;
        struct bt_str v = bt_str_trim((struct bt_str){ line.p + 8, line.n - 8 });
        return is_version(v) ? bt_arena_strndup(a, v) : NULL;
    }
    return NULL;
}

/* The package's version below a Python prefix; several Pythons may be there, the newest version wins. */
static const char *prefix_version(struct bt_arena *a, const char *prefix, const char *package, const char **where)
{
    static const char *const places[] = { "site-packages", "dist-packages" };
    const char *best = NULL;
    for (size_t i = 0; i < BT_LEN(places); i++) {
        glob_t g = { 0 };
        if (glob(bt_arena_printf(a, "%s/lib/python3*/%s/%s-*.dist-info/METADATA", prefix, places[i], package), 0, NULL, &g) == 0)
            for (size_t k = 0; k < g.gl_pathc; k++) {
                const char *v = metadata_version(a, g.gl_pathv[k]);
                if (v && (!best || bt_version_cmp(best, v) < 0)) {
                    best = v;
                    *where = bt_arena_strdup(a, g.gl_pathv[k]);
                }
            }
        globfree(&g);
    }
    return best;
}

/* The folder two above /venv/bin/python. */
static const char *prefix_of(struct bt_arena *a, const char *program)
{
    return bt_path_dir(a, bt_path_dir(a, program));
}

/* The interpreter of "#!/venv/bin/python -s"; NULL for anything else, and for env, which would search a PATH that is not ours. */
static const char *shebang(struct bt_arena *a, const char *program)
{
    char head[512] = { 0 };
    FILE *f = fopen(program, "re");
    size_t n = f ? fread(head, 1, sizeof head - 1, f) : 0;
    if (f)
        fclose(f);
    if (n < 3 || memcmp(head, "#!", 2) != 0)
        return NULL;
    char *p = head + 2 + strspn(head + 2, " \t");
    p[strcspn(p, " \t\r\n")] = 0;
    return *p == '/' && !strstr(p, "/env") ? bt_arena_strdup(a, p) : NULL;
}

static void find_version(struct bt_arena *a, const struct bt_engine *e, struct bt_engine_install *out)
{
    char real[PATH_MAX];
    const char *target = realpath(out->bin, real) ? real : out->bin;
    const char *const beside[] = { bt_arena_printf(a, "%s.version", out->bin), bt_arena_printf(a, "%s.version", target) };
    const char *v = NULL;
    for (size_t i = 0; i < BT_LEN(beside); i++) {
        v = first_line(a, beside[i]);
        if (v && is_version(bt_str(v))) {
            out->version = v;
            out->why = bt_arena_printf(a, "version in %s", beside[i]);
            return;
        }
    }
    const char *python = shebang(a, target);
    const char *prefixes[] = { prefix_of(a, target), prefix_of(a, out->bin), python ? prefix_of(a, python) : NULL };
    for (size_t i = 0; i < BT_LEN(prefixes); i++) {
        const char *where = NULL;
        v = prefixes[i] ? prefix_version(a, prefixes[i], e->program, &where) : NULL;
        if (v) {
            out->version = v;
            out->why = bt_arena_printf(a, "version in %s", where);
            return;
        }
    }
    out->version = "";
    out->why = bt_arena_printf(a, "no %s-*.dist-info below %s%s%s, and no %s", e->program, prefixes[0], python ? " or " : "", python ? prefixes[2] : "", beside[0]);
}

int bt_engine_installed(struct bt_arena *a, const struct bt_engine *e, const char *bin, const char *venv, struct bt_engine_install *out, struct bt_err *err)
{
    const char *path = NULL, *looked;
    if (!e->program)
        return bt_err_set(err, BT_E_FAILED, 0, "%s is not an engine that is installed", e->name);
    if (bin) {
        looked = bt_path_abs(a, NULL, bin);
        path = is_program(looked) ? looked : NULL;
    } else if (venv) {
        looked = bt_arena_printf(a, "%s/bin/%s", bt_path_abs(a, NULL, venv), e->program);
        path = is_program(looked) ? looked : NULL;
    } else {
        const char *env = getenv("PATH");
        looked = bt_arena_printf(a, "PATH (%s)", env ? env : "not set");
        path = env ? bt_path_search(a, env, e->program) : NULL;
    }
    if (!path) {
        bt_err_set(err, BT_E_NOT_FOUND, 0, "find %s: no program%s %s", e->name, bin || venv ? "" : " in", looked);
        return bt_err_hint(err, "install it, or say where it is with `bin:` (the program) or `venv:` (its virtual environment)");
    }
    *out = (struct bt_engine_install){ .bin = path };
    find_version(a, e, out);
    return 0;
}
