/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys and sessions that live in the TPM while a command sequence needs them (TPM 2.0 Library, part
 * 1, sections 16 and 19): what quoting, sealing and certifying have in common. */
#ifndef TPM_OBJECT_H
#define TPM_OBJECT_H

#include "tpm_message.h"

#define HIERARCHY_OWNER       0x40000001u
#define HIERARCHY_ENDORSEMENT 0x4000000bu

enum { SESSION_POLICY = 1, SESSION_TRIAL = 3 }; /* TPM_SE */

/* TPM_ALG_ID, part 2. */
enum {
    ALGORITHM_RSA = 0x01,
    ALGORITHM_AES = 0x06,
    ALGORITHM_KEYEDHASH = 0x08,
    ALGORITHM_NULL = 0x10,
    ALGORITHM_ECDSA = 0x18,
    ALGORITHM_ECC = 0x23,
    ALGORITHM_CFB = 0x43,
    CURVE_P256 = 0x03, /* TPM_ECC_CURVE */
};

/* TPMA_OBJECT, part 2, table 31. */
enum {
    FIXED_TPM = 1 << 1,
    FIXED_PARENT = 1 << 4,
    SENSITIVE_ORIGIN = 1 << 5,
    USER_WITH_AUTH = 1 << 6,
    ADMIN_WITH_POLICY = 1 << 7,
    NO_DA = 1 << 10,
    RESTRICTED = 1 << 16,
    DECRYPT = 1 << 17,
    SIGN = 1 << 18,
};

/* TPM2_CreatePrimary (part 3, 24.1) with neither password nor data: up to its public area, of
 * public_size bytes, which is written next. */
void object_begin_primary(struct message *message, uint32_t hierarchy, uint32_t public_size);

/* What ends a creation: no outside information, no PCRs at it. */
void object_end_creation(struct message *message);

/* Sends a command whose response begins with a handle. */
int object_send(struct tpm *tpm, struct message *message, uint32_t *handle);

/* A session of the kind (SESSION_*), neither salted nor bound: it authorizes by no secret. Part 3,
 * 11.1. */
int object_start_session(struct tpm *tpm, unsigned kind, uint32_t *session);

/* TPML_PCR_SELECTION of one bank: bit i of pcrs is PCR i, of 24. */
void object_put_pcrs(struct message *message, const struct tpm *tpm, unsigned bank, uint32_t pcrs);

/* Ends a transient key or a session. tpm->code stays what the command before left there. */
int object_flush(struct tpm *tpm, uint32_t handle);

/* Ends all transient keys and all sessions, whoever has left them there: a TPM has room for three
 * of each. An enum tpm_error. */
int object_flush_all(struct tpm *tpm);

#endif
