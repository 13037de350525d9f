/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The component that is the switch: each machine has a port here, by a connection (lib/connection),
 * and the driver of the network card another. Which ports are joined is the machines'
 * configuration.
 */
#include <component/component.h>
#include <connection/connection.h>
#include <net/ring.h>
#include <rt/log.h>
#include <string.h>
#include <vmconfig.h>

#include "service/net/switch.h"

#define SECOND   1000000000ull
#define MACHINES ((unsigned)CONNECTION_SLOTS)
#define CARD     MACHINES /* number of the card's port */
#define PORTS    (MACHINES + 1)

/* Frames that a port may send before the next one has its turn, and rounds of all ports before
 * whatever else is to be done has its own. */
#define TURN   32u
#define ROUNDS 16u

/* Frames to many, in a second: a machine's, and those from outside. */
#define MACHINE_STORM_RATE 1000u
#define CARD_STORM_RATE    10000u

/* The VLAN whose frames have no tag on the card's wire. */
#define UNTAGGED 1u

/* Set by the system description. */
COMPONENT_SETVAR microkit_channel card_channel;
COMPONENT_SETVAR microkit_channel again_id; /* a timer */
COMPONENT_SETVAR uint64_t card_ring;
COMPONENT_SETVAR uint64_t card_ring_size;
COMPONENT_SETVAR microkit_channel machines_first_id;
COMPONENT_SETVAR uint64_t machines_slots;
COMPONENT_SETVAR uint64_t machines_slice;
COMPONENT_SETVAR uint64_t machines_memory;
COMPONENT_SETVAR uint64_t machines_rows;

struct port {
    struct net_ring ring;
    microkit_channel channel;
    struct vmconfig config; /* of a machine */
};

static struct network_switch sw;
static struct port ports[PORTS];
static uint32_t open_ports; /* bit: number */
static uint32_t awake;      /* those that may have frames; the others tell when they have */
static uint32_t written;    /* those whose peers are to be told of frames */
static struct connection_service connections;
static uint8_t head[NET_HEAD];
static char text[sizeof(((struct connection_row *)0)->config)];

_Static_assert(PORTS <= SWITCH_PORTS, "each has its number");

static uint64_t now(void)
{
    uint64_t tsc = component_tsc();
    uint64_t hz = component_info->tsc_hz;
    return tsc / hz * SECOND + tsc % hz * SECOND / hz;
}

/* A frame for this port. What finds no room is lost, so nobody waits for one that does not read. */
static bool hand_out(void *context, const struct net_frame *frame)
{
    struct port *port = context;
    bool sent = net_ring_send(&port->ring, frame);
    if (sent)
        written |= 1u << (port - ports);
    return sent;
}

/* Takes a turn's frames at most; true: there may be more. */
static bool take(unsigned number)
{
    struct port *port = &ports[number];
    struct net_frame frame;
    unsigned count = 0;
    uint64_t time = 0;
    while (count < TURN && net_ring_look(&port->ring, head, &frame) == 1) {
        if (count == 0)
            time = now();
        switch_receive(&sw, number, &frame, time);
        net_ring_done(&port->ring, &frame);
        count++;
    }
    if (count != 0 && net_ring_must_tell(&port->ring))
        microkit_notify(port->channel);
    return count == TURN;
}

/* Wakes who has got frames and sleeps. */
static void tell(void)
{
    for (; written != 0; written &= written - 1) {
        struct port *port = &ports[__builtin_ctz(written)];
        if (net_ring_must_wake(&port->ring))
            microkit_deferred_notify(port->channel);
    }
}

/* One turn of each port that may have frames; true: there may be more. */
static bool run_round(void)
{
    uint32_t busy = 0;
    for (uint32_t left = awake; left != 0; left &= left - 1) {
        unsigned number = (unsigned)__builtin_ctz(left);
        if (take(number))
            busy |= 1u << number;
    }
    tell();
    /* From here on who has a frame takes the announcement away and tells: he is looked at then. */
    for (uint32_t left = awake & ~busy; left != 0; left &= left - 1) {
        unsigned number = (unsigned)__builtin_ctz(left);
        if (net_ring_prepare_sleep(&ports[number].ring))
            awake &= ~(1u << number);
    }
    return awake != 0;
}

/* Until nobody has anything more. One that never ends has no more than its turn, and keeps neither
 * a machine from coming or going nor the watchdog from its answer. */
