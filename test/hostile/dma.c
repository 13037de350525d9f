/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A driver of virtio disks that was taken over, and tells its device to move data from and to
 * memory that neither has: of machines before they have lent it and after they have ended, and of
 * others. What another machine has lent it reaches all the while. It sees by the disk whether the
 * device has reached it: what is written to memory and read from there again goes through two
 * sectors. It ends once, and goes on as its successor.
 */
#include <component/component.h>
#include <connection/connection.h>
#include <rt/log.h>
#include <stddef.h>

#include "random.h"
#include "service/block/controller.h"

/* Set by the system description, as in the driver. */
uintptr_t windows, dma_virtual, machines_slices, machines_rows;
uint64_t windows_size, dma_size, machines_slice, machines_slots;
uint64_t dma_physical0, dma_physical1, dma_physical2, dma_physical3;
microkit_channel pci_channel, machines_first_id, irq_first_id, tick_id;

enum {
    WINDOW = 0x10000,
    PAGE = 4096,
    FIRST = 8,
    SECOND = 16,
    ADDRESSES = 64,
    PATIENCE_SECONDS = 10,
    NEIGHBOUR = 2 /* slot of the machine that it leaves in peace */
};
enum { WORDS = BLOCK_SECTOR / 8, DEVICES = 0x10000 };
#define MEMORY 0x40000000u /* of the computer that it is tested on */

static struct connection_service service;
static struct controller controller;
static volatile uint64_t *buffer; /* a page of the DMA memory */
static bool done;
static enum block_status answer;

/* In the memory of a controller that there is none of: it stays when this program ends. */
static volatile uint64_t *life(void)
{
    return (volatile uint64_t *)(dma_virtual + 3 * dma_size);
}

static void start_device(void)
{
    const struct registers window = {.base = (volatile uint8_t *)windows, .size = WINDOW};

    controller.dma =
        (struct dma){.memory = (uint8_t *)dma_virtual, .address = dma_physical0, .size = dma_size};
    if (!controller_start(&controller, pci_channel, 0, &window) ||
        controller_disk(&controller, 0) == NULL) {
        log_error("BEYOND: there is no disk");
        return;
    }
    buffer = (volatile uint64_t *)(void *)dma_allocate(&controller.dma, PAGE, PAGE);
}

static void complete(struct block_request *request, enum block_status status)
{
    (void)request;
    answer = status;
    done = true;
}

/* A sector between the disk and an address. A device that takes offence is started anew. */
static bool transfer(enum block_operation operation, uint64_t sector, uint64_t address)
{
    struct block_device *disk = controller_disk(&controller, 0);
    static struct block_segment segment;
    static struct block_request request;
    uint64_t since = component_tsc();
    bool works = true;

    if (disk == NULL)
        return false;
    segment = (struct block_segment){.address = address, .length = BLOCK_SECTOR};
    request = (struct block_request){.operation = operation,
                                     .sector = sector,
                                     .count = 1,
                                     .segment = &segment,
                                     .segments = 1,
                                     .lent = true,
                                     .lasting = true,
                                     .complete = complete};
    done = false;
    disk->submit(disk, &request);
    while (!done && works && component_tsc() - since < PATIENCE_SECONDS * component_info->tsc_hz)
        works = controller_interrupt(&controller);
    bool good = done && works && answer == BLOCK_OK;
    if (!done || !works)
        start_device();
    return good;
}

static bool transfer_own(enum block_operation operation, uint64_t sector)
{
    bool good = transfer(operation, sector, dma_address(&controller.dma, (const uint8_t *)buffer));
    if (!good)
        log_error("BEYOND: its own memory does not work");
    return good;
}

static void fill(uint64_t word)
{
    for (unsigned i = 0; i < WORDS; i++)
        buffer[i] = word;
}

/* Writes to the address, and reads back from it. */
static bool reaches(uint64_t address)
{
    static uint64_t pattern = 0x5175306e2d646d61;

    pattern++;
    fill(pattern);
    if (!transfer_own(BLOCK_WRITE, FIRST))
        return false;
    (void)transfer(BLOCK_READ, FIRST, address);
    fill(0);
    (void)transfer_own(BLOCK_WRITE, SECOND);
    (void)transfer(BLOCK_WRITE, SECOND, address);
    fill(0);
    return transfer_own(BLOCK_READ, SECOND) && buffer[0] == pattern && buffer[WORDS - 1] == pattern;
}

static void tell(const char *when, uint64_t address, bool expected)
{
    bool reached = reaches(address);

    if (reached != expected)
        log_error("BEYOND: %s: %s %lx", when, reached ? "it reached" : "it did not reach", address);
    else
        log_info("%s: %s %lx", when, reached ? "reached" : "kept from", address);
}

/* The last page that the machine lends; 0: it lends nothing. */
static uint64_t last_page(unsigned slot)
{
    static struct connection_lent lent[CONNECTION_LENT_MAX];
    unsigned count = connection_lent(&service, slot, lent);

    return count == 0 ? 0 : lent[count - 1].address + lent[count - 1].size - PAGE;
}

