/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/decode/insn.h"

#include <string.h>

#include "vmm/vcpu/field.h"

/* What follows an opcode. */
enum {
    N = 0,       /* nothing */
    M = 1,       /* ModRM */
    I1 = 2,      /* 8-bit immediate */
    I2 = 4,      /* 16-bit immediate */
    IZ = 8,      /* 16 or 32 bits by operand size */
    IV = 16,     /* 16, 32 or 64 bits by operand size (MOV r, imm) */
    OFFSET = 32, /* address-sized offset (MOV moffs) */
    J = 64,      /* near branch displacement: like IZ, but 32 bits in 64-bit mode */
    FAR = 128,   /* far pointer: IZ and 16 bits; invalid in 64-bit mode */
    X = 255,     /* no instruction, a prefix, or an encoding that is refused */
};

#define ALU M, M, M, M, I1, IZ, N, N /* eight opcodes of one ALU operation */

/* clang-format off */
static const uint8_t one_byte[256] = {
    /* 00 */ ALU, ALU,
    /* 10 */ ALU, ALU,
    /* 20 */ M, M, M, M, I1, IZ, X, N, M, M, M, M, I1, IZ, X, N,
    /* 30 */ M, M, M, M, I1, IZ, X, N, M, M, M, M, I1, IZ, X, N,
    /* 40 */ N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
    /* 50 */ N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
    /* 60 */ N, N, M, M, X, X, X, X, IZ, M | IZ, I1, M | I1, N, N, N, N,
    /* 70 */ I1, I1, I1, I1, I1, I1, I1, I1, I1, I1, I1, I1, I1, I1, I1, I1,
    /* 80 */ M | I1, M | IZ, M | I1, M | I1, M, M, M, M, M, M, M, M, M, M, M, M,
    /* 90 */ N, N, N, N, N, N, N, N, N, N, FAR, N, N, N, N, N,
    /* a0 */ OFFSET, OFFSET, OFFSET, OFFSET, N, N, N, N, I1, IZ, N, N, N, N, N, N,
    /* b0 */ I1, I1, I1, I1, I1, I1, I1, I1, IV, IV, IV, IV, IV, IV, IV, IV,
    /* c0 */ M | I1, M | I1, I2, N, M, M, M | I1, M | IZ, I2 | I1, N, I2, N, N, I1, N, N,
    /* d0 */ M, M, M, M, I1, I1, X, N, M, M, M, M, M, M, M, M,
    /* e0 */ I1, I1, I1, I1, I1, I1, I1, I1, J, J, FAR, I1, N, N, N, N,
    /* f0 */ X, N, X, X, N, N, M, M, N, N, N, N, N, N, M, M,
};
/* clang-format on */

/* clang-format off */
static const uint8_t two_byte[256] = {
    /* 00 */ M, M, M, M, X, N, N, N, N, N, X, N, X, M, N, M | I1,
    /* 10 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* 20 */ M, M, M, M, X, X, X, X, M, M, M, M, M, M, M, M,
    /* 30 */ N, N, N, N, N, N, X, N, X, X, X, X, X, X, X, X,
    /* 40 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* 50 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* 60 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* 70 */ M | I1, M | I1, M | I1, M | I1, M, M, M, N, M, M, X, X, M, M, M, M,
    /* 80 */ J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
    /* 90 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* a0 */ N, N, N, M, M | I1, M, X, X, N, N, N, M, M | I1, M, M, M,
    /* b0 */ M, M, M, M, M, M, M, M, M, M, M | I1, M, M, M, M, M,
    /* c0 */ M, M, M | I1, M, M | I1, M | I1, M | I1, M, N, N, N, N, N, N, N, N,
    /* d0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* e0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* f0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
};
/* clang-format on */

struct cursor {
    const uint8_t *bytes;
    size_t count;
    size_t at;
    int error;
};

static uint8_t next(struct cursor *cursor)
{
    if (cursor->error != INSN_OK)
        return 0;
    if (cursor->at >= INSN_MAX_LENGTH) {
        cursor->error = INSN_ERROR_LONG;
        return 0;
    }
    if (cursor->at >= cursor->count) {
        cursor->error = INSN_ERROR_SHORT;
        return 0;
    }
    return cursor->bytes[cursor->at++];
}

/* A little-endian number of size bytes, sign-extended. */
static int64_t number(struct cursor *cursor, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)next(cursor) << (i * 8);
    if (size == 0)
        return 0;
    unsigned shift = 64 - size * 8;
    return (int64_t)(value << shift) >> shift;
}

