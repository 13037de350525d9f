/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between the controller (ahci.c) and the commands of a disk (ahci_disk.c).
 */
#ifndef SERVICE_BLOCK_AHCI_INTERNAL_H
#define SERVICE_BLOCK_AHCI_INTERNAL_H

#include "service/block/ahci.h"

/* Port registers (3.3). */
enum port_register {
    PORT_CLB = 0x00,
    PORT_FB = 0x08,
    PORT_IS = 0x10,
    PORT_IE = 0x14,
    PORT_CMD = 0x18,
    PORT_TFD = 0x20,
    PORT_SIG = 0x24,
    PORT_SSTS = 0x28,
    PORT_SCTL = 0x2c,
    PORT_SERR = 0x30,
    PORT_SACT = 0x34,
    PORT_CI = 0x38,
};

#define CMD_START   (1u << 0)
#define CMD_FIS     (1u << 4)
#define CMD_FIS_ON  (1u << 14)
#define CMD_LIST_ON (1u << 15)

#define IS_D2H      (1u << 0)
#define IS_PIO      (1u << 1)
#define IS_DMA      (1u << 2)
#define IS_SET_BITS (1u << 3)
#define IS_ERRORS   (1u << 30 | 1u << 29 | 1u << 28 | 1u << 27 | 1u << 26 | 1u << 24)

#define TFD_BUSY 0x88u /* BSY or DRQ */

/* A port's DMA memory: command list, received FISes, command tables, ranges of a TRIM. */
#define AT_LIST     0x000u
#define AT_FIS      0x400u
#define AT_TABLES   0x500u
#define TABLE_SIZE  0x480u
#define TABLE_PRDS  64u
#define AT_RANGES   (AT_TABLES + AHCI_TAGS * TABLE_SIZE)
#define RANGES      64u /* of a TRIM, 8 bytes each: one sector */
#define PORT_MEMORY (AT_RANGES + BLOCK_SECTOR)

uint32_t port_read(const struct ahci_disk *disk, unsigned offset);
void port_write(const struct ahci_disk *disk, unsigned offset, uint32_t value);

/* Polls until the masked register has the value; false after long enough. */
bool port_wait(const struct ahci_disk *disk, unsigned offset, uint32_t mask, uint32_t value);

/* Stops the port's DMA engines, or starts them on its memory. */
bool port_stop(const struct ahci_disk *disk);
void port_start(const struct ahci_disk *disk);

/* IDENTIFY DEVICE into 512 bytes at `address`, by polling. */
bool ahci_identify(struct ahci_disk *disk, uint64_t address);

void ahci_submit(struct block_device *device, struct block_request *request);
void ahci_disk_interrupt(struct ahci_disk *disk);
void ahci_disk_tick(struct ahci_disk *disk);

#endif
