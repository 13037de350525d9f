/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The time of day from the machine's CMOS clock.
 */
#ifndef INIT_RTC_H
#define INIT_RTC_H

#include <stdint.h>
#include <sel4/sel4.h>

/*
 * UTC in nanoseconds since 1970, to the second, and the TSC then; both 0 if the clock cannot be
 * read or shows nonsense. slot: a free slot for the I/O port capability.
 */
void rtc_read(seL4_CPtr slot, uint64_t *ns, uint64_t *tsc);

#endif
