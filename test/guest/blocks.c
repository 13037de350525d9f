/* SPDX-License-Identifier: BSD-2-Clause
 *
 * blocks DEVICE COUNT: 64 MiB written and read one after the other, then 4 KiB at COUNT places, all
 * past the page cache. What lies between two of the marks is what ./quoin bench io counts; the
 * program is linked where no other one stands.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 256 * 1024, PIECES = 256, SMALL = 4096 };

#define MARK(name)                             \
    __attribute__((noinline)) void name(void); \
    void name(void)                            \
    {                                          \
        __asm__ volatile("");                  \
    }

MARK(mark_write)
MARK(mark_read)
MARK(mark_random)
MARK(mark_end)

int main(int argc, char **argv)
{
    int device = argc < 3 ? -1 : open(argv[1], O_RDWR | O_DIRECT);
    uint8_t *data = aligned_alloc(SMALL, PIECE);
    uint64_t state = 1;
    if (device < 0 || data == NULL)
        return 1;
    unsigned long places = strtoul(argv[2], NULL, 10);
    memset(data, 0x5a, PIECE);
    mark_write();
    for (unsigned i = 0; i < PIECES; i++) {
        if (pwrite(device, data, PIECE, (off_t)i * PIECE) != PIECE)
            return 1;
    }
    if (fsync(device) != 0)
        return 1;
    mark_read();
    for (unsigned i = 0; i < PIECES; i++) {
        if (pread(device, data, PIECE, (off_t)i * PIECE) != PIECE)
            return 1;
    }
    mark_random();
    for (unsigned long i = 0; i < places; i++) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        off_t place = (off_t)((state >> 33) % ((uint64_t)PIECE * PIECES / SMALL)) * SMALL;
        if (pread(device, data, SMALL, place) != SMALL)
            return 1;
    }
    mark_end();
    printf("blocks: done\n");
    return 0;
}
