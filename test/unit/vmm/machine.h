/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A virtual machine on a fake processor: memory is an array, time is a number that the test moves,
 * a VMEnter returns what the test has queued.
 */
#ifndef TEST_VMM_MACHINE_H
#define TEST_VMM_MACHINE_H

#include "vmm/vm.h"

#define MACHINE_MEMORY 0x2000000ull /* 32 MiB */
#define MACHINE_HZ     1000000000ull
#define MACHINE_FIELDS 64

struct machine_field {
    unsigned vcpu;
    unsigned field;
    uint64_t value;
};

struct machine {
    struct vm vm;
    uint8_t *memory;
    uint64_t now;
    uint64_t per_reading;    /* how far time moves when it is read */
    uint64_t enter_until;    /* an entry that ends with a notification lasts so long, at least */
    uint64_t entry_now;      /* when the last entry was made */
    uint8_t services[0x400]; /* how ports below 0x400 are served (QUOIN_PORT_*) */
    uint64_t mr[VM_MAX_VCPUS][QUOIN_VM_MR_COUNT];
    struct machine_field field[512];
    unsigned field_count;
    struct exit exit;   /* returned by the next enter ... */
    bool exits;         /* ... or a notification when false */
    bool others_signal; /* ... which is not the timer's */
    unsigned entries;
    unsigned waits;
    unsigned kicks;
    uint64_t wait_deadline;
    uint64_t entry_info; /* MR2 of the last entry */
    uint64_t entry_controls;
    char output[4096];
    unsigned output_length;
    bool output_full;     /* the console takes no byte ... */
    unsigned output_room; /* ... but these */
    char message[4096];
};

/* A machine with `vcpus` processors, in the state after power-up. Freed by machine_destroy. */
struct machine *machine_create(unsigned vcpus, enum vm_vendor vendor);
void machine_destroy(struct machine *machine);

/* Moves time and runs vCPU 0's timers. */
void machine_advance(struct machine *machine, uint64_t ns);

/* A guest's accesses to ports. */
uint64_t machine_in(struct machine *machine, uint64_t port, unsigned size);
void machine_out(struct machine *machine, uint64_t port, unsigned size, uint64_t value);

/* Both 8259 as a PC has them, vectors 0x20 and 0x28, all lines open. */
void machine_start_pic(struct machine *machine);

/* What was last written to a field, or 0. */
uint64_t machine_field(struct machine *machine, unsigned vcpu, unsigned field);

/* Hands vCPU 0 an exit and lets the VMM handle it. */
void machine_exit(struct machine *machine, const struct exit *exit);

/* 64-bit mode, paging one to one over the first 4 GiB, RIP at `rip`. */
void machine_long_mode(struct machine *machine, uint64_t rip);

#endif
