/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/net/switch.h"

#include <string.h>

#define TYPE_VLAN 0x8100u
#define SECOND    1000000000ull

/* A frame on its way: what its tag says has been read. */
struct passage {
    const struct net_frame *frame;
    uint16_t vlan;
    uint16_t priority; /* bits 15:12 of the tag */
    bool tagged;
};

void switch_initialize(struct network_switch *sw, uint64_t key)
{
    memset(sw, 0, sizeof(*sw));
    sw->key = key * 2 + 1;
}

static uint64_t station(const uint8_t *mac, uint16_t vlan)
{
    uint32_t low;
    uint16_t high;
    memcpy(&low, mac, sizeof(low));
    memcpy(&high, mac + sizeof(low), sizeof(high));
    return (uint64_t)vlan << 48 | (uint64_t)high << 32 | low;
}

static void forget(struct network_switch *sw, unsigned port)
{
    for (unsigned i = 0; i < SWITCH_BUCKETS; i++) {
        for (unsigned way = 0; way < SWITCH_WAYS; way++) {
            if (sw->table[i][way].port == port)
                sw->table[i][way].station = 0;
        }
    }
}

/* The VM that has the address, or none. */
static unsigned find_machine(const struct network_switch *sw, uint64_t wanted)
{
    for (uint32_t left = sw->machines; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);
        if (sw->port[i].station == wanted)
            return i;
    }
    return SWITCH_PORTS;
}

bool switch_open(struct network_switch *sw, unsigned port, const struct switch_config *config,
                 const struct net_sink *sink)
{
    static const uint8_t none[NET_MAC_SIZE];
    if (port >= SWITCH_PORTS || config->vlan == 0 || config->vlan > 4094)
        return false;
    if (!config->uplink &&
        ((config->mac[0] & 1) != 0 || memcmp(config->mac, none, NET_MAC_SIZE) == 0))
        return false;
    uint64_t own = config->uplink ? 0 : station(config->mac, config->vlan);
    unsigned other = config->uplink ? SWITCH_PORTS : find_machine(sw, own);
    if (other != SWITCH_PORTS && other != port)
        return false;
    forget(sw, port);
    sw->port[port] = (struct switch_port){.used = true,
                                          .config = *config,
                                          .station = own,
                                          .sink = *sink,
                                          .tokens = SWITCH_BURST * SECOND};
    if (config->uplink)
        sw->machines &= ~(1u << port);
    else
        sw->machines |= 1u << port;
    return true;
}

void switch_join(struct network_switch *sw, unsigned a, unsigned b)
{
    if (a >= SWITCH_PORTS || b >= SWITCH_PORTS || !sw->port[a].used || !sw->port[b].used)
        return;
    sw->port[a].config.peers |= 1u << b;
    sw->port[b].config.peers |= 1u << a;
}

void switch_carry(struct network_switch *sw, unsigned port, uint16_t vlan)
{
    if (port < SWITCH_PORTS && vlan != 0 && vlan <= 4094)
        sw->port[port].config.tagged[vlan / 8] |= (uint8_t)(1u << (vlan & 7));
}

void switch_close(struct network_switch *sw, unsigned port)
{
    if (port >= SWITCH_PORTS)
        return;
    sw->port[port].used = false;
    sw->machines &= ~(1u << port);
    forget(sw, port);
    for (unsigned i = 0; i < SWITCH_PORTS; i++)
        sw->port[i].config.peers &= ~(1u << port);
}

/* Multiply and shift: whoever does not know the key cannot choose stations that meet. */
static struct switch_address *bucket(struct network_switch *sw, uint64_t wanted)
{
    return sw->table[wanted * sw->key >> (64 - SWITCH_BUCKET_BITS)];
}

static bool is_fresh(const struct switch_address *address, uint64_t now)
{
    return address->station != 0 && now - address->seen < SWITCH_AGE * SECOND;
}

/* The port where it was seen, or none. */
static unsigned find(struct network_switch *sw, uint64_t wanted, uint64_t now)
{
    const struct switch_address *ways = bucket(sw, wanted);
    for (unsigned i = 0; i < SWITCH_WAYS; i++) {
        if (ways[i].station == wanted)
            return is_fresh(&ways[i], now) ? ways[i].port : SWITCH_PORTS;
    }
    return SWITCH_PORTS;
}

/* The oldest address of a full bucket gives way. */
static void learn(struct network_switch *sw, uint64_t seen, unsigned port, uint64_t now)
{
    struct switch_address *ways = bucket(sw, seen);
    struct switch_address *place = &ways[0];
    for (unsigned i = 0; i < SWITCH_WAYS && place->station != seen; i++) {
        if (ways[i].station == seen ||
            (is_fresh(place, now) && (!is_fresh(&ways[i], now) || ways[i].seen < place->seen)))
            place = &ways[i];
    }
    *place = (struct switch_address){.station = seen, .seen = now, .port = (uint8_t)port};
}

static bool has_vlan(const struct switch_config *config, uint16_t vlan)
{
    return vlan == config->vlan ||
           (config->uplink && (config->tagged[vlan / 8] & (1u << (vlan & 7))) != 0);
}

/* Which VLAN the frame is in; false: its tag is none that this port may send. */
static bool read_tag(const struct switch_config *config, const struct net_frame *frame,
                     struct passage *passage)
{
    *passage = (struct passage){.frame = frame, .vlan = config->vlan};
    if (net_get16(frame->data + 12) != TYPE_VLAN)
        return true;
    if (!config->uplink || frame->length < NET_HEADER + NET_TAG)
        return false;
    uint16_t tag = net_get16(frame->data + 14);
    passage->tagged = true;
    passage->priority = tag & 0xf000u;
    /* 802.1Q, 6.9: a tag with VLAN 0 says the priority alone. */
    if ((tag & 0xfffu) != 0)
        passage->vlan = tag & 0xfffu;
    return passage->vlan < 4095 && has_vlan(config, passage->vlan);
}

