/* SPDX-License-Identifier: BSD-2-Clause */
/* M' of FIPS 204 and FIPS 205: domain separator, context, hash identifier, message. */
#include "message.h"
#include "bytes.h"

#define OID_SIZE    11
#define CONTEXT_MAX 255

/* 2.16.840.1.101.3.4.2.n in DER (FIPS 204 algorithm 4, FIPS 205 algorithm 23). */
struct hash_oid {
    enum pq_algorithm hash;
    uint8_t der[OID_SIZE];
};

#define OID(hash, n)                                                      \
    {                                                                     \
        hash,                                                             \
        {                                                                 \
            0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, n \
        }                                                                 \
    }

static const struct hash_oid oids[] = {
    OID(PQ_SHA2_256, 1),     OID(PQ_SHA2_384, 2),     OID(PQ_SHA2_512, 3),  OID(PQ_SHA2_224, 4),
    OID(PQ_SHA2_512_224, 5), OID(PQ_SHA2_512_256, 6), OID(PQ_SHA3_224, 7),  OID(PQ_SHA3_256, 8),
    OID(PQ_SHA3_384, 9),     OID(PQ_SHA3_512, 10),    OID(PQ_SHAKE128, 11), OID(PQ_SHAKE256, 12),
};

static int message_prehashed(struct message *message, const struct pq_message *source)
{
    for (size_t i = 0; i < sizeof oids / sizeof oids[0]; i++) {
        if (oids[i].hash != source->hash)
            continue;
        if (source->body.size != pq_hash_size(source->hash))
            return PQ_ERROR_LENGTH;
        message->header[0] = 1;
        message->part[2] = (struct pq_bytes){oids[i].der, OID_SIZE};
        message->part[3] = source->body;
        return PQ_OK;
    }
    return PQ_ERROR_ALGORITHM;
}

int message_build(struct message *message, const struct pq_message *source)
{
    bytes_zero(message, sizeof *message);
    if (source->mode == PQ_MESSAGE_INTERNAL) {
        message->part[0] = source->body;
        return PQ_OK;
    }
    if (source->mode == PQ_MESSAGE_MU) {
        if (source->body.size != 64)
            return PQ_ERROR_LENGTH;
        message->is_mu = 1;
        message->part[0] = source->body;
        return PQ_OK;
    }

    if (source->context.size > CONTEXT_MAX)
        return PQ_ERROR_CONTEXT;
    message->header[1] = (uint8_t)source->context.size;
    message->part[0] = (struct pq_bytes){message->header, sizeof message->header};
    message->part[1] = source->context;
    if (source->mode == PQ_MESSAGE_PREHASHED)
        return message_prehashed(message, source);
    if (source->mode != PQ_MESSAGE_PURE)
        return PQ_ERROR_ALGORITHM;
    message->part[2] = source->body;
    return PQ_OK;
}
