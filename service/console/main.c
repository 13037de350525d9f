/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The console: the one component that has the serial port. It gathers every component's log, keeps
 * the virtual machines' consoles, and shows one of them (or the status page) to the user.
 */
#include <microkit.h>

#include "logs.h"
#include "machines.h"
#include "remote.h"
#include "status.h"
#include "uart.h"
#include "view.h"

/* Set by the system description. */
extern uint8_t uart_irq_id;
extern microkit_channel status_timer;
microkit_channel logs_first_id = 40;

void init(void)
{
    view_start();
    logs_start();
    machines_start();
    uart_start();
    remote_start();
    for (unsigned i = 0; logs_drain(i); i++) {
    }
    machines_changed();
}

void notified(microkit_channel ch)
{
    if (ch == uart_irq_id) {
        uart_interrupt();
    } else if (ch == machines_id) {
        machines_changed();
        status_draw();
    } else if (ch == remote_channel) {
        remote_notified();
    } else if (ch == status_timer) {
        status_tick();
    } else if (ch >= machines_first_id && ch - machines_first_id < machines_count()) {
        machines_drain(ch - machines_first_id);
    } else if (ch >= logs_first_id) {
        (void)logs_drain(ch - logs_first_id);
    }
    uart_send();
    if (machines_go_on()) {
        uart_send();
    }
    remote_send();
}
