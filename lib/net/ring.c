/* SPDX-License-Identifier: BSD-2-Clause */
#include <net/ring.h>
#include <string.h>

#define RECORD ((uint32_t)sizeof(struct net_record))

_Static_assert((RECORD & (RECORD - 1)) == 0 && RECORD <= 64, "a header never wraps around");

/* What a frame takes of the ring. */
static uint32_t span(uint32_t length)
{
    return (RECORD + length + RECORD - 1) & ~(RECORD - 1);
}

static uint32_t place(const struct ring *ring)
{
    return ring->index & (ring->size - 1);
}

int net_ring_attach(struct net_ring *ring, uint8_t *region, uint64_t size, bool network)
{
    uint64_t half = size / 2 & ~63ull;
    memset(ring, 0, sizeof(*ring));
    if (size < NET_REGION_LEAST)
        return RING_ERROR_SIZE;
    int error = ring_attach(&ring->out, network ? region + half : region, half, true);
    if (error == RING_OK)
        error = ring_attach(&ring->in, network ? region : region + half, half, false);
    /* What stood there is the peer's to change, and no side stops between such multiples. */
    ring->broken = error == RING_OK && ((ring->out.index | ring->in.index) & (RECORD - 1)) != 0;
    return error;
}

/* What is left out so that `bytes` are in one piece. */
static uint32_t to_skip(const struct ring *ring, uint32_t bytes)
{
    uint32_t left = ring->size - place(ring);
    return bytes <= left ? 0 : left;
}

uint8_t *net_ring_room(struct net_ring *ring, uint32_t length)
{
    uint32_t bytes = span(length);
    uint32_t skip = to_skip(&ring->out, bytes);
    if (ring->broken || ring_room(&ring->out) < skip + bytes)
        return NULL;
    ring->skip = skip;
    ring->promised = ring->out.data + (skip == 0 ? place(&ring->out) : 0) + RECORD;
    ring->promised_length = length;
    return ring->promised;
}

uint8_t *net_ring_begin(struct net_ring *ring, uint32_t length, uint32_t *most)
{
    uint8_t *at = net_ring_room(ring, NET_FRAME_MAX);
    *most = NET_FRAME_MAX;
    if (at != NULL || (at = net_ring_room(ring, length)) == NULL)
        return at;
    uint32_t end = ring->out.size - (uint32_t)(at - ring->out.data);
    uint32_t room = ring_room(&ring->out) - ring->skip - RECORD;
    *most = room < end ? room : end;
    return at;
}

void net_ring_publish(struct net_ring *ring, const struct net_offload *offload, uint32_t length)
{
    const struct net_record record = {.length = length, .offload = *offload};
    uint32_t at = place(&ring->out);
    if (ring->skip != 0) {
        memset(ring->out.data + at, 0, RECORD);
        at = 0;
    }
    memcpy(ring->out.data + at, &record, RECORD);
    ring_publish(&ring->out, ring->skip + span(length));
    ring->skip = 0;
    ring->promised = NULL;
}

bool net_ring_send(struct net_ring *ring, const struct net_frame *frame)
{
    if (frame->data != ring->promised || frame->length > ring->promised_length) {
        uint8_t *at = net_ring_room(ring, frame->length);
        if (at == NULL)
            return false;
        if (frame->rest != NULL) {
            memcpy(at, frame->data, NET_HEAD);
            memcpy(at + NET_HEAD, frame->rest, frame->length - NET_HEAD);
        } else if (frame->data != at) {
            memcpy(at, frame->data, frame->length);
        }
    }
    net_ring_publish(ring, &frame->offload, frame->length);
    return true;
}

bool net_ring_must_wake(struct net_ring *ring)
{
    return ring_must_wake(&ring->out);
}

bool net_ring_prepare_wait(struct net_ring *ring, const struct net_frame *frame)
{
    uint32_t bytes = span(frame->length);
    return ring->broken || ring_prepare_wait(&ring->out, to_skip(&ring->out, bytes) + bytes);
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

void net_ring_done(struct net_ring *ring, const struct net_frame *frame)
{
    ring_take(&ring->in, span(frame->length));
}

int net_ring_pass(struct net_ring *ring, struct net_frame *frame)
{
    struct net_record record;
    bool skipped = false;
    if (ring->broken)
        return NET_RING_BROKEN;
    for (;;) {
        int64_t held = ring_held(&ring->in);
        /* Records come whole, and behind one that says nothing there is another: whoever waited for
         * the rest might wait long. */
        if (held == 0 && !skipped)
            return 0;
        if (held < (int64_t)RECORD)
            return break_ring(ring);
        uint32_t at = place(&ring->in);
        uint32_t left = ring->in.size - at;
        memcpy(&record, ring->in.data + at, RECORD);
        if (record.length == 0 && at != 0 && held > (int64_t)left) {
            ring_take(&ring->in, left);
            skipped = true;
            continue;
        }
        if (record.length < NET_HEADER || record.length > NET_FRAME_MAX || record.zero != 0 ||
            span(record.length) > left || held < (int64_t)span(record.length))
            return break_ring(ring);
        frame->data = ring->in.data + at + RECORD;
        frame->length = record.length;
        frame->offload = record.offload;
        frame->rest = NULL;
        if (net_frame_valid(frame))
            return 1;
        net_ring_done(ring, frame);
        skipped = false;
    }
}

int net_ring_look(struct net_ring *ring, uint8_t *buffer, struct net_frame *frame)
{
    int result = net_ring_pass(ring, frame);
    if (result != 1)
        return result;
    /* As many as can be looked at, even if the frame has fewer: a number that the compiler knows.
     */
    if (ring->in.size - (uint32_t)(frame->data - ring->in.data) >= NET_HEAD)
        memcpy(buffer, frame->data, NET_HEAD);
    else
        memcpy(buffer, frame->data, frame->length);
    frame->rest = frame->length > NET_HEAD ? frame->data + NET_HEAD : NULL;
    frame->data = buffer;
    return 1;
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
