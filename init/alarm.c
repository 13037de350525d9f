/* SPDX-License-Identifier: BSD-2-Clause */
#include "alarm.h"

#include <sel4/quoin.h>

static seL4_CPtr alarm_timer;
static uint64_t deadlines[ALARM_USERS];

void alarm_init(seL4_CPtr timer)
{
    alarm_timer = timer;
}

void alarm_set(enum alarm_user user, uint64_t deadline)
{
    uint64_t next = 0;

    deadlines[user] = deadline;
    for (unsigned i = 0; i < ALARM_USERS; i++) {
        if (deadlines[i] != 0 && (next == 0 || deadlines[i] < next)) {
            next = deadlines[i];
        }
    }
    if (next != 0 && alarm_timer != 0) {
        (void)seL4_QuoinTimer_Arm(alarm_timer, next);
    }
}
