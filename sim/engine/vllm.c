/* vllm.c - `vllm serve` as far as its supervisor can see: command line, config checks that end in seconds, the port bound before anything is loaded,
 * EngineCore and workers as processes, a SIGTERM that is lost while loading. */
#include "sim/engine/rank.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

static volatile sig_atomic_t terms;  /* signals seen before ready */
static struct se_cores cores;
static pid_t tracker_pid;

static void on_early_term(int sig)
{
    (void)sig;
    terms++;
}

/* ---- refusals, in vLLM's words ---- */

static int usage_error(const char *msg)
{
    fprintf(stderr, "usage: vllm [-h] [-v]\n            ...\nvllm: error: %s\n", msg);
    return 2;
}

static int config_error(const char *class, const char *fmt, ...) BT_PRINTF(2, 3);
static int config_error(const char *class, const char *fmt, ...)
{
    char msg[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    fprintf(stderr,
            "Traceback (most recent call last):\npydantic_core._pydantic_core.ValidationError: 1 validation error for %s\n  Value error, %s "
            "[type=value_error, input_value=ArgsKwargs((), {'model': ...}), input_type=ArgsKwargs]\n    For further information visit "
            "https://errors.pydantic.dev/2.14/v/value_error\n",
            class, msg);
    return 1;
}

static int plain_error(const char *text)
{
    fprintf(stderr, "Traceback (most recent call last):\n%s\n", text);
    return 1;
}

static uint64_t derived_context(const struct bt_model *m)
{
    return (uint64_t)((double)m->max_position * (m->rope_factor > 1 ? m->rope_factor : 1));
}

static int check_config(struct se *e, const struct se_card *c, bool context_given)
{
    const struct bt_model *m = e->model;
    struct bt_serve *s = &e->s;
    struct bt_shape shape = { m->heads, m->kv_heads, m->layers, m->hidden, m->intermediate, m->vocab, m->architecture };
    struct bt_refusal why;
    uint64_t derived = derived_context(m);
    const char *long_ok = getenv("VLLM_ALLOW_LONG_MAX_MODEL_LEN");
    if (context_given && s->context > derived && !(long_ok && !strcmp(long_ok, "1")))
        return config_error("ModelConfig",
                            "User-specified max_model_len (%llu) is greater than the derived max_model_len (max_position_embeddings=%u.0 or "
                            "model_max_length=None in model's "
                            "config.json). To allow overriding this maximum, set the env var VLLM_ALLOW_LONG_MAX_MODEL_LEN=1.",
                            (unsigned long long)s->context, m->max_position);
    se_info("model.py:2152", "Using max model len %llu", (unsigned long long)s->context);
    if (m->heads % s->tp)
        return config_error("VllmConfig", "Total number of attention heads (%u) must be divisible by tensor parallel size (%llu).", m->heads,
                            (unsigned long long)s->tp);
    if (c->count < 0)
        return plain_error("RuntimeError: Failed to infer device type, please set the environment variable `VLLM_LOGGING_LEVEL=DEBUG` to turn on "
                           "verbose logging to help debug the issue.");
    if (s->dp > SE_ENGINES)
        return config_error("ParallelConfig", "berth-sim-engine has %d engines behind one front at most, not %llu", SE_ENGINES, (unsigned long long)s->dp);
    if (s->tp * s->pp * BT_MAX(s->dp, 1u) > (uint64_t)c->count)
        return config_error(
            "ParallelConfig",
            "World size (%llu) is larger than the number of available GPUs (%d) in this node. If this is intentional and you are using:\n- ray, set "
            "'--distributed-executor-backend ray'.\n- multiprocessing, set '--nnodes' appropriately.",
            (unsigned long long)(s->tp * s->pp * BT_MAX(s->dp, 1u)), c->count);
    uint64_t cut = 0;
    for (uint64_t i = 0; i < s->ncut; i++)
        cut += s->cut[i];
    if (s->cut && s->pp > 1 && s->ncut != s->pp)
        return plain_error(bt_arena_printf(&e->arena, "ValueError: len(partitions)=%llu does not match pp_size=%llu.", (unsigned long long)s->ncut,
                                           (unsigned long long)s->pp));
    if (s->cut && s->pp > 1 && cut != m->layers)
        return plain_error(bt_arena_printf(&e->arena, "ValueError: sum(partitions)=%llu does not match num_hidden_layers=%u.", (unsigned long long)cut,
                                           m->layers));
    if (!bt_engine_shape_ok(bt_engine_find("vllm"), &shape, s->tp, s->pp, &why))
        return plain_error(bt_arena_printf(&e->arena, "AssertionError: %s", why.text));
    return 0;
}

/* ---- command line ---- */

enum arity { FLAG, VALUE };
static const struct more_flag { const char *name; enum arity arity; size_t off;
} more_flags[] = {
#define MORE(f) offsetof(struct se_more, f)
    { "enable-sleep-mode", FLAG, MORE(sleep_mode) },
    { "disable-hybrid-kv-cache-manager", FLAG, MORE(hybrid_off) },
    { "language-model-only", FLAG, MORE(text_only) },
    { "skip-mm-profiling", FLAG, MORE(no_mm_profile) },
    { "api-key", VALUE, MORE(api_key) },
    { "mamba-ssm-cache-dtype", VALUE, MORE(ssm_dtype) },
};
static const struct { const char *name; size_t off; } more_numbers[] = {
    { "shutdown-timeout", MORE(shutdown_timeout) }, { "decode-context-parallel-size", MORE(dcp) }, { "num-gpu-blocks-override", MORE(blocks) },
};
/* Taken and without effect here. */
static const struct { const char *name; enum arity arity;
} ignored[] = {
    { "swap-space", VALUE },
    { "seed", VALUE },
    { "tokenizer", VALUE },
    { "tokenizer-mode", VALUE },
    { "load-format", VALUE },
    { "chat-template", VALUE },
    { "enable-auto-tool-choice", FLAG },
    { "tool-call-parser", VALUE },
    { "reasoning-parser", VALUE },
    { "enable-chunked-prefill", FLAG },
    { "no-enable-chunked-prefill", FLAG },
    { "async-scheduling", FLAG },
    { "no-async-scheduling", FLAG },
    { "limit-mm-per-prompt", VALUE },
    { "mm-processor-kwargs", VALUE },
    { "mm-encoder-tp-mode", VALUE },
    { "generation-config", VALUE },
    { "uvicorn-log-level", VALUE },
    { "disable-log-requests", FLAG },
    { "enable-log-requests", FLAG },
    { "disable-log-stats", FLAG },
    { "max-log-len", VALUE },
    { "root-path", VALUE },
    { "distributed-executor-backend", VALUE },
    { "disable-custom-all-reduce", FLAG },
    { "compilation-config", VALUE },
    { "O", VALUE },
    { "task", VALUE },
    { "runner", VALUE },
    { "convert", VALUE },
    { "enable-prompt-tokens-details", FLAG },
    { "enable-force-include-usage", FLAG },
    { "safetensors-load-strategy", VALUE },
    { "mamba-cache-dtype", VALUE },
    { "attention-backend", VALUE },
    { "structured-outputs-config", VALUE },
    { "default-chat-template-kwargs", VALUE },
    { "override-generation-config", VALUE },
    { "no-enable-log-requests", FLAG },
    { "disable-uvicorn-access-log", FLAG },
    { "hf-overrides", VALUE },
    { "model-loader-extra-config", VALUE },
    { "performance-mode", VALUE },
};

static bool is_flag(const char *word, const char *name, const char **value)
{
    if (strncmp(word, "--", 2) != 0)
        return false;
    for (word += 2; *name; word++, name++)
        if (!(*word == *name || (*word == '_' && *name == '-')))
            return false;
    *value = *word == '=' ? word + 1 : NULL;
    return !*word || *word == '=';
}

/* argv[i] is one of ours: how many words it took; 0: it is for the table of src/engine; -1: a value is missing. */
static int take_more(struct se *e, int argc, char **argv, int i)
{
    const char *value;
    for (size_t k = 0; k < BT_LEN(more_flags); k++) {
        const struct more_flag *f = &more_flags[k];
        if (!is_flag(argv[i], f->name, &value))
            continue;
        if (f->arity == FLAG) {
            *(bool *)((char *)&e->more + f->off) = true;
            return 1;
        }
        *(const char **)((char *)&e->more + f->off) = value ? value : i + 1 < argc ? argv[i + 1] : NULL;
        return value ? 1 : i + 1 < argc ? 2 : -1;
    }
    for (size_t k = 0; k < BT_LEN(more_numbers); k++)
        if (is_flag(argv[i], more_numbers[k].name, &value)) {
            const char *text = value ? value : i + 1 < argc ? argv[i + 1] : "";
            *(uint64_t *)((char *)&e->more + more_numbers[k].off) = strtoull(text, NULL, 10);
            return value ? 1 : i + 1 < argc ? 2 : -1;
        }
    if (is_flag(argv[i], "speculative-config", &value)) {
        const char *text = value ? value : i + 1 < argc ? argv[i + 1] : "", *at = strstr(text, "\"num_speculative_tokens\"");
        at = at ? strchr(at, ':') : NULL;
        e->more.spec_tokens = at ? BT_MIN(strtoull(at + 1, NULL, 10), 64ull) : 0;
        return value ? 1 : i + 1 < argc ? 2 : -1;
    }
    for (size_t k = 0; k < BT_LEN(ignored); k++)
        if (is_flag(argv[i], ignored[k].name, &value))
            return value || ignored[k].arity == FLAG ? 1 : i + 1 < argc ? 2 : -1;
    return 0;
}

/* "--max-model-len 256 --enable-lora" as {'max_model_len': 256, 'enable_lora': True}. */
static void args_line(struct se *e, int argc, char **argv)
{
    bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
    bt_buf_puts(&b, "{");
    for (int i = 0; i < argc; i++) {
        bool flag = !strncmp(argv[i], "--", 2);
        const char *name = flag ? argv[i] + 2 : "model_tag", *is = flag ? strchr(name, '=') : NULL, *value = is ? is + 1 : flag ? NULL : argv[i];
        if (flag && !is && i + 1 < argc && argv[i + 1][0] != '-')
            value = argv[++i];
        bt_buf_printf(&b, "%s'", b.n > 1 ? ", " : "");
        for (const char *c = name; *c && *c != '='; c++)
            bt_buf_printf(&b, "%c", *c == '-' ? '_' : *c);
        bool number = value && *value && strspn(value, "0123456789.") == strlen(value) && strchr(value, '.') == strrchr(value, '.');
        bt_buf_printf(&b, !value ? "': True" : number ? "': %s" : "': '%s'", value);
    }
    bt_buf_puts(&b, "}");
    e->args_line = bt_arena_strdup(&e->arena, bt_buf_z(&b));
}

static bool switched_on(const char *name)
{
    const char *z = getenv(name);
    return z && (!strcmp(z, "1") || !strcasecmp(z, "true"));
}

static int read_flags(struct se *e, const struct bt_engine *vllm, int argc, char **argv)
{
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    char **words = BT_NEWN(&e->arena, char *, (size_t)argc + 1);
    int n = 0;
    if (argc < 2 || strcmp(argv[1], "serve"))
        return usage_error("argument subparser: expected: serve MODEL");
    for (int i = 2; i < argc;) {
        int took = take_more(e, argc, argv, i);
        if (took < 0)
            return usage_error(bt_arena_printf(&e->arena, "argument %s: expected one argument", argv[i]));
        if (!took)
            words[n++] = argv[i++];
        i += took;
    }
    bt_opt_defaults(vllm->flags, &e->arena, &e->s);
    if (bt_opt_argv(vllm->flags, &e->arena, n, words, &e->s, &rest, NULL, &err) < 0)
        return usage_error(bt_arena_printf(&e->arena, "unrecognized arguments: %s", err.msg));
    if (rest.n > 1 || (!rest.n && !e->s.model))
        return usage_error(rest.n > 1 ? "unrecognized arguments" : "the following arguments are required: model_tag");
    const char *cut = getenv("VLLM_PP_LAYER_PARTITION");
    if (cut && !bt_engine_cut_parse(&e->arena, cut, &e->s))
        return plain_error(bt_arena_printf(&e->arena, "ValueError: Invalid partition string: partition_list_str='%s'", cut));
    e->model_arg = rest.n ? rest.v[0] : e->s.model;
    e->more.dev_mode = switched_on("VLLM_SERVER_DEV_MODE");
    e->more.runtime_lora = switched_on("VLLM_ALLOW_RUNTIME_LORA_UPDATING");
    args_line(e, argc - 2, argv + 2);
    return 0;
}

/* ---- the model ---- */

static int open_model(struct se *e)
{
    struct bt_err err = { 0 };
    struct bt_model *m;
    if (bt_model_open_revision(&e->arena, e->model_arg, e->s.revision, &m, &err) == 0) {
        e->model = m;
        return 0;
    }
    bool path = e->model_arg[0] == '.' || e->model_arg[0] == '/';
    if (path && access(e->model_arg, F_OK) < 0)
        return plain_error(
            bt_arena_printf(&e->arena,
                            "huggingface_hub.errors.HFValidationError: Repo id must use alphanumeric chars, '-', '_' or '.'. The name cannot "
                            "start or end with '-' or '.' and the maximum length is 96: '%s'.",
                            e->model_arg));
    if (path && access(bt_arena_printf(&e->arena, "%s/config.json", e->model_arg), F_OK) < 0)
        return config_error("ModelConfig", "Invalid repository ID or local directory specified: '%s'.", e->model_arg);
    if (err.code == BT_E_NOT_FOUND)
        return plain_error(bt_arena_printf(
            &e->arena,
            "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder for the specified revision on the "
            "local disk and outgoing traffic has been disabled. (%s)",
            err.msg));
    return config_error("ModelConfig", "%s", err.msg);
}

/* The row as it holds for this model: for some classes the other model runner, which profiles and counts differently. */
static void settle_runner(struct se *e)
{
    struct bt_engine_version *row = BT_NEW(&e->arena, struct bt_engine_version);
    const struct bt_model *m = e->model;
    bool dense = !m->pooling, v2;
    *row = *e->row;
    for (uint32_t i = 0; i < m->layers; i++)
        dense = dense && !m->layer[i].moe && !m->layer[i].state;
    const char *at = row->v2_for ? strstr(row->v2_for, m->architecture) : NULL;
    size_t n = strlen(m->architecture);
    bool named = at && (at == row->v2_for || at[-1] == ' ') && (!at[n] || at[n] == ' ') && !(row->v2_plain_only && m->quantization);
    v2 = named || (row->runner == BT_RUNNER_V2 && (dense || !row->v2_dense_only));
    if (v2 && row->runner == BT_RUNNER_V1) {
        row->sampler_profiled = row->graphs_in_budget = false;
        row->sampler_buffers = true;
    } else if (!v2 && row->runner == BT_RUNNER_V2) {
        row->sampler_profiled = row->graphs_in_budget = true;
        row->sampler_buffers = false;
    }
    row->runner = v2 ? BT_RUNNER_V2 : BT_RUNNER_V1;
    e->row = row;
}

/* Model and flags to what runs, and the checks that vLLM makes before it starts a process. 0, or the exit code. */
static int resolve(struct se *e, const struct bt_engine *vllm)
{
    int rc = open_model(e);
    if (rc)
        return rc;
    const struct bt_model *m = e->model;
    if (!m->ntensors)
        return config_error("ModelConfig", "berth-sim-engine cannot simulate %s: %s", m->architecture,
                            m->tensors_why ? m->tensors_why : "its tensors are not known");
    if (!strncmp(m->architecture, "DeepseekV4", 10))
        return config_error("ModelConfig", "berth-sim-engine cannot simulate %s: it compresses its cache, by rules that were not read", m->architecture);
    se_info("model.py:733", "Resolved architecture: %s", m->architecture);
    settle_runner(e);
    struct se_card card = se_card_of_rank0();
    bool context_given = e->s.context > 0;
    struct bt_engine_device device = { .total_bytes = card.total, .name = card.name };
    e->s.tp = e->s.tp ? e->s.tp : 1;
    e->s.pp = e->s.pp ? e->s.pp : 1;
    bt_engine_resolve(vllm, e->row, &device, derived_context(m), &e->s);
    e->s.served_name = e->s.served_name ? e->s.served_name : e->model_arg;
    if ((rc = check_config(e, &card, context_given)))
        return rc;
    se_info("scheduler.py:231", "Chunked prefill is enabled with max_num_batched_tokens=%llu.", (unsigned long long)e->s.max_batched_tokens);
    if (e->s.eager)
        se_warning("vllm.py:1703", "Enforce eager set, disabling torch.compile, CUDAGraphs, and JIT kernel warmup. This is equivalent to setting "
                                   "-cc.mode=none -cc.cudagraph_mode=none "
                                   "and --kernel_config.enable_jit_warmup=False");
    struct bt_err err = { 0 };
    e->kv = BT_NEW(&e->arena, struct se_kv);
    if (se_kv_plan(e, e->kv, &err) < 0)
        return config_error("VllmConfig", "%s", err.msg);
    return 0;
}

/* ---- processes ---- */

/* Bound, not listening: that comes when it is ready. Two servers may get this far with one port. */
static int bind_port(const struct bt_serve *s)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(s->port ? s->port : 8000)) };
    if (inet_pton(AF_INET, s->host ? s->host : "0.0.0.0", &at.sin_addr) != 1)
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0) {
        fprintf(stderr, "Traceback (most recent call last):\nOSError: [Errno %d] %s\n", errno, strerror(errno));
        return -1;
    }
    return fd;
}

