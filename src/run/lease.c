/* lease.c - which instance has which ports, and that no other daemon gives them away. */
#include <stdio.h>

#include "run/ports.h"
#include "run/project.h"

int bt_lease_range(struct bt_project *p, struct bt_err *err)
{
    static const char name[] = "BERTH_PORTS";
    const char *text = NULL;
    unsigned first = BT_PORT_FIRST, last = BT_PORT_LAST;
    char more;
    for (size_t i = 0; i < p->env.n; i++)
        if (!strncmp(p->env.v[i], name, sizeof name - 1) && p->env.v[i][sizeof name - 1] == '=')
            text = p->env.v[i] + sizeof name;
    if (text && text[0] && (sscanf(text, "%5u-%5u%c", &first, &last, &more) != 2 || !first || first > last || last > UINT16_MAX)) {
        bt_err_set(err, BT_E_INPUT, 0, "environment variable %s: \"%.40s\" is no range of ports", name, text);
        return bt_err_hint(err, "the first and the last one: %s=%d-%d", name, BT_PORT_FIRST, BT_PORT_LAST);
    }
    p->port_first = (uint16_t)first;
    p->port_last = (uint16_t)last;
    return 0;
}

/* ---- between instances of this daemon ---- */

/* Two of one project that are in no phase together may have the same port. */
static bool never_together(const struct bt_instance *x, const struct bt_instance *y)
{
    if (x->p != y->p)
        return false;
    for (size_t i = 0; i < x->p->plan->nphases; i++)
        if (x->in_phase[i] && y->in_phase[i])
            return false;
    return true;
}

static bool has_port(const struct bt_instance *in, unsigned port)
{
    for (size_t k = 0; k < in->nports; k++)
        if (port >= in->port[k].port && port < (unsigned)in->port[k].port + in->port[k].block)
            return true;
    return false;
}

/* The project of for_whom may not be the daemon's yet: it is being born. */
static const struct bt_instance *leased_by(const struct bt_daemon *d, const struct bt_instance *for_whom, unsigned port)
{
    for (size_t i = 0; i <= d->nprojects; i++) {
        const struct bt_project *p = i < d->nprojects ? d->project[i] : for_whom->p;
        for (size_t j = 0; j < p->n; j++)
            if (has_port(&p->inst[j], port) && !never_together(for_whom, &p->inst[j]))
                return &p->inst[j];
    }
    return NULL;
}

static bool project_has(const struct bt_project *p, unsigned port)
{
    for (size_t j = 0; j < p->n; j++)
        if (has_port(&p->inst[j], port))
            return true;
    return false;
}

static bool others_have(const struct bt_project *but, unsigned port)
{
    for (size_t i = 0; i < but->d->nprojects; i++)
        if (but->d->project[i] != but && project_has(but->d->project[i], port))
            return true;
    return false;
}

/* ---- taking ---- */

static int lease_wanted(struct bt_instance *in, const struct bt_pf_port *w, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    for (unsigned q = w->want; q < (unsigned)w->want + w->block; q++) {
        const struct bt_instance *by = leased_by(in->p->d, in, q);
        if (by)
            return bt_err_set(err, BT_E_STATE, 0, "%s: port %u is leased to %s of project %s", in->pf->id, q, by->pf->id, by->p->name);
        if (!bt_port_free((uint16_t)q)) {
            bt_err_set(err, BT_E_STATE, 0, "%s: port %u is in use by %s", in->pf->id, q, bt_port_holder(&a, (uint16_t)q));
            return bt_err_hint(err, "end that process, or give the workload another `port:` (without one, berth takes a free one)");
        }
        if (!bt_claim_take(&in->p->d->claims, (uint16_t)q)) {
            bt_err_set(err, BT_E_STATE, 0, "%s: port %u is leased by another berth, %s", in->pf->id, q, bt_claim_holder(&a, (uint16_t)q));
            return bt_err_hint(err, "give the workload another `port:` (without one, berth takes a free one), or wait until that project is down");
        }
    }
    return 0;
}

/* Claimed first, then looked at: who claims it has it, and a server that listened before has no claim. */
static bool block_free(const struct bt_instance *in, unsigned first, unsigned n)
{
    struct bt_daemon *d = in->p->d;
    for (unsigned q = first; q < first + n; q++) {
        if (leased_by(d, in, q))
            return false;
        bool mine = project_has(in->p, q);           /* of one that it is never together with: the claim stays */
        if (!bt_claim_take(&d->claims, (uint16_t)q))
            return false;
        if (!bt_port_free((uint16_t)q)) {
            if (!mine)
                bt_claim_give(&d->claims, (uint16_t)q);
            return false;
        }
    }
    return true;
}

