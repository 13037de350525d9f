/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instructions with one memory operand that lies in device memory.
 */
#include "vmm/vcpu/emulate.h"

#include "vmm/vcpu/alu.h"
#include "vmm/vcpu/operand.h"
#include "vmm/vm.h"

static uint64_t sign_extend(uint64_t value, unsigned size)
{
    unsigned shift = 64 - size * 8;
    return (uint64_t)((int64_t)(value << shift) >> shift);
}

/* memory op= source, without the store for CMP. */
static void modify(struct operand *operand, enum alu_operation operation, unsigned size,
                   uint64_t source)
{
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    uint64_t result = alu_binary(operation, operand_load(operand, 0, size), source, size, &flags);
    if (operation != ALU_CMP)
        operand_store(operand, 0, size, result);
    operand_set_flags(operand, flags);
}

/* TEST: AND without a result. */
static void test(struct operand *operand, unsigned size, uint64_t source)
{
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    alu_binary(ALU_AND, operand_load(operand, 0, size), source, size, &flags);
    operand_set_flags(operand, flags);
}

/* Opcodes 00 to 3b: the five forms of one ALU operation that have a memory operand. */
static int arithmetic(struct operand *operand)
{
    const struct insn *insn = operand->insn;
    enum alu_operation operation = (enum alu_operation)((insn->opcode >> 3) & 7);
    unsigned size = (insn->opcode & 1) != 0 ? operand->size : 1;
    switch (insn->opcode & 7) {
    case 0:
    case 1:
        modify(operand, operation, size, operand_register(operand, insn->reg, size));
        return EMULATE_DONE;
    case 2:
    case 3: {
        uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
        uint64_t result = alu_binary(operation, operand_register(operand, insn->reg, size),
                                     operand_load(operand, 0, size), size, &flags);
        if (operation != ALU_CMP)
            operand_set_register(operand, insn->reg, size, result);
        operand_set_flags(operand, flags);
        return EMULATE_DONE;
    }
    default:
        return EMULATE_UNKNOWN;
    }
}

/* Group 3: TEST, NOT, NEG. */
static int group_3(struct operand *operand, unsigned size)
{
    const struct insn *insn = operand->insn;
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    switch (insn->reg & 7) {
    case 0:
    case 1:
        test(operand, size, (uint64_t)insn->immediate);
        return EMULATE_DONE;
    case 2:
        operand_store(operand, 0, size, ~operand_load(operand, 0, size));
        return EMULATE_DONE;
    case 3: {
        uint64_t result = alu_binary(ALU_SUB, 0, operand_load(operand, 0, size), size, &flags);
        operand_store(operand, 0, size, result);
        operand_set_flags(operand, flags);
        return EMULATE_DONE;
    }
    default:
        return EMULATE_UNKNOWN;
    }
}

/* Groups 4 and 5: INC, DEC. */
static int group_5(struct operand *operand, unsigned size)
{
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    unsigned which = operand->insn->reg & 7;
    if (which > 1)
        return EMULATE_UNKNOWN;
    uint64_t value = operand_load(operand, 0, size);
    operand_store(operand, 0, size,
                  which == 0 ? alu_increment(value, size, &flags)
                             : alu_decrement(value, size, &flags));
    operand_set_flags(operand, flags);
    return EMULATE_DONE;
}

/* BT, BTS, BTR, BTC; the exit's address already includes a register's bit offset. */
static int bit_test(struct operand *operand, unsigned which, uint64_t bit)
{
    unsigned size = operand->size;
    uint64_t mask = 1ull << (bit & (size * 8 - 1));
    uint64_t value = operand_load(operand, 0, size);
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS] & ~FLAG_CF;
    if ((value & mask) != 0)
        flags |= FLAG_CF;
    if (which == 1)
        operand_store(operand, 0, size, value | mask);
    else if (which == 2)
        operand_store(operand, 0, size, value & ~mask);
    else if (which == 3)
        operand_store(operand, 0, size, value ^ mask);
    operand_set_flags(operand, flags);
    return EMULATE_DONE;
}

static int compare_exchange(struct operand *operand, unsigned size)
{
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    uint64_t value = operand_load(operand, 0, size);
    alu_binary(ALU_CMP, operand_register(operand, 0, size), value, size, &flags);
    if ((flags & FLAG_ZF) != 0)
        operand_store(operand, 0, size, operand_register(operand, operand->insn->reg, size));
    else
        operand_set_register(operand, 0, size, value);
    operand_set_flags(operand, flags);
    return EMULATE_DONE;
}

static int exchange(struct operand *operand, unsigned size)
{
    unsigned reg = operand->insn->reg;
    uint64_t value = operand_load(operand, 0, size);
    operand_store(operand, 0, size, operand_register(operand, reg, size));
    operand_set_register(operand, reg, size, value);
    return EMULATE_DONE;
}

static int exchange_add(struct operand *operand, unsigned size)
{
    unsigned reg = operand->insn->reg;
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    uint64_t value = operand_load(operand, 0, size);
    uint64_t sum = alu_binary(ALU_ADD, value, operand_register(operand, reg, size), size, &flags);
    operand_set_register(operand, reg, size, value);
    operand_store(operand, 0, size, sum);
    operand_set_flags(operand, flags);
    return EMULATE_DONE;
}

