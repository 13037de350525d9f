/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Of a request `parts` says whether its memory is lent: 1, or 0 for the data area.
 */
#include <block/client.h>
#include <string.h>

#include "message.h"

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static bool lending_makes_sense(const struct block_info *info)
{
    return info->lent_segments == 0 ||
           (info->lent_segments <= BLOCK_SEGMENTS_MAX && info->lent_runs <= BLOCK_RUNS_MAX &&
            is_power_of_two(info->lent_alignment) && info->lent_alignment <= 4096 &&
            is_power_of_two(info->lent_boundary) && info->lent_boundary <= 4096);
}

/* Copied out of the region once; false when it cannot be. */
static bool read_info(const struct block_client *client, struct block_info *info)
{
    *info = (struct block_info){
        .lent_runs = client->info->lent_runs,
        .lent_segments = client->info->lent_segments,
        .lent_alignment = client->info->lent_alignment,
        .lent_boundary = client->info->lent_boundary,
        .block_size = client->info->block_size,
        .sectors = client->info->sectors,
        .flags = client->info->flags,
        .max_sectors = client->info->max_sectors,
    };
    for (unsigned i = 0; i < BLOCK_SERIAL_SIZE; i++)
        info->serial[i] = client->info->serial[i];
    if (!lending_makes_sense(info))
        return false;
    for (unsigned i = 0; info->lent_segments != 0 && i < info->lent_runs; i++) {
        info->run[i].place = client->info->run[i].place;
        info->run[i].size = client->info->run[i].size;
    }
    uint32_t block = info->block_size;
    uint32_t unit = block / BLOCK_SECTOR;
    return block >= BLOCK_SECTOR && block <= 4096 && (block & (block - 1)) == 0 &&
           info->sectors != 0 && info->sectors <= UINT64_MAX / BLOCK_SECTOR &&
           info->sectors % unit == 0 && info->max_sectors >= 8 && info->max_sectors % unit == 0;
}

static bool is_shared(const struct block_client *client, const struct block_segment *segment)
{
    uint64_t at = (uintptr_t)segment->data - (uintptr_t)client->data;
    return at < client->data_size && segment->length <= client->data_size - at;
}

/* What this memory is part of; a size of 0: nothing that may be lent. */
static struct block_lendable find_lendable(const struct block_client *client, uintptr_t memory)
{
    for (unsigned i = 0; i < client->own_count; i++) {
        const struct block_own *own = &client->own[i];
        uint64_t at = memory - (uintptr_t)own->memory;
        for (unsigned r = 0; at < own->size && r < client->run_count; r++) {
            const struct block_info_run *run = &client->run[r];
            uint64_t offset = own->place + at - run->place;
            uint64_t first = offset < at ? offset : at; /* of the run, before this memory */
            uint64_t behind =
                run->size - offset < own->size - at ? run->size - offset : own->size - at;
            if (offset < run->size)
                return (struct block_lendable){memory - first, first + behind,
                                               own->place + at - first};
        }
    }
    return (struct block_lendable){0};
}

static volatile struct block_place *list_of(const struct block_client *client, unsigned slot)
{
    return (volatile struct block_place *)(void *)(client->region + BLOCK_AT_LISTS +
                                                   slot * BLOCK_LIST_BYTES);
}

/*
 * Writes the list of a request's segments for the service, unless `list` is NULL; false when it
 * takes them not as they are (there is one at least). The service's own look at it decides: this
 * one only spares refused requests. All that the loop uses is in variables of its own: it is most
 * of a large request's way here, and wants the registers.
 */
