/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Our virtio-net driver on our virtio-net model; mergeable buffers, filters and the control queue
 * by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "service/net/virtio_net.h"
#include "vmm/virtio/net.h"

#define SLOT 4u

static const uint8_t mac[NET_MAC_SIZE] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

struct bench {
    struct machine *machine;
    struct virtio_net net;
    struct guest guest;
    struct virtio_net_driver driver;
    /* What the guest sent, and what it received. */
    uint8_t sent[NET_FRAME_MAX];
    struct net_frame sent_frame;
    unsigned sent_count;
    unsigned refuse;
    uint8_t received[NET_FRAME_MAX];
    struct net_frame received_frame;
    unsigned received_count;
    unsigned resumed;
    unsigned told; /* that these are all for now */
    /* The payload of a stream's packets, one behind the other. */
    uint8_t stream[NET_FRAME_MAX];
    uint32_t stream_length;
};

static bool network(void *context, const struct net_frame *frame)
{
    struct bench *b = context;
    if (b->refuse > 0) {
        b->refuse--;
        return false;
    }
    memcpy(b->sent, frame->data, frame->length);
    b->sent_frame = *frame;
    b->sent_frame.data = b->sent;
    b->sent_count++;
    return true;
}

static bool input(void *context, const struct net_frame *frame)
{
    struct bench *b = context;
    memcpy(b->received, frame->data, frame->length);
    b->received_frame = *frame;
    b->received_frame.data = b->received;
    b->received_count++;
    return true;
}

static void resume(void *context)
{
    struct bench *b = context;
    b->resumed++;
}

static void told(void *context)
{
    struct bench *b = context;
    b->told++;
}

static struct bench *create(unsigned pairs)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->machine = machine_create(1, VM_VENDOR_AMD);
    struct vm *vm = &b->machine->vm;
    const struct net_sink sink = {network, b, NULL};
    const struct virtio_net_events events = {.resume = resume, .sent = told, .context = b};
    virtio_net_initialize(&b->net, SLOT, &vm->memory, &vm->apics, &vm->irq, mac, pairs, &sink,
                          &events);
    assert_true(pci_add(&vm->pci, &b->net.device.function));
    guest_attach(&b->guest, b->machine, pci_id(0, SLOT, 0));
    return b;
}

static void destroy(struct bench *b)
{
    machine_destroy(b->machine);
    free(b);
}

static void fill_frame(uint8_t *data, uint32_t length, unsigned seed)
{
    memcpy(data, mac, NET_MAC_SIZE);
    memset(data + 6, 0x22, NET_MAC_SIZE);
    net_put16(data + 12, 0x0800);
    for (uint32_t i = NET_HEADER; i < length; i++)
        data[i] = (uint8_t)(i * 3 + seed);
}

static void frames_pass(void **state)
{
    (void)state;
    struct bench *b = create(1);
    const struct net_sink sink = {input, b, NULL};
    uint8_t data[1514];
    assert_int_equal(
        virtio_net_start(&b->driver, &b->guest.config, b->guest.bar, &b->guest.dma, 0, &sink),
        VIRTIO_OK);
    assert_memory_equal(b->driver.mac, mac, NET_MAC_SIZE);
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t length = 14 + i * 7 % 1500;
        fill_frame(data, length, i);
        const struct net_frame frame = {.data = data, .length = length};
        assert_true(b->driver.output.deliver(b->driver.output.context, &frame));
        assert_int_equal(b->sent_count, i + 1);
        assert_int_equal(b->sent_frame.length, length);
        assert_memory_equal(b->sent, data, length);
        fill_frame(data, length, i + 1);
        struct net_frame parts = frame;
        if (i % 2 == 1 && length > NET_HEAD)
            parts.rest = data + NET_HEAD;
        assert_true(virtio_net_receive(&b->net, &parts));
        assert_true(guest_interrupted(&b->guest));
        do {
            virtio_net_interrupt(&b->driver);
        } while (b->driver.more);
        assert_int_equal(b->received_count, i + 1);
        assert_int_equal(b->received_frame.length, length);
        assert_memory_equal(b->received, data, length);
    }
    destroy(b);
}

