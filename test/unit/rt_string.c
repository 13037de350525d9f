/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/rt's string functions against the host's, over all small sizes, alignments and overlaps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

void *rt_memcpy(void *to, const void *from, size_t size);
void *rt_memmove(void *to, const void *from, size_t size);
void *rt_memset(void *to, int value, size_t size);
int rt_memcmp(const void *a, const void *b, size_t size);
void *rt_memchr(const void *in, int value, size_t size);
size_t rt_strlen(const char *s);
size_t rt_strnlen(const char *s, size_t size);
int rt_strcmp(const char *a, const char *b);
int rt_strncmp(const char *a, const char *b, size_t size);
char *rt_strchr(const char *s, int c);
char *rt_strrchr(const char *s, int c);
char *rt_strstr(const char *s, const char *needle);

#define SIZE 160u

static void fill(uint8_t *bytes)
{
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
}

static void test_memcpy(void **state)
{
    (void)state;
    for (size_t to = 0; to < 9; to++) {
        for (size_t from = 0; from < 9; from++) {
            for (size_t size = 0; size < 100; size++) {
                uint8_t source[SIZE];
                uint8_t ours[SIZE] = {0};
                uint8_t theirs[SIZE] = {0};

                fill(source);
                assert_ptr_equal(rt_memcpy(ours + to, source + from, size), ours + to);
                memcpy(theirs + to, source + from, size);
                assert_memory_equal(ours, theirs, SIZE);
            }
        }
    }
}

/* Sizes at which large copies begin and end, at all alignments; what is beside them stays. */
static void test_many(void **state)
{
    static uint8_t source[1200];
    static uint8_t ours[sizeof(source)];
    static uint8_t theirs[sizeof(source)];

    (void)state;
    for (size_t i = 0; i < sizeof(source); i++) {
        source[i] = (uint8_t)(i * 37 + i / 256);
    }
    for (size_t to = 0; to < 9; to++) {
        for (size_t from = 0; from < 9; from++) {
            for (size_t size = 240; size < 1100; size += size < 300 ? 1 : 97) {
                memset(ours, 0x11, sizeof(ours));
                memset(theirs, 0x11, sizeof(theirs));
                assert_ptr_equal(rt_memcpy(ours + to, source + from, size), ours + to);
                memcpy(theirs + to, source + from, size);
                assert_memory_equal(ours, theirs, sizeof(ours));
                assert_ptr_equal(rt_memset(ours + to, 0x5a, size), ours + to);
                memset(theirs + to, 0x5a, size);
                assert_memory_equal(ours, theirs, sizeof(ours));
            }
        }
    }
}

static void test_memmove(void **state)
{
    (void)state;
    for (size_t to = 0; to < 24; to++) {
        for (size_t from = 0; from < 24; from++) {
            for (size_t size = 0; size < 64; size++) {
                uint8_t ours[SIZE];
                uint8_t theirs[SIZE];

                fill(ours);
                fill(theirs);
                assert_ptr_equal(rt_memmove(ours + to, ours + from, size), ours + to);
                memmove(theirs + to, theirs + from, size);
                assert_memory_equal(ours, theirs, SIZE);
            }
        }
    }
}

static void test_memset(void **state)
{
    (void)state;
    for (size_t to = 0; to < 9; to++) {
        for (size_t size = 0; size < 100; size++) {
            uint8_t ours[SIZE] = {0};
            uint8_t theirs[SIZE] = {0};

            assert_ptr_equal(rt_memset(ours + to, 0x1a5, size), ours + to);
            memset(theirs + to, 0xa5, size);
            assert_memory_equal(ours, theirs, SIZE);
        }
    }
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void test_memcmp(void **state)
{
    uint8_t a[32];
    uint8_t b[32];

    (void)state;
    memset(a, 0x80, sizeof(a));
    for (size_t i = 0; i < sizeof(a); i++) {
        memcpy(b, a, sizeof(b));
        assert_int_equal(rt_memcmp(a, b, sizeof(a)), 0);
        b[i] = 0x7f;
        assert_int_equal(sign(rt_memcmp(a, b, sizeof(a))), 1);
        assert_int_equal(sign(rt_memcmp(b, a, sizeof(a))), -1);
        assert_int_equal(rt_memcmp(a, b, i), 0);
    }
}

static void test_search(void **state)
{
    const char *text = "multiboot";

    (void)state;
    for (int c = 0; c < 256; c++) {
        assert_ptr_equal(rt_memchr(text, c, 10), memchr(text, c, 10));
        assert_ptr_equal(rt_strchr(text, c), strchr(text, c));
        assert_ptr_equal(rt_strrchr(text, c), strrchr(text, c));
    }
    assert_null(rt_memchr(text, 't', 3));
    assert_ptr_equal(rt_strstr(text, "ti"), text + 3);
    assert_ptr_equal(rt_strstr(text, ""), text);
    assert_ptr_equal(rt_strstr(text, "boot"), text + 5);
    assert_null(rt_strstr(text, "boots"));
}

static void test_length(void **state)
{
    static const char open[3] = {'a', 'b', 'c'};

    (void)state;
    assert_int_equal(rt_strlen(""), 0);
    assert_int_equal(rt_strlen("quoin"), 5);
    assert_int_equal(rt_strnlen(open, sizeof(open)), 3);
    assert_int_equal(rt_strnlen("quoin", 100), 5);
}

static void test_compare(void **state)
{
    static const char *const words[] = {"", "a", "ab", "abc", "abd", "b", "\xff", "a\x80"};
    size_t count = sizeof(words) / sizeof(words[0]);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(sign(rt_strcmp(words[i], words[j])), sign(strcmp(words[i], words[j])));
            for (size_t n = 0; n < 5; n++) {
                assert_int_equal(sign(rt_strncmp(words[i], words[j], n)),
                                 sign(strncmp(words[i], words[j], n)));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memcpy),  cmocka_unit_test(test_many),
        cmocka_unit_test(test_memmove), cmocka_unit_test(test_memset),
        cmocka_unit_test(test_memcmp),  cmocka_unit_test(test_search),
        cmocka_unit_test(test_length),  cmocka_unit_test(test_compare),
    };

    return cmocka_run_group_tests_name("rt-string", tests, NULL, NULL);
}
