/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a program's address to the function that it lies in, for fault reports. The root image has a
 * table for each program (doc/formats.md, "Symbols").
 */
#ifndef INIT_SYMBOLS_H
#define INIT_SYMBOLS_H

#include <stdint.h>

/* The function's name, and in *offset how far behind its start the address lies; "?" if the root
 * image does not tell. program: its name in the root image. */
const char *symbols_find(const char *program, uint64_t address, uint64_t *offset);

#endif
