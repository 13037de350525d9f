/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The root task's ELF file, right and wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake_memory.h"
#include "x86/elf.h"

enum { FILE_SIZE = 0x300, PHDRS = 64, PHDR = 56, MUTATIONS = 50000 };
#define TOP 0x7fffc0000000ull

static void put(uint8_t *p, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        p[i] = (uint8_t)(value >> (8 * i));
    }
}

static void put_segment(uint8_t *file, unsigned i, uint32_t type, uint64_t offset, uint64_t address,
                        uint64_t file_bytes, uint64_t memory_bytes)
{
    uint8_t *p = file + PHDRS + i * PHDR;
    put(p, type, 4);
    put(p + 8, offset, 8);
    put(p + 16, address, 8);
    put(p + 32, file_bytes, 8);
    put(p + 40, memory_bytes, 8);
}

static uint8_t *make(void)
{
    uint8_t *file = calloc(1, FILE_SIZE);
    memcpy(file, "\177ELF\2\1\1", 7);
    put(file + 16, 2, 2);
    put(file + 18, 62, 2);
    put(file + 24, 0x401010, 8);
    put(file + 32, PHDRS, 8);
    put(file + 54, PHDR, 2);
    put(file + 56, 3, 2);
    put_segment(file, 0, 1, 0, 0x400000, 0x200, 0x200);
    put_segment(file, 1, 4, 0, 0, 0, 0); /* PT_NOTE */
    put_segment(file, 2, 1, 0x200, 0x401000, 0x100, 0x2345);
    return file;
}

static void test_good_file(void **state)
{
    uint8_t *file = make();
    struct elf elf;
    (void)state;
    assert_null(elf_parse(file, FILE_SIZE, TOP, &elf));
    assert_int_equal(elf.count, 2);
    assert_int_equal(elf.start, 0x400000);
    assert_int_equal(elf.end, 0x404000);
    assert_int_equal(elf.entry, 0x401010);
    assert_ptr_equal(elf.segments[1].data, file + 0x200);
    free(file);
}

static void test_refusals(void **state)
{
    uint8_t *file = make();
    struct elf elf;
    (void)state;
    assert_non_null(elf_parse(file, 63, TOP, &elf));
    assert_string_equal(elf_parse(file, PHDRS + 2 * PHDR, TOP, &elf),
                        "the root task's program headers are not in its file");
    assert_string_equal(elf_parse(file, FILE_SIZE - 1, TOP, &elf),
                        "a segment of the root task is not in its file");
    put_segment(file, 2, 1, UINT64_MAX, 0x401000, 0x100, 0x2345);
    assert_string_equal(elf_parse(file, FILE_SIZE, TOP, &elf),
                        "a segment of the root task is not in its file");
    put_segment(file, 2, 1, 0x200, TOP - 0x100, 0x100, 0x2345);
    assert_string_equal(elf_parse(file, FILE_SIZE, TOP, &elf),
                        "a segment of the root task has a bad address");
    put_segment(file, 2, 1, 0x200, 0xffffffff80000000, 0x100, 0x2345);
    assert_string_equal(elf_parse(file, FILE_SIZE, TOP, &elf),
                        "a segment of the root task has a bad address");
    put_segment(file, 2, 1, 0x200, 0x500000, 0x100, 0x2345);
    put(file + 24, 0x600000, 8);
    assert_string_equal(elf_parse(file, FILE_SIZE, TOP, &elf),
                        "the root task's entry is in no segment");
    put(file + 18, 3, 2);
    assert_string_equal(elf_parse(file, FILE_SIZE, TOP, &elf),
                        "the root task is no ELF64 executable for x86-64");
    free(file);
}

static void test_mutations(void **state)
{
    uint8_t *original = make();
    uint64_t seed = 11;
    unsigned accepted = 0;
    (void)state;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        uint64_t size = fake_random(&seed) % 8 == 0 ? fake_random(&seed) % FILE_SIZE : FILE_SIZE;
        uint8_t *file = malloc(size + 1);
        struct elf elf;
        memcpy(file, original, size);
        if (size > 0) {
            file[fake_random(&seed) % (size < 256 ? size : 256)] = (uint8_t)fake_random(&seed);
        }
        if (elf_parse(file, size, TOP, &elf) == NULL) {
            accepted++;
            for (unsigned s = 0; s < elf.count; s++) {
                const struct elf_segment *e = &elf.segments[s];
                assert_true(e->data >= file && e->file_bytes <= size - (uint64_t)(e->data - file));
                assert_true(e->file_bytes <= e->memory_bytes && e->address >= elf.start);
                assert_true(e->address + e->memory_bytes <= elf.end && elf.end <= TOP + 0x1000);
            }
        }
        free(file);
    }
    assert_true(accepted > 0);
    free(original);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_file),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
