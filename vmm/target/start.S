/* SPDX-License-Identifier: BSD-2-Clause
 *
 * First instruction of every vCPU thread: RDI = startup page, RSI = index of the vCPU
 * (vmm/startup.h). Each thread takes its stack from the array below.
 */
    .section .text.start, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    leaq vmm_stacks(%rip), %rax
    movl %esi, %ecx
    incl %ecx
    shll $15, %ecx
    leaq (%rax,%rcx), %rsp
    xorl %ebp, %ebp
    call vmm_thread
    ud2
    .size _start, . - _start

    /* VMM_MAX_VCPUS stacks of 32 KiB (1 << 15). */
    .section .bss.vmm_stacks, "aw", @nobits
    .balign 4096
vmm_stacks:
    .skip 16 * 32768

    .section .note.GNU-stack, "", @progbits
