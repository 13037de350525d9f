/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What Quoin's kernel offers beyond seL4's API. Every number here lies outside upstream's ranges
 * (labels, object types and syscalls from 0x1000 up, VCPU fields above the 16-bit VMCS encodings),
 * so that a program can ask for an extension and be refused by a kernel that lacks it. Which ones
 * exist is announced in the extra bootinfo chunk QUOIN_BOOTINFO_EXTENSIONS.
 *
 * Shared by kernel and user code.
 */
#ifndef SEL4_QUOIN_H
#define SEL4_QUOIN_H

#include <stdint.h>

/* Extra bootinfo chunk: header {id, len}, then struct quoin_extensions. */
#define QUOIN_BOOTINFO_EXTENSIONS 0x1000

struct quoin_extensions {
    uint64_t features; /* QUOIN_FEATURE_* */
    uint64_t tsc_hz;   /* TSC frequency, in Hz */
    uint64_t xcr0;     /* largest value QUOIN_FIELD_XCR0 takes */
};

/*
 * Extra bootinfo chunk: header, then ACPI's MCFG table (PCI Firmware Specification 3.3, 4.1.2) as
 * firmware wrote it, its checksum checked; of a longer one the first QUOIN_MCFG_BYTES.
 */
#define QUOIN_BOOTINFO_MCFG 0x1001
#define QUOIN_MCFG_BYTES    300u /* the header and 16 entries */

/* quoin_extensions.features */
#define QUOIN_FEATURE_VMX          (1u << 0) /* VCPUs run on VT-x */
#define QUOIN_FEATURE_SVM          (1u << 1) /* VCPUs run on AMD-V */
#define QUOIN_FEATURE_TIMER        (1u << 2) /* one-shot timer objects */
#define QUOIN_FEATURE_VMENTER_EXT  (1u << 3) /* the syscall QUOIN_SYS_VMENTER */
#define QUOIN_FEATURE_EPT_1G       (1u << 4) /* 1 GiB guest pages */
#define QUOIN_FEATURE_TSC_SCALING  (1u << 5) /* QUOIN_FIELD_TSC_RATIO works */
#define QUOIN_FEATURE_UNRESTRICTED (1u << 6) /* guests may run in real mode and without paging */
#define QUOIN_FEATURE_NRIPS        (1u << 7) /* AMD-V: instruction lengths are reported */
#define QUOIN_FEATURE_DECODE       (1u << 8) /* AMD-V: decode assists */
#define QUOIN_FEATURE_IOMMU_VTD    (1u << 9)
#define QUOIN_FEATURE_IOMMU_AMD    (1u << 10)
#define QUOIN_FEATURE_REMAPPING    (1u << 11) /* of interrupts: messages are QUOIN_MESSAGE_* */
#define QUOIN_FEATURE_PORT_SERVICE (1u << 12) /* QUOIN_LABEL_VCPU_SERVE_PORT */
/* Page_MapIO takes large pages as entries of their own, above the last level of tables, and huge
 * ones. Without it a large page fills a table of the last level, and a huge one cannot be mapped.
 */
#define QUOIN_FEATURE_IOMMU_LARGE (1u << 13)

/*
 * With REMAPPING a device's interrupt message is a write of QUOIN_MESSAGE_DATA to this address; irq
 * is the vector argument that IRQControl_GetMSI was given. It comes through from the device that
 * GetMSI named alone; 0:0.0 stands for any. Between the second message that is not acknowledged and
 * the acknowledgement messages are dropped, and the acknowledgement signals the notification again.
 */
#define QUOIN_MESSAGE_ADDRESS(irq) (0xfee00010u | (unsigned)(irq) << 5)
#define QUOIN_MESSAGE_DATA         0u

/* Object types (Untyped Retype). */
#define QUOIN_TIMER_OBJECT    0x1000
#define QUOIN_TIMER_SIZE_BITS 7

/* Invocation labels. */
#define QUOIN_LABEL_TIMER_SET_NOTIFICATION 0x1000 /* cap: notification; its badge is signalled */
#define QUOIN_LABEL_TIMER_ARM              0x1001 /* MR0: TSC value; replaces an earlier one */
#define QUOIN_LABEL_TIMER_CANCEL           0x1002
#define QUOIN_LABEL_VCPU_SET_MSR_ACCESS    0x1003 /* MR0: MSR, MR1: QUOIN_MSR_* */
#define QUOIN_LABEL_VCPU_SET_TIMER         0x1004 /* cap: timer, armed by QUOIN_VMENTER_DEADLINE */

#define QUOIN_LABEL_VCPU_SERVE_PORT 0x1005 /* MR0: port, MR1: QUOIN_PORT_*, MR2: value */

