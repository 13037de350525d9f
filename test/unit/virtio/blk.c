/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Our virtio-blk driver on our virtio-blk model, through PCI, queues and interrupts of a machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "exercise.h"
#include "rig.h"
#include "service/block/virtio_blk.h"
#include "vmm/virtio/blk.h"

#define SLOT 3u

struct bench {
    struct rig rig;
    struct virtio_blk blk;
    struct virtio_blk_driver driver;
};

static struct bench *create(bool writable)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    rig_create(&b->rig, writable);
    struct vm *vm = &b->rig.machine->vm;
    virtio_blk_initialize(&b->blk, SLOT, &vm->memory, &vm->apics, &vm->irq, &b->rig.delay.device,
                          4);
    assert_true(pci_add(&vm->pci, &b->blk.device.function));
    guest_attach(&b->rig.guest, b->rig.machine, pci_id(0, SLOT, 0));
    return b;
}

static void start(struct bench *b)
{
    assert_int_equal(
        virtio_blk_start(&b->driver, &b->rig.guest.config, b->rig.guest.bar, &b->rig.guest.dma, 0),
        VIRTIO_OK);
    rig_bounce(&b->rig, &b->driver.device, 32);
}

static void destroy(struct bench *b)
{
    rig_destroy(&b->rig);
    free(b);
}

static void step(void *context)
{
    struct bench *b = context;
    virtio_blk_settle(&b->driver); /* its thread waits from now on */
    delay_run(&b->rig.delay, 2);
    if (guest_interrupted(&b->rig.guest))
        virtio_blk_interrupt(&b->driver);
}

static struct exercise exercise(struct bench *b, unsigned rounds, uint64_t seed,
                                uint64_t max_sectors, bool errors)
{
    struct exercise e = {.device = &b->rig.bounce.device,
                         .step = step,
                         .context = b,
                         .rounds = rounds,
                         .seed = seed,
                         .errors = errors,
                         .max_sectors = max_sectors};
    exercise_run(&e);
    return e;
}

static void reads_and_writes(void **state)
{
    (void)state;
    struct bench *b = create(true);
    start(b);
    assert_int_equal(b->driver.device.sectors, RIG_SECTORS);
    assert_true(b->driver.device.can_flush && b->driver.device.can_discard);
    assert_memory_equal(b->driver.device.serial, "quoin-ramdisk", 13);
    assert_true(virtio_has(&b->blk.device, VIRTIO_F_RING_PACKED));
    struct exercise e = exercise(b, 20000, 11, 200, false);
    assert_true(e.reads > 500 && e.writes > 500 && b->rig.delay.flushes > 100);
    assert_int_equal(b->blk.device.status & VIRTIO_NEEDS_RESET, 0);
    destroy(b);
}

enum { PAGE = 4096, PIECES = 3 };

/* Reads or writes pages of `data` in this order, without a bounce over the driver. */
static void move(struct bench *b, enum block_operation operation, uint8_t *data,
                 const unsigned order[PIECES])
{
    struct block_segment segment[PIECES];
    struct block_request request = {.operation = operation,
                                    .count = PIECES * PAGE / BLOCK_SECTOR,
                                    .segment = segment,
                                    .segments = PIECES,
                                    .lent = true,
                                    .complete = answer_note};
    for (unsigned i = 0; i < PIECES; i++)
        segment[i] = (struct block_segment){
            .address = dma_address(&b->rig.guest.dma, data + order[i] * PAGE), .length = PAGE};
    answers = 0;
    block_submit(&b->driver.device, &request);
    step(b);
    assert_int_equal(answers, 1);
    assert_int_equal(answer, BLOCK_OK);
}

static void pieces_keep_their_order(void **state)
{
    (void)state;
    struct bench *b = create(true);
    start(b);
    uint8_t *data = dma_allocate(&b->rig.guest.dma, PIECES * PAGE, PAGE);
    for (unsigned i = 0; i < PIECES; i++)
        memset(data + i * PAGE, (int)i + 1, PAGE);
    move(b, BLOCK_WRITE, data, (const unsigned[PIECES]){2, 0, 1});
    memset(data, 0, PIECES * PAGE);
    move(b, BLOCK_READ, data, (const unsigned[PIECES]){1, 2, 0}); /* what was in 2, 0 and 1 */
    static const uint8_t found[PIECES] = {2, 3, 1};
    for (unsigned i = 0; i < PIECES * PAGE; i++)
        assert_int_equal(data[i], found[i / PAGE]);
    destroy(b);
}

