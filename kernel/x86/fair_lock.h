/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A lock for at most 32 cores. Whoever comes first takes it, which is the quickest way while nobody
 * waits long. A core that has waited long says so, and the others hold back until it has had its
 * turn, in the order of their numbers: it then waits for each of them once at most. A plain queue
 * would do the same, but where processors are threads of a host it makes all wait for one that the
 * host does not run; here one that lets its turn pass loses it, and asks again. Also built for the
 * host.
 */
#ifndef KERNEL_X86_FAIR_LOCK_H
#define KERNEL_X86_FAIR_LOCK_H

#include "types.h"

/* Turns of a waiting loop (some 100 cycles each): before a core asks to be let in; and for which
 * the others hold back, which must be longer than all of them in the kernel take. */
enum { FAIR_LOCK_PATIENCE = 256, FAIR_LOCK_COURTESY = 4096 };

struct fair_lock {
    uint32_t taken;
    uint32_t asking; /* a bit for each core */
    uint32_t last;   /* the core that was let in last */
};

/* The first core after last that asks; asking is not 0. */
static inline unsigned fair_lock_turn(uint32_t asking, uint32_t last)
{
    uint32_t later = asking & ~(uint32_t)MASK(last + 1);
    return (unsigned)__builtin_ctz(later != 0 ? later : asking);
}

/* What a core does that could not take it now: turn counts up from 0. */
static inline void fair_lock_wait(struct fair_lock *l, unsigned self, unsigned turn)
{
    if (turn % FAIR_LOCK_PATIENCE == FAIR_LOCK_PATIENCE - 1) {
        __atomic_fetch_or(&l->asking, 1u << self, __ATOMIC_RELAXED);
    }
}

/* One attempt; false: the caller goes on with turn + 1. */
static inline bool fair_lock_try(struct fair_lock *l, unsigned self, unsigned turn)
{
    uint32_t asking = __atomic_load_n(&l->asking, __ATOMIC_RELAXED);
    if (__builtin_expect(asking != 0, 0)) {
        unsigned next = fair_lock_turn(asking, __atomic_load_n(&l->last, __ATOMIC_RELAXED));
        if (next != self && turn < FAIR_LOCK_COURTESY) {
            fair_lock_wait(l, self, turn);
            return false;
        }
        if (next != self && turn == FAIR_LOCK_COURTESY) {
            __atomic_fetch_and(&l->asking, ~(1u << next), __ATOMIC_RELAXED);
        }
    }
    if (__atomic_load_n(&l->taken, __ATOMIC_RELAXED) != 0 ||
        __atomic_exchange_n(&l->taken, 1, __ATOMIC_ACQUIRE) != 0) {
        fair_lock_wait(l, self, turn);
        return false;
    }
    if (__builtin_expect(asking != 0, 0)) {
        __atomic_store_n(&l->last, self, __ATOMIC_RELAXED);
        __atomic_fetch_and(&l->asking, ~(1u << self), __ATOMIC_RELAXED);
    }
    return true;
}

static inline void fair_lock_release(struct fair_lock *l)
{
    __atomic_store_n(&l->taken, 0, __ATOMIC_RELEASE);
}

#endif
