/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is around a disk's model and our driver of it: a machine, a RAM disk that answers late, and
 * the guest with the driver.
 */
#ifndef TEST_VIRTIO_RIG_H
#define TEST_VIRTIO_RIG_H

#include <block/bounce.h>
#include <block/ramdisk.h>

#include "delay.h"
#include "guest.h"

#define RIG_SECTORS 2048u

struct rig {
    struct machine *machine;
    struct ramdisk disk;
    struct delay delay; /* over the disk: what the model is given */
    struct guest guest;
    struct bounce bounce; /* over the driver */
    uint32_t map[RIG_SECTORS / 8];
    uint8_t *store; /* what the disk holds, zeroes at first */
};

/* A machine and the disk; the model is added, and the guest attached to it, afterwards. */
void rig_create(struct rig *rig, bool writable);

/* Makes `buffers` buffers over the driver's device, out of the guest's memory. */
void rig_bounce(struct rig *rig, struct block_device *device, unsigned buffers);

void rig_destroy(struct rig *rig);

#endif
