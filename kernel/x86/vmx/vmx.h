/* SPDX-License-Identifier: BSD-2-Clause
 *
 * VT-x: what the files of this folder share.
 */
#ifndef KERNEL_X86_VMX_VMX_H
#define KERNEL_X86_VMX_VMX_H

#include "x86/vcpu.h"

/* The boot core has VT-x with EPT and all else that this kernel needs, not locked by firmware. */
bool vmx_is_available(void);
/* IA32_VMX_MISC, for the scale of the preemption timer. */
uint64_t vmx_misc(void);

/* What vendor.h asks for. */
void vmx_init_core(unsigned core);
uint64_t vmx_features(void);
void vmx_create(struct vcpu *v);
void vmx_load(unsigned core, struct vcpu *v);
void vmx_unload(struct vcpu *v);
void vmx_set_root(unsigned core, struct vcpu *v, struct paddr root, bool flush);
bool vmx_check(struct vcpu *v, struct vm_entry *e);
void vmx_apply(struct vcpu *v, const struct vm_entry *e);
void vmx_set_rip(struct vcpu *v, uint64_t rip);
void vmx_unblock(struct vcpu *v);
void vmx_interrupt(struct vcpu *v, uint32_t vector);
enum vm_stop vmx_run(unsigned core, struct vcpu *v, unsigned *vector);
void vmx_report(struct vcpu *v, struct context *regs, uint64_t *msg, bool extended);
void vmx_report_interrupted(struct vcpu *v, struct context *regs, uint64_t *msg);
bool vmx_get_field(struct vcpu *v, uint64_t field, uint64_t *value);
enum field_result vmx_set_field(struct vcpu *v, uint64_t field, uint64_t *value);
void vmx_allow_msr(struct vcpu *v, uint32_t msr, bool read, bool write);

/* A control field: bits that the kernel sets, and that the VMM may set; the rest is 0. */
struct vmx_control {
    uint32_t forced, allowed;
};

struct vmx_capabilities {
    uint32_t revision;
    struct vmx_control pin, primary, secondary, exit, entry;
    uint64_t cr0_fixed0, cr0_fixed1; /* for guests: PE and PG are free */
    uint64_t cr4_fixed0, cr4_fixed1, cr4_allowed;
    bool ack_interrupt, tsc_scaling, vpid, invept_single, huge_frames, flush_l1d;
};
extern struct vmx_capabilities vmx_has;

/* control.c: control fields as asked for by the VMM, with the kernel's bits, into the VMCS. */
uint32_t vmx_fit_control(const struct vmx_control *c, uint64_t value);
void vmx_write_primary(struct vcpu *v);
void vmx_write_exceptions(struct vcpu *v);
void vmx_write_cr_masks(struct vcpu *v);
void vmx_write_efer(uint64_t efer);
/* CR0 and CR4 as the guest sees them. Bits that the kernel owns go to the read shadow; set returns
 * what was written to the VMCS. */
uint64_t vmx_get_cr0(const struct vcpu *v);
uint64_t vmx_get_cr4(const struct vcpu *v);
uint64_t vmx_set_cr0(struct vcpu *v, uint64_t value);
uint64_t vmx_set_cr4(struct vcpu *v, uint64_t value);

/* handle.c: exits that are no business of the VMM's: true if the guest may go on. */
bool vmx_handle_exit(struct vcpu *v);
/* An event whose delivery the exit cut short is injected again unless the VMM decides otherwise. */
void vmx_requeue_event(struct vcpu *v);

/* enter.S: 0 after a VM exit, 1 if VMLAUNCH or VMRESUME failed. clear_buffers: VERW first. */
unsigned vmx_enter(struct vcpu *v, bool clear_buffers);
extern const char vmx_exit_point[];

/* --- Instructions (SDM vol. 3, chapter 31) --- */

static inline uint64_t vmread(uint64_t field)
{
    uint64_t value;
    __asm__ volatile("vmread %1, %0" : "=rm"(value) : "r"(field) : "cc");
    return value;
}
static inline void vmwrite(uint64_t field, uint64_t value)
{
    __asm__ volatile("vmwrite %1, %0" : : "r"(field), "rm"(value) : "cc", "memory");
}
static inline void vmx_on(struct paddr region)
{
    __asm__ volatile("vmxon %0" : : "m"(region.v) : "cc", "memory");
}
static inline void vmcs_clear(struct paddr vmcs)
{
    __asm__ volatile("vmclear %0" : : "m"(vmcs.v) : "cc", "memory");
}
static inline void vmcs_load(struct paddr vmcs)
{
    __asm__ volatile("vmptrld %0" : : "m"(vmcs.v) : "cc", "memory");
}

enum invept_type { INVEPT_SINGLE = 1, INVEPT_ALL = 2 };
enum invvpid_type { INVVPID_ALL = 2 };

static inline void invept(enum invept_type type, uint64_t eptp)
{
    struct {
        uint64_t eptp, zero;
    } descriptor = {eptp, 0};
    __asm__ volatile("invept %0, %1" : : "m"(descriptor), "r"((uint64_t)type) : "cc", "memory");
}
static inline void invvpid(enum invvpid_type type)
{
    struct {
        uint64_t vpid, address;
    } descriptor = {0, 0};
    __asm__ volatile("invvpid %0, %1" : : "m"(descriptor), "r"((uint64_t)type) : "cc", "memory");
}

/* Exit reasons (SDM vol. 3, appendix C). */
enum {
    VMX_EXIT_EXCEPTION = 0,
    VMX_EXIT_INTERRUPT = 1,
    VMX_EXIT_PORT = 30,
    VMX_EXIT_EPT_VIOLATION = 48,
};
#define VMX_REASON_BASIC  0xffffu
#define VMX_REASON_FAILED (1u << 31) /* VM entry failed after its first checks */

/* Not a hardware reason: VMLAUNCH or VMRESUME itself failed. */
#define VMX_EXIT_NO_ENTRY 0xffffffffu

#define ENTRY_LONG_MODE BIT(9)

#endif
