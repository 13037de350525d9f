/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the manifest: a good file opens; every byte of it that changes gives a refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tool/sign/sign.h"

#define FILES 3

/* Made once: SLH-DSA signing takes a second. */
static struct key_set root;
static struct key_set release;
static struct buffer good;
static size_t part_size;    /* of the release keys' part */
static size_t keys_covered; /* signed bytes of each part */
static size_t list_covered;

static const char *const contents[FILES] = {"the kernel", "the root image", ""};

static void derive(struct key_set *set, uint8_t fill)
{
    for (unsigned i = 0; i < MANIFEST_REQUIRED; i++) {
        struct pq_sign_sizes sizes;
        uint8_t seed[PQ_SIGN_SEED_MAX];
        uint8_t *public_key;
        uint8_t *secret_key;

        memset(seed, fill, sizeof seed);
        pq_sign_sizes(manifest_required[i], &sizes);
        public_key = malloc(sizes.public_key);
        secret_key = malloc(sizes.secret_key);
        pq_sign_keygen(manifest_required[i], (struct pq_bytes){seed, sizes.seed}, public_key,
                       secret_key);
        set->public_keys.key[i] = (struct pq_bytes){public_key, sizes.public_key};
        set->secret[i] = (struct pq_bytes){secret_key, sizes.secret_key};
    }
}

static void describe(struct manifest_file *file, const char *name, enum manifest_role role,
                     const char *text)
{
    memset(file, 0, sizeof *file);
    memcpy(file->name, name, strlen(name));
    file->role = role;
    file->size = strlen(text);
    pq_hash(MANIFEST_HASH, (struct pq_bytes){(const uint8_t *)text, strlen(text)}, file->digest,
            sizeof file->digest);
}

static int make_good(void **state)
{
    struct manifest_file files[FILES];

    (void)state;
    derive(&root, 1);
    derive(&release, 2);
    describe(&files[0], "boot/kernel.elf", MANIFEST_ROLE_KERNEL, contents[0]);
    describe(&files[1], "boot/root.img", MANIFEST_ROLE_ROOT, contents[1]);
    describe(&files[2], "etc/empty", MANIFEST_ROLE_OTHER, contents[2]);
    write_release(&good, 5, &release.public_keys, &root);
    part_size = good.size;
    write_manifest(&good, 77, 5, files, FILES, &release);
    keys_covered = MANIFEST_HEADER_SIZE + MANIFEST_KEYS_HEADER_SIZE +
                   MANIFEST_REQUIRED * MANIFEST_ITEM_HEADER_SIZE + release.public_keys.key[0].size +
                   release.public_keys.key[1].size;
    list_covered = MANIFEST_HEADER_SIZE + MANIFEST_LIST_HEADER_SIZE + FILES * MANIFEST_ENTRY_SIZE;
    return 0;
}

static int forget_good(void **state)
{
    (void)state;
    keys_forget(&root);
    keys_forget(&release);
    free(good.data);
    return 0;
}

static struct pq_bytes whole(void)
{
    return (struct pq_bytes){good.data, good.size};
}

static int open_file(struct pq_bytes file, struct manifest_failure *failure)
{
    struct manifest manifest;
    return manifest_open(&manifest, file, &root.public_keys, 0, 0, failure);
}

static void test_good_file(void **state)
{
    struct manifest manifest;
    struct manifest_file file;
    struct manifest_failure failure;

    (void)state;
    assert_int_equal(manifest_open(&manifest, whole(), &root.public_keys, 5, 77, &failure), 0);
    assert_int_equal(manifest.epoch, 5);
    assert_int_equal(manifest.version, 77);
    assert_int_equal(manifest.file_count, FILES);
    for (unsigned i = 0; i < FILES; i++) {
        struct pq_bytes text = {(const uint8_t *)contents[i], strlen(contents[i])};
        manifest_entry(&manifest, i, &file);
        assert_int_equal(manifest_check(&file, text), 0);
        text.data = (const uint8_t *)"Xhe kernelXroot image";
        assert_int_equal(manifest_check(&file, text),
                         text.size ? MANIFEST_ERROR_FILE_DIGEST : MANIFEST_OK);
        text.size++;
        assert_int_equal(manifest_check(&file, text), MANIFEST_ERROR_FILE_SIZE);
    }
    assert_int_equal(manifest_find(&manifest, "boot/root.img", &file), 0);
    assert_int_equal(file.role, MANIFEST_ROLE_ROOT);
    assert_int_equal(manifest_find(&manifest, "boot/root.im", &file), MANIFEST_ERROR_MISSING);
    assert_int_equal(manifest_find(&manifest, "boot/root.imgs", &file), MANIFEST_ERROR_MISSING);
    assert_int_equal(manifest_find(&manifest, "", &file), MANIFEST_ERROR_MISSING);
}

