/* tables - the constants of pace, each with the rows it was fitted on (docs/pace.md). */
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "pace/pace_int.h"

/* mfu of a class that has no measured prompt: 0.5, the middle of what was seen. */
static const struct pc_class classes[] = {
    { "hbm_a100", 0.82, 0.66, 87, true, true },   { "hbm_hopper", 0.80, 0.54, 41, true, true },  { "hbm_blackwell", 0.79, 0.55, 16, true, false },
    { "hbm_h20", 0.37, 0.86, 23, true, true },    { "hbm_volta", 0.65, 0.36, 3, true, true },    { "gddr_ampere", 0.86, 0.66, 59, false, true },
    { "gddr_ada", 0.93, 0.60, 55, false, true },  { "gddr7", 0.93, 0.82, 5, false, true },       { "gddr_old", 0.79, 0.50, 3, false, false },
    { "lpddr", 0.82, 0.50, 2, false, true },     { "amd_cdna", 0.66, 0.50, 3, true, false },    { "amd_cdna3", 0.65, 0.50, 2, true, false },
    { "amd_rdna", 0.78, 0.50, 5, false, false },
};
static const struct pc_class class_unknown = { "", 0.65, 0.50, 0, false, false };    /* the low end of what was measured */
/* Ada boards of 300 W (L4, L40, L40S, 6000 Ada) are held back by their power in long matrix work. */
static const struct pc_class ada_board = { "gddr_ada", 0.93, 0.30, 55, false, true };
/* GeForce of the RTX 30s add 16-bit products up in 32 bits at half of their rate, which their power and memory bear: 2048 to 4096 tokens are read in
 * at 0.98 to 1.02 of the stated 71 TFLOPS on one card, 0.86 to 1.0 on two. Clocks are 1.1 times stated ones. Boards (A6000, A40) do it at the whole rate. */
static const struct pc_class ampere_game = { "gddr_ampere", 0.86, 0.95, 59, false, true };
static const struct pc_class ampere_a10 = { "gddr_ampere", 0.86, 0.66, 59, false, true };
/* MI350X and MI355X: no row of their own, but units for FP4. */
static const struct pc_class cdna4 = { "amd_cdna3", 0.65, 0.50, 2, true, false };

bool pc_is_geforce(const struct bt_gpu_kind *k) { return k->made_for == BT_FOR_GAMES && !strcmp(k->vendor, "NVIDIA"); }

const struct pc_class *pc_class_of(const struct bt_gpu_kind *k)
{
    for (size_t i = 0; k->eff_class && i < BT_LEN(classes); i++)
        if (!strcmp(classes[i].name, k->eff_class))
            return !strcmp(k->eff_class, "gddr_ada") && !pc_is_geforce(k)                ? &ada_board
                   : !strcmp(k->eff_class, "gddr_ampere") && pc_is_geforce(k)          ? &ampere_game
                   : !strcmp(k->key, "a10")                                            ? &ampere_a10
                   : !strcmp(k->eff_class, "amd_cdna3") && !strcmp(k->arch, "CDNA4") ? &cdna4
                                                                                        : &classes[i];
    return &class_unknown;
}

double pc_matrix_tflops(const struct bt_gpu_kind *k, enum bt_pace_kernel kernel)
{
    double plain = k->fp16_tflops > 0 ? BT_MAX(k->fp16_tflops, k->fp32_tflops) : 0; /* the P40 has 16 bits at a 64th of its rate: nobody uses them */
    return kernel == BT_KERNEL_PLAIN ? plain : BT_MAX(plain, k->fp8_tflops);
}

/* bits: of a number, scales included; share: of eff that the kernel reaches, by family of engine (0 = as a server's); head: bits of the LM head. */
static const struct { const char *name; double bits, share[5], head; } kernels[BT_KERNEL__N] = {
    [BT_KERNEL_PLAIN]     = { "plain", 16, { 1.00, 1.00, 1.00, 0.98, 1.00 }, 16 },
    [BT_KERNEL_FP8]       = { "fp8", 8, { 1.08 }, 16 },
    [BT_KERNEL_INT8]      = { "int8", 8.15, { 0.95, 0.83 }, 16 },
    [BT_KERNEL_INT4]      = { "int4", 4.25, { 0.82, 0.70, 0, 0, 1.08 }, 16 },
    [BT_KERNEL_FP4]       = { "fp4", 4.5, { 0.82, 0, 1.00 }, 16 },
    [BT_KERNEL_GGUF]      = { "q4_k_m", 4.85, { 1.00 }, 6.56 },      /* its head is Q6_K */
    [BT_KERNEL_GGUF_Q8]   = { "q8_0", 8.5, { 0.88 }, 8.5 },
    [BT_KERNEL_GGUF_Q4_0] = { "q4_0", 4.5, { 0.95 }, 6.56 },     /* 4 rows: 3090, 3090 Ti, P40 */
    [BT_KERNEL_EXL]       = { "exl2", 4.0, { 0.98 }, 6 },
};

