/* SPDX-License-Identifier: BSD-2-Clause
 *
 * init's one timer, for all who wait for a time.
 */
#ifndef INIT_ALARM_H
#define INIT_ALARM_H

#include <stdint.h>
#include <sel4/sel4.h>

enum alarm_user { ALARM_LIFE, ALARM_GUARD, ALARM_USERS };

/* The timer, which signals BADGE_SIGNAL_TIME; 0: there is none, and no time comes. */
void alarm_init(seL4_CPtr timer);

/* The user is to be asked when the TSC reaches deadline; 0: not at all. When the time is there each
 * user sees for himself what is due, and sets his alarm again. */
void alarm_set(enum alarm_user user, uint64_t deadline);

#endif
