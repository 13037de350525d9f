/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connections of machines to services (lib/connection): made when a machine is built, and gone when
 * it is.
 */
#ifndef INIT_CONNECTION_H
#define INIT_CONNECTION_H

#include <connection/connection.h>
#include <systemtable.h>

#include "archive.h"
#include "memory.h"
#include "region.h"
#include "space.h"

/* One kind of connection that the system offers, from init's side. */
struct connection {
    const struct system_connection *record; /* NULL: there is none */
    const struct region *region;
    unsigned slots;
    unsigned service; /* the component's number */
    seL4_CPtr service_notification, service_cnode;
    struct connection_row *rows; /* in init's address space */
    uint8_t *heads;              /* of each slice the first page, slices' size apart, or NULL */
    uint32_t epoch;              /* of the service; 0: it is not there any more */
    /* Of the machine in each slot, while it runs: what its disks' devices may reach, or NULL. */
    const struct memory_runs *memory[CONNECTION_SLOTS];
};

/* What a machine gets. */
struct connection_end {
    seL4_Word address, size;    /* of the slice in its address space */
    seL4_CPtr notification;     /* to give away with write right and the badge ... */
    seL4_Word badge;            /* ... that is this */
    uint32_t generation, epoch; /* as in the row */
};

/* Shares the slots' table with init: once, when the system is built. */
seL4_Error connection_make(struct connection *c, const struct system_connection *record,
                           const struct region *region, const struct region *table, unsigned slots,
                           struct arena *arena);

/* The connection of a kind (of CONNECTION_KINDS at `all`) when it has a place for the slot, or
 * NULL.
 */
struct connection *connection_find(struct connection *all, unsigned kind, unsigned slot);

/*
 * Maps the slot's slice into the machine's space at address, and lets the service notify
 * `notification` with the badge.
 */
seL4_Error connection_attach(const struct connection *c, unsigned slot, struct space *space,
                             seL4_Word address, seL4_CPtr notification, seL4_Word badge,
                             struct connection_end *end);

/* The service is about to be started anew, or will not be any more: its epoch ends. Returns what
 * machines are told of it. */
uint64_t connection_next_epoch(struct connection *c, bool last);

/* Is the memory of machines lent to the service's devices? */
bool connection_lends(const struct connection *c);

/*
 * The service says that this device of its has a disk of the machine in the slot: with an IOMMU it
 * reaches the machine's memory from now on, in its address space (dma_space). An error: no such
 * machine runs, or there is no memory for it.
 */
seL4_Error connection_lend(const struct connection *c, unsigned slot, uint16_t device,
                           seL4_CPtr space);

/*
 * Tells the service that the machine is there, with its checked configuration, and that its
 * devices may move data from and to the machine's memory, which stays where it is until
 * connection_holds says no more; or that it is not there any more, when nothing of it runs any
 * more.
 */
void connection_begin(struct connection *c, unsigned slot, const char *name,
                      const struct archive_file *config, const struct memory_runs *memory);
void connection_end(struct connection *c, unsigned slot);

/* After connection_end: may the service's devices still touch the machine's memory? */
bool connection_holds(const struct connection *c, unsigned slot);

/* They do so no more, whatever the service says: they were stopped. */
void connection_drop(struct connection *c, unsigned slot);

#endif
