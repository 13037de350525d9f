/* SPDX-License-Identifier: BSD-2-Clause
 *
 * IRQControl and IRQHandler. The interrupts themselves come from the PIT (I/O APIC pin 2, or 0
 * where the firmware does not redirect it) and from nothing else, so that no other device is
 * touched.
 */
#include "test.h"

static seL4_Error get_ioapic(seL4_CPtr slot, seL4_Word pin, seL4_Word level, seL4_Word polarity,
                             seL4_Word vector)
{
    return seL4_IRQControl_GetIOAPIC(seL4_CapIRQControl, ROOT, slot, ROOT_DEPTH, 0, pin, level,
                                     polarity, vector);
}

static seL4_Error get_msi(seL4_CPtr slot, seL4_Word bus, seL4_Word dev, seL4_Word func,
                          seL4_Word vector)
{
    return seL4_IRQControl_GetMSI(seL4_CapIRQControl, ROOT, slot, ROOT_DEPTH, bus, dev, func, 0,
                                  vector);
}

static seL4_CPtr handler_new(void)
{
    seL4_CPtr slot = slot_new();

    CHECK_OK(get_ioapic(slot, 11, 0, 0, 20));
    return slot;
}

TEST(irq_get_is_for_other_machines)
{
    CHECK_EQ(seL4_IRQControl_Get(seL4_CapIRQControl, 1, ROOT, slot_new(), ROOT_DEPTH),
             seL4_IllegalOperation);
}

TEST(irq_ioapic_handler)
{
    seL4_CPtr slot = slot_new();

    CHECK_OK(get_ioapic(slot, 11, 1, 1, 10));
    CHECK(!slot_is_empty(slot));
}

TEST(irq_ioapic_errors)
{
    CHECK_EQ(get_ioapic(slot_new(), 11, 0, 0, 108), seL4_RangeError);
    CHECK_EQ(seL4_GetMR(0), 0);
    CHECK_EQ(seL4_GetMR(1), 107);
    CHECK_EQ(get_ioapic(slot_new(), 11, 0, 0, ~(seL4_Word)0), seL4_RangeError);
    CHECK_EQ(get_ioapic(slot_new(), 24, 0, 0, 10), seL4_RangeError);
    CHECK_EQ(get_ioapic(slot_new(), 11, 2, 0, 10), seL4_RangeError);
    CHECK_EQ(get_ioapic(slot_new(), 11, 0, 2, 10), seL4_RangeError);
    CHECK_EQ(get_ioapic(endpoint_new(), 11, 0, 0, 10), seL4_DeleteFirst);
    CHECK_EQ(seL4_IRQControl_GetIOAPIC(seL4_CapIRQControl, ROOT, slot_new(), ROOT_DEPTH, 100, 11, 0,
                                       0, 10),
             seL4_RangeError);
}

TEST(irq_ioapic_truncated)
{
    seL4_SetCap(0, ROOT);
    CHECK_EQ(seL4_x64_invoke(seL4_CapIRQControl, X86IRQIssueIRQHandlerIOAPIC, 1, 6, slot_new(), 64,
                             0, 11),
             seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(seL4_CapIRQControl, X86IRQIssueIRQHandlerIOAPIC, 0, 7, slot_new(), 64,
                             0, 11),
             seL4_TruncatedMessage);
}

TEST(irq_vector_in_use)
{
    seL4_CPtr slot = slot_new();

    CHECK_OK(get_ioapic(slot, 11, 0, 0, 30));
    CHECK_EQ(get_ioapic(slot_new(), 10, 0, 0, 30), seL4_RevokeFirst);
    CHECK_EQ(get_msi(slot_new(), 0, 0, 0, 30), seL4_RevokeFirst);
    CHECK_OK(cap_delete(slot));
    CHECK_OK(get_ioapic(slot_new(), 10, 0, 0, 30));
}

TEST(irq_handler_copy_keeps_the_vector)
{
    seL4_CPtr slot = handler_new(), copy = cap_copy(slot, seL4_AllRights);

    CHECK_OK(cap_delete(slot));
    CHECK_EQ(get_ioapic(slot_new(), 10, 0, 0, 20), seL4_RevokeFirst);
    CHECK_OK(cap_delete(copy));
    CHECK_OK(get_ioapic(slot_new(), 10, 0, 0, 20));
}

TEST(irq_msi_handler)
{
    CHECK_OK(get_msi(slot_new(), 0, 31, 7, 40));
}

TEST(irq_msi_errors)
{
    CHECK_EQ(get_msi(slot_new(), 256, 0, 0, 41), seL4_RangeError);
    CHECK_EQ(seL4_GetMR(1), 255);
    CHECK_EQ(get_msi(slot_new(), 0, 32, 0, 41), seL4_RangeError);
    CHECK_EQ(seL4_GetMR(1), 31);
    CHECK_EQ(get_msi(slot_new(), 0, 0, 8, 41), seL4_RangeError);
    CHECK_EQ(seL4_GetMR(1), 7);
    CHECK_EQ(get_msi(slot_new(), 0, 0, 0, 108), seL4_RangeError);
    CHECK_EQ(get_msi(endpoint_new(), 0, 0, 0, 41), seL4_DeleteFirst);
}

TEST(irq_control_other_label)
{
    CHECK_EQ(seL4_x64_invoke0(seL4_CapIRQControl, TCBSuspend, 0), seL4_IllegalOperation);
}

/* The label of an acknowledgement means nothing to other objects; one with a capability that it has
 * no use for is one all the same. */
