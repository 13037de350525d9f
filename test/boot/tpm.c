/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the TPM commands, the log and the remembered version, with a TPM that answers what
 * it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "little.h"
#include "measure.h"
#include "rollback.h"
#include "tpm_certify.h"
#include "tpm_object.h"
#include "tpm_quote.h"
#include "tpm_seal.h"

#define ANSWERS_MAX 16

static struct {
    uint8_t bytes[255];
    size_t size;
} answers[ANSWERS_MAX];
static unsigned answer_count;
static unsigned asked;
static uint8_t commands[ANSWERS_MAX][TPM_BUFFER_SIZE];

static int endless; /* the answers begin again */

static int fake_exchange(uint8_t buffer[TPM_BUFFER_SIZE], size_t size)
{
    if (endless && asked == answer_count)
        asked = 0;
    assert_true(asked < answer_count);
    assert_int_equal(size, buffer[4] << 8 | buffer[5]);
    memcpy(commands[asked], buffer, size);
    memcpy(buffer, answers[asked].bytes, answers[asked].size);
    return (int)answers[asked++].size;
}

static struct tpm new_tpm(void)
{
    asked = 0;
    answer_count = 0;
    return (struct tpm){.exchange = fake_exchange, .interface = "fake"};
}

/* An answer with a response code and a body. */
static void answer(uint32_t code, const uint8_t *body, size_t size)
{
    uint8_t *at = answers[answer_count].bytes;

    memset(at, 0, sizeof answers[0].bytes);
    at[0] = 0x80;
    at[1] = 1;
    at[5] = (uint8_t)(10 + size);
    for (unsigned i = 0; i < 4; i++)
        at[6 + i] = (uint8_t)(code >> 8 * (3 - i));
    if (size)
        memcpy(at + 10, body, size);
    answers[answer_count++].size = 10 + size;
}

/* SHA-1 and SHA-256 active, SHA-384 not. */
static const uint8_t three_banks[] = {0,    0,    0,    0,    5,    0,    0,    0,    3,
                                      0x00, 0x04, 3,    0xff, 0xff, 0xff, 0x00, 0x0b, 3,
                                      0xff, 0xff, 0xff, 0x00, 0x0c, 3,    0,    0,    0};

static void test_start(void **state)
{
    struct tpm tpm = new_tpm();

    (void)state;
    answer(TPM_RC_INITIALIZE, NULL, 0);
    answer(0, NULL, 0);
    answer(0, three_banks, sizeof three_banks);
    assert_int_equal(tpm_start(&tpm), TPM_OK);
    assert_int_equal(tpm.bank_count, 1);
    assert_int_equal(tpm.banks[0].algorithm, TPM_SHA256);
    assert_int_equal(asked, 3);
}

static void test_older_tpm(void **state)
{
    struct tpm tpm = new_tpm();

    (void)state;
    answer(30, NULL, 0); /* TPM 1.2: TPM_BADTAG */
    assert_int_equal(tpm_start(&tpm), TPM_ERROR_NONE);
}

/* Every answer cut short, and every length in it set too high, is an error and nothing worse. */
static void test_bad_answers(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof three_banks; size++) {
        struct tpm tpm = new_tpm();
        answer(0, three_banks, size);
        assert_int_equal(tpm_start(&tpm), TPM_ERROR_NONE);
    }
    for (size_t size = 0; size < 10; size++) {
        struct tpm tpm = new_tpm();
        answer(0, NULL, 0);
        answers[0].size = size;
        assert_int_equal(tpm_start(&tpm), TPM_ERROR_NONE);
    }
    for (size_t at = 5; at < sizeof three_banks; at++) {
        struct tpm tpm = new_tpm();
        answer(0, three_banks, sizeof three_banks);
        answers[0].bytes[10 + at] = 0xff;
        tpm_start(&tpm);
        assert_true(tpm.bank_count <= TPM_BANKS_MAX);
    }
}

