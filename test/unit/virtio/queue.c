/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The driver's side of a virtqueue (lib/virtio) joined with the device's (vmm/virtio) over one
 * piece of memory: split and packed, with and without indirect descriptors and event indices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <virtio/queue.h>

#include "vmm/virtio/queue.h"

#define BASE     0x40000000ull
#define SIZE     0x140000u
#define BUFFERS  0x100000u /* offset in the memory */
#define BUFFER   1024u
#define REQUESTS 256u
#define ROUNDS   4000u

struct pair {
    uint8_t *bytes;
    struct dma dma;
    struct memory memory;
    struct virtio_queue driver;
    struct virtqueue device;
    bool notified;
    bool interrupted;
    uint64_t random;
    /* The device holds requests for a while and gives them back in any order. */
    struct virtqueue_chain held[16];
    unsigned held_count;
    /* Of each request under way: what was written, and what is expected back. */
    bool busy[REQUESTS];
    uint8_t pattern[REQUESTS];
    uint32_t readable[REQUESTS];
    uint32_t writeable[REQUESTS];
    unsigned completed;
};

static uint32_t next(struct pair *p, uint32_t below)
{
    p->random = p->random * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(p->random >> 33) % below;
}

static struct pair *create(bool packed, bool event_index, bool indirect, uint16_t size)
{
    struct pair *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    p->bytes = aligned_alloc(4096, SIZE);
    p->dma = (struct dma){.memory = p->bytes, .address = BASE, .size = BUFFERS};
    p->random = 1;
    assert_int_equal(memory_add(&p->memory, gpa(BASE), SIZE, p->bytes), MEMORY_OK);
    assert_int_equal(
        virtio_queue_initialize(&p->driver, &p->dma, size, packed, event_index, indirect),
        VIRTIO_QUEUE_OK);
    virtqueue_reset(&p->device, &p->memory);
    p->device.size = size;
    p->device.packed = packed;
    p->device.event_index = event_index;
    p->device.indirect = indirect;
    p->device.descriptors = p->driver.descriptors_address;
    p->device.available = p->driver.driver_address;
    p->device.used = p->driver.device_address;
    assert_int_equal(virtqueue_enable(&p->device), 0);
    return p;
}

static void destroy(struct pair *p)
{
    free(p->bytes);
    free(p);
}

/* Half of those that look like a disk's request go as one. */
static int add(struct pair *p, const struct virtio_buffer *buffer, unsigned readable,
               unsigned writeable, unsigned id)
{
    if (writeable == 0 || (readable > 1 && writeable > 1) || next(p, 2) == 0)
        return virtio_queue_add(&p->driver, buffer, readable, writeable, id);
    const struct virtio_request request = {
        .header = buffer[0],
        .data = buffer + 1,
        .count = readable + writeable - 2,
        .writeable = writeable > 1,
        .status = buffer[readable + writeable - 1],
    };
    return virtio_queue_add_request(&p->driver, &request, id);
}

/* A request of random pieces inside its own buffer; the first readable byte names it. */
static void submit(struct pair *p)
{
    unsigned id = next(p, REQUESTS);
    if (p->busy[id])
        return;
    struct virtio_buffer buffer[8];
    unsigned readable = 1 + next(p, 3);
    unsigned writeable = next(p, 4);
    uint32_t at = 0;
    p->readable[id] = 0;
    p->writeable[id] = 0;
    for (unsigned i = 0; i < readable + writeable; i++) {
        uint32_t length = 1 + next(p, 100);
        buffer[i] = (struct virtio_buffer){BASE + BUFFERS + id * BUFFER + at, length};
        at += length;
        if (i < readable)
            p->readable[id] += length;
        else
            p->writeable[id] += length;
    }
    p->pattern[id] = (uint8_t)next(p, 256);
    uint8_t *start = p->bytes + BUFFERS + id * BUFFER;
    memset(start, p->pattern[id], at);
    start[0] = (uint8_t)id;
    int result = add(p, buffer, readable, writeable, id);
    if (result == VIRTIO_QUEUE_FULL)
        return;
    assert_int_equal(result, VIRTIO_QUEUE_OK);
    p->busy[id] = true;
}

