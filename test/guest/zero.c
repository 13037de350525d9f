/* SPDX-License-Identifier: BSD-2-Clause
 *
 * zero DEVICE FIRST LENGTH: lets the device write zeroes, or fails.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    uint64_t range[2] = {strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0)};
    int device = open(argv[1], O_RDWR);
    if (device < 0 || ioctl(device, BLKZEROOUT, range) != 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
