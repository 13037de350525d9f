/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ways into the kernel and out of it. Interrupts are off throughout; FMASK and interrupt gates see
 * to it. A user thread's registers go straight into its struct context: on SYSCALL by moves, on an
 * interrupt the processor itself pushes the first five (TSS.RSP0 is the context's end). With
 * Meltdown isolation contexts are not mapped in user page tables; then the processor pushes on a
 * small stack in the entry area, and the stub copies.
 *
 * This section, the entry areas and the first page of each struct core are all of the kernel that
 * user page tables map then.
 */
#include "config.h"
#include "x86/offsets.h"

    .section .entry.text, "ax", @progbits

/* All general registers but RCX, R11 (SYSCALL replaced them) into the context at RSP. */
.macro SAVE_SYSCALL_REGISTERS
    mov %r15, CONTEXT_R15(%rsp)
    mov %r14, CONTEXT_R14(%rsp)
    mov %r13, CONTEXT_R13(%rsp)
    mov %r12, CONTEXT_R12(%rsp)
    mov %rbp, CONTEXT_RBP(%rsp)
    mov %rbx, CONTEXT_RBX(%rsp)
    mov %r10, CONTEXT_R10(%rsp)
    mov %r9, CONTEXT_R9(%rsp)
    mov %r8, CONTEXT_R8(%rsp)
    mov %rax, CONTEXT_RAX(%rsp)
    mov %rdx, CONTEXT_RDX(%rsp)
    mov %rsi, CONTEXT_RSI(%rsp)
    mov %rdi, CONTEXT_RDI(%rsp)
.endm

.macro LOAD_SYSCALL_REGISTERS
    mov CONTEXT_R15(%rsp), %r15
    mov CONTEXT_R14(%rsp), %r14
    mov CONTEXT_R13(%rsp), %r13
    mov CONTEXT_R12(%rsp), %r12
    mov CONTEXT_RBP(%rsp), %rbp
    mov CONTEXT_RBX(%rsp), %rbx
    mov CONTEXT_R10(%rsp), %r10
    mov CONTEXT_R9(%rsp), %r9
    mov CONTEXT_R8(%rsp), %r8
    mov CONTEXT_RAX(%rsp), %rax
    mov CONTEXT_RDX(%rsp), %rdx
    mov CONTEXT_RSI(%rsp), %rsi
    mov CONTEXT_RDI(%rsp), %rdi
.endm

/* All general registers onto a stack that holds the upper part of a struct context, and back with
 * vector and error code dropped. */
.macro PUSH_CONTEXT
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
.endm

.macro POP_CONTEXT
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    add $16, %rsp
.endm

/* Room for VERW (clears buffers, SDM's MD_CLEAR), put there by patch.c where the processor needs
 * it: 8 bytes, one instruction. */
.macro PATCH_VERW
9:  .byte 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
    .pushsection .patches, "a"
    .quad 9b, PATCH_KIND_VERW
    .popsection
.endm

/* The current context is in RSP. */
.macro SYSCALL_TO_C
    mov %rcx, CONTEXT_RIP(%rsp)
    sub $2, %rcx /* SYSCALL's length */
    mov %rcx, CONTEXT_RESTART_IP(%rsp)
    mov %r11, CONTEXT_RFLAGS(%rsp)
    mov %gs:CORE_SCRATCH, %rcx
    SAVE_SYSCALL_REGISTERS
    mov %rcx, CONTEXT_RSP(%rsp)
    movq $ENTRY_SYSCALL, CONTEXT_VECTOR(%rsp)
    mov %gs:CORE_KERNEL_STACK, %rsp
    mov %gs:CORE_SELF, %rdi
    call dispatch_syscall
.endm

    .balign 8
    .globl entry_verw_selector
entry_verw_selector:
    .short SELECTOR_KERNEL_DATA

    .balign 64
    .globl entry_syscall
entry_syscall:
    swapgs
    mov %rsp, %gs:CORE_SCRATCH
    mov %gs:CORE_CONTEXT, %rsp
    SYSCALL_TO_C
    .globl entry_exit
entry_exit:
    mov %gs:CORE_CONTEXT, %rsp
    cmpl $ENTRY_SYSCALL, CONTEXT_VECTOR(%rsp)
    jne exit_full
    LOAD_SYSCALL_REGISTERS
    mov CONTEXT_RIP(%rsp), %rcx
    mov CONTEXT_RFLAGS(%rsp), %r11
    mov CONTEXT_RSP(%rsp), %rsp
    PATCH_VERW
    swapgs
    sysretq

    .balign 16
exit_full:
    POP_CONTEXT
    PATCH_VERW
    swapgs
    iretq

/* The same with Meltdown isolation. */
    .balign 64
    .globl entry_syscall_isolated
entry_syscall_isolated:
    swapgs
    mov %rsp, %gs:CORE_SCRATCH
    mov %gs:CORE_KERNEL_CR3, %rsp
    mov %rsp, %cr3
    mov %gs:CORE_CONTEXT, %rsp
    SYSCALL_TO_C
    .globl entry_exit_isolated
entry_exit_isolated:
    mov %gs:CORE_CONTEXT, %rsp
    cmpl $ENTRY_SYSCALL, CONTEXT_VECTOR(%rsp)
    jne exit_full_isolated
    mov CONTEXT_RSP(%rsp), %rcx
    mov %rcx, %gs:CORE_SCRATCH
    LOAD_SYSCALL_REGISTERS
    mov CONTEXT_RIP(%rsp), %rcx
    mov CONTEXT_RFLAGS(%rsp), %r11
    mov %gs:CORE_USER_CR3, %rsp
    mov %rsp, %cr3
    mov %gs:CORE_SCRATCH, %rsp
    PATCH_VERW
    swapgs
    sysretq

    .balign 16
exit_full_isolated:
    mov %gs:CORE_EXIT_FRAME, %rdi
    lea CONTEXT_RIP(%rsp), %rsi
    mov $5, %ecx
    rep movsq
    LOAD_SYSCALL_REGISTERS
    mov CONTEXT_R11(%rsp), %r11
    mov CONTEXT_RCX(%rsp), %rcx
    mov %gs:CORE_USER_CR3, %rsp
    mov %rsp, %cr3
    mov %gs:CORE_EXIT_FRAME, %rsp
    PATCH_VERW
    swapgs
    iretq

/* The current context, its upper end filled, is in RSP. */
.macro INTERRUPT_TO_C
    SAVE_SYSCALL_REGISTERS
    mov %rcx, CONTEXT_RCX(%rsp)
    mov %r11, CONTEXT_R11(%rsp)
    mov %gs:CORE_KERNEL_STACK, %rsp
    pushq $2
    popfq /* AC, DF, NT, TF off */
    mov %gs:CORE_SELF, %rdi
    xor %ebp, %ebp
    call dispatch_interrupt
.endm

/* Stubs: the processor has pushed SS, RSP, RFLAGS, CS, RIP and for some exceptions an error code;
 * they complete it to the end of a struct context. */
.macro STUBS target
    .set vector, 0
    .rept 256
    .balign ENTRY_STUB_SIZE
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq $vector
    jmp \target
    .set vector, vector + 1
    .endr
    .balign ENTRY_STUB_SIZE
.endm

    .balign 64
    .globl entry_stubs
entry_stubs:
    STUBS interrupt_common
    .globl entry_stubs_isolated
entry_stubs_isolated:
    STUBS interrupt_isolated

    .balign 16
interrupt_common:
    testb $3, (CONTEXT_CS - CONTEXT_VECTOR)(%rsp)
    jz interrupt_in_kernel
    swapgs
    lfence /* no access through the user's GS base in speculation (CVE-2019-1125) */
    sub $CONTEXT_VECTOR, %rsp
    INTERRUPT_TO_C
    jmp entry_exit

    .balign 16
interrupt_isolated:
    testb $3, (CONTEXT_CS - CONTEXT_VECTOR)(%rsp)
    jz interrupt_in_kernel
    swapgs
    lfence
    push %rax
    mov %gs:CORE_KERNEL_CR3, %rax
    mov %rax, %cr3
    mov %gs:CORE_CONTEXT, %rax
    popq CONTEXT_RAX(%rax)
    popq CONTEXT_VECTOR(%rax)
    popq CONTEXT_ERROR_CODE(%rax)
    popq CONTEXT_RIP(%rax)
    popq CONTEXT_CS(%rax)
    popq CONTEXT_RFLAGS(%rax)
    popq CONTEXT_RSP(%rax)
    popq CONTEXT_SS(%rax)
    mov %rax, %rsp
    mov CONTEXT_RAX(%rsp), %rax
    INTERRUPT_TO_C
    jmp entry_exit_isolated

/* An interrupt in kernel mode comes only inside arch_interrupt_wait and arch_interrupt_window: the frame
 * is dropped, and their call returns its vector. An exception is the kernel's own, and so is the fault
 * if an interrupt comes elsewhere: RAX is lost to the report then. */
interrupt_in_kernel:
    cmpq $32, (%rsp)
    jb exception_in_kernel
    mov (CONTEXT_RIP - CONTEXT_VECTOR)(%rsp), %rax
    sub $arch_interrupt_wait, %rax
    cmp $(interrupt_windows_end - arch_interrupt_wait), %rax
    jae exception_in_kernel
    mov (%rsp), %eax
    mov (CONTEXT_RSP - CONTEXT_VECTOR)(%rsp), %rsp
    ret

exception_in_kernel:
    PUSH_CONTEXT
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call dispatch_kernel_exception /* returns if there was a fixup for it */
    mov %rbx, %rsp
    jmp return_to_kernel

    .globl arch_interrupt_wait
arch_interrupt_wait:
    sti
    hlt
    cli
    xor %eax, %eax
    ret

    .globl arch_interrupt_window
arch_interrupt_window:
    sti
    nop
    nop
    cli
    xor %eax, %eax
    ret
interrupt_windows_end:

/* NMI, double fault and machine check can come anywhere: own stacks, whose top holds the core and
 * (with isolation) the kernel's CR3 above the frame. GS is not touched. */
    .globl entry_nmi
entry_nmi:
    pushq $0
    pushq $2
    jmp ist_common
    .globl entry_double_fault
entry_double_fault:
    pushq $8
    jmp ist_common
    .globl entry_machine_check
entry_machine_check:
    pushq $0
    pushq $18
ist_common:
    PUSH_CONTEXT
    cld
    mov %cr3, %r12
    mov IST_KERNEL_CR3(%rsp), %rax
    test %rax, %rax
    jz 1f
    mov %rax, %cr3
1:  mov %rsp, %rdi
    mov %rsp, %rbx
    mov IST_CORE(%rsp), %rsi
    call dispatch_ist
    cmpq $0, IST_KERNEL_CR3(%rsp)
    je return_to_kernel
    mov %r12, %cr3
return_to_kernel:
    POP_CONTEXT
    iretq

    .section .note.GNU-stack, "", @progbits
