/* SPDX-License-Identifier: BSD-2-Clause */
#include "chunk.h"

#include <stdint.h>
#include <string.h>

int chunk_read(const seL4_BootInfo *info, seL4_Word id, void *to, size_t size)
{
    const uint8_t *chunks = (const uint8_t *)info + seL4_BootInfoExtraOffset;
    seL4_Word at = 0;

    while (info->extraLen - at >= sizeof(seL4_BootInfoHeader)) {
        seL4_BootInfoHeader header;
        memcpy(&header, chunks + at, sizeof(header));
        if (header.len < sizeof(header) || header.len > info->extraLen - at) {
            return -1;
        }
        if (header.id == id) {
            if (header.len - sizeof(header) < size) {
                return -1;
            }
            memcpy(to, chunks + at + sizeof(header), size);
            return 0;
        }
        at += header.len;
    }
    return -1;
}
