/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Our AHCI driver on our AHCI model, and a CD-ROM drive by hand.
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
#include "service/block/ahci.h"
#include "vmm/device/ahci.h"

struct bench {
    struct rig rig;
    struct ahci ahci;
    struct ahci_driver driver;
};

static struct bench *create(enum ahci_kind kind)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    rig_create(&b->rig, kind == AHCI_DISK);
    for (unsigned i = 0; kind == AHCI_CDROM && i < RIG_SECTORS * BLOCK_SECTOR; i++)
        b->rig.store[i] = (uint8_t)(i / 2048 + i);
    struct vm *vm = &b->rig.machine->vm;
    ahci_initialize(&b->ahci, &vm->memory, &vm->apics, &vm->irq);
    assert_true(ahci_attach(&b->ahci, 1, kind, &b->rig.delay.device));
    if (kind == AHCI_DISK) /* a drive that the driver does not take */
        assert_true(ahci_attach(&b->ahci, 0, AHCI_CDROM, &b->rig.disk.device));
    assert_true(pci_add(&vm->pci, &b->ahci.function));
    guest_attach(&b->rig.guest, b->rig.machine, AHCI_DEVFN);
    return b;
}

static void start(struct bench *b)
{
    b->rig.guest.dma.used = 0;
    guest_interrupted(&b->rig.guest); /* of what was before */
    assert_int_equal(
        ahci_start(&b->driver, &b->rig.guest.config, &b->rig.guest.bar[5], &b->rig.guest.dma),
        AHCI_OK);
    assert_int_equal(b->driver.disks, 1);
    assert_int_equal(b->ahci.port[0].interrupt_enable, 0);
    assert_false(guest_interrupted(&b->rig.guest));
    rig_bounce(&b->rig, &b->driver.disk[0].device, 48);
}

static void destroy(struct bench *b)
{
    rig_destroy(&b->rig);
    free(b);
}

static void step(void *context)
{
    struct bench *b = context;
    delay_run(&b->rig.delay, 2);
    if (guest_interrupted(&b->rig.guest))
        ahci_interrupt(&b->driver);
}

static void exercise(struct bench *b, unsigned rounds, bool errors)
{
    struct exercise e = {.device = &b->rig.bounce.device,
                         .step = step,
                         .context = b,
                         .rounds = rounds,
                         .seed = 21,
                         .errors = errors,
                         .max_sectors = 100};
    exercise_run(&e);
    assert_true(e.reads > rounds / 50 && e.writes > rounds / 50);
    /* Most of what failed was tried again and got through. */
    assert_true(!errors || (e.failed > 0 && e.failed < rounds / 50));
}

static void reads_and_writes(void **state)
{
    (void)state;
    struct bench *b = create(AHCI_DISK);
    start(b);
    const struct block_device *device = &b->driver.disk[0].device;
    assert_int_equal(device->sectors, RIG_SECTORS);
    assert_true(device->can_flush && device->can_discard);
    assert_int_equal(b->driver.disk[0].depth, 32);
    assert_memory_equal(device->serial, "quoin-ramdisk", 13);
    exercise(b, 20000, false);
    assert_true(b->rig.delay.forced > 100 && b->rig.delay.flushes > 100);
    assert_true(b->rig.delay.largest > 8); /* commands do run side by side */
    destroy(b);
}

/* One command in twenty fails: it and only it is reported, however many were queued. */
static void errors_are_recovered(void **state)
{
    (void)state;
    struct bench *b = create(AHCI_DISK);
    start(b);
    b->rig.delay.fail_one_in = 20;
    exercise(b, 10000, true);
    b->rig.delay.fail_one_in = 0;
    assert_false(b->driver.disk[0].dead);
    destroy(b);
}

