/* SPDX-License-Identifier: BSD-2-Clause
 *
 * String instructions, with device memory or ports. Each element is complete before the next
 * begins, and a repeated instruction is left in between with its registers current, so that
 * interrupts and other vCPUs are not kept waiting.
 */
#include "vmm/device/bus.h"
#include "vmm/vcpu/alu.h"
#include "vmm/vcpu/emulate.h"
#include "vmm/vcpu/step.h"
#include "vmm/vm.h"

/* Elements per exit. */
#define BATCH 1024u

#define RAX 0
#define RCX 1
#define RSI 6
#define RDI 7

struct string {
    struct vcpu *vcpu;
    const struct insn *insn;
    unsigned size;
    unsigned address_size;
    uint64_t step; /* +size or -size */
};

static uint64_t register_address(const struct string *string, unsigned number)
{
    return access_mask(vcpu_gpr(string->vcpu, number), string->address_size);
}

/* Writes back at the address size: 16 bits keep the upper part, 32 bits clear it. */
static void set_address(const struct string *string, unsigned number, uint64_t value)
{
    uint64_t mask = string->address_size == 2 ? 0xffff : UINT64_MAX;
    value = access_mask(value, string->address_size);
    vcpu_set_gpr(string->vcpu, number, (vcpu_gpr(string->vcpu, number) & ~mask) | value);
}

static void advance_register(const struct string *string, unsigned number)
{
    set_address(string, number, vcpu_gpr(string->vcpu, number) + string->step);
}

static uint64_t source(const struct string *string)
{
    return access_linear(string->vcpu, string->insn->segment, register_address(string, RSI));
}

static uint64_t destination(const struct string *string)
{
    return access_linear(string->vcpu, SEGMENT_ES, register_address(string, RDI));
}

static uint64_t accumulator(const struct string *string)
{
    return vcpu_gpr(string->vcpu, RAX) & bus_mask(string->size);
}

static void set_accumulator(const struct string *string, uint64_t value)
{
    uint64_t mask = string->size == 4 ? UINT64_MAX : bus_mask(string->size);
    vcpu_set_gpr(string->vcpu, RAX, (vcpu_gpr(string->vcpu, RAX) & ~mask) | value);
}

static void compare(const struct string *string, uint64_t a, uint64_t b)
{
    uint64_t flags = string->vcpu->mr[QUOIN_VM_RFLAGS];
    alu_binary(ALU_CMP, a, b, string->size, &flags);
    vcpu_set_rflags(string->vcpu, flags);
}

static int move(const struct string *string)
{
    uint64_t value;
    int error = access_probe_write(string->vcpu, destination(string), string->size);
    if (error == ACCESS_OK)
        error = access_read(string->vcpu, source(string), string->size, &value);
    if (error == ACCESS_OK)
        error = access_write(string->vcpu, destination(string), string->size, value);
    if (error != ACCESS_OK)
        return error;
    advance_register(string, RSI);
    advance_register(string, RDI);
    return ACCESS_OK;
}

static int element(const struct string *string)
{
    struct vcpu *vcpu = string->vcpu;
    uint64_t a;
    uint64_t b;
    int error;
    switch (string->insn->opcode & 0xfe) {
    case 0xa4:
        return move(string);
    case 0xa6: /* CMPS */
        error = access_read(vcpu, source(string), string->size, &a);
        if (error == ACCESS_OK)
            error = access_read(vcpu, destination(string), string->size, &b);
        if (error != ACCESS_OK)
            return error;
        compare(string, a, b);
        advance_register(string, RSI);
        advance_register(string, RDI);
        return ACCESS_OK;
    case 0xaa: /* STOS */
        error = access_write(vcpu, destination(string), string->size, accumulator(string));
        if (error == ACCESS_OK)
            advance_register(string, RDI);
        return error;
    case 0xac: /* LODS */
        error = access_read(vcpu, source(string), string->size, &a);
        if (error != ACCESS_OK)
            return error;
        set_accumulator(string, a);
        advance_register(string, RSI);
        return ACCESS_OK;
    case 0xae: /* SCAS */
        error = access_read(vcpu, destination(string), string->size, &b);
        if (error != ACCESS_OK)
            return error;
        compare(string, accumulator(string), b);
        advance_register(string, RDI);
        return ACCESS_OK;
    default:
        return ACCESS_FAILED;
    }
}

