/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of what the loader reads and plans: GRUB's information, kernels, places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "little.h"
#include "machine.h"
#include "parameters.h"

static struct machine machine;
static struct info info;

static int parse(struct loader_failure *failure)
{
    uint8_t *end = machine.info + machine.info_used;

    store32(end, 0);
    store32(end + 4, 8);
    store32(machine.info, (uint32_t)machine.info_used + 8);
    return info_parse(&info, (struct pq_bytes){machine.info, machine.info_used + 8}, failure);
}

static void test_modules(void **state)
{
    struct loader_failure failure;

    (void)state;
    machine_reset(&machine);
    machine_tag(&machine, "kernel.elf", 0x200000, 0x300000);
    machine_tag(&machine, "root.elf", 0x300000, 0x300000);
    assert_int_equal(parse(&failure), LOADER_OK);
    assert_int_equal(info.module_count, 2);
    assert_string_equal(info.modules[1].name, "root.elf");
    assert_int_equal(info.modules[0].end, 0x300000);
    assert_true(info_is_ram(&info, 0x100000, MACHINE_MEMORY));
    assert_false(info_is_ram(&info, 0x9e000, 0x101000));
}

static void test_bad_modules(void **state)
{
    static const char long_name[] =
        "a-name-of-sixty-four-characters-which-is-one-more-than-allowed-x";
    struct loader_failure failure;

    (void)state;
    machine_reset(&machine);
    machine_tag(&machine, "kernel.elf", 0x300000, 0x200000);
    assert_int_equal(parse(&failure), LOADER_ERROR_RANGE);
    assert_string_equal(failure.file, "kernel.elf");
    machine_reset(&machine);
    machine_tag(&machine, "", 0x200000, 0x300000);
    assert_int_equal(parse(&failure), LOADER_ERROR_NAME);
    machine_reset(&machine);
    assert_int_equal(strlen(long_name), MANIFEST_NAME_SIZE);
    machine_tag(&machine, long_name, 0x200000, 0x300000);
    assert_int_equal(parse(&failure), LOADER_ERROR_NAME);
    machine_reset(&machine);
    for (unsigned i = 0; i <= INFO_MODULES_MAX; i++)
        machine_tag(&machine, "x", 0x200000, 0x200000);
    assert_int_equal(parse(&failure), LOADER_ERROR_COUNT);
}

static void test_bad_tags(void **state)
{
    static const uint32_t sizes[] = {0, 7, 5000, 0xffffffff};
    struct loader_failure failure;

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        machine_reset(&machine);
        store32(machine.info + 8 + 4, sizes[i]);
        assert_int_equal(parse(&failure), LOADER_ERROR_INFO);
    }
    /* Entries of the memory map that are too small, or larger than the map. */
    machine_reset(&machine);
    store32(machine.info + 8 + 8, 8);
    assert_int_equal(parse(&failure), LOADER_ERROR_INFO);
    store32(machine.info + 8 + 8, 1000);
    assert_int_equal(parse(&failure), LOADER_ERROR_INFO);
    assert_int_equal(info_size((const uint8_t[8]){15}), 0);
    assert_int_equal(info_size((const uint8_t[8]){0, 0, 0, 1}), 0);
    assert_int_equal(info_size((const uint8_t[8]){16}), 16);
}

static void test_written_information(void **state)
{
    static const struct info_place places[] = {{0x500000, 0x600000, "root.elf"},
                                               {0x700000, 0x700100, "x"}};
    static _Alignas(8) uint8_t out[4096];
    struct loader_failure failure;
    size_t size;

    (void)state;
    machine_reset(&machine);
    machine_tag(&machine, "kernel.elf", 0x200000, 0x300000);
    assert_int_equal(parse(&failure), LOADER_OK);
    size = info_write(out, sizeof out, (struct pq_bytes){machine.info, machine.info_used + 8},
                      places, 2);
    assert_int_equal(size, load32(out));
    assert_int_equal(info_parse(&info, (struct pq_bytes){out, size}, &failure), LOADER_OK);
    assert_int_equal(info.module_count, 2);
    assert_string_equal(info.modules[0].name, "root.elf");
    assert_int_equal(info.modules[1].end, 0x700100);
    assert_int_equal(info.range_count, 2);
    for (size_t room = 0; room < size; room++)
        assert_int_equal(info_write(out, room,
                                    (struct pq_bytes){machine.info, machine.info_used + 8}, places,
                                    2),
                         0);
}

static void test_options(void **state)
{
    char value[8];

    (void)state;
    memset(&info, 0, sizeof info);
    strcpy(info.command_line, "xentry=1 entry=quoin-debug medium=hd0");
    info_option(&info, "entry", value, sizeof value);
    assert_string_equal(value, "quoin-d");
    info_option(&info, "medium", value, sizeof value);
    assert_string_equal(value, "hd0");
    info_option(&info, "none", value, sizeof value);
    assert_string_equal(value, "");
}

