/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the root image's files: what is no archive, and what is not what was signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rootfiles.h"

/* A table page with three entries, a covered file of a page, one of two pages behind that, and an
 * empty one at the end. */
enum { PAGE = ROOTFILES_PAGE, SIZE = 4 * PAGE, COVERED = 2 * PAGE };

static uint8_t *archive; /* exactly SIZE bytes, so that the sanitizer sees what is read behind */

static void put(size_t at, uint64_t value)
{
    memcpy(archive + at, &value, sizeof value);
}

static uint8_t *entry_at(unsigned index)
{
    return archive + 64 + 128 * index;
}

static void set_entry(unsigned index, const char *name, uint64_t offset, uint64_t size)
{
    uint8_t *entry = entry_at(index);

    memset(entry, 0, 128);
    memcpy(entry, name, strlen(name));
    memcpy(entry + 48, &offset, 8);
    memcpy(entry + 56, &size, 8);
}

static void digest_entry(unsigned index, uint64_t offset, size_t pages)
{
    pq_hash(PQ_SHA2_512, (struct pq_bytes){archive + offset, pages * PAGE}, entry_at(index) + 64,
            64);
}

static int make_archive(void **state)
{
    (void)state;
    archive = malloc(SIZE);
    if (!archive)
        return -1;
    memset(archive, 0, SIZE);
    memcpy(archive, "QQARCH2", 8);
    put(8, SIZE);
    put(16, 3);
    put(24, COVERED);
    set_entry(0, "covered", PAGE, 100);
    set_entry(1, "deferred", COVERED, PAGE + 1);
    set_entry(2, "empty", SIZE, 0);
    memset(archive + PAGE, 7, 100);
    memset(archive + COVERED, 9, PAGE + 1);
    digest_entry(1, COVERED, 2);
    digest_entry(2, SIZE, 0);
    return 0;
}

static int drop_archive(void **state)
{
    (void)state;
    free(archive);
    return 0;
}

static int parse(void)
{
    struct rootfiles files;

    return rootfiles_parse(&files, archive, SIZE);
}

static void test_good(void **state)
{
    struct rootfiles files;
    struct rootfiles_entry entry;

    (void)state;
    assert_int_equal(rootfiles_parse(&files, archive, SIZE), ROOTFILES_OK);
    assert_int_equal(files.count, 3);
    rootfiles_entry(&files, 0, &entry);
    assert_string_equal(entry.name, "covered");
    assert_false(entry.deferred);
    assert_int_equal(rootfiles_check(&files, &entry), ROOTFILES_OK);
    rootfiles_entry(&files, 1, &entry);
    assert_true(entry.deferred);
    assert_int_equal(entry.size, PAGE + 1);
    assert_int_equal(rootfiles_check(&files, &entry), ROOTFILES_OK);
    rootfiles_entry(&files, 2, &entry);
    assert_true(entry.deferred);
    assert_int_equal(rootfiles_check(&files, &entry), ROOTFILES_OK);
}

/* Every bit behind the covered part, padding included, and every bit of a digest. */
static void test_changed(void **state)
{
    struct rootfiles files;
    struct rootfiles_entry entry;

    (void)state;
    for (size_t at = COVERED; at < SIZE; at++) {
        archive[at] ^= (uint8_t)(1u << at % 8);
        assert_int_equal(rootfiles_parse(&files, archive, SIZE), ROOTFILES_OK);
        rootfiles_entry(&files, 1, &entry);
        assert_int_equal(rootfiles_check(&files, &entry), ROOTFILES_ERROR_DIGEST);
        archive[at] ^= (uint8_t)(1u << at % 8);
    }
    for (unsigned bit = 0; bit < 8 * 64; bit++) {
        entry_at(1)[64 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        rootfiles_entry(&files, 1, &entry);
        assert_int_equal(rootfiles_check(&files, &entry), ROOTFILES_ERROR_DIGEST);
        entry_at(1)[64 + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    entry_at(2)[70] = 1;
    rootfiles_entry(&files, 2, &entry);
    assert_int_equal(rootfiles_check(&files, &entry), ROOTFILES_ERROR_DIGEST);
}

static void test_bad_header(void **state)
{
    static const struct {
        size_t at;
        uint64_t value;
    } cases[] = {{0, 0},
                 {8, SIZE + 1},
                 {8, UINT64_MAX},
                 {8, COVERED - 1},
                 {16, 64},
                 {16, UINT64_MAX},
                 {16, UINT64_MAX / 128 + 1},
                 {24, COVERED + 8},
                 {24, 0},
                 {24, SIZE + PAGE},
                 {32, 1},
                 {56, 1ull << 63}};
    struct rootfiles files;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t before;

        memcpy(&before, archive + cases[i].at, 8);
        put(cases[i].at, cases[i].value);
        assert_int_equal(parse(), ROOTFILES_ERROR_HEADER);
        put(cases[i].at, before);
    }
    assert_int_equal(rootfiles_parse(&files, archive, 63), ROOTFILES_ERROR_HEADER);
    assert_int_equal(rootfiles_parse(&files, archive, SIZE - 1), ROOTFILES_ERROR_HEADER);
    assert_int_equal(parse(), ROOTFILES_OK);
}

static void test_bad_entries(void **state)
{
    static const struct {
        uint64_t offset;
        uint64_t size;
    } cases[] = {{PAGE + 1, 10},
                 {PAGE, PAGE + 1},
                 {SIZE, 1},
                 {COVERED, 2 * PAGE + 1},
                 {SIZE + PAGE, 0},
                 {0, UINT64_MAX},
                 {COVERED, UINT64_MAX},
                 {UINT64_MAX - PAGE + 1, PAGE}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_entry(0, "x", cases[i].offset, cases[i].size);
        assert_int_equal(parse(), ROOTFILES_ERROR_ENTRY);
    }
    /* A digest that nobody would look at; a name that does not end; none at all. */
    set_entry(0, "x", PAGE, 10);
    assert_int_equal(parse(), ROOTFILES_OK);
    entry_at(0)[127] = 1;
    assert_int_equal(parse(), ROOTFILES_ERROR_ENTRY);
    set_entry(0, "a-name-of-forty-eight-characters-which-is-one-mo", PAGE, 10);
    assert_int_equal(parse(), ROOTFILES_ERROR_ENTRY);
    set_entry(0, "", PAGE, 10);
    assert_int_equal(parse(), ROOTFILES_ERROR_ENTRY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good, make_archive, drop_archive),
        cmocka_unit_test_setup_teardown(test_changed, make_archive, drop_archive),
        cmocka_unit_test_setup_teardown(test_bad_header, make_archive, drop_archive),
        cmocka_unit_test_setup_teardown(test_bad_entries, make_archive, drop_archive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
