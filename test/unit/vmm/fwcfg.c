/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fw_cfg, by the ports that a guest uses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "machine.h"

static void fwcfg_reads(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    static const uint8_t data[5] = {1, 2, 3, 4, 5};
    assert_true(fwcfg_add_file(&m->vm.fwcfg, "etc/test", data, sizeof(data)));
    machine_out(m, FWCFG_PORT, 2, FWCFG_SIGNATURE);
    assert_int_equal(machine_in(m, FWCFG_PORT + 1, 1), 'Q');
    assert_int_equal(machine_in(m, FWCFG_PORT + 1, 1), 'E');
    /* By DMA: select, read 8 bytes of which 5 exist. */
    static const uint8_t descriptor[16] = {0, 0x20, 0, 0x0a, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0x20, 0};
    memcpy(m->memory + 0x1000, descriptor, 16);
    memset(m->memory + 0x2000, 0xff, 16);
    machine_out(m, FWCFG_PORT + 8, 4, __builtin_bswap32(0x1000));
    assert_memory_equal(m->memory + 0x2000, "\1\2\3\4\5\0\0\0\xff", 9);
    assert_int_equal(m->memory[0x1003], 0);
    /* Outside RAM: an error, not an access. */
    static const uint8_t bad[16] = {0, 0x20, 0, 0x0a, 0, 0, 0, 8, 0, 0, 0, 0, 0xff, 0, 0, 0};
    memcpy(m->memory + 0x1000, bad, 16);
    machine_out(m, FWCFG_PORT + 8, 4, __builtin_bswap32(0x1000));
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
        machine_out(m, FWCFG_PORT, 2, FWCFG_FILES);
        for (unsigned i = 0; i < length; i++) {
            assert_int_equal(data[2], 9);
            assert_int_equal(machine_in(m, FWCFG_PORT + 1, 1), 7 + i);
        }
    }
    assert_memory_equal(data, "\0\0\0", 3);
    machine_out(m, FWCFG_PORT, 2, FWCFG_FILES);
    assert_int_equal(machine_in(m, FWCFG_PORT + 1, 1), 0);
    machine_out(m, FWCFG_PORT, 2, FWCFG_FILES + 1);
    for (unsigned turn = 0; turn < 2; turn++) {
        machine_out(m, FWCFG_PORT, 2, FWCFG_FILES + 1);
        assert_int_equal(machine_in(m, FWCFG_PORT + 1, 1), 1);
        assert_int_equal(machine_in(m, FWCFG_PORT + 1, 1), 2);
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
    machine_out(m, FWCFG_PORT + 8, 4, __builtin_bswap32(0x1000));
    assert_memory_equal(m->memory + 0x2000, "\7\10\11\0", 4);
    assert_memory_equal(data, "\0\0\0", 3);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fwcfg_reads),
        cmocka_unit_test(fwcfg_secret_once),
        cmocka_unit_test(fwcfg_secret_by_dma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
