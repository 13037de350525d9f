/* SPDX-License-Identifier: BSD-2-Clause
 *
 * AMD-V: what the files of this folder share.
 */
#ifndef KERNEL_X86_SVM_SVM_H
#define KERNEL_X86_SVM_SVM_H

#include "x86/svm/vmcb.h"
#include "x86/vcpu.h"

static inline struct vmcb *svm_block(struct vcpu *v)
{
    return vcpu_block(v);
}

/* The boot core has AMD-V with nested paging, not locked by the firmware. */
bool svm_is_available(void);

/* What vendor.h asks for, here and below. */
void svm_init_core(unsigned core);
uint64_t svm_features(void);
void svm_create(struct vcpu *v);
void svm_load(unsigned core, struct vcpu *v);
void svm_unload(struct vcpu *v);
void svm_set_root(unsigned core, struct vcpu *v, struct paddr root, bool flush);
bool svm_check(struct vcpu *v, struct vm_entry *e);
void svm_apply(struct vcpu *v, const struct vm_entry *e);
static inline void svm_set_rip(struct vcpu *v, uint64_t rip)
{
    svm_block(v)->rip = rip;
}
void svm_unblock(struct vcpu *v);
void svm_interrupt(struct vcpu *v, uint32_t vector);
enum vm_stop svm_run(unsigned core, struct vcpu *v, unsigned *vector);

struct svm_capabilities {
    uint32_t asids; /* 1 to asids - 1 are for guests */
    bool next_rip, decode_assists, tsc_ratio;
    bool reports_more;    /* next_rip or decode_assists */
    uint64_t cr4_allowed; /* bits a guest's CR4 may have */
    uint64_t efer_allowed;
    uint64_t spec_ctrl_allowed;
};
extern struct svm_capabilities svm_has;

/* Registers as after INIT (APM table 14-1), but for CS:RIP, which the VMM sets anyway. */
void svm_reset_state(struct vcpu *v);

/* v->proven_cr0 when state was set that VMRUN might refuse: no CR0 is it. */
#define CR0_UNPROVEN UINT64_MAX

/* prove.c: an exit instead of the entry, with everything as it was; an event that was to be
 * injected is in EXITINTINFO. */
void svm_exit_before_entry(struct vcpu *v, uint64_t exit_code);
/* False if VMRUN would refuse the guest's state (APM 15.5.1); then that is such an exit. */
bool svm_prove_state(struct vcpu *v);
/* The exit says that VMRUN refused the state, and the VMCB holds the host's. */
bool svm_state_is_of_host(const struct vmcb *b);

/* Takes back a virtual interrupt that was to be delivered. */
void svm_drop_virtual_interrupt(struct vcpu *v);
/* Rebuilds the VMCB's intercepts from what the VMM asked for and what the kernel must have. */
void svm_update_intercepts(struct vcpu *v);

/* format.c: between VMCS and VMCB formats of events and segments. */
uint64_t svm_event_from_vmx(uint32_t info, uint32_t error_code);
uint32_t svm_event_to_vmx(uint64_t event);
uint16_t svm_attributes_from_vmx(uint32_t rights);
uint32_t svm_attributes_to_vmx(uint16_t attributes);
/* exit.c: of the last exit, in VMX format: what caused it if that was an exception. */
uint32_t svm_exit_info(const struct vmcb *b);
uint32_t svm_instruction_length(const struct vmcb *b);
void svm_report(struct vcpu *v, struct context *regs, uint64_t *msg, bool extended);
void svm_report_interrupted(struct vcpu *v, struct context *regs, uint64_t *msg);
/* An event whose delivery the exit cut short is injected again, unless the VMM decides otherwise
 * (APM 15.7.2). */
void svm_requeue_event(struct vcpu *v);
/* Exits that are no business of the VMM's: true if the guest may go on. */
bool svm_handle_exit(struct vcpu *v);

/* field.c */
uint64_t svm_interruptibility(const struct vcpu *v, const struct vmcb *b);
void svm_set_interruptibility(struct vcpu *v, uint64_t value);
bool svm_fit_cr0(uint64_t *value);
bool svm_fit_cr4(uint64_t *value);
bool svm_fit_efer(uint64_t *value);
uint64_t svm_fit_rflags(uint64_t value);
bool svm_get_field(struct vcpu *v, uint64_t field, uint64_t *value);
enum field_result svm_set_field(struct vcpu *v, uint64_t field, uint64_t *value);

/* msrpm.c */
void svm_allow_msr(struct vcpu *v, uint32_t msr, bool read, bool write);

/* enter.S */
void svm_enter(struct vcpu *v, uint64_t vmcb, uint64_t host_vmcb);
extern const char svm_vmrun[]; /* the instruction */

#endif
