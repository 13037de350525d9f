/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sources: Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E; Linux Documentation/virt/kvm/
 * x86/cpuid.rst for leaves 0x4000000x. Default deny: a feature bit that is not named here is clear.
 */
#include "vmm/cpu/cpuid.h"

#define BIT(n) (1u << (n))

/* Leaf 1 ECX. Left out: MONITOR (3), VMX (5), SMX, EIST, TM2, SDBG, xTPR, PDCM (no PMU, no power
 * management), PCID (17: INVPCID and CR3 bit 63 are not virtualized), DCA. */
#define LEAF1_ECX                                                                           \
    (BIT(0) /* SSE3 */ | BIT(1) /* PCLMULQDQ */ | BIT(9) /* SSSE3 */ | BIT(12) /* FMA */ |  \
     BIT(13) /* CMPXCHG16B */ | BIT(19) /* SSE4.1 */ | BIT(20) /* SSE4.2 */ |               \
     BIT(22) /* MOVBE */ | BIT(23) /* POPCNT */ | BIT(25) /* AES */ | BIT(26) /* XSAVE */ | \
     BIT(28) /* AVX */ | BIT(29) /* F16C */ | BIT(30) /* RDRAND */)
/* Leaf 1 ECX bits that the VMM itself provides, whatever the processor has. */
#define LEAF1_ECX_OWN \
    (BIT(21) /* x2APIC */ | BIT(24) /* TSC-deadline */ | BIT(31) /* hypervisor \
                                                                                    */)
#define LEAF1_ECX_OSXSAVE BIT(27)

/* Leaf 1 EDX. Left out: MCE and MCA stay in (Linux and Windows want them; there are no banks), DS,
 * ACPI thermal, TM, PBE. */
#define LEAF1_EDX                                                                                  \
    (BIT(0) /* FPU */ | BIT(1) /* VME */ | BIT(2) /* DE */ | BIT(3) /* PSE */ | BIT(4) /* TSC */ | \
     BIT(5) /* MSR */ | BIT(6) /* PAE */ | BIT(7) /* MCE */ | BIT(8) /* CX8 */ |                   \
     BIT(9) /* APIC */ | BIT(11) /* SEP */ | BIT(12) /* MTRR */ | BIT(13) /* PGE */ |              \
     BIT(14) /* MCA */ | BIT(15) /* CMOV */ | BIT(16) /* PAT */ | BIT(17) /* PSE-36 */ |           \
     BIT(19) /* CLFLUSH */ | BIT(23) /* MMX */ | BIT(24) /* FXSR */ | BIT(25) /* SSE */ |          \
     BIT(26) /* SSE2 */ | BIT(27) /* self snoop */)
#define LEAF1_EDX_HTT BIT(28)

/* Leaf 7.0 EBX. Left out: SGX, HLE and RTM (side channels), INVPCID (10, with
 * PCID), RDT, MPX, PT. AVX-512 only when XCR0 may hold its state. */
#define LEAF7_EBX                                                                        \
    (BIT(0) /* FSGSBASE */ | BIT(3) /* BMI1 */ | BIT(5) /* AVX2 */ | BIT(7) /* SMEP */ | \
     BIT(8) /* BMI2 */ | BIT(9) /* ERMS */ | BIT(18) /* RDSEED */ | BIT(19) /* ADX */ |  \
     BIT(20) /* SMAP */ | BIT(23) /* CLFLUSHOPT */ | BIT(24) /* CLWB */ | BIT(29) /* SHA */)
/* Of the VMM itself: TSC_ADJUST, without which Linux checks the TSC twice a second for ever. */
#define LEAF7_EBX_OWN BIT(1)
#define LEAF7_EBX_AVX512 \
    (BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31))
/* Leaf 7.0 ECX. Left out: PKU (CR4.PKE state is not switched), WAITPKG, LA57, RDPID stays with
 * RDTSCP. */
#define LEAF7_ECX                                                                           \
    (BIT(2) /* UMIP */ | BIT(8) /* GFNI */ | BIT(9) /* VAES */ | BIT(10) /* VPCLMULQDQ */ | \
     BIT(22) /* RDPID */)
