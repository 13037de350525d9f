/* SPDX-License-Identifier: BSD-2-Clause */
#include <ring/ring.h>
#include <string.h>

/*@ // A ring as ring_attach() leaves it: memory of its own.
    predicate attached{L}(struct ring *ring) =
      \valid(ring) && \valid(ring->shared) && \valid(ring->data + (0 .. ring->size - 1)) &&
      64 <= ring->size <= 0x40000000 &&
      \separated(ring, ring->shared, ring->data + (0 .. ring->size - 1));

    // True of numbers in two's complement; the provers know no such thing of their own.
    axiomatic Masks {
      axiom at_most:
        \forall integer x; \forall integer y;
          0 <= x ==> 0 <= y ==> (0 <= (x & y) && (x & y) <= x && (x & y) <= y);
    }
*/

/* Where an index stands in data, of which the size is a power of two. */
/*@ requires 1 <= size;
    assigns \nothing;
    ensures 0 <= \result < size; */
static uint32_t place(uint32_t index, uint32_t size)
{
    uint32_t mask = size - 1;

    /*@ assert known: mask == size - 1; */
    /*@ assert masked: 0 <= (index & mask) <= mask; */
    return index & mask;
}

int ring_attach(struct ring *ring, void *memory, uint64_t length, bool producer)
{
    if (length < sizeof(struct ring_shared) + 64 || ((uintptr_t)memory & 63) != 0)
        return RING_ERROR_SIZE;
    uint64_t room = length - sizeof(struct ring_shared);
    uint32_t size = 64;
    while (size < 0x40000000u && (uint64_t)size * 2 <= room)
        size *= 2;
    ring->shared = (struct ring_shared *)memory;
    ring->data = (uint8_t *)memory + sizeof(struct ring_shared);
    ring->size = size;
    ring->index = producer ? atomic_load_explicit(&ring->shared->produced, memory_order_relaxed)
                           : atomic_load_explicit(&ring->shared->consumed, memory_order_relaxed);
    return RING_OK;
}

/*@ requires attached((struct ring *)ring);
    assigns \nothing;
    ensures 0 <= \result <= ring->size; */
uint32_t ring_room(const struct ring *ring)
{
    uint32_t consumed = atomic_load_explicit(&ring->shared->consumed, memory_order_acquire);
    uint32_t used = ring->index - consumed;
    return used > ring->size ? 0 : ring->size - used;
}

/*@ requires attached(ring) && length <= ring->size;
    requires length == 0 || \valid_read(bytes + (0 .. length - 1));
    requires length == 0 || \separated(bytes + (0 .. length - 1), ring, ring->shared,
                                       ring->data + (0 .. ring->size - 1));
    assigns ring->data[0 .. ring->size - 1];
    ensures attached(ring); */
void ring_put(struct ring *ring, uint32_t offset, const uint8_t *bytes, uint32_t length)
{
    uint32_t at = place(ring->index + offset, ring->size);
    uint32_t first = length < ring->size - at ? length : ring->size - at;
    memcpy(ring->data + at, bytes, first);
    memcpy(ring->data, bytes + first, length - first);
}

/*@ requires attached(ring);
    assigns ring->index, ring->shared->produced;
    ensures attached(ring); */
void ring_publish(struct ring *ring, uint32_t length)
{
    ring->index += length;
    /* Sequentially consistent: ordered before the look at consumer_sleeps in ring_must_wake. */
    atomic_store(&ring->shared->produced, ring->index);
}

/*@ requires attached((struct ring *)ring);
    assigns \nothing;
    ensures \result == RING_ERROR_BROKEN || 0 <= \result <= ring->size; */
int64_t ring_held(const struct ring *ring)
{
    uint32_t produced = atomic_load_explicit(&ring->shared->produced, memory_order_acquire);
    uint32_t used = produced - ring->index;
    return used > ring->size ? RING_ERROR_BROKEN : (int64_t)used;
}

/*@ requires attached((struct ring *)ring) && length <= ring->size;
    requires length == 0 || \valid(bytes + (0 .. length - 1));
    requires length == 0 || \separated(bytes + (0 .. length - 1), ring, ring->shared,
                                       ring->data + (0 .. ring->size - 1));
    assigns bytes[0 .. length - 1];
    ensures attached((struct ring *)ring); */
void ring_peek(const struct ring *ring, uint32_t offset, uint8_t *bytes, uint32_t length)
{
    uint32_t at = place(ring->index + offset, ring->size);
    uint32_t first = length < ring->size - at ? length : ring->size - at;
    memcpy(bytes, ring->data + at, first);
    memcpy(bytes + first, ring->data, length - first);
}

