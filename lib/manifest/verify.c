/* SPDX-License-Identifier: BSD-2-Clause */
/* The signatures of the manifest file, and files against their entries. */
#include "manifest.h"

struct pq_bytes manifest_context(enum manifest_part part)
{
    static const uint8_t keys[] = "Quoin release keys 1";
    static const uint8_t list[] = "Quoin manifest 1";

    if (part == MANIFEST_PART_KEYS)
        return (struct pq_bytes){keys, sizeof keys - 1};
    return (struct pq_bytes){list, sizeof list - 1};
}

/* Every signature must verify: the first that does not is told. */
static int check_signatures(struct pq_bytes covered,
                            const struct pq_bytes signature[MANIFEST_REQUIRED],
                            const struct manifest_keys *keys, struct manifest_failure *failure)
{
    struct pq_message message = {
        .mode = PQ_MESSAGE_PURE,
        .context = manifest_context(failure->part),
        .body = covered,
    };

    for (unsigned i = 0; i < MANIFEST_REQUIRED; i++) {
        failure->algorithm = manifest_required[i];
        if (pq_verify(manifest_required[i], keys->key[i], &message, signature[i]) != PQ_OK)
            return MANIFEST_ERROR_SIGNATURE;
    }
    failure->algorithm = (enum pq_algorithm)0;
    return MANIFEST_OK;
}

int manifest_open(struct manifest *manifest, struct pq_bytes file,
                  const struct manifest_keys *roots, uint32_t epoch_floor, uint64_t version_floor,
                  struct manifest_failure *failure)
{
    struct manifest_failure unwanted;
    int error;

    if (!failure)
        failure = &unwanted;
    error = manifest_parse(manifest, file, failure);
    if (error)
        return error;

    *failure = (struct manifest_failure){.part = MANIFEST_PART_KEYS};
    error = check_signatures(manifest->signed_keys, manifest->keys_signature, roots, failure);
    if (error)
        return error;
    if (manifest->epoch < epoch_floor)
        return MANIFEST_ERROR_EPOCH;

    *failure = (struct manifest_failure){.part = MANIFEST_PART_MANIFEST};
    if (manifest->list_epoch != manifest->epoch)
        return MANIFEST_ERROR_EPOCH;
    error = check_signatures(manifest->signed_manifest, manifest->manifest_signature,
                             &manifest->release, failure);
    if (error)
        return error;
    return manifest->version < version_floor ? MANIFEST_ERROR_VERSION : MANIFEST_OK;
}

int manifest_find(const struct manifest *manifest, const char *name, struct manifest_file *file)
{
    for (uint32_t index = 0; index < manifest->file_count; index++) {
        unsigned i = 0;

        manifest_entry(manifest, index, file);
        while (i < MANIFEST_NAME_SIZE && name[i] == file->name[i] && name[i] != 0)
            i++;
        if (i < MANIFEST_NAME_SIZE && name[i] == file->name[i])
            return MANIFEST_OK;
    }
    return MANIFEST_ERROR_MISSING;
}

int manifest_check(const struct manifest_file *file, struct pq_bytes contents)
{
    uint8_t digest[MANIFEST_DIGEST_SIZE];

    if (contents.size != file->size)
        return MANIFEST_ERROR_FILE_SIZE;
    contents.size = file->covered;
    if (pq_hash(MANIFEST_HASH, contents, digest, sizeof digest) != PQ_OK ||
        !pq_equal(digest, file->digest, sizeof digest))
        return MANIFEST_ERROR_FILE_DIGEST;
    return MANIFEST_OK;
}

const char *manifest_error_text(int error)
{
    static const char *const texts[] = {
        [-MANIFEST_OK] = "no error",
        [-MANIFEST_ERROR_TRUNCATED] = "it is cut short",
        [-MANIFEST_ERROR_TRAILING] = "there are bytes after its end",
        [-MANIFEST_ERROR_MAGIC] = "it is not a signed manifest",
        [-MANIFEST_ERROR_FORMAT] = "it has a format that is not known",
        [-MANIFEST_ERROR_KIND] = "its parts are not in their places",
        [-MANIFEST_ERROR_LIMIT] = "a length or count is beyond what is allowed",
        [-MANIFEST_ERROR_RESERVED] = "a field that must be zero is not",
        [-MANIFEST_ERROR_ALGORITHM] = "it does not use the required algorithms",
        [-MANIFEST_ERROR_LENGTH] = "a key or signature has the wrong size",
        [-MANIFEST_ERROR_NAME] = "a file name is not allowed",
        [-MANIFEST_ERROR_ORDER] = "the file names are not in order",
        [-MANIFEST_ERROR_SIGNATURE] = "the signature does not verify",
        [-MANIFEST_ERROR_EPOCH] = "its release keys have been replaced",
        [-MANIFEST_ERROR_VERSION] = "it is older than what ran here before",
        [-MANIFEST_ERROR_MISSING] = "the manifest has no such file",
        [-MANIFEST_ERROR_FILE_SIZE] = "the file has another size than the manifest says",
        [-MANIFEST_ERROR_FILE_DIGEST] = "the file has other contents than the manifest says",
    };

    if (error > 0 || error < MANIFEST_ERROR_FILE_DIGEST)
        return "unknown error";
    return texts[-error];
}

const char *manifest_algorithm_name(enum pq_algorithm algorithm)
{
    switch ((unsigned)algorithm) {
    case PQ_ML_DSA_87:
        return "ML-DSA-87";
    case PQ_SLH_DSA_SHA2_256S:
        return "SLH-DSA-SHA2-256s";
    default:
        return "";
    }
}
