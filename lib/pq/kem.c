/* SPDX-License-Identifier: BSD-2-Clause */
/* Key establishment by algorithm id: sizes and keys are checked here. */
#include "bytes.h"
#include "mlkem.h"

int pq_kem_sizes(enum pq_algorithm algorithm, struct pq_kem_sizes *sizes)
{
    const struct mlkem_params *p = mlkem_find(algorithm);

    if (!p)
        return PQ_ERROR_ALGORITHM;
    *sizes = (struct pq_kem_sizes){
        .seed = 64,
        .random = 32,
        .public_key = p->public_size,
        .secret_key = p->secret_size,
        .ciphertext = p->ciphertext_size,
        .shared = 32,
    };
    return PQ_OK;
}

int pq_kem_keygen(enum pq_algorithm algorithm, struct pq_bytes seed, uint8_t *public_key,
                  uint8_t *secret_key)
{
    const struct mlkem_params *p = mlkem_find(algorithm);

    if (!p)
        return PQ_ERROR_ALGORITHM;
    if (seed.size != 64)
        return PQ_ERROR_LENGTH;
    mlkem_keygen(p, seed.data, public_key, secret_key);
    stack_scrub_large();
    return PQ_OK;
}

int pq_kem_encapsulate(enum pq_algorithm algorithm, struct pq_bytes public_key,
                       struct pq_bytes random, uint8_t *ciphertext, uint8_t *shared)
{
    const struct mlkem_params *p = mlkem_find(algorithm);
    int error;

    if (!p)
        return PQ_ERROR_ALGORITHM;
    if (public_key.size != p->public_size || random.size != 32)
        return PQ_ERROR_LENGTH;
    error = mlkem_check_public(p, public_key.data);
    if (error)
        return error;
    mlkem_encapsulate(p, public_key.data, random.data, ciphertext, shared);
    stack_scrub_large();
    return PQ_OK;
}

int pq_kem_decapsulate(enum pq_algorithm algorithm, struct pq_bytes secret_key,
                       struct pq_bytes ciphertext, uint8_t *shared)
{
    const struct mlkem_params *p = mlkem_find(algorithm);
    int error;

    if (!p)
        return PQ_ERROR_ALGORITHM;
    if (secret_key.size != p->secret_size || ciphertext.size != p->ciphertext_size)
        return PQ_ERROR_LENGTH;
    error = mlkem_check_secret(p, secret_key.data);
    if (error)
        return error;
    mlkem_decapsulate(p, secret_key.data, ciphertext.data, shared);
    stack_scrub_large();
    return PQ_OK;
}
