/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures by algorithm id: sizes are checked here, the algorithms' files rely on them. */
#include "bytes.h"
#include "mldsa.h"
#include "slhdsa.h"

int pq_sign_sizes(enum pq_algorithm algorithm, struct pq_sign_sizes *sizes)
{
    const struct mldsa_params *ml = mldsa_find(algorithm);
    const struct slhdsa_params *slh = slhdsa_find(algorithm);

    if (ml) {
        *sizes = (struct pq_sign_sizes){
            .seed = 32,
            .random = 32,
            .public_key = ml->public_size,
            .secret_key = ml->secret_size,
            .signature = ml->signature_size,
        };
        return PQ_OK;
    }
    if (slh) {
        *sizes = (struct pq_sign_sizes){
            .seed = (size_t)3 * slh->n,
            .random = slh->n,
            .public_key = (size_t)2 * slh->n,
            .secret_key = (size_t)4 * slh->n,
            .signature = slh->signature_size,
        };
        return PQ_OK;
    }
    return PQ_ERROR_ALGORITHM;
}

int pq_sign_keygen(enum pq_algorithm algorithm, struct pq_bytes seed, uint8_t *public_key,
                   uint8_t *secret_key)
{
    struct pq_sign_sizes sizes;
    const struct mldsa_params *ml = mldsa_find(algorithm);
    const struct slhdsa_params *slh = slhdsa_find(algorithm);
    int error = pq_sign_sizes(algorithm, &sizes);

    if (error)
        return error;
    if (seed.size != sizes.seed)
        return PQ_ERROR_LENGTH;
    if (ml)
        mldsa_keygen(ml, seed.data, public_key, secret_key);
    else
        slhdsa_keygen(slh, seed.data, public_key, secret_key);
    stack_scrub_large();
    return PQ_OK;
}

int pq_sign(enum pq_algorithm algorithm, struct pq_bytes secret_key,
            const struct pq_message *message, struct pq_bytes random, uint8_t *signature,
            size_t signature_size)
{
    static const uint8_t zeros[PQ_SIGN_RANDOM_MAX];
    struct pq_sign_sizes sizes;
    struct message built;
    const struct mldsa_params *ml = mldsa_find(algorithm);
    const struct slhdsa_params *slh = slhdsa_find(algorithm);
    int error = pq_sign_sizes(algorithm, &sizes);

    if (error)
        return error;
    if (secret_key.size != sizes.secret_key || signature_size < sizes.signature ||
        (random.size != 0 && random.size != sizes.random))
        return PQ_ERROR_LENGTH;
    error = message_build(&built, message);
    if (error)
        return error;

    if (ml) {
        error =
            mldsa_sign(ml, secret_key.data, &built, random.size ? random.data : zeros, signature);
    } else if (built.is_mu) {
        error = PQ_ERROR_ALGORITHM;
    } else {
        /* The deterministic variant takes PK.seed for the randomness (FIPS 205 algorithm 19). */
        slhdsa_sign(slh, secret_key.data, &built,
                    random.size ? random.data : secret_key.data + (size_t)2 * slh->n, signature);
    }
    stack_scrub_large();
    return error;
}

int pq_verify(enum pq_algorithm algorithm, struct pq_bytes public_key,
              const struct pq_message *message, struct pq_bytes signature)
{
    struct pq_sign_sizes sizes;
    struct message built;
    const struct mldsa_params *ml = mldsa_find(algorithm);
    const struct slhdsa_params *slh = slhdsa_find(algorithm);
    int error = pq_sign_sizes(algorithm, &sizes);

    if (error)
        return error;
    if (public_key.size != sizes.public_key || signature.size != sizes.signature)
        return PQ_ERROR_LENGTH;
    error = message_build(&built, message);
    if (error)
        return error;
    if (ml)
        return mldsa_verify(ml, public_key.data, &built, signature.data);
    if (built.is_mu)
        return PQ_ERROR_ALGORITHM;
    return slhdsa_verify(slh, public_key.data, &built, signature.data);
}