static __attribute__((noinline)) bool list_segments(struct block_client *client,
                                                    const struct block_segment *segment,
                                                    unsigned count,
                                                    volatile struct block_place *list)
{
    const struct block_segment *end = segment + count;
    struct block_lendable range = client->recent;
    uint64_t at = (uintptr_t)segment->data - range.memory;
    if (at >= range.size) {
        range = find_lendable(client, (uintptr_t)segment->data);
        at = (uintptr_t)segment->data - range.memory;
        if (at >= range.size)
            return false;
        client->recent = range;
    }
    uint64_t first = range.place + at;
    uint64_t place = first;
    uint64_t borders = 0; /* bits of where one ends and the next begins */
    volatile struct block_place nowhere;
    unsigned step = list != NULL;
    if (list == NULL)
        list = &nowhere;
    for (;;) {
        uint64_t length = segment->length;
        if (length > range.size - at)
            return false;
        list->place = place;
        list->length = length;
        list += step;
        place += length;
        if (++segment == end)
            break;
        borders |= place;
        at = (uintptr_t)segment->data - range.memory;
        if (at >= range.size) {
            range = find_lendable(client, (uintptr_t)segment->data);
            at = (uintptr_t)segment->data - range.memory;
            if (at >= range.size)
                return false;
        }
        place = range.place + at;
        borders |= place;
    }
    return (((first | place | borders) & (client->lending.alignment - 1)) |
            (borders & (client->lending.boundary - 1))) == 0;
}

#define AT_LIST (offsetof(struct block_message, list) / sizeof(uint64_t))

static void send(struct block_client *client, unsigned slot)
{
    const struct block_request *request = client->slot[slot];
    bool lent = request->parts != 0;
    bool in_area = !lent && request->segments != 0;
    union block_any_message message;
    /* Each field by itself: a compiler clears all of a message before it fills in the rest. */
    message.request.id = (uint64_t)client->generation[slot] << 32 | slot;
    message.request.operation = (uint8_t)request->operation;
    message.request.flags = request->force_unit_access ? BLOCK_MESSAGE_FORCE : 0;
    message.request.segments = lent ? (uint16_t)request->segments : 0;
    message.request.offset = in_area ? (uint32_t)(request->segment[0].data - client->data) : 0;
    message.request.sector = request->sector;
    message.request.count = request->count;
    for (unsigned i = AT_LIST; i < MESSAGE_WORDS; i++)
        message.word[i] = 0;
    message.request.list = lent ? slot : 0;
    /* The ring holds as many messages as there are slots: it has room unless it is broken. */
    if (!message_write(&client->requests, &message, MESSAGE_WORDS))
        client->broken = true;
}

static bool usable(const struct block_client *client)
{
    return client->usable == NULL || client->usable(client->context);
}

/*
 * Wakes the service if it sleeps. It may run before this thread goes on, and its device answer at
 * once: meanwhile no answer need be told of, as answers are looked for afterwards.
 */
static void wake(struct block_client *client)
{
    if (!ring_must_wake(&client->requests))
        return;
    ring_stay_awake(&client->responses);
    client->wake(client->context);
    if (ring_held(&client->responses) != 0 || !ring_prepare_sleep(&client->responses))
        block_client_poll(client);
}

/* Sends a request of which the list, if it has one, is written. */
static void put(struct block_client *client, struct block_request *request, unsigned slot)
{
    client->slot[slot] = request;
    client->generation[slot]++;
    send(client, slot);
}

/* Sends what waits for a slot, as far as there are any. */
static void send_more(struct block_client *client)
{
    bool any = false;
    for (unsigned i = 0; client->first != NULL && i < BLOCK_CLIENT_SLOTS; i++) {
        if (client->slot[i] != NULL)
            continue;
        struct block_request *request = client->first;
        client->first = request->next;
        if (client->first == NULL)
            client->last = NULL;
        if (request->parts != 0)
            (void)list_segments(client, request->segment, request->segments, list_of(client, i));
        put(client, request, i);
        any = true;
    }
    /* A service that has done all and sleeps is not woken for nothing. */
    if (any)
        wake(client);
}

void block_client_fail(struct block_client *client)
{
    client->broken = true;
    for (unsigned i = 0; i < BLOCK_CLIENT_SLOTS; i++) {
        struct block_request *request = client->slot[i];
        client->slot[i] = NULL;
        if (request != NULL)
            request->complete(request, BLOCK_ERROR);
    }
    while (client->first != NULL) {
        struct block_request *request = client->first;
        client->first = request->next;
        request->complete(request, BLOCK_ERROR);
    }
    client->last = NULL;
}