const char *bt_pace_kernel_name(enum bt_pace_kernel k) { return kernels[k].name; }
double pc_kernel_bits(enum bt_pace_kernel k) { return kernels[k].bits; }

/* Blackwell multiplies FP4 as it is; all others make 16-bit numbers of it first. 102 rows on B200. */
#define FP4_NATIVE_SHARE 0.90

static bool is_blackwell(const struct pc_class *c) { return !strcmp(c->name, "hbm_blackwell"); }

/* The first CDNAs have no Marlin and no kernels of their own for fewer bits. 8 rows of Qwen3.6-27B and Qwen3.8-27B on MI100. */
#define INT4_CDNA_SHARE 0.45
#define INT8_CDNA_SHARE 0.64

static bool is_amd(const struct pc_class *c) { return !strncmp(c->name, "amd_", 4); }

/* Cards without FP8 units (before Ada) make 16-bit numbers of it first, as of INT8. 12 rows of RTX 3090. */
static bool has_fp8(const struct pc_class *c)
{
    static const char *const without[] = { "hbm_a100", "hbm_volta", "gddr_ampere", "gddr_old", "amd_cdna" };
    for (size_t i = 0; i < BT_LEN(without); i++)
        if (!strcmp(c->name, without[i]))
            return false;
    return true;
}

/* llama.cpp of 2024 read its formats of blocks worse than 16 bits; that of 2025 does not (Q8_0 and Q4_0 on five cards). */
static bool is_new_llama(const struct pc_engine *e) { return e->family == PC_LLAMA && e->since >= 202500; }

/* The paged kernel of vLLM's first releases has a block of threads for each query head (vllm#1880); FlashAttention took over in 0.5, on Ampere and later. */
bool pc_kv_by_head(const struct pc_engine *e, const struct bt_gpu_kind *k)
{
    bool first_engine = !strcmp(e->name, "vllm") && e->since < 8;
    return e->kv_by_head || (first_engine && k->cc_major > 0 && k->cc_major < 8);
}

/* Before 0.5.3 vLLM multiplied AWQ with AWQ's own kernel, at half of what Marlin reaches. 25 rows of Qwen2 on an A100. */
#define AWQ_OWN_SHARE 0.5

double pc_method_share(const struct pc_engine *e, const char *method)
{
    bool first = !strcmp(e->name, "vllm") && e->since < 5;
    return first && method && !strcasecmp(method, "awq") ? AWQ_OWN_SHARE : 1;
}

bool pc_launches_ahead(const struct pc_engine *e) { return !strcmp(e->name, "transformers"); }

bool pc_multiplies_fp4(const struct pc_engine *e, const struct pc_class *c) { return e->family == PC_SERVER && is_blackwell(c); }

/* HBM has bandwidth left that 16 bits do not get; GDDR and LPDDR, which give 16 bits 0.82 to 0.93, have none. 16 rows of a GB10 and RTX 4090 say this; the
 * golden rows of the L40S hold the older figure. */
#define FP8_GDDR_SHARE 0.93

/* So do 4-bit weights on GDDR of Ampere and later under SGLang and LMDeploy: 40 rows of SGLang on two RTX 3090 imply 0.83 to 1.07, one RTX PRO 6000
 * 0.72 to 1.03, LMDeploy on a 4090 1.11. Under vLLM on GDDR7 too: 5 rows of Qwen2.5-7B on a
 * 5060 Ti and Qwen3-14B on a 5090 imply 0.97 to 1.12. Not under vLLM on older ones, whose rows go from 0.57 to 1.07, nor on an A10, whose 150 W show (0.71). */
#define INT4_GDDR_SHARE 1.00

static bool reads_int4_well(const struct pc_engine *e, const struct pc_class *c)
{
    bool gddr = !strcmp(c->name, "gddr_ampere") || !strcmp(c->name, "gddr_ada") || !strcmp(c->name, "gddr7");
    if (!strcmp(e->name, "vllm"))
        return !strcmp(c->name, "gddr7");
    return (!strcmp(e->name, "sglang") || !strcmp(e->name, "lmdeploy")) && gddr && c != &ampere_a10;
}

/* Radeons multiply no FP4 and servers have no kernel of their own for it there. 2 rows of gpt-oss on an R9700. */
#define FP4_RDNA_SHARE 0.41

