/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What machine and kernel the tests run on.
 */
#include <string.h>

#include "harness.h"

const void *boot_info_chunk(seL4_Word id)
{
    const uint8_t *base = (const uint8_t *)boot_info + seL4_BootInfoExtraOffset;
    seL4_Word offset = 0;

    while (offset + sizeof(seL4_BootInfoHeader) <= boot_info->extraLen) {
        seL4_BootInfoHeader header;

        memcpy(&header, base + offset, sizeof(header));
        if (header.id == id) {
            return base + offset;
        }
        if (header.len < sizeof(header)) {
            break;
        }
        offset += header.len;
    }
    return NULL;
}

const struct quoin_extensions *extensions(void)
{
    static struct quoin_extensions found;
    const uint8_t *chunk = boot_info_chunk(QUOIN_BOOTINFO_EXTENSIONS);

    if (chunk == NULL) {
        return NULL;
    }
    memcpy(&found, chunk + sizeof(seL4_BootInfoHeader), sizeof(found));
    return &found;
}

void need_cores(seL4_Word cores)
{
    if (boot_info->numNodes < cores) {
        test_skip("needs more cores");
    }
}

void need_debug(void)
{
    if (!has_debug_calls) {
        test_skip("needs a debug kernel");
    }
}
