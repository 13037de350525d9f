/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests are checked, the ram disk keeps what is written, the bounce cuts and copies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <block/bounce.h>
#include <block/ramdisk.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "delay.h"
#include "exercise.h"

#define SECTORS 2048u

struct stack {
    struct ramdisk disk;
    struct delay delay;
    struct bounce bounce;
    uint32_t map[SECTORS / 8];
    uint8_t *store;
    uint8_t *image;
    uint8_t *buffers;
};

static struct stack *create(void)
{
    struct stack *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->store = malloc(SECTORS * BLOCK_SECTOR);
    s->image = malloc(SECTORS * BLOCK_SECTOR);
    s->buffers = malloc(16 * 8192);
    for (unsigned i = 0; i < SECTORS * BLOCK_SECTOR; i++)
        s->image[i] = (uint8_t)(i * 7 + i / 512);
    ramdisk_initialize(&s->disk, s->image, SECTORS * BLOCK_SECTOR, SECTORS, s->map, s->store,
                       SECTORS * BLOCK_SECTOR);
    delay_initialize(&s->delay, &s->disk.device);
    s->delay.device.max_segments = 1;
    s->delay.device.max_sectors = 16;
    bounce_initialize(&s->bounce, &s->delay.device, s->buffers, 16 * 8192, 8192);
    return s;
}

static void destroy(struct stack *s)
{
    free(s->buffers);
    free(s->image);
    free(s->store);
    free(s);
}

static void step(void *context)
{
    delay_run(context, 3);
}

static void nothing(void *context)
{
    (void)context;
}

static void ramdisk_keeps(void **state)
{
    (void)state;
    struct stack *s = create();
    struct exercise e = {.device = &s->disk.device,
                         .step = nothing,
                         .rounds = 4000,
                         .seed = 1,
                         .max_sectors = 64,
                         .initial = s->image};
    uint8_t *before = malloc(SECTORS * BLOCK_SECTOR);
    memcpy(before, s->image, SECTORS * BLOCK_SECTOR);
    exercise_run(&e);
    assert_true(e.reads > 500 && e.writes > 500);
    assert_memory_equal(before, s->image, SECTORS * BLOCK_SECTOR); /* the image never changes */
    free(before);
    destroy(s);
}

static void bounce_cuts(void **state)
{
    (void)state;
    struct stack *s = create();
    struct exercise e = {.device = &s->bounce.device,
                         .step = step,
                         .context = &s->delay,
                         .rounds = 20000,
                         .seed = 2,
                         .max_sectors = 200,
                         .initial = s->image};
    exercise_run(&e);
    assert_true(e.reads > 500 && e.writes > 500 && s->delay.forced > 10 && s->delay.flushes > 10);
    assert_true(s->delay.largest <= 16);
    destroy(s);
}

static void errors_come_through(void **state)
{
    (void)state;
    struct stack *s = create();
    s->delay.fail_one_in = 20;
    struct exercise e = {.device = &s->bounce.device,
                         .step = step,
                         .context = &s->delay,
                         .rounds = 20000,
                         .seed = 3,
                         .errors = true,
                         .max_sectors = 200,
                         .initial = s->image};
    exercise_run(&e);
    assert_true(e.failed > 100 && e.reads > 100);
    destroy(s);
}

static enum block_status ask(struct block_device *device, enum block_operation operation,
                             uint64_t sector, uint64_t count, uint32_t bytes)
{
    static uint8_t buffer[65536];
    const struct block_segment segment = {{buffer}, bytes};
    struct block_request request = {.operation = operation,
                                    .sector = sector,
                                    .count = count,
                                    .segment = &segment,
                                    .segments = bytes == 0 ? 0 : 1,
                                    .complete = answer_note};
    answers = 0;
    block_submit(device, &request);
    assert_int_equal(answers, 1);
    return answer;
}

