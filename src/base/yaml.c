/* yaml.c - YAML text into the tree of node.h.
 *
 * libfyaml gives events with marks; the tree is ours. Its own documents would resolve aliases by copying, without a bound.
 * Here an alias shares the anchored subtree, and only the count of nodes that a reader would meet is kept and bounded. */
#include <libfyaml.h>
#include <stdio.h>

#include "base/node.h"
#include "base/node_int.h"

struct anchor { const char *name; struct bt_node node; size_t nodes; unsigned depth; bool open; };

struct reader {
    struct bt_arena *a;
    struct fy_parser *parser;
    struct fy_diag *diag;
    const char *name;
    struct bt_str text;
    struct anchor *anchors;
    size_t n_anchors;
    size_t nodes;                    /* met so far, aliases counted as if written out */
    struct bt_err *err;
    char said[256];                  /* what libfyaml printed first, where it collects nothing (directives) */
};

struct measured { size_t nodes; unsigned depth; };       /* of one finished subtree */

/* ---- errors ---- */

#define TOO_DEEP "is a [ or { without its end? Else write it flatter"

static int at_mark(struct reader *r, const struct fy_mark *m, const char *what, const char *instead)
{
    bt_text_err(r->err, r->name, m ? (unsigned)m->line + 1 : 1, m ? (unsigned)m->column + 1 : 1, what);
    return bt_err_hint(r->err, "%s", instead);
}

/* The first tab in the indentation of line `line` (from 1), as a column from 1; 0 if none or no such line. */
static unsigned tab_in_indent(struct bt_str text, unsigned line)
{
    struct bt_str row = { 0 };
    for (unsigned i = 0; i < line; i++) {
        if (!text.p)
            return 0;
        text = bt_str_cut(text, '\n', &row);
    }
    for (size_t i = 0; i < row.n && (row.p[i] == ' ' || row.p[i] == '\t'); i++)
        if (row.p[i] == '\t')
            return (unsigned)i + 1;
    return 0;
}

/* The first thing libfyaml complained about: later ones are consequences. */
static int parser_error(struct reader *r)
{
    void *iter = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(r->diag, &iter);
    if (!e) {
        bt_auto_buf struct bt_buf said = BT_BUF(1024);
        bt_buf_add_escaped(&said, bt_str_trim(bt_str(r->said)));
        return bt_err_set(r->err, BT_E_SPEC, 0, "%s: not YAML: %s", r->name, said.n ? said.p : "libfyaml gave no reason");
    }
    unsigned line = e->line > 0 ? (unsigned)e->line : 1, col = e->column > 0 ? (unsigned)e->column : 1;
    const unsigned near[] = { line, line - 1, line + 1 };        /* the parser may notice a tab early or late */
    for (size_t i = 0; i < BT_LEN(near); i++) {
        unsigned tab = near[i] ? tab_in_indent(r->text, near[i]) : 0;
        if (tab) {
            bt_text_err(r->err, r->name, near[i], tab, "a tab in the indentation");
            return bt_err_hint(r->err, "YAML is indented with blanks");
        }
    }
    bt_auto_buf struct bt_buf why = BT_BUF(512);
    bt_buf_add_escaped(&why, bt_str(e->msg ? e->msg : "not YAML"));
    bt_text_err(r->err, r->name, line, col, bt_buf_z(&why));
    return bt_err_hint(r->err, "what is wrong may stand before it: a [, { or quote that is not closed, a `:` without a blank; a text with : # { * in quotes");
}

/* ---- nodes ---- */

static int count_nodes(struct reader *r, size_t n, const struct fy_mark *m)
{
    r->nodes += n;
    if (r->nodes <= BT_NODE_COUNT_MAX)
        return 0;
    at_mark(r, m, "more than 100000 values after expanding aliases", "write out what is needed, or cut it into several files");
    r->err->code = BT_E_TOO_BIG;
    return -1;
}

static struct bt_node new_node(enum bt_node_kind kind, const struct fy_mark *m)
{
    return (struct bt_node){ .kind = kind, .line = m ? (unsigned)m->line + 1 : 0, .col = m ? (unsigned)m->column + 1 : 0 };
}

