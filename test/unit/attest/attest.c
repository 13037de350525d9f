/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of attestation's frames, bindings and sealed sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attest.h"
#include "request.h"

static struct attest_receiver receiver;
static uint8_t challenge[ATTEST_CHALLENGE_SIZE];
static uint8_t answer[ATTEST_ANSWER_SIZE];

static int feed(const uint8_t *data, size_t size)
{
    int last = 0;

    for (size_t i = 0; i < size; i++) {
        assert_int_equal(last, 0); /* no frame before the last byte */
        last = attest_receive(&receiver, data[i]);
    }
    return last;
}

static size_t frame(uint8_t *out, enum attest_frame type, const char *text)
{
    attest_frame_header(out, type, strlen(text));
    memcpy(out + ATTEST_FRAME_HEADER, text, strlen(text));
    return ATTEST_FRAME_HEADER + strlen(text);
}

static void test_frames(void **state)
{
    uint8_t bytes[64];
    size_t size = frame(bytes, ATTEST_REQUEST, "some text");

    (void)state;
    memset(&receiver, 0, sizeof receiver);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(feed(bytes, size), ATTEST_REQUEST);
        assert_int_equal(attest_contents(&receiver).size, 9);
        assert_memory_equal(attest_contents(&receiver).data, "some text", 9);
    }
    /* One without contents is complete with its header. */
    size = frame(bytes, ATTEST_ERROR, "");
    assert_int_equal(feed(bytes, size), ATTEST_ERROR);
    assert_int_equal(attest_contents(&receiver).size, 0);
}

/* What is no frame is skipped, and one that claims to be too large. */
static void test_noise(void **state)
{
    uint8_t bytes[64];
    size_t size = frame(bytes, ATTEST_ANSWER, "x");

    (void)state;
    memset(&receiver, 0, sizeof receiver);
    assert_int_equal(feed((const uint8_t *)"login: QQATQAT\r\n", 16), 0);
    assert_int_equal(feed((const uint8_t *)"Q", 1), 0);
    assert_int_equal(feed(bytes, size), ATTEST_ANSWER);
    attest_frame_header(bytes, ATTEST_ANSWER, ATTEST_FRAME_MAX + 1);
    assert_int_equal(feed(bytes, ATTEST_FRAME_HEADER), 0);
    attest_frame_header(bytes, ATTEST_ANSWER, SIZE_MAX);
    assert_int_equal(feed(bytes, ATTEST_FRAME_HEADER), 0);
    size = frame(bytes, ATTEST_REPLY, "x");
    assert_int_equal(feed(bytes, size), ATTEST_REPLY);
}

/* A service that dies in the middle of a frame, wherever that is, and says so afterwards. */
static void test_anew(void **state)
{
    uint8_t bytes[64], anew[ATTEST_FRAME_HEADER];
    size_t size = frame(bytes, ATTEST_REPLY, "QATT\7 and QATT");

    (void)state;
    attest_frame_header(anew, ATTEST_ANEW, 0);
    for (size_t cut = 0; cut < size; cut++) {
        memset(&receiver, 0, sizeof receiver);
        assert_int_equal(feed(bytes, cut), 0);
        /* It may look like the frame's last bytes as well: that one's seal is broken then. */
        for (size_t i = 0; i + 1 < sizeof anew; i++) {
            int type = attest_receive(&receiver, anew[i]);
            assert_int_equal(type, cut + i + 1 == size ? ATTEST_REPLY : 0);
        }
        assert_int_equal(attest_receive(&receiver, anew[sizeof anew - 1]), ATTEST_ANEW);
        assert_int_equal(attest_contents(&receiver).size, 0);
        assert_int_equal(feed(anew, sizeof anew), ATTEST_ANEW);
        assert_int_equal(feed(bytes, size), ATTEST_REPLY);
    }
    /* A beginning of one is none. */
    memset(&receiver, 0, sizeof receiver);
    assert_int_equal(feed(anew, sizeof anew - 1), 0);
    assert_int_equal(feed((const uint8_t *)"x", 1), 0);
    for (size_t i = 0; i < ATTEST_FRAME_MAX; i++)
        (void)attest_receive(&receiver, 0);
    assert_int_equal(feed(bytes, size), ATTEST_REPLY);
}

/* Any bytes at all leave the receiver within its memory (the sanitizer watches), and able to go on
 * once they end. */
static void test_any_bytes(void **state)
{
    uint8_t bytes[64];
    size_t size = frame(bytes, ATTEST_REPLY, "x");
    uint32_t random = 1;

    (void)state;
    memset(&receiver, 0, sizeof receiver);
    for (unsigned i = 0; i < 2000000; i++) {
        random = random * 1664525 + 1013904223;
        uint8_t byte = (uint8_t)(random >> 20);
        if (random >> 29 == 0)
            byte = (uint8_t) "QATT"[i & 3];
        (void)attest_receive(&receiver, byte);
    }
    for (unsigned i = 0; i < ATTEST_FRAME_HEADER + ATTEST_FRAME_MAX; i++)
        (void)attest_receive(&receiver, 0);
    assert_int_equal(feed(bytes, size), ATTEST_REPLY);
}

