/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hostile guest: random accesses to ports, device memory, MSRs, CPUID, the local APIC, control
 * and debug registers, and hypercalls. The same seed gives the same accesses. What ends a guest
 * that is alone (power, reset) is left out, since nothing would come after it.
 *
 *     accesses=NUMBER seed=NUMBER
 */
#include "payload.h"
#include "random.h"

static uint8_t sandbox[65536] __attribute__((aligned(4096)));

/* A value that is interesting more often than one of 64 random bits. */
static uint64_t value(void)
{
    return random_value((uint64_t)sandbox, sizeof(sandbox));
}

/* Runs an instruction that may fault; what follows it is where the handler goes on. */
#define TRY(instruction, outputs, ...)                                             \
    do {                                                                           \
        __asm__ volatile("lea 9f(%%rip), %%r8\n mov %%r8, %[resume]\n" instruction \
                         "\n9: movq $0, %[resume]"                                 \
                         : [resume] "+m"(payload_resume)outputs:__VA_ARGS__        \
                         : "r8", "memory", "cc");                                  \
    } while (0)
#define OUT ,

/* Within the four ports from this one. */
static bool ends_the_guest(uint16_t port)
{
    static const uint16_t excluded[] = {0x604, 0x605, 0xcf9, 0x92,  0x64,  0xb2,  0x514, 0x515,
                                        0x516, 0x517, 0x518, 0x519, 0x51a, 0x51b, 0x501, 0x3f8};
    for (unsigned i = 0; i < sizeof(excluded) / sizeof(excluded[0]); i++) {
        if (excluded[i] >= port && excluded[i] < port + 4)
            return true;
    }
    return false;
}

static uint16_t some_port(void)
{
    static const uint16_t near[] = {0x20,  0x40,  0x60,  0x70,  0x80,  0xa0,
                                    0x3f8, 0x4d0, 0x510, 0x600, 0x620, 0xcf8};
    return random_below(4) == 0
               ? (uint16_t)random_next()
               : (uint16_t)(near[random_below(sizeof(near) / sizeof(near[0]))] + random_below(16));
}

static void port(void)
{
    uint16_t number = some_port();
    uint32_t data = (uint32_t)value();
    uint64_t count = random_below(16),
             buffer = (uint64_t)sandbox + random_below(sizeof(sandbox) - 64);
    if (ends_the_guest(number))
        return;
    switch (random_below(8)) {
    case 0:
        TRY("outb %%al, %%dx", , "a"(data), "d"(number));
        break;
    case 1:
        TRY("outw %%ax, %%dx", , "a"(data), "d"(number));
        break;
    case 2:
        TRY("outl %%eax, %%dx", , "a"(data), "d"(number));
        break;
    case 3:
        TRY("inb %%dx, %%al", OUT "+a"(data), "d"(number));
        break;
    case 4:
        TRY("inw %%dx, %%ax", OUT "+a"(data), "d"(number));
        break;
    case 5:
        TRY("inl %%dx, %%eax", OUT "+a"(data), "d"(number));
        break;
    case 6:
        TRY("rep insb", OUT "+D"(buffer)OUT "+c"(count), "d"(number));
        break;
    default:
        TRY("rep outsb", OUT "+S"(buffer)OUT "+c"(count), "d"(number));
        break;
    }
}

static uint64_t device_address(void)
{
    static const uint64_t base[] = {0xfec00000, 0xfed00000, 0xfee00000, 0xb0000000, 0xb0008000,
                                    0xb00f8000, 0xc0000000, 0xc0004000, 0xe0000000, 0xffff0000};
    return base[random_below(sizeof(base) / sizeof(base[0]))] + random_below(0x1000);
}

static void memory(void)
{
    uint64_t address = device_address(), data = value();
    if ((address & ~0xfffull) == 0xfee00000 && (address & 0xff0) == 0x300)
        return; /* the interrupt command register, see apic() */
    switch (random_below(10)) {
    case 0:
        TRY("movb %%al, (%[at])", , [at] "r"(address), "a"(data));
        break;
    case 1:
        TRY("movw %%ax, (%[at])", , [at] "r"(address), "a"(data));
        break;
    case 2:
        TRY("movl %%eax, (%[at])", , [at] "r"(address), "a"(data));
        break;
    case 3:
        TRY("movq %%rax, (%[at])", , [at] "r"(address), "a"(data));
        break;
    case 4:
        TRY("movb (%[at]), %%al", OUT "+a"(data), [at] "r"(address));
        break;
    case 5:
        TRY("movl (%[at]), %%eax", OUT "+a"(data), [at] "r"(address));
        break;
    case 6:
        TRY("movq (%[at]), %%rax", OUT "+a"(data), [at] "r"(address));
        break;
    case 7:
        TRY("lock xaddl %%eax, (%[at])", OUT "+a"(data), [at] "r"(address));
        break;
    case 8:
        TRY("movzwl (%[at]), %%eax", OUT "+a"(data), [at] "r"(address));
        break;
    default:
        TRY("btsl $3, (%[at])", , [at] "r"(address));
        break;
    }
}

static uint32_t some_msr(void)
{
    switch (random_below(6)) {
    case 0:
        return (uint32_t)random_next();
    case 1:
        return (uint32_t)(0xc0000080 + random_below(0x100));
    case 2:
        return (uint32_t)(0x4b564d00 + random_below(16));
    case 3:
        return (uint32_t)(0xc0010000 + random_below(0x200));
    default:
        return (uint32_t)random_below(0x900);
    }
}

