/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/block/clients.h"

#include <rt/log.h>
#include <string.h>

#include "service/block/disks.h"

struct disk_share {
    struct block_server server;
    unsigned slot;
};

struct client {
    struct disk_share disk[VMCONFIG_MAX_DISKS];
    unsigned disks; /* as many its configuration has: no others are ever opened */
    struct block_lent lent;
};

static struct connection_service service;
static struct client clients[CONNECTION_SLOTS];
/* A bit for each slot. */
static uint64_t waiting; /* joined; its disks are opened when all of them are known */
static uint64_t closing; /* gone, but drivers still move data of its requests */
static void (*wake_machine)(unsigned slot);
static void (*tell_init)(void);
static bool (*lend_memory)(unsigned slot, uint16_t device);

_Static_assert(CONNECTION_SLOTS <= 64, "each has a bit");

static uint64_t bit(unsigned slot)
{
    return 1ull << slot;
}

static void wake(void *context)
{
    wake_machine(((struct disk_share *)context)->slot);
}

unsigned clients_memory(const void *rows, void *slices, uint64_t slice, unsigned slots,
                        struct dma_range *range)
{
    unsigned found = 0;
    connection_service_initialize(&service, rows, slices, slice, slots);
    for (unsigned slot = 0; slot < service.slots; slot++) {
        uint64_t address = connection_slice_address(&service, slot);
        if (address != 0)
            range[found++] =
                (struct dma_range){connection_slice(&service, slot), address, service.slice};
    }
    return found;
}

void clients_initialize(const void *rows, void *slices, uint64_t slice, unsigned slots,
                        void (*wake_slot)(unsigned slot), void (*tell)(void),
                        bool (*lend)(unsigned slot, uint16_t device))
{
    connection_service_initialize(&service, rows, slices, slice, slots);
    wake_machine = wake_slot;
    tell_init = tell;
    lend_memory = lend;
    for (unsigned slot = 0; slot < service.slots; slot++) {
        for (unsigned i = 0; i < VMCONFIG_MAX_DISKS; i++) {
            clients[slot].disk[i].slot = slot;
            block_server_initialize(&clients[slot].disk[i].server, wake, &clients[slot].disk[i]);
        }
    }
    for (unsigned slot = 0; slot < service.slots; slot++)
        clients_notified(slot);
}

/* Do two offers share sectors of a disk that one of them may write? */
static bool clash(const struct block_offer *a, const struct block_offer *b)
{
    return disks_uncopied(a->device) == disks_uncopied(b->device) &&
           (!a->read_only || !b->read_only) && a->first < b->first + b->sectors &&
           b->first < a->first + a->sectors;
}

static bool is_taken(const struct block_offer *offer)
{
    for (unsigned slot = 0; slot < service.slots; slot++) {
        for (unsigned i = 0; i < VMCONFIG_MAX_DISKS; i++) {
            const struct block_server *server = &clients[slot].disk[i].server;
            if ((server->open || !block_server_idle(server)) && clash(&server->offer, offer))
                return true;
        }
    }
    return false;
}

/* Devices reach the machine's slice, and what it lends of its own memory: nothing is copied here.
 */
static void reach_directly(unsigned slot, unsigned number, struct block_offer *offer)
{
    if (lend_memory(slot, disks_requester(offer->device)))
        offer->lent = &clients[slot].lent;
    else
        log_error("machine %s: its memory is not there for its disk %u",
                  (const char *)service.rows[slot].name, number);
    offer->device = disks_uncopied(offer->device);
}

/* What init says of the machine's memory. */
static void read_lent(unsigned slot)
{
    static struct connection_lent given[CONNECTION_LENT_MAX];
    struct block_lent *lent = &clients[slot].lent;
    unsigned count = connection_lent(&service, slot, given);

    lent->count = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct block_run run = {given[i].place, given[i].size, given[i].address};
        (void)block_lent_add(lent, &run);
    }
}