/* A kernel of two segments, ELF64, and its one page of contents. */
static struct elf a_kernel(void)
{
    return (struct elf){
        .entry = 0x100010,
        .count = 2,
        .segments = {{ELF_TYPE_LOAD, 0x100000, 0x1000, 0x1000, 0x800},
                     {ELF_TYPE_LOAD, 0x101000, 0x80000, 0x1800, 0x10}},
    };
}

static void one_ram(uint64_t end)
{
    memset(&info, 0, sizeof info);
    info.range_count = 1;
    info.ranges[0] = (struct info_range){0x100000, end, 1};
}

static void test_places(void **state)
{
    struct place_file files[2] = {{{0x150000, 0x250000}, 0}, {{0x2000000, 0x2100000}, 0}};
    struct elf kernel = a_kernel();
    unsigned culprit;

    (void)state;
    one_ram(0x8000000);
    assert_int_equal(place_check(files, 2, &info, MACHINE_LOADER, &culprit), LOADER_OK);
    assert_int_equal(place_plan(files, 2, &kernel, &info, MACHINE_LOADER, &culprit), LOADER_OK);
    assert_int_equal(files[0].to, 0x7f00000);
    assert_int_equal(files[1].to, 0x2000000);
    /* What the firmware keeps is no place. */
    info.range_count = 2;
    info.ranges[1] = (struct info_range){0x7800000, 0x8000000, 0};
    assert_int_equal(place_plan(files, 2, &kernel, &info, MACHINE_LOADER, &culprit), LOADER_OK);
    assert_int_equal(files[0].to, 0x7700000);
}

static void test_no_place(void **state)
{
    struct place_file files[2] = {{{0x150000, 0x250000}, 0}, {{0x2000000, 0x2100000}, 0}};
    struct elf kernel = a_kernel();
    unsigned culprit;

    (void)state;
    one_ram(0x2100000);
    info.ranges[1] = (struct info_range){0x300000, 0x2000000, 0};
    info.range_count = 2;
    assert_int_equal(place_plan(files, 2, &kernel, &info, MACHINE_LOADER, &culprit),
                     LOADER_ERROR_MEMORY);
    assert_int_equal(culprit, 0);
    one_ram(0x160000);
    assert_int_equal(place_plan(files, 2, &kernel, &info, MACHINE_LOADER, &culprit),
                     LOADER_ERROR_PLACE);
    one_ram(0x8000000);
    kernel.segments[1].memory = 0x1000000; /* reaches the loader */
    assert_int_equal(place_plan(files, 2, &kernel, &info, MACHINE_LOADER, &culprit),
                     LOADER_ERROR_PLACE);
    kernel = a_kernel();
    kernel.segments[1].address = 0x100800; /* over the other segment */
    assert_int_equal(place_plan(files, 2, &kernel, &info, MACHINE_LOADER, &culprit),
                     LOADER_ERROR_KERNEL);
    kernel = a_kernel();
    kernel.entry = 0x90000000;
    assert_int_equal(place_plan(files, 2, &kernel, &info, MACHINE_LOADER, &culprit),
                     LOADER_ERROR_KERNEL);
}

static void test_files_over_each_other(void **state)
{
    struct place_file files[2] = {{{0x150000, 0x250000}, 0}, {{0x24f000, 0x300000}, 0}};
    unsigned culprit;

    (void)state;
    one_ram(0x8000000);
    assert_int_equal(place_check(files, 2, &info, MACHINE_LOADER, &culprit), LOADER_ERROR_RANGE);
    assert_int_equal(culprit, 1);
    files[1].from = (struct place_range){0x7ff0000, 0x8000001};
    assert_int_equal(place_check(files, 2, &info, MACHINE_LOADER, &culprit), LOADER_ERROR_RANGE);
    files[1].from = (struct place_range){0xff0000, 0x1000001};
    assert_int_equal(place_check(files, 2, &info, MACHINE_LOADER, &culprit), LOADER_ERROR_RANGE);
    files[1].from = (struct place_range){0x250000, 0x300000};
    assert_int_equal(place_check(files, 2, &info, MACHINE_LOADER, &culprit), LOADER_OK);
    files[1].from = (struct place_range){0, 0}; /* an empty file, as GRUB gives it */
    assert_int_equal(place_check(files, 2, &info, MACHINE_LOADER, &culprit), LOADER_OK);
}