static void test_extend(void **state)
{
    static const uint8_t digests[TPM_BANKS_MAX][TPM_DIGEST_MAX] = {{0xaa, 0xbb}};
    static const uint8_t expected[] = {0x80, 0x02, 0, 0, 0, 65, 0,    0, 0x01, 0x82, 0,   0,
                                       0,    11,   0, 0, 0, 9,  0x40, 0, 0,    9,    0,   0,
                                       0,    0,    0, 0, 0, 0,  1,    0, 0x0b, 0xaa, 0xbb};
    struct tpm tpm = new_tpm();

    (void)state;
    tpm.bank_count = 1;
    tpm.banks[0] = (struct tpm_bank){TPM_SHA256, 32, PQ_SHA2_256};
    answer(0, NULL, 0);
    assert_int_equal(tpm_extend(&tpm, 11, digests), TPM_OK);
    assert_memory_equal(commands[0], expected, sizeof expected);
    answer(0x101, NULL, 0);
    assert_int_equal(tpm_extend(&tpm, 11, digests), TPM_ERROR_CODE);
    assert_int_equal(tpm.code, 0x101);
}

static void test_log(void **state)
{
    static struct measure measure;
    struct tpm tpm = new_tpm();
    uint8_t digest[32];
    size_t at;

    (void)state;
    tpm.bank_count = 1;
    tpm.banks[0] = (struct tpm_bank){TPM_SHA256, 32, PQ_SHA2_256};
    measure_begin(&measure, &tpm);
    at = measure.size;
    assert_int_equal(load32(measure.log + 28), at - 32);
    answer(0, NULL, 0);
    assert_int_equal(measure_text(&measure, 12, "abc"), TPM_OK);
    pq_hash(PQ_SHA2_256, (struct pq_bytes){(const uint8_t *)"abc", 3}, digest, 32);
    assert_memory_equal(measure.log + at + 14, digest, 32);
    assert_memory_equal(commands[0] + 33, digest, 32);
    assert_int_equal(measure.size, at + 12 + 34 + 4 + 3);
    /* A full log stops the boot before the TPM is asked. */
    measure.size = sizeof measure.log - 10;
    assert_int_equal(measure_text(&measure, 12, "abc"), TPM_ERROR_RESPONSE);
    assert_int_equal(asked, 1);
}

static void test_rollback(void **state)
{
    static const uint8_t kept[] = {0, 0, 0, 18, 0, 16, 9, 0, 0, 0, 0,
                                   0, 0, 0, 3,  0, 0,  0, 0, 0, 0, 0};
    const struct verify_result newer = {.epoch = 2, .version = 10};
    const struct verify_result same = {.epoch = 3, .version = 9};
    struct verify_floor floor;
    struct tpm tpm = new_tpm();
    int defined;

    (void)state;
    answer(TPM_RC_HANDLE_1, NULL, 0);
    assert_int_equal(rollback_read(&tpm, &floor, &defined), TPM_OK);
    assert_false(defined);
    answer(TPM_RC_NV_UNINITIALIZED, NULL, 0);
    assert_int_equal(rollback_read(&tpm, &floor, &defined), TPM_OK);
    assert_true(defined && floor.version == 0);
    answer(0x12f, NULL, 0); /* refused for another reason: the boot must stop */
    assert_int_equal(rollback_read(&tpm, &floor, &defined), TPM_ERROR_CODE);
    answer(0, kept, sizeof kept - 1);
    assert_int_equal(rollback_read(&tpm, &floor, &defined), TPM_ERROR_RESPONSE);

    tpm = new_tpm();
    answer(0, kept, sizeof kept);
    assert_int_equal(rollback_read(&tpm, &floor, &defined), TPM_OK);
    assert_int_equal(floor.version, 9);
    assert_int_equal(floor.epoch, 3);
    answer(0, NULL, 0);
    answer(0, NULL, 0);
    assert_int_equal(rollback_raise(&tpm, &floor, &newer), TPM_OK);
    assert_int_equal(asked, 3); /* read, write, lock */
    assert_int_equal(commands[1][9], 0x37);
    assert_int_equal(load64(commands[1] + 33), 10);
    assert_int_equal(load32(commands[1] + 41), 3); /* never down */
    answer(0, NULL, 0);
    assert_int_equal(rollback_raise(&tpm, &floor, &same), TPM_OK);
    assert_int_equal(asked, 4); /* only the lock */
    assert_int_equal(commands[3][9], 0x38);
}

