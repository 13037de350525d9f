/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The registers of a user thread as entry code saves them. Offsets are used by entry.S.
 */
#ifndef KERNEL_X86_CONTEXT_H
#define KERNEL_X86_CONTEXT_H

#include "types.h"

/* Ordered so that an interrupt frame pushed by the processor at its end (SDM vol. 3, 6.14.2) and
 * pushes before it fill it from the top down. */
struct context {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t
        vector; /* what brought the thread into the kernel: VECTOR_*, exception, or ENTRY_SYSCALL */
    uint64_t error_code;
    uint64_t rip, cs, rflags, rsp, ss;
    /* The instruction to run again if the thread is restarted (the ABI's FaultIP): set at each
     * entry, to the SYSCALL or INT n instruction itself where there was one. */
    uint64_t restart_ip;
    uint64_t fs_base, gs_base; /* current only while no core has the thread loaded */
};

/* context.vector after SYSCALL. Leaving by SYSRET is right as long as it still says so: whoever
 * changes RIP, RFLAGS, RCX or R11 sets context.vector to ENTRY_FULL. */
#define ENTRY_SYSCALL 0x100
#define ENTRY_FULL    0x101

/* ABI section 2. SYSRET makes SS = STAR + 8 and CS = STAR + 16 (SDM vol. 2, SYSRET), so a second
 * user data descriptor stands below the code one. */
#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_STAR_USER   0x1b
#define SELECTOR_USER_CODE   0x2b
#define SELECTOR_USER_DATA   0x33
#define SELECTOR_TSS         0x38

#define RFLAGS_USER_BITS   0xfffull /* ABI section 8 */
#define RFLAGS_USER_FORCED 0x202ull

_Static_assert(offsetof(struct context, rdi) == 14 * 8, "entry.S");
_Static_assert(offsetof(struct context, vector) == 15 * 8, "entry.S");
_Static_assert(offsetof(struct context, rip) == 17 * 8, "entry.S");
_Static_assert(offsetof(struct context, ss) == 21 * 8, "entry.S");
_Static_assert(offsetof(struct context, restart_ip) == 22 * 8, "entry.S");

#endif
