/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The controller: registers, start, identification (NVMe 1.4, 7.6.1).
 */
#include "service/block/nvme.h"

#include <stdatomic.h>
#include <string.h>

#include "service/block/nvme_internal.h"

/* 3.1 */
enum controller_register {
    CAP = 0x00,
    CC = 0x14,
    CSTS = 0x1c,
    AQA = 0x24,
    ASQ = 0x28,
    ACQ = 0x30,
    DOORBELLS = 0x1000,
};

#define CLASS_NVME 0x010802u

#define CC_ENABLE  1u
#define CC_ENTRIES (6u << 16 | 4u << 20) /* 64 and 16 bytes */
#define CSTS_READY 1u
#define CSTS_FATAL 2u

#define ADMIN_DEPTH 8u
#define RESULT_SIZE 16u

enum admin {
    CREATE_SUBMISSION = 0x01,
    CREATE_COMPLETION = 0x05,
    IDENTIFY = 0x06,
    SET_FEATURES = 0x09,
};

#define IDENTIFY_NAMESPACE  0u
#define IDENTIFY_CONTROLLER 1u
#define FEATURE_QUEUES      7u
#define QUEUE_CONTIGUOUS    1u
#define QUEUE_INTERRUPTS    2u
#define COMMAND_POLLS       10000000u

/* Offsets of what identification gives (figures 247, 245). */
enum identity {
    CONTROLLER_SERIAL = 4,
    CONTROLLER_MDTS = 77,
    CONTROLLER_ONCS = 520,
    CONTROLLER_VWC = 525,
    NAMESPACE_SIZE = 0,
    NAMESPACE_FORMAT = 26,
    NAMESPACE_FORMATS = 128,
};

#define ONCS_DISCARD 0x04u
#define ONCS_ZEROES  0x08u

static uint64_t read64(const struct registers *registers, uint64_t offset)
{
    uint64_t low = registers_read32(registers, offset);
    return low | (uint64_t)registers_read32(registers, offset + 4) << 32;
}

static void write64(const struct registers *registers, uint64_t offset, uint64_t value)
{
    registers_write32(registers, offset, (uint32_t)value);
    registers_write32(registers, offset + 4, (uint32_t)(value >> 32));
}

static uint32_t get32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void nvme_send(const struct nvme_driver *driver, struct nvme_queue *queue,
               const struct nvme_command *command)
{
    memcpy(queue->submission + queue->tail * sizeof(*command), command, sizeof(*command));
    queue->tail = (uint16_t)((queue->tail + 1) % queue->depth);
    atomic_thread_fence(memory_order_release);
    registers_write32(&driver->registers, DOORBELLS + 2 * queue->number * driver->stride,
                      queue->tail);
}

bool nvme_take(const struct nvme_driver *driver, struct nvme_queue *queue,
               struct nvme_result *result)
{
    const uint8_t *at = queue->completion + queue->head * RESULT_SIZE;
    uint16_t status = *(const volatile uint16_t *)(at + 14);
    if ((status & 1) != queue->phase)
        return false;
    atomic_thread_fence(memory_order_acquire);
    *result = (struct nvme_result){
        .id = *(const volatile uint16_t *)(at + 12),
        .status = status >> 1,
        .value = *(const volatile uint32_t *)at,
    };
    queue->head++;
    if (queue->head == queue->depth) {
        queue->head = 0;
        queue->phase ^= 1;
    }
    registers_write32(&driver->registers, DOORBELLS + (2 * queue->number + 1) * driver->stride,
                      queue->head);
    return true;
}

bool nvme_stop(const struct nvme_driver *driver)
{
    registers_write32(&driver->registers, CC, 0);
    for (uint32_t i = 0; i < driver->timeout_polls; i++) {
        if ((registers_read32(&driver->registers, CSTS) & CSTS_READY) == 0)
            return true;
    }
    return false;
}

