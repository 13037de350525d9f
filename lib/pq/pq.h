/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/pq: the cryptography of Quoin. Post-quantum signatures and key establishment, hashes, key
 * derivation, authenticated encryption and a random bit generator, all chosen by algorithm id.
 *
 * Freestanding C11: no allocation, no dependency but memcpy, memmove, memset and memcmp, and one
 * word of global state, which says what of the processor is used. Every function is reentrant.
 * Pointers must be valid and, unless said otherwise, inputs and outputs must not overlap. Lengths
 * are in bytes. Functions that return int give PQ_OK (0) or a negative enum pq_error; on any error,
 * outputs are either untouched or zeroed.
 *
 * Secrets: run time and memory accesses depend on no secret, apart from what a standard makes
 * public anyway (for instance the number of rejected attempts in ML-DSA); secret intermediate
 * values are wiped before a function returns.
 *
 * Sources: FIPS 180-4, 198-1, 202, 203, 204, 205, 197, SP 800-38D, SP 800-90A, RFC 5869, RFC 8439.
 */
#ifndef PQ_H
#define PQ_H

#include <stddef.h>
#include <stdint.h>

/*
 * Stack, in bytes, that a call takes at most (x86-64, -O2; test/unit/pq/stack.c measures it). Calls
 * that handle secrets end by clearing as much.
 */
#define PQ_STACK_HASH   1536  /* pq_hash*() */
#define PQ_STACK_SMALL  7168  /* pq_hmac*(), pq_hkdf*(), pq_aead_*(), pq_drbg_*() */
#define PQ_STACK_VERIFY 16384 /* pq_verify() */
#define PQ_STACK_LARGE  26624 /* pq_sign*(), pq_kem_*() */

enum pq_error {
    PQ_OK = 0,
    PQ_ERROR_ALGORITHM = -1, /* unknown id, or one that does not fit the call */
    PQ_ERROR_LENGTH = -2,    /* a key, signature, digest or buffer of another size than required */
    PQ_ERROR_KEY = -3,       /* a key that the standard's input checks refuse */
    PQ_ERROR_CONTEXT = -4,   /* a context of more than 255 bytes */
    PQ_ERROR_MISMATCH = -5,  /* the signature or tag is wrong */
    PQ_ERROR_RESEED = -6,    /* the generator must be reseeded first */
    PQ_ERROR_ATTEMPTS = -7,  /* ML-DSA signing: no acceptable candidate within the stated bound */
};

/* Constant bytes that somebody else owns. data may be NULL when size is 0. */
struct pq_bytes {
    const uint8_t *data;
    size_t size;
};

/*
 * Algorithm ids. They appear in signed files, so a number once given never changes: 0x01xx hashes
 * and extendable-output functions, 0x02xx signatures, 0x03xx key establishment, 0x04xx
 * authenticated encryption.
 */
enum pq_algorithm {
    PQ_SHA2_224 = 0x0101,
    PQ_SHA2_256 = 0x0102,
    PQ_SHA2_384 = 0x0103,
    PQ_SHA2_512 = 0x0104,
    PQ_SHA2_512_224 = 0x0105,
    PQ_SHA2_512_256 = 0x0106,
    PQ_SHA3_224 = 0x0111,
    PQ_SHA3_256 = 0x0112,
    PQ_SHA3_384 = 0x0113,
    PQ_SHA3_512 = 0x0114,
    PQ_SHAKE128 = 0x0121,
    PQ_SHAKE256 = 0x0122,

    PQ_ML_DSA_44 = 0x0201,
    PQ_ML_DSA_65 = 0x0202,
    PQ_ML_DSA_87 = 0x0203,
    PQ_SLH_DSA_SHA2_128S = 0x0211,
    PQ_SLH_DSA_SHA2_128F = 0x0212,
    PQ_SLH_DSA_SHA2_192S = 0x0213,
    PQ_SLH_DSA_SHA2_192F = 0x0214,
    PQ_SLH_DSA_SHA2_256S = 0x0215,
    PQ_SLH_DSA_SHA2_256F = 0x0216,
    PQ_SLH_DSA_SHAKE_128S = 0x0221,
    PQ_SLH_DSA_SHAKE_128F = 0x0222,
    PQ_SLH_DSA_SHAKE_192S = 0x0223,
    PQ_SLH_DSA_SHAKE_192F = 0x0224,
    PQ_SLH_DSA_SHAKE_256S = 0x0225,
    PQ_SLH_DSA_SHAKE_256F = 0x0226,

