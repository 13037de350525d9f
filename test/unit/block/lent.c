/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory of a client that is lent to the device: what goes without a copy, what does not, and what
 * a client that lies can make the device touch.
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

#define MOST        64u /* sectors of a request in the exercises */
#define MEMORY_SIZE (EXERCISE_SLOTS * MOST * BLOCK_SECTOR) /* 768 KiB */
#define PLACE       0x100000000ull
#define HALF        0x60000u

_Static_assert(2 * HALF == MEMORY_SIZE, "two runs");

/* What stands between server and disk: a device that takes addresses. */
struct reach {
    struct block_device device;
    struct block_device *lower;
    const struct block_lent *lent;
    uint8_t *memory;
    unsigned lent_requests;
    unsigned copied_requests;
};

/* A client that lends its memory. */
struct lender {
    struct bench bench;
    struct reach reach;
    struct block_lent lent;
    uint8_t *memory;
};

/* The machine's memory at an address of the device's: all of it, or the test fails. */
static uint8_t *at_address(const struct reach *reach, uint64_t address, uint32_t length)
{
    for (unsigned i = 0; i < reach->lent->count; i++) {
        const struct block_run *run = &reach->lent->run[i];
        if (address >= run->address && address - run->address < run->size &&
            length <= run->size - (address - run->address))
            return reach->memory + (run->place - PLACE) + (address - run->address);
    }
    fail_msg("the device was sent to %lx, %u bytes", address, length);
    return NULL;
}

struct translated {
    struct block_request request;
    struct block_segment segment[BLOCK_SEGMENTS_MAX];
    struct block_request *upper;
};

static void translated_done(struct block_request *request, enum block_status status)
{
    struct translated *t = request->owner;
    struct block_request *upper = t->upper;
    free(t);
    upper->complete(upper, status);
}

static void reach_submit(struct block_device *device, struct block_request *request)
{
    struct reach *reach = device->context;
    struct translated *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->upper = request;
    t->request = *request;
    t->request.owner = t;
    t->request.complete = translated_done;
    t->request.lent = false;
    t->request.segment = t->segment;
    for (unsigned i = 0; i < request->segments; i++) {
        t->segment[i] = request->segment[i];
        if (request->lent)
            t->segment[i].data =
                at_address(reach, request->segment[i].address, request->segment[i].length);
    }
    reach->lent_requests += request->lent;
    reach->copied_requests += !request->lent && request->segments != 0;
    block_submit(reach->lower, &t->request);
}

/* Two runs, the second of which stands before the first one for the device, which takes so many
 * sectors at once. */
static struct lender *create_for(struct block_lending lending, uint32_t max_sectors)
{
    struct lender *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    l->memory = aligned_alloc(4096, MEMORY_SIZE);
    assert_non_null(l->memory);
    const struct block_run first = {PLACE, HALF, 0x40000000};
    const struct block_run second = {PLACE + HALF, HALF, 0x2000000};
    assert_true(block_lent_add(&l->lent, &first));
    assert_true(block_lent_add(&l->lent, &second));
    bench_initialize(&l->bench);
    struct block_device *disk = &l->bench.disk.device;
    l->reach =
        (struct reach){.device = *disk, .lower = disk, .lent = &l->lent, .memory = l->memory};
    l->reach.device.submit = reach_submit;
    l->reach.device.context = &l->reach;
    l->reach.device.lending = lending;
    l->reach.device.max_sectors = max_sectors;
    const struct block_offer what = {.sectors = SECTORS, .lent = &l->lent};
    bench_open(&l->bench, &l->reach.device, &what);
    const struct block_own own = {l->memory, MEMORY_SIZE, PLACE};
    block_client_lend(&l->bench.client, &l->bench.bounce, &own, 1);
    return l;
}

static struct lender *create(struct block_lending lending)
{
    return create_for(lending, 0x10000);
}

static void destroy(struct lender *l)
{
    bench_end(&l->bench);
    free(l->memory);
    free(l);
}

static void exercise(struct lender *l, unsigned rounds)
{
    struct exercise e = {.device = &l->bench.client.front,
                         .step = bench_step,
                         .context = &l->bench,
                         .rounds = rounds,
                         .seed = 41,
                         .max_sectors = MOST,
                         .memory = l->memory};
    exercise_run(&e);
    assert_true(e.reads > rounds / 50 && e.writes > rounds / 50);
    assert_int_equal(l->bench.server.refused, 0);
}

