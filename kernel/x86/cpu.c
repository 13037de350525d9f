/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/cpu.h"

#include "object/tcb.h"
#include "x86/arch.h"
#include "x86/asm.h"
#include "x86/entry.h"
#include "x86/virt.h"

struct cpu_features cpu;

/* The vendor string of leaf 0 is EBX, EDX, ECX. */
static bool vendor_is(struct cpuid leaf, uint32_t b, uint32_t d, uint32_t c)
{
    return leaf.ebx == b && leaf.edx == d && leaf.ecx == c;
}

static void detect_speculation(uint32_t max_leaf, struct cpuid leaf7)
{
    uint64_t capabilities = 0;
    if (leaf7.edx & BIT(29)) {
        cpu_read_msr_safe(MSR_ARCH_CAPABILITIES, &capabilities);
    }
    if (cpu.intel && max_leaf >= 7) {
        cpu.spec_ctrl = (leaf7.edx & BIT(26)) != 0;
        cpu.ibpb = cpu.spec_ctrl;
        cpu.stibp = (leaf7.edx & BIT(27)) != 0;
        cpu.l1d_flush = (leaf7.edx & BIT(28)) != 0;
    }
    if (cpu.amd) {
        uint32_t max = asm_cpuid(0x80000000, 0).eax;
        uint32_t ebx = max >= 0x80000008 ? asm_cpuid(0x80000008, 0).ebx : 0;
        cpu.ibpb = (ebx & BIT(12)) != 0;
        cpu.spec_ctrl = (ebx & BIT(14)) != 0;
        cpu.stibp = (ebx & BIT(15)) != 0;
        cpu.ibrs_always = cpu.spec_ctrl && (ebx & BIT(16)) != 0;
        cpu.auto_ibrs = max >= 0x80000021 && (asm_cpuid(0x80000021, 0).eax & BIT(8)) != 0;
    }
    if (capabilities & BIT(1)) { /* IBRS_ALL */
        cpu.ibrs_always = cpu.spec_ctrl;
    }
    /* RDCL_NO: bit 0, MDS_NO: bit 5. AMD processors have neither weakness (AMD, "Speculation
     * behavior in AMD micro-architectures"). MD_CLEAR (7.EDX[10]): VERW clears buffers; it is also
     * the answer to TAA and MMIO stale data where FB_CLEAR (bit 17) is announced. */
    cpu.fpu_on_demand = cpu.amd;
    cpu.meltdown = !cpu.amd && !(capabilities & BIT(0));
    cpu.mds = cpu.intel && (leaf7.edx & BIT(10)) != 0 &&
              (!(capabilities & BIT(5)) || (capabilities & BIT(17)) != 0);
    cpu.quick_switch = cpu.fpu_on_demand && cpu.fsgsbase && !cpu.meltdown;
}

static const char *detect_xsave(uint32_t max_leaf, struct cpuid leaf1)
{
    cpu.xsave_bytes = 512;
    if (!(leaf1.ecx & BIT(26)) || max_leaf < 0xd) {
        return 0;
    }
    struct cpuid leaf = asm_cpuid(0xd, 0);
    cpu.xcr0 = XCR0_X87 | XCR0_SSE;
    cpu.xsave_bytes = 512 + 64;
    if ((leaf.eax & XCR0_AVX) && (leaf1.ecx & BIT(28))) {
        struct cpuid avx = asm_cpuid(0xd, 2);
        if (avx.ebx + avx.eax <= TCB_XSAVE_SIZE) {
            cpu.avx = true;
            cpu.xcr0 |= XCR0_AVX;
            cpu.xsave_bytes = avx.ebx + avx.eax;
        }
    }
    cpu.xsave = true;
    cpu.xsaveopt = (asm_cpuid(0xd, 1).eax & 1) != 0;
    return 0;
}

