/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/net/virtio_net.h"

#include <string.h>

/* 5.1.3 */
#define F_CSUM       (1ull << 0)
#define F_GUEST_CSUM (1ull << 1)
#define F_MAC        (1ull << 5)
#define F_HOST_TSO4  (1ull << 11)
#define F_HOST_TSO6  (1ull << 12)

#define RECEIVE  0u
#define TRANSMIT 1u

#define HEADER       12u
#define RECEIVE_SIZE 2048u
#define PACKET_SIZE  2048u    /* of a transmit buffer for a device that does not cut frames ... */
#define FRAME_SIZE   0x11000u /* ... and for one that does: the largest frame, whole pages */
#define QUEUE_SIZE   128u

_Static_assert(HEADER + NET_FRAME_MAX <= FRAME_SIZE, "the largest frame fits");
_Static_assert(HEADER + NET_HEADER + NET_TAG + NET_MTU <= PACKET_SIZE, "a packet fits");
_Static_assert(VIRTIO_NET_RECEIVE_BUFFERS <= QUEUE_SIZE &&
                   VIRTIO_NET_TRANSMIT_BUFFERS <= QUEUE_SIZE,
               "each buffer has a descriptor");
_Static_assert(VIRTIO_NET_TRANSMIT_BUFFERS *PACKET_SIZE <= VIRTIO_NET_FRAME_BUFFERS * FRAME_SIZE &&
                   VIRTIO_NET_RECEIVE_BUFFERS * RECEIVE_SIZE +
                           VIRTIO_NET_FRAME_BUFFERS * FRAME_SIZE + 0x10000u <=
                       VIRTIO_NET_DMA_SIZE,
               "the DMA memory is enough, queues included");

static void post(struct virtio_net_driver *driver, uint32_t index)
{
    const struct virtio_buffer buffer = {dma_address(driver->dma, driver->receive_buffer) +
                                             (uint64_t)index * RECEIVE_SIZE,
                                         RECEIVE_SIZE};
    if (virtio_queue_add(&driver->receive, &buffer, 0, 1, index) != VIRTIO_QUEUE_OK)
        driver->broken = true; /* each buffer has its place, so the bookkeeping is wrong */
}

static void notify(struct virtio_net_driver *driver, struct virtio_queue *queue)
{
    if (virtio_queue_must_notify(queue))
        virtio_notify(&driver->transport, queue);
}

static void break_down(struct virtio_net_driver *driver)
{
    driver->broken = true;
    virtio_stop(&driver->transport);
}

/* Takes transmit buffers back. */
static void reclaim(struct virtio_net_driver *driver)
{
    uint32_t index;
    uint32_t written;
    int result;
    while ((result = virtio_queue_take(&driver->transmit, &index, &written)) == 1)
        driver->free_transmit[driver->free_count++] = (uint8_t)index;
    if (result < 0)
        break_down(driver);
}

/* Is there a transmit buffer, and a device that works? */
static bool has_room(struct virtio_net_driver *driver)
{
    if (driver->free_count == 0)
        reclaim(driver);
    if (driver->free_count == 0 && !driver->broken) {
        virtio_queue_want_interrupt(&driver->transmit);
        reclaim(driver); /* what the device took before it saw that */
    }
    return driver->free_count != 0 && !driver->broken;
}

static void put_header(uint8_t *at, const struct net_offload *offload)
{
    at[0] = offload->flags & NET_NEEDS_CHECKSUM;
    at[1] = offload->gso;
    memcpy(at + 2, &offload->header_length, 2);
    memcpy(at + 4, &offload->gso_size, 2);
    memcpy(at + 6, &offload->checksum_start, 2);
    memcpy(at + 8, &offload->checksum_offset, 2);
    net_put16(at + 10, 0);
}

