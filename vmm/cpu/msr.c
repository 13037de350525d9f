/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sources: Intel SDM volume 4; AMD APM volume 2, appendix A; AMD PPR for family 17h.
 */
#include "vmm/cpu/msr.h"

#include <stddef.h>
#include <string.h>

#include "vmm/cpu/pvclock.h"
#include "vmm/vm.h"

#define MSR_TSC           0x10u
#define MSR_PLATFORM_ID   0x17u
#define MSR_APIC_BASE     0x1bu
#define MSR_FEATURE_CTRL  0x3au
#define MSR_TSC_ADJUST    0x3bu
#define MSR_PATCH_LEVEL   0x8bu
#define MSR_MTRR_CAP      0xfeu
#define MSR_SYSENTER_CS   0x174u
#define MSR_SYSENTER_ESP  0x175u
#define MSR_SYSENTER_EIP  0x176u
#define MSR_MCG_CAP       0x179u
#define MSR_MCG_STATUS    0x17au
#define MSR_MISC_ENABLE   0x1a0u
#define MSR_DEBUGCTL      0x1d9u
#define MSR_MTRR_VARIABLE 0x200u
#define MSR_PAT           0x277u
#define MSR_MTRR_DEFAULT  0x2ffu
#define MSR_TSC_DEADLINE  0x6e0u
#define MSR_X2APIC_FIRST  0x800u
#define MSR_X2APIC_LAST   0x8ffu
#define MSR_EFER          0xc0000080u
#define MSR_STAR          0xc0000081u
#define MSR_LSTAR         0xc0000082u
#define MSR_CSTAR         0xc0000083u
#define MSR_FMASK         0xc0000084u
#define MSR_FS_BASE       0xc0000100u
#define MSR_GS_BASE       0xc0000101u
#define MSR_KERNEL_GS     0xc0000102u
#define MSR_TSC_AUX       0xc0000103u
#define MSR_AMD_EVENT_0   0xc0010000u
#define MSR_AMD_COUNTER_0 0xc0010004u
#define MSR_AMD_SYSCFG    0xc0010010u
#define MSR_AMD_HWCR      0xc0010015u
#define MSR_AMD_NB_CFG    0xc001001fu
#define MSR_AMD_DE_CFG    0xc0011029u

#define EFER_SCE   (1ull << 0)
#define EFER_LME   (1ull << 8)
#define EFER_LMA   (1ull << 10)
#define EFER_NXE   (1ull << 11)
#define EFER_FFXSR (1ull << 14)
#define CR0_PG     (1ull << 31)

/*
 * No exit on these: the kernel keeps them per VCPU, so the guest sees and changes only its own.
 * Each is written on a hot path of a common guest.
 */
const struct msr_direct msr_direct_table[] = {
    {MSR_FS_BASE, QUOIN_MSR_READ | QUOIN_MSR_WRITE},     /* thread switch without FSGSBASE */
    {MSR_GS_BASE, QUOIN_MSR_READ | QUOIN_MSR_WRITE},     /* likewise */
    {MSR_KERNEL_GS, QUOIN_MSR_READ | QUOIN_MSR_WRITE},   /* thread switch, with SWAPGS */
    {MSR_SYSENTER_CS, QUOIN_MSR_READ | QUOIN_MSR_WRITE}, /* 32-bit guests' thread switch */
    {MSR_SYSENTER_ESP, QUOIN_MSR_READ | QUOIN_MSR_WRITE},
    {MSR_SYSENTER_EIP, QUOIN_MSR_READ | QUOIN_MSR_WRITE},
    {MSR_STAR, QUOIN_MSR_READ | QUOIN_MSR_WRITE},  /* set up once per CPU; read by */
    {MSR_LSTAR, QUOIN_MSR_READ | QUOIN_MSR_WRITE}, /* hypervisors inside */
    {MSR_CSTAR, QUOIN_MSR_READ | QUOIN_MSR_WRITE},
    {MSR_FMASK, QUOIN_MSR_READ | QUOIN_MSR_WRITE},
    {MSR_TSC_AUX, QUOIN_MSR_READ | QUOIN_MSR_WRITE}, /* RDTSCP's processor number */
    {0, 0},
};

/* The same registers by field, should the kernel let them exit. */
struct msr_field {
    uint32_t msr;
    uint32_t field;
    bool address; /* must be canonical */
};

