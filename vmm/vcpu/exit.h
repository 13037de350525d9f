/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One VM exit in neutral form. vmx.c and svm.c build it from the message registers of the extended
 * VMEnter (sel4/quoin.h); nothing above them knows the vendor.
 */
#ifndef VMM_VCPU_EXIT_H
#define VMM_VCPU_EXIT_H

#include <stdbool.h>
#include <stdint.h>

enum exit_kind {
    EXIT_UNKNOWN,      /* an exit this VMM has no handler for */
    EXIT_ENTRY_FAILED, /* the processor refused the guest's state */
    EXIT_RESUME,       /* nothing to do: enter again */
    EXIT_CPUID,
    EXIT_HLT,
    EXIT_PORT,   /* IN, OUT, INS, OUTS: `port` */
    EXIT_MEMORY, /* nested page fault: `memory` */
    EXIT_MSR_READ,
    EXIT_MSR_WRITE,
    EXIT_HYPERCALL,
    EXIT_CR, /* `cr`; when cr.decoded is false the instruction must be fetched */
    EXIT_INTERRUPT_WINDOW,
    EXIT_NMI_WINDOW,
    EXIT_SHUTDOWN, /* triple fault */
    EXIT_XSETBV,
    EXIT_PAUSE,
    EXIT_CACHE,   /* WBINVD, INVD */
    EXIT_MONITOR, /* MONITOR, MWAIT and other instructions that CPUID hides: #UD */
    EXIT_INVLPG,
    EXIT_RDTSC,
    EXIT_RDPMC,
    EXIT_EXCEPTION, /* `exception` */
    EXIT_TASK_SWITCH,
    EXIT_DEBUG_REGISTER,
    EXIT_DESCRIPTOR, /* access to GDTR, IDTR, LDTR, TR */
    EXIT_INIT,       /* physical INIT, SIPI or SMI */
    EXIT_KIND_COUNT,
};

struct exit_port {
    uint16_t number;
    uint8_t size; /* 1, 2 or 4 */
    bool in;
    bool string;
    bool repeat;
    uint8_t address_size; /* of a string instruction: 2, 4 or 8; 0 when not reported */
    uint8_t segment;      /* enum segment; EXIT_SEGMENT_UNKNOWN when not reported */
};

#define EXIT_SEGMENT_UNKNOWN 0xff

struct exit_memory {
    uint64_t gpa;
    bool write;
    bool fetch;
    bool page_walk; /* the guest's own page tables stand outside RAM */
};

struct exit_cr {
    bool decoded;
    uint8_t number; /* 0, 3, 4, 8 */
    bool write;
    bool clts;
    bool lmsw;
    uint8_t gpr;     /* instruction encoding */
    uint16_t source; /* LMSW operand */
};

struct exit_exception {
    uint8_t vector;
    bool has_error;
    uint32_t error;
};

/* An event whose delivery the exit interrupted; it is injected again as it was. */
struct exit_event {
    uint64_t info;  /* VM-entry interruption information format; 0 when there is none */
    uint64_t error; /* error code, when info says that there is one */
};

struct exit {
    enum exit_kind kind;
    uint64_t signals;   /* VMM_BADGE_*, of what is no exit but a notification */
    uint8_t length;     /* instruction length, 0 when unknown */
    uint8_t byte_count; /* instruction bytes the processor fetched, 0 when it did not say */
    uint64_t next_rip;  /* RIP behind the instruction, 0 when unknown */
    struct exit_event vectoring;
    struct exit_port port; /* what belongs to another kind is not set */
    struct exit_memory memory;
    struct exit_cr cr;
    struct exit_exception exception;
    uint8_t bytes[15];
};

/* Decode the QUOIN_VM_MR_COUNT message registers of a VMEnter that returned 1. */
void vmx_decode(const uint64_t *mr, struct exit *exit);
void svm_decode(const uint64_t *mr, struct exit *exit);

/* A short name for reports and statistics. */
const char *exit_name(enum exit_kind kind);

/* Interruption-information format (Intel SDM volume 3, 25.8.3 and table 25-17). */
#define EVENT_VECTOR          0xffu
#define EVENT_TYPE_SHIFT      8
#define EVENT_TYPE            (7u << EVENT_TYPE_SHIFT)
#define EVENT_EXTERNAL        (0u << EVENT_TYPE_SHIFT)
#define EVENT_NMI             (2u << EVENT_TYPE_SHIFT)
#define EVENT_EXCEPTION       (3u << EVENT_TYPE_SHIFT)
#define EVENT_SOFT_INTERRUPT  (4u << EVENT_TYPE_SHIFT)
#define EVENT_PRIVILEGED_SOFT (5u << EVENT_TYPE_SHIFT)
#define EVENT_SOFT_EXCEPTION  (6u << EVENT_TYPE_SHIFT)
#define EVENT_HAS_ERROR       (1u << 11)
#define EVENT_VALID           (1u << 31)

#endif
