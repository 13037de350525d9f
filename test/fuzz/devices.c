/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hostile driver of every PCI device that a virtual machine can have: virtio disk, network card,
 * random numbers and balloon, AHCI. The input is a list of 8-byte records: registers written and
 * read, words of memory written, backends that complete later. The devices are started by our own
 * means first, so that the input need not find out how.
 */
#include <block/ramdisk.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "vmm/device/ahci.h"
#include "vmm/virtio/balloon.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/net.h"
#include "vmm/virtio/rng.h"

#define RECORD  8u
#define SECTORS 64u
#define RINGS   0x10000u /* in guest memory: 0x4000 for each queue */
#define QUEUES  9u
#define DEVICES 5u
#define WAITING 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bench {
    struct machine *machine;
    struct virtio_blk blk;
    struct virtio_net net;
    struct virtio_rng rng;
    struct virtio_balloon balloon;
    struct ahci ahci;
    struct ramdisk disk;
    uint32_t map[SECTORS / 8];
    uint8_t store[SECTORS * BLOCK_SECTOR / 2]; /* fills up */
    struct block_device slow;
    struct block_request *waiting[WAITING * 4];
    unsigned count;
    uint8_t balloon_map[MACHINE_MEMORY / VIRTIO_BALLOON_PAGE / 8];
    uint8_t frame[2048];
};

static void submit_later(struct block_device *device, struct block_request *request)
{
    struct bench *b = device->context;
    if (b->count == sizeof(b->waiting) / sizeof(b->waiting[0]))
        abort(); /* the models together have fewer requests under way */
    b->waiting[b->count++] = request;
}

static void complete_one(struct bench *b, unsigned which)
{
    if (b->count == 0)
        return;
    which %= b->count;
    struct block_request *request = b->waiting[which];
    b->count--;
    b->waiting[which] = b->waiting[b->count];
    if (request->cancelled)
        request->complete(request, BLOCK_ERROR);
    else
        block_submit(&b->disk.device, request);
}

static bool network(void *context, const struct net_frame *frame)
{
    struct bench *b = context;
    if (!net_frame_valid(frame))
        abort();
    /* Every third frame finds no room; the others come back as a frame for the guest. */
    if (frame->length % 3 == 0)
        return false;
    uint32_t length = frame->length < sizeof(b->frame) ? frame->length : sizeof(b->frame);
    memcpy(b->frame, frame->data, length);
    return true;
}

static uint32_t noise(void *context, uint8_t *to, uint32_t length)
{
    (void)context;
    memset(to, 0x5a, length);
    return length > 3 ? length - 3 : 0;
}

/* Every fourth page cannot be had again. */
static bool page(void *context, struct gpa address, bool taken)
{
    (void)context;
    return taken || (address.value / VIRTIO_BALLOON_PAGE & 3) != 0;
}

static uint64_t bar_of(const struct bench *b, unsigned device)
{
    const struct pci_function *function = device == 0   ? &b->blk.device.function
                                          : device == 1 ? &b->net.device.function
                                          : device == 2 ? &b->rng.device.function
                                          : device == 3 ? &b->balloon.device.function
                                                        : &b->ahci.function;
    return function->bar[device == 4 ? 5 : 0].mapped;
}

static void set(struct bench *b, unsigned device, unsigned offset, unsigned size, uint64_t value)
{
    bus_write(&b->machine->vm.mmio, bar_of(b, device) + offset, size, value);
}

/* Brings a virtio device to where its queues run; `features` has the packed bit or not. */
static void start(struct bench *b, unsigned device, uint64_t features)
{
    uint64_t bar = bar_of(b, device);
    set(b, device, 0x14, 1, 0);
    set(b, device, 0x14, 1, 3);
    for (unsigned half = 0; half < 2; half++) {
        set(b, device, 0x00, 4, half);
        uint64_t offered = bus_read(&b->machine->vm.mmio, bar + 4, 4);
        set(b, device, 0x08, 4, half);
        set(b, device, 0x0c, 4, offered & (features >> (32 * half)));
    }
    set(b, device, 0x14, 1, 11);
    for (unsigned queue = 0; queue < QUEUES; queue++) {
        uint64_t at = RINGS + (device * QUEUES + queue) * 0x4000ull;
        set(b, device, 0x16, 2, queue);
        set(b, device, 0x18, 2, 16);
        set(b, device, 0x20, 4, at);
        set(b, device, 0x28, 4, at + 0x1000);
        set(b, device, 0x30, 4, at + 0x2000);
        set(b, device, 0x1c, 2, 1);
    }
    set(b, device, 0x14, 1, 15);
}

