/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the provers are told of C's integers beyond what WP knows: C11 6.3.1.3 (for signed types as
 * all compilers here do it), shifts as divisions that round down, and masks, all of numbers in
 * two's complement.
 */
#include <stdint.h>

/*@ axiomatic Conversions {
      logic integer turns_uint32(integer x);
      logic integer turns_sint32(integer x);
      logic integer turns_sint16(integer x);
      axiom uint32_wraps: \forall integer x; (uint32_t)x == x - 4294967296 * turns_uint32(x);
      axiom sint32_wraps: \forall integer x; (int32_t)x == x - 4294967296 * turns_sint32(x);
      axiom sint16_wraps: \forall integer x; (int16_t)x == x - 65536 * turns_sint16(x);
    }

    // WP leaves an axiomatic out where none of its functions occurs: this one has none.
    axiomatic Bits {
      axiom shift_16: \forall integer x; (x >> 16) * 65536 <= x < (x >> 16) * 65536 + 65536;
      axiom shift_23: \forall integer x; (x >> 23) * 8388608 <= x < (x >> 23) * 8388608 + 8388608;
      axiom shift_26:
        \forall integer x; (x >> 26) * 67108864 <= x < (x >> 26) * 67108864 + 67108864;
      axiom shift_32:
        \forall integer x; (x >> 32) * 4294967296 <= x < (x >> 32) * 4294967296 + 4294967296;
      // A sign as a mask; WP would take simpler ones for known, and drop them.
      axiom sign_16: \forall integer x, y; -32768 <= x < 32768 ==>
        ((x >> 15) & y) == (x < 0 ? y : 0) && (y & (x >> 15)) == (x < 0 ? y : 0);
      axiom sign_32: \forall integer x, y; -2147483648 <= x < 2147483648 ==>
        ((x >> 31) & y) == (x < 0 ? y : 0) && (y & (x >> 31)) == (x < 0 ? y : 0);
      axiom mask_at_most: \forall integer x, y;
        0 <= x ==> 0 <= y ==> (0 <= (x & y) && (x & y) <= x && (x & y) <= y);
    }
*/

/* For annotations: x is one of the numbers from n on, each named, for the solvers to go through. */
#define AMONG_4(x, n) (x) == (n) || (x) == (n) + 1 || (x) == (n) + 2 || (x) == (n) + 3
#define AMONG_16(x, n) \
    AMONG_4(x, n) || AMONG_4(x, (n) + 4) || AMONG_4(x, (n) + 8) || AMONG_4(x, (n) + 12)
#define AMONG_64(x, n) \
    AMONG_16(x, n) || AMONG_16(x, (n) + 16) || AMONG_16(x, (n) + 32) || AMONG_16(x, (n) + 48)
#define AMONG_128(x, n) AMONG_64(x, n) || AMONG_64(x, (n) + 64)
#define AMONG_256(x, n) AMONG_128(x, n) || AMONG_128(x, (n) + 128)
