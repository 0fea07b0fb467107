/* stop.c - how the API server ends: told to, or because EngineCore died. Order of lines: vllm_ok_tp1, vllm_term_stream_*, vllm_term_drain, vllm_kill9_*
 * of the recorded runs (tests/data/live). */
#include "sim/engine/serve.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define CLIENT "core_client.py:770"

static void engine_dead_lines(void)
{
    se_error("async_llm.py:906", "AsyncLLM output_handler failed.");
    se_error("async_llm.py:906",
             "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.");
}

/* The processes that EngineCore started, before it is gone. */
static size_t children_of(pid_t pid, pid_t *out, size_t max)
{
    char path[64];
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "re");
    int child;
    while (f && n < max && fscanf(f, "%d", &child) == 1)
        out[n++] = child;
    if (f)
        fclose(f);
    return n;
}

static void kill_workers(const pid_t *pid, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char path[64], name[64] = "";
        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid[i]);
        FILE *f = fopen(path, "re");
        bool named = f && fgets(name, sizeof name, f) && name[0];
        if (f)
            fclose(f);
        if (!named || kill(pid[i], SIGKILL) < 0)
            continue;                /* its death pipe was quicker */
        se_warning("system_utils.py:225", "[shutdown] force killing sub process %s pid %d", name, (int)pid[i]);
    }
}

/* SIGTERM, and with --shutdown-timeout 0 SIGKILL at once; what it started follows, by its death pipe or by force. */
static void kill_engine(struct server *v)
{
    se_warning("utils.py:648", "[shutdown] Process manager: force killing remaining processes count=%zu", v->cores.n);
    for (size_t i = 0; i < v->cores.n; i++) {
        pid_t workers[64], core = v->cores.v[i].pid;
        size_t n = children_of(core, workers, BT_LEN(workers));
        char name[40] = "EngineCore";
        if (v->cores.n > 1)
            snprintf(name, sizeof name, "EngineCore_DP%zu", i);
        se_warning("utils.py:653", "[shutdown] Process manager: force killing remaining process %s pid %d", name, (int)core);
        kill(core, SIGKILL);
        waitpid(core, NULL, 0);
        kill_workers(workers, n);
    }
    se_info("core_client.py:774", "[shutdown] MPClient: engine manager stopped");
    se_info("core_client.py:775", "[shutdown] MPClient: cleaning up background resources");
    se_info("core_client.py:777", "[shutdown] MPClient: complete");
}

static void server_down(struct server *v)
{
    se_info("launcher.py:279", "[shutdown] API server: engine client stopped");
    se_info("launcher.py:282", "[shutdown] API server: signalling HTTP server shutdown");
    se_info("launcher.py:304", "[shutdown] API server: shutting down FastAPI HTTP server");
    se_line(STDERR_FILENO, "INFO:     Shutting down");
    se_server_close_port(v);
    v->core_dead = true;
    if (v->streams && v->e->stop_hangs) {            /* the race that 3 of 7 real stops lose: nothing but the clients' going ends it */
        se_line(STDERR_FILENO, "INFO:     Waiting for connections to close. (CTRL+C to force quit)");
        return;
    }
    if (v->streams) {
        engine_dead_lines();
        se_error("serving.py:500", "Error in completion stream generator.");
    }
    while (v->streams)
        se_stream_error(v->streams);
    se_leave_in(v, 0.35, se_quit);
}

static void drained(struct server *v)
{
    se_server_orphan(v);
    v->draining = false;
    kill_engine(v);
    server_down(v);
}

static void stop_begin(struct server *v)
{
    bool drain = v->e->more.shutdown_timeout > 0;
    unsigned long long timeout = v->e->more.shutdown_timeout;
    if (v->stopping)                 /* from ready on a second signal does nothing */
        return;
    v->stopping = true;
    se_info("launcher.py:254", "[shutdown] API server: shutdown triggered");
    se_info("launcher.py:270", "[shutdown] API server: stopping engine client mode=%s timeout=%llus", drain ? "drain" : "abort", timeout);
    se_info(CLIENT, "[shutdown] MPClient: start timeout=%llus", timeout);
    se_info("core_client.py:772", "[shutdown] MPClient: stopping engine manager");
    se_info("utils.py:628", "[shutdown] Process manager: send sigterm to process EngineCore");
    for (size_t i = 0; i < v->cores.n && !drain; i++)
        kill(v->cores.v[i].pid, SIGTERM);
    if (drain && v->streams) {       /* EngineCore does not leave by itself: the whole limit passes, with /health 200 and new requests 500 */
        v->draining = true;
        se_leave_in(v, (double)timeout, drained);
        return;
    }
    se_server_orphan(v);
    kill_engine(v);
    server_down(v);
}

