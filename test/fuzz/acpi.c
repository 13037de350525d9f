/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ACPI, written and read: the tables that a virtual machine gets, for any number of processors,
 * place and room, are sound; and the kernel's reader takes them, and whatever they become when
 * bytes of them change, without a read beyond what it asked for.
 *
 * Input: number of processors, room, place, then changes: offset (2 bytes), value, repair (odd: the
 * sum of the table that holds the byte is made right again).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/firmware/acpi.h"
#include "x86/acpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER     36u
#define RSDP       36u
#define CHANGE     4u
#define MAX_TABLES 16u
#define MAX_COPIES 4096u

struct image {
    struct memory_view view; /* first: the reader's pointer is one to all of it */
    uint8_t *bytes;
    uint64_t base;
    uint64_t size;
    void *copies[MAX_COPIES];
    unsigned count;
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Each access gets a copy of exactly the bytes that it asked for. */
static const void *at(const struct memory_view *view, uint64_t address, uint64_t bytes)
{
    struct image *image = (struct image *)(uintptr_t)view;
    if (address < image->base || address - image->base > image->size ||
        bytes > image->size - (address - image->base) || image->count == MAX_COPIES)
        return NULL;
    void *copy = malloc(bytes == 0 ? 1 : bytes);
    require(copy != NULL);
    memcpy(copy, image->bytes + (address - image->base), bytes);
    image->copies[image->count++] = copy;
    return copy;
}

static void forget(struct image *image)
{
    while (image->count != 0)
        free(image->copies[--image->count]);
}

static uint8_t sum(const uint8_t *bytes, uint64_t length)
{
    uint8_t total = 0;
    for (uint64_t i = 0; i < length; i++)
        total = (uint8_t)(total + bytes[i]);
    return total;
}

/* The table at an address, which must be inside and whole. */
static uint8_t *table_at(const struct image *image, uint64_t address)
{
    require(address >= image->base && address - image->base <= image->size - HEADER);
    uint8_t *table = image->bytes + (address - image->base);
    uint32_t length = load32(table + 4);
    require(length >= HEADER && length <= image->size - (address - image->base));
    require(sum(table, length) == 0);
    return table;
}

static uint64_t load_address(const uint8_t *p)
{
    return load32(p) | (uint64_t)load32(p + 4) << 32;
}

/* Follows the pointers as a guest would; fills tables and returns how many there are. */
static unsigned check(const struct image *image, uint8_t *tables[MAX_TABLES])
{
    unsigned count = 0;
    require(memcmp(image->bytes, "RSD PTR ", 8) == 0);
    require(sum(image->bytes, 20) == 0 && sum(image->bytes, RSDP) == 0);
    uint8_t *xsdt = table_at(image, load_address(image->bytes + 24));
    require(memcmp(xsdt, "XSDT", 4) == 0);
    tables[count++] = xsdt;
    for (uint32_t i = HEADER; i + 8 <= load32(xsdt + 4); i += 8) {
        require(count < MAX_TABLES);
        tables[count++] = table_at(image, load_address(xsdt + i));
    }
    for (unsigned i = 1; i < count; i++) {
        if (memcmp(tables[i], "FACP", 4) == 0) {
            require(count < MAX_TABLES);
            tables[count++] = table_at(image, load_address(tables[i] + 140)); /* X_DSDT */
            break;
        }
    }
    return count;
}

static void change(const struct image *image, const uint8_t *record, uint8_t *const *tables,
                   unsigned count)
{
    uint64_t offset = load16(record) % image->size;
    image->bytes[offset] = record[2];
    if ((record[3] & 1) == 0)
        return;
    image->bytes[8] = (uint8_t)(image->bytes[8] - sum(image->bytes, 20));
    image->bytes[32] = (uint8_t)(image->bytes[32] - sum(image->bytes, RSDP));
    for (unsigned i = 0; i < count; i++) {
        uint32_t length = load32(tables[i] + 4);
        if (length >= HEADER && length <= image->size - (uint64_t)(tables[i] - image->bytes))
            tables[i][9] = (uint8_t)(tables[i][9] - sum(tables[i], length));
    }
}

static const char *read_tables(struct image *image, struct acpi_info *info)
{
    uint8_t rsdp[RSDP];
    memcpy(rsdp, image->bytes, sizeof(rsdp));
    memset(info, 0, sizeof(*info));
    const char *wrong = acpi_parse(&image->view, rsdp, sizeof(rsdp), info);
    require(info->cpu_count <= ACPI_MAX_CPUS && info->ioapic_count <= CONFIG_MAX_IOAPICS);
    const struct acpi_table *const found[] = {&info->madt, &info->dmar, &info->ivrs};
    for (unsigned i = 0; i < 3; i++) {
        if (found[i]->data != NULL)
            require(sum(found[i]->data, found[i]->length) == 0);
    }
    return wrong;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5)
        return 0;
    unsigned processors = data[0] % 20u;
    uint64_t room = (data[4] & 1) != 0 ? ACPI_TABLES_SIZE : load16(data + 1);
    struct image image = {.view = {at}, .base = (uint64_t)data[3] << 16, .size = room};
    image.bytes = calloc(1, room == 0 ? 1 : room);
    require(image.bytes != NULL);
    int64_t used = acpi_build(image.bytes, room, image.base, processors, true);
    if (used < 0) {
        require(used == ACPI_ERROR_SPACE);
        free(image.bytes);
        return 0;
    }
    require(processors <= 16 && (uint64_t)used <= room);
    image.size = (uint64_t)used;

    struct acpi_info info;
    uint8_t *tables[MAX_TABLES];
    unsigned count = check(&image, tables);
    const char *wrong = read_tables(&image, &info);
    require(wrong == NULL && info.cpu_count == processors);
    forget(&image);
    for (size_t i = 5; i + CHANGE <= size; i += CHANGE)
        change(&image, data + i, tables, count);
    read_tables(&image, &info);
    forget(&image);
    free(image.bytes);
    return 0;
}
