/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SLH-DSA: key generation (FIPS 205 algorithm 18) and signing (algorithm 19).
 *
 * The recursive node functions of the standard (algorithms 9 and 15) are one loop over the leaves
 * here, which finds the root and all siblings of one leaf in a single pass.
 */
#include "bytes.h"
#include "slhdsa.h"

/* FIPS 205 algorithm 6: leaf number index of the tree that address names. */
static void wots_leaf(const struct slhdsa_key *key, const struct slhdsa_address *tree,
                      uint32_t index, uint8_t *out)
{
    const struct slhdsa_params *p = key->p;
    struct slhdsa_address address = *tree;
    uint8_t ends[SLHDSA_LEN_MAX * SLHDSA_N_MAX];
    unsigned length = 2u * p->n + 3;

    address.keypair = index;
    for (unsigned i = 0; i < length; i++) {
        uint8_t *value = ends + (size_t)i * p->n;

        address.type = SLHDSA_WOTS_PRF;
        address.height = i;
        address.index = 0;
        slhdsa_prf(key, &address, value);
        address.type = SLHDSA_WOTS_HASH;
        slhdsa_chain(key, &address, value, 0, 15);
    }
    address.type = SLHDSA_WOTS_PK;
    address.height = 0;
    address.index = 0;
    slhdsa_hash(key, &address, ends, length, out);
}

/* FIPS 205 algorithm 14. */
static void fors_secret(const struct slhdsa_key *key, const struct slhdsa_address *tree,
                        uint32_t index, uint8_t *out)
{
    struct slhdsa_address address = *tree;

    address.type = SLHDSA_FORS_PRF;
    address.height = 0;
    address.index = index;
    slhdsa_prf(key, &address, out);
}

/* FIPS 205 algorithm 15, lines 2 to 5. */
static void fors_leaf(const struct slhdsa_key *key, const struct slhdsa_address *tree,
                      uint32_t index, uint8_t *out)
{
    struct slhdsa_address address = *tree;

    fors_secret(key, tree, index, out);
    address.type = SLHDSA_FORS_TREE;
    address.height = 0;
    address.index = index;
    slhdsa_hash(key, &address, out, 1, out);
}

/*
 * The root of the tree of the given type and height whose first leaf has number first, and the
 * siblings on the way from leaf number target up (unless siblings is NULL). After leaf i, the node
 * of level l over it is complete when i ends with l one bits; left nodes wait in the array.
 */
static void tree_hash(const struct slhdsa_key *key, const struct slhdsa_address *tree,
                      enum slhdsa_type type, unsigned height, uint32_t first, uint32_t target,
                      uint8_t *siblings, uint8_t *root)
{
    unsigned n = key->p->n;
    uint8_t waiting[SLHDSA_HEIGHT_MAX][2 * SLHDSA_N_MAX]; /* left node, room for its right one */
    uint8_t node[SLHDSA_N_MAX];
    struct slhdsa_address address = *tree;

    address.type = type;
    for (uint32_t i = first; i < first + (1u << height); i++) {
        unsigned level = 0;

        if (type == SLHDSA_TREE)
            wots_leaf(key, tree, i, node);
        else
            fors_leaf(key, tree, i, node);

        for (; level < height; level++) {
            if (siblings && (i >> level ^ 1) == target >> level)
                bytes_copy(siblings + (size_t)level * n, node, n);
            if ((i >> level & 1) == 0) {
                bytes_copy(waiting[level], node, n);
                break;
            }
            bytes_copy(waiting[level] + n, node, n);
            address.height = level + 1;
            address.index = i >> (level + 1);
            slhdsa_hash(key, &address, waiting[level], 2, node);
        }
    }
    bytes_copy(root, node, n);
    bytes_wipe(waiting, sizeof waiting);
    bytes_wipe(node, sizeof node);
}

