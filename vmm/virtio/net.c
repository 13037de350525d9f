/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/virtio/net.h"

#include <string.h>

#define DEVICE_ID      1
#define STATUS_LINK_UP 1u
#define HEADER_NEEDS   1u /* VIRTIO_NET_HDR_F_NEEDS_CSUM */
#define HEADER_GOOD    2u /* VIRTIO_NET_HDR_F_DATA_VALID */
#define MAX_BUFFERS    64u

_Static_assert(HEADER_NEEDS == NET_NEEDS_CHECKSUM && HEADER_GOOD == NET_CHECKSUM_GOOD,
               "the flags of a frame are those of virtio 1.2, 5.1.6");

/* Without VIRTIO_NET_F_MQ there is one pair, and the control queue stands behind it (5.1.2). */
static unsigned control_index(const struct virtio_net *net)
{
    return virtio_has(&net->device, VIRTIO_NET_F_MQ) ? 2 * net->max_pairs : 2;
}

/* 5.1.6.2: what the driver may ask for depends on what was negotiated. */
static bool allowed(const struct virtio_net *net, const struct net_offload *offload)
{
    uint8_t kind = offload->gso & (uint8_t)~NET_GSO_ECN;
    if ((offload->flags & NET_NEEDS_CHECKSUM) != 0 && !virtio_has(&net->device, VIRTIO_NET_F_CSUM))
        return false;
    if (kind == NET_GSO_TCP4 && !virtio_has(&net->device, VIRTIO_NET_F_HOST_TSO4))
        return false;
    if (kind == NET_GSO_TCP6 && !virtio_has(&net->device, VIRTIO_NET_F_HOST_TSO6))
        return false;
    return (offload->gso & NET_GSO_ECN) == 0 || virtio_has(&net->device, VIRTIO_NET_F_HOST_ECN);
}

/* Copies the guest's frame and sends it; false when the network has no room. */
static bool send(struct virtio_net *net, const struct virtqueue_chain *chain)
{
    struct virtio_net_header header;
    virtqueue_gather(chain->segment, chain->readable, 0, &header, sizeof(header));
    uint64_t length = chain->readable_length - sizeof(header);
    struct net_frame frame = {
        .length = length > NET_FRAME_MAX ? 0 : (uint32_t)length,
        .offload = {.flags = header.flags & HEADER_NEEDS,
                    .gso = header.gso_type,
                    .header_length = header.header_length,
                    .gso_size = header.gso_size,
                    .checksum_start = header.checksum_start,
                    .checksum_offset = header.checksum_offset},
    };
    if (!net_frame_valid(&frame) || !allowed(net, &frame.offload)) {
        net->dropped++;
        return true;
    }
    uint8_t *place =
        net->network.room == NULL ? NULL : net->network.room(net->network.context, frame.length);
    if (place == NULL)
        place = net->frame;
    frame.data = place;
    virtqueue_gather(chain->segment, chain->readable, sizeof(header), place, frame.length);
    return net->network.deliver(net->network.context, &frame);
}

/* Sends what is there; *any: there was something. */
static int transmit_some(struct virtio_net *net, unsigned pair, bool *any)
{
    struct virtqueue *queue = &net->device.queue[2 * pair + 1];
    struct virtqueue_chain *chain = &net->chain;
    int result;
    *any = false;
    while ((result = virtqueue_pop(queue, chain)) == 1) {
        if (chain->readable_length < sizeof(struct virtio_net_header))
            return VIRTQUEUE_ERROR_CHAIN;
        if (!send(net, chain)) {
            virtqueue_unpop(queue, chain->token);
            net->transmit_stalled[pair] = true;
            return 0;
        }
        virtqueue_push(queue, chain->token, 0);
        *any = true;
    }
    return result;
}

static int transmit(struct virtio_net *net, unsigned pair)
{
    struct virtqueue *queue = &net->device.queue[2 * pair + 1];
    net->transmit_stalled[pair] = false;
    bool any;
    int result = transmit_some(net, pair, &any);
    while (any && result == 0 && !net->transmit_stalled[pair]) {
        /* The driver notifies of what comes after this; so after each round with anything in it
         * there is another one, or another vCPU's frame would wait in vain (2.7.10). */
        virtqueue_enable_notification(queue);
        result = transmit_some(net, pair, &any);
    }
    virtio_interrupt(&net->device, 2 * pair + 1);
    if (net->events.sent != NULL)
        net->events.sent(net->events.context);
    return result;
}

void virtio_net_transmit_ready(struct virtio_net *net)
{
    for (unsigned i = 0; i < net->max_pairs; i++) {
        if (net->transmit_stalled[i] && virtio_running(&net->device) && transmit(net, i) < 0)
            virtio_break(&net->device);
    }
}

