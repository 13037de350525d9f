/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ICH9's SATA controller in AHCI mode (AHCI 1.3.1), with disks (ACS-3) and CD-ROM drives
 * (MMC-6) over block devices, for guests without virtio.
 */
#ifndef VMM_DEVICE_AHCI_H
#define VMM_DEVICE_AHCI_H

#include <block/device.h>

#include "vmm/device/apic.h"
#include "vmm/device/irq.h"
#include "vmm/device/pci.h"
#include "vmm/memory/memory.h"

#define AHCI_PORTS    4u
#define AHCI_SLOTS    32u
#define AHCI_DEVFN    0xfau /* 00:1f.2, as on the ICH9 */
#define AHCI_SEGMENTS 260u  /* PRD entries of one command */
#define AHCI_BAR_SIZE 0x1000u

enum ahci_kind { AHCI_NONE, AHCI_DISK, AHCI_CDROM };

struct ahci;
struct ahci_port;

/* A command under way in one slot. */
struct ahci_command {
    struct block_request block;
    struct ahci_port *port;
    unsigned slot;
    bool under_way;
    bool orphan; /* the port was stopped meanwhile: nothing is reported */
    bool queued; /* NCQ */
    uint8_t fis[20];
    uint8_t packet[16];
    uint64_t header; /* guest-physical address of its command header */
    uint64_t bytes;  /* that its PRD entries hold */
    unsigned segments;
    struct block_segment segment[AHCI_SEGMENTS];
};

struct ahci_port {
    struct ahci *ahci;
    unsigned index;
    enum ahci_kind kind;
    struct block_device *block;

    /* Registers (3.3). */
    uint64_t command_list;
    uint64_t received_fis;
    uint32_t interrupt_status;
    uint32_t interrupt_enable;
    uint32_t command;
    uint32_t task_file;
    uint32_t signature;
    uint32_t sata_control;
    uint32_t sata_error;
    uint32_t sata_active;
    uint32_t issued;

    bool halted;   /* an error: nothing more until the driver restarts the port */
    bool in_reset; /* software reset, between its two FISes */
    bool write_cache;
    bool issuing;
    struct ahci_command *current; /* the one that is not queued */
    uint32_t queued_error;        /* 1 + tag of the queued command that failed */
    uint8_t sense[3];             /* key, code, qualifier of the last packet command */
    uint64_t trim[512];           /* checked copy of the ranges of a TRIM */
    unsigned trim_count;
    unsigned trim_next;
    struct ahci_command slot[AHCI_SLOTS];
};

struct ahci {
    struct pci_function function;
    const struct memory *memory;
    struct apic_bus *apics;
    struct irq *irq;
    uint32_t control; /* GHC */
    uint32_t status;  /* IS */
    struct ahci_port port[AHCI_PORTS];
};

void ahci_initialize(struct ahci *ahci, const struct memory *memory, struct apic_bus *apics,
                     struct irq *irq);

/*
 * Puts a drive on port `index` before the guest runs. A disk needs a block size of 512 bytes, a
 * CD-ROM a size of whole blocks of 2048 bytes; false when it does not fit. The block device
 * outlives the controller.
 */
bool ahci_attach(struct ahci *ahci, unsigned index, enum ahci_kind kind,
                 struct block_device *block);

/* A reset of the machine. */
void ahci_reset(struct ahci *ahci);

#endif