/* Nor do an MI300X and MI325X: experts become 16-bit numbers in Triton's kernel. 4 rows of gpt-oss-120b under vLLM 0.17, 64 to 256 streams, where experts are
 * what is read: 0.53, 0.53, 0.50, 0.39. At one stream on eight cards (2 rows) it is nothing that shows. */
#define FP4_CDNA3_SHARE 0.52

double pc_kernel_share(const struct pc_engine *e, enum bt_pace_kernel k, const struct pc_class *c)
{
    enum pc_family f = e->family;
    if (k == BT_KERNEL_FP4 && pc_multiplies_fp4(e, c))
        return FP4_NATIVE_SHARE;
    if (k == BT_KERNEL_FP8 && !has_fp8(c))
        k = BT_KERNEL_INT8;
    if (k == BT_KERNEL_INT4 && reads_int4_well(e, c))
        return INT4_GDDR_SHARE;
    if (f == PC_SERVER && k == BT_KERNEL_FP4 && !strcmp(c->name, "amd_rdna"))
        return FP4_RDNA_SHARE;
    if (f == PC_SERVER && k == BT_KERNEL_FP4 && !strcmp(c->name, "amd_cdna3") && c != &cdna4)
        return FP4_CDNA3_SHARE;
    if (f == PC_SERVER && k == BT_KERNEL_FP8 && !c->hbm && c != &ada_board)
        return FP8_GDDR_SHARE;
    if (f == PC_SERVER && !strcmp(c->name, "amd_cdna") && (k == BT_KERNEL_INT4 || k == BT_KERNEL_INT8))
        return k == BT_KERNEL_INT4 ? INT4_CDNA_SHARE : INT8_CDNA_SHARE;
    if (is_new_llama(e) && (k == BT_KERNEL_GGUF_Q8 || k == BT_KERNEL_GGUF_Q4_0))
        return 1;
    return kernels[k].share[f] > 0 ? kernels[k].share[f] : kernels[k].share[PC_SERVER];
}

double pc_head_bits(enum bt_pace_kernel k) { return kernels[k].head; }

/* bits: where a number of this method has others than its kernel's row; llama.cpp's by tools/quantize/README.md, of an 8B model with its head. */
static const struct { const char *method; enum bt_pace_kernel kernel; double bits; } methods[] = {
    { "bf16", BT_KERNEL_PLAIN, 0 }, { "fp16", BT_KERNEL_PLAIN, 0 }, { "f16", BT_KERNEL_PLAIN, 0 }, { "bfloat16", BT_KERNEL_PLAIN, 0 },
    { "float16", BT_KERNEL_PLAIN, 0 }, { "fp8", BT_KERNEL_FP8, 0 }, { "fbgemm_fp8", BT_KERNEL_FP8, 0 }, { "int8", BT_KERNEL_INT8, 0 },
    { "w8a8", BT_KERNEL_INT8, 0 }, { "w8a16", BT_KERNEL_INT8, 0 }, { "compressed-tensors", BT_KERNEL_INT8, 0 }, { "experts_int8", BT_KERNEL_INT8, 0 },
    { "int4", BT_KERNEL_INT4, 0 }, { "w4a16", BT_KERNEL_INT4, 0 }, { "awq", BT_KERNEL_INT4, 0 }, { "awq_marlin", BT_KERNEL_INT4, 0 },
    { "gptq", BT_KERNEL_INT4, 0 }, { "gptq_marlin", BT_KERNEL_INT4, 0 }, { "bitsandbytes", BT_KERNEL_INT4, 0 }, { "nf4", BT_KERNEL_INT4, 0 },
    { "nvfp4", BT_KERNEL_FP4, 0 }, { "mxfp4", BT_KERNEL_FP4, 0 }, { "fp4", BT_KERNEL_FP4, 0 }, { "modelopt_fp4", BT_KERNEL_FP4, 0 },
    { "q4_k_m", BT_KERNEL_GGUF, 0 }, { "q4_k", BT_KERNEL_GGUF, 0 }, { "q5_k_m", BT_KERNEL_GGUF, 5.70 }, { "q8_0", BT_KERNEL_GGUF_Q8, 0 },
    { "q4_0", BT_KERNEL_GGUF_Q4_0, 0 }, { "q2_k", BT_KERNEL_GGUF, 3.16 }, { "q3_k_s", BT_KERNEL_GGUF, 3.64 }, { "q3_k_m", BT_KERNEL_GGUF, 4.00 },
    { "q3_k_l", BT_KERNEL_GGUF, 4.30 }, { "q4_k_s", BT_KERNEL_GGUF, 4.67 }, { "q4_k_xl", BT_KERNEL_GGUF, 0 },
    { "q4_1", BT_KERNEL_GGUF, 5.10 }, { "q5_0", BT_KERNEL_GGUF, 5.56 }, { "q5_1", BT_KERNEL_GGUF, 6.04 }, { "q5_k_s", BT_KERNEL_GGUF, 5.57 },
    { "q6_k", BT_KERNEL_GGUF, 6.56 }, { "iq4_xs", BT_KERNEL_GGUF, 4.45 }, { "iq4_nl", BT_KERNEL_GGUF, 4.68 }, { "iq3_m", BT_KERNEL_GGUF, 3.76 },
    { "iq2_m", BT_KERNEL_GGUF, 2.93 }, { "exl2", BT_KERNEL_EXL, 0 }, { "exl3", BT_KERNEL_EXL, 0 },
};

