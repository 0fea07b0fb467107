/* wire.c - lines, requests, answers. */
#include "wire/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/proc.h"

bool bt_wire_put(struct bt_buf *out, json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (!text) {
        out->over = true;
        return false;
    }
    bt_buf_puts(out, text);
    bt_buf_add(out, "\n", 1);
    free(text);
    return !out->over;
}

enum bt_wire_got bt_wire_take(struct bt_buf *in, json_t **msg, struct bt_err *err)
{
    const char *nl = in->n ? memchr(in->p, '\n', in->n) : NULL;
    size_t len = nl ? (size_t)(nl - in->p) : in->n;
    if (in->over || len > BT_WIRE_LINE_MAX) {
        bt_err_set(err, BT_E_TOO_BIG, 0, "control message: a line of more than 16 MiB");
        return BT_WIRE_BROKEN;
    }
    if (!nl)
        return BT_WIRE_NONE;
    *msg = bt_json_load((struct bt_str){ in->p, len }, BT_WIRE_LINE_MAX, "control message", err);
    bt_buf_drop(in, len + 1);
    return *msg ? BT_WIRE_MSG : BT_WIRE_BROKEN;
}

int bt_wire_request(const json_t *msg, uint64_t *id, const char **op, struct bt_err *err)
{
    const json_t *i = json_object_get(msg, "id");
    *id = json_is_integer(i) && json_integer_value(i) >= 0 ? (uint64_t)json_integer_value(i) : 0;
    const json_t *v = json_object_get(msg, "v");
    if (!json_is_integer(v) || json_integer_value(v) != BT_WIRE_VERSION) {
        bt_err_set(err, BT_E_INPUT, 0, "control message: version %lld, this daemon speaks %d",
                   json_is_integer(v) ? (long long)json_integer_value(v) : -1, BT_WIRE_VERSION);
        return bt_err_hint(err, "the daemon is of another berth than the verb: `berth down` with the berth that started it");
    }
    if (!json_is_integer(i) || json_integer_value(i) < 0)
        return bt_err_set(err, BT_E_INPUT, 0, "control message: no id");
    return bt_json_str(msg, "op", op, "control message", err);
}

json_t *bt_wire_answer(uint64_t id, json_t *members)
{
    json_t *o = json_pack("{s:I, s:b}", "id", (json_int_t)id, "ok", 1);
    if (members) {
        json_object_update(o, members);
        json_decref(members);
    }
    return o;
}

json_t *bt_wire_refuse(uint64_t id, const struct bt_err *why)
{
    return json_pack("{s:I, s:b, s:{s:s, s:o, s:o}}", "id", (json_int_t)id, "ok", 0, "error", "code", bt_errc_name(why->code), "message",
                     bt_json_text(why->msg), "hint", bt_json_text(why->hint));
}

static enum bt_errc code_of(const char *name)
{
    for (int c = BT_E_FAILED; c < BT_E__N; c++)
        if (name && !strcmp(name, bt_errc_name((enum bt_errc)c)))
            return (enum bt_errc)c;
    return BT_E_FAILED;
}

int bt_wire_is_answer(const json_t *msg, uint64_t id, struct bt_err *err)
{
    const json_t *i = json_object_get(msg, "id");
    if (!json_is_integer(i) || (uint64_t)json_integer_value(i) != id)
        return 0;
    if (json_is_true(json_object_get(msg, "ok")))
        return 1;
    const json_t *e = json_object_get(msg, "error");
    const char *m = json_string_value(json_object_get(e, "message")), *h = json_string_value(json_object_get(e, "hint"));
    bt_err_set(err, code_of(json_string_value(json_object_get(e, "code"))), 0, "%s", m ? m : "the daemon refused and did not say why");
    if (h && *h)
        bt_err_hint(err, "%s", h);
    return -1;
}

/* ---- the verb's side ---- */

