/* pattern.c - a parser to a tree, the tree to a program, and a simulation that holds all of its states at once (Thompson, 1968). */
#include "base/pattern.h"

#include <ctype.h>

enum { DEPTH_MAX = 64, REPEAT_MAX = 255, FOR_EVER = -1 };

/* ---- the tree ---- */

enum kind { EMPTY, SET, BEGIN, END, EDGE, NO_EDGE, WORD_BEGIN, WORD_END, JOIN, EITHER, REPEAT };
struct node { enum kind kind; const struct node *a, *b; int min, max; uint8_t set[32]; };        /* max FOR_EVER: no end */
struct parse { struct bt_arena *a; const char *text, *at; int depth; struct bt_err *err; };

static const struct node *parse_either(struct parse *p);

static const struct node *bad(struct parse *p, const char *why)
{
    bt_err_set(p->err, BT_E_INPUT, 0, "the pattern \"%.80s\", character %d: %s", p->text, (int)(p->at - p->text) + 1, why);
    return NULL;
}

static struct node *new_node(struct parse *p, enum kind kind)
{
    struct node *n = BT_NEW(p->a, struct node);
    n->kind = kind;
    return n;
}

static void add(uint8_t *set, unsigned c)
{
    set[c / 8] |= (uint8_t)(1u << c % 8);
}

static bool has(const uint8_t *set, unsigned char c)
{
    return set[c / 8] >> c % 8 & 1;
}

static bool is_word(int c)
{
    return isalnum(c) || c == '_';
}

static const struct { const char *name; int (*is)(int); } classes[] = {
    { "alpha", isalpha }, { "digit", isdigit }, { "alnum", isalnum }, { "upper", isupper }, { "lower", islower }, { "space", isspace },
    { "blank", isblank }, { "punct", ispunct }, { "print", isprint }, { "graph", isgraph }, { "cntrl", iscntrl }, { "xdigit", isxdigit },
};

static bool add_class(struct parse *p, uint8_t *set)         /* at "[:name:]" */
{
    for (size_t i = 0; i < BT_LEN(classes); i++) {
        size_t n = strlen(classes[i].name);
        if (strncmp(p->at + 2, classes[i].name, n) != 0 || p->at[n + 2] != ':' || p->at[n + 3] != ']')
            continue;
        for (int c = 0; c < 128; c++)
            if (classes[i].is(c))
                add(set, (unsigned)c);
        p->at += n + 4;
        return true;
    }
    bad(p, "no such class of characters");
    return false;
}

static bool add_range(struct parse *p, uint8_t *set)
{
    unsigned from = (unsigned char)*p->at++, to = from;
    if (p->at[0] == '-' && p->at[1] && p->at[1] != ']') {
        if (p->at[1] == '[' && p->at[2] && strchr(":.=", p->at[2])) {
            bad(p, "a range ends with a character");
            return false;
        }
        to = (unsigned char)p->at[1];
        p->at += 2;
    }
    if (from > 127 || to > 127) {
        bad(p, "only ASCII characters can stand in brackets");
        return false;
    }
    if (to < from) {
        bad(p, "a range ends before it begins");
        return false;
    }
    for (unsigned c = from; c <= to; c++)
        add(set, c);
    return true;
}

static const struct node *parse_brackets(struct parse *p)    /* behind the [ */
{
    struct node *n = new_node(p, SET);
    bool not = *p->at == '^';
    p->at += not;
    for (bool first = true; *p->at != ']' || first; first = false) {
        if (!*p->at)
            return bad(p, "a bracket is not closed");
        if (p->at[0] == '[' && p->at[1] && strchr(".=", p->at[1]))
            return bad(p, "[. and [= are not known here");
        bool class = p->at[0] == '[' && p->at[1] == ':';
        if (class ? !add_class(p, n->set) : !add_range(p, n->set))
            return NULL;
    }
    p->at++;
    for (size_t i = 0; not && i < sizeof n->set; i++)
        n->set[i] = (uint8_t)~n->set[i];
    return n;
}

static const struct node *one_of(struct parse *p, int (*is)(int), bool not)
{
    struct node *n = new_node(p, SET);
    for (int c = 0; c < 256; c++)
        if ((c < 128 && is(c)) != not)
            add(n->set, (unsigned)c);
    return n;
}

static int is_word_char(int c)
{
    return is_word(c);
}

static const struct node *parse_escape(struct parse *p)      /* behind the \ */
{
    char c = *p->at++;
    switch (c) {
    case 'w': case 'W': return one_of(p, is_word_char, c == 'W');
    case 's': case 'S': return one_of(p, isspace, c == 'S');
    case 'b': return new_node(p, EDGE);
    case 'B': return new_node(p, NO_EDGE);
    case '<': return new_node(p, WORD_BEGIN);
    case '>': return new_node(p, WORD_END);
    default: break;
    }
    p->at--;
    if (!c)
        return bad(p, "a \\ with nothing behind it");
    if (isdigit((unsigned char)c))
        return bad(p, "back-references are not known here: looking for them can take for ever");
    if (c == 'd' || c == 'D')
        return bad(p, "\\d is not of this language: write [0-9], or [^0-9]");
    if (isalpha((unsigned char)c))
        return bad(p, "this letter means nothing behind a \\");
    struct node *n = new_node(p, SET);
    add(n->set, (unsigned char)*p->at++);
    return n;
}

