/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Scheduling contexts and the scheduler: per core and domain 256 priorities, sporadic budgets.
 */
#ifndef KERNEL_OBJECT_SCHED_H
#define KERNEL_OBJECT_SCHED_H

#include "config.h"
#include "object/tcb.h"

struct refill {
    ticks_t time;   /* usable from */
    ticks_t amount; /* ticks */
};

/* Core part of 2^7 bytes minus two refills, ABI section 8; further refills follow. */
struct sched_context {
    ticks_t period; /* 0: round robin */
    ticks_t consumed;
    uint64_t badge;
    struct tcb *tcb;
    struct reply *reply; /* top of the stack of calls this context was donated along */
    struct notification *notification;
    struct tcb *yield_from;
    uint32_t core;
    uint16_t refill_head;
    uint16_t refill_count; /* 0: never configured */
    ticks_t budget;
    uint32_t refill_max;
    uint8_t sporadic;
    uint8_t size_bits;
    uint8_t unused[2];
    uint64_t unused2[2];
    struct refill refills[];
};
#define SC_MIN_SIZE_BITS 7
#define SC_CORE_SIZE     96
_Static_assert(sizeof(struct sched_context) == SC_CORE_SIZE, "128 bytes with two refills is ABI");

struct vcpu;
struct timer;
struct percpu;

/* What belongs to one core. entry.S uses the first members through GS. */
struct core {
    /* = &current->context: where entry code saves */
    _Alignas(4096) struct context *current_context;
    uint64_t kernel_stack; /* top */
    uint64_t scratch;
    uint64_t kernel_cr3; /* Meltdown isolation: loaded on entry */
    uint64_t user_cr3;   /* and on exit; without isolation what CR3 holds */
    uint64_t exit_frame; /* Meltdown isolation: where IRET's frame is copied to */
    struct core *self;
    struct percpu *percpu; /* the machine's part, x86/percpu.h */

    struct tcb *current;
    struct sched_context *current_sc;
    struct tcb *idle;
    unsigned id;
    unsigned apic_id;
    bool online;
    bool reschedule;           /* current may no longer be the right thread */
    bool reprogram;            /* the deadline may have changed */
    bool slice_ends;           /* the deadline may be the end of a slice */
    uint32_t place;            /* sched_place of the core and its domain */
    uint64_t space_key;        /* unique among cores, another after spaces changed (tlb.c) */
    struct vcpu *current_vcpu; /* its state is loaded in the hardware */
    struct tcb *fpu_owner;

    ticks_t now;              /* read at kernel entry */
    ticks_t slice_start;      /* current_sc pays from here on */
    ticks_t slice_end;        /* when it has too little left; never, without one */
    ticks_t deadline;         /* what the hardware timer is set to */
    struct tcb *release_head; /* threads waiting for a refill, by its time */
    struct timer *timer_head; /* armed one-shot timers, by deadline */
    unsigned domain;
    unsigned domain_index; /* in the schedule */
    ticks_t domain_end;

    struct tcb_queue ready[CONFIG_DOMAINS][CONFIG_PRIORITIES];
    uint64_t ready_bits[CONFIG_DOMAINS][CONFIG_PRIORITIES / 64];
};

/* Page aligned, as entry code sees the first page even where user page tables are loaded. */
extern struct core cores[CONFIG_MAX_CORES];
extern unsigned core_count;

/* Core and domain in one word, to be compared at once. */
static inline uint32_t sched_place(unsigned core, unsigned domain)
{
    return core | domain << 16;
}

/* Limits of time in ticks, fixed at boot. */
struct sched_limits {
    ticks_t min_budget; /* less is not worth a switch */
    ticks_t wcet;       /* what the kernel itself takes at most */
};
extern struct sched_limits sched_limits;

/* Boot core, once the clock's frequency is known. */
void sched_init(void);

/* At kernel entry: reads the clock. */
static inline void sched_enter(struct core *core)
{
    core->now = __builtin_ia32_rdtsc();
}

/* At kernel exit: picks the thread to run (core->current), programs the timer, switches to it. */
void sched_leave(struct core *core);

/* The timer interrupt fired (sched_enter has run): wakes refills, timers, domain change. */
void sched_tick(struct core *core);

