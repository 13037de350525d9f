/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The control queue (virtio 1.2, section 5.1.6.5), and the receive filter that it sets.
 */
#include <string.h>

#include "vmm/virtio/net.h"

enum class { CLASS_RX = 0, CLASS_MAC = 1, CLASS_VLAN = 2, CLASS_MQ = 4 };

enum rx { RX_PROMISC, RX_ALLMULTI, RX_ALLUNI, RX_NOMULTI, RX_NOUNI, RX_NOBCAST };

#define MAC_TABLE_SET 0u
#define VLAN_ADD      0u
#define VLAN_DELETE   1u
#define MQ_PAIRS_SET  0u

#define ACK_OK    0u
#define ACK_ERROR 1u

/* Command and data, copied out of guest memory. */
#define COMMAND_MAX (2u + 8u + NET_MAC_SIZE * (VIRTIO_NET_UNICAST + VIRTIO_NET_MULTICAST))

struct command {
    uint32_t length; /* of the data */
    uint8_t bytes[COMMAND_MAX];
};

void virtio_net_filter_reset(struct virtio_net *net)
{
    memset(&net->filter, 0, sizeof(net->filter));
    net->pairs = 1;
}

static uint32_t little32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint16_t little16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static bool set_receive(struct virtio_net *net, unsigned what, const uint8_t *data, uint32_t length)
{
    struct virtio_net_filter *filter = &net->filter;
    bool *const switches[] = {
        [RX_PROMISC] = &filter->promiscuous, [RX_ALLMULTI] = &filter->all_multicast,
        [RX_ALLUNI] = &filter->all_unicast,  [RX_NOMULTI] = &filter->no_multicast,
        [RX_NOUNI] = &filter->no_unicast,    [RX_NOBCAST] = &filter->no_broadcast,
    };
    if (what > RX_NOBCAST || length != 1 || data[0] > 1)
        return false;
    *switches[what] = data[0] != 0;
    return true;
}

/* Two tables, each a count of 32 bits and that many addresses: unicast, multicast. */
static bool set_table(struct virtio_net *net, const uint8_t *data, uint32_t length)
{
    struct virtio_net_filter *filter = &net->filter;
    if (length < 4)
        return false;
    uint32_t unicast = little32(data);
    if (unicast > VIRTIO_NET_UNICAST || length - 4 < unicast * NET_MAC_SIZE + 4)
        return false;
    const uint8_t *second = data + 4 + unicast * NET_MAC_SIZE;
    uint32_t multicast = little32(second);
    if (multicast > VIRTIO_NET_MULTICAST || length != 8 + (unicast + multicast) * NET_MAC_SIZE)
        return false;
    memcpy(filter->unicast, data + 4, unicast * NET_MAC_SIZE);
    memcpy(filter->multicast, second + 4, multicast * NET_MAC_SIZE);
    filter->unicast_count = unicast;
    filter->multicast_count = multicast;
    return true;
}

static bool set_vlan(struct virtio_net *net, unsigned what, const uint8_t *data, uint32_t length)
{
    uint16_t id = length == 2 ? little16(data) : UINT16_MAX;
    if (what > VLAN_DELETE || id >= 4096)
        return false;
    uint8_t bit = (uint8_t)(1u << (id & 7));
    if (what == VLAN_ADD)
        net->filter.vlan[id / 8] |= bit;
    else
        net->filter.vlan[id / 8] &= (uint8_t)~bit;
    return true;
}

static bool set_pairs(struct virtio_net *net, const uint8_t *data, uint32_t length)
{
    uint16_t pairs = length == 2 ? little16(data) : 0;
    if (pairs == 0 || pairs > net->max_pairs)
        return false;
    net->pairs = pairs;
    return true;
}

static bool carry_out(struct virtio_net *net, const struct command *command)
{
    unsigned what = command->bytes[1];
    const uint8_t *data = command->bytes + 2;
    uint32_t length = command->length;
    switch (command->bytes[0]) {
    case CLASS_RX:
        return virtio_has(&net->device,
                          what < RX_ALLUNI ? VIRTIO_NET_F_CTRL_RX : VIRTIO_NET_F_CTRL_EXTRA) &&
               set_receive(net, what, data, length);
    case CLASS_MAC:
        return virtio_has(&net->device, VIRTIO_NET_F_CTRL_RX) && what == MAC_TABLE_SET &&
               set_table(net, data, length);
    case CLASS_VLAN:
        return virtio_has(&net->device, VIRTIO_NET_F_CTRL_VLAN) &&
               set_vlan(net, what, data, length);
    case CLASS_MQ:
        return virtio_has(&net->device, VIRTIO_NET_F_MQ) && what == MQ_PAIRS_SET &&
               set_pairs(net, data, length);
    default:
        return false;
    }
}

int virtio_net_control(struct virtio_net *net, struct virtqueue *queue)
{
    struct virtqueue_chain chain;
    struct command command;
    int result = virtqueue_pop(queue, &chain);
    if (result != 1)
        return result;
    if (chain.readable_length < 2 || chain.writeable_length < 1)
        return VIRTQUEUE_ERROR_CHAIN;
    uint8_t ack = ACK_ERROR;
    if (chain.readable_length <= sizeof(command.bytes)) {
        uint32_t length = virtqueue_gather(chain.segment, chain.readable, 0, command.bytes,
                                           sizeof(command.bytes));
        command.length = length - 2;
        if (carry_out(net, &command))
            ack = ACK_OK;
    }
    virtqueue_scatter(chain.segment + chain.readable, chain.count - chain.readable, 0, &ack, 1);
    virtqueue_push(queue, chain.token, 1);
    return 1;
}

static bool in_table(const uint8_t table[][NET_MAC_SIZE], unsigned count, const uint8_t *mac)
{
    for (unsigned i = 0; i < count; i++) {
        if (memcmp(table[i], mac, NET_MAC_SIZE) == 0)
            return true;
    }
    return false;
}

static bool vlan_wanted(const struct virtio_net *net, const uint8_t *frame, uint32_t length)
{
    if (!virtio_has(&net->device, VIRTIO_NET_F_CTRL_VLAN) || length < NET_HEADER + NET_TAG ||
        net_get16(frame + 12) != 0x8100)
        return true;
    unsigned id = net_get16(frame + 14) & 0xfffu;
    return (net->filter.vlan[id / 8] & (1u << (id & 7))) != 0;
}

bool virtio_net_filter_accepts(const struct virtio_net *net, const uint8_t *frame, uint32_t length)
{
    static const uint8_t broadcast[NET_MAC_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const struct virtio_net_filter *filter = &net->filter;
    if (filter->promiscuous || !virtio_has(&net->device, VIRTIO_NET_F_CTRL_RX))
        return true;
    if (!vlan_wanted(net, frame, length))
        return false;
    if (memcmp(frame, broadcast, NET_MAC_SIZE) == 0)
        return !filter->no_broadcast;
    if ((frame[0] & 1) != 0)
        return !filter->no_multicast &&
               (filter->all_multicast ||
                in_table(filter->multicast, filter->multicast_count, frame));
    return !filter->no_unicast &&
           (filter->all_unicast || memcmp(frame, net->config.mac, NET_MAC_SIZE) == 0 ||
            in_table(filter->unicast, filter->unicast_count, frame));
}
