/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The signed manifest: which files may run. doc/formats.md describes it byte by byte.
 *
 * One file holds two signed parts: the release keys, signed by the root keys that are compiled into
 * whoever verifies, and the manifest, signed by the release keys. Each part carries one signature
 * of every algorithm in manifest_required[], and all of them must verify.
 *
 * Everything is checked before anything is used; a failure is told by an enum manifest_error and
 * the place in struct manifest_failure. Freestanding, no allocation, nothing is copied but single
 * entries. The file's memory must not change while a struct manifest refers to it.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "pq.h"

enum manifest_error {
    MANIFEST_OK = 0,
    MANIFEST_ERROR_TRUNCATED = -1,    /* shorter than its own lengths say */
    MANIFEST_ERROR_TRAILING = -2,     /* bytes after the end */
    MANIFEST_ERROR_MAGIC = -3,        /* not such a file */
    MANIFEST_ERROR_FORMAT = -4,       /* another version of the format */
    MANIFEST_ERROR_KIND = -5,         /* another part than the one that belongs there */
    MANIFEST_ERROR_LIMIT = -6,        /* a length or count beyond what is allowed */
    MANIFEST_ERROR_RESERVED = -7,     /* a field that must be zero is not */
    MANIFEST_ERROR_ALGORITHM = -8,    /* not the algorithm that is required at that place */
    MANIFEST_ERROR_LENGTH = -9,       /* a key or signature of another size than its algorithm's */
    MANIFEST_ERROR_NAME = -10,        /* a file name with other characters, or not ended by zeros */
    MANIFEST_ERROR_ORDER = -11,       /* file names that do not strictly rise */
    MANIFEST_ERROR_SIGNATURE = -12,   /* a signature does not verify */
    MANIFEST_ERROR_EPOCH = -13,       /* release keys that were replaced */
    MANIFEST_ERROR_VERSION = -14,     /* an older version than the one seen before */
    MANIFEST_ERROR_MISSING = -15,     /* the manifest names no such file */
    MANIFEST_ERROR_FILE_SIZE = -16,   /* the file has another size */
    MANIFEST_ERROR_FILE_DIGEST = -17, /* the file has other contents */
};

#define MANIFEST_NAME_SIZE 64 /* with at least one zero at the end */
#define MANIFEST_FILES_MAX 1024
#define MANIFEST_REQUIRED  2 /* algorithms */

/* ML-DSA-87 and SLH-DSA-SHA2-256s, in the order in which keys and signatures stand in the file. */
extern const enum pq_algorithm manifest_required[MANIFEST_REQUIRED];

/* The digest of files. */
#define MANIFEST_HASH        PQ_SHA2_512
#define MANIFEST_DIGEST_SIZE 64

/* Public keys, one for each of manifest_required[]. */
struct manifest_keys {
    struct pq_bytes key[MANIFEST_REQUIRED];
};

/* What a file is to the loader. */
enum manifest_role {
    MANIFEST_ROLE_OTHER = 0, /* read later, by a component */
    MANIFEST_ROLE_KERNEL = 1,
    MANIFEST_ROLE_ROOT = 2, /* root image: init and the system's components */
    MANIFEST_ROLE_FIRMWARE = 3,
    MANIFEST_ROLE_CONFIGURATION = 4,
};

struct manifest_file {
    char name[MANIFEST_NAME_SIZE];
    uint64_t size;
    enum manifest_role role;
    uint64_t
        covered; /* bytes from the start that the digest is of: size, or less of a root image */
    uint8_t digest[MANIFEST_DIGEST_SIZE];
};

/* Which parts there are (doc/formats.md: kind). */
enum manifest_part { MANIFEST_PART_KEYS = 1, MANIFEST_PART_MANIFEST = 2 };

/* Where the check failed. algorithm is 0 unless a key or signature is meant. */
struct manifest_failure {
    enum manifest_part part;
    enum pq_algorithm algorithm;
};

/* A parsed file; pointers into it. */
struct manifest {
    uint32_t epoch;      /* of the release keys */
    uint32_t list_epoch; /* of the release keys that the manifest was signed with */
    uint64_t version;
    uint32_t file_count;
    struct manifest_keys release;
    struct pq_bytes signed_keys;     /* what the root keys' signatures cover */
    struct pq_bytes signed_manifest; /* what the release keys' signatures cover */
    struct pq_bytes keys_signature[MANIFEST_REQUIRED];
    struct pq_bytes manifest_signature[MANIFEST_REQUIRED];
    struct pq_bytes files;
};

/* Checks the form of the whole file and fills manifest. No signature is checked. failure may be
 * NULL. */
int manifest_parse(struct manifest *manifest, struct pq_bytes file,
                   struct manifest_failure *failure);

/*
 * manifest_parse(), then the signatures of the release keys and that their epoch is at least
 * epoch_floor and the manifest's own, then the manifest's signatures and that its version is at
 * least version_floor. Stack: PQ_STACK_VERIFY and about 500 bytes. failure may be NULL.
 */
int manifest_open(struct manifest *manifest, struct pq_bytes file,
                  const struct manifest_keys *roots, uint32_t epoch_floor, uint64_t version_floor,
                  struct manifest_failure *failure);

/* Entry number index, below file_count. */
void manifest_entry(const struct manifest *manifest, uint32_t index, struct manifest_file *file);

/* MANIFEST_ERROR_MISSING when there is no entry of that name. */
int manifest_find(const struct manifest *manifest, const char *name, struct manifest_file *file);

/* Whether these are the contents that the entry stands for: of their size, and with its digest in
 * their covered part. What is behind that is for whoever uses it to check (lib/rootfiles). */
int manifest_check(const struct manifest_file *file, struct pq_bytes contents);

/* A short description of an error, for people: "the signature does not verify". */
const char *manifest_error_text(int error);

/* "ML-DSA-87" or "SLH-DSA-SHA2-256s"; "" for any other. */
const char *manifest_algorithm_name(enum pq_algorithm algorithm);

/* The context under which a part is signed: "Quoin release keys 1", "Quoin manifest 1". */
struct pq_bytes manifest_context(enum manifest_part part);

/* ---- The layout, for who writes such files (little-endian numbers) ---- */

#define MANIFEST_MAGIC            "QUOINSIG"
#define MANIFEST_FORMAT           1
#define MANIFEST_HEADER_SIZE      24 /* magic 8, format 4, kind 4, body size 4, signatures 4 */
#define MANIFEST_BODY_MAX         (1024 * 1024)
#define MANIFEST_ITEM_HEADER_SIZE 8     /* algorithm 2, zero 2, size 4; then a key or a signature */
#define MANIFEST_KEYS_HEADER_SIZE 8     /* epoch 4, key count 4; then keys */
#define MANIFEST_LIST_HEADER_SIZE 16    /* version 8, epoch 4, file count 4; then entries */
#define MANIFEST_ENTRY_SIZE       144   /* name 64, size 8, role 2, hash 2, covered 4, digest 64 */
#define MANIFEST_PAGE             4096u /* unit of an entry's covered part; 0 stands for all */

#endif
