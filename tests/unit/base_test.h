/* base_test.h - what the tests of the base floor share. */
#ifndef BASE_TEST_H
#define BASE_TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base.h"

#define assert_has(text, part) do { \
    if (!strstr((text), (part))) \
        fail_msg("\"%s\" does not say \"%s\"", (text), (part)); \
    } while (0)
#endif
