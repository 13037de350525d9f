/* SPDX-License-Identifier: BSD-2-Clause */
#include <rt/component.h>
#include <rt/panic.h>
#include <rt/tls.h>

#include "world.h"

#define MAX_THREADS   24
#define STACK_SIZE    8192
#define IMAGE_BASE    0x400000ul   /* lib/rt/user.ld */
#define BUFFER_BASE   0x20000000ul /* IPC buffers, a page for each thread */
#define TIME_SLICE_US 10000
#define SC_SIZE_BITS  8

static struct {
    const seL4_BootInfo *info;
    seL4_SlotPos next_slot;
    seL4_Untyped untyped;
    unsigned threads;
} world;

static _Alignas(16) uint8_t stacks[MAX_THREADS][STACK_SIZE];
static struct rt_tls_block tls_blocks[MAX_THREADS];

static void must(seL4_Error error, const char *what)
{
    if (error != seL4_NoError) {
        panic("%s: error %d, MRs %lx %lx %lx", what, (int)error, seL4_GetMR(0), seL4_GetMR(1),
              seL4_GetMR(2));
    }
}

void world_init(const seL4_BootInfo *info)
{
    seL4_Word count = info->untyped.end - info->untyped.start;
    uint8_t largest = 0;

    world.info = info;
    world.next_slot = info->empty.start;
    for (seL4_Word i = 0; i < count; i++) {
        const seL4_UntypedDesc *untyped = &info->untypedList[i];

        if (!untyped->isDevice && untyped->sizeBits > largest) {
            largest = untyped->sizeBits;
            world.untyped = info->untyped.start + i;
        }
    }
}

seL4_CPtr world_slot(void)
{
    if (world.next_slot >= world.info->empty.end) {
        panic("no empty slot left");
    }
    return world.next_slot++;
}

seL4_CPtr world_object(seL4_Word type, seL4_Word size_bits)
{
    seL4_CPtr slot = world_slot();

    must(
        seL4_Untyped_Retype(world.untyped, type, size_bits, seL4_CapInitThreadCNode, 0, 0, slot, 1),
        "retype");
    return slot;
}

/* Maps a page, making the paging structures that it lacks. */
static void map_page(seL4_X86_Page page, seL4_CPtr space, seL4_Word address)
{
    for (;;) {
        seL4_Error error =
            seL4_X86_Page_Map(page, space, address, seL4_ReadWrite, seL4_X86_Default_VMAttributes);
        seL4_Word missing = seL4_GetMR(2);

        if (error == seL4_NoError) {
            return;
        }
        if (error != seL4_FailedLookup) {
            must(error, "page map");
        }
        switch (missing) {
        case SEL4_MAPPING_LOOKUP_NO_PT:
            must(seL4_X86_PageTable_Map(world_object(seL4_X86_PageTableObject, 0), space, address,
                                        seL4_X86_Default_VMAttributes),
                 "page table map");
            break;
        case SEL4_MAPPING_LOOKUP_NO_PD:
            must(seL4_X86_PageDirectory_Map(world_object(seL4_X86_PageDirectoryObject, 0), space,
                                            address, seL4_X86_Default_VMAttributes),
                 "page directory map");
            break;
        case SEL4_MAPPING_LOOKUP_NO_PDPT:
            must(seL4_X86_PDPT_Map(world_object(seL4_X86_PDPTObject, 0), space, address,
                                   seL4_X86_Default_VMAttributes),
                 "PDPT map");
            break;
        default:
            panic("page map: a lookup failed at level %lu", missing);
        }
    }
}

seL4_CPtr world_space(void)
{
    seL4_CPtr space = world_object(seL4_X64_PML4Object, 0);
    seL4_SlotRegion image = world.info->userImageFrames;

    must(seL4_X86_ASIDPool_Assign(seL4_CapInitThreadASIDPool, space), "ASID assign");
    for (seL4_Word i = 0; i < image.end - image.start; i++) {
        seL4_CPtr copy = world_slot();

        must(seL4_CNode_Copy(seL4_CapInitThreadCNode, copy, seL4_WordBits, seL4_CapInitThreadCNode,
                             image.start + i, seL4_WordBits, seL4_AllRights),
             "copy of an image frame");
        map_page(copy, space, IMAGE_BASE + i * 4096);
    }
    return space;
}

struct world_thread world_start(seL4_CPtr space, void (*entry)(void *), void *argument,
                                seL4_Word priority, seL4_CPtr fault_ep)
{
    unsigned index = world.threads++;
    seL4_Word buffer = BUFFER_BASE + index * 4096ul;
    seL4_CPtr frame = world_object(seL4_X86_4K, 0);
    struct world_thread thread = {
        .tcb = world_object(seL4_TCBObject, 0),
        .sched_context = world_object(seL4_SchedContextObject, SC_SIZE_BITS),
    };
    seL4_UserContext context = {0};

    if (index >= MAX_THREADS) {
        panic("more than %d threads", MAX_THREADS);
    }
    map_page(frame, space, buffer);
    must(seL4_TCB_Configure(thread.tcb, seL4_CapInitThreadCNode, 0, space, 0, buffer, frame),
         "TCB configure");
    must(seL4_SchedControl_Configure(world.info->schedcontrol.start, thread.sched_context,
                                     TIME_SLICE_US, TIME_SLICE_US, 0, 0),
         "sched control");
    must(seL4_TCB_SetSchedParams(thread.tcb, seL4_CapInitThreadTCB, priority, priority,
                                 thread.sched_context, fault_ep),
         "sched params");
    context.rip = (seL4_Word)entry;
    context.rdi = (seL4_Word)argument;
    /* At a function's entry the stack pointer is 8 off a multiple of 16 (System V ABI, 3.2.2). */
    context.rsp = (seL4_Word)&stacks[index][STACK_SIZE] - 8;
    context.rflags = 0x202;
    context.fs_base = tls_prepare(&tls_blocks[index], (seL4_IPCBuffer *)buffer);
    must(seL4_TCB_WriteRegisters(thread.tcb, true, 0, seL4_UserContextWords, &context),
         "write registers");
    return thread;
}

void world_make_passive(const struct world_thread *thread)
{
    must(seL4_SchedContext_Unbind(thread->sched_context), "unbind");
}
