/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quoin-sign: makes keys, signs what an image holds, checks it. A folder of keys holds
 *
 *   root.key       secret root keys        (keep it off the machine that signs releases)
 *   release.key    secret release keys
 *   roots.pub      public root keys
 *   release.part   the release keys, signed by the root keys
 *   verifier.key   secret key of who may do more with running machines than ask what they are
 *   verifier.pub   its public key, which images carry
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sign.h"

static const char usage[] =
    "usage:\n"
    "  quoin-sign new FOLDER                       make root and release keys\n"
    "  quoin-sign rotate FOLDER                    make new release keys; the old ones are "
    "revoked\n"
    "  quoin-sign sign FOLDER VERSION OUT ENTRY... sign files; ENTRY is ROLE:NAME=PATH, ROLE one "
    "of\n"
    "                                              kernel root firmware configuration other; "
    "root/N\n"
    "                                              covers a root image's first N pages alone\n"
    "  quoin-sign verify ROOTS MANIFEST [NAME=PATH...]\n"
    "                                              check the signatures, and files if any are "
    "given\n"
    "  quoin-sign roots ROOTS OUT.c                public root keys as C source\n"
    "  quoin-sign verifier FOLDER                  make a verifier's key\n"
    "  quoin-sign prove FOLDER TRANSCRIPT OUT      sign a session with it\n"
    "  --passphrase-file FILE (before the command) instead of asking\n";

static const char *passphrase_file;

static const char *const roles[] = {
    [MANIFEST_ROLE_OTHER] = "other",
    [MANIFEST_ROLE_KERNEL] = "kernel",
    [MANIFEST_ROLE_ROOT] = "root",
    [MANIFEST_ROLE_FIRMWARE] = "firmware",
    [MANIFEST_ROLE_CONFIGURATION] = "configuration",
};

