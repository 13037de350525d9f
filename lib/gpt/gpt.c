/* SPDX-License-Identifier: BSD-2-Clause */
#include <gpt/gpt.h>
#include <string.h>

/* Offsets in the header (UEFI 2.10, table 5-5) ... */
enum header {
    SIGNATURE = 0,
    REVISION = 8,
    HEADER_SIZE = 12,
    HEADER_CHECKSUM = 16,
    MY_BLOCK = 24,
    OTHER_BLOCK = 32,
    FIRST_USABLE = 40,
    LAST_USABLE = 48,
    DISK_UUID = 56,
    ENTRIES = 72,
    ENTRY_COUNT = 80,
    ENTRY_SIZE = 84,
    ENTRIES_CHECKSUM = 88,
    HEADER_LEAST = 92,
};

/* ... and in an entry (table 5-6). */
enum entry { TYPE = 0, UUID = 16, FIRST = 32, LAST = 40, ATTRIBUTES = 48, NAME = 56, ENTRY = 128 };

#define REVISION_1   0x00010000u
#define MOST_ENTRIES 1024u

static uint32_t get32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get64(const uint8_t *at)
{
    return get32(at) | (uint64_t)get32(at + 4) << 32;
}

uint32_t gpt_checksum(uint32_t start, const uint8_t *data, size_t size)
{
    uint32_t crc = ~start;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
    }
    return ~crc;
}

bool gpt_same(const struct gpt_uuid *a, const struct gpt_uuid *b)
{
    return memcmp(a->bytes, b->bytes, GPT_UUID_SIZE) == 0;
}

uint64_t gpt_entry_blocks(const struct gpt_header *header, uint32_t block_size)
{
    uint64_t bytes = (uint64_t)header->entry_count * header->entry_size;
    return (bytes + block_size - 1) / block_size;
}

/* The header's checksum is computed with its own field as zero. */
static bool checksum_is_right(const uint8_t *block, uint32_t size)
{
    static const uint8_t zero[4];
    uint32_t crc = gpt_checksum(0, block, HEADER_CHECKSUM);
    crc = gpt_checksum(crc, zero, sizeof(zero));
    crc = gpt_checksum(crc, block + HEADER_CHECKSUM + 4, size - HEADER_CHECKSUM - 4);
    return crc == get32(block + HEADER_CHECKSUM);
}

/* Neither the entries nor the usable blocks may cover a header, the protective MBR or each other.
 */
static bool layout_is_right(const struct gpt_header *header, uint32_t block_size, uint64_t number,
                            uint64_t blocks)
{
    if (header->entry_size < ENTRY || header->entry_size > GPT_ENTRY_MAX ||
        (header->entry_size & (header->entry_size - 1)) != 0 || header->entry_count == 0 ||
        header->entry_count > MOST_ENTRIES)
        return false;
    if (header->first_usable > header->last_usable || header->last_usable >= blocks ||
        header->first_usable < 2 ||
        (number >= header->first_usable && number <= header->last_usable))
        return false;
    uint64_t length = gpt_entry_blocks(header, block_size);
    if (header->entries < 2 || header->entries >= blocks || length > blocks - header->entries)
        return false;
    uint64_t last = header->entries + length - 1;
    bool covers_header = number >= header->entries && number <= last;
    bool covers_usable = header->entries <= header->last_usable && last >= header->first_usable;
    return !covers_header && !covers_usable;
}

int gpt_read_header(const uint8_t *block, uint32_t block_size, uint64_t number, uint64_t blocks,
                    struct gpt_header *header)
{
    if (block_size < 512 || memcmp(block + SIGNATURE, "EFI PART", 8) != 0 ||
        get32(block + REVISION) != REVISION_1)
        return GPT_ERROR_NONE;
    uint32_t size = get32(block + HEADER_SIZE);
    if (size < HEADER_LEAST || size > block_size)
        return GPT_ERROR_LAYOUT;
    if (!checksum_is_right(block, size))
        return GPT_ERROR_CHECKSUM;
    if (get64(block + MY_BLOCK) != number)
        return GPT_ERROR_LAYOUT;
    *header = (struct gpt_header){
        .backup = get64(block + OTHER_BLOCK),
        .first_usable = get64(block + FIRST_USABLE),
        .last_usable = get64(block + LAST_USABLE),
        .entries = get64(block + ENTRIES),
        .entry_count = get32(block + ENTRY_COUNT),
        .entry_size = get32(block + ENTRY_SIZE),
        .entries_checksum = get32(block + ENTRIES_CHECKSUM),
    };
    memcpy(header->disk.bytes, block + DISK_UUID, GPT_UUID_SIZE);
    return layout_is_right(header, block_size, number, blocks) ? GPT_OK : GPT_ERROR_LAYOUT;
}

static bool overlaps(const struct gpt *gpt, uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < gpt->count; i++) {
        if (first <= gpt->partition[i].last && gpt->partition[i].first <= last)
            return true;
    }
    return false;
}

int gpt_read_entries(const struct gpt_header *header, const uint8_t *entries, struct gpt *gpt)
{
    static const struct gpt_uuid unused;
    uint64_t bytes = (uint64_t)header->entry_count * header->entry_size;
    gpt->disk = header->disk;
    gpt->first_usable = header->first_usable;
    gpt->last_usable = header->last_usable;
    gpt->count = 0;
    if (gpt_checksum(0, entries, bytes) != header->entries_checksum)
        return GPT_ERROR_CHECKSUM;
    for (uint32_t i = 0; i < header->entry_count; i++) {
        const uint8_t *entry = entries + (uint64_t)i * header->entry_size;
        struct gpt_partition partition;
        memcpy(partition.type.bytes, entry + TYPE, GPT_UUID_SIZE);
        if (gpt_same(&partition.type, &unused))
            continue;
        memcpy(partition.uuid.bytes, entry + UUID, GPT_UUID_SIZE);
        partition.first = get64(entry + FIRST);
        partition.last = get64(entry + LAST);
        partition.attributes = get64(entry + ATTRIBUTES);
        for (unsigned n = 0; n < GPT_NAME_UNITS; n++)
            partition.name[n] = (uint16_t)(entry[NAME + 2 * n] | entry[NAME + 2 * n + 1] << 8);
        if (partition.first < header->first_usable || partition.last > header->last_usable ||
            partition.first > partition.last || gpt->count == GPT_MAX_PARTITIONS ||
            overlaps(gpt, partition.first, partition.last))
            return GPT_ERROR_PARTITION;
        gpt->partition[gpt->count++] = partition;
    }
    return GPT_OK;
}

const struct gpt_partition *gpt_find(const struct gpt *gpt, const struct gpt_uuid *uuid)
{
    for (unsigned i = 0; i < gpt->count; i++) {
        if (gpt_same(&gpt->partition[i].uuid, uuid))
            return &gpt->partition[i];
    }
    return NULL;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool gpt_parse_uuid(const char *text, size_t length, struct gpt_uuid *uuid)
{
    /* Where each pair of digits goes: the first three groups are turned round. */
    static const uint8_t place[GPT_UUID_SIZE] = {3, 2, 1,  0,  5,  4,  7,  6,
                                                 8, 9, 10, 11, 12, 13, 14, 15};
    size_t at = 0;
    if (length != 36)
        return false;
    for (unsigned i = 0; i < GPT_UUID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (text[at++] != '-')
                return false;
        }
        int high = digit(text[at]);
        int low = digit(text[at + 1]);
        if (high < 0 || low < 0)
            return false;
        uuid->bytes[place[i]] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return true;
}
