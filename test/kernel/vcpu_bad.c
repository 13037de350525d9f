/* SPDX-License-Identifier: BSD-2-Clause
 *
 * VM entries that must fail, and requests that must be refused. Whatever a VMM asks for, the host
 * goes on as before, and so does the same VCPU once its state is good again.
 */
#include "guest.h"

#include <sel4/quoin.h>

GUEST_CODE_BLOCK(code_stop, 64, "hlt");
GUEST_CODE_BLOCK(code_count, 64, "inc %rax\n hlt\n inc %rax\n hlt");
GUEST_CODE_BLOCK(code_write_through, 64,
                 "mov $0x77, %rbx\n mov %cr0, %rax\n or $0x20000000, %eax\n mov %rax, %cr0\n"
                 "hlt\n inc %rbx\n hlt");

struct bad_state {
    seL4_Word field, value;
    enum {
        REFUSED,   /* the entry fails on every processor */
        UNDEFINED, /* some processors let the guest run into its own ruin */
    } expected;
};

/* In long mode. Numbers: SDM vol. 3, 27.3.1; AMD APM vol. 2, 15.5.1. */
static const struct bad_state bad_states[] = {
    {F_CR4, 0x40600, REFUSED},              /* long mode without PAE */
    {F_CS_RIGHTS, 0xe09b, REFUSED},         /* both L and D */
    {F_CR3, 0x000f000000000000, UNDEFINED}, /* address wider than any processor's */
    {F_CS_RIGHTS, 0xa093, UNDEFINED},       /* code segment that is data */
    {F_CS_RIGHTS, 0x1a09b, UNDEFINED},      /* unusable */
    {F_SS_RIGHTS, 0xc09b, UNDEFINED},       /* stack segment that is code */
    {F_SS_RIGHTS, 0xc0f3, UNDEFINED},       /* CPL 3 with a CS of DPL 0 */
    {0x4822, 0x10000, UNDEFINED},           /* TR unusable */
    {F_RIP, 0x0000900000000000, UNDEFINED}, /* not canonical */
    {F_GDTR_BASE, 0x0000900000000000, UNDEFINED},
    {F_IDTR_BASE, 0x0000900000000000, UNDEFINED},
    {F_IDTR_LIMIT, 0xffffffff, UNDEFINED},
    {F_CS_LIMIT, 0x12345678, UNDEFINED}, /* granularity contradicts the limit */
    {F_RFLAGS, 0x23002, UNDEFINED},      /* virtual 8086 mode in long mode */
    {F_INTERRUPTIBILITY, 3, UNDEFINED},  /* both kinds of shadow */
    {F_RSP, 0x0000900000000000, UNDEFINED},
};

/* The host's own state that a failed entry could have changed: thread-local storage shows FS. */
static __thread uint64_t local_word;

static void check_good(struct guest *g)
{
    guest_set(g, F_INTERRUPTIBILITY, 0);
    guest_long_mode(g);
    guest_set(g, F_IDTR_BASE, 0);
    guest_set(g, F_IDTR_LIMIT, 0x3ff);
    guest_set(g, F_GDTR_BASE, 0);
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);
}

TEST(vcpu_bad_states)
{
    struct guest *g = guest_mine();

    GUEST_LOAD(g, code_stop);
    for (unsigned i = 0; i < sizeof(bad_states) / sizeof(bad_states[0]); i++) {
        const struct bad_state *b = &bad_states[i];
        local_word = 0x1234567800000000 + i;
        check_good(g);
        seL4_Error error = seL4_X86_VCPU_WriteVMCS(g->vcpu, b->field, b->value).error;
        if (error != seL4_NoError) {
            CHECK_EQ(error, seL4_InvalidArgument);
            continue;
        }
        enum guest_exit e = guest_run_at(b->field == F_RIP ? b->value : GUEST_CODE);
        if (b->expected == REFUSED) {
            CHECK_EQ(e, EXIT_REFUSED);
        }
        CHECK_EQ(local_word, 0x1234567800000000 + i);
    }
    check_good(g);
}

TEST(vcpu_refused_again_and_again)
{
    struct guest *g = guest_mine();

    GUEST_LOAD(g, code_stop);
    guest_long_mode(g);
    guest_set(g, F_CR4, 0x40600);
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_REFUSED);
    }
    check_good(g);
}

