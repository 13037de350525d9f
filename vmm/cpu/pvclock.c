/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/cpu/pvclock.h"

#include "vmm/vm.h"

#define NS_PER_S        1000000000ull
#define TIME_ENABLE     1u
#define FLAG_TSC_STABLE 1u

void pvclock_scale(uint64_t tsc_hz, uint32_t *multiplier, int8_t *shift)
{
    /* Bring the frequency into (1 GHz, 2 GHz] so that the 32-bit multiplier uses its top bit. */
    int8_t places = 0;
    while (tsc_hz > 2 * NS_PER_S) {
        tsc_hz >>= 1;
        places--;
    }
    while (tsc_hz <= NS_PER_S) {
        tsc_hz <<= 1;
        places++;
    }
    *multiplier = (uint32_t)(ratio_make(NS_PER_S, tsc_hz).fraction >> 32);
    *shift = places;
}

/*
 * The TSC is one for all cores and never stops, so the structure is the same for every vCPU but for
 * its TSC offset, says "stable", and is written once. System time is 0 at guest TSC 0.
 */
bool pvclock_write_time(struct vcpu *vcpu, uint64_t value)
{
    vcpu->msr.kvm_system_time = value;
    if ((value & TIME_ENABLE) == 0)
        return true;
    struct vm *vm = vcpu->vm;
    struct pvclock_time time = {0};
    vcpu->msr.kvm_version += 2;
    time.version = vcpu->msr.kvm_version;
    time.tsc_timestamp = vcpu->apic.tsc_offset - vm->tsc_offset;
    pvclock_scale(vm->clock.hz, &time.tsc_to_system_mul, &time.tsc_shift);
    time.flags = FLAG_TSC_STABLE;
    return memory_write(&vm->memory, gpa(value & ~3ull), &time, sizeof(time)) == MEMORY_OK;
}

bool pvclock_write_wall(struct vcpu *vcpu, uint64_t value)
{
    struct vm *vm = vcpu->vm;
    /* The wall clock when system time was 0, that is when the guest's TSC was 0. */
    uint64_t zero_tsc = 0 - vm->tsc_offset;
    struct ratio to_ns = ratio_make(NS_PER_S, vm->clock.hz);
    uint64_t wall = vm->wall_ns;
    if (zero_tsc >= vm->wall_tsc)
        wall += ratio_apply(to_ns, zero_tsc - vm->wall_tsc);
    else
        wall -= ratio_apply(to_ns, vm->wall_tsc - zero_tsc);
    struct pvclock_wall record = {
        .version = 2,
        .seconds = (uint32_t)(wall / NS_PER_S),
        .nanoseconds = (uint32_t)(wall % NS_PER_S),
    };
    vcpu->msr.kvm_wall_clock = value;
    return memory_write(&vm->memory, gpa(value), &record, sizeof(record)) == MEMORY_OK;
}
