/* encoder - what the profile run of a vision model takes beside the language model: the largest image or video that one request may bring, encoded, and its
 * embeddings kept. vLLM v1/worker/gpu_model_runner.py profile_run and v1/worker/utils.py MultiModalBudget; the models' own *ProcessingInfo. */
#include <stdlib.h>

#include "need/parts.h"

static unsigned long long ull(uint64_t n) { return n; }

/* Patches of one width, so many times that at the peak of a layer. Logs up to 0.11: 17 (Qwen2.5-VL-7B), 19 (Llama 3.2 Vision, the one where it is most
 * of the card), 20 (Qwen2.5-VL-3B); of 0.26 and 0.28: 9 to 11. */
#define COPIES_OLD 19
#define COPIES 12

#define WHOLE_COPIES 3               /* of these the layer's input, its normed copy and the sum; queries, keys, values and the MLP are cut by TP */

#define MOST_PAIRS 7                 /* vLLM models/qwen2_vl.py: a video of at most 14 frames, two to a patch */
#define TIMED_TENTHS 125             /* vLLM models/qwen3_vl.py of 0.11: 12.5 tokens of budget for each of a video, because of the time stamps between frames */

/* One image or video. counted: tokens that the encoder's budget takes it for; tokens: embeddings that come out of it. */
struct item { const char *what; uint64_t counted, tokens, patches; };

/* What --limit-mm-per-prompt says of a modality: {"image": 2, "video": 0}, or image=2,video=0 as it once was. */
static uint64_t limit_of(const struct need_in *in, const char *modality, uint64_t otherwise)
{
    const char *given = need_extra_flag(in->serve, "limit-mm-per-prompt"), *at = given ? strstr(given, modality) : NULL;
    if (!at)
        return otherwise;
    at += strlen(modality);
    at += strspn(at, "\" :=");
    return *at >= '0' && *at <= '9' ? strtoul(at, NULL, 10) : otherwise;
}

/* Towers that read no videos; of others that is not always told by the config, so a limit for videos has to be said too. */
#define IMAGES_ONLY "Gemma3ForConditionalGeneration Llama4ForConditionalGeneration LlavaForConditionalGeneration Mistral3ForConditionalGeneration PixtralForConditionalGeneration"

/* Where --limit-mm-per-prompt leaves a tower nothing to read (vLLM #22299, #26000 for some classes; models/interfaces.py _mark_tower_model for all, #32605 and #32757). */
bool need_text_alone(const struct need_in *in, bool audio)
{
    const char *class = in->model->architecture;
    if (need_extra_flag(in->serve, "language-model-only"))
        return true;
    if (!in->version->text_alone && !need_named(in->version->text_alone_for, class))
        return false;
    if (audio)
        return limit_of(in, "audio", 1) == 0;
    return limit_of(in, "image", 1) == 0 && limit_of(in, "video", need_named(IMAGES_ONLY, class) ? 0 : 1) == 0;
}

/* --mm-processor-kwargs '{"max_pixels": 1003520}': the largest image in tokens; more than the model's own is as it is said. */
static uint64_t image_tokens(const struct need_in *in)
{
    static const char key[] = "\"max_pixels\"";
    const struct bt_tower *t = &in->model->tower;
    const char *given = need_extra_flag(in->serve, "mm-processor-kwargs"), *at = given ? strstr(given, key) : NULL;
    uint64_t side = (uint64_t)t->patch * BT_MAX(t->merge, 1u);
    if (!at || !side || !t->by_pixels)
        return t->image_tokens;
    at += sizeof key - 1;
    at += strspn(at, " :");
    unsigned long long pixels = strtoull(at, NULL, 10);
    return BT_MAX(BT_MIN(pixels, 1ull << 32) / (side * side), 1u);
}

static uint64_t patches_of(const struct bt_tower *t, uint64_t tokens)
{
    uint64_t merge = BT_MAX(t->merge, 1u);
    return sat_mul(tokens, merge * merge);
}

static struct item image(const struct need_in *in)
{
    const struct bt_tower *t = &in->model->tower;
    uint64_t tokens = image_tokens(in);
    return (struct item){ "image", tokens, tokens, t->patches ? t->patches : patches_of(t, tokens) };
}

/* Frames of an image's size, as many as the length has room for; what is encoded of them, some processors make smaller. */
static struct item frames(const struct need_in *in)
{
    const struct bt_tower *t = &in->model->tower;
    uint64_t each = BT_MAX(image_tokens(in), 1u), pairs = BT_MAX(BT_MIN(in->serve->context / each, MOST_PAIRS), 1u);
    uint64_t room = in->version->videos_by_batch ? in->serve->max_batched_tokens : in->serve->context, made = BT_MAX(BT_MIN(room / each, MOST_PAIRS), 1u);
    uint64_t tokens = sat_mul(made, t->frame_tokens ? BT_MIN((uint64_t)t->frame_tokens, each) : each);
    return (struct item){ "video", sat_mul(pairs, each), tokens, patches_of(t, tokens) };
}

