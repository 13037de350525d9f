/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch.h"

#include <rt/log.h>
#include <sel4/sel4.h>

#include "pool.h"

static void report_fault(const struct vm *vm, seL4_Word label)
{
    const char *name = vm->settings.name;

    switch (label) {
    case seL4_Fault_VMFault:
        log_error("VM %s: its VMM touched %lx, which it was not given (at %lx, code %lx)", name,
                  seL4_GetMR(1), seL4_GetMR(0), seL4_GetMR(3));
        break;
    case seL4_Fault_UserException:
        log_error("VM %s: exception %lu in its VMM at %lx (code %lx)", name, seL4_GetMR(3),
                  seL4_GetMR(0), seL4_GetMR(4));
        break;
    case seL4_Fault_CapFault:
        log_error("VM %s: its VMM used a capability that it does not have: %lx (at %lx)", name,
                  seL4_GetMR(1), seL4_GetMR(0));
        break;
    case seL4_Fault_UnknownSyscall:
        log_error("VM %s: its VMM made an unknown system call (at %lx)", name, seL4_GetMR(15));
        break;
    default:
        log_error("VM %s: fault %lu in its VMM", name, label);
        break;
    }
}

static void restart(struct watch *watch, struct vm *vm)
{
    struct vm_settings settings = vm->settings;

    vm_stop(vm);
    log_info("VM %s: starts again", settings.name);
    (void)vm_start(vm, vm->index, watch->host, &settings, watch->vmm);
}

static void handle_ending(struct watch *watch, struct vm *vm, seL4_Word ending)
{
    switch (ending) {
    case VMM_ENDING_RESET:
        restart(watch, vm);
        return;
    case VMM_ENDING_POWER_OFF:
        vm_stop(vm);
        log_info("VM %s: powered off, %lu MiB free", vm->settings.name, pool_free_bytes() >> 20);
        return;
    default:
        vm_stop(vm);
        log_error("VM %s: failed and was stopped", vm->settings.name);
        return;
    }
}

_Noreturn void watch_run(struct watch *watch)
{
    for (;;) {
        seL4_Word badge;
        seL4_MessageInfo_t info = seL4_Recv(watch->endpoint, &badge, watch->reply);
        seL4_Word index = (badge & ~VM_BADGE_ENDING) - 1;

        if (index >= VM_MAX || watch->vms[index].state != VM_RUNNING) {
            continue;
        }
        struct vm *vm = &watch->vms[index];
        if (badge & VM_BADGE_ENDING) {
            handle_ending(watch, vm, seL4_GetMR(0));
        } else {
            report_fault(vm, seL4_MessageInfo_get_label(info));
            vm_stop(vm);
            log_error("VM %s: stopped", vm->settings.name);
        }
    }
}
