/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interrupt controllers and the timers that speak to the APIC, by the registers that a guest uses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "machine.h"
#include "vmm/device/apic_internal.h"

static uint32_t apic_in(struct machine *m, uint32_t offset)
{
    return (uint32_t)bus_read(&m->vm.mmio, APIC_BASE + offset, 4);
}

static void apic_out(struct machine *m, uint32_t offset, uint32_t value)
{
    bus_write(&m->vm.mmio, APIC_BASE + offset, 4, value);
}

static void ioapic_entry(struct machine *m, unsigned pin, uint64_t entry)
{
    bus_write(&m->vm.mmio, IOAPIC_BASE, 4, 0x11 + 2 * pin);
    bus_write(&m->vm.mmio, IOAPIC_BASE + 0x10, 4, entry >> 32);
    bus_write(&m->vm.mmio, IOAPIC_BASE, 4, 0x10 + 2 * pin);
    bus_write(&m->vm.mmio, IOAPIC_BASE + 0x10, 4, (uint32_t)entry);
}

static struct machine *with_apic(unsigned vcpus)
{
    struct machine *m = machine_create(vcpus, VM_VENDOR_AMD);
    apic_out(m, APIC_REG_SVR, 0x1ff);
    return m;
}

static void apic_priorities(void **state)
{
    (void)state;
    struct machine *m = with_apic(1);
    struct apic *apic = &m->vm.vcpu[0].apic;
    apic_msi(&m->vm.apics, 0xfee00000, 0x41);
    apic_msi(&m->vm.apics, 0xfee00000, 0x51);
    assert_int_equal(apic_pending(apic), 0x51);
    apic_accept(apic, 0x51);
    assert_int_equal(apic_pending(apic), -1); /* 0x41 is of a lower class */
    assert_int_equal(apic_in(m, APIC_REG_ISR + 0x20), 1u << 0x11);
    apic_out(m, APIC_REG_EOI, 0);
    assert_int_equal(apic_pending(apic), 0x41);
    apic_out(m, APIC_REG_TPR, 0x40);
    assert_int_equal(apic_pending(apic), -1);
    apic_out(m, APIC_REG_TPR, 0x30);
    assert_int_equal(apic_pending(apic), 0x41);
    /* A vector below 16 is an error. */
    apic_msi(&m->vm.apics, 0xfee00000, 0x05);
    apic_out(m, APIC_REG_ESR, 0);
    assert_int_equal(apic_in(m, APIC_REG_ESR), ESR_RECEIVED_ILLEGAL);
    machine_destroy(m);
}

static void apic_ipis(void **state)
{
    (void)state;
    struct machine *m = with_apic(4);
    struct vm *vm = &m->vm;
    for (unsigned i = 0; i < 4; i++) {
        apic_write(&vm->vcpu[i].apic, APIC_REG_SVR, 0x1ff);
        apic_write(&vm->vcpu[i].apic, APIC_REG_LDR, 1u << (24 + i));
    }
    apic_out(m, APIC_REG_ICR_HIGH, 2u << 24);
    apic_out(m, APIC_REG_ICR_LOW, 0x60);
    assert_int_equal(apic_pending(&vm->vcpu[2].apic), 0x60);
    assert_int_equal(apic_pending(&vm->vcpu[1].apic), -1);
    apic_out(m, APIC_REG_ICR_HIGH, 0xau << 24); /* logical, flat: 1 and 3 */
    apic_out(m, APIC_REG_ICR_LOW, 0x61 | ICR_LOGICAL);
    assert_int_equal(apic_pending(&vm->vcpu[1].apic), 0x61);
    assert_int_equal(apic_pending(&vm->vcpu[3].apic), 0x61);
    assert_int_equal(apic_pending(&vm->vcpu[0].apic), -1);
    apic_out(m, APIC_REG_ICR_LOW, 0x70 | 3u << 18); /* all but self */
    assert_int_equal(apic_pending(&vm->vcpu[0].apic), -1);
    assert_int_equal(apic_pending(&vm->vcpu[1].apic), 0x70);
    apic_out(m, APIC_REG_ICR_LOW, 0x71 | 1u << 18); /* self */
    assert_int_equal(apic_pending(&vm->vcpu[0].apic), 0x71);
    machine_destroy(m);
}