static const struct msr_field msr_fields[] = {
    {MSR_SYSENTER_CS, FIELD_SYSENTER_CS, false},  {MSR_SYSENTER_ESP, FIELD_SYSENTER_ESP, true},
    {MSR_SYSENTER_EIP, FIELD_SYSENTER_EIP, true}, {MSR_STAR, QUOIN_FIELD_STAR, false},
    {MSR_LSTAR, QUOIN_FIELD_LSTAR, true},         {MSR_CSTAR, QUOIN_FIELD_CSTAR, true},
    {MSR_FMASK, QUOIN_FIELD_FMASK, false},        {MSR_FS_BASE, FIELD_FS_BASE, true},
    {MSR_GS_BASE, FIELD_GS_BASE, true},           {MSR_KERNEL_GS, QUOIN_FIELD_KERNEL_GS_BASE, true},
    {MSR_TSC_AUX, QUOIN_FIELD_TSC_AUX, false},
};

/* Registers that read as a constant; a write must not change anything it can be seen to change. */
enum msr_vendor { ANY, AMD, INTEL };
enum msr_write { DENY, IGNORE, SAME };

struct msr_constant {
    uint32_t msr;
    enum msr_vendor vendor;
    enum msr_write write;
    uint64_t value;
};

static const struct msr_constant msr_constants[] = {
    {MSR_PLATFORM_ID, INTEL, DENY, 0},            /* read when microcode is looked for */
    {MSR_FEATURE_CTRL, INTEL, SAME, 1},           /* locked, nothing enabled: no VMX, no SGX */
    {MSR_PATCH_LEVEL, AMD, DENY, 0x01000065},     /* guests complain about 0 */
    {MSR_PATCH_LEVEL, INTEL, IGNORE, 1ull << 32}, /* Intel: 0 is written before CPUID is read */
    {MSR_MTRR_CAP, ANY, DENY, 0x508},             /* 8 variable ranges, fixed ranges, WC */
    {MSR_MCG_CAP, ANY, DENY, 0},                  /* machine checks exist, banks do not */
    {MSR_MCG_STATUS, ANY, SAME, 0},
    {MSR_DEBUGCTL, ANY, SAME, 0}, /* no last-branch records */
    /* Performance counters that every AMD processor has (APM vol. 2, 13.2.1); these never count. */
    {MSR_AMD_EVENT_0 + 0, AMD, IGNORE, 0},
    {MSR_AMD_EVENT_0 + 1, AMD, IGNORE, 0},
    {MSR_AMD_EVENT_0 + 2, AMD, IGNORE, 0},
    {MSR_AMD_EVENT_0 + 3, AMD, IGNORE, 0},
    {MSR_AMD_COUNTER_0 + 0, AMD, IGNORE, 0},
    {MSR_AMD_COUNTER_0 + 1, AMD, IGNORE, 0},
    {MSR_AMD_COUNTER_0 + 2, AMD, IGNORE, 0},
    {MSR_AMD_COUNTER_0 + 3, AMD, IGNORE, 0},
    {MSR_AMD_SYSCFG, AMD, IGNORE, 0},        /* fixed-range DRAM attributes: firmware's affair */
    {MSR_AMD_HWCR, AMD, IGNORE, 1ull << 24}, /* the TSC counts at P0's frequency */
    {MSR_AMD_NB_CFG, AMD, IGNORE, 0},        /* old errata */
    {MSR_AMD_DE_CFG, AMD, IGNORE, 2},        /* LFENCE serializes */
};

void msr_reset(struct msr_state *state)
{
    memset(state, 0, sizeof(*state));
    state->pat = 0x0007040600070406ull;
    state->misc_enable = 0x1801; /* fast strings; no BTS, no PEBS */
    /* As firmware leaves them: everything write-back, the PCI hole uncacheable. */
    state->mtrr_default = 0xc06;
    for (unsigned i = 0; i < MSR_FIXED_RANGES; i++)
        state->mtrr_fixed[i] = 0x0606060606060606ull;
    state->mtrr_fixed[2] = 0; /* 0xa0000 to 0xbffff */
    state->mtrr_base[0] = 0x80000000;
    state->mtrr_mask[0] = 0xff80000800ull;
}