static bool all_gone(void)
{
    bool gone = true;
    for (size_t i = 0; i < cores.n; i++)
        gone = (waitpid(cores.v[i].pid, NULL, WNOHANG) != 0) && gone;        /* -1: taken before */
    return gone;
}

static void signal_cores(int sig)
{
    for (size_t i = 0; i < cores.n; i++)
        kill(cores.v[i].pid, sig);
}

/* SIGTERM to each EngineCore and a while for it, then SIGKILL. A further signal to us cuts that short, and the tree stays. */
static void end_cores(struct se *e, double seconds)
{
    signal_cores(SIGTERM);
    int before = terms;
    double until = se_clock() + seconds / e->speed;
    while (se_clock() < until && !all_gone()) {
        struct timespec t = { 0, 20 * 1000 * 1000 };
        if (terms > before) {
            signal(SIGTERM, SIG_DFL);
            raise(SIGTERM);
        }
        nanosleep(&t, NULL);
    }
    signal_cores(SIGKILL);
}

/* Dies as Python does of KeyboardInterrupt: by SIGINT. EngineCore, where there is one, gets a SIGTERM and five seconds. */
static _Noreturn void interrupted(struct se *e, bool quick)
{
    if (cores.n) {
        se_info("utils.py:628", "[shutdown] Process manager: send sigterm to process EngineCore");
        end_cores(e, quick ? 0.1 : 5);
    }
    fputs("Traceback (most recent call last):\nKeyboardInterrupt: terminated\n", stderr);
    signal(SIGINT, SIG_DFL);
    raise(SIGINT);
    _exit(130);
}

