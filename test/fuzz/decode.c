/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The instruction decoder on any bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "vmm/decode/insn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned modes[] = {2, 4, 8};
    for (unsigned i = 0; i < 3; i++) {
        struct insn insn;
        int result = insn_decode(data, size, modes[i], &insn);
        if (result != INSN_OK)
            continue;
        if (insn.length == 0 || insn.length > INSN_MAX_LENGTH || insn.length > size)
            abort();
        /* What lies behind an instruction does not change it. */
        struct insn again;
        if (insn_decode(data, insn.length, modes[i], &again) != INSN_OK ||
            again.length != insn.length)
            abort();
    }
    return 0;
}
