/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the attestation service reads: any bytes of its line, any text in a session, any answers of
 * a TPM. The first byte chooses.
 */
#include <attest.h>
#include <request.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <tpm_certify.h>
#include <tpm_quote.h>
#include <tpm_seal.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Nobody but who shares the secret gets a text through. */
static void line(const uint8_t *data, size_t size)
{
    static struct attest_receiver receiver;
    static struct attest_session session;
    static uint8_t challenge[ATTEST_CHALLENGE_SIZE], answer[ATTEST_ANSWER_SIZE];
    static uint8_t text[ATTEST_TEXT_MAX];
    static const uint8_t shared[32] = {1};

    receiver.have = 0;
    receiver.anew = 0;
    answer[ATTEST_AT_AEAD] = (uint8_t)attest_aead();
    answer[ATTEST_AT_AEAD + 1] = (uint8_t)(attest_aead() >> 8);
    require(attest_session_start(&session, challenge, answer, shared, 1) == 0);
    for (size_t i = 0; i < size; i++) {
        int type = attest_receive(&receiver, data[i]);
        struct pq_bytes contents = attest_contents(&receiver);
        if (type != 0) {
            require(contents.size <= ATTEST_FRAME_MAX);
            require(attest_open(&session, contents, text) == -1);
        }
    }
}

/* What is taken keeps the promises of request.h. The text ends where the memory ends. */
static void request(const uint8_t *data, size_t size)
{
    uint8_t *text = malloc(size == 0 ? 1 : size);
    struct request request;

    require(text != NULL);
    memcpy(text, data, size);
    memset(&request, 0xa5, sizeof request);
    if (request_parse((struct pq_bytes){text, size}, &request) == 0) {
        require(memchr(request.name, 0, sizeof request.name) != NULL);
        require(request.data.size <= size);
        require(request.data.size == 0 || request.data.data + request.data.size == text + size);
        if (request.kind == REQUEST_RELEASE)
            require(request.name[0] != 0 && request.data.size != 0);
    }
    free(text);
}

static const uint8_t *answers;
static size_t answers_size;

/* Each answer is a byte for its size, and then so many. */
static int exchange(uint8_t buffer[TPM_BUFFER_SIZE], size_t size)
{
    size_t given = answers_size == 0 ? 0 : answers[0] * 4u;

    require(size >= 10 && size <= TPM_BUFFER_SIZE);
    if (answers_size == 0)
        return TPM_ERROR_TIMEOUT;
    answers++;
    answers_size--;
    given = given < answers_size ? given : answers_size;
    /* A good header, so that what follows it is reached; now and then another one. */
    memset(buffer, 0, TPM_BUFFER_SIZE);
    memcpy(buffer + 10, answers, given);
    buffer[4] = (uint8_t)((given + 10) >> 8);
    buffer[5] = (uint8_t)(given + 10);
    if (given > 0 && answers[0] == 0xff)
        memcpy(buffer, answers, given < 10 ? given : 10);
    answers += given;
    answers_size -= given;
    return (int)(given + 10);
}

static void tpm(const uint8_t *data, size_t size)
{
    struct tpm tpm = {.exchange = exchange};
    struct tpm_key key;
    struct tpm_quote quote;
    uint8_t bytes[TPM_SEALED_MAX] = {0};
    uint8_t certificate[TPM_CERTIFICATE_MAX];

    answers = data;
    answers_size = size;
    (void)tpm_start(&tpm);
    require(tpm.bank_count <= TPM_BANKS_MAX);
    if (tpm.bank_count == 0) {
        tpm.bank_count = 1;
        tpm.banks[0] = (struct tpm_bank){TPM_SHA256, 32, PQ_SHA2_256};
    }
    switch (size % 5) {
    case 0:
        require(tpm_unseal(&tpm, 0, 1, 0x81000000, bytes) <= (int)sizeof bytes);
        break;
    case 1:
        (void)tpm_seal(&tpm, 0, 1, 0x81000000, bytes, sizeof bytes);
        break;
    case 2:
        require(tpm_read_certificate(&tpm, certificate) <= (int)sizeof certificate);
        break;
    case 3:
        key.handle = 0x80000000;
        require(tpm_activate(&tpm, &key, bytes, sizeof bytes, certificate) <=
                (int)TPM_CREDENTIAL_MAX);
        break;
    default:
        if (tpm_make_key(&tpm, &key) == TPM_OK &&
            tpm_quote(&tpm, &key, 0, 1, bytes, &quote) == TPM_OK)
            require(quote.size <= TPM_QUOTE_MAX);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(const uint8_t *, size_t) = {line, request, tpm};

    if (size > 0)
        targets[data[0] % 3](data + 1, size - 1);
    return 0;
}
