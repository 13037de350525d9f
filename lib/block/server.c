/* SPDX-License-Identifier: BSD-2-Clause */
#include <block/server.h>
#include <string.h>

#include "message.h"

static void answer(struct block_server *server, uint64_t id, enum block_status status)
{
    union block_any_message message;
    message.response.id = id;
    message.word[1] = (uint32_t)status;
    /* A client that does not take its answers cannot make the server wait. */
    if (!message_write(&server->responses, &message, RESPONSE_WORDS))
        block_server_close(server);
    else if (ring_must_wake(&server->responses))
        server->wake(server->context);
}

static void free_slot(struct block_server_slot *slot)
{
    struct block_server *server = slot->server;
    if (slot->list != NULL) {
        slot->list->next_free = server->free_list;
        server->free_list = slot->list;
        slot->list = NULL;
    }
    slot->next_free = server->free;
    server->free = slot;
}

static void completed(struct block_request *request, enum block_status status)
{
    struct block_server_slot *slot = request->owner;
    struct block_server *server = slot->server;
    bool current = server->open && slot->generation == server->generation;
    free_slot(slot);
    server->under_way--;
    if (!current)
        return;
    answer(server, slot->id, status);
    if (server->starved)
        block_server_poll(server);
}

/* What a list of segments comes to. */
struct list_sum {
    uint64_t bytes;
    uint64_t edges;   /* bits of where the first begins and the last ends */
    uint64_t borders; /* and of where one ends and the next begins */
};

/*
 * Copies `count` segments (1 at least) out of a list, each word of it once, with places that are
 * checked to be the client's turned into addresses. A function of its own, and all that its loop
 * uses in variables of its own: it is most of a large request's way here, and wants the registers.
 */
static __attribute__((noinline)) bool translate(const struct block_lent *lent,
                                                const volatile struct block_place *list,
                                                unsigned count, struct block_segment *to,
                                                struct list_sum *sum)
{
    const struct block_segment *end = to + count;
    struct block_run run = {0}; /* that the last of them lay in */
    uint64_t bytes = 0;
    uint64_t borders = 0;
    uint64_t place = list->place;
    uint64_t first = place;
    for (;;) {
        uint64_t length = list->length;
        uint64_t offset = place - run.place;
        if (length - 1 >= UINT32_MAX)
            return false;
        if (offset >= run.size || length > run.size - offset) {
            const struct block_run *found = block_lent_find(lent, place, length);
            if (found == NULL)
                return false;
            run = *found;
            offset = place - run.place;
        }
        to->address = run.address + offset;
        to->length = (uint32_t)length;
        bytes += length;
        place += length;
        if (++to == end)
            break;
        borders |= place;
        list++;
        place = list->place;
        borders |= place;
    }
    *sum = (struct list_sum){.bytes = bytes, .edges = first | place, .borders = borders};
    return true;
}

/* The same of a list of one segment, as most small requests have it. */
static bool translate_one(const struct block_lent *lent, const volatile struct block_place *list,
                          struct block_segment *to, struct list_sum *sum)
{
    uint64_t place = list->place;
    uint64_t length = list->length;
    if (length - 1 >= UINT32_MAX)
        return false;
    const struct block_run *run = block_lent_find(lent, place, length);
    if (run == NULL)
        return false;
    to->address = run->address + (place - run->place);
    to->length = (uint32_t)length;
    *sum = (struct list_sum){.bytes = length, .edges = place | (place + length)};
    return true;
}

/* The data of a request that is in lent memory. */
static bool decode_list(const struct block_server *server, const struct block_message *message,
                        struct block_server_slot *slot)
{
    const struct block_lending *lending = &server->view.lending;
    struct list_sum sum;
    if (message->segments > lending->segments || message->list >= BLOCK_LISTS ||
        message->offset != 0)
        return false;
    const volatile struct block_place *list =
        (const volatile struct block_place *)(void *)(server->region + BLOCK_AT_LISTS +
                                                      message->list * BLOCK_LIST_BYTES);
    struct block_segment *to = message->segments > 1 ? slot->list->segment : &slot->segment;
    if (message->segments > 1 ? !translate(server->offer.lent, list, message->segments, to, &sum)
                              : !translate_one(server->offer.lent, list, to, &sum))
        return false;
    /* Runs are whole pages: what is true of places is true of addresses. */
    if (((sum.edges | sum.borders) & (lending->alignment - 1)) != 0 ||
        (sum.borders & (lending->boundary - 1)) != 0 ||
        message->count != sum.bytes / BLOCK_SECTOR || sum.bytes % BLOCK_SECTOR != 0)
        return false;
    slot->request.segment = to;
    slot->request.segments = message->segments;
    slot->request.lent = true;
    return true;
}