/* Built once: a machine of its own for each input would take most of the time. */
static struct bench *create(void)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    struct bench *b = calloc(1, sizeof(*b));
    if (b == NULL)
        abort();
    b->machine = machine_create(1, VM_VENDOR_AMD);
    struct vm *vm = &b->machine->vm;
    const struct net_sink sink = {network, b, NULL};
    ramdisk_initialize(&b->disk, NULL, 0, SECTORS, b->map, b->store, sizeof(b->store));
    b->slow = b->disk.device;
    b->slow.submit = submit_later;
    b->slow.context = b;
    virtio_blk_initialize(&b->blk, 2, &vm->memory, &vm->apics, &vm->irq, &b->slow, 2);
    const struct virtio_net_events events = {0};
    virtio_net_initialize(&b->net, 3, &vm->memory, &vm->apics, &vm->irq, mac, 4, &sink, &events);
    virtio_rng_initialize(&b->rng, 4, &vm->memory, &vm->apics, &vm->irq, noise, NULL);
    virtio_balloon_initialize(&b->balloon, 5, &vm->memory, &vm->apics, &vm->irq, b->balloon_map,
                              sizeof(b->balloon_map), page, NULL);
    ahci_initialize(&b->ahci, &vm->memory, &vm->apics, &vm->irq);
    ahci_attach(&b->ahci, 0, AHCI_DISK, &b->slow);
    ahci_attach(&b->ahci, 1, AHCI_CDROM, &b->slow);
    pci_add(&vm->pci, &b->blk.device.function);
    pci_add(&vm->pci, &b->net.device.function);
    pci_add(&vm->pci, &b->rng.device.function);
    pci_add(&vm->pci, &b->balloon.device.function);
    pci_add(&vm->pci, &b->ahci.function);
    return b;
}

/* As after power-up, with the devices started. */
static void restore(struct bench *b, uint64_t features)
{
    struct vm *vm = &b->machine->vm;
    memset(b->machine->memory + RINGS, 0, DEVICES * QUEUES * 0x4000u);
    memset(b->map, 0, sizeof(b->map));
    b->disk.store_used = 0;
    virtio_power_on(&b->blk.device);
    virtio_power_on(&b->net.device);
    virtio_power_on(&b->rng.device);
    virtio_power_on(&b->balloon.device);
    ahci_reset(&b->ahci);
    while (b->count > 0)
        complete_one(b, 0);
    pci_reset(&vm->pci);
    pci_assign(&vm->pci);
    for (unsigned device = 0; device < 4; device++)
        start(b, device, features);
    for (unsigned port = 0; port < 2; port++) {
        set(b, 4, 0x100 + port * 0x80, 4, RINGS + 4 * QUEUES * 0x4000 + port * 0x4000);
        set(b, 4, 0x108 + port * 0x80, 4, RINGS + 4 * QUEUES * 0x4000 + port * 0x4000 + 0x1000);
        set(b, 4, 0x118 + port * 0x80, 4, 0x11);
    }
}

/* What a chain consists of is rare among random bytes: descriptors, indices, command headers. */
static void write_memory(struct bench *b, const uint8_t *r)
{
    unsigned queue = r[1] % (DEVICES * QUEUES);
    uint64_t at = RINGS + queue * 0x4000ull + (r[2] & 3) * 0x1000u + (r[3] & 0x7fu) * 4u;
    uint32_t value = r[4] | (uint32_t)r[5] << 8 | (uint32_t)r[6] << 16 | (uint32_t)r[7] << 24;
    if ((r[2] & 0x80) != 0)
        value = RINGS + (value & 0x3ffff); /* an address that there is */
    memcpy(b->machine->memory + at, &value, sizeof(value));
}

