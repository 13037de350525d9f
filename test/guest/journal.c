/* SPDX-License-Identifier: BSD-2-Clause
 *
 * journal FILE [append]: checks that FILE holds whole records, 1, 2, 3 and so on, as they were
 * written, and says how many. Then it appends further ones and tells of each when it is on stable
 * storage, without end. The machine may lose its power at any moment.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RECORD = 256 };

/* Record n: its number, then bytes that no other record has there. */
static void fill(uint64_t n, uint8_t record[RECORD])
{
    uint64_t state = n * 0x9e3779b97f4a7c15ull + 1;
    memcpy(record, &n, sizeof(n));
    for (unsigned i = sizeof(n); i < RECORD; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        record[i] = (uint8_t)state;
    }
}

int main(int argc, char **argv)
{
    uint8_t found[RECORD];
    uint8_t right[RECORD];
    uint64_t count = 0;
    int file = argc < 2 ? -1 : open(argv[1], O_RDWR | O_CREAT, 0644);
    ssize_t length;
    if (file < 0) {
        perror("journal");
        return 1;
    }
    while ((length = read(file, found, RECORD)) == RECORD) {
        fill(count + 1, right);
        if (memcmp(found, right, RECORD) != 0) {
            printf("journal: record %lu is wrong\n", (unsigned long)count + 1);
            return 1;
        }
        count++;
    }
    printf("journal: %lu records\n", (unsigned long)count);
    fflush(stdout);
    /* A record that was never told of may be there in part. */
    if (ftruncate(file, (off_t)count * RECORD) != 0 || lseek(file, 0, SEEK_END) < 0)
        return 1;
    for (; argc > 2; count++) {
        fill(count + 1, right);
        if (write(file, right, RECORD) != RECORD || fsync(file) != 0) {
            perror("journal");
            return 1;
        }
        printf("stable %lu\n", (unsigned long)count + 1);
        fflush(stdout);
    }
    return close(file) != 0;
}
