/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's source of random numbers: a virtio device over what the entropy service keeps in a
 * ring. What the guest asks for beyond that waits until there is more.
 */
#include <connection/connection.h>
#include <entropy/share.h>
#include <ring/ring.h>
#include <string.h>

#include "vmm/target/call.h"
#include "vmm/target/target.h"
#include "vmm/virtio/rng.h"

#define SLOT 6u

static struct virtio_rng rng;
static struct connection_client connection;
static const struct vmm_startup_connection *given; /* NULL: the machine has no such device */
static struct ring ring;
static bool joined;
static bool over;

static void wake(void)
{
    call_send(given->notification, 0, 0);
}

/* What there is now, at most `length` bytes. */
static uint32_t take(void *context, uint8_t *to, uint32_t length)
{
    int64_t have = 0;
    (void)context;
    if (!joined || connection_state(&connection) != CONNECTION_JOINT)
        return 0;
    do {
        have = ring_read(&ring, to, length);
    } while (have == 0 && !ring_prepare_sleep(&ring));
    /* A service that ran dry looks again. */
    if (ring_must_tell(&ring) || have == 0)
        wake();
    return have > 0 ? (uint32_t)have : 0;
}

/* Whoever was in this slot before may have left something there. */
static void join(void)
{
    uint8_t *content = (uint8_t *)given->address + CONNECTION_AT_CONTENT;
    uint64_t size = given->size - CONNECTION_AT_CONTENT;
    memset(content, 0, size);
    joined = ring_attach(&ring, content + sizeof(struct entropy_share),
                         size - sizeof(struct entropy_share), false) == RING_OK;
    connection_join(&connection);
    wake();
}

void random_poll(void)
{
    if (given == NULL)
        return;
    enum connection_state state = connection_state(&connection);
    if (state == CONNECTION_OPEN)
        join();
    else if (state == CONNECTION_JOINT)
        virtio_rng_poll(&rng);
    else if (state == CONNECTION_OVER && !over)
        log_error("the entropy service has failed");
    over = state == CONNECTION_OVER;
}

/* Waits until the service says whether it has any. */
static bool is_there(const struct vmm_startup *startup)
{
    const struct entropy_share *share =
        (const struct entropy_share *)(given->address + CONNECTION_AT_CONTENT);
    for (;;) {
        enum connection_state state = connection_state(&connection);
        if (state == CONNECTION_OVER)
            return false;
        if (state == CONNECTION_OPEN)
            join();
        uint32_t said = __atomic_load_n(&share->state, __ATOMIC_ACQUIRE);
        if (state == CONNECTION_JOINT && said != ENTROPY_UNKNOWN)
            return said == ENTROPY_THERE;
        call_wait(startup->vcpu[0].notification);
    }
}

bool random_attach(struct vm *vm, const struct vmm_startup *startup, const struct vmconfig *config)
{
    if (!config->rng)
        return true;
    given = &startup->connection[CONNECTION_ENTROPY];
    if (given->size < 2 * CONNECTION_AT_CONTENT)
        return false;
    connection_client_initialize(&connection, (void *)given->address,
                                 (const volatile uint64_t *)given->epoch,
                                 (uint32_t)given->generation);
    if (!is_there(startup)) {
        log_error("there is no source of random numbers; the machine goes without");
        given = NULL;
        return true;
    }
    virtio_rng_initialize(&rng, SLOT, &vm->memory, &vm->apics, &vm->irq, take, NULL);
    return pci_add(&vm->pci, &rng.device.function);
}
