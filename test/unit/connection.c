/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who is there, as machine and service see it, through everything that can happen to either.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <connection/connection.h>

enum { SLOTS = 3, SLOT = 1, SLICE = 0x4000 };

struct bench {
    struct connection_row rows[SLOTS];
    uint8_t slices[SLOTS * SLICE];
    struct connection_service service;
    struct connection_client client;
    uint64_t epoch; /* as the machine is told it */
};

/* What init does. */
static void begin(struct bench *b)
{
    memcpy(b->rows[SLOT].config, "name = x", 8);
    b->rows[SLOT].config_size = 8;
    b->rows[SLOT].generation++;
    b->rows[SLOT].live = 1;
    connection_client_initialize(&b->client, b->slices + SLOT * SLICE, &b->epoch,
                                 b->rows[SLOT].generation);
}

static void start_service(struct bench *b)
{
    b->epoch++;
    for (unsigned i = 0; i < SLOTS; i++)
        b->rows[i].epoch = (uint32_t)b->epoch;
    connection_service_initialize(&b->service, b->rows, b->slices, SLICE, SLOTS);
}

static struct bench *create(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    start_service(b);
    return b;
}

static void expect(struct bench *b, enum connection_event event)
{
    assert_int_equal(connection_look(&b->service, SLOT), event);
}

static void expect_state(struct bench *b, enum connection_state state)
{
    assert_int_equal(connection_state(&b->client), state);
}

static void meet(struct bench *b)
{
    expect(b, CONNECTION_WANTED);
    connection_admit(&b->service, SLOT);
    expect_state(b, CONNECTION_OPEN);
    expect(b, CONNECTION_NOTHING);
    connection_join(&b->client);
    expect_state(b, CONNECTION_JOINT);
    expect(b, CONNECTION_JOINED);
    expect(b, CONNECTION_NOTHING);
}

static void machines_come_and_go(void **state)
{
    char config[sizeof(((struct connection_row *)0)->config)];
    struct bench *b = create();

    (void)state;
    expect(b, CONNECTION_NOTHING);
    for (unsigned i = 0; i < 3; i++) {
        begin(b);
        expect_state(b, CONNECTION_AWAITED);
        meet(b);
        assert_int_equal(connection_config(&b->service, SLOT, config), 8);
        assert_memory_equal(config, "name = x", 8);
        b->rows[SLOT].live = 0;
        expect(b, CONNECTION_ENDED);
        expect(b, CONNECTION_ENDED); /* until it is released */
        connection_release(&b->service, SLOT);
        expect(b, CONNECTION_NOTHING);
    }
    free(b);
}

/* The next machine is there before the service has seen that the last one is gone; it waits. */
static void the_next_machine_waits(void **state)
{
    struct bench *b = create();

    (void)state;
    begin(b);
    meet(b);
    b->rows[SLOT].live = 0;
    begin(b);
    expect_state(b, CONNECTION_AWAITED);
    expect(b, CONNECTION_ENDED);
    expect_state(b, CONNECTION_AWAITED);
    connection_release(&b->service, SLOT);
    meet(b);
    free(b);
}

static void the_service_is_started_anew(void **state)
{
    struct bench *b = create();

    (void)state;
    begin(b);
    meet(b);
    for (unsigned i = 0; i < 3; i++) {
        start_service(b);
        expect_state(b, CONNECTION_AWAITED);
        meet(b);
    }
    b->epoch = CONNECTION_NO_MORE;
    expect_state(b, CONNECTION_OVER);
    free(b);
}

static bool settles(struct bench *b)
{
    return connection_settle(&b->service, SLOT);
}

static uint32_t released(const struct bench *b)
{
    return ((const struct connection_head *)(const void *)(b->slices + SLOT * SLICE))
        ->released_generation;
}

/* Memory that a machine has lent is the service's until it says that it has done with it. */
static void memory_is_given_back(void **state)
{
    struct connection_lent lent[CONNECTION_LENT_MAX];
    struct bench *b = create();

    (void)state;
    assert_false(settles(b)); /* nobody was there */
    b->rows[SLOT].lent[0] = (struct connection_lent){0x200000, 0x400000, 0x10000000};
    b->rows[SLOT].lent_count = 1;
    begin(b);
    assert_false(settles(b));
    meet(b);
    assert_int_equal(connection_lent(&b->service, SLOT, lent), 1);
    assert_int_equal(lent[0].address, 0x10000000);
    assert_false(settles(b));
    b->rows[SLOT].live = 0;
    expect(b, CONNECTION_ENDED);
    assert_false(settles(b)); /* something is still under way */
    assert_int_equal(released(b), 0);
    connection_release(&b->service, SLOT);
    assert_true(settles(b));
    assert_int_equal(released(b), 1);
    assert_false(settles(b)); /* said once */
    /* One that has ended before the service saw that it was there. */
    begin(b);
    b->rows[SLOT].live = 0;
    expect(b, CONNECTION_NOTHING);
    assert_true(settles(b));
    assert_int_equal(released(b), 2);
    /* One that ends while there is no service: its next life says so. */
    begin(b);
    meet(b);
    b->rows[SLOT].live = 0;
    start_service(b);
    expect(b, CONNECTION_NOTHING);
    assert_true(settles(b));
    assert_int_equal(released(b), 3);
    b->rows[SLOT].lent_count = CONNECTION_LENT_MAX + 1;
    assert_int_equal(connection_lent(&b->service, SLOT, lent), 0);
    free(b);
}

/* What a machine writes into its slice ends nothing but its own connection. */
static void words_that_lie(void **state)
{
    struct bench *b = create();
    struct connection_head *head = (struct connection_head *)(void *)(b->slices + SLOT * SLICE);

    (void)state;
    begin(b);
    head->joined_generation = 1; /* before it was admitted */
    head->joined_epoch = 1;
    expect(b, CONNECTION_WANTED);
    connection_admit(&b->service, SLOT);
    expect(b, CONNECTION_JOINED);
    memset(head, 0xff, sizeof(*head));
    expect(b, CONNECTION_NOTHING);
    assert_int_equal(connection_look(&b->service, 0), CONNECTION_NOTHING);
    assert_int_equal(connection_look(&b->service, 2), CONNECTION_NOTHING);
    b->rows[SLOT].config_size = 5000;
    char config[sizeof(((struct connection_row *)0)->config)];
    assert_int_equal(connection_config(&b->service, SLOT, config), 0);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machines_come_and_go),
        cmocka_unit_test(the_next_machine_waits),
        cmocka_unit_test(the_service_is_started_anew),
        cmocka_unit_test(memory_is_given_back),
        cmocka_unit_test(words_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