const char *cpu_detect(void)
{
    struct cpuid leaf0 = asm_cpuid(0, 0);
    struct cpuid leaf1 = asm_cpuid(1, 0);
    struct cpuid leaf7 = leaf0.eax >= 7 ? asm_cpuid(7, 0) : (struct cpuid){0};
    uint32_t max_extended = asm_cpuid(0x80000000, 0).eax;
    struct cpuid extended = asm_cpuid(0x80000001, 0);

    cpu.intel = vendor_is(leaf0, 0x756e6547, 0x49656e69, 0x6c65746e);
    cpu.amd = vendor_is(leaf0, 0x68747541, 0x69746e65, 0x444d4163) ||
              vendor_is(leaf0, 0x6f677948, 0x6e65476e, 0x656e6975);
    cpu.signature = leaf1.eax;
    cpu.pcid = (leaf1.ecx & BIT(17)) != 0;
    cpu.x2apic = (leaf1.ecx & BIT(21)) != 0;
    cpu.tsc_deadline = (leaf1.ecx & BIT(24)) != 0;
    cpu.hypervisor = (leaf1.ecx & BIT(31)) != 0;
    cpu.vmx = (leaf1.ecx & BIT(5)) != 0;
    cpu.pge = (leaf1.edx & BIT(13)) != 0;
    cpu.pat = (leaf1.edx & BIT(16)) != 0;
    cpu.fxsr = (leaf1.edx & BIT(24)) != 0;
    cpu.fsgsbase = (leaf7.ebx & BIT(0)) != 0;
    cpu.smep = (leaf7.ebx & BIT(7)) != 0;
    cpu.invpcid = (leaf7.ebx & BIT(10)) != 0;
    cpu.smap = (leaf7.ebx & BIT(20)) != 0;
    cpu.umip = (leaf7.ecx & BIT(2)) != 0;
    cpu.syscall = (extended.edx & BIT(11)) != 0;
    cpu.nx = (extended.edx & BIT(20)) != 0;
    cpu.page_1g = (extended.edx & BIT(26)) != 0;
    cpu.rdtscp = (extended.edx & BIT(27)) != 0;
    cpu.svm = (extended.ecx & BIT(2)) != 0;
    if (max_extended >= 0x80000007) {
        cpu.invariant_tsc = (asm_cpuid(0x80000007, 0).edx & BIT(8)) != 0;
    }
    cpu.physical_bits = max_extended >= 0x80000008 ? asm_cpuid(0x80000008, 0).eax & 0xff : 36;
    /* Without INVPCID a single address of another space cannot be invalidated. */
    cpu.pcid = cpu.pcid && cpu.invpcid;

    detect_speculation(leaf0.eax, leaf7);

    if (!cpu.syscall) {
        return "SYSCALL";
    }
    if (!cpu.nx) {
        return "no-execute pages";
    }
    if (!cpu.pat) {
        return "PAT";
    }
    if (!cpu.fxsr) {
        return "FXSAVE";
    }
    if (!(leaf1.edx & BIT(4)) || !(leaf1.edx & BIT(5))) {
        return "TSC and MSRs";
    }
    if (!(leaf1.edx & BIT(9))) {
        return "local APIC";
    }
    return detect_xsave(leaf0.eax, leaf1);
}

void cpu_init_core(void)
{
    asm_wrmsr(MSR_EFER, asm_rdmsr(MSR_EFER) | EFER_NXE | EFER_SCE);
    asm_write_cr0((asm_read_cr0() & ~(CR0_EM | CR0_TS | CR0_AM)) | CR0_MP | CR0_NE | CR0_WP);

    uint64_t cr4 = asm_read_cr4() & ~(CR4_TSD | CR4_PCIDE);
    cr4 |= CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_DE;
    cr4 |= cpu.pge ? CR4_PGE : 0;
    cr4 |= cpu.smep ? CR4_SMEP : 0;
    cr4 |= cpu.smap ? CR4_SMAP : 0;
    cr4 |= cpu.umip ? CR4_UMIP : 0;
    cr4 |= cpu.fsgsbase ? CR4_FSGSBASE : 0;
    cr4 |= cpu.xsave ? CR4_OSXSAVE : 0;
    asm_write_cr4(cr4);
    if (cpu.xsave) {
        asm_xsetbv(0, cpu.xcr0);
    }
    asm_wrmsr(MSR_PAT, HOST_PAT);

    uint64_t spec_ctrl = (cpu.ibrs_always ? 1u : 0u) | (cpu.stibp ? 2u : 0u);
    if (spec_ctrl != 0) {
        cpu_write_msr_safe(MSR_SPEC_CTRL, spec_ctrl);
    }
    if (cpu.auto_ibrs) {
        asm_wrmsr(MSR_EFER, asm_rdmsr(MSR_EFER) | EFER_AIBRS);
    }
}

void cpu_init_syscall(void)
{
    asm_wrmsr(MSR_STAR, (uint64_t)SELECTOR_STAR_USER << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
    asm_wrmsr(MSR_LSTAR,
              (uint64_t)(uintptr_t)(cpu.meltdown ? entry_syscall_isolated : entry_syscall));
    asm_wrmsr(MSR_CSTAR, 0);
    asm_wrmsr(MSR_FMASK, RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC | RFLAGS_RF);
}

bool cpu_read_msr_safe(uint32_t msr, uint64_t *value)
{
    uint32_t low = 0, high = 0, ok = 0;
    __asm__ volatile("1: rdmsr\n"
                     "   mov $1, %2\n"
                     "2:\n"
                     ".pushsection .fixups, \"a\"\n"
                     ".quad 1b, 2b\n"
                     ".popsection\n"
                     : "+a"(low), "+d"(high), "+r"(ok)
                     : "c"(msr)
                     : "memory");
    *value = ok != 0 ? (uint64_t)high << 32 | low : 0;
    return ok != 0;
}

bool cpu_write_msr_safe(uint32_t msr, uint64_t value)
{
    uint32_t ok = 0;
    __asm__ volatile("1: wrmsr\n"
                     "   mov $1, %0\n"
                     "2:\n"
                     ".pushsection .fixups, \"a\"\n"
                     ".quad 1b, 2b\n"
                     ".popsection\n"
                     : "+r"(ok)
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
    return ok != 0;
}