/* State that an exit brings back from the processor: encodings first, first + step, ... last. */
static const struct {
    seL4_Word first, last, step;
} kept[] = {
    {F_ES_SELECTOR, F_TR_SELECTOR, 2},
    {F_PAT, F_EFER, 2},
    {F_ES_LIMIT, F_TR_RIGHTS, 2},
    {F_CR0, F_RFLAGS, 2},
    {F_SYSENTER_ESP, F_SYSENTER_EIP, 2},
    {QUOIN_FIELD_CR2, QUOIN_FIELD_CR2, 1},
    {QUOIN_FIELD_DR6, QUOIN_FIELD_KERNEL_GS_BASE, 1},
};
enum { KEPT_MOST = 64 };

/* Reads them all; or compares, where before is given. */
static void read_kept(struct guest *g, seL4_Word now[KEPT_MOST], const seL4_Word *before)
{
    unsigned n = 0;
    for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        for (seL4_Word field = kept[i].first; field <= kept[i].last; field += kept[i].step) {
            now[n] = guest_get(g, field);
            if (before != NULL) {
                CHECK_EQ(now[n], before[n]);
            }
            n++;
        }
    }
    CHECK(n <= KEPT_MOST);
}

/* The message of an exit that is guest state: RIP, RFLAGS to R15, RSP to CS's rights. */
static void check_message(const seL4_Word before[QUOIN_VM_MR_COUNT])
{
    CHECK_EQ(guest_mr(QUOIN_VM_RIP), before[QUOIN_VM_RIP]);
    for (unsigned i = QUOIN_VM_RFLAGS; i <= QUOIN_VM_CS_RIGHTS; i++) {
        CHECK_EQ(guest_mr(i), before[i]);
    }
}

/* One field, CR3 or CR4, is bad, and an interrupt is to be injected: nothing but the result may
 * tell. message: of the exit before. */
static void check_nothing_changes(struct guest *g, seL4_Word field, seL4_Word bad,
                                  seL4_Word message[QUOIN_VM_MR_COUNT])
{
    const seL4_Word interrupt = EVENT_VALID | 0x41;
    seL4_Word before[KEPT_MOST], now[KEPT_MOST];

    if (seL4_X86_VCPU_WriteVMCS(g->vcpu, field, bad).error != seL4_NoError) {
        return;
    }
    read_kept(g, before, NULL);
    seL4_Word *in_message = &message[field == F_CR3 ? QUOIN_VM_CR3 : QUOIN_VM_CR4],
              good = *in_message;
    *in_message = bad;
    for (unsigned again = 0; again < 3; again++) {
        guest_set_mr(QUOIN_VM_RIP, message[QUOIN_VM_RIP]);
        guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
        guest_set_mr(QUOIN_VM_ENTRY_INFO, interrupt);
        CHECK_EQ(guest_enter(0, NULL), EXIT_REFUSED);
        check_message(message);
        CHECK_EQ(guest_mr(QUOIN_VM_VECTORING_INFO), interrupt);
        read_kept(g, now, before);
    }
    *in_message = good;
    guest_set(g, field, good);
}

TEST(vcpu_refused_entry_changes_nothing)
{
    struct guest *g = guest_mine();
    seL4_Word message[QUOIN_VM_MR_COUNT];

    GUEST_LOAD(g, code_count);
    guest_long_mode(g);
    guest_set(g, F_FS_BASE, 0x1234000);
    guest_set(g, F_RFLAGS, 0x203);
    guest_set(g, QUOIN_FIELD_CR2, 0x5678);
    guest_set(g, QUOIN_FIELD_LSTAR, 0x9abc);
    for (unsigned i = 0; i < 15; i++) {
        guest_set_mr(QUOIN_VM_RAX + i, 0x0101010101010101ull * (i + 1));
    }
    guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    CHECK_EQ(guest_enter(QUOIN_VMENTER_GPRS, NULL), EXIT_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_RAX), 0x0101010101010102ull);

    for (unsigned i = 0; i < QUOIN_VM_MR_COUNT; i++) {
        message[i] = guest_mr(i);
    }
    check_nothing_changes(g, F_CR4, 0x40600, message);            /* long mode without PAE */
    check_nothing_changes(g, F_CR3, 0x000f000000000000, message); /* wider than any processor's */

    CHECK_EQ(guest_run_at(message[QUOIN_VM_RIP] + 1), EXIT_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_RAX), 0x0101010101010103ull);
    CHECK_EQ(guest_mr(QUOIN_VM_RBX), 0x0202020202020202ull);
}

