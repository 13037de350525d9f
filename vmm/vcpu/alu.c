/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/vcpu/alu.h"

#include "vmm/device/bus.h"

static uint64_t result_flags(uint64_t result, unsigned size)
{
    uint64_t flags = 0;
    if (result == 0)
        flags |= FLAG_ZF;
    if ((result >> (size * 8 - 1)) != 0)
        flags |= FLAG_SF;
    if (__builtin_parityll(result & 0xff) == 0)
        flags |= FLAG_PF;
    return flags;
}

static uint64_t add(uint64_t a, uint64_t b, uint64_t carry, unsigned size, uint64_t *flags)
{
    uint64_t mask = bus_mask(size);
    uint64_t result = (a + b + carry) & mask;
    uint64_t carries = (a & b) | ((a | b) & ~result);
    uint64_t out = result_flags(result, size);
    if ((carries >> (size * 8 - 1) & 1) != 0)
        out |= FLAG_CF;
    if ((carries & 8) != 0)
        out |= FLAG_AF;
    if ((((a ^ result) & (b ^ result)) >> (size * 8 - 1) & 1) != 0)
        out |= FLAG_OF;
    *flags = (*flags & ~FLAG_ARITHMETIC) | out;
    return result;
}

static uint64_t subtract(uint64_t a, uint64_t b, uint64_t borrow, unsigned size, uint64_t *flags)
{
    uint64_t mask = bus_mask(size);
    uint64_t result = (a - b - borrow) & mask;
    uint64_t borrows = (~a & b) | ((~a | b) & result);
    uint64_t out = result_flags(result, size);
    if ((borrows >> (size * 8 - 1) & 1) != 0)
        out |= FLAG_CF;
    if ((borrows & 8) != 0)
        out |= FLAG_AF;
    if ((((a ^ b) & (a ^ result)) >> (size * 8 - 1) & 1) != 0)
        out |= FLAG_OF;
    *flags = (*flags & ~FLAG_ARITHMETIC) | out;
    return result;
}

static uint64_t logic(uint64_t result, unsigned size, uint64_t *flags)
{
    *flags = (*flags & ~FLAG_ARITHMETIC) | result_flags(result, size);
    return result;
}

uint64_t alu_binary(enum alu_operation operation, uint64_t a, uint64_t b, unsigned size,
                    uint64_t *flags)
{
    uint64_t carry = *flags & FLAG_CF;
    a &= bus_mask(size);
    b &= bus_mask(size);
    switch (operation) {
    case ALU_ADD:
        return add(a, b, 0, size, flags);
    case ALU_OR:
        return logic(a | b, size, flags);
    case ALU_ADC:
        return add(a, b, carry, size, flags);
    case ALU_SBB:
        return subtract(a, b, carry, size, flags);
    case ALU_AND:
        return logic(a & b, size, flags);
    case ALU_XOR:
        return logic(a ^ b, size, flags);
    case ALU_SUB:
    case ALU_CMP:
    default:
        return subtract(a, b, 0, size, flags);
    }
}

uint64_t alu_increment(uint64_t a, unsigned size, uint64_t *flags)
{
    uint64_t carry = *flags & FLAG_CF;
    uint64_t result = add(a & bus_mask(size), 1, 0, size, flags);
    *flags = (*flags & ~FLAG_CF) | carry;
    return result;
}

uint64_t alu_decrement(uint64_t a, unsigned size, uint64_t *flags)
{
    uint64_t carry = *flags & FLAG_CF;
    uint64_t result = subtract(a & bus_mask(size), 1, 0, size, flags);
    *flags = (*flags & ~FLAG_CF) | carry;
    return result;
}