/* Takes the prefixes; returns the first byte that is none. */
static uint8_t prefixes(struct cursor *cursor, unsigned mode, struct insn *insn,
                        bool *address_prefix)
{
    for (;;) {
        uint8_t byte = next(cursor);
        if (cursor->error != INSN_OK)
            return 0;
        switch (byte) {
        case 0x26:
            insn->segment = SEGMENT_ES;
            break;
        case 0x2e:
            insn->segment = SEGMENT_CS;
            break;
        case 0x36:
            insn->segment = SEGMENT_SS;
            break;
        case 0x3e:
            insn->segment = SEGMENT_DS;
            break;
        case 0x64:
            insn->segment = SEGMENT_FS;
            break;
        case 0x65:
            insn->segment = SEGMENT_GS;
            break;
        case 0x66:
            insn->operand_prefix = true;
            break;
        case 0x67:
            *address_prefix = true;
            break;
        case 0xf0:
            insn->lock = true;
            break;
        case 0xf2:
            insn->repne = true;
            insn->rep = false;
            break;
        case 0xf3:
            insn->rep = true;
            insn->repne = false;
            break;
        default:
            if (mode != 8 || (byte & 0xf0) != 0x40)
                return byte;
            /* REX counts only directly before the opcode (SDM volume 2, 2.2.1). */
            insn->rex = byte;
            byte = next(cursor);
            if ((byte & 0xf0) == 0x40 || byte == 0x66 || byte == 0x67 || byte == 0xf0 ||
                byte == 0xf2 || byte == 0xf3 || byte == 0x26 || byte == 0x2e || byte == 0x36 ||
                byte == 0x3e || byte == 0x64 || byte == 0x65) {
                insn->rex = 0;
                cursor->at--;
                break;
            }
            return byte;
        }
    }
}

/* SDM volume 2, table 2-1. */
static void modrm_16(struct cursor *cursor, struct insn *insn, unsigned mod, unsigned rm)
{
    static const uint8_t base[8] = {3, 3, 5, 5, 6, 7, 5, 3};
    static const uint8_t index[8] = {
        6, 7, 6, 7, INSN_NO_REGISTER, INSN_NO_REGISTER, INSN_NO_REGISTER, INSN_NO_REGISTER};
    insn->base = base[rm];
    insn->index = index[rm];
    if (mod == 0 && rm == 6) {
        insn->base = INSN_NO_REGISTER;
        insn->displacement = number(cursor, 2);
    } else if (mod != 0) {
        insn->displacement = number(cursor, mod == 1 ? 1 : 2);
    }
}

/* SDM volume 2, tables 2-2 and 2-3. */
static void modrm_32(struct cursor *cursor, struct insn *insn, unsigned mod, unsigned rm,
                     unsigned mode)
{
    bool has_displacement = false;
    if (rm == 4) {
        uint8_t sib = next(cursor);
        uint8_t index = (uint8_t)(((sib >> 3) & 7) | ((insn->rex & 2) != 0 ? 8 : 0));
        uint8_t base = (uint8_t)((sib & 7) | ((insn->rex & 1) != 0 ? 8 : 0));
        insn->scale = (uint8_t)(1u << (sib >> 6));
        if (index != 4)
            insn->index = index;
        if (mod == 0 && (sib & 7) == 5)
            has_displacement = true;
        else
            insn->base = base;
    } else if (mod == 0 && rm == 5) {
        has_displacement = true;
        insn->rip_relative = mode == 8;
    } else {
        insn->base = (uint8_t)(rm | ((insn->rex & 1) != 0 ? 8u : 0u));
    }
    if (mod == 1)
        insn->displacement = number(cursor, 1);
    else if (mod == 2 || has_displacement)
        insn->displacement = number(cursor, 4);
}

static void modrm(struct cursor *cursor, struct insn *insn, unsigned mode, bool registers_only)
{
    uint8_t byte = next(cursor);
    unsigned mod = byte >> 6;
    unsigned rm = byte & 7;
    insn->has_modrm = true;
    insn->reg = (uint8_t)(((byte >> 3) & 7) | ((insn->rex & 4) != 0 ? 8 : 0));
    insn->rm = (uint8_t)(rm | ((insn->rex & 1) != 0 ? 8u : 0u));
    if (mod == 3 || registers_only)
        return;
    insn->memory = true;
    if (insn->address_size == 2)
        modrm_16(cursor, insn, mod, rm);
    else
        modrm_32(cursor, insn, mod, rm, mode);
}

/* The default segment: SS for a stack-based operand, DS else. */
static void default_segment(struct insn *insn)
{
    if (insn->segment != INSN_NO_REGISTER)
        return;
    bool stack = insn->base == 4 || insn->base == 5;
    insn->segment = (uint8_t)(stack ? SEGMENT_SS : SEGMENT_DS);
}

