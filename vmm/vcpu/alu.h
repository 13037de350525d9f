/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Integer operations with the flags they leave (Intel SDM volume 1, 3.4.3.1; volume 2 for each).
 */
#ifndef VMM_VCPU_ALU_H
#define VMM_VCPU_ALU_H

#include <stdint.h>

/* In the order of the opcodes' bits 5:3 and of ModRM.reg in group 1. */
enum alu_operation { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

#define FLAG_CF         0x0001ull
#define FLAG_PF         0x0004ull
#define FLAG_AF         0x0010ull
#define FLAG_ZF         0x0040ull
#define FLAG_SF         0x0080ull
#define FLAG_TF         0x0100ull
#define FLAG_DF         0x0400ull
#define FLAG_OF         0x0800ull
#define FLAG_RF         0x10000ull
#define FLAG_ARITHMETIC (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* a op b on `size` bytes (1, 2, 4, 8); *flags is RFLAGS in and out. */
uint64_t alu_binary(enum alu_operation operation, uint64_t a, uint64_t b, unsigned size,
                    uint64_t *flags);

/* a + 1 or a - 1; CF stays. */
uint64_t alu_increment(uint64_t a, unsigned size, uint64_t *flags);
uint64_t alu_decrement(uint64_t a, unsigned size, uint64_t *flags);

#endif
