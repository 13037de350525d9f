/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256's compression function, by the processor's instructions where it has them. */
#include "processor.h"
#include "sha2.h"

void sha256_compress(uint32_t h[8], const uint8_t *data, size_t blocks)
{
    if (processor_has(PQ_PROCESSOR_SHA))
        sha256_compress_ni(h, data, blocks);
    else
        sha256_compress_portable(h, data, blocks);
}
