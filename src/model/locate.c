/* locate.c - where a model lives: a folder, or the Hugging Face cache (models--ORG--NAME/refs/main -> snapshots/COMMIT). */
#include <ctype.h>
#include <dirent.h>
#include <sys/stat.h>
#include "base/file.h"
#include "model/model_int.h"

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* "NAME" or "ORG/NAME" of the hub's letters; no part may be "." or "..". */
bool bt_model_is_hub_id(const char *s)
{
    int slashes = 0;
    if (strlen(s) > 160 || strstr(s, "..") || strstr(s, "--"))
        return false;
    for (size_t i = 0; s[i]; i++) {
        bool edge = i == 0 || s[i - 1] == '/' || !s[i + 1] || s[i + 1] == '/';
        if (s[i] == '/' ? edge || ++slashes > 1 : !isalnum((unsigned char)s[i]) && !(strchr("-_.", s[i]) && !edge))
            return false;
    }
    return s[0] != 0;
}

/* A branch, tag or commit; branches may have slashes ("refs/pr/1"). */
bool bt_model_is_revision(const char *s)
{
    if (!*s || strlen(s) > 160 || *s == '/' || strstr(s, ".."))
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("-_./", *s))
            return false;
    return true;
}

static const char *env(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

/* The cache's folder, as huggingface_hub finds it. NULL without a home. */
static const char *cache_dir(struct bt_arena *a)
{
    const char *v;
    if ((v = env("HF_HUB_CACHE")) || (v = env("HUGGINGFACE_HUB_CACHE")))
        return bt_path_abs(a, NULL, v);
    if ((v = env("HF_HOME")))
        return bt_arena_printf(a, "%s/hub", bt_path_abs(a, NULL, v));
    if ((v = env("XDG_CACHE_HOME")))
        return bt_arena_printf(a, "%s/huggingface/hub", bt_path_abs(a, NULL, v));
    return env("HOME") ? bt_arena_printf(a, "%s/.cache/huggingface/hub", getenv("HOME")) : NULL;
}

/* models--ORG--NAME */
static const char *repo_dir(struct bt_arena *a, const char *cache, const char *id)
{
    struct bt_str org, name = bt_str_cut(bt_str(id), '/', &org);
    return name.p ? bt_arena_printf(a, "%s/models--%.*s--%.*s", cache, BT_STR(org), BT_STR(name)) : bt_arena_printf(a, "%s/models--%s", cache, id);
}

/* Repositories of GGUF files need no config.json. */
static bool holds_gguf(const char *dir)
{
    bool found = false;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && !found && (e = readdir(d));)
        found = bt_str_ends(bt_str(e->d_name), ".gguf");
    if (d)
        closedir(d);
    return found;
}

/* The snapshot that a revision means, or NULL when it was never fetched (whole). */
static const char *snapshot(struct bt_arena *a, const char *repo, const char *revision)
{
    struct bt_str text = { 0 };
    struct bt_err ignored = { 0 };   /* no ref: perhaps the revision is a commit itself */
    const char *commit = revision;
    if (bt_file_read(a, bt_arena_printf(a, "%s/refs/%s", repo, revision), 1024, &text, &ignored) == 0)
        commit = bt_arena_strndup(a, bt_str_trim(text));
    if (!bt_model_is_revision(commit) || strchr(commit, '/'))
        return NULL;
    const char *dir = bt_arena_printf(a, "%s/snapshots/%s", repo, commit);
    static const char *const proof[] = { "config.json", "model_index.json" };        /* of a model, of a diffusion pipeline */
    for (size_t i = 0; i < BT_LEN(proof); i++)
        if (bt_file_exists(bt_arena_printf(a, "%s/%s", dir, proof[i])))
            return dir;
    return holds_gguf(dir) ? dir : NULL;
}

int bt_model_locate(struct bt_arena *a, const char *ref, const char *revision, struct bt_model_place *out, struct bt_err *err)
{
    const char *rev = revision && *revision ? revision : "main", *folder = bt_path_abs(a, NULL, ref);
    *out = (struct bt_model_place){ .places = bt_arena_printf(a, "no folder %s", bt_model_shown(a, folder)) };
    if (is_folder(folder)) {
        out->dir = folder;
        return 0;
    }
    if (!bt_model_is_hub_id(ref))
        return 0;
    if (!bt_model_is_revision(rev))
        return bt_err_set(err, BT_E_SPEC, 0, "revision \"%s\" is not a branch, tag or commit", bt_model_shown(a, rev));
    const char *cache = cache_dir(a);
    if (!cache)
        return 0;
    const char *repo = repo_dir(a, cache, ref);
    out->dir = snapshot(a, repo, rev);
    out->places = bt_arena_printf(a, "%s, %s %s", out->places, is_folder(repo) ? "no complete revision of it in" : "nothing in the Hugging Face cache", cache);
    if (is_folder(repo))
        out->places = bt_arena_printf(a, "%s (revision %s)", out->places, rev);
    return 0;
}
