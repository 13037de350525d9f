/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the processor can do, and its model-specific registers and control bits.
 */
#ifndef KERNEL_X86_CPU_H
#define KERNEL_X86_CPU_H

#include "types.h"

/* Found by cpu_detect on the boot core; the other cores must offer the same. */
struct cpu_features {
    bool amd;   /* AuthenticAMD or HygonGenuine; otherwise Intel's rules apply */
    bool intel; /* GenuineIntel */
    bool nx, syscall, page_1g, pge, pat, pcid, invpcid, smep, smap, umip, fsgsbase;
    bool xsave, xsaveopt, avx, fxsr;
    bool rdtscp, tsc_deadline, x2apic, invariant_tsc;
    bool hypervisor;
    bool vmx, svm;
    /* Speculation (SDM vol. 4 table 2-2; AMD document "Speculative behavior", 2023). */
    /* FPU registers of another thread cannot leak through speculation while CR0.TS is set: they are
     * exchanged only when a thread uses them (Intel: CVE-2018-3665, exchanged at once). */
    bool fpu_on_demand;
    bool quick_switch; /* arch_switch_quickly knows all that this processor needs */
    bool meltdown;     /* user code may read what kernel page tables map: isolate */
    bool mds;          /* buffers are to be cleared with VERW on the way to user mode */
    bool spec_ctrl;    /* IA32_SPEC_CTRL.IBRS and PRED_CMD.IBPB exist */
    bool ibpb;         /* IA32_PRED_CMD.IBPB exists */
    bool stibp;        /* IA32_SPEC_CTRL.STIBP exists */
    bool ibrs_always;  /* IBRS may stay set: enhanced IBRS, or AMD's "always on" */
    bool auto_ibrs;    /* EFER.AIBRSE */
    bool l1d_flush;    /* IA32_FLUSH_CMD exists */
    unsigned physical_bits;
    uint32_t signature;   /* CPUID.1:EAX */
    uint64_t xcr0;        /* what the kernel enables: x87, SSE, AVX as far as they exist */
    uint32_t xsave_bytes; /* of that state in the standard format; 512 without XSAVE */
};
extern struct cpu_features cpu;

/* Boot core: fills cpu. Returns null, or what is missing for this kernel. */
const char *cpu_detect(void);
/* Every core: control registers, EFER, PAT, XCR0, speculation controls. */
void cpu_init_core(void);
/* Every core after its GS base is set: SYSCALL entry (AMD APM vol. 2, 6.1.1). */
void cpu_init_syscall(void);

/* False (and *value 0) if the register does not exist. */
bool cpu_read_msr_safe(uint32_t msr, uint64_t *value);
bool cpu_write_msr_safe(uint32_t msr, uint64_t value);

#define MSR_APIC_BASE         0x1b
#define MSR_SPEC_CTRL         0x48
#define MSR_PRED_CMD          0x49
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_FLUSH_CMD         0x10b
#define MSR_MISC_ENABLE       0x1a0
#define MSR_PAT               0x277
#define MSR_TSC_DEADLINE      0x6e0
#define MSR_X2APIC            0x800 /* register offset / 16 is added */
#define MSR_EFER              0xc0000080
#define MSR_STAR              0xc0000081
#define MSR_LSTAR             0xc0000082
#define MSR_CSTAR             0xc0000083
#define MSR_FMASK             0xc0000084
#define MSR_FS_BASE           0xc0000100
#define MSR_GS_BASE           0xc0000101
#define MSR_KERNEL_GS_BASE    0xc0000102
#define MSR_TSC_AUX           0xc0000103

#define EFER_SCE   BIT(0)
#define EFER_LME   BIT(8)
#define EFER_NXE   BIT(11)
#define EFER_SVME  BIT(12)
#define EFER_AIBRS BIT(21)

#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)

#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PAE        BIT(5)
#define CR4_PGE        BIT(7)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)

#define RFLAGS_TF BIT(8)
#define RFLAGS_IF BIT(9)
#define RFLAGS_DF BIT(10)
#define RFLAGS_NT BIT(14)
#define RFLAGS_RF BIT(16)
#define RFLAGS_AC BIT(18)

#define XCR0_X87 BIT(0)
#define XCR0_SSE BIT(1)
#define XCR0_AVX BIT(2)

#endif
