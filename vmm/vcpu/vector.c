/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Moves between XMM registers and device memory (SDM volume 2, MOVUPS to MOVNTDQA): what compilers
 * make of a copy. The processor has checked before the exit that the guest may use the registers,
 * and that an operand that must be aligned is.
 */
#include "vmm/vcpu/emulate.h"
#include "vmm/vcpu/operand.h"
#include "vmm/vm.h"

enum prefix { NONE, P66, PF3, PF2 };

/* Of a register: how many bytes move, from which one on, in which direction; keep: a load leaves
 * the register's other bytes instead of clearing them. */
struct move {
    uint8_t bytes;
    uint8_t from;
    bool store;
    bool keep;
};

static enum prefix prefix_of(const struct insn *insn)
{
    if (insn->repne)
        return PF2;
    if (insn->rep)
        return PF3;
    return insn->operand_prefix ? P66 : NONE;
}

/* 0F 10 and 0F 11: MOVUPS, MOVUPD, MOVSS, MOVSD. */
static uint8_t unaligned_bytes(enum prefix prefix)
{
    return prefix == PF3 ? 4 : prefix == PF2 ? 8 : 16;
}

static struct move move_0f(const struct insn *insn, enum prefix prefix)
{
    const struct move none = {0};
    bool packed = prefix == NONE || prefix == P66;
    uint8_t general = insn->operand_size == 8 ? 8 : 4;
    switch (insn->opcode) {
    case 0x10:
        return (struct move){.bytes = unaligned_bytes(prefix)};
    case 0x11:
        return (struct move){.bytes = unaligned_bytes(prefix), .store = true};
    case 0x12: /* MOVLPS, MOVLPD */
        return packed ? (struct move){.bytes = 8, .keep = true} : none;
    case 0x13:
        return packed ? (struct move){.bytes = 8, .store = true} : none;
    case 0x16: /* MOVHPS, MOVHPD */
        return packed ? (struct move){.bytes = 8, .from = 8, .keep = true} : none;
    case 0x17:
        return packed ? (struct move){.bytes = 8, .from = 8, .store = true} : none;
    case 0x28: /* MOVAPS, MOVAPD */
        return packed ? (struct move){.bytes = 16} : none;
    case 0x29:
    case 0x2b: /* MOVNTPS, MOVNTPD */
        return packed ? (struct move){.bytes = 16, .store = true} : none;
    case 0x6e: /* MOVD, MOVQ; without the prefix an MMX register */
        return prefix == P66 ? (struct move){.bytes = general} : none;
    case 0x7e:
        return prefix == P66   ? (struct move){.bytes = general, .store = true}
               : prefix == PF3 ? (struct move){.bytes = 8}
                               : none;
    case 0x6f: /* MOVDQA, MOVDQU */
        return prefix == P66 || prefix == PF3 ? (struct move){.bytes = 16} : none;
    case 0x7f:
        return prefix == P66 || prefix == PF3 ? (struct move){.bytes = 16, .store = true} : none;
    case 0xd6: /* MOVQ */
        return prefix == P66 ? (struct move){.bytes = 8, .store = true} : none;
    case 0xe7: /* MOVNTDQ */
        return prefix == P66 ? (struct move){.bytes = 16, .store = true} : none;
    case 0xf0: /* LDDQU */
        return prefix == PF2 ? (struct move){.bytes = 16} : none;
    default:
        return none;
    }
}

static struct move move_of(const struct insn *insn)
{
    enum prefix prefix = prefix_of(insn);
    if (insn->map == MAP_0F)
        return move_0f(insn, prefix);
    if (insn->map == MAP_0F38 && insn->opcode == 0x2a && prefix == P66)
        return (struct move){.bytes = 16}; /* MOVNTDQA */
    return (struct move){0};
}

static void get_vector(struct vcpu *vcpu, unsigned number, uint64_t value[2])
{
    value[0] = vcpu->operations->read(vcpu, QUOIN_FIELD_XMM + 2 * number);
    value[1] = vcpu->operations->read(vcpu, QUOIN_FIELD_XMM + 2 * number + 1);
}

static void set_vector(struct vcpu *vcpu, unsigned number, const uint64_t value[2])
{
    vcpu->operations->write(vcpu, QUOIN_FIELD_XMM + 2 * number, value[0]);
    vcpu->operations->write(vcpu, QUOIN_FIELD_XMM + 2 * number + 1, value[1]);
}

int emulate_vector(struct operand *operand)
{
    struct vcpu *vcpu = operand->vcpu;
    struct move move = move_of(operand->insn);
    unsigned number = operand->insn->reg;
    uint64_t value[2] = {0, 0};
    if (move.bytes == 0)
        return EMULATE_UNKNOWN;
    unsigned size = move.bytes < 8 ? move.bytes : 8;
    unsigned first = move.from / 8;
    if (move.store) {
        get_vector(vcpu, number, value);
        /* Both parts are known to be writable before the first is written. */
        if (move.bytes == 16 && operand->split)
            operand->error = access_probe_write(vcpu, operand->linear + 8, 8);
        operand_store(operand, 0, size, value[first]);
        if (move.bytes == 16)
            operand_store(operand, 8, 8, value[1]);
        return EMULATE_DONE;
    }
    if (move.keep)
        get_vector(vcpu, number, value);
    value[first] = operand_load(operand, 0, size);
    if (move.bytes == 16)
        value[1] = operand_load(operand, 8, 8);
    if (operand->error == ACCESS_OK)
        set_vector(vcpu, number, value);
    return EMULATE_DONE;
}