static bool device_can_finish(const struct virtio_net_driver *driver,
                              const struct net_offload *offload)
{
    uint64_t needed = 0;
    if ((offload->flags & NET_NEEDS_CHECKSUM) != 0)
        needed |= F_CSUM;
    if (offload->gso == NET_GSO_TCP4)
        needed |= F_HOST_TSO4;
    else if (offload->gso == NET_GSO_TCP6)
        needed |= F_HOST_TSO6;
    else if (offload->gso != NET_GSO_NONE)
        return false;
    return (driver->transport.features & needed) == needed;
}

/* Puts the frame, or the next packet of it, behind the header; its length, or 0: it is dropped. */
static uint32_t put_frame(struct virtio_net_driver *driver, uint8_t *at,
                          const struct net_frame *frame)
{
    static const struct net_offload nothing;
    uint32_t room = driver->transmit_size - HEADER;
    if (!driver->plain.more && device_can_finish(driver, &frame->offload)) {
        if (frame->length > room)
            return 0;
        put_header(at, &frame->offload);
        net_frame_copy(frame, 0, at + HEADER, frame->length);
        return frame->length;
    }
    if (room > NET_HEADER + NET_TAG + NET_MTU)
        room = NET_HEADER + NET_TAG + NET_MTU;
    put_header(at, &nothing);
    return net_plain_next(&driver->plain, frame, at + HEADER, room);
}

/* false: no room for the frame, or for the rest of it. */
static bool put_all(struct virtio_net_driver *driver, const struct net_frame *frame)
{
    do {
        if (!has_room(driver))
            return false;
        uint8_t index = driver->free_transmit[driver->free_count - 1];
        uint8_t *at = driver->transmit_buffer + (uint64_t)index * driver->transmit_size;
        uint32_t length = put_frame(driver, at, frame);
        if (length == 0) {
            driver->dropped++;
            return true;
        }
        const struct virtio_buffer buffer = {dma_address(driver->dma, at), HEADER + length};
        if (virtio_queue_add(&driver->transmit, &buffer, 1, 0, index) != VIRTIO_QUEUE_OK) {
            break_down(driver); /* each buffer has its place, so the bookkeeping is wrong */
            return false;
        }
        driver->free_count--;
    } while (driver->plain.more);
    return true;
}

static bool transmit(void *context, const struct net_frame *frame)
{
    struct virtio_net_driver *driver = context;
    if (!net_frame_valid(frame)) {
        driver->dropped++;
        return true;
    }
    bool done = put_all(driver, frame);
    if (driver->broken)
        return true; /* nobody is to wait for it */
    notify(driver, &driver->transmit);
    driver->refused |= !done;
    return done;
}

/* One received frame. Its header is copied before it is looked at; its data is for whoever copies
 * it out of the DMA memory (net/merge.h). */
static void hand_in(struct virtio_net_driver *driver, uint32_t index, uint32_t written)
{
    const uint8_t *at = driver->receive_buffer + (uint64_t)index * RECEIVE_SIZE;
    if (written < HEADER + NET_HEADER || written > RECEIVE_SIZE) {
        driver->dropped++;
        return;
    }
    uint8_t header[HEADER];
    memcpy(header, at, HEADER);
    struct net_frame frame = {.data = at + HEADER, .length = written - HEADER};
    frame.offload.flags = header[0] & (NET_NEEDS_CHECKSUM | NET_CHECKSUM_GOOD);
    if ((driver->transport.features & F_GUEST_CSUM) == 0)
        frame.offload.flags = 0;
    memcpy(&frame.offload.checksum_start, header + 6, 2);
    memcpy(&frame.offload.checksum_offset, header + 8, 2);
    if (!net_frame_valid(&frame) || !driver->input.deliver(driver->input.context, &frame))
        driver->dropped++;
}

/* How many frames there were. */
static unsigned receive(struct virtio_net_driver *driver)
{
    uint32_t index;
    uint32_t written;
    unsigned count = 0;
    int result = 0;
    while (count < VIRTIO_NET_RECEIVE_BUFFERS &&
           (result = virtio_queue_take(&driver->receive, &index, &written)) == 1) {
        hand_in(driver, index, written);
        post(driver, index);
        count++;
    }
    if (result < 0)
        break_down(driver);
    else
        notify(driver, &driver->receive);
    return count;
}