static void apic_messages(void **state)
{
    (void)state;
    struct machine *m = with_apic(4);
    struct vm *vm = &m->vm;
    for (unsigned i = 0; i < 3; i++)
        apic_write(&vm->vcpu[i].apic, APIC_REG_SVR, 0x1ff);
    /* To each by itself; the last one's APIC is disabled. */
    for (unsigned to = 0; to < 4; to++) {
        uint8_t vector = (uint8_t)(0x40 + 0x10 * to);
        apic_msi(&vm->apics, 0xfee00000ull | to << 12, vector);
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(apic_bits_test(&vm->vcpu[i].apic.irr, vector), i == to && to < 3);
    }
    apic_msi(&vm->apics, 0xfeeff000, 0x90); /* to all */
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(apic_bits_test(&vm->vcpu[i].apic.irr, 0x90), i < 3);
    apic_msi(&vm->apics, 0xfee09000, 0xa0); /* to none */
    /* The TMR says of which kind the last one was. */
    apic_msi(&vm->apics, 0xfee01000, 0xb0 | 1u << 15);
    assert_true(apic_bits_test(&vm->vcpu[1].apic.tmr, 0xb0));
    apic_msi(&vm->apics, 0xfee01000, 0xb0);
    assert_false(apic_bits_test(&vm->vcpu[1].apic.tmr, 0xb0));
    assert_int_equal(vm->vcpu[1].apic.tmr.summary, 0);
    for (unsigned i = 0; i < 4; i++)
        assert_false(apic_bits_test(&vm->vcpu[i].apic.irr, 0xa0));
    machine_destroy(m);
}

static void apic_x2apic_mode(void **state)
{
    (void)state;
    struct machine *m = with_apic(2);
    struct apic *apic = &m->vm.vcpu[0].apic;
    uint64_t value;
    assert_false(apic_msr_read(apic, 0x802, &value));
    assert_true(apic_msr_write(apic, 0x1b, APIC_BASE | 0xd00));
    assert_true(apic_msr_read(apic, 0x802, &value));
    assert_int_equal(value, 0);
    assert_false(apic_msr_write(apic, 0x1b, APIC_BASE | 0x900)); /* x2APIC to xAPIC */
    assert_false(apic_msr_write(apic, 0x1b, 0x10000d00));        /* another base */
    assert_false(apic_msr_write(apic, 0x80b, 1));                /* EOI takes 0 only */
    assert_false(apic_msr_write(apic, 0x802, 0));                /* the ID is read-only */
    assert_false(apic_msr_read(apic, 0x80b, &value));
    assert_true(apic_msr_write(apic, 0x83f, 0x55)); /* self IPI */
    assert_int_equal(apic_pending(apic), 0x55);
    assert_int_equal(apic_in(m, APIC_REG_VERSION), 0xffffffff); /* no memory interface */
    machine_destroy(m);
}

static void apic_timers(void **state)
{
    (void)state;
    struct machine *m = with_apic(1);
    struct apic *apic = &m->vm.vcpu[0].apic;
    apic_out(m, APIC_REG_DIVIDE, 0xb); /* by 1 */
    apic_out(m, APIC_REG_LVT_TIMER, 0x30);
    apic_out(m, APIC_REG_INITIAL_COUNT, 1000);
    machine_advance(m, 400);
    assert_in_range(apic_in(m, APIC_REG_CURRENT_COUNT), 599, 601);
    assert_int_equal(apic_pending(apic), -1);
    machine_advance(m, 700);
    assert_int_equal(apic_pending(apic), 0x30);
    assert_int_equal(apic_in(m, APIC_REG_CURRENT_COUNT), 0);
    apic_accept(apic, 0x30);
    apic_out(m, APIC_REG_EOI, 0);

    uint64_t value;
    apic_out(m, APIC_REG_LVT_TIMER, 0x31 | LVT_TIMER_TSC);
    uint64_t deadline = m->now + apic->tsc_offset + 5000;
    assert_true(apic_msr_write(apic, 0x6e0, deadline));
    assert_true(apic_msr_read(apic, 0x6e0, &value));
    assert_int_equal(value, deadline);
    machine_advance(m, 4999);
    assert_int_equal(apic_pending(apic), -1);
    machine_advance(m, 1);
    assert_int_equal(apic_pending(apic), 0x31);
    assert_true(apic_msr_read(apic, 0x6e0, &value));
    assert_int_equal(value, 0);
    machine_destroy(m);
}