    PQ_ML_KEM_512 = 0x0301,
    PQ_ML_KEM_768 = 0x0302,
    PQ_ML_KEM_1024 = 0x0303,

    PQ_CHACHA20_POLY1305 = 0x0401,
    PQ_AES_256_GCM = 0x0402,
};

/* ---- Hashes ---------------------------------------------------------------------------------- */

#define PQ_DIGEST_MAX     64  /* bytes of the longest fixed-length digest */
#define PQ_HASH_BLOCK_MAX 168 /* bytes of the longest input block (SHAKE128) */

/* State of SHA-224 and SHA-256; private. */
struct pq_sha256 {
    uint32_t h[8];
    uint64_t total; /* bytes absorbed so far */
    uint8_t block[64];
};

/* State of SHA-384, SHA-512 and SHA-512/t; private. */
struct pq_sha512 {
    uint64_t h[8];
    uint64_t total; /* bytes absorbed so far */
    uint8_t block[128];
};

/* State of SHA-3 and SHAKE; private. */
struct pq_keccak {
    uint64_t lane[25];
    uint32_t rate;     /* bytes per block */
    uint32_t position; /* bytes of the current block already absorbed or squeezed */
    uint8_t suffix;    /* domain separation bits and first padding bit */
};

/* A hash in progress; wiped by pq_hash_final(), or by pq_hash_wipe() when abandoned. */
struct pq_hash {
    enum pq_algorithm algorithm;
    union {
        struct pq_sha256 sha256;
        struct pq_sha512 sha512;
        struct pq_keccak keccak;
    } state;
};

/*
 * Digest length of a hash. For SHAKE, the length that FIPS 204 section 5.4.1 and FIPS 205 section
 * 10.2.2 use for pre-hashing: 32 for SHAKE128, 64 for SHAKE256. 0 for any other id.
 */
size_t pq_hash_size(enum pq_algorithm algorithm);

/* Input block length in bytes (HMAC's B); 0 for an id that is no hash. */
size_t pq_hash_block_size(enum pq_algorithm algorithm);

/* Starts a hash. PQ_ERROR_ALGORITHM when the id is not one of 0x01xx. */
int pq_hash_init(struct pq_hash *hash, enum pq_algorithm algorithm);

/* Absorbs data; at most 2^61 - 1 bytes in all. */
void pq_hash_update(struct pq_hash *hash, const void *data, size_t size);

/*
 * Ends a hash: writes size bytes and wipes the state. size must be pq_hash_size() or less
 * (truncation), for SHAKE it is any length. PQ_ERROR_LENGTH otherwise (the state is wiped too).
 */
int pq_hash_final(struct pq_hash *hash, uint8_t *digest, size_t size);

void pq_hash_wipe(struct pq_hash *hash);

/* One call: init, update, final. */
int pq_hash(enum pq_algorithm algorithm, struct pq_bytes data, uint8_t *digest, size_t size);

/* ---- HMAC (FIPS 198-1) and HKDF (RFC 5869), with any hash of fixed length ---------------------
 */

struct pq_hmac {
    struct pq_hash inner;
    struct pq_hash outer;
};

/* PQ_ERROR_ALGORITHM for SHAKE and for an unknown id. Keys of any length. */
int pq_hmac_init(struct pq_hmac *hmac, enum pq_algorithm hash, struct pq_bytes key);
void pq_hmac_update(struct pq_hmac *hmac, const void *data, size_t size);

/* size is at most the digest length; shorter is truncation. Wipes the state. */
int pq_hmac_final(struct pq_hmac *hmac, uint8_t *tag, size_t size);

int pq_hmac(enum pq_algorithm hash, struct pq_bytes key, struct pq_bytes data, uint8_t *tag,
            size_t size);

/* RFC 5869 section 2.2: prk receives pq_hash_size(hash) bytes. */
int pq_hkdf_extract(enum pq_algorithm hash, struct pq_bytes salt, struct pq_bytes ikm,
                    uint8_t *prk);

/* RFC 5869 section 2.3: size is at most 255 digests, PQ_ERROR_LENGTH otherwise. */
int pq_hkdf_expand(enum pq_algorithm hash, struct pq_bytes prk, struct pq_bytes info, uint8_t *okm,
                   size_t size);

/* Both steps. */
int pq_hkdf(enum pq_algorithm hash, struct pq_bytes salt, struct pq_bytes ikm, struct pq_bytes info,
            uint8_t *okm, size_t size);