static struct virtio_device *device_of(struct bench *b, unsigned number)
{
    struct virtio_device *const devices[] = {&b->blk.device, &b->net.device, &b->rng.device,
                                             &b->balloon.device};
    return devices[number];
}

static void put_descriptor(struct bench *b, const struct virtqueue *queue, unsigned index,
                           uint64_t address, uint32_t length, uint16_t flags)
{
    uint8_t *at = b->machine->memory + queue->descriptors + index * 16u;
    uint16_t other = queue->packed ? (uint16_t)index : (uint16_t)(index + 1);
    memcpy(at, &address, 8);
    memcpy(at + 8, &length, 4);
    memcpy(at + 12, queue->packed ? &other : &flags, 2);
    memcpy(at + 14, queue->packed ? &flags : &other, 2);
}

/*
 * A request that is well formed in its ring: what the device reads, then what it writes. The first
 * bytes come from the record; what they say is the device's to judge.
 */
static void make_request(struct bench *b, const uint8_t *r)
{
    unsigned device = r[1] % 4;
    unsigned number = r[1] / 4 % QUEUES;
    const struct virtqueue *queue = &device_of(b, device)->queue[number];
    uint8_t *memory = b->machine->memory;
    if (!queue->enabled || queue->size != 16)
        return;
    uint64_t buffer = RINGS + (device * QUEUES + number) * 0x4000ull + 0x3000;
    uint32_t out = (r[2] & 0x7fu) * ((r[2] & 0x80) != 0 ? 16u : 1u);
    uint32_t in = (r[3] & 0x7fu) * ((r[3] & 0x80) != 0 ? 16u : 1u) + (device == 0 ? 1 : 0);
    unsigned count = (out != 0 ? 1u : 0u) + (in != 0 ? 1u : 0u);
    memset(memory + buffer, 0, 64);
    memcpy(memory + buffer, r + 4, 4);
    if (device == 0) {
        /* A disk's request of a few sectors: type, sector, whole sectors of data, one range. */
        memset(memory + buffer + 1, 0, 3);
        memory[buffer + 8] = r[5];
        memory[buffer + 16] = r[6];
        memory[buffer + 24] = r[7];
        out = (r[2] & 0x80) != 0 ? 16 + 16 * (r[2] & 3u) : 16 + 512 * (r[2] & 3u);
        in = 1 + 512 * (r[3] & 3u) + (r[3] >> 7);
    } else if (device == 1) {
        memcpy(memory + buffer + 12, r + 4, 4); /* behind the header */
    }
    unsigned index = queue->packed ? queue->next_available : 2 * (queue->next_available & 7u);
    bool wrap = queue->available_wrap;
    for (unsigned i = 0; i < count; i++) {
        unsigned at = (index + i) % 16;
        uint16_t flags = (uint16_t)(i + 1 < count ? 1 : 0);
        if (out == 0 || i == 1)
            flags |= 2;
        if (queue->packed)
            flags |= (wrap != (index + i >= 16)) ? 0x0080 : 0x8000;
        put_descriptor(b, queue, at, i == 0 ? buffer : buffer + 0x800,
                       i == 0 && out != 0 ? out : in, flags);
    }
    if (!queue->packed) {
        uint16_t head = (uint16_t)index;
        uint16_t next = (uint16_t)(queue->next_available + 1);
        memcpy(memory + queue->available + 4 + 2 * (queue->next_available & 15u), &head, 2);
        memcpy(memory + queue->available + 2, &next, 2);
    }
    set(b, device, 0x3010 + 4 * number, 2, number);
}

