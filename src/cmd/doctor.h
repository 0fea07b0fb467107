/* doctor.h - what `berth doctor` looks at: rows of a table, each with a cure. */
#ifndef BT_CMD_DOCTOR_H
#define BT_CMD_DOCTOR_H
#include "base/arena.h"
#include "base/proc.h"

enum bt_health_state { BT_DOC_OK, BT_DOC_NOTE, BT_DOC_BAD };
struct bt_finding { const char *check; enum bt_health_state state; const char *text, *cure; };      /* cure "" where nothing is to do */

struct bt_doctor {
    struct bt_arena *a;
    const char *root;                /* "" for this machine; a test gives a folder with proc/, sys/ and dev/ */
    bool fix;                        /* end the strays that are found */
    struct bt_finding *finding; size_t n;
};

/* Run all checks, in the order in which a person would look. Blocks: asks the driver. */
void bt_doctor_look(struct bt_doctor *d);
#endif
