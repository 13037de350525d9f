/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A single-producer single-consumer byte ring in memory shared by two components that do not trust
 * each other. Each side keeps the size and its own index privately; the other side's index is read
 * once per operation and checked. A peer that writes nonsense there makes the ring look broken
 * (RING_ERROR_BROKEN) and can damage nothing but its own data.
 */
#ifndef RING_RING_H
#define RING_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum ring_error {
    RING_OK = 0,
    RING_ERROR_SIZE = -1,   /* the memory is too small or misaligned */
    RING_ERROR_BROKEN = -2, /* the peer's index is impossible */
};

/* The shared part. The indices run freely modulo 2^32; only their difference counts. */
struct ring_shared {
    _Atomic uint32_t produced;
    _Atomic uint32_t producer_waits; /* set by the producer before it waits for room */
    uint32_t pad0[14];
    _Atomic uint32_t consumed;
    _Atomic uint32_t consumer_sleeps; /* set by the consumer before it waits */
    uint32_t pad1[14];
};

_Static_assert(sizeof(struct ring_shared) == 128, "two cache lines");

struct ring {
    struct ring_shared *shared;
    uint8_t *data;
    uint32_t size;  /* of data, a power of two */
    uint32_t index; /* this side's own index */
};

/*
 * Attaches to the ring in the `length` bytes at `memory` (64-byte aligned). The data area is the
 * largest power of two that fits behind the shared header. The memory was zeroed by whoever made
 * it. The producer's side passes producer = true.
 */
int ring_attach(struct ring *ring, void *memory, uint64_t length, bool producer);

/* Producer: how many bytes fit now; 0 as well when the ring is broken. */
uint32_t ring_room(const struct ring *ring);

/* Copies up to `length` bytes in; returns how many fitted, or RING_ERROR_BROKEN. */
int64_t ring_write(struct ring *ring, const uint8_t *bytes, uint32_t length);

/* Copies up to `length` bytes out; returns how many there were, or RING_ERROR_BROKEN. */
int64_t ring_read(struct ring *ring, uint8_t *bytes, uint32_t length);

/*
 * For messages that are to be seen whole or not at all, even if one side is started anew in their
 * middle. Producer: ring_put copies to `offset` bytes behind what was written, where ring_room says
 * that there is room, and ring_publish lets the consumer see that many bytes. Consumer: ring_held
 * is how many bytes there are, or RING_ERROR_BROKEN; ring_peek copies from `offset` bytes on,
 * inside of these, and ring_take is done with that many.
 */
void ring_put(struct ring *ring, uint32_t offset, const uint8_t *bytes, uint32_t length);
void ring_publish(struct ring *ring, uint32_t length);
int64_t ring_held(const struct ring *ring);
void ring_peek(const struct ring *ring, uint32_t offset, uint8_t *bytes, uint32_t length);
void ring_take(struct ring *ring, uint32_t length);

/* Producer: does the consumer sleep, so that it must be notified? Clears the flag. */
bool ring_must_wake(struct ring *ring);

/*
 * Consumer: announces that it is about to sleep. Returns false when bytes have arrived meanwhile,
 * in which case it must read them instead.
 */
bool ring_prepare_sleep(struct ring *ring);

/* Consumer: takes that back, as it will look and announce it again before it sleeps. */
void ring_stay_awake(struct ring *ring);

/* Consumer: has announced that, and nothing has come since. */
bool ring_sleeps(const struct ring *ring);

/*
 * Producer: announces that it waits for room. Returns false when `bytes` fit by now, in which case
 * it must write instead.
 */
bool ring_prepare_wait(struct ring *ring, uint32_t bytes);

/* Consumer, after it has read: does the producer wait for room, so that it must be notified? Clears
 * the flag. */
bool ring_must_tell(struct ring *ring);

/* Consumer: forgets what was produced so far, whatever the indices say. */
void ring_drop(struct ring *ring);

#endif
