/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Model-specific registers: what a guest may read and write, and why. What is not in the table
 * raises #GP.
 */
#ifndef VMM_CPU_MSR_H
#define VMM_CPU_MSR_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

#define MSR_FIXED_RANGES    11
#define MSR_VARIABLE_RANGES 8

/* Per-vCPU registers that have no other home. */
struct msr_state {
    uint64_t pat;
    uint64_t misc_enable;
    uint64_t tsc_adjust;
    uint64_t mtrr_default;
    uint64_t mtrr_fixed[MSR_FIXED_RANGES];
    uint64_t mtrr_base[MSR_VARIABLE_RANGES];
    uint64_t mtrr_mask[MSR_VARIABLE_RANGES];
    uint64_t kvm_pv_eoi;      /* paravirtual EOI: guest-physical address and enable bit */
    uint64_t kvm_system_time; /* PV clock: guest-physical address and enable bit */
    uint64_t kvm_wall_clock;
    uint32_t kvm_version;
};

/* State after power-up. */
void msr_reset(struct msr_state *state);

/* false: the access raises #GP. */
bool msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
bool msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value);

/* MSRs whose accesses need not exit, each with its reason. */
struct msr_direct {
    uint32_t msr;
    uint32_t access; /* QUOIN_MSR_* */
};

/* The table, ended by an entry with access 0. */
extern const struct msr_direct msr_direct_table[];

#endif
