/* SPDX-License-Identifier: BSD-2-Clause */
#include "disk.h"

#include <block/protocol.h>
#include <connection/connection.h>
#include <ring/ring.h>
#include <sel4/sel4.h>
#include <string.h>

enum { REQUESTS = 4000, PATIENCE = 300, OUTSTANDING = 60 };

static struct connection_client connection;
static uint8_t *content;
static uint64_t content_size;
static seL4_CPtr service;

static bool join(const struct vmm_startup *startup)
{
    const struct vmm_startup_connection *given = &startup->connection[CONNECTION_DISK];

    if (given->size == 0) {
        return false;
    }
    content = (uint8_t *)given->address + CONNECTION_AT_CONTENT;
    content_size = given->size - CONNECTION_AT_CONTENT;
    service = given->notification;
    connection_client_initialize(&connection, (void *)given->address,
                                 (const volatile uint64_t *)given->epoch,
                                 (uint32_t)given->generation);
    while (connection_state(&connection) == CONNECTION_AWAITED) {
        (void)seL4_Wait(startup->vcpu[0].notification, NULL);
    }
    if (connection_state(&connection) != CONNECTION_OPEN) {
        return false;
    }
    memset(content, 0, content_size);
    connection_join(&connection);
    seL4_Signal(service);
    const volatile struct block_info *info = (const volatile struct block_info *)content;
    while (info->ready == 0) {
        seL4_Yield();
    }
    return info->ready == BLOCK_PROTOCOL_VERSION;
}

static struct block_message request(uint64_t (*random)(void), uint64_t sectors)
{
    uint64_t r = random();
    struct block_message m = {
        .id = r,
        .operation = (uint8_t)((r >> 8 & 0xff) % (BLOCK_OPERATION_COUNT + 1)),
        .sector = random() % sectors,
        .count = 1 + (r >> 40 & 7),
    };

    if (m.operation == BLOCK_READ || m.operation == BLOCK_WRITE) {
        m.offset = (uint32_t)(r >> 20) & 0x3f000;
        m.flags = (uint8_t)(r >> 16 & 1);
    }
    switch (r >> 60) {
    case 0: /* just across the end */
        m.sector = sectors - (r >> 32 & 7);
        break;
    case 1: /* before the beginning, as the service would count it */
        m.sector = 0 - (r >> 32 & 0xffff);
        break;
    case 2: /* beyond */
        m.sector = sectors + (random() & 0xfffff);
        break;
    case 3: /* so many that the sum turns over */
        m.count = 0 - (r >> 32 & 0xffff);
        break;
    case 4: /* data outside of the shared memory */
        m.offset = (uint32_t)random();
        break;
    case 5:
        m.count = random();
        break;
    default:
        break;
    }
    return m;
}

static void take(struct ring *responses, struct disk_answers *answers)
{
    struct block_response response;

    while (ring_read(responses, (uint8_t *)&response, sizeof(response)) == sizeof(response)) {
        answers->good += response.status == BLOCK_OK;
        answers->refused += response.status != BLOCK_OK;
    }
}

bool disk_attack(const struct vmm_startup *startup, uint64_t (*random)(void),
                 struct disk_answers *answers)
{
    struct ring requests, responses;

    *answers = (struct disk_answers){0};
    if (!join(startup) ||
        ring_attach(&requests, content + BLOCK_AT_REQUESTS, BLOCK_RING_BYTES, true) != RING_OK ||
        ring_attach(&responses, content + BLOCK_AT_RESPONSES, BLOCK_RING_BYTES, false) != RING_OK) {
        return false;
    }
    uint64_t sectors = ((const struct block_info *)content)->sectors;
    unsigned waited = 0;
    while (answers->good + answers->refused < REQUESTS && waited < PATIENCE) {
        unsigned before = answers->good + answers->refused;
        /* With more answers than the ring holds the service would close the connection. */
        while (answers->sent < REQUESTS && answers->sent - before < OUTSTANDING) {
            struct block_message m = request(random, sectors);
            (void)ring_write(&requests, (const uint8_t *)&m, sizeof(m));
            answers->sent++;
        }
        seL4_Signal(service);
        seL4_Yield();
        take(&responses, answers);
        waited = answers->good + answers->refused == before ? waited + 1 : 0;
    }
    return true;
}
