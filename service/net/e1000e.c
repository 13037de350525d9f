/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/net/e1000e.h"

#include <stdatomic.h>
#include <string.h>

/* 82574 datasheet, 10.2 */
enum register_offset {
    CTRL = 0x0000,
    STATUS = 0x0008,
    ICR = 0x00c0,
    IMS = 0x00d0,
    IMC = 0x00d8,
    RCTL = 0x0100,
    TCTL = 0x0400,
    TIPG = 0x0410,
    RDBAL = 0x2800,
    RDLEN = 0x2808,
    RDH = 0x2810,
    RDT = 0x2818,
    TDBAL = 0x3800,
    TDLEN = 0x3808,
    TDH = 0x3810,
    TDT = 0x3818,
    MTA = 0x5200,
    RAL = 0x5400,
    RAH = 0x5404,
};

#define CTRL_LINK_UP (1u << 6)
#define CTRL_RESET   (1u << 26)
#define STATUS_LINK  (1u << 1)

#define INTERRUPT_SENT      (1u << 0)
#define INTERRUPT_LINK      (1u << 2)
#define INTERRUPT_THRESHOLD (1u << 4)
#define INTERRUPT_OVERRUN   (1u << 6)
#define INTERRUPT_RECEIVED  (1u << 7)

/* On; any address, since the switch behind it has many; no checksum behind the frame. */
#define RCTL_VALUE (1u << 1 | 1u << 3 | 1u << 4 | 1u << 15 | 1u << 26)
/* On, short frames are padded; collision values of 10.2.6.1. */
#define TCTL_VALUE (1u << 1 | 1u << 3 | 0x0fu << 4 | 0x3fu << 12)
#define TIPG_VALUE (8u | 8u << 10 | 6u << 20)

#define COMMAND_END    0x01u
#define COMMAND_FCS    0x02u
#define COMMAND_REPORT 0x08u
#define STATUS_DONE    0x01u
#define STATUS_END     0x02u

#define VENDOR_INTEL 0x8086u
#define DEVICE_82574 0x10d3u
#define BUFFER_SIZE  2048u
#define DESCRIPTOR   16u
#define MTA_ENTRIES  128u
#define RESET_POLLS  1000000u
#define BAR_LEAST    0x6000u

/* 3.2.2, 3.3.2: legacy descriptors. */
struct receive_descriptor {
    uint64_t address;
    uint16_t length;
    uint16_t checksum;
    uint8_t status;
    uint8_t errors;
    uint16_t special;
};

struct transmit_descriptor {
    uint64_t address;
    uint16_t length;
    uint8_t checksum_offset;
    uint8_t command;
    uint8_t status;
    uint8_t checksum_start;
    uint16_t special;
};

_Static_assert(sizeof(struct receive_descriptor) == DESCRIPTOR, "82574 datasheet, 7.1.4");
_Static_assert(offsetof(struct receive_descriptor, status) == 12, "82574 datasheet, 7.1.4");
_Static_assert(sizeof(struct transmit_descriptor) == DESCRIPTOR, "82574 datasheet, 7.2.10");
_Static_assert(offsetof(struct transmit_descriptor, status) == 12, "82574 datasheet, 7.2.10");
_Static_assert(2 * E1000E_DESCRIPTORS * (DESCRIPTOR + BUFFER_SIZE) <= E1000E_DMA_SIZE,
               "the DMA memory is enough");

static uint32_t get(const struct e1000e_driver *driver, unsigned offset)
{
    return registers_read32(&driver->registers, offset);
}

static void set(const struct e1000e_driver *driver, unsigned offset, uint32_t value)
{
    registers_write32(&driver->registers, offset, value);
}

static volatile struct transmit_descriptor *transmit_at(const struct e1000e_driver *driver,
                                                        unsigned index)
{
    return (volatile struct transmit_descriptor *)(void *)(driver->transmit + index * DESCRIPTOR);
}

static volatile struct receive_descriptor *receive_at(const struct e1000e_driver *driver,
                                                      unsigned index)
{
    return (volatile struct receive_descriptor *)(void *)(driver->receive + index * DESCRIPTOR);
}

static uint16_t following(uint16_t index)
{
    return (uint16_t)((index + 1) % E1000E_DESCRIPTORS);
}

