/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands and responses: numbers are big-endian (TPM 2.0 Library, part 1, section 8). */
#include "tpm.h"

#include <string.h>

enum { TAG_NO_SESSIONS = 0x8001, TAG_SESSIONS = 0x8002, HEADER = 10, COMMAND_MAX = 512 };
enum {
    COMMAND_NV_WRITE = 0x137,
    COMMAND_NV_WRITE_LOCK = 0x138,
    COMMAND_STARTUP = 0x144,
    COMMAND_NV_READ = 0x14e,
    COMMAND_GET_CAPABILITY = 0x17a,
    COMMAND_PCR_READ = 0x17e,
    COMMAND_PCR_EXTEND = 0x182,
};
#define SESSION_PASSWORD 0x40000009u
#define CAPABILITY_PCRS  5u

/* A command being written, or a response being read. */
struct message {
    uint8_t bytes[TPM_BUFFER_SIZE];
    size_t size;
    size_t at; /* next to read */
    int bad;   /* something did not fit, or was not there */
};

static void put(struct message *message, uint64_t value, unsigned size)
{
    if (size > COMMAND_MAX - message->size) {
        message->bad = 1;
        return;
    }
    for (unsigned i = size; i > 0; i--)
        message->bytes[message->size++] = (uint8_t)(value >> 8 * (i - 1));
}

static void put_bytes(struct message *message, const uint8_t *data, size_t size)
{
    if (size > COMMAND_MAX - message->size) {
        message->bad = 1;
        return;
    }
    memcpy(message->bytes + message->size, data, size);
    message->size += size;
}

static uint32_t get(struct message *message, unsigned size)
{
    uint32_t value = 0;

    if (message->bad || size > message->size - message->at) {
        message->bad = 1;
        return 0;
    }
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | message->bytes[message->at++];
    return value;
}

static const uint8_t *get_bytes(struct message *message, size_t size)
{
    const uint8_t *at = message->bytes + message->at;

    if (message->bad || size > message->size - message->at) {
        message->bad = 1;
        return NULL;
    }
    message->at += size;
    return at;
}

static void begin(struct message *message, uint16_t tag, uint32_t command)
{
    message->size = 0;
    message->bad = 0;
    put(message, tag, 2);
    put(message, 0, 4);
    put(message, command, 4);
}

/* An authorization by the empty password (part 1, section 19.4). */
static void put_password(struct message *message)
{
    put(message, 9, 4);
    put(message, SESSION_PASSWORD, 4);
    put(message, 0, 2); /* nonce */
    put(message, 0, 1); /* attributes */
    put(message, 0, 2); /* password */
}

/* Sends the command; the response stands in message, to be read from behind its header. */
static int finish(struct tpm *tpm, struct message *message)
{
    size_t size = message->size;
    int got;

    if (message->bad)
        return TPM_ERROR_RESPONSE;
    message->bytes[2] = 0;
    message->bytes[3] = 0;
    message->bytes[4] = (uint8_t)(size >> 8);
    message->bytes[5] = (uint8_t)size;
    got = tpm->exchange(message->bytes, size);
    if (got < 0)
        return got;
    message->size = (size_t)got;
    message->at = 2;
    if (message->size < HEADER || message->size > TPM_BUFFER_SIZE ||
        get(message, 4) != message->size)
        return TPM_ERROR_RESPONSE;
    tpm->code = get(message, 4);
    return tpm->code == 0 ? TPM_OK : TPM_ERROR_CODE;
}

/* A bank that lib/pq can compute, or one without a hash. */
static struct tpm_bank known_bank(uint32_t algorithm)
{
    switch (algorithm) {
    case TPM_SHA256:
        return (struct tpm_bank){TPM_SHA256, 32, PQ_SHA2_256};
    case TPM_SHA384:
        return (struct tpm_bank){TPM_SHA384, 48, PQ_SHA2_384};
    case TPM_SHA512:
        return (struct tpm_bank){TPM_SHA512, 64, PQ_SHA2_512};
    default:
        return (struct tpm_bank){0, 0, (enum pq_algorithm)0};
    }
}

/* TPML_PCR_SELECTION: the banks of which any PCR is there. */
static void read_banks(struct tpm *tpm, struct message *message)
{
    uint32_t count = get(message, 4);

    tpm->bank_count = 0;
    for (uint32_t i = 0; i < count && !message->bad; i++) {
        struct tpm_bank bank = known_bank(get(message, 2));
        uint32_t length = get(message, 1);
        const uint8_t *select = get_bytes(message, length);
        uint8_t any = 0;

        for (uint32_t j = 0; select && j < length; j++)
            any |= select[j];
        if (any && bank.size != 0 && tpm->bank_count < TPM_BANKS_MAX)
            tpm->banks[tpm->bank_count++] = bank;
    }
}