/* Spreads flows over the pairs in use: the same addresses and ports give the same queue. */
static unsigned choose_pair(const struct virtio_net *net, const struct net_frame *frame)
{
    uint32_t hash = 0;
    uint32_t end = frame->length < 54 ? frame->length : 54;
    /* The fields that differ within a flow are left out: IPv4's lengths, identification, sums. */
    for (uint32_t i = net->pairs > 1 ? 26 : end; i < end && i < 38; i++)
        hash = hash * 31 + frame->data[i];
    return net->pairs > 1 ? (hash ^ hash >> 16) % net->pairs : 0;
}

/* Puts as much of the frame from byte `done` on as fits behind the chain's first `skip` bytes. */
static uint32_t put_part(const struct virtqueue_chain *chain, uint32_t skip,
                         const struct net_frame *frame, uint32_t done)
{
    const struct virtqueue_segment *segment = chain->segment + chain->readable;
    unsigned count = chain->count - chain->readable;
    uint32_t head = frame->rest == NULL ? frame->length : NET_HEAD;
    uint32_t first = 0;
    if (done < head) {
        first = virtqueue_scatter(segment, count, skip, frame->data + done, head - done);
        if (first < head - done)
            return first;
    }
    if (head == frame->length)
        return first;
    return first + virtqueue_scatter(segment, count, skip + first,
                                     frame->rest + (done + first - NET_HEAD),
                                     frame->length - done - first);
}

/*
 * Takes buffers for the frame, fills them and gives them back together. 1: done with, 0: there are
 * not enough now, or an error.
 */
static int fill(struct virtio_net *net, unsigned index, struct virtio_net_header *header,
                const struct net_frame *frame)
{
    uint32_t length = frame->length;
    struct virtqueue *queue = &net->device.queue[index];
    struct virtqueue_used used[MAX_BUFFERS];
    unsigned limit = virtio_has(&net->device, VIRTIO_NET_F_MRG_RXBUF) ? MAX_BUFFERS : 1;
    uint32_t done = 0;
    unsigned count = 0;
    int result = 1;
    while (done < length && count < limit) {
        struct virtqueue_chain *chain = count == 0 ? &net->first : &net->chain;
        uint32_t skip = count == 0 ? sizeof(*header) : 0;
        result = virtqueue_pop(queue, chain);
        if (result != 1)
            break;
        if (chain->writeable_length <= skip)
            return VIRTQUEUE_ERROR_CHAIN;
        uint32_t part = put_part(chain, skip, frame, done);
        done += part;
        used[count++] = (struct virtqueue_used){chain->token, skip + part};
    }
    if (done < length) {
        for (unsigned i = count; i > 0; i--)
            virtqueue_unpop(queue, used[i - 1].token);
        if (result == 1)
            net->dropped++; /* larger than what the driver has room for at all (5.1.6.3.2) */
        return result;
    }
    /* The count is known only now, so the header comes last. */
    header->buffers = (uint16_t)count;
    virtqueue_scatter(net->first.segment + net->first.readable,
                      net->first.count - net->first.readable, 0, header, sizeof(*header));
    virtqueue_push_all(queue, used, count);
    return 1;
}

/* One frame that the guest can take as it is; false when it has no buffers. */
static bool put(void *context, const struct net_frame *frame)
{
    struct virtio_net *net = context;
    unsigned index = 2 * choose_pair(net, frame);
    struct virtio_net_header header = {
        .flags = frame->offload.flags,
        .gso_type = frame->offload.gso,
        .header_length = frame->offload.header_length,
        .gso_size = frame->offload.gso_size,
        .checksum_start = frame->offload.checksum_start,
        .checksum_offset = frame->offload.checksum_offset,
    };
    /* 5.1.6.4.1: to a driver that did not negotiate it nothing is said about checksums. */
    if (!virtio_has(&net->device, VIRTIO_NET_F_GUEST_CSUM))
        header.flags = 0;
    int result = fill(net, index, &header, frame);
    if (result == 0) {
        /* Once more, for what came before the driver saw that it is to notify again. */
        virtqueue_enable_notification(&net->device.queue[index]);
        result = fill(net, index, &header, frame);
    }
    if (result < 0)
        virtio_break(&net->device);
    return result != 0;
}

