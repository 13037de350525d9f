/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's disks and partitions that this virtual machine may use, through their drivers.
 */
#ifndef VMM_TARGET_STORAGE_H
#define VMM_TARGET_STORAGE_H

#include <block/device.h>
#include <vmconfig.h>

#include "vmm/startup.h"

/*
 * Joins the drivers and waits until one says what each disk is; false, with a line in the log, when
 * one of them is not there. Before the guest runs, on vCPU 0's thread.
 */
bool storage_open(const struct vmm_startup *startup, const struct vmconfig *config);

/* Disk `number` of the configuration, after storage_open. */
struct block_device *storage_disk(unsigned number);

/* The service has notified, or init. */
void storage_poll(void);

#endif
