/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The NVMe driver on a small model of a controller.
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
#include "nvme_model.h"
#include "service/block/nvme.h"

#define SECTORS  4096u
#define DMA_SIZE 0x400000u

struct bench {
    struct ramdisk disk;
    struct delay delay;
    struct nvme_model model;
    struct registers config;
    struct registers bar;
    struct dma dma;
    struct nvme_driver driver;
    struct bounce bounce;
    uint32_t map[SECTORS / 8];
    uint8_t *store;
};

static struct bench *create(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->store = calloc(SECTORS, BLOCK_SECTOR);
    ramdisk_initialize(&b->disk, NULL, 0, SECTORS, b->map, b->store, SECTORS * BLOCK_SECTOR);
    delay_initialize(&b->delay, &b->disk.device);
    b->dma = (struct dma){
        .memory = aligned_alloc(4096, DMA_SIZE), .address = 0x7f000000, .size = DMA_SIZE};
    nvme_model_initialize(&b->model, &b->delay.device, &b->dma);
    b->config = nvme_model_config(&b->model);
    b->bar = nvme_model_bar(&b->model);
    return b;
}

static void start(struct bench *b, uint32_t buffer)
{
    b->dma.used = 0;
    assert_int_equal(nvme_start(&b->driver, &b->config, &b->bar, &b->dma), NVME_OK);
    uint8_t *buffers = dma_allocate(&b->dma, 16 * buffer, 4096);
    assert_non_null(buffers);
    bounce_initialize(&b->bounce, &b->driver.device, buffers, 16 * buffer, buffer);
}

static void destroy(struct bench *b)
{
    assert_int_equal(b->model.bad_pages, 0);
    free(b->dma.memory);
    free(b->store);
    free(b);
}

static void step(void *context)
{
    struct bench *b = context;
    delay_run(&b->delay, 2);
    if (b->model.interrupt) {
        b->model.interrupt = false;
        nvme_interrupt(&b->driver);
    }
}

static void exercise(struct bench *b, unsigned rounds, bool errors)
{
    struct exercise e = {.device = &b->bounce.device,
                         .step = step,
                         .context = b,
                         .rounds = rounds,
                         .seed = 41,
                         .errors = errors,
                         .max_sectors = 400};
    exercise_run(&e);
    assert_true(e.reads > rounds / 50 && e.writes > rounds / 50);
    assert_true(!errors || e.failed > 0);
}

static void reads_and_writes(void **state)
{
    (void)state;
    /* Buffers of one page, of two, and such that need a list of pages. */
    const uint32_t buffers[] = {4096, 8192, 65536, 131072};
    for (unsigned i = 0; i < 4; i++) {
        struct bench *b = create();
        start(b, buffers[i]);
        assert_int_equal(b->driver.device.sectors, SECTORS);
        assert_true(b->driver.device.can_flush && b->driver.device.can_discard &&
                    b->driver.device.can_zero);
        assert_memory_equal(b->driver.device.serial, "model serial", 13);
        exercise(b, 8000, false);
        assert_true(b->delay.forced > 50 && b->delay.flushes > 50);
        destroy(b);
    }
}

static void errors_come_through(void **state)
{
    (void)state;
    struct bench *b = create();
    start(b, 16384);
    b->delay.fail_one_in = 20;
    exercise(b, 4000, true);
    assert_false(b->driver.dead);
    destroy(b);
}

