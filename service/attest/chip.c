/* SPDX-License-Identifier: BSD-2-Clause */
#include "chip.h"

#include <component/component.h>
#include <stdbool.h>
#include <tpm_object.h>

uint64_t chip_registers = 0;

static struct tpm tpm;
static unsigned bank;
static bool looked;
static bool there;

void tpm_pause(void)
{
    uint64_t end = component_tsc() + component_info->tsc_hz / 1000000;

    while (component_tsc() < end) {
        __builtin_ia32_pause();
    }
}

static unsigned choose_bank(void)
{
    for (unsigned i = 0; i < tpm.bank_count; i++) {
        if (tpm.banks[i].algorithm == TPM_SHA256) {
            return i;
        }
    }
    return 0;
}

struct tpm *chip_find(void)
{
    if (!looked) {
        looked = true;
        /* Nobody else has it: what is loaded there is from before this service was started anew. */
        there = tpm_find(&tpm, chip_registers) == TPM_OK && tpm_start(&tpm) == TPM_OK &&
                object_flush_all(&tpm) == TPM_OK && tpm.bank_count != 0;
        bank = choose_bank();
    }
    return there ? &tpm : NULL;
}

unsigned chip_bank(void)
{
    return bank;
}