static void requests_are_checked(void **state)
{
    (void)state;
    struct stack *s = create();
    struct block_device *disk = &s->disk.device;
    assert_int_equal(ask(disk, BLOCK_READ, SECTORS - 1, 1, 512), BLOCK_OK);
    assert_int_equal(ask(disk, BLOCK_READ, SECTORS, 1, 512), BLOCK_INVALID);
    assert_int_equal(ask(disk, BLOCK_READ, SECTORS - 1, 2, 1024), BLOCK_INVALID);
    assert_int_equal(ask(disk, BLOCK_READ, UINT64_MAX, 2, 1024), BLOCK_INVALID);
    assert_int_equal(ask(disk, BLOCK_READ, 1, UINT64_MAX, 1024), BLOCK_INVALID);
    assert_int_equal(ask(disk, BLOCK_READ, 0, 0, 0), BLOCK_INVALID);
    assert_int_equal(ask(disk, BLOCK_READ, 0, 2, 512), BLOCK_INVALID);
    assert_int_equal(ask(disk, BLOCK_WRITE, 0, 1, 1024), BLOCK_INVALID);
    assert_int_equal(ask(disk, (enum block_operation)17, 0, 1, 512), BLOCK_UNSUPPORTED);
    assert_int_equal(ask(disk, BLOCK_DISCARD, 0, SECTORS, 0), BLOCK_OK);
    assert_int_equal(ask(disk, BLOCK_DISCARD, 0, 8, 512), BLOCK_INVALID);
    disk->block_size = 4096;
    assert_int_equal(ask(disk, BLOCK_READ, 4, 8, 4096), BLOCK_INVALID);
    assert_int_equal(ask(disk, BLOCK_READ, 8, 4, 2048), BLOCK_INVALID);
    assert_int_equal(ask(disk, BLOCK_READ, 8, 8, 4096), BLOCK_OK);
    disk->read_only = true;
    assert_int_equal(ask(disk, BLOCK_WRITE, 0, 8, 4096), BLOCK_READ_ONLY);
    assert_int_equal(ask(disk, BLOCK_WRITE_ZEROES, 0, 8, 0), BLOCK_READ_ONLY);
    assert_int_equal(ask(disk, BLOCK_FLUSH, 0, 0, 0), BLOCK_OK);
    destroy(s);
}

static void a_full_store_fails(void **state)
{
    (void)state;
    struct stack *s = create();
    memset(s->map, 0, sizeof(s->map));
    ramdisk_initialize(&s->disk, s->image, 5000, SECTORS, s->map, s->store, 2 * RAMDISK_BLOCK);
    struct block_device *disk = &s->disk.device;
    assert_int_equal(ask(disk, BLOCK_WRITE, 0, 8, 4096), BLOCK_OK);
    assert_int_equal(ask(disk, BLOCK_WRITE, 80, 8, 4096), BLOCK_OK);
    assert_int_equal(ask(disk, BLOCK_WRITE, 0, 8, 4096), BLOCK_OK); /* again: it has its place */
    assert_int_equal(ask(disk, BLOCK_WRITE, 160, 8, 4096), BLOCK_ERROR);
    assert_int_equal(ask(disk, BLOCK_WRITE_ZEROES, 240, 8, 0), BLOCK_OK); /* is zero already */
    ramdisk_initialize(&s->disk, s->image, 5000, SECTORS, NULL, NULL, 0);
    assert_int_equal(ask(disk, BLOCK_WRITE, 0, 8, 4096), BLOCK_READ_ONLY);
    destroy(s);
}

/* A cancelled request completes, and its memory is left alone. */
static void cancelled_requests(void **state)
{
    (void)state;
    struct stack *s = create();
    uint8_t buffer[65536];
    const struct block_segment segment = {{buffer}, sizeof(buffer)};
    struct block_request request[6];
    memset(buffer, 0xaa, sizeof(buffer));
    answers = 0;
    for (unsigned i = 0; i < 6; i++) {
        request[i] = (struct block_request){.operation = BLOCK_READ,
                                            .sector = i * 128,
                                            .count = 128,
                                            .segment = &segment,
                                            .segments = 1,
                                            .complete = answer_note};
        block_submit(&s->bounce.device, &request[i]);
    }
    for (unsigned i = 0; i < 6; i++)
        request[i].cancelled = true;
    while (s->delay.count > 0)
        delay_run(&s->delay, 5);
    assert_int_equal(answers, 6);
    for (unsigned i = 0; i < sizeof(buffer); i++)
        assert_int_equal(buffer[i], 0xaa);
    destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_checked), cmocka_unit_test(ramdisk_keeps),
        cmocka_unit_test(bounce_cuts),          cmocka_unit_test(errors_come_through),
        cmocka_unit_test(a_full_store_fails),   cmocka_unit_test(cancelled_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
