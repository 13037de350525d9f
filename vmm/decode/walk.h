/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The guest's own address translation (Intel SDM volume 3, chapter 4): 32-bit, PAE and 4-level
 * paging. Walks read the guest's tables in RAM; they set no accessed or dirty bits.
 */
#ifndef VMM_DECODE_WALK_H
#define VMM_DECODE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/memory/memory.h"

struct walk_state {
    uint64_t cr0;
    uint64_t cr3;
    uint64_t cr4;
    uint64_t efer;
    bool user; /* CPL 3 */
};

enum walk_error {
    WALK_OK = 0,
    WALK_ERROR_FAULT = -1,  /* #PF with walk_result.error */
    WALK_ERROR_MEMORY = -2, /* a table stands outside RAM */
};

struct walk_result {
    uint64_t gpa;
    uint64_t page_size;
    uint32_t error; /* page-fault error code */
};

/* Page-fault error code bits. */
#define WALK_PRESENT 1u
#define WALK_WRITE   2u
#define WALK_USER    4u
#define WALK_FETCH   16u

/* Translates a linear address for an access (0, WALK_WRITE or WALK_FETCH). */
int walk_translate(const struct memory *memory, const struct walk_state *state, uint64_t linear,
                   uint32_t access, struct walk_result *result);

#endif
