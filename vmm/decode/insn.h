/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Decoding of one x86 instruction (Intel SDM volume 2, chapter 2 and appendix A): its length and
 * its operands' form. The legacy maps (one-byte, 0F, 0F 38, 0F 3A) have correct lengths; VEX, EVEX
 * and XOP encodings are refused.
 */
#ifndef VMM_DECODE_INSN_H
#define VMM_DECODE_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSN_MAX_LENGTH 15

enum insn_map { MAP_ONE, MAP_0F, MAP_0F38, MAP_0F3A };

enum insn_error {
    INSN_OK = 0,
    INSN_ERROR_SHORT = -1,   /* more bytes are needed */
    INSN_ERROR_LONG = -2,    /* longer than 15 bytes */
    INSN_ERROR_UNKNOWN = -3, /* not an encoding that this decoder knows */
};

#define INSN_NO_REGISTER 0xff

struct insn {
    uint8_t length;
    enum insn_map map;
    uint8_t opcode;
    uint8_t operand_size; /* 2, 4 or 8; an opcode with byte operands says so itself */
    uint8_t address_size; /* 2, 4 or 8 */
    uint8_t rex;
    bool operand_prefix;
    bool lock;
    bool rep;   /* F3 */
    bool repne; /* F2 */
    bool has_modrm;
    bool memory;     /* ModRM names memory */
    uint8_t reg;     /* with REX.R */
    uint8_t rm;      /* with REX.B; a register unless `memory` */
    uint8_t segment; /* enum segment: of the memory operand, or of a string's source */
    uint8_t base;    /* INSN_NO_REGISTER when there is none */
    uint8_t index;
    uint8_t scale; /* 1, 2, 4, 8 */
    bool rip_relative;
    int64_t displacement;
    int64_t immediate; /* sign-extended */
    uint8_t immediate_size;
};

/*
 * Decodes the instruction in bytes[0..count). mode is the code segment's default size: 2, 4, or 8
 * for 64-bit mode. Returns an enum insn_error.
 */
int insn_decode(const uint8_t *bytes, size_t count, unsigned mode, struct insn *insn);

#endif
