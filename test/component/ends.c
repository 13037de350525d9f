/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Linked around the entries of a driver that is to end by itself in a test: two seconds after each
 * start it faults. It must have no disk, whose timer this one is else.
 */
#include <component/component.h>

enum { SECONDS = 2 };

extern microkit_channel tick_id;

void __real_init(void);
void __wrap_init(void);
void __real_notified(microkit_channel channel);
void __wrap_notified(microkit_channel channel);

void __wrap_init(void)
{
    __real_init();
    component_timer_arm(tick_id, component_tsc() + SECONDS * component_info->tsc_hz);
}

void __wrap_notified(microkit_channel channel)
{
    if (channel == tick_id)
        __builtin_trap();
    __real_notified(channel);
}
