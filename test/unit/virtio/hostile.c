/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A million adversarial descriptors against the device's side of a virtqueue: loops, overlaps,
 * addresses out of range, impossible indices, and tables that another thread changes while they are
 * read. Whatever comes out must lie in guest memory; the sanitizers watch the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/virtio/queue.h"

#define BASE        0x1000ull
#define SIZE        0x10000u
#define TABLE       0x0u /* offsets in the memory */
#define DRIVER      0x2000u
#define DEVICE      0x3000u
#define DESCRIPTORS 1000000u

struct guest {
    uint8_t *bytes;
    struct memory memory;
    struct virtqueue queue;
    uint64_t random;
};

static uint64_t draw(uint64_t *random)
{
    *random = *random * 6364136223846793005ull + 1442695040888963407ull;
    return *random >> 16;
}

static struct guest *create(bool packed, uint16_t size, uint64_t seed)
{
    struct guest *g = calloc(1, sizeof(*g));
    assert_non_null(g);
    g->bytes = aligned_alloc(4096, SIZE);
    memset(g->bytes, 0, SIZE);
    g->random = seed;
    assert_int_equal(memory_add(&g->memory, gpa(BASE), SIZE, g->bytes), MEMORY_OK);
    virtqueue_reset(&g->queue, &g->memory);
    g->queue.packed = packed;
    g->queue.size = size;
    g->queue.event_index = (seed & 1) != 0;
    g->queue.indirect = true;
    g->queue.descriptors = BASE + TABLE;
    g->queue.available = BASE + DRIVER;
    g->queue.used = BASE + DEVICE;
    assert_int_equal(virtqueue_enable(&g->queue), 0);
    return g;
}

static void destroy(struct guest *g)
{
    free(g->bytes);
    free(g);
}

/* Mostly plausible values, so that many chains go deep before they fail. */
static uint64_t some_address(uint64_t *random)
{
    uint64_t value = draw(random);
    switch (value & 15) {
    case 0:
        return draw(random) << 16 | draw(random);
    case 1:
        return BASE + SIZE - (draw(random) & 31);
    case 2:
        return BASE + (draw(random) & 0x3fff); /* the rings themselves */
    default:
        return BASE + (draw(random) & (SIZE - 1) & ~15ull);
    }
}

static uint32_t some_length(uint64_t *random)
{
    uint64_t value = draw(random);
    switch (value & 15) {
    case 0:
        return (uint32_t)draw(random);
    case 1:
        return 0;
    case 2:
        return UINT32_MAX - (uint32_t)(draw(random) & 15);
    default:
        return (uint32_t)(16 * (1 + (value >> 8 & 7)));
    }
}

static void write_descriptor(struct guest *g, unsigned index, uint64_t *random)
{
    uint8_t *at = g->bytes + TABLE + index * 16;
    uint64_t address = some_address(random);
    uint32_t length = some_length(random);
    uint64_t value = draw(random);
    uint16_t flags = (uint16_t)(value & 7);
    if ((value & 0x700) != 0)
        flags &= 3;
    uint16_t other = (uint16_t)((value & 0xf000) != 0 ? (value >> 16) % 256 : value >> 20);
    if (g->queue.packed && (value >> 40 & 7) != 0)
        flags |= g->queue.available_wrap ? 0x0080 : 0x8000;
    memcpy(at, &address, 8);
    memcpy(at + 8, &length, 4);
    memcpy(at + 12, g->queue.packed ? &other : &flags, 2);
    memcpy(at + 14, g->queue.packed ? &flags : &other, 2);
}

static void check(const struct guest *g, const struct virtqueue_chain *chain)
{
    uint64_t total = 0;
    assert_true(chain->count >= 1 && chain->count <= VIRTQUEUE_MAX_SEGMENTS);
    assert_true(chain->readable <= chain->count);
    for (unsigned i = 0; i < chain->count; i++) {
        const struct virtqueue_segment *segment = &chain->segment[i];
        assert_true(segment->length > 0);
        assert_true(segment->data >= g->bytes &&
                    segment->data + segment->length <= g->bytes + SIZE);
        total += segment->length;
    }
    assert_int_equal(total, chain->readable_length + chain->writeable_length);
    assert_true(total <= UINT32_MAX);
    assert_true(chain->token.descriptors >= 1 && chain->token.descriptors <= g->queue.size);
}

