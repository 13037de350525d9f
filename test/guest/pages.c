/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A program for the guest: writes to every page of MIB MiB of memory its own number, and reads all
 * of them back.
 *
 *     pages MIB
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

int main(int argc, char **argv)
{
    size_t mib = argc == 2 ? (size_t)atol(argv[1]) : 0;
    size_t pages = mib << 20 >> 12;
    uint8_t *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == 0 || memory == MAP_FAILED) {
        printf("no %zu MiB\n", mib);
        return 1;
    }
    madvise(memory, pages * PAGE, MADV_HUGEPAGE);
    for (size_t i = 0; i < pages; i++)
        *(volatile uint64_t *)(memory + i * PAGE) = i * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < pages; i++) {
        if (*(volatile uint64_t *)(memory + i * PAGE) != i * 0x9e3779b97f4a7c15u) {
            printf("page %zu of %zu holds something else\n", i, pages);
            return 1;
        }
    }
    printf("%zu MiB written and read\n", mib);
    return 0;
}
