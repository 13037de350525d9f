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

/* Where bytes stand that begin `offset` bytes behind this side's index, if they are in one piece.
 */
static uint8_t *one_piece(const struct ring *ring, uint32_t offset, uint32_t length)
{
    uint32_t at = (ring->index + offset) & (ring->size - 1);
    return length <= ring->size - at ? ring->data + at : NULL;
}

uint8_t *net_ring_room(struct net_ring *ring, uint32_t length)
{
    if (ring->broken || ring_room(&ring->out) < sizeof(struct net_record) + length)
        return NULL;
    return one_piece(&ring->out, sizeof(struct net_record), length);
}

bool net_ring_put(struct net_ring *ring, uint32_t offset, const uint8_t *bytes, uint32_t length)
{
    uint32_t at = (uint32_t)sizeof(struct net_record) + offset;
    if (ring->broken || ring_room(&ring->out) < at + length)
        return false;
    ring_put(&ring->out, at, bytes, length);
    return true;
}

void net_ring_publish(struct net_ring *ring, const struct net_offload *offload, uint32_t length)
{
    const struct net_record record = {
        .length = length,
        .flags = offload->flags,
        .gso = offload->gso,
        .header_length = offload->header_length,
        .gso_size = offload->gso_size,
        .checksum_start = offload->checksum_start,
        .checksum_offset = offload->checksum_offset,
    };
    ring_put(&ring->out, 0, (const uint8_t *)&record, sizeof(record));
    ring_publish(&ring->out, (uint32_t)sizeof(record) + length);
}

bool net_ring_send(struct net_ring *ring, const struct net_frame *frame)
{
    uint32_t head = frame->rest == NULL ? frame->length : NET_HEAD;
    bool there = frame->data == net_ring_room(ring, frame->length);
    if (!there && !net_ring_put(ring, 0, frame->data, head))
        return false;
    if (frame->rest != NULL && !net_ring_put(ring, head, frame->rest, frame->length - head))
        return false;
    net_ring_publish(ring, &frame->offload, frame->length);
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

/* Copies the frame that the record in front of it tells of, or its head. */
static void show(const struct ring *ring, const struct net_record *record, uint8_t *buffer,
                 struct net_frame *frame)
{
    const uint8_t *place = one_piece(ring, sizeof(*record), record->length);
    bool stays = place != NULL && record->length > NET_HEAD;
    ring_peek(ring, sizeof(*record), buffer, stays ? NET_HEAD : record->length);
    *frame = (struct net_frame){
        .data = buffer,
        .length = record->length,
        .offload = {.flags = record->flags,
                    .gso = record->gso,
                    .header_length = record->header_length,
                    .gso_size = record->gso_size,
                    .checksum_start = record->checksum_start,
                    .checksum_offset = record->checksum_offset},
        .rest = stays ? place + NET_HEAD : NULL,
    };
}

void net_ring_done(struct net_ring *ring, const struct net_frame *frame)
{
    ring_take(&ring->in, (uint32_t)sizeof(struct net_record) + frame->length);
}

int net_ring_look(struct net_ring *ring, uint8_t *buffer, struct net_frame *frame)
{
    struct net_record record;
    if (ring->broken)
        return NET_RING_BROKEN;
    for (;;) {
        int64_t held = ring_held(&ring->in);
        if (held == 0)
            return 0;
        /* Records come whole: whoever waited for the rest might wait long. */
        if (held < (int64_t)sizeof(record))
            return break_ring(ring);
        ring_peek(&ring->in, 0, (uint8_t *)&record, sizeof(record));
        if (record.length < NET_HEADER || record.length > NET_FRAME_MAX || record.zero != 0 ||
            held < (int64_t)sizeof(record) + record.length)
            return break_ring(ring);
        show(&ring->in, &record, buffer, frame);
        if (net_frame_valid(frame))
            return 1;
        net_ring_done(ring, frame);
    }
}

int net_ring_receive(struct net_ring *ring, uint8_t *buffer, struct net_frame *frame)
{
    int result = net_ring_look(ring, buffer, frame);
    if (result != 1)
        return result;
    if (frame->rest != NULL)
        memcpy(buffer + NET_HEAD, frame->rest, frame->length - NET_HEAD);
    frame->rest = NULL;
    net_ring_done(ring, frame);
    return 1;
}

bool net_ring_prepare_sleep(struct net_ring *ring)
{
    return ring->broken || ring_prepare_sleep(&ring->in);
}
