/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the small guest's files share.
 */
#ifndef TEST_VM_CONSOLE_H
#define TEST_VM_CONSOLE_H

#include <stdint.h>

/* Writes to COM1, waiting for it where it must. */
void put_text(const char *text);
void put_number(uint32_t value);

/* Sleeps with HLT and wakes by the local APIC's timer, without end; after each 64 times it says how
 * late the interrupts came: "wake MEDIAN MOST", in ticks of the TSC. */
void sleep_run(void);

#endif