static struct item video(const struct need_in *in)
{
    const struct bt_tower *t = &in->model->tower;
    if (!t->video_tokens)
        return frames(in);
    uint64_t counted = in->version->images_expanded ? sat_mul(t->video_tokens, TIMED_TENTHS) / 10 : t->video_tokens;
    return (struct item){ "video", counted, t->video_tokens, patches_of(t, t->video_tokens) };
}

/* V1 encodes one kind of item, that of the most tokens. V0 an image; so do we for a V1 that counts its videos by the batch. */
static struct item largest(const struct need_in *in)
{
    const struct bt_tower *t = &in->model->tower;
    bool images = limit_of(in, "image", 1) > 0, videos = t->videos && !in->version->v0 && !in->version->videos_unprofiled && limit_of(in, "video", 1) > 0;
    struct item picture = image(in), film = videos ? video(in) : (struct item){ 0 };
    if (!images)
        return film;
    return film.counted > picture.counted ? film : picture;
}

/* V0 made up a whole batch of prompts with an image each; V1 takes as many as its budget holds: the batch, or one image (vLLM v1/core/encoder_cache_manager.py). */
static uint64_t profiled(const struct need_in *in, const struct item *x)
{
    uint64_t held = in->serve->max_batched_tokens / BT_MAX(x->counted, 1u);
    return in->version->v0 && in->model->tower.crossed ? in->serve->max_seqs : BT_MAX(BT_MIN(in->serve->max_seqs, held), 1u);
}

/* The embeddings stay while the language model is profiled; some versions make each as long as the whole budget (v1/worker/gpu_model_runner.py). */
static uint64_t kept_bytes(const struct need_in *in, const struct item *x, uint64_t items)
{
    const struct bt_tower *t = &in->model->tower;
    uint64_t budget = BT_MAX(in->serve->max_batched_tokens, x->counted), each = in->version->images_expanded ? BT_MAX(budget, x->tokens) : x->tokens;
    return in->version->v0 || t->crossed ? 0 : sat_mul(sat_mul(items, each), (uint64_t)in->model->hidden * (1 + t->mergers) * in->elem);
}

/* Ranks that share a layer of the tower; with --mm-encoder-tp-mode data each encodes images of its own. */
static uint64_t split(const struct need_in *in)
{
    const char *mode = need_extra_flag(in->serve, "mm-encoder-tp-mode");
    return mode && !strcmp(mode, "data") ? 1 : BT_MAX(in->serve->tp, 1u);
}

uint64_t need_encoder(const struct need_in *in, struct bt_need_rank *r, uint64_t forward)
{
    const struct bt_tower *t = &in->model->tower;
    if (!in->first || !t->layers || !t->image_tokens || need_text_alone(in, false))
        return 0;
    struct item x = largest(in);
    if (!x.tokens)
        return 0;
    unsigned cut = (in->version->graphs_in_budget || in->version->runner == BT_RUNNER_V2 ? COPIES : COPIES_OLD) - WHOLE_COPIES;
    uint64_t items = profiled(in, &x), copies = WHOLE_COPIES + bt_ceil_div(cut, split(in)), patches = sat_mul(x.patches, items);
    uint64_t bytes = sat_mul(sat_mul(patches, t->hidden), 2 * copies), kept = kept_bytes(in, &x, items);
    uint64_t language = need_language_peak(in, forward), above = bytes > language ? bytes - language : 0;            /* run one after the other: the larger peak counts */
    if (!BT_MAX(above, kept))
        return 0;
    const char *what = above > kept ? bt_arena_printf(in->arena, "%s above the language model's peak", bt_bytes_human(above))
                                    : bt_arena_printf(in->arena, "below the language model's peak, but %s of embeddings stay beside it", bt_bytes_human(kept));
    bool skipped = need_extra_flag(in->serve, "skip-mm-profiling") || (in->version->encoder_unprofiled && in->version->runner == BT_RUNNER_V2);
    need_line_push(in, r, (struct bt_need_line){ skipped ? BT_P_HEADROOM : BT_P_ENCODER, BT_MAX(above, kept),
        bt_arena_printf(in->arena, "%llu %s%s of the largest size, %llu patches x %u x %llu x 2 B = %s, %s: %s; "
                        "a smaller max_pixels in --mm-processor-kwargs makes it smaller", ull(items), x.what, items > 1 ? "s" : "", ull(patches), t->hidden, ull(copies), bt_bytes_human(bytes), what,
                        skipped ? "encoded at run time, and not in this engine's profile" : "the profile run encodes it"),
        !skipped, BT_MAX(above, kept) / 2 });
    return skipped ? 0 : kept;
}