/* A value that is not there has no place in the text: give it that of its key, list or file. */
static void place(struct bt_node *n, unsigned line, unsigned col)
{
    if (n->line)
        return;
    n->line = line;
    n->col = col;
}

/* libfyaml marks the text of a quoted string and the name of an alias: we mean the quote and the star before it. */
static struct fy_mark mark_of(struct fy_event *ev)
{
    const struct fy_mark *m = fy_event_start_mark(ev);
    struct fy_mark at = m ? *m : (struct fy_mark){ .line = -1, .column = -1 };
    enum fy_node_style style = ev->type == FYET_SCALAR ? fy_event_get_node_style(ev) : FYNS_ANY;
    if (at.column > 0 && (ev->type == FYET_ALIAS || style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED))
        at.column--;
    return at;
}

static const char *token_text(struct reader *r, struct fy_token *t)
{
    size_t n = 0;
    const char *p = t ? fy_token_get_text(t, &n) : NULL;
    return bt_arena_strndup(r->a, (struct bt_str){ p, p ? n : 0 });
}

/* Only !!str (and the "!" that says the same) mean something to us. */
static int check_tag(struct reader *r, struct fy_event *ev, bool scalar, bool *forced_string)
{
    struct fy_token *t = fy_event_get_tag_token(ev);
    if (!t)
        return 0;
    const char *tag = token_text(r, t);
    if (scalar && (!strcmp(tag, "tag:yaml.org,2002:str") || !strcmp(tag, "!!str") || !strcmp(tag, "!"))) {
        *forced_string = true;
        return 0;
    }
    return at_mark(r, fy_token_start_mark(t), "tags have no meaning here", "leave it out; what is a text stands in quotes: \"12\"");
}

static bool is_null_word(const char *z)
{
    return !*z || !strcmp(z, "~") || !strcmp(z, "null") || !strcmp(z, "Null") || !strcmp(z, "NULL");
}

static int read_scalar(struct reader *r, struct fy_event *ev, struct bt_node *out)
{
    struct fy_token *t = ev->scalar.value;
    enum fy_node_style style = fy_event_get_node_style(ev);
    struct fy_mark m = mark_of(ev);
    size_t n = 0;
    bool forced = false;
    const char *p = t ? fy_token_get_text(t, &n) : NULL;
    if (check_tag(r, ev, true, &forced) < 0)
        return -1;
    if (p && n && memchr(p, 0, n))
        return at_mark(r, &m, "a NUL byte in a string", "leave \\0 out: programs end their texts there");
    *out = new_node(BT_NODE_SCALAR, m.line >= 0 ? &m : NULL);
    out->text = bt_arena_strndup(r->a, (struct bt_str){ p, p ? n : 0 });
    out->quoted = forced || (style != FYNS_PLAIN && style != FYNS_ANY);
    if (!out->quoted && is_null_word(out->text))
        out->kind = BT_NODE_NULL;
    return 0;
}

/* ---- maps ---- */

struct entry { struct bt_node key, item; size_t at; bool merged; };

static int by_key(const void *x, const void *y)
{
    const struct entry *a = *(const struct entry *const *)x, *b = *(const struct entry *const *)y;
    int c = strcmp(a->key.text, b->key.text);
    return c ? c : (a->at > b->at) - (a->at < b->at);
}

/* Entries of one map, those written first and those merged after them: the first of a key wins, a second written one is an
 * error. Sorted, not compared pairwise: a hostile map of 50,000 keys must not take minutes. */
