/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Atomic objects as a proof sees them: memory that somebody else changes at any time. What is read
 * there is any number.
 */
#ifndef PROOF_STDATOMIC_H
#define PROOF_STDATOMIC_H

/* Stands for Frama-C's own. */
#define __FC_STDATOMIC

#include <stdint.h>

#define _Atomic

enum { memory_order_relaxed, memory_order_acquire, memory_order_release, memory_order_seq_cst };

/*@ requires \valid_read(at);
    assigns \result \from \nothing; */
uint32_t atomic_load_explicit(const uint32_t *at, int order);

/*@ requires \valid(at);
    assigns *at; */
void atomic_store_explicit(uint32_t *at, uint32_t value, int order);

/*@ requires \valid_read(at);
    assigns \result \from \nothing; */
uint32_t atomic_load(const uint32_t *at);

/*@ requires \valid(at);
    assigns *at; */
void atomic_store(uint32_t *at, uint32_t value);

/*@ requires \valid(at);
    assigns *at, \result \from \nothing; */
uint32_t atomic_exchange(uint32_t *at, uint32_t value);

/*@ assigns \nothing; */
void atomic_thread_fence(int order);

#endif
