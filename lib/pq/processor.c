/* SPDX-License-Identifier: BSD-2-Clause */
/* The choice between portable code and the processor's instructions. */
#include "processor.h"

/* CPUID leaf 1, ECX, and leaf 7, EBX (Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E). */
#define LEAF1_PCLMULQDQ (1u << 1)
#define LEAF1_SSSE3     (1u << 9)
#define LEAF1_SSE41     (1u << 19)
#define LEAF1_AES       (1u << 25)
#define LEAF7_SHA       (1u << 29)

#define CHOSEN 0x80000000u

/* What is in use, with CHOSEN; 0 before anybody asked. Threads that ask at once find the same. */
static unsigned in_use;

struct leaf {
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
};

static struct leaf cpuid(uint32_t number)
{
    struct leaf leaf;
    __asm__ volatile("cpuid"
                     : "=a"(leaf.eax), "=b"(leaf.ebx), "=c"(leaf.ecx), "=d"(leaf.edx)
                     : "a"(number), "c"(0));
    return leaf;
}

static int all(uint32_t bits, uint32_t wanted)
{
    return (bits & wanted) == wanted;
}

/* XMM registers need no question of their own: x86-64 has them, and code for it uses them. */
static unsigned found(void)
{
    unsigned features = 0;
    uint32_t last = cpuid(0).eax;
    uint32_t leaf1 = cpuid(1).ecx;

    if (all(leaf1, LEAF1_AES | LEAF1_PCLMULQDQ | LEAF1_SSSE3))
        features |= PQ_PROCESSOR_AES;
    if (last >= 7 && all(leaf1, LEAF1_SSSE3 | LEAF1_SSE41) && (cpuid(7).ebx & LEAF7_SHA))
        features |= PQ_PROCESSOR_SHA;
    return features;
}

unsigned pq_processor(void)
{
    unsigned now = __atomic_load_n(&in_use, __ATOMIC_RELAXED);

    if (now == 0) {
        now = found() | CHOSEN;
        __atomic_store_n(&in_use, now, __ATOMIC_RELAXED);
    }
    return now & ~CHOSEN;
}

void pq_processor_limit(unsigned features)
{
    __atomic_store_n(&in_use, (found() & features) | CHOSEN, __ATOMIC_RELAXED);
}

int processor_has(unsigned features)
{
    return (pq_processor() & features) == features;
}