static const struct node *parse_one(struct parse *p)
{
    struct node *n;
    char c = *p->at++;
    switch (c) {
    case '(': {
        if (++p->depth > DEPTH_MAX)
            return bad(p, "too many parentheses inside each other");
        const struct node *inner = parse_either(p);
        if (inner && *p->at != ')')
            return bad(p, "a parenthesis is not closed");
        p->at++;
        p->depth--;
        return inner;
    }
    case '[': return parse_brackets(p);
    case '\\': return parse_escape(p);
    case '^': return new_node(p, BEGIN);
    case '$': return new_node(p, END);
    case '*': case '+': case '?':
        p->at--;
        return bad(p, "nothing stands before it that could be repeated");
    case '.':
        n = new_node(p, SET);
        memset(n->set, 0xff, sizeof n->set);
        return n;
    default:
        n = new_node(p, SET);
        add(n->set, (unsigned char)c);
        return n;
    }
}

/* What is more than any repetition stays REPEAT_MAX + 1; false: no digit. */
static bool number(const char **at, int *out)
{
    const char *p = *at;
    for (*out = 0; isdigit((unsigned char)*p); p++)
        *out = BT_MIN(*out * 10 + *p - '0', REPEAT_MAX + 1);
    bool any = p > *at;
    *at = p;
    return any;
}

/* "{2}", "{2,}", "{2,5}", "{,5}"; anything else is a brace like other signs. */
static bool parse_count(struct parse *p, int *min, int *max)
{
    const char *at = p->at + 1;
    bool low = number(&at, min), comma = *at == ',';
    at += comma;
    bool high = comma && number(&at, max);
    if (*at != '}' || !(low || high))
        return false;
    if (!high)
        *max = comma ? FOR_EVER : *min;
    p->at = at + 1;
    return true;
}

static const struct node *parse_repeated(struct parse *p)
{
    const struct node *n = parse_one(p);
    for (int stacked = 0; n; stacked++) {
        int min = 0, max = FOR_EVER;
        if (*p->at == '*' || *p->at == '+' || *p->at == '?') {
            min = *p->at == '+';
            max = *p->at == '?' ? 1 : FOR_EVER;
            p->at++;
        } else if (*p->at != '{' || !parse_count(p, &min, &max))
            return n;
        if (min > REPEAT_MAX || max > REPEAT_MAX || (max != FOR_EVER && max < min))
            return bad(p, "a repetition goes from few to more, to 255 at most");
        if (stacked == DEPTH_MAX)
            return bad(p, "too many repetitions of repetitions");
        struct node *r = new_node(p, REPEAT);
        *r = (struct node){ .kind = REPEAT, .a = n, .min = min, .max = max };
        n = r;
    }
    return NULL;
}

static const struct node *parse_joined(struct parse *p)
{
    const struct node *all = new_node(p, EMPTY);
    while (*p->at && *p->at != '|' && !(*p->at == ')' && p->depth)) {
        if (*p->at == ')')
            return bad(p, "a parenthesis is closed that was not opened");
        const struct node *next = parse_repeated(p);
        if (!next)
            return NULL;
        struct node *j = new_node(p, JOIN);
        j->a = all;
        j->b = next;
        all = j;
    }
    return all;
}

static const struct node *parse_either(struct parse *p)
{
    const struct node *all = parse_joined(p);
    while (all && *p->at == '|') {
        p->at++;
        struct node *e = new_node(p, EITHER);
        e->a = all;
        if (!(e->b = parse_joined(p)))
            return NULL;
        all = e;
    }
    return all;
}

/* ---- the program ---- */

enum op { TAKE, SPLIT, GO, CHECK, FOUND };
struct step { enum op op; enum kind check; int x, y; const uint8_t *set; };
struct bt_pattern { int n; struct step step[BT_PATTERN_STATES]; };

static int emit(struct bt_pattern *p, struct step s)
{
    if (p->n == BT_PATTERN_STATES)
        return -1;
    p->step[p->n] = s;
    return p->n++;
}

static int write_out(struct bt_pattern *p, const struct node *n);

static int write_either(struct bt_pattern *p, const struct node *n)
{
    int split = emit(p, (struct step){ .op = SPLIT }), jump;
    if (split < 0 || write_out(p, n->a) < 0 || (jump = emit(p, (struct step){ .op = GO })) < 0)
        return -1;
    p->step[split].x = split + 1;
    p->step[split].y = p->n;
    if (write_out(p, n->b) < 0)
        return -1;
    p->step[jump].x = p->n;
    return 0;
}

