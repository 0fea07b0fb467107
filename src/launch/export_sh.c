/* export_sh - the launches as one bash script: in order, each waited for, one start at a time on a card, everything stopped on Ctrl-C.
 * No tool beside bash and coreutils: readiness is asked through bash's /dev/tcp. */
#include <stdio.h>

#include "engine/engine.h"
#include "launch/export.h"

static const char head[] =
    "set -u\n"
    "declare -A pid=() failed=()\n"
    "logs=${BERTH_LOGS:-$PWD/logs-@NAME@}\n"
    "wait_s=${BERTH_WAIT_S:-3600}            # the longest start that is waited for, in seconds\n"
    "mkdir -p -- \"$logs\" && logs=$(cd -- \"$logs\" && pwd) || exit 1\n"
    "say() { printf '%s  %s\\n' \"$(date +%H:%M:%S)\" \"$*\"; }\n"
    "\n"
    "# begin ID GRACE_S FOLDER COMMAND...: in a session of its own, so that all its processes can be reached; output to its log\n"
    "declare -A grace=()\n"
    "begin() {\n"
    "    local id=$1 folder=$3; grace[$id]=$2; shift 3\n"
    "    cd -- \"$folder\" || { say \"$id: no folder $folder\"; stop_all; exit 1; }\n"
    "    (trap - INT QUIT; exec setsid -- \"$@\") >\"$logs/$id.log\" 2>&1 </dev/null &      # bash has what it puts behind itself ignore both\n"
    "    pid[$id]=$!\n"
    "    cd - >/dev/null\n"
    "    say \"$id: started, pid ${pid[$id]}, log $logs/$id.log\"\n"
    "}\n"
    "alive() { [ -n \"${pid[$1]:-}\" ] && kill -0 \"${pid[$1]}\" 2>/dev/null; }\n"
    "\n"
    "# Does anything of a group still run? A container without an init leaves the dead in it: they hold nothing.\n"
    "group() {\n"
    "    local file line\n"
    "    kill -0 -- \"-$1\" 2>/dev/null || return 1\n"
    "    for file in /proc/[0-9]*/stat; do\n"
    "        { IFS= read -r line <\"$file\"; } 2>/dev/null || continue\n"
    "        [[ ${line##*) } =~ ^[^ZX]\\ [0-9]+\\ $1\\  ]] && return 0\n"
    "    done\n"
    "    return 1\n"
    "}\n"
    "\n"
    "# The whole group is asked to end, then made to. Only processes that this script started.\n"
    "stop() {\n"
    "    local id=$1 p=${pid[$1]:-} i\n"
    "    [ -n \"$p\" ] || return 0\n"
    "    unset \"pid[$id]\"\n"
    "    kill -TERM \"$p\" 2>/dev/null\n"
    "    for ((i = 0; i < grace[$id] * 10; i++)); do group \"$p\" || break; sleep 0.1; done\n"
    "    if group \"$p\"; then kill -KILL -- \"-$p\" 2>/dev/null; say \"$id: killed\"; else say \"$id: stopped\"; fi\n"
    "    wait \"$p\" 2>/dev/null\n"
    "}\n"
    "order=()\n"
    "stop_all() {\n"
    "    local i\n"
    "    trap '' INT TERM HUP\n"
    "    for ((i = ${#order[@]} - 1; i >= 0; i--)); do stop \"${order[$i]}\"; done\n"
    "}\n"
    "trap 'say \"stopping everything\"; stop_all; exit 130' INT TERM HUP\n"
    "\n"
    "http_ok() {     # PORT PATH\n"
    "    local line=\n"
    "    exec 3<>\"/dev/tcp/127.0.0.1/$1\" || return 1\n"
    "    printf 'GET %s HTTP/1.0\\r\\nHost: 127.0.0.1\\r\\n\\r\\n' \"$2\" >&3\n"
    "    IFS= read -r -t 10 line <&3\n"
    "    exec 3<&- 3>&-\n"
    "    [[ $line == HTTP/*\" 2\"* ]]\n"
    "}\n"
    "port_ok() { (exec 3<>\"/dev/tcp/127.0.0.1/$1\") 2>/dev/null; }\n"
    "# A stranger's answer would pass for ours.\n"
    "vacant() { ! port_ok \"$2\" || { say \"$1: port $2 is taken: somebody answers there already\"; stop_all; exit 1; }; }\n"
    "log_ok() { grep -Eq -- \"$2\" \"$logs/$1.log\" 2>/dev/null; }\n"
    "\n"
    "# ready ID CHECK...: until the check passes. A process that ends first is a failure, and so is a start without end.\n"
    "ready() {\n"
    "    local id=$1 until=$((SECONDS + wait_s)); shift\n"
    "    until { \"$@\"; } 2>/dev/null; do\n"
    "        alive \"$id\" || { say \"$id: ended before it was ready; last lines of its log:\"; tail -n 20 \"$logs/$id.log\"; stop_all; exit 1; }\n"
    "        ((SECONDS < until)) || { say \"$id: not ready after $wait_s s\"; stop_all; exit 1; }\n"
    "        sleep 0.2\n"
    "    done\n"
    "    say \"$id: ready\"\n"
    "}\n"
    "\n"
    "# done_ok ID: until the job has ended. Its exit status is kept; a service that ends meanwhile is a failure.\n"
    "done_ok() {\n"
    "    local id=$1 rc=0 other\n"
    "    [ -n \"${pid[$id]:-}\" ] || return 0\n"
    "    while alive \"$id\"; do\n"
    "        for other in \"${serving[@]}\"; do\n"
    "            alive \"$other\" || { say \"$other: ended unasked; last lines of its log:\"; tail -n 20 \"$logs/$other.log\"; stop_all; exit 1; }\n"
    "        done\n"
    "        sleep 0.2\n"
    "    done\n"
    "    wait \"${pid[$id]}\" || rc=$?\n"
    "    unset \"pid[$id]\"\n"
    "    say \"$id: done, exit status $rc\"\n"
    "    [ \"$rc\" = 0 ] || { failed[$id]=$rc; tail -n 20 \"$logs/$id.log\"; }\n"
    "}\n"
    "needs() { local id; for id; do [ -z \"${failed[$id]:-}\" ] || { say \"$id failed, and others wait for it\"; stop_all; exit 1; }; done; }\n"
    "# tasks RETRIES COMMAND_FUNCTION...: of a job's slot, one by one, in a bash of its own; asked to end, it asks the one that runs\n"
    "tasks() {\n"
    "    local again=$1 t i; shift\n"
    "    trap 'kill -TERM \"$!\" 2>/dev/null; wait \"$!\"; exit 143' TERM\n"
    "    for t; do\n"
    "        for ((i = 0; ; i++)); do\n"
    "            (trap - INT QUIT TERM; \"$t\") & wait \"$!\" && break\n"
    "            ((i < again)) || return 1\n"
    "        done\n"
    "    done\n"
    "}\n"
    "# slot ID RETRIES COMMAND_FUNCTION...: that, into a file: as words or environment of a bash they may be more than the kernel takes\n"
    "slot() { declare -f tasks \"${@:3}\" >\"$logs/$1.tasks\" && printf 'tasks %s\\n' \"${*:2}\" >>\"$logs/$1.tasks\" || { stop_all; exit 1; }; }\n"
    "serving=()\n"
    "leave() { local keep=() id; for id in \"${serving[@]}\"; do [ \"$id\" = \"$1\" ] || keep+=(\"$id\"); done; serving=(\"${keep[@]}\"); stop "
    "\"$1\"; }\n";