static void ioapic_level_and_edge(void **state)
{
    (void)state;
    struct machine *m = with_apic(1);
    struct apic *apic = &m->vm.vcpu[0].apic;
    ioapic_entry(m, 20, 0x8000 | 0x44);
    irq_set_gsi(&m->vm.irq, 20, true);
    assert_int_equal(apic_pending(apic), 0x44);
    apic_accept(apic, 0x44);
    apic_out(m, APIC_REG_EOI, 0); /* the line is still up: again */
    assert_int_equal(apic_pending(apic), 0x44);
    apic_accept(apic, 0x44);
    irq_set_gsi(&m->vm.irq, 20, false);
    apic_out(m, APIC_REG_EOI, 0);
    assert_int_equal(apic_pending(apic), -1);
    ioapic_entry(m, 2, 0x45);
    irq_pulse_isa(&m->vm.irq, 0); /* ISA 0 stands on pin 2 */
    assert_int_equal(apic_pending(apic), 0x45);
    machine_destroy(m);
}

static void pic_pair(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct pic *pic = &m->vm.pic;
    machine_start_pic(m);
    irq_set_isa(&m->vm.irq, 10, true);
    assert_true(m->vm.vcpu[0].extint);
    assert_int_equal(pic_acknowledge(pic), 0x2a);
    assert_false(m->vm.vcpu[0].extint);
    irq_set_isa(&m->vm.irq, 1, true); /* higher than the cascade */
    assert_int_equal(pic_acknowledge(pic), 0x21);
    machine_out(m, 0x20, 1, 0x20);
    irq_set_isa(&m->vm.irq, 11, true); /* lower than 10, in service */
    assert_false(m->vm.vcpu[0].extint);
    machine_out(m, 0xa0, 1, 0x20);
    machine_out(m, 0x20, 1, 0x20);
    assert_true(m->vm.vcpu[0].extint);
    assert_int_equal(pic_acknowledge(pic), 0x2b);
    assert_int_equal(pic_acknowledge(pic), 0x27); /* nothing there: spurious */
    machine_destroy(m);
}

static void hpet_fires(void **state)
{
    (void)state;
    struct machine *m = with_apic(1);
    struct apic *apic = &m->vm.vcpu[0].apic;
    assert_int_equal(bus_read(&m->vm.mmio, HPET_BASE + 4, 4), HPET_PERIOD_FS);
    ioapic_entry(m, 2, 0x46);
    bus_write(&m->vm.mmio, HPET_BASE + 0x10, 4, 3);       /* enable, legacy */
    bus_write(&m->vm.mmio, HPET_BASE + 0x100, 4, 0x4c);   /* periodic, set value */
    bus_write(&m->vm.mmio, HPET_BASE + 0x108, 8, 100000); /* first at 1 ms */
    bus_write(&m->vm.mmio, HPET_BASE + 0x108, 8, 100000); /* period 1 ms */
    unsigned fired = 0;
    for (unsigned i = 0; i < 100; i++) {
        machine_advance(m, 100000);
        if (apic_pending(apic) == 0x46) {
            fired++;
            apic_accept(apic, 0x46);
            apic_out(m, APIC_REG_EOI, 0);
        }
    }
    assert_in_range(fired, 9, 11);
    assert_in_range(bus_read(&m->vm.mmio, HPET_BASE + 0xf0, 8), 999990, 1000010);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apic_priorities), cmocka_unit_test(apic_ipis),
        cmocka_unit_test(apic_messages),   cmocka_unit_test(apic_x2apic_mode),
        cmocka_unit_test(apic_timers),     cmocka_unit_test(ioapic_level_and_edge),
        cmocka_unit_test(pic_pair),        cmocka_unit_test(hpet_fires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
