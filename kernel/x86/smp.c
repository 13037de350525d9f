/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/smp.h"

#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/boot.h"
#include "x86/cpu.h"
#include "x86/kspace.h"
#include "x86/percpu.h"

/* trampoline.S */
extern const uint8_t trampoline_start[], trampoline_end[], trampoline_gdt_pointer[],
    trampoline_far[], trampoline_cr3[], trampoline_stack[], trampoline_id[], trampoline_entry[];

enum { TRAMPOLINE_TOP = 0xa0000, ONLINE_TIMEOUT_US = 500000, POLL_US = 50 };

static bool released;

static void put(uint8_t *page, const uint8_t *where, const void *value, unsigned bytes)
{
    memory_copy(page + (where - trampoline_start), value, bytes);
}

static void put_core(uint8_t *page, unsigned id)
{
    uint64_t cr3 = kspace_root().v;
    uint64_t stack = cores[id].kernel_stack;
    uint64_t entry = (uint64_t)(uintptr_t)smp_core_main;
    uint32_t number = id;
    put(page, trampoline_cr3, &cr3, sizeof(cr3));
    put(page, trampoline_stack, &stack, sizeof(stack));
    put(page, trampoline_entry, &entry, sizeof(entry));
    put(page, trampoline_id, &number, sizeof(number));
}

/* The code's copy, with its own address where the processor wants absolute ones. */
static uint8_t *make_trampoline(uint32_t address)
{
    uint8_t *page = arch_window((struct paddr){address});
    uint32_t base, target;
    memory_copy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
    memory_copy(&base, trampoline_gdt_pointer + 2, sizeof(base));
    memory_copy(&target, trampoline_far, sizeof(target));
    base += address;
    target += address;
    put(page, trampoline_gdt_pointer + 2, &base, sizeof(base));
    put(page, trampoline_far, &target, sizeof(target));
    return page;
}

static bool is_online(unsigned id)
{
    return __atomic_load_n(&cores[id].online, __ATOMIC_ACQUIRE);
}

/* INIT, STARTUP, STARTUP (SDM vol. 3, 8.4.4.1). */
static bool start_core(unsigned id, uint32_t apic_id, unsigned page)
{
    apic_send_init(apic_id);
    timer_wait_us(10000);
    for (unsigned i = 0; i < 2 && !is_online(id); i++) {
        apic_send_startup(apic_id, page);
        timer_wait_us(200);
    }
    for (unsigned us = 0; us < ONLINE_TIMEOUT_US && !is_online(id); us += POLL_US) {
        timer_wait_us(POLL_US);
    }
    if (!is_online(id)) {
        apic_send_init(apic_id); /* so that it does not wake up later */
    }
    return is_online(id);
}

void smp_start(const struct acpi_info *acpi, unsigned max)
{
    uint64_t address;
    if (acpi->cpu_count < 2 || max < 2) {
        return;
    }
    if (!region_cut(&boot_info.low_ram, PAGE_SIZE, PAGE_SIZE, TRAMPOLINE_TOP, &address)) {
        console_printf("quoin: no memory below 640 KiB to start other cores with\n");
        return;
    }
    uint8_t *page = make_trampoline((uint32_t)address);
    unsigned count = 1;
    for (unsigned i = 0; i < acpi->cpu_count && count < max; i++) {
        uint32_t id = acpi->apic_ids[i];
        if (id == cores[0].apic_id || !apic_can_reach(id)) {
            continue;
        }
        percpu_make(count, id);
        put_core(page, count);
        if (start_core(count, id, (unsigned)(address >> PAGE_BITS))) {
            count++;
        } else {
            console_printf("quoin: core with APIC ID %u does not start\n", id);
        }
    }
    memory_clear(page, PAGE_SIZE);
    core_count = count;
}

void smp_wait_release(void)
{
    while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE)) {
        asm_pause();
    }
}

void smp_release(void)
{
    __atomic_store_n(&released, true, __ATOMIC_RELEASE);
}
