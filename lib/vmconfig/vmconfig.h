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

enum {
    VMCONFIG_NAME_SIZE = 32,
    VMCONFIG_FILE_SIZE = 48, /* names of files in the root image */
    VMCONFIG_COMMAND_LINE_SIZE = 1024,
    VMCONFIG_MAX_VCPUS = 16,
    VMCONFIG_MAX_DISKS = 4,
};

enum vmconfig_disk_kind { VMCONFIG_DISK_VIRTIO, VMCONFIG_DISK_SATA, VMCONFIG_DISK_CDROM };

/* A disk whose content is a file of the root image. */
struct vmconfig_disk {
    char file[VMCONFIG_FILE_SIZE]; /* "": an empty disk as large as `writable` */
    enum vmconfig_disk_kind kind;
    uint64_t writable; /* bytes of memory for what the guest writes, a multiple of 2 MiB; 0: none */
};

struct vmconfig {
    char name[VMCONFIG_NAME_SIZE];     /* letters, digits, - and _ */
    char kernel[VMCONFIG_FILE_SIZE];   /* bzImage or PVH ELF */
    char initrd[VMCONFIG_FILE_SIZE];   /* "": none */
    char firmware[VMCONFIG_FILE_SIZE]; /* "": direct boot */
    char command_line[VMCONFIG_COMMAND_LINE_SIZE];
    uint64_t memory;      /* bytes, a multiple of 2 MiB, from 16 MiB to 1 TiB */
    unsigned vcpus;       /* 1 to VMCONFIG_MAX_VCPUS */
    unsigned cpu_percent; /* of a core, for each vCPU: 1 to 100 */
    bool high_priority;   /* runs as soon as it wakes; cpu_percent is at most 50 then */
    unsigned order;       /* of the start: 0 to 99, the lowest first */
    bool autostart;       /* started with the system; true unless the file says no */
    bool rng;             /* a source of random numbers; false unless the file says on */
    unsigned disk_count;
    struct vmconfig_disk disk[VMCONFIG_MAX_DISKS];
};

struct vmconfig_error {
    unsigned line; /* 1 for the first; 0: the file as a whole */
    char message[96];
};

/* 0, or -1 with *error filled; *config is complete only with 0. The text need not end with NUL. */
int vmconfig_parse(const char *text, size_t length, struct vmconfig *config,
                   struct vmconfig_error *error);

#endif
