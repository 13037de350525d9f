/* SPDX-License-Identifier: BSD-2-Clause
 *
 * GUID partition tables, made here by the rules of UEFI 2.10, section 5.3, then broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <gpt/gpt.h>
#include <string.h>

#define BLOCKS  2048u
#define ENTRIES 128u

static uint8_t header[512];
static uint8_t entries[ENTRIES * 128];

static void put(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void seal(void)
{
    put(header + 88, gpt_checksum(0, entries, sizeof(entries)), 4);
    put(header + 16, 0, 4);
    put(header + 16, gpt_checksum(0, header, 92), 4);
}

static void add(unsigned index, uint64_t first, uint64_t last)
{
    uint8_t *entry = entries + index * 128;
    memset(entry, 0x11, 16);
    memset(entry + 16, (int)index + 1, 16);
    put(entry + 32, first, 8);
    put(entry + 40, last, 8);
    put(entry + 56, 'a' + index, 2);
}

static void make(void)
{
    memset(header, 0, sizeof(header));
    memset(entries, 0, sizeof(entries));
    memcpy(header, "EFI PART", 8);
    put(header + 8, 0x10000, 4);
    put(header + 12, 92, 4);
    put(header + 24, 1, 8);
    put(header + 32, BLOCKS - 1, 8);
    put(header + 40, 34, 8);
    put(header + 48, BLOCKS - 34, 8);
    memset(header + 56, 0xdd, 16);
    put(header + 72, 2, 8);
    put(header + 80, ENTRIES, 4);
    put(header + 84, 128, 4);
    add(0, 34, 99);
    add(5, 100, 100);
    add(127, 1000, BLOCKS - 34);
    seal();
}

static int read(struct gpt *gpt)
{
    struct gpt_header found;
    int error = gpt_read_header(header, 512, 1, BLOCKS, &found);
    return error != GPT_OK ? error : gpt_read_entries(&found, entries, gpt);
}

static void reads_tables(void **state)
{
    (void)state;
    struct gpt gpt;
    struct gpt_uuid uuid;
    make();
    assert_int_equal(gpt_checksum(0, (const uint8_t *)"123456789", 9), 0xcbf43926);
    assert_int_equal(read(&gpt), GPT_OK);
    assert_int_equal(gpt.count, 3);
    memset(uuid.bytes, 6, 16);
    const struct gpt_partition *partition = gpt_find(&gpt, &uuid);
    assert_non_null(partition);
    assert_int_equal(partition->first, 100);
    assert_int_equal(partition->name[0], 'f');
    memset(uuid.bytes, 99, 16);
    assert_null(gpt_find(&gpt, &uuid));
    /* The backup at the end is as good. */
    put(header + 24, BLOCKS - 1, 8);
    put(header + 32, 1, 8);
    put(header + 72, BLOCKS - 33, 8);
    seal();
    struct gpt_header found;
    assert_int_equal(gpt_read_header(header, 512, BLOCKS - 1, BLOCKS, &found), GPT_OK);
    assert_int_equal(gpt_entry_blocks(&found, 512), 32);
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    struct gpt gpt;
    make();
    for (unsigned bit = 0; bit < 92 * 8; bit++) {
        header[bit / 8] ^= (uint8_t)(1u << (bit & 7));
        assert_int_not_equal(read(&gpt), GPT_OK);
        header[bit / 8] ^= (uint8_t)(1u << (bit & 7));
    }
    for (unsigned bit = 0; bit < sizeof(entries) * 8; bit += 97) {
        entries[bit / 8] ^= (uint8_t)(1u << (bit & 7));
        assert_int_equal(read(&gpt), GPT_ERROR_CHECKSUM);
        entries[bit / 8] ^= (uint8_t)(1u << (bit & 7));
    }
    assert_int_equal(read(&gpt), GPT_OK);
}

struct lie {
    unsigned offset;
    unsigned size;
    uint64_t value;
    int error;
};

/* Values with a right checksum that make no sense all the same. */
static void lies_are_found(void **state)
{
    (void)state;
    const struct lie lies[] = {
        {8, 4, 0x20000, GPT_ERROR_NONE},       {12, 4, 91, GPT_ERROR_LAYOUT},
        {12, 4, 513, GPT_ERROR_LAYOUT},        {24, 8, 2, GPT_ERROR_LAYOUT},
        {40, 8, 1, GPT_ERROR_LAYOUT},          {40, 8, BLOCKS, GPT_ERROR_LAYOUT},
        {48, 8, BLOCKS, GPT_ERROR_LAYOUT},     {48, 8, UINT64_MAX, GPT_ERROR_LAYOUT},
        {72, 8, 0, GPT_ERROR_LAYOUT},          {72, 8, 1, GPT_ERROR_LAYOUT},
        {72, 8, 100, GPT_ERROR_LAYOUT},        {72, 8, UINT64_MAX, GPT_ERROR_LAYOUT},
        {80, 4, 0, GPT_ERROR_LAYOUT},          {80, 4, UINT32_MAX, GPT_ERROR_LAYOUT},
        {84, 4, 0, GPT_ERROR_LAYOUT},          {84, 4, 127, GPT_ERROR_LAYOUT},
        {84, 4, 0x80000000, GPT_ERROR_LAYOUT}, {84, 4, 256, GPT_ERROR_LAYOUT},
    };
    struct gpt gpt;
    for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        make();
        put(header + lies[i].offset, lies[i].value, lies[i].size);
        put(header + 16, 0, 4);
        put(header + 16, gpt_checksum(0, header, 92), 4);
        assert_int_equal(read(&gpt), lies[i].error);
    }
    const uint64_t ranges[][2] = {{33, 50},           {40, 50},        {99, 101},  {200, 150},
                                  {150, BLOCKS - 33}, {0, UINT64_MAX}, {101, 1000}};
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        make();
        add(3, ranges[i][0], ranges[i][1]);
        seal();
        assert_int_equal(read(&gpt), GPT_ERROR_PARTITION);
    }
}

static void parses_uuids(void **state)
{
    (void)state;
    const uint8_t expected[16] = {0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
                                  0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b};
    struct gpt_uuid uuid;
    assert_true(gpt_parse_uuid("c12a7328-F81f-11d2-ba4b-00a0c93ec93b", 36, &uuid));
    assert_memory_equal(uuid.bytes, expected, 16);
    assert_false(gpt_parse_uuid("c12a7328-f81f-11d2-ba4b-00a0c93ec93", 35, &uuid));
    assert_false(gpt_parse_uuid("c12a7328xf81f-11d2-ba4b-00a0c93ec93b", 36, &uuid));
    assert_false(gpt_parse_uuid("c12a7328-f81f-11d2-ba4b-00a0c93ec93g", 36, &uuid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_tables),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(lies_are_found),
        cmocka_unit_test(parses_uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
