/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes a million samples of lib/entropy's times of work, as they come, for estimate.py.
 */
#include <entropy/jitter.h>
#include <stdio.h>

int main(void)
{
    static struct jitter jitter;
    uint8_t noise[8];

    jitter_initialize(&jitter);
    for (unsigned i = 0; i < 1000000 / sizeof noise; i++) {
        jitter_read(&jitter, noise);
        if (fwrite(noise, sizeof noise, 1, stdout) != 1)
            return 1;
    }
    return 0;
}
