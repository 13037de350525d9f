/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The root task: takes over what the kernel hands out, builds the static system, starts the virtual
 * machines that the root image describes, and watches all of them.
 */
#include <pci/mcfg.h>
#include <rt/component.h>
#include <rt/log.h>
#include <rt/panic.h>
#include <sel4/quoin.h>
#include <sel4/sel4.h>

#include "alarm.h"
#include "archive.h"
#include "badge.h"
#include "bootinfo_print.h"
#include "chunk.h"
#include "cspace.h"
#include "device.h"
#include "dma.h"
#include "guard.h"
#include "journal.h"
#include "life.h"
#include "pool.h"
#include "priority.h"
#include "rtc.h"
#include "serial.h"
#include "system.h"
#include "watch.h"

/* Objects that init itself needs. */
struct own {
    seL4_CPtr endpoint, reply, notification, timer;
};

static struct vm_host host;
static struct system static_system;

static void read_extensions(const seL4_BootInfo *info)
{
    struct quoin_extensions extensions;

    if (chunk_read(info, QUOIN_BOOTINFO_EXTENSIONS, &extensions, sizeof(extensions)) == 0) {
        host.features = extensions.features;
        host.xcr0 = extensions.xcr0;
        host.tsc_hz = extensions.tsc_hz;
    }
}

/* Where PCI's configuration space is, for the component that has it. */
static void read_ecam(const seL4_BootInfo *info)
{
    struct mcfg_area area;
    size_t size = 0;
    const void *table = chunk_find(info, QUOIN_BOOTINFO_MCFG, &size);

    if (!table) {
        return;
    }
    if (mcfg_find(table, size, &area) != MCFG_OK) {
        log_error("the MCFG table names no PCI bus 0");
        return;
    }
    host.ecam_address = area.address;
    host.ecam_last_bus = area.last_bus;
}

static void make_own_objects(const seL4_BootInfo *info, struct own *own)
{
    struct pool_block *root = pool_alloc(CSPACE_ROOT_BITS + seL4_SlotBits);
    static struct arena arena;

    if (!root || cspace_enter(info, pool_untyped(root)) != seL4_NoError ||
        arena_create(&arena, 6) != seL4_NoError) {
        panic("there is no memory for init itself");
    }
    own->endpoint = arena_object(&arena, seL4_EndpointObject, 0);
    own->reply = arena_object(&arena, seL4_ReplyObject, 0);
    own->notification = arena_object(&arena, seL4_NotificationObject, 0);
    if (own->endpoint == 0 || own->reply == 0 || own->notification == 0 ||
        seL4_TCB_BindNotification(seL4_CapInitThreadTCB, own->notification) != seL4_NoError) {
        panic("there is no memory for init's endpoint");
    }
    if (host.features & QUOIN_FEATURE_TIMER) {
        seL4_CPtr signal = arena_copy(&arena, own->notification, seL4_CanWrite, BADGE_SIGNAL_TIME);
        own->timer = arena_object(&arena, QUOIN_TIMER_OBJECT, 0);
        if (signal == 0 || own->timer == 0 ||
            seL4_QuoinTimer_SetNotification(own->timer, signal) != seL4_NoError) {
            panic("there is no memory for init's timer");
        }
    }
}

/* The services; init keeps the serial port when there are none. */
static void build_system(seL4_CPtr uart, const struct own *own)
{
    struct archive_file table;

    if (archive_find("system.table", &table) != 0) {
        return;
    }
    serial_close();
    cspace_free(uart);
    if (system_build(&static_system, &table, &host, own->notification) != seL4_NoError) {
        uart = cspace_alloc();
        if (serial_open(uart) == seL4_NoError) {
            journal_return_to_serial();
        }
        return;
    }
    const struct system_machines *machines = static_system.table.machines;
    if (machines) {
        host.priority = machines->priority;
        host.console_notification = static_system.console_notification;
        host.console_cnode = static_system.console_cnode;
        host.console_first_id = machines->first_id;
        host.rings_frame = static_system.rings_frame;
        host.connection = static_system.connection;
    }
}

void component_main(const seL4_BootInfo *info)
{
    struct archive_file vmm;
    struct own own = {0};

    cspace_init(info);
    seL4_CPtr uart = cspace_alloc();
    /* Without COM1 there is nobody to tell; a debug kernel's own console is for the kernel. */
    journal_start(serial_open(uart) == seL4_NoError);
    log_info("root task is up on %lu processor%s", info->numNodes, info->numNodes == 1 ? "" : "s");
    bootinfo_print(info);

    pool_init(info);
    device_init(info);
    read_extensions(info);
    dma_init(info, host.features);
    read_ecam(info);
    make_own_objects(info, &own);
    (void)seL4_TCB_SetPriority(seL4_CapInitThreadTCB, seL4_CapInitThreadTCB, INIT_PRIORITY);
    host.sched_control = info->schedcontrol.start;
    host.core_count = (unsigned)info->numNodes;
    host.endpoint = own.endpoint;
    host.priority = DEFAULT_MACHINE_PRIORITY;
    rtc_read(cspace_alloc(), &host.wall_clock_ns, &host.wall_clock_tsc);

    unsigned file_count = archive_init(info);
    if (file_count == 0 || archive_find("vmm.elf", &vmm) != 0) {
        log_info("no virtual machine monitor in the root image");
        seL4_TCB_Suspend(seL4_CapInitThreadTCB);
    }
    build_system(uart, &own);
    alarm_init(own.timer);
    if (host.features & (QUOIN_FEATURE_SVM | QUOIN_FEATURE_VMX)) {
        struct life life = {&host, &vmm, &static_system};
        life_start(&life, file_count);
    } else {
        log_error("this processor has neither VT-x nor AMD-V, or the firmware switched it off: "
                  "no virtual machine can run");
    }
    guard_start(&static_system, &host);
    watch_run(&static_system, own.endpoint, own.reply);
}
