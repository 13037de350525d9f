/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm_build.h"

#include <stddef.h>
#include <component/layout.h>
#include <machines/machines.h>
#include <sel4/quoin.h>

#include "badge.h"
#include "balloon.h"
#include "memory.h"
#include "program.h"
#include "space.h"
#include "window.h"

enum { PAGE = 4096, LARGE_PAGE = 0x200000, SLOT_BITS = 14, LEAST_RAM_SLOT_BITS = 7 };

/* In the VM's part of init's address space. */
#define PLACE_SCRATCH 0x0ull
#define PLACE_STARTUP 0x1000ull
#define PLACE_CONTROL 0x2000ull

/* A VMM's address space, above its image. */
#define VMM_STARTUP_ADDRESS  0x10000000ull
#define VMM_CONTROL_ADDRESS  0x10001000ull
#define VMM_SLICE_ADDRESS    0x10008000ull /* console, log and counts */
#define VMM_BUFFER_ADDRESS   0x10010000ull /* IPC buffers, one page each */
#define VMM_CONFIG_ADDRESS   0x18000000ull
#define VMM_KERNEL_ADDRESS   0x20000000ull
#define VMM_INITRD_ADDRESS   0x40000000ull
#define VMM_FIRMWARE_ADDRESS 0x80000000ull
#define VMM_DISK_ADDRESS     0x80000000000ull /* files of disks, VMM_DISK_ROOM for each ... */
#define VMM_STORE_ADDRESS    0x90000000000ull /* ... and what is written to them */
#define VMM_DISK_ROOM        0x1000000000ull
#define VMM_SERVICE_ADDRESS  0xa0000000000ull /* slices of connections, VMM_DISK_ROOM for each */
#define VMM_RAM_ADDRESS      0x100000000ull   /* guest memory at gpa + this */

/* Period of a vCPU thread's budget; with all of it as budget, the time slice of round robin. */
enum { PERIOD_US = 10000 };

_Static_assert((int)CONNECTION_KINDS == VMM_MAX_CONNECTIONS, "each kind has its place");

struct builder {
    struct vm *vm;
    const struct vm_host *host;
    struct space space, guest;
    struct program program;
    struct vmm_startup *startup;
    seL4_Word window;
    seL4_Word cnode_slot; /* number of slots given to the VMM so far, in its CNode */
    seL4_CPtr cnode;      /* the VMM's, in init's space */
    const char *step;     /* for the log */
};

enum { VMM_CNODE_BITS = 8 };

/* Gives the VMM a capability: the slot number, which is its address there. 0: error. */
static seL4_Word give(struct builder *b, seL4_CPtr cap, seL4_CapRights_t rights, seL4_Word badge)
{
    seL4_Word slot = ++b->cnode_slot;

    if (cap == 0 || slot >= 1u << VMM_CNODE_BITS ||
        seL4_CNode_Mint(b->cnode, slot, VMM_CNODE_BITS, cspace_root(), cap, seL4_WordBits, rights,
                        badge) != seL4_NoError) {
        return 0;
    }
    return slot;
}

static seL4_Error map_ram(struct builder *b, uint64_t gpa, uint64_t size)
{
    struct vmm_startup_ram *ram = &b->startup->ram[b->startup->ram_count++];

    *ram = (struct vmm_startup_ram){gpa, size, VMM_RAM_ADDRESS + gpa};
    if (b->vm->settings.balloon != 0) {
        return balloon_map(b->vm->slot, &b->vm->ram, &b->space, &b->guest, ram->address,
                           (unsigned)(size / VMM_BALLOON_BLOCK),
                           (unsigned)(b->vm->settings.balloon / VMM_BALLOON_BLOCK));
    }
    return memory_map(&b->vm->ram, b->host->features, &b->space, ram->address, size, &b->guest, gpa,
                      &b->vm->runs);
}

