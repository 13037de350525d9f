/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A small NVMe controller over a block device, enough for a driver's test: one I/O queue pair,
 * asynchronous commands, and a switch for each way in which hardware goes wrong.
 */
#ifndef TEST_BLOCK_NVME_MODEL_H
#define TEST_BLOCK_NVME_MODEL_H

#include <block/device.h>
#include <pci/dma.h>
#include <pci/registers.h>

struct nvme_model;

struct nvme_model_command {
    struct nvme_model *model;
    struct block_request request;
    struct block_segment segment[40];
    uint16_t id;
    uint16_t head; /* of the submission queue, as the completion says */
};

struct nvme_model {
    struct block_device *block;
    const struct dma *dma;
    uint32_t configuration;
    uint32_t status;
    uint32_t queue_sizes;
    uint64_t admin_submission;
    uint64_t admin_completion;
    uint16_t admin_head;
    uint16_t admin_tail;
    uint16_t admin_phase;
    uint64_t submission;
    uint64_t completion;
    uint16_t depth;
    uint16_t head;
    uint16_t tail;
    uint16_t phase;
    struct nvme_model_command command[64];
    uint64_t used;
    bool interrupt;
    /* Faults. */
    bool never_ready;
    bool wrong_id;      /* completes what it was not given */
    bool silent;        /* does not answer */
    unsigned bad_pages; /* PRPs outside the driver's memory: must stay 0 */
};

void nvme_model_initialize(struct nvme_model *model, struct block_device *block,
                           const struct dma *dma);

/* BAR 0 and configuration space, as the driver sees them. */
struct registers nvme_model_bar(struct nvme_model *model);
struct registers nvme_model_config(struct nvme_model *model);

#endif