/* The device keeps reading until the rings make no sense, then it is reset. */
static unsigned consume(struct guest *g)
{
    struct virtqueue_chain chain;
    unsigned good = 0;
    for (unsigned i = 0; i < g->queue.size; i++) {
        int result = virtqueue_pop(&g->queue, &chain);
        if (result < 0) {
            assert_int_equal(virtqueue_enable(&g->queue), 0);
            break;
        }
        if (result == 0)
            break;
        check(g, &chain);
        good++;
        if ((draw(&g->random) & 7) == 0)
            virtqueue_unpop(&g->queue, chain.token);
        virtqueue_push(&g->queue, chain.token, (uint32_t)draw(&g->random));
        virtqueue_must_interrupt(&g->queue);
        virtqueue_enable_notification(&g->queue);
    }
    return good;
}

static void million(bool packed)
{
    struct guest *g = create(packed, packed ? 100 : 64, 3);
    unsigned good = 0;
    unsigned written = 0;
    while (written < DESCRIPTORS) {
        unsigned count = 1 + (unsigned)(draw(&g->random) % 40);
        for (unsigned i = 0; i < count; i++) {
            unsigned where = (unsigned)(draw(&g->random) % g->queue.size);
            if (packed && (draw(&g->random) & 1) != 0)
                where = (g->queue.next_available + i) % g->queue.size;
            write_descriptor(g, where, &g->random);
        }
        written += count;
        if (!packed) {
            uint16_t index = (uint16_t)(g->queue.next_available + draw(&g->random) % 66);
            memcpy(g->bytes + DRIVER + 2, &index, 2);
            for (unsigned i = 0; i < 8; i++) {
                uint16_t head = (uint16_t)(draw(&g->random) % 66);
                memcpy(g->bytes + DRIVER + 4 + 2 * (draw(&g->random) % 64), &head, 2);
            }
        }
        good += consume(g);
    }
    /* The test is of use only where a good part gets through. */
    assert_true(good > DESCRIPTORS / 100);
    destroy(g);
}

static void a_million_split(void **state)
{
    (void)state;
    million(false);
}

static void a_million_packed(void **state)
{
    (void)state;
    million(true);
}

struct scribbler {
    struct guest *guest;
    _Atomic bool stop;
};

static void *scribble(void *context)
{
    struct scribbler *s = context;
    uint64_t random = 77;
    while (!atomic_load(&s->stop)) {
        volatile uint16_t *at =
            (volatile uint16_t *)(s->guest->bytes + (draw(&random) & 0x3ffe & ~1ull));
        uint64_t value = draw(&random);
        *at = (uint16_t)((value & 3) == 0 ? value >> 8 : (value >> 8) & 0x80ff);
    }
    return NULL;
}

/* The tables change all the time. Each pop sees something else; none may reach outside. */
static void changes_while_read(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        struct guest *g = create(packed != 0, 64, 5);
        struct scribbler scribbler = {.guest = g};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, scribble, &scribbler), 0);
        for (unsigned i = 0; i < 20000; i++) {
            uint64_t random = g->random;
            write_descriptor(g, (unsigned)(draw(&random) % 64), &random);
            consume(g);
            g->random = random;
        }
        atomic_store(&scribbler.stop, true);
        pthread_join(thread, NULL);
        destroy(g);
    }
}

/* Areas that do not fit make no queue. */
static void areas_are_checked(void **state)
{
    (void)state;
    for (unsigned packed = 0; packed < 2; packed++) {
        struct guest *g = create(packed != 0, 64, 2);
        struct virtqueue good = g->queue;
        const uint64_t bad[] = {0, BASE + SIZE, BASE + SIZE - 2, UINT64_MAX - 3, BASE + 1};
        for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            for (unsigned area = 0; area < 3; area++) {
                g->queue = good;
                g->queue.enabled = false;
                uint64_t *address = area == 0   ? &g->queue.descriptors
                                    : area == 1 ? &g->queue.available
                                                : &g->queue.used;
                *address = bad[i];
                assert_int_equal(virtqueue_enable(&g->queue), VIRTQUEUE_ERROR_RING);
                assert_false(g->queue.enabled);
            }
        }
        g->queue = good;
        g->queue.enabled = false;
        g->queue.size = 63;
        assert_int_equal(virtqueue_enable(&g->queue), packed != 0 ? 0 : VIRTQUEUE_ERROR_RING);
        destroy(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_split),
        cmocka_unit_test(a_million_packed),
        cmocka_unit_test(changes_while_read),
        cmocka_unit_test(areas_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
