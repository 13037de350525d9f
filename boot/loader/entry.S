/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The loader's way in and out. GRUB enters at loader_entry as Multiboot 2 section 3.3 says: 32-bit
 * protected mode, paging off, EAX the magic, EBX the physical address of the information. The rest
 * of the loader runs in 64-bit mode with memory mapped one to one; loader_leave goes back and
 * enters the kernel in the state in which GRUB would have.
 */
#define HEADER_MAGIC  0xE85250D6
#define LOADER_MAGIC  0x36D76289

#define PAGE_PRESENT  1
#define PAGE_WRITE    2
#define PAGE_LARGE    0x80
#define STACK_SIZE    0x10000

#define CODE64        0x08
#define DATA          0x10
#define CODE32        0x18

    .section .boot.header, "a", @progbits
    .balign 8
header:
    .long HEADER_MAGIC
    .long 0 /* i386 */
    .long header_end - header
    .long -(HEADER_MAGIC + 0 + (header_end - header))
    .short 0, 0 /* end tag */
    .long 8
header_end:

    .section .boot.text, "ax", @progbits
    .code32
    .globl loader_entry
loader_entry:
    cli
    cld
    mov $stack_top, %esp
    mov %eax, %edi
    mov %ebx, %esi

    /* 64-bit mode is there: CPUID leaf 80000001h, EDX bit 29 (SDM volume 2). */
    mov $0x80000000, %eax
    cpuid
    cmp $0x80000001, %eax
    jb no_long_mode
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx
    jnc no_long_mode
    mov %edx, %ebp

    /* The first 4 GiB in pages of 2 MiB. */
    mov $tables_pd, %ebx
    mov $(PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE), %eax
    mov $2048, %ecx
1:  mov %eax, (%ebx)
    movl $0, 4(%ebx)
    add $0x200000, %eax
    add $8, %ebx
    loop 1b
    mov $(tables_pd + PAGE_PRESENT + PAGE_WRITE), %eax
    mov $tables_pdpt, %ebx
    mov $4, %ecx
2:  mov %eax, (%ebx)
    add $0x1000, %eax
    add $8, %ebx
    loop 2b
    movl $4, loader_mapped_gib

    /* Up to 512 GiB in pages of 1 GiB where there are such: a framebuffer may lie there. */
    bt $26, %ebp
    jnc 4f
    mov $4, %ecx
3:  mov %ecx, %eax
    shl $30, %eax
    or $(PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE), %eax
    mov %eax, (%ebx)
    mov %ecx, %eax
    shr $2, %eax
    mov %eax, 4(%ebx)
    add $8, %ebx
    inc %ecx
    cmp $512, %ecx
    jb 3b
    movl $512, loader_mapped_gib
4:  movl $(tables_pdpt + PAGE_PRESENT + PAGE_WRITE), tables_pml4

    mov %cr0, %eax
    mov %eax, entry_cr0
    mov %cr4, %eax
    mov %eax, entry_cr4
    mov $0x620, %eax /* PAE, and SSE for the compiler: OSFXSR, OSXMMEXCPT */
    mov %eax, %cr4
    mov $tables_pml4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx /* EFER */
    rdmsr
    or $0x100, %eax /* LME */
    wrmsr
    mov %cr0, %eax
    and $0x9ffffff3, %eax /* CD, NW, TS, EM off */
    or $0x80010023, %eax  /* PG, WP, NE, MP, PE */
    mov %eax, %cr0
    lgdt gdt_pointer
    ljmp $CODE64, $enter64

no_long_mode:
    mov $no_long_mode_text, %esi
    mov $0x3f8, %dx
5:  lodsb
    test %al, %al
    jz 6f
    out %al, %dx
    jmp 5b
6:  hlt
    jmp 6b

    .code64
enter64:
    mov $DATA, %eax
    mov %eax, %ss
    mov %eax, %ds
    mov %eax, %es
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov $stack_top, %rsp
    xor %ebp, %ebp
    mov %edi, %edi
    mov %esi, %esi
    call loader_main
    ud2

/* One stub for each exception (SDM volume 3, section 6.3.1): they are 16 bytes apart. */
    .balign 16
    .globl loader_exception_stubs
loader_exception_stubs:
    .set vector, 0
    .rept 32
    .balign 16
    mov $vector, %edi
    jmp exception
    .set vector, vector + 1
    .endr
exception:
    mov $stack_top, %rsp
    call loader_exception
    ud2

/* void loader_leave(uint32_t entry, uint32_t info) */
    .globl loader_leave
loader_leave:
    cli
    mov %edi, %ebp
    mov %esi, %ebx
    pushq $CODE32
    pushq $leave32
    lretq
    .code32
leave32:
    mov $DATA, %eax
    mov %eax, %ss
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov entry_cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    mov $0xc0000080, %ecx
    rdmsr
    and $0xfffffeff, %eax
    wrmsr
    mov entry_cr4, %eax
    mov %eax, %cr4
    mov $LOADER_MAGIC, %eax
    jmp *%ebp

    .section .boot.rodata, "a", @progbits
no_long_mode_text:
    .asciz "loader: this processor has no 64-bit mode\r\n"
    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* 64-bit code */
    .quad 0x00cf93000000ffff /* data */
    .quad 0x00cf9b000000ffff /* 32-bit code */
gdt_pointer:
    .short . - gdt - 1
    .long gdt

    .section .bss, "aw", @nobits
    .balign 4096
tables_pml4:
    .skip 4096
tables_pdpt:
    .skip 4096
tables_pd:
    .skip 4 * 4096
    .skip STACK_SIZE
stack_top:
entry_cr0:
    .skip 4
entry_cr4:
    .skip 4
    .globl loader_mapped_gib
loader_mapped_gib:
    .skip 4

    .section .note.GNU-stack, "", @progbits