/* A guest that sets CR0.NW alone gets #GP (APM vol. 2, 3.1.1; SDM vol. 3, table 2-1); QEMU's TCG
 * lets it, and refuses the next entry. Then too the state is the guest's. */
TEST(vcpu_refused_after_a_change_by_the_guest)
{
    struct guest *g = guest_mine();

    GUEST_LOAD(g, code_write_through);
    guest_long_mode(g);
    guest_set(g, F_IDTR_LIMIT, 0);
    enum guest_exit e = guest_run_at(GUEST_CODE);
    if (e == EXIT_SHUTDOWN) {
        return; /* #GP */
    }
    CHECK_EQ(e, EXIT_HLT);
    seL4_Word rip = guest_mr(QUOIN_VM_RIP), cr0 = guest_mr(QUOIN_VM_CR0);
    CHECK_EQ(guest_run_on(1), EXIT_REFUSED);
    CHECK_EQ(guest_mr(QUOIN_VM_RIP), rip + 1);
    CHECK_EQ(guest_mr(QUOIN_VM_CR0), cr0);
    CHECK_EQ(guest_mr(QUOIN_VM_CR3), GUEST_TABLES);
    CHECK_EQ(guest_mr(QUOIN_VM_RBX), 0x77);
    guest_set_mr(QUOIN_VM_CR0, cr0 & ~(1ull << 29));
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    CHECK_EQ(guest_enter(QUOIN_VMENTER_CR0, NULL), EXIT_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_RBX), 0x78);
}

TEST(vcpu_bad_values_are_refused)
{
    struct guest *g = guest_mine();
    static const struct {
        seL4_Word field, value;
    } bad[] = {
        {F_DR7, 1ull << 32},
        {F_PAT, 0x0207040600070406},
        {F_ACTIVITY, 2},
        {F_ACTIVITY, 3},
        {F_INTERRUPTIBILITY, 1u << 5},
        {QUOIN_FIELD_XCR0, 1ull << 62},
        {QUOIN_FIELD_XSS, 1},
        {QUOIN_FIELD_DR6, 1ull << 40},
        {QUOIN_FIELD_FMASK, 1ull << 32},
        {QUOIN_FIELD_LSTAR, 0x0000900000000000},
        {F_FS_BASE, 0x0000900000000000},
        {QUOIN_FIELD_KERNEL_GS_BASE, 1ull << 63},
    };

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (bad[i].field == F_PAT && !guest_is_svm()) {
            continue; /* checked by the entry */
        }
        CHECK_EQ(seL4_X86_VCPU_WriteVMCS(g->vcpu, bad[i].field, bad[i].value).error,
                 seL4_InvalidArgument);
    }
}

TEST(vcpu_fields_of_the_kernel)
{
    struct guest *g = guest_mine();
    /* VPID, I/O and MSR bitmaps, TSC offset, APIC pages, EPTP, link pointer, host state. */
    static const seL4_Word own[] = {
        0x0000, 0x0c00, 0x0c02, 0x2000, 0x2004, 0x2006, 0x2008, 0x200a,  0x2010,  0x2012, 0x2014,
        0x201a, 0x2800, 0x2c00, 0x2c02, 0x400e, 0x4010, 0x4014, 0x4c00,  0x6c00,  0x6c02, 0x6c04,
        0x6c06, 0x6c08, 0x6c0a, 0x6c14, 0x6c16, 0x7fff, 0xffff, 0x1ffff, 0x20000, ~0ull};

    for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        CHECK_EQ(seL4_X86_VCPU_WriteVMCS(g->vcpu, own[i], 0).error, seL4_IllegalOperation);
        CHECK_EQ(seL4_X86_VCPU_ReadVMCS(g->vcpu, own[i]).error, seL4_IllegalOperation);
    }
}