static void fill(void)
{
    for (size_t i = 0; i < sizeof challenge; i++)
        challenge[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof answer; i++)
        answer[i] = (uint8_t)(i * 11);
}

/* Each byte that a digest is to cover changes it, and no other. */
static void test_bindings(void **state)
{
    uint8_t quoted[32];
    uint8_t signed_[64];
    uint8_t other[64];
    uint8_t transcript[64];

    (void)state;
    fill();
    attest_transcript(challenge, answer, transcript);
    attest_qualifying(challenge, answer, quoted);
    attest_message(challenge, answer, signed_);
    for (size_t i = 0; i < sizeof challenge; i++) {
        challenge[i] ^= 1;
        attest_qualifying(challenge, answer, other);
        assert_memory_not_equal(quoted, other, 32);
        attest_message(challenge, answer, other);
        assert_memory_not_equal(signed_, other, 64);
        challenge[i] ^= 1;
    }
    for (size_t i = 0; i < sizeof answer; i++) {
        int covered = i >= ATTEST_AT_KEY && i < ATTEST_AT_PCRS;

        answer[i] ^= 1;
        attest_qualifying(challenge, answer, other);
        assert_int_equal(memcmp(quoted, other, 32) != 0, covered);
        attest_message(challenge, answer, other);
        assert_int_equal(memcmp(signed_, other, 64) != 0, i < ATTEST_AT_SIGNATURE);
        attest_transcript(challenge, answer, other);
        assert_memory_not_equal(transcript, other, 64);
        answer[i] ^= 1;
    }
}

static void name_cipher(unsigned aead)
{
    answer[ATTEST_AT_AEAD] = (uint8_t)aead;
    answer[ATTEST_AT_AEAD + 1] = (uint8_t)(aead >> 8);
}

/* With the cipher that the answer names, and with no other than the two. */
static void session(enum pq_algorithm aead)
{
    static const uint8_t shared[32] = {1, 2, 3};
    static const uint8_t text[] = "a secret";
    static uint8_t sealed[ATTEST_SEALED_MAX];
    static uint8_t again[ATTEST_SEALED_MAX];
    static uint8_t opened[ATTEST_TEXT_MAX];
    static uint8_t large[ATTEST_TEXT_MAX + 1];
    struct attest_session machine;
    struct attest_session verifier;
    size_t size;

    fill();
    name_cipher(aead);
    assert_int_equal(attest_session_start(&machine, challenge, answer, shared, 1), 0);
    assert_int_equal(attest_session_start(&verifier, challenge, answer, shared, 0), 0);
    for (unsigned i = 0; i < 3; i++) {
        size = attest_seal(&verifier, (struct pq_bytes){text, sizeof text}, sealed);
        assert_int_equal(size, sizeof text + PQ_AEAD_TAG);
        for (size_t at = 0; at < size; at++) {
            sealed[at] ^= 0x10;
            assert_int_equal(attest_open(&machine, (struct pq_bytes){sealed, size}, opened), -1);
            sealed[at] ^= 0x10;
        }
        /* Not to who sealed it; to the other once, and not cut. */
        assert_int_equal(attest_open(&verifier, (struct pq_bytes){sealed, size}, opened), -1);
        assert_int_equal(attest_open(&machine, (struct pq_bytes){sealed, size - 1}, opened), -1);
        assert_int_equal(attest_open(&machine, (struct pq_bytes){sealed, 3}, opened), -1);
        assert_int_equal(attest_open(&machine, (struct pq_bytes){sealed, size}, opened),
                         sizeof text);
        assert_memory_equal(opened, text, sizeof text);
        assert_int_equal(attest_open(&machine, (struct pq_bytes){sealed, size}, opened), -1);
    }
    assert_int_not_equal(attest_seal(&machine, (struct pq_bytes){text, sizeof text}, again), 0);
    assert_memory_not_equal(again, sealed, size);
    assert_int_equal(attest_open(&verifier, (struct pq_bytes){again, size}, opened), sizeof text);
    assert_int_equal(attest_seal(&machine, (struct pq_bytes){large, sizeof large}, sealed), 0);
    assert_int_not_equal(attest_seal(&machine, (struct pq_bytes){large, ATTEST_TEXT_MAX}, sealed),
                         0);
    /* Another answer, another session. */
    answer[ATTEST_ANSWER_SIZE - 1] ^= 1;
    assert_int_equal(attest_session_start(&machine, challenge, answer, shared, 1), 0);
    attest_seal(&machine, (struct pq_bytes){text, sizeof text}, sealed);
    assert_int_equal(attest_session_start(&verifier, challenge, answer, shared, 0), 0);
    assert_int_equal(attest_open(&verifier, (struct pq_bytes){sealed, size}, opened), sizeof text);
    answer[ATTEST_ANSWER_SIZE - 1] ^= 1;
    assert_int_equal(attest_session_start(&verifier, challenge, answer, shared, 0), 0);
    assert_int_equal(attest_open(&verifier, (struct pq_bytes){sealed, size}, opened), -1);
}

