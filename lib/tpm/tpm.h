/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TPM 2.0: finding one, and the few commands that the loader and the attestation service need (TPM
 * 2.0 Library, part 3). What a TPM answers is checked like any other input. The commands are also
 * built for the host.
 */
#ifndef TPM_H
#define TPM_H

#include <stddef.h>
#include <stdint.h>

#include "pq.h"

#define TPM_BUFFER_SIZE 1024
#define TPM_BANKS_MAX   8
#define TPM_DIGEST_MAX  64

/* Algorithm ids (part 2, section 6.3) of banks that lib/pq can compute. */
enum { TPM_SHA256 = 0x000b, TPM_SHA384 = 0x000c, TPM_SHA512 = 0x000d };

enum tpm_error {
    TPM_OK = 0,
    TPM_ERROR_NONE = -1,     /* no TPM 2.0 there */
    TPM_ERROR_TIMEOUT = -2,  /* it does not get ready */
    TPM_ERROR_RESPONSE = -3, /* an answer that is none */
    TPM_ERROR_CODE = -4,     /* it refused: struct tpm's code */
};

/* One way to hand a command over. size bytes of buffer are the command; the response replaces it
 * and its size is returned, or an enum tpm_error. */
typedef int tpm_exchange(uint8_t buffer[TPM_BUFFER_SIZE], size_t size);

struct tpm_bank {
    uint16_t algorithm;
    uint16_t size; /* of a digest */
    enum pq_algorithm hash;
};

struct tpm {
    tpm_exchange *exchange;
    const char *interface; /* "TIS" or "CRB" */
    uint32_t code;         /* of the last response */
    unsigned bank_count;
    struct tpm_bank banks[TPM_BANKS_MAX];
};

/* Its fixed physical address (PC Client platform TPM profile 1.05, section 6). */
#define TPM_REGISTERS      0xfed40000ull
#define TPM_REGISTERS_SIZE 0x5000ull

/* The interface whose registers are mapped at that address, TIS or CRB. TPM_ERROR_NONE when nothing
 * is there. One TPM at a time. */
int tpm_find(struct tpm *tpm, uint64_t registers);

/* About a microsecond: whoever uses the interfaces defines it. */
void tpm_pause(void);

tpm_exchange tpm_tis_exchange;
tpm_exchange tpm_crb_exchange;

/* Starts it where firmware did not, and lists the active banks that can be extended.
 * TPM_ERROR_NONE when it is no TPM 2.0. */
int tpm_start(struct tpm *tpm);

/* Extends a PCR in all banks: digests[i] is for banks[i]. */
int tpm_extend(struct tpm *tpm, uint32_t pcr, const uint8_t digests[][TPM_DIGEST_MAX]);

/* The value of a PCR in one bank: banks[bank].size bytes. */
int tpm_read_pcr(struct tpm *tpm, unsigned bank, uint32_t pcr, uint8_t value[TPM_DIGEST_MAX]);

/* Reads, writes and locks a small NV index by its empty password. TPM_ERROR_CODE when it is not
 * defined. Writing is refused by the TPM once it was locked since power-on. */
int tpm_nv_read(struct tpm *tpm, uint32_t index, uint8_t *data, uint16_t size);
int tpm_nv_write(struct tpm *tpm, uint32_t index, const uint8_t *data, uint16_t size);
int tpm_nv_write_lock(struct tpm *tpm, uint32_t index);

/* Response codes that have a meaning here (part 2, section 6.6). */
#define TPM_RC_INITIALIZE       0x100u
#define TPM_RC_NV_UNINITIALIZED 0x14au
#define TPM_RC_HANDLE_1         0x18bu /* the first handle names nothing */

#endif
