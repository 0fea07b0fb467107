/* config.c - `berth config systemd`: the daemon as a unit of the user, so that what is up outlives the session that began it. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cmd/cmd.h"

struct args { bool install; };

static const struct bt_opt opts[] = {
    { .name = "install", .type = BT_OPT_BOOL, .off = offsetof(struct args, install),
      .help = "write it to ~/.config/systemd/user/berth.service, never over another one" },
    { 0 },
};

/* A word of ExecStart= or Environment=: systemd's specifiers and escapes doubled. */
static void word(struct bt_buf *b, const char *z)
{
    bt_buf_puts(b, "\"");
    for (; *z; z++)
        bt_buf_printf(b, *z == '%' ? "%%%%" : *z == '"' || *z == '\\' ? "\\%c" : "%c", *z);
    bt_buf_puts(b, "\"");
}

static void folder(struct bt_arena *a, struct bt_buf *b, const char *name)
{
    const char *value = getenv(name);
    if (!value || !value[0])
        return;
    bt_buf_puts(b, "Environment=");
    word(b, bt_arena_printf(a, "%s=%s", name, bt_path_abs(a, NULL, value)));
    bt_buf_puts(b, "\n");
}

static int unit(struct bt_arena *a, struct bt_buf *b, struct bt_err *err)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return bt_err_set(err, BT_E_IO, errno, "find our own program: readlink /proc/self/exe");
    self[n] = 0;
    bt_buf_puts(b, "# berth's daemon as a unit of yours. It ends and begins without what is up: workloads go on, and the next daemon takes them over.\n"
                   "[Unit]\nDescription=berth: what is up on the GPUs\n\n"
                   "[Service]\nType=notify\nExecStart=");
    word(b, self);
    bt_buf_puts(b, " daemon --stay\n"
                   "# Only the daemon: keepers and workloads are not ended with it.\nKillMode=process\nRestart=always\nRestartSec=1\nWatchdogSec=60\n"
                   "# A cgroup for each instance.\nDelegate=yes\n");
    folder(a, b, "BERTH_RUNTIME_DIR");
    folder(a, b, "BERTH_STATE_DIR");
    bt_buf_puts(b, "\n[Install]\nWantedBy=default.target\n");
    return 0;
}

static const char *user_name(void)
{
    const struct passwd *me = getpwuid(getuid());
    return me ? me->pw_name : "$USER";
}

static void what_next(FILE *f, bool installed)
{
    if (!installed)
        fprintf(f, "# berth config systemd --install      writes this to ~/.config/systemd/user/berth.service; then\n");
    fprintf(f, "# systemctl --user daemon-reload && systemctl --user enable --now berth.service\n"
               "# loginctl enable-linger %s          else the unit, and all that is up, ends with your last login\n", user_name());
}

static int install(struct bt_arena *a, const struct bt_buf *text, struct bt_err *err)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *dir = bt_path_abs(a, NULL, config && config[0] == '/' ? bt_arena_printf(a, "%s/systemd/user", config) : "~/.config/systemd/user");
    const char *path = bt_arena_printf(a, "%s/berth.service", dir);
    struct bt_str old, now = { bt_buf_z((struct bt_buf *)text), text->n };
    struct bt_err none = { 0 };
    if (bt_file_read(a, path, 1 * MiB, &old, &none) == 0) {
        if (old.n == now.n && !memcmp(old.p, now.p, now.n))
            return printf("%s is there already, as it would be written\n", path), 0;
        bt_err_set(err, BT_E_STATE, 0, "%s is there already and says something else", path);
        return bt_err_hint(err, "remove it first, or compare: berth config systemd | diff - %s", path);
    }
    if (bt_dir_make(dir, err) < 0 || bt_file_write(path, now, err) < 0)
        return bt_err_wrap(err, "install the unit");
    printf("%s written\n", path);
    return 0;
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    bt_auto_buf struct bt_buf text = BT_BUF(64 * KiB);
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, NULL);
    if (rc)
        return rc;
    if (rest.n > 1 && !strcmp(rest.v[0], "systemd"))
        return bt_cmd_usage(v, false, "nothing stands behind systemd, not \"%.40s\"", rest.v[1]);
    if (rest.n != 1 || strcmp(rest.v[0], "systemd"))
        return bt_cmd_usage(v, false, rest.n ? "there is no \"%s\" to configure" : "say for what: systemd%s", rest.n ? rest.v[0] : "");
    if (unit(&a, &text, &err) < 0 || (o.install && install(&a, &text, &err) < 0))
        return bt_cmd_fail(v, &err, false);
    if (!o.install)
        bt_cmd_print(&text);
    what_next(o.install ? stdout : stderr, o.install);
    return 0;
}

const struct bt_verb bt_verb_config = {
    .name = "config", .summary = "berth's daemon as a systemd unit of yours", .usage = "berth config systemd [--install]", .opts = opts, .run = run,
    .example = "  berth config systemd             print the unit\n  berth config systemd --install   write it, and say what to do next",
};