/* An AHCI command that is well formed around what the record says. */
static void make_command(struct bench *b, const uint8_t *r)
{
    unsigned port = r[1] & 1;
    unsigned slot = r[1] >> 1 & 31;
    uint64_t base = RINGS + 4 * QUEUES * 0x4000ull + port * 0x4000u;
    uint8_t *memory = b->machine->memory;
    uint8_t *table = memory + base + 0x2000;
    const uint32_t header[4] = {5u | 1u << 16, 0, (uint32_t)base + 0x2000, 0};
    const uint32_t prd[4] = {(uint32_t)base + 0x3000, 0, 0, (r[7] & 0x7fu) * 32u + 1};
    memcpy(memory + base + slot * 32, header, sizeof(header));
    memset(table, 0, 0x90);
    table[0] = 0x27;
    table[1] = 0x80;
    table[2] = r[2];
    table[3] = r[3];
    table[4] = r[4];
    table[7] = 0x40;
    table[12] = r[5];
    memcpy(table + 0x40, r + 2, 6);
    table[0x48] = r[5];
    if (port == 1 && (r[7] & 0x80) == 0)
        table[2] = 0xa0; /* a packet: what the drive is for */
    memcpy(table + 0x80, prd, sizeof(prd));
    if ((r[7] & 0x80) != 0) { /* the driver's restart after an error */
        set(b, 4, 0x118 + port * 0x80, 4, 0x10);
        set(b, 4, 0x118 + port * 0x80, 4, 0x11);
    }
    set(b, 4, 0x134 + port * 0x80, 4, 1u << slot);
    set(b, 4, 0x138 + port * 0x80, 4, 1u << slot);
}

static void run(struct bench *b, const uint8_t *r)
{
    unsigned device = r[1] % DEVICES;
    unsigned offset = (r[2] | (unsigned)r[3] << 8) & 0x3fff;
    uint32_t value = r[4] | (uint32_t)r[5] << 8 | (uint32_t)r[6] << 16 | (uint32_t)r[7] << 24;
    switch (r[0] % 10) {
    case 0:
        set(b, device, offset, 1u << (r[0] >> 4 & 3), value);
        break;
    case 1:
        bus_read(&b->machine->vm.mmio, bar_of(b, device) + offset, 1u << (r[0] >> 4 & 3));
        break;
    case 2:
        set(b, 4, (offset & 0x1fc), 4, value); /* AHCI's ports */
        break;
    case 3:
        complete_one(b, r[1]);
        break;
    case 4: {
        const struct net_frame frame = {.data = b->frame, .length = 14 + offset % 2000};
        memcpy(b->frame, b->net.config.mac, NET_MAC_SIZE);
        virtio_net_receive(&b->net, &frame);
        virtio_net_transmit_ready(&b->net);
        virtio_rng_poll(&b->rng);
        virtio_balloon_set_target(&b->balloon, value);
        virtio_balloon_ask_stats(&b->balloon);
        virtio_net_set_link(&b->net, (value & 7) != 0);
        break;
    }
    case 5:
        bus_write(&b->machine->vm.mmio,
                  PCI_ECAM_BASE + ((device == 4 ? AHCI_DEVFN : (device + 2) << 3) << 12) +
                      (offset & 0xff),
                  1u << (r[0] >> 4 & 3), value);
        break;
    case 6:
        write_memory(b, r);
        break;
    case 7:
        make_command(b, r);
        break;
    default:
        make_request(b, r);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    uint64_t features = UINT64_MAX;
    if ((data[0] & 1) != 0)
        features &= ~VIRTIO_F_RING_PACKED;
    if ((data[0] & 2) != 0)
        features &= ~VIRTIO_F_EVENT_IDX;
    if ((data[0] & 4) != 0)
        features &= ~VIRTIO_NET_F_MRG_RXBUF;
    static struct bench *b;
    if (b == NULL)
        b = create();
    restore(b, features);
    for (size_t at = 1; size - at >= RECORD; at += RECORD)
        run(b, data + at);
    /* Whatever is under way ends, and a reset makes each device as good as new. */
    while (b->count > 0)
        complete_one(b, 0);
    for (unsigned device = 0; device < 4; device++) {
        uint64_t bar = bar_of(b, device);
        if (bar == 0)
            continue;
        start(b, device, features);
        if ((bus_read(&b->machine->vm.mmio, bar + 0x14, 1) & VIRTIO_NEEDS_RESET) != 0)
            abort();
    }
    return 0;
}
