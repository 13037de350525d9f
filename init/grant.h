/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which devices are whose, and so which memory of machines they may be let to: a device that was
 * let to a driver's memory is that driver's.
 */
#ifndef INIT_GRANT_H
#define INIT_GRANT_H

#include "system.h"

/* Lets a device (as a requester ID) reach a region, of `regions`, and what machines share with the
 * disks' drivers that map it. What that takes is made in the arena, for good. */
seL4_Error grant_memory(const struct system *system, const struct region *regions, uint32_t number,
                        uint16_t device, struct arena *arena);

/* Is the component a driver of disks, to whose devices machines lend memory? */
bool grant_drives_disks(const struct system *system, unsigned component);

/* The component asks that a device of its reaches the memory of the machine in a slot, which is
 * connected to it. */
seL4_Error grant_lend(const struct system *system, unsigned component, seL4_Word slot,
                      seL4_Word device, struct arena *arena);

/* The component runs no more: its devices reach no machine's memory. */
void grant_end(const struct system *system, unsigned component);

#endif
