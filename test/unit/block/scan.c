/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which parts of a disk are offered: partitions by their UUID, whole disks, never the boot medium.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <block/ramdisk.h>
#include <stdlib.h>
#include <string.h>

#include "delay.h"
#include "service/block/scan.h"

#define SECTORS 2048u

struct bench {
    uint8_t *image;
    struct ramdisk disk;
    struct delay delay;
    struct block_scan scan;
    uint8_t *buffer;
    unsigned done;
};

static void put(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void done(void *context)
{
    ((struct bench *)context)->done++;
}

/* What the UUIDs of an installed disk's boot image begin with, as they stand there. */
static const uint8_t boot_uuid[9] = {0x49, 0x4f, 0x55, 0x51, 0x00, 0x4e, 0x00, 0x40, 0x80};

/* A table at both ends with partitions of 100 sectors from `first` on and of 8 from 400 on; the
 * first has a UUID of the boot image if it is to. */
static void add_table_at(struct bench *b, uint64_t first, bool boot)
{
    for (unsigned end = 0; end < 2; end++) {
        uint64_t own = end == 0 ? 1 : SECTORS - 1;
        uint64_t place = end == 0 ? 2 : SECTORS - 33;
        uint8_t *header = b->image + own * 512;
        uint8_t *entries = b->image + place * 512;
        for (unsigned i = 0; i < 2; i++) {
            memset(entries + 128 * i, 0x11, 16);
            memset(entries + 128 * i + 16, (int)i + 1, 16);
            put(entries + 128 * i + 32, i == 0 ? first : 400, 8);
            put(entries + 128 * i + 40, i == 0 ? first + 99 : 407, 8);
        }
        if (boot)
            memcpy(entries + 16, boot_uuid, sizeof(boot_uuid));
        memcpy(header, "EFI PART", 8);
        put(header + 8, 0x10000, 4);
        put(header + 12, 92, 4);
        put(header + 24, own, 8);
        put(header + 32, SECTORS - own, 8);
        put(header + 40, 34, 8);
        put(header + 48, SECTORS - 34, 8);
        memset(header + 56, 0xdd, 16);
        put(header + 72, place, 8);
        put(header + 80, 128, 4);
        put(header + 84, 128, 4);
        put(header + 88, gpt_checksum(0, entries, 128 * 128), 4);
        put(header + 16, gpt_checksum(0, header, 92), 4);
    }
}

static void add_table(struct bench *b)
{
    add_table_at(b, 200, false);
}

static void add_boot_volume(struct bench *b)
{
    uint8_t *volume = b->image + 64 * 512;
    memset(volume, 0, 2048);
    memcpy(volume, "\1CD001\1", 7);
    memset(volume + 40, ' ', 32);
    memcpy(volume + 40, "QUOIN", 5);
}

static struct bench *create(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->image = calloc(SECTORS, 512);
    b->buffer = malloc(SCAN_BUFFER);
    ramdisk_initialize(&b->disk, b->image, SECTORS * 512, SECTORS, NULL, NULL, 0);
    delay_initialize(&b->delay, &b->disk.device);
    return b;
}

static void scan(struct bench *b)
{
    scan_start(&b->scan, &b->delay.device, b->buffer, done, b);
    while (b->delay.count > 0)
        delay_run(&b->delay, 1);
    assert_int_equal(b->done, 1);
}

static void destroy(struct bench *b)
{
    free(b->buffer);
    free(b->image);
    free(b);
}

static struct gpt_uuid uuid(uint8_t byte)
{
    struct gpt_uuid value;
    memset(value.bytes, byte, sizeof(value.bytes));
    return value;
}

static void expect_partitions(struct bench *b)
{
    struct block_offer offer;
    struct gpt_uuid first = uuid(1);
    struct gpt_uuid second = uuid(2);
    struct gpt_uuid disk = uuid(0xdd);
    struct gpt_uuid none = uuid(9);
    assert_true(scan_find(&b->scan, &first, true, &offer));
    assert_int_equal(offer.first, 200);
    assert_int_equal(offer.sectors, 100);
    assert_true(offer.read_only);
    assert_true(scan_find(&b->scan, &second, false, &offer));
    assert_int_equal(offer.first, 400);
    assert_int_equal(offer.sectors, 8);
    assert_false(offer.read_only);
    assert_true(scan_whole(&b->scan, &disk, false, &offer));
    assert_int_equal(offer.sectors, SECTORS);
    assert_false(scan_whole(&b->scan, &none, false, &offer));
    assert_false(scan_find(&b->scan, &disk, false, &offer));
    assert_false(scan_find(&b->scan, &none, false, &offer));
    assert_true(scan_whole(&b->scan, NULL, true, &offer));
    assert_true(offer.read_only);
}

static void finds_partitions(void **state)
{
    (void)state;
    struct bench *b = create();
    add_table(b);
    scan(b);
    assert_false(b->scan.backup);
    expect_partitions(b);
    destroy(b);
}

static void uses_the_backup(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 2; kind++) {
        struct bench *b = create();
        add_table(b);
        b->image[kind == 0 ? 512 + 60 : 1024 + 40] ^= 1; /* header, or entries */
        scan(b);
        assert_true(b->scan.backup);
        expect_partitions(b);
        destroy(b);
    }
}

