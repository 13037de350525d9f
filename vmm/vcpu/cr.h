/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Accesses to control registers that exit.
 */
#ifndef VMM_VCPU_CR_H
#define VMM_VCPU_CR_H

#include "vmm/vcpu/vcpu.h"

/* CR4 bits that a guest may set; the rest raises #GP, as CPUID does not offer them. */
#define CR4_ALLOWED                                                                         \
    (0x7ffull /* VME to OSXMMEXCPT */ | 1ull << 11 /* UMIP */ | 1ull << 16 /* FSGSBASE */ | \
     1ull << 18 /* OSXSAVE */ | 1ull << 20 /* SMEP */ | 1ull << 21 /* SMAP */)

/* Carries the access out, or queues #GP. Does not move RIP; returns false when it raised. */
bool cr_access(struct vcpu *vcpu, const struct exit_cr *access);

/* XSETBV with ECX = index. false: #GP. */
bool cr_xsetbv(struct vcpu *vcpu, uint32_t index, uint64_t value);

#endif