/* "UD-Q4_K_M": Unsloth's, of four bits and more within 6 % of the format they are named by. Below that parts are in others, a fifth more bytes. */
static bool is_method(size_t i, const char *method)
{
    bool theirs = !strncasecmp(method, "ud-q", 4) && method[4] >= '4';
    return !strcasecmp(methods[i].method, method + (theirs ? 3 : 0));
}

double pc_method_bits(const char *method)
{
    for (size_t i = 0; method && i < BT_LEN(methods); i++)
        if (is_method(i, method))
            return methods[i].bits > 0 ? methods[i].bits : pc_kernel_bits(methods[i].kernel);
    return 0;
}

bool pc_kernel_named(const char *method, enum bt_pace_kernel *out)
{
    for (size_t i = 0; method && i < BT_LEN(methods); i++)
        if (is_method(i, method)) {
            *out = methods[i].kernel;
            return true;
        }
    return false;
}

/* Newest first of each name. 45 us and 0.4 ms: the constants for an engine whose version is not known. */
static const struct pc_engine engines[] = {
    { "vllm", 15, PC_SERVER, 43, 0.35, 0, 9, 0, 0, true, true, .only_said = true },      /* 0.15 to 0.19 on B200: 99 rows */
    { "vllm", 12, PC_SERVER, 43, 0.35, 0, 9, 0, 0, true, false },
    { "vllm", 11, PC_SERVER, 45, 0.40, 0, 9, 0, 0, false, false },                /* as those before, but for FP4 on an A100, below */
    { "vllm", 8, PC_SERVER, 45, 0.40, 0, 9, 0, 0, false, false },                 /* V1 before 0.12: no row of its own */
    { "vllm", 7, PC_SERVER, 75, 1.20, 65, 22, 0, 0, true, false },
    { "vllm", 5, PC_SERVER, 85, 1.20, 65, 22, 0, 0, true, false },
    { "vllm", 3, PC_SERVER, 85, 1.20, 65, 22, 0, 0, true, false, .graph_tokens = 8192, .kv_by_head = true },
    { "vllm", 0, PC_SERVER, 450, 1.20, 65, 22, 0, 0, false, false, .kv_by_head = true }, /* no CUDA graphs yet: 6 rows of several cards, 280 to 740 us */
    { "sglang", 5, PC_SERVER, 43, 0.35, 0, 10, 350, 1800, true, false, .late = true }, /* its scheduler overlaps: 26 first tokens below 1000 tokens */
    { "sglang", 0, PC_SERVER, 50, 0.35, 0, 10, 0, 0, true, false },
    { "llama-server", 202500, PC_LLAMA, 43, 0, 500, 4, 0, 0, true, false },
    { "llama-server", 0, PC_LLAMA, 90, 0.00, 0, 4, 0, 0, true, false },
    { "tensorrt-llm", 100, PC_SERVER, 28, 0.35, 0, 8, 0, 0, true, true },
    { "tensorrt-llm", 0, PC_SERVER, 40, 0.35, 0, 8, 0, 0, true, false },          /* of 2024: 66 rows on A100 and H100, and NCCL below */
    { "gpt-fast", 0, PC_GPT_FAST, 43, 0.35, 0, 9, 0, 0, true, false },
    { "exllamav2", 0, PC_EXL, 43, 0.35, 0, 9, 0, 0, true, false },
    { "mlc", 0, PC_MLC, 43, 0.35, 0, 9, 0, 0, true, false },
    { "lmdeploy", 0, PC_SERVER, 70, 0.00, 0, 5, 0, 0, true, false },
    { "fastertransformer", 0, PC_SERVER, 120, 0.00, 0, 9, 0, 0, true, false },
    { "transformers", 0, PC_SERVER, 750, 0.00, 0, 9, 0, 0, false, false },        /* eager: 610 to 1090 by host, at any size of model (10 rows) */
};
static const struct pc_engine engine_unknown = { "", 0, PC_SERVER, 45, 0.40, 0, 9, 0, 0, false, false };
#define MLC_TP_LAYER_US 130          /* MLC's ranks were not in a graph */

