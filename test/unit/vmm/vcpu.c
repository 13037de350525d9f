/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Exits of both vendors, the loop, emulation, MSRs and CPUID, boot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "vmm/cpu/cpuid.h"
#include "vmm/cpu/pvclock.h"
#include "vmm/device/apic_internal.h"
#include "vmm/firmware/acpi.h"
#include "vmm/firmware/boot.h"

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

static uint8_t sum(const uint8_t *bytes, size_t size)
{
    uint8_t total = 0;
    for (size_t i = 0; i < size; i++)
        total = (uint8_t)(total + bytes[i]);
    return total;
}

static void acpi_tables(void **state)
{
    (void)state;
    static uint8_t buffer[ACPI_TABLES_SIZE];
    assert_int_equal(acpi_build(buffer, 256, ACPI_TABLES_BASE, 1, true), ACPI_ERROR_SPACE);
    int64_t size = acpi_build(buffer, sizeof(buffer), ACPI_TABLES_BASE, 16, true);
    assert_true(size > 0);
    assert_memory_equal(buffer, "RSD PTR ", 8);
    assert_int_equal(sum(buffer, 36), 0);
    uint64_t xsdt;
    memcpy(&xsdt, buffer + 24, 8);
    const uint8_t *table = buffer + (xsdt - ACPI_TABLES_BASE);
    uint32_t length;
    memcpy(&length, table + 4, 4);
    assert_int_equal(sum(table, length), 0);
    for (uint32_t at = 36; at < length; at += 8) {
        uint64_t address;
        uint32_t inner;
        memcpy(&address, table + at, 8);
        const uint8_t *entry = buffer + (address - ACPI_TABLES_BASE);
        memcpy(&inner, entry + 4, 4);
        assert_int_equal(sum(entry, inner), 0);
    }
}

static void boots_linux(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    static uint8_t kernel[0x4000];
    struct boot_image image = {{kernel, sizeof(kernel)}, {NULL, 0}, "console=ttyS0"};
    assert_int_equal(boot_load(&m->vm, &image), BOOT_ERROR_FORMAT);
    kernel[0x1f1] = 4;
    memcpy(kernel + 0x1fe, "\x55\xaa\xeb\x66HdrS\x0f\x02", 10);
    kernel[0x211] = 1;
    memcpy(kernel + 0x22c, "\xff\xff\xff\x7f", 4);
    memcpy(kernel + 0x230, "\0\0\x20\0\1\0\1\0", 8);
    memcpy(kernel + 0x238, "\xff\x07\0\0", 4);
    memcpy(kernel + 0x258, "\0\0\0\1", 4);
    memcpy(kernel + 0x260, "\0\0\x20\0", 4);
    kernel[0xa00] = 0x42;
    static const uint8_t initrd[] = "initrd";
    image.initrd = (struct boot_blob){initrd, sizeof(initrd)};
    assert_int_equal(boot_load(&m->vm, &image), BOOT_OK);
    assert_int_equal(m->mr[0][QUOIN_VM_RIP], 0x1000200);
    assert_int_equal(m->mr[0][QUOIN_VM_RSI], BOOT_ZERO_PAGE);
    assert_int_equal(m->mr[0][QUOIN_VM_CR0], 0x80000031);
    assert_int_equal(m->memory[0x1000000], 0x42);
    assert_string_equal((char *)m->memory + BOOT_COMMAND_LINE, "console=ttyS0");
    uint32_t address;
    memcpy(&address, m->memory + BOOT_ZERO_PAGE + 0x218, 4);
    assert_string_equal((char *)m->memory + address, "initrd");
    /* Larger than the machine. */
    memcpy(kernel + 0x260, "\0\0\0\x10", 4);
    kernel[0x234] = 0;
    assert_int_equal(boot_load(&m->vm, &image), BOOT_ERROR_MEMORY);
    machine_destroy(m);
}