/* Checks what arrived, and answers with the complement. */
static void serve(struct pair *p, const struct virtqueue_chain *chain)
{
    uint8_t bytes[BUFFER];
    uint32_t length = virtqueue_gather(chain->segment, chain->readable, 0, bytes, sizeof(bytes));
    unsigned id = bytes[0];
    assert_true(p->busy[id]);
    assert_int_equal(length, p->readable[id]);
    assert_int_equal(chain->readable_length, p->readable[id]);
    assert_int_equal(chain->writeable_length, p->writeable[id]);
    for (uint32_t i = 1; i < length; i++)
        assert_int_equal(bytes[i], p->pattern[id]);
    memset(bytes, ~p->pattern[id], sizeof(bytes));
    assert_int_equal(virtqueue_scatter(chain->segment + chain->readable,
                                       chain->count - chain->readable, 0, bytes, p->writeable[id]),
                     p->writeable[id]);
    virtqueue_push(&p->device, chain->token, p->writeable[id]);
}

static void run_device(struct pair *p)
{
    if (!p->notified)
        return;
    int result;
    bool again;
    p->notified = false;
    do {
        again = false;
        while (p->held_count < 16 &&
               (result = virtqueue_pop(&p->device, &p->held[p->held_count])) != 0) {
            assert_int_equal(result, 1);
            p->held_count++;
        }
        if (p->held_count == 16) {
            p->notified = true; /* it comes back on its own when it has room */
            break;
        }
        virtqueue_enable_notification(&p->device);
        struct virtqueue_chain chain;
        if (virtqueue_pop(&p->device, &chain) == 1) {
            virtqueue_unpop(&p->device, chain.token);
            again = true;
        }
    } while (again);
}

static void finish_some(struct pair *p)
{
    unsigned count = next(p, p->held_count + 1);
    for (unsigned i = 0; i < count; i++) {
        unsigned which = next(p, p->held_count);
        serve(p, &p->held[which]);
        p->held[which] = p->held[--p->held_count];
    }
    if (virtqueue_must_interrupt(&p->device))
        p->interrupted = true;
}

static void run_driver(struct pair *p)
{
    uint32_t id;
    uint32_t written;
    int result;
    if (!p->interrupted)
        return;
    p->interrupted = false;
    virtio_queue_no_interrupt(&p->driver);
    for (unsigned pass = 0; pass < 2; pass++) {
        while ((result = virtio_queue_take(&p->driver, &id, &written)) == 1) {
            assert_true(id < REQUESTS && p->busy[id]);
            assert_int_equal(written, p->writeable[id]);
            const uint8_t *start = p->bytes + BUFFERS + id * BUFFER + p->readable[id];
            for (uint32_t i = 0; i < written; i++)
                assert_int_equal(start[i], (uint8_t)~p->pattern[id]);
            p->busy[id] = false;
            p->completed++;
        }
        assert_int_equal(result, 0);
        virtio_queue_want_interrupt(&p->driver);
    }
}

/* Each side runs only when the other has woken it: a lost wake-up leaves requests undone. */
static void traffic(bool packed, bool event_index, bool indirect, uint16_t size)
{
    struct pair *p = create(packed, event_index, indirect, size);
    virtio_queue_want_interrupt(&p->driver);
    virtqueue_enable_notification(&p->device);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = next(p, 6); i > 0; i--)
            submit(p);
        if (virtio_queue_must_notify(&p->driver))
            p->notified = true;
        if (next(p, 2) == 0)
            run_device(p);
        finish_some(p);
        if (next(p, 2) == 0)
            run_driver(p);
    }
    for (unsigned i = 0; i < 2000; i++) {
        run_device(p);
        finish_some(p);
        run_driver(p);
    }
    for (unsigned i = 0; i < REQUESTS; i++)
        assert_false(p->busy[i]);
    assert_int_equal(p->driver.free_count, size);
    assert_true(p->completed > ROUNDS / 2);
    destroy(p);
}

static void split_rings(void **state)
{
    (void)state;
    traffic(false, false, false, 16);
    traffic(false, true, false, 32);
    traffic(false, false, true, 8);
    traffic(false, true, true, 128);
}

static void packed_rings(void **state)
{
    (void)state;
    traffic(true, false, false, 16);
    traffic(true, true, false, 32);
    traffic(true, false, true, 8);
    traffic(true, true, true, 128);
}

/* With event indices most notifications and interrupts of a busy queue are left out. */
static void event_index_saves(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        struct pair *p = create(packed != 0, true, false, 64);
        virtio_queue_want_interrupt(&p->driver);
        virtqueue_enable_notification(&p->device);
        unsigned notifications = 0;
        for (unsigned i = 0; i < 10; i++) {
            submit(p);
            notifications += virtio_queue_must_notify(&p->driver);
        }
        assert_int_equal(notifications, 1);
        unsigned interrupts = 0;
        p->notified = true;
        run_device(p);
        while (p->held_count > 0) {
            serve(p, &p->held[--p->held_count]);
            interrupts += virtqueue_must_interrupt(&p->device);
        }
        assert_int_equal(interrupts, 1);
        destroy(p);
    }
}

