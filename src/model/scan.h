/* scan.h - JSON read in one pass for the headers and indexes of weight files, and the table of tensor names; not for other floors.
 * A model of experts has 90,000 tensors: a tree of values for each would take longer than all the rest of an estimate. */
#ifndef BT_SCAN_H
#define BT_SCAN_H
#include "base/arena.h"

/* A place in a text. A call that meets broken JSON returns false (or -1) and says why; nothing may be read after that.
 * As strict as bt_json_load: UTF-8, escapes, no NUL, depth of 64, nothing behind the value; duplicate keys are the caller's to find. */
struct bt_scan { const char *start, *p, *end, *why; struct bt_buf decoded; };
void bt_scan_init(struct bt_scan *s, struct bt_str text);
void bt_scan_release(struct bt_scan *s);
#define bt_auto_scan __attribute__((cleanup(bt_scan_release))) struct bt_scan

char bt_scan_peek(struct bt_scan *s);                /* the next character that is not space; 0 at the end */
bool bt_scan_take(struct bt_scan *s, char c);        /* it has to be c */
/* Behind `{` or `[`: 1 = another member follows, 0 = closed. *members: counts, 0 at first. */
int bt_scan_more(struct bt_scan *s, char close, size_t *members);
bool bt_scan_string(struct bt_scan *s, struct bt_str *out);          /* a view, until the next string is read */
bool bt_scan_key(struct bt_scan *s, struct bt_str *out);             /* with its colon */
bool bt_scan_size(struct bt_scan *s, uint64_t *out); /* a whole number in [0, 2^63); false without `why` for anything else */
/* Go behind a value inside `depth` brackets. Only where it ends is found: the text from there to s->p is judged by bt_scan_judge. */
bool bt_scan_skip(struct bt_scan *s, unsigned depth);
bool bt_scan_judge(struct bt_scan *s, const char *from);             /* by jansson, duplicate keys too */
bool bt_scan_end(struct bt_scan *s);                 /* nothing but space is left */
int bt_scan_err(const struct bt_scan *s, const char *what, struct bt_err *err);      /* "parse WHAT: line 3, column 7: why" */

/* Names, each kept once, numbered in the order they came. said and in are the owner's: 0 in a new one. */
struct bt_name { const char *text; uint32_t n, said, in; };
struct bt_name_slot { uint32_t hash, at; };          /* at: number + 1; 0 = free */
struct bt_names { struct bt_name *name; size_t n, cap; struct bt_name_slot *slot; size_t slots, next; uint64_t key[2]; };
    /* next: the number behind the one that was found last */
/* The name, found or added; its text is copied into the arena when new. Valid until the next call. */
struct bt_name *bt_names_get(struct bt_names *t, struct bt_arena *a, struct bt_str text, bool *fresh);
void bt_names_release(struct bt_names *t);
#define bt_auto_names __attribute__((cleanup(bt_names_release))) struct bt_names
#endif
