/* log.h - leveled log to stderr or a file: "12:03:07.123 info inst llm-0: ready after 41200 ms". One writer per process;
 * thread-safe. BERTH_LOG=debug|info|warn|error sets the level. Text from outside must be escaped by the caller. */
#ifndef BT_LOG_H
#define BT_LOG_H
#include "base/err.h"
enum bt_level { BT_DEBUG, BT_INFO, BT_WARN, BT_ERROR };
void bt_log_init(enum bt_level level, int fd);       /* fd borrowed for the process's life; default: warn on stderr */
void bt_log(enum bt_level level, const char *component, const char *fmt, ...) BT_PRINTF(3, 4);
#define bt_debug(c, ...) bt_log(BT_DEBUG, c, __VA_ARGS__)
#define bt_info(c, ...)  bt_log(BT_INFO, c, __VA_ARGS__)
#define bt_warn(c, ...)  bt_log(BT_WARN, c, __VA_ARGS__)
#define bt_error(c, ...) bt_log(BT_ERROR, c, __VA_ARGS__)
#endif