/* The last client of a stop that hung is gone. */
static void idle(struct server *v)
{
    if (v->stopping && v->core_dead && v->e->stop_hangs)
        se_quit(v);
}

static void core_died(struct server *v)
{
    bool busy = v->streams != NULL;
    if (v->stopping || v->core_dead)
        return;
    v->core_dead = true;             /* from here /health is 503 */
    for (size_t i = 0; v->cores.n > 1 && i < v->cores.n; i++)        /* one engine lost is all lost */
        kill(v->cores.v[i].pid, SIGTERM);
    if (!busy) {
        se_info("utils.py:628", "[shutdown] Process manager: send sigterm to process EngineCore");
        se_warning("core_client.py:817", "[shutdown] MPClient: engine core exited unexpectedly; starting cleanup");
        se_info(CLIENT, "[shutdown] MPClient: start timeout=default");
        se_info("core_client.py:772", "[shutdown] MPClient: stopping engine manager");
        se_info("core_client.py:774", "[shutdown] MPClient: engine manager stopped");
        se_info("core_client.py:775", "[shutdown] MPClient: cleaning up background resources");
        se_info("core_client.py:777", "[shutdown] MPClient: complete");
    }
    engine_dead_lines();
    if (busy)
        se_error("serving.py:500", "Error in completion stream generator.");
    while (v->streams)
        se_stream_error(v->streams);
    for (struct pending *p = v->pending; p; p = p->next)
        if (p->req)
            se_reply_error(v, p->req, 500, "InternalServerError", "EngineCore encountered an issue. See stack trace (above) for the root cause.");
    v->pending = NULL;
    v->pending_end = &v->pending;
    se_line(STDERR_FILENO, "INFO:     Shutting down");
    se_leave_in(v, busy ? 0.6 : 3.0, se_quit);   /* idle: a watchdog looks every 5 s. Then status 0, whatever the cause */
}

/* ---- vLLM's own paths, and the API server's life ---- */

static bool request(struct server *v, struct evhttp_request *req, const char *path, bool post)
{
    if (!strcmp(path, "/health") || !strcmp(path, "/ping"))
        evhttp_send_reply(req, v->core_dead ? 503 : 200, NULL, NULL);
    else if (!strcmp(path, "/version"))
        se_reply_json(v, req, 200, json_pack("{s:s, s:b}", "version", v->e->version, "simulated", 1));
    else
        return se_admin(v, req, path, post);
    return true;
}

const struct face se_vllm_face = { .request = request, .signal = stop_begin, .died = core_died, .idle = idle };

int se_http_run(struct se *e, const struct se_ready *ready, int listen_fd, const struct se_cores *cores)
{
    static struct server v;
    se_server_init(&v, e, &se_vllm_face, ready);
    v.cores = *cores;
    for (size_t i = 0; i < cores->n; i++)
        se_server_child(&v, cores->v[i].fd);
    event_add(v.term_ev, NULL);
    event_add(v.int_ev, NULL);
    se_line(STDERR_FILENO, "INFO:     Started server process [%d]", (int)getpid());
    se_line(STDERR_FILENO, "INFO:     Waiting for application startup.");
    se_line(STDERR_FILENO, "INFO:     Application startup complete.");
    /* Another server that bound the same port and listened first: the real one says nothing, and serves nobody. */
    bool taken = listen(listen_fd, 2048) < 0;
    if (!taken && evutil_make_socket_nonblocking(listen_fd) == 0)
        v.bound = evhttp_accept_socket_with_handle(v.http, listen_fd);
    se_server_run(&v);
    if (taken)
        se_warning("launcher.py:291", "port %llu is used by another process", (unsigned long long)e->s.port);
    se_line(STDERR_FILENO, "INFO:     Waiting for application shutdown.");
    se_line(STDERR_FILENO, "INFO:     Application shutdown complete.");
    return 0;                        /* also after an engine death: the real one does, and supervisors must not trust it */
}
