/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instructions that exited before. Guests do so at a few places, and processors without decode
 * assists do not tell the instruction. An entry holds what the fetch depended on: it is found again
 * only while CR3 and each paging-structure entry on the way, and the instruction's bytes, are what
 * they were, so it says what a new fetch would. Long mode's 64-bit code alone.
 */
#ifndef VMM_VCPU_KNOWN_H
#define VMM_VCPU_KNOWN_H

#include "vmm/vcpu/vcpu.h"

#define KNOWN_EFER_LMA    (1ull << 10)
#define KNOWN_RIGHTS_LONG (1u << 13)

static inline bool known_is_long_mode(const uint64_t *mr)
{
    return (mr[QUOIN_VM_EFER] & KNOWN_EFER_LMA) != 0 &&
           (mr[QUOIN_VM_CS_RIGHTS] & KNOWN_RIGHTS_LONG) != 0;
}

static inline struct vcpu_known *known_place(struct vcpu *vcpu)
{
    return &vcpu->known[vcpu->mr[QUOIN_VM_RIP] % VCPU_KNOWN];
}

/* The instruction at RIP, or NULL when it is to be fetched. It is good until the next exit. */
static inline const struct insn *known_find(struct vcpu *vcpu)
{
    const uint64_t *mr = vcpu->mr;
    const struct vcpu_known *k = known_place(vcpu);
    if (k->rip != mr[QUOIN_VM_RIP] || k->cr3 != mr[QUOIN_VM_CR3] || !known_is_long_mode(mr))
        return NULL;
    /* Written out: compilers make loops of loops. */
    if (*k->entry[3] != k->value[3] || *k->entry[2] != k->value[2] || *k->entry[1] != k->value[1] ||
        *k->entry[0] != k->value[0])
        return NULL;
    uint64_t first, second;
    __builtin_memcpy(&first, k->code, sizeof(first));
    __builtin_memcpy(&second, k->code + sizeof(first), sizeof(second));
    bool same =
        ((first ^ k->bytes[0]) & k->mask[0]) == 0 && ((second ^ k->bytes[1]) & k->mask[1]) == 0;
    return same ? &k->insn : NULL;
}

/* Fetches the instruction at RIP and keeps it. NULL where that is not simple (it crosses a page, is
 * not mapped for execution, is no instruction that the decoder knows): nothing is changed or queued
 * for the guest. */
const struct insn *known_learn(struct vcpu *vcpu);

#endif
