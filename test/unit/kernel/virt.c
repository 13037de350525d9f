/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The parts of virtualization that only compute: formats of events and segments, maps of MSRs, and
 * lists of ports against a plain map of all ports.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "x86/svm/svm.h"
#include "x86/vmx/vmx.h"

enum { VCPU_SIZE = 1 << VCPU_BITS, PORTS = 0x10000 };

/* Called when ports are revoked: that it is called for the right VCPU is what counts here. */
static struct vcpu *quiesced;
void vcpu_quiesce(struct vcpu *v)
{
    quiesced = v;
}

static struct vcpu *vcpu_make(void)
{
    struct vcpu *v = aligned_alloc(VCPU_SIZE, VCPU_SIZE);
    assert_non_null(v);
    memset(v, 0, VCPU_SIZE);
    memset(vcpu_msr_map(v), 0xff, 2 * PAGE_SIZE);
    return v;
}

static void test_segment_rights(void **state)
{
    (void)state;
    /* 64-bit code, 32-bit data with granularity, busy TSS (SDM vol. 3, 3.4.5; APM 15.5.1). */
    assert_int_equal(svm_attributes_from_vmx(0xa09b), 0xa9b);
    assert_int_equal(svm_attributes_from_vmx(0xc093), 0xc93);
    assert_int_equal(svm_attributes_from_vmx(0x008b), 0x08b);
    for (uint32_t rights = 0; rights <= 0xffff; rights++) {
        if ((rights & ~RIGHTS_DEFINED) == 0 && (rights & RIGHTS_PRESENT))
            assert_int_equal(svm_attributes_to_vmx(svm_attributes_from_vmx(rights)), rights);
    }
    assert_true(svm_attributes_to_vmx(svm_attributes_from_vmx(0x1c093)) & RIGHTS_UNUSABLE);
}

static void test_events(void **state)
{
    (void)state;
    assert_true(svm_event_from_vmx(0x20, 0) == 0); /* not valid */
    assert_true(svm_event_from_vmx(EVENT_VALID | 0x20, 7) == 0x80000020);
    /* A page fault with its error code. */
    assert_true(svm_event_from_vmx(0x80000b0e, 6) == 0x680000b0eull);
    assert_int_equal(svm_event_to_vmx(0x680000b0eull), 0x80000b0e);
    assert_true(svm_event_from_vmx(0x80000202, 0) == 0x80000202); /* NMI */
    assert_true(svm_event_from_vmx(0x80000603, 0) == 0x80000303); /* INT3 */
    assert_int_equal(svm_event_to_vmx(0x80000303), 0x80000603);
    assert_true(svm_event_from_vmx(0x80000480, 0) == 0x80000480); /* INT 0x80 */
    assert_int_equal(svm_event_to_vmx(0x480), 0);
}

/* Bits that differ between a map and one that lets nothing through. */
static unsigned cleared(struct vcpu *v, uint32_t *at)
{
    const uint8_t *map = vcpu_msr_map(v);
    unsigned count = 0;
    for (uint32_t i = 0; i < 2 * PAGE_SIZE * 8; i++) {
        if (!(map[i / 8] >> i % 8 & 1)) {
            *at = i;
            count++;
        }
    }
    return count;
}

