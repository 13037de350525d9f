/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One component of the static system: its address space, thread and capability space.
 */
#ifndef INIT_COMPONENT_H
#define INIT_COMPONENT_H

#include <systemtable.h>

#include "region.h"
#include "vm.h"

struct component {
    const struct system_domain *record;

    /* What stays when it is started anew: what others have capabilities for, and its own. */
    seL4_CPtr cnode, endpoint, notification;

    uint64_t lives; /* begun */

    /* Of this life, made in an arena of its own where it can be started anew. */
    struct arena life;
    struct space space;
    seL4_CPtr tcb;
    seL4_Word entry;
    struct component_info *info; /* in init's address space */
};

/* Makes what stays. number: in the table. */
seL4_Error component_make(struct component *c, const struct system_table *table, unsigned number,
                          struct arena *arena);

/*
 * Makes the rest, its image loaded and its variables set; it does not run yet. arena: the system's,
 * which a component uses that is never started anew.
 */
seL4_Error component_live(struct component *c, const struct system_table *table, unsigned number,
                          const struct vm_host *host, struct arena *arena);

/* Ends a life that can be followed by another one: the thread is gone, and all of its memory. */
void component_end(struct component *c);

/* Gives it a capability: slot of component/layout.h. */
seL4_Error component_give(struct component *c, seL4_Word slot, seL4_CPtr cap,
                          seL4_CapRights_t rights, seL4_Word badge);

/* A notification capability with the bit of channel id, in the arena: or 0. */
seL4_CPtr component_signal(struct component *c, struct arena *arena, unsigned id);

/* Its interrupts, ports and timers. */
seL4_Error component_give_hardware(struct component *c, const struct system_table *table,
                                   unsigned number, struct arena *arena);

seL4_Error component_start(struct component *c);

#endif