/* Wait for EngineCore's word. A first SIGTERM is swallowed here, as in the real one (zmq_socket_ctx). Before EngineCore has connected that leaves both
 * waiting for each other; later it is only forgotten. */
static int wait_for_core(struct se *e, size_t which, struct se_ready *ready)
{
    int fd = cores.v[which].fd;
    bool deaf = false, connected = false;
    char hi;
    for (;;) {
        union { struct se_ready ready; char hi; } got;
        ssize_t n = recv(fd, &got, sizeof got, 0);
        if (n < 0 && errno == EINTR) {
            if (terms >= 2)
                interrupted(e, false);
            deaf = deaf || !connected;
        } else if (n == sizeof hi) {
            connected = true;
            if (!deaf && send(fd, &(struct se_order){ .op = SE_HELLO }, sizeof(struct se_order), MSG_NOSIGNAL) < 0) { /* its end shows below */ }
        } else if (n == sizeof *ready) {
            *ready = got.ready;
            return 0;
        } else {
            while (terms == 1)       /* a signal to the whole group took the engine, and this process has forgotten its own */
                pause();
            if (terms >= 2)
                interrupted(e, false);
            struct se one = { .s = e->s, .dp_rank = (unsigned)which };
            fprintf(stderr, "Traceback (most recent call last):\nRuntimeError: Engine core initialization failed. See root cause above. Failed core "
                            "proc(s): {'%s': 1}\n",
                    se_core_name(&e->arena, &one));
            if (cores.n > 1)         /* the others are ended with it */
                end_cores(e, 5);
            return 1;
        }
    }
}

