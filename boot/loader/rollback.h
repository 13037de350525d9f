/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The highest version and epoch that ran here, in an NV index of the TPM that the owner defines
 * (doc/formats.md, "Rollback index"). Without TPM or index there is no memory, and the floor is 0.
 * Also built for the host.
 */
#ifndef LOADER_ROLLBACK_H
#define LOADER_ROLLBACK_H

#include "tpm.h"
#include "verify.h"

#define ROLLBACK_INDEX 0x01815051u
#define ROLLBACK_SIZE  16

/* TPM_OK and *floor; *defined says whether there is an index. */
int rollback_read(struct tpm *tpm, struct verify_floor *floor, int *defined);

/* Raises the index to what was verified, where that is higher, and locks it until power-off. */
int rollback_raise(struct tpm *tpm, const struct verify_floor *floor,
                   const struct verify_result *result);

#endif
