/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that is checked before the loader changes anything: the files that GRUB's information names,
 * their signatures, the kernel's form, and that there is a place for everything. Also built for the
 * host.
 */
#ifndef LOADER_DECIDE_H
#define LOADER_DECIDE_H

#include "elf.h"
#include "info.h"
#include "place.h"
#include "verify.h"

/* Files by their number in the information. */
struct decision {
    struct verify_file files[INFO_MODULES_MAX];
    struct place_file places[INFO_MODULES_MAX];
    struct verify_result result;
    struct elf kernel;
};

/*
 * memory is where physical address 0 can be read; loader is the loader's own place. LOADER_OK, or
 * why the machine must not go on.
 */
int decide(struct decision *decision, const struct info *info, const uint8_t *memory,
           struct place_range loader, const struct manifest_keys *roots,
           const struct verify_floor *floor, verify_progress *progress,
           struct loader_failure *failure);

#endif
