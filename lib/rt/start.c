/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the first instruction to component_main(): thread-local data and IPC buffer of the first
 * thread.
 */
#include <rt/component.h>
#include <rt/panic.h>
#include <rt/tls.h>

static struct rt_tls_block first_thread_tls;

void rt_start(const seL4_BootInfo *info);

/* Called by _start. */
void rt_start(const seL4_BootInfo *info)
{
    tls_enter(&first_thread_tls, info->ipcBuffer);
    component_main(info);
    panic("component_main returned");
}