/* A command that is never answered is given up, and the next ones work. */
static void lost_commands(void **state)
{
    (void)state;
    struct bench *b = create(AHCI_DISK);
    start(b);
    uint8_t *data = dma_allocate(&b->rig.guest.dma, 4096, 4096);
    const struct block_segment segment = {{data}, 4096};
    struct block_request request = {.operation = BLOCK_READ,
                                    .count = 8,
                                    .segment = &segment,
                                    .segments = 1,
                                    .complete = answer_note};
    answers = 0;
    block_submit(&b->driver.disk[0].device, &request);
    for (unsigned i = 0; i < 40 && answers == 0; i++)
        ahci_tick(&b->driver);
    assert_int_equal(answers, 1);
    assert_int_equal(answer, BLOCK_ERROR);
    /* The model drops the late answers: nothing is written, nothing reported. */
    memset(data, 0x77, 4096);
    while (b->rig.delay.count > 0)
        delay_run(&b->rig.delay, 1);
    for (unsigned i = 0; i < 4096; i++)
        assert_int_equal(data[i], 0x77);
    assert_int_equal(answers, 1);
    start(b);
    exercise(b, 2000, false);
    destroy(b);
}

static void discards(void **state)
{
    (void)state;
    struct bench *b = create(AHCI_DISK);
    start(b);
    struct block_request request = {
        .operation = BLOCK_DISCARD, .sector = 8, .count = RIG_SECTORS - 8, .complete = answer_note};
    answers = 0;
    block_submit(&b->driver.disk[0].device, &request);
    for (unsigned i = 0; i < 100; i++)
        step(b);
    assert_int_equal(answers, 1);
    assert_int_equal(answer, BLOCK_OK);
    destroy(b);
}

/* A drive by hand: one slot, one table, one PRD. */
struct hand {
    uint8_t *list;
    uint8_t *table;
    uint8_t *data;
    uint64_t address;
};

static void port_set(struct bench *b, unsigned offset, uint32_t value)
{
    registers_write32(&b->rig.guest.bar[5], 0x180 + offset, value);
}

static uint32_t port_get(struct bench *b, unsigned offset)
{
    return registers_read32(&b->rig.guest.bar[5], 0x180 + offset);
}

static void hand_start(struct bench *b, struct hand *h)
{
    b->rig.guest.dma.used = 0;
    h->list = dma_allocate(&b->rig.guest.dma, 4096, 4096);
    h->table = dma_allocate(&b->rig.guest.dma, 4096, 4096);
    h->data = dma_allocate(&b->rig.guest.dma, 65536, 4096);
    h->address = dma_address(&b->rig.guest.dma, h->list);
    registers_write32(&b->rig.guest.bar[5], 4, 1u << 31 | 2);
    port_set(b, 0x00, (uint32_t)h->address);
    port_set(b, 0x08, (uint32_t)h->address + 0x400);
    port_set(b, 0x14, UINT32_MAX);
    port_set(b, 0x18, 0x10);
    port_set(b, 0x18, 0x11);
}

static void hand_command(struct bench *b, struct hand *h, uint8_t command, const uint8_t *packet,
                         uint32_t bytes)
{
    const uint32_t header[4] = {5u | (packet != NULL ? 0x20u : 0) | (bytes != 0 ? 1u << 16 : 0), 0,
                                (uint32_t)h->address + 4096, 0};
    const uint32_t prd[4] = {(uint32_t)h->address + 8192, 0, 0, bytes - 1};
    memset(h->table, 0, 4096);
    memset(h->data, 0xcc, 65536);
    memcpy(h->list, header, sizeof(header));
    h->table[0] = 0x27;
    h->table[1] = 0x80;
    h->table[2] = command;
    if (packet != NULL)
        memcpy(h->table + 0x40, packet, 12);
    memcpy(h->table + 0x80, prd, sizeof(prd));
    port_set(b, 0x10, UINT32_MAX);
    port_set(b, 0x38, 1);
    while (b->rig.delay.count > 0)
        delay_run(&b->rig.delay, 1);
}