static void test_msr_maps(void **state)
{
    /* Bit numbers: APM 15.11 (two an MSR), SDM vol. 3, 25.6.9. */
    static const struct {
        uint32_t msr, svm_read, vmx_read, vmx_write;
    } cases[] = {
        {0, 0, 0, 0x800 * 8},
        {0x174, 0x174 * 2, 0x174, 0x800 * 8 + 0x174},
        {0x1fff, 0x3ffe, 0x1fff, 0x800 * 8 + 0x1fff},
        {0xc0000080, 0x800 * 8 + 0x100, 0x400 * 8 + 0x80, 0xc00 * 8 + 0x80},
        {0xc0001fff, 0x800 * 8 + 0x3ffe, 0x400 * 8 + 0x1fff, 0xc00 * 8 + 0x1fff},
    };
    (void)state;
    struct vcpu *v = vcpu_make();
    uint32_t at = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t msr = cases[i].msr;
        svm_allow_msr(v, msr, true, false);
        assert_int_equal(cleared(v, &at), 1);
        assert_int_equal(at, cases[i].svm_read);
        svm_allow_msr(v, msr, false, true);
        assert_int_equal(cleared(v, &at), 1);
        assert_int_equal(at, cases[i].svm_read + 1);
        svm_allow_msr(v, msr, false, false);
        vmx_allow_msr(v, msr, true, false);
        assert_int_equal(cleared(v, &at), 1);
        assert_int_equal(at, cases[i].vmx_read);
        vmx_allow_msr(v, msr, false, true);
        assert_int_equal(cleared(v, &at), 1);
        assert_int_equal(at, cases[i].vmx_write);
        vmx_allow_msr(v, msr, false, false);
        assert_int_equal(cleared(v, &at), 0);
    }
    svm_allow_msr(v, 0xc0010010, true, true);
    assert_int_equal(cleared(v, &at), 2);
    assert_int_equal(at, 0x1000 * 8 + 0x21);
    svm_allow_msr(v, 0xc0010010, false, false);
    /* MSRs that no map has. */
    svm_allow_msr(v, 0x2000, true, true);
    vmx_allow_msr(v, 0x2000, true, true);
    vmx_allow_msr(v, 0xc0010010, true, true);
    svm_allow_msr(v, 0xffffffff, true, true);
    vmx_allow_msr(v, 0xffffffff, true, true);
    assert_int_equal(cleared(v, &at), 0);
    free(v);
}

static void check_ports(const struct vcpu *v, const bool *map)
{
    for (unsigned port = 0; port < PORTS; port += 5)
        assert_int_equal(vcpu_port_allowed(v, (uint16_t)port, 1), map[port]);
}

static void test_ports(void **state)
{
    static bool map[PORTS];
    uint32_t seed = 7;
    (void)state;
    struct vcpu *v = vcpu_make();
    memset(map, 0, sizeof(map));
    for (unsigned round = 0; round < 500; round++) {
        seed = seed * 1103515245u + 12345u;
        uint16_t first = (uint16_t)(seed >> 8);
        uint32_t end = first + (seed >> 24) * 16u;
        uint16_t last = (uint16_t)(end > UINT16_MAX ? UINT16_MAX : end);
        bool enable = round % 3 != 0;
        bool done = enable ? vcpu_port_enable(v, first, last) : vcpu_port_disable(v, first, last);
        for (uint32_t p = first; done && p <= last; p++)
            map[p] = enable;
        check_ports(v, map);
        if (v->port_count == VCPU_PORT_RANGES) {
            vcpu_port_forget(v);
            memset(map, 0, sizeof(map));
            check_ports(v, map);
        }
    }
    vcpu_port_forget(v);
    free(v);
}

static void test_port_edges(void **state)
{
    (void)state;
    struct vcpu *v = vcpu_make(), *other = vcpu_make();
    assert_false(vcpu_port_allowed(v, 0x3f8, 1));
    assert_true(vcpu_port_enable(v, 0x3f8, 0x3ff));
    assert_true(vcpu_port_allowed(v, 0x3fc, 4));
    assert_false(vcpu_port_allowed(v, 0x3fd, 4)); /* reaches beyond */
    assert_false(vcpu_port_allowed(v, 0x3f7, 2));
    assert_true(vcpu_port_enable(v, 0xfffe, 0xffff));
    assert_true(vcpu_port_allowed(v, 0xfffe, 2));
    assert_false(vcpu_port_allowed(v, 0xffff, 2)); /* would wrap */
    assert_true(vcpu_port_enable(other, 0x80, 0x80));
    vcpu_port_revoked(0x3fa, 0x3fa);
    assert_ptr_equal(quiesced, v);
    assert_false(vcpu_port_allowed(v, 0x3fa, 1));
    assert_true(vcpu_port_allowed(v, 0x3fb, 1));
    assert_true(vcpu_port_allowed(other, 0x80, 1));
    vcpu_port_revoked(0, UINT16_MAX);
    assert_false(vcpu_port_allowed(v, 0xfffe, 2));
    assert_false(vcpu_port_allowed(other, 0x80, 1));
    free(v);
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_rights), cmocka_unit_test(test_events),
        cmocka_unit_test(test_msr_maps),       cmocka_unit_test(test_ports),
        cmocka_unit_test(test_port_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