static const struct { const char *word, *name; } engine_words[] = {
    { "llama.cpp", "llama-server" }, { "ollama", "llama-server" }, { "trtllm", "tensorrt-llm" }, { "trt-llm", "tensorrt-llm" }, { "hf", "transformers" },
    { "exllama", "exllamav2" }, { "mlc-llm", "mlc" },
    { "tabbyapi", "exllamav2" }, { "exllamav3", "exllamav2" }, { "tabby", "exllamav2" }, { "llama-bench", "llama-server" },
    { "koboldcpp", "llama-server" }, { "lmstudio", "llama-server" }, { "trt", "tensorrt-llm" },
};

/* "0.11.2" 11, "1.3" 103, "2024-05" 202405, "b6000" 600000, "" UINT_MAX (the newest). */
static unsigned version_number(const char *v)
{
    while (v && *v && !isdigit((unsigned char)*v))
        v++;
    if (!v || !*v)
        return UINT32_MAX;
    char *end;
    unsigned long major = strtoul(v, &end, 10), minor = *end == '.' || *end == '-' ? strtoul(end + 1, NULL, 10) : 0;
    return (unsigned)(BT_MIN(major, 1000000ul) * 100 + BT_MIN(minor, 99ul));
}

static const struct pc_engine *engine_row(const char *name, const char *version, bool said)
{
    for (size_t i = 0; name && i < BT_LEN(engine_words); i++)
        if (!strcasecmp(engine_words[i].word, name))
            name = engine_words[i].name;
    unsigned n = version_number(version);
    for (size_t i = 0; name && i < BT_LEN(engines); i++)
        if (!strcasecmp(engines[i].name, name) && n >= engines[i].since && (said || !engines[i].only_said))
            return &engines[i];
    return NULL;
}

const struct pc_engine *pc_engine_named(const char *name, const char *version) { return engine_row(name, version, version && *version); }

const struct pc_engine *pc_engine_of(const struct bt_pace_in *in)
{
    const char *name = in->engine_name ? in->engine_name : in->engine ? in->engine->name : NULL;
    const char *version = in->engine_version ? in->engine_version : in->version ? in->version->version : NULL;
    static const struct pc_engine mlc_tp = { "mlc", 0, PC_MLC, MLC_TP_LAYER_US, 0, 0, 9, 0, 0, true, false };
    const struct pc_engine *e = engine_row(name, version, in->engine_version && *in->engine_version);
    if (!e)
        return &engine_unknown;
    return e->family == PC_MLC && in->tp > 1 ? &mlc_tp : e;
}

/* Radeon cards give servers less than llama.cpp, which their 0.78 is of: 8 rows of an R9700 in 16 and 8 bits. */
#define RDNA_SERVER_EFF 0.61

double pc_engine_eff(const struct pc_engine *e, const struct pc_class *c)
{
    if (e->family == PC_SERVER && !strcmp(c->name, "amd_rdna"))
        return RDNA_SERVER_EFF;
    if (e->family != PC_LLAMA || e->since >= 202500)
        return 0;
    return !strcmp(c->name, "hbm_a100") ? 0.53 : !strcmp(c->name, "hbm_hopper") ? 0.64 : !strcmp(c->name, "amd_cdna3") ? 0.22 : 0;
}

/* Boards of data centres with GDDR6 (A10, A40, L4, L40S) are shipped with ECC on, and their check bits lie in the same memory: a sixteenth, as their sizes
 * show, and of what is moved. The shares of both classes are of cards that have it off. 28 rows of an A40, 28 of an L40S, 4 of an L4, 15 of an A10G under
 * SGLang, 38 under vLLM 0.15 and 0.18. vLLM without a version or with 0.12 to 0.14 is without: the golden rows of the A10G, L4 and L40S hold that. */
#define ECC_SHARE (15.0 / 16)

double pc_ecc_share(const struct pc_engine *e, const struct bt_gpu_kind *k)
{
    bool gddr6 = k->eff_class && (!strcmp(k->eff_class, "gddr_ampere") || !strcmp(k->eff_class, "gddr_ada"));
    bool golden = !strcmp(e->name, "vllm") && e->since == 12;
    return gddr6 && !golden && k->made_for == BT_FOR_RACKS ? ECC_SHARE : 1;
}

/* llama.cpp of 2025 on data-centre cards, 46 rows of one page (P100 to B300): their clocks are low and their memory answers late, so each of its many small
 * kernels takes longer than on a GeForce. ExLlamaV2's do, too. Microseconds of a layer. */
static const struct { const char *name; double us; } llama_layers[] = {
    { "hbm_a100", 120 }, { "hbm_hopper", 85 }, { "hbm_h20", 85 }, { "hbm_blackwell", 80 }, { "hbm_volta", 90 }, { "hbm_old", 200 },
};

