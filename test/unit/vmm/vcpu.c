/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Exits of both vendors, the loop, emulation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "machine.h"
#include "vmm/device/apic_internal.h"

static void svm_exits(void **state)
{
    (void)state;
    uint64_t mr[QUOIN_VM_MR_COUNT] = {0};
    struct exit exit;
    mr[QUOIN_VM_EXIT_REASON] = 0x7b;
    mr[QUOIN_VM_QUALIFICATION] = 0x3f8ull << 16 | 1u << 4; /* out dx, al */
    mr[QUOIN_VM_GUEST_PHYSICAL] = 0x1234;
    svm_decode(mr, &exit);
    assert_int_equal(exit.kind, EXIT_PORT);
    assert_int_equal(exit.port.number, 0x3f8);
    assert_int_equal(exit.port.size, 1);
    assert_false(exit.port.in);
    assert_int_equal(exit.next_rip, 0x1234);
    mr[QUOIN_VM_EXIT_REASON] = 0x400;
    mr[QUOIN_VM_QUALIFICATION] = 0x100000006ull;
    mr[QUOIN_VM_GUEST_PHYSICAL] = 0xfee00000;
    svm_decode(mr, &exit);
    assert_int_equal(exit.kind, EXIT_MEMORY);
    assert_true(exit.memory.write);
    assert_false(exit.memory.page_walk);
    mr[QUOIN_VM_EXIT_REASON] = 0x7c;
    mr[QUOIN_VM_QUALIFICATION] = 1;
    svm_decode(mr, &exit);
    assert_int_equal(exit.kind, EXIT_MSR_WRITE);
    mr[QUOIN_VM_EXIT_REASON] = 0xffffffff;
    svm_decode(mr, &exit);
    assert_int_equal(exit.kind, EXIT_ENTRY_FAILED);
    mr[QUOIN_VM_EXIT_REASON] = UINT64_MAX;
    svm_decode(mr, &exit);
    assert_int_equal(exit.kind, EXIT_ENTRY_FAILED);
    mr[QUOIN_VM_EXIT_REASON] = 0x399;
    svm_decode(mr, &exit);
    assert_int_equal(exit.kind, EXIT_UNKNOWN);
}

static void vmx_exits(void **state)
{
    (void)state;
    uint64_t mr[QUOIN_VM_MR_COUNT] = {0};
    struct exit exit;
    mr[QUOIN_VM_EXIT_REASON] = 30;
    mr[QUOIN_VM_QUALIFICATION] = 0xcfcull << 16 | 1u << 3 | 3; /* in eax, dx */
    mr[QUOIN_VM_INSTRUCTION_LEN] = 1;
    vmx_decode(mr, &exit);
    assert_int_equal(exit.kind, EXIT_PORT);
    assert_true(exit.port.in);
    assert_int_equal(exit.port.size, 4);
    assert_int_equal(exit.length, 1);
    mr[QUOIN_VM_EXIT_REASON] = 28;
    mr[QUOIN_VM_QUALIFICATION] = 0x30; /* LMSW 0 */
    vmx_decode(mr, &exit);
    assert_true(exit.cr.lmsw);
    mr[QUOIN_VM_QUALIFICATION] = 8 | 9u << 8; /* mov cr8, r9 */
    vmx_decode(mr, &exit);
    assert_int_equal(exit.cr.number, 8);
    assert_int_equal(exit.cr.gpr, 9);
    assert_true(exit.cr.write);
    mr[QUOIN_VM_EXIT_REASON] = 48;
    mr[QUOIN_VM_QUALIFICATION] = 0x182;
    mr[QUOIN_VM_GUEST_PHYSICAL] = 0xfec00010;
    vmx_decode(mr, &exit);
    assert_int_equal(exit.kind, EXIT_MEMORY);
    assert_true(exit.memory.write);
    assert_int_equal(exit.memory.gpa, 0xfec00010);
    mr[QUOIN_VM_EXIT_REASON] = 0x80000021;
    vmx_decode(mr, &exit);
    assert_int_equal(exit.kind, EXIT_ENTRY_FAILED);
    mr[QUOIN_VM_EXIT_REASON] = 20;
    vmx_decode(mr, &exit);
    assert_int_equal(exit.kind, EXIT_MONITOR);
}

/* Runs one device-memory instruction at 0x100000 against `address`. */
static void run_memory(struct machine *m, const uint8_t *bytes, size_t count, uint64_t address)
{
    struct exit exit = {.kind = EXIT_MEMORY, .memory = {.gpa = address}};
    machine_long_mode(m, 0x100000);
    memcpy(m->memory + 0x100000, bytes, count);
    machine_exit(m, &exit);
    assert_int_equal(m->vm.state, VM_RUNNING);
    assert_int_equal(m->mr[0][QUOIN_VM_RIP], 0x100000 + count);
}

