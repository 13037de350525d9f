/* SPDX-License-Identifier: BSD-2-Clause */
/* Clearing the stack that a finished computation has left behind. */
#include "bytes.h"

/*
 * Register spills and inlined temporaries leave copies of secrets below the caller's frame that no
 * wipe of a named variable reaches. This frame lies over them.
 */
__attribute__((noinline)) void stack_scrub(void)
{
    uint8_t at[STACK_SCRUB_SIZE];
    bytes_wipe(at, sizeof at);
}
