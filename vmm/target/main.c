/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The VMM's entry. Thread 0 builds the virtual machine from the startup page, loads the guest and
 * wakes the other threads; every thread then runs its vCPU until the VM ends.
 */
#include <machines/machines.h>
#include <rt/log.h>
#include <rt/panic.h>
#include <rt/tls.h>
#include <stddef.h>
#include <string.h>
#include <vmconfig.h>

#include "vmm/cpu/cpuid.h"
#include "vmm/firmware/boot.h"
#include "vmm/target/call.h"
#include "vmm/target/secret.h"
#include "vmm/target/storage.h"
#include "vmm/target/target.h"
#include "vmm/vcpu/dump.h"

static struct vm vm;
static struct vmconfig config;
static struct rt_tls_block tls[VMM_MAX_VCPUS];
static const struct vmm_startup *startup;

_Static_assert((int)EXIT_KIND_COUNT <= (int)MACHINE_COUNT_KINDS &&
                   VMM_MAX_VCPUS <= MACHINE_COUNT_VCPUS,
               "every exit has its count");

void vmm_thread(const struct vmm_startup *page, uint64_t index);

static uint64_t read_tsc(void *context)
{
    (void)context;
    return __builtin_ia32_rdtsc();
}

static void message(void *context, const char *text)
{
    (void)context;
    log_info("%s", text);
}

static _Noreturn void end(enum vmm_ending ending)
{
    console_flush();
    for (;;) {
        call_send(startup->exit_endpoint, 1, ending);
        seL4_Yield();
    }
}

/* What init asks for with a word of the control page. */
static void take_request(struct vm *v)
{
    const volatile uint64_t *control = (const volatile uint64_t *)startup->control;
    static uint64_t seen;
    uint64_t request = control == NULL ? 0 : *control;
    if (request == seen)
        return;
    seen = request;
    request %= VMM_CONTROL_COUNT;
    if (request == VMM_CONTROL_POWER_BUTTON)
        power_button(&v->power);
    else if (request == VMM_CONTROL_RESET)
        vm_end(v, VM_RESET);
    else if (request == VMM_CONTROL_DUMP)
        dump_request(v);
}

static void poll(struct vm *v, uint64_t signals)
{
    static uint64_t all = VMM_BADGE_CONTROL;
    console_poll(v);
    /* What was signalled before the guest ran was taken by whoever waited for something then. */
    signals |= all;
    all = 0;
    if ((signals & VMM_BADGE_CONTROL) != 0) {
        signals |= VMM_BADGE_SERVICES; /* init tells of those that end */
        take_request(v);
        balloon_poll();
    }
    if ((signals & VMM_BADGE_SERVICE(CONNECTION_NET)) != 0)
        network_poll();
    if ((signals & STORAGE_BADGES) != 0)
        storage_poll(signals);
    if ((signals & VMM_BADGE_SERVICE(CONNECTION_ENTROPY)) != 0)
        random_poll();
}

/* The startup page comes from init; a mismatch is a broken build, not something to live with. */
static void check_startup(void)
{
    if (startup->magic != VMM_STARTUP_MAGIC || startup->version != VMM_STARTUP_VERSION ||
        startup->size != sizeof(*startup))
        panic("the startup page is not of this version");
    if (startup->vcpu_count == 0 || startup->vcpu_count > VMM_MAX_VCPUS ||
        startup->ram_count > VMM_MAX_RAM || startup->tsc_hz == 0)
        panic("the startup page has impossible values");
    if ((startup->features & QUOIN_FEATURE_VMENTER_EXT) == 0)
        panic("the kernel lacks the extended VMEnter");
}

static void read_config(void)
{
    struct vmconfig_error error;
    const char *text = (const char *)startup->config.address;
    if (vmconfig_parse(text, startup->config.size, &config, &error) != 0) {
        log_error("configuration, line %u: %s", error.line, error.message);
        end(VMM_ENDING_FAILED);
    }
}

static struct boot_blob blob(const struct vmm_startup_blob *source)
{
    return (struct boot_blob){(const uint8_t *)source->address, source->size};
}

