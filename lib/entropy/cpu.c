/* SPDX-License-Identifier: BSD-2-Clause */
#include <entropy/entropy.h>
#include <string.h>

/* SDM volume 1, 7.3.17.1: after ten failures in a row something is wrong. RDSEED may well run dry.
 */
#define RDRAND_TRIES 10u
#define RDSEED_TRIES 1000u

#define CPUID_1_ECX_RDRAND (1u << 30)
#define CPUID_7_EBX_RDSEED (1u << 18)

static void cpuid(uint32_t leaf, uint32_t *ebx, uint32_t *ecx)
{
    uint32_t eax = leaf;
    uint32_t edx;
    *ecx = 0;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(*ebx), "+c"(*ecx), "=d"(edx));
}

bool entropy_has_rdrand(void)
{
    uint32_t ebx;
    uint32_t ecx;
    cpuid(1, &ebx, &ecx);
    return (ecx & CPUID_1_ECX_RDRAND) != 0;
}

bool entropy_has_rdseed(void)
{
    uint32_t ebx;
    uint32_t ecx;
    uint32_t eax = 0;
    uint32_t edx;
    ecx = 0;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if (eax < 7)
        return false;
    cpuid(7, &ebx, &ecx);
    return (ebx & CPUID_7_EBX_RDSEED) != 0;
}

static bool rdrand(uint64_t *value)
{
    bool valid;
    __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(valid));
    return valid;
}

static bool rdseed(uint64_t *value)
{
    bool valid;
    __asm__ volatile("rdseed %0" : "=r"(*value), "=@ccc"(valid));
    return valid;
}

bool entropy_rdrand(void *context, uint8_t noise[8])
{
    uint64_t value = 0;
    bool valid = false;
    (void)context;
    for (unsigned i = 0; i < RDRAND_TRIES && !valid; i++)
        valid = rdrand(&value);
    memcpy(noise, &value, sizeof(value));
    return valid;
}

bool entropy_rdseed(void *context, uint8_t noise[8])
{
    uint64_t value = 0;
    bool valid = false;
    (void)context;
    for (unsigned i = 0; i < RDSEED_TRIES && !valid; i++) {
        valid = rdseed(&value);
        if (!valid)
            __builtin_ia32_pause();
    }
    memcpy(noise, &value, sizeof(value));
    return valid;
}

bool entropy_add_processor(struct entropy *entropy, struct jitter *jitter)
{
    if (entropy_has_rdseed())
        return entropy_add(entropy, HEALTH_ONE_BIT, entropy_rdseed, NULL);
    if (entropy_has_rdrand() && !entropy_add(entropy, HEALTH_ONE_BIT, entropy_rdrand, NULL))
        return false;
    jitter_initialize(jitter);
    return entropy_add(entropy, HEALTH_QUARTER_BIT, jitter_read, jitter);
}
