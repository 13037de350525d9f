/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm.h"

#include <stddef.h>
#include <rt/log.h>

#include "balloon.h"
#include "lend.h"
#include "pool.h"
#include "vm_build.h"

/* All is there. */
static seL4_Error start_threads(struct vm *vm)
{
    seL4_Error error = seL4_NoError;

    for (unsigned i = 0; i < vm->settings.vcpus && error == seL4_NoError; i++) {
        error = seL4_TCB_Resume(vm->threads[i]);
    }
    vm->thread_count = vm->settings.vcpus;
    return error;
}

seL4_Error vm_start(struct vm *vm, unsigned slot, const struct vm_host *host,
                    const struct vm_settings *settings, const struct archive_file *vmm)
{
    const char *step;

    if (settings->memory > pool_free_bytes()) {
        log_error("VM %s: it needs %lu MiB, and %lu MiB are free", settings->name,
                  settings->memory >> 20, pool_free_bytes() >> 20);
        return seL4_NotEnoughMemory;
    }
    *vm = (struct vm){.slot = slot, .settings = *settings, .exists = true};
    seL4_Error error = vm_build(vm, host, vmm, &step);
    for (unsigned kind = 0; kind < CONNECTION_KINDS && error == seL4_NoError; kind++) {
        if (settings->connections >> kind & 1) {
            connection_begin(&host->connection[kind], slot, settings->name, &settings->config,
                             &vm->runs);
        }
    }
    if (error == seL4_NoError) {
        step = "its threads";
        error = start_threads(vm);
    }
    if (error != seL4_NoError) {
        log_error("VM %s: cannot make %s (kernel error %d, %lu MiB free)", settings->name, step,
                  (int)error, pool_free_bytes() >> 20);
        (void)vm_stop(vm, host);
    }
    return error;
}

bool vm_release(struct vm *vm, const struct vm_host *host)
{
    bool holds = false;

    for (unsigned kind = 0; kind < CONNECTION_KINDS; kind++) {
        const struct connection *c = connection_find(host->connection, kind, vm->slot);
        holds = holds || (c && vm->held && connection_holds(c, vm->slot));
    }
    if (!holds) {
        balloon_release(vm->slot);
        lend_end_machine(vm->slot);
        arena_destroy(&vm->ram);
    }
    vm->held = holds;
    return !holds;
}

bool vm_stop(struct vm *vm, const struct vm_host *host)
{
    if (vm->exists) {
        /* What the VMM and the guest reach their memory by is gone first, then ... */
        arena_destroy(&vm->arena);
        /* Only now: nothing of the machine touches the slices any more. */
        for (unsigned kind = 0; kind < CONNECTION_KINDS; kind++) {
            struct connection *c = connection_find(host->connection, kind, vm->slot);
            if (c) {
                connection_end(c, vm->slot);
            }
        }
    }
    vm->held = vm->exists;
    vm->control = NULL;
    vm->thread_count = 0;
    vm->exists = false;
    /* ... that memory itself. */
    return vm_release(vm, host);
}

void vm_sample(struct vm *vm)
{
    for (unsigned i = 0; i < vm->thread_count; i++) {
        seL4_SchedContext_Consumed_t used = seL4_SchedContext_Consumed(vm->contexts[i]);
        if (used.error == seL4_NoError) {
            vm->consumed_us += used.consumed;
        }
    }
}

void vm_set_epoch(struct vm *vm, unsigned kind, uint64_t epoch)
{
    if (vm->exists && vm->settings.connections >> kind & 1) {
        __atomic_store_n(&vm->control[CONTROL_EPOCHS + kind], epoch, __ATOMIC_RELEASE);
        seL4_Signal(vm->control_signal);
    }
}

void vm_tell_balloon(struct vm *vm)
{
    __atomic_store_n(&vm->control[CONTROL_BALLOON], balloon_word(vm->slot), __ATOMIC_RELEASE);
    seL4_Signal(vm->control_signal);
}

void vm_control(struct vm *vm, enum vmm_control request)
{
    uint64_t count = *vm->control / VMM_CONTROL_COUNT + 1;

    *vm->control = count * VMM_CONTROL_COUNT + request;
    seL4_Signal(vm->control_signal);
}
