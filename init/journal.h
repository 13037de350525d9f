/* SPDX-License-Identifier: BSD-2-Clause
 *
 * init's own log: on the serial port until the console service has it, then in the service's ring,
 * which also gets what was said before.
 */
#ifndef INIT_JOURNAL_H
#define INIT_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sel4/sel4.h>

/* Before anything is said. serial: the port is open (serial.h). */
void journal_start(bool serial);

/* Nothing goes to the serial port any more: its ports are about to be given away. */
void journal_leave_serial(void);
/* The ports could not be given away and are init's again: what was said meanwhile is shown. */
void journal_return_to_serial(void);

/* From now on into the ring of size bytes at memory; reader is signalled. */
void journal_enter_ring(void *memory, uint64_t size, seL4_CPtr reader);

#endif
