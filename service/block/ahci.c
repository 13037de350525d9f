/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The controller: reset, its ports, identification of the disks (AHCI 1.3.1, 10).
 */
#include "service/block/ahci.h"

#include <string.h>

#include "service/block/ahci_internal.h"

#define CAP 0x00u
#define GHC 0x04u
#define IS  0x08u
#define PI  0x0cu

#define CAP_64    (1u << 31)
#define CAP_NCQ   (1u << 30)
#define GHC_RESET (1u << 0)
#define GHC_IE    (1u << 1)
#define GHC_AHCI  (1u << 31)

#define CLASS_AHCI     0x010601u
#define SIGNATURE_DISK 0x00000101u
#define SSTS_PRESENT   3u /* DET: device there, communication up */
#define POLLS          1000000u

uint32_t port_read(const struct ahci_disk *disk, unsigned offset)
{
    return registers_read32(&disk->driver->registers, 0x100 + disk->port * 0x80u + offset);
}

void port_write(const struct ahci_disk *disk, unsigned offset, uint32_t value)
{
    registers_write32(&disk->driver->registers, 0x100 + disk->port * 0x80u + offset, value);
}

bool port_wait(const struct ahci_disk *disk, unsigned offset, uint32_t mask, uint32_t value)
{
    for (unsigned i = 0; i < POLLS; i++) {
        if ((port_read(disk, offset) & mask) == value)
            return true;
    }
    return false;
}

bool port_stop(const struct ahci_disk *disk)
{
    uint32_t command = port_read(disk, PORT_CMD);
    port_write(disk, PORT_CMD, command & ~CMD_START);
    if (!port_wait(disk, PORT_CMD, CMD_LIST_ON, 0))
        return false;
    port_write(disk, PORT_CMD, command & ~(CMD_START | CMD_FIS));
    return port_wait(disk, PORT_CMD, CMD_FIS_ON, 0);
}

void port_start(const struct ahci_disk *disk)
{
    uint64_t address = dma_address(disk->driver->dma, disk->memory);
    port_write(disk, PORT_CLB, (uint32_t)(address + AT_LIST));
    port_write(disk, PORT_CLB + 4, (uint32_t)((address + AT_LIST) >> 32));
    port_write(disk, PORT_FB, (uint32_t)(address + AT_FIS));
    port_write(disk, PORT_FB + 4, (uint32_t)((address + AT_FIS) >> 32));
    port_write(disk, PORT_SERR, UINT32_MAX);
    port_write(disk, PORT_IS, UINT32_MAX);
    uint32_t command = port_read(disk, PORT_CMD) | CMD_FIS;
    port_write(disk, PORT_CMD, command);
    port_write(disk, PORT_CMD, command | CMD_START);
}

/* A port that is not used interrupts nobody. */
static void give_up(const struct ahci_disk *disk)
{
    port_stop(disk);
    port_write(disk, PORT_IE, 0);
    port_write(disk, PORT_IS, UINT32_MAX);
}

static uint16_t word(const uint8_t *data, unsigned index)
{
    return (uint16_t)(data[2 * index] | data[2 * index + 1] << 8);
}

static void copy_serial(struct ahci_disk *disk, const uint8_t *data)
{
    unsigned length = 0;
    char serial[BLOCK_SERIAL_SIZE];
    for (unsigned i = 0; i < BLOCK_SERIAL_SIZE; i++) {
        serial[i] = (char)data[20 + (i ^ 1)];
        if (serial[i] != ' ' && serial[i] != 0)
            length = i + 1;
    }
    memcpy(disk->device.serial, serial, length);
}

/* ACS-3, 7.12.7; false when it is no disk that makes sense. */
static bool describe(struct ahci_disk *disk, const uint8_t *data)
{
    uint64_t sectors = 0;
    for (unsigned i = 0; i < 4; i++)
        sectors |= (uint64_t)word(data, 100 + i) << (16 * i);
    /* Commands with 48-bit addresses are needed, and sectors of 512 bytes. */
    bool wide = (word(data, 83) & 0xc400) == 0x4400;
    bool large_sectors = (word(data, 106) & 0xd000) == 0x5000;
    if (!wide || large_sectors || sectors == 0 || sectors >> 48 != 0)
        return false;
    bool queue =
        disk->driver->can_queue && (word(data, 76) & 0x100) != 0 && word(data, 76) != 0xffff;
    unsigned depth = (word(data, 75) & 0x1f) + 1u;
    disk->depth = !queue ? 1 : depth < disk->driver->slots ? depth : disk->driver->slots;
    disk->device = (struct block_device){
        .sectors = sectors,
        .block_size = BLOCK_SECTOR,
        .can_flush = true,
        .can_discard = (word(data, 169) & 1) != 0,
        .max_segments = TABLE_PRDS,
        .max_sectors = 0x8000,
        /* Machines' memory may lie anywhere. */
        .lending = {.segments = disk->driver->wide ? TABLE_PRDS : 0, .alignment = 2, .boundary = 2},
        .submit = ahci_submit,
        .context = disk,
    };
    copy_serial(disk, data);
    return true;
}

