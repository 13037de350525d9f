/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The Internet checksum (RFC 1071) and where it stands in TCP over IPv4.
 */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include <stdint.h>

#define PROTOCOL_TCP 6u
#define TCP_CHECKSUM 16u /* offset of the field in its header */

/*
 * One's complement sum in the processor's byte order: the sum does not depend on it, and words may
 * be of any size, as long as a carry comes back in at the other end (RFC 1071, section 2, B and C).
 */
uint64_t checksum_add(const uint8_t *data, uint32_t length, uint64_t total);

#define CHECKSUM_BLOCK 64u
#define CHECKSUM_MANY  256u

#define CHECKSUM_ADD_BLOCK(at)                               \
    "adcq " #at "(%1), %0\n\tadcq " #at "+8(%1), %0\n\t"     \
    "adcq " #at "+16(%1), %0\n\tadcq " #at "+24(%1), %0\n\t" \
    "adcq " #at "+32(%1), %0\n\tadcq " #at "+40(%1), %0\n\t" \
    "adcq " #at "+48(%1), %0\n\tadcq " #at "+56(%1), %0\n\t"

/* Adds so many bytes, each carry with the next word. */
static inline uint64_t checksum_block(const uint8_t *data, uint64_t total)
{
    __asm__("clc\n\t" CHECKSUM_ADD_BLOCK(0) "adcq $0, %0"
            : "+r"(total)
            : "r"(data), "m"(*(const uint8_t(*)[CHECKSUM_BLOCK])data)
            : "cc");
    return total;
}

static inline uint64_t checksum_many(const uint8_t *data, uint64_t total)
{
    __asm__("clc\n\t" CHECKSUM_ADD_BLOCK(0) CHECKSUM_ADD_BLOCK(64) CHECKSUM_ADD_BLOCK(128)
                CHECKSUM_ADD_BLOCK(192) "adcq $0, %0"
            : "+r"(total)
            : "r"(data), "m"(*(const uint8_t(*)[CHECKSUM_MANY])data)
            : "cc");
    return total;
}

/* Adds a word of 1 to 8 bytes that stands at an even place. */
static inline uint64_t checksum_word(uint64_t word, uint64_t total)
{
    total += word;
    return total + (total < word);
}

/* A number of the pseudo-header, as checksum_add would have read it from the wire. */
static inline uint64_t checksum_number(uint32_t value)
{
    return __builtin_bswap32(value);
}

/* The sum in 16 bits, in the processor's byte order. */
static inline uint16_t checksum_fold(uint64_t total)
{
    while (total >> 16 != 0)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)total;
}

/* The value of the field. */
static inline uint16_t checksum_of(uint64_t total)
{
    return __builtin_bswap16((uint16_t)~checksum_fold(total));
}

#endif
