/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instructions with an operand in device memory beyond plain moves: what they compute, XMM
 * registers, and operands that reach into another page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "machine.h"
#include "vmm/vcpu/alu.h"

#define CODE   0x100000ull
#define DEVICE 0xd0000000ull
#define LAST   0xfffff000ull /* the last page below 4 GiB, behind which nothing is mapped */
#define PAGE   0x1000u

#define RAX 0
#define RCX 1
#define RDX 2
#define RSP 4
#define RDI 7

static uint8_t ram[2 * PAGE];

static uint64_t ram_read(void *device, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    (void)device;
    assert_true(offset + size <= sizeof(ram));
    memcpy(&value, ram + offset, size);
    return value;
}

static void ram_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)device;
    assert_true(offset + size <= sizeof(ram));
    memcpy(ram + offset, &value, size);
}

static const struct bus_operations ram_operations = {ram_read, ram_write, 8};

static struct machine *make(void)
{
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    memset(ram, 0, sizeof(ram));
    assert_int_equal(bus_add(&m->vm.mmio, DEVICE, sizeof(ram), &ram_operations, NULL), BUS_OK);
    assert_int_equal(bus_add(&m->vm.mmio, LAST, PAGE, &ram_operations, NULL), BUS_OK);
    return m;
}

static uint64_t gpr(struct machine *m, unsigned number)
{
    return vcpu_gpr(&m->vm.vcpu[0], number);
}

static void set_gpr(struct machine *m, unsigned number, uint64_t value)
{
    vcpu_set_gpr(&m->vm.vcpu[0], number, value);
}

/* Runs an instruction whose memory operand is at RDI = linear, and whose access exited at gpa. */
static void run_as(struct machine *m, const char *code, size_t length, uint64_t linear,
                   uint64_t gpa, bool write)
{
    const struct exit exit = {.kind = EXIT_MEMORY, .memory = {.gpa = gpa, .write = write}};
    uint64_t flags = m->mr[0][QUOIN_VM_RFLAGS];
    machine_long_mode(m, CODE);
    m->mr[0][QUOIN_VM_RFLAGS] = flags;
    m->mr[0][QUOIN_VM_ENTRY_INFO] = 0;
    memcpy(m->memory + CODE, code, length);
    set_gpr(m, RDI, linear);
    machine_exit(m, &exit);
    assert_int_equal(m->vm.state, VM_RUNNING);
    if (m->mr[0][QUOIN_VM_ENTRY_INFO] == 0)
        assert_int_equal(m->mr[0][QUOIN_VM_RIP], CODE + length);
    else
        assert_int_equal(m->mr[0][QUOIN_VM_RIP], CODE);
}

static void run_at(struct machine *m, const char *code, size_t length, uint64_t linear,
                   uint64_t gpa)
{
    run_as(m, code, length, linear, gpa, false);
}

#define RUN(m, code) run_at(m, code, sizeof(code) - 1, DEVICE + 0x100, DEVICE + 0x100)

static uint64_t cell(void)
{
    uint64_t value;
    memcpy(&value, ram + 0x100, 8);
    return value;
}

static void set_cell(uint64_t value)
{
    memcpy(ram + 0x100, &value, 8);
}

static void set_vector(struct machine *m, unsigned number, const void *bytes)
{
    uint64_t value[2];
    struct vcpu *vcpu = &m->vm.vcpu[0];
    memcpy(value, bytes, sizeof(value));
    vcpu->operations->write(vcpu, QUOIN_FIELD_XMM + 2 * number, value[0]);
    vcpu->operations->write(vcpu, QUOIN_FIELD_XMM + 2 * number + 1, value[1]);
}

static void assert_vector(struct machine *m, unsigned number, const void *bytes)
{
    const uint64_t value[2] = {machine_field(m, 0, QUOIN_FIELD_XMM + 2 * number),
                               machine_field(m, 0, QUOIN_FIELD_XMM + 2 * number + 1)};
    assert_memory_equal(value, bytes, sizeof(value));
}