/* Brings one port up; false when there is no disk that can be used. */
static bool start_port(struct ahci_driver *driver, struct ahci_disk *disk, unsigned port)
{
    disk->driver = driver;
    disk->port = port;
    if ((port_read(disk, PORT_SSTS) & 0xf) != SSTS_PRESENT || !port_stop(disk))
        return false;
    disk->memory = dma_allocate(driver->dma, PORT_MEMORY, 1024);
    uint8_t *identity = dma_allocate(driver->dma, BLOCK_SECTOR, 1024);
    if (disk->memory == NULL || identity == NULL)
        return false;
    port_start(disk);
    /* The drive sends its signature once it is ready (10.4.2). */
    if (!port_wait(disk, PORT_TFD, TFD_BUSY, 0) || port_read(disk, PORT_SIG) != SIGNATURE_DISK) {
        give_up(disk);
        return false;
    }
    if (!ahci_identify(disk, dma_address(driver->dma, identity)) || !describe(disk, identity)) {
        give_up(disk);
        return false;
    }
    port_write(disk, PORT_IS, UINT32_MAX);
    port_write(disk, PORT_IE, IS_D2H | IS_PIO | IS_DMA | IS_SET_BITS | IS_ERRORS);
    return true;
}

int ahci_start(struct ahci_driver *driver, const struct registers *config,
               const struct registers *bar, struct dma *dma)
{
    memset(driver, 0, sizeof(*driver));
    if (registers_read32(config, 0x08) >> 8 != CLASS_AHCI || bar->size < 0x180)
        return AHCI_ERROR_NONE;
    driver->registers = *bar;
    driver->dma = dma;
    driver->config = *config;
    pci_enable(config, true);
    registers_write32(bar, GHC, GHC_AHCI);
    registers_write32(bar, GHC, GHC_AHCI | GHC_RESET);
    unsigned polls = 0;
    while ((registers_read32(bar, GHC) & GHC_RESET) != 0) {
        if (++polls == POLLS)
            return AHCI_ERROR_RESET;
    }
    registers_write32(bar, GHC, GHC_AHCI);
    uint32_t capabilities = registers_read32(bar, CAP);
    if ((capabilities & CAP_64) == 0 && dma->address + dma->size > 1ull << 32)
        return AHCI_ERROR_MEMORY;
    driver->wide = (capabilities & CAP_64) != 0;
    driver->slots = ((capabilities >> 8) & 0x1f) + 1;
    driver->can_queue = (capabilities & CAP_NCQ) != 0;
    uint32_t implemented = registers_read32(bar, PI);
    for (unsigned port = 0; port < 32 && driver->disks < AHCI_MAX_DISKS; port++) {
        struct ahci_disk *disk = &driver->disk[driver->disks];
        memset(disk, 0, sizeof(*disk));
        if ((implemented & (1u << port)) != 0 && start_port(driver, disk, port))
            driver->disks++;
    }
    registers_write32(bar, IS, UINT32_MAX);
    registers_write32(bar, GHC, GHC_AHCI | GHC_IE);
    return AHCI_OK;
}

void ahci_interrupt(struct ahci_driver *driver)
{
    uint32_t status = registers_read32(&driver->registers, IS);
    for (unsigned i = 0; i < driver->disks; i++)
        ahci_disk_interrupt(&driver->disk[i]);
    /* The ports' own bits are clear by now; what came since sets its bit again. */
    registers_write32(&driver->registers, IS, status);
}

void ahci_tick(struct ahci_driver *driver)
{
    for (unsigned i = 0; i < driver->disks; i++)
        ahci_disk_tick(&driver->disk[i]);
}