static bool compares(const struct insn *insn)
{
    return (insn->opcode & 0xfe) == 0xa6 || (insn->opcode & 0xfe) == 0xae;
}

static void finish(const struct string *string)
{
    struct vcpu *vcpu = string->vcpu;
    vcpu_advance(vcpu, access_mask(vcpu_rip(vcpu) + string->insn->length, access_mode(vcpu)));
}

/* Repeats run() as the prefix says. An exception leaves RIP where it is. */
static int repeat(const struct string *string, int (*run)(const struct string *, const void *),
                  const void *argument)
{
    const struct insn *insn = string->insn;
    if (!insn->rep && !insn->repne) {
        int error = run(string, argument);
        if (error == ACCESS_OK)
            finish(string);
        return error == ACCESS_FAILED ? EMULATE_UNKNOWN : EMULATE_DONE;
    }
    for (unsigned i = 0; i < BATCH; i++) {
        uint64_t count = register_address(string, RCX);
        if (count == 0) {
            finish(string);
            return EMULATE_DONE;
        }
        int error = run(string, argument);
        if (error != ACCESS_OK)
            return error == ACCESS_FAILED ? EMULATE_UNKNOWN : EMULATE_DONE;
        set_address(string, RCX, count - 1);
        bool zero = (string->vcpu->mr[QUOIN_VM_RFLAGS] & FLAG_ZF) != 0;
        if (count == 1 || (compares(insn) && zero != insn->rep)) {
            finish(string);
            return EMULATE_DONE;
        }
        if ((string->vcpu->mr[QUOIN_VM_RFLAGS] & FLAG_TF) != 0) {
            step_complete(string->vcpu); /* each element is a step */
            return EMULATE_DONE;
        }
    }
    return EMULATE_DONE;
}

static struct string prepare(struct vcpu *vcpu, const struct insn *insn, unsigned size)
{
    struct string string = {vcpu, insn, size, insn->address_size, size};
    if ((vcpu->mr[QUOIN_VM_RFLAGS] & FLAG_DF) != 0)
        string.step = 0 - (uint64_t)size;
    return string;
}

static int run_element(const struct string *string, const void *argument)
{
    (void)argument;
    return element(string);
}

int emulate_string(struct vcpu *vcpu, const struct insn *insn)
{
    unsigned size = (insn->opcode & 1) != 0 ? insn->operand_size : 1;
    struct string string = prepare(vcpu, insn, size);
    return repeat(&string, run_element, NULL);
}

static int run_port(const struct string *string, const void *argument)
{
    const struct exit_port *port = argument;
    struct vcpu *vcpu = string->vcpu;
    struct bus *ports = &vcpu->vm->ports;
    uint64_t value;
    int error;
    if (port->in) {
        error = access_probe_write(vcpu, destination(string), string->size);
        if (error != ACCESS_OK)
            return error;
        value = bus_read(ports, port->number, string->size);
        error = access_write(vcpu, destination(string), string->size, value);
        advance_register(string, RDI);
        return error;
    }
    error = access_read(vcpu, source(string), string->size, &value);
    if (error != ACCESS_OK)
        return error;
    bus_write(ports, port->number, string->size, value);
    advance_register(string, RSI);
    return ACCESS_OK;
}

int emulate_string_port(struct vcpu *vcpu, const struct exit *exit, const struct insn *insn)
{
    struct string string = prepare(vcpu, insn, exit->port.size);
    return repeat(&string, run_port, &exit->port);
}
