/* SPDX-License-Identifier: BSD-2-Clause */
#include <net/ring.h>
#include <string.h>

int net_ring_attach(struct net_ring *ring, uint8_t *region, uint64_t size, bool network)
{
    uint64_t half = size / 2 & ~63ull;
    memset(ring, 0, sizeof(*ring));
    if (size < NET_REGION_LEAST)
        return RING_ERROR_SIZE;
    int error = ring_attach(&ring->out, network ? region + half : region, half, true);
    return error != RING_OK ? error
                            : ring_attach(&ring->in, network ? region : region + half, half, false);
}

bool net_ring_send(struct net_ring *ring, const struct net_frame *frame)
{
    const struct net_record record = {
        .length = frame->length,
        .flags = frame->offload.flags,
        .gso = frame->offload.gso,
        .header_length = frame->offload.header_length,
        .gso_size = frame->offload.gso_size,
        .checksum_start = frame->offload.checksum_start,
        .checksum_offset = frame->offload.checksum_offset,
    };
    if (ring->broken || ring_room(&ring->out) < sizeof(record) + frame->length)
        return false;
    /* The peer's index is read anew by each write, so the second may still find it impossible. */
    ring->broken = ring_write(&ring->out, (const uint8_t *)&record, sizeof(record)) !=
                       (int64_t)sizeof(record) ||
                   ring_write(&ring->out, frame->data, frame->length) != (int64_t)frame->length;
    return !ring->broken;
}

bool net_ring_must_wake(struct net_ring *ring)
{
    return ring_must_wake(&ring->out);
}

bool net_ring_prepare_wait(struct net_ring *ring, const struct net_frame *frame)
{
    return ring->broken || ring_prepare_wait(&ring->out, sizeof(struct net_record) + frame->length);
}

bool net_ring_must_tell(struct net_ring *ring)
{
    return ring_must_tell(&ring->in);
}

static int break_ring(struct net_ring *ring)
{
    ring->broken = true;
    return NET_RING_BROKEN;
}

/* Bytes that can be read now, or an error. */
static int64_t waiting(const struct ring *ring)
{
    uint32_t used =
        atomic_load_explicit(&ring->shared->produced, memory_order_acquire) - ring->index;
    return used > ring->size ? RING_ERROR_BROKEN : (int64_t)used;
}

int net_ring_receive(struct net_ring *ring, uint8_t *buffer, struct net_frame *frame)
{
    if (ring->broken)
        return NET_RING_BROKEN;
    for (;;) {
        int64_t have = waiting(&ring->in);
        if (have < 0)
            return break_ring(ring);
        if (!ring->have_record) {
            if (have < (int64_t)sizeof(ring->record))
                return 0;
            if (ring_read(&ring->in, (uint8_t *)&ring->record, sizeof(ring->record)) !=
                (int64_t)sizeof(ring->record))
                return break_ring(ring);
            ring->have_record = true;
            have -= (int64_t)sizeof(ring->record);
        }
        const struct net_record *record = &ring->record;
        if (record->length < NET_HEADER || record->length > NET_FRAME_MAX || record->zero != 0)
            return break_ring(ring);
        if (have < (int64_t)record->length)
            return 0; /* the peer is still writing it */
        if (ring_read(&ring->in, buffer, record->length) != (int64_t)record->length)
            return break_ring(ring);
        ring->have_record = false;
        *frame = (struct net_frame){
            .data = buffer,
            .length = record->length,
            .offload = {.flags = record->flags,
                        .gso = record->gso,
                        .header_length = record->header_length,
                        .gso_size = record->gso_size,
                        .checksum_start = record->checksum_start,
                        .checksum_offset = record->checksum_offset},
        };
        if (net_frame_valid(frame))
            return 1;
    }
}

bool net_ring_prepare_sleep(struct net_ring *ring)
{
    return ring->broken || ring_prepare_sleep(&ring->in);
}
