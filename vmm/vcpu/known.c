/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/vcpu/known.h"

#include <stddef.h>
#include <string.h>

#include "vmm/vm.h"

#define ENTRY_PRESENT 1ull
#define ENTRY_USER    4ull
#define ENTRY_LARGE   0x80ull
#define ENTRY_NX      (1ull << 63)
#define ADDRESS       0x000ffffffffff000ull

enum { LONGEST = 16, PAGE = 4096 }; /* of an instruction, rounded up to whole words */

/* Intel SDM volume 3, 4.5.4. *address is of the byte at `linear`. */
static bool walk(const struct vm *vm, struct vcpu_known *k, uint64_t linear, bool user,
                 uint64_t *address)
{
    uint64_t want = user ? ENTRY_PRESENT | ENTRY_USER : ENTRY_PRESENT;
    uint64_t all = ENTRY_USER; /* AND of the user bits: no supervisor executes user pages */
    uint64_t table = k->cr3;
    unsigned level = 0, shift = 39;
    for (;; level++, shift -= 9) {
        uint64_t at = (table & ADDRESS) | (linear >> shift << 3 & 0xff8);
        const volatile uint64_t *entry =
            (const volatile uint64_t *)memory_at(&vm->memory, gpa(at), sizeof(*entry));
        if (entry == NULL)
            return false;
        table = *entry;
        k->entry[level] = entry;
        k->value[level] = table;
        if ((table & (want | ENTRY_NX)) != want)
            return false;
        all &= table;
        if (shift == 12 || ((table & ENTRY_LARGE) != 0 && shift <= 30))
            break;
    }
    for (unsigned rest = level + 1; rest < VCPU_KNOWN_LEVELS; rest++) {
        k->entry[rest] = k->entry[level];
        k->value[rest] = k->value[level];
    }
    uint64_t inside = (1ull << shift) - 1;
    *address = (table & ADDRESS & ~inside) | (linear & inside);
    return user || all == 0;
}

/* Ones where the instruction has bytes. */
static void make_mask(uint64_t mask[2], unsigned length)
{
    mask[0] = length >= 8 ? ~0ull : (1ull << 8 * length) - 1;
    mask[1] = length <= 8 ? 0 : (1ull << 8 * (length - 8)) - 1;
}

const struct insn *known_learn(struct vcpu *vcpu)
{
    const uint64_t *mr = vcpu->mr;
    struct vcpu_known k = {.rip = mr[QUOIN_VM_RIP], .cr3 = mr[QUOIN_VM_CR3]};
    bool user = (mr[QUOIN_VM_CS_RIGHTS] >> 5 & 3) == 3;
    uint64_t address;
    if (!known_is_long_mode(mr) || k.rip % PAGE > PAGE - LONGEST ||
        !walk(vcpu->vm, &k, k.rip, user, &address))
        return NULL;
    k.code = memory_at(&vcpu->vm->memory, gpa(address), LONGEST);
    if (k.code == NULL)
        return NULL;
    memcpy(k.bytes, k.code, sizeof(k.bytes));
    if (insn_decode((const uint8_t *)k.bytes, INSN_MAX_LENGTH, 8, &k.insn) != INSN_OK)
        return NULL;
    make_mask(k.mask, k.insn.length);
    struct vcpu_known *place = known_place(vcpu);
    *place = k;
    return &place->insn;
}
