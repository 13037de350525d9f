/* SPDX-License-Identifier: BSD-2-Clause */
/* The form of the manifest file. Nothing is read before its length is checked. */
#include "manifest.h"

const enum pq_algorithm manifest_required[MANIFEST_REQUIRED] = {PQ_ML_DSA_87, PQ_SLH_DSA_SHA2_256S};

/* What is left to read. */
struct reader {
    const uint8_t *at;
    size_t left;
};

/*@ predicate readable{L}(uint8_t *at, integer size) =
      size == 0 || \valid_read{L}(at + (0 .. size - 1)); */

/*@ requires size <= 8 && readable(at, size);
    assigns \nothing; */
static uint64_t number(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    /*@ loop invariant 0 <= i <= size;
        loop assigns i, value;
        loop variant i; */
    for (unsigned i = size; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

/* The next size bytes, or NULL when there are not as many. */
/*@ requires \valid(reader) && readable(reader->at, reader->left);
    assigns reader->at, reader->left;
    ensures readable(reader->at, reader->left);
    ensures \result == \null || (\result == \old(reader->at) && readable(\result, size));
    ensures size > \old(reader->left) ==> \result == \null;
    ensures size <= \old(reader->left) ==> reader->left == \old(reader->left) - size; */
static const uint8_t *take(struct reader *reader, size_t size)
{
    const uint8_t *at = reader->at;

    if (size > reader->left)
        return NULL;
    reader->at += size;
    reader->left -= size;
    return at;
}

/*@ requires readable(a, size) && (size == 0 || \valid_read(b + (0 .. size - 1)));
    assigns \nothing; */
static int same(const uint8_t *a, const char *b, size_t size)
{
    /*@ loop invariant 0 <= i <= size;
        loop assigns i;
        loop variant size - i; */
    for (size_t i = 0; i < size; i++) {
        if (a[i] != (uint8_t)b[i])
            return 0;
    }
    return 1;
}

/* One key or signature of each required algorithm, in order; sizes[i] is what each must have. */
/*@ requires \valid(reader) && readable(reader->at, reader->left);
    requires \valid_read(sizes + (0 .. MANIFEST_REQUIRED - 1));
    requires \valid(item + (0 .. MANIFEST_REQUIRED - 1)) && \valid(failure);
    requires \separated(reader, failure, item + (0 .. MANIFEST_REQUIRED - 1),
                        sizes + (0 .. MANIFEST_REQUIRED - 1), manifest_required + (0 .. 1));
    assigns *reader, item[0 .. MANIFEST_REQUIRED - 1], failure->algorithm;
    ensures readable(reader->at, reader->left);
    ensures \result == MANIFEST_OK ==> \forall integer i; 0 <= i < MANIFEST_REQUIRED ==>
            item[i].size == sizes[i] && readable(item[i].data, sizes[i]); */
static int parse_items(struct reader *reader, const size_t sizes[MANIFEST_REQUIRED],
                       struct pq_bytes item[MANIFEST_REQUIRED], struct manifest_failure *failure)
{
    /*@ loop invariant 0 <= i <= MANIFEST_REQUIRED;
        loop invariant readable(reader->at, reader->left);
        loop invariant \forall integer j; 0 <= j < i ==>
            item[j].size == sizes[j] && readable(item[j].data, sizes[j]);
        loop assigns i, *reader, item[0 .. MANIFEST_REQUIRED - 1], failure->algorithm;
        loop variant MANIFEST_REQUIRED - i; */
    for (unsigned i = 0; i < MANIFEST_REQUIRED; i++) {
        const uint8_t *header = take(reader, MANIFEST_ITEM_HEADER_SIZE);

        failure->algorithm = manifest_required[i];
        if (!header)
            return MANIFEST_ERROR_TRUNCATED;
        if (number(header, 2) != manifest_required[i])
            return MANIFEST_ERROR_ALGORITHM;
        if (number(header + 2, 2) != 0)
            return MANIFEST_ERROR_RESERVED;
        if (number(header + 4, 4) != sizes[i])
            return MANIFEST_ERROR_LENGTH;
        item[i].size = sizes[i];
        item[i].data = take(reader, sizes[i]);
        if (!item[i].data)
            return MANIFEST_ERROR_TRUNCATED;
    }
    failure->algorithm = (enum pq_algorithm)0;
    return MANIFEST_OK;
}

/* One signed part: its body, what is signed, and its signatures. */
/*@ requires \valid(reader) && readable(reader->at, reader->left);
    requires \valid(body) && \valid(covered) && \valid(failure);
    requires \valid_read(sizes + (0 .. MANIFEST_REQUIRED - 1));
    requires \valid(signature + (0 .. MANIFEST_REQUIRED - 1));
    requires \separated(reader, body, covered, failure, signature + (0 .. MANIFEST_REQUIRED - 1),
                        sizes + (0 .. MANIFEST_REQUIRED - 1), manifest_required + (0 .. 1));
    assigns *reader, *body, *covered, signature[0 .. MANIFEST_REQUIRED - 1], failure->algorithm;
    ensures readable(reader->at, reader->left);
    ensures \result == MANIFEST_OK ==> readable(body->at, body->left); */
static int parse_part(struct reader *reader, struct reader *body, struct pq_bytes *covered,
                      const size_t sizes[MANIFEST_REQUIRED],
                      struct pq_bytes signature[MANIFEST_REQUIRED],
                      struct manifest_failure *failure)
{
    const uint8_t *header = take(reader, MANIFEST_HEADER_SIZE);
    size_t size;

    if (!header)
        return MANIFEST_ERROR_TRUNCATED;
    if (!same(header, MANIFEST_MAGIC, 8))
        return MANIFEST_ERROR_MAGIC;
    if (number(header + 8, 4) != MANIFEST_FORMAT)
        return MANIFEST_ERROR_FORMAT;
    if (number(header + 12, 4) != failure->part)
        return MANIFEST_ERROR_KIND;
    size = (size_t)number(header + 16, 4);
    if (size > MANIFEST_BODY_MAX || number(header + 20, 4) != MANIFEST_REQUIRED)
        return MANIFEST_ERROR_LIMIT;
    body->left = size;
    body->at = take(reader, size);
    if (!body->at)
        return MANIFEST_ERROR_TRUNCATED;
    *covered = (struct pq_bytes){header, MANIFEST_HEADER_SIZE + size};
    return parse_items(reader, sizes, signature, failure);
}

/*@ requires \valid(manifest) && \valid(body) && \valid(failure);
    requires readable(body->at, body->left);
    requires \valid_read(sizes + (0 .. MANIFEST_REQUIRED - 1));
    requires \separated(manifest, body, failure, sizes + (0 .. MANIFEST_REQUIRED - 1),
                        manifest_required + (0 .. 1));
    assigns manifest->epoch, manifest->release, *body, failure->algorithm; */
static int parse_keys(struct manifest *manifest, struct reader *body,
                      const size_t sizes[MANIFEST_REQUIRED], struct manifest_failure *failure)
{
    const uint8_t *header = take(body, MANIFEST_KEYS_HEADER_SIZE);
    int error;

    if (!header)
        return MANIFEST_ERROR_TRUNCATED;
    manifest->epoch = (uint32_t)number(header, 4);
    if (number(header + 4, 4) != MANIFEST_REQUIRED)
        return MANIFEST_ERROR_LIMIT;
    error = parse_items(body, sizes, manifest->release.key, failure);
    if (error)
        return error;
    return body->left == 0 ? MANIFEST_OK : MANIFEST_ERROR_TRAILING;
}

/* A name is 1 to 63 of the characters a-z A-Z 0-9 . _ - / and zeros after it. */
/*@ requires readable(name, MANIFEST_NAME_SIZE);
    assigns \nothing;
    ensures \result == MANIFEST_OK || \result == MANIFEST_ERROR_NAME;
    ensures \result == MANIFEST_OK ==> name[0] != 0 && name[MANIFEST_NAME_SIZE - 1] == 0; */
static int check_name(const uint8_t name[MANIFEST_NAME_SIZE])
{
    unsigned length = 0;

    /*@ loop invariant 0 <= length <= MANIFEST_NAME_SIZE;
        loop invariant \forall integer i; 0 <= i < length ==> name[i] != 0;
        loop assigns length;
        loop variant MANIFEST_NAME_SIZE - length; */
    for (; length < MANIFEST_NAME_SIZE && name[length] != 0; length++) {
        uint8_t c = name[length];
        int allowed =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '-' && c <= '9') || c == '_';
        if (!allowed)
            return MANIFEST_ERROR_NAME;
    }
    if (length == 0 || length == MANIFEST_NAME_SIZE)
        return MANIFEST_ERROR_NAME;
    /*@ loop invariant 0 < length <= MANIFEST_NAME_SIZE;
        loop invariant name[0] != 0;
        loop invariant length == MANIFEST_NAME_SIZE ==> name[MANIFEST_NAME_SIZE - 1] == 0;
        loop assigns length;
        loop variant MANIFEST_NAME_SIZE - length; */
    for (; length < MANIFEST_NAME_SIZE; length++) {
        if (name[length] != 0)
            return MANIFEST_ERROR_NAME;
    }
    return MANIFEST_OK;
}

/* Whether name a comes before b. */
/*@ requires readable(a, MANIFEST_NAME_SIZE) && readable(b, MANIFEST_NAME_SIZE);
    assigns \nothing; */
static int rises(const uint8_t a[MANIFEST_NAME_SIZE], const uint8_t b[MANIFEST_NAME_SIZE])
{
    /*@ loop invariant 0 <= i <= MANIFEST_NAME_SIZE;
        loop assigns i;
        loop variant MANIFEST_NAME_SIZE - i; */
    for (unsigned i = 0; i < MANIFEST_NAME_SIZE; i++) {
        if (a[i] != b[i])
            return a[i] < b[i];
    }
    return 0;
}

/*@ requires readable(entry, MANIFEST_ENTRY_SIZE);
    requires before == \null || readable(before, MANIFEST_ENTRY_SIZE);
    assigns \nothing; */
static int check_entry(const uint8_t *entry, const uint8_t *before)
{
    int error = check_name(entry);
    uint64_t role;
    uint64_t covered;

    if (error)
        return error;
    if (before && !rises(before, entry))
        return MANIFEST_ERROR_ORDER;
    role = number(entry + 72, 2);
    if (role > MANIFEST_ROLE_CONFIGURATION)
        return MANIFEST_ERROR_LIMIT;
    if (number(entry + 74, 2) != MANIFEST_HASH)
        return MANIFEST_ERROR_ALGORITHM;
    covered = number(entry + 76, 4);
    if (covered == 0)
        return MANIFEST_OK;
    if (role != MANIFEST_ROLE_ROOT)
        return MANIFEST_ERROR_RESERVED;
    if (covered > UINT32_MAX || covered * MANIFEST_PAGE >= number(entry + 64, 8))
        return MANIFEST_ERROR_LIMIT;
    return MANIFEST_OK;
}

/*@ requires \valid(manifest) && \valid(body) && \separated(manifest, body);
    requires readable(body->at, body->left);
    assigns manifest->version, manifest->list_epoch, manifest->file_count, manifest->files, *body;
    ensures \result == MANIFEST_OK ==> manifest->file_count <= MANIFEST_FILES_MAX &&
            readable(manifest->files.data, manifest->file_count * MANIFEST_ENTRY_SIZE); */
static int parse_list(struct manifest *manifest, struct reader *body)
{
    const uint8_t *header = take(body, MANIFEST_LIST_HEADER_SIZE);

    if (!header)
        return MANIFEST_ERROR_TRUNCATED;
    manifest->version = number(header, 8);
    manifest->list_epoch = (uint32_t)number(header + 8, 4);
    manifest->file_count = (uint32_t)number(header + 12, 4);
    if (manifest->file_count > MANIFEST_FILES_MAX)
        return MANIFEST_ERROR_LIMIT;
    manifest->files.size = (size_t)manifest->file_count * MANIFEST_ENTRY_SIZE;
    manifest->files.data = take(body, manifest->files.size);
    if (!manifest->files.data)
        return MANIFEST_ERROR_TRUNCATED;
    if (body->left != 0)
        return MANIFEST_ERROR_TRAILING;
    /*@ loop invariant 0 <= i <= manifest->file_count;
        loop assigns i;
        loop variant manifest->file_count - i; */
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        const uint8_t *entry = manifest->files.data + (size_t)i * MANIFEST_ENTRY_SIZE;
        int error = check_entry(entry, i == 0 ? NULL : entry - MANIFEST_ENTRY_SIZE);
        if (error)
            return error;
    }
    return MANIFEST_OK;
}

