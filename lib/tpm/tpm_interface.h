/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of a TPM's locality 0 (PC Client platform TPM profile 1.05, tables 13 and 17). */
#ifndef TPM_INTERFACE_H
#define TPM_INTERFACE_H

#include "mmio.h"
#include "tpm.h"

#define TPM_POLLS 4000000u

/* Where the registers are for us; tpm_find() sets it. */
extern uint64_t tpm_base;

/* Waits for (register & mask) == value. A TPM may take seconds for a command: each round takes
 * about a microsecond. 0 or TPM_ERROR_TIMEOUT. */
static inline int tpm_wait(uint64_t address, uint32_t mask, uint32_t value)
{
    for (unsigned i = 0; i < TPM_POLLS; i++) {
        if ((mmio_read32(address) & mask) == value)
            return 0;
        tpm_pause();
    }
    return TPM_ERROR_TIMEOUT;
}

/* The size that a response's header says it has, 0 when it cannot be. */
static inline size_t tpm_response_size(const uint8_t header[6])
{
    size_t size = (size_t)header[2] << 24 | (size_t)header[3] << 16 | (size_t)header[4] << 8 |
                  (size_t)header[5];
    return size < 10 || size > TPM_BUFFER_SIZE ? 0 : size;
}

#endif
