/* SPDX-License-Identifier: BSD-2-Clause */
#include "component.h"

#include <string.h>
#include <component/layout.h>
#include <rt/log.h>

#include "badge.h"
#include "program.h"
#include "system.h"
#include "window.h"

enum { PAGE = 4096, LIFE_SLOT_BITS = 12 };

seL4_Error component_give(struct component *c, seL4_Word slot, seL4_CPtr cap,
                          seL4_CapRights_t rights, seL4_Word badge)
{
    return cap == 0 ? seL4_NotEnoughMemory
                    : seL4_CNode_Mint(c->cnode, slot, COMPONENT_CNODE_BITS, cspace_root(), cap,
                                      seL4_WordBits, rights, badge);
}

seL4_CPtr component_signal(struct component *c, struct arena *arena, unsigned id)
{
    return arena_copy(arena, c->notification, seL4_CanWrite, 1ull << id);
}

/* Image, information page and IPC buffer. */
static seL4_Error make_space(struct component *c, const struct system_table *table, unsigned number,
                             struct arena *arena)
{
    struct archive_file file;
    struct program program;
    seL4_Word window = WINDOW_INFO + number * PAGE;

    if (archive_find(c->record->program, &file) != 0) {
        log_error("%s: there is no program %s in the root image", c->record->name,
                  c->record->program);
        return seL4_InvalidArgument;
    }
    seL4_Error error = space_create(&c->space, SPACE_COMPONENT, arena);
    if (error == seL4_NoError) {
        struct program_patches patches = {table->patches, table->patch_count, number,
                                          system_physical};
        error = program_load(&c->space, &file, WINDOW_SCRATCH, &patches, &program);
    }
    if (error != seL4_NoError) {
        return error;
    }
    c->entry = program.entry;
    c->info = (struct component_info *)window;
    return program.end > SYSTEM_LOWEST_MAPPING
               ? seL4_InvalidArgument
               : space_map_new(&c->space, COMPONENT_INFO_ADDRESS, PAGE, seL4_CanRead, window);
}

seL4_Error component_make(struct component *c, const struct system_table *table, unsigned number,
                          struct arena *arena)
{
    *c = (struct component){.record = &table->domains[number]};
    c->cnode = arena_object(arena, seL4_CapTableObject, COMPONENT_CNODE_BITS);
    c->endpoint = arena_object(arena, seL4_EndpointObject, 0);
    c->notification = arena_object(arena, seL4_NotificationObject, 0);
    if (!c->cnode || !c->endpoint || !c->notification) {
        return seL4_NotEnoughMemory;
    }
    return component_give(c, COMPONENT_SLOT_INPUT, c->endpoint, seL4_CanRead, 0);
}

/* The thread, with what it runs on. */
static seL4_Error make_thread(struct component *c, unsigned number, const struct vm_host *host,
                              struct arena *arena)
{
    const struct system_domain *record = c->record;

    c->tcb = arena_object(arena, seL4_TCBObject, 0);
    seL4_CPtr reply = arena_object(arena, seL4_ReplyObject, 0);
    seL4_CPtr sc = arena_object(arena, seL4_SchedContextObject, seL4_MinSchedContextBits);
    seL4_CPtr buffer = arena_object(arena, seL4_X86_4K, 0);
    seL4_CPtr fault = arena_copy(arena, host->endpoint, seL4_AllRights, BADGE_COMPONENT | number);
    if (!c->tcb || !reply || !sc || !buffer || !fault) {
        return seL4_NotEnoughMemory;
    }
    seL4_Error error = space_map(&c->space, buffer, COMPONENT_BUFFER_ADDRESS, seL4_ReadWrite);
    seL4_CNode_CapData_t guard = seL4_CNode_CapData_new(0, seL4_WordBits - COMPONENT_CNODE_BITS);
    if (error == seL4_NoError) {
        error = seL4_TCB_Configure(c->tcb, c->cnode, guard.words[0], c->space.root, 0,
                                   COMPONENT_BUFFER_ADDRESS, buffer);
    }
    if (error == seL4_NoError) {
        error = seL4_SchedControl_Configure(host->sched_control + record->core % host->core_count,
                                            sc, record->budget_us, record->period_us, 0, 0);
    }
    if (error == seL4_NoError) {
        error = seL4_TCB_SetSchedParams(c->tcb, seL4_CapInitThreadTCB, record->priority,
                                        record->priority, sc, fault);
    }
    if (error == seL4_NoError) {
        error = seL4_TCB_BindNotification(c->tcb, c->notification);
    }
    return error != seL4_NoError
               ? error
               : component_give(c, COMPONENT_SLOT_REPLY, reply, seL4_AllRights, 0);
}

