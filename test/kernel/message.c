/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interrupt messages through the IOMMU: only from the device and in the form that the handler is
 * for, and no more of them than its driver acknowledges. (That the old form without remapping does
 * not come cannot be shown: QEMU lets it through, whatever the IOMMU is told.)
 */
#include <sel4/quoin.h>

#include "edu.h"

enum {
    IRQ = 100,
    OTHER_IRQ = 101,
    EDU_RAISE = 0x60 / 4,
    EDU_LOWER = 0x64 / 4,
    PCI_CAPABILITIES = 0x34,
    CAPABILITY_MSI = 5,
    MSI_ENABLE = 1 << 16, /* in the first word */
    MSI_WIDE = 1 << 23,   /* the address has 64 bits */
    BADGE = 0x51,
    LONG_ENOUGH_US = 5000,
};

#define REGISTERS ((volatile uint32_t *)EDU_REGISTERS)

struct message_irq {
    seL4_Word device, capability;
    seL4_CPtr handler, notification;
};

static seL4_Error get_message(seL4_CPtr slot, seL4_Word device, seL4_Word irq)
{
    return seL4_IRQControl_GetMSI(seL4_CapIRQControl, ROOT, slot, ROOT_DEPTH, device >> 8,
                                  device >> 3 & 31, device & 7, 0, irq);
}

static void set_message(const struct message_irq *m, uint32_t address, uint32_t data)
{
    uint32_t control = pci_read(m->device, m->capability);

    CHECK(control & MSI_WIDE);
    pci_write(m->device, m->capability + 4, address);
    pci_write(m->device, m->capability + 8, 0);
    pci_write(m->device, m->capability + 12, data);
    pci_write(m->device, m->capability, control | MSI_ENABLE);
}

/* The handler for messages of source, or of edu itself if source is 0. */
static struct message_irq message_new(seL4_Word source)
{
    struct message_irq m = {.handler = slot_new(), .notification = notification_new()};

    if (extensions() == NULL || !(extensions()->features & QUOIN_FEATURE_REMAPPING)) {
        test_skip("interrupts are not remapped");
    }
    m.device = edu_open();
    m.capability = pci_read(m.device, PCI_CAPABILITIES) & 0xff;
    while (m.capability != 0 && (pci_read(m.device, m.capability) & 0xff) != CAPABILITY_MSI) {
        m.capability = pci_read(m.device, m.capability) >> 8 & 0xff;
    }
    CHECK(m.capability != 0);
    CHECK_OK(get_message(m.handler, source != 0 ? source : m.device, IRQ));
    CHECK_OK(seL4_IRQHandler_SetNotification(m.handler,
                                             cap_mint(m.notification, seL4_AllRights, BADGE)));
    set_message(&m, QUOIN_MESSAGE_ADDRESS(IRQ), QUOIN_MESSAGE_DATA);
    return m;
}

/* Sends a message; whether it came. */
static bool comes(const struct message_irq *m)
{
    seL4_Word badge = 0;

    REGISTERS[EDU_RAISE] = 1;
    REGISTERS[EDU_LOWER] = 1;
    sleep_us(LONG_ENOUGH_US);
    seL4_Poll(m->notification, &badge);
    return badge == BADGE;
}

TEST(irq_message_comes)
{
    struct message_irq m = message_new(0);

    for (int i = 0; i < 3; i++) {
        CHECK(comes(&m));
        CHECK_OK(seL4_IRQHandler_Ack(m.handler));
    }
}

TEST(irq_message_of_another_device_does_not_come)
{
    struct message_irq m = message_new(31 << 3 | 7);

    CHECK(!comes(&m));
}

TEST(irq_message_without_a_handler_does_not_come)
{
    struct message_irq m = message_new(0);
    seL4_CPtr other = slot_new();

    set_message(&m, QUOIN_MESSAGE_ADDRESS(OTHER_IRQ), QUOIN_MESSAGE_DATA);
    CHECK(!comes(&m));
    set_message(&m, QUOIN_MESSAGE_ADDRESS(255), QUOIN_MESSAGE_DATA);
    CHECK(!comes(&m));
    set_message(&m, QUOIN_MESSAGE_ADDRESS(1023), QUOIN_MESSAGE_DATA);
    CHECK(!comes(&m));
    set_message(&m, QUOIN_MESSAGE_ADDRESS(IRQ), QUOIN_MESSAGE_DATA);
    CHECK_OK(cap_delete(m.handler));
    CHECK(!comes(&m));
    CHECK_OK(get_message(other, m.device, IRQ));
    CHECK_OK(
        seL4_IRQHandler_SetNotification(other, cap_mint(m.notification, seL4_AllRights, BADGE)));
    CHECK(comes(&m));
}

/* The second message before the acknowledgement is the last one; then it tells of those dropped. */
TEST(irq_messages_stop_until_acknowledged)
{
    struct message_irq m = message_new(0);
    seL4_Word badge = 0;

    CHECK(comes(&m));
    CHECK(comes(&m));
    for (int i = 0; i < 3; i++) {
        CHECK(!comes(&m));
    }
    CHECK_OK(seL4_IRQHandler_Ack(m.handler));
    seL4_Poll(m.notification, &badge);
    CHECK_EQ(badge, BADGE);
    CHECK_OK(seL4_IRQHandler_Ack(m.handler));
    seL4_Poll(m.notification, &badge);
    CHECK_EQ(badge, 0);
    CHECK(comes(&m));
}