#define LEAF7_ECX_AVX512 (BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14))
#define LEAF7_EDX        (BIT(4) /* fast short REP MOV */)
#define LEAF7_EDX_AVX512 (BIT(2) | BIT(3) | BIT(8))

/* Leaf 0x80000001 ECX. Left out: SVM (2), extended APIC space, OSVW, IBS, SKINIT, WDT, LWP, PMU
 * extensions, MWAITX. */
#define LEAF81_ECX                                                                              \
    (BIT(0) /* LAHF */ | BIT(1) /* CMP_LEGACY */ | BIT(4) /* CR8_LEGACY */ | BIT(5) /* ABM */ | \
     BIT(6) /* SSE4A */ | BIT(7) /* MISALIGNSSE */ | BIT(8) /* 3DNOWPREFETCH */ |               \
     BIT(11) /* XOP */ | BIT(16) /* FMA4 */ | BIT(21) /* TBM */ | BIT(22) /* TOPOEXT */)
/* Leaf 0x80000001 EDX: AMD repeats leaf 1 in the low bits. */
#define LEAF81_EDX                                                                             \
    (0x0183f3ffu | BIT(11) /* SYSCALL */ | BIT(19) | BIT(20) /* NX */ | BIT(22) /* MMXEXT */ | \
     BIT(25) /* FFXSR */ | BIT(26) /* 1 GiB pages */ | BIT(27) /* RDTSCP */ | BIT(29) /* LM */)

/* Leaf 0x80000008 EBX: CLZERO, XSAVEERPTR, WBNOINVD; no speculation MSRs. */
#define LEAF88_EBX (BIT(0) | BIT(2) | BIT(9))

/* Leaf 0xd.1 EAX: XSAVEOPT, XSAVEC, XGETBV(1). No XSAVES: IA32_XSS is not offered. */
#define LEAFD1_EAX (BIT(0) | BIT(1) | BIT(2))

#define XCR0_AVX512 0xe0u

#define HYPERVISOR_BASE        0x40000000u
#define KVM_FEATURES           0x40000001u
#define KVM_NOP_IO_DELAY       BIT(1)
#define KVM_CLOCKSOURCE2       BIT(3)
#define KVM_PV_EOI             BIT(6)
#define KVM_CLOCKSOURCE_STABLE BIT(24)

