/* pattern.h - does a text have something that a pattern describes? In time that grows with the two lengths and nothing else, and with no memory of its own
 * while it looks: a pattern is the user's, a text is a stranger's, and the one who asks is a loop that everything waits for.
 *
 * Patterns are POSIX extended regular expressions over bytes: . [..] [^..] [:alpha:] ( ) | * + ? {m,n} ^ $ and \ before a sign; beside them \w \W \s \S
 * \b \B \< \>. Refused, each with its reason: back-references, [.x.] and [=x=], a letter after \ that means something elsewhere (\d), and what is too large
 * (BT_PATTERN_STATES after repetitions are written out). */
#ifndef BT_PATTERN_H
#define BT_PATTERN_H
#include "base/arena.h"
#include "base/err.h"

#define BT_PATTERN_STATES 1024
#define BT_PATTERN_LOOKS_AT 4096     /* bytes: of a longer text only the beginning is looked at */

struct bt_pattern;
/* In the arena. -1: *err says what is wrong and at which character. */
BT_MUST_CHECK int bt_pattern_compile(struct bt_arena *a, const char *text, const struct bt_pattern **out, struct bt_err *err);
bool bt_pattern_found(const struct bt_pattern *p, struct bt_str text);
#endif
