/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Entry of the small guest: PVH (Xen docs/misc/pvh.pandoc), 32-bit protected mode without paging.
 */
    .section .note.pvh, "a", @note
    .long 4, 4, 18 /* sizes; XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long payload_start

    .section .text.start, "ax", @progbits
    .code32
    .globl payload_start
payload_start:
    movl $payload_stack_top, %esp
    xorl %ebp, %ebp
    pushl %ebx /* the start info */
    call payload_main
1:  cli
    hlt
    jmp 1b

    /* The local APIC's timer interrupt of sleep.c: noted and ended (EOI, SDM vol. 3, 10.8.5). */
    .globl on_timer
on_timer:
    movl $1, woken
    movl $0, 0xfee000b0
    iret

    .section .bss
    .balign 16
    .skip 16384
payload_stack_top:

    .section .note.GNU-stack, "", @progbits
