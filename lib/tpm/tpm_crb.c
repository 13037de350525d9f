/* SPDX-License-Identifier: BSD-2-Clause */
/* The command response buffer: PC Client platform TPM profile 1.05, section 6.5.3. */
#include "tpm_interface.h"

enum {
    LOCALITY_CONTROL = 0x08,
    LOCALITY_STATUS = 0x0c,
    REQUEST = 0x40,
    STATUS = 0x44,
    START = 0x4c,
    COMMAND_SIZE = 0x58,
    COMMAND_LOW = 0x5c,
    COMMAND_HIGH = 0x60,
    RESPONSE_SIZE = 0x64,
    RESPONSE_LOW = 0x68,
    RESPONSE_HIGH = 0x6c,
};
enum { LOCALITY_REQUEST = 1, LOCALITY_RELINQUISH = 2, LOCALITY_GRANTED = 1 };
enum { REQUEST_READY = 1, REQUEST_IDLE = 2, STATUS_ERROR = 1, START_NOW = 1 };

/* The buffers lie behind the registers: only what is in their TPM_REGISTERS_SIZE bytes is taken.
 * The registers tell physical addresses. 0: elsewhere. */
static uint64_t buffer_at(uint32_t low, uint32_t high, size_t size)
{
    uint64_t address = (uint64_t)mmio_read32(tpm_base + high) << 32 | mmio_read32(tpm_base + low);
    uint64_t offset = address - TPM_REGISTERS;

    if (address < TPM_REGISTERS || offset > TPM_REGISTERS_SIZE ||
        size > TPM_REGISTERS_SIZE - offset)
        return 0;
    return tpm_base + offset;
}

static int start(const uint8_t *command, size_t size)
{
    uint64_t at;

    mmio_write32(tpm_base + LOCALITY_CONTROL, LOCALITY_REQUEST);
    if (tpm_wait(tpm_base + LOCALITY_STATUS, LOCALITY_GRANTED, LOCALITY_GRANTED))
        return TPM_ERROR_TIMEOUT;
    /* What somebody has asked before and not waited for comes to its end first. */
    if (tpm_wait(tpm_base + START, START_NOW, 0))
        return TPM_ERROR_TIMEOUT;
    mmio_write32(tpm_base + REQUEST, REQUEST_READY);
    if (tpm_wait(tpm_base + REQUEST, REQUEST_READY, 0))
        return TPM_ERROR_TIMEOUT;
    at = buffer_at(COMMAND_LOW, COMMAND_HIGH, size);
    if (at == 0 || mmio_read32(tpm_base + COMMAND_SIZE) < size)
        return TPM_ERROR_RESPONSE;
    for (size_t i = 0; i < size; i++)
        mmio_write8(at + i, command[i]);
    mmio_write32(tpm_base + START, START_NOW);
    if (tpm_wait(tpm_base + START, START_NOW, 0))
        return TPM_ERROR_TIMEOUT;
    return mmio_read32(tpm_base + STATUS) & STATUS_ERROR ? TPM_ERROR_RESPONSE : TPM_OK;
}

int tpm_crb_exchange(uint8_t buffer[TPM_BUFFER_SIZE], size_t size)
{
    size_t response;
    uint64_t at;
    int error = start(buffer, size);

    if (error)
        return error;
    at = buffer_at(RESPONSE_LOW, RESPONSE_HIGH, 10);
    if (at == 0)
        return TPM_ERROR_RESPONSE;
    for (size_t i = 0; i < 10; i++)
        buffer[i] = mmio_read8(at + i);
    response = tpm_response_size(buffer);
    if (response == 0 || buffer_at(RESPONSE_LOW, RESPONSE_HIGH, response) == 0 ||
        mmio_read32(tpm_base + RESPONSE_SIZE) < response)
        return TPM_ERROR_RESPONSE;
    for (size_t i = 10; i < response; i++)
        buffer[i] = mmio_read8(at + i);
    mmio_write32(tpm_base + REQUEST, REQUEST_IDLE);
    if (tpm_wait(tpm_base + REQUEST, REQUEST_IDLE, 0))
        return TPM_ERROR_TIMEOUT;
    mmio_write32(tpm_base + LOCALITY_CONTROL, LOCALITY_RELINQUISH);
    return (int)response;
}