static void msr(void)
{
    uint32_t number = some_msr();
    uint64_t data = value();
    uint32_t low = (uint32_t)data, high = (uint32_t)(data >> 32);
    if (random_below(2) == 0) {
        TRY("rdmsr", OUT "+a"(low)OUT "+d"(high), "c"(number));
        return;
    }
    /* The interrupt command register: see apic(). PV clock and EOI would write into the code. */
    if (number == 0x830)
        return;
    if (number >= 0x4b564d00 && number < 0x4b564d10) {
        low = (uint32_t)(uint64_t)sandbox | 1;
        high = 0;
    }
    if (number == 0x11 || number == 0x12)
        return;
    TRY("wrmsr", , "c"(number), "a"(low), "d"(high));
}

static void apic(void)
{
    uint32_t low = (uint32_t)value(), high = (uint32_t)value();
    uint32_t delivery = low >> 8 & 7;
    if (delivery == 5 || delivery == 6) /* INIT ends a guest with one processor */
        low &= ~0x700u;
    TRY("wrmsr", , "c"(0x830), "a"(low), "d"(high));
}

static void cpuid(void)
{
    static const uint32_t base[] = {0, 0x40000000, 0x80000000, 0xc0000000};
    uint32_t a = base[random_below(4)] + (uint32_t)random_below(0x30), c = (uint32_t)value();
    if (random_below(8) == 0)
        a = (uint32_t)random_next();
    __asm__ volatile("cpuid" : "+a"(a), "+c"(c) : : "rbx", "rdx");
}

static void control(void)
{
    uint64_t old, data;
    switch (random_below(6)) {
    case 0:
        __asm__ volatile("mov %%cr0, %0" : "=r"(old));
        data = old ^ 1ull << random_below(64);
        if ((data & 0x80000001) != 0x80000001)
            break;
        TRY("mov %[data], %%cr0", , [data] "r"(data));
        __asm__ volatile("mov %0, %%cr0" ::"r"(old));
        break;
    case 1:
        __asm__ volatile("mov %%cr4, %0" : "=r"(old));
        data = old ^ 1ull << random_below(64);
        if ((data & 0x20) == 0)
            break;
        TRY("mov %[data], %%cr4", , [data] "r"(data));
        __asm__ volatile("mov %0, %%cr4" ::"r"(old));
        break;
    case 2:
        TRY("mov %[data], %%cr8", , [data] "r"(value()));
        __asm__ volatile("mov %0, %%cr8" ::"r"(0ul));
        break;
    case 3:
        TRY("xsetbv", , "c"((uint32_t)random_below(3)), "a"((uint32_t)value()),
            "d"((uint32_t)value()));
        break;
    case 4:
        TRY("mov %[data], %%dr7", , [data] "r"(value() & 0xffff0000));
        TRY("mov %[data], %%dr7", , [data] "r"(0x400ul));
        break;
    default:
        TRY("wbinvd", , "a"(0));
        break;
    }
}

static void hypercall(void)
{
    uint64_t a = value(), b = value(), c = value(), d = value();
    switch (random_below(8)) {
    case 0:
        TRY("vmrun", OUT "+a"(a), "b"(b));
        break;
    case 1:
        TRY("vmload", OUT "+a"(a), "b"(b));
        break;
    case 2:
        TRY("vmsave", OUT "+a"(a), "b"(b));
        break;
    case 3:
        TRY("stgi", OUT "+a"(a), "b"(b));
        break;
    case 4:
        TRY("monitor", , "a"((uint64_t)sandbox), "c"(0), "d"(0));
        break;
    case 5:
        TRY("mov $1, %%ecx\n rdpmc", OUT "+a"(a)OUT "+d"(d)OUT "+c"(c), "b"(b));
        break;
    default: /* VMMCALL */
        TRY(".byte 0x0f, 0x01, 0xd9", OUT "+a"(a), "b"(b), "c"(c), "d"(d));
        break;
    }
}

void payload_main(uint64_t start_info)
{
    static void (*const kinds[])(void) = {port, memory, msr, apic, cpuid, control, hypercall};
    const char *line = (const char *)*(uint64_t *)(start_info + 24);
    uint64_t accesses = payload_argument(line, "accesses=", 1000000);
    random_seed(payload_argument(line, "seed=", 1));
    payload_initialize();
    __asm__ volatile("mov %%cr4, %%rax\n or $0x40000, %%rax\n lea 1f(%%rip), %%r8\n mov %%r8, %0\n"
                     "mov %%rax, %%cr4\n 1: movq $0, %0"
                     : "=m"(payload_resume)
                     :
                     : "rax", "r8", "memory"); /* OSXSAVE, where there is XSAVE */
    payload_print("hostile: %lu accesses\n", accesses);
    uint64_t tick = accesses / 10 + 1;
    for (uint64_t i = 0; i < accesses; i++) {
        kinds[random_below(sizeof(kinds) / sizeof(kinds[0]))]();
        if (i % tick == tick - 1)
            payload_print("hostile: %lu, %lu exceptions\n", i + 1, payload_exceptions);
    }
    payload_print("hostile: done, %lu exceptions\n", payload_exceptions);
    payload_power_off();
}