static void errors_come_through(void **state)
{
    (void)state;
    struct bench *b = create(true);
    start(b);
    b->rig.delay.fail_one_in = 10;
    struct exercise e = exercise(b, 5000, 12, 64, true);
    assert_true(e.failed > 100 && e.reads > 100);
    destroy(b);
}

static void read_only_disks(void **state)
{
    (void)state;
    struct bench *b = create(false);
    start(b);
    assert_true(b->driver.device.read_only);
    struct exercise e = exercise(b, 1000, 13, 64, false);
    assert_true(e.reads > 100 && e.writes == 0);
    destroy(b);
}

enum { PIECE = 8192 };

/* A driver that was started and has nothing to take. */
static struct bench *ready(void)
{
    struct bench *b = create(true);
    start(b);
    guest_interrupted(&b->rig.guest); /* of the serial number, which was polled for */
    answers = 0;
    return b;
}

/* A request that reads a piece. */
static struct block_request reading(struct bench *b, struct block_segment *segment, uint64_t sector)
{
    *segment = (struct block_segment){{dma_allocate(&b->rig.guest.dma, PIECE, 4096)}, PIECE};
    return (struct block_request){.operation = BLOCK_READ,
                                  .sector = sector,
                                  .count = PIECE / BLOCK_SECTOR,
                                  .segment = segment,
                                  .segments = 1,
                                  .complete = answer_note};
}

/* The driver has an interrupt for what is done while it waits, and none for what it sees before. */
static void interrupts_only_while_waiting(void **state)
{
    (void)state;
    struct bench *b = create(true);
    start(b);
    uint8_t *data = dma_allocate(&b->rig.guest.dma, 4096, 4096);
    const struct block_segment segment = {{data}, 4096};
    struct block_request request = {.operation = BLOCK_READ,
                                    .count = 8,
                                    .segment = &segment,
                                    .segments = 1,
                                    .complete = answer_note};
    answers = 0;
    for (unsigned i = 0; i < 300; i++) {
        bool waits = i % 3 != 2; /* the device answers after the driver has begun to wait */
        (void)guest_interrupted(&b->rig.guest);
        block_submit(&b->driver.device, &request);
        if (waits)
            assert_false(virtio_blk_settle(&b->driver));
        delay_run(&b->rig.delay, 1);
        assert_int_equal(answers, i);
        if (i != 0) /* it has not been asked before the first one */
            assert_int_equal(guest_interrupted(&b->rig.guest), waits);
        if (waits)
            virtio_blk_interrupt(&b->driver);
        else
            assert_true(virtio_blk_settle(&b->driver));
        assert_int_equal(answers, i + 1);
    }
    destroy(b);
}

/* A device that answers no more: after ten ticks the request fails, the device is stopped, and a
 * driver that is started anew works. One that answers late but in time is let be. */
static void device_does_not_answer(void **state)
{
    (void)state;
    struct bench *b = ready();
    struct block_segment segment[2];
    struct block_request request[2];
    for (unsigned i = 0; i < 2; i++)
        request[i] = reading(b, &segment[i], 0);
    for (unsigned round = 0; round < 2; round++) {
        block_submit(&b->driver.device, &request[0]);
        for (unsigned i = 0; i < 9; i++)
            virtio_blk_tick(&b->driver);
        assert_int_equal(answers, round);
        delay_run(&b->rig.delay, 1);
        virtio_blk_interrupt(&b->driver);
        assert_int_equal(answers, round + 1);
        assert_int_equal(answer, BLOCK_OK);
    }
    block_submit(&b->driver.device, &request[0]);
    block_submit(&b->driver.device, &request[1]);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(answers, 2);
        assert_false(b->driver.broken);
        virtio_blk_tick(&b->driver);
    }
    assert_int_equal(answers, 4);
    assert_int_equal(answer, BLOCK_ERROR);
    assert_true(b->driver.broken);
    assert_int_equal(b->blk.device.status, 0); /* it was reset */
    virtio_blk_tick(&b->driver);
    delay_run(&b->rig.delay, 2); /* too late: nothing of it arrives */
    assert_int_equal(answers, 4);
    b->rig.guest.dma.used = 0;
    start(b);
    request[0] = reading(b, &segment[0], 0);
    block_submit(&b->driver.device, &request[0]);
    delay_run(&b->rig.delay, 1);
    virtio_blk_interrupt(&b->driver);
    assert_int_equal(answers, 5);
    assert_int_equal(answer, BLOCK_OK);
    destroy(b);
}

