/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The instruction decoder, and page-table walks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "vmm/decode/insn.h"
#include "vmm/decode/walk.h"
#include "vmm/vcpu/field.h"

struct sample {
    uint8_t bytes[15];
    uint8_t count;
    uint8_t mode;
    uint8_t length;
};

/* Encodings from the SDM's tables; lengths by hand. */
static const struct sample samples[] = {
    {{0x0f, 0xa2}, 2, 8, 2},                           /* cpuid */
    {{0xf4}, 1, 8, 1},                                 /* hlt */
    {{0xf3, 0x0f, 0xa2}, 3, 8, 3},                     /* rep cpuid */
    {{0x0f, 0x30}, 2, 4, 2},                           /* wrmsr */
    {{0x0f, 0x01, 0xd9}, 3, 8, 3},                     /* vmmcall */
    {{0x0f, 0x01, 0xd1}, 3, 8, 3},                     /* xsetbv */
    {{0x0f, 0x22, 0xc0}, 3, 4, 3},                     /* mov cr0, eax */
    {{0x44, 0x0f, 0x22, 0xc0}, 4, 8, 4},               /* mov cr8, rax */
    {{0x0f, 0x01, 0x38}, 3, 8, 3},                     /* invlpg [rax] */
    {{0x89, 0x04, 0x25, 0, 0, 0xe0, 0xfe}, 7, 8, 7},   /* mov [disp32], eax */
    {{0x8b, 0x05, 0, 0, 0, 0}, 6, 8, 6},               /* mov eax, [rip] */
    {{0x48, 0x8b, 0x84, 0x91, 1, 2, 3, 4}, 8, 8, 8},   /* mov rax, [rcx+rdx*4+disp] */
    {{0x66, 0xc7, 0x00, 0x34, 0x12}, 5, 8, 5},         /* mov word [rax], imm16 */
    {{0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8}, 10, 8, 10}, /* movabs */
    {{0xa1, 1, 2, 3, 4, 5, 6, 7, 8}, 9, 8, 9},         /* mov eax, moffs64 */
    {{0xa1, 1, 2, 3, 4}, 5, 4, 5},                     /* mov eax, moffs32 */
    {{0xa1, 1, 2}, 3, 2, 3},                           /* mov ax, moffs16 */
    {{0x67, 0xa1, 1, 2, 3, 4}, 6, 2, 6},               /* mov ax, moffs32 */
    {{0x81, 0x38, 1, 2, 3, 4}, 6, 8, 6},               /* cmp dword [rax], imm32 */
    {{0x81, 0x3f, 1, 2}, 4, 2, 4},                     /* cmp word [bx], imm16 */
    {{0x8b, 0x86, 1, 2}, 4, 2, 4},                     /* mov ax, [bp+disp16] */
    {{0x8b, 0x06, 1, 2}, 4, 2, 4},                     /* mov ax, [disp16] */
    {{0xf7, 0x00, 1, 2, 3, 4}, 6, 4, 6},               /* test dword [eax], imm32 */
    {{0xf7, 0x10}, 2, 4, 2},                           /* not dword [eax] */
    {{0x0f, 0xb6, 0x08}, 3, 8, 3},                     /* movzx ecx, byte [rax] */
    {{0x0f, 0xba, 0x28, 5}, 4, 8, 4},                  /* bts dword [rax], 5 */
    {{0xf3, 0x48, 0xa5}, 3, 8, 3},                     /* rep movsq */
    {{0x0f, 0x38, 0xf0, 0x00}, 4, 8, 4},               /* movbe */
    {{0x66, 0x0f, 0x3a, 0x0f, 0xc1, 8}, 6, 8, 6},      /* palignr */
    {{0xea, 1, 2, 3, 4, 5, 6}, 7, 4, 7},               /* jmp far */
    {{0xe8, 1, 2, 3, 4}, 5, 8, 5},                     /* call */
    {{0x66, 0xe8, 1, 2, 3, 4}, 6, 8, 6},               /* call: 32 bits in 64-bit mode */
    {{0xc8, 1, 2, 3}, 4, 4, 4},                        /* enter */
    {{0x0f, 0x84, 1, 2, 3, 4}, 6, 4, 6},               /* je */
    {{0x48, 0x66, 0x89, 0x00}, 4, 8, 4},               /* a REX that does not count */
};

static void lengths(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct insn insn;
        assert_int_equal(insn_decode(samples[i].bytes, samples[i].count, samples[i].mode, &insn),
                         INSN_OK);
        if (insn.length != samples[i].length)
            fail_msg("sample %u: length %u, not %u", i, insn.length, samples[i].length);
        /* One byte fewer is always too short. */
        assert_int_equal(
            insn_decode(samples[i].bytes, samples[i].count - 1u, samples[i].mode, &insn),
            INSN_ERROR_SHORT);
    }
}