bool virtio_net_interrupt(struct virtio_net_driver *driver)
{
    if (driver->broken)
        return false;
    /* The device interrupts for what comes after it was asked to; what came before that is looked
     * for once more (2.7.10). */
    driver->more = receive(driver) == VIRTIO_NET_RECEIVE_BUFFERS;
    if (!driver->broken && !driver->more) {
        virtio_queue_want_interrupt(&driver->receive);
        driver->more = virtio_queue_has_any(&driver->receive);
    }
    if (!driver->broken && driver->refused)
        reclaim(driver);
    if (!driver->broken && virtio_is_broken(&driver->transport))
        break_down(driver);
    driver->more &= !driver->broken;
    bool room = driver->refused && driver->free_count != 0;
    if (room)
        driver->refused = false;
    return room;
}

int virtio_net_start(struct virtio_net_driver *driver, const struct registers *config,
                     const struct registers bar[PCI_BAR_COUNT], struct dma *dma, uint16_t vector,
                     const struct net_sink *input)
{
    const uint64_t wanted = F_CSUM | F_GUEST_CSUM | F_HOST_TSO4 | F_HOST_TSO6 |
                            VIRTIO_FEATURE_EVENT | VIRTIO_FEATURE_PACKED;
    memset(driver, 0, sizeof(*driver));
    driver->dma = dma;
    driver->input = *input;
    driver->output = (struct net_sink){transmit, driver, NULL};
    pci_enable(config, true);
    int error = virtio_find(&driver->transport, config, bar);
    if (error == VIRTIO_OK)
        error = virtio_negotiate(&driver->transport, wanted, F_MAC);
    if (error == VIRTIO_OK)
        error = virtio_start_queue(&driver->transport, dma, RECEIVE, QUEUE_SIZE, vector,
                                   &driver->receive);
    if (error == VIRTIO_OK)
        error = virtio_start_queue(&driver->transport, dma, TRANSMIT, QUEUE_SIZE, vector,
                                   &driver->transmit);
    if (error != VIRTIO_OK)
        return error;
    driver->receive_buffer = dma_allocate(dma, VIRTIO_NET_RECEIVE_BUFFERS * RECEIVE_SIZE, 4096);
    driver->transmit_buffer = dma_allocate(dma, VIRTIO_NET_FRAME_BUFFERS * FRAME_SIZE, 4096);
    if (driver->receive_buffer == NULL || driver->transmit_buffer == NULL)
        return VIRTIO_ERROR_QUEUE;
    for (unsigned i = 0; i < NET_MAC_SIZE; i++)
        driver->mac[i] = registers_read8(&driver->transport.device, i);
    bool cuts = (driver->transport.features & (F_HOST_TSO4 | F_HOST_TSO6)) != 0;
    driver->transmit_size = cuts ? FRAME_SIZE : PACKET_SIZE;
    unsigned buffers = cuts ? VIRTIO_NET_FRAME_BUFFERS : VIRTIO_NET_TRANSMIT_BUFFERS;
    /* A device may have made its queues smaller than the buffers there are. */
    for (; driver->free_count < buffers && driver->free_count < driver->transmit.size;
         driver->free_count++)
        driver->free_transmit[driver->free_count] = (uint8_t)driver->free_count;
    virtio_set_config_vector(&driver->transport, vector);
    virtio_ready(&driver->transport);
    virtio_queue_no_interrupt(&driver->transmit);
    for (uint32_t i = 0; i < VIRTIO_NET_RECEIVE_BUFFERS && i < driver->receive.size; i++)
        post(driver, i);
    virtio_queue_want_interrupt(&driver->receive);
    notify(driver, &driver->receive);
    return driver->broken ? VIRTIO_ERROR_QUEUE : VIRTIO_OK;
}
