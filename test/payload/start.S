/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A guest kernel of our own for tests and measurements: entered by PVH in 32-bit protected mode
 * (Xen docs/misc/pvh.pandoc), it maps the first 4 GiB one to one, goes to long mode and calls
 * payload_main(). QEMU's -kernel starts it as well.
 */
        .section .note.pvh, "a", @note
        .align  4
        .long   4, 4, 18        /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .long   start32

        .section .text.start, "ax", @progbits
        .code32
        .globl  start32
start32:
        cli
        mov     $page_tables, %edi
        /* PML4[0], then four entries of the next level, then 4 x 512 pages of 2 MiB. */
        lea     0x1003(%edi), %eax
        mov     %eax, (%edi)
        lea     0x2003(%edi), %eax
        xor     %ecx, %ecx
1:      mov     %eax, 0x1000(%edi,%ecx,8)
        add     $0x1000, %eax
        inc     %ecx
        cmp     $4, %ecx
        jne     1b
        mov     $0x83, %eax
        xor     %ecx, %ecx
2:      mov     %eax, 0x2000(%edi,%ecx,8)
        add     $0x200000, %eax
        inc     %ecx
        cmp     $2048, %ecx
        jne     2b

        mov     %edi, %cr3
        mov     $0x620, %eax            /* PAE, OSFXSR, OSXMMEXCPT */
        mov     %eax, %cr4
        mov     $0xc0000080, %ecx       /* EFER */
        rdmsr
        or      $0x900, %eax            /* LME, NXE */
        wrmsr
        mov     %cr0, %eax
        or      $0x80010001, %eax       /* PG, WP, PE */
        mov     %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $0x08, $start64

        .code64
start64:
        mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $stack_top, %esp
        mov     %ebx, %edi
        call    payload_main
3:      cli
        hlt
        jmp     3b

/* Interrupt entries: 16 bytes each, vector and error code on the stack. */
        .balign 16
        .globl  interrupt_entries
interrupt_entries:
        .set    vector, 0
        .rept   256
        .balign 16
        .if     !((0x60227d00 >> (vector & 31)) & 1) || vector > 31
        push    $0
        .endif
        push    $vector
        jmp     interrupt_common
        .set    vector, vector + 1
        .endr

interrupt_common:
        push    %rax
        push    %rcx
        push    %rdx
        push    %rsi
        push    %rdi
        push    %r8
        push    %r9
        push    %r10
        push    %r11
        mov     %rsp, %rdi
        cld
        call    payload_interrupt
        pop     %r11
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rdx
        pop     %rcx
        pop     %rax
        add     $16, %rsp
        iretq

        .section .rodata, "a", @progbits
        .balign 8
gdt:    .quad   0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
        .word   . - gdt - 1
        .quad   gdt

        .section .bss, "aw", @nobits
        .balign 4096
page_tables:
        .skip   6 * 4096
        .skip   16384
stack_top:
        .section .note.GNU-stack, "", @progbits
