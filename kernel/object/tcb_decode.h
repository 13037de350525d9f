/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The part of a thread's invocations that reads and writes its registers.
 */
#ifndef KERNEL_OBJECT_TCB_DECODE_H
#define KERNEL_OBJECT_TCB_DECODE_H

#include "api/call.h"

/* ReadRegisters, WriteRegisters, CopyRegisters of t. */
enum result tcb_registers_decode(struct call *c, struct tcb *t);

#endif
