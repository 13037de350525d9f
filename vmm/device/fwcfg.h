/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The firmware configuration device of QEMU's machines (QEMU docs/specs/fw_cfg): OVMF and other
 * guest firmware read the memory map, ACPI tables and the kernel from it. Items are read-only,
 * and secrets can be read once.
 */
#ifndef VMM_DEVICE_FWCFG_H
#define VMM_DEVICE_FWCFG_H

#include "vmm/device/bus.h"
#include "vmm/memory/memory.h"

#define FWCFG_PORT      0x510u
#define FWCFG_SIZE      12u
#define FWCFG_MAX_ITEMS 32
#define FWCFG_MAX_FILES 16
#define FWCFG_NAME_SIZE 56

enum fwcfg_key {
    FWCFG_SIGNATURE = 0x00,
    FWCFG_ID = 0x01,
    FWCFG_RAM_SIZE = 0x03,
    FWCFG_CPU_COUNT = 0x05,
    FWCFG_KERNEL_SIZE = 0x08,
    FWCFG_INITRD_SIZE = 0x0b,
    FWCFG_MAX_CPUS = 0x0f,
    FWCFG_KERNEL_DATA = 0x11,
    FWCFG_INITRD_DATA = 0x12,
    FWCFG_COMMAND_LINE_SIZE = 0x14,
    FWCFG_COMMAND_LINE = 0x15,
    FWCFG_SETUP_SIZE = 0x17,
    FWCFG_SETUP_DATA = 0x18,
    FWCFG_DIRECTORY = 0x19,
    FWCFG_FILES = 0x20,
};

struct fwcfg_item {
    uint16_t key;
    const uint8_t *data; /* not owned; must stay valid */
    uint32_t size;
    uint8_t *wiped; /* the data, of what can be read once; else NULL */
};

/* A directory entry as the guest reads it; numbers are big-endian. */
struct fwcfg_file {
    uint8_t size[4];
    uint8_t select[2];
    uint8_t reserved[2];
    char name[FWCFG_NAME_SIZE];
};

_Static_assert(sizeof(struct fwcfg_file) == 64, "fw_cfg specification, struct FWCfgFile");

struct fwcfg {
    struct fwcfg_item item[FWCFG_MAX_ITEMS];
    unsigned count;
    unsigned files;
    struct {
        uint8_t count[4];
        struct fwcfg_file file[FWCFG_MAX_FILES];
    } directory;
    uint8_t words[8][8]; /* storage of small items */
    unsigned word_count;
    uint16_t selected;
    uint32_t offset;
    uint64_t dma_address;
    const struct memory *memory;
};

extern const struct bus_operations fwcfg_operations; /* FWCFG_PORT, FWCFG_SIZE */

void fwcfg_initialize(struct fwcfg *fwcfg, const struct memory *memory);

/* Adds an item; false when the table is full or the key taken. */
bool fwcfg_add(struct fwcfg *fwcfg, uint16_t key, const uint8_t *data, uint32_t size);
/* Adds a little-endian number of 2, 4 or 8 bytes. */
bool fwcfg_add_number(struct fwcfg *fwcfg, uint16_t key, uint64_t value, unsigned size);
/* Adds a named file, by ascending name. */
bool fwcfg_add_file(struct fwcfg *fwcfg, const char *name, const uint8_t *data, uint32_t size);
/* A named file that can be read once: with its last byte it is overwritten, and reads as zeros. */
bool fwcfg_add_secret(struct fwcfg *fwcfg, const char *name, uint8_t *data, uint32_t size);

#endif
