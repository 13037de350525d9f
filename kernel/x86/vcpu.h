/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A virtual CPU: 2^14 bytes (ABI section 8).
 *
 *   page 0   struct vcpu; at VCPU_XSAVE_OFFSET the guest's FPU state
 *   page 1   VMCB or VMCS
 *   page 2   AMD-V: MSR permission map, first half   VT-x: MSR bitmap
 *   page 3   AMD-V: its second half                  VT-x: unused
 *
 * There is no room for a permission map of I/O ports, and no need: every port access exits, and
 * the kernel carries out those to ports that the guest was given (vcpu_port.c).
 */
#ifndef KERNEL_X86_VCPU_H
#define KERNEL_X86_VCPU_H

#include "api/call.h"
#include "sel4/quoin.h"
#include "x86/vmcs_field.h"

#define VCPU_BITS         14
#define VCPU_XSAVE_OFFSET 1024
#define VCPU_XSAVE_SIZE   (4096 - VCPU_XSAVE_OFFSET)
#define VCPU_GPRS         15
#define VCPU_PORT_RANGES  8

/* Index of a register in struct vcpu.gpr: the order of MR10..MR24. */
enum vcpu_gpr {
    GPR_RAX,
    GPR_RBX,
    GPR_RCX,
    GPR_RDX,
    GPR_RSI,
    GPR_RDI,
    GPR_RBP,
    GPR_R8,
    GPR_R15 = 14,
};

/* Index in struct vcpu.intercepts. */
enum vcpu_intercept {
    INTERCEPT_CR,
    INTERCEPT_DR,
    INTERCEPT_MISC1,
    INTERCEPT_MISC2,
    INTERCEPT_COUNT,
};

struct port_range {
    uint16_t first, last;
};

/* One port that is served as the VMM said. */
struct port_service {
    uint16_t port;
    uint8_t how; /* QUOIN_PORT_ANSWER or QUOIN_PORT_COLLECT */
    uint8_t value;
};

struct vcpu {
    uint64_t gpr[VCPU_GPRS]; /* offsets used by svm/enter.S and vmx/enter.S */
    uint64_t launched;       /* VT-x: VMRESUME, not VMLAUNCH, comes next */
    uint64_t host_rsp;       /* VT-x: what the VMCS has */
    struct paddr block;      /* of the VMCB or VMCS */

    struct tcb *tcb;
    uint32_t loaded; /* 1 + core whose registers hold lazily switched state; 0: this object does */
    bool fpu_loaded; /* ... the FPU among them */
    bool parked;     /* ... but TSC_AUX is the host's: another thread runs */
    bool extended;   /* last entered by the extended VMEnter */
    bool reported;   /* its last exit has been reported, and nothing was done to it since */
    uint8_t port_count;

    /* The thread's IPC buffer, as ipc_buffer_of found it for this frame and address. */
    uint64_t buffer_frame, buffer_address;
    uint64_t *message;

    /* Guest-physical space that is in use, to see when it changed. */
    struct cap root;
    unsigned root_asid; /* 0: the empty space */
    uint32_t root_epoch;

    /* Controls as the VMM sees them, in VMX format. */
    uint32_t controls;   /* CONTROL_* */
    uint32_t exceptions; /* bitmap the VMM asked for */
    uint32_t entry_error_code;

    /* State that the hardware does not switch, or only on one vendor. */
    uint64_t dr[4];
    uint64_t dr6, cr2; /* VT-x; AMD-V has them in the VMCB */
    uint64_t xcr0;
    uint64_t tsc_aux;
    uint64_t tsc_ratio;
    uint64_t spec_ctrl;
    uint64_t star, lstar, cstar, fmask, kernel_gs_base; /* VT-x */
    bool spec_ctrl_used;                                /* the guest has a value of its own */

    /* AMD-V. */
    bool soft_event;        /* EVENTINJ stands for the instruction at soft_rip, RIP is behind it */
    bool nmi_blocked;       /* until the guest executes IRET */
    bool virtual_interrupt; /* the VMCB's virtual interrupt is one to be delivered */
    uint64_t proven_cr0;    /* with which the state as it is was last entered */
    uint32_t asid_core;     /* 1 + core that the hardware ASID is of */
    uint32_t asid_generation;
    uint32_t intercepts[INTERCEPT_COUNT]; /* as the VMM asked */
    uint64_t soft_rip;
    uint16_t code_attributes; /* of CS, as last reported; 0 before */
    uint32_t code_rights;

    /* VT-x. */
    bool initialised;                  /* the VMCS has its fields */
    bool event_queued;                 /* in the VMCS for the next entry */
    bool syscall_msrs_open;            /* the guest may write STAR and its like without an exit */
    uint32_t tag_core, tag_generation; /* of the VPID: as asid_core and asid_generation */
    uint32_t exit_reason, vectoring_info;
    uint64_t cr0_mask, cr4_mask;               /* as the VMM asked */
    uint64_t cr0_shadow, cr4_shadow;           /* what the guest reads in owned bits */
    uint64_t host_cr0, host_cr3, host_fs_base; /* what the VMCS has */

    struct port_range ports[VCPU_PORT_RANGES];
    struct vcpu *ports_next; /* list of the VCPUs that have ports */

    struct port_service services[QUOIN_PORTS_SERVED];
    uint8_t service_count;
    bool collecting; /* in this entry, which was an extended one */
    uint8_t collected_count;
    uint64_t collected[QUOIN_COLLECT_MAX / 8];

