/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The whole user API: seL4 16.0.0's names on x86-64 with MCS, and Quoin's extensions.
 */
#ifndef SEL4_SEL4_H
#define SEL4_SEL4_H

#include <sel4/bootinfo.h>
#include <sel4/constants.h>
#include <sel4/debug.h>
#include <sel4/faults.h>
#include <sel4/invocation_cnode.h>
#include <sel4/invocation_io.h>
#include <sel4/invocation_quoin.h>
#include <sel4/invocation_sched.h>
#include <sel4/invocation_tcb.h>
#include <sel4/invocation_vcpu.h>
#include <sel4/invocation_vspace.h>
#include <sel4/ipc.h>
#include <sel4/labels.h>
#include <sel4/quoin.h>
#include <sel4/syscalls.h>
#include <sel4/types.h>

#endif