static int get_banks(struct tpm *tpm)
{
    struct message message;
    int error;

    begin(&message, TAG_NO_SESSIONS, COMMAND_GET_CAPABILITY);
    put(&message, CAPABILITY_PCRS, 4);
    put(&message, 0, 4);
    put(&message, 1, 4);
    error = finish(tpm, &message);
    if (error)
        return error;
    get(&message, 1); /* more data */
    if (get(&message, 4) != CAPABILITY_PCRS)
        return TPM_ERROR_RESPONSE;
    read_banks(tpm, &message);
    return message.bad ? TPM_ERROR_RESPONSE : TPM_OK;
}

int tpm_start(struct tpm *tpm)
{
    struct message message;
    int error = get_banks(tpm);

    if (error == TPM_ERROR_CODE && tpm->code == TPM_RC_INITIALIZE) {
        begin(&message, TAG_NO_SESSIONS, COMMAND_STARTUP);
        put(&message, 0, 2); /* TPM_SU_CLEAR */
        error = finish(tpm, &message);
        if (!error)
            error = get_banks(tpm);
    }
    /* A TPM 1.2 answers with an error, or in another form. */
    return error == TPM_ERROR_CODE || error == TPM_ERROR_RESPONSE ? TPM_ERROR_NONE : error;
}

int tpm_extend(struct tpm *tpm, uint32_t pcr, const uint8_t digests[][TPM_DIGEST_MAX])
{
    struct message message;

    begin(&message, TAG_SESSIONS, COMMAND_PCR_EXTEND);
    put(&message, pcr, 4);
    put_password(&message);
    put(&message, tpm->bank_count, 4);
    for (unsigned i = 0; i < tpm->bank_count; i++) {
        put(&message, tpm->banks[i].algorithm, 2);
        put_bytes(&message, digests[i], tpm->banks[i].size);
    }
    return finish(tpm, &message);
}

int tpm_read_pcr(struct tpm *tpm, unsigned bank, uint32_t pcr, uint8_t value[TPM_DIGEST_MAX])
{
    struct message message;
    const uint8_t *digest;
    int error;

    if (bank >= tpm->bank_count || pcr >= 24)
        return TPM_ERROR_RESPONSE;
    begin(&message, TAG_NO_SESSIONS, COMMAND_PCR_READ);
    put(&message, 1, 4);
    put(&message, tpm->banks[bank].algorithm, 2);
    put(&message, 3, 1);
    for (unsigned i = 0; i < 3; i++)
        put(&message, pcr / 8 == i ? 1u << pcr % 8 : 0, 1);
    error = finish(tpm, &message);
    if (error)
        return error;
    /* Update counter, the selection back, one digest. */
    get(&message, 4);
    if (get(&message, 4) != 1)
        return TPM_ERROR_RESPONSE;
    get(&message, 2);
    get_bytes(&message, get(&message, 1));
    if (get(&message, 4) != 1 || get(&message, 2) != tpm->banks[bank].size)
        return TPM_ERROR_RESPONSE;
    digest = get_bytes(&message, tpm->banks[bank].size);
    if (!digest)
        return TPM_ERROR_RESPONSE;
    memcpy(value, digest, tpm->banks[bank].size);
    return TPM_OK;
}

static void begin_nv(struct message *message, uint32_t command, uint32_t index)
{
    begin(message, TAG_SESSIONS, command);
    put(message, index, 4); /* who authorizes: the index itself */
    put(message, index, 4);
    put_password(message);
}

int tpm_nv_read(struct tpm *tpm, uint32_t index, uint8_t *data, uint16_t size)
{
    struct message message;
    const uint8_t *bytes;
    int error;

    begin_nv(&message, COMMAND_NV_READ, index);
    put(&message, size, 2);
    put(&message, 0, 2); /* offset */
    error = finish(tpm, &message);
    if (error)
        return error;
    get(&message, 4); /* size of the parameters, which sessions bring */
    if (get(&message, 2) != size)
        return TPM_ERROR_RESPONSE;
    bytes = get_bytes(&message, size);
    if (!bytes)
        return TPM_ERROR_RESPONSE;
    memcpy(data, bytes, size);
    return TPM_OK;
}

int tpm_nv_write(struct tpm *tpm, uint32_t index, const uint8_t *data, uint16_t size)
{
    struct message message;

    begin_nv(&message, COMMAND_NV_WRITE, index);
    put(&message, size, 2);
    put_bytes(&message, data, size);
    put(&message, 0, 2); /* offset */
    return finish(tpm, &message);
}

int tpm_nv_write_lock(struct tpm *tpm, uint32_t index)
{
    struct message message;

    begin_nv(&message, COMMAND_NV_WRITE_LOCK, index);
    return finish(tpm, &message);
}
