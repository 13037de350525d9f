/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Words, address spaces and errors of the kernel.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A physical address of the machine. */
struct paddr {
    uint64_t v;
};

/* An address in a user address space (47 bits). */
struct uva {
    uint64_t v;
};

/* A guest-physical address of a virtual machine. */
struct gpa {
    uint64_t v;
};

/* Time in TSC ticks. */
typedef uint64_t ticks_t;

#define BIT(n)                              (1ull << (n))
#define MASK(n)                             (BIT(n) - 1)
#define ARRAY_SIZE(a)                       (sizeof(a) / sizeof((a)[0]))
#define container_of(pointer, type, member) ((type *)((uintptr_t)(pointer)-offsetof(type, member)))
#define likely(x)                           __builtin_expect(!!(x), 1)
#define unlikely(x)                         __builtin_expect(!!(x), 0)

/* How an operation ended. Everything but OK is negative. */
enum result {
    OK = 0,
    ERR_SYSCALL = -1,   /* refused: call->error says why */
    ERR_PREEMPTED = -2, /* not finished: the system call starts again */
    ERR_FAULT = -3,     /* the invoked capability could not be looked up */
};

/* seL4 error codes (ABI section 10). */
enum sel4_error {
    SEL4_NO_ERROR = 0,
    SEL4_INVALID_ARGUMENT,
    SEL4_INVALID_CAPABILITY,
    SEL4_ILLEGAL_OPERATION,
    SEL4_RANGE_ERROR,
    SEL4_ALIGNMENT_ERROR,
    SEL4_FAILED_LOOKUP,
    SEL4_TRUNCATED_MESSAGE,
    SEL4_DELETE_FIRST,
    SEL4_REVOKE_FIRST,
    SEL4_NOT_ENOUGH_MEMORY,
};

/* Lookup failures (ABI section 10). */
enum lookup_failure {
    LOOKUP_NO_FAILURE = 0,
    LOOKUP_INVALID_ROOT,
    LOOKUP_MISSING_CAPABILITY, /* a: bits left */
    LOOKUP_DEPTH_MISMATCH,     /* a: bits left, b: bits found */
    LOOKUP_GUARD_MISMATCH,     /* a: bits left, b: guard found, c: bits found */
};

struct lookup_fault {
    enum lookup_failure kind;
    uint64_t a, b, c;
};

#endif
