/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The MSR permission map (AMD APM vol. 2, 15.11): two bits an MSR, read then write, set where an
 * access exits; three ranges of 0x2000 MSRs, 2 KiB each. MSRs outside them always exit.
 */
#include "x86/svm/svm.h"

void svm_allow_msr(struct vcpu *v, uint32_t msr, bool read, bool write)
{
    static const uint32_t first[] = {0, 0xc0000000u, 0xc0010000u};
    for (unsigned i = 0; i < ARRAY_SIZE(first); i++) {
        uint32_t offset = msr - first[i];
        if (offset >= 0x2000)
            continue;
        uint8_t *byte = vcpu_msr_map(v) + i * 0x800 + offset / 4;
        unsigned shift = offset % 4 * 2;
        unsigned bits = (read ? 0u : 1u) | (write ? 0u : 2u);
        *byte = (uint8_t)((*byte & ~(3u << shift)) | bits << shift);
        return;
    }
}
