/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Descriptor tables and stacks of each core (SDM vol. 3, chapters 3, 6, 7).
 */
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/entry.h"
#include "x86/kspace.h"
#include "x86/offsets.h"
#include "x86/percpu.h"

struct percpu percpus[CONFIG_MAX_CORES];
struct entry_area entry_areas[CONFIG_MAX_CORES];

_Static_assert(sizeof(struct core) % PAGE_SIZE == 0, "the first page of each is shared");
_Static_assert(sizeof(struct entry_area) == PAGE_SIZE, "one page each");

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "SDM vol. 3, figure 6-8");

static _Alignas(4096) struct gate idt[256];

#define GATE_INTERRUPT 0x8e
#define GATE_USER      0x60 /* DPL 3: INT n from user mode gets there */

#define GDT_KERNEL_CODE 0x00af9b000000ffffull
#define GDT_KERNEL_DATA 0x00cf93000000ffffull
#define GDT_USER_CODE   0x00affb000000ffffull
#define GDT_USER_DATA   0x00cff3000000ffffull
#define GDT_TSS_TYPE    0x0000890000000000ull

/* Each core has 256 KiB of the dynamic part: every stack ends at the top of its 64 KiB, so that
 * what lies below it is not mapped. */
#define STACKS_SIZE 0x40000ull
#define STACK_STEP  0x10000ull
enum { STACK_KERNEL, STACK_DOUBLE_FAULT, STACK_NMI, STACK_MACHINE_CHECK, STACK_KINDS };

static uint64_t stack_top(unsigned id, unsigned kind)
{
    return KERNEL_DYNAMIC_BASE + id * STACKS_SIZE + (kind + 1) * STACK_STEP;
}

static void set_gate(unsigned vector, const void *target, unsigned ist, uint8_t type)
{
    uint64_t address = (uint64_t)(uintptr_t)target;
    idt[vector] = (struct gate){
        .offset_low = (uint16_t)address,
        .selector = SELECTOR_KERNEL_CODE,
        .ist = (uint8_t)ist,
        .type = type,
        .offset_middle = (uint16_t)(address >> 16),
        .offset_high = (uint32_t)(address >> 32),
    };
}

/* Vectors that a user program may raise itself: INT3, INTO, and those that are no interrupt's
 * (ABI section 5: unknown system calls). */
static bool user_may_raise(unsigned vector)
{
    return vector == 3 || vector == 4 || (vector > VECTOR_RESCHEDULE && vector < VECTOR_SPURIOUS);
}

void idt_init(void)
{
    const char *stubs = cpu.meltdown ? entry_stubs_isolated : entry_stubs;
    for (unsigned v = 0; v < 256; v++) {
        uint8_t type = GATE_INTERRUPT | (user_may_raise(v) ? GATE_USER : 0);
        set_gate(v, stubs + v * ENTRY_STUB_SIZE, IST_NONE, type);
    }
    set_gate(2, (const void *)(uintptr_t)entry_nmi, IST_NMI, GATE_INTERRUPT);
    set_gate(8, (const void *)(uintptr_t)entry_double_fault, IST_DOUBLE_FAULT, GATE_INTERRUPT);
    set_gate(18, (const void *)(uintptr_t)entry_machine_check, IST_MACHINE_CHECK, GATE_INTERRUPT);
}

void idt_load(void)
{
    struct descriptor_pointer pointer = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};
    asm_lidt(&pointer);
}

static void load_tables(unsigned id)
{
    struct entry_area *area = &entry_areas[id];
    uint64_t tss = (uint64_t)(uintptr_t)&area->tss;
    area->gdt[SELECTOR_KERNEL_CODE / 8] = GDT_KERNEL_CODE;
    area->gdt[SELECTOR_KERNEL_DATA / 8] = GDT_KERNEL_DATA;
    area->gdt[SELECTOR_STAR_USER / 8 + 1] = GDT_USER_DATA;
    area->gdt[SELECTOR_USER_CODE / 8] = GDT_USER_CODE;
    area->gdt[SELECTOR_USER_DATA / 8] = GDT_USER_DATA;
    area->gdt[SELECTOR_TSS / 8] =
        GDT_TSS_TYPE | (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56;
    area->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;
    area->tss.io_map_base = sizeof(struct tss); /* no ports for user mode */

    struct descriptor_pointer pointer = {sizeof(area->gdt) - 1, (uint64_t)(uintptr_t)area->gdt};
    asm_lgdt(&pointer);
    __asm__ volatile("pushq %0\n"
                     "leaq 1f(%%rip), %%rax\n"
                     "pushq %%rax\n"
                     "lretq\n"
                     "1: mov %1, %%ss\n"
                     "mov %2, %%ds\n"
                     "mov %2, %%es\n"
                     "mov %2, %%fs\n"
                     "mov %2, %%gs\n" ::"i"(SELECTOR_KERNEL_CODE),
                     "r"(SELECTOR_KERNEL_DATA), "r"(0)
                     : "rax", "memory");
    asm_lldt(0);
    asm_ltr(SELECTOR_TSS);
    idt_load();
    asm_wrmsr(MSR_GS_BASE, (uint64_t)(uintptr_t)&cores[id]);
    asm_wrmsr(MSR_KERNEL_GS_BASE, 0);
    asm_wrmsr(MSR_FS_BASE, 0);
}

static void init_core(unsigned id, uint32_t apic_id)
{
    struct core *core = &cores[id];
    core->self = core;
    core->id = id;
    core->apic_id = apic_id;
    core->percpu = &percpus[id];
    percpus[id].core = core;
    percpus[id].entry = &entry_areas[id];
}

void percpu_init_early(void)
{
    init_core(0, 0);
    idt_init();
    load_tables(0);
}

/* The top of an IST stack tells entry code which core it is on (offsets.h). */
static uint64_t make_ist_stack(unsigned id, unsigned kind)
{
    uint64_t top = stack_top(id, kind);
    kspace_map_memory(top - IST_STACK_PAGES * PAGE_SIZE, IST_STACK_PAGES, true);
    uint64_t *words = (uint64_t *)(uintptr_t)(top - IST_TOP_SIZE);
    words[0] = (uint64_t)(uintptr_t)&cores[id];
    words[1] = cpu.meltdown ? kspace_cr3() : 0;
    return top - IST_TOP_SIZE;
}

void percpu_make(unsigned id, uint32_t apic_id)
{
    struct core *core = &cores[id];
    struct entry_area *area = &entry_areas[id];
    init_core(id, apic_id);
    core->kernel_stack = stack_top(id, STACK_KERNEL);
    kspace_map_memory(core->kernel_stack - KERNEL_STACK_PAGES * PAGE_SIZE, KERNEL_STACK_PAGES,
                      false);
    area->tss.ist[IST_DOUBLE_FAULT - 1] = make_ist_stack(id, STACK_DOUBLE_FAULT);
    area->tss.ist[IST_NMI - 1] = make_ist_stack(id, STACK_NMI);
    area->tss.ist[IST_MACHINE_CHECK - 1] = make_ist_stack(id, STACK_MACHINE_CHECK);
    if (cpu.meltdown) {
        core->kernel_cr3 = kspace_cr3();
        area->tss.rsp[0] = (uint64_t)(uintptr_t)(area->stack + ARRAY_SIZE(area->stack));
        core->exit_frame = area->tss.rsp[0] - 5 * sizeof(uint64_t);
        kspace_share(core, PAGE_SIZE, true, false);
        kspace_share(area, PAGE_SIZE, true, false);
        kspace_share(idt, sizeof(idt), false, false);
    }
}

void percpu_init_core(unsigned id)
{
    load_tables(id);
}
