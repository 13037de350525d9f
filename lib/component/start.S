/* SPDX-License-Identifier: BSD-2-Clause
 *
 * First instruction of a component: RDI = its struct component_info, no stack.
 */
    .section .text.start, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    leaq component_stack_top(%rip), %rsp
    xorl %ebp, %ebp
    call component_start
    ud2
    .size _start, . - _start

    .section .bss.component_stack, "aw", @nobits
    .balign 4096
component_stack:
    .skip 65536
component_stack_top:

    .section .note.GNU-stack, "", @progbits