static void test_rollback(void **state)
{
    struct manifest manifest;
    struct manifest_failure failure;

    (void)state;
    assert_int_equal(manifest_open(&manifest, whole(), &root.public_keys, 6, 0, &failure),
                     MANIFEST_ERROR_EPOCH);
    assert_int_equal(failure.part, MANIFEST_PART_KEYS);
    assert_int_equal(manifest_open(&manifest, whole(), &root.public_keys, 5, 78, &failure),
                     MANIFEST_ERROR_VERSION);
    assert_int_equal(failure.part, MANIFEST_PART_MANIFEST);
}

/* The release keys cannot stand in for the root keys, nor one algorithm's key be another's. */
static void test_wrong_keys(void **state)
{
    struct manifest manifest;
    struct manifest_failure failure;
    struct manifest_keys mixed = root.public_keys;

    (void)state;
    assert_int_equal(manifest_open(&manifest, whole(), &release.public_keys, 0, 0, &failure),
                     MANIFEST_ERROR_SIGNATURE);
    assert_int_equal(failure.part, MANIFEST_PART_KEYS);
    assert_int_equal(failure.algorithm, PQ_ML_DSA_87);
    mixed.key[1] = release.public_keys.key[1];
    assert_int_equal(manifest_open(&manifest, whole(), &mixed, 0, 0, &failure),
                     MANIFEST_ERROR_SIGNATURE);
    assert_int_equal(failure.algorithm, PQ_SLH_DSA_SHA2_256S);
}

/* A bit of every signed byte, and of every 61st byte of the signatures. */
static void test_every_flip_is_refused(void **state)
{
    unsigned flips = 0;

    (void)state;
    for (size_t at = 0; at < good.size; at++) {
        int covered = at < keys_covered || (at >= part_size && at < part_size + list_covered);
        struct manifest_failure failure;
        int error;

        if (!covered && at % 61 != 0)
            continue;
        good.data[at] ^= (uint8_t)(1u << at % 8);
        error = open_file(whole(), &failure);
        good.data[at] ^= (uint8_t)(1u << at % 8);
        if (error == 0)
            fail_msg("byte %zu may be changed", at);
        assert_int_equal(failure.part,
                         at < part_size ? MANIFEST_PART_KEYS : MANIFEST_PART_MANIFEST);
        flips++;
    }
    assert_true(flips > 4000);
    assert_int_equal(open_file(whole(), NULL), 0);
}

/* The file in memory of exactly its size, so that the sanitizer sees any read beyond. */
static int parse_copy(const uint8_t *data, size_t size)
{
    struct manifest manifest;
    uint8_t *copy = malloc(size ? size : 1);
    int error;

    memcpy(copy, data, size);
    error = manifest_parse(&manifest, (struct pq_bytes){copy, size}, NULL);
    free(copy);
    return error;
}

static void test_truncated_and_extended(void **state)
{
    uint8_t *longer = malloc(good.size + 1);

    (void)state;
    for (size_t size = 0; size < good.size; size += size < keys_covered ? 1 : 101)
        assert_int_equal(parse_copy(good.data, size), MANIFEST_ERROR_TRUNCATED);
    assert_int_equal(parse_copy(good.data, good.size - 1), MANIFEST_ERROR_TRUNCATED);
    memcpy(longer, good.data, good.size);
    longer[good.size] = 0;
    assert_int_equal(parse_copy(longer, good.size + 1), MANIFEST_ERROR_TRAILING);
    free(longer);
    /* Parts swapped, and one of them alone. */
    assert_int_equal(parse_copy(good.data + part_size, good.size - part_size), MANIFEST_ERROR_KIND);
    assert_int_equal(parse_copy(good.data, part_size), MANIFEST_ERROR_TRUNCATED);
}

struct change {
    size_t at; /* from the start of the manifest part when in_list */
    int in_list;
    uint8_t value;
    int error;
};

