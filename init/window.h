/* SPDX-License-Identifier: BSD-2-Clause
 *
 * init's address space above its image: where it maps what it shares with others.
 */
#ifndef INIT_WINDOW_H
#define INIT_WINDOW_H

/* 2 MiB for each virtual machine. */
#define WINDOW_MACHINES     0x20000000ull
#define WINDOW_MACHINE_SIZE 0x200000ull

/* The static system: a page for each component's information, a page to fill others through, and
 * the regions that init itself writes. */
#define WINDOW_INFO     0x28000000ull
#define WINDOW_SCRATCH  0x28100000ull
#define WINDOW_INFO_END 0x281ff000ull /* the last page of what one page table maps */
#define WINDOW_RINGS    0x28200000ull
#define WINDOW_TABLE    0x28400000ull
#define WINDOW_COMMANDS 0x28500000ull
#define WINDOW_LOG      0x28600000ull

/* What init tells services about the machines connected to them, for each kind. */
#define WINDOW_CONNECTIONS     0x28800000ull
#define WINDOW_CONNECTION_SIZE 0x100000ull

/* Of each slot's slice the page that services and machines write who is there into; for the
 * disks' kinds, with room for slices in pages of 2 MiB. */
#define WINDOW_HEADS      0x2a000000ull
#define WINDOW_HEADS_SIZE 0x2000000ull

#endif
