/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What components share: a block client's and a network peer's rings with any content, partition
 * tables, segmentation of any frame. The first byte chooses.
 */
#include <block/client.h>
#include <block/ramdisk.h>
#include <block/server.h>
#include <gpt/gpt.h>
#include <net/ring.h>
#include <stdlib.h>
#include <string.h>

#define SECTORS   256u
#define RING_PART 1024u /* bytes of an input that are a ring; the rest is lists of segments */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(4096) uint8_t region[NET_REGION_LEAST];
static uint8_t frame_bytes[NET_FRAME_MAX];
static uint8_t packet[NET_FRAME_MAX];

_Static_assert(sizeof(region) >= BLOCK_REGION_LEAST, "one region for both protocols");

static void wake(void *context)
{
    (void)context;
}

static void put(size_t at, const uint8_t *data, size_t size)
{
    memcpy(region + at, data, size < sizeof(region) - at ? size : sizeof(region) - at);
}

static const struct block_lent lent_memory = {
    .count = 2, .run = {{0, 0x10000, 0x7000000}, {0x100000, 0x10000, 0x5000000}}};

static void reach_submit(struct block_device *device, struct block_request *request)
{
    for (unsigned i = 0; request->lent && i < request->segments; i++) {
        uint64_t address = request->segment[i].address;
        uint64_t offset = address - (address < 0x6000000 ? 0x5000000 : 0x7000000);
        if (offset >= 0x10000 || request->segment[i].length > 0x10000 - offset)
            abort();
    }
    if (request->lent)
        request->complete(request, BLOCK_OK);
    else
        block_submit(device->context, request);
}

static void block_server(const uint8_t *data, size_t size)
{
    static struct block_server server;
    static struct ramdisk disk;
    static uint8_t store[SECTORS * BLOCK_SECTOR];
    static uint32_t map[SECTORS / 8];
    memset(region, 0, sizeof(region));
    memset(map, 0, sizeof(map));
    ramdisk_initialize(&disk, NULL, 0, SECTORS, map, store, sizeof(store));
    block_server_initialize(&server, wake, NULL);
    /* The device takes lent memory, and is sent nowhere else. */
    struct block_device reach = disk.device;
    reach.lending = (struct block_lending){BLOCK_SEGMENTS_MAX, 4, 4};
    reach.submit = reach_submit;
    reach.context = &disk.device;
    const struct block_offer offer = {
        .device = &reach, .first = 64, .sectors = 64, .lent = &lent_memory};
    if (!block_server_open(&server, &offer, region, BLOCK_REGION_LEAST))
        abort();
    put(BLOCK_AT_REQUESTS, data, size < RING_PART ? size : RING_PART);
    if (size > RING_PART)
        put(BLOCK_AT_LISTS, data + RING_PART, size - RING_PART);
    block_server_poll(&server);
    /* Nothing outside the offer is ever written. */
    for (unsigned i = 0; i < SECTORS / 8; i++) {
        if (map[i] != 0 && (i < 8 || i >= 16))
            abort();
    }
    if (!block_server_idle(&server))
        abort();
}

static unsigned completed;

static void note(struct block_request *request, enum block_status status)
{
    (void)request;
    (void)status;
    completed++;
}

static void block_client(const uint8_t *data, size_t size)
{
    static struct block_client client;
    memset(region, 0, sizeof(region));
    struct block_info info = {
        .ready = BLOCK_PROTOCOL_VERSION, .block_size = 512, .sectors = 64, .max_sectors = 64};
    memcpy(region, &info, sizeof(info));
    if (size > sizeof(info))
        memcpy(region + 4, data, sizeof(info) - 4);
    if (block_client_attach(&client, region, BLOCK_REGION_LEAST, wake, NULL) != BLOCK_CLIENT_OK)
        return;
    const struct block_segment segment = {{client.data}, 512};
    struct block_request request = {
        .operation = BLOCK_READ, .count = 1, .segment = &segment, .segments = 1, .complete = note};
    completed = 0;
    block_submit(&client.device, &request);
    put(BLOCK_AT_RESPONSES, data, size);
    block_client_poll(&client);
    if (completed > 1)
        abort();
}

static void net_ring(const uint8_t *data, size_t size)
{
    static struct net_ring ring;
    struct net_frame frame;
    memset(region, 0, sizeof(region));
    if (net_ring_attach(&ring, region, sizeof(region), true) != RING_OK)
        abort();
    put(0, data, size);
    while (net_ring_receive(&ring, frame_bytes, &frame) == 1) {
        if (!net_frame_valid(&frame))
            abort();
        net_ring_send(&ring, &frame);
    }
}

static bool deliver(void *context, const struct net_frame *frame)
{
    (void)context;
    if (!net_frame_valid(frame) || frame->offload.gso != NET_GSO_NONE)
        abort();
    return true;
}

static void segments(const uint8_t *data, size_t size)
{
    struct net_frame frame = {.data = frame_bytes};
    if (size < sizeof(frame.offload))
        return;
    memcpy(&frame.offload, data, sizeof(frame.offload));
    data += sizeof(frame.offload);
    size -= sizeof(frame.offload);
    frame.length = (uint32_t)(size < NET_FRAME_MAX ? size : NET_FRAME_MAX);
    memcpy(frame_bytes, data, frame.length);
    const struct net_sink sink = {deliver, NULL, NULL};
    if (!net_frame_valid(&frame))
        return;
    net_deliver_plain(&sink, &frame, packet);
    struct net_plain plain = {0};
    uint8_t wire[NET_HEADER + NET_TAG + NET_MTU];
    frame.rest = frame.length > NET_HEAD ? frame_bytes + NET_HEAD : NULL;
    do {
        if (net_plain_next(&plain, &frame, wire, sizeof(wire)) > sizeof(wire))
            abort();
    } while (plain.more);
}

static void partitions(const uint8_t *data, size_t size)
{
    static struct gpt gpt;
    uint8_t block[512] = {0};
    struct gpt_header header;
    memcpy(block, data, size < sizeof(block) ? size : sizeof(block));
    /* A right checksum, so that what follows it is reached. */
    memset(block + 16, 0, 4);
    uint32_t crc = gpt_checksum(0, block, 92);
    memcpy(block + 16, &crc, 4);
    if (gpt_read_header(block, 512, 1, 1 << 20, &header) != GPT_OK)
        return;
    uint64_t bytes = (uint64_t)header.entry_count * header.entry_size;
    uint8_t *entries = calloc(1, bytes);
    if (entries == NULL)
        abort();
    if (size > 512)
        memcpy(entries, data + 512, size - 512 < bytes ? size - 512 : bytes);
    header.entries_checksum = gpt_checksum(0, entries, bytes);
    if (gpt_read_entries(&header, entries, &gpt) == GPT_OK) {
        for (unsigned i = 0; i < gpt.count; i++) {
            if (gpt.partition[i].first > gpt.partition[i].last || gpt.partition[i].last >= 1 << 20)
                abort();
        }
    }
    free(entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(const uint8_t *, size_t) = {
        block_server, block_client, net_ring, segments, partitions,
    };
    if (size > 0)
        targets[data[0] % 5](data + 1, size - 1);
    return 0;
}
