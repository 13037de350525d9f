/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's network card: a virtio card whose cable is the connection to the switch. While the
 * switch is not there the cable is out.
 */
#include <connection/connection.h>
#include <net/ring.h>
#include <string.h>

#include "vmm/target/call.h"
#include "vmm/target/target.h"
#include "vmm/virtio/net.h"

#define SLOT 7u

static struct virtio_net card;
static struct connection_client connection;
static const struct vmm_startup_connection *given; /* NULL: the machine has no card */
static struct net_ring ring;
static bool joined;
static uint8_t head[NET_HEAD];

/* From the guest. Without a switch it is lost. */
static bool hand_out(void *context, const struct net_frame *frame)
{
    (void)context;
    if (!joined || connection_state(&connection) != CONNECTION_JOINT || ring.broken)
        return true;
    return net_ring_send(&ring, frame) ||
           (!net_ring_prepare_wait(&ring, frame) && net_ring_send(&ring, frame));
}

/* The guest's frames are gathered in their place; nothing of them is looked at but their headers
 * for the card, which are not part of them. */
static uint8_t *room(void *context, uint32_t length)
{
    (void)context;
    return joined ? net_ring_room(&ring, length) : NULL;
}

static void sent(void *context)
{
    (void)context;
    if (joined && net_ring_must_wake(&ring))
        call_send(given->notification, 0, 0);
}

/* Everything that has come for the guest, as far as it has room. */
static void receive(void)
{
    struct net_frame frame;
    for (;;) {
        int result = net_ring_look(&ring, head, &frame);
        if (result == NET_RING_BROKEN || (result == 0 && net_ring_prepare_sleep(&ring)))
            return;
        if (result == 0)
            continue;
        if (!virtio_net_receive(&card, &frame))
            return;
        net_ring_done(&ring, &frame);
    }
}

static void resume(void *context)
{
    (void)context;
    if (joined)
        receive();
}

/* Whoever was in this slot before may have left frames there. */
static void join(void)
{
    uint8_t *content = (uint8_t *)given->address + CONNECTION_AT_CONTENT;
    uint64_t size = given->size - CONNECTION_AT_CONTENT;
    memset(content, 0, size);
    if (net_ring_attach(&ring, content, size, false) != RING_OK)
        return;
    joined = true;
    connection_join(&connection);
    call_send(given->notification, 0, 0);
    virtio_net_set_link(&card, true);
}

void network_poll(void)
{
    if (given == NULL)
        return;
    enum connection_state state = connection_state(&connection);
    if (joined && state != CONNECTION_JOINT) {
        joined = false;
        virtio_net_set_link(&card, false);
    }
    if (state == CONNECTION_OPEN)
        join();
    /* What the guest still waits to send goes out now, or is lost. */
    virtio_net_transmit_ready(&card);
    if (joined)
        receive();
}

bool network_attach(struct vm *vm, const struct vmm_startup *startup, const struct vmconfig *config)
{
    const struct net_sink sink = {.deliver = hand_out, .room = room};
    const struct virtio_net_events events = {.resume = resume, .sent = sent};
    unsigned pairs = vm->vcpu_count < VIRTIO_NET_MAX_PAIRS ? vm->vcpu_count : VIRTIO_NET_MAX_PAIRS;
    if (config->net.vlan == 0)
        return true;
    given = &startup->connection[CONNECTION_NET];
    if (given->size <= CONNECTION_AT_CONTENT)
        return false;
    connection_client_initialize(&connection, (void *)given->address,
                                 (const volatile uint64_t *)given->epoch,
                                 (uint32_t)given->generation);
    virtio_net_initialize(&card, SLOT, &vm->memory, &vm->apics, &vm->irq, config->net.mac, pairs,
                          &sink, &events);
    virtio_net_set_link(&card, false);
    return pci_add(&vm->pci, &card.device.function);
}