static void emulates_memory(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    static const uint8_t store[] = {0x89, 0x07};                     /* mov [rdi], eax */
    static const uint8_t load[] = {0x8b, 0x1f};                      /* mov ebx, [rdi] */
    static const uint8_t zero[] = {0x0f, 0xb6, 0x0f};                /* movzx ecx, byte [rdi] */
    static const uint8_t or_[] = {0x83, 0x0f, 0x01};                 /* or dword [rdi], 1 */
    static const uint8_t compare[] = {0x81, 0x3f, 0xff, 0x01, 0, 0}; /* cmp dword [rdi], 0x1ff */
    static const uint8_t swap[] = {0x87, 0x07};                      /* xchg [rdi], eax */
    static const uint8_t high[] = {0x8a, 0x27};                      /* mov ah, [rdi] */
    vcpu_set_gpr(vcpu, 0, 0x1ff);
    run_memory(m, store, sizeof(store), APIC_BASE + APIC_REG_SVR);
    assert_int_equal(vcpu->apic.svr, 0x1ff);
    vcpu_set_gpr(vcpu, 3, UINT64_MAX);
    run_memory(m, load, sizeof(load), APIC_BASE + APIC_REG_SVR);
    assert_int_equal(vcpu_gpr(vcpu, 3), 0x1ff); /* the upper half is cleared */
    run_memory(m, compare, sizeof(compare), APIC_BASE + APIC_REG_SVR);
    assert_int_equal(m->mr[0][QUOIN_VM_RFLAGS] & 0x41, 0x40);
    run_memory(m, zero, sizeof(zero), APIC_BASE + APIC_REG_SVR);
    assert_int_equal(vcpu_gpr(vcpu, 1), 0xff);
    run_memory(m, or_, sizeof(or_), APIC_BASE + APIC_REG_TPR);
    assert_int_equal(vcpu->apic.tpr, 1);
    vcpu_set_gpr(vcpu, 0, 0x20);
    run_memory(m, swap, sizeof(swap), APIC_BASE + APIC_REG_TPR);
    assert_int_equal(vcpu->apic.tpr, 0x20);
    assert_int_equal(vcpu_gpr(vcpu, 0), 1);
    run_memory(m, high, sizeof(high), APIC_BASE + APIC_REG_TPR);
    assert_int_equal(vcpu_gpr(vcpu, 0), 0x2001);
    machine_destroy(m);
}

static void emulates_strings(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    static const uint8_t move[] = {0xf3, 0xa5}; /* rep movsd */
    vcpu_set_gpr(vcpu, 6, HPET_BASE);
    vcpu_set_gpr(vcpu, 7, 0x200000);
    vcpu_set_gpr(vcpu, 1, 2);
    run_memory(m, move, sizeof(move), HPET_BASE);
    uint32_t period;
    memcpy(&period, m->memory + 0x200004, 4);
    assert_int_equal(period, HPET_PERIOD_FS);
    assert_int_equal(vcpu_gpr(vcpu, 1), 0);
    assert_int_equal(vcpu_gpr(vcpu, 6), HPET_BASE + 8);
    assert_int_equal(vcpu_gpr(vcpu, 7), 0x200008);

    /* rep outsb to the UART */
    static const uint8_t outs[] = {0xf3, 0x6e};
    struct exit exit = {.kind = EXIT_PORT,
                        .port = {.number = 0x3f8, .size = 1, .string = true, .repeat = true}};
    memcpy(m->memory + 0x100000, outs, sizeof(outs));
    memcpy(m->memory + 0x200000, "quoin", 5);
    m->mr[0][QUOIN_VM_RIP] = 0x100000;
    vcpu_set_gpr(vcpu, 6, 0x200000);
    vcpu_set_gpr(vcpu, 1, 5);
    machine_exit(m, &exit);
    assert_string_equal(m->output, "quoin");
    assert_int_equal(m->mr[0][QUOIN_VM_RIP], 0x100002);
    machine_destroy(m);
}

static void refuses_nonsense(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct exit exit = {.kind = EXIT_MEMORY, .memory = {.gpa = APIC_BASE}};
    static const uint8_t vector[] = {0xc5, 0xf8, 0x28, 0x07}; /* vmovaps xmm0, [rdi] */
    machine_long_mode(m, 0x100000);
    memcpy(m->memory + 0x100000, vector, sizeof(vector));
    machine_exit(m, &exit);
    assert_int_equal(m->vm.state, VM_FAILED);
    assert_non_null(strstr(m->message, "cannot decode"));
    machine_destroy(m);
}

