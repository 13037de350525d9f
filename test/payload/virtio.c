/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hostile driver of virtio devices: on every queue of each one, split or packed, it makes
 * descriptors available that are random, loop, overlap, point out of memory and change while the
 * device may be reading them. What a device does to itself is its affair; the machine goes on, and
 * what no descriptor names stays as it is.
 *
 *     descriptors=NUMBER seed=NUMBER
 */
#include "payload.h"
#include "random.h"

/* PCI 3.0, 3.2.2.3.2: configuration mechanism 1. */
enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc };
enum { VENDOR_VIRTIO = 0x1af4, CAP_VENDOR = 9, FIRST_BAR = 0x10 };

/* virtio 1.2, 4.1.4: which structure a capability names. */
enum { CFG_COMMON = 1, CFG_NOTIFY = 2 };

/* 4.1.4.3: offsets in the common configuration. */
enum {
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    NUM_QUEUES = 0x12,
    DEVICE_STATUS = 0x14,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_MSIX_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY_OFF = 0x1e,
    QUEUE_DESC = 0x20,
    QUEUE_DRIVER = 0x28,
    QUEUE_DEVICE = 0x30,
};
/* 2.1 and 6. */
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64 };
enum { FEATURE_INDIRECT = 28, FEATURE_EVENT = 29, FEATURE_VERSION_1 = 32, FEATURE_PACKED = 34 };

/* 5: a device of this type sends all that it is given over a serial line. */
enum { CONSOLE = 3 };

enum { QUEUES = 4, SIZE = 64, ROUND = 256 };

/* 2.7.5; a packed one (2.8.13) has the same size, with its flags in the place of next. */
struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};
_Static_assert(sizeof(struct descriptor) == 16, "as the device reads it");

/* What a queue is made of. The available part has flags, index, ring and event index. */
struct queue {
    struct descriptor table[SIZE] __attribute__((aligned(4096)));
    uint16_t available[SIZE + 4] __attribute__((aligned(4096)));
    uint8_t used[4096] __attribute__((aligned(4096)));
    uint16_t index, notify_offset;
};

struct device {
    uint64_t common, notify;
    uint32_t multiplier;
    uint16_t type;
};

/* All that a descriptor names lies from here on, so the program below stays as it is. */
#define AREA 0x800000ull
enum { BUFFERS = 65536 };
static struct queue *const queues = (struct queue *)AREA;
static uint8_t *const buffers = (uint8_t *)(AREA + 0x100000);
_Static_assert(sizeof(struct queue[QUEUES]) <= 0x100000, "the buffers lie behind the queues");

extern const uint8_t payload_code_start[], payload_code_end[];

static uint32_t config_read(unsigned function, unsigned offset)
{
    __asm__ volatile("outl %0, %1" ::"a"(0x80000000u | function << 8 | (offset & 0xfcu)),
                     "Nd"((uint16_t)CONFIG_ADDRESS));
    return inl(CONFIG_DATA) >> (offset & 3) * 8;
}

static uint64_t bar(unsigned function, unsigned number)
{
    unsigned at = FIRST_BAR + 4 * number;
    uint64_t low = config_read(function, at);
    uint64_t high = (low & 6) == 4 ? config_read(function, at + 4) : 0;
    return high << 32 | (low & ~0xfull);
}

/* Is there a virtio device with what it takes, below 4 GiB? */
static bool find(unsigned function, struct device *device)
{
    uint32_t id = config_read(function, 0);
    *device = (struct device){.type = (uint16_t)((id >> 16) - 0x1040)};
    if ((id & 0xffff) != VENDOR_VIRTIO)
        return false;
    unsigned at = config_read(function, 0x34) & 0xfc;
    for (unsigned i = 0; at != 0 && i < 48; i++, at = config_read(function, at + 1) & 0xfc) {
        if ((config_read(function, at) & 0xff) != CAP_VENDOR)
            continue;
        unsigned kind = config_read(function, at + 3) & 0xff;
        uint64_t place =
            bar(function, config_read(function, at + 4) & 0xff & 7) + config_read(function, at + 8);
        if (kind == CFG_COMMON) {
            device->common = place;
        } else if (kind == CFG_NOTIFY) {
            device->notify = place;
            device->multiplier = config_read(function, at + 16);
        }
    }
    return device->common != 0 && device->notify != 0 && device->notify < 1ull << 32;
}