/* multiprocessing's resource tracker: ends when nobody holds its pipe any more, so after all others. */
static int start_tracker(struct se *e)
{
    int p[2];
    if (pipe(p) < 0)
        return -1;
    tracker_pid = fork();
    if (tracker_pid == 0) {
        char byte;
        close(p[1]);
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        se_title(e, "python3 -c from multiprocessing.resource_tracker import main;main(7)");
        prctl(PR_SET_NAME, "python3");
        while (read(p[0], &byte, 1) < 0 && errno == EINTR) { }
        se_nap(e, 0.2);
        _exit(0);
    }
    close(p[0]);
    return p[1];                     /* open in every child from here on */
}

static bool start_core(struct se *e, int listener, unsigned dp_rank)
{
    int sv[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < cores.n; i++)
            close(cores.v[i].fd);
        close(sv[0]);
        close(listener);
        e->dp_rank = dp_rank;
        se_core_run(e, sv[1]);
    }
    close(sv[1]);
    if (pid < 0)
        return false;
    cores.v[cores.n].pid = pid;
    cores.v[cores.n++].fd = sv[0];
    return true;
}

/* Tells engines behind one front whose turn it is; ends with the API server. */
static void start_coordinator(struct se *e, int listener)
{
    int p[2];
    if (pipe2(p, O_CLOEXEC) < 0)
        return;
    if (fork() == 0) {
        char byte;
        for (size_t i = 0; i < cores.n; i++)
            close(cores.v[i].fd);
        close(p[1]);
        close(listener);
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_DFL);
        se_title(e, "VLLM::DP_Coordinator");
        while (read(p[0], &byte, 1) < 0 && errno == EINTR) { }
        _exit(0);
    }
    close(p[0]);                     /* p[1] stays open: its end is ours */
}