static bool make_queue(struct nvme_driver *driver, struct nvme_queue *queue, unsigned number,
                       uint16_t depth)
{
    *queue = (struct nvme_queue){.number = number, .depth = depth, .phase = 1};
    queue->submission = dma_allocate(driver->dma, depth * sizeof(struct nvme_command), NVME_PAGE);
    queue->completion = dma_allocate(driver->dma, depth * RESULT_SIZE, NVME_PAGE);
    return queue->submission != NULL && queue->completion != NULL;
}

static bool enable(struct nvme_driver *driver)
{
    const struct registers *registers = &driver->registers;
    registers_write32(registers, AQA, (ADMIN_DEPTH - 1) << 16 | (ADMIN_DEPTH - 1));
    write64(registers, ASQ, dma_address(driver->dma, driver->admin.submission));
    write64(registers, ACQ, dma_address(driver->dma, driver->admin.completion));
    registers_write32(registers, CC, CC_ENTRIES | CC_ENABLE);
    for (uint32_t i = 0; i < driver->timeout_polls; i++) {
        uint32_t status = registers_read32(registers, CSTS);
        if ((status & CSTS_FATAL) != 0)
            return false;
        if ((status & CSTS_READY) != 0)
            return true;
    }
    return false;
}

/* One admin command, by polling. */
static bool admin(struct nvme_driver *driver, const struct nvme_command *command)
{
    struct nvme_result result;
    nvme_send(driver, &driver->admin, command);
    for (uint32_t i = 0; i < COMMAND_POLLS; i++) {
        if (nvme_take(driver, &driver->admin, &result))
            return result.status == 0;
    }
    return false;
}

static bool identify(struct nvme_driver *driver, uint32_t what, uint32_t namespace,
                     const uint8_t *page)
{
    const struct nvme_command command = {
        .opcode = IDENTIFY,
        .namespace = namespace,
        .prp1 = dma_address(driver->dma, page),
        .word10 = what,
    };
    return admin(driver, &command);
}

static bool create_io_queues(struct nvme_driver *driver)
{
    const struct nvme_command count = {.opcode = SET_FEATURES, .word10 = FEATURE_QUEUES};
    const struct nvme_command completion = {
        .opcode = CREATE_COMPLETION,
        .prp1 = dma_address(driver->dma, driver->io.completion),
        .word10 = (NVME_DEPTH - 1) << 16 | 1,
        .word11 = QUEUE_CONTIGUOUS | QUEUE_INTERRUPTS, /* vector 0 */
    };
    const struct nvme_command submission = {
        .opcode = CREATE_SUBMISSION,
        .prp1 = dma_address(driver->dma, driver->io.submission),
        .word10 = (NVME_DEPTH - 1) << 16 | 1,
        .word11 = 1u << 16 | QUEUE_CONTIGUOUS, /* of completion queue 1 */
    };
    return admin(driver, &count) && admin(driver, &completion) && admin(driver, &submission);
}

/* 1 MiB: half of what one PRP list holds. */
#define MOST_SHIFT   20u
#define MOST_SECTORS (1u << (MOST_SHIFT - 9))

static void describe_controller(struct nvme_driver *driver, const uint8_t *page,
                                unsigned least_page_shift)
{
    uint32_t sectors = MOST_SECTORS;
    uint8_t shift = page[CONTROLLER_MDTS];
    if (shift != 0 && least_page_shift + shift < MOST_SHIFT)
        sectors = (1u << (least_page_shift + shift)) / BLOCK_SECTOR;
    driver->device.max_sectors = sectors;
    /* 4.3: only where a request begins and ends it may do so inside a page. */
    driver->device.lending = (struct block_lending){
        .segments = NVME_PAGE / sizeof(uint64_t), .alignment = 4, .boundary = NVME_PAGE};
    driver->device.can_discard = (page[CONTROLLER_ONCS] & ONCS_DISCARD) != 0;
    driver->device.can_zero = (page[CONTROLLER_ONCS] & ONCS_ZEROES) != 0;
    driver->device.can_flush = (page[CONTROLLER_VWC] & 1) != 0;
    unsigned length = 0;
    for (unsigned i = 0; i < BLOCK_SERIAL_SIZE; i++) {
        if (page[CONTROLLER_SERIAL + i] != ' ' && page[CONTROLLER_SERIAL + i] != 0)
            length = i + 1;
    }
    memcpy(driver->device.serial, page + CONTROLLER_SERIAL, length);
}

