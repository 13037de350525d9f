/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/fpu.h"

#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/virt.h"

/* FXSAVE format (SDM vol. 1, 10.5.1): after reset all exceptions are masked. */
enum { FXSAVE_FCW = 0, FXSAVE_MXCSR = 24 };
#define FCW_INITIAL   0x37fu
#define MXCSR_INITIAL 0x1f80u

static void save(struct tcb *t)
{
    if (cpu.xsaveopt) {
        __asm__ volatile("xsaveopt64 (%0)" ::"r"(t->xsave), "a"(~0u), "d"(~0u) : "memory");
    } else if (cpu.xsave) {
        __asm__ volatile("xsave64 (%0)" ::"r"(t->xsave), "a"(~0u), "d"(~0u) : "memory");
    } else {
        __asm__ volatile("fxsave64 (%0)" ::"r"(t->xsave) : "memory");
    }
}

static void load(const struct tcb *t)
{
    if (cpu.xsave) {
        __asm__ volatile("xrstor64 (%0)" ::"r"(t->xsave), "a"(~0u), "d"(~0u) : "memory");
    } else {
        __asm__ volatile("fxrstor64 (%0)" ::"r"(t->xsave) : "memory");
    }
}

static inline void set_disabled(struct percpu *p, bool disabled)
{
    if (likely(p->fpu_disabled == disabled)) {
        return;
    }
    p->fpu_disabled = disabled;
    if (disabled) {
        asm_write_cr0(asm_read_cr0() | CR0_TS);
    } else {
        asm_clts();
    }
}

void fpu_init_area(uint8_t *area)
{
    area[FXSAVE_FCW] = FCW_INITIAL & 0xff;
    area[FXSAVE_FCW + 1] = FCW_INITIAL >> 8;
    area[FXSAVE_MXCSR] = MXCSR_INITIAL & 0xff;
    area[FXSAVE_MXCSR + 1] = MXCSR_INITIAL >> 8;
}

/* Empties the registers of this core into their owner's area. */
static inline void save_owner(struct core *core, struct percpu *p)
{
    struct tcb *owner = core->fpu_owner;
    if (owner != NULL) {
        set_disabled(p, false);
        p->loaded_all = NULL;
        save(owner);
        owner->fpu_core = 0;
        core->fpu_owner = NULL;
    }
}

static void release_here(void *unused)
{
    struct core *core = core_self();
    (void)unused;
    save_owner(core, percpu_of(core));
}

void arch_fpu_release(struct tcb *t)
{
    if (t == NULL || t->fpu_core == 0) {
        return;
    }
    unsigned holder = t->fpu_core - 1;
    if (holder == core_self()->id) {
        release_here(NULL);
    } else {
        arch_core_call(holder, release_here, NULL, false);
    }
}

static inline void load_for(struct core *core, struct percpu *p, struct tcb *t)
{
    set_disabled(p, false);
    if (core->fpu_owner == t) {
        return;
    }
    save_owner(core, p);
    if (unlikely(t->fpu_core != 0)) {
        arch_fpu_release(t); /* from another core */
    }
    load(t);
    core->fpu_owner = t;
    t->fpu_core = core->id + 1;
}

void fpu_switch_to(struct core *core, struct percpu *p, struct tcb *t)
{
    if ((t->flags & TCB_FLAG_FPU_DISABLED) || virt_holds_fpu(core, t)) {
        set_disabled(p, true);
    } else {
        load_for(core, p, t);
    }
}

void fpu_take_back(struct core *core)
{
    struct percpu *p = percpu_of(core);
    set_disabled(p, false);
    virt_fpu_release(core);
    load_for(core, p, core->current);
}
