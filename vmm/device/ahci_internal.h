/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between the controller (ahci.c), its ports (ahci_port.c) and the drives behind them.
 */
#ifndef VMM_DEVICE_AHCI_INTERNAL_H
#define VMM_DEVICE_AHCI_INTERNAL_H

#include "vmm/device/ahci.h"

/* ATA status and error (ACS-3, 6). */
#define ATA_ERROR 0x01u
#define ATA_DRQ   0x08u
#define ATA_READY 0x50u
#define ATA_BUSY  0x80u

#define ATA_ABORT         0x04u
#define ATA_NOT_FOUND     0x10u
#define ATA_UNCORRECTABLE 0x40u

/* Fields of a register FIS from the host (SATA 3.2, 10.5.5). */
enum fis {
    FIS_TYPE = 0,
    FIS_FLAGS = 1, /* bit 7: a command, else the control register */
    FIS_COMMAND = 2,
    FIS_FEATURES = 3,
    FIS_LBA = 4, /* 3 bytes */
    FIS_DEVICE = 7,
    FIS_LBA_HIGH = 8, /* 3 bytes */
    FIS_FEATURES_HIGH = 11,
    FIS_COUNT = 12,
    FIS_COUNT_HIGH = 13,
    FIS_CONTROL = 15,
};

/* A port's registers, at offsets of 0x80 each (3.3). */
uint32_t ahci_port_read(const struct ahci_port *port, unsigned offset);
void ahci_port_write(struct ahci_port *port, unsigned offset, uint32_t value);

/* State after a reset of the controller. */
void ahci_port_reset(struct ahci_port *port);

/* A bit of PxIS has been set: the controller passes it on. */
void ahci_port_interrupts(struct ahci_port *port);

/*
 * The end of a command: `transferred` bytes, and either success or an ATA error with what the drive
 * puts into the error register. A queued command reports by a Set Device Bits FIS.
 */
void ahci_finish(struct ahci_command *command, uint8_t error, uint32_t transferred);

/* The end of a command that moved data by PIO setup, as IDENTIFY does. */
void ahci_finish_pio(struct ahci_command *command, const void *data, uint32_t length);

/* The end of a packet command: 0, or the sense key in bits 7:4 of the error register. */
void ahci_finish_packet(struct ahci_command *command, uint8_t sense_key, uint32_t transferred);

/* Copies a drive's data to the command's memory; returns how many bytes fitted. */
uint32_t ahci_put(struct ahci_command *command, const void *data, uint32_t length);

/* Submits a transfer of `count` sectors; `complete` is told. false: the PRDs hold too little. */
bool ahci_transfer(struct ahci_command *command, enum block_operation operation, uint64_t sector,
                   uint64_t count, bool force,
                   void (*complete)(struct block_request *, enum block_status));

/* Carry out a command whose FIS and PRDs have been copied and checked. */
void ahci_disk_command(struct ahci_command *command);
void ahci_cdrom_command(struct ahci_command *command);

/* IDENTIFY data is little-endian words, its strings have the two bytes of each word swapped. */
void ahci_identify_word(uint8_t *data, unsigned word, uint16_t value);
void ahci_identify_text(uint8_t *data, unsigned word, unsigned bytes, const char *text);

#endif