static void whole_disks(void **state)
{
    (void)state;
    struct bench *b = create();
    struct block_offer offer;
    struct gpt_uuid any = uuid(1);
    scan(b);
    assert_true(b->scan.usable);
    assert_true(scan_whole(&b->scan, NULL, false, &offer));
    assert_int_equal(offer.sectors, SECTORS);
    assert_false(scan_whole(&b->scan, &any, false, &offer));
    assert_false(scan_find(&b->scan, &any, false, &offer));
    destroy(b);
}

static void never_the_boot_medium(void **state)
{
    (void)state;
    struct bench *b = create();
    struct block_offer offer;
    struct gpt_uuid first = uuid(1);
    struct gpt_uuid disk = uuid(0xdd);
    add_table(b);
    add_boot_volume(b);
    scan(b);
    assert_true(b->scan.boot_medium);
    assert_false(scan_whole(&b->scan, NULL, true, &offer));
    assert_false(scan_find(&b->scan, &first, true, &offer));
    assert_false(scan_whole(&b->scan, &disk, true, &offer));
    destroy(b);
}

/* An installed disk: its boot partition is known by its UUID, the others are offered, the whole is
 * not.
 */
static void what_is_beside_the_boot_partition(void **state)
{
    (void)state;
    for (unsigned with_image = 0; with_image < 2; with_image++) {
        struct bench *b = create();
        struct block_offer offer;
        struct gpt_uuid first = uuid(1);
        struct gpt_uuid second = uuid(2);
        struct gpt_uuid disk = uuid(0xdd);
        memcpy(first.bytes, boot_uuid, sizeof(boot_uuid));
        add_table_at(b, 34, true);
        if (with_image != 0)
            add_boot_volume(b);
        scan(b);
        assert_false(scan_find(&b->scan, &first, true, &offer));
        assert_false(scan_whole(&b->scan, NULL, true, &offer));
        assert_false(scan_whole(&b->scan, &disk, true, &offer));
        assert_true(scan_find(&b->scan, &second, false, &offer));
        assert_int_equal(offer.first, 400);
        destroy(b);
    }
    /* A partition with such a UUID that does not hold the image vouches for nothing. */
    struct bench *b = create();
    struct block_offer offer;
    struct gpt_uuid second = uuid(2);
    add_table_at(b, 200, true);
    add_boot_volume(b);
    scan(b);
    assert_false(scan_find(&b->scan, &second, true, &offer));
    destroy(b);
}

/* A disk that cannot be read, or is too small to be looked at, is offered to nobody. */
static void unreadable_disks(void **state)
{
    (void)state;
    struct bench *b = create();
    struct block_offer offer;
    b->delay.fail_one_in = 1;
    scan(b);
    assert_false(scan_whole(&b->scan, NULL, true, &offer));
    b->delay.fail_one_in = 0;
    b->done = 0;
    b->delay.device.sectors = 66;
    scan(b);
    assert_false(scan_whole(&b->scan, NULL, true, &offer));
    destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_partitions), cmocka_unit_test(uses_the_backup),
        cmocka_unit_test(whole_disks),      cmocka_unit_test(never_the_boot_medium),
        cmocka_unit_test(unreadable_disks), cmocka_unit_test(what_is_beside_the_boot_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
