/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interrupts on their way into a processor, and its timer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "machine.h"
#include "vmm/device/apic_internal.h"

static void injects_interrupts(void **state)
{
    (void)state;
    struct machine *m = machine_create(2, VM_VENDOR_INTEL);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    apic_write(&vcpu->apic, APIC_REG_SVR, 0x1ff);
    m->exits = true;
    m->exit = (struct exit){.kind = EXIT_INTERRUPT_WINDOW};
    apic_msi(&m->vm.apics, 0xfee00000, 0x55);
    vcpu_step(vcpu); /* IF is clear: only a window */
    assert_int_equal(m->entry_info, 0);
    assert_int_equal(m->entry_controls & 4, 4);
    m->mr[0][QUOIN_VM_RFLAGS] = 0x202;
    m->mr[0][QUOIN_VM_INTERRUPTIBILITY] = 1; /* behind STI */
    vcpu_step(vcpu);
    assert_int_equal(m->entry_info, 0);
    m->mr[0][QUOIN_VM_INTERRUPTIBILITY] = 0;
    vcpu_step(vcpu);
    assert_int_equal(m->entry_info, 0x80000055);
    assert_int_equal(m->entry_controls & 4, 0);
    vcpu_step(vcpu);
    assert_int_equal(m->entry_info, 0);

    /* An event whose delivery was interrupted is injected again. */
    m->exit.vectoring = (struct exit_event){0x80000b0e, 2};
    vcpu_step(vcpu);
    m->exit.vectoring.info = 0;
    vcpu_step(vcpu);
    assert_int_equal(m->entry_info, 0x80000b0e);

    /* HLT waits until an interrupt comes, with the timer's deadline. */
    m->exit = (struct exit){.kind = EXIT_HLT, .length = 1};
    vcpu_step(vcpu);
    assert_int_equal(vcpu->state, VCPU_HALTED);
    apic_write(&vcpu->apic, APIC_REG_EOI, 0);
    timer_set(&vcpu->apic.timer, m->now + 77);
    vcpu_step(vcpu);
    assert_int_equal(m->waits, 1);
    assert_int_equal(m->wait_deadline, m->now + 77);
    vcpu->outside = true;
    apic_msi(&m->vm.apics, 0xfee00000, 0x66);
    apic_msi(&m->vm.apics, 0xfee00000, 0x67);
    assert_int_equal(m->kicks, 1); /* once is enough */
    vcpu->outside = false;
    vcpu_step(vcpu);
    assert_int_equal(m->entry_info, 0x80000067);
    machine_destroy(m);
}

/* AMD-V: an interrupt is offered whatever RFLAGS.IF says, and chosen anew after every exit. */
static void offers_interrupts(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    apic_write(&vcpu->apic, APIC_REG_SVR, 0x1ff);
    m->exits = true;
    m->exit = (struct exit){.kind = EXIT_RESUME, .vectoring = {0x80000055, 0}};
    apic_msi(&m->vm.apics, 0xfee00000, 0x55);
    vcpu_step(vcpu);
    assert_int_equal(m->entry_info, 0x80000055);
    assert_int_equal(m->entry_controls & 4, 0);
    assert_int_equal(apic_highest_request(&vcpu->apic), 0x55); /* it was not taken */
    apic_msi(&m->vm.apics, 0xfee00000, 0x66);
    m->exit.vectoring.info = 0;
    vcpu_step(vcpu);
    assert_int_equal(m->entry_info, 0x80000066); /* the more urgent one, and it was taken */
    vcpu_step(vcpu);
    assert_int_equal(m->entry_info, 0); /* 0x55 waits for its EOI */
    apic_write(&vcpu->apic, APIC_REG_EOI, 0);
    vcpu_step(vcpu);
    assert_int_equal(m->entry_info, 0x80000055);
    machine_destroy(m);
}

