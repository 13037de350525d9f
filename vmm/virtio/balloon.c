/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/virtio/balloon.h"

#include <string.h>

#define DEVICE_ID 5

/* The driver uses no page before the device has said that it is its again; and it takes none on its
 * own account when it is short of memory: how much it has is its user's to say. */
#define F_MUST_TELL_HOST (1ull << 0)
#define F_STATS_VQ       (1ull << 1)

enum { QUEUE_INFLATE, QUEUE_DEFLATE, QUEUE_STATS, QUEUE_COUNT };

#define CONFIG_ACTUAL 4u
#define NUMBERS       64u /* page numbers copied at once */

struct stat {
    uint16_t tag;
    uint8_t value[8];
};

_Static_assert(sizeof(struct stat) == 10, "virtio 1.2, 5.5.6.3");

/* A page is taken or given back once, whatever the driver says twice. false: it is to be given
 * back, and cannot be had. */
static bool move(struct virtio_balloon *balloon, uint32_t number, bool take)
{
    uint64_t address = (uint64_t)number * VIRTIO_BALLOON_PAGE;
    uint8_t bit = (uint8_t)(1u << (number & 7));
    if (number / 8 >= balloon->map_bytes ||
        memory_at(balloon->device.memory, gpa(address), VIRTIO_BALLOON_PAGE) == NULL)
        return true; /* no such page: nothing to give */
    uint8_t *byte = &balloon->map[number / 8];
    if (((*byte & bit) != 0) == take)
        return true;
    if (!balloon->page(balloon->context, gpa(address), take) && !take)
        return false;
    *byte ^= bit;
    balloon->taken += take ? 1 : UINT64_MAX;
    return true;
}

/* All pages of a request; false: one cannot be had. */
static bool move_request(struct virtio_balloon *balloon, bool take)
{
    const struct virtqueue_chain *chain = &balloon->chain;
    uint32_t numbers[NUMBERS];
    uint64_t offset = 0;
    uint32_t length;
    while ((length = virtqueue_gather(chain->segment, chain->readable, offset, numbers,
                                      sizeof(numbers))) != 0) {
        for (uint32_t i = 0; i < length / 4; i++) {
            if (!move(balloon, numbers[i], take))
                return false;
        }
        offset += length;
    }
    return true;
}

static int move_pages(struct virtio_balloon *balloon, unsigned index, bool *any)
{
    struct virtqueue *queue = &balloon->device.queue[index];
    struct virtqueue_chain *chain = &balloon->chain;
    int result;
    while ((result = virtqueue_pop(queue, chain)) == 1) {
        if (chain->readable_length % 4 != 0)
            return VIRTQUEUE_ERROR_CHAIN;
        if (!move_request(balloon, index == QUEUE_INFLATE)) {
            /* The driver waits until virtio_balloon_retry. */
            virtqueue_unpop(queue, chain->token);
            *any = false;
            return 0;
        }
        *any = true;
        virtqueue_push(queue, chain->token, 0);
    }
    return result;
}

/* The driver's buffer is kept until new statistics are wanted (5.5.6.3). */
static int take_stats(struct virtio_balloon *balloon, bool *any)
{
    struct virtqueue *queue = &balloon->device.queue[QUEUE_STATS];
    struct virtqueue_chain *chain = &balloon->chain;
    int result;
    while ((result = virtqueue_pop(queue, chain)) == 1) {
        struct stat stat;
        *any = true;
        for (uint64_t offset = 0; virtqueue_gather(chain->segment, chain->readable, offset, &stat,
                                                   sizeof(stat)) == sizeof(stat);
             offset += sizeof(stat)) {
            if (stat.tag < VIRTIO_BALLOON_STATS)
                memcpy(&balloon->stats[stat.tag], stat.value, sizeof(stat.value));
        }
        if (balloon->stats_held)
            virtqueue_push(queue, balloon->stats_token, 0);
        balloon->stats_held = true;
        balloon->stats_token = chain->token;
    }
    return result;
}

void virtio_balloon_ask_stats(struct virtio_balloon *balloon)
{
    if (!balloon->stats_held || !virtio_running(&balloon->device))
        return;
    balloon->stats_held = false;
    virtqueue_push(&balloon->device.queue[QUEUE_STATS], balloon->stats_token, 0);
    virtio_interrupt(&balloon->device, QUEUE_STATS);
}

void virtio_balloon_set_target(struct virtio_balloon *balloon, uint32_t pages)
{
    if (balloon->config.pages == pages)
        return;
    balloon->config.pages = pages;
    virtio_config_changed(&balloon->device);
}

static int notify(struct virtio_device *device, unsigned index)
{
    struct virtio_balloon *balloon = device->model->context;
    int result;
    bool any;
    do {
        /* What comes after this is notified; so after each round with anything in it there is
         * another one, or another vCPU's request would wait in vain (2.7.10). */
        virtqueue_enable_notification(&device->queue[index]);
        any = false;
        result =
            index == QUEUE_STATS ? take_stats(balloon, &any) : move_pages(balloon, index, &any);
    } while (any && result == 0);
    virtio_interrupt(device, index);
    return result;
}

static void config_written(struct virtio_device *device, uint32_t offset, unsigned size,
                           uint64_t value)
{
    struct virtio_balloon *balloon = device->model->context;
    if (offset == CONFIG_ACTUAL && size == 4)
        balloon->config.actual = (uint32_t)value;
}

void virtio_balloon_retry(struct virtio_balloon *balloon)
{
    if (virtio_running(&balloon->device) && balloon->device.queue[QUEUE_DEFLATE].enabled &&
        notify(&balloon->device, QUEUE_DEFLATE) < 0)
        virtio_break(&balloon->device);
}

/* A new driver has all of the memory that can be had. */
static void reset(struct virtio_device *device)
{
    struct virtio_balloon *balloon = device->model->context;
    for (uint64_t i = 0; i < balloon->map_bytes && balloon->taken != 0; i++) {
        for (unsigned bit = 0; balloon->map[i] != 0 && bit < 8; bit++)
            (void)move(balloon, (uint32_t)(i * 8 + bit), false);
    }
    balloon->config.actual = 0;
    balloon->stats_held = false;
    for (unsigned i = 0; i < VIRTIO_BALLOON_STATS; i++)
        balloon->stats[i] = UINT64_MAX;
}

void virtio_balloon_initialize(struct virtio_balloon *balloon, unsigned slot,
                               const struct memory *memory, struct apic_bus *apics, struct irq *irq,
                               uint8_t *map, uint64_t map_bytes,
                               bool (*page)(void *, struct gpa, bool), void *context)
{
    memset(balloon, 0, sizeof(*balloon));
    balloon->map = map;
    balloon->map_bytes = map_bytes;
    balloon->page = page;
    balloon->context = context;
    balloon->model = (struct virtio_model){
        .id = DEVICE_ID,
        .class_code = 0x00ff00, /* in no other class */
        .features = F_MUST_TELL_HOST | F_STATS_VQ,
        .queues = QUEUE_COUNT,
        .config = (const uint8_t *)&balloon->config,
        .config_size = sizeof(balloon->config),
        .notify = notify,
        .reset = reset,
        .config_written = config_written,
        .context = balloon,
    };
    virtio_initialize(&balloon->device, &balloon->model, slot, memory, apics, irq);
}