/* ---- Signatures: ML-DSA (FIPS 204) and SLH-DSA (FIPS 205) -------------------------------------
 */

#define PQ_SIGN_PUBLIC_MAX 2592  /* ML-DSA-87 */
#define PQ_SIGN_SECRET_MAX 4896  /* ML-DSA-87 */
#define PQ_SIGN_SEED_MAX   96    /* SLH-DSA-*-256* */
#define PQ_SIGNATURE_MAX   49856 /* SLH-DSA-*-256f */
#define PQ_SIGN_RANDOM_MAX 32

/* Sizes in bytes of one signature algorithm. */
struct pq_sign_sizes {
    size_t seed;   /* randomness from which a key pair is made: xi, or SK.seed SK.prf PK.seed */
    size_t random; /* randomness of one hedged signature */
    size_t public_key;
    size_t secret_key;
    size_t signature;
};

/* What a signature covers. */
enum pq_message_mode {
    PQ_MESSAGE_PURE,      /* body is the message (ML-DSA.Sign, slh_sign) */
    PQ_MESSAGE_PREHASHED, /* body is the message's digest by hash (HashML-DSA, hash_slh_sign) */
    PQ_MESSAGE_INTERNAL,  /* body is M' itself (the internal interfaces): for test vectors */
    PQ_MESSAGE_MU,        /* ML-DSA: body is the 64-byte mu (FIPS 204 algorithm 7, line 6) */
};

struct pq_message {
    enum pq_message_mode mode;
    enum pq_algorithm hash;  /* PREHASHED only: the body has pq_hash_size(hash) bytes */
    struct pq_bytes context; /* PURE and PREHASHED: at most 255 bytes */
    struct pq_bytes body;
};

/* PQ_ERROR_ALGORITHM for an id that is not 0x02xx. */
int pq_sign_sizes(enum pq_algorithm algorithm, struct pq_sign_sizes *sizes);

/*
 * Derives a key pair from seed, which must be uniformly random and secret (SLH-DSA: its last third
 * becomes public). public_key and secret_key receive the sizes told by pq_sign_sizes().
 */
int pq_sign_keygen(enum pq_algorithm algorithm, struct pq_bytes seed, uint8_t *public_key,
                   uint8_t *secret_key);

/*
 * Signs. random is sizes.random fresh random bytes (hedged, the standards' default) or empty
 * (deterministic). signature receives sizes.signature bytes; signature_size is the room there and
 * must be at least that. PQ_ERROR_LENGTH, PQ_ERROR_CONTEXT, PQ_ERROR_KEY (ML-DSA: s1 or s2 out of
 * range).
 */
int pq_sign(enum pq_algorithm algorithm, struct pq_bytes secret_key,
            const struct pq_message *message, struct pq_bytes random, uint8_t *signature,
            size_t signature_size);

/* PQ_OK when the signature is valid. PQ_ERROR_MISMATCH when not; PQ_ERROR_LENGTH when the key or
 * signature has another size than the algorithm's. */
int pq_verify(enum pq_algorithm algorithm, struct pq_bytes public_key,
              const struct pq_message *message, struct pq_bytes signature);

/* ---- Key establishment: ML-KEM (FIPS 203) -----------------------------------------------------
 */

#define PQ_KEM_PUBLIC_MAX     1568 /* ML-KEM-1024 */
#define PQ_KEM_SECRET_MAX     3168
#define PQ_KEM_CIPHERTEXT_MAX 1568
#define PQ_KEM_SHARED_MAX     32

/* Sizes in bytes of one key establishment algorithm. */
struct pq_kem_sizes {
    size_t seed;       /* randomness of a key pair: d and z, 32 bytes each */
    size_t random;     /* randomness of one encapsulation: m */
    size_t public_key; /* encapsulation key */
    size_t secret_key; /* decapsulation key */
    size_t ciphertext;
    size_t shared; /* the secret that both sides get */
};

/* PQ_ERROR_ALGORITHM for an id that is not 0x03xx. */
int pq_kem_sizes(enum pq_algorithm algorithm, struct pq_kem_sizes *sizes);

/* Derives a key pair from a secret random seed. */
int pq_kem_keygen(enum pq_algorithm algorithm, struct pq_bytes seed, uint8_t *public_key,
                  uint8_t *secret_key);

/* random: fresh and secret. PQ_ERROR_KEY when the public key fails the modulus check (section 7.2);
 * PQ_ERROR_LENGTH. */
