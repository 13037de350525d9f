/* SPDX-License-Identifier: BSD-2-Clause */
/* What GRUB would leave in memory, made on the host: files, and the information that names them. */
#ifndef TEST_BOOT_MACHINE_H
#define TEST_BOOT_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "decide.h"

/* The machine's memory: RAM from 1 MiB on. The loader lies where it does on a real one. */
#define MACHINE_MEMORY (128u << 20)
#define MACHINE_LOADER ((struct place_range){16u << 20, 18u << 20})

struct machine {
    uint8_t *memory; /* MACHINE_MEMORY bytes */
    uint8_t info[4096];
    size_t info_used;
    uint64_t next; /* where the next file goes */
};

/* An empty machine; memory is kept when it is there already. */
void machine_reset(struct machine *machine);

/* One more file, as "module2 FILE NAME" would. Returns its bytes in the machine's memory. */
uint8_t *machine_add(struct machine *machine, const char *name, const uint8_t *data, size_t size);

/* A module tag with any addresses. */
void machine_tag(struct machine *machine, const char *name, uint32_t start, uint32_t end);

/* What the loader says to it. */
int machine_decide(struct machine *machine, const struct manifest_keys *roots,
                   const struct verify_floor *floor, struct decision *decision,
                   struct loader_failure *failure);

#endif
