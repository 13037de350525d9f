/* SPDX-License-Identifier: BSD-2-Clause */
#include "exercise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS    EXERCISE_SLOTS
#define SEGMENTS 5u
#define PATIENCE 100000u

enum knowledge { KNOWN, UNKNOWN };

struct slot {
    struct exercise *exercise;
    struct block_request request;
    struct block_segment segment[SEGMENTS];
    uint8_t *buffer;
    bool busy;
    enum block_status status;
};

struct state {
    struct exercise *exercise;
    uint8_t *expected;
    uint8_t *unknown; /* one byte for each sector */
    uint8_t *locked;  /* sectors of requests under way: no two may meet */
    struct slot slot[SLOTS];
    uint64_t random;
};

static uint32_t draw(struct state *s, uint64_t below)
{
    s->random = s->random * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((s->random >> 33) % below);
}

static void completed(struct block_request *request, enum block_status status)
{
    struct slot *slot = request->owner;
    assert_true(slot->busy);
    slot->status = status;
    slot->busy = false;
}

static bool lock(struct state *s, uint64_t sector, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (s->locked[sector + i])
            return false;
    }
    memset(s->locked + sector, 1, count);
    return true;
}

static void cut_segments(struct state *s, struct slot *slot, uint32_t bytes)
{
    unsigned most = slot->exercise->device->max_segments < SEGMENTS
                        ? slot->exercise->device->max_segments
                        : SEGMENTS;
    uint32_t at = 0;
    slot->request.segments = 0;
    while (at < bytes) {
        uint32_t length = bytes - at;
        if (slot->request.segments + 1 < most)
            length = 1 + draw(s, length);
        if (slot->exercise->grain != 0 && length < bytes - at)
            length &= ~(slot->exercise->grain - 1);
        /* Hardware wants even addresses. */
        else if (length > 1 && length < bytes - at)
            length &= ~3u;
        if (length == 0)
            continue;
        slot->segment[slot->request.segments++] =
            (struct block_segment){{slot->buffer + at}, length};
        at += length;
    }
}

static void start(struct state *s, struct slot *slot)
{
    struct exercise *e = s->exercise;
    struct block_device *device = e->device;
    uint32_t unit = device->block_size / BLOCK_SECTOR;
    static const enum block_operation choice[] = {BLOCK_READ,  BLOCK_READ,        BLOCK_WRITE,
                                                  BLOCK_WRITE, BLOCK_WRITE,       BLOCK_FLUSH,
                                                  BLOCK_READ,  BLOCK_WRITE_ZEROES};
    enum block_operation operation = choice[draw(s, 8)];
    if (operation == BLOCK_WRITE_ZEROES && !device->can_zero)
        operation = BLOCK_WRITE;
    if (device->read_only && operation != BLOCK_FLUSH)
        operation = BLOCK_READ;
    uint64_t limit = e->max_sectors < device->max_sectors ? e->max_sectors : device->max_sectors;
    uint64_t count = unit * (1 + draw(s, draw(s, 2) == 0 ? 8 / unit : limit / unit));
    uint64_t sector = unit * draw(s, (device->sectors - count) / unit + 1);
    bool data = operation == BLOCK_READ || operation == BLOCK_WRITE;
    if (operation != BLOCK_FLUSH && !lock(s, sector, count))
        return;
    slot->request = (struct block_request){
        .operation = operation,
        .force_unit_access = operation == BLOCK_WRITE && draw(s, 4) == 0,
        .lasting = e->memory != NULL,
        .sector = operation == BLOCK_FLUSH ? 0 : sector,
        .count = operation == BLOCK_FLUSH ? 0 : count,
        .segment = slot->segment,
        .complete = completed,
        .owner = slot,
    };
    if (data)
        cut_segments(s, slot, (uint32_t)(count * BLOCK_SECTOR));
    for (uint64_t i = 0; data && i < count * BLOCK_SECTOR; i++)
        slot->buffer[i] = operation == BLOCK_WRITE ? (uint8_t)draw(s, 256) : 0xee;
    slot->busy = true;
    slot->status = BLOCK_OK;
    block_submit(device, &slot->request);
}

/* Accounts for a request that has completed since. */
static void settle(struct state *s, struct slot *slot)
{
    struct exercise *e = s->exercise;
    struct block_request *request = &slot->request;
    uint64_t start_byte = request->sector * BLOCK_SECTOR;
    uint64_t bytes = request->count * BLOCK_SECTOR;
    if (request->complete == NULL || slot->busy)
        return;
    request->complete = NULL;
    memset(s->locked + request->sector, 0, request->count);
    if (slot->status != BLOCK_OK) {
        assert_true(e->errors);
        e->failed++;
        if (request->operation != BLOCK_READ)
            memset(s->unknown + request->sector, UNKNOWN, request->count);
        return;
    }
    switch (request->operation) {
    case BLOCK_READ:
        e->reads++;
        for (uint64_t i = 0; i < bytes; i++) {
            if (s->unknown[request->sector + i / BLOCK_SECTOR] == KNOWN)
                assert_int_equal(slot->buffer[i], s->expected[start_byte + i]);
        }
        break;
    case BLOCK_WRITE:
    case BLOCK_WRITE_ZEROES:
        e->writes++;
        memset(s->unknown + request->sector, KNOWN, request->count);
        if (request->operation == BLOCK_WRITE)
            memcpy(s->expected + start_byte, slot->buffer, bytes);
        else
            memset(s->expected + start_byte, 0, bytes);
        break;
    default:
        break;
    }
}

static bool all_settled(struct state *s)
{
    bool done = true;
    for (unsigned i = 0; i < SLOTS; i++) {
        settle(s, &s->slot[i]);
        done = done && !s->slot[i].busy;
    }
    return done;
}

void exercise_run(struct exercise *e)
{
    struct state *s = calloc(1, sizeof(*s));
    uint64_t sectors = e->device->sectors;
    assert_non_null(s);
    s->exercise = e;
    s->random = e->seed;
    s->expected = calloc(sectors, BLOCK_SECTOR);
    s->unknown = calloc(sectors, 1);
    s->locked = calloc(sectors, 1);
    if (e->initial != NULL)
        memcpy(s->expected, e->initial, sectors * BLOCK_SECTOR);
    for (unsigned i = 0; i < SLOTS; i++) {
        s->slot[i].exercise = e;
        s->slot[i].buffer = e->memory == NULL ? malloc(e->max_sectors * BLOCK_SECTOR)
                                              : e->memory + i * e->max_sectors * BLOCK_SECTOR;
    }
    for (unsigned round = 0; round < e->rounds; round++) {
        struct slot *slot = &s->slot[draw(s, SLOTS)];
        if (!slot->busy && slot->request.complete == NULL)
            start(s, slot);
        if (draw(s, 3) == 0)
            e->step(e->context);
        settle(s, slot);
    }
    unsigned patience = PATIENCE;
    while (!all_settled(s) && patience-- > 0)
        e->step(e->context);
    assert_true(patience > 0); /* else a request was lost */
    for (unsigned i = 0; i < SLOTS && e->memory == NULL; i++)
        free(s->slot[i].buffer);
    free(s->locked);
    free(s->unknown);
    free(s->expected);
    free(s);
}
