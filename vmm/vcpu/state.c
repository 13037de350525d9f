/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A vCPU's registers: access, exceptions, reset and start-up.
 */
#include <stddef.h>

#include "vmm/vcpu/alu.h"
#include "vmm/vcpu/step.h"
#include "vmm/vm.h"

#define RIGHTS_CODE_16 0x9bu /* present, code, readable, accessed */
#define RIGHTS_DATA_16 0x93u
#define RIGHTS_LDT     0x82u
#define RIGHTS_TSS_32  0x8bu /* busy */
#define CR0_RESET      0x60000010ull
#define CR0_NE         (1ull << 5)

void vcpu_set_rflags(struct vcpu *vcpu, uint64_t value)
{
    vcpu->mr[QUOIN_VM_RFLAGS] = value;
    vcpu->changed |= QUOIN_VMENTER_RFLAGS;
}

/* Faults push flags with RF set, so that the instruction's breakpoint is not met again (SDM vol. 3,
 * 18.3.1.1). Of what the VMM raises only the debug exception is no fault. */
static void set_resume(struct vcpu *vcpu, unsigned vector)
{
    if (vector != EXCEPTION_DB)
        vcpu_set_rflags(vcpu, vcpu->mr[QUOIN_VM_RFLAGS] | FLAG_RF);
}

void vcpu_raise(struct vcpu *vcpu, unsigned vector)
{
    set_resume(vcpu, vector);
    vcpu->mr[QUOIN_VM_ENTRY_INFO] = EVENT_VALID | EVENT_EXCEPTION | (vector & EVENT_VECTOR);
}

void vcpu_raise_error(struct vcpu *vcpu, unsigned vector, uint32_t error)
{
    /* Real mode pushes no error codes (SDM 27.2.1.3 makes the entry fail otherwise). */
    if ((vcpu->mr[QUOIN_VM_CR0] & 1) == 0) {
        vcpu_raise(vcpu, vector);
        return;
    }
    set_resume(vcpu, vector);
    vcpu->mr[QUOIN_VM_ENTRY_INFO] =
        EVENT_VALID | EVENT_HAS_ERROR | EVENT_EXCEPTION | (vector & EVENT_VECTOR);
    vcpu->mr[QUOIN_VM_EXIT_ERROR] = error;
    vcpu->changed |= QUOIN_VMENTER_ERROR_CODE;
}

void vcpu_raise_page_fault(struct vcpu *vcpu, uint64_t linear, uint32_t error)
{
    vcpu->operations->write(vcpu, QUOIN_FIELD_CR2, linear);
    vcpu_raise_error(vcpu, EXCEPTION_PF, error);
}

static void set_segment(struct vcpu *vcpu, enum segment segment, uint16_t selector, uint64_t base,
                        uint32_t rights)
{
    vcpu->operations->write(vcpu, FIELD_SELECTOR(segment), selector);
    vcpu->operations->write(vcpu, FIELD_BASE(segment), base);
    vcpu->operations->write(vcpu, FIELD_LIMIT(segment), 0xffff);
    vcpu->operations->write(vcpu, FIELD_RIGHTS(segment), rights);
}

static void reset_system(struct vcpu *vcpu)
{
    const struct vcpu_operations *operations = vcpu->operations;
    for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++)
        set_segment(vcpu, (enum segment)i, 0, 0, RIGHTS_DATA_16);
    set_segment(vcpu, SEGMENT_LDTR, 0, 0, RIGHTS_LDT);
    set_segment(vcpu, SEGMENT_TR, 0, 0, RIGHTS_TSS_32);
    operations->write(vcpu, FIELD_GDTR_BASE, 0);
    operations->write(vcpu, FIELD_GDTR_LIMIT, 0xffff);
    operations->write(vcpu, FIELD_IDTR_BASE, 0);
    operations->write(vcpu, FIELD_IDTR_LIMIT, 0xffff);
    operations->write(vcpu, FIELD_DR7, 0x400);
    operations->write(vcpu, FIELD_PENDING_DEBUG, 0);
    operations->write(vcpu, FIELD_ACTIVITY, 0);
    operations->write(vcpu, QUOIN_FIELD_DR6, 0xffff0ff0);
    operations->write(vcpu, QUOIN_FIELD_CR2, 0);
}

