/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest.h"

#include <string.h>

#include <sel4/quoin.h>

enum { GUESTS = 2 };

static _Alignas(4096) uint8_t memories[GUESTS][GUEST_SIZE];
static struct guest guests[GUESTS];

#define ASID_POOL seL4_CapInitThreadASIDPool

bool guest_is_svm(void)
{
    const struct quoin_extensions *e = extensions();
    return e != NULL && (e->features & QUOIN_FEATURE_SVM) != 0;
}

void need_guests(void)
{
    const struct quoin_extensions *e = extensions();
    const seL4_Word all = QUOIN_FEATURE_VMENTER_EXT | QUOIN_FEATURE_UNRESTRICTED;

    if (e == NULL || (e->features & all) != all) {
        test_skip("no virtualization");
    }
}

static void map_page(struct guest *g, unsigned page)
{
    g->frames[page] = cap_copy(image_frame(g->memory + page * 4096u), seL4_AllRights);
    CHECK_OK(seL4_X86_Page_MapEPT(g->frames[page], g->ept, page * 4096u, seL4_AllRights,
                                  seL4_X86_EPT_WriteBack));
}

struct guest *guest_new(unsigned index)
{
    struct guest *g = &guests[index];
    seL4_CPtr pdpt, pd;

    need_guests();
    memset(g, 0, sizeof(*g));
    g->memory = memories[index];
    memset(g->memory, 0, GUEST_SIZE);
    g->vcpu = object_new(seL4_X86_VCPUObject, 0);
    g->ept = object_new(seL4_X86_EPTPML4Object, 0);
    pdpt = object_new(seL4_X86_EPTPDPTObject, 0);
    pd = object_new(seL4_X86_EPTPDObject, 0);
    g->pt = object_new(seL4_X86_EPTPTObject, 0);
    CHECK_OK(seL4_X86_ASIDPool_Assign(ASID_POOL, g->ept));
    CHECK_OK(seL4_X86_EPTPDPT_Map(pdpt, g->ept, 0, seL4_X86_EPT_WriteBack));
    CHECK_OK(seL4_X86_EPTPD_Map(pd, g->ept, 0, seL4_X86_EPT_WriteBack));
    CHECK_OK(seL4_X86_EPTPT_Map(g->pt, g->ept, 0, seL4_X86_EPT_WriteBack));
    for (unsigned i = 0; i < GUEST_PAGES; i++) {
        map_page(g, i);
    }
    return g;
}

void guest_bind(struct guest *g, seL4_CPtr tcb)
{
    CHECK_OK(seL4_X86_VCPU_SetTCB(g->vcpu, tcb));
    CHECK_OK(seL4_TCB_SetEPTRoot(tcb, g->ept));
}

struct guest *guest_mine(void)
{
    struct guest *g = guest_new(0);

    guest_bind(g, test_tcb);
    guest_real_mode(g);
    return g;
}

void guest_load(struct guest *g, const uint8_t *start, const uint8_t *end)
{
    CHECK((size_t)(end - start) <= GUEST_STACK - GUEST_CODE);
    memcpy(g->memory + GUEST_CODE, start, (size_t)(end - start));
}

void guest_set(struct guest *g, seL4_Word field, seL4_Word value)
{
    CHECK_OK(seL4_X86_VCPU_WriteVMCS(g->vcpu, field, value).error);
}

seL4_Word guest_get(struct guest *g, seL4_Word field)
{
    seL4_X86_VCPU_ReadVMCS_t r = seL4_X86_VCPU_ReadVMCS(g->vcpu, field);

    CHECK_OK(r.error);
    return r.value;
}

/* Segment i in the order of the encodings: ES CS SS DS FS GS LDTR TR. */
static void set_segment(struct guest *g, unsigned i, seL4_Word selector, seL4_Word limit,
                        seL4_Word rights)
{
    guest_set(g, F_ES_SELECTOR + 2 * i, selector);
    guest_set(g, 0x4800 + 2 * i, limit);
    guest_set(g, F_ES_RIGHTS + 2 * i, rights);
    guest_set(g, F_ES_BASE + 2 * i, 0);
}

