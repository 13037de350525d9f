/* SPDX-License-Identifier: BSD-2-Clause
 *
 * unsigned vmx_enter(struct vcpu *v, bool clear_buffers)
 *
 * Runs the guest of the current VMCS until a VM exit (SDM vol. 3, chapters 27, 28): returns 0, or 1
 * if VMLAUNCH or VMRESUME failed and nothing happened. Interrupts are off throughout. A failure
 * after the entry loaded guest state comes back as a VM exit does, with the host's state loaded.
 */
#define VCPU_LAUNCHED 120
#define VCPU_HOST_RSP 128
#define VMCS_HOST_RSP 0x6c14

        .text
        .globl  vmx_enter
        .type   vmx_enter, @function
vmx_enter:
        push    %rbp
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        push    %rdi
        cmp     %rsp, VCPU_HOST_RSP(%rdi)
        je      1f
        mov     %rsp, VCPU_HOST_RSP(%rdi)
        mov     $VMCS_HOST_RSP, %eax
        vmwrite %rsp, %rax
1:      test    %sil, %sil
        jz      2f
        pushq   $0x10 /* any selector that can be written to: the kernel's data */
        verw    (%rsp)
        lea     8(%rsp), %rsp
2:      cmpq    $0, VCPU_LAUNCHED(%rdi)
        mov     0(%rdi), %rax
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
        je      3f
        vmresume
        jmp     4f
3:      vmlaunch
4:      /* It failed: the guest's registers are unchanged in the VCPU. */
        pop     %rdi
        mov     $1, %eax
        jmp     5f

        .globl  vmx_exit_point
vmx_exit_point:
        push    %rdi
        mov     8(%rsp), %rdi
        mov     %rax, 0(%rdi)
        mov     %rbx, 8(%rdi)
        mov     %rcx, 16(%rdi)
        mov     %rdx, 24(%rdi)
        mov     %rsi, 32(%rdi)
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
        mov     %rax, 40(%rdi)
        pop     %rdi
        xor     %eax, %eax

        /* No guest value is left for speculation in the kernel to use as an address. */
5:      xor     %ecx, %ecx
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
        ret
        .size   vmx_enter, . - vmx_enter
        .section .note.GNU-stack, "", @progbits