static int finish_map(struct reader *r, struct entry *v, size_t n, struct bt_node *out)
{
    const struct entry **sorted = BT_NEWN(r->a, const struct entry *, n);
    bool *drop = BT_NEWN(r->a, bool, n);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &v[i];
    if (n)
        qsort(sorted, n, sizeof *sorted, by_key);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(sorted[i]->key.text, sorted[i - 1]->key.text))
            continue;
        if (!sorted[i]->merged) {    /* sorted by place within a key: the one before was written too */
            const struct bt_node *k = &sorted[i]->key;
            bt_err_set(r->err, BT_E_SPEC, 0, "%s:%u:%u: key \"%.80s\" is here twice (first in line %u)", r->name, k->line, k->col, k->text,
                       sorted[i - 1]->key.line);
            return bt_err_hint(r->err, "leave one of the two out");
        }
        drop[sorted[i]->at] = true;
    }
    out->keys = BT_NEWN(r->a, struct bt_node, n);
    out->items = BT_NEWN(r->a, struct bt_node, n);
    for (size_t i = 0; i < n; i++)
        if (!drop[i]) {
            out->keys[out->n] = v[i].key;
            out->items[out->n++] = v[i].item;
        }
    return 0;
}

struct entries { struct entry *v; size_t n; };

static int merge_from(struct reader *r, struct entries *e, const struct bt_node *from, const struct bt_node *at)
{
    if (from->kind != BT_NODE_MAP) {
        bt_text_err(r->err, r->name, at->line, at->col, "<< takes a map, an alias of one, or a list of them");
        return bt_err_hint(r->err, "<<: *NAME, where &NAME stands before a map above");
    }
    for (size_t i = 0; i < from->n; i++) {
        struct entry x = { .key = from->keys[i], .item = from->items[i], .at = e->n, .merged = true };
        BT_PUSH(r->a, e->v, e->n, x);
    }
    struct fy_mark m = { .line = (int)at->line - 1, .column = (int)at->col - 1 };
    return count_nodes(r, from->n, &m);
}

static int apply_merges(struct reader *r, struct entries *e, const struct bt_node *merges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct bt_node *m = &merges[i];
        if (m->kind != BT_NODE_SEQ) {
            if (merge_from(r, e, m, m) < 0)
                return -1;
            continue;
        }
        for (size_t j = 0; j < m->n; j++)
            if (merge_from(r, e, &m->items[j], m) < 0)
                return -1;
    }
    return 0;
}

/* ---- the walk over events ---- */

static int read_value(struct reader *r, struct fy_event *ev, unsigned depth, struct bt_node *out, struct measured *size);

static struct fy_event *next_event(struct reader *r)
{
    struct fy_event *ev = fy_parser_parse(r->parser);
    if (ev && !fy_diag_got_error(r->diag))
        return ev;
    if (ev)
        fy_parser_event_free(r->parser, ev);
    parser_error(r);
    return NULL;
}

static int read_next(struct reader *r, unsigned depth, enum fy_event_type end, bool *ended, struct bt_node *out, struct measured *size)
{
    struct fy_event *ev = next_event(r);
    if (!ev)
        return -1;
    int rc = 0;
    *ended = ev->type == end;
    if (!*ended)
        rc = read_value(r, ev, depth, out, size);
    fy_parser_event_free(r->parser, ev);
    return rc;
}

static void add_size(struct measured *whole, struct measured part)
{
    whole->nodes += part.nodes;
    whole->depth = BT_MAX(whole->depth, part.depth + 1);
}

static int read_seq(struct reader *r, unsigned depth, struct bt_node *out, struct measured *size)
{
    struct bt_node item, *v = NULL;
    size_t n = 0;
    for (;;) {
        struct measured part;
        bool ended;
        if (read_next(r, depth + 1, FYET_SEQUENCE_END, &ended, &item, &part) < 0)
            return -1;
        if (ended)
            break;
        add_size(size, part);
        place(&item, out->line, out->col);
        BT_PUSH(r->a, v, n, item);
    }
    out->items = v;
    out->n = n;
    return 0;
}

