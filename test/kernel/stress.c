/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stress: random calls from threads on every core, on objects that they share and take from each
 * other. A debug kernel checks the derivation tree and the scheduler's queues after each call and
 * panics at the first broken one. Reproducible from the seed on one core, as random on several.
 *
 * Invocations go out by NBSend, so that none of them blocks its thread: on an endpoint it sends, on
 * a kernel object it invokes. The threads have a small CSpace of their own, which a check walks
 * quickly: a few initial capabilities at their usual addresses, then the arena, whose slots hold
 * everything that may be touched.
 */
#include <rt/component.h>

#include "harness.h"

enum {
    CSPACE_BITS = 8,
    POOL = 40, /* the untyped of everything made, and the notification at the end */
    DONE = 41,
    IO_SPACE = 42, /* of a device that is not there */
    ARENA_START = 64,
    ARENA = (1 << CSPACE_BITS) - ARENA_START,
    WINDOW = 0x10000000,
    WINDOW_PAGES = 64,
};

struct outcome outcome;
seL4_CPtr test_tcb;
seL4_CPtr test_sc;

/* test/emulator.toml puts other values here before the image is started. */
__attribute__((used, section(".data.stress"))) volatile uint64_t stress_seed = 1;
__attribute__((used, section(".data.stress"))) volatile uint64_t stress_calls = 100000;

static volatile uint64_t calls;

struct random {
    uint64_t state;
};

/* xorshift64* */
static uint64_t next(struct random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1dull;
}

static uint64_t below(struct random *r, uint64_t limit)
{
    return next(r) % limit;
}

static seL4_CPtr slot(struct random *r)
{
    return ARENA_START + below(r, ARENA);
}

_Noreturn void test_fail(const char *file, int line, const char *reason, bool has_values,
                         seL4_Word a, seL4_Word b)
{
    (void)has_values;
    console_string("test stress ... FAIL ");
    console_string(file);
    console_string(":");
    console_number((seL4_Word)line);
    console_string(" ");
    console_string(reason);
    console_string(" ");
    console_hex(a);
    console_string(" ");
    console_hex(b);
    console_string("\nkernel tests: 0 passed, 1 failed\n");
    for (;;) {
        __asm__ volatile("ud2");
    }
}

_Noreturn void test_skip(const char *reason)
{
    test_fail(__FILE__, __LINE__, reason, false, 0, 0);
}

/* What threads made here run: system calls without stack, TLS or IPC buffer. */
extern char stress_child[];
__asm__(".pushsection .text.stress_child, \"ax\", @progbits\n"
        ".globl stress_child\n"
        "stress_child:\n\tmovq $-11, %rdx\n\tsyscall\n\tjmp stress_child\n"
        ".popsection\n");

static const uint16_t types[] = {
    seL4_UntypedObject,
    seL4_TCBObject,
    seL4_TCBObject,
    seL4_EndpointObject,
    seL4_NotificationObject,
    seL4_CapTableObject,
    seL4_SchedContextObject,
    seL4_ReplyObject,
    seL4_X86_PDPTObject,
    seL4_X64_PML4Object,
    seL4_X86_4K,
    seL4_X86_4K,
    seL4_X86_PageTableObject,
    seL4_X86_PageDirectoryObject,
    seL4_X86_IOPageTableObject,
    seL4_X86_IOPageTableObject,
    seL4_X86_VCPUObject,
    seL4_X86_EPTPML4Object,
    seL4_X86_EPTPDPTObject,
    seL4_X86_EPTPDObject,
    seL4_X86_EPTPTObject,
};

static void send(seL4_CPtr cap, seL4_Word label, seL4_Word caps, seL4_Word length)
{
    seL4_NBSend(cap, seL4_MessageInfo_new(label, 0, caps, length));
}