static void cdrom(void **state)
{
    (void)state;
    struct bench *b = create(AHCI_CDROM);
    struct hand h;
    hand_start(b, &h);
    assert_int_equal(port_get(b, 0x24), 0xeb140101); /* signature */
    hand_command(b, &h, 0xec, NULL, 512);            /* IDENTIFY DEVICE: aborted */
    assert_int_equal(port_get(b, 0x20) & 1, 1);
    port_set(b, 0x18, 0x10);
    port_set(b, 0x18, 0x11);
    hand_command(b, &h, 0xa1, NULL, 512);
    assert_int_equal(port_get(b, 0x38), 0);
    assert_int_equal(h.data[0] | h.data[1] << 8, 0x85c0);
    const uint8_t capacity[12] = {0x25};
    hand_command(b, &h, 0xa0, capacity, 8);
    const uint8_t expected[8] = {
        0, 0, (RIG_SECTORS / 4 - 1) >> 8, (RIG_SECTORS / 4 - 1) & 0xff, 0, 0, 8, 0};
    assert_memory_equal(h.data, expected, 8);
    const uint8_t read[12] = {0x28, 0, 0, 0, 0, 5, 0, 0, 3};
    hand_command(b, &h, 0xa0, read, 3 * 2048);
    assert_memory_equal(h.data, b->rig.store + 5 * 2048, 3 * 2048);
    assert_int_equal(h.data[3 * 2048], 0xcc);
    uint32_t transferred;
    memcpy(&transferred, h.list + 4, 4);
    assert_int_equal(transferred, 3 * 2048);
    const uint8_t toc[12] = {0x43, 0, 0, 0, 0, 0, 0, 0, 20};
    hand_command(b, &h, 0xa0, toc, 20);
    assert_int_equal(h.data[1], 18);
    assert_int_equal(h.data[14], 0xaa);
    /* Beyond its end: sense data say so. */
    const uint8_t beyond[12] = {0x28, 0, 0, 0, RIG_SECTORS / 4 >> 8, 0, 0, 0, 1};
    hand_command(b, &h, 0xa0, beyond, 2048);
    assert_int_equal(port_get(b, 0x20) >> 12, 5);
    assert_int_equal(port_get(b, 0x10) >> 30 & 1, 1);
    port_set(b, 0x18, 0x10);
    port_set(b, 0x18, 0x11);
    const uint8_t sense[12] = {0x03, 0, 0, 0, 18};
    hand_command(b, &h, 0xa0, sense, 18);
    assert_int_equal(h.data[2], 5);
    assert_int_equal(h.data[12], 0x21);
    const uint8_t unknown[12] = {0xfe};
    hand_command(b, &h, 0xa0, unknown, 0);
    assert_int_equal(port_get(b, 0x20) >> 12, 5);
    destroy(b);
}

/* Tables that reach outside RAM halt the port until the driver restarts it; nothing else happens.
 */
static void broken_tables(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 6; kind++) {
        struct bench *b = create(AHCI_DISK);
        struct hand h;
        hand_start(b, &h);
        uint32_t header[4] = {5u | 1u << 16, 0, (uint32_t)h.address + 4096, 0};
        uint32_t prd[4] = {(uint32_t)h.address + 8192, 0, 0, 511};
        h.table[0] = 0x27;
        h.table[1] = 0x80;
        h.table[2] = 0x25;
        h.table[7] = 0x40;
        h.table[12] = 1;
        switch (kind) {
        case 0:
            header[3] = 0xffff; /* table far outside */
            break;
        case 1:
            header[0] = 5u | 0xffffu << 16; /* more PRDs than the model takes */
            break;
        case 2:
            prd[1] = 0xffffffff;
            break;
        case 3:
            prd[3] = 510; /* odd length */
            break;
        case 4:
            prd[0] += 1; /* odd address */
            break;
        default:
            header[0] = 4; /* a FIS of 16 bytes */
            break;
        }
        memcpy(h.list, header, sizeof(header));
        memcpy(h.table + 0x80, prd, sizeof(prd));
        port_set(b, 0x38, 1);
        assert_int_equal(port_get(b, 0x10) >> 29 & 1, 1);
        assert_int_equal(b->rig.delay.count, 0);
        assert_int_equal(port_get(b, 0x38), 1);
        port_set(b, 0x18, 0x10);
        assert_int_equal(port_get(b, 0x38), 0);
        start(b);
        exercise(b, 500, false);
        destroy(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(errors_are_recovered),
        cmocka_unit_test(lost_commands),
        cmocka_unit_test(discards),
        cmocka_unit_test(cdrom),
        cmocka_unit_test(broken_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
