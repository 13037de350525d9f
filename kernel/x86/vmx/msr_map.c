/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The MSR bitmap (SDM vol. 3, 25.6.9): a bit an MSR, set where an access exits; reads of low and
 * high MSRs, then writes, 1 KiB each. MSRs outside both ranges always exit.
 */
#include "x86/virt_asm.h"
#include "x86/vmx/vmx.h"

enum { READ_LOW = 0, READ_HIGH = 0x400, WRITE_LOW = 0x800, WRITE_HIGH = 0xc00 };

static void set_bit(uint8_t *map, uint32_t bit, bool exits)
{
    uint8_t mask = (uint8_t)(1u << bit % 8);
    map[bit / 8] = (uint8_t)(exits ? map[bit / 8] | mask : map[bit / 8] & ~mask);
}

void vmx_allow_msr(struct vcpu *v, uint32_t msr, bool read, bool write)
{
    uint8_t *map = vcpu_msr_map(v);
    bool high = msr >= 0xc0000000u;
    uint32_t bit = high ? msr - 0xc0000000u : msr;
    if (bit >= 0x2000)
        return;
    set_bit(map + (high ? READ_HIGH : READ_LOW), bit, !read);
    set_bit(map + (high ? WRITE_HIGH : WRITE_LOW), bit, !write);
    if (write && (msr == MSR_STAR || msr == MSR_LSTAR || msr == MSR_CSTAR || msr == MSR_FMASK))
        v->syscall_msrs_open = true;
}
