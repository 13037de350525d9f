/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interrupts as objects: a handler capability for each user vector and the notification it signals.
 */
#include "api/call.h"
#include "api/fastpath.h"
#include "api/label.h"
#include "x86/arch.h"

struct slot irq_notifications[IRQ_COUNT];
uint8_t irq_states[IRQ_COUNT];

void irq_deliver(unsigned irq)
{
    struct cap cap = irq_notifications[irq].cap;

    /* Masked until the driver acknowledges, so that a level interrupt does not come again. */
    arch_irq_mask(irq, true);
    if (cap_type(cap) == CAP_NOTIFICATION && (cap_rights(cap) & RIGHT_WRITE) &&
        !fastpath_signal(core_self(), cap_object(cap), cap.w1)) {
        notification_signal(cap_object(cap), cap.w1);
    }
}

void irq_signal(unsigned irq)
{
    struct cap cap = irq_notifications[irq].cap;

    if (cap_type(cap) == CAP_NOTIFICATION && (cap_rights(cap) & RIGHT_WRITE)) {
        notification_signal(cap_object(cap), cap.w1);
    }
}

void irq_handler_finalise(unsigned irq)
{
    slot_delete_short(&irq_notifications[irq]);
    irq_states[irq] = IRQ_FREE;
    arch_irq_release(irq);
}

enum result irq_control_decode(struct call *c)
{
    return arch_irq_control_decode(c);
}

enum result irq_handler_decode(struct call *c)
{
    unsigned irq = (unsigned)c->cap.w1;

    switch (c->label) {
    case LABEL_IRQ_ACK:
        arch_irq_mask(irq, false);
        return OK;
    case LABEL_IRQ_SET: {
        if (c->extra_count < 1) {
            return call_fail(c, SEL4_TRUNCATED_MESSAGE);
        }
        struct cap n = c->extra[0]->cap;
        if (cap_type(n) != CAP_NOTIFICATION || !(cap_rights(n) & RIGHT_WRITE)) {
            return call_invalid_capability(c, 0);
        }
        slot_delete_short(&irq_notifications[irq]);
        slot_insert(&irq_notifications[irq], n, c->extra[0], false);
        return OK;
    }
    case LABEL_IRQ_CLEAR:
        slot_delete_short(&irq_notifications[irq]);
        return OK;
    default:
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
}
