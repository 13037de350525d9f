/* SPDX-License-Identifier: BSD-2-Clause */
#include "verify.h"

#include <string.h>
#include <rt/format.h>

#define NONE 0xffffffffu

static void tell(verify_progress *progress, const char *text)
{
    if (progress)
        progress(text);
}

/* The characters that a manifest's names have (doc/formats.md). */
static int name_allowed(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length >= MANIFEST_NAME_SIZE)
        return 0;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '-' && c <= '9') ||
              c == '_'))
            return 0;
    }
    return 1;
}

static int check_names(const struct verify_file *files, unsigned count,
                       struct loader_failure *failure)
{
    for (unsigned i = 0; i < count; i++) {
        if (!name_allowed(files[i].name))
            return failure_set(failure, LOADER_ERROR_NAME, NULL);
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(files[i].name, files[j].name) == 0)
                return failure_set(failure, LOADER_ERROR_TWICE, files[i].name);
        }
    }
    return LOADER_OK;
}

/* No keys at all would be keys that anybody can sign with. */
static int have_roots(const struct manifest_keys *roots)
{
    for (unsigned i = 0; i < MANIFEST_REQUIRED; i++) {
        uint8_t any = 0;
        for (size_t at = 0; at < roots->key[i].size; at++)
            any |= roots->key[i].data[at];
        if (any == 0)
            return 0;
    }
    return 1;
}

static int open_manifest(struct manifest *manifest, struct verify_file *file,
                         const struct manifest_keys *roots, const struct verify_floor *floor,
                         struct loader_failure *failure)
{
    struct manifest_failure place = {0};
    int error =
        manifest_open(manifest, file->contents, roots, floor->epoch, floor->version, &place);

    if (error) {
        failure_set(failure, LOADER_ERROR_MANIFEST, VERIFY_MANIFEST);
        failure->manifest_error = error;
        failure->place = place;
        failure->epoch = place.part == MANIFEST_PART_MANIFEST ? manifest->epoch : 0;
        return LOADER_ERROR_MANIFEST;
    }
    file->role = MANIFEST_ROLE_OTHER;
    file->covered = file->contents.size;
    pq_hash(MANIFEST_HASH, file->contents, file->digest, sizeof file->digest);
    return LOADER_OK;
}

static int check_file(const struct manifest *manifest, struct verify_file *file,
                      struct loader_failure *failure)
{
    struct manifest_file entry;
    int error = manifest_find(manifest, file->name, &entry);

    if (!error)
        error = manifest_check(&entry, file->contents);
    if (error) {
        failure_set(failure, LOADER_ERROR_FILE, file->name);
        failure->manifest_error = error;
        return LOADER_ERROR_FILE;
    }
    file->role = entry.role;
    file->covered = entry.covered;
    memcpy(file->digest, entry.digest, sizeof file->digest);
    return LOADER_OK;
}

/* The one file of a role: its index goes to *index. */
static int find_role(const struct verify_file *files, unsigned count, enum manifest_role role,
                     enum loader_error none, enum loader_error two, unsigned *index,
                     struct loader_failure *failure)
{
    *index = NONE;
    for (unsigned i = 0; i < count; i++) {
        if (files[i].role != role)
            continue;
        if (*index != NONE)
            return failure_set(failure, two, files[i].name);
        *index = i;
    }
    return *index == NONE ? failure_set(failure, none, NULL) : LOADER_OK;
}

int verify_files(struct verify_file *files, unsigned count, const struct manifest_keys *roots,
                 const struct verify_floor *floor, verify_progress *progress,
                 struct verify_result *result, struct loader_failure *failure)
{
    struct manifest manifest;
    char text[128];
    int error;

    if (!have_roots(roots))
        return failure_set(failure, LOADER_ERROR_NO_ROOTS, NULL);
    error = check_names(files, count, failure);
    if (error)
        return error;
    result->manifest = 0;
    while (result->manifest < count && strcmp(files[result->manifest].name, VERIFY_MANIFEST) != 0)
        result->manifest++;
    if (result->manifest == count)
        return failure_set(failure, LOADER_ERROR_NO_MANIFEST, VERIFY_MANIFEST);

    tell(progress, "manifest: checking two signatures of the release keys, two of the files");
    error = open_manifest(&manifest, &files[result->manifest], roots, floor, failure);
    if (error)
        return error;
    result->epoch = manifest.epoch;
    result->version = manifest.version;
    format_text(text, sizeof text, "manifest: good, version %lu, release keys of epoch %u",
                (unsigned long)manifest.version, manifest.epoch);
    tell(progress, text);

    for (unsigned i = 0; i < count; i++) {
        if (i == result->manifest)
            continue;
        error = check_file(&manifest, &files[i], failure);
        if (error)
            return error;
        if (files[i].covered == files[i].contents.size)
            format_text(text, sizeof text, "%s: good, %lu bytes", files[i].name,
                        (unsigned long)files[i].covered);
        else
            format_text(text, sizeof text, "%s: good, %lu bytes; %lu more are for init to check",
                        files[i].name, (unsigned long)files[i].covered,
                        (unsigned long)(files[i].contents.size - files[i].covered));
        tell(progress, text);
    }
    error = find_role(files, count, MANIFEST_ROLE_KERNEL, LOADER_ERROR_NO_KERNEL,
                      LOADER_ERROR_TWO_KERNELS, &result->kernel, failure);
    if (error)
        return error;
    return find_role(files, count, MANIFEST_ROLE_ROOT, LOADER_ERROR_NO_ROOT, LOADER_ERROR_TWO_ROOTS,
                     &result->root, failure);
}
