/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The component API, with the names that the Microkit manual gives it, so that drivers written for
 * Microkit can be built. What is Quoin's own is in component/component.h.
 */
#ifndef MICROKIT_H
#define MICROKIT_H

#include <component/layout.h>
#include <sel4/sel4.h>

typedef unsigned int microkit_channel;
typedef seL4_MessageInfo_t microkit_msginfo;

#define MICROKIT_MAX_CHANNELS   COMPONENT_MAX_CHANNELS
#define MICROKIT_MAX_CHANNEL_ID (COMPONENT_MAX_CHANNELS - 1)
#define MICROKIT_MAX_IOPORT_ID  MICROKIT_MAX_CHANNEL_ID
#define MICROKIT_PD_NAME_LENGTH 32

/* What a component defines. protected only if somebody may call it. */
void init(void);
void notified(microkit_channel ch);
microkit_msginfo protected(microkit_channel ch, microkit_msginfo msginfo);

extern char microkit_name[MICROKIT_PD_NAME_LENGTH];

/* Text into the component's log; a line ends at '\n' or when it is full. */
void microkit_dbg_putc(int c);
void microkit_dbg_puts(const char *s);
void microkit_dbg_put8(seL4_Uint8 x);
void microkit_dbg_put32(seL4_Uint32 x);

/* Ends the component: it runs no more, and init reports it. */
void microkit_internal_crash(seL4_Error error);

static inline void microkit_notify(microkit_channel ch)
{
    seL4_Signal(COMPONENT_SLOT_NOTIFY + ch);
}

static inline void microkit_irq_ack(microkit_channel ch)
{
    (void)seL4_IRQHandler_Ack(COMPONENT_SLOT_IRQ + ch);
}

/*
 * Notifies when the handler returns, in the system call that waits for what comes next. One can
 * wait so: an earlier one goes out at once.
 */
void microkit_deferred_notify(microkit_channel ch);

/* May be done when the handler returns; at once is as good, only slower. */
static inline void microkit_deferred_irq_ack(microkit_channel ch)
{
    microkit_irq_ack(ch);
}

static inline microkit_msginfo microkit_msginfo_new(seL4_Word label, seL4_Uint16 count)
{
    return seL4_MessageInfo_new(label, 0, 0, count);
}

static inline seL4_Word microkit_msginfo_get_label(microkit_msginfo msginfo)
{
    return seL4_MessageInfo_get_label(msginfo);
}

static inline seL4_Word microkit_msginfo_get_count(microkit_msginfo msginfo)
{
    return seL4_MessageInfo_get_length(msginfo);
}

static inline void microkit_mr_set(seL4_Uint8 mr, seL4_Word value)
{
    seL4_SetMR(mr, value);
}

static inline seL4_Word microkit_mr_get(seL4_Uint8 mr)
{
    return seL4_GetMR(mr);
}

static inline microkit_msginfo microkit_ppcall(microkit_channel ch, microkit_msginfo msginfo)
{
    return seL4_Call(COMPONENT_SLOT_CALL + ch, msginfo);
}

static inline seL4_Uint8 microkit_x86_ioport_read_8(microkit_channel id, seL4_Word port)
{
    return seL4_X86_IOPort_In8(COMPONENT_SLOT_PORT + id, (seL4_Uint16)port).result;
}

static inline seL4_Uint16 microkit_x86_ioport_read_16(microkit_channel id, seL4_Word port)
{
    return seL4_X86_IOPort_In16(COMPONENT_SLOT_PORT + id, (seL4_Uint16)port).result;
}

static inline seL4_Uint32 microkit_x86_ioport_read_32(microkit_channel id, seL4_Word port)
{
    return seL4_X86_IOPort_In32(COMPONENT_SLOT_PORT + id, (seL4_Uint16)port).result;
}

static inline void microkit_x86_ioport_write_8(microkit_channel id, seL4_Word port,
                                               seL4_Uint8 value)
{
    (void)seL4_X86_IOPort_Out8(COMPONENT_SLOT_PORT + id, port, value);
}

/* Beyond Microkit: up to QUOIN_OUT8_MAX bytes to one port. */
static inline void quoin_x86_ioport_write_some(microkit_channel id, seL4_Word port,
                                               const seL4_Uint8 *bytes, seL4_Word count)
{
    (void)seL4_QuoinIOPort_Out8Some(COMPONENT_SLOT_PORT + id, port, bytes, count);
}

static inline void microkit_x86_ioport_write_16(microkit_channel id, seL4_Word port,
                                                seL4_Uint16 value)
{
    (void)seL4_X86_IOPort_Out16(COMPONENT_SLOT_PORT + id, port, value);
}

static inline void microkit_x86_ioport_write_32(microkit_channel id, seL4_Word port,
                                                seL4_Uint32 value)
{
    (void)seL4_X86_IOPort_Out32(COMPONENT_SLOT_PORT + id, port, value);
}

#endif