static uint64_t flags(struct machine *m)
{
    return m->mr[0][QUOIN_VM_RFLAGS] & FLAG_ARITHMETIC;
}

static void products(void **state)
{
    (void)state;
    struct machine *m = make();
    m->mr[0][QUOIN_VM_RFLAGS] = 2;
    set_cell(51);
    set_gpr(m, RAX, 0x1234567812345678);
    RUN(m, "\x66\x0f\xaf\x07"); /* imul ax, [rdi] */
    assert_int_equal(gpr(m, RAX), 0x12345678123439e8);
    assert_int_equal(flags(m) & (FLAG_CF | FLAG_OF), FLAG_CF | FLAG_OF);
    set_gpr(m, RAX, 0x1234567812345678);
    RUN(m, "\x48\x0f\xaf\x07"); /* imul rax, [rdi] */
    assert_int_equal(gpr(m, RAX), 0xa06d39eba06d39e8);
    set_cell(0x1234567812345678);
    RUN(m, "\x69\x07\x37\x01\x00\x00"); /* imul eax, [rdi], 311 */
    assert_int_equal(gpr(m, RAX), 0x1d950bc8);
    set_cell((uint64_t)-3);
    RUN(m, "\x48\x6b\x07\xfb"); /* imul rax, [rdi], -5 */
    assert_int_equal(gpr(m, RAX), 15);
    assert_int_equal(flags(m) & (FLAG_CF | FLAG_OF), 0);
    set_gpr(m, RAX, 0x8000000000000001);
    set_cell(0x10);
    RUN(m, "\x48\xf7\x27"); /* mul qword [rdi] */
    assert_int_equal(gpr(m, RAX), 0x10);
    assert_int_equal(gpr(m, RDX), 8);
    assert_int_equal(flags(m) & FLAG_CF, FLAG_CF);
    set_gpr(m, RAX, 0xff);
    RUN(m, "\xf6\x27"); /* mul byte [rdi] */
    assert_int_equal(gpr(m, RAX) & 0xffff, 0xff0);
    set_gpr(m, RAX, (uint64_t)-2);
    set_cell(5);
    RUN(m, "\xf7\x2f"); /* imul dword [rdi] */
    assert_int_equal(gpr(m, RAX), 0xfffffff6);
    assert_int_equal(gpr(m, RDX), 0xffffffff);
    assert_int_equal(flags(m) & FLAG_CF, 0);
    machine_destroy(m);
}

static void bits(void **state)
{
    (void)state;
    struct machine *m = make();
    m->mr[0][QUOIN_VM_RFLAGS] = 2;
    set_cell(0xc00000000000);
    RUN(m, "\x48\x0f\xbc\x07"); /* bsf rax, [rdi] */
    assert_int_equal(gpr(m, RAX), 46);
    RUN(m, "\x48\x0f\xbd\x07"); /* bsr */
    assert_int_equal(gpr(m, RAX), 47);
    assert_int_equal(flags(m) & FLAG_ZF, 0);
    set_cell(0);
    RUN(m, "\x0f\xbc\x07");
    assert_int_equal(gpr(m, RAX), 47); /* stays */
    assert_int_equal(flags(m) & FLAG_ZF, FLAG_ZF);
    set_cell(0x12345678);
    set_gpr(m, RAX, 0xaaaaaaaa);
    set_gpr(m, RCX, 3);
    RUN(m, "\x0f\xa5\x07"); /* shld [rdi], eax, cl */
    assert_int_equal(cell(), 0x91a2b3c5);
    set_cell(0x12345678);
    set_gpr(m, RAX, 0x55555555);
    RUN(m, "\x0f\xac\x07\x03"); /* shrd [rdi], eax, 3 */
    assert_int_equal(cell(), 0xa2468acf);
    assert_int_equal(flags(m) & FLAG_CF, 0);
    set_gpr(m, RAX, 0x1111);
    set_cell(0x2222);
    m->mr[0][QUOIN_VM_RFLAGS] = 2 | FLAG_ZF;
    RUN(m, "\x0f\x44\x07"); /* cmove eax, [rdi] */
    assert_int_equal(gpr(m, RAX), 0x2222);
    set_gpr(m, RAX, 0xffffffff00003333);
    RUN(m, "\x0f\x45\x07"); /* cmovne: the upper half goes in any case */
    assert_int_equal(gpr(m, RAX), 0x3333);
    RUN(m, "\x0f\x96\x07"); /* setbe */
    assert_int_equal(cell(), 0x2201);
    m->mr[0][QUOIN_VM_RFLAGS] = 2 | FLAG_SF;
    RUN(m, "\x0f\x9d\x07"); /* setge */
    assert_int_equal(cell(), 0x2200);
    set_cell(UINT64_MAX);
    RUN(m, "\x0f\x01\x27"); /* smsw [rdi] */
    assert_int_equal(cell(), 0xffffffffffff0000 | (m->mr[0][QUOIN_VM_CR0] & 0xffff));
    machine_destroy(m);
}

