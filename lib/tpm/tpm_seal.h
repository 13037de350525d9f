/* SPDX-License-Identifier: BSD-2-Clause */
/* Secrets that a TPM keeps, and gives out only while PCRs have the values that they have now. */
#ifndef TPM_SEAL_H
#define TPM_SEAL_H

#include "tpm.h"

#define TPM_SEALED_MAX 128u /* bytes: MAX_SYM_DATA, part 2, section 11.1.14 */

/* Seals size bytes (1 to TPM_SEALED_MAX) to the PCRs that pcrs names (bit i is PCR i) in
 * banks[bank], and keeps them in the TPM at the persistent handle, which must be free: they
 * outlast power-off. Needs the owner hierarchy without a password: TPM_ERROR_CODE else. */
int tpm_seal(struct tpm *tpm, unsigned bank, uint32_t pcrs, uint32_t handle, const uint8_t *data,
             size_t size);

/* What is sealed at the handle: its size, or an enum tpm_error; data has TPM_SEALED_MAX bytes.
 * TPM_ERROR_CODE when there is nothing (tpm_is_absent), or the PCRs have other values. */
int tpm_unseal(struct tpm *tpm, unsigned bank, uint32_t pcrs, uint32_t handle, uint8_t *data);

/* Whether the last command failed since nothing is at its handle. */
int tpm_is_absent(const struct tpm *tpm);

/* Takes what is at a persistent handle out of the TPM. */
int tpm_evict(struct tpm *tpm, uint32_t handle);

#endif
