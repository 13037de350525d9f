/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A program for the guest: for each line on the console, what its clocks say, in nanoseconds.
 */
#include <stdio.h>
#include <time.h>

static long long now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

int main(void)
{
    char line[64];
    puts("clocks ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        printf("clocks %lld %lld\n", now(CLOCK_REALTIME), now(CLOCK_MONOTONIC));
        fflush(stdout);
    }
    return 0;
}
