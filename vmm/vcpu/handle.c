/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the VMM does with each kind of exit.
 */
#include <stddef.h>

#include "vmm/cpu/cpuid.h"
#include "vmm/vcpu/cr.h"
#include "vmm/vcpu/dump.h"
#include "vmm/vcpu/emulate.h"
#include "vmm/vcpu/known.h"
#include "vmm/vcpu/operand.h"
#include "vmm/vcpu/step.h"
#include "vmm/vm.h"

#define RAX 0
#define RCX 1
#define RDX 2
#define RBX 3

/* What KVM answers to an unknown hypercall. */
#define HYPERCALL_UNKNOWN ((uint64_t)-1000)

static void report(struct vcpu *vcpu, const struct exit *exit, const char *what)
{
    struct vm *vm = vcpu->vm;
    const uint64_t *mr = vcpu->mr;
    vm_report(vm, "vCPU %u: %s (%s, reason %#llx, qualification %#llx)", vcpu->index, what,
              exit_name(exit->kind), (unsigned long long)mr[QUOIN_VM_EXIT_REASON],
              (unsigned long long)mr[QUOIN_VM_QUALIFICATION]);
    vm_report(vm, "  gpa %#llx, linear %#llx, vectoring %#llx, event %#llx",
              (unsigned long long)mr[QUOIN_VM_GUEST_PHYSICAL],
              (unsigned long long)mr[QUOIN_VM_LINEAR], (unsigned long long)exit->vectoring.info,
              (unsigned long long)mr[QUOIN_VM_ENTRY_INFO]);
    dump_vcpu(vcpu);
}

static void fail(struct vcpu *vcpu, const struct exit *exit, const char *what)
{
    report(vcpu, exit, what);
    vm_end(vcpu->vm, VM_FAILED);
}

/* Skips an instruction whose length the processor did not tell, or that is not in 64-bit mode. */
static __attribute__((noinline)) bool skip_slowly(struct vcpu *vcpu, const struct exit *exit)
{
    unsigned mode = access_mode(vcpu);
    if (exit->next_rip != 0) {
        vcpu_advance(vcpu, access_mask(exit->next_rip, mode));
        return true;
    }
    unsigned length = exit->length;
    if (length == 0) {
        const struct insn *insn;
        int error = access_fetch(vcpu, exit, &insn);
        if (error == ACCESS_FAILED)
            fail(vcpu, exit, "cannot read the instruction");
        if (error != ACCESS_OK)
            return false;
        length = insn->length;
    }
    vcpu_advance(vcpu, access_mask(vcpu_rip(vcpu) + length, mode));
    return true;
}

/* Skips the instruction. false: it could not be read, and that has been dealt with. */
static inline __attribute__((always_inline)) bool skip(struct vcpu *vcpu, const struct exit *exit)
{
    uint64_t next = exit->next_rip;
    if (!known_is_long_mode(vcpu->mr))
        return skip_slowly(vcpu, exit);
    if (next == 0) {
        unsigned length = exit->length;
        if (length == 0) {
            const struct insn *insn = known_find(vcpu);
            if (insn == NULL)
                return skip_slowly(vcpu, exit);
            length = insn->length;
        }
        next = vcpu_rip(vcpu) + length;
    }
    vcpu_advance(vcpu, next);
    return true;
}

static __attribute__((noinline)) void handle_cpuid(struct vcpu *vcpu, const struct exit *exit)
{
    struct cpuid r =
        cpuid_guest(vcpu, (uint32_t)vcpu_gpr(vcpu, RAX), (uint32_t)vcpu_gpr(vcpu, RCX), cpuid_host);
    if (!skip(vcpu, exit))
        return;
    vcpu_set_gpr(vcpu, RAX, r.eax);
    vcpu_set_gpr(vcpu, RBX, r.ebx);
    vcpu_set_gpr(vcpu, RCX, r.ecx);
    vcpu_set_gpr(vcpu, RDX, r.edx);
}

