/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Events that a VMM injects in real mode: each vector's handler stops with the vector in AL.
 */
#ifndef TEST_KERNEL_EVENT_H
#define TEST_KERNEL_EVENT_H

#include "guest.h"

#include <sel4/quoin.h>

enum { HANDLERS = 0x4000 };

/* mov $vector, %al; hlt */
static inline struct guest *guest_with_handlers(const uint8_t *start, const uint8_t *end)
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
    guest_load(g, start, end);
    return g;
}

static inline enum guest_exit inject(seL4_Word rip, uint32_t info, seL4_Word length,
                                     seL4_Word rflags)
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

static inline uint16_t pushed_ip(const struct guest *g)
{
    const uint8_t *stack = g->memory + GUEST_STACK - 6;
    return (uint16_t)(stack[0] | stack[1] << 8);
}

static inline void check_handler(struct guest *g, unsigned vector, unsigned return_ip)
{
    CHECK_EQ(guest_mr(QUOIN_VM_RAX) & 0xff, vector);
    CHECK_EQ(guest_mr(QUOIN_VM_RSP), GUEST_STACK - 6);
    CHECK_EQ(guest_mr(QUOIN_VM_ENTRY_INFO), 0); /* it has happened */
    CHECK_EQ(pushed_ip(g), return_ip);
}

#endif
