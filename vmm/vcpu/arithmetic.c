/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instructions that read device memory as one operand of many: products, bit scans, double shifts,
 * conditional moves, PUSH and POP (SDM volume 2, at each name). Compilers read a device by them now
 * and then, and hand-written code does.
 */
#include "vmm/device/bus.h"
#include "vmm/vcpu/alu.h"
#include "vmm/vcpu/emulate.h"
#include "vmm/vcpu/operand.h"
#include "vmm/vm.h"

#define RAX        0
#define RCX        1
#define RDX        2
#define RSP        4
#define RIGHTS_BIG (1u << 14)

static int64_t extended(uint64_t value, unsigned size)
{
    unsigned shift = 64 - size * 8;
    return (int64_t)(value << shift) >> shift;
}

static uint64_t flags_of(const struct operand *operand)
{
    return operand->vcpu->mr[QUOIN_VM_RFLAGS];
}

static void set_carry_and_overflow(const struct operand *operand, bool set)
{
    uint64_t both = FLAG_CF | FLAG_OF;
    operand_set_flags(operand, set ? flags_of(operand) | both : flags_of(operand) & ~both);
}

/* IMUL with two or three operands: the product is cut to the operand's size. */
static int multiply(struct operand *operand, uint64_t other)
{
    unsigned size = operand->size;
    __int128 product =
        (__int128)extended(operand_load(operand, 0, size), size) * extended(other, size);
    operand_set_register(operand, operand->insn->reg, size, (uint64_t)product);
    set_carry_and_overflow(operand, extended((uint64_t)product, size) != product);
    return EMULATE_DONE;
}

/* MUL and IMUL with one operand: the product is twice as long. */
static int multiply_accumulator(struct operand *operand, unsigned size, bool with_sign)
{
    uint64_t a = operand_register(operand, RAX, size);
    uint64_t b = operand_load(operand, 0, size);
    unsigned __int128 product =
        with_sign ? (unsigned __int128)((__int128)extended(a, size) * extended(b, size))
                  : (unsigned __int128)a * b;
    uint64_t low = (uint64_t)product & bus_mask(size);
    uint64_t high = (uint64_t)(product >> (size * 8)) & bus_mask(size);
    if (size == 1) {
        operand_set_register(operand, RAX, 2, (uint64_t)product);
    } else {
        operand_set_register(operand, RAX, size, low);
        operand_set_register(operand, RDX, size, high);
    }
    uint64_t sign = extended(low, size) < 0 ? bus_mask(size) : 0;
    set_carry_and_overflow(operand, high != (with_sign ? sign : 0));
    return EMULATE_DONE;
}

/* BSF and BSR; nothing is written where no bit is set. (With F3 they are TZCNT and LZCNT.) */
static int scan(struct operand *operand, bool reverse)
{
    uint64_t value = operand_load(operand, 0, operand->size);
    uint64_t flags = flags_of(operand) & ~FLAG_ZF;
    if (operand->insn->rep)
        return EMULATE_UNKNOWN;
    if (value != 0)
        operand_set_register(
            operand, operand->insn->reg, operand->size,
            (uint64_t)(reverse ? 63 - __builtin_clzll(value) : __builtin_ctzll(value)));
    else
        flags |= FLAG_ZF;
    operand_set_flags(operand, flags);
    return EMULATE_DONE;
}

/* SHLD and SHRD: bits of a register move in. */
static int double_shift(struct operand *operand, bool right, uint64_t count)
{
    unsigned bits = operand->size * 8;
    uint64_t value = operand_load(operand, 0, operand->size);
    uint64_t in = operand_register(operand, operand->insn->reg, operand->size);
    count &= operand->size == 8 ? 63 : 31;
    if (count == 0 || count > bits)
        return EMULATE_DONE; /* undefined beyond the operand's size */
    uint64_t flags = flags_of(operand);
    uint64_t result;
    uint64_t out;
    if (right) {
        out = value >> (count - 1) & 1;
        result = (count == bits ? 0 : value >> count) | in << (bits - count) % 64;
        if (count == bits)
            result = in;
    } else {
        out = value >> (bits - count) & 1;
        result = count == bits ? in : value << count | in >> (bits - count);
    }
    result &= bus_mask(operand->size);
    operand_store(operand, 0, operand->size, result);
    alu_binary(ALU_OR, result, 0, operand->size, &flags); /* SF, ZF, PF */
    if (out != 0)
        flags |= FLAG_CF;
    if (((value ^ result) >> (bits - 1) & 1) != 0)
        flags |= FLAG_OF; /* defined for a count of 1 */
    operand_set_flags(operand, flags);
    return EMULATE_DONE;
}

