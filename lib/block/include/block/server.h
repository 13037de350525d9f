/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The server's side of the block protocol: offers a block device, or a range of its sectors, to one
 * client. Nothing of what the client writes is trusted; a request that does not fit is answered
 * with an error, and a client that breaks the ring is not served any more.
 */
#ifndef BLOCK_SERVER_H
#define BLOCK_SERVER_H

#include <block/protocol.h>
#include <ring/ring.h>

#define BLOCK_SERVER_SLOTS 64u
#define BLOCK_SERVER_LISTS 8u /* of requests with several segments, under way at once */

struct block_server;

/* The checked copy of a list. */
struct block_server_list {
    struct block_server_list *next_free;
    struct block_segment segment[BLOCK_SEGMENTS_MAX];
};

struct block_server_slot {
    struct block_server *server;
    struct block_request request;
    struct block_segment segment;   /* the only one, or ... */
    struct block_server_list *list; /* ... NULL */
    struct block_server_slot *next_free;
    uint64_t id;
    uint32_t generation; /* of the connection that asked */
};

/* What a client is given. */
struct block_offer {
    struct block_device *device;
    uint64_t first;   /* sector */
    uint64_t sectors; /* how many, from there on */
    bool read_only;
    const struct block_lent *lent; /* the client's memory that the device reaches, or NULL */
};

struct block_server {
    struct block_offer offer;
    struct block_device view; /* the device as the client sees it */
    struct ring requests;
    struct ring responses;
    volatile struct block_info *info;
    uint8_t *region;
    uint8_t *data;
    uint64_t data_size;
    struct block_server_slot slot[BLOCK_SERVER_SLOTS];
    struct block_server_slot *free;
    struct block_server_list list[BLOCK_SERVER_LISTS];
    struct block_server_list *free_list;
    unsigned under_way;
    uint32_t generation;
    bool open;
    bool polling;
    bool starved;                /* requests may wait in the ring for a slot or a list */
    void (*wake)(void *context); /* notifies the client */
    void *context;
    uint64_t refused; /* requests that did not fit */
    /* Of the client now: requests with data in its own memory, and in the region. */
    uint64_t lent;
    uint64_t shared;
};

void block_server_initialize(struct block_server *server, void (*wake)(void *), void *context);

/*
 * Opens the region (zeroed, `size` bytes, page-aligned) to a client. The data area must be memory
 * that the device takes; what the offer says of lent memory stays the caller's, and as it is for as
 * long as the server is not idle. false: the offer or the region do not fit.
 */
bool block_server_open(struct block_server *server, const struct block_offer *offer,
                       uint8_t *region, uint64_t size);

/* Tells a client that there is nothing to be opened for it. */
void block_server_refuse(uint8_t *region);

/* The client has notified. */
void block_server_poll(struct block_server *server);

/*
 * No further requests and no answers. The region, and what was lent, may be given away once
 * block_server_idle says that nothing moves data from or to them any more.
 */
void block_server_close(struct block_server *server);
bool block_server_idle(const struct block_server *server);

#endif
