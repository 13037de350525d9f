/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The serial port, by the ports that a guest uses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "machine.h"

static void uart_transmits_and_receives(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    machine_start_pic(m);
    machine_out(m, 0x3fa, 1, 0x01);
    machine_out(m, 0x3fc, 1, 0x0b);
    machine_out(m, 0x3f8, 1, 'h');
    machine_out(m, 0x3f8, 1, 'i');
    assert_string_equal(m->output, "hi");
    assert_int_equal(machine_in(m, 0x3fd, 1), 0x60);
    machine_out(m, 0x3f9, 1, 0x01);
    for (unsigned i = 0; i < 17; i++)
        uart_receive(&m->vm.uart, (uint8_t)('a' + i));
    assert_int_equal(pic_acknowledge(&m->vm.pic), 0x24);
    assert_int_equal(machine_in(m, 0x3fd, 1), 0x63); /* data ready, overrun */
    assert_int_equal(machine_in(m, 0x3fd, 1), 0x61); /* read once */
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(machine_in(m, 0x3f8, 1), 'a' + i);
    assert_int_equal(machine_in(m, 0x3fd, 1), 0x60);
    assert_int_equal(machine_in(m, 0x3fa, 1) & 0x0f, 0x01);
    machine_out(m, 0x3f9, 1, 0x02); /* THR empty */
    assert_int_equal(machine_in(m, 0x3fa, 1) & 0x0f, 0x02);
    assert_int_equal(machine_in(m, 0x3fa, 1) & 0x0f, 0x01);
    machine_out(m, 0x3fc, 1, 0x1f); /* loopback */
    machine_out(m, 0x3f8, 1, 'x');
    assert_int_equal(machine_in(m, 0x3f8, 1), 'x');
    assert_string_equal(m->output, "hi");
    machine_destroy(m);
}

static void uart_waits_for_the_line(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    machine_start_pic(m);
    machine_out(m, 0x3fa, 1, 0x01);
    machine_out(m, 0x3fc, 1, 0x0b);
    m->output_full = true;
    machine_out(m, 0x3f8, 1, 'a');
    assert_int_equal(machine_in(m, 0x3fd, 1), 0); /* not empty */
    machine_out(m, 0x3f9, 1, 0x02);
    assert_int_equal(machine_in(m, 0x3fa, 1) & 0x0f, 0x01); /* no THR-empty interrupt */
    for (unsigned i = 1; i < 18; i++)
        machine_out(m, 0x3f8, 1, 'a' + i); /* the last two find the FIFO full */
    assert_int_equal(m->output_length, 0);
    m->output_full = false;
    machine_advance(m, 1000000); /* it is looked again each millisecond */
    assert_string_equal(m->output, "abcdefghijklmnop");
    assert_int_equal(pic_acknowledge(&m->vm.pic), 0x24);
    assert_int_equal(machine_in(m, 0x3fa, 1) & 0x0f, 0x02);
    assert_int_equal(machine_in(m, 0x3fd, 1), 0x60);
    /* A guest that asks need not wait for that. */
    m->output_full = true;
    machine_out(m, 0x3f8, 1, 'q');
    m->output_full = false;
    assert_int_equal(machine_in(m, 0x3fd, 1), 0x60);
    assert_string_equal(m->output, "abcdefghijklmnopq");
    /* Clearing the FIFO, and a reset, forget what waits. */
    m->output_full = true;
    machine_out(m, 0x3f8, 1, 'r');
    machine_out(m, 0x3fa, 1, 0x05);
    assert_int_equal(machine_in(m, 0x3fd, 1), 0x60);
    machine_out(m, 0x3f8, 1, 's');
    uart_reset(&m->vm.uart);
    assert_int_equal(machine_in(m, 0x3fd, 1), 0x60);
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
    machine_out(m, 0x3f8, 1, 'a');
    for (unsigned i = 0; i < 9999; i++) {
        machine_advance(m, 1000000);
        assert_int_equal(machine_in(m, 0x3fd, 1), 0);
    }
    machine_advance(m, 2000000);
    assert_int_equal(machine_in(m, 0x3fd, 1), 0x60);
    machine_out(m, 0x3f8, 1, 'b');
    assert_int_equal(machine_in(m, 0x3fd, 1), 0x60);
    m->output_full = false;
    machine_out(m, 0x3f8, 1, 'c');
    assert_string_equal(m->output, "c");
    m->output_full = true; /* and comes back */
    machine_out(m, 0x3f8, 1, 'd');
    assert_int_equal(machine_in(m, 0x3fd, 1), 0);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uart_transmits_and_receives),
        cmocka_unit_test(uart_waits_for_the_line),
        cmocka_unit_test(uart_goes_on_without_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
