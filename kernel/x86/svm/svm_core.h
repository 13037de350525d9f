/* SPDX-License-Identifier: BSD-2-Clause
 *
 * AMD-V: what belongs to one core.
 */
#ifndef KERNEL_X86_SVM_SVM_CORE_H
#define KERNEL_X86_SVM_SVM_CORE_H

#include "types.h"

struct svm_core {
    uint64_t host_block; /* where VMSAVE puts the host's registers */
    uint32_t next_asid;  /* never given out in this generation */
    uint32_t generation;
    bool flush_all; /* with the next VMRUN: a generation has begun */
};

#endif
