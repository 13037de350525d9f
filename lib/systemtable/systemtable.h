/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table that tool/composer makes of a system description and init carries out
 * (doc/formats.md, "System table"). systemtable_open checks all of it, so that whoever carries it
 * out need not: every number that names a region or domain exists, every size and address fits.
 * Builds for target and host alike.
 */
#ifndef SYSTEMTABLE_SYSTEMTABLE_H
#define SYSTEMTABLE_SYSTEMTABLE_H

#include <stddef.h>
#include <stdint.h>

enum {
    SYSTEM_NAME_SIZE = 32,
    SYSTEM_PROGRAM_SIZE = 48,
    SYSTEM_MAX_DOMAINS = 32,
    SYSTEM_MAX_REGIONS = 256,
    SYSTEM_MAX_RECORDS = 1024, /* of every other kind */
    SYSTEM_MAX_MACHINES = 16,
    SYSTEM_MAX_ID = 62,
    SYSTEM_MAX_CORES = 16,
    SYSTEM_MAX_CONNECTIONS = 6,
    SYSTEM_MAX_FOUND = 256,
};

#define SYSTEM_NO_PHYSICAL     UINT64_MAX
#define SYSTEM_MAX_REGION      (1ull << 30)
#define SYSTEM_LOWEST_MAPPING  0x1000000ull
#define SYSTEM_HIGHEST_MAPPING 0x7fff00000000ull
#define SYSTEM_MACHINE_SLICE   0x8000u /* of the machines' rings, for each slot */

struct system_region {
    char name[SYSTEM_NAME_SIZE];
    uint64_t size;      /* a multiple of the page size */
    uint64_t physical;  /* or SYSTEM_NO_PHYSICAL: ordinary memory */
    uint32_t page_bits; /* 12 or 21 */
    uint32_t flags;
};

enum {
    /* Small pages that follow each other in the machine's memory: a power of two, 2 MiB at most. */
    SYSTEM_REGION_CONTIGUOUS = 1,
    /* Device memory that is found when the system runs: SYSTEM_MAX_FOUND pages at most. */
    SYSTEM_REGION_FOUND = 2,
};

enum { SYSTEM_DOMAIN_SERVES = 1 }; /* somebody may call it */

struct system_domain {
    char name[SYSTEM_NAME_SIZE];
    char program[SYSTEM_PROGRAM_SIZE]; /* in the root image */
    uint64_t budget_us, period_us;
    uint32_t priority;
    uint32_t core; /* may be one that the machine does not have */
    uint32_t flags;
    uint8_t restarts; /* at most so often in a minute it is started anew after a fault */
    uint8_t patience; /* of its watchdog, in seconds; 0: there is none */
    uint8_t watch;    /* 1 + the id on which the watchdog asks */
    uint8_t zero;
};

enum { SYSTEM_MAP_WRITE = 1, SYSTEM_MAP_EXECUTE = 2, SYSTEM_MAP_UNCACHED = 4 };

struct system_map {
    uint32_t domain, region;
    uint64_t offset, size; /* in the region */
    uint64_t address;
    uint32_t flags;
    uint32_t zero;
};

enum { SYSTEM_END_NOTIFY = 1, SYSTEM_END_CALL = 2 }; /* what this end may do to the other */

struct system_end {
    uint32_t domain, id, flags;
};

struct system_channel {
    struct system_end end[2];
};

enum { SYSTEM_IRQ_LEVEL = 1, SYSTEM_IRQ_LOW = 2, SYSTEM_IRQ_MESSAGE = 4 };

struct system_irq {
    uint32_t domain, id, flags, vector;
    uint32_t source[4]; /* I/O APIC and pin; of a message: bus, device, function and handle */
};

struct system_port {
    uint32_t domain, id, first, last;
};

struct system_timer {
    uint32_t domain, id;
};

/* The domain that reads everyone's log: first page the names, then a slice for init and for each
 * domain in turn. */
struct system_log {
    uint32_t domain, region, first_id, slice;
};

/* Virtual machines: who has their consoles and may control them. */
struct system_machines {
    uint32_t slots, priority, console, rings, first_id, table, commands, id;
};

/*
 * What each machine has together with a domain: `slice` bytes of the region, a notification each
 * way (the domain's ids are first_id and the machine's number), and init's page in `table`, from
 * which the domain learns who it is. lib/connection.
 */
struct system_connection {
    uint32_t kind; /* enum connection_kind */
    uint32_t domain, region, table, first_id, slice;
};

/* Contiguous memory that the domain may have mapped for a device, by this id. */
struct system_dma {
    uint32_t domain, id, region, zero;
};

/* A region of device memory that the domain may find, by this id. */
struct system_found {
    uint32_t domain, id, region, zero;
};

/* In the size: value is the number of a region of one large page or of contiguous ones, the
 * variable (8 bytes) gets its physical address. */
#define SYSTEM_PATCH_PHYSICAL 0x100u

/* A variable of a domain's program that gets a value before the program starts. */
struct system_patch {
    uint32_t domain, size; /* 1, 2, 4 or 8 bytes */
    uint64_t address;      /* a multiple of size */
    uint64_t value;
};

_Static_assert(sizeof(struct system_region) == 56, "tool/composer/table.py");
_Static_assert(sizeof(struct system_domain) == 112, "tool/composer/table.py");
_Static_assert(sizeof(struct system_map) == 40, "tool/composer/table.py");
_Static_assert(sizeof(struct system_channel) == 24, "tool/composer/table.py");
_Static_assert(sizeof(struct system_irq) == 32, "tool/composer/table.py");
_Static_assert(sizeof(struct system_port) == 16, "tool/composer/table.py");
_Static_assert(sizeof(struct system_timer) == 8, "tool/composer/table.py");
_Static_assert(sizeof(struct system_log) == 16, "tool/composer/table.py");
_Static_assert(sizeof(struct system_machines) == 32, "tool/composer/table.py");
_Static_assert(sizeof(struct system_patch) == 24, "tool/composer/table.py");
_Static_assert(sizeof(struct system_connection) == 24, "tool/composer/table.py");
_Static_assert(sizeof(struct system_dma) == 16, "tool/composer/table.py");
_Static_assert(sizeof(struct system_found) == 16, "tool/composer/table.py");

struct system_table {
    const struct system_region *regions;
    const struct system_domain *domains;
    const struct system_map *maps;
    const struct system_channel *channels;
    const struct system_irq *irqs;
    const struct system_port *ports;
    const struct system_timer *timers;
    const struct system_log *log;           /* NULL: none */
    const struct system_machines *machines; /* NULL: none */
    const struct system_patch *patches;
    const struct system_connection *connections;
    const struct system_dma *dmas;
    const struct system_found *founds;
    uint32_t region_count, domain_count, map_count, channel_count, irq_count, port_count,
        timer_count, patch_count, connection_count, dma_count, found_count;
};

/*
 * Checks the size bytes at data (8-byte aligned) and points *table into them. Returns 0, or -1 with
 * *reason saying what is wrong.
 */
int systemtable_open(const void *data, size_t size, struct system_table *table,
                     const char **reason);

#endif
