/* SPDX-License-Identifier: BSD-2-Clause */
#include <connection/connection.h>
#include <stdatomic.h>

void connection_client_initialize(struct connection_client *client, void *slice,
                                  const volatile uint64_t *epoch, uint32_t generation)
{
    client->head = slice;
    client->epoch = epoch;
    client->generation = generation;
    client->joined_epoch = 0;
}

enum connection_state connection_state(const struct connection_client *client)
{
    uint64_t epoch = *client->epoch;

    if (epoch == CONNECTION_NO_MORE)
        return CONNECTION_OVER;
    if (epoch == client->joined_epoch && epoch != 0)
        return CONNECTION_JOINT;
    if (client->head->admitted_generation != client->generation ||
        client->head->admitted_epoch != (uint32_t)epoch || epoch == 0)
        return CONNECTION_AWAITED;
    atomic_thread_fence(memory_order_acquire);
    return CONNECTION_OPEN;
}

void connection_join(struct connection_client *client)
{
    client->joined_epoch = *client->epoch;
    atomic_thread_fence(memory_order_release);
    client->head->joined_generation = client->generation;
    client->head->joined_epoch = (uint32_t)client->joined_epoch;
}