/* The driver resets the device with requests under way: nothing of them appears later. */
static void reset_forgets(void **state)
{
    (void)state;
    struct bench *b = ready();
    struct block_segment segment[4];
    struct block_request request[4];
    for (unsigned i = 0; i < 4; i++) {
        request[i] = reading(b, &segment[i], 16 * i);
        block_submit(&b->driver.device, &request[i]);
        memset(segment[i].data, 0x55, PIECE);
    }
    assert_int_equal(b->rig.delay.count, 4);
    assert_int_equal(virtio_stop(&b->driver.transport), VIRTIO_OK);
    uint8_t *before = malloc(MACHINE_MEMORY);
    memcpy(before, b->rig.machine->memory, MACHINE_MEMORY);
    delay_run(&b->rig.delay, 10);
    assert_memory_equal(before, b->rig.machine->memory, MACHINE_MEMORY);
    assert_false(guest_interrupted(&b->rig.guest));
    free(before);
    /* And it works again; all slots are back. */
    b->rig.guest.dma.used = 0;
    start(b);
    unsigned free_slots = 0;
    for (const struct virtio_blk_request *r = b->blk.free; r != NULL; r = r->next_free)
        free_slots++;
    assert_int_equal(free_slots, VIRTIO_BLK_REQUESTS);
    (void)exercise(b, 1000, 14, 64, false);
    destroy(b);
}

/* What the device has of the driver's memory is its own until it completes: so long the reset lasts
 * for a driver that waits for its end. */
static void reset_waits_for_memory(void **state)
{
    (void)state;
    struct bench *b = ready();
    struct block_segment segment;
    struct block_request request = reading(b, &segment, 0);
    block_submit(&b->driver.device, &request);
    assert_int_equal(b->rig.delay.count, 1);
    b->rig.delay.waiting[0]->held = true;
    assert_int_equal(virtio_stop(&b->driver.transport), VIRTIO_ERROR_RESET);
    delay_run(&b->rig.delay, 1);
    assert_int_equal(virtio_stop(&b->driver.transport), VIRTIO_OK);
    assert_false(guest_interrupted(&b->rig.guest));
    b->rig.guest.dma.used = 0;
    start(b);
    destroy(b);
}

/* More requests than the model has slots: those that wait in the ring are served later. */
static void more_requests_than_slots(void **state)
{
    (void)state;
    struct bench *b = create(true);
    struct virtio_transport t;
    struct virtio_queue queue = {0};
    assert_int_equal(virtio_find(&t, &b->rig.guest.config, b->rig.guest.bar), VIRTIO_OK);
    pci_enable(&b->rig.guest.config, true);
    assert_int_equal(virtio_negotiate(&t, VIRTIO_FEATURE_INDIRECT, 0), VIRTIO_OK);
    assert_int_equal(virtio_start_queue(&t, &b->rig.guest.dma, 2, 256, 3, &queue), VIRTIO_OK);
    virtio_ready(&t);
    uint8_t *header = dma_allocate(&b->rig.guest.dma, 4096, 4096); /* type 0: read, sector 0 */
    uint8_t *data = dma_allocate(&b->rig.guest.dma, 4096, 4096);
    const struct virtio_buffer buffer[3] = {
        {dma_address(&b->rig.guest.dma, header), 16},
        {dma_address(&b->rig.guest.dma, data), 512},
        {dma_address(&b->rig.guest.dma, data) + 512, 1},
    };
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(virtio_queue_add(&queue, buffer, 1, 2, i), VIRTIO_QUEUE_OK);
    virtio_notify(&t, &queue);
    assert_int_equal(b->rig.delay.count, VIRTIO_BLK_REQUESTS);
    unsigned done = 0;
    for (unsigned i = 0; i < 400; i++) {
        uint32_t cookie;
        uint32_t written;
        delay_run(&b->rig.delay, 1);
        while (virtio_queue_take(&queue, &cookie, &written) == 1) {
            assert_int_equal(written, 513);
            done++;
        }
    }
    assert_int_equal(done, 200);
    destroy(b);
}