/* false: empty, a block size that is none of 512 to 4096, or blocks with metadata. */
static bool describe_namespace(struct nvme_driver *driver, const uint8_t *page)
{
    uint64_t blocks = get32(page + NAMESPACE_SIZE) | (uint64_t)get32(page + 4) << 32;
    uint32_t format = get32(page + NAMESPACE_FORMATS + 4 * (page[NAMESPACE_FORMAT] & 0xf));
    unsigned shift = (format >> 16) & 0xff;
    if (blocks == 0 || shift < 9 || shift > 12 || (format & 0xffff) != 0 ||
        blocks > UINT64_MAX >> shift)
        return false;
    driver->block_shift = shift;
    driver->device.block_size = 1u << shift;
    driver->device.sectors = blocks << (shift - 9);
    return true;
}

static int bring_up(struct nvme_driver *driver, unsigned least_page_shift)
{
    uint8_t *page = dma_allocate(driver->dma, NVME_PAGE, NVME_PAGE);
    driver->lists = dma_allocate(driver->dma, NVME_TAGS * NVME_PAGE, NVME_PAGE);
    if (page == NULL || driver->lists == NULL ||
        !make_queue(driver, &driver->admin, 0, ADMIN_DEPTH) ||
        !make_queue(driver, &driver->io, 1, NVME_DEPTH))
        return NVME_ERROR_MEMORY;
    if (!enable(driver) || !identify(driver, IDENTIFY_CONTROLLER, 0, page))
        return NVME_ERROR_NOT_READY;
    driver->device =
        (struct block_device){.max_segments = 1, .submit = nvme_submit, .context = driver};
    describe_controller(driver, page, least_page_shift);
    if (!identify(driver, IDENTIFY_NAMESPACE, 1, page) || !describe_namespace(driver, page))
        return NVME_ERROR_NAMESPACE;
    return create_io_queues(driver) ? NVME_OK : NVME_ERROR_NOT_READY;
}

int nvme_start(struct nvme_driver *driver, const struct registers *config,
               const struct registers *bar, struct dma *dma)
{
    memset(driver, 0, sizeof(*driver));
    if (registers_read32(config, 0x08) >> 8 != CLASS_NVME)
        return NVME_ERROR_NONE;
    driver->registers = *bar;
    driver->dma = dma;
    driver->config = *config;
    pci_enable(config, true); /* the registers answer from here on */
    uint64_t capabilities = read64(bar, CAP);
    driver->stride = 4u << ((capabilities >> 32) & 0xf);
    /* CAP.TO is in units of 500 ms; a register read takes at least some 100 ns. */
    driver->timeout_polls = (uint32_t)(((capabilities >> 24) & 0xff) + 1) * 100000;
    unsigned least_page_shift = 12 + ((capabilities >> 48) & 0xf);
    bool nvm = ((capabilities >> 37) & 1) != 0;
    uint32_t most_entries = (uint32_t)(capabilities & 0xffff) + 1;
    if (bar->size < DOORBELLS + 4ull * driver->stride || least_page_shift != 12 || !nvm ||
        most_entries < NVME_DEPTH)
        return NVME_ERROR_NONE;
    if (!nvme_stop(driver))
        return NVME_ERROR_NOT_READY;
    int error = bring_up(driver, least_page_shift);
    if (error != NVME_OK)
        nvme_stop(driver);
    return error;
}
