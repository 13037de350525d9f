/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a block device is offered to another component: two rings (lib/ring) of messages, requests
 * one way and responses the other, and a data area that both sides map. Neither side trusts the
 * other: each message is copied out of its ring and then checked whole.
 *
 * The region that both map: a page that the server fills (struct block_info), the request ring, the
 * response ring, the lists of segments, then the data area to the region's end.
 *
 * A request's data is in the data area, or in memory of the client's that is lent to the device
 * (block/lent.h): it is then named by a list of segments, which the server copies out and checks as
 * it does the message. The server says what it takes of such requests, which may be nothing.
 */
#ifndef BLOCK_PROTOCOL_H
#define BLOCK_PROTOCOL_H

#include <block/device.h>
#include <block/lent.h>

#define BLOCK_PROTOCOL_VERSION 2u
#define BLOCK_PROTOCOL_ABSENT  UINT32_MAX /* in `ready`: there is no such disk */

#define BLOCK_AT_INFO      0x0000u
#define BLOCK_AT_REQUESTS  0x1000u
#define BLOCK_AT_RESPONSES 0x3000u
#define BLOCK_RING_BYTES   0x2000u
#define BLOCK_AT_LISTS     0x5000u
#define BLOCK_LISTS        64u  /* as many as a ring holds messages */
#define BLOCK_SEGMENTS_MAX 126u /* of one list */
#define BLOCK_LIST_BYTES   0x800u
#define BLOCK_AT_DATA      (BLOCK_AT_LISTS + BLOCK_LISTS * BLOCK_LIST_BYTES)

/* The smallest region of use: 16 buffers of 4 KiB. */
#define BLOCK_REGION_LEAST (BLOCK_AT_DATA + 16 * 4096u)

/*
 * Where one connection (lib/connection) carries several devices, each has a part of this size of
 * what is behind the slice's first page, in their order.
 */
static inline uint64_t block_part_size(uint64_t slice, unsigned devices)
{
    return devices == 0 ? 0 : (slice - 0x1000u) / devices & ~0xfffull;
}

/* Memory of the client's that it may lend. */
struct block_info_run {
    uint64_t place;
    uint64_t size;
};

/* What the device is; the server writes it before `ready`, and not again. */
struct block_info {
    uint32_t ready; /* BLOCK_PROTOCOL_VERSION when the rest stands; 0: not yet, or gone */
    uint32_t block_size;
    uint64_t sectors;
    uint32_t flags; /* enum block_info_flag */
    uint32_t max_sectors;
    char serial[BLOCK_SERIAL_SIZE];
    uint32_t lent_runs; /* at most BLOCK_RUNS_MAX */
    /* struct block_lending */
    uint32_t lent_segments;
    uint32_t lent_alignment;
    uint32_t lent_boundary;
    uint32_t zero;
    struct block_info_run run[BLOCK_RUNS_MAX];
};

enum block_info_flag {
    BLOCK_INFO_READ_ONLY = 1,
    BLOCK_INFO_FLUSH = 2,
    BLOCK_INFO_DISCARD = 4,
    BLOCK_INFO_ZERO = 8,
};

struct block_message {
    uint64_t id; /* of the client; comes back as it is */
    uint8_t operation;
    uint8_t flags;     /* BLOCK_MESSAGE_FORCE */
    uint16_t segments; /* of lent memory; 0: the data is in the data area */
    uint32_t offset;   /* of the data, in the data area */
    uint64_t sector;
    uint64_t count;
    uint32_t list; /* of the segments: its number */
    uint32_t zero0;
    uint64_t zero[3];
};

/* A segment of a list. */
struct block_place {
    uint64_t place;
    uint64_t length; /* below 4 GiB */
};

#define BLOCK_MESSAGE_FORCE 1u

struct block_response {
    uint64_t id;
    int32_t status; /* enum block_status */
    uint32_t unused[13];
};

_Static_assert(offsetof(struct block_info, sectors) == 8, "block protocol 2");
_Static_assert(offsetof(struct block_info, serial) == 24, "block protocol 2");
_Static_assert(offsetof(struct block_info, run) == 64, "block protocol 2");
_Static_assert(sizeof(struct block_info) <= BLOCK_AT_REQUESTS, "block protocol 2");
_Static_assert(offsetof(struct block_message, offset) == 12, "block protocol 2");
_Static_assert(offsetof(struct block_message, sector) == 16, "block protocol 2");
_Static_assert(offsetof(struct block_message, list) == 32, "block protocol 2");
_Static_assert(offsetof(struct block_message, zero) == 40, "block protocol 2");
_Static_assert(sizeof(struct block_place) == 16, "block protocol 2");
_Static_assert(BLOCK_SEGMENTS_MAX * sizeof(struct block_place) <= BLOCK_LIST_BYTES,
               "a list has its place");
_Static_assert(BLOCK_AT_DATA % 4096 == 0, "the data area begins on a page");
_Static_assert(sizeof(struct block_message) == 64, "a ring's size is a multiple of it");
_Static_assert(offsetof(struct block_response, status) == 8, "block protocol 2");
_Static_assert(sizeof(struct block_response) == 64, "a ring's size is a multiple of it");

#endif
