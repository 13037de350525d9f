/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Driver for NVMe controllers (NVMe 1.4): namespace 1 as a block device whose segments must lie in
 * the driver's DMA memory. One pair of I/O queues.
 */
#ifndef SERVICE_BLOCK_NVME_H
#define SERVICE_BLOCK_NVME_H

#include <block/device.h>
#include <pci/dma.h>
#include <pci/pci.h>

#define NVME_TAGS  63u /* commands at once; a queue of 64 entries is full with 63 */
#define NVME_DEPTH 64u

enum nvme_error {
    NVME_OK = 0,
    NVME_ERROR_NONE = -1,      /* not a controller that this driver knows */
    NVME_ERROR_NOT_READY = -2, /* it does not come up, or a command of the start failed */
    NVME_ERROR_MEMORY = -3,    /* not enough DMA memory */
    NVME_ERROR_NAMESPACE = -4, /* no namespace that can be used */
};

/* A pair of queues, submission and completion. */
struct nvme_queue {
    uint8_t *submission;
    uint8_t *completion;
    unsigned number;
    uint16_t depth;
    uint16_t tail;  /* of the submissions */
    uint16_t head;  /* of the completions */
    uint16_t phase; /* the bit that a new completion has */
};

struct nvme_driver {
    struct block_device device;
    struct registers config;
    struct registers registers;
    struct dma *dma;
    uint32_t stride; /* bytes between doorbells */
    uint32_t timeout_polls;
    struct nvme_queue admin;
    struct nvme_queue io;
    uint8_t *lists; /* a PRP list, or the range of a discard, for each tag: one page */
    unsigned block_shift;
    bool write_cache;
    bool can_zero;
    struct block_request *active[NVME_TAGS];
    uint8_t age[NVME_TAGS];      /* ticks that a command has been there */
    uint64_t busy;               /* bit: tag is with the controller */
    struct block_request *first; /* waiting */
    struct block_request *last;
    bool dead; /* every request fails until the driver is started anew */
};

/* Starts the controller; `bar` is BAR 0. The rest of the DMA memory is for the data. */
int nvme_start(struct nvme_driver *driver, const struct registers *config,
               const struct registers *bar, struct dma *dma);

/* The controller has interrupted, or is asked. */
void nvme_interrupt(struct nvme_driver *driver);

/* To be called about once a second: after 10 calls a command is lost, and the controller with it.
 */
void nvme_tick(struct nvme_driver *driver);

#endif
