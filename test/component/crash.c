/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Linked around the entry of a driver that is to fail in a test: after LEAST notifications and up
 * to MORE further ones, another number each time, it faults, or goes round in a loop for ever; one
 * in HANGS_IN does the latter.
 */
#include <component/component.h>
#include <stdbool.h>

void __real_notified(microkit_channel channel);
void __wrap_notified(microkit_channel channel);

void __wrap_notified(microkit_channel channel)
{
    static unsigned left;
    static bool hang;

    if (left == 0) {
        uint64_t now = component_tsc() >> 6;
        left = LEAST + (unsigned)(now % (MORE + 1u));
        hang = (now >> 8) % HANGS_IN == 0;
    }
    if (--left > 0) {
        __real_notified(channel);
        return;
    }
    while (hang)
        __builtin_ia32_pause();
    __builtin_trap();
}