/* Takes a request for which `parts` is set. */
static void start(struct block_client *client, struct block_request *request)
{
    if (client->broken) {
        request->complete(request, BLOCK_ERROR);
        return;
    }
    request->next = NULL;
    if (client->last != NULL)
        client->last->next = request;
    else
        client->first = request;
    client->last = request;
    if (!usable(client))
        return;
    send_more(client);
    if (client->broken)
        block_client_fail(client);
}

static void submit(struct block_device *device, struct block_request *request)
{
    struct block_client *client = device->context;
    for (unsigned i = 0; i < request->segments; i++) {
        if (!is_shared(client, &request->segment[i])) {
            request->complete(request, BLOCK_INVALID);
            return;
        }
    }
    request->parts = 0;
    start(client, request);
}

/* May a request of these many segments and sectors go as it is, if its segments suit? */
static bool may_be_lent(const struct block_client *client, const struct block_request *request)
{
    return request->lasting && request->segments <= client->lending.segments &&
           request->count <= client->device.max_sectors;
}

/* A slot for a request that need not wait; BLOCK_CLIENT_SLOTS: there is none. */
static unsigned slot_at_once(const struct block_client *client)
{
    unsigned slot = 0;
    if (client->first != NULL || client->broken || !usable(client))
        return BLOCK_CLIENT_SLOTS;
    while (slot < BLOCK_CLIENT_SLOTS && client->slot[slot] != NULL)
        slot++;
    return slot;
}

static void submit_front(struct block_device *device, struct block_request *request)
{
    struct block_client *client = device->context;
    if (request->segments == 0) {
        request->parts = 0;
        start(client, request);
        return;
    }
    unsigned slot = slot_at_once(client);
    bool waits = slot == BLOCK_CLIENT_SLOTS;
    /* The list of a request that waits is written when its turn comes. */
    if (!may_be_lent(client, request) || !list_segments(client, request->segment, request->segments,
                                                        waits ? NULL : list_of(client, slot))) {
        /* What is only too long goes in pieces, which come back here. */
        if (request->lasting && cut_suits(&client->cut, request))
            cut_submit(&client->cut, request);
        else
            block_submit(&client->bounce->device, request);
        return;
    }
    request->parts = 1;
    request->held = true;
    if (waits) {
        start(client, request);
        return;
    }
    put(client, request, slot);
    wake(client);
    if (client->broken)
        block_client_fail(client);
}

/* An answer that names no request under way breaks the connection: it cannot be told from others.
 */
static bool take(struct block_client *client, const struct block_response *response)
{
    uint32_t slot = (uint32_t)response->id;
    if (slot >= BLOCK_CLIENT_SLOTS || client->slot[slot] == NULL ||
        client->generation[slot] != (uint32_t)(response->id >> 32))
        return false;
    struct block_request *request = client->slot[slot];
    enum block_status status = response->status <= BLOCK_OK && response->status >= BLOCK_READ_ONLY
                                   ? (enum block_status)response->status
                                   : BLOCK_ERROR;
    client->slot[slot] = NULL;
    request->complete(request, status);
    return true;
}

void block_client_poll(struct block_client *client)
{
    union block_any_message message;
    int result = 0;
    /* A request whose answer has led to another one comes back here from inside. */
    if (client->polling || !usable(client))
        return;
    client->polling = true;
    do {
        while (!client->broken &&
               (result = message_read(&client->responses, &message, RESPONSE_WORDS)) == 1) {
            if (!take(client, &message.response))
                client->broken = true;
        }
        if (client->broken || result < 0) {
            block_client_fail(client);
            break;
        }
        if (client->first != NULL)
            send_more(client);
    } while (!ring_prepare_sleep(&client->responses));
    client->polling = false;
}

