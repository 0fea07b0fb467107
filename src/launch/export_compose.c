/* export_compose - the launches as a compose file: one service an instance, cards reserved by device, the host's network so that the plan's addresses
 * hold as they are. Strings are written as JSON strings, which YAML reads; a dollar sign is doubled, which compose halves. */
#include <stdio.h>

#include "launch/export.h"

#define MAX_CARDS 64                 /* of one instance */

/* What the engines' own images are called and how they are started; a plain command has the user's. */
static const struct {
    const char *engine, *image, *check;
    bool tagged; /* by the engine's version */
} images[] = {
    { "vllm", "vllm/vllm-openai", "python3", true },
    { "sglang", "lmsysorg/sglang", "python3", true },
    { "llama-server", "ghcr.io/ggml-org/llama.cpp:server-cuda", "curl", false },
};

static void text(struct bt_buf *b, const char *z)
{
    bt_buf_puts(b, "\"");
    for (; *z; z++) {
        unsigned char c = (unsigned char)*z;
        if (c == '"' || c == '\\')
            bt_buf_printf(b, "\\%c", c);
        else if (c == '$')
            bt_buf_puts(b, "$$");
        else if (c < ' ' || c == 0x7f)
            bt_buf_printf(b, "\\u%04x", c);
        else
            bt_buf_add(b, z, 1);
    }
    bt_buf_puts(b, "\"");
}

static void words(struct bt_buf *b, const struct bt_strs *v)
{
    bt_buf_puts(b, "[");
    for (size_t i = 0; i < v->n; i++) {
        bt_buf_puts(b, i ? ", " : "");
        text(b, v->v[i]);
    }
    bt_buf_puts(b, "]\n");
}

static const char *upper(struct bt_arena *a, const char *name)
{
    char *z = bt_arena_printf(a, "%s", name);
    for (char *p = z; *p; p++)
        *p = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
    return z;
}

/* An image can be named by the user: ${VLLM_IMAGE:-...}; that of a plain command must be. */
static void put_image(struct bt_arena *a, struct bt_buf *b, const struct bt_ex_item *it)
{
    for (size_t i = 0; i < BT_LEN(images); i++)
        if (!strcmp(images[i].engine, it->pf->engine)) {
            bool tag = images[i].tagged && it->pf->engine_version && it->pf->engine_version[0];
            bt_buf_printf(b, "    image: \"${%s_IMAGE:-%s%s%s}\"\n", upper(a, it->pf->engine), images[i].image, tag ? ":v" : "",
                          tag ? it->pf->engine_version : "");
            return;
        }
    bt_buf_printf(b, "    image: \"${%s_IMAGE:?the image that %s runs in}\"\n", upper(a, it->pf->workload), it->pf->workload);
}

static void put_health(struct bt_arena *a, struct bt_buf *b, const struct bt_ex_item *it)
{
    const char *path = it->pf->ready_arg ? it->pf->ready_arg : "/", *with = "python3";
    for (size_t i = 0; i < BT_LEN(images); i++)
        with = !strcmp(images[i].engine, it->pf->engine) ? images[i].check : with;
    struct bt_strs test = { 0 };
    const char *w[5] = { "CMD", with };
    size_t n = 2;
    if (it->pf->ready == BT_PF_READY_HTTP && !strcmp(with, "curl")) {
        w[n++] = "-fsS";
        w[n++] = bt_arena_printf(a, "http://127.0.0.1:%u%s", it->port, path);
    } else if (it->pf->ready == BT_PF_READY_HTTP) {
        w[n++] = "-c";
        w[n++] = bt_arena_printf(a, "import urllib.request as u; u.urlopen('http://127.0.0.1:%u%s', timeout=10)", it->port, path);
    } else if (it->pf->ready == BT_PF_READY_PORT) {
        w[1] = "python3";
        w[n++] = "-c";
        w[n++] = bt_arena_printf(a, "import socket; socket.create_connection(('127.0.0.1', %u), 10)", it->port);
    } else if (it->pf->ready == BT_PF_READY_FILE) {
        w[1] = "test";
        w[n++] = "-e";
        w[n++] = path;
    } else {
        return;
    }
    for (size_t i = 0; i < n; i++)
        BT_PUSH(a, test.v, test.n, w[i]);
    bt_buf_puts(b, "    healthcheck:\n      test: ");
    words(b, &test);
    bt_buf_puts(b, "      interval: 5s\n      timeout: 15s\n      retries: 720\n");
}

