/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decision: whether what GRUB loaded may run. Freestanding, no allocation; also built for the
 * host, where the tamper tests run it.
 */
#ifndef LOADER_VERIFY_H
#define LOADER_VERIFY_H

#include "failure.h"
#include "manifest.h"

/* The name under which GRUB hands over the signed manifest. */
#define VERIFY_MANIFEST "manifest"

struct verify_file {
    const char *name;
    struct pq_bytes contents;
    size_t covered; /* bytes from the start of contents that were found good */
    /* From the manifest; for the manifest itself its own digest and MANIFEST_ROLE_OTHER. */
    enum manifest_role role;
    uint8_t digest[MANIFEST_DIGEST_SIZE];
};

/* Nothing below these is taken. */
struct verify_floor {
    uint32_t epoch;
    uint64_t version;
};

/* What was found good; indices into the files. */
struct verify_result {
    uint32_t epoch;
    uint64_t version;
    unsigned manifest;
    unsigned kernel;
    unsigned root;
};

/* Told what is being done; may be NULL. */
typedef void verify_progress(const char *text);

/*
 * Checks the manifest among the files, with its signatures by the root keys, and then every other
 * file against it. There must be exactly one kernel and one root image. LOADER_OK and result, or
 * what is wrong in failure.
 */
int verify_files(struct verify_file *files, unsigned count, const struct manifest_keys *roots,
                 const struct verify_floor *floor, verify_progress *progress,
                 struct verify_result *result, struct loader_failure *failure);

#endif