static void run(void)
{
    unsigned rounds = 0;
    while (run_round()) {
        if (rounds != 0)
            component_flush();
        if (++rounds == ROUNDS) {
            component_timer_arm(again_id, component_tsc());
            return;
        }
    }
}

/* Joins a machine's port with those that its configuration names. */
static void join(unsigned number)
{
    const struct vmconfig_net *own = &ports[number].config.net;
    if (own->outside) {
        if (own->vlan != UNTAGGED)
            switch_carry(&sw, CARD, own->vlan);
        switch_join(&sw, number, CARD);
    }
    for (unsigned i = 0; i < MACHINES && own->network[0] != 0; i++) {
        if (i != number && (open_ports >> i & 1) != 0 &&
            strcmp(ports[i].config.net.network, own->network) == 0)
            switch_join(&sw, number, i);
    }
}

static void open_port(unsigned number)
{
    struct port *port = &ports[number];
    const struct vmconfig_net *net = &port->config.net;
    struct switch_config config = {.vlan = net->vlan, .storm_rate = MACHINE_STORM_RATE};
    const struct net_sink sink = {hand_out, port, NULL};
    uint8_t *memory = connection_slice(&connections, number) + CONNECTION_AT_CONTENT;
    memcpy(config.mac, net->mac, NET_MAC_SIZE);
    if (net_ring_attach(&port->ring, memory, machines_slice - CONNECTION_AT_CONTENT, true) !=
        RING_OK)
        return;
    if (!switch_open(&sw, number, &config, &sink)) {
        log_error("%s: another machine has its network address", port->config.name);
        return;
    }
    open_ports |= 1u << number;
    awake |= 1u << number;
    join(number);
}

static void close_port(unsigned number)
{
    struct port *port = &ports[number];
    const struct switch_counters *c = &sw.port[number].counters;
    if ((open_ports >> number & 1) == 0)
        return;
    open_ports &= ~(1u << number);
    awake &= open_ports;
    written &= open_ports;
    switch_close(&sw, number);
    log_info("%s: %lu frames sent, %lu received; dropped: %lu full, %lu of another address, %lu of "
             "another VLAN, %lu too many, %lu invalid",
             port->config.name, c->received, c->delivered, c->full, c->spoofed, c->vlan, c->storm,
             c->invalid);
}

/* Lets a machine in that has a network card; false: the others are left waiting. */
static bool admit(unsigned number)
{
    struct vmconfig_error error;
    struct port *port = &ports[number];
    uint32_t size = connection_config(&connections, number, text);
    if (vmconfig_parse(text, size, &port->config, &error) != 0 || port->config.net.vlan == 0)
        return false;
    connection_admit(&connections, number);
    microkit_notify(port->channel);
    return true;
}

/* What has become of a machine. */
static void look(unsigned number)
{
    for (;;) {
        switch (connection_look(&connections, number)) {
        case CONNECTION_WANTED:
            if (!admit(number))
                return;
            break;
        case CONNECTION_JOINED:
            open_port(number);
            break;
        case CONNECTION_ENDED:
            close_port(number);
            connection_release(&connections, number);
            break;
        default:
            return;
        }
    }
}

static void open_card(void)
{
    struct port *port = &ports[CARD];
    const struct switch_config config = {
        .uplink = true, .vlan = UNTAGGED, .storm_rate = CARD_STORM_RATE};
    const struct net_sink sink = {hand_out, port, NULL};
    port->channel = card_channel;
    if (net_ring_attach(&port->ring, (uint8_t *)card_ring, card_ring_size, true) == RING_OK &&
        switch_open(&sw, CARD, &config, &sink)) {
        open_ports |= 1u << CARD;
        awake |= 1u << CARD;
        /* Of what an earlier life of this component put into the ring it may not have told. */
        microkit_notify(card_channel);
    }
}

void init(void)
{
    switch_initialize(&sw, component_tsc() * 0x9e3779b97f4a7c15ull);
    connection_service_initialize(&connections, (const void *)machines_rows,
                                  (void *)machines_memory, machines_slice,
                                  (unsigned)machines_slots);
    open_card();
    for (unsigned i = 0; i < connections.slots; i++) {
        ports[i].channel = machines_first_id + i;
        look(i);
    }
    run();
}

void notified(microkit_channel channel)
{
    unsigned number = CARD;
    if (channel >= machines_first_id && channel - machines_first_id < connections.slots) {
        number = (unsigned)(channel - machines_first_id);
        look(number);
    }
    if (channel != again_id)
        awake |= open_ports & 1u << number;
    run();
}