/* Builds of 2024 have rows of their own on the A100 and on Hopper, with kernels of their own. */
static bool has_older_row(const struct pc_engine *e, const struct bt_gpu_kind *k) { return pc_engine_eff(e, pc_class_of(k)) > 0; }

double pc_layer_us(const struct pc_engine *e, const struct bt_gpu_kind *k)
{
    bool small_kernels = e->family == PC_LLAMA || e->family == PC_EXL;
    for (size_t i = 0; small_kernels && k->eff_class && !has_older_row(e, k) && i < BT_LEN(llama_layers); i++)
        if (!strcmp(llama_layers[i].name, k->eff_class))
            return BT_MAX(e->layer_us, llama_layers[i].us);
    return e->layer_us;
}

/* Its kernels unpack blocks on the plain cores: so many numbers for each FP32 operation of the card. About 15 a clock of each multiprocessor, which has
 * 64 FP32 cores on the P100, V100, A100 and 128 on all others; the P100 has no instruction for four products of 8 bits. GeForce cards never get there. */
#define UNPACK_64_CORES 0.110
#define UNPACK_128_CORES 0.060
#define UNPACK_NO_DP4A 0.038
/* Formats of fewer than 4 bits keep each number in two places: put together they cost more than twice as much, on GeForce cards too. 2 rows of an RTX 3090. */
#define UNPACK_FEW_BITS 0.027
#define FEW_BITS 4.15                /* Q2_K, Q3_K_S, Q3_K_M, IQ2 and IQ3 are below, heads included */

double pc_unpack_bytes_a_s(const struct pc_engine *e, const struct bt_pace_weight *w, const struct bt_gpu_kind *k)
{
    if (e->family != PC_LLAMA || w->kernel == BT_KERNEL_PLAIN || !(w->params > 0) || !(k->fp32_tflops > 0) || k->cc_major < 6)
        return 0;
    double bytes = bt_pace_step_bytes(w, 1) / w->params; /* of a number: one more bits wide is no more work */
    bool few = w->kernel == BT_KERNEL_GGUF && bytes * 8 < FEW_BITS;
    if (has_older_row(e, k) && !few)
        return 0;
    bool p100 = k->cc_major == 6 && k->cc_minor == 0, half = p100 || k->cc_major == 7 || (k->cc_major == 8 && k->cc_minor == 0);
    double numbers = p100 ? UNPACK_NO_DP4A : half ? UNPACK_64_CORES : UNPACK_128_CORES;
    return k->fp32_tflops * 1e12 * (few ? BT_MIN(numbers, UNPACK_FEW_BITS) : numbers) * bytes;
}

/* Microseconds of one all-reduce in a CUDA graph, at 4, 16, 64, 256 KiB, 1 and 16 MiB, for 2, 4 and 8 ranks. PCIe without P2P: measured on 2 ranks only. */
static const struct { const char *name; double us[3][6], bus_gbs; } links[] = {
    [PC_NVLINK_AMPERE]    = { "NVLink", { { 5.0, 5.3, 5.5, 6.6, 10.7, 126 }, { 5.3, 6.0, 6.6, 9.9, 18.3, 183 }, { 5.8, 6.5, 8.4, 17.1, 21.7, 214 } }, 220 },
    [PC_NVLINK_HOPPER]    = { "NVLink", { { 4.4, 4.5, 4.6, 5.1, 8.3, 79 }, { 4.7, 4.8, 5.3, 7.1, 12.5, 96 }, { 4.9, 5.2, 6.4, 10.4, 14.5, 90 } }, 340 },
    [PC_NVLINK_BLACKWELL] = { "NVLink", { { 7.0, 7.1, 7.1, 7.7, 13.1, 60 }, { 7.1, 7.4, 7.5, 8.7, 18.4, 60 }, { 7.6, 8.1, 8.6, 17.0, 17.2, 60 } }, 640 },
    [PC_PCIE5] = { "PCIe with P2P", { { 4.3, 5.1, 6.2, 11.1, 30, 475 }, { 13.5, 14.9, 16.9, 42.0, 88, 887 }, { 26.0, 27.5, 31.2, 84.0, 134, 1275 } }, 26 },
    [PC_PCIE4] = { "PCIe with P2P", { { 5.5, 6.2, 9.9, 18.1, 60, 892 }, { 14.0, 17.5, 37.0, 116.0, 361, 6676 }, { 27.0, 27.4, 73.0, 207.0, 583, 15806 } }, 9 },
    [PC_PCIE_NO_P2P] = { "PCIe without P2P", { { 18.0, 20.5, 22.3, 39.0, 92, 1118 }, { 35, 40, 60, 130, 350, 4000 }, { 60, 70, 110, 280, 800, 10000 } }, 6 },
};
#define SPLIT_NVLINK 1.65            /* narrow matrices, ranks that wait for each other */
#define SPLIT_FUSED 1.00             /* the all-reduce takes the norm behind it along */
#define SPLIT_PCIE 0.70              /* fitted on six rows; the PCIe kernels above are measured on slow hosts */
/* TensorRT-LLM of 2024 calls NCCL, whose kernel starts that much later, whatever its size; for 2, 4 and 8 ranks. 50 rows of 2 and 4 ranks on A100 and H100,
 * 8 is drawn on. */
