/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Thread control blocks. 2^11 bytes, ABI section 8; the last part is the XSAVE area.
 */
#ifndef KERNEL_OBJECT_TCB_H
#define KERNEL_OBJECT_TCB_H

#include "object/cap.h"
#include "object/ipc.h"
#include "x86/context.h"

struct vcpu;

enum thread_state {
    THREAD_INACTIVE,
    THREAD_RUNNING,
    THREAD_RESTART, /* runs again from context.restart_ip */
    THREAD_BLOCKED_RECEIVE,
    THREAD_BLOCKED_SEND,
    THREAD_BLOCKED_REPLY,
    THREAD_BLOCKED_NOTIFICATION,
    THREAD_RUNNING_VM, /* in its VCPU's guest */
    THREAD_IDLE,
};

/* Slots in the TCB: capabilities that the thread uses without naming them. */
enum tcb_slot {
    TCB_SLOT_CSPACE,
    TCB_SLOT_VSPACE,
    TCB_SLOT_BUFFER,
    TCB_SLOT_FAULT,   /* fault handler's endpoint */
    TCB_SLOT_TIMEOUT, /* timeout handler's endpoint */
    TCB_SLOT_EPT,     /* guest-physical space of the thread's VCPU */
    TCB_SLOT_COUNT,
};

/* Fault types, the label of a fault's message (ABI section 11). */
enum fault_type {
    FAULT_NONE = 0,
    FAULT_CAP = 1,
    FAULT_UNKNOWN_SYSCALL = 2,
    FAULT_USER_EXCEPTION = 3,
    FAULT_TIMEOUT = 5,
    FAULT_VM = 6,
};

struct fault {
    enum fault_type type;
    bool in_receive;            /* FAULT_CAP */
    uint64_t a, b;              /* cptr | syscall number | vector, code | badge | address, code */
    struct lookup_fault lookup; /* FAULT_CAP */
};

#define TCB_FLAG_FPU_DISABLED 1ull

#define TCB_SIZE        2048
#define TCB_XSAVE_SIZE  832 /* x87, SSE, AVX in the standard format */
#define TCB_NAME_LENGTH 32

/* What a CSpace of one CNode is resolved by; good as long as the thread's slot holds that CNode. */
struct flat_cspace {
    uint64_t root;  /* w0 of the capability */
    uint64_t guard; /* at its place in a capability address */
    uint64_t count; /* slots; 0: the CSpace is not flat */
    struct slot *slots;
};

/* What a core loads for the thread's address space; good as long as key is the core's. */
struct loadable_space {
    uint64_t key; /* struct core's space_key; 0: to be looked up */
    uint64_t cr3;
    uint32_t asid; /* 0: the kernel's own tables */
};

struct tcb {
    struct slot slots[TCB_SLOT_COUNT];
    struct context context;

    /* Made from the slots. */
    struct flat_cspace flat;
    struct loadable_space space;

    /* Scheduling. */
    enum thread_state state;
    uint8_t priority;
    uint8_t mcp;
    uint8_t domain;
    uint8_t queued;    /* in its core's ready queue */
    uint32_t core;     /* the core it runs on or ran last */
    uint32_t fpu_core; /* 1 + core that last had its FPU state in its registers, or still has */
    struct sched_context *sc;
    struct tcb *ready_next, *ready_prev; /* ready or release queue */
    uint32_t place;                      /* sched_place of core and domain */
    bool in_release;
    uint64_t flags; /* TCB_FLAG_* */

    /* Communication. */
    struct tcb *wait_next, *wait_prev; /* endpoint or notification queue */
    void *waiting_on;                  /* struct endpoint or notification, by state */
    struct reply *reply;               /* BLOCKED_REPLY: answered through; BLOCKED_RECEIVE: armed */
    uint64_t send_badge;               /* BLOCKED_SEND */
    bool send_call, send_can_grant, send_can_grant_reply;
    struct notification *bound_notification;
    uint64_t buffer_address;        /* IPC buffer in the thread's space, 0: none */
    struct sched_context *yield_to; /* YieldTo: the context whose consumption is reported back */
    struct fault fault;

    struct vcpu *vcpu;
    char name[TCB_NAME_LENGTH]; /* debug builds */

    _Alignas(64) uint8_t xsave[TCB_XSAVE_SIZE];
};
_Static_assert(sizeof(struct tcb) <= TCB_SIZE, "TCB size is ABI");
_Static_assert(offsetof(struct tcb, xsave) % 64 == 0, "XSAVE area alignment");

static inline bool tcb_is_runnable(const struct tcb *t)
{
    return t->state == THREAD_RUNNING || t->state == THREAD_RESTART ||
           t->state == THREAD_RUNNING_VM;
}

/* The slot of the CSpace or VSpace root was filled. */
void tcb_root_changed(struct tcb *t);

/* A new thread's contents in cleared memory: context, FPU state, core. */
void tcb_init(struct tcb *t);

void tcb_set_state(struct tcb *t, enum thread_state state);

/* Stops the thread wherever it is; afterwards it is inactive and in no queue. */
void tcb_suspend(struct tcb *t);

/* Makes a blocked or inactive thread run again from its restart_ip. */
void tcb_restart(struct tcb *t);

/* A thread in THREAD_RESTART is about to run, or to stop for another reason: its RIP goes back. */
void tcb_apply_restart(struct tcb *t);

/* If the thread runs on another core right now, takes it off; it stays runnable, in that core's
 * ready queue, and its registers are in its context. */
void tcb_stall(struct tcb *t);

void tcb_set_priority(struct tcb *t, unsigned priority);
void tcb_set_core(struct tcb *t, unsigned core);
void tcb_set_domain(struct tcb *t, unsigned domain);

/* Last reference gone: suspend, unbind everything; the slots stay for slot_delete's zombie. */
void tcb_finalise(struct tcb *t);

#endif