/* The network refuses: the guest's frames wait in their ring and lose neither order nor bytes. */
static void a_full_network(void **state)
{
    (void)state;
    struct bench *b = create(1);
    const struct net_sink sink = {input, b, NULL};
    uint8_t data[100];
    assert_int_equal(
        virtio_net_start(&b->driver, &b->guest.config, b->guest.bar, &b->guest.dma, 0, &sink),
        VIRTIO_OK);
    b->refuse = 1000;
    unsigned accepted = 0;
    for (unsigned i = 0; i < 100; i++) {
        fill_frame(data, 100, i);
        const struct net_frame frame = {.data = data, .length = 100};
        if (b->driver.output.deliver(b->driver.output.context, &frame))
            accepted++;
    }
    assert_int_equal(accepted, VIRTIO_NET_FRAME_BUFFERS);
    assert_int_equal(b->sent_count, 0);
    b->refuse = 0;
    unsigned before = b->told;
    virtio_net_transmit_ready(&b->net);
    assert_int_equal(b->sent_count, accepted);
    assert_int_equal(b->told, before + 1); /* once for all of them */
    fill_frame(data, 100, accepted - 1);
    assert_memory_equal(b->sent, data, 100);
    assert_true(guest_interrupted(&b->guest));
    assert_true(virtio_net_interrupt(&b->driver));
    destroy(b);
}

#define HEADERS 54u

/* A TCP frame over IPv4, to be cut into packets of `size` bytes of payload. */
static struct net_frame stream_frame(uint8_t *data, uint32_t length, uint16_t size)
{
    fill_frame(data, length, 1);
    memset(data + NET_HEADER, 0, HEADERS - NET_HEADER);
    data[14] = 0x45;
    data[23] = 6;
    data[46] = 5 << 4;
    return (struct net_frame){.data = data,
                              .length = length,
                              .offload = {.flags = NET_NEEDS_CHECKSUM,
                                          .gso = NET_GSO_TCP4,
                                          .gso_size = size,
                                          .checksum_start = 34,
                                          .checksum_offset = 16}};
}

static bool stream(void *context, const struct net_frame *frame)
{
    struct bench *b = context;
    assert_int_equal(frame->offload.gso, NET_GSO_NONE);
    assert_int_equal(net_get16(frame->data + 40), (uint16_t)b->stream_length); /* its place */
    memcpy(b->stream + b->stream_length, frame->data + HEADERS, frame->length - HEADERS);
    b->stream_length += frame->length - HEADERS;
    return true;
}

static bool stream_or_refuse(void *context, const struct net_frame *frame)
{
    struct bench *b = context;
    return b->refuse == 0 && stream(context, frame);
}

/* A device that does not cut frames, and a frame of more packets than there are buffers: what has
 * no room goes out later, and nothing is lost. Its rest may be memory that others see. */
static void cut_frames_wait(void **state)
{
    (void)state;
    static uint8_t data[60000];
    struct bench *b = create(1);
    const struct net_sink sink = {input, b, NULL};
    b->net.network = (struct net_sink){stream_or_refuse, b, NULL};
    b->net.model.features &= ~(VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_CSUM |
                               VIRTIO_NET_F_HOST_ECN);
    assert_int_equal(
        virtio_net_start(&b->driver, &b->guest.config, b->guest.bar, &b->guest.dma, 0, &sink),
        VIRTIO_OK);
    struct net_frame frame = stream_frame(data, sizeof(data), 100);
    frame.rest = data + NET_HEAD;
    unsigned turns = 0;
    b->refuse = 1;
    while (!b->driver.output.deliver(b->driver.output.context, &frame)) {
        assert_int_equal(b->stream_length, turns * VIRTIO_NET_TRANSMIT_BUFFERS * 100);
        b->refuse = 0;
        virtio_net_transmit_ready(&b->net);
        b->refuse = 1;
        assert_true(guest_interrupted(&b->guest));
        assert_true(virtio_net_interrupt(&b->driver));
        turns++;
    }
    assert_int_equal(turns, 4);
    b->refuse = 0;
    virtio_net_transmit_ready(&b->net);
    assert_int_equal(b->stream_length, sizeof(data) - HEADERS);
    assert_memory_equal(b->stream, data + HEADERS, sizeof(data) - HEADERS);
    assert_int_equal(b->driver.dropped, 0);
    destroy(b);
}