static void test_session(void **state)
{
    (void)state;
    session(PQ_CHACHA20_POLY1305);
    session(PQ_AES_256_GCM);
}

/* A session is sealed as its answer says: what was sealed otherwise is none of it, and one that
 * names neither cipher is none. */
static void test_ciphers(void **state)
{
    static const unsigned wrong[] = {0, 0x0400, 0x0403, PQ_SHA2_256, 0x0102, 0xffff};
    static const uint8_t shared[32] = {1, 2, 3};
    static uint8_t sealed[ATTEST_SEALED_MAX];
    static uint8_t opened[ATTEST_TEXT_MAX];
    struct attest_session machine;
    struct attest_session verifier;
    size_t size;

    (void)state;
    fill();
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        name_cipher(wrong[i]);
        assert_int_equal(attest_session_start(&machine, challenge, answer, shared, 1), -1);
        assert_int_equal(attest_seal(&machine, (struct pq_bytes){shared, 3}, sealed), 0);
        assert_int_equal(attest_open(&machine, (struct pq_bytes){sealed, 20}, opened), -1);
    }
    name_cipher(PQ_AES_256_GCM);
    assert_int_equal(attest_session_start(&machine, challenge, answer, shared, 1), 0);
    assert_int_equal(attest_session_start(&verifier, challenge, answer, shared, 0), 0);
    machine.aead = PQ_CHACHA20_POLY1305;
    size = attest_seal(&machine, (struct pq_bytes){shared, 3}, sealed);
    assert_int_equal(attest_open(&verifier, (struct pq_bytes){sealed, size}, opened), -1);

    /* By what the processor has. */
    pq_processor_limit(0);
    assert_int_equal(attest_aead(), PQ_CHACHA20_POLY1305);
    pq_processor_limit(~0u);
    assert_int_equal(attest_aead(),
                     pq_processor() & PQ_PROCESSOR_AES ? PQ_AES_256_GCM : PQ_CHACHA20_POLY1305);
}

static int parse(const char *text, size_t size, struct request *request)
{
    return request_parse((struct pq_bytes){(const uint8_t *)text, size}, request);
}

static void test_requests(void **state)
{
    static const char *const refused[] = {
        "",
        "status ",
        "status x",
        "Status",
        "statu",
        "statuss",
        "release",
        "release ",
        "release a",
        "release a ",
        "release  secret",
        "release a/b secret",
        "release a.b secret",
        "release 0123456789012345678901234567890a secret", /* 32 characters */
        "keep secret",
        "certificate x",
        "activate",
        "prove",
        "prove ",
        "console ",
        "console now",
        "type",
        "type ",
        "end ",
    };
    struct request request;

    (void)state;
    assert_int_equal(parse("status", 6, &request), 0);
    assert_int_equal(request.kind, REQUEST_STATUS);
    assert_int_equal(request.data.size, 0);
    assert_int_equal(parse("release a-B_9 \0 x\n", 19, &request), 0);
    assert_int_equal(request.kind, REQUEST_RELEASE);
    assert_string_equal(request.name, "a-B_9");
    assert_int_equal(request.data.size, 5);
    assert_memory_equal(request.data.data, "\0 x\n", 5);
    assert_int_equal(parse("release 0123456789012345678901234567890 x", 41, &request), 0);
    assert_int_equal(parse("prove \1\2 ", 9, &request), 0);
    assert_int_equal(request.kind, REQUEST_PROVE);
    assert_memory_equal(request.data.data, "\1\2 ", 3);
    assert_int_equal(parse("console", 7, &request), 0);
    assert_int_equal(request.kind, REQUEST_CONSOLE);
    assert_int_equal(parse("type  ", 6, &request), 0);
    assert_int_equal(request.kind, REQUEST_TYPE);
    assert_int_equal(request.data.size, 1);
    assert_int_equal(parse("end", 3, &request), 0);
    assert_int_equal(request.kind, REQUEST_END);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(parse(refused[i], strlen(refused[i]), &request), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),   cmocka_unit_test(test_noise),
        cmocka_unit_test(test_anew),     cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_bindings), cmocka_unit_test(test_session),
        cmocka_unit_test(test_ciphers),  cmocka_unit_test(test_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
