/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/smp.h"

#include "x86/asm.h"

static bool released;

void smp_start(const struct acpi_info *acpi, unsigned max)
{
    (void)acpi;
    (void)max;
}

void smp_wait_release(void)
{
    while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE)) {
        asm_pause();
    }
}

void smp_release(void)
{
    __atomic_store_n(&released, true, __ATOMIC_RELEASE);
}