void slhdsa_keygen(const struct slhdsa_params *p, const uint8_t *seed, uint8_t *public_key,
                   uint8_t *secret_key)
{
    struct slhdsa_key key;
    struct slhdsa_address address = {0};
    const uint8_t *pk_seed = seed + (size_t)2 * p->n;

    bytes_declassify(pk_seed, p->n);
    bytes_copy(secret_key, seed, (size_t)3 * p->n);
    bytes_copy(public_key, pk_seed, p->n);
    slhdsa_key_init(&key, p, pk_seed, seed);
    address.layer = p->d - 1u;
    tree_hash(&key, &address, SLHDSA_TREE, p->h_prime, 0, 0, NULL, public_key + p->n);
    bytes_declassify(public_key, (size_t)2 * p->n);
    bytes_copy(secret_key + (size_t)3 * p->n, public_key + p->n, p->n);
    bytes_wipe(&key, sizeof key);
}

/* FIPS 205 algorithm 16, and the public key of algorithm 17 from the roots found on the way. */
static uint8_t *fors_sign(const struct slhdsa_key *key, const struct slhdsa_address *tree,
                          const struct slhdsa_selection *at, uint8_t *out, uint8_t *public_key)
{
    const struct slhdsa_params *p = key->p;
    struct slhdsa_address address = *tree;
    uint8_t roots[SLHDSA_K_MAX * SLHDSA_N_MAX];

    for (unsigned i = 0; i < p->k; i++) {
        uint32_t first = (uint32_t)i << p->a;
        uint32_t index = first + at->fors[i];

        fors_secret(key, tree, index, out);
        out += p->n;
        tree_hash(key, tree, SLHDSA_FORS_TREE, p->a, first, index, out, roots + (size_t)i * p->n);
        out += (size_t)p->a * p->n;
    }
    address.type = SLHDSA_FORS_ROOTS;
    slhdsa_hash(key, &address, roots, p->k, public_key);
    return out;
}

/* FIPS 205 algorithm 7. */
static uint8_t *wots_sign(const struct slhdsa_key *key, const struct slhdsa_address *tree,
                          uint32_t leaf, const uint8_t *message, uint8_t *out)
{
    const struct slhdsa_params *p = key->p;
    struct slhdsa_address address = *tree;
    uint8_t digits[SLHDSA_LEN_MAX];

    slhdsa_wots_digits(p, message, digits);
    address.keypair = leaf;
    for (unsigned i = 0; i < 2u * p->n + 3; i++, out += p->n) {
        address.type = SLHDSA_WOTS_PRF;
        address.height = i;
        address.index = 0;
        slhdsa_prf(key, &address, out);
        address.type = SLHDSA_WOTS_HASH;
        slhdsa_chain(key, &address, out, 0, digits[i]);
    }
    return out;
}

void slhdsa_sign(const struct slhdsa_params *p, const uint8_t *secret_key,
                 const struct message *message, const uint8_t *opt_rand, uint8_t *signature)
{
    struct slhdsa_key key;
    struct slhdsa_selection at;
    struct slhdsa_address address = {0};
    uint8_t digest[SLHDSA_DIGEST_MAX];
    uint8_t node[SLHDSA_N_MAX];
    const uint8_t *public_key = secret_key + (size_t)2 * p->n;
    uint8_t *out = signature + p->n;

    bytes_declassify(public_key, (size_t)2 * p->n);
    slhdsa_key_init(&key, p, public_key, secret_key);

    /* Lines 3 to 10. R is in the signature, so all that follows from it is public. */
    slhdsa_prf_message(p, secret_key + p->n, opt_rand, message, signature);
    bytes_declassify(signature, p->n);
    slhdsa_hash_message(p, signature, public_key, message, digest);
    slhdsa_select(p, digest, &at);

    /* Lines 11 to 16. Every node is computable from the signature: public. */
    address.tree = at.tree;
    address.keypair = at.leaf;
    out = fors_sign(&key, &address, &at, out, node);
    bytes_declassify(node, p->n);

    /* Line 17: FIPS 205 algorithms 12 and 10. */
    address.keypair = 0;
    for (unsigned layer = 0; layer < p->d; layer++) {
        address.layer = layer;
        address.tree = at.tree;
        out = wots_sign(&key, &address, at.leaf, node, out);
        tree_hash(&key, &address, SLHDSA_TREE, p->h_prime, 0, at.leaf, out, node);
        bytes_declassify(node, p->n);
        out += (size_t)p->h_prime * p->n;
        at.leaf = (uint32_t)at.tree & ((1u << p->h_prime) - 1);
        at.tree >>= p->h_prime;
    }
    bytes_declassify(signature, p->signature_size);
    bytes_wipe(&key, sizeof key);
}
