/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/rt's format_text against the host's snprintf, and where the two are meant to differ.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <rt/format.h>

#define SAME(...)                                                     \
    do {                                                              \
        char ours[256];                                               \
        char theirs[256];                                             \
        size_t length = format_text(ours, sizeof(ours), __VA_ARGS__); \
                                                                      \
        (void)snprintf(theirs, sizeof(theirs), __VA_ARGS__);          \
        assert_string_equal(ours, theirs);                            \
        assert_int_equal(length, strlen(theirs));                     \
    } while (0)

static void test_signed(void **state)
{
    static const int values[] = {0, 1, -1, 42, -42, INT_MAX, INT_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        int v = values[i];

        SAME("%d|%5d|%-5d|%05d|%+d|% d|%.3d|%8.3d|%-8.3d|%hhd|%hd|%i", v, v, v, v, v, v, v, v, v,
             (signed char)v, (short)v, v);
        SAME("%ld|%lld|%zd|%jd|%td", (long)v, (long long)v, (ptrdiff_t)v, (intmax_t)v,
             (ptrdiff_t)v);
    }
    SAME("%ld %ld", LONG_MIN, LONG_MAX);
}

static void test_unsigned(void **state)
{
    static const unsigned values[] = {0, 1, 9, 255, 4096, UINT_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        unsigned v = values[i];

        SAME("%u|%x|%X|%o|%8x|%08x|%-8x|%#x|%#X|%#010x|%.5x|%10.5u", v, v, v, v, v, v, v, v, v, v,
             v, v);
        SAME("%hhu|%hx|%lu|%llx|%zu|%jx", (unsigned char)v, (unsigned short)v, (unsigned long)v,
             (unsigned long long)v, (size_t)v, (uintmax_t)v);
    }
    SAME("%lx %lo %lu", ULONG_MAX, ULONG_MAX, ULONG_MAX);
}

static void test_precision_zero(void **state)
{
    (void)state;
    SAME("[%.0d][%5.0d][%.0x]", 0, 0, 0u);
}

static void test_strings(void **state)
{
    (void)state;
    SAME("%s|%10s|%-10s|%.2s|%10.2s|%-10.2s|%.0s|%c|%3c|%-3c|%%", "quoin", "quoin", "quoin",
         "quoin", "quoin", "quoin", "quoin", 'q', 'q', 'q');
    SAME("%*d|%-*d|%.*s|%*s", 6, 7, 6, 7, 3, "abcdef", -8, "left");
    SAME("%p", (void *)(uintptr_t)0x1234);
}

static void test_unterminated_string(void **state)
{
    static const char name[4] = {'A', 'P', 'I', 'C'};

    (void)state;
    SAME("%.4s", name);
}

static void test_null_string(void **state)
{
    char text[16];
    const char *volatile nothing = NULL;

    (void)state;
    format_text(text, sizeof(text), "%s", nothing);
    assert_string_equal(text, "(null)");
}

static void test_cut(void **state)
{
    char text[8];

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(format_text(text, 5, "%s", "abcdefgh"), 4);
    assert_string_equal(text, "abcd");
    assert_int_equal(text[5], 'x');
    assert_int_equal(format_text(text, 1, "%d", 12345), 0);
    assert_int_equal(text[0], '\0');
    assert_int_equal(format_text(NULL, 0, "%d", 12345), 0);
}

/* Formats 7; the compiler does not see the format, which it would rightly complain about. */
static size_t untyped_format(char *text, size_t size, const char *format)
{
    const char *volatile hidden = format;

    return format_text(text, size, hidden, 7);
}

static void test_unknown_conversion(void **state)
{
    char text[32];

    (void)state;
    untyped_format(text, sizeof(text), "%q %y%d");
    assert_string_equal(text, "%q %y7");
    untyped_format(text, sizeof(text), "end %");
    assert_string_equal(text, "end %");
    untyped_format(text, sizeof(text), "%-08l");
    assert_string_equal(text, "%-08l");
}

static void test_huge_width(void **state)
{
    char text[8];

    (void)state;
    assert_int_equal(untyped_format(text, sizeof(text), "%99999999999999999999d"), 7);
    assert_string_equal(text, "       ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed),
        cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_precision_zero),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_unterminated_string),
        cmocka_unit_test(test_null_string),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_unknown_conversion),
        cmocka_unit_test(test_huge_width),
    };

    return cmocka_run_group_tests_name("rt-format", tests, NULL, NULL);
}
