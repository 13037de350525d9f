/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clearing the stack that a finished computation has left behind.
 *
 * Register spills and inlined temporaries leave copies of secrets below the caller's frame that no
 * wipe of a named variable reaches. The frames of these functions lie over them. Vector registers
 * keep what was last in them, too: keys and plain text.
 */
#include "bytes.h"

static void vectors_wipe(void)
{
#ifdef __SSE2__ /* else this code has used none */
    __asm__ volatile("pxor %%xmm0, %%xmm0\n"
                     "pxor %%xmm1, %%xmm1\n"
                     "pxor %%xmm2, %%xmm2\n"
                     "pxor %%xmm3, %%xmm3\n"
                     "pxor %%xmm4, %%xmm4\n"
                     "pxor %%xmm5, %%xmm5\n"
                     "pxor %%xmm6, %%xmm6\n"
                     "pxor %%xmm7, %%xmm7\n"
                     "pxor %%xmm8, %%xmm8\n"
                     "pxor %%xmm9, %%xmm9\n"
                     "pxor %%xmm10, %%xmm10\n"
                     "pxor %%xmm11, %%xmm11\n"
                     "pxor %%xmm12, %%xmm12\n"
                     "pxor %%xmm13, %%xmm13\n"
                     "pxor %%xmm14, %%xmm14\n"
                     "pxor %%xmm15, %%xmm15\n"
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
#endif
}

__attribute__((noinline)) void stack_scrub_large(void)
{
    uint8_t at[24576];
    bytes_wipe(at, sizeof at);
    vectors_wipe();
}

__attribute__((noinline)) void stack_scrub_small(void)
{
    uint8_t at[4096];
    bytes_wipe(at, sizeof at);
    vectors_wipe();
}