/* What INIT leaves alone and power-up does not. */
static void reset_cold(struct vcpu *vcpu)
{
    msr_reset(&vcpu->msr);
    vcpu->operations->write(vcpu, QUOIN_FIELD_XCR0, 1);
    vcpu->operations->write(vcpu, FIELD_PAT, vcpu->msr.pat);
    vcpu->operations->write(vcpu, QUOIN_FIELD_TSC_OFFSET, vcpu->vm->tsc_offset);
    apic_set_tsc_offset(&vcpu->apic, vcpu->vm->tsc_offset);
}

void vcpu_reset(struct vcpu *vcpu, bool init)
{
    apic_reset(&vcpu->apic, init);
    vcpu->apic.init_pending = false;
    if (!init) /* a start-up message that came behind the INIT is still to be taken */
        vcpu->apic.startup_pending = false;
    vcpu->state = vcpu->index == 0 ? VCPU_RUNNING : VCPU_WAIT_STARTUP;
    vcpu->poked = true;
    vcpu->iret_awaited = false;
    if (vcpu->stepping)
        vcpu->operations->write(vcpu, FIELD_EXCEPTION_BITMAP, 0);
    vcpu->stepping = false;
    if (!init)
        reset_cold(vcpu);
    reset_system(vcpu);
    set_segment(vcpu, SEGMENT_CS, 0xf000, 0xffff0000, RIGHTS_CODE_16);
    for (unsigned i = 0; i < 16; i++)
        vcpu_set_gpr(vcpu, i, 0);
    vcpu_set_gpr(vcpu, 2, 0x600); /* RDX: a family and model of no matter */
    vcpu_set_rflags(vcpu, 2);
    vcpu->mr[QUOIN_VM_RIP] = 0xfff0;
    vcpu->mr[QUOIN_VM_ENTRY_INFO] = 0;
    vcpu->mr[QUOIN_VM_INTERRUPTIBILITY] = 0;
    vcpu_set_control_registers(vcpu, CR0_RESET, 0, 0, 0);
    vcpu->changed |= QUOIN_VMENTER_INTERRUPTIBILITY;
}

void vcpu_startup(struct vcpu *vcpu, uint8_t vector)
{
    set_segment(vcpu, SEGMENT_CS, (uint16_t)(vector << 8), (uint64_t)vector << 12, RIGHTS_CODE_16);
    vcpu->mr[QUOIN_VM_RIP] = 0;
    vcpu->state = VCPU_RUNNING;
}

void vcpu_set_control_registers(struct vcpu *vcpu, uint64_t cr0, uint64_t cr3, uint64_t cr4,
                                uint64_t efer)
{
    /* VT-x keeps CR0.NE and CR4.VMXE set; the guest reads its own values from the shadows. */
    vcpu->operations->write(vcpu, FIELD_CR0_SHADOW, cr0);
    vcpu->operations->write(vcpu, FIELD_CR4_SHADOW, cr4);
    vcpu->mr[QUOIN_VM_CR0] = vcpu->vm->vendor == VM_VENDOR_INTEL ? cr0 | CR0_NE : cr0;
    vcpu->mr[QUOIN_VM_CR3] = cr3;
    vcpu->mr[QUOIN_VM_CR4] = cr4;
    vcpu->mr[QUOIN_VM_EFER] = efer;
    vcpu->changed |= QUOIN_VMENTER_CR0 | QUOIN_VMENTER_CR3 | QUOIN_VMENTER_CR4 | QUOIN_VMENTER_EFER;
}

void vcpu_set_flat_segments(struct vcpu *vcpu, bool long_mode)
{
    /* Access rights (SDM table 25-2): code executes and reads; G and D, or G and L. */
    uint32_t code = long_mode ? 0xa09bu : 0xc09bu;
    for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++) {
        bool is_code = i == SEGMENT_CS;
        set_segment(vcpu, (enum segment)i, is_code ? 0x10 : 0x18, 0, is_code ? code : 0xc093u);
        vcpu->operations->write(vcpu, FIELD_LIMIT(i), 0xffffffff);
    }
    set_segment(vcpu, SEGMENT_TR, 0x20, 0, RIGHTS_TSS_32);
}
