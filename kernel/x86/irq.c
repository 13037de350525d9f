/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interrupt sources of user drivers: pins of I/O APICs and MSIs, each on a vector of its own.
 */
#include "api/label.h"
#include "x86/arch.h"
#include "x86/ioapic.h"
#include "x86/iommu/unit.h"

enum source_kind { SOURCE_NONE, SOURCE_IOAPIC, SOURCE_MSI };

static struct source {
    uint8_t kind;
    uint8_t ioapic, pin;
    bool unacknowledged; /* a message was delivered */
    bool held;           /* a second one came: the IOMMU keeps those after it away */
} sources[IRQ_COUNT];

/* A message cannot be masked at its device. But the second one that comes before the first is
 * acknowledged says all that any number of them could, so from then on the IOMMU drops them: a
 * device that never stops takes no more time than its driver does. */
static void hold_messages(unsigned irq)
{
    struct source *s = &sources[irq];
    if (!unit_remaps_interrupts() || s->held) {
        return;
    }
    s->held = s->unacknowledged;
    if (s->held) {
        unit_hold_interrupt(irq, true);
    }
    s->unacknowledged = true;
}

/* Whatever was dropped was so before this, and is told by one more signal. */
static void let_messages_through(unsigned irq)
{
    struct source *s = &sources[irq];
    bool more = s->held;
    s->unacknowledged = more;
    s->held = false;
    if (more) {
        unit_hold_interrupt(irq, false);
        irq_signal(irq);
    }
}

void arch_irq_mask(unsigned irq, bool mask)
{
    const struct source *s = &sources[irq];
    if (s->kind == SOURCE_IOAPIC) {
        ioapic_mask(s->ioapic, s->pin, mask);
    } else if (s->kind == SOURCE_MSI && mask) {
        hold_messages(irq);
    } else if (s->kind == SOURCE_MSI) {
        let_messages_through(irq);
    }
}

void arch_irq_release(unsigned irq)
{
    if (sources[irq].kind == SOURCE_IOAPIC) {
        ioapic_mask(sources[irq].ioapic, sources[irq].pin, true);
    }
    if (unit_remaps_interrupts()) {
        unit_clear_interrupt(irq);
    }
    sources[irq] = (struct source){.kind = SOURCE_NONE};
}

/* The last argument of both: 0..IRQ_COUNT-1, and not in use. */
static enum result check_vector(struct call *c, uint64_t irq)
{
    if (irq >= IRQ_COUNT) {
        return call_range_error(c, 0, IRQ_COUNT - 1);
    }
    if (irq_states[irq] != IRQ_FREE) {
        return call_fail(c, SEL4_REVOKE_FIRST);
    }
    return OK;
}

static void issue(struct call *c, struct slot *dest, unsigned irq, struct source source)
{
    sources[irq] = source;
    irq_states[irq] = IRQ_ISSUED;
    slot_insert(dest, cap_make(CAP_IRQ_HANDLER, 0, 0, irq), c->slot, true);
}

static bool pin_in_use(uint64_t ioapic, uint64_t pin)
{
    for (unsigned i = 0; i < IRQ_COUNT; i++) {
        if (sources[i].kind == SOURCE_IOAPIC && sources[i].ioapic == ioapic &&
            sources[i].pin == pin) {
            return true;
        }
    }
    return false;
}

/* index, depth, ioapic, pin, level, polarity, vector */
static enum result get_ioapic(struct call *c)
{
    uint64_t ioapic = call_word(c, 2), pin = call_word(c, 3);
    uint64_t level = call_word(c, 4), polarity = call_word(c, 5), irq = call_word(c, 6);
    struct slot *dest;
    enum result result = check_vector(c, irq);
    if (result != OK) {
        return result;
    }
    if (ioapic_count() == 0) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (ioapic >= ioapic_count()) {
        return call_range_error(c, 0, ioapic_count() - 1);
    }
    if (pin >= ioapic_pins((unsigned)ioapic)) {
        return call_range_error(c, 0, ioapic_pins((unsigned)ioapic) - 1);
    }
    if (level > 1) {
        return call_range_error(c, 0, 1);
    }
    if (polarity > 1) {
        return call_range_error(c, 0, 1);
    }
    if (pin_in_use(ioapic, pin)) {
        return call_fail(c, SEL4_REVOKE_FIRST);
    }
    result = call_lookup_dest(c, c->extra[0]->cap, call_word(c, 0), call_word(c, 1), &dest);
    if (result != OK) {
        return result;
    }
    issue(c, dest, (unsigned)irq,
          (struct source){.kind = SOURCE_IOAPIC, .ioapic = (uint8_t)ioapic, .pin = (uint8_t)pin});
    if (unit_remaps_interrupts()) {
        unit_set_interrupt((unsigned)irq, VECTOR_USER_FIRST + (unsigned)irq, level != 0, false,
                           unit_ioapic_source((unsigned)ioapic));
    }
    ioapic_route((unsigned)ioapic, (unsigned)pin, level != 0, polarity != 0,
                 VECTOR_USER_FIRST + (unsigned)irq, unit_remaps_interrupts());
    ioapic_mask((unsigned)ioapic, (unsigned)pin, false);
    return OK;
}

/* index, depth, bus, device, function, handle, vector */
static enum result get_msi(struct call *c)
{
    uint64_t irq = call_word(c, 6);
    struct slot *dest;
    enum result result = check_vector(c, irq);
    if (result != OK) {
        return result;
    }
    if (call_word(c, 2) > 255) {
        return call_range_error(c, 0, 255);
    }
    if (call_word(c, 3) > 31) {
        return call_range_error(c, 0, 31);
    }
    if (call_word(c, 4) > 7) {
        return call_range_error(c, 0, 7);
    }
    result = call_lookup_dest(c, c->extra[0]->cap, call_word(c, 0), call_word(c, 1), &dest);
    if (result != OK) {
        return result;
    }
    issue(c, dest, (unsigned)irq, (struct source){.kind = SOURCE_MSI});
    if (unit_remaps_interrupts()) {
        uint16_t device = (uint16_t)(call_word(c, 2) << 8 | call_word(c, 3) << 3 | call_word(c, 4));
        /* 0:0.0, the host bridge, has no messages: the device is not known yet. */
        unit_set_interrupt((unsigned)irq, VECTOR_USER_FIRST + (unsigned)irq, false, device == 0,
                           device);
    }
    return OK;
}

enum result arch_irq_control_decode(struct call *c)
{
    if (c->label != LABEL_IRQ_ISSUE_IOAPIC && c->label != LABEL_IRQ_ISSUE_MSI) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (c->length < 7 || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    return c->label == LABEL_IRQ_ISSUE_IOAPIC ? get_ioapic(c) : get_msi(c);
}