/* Room for two capabilities to each frame of 2 MiB, and for some more. */
static uint8_t ram_slot_bits(uint64_t size)
{
    uint8_t bits = LEAST_RAM_SLOT_BITS;

    while ((1ull << bits) <= size / LARGE_PAGE * 2) {
        bits++;
    }
    return bits;
}

static seL4_Error map_blob(struct builder *b, const struct archive_file *source, seL4_Word address,
                           struct vmm_startup_blob *blob)
{
    struct archive_file file = *source;

    if (archive_open(&file) != 0) {
        b->step = "use of a file that was changed";
        return seL4_IllegalOperation;
    }
    if (file.size == 0) {
        return seL4_NoError;
    }
    *blob = (struct vmm_startup_blob){address, file.size};
    return space_map_existing(&b->space, address, file.first_frame, file.size, seL4_CanRead);
}

static seL4_Error map_disks(struct builder *b)
{
    const struct vm_settings *s = &b->vm->settings;
    seL4_Error error = seL4_NoError;

    for (unsigned i = 0; i < VMM_MAX_DISKS && error == seL4_NoError; i++) {
        struct vmm_startup_disk *disk = &b->startup->disk[i];
        error = map_blob(b, &s->disk[i], VMM_DISK_ADDRESS + i * VMM_DISK_ROOM, &disk->image);
        if (error == seL4_NoError && s->disk_store[i] != 0) {
            uint64_t address = VMM_STORE_ADDRESS + i * VMM_DISK_ROOM;
            disk->store = (struct vmm_startup_blob){address, s->disk_store[i]};
            error = memory_map(&b->vm->arena, b->host->features, &b->space, address,
                               s->disk_store[i], NULL, 0, NULL);
        }
    }
    return error;
}

static seL4_Error build_space(struct builder *b, const struct archive_file *vmm)
{
    struct arena *a = &b->vm->arena;
    seL4_Error error = space_create(&b->space, SPACE_COMPONENT, a);

    b->step = "the VMM's program";
    if (error == seL4_NoError) {
        error = program_load(&b->space, vmm, b->window + PLACE_SCRATCH, NULL, &b->program);
    }
    if (error != seL4_NoError) {
        return error;
    }
    b->step = "the startup page";
    error = space_map_new(&b->space, VMM_STARTUP_ADDRESS, PAGE, seL4_CanRead,
                          b->window + PLACE_STARTUP);
    if (error == seL4_NoError) {
        error = space_map_new(&b->space, VMM_CONTROL_ADDRESS, PAGE, seL4_CanRead,
                              b->window + PLACE_CONTROL);
    }
    b->startup = (struct vmm_startup *)(b->window + PLACE_STARTUP);
    b->vm->control = (volatile uint64_t *)(b->window + PLACE_CONTROL);
    b->cnode = arena_object(a, seL4_CapTableObject, VMM_CNODE_BITS);
    return error == seL4_NoError && b->cnode == 0 ? seL4_NotEnoughMemory : error;
}

static seL4_Error build_memory(struct builder *b)
{
    const struct vm_settings *s = &b->vm->settings;
    uint64_t low = s->memory < VMM_LOW_RAM_END ? s->memory : VMM_LOW_RAM_END;

    b->step = "the guest's address space";
    seL4_Error error = space_create(&b->guest, SPACE_GUEST, &b->vm->arena);
    b->step = "the guest's memory";
    if (error == seL4_NoError) {
        error = arena_create(&b->vm->ram, ram_slot_bits(s->memory));
    }
    if (error == seL4_NoError) {
        error = map_ram(b, 0, low);
    }
    if (error == seL4_NoError && s->memory > low) {
        error = map_ram(b, VMM_HIGH_RAM_START, s->memory - low);
    }
    b->step = "the guest's files";
    if (error == seL4_NoError) {
        error = map_blob(b, &s->config, VMM_CONFIG_ADDRESS, &b->startup->config);
    }
    if (error == seL4_NoError) {
        error = map_blob(b, &s->kernel, VMM_KERNEL_ADDRESS, &b->startup->kernel);
    }
    if (error == seL4_NoError) {
        error = map_blob(b, &s->initrd, VMM_INITRD_ADDRESS, &b->startup->initrd);
    }
    if (error == seL4_NoError) {
        error = map_blob(b, &s->firmware, VMM_FIRMWARE_ADDRESS, &b->startup->firmware);
    }
    b->step = "its disks";
    if (error == seL4_NoError) {
        error = map_disks(b);
    }
    return error;
}

