/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What comes behind an instruction: single-step traps, the resume flag, and NMIs behind an IRET.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "machine.h"
#include "vmm/device/apic_internal.h"
#include "vmm/vcpu/alu.h"

#define CODE   0x5000ull
#define DR6_BS 0x4000ull
#define FLAGS  2ull
#define FLAG_I (1ull << 9)

#define EVENT_DB (EVENT_VALID | EVENT_EXCEPTION | EXCEPTION_DB)
#define EVENT_N  (EVENT_VALID | EVENT_NMI | 2)

#define BLOCKED_BY_STI    1ull
#define BLOCKED_BY_NMI    8ull
#define CONTROL_NMI       (1ull << 22)
#define INTERCEPTED_DEBUG 2u

static struct machine *make(const char *code, size_t length)
{
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    machine_long_mode(m, CODE);
    memcpy(m->memory + CODE, code, length);
    m->mr[0][QUOIN_VM_ENTRY_INFO] = 0;
    m->vm.vcpu[0].operations->write(&m->vm.vcpu[0], QUOIN_FIELD_DR6, 0xffff0ff0);
    return m;
}

static void run(struct machine *m, enum exit_kind kind)
{
    const struct exit exit = {.kind = kind};
    machine_exit(m, &exit);
}

static void traps_behind_what_it_carries_out(void **state)
{
    (void)state;
    struct machine *m = make("\x0f\xa2\xf4", 3); /* CPUID; HLT */
    m->mr[0][QUOIN_VM_RFLAGS] = FLAGS;
    run(m, EXIT_CPUID);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], 0);
    m->mr[0][QUOIN_VM_RIP] = CODE;
    m->mr[0][QUOIN_VM_RFLAGS] = FLAGS | FLAG_TF;
    run(m, EXIT_CPUID);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], EVENT_DB);
    assert_int_equal(m->mr[0][QUOIN_VM_RIP], CODE + 2);
    assert_int_equal(m->mr[0][QUOIN_VM_RFLAGS], FLAGS | FLAG_TF); /* a trap: no RF */
    assert_int_equal(machine_field(m, 0, QUOIN_FIELD_DR6), 0xffff0ff0 | DR6_BS);
    /* A step over HLT does not halt. */
    run(m, EXIT_HLT);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], EVENT_DB);
    assert_int_equal(m->vm.vcpu[0].state, VCPU_RUNNING);
    m->mr[0][QUOIN_VM_RIP] = CODE + 2;
    m->mr[0][QUOIN_VM_RFLAGS] = FLAGS;
    run(m, EXIT_HLT);
    assert_int_equal(m->vm.vcpu[0].state, VCPU_HALTED);
    machine_destroy(m);
}

static void traps_behind_each_element(void **state)
{
    (void)state;
    struct machine *m = make("\xf3\x6e", 2); /* REP OUTSB */
    const struct exit exit = {.kind = EXIT_PORT,
                              .port = {.number = 0x80, .size = 1, .string = true, .repeat = true}};
    m->mr[0][QUOIN_VM_RFLAGS] = FLAGS | FLAG_TF;
    vcpu_set_gpr(&m->vm.vcpu[0], 1, 2);
    vcpu_set_gpr(&m->vm.vcpu[0], 6, 0x6000);
    machine_exit(m, &exit);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], EVENT_DB);
    assert_int_equal(m->mr[0][QUOIN_VM_RIP], CODE);
    assert_int_equal(vcpu_gpr(&m->vm.vcpu[0], 1), 1);
    machine_exit(m, &exit);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], EVENT_DB);
    assert_int_equal(m->mr[0][QUOIN_VM_RIP], CODE + 2);
    assert_int_equal(vcpu_gpr(&m->vm.vcpu[0], 1), 0);
    machine_destroy(m);
}

static void resume_flag(void **state)
{
    (void)state;
    struct machine *m = make("\x0f\x32", 2); /* RDMSR of what there is not */
    m->mr[0][QUOIN_VM_RFLAGS] = FLAGS;
    vcpu_set_gpr(&m->vm.vcpu[0], 1, 0xc0010114);
    run(m, EXIT_MSR_READ);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], 0x80000b0d);
    assert_int_equal(m->mr[0][QUOIN_VM_RFLAGS], FLAGS | FLAG_RF);
    /* The instruction is tried again with RF set, and succeeds: RF goes. */
    vcpu_set_gpr(&m->vm.vcpu[0], 1, 0x277);
    run(m, EXIT_MSR_READ);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], 0);
    assert_int_equal(m->mr[0][QUOIN_VM_RFLAGS], FLAGS);
    machine_destroy(m);
}

