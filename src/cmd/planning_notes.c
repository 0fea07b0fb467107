/* planning_notes - the notes below a plan: what is the same of several workloads is said once. The plan itself (--json) has a note for each. */
#include "cmd/planning.h"

#define MAX_NOTES 20                 /* of many machines */
#define MOST_NAMED 4

#define BUILT_IN " is not on this machine: planned from its built-in shape"

struct note { const struct bt_workload *w; const char *text; };      /* "llm: vllm is not installed here": whose, and what; w NULL: of nobody, the whole text */

static struct note note_of(const struct bt_spec *s, const char *warning)
{
    for (size_t i = 0; i < s->n; i++) {
        size_t len = strlen(s->w[i].name);
        if (!strncmp(warning, s->w[i].name, len) && !strncmp(warning + len, ": ", 2))
            return (struct note){ &s->w[i], warning + len + 2 };
    }
    return (struct note){ NULL, warning };
}

/* Of a model: what is said of it without its name. NULL: of something else. */
static const char *without_model(const struct note *n)
{
    const char *model = n->w && n->w->model ? n->w->model : NULL;
    return model && !strncmp(n->text, model, strlen(model)) && !strcmp(n->text + strlen(model), BUILT_IN) ? BUILT_IN : NULL;
}

static bool is_same(const struct note *x, const struct note *y)
{
    return x->w && y->w && (!strcmp(x->text, y->text) || (without_model(x) && without_model(y)));
}

/* The words that tell the notes at[] apart: their workloads, or their models, each once; returns how many. */
static size_t words_of(const struct note *note, const size_t *at, size_t n, const char **out)
{
    size_t words = 0;
    for (size_t i = 0; i < n; i++) {
        const struct bt_workload *w = note[at[i]].w;
        const char *word = without_model(&note[at[i]]) ? w->model : w->name;
        size_t k = 0;
        while (k < words && strcmp(out[k], word))
            k++;
        out[k] = word;
        words = BT_MAX(words, k + 1);
    }
    return words;
}

static void print_together(struct bt_arena *a, const struct note *note, const size_t *at, size_t n, struct bt_buf *out)
{
    const char **word = BT_NEWN(a, const char *, n);
    const bool models = without_model(&note[at[0]]);
    const size_t words = words_of(note, at, n, word);
    if (models)
        bt_buf_printf(out, "not on this machine, planned from %s: ", words == 1 ? "its built-in shape" : "their built-in shapes");
    for (size_t i = 0; i < BT_MIN(words, (size_t)MOST_NAMED); i++)
        bt_buf_printf(out, "%s%s", i ? ", " : "", word[i]);
    if (words > MOST_NAMED)
        bt_buf_printf(out, " and %zu more", words - MOST_NAMED);
    if (!models)
        bt_buf_printf(out, ": %s", note[at[0]].text);
}

void bt_planning_print_notes(struct bt_arena *a, const struct bt_plan *p, struct bt_buf *out)
{
    const size_t total = p->nwarnings, most = p->fleet->nboxes ? MAX_NOTES : SIZE_MAX;
    struct note *note = BT_NEWN(a, struct note, total + 1);
    bool *said = BT_NEWN(a, bool, total + 1);
    size_t *at = BT_NEWN(a, size_t, total + 1), lines = 0;
    for (size_t i = 0; i < total; i++)
        note[i] = note_of(p->spec, p->warning[i]);
    for (size_t i = 0; i < total; i++) {
        size_t n = 0;
        for (size_t k = i; k < total && !said[i]; k++)
            if (k == i || (!said[k] && is_same(&note[i], &note[k])))
                at[n++] = k;
        for (size_t k = 0; k < n; k++)
            said[at[k]] = true;
        if (!n || lines++ >= most)
            continue;
        bt_buf_puts(out, "note: ");
        if (n > 1)
            print_together(a, note, at, n, out);
        else
            bt_buf_puts(out, p->warning[i]);
        bt_buf_puts(out, "\n");
    }
    if (lines > most)
        bt_buf_printf(out, "%zu more notes: --json has them all\n", lines - most);
}