/* A guest that takes no large frames gets packets, of a frame whose rest is elsewhere as well. */
static void cuts_for_the_guest(void **state)
{
    (void)state;
    static uint8_t data[60000];
    struct bench *b = create(1);
    const struct net_sink sink = {stream, b, NULL};
    assert_int_equal(
        virtio_net_start(&b->driver, &b->guest.config, b->guest.bar, &b->guest.dma, 0, &sink),
        VIRTIO_OK);
    struct net_frame frame = stream_frame(data, sizeof(data), 1000);
    frame.rest = data + NET_HEAD;
    assert_true(virtio_net_receive(&b->net, &frame));
    do {
        virtio_net_interrupt(&b->driver);
    } while (b->driver.more);
    assert_int_equal(b->stream_length, sizeof(data) - HEADERS);
    assert_memory_equal(b->stream, data + HEADERS, sizeof(data) - HEADERS);
    destroy(b);
}

/* A driver by hand: transport, queues, one page of DMA memory for each buffer. */
struct hand {
    struct virtio_transport transport;
    struct virtio_queue queue[3];
    uint8_t *page[8];
};

static void hand_start(struct bench *b, struct hand *h, uint64_t features, unsigned control)
{
    const unsigned index[3] = {0, 1, control};
    memset(h, 0, sizeof(*h));
    pci_enable(&b->guest.config, true);
    assert_int_equal(virtio_find(&h->transport, &b->guest.config, b->guest.bar), VIRTIO_OK);
    assert_int_equal(virtio_negotiate(&h->transport, features, features), VIRTIO_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(
            virtio_start_queue(&h->transport, &b->guest.dma, index[i], 16, 0, &h->queue[i]),
            VIRTIO_OK);
    virtio_ready(&h->transport);
    for (unsigned i = 0; i < 8; i++)
        h->page[i] = dma_allocate(&b->guest.dma, 4096, 4096);
}

static void hand_add(struct bench *b, struct hand *h, unsigned queue, unsigned page, uint32_t out,
                     uint32_t in)
{
    uint64_t address = dma_address(&b->guest.dma, h->page[page]);
    struct virtio_buffer buffer[2];
    unsigned count = 0;
    if (out != 0)
        buffer[count++] = (struct virtio_buffer){address, out};
    if (in != 0)
        buffer[count++] = (struct virtio_buffer){address + (out == 0 ? 0 : 2048), in};
    assert_int_equal(virtio_queue_add(&h->queue[queue], buffer, out != 0, in != 0, page),
                     VIRTIO_QUEUE_OK);
}

static void merges_buffers(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        struct bench *b = create(1);
        struct hand h;
        hand_start(b, &h, VIRTIO_NET_F_MRG_RXBUF | (packed != 0 ? VIRTIO_FEATURE_PACKED : 0), 2);
        uint8_t data[1514];
        fill_frame(data, sizeof(data), 9);
        const struct net_frame frame = {.data = data, .length = sizeof(data)};
        /* 3 buffers of 500 bytes are too few, the fourth makes it fit. */
        for (unsigned i = 0; i < 3; i++)
            hand_add(b, &h, 0, i, 0, 500);
        virtio_notify(&h.transport, &h.queue[0]);
        assert_false(virtio_net_receive(&b->net, &frame));
        uint32_t page;
        uint32_t written;
        assert_int_equal(virtio_queue_take(&h.queue[0], &page, &written), 0);
        hand_add(b, &h, 0, 3, 0, 500);
        unsigned before = b->resumed;
        virtio_notify(&h.transport, &h.queue[0]);
        assert_int_equal(b->resumed, before + 1);
        assert_true(virtio_net_receive(&b->net, &frame));
        uint32_t at = 0;
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(virtio_queue_take(&h.queue[0], &page, &written), 1);
            assert_int_equal(page, i);
            uint32_t skip = i == 0 ? 12 : 0;
            assert_memory_equal(h.page[page] + skip, data + at, written - skip);
            at += written - skip;
        }
        assert_int_equal(at, sizeof(data));
        assert_int_equal(h.page[0][10], 4); /* num_buffers */
        destroy(b);
    }
}

