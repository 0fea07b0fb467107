/* main.c - `vllm serve` as far as its supervisor can see: command line, config checks that end in seconds, port bound before the
 * engine starts, EngineCore and workers as processes, SIGTERM that is lost while loading. */
#include "sim/engine/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct se engine;
static volatile sig_atomic_t terms;  /* signals seen while loading */
static pid_t core_pid;

static void on_early_term(int sig)
{
    (void)sig;
    terms++;
}

static int usage_error(const char *msg)
{
    fprintf(stderr, "usage: vllm serve [model_tag] [options]\nvllm: error: %s\n", msg);
    return 2;
}

static int config_error(const char *fmt, ...) BT_PRINTF(1, 2);
static int config_error(const char *fmt, ...)
{
    char msg[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    fprintf(
        stderr,
        "Traceback (most recent call last):\npydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n  Value error, %s\n",
        msg);
    return 1;
}

/* The card that rank 0 will use, asked in a child: this process must not touch CUDA before it forks. */
struct card { int count; uint64_t total; char name[128]; };
static struct card card_of_rank0(void)
{
    struct card c = { .count = -1 };
    int p[2];
    if (pipe(p) < 0)
        return c;
    pid_t pid = fork();
    if (pid == 0) {
        c.count = se_cuda_count();
        if (c.count > 0)
            se_cuda_device(0, &c.total, c.name, sizeof c.name);
        _exit(write(p[1], &c, sizeof c) == sizeof c ? 0 : 1);
    }
    close(p[1]);
    if (pid < 0 || read(p[0], &c, sizeof c) != sizeof c)
        c.count = -1;
    close(p[0]);
    waitpid(pid, NULL, 0);
    return c;
}

static const char *version_beside(struct bt_arena *a, const char *argv0)
{
    const char *fixed = getenv("BERTH_SIM_ENGINE_VERSION");
    const char *self = bt_path_search(a, getenv("PATH"), argv0);
    struct bt_str text;
    struct bt_err err = { 0 };
    if (fixed && *fixed)
        return fixed;
    if (self && bt_file_read(a, bt_arena_printf(a, "%s.version", self), 64, &text, &err) == 0)
        return bt_arena_strndup(a, bt_str_trim(text));
    return "0.32.0";
}

static uint64_t derived_context(const struct bt_model *m)
{
    return (uint64_t)((double)m->max_position * (m->rope_factor > 1 ? m->rope_factor : 1));
}

/* rank.c shards these and no others. */
static bool can_simulate(const struct bt_model *m)
{
    bool plain = m->ntensors > 0;
    for (uint32_t l = 0; l < m->layers && plain; l++)
        plain = m->layer[l].mixer == BT_MIX_FULL && !m->layer[l].moe && !m->layer[l].state;
    return plain;
}

static int check_config(struct se *e, const struct card *c, bool context_given)
{
    const struct bt_model *m = e->model;
    struct bt_serve *s = &e->s;
    struct bt_shape shape = { m->heads, m->kv_heads, m->layers, m->hidden, m->intermediate, m->vocab, m->architecture };
    struct bt_refusal why;
    if (m->heads % s->tp)
        return config_error("Total number of attention heads (%u) must be divisible by tensor parallel size (%llu).", m->heads,
                            (unsigned long long)s->tp);
    uint64_t derived = derived_context(m);
    if (context_given && s->context > derived)
        return config_error("User-specified max_model_len (%llu) is greater than the derived max_model_len (max_position_embeddings=%u.0 or "
                            "model_max_length=None in model's "
                            "config.json).",
                            (unsigned long long)s->context, m->max_position);
    if (c->count < 0)
        return fprintf(stderr, "RuntimeError: Failed to infer device type, please set the environment variable `VLLM_LOGGING_LEVEL=DEBUG` to turn on "
                               "verbose logging to help debug "
                               "the issue.\n"),
               1;
    if (s->tp * s->pp > (uint64_t)c->count)
        return config_error(
            "World size (%llu) is larger than the number of available GPUs (%d) in this node. If this is intentional and you are using: ray, set "
            "'--distributed-executor-backend ray'.",
            (unsigned long long)(s->tp * s->pp), c->count);
    if (!bt_engine_shape_ok(bt_engine_find("vllm"), &shape, s->tp, s->pp, &why)) {
        fprintf(stderr, "AssertionError: %s\n", why.text);
        return 1;
    }
    return 0;
}

static int bind_port(const struct bt_serve *s)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(s->port ? s->port : 8000)) };
    if (inet_pton(AF_INET, s->host ? s->host : "0.0.0.0", &at.sin_addr) != 1)
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0) {
        fprintf(stderr, "OSError: [Errno %d] %s\n", errno, strerror(errno));
        return -1;
    }
    return fd;
}

/* Wait for EngineCore's word. A first SIGTERM is swallowed here, as in the real one (zmq_socket_ctx); a second one ends us by SIGINT. */
static int wait_for_core(int fd, struct se_ready *ready)
{
    for (size_t got = 0; got < sizeof *ready;) {
        ssize_t n = read(fd, (char *)ready + got, sizeof *ready - got);
        if (n < 0 && errno == EINTR) {
            if (terms < 2)
                continue;
            kill(core_pid, SIGKILL);
            fputs("KeyboardInterrupt: terminated\n", stderr);
            signal(SIGINT, SIG_DFL);
            raise(SIGINT);
        }
        if (n <= 0) {
            fputs("RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': 1}\n", stderr);
            return 1;
        }
        got += (size_t)n;
    }
    return 0;
}

