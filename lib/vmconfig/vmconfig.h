/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A virtual machine's configuration: an INI file without sections, `key = value`, comments after ;
 * or # at the start of a line (doc/vm-configuration.md). The whole file is checked before anything
 * of it is used. Builds for target and host alike.
 */
#ifndef VMCONFIG_VMCONFIG_H
#define VMCONFIG_VMCONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gpt/gpt.h>

enum {
    VMCONFIG_NAME_SIZE = 32,
    VMCONFIG_FILE_SIZE = 48, /* names of files in the root image */
    VMCONFIG_COMMAND_LINE_SIZE = 1024,
    VMCONFIG_MAX_VCPUS = 16,
    VMCONFIG_MAX_DISKS = 4,
    VMCONFIG_SERIAL_SIZE = 21,
    VMCONFIG_NETWORK_SIZE = 16,
    VMCONFIG_SECRET_SIZE = 32,
};

enum vmconfig_disk_kind { VMCONFIG_DISK_VIRTIO, VMCONFIG_DISK_SATA, VMCONFIG_DISK_CDROM };

enum vmconfig_disk_source {
    VMCONFIG_SOURCE_FILE,      /* of the root image */
    VMCONFIG_SOURCE_PARTITION, /* of the machine, by its UUID in the GUID partition table */
    VMCONFIG_SOURCE_DISK,      /* a whole disk of the machine, by the UUID of that table */
    VMCONFIG_SOURCE_SERIAL,    /* a whole disk of the machine, by its serial number */
};

struct vmconfig_disk {
    enum vmconfig_disk_source source;
    enum vmconfig_disk_kind kind;
    char file[VMCONFIG_FILE_SIZE]; /* "": an empty disk as large as `writable` */
    uint64_t writable; /* bytes of memory for what the guest writes, a multiple of 2 MiB; 0: none */

    /* A disk of the machine. */
    struct gpt_uuid uuid;
    char serial[VMCONFIG_SERIAL_SIZE]; /* ended by a NUL */
    bool read_only;
};

/* The machine's network card. */
struct vmconfig_net {
    char network[VMCONFIG_NETWORK_SIZE]; /* joined with all machines of this name; "": with none */
    bool outside;                        /* joined with the card of the computer */
    uint8_t mac[6];                      /* of one station, not zero */
    uint16_t vlan;                       /* 1 to 4094; 0: there is no card */
};

struct vmconfig {
    char name[VMCONFIG_NAME_SIZE];     /* letters, digits, - and _ */
    char kernel[VMCONFIG_FILE_SIZE];   /* bzImage or PVH ELF */
    char initrd[VMCONFIG_FILE_SIZE];   /* "": none */
    char firmware[VMCONFIG_FILE_SIZE]; /* "": direct boot */
    char command_line[VMCONFIG_COMMAND_LINE_SIZE];
    uint64_t memory;  /* bytes, a multiple of 2 MiB, from 16 MiB to 1 TiB */
    uint64_t balloon; /* bytes of it that can be taken away while it runs, a multiple of 2 MiB; 0:
                       * none. memory is at most 2 GiB then, and more than this */
    unsigned vcpus;   /* 1 to VMCONFIG_MAX_VCPUS */
    unsigned cpu_percent; /* of a core, for each vCPU: 1 to 100 */
    bool high_priority;   /* runs as soon as it wakes; cpu_percent is at most 50 then */
    unsigned order;       /* of the start: 0 to 99, the lowest first */
    bool autostart;       /* started with the system; true unless the file says no */
    bool rng;             /* a source of random numbers; false unless the file says on */
    bool hpet;            /* high-precision event timers; likewise */
    char secret[VMCONFIG_SECRET_SIZE]; /* name of what a verifier releases to it; "": nothing */
    bool secret_or_fail; /* without it the machine fails at once; false: it waits for it */
    unsigned disk_count;
    struct vmconfig_disk disk[VMCONFIG_MAX_DISKS];
    struct vmconfig_net net;
};

struct vmconfig_error {
    unsigned line; /* 1 for the first; 0: the file as a whole */
    char message[96];
};

/* How many of the configuration's disks are disks or partitions of the machine. */
unsigned vmconfig_machine_disks(const struct vmconfig *config);

/* 0, or -1 with *error filled; *config is complete only with 0. The text need not end with NUL. */
int vmconfig_parse(const char *text, size_t length, struct vmconfig *config,
                   struct vmconfig_error *error);

#endif
