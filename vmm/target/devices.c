/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The disks that a configuration asks for, over files of the root image or over the computer's
 * disks.
 */
#include <block/ramdisk.h>
#include <rt/log.h>
#include <stddef.h>

#include "vmm/device/ahci.h"
#include "vmm/target/storage.h"
#include "vmm/target/target.h"
#include "vmm/virtio/blk.h"

/* PCI slots; 1 is the console's. Each has an interrupt line of its own. */
#define SLOT_DISK 2u
#define SLOT_NEXT 6u /* random.c has it */

#define SECTORS_PER_BLOCK (RAMDISK_BLOCK / BLOCK_SECTOR)

static struct ramdisk ramdisk[VMM_MAX_DISKS];
static struct virtio_blk virtio_disk[VMM_MAX_DISKS];
static struct ahci ahci;

_Static_assert(VMCONFIG_MAX_DISKS == VMM_MAX_DISKS, "each disk has its place");
_Static_assert(SLOT_DISK + VMM_MAX_DISKS <= SLOT_NEXT, "each device has its slot");

/*
 * The store holds the map of written blocks first, then the blocks. An empty disk has as many
 * blocks as fit; one with a file is as large as that, rounded up.
 */
static bool make_disk(struct ramdisk *disk, const struct vmm_startup_disk *startup)
{
    const struct vmm_startup_blob *image = &startup->image;
    const struct vmm_startup_blob *store = &startup->store;
    uint64_t blocks = (image->size + RAMDISK_BLOCK - 1) / RAMDISK_BLOCK;
    if (image->size == 0)
        blocks = store->size / (RAMDISK_BLOCK + sizeof(uint32_t));
    uint64_t sectors = blocks * SECTORS_PER_BLOCK;
    uint64_t map = (ramdisk_map_size(sectors) + RAMDISK_BLOCK - 1) & ~(RAMDISK_BLOCK - 1ull);
    bool writable = store->size != 0;
    if (blocks == 0 || (writable && map >= store->size))
        return false;
    /* The rounding of the map may have cost an empty disk its last block. */
    if (image->size == 0 && blocks > (store->size - map) / RAMDISK_BLOCK)
        sectors = (store->size - map) / RAMDISK_BLOCK * SECTORS_PER_BLOCK;
    ramdisk_initialize(disk, (const uint8_t *)image->address, image->size, sectors,
                       writable ? (uint32_t *)store->address : NULL,
                       writable ? (uint8_t *)store->address + map : NULL,
                       writable ? store->size - map : 0);
    return true;
}

static bool attach_disks(struct vm *vm, const struct vmm_startup *startup,
                         const struct vmconfig *config)
{
    bool fits = true;
    unsigned port = 0;
    for (unsigned i = 0; i < config->disk_count && fits; i++) {
        struct block_device *device = storage_disk(i);
        if (device == NULL) {
            device = &ramdisk[i].device;
            fits = make_disk(&ramdisk[i], &startup->disk[i]);
        }
        if (!fits)
            break;
        if (config->disk[i].kind == VMCONFIG_DISK_VIRTIO) {
            unsigned queues =
                vm->vcpu_count < VIRTIO_BLK_MAX_QUEUES ? vm->vcpu_count : VIRTIO_BLK_MAX_QUEUES;
            virtio_blk_initialize(&virtio_disk[i], SLOT_DISK + i, &vm->memory, &vm->apics, &vm->irq,
                                  device, queues);
            fits = pci_add(&vm->pci, &virtio_disk[i].device.function);
            continue;
        }
        if (port == 0) {
            ahci_initialize(&ahci, &vm->memory, &vm->apics, &vm->irq);
            fits = pci_add(&vm->pci, &ahci.function);
        }
        fits = fits &&
               ahci_attach(&ahci, port++,
                           config->disk[i].kind == VMCONFIG_DISK_CDROM ? AHCI_CDROM : AHCI_DISK,
                           device);
    }
    return fits;
}

bool devices_attach(struct vm *vm, const struct vmm_startup *startup, const struct vmconfig *config)
{
    return attach_disks(vm, startup, config);
}