static const double nccl_us[3] = { 8, 12, 16 };
#define HOP_HOST_MS 0.25             /* one pipeline hop through host memory */
#define HOP_P2P_MS 0.02

/* Drivers refuse P2P over PCIe between GeForce cards, and clouds do for the A10G. */
static bool pcie_p2p(const struct bt_gpu_kind *k)
{
    return !pc_is_geforce(k) && strncmp(k->key, "a10g", 4) != 0;
}

enum pc_link pc_link_of(const struct bt_gpu_kind *k, bool nvlink, enum bt_pace_p2p p2p)
{
    if (nvlink)
        return k->cc_major >= 10 ? PC_NVLINK_BLACKWELL : k->cc_major == 9 ? PC_NVLINK_HOPPER : PC_NVLINK_AMPERE;
    if (p2p == BT_P2P_NO || (p2p == BT_P2P_AUTO && !pcie_p2p(k)))
        return PC_PCIE_NO_P2P;
    return k->pcie && k->pcie[0] >= '5' && k->pcie[0] <= '9' ? PC_PCIE5 : PC_PCIE4;
}

const char *pc_link_name(enum pc_link l) { return links[l].name; }
double pc_bus_gbs(enum pc_link l) { return links[l].bus_gbs; }
static double split_of(enum pc_link l, const struct pc_engine *e)
{
    return l > PC_NVLINK_BLACKWELL ? SPLIT_PCIE : l == PC_NVLINK_BLACKWELL && e->fused ? SPLIT_FUSED : SPLIT_NVLINK;
}

/* Microseconds of what a layer with experts launches beside its matrices: router, sort, gather, and for 8 bits and FP4 the scaling of activations. It hangs
 * on which kernel there is for that format on that architecture: one for all of it (FP4 on B200), or Triton's, without a table of its own for the card. */
enum moe_arch { MOE_USUAL, MOE_B200, MOE_GDDR7, MOE_ROCM, MOE_ARCH__N };
enum moe_bits { MOE_16, MOE_8, MOE_4, MOE_FP4, MOE_BITS__N };
static const double moe_us[MOE_ARCH__N][MOE_BITS__N] = {
    [MOE_USUAL] = { 20, 45, 30, 20 },
    [MOE_B200]  = { 25, 65, 30, 5 },
    [MOE_GDDR7] = { 20, 85, 45, 55 },
    [MOE_ROCM]  = { 50, 250, 220, 30 },
};
#define MOE_LLAMA_US 10              /* llama.cpp: one kernel for the choice of experts, no scaling */
#define MOE_TRITON_FP4_US 60         /* TensorRT-LLM before Blackwell has no FP4 kernel of its own */
#define MOE_EARLY_FP4_US 200         /* vLLM 0.10 on an A100: 3 rows, and as slow on two and four cards; 0.11 and 0.12 are as fast as elsewhere (2 rows each) */

bool pc_early_fp4(const struct pc_engine *e, const struct pc_class *c) { return !strcmp(e->name, "vllm") && e->since < 11 && !strcmp(c->name, "hbm_a100"); }

double pc_moe_us(const struct pc_engine *e, enum bt_pace_kernel k, const struct pc_class *c)
{
    enum moe_arch arch = is_blackwell(c) ? MOE_B200 : !strcmp(c->name, "gddr7") ? MOE_GDDR7 : is_amd(c) ? MOE_ROCM : MOE_USUAL;
    enum moe_bits bits = k == BT_KERNEL_FP4 ? MOE_FP4 : k == BT_KERNEL_FP8 ? MOE_8 : k == BT_KERNEL_INT4 ? MOE_4 : MOE_16;
    if (e->family == PC_LLAMA)
        return MOE_LLAMA_US;
    bool triton = bits == MOE_FP4 && arch != MOE_B200 && !strcmp(e->name, "tensorrt-llm");
    if (bits == MOE_FP4 && pc_early_fp4(e, c))
        return MOE_EARLY_FP4_US;
    return triton ? MOE_TRITON_FP4_US : moe_us[arch][bits];
}

