/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/patch.h"

#include "x86/arch.h"
#include "x86/cpu.h"
#include "x86/offsets.h"

struct patch {
    uint64_t address, kind;
};
extern const struct patch patch_table_start[], patch_table_end[];

/* VERW with a selector in memory, RIP-relative (SDM vol. 2): 0f 00 /5, disp32, and a NOP. The
 * selector must be a writable data segment's. */
enum { VERW_BYTES = 7, NOP = 0x90 };
enum { MODRM = 3, FXSAVE = 0, FXRSTOR = 1, XSAVE = 4, XRSTOR = 5, XSAVEOPT = 6 };

static void put_verw(const struct patch *p)
{
    extern const uint16_t entry_verw_selector;
    uint8_t *code = (uint8_t *)(uintptr_t)p->address;
    int32_t distance =
        (int32_t)((uint64_t)(uintptr_t)&entry_verw_selector - (p->address + VERW_BYTES));
    code[0] = 0x0f;
    code[1] = 0x00;
    code[2] = 0x2d;
    memory_copy(code + 3, &distance, sizeof(distance));
    code[VERW_BYTES] = NOP;
}

/* 48 0f ae /digit: which instruction of the family it is. */
static void put_digit(const struct patch *p, unsigned digit)
{
    uint8_t *code = (uint8_t *)(uintptr_t)p->address;
    code[MODRM] = (uint8_t)((code[MODRM] & 0xc7) | digit << 3);
}

void patch_code(void)
{
    for (const struct patch *p = patch_table_start; p < patch_table_end; p++) {
        if (p->kind == PATCH_KIND_VERW && cpu.mds) {
            put_verw(p);
        } else if (p->kind == PATCH_KIND_SAVE) {
            put_digit(p, cpu.xsaveopt ? XSAVEOPT : cpu.xsave ? XSAVE : FXSAVE);
        } else if (p->kind == PATCH_KIND_LOAD) {
            put_digit(p, cpu.xsave ? XRSTOR : FXRSTOR);
        }
    }
}
