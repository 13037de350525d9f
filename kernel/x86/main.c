/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the loader to the first thread.
 */
#include <uart/registers.h>

#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/arch.h"
#include "x86/asm.h"
#include "x86/boot.h"
#include "x86/console.h"
#include "x86/cpu.h"
#include "x86/entry.h"
#include "x86/ioapic.h"
#include "x86/kspace.h"
#include "x86/patch.h"
#include "x86/percpu.h"
#include "x86/root.h"
#include "x86/smp.h"
#include "x86/virt.h"

void boot_main(uint32_t magic, uint32_t address);

static _Alignas(TCB_SIZE) uint8_t idle_threads[CONFIG_MAX_CORES][TCB_SIZE];
static struct acpi_info acpi_info;
static uint64_t view_limit = BIT(32); /* how much of the window is mapped */

static const void *window_at(const struct memory_view *view, uint64_t address, uint64_t bytes)
{
    (void)view;
    if (address >= view_limit || bytes > view_limit - address) {
        return NULL;
    }
    return arch_window((struct paddr){address});
}
static const struct memory_view window_view = {window_at};

static void check(const char *error)
{
    if (error != NULL) {
        boot_fail(error);
    }
}

static uint64_t page_up(uint64_t address)
{
    return (address + PAGE_SIZE - 1) & ~MASK(PAGE_BITS);
}

/* RAM that nobody has: not the kernel, not the modules. */
static void find_free_memory(void)
{
    boot_free = boot_info.ram;
    region_remove(&boot_free, KERNEL_LOAD, page_up((uint64_t)(uintptr_t)kernel_end - KERNEL_BASE));
    for (unsigned i = 0; i < boot_info.module_count; i++) {
        region_remove(&boot_free, boot_info.modules[i].start & ~MASK(PAGE_BITS),
                      page_up(boot_info.modules[i].end));
    }
}

static uint64_t ram_top(void)
{
    uint64_t top = boot_info.ram.at[boot_info.ram.count - 1].end;
    top = top < BIT(32) ? BIT(32) : top;
    return (top + MASK(30)) & ~MASK(30);
}

static void init_console(void)
{
    const char *option = boot_option(boot_info.command_line, "console_port");
    if (option != NULL) {
        console_init((uint16_t)boot_number(option));
    }
}

static void init_iommu(void)
{
    const char *most = boot_option(boot_info.command_line, "iommu_large");
    iommu_init(&acpi_info, !boot_flag(boot_info.command_line, "disable_iommu"),
               most == NULL ? 2 : (unsigned)boot_number(most));
}

static void init_acpi(void)
{
    if (boot_info.rsdp_length == 0) {
        boot_info.rsdp_length = acpi_find_rsdp(&window_view, boot_info.rsdp);
    }
    check(acpi_parse(&window_view, boot_info.rsdp, boot_info.rsdp_length, &acpi_info));
    const struct acpi_table *mcfg = &acpi_info.mcfg;
    boot_info.mcfg_length = mcfg->length < QUOIN_MCFG_BYTES ? mcfg->length : QUOIN_MCFG_BYTES;
    memory_copy(boot_info.mcfg, mcfg->data, boot_info.mcfg_length);
}

static void init_idle_thread(unsigned id)
{
    struct tcb *idle = (struct tcb *)idle_threads[id];
    struct core *core = &cores[id];
    arch_tcb_init(idle);
    idle->state = THREAD_IDLE;
    idle->core = id;
    memory_copy(idle->name, "idle", 5);
    core->idle = idle;
    core->current = idle;
    core->current_context = &idle->context;
    core->user_cr3 = core->kernel_cr3;
    core->reschedule = true;
    core->deadline = UINT64_MAX;
    core->domain_end = UINT64_MAX;
    core->place = sched_place(id, 0);
    core->space_key = CONFIG_MAX_CORES + id;
}

/* What every core does with its own registers. */
static void init_core(unsigned id)
{
    percpu_init_core(id);
    cpu_init_syscall();
    apic_init_core();
    if (id == 0) {
        virt_init();
    }
    virt_init_core();
}

static _Noreturn void run(struct core *core)
{
    kernel_leave(core);
    if (cpu.meltdown) {
        entry_exit_isolated();
    }
    entry_exit();
}

void smp_core_main(unsigned id)
{
    cpu_init_core();
    kspace_init_core();
    init_core(id);
    timer_init_core();
    init_idle_thread(id);
    __atomic_store_n(&cores[id].online, true, __ATOMIC_RELEASE);
    smp_wait_release();
    kernel_enter(&cores[id]);
    run(&cores[id]);
}

static void print_banner(void)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < boot_info.ram.count; i++) {
        bytes += boot_info.ram.at[i].end - boot_info.ram.at[i].start;
    }
    console_printf("quoin: %u core%s, %lu MiB, TSC %lu kHz%s%s\n", core_count,
                   core_count == 1 ? "" : "s", bytes >> 20, arch_tsc_hz() / 1000,
                   cpu.meltdown ? ", isolated" : "", QUOIN_DEBUG ? ", debug" : "");
}

void boot_main(uint32_t magic, uint32_t address)
{
    core_count = 1;
    percpu_init_early();
    console_init(UART_COM1);
    check(multiboot_parse(&window_view, magic, address, &boot_info));
    init_console();
    const char *missing = cpu_detect();
    if (missing != NULL) {
        console_printf("quoin: this processor lacks %s\n", missing);
        arch_halt();
    }
    cpu_init_core();
    patch_code();

    find_free_memory();
    kspace_init(ram_top());
    view_limit = ram_top();
    init_acpi();
    apic_init(acpi_info.lapic_address);
    idt_init();
    percpu_make(0, 0);
    pic_disable();
    init_core(0);
    cores[0].apic_id = apic_id();
    ioapic_init(&acpi_info);
    timer_init(&acpi_info);
    sched_init();
    timer_init_core();
    init_iommu();
    init_idle_thread(0);
    cores[0].online = true;
    smp_start(&acpi_info, CONFIG_MAX_CORES);

    kernel_enter(&cores[0]);
    root_create();
    print_banner();
    smp_release();
    run(&cores[0]);
}
