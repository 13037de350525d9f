/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What init, the console and the VMMs share about virtual machines: init's table of them, the
 * console's commands, and the slice of memory that each machine's slot has for its console, its log
 * and its counts.
 */
#ifndef MACHINES_MACHINES_H
#define MACHINES_MACHINES_H

#include <stddef.h>
#include <stdint.h>

enum { MACHINES_MAX = 16, MACHINES_NAME_SIZE = 32 };

enum machine_state {
    MACHINE_NONE, /* this slot has no machine */
    MACHINE_STOPPED,
    MACHINE_RUNNING,
    MACHINE_STOPPING, /* its power button was pressed; it is killed if it does not heed it */
    MACHINE_FAILED,   /* stopped by a fault or an error, which the log has */
};

struct machine_row {
    uint32_t state; /* enum machine_state */
    uint32_t vcpus;
    uint64_t memory;      /* that the guest has now, in bytes */
    uint64_t consumed_us; /* time that its vCPUs ran, since it started */
    uint64_t started_tsc; /* TSC when it started */
    uint32_t generation;  /* counts the starts: a new one has fresh rings */
    uint32_t cpu_percent; /* what each vCPU may use of a core */
    char name[MACHINES_NAME_SIZE];
    uint8_t unused[56];
};
_Static_assert(sizeof(struct machine_row) == 128, "rows do not share cache lines");

/* Written by init, read by the console. A word is never torn; rows may be between two states. */
struct machine_table {
    uint64_t pool_free, pool_total; /* bytes */
    uint64_t sampled_tsc;           /* when consumed_us was read */
    uint32_t count;                 /* rows that mean something */
    uint32_t focus;                 /* 1 + the first machine that started, 0: none yet */
    uint8_t unused[96];
    struct machine_row row[MACHINES_MAX];
};
_Static_assert(sizeof(struct machine_table) <= 4096, "one page");

/* Commands in the ring from console to init, two bytes each: what, and the machine's number. */
enum machine_command {
    MACHINE_COMMAND_SAMPLE = 1, /* read the times anew */
    MACHINE_COMMAND_START,
    MACHINE_COMMAND_STOP, /* power button, and the end if that takes too long */
    MACHINE_COMMAND_POWER_BUTTON,
    MACHINE_COMMAND_RESTART,
    MACHINE_COMMAND_KILL,
    MACHINE_COMMAND_DUMP, /* what its vCPUs are doing, to the log */
    MACHINE_COMMAND_LESS, /* memory: the guest is asked for some of it ... */
    MACHINE_COMMAND_MORE, /* ... or may have that again, if there is some */
};

/* A slot's slice: each part is mapped into the VMM alone, and into the console. */
enum {
    MACHINE_SLICE_OUT = 0x0000, /* ring: what the guest says */
    MACHINE_SLICE_OUT_SIZE = 0x5000,
    MACHINE_SLICE_IN = 0x5000, /* ring: what is typed */
    MACHINE_SLICE_IN_SIZE = 0x1000,
    MACHINE_SLICE_LOG = 0x6000, /* ring of log records: what the VMM says */
    MACHINE_SLICE_LOG_SIZE = 0x1000,
    MACHINE_SLICE_COUNTS = 0x7000,
    MACHINE_SLICE_COUNTS_SIZE = 0x1000,
    MACHINE_SLICE_SIZE = 0x8000,
};

/* VM exits by kind (enum exit_kind of vmm/vcpu/exit.h) for each vCPU, written by the VMM. */
enum { MACHINE_COUNT_KINDS = 31, MACHINE_COUNT_VCPUS = 16 };
struct machine_counts {
    uint64_t exits[MACHINE_COUNT_VCPUS][MACHINE_COUNT_KINDS];
    uint64_t waits; /* 1: the guest has not begun, since its secret is not there */
    uint64_t unused[15];
};
_Static_assert(sizeof(struct machine_counts) == MACHINE_SLICE_COUNTS_SIZE, "one page");

#endif
