/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes where it may only read, when it is told to.
 */
#include <component/component.h>
#include <rt/log.h>

uintptr_t shared_address; /* set by the system description */

static __attribute__((noinline)) void faulty_write(void)
{
    *(volatile uint64_t *)(shared_address + 0x18) = 1;
    log_error("written where nothing can be written");
}

void init(void)
{
}

void notified(microkit_channel ch)
{
    (void)ch;
    faulty_write();
}
