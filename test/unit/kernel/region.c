/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists of physical ranges, and untypeds cut from them, against a plain map of pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_memory.h"
#include "x86/root.h"

enum { MAP_PAGES = 400, ROUNDS = 3000 };

static void check_list(const struct region_list *list, const bool *map)
{
    bool seen[MAP_PAGES] = {false};
    for (unsigned i = 0; i < list->count; i++) {
        assert_true(list->at[i].start < list->at[i].end);
        if (i > 0) {
            assert_true(list->at[i - 1].end < list->at[i].start);
        }
        for (uint64_t p = list->at[i].start; p < list->at[i].end; p++) {
            assert_true(p < MAP_PAGES);
            seen[p] = true;
        }
    }
    assert_memory_equal(seen, map, sizeof(seen));
}

static void test_against_map(void **state)
{
    static struct region_list list;
    bool map[MAP_PAGES] = {false};
    uint64_t seed = 42;
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = fake_random(&seed) % MAP_PAGES;
        uint64_t end = start + fake_random(&seed) % (MAP_PAGES / 8 + 1);
        end = end > MAP_PAGES ? MAP_PAGES : end;
        bool add = fake_random(&seed) % 2 == 0;
        (add ? region_add : region_remove)(&list, start, end);
        for (uint64_t p = start; p < end; p++) {
            map[p] = add;
        }
        check_list(&list, map);
    }
    assert_false(list.overflow);
}

static void test_full_list_keeps_its_order(void **state)
{
    static struct region_list list;
    (void)state;
    for (uint64_t i = 0; i < MAX_REGIONS + 10; i++) {
        region_add(&list, i * 4, i * 4 + 2);
    }
    assert_int_equal(list.count, MAX_REGIONS);
    assert_true(list.overflow);
    region_remove(&list, 1, 2); /* shortens, needs no room */
    assert_int_equal(list.at[0].end, 1);
    region_add(&list, 0, UINT64_MAX);
    assert_int_equal(list.count, 1);
    region_remove(&list, 10, 20);
    assert_int_equal(list.count, 2);
}

static void test_cut(void **state)
{
    static struct region_list list;
    uint64_t start;
    (void)state;
    region_add(&list, 0x1000, 0x3000);
    region_add(&list, 0x5000, 0x20000);
    assert_true(region_cut(&list, 0x4000, 0x4000, UINT64_MAX, &start));
    assert_int_equal(start, 0x8000);
    assert_true(region_cut(&list, 0x1000, 0x1000, UINT64_MAX, &start));
    assert_int_equal(start, 0x1000);
    assert_false(region_cut(&list, 0x1000, 0x1000, 0x2000, &start));
    assert_false(region_cut(&list, 0x100000, 0x1000, UINT64_MAX, &start));
    assert_true(region_contains(&list, 0x5000, 0x8000));
    assert_false(region_contains(&list, 0x5000, 0x8001));
}

/* Every page of the regions in exactly one piece, each piece aligned and as large as can be. */
static void test_untypeds_cover_everything(void **state)
{
    static struct region_list device, ram;
    static struct untyped_piece pieces[4096];
    (void)state;
    region_add(&device, 0, 0x100000);
    region_add(&device, 0x40000000, 0xfec00000);
    region_add(&device, 0xfec01000, BIT(47));
    region_add(&ram, 0x123000, 0x3ffe0000);
    unsigned count = untyped_list(&device, &ram, pieces, 4096);
    uint64_t sums[2] = {0, 0};
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(pieces[i].base & MASK(pieces[i].bits), 0);
        assert_true(pieces[i].bits >= 12 && pieces[i].bits <= 47);
        assert_true(region_contains(pieces[i].device ? &device : &ram, pieces[i].base,
                                    pieces[i].base + BIT(pieces[i].bits)));
        sums[pieces[i].device] += BIT(pieces[i].bits);
        for (unsigned j = 0; j < i; j++) {
            assert_true(pieces[j].base + BIT(pieces[j].bits) <= pieces[i].base ||
                        pieces[i].base + BIT(pieces[i].bits) <= pieces[j].base);
        }
    }
    assert_int_equal(sums[0], 0x3ffe0000 - 0x123000);
    assert_int_equal(sums[1], 0x100000 + 0xbec00000 + (BIT(47) - 0xfec01000));
}

static void test_smallest_untypeds_are_left_out(void **state)
{
    static struct region_list device, ram;
    struct untyped_piece pieces[4];
    (void)state;
    region_add(&ram, 0x1000, 0x100000); /* 2^12, 2^13, ... 2^19 */
    assert_int_equal(untyped_list(&device, &ram, pieces, 4), 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pieces[i].bits, 16 + i);
    }
    assert_int_equal(untyped_list(&device, &ram, pieces, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_map),
        cmocka_unit_test(test_full_list_keeps_its_order),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_untypeds_cover_everything),
        cmocka_unit_test(test_smallest_untypeds_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
