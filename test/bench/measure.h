/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Counting what a kernel path costs. Under -icount the time stamp counter counts instructions, so a
 * difference of two readings is exact. Each measured sequence has a twin without its SYSCALL, whose
 * cost is subtracted: what is left is the SYSCALL instruction and everything up to the first
 * instruction of the thread that runs next.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>
#include <sel4/sel4.h>

static inline uint64_t measure_now(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* The sequence: note the time in memory (R14), put the number into RDX, call, note the time. */
#define MEASURE_START           \
    "rdtsc\n\t"                 \
    "shlq $32, %%rdx\n\t"       \
    "orq %%rdx, %%rax\n\t"      \
    "movq %%rax, (%%r14)\n\t"   \
    "movq %[number], %%rdx\n\t" \
    "movq %%rsp, %%rbx\n\t"

#define MEASURE_END         \
    "rdtsc\n\t"             \
    "movq %%rbx, %%rsp\n\t" \
    "shlq $32, %%rdx\n\t"   \
    "orq %%rdx, %%rax"

#define MEASURE_OPERANDS                                                             \
    : "=&a"(end), "+D"(dest), "+S"(info), "+r"(mr0), "+r"(mr1), "+r"(mr2), "+r"(mr3)               \
    : [number] "i"(NUMBER_OF_CALL), "r"(start_at), "r"(reply)                                      \
    : "rcx", "rdx", "rbx", "r11", "r13", "memory"

/* Makes one system call. *start gets the time before it; returned is the time after it. */
#define MEASURE_FUNCTION(name, instruction)                                            \
    static inline __attribute__((always_inline)) uint64_t name(                        \
        seL4_Word dest, seL4_Word info, seL4_Word reply_cap, volatile uint64_t *start) \
    {                                                                                  \
        register seL4_Word mr0 __asm__("r10") = 0;                                     \
        register seL4_Word mr1 __asm__("r8") = 0;                                      \
        register seL4_Word mr2 __asm__("r9") = 0;                                      \
        register seL4_Word mr3 __asm__("r15") = 0;                                     \
        register seL4_Word reply __asm__("r12") = reply_cap;                           \
        register volatile uint64_t *start_at __asm__("r14") = start;                   \
        uint64_t end;                                                                  \
                                                                                       \
        __asm__ volatile(MEASURE_START instruction MEASURE_END MEASURE_OPERANDS);      \
        return end;                                                                    \
    }

#define NUMBER_OF_CALL seL4_SysCall
MEASURE_FUNCTION(measure_call, "syscall\n\t")
MEASURE_FUNCTION(measure_nothing, "")
#undef NUMBER_OF_CALL
#define NUMBER_OF_CALL seL4_SysReplyRecv
MEASURE_FUNCTION(measure_reply_recv, "syscall\n\t")
#undef NUMBER_OF_CALL
#define NUMBER_OF_CALL seL4_SysSend
MEASURE_FUNCTION(measure_send, "syscall\n\t")
#undef NUMBER_OF_CALL
#define NUMBER_OF_CALL seL4_SysRecv
MEASURE_FUNCTION(measure_recv, "syscall\n\t")
#undef NUMBER_OF_CALL
#define NUMBER_OF_CALL seL4_SysWait
MEASURE_FUNCTION(measure_wait, "syscall\n\t")
#undef NUMBER_OF_CALL

#endif