static bool canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static const struct msr_field *find_field(uint32_t msr)
{
    for (unsigned i = 0; i < sizeof(msr_fields) / sizeof(msr_fields[0]); i++) {
        if (msr_fields[i].msr == msr)
            return &msr_fields[i];
    }
    return NULL;
}

static const struct msr_constant *find_constant(const struct vm *vm, uint32_t msr)
{
    for (unsigned i = 0; i < sizeof(msr_constants) / sizeof(msr_constants[0]); i++) {
        const struct msr_constant *entry = &msr_constants[i];
        if (entry->msr != msr)
            continue;
        if (entry->vendor == ANY || (entry->vendor == AMD) == (vm->vendor == VM_VENDOR_AMD))
            return entry;
    }
    return NULL;
}

/* Where an MTRR lives, or NULL when msr is none. */
static uint64_t *mtrr(struct msr_state *state, uint32_t msr)
{
    if (msr >= MSR_MTRR_VARIABLE && msr < MSR_MTRR_VARIABLE + 2 * MSR_VARIABLE_RANGES) {
        unsigned index = (msr - MSR_MTRR_VARIABLE) / 2;
        return (msr & 1) == 0 ? &state->mtrr_base[index] : &state->mtrr_mask[index];
    }
    switch (msr) {
    case MSR_MTRR_DEFAULT:
        return &state->mtrr_default;
    case 0x250:
        return &state->mtrr_fixed[0];
    case 0x258:
    case 0x259:
        return &state->mtrr_fixed[1 + msr - 0x258];
    default:
        break;
    }
    if (msr >= 0x268 && msr <= 0x26f)
        return &state->mtrr_fixed[3 + msr - 0x268];
    return NULL;
}

static bool memory_type(uint64_t type)
{
    return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

/* Memory types of PAT also include UC- (7). */
static bool valid_pat(uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        uint64_t type = (value >> (i * 8)) & 0xff;
        if (!memory_type(type) && type != 7)
            return false;
    }
    return true;
}

static bool valid_mtrr(uint32_t msr, uint64_t value)
{
    if (msr == MSR_MTRR_DEFAULT)
        return (value & ~0xcffull) == 0 && memory_type(value & 0xff);
    if (msr >= MSR_MTRR_VARIABLE && msr < MSR_MTRR_VARIABLE + 2 * MSR_VARIABLE_RANGES) {
        if ((value >> 52) != 0)
            return false;
        return (msr & 1) != 0 ? (value & 0x7ff) == 0
                              : (value & 0xf00) == 0 && memory_type(value & 0xff);
    }
    for (unsigned i = 0; i < 8; i++) {
        if (!memory_type((value >> (i * 8)) & 0xff))
            return false;
    }
    return true;
}

static uint64_t guest_tsc(const struct vcpu *vcpu)
{
    return clock_now(&vcpu->vm->clock) + vcpu->apic.tsc_offset;
}

bool msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
    if (msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE ||
        (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST))
        return apic_msr_read(&vcpu->apic, msr, value);
    switch (msr) {
    case MSR_TSC:
        *value = guest_tsc(vcpu);
        return true;
    case MSR_TSC_ADJUST:
        *value = vcpu->msr.tsc_adjust;
        return true;
    case MSR_PAT:
        *value = vcpu->msr.pat;
        return true;
    case MSR_EFER:
        *value = vcpu->mr[QUOIN_VM_EFER] & (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_FFXSR);
        return true;
    case MSR_MISC_ENABLE:
        *value = vcpu->msr.misc_enable;
        return vcpu->vm->vendor == VM_VENDOR_INTEL;
    case MSR_KVM_SYSTEM_TIME:
    case MSR_KVM_SYSTEM_TIME_OLD:
        *value = vcpu->msr.kvm_system_time;
        return true;
    case MSR_KVM_PV_EOI:
        *value = vcpu->msr.kvm_pv_eoi;
        return true;
    case MSR_KVM_WALL_CLOCK:
    case MSR_KVM_WALL_CLOCK_OLD:
        *value = vcpu->msr.kvm_wall_clock;
        return true;
    default:
        break;
    }
    const uint64_t *range = mtrr(&vcpu->msr, msr);
    if (range != NULL) {
        *value = *range;
        return true;
    }
    const struct msr_field *field = find_field(msr);
    if (field != NULL) {
        *value = vcpu->operations->read(vcpu, field->field);
        return true;
    }
    const struct msr_constant *constant = find_constant(vcpu->vm, msr);
    if (constant == NULL)
        return false;
    *value = constant->value;
    return true;
}