/* The next NMI while one is being handled: asks for the window, and returns at the IRET. */
static void to_the_iret(struct machine *m)
{
    struct vcpu *vcpu = &m->vm.vcpu[0];
    m->mr[0][QUOIN_VM_INTERRUPTIBILITY] = BLOCKED_BY_NMI;
    vcpu->apic.nmi_pending = true;
    vcpu_prepare(vcpu);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], 0);
    assert_int_equal(m->mr[0][QUOIN_VM_CONTROLS] & CONTROL_NMI, CONTROL_NMI);
    m->mr[0][QUOIN_VM_INTERRUPTIBILITY] = 0;
    run(m, EXIT_NMI_WINDOW);
    vcpu_prepare(vcpu);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], 0); /* not at the IRET */
    assert_int_equal(m->mr[0][QUOIN_VM_CONTROLS] & CONTROL_NMI, 0);
    assert_int_equal(m->mr[0][QUOIN_VM_RFLAGS] & FLAG_TF, FLAG_TF);
    assert_int_equal(machine_field(m, 0, FIELD_EXCEPTION_BITMAP), INTERCEPTED_DEBUG);
}

static const struct exit debug = {.kind = EXIT_EXCEPTION, .exception = {.vector = EXCEPTION_DB}};

static void nmi_behind_the_iret(void **state)
{
    (void)state;
    struct machine *m = make("\x48\xcf", 2); /* IRETQ */
    struct vcpu *vcpu = &m->vm.vcpu[0];
    m->mr[0][QUOIN_VM_RFLAGS] = FLAGS;
    to_the_iret(m);
    m->mr[0][QUOIN_VM_RIP] = 0x7000; /* where it returned to, with its own flags */
    m->mr[0][QUOIN_VM_RFLAGS] = FLAGS;
    vcpu->operations->write(vcpu, QUOIN_FIELD_DR6, 0xffff0ff0 | DR6_BS);
    machine_exit(m, &debug);
    assert_int_equal(machine_field(m, 0, FIELD_EXCEPTION_BITMAP), 0);
    assert_int_equal(machine_field(m, 0, QUOIN_FIELD_DR6), 0xffff0ff0);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], 0);
    vcpu_prepare(vcpu);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], EVENT_N);
    assert_int_equal(m->mr[0][QUOIN_VM_RIP], 0x7000);
    machine_destroy(m);
}

/* The guest steps over its IRET, or has a breakpoint behind it: the trap is its own, and comes
 * before the NMI. */
static void trap_and_nmi_behind_the_iret(void **state)
{
    (void)state;
    const uint64_t flags[] = {FLAGS | FLAG_TF, FLAGS};
    const uint64_t dr6[] = {0xffff4ff0, 0xffff4ff2};
    const uint64_t seen[] = {0xffff4ff0, 0xffff0ff2};
    for (unsigned i = 0; i < 2; i++) {
        struct machine *m = make("\x48\xcf", 2);
        struct vcpu *vcpu = &m->vm.vcpu[0];
        m->mr[0][QUOIN_VM_RFLAGS] = flags[i];
        to_the_iret(m);
        vcpu->operations->write(vcpu, QUOIN_FIELD_DR6, dr6[i]);
        machine_exit(m, &debug);
        assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], EVENT_DB);
        assert_int_equal(machine_field(m, 0, QUOIN_FIELD_DR6), seen[i]);
        vcpu_prepare(vcpu);
        assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], EVENT_DB);
        m->mr[0][QUOIN_VM_ENTRY_INFO] = 0;
        run(m, EXIT_NMI_WINDOW); /* it was asked for again, and is open */
        vcpu_prepare(vcpu);
        assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], EVENT_N);
        machine_destroy(m);
    }
}

