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

enum { VM_MAX = 16 };

/* Messages of a VM carry the badge index + 1: a thread's fault; with this bit: the VM's ending. */
#define VM_BADGE_ENDING 0x100ull

/* What the machine offers to all VMs. */
struct vm_host {
    uint64_t features, xcr0, tsc_hz; /* struct quoin_extensions */
    uint64_t wall_clock_ns, wall_clock_tsc;
    seL4_CPtr sched_control; /* first of core_count */
    unsigned core_count;
    seL4_CPtr endpoint; /* init's: faults and endings arrive here with the VM's badge */
    seL4_CPtr uart_cap; /* I/O port capability, or 0 */
    uint64_t uart_port;
};

/* What a VM's configuration asks for. */
struct vm_settings {
    char name[32];
    uint64_t memory; /* bytes, a multiple of 2 MiB */
    unsigned vcpus;
    unsigned first_core;
    bool autostart;
    struct archive_file config, kernel, initrd, firmware; /* size 0: none */
};

enum vm_state { VM_UNUSED, VM_RUNNING, VM_STOPPED };

struct vm {
    enum vm_state state;
    unsigned index; /* badge of its messages: index + 1 */
    struct vm_settings settings;
    struct arena arena;
    seL4_CPtr threads[VMM_MAX_VCPUS];
    unsigned thread_count;
    volatile uint64_t *control; /* in init's address space */
};

/* Builds the VM and starts its VMM. On an error everything is given back, and the log says why. */
seL4_Error vm_start(struct vm *vm, unsigned index, const struct vm_host *host,
                    const struct vm_settings *settings, const struct archive_file *vmm);

/* Ends it at once and gives all memory back. */
void vm_stop(struct vm *vm);

#endif
