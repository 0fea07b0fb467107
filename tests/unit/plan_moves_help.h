/* plan_moves_help.h - plans of several phases on a machine with so much RAM, and their moves. */
#ifndef PLAN_MOVES_HELP_H
#define PLAN_MOVES_HELP_H
#include "plan_help.h"

static struct bt_arena a;

static inline const struct bt_plan_move *move_of(const struct bt_plan *p, const char *to, const char *id, enum bt_move how)
{
    for (size_t i = 0; i < p->nmoves; i++)
        if (!strcmp(p->move[i].to, to) && !strcmp(p->move[i].instance, id) && p->move[i].how == how)
            return &p->move[i];
    return NULL;
}

static inline bool warned(const struct bt_plan *p, const char *part)
{
    for (size_t i = 0; i < p->nwarnings; i++)
        if (strstr(p->warning[i], part))
            return true;
    return false;
}

/* As of a machine with so much RAM: a fleet from a file. */
static inline struct bt_plan *plan_with_ram(const char *text, const char *fleet, uint64_t ram)
{
    struct bt_err err = { 0 };
    struct bt_plan_in *in = plan_inputs(&a, text, fleet);
    ((struct bt_fleet *)in->fleet)->source = "file";
    ((struct bt_fleet *)in->fleet)->ram_bytes = ram;
    struct bt_plan *p;
    if (bt_plan_make(&a, in, &p, &err) < 0)
        fail_msg("%s\n%s", err.msg, text);
    if (p->nrefusals)
        fail_msg("%s\n%s", p->refusal[0].text, text);
    return p;
}

#endif