static void nothing_is_copied(void **state)
{
    (void)state;
    struct lender *l = create((struct block_lending){126, 1, 1});
    exercise(l, 30000);
    /* But for segments across the border between the runs. */
    assert_true(l->reach.lent_requests > 2000);
    assert_true(l->reach.copied_requests * 20 < l->reach.lent_requests);
    destroy(l);
}

static void what_does_not_suit_is_copied(void **state)
{
    static const struct block_lending lending[] = {{2, 1, 1}, {126, 512, 1}, {126, 4, 4096}};
    (void)state;
    for (unsigned i = 0; i < sizeof(lending) / sizeof(lending[0]); i++) {
        struct lender *l = create(lending[i]);
        exercise(l, 10000); /* mostly of several segments */
        assert_true(l->reach.copied_requests > 1000);
        l->bench.client.front.max_segments = 1;
        memset(l->bench.store, 0, SECTORS * BLOCK_SECTOR);
        exercise(l, 10000);
        assert_true(l->reach.lent_requests > 1000);
        destroy(l);
    }
    struct lender *l = create((struct block_lending){0});
    exercise(l, 10000);
    assert_int_equal(l->reach.lent_requests, 0);
    destroy(l);
}

/* Longer than the device takes, or in more segments: nothing of it is copied for that. */
static void what_is_too_long_is_cut(void **state)
{
    static const struct {
        struct block_lending lending;
        uint32_t sectors;
        unsigned crash, fail_one_in;
    } with[] = {{{126, 1, 1}, 8, 0, 0},
                {{2, 1, 1}, 0x10000, 0, 0},
                {{3, 4, 4}, 16, 0, 0},
                {{126, 1, 1}, 8, 300, 0},
                {{2, 1, 1}, 16, 0, 50}};
    (void)state;
    for (unsigned i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
        struct lender *l = create_for(with[i].lending, with[i].sectors);
        struct exercise e = {.device = &l->bench.client.front,
                             .step = bench_step,
                             .context = &l->bench,
                             .rounds = 10000,
                             .seed = 43,
                             .errors = with[i].fail_one_in != 0,
                             .max_sectors = MOST,
                             .grain = BLOCK_SECTOR,
                             .memory = l->memory};
        l->bench.crash = with[i].crash;
        l->bench.delay.fail_one_in = with[i].fail_one_in;
        exercise_run(&e);
        assert_true(e.reads > 200 && e.writes > 200 && (e.failed > 100) == e.errors);
        assert_int_equal(l->bench.server.refused, 0);
        assert_true(l->reach.lent_requests > 2000);
        /* But for segments across the border between the runs. */
        assert_true(l->reach.copied_requests * 20 < l->reach.lent_requests);
        destroy(l);
    }
}

static unsigned ended;

static void note_end(struct block_request *request, enum block_status status)
{
    (void)request;
    (void)status;
    ended++;
}

/* Of a request that nobody wants any more no further piece is begun, and it ends with those that
 * are under way: so long it has its memory. */
static void pieces_are_cancelled(void **state)
{
    (void)state;
    struct lender *l = create_for((struct block_lending){126, 1, 1}, 8);
    const struct block_segment segment = {{l->memory}, MOST * BLOCK_SECTOR};
    struct block_request request = {.operation = BLOCK_READ,
                                    .lasting = true,
                                    .count = MOST,
                                    .segment = &segment,
                                    .segments = 1,
                                    .complete = note_end};
    ended = 0;
    block_submit(&l->bench.client.front, &request);
    block_server_poll(&l->bench.server);
    assert_int_equal(l->bench.delay.count, CUT_PIECES);
    assert_true(request.held);
    request.cancelled = true;
    for (unsigned i = 0; i < 10 && ended == 0; i++) {
        assert_int_equal(l->bench.delay.count, CUT_PIECES - i);
        delay_run(&l->bench.delay, 1);
        block_client_poll(&l->bench.client);
        block_server_poll(&l->bench.server);
    }
    assert_int_equal(ended, 1);
    assert_int_equal(l->bench.delay.count, 0);
    assert_int_equal(l->reach.lent_requests, CUT_PIECES);
    destroy(l);
}

