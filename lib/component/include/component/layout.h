/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What init and a component agree on: the component's capability space, the page that describes it,
 * and the badges of what it receives.
 */
#ifndef COMPONENT_LAYOUT_H
#define COMPONENT_LAYOUT_H

#include <stdint.h>

enum {
    COMPONENT_CNODE_BITS = 9,
    COMPONENT_MAX_CHANNELS = 63,

    /* Slots of the capability space. */
    COMPONENT_SLOT_INPUT = 1, /* endpoint on which calls arrive; notifications as well */
    COMPONENT_SLOT_REPLY = 2,
    COMPONENT_SLOT_LOG = 3,   /* notification of who reads the log, or empty */
    COMPONENT_SLOT_TCB = 4,   /* its own thread */
    COMPONENT_SLOT_ALIVE = 5, /* notification of init: the answer to its watchdog, or empty */
    COMPONENT_SLOT_INIT = 6,  /* endpoint of init, or empty: enum component_request */
    COMPONENT_SLOT_NOTIFY = 0x40,
    COMPONENT_SLOT_CALL = 0x80,
    COMPONENT_SLOT_IRQ = 0xc0,
    COMPONENT_SLOT_PORT = 0x100,
    COMPONENT_SLOT_TIMER = 0x140,
};

/* What a component may ask init for, in a call's label; the answer's label is an error of the
 * kernel, or 0. */
enum component_request {
    COMPONENT_REQUEST_DMA = 1, /* id of the memory (`dma`), device as a requester ID */
    /* id of the region (`found`), offset in it, physical address, size: device memory for it */
    COMPONENT_REQUEST_FOUND = 2,
    /* number of a machine that is connected to the component, and of the device (as a requester ID)
     * of its that has one of the machine's disks: it is to reach the machine's memory. */
    COMPONENT_REQUEST_LEND = 4,
    /* id of the channel by which init has asked: the devices of its other end move no data any
     * more, and cannot again. */
    COMPONENT_REQUEST_STOPPED = 3,
};

/* A notification's badge has the bit of each channel that spoke; a call's has this and the number.
 */
#define COMPONENT_BADGE_CALL (1ull << 63)

/* Its address space: image from 0x400000, what the system description maps from 0x1000000. */
#define COMPONENT_INFO_ADDRESS   0x10000ull
#define COMPONENT_BUFFER_ADDRESS 0x11000ull
#define COMPONENT_LOG_ADDRESS    0x20000ull

#define COMPONENT_INFO_MAGIC 0x4f464e49504d4f43ull

/* Read-only, at COMPONENT_INFO_ADDRESS, which is in RDI at the first instruction. */
struct component_info {
    uint64_t magic;
    uint64_t ipc_buffer;
    uint64_t log_address; /* a ring (lib/ring) of log records (component/log.h); size 0: none */
    uint64_t log_size;
    uint64_t tsc_hz;
    uint64_t features; /* QUOIN_FEATURE_* */
    char name[32];
    uint64_t watch;    /* the bit in a notification's badge by which the watchdog asks, or 0 */
    uint64_t restarts; /* how often it was started anew */
    /* PCI's configuration space in memory (ECAM): where bus 0's begins, and the last bus. */
    uint64_t ecam_address; /* physical; 0: the machine has none */
    uint64_t ecam_last_bus;
};

#endif
