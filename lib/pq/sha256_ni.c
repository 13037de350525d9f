/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256's compression function by the SHA extensions (Intel SDM vol. 2B, SHA256RNDS2, SHA256MSG1,
 * SHA256MSG2). No branch and no address depends on data.
 */
#include "processor.h"
#include "sha2.h"
#include "vector.h"

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

/* Four words of the message, whose bytes stand in big-endian order. */
TARGET PQ_INLINE vector_int load_words(const uint8_t *from)
{
    const vector8 swap = {3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12};
    return (vector_int)__builtin_ia32_pshufb128((vector8)vector_load(from), swap);
}

/* Four rounds with the words w. The instruction makes two: it takes the state as the vectors
 * C D G H and A B E F (highest element first) and gives the new A B E F; the old one is C D G H
 * then. */
TARGET PQ_INLINE void four_rounds(vector_int *abef, vector_int *cdgh, vector_int w,
                                  const uint32_t *k)
{
    vector_int sum = (vector_int)((vector32)w + (vector32)vector_load((const uint8_t *)k));
    *cdgh = __builtin_ia32_sha256rnds2(*cdgh, *abef, sum);
    sum = __builtin_shufflevector(sum, sum, 2, 3, 2, 3);
    *abef = __builtin_ia32_sha256rnds2(*abef, *cdgh, sum);
}

/* The schedule (FIPS 180-4 section 6.2.2, step 1): words t to t + 3 from the 16 before, of which a
 * are the oldest four. */
TARGET PQ_INLINE vector_int schedule_next(vector_int a, vector_int b, vector_int c, vector_int d)
{
    vector_int seventh = __builtin_shufflevector(c, d, 1, 2, 3, 4); /* W(t - 7) and on */
    vector32 sum = (vector32)__builtin_ia32_sha256msg1(a, b) + (vector32)seventh;
    return __builtin_ia32_sha256msg2((vector_int)sum, d);
}

TARGET void sha256_compress_ni(uint32_t h[8], const uint8_t *data, size_t blocks)
{
    vector_int low = (vector_int)vector_load((const uint8_t *)h);
    vector_int high = (vector_int)vector_load((const uint8_t *)(h + 4));
    vector_int abef = __builtin_shufflevector(low, high, 5, 4, 1, 0);
    vector_int cdgh = __builtin_shufflevector(low, high, 7, 6, 3, 2);

    for (; blocks != 0; blocks--, data += 64) {
        const vector32 abef_before = (vector32)abef;
        const vector32 cdgh_before = (vector32)cdgh;
        vector_int w0 = load_words(data);
        vector_int w1 = load_words(data + 16);
        vector_int w2 = load_words(data + 32);
        vector_int w3 = load_words(data + 48);
        const uint32_t *k = sha256_round_constant;

        for (unsigned i = 0; i < 3; i++, k += 16) {
            four_rounds(&abef, &cdgh, w0, k);
            w0 = schedule_next(w0, w1, w2, w3);
            four_rounds(&abef, &cdgh, w1, k + 4);
            w1 = schedule_next(w1, w2, w3, w0);
            four_rounds(&abef, &cdgh, w2, k + 8);
            w2 = schedule_next(w2, w3, w0, w1);
            four_rounds(&abef, &cdgh, w3, k + 12);
            w3 = schedule_next(w3, w0, w1, w2);
        }
        four_rounds(&abef, &cdgh, w0, k);
        four_rounds(&abef, &cdgh, w1, k + 4);
        four_rounds(&abef, &cdgh, w2, k + 8);
        four_rounds(&abef, &cdgh, w3, k + 12);
        abef = (vector_int)((vector32)abef + abef_before);
        cdgh = (vector_int)((vector32)cdgh + cdgh_before);
    }
    low = __builtin_shufflevector(abef, cdgh, 3, 2, 7, 6);
    high = __builtin_shufflevector(abef, cdgh, 1, 0, 5, 4);
    vector_store((uint8_t *)h, (vector64)low);
    vector_store((uint8_t *)(h + 4), (vector64)high);
}