/* Handle, size of the parameters, a public area of 88 bytes with a point whose x is short. */
static size_t key_answer(uint8_t *body)
{
    static const uint8_t head[] = {0x80, 0,    0, 5,    0, 0,    0,    0,    0, 87,
                                   0,    0x23, 0, 0x0b, 0, 0x05, 0x04, 0x72, 0, 0,
                                   0,    0x10, 0, 0x18, 0, 0x0b, 0,    3,    0, 0x10};
    size_t at = sizeof head;

    memcpy(body, head, sizeof head);
    body[at++] = 0;
    body[at++] = 31;
    memset(body + at, 0xaa, 31);
    at += 31;
    body[at++] = 0;
    body[at++] = 32;
    memset(body + at, 0xbb, 32);
    return at + 32;
}

static void test_key(void **state)
{
    uint8_t body[200];
    size_t size = key_answer(body);
    struct tpm tpm = new_tpm();
    struct tpm_key key;

    (void)state;
    answer(0, body, size);
    assert_int_equal(tpm_make_key(&tpm, &key), TPM_OK);
    assert_int_equal(key.handle, 0x80000005);
    assert_int_equal(key.x[0], 0);
    assert_int_equal(key.x[1], 0xaa);
    assert_int_equal(key.y[31], 0xbb);
    assert_int_equal(commands[0][9], 0x31);
    for (size_t cut = 0; cut < size; cut++) {
        tpm = new_tpm();
        answer(0, body, cut);
        assert_int_equal(tpm_make_key(&tpm, &key), TPM_ERROR_RESPONSE);
    }
    tpm = new_tpm();
    body[sizeof body - 1] = 0;
    body[31] = 33; /* a coordinate that is too long */
    answer(0, body, sizeof body);
    assert_int_equal(tpm_make_key(&tpm, &key), TPM_ERROR_RESPONSE);
}

static void test_quote(void **state)
{
    static const struct tpm_key key = {.handle = 0x80000005};
    static const uint8_t qualifying[32] = {0x77};
    /* Size of the parameters, a quote of five bytes, ECDSA with SHA-256, r and s of one byte. */
    static const uint8_t body[] = {0, 0,    0, 0,    0, 5, 'q',  'u', 'o', 't', 'e',
                                   0, 0x18, 0, 0x0b, 0, 1, 0x11, 0,   1,   0x22};
    struct tpm_quote quote;
    struct tpm tpm = new_tpm();

    (void)state;
    tpm.bank_count = 1;
    tpm.banks[0] = (struct tpm_bank){TPM_SHA256, 32, PQ_SHA2_256};
    answer(0, body, sizeof body);
    assert_int_equal(tpm_quote(&tpm, &key, 0, 0x00ffff, qualifying, &quote), TPM_OK);
    assert_int_equal(quote.size, 5);
    assert_memory_equal(quote.bytes, "quote", 5);
    assert_int_equal(quote.r[31], 0x11);
    assert_int_equal(quote.s[31], 0x22);
    assert_int_equal(commands[0][29], 0x77);
    for (size_t cut = 0; cut < sizeof body; cut++) {
        tpm = new_tpm();
        tpm.bank_count = 1;
        answer(0, body, cut);
        assert_int_equal(tpm_quote(&tpm, &key, 0, 0x00ffff, qualifying, &quote),
                         TPM_ERROR_RESPONSE);
    }
    assert_int_equal(tpm_quote(&tpm, &key, 1, 0x00ffff, qualifying, &quote), TPM_ERROR_RESPONSE);
}