/* Several buffers of one message appear together, or not yet. */
static void pushes_all_or_none(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        struct pair *p = create(packed != 0, false, false, 8);
        struct virtqueue_used done[3];
        struct virtqueue_chain chain;
        for (unsigned round = 0; round < 20; round++) {
            for (unsigned i = 0; i < 3; i++) {
                const struct virtio_buffer buffer = {BASE + BUFFERS + i * 64, 64};
                assert_int_equal(virtio_queue_add(&p->driver, &buffer, 0, 1, i), VIRTIO_QUEUE_OK);
            }
            for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(virtqueue_pop(&p->device, &chain), 1);
                done[i] = (struct virtqueue_used){chain.token, i + 1};
            }
            /* Taken back and popped anew: the same requests. */
            virtqueue_unpop(&p->device, chain.token);
            assert_int_equal(virtqueue_pop(&p->device, &chain), 1);
            assert_int_equal(chain.token.id, done[2].token.id);
            virtqueue_push_all(&p->device, done, 3);
            for (unsigned i = 0; i < 3; i++) {
                uint32_t id;
                uint32_t written;
                assert_int_equal(virtio_queue_take(&p->driver, &id, &written), 1);
                assert_int_equal(id, i);
                assert_int_equal(written, i + 1);
            }
        }
        destroy(p);
    }
}

/* A device that gives back what it never had, twice, or with more bytes than there are. */
static void driver_survives_its_device(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        for (unsigned kind = 0; kind < 3; kind++) {
            struct pair *p = create(packed != 0, false, false, 8);
            const struct virtio_buffer buffer = {BASE + BUFFERS, 64};
            struct virtqueue_chain chain;
            uint32_t id;
            uint32_t written;
            assert_int_equal(virtio_queue_add(&p->driver, &buffer, 0, 1, 7), VIRTIO_QUEUE_OK);
            assert_int_equal(virtqueue_pop(&p->device, &chain), 1);
            struct virtqueue_token token = chain.token;
            if (kind == 0)
                token.id = 5;
            else if (kind == 1)
                token.id = 0xffff;
            virtqueue_push(&p->device, token, kind == 2 ? 65 : 64);
            assert_int_equal(virtio_queue_take(&p->driver, &id, &written), VIRTIO_QUEUE_BROKEN);
            virtio_queue_restart(&p->driver);
            assert_int_equal(virtio_queue_take(&p->driver, &id, &written), 0);
            assert_int_equal(p->driver.free_count, 8);
            destroy(p);
        }
    }
}

/* A request of as many pieces as there may be, and of one more. */
static void large_requests(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        struct pair *p = create(packed != 0, false, true, 8);
        struct virtio_buffer data[VIRTIO_QUEUE_SEGMENTS - 1];
        struct virtio_request request = {
            .header = {BASE + BUFFERS, 16},
            .data = data,
            .count = VIRTIO_QUEUE_SEGMENTS - 1,
            .writeable = true,
            .status = {BASE + BUFFERS + 16, 1},
        };
        struct virtqueue_chain chain;
        for (unsigned i = 0; i < VIRTIO_QUEUE_SEGMENTS - 1; i++)
            data[i] = (struct virtio_buffer){BASE + BUFFERS + 1024 * i, 512};
        assert_int_equal(virtio_queue_add_request(&p->driver, &request, 1), VIRTIO_QUEUE_FULL);
        request.count--;
        for (unsigned i = 0; i < 8; i++)
            assert_int_equal(virtio_queue_add_request(&p->driver, &request, i), VIRTIO_QUEUE_OK);
        assert_int_equal(virtio_queue_add_request(&p->driver, &request, 8), VIRTIO_QUEUE_FULL);
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(virtqueue_pop(&p->device, &chain), 1);
            assert_int_equal(chain.readable, 1);
            assert_int_equal(chain.count, VIRTIO_QUEUE_SEGMENTS);
            assert_int_equal(chain.writeable_length, (VIRTIO_QUEUE_SEGMENTS - 2) * 512 + 1);
        }
        destroy(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_rings),       cmocka_unit_test(packed_rings),
        cmocka_unit_test(event_index_saves), cmocka_unit_test(pushes_all_or_none),
        cmocka_unit_test(large_requests),    cmocka_unit_test(driver_survives_its_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
