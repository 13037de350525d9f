/* SPDX-License-Identifier: BSD-2-Clause */
/* The host tool that makes keys and signs images: quoin-sign. */
#ifndef SIGN_H
#define SIGN_H

#include <stdint.h>

#include "manifest.h"
#include "pq.h"

/* ---- files.c ---- */

/* Ends the program with a message: "quoin-sign: " and the text. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Never NULL; ends the program when there is no memory. The caller frees. */
void *allocate(size_t size);

/* A whole file; the caller frees data. Ends the program when it cannot be read. */
struct pq_bytes file_read(const char *path);

/* Writes a file anew (mode 0600 when secret, else 0644), by renaming a finished one into place. */
void file_write(const char *path, const uint8_t *data, size_t size, int secret);

/* folder/name, in static memory that the next call but three reuses. */
const char *file_in(const char *folder, const char *name);

void random_bytes(uint8_t *out, size_t size);

/* ---- keys.c ---- */

/* One secret key and public key for each of manifest_required[]. */
struct key_set {
    struct pq_bytes secret[MANIFEST_REQUIRED];
    struct manifest_keys public_keys;
};

/* Makes a key set from fresh randomness and stores its seeds, protected by the passphrase. */
void keys_create(struct key_set *set, const char *path, struct pq_bytes passphrase);

/* Reads and derives a key set; ends the program when the passphrase or the file is wrong. */
void keys_load(struct key_set *set, const char *path, struct pq_bytes passphrase);

/* Clears the secrets. */
void keys_forget(struct key_set *set);

/* The passphrase in the first line of a file, or asked for on the terminal when path is NULL (twice
 * when it is new). The caller wipes and frees it. */
struct pq_bytes passphrase_get(const char *path, int is_new);

/* ---- write.c ---- */

/* Bytes that grow at the end; the caller frees data. */
struct buffer {
    uint8_t *data;
    size_t size;
    size_t room;
};

void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_number(struct buffer *buffer, uint64_t value, unsigned size);

/* Keys with their headers, as in a body and in a file of public keys. */
void write_keys(struct buffer *out, const struct manifest_keys *keys);

/* The part that names the release keys, signed by the root keys. */
void write_release(struct buffer *out, uint32_t epoch, const struct manifest_keys *release,
                   const struct key_set *root);

/* The manifest part; files must rise by name. The same files, version and keys give the same bytes.
 */
void write_manifest(struct buffer *out, uint64_t version, uint32_t epoch,
                    const struct manifest_file *files, uint32_t count,
                    const struct key_set *release);

/* Reads what write_keys() wrote; the keys point into file. Ends the program when it is not that. */
void read_keys(struct manifest_keys *keys, struct pq_bytes file, const char *path);

/* ---- verifier.c ---- */

/* Makes FOLDER/verifier.key and FOLDER/verifier.pub. */
void verifier_create(const char *folder, struct pq_bytes passphrase);

/* Writes to out the ML-DSA-87 signature of a session's transcript (attest_transcript, as 128
 * hexadecimal digits). */
void verifier_prove(const char *folder, struct pq_bytes passphrase, const char *transcript,
                    const char *out);

#endif