TEST(irq_acknowledge_what_is_no_handler)
{
    CHECK_EQ(seL4_x64_invoke0(test_tcb, IRQAckIRQ, 0), seL4_IllegalOperation);
    CHECK_EQ(seL4_x64_invoke0(seL4_CapIRQControl, IRQAckIRQ, 0), seL4_IllegalOperation);
    CHECK_EQ(seL4_x64_invoke0(notification_new(), IRQAckIRQ, 0), seL4_NoError); /* a signal */
    seL4_SetCap(0, ROOT);
    CHECK_EQ(seL4_x64_invoke0(handler_new(), IRQAckIRQ, 1), seL4_NoError);
}

TEST(irq_handler_notification)
{
    seL4_CPtr handler = handler_new(), notification = notification_new();

    CHECK_OK(seL4_IRQHandler_SetNotification(handler, notification));
    CHECK_OK(seL4_IRQHandler_SetNotification(handler, notification_new()));
    CHECK_OK(seL4_IRQHandler_Ack(handler));
    CHECK_OK(seL4_IRQHandler_Clear(handler));
    CHECK_OK(seL4_IRQHandler_Clear(handler));
}

TEST(irq_handler_notification_errors)
{
    seL4_CPtr handler = handler_new();

    CHECK_EQ(seL4_IRQHandler_SetNotification(handler, endpoint_new()), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 0);
    CHECK_EQ(seL4_IRQHandler_SetNotification(handler, cap_copy(notification_new(), seL4_CanRead)),
             seL4_InvalidCapability);
    CHECK_EQ(seL4_x64_invoke0(handler, IRQSetIRQHandler, 0), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke0(handler, TCBSuspend, 0), seL4_IllegalOperation);
}

/* The PIT's counter 0 in one-shot mode (8254 data sheet: mode 0, low then high byte). */

enum { PIT_FIRST = 0x40, PIT_COMMAND = 0x43 };

struct pit {
    seL4_CPtr ports, handler, notification;
};

static struct pit pit_new(seL4_Word badge)
{
    struct pit pit = {slot_new(), slot_new(), notification_new()};

    CHECK_OK(seL4_X86_IOPortControl_Issue(seL4_CapIOPortControl, PIT_FIRST, PIT_COMMAND, ROOT,
                                          pit.ports, ROOT_DEPTH));
    CHECK_OK(get_ioapic(pit.handler, 2, 0, 0, 50));
    CHECK_OK(seL4_IRQHandler_SetNotification(pit.handler,
                                             cap_mint(pit.notification, seL4_AllRights, badge)));
    return pit;
}

static void pit_start(const struct pit *pit, seL4_Word ticks)
{
    seL4_X86_IOPort_Out8(pit->ports, PIT_COMMAND, 0x30);
    seL4_X86_IOPort_Out8(pit->ports, PIT_FIRST, ticks & 0xff);
    seL4_X86_IOPort_Out8(pit->ports, PIT_FIRST, ticks >> 8);
}

/* Waits up to a second. */
static seL4_Word pit_wait(const struct pit *pit)
{
    seL4_Word badge = 0;

    for (int i = 0; i < 1000 && badge == 0; i++) {
        sleep_us(1000);
        seL4_Poll(pit->notification, &badge);
    }
    return badge;
}

TEST(irq_delivered_with_badge)
{
    struct pit pit = pit_new(0x21);

    pit_start(&pit, 1193);
    CHECK_EQ(pit_wait(&pit), 0x21);
}

TEST(irq_masked_until_ack)
{
    struct pit pit = pit_new(1);

    pit_start(&pit, 1193);
    CHECK_EQ(pit_wait(&pit), 1);
    pit_start(&pit, 1193);
    sleep_us(20000);
    {
        seL4_Word badge;

        seL4_Poll(pit.notification, &badge);
        CHECK_EQ(badge, 0);
    }
    CHECK_OK(seL4_IRQHandler_Ack(pit.handler));
    pit_start(&pit, 1193);
    CHECK_EQ(pit_wait(&pit), 1);
}

TEST(irq_many_in_a_row)
{
    struct pit pit = pit_new(1);

    for (int i = 0; i < 20; i++) {
        pit_start(&pit, 600);
        CHECK_EQ(pit_wait(&pit), 1);
        CHECK_OK(seL4_IRQHandler_Ack(pit.handler));
    }
}

static void wait_irq(struct thread *self)
{
    self->step = 1;
    seL4_Wait(self->arg[0], NULL);
    self->step = 2;
}

TEST(irq_wakes_a_waiting_thread)
{
    struct pit pit = pit_new(1);
    struct thread *thread = thread_run(HIGHER, wait_irq, pit.notification, 0, 0);

    pit_start(&pit, 1193);
    for (int i = 0; i < 1000 && thread->step == 1; i++) {
        spin_us(1000);
    }
    CHECK_EQ(thread->step, 2);
}

TEST(irq_not_delivered_after_clear)
{
    struct pit pit = pit_new(1);
    seL4_Word badge;

    CHECK_OK(seL4_IRQHandler_Clear(pit.handler));
    pit_start(&pit, 1193);
    sleep_us(20000);
    seL4_Poll(pit.notification, &badge);
    CHECK_EQ(badge, 0);
}

TEST(irq_not_delivered_after_the_handler_is_deleted)
{
    struct pit pit = pit_new(1);
    seL4_Word badge;

    CHECK_OK(cap_delete(pit.handler));
    pit_start(&pit, 1193);
    sleep_us(20000);
    seL4_Poll(pit.notification, &badge);
    CHECK_EQ(badge, 0);
}

TEST(irq_notification_deleted)
{
    struct pit pit = pit_new(1);

    CHECK_OK(cap_revoke(pit.notification));
    CHECK_OK(cap_delete(pit.notification));
    pit_start(&pit, 1193);
    sleep_us(20000);
    CHECK_OK(seL4_IRQHandler_Ack(pit.handler));
}
