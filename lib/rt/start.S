/* SPDX-License-Identifier: BSD-2-Clause
 *
 * First instruction of a component. The kernel and init start it with RDI = the address of its boot
 * information and no stack (ABI sheet, section 2).
 */
    .section .text.start, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    leaq rt_first_stack_top(%rip), %rsp
    xorl %ebp, %ebp
    call rt_start
    ud2
    .size _start, . - _start

    /* 64 KiB for the first thread; the page below is never mapped on purpose, so keep frames small. */
    .section .bss.rt_first_stack, "aw", @nobits
    .balign 4096
    .globl rt_first_stack
rt_first_stack:
    .skip 65536
rt_first_stack_top:

    .section .note.GNU-stack, "", @progbits
