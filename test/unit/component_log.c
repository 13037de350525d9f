/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log records through a ring, and what a reader makes of a ring full of nonsense.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <component/log.h>

static _Alignas(64) uint8_t memory[128 + 1024];

static void attach(struct ring *producer, struct ring *consumer)
{
    memset(memory, 0, sizeof(memory));
    assert_int_equal(ring_attach(producer, memory, sizeof(memory), true), RING_OK);
    assert_int_equal(ring_attach(consumer, memory, sizeof(memory), false), RING_OK);
}

static void passes_records(void **state)
{
    struct ring producer, consumer;
    struct log_record record;

    (void)state;
    attach(&producer, &consumer);
    assert_false(log_decode(&consumer, &record));
    assert_true(log_encode(&producer, 2, false, "hello", 5));
    assert_true(log_encode(&producer, 0, true, "", 0));
    assert_true(log_decode(&consumer, &record));
    assert_int_equal(record.level, 2);
    assert_false(record.shown);
    assert_int_equal(record.length, 5);
    assert_memory_equal(record.text, "hello", 5);
    assert_true(log_decode(&consumer, &record));
    assert_true(record.shown);
    assert_int_equal(record.length, 0);
    assert_false(log_decode(&consumer, &record));
}

static void cuts_and_refuses(void **state)
{
    struct ring producer, consumer;
    struct log_record record;
    char text[400];

    (void)state;
    attach(&producer, &consumer);
    memset(text, 'x', sizeof(text));
    for (unsigned i = 0; i < 1024 / (LOG_RECORD_TEXT + 3); i++) {
        assert_true(log_encode(&producer, 1, false, text, sizeof(text)));
    }
    /* A record comes whole or not at all. */
    assert_false(log_encode(&producer, 1, false, text, sizeof(text)));
    for (unsigned i = 0; i < 1024 / (LOG_RECORD_TEXT + 3); i++) {
        assert_true(log_decode(&consumer, &record));
        assert_int_equal(record.length, LOG_RECORD_TEXT);
    }
    assert_false(log_decode(&consumer, &record));
}

static void shows_no_control_characters(void **state)
{
    struct ring producer, consumer;
    struct log_record record;

    (void)state;
    attach(&producer, &consumer);
    assert_true(log_encode(&producer, 1, false, "a\x1b[2J\tb\n\xff", 9));
    assert_true(log_decode(&consumer, &record));
    assert_memory_equal(record.text, "a?[2J b??", 9);
}

static void survives_nonsense(void **state)
{
    struct ring producer, consumer;
    struct log_record record;
    uint32_t seed = 1;

    (void)state;
    attach(&producer, &consumer);
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t bytes[64];
        for (unsigned i = 0; i < sizeof(bytes); i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        (void)ring_write(&producer, bytes, seed >> 8 & 63);
        while (log_decode(&consumer, &record)) {
            assert_true(record.length <= LOG_RECORD_TEXT);
        }
    }
    /* An impossible index: nothing is read, and dropping everything mends it. */
    atomic_store(&producer.shared->produced, consumer.index + 5000);
    assert_false(log_decode(&consumer, &record));
    assert_false(ring_prepare_sleep(&consumer));
    ring_drop(&consumer);
    assert_true(ring_prepare_sleep(&consumer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_records),
        cmocka_unit_test(cuts_and_refuses),
        cmocka_unit_test(shows_no_control_characters),
        cmocka_unit_test(survives_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
