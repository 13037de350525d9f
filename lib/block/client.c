/* SPDX-License-Identifier: BSD-2-Clause */
#include <block/client.h>
#include <string.h>

/* Copied out of the region once; false when it cannot be. */
static bool read_info(const struct block_client *client, struct block_info *info)
{
    *info = (struct block_info){
        .block_size = client->info->block_size,
        .sectors = client->info->sectors,
        .flags = client->info->flags,
        .max_sectors = client->info->max_sectors,
    };
    for (unsigned i = 0; i < BLOCK_SERIAL_SIZE; i++)
        info->serial[i] = client->info->serial[i];
    uint32_t block = info->block_size;
    uint32_t unit = block / BLOCK_SECTOR;
    return block >= BLOCK_SECTOR && block <= 4096 && (block & (block - 1)) == 0 &&
           info->sectors != 0 && info->sectors <= UINT64_MAX / BLOCK_SECTOR &&
           info->sectors % unit == 0 && info->max_sectors >= 8 && info->max_sectors % unit == 0;
}

static void send(struct block_client *client, unsigned slot)
{
    const struct block_request *request = client->slot[slot];
    struct block_message message = {
        .id = (uint64_t)client->generation[slot] << 32 | slot,
        .operation = (uint8_t)request->operation,
        .flags = request->force_unit_access ? BLOCK_MESSAGE_FORCE : 0,
        .sector = request->sector,
        .count = request->count,
    };
    if (request->segments != 0)
        message.offset = (uint32_t)(request->segment[0].data - client->data);
    /* The ring holds as many messages as there are slots: it has room unless it is broken. */
    if (ring_write(&client->requests, (const uint8_t *)&message, sizeof(message)) !=
        (int64_t)sizeof(message))
        client->broken = true;
}

static bool usable(const struct block_client *client)
{
    return client->usable == NULL || client->usable(client->context);
}

static void wake(struct block_client *client)
{
    if (ring_must_wake(&client->requests))
        client->wake(client->context);
}

static void send_more(struct block_client *client)
{
    for (unsigned i = 0; client->first != NULL && i < BLOCK_CLIENT_SLOTS; i++) {
        if (client->slot[i] != NULL)
            continue;
        client->slot[i] = client->first;
        client->first = client->first->next;
        if (client->first == NULL)
            client->last = NULL;
        client->generation[i]++;
        send(client, i);
    }
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

static void submit(struct block_device *device, struct block_request *request)
{
    struct block_client *client = device->context;
    for (unsigned i = 0; i < request->segments; i++) {
        uintptr_t at = (uintptr_t)request->segment[i].data - (uintptr_t)client->data;
        if (at > client->data_size || request->segment[i].length > client->data_size - at) {
            request->complete(request, BLOCK_INVALID);
            return;
        }
    }
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
    struct block_response response;
    int64_t length = 0;
    if (!usable(client))
        return;
    do {
        while (!client->broken && (length = ring_read(&client->responses, (uint8_t *)&response,
                                                      sizeof(response))) == sizeof(response)) {
            if (!take(client, &response))
                client->broken = true;
        }
        if (client->broken || length != 0) {
            block_client_fail(client);
            return;
        }
        send_more(client);
    } while (!ring_prepare_sleep(&client->responses));
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
        info.block_size != client->device.block_size)
        return BLOCK_CLIENT_NONSENSE;
    client->broken = false;
    for (unsigned i = 0; i < BLOCK_CLIENT_SLOTS; i++) {
        if (client->slot[i] == NULL)
            continue;
        client->generation[i]++;
        send(client, i);
    }
    block_client_poll(client);
    wake(client);
    return BLOCK_CLIENT_OK;
}
