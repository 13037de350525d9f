/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/vcpu/operand.h"

#include "vmm/device/bus.h"
#include "vmm/vm.h"

#define PAGE OPERAND_PAGE

/* BT, BTS, BTR, BTC with a register, whose bits may lie beyond the operand itself. */
static bool has_bit_offset(const struct insn *insn)
{
    return insn->map == MAP_0F && (insn->opcode & 0xe7) == 0xa3;
}

static uint64_t linear_address(struct vcpu *vcpu, const struct insn *insn)
{
    uint64_t offset = (uint64_t)insn->displacement;
    if (insn->base != INSN_NO_REGISTER)
        offset += vcpu_gpr(vcpu, insn->base);
    if (insn->index != INSN_NO_REGISTER)
        offset += vcpu_gpr(vcpu, insn->index) * insn->scale;
    if (insn->rip_relative)
        offset += vcpu_rip(vcpu) + insn->length;
    if (has_bit_offset(insn)) {
        unsigned shift = 64 - insn->operand_size * 8u;
        int64_t bit = (int64_t)(vcpu_gpr(vcpu, insn->reg) << shift) >> shift;
        unsigned log = insn->operand_size == 8 ? 6 : insn->operand_size == 4 ? 5 : 4;
        offset += (uint64_t)(bit >> log) * insn->operand_size;
    }
    return access_linear(vcpu, insn->segment, access_mask(offset, insn->address_size));
}

struct operand operand_of(struct vcpu *vcpu, const struct exit *exit, const struct insn *insn)
{
    struct operand operand = {
        .vcpu = vcpu, .insn = insn, .gpa = exit->memory.gpa, .size = insn->operand_size};
    operand.split = operand_may_split(operand.gpa);
    if (operand.split)
        operand.linear = linear_address(vcpu, insn);
    return operand;
}

/* An operand whose bytes are all in the page of the exit needs no page tables. */
static bool by_address(const struct operand *operand, unsigned offset, unsigned size)
{
    if (!operand->split)
        return true;
    return operand->linear % PAGE == operand->gpa % PAGE &&
           operand->gpa % PAGE + offset + size <= PAGE;
}

uint64_t operand_load(struct operand *operand, unsigned offset, unsigned size)
{
    uint64_t value = 0;
    if (operand->error != ACCESS_OK)
        return 0;
    if (by_address(operand, offset, size))
        return bus_read(&operand->vcpu->vm->mmio, operand->gpa + offset, size);
    operand->error = access_read(operand->vcpu, operand->linear + offset, size, &value);
    return value;
}

void operand_store(struct operand *operand, unsigned offset, unsigned size, uint64_t value)
{
    if (operand->error != ACCESS_OK)
        return;
    if (by_address(operand, offset, size))
        bus_write(&operand->vcpu->vm->mmio, operand->gpa + offset, size, value & bus_mask(size));
    else
        operand->error = access_write(operand->vcpu, operand->linear + offset, size, value);
}

static bool is_high_byte(const struct operand *operand, unsigned number, unsigned size)
{
    return size == 1 && operand->insn->rex == 0 && number >= 4 && number < 8;
}

uint64_t operand_register(const struct operand *operand, unsigned number, unsigned size)
{
    if (is_high_byte(operand, number, size))
        return (vcpu_gpr(operand->vcpu, number - 4) >> 8) & 0xff;
    return vcpu_gpr(operand->vcpu, number) & bus_mask(size);
}

void operand_set_register(const struct operand *operand, unsigned number, unsigned size,
                          uint64_t value)
{
    struct vcpu *vcpu = operand->vcpu;
    unsigned shift = 0;
    if (operand->error != ACCESS_OK)
        return;
    if (is_high_byte(operand, number, size)) {
        number -= 4;
        shift = 8;
    }
    uint64_t mask = size == 4 ? UINT64_MAX : bus_mask(size) << shift;
    value = (value & bus_mask(size)) << shift;
    vcpu_set_gpr(vcpu, number, (vcpu_gpr(vcpu, number) & ~mask) | value);
}

void operand_set_flags(const struct operand *operand, uint64_t flags)
{
    if (operand->error == ACCESS_OK)
        vcpu_set_rflags(operand->vcpu, flags);
}
