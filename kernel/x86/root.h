/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The root task: its capabilities, its memory, its thread (ABI sections 2 to 4).
 */
#ifndef KERNEL_X86_ROOT_H
#define KERNEL_X86_ROOT_H

#include "object/cap.h"
#include "x86/boot.h"

struct acpi_info;

/* Makes everything from module 0; all cores are started, the kernel lock is held. Afterwards no
 * boot memory is left. */
void root_create(void);

/* --- Parts ---------------------------------------------------------------------------------------
 */

/* What root.c fills in and bootinfo.c writes out. */
struct slot_range {
    uint64_t start, end;
};
struct root_layout {
    uint64_t image_start, image_end; /* virtual */
    uint64_t ipc_buffer, bootinfo, extra_bootinfo;
    unsigned extra_pages;
    unsigned cnode_bits;
    uint64_t next_slot;
    struct slot_range sched_control, paging, extra, image, untyped;
};

/* Bytes of the chunks behind bootinfo. */
uint64_t bootinfo_extra_bytes(void);
/* Writes the chunks; to has bootinfo_extra_bytes. */
void bootinfo_write_extra(uint8_t *to);

struct untyped_piece {
    uint64_t base;
    uint8_t bits;
    bool device;
};
/* All memory cut into untypeds: devices by address, then RAM by address; at most max, the smallest
 * left out. Pure (untyped_list.c). */
unsigned untyped_list(const struct region_list *device, const struct region_list *ram,
                      struct untyped_piece *pieces, unsigned max);

void bootinfo_write(void *frame, const struct root_layout *layout,
                    const struct untyped_piece *untypeds);

#endif
