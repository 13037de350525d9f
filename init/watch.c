/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch.h"

#include <component/layout.h>
#include <rt/log.h>

#include "badge.h"
#include "guard.h"
#include "life.h"
#include "symbols.h"

/* What a component asks for, or has done: an error of the kernel, or 0. */
static seL4_Error request(const struct system *system, unsigned number, seL4_Word label)
{
    const seL4_Word words[4] = {seL4_GetMR(0), seL4_GetMR(1), seL4_GetMR(2), seL4_GetMR(3)};

    switch (label) {
    case COMPONENT_REQUEST_DMA:
        return system_map_dma(system, number, words[0], words[1]);
    case COMPONENT_REQUEST_FOUND:
        return system_found(system, number, words);
    case COMPONENT_REQUEST_LEND:
        return system_lend(system, number, words[0], words[1]);
    case COMPONENT_REQUEST_STOPPED:
        guard_stopped(system_peer(system, number, words[0]));
        return seL4_NoError;
    default:
        return seL4_IllegalOperation;
    }
}

/* One line: who, what happened, and in which function of the program. */
static void report_fault(const char *name, const char *program, seL4_Word label)
{
    uint64_t ip = label == seL4_Fault_UnknownSyscall ? seL4_GetMR(15) : seL4_GetMR(0);
    seL4_Word detail = seL4_GetMR(1), number = seL4_GetMR(3), code = seL4_GetMR(4);
    uint64_t offset;
    const char *function = symbols_find(program, ip, &offset);

    switch (label) {
    case seL4_Fault_VMFault:
        log_error("%s touched %lx, which it was not given, at %lx (%s+%lx in %s, code %lx)", name,
                  detail, ip, function, offset, program, number);
        break;
    case seL4_Fault_UserException:
        log_error("%s: exception %lu at %lx (%s+%lx in %s, code %lx)", name, number, ip, function,
                  offset, program, code);
        break;
    case seL4_Fault_CapFault:
        log_error("%s used capability %lx, which it does not have, at %lx (%s+%lx in %s)", name,
                  detail, ip, function, offset, program);
        break;
    case seL4_Fault_UnknownSyscall:
        log_error("%s made an unknown system call at %lx (%s+%lx in %s)", name, ip, function,
                  offset, program);
        break;
    default:
        log_error("%s: fault %lu", name, label);
        break;
    }
}

static void take_message(const struct system *system, seL4_Word badge, seL4_MessageInfo_t info,
                         seL4_CPtr reply)
{
    unsigned number = (unsigned)(badge & BADGE_NUMBER);
    seL4_Word label = seL4_MessageInfo_get_label(info);

    switch (badge & BADGE_KIND) {
    case BADGE_COMPONENT: {
        const struct system_domain *component = system_component(system, number);
        if (component) {
            /* It gets no answer, so it runs no more, unless the guard starts it anew. */
            report_fault(component->name, component->program, label);
            guard_faulted(number);
        }
        break;
    }
    case BADGE_REQUEST: {
        seL4_Error error = request(system, number, label);
        seL4_Send(reply, seL4_MessageInfo_new((seL4_Word)error, 0, 0, 0));
        break;
    }
    case BADGE_VM_FAULT:
        if (life_name(number)) {
            report_fault(life_name(number), "vmm.elf", label);
            life_faulted(number);
        }
        break;
    case BADGE_VM_ENDING:
        if (life_name(number)) {
            seL4_Word ending = seL4_GetMR(0);
            life_ended(number,
                       ending <= VMM_ENDING_FAILED ? (enum vmm_ending)ending : VMM_ENDING_FAILED);
        }
        break;
    case BADGE_VM_BALLOON: {
        seL4_Error error = life_balloon(number, label, seL4_GetMR(0));
        seL4_Send(reply, seL4_MessageInfo_new((seL4_Word)error, 0, 0, 0));
        break;
    }
    default:
        break;
    }
}

_Noreturn void watch_run(const struct system *system, seL4_CPtr endpoint, seL4_CPtr reply)
{
    for (;;) {
        seL4_Word badge;
        seL4_MessageInfo_t info = seL4_Recv(endpoint, &badge, reply);

        if (!(badge & BADGE_IS_SIGNAL)) {
            take_message(system, badge, info, reply);
            continue;
        }
        if (guard_alive(badge)) {
            life_released();
        }
        if (badge & BADGE_SIGNAL_TIME & ~BADGE_IS_SIGNAL) {
            life_time();
            guard_time();
        }
        if (badge & BADGE_SIGNAL_COMMAND & ~BADGE_IS_SIGNAL) {
            life_commands();
        }
    }
}
