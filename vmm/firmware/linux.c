/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The Linux/x86 boot protocol (Linux Documentation/arch/x86/boot.rst and zero-page.rst).
 */
#include <string.h>

#include "vmm/firmware/boot.h"

/* Offsets in the setup header and in struct boot_params, which agree. */
enum {
    ZP_RSDP = 0x070,
    ZP_E820_COUNT = 0x1e8,
    ZP_SETUP_SECTORS = 0x1f1,
    ZP_BOOT_FLAG = 0x1fe,
    ZP_JUMP = 0x200,
    ZP_HEADER = 0x202,
    ZP_VERSION = 0x206,
    ZP_LOADER = 0x210,
    ZP_LOAD_FLAGS = 0x211,
    ZP_INITRD = 0x218,
    ZP_INITRD_SIZE = 0x21c,
    ZP_COMMAND_LINE = 0x228,
    ZP_INITRD_MAX = 0x22c,
    ZP_ALIGNMENT = 0x230,
    ZP_RELOCATABLE = 0x234,
    ZP_XLOAD_FLAGS = 0x236,
    ZP_COMMAND_LINE_SIZE = 0x238,
    ZP_PREFERRED = 0x258,
    ZP_INIT_SIZE = 0x260,
    ZP_HEADER_MAX = 0x290,
    ZP_E820 = 0x2d0,
    ZP_SIZE = 0x1000,
};

#define LOAD_HIGH    0x01u
#define XLOAD_64     0x01u
#define HEADER_MAGIC 0x53726448u /* "HdrS" */
#define LOADER_OTHER 0xffu
#define MIN_VERSION  0x0206u
#define ENTRY_64     0x200u

struct header {
    uint64_t setup_size; /* bytes before the protected-mode code */
    uint64_t header_end;
    uint16_t version;
    bool entry_64;
    bool relocatable;
    uint64_t alignment;
    uint64_t preferred;
    uint64_t init_size;
    uint64_t initrd_max;
    uint64_t command_line_max;
};

static uint64_t get(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (i * 8);
    return value;
}

static void put(uint8_t *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (i * 8));
}

static int parse(const struct boot_blob *kernel, struct header *header)
{
    const uint8_t *data = kernel->data;
    if (kernel->size < ZP_HEADER_MAX)
        return BOOT_ERROR_FORMAT;
    if (get(data + ZP_BOOT_FLAG, 2) != 0xaa55 || get(data + ZP_HEADER, 4) != HEADER_MAGIC)
        return BOOT_ERROR_FORMAT;
    header->version = (uint16_t)get(data + ZP_VERSION, 2);
    if (header->version < MIN_VERSION)
        return BOOT_ERROR_OLD;
    if ((data[ZP_LOAD_FLAGS] & LOAD_HIGH) == 0)
        return BOOT_ERROR_OLD; /* a zImage */
    uint64_t sectors = data[ZP_SETUP_SECTORS] == 0 ? 4 : data[ZP_SETUP_SECTORS];
    header->setup_size = (sectors + 1) * 512;
    header->header_end = ZP_HEADER + data[ZP_JUMP + 1];
    if (header->header_end > ZP_HEADER_MAX)
        header->header_end = ZP_HEADER_MAX;
    if (header->setup_size >= kernel->size)
        return BOOT_ERROR_TRUNCATED;
    header->relocatable = data[ZP_RELOCATABLE] != 0;
    header->alignment = get(data + ZP_ALIGNMENT, 4);
    header->initrd_max = get(data + ZP_INITRD_MAX, 4);
    header->command_line_max = get(data + ZP_COMMAND_LINE_SIZE, 4);
    header->entry_64 = false;
    header->preferred = 0x100000;
    header->init_size = kernel->size - header->setup_size;
    if (header->version >= 0x020a) {
        header->preferred = get(data + ZP_PREFERRED, 8);
        header->init_size = get(data + ZP_INIT_SIZE, 4);
    }
    if (header->version >= 0x020c)
        header->entry_64 = (get(data + ZP_XLOAD_FLAGS, 2) & XLOAD_64) != 0;
    return BOOT_OK;
}

/* Where the protected-mode code goes: its preferred place, or 1 MiB when that is not free. */
static uint64_t choose_address(const struct vm *vm, const struct header *header, uint64_t size)
{
    uint64_t low = memory_low_size(&vm->memory);
    uint64_t need = header->init_size > size ? header->init_size : size;
    if (header->preferred >= 0x100000 && header->preferred < low && need <= low - header->preferred)
        return header->preferred;
    if (!header->relocatable)
        return 0;
    uint64_t alignment = header->alignment;
    if (alignment < 0x100000 || (alignment & (alignment - 1)) != 0)
        alignment = 0x100000;
    if (alignment >= low || need > low - alignment)
        return 0;
    return alignment;
}

static void write_map(const struct vm *vm, uint8_t *zero_page)
{
    struct boot_range ranges[BOOT_MAX_RANGES];
    unsigned count = boot_memory_map(vm, ranges);
    zero_page[ZP_E820_COUNT] = (uint8_t)count;
    for (unsigned i = 0; i < count; i++) {
        put(zero_page + ZP_E820 + i * 20, ranges[i].start, 8);
        put(zero_page + ZP_E820 + i * 20 + 8, ranges[i].size, 8);
        put(zero_page + ZP_E820 + i * 20 + 16, ranges[i].type, 4);
    }
}

int boot_linux(struct vm *vm, const struct boot_image *image, uint64_t rsdp)
{
    struct header header;
    int error = parse(&image->kernel, &header);
    if (error != BOOT_OK)
        return error;
    uint64_t size = image->kernel.size - header.setup_size;
    uint64_t address = choose_address(vm, &header, size);
    uint8_t *zero_page = memory_at(&vm->memory, gpa(BOOT_ZERO_PAGE), ZP_SIZE);
    if (address == 0 || zero_page == NULL)
        return BOOT_ERROR_MEMORY;
    error = boot_place_command_line(vm, image->command_line, header.command_line_max);
    if (error != BOOT_OK)
        return error;
    uint64_t initrd = 0;
    if (image->initrd.size != 0) {
        uint64_t floor = address + (header.init_size > size ? header.init_size : size);
        initrd = boot_place_initrd(vm, &image->initrd, floor, header.initrd_max + 1);
        if (initrd == 0)
            return BOOT_ERROR_MEMORY;
    }
    if (memory_write(&vm->memory, gpa(address), image->kernel.data + header.setup_size, size) !=
        MEMORY_OK)
        return BOOT_ERROR_MEMORY;

    memset(zero_page, 0, ZP_SIZE);
    memcpy(zero_page + ZP_SETUP_SECTORS, image->kernel.data + ZP_SETUP_SECTORS,
           header.header_end - ZP_SETUP_SECTORS);
    zero_page[ZP_LOADER] = LOADER_OTHER;
    put(zero_page + ZP_COMMAND_LINE, BOOT_COMMAND_LINE, 4);
    put(zero_page + ZP_INITRD, initrd, 4);
    put(zero_page + ZP_INITRD_SIZE, image->initrd.size, 4);
    put(zero_page + ZP_RSDP, rsdp, 8);
    write_map(vm, zero_page);

    if (header.entry_64) {
        error = boot_enter_64(vm, address + ENTRY_64);
        if (error != BOOT_OK)
            return error;
    } else {
        boot_enter_32(vm, address);
    }
    vcpu_set_gpr(&vm->vcpu[0], 6, BOOT_ZERO_PAGE);
    return BOOT_OK;
}