static struct tpm with_bank(void)
{
    struct tpm tpm = new_tpm();

    tpm.bank_count = 1;
    tpm.banks[0] = (struct tpm_bank){TPM_SHA256, 32, PQ_SHA2_256};
    return tpm;
}

static const uint8_t session_answer[] = {3, 0, 0, 1, 0, 0};

static void test_unseal(void **state)
{
    static const uint8_t body[] = {0, 0, 0, 5, 0, 3, 'k', 'e', 'y'};
    uint8_t large[6 + TPM_SEALED_MAX + 1] = {0};
    uint8_t data[TPM_SEALED_MAX];
    struct tpm tpm = with_bank();

    (void)state;
    answer(0, session_answer, sizeof session_answer);
    answer(0, NULL, 0);
    answer(0, body, sizeof body);
    assert_int_equal(tpm_unseal(&tpm, 0, 1 << 11, 0x81515100, data), 3);
    assert_memory_equal(data, "key", 3);
    assert_int_equal(asked, 3);
    assert_int_equal(commands[1][9], 0x7f);
    assert_memory_equal(commands[1] + 16, "\0\0\0\1\0\13\3\0\10\0", 10); /* PCR 11 */
    assert_int_equal(commands[2][9], 0x5e);
    assert_memory_equal(commands[2] + 18, "\3\0\0\1", 4); /* by the session */
    for (size_t cut = 0; cut < sizeof body; cut++) {
        tpm = with_bank();
        answer(0, session_answer, sizeof session_answer);
        answer(0, NULL, 0);
        answer(0, body, cut);
        assert_int_equal(tpm_unseal(&tpm, 0, 1, 0x81515100, data), TPM_ERROR_RESPONSE);
    }
    tpm = with_bank();
    large[5] = TPM_SEALED_MAX + 1;
    answer(0, session_answer, sizeof session_answer);
    answer(0, NULL, 0);
    answer(0, large, sizeof large);
    assert_int_equal(tpm_unseal(&tpm, 0, 1, 0x81515100, data), TPM_ERROR_RESPONSE);
    /* Refused: the session is dropped, and why is still known. */
    tpm = with_bank();
    answer(0, session_answer, sizeof session_answer);
    answer(0, NULL, 0);
    answer(TPM_RC_HANDLE_1, NULL, 0);
    answer(0, NULL, 0);
    assert_int_equal(tpm_unseal(&tpm, 0, 1, 0x81515100, data), TPM_ERROR_CODE);
    assert_true(tpm_is_absent(&tpm));
    assert_int_equal(asked, 4);
    assert_int_equal(commands[3][9], 0x65);
    assert_int_equal(tpm_unseal(&tpm, 1, 1, 0x81515100, data), TPM_ERROR_RESPONSE);
}

/* Which command fails: the objects made before it are dropped, and no other command follows. */
static void test_seal(void **state)
{
    static const uint8_t expected[] = {0x76, 0x7f, 0x89, 0x65, 0x31, 0x53, 0x57, 0x65, 0x20, 0x65};
    static const unsigned failing[] = {0, 1, 2, 4, 5, 6, 8};
    static const unsigned dropped[] = {0, 1, 1, 0, 1, 1, 1};
    static const uint8_t secret[4] = {9, 8, 7, 6};
    static const uint8_t handle[] = {0x80, 0, 0, 1, 0, 0, 0, 0};
    static const uint8_t parts[] = {0, 0, 0, 6, 0, 2, 'p', 'r', 0, 1, 'u'};
    uint8_t digest[34] = {0, 32};

    (void)state;
    for (unsigned fail = 0; fail <= 7; fail++) {
        unsigned at = fail < 7 ? failing[fail] : 99;
        struct tpm tpm = with_bank();
        for (unsigned i = 0; i < sizeof expected; i++) {
            if (i == at)
                answer(0x922, NULL, 0);
            else if (i == 0)
                answer(0, session_answer, sizeof session_answer);
            else if (i == 2)
                answer(0, digest, sizeof digest);
            else if (i == 4 || i == 6)
                answer(0, handle, sizeof handle);
            else if (i == 5)
                answer(0, parts, sizeof parts);
            else
                answer(0, NULL, 0);
        }
        for (unsigned i = 0; i < 3; i++) /* what is dropped after a failure */
            answer(0, NULL, 0);
        int error = tpm_seal(&tpm, 0, 1 << 11, 0x81515100, secret, sizeof secret);
        if (fail == 7) {
            assert_int_equal(error, TPM_OK);
            for (unsigned i = 0; i < sizeof expected; i++)
                assert_int_equal(commands[i][9], expected[i]);
            assert_int_equal(asked, sizeof expected);
            assert_memory_equal(commands[6] + 27, parts + 4, 7); /* loaded as it was made */
        } else {
            assert_int_equal(error, TPM_ERROR_CODE);
            assert_int_equal(tpm.code, 0x922);
            assert_int_equal(asked, at + 1 + dropped[fail]);
            if (dropped[fail])
                assert_int_equal(commands[at + 1][9], 0x65);
        }
    }
}

