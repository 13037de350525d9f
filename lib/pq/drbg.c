/* SPDX-License-Identifier: BSD-2-Clause */
/* HMAC_DRBG with SHA-512 (NIST SP 800-90A revision 1, section 10.1.2). */
#include "bytes.h"
#include "pq.h"

#define SIZE 64

/* V = HMAC(K, V). */
static void step(struct pq_drbg *drbg)
{
    pq_hmac(PQ_SHA2_512, (struct pq_bytes){drbg->key, SIZE}, (struct pq_bytes){drbg->value, SIZE},
            drbg->value, SIZE);
}

/* Section 10.1.2.2; the provided data is the concatenation of two strings. */
static void update(struct pq_drbg *drbg, struct pq_bytes first, struct pq_bytes second)
{
    struct pq_hmac hmac;

    for (uint8_t round = 0; round < 2; round++) {
        pq_hmac_init(&hmac, PQ_SHA2_512, (struct pq_bytes){drbg->key, SIZE});
        pq_hmac_update(&hmac, drbg->value, SIZE);
        pq_hmac_update(&hmac, &round, 1);
        pq_hmac_update(&hmac, first.data, first.size);
        pq_hmac_update(&hmac, second.data, second.size);
        pq_hmac_final(&hmac, drbg->key, SIZE);
        step(drbg);
        if (first.size == 0 && second.size == 0)
            return;
    }
}

/* Section 10.1.2.3. */
int pq_drbg_init(struct pq_drbg *drbg, struct pq_bytes entropy, struct pq_bytes personalization)
{
    bytes_zero(drbg, sizeof *drbg);
    if (entropy.size < PQ_DRBG_ENTROPY_MIN)
        return PQ_ERROR_LENGTH;
    for (unsigned i = 0; i < SIZE; i++)
        drbg->value[i] = 1;
    update(drbg, entropy, personalization);
    drbg->calls = 1;
    return PQ_OK;
}

/* Section 10.1.2.4. */
int pq_drbg_reseed(struct pq_drbg *drbg, struct pq_bytes entropy)
{
    if (drbg->calls == 0)
        return PQ_ERROR_RESEED;
    if (entropy.size < 32)
        return PQ_ERROR_LENGTH;
    update(drbg, entropy, (struct pq_bytes){NULL, 0});
    drbg->calls = 1;
    return PQ_OK;
}

/* Section 10.1.2.5, without additional input. */
int pq_drbg_generate(struct pq_drbg *drbg, uint8_t *out, size_t size)
{
    int error = PQ_OK;

    if (size > PQ_DRBG_REQUEST_MAX)
        error = PQ_ERROR_LENGTH;
    else if (drbg->calls == 0 || drbg->calls > PQ_DRBG_RESEED_AFTER)
        error = PQ_ERROR_RESEED;
    if (error) {
        if (size != 0)
            bytes_zero(out, size);
        return error;
    }
    for (size_t done = 0; done < size; done += SIZE) {
        step(drbg);
        bytes_copy(out + done, drbg->value, size - done < SIZE ? size - done : SIZE);
    }
    update(drbg, (struct pq_bytes){NULL, 0}, (struct pq_bytes){NULL, 0});
    drbg->calls++;
    return PQ_OK;
}