static void put_head(struct bt_buf *b, const struct bt_ex *x)
{
    bt_buf_puts(b, "#!/usr/bin/env bash\n");
    bt_buf_printf(b, "# %s: made by `berth export sh` (berth %s)", x->plan->name, BERTH_VERSION);
    bt_buf_puts(b, x->from && x->from[0] ? " from " : "");
    bt_buf_add_escaped(b, bt_str(x->from ? x->from : ""));           /* a path may hold a newline, and bytes that are no text */
    bt_buf_puts(b, ".\n# Starts everything in order, waits until each is ready, ends with its jobs, or on Ctrl-C; then all is stopped.\n"
                   "# Its own settings: BERTH_LOGS (folder of the logs), BERTH_WAIT_S (the longest wait for a start), BERTH_FREE_S.\n");
    if (!x->plan->live && x->plan->ngpus)
        bt_buf_puts(b, "# The plan was made for a named fleet: cards are meant by their index in PCI order.\n");
    for (const char *p = head, *at; *p; p = at) {
        at = strstr(p, "@NAME@");
        bt_buf_add(b, p, at ? (size_t)(at - p) : strlen(p));
        if (!at)
            break;
        bt_buf_puts(b, x->plan->name);
        at += 6;
    }
}

static void put_words(struct bt_buf *b, const struct bt_strs *argv)
{
    for (size_t i = 0; i < argv->n; i++) {
        bt_buf_puts(b, " ");
        bt_ex_shell_word(b, argv->v[i]);
    }
}

