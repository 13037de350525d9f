/* SPDX-License-Identifier: BSD-2-Clause
 *
 * COM1 through an I/O port capability: the root task's first way to be heard.
 */
#ifndef INIT_SERIAL_H
#define INIT_SERIAL_H

#include <stddef.h>
#include <sel4/bootinfo.h>

/* Puts a capability for COM1's ports into slot, an empty one of the root CNode. */
seL4_Error serial_open(seL4_SlotPos slot);

/* The port is no longer init's; the caller deletes the capability. */
void serial_close(void);

/* Writes length bytes, with a carriage return before each line feed; waits for the device. */
void serial_write(const char *text, size_t length);

#endif