static void writes_port(struct machine *m, uint16_t port, uint8_t value)
{
    struct exit exit = {
        .kind = EXIT_PORT, .length = 1, .port = {.number = port, .size = 1, .in = false}};
    vcpu_set_gpr(&m->vm.vcpu[0], 0, value);
    machine_exit(m, &exit);
}

/* Is what the guest writes to its serial line collected in the next entry? */
static bool collects(struct machine *m)
{
    bool asked = (m->vm.vcpu[0].changed & QUOIN_VMENTER_COLLECT) != 0;
    m->vm.vcpu[0].changed = 0;
    return asked;
}

static void serves_the_serial_port(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    assert_int_equal(m->services[0x3f8], QUOIN_PORT_COLLECT);
    assert_int_equal(m->services[0x3fd], QUOIN_PORT_ANSWER);
    (void)collects(m);
    writes_port(m, 0x3f8, 'a');
    assert_true(vcpu->timers.earliest != TIMER_NEVER); /* what is collected must come back */
    assert_true(collects(m));

    /* What was collected comes before the exit that brings it. */
    m->mr[0][QUOIN_VM_COLLECTED] = 3;
    m->mr[0][QUOIN_VM_COLLECTED_BYTES] = 0x646362;
    m->exits = true;
    m->exit = (struct exit){
        .kind = EXIT_PORT, .length = 1, .port = {.number = 0x3f8, .size = 1, .in = false}};
    vcpu_set_gpr(vcpu, 0, 'e');
    vcpu_step(vcpu);
    assert_string_equal(m->output, "abcde");
    assert_int_equal(m->mr[0][QUOIN_VM_COLLECTED], 0);
    assert_true(collects(m));

    /* Input, a transmit interrupt, the divisor and loopback are the device's own. */
    uart_receive(&m->vm.uart, 'x');
    assert_int_equal(m->services[0x3fd], QUOIN_PORT_EXIT);
    writes_port(m, 0x3f8, 'f');
    assert_false(collects(m));
    writes_port(m, 0x3fa, 0x02); /* the receive FIFO is emptied */
    assert_int_equal(m->services[0x3fd], QUOIN_PORT_ANSWER);
    writes_port(m, 0x3f9, 0x02);
    writes_port(m, 0x3f8, 'g');
    assert_false(collects(m));
    writes_port(m, 0x3f9, 0x00);

    /* Without room for all that may be collected the guest has to be stopped byte by byte. */
    m->output_full = true;
    m->output_room = QUOIN_COLLECT_MAX;
    writes_port(m, 0x3f8, 'h');
    assert_false(collects(m));
    m->output_room = 0;
    writes_port(m, 0x3f8, 'i');
    assert_int_equal(m->services[0x3fd], QUOIN_PORT_EXIT);
    m->output_full = false;
    machine_advance(m, 2000000);
    assert_int_equal(m->services[0x3fd], QUOIN_PORT_ANSWER);
    assert_string_equal(m->output, "abcdefghi");
    machine_destroy(m);

    /* The bytes of several vCPUs would not keep their order. */
    m = machine_create(2, VM_VENDOR_AMD);
    assert_int_equal(m->services[0x3f8], QUOIN_PORT_EXIT);
    assert_int_equal(m->services[0x3fd], QUOIN_PORT_EXIT);
    writes_port(m, 0x3f8, 'a');
    assert_false(collects(m));
    machine_destroy(m);
}

static uint64_t *entry_at(struct machine *m, uint64_t table, unsigned index)
{
    return (uint64_t *)(void *)(m->memory + (table & 0xffffffffff000) + index * 8u);
}

static void skips_hypercall(struct machine *m, uint64_t length)
{
    struct exit exit = {.kind = EXIT_HYPERCALL};
    m->mr[0][QUOIN_VM_RIP] = 0x100000;
    machine_exit(m, &exit);
    assert_int_equal(m->vm.state, VM_RUNNING);
    assert_int_equal(m->mr[0][QUOIN_VM_RIP], 0x100000 + length);
}

/* An instruction that was fetched before is fetched anew when its bytes, or what maps them, have
 * changed. */
