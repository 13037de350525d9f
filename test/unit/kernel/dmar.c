/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "x86/iommu/dmar.h"

enum { UNIT_A = 48, UNIT_B = 64, RESERVED = 96, SCOPES = 120, LENGTH = 138 };

static uint8_t table[LENGTH];

static void put(unsigned at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        table[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static int no_bridge(uint16_t bridge)
{
    (void)bridge;
    return -1;
}

/* 0:0.0 leads to bus 5, 5:0.0 to 7, and 7:1.0 back to 5. */
static int bridge(uint16_t bridge)
{
    return bridge == 0 ? 5 : bridge == 0x500 ? 7 : bridge == 0x708 ? 5 : -1;
}

static int any_bridge(uint16_t bridge)
{
    return (bridge >> 8) + 1;
}

/* Two units, the second with an endpoint and an I/O APIC; a reserved region of two devices, one of
 * which is behind a bridge. */
static void make(void)
{
    memset(table, 0, sizeof(table));
    put(UNIT_A + 2, 16, 2);
    put(UNIT_A + 8, 0xfed90000, 8);
    put(37, 1, 1);
    put(UNIT_B + 2, 32, 2);
    put(UNIT_B + 8, 0xfed91000, 8);
    put(UNIT_B + 16, 1 | 8 << 8, 2);
    put(UNIT_B + 24, 3 | 8 << 8, 2);
    put(UNIT_B + 28, 7 | 0xf0 << 8 | 31 << 16, 3);
    put(UNIT_B + 31, 2, 1);
    put(RESERVED, 1, 2);
    put(RESERVED + 2, LENGTH - RESERVED, 2);
    put(RESERVED + 8, 0x7b800000, 8);
    put(RESERVED + 16, 0x7fffffff, 8);
    put(SCOPES, 1 | 8 << 8, 2);
    put(SCOPES + 5, 0 | 2 << 8 | 1 << 16, 3);
    put(SCOPES + 8, 1 | 10 << 8, 2);
}

static void test_parse(void **state)
{
    struct dmar_info info = {0};
    (void)state;
    make();
    assert_null(dmar_parse(table, LENGTH, no_bridge, &info));
    assert_int_equal(info.unit_count, 2);
    assert_int_equal(info.units[0], 0xfed90000);
    assert_int_equal(info.units[1], 0xfed91000);
    assert_int_equal(info.reserved_count, 1);
    assert_int_equal(info.reserved[0].start, 0x7b800000);
    assert_int_equal(info.reserved[0].end, 0x80000000);
    assert_int_equal(info.reserved[0].device, 2 << 3 | 1);
    assert_int_equal(info.left_out, 1);
    assert_true(info.remaps_interrupts);
    assert_int_equal(info.ioapic_count, 1);
    assert_int_equal(info.ioapics[0].id, 7);
    assert_int_equal(info.ioapics[0].source, 0xf0fa);
}

/* Behind a bridge, at a device number that there is not, and one of too many. */
static void test_ioapics_left_out(void **state)
{
    struct dmar_info info = {0};
    (void)state;
    make();
    put(37, 0, 1);
    put(UNIT_B + 30, 32, 1);
    assert_null(dmar_parse(table, LENGTH, no_bridge, &info));
    assert_false(info.remaps_interrupts);
    assert_int_equal(info.ioapic_count, 0);
    assert_int_equal(info.left_out, 2);
    make();
    info = (struct dmar_info){.ioapic_count = DMAR_MAX_IOAPICS};
    assert_null(dmar_parse(table, LENGTH, no_bridge, &info));
    assert_int_equal(info.ioapic_count, DMAR_MAX_IOAPICS);
    assert_int_equal(info.left_out, 2);
}

/* Paths through bridges: one that leads to a device, one back to a bus before, one nowhere. */
static void test_bridges(void **state)
{
    struct dmar_info info = {0};
    (void)state;
    make();
    put(SCOPES + 8 + 8, 3 | 2 << 8, 2); /* 0:0.0, then 3.2 */
    assert_null(dmar_parse(table, LENGTH, bridge, &info));
    assert_int_equal(info.left_out, 0);
    assert_int_equal(info.reserved_count, 2);
    assert_int_equal(info.reserved[1].device, 5 << 8 | 3 << 3 | 2);
    /* Longer paths, in one scope in place of the two: to 7:2.0 behind two bridges; then one whose
     * last bridge leads back, one whose last bridge is none, and devices that there cannot be. */
    static const uint8_t paths[][8] = {
        {0, 0, 0, 0, 2, 0},        {0, 0, 0, 0, 1, 0, 4, 1}, {0, 0, 0, 0, 2, 0, 4, 1},
        {0, 0, 0, 0, 32, 0, 4, 1}, {0, 0, 0, 0, 2, 8, 4, 1},
    };
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        unsigned size = i == 0 ? 12 : 14;
        info = (struct dmar_info){0};
        make();
        put(SCOPES, 1 | size << 8, 6);
        memcpy(table + SCOPES + 6, paths[i], 8);
        put(RESERVED + 2, SCOPES + size - RESERVED, 2);
        assert_null(dmar_parse(table, SCOPES + size, bridge, &info));
        assert_int_equal(info.reserved_count, i == 0);
        assert_int_equal(info.reserved[0].device, i == 0 ? 7 << 8 | 2 << 3 : 0);
        assert_int_equal(info.left_out, i != 0);
    }
}

static void test_other_segment(void **state)
{
    struct dmar_info info = {0};
    (void)state;
    make();
    put(UNIT_A + 6, 1, 2);
    put(UNIT_B + 8, 0xfed91800, 8);
    assert_null(dmar_parse(table, LENGTH, no_bridge, &info));
    assert_int_equal(info.unit_count, 0);
    assert_int_equal(info.left_out, 3);
}

static void test_bad_sizes(void **state)
{
    struct dmar_info info = {0};
    (void)state;
    make();
    assert_string_equal(dmar_parse(table, 47, no_bridge, &info), "the DMAR table is too short");
    put(UNIT_B + 2, 3, 2);
    assert_string_equal(dmar_parse(table, LENGTH, no_bridge, &info),
                        "a structure of the DMAR table has a bad size");
    assert_int_equal(info.unit_count, 0);
    make();
    put(SCOPES + 1, 7, 1);
    assert_string_equal(dmar_parse(table, LENGTH, no_bridge, &info),
                        "a device scope of the DMAR table has a bad size");
    assert_int_equal(info.unit_count, 0);
    make();
    put(SCOPES + 9, 11, 1);
    assert_non_null(dmar_parse(table, LENGTH, no_bridge, &info));
}

/* Any byte with any value: no read outside (the table is alone in its allocation). */
static void test_any_byte(void **state)
{
    (void)state;
    for (unsigned at = 36; at < LENGTH; at++) {
        for (unsigned value = 0; value < 256; value++) {
            struct dmar_info info = {0};
            make();
            put(at, value, 1);
            uint8_t *copy = malloc(LENGTH);
            memcpy(copy, table, LENGTH);
            (void)dmar_parse(copy, LENGTH, any_bridge, &info);
            assert_true(info.unit_count <= DMAR_MAX_UNITS);
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_bridges),
        cmocka_unit_test(test_ioapics_left_out),
        cmocka_unit_test(test_other_segment),
        cmocka_unit_test(test_bad_sizes),
        cmocka_unit_test(test_any_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
