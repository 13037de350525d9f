/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Invocations of scheduling contexts, scheduling control and domains (ABI sheet, sections 9 and
 * 15). Times are in microseconds.
 */
#ifndef SEL4_INVOCATION_SCHED_H
#define SEL4_INVOCATION_SCHED_H

#include <sel4/invocation.h>

/*
 * Gives a scheduling context budget in each period on the processor of this capability. Equal
 * budget and period mean round robin. badge is the data of its timeout faults.
 */
static inline seL4_Error seL4_SchedControl_ConfigureFlags(seL4_SchedControl control,
                                                          seL4_SchedContext sched_context,
                                                          seL4_Time budget, seL4_Time period,
                                                          seL4_Word extra_refills, seL4_Word badge,
                                                          seL4_Word flags)
{
    seL4_SetCap(0, sched_context);
    seL4_SetMR(4, flags);
    return seL4_x64_invoke(control, SchedControlConfigureFlags, 1, 5, budget, period, extra_refills,
                           badge);
}

/* ConfigureFlags without flags: not sporadic. */
static inline seL4_Error seL4_SchedControl_Configure(seL4_SchedControl control,
                                                     seL4_SchedContext sched_context,
                                                     seL4_Time budget, seL4_Time period,
                                                     seL4_Word extra_refills, seL4_Word badge)
{
    return seL4_SchedControl_ConfigureFlags(control, sched_context, budget, period, extra_refills,
                                            badge, seL4_SchedContext_NoFlag);
}

/* Most extra refills that a scheduling context of 2^size_bits bytes holds; size_bits >= 7. */
static inline seL4_Word seL4_MaxExtraRefills(seL4_Word size_bits)
{
    return (((seL4_Word)1 << size_bits) - seL4_CoreSchedContextBytes) / seL4_RefillSizeBytes;
}

/* object: a TCB or a notification; neither side may be bound already. */
static inline seL4_Error seL4_SchedContext_Bind(seL4_SchedContext sched_context, seL4_CPtr object)
{
    seL4_SetCap(0, object);
    return seL4_x64_invoke0(sched_context, SchedContextBind, 1);
}

static inline seL4_Error seL4_SchedContext_Unbind(seL4_SchedContext sched_context)
{
    return seL4_x64_invoke0(sched_context, SchedContextUnbind, 0);
}

static inline seL4_Error seL4_SchedContext_UnbindObject(seL4_SchedContext sched_context,
                                                        seL4_CPtr object)
{
    seL4_SetCap(0, object);
    return seL4_x64_invoke0(sched_context, SchedContextUnbindObject, 1);
}

typedef struct {
    seL4_Error error;
    seL4_Time consumed; /* since the last Consumed, YieldTo or timeout fault */
} seL4_SchedContext_Consumed_t;

static inline seL4_SchedContext_Consumed_t
seL4_SchedContext_Consumed(seL4_SchedContext sched_context)
{
    seL4_SchedContext_Consumed_t result;

    result.error = seL4_x64_invoke0(sched_context, SchedContextConsumed, 0);
    result.consumed = seL4_GetMR(0);
    return result;
}

typedef seL4_SchedContext_Consumed_t seL4_SchedContext_YieldTo_t;

/* Lets the thread of sched_context run ahead of others of its priority, on the same processor. */
static inline seL4_SchedContext_YieldTo_t seL4_SchedContext_YieldTo(seL4_SchedContext sched_context)
{
    seL4_SchedContext_YieldTo_t result;

    result.error = seL4_x64_invoke0(sched_context, SchedContextYieldTo, 0);
    result.consumed = seL4_GetMR(0);
    return result;
}

static inline seL4_Error seL4_DomainSet_Set(seL4_DomainSet domain_set, uint8_t domain,
                                            seL4_TCB thread)
{
    seL4_SetCap(0, thread);
    return seL4_x64_invoke1(domain_set, DomainSetSet, 1, domain);
}

static inline seL4_Error seL4_DomainSet_ScheduleConfigure(seL4_DomainSet domain_set,
                                                          seL4_Word index, seL4_Word domain,
                                                          seL4_Time duration)
{
    return seL4_x64_invoke3(domain_set, DomainScheduleConfigure, 0, index, domain, duration);
}

static inline seL4_Error seL4_DomainSet_ScheduleSetStart(seL4_DomainSet domain_set, seL4_Word index)
{
    return seL4_x64_invoke1(domain_set, DomainScheduleSetStart, 0, index);
}

#endif
