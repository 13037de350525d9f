/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What init hands to a VMM: the startup page. init fills it, maps it read-only into the VMM's
 * address space and starts every vCPU thread at the ELF's entry point with
 *
 *     RDI = address of the startup page,  RSI = index of the vCPU,  all else 0.
 *
 * The VMM's entry takes the thread's stack from its own image. Thread 0 builds the virtual machine
 * while the others wait; init resumes all of them at once. All words are little-endian, sizes are
 * in bytes, addresses are the VMM's virtual ones unless they are called gpa. A cap slot of 0 means
 * that the VMM does not have the capability.
 *
 * For every vCPU i init makes, before it starts the threads:
 *   - a TCB with the VMM's CNode (guard such that a CPtr is a slot number) and vspace, an IPC
 * buffer of its own mapped at vcpu[i].ipc_buffer, a scheduling context on the core it shall run on,
 * and the fault endpoint of init;
 *   - a notification bound to that TCB; vcpu[i].notification is a cap to it with read and write
 * rights (the thread waits on it while its guest halts) and badge VMM_BADGE_KICK;
 *   - a VCPU object associated with the TCB (VCPU SetTCB), whose EPT root (TCB SetEPTRoot) is the
 *     VM's one EPT, assigned to an ASID pool;
 *   - where the kernel has timer objects: one timer with the bound notification set, badge
 *     VMM_BADGE_TIMER, also given to the VCPU (SetTimer), so that a VM entry can arm it.
 *
 * The guest's memory: every frame of ram[] is mapped twice, into the VMM's vspace at ram[].address
 * (read, write, never execute) and by MapEPT at ram[].gpa (read, write, execute), 2 MiB frames
 * wherever both are aligned. Nothing else is in the EPT: what the guest touches elsewhere exits.
 */
#ifndef VMM_STARTUP_H
#define VMM_STARTUP_H

#include <stddef.h>
#include <stdint.h>

#define VMM_STARTUP_MAGIC   0x706d75747261746eull
#define VMM_STARTUP_VERSION 6

#define VMM_MAX_VCPUS 16
#define VMM_MAX_RAM   4
#define VMM_MAX_DISKS 4

/* As many as lib/connection has kinds. */
#define VMM_MAX_CONNECTIONS 6

/*
 * Guest-physical address space (the layout of a Q35 machine): RAM from 0 up to VMM_LOW_RAM_END, the
 * rest of it from 4 GiB up. Device memory lies between.
 */
#define VMM_LOW_RAM_END    0x80000000ull
#define VMM_HIGH_RAM_START 0x100000000ull

/* Badges on a vCPU thread's bound notification; they arrive OR-ed together. */
#define VMM_BADGE_KICK    (1ull << 0) /* another vCPU thread: look at your pending work */
#define VMM_BADGE_TIMER   (1ull << 1) /* the vCPU's timer object expired */
#define VMM_BADGE_CONSOLE (1ull << 2) /* vCPU 0 only: input stands in the console ring */
#define VMM_BADGE_CONTROL (1ull << 3) /* vCPU 0 only: init changed a word of the control page */
/* vCPU 0 only: the service of this kind (lib/connection) that the machine is connected to */
#define VMM_BADGE_SERVICE(kind) (1ull << (4 + (kind)))
#define VMM_BADGE_SERVICES      (VMM_BADGE_SERVICE(VMM_MAX_CONNECTIONS) - VMM_BADGE_SERVICE(0))

/* Requests in the control word, written by init, read by the VMM after VMM_BADGE_CONTROL. The word
 * is the request plus VMM_CONTROL_COUNT times the number of requests so far. */
#define VMM_CONTROL_COUNT 256ull
enum vmm_control {
    VMM_CONTROL_NONE = 0,
    VMM_CONTROL_POWER_BUTTON = 1,
    VMM_CONTROL_RESET = 2,
    VMM_CONTROL_DUMP = 3, /* to the log: what each vCPU is doing */
};

/*
 * Memory that comes and goes, in blocks of 2 MiB by their number from gpa 0 on, for a machine with
 * a balloon. The word at vmm_startup.balloon, written by init with VMM_BADGE_CONTROL, says how many
 * blocks the guest is to be without (VMM_BALLOON_TARGET); it changes too when a block that could
 * not be had may be there now. The VMM calls balloon_endpoint with one of these as label and the
 * block's number in MR0; the answer's label is an error of the kernel, or 0.
 */