/* Fills the slot's request with what the message asks for, as sectors of the client. What is the
 * same in all of them stands there since block_server_initialize. */
static bool decode(const struct block_server *server, const struct block_message *message,
                   struct block_server_slot *slot)
{
    bool data = message->operation == BLOCK_READ || message->operation == BLOCK_WRITE;
    bool force = message->flags == BLOCK_MESSAGE_FORCE;
    if (message->operation >= BLOCK_OPERATION_COUNT || message->flags > BLOCK_MESSAGE_FORCE ||
        (force && message->operation != BLOCK_WRITE))
        return false;
    if ((message->zero0 | message->zero[0] | message->zero[1] | message->zero[2]) != 0)
        return false;
    slot->request.operation = (enum block_operation)message->operation;
    slot->request.force_unit_access = force;
    slot->request.sector = message->sector;
    slot->request.count = message->count;
    slot->request.segments = 0;
    slot->request.lent = false;
    slot->request.cancelled = false;
    if (data && message->segments != 0)
        return decode_list(server, message, slot);
    if (message->segments != 0 || message->list != 0)
        return false;
    if (!data)
        return message->offset == 0;
    uint64_t bytes = message->count * BLOCK_SECTOR;
    if (message->count == 0 || message->count > server->view.max_sectors ||
        message->offset % BLOCK_SECTOR != 0 || message->offset > server->data_size ||
        bytes > server->data_size - message->offset)
        return false;
    slot->segment = (struct block_segment){{server->data + message->offset}, (uint32_t)bytes};
    slot->request.segment = &slot->segment;
    slot->request.segments = 1;
    return true;
}

static void start(struct block_server *server, const struct block_message *message)
{
    struct block_server_slot *slot = server->free;
    enum block_status status = BLOCK_INVALID;
    server->free = slot->next_free;
    if (message->segments > 1) {
        slot->list = server->free_list;
        server->free_list = slot->list->next_free;
    }
    if (decode(server, message, slot))
        status = block_check_range(&server->view, &slot->request);
    if (status != BLOCK_OK) {
        server->refused++;
        free_slot(slot);
        answer(server, message->id, status);
        return;
    }
    server->under_way++;
    if (slot->request.lent)
        server->lent++;
    else if (slot->request.segments != 0)
        server->shared++;
    slot->id = message->id;
    slot->generation = server->generation;
    slot->request.sector += server->offer.first;
    /* What suits the view suits the device, of which it is a part. */
    if (slot->request.operation == BLOCK_FLUSH && !server->view.can_flush)
        slot->request.complete(&slot->request, BLOCK_OK);
    else
        server->offer.device->submit(server->offer.device, &slot->request);
}

/* Is there what any request may need? */
static bool has_room(const struct block_server *server)
{
    return server->free != NULL && server->free_list != NULL;
}

void block_server_poll(struct block_server *server)
{
    union block_any_message message;
    int result = 0;
    /* A request that completes at once comes back here from inside. */
    if (server->polling || !server->open)
        return;
    server->polling = true;
    server->starved = false;
    do {
        while (server->open && has_room(server) &&
               (result = message_read(&server->requests, &message, MESSAGE_WORDS)) == 1)
            start(server, &message.request);
        if (result < 0)
            block_server_close(server);
    } while (server->open && has_room(server) && !ring_prepare_sleep(&server->requests));
    server->starved = !has_room(server);
    server->polling = false;
}

void block_server_close(struct block_server *server)
{
    server->open = false;
    for (unsigned i = 0; i < BLOCK_SERVER_SLOTS; i++)
        server->slot[i].request.cancelled = true;
}