/* An ELF64 file with one segment header. */
static void make_elf(uint8_t file[256], uint64_t offset, uint64_t size, uint64_t memory)
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

    memset(file, 0, 256);
    memcpy(file, ident, sizeof ident);
    store16(file + 16, 2);
    store16(file + 18, 62);
    store64(file + 24, 0x100000);
    store64(file + 32, 64);
    store16(file + 54, 56);
    store16(file + 56, 1);
    store32(file + 64, ELF_TYPE_LOAD);
    store64(file + 64 + 8, offset);
    store64(file + 64 + 24, 0x100000);
    store64(file + 64 + 32, size);
    store64(file + 64 + 40, memory);
}

static void test_elf(void **state)
{
    struct elf elf;
    uint8_t file[256];
    const struct pq_bytes bytes = {file, sizeof file};

    (void)state;
    make_elf(file, 128, 128, 4096);
    assert_int_equal(elf_parse(&elf, bytes, ELF_TYPE_LOAD), ELF_OK);
    assert_int_equal(elf.count, 1);
    assert_int_equal(elf.entry, 0x100000);
    assert_int_equal(elf.segments[0].memory, 4096);
    assert_int_equal(elf_parse(&elf, bytes, ELF_TYPE_PARAMETERS), ELF_ERROR_COUNT);
    assert_int_equal(elf_parse(&elf, (struct pq_bytes){file, 119}, ELF_TYPE_LOAD), ELF_ERROR_TABLE);
    assert_int_equal(elf_parse(&elf, (struct pq_bytes){file, 51}, ELF_TYPE_LOAD), ELF_ERROR_HEADER);
    make_elf(file, 129, 128, 4096);
    assert_int_equal(elf_parse(&elf, bytes, ELF_TYPE_LOAD), ELF_ERROR_SEGMENT);
    make_elf(file, UINT64_MAX, 2, 4096);
    assert_int_equal(elf_parse(&elf, bytes, ELF_TYPE_LOAD), ELF_ERROR_SEGMENT);
    make_elf(file, 128, 128, 127);
    assert_int_equal(elf_parse(&elf, bytes, ELF_TYPE_LOAD), ELF_ERROR_SEGMENT);
    make_elf(file, 128, 128, UINT64_MAX);
    assert_int_equal(elf_parse(&elf, bytes, ELF_TYPE_LOAD), ELF_ERROR_SEGMENT);
    make_elf(file, 128, 128, 4096);
    store64(file + 32, UINT64_MAX - 8);
    assert_int_equal(elf_parse(&elf, bytes, ELF_TYPE_LOAD), ELF_ERROR_TABLE);
}

static void test_parameters(void **state)
{
    static uint8_t room[PARAMETERS_SIZE + 16];
    static const uint8_t digest[64] = {1, 2, 3};
    static const uint8_t log[17] = {9, 8, 7};
    struct parameters parameters = {
        .flags = PARAMETERS_VERIFIED,
        .epoch = 3,
        .version = 0x123456789,
        .entry = "quoin",
        .manifest_digest = digest,
        .log = {log, 16},
    };

    (void)state;
    assert_int_equal(parameters_write(room, PARAMETERS_SIZE - 1, &parameters), -1);
    assert_int_equal(parameters_write(room, sizeof room, &parameters), 0);
    assert_memory_equal(room, PARAMETERS_MAGIC, 8);
    assert_int_equal(load64(room + 16), 0x123456789);
    assert_int_equal(load32(room + 28), PARAMETERS_SIZE);
    assert_memory_equal(room + PARAMETERS_SIZE, log, 16);
    parameters.log.size = 17;
    assert_int_equal(parameters_write(room, sizeof room, &parameters), 0);
    assert_int_equal(load32(room + 28), 0);
}

static void test_messages(void **state)
{
    struct loader_failure failure;
    char line[256];

    (void)state;
    for (int error = LOADER_ERROR_MAGIC; error >= LOADER_ERROR_EXCEPTION; error--) {
        failure_set(&failure, (enum loader_error)error, "x");
        failure.manifest_error = MANIFEST_ERROR_SIGNATURE;
        assert_true(failure_line(&failure, line, sizeof line) > 10);
        assert_true(strlen(failure_remedy(&failure)) > 10);
    }
    failure_set(&failure, LOADER_ERROR_FILE, "kernel.elf");
    failure.manifest_error = MANIFEST_ERROR_MISSING;
    failure_line(&failure, line, sizeof line);
    assert_string_equal(line, "kernel.elf: the manifest has no such file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modules),  cmocka_unit_test(test_bad_modules),
        cmocka_unit_test(test_bad_tags), cmocka_unit_test(test_written_information),
        cmocka_unit_test(test_options),  cmocka_unit_test(test_places),
        cmocka_unit_test(test_no_place), cmocka_unit_test(test_files_over_each_other),
        cmocka_unit_test(test_elf),      cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