/* TPM2B_NV_PUBLIC of an index with that many bytes. */
static void answer_size(unsigned size)
{
    uint8_t body[16] = {0, 14, 1, 0xc0, 0, 2, 0, 0x0b, 0, 0, 0, 0, 0, 0};

    body[14] = (uint8_t)(size >> 8);
    body[15] = (uint8_t)size;
    answer(0, body, sizeof body);
}

static void test_certificate(void **state)
{
    static uint8_t certificate[TPM_CERTIFICATE_MAX];
    static const uint8_t body[] = {0, 0, 0, 5, 0, 3, 0x30, 0x82, 0};
    struct tpm tpm = with_bank();

    (void)state;
    answer_size(3);
    answer(0, body, sizeof body);
    assert_int_equal(tpm_read_certificate(&tpm, certificate), 3);
    assert_memory_equal(certificate, "\x30\x82\0", 3);
    for (size_t cut = 0; cut < sizeof body; cut++) {
        tpm = with_bank();
        answer_size(3);
        answer(0, body, cut);
        assert_int_equal(tpm_read_certificate(&tpm, certificate), TPM_ERROR_RESPONSE);
    }
    tpm = with_bank();
    answer_size(0);
    assert_int_equal(tpm_read_certificate(&tpm, certificate), TPM_ERROR_RESPONSE);
    tpm = with_bank();
    answer_size(TPM_CERTIFICATE_MAX + 1);
    assert_int_equal(tpm_read_certificate(&tpm, certificate), TPM_ERROR_RESPONSE);
    tpm = with_bank();
    answer(TPM_RC_HANDLE_1, NULL, 0);
    assert_int_equal(tpm_read_certificate(&tpm, certificate), TPM_ERROR_CODE);
}

static void test_activate(void **state)
{
    static const uint8_t expected[] = {0x31, 0x76, 0x51, 0x47, 0x65};
    static const uint8_t handle[] = {0x80, 0, 0, 1};
    static const uint8_t body[] = {0, 0, 0, 4, 0, 2, 5, 6};
    static const struct tpm_key key = {.handle = 0x80000007};
    static const uint8_t blob[4] = {1, 2, 3, 4};
    uint8_t large[6 + TPM_CREDENTIAL_MAX + 1] = {0};
    uint8_t credential[TPM_CREDENTIAL_MAX];

    (void)state;
    large[5] = TPM_CREDENTIAL_MAX + 1;
    for (unsigned fail = 0; fail < 3; fail++) {
        struct tpm tpm = with_bank();
        answer(0, handle, sizeof handle);
        answer(0, session_answer, sizeof session_answer);
        answer(0, NULL, 0);
        if (fail == 0)
            answer(0, body, sizeof body);
        else if (fail == 1)
            answer(0, large, sizeof large);
        else
            answer(0x2df, NULL, 0); /* TPM_RC_INTEGRITY */
        answer(0, NULL, 0);
        answer(0, NULL, 0);
        int got = tpm_activate(&tpm, &key, blob, sizeof blob, credential);
        if (fail == 0) {
            assert_int_equal(got, 2);
            assert_memory_equal(credential, "\5\6", 2);
            for (unsigned i = 0; i < sizeof expected; i++)
                assert_int_equal(commands[i][9], expected[i]);
            assert_memory_equal(commands[3] + 10, "\x80\0\0\7\x80\0\0\1\0\0\0\22", 12);
            assert_memory_equal(commands[3] + 40, blob, sizeof blob);
        } else {
            assert_int_equal(got, fail == 1 ? TPM_ERROR_RESPONSE : TPM_ERROR_CODE);
        }
        /* Session (where it has not ended) and key are dropped. */
        assert_int_equal(asked, fail == 2 ? 6 : 5);
    }
}

