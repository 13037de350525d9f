/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/vcpu/access.h"

#include <stddef.h>

#include "vmm/vcpu/known.h"
#include "vmm/vm.h"

#define RIGHTS_BIG (1u << 14)

static bool long_mode(const struct vcpu *vcpu)
{
    return known_is_long_mode(vcpu->mr);
}

unsigned access_mode(const struct vcpu *vcpu)
{
    if (long_mode(vcpu))
        return 8;
    return (vcpu->mr[QUOIN_VM_CS_RIGHTS] & RIGHTS_BIG) != 0 ? 4 : 2;
}

void access_walk_state(struct vcpu *vcpu, struct walk_state *state)
{
    state->cr0 = vcpu->mr[QUOIN_VM_CR0];
    state->cr3 = vcpu->mr[QUOIN_VM_CR3];
    state->cr4 = vcpu->mr[QUOIN_VM_CR4];
    state->efer = vcpu->mr[QUOIN_VM_EFER];
    /* CS.DPL is the privilege level but for conforming segments, which no kernel uses; SS.DPL would
     * cost a call to the kernel on every fetch. */
    state->user = (state->cr0 & 1) != 0 && ((vcpu->mr[QUOIN_VM_CS_RIGHTS] >> 5) & 3) == 3;
}

uint64_t access_mask(uint64_t offset, unsigned address_size)
{
    return address_size >= 8 ? offset : offset & bus_mask(address_size);
}

uint64_t access_linear(struct vcpu *vcpu, unsigned segment, uint64_t offset)
{
    if (long_mode(vcpu)) {
        if (segment != SEGMENT_FS && segment != SEGMENT_GS)
            return offset;
        return vcpu->operations->read(vcpu, FIELD_BASE(segment)) + offset;
    }
    uint64_t base = segment == SEGMENT_CS ? vcpu->mr[QUOIN_VM_CS_BASE]
                                          : vcpu->operations->read(vcpu, FIELD_BASE(segment));
    return (base + offset) & 0xffffffff;
}

uint64_t access_read_physical(struct vcpu *vcpu, uint64_t address, unsigned size)
{
    struct vm *vm = vcpu->vm;
    uint64_t value = 0;
    if (memory_read(&vm->memory, gpa(address), &value, size) == MEMORY_OK)
        return value;
    return bus_read(&vm->mmio, address, size);
}

void access_write_physical(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value)
{
    struct vm *vm = vcpu->vm;
    if (memory_write(&vm->memory, gpa(address), &value, size) != MEMORY_OK)
        bus_write(&vm->mmio, address, size, value);
}

static int translate(struct vcpu *vcpu, uint64_t linear, uint32_t access, uint64_t *address)
{
    struct walk_state state;
    struct walk_result result;
    access_walk_state(vcpu, &state);
    int error = walk_translate(&vcpu->vm->memory, &state, linear, access, &result);
    if (error == WALK_ERROR_FAULT) {
        vcpu_raise_page_fault(vcpu, linear, result.error);
        return ACCESS_FAULT;
    }
    *address = result.gpa;
    return error == WALK_OK ? ACCESS_OK : ACCESS_FAILED;
}

/* Bytes of the access that lie in the first page. */
static unsigned first_part(uint64_t linear, unsigned size)
{
    uint64_t rest = 0x1000 - (linear & 0xfff);
    return rest < size ? (unsigned)rest : size;
}

static uint64_t read_bytes(struct vcpu *vcpu, uint64_t address, unsigned size)
{
    if (size == 1 || size == 2 || size == 4 || size == 8)
        return access_read_physical(vcpu, address, size);
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= access_read_physical(vcpu, address + i, 1) << (i * 8);
    return value;
}

