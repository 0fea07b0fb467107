/* export_systemd - the launches as user units: one service an instance, jobs as oneshots, a target for each phase. A unit counts as started when its
 * readiness check has passed, so After= waits for "ready". "%" and "$" are doubled, which systemd halves. */
#include <stdio.h>

#include "launch/export.h"

/* One word of a command line, or of Environment=: in double quotes, with systemd's escapes. */
static void word(struct bt_buf *b, const char *z, bool command)
{
    bt_buf_puts(b, "\"");
    for (; *z; z++) {
        unsigned char c = (unsigned char)*z;
        if (c == '"' || c == '\\')
            bt_buf_printf(b, "\\%c", c);
        else if (c == '%' || (c == '$' && command))
            bt_buf_printf(b, "%c%c", c, c);
        else if (c < ' ' || c == 0x7f)
            bt_buf_printf(b, "\\x%02x", c);
        else
            bt_buf_add(b, z, 1);
    }
    bt_buf_puts(b, "\"");
}

/* "PROJECT-INSTANCE.service"; with the phase where the plan has several. */
static const char *unit(struct bt_arena *a, const struct bt_ex *x, const struct bt_ex_item *it)
{
    return x->plan->nphases > 1 ? bt_arena_printf(a, "%s-%s-%s.service", x->plan->name, it->phase, it->pf->id)
                                : bt_arena_printf(a, "%s-%s.service", x->plan->name, it->pf->id);
}

static const char *target(struct bt_arena *a, const struct bt_ex *x, const char *phase)
{
    return x->plan->nphases > 1 ? bt_arena_printf(a, "%s-%s.target", x->plan->name, phase) : bt_arena_printf(a, "%s.target", x->plan->name);
}

static void put_wait(struct bt_arena *a, struct bt_buf *b, const struct bt_ex_item *it)
{
    bt_auto_buf struct bt_buf check = BT_BUF(64 * KiB);
    switch (it->pf->ready) {
    case BT_PF_READY_HTTP:
        bt_buf_printf(&check, "exec 3<>/dev/tcp/127.0.0.1/%u && printf 'GET %%s HTTP/1.0\\r\\n\\r\\n' ", it->port);
        bt_ex_shell_word(&check, it->pf->ready_arg ? it->pf->ready_arg : "/");
        bt_buf_puts(&check, " >&3 && IFS= read -r -t 10 l <&3 && [[ $l == HTTP/*' 2'* ]]");
        break;
    case BT_PF_READY_PORT: bt_buf_printf(&check, "exec 3<>/dev/tcp/127.0.0.1/%u", it->port); break;
    case BT_PF_READY_FILE:
        bt_buf_puts(&check, "test -e ");
        bt_ex_shell_word(&check, it->pf->ready_arg ? it->pf->ready_arg : "");
        break;
    case BT_PF_READY_LOG:
        bt_buf_puts(&check, "journalctl --user -o cat _SYSTEMD_INVOCATION_ID=$INVOCATION_ID | grep -Eq -- ");
        bt_ex_shell_word(&check, it->pf->ready_arg ? it->pf->ready_arg : "");
        break;
    default: return;
    }
    bt_buf_puts(b, "ExecStartPost=/usr/bin/env bash -c ");
    word(b, bt_arena_printf(a, "until (%s) 2>/dev/null; do sleep 0.5; done", bt_buf_z(&check)), true);
    bt_buf_puts(b, "\n");
}

static void put_links(struct bt_arena *a, struct bt_buf *b, const struct bt_ex *x, const struct bt_ex_item *it)
{
    for (size_t i = 0; i < it->nafter; i++) {
        const char *other = unit(a, x, &x->item[it->after[i].item]);
        bt_buf_printf(b, "After=%s\n", other);
        if (!it->after[i].turn)
            bt_buf_printf(b, "Requires=%s\n", other);
    }
}

/* A command, tried $0 times more; asked to end, the shell asks it. Restart= would begin again with the slot's first task. */
static const char again[] = "trap 'kill -TERM $!; wait $!; exit 143' TERM; "
                            "for ((i = 0; ; i++)); do (trap - INT QUIT; exec \"$@\") & wait $! && exit; ((i < $0)) || exit 1; done";

static void put_command(struct bt_buf *b, const struct bt_ex_item *it)
{
    for (size_t t = 0; t < it->nrun; t++) {
        bt_buf_puts(b, "ExecStart=/usr/bin/env"); /* finds the program in PATH, which ExecStart does not */
        if (it->job && it->pf->retries) {
            bt_buf_puts(b, " bash -c ");
            word(b, again, true);
            bt_buf_printf(b, " %u", it->pf->retries);
        }
        for (size_t w = 0; w < it->run[t].n; w++) {
            bt_buf_puts(b, " ");
            word(b, it->run[t].v[w], true);
        }
        bt_buf_puts(b, "\n");
    }
}