/* Segments of lent memory, of which the first begins inside a page and the last ends in one. */
static void lent_memory(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, length; /* of the pages that a segment lies in */
    } shape[][4] = {
        {{0, 512}},
        {{3584, 512}},
        {{2048, 6144}},
        {{2048, 2048}, {0, 512}},
        {{0, 4096}, {0, 4096}},
        {{1024, 3072}, {0, 8192}, {0, 4096}, {0, 1024}},
        {{0, 16384}, {0, 4096}, {0, 8192}, {0, 4096}},
    };
    struct bench *b = create();
    start(b, 4096);
    uint8_t *pages = dma_allocate(&b->dma, 64 * 4096, 4096);
    for (unsigned i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
        struct block_segment segment[4];
        struct block_request request = {.operation = BLOCK_WRITE,
                                        .sector = 100 * i,
                                        .segment = segment,
                                        .lent = true,
                                        .complete = answer_note};
        for (unsigned s = 0; s < 4 && shape[i][s].length != 0; s++) {
            uint8_t *data = pages + (48 - 16 * s) * 4096 + shape[i][s].offset;
            memset(data, (int)(16 * i + s + 1), shape[i][s].length);
            segment[s] =
                (struct block_segment){{.address = dma_address(&b->dma, data)}, shape[i][s].length};
            request.segments++;
            request.count += shape[i][s].length / BLOCK_SECTOR;
        }
        answers = 0;
        block_submit(&b->driver.device, &request);
        for (unsigned steps = 0; steps < 10 && answers == 0; steps++)
            step(b);
        assert_int_equal(answers, 1);
        assert_int_equal(answer, BLOCK_OK);
        memset(pages, 0, 64 * 4096);
        request.operation = BLOCK_READ;
        block_submit(&b->driver.device, &request);
        for (unsigned steps = 0; steps < 10 && answers == 1; steps++)
            step(b);
        for (unsigned s = 0; s < request.segments; s++) {
            const uint8_t *data = pages + (48 - 16 * s) * 4096 + shape[i][s].offset;
            for (uint32_t at = 0; at < shape[i][s].length; at++)
                assert_int_equal(data[at], 16 * i + s + 1);
        }
    }
    /* Where a border is inside a page it does not suit. */
    const struct block_segment odd[2] = {{{.address = b->dma.address}, 512},
                                         {{.address = b->dma.address + 4096}, 512}};
    struct block_request request = {.operation = BLOCK_READ,
                                    .count = 2,
                                    .segment = odd,
                                    .segments = 2,
                                    .lent = true,
                                    .complete = answer_note};
    block_submit(&b->driver.device, &request);
    assert_int_equal(answer, BLOCK_INVALID);
    destroy(b);
}

/* Hardware that lies or falls silent: every request ends in an error, and a new start works. */
static void faults(void **state)
{
    (void)state;
    struct bench *b = create();
    b->model.never_ready = true;
    assert_int_equal(nvme_start(&b->driver, &b->config, &b->bar, &b->dma), NVME_ERROR_NOT_READY);
    b->model.never_ready = false;
    for (unsigned kind = 0; kind < 2; kind++) {
        start(b, 16384);
        b->model.wrong_id = kind == 0;
        b->model.silent = kind == 1;
        struct block_request request = {.operation = BLOCK_FLUSH, .complete = answer_note};
        answers = 0;
        block_submit(&b->driver.device, &request);
        for (unsigned i = 0; i < 20 && answers == 0; i++) {
            step(b);
            nvme_tick(&b->driver);
        }
        assert_int_equal(answers, 1);
        assert_int_equal(answer, BLOCK_ERROR);
        assert_true(b->driver.dead);
        block_submit(&b->driver.device, &request);
        assert_int_equal(answers, 2);
        assert_int_equal(answer, BLOCK_ERROR);
        b->model.wrong_id = b->model.silent = false;
        b->model.used = 0;
        while (b->delay.count > 0)
            delay_run(&b->delay, 1);
        /* An empty disk again, as the exercise expects. */
        memset(b->map, 0, sizeof(b->map));
        b->disk.store_used = 0;
        start(b, 16384);
        exercise(b, 1000, false);
    }
    destroy(b);
}

static void large_ranges(void **state)
{
    (void)state;
    struct bench *b = create();
    start(b, 16384);
    struct block_request request = {
        .operation = BLOCK_DISCARD, .sector = 0, .count = SECTORS, .complete = answer_note};
    answers = 0;
    block_submit(&b->driver.device, &request);
    for (unsigned i = 0; i < 100; i++)
        step(b);
    assert_int_equal(answers, 1);
    assert_int_equal(answer, BLOCK_OK);
    destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes), cmocka_unit_test(errors_come_through),
        cmocka_unit_test(lent_memory),      cmocka_unit_test(faults),
        cmocka_unit_test(large_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