/* What the parser must refuse by itself, before any signature is looked at. */
static void test_form(void **state)
{
    enum { LIST = MANIFEST_HEADER_SIZE, ENTRY = LIST + MANIFEST_LIST_HEADER_SIZE };
    static const struct change changes[] = {
        {0, 0, 'q', MANIFEST_ERROR_MAGIC},
        {8, 0, 2, MANIFEST_ERROR_FORMAT},
        {12, 0, 2, MANIFEST_ERROR_KIND},
        {18, 0, 0xff, MANIFEST_ERROR_LIMIT},      /* body size */
        {20, 0, 1, MANIFEST_ERROR_LIMIT},         /* one signature only */
        {24 + 4, 0, 1, MANIFEST_ERROR_LIMIT},     /* one key only */
        {24 + 8, 0, 1, MANIFEST_ERROR_ALGORITHM}, /* ML-DSA-44's id */
        {24 + 8 + 2, 0, 1, MANIFEST_ERROR_RESERVED},
        {24 + 8 + 4, 0, 1, MANIFEST_ERROR_LENGTH},
        {16, 1, 0, MANIFEST_ERROR_ALGORITHM},       /* a smaller body: signatures elsewhere */
        {LIST + 12, 1, 2, MANIFEST_ERROR_TRAILING}, /* fewer files than there are */
        {LIST + 12, 1, 4, MANIFEST_ERROR_TRUNCATED},
        {LIST + 13, 1, 0xff, MANIFEST_ERROR_LIMIT},
        {ENTRY, 1, ' ', MANIFEST_ERROR_NAME},
        {ENTRY, 1, 0, MANIFEST_ERROR_NAME},
        {ENTRY + 40, 1, 'x', MANIFEST_ERROR_NAME}, /* something after the name's end */
        {ENTRY, 1, 'z', MANIFEST_ERROR_ORDER},
        {ENTRY + 72, 1, 9, MANIFEST_ERROR_LIMIT},
        {ENTRY + 74, 1, 2, MANIFEST_ERROR_ALGORITHM},
        /* A kernel that is covered in part; a root image covered further than it goes. */
        {ENTRY + 76, 1, 1, MANIFEST_ERROR_RESERVED},
        {ENTRY + MANIFEST_ENTRY_SIZE + 76, 1, 1, MANIFEST_ERROR_LIMIT},
        {ENTRY + MANIFEST_ENTRY_SIZE + 79, 1, 0xff, MANIFEST_ERROR_LIMIT},
    };

    (void)state;
    assert_int_equal(parse_copy(good.data, good.size), 0);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        size_t at = changes[i].at + (changes[i].in_list ? part_size : 0);
        uint8_t before = good.data[at];
        int error;

        good.data[at] = changes[i].value;
        error = parse_copy(good.data, good.size);
        good.data[at] = before;
        if (error != changes[i].error)
            fail_msg("change %zu gives %d instead of %d", i, error, changes[i].error);
    }
    /* Two entries of one name. */
    memcpy(good.data + part_size + ENTRY + 5, "root.img\0\0", 10);
    assert_int_equal(parse_copy(good.data, good.size), MANIFEST_ERROR_ORDER);
    memcpy(good.data + part_size + ENTRY + 5, "kernel.elf", 10);
    assert_int_equal(open_file(whole(), NULL), 0);
}

/* Of a file that is covered in part only that part counts, and the size of the whole. */
static void test_covered_part(void **state)
{
    static uint8_t image[2 * MANIFEST_PAGE + 1];
    struct manifest_file file = {
        .role = MANIFEST_ROLE_ROOT, .size = sizeof image, .covered = MANIFEST_PAGE};

    (void)state;
    pq_hash(MANIFEST_HASH, (struct pq_bytes){image, MANIFEST_PAGE}, file.digest,
            sizeof file.digest);
    image[MANIFEST_PAGE] = 1;
    assert_int_equal(manifest_check(&file, (struct pq_bytes){image, sizeof image}), MANIFEST_OK);
    assert_int_equal(manifest_check(&file, (struct pq_bytes){image, sizeof image - 1}),
                     MANIFEST_ERROR_FILE_SIZE);
    image[MANIFEST_PAGE - 1] = 1;
    assert_int_equal(manifest_check(&file, (struct pq_bytes){image, sizeof image}),
                     MANIFEST_ERROR_FILE_DIGEST);
}

static void test_texts(void **state)
{
    (void)state;
    for (int error = 0; error >= MANIFEST_ERROR_FILE_DIGEST; error--)
        assert_string_not_equal(manifest_error_text(error), "unknown error");
    assert_string_equal(manifest_error_text(MANIFEST_ERROR_FILE_DIGEST - 1), "unknown error");
    assert_string_equal(manifest_error_text(1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_file),
        cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_wrong_keys),
        cmocka_unit_test(test_every_flip_is_refused),
        cmocka_unit_test(test_truncated_and_extended),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_covered_part),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests_name("manifest", tests, make_good, forget_good);
}
