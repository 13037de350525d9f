/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 128-bit vectors inside lib/pq, by the extensions that gcc and clang share: their headers of
 * intrinsics want a C library. Element 0 is the lowest, as in memory.
 */
#ifndef PQ_VECTOR_H
#define PQ_VECTOR_H

#include "bytes.h"

typedef uint32_t vector32 __attribute__((vector_size(16)));
typedef long long vector64 __attribute__((vector_size(16)));
typedef char vector8 __attribute__((vector_size(16)));
typedef int vector_int __attribute__((vector_size(16))); /* for the compiler's builtins */

PQ_INLINE vector64 vector_load(const uint8_t *from)
{
    vector64 v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

PQ_INLINE void vector_store(uint8_t *to, vector64 v)
{
    __builtin_memcpy(to, &v, sizeof v);
}

#endif
