/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages of the block protocol in their rings. All have one size, of which the ring's is a
 * multiple: each lies there in one piece, and is copied word by word.
 */
#ifndef LIB_BLOCK_MESSAGE_H
#define LIB_BLOCK_MESSAGE_H

#include <block/protocol.h>
#include <ring/ring.h>

#define MESSAGE_WORDS (sizeof(struct block_message) / sizeof(uint64_t))
#define MESSAGE_BYTES ((uint32_t)sizeof(struct block_message))

union block_any_message {
    struct block_message request;
    struct block_response response;
    uint64_t word[MESSAGE_WORDS];
};

_Static_assert(sizeof(union block_any_message) == 64, "a ring's size is a multiple of it");

static inline volatile uint64_t *message_place(const struct ring *ring)
{
    return (volatile uint64_t *)(void *)(ring->data + (ring->index & (ring->size - 1)));
}

/* Whoever wrote the index that this side began with, it may be no message's. */
static inline bool message_is_whole(const struct ring *ring)
{
    return ring->index % MESSAGE_BYTES == 0;
}

/* Of an answer no more than id and status count: its other words are left as they stand. */
#define RESPONSE_WORDS 2u

_Static_assert(offsetof(struct block_response, unused) == RESPONSE_WORDS * sizeof(uint64_t) - 4,
               "behind the status");

/* The first `words` words of a message. false: there is no room, or the ring is broken. */
static inline bool message_write(struct ring *ring, const union block_any_message *from,
                                 unsigned words)
{
    if (ring_room(ring) < MESSAGE_BYTES || !message_is_whole(ring))
        return false;
    volatile uint64_t *to = message_place(ring);
#pragma GCC unroll 8
    for (unsigned i = 0; i < words; i++)
        to[i] = from->word[i];
    ring_publish(ring, MESSAGE_BYTES);
    return true;
}

/* Copies each of these words once: 1, or 0 when there is none, or RING_ERROR_BROKEN. */
static inline int message_read(struct ring *ring, union block_any_message *to, unsigned words)
{
    int64_t held = ring_held(ring);
    if (held == 0)
        return 0;
    if (held < MESSAGE_BYTES || !message_is_whole(ring))
        return RING_ERROR_BROKEN;
    const volatile uint64_t *from = message_place(ring);
#pragma GCC unroll 8
    for (unsigned i = 0; i < words; i++)
        to->word[i] = from[i];
    ring_take(ring, MESSAGE_BYTES);
    return 1;
}

#endif