TEST(vcpu_bad_events)
{
    struct guest *g = guest_mine();
    static const uint32_t bad[] = {
        EVENT_VALID | 1u << 8 | 3,          /* reserved type */
        EVENT_VALID | 7u << 8 | 3,          /* reserved type */
        EVENT_VALID | EVENT_EXCEPTION | 2,  /* NMI as exception */
        EVENT_VALID | EVENT_EXCEPTION | 32, /* no such exception */
        EVENT_VALID | 2u << 8 | 3,          /* NMI with another vector */
        EVENT_VALID | 1u << 12 | 0x20,      /* reserved bits */
        EVENT_VALID | 1u << 30 | 0x20,
        EVENT_VALID | EVENT_ERROR_CODE | 0x20, /* interrupt with error code */
        EVENT_VALID | EVENT_SOFTWARE | 0x20,   /* INT n without a length */
    };

    GUEST_LOAD(g, code_stop);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
        guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
        guest_set_mr(QUOIN_VM_ENTRY_INFO, bad[i]);
        guest_set_mr(QUOIN_VM_INSTRUCTION_LEN, 0);
        CHECK_EQ(guest_enter(QUOIN_VMENTER_INSTRUCTION_LEN, NULL), EXIT_REFUSED);
        CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE);
        CHECK_EQ(guest_mr(QUOIN_VM_ENTRY_INFO), bad[i]);
    }
    check_good(g);
}

TEST(vcpu_wrong_capabilities)
{
    struct guest *g = guest_mine();
    seL4_CPtr frame = frame_new(), pml4 = object_new(seL4_X86_EPTPML4Object, 0);

    CHECK_EQ(seL4_X86_VCPU_SetTCB(g->vcpu, frame), seL4_InvalidCapability);
    CHECK_EQ(seL4_TCB_SetEPTRoot(test_tcb, frame), seL4_InvalidCapability);
    CHECK_EQ(seL4_TCB_SetEPTRoot(test_tcb, pml4), seL4_InvalidCapability); /* no ASID */
    CHECK_EQ(seL4_X86_VCPU_EnableIOPort(g->vcpu, frame, 0, 1), seL4_InvalidCapability);
    CHECK_EQ(seL4_QuoinVCPU_SetTimer(g->vcpu, frame), seL4_InvalidCapability);
    CHECK_EQ(seL4_X86_Page_MapEPT(frame, pml4, 0, seL4_AllRights, seL4_X86_EPT_WriteBack),
             seL4_InvalidCapability);
    CHECK_EQ(seL4_X86_Page_MapEPT(frame, VSPACE, 0, seL4_AllRights, seL4_X86_EPT_WriteBack),
             seL4_InvalidCapability);
}

TEST(ept_map_errors)
{
    struct guest *g = guest_mine();
    seL4_CPtr frame = frame_new();
    const seL4_Word free_page = GUEST_SIZE;

    CHECK_EQ(seL4_X86_Page_MapEPT(frame, g->ept, free_page + 8, seL4_AllRights, 6),
             seL4_AlignmentError);
    CHECK_EQ(seL4_X86_Page_MapEPT(frame, g->ept, 1ull << 48, seL4_AllRights, 6),
             seL4_InvalidArgument);
    CHECK_EQ(seL4_X86_Page_MapEPT(frame, g->ept, free_page, seL4_AllRights, 2),
             seL4_InvalidArgument);
    CHECK_EQ(seL4_X86_Page_MapEPT(frame, g->ept, 0, seL4_AllRights, 6), seL4_DeleteFirst);
    CHECK_LOOKUP(seL4_X86_Page_MapEPT(frame, g->ept, 0x200000, seL4_AllRights, 6), 0,
                 seL4_MissingCapability);
    CHECK_EQ(seL4_GetMR(2), 21);
    CHECK_LOOKUP(seL4_X86_Page_MapEPT(frame, g->ept, 1ull << 39, seL4_AllRights, 6), 0,
                 seL4_MissingCapability);
    CHECK_EQ(seL4_GetMR(2), 39);
    CHECK_OK(seL4_X86_Page_MapEPT(frame, g->ept, free_page, seL4_AllRights, 6));
    CHECK_EQ(seL4_X86_Page_MapEPT(frame, g->ept, free_page + 4096, seL4_AllRights, 6),
             seL4_InvalidArgument);
    CHECK_EQ(seL4_X86_EPTPT_Map(object_new(seL4_X86_EPTPTObject, 0), g->ept, 0, 6),
             seL4_DeleteFirst);
    CHECK_EQ(seL4_X86_EPTPT_Map(g->pt, g->ept, 0x200000, 6), seL4_InvalidCapability);
}

TEST(ept_map_read_only_capability)
{
    struct guest *g = guest_mine();
    seL4_CPtr write_only = cap_copy(frame_new(), seL4_CapRights_new(0, 0, 0, 1));

    /* Everything in a guest's space can be read. */
    CHECK_EQ(seL4_X86_Page_MapEPT(write_only, g->ept, GUEST_SIZE, seL4_AllRights, 6),
             seL4_InvalidCapability);
}
