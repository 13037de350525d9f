/* SPDX-License-Identifier: BSD-2-Clause
 *
 * User address spaces: paging objects, ASIDs, TLBs.
 */
#ifndef KERNEL_X86_VSPACE_H
#define KERNEL_X86_VSPACE_H

#include "api/call.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/kspace.h"
#include "x86/percpu.h"

/* --- ASIDs (asid.c): 8 pools of 512; 0 is the kernel's. PCID = ASID where there are PCIDs. ------
 */

enum { ASID_POOLS = 8, ASID_POOL_BITS = 9, ASID_COUNT = ASID_POOLS << ASID_POOL_BITS };

/* The root registered for an ASID, or null if there is none or it is of the other kind. */
void *asid_lookup(unsigned asid, bool ept);
/* The PML4 at this address has this ASID. False for everything else, null included. */
bool asid_names(unsigned asid, const void *pml4);
/* A root loses its ASID: no core uses it or holds translations of it afterwards. */
void asid_remove(unsigned asid, const void *root);
/* Booting: pool 0, and the root task's ASID in it. */
struct cap asid_init_pool(void *pool);
unsigned asid_assign_initial(void *pml4);

enum result asid_control_decode(struct call *c);
enum result asid_pool_decode(struct call *c);
void asid_pool_finalise(struct cap pool);

/* --- TLBs (tlb.c) --------------------------------------------------------------------------------
 */

/* No core uses a translation of address (of the page around it, whatever its size), or any
 * translation of the address space, afterwards. */
void tlb_flush_page(unsigned asid, uint64_t address);
void tlb_flush_asid(unsigned asid);
/* Cores that run in the address space leave it for the kernel's; then as tlb_flush_asid. */
void tlb_forget_asid(unsigned asid);
/* What threads keep of their address spaces (tcb.h) is looked up again before it is used: a PML4
 * capability is gone, or an ASID has become another's. */
void vspace_forget_loadable(void);
/* Fills t->space for this core: its own address space, or the kernel's if it has no valid one. */
void vspace_look_up(struct core *core, struct tcb *t);
/* Loads t->space if it is not loaded. */
static inline void vspace_load(struct core *core, struct percpu *p, const struct tcb *t)
{
    if (t->space.cr3 != core->user_cr3) {
        core->user_cr3 = t->space.cr3;
        p->loaded_asid = t->space.asid;
        if (!cpu.meltdown) {
            asm_write_cr3(t->space.cr3);
        }
    }
}
/* t runs next on core: CR3. */
static inline void vspace_switch_to(struct core *core, struct percpu *p, struct tcb *t)
{
    if (unlikely(t->space.key != core->space_key)) {
        vspace_look_up(core, t);
    }
    vspace_load(core, p, t);
}

/* --- Paging structures (vspace.c) and frames (frame.c)
 * --------------------------------------------- */

/* Depth in the tree: what an entry of each kind of table maps. */
enum level { LEVEL_PT = 0, LEVEL_PD = 1, LEVEL_PDPT = 2, LEVEL_PML4 = 3 };

static inline unsigned level_bits(enum level level)
{
    return 12 + 9 * (unsigned)level;
}

/* The entry for address in the table of the given level. OK, or the level whose table is missing in
 * *missing and ERR_SYSCALL. */
enum result vspace_walk(uint64_t *pml4, uint64_t address, enum level level, uint64_t **entry,
                        enum level *missing);
/* Checks that cap is a PML4 with a valid ASID: its root, or the error is set in c and null
 * returned. cap number as in call_invalid_capability. */
uint64_t *vspace_of_cap(struct call *c, struct cap cap, unsigned number, unsigned *asid);

void vspace_init_pml4(uint64_t *pml4);
uint64_t pte_for_table(const void *table);
/* Leaf entry of a frame, from the ABI's rights and attributes. */
uint64_t pte_for_frame(struct paddr base, enum frame_size size, unsigned rights,
                       uint64_t attributes);

enum result paging_decode(struct call *c); /* PDPT, PD, PT */
void paging_finalise(struct cap cap);
enum result frame_decode(struct call *c);
/* Takes away the mapping that a frame capability stands for. */
void frame_unmap(struct cap frame);

#endif