/* "env -u X A=b C=d" */
static void put_env(struct bt_buf *b, const struct bt_ex_item *it)
{
    bt_buf_puts(b, "env");
    if (it->engine)
        bt_buf_puts(b, " -u PYTHONDONTWRITEBYTECODE"); /* doubles the start of an engine */
    const struct bt_engine *e = it->engine ? bt_engine_find(it->pf->engine) : NULL;
    for (const char *const *key = e ? e->unset : NULL; key && *key; key++)
        bt_buf_printf(b, " -u %s", *key);
    for (size_t i = 0; i < it->nenv; i++) {
        bt_buf_printf(b, " %s=", it->env[i].key);
        bt_ex_shell_word(b, it->env[i].value);
    }
}

static const char *bash_name(struct bt_arena *a, const struct bt_ex_item *it, size_t task)
{
    char *z = bt_arena_printf(a, "task_%s_%s_%zu", it->phase, it->pf->id, task);
    for (char *p = z; *p; p++)
        *p = *p == '-' ? '_' : *p;
    return z;
}

static void put_ready(struct bt_buf *b, const struct bt_ex_item *it)
{
    if (it->job)
        return;
    bt_buf_printf(b, "ready %s ", it->pf->id);
    switch (it->pf->ready) {
    case BT_PF_READY_HTTP:
        bt_buf_printf(b, "http_ok %u ", it->port);
        bt_ex_shell_word(b, it->pf->ready_arg ? it->pf->ready_arg : "/");
        break;
    case BT_PF_READY_PORT: bt_buf_printf(b, "port_ok %u", it->port); break;
    case BT_PF_READY_LOG:
        bt_buf_printf(b, "log_ok %s ", it->pf->id);
        bt_ex_shell_word(b, it->pf->ready_arg ? it->pf->ready_arg : "");
        break;
    case BT_PF_READY_FILE:
        bt_buf_puts(b, "test -e ");
        bt_ex_shell_word(b, it->pf->ready_arg ? it->pf->ready_arg : "");
        break;
    default: bt_buf_printf(b, "alive %s", it->pf->id); break;
    }
    bt_buf_puts(b, "\n");
}

static void put_item(struct bt_arena *a, struct bt_buf *b, const struct bt_ex *x, const struct bt_ex_item *it)
{
    const struct bt_pf_instance *pf = it->pf;
    bool tasks = it->nrun > 1 || (it->job && pf->retries);
    bt_buf_puts(b, "\n");
    for (size_t i = 0; i < it->nafter; i++)
        if (it->after[i].what == BT_EX_DONE) {
            const char *id = x->item[it->after[i].item].pf->id;
            bt_buf_printf(b, "done_ok %s; needs %s\n", id, id);
        }
    if (pf->env_from.n) {
        bt_buf_puts(b, "# taken from your environment where it is set:");
        for (size_t i = 0; i < pf->env_from.n; i++)
            bt_buf_printf(b, " %s", pf->env_from.v[i]);
        bt_buf_puts(b, "\n");
    }
    for (size_t t = 0; tasks && t < it->nrun; t++) {
        bt_buf_printf(b, "%s() { exec ", bash_name(a, it, t));
        put_env(b, it);
        put_words(b, &it->run[t]);
        bt_buf_puts(b, "; }\n");
    }
    if (!it->nrun) { /* more slots than tasks */
        bt_buf_printf(b, "# %s has no task\n", pf->id);
        return;
    }
    if (tasks) {
        bt_buf_printf(b, "slot %s %u", pf->id, pf->retries);
        for (size_t t = 0; t < it->nrun; t++)
            bt_buf_printf(b, " %s", bash_name(a, it, t));
        bt_buf_puts(b, "\n");
    }
    if (it->port)
        bt_buf_printf(b, "vacant %s %u\n", pf->id, it->port);
    bt_buf_printf(b, "begin %s %llu ", pf->id, (unsigned long long)bt_ceil_div(pf->stop_grace_ms, 1000));
    bt_ex_shell_word(b, pf->cwd ? pf->cwd : "/");
    bt_buf_puts(b, " ");
    if (tasks) {
        bt_buf_printf(b, "bash \"$logs/%s.tasks\"", pf->id);
    } else {
        put_env(b, it);
        put_words(b, &it->run[0]);
    }
    bt_buf_printf(b, "\norder+=(%s)%s\n", pf->id, it->job ? "" : bt_arena_printf(a, " serving+=(%s)", pf->id));
    put_ready(b, it);
}