int pq_kem_encapsulate(enum pq_algorithm algorithm, struct pq_bytes public_key,
                       struct pq_bytes random, uint8_t *ciphertext, uint8_t *shared);

/* A ciphertext that was altered gives another, unpredictable secret, and no error (implicit
 * rejection). PQ_ERROR_KEY when the secret key fails the hash check (section 7.3); PQ_ERROR_LENGTH.
 */
int pq_kem_decapsulate(enum pq_algorithm algorithm, struct pq_bytes secret_key,
                       struct pq_bytes ciphertext, uint8_t *shared);

/* ---- Authenticated encryption: ChaCha20-Poly1305 (RFC 8439), AES-256-GCM (SP 800-38D) ---------
 */

#define PQ_AEAD_KEY   32
#define PQ_AEAD_NONCE 12
#define PQ_AEAD_TAG   16

/* One message under a key and a nonce. Sizes are fixed: PQ_AEAD_KEY, PQ_AEAD_NONCE. */
struct pq_aead {
    enum pq_algorithm algorithm;
    struct pq_bytes key;
    struct pq_bytes nonce; /* never twice under one key */
    struct pq_bytes aad;   /* authenticated, not encrypted */
};

/* Encrypts plain into out, of the same size (they may be the same memory), and gives the tag.
 * PQ_ERROR_ALGORITHM, PQ_ERROR_LENGTH (key or nonce; more than 2^36 - 64 bytes). */
int pq_aead_seal(const struct pq_aead *aead, struct pq_bytes plain, uint8_t *out,
                 uint8_t tag[PQ_AEAD_TAG]);

/* Checks the tag, then decrypts. PQ_ERROR_MISMATCH when the tag is wrong: out is not written. */
int pq_aead_open(const struct pq_aead *aead, struct pq_bytes sealed, const uint8_t tag[PQ_AEAD_TAG],
                 uint8_t *out);

/* ---- Random bits: HMAC_DRBG with SHA-512 (SP 800-90A section 10.1.2) --------------------------
 */

#define PQ_DRBG_ENTROPY_MIN  48      /* bytes with at least 384 bits of entropy: seed and nonce */
#define PQ_DRBG_REQUEST_MAX  65536   /* bytes per call (table 2: 2^19 bits) */
#define PQ_DRBG_RESEED_AFTER 1048576 /* calls; table 2 would allow 2^48 */

struct pq_drbg {
    uint8_t key[64];
    uint8_t value[64];
    uint32_t calls; /* since the last seed; 0 before the first */
};

/* Security strength 256. entropy: at least PQ_DRBG_ENTROPY_MIN bytes, gathered from every source
 * there is and simply joined; personalization distinguishes uses and may be empty. PQ_ERROR_LENGTH.
 */
int pq_drbg_init(struct pq_drbg *drbg, struct pq_bytes entropy, struct pq_bytes personalization);

/* Adds at least 32 bytes of fresh entropy. PQ_ERROR_LENGTH; PQ_ERROR_RESEED before pq_drbg_init().
 */
int pq_drbg_reseed(struct pq_drbg *drbg, struct pq_bytes entropy);

/* PQ_ERROR_LENGTH for more than PQ_DRBG_REQUEST_MAX bytes; PQ_ERROR_RESEED when not seeded, or
 * PQ_DRBG_RESEED_AFTER calls after the last seed. out is zeroed on error. */
int pq_drbg_generate(struct pq_drbg *drbg, uint8_t *out, size_t size);

/* ---- The processor's help ----------------------------------------------------------------------
 */

/* Instructions that some of the code above uses instead of portable C, where CPUID tells of them.
 * The results are the same, and so is the care for secrets; XMM registers are all that it needs. */
enum pq_processor {
    PQ_PROCESSOR_AES = 1 << 0, /* AES-NI and PCLMULQDQ, for AES-256-GCM */
    PQ_PROCESSOR_SHA = 1 << 1, /* the SHA extensions, for SHA-256 and SHA-224 */
};

/* The ones in use, or-ed: all that are there, until pq_processor_limit(). */
unsigned pq_processor(void);

/* From now on none but these (or-ed) are used; for tests and figures. */
void pq_processor_limit(unsigned features);

/* ---- Comparison and erasure -------------------------------------------------------------------
 */

/* 1 when equal, 0 otherwise; time depends on size alone. */
int pq_equal(const void *a, const void *b, size_t size);

/* Clears memory in a way that the compiler does not remove. */
void pq_wipe(void *at, size_t size);

#endif
