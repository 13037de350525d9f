/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The end of a component that found itself broken. Not for what a guest, a caller or a file may do:
 * that is an error to return.
 */
#ifndef RT_PANIC_H
#define RT_PANIC_H

/* Logs the message and stops the calling thread by an invalid instruction, a fault for its handler.
 */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
