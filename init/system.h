/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The static system: what the root image's system table describes, built before any virtual
 * machine.
 */
#ifndef INIT_SYSTEM_H
#define INIT_SYSTEM_H

#include <systemtable.h>

#include "archive.h"
#include "vm.h"

/* What the virtual machines' part of init needs of it. */
struct system {
    struct system_table table;
    seL4_CPtr console_notification; /* of the component that has the machines' consoles, or 0 */
    seL4_CPtr console_signal;       /* the same for init: the table changed */
    seL4_CPtr console_cnode;
    seL4_CPtr rings_frame; /* first of the machines' rings, one page after the other */
    uint8_t *rings, *machine_table, *commands; /* in init's address space */
    struct connection connection[CONNECTION_KINDS];
    seL4_CPtr watch[SYSTEM_MAX_DOMAINS]; /* asks a component whether it is alive, or 0 */
};

/*
 * Builds and starts all components. The log says what went wrong: then nothing of it remains, and
 * init keeps the serial port. file: the table. notification: init's, for the console's commands.
 */
seL4_Error system_build(struct system *system, const struct archive_file *file,
                        const struct vm_host *host, seL4_CPtr notification);

/* A component asks that a device may reach memory that its record names by id (`dma`). */
seL4_Error system_map_dma(const struct system *system, unsigned number, seL4_Word id,
                          seL4_Word device);

/* A disks' driver says that this device of its has a disk of the machine in this slot, whose memory
 * it is to reach. */
seL4_Error system_lend(const struct system *system, unsigned number, seL4_Word slot,
                       seL4_Word device);

/* A component has found device memory for a region that its record names (`found`): id, offset in
 * the region, physical address, size. */
seL4_Error system_found(const struct system *system, unsigned number, const seL4_Word words[4]);

/* Ends a component and starts it anew, with the same capabilities and shared memory; its record
 * must allow it. false: there is no memory, and it runs no more. */
bool system_restart(struct system *system, unsigned number, const struct vm_host *host);

/*
 * Ends a component that is not to be started again, and asks whoever lets its devices to memory to
 * stop them. false: there is nobody to ask. The answer names a channel of the one who was asked:
 * system_peer is whose devices were stopped, or SYSTEM_MAX_DOMAINS if it is no such channel.
 */
bool system_end(struct system *system, unsigned number);
unsigned system_peer(const struct system *system, unsigned number, seL4_Word channel);

/* Where a region's first page is in the machine's memory; 0 when the kernel does not say. */
uint64_t system_physical(uint32_t region);

/* A component's record, for fault reports: NULL for a number that is none. */
const struct system_domain *system_component(const struct system *system, unsigned number);

#endif
