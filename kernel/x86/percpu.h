/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's part of a core: descriptor tables, stacks, and what its registers hold.
 */
#ifndef KERNEL_X86_PERCPU_H
#define KERNEL_X86_PERCPU_H

#include "object/sched.h"

/* Task-state segment, SDM vol. 3, 7.7. */
struct tss {
    uint32_t unused0;
    uint64_t rsp[3];
    uint64_t unused1;
    uint64_t ist[7];
    uint64_t unused2;
    uint16_t unused3;
    uint16_t io_map_base;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "SDM vol. 3, figure 7-11");
_Static_assert(offsetof(struct tss, ist) == 36, "SDM vol. 3, figure 7-11");

enum { IST_NONE, IST_DOUBLE_FAULT, IST_NMI, IST_MACHINE_CHECK };
enum { KERNEL_STACK_PAGES = 4, IST_STACK_PAGES = 2 };

/* A call of another core's (core_call.c). */
struct core_call {
    void (*fn)(void *arg);
    void *arg;
    bool reschedule;
    bool pending; /* atomic: set by the caller, cleared when fn has run */
};

/* Page aligned; all of it may be seen while user page tables are loaded, so it holds nothing that
 * is not for every user's eyes. */
struct entry_area {
    _Alignas(4096) struct tss tss;
    uint64_t gdt[9];
    _Alignas(64) uint64_t stack[64]; /* isolated entry: processor frame; exit: IRET's frame */
};

struct percpu {
    struct core *core;
    struct entry_area *entry;
    struct tcb *loaded;     /* the thread whose FS/GS bases are in the registers, or null */
    struct tcb *loaded_all; /* the same, if FPU and address space too are as it wants them */
    unsigned loaded_asid;   /* 0: the kernel's own tables */
    bool fpu_disabled;      /* CR0.TS is set */
    bool aborted;           /* a core call took the current thread away */
    bool in_kernel_enter;   /* waiting for the lock with a user's request */
    struct core_call call;
};

extern struct percpu percpus[CONFIG_MAX_CORES];
extern struct entry_area entry_areas[CONFIG_MAX_CORES];

static inline struct percpu *percpu_of(const struct core *core)
{
    return core->percpu;
}

/* The boot core's first tables, good for panics only, before anything else. */
void percpu_init_early(void);
/* Boot core, kernel space final: makes a core's stacks and tables. */
void percpu_make(unsigned id, uint32_t apic_id);
/* On the core itself: loads them, and its GS base. */
void percpu_init_core(unsigned id);
/* Fills the IDT, once the processor's features are known. */
void idt_init(void);
void idt_load(void);

#endif