bool block_server_idle(const struct block_server *server)
{
    return server->under_way == 0;
}

void block_server_initialize(struct block_server *server, void (*wake)(void *), void *context)
{
    memset(server, 0, sizeof(*server));
    server->wake = wake;
    server->context = context;
    for (unsigned i = 0; i < BLOCK_SERVER_SLOTS; i++) {
        server->slot[i].server = server;
        server->slot[i].request.complete = completed;
        server->slot[i].request.owner = &server->slot[i];
        server->slot[i].next_free = server->free;
        server->free = &server->slot[i];
    }
    for (unsigned i = 0; i < BLOCK_SERVER_LISTS; i++) {
        server->list[i].next_free = server->free_list;
        server->free_list = &server->list[i];
    }
}

static void write_lending(const struct block_server *server)
{
    const struct block_lending *lending = &server->view.lending;
    volatile struct block_info *info = server->info;
    info->lent_segments = lending->segments;
    info->lent_alignment = lending->alignment;
    info->lent_boundary = lending->boundary;
    info->lent_runs = lending->segments == 0 ? 0 : server->offer.lent->count;
    for (unsigned i = 0; lending->segments != 0 && i < server->offer.lent->count; i++) {
        info->run[i].place = server->offer.lent->run[i].place;
        info->run[i].size = server->offer.lent->run[i].size;
    }
}

static void write_info(struct block_server *server)
{
    const struct block_device *view = &server->view;
    volatile struct block_info *info = server->info;
    info->block_size = view->block_size;
    info->sectors = view->sectors;
    info->flags =
        (view->read_only ? BLOCK_INFO_READ_ONLY : 0u) | (view->can_flush ? BLOCK_INFO_FLUSH : 0u) |
        (view->can_discard ? BLOCK_INFO_DISCARD : 0u) | (view->can_zero ? BLOCK_INFO_ZERO : 0u);
    info->max_sectors = view->max_sectors;
    for (unsigned i = 0; i < BLOCK_SERIAL_SIZE; i++)
        info->serial[i] = view->serial[i];
    write_lending(server);
    atomic_thread_fence(memory_order_release);
    info->ready = BLOCK_PROTOCOL_VERSION;
}

void block_server_refuse(uint8_t *region)
{
    volatile struct block_info *info = (volatile struct block_info *)(void *)region;
    info->ready = BLOCK_PROTOCOL_ABSENT;
}

bool block_server_open(struct block_server *server, const struct block_offer *offer,
                       uint8_t *region, uint64_t size)
{
    struct block_device *device = offer->device;
    uint32_t unit = device->block_size / BLOCK_SECTOR;
    if (size < BLOCK_REGION_LEAST || offer->sectors == 0 || offer->first > device->sectors ||
        offer->sectors > device->sectors - offer->first || offer->first % unit != 0 ||
        offer->sectors % unit != 0 || server->under_way != 0)
        return false;
    server->offer = *offer;
    server->view = *device;
    server->view.sectors = offer->sectors;
    server->view.read_only = device->read_only || offer->read_only;
    server->view.max_segments = 1;
    if (offer->lent == NULL || offer->lent->count == 0)
        server->view.lending = (struct block_lending){0};
    else if (server->view.lending.segments > BLOCK_SEGMENTS_MAX)
        server->view.lending.segments = BLOCK_SEGMENTS_MAX;
    server->region = region;
    server->info = (volatile struct block_info *)(void *)(region + BLOCK_AT_INFO);
    server->data = region + BLOCK_AT_DATA;
    server->data_size = size - BLOCK_AT_DATA;
    uint64_t most = server->data_size / BLOCK_SECTOR;
    if (server->view.max_sectors > most)
        server->view.max_sectors = (uint32_t)most & ~7u;
    if (ring_attach(&server->requests, region + BLOCK_AT_REQUESTS, BLOCK_RING_BYTES, false) !=
            RING_OK ||
        ring_attach(&server->responses, region + BLOCK_AT_RESPONSES, BLOCK_RING_BYTES, true) !=
            RING_OK)
        return false;
    server->generation++;
    server->lent = 0;
    server->shared = 0;
    server->open = true;
    write_info(server);
    block_server_poll(server);
    return true;
}
