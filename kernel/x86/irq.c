/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interrupt sources of user drivers: pins of I/O APICs and MSIs, each on a vector of its own.
 */
#include "api/label.h"
#include "x86/arch.h"
#include "x86/ioapic.h"

enum source_kind { SOURCE_NONE, SOURCE_IOAPIC, SOURCE_MSI };

static struct source {
    uint8_t kind;
    uint8_t ioapic, pin;
} sources[IRQ_COUNT];

void arch_irq_mask(unsigned irq, bool mask)
{
    /* An MSI is masked at its device, by its driver. */
    if (sources[irq].kind == SOURCE_IOAPIC) {
        ioapic_mask(sources[irq].ioapic, sources[irq].pin, mask);
    }
}

void arch_irq_release(unsigned irq)
{
    arch_irq_mask(irq, true);
    sources[irq].kind = SOURCE_NONE;
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
    issue(c, dest, (unsigned)irq, (struct source){SOURCE_IOAPIC, (uint8_t)ioapic, (uint8_t)pin});
    ioapic_route((unsigned)ioapic, (unsigned)pin, level != 0, polarity != 0,
                 VECTOR_USER_FIRST + (unsigned)irq);
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
    issue(c, dest, (unsigned)irq, (struct source){SOURCE_MSI, 0, 0});
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
