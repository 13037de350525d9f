/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Numbers that entry.S shares with C; dispatch.c asserts each.
 */
#ifndef KERNEL_X86_OFFSETS_H
#define KERNEL_X86_OFFSETS_H

#define CONTEXT_R15        0
#define CONTEXT_R14        8
#define CONTEXT_R13        16
#define CONTEXT_R12        24
#define CONTEXT_RBP        32
#define CONTEXT_RBX        40
#define CONTEXT_R11        48
#define CONTEXT_R10        56
#define CONTEXT_R9         64
#define CONTEXT_R8         72
#define CONTEXT_RAX        80
#define CONTEXT_RCX        88
#define CONTEXT_RDX        96
#define CONTEXT_RSI        104
#define CONTEXT_RDI        112
#define CONTEXT_VECTOR     120
#define CONTEXT_ERROR_CODE 128
#define CONTEXT_RIP        136
#define CONTEXT_CS         144
#define CONTEXT_RFLAGS     152
#define CONTEXT_RSP        160
#define CONTEXT_SS         168
#define CONTEXT_FRAME_SIZE 176 /* processor and stubs fill this much */
#define CONTEXT_RESTART_IP 176

#define CORE_CONTEXT      0
#define CORE_KERNEL_STACK 8
#define CORE_SCRATCH      16
#define CORE_KERNEL_CR3   24
#define CORE_USER_CR3     32
#define CORE_EXIT_FRAME   40
#define CORE_SELF         48

/* Above the frame on an IST stack. */
#define IST_CORE       CONTEXT_FRAME_SIZE
#define IST_KERNEL_CR3 (CONTEXT_FRAME_SIZE + 8)
#define IST_TOP_SIZE   16

#define PATCH_KIND_VERW 1
#define PATCH_KIND_SAVE 2
#define PATCH_KIND_LOAD 3

#ifdef __ASSEMBLER__
#define ENTRY_SYSCALL        0x100
#define ENTRY_STUB_SIZE      16
#define SELECTOR_KERNEL_DATA 0x10
#endif

#endif