static void set_segments(struct guest *g, seL4_Word limit, seL4_Word code, seL4_Word data)
{
    for (unsigned i = 0; i < 6; i++) {
        set_segment(g, i, 0, limit, i == 1 ? code : data);
    }
    set_segment(g, 6, 0, 0xffff, 0x82);
    set_segment(g, 7, 0, 0xffff, 0x8b);
    guest_set(g, F_RFLAGS, 2);
    guest_set(g, F_RSP, GUEST_STACK);
    guest_set(g, F_RIP, GUEST_CODE);
}

#define CR0_REAL  0x30u       /* ET, NE */
#define CR0_LONG  0x80000033u /* PG, PE, MP */
#define CR4_LONG  0x40620u    /* PAE, OSFXSR, OSXMMEXCPT, OSXSAVE */
#define EFER_LONG 0xd01u      /* SCE, LME, LMA, NXE */

void guest_real_mode(struct guest *g)
{
    set_segments(g, 0xffff, 0x9b, 0x93);
    guest_set(g, F_EFER, 0);
    guest_set(g, F_CR0, CR0_REAL);
    guest_set(g, F_CR4, 0);
    guest_set(g, F_IDTR_LIMIT, 0x3ff);
    guest_set(g, F_IDTR_BASE, 0);
}

void guest_long_mode(struct guest *g)
{
    uint64_t *tables = (uint64_t *)(void *)(g->memory + GUEST_TABLES);

    tables[0] = (GUEST_TABLES + 0x1000) | 7;
    tables[512] = (GUEST_TABLES + 0x2000) | 7;
    tables[1024] = 0x87; /* 2 MiB page */
    set_segments(g, 0xffffffff, 0xa09b, 0xc093);
    guest_set(g, F_CR3, GUEST_TABLES);
    guest_set(g, F_CR4, CR4_LONG & ~((extensions()->xcr0 == 0) ? 0x40000u : 0u));
    guest_set(g, F_EFER, EFER_LONG);
    guest_set(g, F_CR0, CR0_LONG);
}

/* --- Running --- */

seL4_Word guest_mr(unsigned i)
{
    return seL4_GetIPCBuffer()->msg[i];
}

void guest_set_mr(unsigned i, seL4_Word value)
{
    seL4_GetIPCBuffer()->msg[i] = value;
}

static enum guest_exit exit_of_svm(seL4_Word code)
{
    switch (code) {
    case 0x64:
        return EXIT_INTERRUPT_WINDOW;
    case 0x72:
        return EXIT_CPUID;
    case 0x78:
        return EXIT_HLT;
    case 0x7b:
        return EXIT_PORT;
    case 0x7c:
        return EXIT_MSR;
    case 0x7f:
        return EXIT_SHUTDOWN;
    case 0x81:
        return EXIT_HYPERCALL;
    case 0x8d:
        return EXIT_XSETBV;
    case 0x400:
        return EXIT_MEMORY;
    default:
        return code >= 0x40 && code < 0x60 ? EXIT_EXCEPTION : EXIT_OTHER;
    }
}

static enum guest_exit exit_of_vmx(seL4_Word reason)
{
    switch (reason) {
    case 0:
        return EXIT_EXCEPTION;
    case 2:
        return EXIT_SHUTDOWN;
    case 7:
        return EXIT_INTERRUPT_WINDOW;
    case 10:
        return EXIT_CPUID;
    case 12:
        return EXIT_HLT;
    case 18:
        return EXIT_HYPERCALL;
    case 30:
        return EXIT_PORT;
    case 31:
    case 32:
        return EXIT_MSR;
    case 48:
        return EXIT_MEMORY;
    case 55:
        return EXIT_XSETBV;
    default:
        return EXIT_OTHER;
    }
}

enum guest_exit guest_enter(seL4_Word changed, seL4_Word *badge)
{
    if (seL4_QuoinVMEnter(changed, badge) == SEL4_VMENTER_RESULT_NOTIF) {
        return EXIT_NOTIFICATION;
    }
    seL4_Word reason = guest_mr(QUOIN_VM_EXIT_REASON);
    if (reason == QUOIN_VM_ENTRY_FAILED) {
        return EXIT_REFUSED;
    }
    return guest_is_svm() ? exit_of_svm(reason) : exit_of_vmx(reason);
}

enum guest_exit guest_run_at(seL4_Word rip)
{
    guest_set_mr(QUOIN_VM_RIP, rip);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    return guest_enter(0, NULL);
}

enum guest_exit guest_run_on(seL4_Word length)
{
    return guest_run_at(guest_mr(QUOIN_VM_RIP) + length);
}
