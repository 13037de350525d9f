/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 300u /* from one server's death to the next one's */

void bench_wake_server(void *context)
{
    ((struct bench *)context)->server_woken = true;
}

static void wake_client(void *context)
{
    ((struct bench *)context)->client_woken = true;
}

void bench_initialize(struct bench *b)
{
    b->store = calloc(SECTORS, BLOCK_SECTOR);
    b->region = aligned_alloc(4096, REGION);
    assert_non_null(b->store);
    assert_non_null(b->region);
    memset(b->region, 0, REGION);
    ramdisk_initialize(&b->disk, NULL, 0, SECTORS, b->map, b->store, SECTORS * BLOCK_SECTOR);
}

void bench_new_server(struct bench *b)
{
    /* What the old one had is gone, and so are info and rings. */
    memset(b->region, 0, BLOCK_AT_DATA);
    block_server_initialize(&b->server, wake_client, b);
    assert_true(block_server_open(&b->server, &b->offer, b->region, REGION));
}

void bench_open(struct bench *b, struct block_device *lower, const struct block_offer *offer)
{
    b->offer = *offer;
    b->offer.device = &b->delay.device;
    delay_initialize(&b->delay, lower);
    assert_int_equal(block_client_attach(&b->client, b->region, REGION, bench_wake_server, b),
                     BLOCK_CLIENT_NOT_READY);
    bench_new_server(b);
    assert_int_equal(block_client_attach(&b->client, b->region, REGION, bench_wake_server, b),
                     BLOCK_CLIENT_OK);
    bounce_initialize(&b->bounce, &b->client.device, b->client.data, b->client.data_size, 8192);
}

void bench_complete(struct bench *b)
{
    while (b->delay.count > 0)
        delay_run(&b->delay, 1);
}

void bench_end(struct bench *b)
{
    bench_complete(b);
    free(b->region);
    free(b->store);
}

void bench_step(void *context)
{
    struct bench *b = context;
    if (b->crash != 0 && --b->crash == 0) {
        while (b->delay.count > 0)
            delay_run(&b->delay, DELAY_MAX);
        bench_new_server(b);
        b->client_woken = false;
        b->server_woken = false;
        assert_int_equal(block_client_resume(&b->client), BLOCK_CLIENT_OK);
        b->crash = STEPS;
    }
    if (b->server_woken) {
        b->server_woken = false;
        block_server_poll(&b->server);
    }
    delay_run(&b->delay, 2);
    if (b->client_woken) {
        b->client_woken = false;
        block_client_poll(&b->client);
    }
}

void bench_put(struct bench *b, const struct block_message *message)
{
    struct ring requests;
    ring_attach(&requests, b->region + BLOCK_AT_REQUESTS, BLOCK_RING_BYTES, true);
    assert_int_equal(ring_write(&requests, (const uint8_t *)message, sizeof(*message)),
                     sizeof(*message));
}

enum block_status bench_answer(struct bench *b, uint64_t id)
{
    struct ring responses;
    struct block_response response;
    ring_attach(&responses, b->region + BLOCK_AT_RESPONSES, BLOCK_RING_BYTES, false);
    assert_int_equal(ring_read(&responses, (uint8_t *)&response, sizeof(response)),
                     sizeof(response));
    assert_int_equal(response.id, id);
    return (enum block_status)response.status;
}

enum block_status bench_ask(struct bench *b, const struct block_message *message)
{
    bench_put(b, message);
    block_server_poll(&b->server);
    bench_complete(b);
    return bench_answer(b, message->id);
}
