/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of the kernel's functions, for panics. The table is generated from the linked kernel and
 * linked into it in a second pass.
 */
#ifndef KERNEL_X86_SYMBOLS_H
#define KERNEL_X86_SYMBOLS_H

#include "types.h"

/* The function that holds address, or null. */
const char *symbol_find(uint64_t address, uint64_t *offset);

#endif