int manifest_parse(struct manifest *manifest, struct pq_bytes file,
                   struct manifest_failure *failure)
{
    struct manifest_failure unwanted;
    struct reader reader = {file.data, file.size};
    struct reader body;
    size_t key_sizes[MANIFEST_REQUIRED];
    size_t signature_sizes[MANIFEST_REQUIRED];
    int error;

    if (!failure)
        failure = &unwanted;
    for (unsigned i = 0; i < MANIFEST_REQUIRED; i++) {
        struct pq_sign_sizes sizes = {0};
        if (pq_sign_sizes(manifest_required[i], &sizes))
            return MANIFEST_ERROR_ALGORITHM;
        key_sizes[i] = sizes.public_key;
        signature_sizes[i] = sizes.signature;
    }

    *failure = (struct manifest_failure){.part = MANIFEST_PART_KEYS};
    error = parse_part(&reader, &body, &manifest->signed_keys, signature_sizes,
                       manifest->keys_signature, failure);
    if (!error)
        error = parse_keys(manifest, &body, key_sizes, failure);
    if (error)
        return error;

    *failure = (struct manifest_failure){.part = MANIFEST_PART_MANIFEST};
    error = parse_part(&reader, &body, &manifest->signed_manifest, signature_sizes,
                       manifest->manifest_signature, failure);
    if (!error)
        error = parse_list(manifest, &body);
    if (!error && reader.left != 0)
        error = MANIFEST_ERROR_TRAILING;
    return error;
}

void manifest_entry(const struct manifest *manifest, uint32_t index, struct manifest_file *file)
{
    const uint8_t *entry = manifest->files.data + (size_t)index * MANIFEST_ENTRY_SIZE;

    for (unsigned i = 0; i < MANIFEST_NAME_SIZE; i++)
        file->name[i] = (char)entry[i];
    file->size = number(entry + 64, 8);
    file->role = (enum manifest_role)number(entry + 72, 2);
    file->covered = number(entry + 76, 4) * MANIFEST_PAGE;
    if (file->covered == 0)
        file->covered = file->size;
    for (unsigned i = 0; i < MANIFEST_DIGEST_SIZE; i++)
        file->digest[i] = entry[80 + i];
}