/* Who speaks to vCPU 0's thread beside other vCPUs and its timer: init, and the console. */
static seL4_Error connect(struct builder *b, seL4_CPtr notification)
{
    const struct vm_host *host = b->host;
    unsigned id = host->console_first_id + b->vm->slot;

    b->vm->control_signal =
        arena_copy(&b->vm->arena, notification, seL4_CanWrite, VMM_BADGE_CONTROL);
    if (b->vm->control_signal == 0) {
        return seL4_NotEnoughMemory;
    }
    if (host->console_cnode == 0) {
        return seL4_NoError;
    }
    b->startup->console_notification =
        give(b, host->console_notification, seL4_CanWrite, 1ull << id);
    seL4_Word slot = COMPONENT_SLOT_NOTIFY + id;
    (void)seL4_CNode_Delete(host->console_cnode, slot, COMPONENT_CNODE_BITS);
    return seL4_CNode_Mint(host->console_cnode, slot, COMPONENT_CNODE_BITS, cspace_root(),
                           notification, seL4_WordBits, seL4_CanWrite, VMM_BADGE_CONSOLE);
}

/* Services that the configuration needs; `notification` is vCPU 0's. */
static seL4_Error connect_services(struct builder *b, seL4_CPtr notification)
{
    struct vm *vm = b->vm;

    for (unsigned kind = 0; kind < CONNECTION_KINDS; kind++) {
        struct connection_end end;
        if (!(vm->settings.connections >> kind & 1)) {
            continue;
        }
        const struct connection *c = connection_find(b->host->connection, kind, vm->slot);
        if (!c) {
            return seL4_InvalidArgument;
        }
        seL4_Error error =
            connection_attach(c, vm->slot, &b->space, VMM_SERVICE_ADDRESS + kind * VMM_DISK_ROOM,
                              notification, VMM_BADGE_SERVICE(kind), &end);
        seL4_Word signal = give(b, end.notification, seL4_CanWrite, end.badge);
        if (error != seL4_NoError || signal == 0) {
            return error == seL4_NoError ? seL4_NotEnoughMemory : error;
        }
        vm->control[CONTROL_EPOCHS + kind] = end.epoch == 0 ? CONNECTION_NO_MORE : end.epoch;
        b->startup->connection[kind] = (struct vmm_startup_connection){
            .address = end.address,
            .size = end.size,
            .notification = signal,
            .epoch = VMM_CONTROL_ADDRESS + (CONTROL_EPOCHS + kind) * sizeof(uint64_t),
            .generation = end.generation,
        };
    }
    return seL4_NoError;
}

/* The slice of the console's memory, which is empty. */
static seL4_Error map_slice(struct builder *b)
{
    const struct vm_host *host = b->host;
    struct vmm_startup *s = b->startup;
    uint64_t at = (uint64_t)b->vm->slot * MACHINE_SLICE_SIZE;

    if (host->console_cnode == 0) {
        return seL4_NoError;
    }
    s->console_out =
        (struct vmm_startup_blob){VMM_SLICE_ADDRESS + MACHINE_SLICE_OUT, MACHINE_SLICE_OUT_SIZE};
    s->console_in =
        (struct vmm_startup_blob){VMM_SLICE_ADDRESS + MACHINE_SLICE_IN, MACHINE_SLICE_IN_SIZE};
    s->console_log =
        (struct vmm_startup_blob){VMM_SLICE_ADDRESS + MACHINE_SLICE_LOG, MACHINE_SLICE_LOG_SIZE};
    s->counts = VMM_SLICE_ADDRESS + MACHINE_SLICE_COUNTS;
    return space_map_existing(&b->space, VMM_SLICE_ADDRESS, host->rings_frame + at / PAGE,
                              MACHINE_SLICE_SIZE, seL4_ReadWrite);
}

