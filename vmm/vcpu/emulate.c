/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instructions with one memory operand that lies in device memory. The operand's address is the one
 * that the exit reports, so nothing is computed from ModRM.
 */
#include "vmm/vcpu/emulate.h"

#include "vmm/device/bus.h"
#include "vmm/vcpu/alu.h"
#include "vmm/vm.h"

struct operand {
    struct vcpu *vcpu;
    const struct insn *insn;
    uint64_t gpa;
    unsigned size;
};

static uint64_t load(const struct operand *operand, unsigned size)
{
    return bus_read(&operand->vcpu->vm->mmio, operand->gpa, size);
}

static void store(const struct operand *operand, unsigned size, uint64_t value)
{
    bus_write(&operand->vcpu->vm->mmio, operand->gpa, size, value);
}

/* Byte registers 4 to 7 are AH, CH, DH, BH without REX. */
static uint64_t get_register(const struct operand *operand, unsigned number, unsigned size)
{
    if (size == 1 && operand->insn->rex == 0 && number >= 4 && number < 8)
        return (vcpu_gpr(operand->vcpu, number - 4) >> 8) & 0xff;
    return vcpu_gpr(operand->vcpu, number) & bus_mask(size);
}

/* A 32-bit result clears the upper half; 8 and 16 bits leave the rest. */
static void set_register(const struct operand *operand, unsigned number, unsigned size,
                         uint64_t value)
{
    struct vcpu *vcpu = operand->vcpu;
    unsigned shift = 0;
    if (size == 1 && operand->insn->rex == 0 && number >= 4 && number < 8) {
        number -= 4;
        shift = 8;
    }
    uint64_t mask = size == 4 ? UINT64_MAX : bus_mask(size) << shift;
    value = (value & bus_mask(size)) << shift;
    vcpu_set_gpr(vcpu, number, (vcpu_gpr(vcpu, number) & ~mask) | value);
}

static void set_flags(const struct operand *operand, uint64_t flags)
{
    vcpu_set_rflags(operand->vcpu, flags);
}

static uint64_t sign_extend(uint64_t value, unsigned size)
{
    unsigned shift = 64 - size * 8;
    return (uint64_t)((int64_t)(value << shift) >> shift);
}

/* memory op= source, without the store for CMP. */
static void modify(const struct operand *operand, enum alu_operation operation, unsigned size,
                   uint64_t source)
{
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    uint64_t result = alu_binary(operation, load(operand, size), source, size, &flags);
    if (operation != ALU_CMP)
        store(operand, size, result);
    set_flags(operand, flags);
}

/* TEST: AND without a result. */
static void test(const struct operand *operand, unsigned size, uint64_t source)
{
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    alu_binary(ALU_AND, load(operand, size), source, size, &flags);
    set_flags(operand, flags);
}

/* Opcodes 00 to 3b: the five forms of one ALU operation that have a memory operand. */
static int arithmetic(const struct operand *operand)
{
    const struct insn *insn = operand->insn;
    enum alu_operation operation = (enum alu_operation)((insn->opcode >> 3) & 7);
    unsigned size = (insn->opcode & 1) != 0 ? operand->size : 1;
    switch (insn->opcode & 7) {
    case 0:
    case 1:
        modify(operand, operation, size, get_register(operand, insn->reg, size));
        return EMULATE_DONE;
    case 2:
    case 3: {
        uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
        uint64_t result = alu_binary(operation, get_register(operand, insn->reg, size),
                                     load(operand, size), size, &flags);
        if (operation != ALU_CMP)
            set_register(operand, insn->reg, size, result);
        set_flags(operand, flags);
        return EMULATE_DONE;
    }
    default:
        return EMULATE_UNKNOWN;
    }
}

/* Group 3: TEST, NOT, NEG. */
static int group_3(const struct operand *operand, unsigned size)
{
    const struct insn *insn = operand->insn;
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    switch (insn->reg & 7) {
    case 0:
    case 1:
        test(operand, size, (uint64_t)insn->immediate);
        return EMULATE_DONE;
    case 2:
        store(operand, size, ~load(operand, size));
        return EMULATE_DONE;
    case 3: {
        uint64_t result = alu_binary(ALU_SUB, 0, load(operand, size), size, &flags);
        store(operand, size, result);
        set_flags(operand, flags);
        return EMULATE_DONE;
    }
    default:
        return EMULATE_UNKNOWN;
    }
}

/* Groups 4 and 5: INC, DEC. */
static int group_5(const struct operand *operand, unsigned size)
{
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    unsigned which = operand->insn->reg & 7;
    if (which > 1)
        return EMULATE_UNKNOWN;
    uint64_t value = load(operand, size);
    store(operand, size,
          which == 0 ? alu_increment(value, size, &flags) : alu_decrement(value, size, &flags));
    set_flags(operand, flags);
    return EMULATE_DONE;
}

