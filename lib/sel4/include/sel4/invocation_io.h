/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Invocations of interrupts and of I/O ports (ABI sheet, sections 9 and 16).
 */
#ifndef SEL4_INVOCATION_IO_H
#define SEL4_INVOCATION_IO_H

#include <sel4/invocation.h>

/* Exists in the API only: on a PC with an I/O APIC the kernel answers seL4_IllegalOperation. */
static inline seL4_Error seL4_IRQControl_Get(seL4_IRQControl control, seL4_Word irq,
                                             seL4_CNode root, seL4_Word index, uint8_t depth)
{
    seL4_SetCap(0, root);
    return seL4_x64_invoke3(control, IRQIssueIRQHandler, 1, irq, index, depth);
}

/*
 * Puts a handler capability for a pin (0..23) of an I/O APIC into a slot. level: 0 edge, 1 level;
 * polarity: 0 high, 1 low; vector: VECTOR_MIN..VECTOR_MAX.
 */
static inline seL4_Error seL4_IRQControl_GetIOAPIC(seL4_IRQControl control, seL4_CNode root,
                                                   seL4_Word index, uint8_t depth, seL4_Word ioapic,
                                                   seL4_Word pin, seL4_Word level,
                                                   seL4_Word polarity, seL4_Word vector)
{
    seL4_SetCap(0, root);
    seL4_SetMR(4, level);
    seL4_SetMR(5, polarity);
    seL4_SetMR(6, vector);
    return seL4_x64_invoke(control, X86IRQIssueIRQHandlerIOAPIC, 1, 7, index, depth, ioapic, pin);
}

/* The same for a message-signalled interrupt; the caller programs the device. */
static inline seL4_Error seL4_IRQControl_GetMSI(seL4_IRQControl control, seL4_CNode root,
                                                seL4_Word index, uint8_t depth, seL4_Word pci_bus,
                                                seL4_Word pci_dev, seL4_Word pci_func,
                                                seL4_Word handle, seL4_Word vector)
{
    seL4_SetCap(0, root);
    seL4_SetMR(4, pci_func);
    seL4_SetMR(5, handle);
    seL4_SetMR(6, vector);
    return seL4_x64_invoke(control, X86IRQIssueIRQHandlerMSI, 1, 7, index, depth, pci_bus, pci_dev);
}

/* Unmasks the interrupt, which the kernel masks when it delivers it. */
static inline seL4_Error seL4_IRQHandler_Ack(seL4_IRQHandler handler)
{
    return seL4_x64_invoke0(handler, IRQAckIRQ, 0);
}

static inline seL4_Error seL4_IRQHandler_SetNotification(seL4_IRQHandler handler,
                                                         seL4_Notification notification)
{
    seL4_SetCap(0, notification);
    return seL4_x64_invoke0(handler, IRQSetIRQHandler, 1);
}

static inline seL4_Error seL4_IRQHandler_Clear(seL4_IRQHandler handler)
{
    return seL4_x64_invoke0(handler, IRQClearIRQHandler, 0);
}

/* Puts a capability for the ports first_port..last_port into a slot; none may be in use already. */
static inline seL4_Error seL4_X86_IOPortControl_Issue(seL4_X86_IOPortControl control,
                                                      seL4_Word first_port, seL4_Word last_port,
                                                      seL4_CNode root, seL4_Word index,
                                                      uint8_t depth)
{
    seL4_SetCap(0, root);
    return seL4_x64_invoke(control, X86IOPortControlIssue, 1, 4, first_port, last_port, index,
                           depth);
}

typedef struct {
    seL4_Error error;
    uint8_t result;
} seL4_X86_IOPort_In8_t;

typedef struct {
    seL4_Error error;
    uint16_t result;
} seL4_X86_IOPort_In16_t;

typedef struct {
    seL4_Error error;
    uint32_t result;
} seL4_X86_IOPort_In32_t;

static inline seL4_X86_IOPort_In8_t seL4_X86_IOPort_In8(seL4_X86_IOPort port_cap, uint16_t port)
{
    seL4_X86_IOPort_In8_t result;

    result.error = seL4_x64_invoke1(port_cap, X86IOPortIn8, 0, port);
    result.result = (uint8_t)seL4_GetMR(0);
    return result;
}

static inline seL4_X86_IOPort_In16_t seL4_X86_IOPort_In16(seL4_X86_IOPort port_cap, uint16_t port)
{
    seL4_X86_IOPort_In16_t result;

    result.error = seL4_x64_invoke1(port_cap, X86IOPortIn16, 0, port);
    result.result = (uint16_t)seL4_GetMR(0);
    return result;
}

static inline seL4_X86_IOPort_In32_t seL4_X86_IOPort_In32(seL4_X86_IOPort port_cap, uint16_t port)
{
    seL4_X86_IOPort_In32_t result;

    result.error = seL4_x64_invoke1(port_cap, X86IOPortIn32, 0, port);
    result.result = (uint32_t)seL4_GetMR(0);
    return result;
}

static inline seL4_Error seL4_X86_IOPort_Out8(seL4_X86_IOPort port_cap, seL4_Word port,
                                              seL4_Word data)
{
    return seL4_x64_invoke2(port_cap, X86IOPortOut8, 0, port, data);
}

static inline seL4_Error seL4_X86_IOPort_Out16(seL4_X86_IOPort port_cap, seL4_Word port,
                                               seL4_Word data)
{
    return seL4_x64_invoke2(port_cap, X86IOPortOut16, 0, port, data);
}

static inline seL4_Error seL4_X86_IOPort_Out32(seL4_X86_IOPort port_cap, seL4_Word port,
                                               seL4_Word data)
{
    return seL4_x64_invoke2(port_cap, X86IOPortOut32, 0, port, data);
}

#endif
