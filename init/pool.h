/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's free memory: a buddy allocator of untypeds. What is given back is revoked and
 * joined with its neighbour, so that all of it comes back whole.
 */
#ifndef INIT_POOL_H
#define INIT_POOL_H

#include <stdint.h>
#include <sel4/sel4.h>

struct pool_block;

/* Takes over all RAM untypeds of bootinfo. */
void pool_init(const seL4_BootInfo *info);

/* A block of 2^bits bytes, 12 <= bits: null when there is none. */
struct pool_block *pool_alloc(unsigned bits);
seL4_Untyped pool_untyped(const struct pool_block *block);
unsigned pool_bits(const struct pool_block *block);
/* Revokes everything made of it and gives it back. */
void pool_free(struct pool_block *block);

uint64_t pool_free_bytes(void);
/* What there is in all. */
uint64_t pool_total_bytes(void);

#endif