static void pieces_are_forced(void **state)
{
    (void)state;
    struct lender *l = create_for((struct block_lending){126, 1, 1}, 8);
    const struct block_segment segment = {{l->memory}, 24 * BLOCK_SECTOR};
    struct block_request request = {.operation = BLOCK_WRITE,
                                    .force_unit_access = true,
                                    .lasting = true,
                                    .count = 24,
                                    .segment = &segment,
                                    .segments = 1,
                                    .complete = note_end};
    ended = 0;
    block_submit(&l->bench.client.front, &request);
    for (unsigned i = 0; i < 100 && ended == 0; i++)
        bench_step(&l->bench);
    assert_int_equal(ended, 1);
    assert_int_equal(l->bench.delay.forced, 3);
    destroy(l);
}

static void the_server_restarts(void **state)
{
    (void)state;
    struct lender *l = create((struct block_lending){126, 1, 1});
    l->bench.crash = 300;
    exercise(l, 30000);
    assert_true(l->reach.lent_requests > 2000);
    /* Its successor takes other memory: that cannot be. */
    l->lent.count = 1;
    bench_new_server(&l->bench);
    assert_int_equal(block_client_resume(&l->bench.client), BLOCK_CLIENT_NONSENSE);
    destroy(l);
}

/* Requests that were not left to the device are copied: their memory is not touched for longer. */
static void what_may_be_taken_back_is_copied(void **state)
{
    (void)state;
    struct lender *l = create((struct block_lending){126, 1, 1});
    struct exercise e = {.device = &l->bench.client.front,
                         .step = bench_step,
                         .context = &l->bench,
                         .rounds = 3000,
                         .seed = 42,
                         .max_sectors = MOST};
    exercise_run(&e);
    assert_int_equal(l->reach.lent_requests, 0);
    destroy(l);
}

static volatile struct block_place *list_of(struct lender *l, unsigned list)
{
    return (volatile struct block_place *)(void *)(l->bench.region + BLOCK_AT_LISTS +
                                                   list * BLOCK_LIST_BYTES);
}

static enum block_status ask_place(struct lender *l, uint64_t place, uint64_t length)
{
    const struct block_message m = {
        .operation = BLOCK_READ, .segments = 1, .count = length / BLOCK_SECTOR, .list = 63};
    *list_of(l, 63) = (struct block_place){place, length};
    return bench_ask(&l->bench, &m);
}