void bt_wire_client_init(struct bt_wire_client *c, int fd)
{
    *c = (struct bt_wire_client){ .fd = fd, .in = BT_BUF(BT_WIRE_LINE_MAX + 64 * KiB) };
}

void bt_wire_client_release(struct bt_wire_client *c)
{
    bt_close_fd(&c->fd);
    bt_buf_release(&c->in);
}

int bt_wire_send(struct bt_wire_client *c, const char *op, json_t *members, uint64_t *id, struct bt_err *err)
{
    bt_auto_buf struct bt_buf b = BT_BUF(BT_WIRE_LINE_MAX);
    json_t *o = json_pack("{s:i, s:I, s:s}", "v", BT_WIRE_VERSION, "id", (json_int_t)++c->last_id, "op", op);
    if (members) {
        json_object_update(o, members);
        json_decref(members);
    }
    *id = c->last_id;
    if (!bt_wire_put(&b, o))
        return bt_err_set(err, BT_E_TOO_BIG, 0, "send \"%s\" to the daemon: more than 16 MiB, or not UTF-8", op);
    for (size_t at = 0; at < b.n;) {
        ssize_t n = send(c->fd, b.p + at, b.n - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bt_err_set(err, errno == EPIPE || errno == ECONNRESET ? BT_E_NOT_FOUND : BT_E_IO, errno, "send \"%s\" to the daemon", op);
        at += (size_t)n;
    }
    return 0;
}

json_t *bt_wire_next(struct bt_wire_client *c, int timeout_ms, struct bt_err *err)
{
    int64_t until = bt_now_ms() + timeout_ms;
    for (;;) {
        json_t *msg = NULL;
        enum bt_wire_got got = bt_wire_take(&c->in, &msg, err);
        if (got != BT_WIRE_NONE)
            return msg;
        struct pollfd p = { c->fd, POLLIN, 0 };
        int64_t left = until - bt_now_ms();
        int r = poll(&p, 1, timeout_ms < 0 ? -1 : (int)BT_MAX(left, 0));
        if (r < 0) {
            bt_err_set(err, BT_E_STATE, errno, "wait for the daemon");
            return NULL;
        }
        if (r == 0) {
            bt_err_set(err, BT_E_BUSY, 0, "no word from the daemon within %d ms", timeout_ms);
            return NULL;
        }
        char chunk[65536];
        ssize_t n = read(c->fd, chunk, sizeof chunk);
        if (n == 0 || (n < 0 && errno == ECONNRESET)) {      /* reset: it was killed before it read all of ours */
            bt_err_set(err, BT_E_NOT_FOUND, 0, "the daemon closed the connection");
            bt_err_hint(err, "its log is daemon.log in the runtime folder; any verb starts it again and finds what runs");
            return NULL;
        }
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            bt_err_set(err, BT_E_IO, errno, "read from the daemon");
            return NULL;
        }
        if (n > 0)
            bt_buf_add(&c->in, chunk, (size_t)n);
    }
}

json_t *bt_wire_call(struct bt_wire_client *c, const char *op, json_t *members, void (*on_event)(void *ctx, const json_t *ev), void *ctx,
                     struct bt_err *err)
{
    uint64_t id;
    if (bt_wire_send(c, op, members, &id, err) < 0)
        return NULL;
    for (bool told = !c->on_silence;;) {
        struct bt_err why = { 0 };
        json_t *msg = bt_wire_next(c, told ? -1 : c->silence_ms, &why);
        if (!msg) {
            if (why.code == BT_E_STATE && why.sys == EINTR)
                continue;
            if (why.code == BT_E_BUSY && !told) {
                told = true;
                c->on_silence();
                continue;
            }
            *err = why;
            return NULL;
        }
        int is = bt_wire_is_answer(msg, id, err);
        if (is > 0)
            return msg;
        if (is == 0 && on_event && json_object_get(msg, "event"))
            on_event(ctx, msg);
        json_decref(msg);
        if (is < 0)
            return NULL;
    }
}
