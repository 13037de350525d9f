/* SPDX-License-Identifier: BSD-2-Clause */
/* Which interface is there: PC Client platform TPM profile 1.05, section 6.4. */
#include "tpm_interface.h"

enum { INTERFACE_ID = 0x30, FIFO_DEVICE = 0xf00 };
enum { TYPE_FIFO = 0, TYPE_CRB = 1, TYPE_TIS_1_3 = 15 };

uint64_t tpm_base;

int tpm_find(struct tpm *tpm, uint64_t registers)
{
    uint32_t interface;
    uint32_t type;

    tpm_base = registers;
    interface = mmio_read32(tpm_base + INTERFACE_ID);
    type = interface & 15;
    *tpm = (struct tpm){0};
    if (type == TYPE_CRB && interface != UINT32_MAX) {
        tpm->exchange = tpm_crb_exchange;
        tpm->interface = "CRB";
        return TPM_OK;
    }
    if (type == TYPE_FIFO || type == TYPE_TIS_1_3) {
        uint32_t device = mmio_read32(tpm_base + FIFO_DEVICE);
        if (device != 0 && device != UINT32_MAX) {
            tpm->exchange = tpm_tis_exchange;
            tpm->interface = "TIS";
            return TPM_OK;
        }
    }
    return TPM_ERROR_NONE;
}