static void args_line(struct se *e, int argc, char **argv)
{
    struct bt_buf b = BT_BUF(8 * KiB);
    bt_buf_puts(&b, "{");
    for (int i = 0; i < argc; i++)
        bt_buf_printf(&b, "%s'%s'", i ? ", " : "", argv[i]);
    bt_buf_puts(&b, "}");
    e->args_line = bt_arena_strdup(&e->arena, bt_buf_z(&b));
    bt_buf_release(&b);
}

static int read_flags(struct se *e, const struct bt_engine *vllm, int argc, char **argv)
{
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    if (argc < 2 || strcmp(argv[1], "serve"))
        return usage_error("argument subparser: expected: serve MODEL");
    bt_opt_defaults(vllm->flags, &e->arena, &e->s);
    if (bt_opt_argv(vllm->flags, &e->arena, argc - 2, argv + 2, &e->s, &rest, NULL, &err) < 0)
        return usage_error(bt_arena_printf(&e->arena, "unrecognized arguments: %s", err.msg));
    if (rest.n > 1 || (!rest.n && !e->s.model))
        return usage_error(rest.n > 1 ? "unrecognized arguments" : "the following arguments are required: model_tag");
    e->model_arg = rest.n ? rest.v[0] : e->s.model;
    args_line(e, argc - 2, argv + 2);
    return 0;
}

/* argv copied into the arena; its own room is where the process titles go. */
static char **take_argv(struct se *e, int argc, char **argv)
{
    char *end = argc ? argv[argc - 1] + strlen(argv[argc - 1]) : argv[0];
    const char **copy = BT_NEWN(&e->arena, const char *, (size_t)argc);
    for (int i = 0; i < argc; i++)
        copy[i] = bt_arena_strdup(&e->arena, argv[i]);
    e->argv0 = argv;
    e->argv0_len = (size_t)(end - argv[0]);
    return (char **)(uintptr_t)copy;
}

/* Model and flags to what runs, and the checks that vLLM makes before it starts a process. 0, or the exit code. */
static int resolve(struct se *e, const struct bt_engine *vllm)
{
    struct bt_err err = { 0 };
    struct bt_model *m;
    if (bt_model_open(&e->arena, e->model_arg, &m, &err) < 0)
        return config_error("%s", err.msg);
    e->model = m;
    if (!can_simulate(m))
        return config_error("berth-sim-engine cannot simulate %s: only dense models with full attention in every layer, yet", m->architecture);
    se_info("model.py:733", "Resolved architecture: %s", m->architecture);
    struct card card = card_of_rank0();
    bool context_given = e->s.context > 0;
    struct bt_engine_device device = { .total_bytes = card.total, .name = card.name };
    e->s.tp = e->s.tp ? e->s.tp : 1;
    e->s.pp = e->s.pp ? e->s.pp : 1;
    bt_engine_resolve(vllm, e->row, &device, derived_context(m), &e->s);
    e->s.served_name = e->s.served_name ? e->s.served_name : e->model_arg;
    int rc = check_config(e, &card, context_given);
    if (rc)
        return rc;
    se_info("model.py:2152", "Using max model len %llu", (unsigned long long)e->s.context);
    se_info("scheduler.py:231", "Chunked prefill is enabled with max_num_batched_tokens=%llu.", (unsigned long long)e->s.max_batched_tokens);
    return 0;
}

/* EngineCore as a child, then the API server here until it is stopped. */
static int serve(struct se *e)
{
    int listener = bind_port(&e->s);
    int p[2];
    if (listener < 0 || pipe(p) < 0)
        return 1;
    core_pid = fork();
    if (core_pid == 0) {
        close(p[0]);
        close(listener);
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);    /* as the real one while it is being built: only a flag */
        se_core_run(e, p[1]);
    }
    close(p[1]);
    struct se_ready ready;
    if (core_pid < 0 || wait_for_core(p[0], &ready))
        return 1;
    se_info("entry.py:140", "Supported tasks: ['generate']");
    se_info("entry.py:140", "Starting vLLM server on http://%s:%llu", e->s.host ? e->s.host : "0.0.0.0", (unsigned long long)e->s.port);
    int rc = se_http_run(e, &ready, listener, core_pid, p[0]);
    waitpid(core_pid, NULL, 0);
    return rc;
}

int main(int argc, char **argv)
{
    struct se *e = &engine;
    const struct bt_engine *vllm = bt_engine_find("vllm");
    struct bt_err err = { 0 };
    bool exact;
    char **args = take_argv(e, argc, argv);
    const char *speed = getenv("BERTH_SIM_SPEED"), *overrun = getenv("BERTH_SIM_OVERRUN");
    e->speed = speed && atof(speed) > 0 ? atof(speed) : 1;
    if (overrun && bt_bytes_parse(bt_str(overrun), &e->misbehave_bytes, &err) < 0)
        return usage_error(err.msg);
    e->version = version_beside(&e->arena, args[0]);
    if (argc > 1 && !strcmp(args[1], "--version"))
        return printf("%s\n", e->version), 0;
    se_nap(e, 1.2);                  /* python imports; a SIGTERM here ends us at once: no handler yet */
    int rc = read_flags(e, vllm, argc, args);
    if (rc)
        return rc;
    e->row = bt_engine_version(vllm, e->version, &exact, &err);
    if (!e->row)
        return usage_error(err.msg);
    struct sigaction sa = { .sa_handler = on_early_term };           /* no SA_RESTART: read() must return */
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    se_info("api_utils.py:347",
            "vLLM server version %s, serving model %s (berth-sim-engine: SIMULATED, no weights are read and every answer is made up)", e->version,
            e->model_arg);
    se_info("api_utils.py:286", "non-default args: %s", e->args_line);
    rc = resolve(e, vllm);
    return rc ? rc : serve(e);
}
