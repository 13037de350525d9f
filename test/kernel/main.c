/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Runs every test and says how each ended: a line `test NAME ... ok`, `... skip REASON` or
 * `... FAIL file:line reason`, and last `kernel tests: N passed, N failed`.
 */
#include <string.h>

#include <rt/component.h>

#include "harness.h"

enum { TEST_SECONDS = 60 };

extern const struct test *const __start_kernel_tests[];
extern const struct test *const __stop_kernel_tests[];

struct outcome outcome;
seL4_CPtr test_tcb;
seL4_CPtr test_sc;

/* A tool may put the beginning of a name here before the image is started, to run these tests only.
 */
__attribute__((used, section(".data.test_filter"))) volatile char test_filter[64] = "";

static void end_thread(void)
{
    struct thread *self = thread_self();

    if (self == NULL) {
        console_string("the harness failed: ");
        console_string(outcome.file);
        console_string(":");
        console_number((seL4_Word)outcome.line);
        console_string(" ");
        console_string(outcome.reason);
        console_string("\nkernel tests: 0 passed, 1 failed\n");
    } else if (!self->foreign) {
        seL4_Signal(test_done);
    }
    /* The watchdog sees the verdict of a thread that cannot signal. */
    for (;;) {
        __asm__ volatile("ud2");
    }
}

static void end_with(enum verdict verdict, const char *file, int line, const char *reason,
                     bool has_values, seL4_Word a, seL4_Word b)
{
    if (outcome.verdict == VERDICT_RUNNING) {
        outcome.file = file;
        outcome.line = line;
        outcome.reason = reason;
        outcome.has_values = has_values;
        outcome.a = a;
        outcome.b = b;
        outcome.verdict = verdict;
    }
}

_Noreturn void test_fail(const char *file, int line, const char *reason, bool has_values,
                         seL4_Word a, seL4_Word b)
{
    end_with(VERDICT_FAILED, file, line, reason, has_values, a, b);
    end_thread();
    __builtin_unreachable();
}

_Noreturn void test_skip(const char *reason)
{
    end_with(VERDICT_SKIPPED, "", 0, reason, false, 0, 0);
    end_thread();
    __builtin_unreachable();
}

static void test_entry(struct thread *self)
{
    const struct test *test = (const struct test *)self->arg[0];

    test->run();
    end_with(VERDICT_PASSED, "", 0, "", false, 0, 0);
    seL4_Signal(test_done);
}

static void run_test(const struct test *test)
{
    struct thread *thread;

    memset(&outcome, 0, sizeof(outcome));
    thread = thread_new(TEST_PRIORITY);
    test_tcb = thread->tcb;
    test_sc = thread->sc;
    watch_begin(TEST_SECONDS * 1000000ull);
    thread_start(thread, test_entry, (seL4_Word)(uintptr_t)test, 0, 0);
    seL4_Wait(test_done, NULL);
    if (outcome.verdict == VERDICT_RUNNING) {
        outcome.verdict = VERDICT_TIMEOUT;
    }
    watch_end();
    object_reset();
    thread_reset();
}

static void report(void)
{
    switch (outcome.verdict) {
    case VERDICT_PASSED:
        console_string("ok\n");
        break;
    case VERDICT_SKIPPED:
        console_string("skip ");
        console_string(outcome.reason);
        console_string("\n");
        break;
    case VERDICT_FAILED:
        console_string("FAIL ");
        console_string(outcome.file);
        console_string(":");
        console_number((seL4_Word)outcome.line);
        console_string(" ");
        console_string(outcome.reason);
        if (outcome.has_values) {
            console_string(" (");
            console_hex(outcome.a);
            console_string(", ");
            console_hex(outcome.b);
            console_string(")");
        }
        console_string("\n");
        break;
    case VERDICT_RUNNING:
    case VERDICT_TIMEOUT:
        console_string("FAIL test/kernel/main.c:0 did not end in time\n");
        break;
    }
}

static bool wanted(const char *name)
{
    for (size_t i = 0; i < sizeof(test_filter) && test_filter[i] != '\0'; i++) {
        if (name[i] != test_filter[i]) {
            return false;
        }
    }
    return true;
}

void component_main(const seL4_BootInfo *info)
{
    seL4_Word passed = 0, failed = 0, skipped = 0;

    boot_info = info;
    object_init();
    watch_init();
    console_init();
    object_seal();
    thread_seal();
    for (const struct test *const *test = __start_kernel_tests; test < __stop_kernel_tests;
         test++) {
        if (!wanted((*test)->name)) {
            continue;
        }
        console_string("test ");
        console_string((*test)->name);
        console_string(" ... ");
        run_test(*test);
        report();
        passed += outcome.verdict == VERDICT_PASSED;
        skipped += outcome.verdict == VERDICT_SKIPPED;
        failed += outcome.verdict == VERDICT_FAILED || outcome.verdict == VERDICT_TIMEOUT;
    }
    console_number(skipped);
    console_string(" tests skipped\nkernel tests: ");
    console_number(passed);
    console_string(" passed, ");
    console_number(failed);
    console_string(" failed\n");
    for (;;) {
        seL4_TCB_Suspend(seL4_CapInitThreadTCB);
    }
}