static __attribute__((noinline)) void handle_port(struct vcpu *vcpu, const struct exit *exit)
{
    const struct exit_port *port = &exit->port;
    struct vm *vm = vcpu->vm;
    if (port->string) {
        const struct insn *insn;
        int error = access_fetch(vcpu, exit, &insn);
        if (error == ACCESS_FAULT)
            return;
        if (error != ACCESS_OK || emulate_string_port(vcpu, exit, insn) != EMULATE_DONE)
            fail(vcpu, exit, "cannot carry out string I/O");
        return;
    }
    if (!skip(vcpu, exit))
        return;
    if (!port->in) {
        bus_write(&vm->ports, port->number, port->size, vcpu_gpr(vcpu, RAX) & bus_mask(port->size));
        return;
    }
    uint64_t value = bus_read(&vm->ports, port->number, port->size);
    if (port->size < 4)
        value |= vcpu_gpr(vcpu, RAX) & ~bus_mask(port->size);
    vcpu_set_gpr(vcpu, RAX, value);
}

/*
 * A known instruction that stores a register in device memory, in one page: so a driver notifies
 * its device. Does what the long way does, as no range of the bus lies in RAM (pci.c).
 */
static inline bool store_known(struct vcpu *vcpu, const struct exit *exit)
{
    const struct exit_memory *memory = &exit->memory;
    if (!memory->write || memory->page_walk || exit->vectoring.info != 0 ||
        operand_may_split(memory->gpa))
        return false;
    const struct insn *insn = known_find(vcpu);
    if (insn == NULL || insn->map != MAP_ONE || insn->opcode != 0x89 || !insn->memory)
        return false;
    uint64_t value = vcpu_gpr(vcpu, insn->reg) & bus_mask(insn->operand_size);
    if (!bus_write(&vcpu->vm->mmio, memory->gpa, insn->operand_size, value))
        return false;
    vcpu_advance(vcpu, vcpu_rip(vcpu) + insn->length);
    return true;
}

static __attribute__((noinline)) void emulate(struct vcpu *vcpu, const struct exit *exit)
{
    struct vm *vm = vcpu->vm;
    if (memory_at(&vm->memory, gpa(exit->memory.gpa), 1) != NULL) {
        /* Else RAM is always mapped: another core had not seen the mapping yet. */
        if (vm->is_away && vm->is_away(gpa(exit->memory.gpa)))
            fail(vcpu, exit, "access to memory that is in the balloon");
        return;
    }
    if (exit->memory.fetch) {
        fail(vcpu, exit, "instruction fetch from device memory");
        return;
    }
    if (exit->vectoring.info != 0 || exit->memory.page_walk) {
        fail(vcpu, exit, "stack or page table in device memory");
        return;
    }
    const struct insn *insn;
    int error = access_fetch(vcpu, exit, &insn);
    if (error == ACCESS_FAULT)
        return;
    if (error != ACCESS_OK)
        fail(vcpu, exit, "cannot decode the instruction");
    else if (emulate_memory(vcpu, exit, insn) != EMULATE_DONE)
        fail(vcpu, exit, "no emulation of the instruction");
}

static __attribute__((noinline)) void handle_memory(struct vcpu *vcpu, const struct exit *exit)
{
    if (!store_known(vcpu, exit))
        emulate(vcpu, exit);
}

static __attribute__((noinline)) void handle_msr(struct vcpu *vcpu, const struct exit *exit)
{
    uint32_t msr = (uint32_t)vcpu_gpr(vcpu, RCX);
    uint64_t value;
    if (exit->kind == EXIT_MSR_WRITE) {
        value = (vcpu_gpr(vcpu, RDX) << 32) | (vcpu_gpr(vcpu, RAX) & 0xffffffff);
        if (msr_write(vcpu, msr, value))
            skip(vcpu, exit);
        else
            vcpu_raise_error(vcpu, EXCEPTION_GP, 0);
        return;
    }
    if (!msr_read(vcpu, msr, &value)) {
        vcpu_raise_error(vcpu, EXCEPTION_GP, 0);
        return;
    }
    if (!skip(vcpu, exit))
        return;
    vcpu_set_gpr(vcpu, RAX, value & 0xffffffff);
    vcpu_set_gpr(vcpu, RDX, value >> 32);
}

