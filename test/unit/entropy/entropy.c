/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Health tests of noise sources, and what comes out with good, bad and dying ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <entropy/entropy.h>
#include <math.h>
#include <string.h>

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
    for (unsigned credit = HEALTH_ONE_BIT; credit <= HEALTH_QUARTER_BIT; credit++) {
        struct health h = {.credit = credit};
        for (unsigned i = 0; i < health_limits[credit].repetitions - 1; i++)
            assert_true(health_sample(&h, 7));
        assert_true(health_sample(&h, 8)); /* a run that ends in time */
        for (unsigned i = 0; i < health_limits[credit].repetitions - 1; i++)
            assert_true(health_sample(&h, 9));
        assert_false(health_sample(&h, 9));
        assert_false(health_sample(&h, 1)); /* for good */
    }
}

/* P(X > k) of B(HEALTH_WINDOW, p) */
static double more_than(unsigned k, double p)
{
    double sum = 0;
    for (unsigned i = k + 1; i <= HEALTH_WINDOW; i++)
        sum += exp(lgamma(HEALTH_WINDOW + 1.0) - lgamma(i + 1.0) - lgamma(HEALTH_WINDOW - i + 1.0) +
                   i * log(p) + (HEALTH_WINDOW - i) * log(1 - p));
    return sum;
}

/* The limits are those of SP 800-90B, 4.4.1 and 4.4.2, for false alarms of one in 2^30. */
static void limits(void **state)
{
    (void)state;
    for (unsigned credit = HEALTH_ONE_BIT; credit <= HEALTH_QUARTER_BIT; credit++) {
        const struct health_limits *l = &health_limits[credit];
        double p = pow(2, -1.0 / l->samples_per_bit);
        assert_int_equal(l->repetitions, 1 + 30 * l->samples_per_bit);
        assert_true(more_than(l->proportion - 1, p) <= pow(2, -30));
        assert_true(more_than(l->proportion - 2, p) > pow(2, -30));
    }
}

/* A window with `fives` times 5 at irregular places, the first among them, and other numbers. */
static void take_window(struct health *health, struct noise *noise, unsigned fives)
{
    for (unsigned i = 0; i < HEALTH_WINDOW; i++) {
        uint8_t random[8];
        read_noise(noise, random);
        bool five = i == 0 || (random[0] * 256u + random[1]) % (HEALTH_WINDOW - i) < fives;
        fives -= five;
        health_sample(health, five ? 5 : random[2] | 8);
    }
}

static void adaptive_proportion(void **state)
{
    (void)state;
    for (unsigned credit = HEALTH_ONE_BIT; credit <= HEALTH_QUARTER_BIT; credit++) {
        struct health h = {.credit = credit};
        struct noise n = {.random = 3};
        take_window(&h, &n, health_limits[credit].proportion - 1);
        assert_false(h.failed);
        take_window(&h, &n, health_limits[credit].proportion);
        assert_true(h.failed);
    }
}

/* Noise that repeats itself after up to HEALTH_LAGS samples, none of them often. */
static void periodicity(void **state)
{
    (void)state;
    for (unsigned period = 2; period <= HEALTH_LAGS + 1; period++) {
        struct health h = {.credit = HEALTH_QUARTER_BIT};
        for (unsigned i = 0; i < HEALTH_WINDOW; i++)
            health_sample(&h, (uint8_t)(i % period));
        assert_int_equal(h.failed, period <= HEALTH_LAGS);
    }
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
    assert_true(entropy_add(&e, HEALTH_ONE_BIT, read_noise, &n));
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
    assert_true(entropy_add(&e, HEALTH_ONE_BIT, read_noise, &same));
    assert_int_equal(entropy_read(&e, again, sizeof(again)), sizeof(again));
    assert_memory_equal(bytes, again, sizeof(bytes));
    struct noise other = {.random = 4};
    entropy_initialize(&e);
    assert_true(entropy_add(&e, HEALTH_ONE_BIT, read_noise, &other));
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
    assert_true(entropy_add(&e, HEALTH_ONE_BIT, read_noise, &n));
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
        assert_true(entropy_add(&e, HEALTH_ONE_BIT, read_noise, &n));
        if (good != 0)
            assert_true(entropy_add(&e, HEALTH_ONE_BIT, read_noise, &m));
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
    assert_true(entropy_add(&e, HEALTH_ONE_BIT, read_noise, &biased));
    assert_int_equal(entropy_read(&e, &byte, 1), 0);
    /* One that runs dry is asked again later. */
    struct noise dry = {.random = 3, .dry_after = 100};
    entropy_initialize(&e);
    assert_true(entropy_add(&e, HEALTH_ONE_BIT, read_noise, &dry));
    assert_int_equal(entropy_read(&e, &byte, 1), 0);
    dry.dry_after = 0;
    assert_int_equal(entropy_read(&e, &byte, 1), 1);
}

/* A clock that goes on by at least 1000, and by up to `noise` more. */
struct fake_clock {
    uint64_t now;
    uint64_t random;
    uint64_t noise;
};

static uint64_t read_fake(void *context)
{
    struct fake_clock *clock = context;
    clock->random = clock->random * 6364136223846793005ull + 1442695040888963407ull;
    clock->now += 1000 + (clock->random >> 40) % (clock->noise + 1);
    return clock->now;
}

/* A clock that counts instructions gives nothing; one that trembles gives, and never the same. */
static void jitter(void **state)
{
    (void)state;
    static struct jitter j;
    struct entropy e;
    uint8_t bytes[2][64];
    for (unsigned noise = 0; noise < 3; noise++) {
        struct fake_clock clock = {.random = noise, .noise = noise == 0 ? 0 : 7};
        jitter_initialize(&j);
        j.clock = read_fake;
        j.context = &clock;
        entropy_initialize(&e);
        assert_true(entropy_add(&e, HEALTH_QUARTER_BIT, jitter_read, &j));
        assert_int_equal(entropy_read(&e, bytes[noise % 2], 64), noise == 0 ? 0 : 64);
        assert_int_equal(e.source[0].health.failed, noise == 0);
    }
    assert_memory_not_equal(bytes[0], bytes[1], 64);
}

/* Four times the samples for a seed of what is credited with a quarter of a bit. */
static void credit(void **state)
{
    (void)state;
    struct entropy e;
    struct noise n = {.random = 3};
    uint8_t byte;
    uint64_t reads[HEALTH_QUARTER_BIT + 1];
    for (unsigned i = HEALTH_ONE_BIT; i <= HEALTH_QUARTER_BIT; i++) {
        entropy_initialize(&e);
        n.reads = 0;
        assert_true(entropy_add(&e, (enum health_credit)i, read_noise, &n));
        assert_int_equal(entropy_read(&e, &byte, 1), 1);
        reads[i] = n.reads;
    }
    assert_int_equal(reads[HEALTH_ONE_BIT] * 8, HEALTH_STARTUP + 64 * 8 + 64);
    assert_int_equal(reads[HEALTH_QUARTER_BIT] * 8, HEALTH_STARTUP + 4 * (64 * 8 + 64));
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
        cmocka_unit_test(repetition_count),
        cmocka_unit_test(limits),
        cmocka_unit_test(adaptive_proportion),
        cmocka_unit_test(periodicity),
        cmocka_unit_test(good_sources_pass),
        cmocka_unit_test(gives_bytes),
        cmocka_unit_test(reseeds),
        cmocka_unit_test(dying_sources),
        cmocka_unit_test(credit),
        cmocka_unit_test(jitter),
        cmocka_unit_test(processor_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