static void stack(void **state)
{
    (void)state;
    struct machine *m = make();
    uint64_t value;
    set_cell(0x123456789abcdef0);
    set_gpr(m, RSP, 0x200000);
    RUN(m, "\xff\x37"); /* push [rdi] */
    assert_int_equal(gpr(m, RSP), 0x1ffff8);
    memcpy(&value, m->memory + 0x1ffff8, 8);
    assert_int_equal(value, 0x123456789abcdef0);
    set_cell(0);
    RUN(m, "\x8f\x07"); /* pop [rdi] */
    assert_int_equal(gpr(m, RSP), 0x200000);
    assert_int_equal(cell(), 0x123456789abcdef0);
    set_gpr(m, RSP, 0x100000000); /* not mapped: nothing changes but that the guest learns it */
    RUN(m, "\x8f\x07");
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO] & 0xff, EXCEPTION_PF);
    assert_int_equal(gpr(m, RSP), 0x100000000);
    assert_int_equal(cell(), 0x123456789abcdef0);
    machine_destroy(m);
}

static void vectors(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        uint8_t length;
        uint8_t bytes; /* from memory or to it; the rest of a register is cleared by a load */
        bool store;
    } moves[] = {
        {"\x0f\x10\x07", 3, 16, false},        {"\x0f\x11\x07", 3, 16, true},
        {"\x66\x0f\x10\x07", 4, 16, false},    {"\xf3\x0f\x10\x07", 4, 4, false},
        {"\xf2\x0f\x10\x07", 4, 8, false},     {"\xf3\x0f\x11\x07", 4, 4, true},
        {"\xf2\x0f\x11\x07", 4, 8, true},      {"\x0f\x28\x07", 3, 16, false},
        {"\x0f\x29\x07", 3, 16, true},         {"\x0f\x2b\x07", 3, 16, true},
        {"\x66\x0f\x6f\x07", 4, 16, false},    {"\xf3\x0f\x6f\x07", 4, 16, false},
        {"\x66\x0f\x7f\x07", 4, 16, true},     {"\xf3\x0f\x7f\x07", 4, 16, true},
        {"\x66\x0f\xe7\x07", 4, 16, true},     {"\x66\x0f\xd6\x07", 4, 8, true},
        {"\xf3\x0f\x7e\x07", 4, 8, false},     {"\x66\x0f\x6e\x07", 4, 4, false},
        {"\x66\x48\x0f\x6e\x07", 5, 8, false}, {"\x66\x48\x0f\x7e\x07", 5, 8, true},
        {"\xf2\x0f\xf0\x07", 4, 16, false},    {"\x66\x0f\x38\x2a\x07", 5, 16, false},
        {"\x0f\x13\x07", 3, 8, true},
    };
    struct machine *m = make();
    for (unsigned i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
        uint8_t memory[16];
        uint8_t vector[16];
        uint8_t expected[16];
        for (unsigned j = 0; j < 16; j++) {
            memory[j] = (uint8_t)(0x10 + j);
            vector[j] = (uint8_t)(0x80 + j);
        }
        memcpy(ram + 0x100, memory, 16);
        set_vector(m, 0, vector);
        run_at(m, moves[i].code, moves[i].length, DEVICE + 0x100, DEVICE + 0x100);
        if (moves[i].store) {
            memcpy(expected, memory, 16);
            memcpy(expected, vector, moves[i].bytes);
            assert_memory_equal(ram + 0x100, expected, 16);
            assert_vector(m, 0, vector);
        } else {
            memset(expected, 0, 16);
            memcpy(expected, memory, moves[i].bytes);
            assert_vector(m, 0, expected);
            assert_memory_equal(ram + 0x100, memory, 16);
        }
    }
    /* The halves, of register 9; a load leaves the other one. */
    set_vector(m, 9, (const uint64_t[2]){1, 2});
    set_cell(77);
    RUN(m, "\x44\x0f\x16\x0f"); /* movhps xmm9, [rdi] */
    assert_vector(m, 9, (const uint64_t[2]){1, 77});
    set_cell(78);
    RUN(m, "\x66\x44\x0f\x12\x0f"); /* movlpd xmm9, [rdi] */
    assert_vector(m, 9, (const uint64_t[2]){78, 77});
    RUN(m, "\x44\x0f\x17\x0f"); /* movhps [rdi], xmm9 */
    assert_int_equal(cell(), 77);
    machine_destroy(m);
}