static int write_repeat(struct bt_pattern *p, const struct node *n)
{
    int optional[REPEAT_MAX], count = 0;
    for (int i = 0; i < n->min; i++)
        if (write_out(p, n->a) < 0)
            return -1;
    for (int i = n->min; i < n->max; i++) {
        if ((optional[count] = emit(p, (struct step){ .op = SPLIT, .x = p->n + 1 })) < 0 || write_out(p, n->a) < 0)
            return -1;
        count++;
    }
    if (n->max == FOR_EVER) {
        int split = emit(p, (struct step){ .op = SPLIT, .x = p->n + 1 });
        if (split < 0 || write_out(p, n->a) < 0 || emit(p, (struct step){ .op = GO, .x = split }) < 0)
            return -1;
        p->step[split].y = p->n;
    }
    for (int i = 0; i < count; i++)
        p->step[optional[i]].y = p->n;
    return 0;
}

static int write_out(struct bt_pattern *p, const struct node *n)
{
    switch (n->kind) {
    case EMPTY: return 0;
    case SET: return emit(p, (struct step){ .op = TAKE, .set = n->set }) < 0 ? -1 : 0;
    case JOIN: return write_out(p, n->a) < 0 ? -1 : write_out(p, n->b);
    case EITHER: return write_either(p, n);
    case REPEAT: return write_repeat(p, n);
    default: return emit(p, (struct step){ .op = CHECK, .check = n->kind }) < 0 ? -1 : 0;
    }
}

int bt_pattern_compile(struct bt_arena *a, const char *text, const struct bt_pattern **out, struct bt_err *err)
{
    struct parse p = { .a = a, .text = text, .at = text, .err = err };
    enum { LONGEST = 1024 };
    if (strlen(text) > LONGEST)
        return bt_err_set(err, BT_E_INPUT, 0, "the pattern \"%.80s...\" is longer than %d characters", text, LONGEST);
    const struct node *tree = parse_either(&p);
    if (!tree)
        return -1;
    struct bt_pattern *made = BT_NEW(a, struct bt_pattern);
    if (write_out(made, tree) < 0 || emit(made, (struct step){ .op = FOUND }) < 0)
        return bt_err_set(err, BT_E_INPUT, 0, "the pattern \"%.80s\" has more than %d states when its repetitions are written out", text, BT_PATTERN_STATES);
    *out = made;
    return 0;
}

/* ---- looking ---- */

struct look {
    const struct bt_pattern *p;
    struct bt_str text; bool cut;    /* cut: it is longer */
    size_t at;
    uint32_t turn, seen[BT_PATTERN_STATES];          /* seen: the turn in which a step was last reached */
    int stack[2 * BT_PATTERN_STATES + 2];
};

static bool word_at(const struct look *l, size_t i)
{
    return i < l->text.n && (unsigned char)l->text.p[i] < 128 && is_word((unsigned char)l->text.p[i]);
}

static bool holds(const struct look *l, enum kind check)
{
    bool before = l->at > 0 && word_at(l, l->at - 1), after = word_at(l, l->at);
    switch (check) {
    case BEGIN: return l->at == 0;
    case END: return l->at == l->text.n && !l->cut;
    case EDGE: return before != after;
    case NO_EDGE: return before == after;
    case WORD_BEGIN: return !before && after;
    default: return before && !after;
    }
}

/* From `from` on without taking a character: the TAKE steps that can be next. True: FOUND is among them. Every step is seen once a character. */
static bool reach(struct look *l, int from, int *list, int *n)
{
    int top = 0;
    l->stack[top++] = from;
    while (top) {
        int i = l->stack[--top];
        const struct step *s = &l->p->step[i];
        if (l->seen[i] == l->turn)
            continue;
        l->seen[i] = l->turn;
        if (s->op == FOUND)
            return true;
        if (s->op == TAKE)
            list[(*n)++] = i;
        else if (s->op == CHECK && holds(l, s->check))
            l->stack[top++] = i + 1;
        else if (s->op == SPLIT || s->op == GO) {
            l->stack[top++] = s->x;
            if (s->op == SPLIT)
                l->stack[top++] = s->y;
        }
    }
    return false;
}

bool bt_pattern_found(const struct bt_pattern *p, struct bt_str text)
{
    struct look l = { .p = p, .text = { text.p, BT_MIN(text.n, (size_t)BT_PATTERN_LOOKS_AT) }, .cut = text.n > BT_PATTERN_LOOKS_AT };
    int now[BT_PATTERN_STATES], next[BT_PATTERN_STATES], n = 0;
    l.turn = 1;
    for (l.at = 0;; l.at++) {
        int m = 0;
        if (reach(&l, 0, now, &n))   /* a match may begin anywhere */
            return true;
        if (l.at == l.text.n)
            return false;
        unsigned char c = (unsigned char)text.p[l.at];
        l.turn++;
        l.at++;
        for (int i = 0; i < n; i++)
            if (has(p->step[now[i]].set, c) && reach(&l, now[i] + 1, next, &m))
                return true;
        l.at--;
        memcpy(now, next, (size_t)m * sizeof *now);
        n = m;
    }
}
