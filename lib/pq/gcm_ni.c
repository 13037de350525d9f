/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-256-GCM (NIST SP 800-38D) by AES-NI and PCLMULQDQ (Intel SDM vol. 2A and 2B), eight blocks at
 * a time. No table, and no branch and no address depends on a secret.
 *
 * The products of GHASH are taken in the field of POLYVAL (RFC 8452 section 3 and appendix A): the
 * same with the bytes of every block reversed and the key H times x, so that a product is
 * a b x^-128 mod x^128 + x^127 + x^126 + x^121 + 1, reduced from below by two products with
 * 0xc2 << 56. Eight products are summed before one reduction.
 */
#include "bytes.h"
#include "processor.h"
#include "vector.h"

#define TARGET __attribute__((target("aes,pclmul,ssse3")))

#define ROUNDS 14 /* AES-256 */
#define WIDTH  8  /* blocks at a time */

/* Writes a statement for each of them. */
#define EACH(step) step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7)

/* x^0 and x^121 + x^126 + x^127 as the low and the high half: what x^128 is in POLYVAL's field. */
static const vector64 fold = {1, (long long)0xc200000000000000};

struct key {
    vector64 round[ROUNDS + 1];
};

/* What POLYVAL needs of H: its powers, and the sum of each one's halves. Power 0 is H^1. */
struct powers {
    vector64 power[WIDTH];
    vector64 halves[WIDTH];
};

/* A product of 255 bits before its reduction, in three parts (Karatsuba). */
struct product {
    vector64 low;
    vector64 middle; /* with low and high in it */
    vector64 high;
};

TARGET PQ_INLINE vector64 shuffle_bytes(vector64 v, vector8 order)
{
    return (vector64)__builtin_ia32_pshufb128((vector8)v, order);
}

