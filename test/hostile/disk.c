/* SPDX-License-Identifier: BSD-2-Clause */
#include "disk.h"

#include <block/protocol.h>
#include <connection/connection.h>
#include <ring/ring.h>
#include <sel4/sel4.h>
#include <string.h>

enum { REQUESTS = 4000, PATIENCE = 100, OUTSTANDING = 60 };

static struct connection_client connection;
static uint8_t *content;
static uint64_t part_size;
static seL4_CPtr service;
static uint64_t memory; /* the machine's first range */

int disk_join(const struct vmm_startup *startup, unsigned count)
{
    const struct vmm_startup_connection *given = &startup->connection[CONNECTION_DISK_VIRTIO];

    if (given->size == 0 || count == 0) {
        return -1;
    }
    content = (uint8_t *)given->address + CONNECTION_AT_CONTENT;
    part_size = block_part_size(given->size, count);
    service = given->notification;
    memory = startup->ram[0].size;
    connection_client_initialize(&connection, (void *)given->address,
                                 (const volatile uint64_t *)given->epoch,
                                 (uint32_t)given->generation);
    while (connection_state(&connection) == CONNECTION_AWAITED) {
        (void)seL4_Wait(startup->vcpu[0].notification, NULL);
    }
    if (connection_state(&connection) != CONNECTION_OPEN) {
        return -1;
    }
    memset(content, 0, given->size - CONNECTION_AT_CONTENT);
    connection_join(&connection);
    seL4_Signal(service);
    for (unsigned i = 0; i < count; i++) {
        while (((const volatile struct block_info *)(content + i * part_size))->ready == 0) {
            seL4_Yield();
        }
    }
    return 0;
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

/* A segment of memory: the machine's own, at its end, beside it, far from it, another's, none. */
static struct block_place place(uint64_t (*random)(void))
{
    uint64_t r = random();
    struct block_place p = {.length = (r >> 8 & 7) * BLOCK_SECTOR};

    switch (r & 7) {
    case 0:
    case 1:
    case 2:
        p.place = (r >> 32) % (memory / BLOCK_SECTOR) * BLOCK_SECTOR;
        break;
    case 3:
        p.place = memory - (r >> 32 & 7) * 256;
        break;
    case 4:
        p.place = 0 - (r >> 32 & 0xffff);
        break;
    case 5: /* where other machines, components and the kernel are for devices */
        p.place = (r >> 32 & 0x1ffff) << 12;
        break;
    case 6:
        p.place = random();
        p.length = random();
        break;
    default:
        p.place = r >> 40;
        p.length |= r << 32;
        break;
    }
    return p;
}

/* Names lists of such segments instead of the shared memory. */
static void lend(uint8_t *part, struct block_message *m, uint64_t (*random)(void))
{
    uint64_t r = random();
    struct block_place *list =
        (struct block_place *)(void *)(part + BLOCK_AT_LISTS + (r & 63) * BLOCK_LIST_BYTES);
    uint64_t bytes = 0;

    m->offset = 0;
    m->list = (uint32_t)(r & 63);
    m->segments = (uint16_t)(1 + (r >> 8 & 3));
    for (unsigned i = 0; i < m->segments; i++) {
        list[i] = place(random);
        bytes += list[i].length;
    }
    m->count = bytes / BLOCK_SECTOR;
    switch (r >> 60) {
    case 0:
        m->list = (uint32_t)random();
        break;
    case 1:
        m->segments = (uint16_t)random();
        break;
    case 2:
        m->count++;
        break;
    default:
        break;
    }
}

static void take(struct ring *responses, struct disk_answers *answers)
{
    struct block_response response;

    while (ring_read(responses, (uint8_t *)&response, sizeof(response)) == sizeof(response)) {
        answers->good += response.status == BLOCK_OK;
        answers->refused += response.status != BLOCK_OK;
    }
}

struct disk_answers disk_attack(unsigned i, uint64_t (*random)(void))
{
    uint8_t *part = content + i * part_size;
    struct disk_answers answers = {0};
    struct ring requests, responses;

    if (ring_attach(&requests, part + BLOCK_AT_REQUESTS, BLOCK_RING_BYTES, true) != RING_OK ||
        ring_attach(&responses, part + BLOCK_AT_RESPONSES, BLOCK_RING_BYTES, false) != RING_OK) {
        return answers;
    }
    /* What is written differs from what a fresh disk holds. */
    memset(part + BLOCK_AT_DATA, 0xa5, part_size - BLOCK_AT_DATA);
    /* A disk that was not offered has no size: as if it had a good one. */
    uint64_t sectors = ((const struct block_info *)part)->sectors;
    sectors = sectors != 0 ? sectors : 1 << 20;
    for (unsigned waited = 0; answers.good + answers.refused < REQUESTS && waited < PATIENCE;) {
        unsigned before = answers.good + answers.refused;
        /* With more answers than the ring holds the service would close the connection. */
        while (answers.sent < REQUESTS && answers.sent - before < OUTSTANDING) {
            struct block_message m = request(random, sectors);
            if ((random() & 3) == 0) {
                lend(part, &m, random);
            }
            (void)ring_write(&requests, (const uint8_t *)&m, sizeof(m));
            answers.sent++;
        }
        seL4_Signal(service);
        seL4_Yield();
        take(&responses, &answers);
        waited = answers.good + answers.refused == before ? waited + 1 : 0;
    }
    return answers;
}
