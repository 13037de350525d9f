/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The disks that the drivers have found, what is on them, and who may have which.
 */
#ifndef SERVICE_BLOCK_DISKS_H
#define SERVICE_BLOCK_DISKS_H

#include <block/server.h>
#include <pci/dma.h>
#include <vmconfig.h>

#define DISKS_MAX 8u

/*
 * Adds a disk whose driver takes data from the DMA memory, and begins to look at what is on it;
 * `changed` is called when that is known, possibly before this returns. kind: for the log.
 * requester: the controller's name for an IOMMU. false: there is no room, or no memory, for another
 * one.
 */
bool disks_add(struct block_device *device, const char *kind, uint16_t requester, struct dma *dma,
               void (*changed)(void));

/* Is it known of every disk what is on it? */
bool disks_known(void);

/*
 * The driver's own device under what disks_find gives, for whoever has his data where the driver's
 * device reaches it: nothing is copied then.
 */
struct block_device *disks_uncopied(struct block_device *device);

/* The name for an IOMMU of the controller that has what disks_find gives. */
uint16_t disks_requester(const struct block_device *device);

/* What a machine's configuration asks for; false: there is no such disk, or it is not offered. */
bool disks_find(const struct vmconfig_disk *wanted, struct block_offer *offer);

#endif
