/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The root task: says what the kernel handed over.
 */
#include <rt/component.h>
#include <rt/log.h>
#include <sel4/sel4.h>

#include "bootinfo_print.h"
#include "serial.h"

void component_main(const seL4_BootInfo *info)
{
    /* Without COM1 there is nobody to tell; a debug kernel's own console is for the kernel. */
    if (serial_open(info->empty.start) == seL4_NoError) {
        log_set_sink(serial_write, "quoin init");
    }
    log_info("root task is up on %lu processor%s", info->numNodes, info->numNodes == 1 ? "" : "s");
    bootinfo_print(info);
    log_info("done");
    seL4_TCB_Suspend(seL4_CapInitThreadTCB);
}