static void retype(struct random *r)
{
    seL4_Word type = types[below(r, sizeof(types) / sizeof(types[0]))];
    seL4_Word count = 1 + below(r, 3), first = below(r, ARENA - 3);
    seL4_Word bits = type == seL4_UntypedObject        ? 8 + below(r, 9)
                     : type == seL4_SchedContextObject ? 7 + below(r, 3)
                                                       : 1 + below(r, 4);

    seL4_SetCap(0, ROOT);
    seL4_SetMR(0, type);
    seL4_SetMR(1, bits);
    seL4_SetMR(2, 0);
    seL4_SetMR(3, 0);
    seL4_SetMR(4, ARENA_START + first);
    seL4_SetMR(5, count);
    send(below(r, 8) == 0 ? POOL : slot(r), UntypedRetype, 1, 6);
}

static void cnode_call(struct random *r)
{
    seL4_CPtr a = slot(r), b = slot(r), c = slot(r);
    seL4_CapRights_t rights = {{next(r) & 15u}};
    seL4_Word badge = below(r, 4);

    switch (below(r, 10)) {
    case 0:
    case 1:
        seL4_CNode_Copy(ROOT, a, ROOT_DEPTH, ROOT, b, ROOT_DEPTH, rights);
        break;
    case 2:
    case 3:
        seL4_CNode_Mint(ROOT, a, ROOT_DEPTH, ROOT, b, ROOT_DEPTH, rights, badge);
        break;
    case 4:
        seL4_CNode_Move(ROOT, a, ROOT_DEPTH, ROOT, b, ROOT_DEPTH);
        break;
    case 5:
        seL4_CNode_Mutate(ROOT, a, ROOT_DEPTH, ROOT, b, ROOT_DEPTH, 0);
        break;
    case 6:
        seL4_CNode_Rotate(ROOT, a, ROOT_DEPTH, 0, ROOT, b, ROOT_DEPTH, 0, ROOT, c, ROOT_DEPTH);
        break;
    case 7:
        seL4_CNode_CancelBadgedSends(ROOT, a, ROOT_DEPTH);
        break;
    case 8:
        seL4_CNode_Delete(ROOT, a, ROOT_DEPTH);
        break;
    default:
        /* Into and out of CNodes made here. */
        seL4_SetCap(0, ROOT);
        seL4_SetMR(0, below(r, 4));
        seL4_SetMR(1, 1 + below(r, 4));
        seL4_SetMR(2, b);
        seL4_SetMR(3, ROOT_DEPTH);
        seL4_SetMR(4, 15);
        seL4_NBSend(a, seL4_MessageInfo_new(CNodeCopy, 0, 1, 5));
        break;
    }
}

static void thread_call(struct random *r)
{
    seL4_CPtr tcb = slot(r);
    seL4_UserContext regs = {.rip = (seL4_Word)(uintptr_t)stress_child};

    switch (below(r, 8)) {
    case 0:
        seL4_SetCap(0, ROOT);
        seL4_SetCap(1, VSPACE);
        seL4_SetCap(2, 0);
        seL4_SetMR(0, 0);
        seL4_SetMR(1, 0);
        seL4_SetMR(2, 0);
        send(tcb, TCBConfigure, 3, 3);
        break;
    case 1:
        seL4_SetMR(0, below(r, 2));
        seL4_SetMR(1, seL4_UserContextWords);
        for (seL4_Word i = 0; i < seL4_UserContextWords; i++) {
            seL4_SetMR(i + 2, (&regs.rip)[i]);
        }
        send(tcb, TCBWriteRegisters, 0, 2 + seL4_UserContextWords);
        break;
    case 2:
        send(tcb, below(r, 2) == 0 ? TCBSuspend : TCBResume, 0, 0);
        break;
    case 3:
        seL4_SetCap(0, seL4_CapInitThreadTCB);
        seL4_SetMR(0, below(r, 50));
        send(tcb, below(r, 2) == 0 ? TCBSetPriority : TCBSetMCPriority, 1, 1);
        break;
    case 4:
        seL4_SetCap(0, seL4_CapInitThreadTCB);
        seL4_SetCap(1, slot(r));
        seL4_SetCap(2, slot(r));
        seL4_SetMR(0, below(r, 50));
        seL4_SetMR(1, below(r, 50));
        send(tcb, TCBSetSchedParams, 3, 2);
        break;
    case 5:
        seL4_SetCap(0, slot(r));
        send(tcb, TCBBindNotification, 1, 0);
        break;
    case 6:
        send(tcb, TCBUnbindNotification, 0, 0);
        break;
    default:
        seL4_SetCap(0, slot(r));
        send(tcb, TCBSetTimeoutEndpoint, 1, 0);
        break;
    }
}

