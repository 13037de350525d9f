/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What Multiboot loaders leave in memory, right and wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_memory.h"

#define MAGIC1 0x2BADB002u
#define MAGIC2 0x36D76289u

enum { MBI = FAKE_BASE, MODULE = FAKE_BASE + 0x2000, MUTATIONS = 20000 };

static struct boot_info info;

static const char *parse(struct fake_memory *m, uint32_t magic)
{
    memset(&info, 0, sizeof(info));
    return multiboot_parse(&m->view, magic, MBI, &info);
}

/* Flags: memory map, modules, command line. */
static struct fake_memory *make1(void)
{
    struct fake_memory *m = fake_new();
    const uint64_t command_line = MBI + 0x100, modules = MBI + 0x200, mmap = MBI + 0x300;
    fake_put(m, MBI, 1u << 2 | 1u << 3 | 1u << 6, 4);
    fake_put(m, MBI + 16, command_line, 4);
    fake_put(m, MBI + 20, 1, 4);
    fake_put(m, MBI + 24, modules, 4);
    fake_put(m, MBI + 44, 3 * 24, 4);
    fake_put(m, MBI + 48, mmap, 4);
    memcpy(m->bytes + (command_line - FAKE_BASE), "kernel console_port=0x2f8 quiet", 32);
    fake_put(m, modules, MODULE, 4);
    fake_put(m, modules + 4, MODULE + 0x1000, 4);
    const uint64_t entries[3][3] = {
        {0, 0x9fc00, 1}, {0x100000, 0x3ff00000, 1}, {0x3ffe0000, 0x20000, 2}};
    for (unsigned i = 0; i < 3; i++) {
        fake_put(m, mmap + 24 * i, 20, 4);
        fake_put(m, mmap + 24 * i + 4, entries[i][0], 8);
        fake_put(m, mmap + 24 * i + 12, entries[i][1], 8);
        fake_put(m, mmap + 24 * i + 20, entries[i][2], 4);
    }
    return m;
}

/* Adds a tag: where the next one goes. */
static uint64_t tag(struct fake_memory *m, uint64_t at, uint32_t type, uint32_t size)
{
    fake_put(m, at, type, 4);
    fake_put(m, at + 4, size, 4);
    return at + ((size + 7) & ~7u);
}

static struct fake_memory *make2(bool efi_only)
{
    struct fake_memory *m = fake_new();
    uint64_t at = MBI + 8, next = tag(m, at, 1, 8 + 6);
    memcpy(m->bytes + (at + 8 - FAKE_BASE), "hello", 6);
    at = next;
    next = tag(m, at, 3, 8 + 8 + 1);
    fake_put(m, at + 8, MODULE, 4);
    fake_put(m, at + 12, MODULE + 0x800, 4);
    at = next;
    if (!efi_only) {
        next = tag(m, at, 6, 16 + 2 * 24);
        fake_put(m, at + 8, 24, 4);
        fake_put(m, at + 16, 0x100000, 8);
        fake_put(m, at + 24, 0x7f00000, 8);
        fake_put(m, at + 32, 1, 4);
        fake_put(m, at + 40, 0x7000000, 8);
        fake_put(m, at + 48, 0x1000, 8);
        fake_put(m, at + 56, 3, 4);
        at = next;
    }
    next = tag(m, at, 17, 16 + 2 * 48);
    fake_put(m, at + 8, 48, 4);
    fake_put(m, at + 16, 7, 4); /* conventional */
    fake_put(m, at + 24, 0x200000, 8);
    fake_put(m, at + 40, 0x100, 8);
    fake_put(m, at + 64, 6, 4); /* runtime data */
    fake_put(m, at + 72, 0x300000, 8);
    fake_put(m, at + 88, 0x10, 8);
    at = next;
    next = tag(m, at, 8, 31);
    fake_put(m, at + 8, 0xe0000000, 8);
    fake_put(m, at + 16, 3200, 4);
    fake_put(m, at + 20, 800, 4);
    fake_put(m, at + 24, 600, 4);
    fake_put(m, at + 28, 32, 1);
    fake_put(m, at + 29, 1, 1);
    at = next;
    next = tag(m, at, 15, 8 + 36);
    memset(m->bytes + (at + 8 - FAKE_BASE), 'R', 36);
    at = next;
    next = tag(m, at, 0, 8);
    fake_put(m, MBI, next - MBI, 4);
    return m;
}

static void test_multiboot1(void **state)
{
    struct fake_memory *m = make1();
    (void)state;
    assert_null(parse(m, MAGIC1));
    assert_int_equal(info.ram.count, 1);
    assert_int_equal(info.ram.at[0].start, 0x100000);
    assert_int_equal(info.ram.at[0].end, 0x3ffe0000); /* the reserved entry wins */
    assert_true(region_contains(&info.low_ram, 0x1000, 0x9f000));
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].end, MODULE + 0x1000);
    assert_int_equal(info.mmap_count, 3);
    assert_string_equal(info.command_line, "kernel console_port=0x2f8 quiet");
    fake_free(m);
}