static void free_bytes(struct pq_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static struct pq_bytes get_passphrase(int is_new)
{
    return passphrase_get(passphrase_file, is_new);
}

static void forget_passphrase(struct pq_bytes passphrase)
{
    pq_wipe((void *)(uintptr_t)passphrase.data, passphrase.size);
    free_bytes(passphrase);
}

/* The epoch in FOLDER/release.part, which only this tool writes. */
static uint32_t read_epoch(struct pq_bytes part)
{
    const uint8_t *at = part.data + MANIFEST_HEADER_SIZE;
    if (part.size < MANIFEST_HEADER_SIZE + 4)
        die("release.part is damaged");
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static void make_release(const char *folder, uint32_t epoch, const struct key_set *root,
                         struct pq_bytes passphrase)
{
    struct key_set release;
    struct buffer part = {NULL, 0, 0};

    keys_create(&release, file_in(folder, "release.key"), passphrase);
    write_release(&part, epoch, &release.public_keys, root);
    file_write(file_in(folder, "release.part"), part.data, part.size, 0);
    free(part.data);
    keys_forget(&release);
}

static int command_new(char **arguments)
{
    const char *folder = arguments[0];
    struct pq_bytes passphrase;
    struct buffer public_keys = {NULL, 0, 0};
    struct key_set root;

    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        die("%s: %s", folder, strerror(errno));
    passphrase = get_passphrase(1);
    keys_create(&root, file_in(folder, "root.key"), passphrase);
    write_keys(&public_keys, &root.public_keys);
    file_write(file_in(folder, "roots.pub"), public_keys.data, public_keys.size, 0);
    make_release(folder, 1, &root, passphrase);
    forget_passphrase(passphrase);
    keys_forget(&root);
    free(public_keys.data);
    printf("made root and release keys (epoch 1) in %s\n", folder);
    return 0;
}

static int command_rotate(char **arguments)
{
    const char *folder = arguments[0];
    struct pq_bytes part = file_read(file_in(folder, "release.part"));
    uint32_t epoch = read_epoch(part);
    char old[64];
    struct pq_bytes passphrase;
    struct key_set root;

    if (epoch == UINT32_MAX)
        die("there is no epoch left");
    passphrase = get_passphrase(0);
    keys_load(&root, file_in(folder, "root.key"), passphrase);
    snprintf(old, sizeof old, "release-%" PRIu32 ".key", epoch);
    if (rename(file_in(folder, "release.key"), file_in(folder, old)) < 0)
        die("%s/release.key: %s", folder, strerror(errno));
    make_release(folder, epoch + 1, &root, passphrase);
    forget_passphrase(passphrase);
    keys_forget(&root);
    free_bytes(part);
    printf("made release keys of epoch %" PRIu32 " in %s\n", epoch + 1, folder);
    return 0;
}

/* ROLE or ROLE/PAGES into file->role and file->covered. */
static void describe_role(struct manifest_file *file, char *role)
{
    char *pages = strchr(role, '/');
    char *end = NULL;
    uint64_t count = 0;
    unsigned r = 0;

    if (pages) {
        *pages = 0;
        count = strtoull(pages + 1, &end, 10);
        if (*end || count == 0 || count > UINT32_MAX)
            die("%s is no number of pages", pages + 1);
    }
    while (r < sizeof roles / sizeof roles[0] && strcmp(roles[r], role) != 0)
        r++;
    if (r == sizeof roles / sizeof roles[0])
        die("%s is no role", role);
    file->role = (enum manifest_role)r;
    file->covered = count * MANIFEST_PAGE;
}

/* ROLE:NAME=PATH, or NAME=PATH when file->role is not wanted. */
static const char *split_entry(char *entry, char **role, char **name)
{
    char *path = strchr(entry, '=');
    char *colon = strchr(entry, ':');

    if (!path || (role && (!colon || colon > path)))
        die("%s is not of the form %sNAME=PATH", entry, role ? "ROLE:" : "");
    *path = 0;
    if (role) {
        *colon = 0;
        *role = entry;
        entry = colon + 1;
    }
    *name = entry;
    return path + 1;
}

static void describe_file(struct manifest_file *file, char *entry)
{
    char *role;
    char *name;
    const char *path = split_entry(entry, &role, &name);
    struct pq_bytes contents = file_read(path);
    struct pq_bytes covered = contents;

    memset(file, 0, sizeof *file);
    describe_role(file, role);
    if (strlen(name) >= MANIFEST_NAME_SIZE)
        die("%s: a name has at most %d characters", name, MANIFEST_NAME_SIZE - 1);
    memcpy(file->name, name, strlen(name));
    file->size = contents.size;
    if (file->covered == 0)
        file->covered = file->size;
    if (file->covered > file->size)
        die("%s has less than the pages that are to be covered", name);
    covered.size = file->covered;
    pq_hash(MANIFEST_HASH, covered, file->digest, sizeof file->digest);
    free_bytes(contents);
}

static int by_name(const void *a, const void *b)
{
    const struct manifest_file *first = a;
    const struct manifest_file *second = b;
    return memcmp(first->name, second->name, MANIFEST_NAME_SIZE);
}

static void report(const char *path, int error, const struct manifest_failure *failure)
{
    const char *part = failure->part == MANIFEST_PART_KEYS ? "release keys" : "manifest";
    const char *algorithm = manifest_algorithm_name(failure->algorithm);

    fprintf(stderr, "quoin-sign: %s: %s%s%s: %s\n", path, part, algorithm[0] ? ", " : "", algorithm,
            manifest_error_text(error));
}

static int command_sign(char **arguments)
{
    const char *folder = arguments[0];
    char *end;
    uint64_t version = strtoull(arguments[1], &end, 10);
    const char *out = arguments[2];
    struct pq_bytes part = file_read(file_in(folder, "release.part"));
    struct manifest_file *files;
    struct pq_bytes passphrase;
    struct key_set release;
    struct buffer whole = {NULL, 0, 0};
    struct manifest parsed;
    struct manifest_failure failure;
    uint32_t count = 0;
    int error;

    if (*end || end == arguments[1])
        die("%s is no version number", arguments[1]);
    while (arguments[3 + count])
        count++;
    files = allocate(count * sizeof *files);
    for (uint32_t i = 0; i < count; i++)
        describe_file(&files[i], arguments[3 + i]);
    qsort(files, count, sizeof *files, by_name);

    passphrase = get_passphrase(0);
    keys_load(&release, file_in(folder, "release.key"), passphrase);
    forget_passphrase(passphrase);
    buffer_append(&whole, part.data, part.size);
    write_manifest(&whole, version, read_epoch(part), files, count, &release);
    keys_forget(&release);

    /* What the loader would refuse must not be written. */
    error = manifest_parse(&parsed, (struct pq_bytes){whole.data, whole.size}, &failure);
    if (error) {
        report(out, error, &failure);
        return 1;
    }
    file_write(out, whole.data, whole.size, 0);
    free(whole.data);
    free(files);
    free_bytes(part);
    printf("signed %" PRIu32 " files as version %" PRIu64 "\n", count, version);
    return 0;
}

/* Each NAME=PATH against its entry; returns how many are wrong. */
static int verify_files(const struct manifest *manifest, char **entries)
{
    int wrong = 0;

    for (; *entries; entries++) {
        struct manifest_file file;
        char *name;
        const char *path = split_entry(*entries, NULL, &name);
        int error = manifest_find(manifest, name, &file);

        if (!error) {
            struct pq_bytes contents = file_read(path);
            error = manifest_check(&file, contents);
            free_bytes(contents);
        }
        if (error) {
            fprintf(stderr, "quoin-sign: %s: %s\n", name, manifest_error_text(error));
            wrong++;
        }
    }
    return wrong;
}

static int command_verify(char **arguments)
{
    struct pq_bytes roots_file = file_read(arguments[0]);
    struct pq_bytes file = file_read(arguments[1]);
    struct manifest_keys roots;
    struct manifest manifest;
    struct manifest_failure failure;
    int error;
    int wrong;

    read_keys(&roots, roots_file, arguments[0]);
    error = manifest_open(&manifest, file, &roots, 0, 0, &failure);
    if (error) {
        report(arguments[1], error, &failure);
        return 1;
    }
    wrong = verify_files(&manifest, arguments + 2);
    if (!wrong) {
        printf("good: version %" PRIu64 ", release keys of epoch %" PRIu32 ", %" PRIu32 " files\n",
               manifest.version, manifest.epoch, manifest.file_count);
    }
    free_bytes(file);
    free_bytes(roots_file);
    return wrong ? 1 : 0;
}

static int command_verifier(char **arguments)
{
    struct pq_bytes passphrase = get_passphrase(0);

    verifier_create(arguments[0], passphrase);
    forget_passphrase(passphrase);
    printf("made a verifier's key in %s\n", arguments[0]);
    return 0;
}

static int command_prove(char **arguments)
{
    struct pq_bytes passphrase = get_passphrase(0);

    verifier_prove(arguments[0], passphrase, arguments[1], arguments[2]);
    forget_passphrase(passphrase);
    return 0;
}

static int command_roots(char **arguments)
{
    struct pq_bytes file = file_read(arguments[0]);
    struct manifest_keys roots;
    FILE *out = fopen(arguments[1], "w");

    read_keys(&roots, file, arguments[0]);
    if (!out)
        die("%s: %s", arguments[1], strerror(errno));
    fprintf(out, "/* SPDX-License-Identifier: BSD-2-Clause */\n"
                 "/* The public root keys. Written by quoin-sign. */\n"
                 "#include \"manifest.h\"\n\n");
    for (unsigned i = 0; i < MANIFEST_REQUIRED; i++) {
        fprintf(out, "static const uint8_t key_%u[%zu] = {", i, roots.key[i].size);
        for (size_t at = 0; at < roots.key[i].size; at++)
            fprintf(out, "%s0x%02x,", at % 16 ? " " : "\n    ", roots.key[i].data[at]);
        fprintf(out, "\n};\n\n");
    }
    fprintf(out, "const struct manifest_keys manifest_roots = {{{key_0, sizeof key_0}, "
                 "{key_1, sizeof key_1}}};\n");
    if (fclose(out) != 0)
        die("%s: %s", arguments[1], strerror(errno));
    free_bytes(file);
    return 0;
}

struct command {
    const char *name;
    int least; /* arguments */
    int most;
    int (*run)(char **arguments);
};

static const struct command commands[] = {
    {"new", 1, 1, command_new},
    {"rotate", 1, 1, command_rotate},
    {"sign", 3, 3 + MANIFEST_FILES_MAX, command_sign},
    {"verify", 2, 2 + MANIFEST_FILES_MAX, command_verify},
    {"roots", 2, 2, command_roots},
    {"verifier", 1, 1, command_verifier},
    {"prove", 3, 3, command_prove},
};

int main(int count, char **arguments)
{
    int first = 1;

    if (count > 2 && strcmp(arguments[1], "--passphrase-file") == 0) {
        passphrase_file = arguments[2];
        first = 3;
    }
    for (size_t i = 0; first < count && i < sizeof commands / sizeof commands[0]; i++) {
        int given = count - first - 1;
        if (strcmp(commands[i].name, arguments[first]) == 0 && given >= commands[i].least &&
            given <= commands[i].most)
            return commands[i].run(arguments + first + 1);
    }
    fputs(usage, stderr);
    return 2;
}