static void write_bytes(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value)
{
    if (size == 1 || size == 2 || size == 4 || size == 8) {
        access_write_physical(vcpu, address, size, value);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        access_write_physical(vcpu, address + i, 1, (value >> (i * 8)) & 0xff);
}

int access_read(struct vcpu *vcpu, uint64_t linear, unsigned size, uint64_t *value)
{
    uint64_t first;
    uint64_t second = 0;
    unsigned part = first_part(linear, size);
    int error = translate(vcpu, linear, 0, &first);
    if (error == ACCESS_OK && part < size)
        error = translate(vcpu, linear + part, 0, &second);
    if (error != ACCESS_OK)
        return error;
    *value = read_bytes(vcpu, first, part);
    if (part < size)
        *value |= read_bytes(vcpu, second, size - part) << (part * 8);
    return ACCESS_OK;
}

int access_write(struct vcpu *vcpu, uint64_t linear, unsigned size, uint64_t value)
{
    uint64_t first;
    uint64_t second = 0;
    unsigned part = first_part(linear, size);
    int error = translate(vcpu, linear, WALK_WRITE, &first);
    if (error == ACCESS_OK && part < size)
        error = translate(vcpu, linear + part, WALK_WRITE, &second);
    if (error != ACCESS_OK)
        return error;
    write_bytes(vcpu, first, part, value & bus_mask(part));
    if (part < size)
        write_bytes(vcpu, second, size - part, value >> (part * 8));
    return ACCESS_OK;
}

int access_probe_write(struct vcpu *vcpu, uint64_t linear, unsigned size)
{
    uint64_t address;
    unsigned part = first_part(linear, size);
    int error = translate(vcpu, linear, WALK_WRITE, &address);
    if (error == ACCESS_OK && part < size)
        error = translate(vcpu, linear + part, WALK_WRITE, &address);
    return error;
}

/* Reads up to 15 bytes at RIP; a second page that is not mapped ends them early. */
static int fetch_bytes(struct vcpu *vcpu, uint8_t *bytes, size_t *count)
{
    struct walk_state state;
    struct walk_result result;
    uint64_t linear = access_linear(vcpu, SEGMENT_CS, vcpu_rip(vcpu));
    access_walk_state(vcpu, &state);
    *count = 0;
    while (*count < INSN_MAX_LENGTH) {
        unsigned part = first_part(linear + *count, (unsigned)(INSN_MAX_LENGTH - *count));
        int error = walk_translate(&vcpu->vm->memory, &state, linear + *count, WALK_FETCH, &result);
        if (error == WALK_OK &&
            memory_read(&vcpu->vm->memory, gpa(result.gpa), bytes + *count, part) != MEMORY_OK)
            error = WALK_ERROR_MEMORY;
        if (error != WALK_OK) {
            if (*count != 0)
                return ACCESS_OK;
            if (error == WALK_ERROR_MEMORY)
                return ACCESS_FAILED;
            vcpu_raise_page_fault(vcpu, linear, result.error);
            return ACCESS_FAULT;
        }
        *count += part;
    }
    return ACCESS_OK;
}

int access_fetch(struct vcpu *vcpu, const struct exit *exit, const struct insn **insn)
{
    uint8_t bytes[INSN_MAX_LENGTH];
    size_t count;
    *insn = known_find(vcpu);
    if (*insn == NULL)
        *insn = known_learn(vcpu);
    if (*insn != NULL)
        return ACCESS_OK;
    if (exit->byte_count != 0 &&
        insn_decode(exit->bytes, exit->byte_count, access_mode(vcpu), &vcpu->insn) == INSN_OK) {
        *insn = &vcpu->insn;
        return ACCESS_OK;
    }
    int error = fetch_bytes(vcpu, bytes, &count);
    if (error != ACCESS_OK)
        return error;
    switch (insn_decode(bytes, count, access_mode(vcpu), &vcpu->insn)) {
    case INSN_OK:
        *insn = &vcpu->insn;
        return ACCESS_OK;
    case INSN_ERROR_LONG:
        vcpu_raise_error(vcpu, EXCEPTION_GP, 0);
        return ACCESS_FAULT;
    default:
        return ACCESS_FAILED;
    }
}