static void operands_over_two_pages(void **state)
{
    (void)state;
    struct machine *m = make();
    const uint64_t at = DEVICE + PAGE - 1;
    ram[PAGE - 1] = 0x99;
    ram[PAGE] = 0x77;
    run_at(m, "\x66\x8b\x07", 3, at, at); /* mov ax, [rdi] */
    assert_int_equal(gpr(m, RAX) & 0xffff, 0x7799);
    set_gpr(m, RAX, 0x88aa);
    run_at(m, "\x66\x89\x07", 3, at, at);
    assert_int_equal(ram[PAGE - 1], 0xaa);
    assert_int_equal(ram[PAGE], 0x88);
    /* It may be the second page's part that exits: the first is RAM there, one page below. */
    memcpy(m->memory + 0x300000 - 3, "\x11\x22\x33", 3);
    m->vm.memory.region[0].size = 0x300000; /* what follows is the device now */
    assert_int_equal(bus_add(&m->vm.mmio, 0x300000, PAGE, &ram_operations, NULL), BUS_OK);
    ram[0] = 0x44;
    run_at(m, "\x8b\x07", 2, 0x300000 - 3, 0x300000);
    assert_int_equal(gpr(m, RAX), 0x44332211);
    set_gpr(m, RAX, 0xddccbbaa);
    run_at(m, "\x89\x47\x10", 3, 0x300000 - 3 - 0x10, 0x300000); /* mov [rdi + 16], eax */
    assert_memory_equal(m->memory + 0x300000 - 3, "\xaa\xbb\xcc", 3);
    assert_int_equal(ram[0], 0xdd);
    /* An operand in one page that begins with it, or ends with it, is no such case. */
    run_at(m, "\x8b\x07", 2, DEVICE, DEVICE);
    assert_int_equal(gpr(m, RAX), 0xdd);
    run_at(m, "\x89\x07", 2, DEVICE + PAGE - 4, DEVICE + PAGE - 4);
    assert_memory_equal(ram + PAGE - 4, "\xdd\0\0\0", 4);
    machine_destroy(m);
}

