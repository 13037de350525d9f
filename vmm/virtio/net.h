/* SPDX-License-Identifier: BSD-2-Clause
 *
 * virtio-net (virtio 1.2, section 5.1): a network card with checksum and segmentation offloads both
 * ways, mergeable receive buffers, several pairs of queues and a control queue.
 */
#ifndef VMM_VIRTIO_NET_H
#define VMM_VIRTIO_NET_H

#include <net/frame.h>

#include "vmm/virtio/pci.h"

#define VIRTIO_NET_MAX_PAIRS 4u
#define VIRTIO_NET_UNICAST   16u
#define VIRTIO_NET_MULTICAST 64u

/* 5.1.3 */
#define VIRTIO_NET_F_CSUM       (1ull << 0)
#define VIRTIO_NET_F_GUEST_CSUM (1ull << 1)
#define VIRTIO_NET_F_MAC        (1ull << 5)
#define VIRTIO_NET_F_GUEST_TSO4 (1ull << 7)
#define VIRTIO_NET_F_GUEST_TSO6 (1ull << 8)
#define VIRTIO_NET_F_GUEST_ECN  (1ull << 9)
#define VIRTIO_NET_F_HOST_TSO4  (1ull << 11)
#define VIRTIO_NET_F_HOST_TSO6  (1ull << 12)
#define VIRTIO_NET_F_HOST_ECN   (1ull << 13)
#define VIRTIO_NET_F_MRG_RXBUF  (1ull << 15)
#define VIRTIO_NET_F_STATUS     (1ull << 16)
#define VIRTIO_NET_F_CTRL_VQ    (1ull << 17)
#define VIRTIO_NET_F_CTRL_RX    (1ull << 18)
#define VIRTIO_NET_F_CTRL_VLAN  (1ull << 19)
#define VIRTIO_NET_F_CTRL_EXTRA (1ull << 20)
#define VIRTIO_NET_F_MQ         (1ull << 22)

/* In front of every frame (5.1.6). */
struct virtio_net_header {
    uint8_t flags;
    uint8_t gso_type;
    uint16_t header_length;
    uint16_t gso_size;
    uint16_t checksum_start;
    uint16_t checksum_offset;
    uint16_t buffers;
};

/* Configuration space (5.1.4). */
struct virtio_net_config {
    uint8_t mac[NET_MAC_SIZE];
    uint16_t status;
    uint16_t max_pairs;
};

_Static_assert(sizeof(struct virtio_net_header) == 12, "virtio 1.2, 5.1.6");
_Static_assert(sizeof(struct virtio_net_config) == 10, "virtio 1.2, 5.1.4");

/* What the driver wants to receive, by the control queue (5.1.6.5). */
struct virtio_net_filter {
    bool promiscuous;
    bool all_multicast;
    bool all_unicast;
    bool no_multicast;
    bool no_unicast;
    bool no_broadcast;
    unsigned unicast_count;
    unsigned multicast_count;
    uint8_t unicast[VIRTIO_NET_UNICAST][NET_MAC_SIZE];
    uint8_t multicast[VIRTIO_NET_MULTICAST][NET_MAC_SIZE];
    uint8_t vlan[512]; /* bit set: wanted */
};

/* What the card tells; any may be NULL. */
struct virtio_net_events {
    void (*resume)(void *context); /* there may be room for frames that were refused */
    void (*sent)(void *context);   /* the frames that were delivered so far are all for now */
    void *context;
};

struct virtio_net {
    struct virtio_device device;
    struct virtio_model model;
    struct virtio_net_config config;
    struct virtio_net_filter filter;
    unsigned max_pairs;
    unsigned pairs; /* in use */
    struct net_sink network;
    struct virtio_net_events events;
    uint64_t dropped; /* frames that made no sense or found no buffer that fits */
    bool transmit_stalled[VIRTIO_NET_MAX_PAIRS];
    struct virtqueue_chain chain;  /* being worked on ... */
    struct virtqueue_chain first;  /* ... and the first one of a frame that takes several */
    uint8_t frame[NET_FRAME_MAX];  /* copied out of memory that others can change */
    uint8_t packet[NET_FRAME_MAX]; /* for the guest, cut to what it can take */
};

/*
 * A card in PCI slot `slot` with 1 to VIRTIO_NET_MAX_PAIRS pairs of queues. Frames of the guest go
 * to `network`; when that refuses one, virtio_net_transmit_ready is to be called later.
 */
void virtio_net_initialize(struct virtio_net *net, unsigned slot, const struct memory *memory,
                           struct apic_bus *apics, struct irq *irq, const uint8_t mac[NET_MAC_SIZE],
                           unsigned pairs, const struct net_sink *network,
                           const struct virtio_net_events *events);

/*
 * Hands a frame to the guest. true: it is done with, delivered or dropped; false: the guest has no
 * buffer now, the frame may be offered again.
 */
bool virtio_net_receive(struct virtio_net *net, const struct net_frame *frame);

/* The network takes frames again. */
void virtio_net_transmit_ready(struct virtio_net *net);

/* Cable in or out. */
void virtio_net_set_link(struct virtio_net *net, bool up);

/* The control queue: one request; 1, 0 when there is none, or an error. In net_control.c. */
int virtio_net_control(struct virtio_net *net, struct virtqueue *queue);
void virtio_net_filter_reset(struct virtio_net *net);
bool virtio_net_filter_accepts(const struct virtio_net *net, const uint8_t *frame, uint32_t length);

#endif
