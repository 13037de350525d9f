/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The clock is the TSC. Deadlines are TSC values; without TSC-deadline mode the APIC timer counts
 * to them, by a ratio of 32.32 fixed point.
 */
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/arch.h"
#include "x86/asm.h"
#include "x86/cpu.h"

#define PM_TIMER_HZ   3579545ull /* ACPI 6.5, 4.8.3.3 */
#define PM_TIMER_MASK MASK(24)
#define PIT_HZ        1193182ull
#define SAMPLES       16
#define CALIBRATION_S 20ull /* 1/20 second */

enum { PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43, PIT_GATE = 0x61 };

static uint64_t tsc_hz;
static uint64_t ticks_per_us; /* 32.32 */
static uint64_t us_per_tick;  /* 0.64 */
static uint64_t apic_ratio;   /* APIC timer ticks per TSC tick, 32.32 */
static uint16_t reference_port;

/* high:low / divisor; high < divisor. */
static uint64_t divide_128(uint64_t high, uint64_t low, uint64_t divisor)
{
    uint64_t quotient, rest;
    __asm__("divq %4" : "=a"(quotient), "=d"(rest) : "a"(low), "d"(high), "r"(divisor) : "cc");
    return quotient;
}

static uint64_t multiply_high(uint64_t a, uint64_t b)
{
    uint64_t low, high;
    __asm__("mulq %3" : "=a"(low), "=d"(high) : "a"(a), "r"(b) : "cc");
    return high;
}

/* a * b >> 32, saturating. */
static uint64_t multiply_fixed(uint64_t a, uint64_t b)
{
    uint64_t high = multiply_high(a, b);
    return high >> 32 != 0 ? UINT64_MAX : high << 32 | (a * b) >> 32;
}

struct sample {
    uint64_t tsc, reference, apic;
};

/* The three clocks at one time: of several readings the one that was least disturbed. */
static struct sample take_sample(void)
{
    struct sample best = {0, 0, 0};
    uint64_t best_gap = UINT64_MAX;
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t before = asm_rdtsc();
        uint32_t reference = asm_in32(reference_port);
        uint32_t apic = apic_timer_left();
        uint64_t after = asm_rdtsc();
        if (after - before < best_gap) {
            best_gap = after - before;
            best = (struct sample){before + (after - before) / 2, reference & PM_TIMER_MASK,
                                   UINT32_MAX - apic};
        }
    }
    return best;
}

static void calibrate_by_pm_timer(uint64_t *tsc, uint64_t *apic, uint64_t *elapsed)
{
    struct sample start = take_sample();
    struct sample end;
    uint64_t limit = start.tsc + (BIT(40)); /* a timer that stands still */
    do {
        asm_pause();
        end = take_sample();
        *elapsed = (end.reference - start.reference) & PM_TIMER_MASK;
    } while (*elapsed < PM_TIMER_HZ / CALIBRATION_S && end.tsc < limit);
    *tsc = end.tsc - start.tsc;
    *apic = end.apic - start.apic;
}

/* Channel 2 of the PIT counts down once in mode 0; its output shows in bit 5 of port 61h. */
static void calibrate_by_pit(uint64_t *tsc, uint64_t *apic, uint64_t *elapsed)
{
    uint16_t count = (uint16_t)(PIT_HZ / CALIBRATION_S);
    asm_out8(PIT_GATE, (uint8_t)((asm_in8(PIT_GATE) & 0xfc) | 1));
    asm_out8(PIT_COMMAND, 0xb0);
    asm_out8(PIT_CHANNEL2, (uint8_t)count);
    asm_out8(PIT_CHANNEL2, (uint8_t)(count >> 8));
    uint64_t tsc_start = asm_rdtsc();
    uint64_t apic_start = apic_timer_left();
    uint64_t limit = tsc_start + BIT(36);
    while (!(asm_in8(PIT_GATE) & 0x20) && asm_rdtsc() < limit) {
        asm_pause();
    }
    *tsc = asm_rdtsc() - tsc_start;
    *apic = apic_start - apic_timer_left();
    *elapsed = count;
}

/* CPUID leaf 15h: crystal * EBX / EAX (SDM vol. 3, 18.7.3); leaf 16h is only nominal. */
static uint64_t tsc_hz_from_cpuid(void)
{
    if (asm_cpuid(0, 0).eax < 0x15) {
        return 0;
    }
    struct cpuid leaf = asm_cpuid(0x15, 0);
    if (leaf.eax == 0 || leaf.ebx == 0 || leaf.ecx == 0) {
        return 0;
    }
    return (uint64_t)leaf.ecx * leaf.ebx / leaf.eax;
}

void timer_init(const struct acpi_info *acpi)
{
    uint64_t tsc, apic, elapsed, reference_hz;
    apic_timer_mode(false);
    apic_timer_start(UINT32_MAX);
    reference_port = acpi->pm_timer_port;
    if (reference_port != 0) {
        reference_hz = PM_TIMER_HZ;
        calibrate_by_pm_timer(&tsc, &apic, &elapsed);
    } else {
        reference_hz = PIT_HZ;
        calibrate_by_pit(&tsc, &apic, &elapsed);
    }
    apic_timer_start(0);
    if (elapsed == 0 || tsc == 0 || tsc > BIT(36)) {
        boot_fail("the TSC cannot be measured");
    }
    tsc_hz = tsc_hz_from_cpuid();
    if (tsc_hz == 0) {
        tsc_hz = tsc * reference_hz / elapsed;
    }
    if (tsc_hz < 1000000 * 2) {
        boot_fail("the TSC is too slow");
    }
    apic_ratio = divide_128(apic >> 32, apic << 32, tsc);
    ticks_per_us = divide_128(tsc_hz >> 32, tsc_hz << 32, 1000000);
    us_per_tick = divide_128(1000000, 0, tsc_hz);
}

void timer_init_core(void)
{
    apic_timer_mode(cpu.tsc_deadline);
}

void timer_wait_us(uint64_t us)
{
    uint64_t end = asm_rdtsc() + arch_us_to_ticks(us);
    while (asm_rdtsc() < end) {
        asm_pause();
    }
}

ticks_t arch_us_to_ticks(uint64_t us)
{
    return multiply_fixed(us, ticks_per_us);
}

uint64_t arch_ticks_to_us(ticks_t t)
{
    return multiply_high(t, us_per_tick);
}

uint64_t arch_tsc_hz(void)
{
    return tsc_hz;
}

void arch_set_deadline(ticks_t deadline)
{
    if (cpu.tsc_deadline) {
        asm_wrmsr(MSR_TSC_DEADLINE, deadline == 0 ? 1 : deadline); /* 0 would disarm */
        return;
    }
    uint64_t now = asm_rdtsc();
    uint64_t count = 1;
    if (deadline > now) {
        count = multiply_fixed(deadline - now, apic_ratio);
        /* Too early is harmless (the deadline is set again), but never so early as not at all. */
        count = count >= UINT32_MAX ? UINT32_MAX : count + 1;
    }
    apic_timer_start((uint32_t)count);
}