struct cpuid cpuid_host(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

enum vm_vendor cpuid_vendor(cpuid_source *host)
{
    return host(0, 0).ebx == 0x756e6547u ? VM_VENDOR_INTEL : VM_VENDOR_AMD; /* "Genu" */
}

unsigned cpuid_physical_bits(cpuid_source *host)
{
    if (host(0x80000000u, 0).eax < 0x80000008u)
        return 36;
    unsigned bits = host(0x80000008u, 0).eax & 0xff;
    return bits > 48 ? 48 : bits; /* four-level nested paging reaches no further */
}

static bool has_avx512(const struct vm *vm)
{
    return (vm->max_xcr0 & XCR0_AVX512) == XCR0_AVX512;
}

/* Bits of an APIC ID that number the cores of the package. */
static unsigned core_bits(const struct vm *vm)
{
    unsigned bits = 0;
    while ((1u << bits) < vm->vcpu_count)
        bits++;
    return bits;
}

static struct cpuid leaf_1(const struct vcpu *vcpu, struct cpuid r)
{
    const struct vm *vm = vcpu->vm;
    r.ebx = (r.ebx & 0xffff) | vm->vcpu_count << 16 | vcpu->apic.id << 24;
    r.ecx = (r.ecx & LEAF1_ECX) | LEAF1_ECX_OWN;
    if (vm->max_xcr0 == 0)
        r.ecx &= ~(BIT(26) | BIT(28) | BIT(29) | BIT(12));
    if ((r.ecx & BIT(26)) != 0 && (vcpu->mr[QUOIN_VM_CR4] & BIT(18)) != 0)
        r.ecx |= LEAF1_ECX_OSXSAVE;
    r.edx &= LEAF1_EDX;
    if (vm->vcpu_count > 1)
        r.edx |= LEAF1_EDX_HTT;
    if ((vcpu->apic.base & APIC_BASE_ENABLE) == 0)
        r.edx &= ~BIT(9);
    return r;
}

/* Cache parameters: the package's topology replaces the host's. Intel leaf 4, AMD 0x8000001d. */
static struct cpuid leaf_cache(const struct vm *vm, struct cpuid r, bool intel)
{
    unsigned level = (r.eax >> 5) & 7;
    if ((r.eax & 0x1f) == 0)
        return (struct cpuid){0};
    r.eax &= 0x3ff;
    if (level >= 3)
        r.eax |= (vm->vcpu_count - 1) << 14;
    if (intel)
        r.eax |= ((1u << core_bits(vm)) - 1) << 26;
    return r;
}

static struct cpuid leaf_topology(const struct vcpu *vcpu, uint32_t subleaf)
{
    const struct vm *vm = vcpu->vm;
    struct cpuid r = {.ecx = subleaf & 0xff, .edx = vcpu->apic.id};
    if (subleaf == 0) { /* one thread per core */
        r.ebx = 1;
        r.ecx |= 1u << 8;
    } else if (subleaf == 1) {
        r.eax = core_bits(vm);
        r.ebx = vm->vcpu_count;
        r.ecx |= 2u << 8;
    }
    return r;
}

static struct cpuid leaf_7(const struct vm *vm, uint32_t subleaf, struct cpuid r)
{
    if (subleaf != 0)
        return (struct cpuid){0};
    bool avx512 = has_avx512(vm);
    r.eax = 0;
    r.ebx = (r.ebx & (LEAF7_EBX | (avx512 ? LEAF7_EBX_AVX512 : 0))) | LEAF7_EBX_OWN;
    r.ecx &= LEAF7_ECX | (avx512 ? LEAF7_ECX_AVX512 : 0);
    r.edx &= LEAF7_EDX | (avx512 ? LEAF7_EDX_AVX512 : 0);
    if (vm->max_xcr0 == 0)
        r.ebx &= ~BIT(5);
    return r;
}

/* Size of the standard-format XSAVE area for the components in xcr0 (SDM volume 1, 13.5). */
static uint32_t xsave_size(uint64_t xcr0, cpuid_source *host)
{
    uint32_t size = 576;
    for (uint32_t i = 2; i < 32; i++) {
        if ((xcr0 & (1ull << i)) == 0)
            continue;
        struct cpuid component = host(0xd, i);
        if (component.ebx + component.eax > size)
            size = component.ebx + component.eax;
    }
    return size;
}

static struct cpuid leaf_d(struct vcpu *vcpu, uint32_t subleaf, struct cpuid r, cpuid_source *host)
{
    uint64_t allowed = vcpu->vm->max_xcr0;
    if (allowed == 0)
        return (struct cpuid){0};
    /* From the kernel, not from the last XSETBV exit: QEMU's TCG does not intercept XSETBV. */
    uint64_t xcr0 = subleaf < 2 ? vcpu->operations->read(vcpu, QUOIN_FIELD_XCR0) : 0;
    if (subleaf == 0) {
        r.eax &= (uint32_t)allowed;
        r.edx &= (uint32_t)(allowed >> 32);
        r.ebx = xsave_size(xcr0, host);
        r.ecx = xsave_size(allowed, host);
        return r;
    }
    if (subleaf == 1) {
        uint32_t size = 576;
        for (uint32_t i = 2; i < 32; i++) {
            if ((xcr0 & (1ull << i)) != 0)
                size += host(0xd, i).eax;
        }
        return (struct cpuid){.eax = r.eax & LEAFD1_EAX, .ebx = size};
    }
    if (subleaf >= 63 || (allowed & (1ull << subleaf)) == 0)
        return (struct cpuid){0};
    return r;
}

/*
 * The PV interfaces are KVM's. Of the three choices its clock costs the least (one structure
 * written once while the TSC is stable, no exit ever after, where Xen's needs shared-info pages and
 * Hyper-V's a hypercall page), Linux, FreeBSD and OpenBSD guests carry it, and Windows ignores it
 * without harm; Hyper-V's leaves can be added at 0x40000000 with KVM's moved to 0x40000100 when
 * Windows guests want them.
 */
static struct cpuid leaf_hypervisor(uint32_t leaf)
{
    if (leaf == HYPERVISOR_BASE) /* "KVMKVMKVM" */
        return (struct cpuid){KVM_FEATURES, 0x4b4d564b, 0x564b4d56, 0x4d};
    if (leaf == KVM_FEATURES)
        return (struct cpuid){
            KVM_NOP_IO_DELAY | KVM_CLOCKSOURCE2 | KVM_PV_EOI | KVM_CLOCKSOURCE_STABLE, 0, 0, 0};
    return (struct cpuid){0};
}

static struct cpuid leaf_extended(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf,
                                  struct cpuid r, cpuid_source *host)
{
    const struct vm *vm = vcpu->vm;
    switch (leaf) {
    case 0x80000000u:
        if (r.eax > 0x8000001eu)
            r.eax = 0x8000001eu;
        return r;
    case 0x80000001u:
        r.ecx &= LEAF81_ECX;
        r.edx &= LEAF81_EDX;
        if (vm->vcpu_count <= 1)
            r.ecx &= ~BIT(1);
        return r;
    case 0x80000002u:
    case 0x80000003u:
    case 0x80000004u: /* brand string */
    case 0x80000005u:
    case 0x80000006u: /* caches */
        return r;
    case 0x80000007u: /* invariant TSC: the kernel keeps one TSC for all cores */
        return (struct cpuid){.edx = BIT(8)};
    case 0x80000008u:
        return (struct cpuid){
            .eax = (r.eax & 0xff00) | cpuid_physical_bits(host),
            .ebx = r.ebx & LEAF88_EBX,
            .ecx = vm->vendor == VM_VENDOR_AMD ? core_bits(vm) << 12 | (vm->vcpu_count - 1) : 0};
    case 0x80000019u:
    case 0x8000001au:
        return r; /* 1 GiB TLB, performance hints */
    case 0x8000001du:
        return leaf_cache(vm, r, false);
    case 0x8000001eu:
        if (subleaf != 0 || vm->vendor != VM_VENDOR_AMD)
            return (struct cpuid){0};
        return (struct cpuid){.eax = vcpu->apic.id, .ebx = vcpu->apic.id & 0xff};
    default:
        return (struct cpuid){0};
    }
}

struct cpuid cpuid_guest(struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf, cpuid_source *host)
{
    const struct vm *vm = vcpu->vm;
    if ((leaf & 0xf0000000u) == HYPERVISOR_BASE)
        return leaf_hypervisor(leaf);
    struct cpuid r = host(leaf, subleaf);
    if (leaf >= 0x80000000u)
        return leaf_extended(vcpu, leaf, subleaf, r, host);
    switch (leaf) {
    case 0:
        /* Leaf 0xd is the last one described below; leaf 0xb needs the limit to reach it. */
        if (r.eax > 0x16)
            r.eax = 0x16;
        return r;
    case 1:
        return leaf_1(vcpu, r);
    case 2:
        return r; /* cache descriptors: facts about the processor */
    case 4:
        return vm->vendor == VM_VENDOR_INTEL ? leaf_cache(vm, r, true) : (struct cpuid){0};
    case 6:
        return (struct cpuid){.eax = BIT(2)}; /* the APIC timer always runs */
    case 7:
        return leaf_7(vm, subleaf, r);
    case 0xb:
        return leaf_topology(vcpu, subleaf);
    case 0xd:
        return leaf_d(vcpu, subleaf, r, host);
    default:
        return (struct cpuid){0}; /* 5 MWAIT, 0xa PMU, 0x14 PT, 0x15 and 0x16 frequencies, ... */
    }
}