static uint8_t control(struct bench *b, struct hand *h, uint8_t class, uint8_t command,
                       const void *data, uint32_t length)
{
    uint32_t page;
    uint32_t written;
    h->page[7][0] = class;
    h->page[7][1] = command;
    memcpy(h->page[7] + 2, data, length);
    h->page[7][2048] = 0xcc;
    hand_add(b, h, 2, 7, 2 + length, 1);
    virtio_notify(&h->transport, &h->queue[2]);
    assert_int_equal(virtio_queue_take(&h->queue[2], &page, &written), 1);
    return h->page[7][2048];
}

static bool arrives(struct bench *b, struct hand *h, const uint8_t *data, uint32_t length)
{
    const struct net_frame frame = {.data = data, .length = length};
    uint32_t page;
    uint32_t written;
    hand_add(b, h, 0, 0, 0, 2048);
    assert_true(virtio_net_receive(&b->net, &frame));
    if (virtio_queue_take(&h->queue[0], &page, &written) == 1)
        return true;
    /* Use the buffer up, so that each call has one of its own. */
    struct virtio_net_filter old = b->net.filter;
    b->net.filter.promiscuous = true;
    assert_true(virtio_net_receive(&b->net, &frame));
    assert_int_equal(virtio_queue_take(&h->queue[0], &page, &written), 1);
    b->net.filter = old;
    return false;
}

static void filters(void **state)
{
    (void)state;
    struct bench *b = create(1);
    struct hand h;
    const uint8_t on = 1;
    const uint8_t off = 0;
    uint8_t data[64];
    hand_start(b, &h,
               VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_VLAN |
                   VIRTIO_NET_F_CTRL_EXTRA,
               2);
    fill_frame(data, sizeof(data), 0);
    assert_true(arrives(b, &h, data, sizeof(data)));
    data[5]++;
    assert_false(arrives(b, &h, data, sizeof(data))); /* somebody else's */
    assert_int_equal(control(b, &h, 0, 0, &on, 1), 0);
    assert_true(arrives(b, &h, data, sizeof(data))); /* promiscuous */
    assert_int_equal(control(b, &h, 0, 0, &off, 1), 0);
    uint8_t table[4 + 6 + 4 + 6] = {1, 0, 0, 0};
    memcpy(table + 4, data, 6);
    table[10] = 1;
    const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 9};
    memcpy(table + 14, group, 6);
    assert_int_equal(control(b, &h, 1, 0, table, sizeof(table)), 0);
    assert_true(arrives(b, &h, data, sizeof(data)));
    memcpy(data, group, 6);
    assert_true(arrives(b, &h, data, sizeof(data)));
    data[5]++;
    assert_false(arrives(b, &h, data, sizeof(data)));
    memset(data, 0xff, 6);
    assert_true(arrives(b, &h, data, sizeof(data)));
    assert_int_equal(control(b, &h, 0, 5, &on, 1), 0);
    assert_false(arrives(b, &h, data, sizeof(data)));
    /* VLANs: none is wanted until it is named. */
    memcpy(data, mac, 6);
    net_put16(data + 12, 0x8100);
    net_put16(data + 14, 0x6000 | 42);
    assert_false(arrives(b, &h, data, sizeof(data)));
    const uint8_t vlan[2] = {42, 0};
    assert_int_equal(control(b, &h, 2, 0, vlan, 2), 0);
    assert_true(arrives(b, &h, data, sizeof(data)));
    assert_int_equal(control(b, &h, 2, 1, vlan, 2), 0);
    assert_false(arrives(b, &h, data, sizeof(data)));
    destroy(b);
}

