/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Device models, by the ports and registers that a guest uses: those without a file of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "machine.h"

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
    assert_int_equal(machine_in(m, 0x1234, 2), 0xffff);
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

static void pit_counts(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    machine_start_pic(m);
    machine_out(m, 0x43, 1, 0x34); /* channel 0, both bytes, rate generator */
    machine_out(m, 0x40, 1, 0xa9);
    machine_out(m, 0x40, 1, 0x04); /* 1193: a millisecond */
    unsigned ticks = 0;
    for (unsigned i = 0; i < 1000; i++) {
        machine_advance(m, 100000);
        if (m->vm.vcpu[0].extint) {
            assert_int_equal(pic_acknowledge(&m->vm.pic), 0x20);
            machine_out(m, 0x20, 1, 0x20);
            ticks++;
        }
    }
    assert_in_range(ticks, 99, 101);
    /* Channel 2 in mode 0 shows its output at port 0x61. */
    machine_out(m, 0x61, 1, 1);
    machine_out(m, 0x43, 1, 0xb0);
    machine_out(m, 0x42, 1, 0xa9);
    machine_out(m, 0x42, 1, 0x04);
    assert_int_equal(machine_in(m, 0x61, 1) & 0x20, 0);
    machine_advance(m, 1001000);
    assert_int_equal(machine_in(m, 0x61, 1) & 0x20, 0x20);
    machine_destroy(m);
}

static uint8_t cmos(struct machine *m, uint8_t index)
{
    machine_out(m, 0x70, 1, index);
    return (uint8_t)machine_in(m, 0x71, 1);
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
        machine_out(m, 0x70, 2,
                    set[i][0] | (uint64_t)set[i][1] << 8); /* index and data in one access */
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
    machine_start_pic(m);
    machine_out(m, 0x70, 2, 11 | 0x12 << 8);
    machine_advance(m, 1100000000);
    assert_true(m->vm.vcpu[0].extint);
    assert_int_equal(pic_acknowledge(&m->vm.pic), 0x28);
    assert_int_equal(cmos(m, 12), 0x90);
    assert_int_equal(cmos(m, 12), 0x00);
    machine_destroy(m);
}

static void power_states(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    uint64_t before = machine_in(m, POWER_TIMER, 4);
    machine_advance(m, 1000000000);
    assert_in_range((machine_in(m, POWER_TIMER, 4) - before) & 0xffffff, 3579544, 3579546);
    machine_start_pic(m);
    machine_out(m, POWER_PM1_EVENT + 2, 2, 1u << 8);
    power_button(&m->vm.power);
    assert_int_equal(pic_acknowledge(&m->vm.pic), 0x29);
    machine_out(m, POWER_PM1_EVENT, 2, 1u << 8);
    assert_int_equal(machine_in(m, POWER_PM1_EVENT, 2), 0);
    assert_int_equal(m->vm.state, VM_RUNNING);
    machine_out(m, POWER_PM1_CTRL, 2, 5u << 10 | 1u << 13);
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
        machine_out(m, ways[i].port, 1, ways[i].value);
        assert_int_equal(m->vm.state, VM_RESET);
        machine_destroy(m);
    }
}

static void pci_configuration(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    assert_int_equal(bus_read(&m->vm.mmio, PCI_ECAM_BASE, 4), 0x29c08086);
    assert_int_equal(bus_read(&m->vm.mmio, PCI_ECAM_BASE + (30u << 15), 4), 0xffffffff);
    machine_out(m, 0xcf8, 4, 0x8000f800);
    assert_int_equal(machine_in(m, 0xcfc, 4), 0x29188086);
    assert_int_equal(machine_in(m, 0xcfe, 2), 0x2918);
    assert_int_equal(machine_in(m, 0xcf8, 4), 0x8000f800);
    bus_write(&m->vm.mmio, PCI_ECAM_BASE, 4, 0); /* read-only */
    assert_int_equal(bus_read(&m->vm.mmio, PCI_ECAM_BASE, 2), 0x8086);
    assert_int_equal(bus_read(&m->vm.mmio, PCI_ECAM_BASE + (1u << 20), 4), 0xffffffff);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bus_is_strict),
        cmocka_unit_test(ratios),
        cmocka_unit_test(pit_counts),
        cmocka_unit_test(rtc_tells_time),
        cmocka_unit_test(rtc_update_interrupt),
        cmocka_unit_test(power_states),
        cmocka_unit_test(resets),
        cmocka_unit_test(pci_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
