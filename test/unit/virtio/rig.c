/* SPDX-License-Identifier: BSD-2-Clause */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#define BUFFER 16384u

void rig_create(struct rig *rig, bool writable)
{
    const uint64_t size = RIG_SECTORS * BLOCK_SECTOR;
    rig->machine = machine_create(1, VM_VENDOR_AMD);
    rig->store = calloc(RIG_SECTORS, BLOCK_SECTOR);
    assert_non_null(rig->store);
    if (writable)
        ramdisk_initialize(&rig->disk, NULL, 0, RIG_SECTORS, rig->map, rig->store, size);
    else
        ramdisk_initialize(&rig->disk, rig->store, size, RIG_SECTORS, NULL, NULL, 0);
    delay_initialize(&rig->delay, &rig->disk.device);
}

void rig_bounce(struct rig *rig, struct block_device *device, unsigned buffers)
{
    uint8_t *memory = dma_allocate(&rig->guest.dma, buffers * BUFFER, 4096);
    assert_non_null(memory);
    bounce_initialize(&rig->bounce, device, memory, buffers * BUFFER, BUFFER);
}

void rig_destroy(struct rig *rig)
{
    machine_destroy(rig->machine);
    free(rig->store);
}
