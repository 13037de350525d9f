/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vCPU operations by system calls.
 */
#include <stdatomic.h>
#include <stddef.h>

#include "vmm/target/call.h"
#include "vmm/target/target.h"

/*
 * The VM's lock. A thread that finds it taken says so in the word and sleeps on a notification,
 * which remembers a signal that comes before the wait. The one that is woken cannot know whether
 * others sleep too, so it takes the lock as contended and will wake the next one.
 */
enum { LOCK_FREE, LOCK_TAKEN, LOCK_CONTENDED };
static _Atomic uint32_t lock_word;

static bool svm;
static bool serves_ports;
static seL4_CPtr lock_notification;

void target_initialize(const struct vmm_startup *startup)
{
    serves_ports = (startup->features & QUOIN_FEATURE_PORT_SERVICE) != 0;
    svm = (startup->features & QUOIN_FEATURE_SVM) != 0;
    lock_notification = startup->lock;
}

void target_lock(struct vm *vm)
{
    (void)vm;
    uint32_t seen = LOCK_FREE;
    if (atomic_compare_exchange_strong_explicit(&lock_word, &seen, LOCK_TAKEN, memory_order_acquire,
                                                memory_order_relaxed))
        return;
    while (atomic_exchange_explicit(&lock_word, LOCK_CONTENDED, memory_order_acquire) != LOCK_FREE)
        call_wait(lock_notification);
}

void target_unlock(struct vm *vm)
{
    (void)vm;
    if (atomic_exchange_explicit(&lock_word, LOCK_FREE, memory_order_release) == LOCK_CONTENDED)
        call_send(lock_notification, 0, 0);
}

static uint64_t read_field(struct vcpu *vcpu, unsigned field)
{
    const struct vmm_startup_vcpu *caps = vcpu->context;
    seL4_Word value = 0;
    if (!call_invoke(caps->vcpu, X86VCPUReadVMCS, 1, field, 0, &value))
        return 0;
    return value;
}

static bool write_field(struct vcpu *vcpu, unsigned field, uint64_t value)
{
    const struct vmm_startup_vcpu *caps = vcpu->context;
    return call_invoke(caps->vcpu, X86VCPUWriteVMCS, 2, field, value, NULL);
}

static bool allow_msr(struct vcpu *vcpu, uint32_t msr, uint32_t access)
{
    const struct vmm_startup_vcpu *caps = vcpu->context;
    return call_invoke(caps->vcpu, QUOIN_LABEL_VCPU_SET_MSR_ACCESS, 2, msr, access, NULL);
}

static bool serve_port(struct vcpu *vcpu, uint16_t port, unsigned how, uint8_t value)
{
    const struct vmm_startup_vcpu *caps = vcpu->context;
    if (!serves_ports)
        return false;
    return call_invoke3(caps->vcpu, QUOIN_LABEL_VCPU_SERVE_PORT, port, how, value);
}

static bool enter(struct vcpu *vcpu, struct exit *exit)
{
    uint64_t *mr = vcpu->mr;
    struct seL4_x64_registers r = {
        .rdi = vcpu->changed,
        .mr0 = mr[QUOIN_VM_RIP],
        .mr1 = mr[QUOIN_VM_CONTROLS],
        .mr2 = mr[QUOIN_VM_ENTRY_INFO],
    };
    seL4_x64_syscall_short((seL4_Word)QUOIN_SYS_VMENTER, &r);
    mr[QUOIN_VM_RIP] = r.mr0;
    mr[QUOIN_VM_CONTROLS] = r.mr1;
    mr[QUOIN_VM_ENTRY_INFO] = r.mr2;
    if (r.rsi == 0) {
        exit->signals = r.rdi;
        return false;
    }
    mr[QUOIN_VM_EXIT_REASON] = r.mr3;
    if (__builtin_expect(svm, true))
        svm_decode(mr, exit);
    else
        vmx_decode(mr, exit);
    return true;
}

static uint64_t wait(struct vcpu *vcpu, uint64_t deadline)
{
    const struct vmm_startup_vcpu *caps = vcpu->context;
    if (caps->timer != 0 && deadline != vcpu->armed) {
        if (deadline == TIMER_NEVER)
            call_invoke(caps->timer, QUOIN_LABEL_TIMER_CANCEL, 0, 0, 0, NULL);
        else
            call_invoke(caps->timer, QUOIN_LABEL_TIMER_ARM, 1, deadline, 0, NULL);
    }
    return call_wait(caps->notification);
}

static void kick(struct vcpu *vcpu)
{
    const struct vmm_startup_vcpu *caps = vcpu->context;
    call_send(caps->notification, 0, 0);
}

const struct vcpu_operations target_operations = {
    .read = read_field,
    .write = write_field,
    .enter = enter,
    .wait = wait,
    .kick = kick,
    .allow_msr = allow_msr,
    .serve_port = serve_port,
};
