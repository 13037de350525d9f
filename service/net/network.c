/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The component that drives a network card, virtio or e1000e. What the card receives goes to the
 * switch, what the switch sends goes out; it decides nothing about either.
 */
#include <component/component.h>
#include <net/merge.h>
#include <rt/log.h>

#include "service/net/e1000e.h"
#include "service/net/virtio_net.h"
#include "service/pci/client.h"

/* Frames, and rounds of the card's queue, before whatever else is to be done has its turn. */
#define FRAMES 256u
#define ROUNDS 16u

#define VENDOR        0x00u
#define VENDOR_VIRTIO 0x1af4u

/* Set by the system description. */
COMPONENT_SETVAR microkit_channel pci_channel;
COMPONENT_SETVAR microkit_channel irq_id;
COMPONENT_SETVAR microkit_channel switch_channel;
COMPONENT_SETVAR microkit_channel again_id; /* a timer */
COMPONENT_SETVAR uint64_t window_address;
COMPONENT_SETVAR uint64_t window_size;
COMPONENT_SETVAR uint64_t dma_virtual;
COMPONENT_SETVAR uint64_t dma_size;
COMPONENT_SETVAR uint64_t dma_physical;
COMPONENT_SETVAR uint64_t ring_address;
COMPONENT_SETVAR uint64_t ring_size;

static struct pci_client pci;
static struct dma dma;
static struct virtio_net_driver virtio;
static struct e1000e_driver e1000e;
static bool is_virtio;
static const struct net_sink *card; /* NULL: there is none, or it has stopped working */
static struct net_ring ring;
static struct net_merge merge = {.ring = &ring};
static struct net_frame waiting; /* in the ring: the card had no room for it; length 0: none */

/* From the card. What finds no room is lost, as on a full wire. */
static bool hand_in(void *context, const struct net_frame *frame)
{
    (void)context;
    return net_merge_add(&merge, frame);
}

/* Goes on when the watchdog and the others have had their turn. */
static void go_on_later(void)
{
    component_timer_arm(again_id, component_tsc());
}

/* Everything that the switch has for the card, as far as that has room. */
static void send_all(void)
{
    unsigned taken = 0;
    int result = 1;
    for (;;) {
        if (waiting.length == 0) {
            result = net_ring_pass(&ring, &waiting);
            if (result != 1) {
                waiting.length = 0;
                if (result == NET_RING_BROKEN || net_ring_prepare_sleep(&ring))
                    break;
                continue;
            }
            taken++;
        }
        if (!card->deliver(card->context, &waiting))
            break;
        net_ring_done(&ring, &waiting);
        waiting.length = 0;
        if (taken == FRAMES) {
            go_on_later();
            break;
        }
    }
    if (taken != 0 && net_ring_must_tell(&ring))
        microkit_notify(switch_channel);
}

static void report(const uint8_t *mac)
{
    log_info("%s card %02x:%02x:%02x:%02x:%02x:%02x", is_virtio ? "virtio" : "e1000e", mac[0],
             mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static const struct net_sink *start_card(void)
{
    static const struct net_sink input = {hand_in, NULL, NULL};
    is_virtio = registers_read16(&pci.config, VENDOR) == VENDOR_VIRTIO;
    if (is_virtio) {
        int error = virtio_net_start(&virtio, &pci.config, pci.bar, &dma, 0, &input);
        if (error == VIRTIO_OK) {
            report(virtio.mac);
            return &virtio.output;
        }
        log_error("the virtio card does not start (error %d)", error);
        return NULL;
    }
    int error = e1000e_start(&e1000e, &pci.config, &pci.bar[0], &dma, &input);
    if (error == E1000E_OK) {
        report(e1000e.mac);
        return &e1000e.output;
    }
    log_error("the e1000e card does not start (error %d)", error);
    return NULL;
}

void init(void)
{
    const struct registers window = {.base = (volatile uint8_t *)window_address,
                                     .size = window_size};
    dma = (struct dma){.memory = (uint8_t *)dma_virtual, .address = dma_physical, .size = dma_size};
    if (net_ring_attach(&ring, (uint8_t *)ring_address, ring_size, false) != RING_OK) {
        log_error("the memory shared with the switch is too small");
        return;
    }
    if (!pci_client_find(&pci, pci_channel, 0, &window)) {
        log_info("there is no network card");
        return;
    }
    card = start_card();
    if (card != NULL)
        send_all();
    /* Of what an earlier life of this component put into the ring it may not have told. */
    microkit_notify(switch_channel);
}

static void look_at_card(void)
{
    bool room = is_virtio ? virtio_net_interrupt(&virtio) : e1000e_interrupt(&e1000e);
    net_merge_flush(&merge);
    if (is_virtio && virtio.broken) {
        log_error("the card has stopped working");
        card = NULL;
    }
    if (net_ring_must_wake(&ring))
        microkit_deferred_notify(switch_channel);
    if (room && card != NULL)
        send_all();
}

/* However much comes in, what goes out has its turn. */
static void take_in(void)
{
    unsigned rounds = 0;
    look_at_card();
    while (card != NULL && is_virtio && virtio.more) {
        if (++rounds == ROUNDS) {
            go_on_later();
            return;
        }
        send_all();
        look_at_card();
        /* What comes in this fast would not find room if the switch were left to sleep. */
        if (virtio.more)
            component_flush();
    }
}

void notified(microkit_channel channel)
{
    if (card == NULL)
        return;
    if (channel == irq_id) {
        microkit_irq_ack(irq_id);
        take_in();
    } else if (channel == switch_channel) {
        send_all();
    } else if (channel == again_id) {
        take_in();
        if (card != NULL)
            send_all();
    }
}
