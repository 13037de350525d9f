/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who speaks to init: badges of messages at its endpoint, and bits of its notification.
 */
#ifndef INIT_BADGE_H
#define INIT_BADGE_H

/* Messages: a kind and a number. */
#define BADGE_KIND           0xff00ull
#define BADGE_NUMBER         0x00ffull
#define BADGE_VM_FAULT       0x0100ull /* number: slot */
#define BADGE_VM_ENDING      0x0200ull /* likewise; one word: enum vmm_ending */
#define BADGE_COMPONENT      0x0300ull /* a component's fault; number: in the system table */
#define BADGE_REQUEST        0x0400ull /* a component's call, likewise: component/layout.h */
#define BADGE_VM_BALLOON     0x0500ull /* a VMM's call; number: slot: enum vmm_balloon */
#define BADGE_IS_SIGNAL      (1ull << 63)
#define BADGE_SIGNAL_TIME    (BADGE_IS_SIGNAL | 1)
#define BADGE_SIGNAL_COMMAND (BADGE_IS_SIGNAL | 2)
#define BADGE_SIGNAL_ALIVE   (1ull << 8) /* shifted by the component's number, below 32 */

#endif