    _Alignas(1 << SLOT_BITS) struct slot timer; /* armed by QUOIN_VMENTER_DEADLINE */
};
_Static_assert(sizeof(struct vcpu) <= VCPU_XSAVE_OFFSET, "page 0");
_Static_assert(offsetof(struct vcpu, gpr) == 0, "enter.S");
_Static_assert(offsetof(struct vcpu, launched) == 120, "vmx/enter.S");
_Static_assert(offsetof(struct vcpu, host_rsp) == 128, "vmx/enter.S");
_Static_assert(offsetof(struct vcpu, timer) % (1 << SLOT_BITS) == 0, "slot alignment");

static inline void *vcpu_xsave(struct vcpu *v)
{
    return (uint8_t *)v + VCPU_XSAVE_OFFSET;
}
static inline void *vcpu_block(struct vcpu *v)
{
    return (uint8_t *)v + PAGE_SIZE;
}
static inline uint8_t *vcpu_msr_map(struct vcpu *v)
{
    return (uint8_t *)v + 2 * PAGE_SIZE;
}

/* Why a guest stopped. */
enum vm_stop {
    VM_STOP_EXIT,      /* to be reported to the VMM */
    VM_STOP_INTERRUPT, /* an external interrupt for the host */
};

/* What VMEnter changes. Those from rflags on only where flags (QUOIN_VMENTER_*) says so. */
struct vm_entry {
    uint64_t rip;
    uint32_t controls, info, error_code, length;
    uint64_t flags;
    uint64_t rflags, interruptibility, rsp, cr0, cr3, cr4, efer;
};

enum field_result { FIELD_OK, FIELD_UNKNOWN, FIELD_INVALID };

/* --- vendor.h: what differs between the vendors --- */

enum vcpu_vendor { VENDOR_NONE, VENDOR_SVM, VENDOR_VMX };
extern enum vcpu_vendor vcpu_vendor;

/* --- vcpu.c --- */

struct cap vcpu_create(struct paddr base);
/* The thread is in no guest afterwards, and the VCPU is loaded on this core. */
void vcpu_quiesce(struct vcpu *v);
void vcpu_bind(struct vcpu *v, struct tcb *t);
void vcpu_unbind(struct vcpu *v);
void vcpu_destroy(struct vcpu *v);

/* --- vcpu_call.c --- */

enum result vcpu_decode(struct call *c);

/* --- vcpu_state.c: registers switched lazily --- */

void vcpu_state_init(void);
void vcpu_state_init_core(unsigned core);
/* Makes the core hold v's state; another VCPU's goes back to memory first. */
void vcpu_load(struct core *core, struct vcpu *v);
void vcpu_load_fpu(struct core *core, struct vcpu *v);
/* Another thread than its own runs, or its own again: what others would see is taken back. */
void vcpu_park(struct core *core, struct vcpu *v);
void vcpu_unpark(struct core *core, struct vcpu *v);
/* Whatever VCPU's state the core holds goes back to memory. */
void vcpu_unload(struct core *core);
/* v's state leaves the core that holds it, wherever that is. */
void vcpu_recall(struct vcpu *v);
/* Around a guest that has a SPEC_CTRL value of its own. */
void vcpu_spec_ctrl_enter(const struct vcpu *v, unsigned core);
void vcpu_spec_ctrl_exit(struct vcpu *v, unsigned core);
/* Bits of SPEC_CTRL that a guest may set; 0: it cannot have one. */
uint64_t vcpu_spec_ctrl_allowed(void);
/* CR4 bits a guest may set. */
uint64_t vcpu_cr4_allowed(void);
/* v is being destroyed: its memory may become another VCPU. */
void vcpu_state_forget(const struct vcpu *v);
/* XCR0 values a guest may have (SDM vol. 1, 13.3). */
bool vcpu_xcr0_valid(uint64_t xcr0);

/* One of the 32 halves of the XMM registers 0 to 15, while the VCPU is not loaded. */
uint64_t *vcpu_vector(struct vcpu *v, unsigned half);
/* One of them was written. */
void vcpu_vector_written(struct vcpu *v);
uint64_t vcpu_max_xcr0(void);

/* --- vcpu_port.c: I/O ports given to guests --- */

bool vcpu_port_allowed(const struct vcpu *v, uint16_t port, unsigned bytes);
bool vcpu_port_enable(struct vcpu *v, uint16_t first, uint16_t last);
bool vcpu_port_disable(struct vcpu *v, uint16_t first, uint16_t last);
void vcpu_port_revoked(uint16_t first, uint16_t last);
void vcpu_port_forget(struct vcpu *v);
/* false: all services are taken. The VCPU is quiesced. */
bool vcpu_port_serve(struct vcpu *v, uint16_t port, uint8_t how, uint8_t value);
/* Carries out one access of one byte if it is served. */
bool vcpu_port_served(struct vcpu *v, uint16_t port, bool in);
/* Carries out one access (bytes 1, 2, 4) on the machine's port with the guest's RAX. */
void vcpu_port_access(struct vcpu *v, uint16_t port, unsigned bytes, bool in);

/* --- msr_policy.c --- */

/* What guests may be allowed to do with the MSR without an exit: QUOIN_MSR_* bits. */
unsigned msr_policy(uint32_t msr);

#endif
