/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/virtio/blk.h"

#include <stddef.h>
#include <string.h>

#define DEVICE_ID 2

/* 5.2.3 */
#define F_SEG_MAX      (1ull << 2)
#define F_RO           (1ull << 5)
#define F_BLK_SIZE     (1ull << 6)
#define F_FLUSH        (1ull << 9)
#define F_MQ           (1ull << 12)
#define F_DISCARD      (1ull << 13)
#define F_WRITE_ZEROES (1ull << 14)

/* 5.2.6 */
enum type {
    TYPE_IN = 0,
    TYPE_OUT = 1,
    TYPE_FLUSH = 4,
    TYPE_GET_ID = 8,
    TYPE_DISCARD = 11,
    TYPE_WRITE_ZEROES = 13,
};

enum status { STATUS_OK = 0, STATUS_IOERR = 1, STATUS_UNSUPPORTED = 2 };

#define RANGE_UNMAP       1u
#define MAX_RANGE_SECTORS 0x400000u /* 2 GiB */

struct header {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

_Static_assert(sizeof(struct header) == 16, "virtio 1.2, 5.2.6");

static void serve(struct virtio_blk *blk, unsigned queue);

static void release(struct virtio_blk_request *request)
{
    request->under_way = false;
    request->next_free = request->blk->free;
    request->blk->free = request;
}

/* Queues that waited for a slot go on, but not from inside their own loop. */
static void serve_starved(struct virtio_blk *blk)
{
    blk->any_starved = false;
    for (unsigned i = 0; i < blk->queues; i++) {
        if (blk->starved[i] && blk->free != NULL)
            serve(blk, i);
        blk->any_starved = blk->any_starved || blk->starved[i];
    }
}

/* Gives the request back: `written` data bytes and the status behind them. */
static void finish(struct virtio_blk_request *request, enum status status, uint32_t written)
{
    struct virtio_blk *blk = request->blk;
    unsigned queue = request->queue;
    bool orphan = request->orphan;
    if (!orphan) {
        *request->status = (uint8_t)status;
        virtqueue_push(&blk->device.queue[queue], request->chain.token, written + 1);
        virtio_interrupt(&blk->device, queue);
    }
    release(request);
    if (blk->any_starved && !blk->serving)
        serve_starved(blk);
}

static enum status status_of(enum block_status status)
{
    return status == BLOCK_OK            ? STATUS_OK
           : status == BLOCK_UNSUPPORTED ? STATUS_UNSUPPORTED
                                         : STATUS_IOERR;
}

static uint32_t data_length(const struct virtio_blk_request *request)
{
    return (uint32_t)(request->chain.writeable_length - 1);
}

static void transfer_done(struct block_request *block, enum block_status status)
{
    struct virtio_blk_request *request = block->owner;
    bool read = block->operation == BLOCK_READ && status == BLOCK_OK;
    finish(request, status_of(status), read ? data_length(request) : 0);
}

/* The next range of a discard or write-zeroes; their end. */
static void range_done(struct block_request *block, enum block_status status)
{
    struct virtio_blk_request *request = block->owner;
    request->range_done++;
    if (status != BLOCK_OK || request->range_done == request->ranges || request->orphan) {
        finish(request, status_of(status), 0);
        return;
    }
    block->sector = request->range[request->range_done].sector;
    block->count = request->range[request->range_done].count;
    block_submit(request->blk->block, block);
}

/* Copies the ranges out of guest memory and checks them all (5.2.6.2); STATUS_OK when they fit. */
static enum status read_ranges(struct virtio_blk_request *request, bool zeroes)
{
    uint64_t length = request->chain.readable_length - sizeof(struct header);
    if (length == 0 || length % sizeof(struct virtio_blk_range) != 0 ||
        length > sizeof(request->range))
        return STATUS_IOERR;
    request->ranges = (unsigned)(length / sizeof(struct virtio_blk_range));
    request->range_done = 0;
    virtqueue_gather(request->chain.segment, request->chain.readable, sizeof(struct header),
                     request->range, (uint32_t)length);
    for (unsigned i = 0; i < request->ranges; i++) {
        const struct virtio_blk_range *range = &request->range[i];
        if ((range->flags & ~(zeroes ? RANGE_UNMAP : 0u)) != 0)
            return STATUS_UNSUPPORTED;
        if (range->count == 0 || range->count > MAX_RANGE_SECTORS)
            return STATUS_IOERR;
    }
    return STATUS_OK;
}

static void start_ranges(struct virtio_blk_request *request, bool zeroes)
{
    const struct block_device *block = request->blk->block;
    if (!(zeroes ? block->can_zero : block->can_discard)) {
        finish(request, STATUS_UNSUPPORTED, 0);
        return;
    }
    enum status status = read_ranges(request, zeroes);
    if (status != STATUS_OK) {
        finish(request, status, 0);
        return;
    }
    request->block.operation = zeroes ? BLOCK_WRITE_ZEROES : BLOCK_DISCARD;
    request->block.sector = request->range[0].sector;
    request->block.count = request->range[0].count;
    request->block.complete = range_done;
    block_submit(request->blk->block, &request->block);
}

_Static_assert(sizeof(struct virtqueue_segment) == sizeof(struct block_segment) &&
                   offsetof(struct virtqueue_segment, data) ==
                       offsetof(struct block_segment, data) &&
                   offsetof(struct virtqueue_segment, length) ==
                       offsetof(struct block_segment, length),
               "they are copied as they are");

#define FEW 4u /* segments, for which calling memcpy takes longer than copying them */

/* The data segments: those of the chain without the header, or without the status byte. */
static bool find_data(struct virtio_blk_request *request, bool write)
{
    const struct virtqueue_chain *chain = &request->chain;
    uint64_t skip = write ? sizeof(struct header) : 0;
    uint64_t left =
        write ? chain->readable_length - sizeof(struct header) : chain->writeable_length - 1;
    request->block.segment = request->data;
    request->block.segments = 0;
    request->block.count = left / BLOCK_SECTOR;
    if (left == 0 || left % BLOCK_SECTOR != 0)
        return false;
    /* The chain's segments hold what is skipped, what is left, and of a read one byte more. */
    const struct virtqueue_segment *from = chain->segment + (write ? 0 : chain->readable);
    unsigned count = write ? chain->readable : chain->count - chain->readable;
    struct block_segment *to = request->data;
    for (; skip >= from->length; from++, count--)
        skip -= from->length;
    if (count > FEW) {
        memcpy(to, from, count * sizeof(*to));
    } else {
        for (unsigned i = 0; i < count; i++)
            to[i] = (struct block_segment){{from[i].data}, from[i].length};
    }
    to[0].data += skip;
    to[0].length -= (uint32_t)skip;
    if (!write && --to[count - 1].length == 0)
        count--;
    request->block.segments = count;
    return true;
}

static void start_transfer(struct virtio_blk_request *request, uint64_t sector, bool write)
{
    request->block.operation = write ? BLOCK_WRITE : BLOCK_READ;
    request->block.sector = sector;
    request->block.complete = transfer_done;
    /* 5.2.6.2: to a driver that knows no flush a completed write is on stable storage. */
    request->block.force_unit_access = write && !virtio_has(&request->blk->device, F_FLUSH);
    if (!find_data(request, write))
        finish(request, STATUS_IOERR, 0);
    else
        block_submit_sound(request->blk->block, &request->block);
}

static void get_id(struct virtio_blk_request *request)
{
    const struct virtqueue_chain *chain = &request->chain;
    uint32_t length = data_length(request);
    if (length > BLOCK_SERIAL_SIZE)
        length = BLOCK_SERIAL_SIZE;
    virtqueue_scatter(chain->segment + chain->readable, chain->count - chain->readable, 0,
                      request->blk->block->serial, length);
    finish(request, STATUS_OK, length);
}

static void start(struct virtio_blk_request *request, const struct header *header)
{
    switch (header->type) {
    case TYPE_IN:
    case TYPE_OUT:
        start_transfer(request, header->sector, header->type == TYPE_OUT);
        break;
    case TYPE_FLUSH:
        request->block.operation = BLOCK_FLUSH;
        request->block.complete = transfer_done;
        block_submit(request->blk->block, &request->block);
        break;
    case TYPE_GET_ID:
        get_id(request);
        break;
    case TYPE_DISCARD:
    case TYPE_WRITE_ZEROES:
        start_ranges(request, header->type == TYPE_WRITE_ZEROES);
        break;
    default:
        finish(request, STATUS_UNSUPPORTED, 0);
        break;
    }
}

/* Each by itself: a compiler clears all of it before it fills in the rest. */
static inline void begin(struct block_request *block, void *owner)
{
    block->force_unit_access = false;
    block->segment = NULL;
    block->segments = 0;
    block->lent = false;
    block->lasting = true;
    block->cancelled = false;
    block->owner = owner;
    block->held = false;
}

/* Takes one request: 1, 0 when there is none, or an error that breaks the device. */
static int take(struct virtio_blk *blk, unsigned queue)
{
    struct virtio_blk_request *request = blk->free;
    int result = virtqueue_pop(&blk->device.queue[queue], &request->chain);
    if (result != 1)
        return result;
    const struct virtqueue_chain *chain = &request->chain;
    struct header header;
    /* Without a header or a place for the status there is no way to answer. */
    if (chain->readable_length < sizeof(header) || chain->writeable_length < 1)
        return VIRTQUEUE_ERROR_CHAIN;
    virtqueue_gather(chain->segment, chain->readable, 0, &header, sizeof(header));
    const struct virtqueue_segment *last = &chain->segment[chain->count - 1];
    blk->free = request->next_free;
    request->under_way = true;
    request->orphan = false;
    request->queue = queue;
    request->status = last->data + last->length - 1;
    /* The memory is the request's until it is given back, or the driver sees the end of a reset. */
    begin(&request->block, request);
    start(request, &header);
    return 1;
}

static bool can_take(const struct virtio_blk *blk)
{
    return blk->free != NULL && virtio_running(&blk->device);
}

/*
 * The driver notifies of what comes after it was asked to; so after that there is another look, or
 * another vCPU's request would wait in vain (2.7.10). Most often there is one request: it is asked
 * when the first is taken, and then when no more are found. Where none was left out it stands
 * asked.
 */
static void serve(struct virtio_blk *blk, unsigned queue)
{
    struct virtqueue *ring = &blk->device.queue[queue];
    bool asked = !blk->starved[queue];
    bool first = true;
    int result = 0;
    blk->serving = true;
    while (can_take(blk)) {
        result = take(blk, queue);
        if (result < 0 || (result == 0 && asked))
            break;
        asked = first || result == 0;
        first = false;
        if (asked)
            virtqueue_enable_notification(ring);
    }
    blk->serving = false;
    blk->starved[queue] = blk->free == NULL;
    blk->any_starved = blk->any_starved || blk->starved[queue];
    if (result < 0)
        virtio_break(&blk->device);
}

static int notify(struct virtio_device *device, unsigned index)
{
    serve(device->model->context, index);
    return 0;
}

static void reset(struct virtio_device *device)
{
    struct virtio_blk *blk = device->model->context;
    for (unsigned i = 0; i < VIRTIO_BLK_REQUESTS; i++) {
        struct virtio_blk_request *request = &blk->request[i];
        if (request->under_way) {
            request->orphan = true;
            request->block.cancelled = true;
        }
    }
    memset(blk->starved, 0, sizeof(blk->starved));
    blk->any_starved = false;
}

/* 2.4.1: a driver has its memory back only when no device has any of it any more. */
static bool is_settled(const struct virtio_device *device)
{
    const struct virtio_blk *blk = device->model->context;
    bool settled = true;
    for (unsigned i = 0; i < VIRTIO_BLK_REQUESTS; i++)
        settled = settled && !(blk->request[i].under_way && blk->request[i].block.held);
    return settled;
}

static void fill_config(struct virtio_blk *blk)
{
    const struct block_device *block = blk->block;
    /* The chain also holds the header and the status byte. */
    uint32_t segments = VIRTQUEUE_MAX_SEGMENTS - 2;
    if (segments > block->max_segments)
        segments = block->max_segments;
    blk->config = (struct virtio_blk_config){
        .capacity = block->sectors,
        .seg_max = segments,
        .block_size = block->block_size,
        .queues = (uint16_t)blk->queues,
    };
    if (block->can_discard) {
        blk->config.max_discard_sectors = MAX_RANGE_SECTORS;
        blk->config.max_discard_segments = VIRTIO_BLK_RANGES;
        blk->config.discard_sector_alignment = block->block_size / BLOCK_SECTOR;
    }
    if (block->can_zero) {
        blk->config.max_write_zeroes_sectors = MAX_RANGE_SECTORS;
        blk->config.max_write_zeroes_segments = VIRTIO_BLK_RANGES;
        blk->config.write_zeroes_may_unmap = 1;
    }
}

void virtio_blk_initialize(struct virtio_blk *blk, unsigned slot, const struct memory *memory,
                           struct apic_bus *apics, struct irq *irq, struct block_device *block,
                           unsigned queues)
{
    memset(blk, 0, sizeof(*blk));
    blk->block = block;
    blk->queues = queues;
    for (unsigned i = 0; i < VIRTIO_BLK_REQUESTS; i++) {
        blk->request[i].blk = blk;
        release(&blk->request[i]);
    }
    fill_config(blk);
    uint64_t features = F_SEG_MAX | F_BLK_SIZE | F_FLUSH | F_MQ;
    if (block->read_only)
        features |= F_RO;
    if (block->can_discard)
        features |= F_DISCARD;
    if (block->can_zero)
        features |= F_WRITE_ZEROES;
    blk->model = (struct virtio_model){
        .id = DEVICE_ID,
        .class_code = 0x010000, /* mass storage, SCSI, as other hypervisors' */
        .features = features,
        .queues = queues,
        .config = (const uint8_t *)&blk->config,
        .config_size = VIRTIO_BLK_CONFIG_SIZE,
        .notify = notify,
        .reset = reset,
        .settled = is_settled,
        .context = blk,
    };
    virtio_initialize(&blk->device, &blk->model, slot, memory, apics, irq);
}
