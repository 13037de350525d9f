/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/apic.h"

#include "config.h"
#include "x86/asm.h"
#include "x86/boot.h"
#include "x86/cpu.h"
#include "x86/kspace.h"

/* Register offsets, SDM vol. 3, table 10-1; in x2APIC mode MSR 800h + offset / 16. */
enum {
    APIC_ID = 0x20,
    APIC_VERSION = 0x30,
    APIC_TPR = 0x80,
    APIC_EOI = 0xb0,
    APIC_LDR = 0xd0,
    APIC_DFR = 0xe0,
    APIC_SPURIOUS = 0xf0,
    APIC_ESR = 0x280,
    APIC_LVT_CMCI = 0x2f0,
    APIC_ICR_LOW = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_THERMAL = 0x330,
    APIC_LVT_PERFORMANCE = 0x340,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_INITIAL_COUNT = 0x380,
    APIC_CURRENT_COUNT = 0x390,
    APIC_DIVIDE = 0x3e0,
};

#define APIC_BASE_ENABLE BIT(11)
#define APIC_BASE_X2     BIT(10)

#define SPURIOUS_ENABLE 0x100u
#define LVT_MASKED      0x10000u
#define LVT_NMI         0x400u
#define TIMER_DEADLINE  0x40000u
#define DIVIDE_BY_1     0xbu
#define ICR_ASSERT      0x4000u
#define ICR_INIT        0x500u
#define ICR_STARTUP     0x600u
#define ICR_NMI         0x400u
#define ICR_PENDING     0x1000u
#define ICR_ALL_OTHERS  0xc0000u
#define ICR_POLL_LIMIT  1000000

static bool x2_mode;
static volatile uint32_t *registers;

static uint32_t apic_read(unsigned offset)
{
    return x2_mode ? (uint32_t)asm_rdmsr(MSR_X2APIC + offset / 16) : registers[offset / 4];
}

static void apic_write(unsigned offset, uint32_t value)
{
    if (x2_mode) {
        asm_wrmsr(MSR_X2APIC + offset / 16, value);
    } else {
        registers[offset / 4] = value;
    }
}

void apic_init(uint64_t address)
{
    x2_mode = cpu.x2apic;
    boot_reserve((struct paddr){address}, PAGE_SIZE);
    if (!x2_mode) {
        registers = (volatile uint32_t *)kspace_map_device((struct paddr){address}, PAGE_SIZE);
        asm_wrmsr(MSR_APIC_BASE,
                  (asm_rdmsr(MSR_APIC_BASE) & MASK(12)) | address | APIC_BASE_ENABLE);
    }
}

void apic_init_core(void)
{
    uint64_t base = asm_rdmsr(MSR_APIC_BASE);
    if (x2_mode) {
        asm_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE); /* 10.12.5: not in one step */
        asm_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2);
    } else {
        asm_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
        apic_write(APIC_DFR, 0xffffffff);
    }
    apic_write(APIC_TPR, 0);
    apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    unsigned last_lvt = apic_read(APIC_VERSION) >> 16 & 0xff;
    apic_write(APIC_LVT_TIMER, LVT_MASKED);
    apic_write(APIC_LVT_LINT0, LVT_MASKED);
    apic_write(APIC_LVT_LINT1, LVT_NMI);
    if (last_lvt >= 3) {
        apic_write(APIC_LVT_ERROR, LVT_MASKED);
    }
    if (last_lvt >= 4) {
        apic_write(APIC_LVT_PERFORMANCE, LVT_MASKED);
    }
    if (last_lvt >= 5) {
        apic_write(APIC_LVT_THERMAL, LVT_MASKED);
    }
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_EOI, 0);
}

uint32_t apic_id(void)
{
    uint32_t id = apic_read(APIC_ID);
    return x2_mode ? id : id >> 24;
}

bool apic_can_reach(uint32_t id)
{
    return x2_mode || id < 0xff;
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

static void send(uint32_t destination, uint32_t command)
{
    if (x2_mode) {
        /* WRMSR to the x2APIC does not wait for earlier stores (SDM vol. 3, 10.12.3). */
        __asm__ volatile("mfence; lfence" ::: "memory");
        asm_wrmsr(MSR_X2APIC + APIC_ICR_LOW / 16, (uint64_t)destination << 32 | command);
        return;
    }
    for (unsigned i = 0; (apic_read(APIC_ICR_LOW) & ICR_PENDING) && i < ICR_POLL_LIMIT; i++) {
        asm_pause();
    }
    apic_write(APIC_ICR_HIGH, destination << 24);
    apic_write(APIC_ICR_LOW, command);
}

void apic_send(uint32_t destination, unsigned vector)
{
    send(destination, ICR_ASSERT | vector);
}

void apic_send_init(uint32_t destination)
{
    send(destination, ICR_ASSERT | ICR_INIT);
}

void apic_send_startup(uint32_t destination, unsigned page)
{
    send(destination, ICR_ASSERT | ICR_STARTUP | page);
}

void apic_send_nmi_others(void)
{
    if (x2_mode || registers != NULL) {
        send(0, ICR_ASSERT | ICR_NMI | ICR_ALL_OTHERS);
    }
}

void apic_timer_mode(bool tsc_deadline)
{
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER | (tsc_deadline ? TIMER_DEADLINE : 0));
    /* The mode must be set before the first write of the deadline (SDM vol. 3, 10.5.4.1). */
    __asm__ volatile("mfence" ::: "memory");
}

void apic_timer_start(uint32_t count)
{
    apic_write(APIC_INITIAL_COUNT, count);
}

uint32_t apic_timer_left(void)
{
    return apic_read(APIC_CURRENT_COUNT);
}
