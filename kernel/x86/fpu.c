/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/fpu.h"

#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/offsets.h"
#include "x86/virt.h"

/* FXSAVE format (SDM vol. 1, 10.5.1): after reset all exceptions are masked. */
enum { FXSAVE_FCW = 0, FXSAVE_MXCSR = 24 };
#define FCW_INITIAL   0x37fu
#define MXCSR_INITIAL 0x1f80u

/* Written as XSAVEOPT and XRSTOR of all enabled state; patch.c puts XSAVE, or FXSAVE and FXRSTOR,
 * in their place where the processor wants that. They differ in one field of the ModRM byte. */
#define PATCH_STRING(kind)   PATCH_STRING_2(kind)
#define PATCH_STRING_2(kind) #kind
#define PATCHED(instruction, kind)       \
    "9: " instruction "\n"               \
    ".pushsection .patches, \"a\"\n"     \
    ".quad 9b, " PATCH_STRING(kind) "\n" \
                                    ".popsection\n"

static inline void save(struct tcb *t)
{
    __asm__ volatile(PATCHED("xsaveopt64 (%%rdi)", PATCH_KIND_SAVE)::"D"(t->xsave), "a"(~0u),
                     "d"(~0u)
                     : "memory");
}

static inline void load(const struct tcb *t)
{
    __asm__ volatile(PATCHED("xrstor64 (%%rdi)", PATCH_KIND_LOAD)::"D"(t->xsave), "a"(~0u), "d"(~0u)
                     : "memory");
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
        fpu_set_disabled(p, false);
        p->loaded_all = NULL;
        save(owner);
        core->fpu_owner = NULL;
    }
}

static void release_here(void *unused)
{
    struct core *core = core_self();
    struct percpu *p = percpu_of(core);
    (void)unused;
    if (core->fpu_owner != NULL) {
        save_owner(core, p);
        /* The registers still hold that state: whoever runs here must not see it. */
        fpu_set_disabled(p, true);
    }
}

void arch_fpu_release(struct tcb *t)
{
    if (t == NULL || t->fpu_core == 0) {
        return;
    }
    unsigned holder = t->fpu_core - 1;
    if (cores[holder].fpu_owner != t) {
        return;
    }
    if (holder == core_self()->id) {
        release_here(NULL);
    } else {
        arch_core_call(holder, release_here, NULL, false);
    }
}

static inline void load_for(struct core *core, struct percpu *p, struct tcb *t)
{
    fpu_set_disabled(p, false);
    if (core->fpu_owner == t) {
        return;
    }
    virt_fpu_release(core); /* a guest's */
    save_owner(core, p);
    if (unlikely(t->fpu_core != core->id + 1)) {
        arch_fpu_release(t); /* another core may still hold it */
        t->fpu_core = core->id + 1;
    }
    load(t);
    core->fpu_owner = t;
}

void fpu_switch_to(struct core *core, struct percpu *p, struct tcb *t)
{
    if ((t->flags & TCB_FLAG_FPU_DISABLED) || virt_holds_fpu(core, t) ||
        (cpu.fpu_on_demand && core->fpu_owner != t)) {
        fpu_set_disabled(p, true);
    } else {
        load_for(core, p, t);
    }
}

bool fpu_demand(struct core *core)
{
    struct percpu *p = percpu_of(core);
    struct tcb *t = core->current;

    if (t->flags & TCB_FLAG_FPU_DISABLED) {
        return false;
    }
    load_for(core, p, t);
    return true;
}
