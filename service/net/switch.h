/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A switch between virtual machines and network cards (IEEE 802.1Q, the part that matters here).
 * A VM's port has one address and one VLAN: frames from another address or with a tag of its own
 * are dropped, so it cannot pose as another or hop into another VLAN. Ports exchange frames only
 * where the configuration joins them. Addresses are learned on uplinks alone; what goes to an
 * unknown address never reaches a VM. Broadcasts, multicasts and unknown addresses are limited per
 * port.
 */
#ifndef SERVICE_NET_SWITCH_H
#define SERVICE_NET_SWITCH_H

#include <net/frame.h>

#define SWITCH_PORTS       32u
#define SWITCH_BUCKET_BITS 8u
#define SWITCH_BUCKETS     (1u << SWITCH_BUCKET_BITS)
#define SWITCH_WAYS        4u
#define SWITCH_AGE         300ull /* seconds for which a learned address is kept */
#define SWITCH_BURST       64u    /* frames above the storm limit's rate at once */
#define SWITCH_VLAN_BYTES  512u

struct switch_config {
    bool uplink;                       /* a network card: any source, addresses are learned */
    uint8_t mac[NET_MAC_SIZE];         /* of a VM */
    uint16_t vlan;                     /* of untagged frames, 1 to 4094 */
    uint8_t tagged[SWITCH_VLAN_BYTES]; /* uplink: bit set for each VLAN that it carries tagged */
    uint32_t peers;      /* bit: port with which it exchanges frames, if that agrees */
    uint32_t storm_rate; /* flooded frames per second; 0: no limit */
};

struct switch_counters {
    uint64_t received;
    uint64_t delivered;
    uint64_t full;    /* frames that found no room at this port */
    uint64_t spoofed; /* wrong source address */
    uint64_t vlan;    /* wrong tag */
    uint64_t storm;   /* above the limit */
    uint64_t invalid;
};

struct switch_port {
    bool used;
    struct switch_config config;
    uint64_t station; /* of a VM: its address and VLAN */
    struct net_sink sink;
    uint64_t tokens;   /* flooded frames that may still come, in billionths */
    uint64_t refilled; /* ns */
    struct switch_counters counters;
};

/* One that was learned. Stations are an address in bits 47:0 and its VLAN, which is never 0, in
 * bits 63:48. */
struct switch_address {
    uint64_t station; /* 0: none */
    uint64_t seen;    /* ns */
    uint8_t port;
};

struct network_switch {
    struct switch_port port[SWITCH_PORTS];
    uint32_t machines; /* bit: open port of a VM */
    struct switch_address table[SWITCH_BUCKETS][SWITCH_WAYS];
    uint64_t key; /* of the hash, random and odd, so that nobody can aim at a bucket */
    uint8_t scratch[NET_FRAME_MAX + NET_TAG];
};

void switch_initialize(struct network_switch *sw, uint64_t key);

/*
 * Opens a port, or changes an open one; false: no such port, an impossible VLAN or address, or an
 * address that another port has in this VLAN.
 */
bool switch_open(struct network_switch *sw, unsigned port, const struct switch_config *config,
                 const struct net_sink *sink);

/* Joins two open ports: each is a peer of the other until one of them is closed. */
void switch_join(struct network_switch *sw, unsigned a, unsigned b);

/* An uplink carries frames of this VLAN, 1 to 4094, with a tag. */
void switch_carry(struct network_switch *sw, unsigned port, uint16_t vlan);

/* Closes it, forgets what was learned there, and nobody is joined with it any more. */
void switch_close(struct network_switch *sw, unsigned port);

/* A frame has come in at a port, at time `now` in ns. It is delivered or dropped at once. */
void switch_receive(struct network_switch *sw, unsigned port, const struct net_frame *frame,
                    uint64_t now);

#endif
