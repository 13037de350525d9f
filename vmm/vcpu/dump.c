/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/vcpu/dump.h"

#include "vmm/vcpu/access.h"

enum { WORDS = 8, BYTES = 16, RSP = 4 };

static const char *doing(const struct vcpu *vcpu)
{
    switch (vcpu->state) {
    case VCPU_RUNNING:
        return "runs";
    case VCPU_HALTED:
        return "is halted";
    default:
        return "waits to be started";
    }
}

/* A word of the guest's memory as the guest sees it now, without effect on it; false: it sees none
 * there, or a device. */
static bool peek(struct vcpu *vcpu, uint64_t linear, uint64_t *value)
{
    struct walk_state state;
    struct walk_result where;

    access_walk_state(vcpu, &state);
    state.user = false;
    *value = 0;
    for (unsigned i = 0; i < 8; i++) {
        if (walk_translate(&vcpu->vm->memory, &state, linear + i, 0, &where) != WALK_OK)
            return false;
        const uint8_t *byte = memory_at(&vcpu->vm->memory, gpa(where.gpa), 1);
        if (byte == NULL)
            return false;
        *value |= (uint64_t)*byte << 8 * i;
    }
    return true;
}

static void words(struct vcpu *vcpu, const char *what, uint64_t linear, unsigned count)
{
    for (unsigned i = 0; i < count; i += 2) {
        uint64_t value[2];
        if (!peek(vcpu, linear + 8 * i, &value[0]) || !peek(vcpu, linear + 8 * i + 8, &value[1]))
            return;
        vm_report(vcpu->vm, "  %s %016lx: %016lx %016lx", what, linear + 8 * i, value[0], value[1]);
    }
}

/* What a vCPU that hangs may wait for. Times are TSC values. */
static void dump_interrupts(struct vcpu *vcpu)
{
    const struct apic *apic = &vcpu->apic;
    struct vm *vm = vcpu->vm;

    vm_report(vm, "  now %lx next timer %lx event %lx blocked %lx priority %x",
              clock_now(&vm->clock), vcpu->timers.earliest, vcpu->mr[QUOIN_VM_ENTRY_INFO],
              vcpu->mr[QUOIN_VM_INTERRUPTIBILITY], apic->tpr);
    for (unsigned i = 0; i < 8; i++) {
        if (apic->irr.word[i] != 0 || apic->isr.word[i] != 0)
            vm_report(vm, "  interrupts from %x: requested %x in service %x", 32 * i,
                      apic->irr.word[i], apic->isr.word[i]);
    }
}

void dump_vcpu(struct vcpu *vcpu)
{
    static const char *const names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    struct vm *vm = vcpu->vm;
    const uint64_t *mr = vcpu->mr;

    vcpu->dump = false;
    vm_report(vm, "vCPU %u %s: rip %lx rflags %lx cs base %lx rights %lx", vcpu->index, doing(vcpu),
              mr[QUOIN_VM_RIP], mr[QUOIN_VM_RFLAGS], mr[QUOIN_VM_CS_BASE], mr[QUOIN_VM_CS_RIGHTS]);
    vm_report(vm, "  cr0 %lx cr3 %lx cr4 %lx efer %lx", mr[QUOIN_VM_CR0], mr[QUOIN_VM_CR3],
              mr[QUOIN_VM_CR4], mr[QUOIN_VM_EFER]);
    for (unsigned i = 0; i < 16; i += 4) {
        vm_report(vm, "  %s %lx %s %lx %s %lx %s %lx", names[i], vcpu_gpr(vcpu, i), names[i + 1],
                  vcpu_gpr(vcpu, i + 1), names[i + 2], vcpu_gpr(vcpu, i + 2), names[i + 3],
                  vcpu_gpr(vcpu, i + 3));
    }
    dump_interrupts(vcpu);
    unsigned mode = access_mode(vcpu);
    words(vcpu, "code", access_linear(vcpu, SEGMENT_CS, access_mask(mr[QUOIN_VM_RIP], mode)),
          BYTES / 8);
    words(vcpu, "stack", access_linear(vcpu, SEGMENT_SS, access_mask(vcpu_gpr(vcpu, RSP), mode)),
          WORDS);
}

void dump_request(struct vm *vm)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        vm->vcpu[i].dump = true;
        vcpu_wake(&vm->vcpu[i]);
    }
}