/* EngineCore as a child, or one for each engine; then the API server here until it is stopped. */
static int serve(struct se *e, int listener)
{
    struct se_ready ready = { 0 }, one;
    unsigned engines = (unsigned)BT_MAX(e->s.dp, 1u);
    if (start_tracker(e) < 0)
        return plain_error(bt_arena_printf(&e->arena, "OSError: %s", strerror(errno)));
    for (unsigned i = 0; i < engines; i++)
        if (!start_core(e, listener, i)) {
            signal_cores(SIGKILL);
            return plain_error(bt_arena_printf(&e->arena, "OSError: %s", strerror(errno)));
        }
    if (engines > 1)
        start_coordinator(e, listener);
    for (unsigned i = 0; i < engines; i++) {
        if (wait_for_core(e, i, &one))
            return 1;
        if (!i || one.tokens < ready.tokens)         /* a request runs in one of them: the poorest decides what all take */
            ready = one;
    }
    int forgotten = terms;
    se_info("entry.py:136", "Supported tasks: ['%s']", e->model->pooling ? "embed" : "generate");
    if (e->more.runtime_lora)
        se_warning("api_router.py:33", "LoRA dynamic loading & unloading is enabled in the API server. This should ONLY be used for local development!");
    if (e->more.dev_mode)
        se_warning("__init__.py:44", "SECURITY WARNING: Development endpoints are enabled! This should NOT be used in production!");
    se_info("entry.py:140", "Starting vLLM server on http://%s:%llu", e->s.host ? e->s.host : "0.0.0.0",
            (unsigned long long)(e->s.port ? e->s.port : 8000));
    se_info("launcher.py:186", "Available routes are:");
    se_nap(e, 0.3);
    if (terms > forgotten)
        interrupted(e, true);
    return se_http_run(e, &ready, listener, &cores);
}

