/* SPDX-License-Identifier: BSD-2-Clause
 *
 * void svm_enter(struct vcpu *v, uint64_t vmcb, uint64_t host_vmcb)
 *
 * Runs the guest until an exit (AMD APM vol. 2, 15.5). Interrupts are off at entry and return.
 * VMRUN itself saves and restores what APM 15.5.1 lists; VMSAVE and VMLOAD do the rest of the
 * segment state and the SYSCALL and SYSENTER registers, the host's into a block of this core. RAX
 * is in the VMCB. With GIF clear nothing interrupts before VMRUN; RFLAGS.IF must be 1 there so
 * that a physical interrupt ends the guest (APM 15.21.1). STI stands early: its shadow would reach
 * into the guest in QEMU's TCG and hold a virtual interrupt back for an instruction.
 */
        .text
        .globl  svm_enter
        .type   svm_enter, @function
svm_enter:
        push    %rbp
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        push    %rdx
        push    %rdi
        clgi
        sti
        mov     %rdx, %rax
        vmsave  %rax
        mov     %rsi, %rax
        vmload  %rax

        mov     8(%rdi), %rbx
        mov     16(%rdi), %rcx
        mov     24(%rdi), %rdx
        mov     32(%rdi), %rsi
        mov     48(%rdi), %rbp
        mov     56(%rdi), %r8
        mov     64(%rdi), %r9
        mov     72(%rdi), %r10
        mov     80(%rdi), %r11
        mov     88(%rdi), %r12
        mov     96(%rdi), %r13
        mov     104(%rdi), %r14
        mov     112(%rdi), %r15
        mov     40(%rdi), %rdi
        .globl  svm_vmrun
svm_vmrun:
        vmrun   %rax
        cli

        /* RAX and RSP are the host's again, all other registers still the guest's. */
        vmsave  %rax
        mov     %rdi, %rax
        pop     %rdi
        mov     %rbx, 8(%rdi)
        mov     %rcx, 16(%rdi)
        mov     %rdx, 24(%rdi)
        mov     %rsi, 32(%rdi)
        mov     %rax, 40(%rdi)
        mov     %rbp, 48(%rdi)
        mov     %r8, 56(%rdi)
        mov     %r9, 64(%rdi)
        mov     %r10, 72(%rdi)
        mov     %r11, 80(%rdi)
        mov     %r12, 88(%rdi)
        mov     %r13, 96(%rdi)
        mov     %r14, 104(%rdi)
        mov     %r15, 112(%rdi)
        pop     %rax
        vmload  %rax

        /* No guest value is left for speculation in the kernel to use as an address. */
        xor     %ecx, %ecx
        xor     %edx, %edx
        xor     %esi, %esi
        xor     %r8d, %r8d
        xor     %r9d, %r9d
        xor     %r10d, %r10d
        xor     %r11d, %r11d
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbx
        pop     %rbp
        stgi
        ret
        .size   svm_enter, . - svm_enter
        .section .note.GNU-stack, "", @progbits