static void odd_lists(void **state)
{
    (void)state;
    struct lender *l = create((struct block_lending){3, 4, 4});
    assert_int_equal(ask_place(l, PLACE, 512), BLOCK_OK);
    assert_int_equal(ask_place(l, PLACE + MEMORY_SIZE - 512, 512), BLOCK_OK);
    static const uint64_t elsewhere[] = {
        0,
        PLACE - 512,
        PLACE - 256,
        PLACE + HALF - 256, /* across two runs: the device would go on behind the first */
        PLACE + MEMORY_SIZE - 256,
        PLACE + MEMORY_SIZE,
        0x40000000, /* as the device sees it, which is no place */
        0x2000000,
        0 - 256ull,
        0 - 512ull,
        UINT64_MAX - 3,
        PLACE + 2, /* not aligned */
    };
    for (unsigned i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
        assert_int_equal(ask_place(l, elsewhere[i], 512), BLOCK_INVALID);
    assert_int_equal(ask_place(l, PLACE, 512 | 1ull << 32), BLOCK_INVALID);
    assert_int_equal(ask_place(l, PLACE, 0), BLOCK_INVALID);
    assert_int_equal(ask_place(l, PLACE, HALF + 512), BLOCK_INVALID);
    assert_int_equal(ask_place(l, PLACE, 0xfffffe00u), BLOCK_INVALID);
    struct block_message good = {.operation = BLOCK_READ, .segments = 3, .count = 3};
    for (unsigned i = 0; i < 4; i++)
        list_of(l, 0)[i] = (struct block_place){PLACE + i * 4096u, 512};
    assert_int_equal(bench_ask(&l->bench, &good), BLOCK_OK);
    struct block_message m = good;
    m.count = 4; /* more than the segments hold */
    assert_int_equal(bench_ask(&l->bench, &m), BLOCK_INVALID);
    m.count = 2;
    assert_int_equal(bench_ask(&l->bench, &m), BLOCK_INVALID);
    m.count = 4;
    m.segments = 4; /* more than the device takes */
    assert_int_equal(bench_ask(&l->bench, &m), BLOCK_INVALID);
    m.segments = UINT16_MAX;
    assert_int_equal(bench_ask(&l->bench, &m), BLOCK_INVALID);
    m = good;
    m.list = BLOCK_LISTS;
    assert_int_equal(bench_ask(&l->bench, &m), BLOCK_INVALID);
    m.list = UINT32_MAX;
    assert_int_equal(bench_ask(&l->bench, &m), BLOCK_INVALID);
    m = good;
    m.offset = 512;
    assert_int_equal(bench_ask(&l->bench, &m), BLOCK_INVALID);
    m = good;
    m.operation = BLOCK_FLUSH;
    assert_int_equal(bench_ask(&l->bench, &m), BLOCK_INVALID);
    m.operation = BLOCK_WRITE_ZEROES;
    assert_int_equal(bench_ask(&l->bench, &m), BLOCK_INVALID);
    m = (struct block_message){.operation = BLOCK_READ, .count = 1, .list = 1};
    assert_int_equal(bench_ask(&l->bench, &m), BLOCK_INVALID);
    m = good;
    m.sector = SECTORS - 2;
    assert_int_equal(bench_ask(&l->bench, &m), BLOCK_INVALID);
    assert_int_equal(bench_ask(&l->bench, &good), BLOCK_OK);
    assert_true(l->bench.server.open && block_server_idle(&l->bench.server));
    destroy(l);
    /* A device that takes no such memory is sent nowhere. */
    l = create((struct block_lending){0});
    assert_int_equal(ask_place(l, PLACE, 512), BLOCK_INVALID);
    destroy(l);
}

/* A list that is changed while the request is under way changes nothing. */
static void lists_that_change(void **state)
{
    (void)state;
    struct lender *l = create((struct block_lending){126, 1, 1});
    const struct block_message m = {.operation = BLOCK_READ, .segments = 2, .count = 2};
    memset(l->memory, 0xee, MEMORY_SIZE);
    list_of(l, 0)[0] = (struct block_place){PLACE + 4096, 512};
    list_of(l, 0)[1] = (struct block_place){PLACE + 8192, 512};
    bench_put(&l->bench, &m);
    block_server_poll(&l->bench.server);
    assert_int_equal(l->bench.delay.count, 1);
    memset(l->bench.region + BLOCK_AT_LISTS, 0xff, BLOCK_LISTS * BLOCK_LIST_BYTES);
    delay_run(&l->bench.delay, 1);
    assert_int_equal(bench_answer(&l->bench, 0), BLOCK_OK);
    assert_int_equal(l->memory[4096], 0);
    assert_int_equal(l->memory[8192], 0);
    assert_int_equal(l->memory[0], 0xee);
    destroy(l);
}

/* More requests with lists than there are copies for: the others wait, and none is lost. */
static void many_lists(void **state)
{
    (void)state;
    struct lender *l = create((struct block_lending){126, 1, 1});
    const struct block_message m = {.operation = BLOCK_READ, .segments = 2, .count = 2};
    for (unsigned list = 0; list < BLOCK_LISTS; list++) {
        list_of(l, list)[0] = (struct block_place){PLACE, 512};
        list_of(l, list)[1] = (struct block_place){PLACE + 8192, 512};
    }
    for (unsigned i = 0; i < 60; i++) {
        struct block_message next = m;
        next.list = i;
        bench_put(&l->bench, &next);
    }
    block_server_poll(&l->bench.server);
    assert_int_equal(l->bench.delay.count, BLOCK_SERVER_LISTS);
    bench_complete(&l->bench);
    struct ring responses;
    uint8_t taken[60 * sizeof(struct block_response)];
    ring_attach(&responses, l->bench.region + BLOCK_AT_RESPONSES, BLOCK_RING_BYTES, false);
    assert_int_equal(ring_read(&responses, taken, sizeof(taken)), sizeof(taken));
    assert_true(l->bench.server.open && block_server_idle(&l->bench.server));
    destroy(l);
}

/* What was lent is the device's until it has completed, whatever has become of the client. */
static void the_client_ends(void **state)
{
    (void)state;
    struct lender *l = create((struct block_lending){126, 1, 1});
    const struct block_message m = {.operation = BLOCK_READ, .segments = 1, .count = 1};
    list_of(l, 0)[0] = (struct block_place){PLACE, 512};
    bench_put(&l->bench, &m);
    block_server_poll(&l->bench.server);
    block_server_close(&l->bench.server);
    assert_false(block_server_idle(&l->bench.server));
    delay_run(&l->bench.delay, 1);
    assert_true(block_server_idle(&l->bench.server));
    destroy(l);
}

static void runs(void **state)
{
    struct block_lent lent = {0};
    (void)state;
    const struct block_run first = {0x200000, 0x200000, 0x40000000};
    assert_true(block_lent_add(&lent, &first));
    static const struct block_run odd[] = {
        {0x400000, 0, 0x1000},
        {0x400800, 0x1000, 0x1000},
        {0x400000, 0x1800, 0x1000},
        {0x400000, 0x1000, 0x1800},
        {0x400000, 0 - 0x1000ull, 0x1000},
        {0x400000, 0x2000, 0 - 0x1000ull},
        {0x3ff000, 0x2000, 0x1000}, /* overlaps */
        {0x1ff000, 0x2000, 0x1000},
        {0x210000, 0x1000, 0x1000},
        {0, 0x1000000, 0x1000},
    };
    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        assert_false(block_lent_add(&lent, &odd[i]));
    assert_ptr_equal(block_lent_find(&lent, 0x200000, 0x200000), lent.run);
    assert_ptr_equal(block_lent_find(&lent, 0x3fffff, 1), lent.run);
    assert_null(block_lent_find(&lent, 0x300000, UINT64_MAX - 0x1fffff));
    assert_null(block_lent_find(&lent, 0x3fffff, 2));
    assert_null(block_lent_find(&lent, 0x1fffff, 2));
    assert_null(block_lent_find(&lent, 0x400000, 1));
    while (lent.count < BLOCK_RUNS_MAX) {
        const struct block_run more = {0x1000000 + lent.count * 0x1000ull, 0x1000, 0x1000};
        assert_true(block_lent_add(&lent, &more));
    }
    const struct block_run last = {0x800000, 0x1000, 0x1000};
    assert_false(block_lent_add(&lent, &last));
}

/* What a server may say of itself is believed no further than it makes sense. */
static void odd_servers(void **state)
{
    (void)state;
    struct lender *l = create((struct block_lending){126, 1, 1});
    struct block_info *info = (struct block_info *)(void *)l->bench.region;
    const struct block_info good = *info;
    static const struct block_lending odd[] = {
        {BLOCK_SEGMENTS_MAX + 1, 1, 1}, {1, 0, 1}, {1, 3, 1}, {1, 8192, 1}, {1, 1, 0}, {1, 1, 8192},
    };
    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]) + 1; i++) {
        *info = good;
        if (i == 0) {
            info->lent_runs = BLOCK_RUNS_MAX + 1;
        } else {
            info->lent_segments = odd[i - 1].segments;
            info->lent_alignment = odd[i - 1].alignment;
            info->lent_boundary = odd[i - 1].boundary;
        }
        assert_int_equal(block_client_attach(&l->bench.client, l->bench.region, REGION,
                                             bench_wake_server, &l->bench),
                         BLOCK_CLIENT_NONSENSE);
    }
    destroy(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_copied),
        cmocka_unit_test(what_does_not_suit_is_copied),
        cmocka_unit_test(what_is_too_long_is_cut),
        cmocka_unit_test(pieces_are_cancelled),
        cmocka_unit_test(pieces_are_forced),
        cmocka_unit_test(the_server_restarts),
        cmocka_unit_test(what_may_be_taken_back_is_copied),
        cmocka_unit_test(odd_lists),
        cmocka_unit_test(lists_that_change),
        cmocka_unit_test(many_lists),
        cmocka_unit_test(the_client_ends),
        cmocka_unit_test(runs),
        cmocka_unit_test(odd_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
