/* base - what every floor stands on: errors, strings, memory, units, tables, options. Knows nobody.
 *
 *   err.h    one plain error value with a hint        str.h    borrowed views, bounded buffers
 *   arena.h  memory with one life                     units.h  bytes, durations, counts: parse and print
 *   node.h   a parsed YAML or JSON tree with marks    opt.h    one option table: argv, YAML, JSON, --help
 *   table.h  tables and memory bars for a terminal    log.h    leveled log
 *   json.h   checked access to jansson values         file.h   read, write atomically, private folders
 *   proc.h   a pid that cannot be fooled              hash.h   digests
 *   pattern.h  patterns in bounded time               workers.h  many things to do, on all cores
 */
#ifndef BT_BASE_H
#define BT_BASE_H
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/units.h"
#endif
