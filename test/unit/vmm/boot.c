/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a guest is booted with: ACPI tables, kernels of the kinds that there are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "vmm/firmware/acpi.h"
#include "vmm/firmware/boot.h"

static uint8_t sum(const uint8_t *bytes, size_t size)
{
    uint8_t total = 0;
    for (size_t i = 0; i < size; i++)
        total = (uint8_t)(total + bytes[i]);
    return total;
}

static void acpi_tables(void **state)
{
    (void)state;
    static uint8_t buffer[ACPI_TABLES_SIZE];
    assert_int_equal(acpi_build(buffer, 256, ACPI_TABLES_BASE, 1, true), ACPI_ERROR_SPACE);
    int64_t size = acpi_build(buffer, sizeof(buffer), ACPI_TABLES_BASE, 16, true);
    assert_true(size > 0);
    assert_memory_equal(buffer, "RSD PTR ", 8);
    assert_int_equal(sum(buffer, 36), 0);
    uint64_t xsdt;
    memcpy(&xsdt, buffer + 24, 8);
    const uint8_t *table = buffer + (xsdt - ACPI_TABLES_BASE);
    uint32_t length;
    memcpy(&length, table + 4, 4);
    assert_int_equal(sum(table, length), 0);
    for (uint32_t at = 36; at < length; at += 8) {
        uint64_t address;
        uint32_t inner;
        memcpy(&address, table + at, 8);
        const uint8_t *entry = buffer + (address - ACPI_TABLES_BASE);
        memcpy(&inner, entry + 4, 4);
        assert_int_equal(sum(entry, inner), 0);
    }
}

static void boots_linux(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    static uint8_t kernel[0x4000];
    struct boot_image image = {{kernel, sizeof(kernel)}, {NULL, 0}, "console=ttyS0"};
    assert_int_equal(boot_load(&m->vm, &image), BOOT_ERROR_FORMAT);
    kernel[0x1f1] = 4;
    memcpy(kernel + 0x1fe, "\x55\xaa\xeb\x66HdrS\x0f\x02", 10);
    kernel[0x211] = 1;
    memcpy(kernel + 0x22c, "\xff\xff\xff\x7f", 4);
    memcpy(kernel + 0x230, "\0\0\x20\0\1\0\1\0", 8);
    memcpy(kernel + 0x238, "\xff\x07\0\0", 4);
    memcpy(kernel + 0x258, "\0\0\0\1", 4);
    memcpy(kernel + 0x260, "\0\0\x20\0", 4);
    kernel[0xa00] = 0x42;
    static const uint8_t initrd[] = "initrd";
    image.initrd = (struct boot_blob){initrd, sizeof(initrd)};
    assert_int_equal(boot_load(&m->vm, &image), BOOT_OK);
    assert_int_equal(m->mr[0][QUOIN_VM_RIP], 0x1000200);
    assert_int_equal(m->mr[0][QUOIN_VM_RSI], BOOT_ZERO_PAGE);
    assert_int_equal(m->mr[0][QUOIN_VM_CR0], 0x80000031);
    assert_int_equal(m->memory[0x1000000], 0x42);
    assert_string_equal((char *)m->memory + BOOT_COMMAND_LINE, "console=ttyS0");
    uint32_t address;
    memcpy(&address, m->memory + BOOT_ZERO_PAGE + 0x218, 4);
    assert_string_equal((char *)m->memory + address, "initrd");
    /* Larger than the machine. */
    memcpy(kernel + 0x260, "\0\0\0\x10", 4);
    kernel[0x234] = 0;
    assert_int_equal(boot_load(&m->vm, &image), BOOT_ERROR_MEMORY);
    machine_destroy(m);
}

/* A Multiboot 1 kernel: one segment of an ELF32 file at 2 MiB. */
static void boots_multiboot(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    static uint8_t kernel[0x200];
    static const uint32_t segment[8] = {1, 0x100, 0x200000, 0x200000, 0x10, 0x1000, 5, 0x1000};
    static const uint32_t header[3] = {0x1badb002, 3, 0u - 0x1badb002 - 3};
    struct boot_image image = {{kernel, sizeof(kernel)}, {NULL, 0}, "word"};
    memcpy(kernel, "\177ELF\1\1\1", 7);
    kernel[26] = 0x20; /* entry 0x200000 */
    kernel[28] = 52;   /* program headers */
    kernel[42] = 32;
    kernel[44] = 1;
    memcpy(kernel + 52, segment, sizeof(segment));
    kernel[0x100] = 0x42;
    assert_int_equal(boot_load(&m->vm, &image), BOOT_ERROR_FORMAT); /* neither PVH nor Multiboot */
    memcpy(kernel + 0x104, header, sizeof(header));
    assert_int_equal(boot_load(&m->vm, &image), BOOT_OK);
    assert_int_equal(m->mr[0][QUOIN_VM_RIP], 0x200000);
    assert_int_equal(m->mr[0][QUOIN_VM_RAX], 0x2badb002);
    assert_int_equal(m->mr[0][QUOIN_VM_RBX], BOOT_START_INFO);
    assert_int_equal(m->mr[0][QUOIN_VM_CR0], 0x11);
    assert_int_equal(m->memory[0x200000], 0x42);
    uint32_t info[16];
    memcpy(info, m->memory + BOOT_START_INFO, sizeof(info));
    assert_int_equal(info[0], 0x45);
    assert_int_equal(info[2], (MACHINE_MEMORY - 0x100000) >> 10);
    assert_string_equal((char *)m->memory + info[4], "word");
    /* Below 1 MiB, in what is free there and nowhere else. */
    static const struct {
        uint32_t start, size;
        int result;
    } low[] = {
        {0x8000, 0x6000, BOOT_OK},
        {0x21000, 0x7e000, BOOT_OK},
        {BOOT_START_INFO, 0x1000, BOOT_ERROR_MEMORY},
        {0x8000, 0x18001, BOOT_ERROR_MEMORY}, /* into the command line */
        {0x21000, 0x7e001, BOOT_ERROR_MEMORY},
        {0x9f000, 0x10, BOOT_ERROR_MEMORY},
        {0xe0000, 0x10, BOOT_ERROR_MEMORY},
        {0xfffff, 0x10, BOOT_ERROR_MEMORY},
    };
    for (unsigned i = 0; i < sizeof(low) / sizeof(low[0]); i++) {
        memcpy(kernel + 52 + 12, &low[i].start, 4);
        memcpy(kernel + 52 + 20, &low[i].size, 4);
        assert_int_equal(boot_load(&m->vm, &image), low[i].result);
    }
    memcpy(kernel + 52, segment, sizeof(segment));
    /* A required feature that is not known. */
    kernel[0x108] = 7;
    kernel[0x10c] = (uint8_t)(kernel[0x10c] - 4);
    assert_int_equal(boot_load(&m->vm, &image), BOOT_ERROR_FORMAT);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acpi_tables),
        cmocka_unit_test(boots_linux),
        cmocka_unit_test(boots_multiboot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