#define VMM_BALLOON_BLOCK  0x200000ull
#define VMM_BALLOON_BLOCKS 1024u /* of a machine, at most */
#define VMM_BALLOON_TARGET 0xffffffffull
enum vmm_balloon {
    VMM_BALLOON_GIVE = 1, /* the block is init's: the guest reaches it no more, the VMM finds
                           * something else there */
    VMM_BALLOON_TAKE = 2, /* zeroed memory stands there again */
};

struct vmm_startup_vcpu {
    uint64_t tcb;          /* cap of the thread itself, or 0 */
    uint64_t vcpu;         /* VCPU cap */
    uint64_t notification; /* read and write, badge VMM_BADGE_KICK */
    uint64_t timer;        /* timer cap, or 0 */
    uint64_t ipc_buffer;   /* address of the thread's IPC buffer */
};

struct vmm_startup_ram {
    uint64_t gpa;
    uint64_t size;
    uint64_t address;
};

/* A blob mapped read-only; size 0 when there is none. */
struct vmm_startup_blob {
    uint64_t address;
    uint64_t size;
};

/* A disk of the configuration, in its order: the file, and zeroed memory for what is written. */
struct vmm_startup_disk {
    struct vmm_startup_blob image;
    struct vmm_startup_blob store;
};

/* A connection to a service (lib/connection); size 0: there is none of this kind. */
struct vmm_startup_connection {
    uint64_t address; /* of the slice */
    uint64_t size;
    uint64_t notification; /* wakes the service */
    uint64_t epoch;        /* address of the word in which init tells the service's epoch */
    uint64_t generation;   /* this machine's, among those of its slot */
};

struct vmm_startup {
    uint64_t magic;   /* VMM_STARTUP_MAGIC */
    uint32_t version; /* VMM_STARTUP_VERSION */
    uint32_t size;    /* sizeof(struct vmm_startup) */

    uint64_t features;       /* QUOIN_FEATURE_* as in the kernel's bootinfo chunk */
    uint64_t xcr0;           /* quoin_extensions.xcr0 */
    uint64_t tsc_hz;         /* TSC frequency */
    uint64_t wall_clock_ns;  /* UTC, nanoseconds since 1970-01-01 when the TSC was ... */
    uint64_t wall_clock_tsc; /* ... this */

    uint32_t vcpu_count; /* 1 to VMM_MAX_VCPUS */
    uint32_t ram_count;  /* 1 to VMM_MAX_RAM, by ascending gpa, the first one at 0 */
    struct vmm_startup_vcpu vcpu[VMM_MAX_VCPUS];
    struct vmm_startup_ram ram[VMM_MAX_RAM];

    uint64_t cnode;  /* the VMM's own CNode */
    uint64_t vspace; /* the VMM's own vspace */

    struct vmm_startup_blob config; /* the VM's INI file, also read by init */
    struct vmm_startup_blob kernel; /* bzImage or PVH ELF */
    struct vmm_startup_blob initrd;
    struct vmm_startup_blob firmware; /* OVMF image, when the VM boots by firmware */
    struct vmm_startup_disk disk[VMM_MAX_DISKS];
    struct vmm_startup_connection connection[VMM_MAX_CONNECTIONS]; /* by enum connection_kind */

    /*
     * The VM's console and the VMM's log, rings of lib/ring shared with the console service. The
     * VMM writes console_out (bytes) and console_log (records of component/log.h) and reads
     * console_in. console_notification wakes the service. Size 0: there is no such service.
     */
    struct vmm_startup_blob console_out; /* address and size of struct ring_shared + data */
    struct vmm_startup_blob console_in;
    struct vmm_startup_blob console_log;
    uint64_t console_notification;
    uint64_t counts; /* address of struct machine_counts (machines/machines.h), or 0 */

    uint64_t control;       /* address of a word (enum vmm_control) shared with init, or 0 */
    uint64_t exit_endpoint; /* write cap: the VMM sends one word (enum vmm_ending) when it ends */
    uint64_t lock;          /* notification, read and write: vCPU threads wait for the VM's lock */
    uint64_t balloon;       /* address of a word (enum vmm_balloon), or 0 */
    uint64_t balloon_endpoint;
    uint64_t reserved[5];
};

/* The word sent to exit_endpoint, in MR0. */
enum vmm_ending {
    VMM_ENDING_POWER_OFF = 1,
    VMM_ENDING_RESET = 2, /* the guest asked for a reboot: init starts the VM anew */
    VMM_ENDING_FAILED = 3,
};

_Static_assert(offsetof(struct vmm_startup, vcpu) == 64, "the vCPUs follow the clock");
_Static_assert(sizeof(struct vmm_startup) <= 4096, "the startup page is one page");

#endif
