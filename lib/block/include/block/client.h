/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The client's side of the block protocol: a block device whose segments lie in the data area that
 * is shared with the service. lib/block's bounce takes any other memory. Where the service has the
 * client's own memory lent to the device, block_client_lend puts a device before both of them, by
 * which requests that suit go without a copy.
 */
#ifndef BLOCK_CLIENT_H
#define BLOCK_CLIENT_H

#include <block/bounce.h>
#include <block/cut.h>
#include <block/protocol.h>
#include <ring/ring.h>

/* As many as a ring of BLOCK_RING_BYTES holds messages. */
#define BLOCK_CLIENT_SLOTS BLOCK_LISTS
#define BLOCK_CLIENT_OWN   4u

/* Memory of the client's that it may lend, and its place as the service knows it. */
struct block_own {
    uint8_t *memory;
    uint64_t size;
    uint64_t place;
};

/* A range of the client's own memory with what of it may be lent in one piece. */
struct block_lendable {
    uintptr_t memory;
    uint64_t size; /* 0: nothing */
    uint64_t place;
};

struct block_client {
    struct block_device device;
    struct block_device front; /* after block_client_lend */
    struct bounce *bounce;
    struct cut cut;
    struct block_own own[BLOCK_CLIENT_OWN];
    unsigned own_count;
    /* What the service takes of lent memory; no segments: it takes none. */
    struct block_lending lending;
    struct block_info_run run[BLOCK_RUNS_MAX];
    unsigned run_count;
    struct block_lendable recent; /* the range that was found last */
    struct ring requests;
    struct ring responses;
    volatile struct block_info *info;
    uint8_t *region;
    uint64_t size;
    uint8_t *data;
    uint64_t data_size;
    struct block_request *slot[BLOCK_CLIENT_SLOTS];
    uint32_t generation[BLOCK_CLIENT_SLOTS]; /* so that an old answer is known as such */
    /* Requests that wait for a slot or for room in the ring. */
    struct block_request *first;
    struct block_request *last;
    void (*wake)(void *context); /* notifies the service */
    void *context;
    /*
     * May be set after attaching: asked before each use of the rings. While it says false, because
     * the service is being started anew, requests wait for block_client_resume.
     */
    bool (*usable)(void *context);
    bool polling; /* inside the loop over answers */
    bool broken;  /* the service answers nonsense: every request fails until it is attached anew */
};

enum block_client_error {
    BLOCK_CLIENT_OK = 0,
    BLOCK_CLIENT_NOT_READY = -1, /* the service has not filled the region in yet */
    BLOCK_CLIENT_NONSENSE = -2,  /* what it says of the device cannot be */
    BLOCK_CLIENT_ABSENT = -3,    /* it says that there is no such device */
};

/*
 * Attaches to the region (page-aligned, `size` bytes). After a restart of the service, for which
 * the region is zeroed up to its data area, block_client_resume is called instead.
 */
int block_client_attach(struct block_client *client, uint8_t *region, uint64_t size,
                        void (*wake)(void *), void *context);

/*
 * Makes client->front: it takes requests of any memory. Those that are `lasting`, lie in one of the
 * `count` ranges (at most BLOCK_CLIENT_OWN) and suit what the service says go as they are, or in
 * pieces if they are too long; others go through the bounce, which is over client->device.
 */
void block_client_lend(struct block_client *client, struct bounce *bounce,
                       const struct block_own *own, unsigned count);

/*
 * The service is there again with fresh rings: what was under way is sent again. Reads and writes
 * may be carried out twice, which changes nothing. The device must be as large as it was, and take
 * the same memory.
 */
int block_client_resume(struct block_client *client);

/* The service is gone for good: every request fails, now and later. */
void block_client_fail(struct block_client *client);

/* The service has notified: completes what it answered, sends what waits. */
void block_client_poll(struct block_client *client);

#endif
