/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A thread's machine state: registers, FS/GS bases, what a core has loaded of it.
 */
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/fpu.h"
#include "x86/percpu.h"
#include "x86/virt.h"
#include "x86/vspace.h"

/* Where each register of seL4_UserContext (ABI section 8) is kept. */
static const uint16_t register_offsets[] = {
    offsetof(struct context, restart_ip), offsetof(struct context, rsp),
    offsetof(struct context, rflags),     offsetof(struct context, rax),
    offsetof(struct context, rbx),        offsetof(struct context, rcx),
    offsetof(struct context, rdx),        offsetof(struct context, rsi),
    offsetof(struct context, rdi),        offsetof(struct context, rbp),
    offsetof(struct context, r8),         offsetof(struct context, r9),
    offsetof(struct context, r10),        offsetof(struct context, r11),
    offsetof(struct context, r12),        offsetof(struct context, r13),
    offsetof(struct context, r14),        offsetof(struct context, r15),
    offsetof(struct context, fs_base),    offsetof(struct context, gs_base),
};
enum { REGISTER_RIP = 0, REGISTER_RFLAGS = 2, REGISTER_FS_BASE = 18, REGISTER_GS_BASE = 19 };

static bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

void arch_tcb_init(struct tcb *t)
{
    t->context.vector = ENTRY_FULL;
    t->context.rflags = RFLAGS_USER_FORCED;
    t->context.cs = SELECTOR_USER_CODE;
    t->context.ss = SELECTOR_USER_DATA;
    fpu_init_area(t->xsave);
}

uint64_t arch_get_register(const struct tcb *t, unsigned i)
{
    if (i >= ARRAY_SIZE(register_offsets)) {
        return 0;
    }
    return *(const uint64_t *)((const char *)&t->context + register_offsets[i]);
}

void arch_set_register(struct tcb *t, unsigned i, uint64_t value)
{
    if (i >= ARRAY_SIZE(register_offsets)) {
        return;
    }
    if (i == REGISTER_RIP) {
        value = value < USER_TOP ? value : 0;
        t->context.rip = value;
    } else if (i == REGISTER_RFLAGS) {
        value = (value & RFLAGS_USER_BITS) | RFLAGS_USER_FORCED;
    } else if (i == REGISTER_FS_BASE || i == REGISTER_GS_BASE) {
        value = is_canonical(value) ? value : 0;
    }
    *(uint64_t *)((char *)&t->context + register_offsets[i]) = value;
    t->context.vector = ENTRY_FULL;
}

/* The user's GS base is in KERNEL_GS_BASE while the kernel runs. */
static uint64_t exchange_gs_base(uint64_t base)
{
    uint64_t old;
    __asm__ volatile("swapgs\n"
                     "rdgsbase %0\n"
                     "wrgsbase %1\n"
                     "swapgs"
                     : "=&r"(old)
                     : "r"(base)
                     : "memory");
    return old;
}

static void save_bases(struct context *c)
{
    if (cpu.fsgsbase) {
        c->fs_base = asm_rdfsbase();
        c->gs_base = asm_rdmsr(MSR_KERNEL_GS_BASE);
    }
}

/* Without FSGSBASE user mode cannot set a base, and what loading a selector does to it is undone
 * at the next switch. */
static void switch_bases(struct percpu *p, struct tcb *t)
{
    if (likely(cpu.fsgsbase)) {
        uint64_t fs_base = asm_rdfsbase();
        asm_wrfsbase(t->context.fs_base);
        uint64_t gs_base = exchange_gs_base(t->context.gs_base);
        if (likely(p->loaded != NULL)) {
            p->loaded->context.fs_base = fs_base;
            p->loaded->context.gs_base = gs_base;
        }
    } else {
        asm_wrmsr(MSR_FS_BASE, t->context.fs_base);
        asm_wrmsr(MSR_KERNEL_GS_BASE, t->context.gs_base);
    }
    p->loaded = t;
}

static void unload_bases(struct percpu *p)
{
    if (p->loaded != NULL) {
        save_bases(&p->loaded->context);
        p->loaded = NULL;
        p->loaded_all = NULL;
    }
}

void arch_detach(void *core)
{
    unload_bases(percpu_of(core));
}

void arch_sync_bases(struct tcb *t)
{
    struct core *self = core_self();
    for (unsigned i = 0; i < core_count; i++) {
        if (percpus[i].loaded != t) {
            continue;
        }
        if (i == self->id) {
            arch_detach(self);
        } else {
            arch_core_call(i, arch_detach, &cores[i], false);
        }
    }
}

void arch_set_fs_base(struct tcb *t, uint64_t base)
{
    t->context.fs_base = is_canonical(base) ? base : 0;
    if (percpu_of(core_self())->loaded != t) {
        return;
    }
    if (cpu.fsgsbase) {
        asm_wrfsbase(t->context.fs_base);
    } else {
        asm_wrmsr(MSR_FS_BASE, t->context.fs_base);
    }
}

static inline __attribute__((always_inline)) bool load_quickly(struct core *core, struct percpu *p,
                                                               struct tcb *t)
{
    struct tcb *before = p->loaded;
    core->current_context = &t->context;
    vspace_load(core, p, t);
    fpu_set_disabled(p, core->fpu_owner != t);
    p->entry->tss.rsp[0] = (uint64_t)(uintptr_t)&t->context.restart_ip;
    uint64_t fs_base = asm_rdfsbase();
    asm_wrfsbase(t->context.fs_base);
    uint64_t gs_base = exchange_gs_base(t->context.gs_base);
    before->context.fs_base = fs_base;
    before->context.gs_base = gs_base;
    p->loaded = t;
    p->loaded_all = t;
    return true;
}

/* By itself, as it takes a call: the way of IPC takes none. */
static __attribute__((noinline)) bool switch_beside_guest(struct core *core, struct tcb *t)
{
    virt_switch_to(core, t);
    return load_quickly(core, percpu_of(core), t);
}

bool arch_switch_quickly(struct core *core, struct tcb *t)
{
    struct percpu *p = percpu_of(core);

    if (unlikely(!cpu.quick_switch || t->space.key != core->space_key || p->loaded == NULL)) {
        return false;
    }
    if (unlikely(core->current_vcpu != NULL)) {
        return switch_beside_guest(core, t);
    }
    return load_quickly(core, p, t);
}

void arch_switch_to(struct core *core, struct tcb *t)
{
    struct percpu *p = percpu_of(core);
    /* The quick way exchanges the bases: those in the registers may not be its own already. */
    if (p->loaded_all == t ||
        (t->state != THREAD_IDLE && p->loaded != t && arch_switch_quickly(core, t))) {
        return;
    }
    core->current_context = &t->context;
    if (unlikely(core->current_vcpu != NULL)) {
        virt_switch_to(core, t);
    }
    if (unlikely(t->state == THREAD_IDLE)) {
        unload_bases(p);
        return;
    }
    vspace_switch_to(core, p, t);
    fpu_switch_to(core, p, t);
    if (p->loaded != t) {
        if (!cpu.meltdown) {
            p->entry->tss.rsp[0] = (uint64_t)(uintptr_t)&t->context.restart_ip;
        }
        switch_bases(p, t);
    }
    p->loaded_all = t;
}

void arch_tcb_finalise(struct tcb *t)
{
    arch_sync_bases(t);
    arch_fpu_release(t);
    virt_tcb_finalise(t);
}
