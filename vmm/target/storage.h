/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's disks and partitions that this virtual machine may use, through their drivers.
 */
#ifndef VMM_TARGET_STORAGE_H
#define VMM_TARGET_STORAGE_H

#include <block/device.h>
#include <connection/connection.h>
#include <vmconfig.h>

#include "vmm/startup.h"

/*
 * Joins the drivers and waits until one says what each disk is; false, with a line in the log, when
 * one of them is not there. Before the guest runs, on vCPU 0's thread.
 */
bool storage_open(const struct vmm_startup *startup, const struct vmconfig *config);

/* Disk `number` of the configuration, after storage_open. */
struct block_device *storage_disk(unsigned number);

/* Badges of the drivers' notifications. */
#define STORAGE_BADGES                                                                     \
    (VMM_BADGE_SERVICE(CONNECTION_DISK_VIRTIO) | VMM_BADGE_SERVICE(CONNECTION_DISK_SATA) | \
     VMM_BADGE_SERVICE(CONNECTION_DISK_NVME))

/* After a notification with these badges (VMM_BADGE_*): of the services that are among them. */
void storage_poll(uint64_t signals);

#endif
