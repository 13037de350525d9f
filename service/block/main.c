/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The component that drives a disk, virtio or SATA, and offers what is on it to virtual machines.
 */
#include <component/component.h>
#include <rt/log.h>
#include <rt/panic.h>
#include <stddef.h>
#include <string.h>

#include "service/block/ahci.h"
#include "service/block/clients.h"
#include "service/block/disks.h"
#include "service/block/virtio_blk.h"
#include "service/pci/protocol.h"

#define PCI_CLASS  0x08u
#define CLASS_AHCI 0x010601u
#define AHCI_BAR   5u

/* Set by the system description. */
microkit_channel pci_channel;
microkit_channel irq_id;
uint64_t window_address;
uint64_t window_size;
uint64_t dma_virtual;
uint64_t dma_size;
uint64_t dma_physical;
microkit_channel machines_first_id;
uint64_t machines_slots;
uint64_t machines_slice;
uint64_t machines_rows;
uint64_t machines_slices;

static struct dma dma;
static struct registers bars[PCI_BAR_COUNT];
static struct virtio_blk_driver virtio;
static struct ahci_driver ahci;
static bool sata;
static bool running;

/* The device's configuration space, by calls. */
static uint64_t config_read(void *context, uint64_t offset, unsigned size)
{
    (void)context;
    microkit_mr_set(0, offset);
    microkit_mr_set(1, size);
    microkit_msginfo answer = microkit_ppcall(pci_channel, microkit_msginfo_new(PCI_CALL_READ, 2));
    return microkit_msginfo_get_label(answer) == 0 ? microkit_mr_get(0) : UINT64_MAX;
}

static void config_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    (void)context;
    microkit_mr_set(0, offset);
    microkit_mr_set(1, size);
    microkit_mr_set(2, value);
    (void)microkit_ppcall(pci_channel, microkit_msginfo_new(PCI_CALL_WRITE, 3));
}

static const struct registers config = {
    .size = PCI_CONFIG_BYTES, .read = config_read, .write = config_write};

/* Where the device's registers are in the window; false when there is no device. */
static bool find_device(void)
{
    const struct registers window = {.base = (volatile uint8_t *)window_address,
                                     .size = window_size};
    microkit_msginfo answer = microkit_ppcall(pci_channel, microkit_msginfo_new(PCI_CALL_FIND, 0));
    if (microkit_msginfo_get_label(answer) != 0)
        return false;
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++)
        bars[i] = registers_part(&window, microkit_mr_get((seL4_Uint8)(PCI_FIND_OFFSET + i)),
                                 microkit_mr_get((seL4_Uint8)(PCI_FIND_SIZE + i)));
    return true;
}

/* The first disk of the controller, or NULL. */
static struct block_device *start_disk(void)
{
    sata = registers_read32(&config, PCI_CLASS) >> 8 == CLASS_AHCI;
    if (!sata) {
        int error = virtio_blk_start(&virtio, &config, bars, &dma, 0);
        if (error != VIRTIO_OK)
            log_error("the virtio disk does not start (error %d)", error);
        return error == VIRTIO_OK ? &virtio.device : NULL;
    }
    int error = ahci_start(&ahci, &config, &bars[AHCI_BAR], &dma);
    if (error != AHCI_OK)
        log_error("the SATA controller does not start (error %d)", error);
    else if (ahci.disks == 0)
        log_info("there is no disk at the SATA controller");
    return error == AHCI_OK && ahci.disks != 0 ? &ahci.disk[0].device : NULL;
}

static void wake_machine(unsigned slot)
{
    microkit_notify(machines_first_id + slot);
}

static void start_disks(void)
{
    dma = (struct dma){.memory = (uint8_t *)dma_virtual, .address = dma_physical, .size = dma_size};
    if (!find_device()) {
        log_info("there is no disk controller");
        return;
    }
    /* The device moves no data now. What an earlier life of this driver left is forgotten. */
    memset(dma.memory, 0, dma.size);
    struct block_device *disk = start_disk();
    if (disk == NULL)
        return;
    running = true;
    if (!disks_add(disk, sata ? "SATA" : "virtio", &dma, clients_settle))
        log_error("there is not enough DMA memory");
}

void init(void)
{
    start_disks();
    clients_initialize((const void *)machines_rows, (void *)machines_slices, machines_slice,
                       (unsigned)machines_slots, wake_machine);
}

static void interrupted(void)
{
    if (!running)
        return;
    microkit_irq_ack(irq_id);
    if (sata)
        ahci_interrupt(&ahci);
    else
        virtio_blk_interrupt(&virtio);
    /* Another life of this driver resets the device and tries again. */
    if (sata ? ahci.disk[0].dead : virtio.broken)
        panic("the disk has stopped working");
    clients_settle();
}

void notified(microkit_channel channel)
{
    if (channel == irq_id)
        interrupted();
    else if (channel >= machines_first_id && channel - machines_first_id < machines_slots)
        clients_notified(channel - machines_first_id);
}
