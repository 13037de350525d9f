/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing the manifest file's parts: the counterpart of lib/manifest/parse.c. */
#include <stdlib.h>
#include <string.h>

#include "sign.h"

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (size > buffer->room - buffer->size) {
        size_t room = 2 * (buffer->size + size);
        uint8_t *grown = realloc(buffer->data, room);
        if (!grown)
            die("out of memory");
        buffer->data = grown;
        buffer->room = room;
    }
    if (size != 0)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
}

void buffer_number(struct buffer *buffer, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * i);
        buffer_append(buffer, &byte, 1);
    }
}

static void append_item(struct buffer *out, enum pq_algorithm algorithm, struct pq_bytes item)
{
    buffer_number(out, algorithm, 2);
    buffer_number(out, 0, 2);
    buffer_number(out, item.size, 4);
    buffer_append(out, item.data, item.size);
}

void write_keys(struct buffer *out, const struct manifest_keys *keys)
{
    for (unsigned i = 0; i < MANIFEST_REQUIRED; i++)
        append_item(out, manifest_required[i], keys->key[i]);
}

/* A part around its body, with a signature of each required algorithm. Hedged signatures differ
 * each time; deterministic ones make the same image of the same files (FIPS 204 section 3.4, FIPS
 * 205 section 9.2). */
static void append_part(struct buffer *out, enum manifest_part part, const struct buffer *body,
                        const struct key_set *signer, int hedged)
{
    size_t start = out->size;
    size_t covered;

    if (body->size > MANIFEST_BODY_MAX)
        die("too much to sign");
    buffer_append(out, MANIFEST_MAGIC, 8);
    buffer_number(out, MANIFEST_FORMAT, 4);
    buffer_number(out, part, 4);
    buffer_number(out, body->size, 4);
    buffer_number(out, MANIFEST_REQUIRED, 4);
    buffer_append(out, body->data, body->size);
    covered = out->size - start;

    for (unsigned i = 0; i < MANIFEST_REQUIRED; i++) {
        struct pq_sign_sizes sizes;
        uint8_t random[PQ_SIGN_RANDOM_MAX];
        uint8_t *signature;
        struct pq_message message = {
            .mode = PQ_MESSAGE_PURE,
            .context = manifest_context(part),
            .body = {out->data + start, covered},
        };

        pq_sign_sizes(manifest_required[i], &sizes);
        signature = allocate(sizes.signature);
        if (!hedged)
            sizes.random = 0;
        random_bytes(random, sizes.random);
        if (pq_sign(manifest_required[i], signer->secret[i], &message,
                    (struct pq_bytes){random, sizes.random}, signature, sizes.signature))
            die("a signature could not be made");
        append_item(out, manifest_required[i], (struct pq_bytes){signature, sizes.signature});
        free(signature);
    }
}

void write_release(struct buffer *out, uint32_t epoch, const struct manifest_keys *release,
                   const struct key_set *root)
{
    struct buffer body = {NULL, 0, 0};

    buffer_number(&body, epoch, 4);
    buffer_number(&body, MANIFEST_REQUIRED, 4);
    write_keys(&body, release);
    append_part(out, MANIFEST_PART_KEYS, &body, root, 1);
    free(body.data);
}

void write_manifest(struct buffer *out, uint64_t version, uint32_t epoch,
                    const struct manifest_file *files, uint32_t count,
                    const struct key_set *release)
{
    struct buffer body = {NULL, 0, 0};

    buffer_number(&body, version, 8);
    buffer_number(&body, epoch, 4);
    buffer_number(&body, count, 4);
    for (uint32_t i = 0; i < count; i++) {
        buffer_append(&body, files[i].name, MANIFEST_NAME_SIZE);
        buffer_number(&body, files[i].size, 8);
        buffer_number(&body, files[i].role, 2);
        buffer_number(&body, MANIFEST_HASH, 2);
        buffer_number(&body,
                      files[i].covered == files[i].size ? 0 : files[i].covered / MANIFEST_PAGE, 4);
        buffer_append(&body, files[i].digest, MANIFEST_DIGEST_SIZE);
    }
    append_part(out, MANIFEST_PART_MANIFEST, &body, release, 0);
    free(body.data);
}

void read_keys(struct manifest_keys *keys, struct pq_bytes file, const char *path)
{
    size_t at = 0;

    for (unsigned i = 0; i < MANIFEST_REQUIRED; i++) {
        struct pq_sign_sizes sizes;
        struct buffer header = {NULL, 0, 0};

        pq_sign_sizes(manifest_required[i], &sizes);
        buffer_number(&header, manifest_required[i], 2);
        buffer_number(&header, 0, 2);
        buffer_number(&header, sizes.public_key, 4);
        if (file.size - at < header.size + sizes.public_key ||
            memcmp(file.data + at, header.data, header.size) != 0)
            die("%s is not a file of public keys", path);
        keys->key[i] = (struct pq_bytes){file.data + at + header.size, sizes.public_key};
        at += header.size + sizes.public_key;
        free(header.data);
    }
    if (at != file.size)
        die("%s is not a file of public keys", path);
}
