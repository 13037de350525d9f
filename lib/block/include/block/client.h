/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The client's side of the block protocol: a block device whose segments lie in the data area that
 * is shared with the service. lib/block's bounce takes any other memory.
 */
#ifndef BLOCK_CLIENT_H
#define BLOCK_CLIENT_H

#include <block/protocol.h>
#include <ring/ring.h>

/* As many as a ring of BLOCK_RING_BYTES holds messages. */
#define BLOCK_CLIENT_SLOTS 64u

struct block_client {
    struct block_device device;
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
    bool broken; /* the service answers nonsense: every request fails until it is attached anew */
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
 * The service is there again with fresh rings: what was under way is sent again. Reads and writes
 * may be carried out twice, which changes nothing. The device must be as large as it was.
 */
int block_client_resume(struct block_client *client);

/* The service is gone for good: every request fails, now and later. */
void block_client_fail(struct block_client *client);

/* The service has notified: completes what it answered, sends what waits. */
void block_client_poll(struct block_client *client);

#endif