static int read_map(struct reader *r, unsigned depth, struct bt_node *out, struct measured *size)
{
    struct entries e = { 0 };
    struct bt_node *merges = NULL;
    size_t n_merges = 0, before = r->nodes;
    for (;;) {
        struct entry x = { .at = e.n };
        struct measured part;
        bool ended;
        if (read_next(r, depth + 1, FYET_MAPPING_END, &ended, &x.key, &part) < 0)
            return -1;
        if (ended)
            break;
        place(&x.key, out->line, out->col);
        if (x.key.kind != BT_NODE_SCALAR) {
            bt_text_err(r->err, r->name, x.key.line, x.key.col, "a key has to be a plain word or a quoted string");
            return bt_err_hint(r->err, "a list or map belongs behind the `:`; ${...} stands in quotes");
        }
        if (read_next(r, depth + 1, FYET_NONE, &ended, &x.item, &part) < 0)
            return -1;
        add_size(size, part);
        place(&x.item, x.key.line, x.key.col);
        if (!x.key.quoted && !strcmp(x.key.text, "<<"))
            BT_PUSH(r->a, merges, n_merges, x.item);
        else
            BT_PUSH(r->a, e.v, e.n, x);
    }
    if (apply_merges(r, &e, merges, n_merges) < 0 || finish_map(r, e.v, e.n, out) < 0)
        return -1;
    size->nodes = BT_MAX(size->nodes, r->nodes - before);        /* keys and merged entries count too */
    return 0;
}

static int read_alias(struct reader *r, struct fy_event *ev, unsigned depth, struct bt_node *out, struct measured *size)
{
    const char *name = token_text(r, ev->alias.anchor);
    struct fy_mark m = mark_of(ev);
    for (size_t i = r->n_anchors; i-- > 0;) {    /* the latest of a name counts */
        const struct anchor *an = &r->anchors[i];
        if (strcmp(an->name, name))
            continue;
        if (an->open)
            return at_mark(r, &m, "this alias stands inside its own anchor", "name another anchor, or write the value out");
        if (depth + an->depth > BT_NODE_DEPTH_MAX)
            return at_mark(r, &m, "nested deeper than 64 levels", TOO_DEEP);
        *out = an->node;
        *size = (struct measured){ an->nodes, an->depth };
        return count_nodes(r, an->nodes, &m);
    }
    return at_mark(r, &m, "no such anchor above",
                   "&NAME before a value names it, *NAME behind it is that value again; a text that begins with * stands in quotes");
}

static int read_collection(struct reader *r, struct fy_event *ev, unsigned depth, struct bt_node *out, struct measured *size)
{
    bool map = ev->type == FYET_MAPPING_START, unused;
    const struct fy_mark *m = fy_event_start_mark(ev);
    if (check_tag(r, ev, false, &unused) < 0)
        return -1;
    if (depth >= BT_NODE_DEPTH_MAX)
        return at_mark(r, m, "nested deeper than 64 levels", TOO_DEEP);
    *out = new_node(map ? BT_NODE_MAP : BT_NODE_SEQ, m);
    return map ? read_map(r, depth, out, size) : read_seq(r, depth, out, size);
}

static int read_value(struct reader *r, struct fy_event *ev, unsigned depth, struct bt_node *out, struct measured *size)
{
    *size = (struct measured){ 1, 0 };
    if (ev->type == FYET_ALIAS)
        return read_alias(r, ev, depth, out, size);
    if (count_nodes(r, 1, fy_event_start_mark(ev)) < 0)
        return -1;

    struct fy_token *t = fy_event_get_anchor_token(ev);
    size_t slot = r->n_anchors;
    if (t) {
        struct anchor an = { .name = token_text(r, t), .open = true };
        BT_PUSH(r->a, r->anchors, r->n_anchors, an);
    }
    int rc;
    if (ev->type == FYET_SCALAR)
        rc = read_scalar(r, ev, out);
    else if (ev->type == FYET_SEQUENCE_START || ev->type == FYET_MAPPING_START)
        rc = read_collection(r, ev, depth, out, size);
    else
        rc = at_mark(r, fy_event_start_mark(ev), "a value is missing", "`key: value`; null is nothing");
    if (t && rc == 0) {
        struct anchor *an = &r->anchors[slot];
        an->node = *out;
        an->nodes = size->nodes;
        an->depth = size->depth;
        an->open = false;
    }
    return rc;
}