static void describe(struct block_client *client, const struct block_info *info)
{
    client->device = (struct block_device){
        .sectors = info->sectors,
        .block_size = info->block_size,
        .read_only = (info->flags & BLOCK_INFO_READ_ONLY) != 0,
        .can_flush = (info->flags & BLOCK_INFO_FLUSH) != 0,
        .can_discard = (info->flags & BLOCK_INFO_DISCARD) != 0,
        .can_zero = (info->flags & BLOCK_INFO_ZERO) != 0,
        .max_segments = 1,
        .max_sectors = info->max_sectors,
        .submit = submit,
        .context = client,
    };
    memcpy(client->device.serial, info->serial, BLOCK_SERIAL_SIZE);
    client->lending = (struct block_lending){
        .segments = info->lent_segments,
        .alignment = info->lent_alignment,
        .boundary = info->lent_boundary,
    };
    client->run_count = info->lent_segments == 0 ? 0 : info->lent_runs;
    memcpy(client->run, info->run, sizeof(client->run));
}

/* Does the service take the same lent memory as before? */
static bool lends_as_before(const struct block_client *client, const struct block_info *info)
{
    const struct block_lending *lending = &client->lending;
    if (lending->segments != info->lent_segments)
        return false;
    return lending->segments == 0 ||
           (lending->alignment == info->lent_alignment &&
            lending->boundary == info->lent_boundary && client->run_count == info->lent_runs &&
            memcmp(client->run, info->run, sizeof(client->run)) == 0);
}

void block_client_lend(struct block_client *client, struct bounce *bounce,
                       const struct block_own *own, unsigned count)
{
    client->bounce = bounce;
    client->own_count = count < BLOCK_CLIENT_OWN ? count : BLOCK_CLIENT_OWN;
    memcpy(client->own, own, client->own_count * sizeof(*own));
    client->recent = (struct block_lendable){0};
    client->front = bounce->device;
    client->front.submit = submit_front;
    client->front.context = client;
    cut_initialize(&client->cut, &client->front, client->lending.segments,
                   client->device.max_sectors);
}

static int attach_rings(struct block_client *client)
{
    uint32_t ready = client->info->ready;
    if (ready != BLOCK_PROTOCOL_VERSION)
        return ready == BLOCK_PROTOCOL_ABSENT ? BLOCK_CLIENT_ABSENT : BLOCK_CLIENT_NOT_READY;
    atomic_thread_fence(memory_order_acquire);
    ring_attach(&client->requests, client->region + BLOCK_AT_REQUESTS, BLOCK_RING_BYTES, true);
    ring_attach(&client->responses, client->region + BLOCK_AT_RESPONSES, BLOCK_RING_BYTES, false);
    return BLOCK_CLIENT_OK;
}

int block_client_attach(struct block_client *client, uint8_t *region, uint64_t size,
                        void (*wake_service)(void *), void *context)
{
    struct block_info info;
    memset(client, 0, sizeof(*client));
    client->info = (volatile struct block_info *)(void *)(region + BLOCK_AT_INFO);
    client->region = region;
    client->size = size;
    client->wake = wake_service;
    client->context = context;
    if (size < BLOCK_REGION_LEAST)
        return BLOCK_CLIENT_NONSENSE;
    client->data = region + BLOCK_AT_DATA;
    client->data_size = size - BLOCK_AT_DATA;
    if (client->data_size > UINT32_MAX)
        client->data_size = UINT32_MAX;
    int error = attach_rings(client);
    if (error != BLOCK_CLIENT_OK)
        return error;
    if (!read_info(client, &info))
        return BLOCK_CLIENT_NONSENSE;
    describe(client, &info);
    block_client_poll(client);
    return BLOCK_CLIENT_OK;
}

int block_client_resume(struct block_client *client)
{
    struct block_info info;
    int error = attach_rings(client);
    if (error != BLOCK_CLIENT_OK)
        return error;
    if (!read_info(client, &info) || info.sectors != client->device.sectors ||
        info.block_size != client->device.block_size || !lends_as_before(client, &info))
        return BLOCK_CLIENT_NONSENSE;
    client->broken = false;
    for (unsigned i = 0; i < BLOCK_CLIENT_SLOTS; i++) {
        if (client->slot[i] == NULL)
            continue;
        if (client->slot[i]->parts != 0)
            (void)list_segments(client, client->slot[i]->segment, client->slot[i]->segments,
                                list_of(client, i));
        put(client, client->slot[i], i);
    }
    block_client_poll(client);
    wake(client);
    return BLOCK_CLIENT_OK;
}
