/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The byte ring, with an honest and with a hostile peer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ring/ring.h>
#include <string.h>

static _Alignas(64) uint8_t memory[sizeof(struct ring_shared) + 200];

static void passes_bytes(void **state)
{
    (void)state;
    struct ring producer;
    struct ring consumer;
    uint8_t buffer[256];
    memset(memory, 0, sizeof(memory));
    assert_int_equal(ring_attach(&producer, memory, sizeof(memory), true), RING_OK);
    assert_int_equal(ring_attach(&consumer, memory, sizeof(memory), false), RING_OK);
    assert_int_equal(producer.size, 128);
    uint8_t next_in = 0;
    uint8_t next_out = 0;
    for (unsigned round = 0; round < 1000; round++) {
        for (unsigned i = 0; i < 100; i++)
            buffer[i] = (uint8_t)(next_in + i);
        int64_t written = ring_write(&producer, buffer, 100);
        next_in = (uint8_t)(next_in + written);
        int64_t read = ring_read(&consumer, buffer, 1 + round % 120);
        for (int64_t i = 0; i < read; i++)
            assert_int_equal(buffer[i], (uint8_t)(next_out + i));
        next_out = (uint8_t)(next_out + read);
    }
    while (ring_read(&consumer, buffer, 256) != 0)
        continue;
    assert_int_equal(ring_write(&producer, buffer, 200), 128); /* no more than fits */
}

static void sleeps_and_wakes(void **state)
{
    (void)state;
    struct ring producer;
    struct ring consumer;
    const uint8_t byte = 1;
    memset(memory, 0, sizeof(memory));
    ring_attach(&producer, memory, sizeof(memory), true);
    ring_attach(&consumer, memory, sizeof(memory), false);
    assert_false(ring_must_wake(&producer));
    assert_true(ring_prepare_sleep(&consumer));
    ring_write(&producer, &byte, 1);
    assert_true(ring_must_wake(&producer));
    assert_false(ring_must_wake(&producer)); /* once */
    assert_false(ring_prepare_sleep(&consumer));
}

static void waits_for_room(void **state)
{
    (void)state;
    struct ring producer;
    struct ring consumer;
    uint8_t bytes[128] = {0};
    memset(memory, 0, sizeof(memory));
    ring_attach(&producer, memory, sizeof(memory), true);
    ring_attach(&consumer, memory, sizeof(memory), false);
    ring_write(&producer, bytes, 100);
    assert_false(ring_prepare_wait(&producer, 28)); /* they fit */
    assert_false(ring_must_tell(&consumer));
    assert_true(ring_prepare_wait(&producer, 29));
    ring_read(&consumer, bytes, 50);
    assert_true(ring_must_tell(&consumer));
    assert_false(ring_must_tell(&consumer)); /* once */
    assert_false(ring_prepare_wait(&producer, 78));
    atomic_store(&producer.shared->consumed, 1000); /* a peer that makes no sense makes no room */
    assert_true(ring_prepare_wait(&producer, 1));
}

static void survives_a_hostile_peer(void **state)
{
    (void)state;
    struct ring ring;
    uint8_t buffer[16];
    memset(memory, 0, sizeof(memory));
    ring_attach(&ring, memory, sizeof(memory), false);
    atomic_store(&ring.shared->produced, 129);
    assert_int_equal(ring_read(&ring, buffer, 16), RING_ERROR_BROKEN);
    atomic_store(&ring.shared->produced, UINT32_MAX);
    assert_int_equal(ring_read(&ring, buffer, 16), RING_ERROR_BROKEN);
    ring_attach(&ring, memory, sizeof(memory), true);
    atomic_store(&ring.shared->consumed, 5);
    assert_int_equal(ring_write(&ring, buffer, 16), RING_ERROR_BROKEN);
    assert_int_equal(ring_attach(&ring, memory + 1, sizeof(memory) - 1, true), RING_ERROR_SIZE);
    assert_int_equal(ring_attach(&ring, memory, sizeof(struct ring_shared), true), RING_ERROR_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_bytes),
        cmocka_unit_test(sleeps_and_wakes),
        cmocka_unit_test(waits_for_room),
        cmocka_unit_test(survives_a_hostile_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
