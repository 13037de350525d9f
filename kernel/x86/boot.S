/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a Multiboot loader enters: 32-bit protected mode, paging off, EAX the loader's magic,
 * EBX the physical address of its information (Multiboot 1 section 3.2, Multiboot 2 section 3.3).
 * Gets the processor into long mode in the high half and calls boot_main.
 */
#include "config.h"

#define PHYSICAL(symbol) ((symbol) - KERNEL_BASE)
#define MULTIBOOT1_MAGIC 0x1BADB002
#define MULTIBOOT1_FLAGS 3 /* modules page aligned, memory information */
#define MULTIBOOT2_MAGIC 0xE85250D6

#define PAGE_PRESENT 1
#define PAGE_WRITE   2
#define PAGE_LARGE   0x80

    .section .boot.header, "a", @progbits
    .balign 8
multiboot1_header:
    .long MULTIBOOT1_MAGIC
    .long MULTIBOOT1_FLAGS
    .long -(MULTIBOOT1_MAGIC + MULTIBOOT1_FLAGS)
    .balign 8
multiboot2_header:
    .long MULTIBOOT2_MAGIC
    .long 0 /* i386 */
    .long multiboot2_header_end - multiboot2_header
    .long -(MULTIBOOT2_MAGIC + 0 + (multiboot2_header_end - multiboot2_header))
    .short 0, 0 /* end tag */
    .long 8
multiboot2_header_end:

    .section .boot.text, "ax", @progbits
    .code32
    .globl boot_entry
boot_entry:
    cli
    cld
    mov $PHYSICAL(boot_stack_top), %esp
    mov %eax, %edi
    mov %ebx, %esi

    /* Long mode? (SDM vol. 2 CPUID, leaf 80000001h EDX bit 29) */
    mov $0x80000000, %eax
    cpuid
    cmp $0x80000001, %eax
    jb no_long_mode
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx
    jnc no_long_mode

    /* The first 4 GiB at 0 and in the physical window, the first GiB at KERNEL_BASE. */
    mov $PHYSICAL(boot_pd), %ebx
    mov $(PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE), %eax
    mov $2048, %ecx
1:  mov %eax, (%ebx)
    movl $0, 4(%ebx)
    add $0x200000, %eax
    add $8, %ebx
    loop 1b

    mov $(PHYSICAL(boot_pd) + PAGE_PRESENT + PAGE_WRITE), %eax
    mov %eax, PHYSICAL(boot_pdpt) + 510 * 8
    mov $PHYSICAL(boot_pdpt), %ebx
    mov $4, %ecx
2:  mov %eax, (%ebx)
    add $0x1000, %eax
    add $8, %ebx
    loop 2b

    mov $(PHYSICAL(boot_pdpt) + PAGE_PRESENT + PAGE_WRITE), %eax
    mov %eax, PHYSICAL(boot_pml4)
    mov %eax, PHYSICAL(boot_pml4) + 511 * 8

    call enter_long_mode
    .code64
    movabs $boot_high, %rax
    jmp *%rax
    .code32

/* Loads boot_pml4 and returns in 64-bit mode, still at low addresses. Used by the boot core. */
enter_long_mode:
    mov %cr4, %eax
    or $0x20, %eax /* PAE */
    mov %eax, %cr4
    mov $PHYSICAL(boot_pml4), %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx /* EFER */
    rdmsr
    or $0x100, %eax /* LME */
    wrmsr
    mov %cr0, %eax
    and $0x9fffffff, %eax /* CD, NW off */
    or $0x80010001, %eax  /* PG, WP, PE */
    mov %eax, %cr0
    lgdt boot_gdt_pointer
    pop %eax
    push $0x08
    push %eax
    lret

no_long_mode:
    mov $no_long_mode_text, %esi
    mov $0x3f8, %dx
3:  lodsb
    test %al, %al
    jz 4f
    out %al, %dx
    jmp 3b
4:  hlt
    jmp 4b

    .section .boot.rodata, "a", @progbits
no_long_mode_text:
    .asciz "quoin: this processor has no 64-bit mode\r\n"
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* 64-bit code */
    .quad 0x00cf93000000ffff /* data */
boot_gdt_pointer:
    .short . - boot_gdt - 1
    .long boot_gdt

    .section .init.text, "ax", @progbits
    .code64
boot_high:
    mov $0x10, %eax
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov $boot_stack_top, %rsp
    xor %ebp, %ebp
    mov %edi, %edi /* upper halves are undefined after the mode switch */
    mov %esi, %esi
    call boot_main
    ud2

    .section .bss.boot, "aw", @nobits
    .balign 4096
    .globl boot_pml4
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 4 * 4096
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