seL4_Error component_live(struct component *c, const struct system_table *table, unsigned number,
                          const struct vm_host *host, struct arena *arena)
{
    seL4_Error error = seL4_NoError;

    if (c->record->restarts != 0) {
        arena = &c->life;
        error = arena_create(arena, LIFE_SLOT_BITS);
    }
    if (error == seL4_NoError) {
        error = make_space(c, table, number, arena);
    }
    if (error != seL4_NoError) {
        return error;
    }
    *c->info = (struct component_info){
        .magic = COMPONENT_INFO_MAGIC,
        .ipc_buffer = COMPONENT_BUFFER_ADDRESS,
        .tsc_hz = host->tsc_hz,
        .features = host->features,
        .watch = c->record->watch == 0 ? 0 : 1ull << (c->record->watch - 1),
        .restarts = c->lives++,
        .ecam_address = host->ecam_address,
        .ecam_last_bus = host->ecam_last_bus,
    };
    memcpy(c->info->name, c->record->name, sizeof(c->info->name));
    return make_thread(c, number, host, arena);
}

void component_end(struct component *c)
{
    arena_destroy(&c->life);
    c->tcb = 0;
}

/* The handler, its notification, and the component's own capability for the acknowledgement. */
static seL4_Error give_irq(struct component *c, const struct system_irq *irq, struct arena *arena)
{
    int64_t slot = cspace_node_take(&arena->node, 1);
    seL4_CPtr signal = component_signal(c, arena, irq->id);
    seL4_Error error;

    if (slot < 0 || signal == 0) {
        return seL4_NotEnoughMemory;
    }
    if (irq->flags & SYSTEM_IRQ_MESSAGE) {
        error = seL4_IRQControl_GetMSI(seL4_CapIRQControl, arena->node.cap, (seL4_Word)slot,
                                       arena->node.bits, irq->source[0], irq->source[1],
                                       irq->source[2], irq->source[3], irq->vector);
    } else {
        error = seL4_IRQControl_GetIOAPIC(seL4_CapIRQControl, arena->node.cap, (seL4_Word)slot,
                                          arena->node.bits, irq->source[0], irq->source[1],
                                          (irq->flags & SYSTEM_IRQ_LEVEL) != 0,
                                          (irq->flags & SYSTEM_IRQ_LOW) != 0, irq->vector);
    }
    if (error != seL4_NoError) {
        log_error("%s: no interrupt on vector %u (kernel error %d)", c->record->name, irq->vector,
                  (int)error);
        return error;
    }
    seL4_CPtr handler = cspace_node_address(&arena->node, (seL4_Word)slot);
    error = seL4_IRQHandler_SetNotification(handler, signal);
    return error != seL4_NoError
               ? error
               : component_give(c, COMPONENT_SLOT_IRQ + irq->id, handler, seL4_AllRights, 0);
}

static seL4_Error give_port(struct component *c, const struct system_port *port,
                            struct arena *arena)
{
    int64_t slot = cspace_node_take(&arena->node, 1);

    if (slot < 0) {
        return seL4_NotEnoughMemory;
    }
    seL4_Error error =
        seL4_X86_IOPortControl_Issue(seL4_CapIOPortControl, port->first, port->last,
                                     arena->node.cap, (seL4_Word)slot, arena->node.bits);
    if (error != seL4_NoError) {
        log_error("%s: no ports from %x to %x (kernel error %d)", c->record->name, port->first,
                  port->last, (int)error);
        return error;
    }
    return component_give(c, COMPONENT_SLOT_PORT + port->id,
                          cspace_node_address(&arena->node, (seL4_Word)slot), seL4_AllRights, 0);
}

static seL4_Error give_timer(struct component *c, unsigned id, struct arena *arena)
{
    seL4_CPtr timer = arena_object(arena, QUOIN_TIMER_OBJECT, 0);
    seL4_CPtr signal = component_signal(c, arena, id);

    if (timer == 0 || signal == 0) {
        return seL4_NotEnoughMemory;
    }
    seL4_Error error = seL4_QuoinTimer_SetNotification(timer, signal);
    return error != seL4_NoError
               ? error
               : component_give(c, COMPONENT_SLOT_TIMER + id, timer, seL4_AllRights, 0);
}

seL4_Error component_give_hardware(struct component *c, const struct system_table *table,
                                   unsigned number, struct arena *arena)
{
    seL4_Error error = seL4_NoError;

    for (uint32_t i = 0; i < table->irq_count && error == seL4_NoError; i++) {
        if (table->irqs[i].domain == number) {
            error = give_irq(c, &table->irqs[i], arena);
        }
    }
    for (uint32_t i = 0; i < table->port_count && error == seL4_NoError; i++) {
        if (table->ports[i].domain == number) {
            error = give_port(c, &table->ports[i], arena);
        }
    }
    for (uint32_t i = 0; i < table->timer_count && error == seL4_NoError; i++) {
        if (table->timers[i].domain == number) {
            error = give_timer(c, table->timers[i].id, arena);
        }
    }
    return error;
}

seL4_Error component_start(struct component *c)
{
    seL4_UserContext context = {
        .rip = c->entry,
        .rflags = 0x202,
        .rdi = COMPONENT_INFO_ADDRESS,
    };
    return seL4_TCB_WriteRegisters(c->tcb, true, 0, sizeof(context) / sizeof(seL4_Word), &context);
}
