/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/block/virtio_blk.h"

#include <string.h>

/* 5.2.3 */
#define F_RO           (1ull << 5)
#define F_BLK_SIZE     (1ull << 6)
#define F_FLUSH        (1ull << 9)
#define F_DISCARD      (1ull << 13)
#define F_WRITE_ZEROES (1ull << 14)
#define F_SEG_MAX      (1ull << 2)

enum type {
    TYPE_IN = 0,
    TYPE_OUT = 1,
    TYPE_FLUSH = 4,
    TYPE_GET_ID = 8,
    TYPE_DISCARD = 11,
    TYPE_WRITE_ZEROES = 13,
};

/* Configuration space (5.2.4). */
enum config { CAPACITY = 0, SEG_MAX = 12, BLOCK_SIZE = 20, MAX_DISCARD = 36, MAX_ZEROES = 48 };

#define STATUS_OK          0u
#define STATUS_UNSUPPORTED 2u
#define STATUS_NONE        0xffu

/* What the device reads and writes beside the data, for each slot. */
struct control {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
    uint64_t range_sector;
    uint32_t range_count;
    uint32_t range_flags;
    uint8_t status;
    uint8_t pad[11];
    char serial[BLOCK_SERIAL_SIZE];
};

#define CONTROL_HEADER 16u /* bytes of it that are the request's header */
#define CONTROL_RANGE  16u

_Static_assert(offsetof(struct control, range_sector) == CONTROL_HEADER, "virtio 1.2, 5.2.6");
_Static_assert(offsetof(struct control, status) == 32, "behind the range");
_Static_assert(sizeof(struct control) == 64, "one cache line");

#define NO_SLOT    UINT16_MAX
#define QUEUE_SIZE 128u
#define SEGMENTS   16u  /* where the device does not say how many it takes */
#define MOST       126u /* with a request's header and status what a queue of that size takes */
#define POLLS      10000000u
#define LIMIT      10u /* ticks that a request may take */

static struct control *control_of(const struct virtio_blk_driver *driver, unsigned slot)
{
    return (struct control *)(void *)(driver->control + slot * sizeof(struct control));
}

static uint64_t control_address(const struct virtio_blk_driver *driver, unsigned slot,
                                unsigned offset)
{
    return driver->control_address + slot * sizeof(struct control) + offset;
}

static uint32_t type_of(enum block_operation operation)
{
    static const uint32_t types[BLOCK_OPERATION_COUNT] = {
        [BLOCK_READ] = TYPE_IN,
        [BLOCK_WRITE] = TYPE_OUT,
        [BLOCK_FLUSH] = TYPE_FLUSH,
        [BLOCK_DISCARD] = TYPE_DISCARD,
        [BLOCK_WRITE_ZEROES] = TYPE_WRITE_ZEROES,
    };
    return types[operation];
}

/*
 * virtio has no forced access: such a write is followed by a flush, in a second step of the request
 * (`progress` is 1 then).
 */
static bool is_second_step(const struct block_request *request)
{
    return request->progress != 0;
}

_Static_assert(sizeof(struct virtio_buffer) == sizeof(struct block_segment) &&
                   offsetof(struct virtio_buffer, address) ==
                       offsetof(struct block_segment, address) &&
                   offsetof(struct virtio_buffer, length) == offsetof(struct block_segment, length),
               "lent segments are taken as they are");

/* The data of a request as the device sees it; what is not lent is put into `room`. */
static const struct virtio_buffer *data_of(const struct virtio_blk_driver *driver,
                                           const struct block_request *request,
                                           struct virtio_buffer room[MOST])
{
    if (request->lent)
        return (const struct virtio_buffer *)request->segment;
    for (unsigned i = 0; i < request->segments; i++)
        room[i] = (struct virtio_buffer){dma_address(driver->dma, request->segment[i].data),
                                         request->segment[i].length};
    return room;
}