/* The objects of vCPU i; the thread does not run yet. */
static seL4_Error build_vcpu(struct builder *b, unsigned i)
{
    struct arena *a = &b->vm->arena;
    struct vmm_startup_vcpu *out = &b->startup->vcpu[i];
    seL4_Word badge = BADGE_VM_FAULT | b->vm->slot;
    seL4_Word buffer = VMM_BUFFER_ADDRESS + i * PAGE;
    unsigned core = (b->vm->settings.first_core + i) % b->host->core_count;

    seL4_CPtr tcb = arena_object(a, seL4_TCBObject, 0);
    seL4_CPtr sc = arena_object(a, seL4_SchedContextObject, seL4_MinSchedContextBits);
    seL4_CPtr notification = arena_object(a, seL4_NotificationObject, 0);
    seL4_CPtr vcpu = arena_object(a, seL4_X86_VCPUObject, 0);
    seL4_CPtr frame = arena_object(a, seL4_X86_4K, 0);
    seL4_CPtr fault = arena_copy(a, b->host->endpoint, seL4_AllRights, badge);
    if (tcb == 0 || sc == 0 || notification == 0 || vcpu == 0 || frame == 0 || fault == 0) {
        return seL4_NotEnoughMemory;
    }
    seL4_Error error = space_map(&b->space, frame, buffer, seL4_ReadWrite);
    seL4_CNode_CapData_t guard = seL4_CNode_CapData_new(0, seL4_WordBits - VMM_CNODE_BITS);
    if (error == seL4_NoError) {
        error = seL4_TCB_Configure(tcb, b->cnode, guard.words[0], b->space.root, 0, buffer, frame);
    }
    if (error == seL4_NoError) {
        seL4_Time budget = PERIOD_US * b->vm->settings.cpu_percent / 100u;
        error =
            seL4_SchedControl_Configure(b->host->sched_control + core, sc, budget, PERIOD_US, 0, 0);
    }
    if (error == seL4_NoError) {
        seL4_Word priority = b->host->priority + b->vm->settings.high_priority;
        error = seL4_TCB_SetSchedParams(tcb, seL4_CapInitThreadTCB, priority, priority, sc, fault);
    }
    if (error == seL4_NoError) {
        error = seL4_TCB_BindNotification(tcb, notification);
    }
    if (error == seL4_NoError) {
        error = seL4_X86_VCPU_SetTCB(vcpu, tcb);
    }
    if (error == seL4_NoError) {
        error = seL4_TCB_SetEPTRoot(tcb, b->guest.root);
    }
    if (error != seL4_NoError) {
        return error;
    }
    if (b->host->features & QUOIN_FEATURE_TIMER) {
        seL4_CPtr timer = arena_object(a, QUOIN_TIMER_OBJECT, 0);
        seL4_CPtr signal = arena_copy(a, notification, seL4_AllRights, VMM_BADGE_TIMER);
        if (timer == 0 || signal == 0) {
            return seL4_NotEnoughMemory;
        }
        error = seL4_QuoinTimer_SetNotification(timer, signal);
        if (error == seL4_NoError) {
            error = seL4_QuoinVCPU_SetTimer(vcpu, timer);
        }
        out->timer = give(b, timer, seL4_AllRights, 0);
    }
    out->tcb = give(b, tcb, seL4_AllRights, 0);
    out->vcpu = give(b, vcpu, seL4_AllRights, 0);
    out->notification = give(b, notification, seL4_ReadWrite, VMM_BADGE_KICK);
    out->ipc_buffer = buffer;
    if (error == seL4_NoError && (!out->tcb || !out->vcpu || !out->notification)) {
        error = seL4_NotEnoughMemory;
    }
    b->vm->threads[i] = tcb;
    b->vm->contexts[i] = sc;
    if (error == seL4_NoError && i == 0) {
        error = connect(b, notification);
    }
    if (error == seL4_NoError && i == 0) {
        b->step = "its connections to services";
        error = connect_services(b, notification);
    }
    return error;
}