static void fetches_anew(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    static const uint8_t plain[] = {0x0f, 0x01, 0xd9}, prefixed[] = {0x66, 0x0f, 0x01, 0xd9};
    machine_long_mode(m, 0x100000);
    memcpy(m->memory + 0x100000, plain, sizeof(plain));
    memcpy(m->memory + 0x300000, prefixed, sizeof(prefixed));
    skips_hypercall(m, 3);
    skips_hypercall(m, 3);
    memcpy(m->memory + 0x100000, prefixed, sizeof(prefixed));
    skips_hypercall(m, 4);
    memcpy(m->memory + 0x100000, plain, sizeof(plain));
    skips_hypercall(m, 3);

    uint64_t pdpt = *entry_at(m, m->mr[0][QUOIN_VM_CR3], 0);
    uint64_t *large = entry_at(m, *entry_at(m, pdpt, 0), 0), kept = *large;
    assert_int_equal(kept & 0x80, 0x80);
    *large = kept + 0x200000;
    skips_hypercall(m, 4);
    *large = kept;
    skips_hypercall(m, 3);
    /* Other page tables. */
    memcpy(m->memory + 0x400000, m->memory + m->mr[0][QUOIN_VM_CR3], 4096);
    m->mr[0][QUOIN_VM_CR3] = 0x400000;
    *entry_at(m, 0x400000, 0) = 0x401000 | 7;
    *entry_at(m, 0x401000, 0) = 0x402000 | 7;
    *entry_at(m, 0x402000, 0) = 0x403000 | 7;
    *entry_at(m, 0x403000, 0x100) = 0x300000 | 7; /* 4 KiB page */
    skips_hypercall(m, 4);
    machine_destroy(m);
}

/* QEMU's TCG refuses the entry of a guest that it has let set CR0.NW alone. */
static void goes_on_after_refusals(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    struct vcpu *vcpu = &m->vm.vcpu[0];
    apic_write(&vcpu->apic, APIC_REG_SVR, 0x1ff);
    apic_msi(&m->vm.apics, 0xfee00000, 0x55);
    m->exits = true;
    m->exit = (struct exit){.kind = EXIT_ENTRY_FAILED, .vectoring = {0x80000055, 0}};
    machine_long_mode(m, 0x100000);
    m->mr[0][QUOIN_VM_CR0] |= 1u << 29;
    vcpu_step(vcpu);
    assert_int_equal(m->mr[0][QUOIN_VM_CR0] & 1u << 29, 0);
    assert_int_equal(vcpu->changed & QUOIN_VMENTER_CR0, QUOIN_VMENTER_CR0);
    assert_int_equal(apic_highest_request(&vcpu->apic), 0x55); /* still to come */

    /* MOV to CR4 with a reserved bit: #GP, and not for ever. */
    static const uint8_t code[] = {0x0f, 0x22, 0xe0};
    memcpy(m->memory + 0x100000, code, sizeof(code));
    vcpu_set_gpr(vcpu, 0, 1ull << 40);
    m->exit.vectoring.info = 0;
    vcpu_step(vcpu);
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO], 0x80000b0d);
    for (unsigned i = 0; i < 20; i++)
        vcpu_step(vcpu);
    assert_int_equal(m->vm.state, VM_FAILED);
    machine_destroy(m);
}

static void starts_processors(void **state)
{
    (void)state;
    struct machine *m = machine_create(2, VM_VENDOR_INTEL);
    struct vcpu *second = &m->vm.vcpu[1];
    assert_int_equal(second->state, VCPU_WAIT_STARTUP);
    apic_write(&m->vm.vcpu[0].apic, APIC_REG_ICR_HIGH, 1u << 24);
    apic_write(&m->vm.vcpu[0].apic, APIC_REG_ICR_LOW, 0x4500);
    /* The start-up message comes before the thread has seen the INIT. */
    apic_write(&m->vm.vcpu[0].apic, APIC_REG_ICR_LOW, 0x4608);
    vcpu_prepare(second);
    assert_int_equal(second->state, VCPU_RUNNING);
    assert_int_equal(machine_field(m, 1, FIELD_BASE(SEGMENT_CS)), 0x8000);
    assert_int_equal(machine_field(m, 1, FIELD_SELECTOR(SEGMENT_CS)), 0x800);
    assert_int_equal(m->mr[1][QUOIN_VM_RIP], 0);
    assert_int_equal(m->mr[1][QUOIN_VM_CR0], 0x60000030); /* NE stays set on VT-x */
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(svm_exits),
        cmocka_unit_test(vmx_exits),
        cmocka_unit_test(emulates_memory),
        cmocka_unit_test(emulates_strings),
        cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(fetches_anew),
        cmocka_unit_test(goes_on_after_refusals),
        cmocka_unit_test(serves_the_serial_port),
        cmocka_unit_test(starts_processors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