/* Tokens that are decoded together choose alike, and llama.cpp has a fused kernel for one token only: two read as much as nearly three. 40 rows of its batches
 * (gpt-oss, Qwen3-30B on a GB10). Those of servers read nearly what independent choices would: 760 rows of 2 to 64 streams are in the middle at this power. */
#define LLAMA_CHOICES 2.0
#define SERVER_CHOICE_POWER 0.9
#define MANY_EXPERTS 32              /* those rows' models have 32 to 512; of Mixtral's 8 a few tokens hit all */
#define LLAMA_CHOICE_POWER 0.45

double pc_choices(const struct pc_engine *e, const struct bt_pace_weight *w, double tokens)
{
    if (e->family == PC_LLAMA)
        return tokens > 1 ? LLAMA_CHOICES * pow(tokens, LLAMA_CHOICE_POWER) : tokens;
    return w->experts >= MANY_EXPERTS ? pow(tokens, SERVER_CHOICE_POWER) : tokens;
}

/* Of the matrix rate, prompts that are read in beside decode. A chunk of a prompt is spread over many experts, each with few rows to multiply and, in
 * 8 and 4 bits, with scales of its own: 26 rows of gpt-oss, Qwen3-235B, MiniMax, DeepSeek and GLM with prompts more than twice as long as answers.
 * Blackwell's rows with experts are in the middle at the usual one. */
#define MIXED_MFU 0.53
#define MIXED_MFU_EXPERTS_HOPPER 0.25

double pc_mixed_mfu(const struct pc_engine *e, const struct bt_pace_weight *w, const struct pc_class *c)
{
    bool many = e->family == PC_SERVER && w->experts >= MANY_EXPERTS && !strcmp(c->name, "hbm_hopper");
    return many ? MIXED_MFU_EXPERTS_HOPPER : MIXED_MFU;
}

double pc_nccl_us(const struct pc_engine *e, uint64_t ranks)
{
    bool calls = !strcmp(e->name, "tensorrt-llm") && e->since < 100;
    return calls ? nccl_us[ranks <= 2 ? 0 : ranks <= 4 ? 1 : 2] : 0;
}

double pc_hop_ms(enum pc_link l, const struct pc_engine *e) { return l == PC_PCIE_NO_P2P || e->family == PC_LLAMA ? HOP_HOST_MS : HOP_P2P_MS; }

/* Between the table's sizes by log of the size, past 1 MiB by bandwidth; between numbers of ranks the next larger. */
double pc_allreduce_us(enum pc_link link, uint64_t ranks, double bytes)
{
    const double *us = links[link].us[ranks <= 2 ? 0 : ranks <= 4 ? 1 : 2], mib = 1 << 20;
    double at = log2(bytes / 4096.0) / 2;            /* 0, 1, 2, 3, 4 at the columns */
    if (at <= 0)
        return us[0];
    if (at >= 4) /* no more than its pieces one after the other */
        return us[4] + BT_MIN((us[5] - us[4]) / 15, us[4]) * (bytes - mib) / mib;
    unsigned i = (unsigned)at;
    return us[i] + (us[i + 1] - us[i]) * (at - i);
}

/* Both factors are fitted, NVLink's on boards with HBM, PCIe's on cards with GDDR; what a split costs beyond the kernel hangs on the board more than on the
 * link, so a board keeps its factor over the other one. Where the two links cross all the same, the one that was measured on such a card holds. */
double pc_sum_us(const struct bt_gpu_kind *k, enum pc_link link, const struct pc_engine *e, uint64_t ranks, double bytes)
{
    bool nvlink = link <= PC_NVLINK_BLACKWELL, hbm = pc_class_of(k)->hbm;
    enum pc_link other = pc_link_of(k, !nvlink, nvlink ? BT_P2P_YES : BT_P2P_AUTO);
    if (nvlink == hbm)
        return pc_allreduce_us(link, ranks, bytes) * split_of(link, e);
    double us = pc_allreduce_us(link, ranks, bytes) * (hbm ? SPLIT_NVLINK : SPLIT_PCIE);
    double measured = pc_allreduce_us(other, ranks, bytes) * split_of(other, e);
    return nvlink ? BT_MIN(us, measured) : BT_MAX(us, measured);
}

/* The best honest single-stream row of bench/data/pace_rows.csv: gpt-fast and vLLM on NVLink, llama.cpp and ExLlamaV2 on one GeForce. */
double bt_pace_best_share(uint64_t tp, bool hbm)
{
    return tp <= 1 ? (hbm ? 0.75 : 0.89) : tp == 2 ? 0.72 : tp <= 4 ? 0.69 : 0.66;
}