static bool write_efer(struct vcpu *vcpu, uint64_t value)
{
    uint64_t allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    if (vcpu->vm->vendor == VM_VENDOR_AMD)
        allowed |= EFER_FFXSR;
    uint64_t old = vcpu->mr[QUOIN_VM_EFER];
    if ((value & ~allowed) != 0)
        return false;
    /* SDM 4.1.1: LME cannot change while paging is on. LMA is read-only. */
    if ((vcpu->mr[QUOIN_VM_CR0] & CR0_PG) != 0 && ((old ^ value) & EFER_LME) != 0)
        return false;
    vcpu->mr[QUOIN_VM_EFER] = (value & ~EFER_LMA) | (old & EFER_LMA);
    vcpu->changed |= QUOIN_VMENTER_EFER;
    return true;
}

static void set_tsc(struct vcpu *vcpu, uint64_t value)
{
    uint64_t offset = value - clock_now(&vcpu->vm->clock);
    if (offset == vcpu->apic.tsc_offset)
        return;
    vcpu->msr.tsc_adjust += offset - vcpu->apic.tsc_offset;
    vcpu->operations->write(vcpu, QUOIN_FIELD_TSC_OFFSET, offset);
    apic_set_tsc_offset(&vcpu->apic, offset);
}

/* Linux Documentation/virt/kvm/x86/msr.rst, MSR_KVM_EOI_EN: bit 0 enables, bit 1 is reserved. */
static bool write_pv_eoi(struct vcpu *vcpu, uint64_t value)
{
    uint8_t *word = NULL;
    if ((value & 2) != 0)
        return false;
    if ((value & 1) != 0) {
        word = memory_at(&vcpu->vm->memory, gpa(value & ~3ull), 4);
        if (word == NULL)
            return false;
    }
    vcpu->msr.kvm_pv_eoi = value;
    apic_set_eoi_word(&vcpu->apic, word);
    return true;
}

static bool write_constant(const struct msr_constant *constant, uint64_t value)
{
    switch (constant->write) {
    case IGNORE:
        return true;
    case SAME:
        return value == constant->value;
    case DENY:
    default:
        return false;
    }
}

bool msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
    if (msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE ||
        (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST))
        return apic_msr_write(&vcpu->apic, msr, value);
    switch (msr) {
    case MSR_TSC:
        set_tsc(vcpu, value);
        return true;
    case MSR_TSC_ADJUST:
        if (value != vcpu->msr.tsc_adjust)
            set_tsc(vcpu, guest_tsc(vcpu) + (value - vcpu->msr.tsc_adjust));
        vcpu->msr.tsc_adjust = value;
        return true;
    case MSR_PAT:
        if (!valid_pat(value))
            return false;
        vcpu->msr.pat = value;
        return vcpu->operations->write(vcpu, FIELD_PAT, value);
    case MSR_EFER:
        return write_efer(vcpu, value);
    case MSR_MISC_ENABLE:
        /* Only fast strings and "limit CPUID" can be seen to change; the rest stays. */
        vcpu->msr.misc_enable = (vcpu->msr.misc_enable & ~1ull) | (value & 1);
        return vcpu->vm->vendor == VM_VENDOR_INTEL;
    case MSR_KVM_SYSTEM_TIME:
    case MSR_KVM_SYSTEM_TIME_OLD:
        return pvclock_write_time(vcpu, value);
    case MSR_KVM_PV_EOI:
        return write_pv_eoi(vcpu, value);
    case MSR_KVM_WALL_CLOCK:
    case MSR_KVM_WALL_CLOCK_OLD:
        return pvclock_write_wall(vcpu, value);
    default:
        break;
    }
    uint64_t *range = mtrr(&vcpu->msr, msr);
    if (range != NULL) {
        if (!valid_mtrr(msr, value))
            return false;
        *range = value;
        return true;
    }
    const struct msr_field *field = find_field(msr);
    if (field != NULL) {
        if (field->address && !canonical(value))
            return false;
        return vcpu->operations->write(vcpu, field->field, value);
    }
    const struct msr_constant *constant = find_constant(vcpu->vm, msr);
    return constant != NULL && write_constant(constant, value);
}
