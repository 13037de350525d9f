/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A block device as its user sees it: requests that are submitted and later complete. Disk models
 * in the VMM, the client of the block service, partitions, ram disks and hardware drivers all meet
 * at this interface, so any of them can stand behind any other.
 */
#ifndef BLOCK_DEVICE_H
#define BLOCK_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_SECTOR      512u /* unit of all sector numbers, whatever the device's own block is */
#define BLOCK_SERIAL_SIZE 20u

enum block_operation {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_FLUSH,        /* every write that has completed is on stable storage afterwards */
    BLOCK_DISCARD,      /* the contents may be forgotten */
    BLOCK_WRITE_ZEROES, /* the range reads as zeroes afterwards */
    BLOCK_OPERATION_COUNT,
};

enum block_status {
    BLOCK_OK = 0,
    BLOCK_ERROR = -1,       /* the device failed */
    BLOCK_UNSUPPORTED = -2, /* it cannot do that */
    BLOCK_INVALID = -3,     /* range or size are outside what the device says of itself */
    BLOCK_READ_ONLY = -4,
};

/* Memory of a request. It may belong to a guest, which changes it meanwhile. */
struct block_segment {
    union {
        uint8_t *data;
        uint64_t address; /* of a lent request: where the device finds it */
    };
    uint32_t length;
};

_Static_assert(sizeof(struct block_segment) == 16, "there are lists of them");

/*
 * What a device takes of requests whose memory it alone reaches: how many segments of one request
 * (0: none at all), of which each address and length must be a multiple of `alignment`, and of
 * `boundary` too where one segment ends and the next begins. Both are powers of two up to 4096.
 */
struct block_lending {
    uint32_t segments;
    uint32_t alignment;
    uint32_t boundary;
};

struct block_request {
    enum block_operation operation;
    bool force_unit_access; /* a write completes only when it is on stable storage */
    uint64_t sector;
    uint64_t count; /* sectors; the segments hold exactly as many for a read or write, else none */
    const struct block_segment *segment;
    unsigned segments;
    /* The segments are addresses: only the device reaches what is there (block_device.lending). */
    bool lent;
    /* The segments may be the device's until the request completes, even if it was cancelled. */
    bool lasting;
    /*
     * The submitter no longer wants the result: the segments are not touched any more, unless
     * the device has them for longer (`held`, `lent`). The request still completes.
     */
    bool cancelled;
    /* Called once for each submitted request, possibly before block_submit returns. */
    void (*complete)(struct block_request *request, enum block_status status);
    void *owner; /* of the submitter */
    bool held;   /* set by the device: it has the segments themselves, which were `lasting` */
    /* Of the device, until completion. */
    struct block_request *next;
    uint64_t progress;
    uint32_t parts;
    enum block_status status;
};

struct block_device {
    uint64_t sectors;
    uint32_t block_size; /* smallest unit of access in bytes: a power of two, 512 to 4096 */
    bool read_only;
    bool can_flush; /* false: every write is on stable storage when it completes */
    bool can_discard;
    bool can_zero;                  /* write-zeroes */
    uint32_t max_segments;          /* of one request, at least 1; of a lent one: lending */
    uint32_t max_sectors;           /* of one read or write, at least one block */
    char serial[BLOCK_SERIAL_SIZE]; /* padded with NULs, not necessarily ended by one */
    struct block_lending lending;
    /* Takes a request that has been checked; it stays the submitter's memory. */
    void (*submit)(struct block_device *device, struct block_request *request);
    void *context;
};

/*
 * Checks a request against what the device says of itself and submits it. A request that does not
 * fit completes at once with the error.
 */
void block_submit(struct block_device *device, struct block_request *request);

/* The same for a read or write of which the submitter has summed up that the segments, none of them
 * empty, not lent, hold exactly its sectors. */
void block_submit_sound(struct block_device *device, struct block_request *request);

/* What is wrong with this request, if anything; with what it asks for, whatever its segments. */
enum block_status block_check(const struct block_device *device,
                              const struct block_request *request);
enum block_status block_check_range(const struct block_device *device,
                                    const struct block_request *request);

/* Do these segments, addresses, suit what a device says of itself? */
bool block_lending_suits(const struct block_lending *lending, const struct block_segment *segment,
                         unsigned segments);

/* Copies between the segments (which are not lent) from byte `offset` on and a buffer; returns how
 * many there were. */
uint32_t block_gather(const struct block_request *request, uint64_t offset, uint8_t *to,
                      uint32_t length);
uint32_t block_scatter(const struct block_request *request, uint64_t offset, const uint8_t *from,
                       uint32_t length);

#endif
