/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The processor's own way to move much (SDM, volume 1, 7.3.9.3: fast-string operation). The ABI
 * leaves the direction flag clear.
 */
#ifndef RT_STRING_ASM_H
#define RT_STRING_ASM_H

#include <stddef.h>
#include <stdint.h>

/* From as many bytes on it is worth its start. */
#define STRING_MANY 256u

/* Copies `words` times 8 bytes forwards, at any addresses. */
static inline void string_copy(void *to, const void *from, size_t words)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

static inline void string_fill(void *to, uint64_t word, size_t words)
{
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(word) : "memory");
}

#endif