static void test_multiboot1_without_map(void **state)
{
    struct fake_memory *m = make1();
    (void)state;
    fake_put(m, MBI, 1u << 0 | 1u << 3, 4);
    fake_put(m, MBI + 4, 639, 4);
    fake_put(m, MBI + 8, 1024, 4);
    assert_null(parse(m, MAGIC1));
    assert_int_equal(info.ram.at[0].end, 0x200000);
    fake_free(m);
}

static void test_multiboot2(void **state)
{
    struct fake_memory *m = make2(false);
    (void)state;
    assert_null(parse(m, MAGIC2));
    assert_int_equal(info.ram.count, 2);
    assert_int_equal(info.ram.at[0].end, 0x7000000);
    assert_int_equal(info.ram.at[1].start, 0x7001000);
    assert_string_equal(info.command_line, "hello");
    assert_int_equal(info.rsdp_length, 36);
    assert_true(info.framebuffer.present);
    assert_int_equal(info.framebuffer.width, 800);
    assert_int_equal(info.framebuffer.bpp, 32);
    assert_int_equal(info.modules[0].start, MODULE);
    fake_free(m);
}

static void test_efi_map_alone(void **state)
{
    struct fake_memory *m = make2(true);
    (void)state;
    assert_null(parse(m, MAGIC2));
    assert_int_equal(info.ram.count, 1);
    assert_int_equal(info.ram.at[0].start, 0x200000);
    assert_int_equal(info.ram.at[0].end, 0x300000);
    fake_free(m);
}

static void test_refusals(void **state)
{
    struct fake_memory *m = make1();
    (void)state;
    assert_string_equal(parse(m, 0x12345678), "not started by a Multiboot loader");
    fake_put(m, MBI + 20, 0, 4);
    assert_string_equal(parse(m, MAGIC1), "no root task: the loader gave no module");
    fake_put(m, MBI + 20, 1, 4);
    fake_put(m, MBI + 24, 0xfffffff8, 4);
    assert_string_equal(parse(m, MAGIC1), "the module list lies outside memory");
    fake_put(m, MBI + 24, MBI + 0x200, 4);
    fake_put(m, MBI + 0x204, 0xfffffff0, 4);
    assert_string_equal(parse(m, MAGIC1), "a module lies outside memory");
    fake_put(m, MBI + 0x204, MODULE + 0x1000, 4);
    fake_put(m, MBI + 0x300, 0xffffffff, 4);
    assert_string_equal(parse(m, MAGIC1), "a memory map entry has a bad size");
    fake_free(m);

    m = make2(false);
    fake_put(m, MBI, 0x7fffffff, 4);
    assert_string_equal(parse(m, MAGIC2), "the loader's information has a bad size");
    fake_put(m, MBI, 0x100, 4);
    fake_put(m, MBI + 12, 7, 4);
    assert_string_equal(parse(m, MAGIC2), "a tag of the loader's information has a bad size");
    fake_free(m);
}

/* Whatever stands there: an answer, and no read outside (address sanitizer). */
static void mutate(struct fake_memory *m, uint32_t magic, uint64_t seed)
{
    static uint8_t original[FAKE_SIZE];
    unsigned accepted = 0;
    memcpy(original, m->bytes, sizeof(original));
    for (unsigned i = 0; i < MUTATIONS; i++) {
        for (unsigned n = 0; n <= fake_random(&seed) % 4; n++) {
            m->bytes[fake_random(&seed) % 0x400] = (uint8_t)fake_random(&seed);
        }
        if (parse(m, magic) == NULL) {
            accepted++;
            assert_true(info.ram.count > 0 && info.module_count > 0);
            for (unsigned k = 0; k < info.module_count; k++) {
                assert_non_null(m->view.at(&m->view, info.modules[k].start,
                                           info.modules[k].end - info.modules[k].start));
            }
        }
        fake_forget_copies(m);
        memcpy(m->bytes, original, sizeof(original));
    }
    assert_true(accepted > 0);
    fake_free(m);
}

static void test_mutations(void **state)
{
    (void)state;
    mutate(make1(), MAGIC1, 1);
    mutate(make2(false), MAGIC2, 2);
    mutate(make2(true), MAGIC2, 3);
}

static void test_options(void **state)
{
    const char *line = "kernel xconsole_port=1 console_port=0x2f8 disable_iommu n=12z";
    (void)state;
    assert_int_equal(boot_number(boot_option(line, "console_port")), 0x2f8);
    assert_int_equal(boot_number(boot_option(line, "n")), 12);
    assert_null(boot_option(line, "port"));
    assert_null(boot_option(line, "disable_iommu"));
    assert_true(boot_flag(line, "disable_iommu"));
    assert_false(boot_flag(line, "disable"));
    assert_false(boot_flag("", "disable"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multiboot1), cmocka_unit_test(test_multiboot1_without_map),
        cmocka_unit_test(test_multiboot2), cmocka_unit_test(test_efi_map_alone),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