/* BT, BTS, BTR, BTC; the exit's address already includes a register's bit offset. */
static int bit_test(const struct operand *operand, unsigned which, uint64_t bit)
{
    unsigned size = operand->size;
    uint64_t mask = 1ull << (bit & (size * 8 - 1));
    uint64_t value = load(operand, size);
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS] & ~FLAG_CF;
    if ((value & mask) != 0)
        flags |= FLAG_CF;
    if (which == 1)
        store(operand, size, value | mask);
    else if (which == 2)
        store(operand, size, value & ~mask);
    else if (which == 3)
        store(operand, size, value ^ mask);
    set_flags(operand, flags);
    return EMULATE_DONE;
}

static int compare_exchange(const struct operand *operand, unsigned size)
{
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    uint64_t value = load(operand, size);
    alu_binary(ALU_CMP, get_register(operand, 0, size), value, size, &flags);
    if ((flags & FLAG_ZF) != 0)
        store(operand, size, get_register(operand, operand->insn->reg, size));
    else
        set_register(operand, 0, size, value);
    set_flags(operand, flags);
    return EMULATE_DONE;
}

static int exchange(const struct operand *operand, unsigned size)
{
    unsigned reg = operand->insn->reg;
    uint64_t value = load(operand, size);
    store(operand, size, get_register(operand, reg, size));
    set_register(operand, reg, size, value);
    return EMULATE_DONE;
}

static int exchange_add(const struct operand *operand, unsigned size)
{
    unsigned reg = operand->insn->reg;
    uint64_t flags = operand->vcpu->mr[QUOIN_VM_RFLAGS];
    uint64_t value = load(operand, size);
    uint64_t sum = alu_binary(ALU_ADD, value, get_register(operand, reg, size), size, &flags);
    set_register(operand, reg, size, value);
    store(operand, size, sum);
    set_flags(operand, flags);
    return EMULATE_DONE;
}

static int one_byte(const struct operand *operand)
{
    const struct insn *insn = operand->insn;
    unsigned size = (insn->opcode & 1) != 0 ? operand->size : 1;
    if (insn->opcode < 0x40)
        return insn->memory ? arithmetic(operand) : EMULATE_UNKNOWN;
    switch (insn->opcode) {
    case 0x63: /* MOVSXD */
        set_register(operand, insn->reg, operand->size, sign_extend(load(operand, 4), 4));
        return EMULATE_DONE;
    case 0x80:
    case 0x81:
    case 0x83:
        modify(operand, (enum alu_operation)(insn->reg & 7), size, (uint64_t)insn->immediate);
        return EMULATE_DONE;
    case 0x84:
    case 0x85:
        test(operand, size, get_register(operand, insn->reg, size));
        return EMULATE_DONE;
    case 0x86:
    case 0x87:
        return exchange(operand, size);
    case 0x88:
    case 0x89:
        store(operand, size, get_register(operand, insn->reg, size));
        return EMULATE_DONE;
    case 0x8a:
    case 0x8b:
        set_register(operand, insn->reg, size, load(operand, size));
        return EMULATE_DONE;
    case 0xa0:
    case 0xa1:
        set_register(operand, 0, size, load(operand, size));
        return EMULATE_DONE;
    case 0xa2:
    case 0xa3:
        store(operand, size, get_register(operand, 0, size));
        return EMULATE_DONE;
    case 0xc6:
    case 0xc7:
        if ((insn->reg & 7) != 0)
            return EMULATE_UNKNOWN;
        store(operand, size, (uint64_t)insn->immediate);
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

static int two_byte(const struct operand *operand)
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
                        get_register(operand, insn->reg, operand->size));
    case 0xba:
        if ((insn->reg & 7) < 4)
            return EMULATE_UNKNOWN;
        return bit_test(operand, insn->reg & 3, (uint64_t)insn->immediate);
    case 0xb0:
    case 0xb1:
        return compare_exchange(operand, size);
    case 0xb6:
        set_register(operand, insn->reg, operand->size, load(operand, 1));
        return EMULATE_DONE;
    case 0xb7:
        set_register(operand, insn->reg, operand->size, load(operand, 2));
        return EMULATE_DONE;
    case 0xbe:
        set_register(operand, insn->reg, operand->size, sign_extend(load(operand, 1), 1));
        return EMULATE_DONE;
    case 0xbf:
        set_register(operand, insn->reg, operand->size, sign_extend(load(operand, 2), 2));
        return EMULATE_DONE;
    case 0xc0:
    case 0xc1:
        return exchange_add(operand, size);
    case 0xc3: /* MOVNTI */
        store(operand, operand->size, get_register(operand, insn->reg, operand->size));
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
    struct operand operand = {vcpu, insn, exit->memory.gpa, insn->operand_size};
    if (is_string(insn))
        return emulate_string(vcpu, insn);
    bool moffs = insn->map == MAP_ONE && insn->opcode >= 0xa0 && insn->opcode <= 0xa3;
    if (!insn->memory && !moffs)
        return EMULATE_UNKNOWN;
    int result = EMULATE_UNKNOWN;
    if (insn->map == MAP_ONE)
        result = one_byte(&operand);
    else if (insn->map == MAP_0F)
        result = two_byte(&operand);
    if (result == EMULATE_DONE)
        vcpu_advance(vcpu, access_mask(vcpu_rip(vcpu) + insn->length, access_mode(vcpu)));
    return result;
}
