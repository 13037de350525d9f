/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <component/layout.h>

#include "lend.h"
#include "window.h"

/* Where a slice is in the machine's memory, if a page holds it. */
static uint64_t slice_address(const struct connection *c, unsigned slot)
{
    unsigned bits = c->region->record->page_bits;
    uint64_t at = slot * c->record->slice;

    if (c->record->slice > 1ull << bits) {
        return 0;
    }
    seL4_X86_Page_GetAddress_t page = seL4_X86_Page_GetAddress(c->region->first + (at >> bits));
    return page.error != seL4_NoError ? 0 : page.paddr + (at & ((1ull << bits) - 1));
}

/* Services of disks say when their devices have done. */
bool connection_lends(const struct connection *c)
{
    return (CONNECTION_DISKS >> c->record->kind & 1) != 0;
}

static seL4_Error map_heads(struct connection *c, struct arena *arena)
{
    seL4_Word window = WINDOW_HEADS + c->record->kind * WINDOW_HEADS_SIZE;
    uint64_t page = 1ull << c->region->record->page_bits;
    seL4_Error error = seL4_NoError;

    if (c->slots * c->record->slice > WINDOW_HEADS_SIZE || c->record->slice % page != 0) {
        return seL4_NoError;
    }
    for (unsigned i = 0; i < c->slots && error == seL4_NoError; i++) {
        uint64_t at = i * c->record->slice;
        error = region_map(c->region, space_of_init(arena), at, page, window + at, true, true);
    }
    c->heads = (uint8_t *)window;
    return error;
}

seL4_Error connection_make(struct connection *c, const struct system_connection *record,
                           const struct region *region, const struct region *table, unsigned slots,
                           struct arena *arena)
{
    seL4_Word window = WINDOW_CONNECTIONS + record->kind * WINDOW_CONNECTION_SIZE;

    c->record = record;
    c->region = region;
    c->slots = slots;
    c->rows = (struct connection_row *)window;
    c->epoch = 1;
    seL4_Error error = region_map(table, space_of_init(arena), 0, (uint64_t)slots * CONNECTION_PAGE,
                                  window, true, true);
    for (unsigned i = 0; i < slots && error == seL4_NoError; i++) {
        c->rows[i].epoch = c->epoch;
        c->rows[i].slice_address = slice_address(c, i);
    }
    if (error == seL4_NoError && connection_lends(c)) {
        error = map_heads(c, arena);
    }
    return error;
}

struct connection *connection_find(struct connection *all, unsigned kind, unsigned slot)
{
    return all && all[kind].record && slot < all[kind].slots ? &all[kind] : NULL;
}

seL4_Error connection_attach(const struct connection *c, unsigned slot, struct space *space,
                             seL4_Word address, seL4_CPtr notification, seL4_Word badge,
                             struct connection_end *end)
{
    unsigned id = c->record->first_id + slot;
    seL4_Word place = COMPONENT_SLOT_NOTIFY + id;

    *end = (struct connection_end){
        .address = address,
        .size = c->record->slice,
        .notification = c->service_notification,
        .badge = 1ull << id,
        /* The row is written in connection_begin. */
        .generation = c->rows[slot].generation + 1,
        .epoch = c->epoch,
    };
    seL4_Error error = region_map(c->region, space, (uint64_t)slot * c->record->slice,
                                  c->record->slice, address, true, true);
    if (error != seL4_NoError) {
        return error;
    }
    /* What an earlier machine's was is gone with that machine; the slot is empty or void. */
    (void)seL4_CNode_Delete(c->service_cnode, place, COMPONENT_CNODE_BITS);
    return seL4_CNode_Mint(c->service_cnode, place, COMPONENT_CNODE_BITS, cspace_root(),
                           notification, seL4_WordBits, seL4_CanWrite, badge);
}

uint64_t connection_next_epoch(struct connection *c, bool last)
{
    c->epoch = last || c->epoch == 0 ? 0 : c->epoch + 1;
    for (unsigned i = 0; i < c->slots; i++) {
        c->rows[i].epoch = c->epoch;
    }
    return c->epoch == 0 ? CONNECTION_NO_MORE : c->epoch;
}

static void tell(const struct connection *c, unsigned slot)
{
    /* init has no capability with this badge: it makes one for the moment. */
    seL4_CPtr signal = cspace_alloc();

    if (signal == 0) {
        return;
    }
    if (seL4_CNode_Mint(seL4_CapInitThreadCNode, signal, seL4_WordBits, cspace_root(),
                        c->service_notification, seL4_WordBits, seL4_CanWrite,
                        1ull << (c->record->first_id + slot)) == seL4_NoError) {
        seL4_Signal(signal);
    }
    cspace_free(signal);
}

_Static_assert((int)MEMORY_RUNS_MAX == (int)CONNECTION_LENT_MAX, "all of it may be lent");

/* Only a service that is there, and can say when it has done, is lent memory. */
static void offer(struct connection *c, unsigned slot, const struct memory_runs *memory)
{
    struct connection_row *row = &c->rows[slot];

    row->lent_count = 0;
    if (!c->heads || c->epoch == 0) {
        return;
    }
    c->memory[slot] = memory;
    for (unsigned i = 0; i < memory->count; i++) {
        const struct memory_run *run = &memory->run[i];
        row->lent[i] = (struct connection_lent){run->gpa, run->size, run->physical};
    }
    row->lent_count = memory->count;
}

void connection_begin(struct connection *c, unsigned slot, const char *name,
                      const struct archive_file *config, const struct memory_runs *memory)
{
    struct connection_row *row = &c->rows[slot];
    uint32_t size = config->size < sizeof(row->config) ? (uint32_t)config->size : 0;

    memcpy(row->config, config->data, size);
    row->config_size = size;
    memcpy(row->name, name, sizeof(row->name));
    offer(c, slot, memory);
    __atomic_store_n(&row->generation, row->generation + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&row->live, 1, __ATOMIC_RELEASE);
    tell(c, slot);
}

seL4_Error connection_lend(const struct connection *c, unsigned slot, uint16_t device,
                           seL4_CPtr space)
{
    if (slot >= c->slots || !c->memory[slot]) {
        return seL4_InvalidArgument;
    }
    return lend_memory(c->record->kind, slot, device, space, c->memory[slot]);
}

static volatile struct connection_head *head_of(const struct connection *c, unsigned slot)
{
    return (volatile struct connection_head *)(void *)(c->heads + slot * c->record->slice);
}

void connection_end(struct connection *c, unsigned slot)
{
    struct connection_row *row = &c->rows[slot];

    if (row->live != 0) {
        /* The machine, which could write there, does not any more: now it is the service's word. */
        if (c->heads) {
            head_of(c, slot)->released_generation = 0;
        }
        c->memory[slot] = NULL;
        __atomic_store_n(&row->live, 0, __ATOMIC_RELEASE);
        tell(c, slot);
    }
}

bool connection_holds(const struct connection *c, unsigned slot)
{
    const struct connection_row *row = &c->rows[slot];

    if (row->lent_count == 0) {
        return false;
    }
    bool released = head_of(c, slot)->released_generation == row->generation;
    atomic_thread_fence(memory_order_acquire);
    return !released;
}

void connection_drop(struct connection *c, unsigned slot)
{
    c->rows[slot].lent_count = 0;
}