static void put_service(struct bt_arena *a, struct bt_buf *b, const struct bt_ex *x, const struct bt_ex_item *it)
{
    const struct bt_pf_instance *pf = it->pf;
    unsigned long long grace = bt_ceil_div(pf->stop_grace_ms, 1000);
    bt_buf_printf(b, "# made by `berth export systemd` (berth %s)\n[Unit]\nDescription=%s of %s\nPartOf=%s\n", BERTH_VERSION, pf->id, x->plan->name,
                  target(a, x, it->phase));
    put_links(a, b, x, it);
    bt_buf_printf(b, "\n[Service]\nType=%s\n", it->job ? "oneshot" : "exec");
    if (it->job)
        bt_buf_puts(b, "RemainAfterExit=yes\n"); /* done stays done: who comes After= it is not held up */
    bt_buf_puts(b, "WorkingDirectory=");         /* one path to the end of the line: no quotes, only specifiers are read */
    bt_auto_free char *there = realpath(pf->cwd ? pf->cwd : "/", NULL);          /* systemd refuses a path with "..": `-f ../x/berth.yaml` gives one */
    for (const char *p = there ? there : pf->cwd; *p; p++)
        bt_buf_printf(b, *p == '%' ? "%%%%" : "%c", *p);
    bt_buf_puts(b, "\n");
    for (size_t i = 0; i < it->nenv; i++) {
        bt_buf_puts(b, "Environment=");
        word(b, bt_arena_printf(a, "%s=%s", it->env[i].key, it->env[i].value), false);
        bt_buf_puts(b, "\n");
    }
    if (pf->env_from.n) {
        bt_buf_puts(b, "# never written down: systemctl --user import-environment");
        for (size_t i = 0; i < pf->env_from.n; i++)
            bt_buf_printf(b, " %s", pf->env_from.v[i]);
        bt_buf_printf(b, ", or a file of yours:\nEnvironmentFile=-%%h/.config/berth/%s.env\nPassEnvironment=", x->plan->name);
        for (size_t i = 0; i < pf->env_from.n; i++)
            bt_buf_printf(b, "%s%s", i ? " " : "", pf->env_from.v[i]);
        bt_buf_puts(b, "\n");
    }
    put_command(b, it);
    if (!it->job)
        put_wait(a, b, it);
    bt_buf_printf(b, "TimeoutStartSec=infinity\nKillMode=mixed\nTimeoutStopSec=%llu\n", grace ? grace : 1);
    if (it->job)
        bt_buf_puts(b, "Restart=no\n");
    else if (strcmp(pf->restart, "never"))
        bt_buf_printf(b, "Restart=%s\nRestartSec=5\n", pf->restart);
}

static void put_target(struct bt_arena *a, struct bt_buf *b, const struct bt_ex *x, size_t p)
{
    const char *phase = x->plan->phase[p].name;
    bt_buf_printf(b, "# made by `berth export systemd` (berth %s): systemctl --user start %s\n[Unit]\nDescription=%s%s%s\n", BERTH_VERSION,
                  target(a, x, phase), x->plan->name, x->plan->nphases > 1 ? ", phase " : "", x->plan->nphases > 1 ? phase : "");
    for (size_t i = 0; i < x->n; i++)
        if (!strcmp(x->item[i].phase, phase) && x->item[i].nrun)
            bt_buf_printf(b, "Wants=%s\n", unit(a, x, &x->item[i]));
    for (size_t q = 0; q < x->plan->nphases; q++) /* the cards are the same: one phase ends the other */
        if (q != p)
            bt_buf_printf(b, "Conflicts=%s\nAfter=%s\n", target(a, x, x->plan->phase[q].name), target(a, x, x->plan->phase[q].name));
    bt_buf_puts(b, "\n[Install]\nWantedBy=default.target\n");
}

void bt_export_systemd(struct bt_arena *a, const struct bt_ex *x, struct bt_export_file **out, size_t *n)
{
    for (size_t p = 0; p < x->plan->nphases; p++) {
        bt_auto_buf struct bt_buf b = BT_BUF(BT_EXPORT_MAX);
        put_target(a, &b, x, p);
        bt_ex_file(a, target(a, x, x->plan->phase[p].name), &b, false, out, n);
    }
    for (size_t i = 0; i < x->n; i++)
        if (x->item[i].nrun) {
            bt_auto_buf struct bt_buf b = BT_BUF(BT_EXPORT_MAX);
            put_service(a, &b, x, &x->item[i]);
            bt_ex_file(a, unit(a, x, &x->item[i]), &b, false, out, n);
        }
}
