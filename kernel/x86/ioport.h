/* SPDX-License-Identifier: BSD-2-Clause
 *
 * I/O port ranges as capabilities. Each port is issued at most once.
 */
#ifndef KERNEL_X86_IOPORT_H
#define KERNEL_X86_IOPORT_H

#include "api/call.h"

static inline uint16_t ioport_first(struct cap c)
{
    return (uint16_t)c.w1;
}
static inline uint16_t ioport_last(struct cap c)
{
    return (uint16_t)(c.w1 >> 16);
}

enum result ioport_control_decode(struct call *c);
enum result ioport_decode(struct call *c);
/* The last capability of a range is gone: its ports can be issued again. */
void ioport_release(struct cap c);

#endif