/* Condition codes, SDM volume 1, appendix B. */
static bool condition(uint64_t flags, unsigned code)
{
    bool zero = (flags & FLAG_ZF) != 0;
    bool carry = (flags & FLAG_CF) != 0;
    bool less = ((flags & FLAG_SF) != 0) != ((flags & FLAG_OF) != 0);
    bool holds = false;
    switch (code >> 1 & 7) {
    case 0:
        holds = (flags & FLAG_OF) != 0;
        break;
    case 1:
        holds = carry;
        break;
    case 2:
        holds = zero;
        break;
    case 3:
        holds = carry || zero;
        break;
    case 4:
        holds = (flags & FLAG_SF) != 0;
        break;
    case 5:
        holds = (flags & FLAG_PF) != 0;
        break;
    case 6:
        holds = less;
        break;
    default:
        holds = less || zero;
        break;
    }
    return holds != ((code & 1) != 0);
}

/* CMOVcc reads its operand in any case, and clears the upper half of a 32-bit register. */
static int move_if(struct operand *operand)
{
    unsigned reg = operand->insn->reg;
    uint64_t value = operand_load(operand, 0, operand->size);
    if (!condition(flags_of(operand), operand->insn->opcode))
        value = operand_register(operand, reg, operand->size);
    operand_set_register(operand, reg, operand->size, value);
    return EMULATE_DONE;
}

/* 64-bit mode pushes and pops 64 bits (or 16), and its stack is addressed by all of RSP. */
static int stack(struct operand *operand, bool push)
{
    struct vcpu *vcpu = operand->vcpu;
    bool wide = access_mode(vcpu) == 8;
    unsigned size = wide && operand->size != 2 ? 8 : operand->size;
    unsigned width = wide ? 8
                     : (vcpu->operations->read(vcpu, FIELD_RIGHTS(SEGMENT_SS)) & RIGHTS_BIG) != 0
                         ? 4
                         : 2;
    uint64_t top = vcpu_gpr(vcpu, RSP);
    uint64_t place = access_mask(push ? top - size : top, width);
    uint64_t linear = access_linear(vcpu, SEGMENT_SS, place);
    uint64_t value = 0;
    if (push) {
        value = operand_load(operand, 0, size);
        if (operand->error == ACCESS_OK)
            operand->error = access_write(vcpu, linear, size, value);
    } else {
        operand->error = access_read(vcpu, linear, size, &value);
        operand_store(operand, 0, size, value);
    }
    operand_set_register(operand, RSP, width, push ? top - size : top + size);
    return EMULATE_DONE;
}

static int one_byte(struct operand *operand)
{
    const struct insn *insn = operand->insn;
    unsigned size = (insn->opcode & 1) != 0 ? operand->size : 1;
    unsigned group = insn->reg & 7;
    switch (insn->opcode) {
    case 0x69:
    case 0x6b:
        return multiply(operand, (uint64_t)insn->immediate);
    case 0x8f:
        return group == 0 ? stack(operand, false) : EMULATE_UNKNOWN;
    case 0xf6:
    case 0xf7:
        if (group != 4 && group != 5)
            return EMULATE_UNKNOWN;
        return multiply_accumulator(operand, size, group == 5);
    case 0xff:
        return group == 6 ? stack(operand, true) : EMULATE_UNKNOWN;
    default:
        return EMULATE_UNKNOWN;
    }
}

static int two_byte(struct operand *operand)
{
    const struct insn *insn = operand->insn;
    uint64_t by_register = vcpu_gpr(operand->vcpu, RCX);
    switch (insn->opcode) {
    case 0x01: /* SMSW: 16 bits to memory */
        if ((insn->reg & 7) != 4)
            return EMULATE_UNKNOWN;
        operand_store(operand, 0, 2, operand->vcpu->mr[QUOIN_VM_CR0] & 0xffff);
        return EMULATE_DONE;
    case 0xa4:
        return double_shift(operand, false, (uint64_t)insn->immediate);
    case 0xa5:
        return double_shift(operand, false, by_register);
    case 0xac:
        return double_shift(operand, true, (uint64_t)insn->immediate);
    case 0xad:
        return double_shift(operand, true, by_register);
    case 0xaf:
        return multiply(operand, operand_register(operand, insn->reg, operand->size));
    case 0xbc:
        return scan(operand, false);
    case 0xbd:
        return scan(operand, true);
    default:
        break;
    }
    if (insn->opcode >= 0x40 && insn->opcode <= 0x4f)
        return move_if(operand);
    if (insn->opcode >= 0x90 && insn->opcode <= 0x9f) { /* SETcc */
        operand_store(operand, 0, 1, condition(flags_of(operand), insn->opcode) ? 1 : 0);
        return EMULATE_DONE;
    }
    return EMULATE_UNKNOWN;
}

int emulate_arithmetic(struct operand *operand)
{
    if (operand->insn->map == MAP_ONE)
        return one_byte(operand);
    return operand->insn->map == MAP_0F ? two_byte(operand) : EMULATE_UNKNOWN;
}
