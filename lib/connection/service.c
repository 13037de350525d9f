/* SPDX-License-Identifier: BSD-2-Clause */
#include <connection/connection.h>
#include <stdatomic.h>
#include <string.h>

void connection_service_initialize(struct connection_service *service, const void *rows,
                                   void *slices, uint64_t slice, unsigned slots)
{
    memset(service, 0, sizeof(*service));
    service->rows = rows;
    service->slices = slices;
    service->slice = slice;
    service->slots = slots < CONNECTION_SLOTS ? slots : CONNECTION_SLOTS;
}

uint8_t *connection_slice(const struct connection_service *service, unsigned slot)
{
    return service->slices + service->slice * slot;
}

static volatile struct connection_head *head_of(const struct connection_service *service,
                                                unsigned slot)
{
    return (volatile struct connection_head *)(void *)connection_slice(service, slot);
}

enum connection_event connection_look(struct connection_service *service, unsigned slot)
{
    const volatile struct connection_row *row = &service->rows[slot];
    uint32_t admitted = service->generation[slot];
    bool live = row->live != 0;

    atomic_thread_fence(memory_order_acquire);
    uint32_t generation = row->generation;
    if (admitted != 0 && (!live || generation != admitted))
        return CONNECTION_ENDED;
    if (admitted == 0)
        return live && generation != 0 ? CONNECTION_WANTED : CONNECTION_NOTHING;
    const volatile struct connection_head *head = head_of(service, slot);
    if (service->joined[slot] || head->joined_generation != admitted ||
        head->joined_epoch != row->epoch)
        return CONNECTION_NOTHING;
    atomic_thread_fence(memory_order_acquire);
    service->joined[slot] = true;
    return CONNECTION_JOINED;
}

void connection_admit(struct connection_service *service, unsigned slot)
{
    const volatile struct connection_row *row = &service->rows[slot];
    volatile struct connection_head *head = head_of(service, slot);
    uint32_t generation = row->generation;

    service->generation[slot] = generation;
    service->joined[slot] = false;
    atomic_thread_fence(memory_order_release);
    head->admitted_generation = generation;
    head->admitted_epoch = row->epoch;
}

void connection_release(struct connection_service *service, unsigned slot)
{
    service->generation[slot] = 0;
    service->joined[slot] = false;
}

bool connection_settle(const struct connection_service *service, unsigned slot)
{
    if (service->generation[slot] != 0)
        return false;
    const volatile struct connection_row *row = &service->rows[slot];
    volatile struct connection_head *head = head_of(service, slot);
    bool live = row->live != 0;

    atomic_thread_fence(memory_order_acquire);
    uint32_t generation = row->generation;
    if (live || generation == 0 || head->released_generation == generation)
        return false;
    /* Behind all that was done with the memory. */
    atomic_thread_fence(memory_order_release);
    head->released_generation = generation;
    return true;
}

unsigned connection_lent(const struct connection_service *service, unsigned slot,
                         struct connection_lent *to)
{
    const volatile struct connection_row *row = &service->rows[slot];
    uint64_t count = row->lent_count;

    if (count > CONNECTION_LENT_MAX)
        count = 0;
    for (unsigned i = 0; i < count; i++)
        to[i] = row->lent[i];
    return (unsigned)count;
}

uint64_t connection_slice_address(const struct connection_service *service, unsigned slot)
{
    return service->rows[slot].slice_address;
}

uint32_t connection_config(const struct connection_service *service, unsigned slot, char *to)
{
    const volatile struct connection_row *row = &service->rows[slot];
    uint32_t size = row->config_size;

    if (size > sizeof(row->config))
        size = 0;
    for (uint32_t i = 0; i < size; i++)
        to[i] = row->config[i];
    return size;
}