/* Hands one request to the device; false when there is no room. */
static bool send(struct virtio_blk_driver *driver, struct block_request *request)
{
    struct virtio_buffer room[MOST];
    unsigned number = driver->free_slot;
    if (number == NO_SLOT)
        return false;
    struct virtio_blk_slot *slot = &driver->slot[number];
    struct control *control = control_of(driver, number);
    enum block_operation operation = is_second_step(request) ? BLOCK_FLUSH : request->operation;
    struct virtio_request to_device = {
        .header = {control_address(driver, number, 0), CONTROL_HEADER},
        .status = {control_address(driver, number, offsetof(struct control, status)), 1},
    };
    /* The serial number's place is no part of any of these requests. */
    control->type = type_of(operation);
    control->reserved = 0;
    control->sector = 0;
    control->status = STATUS_NONE;
    if (operation == BLOCK_READ || operation == BLOCK_WRITE) {
        control->sector = request->sector;
        to_device.data = data_of(driver, request, room);
        to_device.count = request->segments;
        to_device.writeable = operation == BLOCK_READ;
    } else if (operation != BLOCK_FLUSH) {
        control->range_sector = request->sector;
        control->range_count = (uint32_t)request->count;
        control->range_flags = 0;
        to_device.header.length += CONTROL_RANGE;
    }
    if (virtio_queue_add_request(&driver->queue, &to_device, number) != VIRTIO_QUEUE_OK)
        return false;
    driver->free_slot = slot->next_free;
    driver->under_way++;
    slot->request = request;
    slot->age = 0;
    return true;
}

static void notify(struct virtio_blk_driver *driver)
{
    if (virtio_queue_must_notify(&driver->queue))
        virtio_notify(&driver->transport, &driver->queue);
}

/* Hands over what waits. */
static void kick(struct virtio_blk_driver *driver)
{
    while (driver->first != NULL && send(driver, driver->first)) {
        driver->first = driver->first->next;
        if (driver->first == NULL)
            driver->last = NULL;
    }
    notify(driver);
}

/* Can this request go to the device as it is? */
static enum block_status suits(const struct virtio_blk_driver *driver,
                               const struct block_request *request)
{
    if (driver->broken)
        return BLOCK_ERROR;
    /* A command has 32 bits for the sectors of a range. */
    if (request->count > UINT32_MAX)
        return BLOCK_INVALID;
    for (unsigned i = 0; !request->lent && i < request->segments; i++) {
        if (!dma_holds(driver->dma, request->segment[i].data, request->segment[i].length))
            return BLOCK_INVALID;
    }
    return BLOCK_OK;
}

static void enqueue(struct virtio_blk_driver *driver, struct block_request *request)
{
    request->next = NULL;
    if (driver->last != NULL)
        driver->last->next = request;
    else
        driver->first = request;
    driver->last = request;
}

static void submit(struct block_device *device, struct block_request *request)
{
    struct virtio_blk_driver *driver = device->context;
    enum block_status status = suits(driver, request);
    if (status != BLOCK_OK) {
        request->complete(request, status);
        return;
    }
    request->progress = 0;
    if (driver->first == NULL && send(driver, request)) {
        notify(driver);
    } else {
        enqueue(driver, request);
        kick(driver);
    }
}

