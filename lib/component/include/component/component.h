/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a component of Quoin has beyond Microkit's API (microkit.h): one-shot timers of the kernel,
 * the log with levels (rt/log.h), and what init told about the machine.
 */
#ifndef COMPONENT_COMPONENT_H
#define COMPONENT_COMPONENT_H

#include <component/layout.h>
#include <microkit.h>
#include <stdbool.h>
#include <stdint.h>

/* For a variable that the system description sets (setvar): a component that is compiled as a whole
 * would take it for one that nobody ever writes. */
#define COMPONENT_SETVAR __attribute__((used))

/* Valid from init() on. */
extern const struct component_info *component_info;

static inline uint64_t component_tsc(void)
{
    return __builtin_ia32_rdtsc();
}

/* notified(id) comes when the TSC reaches deadline; replaces an earlier deadline of the timer. */
static inline void component_timer_arm(microkit_channel id, uint64_t deadline)
{
    (void)seL4_QuoinTimer_Arm(COMPONENT_SLOT_TIMER + id, deadline);
}

static inline void component_timer_cancel(microkit_channel id)
{
    (void)seL4_QuoinTimer_Cancel(COMPONENT_SLOT_TIMER + id);
}

/* Asks init to let a PCI device (as a requester ID) reach memory that `number` names. */
static inline bool component_let_device(seL4_Word request, unsigned number, uint16_t device)
{
    seL4_SetMR(0, number);
    seL4_SetMR(1, device);
    microkit_msginfo answer = seL4_Call(COMPONENT_SLOT_INIT, microkit_msginfo_new(request, 2));
    return microkit_msginfo_get_label(answer) == 0;
}

/* Lets a PCI device (as a requester ID) reach the memory that the system description calls by id in
 * this domain's `dma`. Where there is no IOMMU every device reaches it. false: it did not work. */
static inline bool component_map_dma(unsigned id, uint16_t device)
{
    return component_let_device(COMPONENT_REQUEST_DMA, id, device);
}

/* A disks' driver: lets a device of its reach the memory that machine `slot`, whose disk is there,
 * lends (connection_lent), for as long as both run. Without an IOMMU it does so anyway. false: it
 * does not reach it. */
static inline bool component_lend(unsigned slot, uint16_t device)
{
    return component_let_device(COMPONENT_REQUEST_LEND, slot, device);
}

/* Puts device memory at a physical address into the region that the system description calls by id
 * in this domain's `found`: everyone who maps the region has it from then on. false: it is no
 * device memory, somebody has it, or the region has something there. */
static inline bool component_found(unsigned id, uint64_t offset, uint64_t physical, uint64_t size)
{
    seL4_SetMR(0, id);
    seL4_SetMR(1, offset);
    seL4_SetMR(2, physical);
    seL4_SetMR(3, size);
    microkit_msginfo answer =
        seL4_Call(COMPONENT_SLOT_INIT, microkit_msginfo_new(COMPONENT_REQUEST_FOUND, 4));
    return microkit_msginfo_get_label(answer) == 0;
}

/* Tells init that the devices of the component at the other end of the channel, which runs no more,
 * are stopped: init has notified by that channel and waits for it. */
static inline void component_stopped(microkit_channel id)
{
    seL4_SetMR(0, id);
    (void)seL4_Call(COMPONENT_SLOT_INIT, microkit_msginfo_new(COMPONENT_REQUEST_STOPPED, 1));
}

/* Sends now what microkit_deferred_notify has put off, for a handler that goes on for longer. */
void component_flush(void);

#endif