TARGET PQ_INLINE vector64 reverse_bytes(vector64 v)
{
    return shuffle_bytes(v, (vector8){15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
}

/* v with a zero word (four bytes) shifted in at its low end, or two. */
PQ_INLINE vector64 up_one_word(vector64 v)
{
    return (vector64)__builtin_shufflevector((vector32){0, 0, 0, 0}, (vector32)v, 0, 4, 5, 6);
}

PQ_INLINE vector64 up_two_words(vector64 v)
{
    return (vector64)__builtin_shufflevector((vector64){0, 0}, v, 0, 2);
}

PQ_INLINE vector64 swap_halves(vector64 v)
{
    return __builtin_shufflevector(v, v, 1, 0);
}

/* FIPS 197 algorithm 2 with Nk = 8. AESENCLAST of four equal columns is SubWord of each, as
 * ShiftRows changes nothing there, and then the round constant. */
TARGET static void expand(struct key *key, const uint8_t bytes[32])
{
    const vector8 last_word = {12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15};
    const vector8 last_rotated = {13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12};
    uint32_t constant = 1;

    key->round[0] = vector_load(bytes);
    key->round[1] = vector_load(bytes + 16);
    for (unsigned i = 2; i <= ROUNDS; i++) {
        vector64 sum = key->round[i - 2];
        vector64 word;

        if (i % 2 == 0) {
            word = __builtin_ia32_aesenclast128(
                shuffle_bytes(key->round[i - 1], last_rotated),
                (vector64)(vector32){constant, constant, constant, constant});
            constant <<= 1;
        } else {
            word = __builtin_ia32_aesenclast128(shuffle_bytes(key->round[i - 1], last_word),
                                                (vector64){0, 0});
        }
        sum ^= up_one_word(sum);
        sum ^= up_two_words(sum);
        key->round[i] = sum ^ word;
    }
}

TARGET PQ_INLINE vector64 encrypt(const struct key *key, vector64 block)
{
    block ^= key->round[0];
    for (unsigned round = 1; round < ROUNDS; round++)
        block = __builtin_ia32_aesenc128(block, key->round[round]);
    return __builtin_ia32_aesenclast128(block, key->round[ROUNDS]);
}

/* The block of a counter: nonce, and the counter in big-endian order (section 7.1, step 2). */
PQ_INLINE vector64 counter_block(vector64 nonce, uint32_t counter)
{
    vector32 block = (vector32)nonce;
    block[3] = __builtin_bswap32(counter);
    return (vector64)block;
}

PQ_INLINE vector64 load_nonce(const uint8_t nonce[PQ_AEAD_NONCE])
{
    uint8_t block[16] = {0};
    bytes_copy(block, nonce, PQ_AEAD_NONCE);
    return vector_load(block);
}

TARGET PQ_INLINE vector64 halves_sum(vector64 v)
{
    return v ^ swap_halves(v);
}

TARGET PQ_INLINE void product_add(struct product *sum, vector64 a, vector64 power, vector64 halves)
{
    sum->low ^= __builtin_ia32_pclmulqdq128(a, power, 0x00);
    sum->high ^= __builtin_ia32_pclmulqdq128(a, power, 0x11);
    sum->middle ^= __builtin_ia32_pclmulqdq128(halves_sum(a), halves, 0x00);
}

/* One step divides by x^64: the low half times the polynomial makes that half zero. */
TARGET PQ_INLINE vector64 product_reduce(const struct product *sum)
{
    vector64 middle = sum->middle ^ sum->low ^ sum->high;
    vector64 low = sum->low ^ up_two_words(middle);
    vector64 high = sum->high ^ __builtin_shufflevector(middle, (vector64){0, 0}, 1, 2);

    low = swap_halves(low) ^ __builtin_ia32_pclmulqdq128(low, fold, 0x10);
    low = swap_halves(low) ^ __builtin_ia32_pclmulqdq128(low, fold, 0x10);
    return high ^ low;
}

TARGET PQ_INLINE vector64 multiply(vector64 a, vector64 b)
{
    struct product product = {{0, 0}, {0, 0}, {0, 0}};
    product_add(&product, a, b, halves_sum(b));
    return product_reduce(&product);
}

/* RFC 8452 appendix A: H for POLYVAL is GHASH's, reversed, times x. */
TARGET static void make_powers(struct powers *powers, vector64 h)
{
    vector64 reversed = reverse_bytes(h);
    uint64_t low = (uint64_t)reversed[0];
    uint64_t high = (uint64_t)reversed[1];
    uint64_t carry = 0 - (high >> 63); /* all ones when x^128 came out */
    vector64 base = {(long long)(low << 1), (long long)(high << 1 | low >> 63)};

    base ^= fold & (vector64){(long long)carry, (long long)carry};
    powers->power[0] = base;
    for (unsigned i = 1; i < WIDTH; i++)
        powers->power[i] = multiply(powers->power[i - 1], base);
    for (unsigned i = 0; i < WIDTH; i++)
        powers->halves[i] = halves_sum(powers->power[i]);
}

/* SP 800-38D section 6.4, one string padded with zeros to whole blocks. */
TARGET static vector64 ghash(const struct powers *powers, vector64 y, struct pq_bytes data)
{
    const uint8_t *at = data.data;
    size_t left = data.size;
    uint8_t last[16];

    for (; left >= 16 * WIDTH; left -= 16 * WIDTH, at += 16 * WIDTH) {
        struct product sum = {{0, 0}, {0, 0}, {0, 0}};

        product_add(&sum, y ^ reverse_bytes(vector_load(at)), powers->power[WIDTH - 1],
                    powers->halves[WIDTH - 1]);
#define ADD(i)                                                                               \
    if ((i) != 0)                                                                            \
        product_add(&sum, reverse_bytes(vector_load(at + 16 * (i))), powers->power[7 - (i)], \
                    powers->halves[7 - (i)]);
        EACH(ADD)
#undef ADD
        y = product_reduce(&sum);
    }
    for (; left >= 16; left -= 16, at += 16)
        y = multiply(y ^ reverse_bytes(vector_load(at)), powers->power[0]);
    if (left != 0) {
        bytes_zero(last, sizeof last);
        bytes_copy(last, at, left);
        y = multiply(y ^ reverse_bytes(vector_load(last)), powers->power[0]);
    }
    return y;
}

/* Section 7.1, steps 1, 5 and 6: the zero block gives H, counter 1 gives J0's key stream. */
TARGET void gcm_tag_ni(const struct pq_aead *aead, struct pq_bytes sealed, uint8_t tag[PQ_AEAD_TAG])
{
    struct key key;
    struct powers powers;
    vector64 y = {0, 0};
    uint8_t lengths[16];

    expand(&key, aead->key.data);
    make_powers(&powers, encrypt(&key, (vector64){0, 0}));
    bytes_store64_be(lengths, (uint64_t)aead->aad.size * 8);
    bytes_store64_be(lengths + 8, (uint64_t)sealed.size * 8);
    y = ghash(&powers, y, aead->aad);
    y = ghash(&powers, y, sealed);
    y = ghash(&powers, y, (struct pq_bytes){lengths, sizeof lengths});
    vector_store(tag,
                 reverse_bytes(y) ^ encrypt(&key, counter_block(load_nonce(aead->nonce.data), 1)));
    bytes_wipe(&key, sizeof key);
    bytes_wipe(&powers, sizeof powers);
}

/* Section 6.5 (GCTR) from counter 2. */
TARGET void gcm_crypt_ni(const struct pq_aead *aead, struct pq_bytes in, uint8_t *out)
{
    struct key key;
    vector64 nonce = load_nonce(aead->nonce.data);
    const uint8_t *from = in.data;
    size_t left = in.size;
    uint32_t counter = 2;

    expand(&key, aead->key.data);
    for (; left >= 16 * WIDTH; left -= 16 * WIDTH, from += 16 * WIDTH, out += 16 * WIDTH) {
#define START(i) vector64 block##i = counter_block(nonce, counter + (i)) ^ key.round[0];
#define ROUND(i) block##i = __builtin_ia32_aesenc128(block##i, round_key);
#define LAST(i)                                                   \
    block##i = __builtin_ia32_aesenclast128(block##i, round_key); \
    vector_store(out + 16 * (i), vector_load(from + 16 * (i)) ^ block##i);
        vector64 round_key;
        EACH(START)
        for (unsigned round = 1; round < ROUNDS; round++) {
            round_key = key.round[round];
            EACH(ROUND)
        }
        round_key = key.round[ROUNDS];
        EACH(LAST)
#undef START
#undef ROUND
#undef LAST
        counter += WIDTH;
    }
    for (size_t at = 0; at < left; at += 16, counter++) {
        uint8_t stream[16];
        size_t part = left - at < 16 ? left - at : 16;

        vector_store(stream, encrypt(&key, counter_block(nonce, counter)));
        for (size_t i = 0; i < part; i++)
            out[at + i] = from[at + i] ^ stream[i];
        bytes_wipe(stream, sizeof stream);
    }
    bytes_wipe(&key, sizeof key);
}