static void reclaim(struct e1000e_driver *driver)
{
    while (driver->transmit_clean != driver->transmit_next &&
           (transmit_at(driver, driver->transmit_clean)->status & STATUS_DONE) != 0)
        driver->transmit_clean = following(driver->transmit_clean);
}

static bool has_room(struct e1000e_driver *driver)
{
    if (following(driver->transmit_next) == driver->transmit_clean)
        reclaim(driver);
    return following(driver->transmit_next) != driver->transmit_clean;
}

static void hand_out(struct e1000e_driver *driver, uint32_t length)
{
    uint16_t index = driver->transmit_next;
    volatile struct transmit_descriptor *descriptor = transmit_at(driver, index);
    descriptor->address =
        dma_address(driver->dma, driver->transmit_buffer + (uint64_t)index * BUFFER_SIZE);
    descriptor->length = (uint16_t)length;
    descriptor->checksum_offset = 0;
    descriptor->command = COMMAND_END | COMMAND_FCS | COMMAND_REPORT;
    descriptor->status = 0;
    descriptor->checksum_start = 0;
    descriptor->special = 0;
    driver->transmit_next = following(index);
}

/* false: no room for the frame, or for the rest of it. */
static bool put_all(struct e1000e_driver *driver, const struct net_frame *frame)
{
    do {
        if (!has_room(driver))
            return false;
        uint8_t *at = driver->transmit_buffer + (uint64_t)driver->transmit_next * BUFFER_SIZE;
        uint32_t length = net_plain_next(&driver->plain, frame, at, NET_HEADER + NET_TAG + NET_MTU);
        if (length == 0) {
            driver->dropped++; /* longer than the wire takes, or not to be cut */
            return true;
        }
        hand_out(driver, length);
    } while (driver->plain.more);
    return true;
}

static bool transmit(void *context, const struct net_frame *frame)
{
    struct e1000e_driver *driver = context;
    uint16_t before = driver->transmit_next;
    if (!net_frame_valid(frame)) {
        driver->dropped++;
        return true;
    }
    bool done = put_all(driver, frame);
    driver->refused |= !done;
    if (driver->transmit_next != before) {
        atomic_thread_fence(memory_order_release);
        set(driver, TDT, driver->transmit_next);
    }
    return done;
}

/* A frame fits one buffer; of a longer one every part is left out. */
static void hand_in(struct e1000e_driver *driver, unsigned index, uint16_t length, uint8_t status,
                    uint8_t errors)
{
    bool end = (status & STATUS_END) != 0;
    bool whole = end && !driver->skip;
    driver->skip = !end;
    if (!whole || errors != 0 || length < NET_HEADER || length > BUFFER_SIZE) {
        driver->dropped++;
        return;
    }
    const struct net_frame frame = {.data = driver->receive_buffer + (uint64_t)index * BUFFER_SIZE,
                                    .length = length};
    if (!driver->input.deliver(driver->input.context, &frame))
        driver->dropped++;
}

static void receive(struct e1000e_driver *driver)
{
    /* One round of the ring at most, so that a card that is always done cannot hold the driver. */
    unsigned taken = 0;
    for (; taken < E1000E_DESCRIPTORS; taken++) {
        volatile struct receive_descriptor *descriptor = receive_at(driver, driver->receive_next);
        uint8_t status = descriptor->status;
        if ((status & STATUS_DONE) == 0)
            break;
        atomic_thread_fence(memory_order_acquire);
        hand_in(driver, driver->receive_next, descriptor->length, status, descriptor->errors);
        /* The card may have written to the address as well: it is set anew. */
        descriptor->address = dma_address(driver->dma, driver->receive_buffer) +
                              (uint64_t)driver->receive_next * BUFFER_SIZE;
        descriptor->status = 0;
        driver->receive_next = following(driver->receive_next);
    }
    if (taken != 0) {
        atomic_thread_fence(memory_order_release);
        set(driver, RDT, (driver->receive_next + E1000E_DESCRIPTORS - 1) % E1000E_DESCRIPTORS);
    }
}

bool e1000e_interrupt(struct e1000e_driver *driver)
{
    (void)get(driver, ICR); /* reading it clears it (10.2.4.1) */
    receive(driver);
    reclaim(driver);
    bool room = driver->refused && following(driver->transmit_next) != driver->transmit_clean;
    if (room)
        driver->refused = false;
    return room;
}

