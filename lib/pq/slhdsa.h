/* SPDX-License-Identifier: BSD-2-Clause */
/* SLH-DSA (FIPS 205) inside lib/pq; users call pq_sign_*() and pq_verify(). */
#ifndef PQ_SLHDSA_H
#define PQ_SLHDSA_H

#include "message.h"
#include "pq.h"

#define SLHDSA_N_MAX      32
#define SLHDSA_LEN_MAX    67 /* WOTS+ chains: 2 n + 3, as lg_w = 4 in every set */
#define SLHDSA_K_MAX      35 /* FORS trees */
#define SLHDSA_HEIGHT_MAX 14 /* the highest tree: FORS of the *s sets */
#define SLHDSA_DIGEST_MAX 49 /* m */

/* One parameter set: FIPS 205 table 2. */
struct slhdsa_params {
    enum pq_algorithm algorithm;
    uint8_t is_shake;
    uint8_t n;
    uint8_t d;       /* layers */
    uint8_t h_prime; /* height of one layer's tree, h / d */
    uint8_t a;       /* height of a FORS tree */
    uint8_t k;
    uint8_t m; /* bytes of the message digest */
    uint16_t signature_size;
};

enum slhdsa_type {
    SLHDSA_WOTS_HASH = 0,
    SLHDSA_WOTS_PK = 1,
    SLHDSA_TREE = 2,
    SLHDSA_FORS_TREE = 3,
    SLHDSA_FORS_ROOTS = 4,
    SLHDSA_WOTS_PRF = 5,
    SLHDSA_FORS_PRF = 6,
};

/* ADRS (FIPS 205 section 4.2) as numbers; words that a type does not have are 0. */
struct slhdsa_address {
    uint32_t layer;
    uint64_t tree;
    enum slhdsa_type type;
    uint32_t keypair;
    uint32_t height; /* tree height, or chain address */
    uint32_t index;  /* tree index, or hash address */
};

/* A key and what is computed once per key. */
struct slhdsa_key {
    const struct slhdsa_params *p;
    const uint8_t *pk_seed;
    const uint8_t *sk_seed;    /* NULL when verifying */
    uint32_t sha256_seeded[8]; /* state after PK.seed, padded to a block (FIPS 205 section 11.2) */
    uint64_t sha512_seeded[8];
};

/* NULL for an id that is not SLH-DSA. */
const struct slhdsa_params *slhdsa_find(enum pq_algorithm algorithm);

/* ---- slhdsa_hash.c: the functions of FIPS 205 section 11 ---- */

void slhdsa_key_init(struct slhdsa_key *key, const struct slhdsa_params *p, const uint8_t *pk_seed,
                     const uint8_t *sk_seed);

/* F (one value of n bytes), H (two) and T_l (l values). out may be in. */
void slhdsa_hash(const struct slhdsa_key *key, const struct slhdsa_address *address,
                 const uint8_t *in, unsigned values, uint8_t *out);

/* PRF(PK.seed, SK.seed, ADRS). */
void slhdsa_prf(const struct slhdsa_key *key, const struct slhdsa_address *address, uint8_t *out);

/* PRF_msg(SK.prf, opt_rand, M): n bytes. */
void slhdsa_prf_message(const struct slhdsa_params *p, const uint8_t *sk_prf,
                        const uint8_t *opt_rand, const struct message *message, uint8_t *r);

/* H_msg(R, PK.seed, PK.root, M): m bytes; public_key is PK.seed and PK.root. */
void slhdsa_hash_message(const struct slhdsa_params *p, const uint8_t *r, const uint8_t *public_key,
                         const struct message *message, uint8_t *digest);

/* ---- slhdsa_verify.c ---- */

/* What the message digest selects (FIPS 205 algorithm 19, lines 6 to 10). */
struct slhdsa_selection {
    uint16_t fors[SLHDSA_K_MAX];
    uint64_t tree;
    uint32_t leaf;
};

void slhdsa_select(const struct slhdsa_params *p, const uint8_t *digest,
                   struct slhdsa_selection *selection);

/* The digits of a WOTS+ message with their checksum (algorithm 7, lines 1 to 7): 2 n + 3 of them.
 */
void slhdsa_wots_digits(const struct slhdsa_params *p, const uint8_t *message, uint8_t *digits);

/* FIPS 205 algorithm 5, in place: steps times F, from hash address first. */
void slhdsa_chain(const struct slhdsa_key *key, struct slhdsa_address *address, uint8_t *value,
                  unsigned first, unsigned steps);

/* FIPS 205 algorithm 20. PQ_ERROR_MISMATCH when the signature is not valid. */
int slhdsa_verify(const struct slhdsa_params *p, const uint8_t *public_key,
                  const struct message *message, const uint8_t *signature);

/* ---- slhdsa_sign.c ---- */

/* FIPS 205 algorithm 18; seed is SK.seed, SK.prf, PK.seed. */
void slhdsa_keygen(const struct slhdsa_params *p, const uint8_t *seed, uint8_t *public_key,
                   uint8_t *secret_key);

/* FIPS 205 algorithm 19. */
void slhdsa_sign(const struct slhdsa_params *p, const uint8_t *secret_key,
                 const struct message *message, const uint8_t *opt_rand, uint8_t *signature);

#endif