/* Behind STI one instruction is executed first, and TF is gone behind it. */
static void nmi_behind_sti(void **state)
{
    (void)state;
    struct machine *m = make("\x90\x90", 2);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    m->mr[0][QUOIN_VM_RFLAGS] = FLAGS;
    m->mr[0][QUOIN_VM_INTERRUPTIBILITY] = 1;
    vcpu->apic.nmi_pending = true;
    vcpu_prepare(vcpu);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], 0);
    assert_int_equal(m->mr[0][QUOIN_VM_CONTROLS] & CONTROL_NMI, 0);
    assert_int_equal(m->mr[0][QUOIN_VM_RFLAGS], FLAGS | FLAG_TF);
    m->mr[0][QUOIN_VM_INTERRUPTIBILITY] = 0;
    machine_exit(m, &debug);
    assert_int_equal(m->mr[0][QUOIN_VM_RFLAGS], FLAGS);
    vcpu_prepare(vcpu);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], EVENT_N);
    machine_destroy(m);
}

/* Two NMIs at once: the second waits for the IRET of the first's handler. */
static void nmi_behind_nmi(void **state)
{
    (void)state;
    struct machine *m = make("\x48\xcf", 2);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    m->mr[0][QUOIN_VM_RFLAGS] = FLAGS;
    vcpu->apic.nmi_pending = true;
    vcpu_prepare(vcpu);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], EVENT_N);
    vcpu->apic.nmi_pending = true;
    vcpu_prepare(vcpu);
    assert_int_equal(m->mr[0][QUOIN_VM_CONTROLS] & CONTROL_NMI, CONTROL_NMI);
    m->mr[0][QUOIN_VM_ENTRY_INFO] = 0;
    run(m, EXIT_NMI_WINDOW);
    assert_true(vcpu->stepping);
    vcpu_reset(vcpu, true);
    assert_false(vcpu->stepping);
    assert_int_equal(machine_field(m, 0, FIELD_EXCEPTION_BITMAP), 0);
    machine_destroy(m);
}

/* An entry at CODE, behind STI, that ends with a notification before anything was executed. */
static struct machine *enter_behind_sti(char code, unsigned privilege)
{
    struct machine *m = make(&code, 1);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    apic_write(&vcpu->apic, APIC_REG_SVR, 0x1ff);
    m->mr[0][QUOIN_VM_CS_RIGHTS] |= privilege << 5;
    m->mr[0][QUOIN_VM_RFLAGS] = FLAGS | FLAG_I;
    m->mr[0][QUOIN_VM_INTERRUPTIBILITY] = BLOCKED_BY_STI;
    apic_msi(&m->vm.apics, 0xfee00000, 0x55);
    m->exits = false;
    vcpu_step(vcpu);
    assert_int_equal(m->entries, 1);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], 0); /* taken back */
    return m;
}

/* HLT behind STI comes before the interrupt, which then ends it. */
static void halts_behind_sti(void **state)
{
    (void)state;
    struct machine *m = enter_behind_sti('\xf4', 0);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    assert_int_equal(vcpu->state, VCPU_HALTED);
    assert_int_equal(vcpu_rip(vcpu), CODE + 1);
    assert_int_equal(m->mr[0][QUOIN_VM_INTERRUPTIBILITY], 0);
    vcpu_step(vcpu);
    assert_int_equal(m->entries, 2);
    assert_int_equal(m->waits, 0);
    assert_int_equal(m->entry_info, EVENT_VALID | 0x55);
    machine_destroy(m);

    /* Another instruction is the processor's affair, and so is a HLT that is not allowed. */
    m = enter_behind_sti('\x90', 0);
    assert_int_equal(vcpu_rip(&m->vm.vcpu[0]), CODE);
    assert_int_equal(m->mr[0][QUOIN_VM_INTERRUPTIBILITY], BLOCKED_BY_STI);
    machine_destroy(m);
    m = enter_behind_sti('\xf4', 3);
    assert_int_equal(vcpu_rip(&m->vm.vcpu[0]), CODE);
    assert_int_equal(m->vm.vcpu[0].state, VCPU_RUNNING);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traps_behind_what_it_carries_out),
        cmocka_unit_test(traps_behind_each_element),
        cmocka_unit_test(resume_flag),
        cmocka_unit_test(nmi_behind_the_iret),
        cmocka_unit_test(trap_and_nmi_behind_the_iret),
        cmocka_unit_test(nmi_behind_sti),
        cmocka_unit_test(nmi_behind_nmi),
        cmocka_unit_test(halts_behind_sti),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