static seL4_Error build(struct builder *b, const struct archive_file *vmm)
{
    struct vm *vm = b->vm;

    b->step = "its capability space";
    seL4_Error error = arena_create(&vm->arena, SLOT_BITS);
    if (error == seL4_NoError) {
        error = build_space(b, vmm);
    }
    if (error != seL4_NoError) {
        return error;
    }
    struct vmm_startup *s = b->startup;
    *s = (struct vmm_startup){
        .magic = VMM_STARTUP_MAGIC,
        .version = VMM_STARTUP_VERSION,
        .size = sizeof(*s),
        .features = b->host->features,
        .xcr0 = b->host->xcr0,
        .tsc_hz = b->host->tsc_hz,
        .wall_clock_ns = b->host->wall_clock_ns,
        .wall_clock_tsc = b->host->wall_clock_tsc,
        .vcpu_count = vm->settings.vcpus,
        .control = VMM_CONTROL_ADDRESS,
    };
    b->step = "its console";
    error = map_slice(b);
    if (error == seL4_NoError) {
        error = build_memory(b);
    }
    for (unsigned i = 0; error == seL4_NoError && i < vm->settings.vcpus; i++) {
        b->step = "a vCPU";
        error = build_vcpu(b, i);
    }
    if (error == seL4_NoError) {
        b->step = "its capabilities";
        s->exit_endpoint = give(b, b->host->endpoint, seL4_CanWrite, BADGE_VM_ENDING | vm->slot);
        seL4_CPtr lock = arena_object(&vm->arena, seL4_NotificationObject, 0);
        s->lock = give(b, lock, seL4_ReadWrite, 1);
        if (vm->settings.balloon != 0) {
            s->balloon = VMM_CONTROL_ADDRESS + CONTROL_BALLOON * sizeof(uint64_t);
            s->balloon_endpoint = give(b, b->host->endpoint, seL4_CapRights_new(1, 0, 0, 1),
                                       BADGE_VM_BALLOON | vm->slot);
        }
        error = s->exit_endpoint == 0 || s->lock == 0 ? seL4_NotEnoughMemory : seL4_NoError;
    }
    return error;
}

/* Where they begin. */
static seL4_Error set_registers(struct builder *b)
{
    seL4_Error error = seL4_NoError;

    b->step = "its threads";
    for (unsigned i = 0; i < b->vm->settings.vcpus && error == seL4_NoError; i++) {
        seL4_UserContext context = {
            .rip = b->program.entry,
            .rflags = 0x202,
            .rdi = VMM_STARTUP_ADDRESS,
            .rsi = i,
        };
        error = seL4_TCB_WriteRegisters(b->vm->threads[i], false, 0,
                                        sizeof(context) / sizeof(seL4_Word), &context);
    }
    return error;
}

seL4_Error vm_build(struct vm *vm, const struct vm_host *host, const struct archive_file *vmm,
                    const char **step)
{
    struct builder b = {
        .vm = vm, .host = host, .window = WINDOW_MACHINES + vm->slot * WINDOW_MACHINE_SIZE};
    seL4_Error error = build(&b, vmm);

    if (error == seL4_NoError) {
        error = set_registers(&b);
    }
    *step = b.step;
    return error;
}