/* Of a row that was given up half way, or whose project was never born. */
static void give_unleased(struct bt_project *p, bool it_goes)
{
    struct bt_claims *c = &p->d->claims;
    for (size_t i = c->n; i-- > 0;)
        if (!others_have(p, c->claim[i].port) && (it_goes || !project_has(p, c->claim[i].port)))
            bt_claim_give(c, c->claim[i].port);
}

static int lease_any(struct bt_instance *in, const struct bt_pf_port *w, uint16_t *out, struct bt_err *err)
{
    /* from a place of the instance's own, so that a project that comes back tends to find its ports again */
    unsigned all = (unsigned)in->p->port_last - in->p->port_first + 1, span = w->block <= all ? all - w->block + 1 : 0, start = 5381;
    for (const char *z = in->dir; *z; z++)
        start = start * 33 + (unsigned char)*z;
    for (unsigned i = 0; i < span; i++) {
        unsigned first = in->p->port_first + (start % span + i) % span;
        if (block_free(in, first, w->block)) {
            *out = (uint16_t)first;
            return 0;
        }
        if (w->block > 1)
            give_unleased(in->p, false);
    }
    bt_err_set(err, BT_E_BUSY, 0, "%s: no %u free port%s between %u and %u", in->pf->id, (unsigned)w->block, w->block == 1 ? "" : "s in a row",
               (unsigned)in->p->port_first, (unsigned)in->p->port_last);
    return bt_err_hint(err, "`ss -ltnp` shows who listens there; BERTH_PORTS=FIRST-LAST names other ones");
}

static bool has_lease(struct bt_instance *in, const struct bt_pf_port *w)
{
    for (size_t i = 0; i < in->nports; i++) {
        if (strcmp(in->port[i].name, w->name))
            continue;
        if (in->port[i].block == w->block && (!w->want || in->port[i].port == w->want))
            return true;
        in->port[i] = in->port[--in->nports];        /* of a row that wanted another one */
        return false;
    }
    return false;
}

int bt_lease_take(struct bt_instance *in, struct bt_err *err)
{
    for (size_t i = 0; i < in->pf->nports; i++) {
        const struct bt_pf_port *w = &in->pf->port[i];
        if (has_lease(in, w))
            continue;
        struct bt_keep_port row = { w->name, w->want, w->block };
        if (w->want ? lease_wanted(in, w, err) < 0 : lease_any(in, w, &row.port, err) < 0) {
            give_unleased(in->p, false);
            return -1;
        }
        BT_PUSH(&in->p->arena, in->port, in->nports, row);
    }
    bt_lease_keep(in);
    return 0;
}

void bt_lease_keep(struct bt_instance *in)
{
    for (size_t i = 0; i < in->nports; i++)
        for (unsigned q = in->port[i].port; q < (unsigned)in->port[i].port + in->port[i].block; q++)
            (void)bt_claim_take(&in->p->d->claims, (uint16_t)q);     /* not yet where a keeper has it still */
}

bool bt_lease_ready(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    for (size_t i = 0; i < in->nports; i++)
        for (unsigned q = in->port[i].port; q < (unsigned)in->port[i].port + in->port[i].block; q++) {
            if (!bt_claim_take(&in->p->d->claims, (uint16_t)q)) {
                snprintf(in->why, sizeof in->why, "port %u is leased by another berth, %s", q, bt_claim_holder(&a, (uint16_t)q));
                return false;
            }
            if (!bt_port_free((uint16_t)q)) {
                snprintf(in->why, sizeof in->why, "port %u is in use by %s", q, bt_port_holder(&a, (uint16_t)q));
                return false;
            }
        }
    return true;
}

size_t bt_lease_fds(struct bt_arena *a, const struct bt_instance *in, int **out)
{
    size_t n = 0;
    *out = NULL;
    for (size_t i = 0; i < in->nports; i++)
        for (unsigned q = in->port[i].port; q < (unsigned)in->port[i].port + in->port[i].block; q++) {
            int fd = bt_claim_fd(&in->p->d->claims, (uint16_t)q);
            if (fd >= 0)
                BT_PUSH(a, *out, n, fd);
        }
    return n;
}

void bt_lease_end(struct bt_project *p)
{
    give_unleased(p, true);
}
