/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The operands of an instruction that the VMM carries out: general registers, flags, and the one in
 * device memory. The address of that one is what the exit reports, so nothing is computed from
 * ModRM unless it may reach into another page.
 */
#ifndef VMM_VCPU_OPERAND_H
#define VMM_VCPU_OPERAND_H

#include "vmm/vcpu/access.h"

struct operand {
    struct vcpu *vcpu;
    const struct insn *insn;
    uint64_t gpa;
    unsigned size;   /* as the instruction's operand size */
    bool split;      /* it may reach into another page: by its linear address, ... */
    uint64_t linear; /* ... this */
    int error;       /* enum access_result; from the first that is none on nothing is changed */
};

#define OPERAND_PAGE   0x1000u
#define OPERAND_WIDEST 16u /* bytes */

/* It begins at the end of a page, or what exited was its part behind one. */
static inline bool operand_may_split(uint64_t gpa)
{
    return gpa % OPERAND_PAGE - 1 >= OPERAND_PAGE - OPERAND_WIDEST;
}

struct operand operand_of(struct vcpu *vcpu, const struct exit *exit, const struct insn *insn);

/* `size` bytes (1, 2, 4, 8) at an offset in the memory operand. */
uint64_t operand_load(struct operand *operand, unsigned offset, unsigned size);
void operand_store(struct operand *operand, unsigned offset, unsigned size, uint64_t value);

/* Registers in instruction encoding; byte registers 4 to 7 are AH, CH, DH, BH without REX. A 32-bit
 * result clears the upper half; 8 and 16 bits leave the rest. */
uint64_t operand_register(const struct operand *operand, unsigned number, unsigned size);
void operand_set_register(const struct operand *operand, unsigned number, unsigned size,
                          uint64_t value);

void operand_set_flags(const struct operand *operand, uint64_t flags);

/* MOV between the accumulator and an address in the instruction: A0 to A3. */
static inline bool insn_is_moffs(const struct insn *insn)
{
    return insn->map == MAP_ONE && insn->opcode >= 0xa0 && insn->opcode <= 0xa3;
}

/* Instructions by what they do; EMULATE_UNKNOWN: none of these. */
int emulate_arithmetic(struct operand *operand);
int emulate_vector(struct operand *operand);

#endif