/* AMD-V without decode assists: the instruction tells which register is meant. */
static bool decode_cr(struct vcpu *vcpu, const struct exit *exit, struct exit_cr *access)
{
    const struct insn *insn;
    int error = access_fetch(vcpu, exit, &insn);
    if (error == ACCESS_FAULT)
        return false;
    if (error == ACCESS_OK && insn->map == MAP_0F) {
        if (insn->opcode == 0x20 || insn->opcode == 0x22) {
            access->number = insn->reg;
            if (insn->lock && insn->reg == 0)
                access->number = 8; /* AMD's CR8 in 32-bit mode */
            access->write = insn->opcode == 0x22;
            access->gpr = insn->rm;
            return true;
        }
        if (insn->opcode == 0x06) {
            access->clts = true;
            return true;
        }
        if (insn->opcode == 0x01 && (insn->reg & 7) == 6 && !insn->memory) {
            access->lmsw = true;
            access->source = (uint16_t)vcpu_gpr(vcpu, insn->rm);
            return true;
        }
    }
    fail(vcpu, exit, "cannot decode a control register access");
    return false;
}

static void handle_cr(struct vcpu *vcpu, const struct exit *exit)
{
    struct exit_cr access = exit->cr;
    if (!access.decoded && !decode_cr(vcpu, exit, &access))
        return;
    if (cr_access(vcpu, &access))
        skip(vcpu, exit);
}

static void handle_xsetbv(struct vcpu *vcpu, const struct exit *exit)
{
    uint64_t value = (vcpu_gpr(vcpu, RDX) << 32) | (vcpu_gpr(vcpu, RAX) & 0xffffffff);
    bool kernel = ((vcpu->mr[QUOIN_VM_CS_RIGHTS] >> 5) & 3) == 0;
    if (kernel && cr_xsetbv(vcpu, (uint32_t)vcpu_gpr(vcpu, RCX), value))
        skip(vcpu, exit);
    else
        vcpu_raise_error(vcpu, EXCEPTION_GP, 0);
}

static void handle_rdtsc(struct vcpu *vcpu, const struct exit *exit)
{
    const struct insn *insn;
    int error = access_fetch(vcpu, exit, &insn);
    if (error == ACCESS_FAILED)
        fail(vcpu, exit, "cannot read the instruction");
    if (error != ACCESS_OK)
        return;
    uint64_t tsc = clock_now(&vcpu->vm->clock) + vcpu->apic.tsc_offset;
    vcpu_set_gpr(vcpu, RAX, tsc & 0xffffffff);
    vcpu_set_gpr(vcpu, RDX, tsc >> 32);
    if (insn->opcode != 0x31) /* RDTSCP */
        vcpu_set_gpr(vcpu, RCX, vcpu->operations->read(vcpu, QUOIN_FIELD_TSC_AUX) & 0xffffffff);
    vcpu_advance(vcpu, access_mask(vcpu_rip(vcpu) + insn->length, access_mode(vcpu)));
}

static __attribute__((noinline)) void handle_hypercall(struct vcpu *vcpu, const struct exit *exit)
{
    if (skip(vcpu, exit))
        vcpu_set_gpr(vcpu, RAX, HYPERCALL_UNKNOWN);
}

/* Behind the HLT. */
static void halt(struct vcpu *vcpu)
{
    if ((vcpu->mr[QUOIN_VM_ENTRY_INFO] & EVENT_VALID) == 0)
        vcpu->state = VCPU_HALTED; /* unless the guest steps over it */
}

static __attribute__((noinline)) void handle_halt(struct vcpu *vcpu, const struct exit *exit)
{
    if (skip(vcpu, exit))
        halt(vcpu);
    vcpu->poked = true;
}

