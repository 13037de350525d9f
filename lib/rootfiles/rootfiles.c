/* SPDX-License-Identifier: BSD-2-Clause */
#include "rootfiles.h"

enum { HEADER_SIZE = 64, ENTRY_SIZE = 128 };

/* Offsets in the header and in an entry. */
enum { AT_SIZE = 8, AT_COUNT = 16, AT_COVERED = 24, AT_ZERO = 32 };
enum { AT_FILE_OFFSET = 48, AT_FILE_SIZE = 56, AT_DIGEST = 64 };

static const uint8_t signature[8] = {'Q', 'Q', 'A', 'R', 'C', 'H', '2', 0};

/*@ requires \valid_read(at + (0 .. 7));
    assigns \nothing; */
static uint64_t number(const uint8_t *at)
{
    uint64_t value = 0;
    /*@ loop invariant 0 <= i <= 8;
        loop assigns i, value;
        loop variant i; */
    for (unsigned i = 8; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

/*@ requires size == 0 || \valid_read(at + (0 .. size - 1));
    assigns \nothing;
    ensures \result == 0 || \result == 1;
    ensures \result == 1 ==> \forall integer i; 0 <= i < size ==> at[i] == 0; */
static int is_zero(const uint8_t *at, unsigned size)
{
    /*@ loop invariant 0 <= i <= size;
        loop invariant \forall integer j; 0 <= j < i ==> at[j] == 0;
        loop assigns i;
        loop variant size - i; */
    for (unsigned i = 0; i < size; i++) {
        if (at[i] != 0)
            return 0;
    }
    return 1;
}

/* Bytes of the pages that a file takes; it is no larger than an archive. */
/*@ requires size <= 0x100000000;
    assigns \nothing;
    ensures size <= \result < size + ROOTFILES_PAGE; */
static uint64_t pages_size(uint64_t size)
{
    return (size + ROOTFILES_PAGE - 1) / ROOTFILES_PAGE * ROOTFILES_PAGE;
}

/* A file lies wholly in the covered part and has no digest, or wholly behind it and has one. */
/*@ requires \valid_read(entry + (0 .. ENTRY_SIZE - 1));
    requires covered <= size <= 0x100000000;
    assigns \nothing;
    ensures \result == ROOTFILES_OK || \result == ROOTFILES_ERROR_ENTRY; */
static int check_entry(const uint8_t *entry, uint64_t size, uint64_t covered)
{
    uint64_t offset = number(entry + AT_FILE_OFFSET);
    uint64_t file_size = number(entry + AT_FILE_SIZE);

    if (entry[0] == 0 || entry[ROOTFILES_NAME_SIZE - 1] != 0 || offset % ROOTFILES_PAGE != 0 ||
        offset > size || file_size > size - offset || pages_size(file_size) > size - offset)
        return ROOTFILES_ERROR_ENTRY;
    if (offset >= covered)
        return ROOTFILES_OK;
    if (pages_size(file_size) > covered - offset ||
        !is_zero(entry + AT_DIGEST, ROOTFILES_DIGEST_SIZE))
        return ROOTFILES_ERROR_ENTRY;
    return ROOTFILES_OK;
}

/*@ requires \valid(files) && (room == 0 || \valid_read(data + (0 .. room - 1)));
    requires \separated(files, data + (0 .. room - 1), signature + (0 .. 7));
    assigns *files;
    ensures \result == ROOTFILES_OK || \result == ROOTFILES_ERROR_HEADER ||
            \result == ROOTFILES_ERROR_ENTRY;
    ensures \result == ROOTFILES_OK ==> files->data == data && files->covered <= files->size &&
            files->size <= room && HEADER_SIZE + files->count * ENTRY_SIZE <= files->covered; */
int rootfiles_parse(struct rootfiles *files, const uint8_t *data, uint64_t room)
{
    if (room < HEADER_SIZE)
        return ROOTFILES_ERROR_HEADER;
    /*@ loop invariant 0 <= i <= sizeof(signature);
        loop assigns i;
        loop variant sizeof(signature) - i; */
    for (unsigned i = 0; i < sizeof(signature); i++) {
        if (data[i] != signature[i])
            return ROOTFILES_ERROR_HEADER;
    }
    files->data = data;
    files->size = number(data + AT_SIZE);
    files->count = number(data + AT_COUNT);
    files->covered = number(data + AT_COVERED);
    if (files->size > room || files->size > UINT32_MAX || files->covered > files->size ||
        files->covered % ROOTFILES_PAGE != 0 || files->covered < HEADER_SIZE ||
        files->count > (files->covered - HEADER_SIZE) / ENTRY_SIZE ||
        !is_zero(data + AT_ZERO, HEADER_SIZE - AT_ZERO))
        return ROOTFILES_ERROR_HEADER;
    /*@ assert table: HEADER_SIZE + files->count * ENTRY_SIZE <= files->covered; */
    /*@ loop invariant 0 <= i <= files->count;
        loop assigns i;
        loop variant files->count - i; */
    for (uint64_t i = 0; i < files->count; i++) {
        /*@ assert inside: HEADER_SIZE + (i + 1) * ENTRY_SIZE <= room; */
        if (check_entry(data + HEADER_SIZE + i * ENTRY_SIZE, files->size, files->covered))
            return ROOTFILES_ERROR_ENTRY;
    }
    return ROOTFILES_OK;
}

void rootfiles_entry(const struct rootfiles *files, uint64_t index, struct rootfiles_entry *entry)
{
    const uint8_t *at = files->data + HEADER_SIZE + index * ENTRY_SIZE;

    for (unsigned i = 0; i < ROOTFILES_NAME_SIZE; i++)
        entry->name[i] = (char)at[i];
    entry->offset = number(at + AT_FILE_OFFSET);
    entry->size = number(at + AT_FILE_SIZE);
    entry->deferred = entry->offset >= files->covered;
    for (unsigned i = 0; i < ROOTFILES_DIGEST_SIZE; i++)
        entry->digest[i] = at[AT_DIGEST + i];
}

int rootfiles_check(const struct rootfiles *files, const struct rootfiles_entry *entry)
{
    uint8_t digest[ROOTFILES_DIGEST_SIZE];
    struct pq_bytes pages = {files->data + entry->offset, pages_size(entry->size)};

    if (!entry->deferred)
        return ROOTFILES_OK;
    if (pq_hash(PQ_SHA2_512, pages, digest, sizeof digest) != PQ_OK ||
        !pq_equal(digest, entry->digest, sizeof digest))
        return ROOTFILES_ERROR_DIGEST;
    return ROOTFILES_OK;
}