/* What somebody has left in the TPM is ended, handle by handle, keys and sessions. */
static void test_flush_all(void **state)
{
    static const uint8_t keys[] = {0, 0, 0, 0, 1, 0, 0, 0, 2, 0x80, 0, 0, 0, 0x80, 0, 0, 2};
    static const uint8_t session[] = {0, 0, 0, 0, 1, 0, 0, 0, 1, 3, 0, 0, 1};
    static const uint8_t none[] = {0, 0, 0, 0, 1, 0, 0, 0, 0};
    struct tpm tpm = new_tpm();

    (void)state;
    answer(0, keys, sizeof keys);
    answer(0, NULL, 0);
    answer(0, NULL, 0);
    answer(0, none, sizeof none);
    answer(0, session, sizeof session);
    answer(0, NULL, 0);
    answer(0, none, sizeof none);
    assert_int_equal(object_flush_all(&tpm), TPM_OK);
    assert_int_equal(asked, 7);
    assert_memory_equal(commands[0] + 6, "\0\0\x01\x7a\0\0\0\x01\x80\0\0\0\0\0\0\x08", 16);
    assert_memory_equal(commands[1] + 6, "\0\0\x01\x65\x80\0\0\0", 8);
    assert_memory_equal(commands[2] + 6, "\0\0\x01\x65\x80\0\0\x02", 8);
    assert_memory_equal(commands[5] + 6, "\0\0\x01\x65\x03\0\0\x01", 8);

    /* One that cannot be ended, one that never ends, and answers that are none. */
    tpm = new_tpm();
    answer(0, keys, sizeof keys);
    answer(0x101, NULL, 0);
    assert_int_equal(object_flush_all(&tpm), TPM_ERROR_CODE);
    tpm = new_tpm();
    for (unsigned i = 0; i < ANSWERS_MAX; i++)
        answer(0, i % 2 == 0 ? session : NULL, i % 2 == 0 ? sizeof session : 0);
    asked = 0;
    endless = 1;
    assert_int_equal(object_flush_all(&tpm), TPM_ERROR_RESPONSE);
    endless = 0;
    for (size_t size = 0; size < sizeof keys; size++) {
        tpm = new_tpm();
        answer(0, keys, size);
        assert_int_equal(object_flush_all(&tpm), TPM_ERROR_RESPONSE);
    }
    tpm = new_tpm();
    answer(0, keys, sizeof keys);
    answers[0].bytes[10 + 8] = 9; /* more than asked for */
    assert_int_equal(object_flush_all(&tpm), TPM_ERROR_RESPONSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),       cmocka_unit_test(test_older_tpm),
        cmocka_unit_test(test_bad_answers), cmocka_unit_test(test_extend),
        cmocka_unit_test(test_log),         cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_key),         cmocka_unit_test(test_quote),
        cmocka_unit_test(test_unseal),      cmocka_unit_test(test_seal),
        cmocka_unit_test(test_certificate), cmocka_unit_test(test_activate),
        cmocka_unit_test(test_flush_all),
    };
    return cmocka_run_group_tests_name("tpm", tests, NULL, NULL);
}