__attribute__((noinline)) void vcpu_halt_behind_sti(struct vcpu *vcpu)
{
    const uint64_t *mr = vcpu->mr;
    bool user = (mr[QUOIN_VM_CS_RIGHTS] >> 5 & 3) != 0;
    if (user || (mr[QUOIN_VM_ENTRY_INFO] & EVENT_VALID) != 0 || vcpu->stepping)
        return;
    const struct insn *insn = known_find(vcpu);
    if (insn == NULL)
        insn = known_learn(vcpu);
    if (insn == NULL || insn->map != MAP_ONE || insn->opcode != 0xf4 || insn->length != 1)
        return;
    vcpu_advance(vcpu, vcpu_rip(vcpu) + 1);
    halt(vcpu);
}

static __attribute__((noinline)) void handle_nothing(struct vcpu *vcpu, const struct exit *exit)
{
    skip(vcpu, exit);
}

static void handle_exception(struct vcpu *vcpu, const struct exit *exit)
{
    const struct exit_exception *exception = &exit->exception;
    if (exception->has_error)
        vcpu_raise_error(vcpu, exception->vector, exception->error);
    else
        vcpu_raise(vcpu, exception->vector);
}

/*
 * An event was being delivered when the exit came: it is injected again. On AMD-V software
 * interrupts are not, since RIP still stands on the instruction, which will be executed anew.
 */
static void requeue_event(struct vcpu *vcpu, struct exit *exit)
{
    uint64_t info = exit->vectoring.info;
    if (vcpu_take_back(vcpu, info)) {
        /* It only waited: the exit is the current instruction's. */
        if (!vcpu_can_take_interrupt(vcpu))
            exit->vectoring.info = 0;
        return;
    }
    uint64_t type = info & EVENT_TYPE;
    uint64_t vector = info & EVENT_VECTOR;
    bool soft = type == EVENT_SOFT_INTERRUPT || type == EVENT_SOFT_EXCEPTION ||
                type == EVENT_PRIVILEGED_SOFT;
    if (vcpu->vm->vendor == VM_VENDOR_AMD &&
        (soft || (type == EVENT_EXCEPTION && (vector == 3 || vector == 4))))
        return;
    vcpu->mr[QUOIN_VM_ENTRY_INFO] =
        info & (EVENT_VALID | EVENT_HAS_ERROR | EVENT_TYPE | EVENT_VECTOR);
    if ((info & EVENT_HAS_ERROR) != 0) {
        vcpu->mr[QUOIN_VM_EXIT_ERROR] = exit->vectoring.error;
        vcpu->changed |= QUOIN_VMENTER_ERROR_CODE;
    }
    if (soft)
        vcpu->changed |= QUOIN_VMENTER_INSTRUCTION_LEN;
}

#define MAX_REFUSED 16u
#define CR0_NW      (1ull << 29)
#define CR0_CD      (1ull << 30)

/*
 * QEMU's TCG reports a refused entry when a guest moves a value with reserved bits to CR3 or CR4; a
 * processor raises #GP (APM vol. 2, 3.1.2, 3.1.3).
 */
static bool is_bad_cr_write(struct vcpu *vcpu, const struct exit *exit)
{
    const struct insn *insn;
    if (access_fetch(vcpu, exit, &insn) != ACCESS_OK || insn->map != MAP_0F || insn->opcode != 0x22)
        return false;
    uint64_t value = vcpu_gpr(vcpu, insn->rm);
    return (insn->reg == 4 && value != vcpu->mr[QUOIN_VM_CR4]) ||
           (insn->reg == 3 && value != vcpu->mr[QUOIN_VM_CR3]);
}

/*
 * The processor refused the guest's state. Under QEMU's TCG that can be the guest's doing; then the
 * guest goes on. Not for ever: then it is our entry that fails.
 */
