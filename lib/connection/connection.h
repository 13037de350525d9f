/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A machine's connection to a service: a slice of memory that both map, and a notification each
 * way. init makes it with the machine and takes it away with it; what goes through the memory is
 * between the two, from the slice's second page on.
 *
 * Three parties agree on who is there. init counts the machines that have been in a slot
 * (generation) and the starts of the service (epoch). The service admits a machine by writing both
 * numbers into the slice's first page, once nothing of it touches the slice any more; the machine
 * puts its part of the memory in order and joins by writing them back; only then is it served. So
 * a machine never meets what its predecessor left, and a service that was started anew meets no
 * index of its predecessor.
 *
 * Where the machine's own memory is lent to the service's devices, init keeps it after the machine
 * has ended until the service has said that nothing of it touches that memory any more: by the
 * machine's number in the slice's first page, which the machine does not map any more by then.
 *
 * The page of init is trusted by both. The slice is trusted by neither.
 */
#ifndef CONNECTION_CONNECTION_H
#define CONNECTION_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum connection_kind {
    CONNECTION_DISK_VIRTIO,
    CONNECTION_NET,
    CONNECTION_SECRET,
    CONNECTION_DISK_SATA,
    CONNECTION_DISK_NVME,
    CONNECTION_ENTROPY,
    CONNECTION_KINDS
};

/* The drivers of disks: a machine with disks of the computer's is connected to each, since none but
 * they know which has which. */
#define CONNECTION_DISKS \
    (1u << CONNECTION_DISK_VIRTIO | 1u << CONNECTION_DISK_SATA | 1u << CONNECTION_DISK_NVME)

enum { CONNECTION_SLOTS = 16, CONNECTION_PAGE = 4096 };

#define CONNECTION_AT_CONTENT \
    0x1000u /* of a slice: from here on it is the service's and machine's */

/* The epoch that a machine sees when the service will not be started again. */
#define CONNECTION_NO_MORE UINT64_MAX

#define CONNECTION_LENT_MAX 40u

/* A stretch of the machine's memory that stands in one piece; in bytes, multiples of 2 MiB. */
struct connection_lent {
    uint64_t place; /* where the machine has it */
    uint64_t size;
    uint64_t address; /* where devices find it */
};

/* init's page about the machine of one slot, which the service maps read-only. */
struct connection_row {
    uint32_t generation; /* 0: no machine was here yet */
    uint32_t live;       /* 1: it runs. Written last, and first when it ends */
    uint32_t epoch;      /* of the service that reads this: counts its starts from 1 on */
    uint32_t config_size;
    char name[32];
    /* Where the slice stands for the service's devices, in one piece; 0: it does not. */
    uint64_t slice_address;
    /* 0: the service's devices do not reach the machine's memory. With an IOMMU one does when init
     * was asked for it (component_lend). */
    uint64_t lent_count;
    struct connection_lent lent[CONNECTION_LENT_MAX];
    char config[3072]; /* the machine's INI file, checked by init */
};

/* The first page of a slice. */
struct connection_head {
    uint32_t admitted_generation, admitted_epoch; /* the service writes these */
    uint32_t released_generation;                 /* and this */
    uint32_t unused0[13];
    uint32_t joined_generation, joined_epoch; /* the machine writes these */
    uint32_t unused1[14];
};

_Static_assert(sizeof(struct connection_row) == CONNECTION_PAGE, "one page");
_Static_assert(offsetof(struct connection_head, joined_generation) == 64, "a line for each writer");

/* The service's side. */

struct connection_service {
    const volatile struct connection_row *rows;
    uint8_t *slices;
    uint64_t slice; /* bytes of each */
    unsigned slots;
    uint32_t generation[CONNECTION_SLOTS]; /* of who was admitted, or 0 */
    bool joined[CONNECTION_SLOTS];
};

enum connection_event {
    CONNECTION_NOTHING, /* as before */
    CONNECTION_WANTED,  /* a machine waits: connection_admit */
    CONNECTION_JOINED,  /* it may be served from now on; told once */
    CONNECTION_ENDED,   /* it is gone: stop using the slice, then connection_release */
};

/* rows and slices: as the system description maps them; slots: at most CONNECTION_SLOTS. */
void connection_service_initialize(struct connection_service *service, const void *rows,
                                   void *slices, uint64_t slice, unsigned slots);

/*
 * What has happened in a slot. To be called for each slot at the start and for the slot whose
 * channel was notified, until it returns CONNECTION_NOTHING.
 */
enum connection_event connection_look(struct connection_service *service, unsigned slot);

/* Lets the waiting machine in; its channel is to be notified then. */
void connection_admit(struct connection_service *service, unsigned slot);

/* Nothing of the service touches the slice, or what the machine lent, any more. */
void connection_release(struct connection_service *service, unsigned slot);

/*
 * Says so of a machine that has ended, if that has not been said yet, whether it was admitted by
 * this life of the service or not. To be called when nothing of an earlier life can touch anything
 * any more either. true: init is to be told.
 */
bool connection_settle(const struct connection_service *service, unsigned slot);

/* The slice of a slot; what both sides use of it begins at CONNECTION_AT_CONTENT. */
uint8_t *connection_slice(const struct connection_service *service, unsigned slot);

/* Where the slice of a slot stands for devices, or 0: they do not reach it. */
uint64_t connection_slice_address(const struct connection_service *service, unsigned slot);

/* Copies the configuration out; returns its size. `to` has sizeof(row.config) bytes. */
uint32_t connection_config(const struct connection_service *service, unsigned slot, char *to);

/* The memory that the machine of a slot lends: copies up to CONNECTION_LENT_MAX entries, and
 * returns how many. */
unsigned connection_lent(const struct connection_service *service, unsigned slot,
                         struct connection_lent *to);

/* The machine's side. */

struct connection_client {
    volatile struct connection_head *head;
    const volatile uint64_t *epoch; /* written by init */
    uint32_t generation;
    uint64_t joined_epoch; /* 0: not joined yet */
};

enum connection_state {
    CONNECTION_AWAITED, /* the service is not there, or not ready: wait for its notification */
    CONNECTION_OPEN,    /* it waits for connection_join */
    CONNECTION_JOINT,   /* joined to the service that runs now */
    CONNECTION_OVER,    /* it does not come back */
};

void connection_client_initialize(struct connection_client *client, void *slice,
                                  const volatile uint64_t *epoch, uint32_t generation);

/* How things are now. To be asked before each use of the slice's rings. */
enum connection_state connection_state(const struct connection_client *client);

/*
 * In state CONNECTION_OPEN, when the rings of the slice are zeroed (and the first time all of it):
 * joins. The service is to be notified then.
 */
void connection_join(struct connection_client *client);

#endif
