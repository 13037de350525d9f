/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Health tests of noise sources, and what comes out with good, bad and dying ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "service/entropy/entropy.h"

struct noise {
    uint64_t random;
    uint64_t reads;
    uint64_t stuck_after; /* reads; 0: never */
    uint64_t dry_after;   /* likewise */
    uint8_t bias;         /* of 256, how many samples are zero */
};

static bool read_noise(void *context, uint8_t bytes[8])
{
    struct noise *n = context;
    if (n->dry_after != 0 && n->reads >= n->dry_after)
        return false;
    n->reads++;
    for (unsigned i = 0; i < 8; i++) {
        n->random = n->random * 6364136223846793005ull + 1442695040888963407ull;
        uint8_t value = (uint8_t)(n->random >> 40);
        if ((uint8_t)(n->random >> 56) < n->bias)
            value = 0;
        bytes[i] = n->stuck_after != 0 && n->reads > n->stuck_after ? 0x42 : value;
    }
    return true;
}

static void repetition_count(void **state)
{
    (void)state;
    struct health h = {0};
    for (unsigned i = 0; i < HEALTH_REPETITIONS - 1; i++)
        assert_true(health_sample(&h, 7));
    assert_true(health_sample(&h, 8)); /* a run that ends in time */
    for (unsigned i = 0; i < HEALTH_REPETITIONS - 1; i++)
        assert_true(health_sample(&h, 9));
    assert_false(health_sample(&h, 9));
    assert_false(health_sample(&h, 1)); /* for good */
}

static void adaptive_proportion(void **state)
{
    (void)state;
    struct health h = {0};
    /* The first sample of a window, 324 times in it but never in a run: just right. */
    for (unsigned i = 0; i < HEALTH_WINDOW; i++)
        assert_true(health_sample(&h, i % 3 == 2 || i > 485 ? (uint8_t)(100 + i % 2) : 5));
    unsigned survived = 0;
    for (unsigned i = 0; i < HEALTH_WINDOW && health_sample(&h, i % 3 == 2 ? 1 : 5); i++)
        survived++;
    assert_true(h.failed);
    assert_in_range(survived, HEALTH_PROPORTION, HEALTH_WINDOW - 1);
}

static void good_sources_pass(void **state)
{
    (void)state;
    struct health h = {0};
    struct noise n = {.random = 3};
    uint8_t bytes[8];
    for (unsigned i = 0; i < 1000000; i++) {
        read_noise(&n, bytes);
        for (unsigned j = 0; j < 8; j++)
            assert_true(health_sample(&h, bytes[j]));
    }
}

static void gives_bytes(void **state)
{
    (void)state;
    struct entropy e;
    struct noise n = {.random = 3};
    uint8_t bytes[4096];
    uint8_t again[4096];
    entropy_initialize(&e);
    assert_int_equal(entropy_read(&e, bytes, 16), 0); /* no source, no bytes */
    assert_true(entropy_add(&e, read_noise, &n));
    assert_int_equal(entropy_read(&e, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(entropy_read(&e, again, sizeof(again)), sizeof(again));
    assert_memory_not_equal(bytes, again, sizeof(bytes));
    unsigned bits = 0;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bits += (unsigned)__builtin_popcount(bytes[i]);
    assert_in_range(bits, 4096 * 4 - 500, 4096 * 4 + 500);
    /* The same noise, the same bytes; other noise, others. */
    struct noise same = {.random = 3};
    entropy_initialize(&e);
    assert_true(entropy_add(&e, read_noise, &same));
    assert_int_equal(entropy_read(&e, again, sizeof(again)), sizeof(again));
    assert_memory_equal(bytes, again, sizeof(bytes));
    struct noise other = {.random = 4};
    entropy_initialize(&e);
    assert_true(entropy_add(&e, read_noise, &other));
    assert_int_equal(entropy_read(&e, again, sizeof(again)), sizeof(again));
    assert_memory_not_equal(bytes, again, sizeof(bytes));
}

static void reseeds(void **state)
{
    (void)state;
    struct entropy e;
    struct noise n = {.random = 3};
    uint8_t bytes[1024];
    entropy_initialize(&e);
    assert_true(entropy_add(&e, read_noise, &n));
    assert_int_equal(entropy_read(&e, bytes, 1), 1);
    uint64_t before = n.reads;
    for (unsigned i = 0; i < 63; i++)
        assert_int_equal(entropy_read(&e, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(n.reads, before);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(entropy_read(&e, bytes, sizeof(bytes)), sizeof(bytes));
    assert_true(n.reads > before);
}

/* A source that gets stuck is dropped: alone nothing comes any more, with a good one it goes on. */
static void dying_sources(void **state)
{
    (void)state;
    for (unsigned good = 0; good < 2; good++) {
        struct entropy e;
        struct noise n = {.random = 3, .stuck_after = 250};
        struct noise m = {.random = 5};
        uint8_t bytes[1024];
        entropy_initialize(&e);
        assert_true(entropy_add(&e, read_noise, &n));
        if (good != 0)
            assert_true(entropy_add(&e, read_noise, &m));
        assert_int_equal(entropy_read(&e, bytes, sizeof(bytes)), sizeof(bytes));
        unsigned given = 0;
        for (unsigned i = 0; i < 200; i++)
            given += entropy_read(&e, bytes, sizeof(bytes)) != 0;
        assert_true(e.source[0].health.failed);
        if (good != 0)
            assert_int_equal(given, 200);
        else
            assert_in_range(given, 63, 127);
    }
    /* Mostly zeroes: the start-up test finds it. */
    struct entropy e;
    struct noise biased = {.random = 3, .bias = 200};
    uint8_t byte;
    entropy_initialize(&e);
    assert_true(entropy_add(&e, read_noise, &biased));
    assert_int_equal(entropy_read(&e, &byte, 1), 0);
    /* One that runs dry is asked again later. */
    struct noise dry = {.random = 3, .dry_after = 100};
    entropy_initialize(&e);
    assert_true(entropy_add(&e, read_noise, &dry));
    assert_int_equal(entropy_read(&e, &byte, 1), 0);
    dry.dry_after = 0;
    assert_int_equal(entropy_read(&e, &byte, 1), 1);
}

static void processor_sources(void **state)
{
    (void)state;
    uint8_t a[8];
    uint8_t b[8];
    if (!entropy_has_rdrand())
        skip();
    assert_true(entropy_rdrand(NULL, a));
    assert_true(entropy_rdrand(NULL, b));
    assert_memory_not_equal(a, b, 8);
    if (entropy_has_rdseed() && entropy_rdseed(NULL, a) && entropy_rdseed(NULL, b))
        assert_memory_not_equal(a, b, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repetition_count),  cmocka_unit_test(adaptive_proportion),
        cmocka_unit_test(good_sources_pass), cmocka_unit_test(gives_bytes),
        cmocka_unit_test(reseeds),           cmocka_unit_test(dying_sources),
        cmocka_unit_test(processor_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
