/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tests of durations: several tries.
 */
#include "harness.h"

enum { TRIES = 50 };

static struct {
    const char *file;
    int line;
    const char *what;
    seL4_Word value, high;
} last;

bool timed_in_range(const char *file, int line, const char *what, seL4_Word value, seL4_Word low,
                    seL4_Word high)
{
    last.file = file;
    last.line = line;
    last.what = what;
    last.value = value;
    last.high = high;
    return value >= low && value <= high;
}

void timed_run(bool (*body)(void))
{
    for (int i = 0; i < TRIES; i++) {
        if (body()) {
            return;
        }
        thread_suspend_all();
    }
    test_fail(last.file, last.line, last.what, true, last.value, last.high);
}
