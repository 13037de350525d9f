/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of a TPM's locality 0 (PC Client platform TPM profile 1.05, tables 13 and 17). */
#ifndef LOADER_TPM_INTERFACE_H
#define LOADER_TPM_INTERFACE_H

#include "mmio.h"
#include "port.h"
#include "tpm.h"

#define TPM_BASE  0xfed40000ull
#define TPM_POLLS 4000000u

/* Waits for (register & mask) == value. A TPM may take seconds for a command: each round takes
 * about a microsecond, the time of an access to port 0x80. 0 or TPM_ERROR_TIMEOUT. */
static inline int tpm_wait(uint64_t address, uint32_t mask, uint32_t value)
{
    for (unsigned i = 0; i < TPM_POLLS; i++) {
        if ((mmio_read32(address) & mask) == value)
            return 0;
        port_read8(0x80);
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
