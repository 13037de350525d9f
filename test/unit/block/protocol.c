/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Client and server of the block protocol over one region; hostile peers on both sides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "exercise.h"

#define FIRST   1024u
#define OFFERED 2048u

static struct bench *create(bool read_only)
{
    const struct block_offer what = {.first = FIRST, .sectors = OFFERED, .read_only = read_only};
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    bench_initialize(b);
    bench_open(b, &b->disk.device, &what);
    return b;
}

static void destroy(struct bench *b)
{
    bench_end(b);
    free(b);
}

static void exercise(struct bench *b, unsigned rounds, bool errors)
{
    struct exercise e = {.device = &b->bounce.device,
                         .step = bench_step,
                         .context = b,
                         .rounds = rounds,
                         .seed = 31,
                         .errors = errors,
                         .max_sectors = 100};
    exercise_run(&e);
    assert_true(e.reads > rounds / 50 && (b->server.view.read_only || e.writes > rounds / 50));
}

static bool outside_untouched(const struct bench *b)
{
    for (uint64_t block = 0; block < SECTORS / 8; block++) {
        bool inside = block >= FIRST / 8 && block < (FIRST + OFFERED) / 8;
        if (!inside && b->map[block] != 0)
            return false;
    }
    return true;
}

static void requests_pass(void **state)
{
    (void)state;
    struct bench *b = create(false);
    assert_int_equal(b->client.device.sectors, OFFERED);
    assert_memory_equal(b->client.device.serial, "quoin-ramdisk", 13);
    exercise(b, 30000, false);
    assert_true(b->delay.forced > 100 && b->delay.flushes > 100);
    assert_true(outside_untouched(b));
    assert_int_equal(b->server.refused, 0);
    destroy(b);
}

static void errors_come_through(void **state)
{
    (void)state;
    struct bench *b = create(false);
    b->delay.fail_one_in = 10;
    exercise(b, 5000, true);
    destroy(b);
}

/* The server is restarted every 300 steps: nothing is lost, no byte is wrong. */
static void the_server_restarts(void **state)
{
    (void)state;
    struct bench *b = create(false);
    b->crash = 300;
    exercise(b, 30000, false);
    destroy(b);
}

static void read_only_offers(void **state)
{
    (void)state;
    struct bench *b = create(true);
    exercise(b, 2000, false);
    /* A client that writes all the same is refused by the server. */
    b->client.device.read_only = false;
    b->bounce.device.read_only = false;
    struct exercise e = {.device = &b->bounce.device,
                         .step = bench_step,
                         .context = b,
                         .rounds = 1000,
                         .seed = 32,
                         .errors = true,
                         .max_sectors = 16};
    exercise_run(&e);
    assert_true(e.failed > 50 && e.writes == 0);
    assert_int_equal(b->disk.store_used, 0);
    destroy(b);
}

static void odd_messages(void **state)
{
    (void)state;
    struct bench *b = create(false);
    const struct block_message good = {.id = 7, .operation = BLOCK_READ, .count = 8};
    assert_int_equal(bench_ask(b, &good), BLOCK_OK);
    struct block_message m = good;
    m.operation = BLOCK_OPERATION_COUNT;
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    m = good;
    m.flags = BLOCK_MESSAGE_FORCE; /* of a read */
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    m.flags = 2;
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    m = good;
    m.zero0 = 1;
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    for (unsigned i = 0; i < 3; i++) {
        m = good;
        m.zero[i] = 1ull << (31 * i);
        assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    }
    m = good;
    m.sector = OFFERED; /* the neighbour's */
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    m.sector = OFFERED - 7;
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    m.sector = UINT64_MAX - FIRST + 1; /* wraps to the disk's start */
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    m = good;
    m.count = UINT64_MAX / 512 + 2;
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    m = good;
    m.offset = 32 * 8192 - 4095;
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    m.offset = 32 * 8192 - 2048;
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    m.offset = UINT32_MAX & ~511u;
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    m = (struct block_message){.id = 9, .operation = BLOCK_FLUSH, .offset = 512};
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    m = (struct block_message){.id = 9, .operation = BLOCK_DISCARD, .count = OFFERED + 1};
    assert_int_equal(bench_ask(b, &m), BLOCK_INVALID);
    assert_int_equal(bench_ask(b, &good), BLOCK_OK);
    assert_true(b->server.open);
    destroy(b);
}