static void sched_call(struct random *r)
{
    seL4_CPtr sc = slot(r);
    seL4_CPtr control = boot_info->schedcontrol.start + below(r, boot_info->numNodes);

    switch (below(r, 4)) {
    case 0:
        seL4_SchedControl_Configure(control, sc, 20 + below(r, 200), 300 + below(r, 2000),
                                    below(r, 4), next(r));
        break;
    case 1:
        seL4_SetCap(0, slot(r));
        send(sc, SchedContextBind, 1, 0);
        break;
    case 2:
        seL4_SetCap(0, slot(r));
        send(sc, below(r, 2) == 0 ? SchedContextUnbind : SchedContextUnbindObject, 1, 0);
        break;
    default:
        send(sc, SchedContextConsumed, 0, 0);
        break;
    }
}

static void memory_call(struct random *r)
{
    static const uint16_t labels[] = {X86IOPageTableUnmap, X86PDPTUnmap, X86PageDirectoryUnmap,
                                      X86PageTableUnmap,   X86PageUnmap, X86EPTPDPTUnmap,
                                      X86EPTPDUnmap,       X86EPTPTUnmap};
    seL4_CPtr object = slot(r);
    seL4_Word address = WINDOW + 4096 * below(r, WINDOW_PAGES) + 0x200000 * below(r, 3);

    seL4_SetCap(0, below(r, 2) == 0 ? VSPACE : slot(r));
    seL4_SetMR(0, address);
    switch (below(r, 7)) {
    case 0:
        seL4_SetMR(1, below(r, 4));
        seL4_SetMR(2, below(r, 5));
        send(object, below(r, 3) == 0 ? X86PageMapEPT : X86PageMap, 1, 3);
        break;
    case 1:
        seL4_SetMR(1, 0);
        send(object, below(r, 2) == 0 ? X86PageTableMap : X86PageDirectoryMap, 1, 2);
        break;
    case 2:
        seL4_SetMR(1, 6);
        send(object, X86EPTPDPTMap + 2 * below(r, 3), 1, 2);
        break;
    case 3:
        seL4_SetCap(0, slot(r));
        send(seL4_CapInitThreadASIDPool, X86ASIDPoolAssign, 1, 0);
        break;
    case 4:
        seL4_SetCap(0, IO_SPACE);
        send(object, below(r, 3) == 0 ? X86IOPageTableUnmap : X86IOPageTableMap, 1, 1);
        break;
    case 5:
        seL4_SetCap(0, IO_SPACE);
        seL4_SetMR(0, below(r, 4));
        seL4_SetMR(1, address);
        send(object, X86PageMapIO, 1, 2);
        break;
    default:
        send(object, labels[below(r, sizeof(labels) / sizeof(labels[0]))], 0, 0);
        break;
    }
}

static void message_call(struct random *r)
{
    seL4_CPtr cap = slot(r);

    seL4_SetCap(0, slot(r));
    if (below(r, 2) == 0) {
        /* Any label with any words, on whatever is there. */
        for (seL4_Word i = 0; i < 8; i++) {
            seL4_SetMR(i, below(r, 3) == 0 ? next(r) : below(r, 64));
        }
        /* Threads must not be sent to code of their own choice. */
        send(cap, below(r, nInvocationLabels - TCBSetTLSBase) + TCBSetTLSBase, below(r, 3),
             below(r, 9));
    } else {
        send(cap, 0, below(r, 2), below(r, 30));
    }
}

static void one_call(struct random *r)
{
    switch (below(r, 16)) {
    case 0:
    case 1:
    case 2:
        retype(r);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        cnode_call(r);
        break;
    case 7:
    case 8:
    case 9:
        thread_call(r);
        break;
    case 10:
    case 11:
        sched_call(r);
        break;
    case 12:
    case 13:
        memory_call(r);
        break;
    case 14:
        message_call(r);
        break;
    default:
        if (below(r, 400) == 0) {
            seL4_CNode_Revoke(ROOT, POOL, ROOT_DEPTH);
        } else {
            seL4_CNode_Revoke(ROOT, slot(r), ROOT_DEPTH);
        }
        break;
    }
}

