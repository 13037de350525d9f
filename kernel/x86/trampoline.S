/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a further core starts: real mode, at a page below 1 MiB that smp.c copies this to (SDM
 * vol. 3, 8.4). Straight to 64-bit mode on the boot tables, which map the first 4 GiB at 0, then to
 * the kernel's tables and smp_core_main.
 */
#include "config.h"

#define OFFSET(symbol) ((symbol) - trampoline_start)

    .section .rodata.trampoline, "a", @progbits
    .balign 16
    .globl trampoline_start
trampoline_start:
    .code16
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    lgdtl OFFSET(trampoline_gdt_pointer)
    mov $0x20, %eax /* CR4.PAE */
    mov %eax, %cr4
    mov OFFSET(trampoline_boot_cr3), %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx /* EFER */
    rdmsr
    or $0x900, %eax /* LME, NXE */
    wrmsr
    mov $0x80010001, %eax /* CR0: PG, WP, PE; CD and NW off */
    mov %eax, %cr0
    ljmpl *OFFSET(trampoline_far)

    .code64
trampoline_64:
    mov $0x10, %eax
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov trampoline_stack(%rip), %rdx
    mov trampoline_id(%rip), %edi
    mov trampoline_entry(%rip), %rax
    mov trampoline_cr3(%rip), %rcx
    jmp *trampoline_high(%rip)

    .balign 8
trampoline_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* 64-bit code */
    .quad 0x00cf93000000ffff /* data */
    /* Filled in by smp.c, in the copy. */
    .globl trampoline_gdt_pointer, trampoline_far, trampoline_boot_cr3
trampoline_gdt_pointer:
    .short 3 * 8 - 1
    .long OFFSET(trampoline_gdt)
    .balign 8
trampoline_far:
    .long OFFSET(trampoline_64)
    .short 0x08
    .balign 8
trampoline_boot_cr3:
    .long boot_pml4 - KERNEL_BASE
    .balign 8
trampoline_high:
    .quad trampoline_in_kernel
    .globl trampoline_cr3, trampoline_stack, trampoline_id, trampoline_entry
trampoline_cr3:
    .quad 0
trampoline_stack:
    .quad 0
trampoline_entry:
    .quad 0
trampoline_id:
    .long 0
    .globl trampoline_end
trampoline_end:

    .section .init.text, "ax", @progbits
trampoline_in_kernel:
    mov %rcx, %cr3
    mov %rdx, %rsp
    xor %ebp, %ebp
    call *%rax
    ud2

    .section .note.GNU-stack, "", @progbits