/* A client that breaks the ring, or never takes an answer, is cut off; nobody waits for it. */
static void hostile_clients(void **state)
{
    (void)state;
    struct bench *b = create(false);
    struct ring_shared *shared = (struct ring_shared *)(void *)(b->region + BLOCK_AT_REQUESTS);
    atomic_store(&shared->produced, 0x80000000u);
    block_server_poll(&b->server);
    assert_false(b->server.open);
    destroy(b);

    b = create(false);
    shared = (struct ring_shared *)(void *)(b->region + BLOCK_AT_REQUESTS);
    atomic_store(&shared->produced, atomic_load(&shared->produced) + 63); /* half a message */
    block_server_poll(&b->server);
    assert_false(b->server.open);
    destroy(b);

    b = create(false);
    struct ring requests;
    const struct block_message message = {.operation = BLOCK_READ, .count = 8};
    ring_attach(&requests, b->region + BLOCK_AT_REQUESTS, BLOCK_RING_BYTES, true);
    for (unsigned i = 0; i < 200; i++) {
        ring_write(&requests, (const uint8_t *)&message, sizeof(message));
        block_server_poll(&b->server);
        delay_run(&b->delay, 10);
    }
    assert_false(b->server.open);
    bench_complete(b);
    assert_true(block_server_idle(&b->server));
    destroy(b);
}

static unsigned answers;
static enum block_status answered;

static void note(struct block_request *request, enum block_status status)
{
    (void)request;
    answers++;
    answered = status;
}

/* A request wakes the server once and its answer the client once; taking the answer wakes nobody.
 */
static void each_is_woken_once(void **state)
{
    (void)state;
    struct bench *b = create(false);
    const struct block_segment segment = {{b->client.data}, 4096};
    struct block_request request = {
        .operation = BLOCK_READ, .count = 8, .segment = &segment, .segments = 1, .complete = note};
    for (unsigned i = 0; i < 3; i++) {
        answers = 0;
        b->server_woken = false;
        b->client_woken = false;
        block_submit(&b->client.device, &request);
        assert_true(b->server_woken && !b->client_woken);
        b->server_woken = false;
        block_server_poll(&b->server);
        delay_run(&b->delay, 1);
        assert_true(b->client_woken && !b->server_woken);
        b->client_woken = false;
        block_client_poll(&b->client);
        assert_int_equal(answers, 1);
        assert_false(b->client_woken || b->server_woken);
    }
    destroy(b);
}

/* A server that answers what was not asked, or twice: every request ends in an error. */
static void hostile_servers(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct bench *b = create(false);
        const struct block_segment segment = {{b->client.data}, 4096};
        struct block_request request = {.operation = BLOCK_READ,
                                        .count = 8,
                                        .segment = &segment,
                                        .segments = 1,
                                        .complete = note};
        answers = 0;
        block_submit(&b->client.device, &request);
        struct block_message sent;
        struct ring ring;
        ring_attach(&ring, b->region + BLOCK_AT_REQUESTS, BLOCK_RING_BYTES, false);
        assert_int_equal(ring_read(&ring, (uint8_t *)&sent, sizeof(sent)), sizeof(sent));
        struct block_response response = {.id = sent.id};
        if (kind == 0)
            response.id = UINT64_MAX;
        else if (kind == 1)
            response.id += 1ull << 32; /* another generation */
        else if (kind == 2)
            response.status = 77; /* no status: an error of this one request */
        ring_attach(&ring, b->region + BLOCK_AT_RESPONSES, BLOCK_RING_BYTES, true);
        ring_write(&ring, (const uint8_t *)&response, sizeof(response));
        if (kind == 3)
            ring_write(&ring, (const uint8_t *)&response, sizeof(response)); /* twice */
        block_client_poll(&b->client);
        assert_int_equal(answers, 1);
        assert_int_equal(answered, kind == 3 ? BLOCK_OK : BLOCK_ERROR);
        assert_int_equal(b->client.broken, kind != 2);
        if (kind != 2) {
            block_submit(&b->client.device, &request);
            assert_int_equal(answers, 2);
            assert_int_equal(answered, BLOCK_ERROR);
        }
        destroy(b);
    }
    struct bench *b = create(false);
    volatile struct block_info *info = (volatile struct block_info *)(void *)b->region;
    info->block_size = 100;
    assert_int_equal(block_client_attach(&b->client, b->region, REGION, bench_wake_server, b),
                     BLOCK_CLIENT_NONSENSE);
    info->block_size = 512;
    info->sectors = 0;
    assert_int_equal(block_client_attach(&b->client, b->region, REGION, bench_wake_server, b),
                     BLOCK_CLIENT_NONSENSE);
    destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_pass),       cmocka_unit_test(errors_come_through),
        cmocka_unit_test(the_server_restarts), cmocka_unit_test(read_only_offers),
        cmocka_unit_test(odd_messages),        cmocka_unit_test(hostile_clients),
        cmocka_unit_test(each_is_woken_once),  cmocka_unit_test(hostile_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
