/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The chunks of extra boot information (ABI sheet, section 4).
 */
#ifndef INIT_CHUNK_H
#define INIT_CHUNK_H

#include <stddef.h>
#include <sel4/bootinfo.h>

/* The payload of the first chunk with this id and its size; NULL: there is none. */
const void *chunk_find(const seL4_BootInfo *info, seL4_Word id, size_t *size);

/* Copies the payload of the first chunk with this id: 0, or -1 if there is none of that size. */
int chunk_read(const seL4_BootInfo *info, seL4_Word id, void *to, size_t size);

#endif