/* stream start, at most one document, stream end */
static int read_stream(struct reader *r, struct bt_node *root)
{
    bool have = false;
    *root = (struct bt_node){ .kind = BT_NODE_NULL, .line = 1, .col = 1, .text = "" };
    for (;;) {
        struct fy_event *ev = next_event(r);
        if (!ev)
            return -1;
        enum fy_event_type type = ev->type;
        struct measured size;
        int rc = 0;
        if (type == FYET_DOCUMENT_START && have)
            rc = at_mark(r, fy_event_start_mark(ev), "a second document starts here; one file holds one", "leave out the line ---, and what follows it");
        else if (type != FYET_STREAM_START && type != FYET_STREAM_END && type != FYET_DOCUMENT_START && type != FYET_DOCUMENT_END) {
            have = true;
            rc = read_value(r, ev, 0, root, &size);
            place(root, 1, 1);
        }
        fy_parser_event_free(r->parser, ev);
        if (rc < 0 || type == FYET_STREAM_END)
            return rc;
    }
}

static int not_text(const char *name, unsigned line, unsigned col, const char *what, struct bt_err *err)
{
    bt_text_err(err, name, line, col, what);
    return bt_err_hint(err, "a spec is UTF-8 text: is this the file that was meant? Else save it as UTF-8");
}

/* Where the text stops being UTF-8 (or holds a NUL), as an error; libfyaml would guess at encodings. */
static int check_text(const char *name, struct bt_str text, struct bt_err *err)
{
    unsigned line = 1, col = 1;
    for (size_t i = 0; i < text.n;) {
        unsigned char c = (unsigned char)text.p[i];
        size_t len = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
        if (len == 0 || i + len > text.n)
            return not_text(name, line, col, "not UTF-8 text", err);
        for (size_t k = 1; k < len; k++)
            if (((unsigned char)text.p[i + k] & 0xc0) != 0x80)
                return not_text(name, line, col, "not UTF-8 text", err);
        if (c == 0 || (c < 0x20 && !strchr("\t\n\r", c)) || c == 0x7f)
            return not_text(name, line, col, "a control character", err);
        i += len;
        col++;
        if (c == '\n') {
            line++;
            col = 1;
        }
    }
    return 0;
}

static void keep_said(struct fy_diag *diag, void *user, const char *buf, size_t len)
{
    struct reader *r = user;         /* stderr is not ours to write to: what matters becomes our error */
    (void)diag;
    if (!r->said[0])
        snprintf(r->said, sizeof r->said, "%.*s", (int)BT_MIN(len, sizeof r->said - 1), buf);
}

int bt_yaml_parse(struct bt_arena *a, const char *name, struct bt_str text, struct bt_doc *out, struct bt_err *err)
{
    if (text.n > BT_NODE_TEXT_MAX)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "%s: %zu bytes, at most %d are read", name, text.n, BT_NODE_TEXT_MAX);
    if (bt_str_starts(text, "\xef\xbb\xbf"))
        text.p += 3, text.n -= 3;
    if (check_text(name, text, err) < 0)
        return -1;
    struct reader r = { .a = a, .name = bt_arena_strdup(a, name), .text = text, .err = err };
    struct fy_diag_cfg dc;
    fy_diag_cfg_default(&dc);
    dc.fp = NULL;
    dc.output_fn = keep_said;
    dc.user = &r;
    r.diag = fy_diag_create(&dc);
    int rc = -1;
    if (r.diag) {
        fy_diag_set_collect_errors(r.diag, true);
        struct fy_parse_cfg pc = { .search_path = "", .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE, .diag = r.diag };
        r.parser = fy_parser_create(&pc);
    }
    if (!r.parser)
        bt_err_set(err, BT_E_FAILED, 0, "%s: libfyaml does not start", name);
    else if (fy_parser_set_string(r.parser, text.n ? text.p : "", text.n) < 0)
        parser_error(&r);
    else {
        *out = (struct bt_doc){ .name = r.name };
        rc = read_stream(&r, &out->root);
    }
    if (r.parser)
        fy_parser_destroy(r.parser);
    if (r.diag)
        fy_diag_destroy(r.diag);
    return rc;
}