#define QUOIN_LABEL_IO_PORT_OUT8_SOME 0x1006 /* MR0: port, MR1: count, MR2 and MR3: bytes */

/* How many bytes one QUOIN_LABEL_IO_PORT_OUT8_SOME writes to its port, at most. */
#define QUOIN_OUT8_MAX 16u

/*
 * Accesses of one byte to an I/O port that the kernel carries out in the VMM's stead; at most
 * QUOIN_PORTS_SERVED ports a VCPU. Collected bytes, QUOIN_COLLECT_MAX at most, come with the next
 * return of the extended VMEnter, before whatever else it reports; a byte more exits.
 */
#define QUOIN_PORT_EXIT    0u /* not any more */
#define QUOIN_PORT_ANSWER  1u /* IN gives the low byte of value */
#define QUOIN_PORT_COLLECT 2u /* OUT is collected, in entries with QUOIN_VMENTER_COLLECT */
#define QUOIN_PORTS_SERVED 4u
#define QUOIN_COLLECT_MAX  64u

#define QUOIN_MSR_READ  1u /* RDMSR does not exit */
#define QUOIN_MSR_WRITE 2u /* WRMSR does not exit */

/*
 * The extended VMEnter. RDX = QUOIN_SYS_VMENTER, RDI = QUOIN_VMENTER_* (what the caller changed),
 * MR0..MR2 as for VMEnter; the other message registers are read from the IPC buffer only where
 * RDI says so. Returns as VMEnter does (RSI: 1 = exit, 0 = notification with its badge in RDI),
 * with MR0.. as listed below; length QUOIN_VM_MR_COUNT. With result 0 all of MR0..MR24 are current
 * too. The IPC buffer keeps MR4.. between calls, so a handler edits them in place.
 */
#define QUOIN_SYS_VMENTER (-0x1000)

#define QUOIN_VMENTER_GPRS             (1u << 0) /* MR10..MR24 are loaded into the guest */
#define QUOIN_VMENTER_RFLAGS           (1u << 1) /* MR7 */
#define QUOIN_VMENTER_INTERRUPTIBILITY (1u << 2) /* MR8 */
#define QUOIN_VMENTER_RSP              (1u << 3) /* MR25 */
#define QUOIN_VMENTER_ERROR_CODE       (1u << 4) /* MR31: error code of the event in MR2 */
#define QUOIN_VMENTER_INSTRUCTION_LEN  (1u << 5) /* MR5: length for a soft interrupt in MR2 */
#define QUOIN_VMENTER_DEADLINE         (1u << 6) /* MR36: TSC value, the VCPU's timer is armed with it */
#define QUOIN_VMENTER_CR0              (1u << 7)  /* MR26, checked as WriteVMCS checks it */
#define QUOIN_VMENTER_CR4              (1u << 8)  /* MR27 */
#define QUOIN_VMENTER_CR3              (1u << 9)  /* MR9 */
#define QUOIN_VMENTER_EFER             (1u << 10) /* MR28 */
#define QUOIN_VMENTER_RAX_TO_RDX       (1u << 11) /* MR10..MR13; the rest of the registers stays */
#define QUOIN_VMENTER_COLLECT          (1u << 12) /* QUOIN_PORT_COLLECT, until the call returns */

/* MR3 when the processor, or the kernel on its behalf, refused the entry: nothing ran, the guest's
 * state is what it was, and an event that was to be injected is in MR33 and MR34. */
#define QUOIN_VM_ENTRY_FAILED 0xffffffffull

/* MR36: the VCPU's timer is cancelled. */
#define QUOIN_NO_DEADLINE (~0ull)

