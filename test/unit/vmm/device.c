/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Device models, by the ports and registers that a guest uses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "machine.h"
#include "vmm/device/apic_internal.h"

static uint64_t in(struct machine *m, uint64_t port, unsigned size)
{
    return bus_read(&m->vm.ports, port, size);
}

static void out(struct machine *m, uint64_t port, unsigned size, uint64_t value)
{
    bus_write(&m->vm.ports, port, size, value);
}

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

static void bus_is_strict(void **state)
{
    (void)state;
    struct bus bus = {0};
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    assert_int_equal(bus_add(&bus, 0x100, 0x10, &uart_operations, &m->vm.uart), BUS_OK);
    assert_int_equal(bus_add(&bus, 0x10f, 1, &uart_operations, NULL), BUS_ERROR_OVERLAP);
    assert_int_equal(bus_add(&bus, 0xf0, 0x11, &uart_operations, NULL), BUS_ERROR_OVERLAP);
    assert_int_equal(bus_add(&bus, UINT64_MAX, 2, &uart_operations, NULL), BUS_ERROR_OVERLAP);
    assert_int_equal(bus_add(&bus, 0x110, 0, &uart_operations, NULL), BUS_ERROR_OVERLAP);
    assert_null(bus_find(&bus, 0xff));
    assert_non_null(bus_find(&bus, 0x10f));
    assert_int_equal(bus_read(&bus, 0x10e, 4), 0xffffffff);
    assert_int_equal(in(m, 0x1234, 2), 0xffff);
    machine_destroy(m);
}

