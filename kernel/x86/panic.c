/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/panic.h"

#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/console.h"
#include "x86/kspace.h"
#include "x86/percpu.h"
#include "x86/symbols.h"

enum { MAX_FRAMES = 24 };

static bool panicking;

void arch_halt(void)
{
    for (;;) {
        asm_cli();
        asm_hlt();
    }
}

void panic_check_stop(void)
{
    if (__atomic_load_n(&panicking, __ATOMIC_ACQUIRE)) {
        arch_halt();
    }
}

/* Only the first core that panics prints; the others are stopped where they are. */
static void panic_begin(void)
{
    asm_cli();
    if (__atomic_exchange_n(&panicking, true, __ATOMIC_ACQ_REL)) {
        arch_halt();
    }
    if (core_count > 1) {
        apic_send_nmi_others();
    }
}

static void print_address(uint64_t address)
{
    uint64_t offset;
    const char *name = symbol_find(address, &offset);
    if (name != NULL) {
        console_printf("  %016lx %s+0x%lx\n", address, name, offset);
    } else {
        console_printf("  %016lx\n", address);
    }
}

static bool in_stack_area(uint64_t address)
{
    return address % 8 == 0 && address >= (uint64_t)(uintptr_t)kernel_rodata_end &&
           (address < (uint64_t)(uintptr_t)kernel_end ||
            (address >= KERNEL_DYNAMIC_BASE && address < KERNEL_DYNAMIC_BASE + BIT(28)));
}

/* Follows frame pointers; each frame must lie above the one before and in the same stack. */
static void print_backtrace(uint64_t rbp)
{
    for (unsigned i = 0; i < MAX_FRAMES && in_stack_area(rbp); i++) {
        const uint64_t *frame = (const uint64_t *)(uintptr_t)rbp;
        if (frame[1] == 0) {
            return;
        }
        print_address(frame[1]);
        if (frame[0] <= rbp || frame[0] - rbp > KERNEL_STACK_PAGES * PAGE_SIZE) {
            return;
        }
        rbp = frame[0];
    }
}

void panic_exception(const struct context *f, const struct core *core)
{
    panic_begin();
    console_printf("\nquoin: panic on core %u: exception %lu, error code %lx, CR2 %016lx\n",
                   core->id, f->vector, f->error_code, asm_read_cr2());
    console_printf("rip %016lx cs  %016lx rfl %016lx\n", f->rip, f->cs, f->rflags);
    console_printf("rsp %016lx ss  %016lx cr3 %016lx\n", f->rsp, f->ss, asm_read_cr3());
    console_printf("rax %016lx rbx %016lx rcx %016lx\n", f->rax, f->rbx, f->rcx);
    console_printf("rdx %016lx rsi %016lx rdi %016lx\n", f->rdx, f->rsi, f->rdi);
    console_printf("rbp %016lx r8  %016lx r9  %016lx\n", f->rbp, f->r8, f->r9);
    console_printf("r10 %016lx r11 %016lx r12 %016lx\n", f->r10, f->r11, f->r12);
    console_printf("r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
    print_address(f->rip);
    print_backtrace(f->rbp);
    arch_halt();
}

void kernel_panic(const char *format, ...)
{
    panic_begin();
    console_printf("\nquoin: panic on core %u: ", core_self()->id);
    va_list arguments;
    va_start(arguments, format);
    console_vprintf(format, arguments);
    va_end(arguments);
    console_printf("\n");
    print_backtrace((uint64_t)(uintptr_t)__builtin_frame_address(0));
    arch_halt();
}
