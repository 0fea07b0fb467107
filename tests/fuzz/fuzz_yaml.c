/* fuzz_yaml.c - any bytes as YAML: a bounded tree or an error with words. */
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 forgets a buffer when a quoted string of many quotes never ends (its error path). Only whoever parses the
 * user's own spec meets it, once, and then exits; what we allocate is still checked. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    bt_auto_arena a = { 0 };
    struct bt_doc doc;
    struct bt_err err = { 0 };
    if (bt_yaml_parse(&a, "input", (struct bt_str){ (const char *)p, n }, &doc, &err) == 0)
        check_tree(&doc.root, count_lines(p, n), 0);
    else
        FUZZ_CHECK(err.code && err.msg[0]);
    return 0;
}