static void ratios(void **state)
{
    (void)state;
    struct ratio r = ratio_make(1193182, 2096012345);
    assert_int_equal(ratio_apply(r, 2096012345ull * 1000), 1193182ull * 1000 - 1);
    assert_int_equal(ratio_apply(r, 2096012346ull * 1000), 1193182ull * 1000);
    assert_int_equal(ratio_apply(ratio_make(3, 1), 7), 21);
    assert_int_equal(ratio_apply(ratio_make(1, 3), 9), 2); /* rounded down, at most one off */
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

static void pic_initialise(struct machine *m)
{
    static const uint8_t icw[2][4] = {{0x11, 0x20, 0x04, 0x01}, {0x11, 0x28, 0x02, 0x01}};
    for (unsigned chip = 0; chip < 2; chip++) {
        uint64_t port = chip == 0 ? 0x20 : 0xa0;
        out(m, port, 1, icw[chip][0]);
        for (unsigned i = 1; i < 4; i++)
            out(m, port + 1, 1, icw[chip][i]);
        out(m, port + 1, 1, 0);
    }
}

static void pic_pair(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct pic *pic = &m->vm.pic;
    pic_initialise(m);
    irq_set_isa(&m->vm.irq, 10, true);
    assert_true(m->vm.vcpu[0].extint);
    assert_int_equal(pic_acknowledge(pic), 0x2a);
    assert_false(m->vm.vcpu[0].extint);
    irq_set_isa(&m->vm.irq, 1, true); /* higher than the cascade */
    assert_int_equal(pic_acknowledge(pic), 0x21);
    out(m, 0x20, 1, 0x20);
    irq_set_isa(&m->vm.irq, 11, true); /* lower than 10, in service */
    assert_false(m->vm.vcpu[0].extint);
    out(m, 0xa0, 1, 0x20);
    out(m, 0x20, 1, 0x20);
    assert_true(m->vm.vcpu[0].extint);
    assert_int_equal(pic_acknowledge(pic), 0x2b);
    assert_int_equal(pic_acknowledge(pic), 0x27); /* nothing there: spurious */
    machine_destroy(m);
}

static void pit_counts(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    pic_initialise(m);
    out(m, 0x43, 1, 0x34); /* channel 0, both bytes, rate generator */
    out(m, 0x40, 1, 0xa9);
    out(m, 0x40, 1, 0x04); /* 1193: a millisecond */
    unsigned ticks = 0;
    for (unsigned i = 0; i < 1000; i++) {
        machine_advance(m, 100000);
        if (m->vm.vcpu[0].extint) {
            assert_int_equal(pic_acknowledge(&m->vm.pic), 0x20);
            out(m, 0x20, 1, 0x20);
            ticks++;
        }
    }
    assert_in_range(ticks, 99, 101);
    /* Channel 2 in mode 0 shows its output at port 0x61. */
    out(m, 0x61, 1, 1);
    out(m, 0x43, 1, 0xb0);
    out(m, 0x42, 1, 0xa9);
    out(m, 0x42, 1, 0x04);
    assert_int_equal(in(m, 0x61, 1) & 0x20, 0);
    machine_advance(m, 1001000);
    assert_int_equal(in(m, 0x61, 1) & 0x20, 0x20);
    machine_destroy(m);
}

static uint8_t cmos(struct machine *m, uint8_t index)
{
    out(m, 0x70, 1, index);
    return (uint8_t)in(m, 0x71, 1);
}

static void rtc_tells_time(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    /* 1700000000 is 2023-11-14 22:13:20 UTC, a Tuesday. */
    assert_int_equal(cmos(m, 0), 0x20);
    assert_int_equal(cmos(m, 2), 0x13);
    assert_int_equal(cmos(m, 4), 0x22);
    assert_int_equal(cmos(m, 6), 3);
    assert_int_equal(cmos(m, 7), 0x14);
    assert_int_equal(cmos(m, 8), 0x11);
    assert_int_equal(cmos(m, 9), 0x23);
    assert_int_equal(cmos(m, 0x32), 0x20);
    machine_advance(m, 45ull * 1000000000);
    assert_int_equal(cmos(m, 0), 0x05);
    assert_int_equal(cmos(m, 2), 0x14);
    /* Set: 2024-02-29 23:59:58, then over midnight. */
    static const uint8_t set[][2] = {{11, 0x82}, {0, 0x58}, {2, 0x59},    {4, 0x23}, {7, 0x29},
                                     {8, 0x02},  {9, 0x24}, {0x32, 0x20}, {11, 0x02}};
    for (unsigned i = 0; i < sizeof(set) / sizeof(set[0]); i++)
        out(m, 0x70, 2, set[i][0] | (uint64_t)set[i][1] << 8); /* index and data in one access */
    machine_advance(m, 3ull * 1000000000);
    assert_int_equal(cmos(m, 7), 0x01);
    assert_int_equal(cmos(m, 8), 0x03);
    assert_int_equal(cmos(m, 4), 0x00);
    machine_destroy(m);
}

static void rtc_update_interrupt(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    pic_initialise(m);
    out(m, 0x70, 2, 11 | 0x12 << 8);
    machine_advance(m, 1100000000);
    assert_true(m->vm.vcpu[0].extint);
    assert_int_equal(pic_acknowledge(&m->vm.pic), 0x28);
    assert_int_equal(cmos(m, 12), 0x90);
    assert_int_equal(cmos(m, 12), 0x00);
    machine_destroy(m);
}

static void uart_transmits_and_receives(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    pic_initialise(m);
    out(m, 0x3fa, 1, 0x01);
    out(m, 0x3fc, 1, 0x0b);
    out(m, 0x3f8, 1, 'h');
    out(m, 0x3f8, 1, 'i');
    assert_string_equal(m->output, "hi");
    assert_int_equal(in(m, 0x3fd, 1), 0x60);
    out(m, 0x3f9, 1, 0x01);
    for (unsigned i = 0; i < 17; i++)
        uart_receive(&m->vm.uart, (uint8_t)('a' + i));
    assert_int_equal(pic_acknowledge(&m->vm.pic), 0x24);
    assert_int_equal(in(m, 0x3fd, 1), 0x63); /* data ready, overrun */
    assert_int_equal(in(m, 0x3fd, 1), 0x61); /* read once */
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(in(m, 0x3f8, 1), 'a' + i);
    assert_int_equal(in(m, 0x3fd, 1), 0x60);
    assert_int_equal(in(m, 0x3fa, 1) & 0x0f, 0x01);
    out(m, 0x3f9, 1, 0x02); /* THR empty */
    assert_int_equal(in(m, 0x3fa, 1) & 0x0f, 0x02);
    assert_int_equal(in(m, 0x3fa, 1) & 0x0f, 0x01);
    out(m, 0x3fc, 1, 0x1f); /* loopback */
    out(m, 0x3f8, 1, 'x');
    assert_int_equal(in(m, 0x3f8, 1), 'x');
    assert_string_equal(m->output, "hi");
    machine_destroy(m);
}

static void uart_waits_for_the_line(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    pic_initialise(m);
    out(m, 0x3fa, 1, 0x01);
    out(m, 0x3fc, 1, 0x0b);
    m->output_full = true;
    out(m, 0x3f8, 1, 'a');
    assert_int_equal(in(m, 0x3fd, 1), 0); /* not empty */
    out(m, 0x3f9, 1, 0x02);
    assert_int_equal(in(m, 0x3fa, 1) & 0x0f, 0x01); /* no THR-empty interrupt */
    for (unsigned i = 1; i < 18; i++)
        out(m, 0x3f8, 1, 'a' + i); /* the last two find the FIFO full */
    assert_int_equal(m->output_length, 0);
    m->output_full = false;
    machine_advance(m, 1000000); /* it is looked again each millisecond */
    assert_string_equal(m->output, "abcdefghijklmnop");
    assert_int_equal(pic_acknowledge(&m->vm.pic), 0x24);
    assert_int_equal(in(m, 0x3fa, 1) & 0x0f, 0x02);
    assert_int_equal(in(m, 0x3fd, 1), 0x60);
    /* A guest that asks need not wait for that. */
    m->output_full = true;
    out(m, 0x3f8, 1, 'q');
    m->output_full = false;
    assert_int_equal(in(m, 0x3fd, 1), 0x60);
    assert_string_equal(m->output, "abcdefghijklmnopq");
    /* Clearing the FIFO, and a reset, forget what waits. */
    m->output_full = true;
    out(m, 0x3f8, 1, 'r');
    out(m, 0x3fa, 1, 0x05);
    assert_int_equal(in(m, 0x3fd, 1), 0x60);
    out(m, 0x3f8, 1, 's');
    uart_reset(&m->vm.uart);
    assert_int_equal(in(m, 0x3fd, 1), 0x60);
    m->output_full = false;
    machine_advance(m, 1000000);
    assert_string_equal(m->output, "abcdefghijklmnopq");
    machine_destroy(m);
}

/* A console that takes nothing for ten seconds is gone: the guest goes on. */
static void uart_goes_on_without_a_line(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    m->output_full = true;
    out(m, 0x3f8, 1, 'a');
    for (unsigned i = 0; i < 9999; i++) {
        machine_advance(m, 1000000);
        assert_int_equal(in(m, 0x3fd, 1), 0);
    }
    machine_advance(m, 2000000);
    assert_int_equal(in(m, 0x3fd, 1), 0x60);
    out(m, 0x3f8, 1, 'b');
    assert_int_equal(in(m, 0x3fd, 1), 0x60);
    m->output_full = false;
    out(m, 0x3f8, 1, 'c');
    assert_string_equal(m->output, "c");
    m->output_full = true; /* and comes back */
    out(m, 0x3f8, 1, 'd');
    assert_int_equal(in(m, 0x3fd, 1), 0);
    machine_destroy(m);
}

static void power_states(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    uint64_t before = in(m, POWER_TIMER, 4);
    machine_advance(m, 1000000000);
    assert_in_range((in(m, POWER_TIMER, 4) - before) & 0xffffff, 3579544, 3579546);
    pic_initialise(m);
    out(m, POWER_PM1_EVENT + 2, 2, 1u << 8);
    power_button(&m->vm.power);
    assert_int_equal(pic_acknowledge(&m->vm.pic), 0x29);
    out(m, POWER_PM1_EVENT, 2, 1u << 8);
    assert_int_equal(in(m, POWER_PM1_EVENT, 2), 0);
    assert_int_equal(m->vm.state, VM_RUNNING);
    out(m, POWER_PM1_CTRL, 2, 5u << 10 | 1u << 13);
    assert_int_equal(m->vm.state, VM_OFF);
    machine_destroy(m);
}

static void resets(void **state)
{
    (void)state;
    static const struct {
        uint16_t port;
        uint8_t value;
    } ways[] = {{0xcf9, 0x06}, {0x64, 0xfe}, {0x92, 0x01}};
    for (unsigned i = 0; i < 3; i++) {
        struct machine *m = machine_create(1, VM_VENDOR_AMD);
        out(m, ways[i].port, 1, ways[i].value);
        assert_int_equal(m->vm.state, VM_RESET);
        machine_destroy(m);
    }
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

static void pci_configuration(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    assert_int_equal(bus_read(&m->vm.mmio, PCI_ECAM_BASE, 4), 0x29c08086);
    assert_int_equal(bus_read(&m->vm.mmio, PCI_ECAM_BASE + (30u << 15), 4), 0xffffffff);
    out(m, 0xcf8, 4, 0x8000f800);
    assert_int_equal(in(m, 0xcfc, 4), 0x29188086);
    assert_int_equal(in(m, 0xcfe, 2), 0x2918);
    assert_int_equal(in(m, 0xcf8, 4), 0x8000f800);
    bus_write(&m->vm.mmio, PCI_ECAM_BASE, 4, 0); /* read-only */
    assert_int_equal(bus_read(&m->vm.mmio, PCI_ECAM_BASE, 2), 0x8086);
    assert_int_equal(bus_read(&m->vm.mmio, PCI_ECAM_BASE + (1u << 20), 4), 0xffffffff);
    machine_destroy(m);
}

static void fwcfg_reads(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    static const uint8_t data[5] = {1, 2, 3, 4, 5};
    assert_true(fwcfg_add_file(&m->vm.fwcfg, "etc/test", data, sizeof(data)));
    out(m, FWCFG_PORT, 2, FWCFG_SIGNATURE);
    assert_int_equal(in(m, FWCFG_PORT + 1, 1), 'Q');
    assert_int_equal(in(m, FWCFG_PORT + 1, 1), 'E');
    /* By DMA: select, read 8 bytes of which 5 exist. */
    static const uint8_t descriptor[16] = {0, 0x20, 0, 0x0a, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0x20, 0};
    memcpy(m->memory + 0x1000, descriptor, 16);
    memset(m->memory + 0x2000, 0xff, 16);
    out(m, FWCFG_PORT + 8, 4, __builtin_bswap32(0x1000));
    assert_memory_equal(m->memory + 0x2000, "\1\2\3\4\5\0\0\0\xff", 9);
    assert_int_equal(m->memory[0x1003], 0);
    /* Outside RAM: an error, not an access. */
    static const uint8_t bad[16] = {0, 0x20, 0, 0x0a, 0, 0, 0, 8, 0, 0, 0, 0, 0xff, 0, 0, 0};
    memcpy(m->memory + 0x1000, bad, 16);
    out(m, FWCFG_PORT + 8, 4, __builtin_bswap32(0x1000));
    assert_int_equal(m->memory[0x1003], 1);
    machine_destroy(m);
}

/* Byte by byte up to the last one it is there, and not after that; the rest of the directory is as
 * it was. */
static void fwcfg_secret_once(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    uint8_t data[3] = {7, 8, 9};
    uint8_t other[2] = {1, 2};
    assert_true(fwcfg_add_secret(&m->vm.fwcfg, "opt/quoin/secret/key", data, sizeof(data)));
    assert_true(fwcfg_add_file(&m->vm.fwcfg, "opt/test", other, sizeof(other)));
    for (unsigned length = 1; length <= 3; length++) {
        out(m, FWCFG_PORT, 2, FWCFG_FILES);
        for (unsigned i = 0; i < length; i++) {
            assert_int_equal(data[2], 9);
            assert_int_equal(in(m, FWCFG_PORT + 1, 1), 7 + i);
        }
    }
    assert_memory_equal(data, "\0\0\0", 3);
    out(m, FWCFG_PORT, 2, FWCFG_FILES);
    assert_int_equal(in(m, FWCFG_PORT + 1, 1), 0);
    out(m, FWCFG_PORT, 2, FWCFG_FILES + 1);
    for (unsigned turn = 0; turn < 2; turn++) {
        out(m, FWCFG_PORT, 2, FWCFG_FILES + 1);
        assert_int_equal(in(m, FWCFG_PORT + 1, 1), 1);
        assert_int_equal(in(m, FWCFG_PORT + 1, 1), 2);
    }
    machine_destroy(m);
}

/* By DMA in one piece, longer than it is. */
static void fwcfg_secret_by_dma(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    uint8_t data[3] = {7, 8, 9};
    assert_true(fwcfg_add_secret(&m->vm.fwcfg, "opt/quoin/secret/key", data, sizeof(data)));
    static const uint8_t descriptor[16] = {0, 0x20, 0, 0x0a, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0x20, 0};
    memcpy(m->memory + 0x1000, descriptor, 16);
    out(m, FWCFG_PORT + 8, 4, __builtin_bswap32(0x1000));
    assert_memory_equal(m->memory + 0x2000, "\7\10\11\0", 4);
    assert_memory_equal(data, "\0\0\0", 3);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bus_is_strict),
        cmocka_unit_test(ratios),
        cmocka_unit_test(apic_priorities),
        cmocka_unit_test(apic_ipis),
        cmocka_unit_test(apic_x2apic_mode),
        cmocka_unit_test(apic_timers),
        cmocka_unit_test(ioapic_level_and_edge),
        cmocka_unit_test(pic_pair),
        cmocka_unit_test(pit_counts),
        cmocka_unit_test(rtc_tells_time),
        cmocka_unit_test(rtc_update_interrupt),
        cmocka_unit_test(uart_transmits_and_receives),
        cmocka_unit_test(uart_waits_for_the_line),
        cmocka_unit_test(uart_goes_on_without_a_line),
        cmocka_unit_test(power_states),
        cmocka_unit_test(resets),
        cmocka_unit_test(hpet_fires),
        cmocka_unit_test(pci_configuration),
        cmocka_unit_test(fwcfg_reads),
        cmocka_unit_test(fwcfg_secret_once),
        cmocka_unit_test(fwcfg_secret_by_dma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