static void put8(uint64_t at, uint8_t value)
{
    *(volatile uint8_t *)at = value;
}

static void put16(uint64_t at, uint16_t value)
{
    *(volatile uint16_t *)at = value;
}

static void put32(uint64_t at, uint32_t value)
{
    *(volatile uint32_t *)at = value;
}

static uint16_t get16(uint64_t at)
{
    return *(volatile uint16_t *)at;
}

static void put_address(uint64_t at, const void *value)
{
    put32(at, (uint32_t)(uint64_t)value);
    put32(at + 4, 0);
}

/* Resets the device and sets all its queues up, with some of the features that matter here. */
static unsigned start(const struct device *device, bool mild)
{
    uint64_t c = device->common;
    uint64_t features = 1ull << FEATURE_VERSION_1 | (mild ? 0 : random_below(2)) << FEATURE_PACKED |
                        random_below(2) << FEATURE_INDIRECT | random_below(2) << FEATURE_EVENT;

    put8(c + DEVICE_STATUS, 0);
    put8(c + DEVICE_STATUS, ACKNOWLEDGE | DRIVER);
    for (uint32_t i = 0; i < 2; i++) {
        put32(c + DRIVER_FEATURE_SELECT, i);
        put32(c + DRIVER_FEATURE, (uint32_t)(features >> 32 * i));
    }
    put8(c + DEVICE_STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    unsigned count = get16(c + NUM_QUEUES);
    count = count < QUEUES ? count : QUEUES;
    for (unsigned i = 0; i < count; i++) {
        struct queue *q = &queues[i];
        put16(c + QUEUE_SELECT, (uint16_t)i);
        uint16_t most = get16(c + QUEUE_SIZE);
        put16(c + QUEUE_SIZE, most < SIZE ? most : SIZE);
        put16(c + QUEUE_MSIX_VECTOR, 0xffff);
        put_address(c + QUEUE_DESC, q->table);
        put_address(c + QUEUE_DRIVER, q->available);
        put_address(c + QUEUE_DEVICE, q->used);
        q->notify_offset = get16(c + QUEUE_NOTIFY_OFF);
        q->index = 0;
        q->available[0] = q->available[1] = 0;
        put16(c + QUEUE_ENABLE, 1);
    }
    put8(c + DEVICE_STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    return count;
}

static uint64_t address(void)
{
    switch (random_below(8)) {
    case 0: {
        uint64_t random = random_value(AREA, 0x200000);
        return random < AREA ? random + AREA : random;
    }
    case 1: /* beyond the memory, or a device's registers */
        return 0xfee00000 + random_below(1 << 20);
    case 2: /* the descriptors themselves */
        return (uint64_t)queues[random_below(QUEUES)].table + random_below(4096);
    default:
        return (uint64_t)buffers + random_below(BUFFERS);
    }
}

static uint32_t length(void)
{
    return random_below(4) == 0 ? (uint32_t)random_next() : (uint32_t)random_below(5000);
}

static struct descriptor some_descriptor(void)
{
    return (struct descriptor){address(), length(), (uint16_t)random_below(8),
                               (uint16_t)random_below(random_below(8) == 0 ? 65536 : SIZE)};
}

/* Random descriptors and rings. */
static unsigned offer_wild(struct queue *q)
{
    for (unsigned i = 0; i < 32; i++) {
        q->table[random_below(SIZE)] = some_descriptor();
        /* An indirect table in the buffers, which the device may find anywhere. */
        *(struct descriptor *)(buffers + random_below(4096) * 16) = some_descriptor();
    }
    for (uint64_t count = 1 + random_below(16); count != 0; count--) {
        q->available[2 + q->index % SIZE] = (uint16_t)random_below(random_below(16) ? SIZE : 65536);
        /* Packed (2.8.1): available is bit 7, used bit 15, of the round's parity. */
        q->table[q->index % SIZE].next =
            (uint16_t)(random_below(8) | (q->index / SIZE % 2 == 0 ? 0x80 : 0x8000));
        q->index++;
    }
    q->available[0] = (uint16_t)random_below(2);
    q->available[1] = random_below(32) == 0 ? (uint16_t)random_next() : q->index;
    q->available[2 + SIZE] = (uint16_t)random_next();
    return 32;
}

/* Chains as a disk takes them (5.2.6), of a random kind and at a random place, most of which are
 * carried out: a header to read, data either way in units, a byte to write. */
static unsigned offer_mild(struct queue *q, uint32_t unit)
{
    unsigned chains = 1 + (unsigned)random_below(16);

    for (unsigned i = 0; i < chains; i++) {
        uint16_t first = (uint16_t)(3 * i);
        uint64_t *header = (uint64_t *)(buffers + 16 * random_below(256));
        header[0] = random_below(16);
        header[1] = random_value(0, 32768);
        q->table[first] = (struct descriptor){(uint64_t)header, 16, 1, (uint16_t)(first + 1)};
        q->table[first + 1] = (struct descriptor){
            (uint64_t)buffers + random_below(BUFFERS / 2), unit + unit * (uint32_t)random_below(8),
            (uint16_t)(1 | random_below(2) << 1), (uint16_t)(first + 2)};
        q->table[first + 2] =
            (struct descriptor){(uint64_t)buffers + random_below(BUFFERS), 1, 2, 0};
        q->available[2 + q->index++ % SIZE] = first;
    }
    q->available[1] = q->index;
    return 3 * chains;
}

/* Makes chains available and tells the device; how many descriptors. */
static unsigned offer(const struct device *device, struct queue *q, bool mild)
{
    unsigned count = mild ? offer_mild(q, device->type == CONSOLE ? 1 : 512) : offer_wild(q);

    put16(device->notify + (uint64_t)q->notify_offset * device->multiplier,
          (uint16_t)random_below(QUEUES));
    return count;
}

static uint64_t code_sum(void)
{
    uint64_t sum = 0;
    for (const uint8_t *at = payload_code_start; at < payload_code_end; at++)
        sum = sum * 31 + *at;
    return sum;
}

void payload_main(uint64_t start_info)
{
    static struct device devices[8];
    const char *line = (const char *)*(uint64_t *)(start_info + 24);
    uint64_t limit = payload_argument(line, "descriptors=", 1000000);
    unsigned count = 0;

    random_seed(payload_argument(line, "seed=", 1));
    payload_initialize();
    for (unsigned function = 0; function < 256 && count < 8; function++)
        count += find(function, &devices[count]);
    uint64_t sum = code_sum();
    for (unsigned i = 0; i < count; i++) {
        uint64_t offered = 0, resets = 0;
        while (offered < limit) {
            bool mild = random_below(2) == 0;
            unsigned queue_count = start(&devices[i], mild);
            for (unsigned round = 0; round < ROUND && queue_count != 0; round++) {
                offered += offer(&devices[i], &queues[random_below(queue_count)], mild);
                if (*(volatile uint8_t *)(devices[i].common + DEVICE_STATUS) & NEEDS_RESET)
                    break;
            }
            resets++;
            if (queue_count == 0)
                break;
        }
        payload_print("virtio: device of type %u, %lu descriptors, %lu resets\n", devices[i].type,
                      offered, resets);
    }
    payload_print("virtio: done, %u devices, code %s\n", count,
                  sum == code_sum() ? "as it was" : "CHANGED");
    payload_power_off();
}
