/* SPDX-License-Identifier: BSD-2-Clause */
#include "rollback.h"

#include "little.h"

enum { AT_VERSION = 0, AT_EPOCH = 8, AT_ZERO = 12 };

int rollback_read(struct tpm *tpm, struct verify_floor *floor, int *defined)
{
    uint8_t data[ROLLBACK_SIZE];
    int error = tpm_nv_read(tpm, ROLLBACK_INDEX, data, sizeof data);

    *floor = (struct verify_floor){0, 0};
    *defined = 0;
    if (error == TPM_ERROR_CODE && tpm->code == TPM_RC_HANDLE_1)
        return TPM_OK;
    *defined = 1;
    if (error == TPM_ERROR_CODE && tpm->code == TPM_RC_NV_UNINITIALIZED)
        return TPM_OK;
    if (error)
        return error;
    floor->version = load64(data + AT_VERSION);
    floor->epoch = load32(data + AT_EPOCH);
    return TPM_OK;
}

int rollback_raise(struct tpm *tpm, const struct verify_floor *floor,
                   const struct verify_result *result)
{
    uint8_t data[ROLLBACK_SIZE] = {0};
    int error = TPM_OK;

    if (result->version > floor->version || result->epoch > floor->epoch) {
        store64(data + AT_VERSION,
                result->version > floor->version ? result->version : floor->version);
        store32(data + AT_EPOCH, result->epoch > floor->epoch ? result->epoch : floor->epoch);
        error = tpm_nv_write(tpm, ROLLBACK_INDEX, data, sizeof data);
    }
    return error ? error : tpm_nv_write_lock(tpm, ROLLBACK_INDEX);
}
