/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hostile guest: any sequence of exits, with any registers, on a machine with two vCPUs. Its own
 * VM may stop; nothing else may happen. The input is a list of 20-byte records.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "machine.h"

#define RECORD 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t get(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (i * 8);
    return value;
}

/* Addresses of device memory are rare among random numbers. */
static uint64_t device_address(uint64_t seed)
{
    static const uint64_t bases[] = {APIC_BASE,
                                     IOAPIC_BASE,
                                     HPET_BASE,
                                     PCI_ECAM_BASE,
                                     PCI_WINDOW_BASE,
                                     0x4000000000ull,
                                     PCI_ECAM_BASE + 0xf8000,
                                     0xd0000000};
    return bases[seed & 7] + ((seed >> 3) & 0xfff);
}

static void run(struct machine *m, const uint8_t *r)
{
    struct vcpu *vcpu = &m->vm.vcpu[r[1] & 1];
    struct exit exit = {.kind = (enum exit_kind)(r[0] % EXIT_KIND_COUNT)};
    uint64_t value = get(r + 4, 8);
    vm_set_current(&m->vm, vcpu);
    exit.length = r[2] & 0xf;
    exit.port.number = (uint16_t)get(r + 2, 2);
    exit.port.size = (uint8_t)(1u << (r[1] >> 1) % 3);
    exit.port.in = (r[1] & 8) != 0;
    exit.port.string = (r[1] & 0x30) == 0x30;
    exit.memory.gpa = device_address(get(r + 2, 2));
    exit.memory.write = (r[1] & 8) != 0;
    exit.cr.decoded = (r[1] & 4) != 0;
    exit.cr.number = r[2] & 0xf;
    exit.cr.write = (r[1] & 8) != 0;
    exit.cr.gpr = r[3] & 0xf;
    if ((r[1] & 0x40) != 0)
        exit.vectoring.info = get(r + 12, 4);
    for (unsigned i = 0; i < 16; i++) {
        if ((r[3] & (1u << (i / 2))) != 0)
            vcpu_set_gpr(vcpu, i, value >> i);
    }
    if (exit.kind == EXIT_MSR_READ || exit.kind == EXIT_MSR_WRITE)
        vcpu_set_gpr(vcpu, 1, get(r + 12, 4));
    memcpy(m->memory + 0x100000, r + 4, 16);
    vcpu->mr[QUOIN_VM_RIP] = 0x100000;
    if (exit.kind == EXIT_ENTRY_FAILED || exit.kind == EXIT_SHUTDOWN)
        return;
    vcpu_handle(vcpu, &exit);
    if ((r[1] & 0x80) != 0)
        machine_advance(m, value & 0xffffff);
    vcpu_prepare(vcpu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct machine *m = machine_create(2, (data[0] & 1) != 0 ? VM_VENDOR_INTEL : VM_VENDOR_AMD);
    if ((data[0] & 2) != 0)
        machine_long_mode(m, 0x100000);
    for (size_t at = 1; size - at >= RECORD; at += RECORD) {
        run(m, data + at);
        m->vm.state = VM_RUNNING; /* go on: the next access meets whatever state that left */
        m->message[0] = 0;
        m->output_length = 0;
    }
    machine_destroy(m);
    return 0;
}