static void fail_all(struct virtio_blk_driver *driver)
{
    driver->broken = true;
    /* No DMA into memory that its users take back: the device is stopped first, and if it does not
     * obey it reaches no memory any more. */
    virtio_stop(&driver->transport);
    pci_stop_master(&driver->config);
    driver->under_way = 0;
    for (unsigned i = 0; i < VIRTIO_BLK_SLOTS; i++) {
        struct block_request *request = driver->slot[i].request;
        driver->slot[i].request = NULL;
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

static enum block_status status_of(uint8_t status)
{
    return status == STATUS_OK            ? BLOCK_OK
           : status == STATUS_UNSUPPORTED ? BLOCK_UNSUPPORTED
                                          : BLOCK_ERROR;
}

/* One completed request; false when there is none or the device lies. */
static bool take(struct virtio_blk_driver *driver)
{
    uint32_t slot;
    uint32_t written;
    int result = virtio_queue_take(&driver->queue, &slot, &written);
    if (result < 0)
        fail_all(driver);
    if (result != 1)
        return false;
    struct block_request *request = driver->slot[slot].request;
    /* The status byte is read once, from memory that the device can still write. */
    uint8_t status = *(volatile uint8_t *)&control_of(driver, slot)->status;
    driver->slot[slot].request = NULL;
    driver->slot[slot].next_free = driver->free_slot;
    driver->free_slot = (uint16_t)slot;
    driver->under_way--;
    if (request->operation == BLOCK_WRITE && request->force_unit_access && status == STATUS_OK &&
        driver->device.can_flush && !is_second_step(request)) {
        request->progress = 1;
        enqueue(driver, request);
        return true;
    }
    request->complete(request, status_of(status));
    return true;
}

bool virtio_blk_settle(struct virtio_blk_driver *driver)
{
    bool any = false;
    while (driver->under_way != 0 && !driver->broken) {
        while (driver->under_way != 0 && take(driver))
            any = true;
        if (driver->first != NULL && !driver->broken)
            kick(driver);
        if (driver->under_way == 0 || driver->broken)
            break;
        /* The device interrupts for what comes after this; so there is another look, or what came
         * just before would be waited for in vain (2.7.10). */
        virtio_queue_want_interrupt(&driver->queue);
        if (!virtio_queue_has_any(&driver->queue))
            break;
    }
    return any;
}

static void check_device(struct virtio_blk_driver *driver)
{
    if (!driver->broken && virtio_is_broken(&driver->transport))
        fail_all(driver);
}

void virtio_blk_interrupt(struct virtio_blk_driver *driver)
{
    /* Nothing is done: it may be about the device itself. */
    if (!virtio_blk_settle(driver))
        check_device(driver);
}

void virtio_blk_tick(struct virtio_blk_driver *driver)
{
    bool lost = false;
    for (unsigned i = 0; i < VIRTIO_BLK_SLOTS; i++)
        lost = lost || (driver->slot[i].request != NULL && ++driver->slot[i].age >= LIMIT);
    if (lost && !driver->broken)
        fail_all(driver);
    check_device(driver);
}

/* Asks for the serial number by polling, before there is anything else. */
static void read_serial(struct virtio_blk_driver *driver)
{
    struct control *control = control_of(driver, 0);
    const struct virtio_buffer serial = {
        control_address(driver, 0, offsetof(struct control, serial)), BLOCK_SERIAL_SIZE};
    const struct virtio_request request = {
        .header = {control_address(driver, 0, 0), CONTROL_HEADER},
        .data = &serial,
        .count = 1,
        .writeable = true,
        .status = {control_address(driver, 0, offsetof(struct control, status)), 1},
    };
    uint32_t cookie;
    uint32_t written;
    int result = 0;
    *control = (struct control){.type = TYPE_GET_ID, .status = STATUS_NONE};
    if (virtio_queue_add_request(&driver->queue, &request, 0) != VIRTIO_QUEUE_OK)
        return;
    if (virtio_queue_must_notify(&driver->queue))
        virtio_notify(&driver->transport, &driver->queue);
    for (unsigned i = 0; i < POLLS && result == 0; i++)
        result = virtio_queue_take(&driver->queue, &cookie, &written);
    if (result == 1 && control->status == STATUS_OK)
        memcpy(driver->device.serial, control->serial, BLOCK_SERIAL_SIZE);
    else if (result != 1)
        driver->broken = true; /* the request may still write: nothing further is started */
}

static void describe(struct virtio_blk_driver *driver)
{
    const struct virtio_transport *t = &driver->transport;
    uint32_t low = registers_read32(&t->device, CAPACITY);
    uint32_t high = registers_read32(&t->device, CAPACITY + 4);
    uint32_t block = BLOCK_SECTOR;
    uint32_t segments = (t->features & F_SEG_MAX) != 0 ? MOST : SEGMENTS;
    if ((t->features & F_BLK_SIZE) != 0)
        block = registers_read32(&t->device, BLOCK_SIZE);
    if ((t->features & F_SEG_MAX) != 0 && registers_read32(&t->device, SEG_MAX) < segments)
        segments = registers_read32(&t->device, SEG_MAX);
    driver->device = (struct block_device){
        .sectors = (uint64_t)high << 32 | low,
        .block_size = block,
        .read_only = (t->features & F_RO) != 0,
        .can_flush = (t->features & F_FLUSH) != 0,
        .can_discard = (t->features & F_DISCARD) != 0,
        .can_zero = (t->features & F_WRITE_ZEROES) != 0,
        .max_segments = segments == 0 ? 1 : segments,
        .max_sectors = 0x10000,
        /* Any memory, if only in so many pieces. */
        .lending = {.segments = segments == 0 ? 1 : segments, .alignment = 1, .boundary = 1},
        .submit = submit,
        .context = driver,
    };
}

static bool makes_sense(const struct block_device *device)
{
    uint32_t block = device->block_size;
    return block >= BLOCK_SECTOR && block <= 4096 && (block & (block - 1)) == 0 &&
           device->sectors != 0 && device->sectors <= UINT64_MAX / BLOCK_SECTOR &&
           device->sectors % (block / BLOCK_SECTOR) == 0;
}

static void limit_segments(struct block_device *device, uint16_t queue_size)
{
    uint32_t most = queue_size > 3 ? queue_size - 2u : 1;
    if (device->max_segments > most)
        device->max_segments = most;
    if (device->lending.segments > most)
        device->lending.segments = most;
}

int virtio_blk_start(struct virtio_blk_driver *driver, const struct registers *config,
                     const struct registers bar[PCI_BAR_COUNT], struct dma *dma, uint16_t vector)
{
    const uint64_t wanted = F_RO | F_BLK_SIZE | F_FLUSH | F_DISCARD | F_WRITE_ZEROES | F_SEG_MAX |
                            VIRTIO_FEATURE_INDIRECT | VIRTIO_FEATURE_EVENT | VIRTIO_FEATURE_PACKED;
    memset(driver, 0, sizeof(*driver));
    driver->dma = dma;
    driver->config = *config;
    pci_enable(config, true);
    int error = virtio_find(&driver->transport, config, bar);
    if (error == VIRTIO_OK)
        error = virtio_negotiate(&driver->transport, wanted, 0);
    if (error != VIRTIO_OK)
        return error;
    describe(driver);
    driver->control = dma_allocate(dma, VIRTIO_BLK_SLOTS * sizeof(struct control), 64);
    if (driver->control == NULL || !makes_sense(&driver->device))
        return VIRTIO_ERROR_NONE;
    driver->control_address = dma_address(dma, driver->control);
    error = virtio_start_queue(&driver->transport, dma, 0, QUEUE_SIZE, vector, &driver->queue);
    if (error != VIRTIO_OK)
        return error;
    /* 2.7.5.3.1: no request has more descriptors than the queue. */
    limit_segments(&driver->device, driver->queue.size);
    virtio_set_config_vector(&driver->transport, vector);
    virtio_ready(&driver->transport);
    read_serial(driver);
    if (driver->broken) {
        virtio_stop(&driver->transport);
        return VIRTIO_ERROR_QUEUE;
    }
    driver->free_slot = NO_SLOT;
    for (unsigned i = VIRTIO_BLK_SLOTS; i > 0; i--) {
        driver->slot[i - 1].next_free = driver->free_slot;
        driver->free_slot = (uint16_t)(i - 1);
    }
    return VIRTIO_OK;
}