static int one_byte(struct operand *operand)
{
    const struct insn *insn = operand->insn;
    unsigned size = (insn->opcode & 1) != 0 ? operand->size : 1;
    if (insn->opcode < 0x40)
        return insn->memory ? arithmetic(operand) : EMULATE_UNKNOWN;
    switch (insn->opcode) {
    case 0x63: /* MOVSXD */
        operand_set_register(operand, insn->reg, operand->size,
                             sign_extend(operand_load(operand, 0, 4), 4));
        return EMULATE_DONE;
    case 0x80:
    case 0x81:
    case 0x83:
        modify(operand, (enum alu_operation)(insn->reg & 7), size, (uint64_t)insn->immediate);
        return EMULATE_DONE;
    case 0x84:
    case 0x85:
        test(operand, size, operand_register(operand, insn->reg, size));
        return EMULATE_DONE;
    case 0x86:
    case 0x87:
        return exchange(operand, size);
    case 0x88:
    case 0x89:
        operand_store(operand, 0, size, operand_register(operand, insn->reg, size));
        return EMULATE_DONE;
    case 0x8a:
    case 0x8b:
        operand_set_register(operand, insn->reg, size, operand_load(operand, 0, size));
        return EMULATE_DONE;
    case 0xa0:
    case 0xa1:
        operand_set_register(operand, 0, size, operand_load(operand, 0, size));
        return EMULATE_DONE;
    case 0xa2:
    case 0xa3:
        operand_store(operand, 0, size, operand_register(operand, 0, size));
        return EMULATE_DONE;
    case 0xc6:
    case 0xc7:
        if ((insn->reg & 7) != 0)
            return EMULATE_UNKNOWN;
        operand_store(operand, 0, size, (uint64_t)insn->immediate);
        return EMULATE_DONE;
    case 0xf6:
    case 0xf7:
        return group_3(operand, size);
    case 0xfe:
    case 0xff:
        return group_5(operand, size);
    default:
        return EMULATE_UNKNOWN;
    }
}

static int two_byte(struct operand *operand)
{
    const struct insn *insn = operand->insn;
    unsigned size = (insn->opcode & 1) != 0 ? operand->size : 1;
    switch (insn->opcode) {
    case 0x0d: /* prefetches touch nothing */
    case 0x18:
        return EMULATE_DONE;
    case 0xa3:
    case 0xab:
    case 0xb3:
    case 0xbb:
        return bit_test(operand, (insn->opcode >> 3) & 3,
                        operand_register(operand, insn->reg, operand->size));
    case 0xba:
        if ((insn->reg & 7) < 4)
            return EMULATE_UNKNOWN;
        return bit_test(operand, insn->reg & 3, (uint64_t)insn->immediate);
    case 0xb0:
    case 0xb1:
        return compare_exchange(operand, size);
    case 0xb6:
        operand_set_register(operand, insn->reg, operand->size, operand_load(operand, 0, 1));
        return EMULATE_DONE;
    case 0xb7:
        operand_set_register(operand, insn->reg, operand->size, operand_load(operand, 0, 2));
        return EMULATE_DONE;
    case 0xbe:
        operand_set_register(operand, insn->reg, operand->size,
                             sign_extend(operand_load(operand, 0, 1), 1));
        return EMULATE_DONE;
    case 0xbf:
        operand_set_register(operand, insn->reg, operand->size,
                             sign_extend(operand_load(operand, 0, 2), 2));
        return EMULATE_DONE;
    case 0xc0:
    case 0xc1:
        return exchange_add(operand, size);
    case 0xc3: /* MOVNTI */
        operand_store(operand, 0, operand->size,
                      operand_register(operand, insn->reg, operand->size));
        return EMULATE_DONE;
    default:
        return EMULATE_UNKNOWN;
    }
}

static bool is_string(const struct insn *insn)
{
    return insn->map == MAP_ONE && ((insn->opcode >= 0xa4 && insn->opcode <= 0xa7) ||
                                    (insn->opcode >= 0xaa && insn->opcode <= 0xaf));
}

int emulate_memory(struct vcpu *vcpu, const struct exit *exit, const struct insn *insn)
{
    if (is_string(insn))
        return emulate_string(vcpu, insn);
    if (!insn->memory && !insn_is_moffs(insn))
        return EMULATE_UNKNOWN;
    struct operand operand = operand_of(vcpu, exit, insn);
    int result = EMULATE_UNKNOWN;
    if (insn->map == MAP_ONE)
        result = one_byte(&operand);
    else if (insn->map == MAP_0F)
        result = two_byte(&operand);
    if (result == EMULATE_UNKNOWN)
        result = emulate_arithmetic(&operand);
    if (result == EMULATE_UNKNOWN)
        result = emulate_vector(&operand);
    if (operand.error == ACCESS_FAULT)
        return EMULATE_DONE;
    if (operand.error != ACCESS_OK)
        return EMULATE_UNKNOWN;
    if (result == EMULATE_DONE)
        vcpu_advance(vcpu, access_mask(vcpu_rip(vcpu) + insn->length, access_mode(vcpu)));
    return result;
}