/* A Multiboot 1 kernel: one segment of an ELF32 file at 2 MiB. */
static void boots_multiboot(void **state)
{
    (void)state;
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    static uint8_t kernel[0x200];
    static const uint32_t segment[8] = {1, 0x100, 0x200000, 0x200000, 0x10, 0x1000, 5, 0x1000};
    static const uint32_t header[3] = {0x1badb002, 3, 0u - 0x1badb002 - 3};
    struct boot_image image = {{kernel, sizeof(kernel)}, {NULL, 0}, "word"};
    memcpy(kernel, "\177ELF\1\1\1", 7);
    kernel[26] = 0x20; /* entry 0x200000 */
    kernel[28] = 52;   /* program headers */
    kernel[42] = 32;
    kernel[44] = 1;
    memcpy(kernel + 52, segment, sizeof(segment));
    kernel[0x100] = 0x42;
    assert_int_equal(boot_load(&m->vm, &image), BOOT_ERROR_FORMAT); /* neither PVH nor Multiboot */
    memcpy(kernel + 0x104, header, sizeof(header));
    assert_int_equal(boot_load(&m->vm, &image), BOOT_OK);
    assert_int_equal(m->mr[0][QUOIN_VM_RIP], 0x200000);
    assert_int_equal(m->mr[0][QUOIN_VM_RAX], 0x2badb002);
    assert_int_equal(m->mr[0][QUOIN_VM_RBX], BOOT_START_INFO);
    assert_int_equal(m->mr[0][QUOIN_VM_CR0], 0x11);
    assert_int_equal(m->memory[0x200000], 0x42);
    uint32_t info[16];
    memcpy(info, m->memory + BOOT_START_INFO, sizeof(info));
    assert_int_equal(info[0], 0x45);
    assert_int_equal(info[2], (MACHINE_MEMORY - 0x100000) >> 10);
    assert_string_equal((char *)m->memory + info[4], "word");
    /* Below 1 MiB, in what is free there and nowhere else. */
    static const struct {
        uint32_t start, size;
        int result;
    } low[] = {
        {0x8000, 0x6000, BOOT_OK},
        {0x21000, 0x7e000, BOOT_OK},
        {BOOT_START_INFO, 0x1000, BOOT_ERROR_MEMORY},
        {0x8000, 0x18001, BOOT_ERROR_MEMORY}, /* into the command line */
        {0x21000, 0x7e001, BOOT_ERROR_MEMORY},
        {0x9f000, 0x10, BOOT_ERROR_MEMORY},
        {0xe0000, 0x10, BOOT_ERROR_MEMORY},
        {0xfffff, 0x10, BOOT_ERROR_MEMORY},
    };
    for (unsigned i = 0; i < sizeof(low) / sizeof(low[0]); i++) {
        memcpy(kernel + 52 + 12, &low[i].start, 4);
        memcpy(kernel + 52 + 20, &low[i].size, 4);
        assert_int_equal(boot_load(&m->vm, &image), low[i].result);
    }
    memcpy(kernel + 52, segment, sizeof(segment));
    /* A required feature that is not known. */
    kernel[0x108] = 7;
    kernel[0x10c] = (uint8_t)(kernel[0x10c] - 4);
    assert_int_equal(boot_load(&m->vm, &image), BOOT_ERROR_FORMAT);
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
        cmocka_unit_test(injects_interrupts),
        cmocka_unit_test(fetches_anew),
        cmocka_unit_test(goes_on_after_refusals),
        cmocka_unit_test(offers_interrupts),
        cmocka_unit_test(leads_deadlines),
        cmocka_unit_test(serves_the_serial_port),
        cmocka_unit_test(paravirtual_eoi),
        cmocka_unit_test(starts_processors),
        cmocka_unit_test(control_registers),
        cmocka_unit_test(model_specific_registers),
        cmocka_unit_test(pv_clock),
        cmocka_unit_test(cpuid_masks),
        cmocka_unit_test(acpi_tables),
        cmocka_unit_test(boots_linux),
        cmocka_unit_test(boots_multiboot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
