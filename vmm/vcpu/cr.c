/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sources: Intel SDM volume 3, 2.5 (control registers), 2.6 (XCR0), 9.8.5 (entering IA-32e mode).
 */
#include "vmm/vcpu/cr.h"

#include "vmm/vm.h"

#define CR0_PE      (1ull << 0)
#define CR0_TS      (1ull << 3)
#define CR0_ET      (1ull << 4)
#define CR0_NE      (1ull << 5)
#define CR0_NW      (1ull << 29)
#define CR0_CD      (1ull << 30)
#define CR0_PG      (1ull << 31)
#define CR0_ALLOWED 0xe005003full

#define CR4_PAE  (1ull << 5)
#define CR4_VMXE (1ull << 13)

#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)

#define RIGHTS_LONG (1u << 13)

#define XCR0_X87    0x01ull
#define XCR0_SSE    0x02ull
#define XCR0_AVX    0x04ull
#define XCR0_AVX512 0xe0ull

/* The guest's own view of CR0: VT-x holds NE up behind its back. */
static uint64_t visible_cr0(struct vcpu *vcpu)
{
    uint64_t value = vcpu->mr[QUOIN_VM_CR0];
    if (vcpu->vm->vendor == VM_VENDOR_INTEL)
        value = (value & ~CR0_NE) | (vcpu->operations->read(vcpu, FIELD_CR0_SHADOW) & CR0_NE);
    return value;
}

static bool write_cr0(struct vcpu *vcpu, uint64_t value)
{
    uint64_t old = vcpu->mr[QUOIN_VM_CR0];
    uint64_t efer = vcpu->mr[QUOIN_VM_EFER];
    bool starts_paging = (value & CR0_PG) != 0 && (old & CR0_PG) == 0;
    bool stops_paging = (value & CR0_PG) == 0 && (old & CR0_PG) != 0;
    if (value >> 32 != 0)
        return false;
    value = (value & CR0_ALLOWED) | CR0_ET; /* reserved bits of the low half are ignored */
    if ((value & CR0_PG) != 0 && (value & CR0_PE) == 0)
        return false;
    if ((value & CR0_NW) != 0 && (value & CR0_CD) == 0)
        return false;
    if (starts_paging && (efer & EFER_LME) != 0 && (vcpu->mr[QUOIN_VM_CR4] & CR4_PAE) == 0)
        return false;
    if (stops_paging && (vcpu->mr[QUOIN_VM_CS_RIGHTS] & RIGHTS_LONG) != 0)
        return false;
    if ((starts_paging && (efer & EFER_LME) != 0) || stops_paging) {
        efer = starts_paging ? efer | EFER_LMA : efer & ~EFER_LMA;
        vcpu->mr[QUOIN_VM_EFER] = efer;
        vcpu->changed |= QUOIN_VMENTER_EFER;
    }
    vcpu->operations->write(vcpu, FIELD_CR0_SHADOW, value);
    vcpu->mr[QUOIN_VM_CR0] = vcpu->vm->vendor == VM_VENDOR_INTEL ? value | CR0_NE : value;
    vcpu->changed |= QUOIN_VMENTER_CR0;
    return true;
}

static bool write_cr4(struct vcpu *vcpu, uint64_t value)
{
    if ((value & ~CR4_ALLOWED) != 0)
        return false;
    /* PAE cannot go while IA-32e mode is on. */
    if ((vcpu->mr[QUOIN_VM_EFER] & EFER_LMA) != 0 && (value & CR4_PAE) == 0)
        return false;
    vcpu->operations->write(vcpu, FIELD_CR4_SHADOW, value);
    vcpu->mr[QUOIN_VM_CR4] = value;
    vcpu->changed |= QUOIN_VMENTER_CR4;
    return true;
}

static uint64_t read_cr(struct vcpu *vcpu, unsigned number)
{
    switch (number) {
    case 0:
        return visible_cr0(vcpu);
    case 3:
        return vcpu->mr[QUOIN_VM_CR3];
    case 4:
        return vcpu->mr[QUOIN_VM_CR4] & ~CR4_VMXE;
    case 8:
        return apic_cr8(&vcpu->apic);
    default:
        return 0;
    }
}

static bool write_cr(struct vcpu *vcpu, unsigned number, uint64_t value)
{
    switch (number) {
    case 0:
        return write_cr0(vcpu, value);
    case 3:
        vcpu->mr[QUOIN_VM_CR3] = value & ~(1ull << 63);
        vcpu->changed |= QUOIN_VMENTER_CR3;
        return true;
    case 4:
        return write_cr4(vcpu, value);
    case 8:
        if (value > 15)
            return false;
        apic_set_cr8(&vcpu->apic, (uint8_t)value);
        return true;
    default:
        return false;
    }
}

bool cr_access(struct vcpu *vcpu, const struct exit_cr *access)
{
    bool done = true;
    if (access->clts) {
        done = write_cr0(vcpu, visible_cr0(vcpu) & ~CR0_TS);
    } else if (access->lmsw) {
        /* PE can be set and not cleared. */
        uint64_t low = (access->source & 0xfu) | (visible_cr0(vcpu) & CR0_PE);
        done = write_cr0(vcpu, (visible_cr0(vcpu) & ~0xfull) | low);
    } else if (access->write) {
        uint64_t value = vcpu_gpr(vcpu, access->gpr);
        if ((vcpu->mr[QUOIN_VM_EFER] & EFER_LMA) == 0)
            value &= 0xffffffff;
        done = write_cr(vcpu, access->number, value);
    } else {
        vcpu_set_gpr(vcpu, access->gpr, read_cr(vcpu, access->number));
    }
    if (!done)
        vcpu_raise_error(vcpu, EXCEPTION_GP, 0);
    return done;
}

bool cr_xsetbv(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
    uint64_t avx512 = value & XCR0_AVX512;
    if (index != 0 || (value & XCR0_X87) == 0 || (value & ~vcpu->vm->max_xcr0) != 0)
        return false;
    if ((value & XCR0_AVX) != 0 && (value & XCR0_SSE) == 0)
        return false;
    if (avx512 != 0 && (avx512 != XCR0_AVX512 || (value & XCR0_AVX) == 0))
        return false;
    if (((value >> 3) & 3) == 1 || ((value >> 3) & 3) == 2) /* MPX: both or neither */
        return false;
    return vcpu->operations->write(vcpu, QUOIN_FIELD_XCR0, value);
}