/*@ requires attached(ring);
    assigns ring->index, ring->shared->consumed;
    ensures attached(ring); */
void ring_take(struct ring *ring, uint32_t length)
{
    ring->index += length;
    atomic_store_explicit(&ring->shared->consumed, ring->index, memory_order_release);
}

/*@ requires attached(ring) && (length == 0 || \valid_read(bytes + (0 .. length - 1)));
    requires length == 0 || \separated(bytes + (0 .. length - 1), ring, ring->shared,
                                       ring->data + (0 .. ring->size - 1));
    assigns ring->index, ring->shared->produced, ring->data[0 .. ring->size - 1];
    ensures attached(ring);
    ensures \result == RING_ERROR_BROKEN || 0 <= \result <= length;
    ensures \result <= ring->size; */
int64_t ring_write(struct ring *ring, const uint8_t *bytes, uint32_t length)
{
    uint32_t consumed = atomic_load_explicit(&ring->shared->consumed, memory_order_acquire);
    uint32_t used = ring->index - consumed;
    if (used > ring->size)
        return RING_ERROR_BROKEN;
    uint32_t room = ring->size - used;
    if (length > room)
        length = room;
    ring_put(ring, 0, bytes, length);
    ring_publish(ring, length);
    return length;
}

/*@ requires attached(ring) && (length == 0 || \valid(bytes + (0 .. length - 1)));
    requires length == 0 || \separated(bytes + (0 .. length - 1), ring, ring->shared,
                                       ring->data + (0 .. ring->size - 1));
    assigns ring->index, ring->shared->consumed, bytes[0 .. length - 1];
    ensures attached(ring);
    ensures \result == RING_ERROR_BROKEN || 0 <= \result <= length;
    ensures \result <= ring->size; */
int64_t ring_read(struct ring *ring, uint8_t *bytes, uint32_t length)
{
    int64_t held = ring_held(ring);
    if (held < 0)
        return held;
    if (length > (uint32_t)held)
        length = (uint32_t)held;
    ring_peek(ring, 0, bytes, length);
    ring_take(ring, length);
    return length;
}

/*@ requires attached(ring);
    assigns ring->shared->consumer_sleeps; */
bool ring_must_wake(struct ring *ring)
{
    /* A plain look first: the exchange would take the line from the consumer for nothing. */
    if (atomic_load(&ring->shared->consumer_sleeps) == 0)
        return false;
    return atomic_exchange(&ring->shared->consumer_sleeps, 0) != 0;
}

/*@ requires attached(ring);
    assigns ring->shared->consumer_sleeps; */
bool ring_prepare_sleep(struct ring *ring)
{
    atomic_store(&ring->shared->consumer_sleeps, 1);
    if (atomic_load(&ring->shared->produced) == ring->index)
        return true;
    atomic_store(&ring->shared->consumer_sleeps, 0);
    return false;
}

/*@ requires attached(ring);
    assigns ring->shared->consumer_sleeps; */
void ring_stay_awake(struct ring *ring)
{
    /* In no order with anything: who does not see it wakes in vain. */
    atomic_store_explicit(&ring->shared->consumer_sleeps, 0, memory_order_relaxed);
}

/*@ requires attached((struct ring *)ring);
    assigns \nothing; */
bool ring_sleeps(const struct ring *ring)
{
    return atomic_load_explicit(&ring->shared->produced, memory_order_acquire) == ring->index &&
           atomic_load(&ring->shared->consumer_sleeps) != 0;
}

/*@ requires attached(ring);
    assigns ring->shared->producer_waits; */
bool ring_prepare_wait(struct ring *ring, uint32_t bytes)
{
    atomic_store(&ring->shared->producer_waits, 1);
    uint32_t used = ring->index - atomic_load(&ring->shared->consumed);
    if (used > ring->size || ring->size - used < bytes)
        return true;
    atomic_store(&ring->shared->producer_waits, 0);
    return false;
}

/*@ requires attached(ring);
    assigns ring->shared->producer_waits; */
bool ring_must_tell(struct ring *ring)
{
    /* What was read is known before the flag is looked at, as ring_prepare_wait does it the other
     * way round. */
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&ring->shared->producer_waits) == 0)
        return false;
    return atomic_exchange(&ring->shared->producer_waits, 0) != 0;
}

/*@ requires attached(ring);
    assigns ring->index, ring->shared->consumed;
    ensures attached(ring); */
void ring_drop(struct ring *ring)
{
    ring->index = atomic_load_explicit(&ring->shared->produced, memory_order_acquire);
    atomic_store_explicit(&ring->shared->consumed, ring->index, memory_order_release);
}