static void refused(void **state)
{
    (void)state;
    struct insn insn;
    const uint8_t vex[] = {0xc5, 0xf8, 0x77};
    const uint8_t prefixes[16] = {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                  0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90};
    const uint8_t push_es[] = {0x06};
    assert_int_equal(insn_decode(vex, 3, 8, &insn), INSN_ERROR_UNKNOWN);
    assert_int_equal(insn_decode(vex, 3, 4, &insn), INSN_ERROR_UNKNOWN);
    assert_int_equal(insn_decode(prefixes, 16, 8, &insn), INSN_ERROR_LONG);
    assert_int_equal(insn_decode(push_es, 1, 8, &insn), INSN_ERROR_UNKNOWN);
    assert_int_equal(insn_decode(push_es, 1, 4, &insn), INSN_OK);
    assert_int_equal(insn_decode(push_es, 0, 4, &insn), INSN_ERROR_SHORT);
}

static void operands(void **state)
{
    (void)state;
    struct insn insn;
    /* gs mov r9, [r12+r13*8-0x10] */
    const uint8_t sib[] = {0x65, 0x4f, 0x8b, 0x4c, 0xec, 0xf0};
    assert_int_equal(insn_decode(sib, sizeof(sib), 8, &insn), INSN_OK);
    assert_int_equal(insn.segment, SEGMENT_GS);
    assert_int_equal(insn.operand_size, 8);
    assert_int_equal(insn.reg, 9);
    assert_int_equal(insn.base, 12);
    assert_int_equal(insn.index, 13);
    assert_int_equal(insn.scale, 8);
    assert_int_equal(insn.displacement, -16);
    assert_true(insn.memory);
    /* or dword [ebp+8], -1: stack segment, sign-extended immediate */
    const uint8_t stack[] = {0x83, 0x4d, 0x08, 0xff};
    assert_int_equal(insn_decode(stack, sizeof(stack), 4, &insn), INSN_OK);
    assert_int_equal(insn.segment, SEGMENT_SS);
    assert_int_equal(insn.immediate, -1);
    /* mov al, [bx+si] */
    const uint8_t real[] = {0x8a, 0x00};
    assert_int_equal(insn_decode(real, sizeof(real), 2, &insn), INSN_OK);
    assert_int_equal(insn.base, 3);
    assert_int_equal(insn.index, 6);
}

static uint8_t memory_bytes[0x10000];

static void put64(uint64_t at, uint64_t value)
{
    memcpy(memory_bytes + at, &value, 8);
}

static void walks(void **state)
{
    (void)state;
    struct memory memory = {0};
    struct walk_result result;
    struct walk_state walk = {.cr0 = 0x80010001, .cr3 = 0x1000, .cr4 = 0x20, .efer = 0xd00};
    memset(memory_bytes, 0, sizeof(memory_bytes));
    memory_add(&memory, gpa(0), sizeof(memory_bytes), memory_bytes);
    put64(0x1000, 0x2007);
    put64(0x2000, 0x3007);
    put64(0x2008, 0x40000087); /* a 1 GiB page */
    put64(0x3000, 0x4007);
    put64(0x3008, 0x600083);              /* a 2 MiB page, kernel */
    put64(0x4000, 0x5001);                /* read-only, kernel */
    put64(0x4008, 0x8000000000006007ull); /* no execute */
    put64(0x4010, 0x7000);

    assert_int_equal(walk_translate(&memory, &walk, 0x123, 0, &result), WALK_OK);
    assert_int_equal(result.gpa, 0x5123);
    assert_int_equal(walk_translate(&memory, &walk, 0x123, WALK_WRITE, &result), WALK_ERROR_FAULT);
    assert_int_equal(result.error, WALK_PRESENT | WALK_WRITE);
    assert_int_equal(walk_translate(&memory, &walk, 0x1123, WALK_FETCH, &result), WALK_ERROR_FAULT);
    assert_int_equal(result.error, WALK_PRESENT | WALK_FETCH);
    assert_int_equal(walk_translate(&memory, &walk, 0x2000, 0, &result), WALK_ERROR_FAULT);
    assert_int_equal(result.error, 0);
    assert_int_equal(walk_translate(&memory, &walk, 0x2abcde, WALK_WRITE, &result), WALK_OK);
    assert_int_equal(result.gpa, 0x6abcde);
    assert_int_equal(walk_translate(&memory, &walk, 0x7abcdef1, 0, &result), WALK_OK);
    assert_int_equal(result.gpa, 0x7abcdef1);
    walk.user = true;
    assert_int_equal(walk_translate(&memory, &walk, 0x2abcde, 0, &result), WALK_ERROR_FAULT);
    assert_int_equal(result.error, WALK_PRESENT | WALK_USER);
    /* Tables outside RAM are no fault of the guest's that it could handle. */
    walk.cr3 = 0x100000;
    assert_int_equal(walk_translate(&memory, &walk, 0, 0, &result), WALK_ERROR_MEMORY);
    walk.cr0 = 1;
    assert_int_equal(walk_translate(&memory, &walk, 0x1234, 0, &result), WALK_OK);
    assert_int_equal(result.gpa, 0x1234);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),
        cmocka_unit_test(refused),
        cmocka_unit_test(operands),
        cmocka_unit_test(walks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
