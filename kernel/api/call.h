/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An invocation of a capability while it is decoded and carried out: its arguments, and what goes
 * back to the caller.
 */
#ifndef KERNEL_API_CALL_H
#define KERNEL_API_CALL_H

#include "object/ipc.h"
#include "object/sched.h"
#include "object/slot.h"
#include "object/tcb.h"

struct call {
    struct tcb *thread; /* the caller */
    struct slot *slot;  /* the invoked capability */
    struct cap cap;
    uint64_t label;
    unsigned length; /* message registers given */
    unsigned extra_count;
    struct slot *extra[MAX_EXTRA_CAPS];
    struct ipc_buffer *buffer; /* the caller's, or null: then length <= 4, no extra caps */
    bool block, wants_reply;

    /* Results. */
    enum sel4_error error;
    uint64_t error_a, error_b; /* argument or cap number; range; bytes left */
    bool lookup_was_source;
    struct lookup_fault lookup;
    unsigned reply_length;
    bool no_reply; /* the operation switched threads: leave the caller's registers alone */
};

/* Argument i; 0 beyond the message's length (decoders check the length first). */
uint64_t call_word(const struct call *c, unsigned i);
/* Puts result i into the caller's message and sets reply_length. */
void call_reply(struct call *c, unsigned i, uint64_t value);

/* Refusals: each records the error in the call and returns ERR_SYSCALL. Numbers are zero based. */
enum result call_fail(struct call *c, enum sel4_error error);
enum result call_invalid_argument(struct call *c, unsigned number);
enum result call_invalid_capability(struct call *c, unsigned number);
enum result call_range_error(struct call *c, uint64_t min, uint64_t max);
enum result call_failed_lookup(struct call *c, bool was_source, struct lookup_fault fault);

/* The slot that cptr names if the CSpace is a single CNode that takes all 64 bits, else false. */
static inline bool cspace_lookup_flat(const struct tcb *t, uint64_t cptr, struct slot **slot)
{
    uint64_t index = cptr ^ t->flat.guard;

    if (unlikely(t->slots[TCB_SLOT_CSPACE].cap.w0 != t->flat.root || index >= t->flat.count)) {
        return false;
    }
    *slot = t->flat.slots + index;
    return true;
}

/* Looks up cptr in the thread's CSpace to the full depth. OK, or ERR_FAULT with *fault filled. */
enum result cspace_lookup_deep(struct tcb *t, uint64_t cptr, struct slot **slot,
                               struct lookup_fault *fault);
static inline enum result cspace_lookup(struct tcb *t, uint64_t cptr, struct slot **slot,
                                        struct lookup_fault *fault)
{
    /* The slot of a flat space may hold another CNode, which takes no bits: the walk ends there. */
    return likely(cspace_lookup_flat(t, cptr, slot)) ? OK
                                                     : cspace_lookup_deep(t, cptr, slot, fault);
}
/* Resolves index to depth bits in the CNode cap root: OK or ERR_FAULT. */
enum result cspace_resolve(struct cap root, uint64_t index, unsigned depth, struct slot **slot,
                           unsigned *bits_left, struct lookup_fault *fault);
/* For invocations: the slot at index and depth (1..64) in root, which may be empty. */
enum result call_lookup_slot(struct call *c, struct cap root, bool is_source, uint64_t index,
                             uint64_t depth, struct slot **slot);
/* For invocations: index at depth in root must name an empty slot (destination of a new cap). */
enum result call_lookup_dest(struct call *c, struct cap root, uint64_t index, uint64_t depth,
                             struct slot **slot);

/* Copy of a capability for another slot, or an error in c: caps that need care (untyped with
 * children, mapped paging structures, zombies...). A null result means it may not be copied. */
enum result cap_derive(struct call *c, struct slot *slot, struct cap cap, struct cap *derived);
/* Reduces rights; the cap stays the same where it has none. */
struct cap cap_mask_rights(struct cap cap, unsigned rights);
/* Sets badge or guard: null if that is refused. preserve: Mutate (badges may not be replaced). */
struct cap cap_update_data(bool preserve, uint64_t data, struct cap cap);

bool cap_same_object(struct cap a, struct cap b);
/* True if b's object lies within a's. */
bool cap_region_contains(struct cap a, struct cap b);

/* Decoders, one file an object. Each checks everything, then acts. */
enum result untyped_decode(struct call *c);
enum result cnode_decode(struct call *c);
enum result tcb_decode(struct call *c);
enum result irq_control_decode(struct call *c);
enum result irq_handler_decode(struct call *c);
enum result domain_decode(struct call *c);
enum result sched_control_decode(struct call *c);
enum result sched_context_decode(struct call *c);
enum result timer_decode(struct call *c);
/* Debug builds' system calls: true if number is one of them, and it has been carried out. */
bool debug_syscall(struct core *core, int64_t number);
/* All types that x86 adds (odd numbers, VCPU and EPT among them). */
enum result x86_decode(struct call *c);

#endif