static void odd_commands(void **state)
{
    (void)state;
    struct bench *b = create(1);
    struct hand h;
    uint8_t data[1024] = {0};
    hand_start(b, &h, VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_VLAN, 2);
    data[0] = 2;
    assert_int_equal(control(b, &h, 0, 0, data, 1), 1); /* neither on nor off */
    data[0] = 1;
    assert_int_equal(control(b, &h, 0, 0, data, 2), 1);  /* too long */
    assert_int_equal(control(b, &h, 0, 99, data, 1), 1); /* no such switch */
    assert_int_equal(control(b, &h, 0, 3, data, 1), 1);  /* not negotiated */
    assert_int_equal(control(b, &h, 1, 0, data, 3), 1);  /* no count */
    memset(data, 0xff, sizeof(data));
    assert_int_equal(control(b, &h, 1, 0, data, 14), 1);   /* 2^32 - 1 addresses */
    assert_int_equal(control(b, &h, 1, 0, data, 1024), 1); /* more than there is room for */
    assert_int_equal(control(b, &h, 2, 0, data, 2), 1);    /* VLAN 65535 */
    assert_int_equal(control(b, &h, 4, 0, data, 2), 1);    /* no multiqueue here */
    assert_int_equal(control(b, &h, 77, 77, data, 0), 1);
    assert_false(virtio_is_broken(&h.transport));
    hand_add(b, &h, 2, 7, 1, 1); /* no command at all */
    virtio_notify(&h.transport, &h.queue[2]);
    assert_true(virtio_is_broken(&h.transport));
    destroy(b);
}

static void queue_pairs(void **state)
{
    (void)state;
    struct bench *b = create(4);
    struct hand h;
    uint8_t pairs[2] = {4, 0};
    hand_start(b, &h, VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_MQ, 8);
    assert_int_equal(b->net.pairs, 1);
    assert_int_equal(control(b, &h, 4, 0, pairs, 2), 0);
    assert_int_equal(b->net.pairs, 4);
    pairs[0] = 5;
    assert_int_equal(control(b, &h, 4, 0, pairs, 2), 1);
    pairs[0] = 0;
    assert_int_equal(control(b, &h, 4, 0, pairs, 2), 1);
    assert_int_equal(b->net.pairs, 4);
    destroy(b);
}

/* Frames whose headers lie are dropped; the queue goes on. */
static void odd_frames(void **state)
{
    (void)state;
    struct bench *b = create(1);
    struct hand h;
    hand_start(b, &h, VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_MAC, 2);
    const struct virtio_net_header headers[] = {
        {.flags = 1, .checksum_start = 60, .checksum_offset = 100},
        {.flags = 1, .checksum_start = 0xffff, .checksum_offset = 0xffff},
        {.flags = 1, .checksum_start = 2, .checksum_offset = 2},
        {.gso_type = 1, .gso_size = 1000},                                        /* no checksum */
        {.flags = 1, .gso_type = 1, .checksum_start = 34, .checksum_offset = 16}, /* size 0 */
        {.flags = 1, .gso_type = 4, .gso_size = 1000, .checksum_start = 54, .checksum_offset = 2},
        {.flags = 1, .gso_type = 3, .gso_size = 1000, .checksum_start = 34, .checksum_offset = 2},
    };
    uint32_t page;
    uint32_t written;
    unsigned count = sizeof(headers) / sizeof(headers[0]);
    for (unsigned i = 0; i < count; i++) {
        memcpy(h.page[0], &headers[i], 12);
        hand_add(b, &h, 1, 0, 112, 0);
        virtio_notify(&h.transport, &h.queue[1]);
        assert_int_equal(virtio_queue_take(&h.queue[1], &page, &written), 1);
    }
    memset(h.page[0], 0, 4096);
    hand_add(b, &h, 1, 0, 12 + 13, 0); /* shorter than an Ethernet header */
    virtio_notify(&h.transport, &h.queue[1]);
    assert_int_equal(virtio_queue_take(&h.queue[1], &page, &written), 1);
    assert_int_equal(b->net.dropped, count + 1);
    assert_int_equal(b->sent_count, 0);
    hand_add(b, &h, 1, 0, 12 + 60, 0);
    virtio_notify(&h.transport, &h.queue[1]);
    assert_int_equal(b->sent_count, 1);
    hand_add(b, &h, 1, 1, 11, 0); /* no header: no sense at all */
    virtio_notify(&h.transport, &h.queue[1]);
    assert_true(virtio_is_broken(&h.transport));
    destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_pass),        cmocka_unit_test(a_full_network),
        cmocka_unit_test(merges_buffers),     cmocka_unit_test(filters),
        cmocka_unit_test(odd_commands),       cmocka_unit_test(queue_pairs),
        cmocka_unit_test(odd_frames),         cmocka_unit_test(cut_frames_wait),
        cmocka_unit_test(cuts_for_the_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
