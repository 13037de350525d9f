/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the console keeps of each source.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "history.h"

static uint8_t bytes[64];

static void read_all(const struct history *h, uint64_t position, char *out)
{
    int byte;

    while ((byte = history_next(h, &position)) >= 0) {
        *out++ = (char)byte;
    }
    *out = 0;
}

static void gives_back_what_was_written(void **state)
{
    struct history h = {bytes, sizeof(bytes), 0};
    char out[80];

    (void)state;
    history_write(&h, "one\ntwo\n", 8);
    read_all(&h, 0, out);
    assert_string_equal(out, "one\ntwo\n");
    read_all(&h, history_recent(&h, 5), out);
    assert_string_equal(out, "two\n");
    read_all(&h, history_recent(&h, 100), out);
    assert_string_equal(out, "one\ntwo\n");
}

static void keeps_the_last_bytes(void **state)
{
    struct history h = {bytes, sizeof(bytes), 0};
    char out[80];
    uint64_t old = 3;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        char c = (char)('a' + i % 26);
        history_write(&h, &c, 1);
    }
    read_all(&h, 0, out);
    assert_int_equal(strlen(out), 64);
    assert_int_equal(out[63], 'a' + 99 % 26);
    /* A reader that was too slow goes on with the oldest byte there is. */
    assert_int_equal(history_next(&h, &old), 'a' + 36 % 26);
    assert_int_equal(old, 37);
    /* No line ends there: the last bytes as they are. */
    read_all(&h, history_recent(&h, 10), out);
    assert_int_equal(strlen(out), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_written),
        cmocka_unit_test(keeps_the_last_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