bool e1000e_link_is_up(const struct e1000e_driver *driver)
{
    return (get(driver, STATUS) & STATUS_LINK) != 0;
}

/* 4.6: interrupts off, reset, interrupts off again. */
static bool reset(const struct e1000e_driver *driver)
{
    set(driver, IMC, UINT32_MAX);
    set(driver, RCTL, 0);
    set(driver, TCTL, 0);
    set(driver, CTRL, get(driver, CTRL) | CTRL_RESET);
    for (unsigned i = 0; i < RESET_POLLS; i++) {
        if ((get(driver, CTRL) & CTRL_RESET) == 0) {
            set(driver, IMC, UINT32_MAX);
            (void)get(driver, ICR);
            return true;
        }
    }
    return false;
}

static void set_ring(const struct e1000e_driver *driver, unsigned base, const uint8_t *ring)
{
    uint64_t address = dma_address(driver->dma, ring);
    set(driver, base, (uint32_t)address);
    set(driver, base + 4, (uint32_t)(address >> 32));
    set(driver, base + RDLEN - RDBAL, E1000E_DESCRIPTORS * DESCRIPTOR);
    set(driver, base + RDH - RDBAL, 0);
    set(driver, base + RDT - RDBAL, 0);
}

static bool allocate(struct e1000e_driver *driver)
{
    struct dma *dma = driver->dma;
    driver->receive = dma_allocate(dma, E1000E_DESCRIPTORS * DESCRIPTOR, 4096);
    driver->transmit = dma_allocate(dma, E1000E_DESCRIPTORS * DESCRIPTOR, 4096);
    driver->receive_buffer = dma_allocate(dma, E1000E_DESCRIPTORS * BUFFER_SIZE, 4096);
    driver->transmit_buffer = dma_allocate(dma, E1000E_DESCRIPTORS * BUFFER_SIZE, 4096);
    return driver->receive != NULL && driver->transmit != NULL && driver->receive_buffer != NULL &&
           driver->transmit_buffer != NULL;
}

static void read_address(struct e1000e_driver *driver)
{
    uint64_t address = get(driver, RAL) | (uint64_t)get(driver, RAH) << 32;
    for (unsigned i = 0; i < NET_MAC_SIZE; i++)
        driver->mac[i] = (uint8_t)(address >> (8 * i));
}

int e1000e_start(struct e1000e_driver *driver, const struct registers *config,
                 const struct registers *bar, struct dma *dma, const struct net_sink *input)
{
    memset(driver, 0, sizeof(*driver));
    if (registers_read16(config, 0) != VENDOR_INTEL ||
        registers_read16(config, 2) != DEVICE_82574 || bar->size < BAR_LEAST)
        return E1000E_ERROR_NONE;
    driver->registers = *bar;
    driver->dma = dma;
    driver->input = *input;
    driver->output = (struct net_sink){transmit, driver, NULL};
    pci_enable(config, true);
    if (!reset(driver))
        return E1000E_ERROR_RESET;
    if (!allocate(driver))
        return E1000E_ERROR_MEMORY;
    read_address(driver);
    set(driver, CTRL, get(driver, CTRL) | CTRL_LINK_UP);
    for (unsigned i = 0; i < MTA_ENTRIES; i++)
        set(driver, MTA + 4 * i, 0);
    for (unsigned i = 0; i < E1000E_DESCRIPTORS; i++)
        receive_at(driver, i)->address =
            dma_address(dma, driver->receive_buffer) + (uint64_t)i * BUFFER_SIZE;
    set_ring(driver, RDBAL, driver->receive);
    set_ring(driver, TDBAL, driver->transmit);
    set(driver, TIPG, TIPG_VALUE);
    set(driver, TCTL, TCTL_VALUE);
    set(driver, RCTL, RCTL_VALUE);
    set(driver, RDT, E1000E_DESCRIPTORS - 1);
    set(driver, IMS,
        INTERRUPT_SENT | INTERRUPT_LINK | INTERRUPT_THRESHOLD | INTERRUPT_OVERRUN |
            INTERRUPT_RECEIVED);
    return E1000E_OK;
}