static bool can_be_asked(const struct bt_ex_item *it)
{
    return it->pf->ready == BT_PF_READY_HTTP || it->pf->ready == BT_PF_READY_PORT || it->pf->ready == BT_PF_READY_FILE;
}

static const char *service(struct bt_arena *a, const struct bt_ex *x, const struct bt_ex_item *it)
{
    for (size_t i = 0; i < x->n; i++) /* an instance of two phases is two services where its command differs; named by phase then */
        if (&x->item[i] != it && !strcmp(x->item[i].pf->id, it->pf->id))
            return bt_arena_printf(a, "%s-%s", it->pf->id, it->phase);
    return it->pf->id;
}

static void put_after(struct bt_arena *a, struct bt_buf *b, const struct bt_ex *x, const struct bt_ex_item *it)
{
    if (!it->nafter)
        return;
    bt_buf_puts(b, "    depends_on:\n");
    for (size_t i = 0; i < it->nafter; i++) {
        const struct bt_ex_item *to = &x->item[it->after[i].item];
        const char *condition = it->after[i].what == BT_EX_DONE                        ? "service_completed_successfully"
                                : it->after[i].what == BT_EX_READY && can_be_asked(to) ? "service_healthy"
                                                                                       : "service_started";
        bt_buf_printf(b, "      %s: {condition: %s}%s\n", service(a, x, to), condition,
                      it->after[i].turn                                       ? "    # on the same card: one start at a time"
                      : it->after[i].what == BT_EX_READY && !can_be_asked(to) ? "    # compose cannot see that it is ready"
                                                                              : "");
    }
}

/* The tasks of a slot, each tried $0 times more, until one fails; asked to end, the shell asks the one that runs. */
static const char one_by_one[] = "trap 'kill -TERM $! 2>/dev/null; wait $!; exit 143' TERM\n"
                                 "for t; do i=0; until eval \"exec $t\" & wait $!; do [ $((i += 1)) -le \"$0\" ] || exit 1; done; done";

static void put_command(struct bt_arena *a, struct bt_buf *b, const struct bt_ex_item *it)
{
    if (it->nrun == 1) {
        const char *slash = it->engine ? strrchr(it->run[0].v[0], '/') : NULL; /* in the image it is found by its name */
        const char *first[] = { slash ? slash + 1 : it->run[0].v[0], it->run[0].n > 1 ? it->run[0].v[1] : "" };
        struct bt_strs program = { first, 1 }, rest = { it->run[0].v + 1, it->run[0].n - 1 };
        bool two = it->engine && rest.n && !strcmp(rest.v[0], "serve"); /* "vllm serve" */
        program.n += two;
        rest.v += two;
        rest.n -= two;
        bt_buf_puts(b, "    entrypoint: ");
        words(b, &program);
        bt_buf_puts(b, "    command: ");
        words(b, &rest);
        return;
    }
    struct bt_strs rest = { 0 };
    for (size_t t = 0; t < it->nrun; t++) {          /* a word each: one word of them all may be more than the kernel takes */
        bt_auto_buf struct bt_buf line = BT_BUF(BT_EXPORT_MAX);
        for (size_t w = 0; w < it->run[t].n; w++) {
            bt_buf_puts(&line, w ? " " : "");
            bt_ex_shell_word(&line, it->run[t].v[w]);
        }
        BT_PUSH(a, rest.v, rest.n, bt_arena_strdup(a, bt_buf_z(&line)));
    }
    bt_buf_puts(b, "    entrypoint: ");
    const char *shell[] = { "/bin/sh", "-c", one_by_one, bt_arena_printf(a, "%u", it->pf->retries) };
    words(b, &(struct bt_strs){ shell, BT_LEN(shell) });
    bt_buf_puts(b, "    command: ");
    words(b, &rest);
}

/* A container numbers its cards from 0, in their own order, whatever order they are asked for in: "3,1" is "1,0" there. */
static const char *numbered_anew(struct bt_arena *a, const char *devices)
{
    unsigned long card[MAX_CARDS];
    size_t n = 0;
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    for (const char *p = devices; *p && n < MAX_CARDS; p += strcspn(p, ","), p += *p == ',')
        card[n++] = strtoul(p, NULL, 10);
    for (size_t i = 0; i < n; i++) {
        size_t before = 0;
        for (size_t k = 0; k < n; k++)
            before += card[k] < card[i];
        bt_buf_printf(&b, "%s%zu", i ? "," : "", before);
    }
    return bt_arena_strdup(a, bt_buf_z(&b));
}