int se_vllm_main(struct se *e, int argc, char **argv)
{
    const struct bt_engine *vllm = bt_engine_find("vllm");
    struct bt_err err = { 0 };
    bool exact;
    e->version = se_version(&e->arena, argv[0], "0.32.0");
    if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-v")))
        return printf("%s\n", e->version), 0;
    se_nap(e, 1.2);                  /* python imports; a SIGTERM here ends us at once: no handler yet */
    int rc = read_flags(e, vllm, argc, argv);
    if (rc)
        return rc;
    e->row = bt_engine_version(vllm, e->version, &exact, &err);
    if (!e->row)
        return usage_error(err.msg);
    if (e->row->v0)
        return usage_error(bt_arena_printf(&e->arena, "berth-sim-engine simulates vLLM's V1 engine, 0.8.3 and later, not %s", e->version));
    struct sigaction sa = { .sa_handler = on_early_term };           /* no SA_RESTART: recv() must return */
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    se_info("api_utils.py:347",
            "vLLM server version %s, serving model %s (berth-sim-engine: SIMULATED, no weights are read and every answer is made up)", e->version,
            e->model_arg);
    se_info("api_utils.py:286", "non-default args: %s", e->args_line);
    int listener = bind_port(&e->s);
    if (listener < 0)
        return 1;
    rc = resolve(e, vllm);
    if (rc)
        return rc;
    const char *tmp = getenv("TMPDIR");
    e->rendezvous = bt_arena_printf(&e->arena, "file://%s/vllm_dist_%08x%08x", tmp ? tmp : "/tmp", (unsigned)getpid(), (unsigned)time(NULL));
    se_nap(e, 0.1);
    if (terms)
        interrupted(e, false);
    return serve(e, listener);
}