static bool joined(const struct network_switch *sw, unsigned a, unsigned b)
{
    return a != b && (sw->port[a].config.peers & (1u << b)) != 0 &&
           (sw->port[b].config.peers & (1u << a)) != 0;
}

/* With its tag taken off, or put on; the checksum's place moves along. */
static struct net_frame retag(struct network_switch *sw, const struct passage *passage, bool tagged)
{
    const struct net_frame *frame = passage->frame;
    struct net_frame copy = *frame;
    const unsigned addresses = 2 * NET_MAC_SIZE;
    copy.data = sw->scratch;
    copy.rest = NULL;
    memcpy(sw->scratch, frame->data, addresses);
    if (tagged) {
        net_put16(sw->scratch + 12, TYPE_VLAN);
        net_put16(sw->scratch + 14, passage->vlan | passage->priority);
        net_frame_copy(frame, addresses, sw->scratch + addresses + NET_TAG,
                       frame->length - addresses);
        copy.length += NET_TAG;
        copy.offload.checksum_start = (uint16_t)(copy.offload.checksum_start + NET_TAG);
    } else {
        net_frame_copy(frame, addresses + NET_TAG, sw->scratch + addresses,
                       frame->length - addresses - NET_TAG);
        copy.length -= NET_TAG;
        copy.offload.checksum_start = (uint16_t)(copy.offload.checksum_start - NET_TAG);
    }
    return copy;
}

static void deliver(struct network_switch *sw, unsigned index, const struct passage *passage)
{
    struct switch_port *port = &sw->port[index];
    const struct net_frame *frame = passage->frame;
    struct net_frame other;
    bool tagged = port->config.uplink && passage->vlan != port->config.vlan;
    if (tagged != passage->tagged) {
        other = retag(sw, passage, tagged);
        frame = &other;
        if (!net_frame_valid(frame)) {
            port->counters.invalid++; /* too long with a tag, or too short without */
            return;
        }
    }
    if (port->sink.deliver(port->sink.context, frame))
        port->counters.delivered++;
    else
        port->counters.full++;
}

/* A token bucket: one token for each frame that goes to many. */
static bool within_limit(struct switch_port *port, uint64_t now)
{
    uint64_t rate = port->config.storm_rate;
    if (rate == 0)
        return true;
    uint64_t passed = now - port->refilled;
    if (passed > SECOND)
        passed = SECOND;
    port->refilled = now;
    port->tokens += passed * rate;
    if (port->tokens > (SWITCH_BURST + rate) * SECOND)
        port->tokens = (SWITCH_BURST + rate) * SECOND;
    if (port->tokens < SECOND)
        return false;
    port->tokens -= SECOND;
    return true;
}

static bool is_reserved(const uint8_t *mac)
{
    /* 802.1Q, 8.6.3: addresses between neighbouring bridges are not forwarded. */
    static const uint8_t reserved[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};
    return memcmp(mac, reserved, sizeof(reserved)) == 0 && mac[5] < 16;
}

/* To all that are joined; an unknown address to uplinks only. */
static void flood(struct network_switch *sw, unsigned from, const struct passage *passage,
                  bool uplinks_only)
{
    for (unsigned i = 0; i < SWITCH_PORTS; i++) {
        const struct switch_port *port = &sw->port[i];
        if (port->used && joined(sw, from, i) && has_vlan(&port->config, passage->vlan) &&
            (!uplinks_only || port->config.uplink))
            deliver(sw, i, passage);
    }
}

static bool source_is_right(struct network_switch *sw, unsigned from, const struct passage *passage,
                            uint64_t now)
{
    const struct switch_port *port = &sw->port[from];
    const uint8_t *mac = passage->frame->data + NET_MAC_SIZE;
    uint64_t source = station(mac, passage->vlan);
    if (!port->config.uplink)
        return source == port->station;
    if ((mac[0] & 1) != 0 || find_machine(sw, source) != SWITCH_PORTS)
        return false; /* from outside nobody has an address of ours */
    learn(sw, source, from, now);
    return true;
}

void switch_receive(struct network_switch *sw, unsigned from, const struct net_frame *frame,
                    uint64_t now)
{
    struct passage passage;
    if (from >= SWITCH_PORTS || !sw->port[from].used)
        return;
    struct switch_port *port = &sw->port[from];
    port->counters.received++;
    if (!net_frame_valid(frame) || is_reserved(frame->data)) {
        port->counters.invalid++;
        return;
    }
    if (!read_tag(&port->config, frame, &passage)) {
        port->counters.vlan++;
        return;
    }
    if (!source_is_right(sw, from, &passage, now)) {
        port->counters.spoofed++;
        return;
    }
    bool group = (frame->data[0] & 1) != 0;
    if (!group) {
        uint64_t target = station(frame->data, passage.vlan);
        unsigned to = find_machine(sw, target);
        if (to == SWITCH_PORTS)
            to = find(sw, target, now);
        if (to != SWITCH_PORTS) {
            if (joined(sw, from, to))
                deliver(sw, to, &passage);
            return;
        }
    }
    if (within_limit(port, now))
        flood(sw, from, &passage, !group);
    else
        port->counters.storm++;
}