static void immediates(struct cursor *cursor, struct insn *insn, unsigned form, unsigned mode)
{
    unsigned z = insn->operand_size == 2 ? 2 : 4;
    unsigned size = 0;
    if ((form & OFFSET) != 0) {
        insn->displacement = number(cursor, insn->address_size);
        return;
    }
    if ((form & I2) != 0)
        size = 2;
    if ((form & I1) != 0)
        size += 1;
    if ((form & IZ) != 0)
        size = z;
    if ((form & IV) != 0)
        size = insn->operand_size;
    if ((form & J) != 0)
        size = mode == 8 ? 4 : z;
    if ((form & FAR) != 0)
        size = z + 2;
    insn->immediate = number(cursor, size);
    insn->immediate_size = (uint8_t)size;
}

/* One-byte opcodes that depend on the mode, or on ModRM, for what follows. */
static int adjust_one(const struct insn *insn, unsigned mode, const uint8_t *rest, size_t count,
                      unsigned *form)
{
    uint8_t opcode = insn->opcode;
    if (opcode == 0xf6 || opcode == 0xf7) { /* TEST has an immediate, NOT, NEG, MUL... have none */
        if (count == 0)
            return INSN_ERROR_SHORT;
        if ((rest[0] & 0x38) <= 0x08)
            *form |= opcode == 0xf6 ? I1 : IZ;
    }
    if (mode == 8) {
        if ((*form & FAR) != 0)
            return INSN_ERROR_UNKNOWN;
        switch (opcode) { /* invalid in 64-bit mode, or EVEX, VEX */
        case 0x06:
        case 0x07:
        case 0x0e:
        case 0x16:
        case 0x17:
        case 0x1e:
        case 0x1f:
        case 0x27:
        case 0x2f:
        case 0x37:
        case 0x3f:
        case 0x60:
        case 0x61:
        case 0x62:
        case 0x82:
        case 0xc4:
        case 0xc5:
        case 0xce:
        case 0xd4:
        case 0xd5:
            return INSN_ERROR_UNKNOWN;
        default:
            return INSN_OK;
        }
    }
    /* LES, LDS and BOUND take memory only; with a register they are VEX and EVEX. */
    if (opcode == 0x62 || opcode == 0xc4 || opcode == 0xc5) {
        if (count == 0)
            return INSN_ERROR_SHORT;
        if (rest[0] >= 0xc0)
            return INSN_ERROR_UNKNOWN;
    }
    return INSN_OK;
}

/* Reads the opcode, which begins with `byte`; returns what follows it, or X. */
static unsigned opcode(struct cursor *cursor, struct insn *insn, uint8_t byte)
{
    insn->opcode = byte;
    if (byte != 0x0f) {
        insn->map = MAP_ONE;
        return one_byte[byte];
    }
    insn->opcode = next(cursor);
    if (insn->opcode == 0x38) {
        insn->map = MAP_0F38;
        insn->opcode = next(cursor);
        return M;
    }
    if (insn->opcode == 0x3a) {
        insn->map = MAP_0F3A;
        insn->opcode = next(cursor);
        return M | I1;
    }
    insn->map = MAP_0F;
    return two_byte[insn->opcode];
}

static void sizes(struct insn *insn, unsigned mode, bool address_prefix)
{
    if (mode == 8) {
        insn->address_size = address_prefix ? 4 : 8;
        insn->operand_size = (insn->rex & 8) != 0 ? 8 : insn->operand_prefix ? 2 : 4;
    } else {
        insn->address_size = (uint8_t)(address_prefix ? 6 - mode : mode);
        insn->operand_size = (uint8_t)(insn->operand_prefix ? 6 - mode : mode);
    }
}

int insn_decode(const uint8_t *bytes, size_t count, unsigned mode, struct insn *insn)
{
    struct cursor cursor = {bytes, count, 0, INSN_OK};
    bool address_prefix = false;
    memset(insn, 0, sizeof(*insn));
    insn->segment = INSN_NO_REGISTER;
    insn->base = INSN_NO_REGISTER;
    insn->index = INSN_NO_REGISTER;
    insn->scale = 1;

    uint8_t byte = prefixes(&cursor, mode, insn, &address_prefix);
    unsigned form = opcode(&cursor, insn, byte);
    if (cursor.error != INSN_OK)
        return cursor.error;
    if (form == X)
        return INSN_ERROR_UNKNOWN;
    sizes(insn, mode, address_prefix);
    if (insn->map == MAP_ONE) {
        int error = adjust_one(insn, mode, bytes + cursor.at, count - cursor.at, &form);
        if (error != INSN_OK)
            return error;
    }
    if ((form & M) != 0) {
        /* MOV to and from CRn and DRn ignores mod. */
        bool registers = insn->map == MAP_0F && insn->opcode >= 0x20 && insn->opcode <= 0x23;
        modrm(&cursor, insn, mode, registers);
    }
    default_segment(insn);
    immediates(&cursor, insn, form & ~(unsigned)M, mode);
    insn->length = (uint8_t)cursor.at;
    return cursor.error;
}
