/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Events that a VMM injects, and the windows it waits for, in real mode: each vector's handler
 * stops with the vector in AL.
 */
#include "guest.h"

#include <sel4/quoin.h>

GUEST_CODE_BLOCK(code_wait, 16, "nop\n nop\n sti\n nop\n nop\n hlt");

enum { HANDLERS = 0x4000 };

/* mov $vector, %al; hlt */
static struct guest *guest_with_handlers(void)
{
    struct guest *g = guest_mine();

    for (unsigned vector = 0; vector < 256; vector++) {
        unsigned handler = HANDLERS + 4 * vector;
        uint8_t *entry = g->memory + 4 * vector;
        entry[0] = (uint8_t)handler;
        entry[1] = (uint8_t)(handler >> 8);
        g->memory[handler] = 0xb0;
        g->memory[handler + 1] = (uint8_t)vector;
        g->memory[handler + 2] = 0xf4;
    }
    GUEST_LOAD(g, code_wait);
    return g;
}

static enum guest_exit inject(seL4_Word rip, uint32_t info, seL4_Word length, seL4_Word rflags)
{
    guest_set_mr(QUOIN_VM_RIP, rip);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, info);
    guest_set_mr(QUOIN_VM_INSTRUCTION_LEN, length);
    guest_set_mr(QUOIN_VM_RFLAGS, rflags);
    guest_set_mr(QUOIN_VM_RSP, GUEST_STACK);
    return guest_enter(QUOIN_VMENTER_INSTRUCTION_LEN | QUOIN_VMENTER_RFLAGS | QUOIN_VMENTER_RSP,
                       NULL);
}

static uint16_t pushed_ip(const struct guest *g)
{
    const uint8_t *stack = g->memory + GUEST_STACK - 6;
    return (uint16_t)(stack[0] | stack[1] << 8);
}

static void check_handler(struct guest *g, unsigned vector, unsigned return_ip)
{
    CHECK_EQ(guest_mr(QUOIN_VM_RAX) & 0xff, vector);
    CHECK_EQ(guest_mr(QUOIN_VM_RSP), GUEST_STACK - 6);
    CHECK_EQ(guest_mr(QUOIN_VM_ENTRY_INFO), 0); /* it has happened */
    CHECK_EQ(pushed_ip(g), return_ip);
}

TEST(vcpu_injected_interrupt)
{
    struct guest *g = guest_with_handlers();

    for (unsigned vector = 0x20; vector < 256; vector += 17) {
        CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | vector, 0, 2 | RFLAGS_IF), EXIT_HLT);
        check_handler(g, vector, GUEST_CODE);
    }
}

TEST(vcpu_injected_exception)
{
    struct guest *g = guest_with_handlers();

    CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | EVENT_EXCEPTION | 6, 0, 2), EXIT_HLT);
    check_handler(g, 6, GUEST_CODE);
}

TEST(vcpu_injected_software_interrupt)
{
    struct guest *g = guest_with_handlers();

    CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | EVENT_SOFTWARE | 0x80, 2, 2), EXIT_HLT);
    check_handler(g, 0x80, GUEST_CODE + 2); /* behind the INT n that it stands for */
}

TEST(vcpu_injected_nmi)
{
    struct guest *g = guest_with_handlers();

    CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | 2u << 8 | 2, 0, 2), EXIT_HLT);
    check_handler(g, 2, GUEST_CODE);
    CHECK(guest_mr(QUOIN_VM_INTERRUPTIBILITY) & 8); /* blocked until IRET */
}

TEST(vcpu_interrupt_window)
{
    struct guest *g = guest_with_handlers();

    guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT | CONTROL_INTERRUPT_WINDOW);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    CHECK_EQ(guest_enter(0, NULL), EXIT_INTERRUPT_WINDOW);
    CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE + 4); /* behind STI and its shadow */
    CHECK(guest_mr(QUOIN_VM_RFLAGS) & RFLAGS_IF);
    CHECK_EQ(inject(GUEST_CODE + 4, EVENT_VALID | 0x33, 0, 2 | RFLAGS_IF), EXIT_HLT);
    check_handler(g, 0x33, GUEST_CODE + 4);
}

/* A handler that cannot be reached: the exit says what was being delivered. */
TEST(vcpu_event_cut_short)
{
    struct guest *g = guest_with_handlers();

    CHECK_OK(seL4_X86_Page_Unmap(g->frames[0])); /* the vectors */
    CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | 0x44, 0, 2 | RFLAGS_IF), EXIT_MEMORY);
    CHECK_EQ(guest_mr(QUOIN_VM_VECTORING_INFO), EVENT_VALID | 0x44);
    CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE);
    CHECK_OK(seL4_X86_Page_MapEPT(g->frames[0], g->ept, 0, seL4_AllRights, seL4_X86_EPT_WriteBack));
    CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | 0x44, 0, 2 | RFLAGS_IF), EXIT_HLT);
    check_handler(g, 0x44, GUEST_CODE);
}
