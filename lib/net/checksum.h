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

/* Adds so many bytes, each carry with the next word. */
static inline uint64_t checksum_block(const uint8_t *data, uint64_t total)
{
    __asm__("addq (%1), %0\n\t"
            "adcq 8(%1), %0\n\t"
            "adcq 16(%1), %0\n\t"
            "adcq 24(%1), %0\n\t"
            "adcq 32(%1), %0\n\t"
            "adcq 40(%1), %0\n\t"
            "adcq 48(%1), %0\n\t"
            "adcq 56(%1), %0\n\t"
            "adcq $0, %0"
            : "+r"(total)
            : "r"(data), "m"(*(const uint8_t(*)[CHECKSUM_BLOCK])data)
            : "cc");
    return total;
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