/* KVM's paravirtual EOI: offered for a lone interrupt, seen after the guest has run. */
static void paravirtual_eoi(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    uint8_t *word = m->memory + 0x5000;
    m->exits = true;
    m->exit = (struct exit){.kind = EXIT_RESUME};
    apic_write(&vcpu->apic, APIC_REG_SVR, 0x1ff);
    assert_false(msr_write(vcpu, 0x4b564d04, 0x5003));
    assert_false(msr_write(vcpu, 0x4b564d04, MACHINE_MEMORY | 1));
    assert_true(msr_write(vcpu, 0x4b564d04, 0x5001));
    apic_msi(&m->vm.apics, 0xfee00000, 0x55);
    vcpu_step(vcpu);
    assert_int_equal(word[0], 1);
    word[0] = 0; /* the guest's EOI */
    vcpu_step(vcpu);
    assert_int_equal(apic_read(&vcpu->apic, APIC_REG_PPR), 0);

    apic_msi(&m->vm.apics, 0xfee00000, 0x55);
    vcpu_step(vcpu);
    assert_int_equal(word[0], 1);
    apic_msi(&m->vm.apics, 0xfee00000, 0x56); /* waits for the EOI, which must exit now */
    vcpu_step(vcpu);
    assert_int_equal(word[0], 0);
    assert_int_equal(apic_read(&vcpu->apic, APIC_REG_PPR), 0x50);
    machine_destroy(m);
}

/* The hardware timer leads a TSC deadline by what the way from it to the entry took, and the entry
 * is not made before. */
static void leads_deadlines(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    apic_write(&vcpu->apic, APIC_REG_SVR, 0x1ff);
    apic_write(&vcpu->apic, APIC_REG_LVT_TIMER, 0x40 | 2u << 17);
    m->mr[0][QUOIN_VM_RFLAGS] = 0x202;
    m->exit = (struct exit){.kind = EXIT_INTERRUPT_WINDOW};
    m->per_reading = 40;
    uint64_t late = 0;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t deadline = m->now + 20000;
        assert_true(apic_msr_write(&vcpu->apic, 0x6e0, deadline + vcpu->apic.tsc_offset));
        vcpu->poked = true;
        m->enter_until = deadline - vcpu->lead;
        m->exits = false;
        vcpu_step(vcpu);
        assert_int_equal(m->entry_info, 0);
        assert_int_equal(m->mr[0][QUOIN_VM_DEADLINE], m->enter_until);
        m->exits = true;
        vcpu_step(vcpu);
        assert_int_equal(m->entry_info, 0x80000040);
        assert_true(m->entry_now >= deadline);
        late = m->entry_now - deadline;
        apic_write(&vcpu->apic, APIC_REG_EOI, 0);
        if (i == 0)
            assert_true(late >= 100);
    }
    assert_true(late <= 40);
    assert_in_range(vcpu->lead, 100, 400);
    machine_destroy(m);
}

/* A notification that is not the hardware timer's leaves that as it is. */
static void keeps_its_timer(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    apic_write(&vcpu->apic, APIC_REG_SVR, 0x1ff);
    apic_write(&vcpu->apic, APIC_REG_LVT_TIMER, 0x40 | 2u << 17);
    m->exits = false;
    m->others_signal = true;
    uint64_t deadline = m->now + 1000000;
    assert_true(apic_msr_write(&vcpu->apic, 0x6e0, deadline + vcpu->apic.tsc_offset));
    vcpu->poked = true;
    vcpu_step(vcpu);
    uint64_t at = m->mr[0][QUOIN_VM_DEADLINE];
    assert_int_equal(vcpu->armed, at);
    m->mr[0][QUOIN_VM_DEADLINE] = 0;
    vcpu_step(vcpu);
    assert_int_equal(vcpu->armed, at);
    assert_int_equal(m->mr[0][QUOIN_VM_DEADLINE], 0);
    m->others_signal = false;
    vcpu_step(vcpu); /* early: it is armed anew */
    vcpu_step(vcpu);
    assert_int_equal(m->mr[0][QUOIN_VM_DEADLINE], at);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(injects_interrupts), cmocka_unit_test(offers_interrupts),
        cmocka_unit_test(paravirtual_eoi),    cmocka_unit_test(leads_deadlines),
        cmocka_unit_test(keeps_its_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
