/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Objects, threads and address spaces for the benchmarks. Everything a benchmark makes stays until
 * the end; a failure is a panic, since there is nothing to measure then.
 */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include <sel4/sel4.h>

void world_init(const seL4_BootInfo *info);

/* An empty slot of the root CNode. */
seL4_CPtr world_slot(void);

/* A new object; size_bits as Untyped Retype wants it. */
seL4_CPtr world_object(seL4_Word type, seL4_Word size_bits);

/* A new address space with the program's image in it, the same frames at the same addresses. */
seL4_CPtr world_space(void);

struct world_thread {
    seL4_TCB tcb;
    seL4_SchedContext sched_context;
};

/*
 * Starts a thread at entry(argument) in a space (seL4_CapInitThreadVSpace: the root task's own),
 * with a round-robin scheduling context of its own. fault_ep may be 0.
 */
struct world_thread world_start(seL4_CPtr space, void (*entry)(void *), void *argument,
                                seL4_Word priority, seL4_CPtr fault_ep);

/* Takes a thread's scheduling context away: from now on it runs on what its callers give it. */
void world_make_passive(const struct world_thread *thread);

#endif
