/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes and words inside lib/pq: loads and stores in a stated byte order, copying, wiping, and the
 * constant-time selection primitives. Nothing here branches on data.
 */
#ifndef PQ_BYTES_H
#define PQ_BYTES_H

#include <stddef.h>
#include <stdint.h>

#ifdef PQ_CHECK_CONSTANT_TIME
/* Test build only: valgrind tracks secrets as undefined memory. */
#include <valgrind/memcheck.h>
#endif

#define PQ_INLINE static inline __attribute__((always_inline, unused))

/*@ requires size == 0 || (\valid(to + (0 .. size - 1)) && \valid_read(from + (0 .. size - 1)));
    requires size == 0 || \separated(to + (0 .. size - 1), from + (0 .. size - 1));
    assigns to[0 .. size - 1]; */
PQ_INLINE void bytes_copy(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size != 0)
        __builtin_memcpy(to, from, size);
}

PQ_INLINE void bytes_zero(void *at, size_t size)
{
    __builtin_memset(at, 0, size);
}

/* Clears a secret; the barrier keeps the compiler from dropping stores to memory that dies next. */
PQ_INLINE void bytes_wipe(void *at, size_t size)
{
    __builtin_memset(at, 0, size);
    __asm__ volatile("" : : "r"(at) : "memory");
}

/*
 * Tells the constant-time check that these bytes may be branched on from here: either they are part
 * of the output, or their disclosure is argued for at the call. No code in a normal build.
 */
/*@ assigns \nothing; */
PQ_INLINE void bytes_declassify(const void *at, size_t size)
{
#ifdef PQ_CHECK_CONSTANT_TIME
    VALGRIND_MAKE_MEM_DEFINED(at, size);
#else
    (void)at;
    (void)size;
#endif
}

/* Hides a value from the optimizer, so that a mask cannot be turned back into a branch. */
/*@ assigns \nothing; */
PQ_INLINE uint32_t bytes_opaque(uint32_t value)
{
    __asm__ volatile("" : "+r"(value));
    return value;
}

/* 0xffffffff when a and b (SIZE bytes each) differ anywhere, 0 when they are equal. */
PQ_INLINE uint32_t bytes_differ(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum |= (uint32_t)(a[i] ^ b[i]);
    /* sum is at most 255, so its negative has the top bit set exactly when it is not 0. */
    return bytes_opaque(0u - ((0u - sum) >> 31));
}

/* to = mask ? from : to, for a mask of 0 or 0xffffffff. */
PQ_INLINE void bytes_select(uint8_t *to, const uint8_t *from, size_t size, uint32_t mask)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(to[i] ^ ((to[i] ^ from[i]) & mask));
}

/* Overwrite the stack below the caller (scrub.c): as deep as signatures and key establishment go,
 * or as deep as everything else does. */
void stack_scrub_large(void);
void stack_scrub_small(void);

/*@ requires \valid_read(p + (0 .. 3));
    assigns \nothing; */
PQ_INLINE uint32_t bytes_load32_be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/*@ requires \valid_read(p + (0 .. 7));
    assigns \nothing; */
PQ_INLINE uint64_t bytes_load64_be(const uint8_t *p)
{
    return (uint64_t)bytes_load32_be(p) << 32 | bytes_load32_be(p + 4);
}

/*@ requires \valid_read(p + (0 .. 3));
    assigns \nothing; */
PQ_INLINE uint32_t bytes_load32_le(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | (uint32_t)p[0];
}

/*@ requires \valid_read(p + (0 .. 7));
    assigns \nothing; */
PQ_INLINE uint64_t bytes_load64_le(const uint8_t *p)
{
    return (uint64_t)bytes_load32_le(p + 4) << 32 | bytes_load32_le(p);
}

/* Words are stored as they lie in memory here, or swapped: compilers do not join single bytes well.
 */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "lib/pq is for little-endian machines"
#endif

/*@ requires \valid(p + (0 .. 3));
    assigns p[0 .. 3]; */
PQ_INLINE void bytes_store32_le(uint8_t *p, uint32_t v)
{
    __builtin_memcpy(p, &v, sizeof v);
}

/*@ requires \valid(p + (0 .. 7));
    assigns p[0 .. 7]; */
PQ_INLINE void bytes_store64_le(uint8_t *p, uint64_t v)
{
    __builtin_memcpy(p, &v, sizeof v);
}

/*@ requires \valid(p + (0 .. 3));
    assigns p[0 .. 3]; */
PQ_INLINE void bytes_store32_be(uint8_t *p, uint32_t v)
{
    bytes_store32_le(p, __builtin_bswap32(v));
}

/*@ requires \valid(p + (0 .. 7));
    assigns p[0 .. 7]; */
PQ_INLINE void bytes_store64_be(uint8_t *p, uint64_t v)
{
    bytes_store64_le(p, __builtin_bswap64(v));
}

#endif