static bool is_lent(unsigned slot, uint64_t address)
{
    static struct connection_lent lent[CONNECTION_LENT_MAX];
    unsigned count = connection_lent(&service, slot, lent);
    bool is = false;

    for (unsigned i = 0; i < count; i++)
        is = is || address - lent[i].address < lent[i].size;
    return is;
}

/* Is it what the device may reach? */
static bool is_own(uint64_t address)
{
    bool own = address - dma_physical0 < dma_size;

    for (unsigned i = 0; i < machines_slots; i++)
        own = own || is_lent(i, address) ||
              address - connection_slice_address(&service, i) < machines_slice;
    return own;
}

/* For devices of others, and machines that are not there. */
static void ask_for_others(unsigned slot)
{
    uint16_t own = controller.pci.requester;
    unsigned granted = 0;

    for (unsigned device = 0; device < DEVICES; device++)
        granted += device != own && component_lend(slot, (uint16_t)device);
    for (unsigned other = 0; other < 64; other++)
        granted += other != slot && other != NEIGHBOUR && component_lend(other, own);
    if (granted != 0)
        log_error("BEYOND: %u requests for what is others' are granted", granted);
    else
        log_info("requests for what is others' are refused");
}

static void try_elsewhere(void)
{
    unsigned tried = 0, reached = 0;

    for (unsigned i = 0; i < ADDRESSES; i++) {
        uint64_t address = random_below(MEMORY / PAGE) * (uint64_t)PAGE;
        if (is_own(address))
            continue;
        tried++;
        reached += reaches(address);
    }
    if (reached != 0)
        log_error("BEYOND: %u of %u addresses elsewhere are reached", reached, tried);
    else
        log_info("none of %u addresses elsewhere is reached", tried);
}

/* Memory that this program sees, and its device does not: of a controller that is not there. */
static void try_other_controller(void)
{
    volatile uint64_t *memory = (volatile uint64_t *)(dma_virtual + dma_size);

    memory[0] = 1;
    fill(2);
    (void)transfer_own(BLOCK_WRITE, FIRST);
    (void)transfer(BLOCK_READ, FIRST, dma_physical1);
    if (memory[0] != 1)
        log_error("BEYOND: another controller's memory is reached");
    else
        log_info("another controller's memory is not reached");
}

static void attack(unsigned slot)
{
    uint64_t at = last_page(slot);
    uint32_t generation = service.rows[slot].generation;

    log_info("life %lu, machine %u", *life(), generation);

    if (at == 0) {
        log_error("BEYOND: the machine lends nothing");
        return;
    }
    tell("before it has asked", at, false);
    ask_for_others(slot);
    if (!component_lend(slot, controller.pci.requester) ||
        !component_lend(slot, controller.pci.requester))
        log_error("BEYOND: nothing is lent");
    tell("lent", at, true);
    try_other_controller();
    try_elsewhere();
    if (*life() == 1) {
        __builtin_trap();
    }
    log_info("life %lu waits for the end of machine %u", *life(), generation);
}

/* The machine that is left in peace lends its memory, too. */
static void take(unsigned slot)
{
    if (!component_lend(slot, controller.pci.requester))
        log_error("BEYOND: nothing is lent by the neighbour");
    tell("lent by the neighbour", last_page(slot), true);
}

static void ended(unsigned slot)
{
    uint64_t at = last_page(slot);

    log_info("machine %u has ended", service.rows[slot].generation);
    tell("ended", at, true);
    connection_release(&service, slot);
    if (connection_settle(&service, slot))
        seL4_Signal(COMPONENT_SLOT_ALIVE);
    /* The answer comes when init has looked at what was given back. */
    if (component_lend(slot, controller.pci.requester))
        log_error("BEYOND: a machine that has ended lends memory");
    tell("released", at, false);
    tell("still lent by the neighbour", last_page(NEIGHBOUR), true);
}

static void look(unsigned slot)
{
    for (;;) {
        switch (connection_look(&service, slot)) {
        case CONNECTION_WANTED:
            connection_admit(&service, slot);
            if (slot == NEIGHBOUR)
                take(slot);
            else
                attack(slot);
            break;
        case CONNECTION_ENDED:
            ended(slot);
            break;
        default:
            return;
        }
    }
}

void init(void)
{
    (*life())++;
    random_seed(*life());
    log_info("registers at %lx, %lu bytes; memory at %lx, %lx, %lx and %lx; ids %u and %u", windows,
             windows_size, dma_physical0, dma_physical1, dma_physical2, dma_physical3, irq_first_id,
             tick_id);
    start_device();
    connection_service_initialize(&service, (const void *)machines_rows, (void *)machines_slices,
                                  machines_slice, (unsigned)machines_slots);
    for (unsigned slot = 0; slot < machines_slots; slot++)
        look(slot);
}

void notified(microkit_channel channel)
{
    if (channel >= machines_first_id && channel - machines_first_id < machines_slots)
        look(channel - machines_first_id);
}
