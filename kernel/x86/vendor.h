/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What differs between the vendors, as functions that branch to one of them. (Calls through
 * pointers would be targets for branch predictions that a guest has trained.) v is never in its
 * guest, on any core; all but create need it loaded on this core (vcpu_load).
 */
#ifndef KERNEL_X86_VENDOR_H
#define KERNEL_X86_VENDOR_H

#include "x86/svm/svm.h"
#include "x86/vcpu.h"
#include "x86/vmx/vmx.h"

#define VENDOR(call) (vcpu_vendor == VENDOR_SVM ? svm_##call : vmx_##call)

static inline void vendor_init_core(unsigned core)
{
    VENDOR(init_core(core));
}
static inline uint64_t vendor_features(void)
{
    return VENDOR(features());
}
static inline void vendor_create(struct vcpu *v)
{
    VENDOR(create(v));
}
/* The guest's state on this core goes to memory. */
static inline void vendor_unload(struct vcpu *v)
{
    VENDOR(unload(v));
}
/* The VCPU comes to this core. */
static inline void vendor_load(unsigned core, struct vcpu *v)
{
    VENDOR(load(core, v));
}
/* Root of the guest-physical space. flush: translations of the space may have changed. */
static inline void vendor_set_root(unsigned core, struct vcpu *v, struct paddr root, bool flush)
{
    VENDOR(set_root(core, v, root, flush));
}
/* Fits the values to what the processor has; false if one of them is not acceptable. */
static inline bool vendor_check(struct vcpu *v, struct vm_entry *e)
{
    return VENDOR(check(v, e));
}
static inline void vendor_apply(struct vcpu *v, const struct vm_entry *e)
{
    VENDOR(apply(v, e));
}
/* The same for an entry that changes nothing else, after an exit that was reported. */
static inline void vendor_set_rip(struct vcpu *v, uint64_t rip)
{
    VENDOR(set_rip(v, rip));
}
/* Nothing blocks the guest's interrupts any more: interruptibility 0. */
static inline void vendor_unblock(struct vcpu *v)
{
    VENDOR(unblock(v));
}
/* Instead of what was to be injected an external interrupt is. */
static inline void vendor_interrupt(struct vcpu *v, uint32_t vector)
{
    VENDOR(interrupt(v, vector));
}
/* Runs the guest, without the kernel lock. *vector: of the interrupt, 0 if not yet taken. */
static inline enum vm_stop vendor_run(unsigned core, struct vcpu *v, unsigned *vector)
{
    return VENDOR(run(core, v, vector));
}
/* Result of an exit: MR0..3, and in msg what follows but for the general registers. */
static inline void vendor_report(struct vcpu *v, struct context *regs, uint64_t *msg, bool extended)
{
    VENDOR(report(v, regs, msg, extended));
}
/* Result 0: MR0..2, and what follows in msg unless that is null. */
static inline void vendor_report_interrupted(struct vcpu *v, struct context *regs, uint64_t *msg)
{
    VENDOR(report_interrupted(v, regs, msg));
}
/* Field access: false if there is no such field. */
static inline bool vendor_get_field(struct vcpu *v, uint64_t field, uint64_t *value)
{
    return VENDOR(get_field(v, field, value));
}
/* Leaves in *value what was really written. */
static inline enum field_result vendor_set_field(struct vcpu *v, uint64_t field, uint64_t *value)
{
    return VENDOR(set_field(v, field, value));
}
static inline void vendor_allow_msr(struct vcpu *v, uint32_t msr, bool read, bool write)
{
    VENDOR(allow_msr(v, msr, read, write));
}

#endif
