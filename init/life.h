/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The life of the virtual machines: each configuration of the root image has a slot, in which it is
 * started, stopped, started anew and killed; the console's table of them is kept up to date.
 */
#ifndef INIT_LIFE_H
#define INIT_LIFE_H

#include "system.h"
#include "vm.h"

struct life {
    const struct vm_host *host;
    const struct archive_file *vmm;
    const struct system *system;
};

/* Reads all configurations and starts those that want to be. file_count: of the root image. */
void life_start(const struct life *life, unsigned file_count);

/* The console's commands are to be read. */
void life_commands(void);

/* A machine's time to switch itself off is over. */
void life_time(void);

/* What machine in this slot reported: how it ended, or that its VMM faulted. */
void life_ended(unsigned slot, enum vmm_ending ending);
void life_faulted(unsigned slot);

/* What the VMM of machine in this slot wants of its balloon's memory (enum vmm_balloon). */
seL4_Error life_balloon(unsigned slot, seL4_Word what, seL4_Word block);

/* A service to which machines may be connected has another epoch (connection_next_epoch). */
void life_service_epoch(unsigned kind, uint64_t epoch);

/* Services may have given back memory of machines that have ended. */
void life_released(void);

/* Has a machine that has ended waited for so long (TSC) for the service of this kind? */
bool life_waits_for(unsigned kind, uint64_t ticks);

/* Its name, or NULL when it does not run. */
const char *life_name(unsigned slot);

#endif
