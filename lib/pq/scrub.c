/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clearing the stack that a finished computation has left behind.
 *
 * Register spills and inlined temporaries leave copies of secrets below the caller's frame that no
 * wipe of a named variable reaches. The frames of these functions lie over them.
 */
#include "bytes.h"

__attribute__((noinline)) void stack_scrub_large(void)
{
    uint8_t at[24576];
    bytes_wipe(at, sizeof at);
}

__attribute__((noinline)) void stack_scrub_small(void)
{
    uint8_t at[4096];
    bytes_wipe(at, sizeof at);
}