static void put_env(struct bt_arena *a, struct bt_buf *b, const struct bt_ex *x, const struct bt_ex_item *it)
{
    bt_buf_puts(b, "    environment:\n");
    for (size_t i = 0; i < it->nenv; i++) {
        bool cards = !strcmp(it->env[i].key, "CUDA_VISIBLE_DEVICES") && !x->plan->live && it->devices[0];
        bt_buf_printf(b, "      %s: ", it->env[i].key);
        text(b, cards ? numbered_anew(a, it->devices) : it->env[i].value);
        bt_buf_puts(b, "\n");
    }
    for (size_t i = 0; i < it->pf->env_from.n; i++)
        bt_buf_printf(b, "      %s:                # from your environment, never written down\n", it->pf->env_from.v[i]);
}

static void put_cards(struct bt_buf *b, const struct bt_ex_item *it)
{
    if (!it->devices[0])
        return;
    bt_buf_puts(b, "    deploy: {resources: {reservations: {devices: [{driver: nvidia, capabilities: [gpu], device_ids: [");
    for (struct bt_str rest = bt_str(it->devices), one; rest.n;) {
        bool first = rest.p == it->devices;
        rest = bt_str_cut(rest, ',', &one);
        bt_buf_printf(b, "%s\"%.*s\"", first ? "" : ", ", BT_STR(one));
    }
    bt_buf_puts(b, "]}]}}}\n");
}

static void put_service(struct bt_arena *a, struct bt_buf *b, const struct bt_ex *x, const struct bt_ex_item *it)
{
    const struct bt_pf_instance *pf = it->pf;
    bt_buf_printf(b, "  %s:\n", service(a, x, it));
    put_image(a, b, it);
    put_command(a, b, it);
    bt_buf_puts(b, "    network_mode: host\n    ipc: host\n");
    if (x->plan->nphases > 1)
        bt_buf_printf(b, "    profiles: [\"%s\"]\n", it->phase);
    put_env(a, b, x, it);
    put_cards(b, it);
    bt_buf_puts(b, "    volumes:\n");
    if (it->engine)
        bt_buf_puts(b, "      - \"${HF_HOME:-~/.cache/huggingface}:/root/.cache/huggingface\"\n");
    bt_buf_puts(b, "      - {type: bind, source: ");
    text(b, pf->cwd ? pf->cwd : "/");
    bt_buf_puts(b, ", target: ");
    text(b, pf->cwd ? pf->cwd : "/");
    bt_buf_puts(b, "}\n    working_dir: ");
    text(b, pf->cwd ? pf->cwd : "/");
    bt_buf_puts(b, "\n");
    put_health(a, b, it);
    put_after(a, b, x, it);
    bool again = !it->job && strcmp(pf->restart, "never");
    if (it->job && pf->retries && it->nrun == 1)
        bt_buf_printf(b, "    restart: \"on-failure:%u\"\n", pf->retries);
    else if (again && !strcmp(pf->restart, "always"))
        bt_buf_puts(b, "    restart: always\n");
    else
        again ? bt_buf_printf(b, "    restart: \"on-failure:%u\"\n", pf->restart_max) : bt_buf_puts(b, "    restart: \"no\"\n");
    bt_buf_printf(b, "    stop_grace_period: %llus\n", (unsigned long long)bt_ceil_div(pf->stop_grace_ms, 1000));
}

void bt_export_compose(struct bt_arena *a, const struct bt_ex *x, struct bt_export_file **out, size_t *n)
{
    bt_auto_buf struct bt_buf b = BT_BUF(BT_EXPORT_MAX);
    bt_buf_printf(&b, "# %s: made by `berth export compose` (berth %s). It listens on 127.0.0.1, as the plan says.\n", x->plan->name, BERTH_VERSION);
    if (!x->plan->live && x->plan->ngpus)
        bt_buf_puts(&b, "# The plan was made for a named fleet: cards are meant by their index.\n");
    if (x->plan->nphases > 1)
        bt_buf_printf(&b, "# Phases are profiles: `docker compose --profile %s up`, then `down` before the next one%s.\n", x->plan->phase[0].name,
                      x->one_of_several ? ", which begins when this one is over on the other machines too" : "");
    bt_buf_printf(&b, "name: \"%s\"\nservices:\n", x->plan->name);
    for (size_t i = 0; i < x->n; i++)
        if (x->item[i].nrun)
            put_service(a, &b, x, &x->item[i]);
    bt_ex_file(a, "compose.yaml", &b, false, out, n);
}
