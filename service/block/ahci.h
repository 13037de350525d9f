/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Driver for SATA disks on AHCI controllers (AHCI 1.3.1). Each disk is a block device whose
 * segments must lie in the driver's DMA memory.
 */
#ifndef SERVICE_BLOCK_AHCI_H
#define SERVICE_BLOCK_AHCI_H

#include <block/device.h>
#include <pci/dma.h>
#include <pci/pci.h>

#define AHCI_MAX_DISKS 8u
#define AHCI_TAGS      32u

enum ahci_error {
    AHCI_OK = 0,
    AHCI_ERROR_NONE = -1,   /* not a controller that this driver knows */
    AHCI_ERROR_RESET = -2,  /* it does not come out of reset */
    AHCI_ERROR_MEMORY = -3, /* not enough DMA memory */
};

struct ahci_driver;

struct ahci_disk {
    struct block_device device;
    struct ahci_driver *driver;
    unsigned port;
    unsigned depth; /* commands at once; 1: no queueing */
    bool alone;     /* after an error: one command at a time, until all that were under way ended */
    bool dead;      /* does not come back: every request fails */
    uint8_t *memory; /* command list, received FISes, command tables */
    struct block_request *active[AHCI_TAGS];
    uint32_t issued;             /* bit: tag is with the disk */
    uint32_t age[AHCI_TAGS];     /* ticks that it has been there */
    bool exclusive;              /* the one command under way is not a queued one */
    struct block_request *first; /* waiting */
    struct block_request *last;
};

struct ahci_driver {
    struct registers config;
    struct registers registers;
    struct dma *dma;
    unsigned slots;
    bool can_queue;
    bool wide; /* it takes addresses from 4 GiB on */
    struct ahci_disk disk[AHCI_MAX_DISKS];
    unsigned disks;
};

/*
 * Takes the controller over and finds its disks; `bar` is BAR 5. The rest of the DMA memory is for
 * the data. 0 or enum ahci_error.
 */
int ahci_start(struct ahci_driver *driver, const struct registers *config,
               const struct registers *bar, struct dma *dma);

/* The controller has interrupted, or is asked. */
void ahci_interrupt(struct ahci_driver *driver);

/* To be called about once a second: a command that takes 10 calls is taken for lost. */
void ahci_tick(struct ahci_driver *driver);

#endif
