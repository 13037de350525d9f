/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What exits cost, seen by the guest: from before the instruction to behind it. Under -icount the
 * TSC counts instructions. Prints "bench NAME VALUE SPREAD", as the kernel's benchmarks do.
 */
#include "payload.h"

#define RUNS   65
#define WARMUP 8
#define VECTOR 0x40
/* As kvm-unit-tests has it. */
#define TIMER_DELTA 3000

static volatile uint32_t *const hpet_counter = (volatile uint32_t *)0xfed000f0;
static volatile uint32_t *const ioapic_select = (volatile uint32_t *)0xfec00000;

static void nothing(void)
{
}

static void do_vmcall(void)
{
    __asm__ volatile(".byte 0x0f, 0x01, 0xd9" : : "a"(~0ul) : "memory"); /* VMMCALL */
}

static void do_cpuid(void)
{
    uint32_t a = 0, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d)::"memory");
}

static void do_port_in(void)
{
    (void)inl(0x608);
}

static void do_port_out(void)
{
    outb(0x3ff, 0);
}

static void do_mmio_read(void)
{
    (void)*hpet_counter;
}

static void do_mmio_write(void)
{
    *ioapic_select = 0;
}

static void do_msr_read(void)
{
    (void)rdmsr(MSR_TSC_ADJUST);
}

static void do_msr_write(void)
{
    wrmsr(MSR_TSC_ADJUST, 0);
}

static void do_timer_now(void)
{
    uint64_t before = payload_interrupts;
    wrmsr(MSR_TSC_DEADLINE, rdtsc());
    while (payload_interrupts == before) {
    }
}

static void do_timer(void)
{
    uint64_t before = payload_interrupts;
    wrmsr(MSR_TSC_DEADLINE, rdtsc() + TIMER_DELTA);
    while (payload_interrupts == before) {
    }
}

static void do_self_ipi(void)
{
    uint64_t before = payload_interrupts;
    wrmsr(MSR_X2APIC_SELF, VECTOR);
    while (payload_interrupts == before) {
    }
}

static void do_self_ipi_halt(void)
{
    __asm__ volatile("cli" ::: "memory");
    wrmsr(MSR_X2APIC_SELF, VECTOR);
    __asm__ volatile("sti; hlt" ::: "memory");
}

static void measure(const char *name, void (*action)(void))
{
    uint64_t least = ~0ull, most = 0;
    for (unsigned i = 0; i < WARMUP + RUNS; i++) {
        uint64_t t0 = rdtsc();
        nothing();
        uint64_t t1 = rdtsc();
        action();
        uint64_t t2 = rdtsc();
        uint64_t took = t2 - t1 - (t1 - t0);
        if (i < WARMUP)
            continue;
        least = took < least ? took : least;
        most = took > most ? took : most;
    }
    payload_print("bench %s %lu %lu\n", name, least, most - least);
}

void payload_main(uint64_t start_info)
{
    (void)start_info;
    payload_initialize();
    wrmsr(MSR_X2APIC_TIMER, VECTOR | 2u << 17); /* TSC deadline */
    __asm__ volatile("sti");
    measure("vmcall", do_vmcall);
    measure("cpuid", do_cpuid);
    measure("port-in", do_port_in);
    measure("port-out", do_port_out);
    measure("mmio-read", do_mmio_read);
    measure("mmio-write", do_mmio_write);
    measure("msr-read", do_msr_read);
    measure("msr-write", do_msr_write);
    measure("timer-now", do_timer_now);
    measure("timer", do_timer);
    measure("self-ipi", do_self_ipi);
    measure("self-ipi-halt", do_self_ipi_halt);
    payload_print("bench done\n");
    payload_power_off();
}
