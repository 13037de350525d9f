/* SPDX-License-Identifier: BSD-2-Clause */
/* SLH-DSA: verification (FIPS 205 algorithm 20) and what signing shares with it. */
#include "bytes.h"
#include "slhdsa.h"

/* FIPS 205 algorithm 2, for the numbers that a digest ends with. */
static uint64_t big_endian(const uint8_t *in, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | in[i];
    return value;
}

void slhdsa_select(const struct slhdsa_params *p, const uint8_t *digest,
                   struct slhdsa_selection *selection)
{
    unsigned tree_bits = (unsigned)p->h_prime * (p->d - 1u);
    unsigned tree_size = (tree_bits + 7) / 8;
    unsigned leaf_size = (p->h_prime + 7u) / 8;
    const uint8_t *in = digest;
    uint32_t held = 0;
    unsigned count = 0;

    /* FIPS 205 algorithm 4 with b = a. */
    for (unsigned i = 0; i < p->k; i++) {
        for (; count < p->a; count += 8)
            held = held << 8 | *in++;
        count -= p->a;
        selection->fors[i] = (uint16_t)(held >> count & ((1u << p->a) - 1));
    }

    in = digest + (p->k * p->a + 7u) / 8;
    selection->tree = big_endian(in, tree_size);
    if (tree_bits < 64)
        selection->tree &= ((uint64_t)1 << tree_bits) - 1;
    selection->leaf = (uint32_t)big_endian(in + tree_size, leaf_size) & ((1u << p->h_prime) - 1);
}

void slhdsa_wots_digits(const struct slhdsa_params *p, const uint8_t *message, uint8_t *digits)
{
    unsigned checksum = 0;

    for (unsigned i = 0; i < 2u * p->n; i++) {
        digits[i] = message[i / 2] >> (i % 2 ? 0 : 4) & 15;
        checksum += 15u - digits[i];
    }
    digits[2 * p->n] = (uint8_t)(checksum >> 8 & 15);
    digits[2 * p->n + 1] = (uint8_t)(checksum >> 4 & 15);
    digits[2 * p->n + 2] = (uint8_t)(checksum & 15);
}

void slhdsa_chain(const struct slhdsa_key *key, struct slhdsa_address *address, uint8_t *value,
                  unsigned first, unsigned steps)
{
    for (unsigned j = first; j < first + steps; j++) {
        address->index = j;
        slhdsa_hash(key, address, value, 1, value);
    }
}

/* FIPS 205 algorithm 8: the WOTS+ public key that the signature implies. */
static void wots_public_from_signature(const struct slhdsa_key *key, struct slhdsa_address *address,
                                       const uint8_t *signature, const uint8_t *message,
                                       uint8_t *out)
{
    const struct slhdsa_params *p = key->p;
    uint8_t ends[SLHDSA_LEN_MAX * SLHDSA_N_MAX];
    uint8_t digits[SLHDSA_LEN_MAX];
    unsigned length = 2u * p->n + 3;

    slhdsa_wots_digits(p, message, digits);
    bytes_copy(ends, signature, (size_t)length * p->n);
    address->type = SLHDSA_WOTS_HASH;
    for (unsigned i = 0; i < length; i++) {
        address->height = i;
        slhdsa_chain(key, address, ends + (size_t)i * p->n, digits[i], 15u - digits[i]);
    }
    address->type = SLHDSA_WOTS_PK;
    address->height = 0;
    address->index = 0;
    slhdsa_hash(key, address, ends, length, out);
}

/* The climb of FIPS 205 algorithms 11 (lines 7 to 17) and 17 (lines 8 to 17): from the node at
 * index of level 0 to the root, with one sibling per level. */
static void climb(const struct slhdsa_key *key, struct slhdsa_address *address, uint8_t *node,
                  uint32_t index, const uint8_t *siblings, unsigned levels)
{
    unsigned n = key->p->n;
    uint8_t pair[2 * SLHDSA_N_MAX];

    for (unsigned level = 0; level < levels; level++, siblings += n) {
        unsigned right = index >> level & 1;
        bytes_copy(pair + (right ? n : 0), node, n);
        bytes_copy(pair + (right ? 0 : n), siblings, n);
        address->height = level + 1;
        address->index = index >> (level + 1);
        slhdsa_hash(key, address, pair, 2, node);
    }
}

/* FIPS 205 algorithm 17. */
static void fors_public_from_signature(const struct slhdsa_key *key, struct slhdsa_address *address,
                                       const uint8_t *signature,
                                       const struct slhdsa_selection *selection, uint8_t *out)
{
    const struct slhdsa_params *p = key->p;
    uint8_t roots[SLHDSA_K_MAX * SLHDSA_N_MAX];

    address->type = SLHDSA_FORS_TREE;
    for (unsigned i = 0; i < p->k; i++) {
        uint8_t *root = roots + (size_t)i * p->n;
        uint32_t index = ((uint32_t)i << p->a) + selection->fors[i];

        address->height = 0;
        address->index = index;
        slhdsa_hash(key, address, signature, 1, root);
        climb(key, address, root, index, signature + p->n, p->a);
        signature += (size_t)p->n * (p->a + 1u);
    }
    address->type = SLHDSA_FORS_ROOTS;
    address->height = 0;
    address->index = 0;
    slhdsa_hash(key, address, roots, p->k, out);
}

int slhdsa_verify(const struct slhdsa_params *p, const uint8_t *public_key,
                  const struct message *message, const uint8_t *signature)
{
    struct slhdsa_key key;
    struct slhdsa_selection at;
    struct slhdsa_address address = {0};
    uint8_t digest[SLHDSA_DIGEST_MAX];
    uint8_t node[SLHDSA_N_MAX];
    const uint8_t *in = signature + p->n;

    /* Lines 5 to 12. */
    slhdsa_key_init(&key, p, public_key, NULL);
    slhdsa_hash_message(p, signature, public_key, message, digest);
    slhdsa_select(p, digest, &at);

    /* Lines 13 to 16. */
    address.tree = at.tree;
    address.keypair = at.leaf;
    fors_public_from_signature(&key, &address, in, &at, node);
    in += (size_t)p->k * (p->a + 1u) * p->n;

    /* Line 17: FIPS 205 algorithms 13 and 11. */
    for (unsigned layer = 0; layer < p->d; layer++) {
        uint8_t leaf[SLHDSA_N_MAX];

        address.layer = layer;
        address.tree = at.tree;
        address.keypair = at.leaf;
        wots_public_from_signature(&key, &address, in, node, leaf);
        in += (size_t)(2u * p->n + 3) * p->n;

        address.type = SLHDSA_TREE;
        address.keypair = 0;
        bytes_copy(node, leaf, p->n);
        climb(&key, &address, node, at.leaf, in, p->h_prime);
        in += (size_t)p->h_prime * p->n;

        at.leaf = (uint32_t)at.tree & ((1u << p->h_prime) - 1);
        at.tree >>= p->h_prime;
    }
    return bytes_differ(node, public_key + p->n, p->n) ? PQ_ERROR_MISMATCH : PQ_OK;
}
