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
    uint32_t length = (uint32_t)sizeof(record) + frame->length;
    if (ring->broken || ring_room(&ring->out) < length)
        return false;
    ring_put(&ring->out, 0, (const uint8_t *)&record, sizeof(record));
    ring_put(&ring->out, sizeof(record), frame->data, frame->length);
    ring_publish(&ring->out, length);
    return true;
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

int net_ring_receive(struct net_ring *ring, uint8_t *buffer, struct net_frame *frame)
{
    struct net_record record;
    if (ring->broken)
        return NET_RING_BROKEN;
    for (;;) {
        int64_t held = ring_held(&ring->in);
        if (held == 0)
            return 0;
        if (held < (int64_t)sizeof(record))
            return break_ring(
                ring); /* records come whole: whoever waited for the rest might wait long */
        ring_peek(&ring->in, 0, (uint8_t *)&record, sizeof(record));
        if (record.length < NET_HEADER || record.length > NET_FRAME_MAX || record.zero != 0 ||
            held < (int64_t)sizeof(record) + record.length)
            return break_ring(ring);
        ring_peek(&ring->in, sizeof(record), buffer, record.length);
        ring_take(&ring->in, (uint32_t)sizeof(record) + record.length);
        *frame = (struct net_frame){
            .data = buffer,
            .length = record.length,
            .offload = {.flags = record.flags,
                        .gso = record.gso,
                        .header_length = record.header_length,
                        .gso_size = record.gso_size,
                        .checksum_start = record.checksum_start,
                        .checksum_offset = record.checksum_offset},
        };
        if (net_frame_valid(frame))
            return 1;
    }
}

bool net_ring_prepare_sleep(struct net_ring *ring)
{
    return ring->broken || ring_prepare_sleep(&ring->in);
}
