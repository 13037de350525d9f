/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm.h"

#include <string.h>

#include "tpm_message.h"

enum {
    COMMAND_NV_WRITE = 0x137,
    COMMAND_NV_WRITE_LOCK = 0x138,
    COMMAND_STARTUP = 0x144,
    COMMAND_NV_READ = 0x14e,
    COMMAND_GET_CAPABILITY = 0x17a,
    COMMAND_PCR_READ = 0x17e,
    COMMAND_PCR_EXTEND = 0x182,
};
#define CAPABILITY_PCRS 5u

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
    uint32_t count = message_get(message, 4);

    tpm->bank_count = 0;
    for (uint32_t i = 0; i < count && !message->bad; i++) {
        struct tpm_bank bank = known_bank(message_get(message, 2));
        uint32_t length = message_get(message, 1);
        const uint8_t *select = message_get_bytes(message, length);
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

    message_begin(&message, TAG_NO_SESSIONS, COMMAND_GET_CAPABILITY);
    message_put(&message, CAPABILITY_PCRS, 4);
    message_put(&message, 0, 4);
    message_put(&message, 1, 4);
    error = message_send(tpm, &message);
    if (error)
        return error;
    message_get(&message, 1); /* more data */
    if (message_get(&message, 4) != CAPABILITY_PCRS)
        return TPM_ERROR_RESPONSE;
    read_banks(tpm, &message);
    return message.bad ? TPM_ERROR_RESPONSE : TPM_OK;
}

int tpm_start(struct tpm *tpm)
{
    struct message message;
    int error = get_banks(tpm);

    if (error == TPM_ERROR_CODE && tpm->code == TPM_RC_INITIALIZE) {
        message_begin(&message, TAG_NO_SESSIONS, COMMAND_STARTUP);
        message_put(&message, 0, 2); /* TPM_SU_CLEAR */
        error = message_send(tpm, &message);
        if (!error)
            error = get_banks(tpm);
    }
    /* A TPM 1.2 answers with an error, or in another form. */
    return error == TPM_ERROR_CODE || error == TPM_ERROR_RESPONSE ? TPM_ERROR_NONE : error;
}

int tpm_extend(struct tpm *tpm, uint32_t pcr, const uint8_t digests[][TPM_DIGEST_MAX])
{
    struct message message;

    message_begin(&message, TAG_SESSIONS, COMMAND_PCR_EXTEND);
    message_put(&message, pcr, 4);
    message_put_password(&message);
    message_put(&message, tpm->bank_count, 4);
    for (unsigned i = 0; i < tpm->bank_count; i++) {
        message_put(&message, tpm->banks[i].algorithm, 2);
        message_put_bytes(&message, digests[i], tpm->banks[i].size);
    }
    return message_send(tpm, &message);
}

int tpm_read_pcr(struct tpm *tpm, unsigned bank, uint32_t pcr, uint8_t value[TPM_DIGEST_MAX])
{
    struct message message;
    const uint8_t *digest;
    int error;

    if (bank >= tpm->bank_count || pcr >= 24)
        return TPM_ERROR_RESPONSE;
    message_begin(&message, TAG_NO_SESSIONS, COMMAND_PCR_READ);
    message_put(&message, 1, 4);
    message_put(&message, tpm->banks[bank].algorithm, 2);
    message_put(&message, 3, 1);
    for (unsigned i = 0; i < 3; i++)
        message_put(&message, pcr / 8 == i ? 1u << pcr % 8 : 0, 1);
    error = message_send(tpm, &message);
    if (error)
        return error;
    /* Update counter, the selection back, one digest. */
    message_get(&message, 4);
    if (message_get(&message, 4) != 1)
        return TPM_ERROR_RESPONSE;
    message_get(&message, 2);
    message_get_bytes(&message, message_get(&message, 1));
    if (message_get(&message, 4) != 1 || message_get(&message, 2) != tpm->banks[bank].size)
        return TPM_ERROR_RESPONSE;
    digest = message_get_bytes(&message, tpm->banks[bank].size);
    if (!digest)
        return TPM_ERROR_RESPONSE;
    memcpy(value, digest, tpm->banks[bank].size);
    return TPM_OK;
}

static void begin_nv(struct message *message, uint32_t command, uint32_t index)
{
    message_begin(message, TAG_SESSIONS, command);
    message_put(message, index, 4); /* who authorizes: the index itself */
    message_put(message, index, 4);
    message_put_password(message);
}

int tpm_nv_read(struct tpm *tpm, uint32_t index, uint8_t *data, uint16_t size)
{
    struct message message;
    const uint8_t *bytes;
    int error;

    begin_nv(&message, COMMAND_NV_READ, index);
    message_put(&message, size, 2);
    message_put(&message, 0, 2); /* offset */
    error = message_send(tpm, &message);
    if (error)
        return error;
    message_get(&message, 4); /* size of the parameters, which sessions bring */
    if (message_get(&message, 2) != size)
        return TPM_ERROR_RESPONSE;
    bytes = message_get_bytes(&message, size);
    if (!bytes)
        return TPM_ERROR_RESPONSE;
    memcpy(data, bytes, size);
    return TPM_OK;
}

int tpm_nv_write(struct tpm *tpm, uint32_t index, const uint8_t *data, uint16_t size)
{
    struct message message;

    begin_nv(&message, COMMAND_NV_WRITE, index);
    message_put(&message, size, 2);
    message_put_bytes(&message, data, size);
    message_put(&message, 0, 2); /* offset */
    return message_send(tpm, &message);
}

int tpm_nv_write_lock(struct tpm *tpm, uint32_t index)
{
    struct message message;

    begin_nv(&message, COMMAND_NV_WRITE_LOCK, index);
    return message_send(tpm, &message);
}
