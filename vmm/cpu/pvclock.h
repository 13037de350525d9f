/* SPDX-License-Identifier: BSD-2-Clause
 *
 * KVM's PV clock (Linux Documentation/virt/kvm/x86/msr.rst): two structures in guest memory that
 * tell the guest how to turn its TSC into time.
 */
#ifndef VMM_CPU_PVCLOCK_H
#define VMM_CPU_PVCLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

#define MSR_KVM_WALL_CLOCK_OLD  0x11u
#define MSR_KVM_SYSTEM_TIME_OLD 0x12u
#define MSR_KVM_WALL_CLOCK      0x4b564d00u
#define MSR_KVM_SYSTEM_TIME     0x4b564d01u
#define MSR_KVM_PV_EOI          0x4b564d04u

/* Guest layout of the per-vCPU structure. */
struct pvclock_time {
    uint32_t version; /* odd while it is written */
    uint32_t pad0;
    uint64_t tsc_timestamp;
    uint64_t system_time; /* ns at tsc_timestamp */
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags;
    uint8_t pad[2];
};

struct pvclock_wall {
    uint32_t version;
    uint32_t seconds;
    uint32_t nanoseconds;
};

_Static_assert(sizeof(struct pvclock_time) == 32, "msr.rst, MSR_KVM_SYSTEM_TIME_NEW");
_Static_assert(sizeof(struct pvclock_wall) == 12, "msr.rst, MSR_KVM_WALL_CLOCK_NEW");

/* Multiplier and shift such that ns = (tsc << shift, or >> -shift) * multiplier >> 32. */
void pvclock_scale(uint64_t tsc_hz, uint32_t *multiplier, int8_t *shift);

/* Writes of the two MSRs; false: #GP. */
bool pvclock_write_time(struct vcpu *vcpu, uint64_t value);
bool pvclock_write_wall(struct vcpu *vcpu, uint64_t value);

#endif
