/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Virtual machines: each one a VMM process with its own memory and capabilities, made out of the
 * pool and given back to it as a whole. vmm/startup.h says what a VMM is given.
 */
#ifndef INIT_VM_H
#define INIT_VM_H

#include <stdbool.h>
#include <vmm/startup.h>

#include "archive.h"
#include "arena.h"
#include "connection.h"

enum { VM_MAX = 16 };

/* What the machine offers to all VMs. */
struct vm_host {
    uint64_t features, xcr0, tsc_hz; /* struct quoin_extensions */
    uint64_t wall_clock_ns, wall_clock_tsc;
    seL4_CPtr sched_control; /* first of core_count */
    unsigned core_count;
    uint64_t ecam_address, ecam_last_bus; /* as in struct component_info */
    seL4_CPtr endpoint; /* init's: faults and endings arrive here with the VM's badge */

    /* The console service: 0 where there is none. */
    seL4_CPtr console_notification, console_cnode;
    unsigned console_first_id;
    seL4_CPtr rings_frame; /* first page of the slices (machines/machines.h) */
    unsigned priority;     /* of VMMs */

    struct connection *connection; /* to services, by kind; NULL: there are none */
};

/* What a VM's configuration asks for. */
struct vm_settings {
    char name[32];
    char secret[32];  /* that it waits for; "": none */
    uint64_t memory;  /* bytes, a multiple of 2 MiB */
    uint64_t balloon; /* bytes of it that can be taken away while it runs; 0: it has no balloon */
    unsigned vcpus;
    unsigned first_core;
    unsigned cpu_percent; /* of a core, for each vCPU */
    bool high_priority;   /* before the other machines, which have its time when it sleeps */
    unsigned order;       /* of the start, the lowest first */
    bool autostart;
    struct archive_file config, kernel, initrd, firmware; /* without a name: none */
    struct archive_file disk[VMM_MAX_DISKS];              /* likewise */
    uint64_t disk_store[VMM_MAX_DISKS];                   /* bytes for what is written */
    uint32_t connections; /* bit: the kind of service that the machine is to be connected to */
};

struct vm {
    unsigned slot; /* number of its messages, of its slice and of its console channel */
    bool exists;
    struct vm_settings settings;
    struct arena arena;
    /* The guest's memory, which devices may touch for longer than anything else of it exists. */
    struct arena ram;
    struct memory_runs runs; /* where that is */
    bool held;               /* it has ended, and its memory is not back yet */
    seL4_CPtr threads[VMM_MAX_VCPUS];
    seL4_CPtr contexts[VMM_MAX_VCPUS]; /* scheduling contexts */
    unsigned thread_count;
    uint64_t consumed_us;       /* what the contexts used, as of vm_sample */
    seL4_CPtr control_signal;   /* vCPU 0's notification */
    volatile uint64_t *control; /* page of words, in init's address space */
};

/* Builds the VM in a slot and starts its VMM. On an error everything is given back, and the log
 * says why. */
seL4_Error vm_start(struct vm *vm, unsigned slot, const struct vm_host *host,
                    const struct vm_settings *settings, const struct archive_file *vmm);

/*
 * Ends it at once, whatever its VMM does. true: all memory is back. false: devices may still move
 * data from and to the guest's memory; vm_release is to be asked until it is back.
 */
bool vm_stop(struct vm *vm, const struct vm_host *host);

/* Gives the guest's memory back if no device touches it any more: true when it is back. */
bool vm_release(struct vm *vm, const struct vm_host *host);

/* Adds to consumed_us what its vCPUs used since the last time. */
void vm_sample(struct vm *vm);

/* Tells the VMM that a service to which it may be connected has another epoch. */
void vm_set_epoch(struct vm *vm, unsigned kind, uint64_t epoch);

/* Tells the VMM what becomes of its balloon. */
void vm_tell_balloon(struct vm *vm);

/* Tells the VMM. */
void vm_control(struct vm *vm, enum vmm_control request);

#endif
