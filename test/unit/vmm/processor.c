/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the guest is told of its processor: control registers, MSRs, the clock, CPUID.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "machine.h"
#include "vmm/cpu/cpuid.h"
#include "vmm/cpu/pvclock.h"

static void control_registers(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_INTEL);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    struct exit exit = {.kind = EXIT_CR,
                        .length = 3,
                        .cr = {.decoded = true, .number = 0, .write = true, .gpr = 0}};
    m->mr[0][QUOIN_VM_EFER] = 0x100;
    m->mr[0][QUOIN_VM_CR4] = 0x20;
    vcpu_set_gpr(vcpu, 0, 0x80000011);
    machine_exit(m, &exit);
    assert_int_equal(m->mr[0][QUOIN_VM_EFER], 0x500); /* LMA comes with paging */
    assert_int_equal(m->mr[0][QUOIN_VM_CR0], 0x80000031);
    assert_int_equal(machine_field(m, 0, FIELD_CR0_SHADOW), 0x80000011);
    exit.cr.number = 4;
    vcpu_set_gpr(vcpu, 0, 0x2020); /* VMXE: not for this guest */
    m->mr[0][QUOIN_VM_ENTRY_INFO] = 0;
    machine_exit(m, &exit);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], 0x80000b0d);
    exit.cr.number = 8;
    vcpu_set_gpr(vcpu, 0, 5);
    machine_exit(m, &exit);
    assert_int_equal(vcpu->apic.tpr, 0x50);
    machine_destroy(m);
}

static void model_specific_registers(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    uint64_t value;
    assert_false(msr_read(vcpu, 0xc0010114, &value)); /* default deny */
    assert_false(msr_write(vcpu, 0x277, 0x0202020202020202ull));
    assert_true(msr_write(vcpu, 0x277, 0x0606060606060606ull));
    assert_true(msr_write(vcpu, 0xc0000080, 0x901));
    assert_int_equal(m->mr[0][QUOIN_VM_EFER], 0x901);
    assert_false(msr_write(vcpu, 0xc0000080, 0x1000)); /* SVME */
    assert_false(msr_write(vcpu, 0xc0000082, 0x8000000000000000ull));
    machine_advance(m, 5000);
    assert_true(msr_read(vcpu, 0x10, &value));
    assert_int_equal(value, 5000);
    assert_true(msr_write(vcpu, 0x10, 100));
    assert_true(msr_read(vcpu, 0x10, &value));
    assert_int_equal(value, 100);
    assert_false(msr_write(vcpu, 0x200, 7)); /* no such memory type */
    machine_destroy(m);
}

static void pv_clock(void **state)
{
    (void)state;
    static const uint64_t frequencies[] = {2096012345, 1000000000, 3700000000, 999999999, 24000000};
    for (unsigned i = 0; i < 5; i++) {
        uint32_t multiplier;
        int8_t shift;
        pvclock_scale(frequencies[i], &multiplier, &shift);
        uint64_t ticks = frequencies[i]; /* one second */
        ticks = shift < 0 ? ticks >> -shift : ticks << shift;
        uint64_t ns = (uint64_t)(((unsigned __int128)ticks * multiplier) >> 32);
        assert_in_range(ns, 999999990, 1000000000);
    }
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct pvclock_time time;
    struct pvclock_wall wall;
    assert_true(msr_write(&m->vm.vcpu[0], MSR_KVM_SYSTEM_TIME, 0x3001));
    memcpy(&time, m->memory + 0x3000, sizeof(time));
    assert_int_equal(time.flags, 1);
    assert_int_equal(time.version & 1, 0);
    assert_int_equal(time.tsc_timestamp, 0);
    assert_true(msr_write(&m->vm.vcpu[0], MSR_KVM_WALL_CLOCK, 0x4000));
    memcpy(&wall, m->memory + 0x4000, sizeof(wall));
    assert_int_equal(wall.seconds, 1700000000);
    assert_false(msr_write(&m->vm.vcpu[0], MSR_KVM_SYSTEM_TIME, 0xfe000001)); /* not RAM */
    machine_destroy(m);
}

/* A processor that claims every feature. */
static struct cpuid everything(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    if (leaf == 0)
        return (struct cpuid){0x20, 0x68747541, 0x444d4163, 0x69746e65};
    if (leaf == 0x80000000u)
        return (struct cpuid){0x80000022u, 0, 0, 0};
    if (leaf == 0x80000008u)
        return (struct cpuid){0x3030, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    return (struct cpuid){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
}

static void cpuid_masks(void **state)
{
    (void)state;
    struct machine *m = machine_create(4, VM_VENDOR_AMD);
    struct vcpu *vcpu = &m->vm.vcpu[2];
    struct cpuid r = cpuid_guest(vcpu, 1, 0, everything);
    assert_int_equal(r.ecx & (1u << 5 | 1u << 3 | 1u << 17), 0); /* VMX, MONITOR, PCID */
    assert_int_equal(r.ecx & (1u << 21 | 1u << 24 | 1u << 31), 1u << 21 | 1u << 24 | 1u << 31);
    assert_int_equal(r.ebx >> 24, 2);
    assert_int_equal((r.ebx >> 16) & 0xff, 4);
    r = cpuid_guest(vcpu, 7, 0, everything);
    assert_int_equal(r.ebx & 2, 2);                     /* TSC_ADJUST */
    assert_int_equal(r.ebx & (1u << 16 | 1u << 10), 0); /* AVX-512, INVPCID */
    r = cpuid_guest(vcpu, 0x80000001u, 0, everything);
    assert_int_equal(r.ecx & (1u << 2), 0); /* SVM */
    r = cpuid_guest(vcpu, 0xb, 1, everything);
    assert_int_equal(r.eax, 2);
    assert_int_equal(r.ebx, 4);
    assert_int_equal(r.edx, 2);
    r = cpuid_guest(vcpu, 0x40000000, 0, everything);
    assert_int_equal(r.ebx, 0x4b4d564b);
    r = cpuid_guest(vcpu, 0xa, 0, everything);
    assert_int_equal(r.eax, 0);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_registers),
        cmocka_unit_test(model_specific_registers),
        cmocka_unit_test(pv_clock),
        cmocka_unit_test(cpuid_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