static bool settle_refusal(struct vcpu *vcpu, struct exit *exit)
{
    uint64_t cr0 = vcpu->mr[QUOIN_VM_CR0];
    if (vcpu->vm->vendor != VM_VENDOR_AMD || ++vcpu->refused > MAX_REFUSED)
        return false;
    if ((cr0 & CR0_NW) != 0 && (cr0 & CR0_CD) == 0) {
        /* TCG lets a guest set it (a processor: #GP), and VMRUN does not. Which instruction it was
         * cannot be told any more; the bit itself means nothing to a guest. */
        if (exit->vectoring.info != 0)
            requeue_event(vcpu, exit);
        vcpu->mr[QUOIN_VM_CR0] = cr0 & ~CR0_NW;
        vcpu->changed |= QUOIN_VMENTER_CR0;
        return true;
    }
    if (!is_bad_cr_write(vcpu, exit))
        return false;
    vcpu_raise_error(vcpu, EXCEPTION_GP, 0);
    return true;
}

/* Exits that are rare, or need more than to be handed on. */
static __attribute__((noinline)) void handle_rest(struct vcpu *vcpu, struct exit *exit)
{
    switch (exit->kind) {
    case EXIT_ENTRY_FAILED:
        vcpu->armed = 0;
        vcpu->armed_for = 0;
        if (!settle_refusal(vcpu, exit))
            fail(vcpu, exit, "the processor refused the guest's state");
        break;
    case EXIT_CR:
        handle_cr(vcpu, exit);
        vcpu->poked = true;
        break;
    case EXIT_XSETBV:
        handle_xsetbv(vcpu, exit);
        break;
    case EXIT_RDTSC:
        handle_rdtsc(vcpu, exit);
        break;
    case EXIT_MONITOR:
        vcpu_raise(vcpu, EXCEPTION_UD);
        break;
    case EXIT_RDPMC:
        vcpu_raise_error(vcpu, EXCEPTION_GP, 0);
        break;
    case EXIT_EXCEPTION:
        vcpu->poked = true;
        if (exit->exception.vector != EXCEPTION_DB || !step_end(vcpu))
            handle_exception(vcpu, exit);
        break;
    case EXIT_SHUTDOWN: /* a PC resets on a triple fault, and some guests reboot by one */
        report(vcpu, exit, "triple fault");
        vm_end(vcpu->vm, VM_RESET);
        break;
    case EXIT_NMI_WINDOW:
        if (vcpu->iret_awaited)
            step_begin(vcpu);
        vcpu->iret_awaited = false;
        vcpu->poked = true;
        break;
    default:
        fail(vcpu, exit, "unexpected exit");
        break;
    }
}

void vcpu_handle(struct vcpu *vcpu, struct exit *exit)
{
    vcpu->exits[exit->kind]++;
    vcpu->mr[QUOIN_VM_ENTRY_INFO] = 0;
    if (exit->kind != EXIT_ENTRY_FAILED) {
        vcpu->refused = 0;
        if (exit->vectoring.info != 0)
            requeue_event(vcpu, exit);
    }
    switch (exit->kind) {
    case EXIT_CPUID:
        handle_cpuid(vcpu, exit);
        return;
    case EXIT_HLT:
        handle_halt(vcpu, exit);
        return;
    case EXIT_PORT:
        handle_port(vcpu, exit);
        return;
    case EXIT_MEMORY:
        handle_memory(vcpu, exit);
        return;
    case EXIT_MSR_READ:
    case EXIT_MSR_WRITE:
        handle_msr(vcpu, exit);
        return;
    case EXIT_HYPERCALL:
        handle_hypercall(vcpu, exit);
        return;
    case EXIT_PAUSE:
    case EXIT_CACHE:  /* caches are coherent: no device of this guest's bypasses them */
    case EXIT_INVLPG: /* nested paging keeps the guest's TLB right */
        handle_nothing(vcpu, exit);
        return;
    case EXIT_RESUME:
    case EXIT_INTERRUPT_WINDOW:
    case EXIT_INIT:
        vcpu->poked = true;
        return;
    default:
        handle_rest(vcpu, exit);
        return;
    }
}
