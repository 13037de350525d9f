/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the parts of the test harness need of each other; tests use test.h alone.
 */
#ifndef TEST_KERNEL_HARNESS_H
#define TEST_KERNEL_HARNESS_H

#include "test.h"

enum verdict { VERDICT_RUNNING, VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED, VERDICT_TIMEOUT };

/* The running test's outcome; the first check that fails wins. */
struct outcome {
    volatile enum verdict verdict;
    const char *file;
    int line;
    const char *reason;
    bool has_values;
    seL4_Word a, b;
};

extern struct outcome outcome;
extern bool has_debug_calls;

/* console.c: DebugPutChar where the kernel has it, else COM1. */
void console_init(void);
void console_string(const char *s);
void console_number(seL4_Word value);
void console_hex(seL4_Word value);

/* object.c: what is made before object_seal() is the harness's own and stays. */
void object_init(void);
void object_seal(void);
/* Revokes the pool and empties every slot used since. */
void object_reset(void);

/* thread.c: threads made before thread_seal() stay. */
void thread_seal(void);
void thread_reset(void);
/* Suspends the threads that the running test made, and lets their memory be used again. */
void thread_suspend_all(void);
struct thread *thread_self(void);

/* watch.c: the watchdog, which also wakes sleepers. */
void watch_init(void);
void watch_begin(uint64_t microseconds);
void watch_end(void);
extern seL4_CPtr test_done; /* notification: the running test ended */

/* machine.c: a chunk of extra bootinfo, not aligned, or NULL. */
const void *boot_info_chunk(seL4_Word id);

#endif
