/* SPDX-License-Identifier: BSD-2-Clause
 *
 * CPUID as the guest sees it: the processor's own leaves, each register masked to what this VMM and
 * the kernel support, topology as vm.vcpu_count cores in one package, and the hypervisor leaves.
 */
#ifndef VMM_CPU_CPUID_H
#define VMM_CPU_CPUID_H

#include <stdint.h>

#include "vmm/vm.h"

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

/* Reads the processor's own CPUID. Replaced by tests. */
typedef struct cpuid cpuid_source(uint32_t leaf, uint32_t subleaf);
struct cpuid cpuid_host(uint32_t leaf, uint32_t subleaf);

/* The guest's CPUID for one vCPU. */
struct cpuid cpuid_guest(struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf, cpuid_source *host);

/* Vendor of the processor, from leaf 0. */
enum vm_vendor cpuid_vendor(cpuid_source *host);

/* Width of guest-physical addresses. */
unsigned cpuid_physical_bits(cpuid_source *host);

#endif