struct raw {
    uint32_t type;
    uint64_t sector;
    uint32_t readable;  /* beside the header */
    uint32_t writeable; /* beside the status byte */
    int status;         /* expected; -1: the device breaks */
};

/* Each kind of request that does not fit has its answer, and breaks nothing else. */
static void odd_requests(void **state)
{
    (void)state;
    const struct raw odd[] = {
        {0, 0, 0, 511, 1},
        {0, RIG_SECTORS, 0, 512, 1},
        {0, UINT64_MAX, 0, 512, 1},
        {0, 0, 0, 0, 1},
        {1, 0, 100, 0, 1},
        {1, RIG_SECTORS - 1, 1024, 0, 1},
        {4, 0, 0, 0, 0},
        {8, 0, 0, 20, 0},
        {8, 0, 0, 3, 0},
        {8, 0, 0, 100, 0},
        {99, 0, 0, 0, 2},
        {11, 0, 0, 0, 1},
        {11, 0, 15, 0, 1},
        {13, 0, 16 * 17, 0, 1},
        {11, 0, 16, 0, 1},
        {UINT32_MAX, 0, 0, 0, 2},
    };
    struct bench *b = create(true);
    struct virtio_transport t;
    struct virtio_queue queue = {0};
    pci_enable(&b->rig.guest.config, true);
    assert_int_equal(virtio_find(&t, &b->rig.guest.config, b->rig.guest.bar), VIRTIO_OK);
    assert_int_equal(virtio_negotiate(&t, 1ull << 9 | 1ull << 13 | 1ull << 14, 0), VIRTIO_OK);
    assert_int_equal(virtio_start_queue(&t, &b->rig.guest.dma, 0, 16, 1, &queue), VIRTIO_OK);
    virtio_ready(&t);
    uint8_t *page = dma_allocate(&b->rig.guest.dma, 8192, 4096);
    uint64_t address = dma_address(&b->rig.guest.dma, page);
    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        memset(page, 0, 8192);
        memcpy(page, &odd[i].type, 4);
        memcpy(page + 8, &odd[i].sector, 8);
        page[4096 + odd[i].writeable] = 0xcc;
        const struct virtio_buffer buffer[2] = {{address, 16 + odd[i].readable},
                                                {address + 4096, odd[i].writeable + 1}};
        assert_int_equal(virtio_queue_add(&queue, buffer, 1, 1, i), VIRTIO_QUEUE_OK);
        virtio_notify(&t, &queue);
        delay_run(&b->rig.delay, 10);
        uint32_t cookie;
        uint32_t written;
        assert_int_equal(virtio_queue_take(&queue, &cookie, &written), 1);
        assert_int_equal(page[4096 + odd[i].writeable], odd[i].status);
    }
    assert_false(virtio_is_broken(&t));
    /* Without room for header or status there is no answer. */
    const struct virtio_buffer tiny[2] = {{address, 15}, {address + 4096, 1}};
    assert_int_equal(virtio_queue_add(&queue, tiny, 1, 1, 0), VIRTIO_QUEUE_OK);
    virtio_notify(&t, &queue);
    assert_true(virtio_is_broken(&t));
    destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupts_only_while_waiting),
        cmocka_unit_test(device_does_not_answer),
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(pieces_keep_their_order),
        cmocka_unit_test(errors_come_through),
        cmocka_unit_test(read_only_disks),
        cmocka_unit_test(reset_forgets),
        cmocka_unit_test(reset_waits_for_memory),
        cmocka_unit_test(more_requests_than_slots),
        cmocka_unit_test(odd_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
