/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The root task: takes over what the kernel hands out, starts the virtual machines that the root
 * image describes, and watches them.
 */
#include <string.h>
#include <rt/component.h>
#include <rt/log.h>
#include <rt/panic.h>
#include <sel4/quoin.h>
#include <sel4/sel4.h>

#include "archive.h"
#include "bootinfo_print.h"
#include "chunk.h"
#include "cspace.h"
#include "pool.h"
#include "rtc.h"
#include "serial.h"
#include "settings.h"
#include "vm.h"
#include "watch.h"

static struct vm vms[VM_MAX];
static struct vm_host host;

static void read_extensions(const seL4_BootInfo *info)
{
    struct quoin_extensions extensions;

    if (chunk_read(info, QUOIN_BOOTINFO_EXTENSIONS, &extensions, sizeof(extensions)) == 0) {
        host.features = extensions.features;
        host.xcr0 = extensions.xcr0;
        host.tsc_hz = extensions.tsc_hz;
    }
}

/* Objects that init itself needs. */
static void make_own_objects(const seL4_BootInfo *info, struct watch *watch)
{
    struct pool_block *root = pool_alloc(CSPACE_ROOT_BITS + seL4_SlotBits);
    static struct arena own;

    if (!root || cspace_enter(info, pool_untyped(root)) != seL4_NoError ||
        arena_create(&own, 6) != seL4_NoError) {
        panic("there is no memory for init itself");
    }
    watch->endpoint = arena_object(&own, seL4_EndpointObject, 0);
    watch->reply = arena_object(&own, seL4_ReplyObject, 0);
    if (watch->endpoint == 0 || watch->reply == 0) {
        panic("there is no memory for init's endpoint");
    }
}

static bool is_vm_file(const char *name)
{
    size_t length = strlen(name);
    return strncmp(name, "vm/", 3) == 0 && length > 7 && strcmp(name + length - 4, ".ini") == 0;
}

/* Starts a VM for each configuration in the root image. */
static void start_vms(unsigned file_count, const struct archive_file *vmm)
{
    unsigned index = 0;

    for (unsigned i = 0; i < file_count && index < VM_MAX; i++) {
        struct archive_file file;
        struct vm_settings settings;

        archive_get(i, &file);
        if (!is_vm_file(file.name) || settings_read(&file, &settings) != 0 || !settings.autostart) {
            continue;
        }
        settings.first_core = index % host.core_count;
        if (vm_start(&vms[index], index, &host, &settings, vmm) == seL4_NoError) {
            log_info("VM %s: %lu MiB, %u vCPU%s, started", settings.name, settings.memory >> 20,
                     settings.vcpus, settings.vcpus == 1 ? "" : "s");
            index++;
        }
    }
    log_info("%u virtual machine%s, %lu MiB free", index, index == 1 ? "" : "s",
             pool_free_bytes() >> 20);
}

void component_main(const seL4_BootInfo *info)
{
    struct watch watch = {.vms = vms, .host = &host};
    struct archive_file vmm;

    cspace_init(info);
    seL4_CPtr uart = cspace_alloc();
    /* Without COM1 there is nobody to tell; a debug kernel's own console is for the kernel. */
    if (serial_open(uart) == seL4_NoError) {
        log_set_sink(serial_write, "quoin init");
        host.uart_cap = uart;
        host.uart_port = SERIAL_PORT;
    }
    log_info("root task is up on %lu processor%s", info->numNodes, info->numNodes == 1 ? "" : "s");
    bootinfo_print(info);

    pool_init(info);
    make_own_objects(info, &watch);
    read_extensions(info);
    host.sched_control = info->schedcontrol.start;
    host.core_count = (unsigned)info->numNodes;
    host.endpoint = watch.endpoint;
    rtc_read(cspace_alloc(), &host.wall_clock_ns, &host.wall_clock_tsc);

    unsigned file_count = archive_init(info);
    if (file_count == 0 || archive_find("vmm.elf", &vmm) != 0) {
        log_info("no virtual machine monitor in the root image");
        seL4_TCB_Suspend(seL4_CapInitThreadTCB);
    }
    watch.vmm = &vmm;
    if (!(host.features & (QUOIN_FEATURE_SVM | QUOIN_FEATURE_VMX))) {
        log_error("this processor has neither VT-x nor AMD-V, or the firmware switched it off: "
                  "no virtual machine can run");
        seL4_TCB_Suspend(seL4_CapInitThreadTCB);
    }
    start_vms(file_count, &vmm);
    watch_run(&watch);
}
