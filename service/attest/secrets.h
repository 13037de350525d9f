/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The secrets that verifiers have released to this machine. They lie in the TPM, sealed to what
 * runs, and outlast a reboot; where the TPM does not do that, in memory until power-off.
 */
#ifndef ATTEST_SECRETS_H
#define ATTEST_SECRETS_H

#include <pq.h>
#include <secret/secret.h>
#include <stdint.h>

enum { SECRETS_AT_ONCE = 8 };

enum secrets_kept {
    SECRETS_SEALED,    /* in the TPM */
    SECRETS_IN_MEMORY, /* the TPM refused */
    SECRETS_REFUSED,   /* there is no room for another one */
};

/* Keeps 1 to SECRET_MAX bytes under a name, in place of what had that name. */
enum secrets_kept secrets_keep(const char *name, struct pq_bytes secret);

/* Its size, and the bytes in out (SECRET_MAX of them); 0 when it is not there, or was sealed to
 * another image or firmware. Whoever has used them wipes them. */
uint32_t secrets_find(const char *name, uint8_t *out);

/* Response code of the TPM that the last sealing ended with. */
uint32_t secrets_code(void);

#endif
