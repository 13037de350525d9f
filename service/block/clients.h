/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machines that are connected to the service: which disks each of them has, by its checked
 * configuration.
 */
#ifndef SERVICE_BLOCK_CLIENTS_H
#define SERVICE_BLOCK_CLIENTS_H

#include <connection/connection.h>
#include <pci/dma.h>

/*
 * Where the machines are; wake(slot) notifies one, tell() init; lend(slot, device) asks that a
 * device reaches a machine's memory, and says whether it does. No device moves data for an earlier
 * life of this component any more.
 */
void clients_initialize(const void *rows, void *slices, uint64_t slice, unsigned slots,
                        void (*wake)(unsigned slot), void (*tell)(void),
                        bool (*lend)(unsigned slot, uint16_t device));

/*
 * Before that: which of the machines' slices devices reach, for the drivers; returns how many of
 * at most CONNECTION_SLOTS.
 */
unsigned clients_memory(const void *rows, void *slices, uint64_t slice, unsigned slots,
                        struct dma_range *range);

/* Machine `slot` has notified, or init speaks of it. */
void clients_notified(unsigned slot);

/* To be called after the drivers have completed requests, or found what is on a disk. */
void clients_settle(void);

#endif
