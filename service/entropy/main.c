/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The entropy service: random numbers for machines, from every source that the computer has and
 * that passes its health tests. A source that fails one is left out for good, and the log says so.
 */
#include <component/component.h>
#include <connection/connection.h>
#include <entropy/entropy.h>
#include <entropy/share.h>
#include <ring/ring.h>
#include <rt/log.h>
#include <string.h>

#include "service/entropy/virtio_rng.h"
#include "service/pci/client.h"

#define PART  256u     /* bytes written at once */
#define POLLS 2000000u /* a second, or a few */

/* Set by the system description. */
microkit_channel pci_channel;
uint64_t window_address;
uint64_t window_size;
uint64_t dma_virtual;
uint64_t dma_size;
uint64_t dma_physical;
microkit_channel machines_first_id;
uint64_t machines_slots;
uint64_t machines_slice;
uint64_t machines_memory;
uint64_t machines_rows;

struct machine {
    struct ring ring;
    bool open;
};

static struct entropy entropy;
static const char *names[ENTROPY_SOURCES];
static bool failed[ENTROPY_SOURCES]; /* as the log has said */
static bool there;                   /* the last request was answered */
static struct jitter jitter;
static struct pci_client device;
static struct virtio_rng_driver driver;
static struct dma dma;
static struct connection_service service;
static struct machine machines[CONNECTION_SLOTS];

static void add(const char *name, enum health_credit credit, bool (*read)(void *, uint8_t[8]),
                void *context)
{
    unsigned number = entropy.sources;
    if (entropy_add(&entropy, credit, read, context))
        names[number] = name;
}

static void add_device(void)
{
    const struct registers window = {.base = (volatile uint8_t *)window_address,
                                     .size = window_size};
    if (!pci_client_find(&device, pci_channel, 0, &window))
        return;
    dma = (struct dma){.memory = (uint8_t *)dma_virtual, .address = dma_physical, .size = dma_size};
    memset(dma.memory, 0, dma.size);
    int error = virtio_rng_start(&driver, &device.config, device.bar, &dma, POLLS);
    if (error == VIRTIO_OK)
        add("virtio", HEALTH_ONE_BIT, virtio_rng_read, &driver);
    else
        log_error("the virtio source does not start (error %d)", error);
}

/* Says once of each source that it has failed, and whether there is any left. */
static void tell(bool first)
{
    for (unsigned i = 0; i < entropy.sources; i++) {
        const struct entropy_source *source = &entropy.source[i];
        bool bad = source->health.failed || (names[i][0] == 'v' && driver.broken);
        if (bad && !failed[i])
            log_error("%s: left out, %s", names[i],
                      source->health.failed ? "its noise is none" : "it does not answer");
        else if (first && !bad)
            log_info("%s: %s", names[i], source->started ? "healthy" : "has nothing yet");
        failed[i] = bad;
    }
}

static uint32_t take(uint8_t *to, uint32_t length)
{
    uint32_t done = entropy_read(&entropy, to, length);
    tell(false);
    if (there && done == 0)
        log_error("no source of random numbers is left");
    there = done != 0;
    return done;
}

static void wake(unsigned slot)
{
    microkit_notify(machines_first_id + slot);
}

/* Fills the machine's ring until it is full; then it is told of when something was read. */
static void fill(unsigned slot)
{
    struct machine *machine = &machines[slot];
    uint8_t bytes[PART];
    bool any = false;
    do {
        uint32_t room;
        while ((room = ring_room(&machine->ring)) != 0) {
            uint32_t length = take(bytes, room < PART ? room : PART);
            if (length == 0 || ring_write(&machine->ring, bytes, length) <= 0)
                break;
            any = true;
        }
    } while (there && !ring_prepare_wait(&machine->ring, PART) &&
             ring_room(&machine->ring) >= PART);
    memset(bytes, 0, sizeof(bytes));
    if (any && ring_must_wake(&machine->ring))
        wake(slot);
}

static void open(unsigned slot)
{
    uint8_t *content = connection_slice(&service, slot) + CONNECTION_AT_CONTENT;
    struct entropy_share *share = (struct entropy_share *)(void *)content;
    uint64_t size = service.slice - CONNECTION_AT_CONTENT - sizeof(*share);
    machines[slot].open =
        there && ring_attach(&machines[slot].ring, share + 1, size, true) == RING_OK;
    __atomic_store_n(&share->state, machines[slot].open ? ENTROPY_THERE : ENTROPY_NONE,
                     __ATOMIC_RELEASE);
    wake(slot);
}

static void look(unsigned slot)
{
    for (;;) {
        switch (connection_look(&service, slot)) {
        case CONNECTION_WANTED:
            connection_admit(&service, slot);
            wake(slot);
            break;
        case CONNECTION_JOINED:
            open(slot);
            break;
        case CONNECTION_ENDED:
            machines[slot].open = false;
            connection_release(&service, slot);
            break;
        default:
            if (machines[slot].open)
                fill(slot);
            return;
        }
    }
}

void init(void)
{
    uint8_t tried;
    entropy_initialize(&entropy);
    if (entropy_has_rdseed())
        add("RDSEED", HEALTH_ONE_BIT, entropy_rdseed, NULL);
    if (entropy_has_rdrand())
        add("RDRAND", HEALTH_ONE_BIT, entropy_rdrand, NULL);
    add_device();
    jitter_initialize(&jitter);
    add("the processor's times", HEALTH_QUARTER_BIT, jitter_read, &jitter);
    (void)take(&tried, 1);
    tell(true);
    log_info("random numbers: %s", there ? "there" : "there is no source");
    connection_service_initialize(&service, (const void *)machines_rows, (void *)machines_memory,
                                  machines_slice, (unsigned)machines_slots);
    for (unsigned slot = 0; slot < service.slots; slot++)
        look(slot);
}

void notified(microkit_channel channel)
{
    if (channel >= machines_first_id && channel - machines_first_id < service.slots)
        look(channel - machines_first_id);
}