/* Does the guest itself do what is still to be done to the frame? */
static bool guest_can_finish(const struct virtio_net *net, const struct net_offload *offload)
{
    uint64_t needed = 0;
    if ((offload->flags & NET_NEEDS_CHECKSUM) != 0)
        needed |= VIRTIO_NET_F_GUEST_CSUM;
    if ((offload->gso & NET_GSO_ECN) != 0)
        needed |= VIRTIO_NET_F_GUEST_ECN;
    if ((offload->gso & ~NET_GSO_ECN) == NET_GSO_TCP4)
        needed |= VIRTIO_NET_F_GUEST_TSO4;
    if ((offload->gso & ~NET_GSO_ECN) == NET_GSO_TCP6)
        needed |= VIRTIO_NET_F_GUEST_TSO6;
    return (net->device.driver_features & needed) == needed;
}

bool virtio_net_receive(struct virtio_net *net, const struct net_frame *frame)
{
    bool done;
    if (!virtio_running(&net->device) || (net->config.status & STATUS_LINK_UP) == 0)
        return true;
    if (!net_frame_valid(frame)) {
        net->dropped++;
        return true;
    }
    if (!virtio_net_filter_accepts(net, frame->data, frame->length))
        return true;
    const struct net_sink guest = {put, net, NULL};
    if (guest_can_finish(net, &frame->offload)) {
        done = put(net, frame);
    } else {
        done = net_deliver_plain(&guest, frame, net->packet);
    }
    for (unsigned i = 0; i < net->max_pairs; i++)
        virtio_interrupt(&net->device, 2 * i);
    return done;
}

static int control(struct virtio_net *net, unsigned index)
{
    struct virtqueue *queue = &net->device.queue[index];
    int result;
    bool any;
    do {
        virtqueue_enable_notification(queue);
        any = false;
        while ((result = virtio_net_control(net, queue)) == 1)
            any = true;
    } while (any && result == 0);
    virtio_interrupt(&net->device, index);
    return result;
}

static int notify(struct virtio_device *device, unsigned index)
{
    struct virtio_net *net = device->model->context;
    if (index == control_index(net) && virtio_has(device, VIRTIO_NET_F_CTRL_VQ))
        return control(net, index);
    if (index >= 2 * net->max_pairs)
        return 0;
    if (index % 2 == 1)
        return transmit(net, index / 2);
    if (net->events.resume != NULL)
        net->events.resume(net->events.context);
    return 0;
}

/* 5.1.3.1: what needs what. */
static bool accept(const struct virtio_device *device, uint64_t features)
{
    const uint64_t needs[][2] = {
        {VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_CSUM},
        {VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_CSUM},
        {VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6},
        {VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_CSUM},
        {VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_CSUM},
        {VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6},
        {VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VQ},
        {VIRTIO_NET_F_CTRL_EXTRA, VIRTIO_NET_F_CTRL_VQ},
        {VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_VQ},
        {VIRTIO_NET_F_MQ, VIRTIO_NET_F_CTRL_VQ},
    };
    (void)device;
    for (unsigned i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        if ((features & needs[i][0]) != 0 && (features & needs[i][1]) == 0)
            return false;
    }
    return true;
}

static void reset(struct virtio_device *device)
{
    struct virtio_net *net = device->model->context;
    virtio_net_filter_reset(net);
    memset(net->transmit_stalled, 0, sizeof(net->transmit_stalled));
}

void virtio_net_set_link(struct virtio_net *net, bool up)
{
    uint16_t status = up ? STATUS_LINK_UP : 0;
    if (net->config.status == status)
        return;
    net->config.status = status;
    virtio_config_changed(&net->device);
}

void virtio_net_initialize(struct virtio_net *net, unsigned slot, const struct memory *memory,
                           struct apic_bus *apics, struct irq *irq, const uint8_t mac[NET_MAC_SIZE],
                           unsigned pairs, const struct net_sink *network,
                           const struct virtio_net_events *events)
{
    memset(net, 0, sizeof(*net));
    net->max_pairs = pairs;
    net->network = *network;
    net->events = *events;
    memcpy(net->config.mac, mac, NET_MAC_SIZE);
    net->config.status = STATUS_LINK_UP;
    net->config.max_pairs = (uint16_t)pairs;
    uint64_t features = VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MAC |
                        VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 | VIRTIO_NET_F_GUEST_ECN |
                        VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN |
                        VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_CTRL_VQ |
                        VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_VLAN | VIRTIO_NET_F_CTRL_EXTRA;
    if (pairs > 1)
        features |= VIRTIO_NET_F_MQ;
    net->model = (struct virtio_model){
        .id = DEVICE_ID,
        .class_code = 0x020000, /* Ethernet controller */
        .features = features,
        .queues = 2 * pairs + 1,
        .config = (const uint8_t *)&net->config,
        .config_size = sizeof(net->config),
        .notify = notify,
        .reset = reset,
        .accept = accept,
        .context = net,
    };
    virtio_initialize(&net->device, &net->model, slot, memory, apics, irq);
}