/* Stores of registers, which go a short way from the second time on: what they do is the same. */
static void known_stores(void **state)
{
    (void)state;
    struct machine *m = make();
    static const struct {
        const char *code;
        unsigned length;
        uint64_t stored;
    } store[] = {
        {"\x89\x07", 2, 0xffffffff33221100},     /* mov [rdi], eax */
        {"\x66\x89\x07", 3, 0xffffffffffff1100}, /* mov [rdi], ax */
        {"\x48\x89\x07", 3, 0x7766554433221100}, /* mov [rdi], rax */
        {"\x44\x89\x07", 3, 0xffffffffbbaa9988}, /* mov [rdi], r8d */
        {"\x88\x27", 2, 0xffffffffffffff11},     /* mov [rdi], ah */
        {"\x01\x07", 2, 0xffffffffb3221100},     /* add [rdi], eax */
        {"\xc7\x07\x02\x00\x00\x00", 6, 0xffffffff00000002},
    };
    for (unsigned i = 0; i < sizeof(store) / sizeof(store[0]); i++) {
        for (unsigned round = 0; round < 3; round++) {
            set_gpr(m, RAX, 0x7766554433221100);
            set_gpr(m, 8, 0xffeeddccbbaa9988);
            set_cell(store[i].code[0] == 1 ? 0xffffffff80000000 : UINT64_MAX);
            run_as(m, store[i].code, store[i].length, DEVICE + 0x100, DEVICE + 0x100, true);
            assert_int_equal(cell(), store[i].stored);
        }
    }
    /* Where the store may reach into another page, and where nothing is. */
    for (unsigned round = 0; round < 2; round++) {
        ram[PAGE - 1] = ram[PAGE] = 0;
        run_as(m, "\x89\x07", 2, DEVICE + PAGE - 1, DEVICE + PAGE, true);
        assert_int_equal(ram[PAGE - 1], 0x00);
        assert_int_equal(ram[PAGE], 0x11);
        run_as(m, "\x89\x07", 2, DEVICE - 0x100, DEVICE - 0x100, true);
    }
    machine_destroy(m);
}

/* Behind the device nothing is mapped: the guest gets its page fault, and nothing has changed. */
static void faults_in_the_second_page(void **state)
{
    (void)state;
    struct machine *m = make();
    const uint64_t at = LAST + PAGE - 8;
    const uint8_t before[16] = "0123456789abcdef";
    memcpy(ram + PAGE - 8, "ABCDEFGH", 8);
    set_vector(m, 0, before);
    run_at(m, "\x0f\x10\x07", 3, at, at); /* movups xmm0, [rdi] */
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO] & 0xff, EXCEPTION_PF);
    assert_int_equal(machine_field(m, 0, QUOIN_FIELD_CR2), 0x100000000);
    assert_vector(m, 0, before);
    run_at(m, "\x0f\x11\x07", 3, at, at); /* movups [rdi], xmm0 */
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO] & 0xff, EXCEPTION_PF);
    assert_memory_equal(ram + PAGE - 8, "ABCDEFGH", 8);
    set_gpr(m, RAX, 5);
    m->mr[0][QUOIN_VM_RFLAGS] = 2;
    run_at(m, "\x48\x01\x07", 3, at + 1, at + 1); /* add [rdi], rax */
    assert_int_equal(m->mr[0][QUOIN_VM_ENTRY_INFO] & 0xff, EXCEPTION_PF);
    assert_memory_equal(ram + PAGE - 8, "ABCDEFGH", 8);
    assert_int_equal(flags(m), 0);
    run_at(m, "\x48\x87\x07", 3, at + 1, at + 1); /* xchg [rdi], rax */
    assert_int_equal(gpr(m, RAX), 5);
    machine_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),
        cmocka_unit_test(bits),
        cmocka_unit_test(stack),
        cmocka_unit_test(vectors),
        cmocka_unit_test(operands_over_two_pages),
        cmocka_unit_test(known_stores),
        cmocka_unit_test(faults_in_the_second_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
