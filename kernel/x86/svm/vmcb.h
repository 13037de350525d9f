/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The virtual machine control block (AMD APM vol. 2, appendix B).
 */
#ifndef KERNEL_X86_SVM_VMCB_H
#define KERNEL_X86_SVM_VMCB_H

#include "types.h"

struct vmcb_segment {
    uint16_t selector;
    uint16_t attributes; /* descriptor bits 55:52, 47:40 */
    uint32_t limit;
    uint64_t base;
};

struct vmcb {
    /* Control area. */
    uint32_t intercept_cr; /* reads, writes << 16 */
    uint32_t intercept_dr;
    uint32_t intercept_exceptions;
    uint32_t intercept_misc1;
    uint32_t intercept_misc2;
    uint32_t intercept_misc3;
    uint8_t reserved_018[0x3c - 0x18];
    uint16_t pause_threshold;
    uint16_t pause_count;
    uint64_t iopm_base;
    uint64_t msrpm_base;
    uint64_t tsc_offset;
    uint32_t asid;
    uint32_t tlb_control;
    uint64_t interrupt_control;
    uint64_t interrupt_shadow;
    uint64_t exit_code;
    uint64_t exit_info1;
    uint64_t exit_info2;
    uint64_t exit_int_info;
    uint64_t nested_control;
    uint8_t reserved_098[0xa8 - 0x98];
    uint64_t event_injection;
    uint64_t nested_cr3;
    uint64_t lbr_control;
    uint32_t clean_bits;
    uint32_t reserved_0c4;
    uint64_t next_rip;
    uint8_t fetched_count;
    uint8_t fetched[15];
    uint8_t reserved_0e0[0x400 - 0xe0];

    /* State save area. */
    struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved_4a0[0x4cb - 0x4a0];
    uint8_t cpl;
    uint32_t reserved_4cc;
    uint64_t efer;
    uint8_t reserved_4d8[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved_580[0x5d8 - 0x580];
    uint64_t rsp;
    uint64_t s_cet, ssp, isst_address;
    uint64_t rax, star, lstar, cstar, fmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t cr2;
    uint8_t reserved_648[0x668 - 0x648];
    uint64_t pat;
    uint64_t debugctl;
    uint8_t reserved_678[0x1000 - 0x678];
};
_Static_assert(offsetof(struct vmcb, pause_threshold) == 0x3c, "APM B.1");
_Static_assert(offsetof(struct vmcb, iopm_base) == 0x40, "APM B.1");
_Static_assert(offsetof(struct vmcb, asid) == 0x58, "APM B.1");
_Static_assert(offsetof(struct vmcb, interrupt_control) == 0x60, "APM B.1");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x70, "APM B.1");
_Static_assert(offsetof(struct vmcb, exit_int_info) == 0x88, "APM B.1");
_Static_assert(offsetof(struct vmcb, nested_control) == 0x90, "APM B.1");
_Static_assert(offsetof(struct vmcb, event_injection) == 0xa8, "APM B.1");
_Static_assert(offsetof(struct vmcb, nested_cr3) == 0xb0, "APM B.1");
_Static_assert(offsetof(struct vmcb, clean_bits) == 0xc0, "APM B.1");
_Static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "APM B.1");
_Static_assert(offsetof(struct vmcb, fetched) == 0xd1, "APM B.1");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "APM B.2");
_Static_assert(offsetof(struct vmcb, tr) == 0x490, "APM B.2");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "APM B.2");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "APM B.2");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "APM B.2");
_Static_assert(offsetof(struct vmcb, cr0) == 0x558, "APM B.2");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "APM B.2");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "APM B.2");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "APM B.2");
_Static_assert(offsetof(struct vmcb, kernel_gs_base) == 0x620, "APM B.2");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "APM B.2");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "APM B.2");
_Static_assert(sizeof(struct vmcb) == 4096, "APM B.2");

/* VMCB 0x00c (APM table B-1). */
#define MISC1_INTR        (1u << 0)
#define MISC1_NMI         (1u << 1)
#define MISC1_INIT        (1u << 3)
#define MISC1_VINTR       (1u << 4)
#define MISC1_RDPMC       (1u << 15)
#define MISC1_CPUID       (1u << 18)
#define MISC1_RSM         (1u << 19)
#define MISC1_IRET        (1u << 20)
#define MISC1_INVD        (1u << 22)
#define MISC1_HLT         (1u << 24)
#define MISC1_INVLPGA     (1u << 26)
#define MISC1_IOIO        (1u << 27)
#define MISC1_MSR         (1u << 28)
#define MISC1_TASK_SWITCH (1u << 29)
#define MISC1_FERR_FREEZE (1u << 30)
#define MISC1_SHUTDOWN    (1u << 31)

/* VMCB 0x010. */
#define MISC2_VMRUN       (1u << 0)
#define MISC2_VMMCALL     (1u << 1)
#define MISC2_VMLOAD      (1u << 2)
#define MISC2_VMSAVE      (1u << 3)
#define MISC2_STGI        (1u << 4)
#define MISC2_CLGI        (1u << 5)
#define MISC2_SKINIT      (1u << 6)
#define MISC2_WBINVD      (1u << 9)
#define MISC2_MONITOR     (1u << 10)
#define MISC2_MWAIT       (1u << 11)
#define MISC2_MWAIT_ARMED (1u << 12)
#define MISC2_XSETBV      (1u << 13)
#define MISC2_RDPRU       (1u << 14)

/* VMCB 0x014. */
#define MISC3_INVLPGB         (1u << 0)
#define MISC3_INVLPGB_ILLEGAL (1u << 1)
#define MISC3_MCOMMIT         (1u << 3)
#define MISC3_TLBSYNC         (1u << 4)

/* VMCB 0x058, TLB_CONTROL. */
#define TLB_KEEP        0u
#define TLB_FLUSH_ALL   1u
#define TLB_FLUSH_GUEST 3u

/* VMCB 0x060. */
#define VINTR_TPR          0xffull
#define VINTR_IRQ          (1ull << 8)
#define VINTR_PRIORITY     (0xfull << 16)
#define VINTR_IGNORE_TPR   (1ull << 20)
#define VINTR_MASKING      (1ull << 24)
#define VINTR_VECTOR_SHIFT 32

/* EXITCODE (APM appendix C). */
#define SVM_EXIT_EXCEPTION 0x40ull /* + vector */
#define SVM_EXIT_INTR      0x60ull
#define SVM_EXIT_NMI       0x61ull
#define SVM_EXIT_INIT      0x63ull
#define SVM_EXIT_VINTR     0x64ull
#define SVM_EXIT_CPUID     0x72ull
#define SVM_EXIT_IRET      0x74ull
#define SVM_EXIT_HLT       0x78ull
#define SVM_EXIT_IOIO      0x7bull
#define SVM_EXIT_MSR       0x7cull
#define SVM_EXIT_NPF       0x400ull
#define SVM_EXIT_INVALID   (~0ull)

static inline bool svm_is_invalid(uint64_t exit_code)
{
    return (uint32_t)exit_code == UINT32_MAX; /* early processors write 32 bits */
}

/* EXITINFO1 of IOIO (APM 15.10.2). */
#define IOIO_IN         (1u << 0)
#define IOIO_STRING     (1u << 2)
#define IOIO_REP        (1u << 3)
#define IOIO_SIZE_SHIFT 4 /* one-hot: 1, 2, 4 bytes */

#endif