/* Opens one disk of a machine in its part of the slice. */
static void open_disk(unsigned slot, struct disk_share *share, const struct vmconfig_disk *wanted,
                      unsigned number, uint8_t *part, uint64_t size)
{
    const char *name = (const char *)service.rows[slot].name;
    struct block_offer offer;
    const char *problem = NULL;

    if (!disks_find(wanted, &offer)) {
        /* Another driver may have it: the machine asks all of them. */
        log_info("machine %s: its disk %u is not here, or is not offered", name, number);
        block_server_refuse(part);
        return;
    }
    if (is_taken(&offer))
        problem = "is in use";
    else if (connection_slice_address(&service, slot) != 0)
        reach_directly(slot, number, &offer);
    if (problem == NULL && !block_server_open(&share->server, &offer, part, size))
        problem = "cannot be offered";
    if (problem != NULL) {
        log_error("machine %s: its disk %u %s", name, number, problem);
        block_server_refuse(part);
        return;
    }
    log_info("machine %s: its disk %u has %lu sectors%s", name, number, offer.sectors,
             share->server.view.read_only ? ", read-only" : "");
}

static void open_disks(unsigned slot)
{
    static struct vmconfig config;
    static char text[sizeof(((struct connection_row *)0)->config)];
    struct vmconfig_error error;
    uint32_t size = connection_config(&service, slot, text);
    uint8_t *slice = connection_slice(&service, slot);

    waiting &= ~bit(slot);
    if (vmconfig_parse(text, size, &config, &error) != 0)
        return; /* init has checked it: this is another version's */
    read_lent(slot);
    uint64_t room = block_part_size(service.slice, vmconfig_machine_disks(&config));
    uint8_t *part = slice + CONNECTION_AT_CONTENT;
    clients[slot].disks = config.disk_count;
    for (unsigned i = 0; i < config.disk_count; i++) {
        if (config.disk[i].source == VMCONFIG_SOURCE_FILE)
            continue;
        open_disk(slot, &clients[slot].disk[i], &config.disk[i], i, part, room);
        part += room;
    }
    wake_machine(slot);
}

static bool is_idle(const struct client *client)
{
    bool idle = true;
    for (unsigned i = 0; i < VMCONFIG_MAX_DISKS; i++)
        idle = idle && block_server_idle(&client->disk[i].server);
    return idle;
}

static void close_disks(unsigned slot)
{
    struct client *client = &clients[slot];
    waiting &= ~bit(slot);
    closing |= bit(slot);
    for (unsigned i = 0; i < VMCONFIG_MAX_DISKS; i++) {
        struct block_server *server = &client->disk[i].server;
        if (server->open)
            log_info("machine %s: its disk %u: %lu requests with lent memory, %lu with shared",
                     (const char *)service.rows[slot].name, i, server->lent, server->shared);
        block_server_close(server);
    }
}

/* One step of what has happened in the slot; false when there is nothing more to do. */
static bool step(unsigned slot)
{
    switch (connection_look(&service, slot)) {
    case CONNECTION_WANTED:
        connection_admit(&service, slot);
        wake_machine(slot);
        return true;
    case CONNECTION_JOINED:
        waiting |= bit(slot);
        return true;
    case CONNECTION_ENDED:
        if ((closing & bit(slot)) == 0)
            close_disks(slot);
        if (!is_idle(&clients[slot]))
            return false;
        closing &= ~bit(slot);
        connection_release(&service, slot);
        return true;
    default:
        return false;
    }
}

void clients_notified(unsigned slot)
{
    struct client *client = &clients[slot];

    if (slot >= service.slots)
        return;
    while (step(slot))
        continue;
    if (connection_settle(&service, slot))
        tell_init();
    if ((waiting & bit(slot)) != 0 && disks_known())
        open_disks(slot);
    if ((closing & bit(slot)) != 0)
        return;
    for (unsigned i = 0; i < client->disks; i++)
        block_server_poll(&client->disk[i].server);
}

void clients_settle(void)
{
    for (uint64_t left = waiting | closing; left != 0; left &= left - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(left);
        if ((closing & bit(slot)) != 0 || disks_known())
            clients_notified(slot);
    }
}
