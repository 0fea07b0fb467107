/* pace_int.h - rows of the constants; not for other floors. Sources: docs/pace.md. */
#ifndef BT_PACE_INT_H
#define BT_PACE_INT_H
#include "pace/pace.h"

/* A class of card: shares of its peak bandwidth (decode) and of its matrix rate (prefill) that engines reach; rows: measured points behind eff. */
struct pc_class { const char *name; double eff, mfu; unsigned rows; bool hbm, mfu_seen; };
/* A card for games of NVIDIA: drivers and kernels treat it apart. */
bool pc_is_geforce(const struct bt_gpu_kind *k);
const struct pc_class *pc_class_of(const struct bt_gpu_kind *k);

/* What the card multiplies 16-bit numbers with, or of fewer bits where it can; 0 = the catalog does not say. */
double pc_matrix_tflops(const struct bt_gpu_kind *k, enum bt_pace_kernel kernel);

/* Claims: the card of a name as people write it ("3090s", "A100-80G"), NULL = none; "dual" 2, 0 = no number; what a word names that the catalog does not have
 * ("an Apple chip"), NULL = nothing of the kind. */
struct bt_str pc_claim_text(struct bt_arena *a, struct bt_str text);        /* commas between fields, none in numbers; "-" for every dash; no pictures */
bool pc_counts(const char *w);                       /* "batch", "context": a number behind it is a count */
const struct bt_gpu_kind *pc_card_said(struct bt_arena *a, const char *name);
unsigned pc_count_word(const char *w);
void pc_claim_engine(struct bt_claim *c);
const char *pc_no_card(const char *word);

/* Kernels that read weights, by the family of engine that has them. */
enum pc_family { PC_SERVER, PC_GPT_FAST, PC_LLAMA, PC_EXL, PC_MLC };
double pc_kernel_bits(enum bt_pace_kernel k);        /* of a number, scales included */
double pc_head_bits(enum bt_pace_kernel k);
double pc_method_bits(const char *method);           /* of a number quantised so; 0 = no such method */
bool pc_kernel_named(const char *method, enum bt_pace_kernel *out);

/* Kernels and gaps for each layer, and the host for each step and sequence; from the first version that behaves so. */
struct pc_engine {
    const char *name; unsigned since;            /* major x 100 + minor, or a year x 100 + month */
    enum pc_family family;
    double layer_us, host_ms, seq_us;            /* seq_us: the host's work for each sequence of a step */
    double floor_ms;                             /* before the first token, whatever the prompt */
    double prompt_layer_us, prompt_moe_us;       /* host's launches of a layer that reads a prompt in, outside of graphs; of one with experts. 0 = hidden */
    bool measured;
    bool fused;                                      /* on Blackwell its all-reduce takes the norm behind it along */
    bool only_said;                  /* for a version that somebody said; of the newest one otherwise the row below holds, which the golden rows are of */
    uint64_t graph_tokens;           /* a longer context is decoded outside of CUDA graphs (max_seq_len_to_capture); 0 = never */
    bool late;                       /* tokens of a step are handed out while the next one runs: the first one comes a step of one stream later */
    bool kv_by_head;                 /* attention reads the KV once for each query head, not once for the heads that share it */
};
const struct pc_engine *pc_engine_of(const struct bt_pace_in *in);
const struct pc_engine *pc_engine_named(const char *name, const char *version);      /* NULL: no such name */
#define PC_EAGER_LAYER_US 330         /* a layer of vLLM's first engine outside of its graphs: 40 rows of Qwen2, 0.5B to 7B, on an A100 */
bool pc_kv_by_head(const struct pc_engine *e, const struct bt_gpu_kind *k);
double pc_method_share(const struct pc_engine *e, const char *method);               /* of what the kernel of these bits reaches: AWQ before Marlin */
bool pc_launches_ahead(const struct pc_engine *e);   /* launches kernel after kernel while the card computes: the longer of both is the step */
bool pc_multiplies_fp4(const struct pc_engine *e, const struct pc_class *c);         /* as it is, twice as fast as FP8 */
double pc_kernel_share(const struct pc_engine *e, enum bt_pace_kernel k, const struct pc_class *c);
double pc_moe_us(const struct pc_engine *e, enum bt_pace_kernel k, const struct pc_class *c);      /* what a layer with experts launches beside its matrices */
bool pc_early_fp4(const struct pc_engine *e, const struct pc_class *c);          /* has experts of 4 bits there through kernels without tables */
/* So many tokens hit as many experts as this number that choose for themselves. */
double pc_choices(const struct pc_engine *e, const struct bt_pace_weight *w, double tokens);
/* llama.cpp of 2024 on data-centre cards: its kernels were made for GeForce. 0 = nothing to change */
double pc_engine_eff(const struct pc_engine *e, const struct pc_class *c);
double pc_ecc_share(const struct pc_engine *e, const struct bt_gpu_kind *k);     /* of what it gives with ECC off; 1 = it is off, or beside the memory */

double pc_layer_us(const struct pc_engine *e, const struct bt_gpu_kind *k);      /* launches of a layer: the engine's, on cards where they take longer more */
/* Bytes of weights a second that llama.cpp's kernels can unpack on this card; 0 = no limit known. */
double pc_unpack_bytes_a_s(const struct pc_engine *e, const struct bt_pace_weight *w, const struct bt_gpu_kind *k);

enum pc_link { PC_NVLINK_AMPERE, PC_NVLINK_HOPPER, PC_NVLINK_BLACKWELL, PC_PCIE5, PC_PCIE4, PC_PCIE_NO_P2P };
enum pc_link pc_link_of(const struct bt_gpu_kind *k, bool nvlink, enum bt_pace_p2p p2p);
const char *pc_link_name(enum pc_link l);
double pc_allreduce_us(enum pc_link l, uint64_t ranks, double bytes);
/* Of the matrix rate, prompts that are read in beside decode. */
double pc_mixed_mfu(const struct pc_engine *e, const struct bt_pace_weight *w, const struct pc_class *c);
double pc_nccl_us(const struct pc_engine *e, uint64_t ranks);      /* until an all-reduce starts, of engines without one of their own; else 0 */
double pc_bus_gbs(enum pc_link l);   /* of large all-reduces */
/* Microseconds of one all-reduce with what a split costs beyond the bare kernel. Over PCIe never less than over NVLink of the same card. */
double pc_sum_us(const struct bt_gpu_kind *k, enum pc_link l, const struct pc_engine *e, uint64_t ranks, double bytes);
double pc_hop_ms(enum pc_link l, const struct pc_engine *e);
#endif
