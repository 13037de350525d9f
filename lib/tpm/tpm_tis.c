/* SPDX-License-Identifier: BSD-2-Clause */
/* The FIFO interface (TIS): PC Client platform TPM profile 1.05, section 6.5.2. */
#include "tpm_interface.h"

enum { ACCESS = 0x00, STATUS = 0x18, DATA = 0x24 };
enum { ACCESS_REQUEST = 0x02, ACCESS_ACTIVE = 0x20, ACCESS_VALID = 0x80 };
enum {
    STATUS_EXPECT = 0x08,
    STATUS_DATA = 0x10,
    STATUS_GO = 0x20,
    STATUS_READY = 0x40,
    STATUS_VALID = 0x80,
};

/* Bytes that can be moved now without waiting. */
static uint32_t burst(void)
{
    for (unsigned i = 0; i < TPM_POLLS; i++) {
        uint32_t count = mmio_read32(tpm_base + STATUS) >> 8 & 0xffff;
        if (count != 0)
            return count;
        tpm_pause();
    }
    return 0;
}

static int take_locality(void)
{
    const uint8_t ours = ACCESS_VALID | ACCESS_ACTIVE;

    mmio_write8(tpm_base + ACCESS, ACCESS_REQUEST);
    for (unsigned i = 0; i < TPM_POLLS; i++) {
        if ((mmio_read8(tpm_base + ACCESS) & ours) == ours)
            return TPM_OK;
        tpm_pause();
    }
    return TPM_ERROR_TIMEOUT;
}

static int send(const uint8_t *command, size_t size)
{
    size_t done = 0;

    mmio_write8(tpm_base + STATUS, STATUS_READY);
    if (tpm_wait(tpm_base + STATUS, STATUS_READY, STATUS_READY))
        return TPM_ERROR_TIMEOUT;
    while (done < size) {
        uint32_t count = burst();

        if (count == 0)
            return TPM_ERROR_TIMEOUT;
        for (; count > 0 && done < size; count--)
            mmio_write8(tpm_base + DATA, command[done++]);
    }
    if (tpm_wait(tpm_base + STATUS, STATUS_VALID | STATUS_EXPECT, STATUS_VALID))
        return TPM_ERROR_TIMEOUT;
    mmio_write8(tpm_base + STATUS, STATUS_GO);
    return tpm_wait(tpm_base + STATUS, STATUS_VALID | STATUS_DATA, STATUS_VALID | STATUS_DATA);
}

static int receive(uint8_t *buffer, size_t from, size_t to)
{
    while (from < to) {
        uint32_t count = burst();

        if (count == 0)
            return TPM_ERROR_TIMEOUT;
        for (; count > 0 && from < to; count--)
            buffer[from++] = mmio_read8(tpm_base + DATA);
    }
    return 0;
}

int tpm_tis_exchange(uint8_t buffer[TPM_BUFFER_SIZE], size_t size)
{
    size_t response;

    if (take_locality() || send(buffer, size) || receive(buffer, 0, 10))
        return TPM_ERROR_TIMEOUT;
    response = tpm_response_size(buffer);
    if (response == 0)
        return TPM_ERROR_RESPONSE;
    if (receive(buffer, 10, response))
        return TPM_ERROR_TIMEOUT;
    mmio_write8(tpm_base + STATUS, STATUS_READY);
    mmio_write8(tpm_base + ACCESS, ACCESS_ACTIVE); /* gives the locality back */
    return (int)response;
}
