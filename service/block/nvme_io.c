/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads, writes and the rest (NVMe 1.4, 6).
 */
#include <string.h>

#include "service/block/nvme_internal.h"

enum opcode { FLUSH = 0x00, WRITE = 0x01, READ = 0x02, WRITE_ZEROES = 0x08, DATASET = 0x09 };

#define FORCE_ACCESS (1u << 30)
#define DEALLOCATE   4u
#define MOST_ZEROES  0x10000u /* blocks of one command */
#define TICKS        10u

/* 6.7, figure 373 */
struct range {
    uint32_t attributes;
    uint32_t blocks;
    uint64_t first;
};

_Static_assert(sizeof(struct range) == 16, "NVMe 1.4, figure 373");

static uint64_t list_address(const struct nvme_driver *driver, unsigned tag)
{
    return dma_address(driver->dma, driver->lists) + (uint64_t)tag * NVME_PAGE;
}

static uint64_t address_of(const struct nvme_driver *driver, const struct block_request *request,
                           unsigned segment)
{
    return request->lent ? request->segment[segment].address
                         : dma_address(driver->dma, request->segment[segment].data);
}

/*
 * Pages of the segments (4.3): the first may begin inside a page, and the last end in one; the
 * others are whole. The list has room for as many as max_sectors may take.
 */
static void set_pages(const struct nvme_driver *driver, struct nvme_command *command,
                      const struct block_request *request, unsigned tag)
{
    volatile uint64_t *list =
        (volatile uint64_t *)(void *)(driver->lists + (uint64_t)tag * NVME_PAGE);
    unsigned pages = 0;
    uint64_t last = 0;
    command->prp1 = address_of(driver, request, 0);
    for (unsigned i = 0; i < request->segments; i++) {
        uint64_t address = address_of(driver, request, i);
        uint64_t end = address + request->segment[i].length;
        if (i == 0)
            address = (address & ~(uint64_t)(NVME_PAGE - 1)) + NVME_PAGE;
        for (; address < end && pages < NVME_PAGE / sizeof(*list); address += NVME_PAGE)
            list[pages++] = last = address;
    }
    if (pages != 0)
        command->prp2 = pages == 1 ? last : list_address(driver, tag);
}

/* A discard or write-zeroes may be larger than one command: `progress` counts sectors done. */
static uint64_t next_count(const struct nvme_driver *driver, const struct block_request *request)
{
    uint64_t most = (uint64_t)MOST_ZEROES << (driver->block_shift - 9);
    uint64_t left = request->count - request->progress;
    return left < most ? left : most;
}

static void issue(struct nvme_driver *driver, struct block_request *request, unsigned tag)
{
    unsigned shift = driver->block_shift - 9;
    struct nvme_command command = {.id = (uint16_t)tag, .namespace = 1};
    uint64_t sector = request->sector + request->progress;
    uint64_t count = request->operation == BLOCK_READ || request->operation == BLOCK_WRITE
                         ? request->count
                         : next_count(driver, request);
    command.word10 = (uint32_t)(sector >> shift);
    command.word11 = (uint32_t)(sector >> shift >> 32);
    command.word12 = (uint32_t)((count >> shift) - 1) & 0xffff;
    switch (request->operation) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        command.opcode = request->operation == BLOCK_READ ? READ : WRITE;
        if (request->force_unit_access)
            command.word12 |= FORCE_ACCESS;
        set_pages(driver, &command, request, tag);
        break;
    case BLOCK_WRITE_ZEROES:
        command.opcode = WRITE_ZEROES;
        break;
    case BLOCK_DISCARD: {
        const struct range range = {.blocks = (uint32_t)(count >> shift), .first = sector >> shift};
        memcpy(driver->lists + (uint64_t)tag * NVME_PAGE, &range, sizeof(range));
        command.opcode = DATASET;
        command.prp1 = list_address(driver, tag);
        command.word10 = 0; /* one range */
        command.word11 = DEALLOCATE;
        command.word12 = 0;
        break;
    }
    default:
        command.opcode = FLUSH;
        command.word10 = command.word11 = command.word12 = 0;
        break;
    }
    request->progress += count;
    driver->active[tag] = request;
    driver->age[tag] = 0;
    driver->busy |= 1ull << tag;
    nvme_send(driver, &driver->io, &command);
}

static void issue_more(struct nvme_driver *driver)
{
    while (driver->first != NULL && !driver->dead) {
        uint64_t free_tags = ~driver->busy & ((1ull << NVME_TAGS) - 1);
        if (free_tags == 0)
            return;
        struct block_request *request = driver->first;
        driver->first = request->next;
        if (driver->first == NULL)
            driver->last = NULL;
        issue(driver, request, (unsigned)__builtin_ctzll(free_tags));
    }
}

static void enqueue(struct nvme_driver *driver, struct block_request *request)
{
    request->next = NULL;
    if (driver->last != NULL)
        driver->last->next = request;
    else
        driver->first = request;
    driver->last = request;
}

void nvme_submit(struct block_device *device, struct block_request *request)
{
    struct nvme_driver *driver = device->context;
    for (unsigned i = 0; !request->lent && i < request->segments; i++) {
        const struct block_segment *segment = &request->segment[i];
        /* 4.3: addresses are multiples of 4. */
        if (!dma_holds(driver->dma, segment->data, segment->length) ||
            (dma_address(driver->dma, segment->data) & 3) != 0) {
            request->complete(request, BLOCK_INVALID);
            return;
        }
    }
    if (driver->dead) {
        request->complete(request, BLOCK_ERROR);
        return;
    }
    request->progress = 0;
    enqueue(driver, request);
    issue_more(driver);
}

void nvme_fail_all(struct nvme_driver *driver)
{
    driver->dead = true;
    nvme_stop(driver);
    pci_stop_master(&driver->config); /* whether it obeys or not, it reaches no memory */
    driver->busy = 0;
    for (unsigned tag = 0; tag < NVME_TAGS; tag++) {
        struct block_request *request = driver->active[tag];
        driver->active[tag] = NULL;
        if (request != NULL)
            request->complete(request, BLOCK_ERROR);
    }
    while (driver->first != NULL) {
        struct block_request *request = driver->first;
        driver->first = request->next;
        request->complete(request, BLOCK_ERROR);
    }
    driver->last = NULL;
}

static void completed(struct nvme_driver *driver, unsigned tag, uint16_t status)
{
    struct block_request *request = driver->active[tag];
    driver->active[tag] = NULL;
    driver->busy &= ~(1ull << tag);
    if (status == 0 && request->operation != BLOCK_FLUSH && request->progress < request->count)
        enqueue(driver, request);
    else
        request->complete(request, status == 0 ? BLOCK_OK : BLOCK_ERROR);
}

void nvme_interrupt(struct nvme_driver *driver)
{
    struct nvme_result result;
    while (!driver->dead && nvme_take(driver, &driver->io, &result)) {
        /* A tag that is not with the controller: it has lost its mind. */
        if (result.id >= NVME_TAGS || driver->active[result.id] == NULL)
            nvme_fail_all(driver);
        else
            completed(driver, result.id, result.status);
    }
    if (!driver->dead)
        issue_more(driver);
}

void nvme_tick(struct nvme_driver *driver)
{
    bool lost = false;
    for (unsigned tag = 0; tag < NVME_TAGS; tag++)
        lost = lost || (driver->active[tag] != NULL && ++driver->age[tag] >= TICKS);
    if (lost && !driver->dead)
        nvme_fail_all(driver);
}
