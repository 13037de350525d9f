/* SPDX-License-Identifier: BSD-2-Clause
 *
 * GUID partition tables (UEFI 2.10, section 5.3), read from blocks that the caller brings. A table
 * is taken only when its checksums are right and all of it is consistent; the backup at the end of
 * the disk stands in for a bad primary.
 */
#ifndef GPT_GPT_H
#define GPT_GPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPT_UUID_SIZE      16u
#define GPT_NAME_UNITS     36u
#define GPT_MAX_PARTITIONS 128u
#define GPT_ENTRY_MAX      512u /* bytes of an entry; 128 as a rule */

/* As it stands on the disk: the first three groups little-endian (UEFI 2.10, appendix A). */
struct gpt_uuid {
    uint8_t bytes[GPT_UUID_SIZE];
};

struct gpt_partition {
    struct gpt_uuid type;
    struct gpt_uuid uuid;
    uint64_t first; /* blocks of the disk, both included */
    uint64_t last;
    uint64_t attributes;
    uint16_t name[GPT_NAME_UNITS]; /* UTF-16, padded with zeroes */
};

struct gpt {
    struct gpt_uuid disk;
    uint64_t first_usable;
    uint64_t last_usable;
    unsigned count;
    struct gpt_partition partition[GPT_MAX_PARTITIONS];
};

enum gpt_error {
    GPT_OK = 0,
    GPT_ERROR_NONE = -1,      /* no table here */
    GPT_ERROR_CHECKSUM = -2,  /* header or entries do not have the checksum they say */
    GPT_ERROR_LAYOUT = -3,    /* sizes or places that make no sense */
    GPT_ERROR_PARTITION = -4, /* a partition outside the usable blocks, or two that overlap */
};

/* What a header says of where its entries are; filled by gpt_read_header. */
struct gpt_header {
    struct gpt_uuid disk;
    uint64_t backup; /* block of the other header */
    uint64_t first_usable;
    uint64_t last_usable;
    uint64_t entries; /* first block of them */
    uint32_t entry_count;
    uint32_t entry_size;
    uint32_t entries_checksum;
};

/*
 * Checks the header in `block` (block_size bytes), which stands in block `number` of a disk of
 * `blocks` blocks.
 */
int gpt_read_header(const uint8_t *block, uint32_t block_size, uint64_t number, uint64_t blocks,
                    struct gpt_header *header);

/* Blocks that the entries take. */
uint64_t gpt_entry_blocks(const struct gpt_header *header, uint32_t block_size);

/* Checks the entries (all of them, entry_count * entry_size bytes) and fills the table. */
int gpt_read_entries(const struct gpt_header *header, const uint8_t *entries, struct gpt *gpt);

/* The partition with this UUID, or NULL. */
const struct gpt_partition *gpt_find(const struct gpt *gpt, const struct gpt_uuid *uuid);

/* "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" in either case; false when it is none. */
bool gpt_parse_uuid(const char *text, size_t length, struct gpt_uuid *uuid);

bool gpt_same(const struct gpt_uuid *a, const struct gpt_uuid *b);

/* CRC-32 as ISO 3309 has it (UEFI 2.10, 5.3.1); start with 0. */
uint32_t gpt_checksum(uint32_t start, const uint8_t *data, size_t size);

#endif