/* Puts a runnable thread into its queue, before its equals, if it can run (has a context with
 * budget). */
void sched_enqueue_head(struct tcb *t);
void sched_dequeue(struct tcb *t); /* from ready and release queue alike */
/* A thread was made runnable: enqueue it and preempt if it is more important than current. */
void sched_wake(struct tcb *t);

/* The same as the last thing of this entry: if it is more important than the current thread, it is
 * the current one afterwards. It belongs to the core and its domain, and its context, a round robin
 * one, is usable. */
void sched_preempt(struct core *core, struct tcb *t);
/* The current thread has stopped: another one is current afterwards, or is to be chosen. */
void sched_give_way(struct core *core);
/* The same, and t, for which holds what sched_preempt says, was woken just before. */
void sched_hand_over(struct core *core, struct tcb *t);

/* No thread that is ready on the core is more important than priority. */
static inline bool sched_is_highest(const struct core *core, unsigned priority)
{
    for (int i = CONFIG_PRIORITIES / 64 - 1; i >= 0; i--) {
        uint64_t bits = core->ready_bits[core->domain][i];
        if (bits) {
            return (unsigned)i * 64 + 63 - (unsigned)__builtin_clzll(bits) <= priority;
        }
    }
    return true;
}

/* If the current thread's context has too little budget left for the call: charges it, the thread
 * restarts later: false. Called before a system call's effects. */
bool sched_out_of_budget(struct core *core);
static inline bool sched_check_budget(struct core *core)
{
    return likely(core->now <= core->slice_end) || sched_out_of_budget(core);
}
/* Makes the core's timer fire when it has to next: what core->reprogram asks for. */
void sched_set_deadline(struct core *core);
/* Works slice_end out anew, after current_sc or its head refill changed. */
void sched_update_slice(struct core *core);

/* Charges what current_sc has consumed so far. */
void sched_charge(struct core *core);
/* Yield: gives up the rest of the current refill. */
void sched_yield(struct core *core);

/* Sets up refills (ticks); the context may be in use. */
void sc_configure(struct sched_context *sc, ticks_t budget, ticks_t period, unsigned max_refills,
                  bool sporadic, unsigned core);
void sc_init(struct sched_context *sc, unsigned size_bits);
/* Neither has a partner, and a waiting thread could run at once. */
bool sc_may_bind(struct sched_context *sc, struct tcb *t);
void sc_bind_tcb(struct sched_context *sc, struct tcb *t);
void sc_unbind_tcb(struct sched_context *sc);
void sc_bind_notification(struct sched_context *sc, struct notification *n);
void sc_unbind_notification(struct sched_context *sc);
void sc_donate(struct sched_context *sc, struct tcb *to);
void sc_finalise(struct sched_context *sc);
/* Gives a passive thread the context of the notification that woke it; or starts its clock. */
void sc_maybe_donate(struct tcb *t, struct notification *n);
void sc_maybe_return(struct tcb *t, struct notification *n);
/* The other side of YieldTo: reports consumption to the yielder and lets it run. */
void sc_complete_yield(struct tcb *yielder);
/* Microseconds consumed since the last report. */
uint64_t sc_take_consumed(struct sched_context *sc);
unsigned sc_max_refills(unsigned size_bits);

/* Domain schedule, ABI DomainSet. duration: ticks below 2^DOMAIN_DURATION_BITS; 0 ends the
 * schedule. ERR_SYSCALL if the schedule would begin with its end, or the end is not of domain 0. */
#define DOMAIN_DURATION_BITS 56
enum result domain_schedule_set(unsigned index, unsigned domain, ticks_t duration);
enum result domain_schedule_start(unsigned index);
void domain_tick(struct core *core);
ticks_t domain_deadline(const struct core *core);

/* One-shot timer objects (sel4/quoin.h). 128 bytes. */
struct timer {
    struct slot notification; /* capability that is signalled, with its badge */
    ticks_t deadline;
    struct timer *next, *prev;
    uint32_t core;
    bool armed;
};
_Static_assert(sizeof(struct timer) <= 128, "QUOIN_TIMER_SIZE_BITS");
void timer_arm(struct timer *t, ticks_t deadline); /* on the calling core */
void timer_cancel(struct timer *t);
void timer_expire(struct core *core); /* signals those whose time has come */

#endif