static void build(void)
{
    for (unsigned i = 0; i < startup->ram_count; i++) {
        const struct vmm_startup_ram *ram = &startup->ram[i];
        if (memory_add(&vm.memory, gpa(ram->gpa), ram->size, (uint8_t *)ram->address) != MEMORY_OK)
            panic("guest memory %u does not fit", i);
    }
    vm.clock = (struct clock){read_tsc, NULL, startup->tsc_hz};
    vm.tsc_offset = 0 - read_tsc(NULL);
    vm.wall_ns = startup->wall_clock_ns;
    vm.wall_tsc = startup->wall_clock_tsc;
    vm.max_xcr0 = startup->xcr0;
    vm.has_hpet = config.hpet;
    vm.vendor = cpuid_vendor(cpuid_host);
    vm.vcpu_count = startup->vcpu_count;
    vm.lock = target_lock;
    vm.unlock = target_unlock;
    vm.console = console_byte;
    vm.console_room = console_room;
    vm.console_write = console_write;
    vm.message = message;
    vm.poll = poll;
    for (unsigned i = 0; i < vm.vcpu_count; i++) {
        vm.vcpu[i].mr = ((seL4_IPCBuffer *)startup->vcpu[i].ipc_buffer)->msg;
        vm.vcpu[i].operations = &target_operations;
        vm.vcpu[i].context = (void *)&startup->vcpu[i];
        if (startup->counts != 0) /* the console service shows them on its status page */
            vm.vcpu[i].exits = ((struct machine_counts *)startup->counts)->exits[i];
    }
    if (vm_initialize(&vm) != 0)
        panic("a device table is full");
    if (!storage_open(startup, &config))
        end(VMM_ENDING_FAILED);
    if (!network_attach(&vm, startup, &config)) {
        log_error("the network card does not fit");
        end(VMM_ENDING_FAILED);
    }
    if (!random_attach(&vm, startup, &config)) {
        log_error("the source of random numbers cannot be made");
        end(VMM_ENDING_FAILED);
    }
    if (!balloon_attach(&vm, startup)) {
        log_error("the balloon does not fit");
        end(VMM_ENDING_FAILED);
    }
    if (!devices_attach(&vm, startup, &config)) {
        log_error(
            "a disk does not fit: too large, too small, or of a size that is no whole sectors");
        end(VMM_ENDING_FAILED);
    }
}

/* The guest begins with its secret or not at all. */
static void open_secret(void)
{
    switch (secret_open(&vm, startup, &config)) {
    case SECRET_READY:
        break;
    case SECRET_OFF:
        end(VMM_ENDING_POWER_OFF);
    default:
        end(VMM_ENDING_FAILED);
    }
}

static void load(void)
{
    struct boot_image image = {
        .kernel = blob(&startup->kernel),
        .initrd = blob(&startup->initrd),
        .command_line = config.command_line,
    };
    int error = boot_load(&vm, &image);
    if (error != BOOT_OK) {
        log_error("%s", boot_error_text(error));
        end(VMM_ENDING_FAILED);
    }
}

static void report_exits(void)
{
    for (unsigned i = 0; i < vm.vcpu_count; i++) {
        const struct vcpu *vcpu = &vm.vcpu[i];
        log_info("vCPU %u: %lu entries", i, vcpu->entries);
        for (unsigned kind = 0; kind < EXIT_KIND_COUNT; kind++) {
            if (vcpu->exits[kind] != 0)
                log_info("  %s %lu", exit_name((enum exit_kind)kind), vcpu->exits[kind]);
        }
    }
}

static enum vmm_ending ending(void)
{
    switch (vm.state) {
    case VM_OFF:
        return VMM_ENDING_POWER_OFF;
    case VM_RESET:
        return VMM_ENDING_RESET;
    default:
        return VMM_ENDING_FAILED;
    }
}

void vmm_thread(const struct vmm_startup *page, uint64_t index)
{
    tls_enter(&tls[index], (seL4_IPCBuffer *)page->vcpu[index].ipc_buffer);
    if (index == 0) {
        startup = page;
        check_startup();
        console_initialize(page);
        log_set_record_sink(console_log);
        read_config();
        target_initialize(page);
        build();
        open_secret();
        load();
        console_poll(&vm); /* announces that input is to be told of */
        for (unsigned i = 1; i < vm.vcpu_count; i++)
            call_send(page->vcpu[i].notification, 0, 0);
    } else {
        call_wait(page->vcpu[index].notification);
    }
    struct vcpu *vcpu = &vm.vcpu[index];
    vcpu_configure(vcpu);
    vcpu_run(vcpu);
    if (index == 0) {
        report_exits();
        end(ending());
    }
    for (;;)
        call_wait(page->vcpu[index].notification);
}
