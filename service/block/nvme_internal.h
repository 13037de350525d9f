/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between the controller's start (nvme.c) and its commands (nvme_io.c).
 */
#ifndef SERVICE_BLOCK_NVME_INTERNAL_H
#define SERVICE_BLOCK_NVME_INTERNAL_H

#include "service/block/nvme.h"

#define NVME_PAGE 4096u

/* A command (NVMe 1.4, figure 104). */
struct nvme_command {
    uint8_t opcode;
    uint8_t flags;
    uint16_t id;
    uint32_t namespace;
    uint32_t reserved[2];
    uint64_t metadata;
    uint64_t prp1;
    uint64_t prp2;
    uint32_t word10;
    uint32_t word11;
    uint32_t word12;
    uint32_t word13;
    uint32_t word14;
    uint32_t word15;
};

_Static_assert(sizeof(struct nvme_command) == 64, "NVMe 1.4, figure 104");
_Static_assert(offsetof(struct nvme_command, prp1) == 24, "NVMe 1.4, figure 104");
_Static_assert(offsetof(struct nvme_command, word10) == 40, "NVMe 1.4, figure 104");

/* What a completion says (figures 121, 122). */
struct nvme_result {
    uint16_t id;
    uint16_t status; /* without the phase bit: 0 is success */
    uint32_t value;
};

/* Puts a command into the queue, which has room, and rings its doorbell. */
void nvme_send(const struct nvme_driver *driver, struct nvme_queue *queue,
               const struct nvme_command *command);

/* The next completion, if there is one; its entry is given back. */
bool nvme_take(const struct nvme_driver *driver, struct nvme_queue *queue,
               struct nvme_result *result);

void nvme_submit(struct block_device *device, struct block_request *request);

/* Every request fails; the controller is stopped first, so that it moves no data any more. */
void nvme_fail_all(struct nvme_driver *driver);

/* Switches the controller off and waits until it is; false when it does not obey. */
bool nvme_stop(const struct nvme_driver *driver);

#endif
