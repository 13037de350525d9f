/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Events that a VMM injects, and the windows it waits for, in real mode: each vector's handler
 * stops with the vector in AL.
 */
#include "event.h"

GUEST_CODE_BLOCK(code_wait, 16, "nop\n nop\n sti\n nop\n nop\n hlt");

TEST(vcpu_injected_interrupt)
{
    struct guest *g = guest_with_handlers(code_wait, code_wait_end);

    for (unsigned vector = 0x20; vector < 256; vector += 17) {
        CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | vector, 0, 2 | RFLAGS_IF), EXIT_HLT);
        check_handler(g, vector, GUEST_CODE);
    }
}

TEST(vcpu_injected_exception)
{
    struct guest *g = guest_with_handlers(code_wait, code_wait_end);

    CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | EVENT_EXCEPTION | 6, 0, 2), EXIT_HLT);
    check_handler(g, 6, GUEST_CODE);
}

TEST(vcpu_injected_software_interrupt)
{
    struct guest *g = guest_with_handlers(code_wait, code_wait_end);

    CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | EVENT_SOFTWARE | 0x80, 2, 2), EXIT_HLT);
    check_handler(g, 0x80, GUEST_CODE + 2); /* behind the INT n that it stands for */
}

TEST(vcpu_injected_nmi)
{
    struct guest *g = guest_with_handlers(code_wait, code_wait_end);

    CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | 2u << 8 | 2, 0, 2), EXIT_HLT);
    check_handler(g, 2, GUEST_CODE);
    CHECK(guest_mr(QUOIN_VM_INTERRUPTIBILITY) & 8); /* blocked until IRET */
}

TEST(vcpu_interrupt_window)
{
    struct guest *g = guest_with_handlers(code_wait, code_wait_end);

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
    struct guest *g = guest_with_handlers(code_wait, code_wait_end);

    CHECK_OK(seL4_X86_Page_Unmap(g->frames[0])); /* the vectors */
    CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | 0x44, 0, 2 | RFLAGS_IF), EXIT_MEMORY);
    CHECK_EQ(guest_mr(QUOIN_VM_VECTORING_INFO), EVENT_VALID | 0x44);
    CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE);
    CHECK_OK(seL4_X86_Page_MapEPT(g->frames[0], g->ept, 0, seL4_AllRights, seL4_X86_EPT_WriteBack));
    CHECK_EQ(inject(GUEST_CODE, EVENT_VALID | 0x44, 0, 2 | RFLAGS_IF), EXIT_HLT);
    check_handler(g, 0x44, GUEST_CODE);
}
