/* SPDX-License-Identifier: BSD-2-Clause */
#include "chunk.h"

#include <stdint.h>
#include <string.h>

const void *chunk_find(const seL4_BootInfo *info, seL4_Word id, size_t *size)
{
    const uint8_t *chunks = (const uint8_t *)info + seL4_BootInfoExtraOffset;
    seL4_Word at = 0;

    while (info->extraLen - at >= sizeof(seL4_BootInfoHeader)) {
        seL4_BootInfoHeader header;
        memcpy(&header, chunks + at, sizeof(header));
        if (header.len < sizeof(header) || header.len > info->extraLen - at) {
            return NULL;
        }
        if (header.id == id) {
            *size = header.len - sizeof(header);
            return chunks + at + sizeof(header);
        }
        at += header.len;
    }
    return NULL;
}

int chunk_read(const seL4_BootInfo *info, seL4_Word id, void *to, size_t size)
{
    size_t there = 0;
    const void *chunk = chunk_find(info, id, &there);

    if (!chunk || there < size) {
        return -1;
    }
    memcpy(to, chunk, size);
    return 0;
}
