/* capability - may this card compute with the model's numbers on that engine: dtype and quantisation against compute capability. Pure. */
#ifndef BT_NEED_CAPABILITY_H
#define BT_NEED_CAPABILITY_H
#include "engine/engine.h"
#include "gpu/gpu.h"
#include "model/model.h"

enum bt_runs { BT_RUNS,              /* as it is */
               BT_RUNS_UNPACKED,     /* unpacked to 16 bit as it computes: smaller, not faster */
               BT_RUNS_NOT,          /* the engine refuses to start */
               BT_RUNS_NOT_KNOWN };
struct bt_card_runs {
    enum bt_runs how;
    int least, native;               /* compute capability x 10 that is needed, and from which it is not unpacked; 0 where there is no rule */
    const char *name;                /* "FP8" */
    const char *source;              /* where the rule was read; "" without one */
};
/* version: as installed or asked for ("0.13.1"); NULL = the newest. method: what its 16-bit weights are made while loading ("fp8"); NULL or "": nothing. */
struct bt_card_runs bt_card_runs(const struct bt_engine *e, const char *version, const struct bt_model *m, const char *method, const struct bt_gpu *g);
/* May 16-bit weights be made 8-bit (`quantization: fp8`) on this card? Where the engine's floor is not known, that of Marlin's first kernels. A card that
 * nobody knows is not judged. version: as above. */
bool bt_card_makes_fp8(const struct bt_engine *e, const char *version, const struct bt_model *m, const struct bt_gpu *g);
/* `quantization: fp8` of 16-bit weights: is each tensor made so as it is read? Else all of them lie on the card in 16 bits first. version: as above. */
bool bt_fp8_streams(const struct bt_engine *e, const char *version);
/* Are its weights stored by another method than that? No engine starts so. Methods that read several are not judged. */
bool bt_stored_otherwise(const struct bt_model *m, const char *method);
/* Is `method` one whose weights are made from samples, long before an engine reads them, of a checkpoint that has none of them? No engine starts so. */
bool bt_wants_made_weights(const struct bt_model *m, const char *method);
#endif
