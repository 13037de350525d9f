/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Direct boot: a Linux bzImage (Linux Documentation/arch/x86/boot.rst) by its 64-bit or 32-bit
 * entry, or an ELF kernel by PVH (Xen docs/misc/pvh.pandoc) or Multiboot 1. What is loaded is
 * checked completely first.
 */
#ifndef VMM_FIRMWARE_BOOT_H
#define VMM_FIRMWARE_BOOT_H

#include "vmm/vm.h"

/* Guest-physical addresses of what the boot protocols want, all below 640 KiB. */
#define BOOT_GDT               0x1000ull
#define BOOT_ZERO_PAGE         0x7000ull
#define BOOT_PAGE_TABLES       0x9000ull /* six pages */
#define BOOT_START_INFO        0x6000ull
#define BOOT_COMMAND_LINE      0x20000ull
#define BOOT_COMMAND_LINE_SIZE 4096u

struct boot_blob {
    const uint8_t *data;
    uint64_t size;
};

struct boot_image {
    struct boot_blob kernel;
    struct boot_blob initrd; /* size 0: none */
    const char *command_line;
};

enum boot_error {
    BOOT_OK = 0,
    BOOT_ERROR_FORMAT = -1,       /* no bzImage, and no ELF with a PVH entry or Multiboot header */
    BOOT_ERROR_OLD = -2,          /* boot protocol before 2.06 */
    BOOT_ERROR_TRUNCATED = -3,    /* the file is shorter than its headers say */
    BOOT_ERROR_MEMORY = -4,       /* kernel or initrd do not fit into the guest's memory */
    BOOT_ERROR_COMMAND_LINE = -5, /* longer than the kernel takes */
};

const char *boot_error_text(int error);

/*
 * Loads the image into the guest's memory, writes the ACPI tables and the boot parameters, and sets
 * vCPU 0's registers to the kernel's entry. The VM has been initialised.
 */
int boot_load(struct vm *vm, const struct boot_image *image);

/* Parts, for tests. */
int boot_linux(struct vm *vm, const struct boot_image *image, uint64_t rsdp);
int boot_pvh(struct vm *vm, const struct boot_image *image, uint64_t rsdp);
int boot_multiboot(struct vm *vm, const struct boot_image *image);
/* Is there a Multiboot 1 header, one that asks for nothing that is not given? */
bool boot_is_multiboot(const struct boot_blob *kernel);

/* The memory map. */
struct boot_range {
    uint64_t start;
    uint64_t size;
    uint32_t type; /* 1 RAM, 2 reserved */
};

#define BOOT_MAX_RANGES 8

unsigned boot_memory_map(const struct vm *vm, struct boot_range *ranges);

/* Puts the initrd as high as it goes below `limit` and above `floor`; 0 when it does not fit. */
uint64_t boot_place_initrd(struct vm *vm, const struct boot_blob *initrd, uint64_t floor,
                           uint64_t limit);

/* Copies the command line to BOOT_COMMAND_LINE. */
int boot_place_command_line(struct vm *vm, const char *text, uint64_t limit);

/* Protected mode without paging, flat segments, at `entry`. */
void boot_enter_32(struct vm *vm, uint64_t entry);
/* 64-bit mode with the first 4 GiB mapped one to one, at `entry`. */
int boot_enter_64(struct vm *vm, uint64_t entry);

#endif