static void work(struct thread *self)
{
    struct random r = {(stress_seed + self->arg[0]) * 0x9e3779b97f4a7c15ull | 1u};

    if (self->arg[0] == 0 && has_debug_calls) {
        seL4_x64_syscall_word((seL4_Word)seL4_SysDebugSnapshot, 1, 0);
    }
    for (uint64_t n; (n = __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED)) < stress_calls;) {
        if (n % 10000 == 0) {
            console_string(".");
        }
        one_call(&r);
        self->step++;
    }
    self->done = true;
    for (;;) {
        seL4_Signal(DONE);
        seL4_Yield();
    }
}

/* The workers' CSpace. */
static seL4_CPtr cspace_new(seL4_CPtr done)
{
    static const seL4_CPtr same[] = {seL4_CapInitThreadTCB, seL4_CapInitThreadVSpace,
                                     seL4_CapInitThreadASIDPool};
    seL4_CPtr cnode = cnode_new(CSPACE_BITS);

    for (unsigned i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        CHECK_OK(seL4_CNode_Copy(cnode, same[i], CSPACE_BITS, ROOT, same[i], ROOT_DEPTH,
                                 seL4_AllRights));
    }
    for (seL4_CPtr i = boot_info->schedcontrol.start; i < boot_info->schedcontrol.end; i++) {
        CHECK(i < POOL);
        CHECK_OK(seL4_CNode_Copy(cnode, i, CSPACE_BITS, ROOT, i, ROOT_DEPTH, seL4_AllRights));
    }
    CHECK_OK(seL4_CNode_Mint(cnode, seL4_CapInitThreadCNode, CSPACE_BITS, ROOT, cnode, ROOT_DEPTH,
                             seL4_AllRights, seL4_CNode_CapData_new(0, 64 - CSPACE_BITS).words[0]));
    CHECK_OK(seL4_CNode_Mint(cnode, IO_SPACE, CSPACE_BITS, ROOT, seL4_CapIOSpace, ROOT_DEPTH,
                             seL4_AllRights, 0xf0216));
    CHECK_OK(seL4_CNode_Copy(cnode, DONE, CSPACE_BITS, ROOT, done, ROOT_DEPTH, seL4_AllRights));
    return cnode;
}

void component_main(const seL4_BootInfo *info)
{
    seL4_Word workers = 0;
    struct thread *threads[17];
    seL4_CPtr cspace, done;

    boot_info = info;
    object_init();
    console_init();
    done = notification_new();
    cspace = cspace_new(done);
    console_string("stress: seed ");
    console_number(stress_seed);
    console_string("\n");
    for (seL4_Word i = 0; i <= info->numNodes; i++) {
        threads[workers++] = thread_new_with(&(struct thread_options){
            .priority = TEST_PRIORITY,
            .mcp = TEST_PRIORITY,
            .core = i % info->numNodes,
            .cspace = cspace,
            .cspace_data = seL4_CNode_CapData_new(0, 64 - CSPACE_BITS).words[0]});
    }
    CHECK_OK(seL4_CNode_Move(cspace, POOL, CSPACE_BITS, ROOT, untyped_new(22), ROOT_DEPTH));
    for (seL4_Word i = 0; i < workers; i++) {
        thread_start(threads[i], work, i, 0, 0);
    }
    for (seL4_Word i = 0; i < workers; i++) {
        while (!threads[i]->done) {
            seL4_Wait(done, NULL);
        }
        CHECK_OK(seL4_TCB_Suspend(threads[i]->tcb));
    }
    CHECK_OK(seL4_CNode_Revoke(cspace, POOL, CSPACE_BITS));
    console_string("\nstress: ");
    for (seL4_Word i = 0; i < workers; i++) {
        console_number(threads[i]->step);
        console_string(i + 1 < workers ? " + " : " calls\n");
    }
    console_string("test stress ... ok\nkernel tests: 1 passed, 0 failed\n");
    for (;;) {
        seL4_TCB_Suspend(seL4_CapInitThreadTCB);
    }
}