enum quoin_vm_mr {
    QUOIN_VM_RIP = 0,
    QUOIN_VM_CONTROLS = 1,    /* VMX primary processor-based controls; AMD-V: the same bit numbers
                                 for interrupt window (2), HLT (7) and NMI window (22) */
    QUOIN_VM_ENTRY_INFO = 2,  /* VMX entry interruption information; AMD-V: translated; an external
                                 interrupt without a window (MR1) waits until the guest takes it,
                                 an exit before that returns it in QUOIN_VM_VECTORING_INFO */
    QUOIN_VM_EXIT_REASON = 3, /* VMX basic reason, or AMD-V EXITCODE; all ones: entry failed */
    QUOIN_VM_QUALIFICATION = 4,   /* VMX exit qualification, or AMD-V EXITINFO1 */
    QUOIN_VM_INSTRUCTION_LEN = 5, /* 0 when the processor did not say (AMD-V without NRIPS) */
    QUOIN_VM_GUEST_PHYSICAL = 6,  /* EPT violation address, or AMD-V EXITINFO2 */
    QUOIN_VM_RFLAGS = 7,
    QUOIN_VM_INTERRUPTIBILITY =
        8, /* bit 0 STI, bit 1 MOV SS, bit 3 NMI blocking (AMD-V: 0 and 3) */
    QUOIN_VM_CR3 = 9,
    QUOIN_VM_RAX = 10,
    QUOIN_VM_RBX = 11,
    QUOIN_VM_RCX = 12,
    QUOIN_VM_RDX = 13,
    QUOIN_VM_RSI = 14,
    QUOIN_VM_RDI = 15,
    QUOIN_VM_RBP = 16,
    QUOIN_VM_R8 = 17, /* to R15 = 24 */
    QUOIN_VM_R15 = 24,
    QUOIN_VM_RSP = 25,
    QUOIN_VM_CR0 = 26,
    QUOIN_VM_CR4 = 27,
    QUOIN_VM_EFER = 28,
    QUOIN_VM_CS_BASE = 29,
    QUOIN_VM_CS_RIGHTS = 30,       /* VMX access-rights format on both vendors */
    QUOIN_VM_EXIT_ERROR = 31,      /* of an exception that exited: its error code */
    QUOIN_VM_EXIT_INFO = 32,       /* likewise VMX exit interruption information; AMD-V: built to
                                      match */
    QUOIN_VM_VECTORING_INFO = 33,  /* IDT vectoring information; AMD-V: EXITINTINFO translated */
    QUOIN_VM_VECTORING_ERROR = 34, /* if MR33 is valid */
    QUOIN_VM_LINEAR = 35,          /* guest linear address; not on AMD-V */
    QUOIN_VM_DEADLINE = 36,
    QUOIN_VM_INSTRUCTION_INFO = 37,  /* VMX instruction information; AMD-V: fetched byte count */
    QUOIN_VM_INSTRUCTION_BYTES = 38, /* and 39, AMD-V: as many as MR37 says */
    QUOIN_VM_COLLECTED = 40, /* bytes in MR41..MR48, the first in the lowest byte; written only if
                                there are any: the VMM sets it to 0 when it has taken them */
    QUOIN_VM_COLLECTED_BYTES = 41,
    QUOIN_VM_MR_COUNT = 49,
};

/*
 * CR0 and CR4, in messages and as fields written, are what the guest sees. On VT-x the kernel keeps
 * a few of their bits for itself (CR0.NE; CR4.VMXE, MCE and what no guest is offered): a guest that
 * changes one exits with a control-register access, and the VMM carries it out by writing CR0 or
 * CR4; the read shadow follows. MR1 on VT-x comes back with the bits that the kernel forces.
 * A VMM that uses no vector registers costs no switch of the guest's.
 */

/*
 * VCPU fields beyond VMCS encodings, for ReadVMCS and WriteVMCS. A VMCS encoding that names guest
 * state or read-only exit data works on AMD-V too, translated to the VMCB.
 */
enum quoin_vcpu_field {
    QUOIN_FIELD_TSC_OFFSET = 0x10000, /* added to the host's TSC for the guest */
    QUOIN_FIELD_TSC_RATIO,            /* 16.48 on VT-x, 8.32 on AMD-V; only with TSC_SCALING */
    QUOIN_FIELD_XCR0,
    QUOIN_FIELD_XSS,
    QUOIN_FIELD_CR2,
    QUOIN_FIELD_DR0,
    QUOIN_FIELD_DR1,
    QUOIN_FIELD_DR2,
    QUOIN_FIELD_DR3,
    QUOIN_FIELD_DR6,
    QUOIN_FIELD_STAR,
    QUOIN_FIELD_LSTAR,
    QUOIN_FIELD_CSTAR,
    QUOIN_FIELD_FMASK,
    QUOIN_FIELD_KERNEL_GS_BASE,
    QUOIN_FIELD_TSC_AUX,
    QUOIN_FIELD_SPEC_CTRL,
    QUOIN_FIELD_SVM_INTERCEPT_CR = 0x10100, /* VMCB 0x000 */
    QUOIN_FIELD_SVM_INTERCEPT_DR,           /* VMCB 0x004 */
    QUOIN_FIELD_SVM_INTERCEPT_MISC1,        /* VMCB 0x00c; kernel-owned bits are forced */
    QUOIN_FIELD_SVM_INTERCEPT_MISC2,        /* VMCB 0x010; kernel-owned bits are forced */
    QUOIN_FIELD_SVM_EXITCODE,
    QUOIN_FIELD_SVM_EXITINFO1,
    QUOIN_FIELD_SVM_EXITINFO2,
    QUOIN_FIELD_XMM = 0x10200, /* XMM registers 0 to 15, two fields each, the low half first */
    QUOIN_FIELD_XMM_END = QUOIN_FIELD_XMM + 32,
};

#endif
