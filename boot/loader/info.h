/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What GRUB left in memory (Multiboot 2.0, section 3.6), and the same for the kernel. Everything is
 * checked to lie inside the information before it is read. Also built for the host.
 */
#ifndef LOADER_INFO_H
#define LOADER_INFO_H

#include "failure.h"
#include "pq.h"

#define INFO_LOADER_MAGIC 0x36D76289u /* EAX on entry, section 3.3 */
#define INFO_SIZE_MAX     0x100000u
#define INFO_MODULES_MAX  32
#define INFO_RANGES_MAX   512
#define INFO_TEXT_MAX     256

struct info_module {
    uint32_t start; /* physical address */
    uint32_t end;   /* one behind the last byte; start <= end */
    char name[MANIFEST_NAME_SIZE];
};

struct info_range {
    uint64_t start;
    uint64_t end;
    int is_ram;
};

struct info_framebuffer {
    uint64_t address; /* 0: none */
    uint32_t pitch;   /* bytes in a row */
    uint32_t width;
    uint32_t height;
    uint8_t depth; /* bits of a pixel */
    uint8_t type;  /* 1: direct colour, 2: text of 80 x 25 or the like */
};

struct info {
    unsigned module_count;
    struct info_module modules[INFO_MODULES_MAX];
    unsigned range_count;
    struct info_range ranges[INFO_RANGES_MAX];
    struct info_framebuffer framebuffer;
    char command_line[INFO_TEXT_MAX]; /* cut to the room there is */
};

/* The size that the information says it has, of which the first 8 bytes are readable. 0 when that
 * cannot be. */
uint32_t info_size(const uint8_t header[8]);

/* Reads the information; its size is info_size(). The framebuffer is set even when a later tag is
 * bad, so that the failure can be shown. */
int info_parse(struct info *info, struct pq_bytes data, struct loader_failure *failure);

/* A module as the kernel is to find it. */
struct info_place {
    uint64_t start; /* below 4 GiB */
    uint64_t end;
    const char *name;
};

/*
 * Writes the information for the kernel: of GRUB's tags those that describe the machine, then an
 * empty command line and the modules. data is what info_parse() took. Returns the size, or 0 when
 * room bytes do not suffice.
 */
size_t info_write(uint8_t *out, size_t room, struct pq_bytes data, const struct info_place *modules,
                  unsigned count);

/* Whether [start, end) is RAM and no entry of the memory map says otherwise. */
int info_is_ram(const struct info *info, uint64_t start, uint64_t end);

/* The value of the word "NAME=VALUE" of the command line, copied into value, cut to size. Empty
 * when there is none. */
void info_option(const struct info *info, const char *name, char *value, size_t size);

#endif