static bool has(const struct bt_ex *x, const char *phase, const char *id)
{
    for (size_t i = 0; i < x->n; i++)
        if (!strcmp(x->item[i].phase, phase) && !strcmp(x->item[i].pf->id, id))
            return true;
    return false;
}

/* The same command on the same cards: it runs on into the next phase. Something else under the same name is stopped first. */
static bool goes_on(const struct bt_ex *x, const char *phase, const struct bt_ex_item *was)
{
    for (size_t i = 0; i < x->n; i++) {
        const struct bt_ex_item *it = &x->item[i];
        if (strcmp(it->phase, phase) || strcmp(it->pf->id, was->pf->id))
            continue;
        bool same = !strcmp(it->devices, was->devices) && it->nrun == was->nrun && it->nrun && it->run[0].n == was->run[0].n;
        for (size_t w = 0; same && w < it->run[0].n; w++)
            same = !strcmp(it->run[0].v[w], was->run[0].v[w]);
        return same && !it->job;
    }
    return false;
}

static void end_phase(struct bt_buf *b, const struct bt_ex *x, const char *phase, const char *next)
{
    bool jobs = false;
    for (size_t i = 0; i < x->n; i++)
        if (!strcmp(x->item[i].phase, phase) && x->item[i].job && x->item[i].nrun) {
            bt_buf_printf(b, "done_ok %s\n", x->item[i].pf->id);
            jobs = true;
        }
    if (!jobs && !next)
        bt_buf_puts(
            b, "say \"everything runs; Ctrl-C stops it\"\n"
               "while :; do\n"
               "    for id in \"${serving[@]}\"; do\n"
               "        alive \"$id\" || { say \"$id: ended unasked; last lines of its log:\"; tail -n 20 \"$logs/$id.log\"; stop_all; exit 1; }\n"
               "    done\n"
               "    sleep 0.5\n"
               "done\n");
    if (next && x->one_of_several)   /* a boundary is of all machines: their jobs too have ended then */
        bt_buf_printf(b, "say \"phase %s %s: press Enter for phase %s when it is over on the other machines too\"; read -r\n", phase,
                      jobs ? "is over here" : "has no job here", next);
    else if (!jobs && next)
        bt_buf_printf(b, "say \"phase %s has no job: press Enter for phase %s\"; read -r\n", phase, next);
    if (next) {
        bt_buf_puts(b, "((${#failed[@]} == 0)) || { stop_all; exit 1; }\n");
        for (size_t i = x->n; i-- > 0;)
            if (!strcmp(x->item[i].phase, phase) && !x->item[i].job && !goes_on(x, next, &x->item[i]))
                bt_buf_printf(b, "leave %s\n", x->item[i].pf->id);
        bt_buf_puts(b, "sleep \"${BERTH_FREE_S:-5}\"      # the driver shows memory as free only a moment after its process has ended\n");
    }
}

void bt_export_sh(struct bt_arena *a, const struct bt_ex *x, struct bt_export_file **out, size_t *n)
{
    bt_auto_buf struct bt_buf b = BT_BUF(BT_EXPORT_MAX);
    put_head(&b, x);
    for (size_t p = 0; p < x->plan->nphases; p++) {
        const char *phase = x->plan->phase[p].name, *next = p + 1 < x->plan->nphases ? x->plan->phase[p + 1].name : NULL;
        if (x->plan->nphases > 1)
            bt_buf_printf(&b, "\n# ---- phase %s ----\nsay \"phase %s\"\n", phase, phase);
        for (size_t i = 0; i < x->n; i++) {
            const struct bt_ex_item *it = &x->item[i];
            const char *before = p ? x->plan->phase[p - 1].name : NULL;
            bool runs = false;
            for (size_t j = 0; before && j < x->n; j++)
                runs = runs || (!strcmp(x->item[j].phase, before) && !strcmp(x->item[j].pf->id, it->pf->id) && has(x, phase, it->pf->id) &&
                                goes_on(x, phase, &x->item[j]));
            if (!strcmp(it->phase, phase) && !runs)
                put_item(a, &b, x, it);
        }
        bt_buf_puts(&b, "\n");
        end_phase(&b, x, phase, next);
    }
    bt_buf_puts(&b, "say \"all jobs are done\"\nstop_all\n((${#failed[@]} == 0))\n");
    bt_ex_file(a, bt_arena_printf(a, "%s.sh", x->plan->name), &b, true, out, n);
}
